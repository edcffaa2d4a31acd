"""Take one default away at a time, and compare with all of them, on training rows only.

Run: python tests/benchmarks/ablation.py TABLE [--splits 0 1 2] [--variants default "one member" ...] [--data FOLDER]

TABLE is one of `quality.py`. Its training rows of each split are divided again, 80 % to fit and 20 % to measure, so
that no test row of `quality.py` is seen. Each variant is what a user could write. Printed for each: the mean score and
loss (AUC, accuracy or R2; log loss or RMSE), the mean gain of the defaults over the variant in each with its standard
error over the splits, and the processor's seconds of `fit`.
"""

import argparse
import os

import numpy as np
from quality import MEASURES, SYSTEMS, measured, print_row, split, warm_up
from quality_tables import NUMBERS, TABLES
from sklearn.model_selection import train_test_split

FEW_ROWS = 1_000


def variants(table, n_rows):
    """Give each variant's parameters, by name, for a table and a number of training rows."""
    from skmulti import DenseBranch, DenseHead, PiecewiseBranch

    few, is_single = n_rows < FEW_ROWS, np.ndim(table.y) == 1
    dropout = 0.5 if few else 0.0
    has_members = table.task == NUMBERS or (few and is_single)
    given = {
        "default": {},
        "constant rate": {"n_iter_no_change": 10},
        "no clipping": {"optimizer__clipnorm": None},
        "no hold-out": {"early_stopping": False} if n_rows >= 500 else None,
        "one member": {"head": DenseHead(dropout=dropout, n_members=1)} if has_members else None,
        "eight members": {"head": DenseHead(dropout=dropout, n_members=8)} if has_members else None,
        "no dropout": {"head": DenseHead(n_members=4 if has_members else "auto")} if few else None,
    }
    if len(table.numbers):
        given["numbers as they are"] = {"branches": {"numbers": DenseBranch(units=())}}
        if few:
            given["no dropout"]["branches"] = {"numbers": PiecewiseBranch(dropout=0)}
    return {name: params for name, params in given.items() if params is not None}


def inner_rows(table, seed):
    """Divide the training rows of a split again: positions to fit and to measure."""
    train, _ = split(table, seed, test_size=0.2)
    stratify = None if table.task == NUMBERS else table.y.iloc[train]
    return train_test_split(train, test_size=0.2, random_state=seed, stratify=stratify)


def compare(name, table, seeds, wanted):
    """Print a row for each variant."""
    names = MEASURES[table.task]
    shown = [names[0], names[1], f"gain in {names[0]}", f"gain in {names[1]}", "CPU s"]
    print_row("table", "variant", *shown)
    print_row(*["---"] * (2 + len(shown)))
    rows = [inner_rows(table, seed) for seed in seeds]
    results = {}
    for variant, params in variants(table, len(rows[0][0])).items():
        if wanted and variant not in {"default", *wanted}:
            continue
        if variant != "default":
            SYSTEMS[variant] = lambda table, seed, params=params: SYSTEMS["default"](table, seed).set_params(**params)
        results[variant] = np.array(
            [measured(variant, table, part, seed) for part, seed in zip(rows, seeds, strict=True)]
        )
        default, values = results["default"], results[variant]
        gains = _with_error(default[:, 0] - values[:, 0]), _with_error(values[:, 1] - default[:, 1])
        means = values.mean(axis=0)
        cells = f"{means[0]:.4f}", f"{means[1]:.4f}", *gains, f"{means[-1]:.1f}"
        print_row(name, variant, *cells)


def _with_error(gains):
    error = f" ± {gains.std(ddof=1) / np.sqrt(len(gains)):.4f}" if len(gains) > 1 else ""
    return f"{gains.mean():+.4f}{error}"


def main():
    """Read the command line and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--splits", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--variants", nargs="+", help="all that have a meaning for the table")
    parser.add_argument("--data", default=os.environ.get("SKMULTI_DATA"), help="folder of the parquet files")
    given = parser.parse_args()
    table = TABLES[given.table](given.data)
    warm_up(["default"])
    compare(given.table, table, given.splits, given.variants)


if __name__ == "__main__":
    main()
