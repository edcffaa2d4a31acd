"""Large tables of ids: seconds of a step, memory and score, with moves of the rows that a step reads and of all rows.

    python tests/benchmarks/ids.py steps     seconds of a step of 256 rows, and peak memory, for 2,000 to 2,000,000 ids
    python tests/benchmarks/ids.py score [ratings likes reviews]     scores on held-out rows
    python tests/benchmarks/ids.py rule      where moving rows by themselves begins to pay, by ids and by ids of a row

"lazy" is what ``optimizer="auto"`` does with a large table, "dense" the same fit with every row moved in every step,
by the constant `LAZY_IDS` set out of reach. Each measurement of a step is a process of its own, in turns, and the
median of three counts. Memory is the peak of the process less what it has after the imports; the fit of two epochs
keeps the weights of the best one. Reviews are read from the folder in the environment variable SKMULTI_DATA. Scores
are on rows that take part in nothing else; a fit holds out a tenth of the others by itself.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

BATCH, STEPS, TURNS, SEEDS = 256, 60, 3, 3
REVIEWS = "womens_clothing_reviews.parquet"


def make_ratings(n_rows, n_users=30_000, n_items=20_000, seed=0):
    """Return ratings by users, drawn by Zipf's law from users and items with latent factors, and their ids and age."""
    rng = np.random.default_rng(seed)

    def draw(n_ids):
        # Every id once, the others by their popularity.
        shares = (np.arange(n_ids) + 10) ** -0.8
        drawn = rng.choice(n_ids, n_rows - n_ids, p=shares / shares.sum())
        return rng.permutation(np.concatenate([np.arange(n_ids), drawn]))

    users, items = draw(n_users), draw(n_items)
    factors = [rng.normal(size=(n, 4)) for n in (n_users, n_items)]
    biases = [rng.normal(size=n) for n in (n_users, n_items)]
    age = rng.normal(size=n_users)[users]
    rating = 0.5 * biases[0][users] + 0.7 * biases[1][items] + 0.4 * np.tanh(age)
    rating += 0.3 * (factors[0][users] * factors[1][items]).sum(axis=1) + 0.7 * rng.normal(size=n_rows)
    frame = pd.DataFrame({"user": users, "item": items, "age": age})
    frame["user"], frame["item"] = "u" + frame["user"].astype(str), "i" + frame["item"].astype(str)
    return frame, rating


def set_rule(lazy):
    """Let fits move rows by themselves whatever the table's size (True), never (False), or by the rule (None)."""
    from skmulti.training import defaults

    if lazy is not None:
        defaults.LAZY_IDS, defaults.LAZY_RATIO = (0, 0) if lazy else (10**12, 0)


def measure(n_ids, per_row, lazy):
    """Train a network on drawn ids for two epochs, and print the seconds of a step and the memory in MB as JSON."""
    import keras

    from skmulti import ArraySpec, ConcatenateMerge, DenseHead, EmbeddingBranch, TargetSpec, build_network
    from skmulti.layers import move_by_rows
    from skmulti.training import LazyAdam, Rows, Schedule, defaults, time_epoch, train

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    set_rule(lazy)
    rng = np.random.default_rng(0)
    ids = rng.integers(2, n_ids, (BATCH * STEPS, per_row)).astype("int32")
    y = rng.normal(size=(len(ids), 1)).astype("float32")
    spec = ArraySpec("ids", "category", (per_row,), "int32", vocabulary_sizes=(n_ids,), n_rows=len(ids))
    branch = EmbeddingBranch(32)
    network = build_network({"ids": spec}, {"ids": branch}, ConcatenateMerge(), DenseHead(), TargetSpec(), {"ids": ids})
    tables = defaults.auto_lazy_tables(network, BATCH)
    optimizer = (LazyAdam if tables else keras.optimizers.Adam)(1e-2)
    network.compile(optimizer, "mse", steps_per_execution=32)
    move_by_rows(network, tables)
    rows, held = Rows({"ids": ids}, y, None), Rows({"ids": ids[:1000]}, y[:1000], None)
    schedule = Schedule(epochs=2, batch_size=BATCH, shuffle=True, seed=0, patience=2)
    train(network, rows, held, schedule, [], {})
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    seconds = time_epoch(network, rows, None, schedule, STEPS)["step"]
    print(json.dumps({"step": seconds, "memory": memory, "lazy": bool(tables)}))


def in_process(*args):
    """Run `measure` in a process of its own, and return what it printed."""
    command = [sys.executable, __file__, "measure", json.dumps(args)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(found.splitlines()[-1])


def medians(cases):
    """Measure cases in turns; return the medians of seconds and of memory of each."""
    found = [[in_process(*case) for case in cases] for _ in range(TURNS)]
    return [{key: statistics.median(turn[i][key] for turn in found) for key in found[0][i]} for i in range(len(cases))]


def steps():
    """Print seconds and memory by the number of ids."""
    print(f"{'ids':>10s} {'dense ms':>9s} {'auto ms':>8s} {'dense MB':>9s} {'auto MB':>8s}  by the rule")
    for n_ids in (2_000, 20_000, 200_000, 2_000_000):
        dense, auto = medians([(n_ids, 1, False), (n_ids, 1, None)])
        print(
            f"{n_ids:10,} {1e3 * dense['step']:9.2f} {1e3 * auto['step']:8.2f} {dense['memory']:9.0f} "
            f"{auto['memory']:8.0f}  {'lazy' if auto['lazy'] else 'dense'}",
            flush=True,
        )


def rule():
    """Print the seconds of a dense step by those of a lazy one, by ids and by ids of a row."""
    print("dense by lazy", *(f"{per_row:8} a row" for per_row in (1, 4, 16, 64)))
    for n_ids in (2_000, 5_000, 10_000, 20_000, 50_000, 100_000):
        pairs = [medians([(n_ids, per_row, False), (n_ids, per_row, True)]) for per_row in (1, 4, 16, 64)]
        print(f"{n_ids:13,}", *(f"{dense['step'] / lazy['step']:14.2f}" for dense, lazy in pairs), flush=True)


def read_table(name, seed):
    """Return the rows, targets and router of a table: ratings by users, whether they like an item, or reviews."""
    from skmulti import CategoryIndexer, InputRouter, NumberScaler

    if name == "reviews":
        frame = pd.read_parquet(Path(os.environ["SKMULTI_DATA"]) / REVIEWS)
        return frame[["Review Text", "Title"]], frame["Rating"].to_numpy(), None
    X, y = make_ratings(100_000, seed=seed)
    y = (y > np.median(y)).astype(int) if name == "likes" else y
    columns = [(column, CategoryIndexer(), [column]) for column in ("user", "item")]
    return X, y, InputRouter([*columns, ("age", NumberScaler(), ["age"])])


def score(names=("ratings", "likes", "reviews")):
    """Print the loss on held-out rows with moves of all rows and of the rows that a step reads."""
    from sklearn.metrics import log_loss, root_mean_squared_error
    from sklearn.model_selection import train_test_split

    from skmulti import MultiInputClassifier, MultiInputRegressor

    print(f"{'table':8s} {'seed':>4s} {'dense':>8s} {'lazy':>8s}  seconds")
    for name in names:
        for seed in range(SEEDS):
            X, y, router = read_table(name, seed)
            X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, random_state=seed)
            losses, seconds = [], []
            for lazy in (False, True):
                set_rule(lazy)
                kind = MultiInputRegressor if name == "ratings" else MultiInputClassifier
                begun = time.process_time()
                fitted = kind(router, random_state=seed).fit(X, y)
                seconds.append(time.process_time() - begun)
                if name == "ratings":
                    losses.append(root_mean_squared_error(y_test, fitted.predict(X_test)))
                else:
                    losses.append(log_loss(y_test, fitted.predict_proba(X_test)))
            print(
                f"{name:8s} {seed:4} {losses[0]:8.4f} {losses[1]:8.4f}  {seconds[0]:.0f} {seconds[1]:.0f}", flush=True
            )


if __name__ == "__main__":
    if sys.argv[1] == "measure":
        measure(*json.loads(sys.argv[2]))
    elif sys.argv[1] == "score":
        score(sys.argv[2:] or ("ratings", "likes", "reviews"))
    else:
        {"steps": steps, "rule": rule}[sys.argv[1]]()
