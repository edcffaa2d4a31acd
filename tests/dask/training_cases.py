"""Tables in partitions, and what a fit of them on a cluster must come to: the same fit in this one process."""

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
from encoded_parts import joined

from skmulti.estimators import PartedFit, merged
from skmulti.training import shares

# Partitions of the table: most rows in one, none in the last.
SIZES = (7, 1, 300, 0)
PARAMS = {"epochs": 3, "shuffle": False, "early_stopping": False, "random_state": 0}
WORDS = np.array(["warm", "cold", "wet", "dry", "old", "new", "big", "low"])


def make_rows(n, folder=None, seed=0):
    """Return rows with numbers, a category and a text, photos if there is a folder for them, weights and targets."""
    from lazy_cases import png

    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "area": np.where(rng.random(n) < 0.1, np.nan, rng.normal(50, 20, n)),
            "age": rng.integers(0, 90, n),
            "city": rng.choice(["Rome", "Oslo", "Bern", "Nice"], n, p=[0.5, 0.3, 0.15, 0.05]),
            "note": [" ".join(rng.choice(WORDS, rng.integers(1, 7))) for _ in range(n)],
        },
        index=pd.RangeIndex(1000, 1000 + n),
    )
    if folder is not None:
        values = rng.integers(0, 200, 20)
        for value in values:
            (folder / f"{value}.png").write_bytes(png(value, side=8))
        frame["photo"] = [str(folder / f"{value}.png") for value in rng.choice(values, n)]
    warm = frame["note"].str.contains("warm").to_numpy()
    return frame.assign(
        weight=np.where(rng.random(n) < 0.05, 0, rng.uniform(0.5, 2, n)),
        label=np.where(warm ^ (frame["age"] > 60), "yes", np.where(frame["city"] == "Rome", "no", "maybe")),
        price=frame["area"].fillna(50) + 30 * warm + rng.normal(size=n),
        rent=rng.normal(size=n) - frame["age"] / 10,
    )


def pieces(frame, sizes):
    """Cut rows into parts."""
    ends = np.cumsum(sizes)
    return [frame.iloc[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def table_of(frame, sizes):
    """Return a table of Dask with partitions of these sizes."""
    return dd.from_delayed([dask.delayed(part) for part in pieces(frame, sizes)], meta=frame.iloc[:0])


def fit_here(est, frames, ys, owners, weights=None):
    """Fit on the rows of several places in this process, in the batches that the places would take together.

    `owners` has the rank of each part. Return (the fitted estimator, the rows that were held out).
    """
    fit = PartedFit(est)
    weights = weights or [None] * len(ys)
    parts = [(i, own) for i, own in enumerate(zip(frames, ys, weights, strict=True)) if len(own[0])]
    fit.learn_target([fit.summarize(fit.read(*own)) for _, own in parts])
    split = {i: fit.split(fit.read(*own), i) for i, own in parts}
    trained = [training for training, _ in split.values()]
    sample = merged([fit.draw(training, i) for i, (training, _) in split.items()])
    learner = fit.router_parts(sample.frame)
    learned = merged([learner.learn(own.table, own.y, own.weight) for own in trained])
    reader = learner.reader(learned)
    read = reader and merged([reader.read(own.table) for own in trained])
    held = [own for _, own in split.values() if len(own)]
    summary = merged([fit.summarize(own)[0] for own in trained])
    fit.build(learner.finish(learned, sample.frame, read), summary, sample, sum(map(len, held)))
    by_rank = [
        [fit.encode(split[i][0]) for i in split if owners[i] == rank] for rank in range(len(set(owners.values())))
    ]
    encoded = _in_global_order([joined(own) for own in by_rank], fit.recipe.batch_size)
    validating = [fit.encode(own) for own in held]
    validating = joined(validating) if held else None
    fitted = fit.train(encoded, validating, (len(encoded),), (len(validating) if held else 0,))
    return fitted, pd.concat([own.table.assign(y=own.y) for own in held]) if held else None


def _in_global_order(ranks, batch_size):
    """Join the rows of several processes in the order in which their steps take them."""
    whole = joined(ranks)
    firsts = np.cumsum([0, *map(len, ranks[:-1])])
    taken = shares(tuple(map(len, ranks)), batch_size)
    ends = firsts + np.cumsum(taken, axis=0)
    order = np.concatenate([np.arange(end - count, end) for end, count in zip(ends.flat, taken.flat, strict=True)])
    weight = None if whole.weight is None else whole.weight[order]
    return type(whole)({name: own[order] for name, own in whole.arrays.items()}, whole.y[order], weight)
