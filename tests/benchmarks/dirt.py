"""What planted dirt costs: the unconfigured estimator on clean and on dirty versions of ten tables.

Numbers become text with separators and units, dates text in local order, categories joined tags; one cell in a hundred
of each column is no value of it, and one in a hundred a filler. After the fit, types change: numbers come as text, and
text as categories. The clean table, the dirty one and skrub's pipeline are measured on the same splits, and beside them
the dirty table with NaN in the place of what is no value: no reading of its cells can give more back than that.

    python tests/benchmarks/dirt.py [TABLE ...] [--data FOLDER] [--seeds 0 1 2] [--rows 3000]
"""

import argparse
import os
import warnings

import numpy as np
import pandas as pd
from quality import SYSTEMS, print_row, split, warm_up
from quality_tables import NUMBERS, TABLES, Table
from sklearn.metrics import r2_score, roc_auc_score

DIRTY = (
    "reviews", "housing", "wine", "diabetes", "breast_cancer", "strikes", "credit", "penguins", "flights", "diamonds",
)  # fmt: skip
ODD_SHARE = FILLER_SHARE = 0.01
ODD_CELLS = ("?", "unknown", "n/a", "")
FILLERS = (-9999.0, 1e20, -3.4028235e38)
# Categories of at most so many values become tags.
MOST_TAGS = 20


def english(numbers):
    """Write numbers with commas between thousands."""
    return numbers.map(lambda number: f"{number:,.6g}" if abs(number) < 1e5 else f"{number:,.1f}", na_action="ignore")


def german(numbers):
    """Write numbers with a decimal comma and a unit."""
    swapped = str.maketrans(",.", ".,")
    return english(numbers).map(lambda text: f"{text.translate(swapped)} €", na_action="ignore")


def dollars(numbers):
    """Write numbers as amounts of money."""
    return english(numbers).map(lambda text: f"${text}", na_action="ignore")


WRITERS = (english, german, dollars, lambda numbers: numbers.astype(float))


def plant(table, seed, odd_cells=ODD_CELLS, fillers=FILLERS):
    """Return a table with dirt in its columns."""
    rng = np.random.default_rng(seed)
    columns = {}
    for i, name in enumerate(table.numbers):
        numbers = replace_some(table.X[name].astype(float), fillers, FILLER_SHARE, rng)
        columns[name] = replace_some(WRITERS[i % len(WRITERS)](numbers), odd_cells, ODD_SHARE, rng)
    for name in table.dates:
        local = table.X[name].dt.strftime("%d/%m/%Y %H:%M").astype(object)
        columns[name] = replace_some(local, odd_cells, ODD_SHARE, rng)
    tags = [name for name in table.categories if table.X[name].nunique() <= MOST_TAGS]
    if len(tags) > 1:
        words = table.X[tags].astype(object).fillna("none").astype(str).replace(r"\W+", " ", regex=True)
        # The name of its column is part of a tag: "yes" may stand in several.
        columns["tags"] = (words.columns.to_numpy() + "=" + words).agg("|".join, axis=1)
    for name in table.X.columns.difference([*columns, *(tags if len(tags) > 1 else ())], sort=False):
        columns[name] = table.X[name]
    return Table(pd.DataFrame(columns), table.y, table.task, table.texts, table.images)


def replace_some(cells, values, share, rng):
    """Return cells of which a share is replaced by some of the values."""
    chosen = rng.random(len(cells)) < share
    replaced = cells.astype(object).copy()
    replaced[chosen] = rng.choice(np.array(values, dtype=object), chosen.sum())
    return replaced


def drift(X):
    """Return rows whose types are others than at fit: numbers as text, text as categories."""
    return X.apply(lambda column: column.astype(str) if column.dtype.kind in "if" else column.astype("category"))


def score(model, table, X, y):
    """Return the area under the curve of a classifier, or R2."""
    if table.task == NUMBERS:
        return r2_score(y, model.predict(X))
    probability = model.predict_proba(X)
    if probability.shape[1] == 2:
        return roc_auc_score(y, probability[:, 1])
    return roc_auc_score(y, probability, multi_class="ovr", labels=model.classes_)


def measure(system, table, seed, changes=lambda X: X):
    """Return the score of a system on the test rows of a split."""
    train, test = split(table, seed, test_size=0.25)
    model = SYSTEMS[system](table, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(table.X.iloc[train], table.y.iloc[train])
        return score(model, table, changes(table.X.iloc[test]), table.y.iloc[test])


def compare(name, table, seeds):
    """Print the scores on the clean and on the dirty table, and what the dirt costs."""
    clean, known, dirty, drifted, peer = [], [], [], [], []
    for seed in seeds:
        planted = plant(table, seed)
        clean.append(measure("default", table, seed))
        # As many values as of dirt, so that the same cells are drawn.
        missing = plant(table, seed, [np.nan] * len(ODD_CELLS), [np.nan] * len(FILLERS))
        known.append(measure("default", missing, seed))
        dirty.append(measure("default", planted, seed))
        drifted.append(measure("default", planted, seed, drift))
        try:
            peer.append(measure("skrub", planted, seed))
        except Exception as error:
            # A peer that cannot read the table is part of the answer.
            peer.append(np.nan)
            print(f"skrub: {type(error).__name__}: {error!s:.80}")
    loss = np.subtract(clean, dirty)
    spread = loss.std(ddof=1) / len(seeds) ** 0.5 if len(seeds) > 1 else np.nan
    means = [f"{np.mean(values):.4f}" for values in (clean, known, dirty, drifted, peer)]
    print_row(name, *means, f"{loss.mean():+.4f} ± {spread:.4f}")


def main():
    """Compare the tables that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", default=DIRTY)
    parser.add_argument("--data", default=os.environ.get("SKMULTI_DATA"))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rows", type=int, default=3000)
    arguments = parser.parse_args()
    warm_up(["default"])
    columns = ("table", "clean", "NaN for dirt", "dirty", "other types at predict", "skrub, dirty", "clean - dirty")
    print_row(*columns)
    print_row(*["---"] * len(columns))
    for name in arguments.tables:
        table = TABLES[name](arguments.data)
        rows = np.random.default_rng(0).permutation(len(table.y))[: arguments.rows]
        parts = (table.X.iloc[rows].reset_index(drop=True), table.y.iloc[rows].reset_index(drop=True))
        compare(name, Table(*parts, table.task, table.texts, table.images), arguments.seeds)


if __name__ == "__main__":
    main()
