"""Compare prediction intervals on 20 tables: coverage and width of skmulti's, and of MAPIE's around the same network.

Run: python tests/benchmarks/intervals.py [--tables NAME ...] [--systems networks split ...] [--seeds 0 1]
                                          [--rows 2000] [--data FOLDER] [--keep FILE]

Each table is divided at random into halves, one to fit and one to test; of tables with more rows than are asked for,
as many are drawn first. Intervals are asked to hold the truth of 90 % of the rows. A line for each table has the
share that they hold, its distance from .9 in standard deviations (of the test rows and of those that the intervals
follow from), the mean width in standard deviations of the target, and the processor's seconds of fit and intervals
with one thread.
FILE keeps what was measured, so that a run goes on where another has ended.

Systems, with nothing else configured:
    networks   MultiInputRegressor(n_networks=5): CV+ over folds, or over hold-outs that rotate
    split      MultiInputRegressor(early_stopping=True, validation_fraction=0.25): split conformal
    mapie      MAPIE's CrossConformalRegressor(MultiInputRegressor(), cv=5): CV+, six fits
    mapie_split  MAPIE's SplitConformalRegressor around MultiInputRegressor(), a quarter of the rows set aside
MAPIE (package mapie) is needed for the last two only.

Tables (packages as for quality.py): those of its small public ones whose target is a number, and diamonds and housing.
"""

import os

# One thread each, so that seconds compare; the libraries read this when they are imported.
os.environ.update({f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")})
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import gc
import json
import time
import warnings
from pathlib import Path

import numpy as np
from quality import print_row, warm_up
from quality_tables import NUMBERS, SMALL_PUBLIC, TABLES
from sklearn.model_selection import train_test_split

COVERAGE = 0.9
LARGER = ("diamonds", "housing")


# %% Systems: rows to fit and to test, a seed -> lower and upper ends, number of rows that they follow from
def networks(X, y, new, seed):
    """Five networks."""
    est = _regressor(seed, n_networks=5).fit(X, y)
    return est.predict_interval(new, COVERAGE), sum(map(len, est.held_residuals_))


def split(X, y, new, seed):
    """One network, which stops by the rows that it holds out."""
    est = _regressor(seed, early_stopping=True, validation_fraction=0.25).fit(X, y)
    return est.predict_interval(new, COVERAGE), len(est.held_residuals_[0])


def mapie(X, y, new, seed):
    """Six fits: of five folds, and of all rows."""
    from mapie.regression import CrossConformalRegressor

    outer = CrossConformalRegressor(_regressor(seed), confidence_level=COVERAGE, cv=5, random_state=seed)
    outer.fit_conformalize(X, y)
    return outer.predict_interval(new)[1][:, :, 0], len(y)


def mapie_split(X, y, new, seed):
    """One fit, and a quarter of the rows to tell how wide."""
    from mapie.regression import SplitConformalRegressor

    X, held, y, truth = train_test_split(X, y, test_size=0.25, random_state=seed)
    outer = SplitConformalRegressor(_regressor(seed).fit(X, y), confidence_level=COVERAGE)
    outer.conformalize(held, truth)
    return outer.predict_interval(new)[1][:, :, 0], len(truth)


SYSTEMS = {function.__name__: function for function in (networks, split, mapie, mapie_split)}


def _regressor(seed, **params):
    from skmulti import MultiInputRegressor

    return MultiInputRegressor(random_state=seed, **params)


# %% Measures
def read_tables(names, folder, n_rows):
    """Return the tables, with some number of rows at most."""
    found = {}
    for name in names:
        table = (SMALL_PUBLIC.get(name) or TABLES[name])(folder)
        rows = np.random.default_rng(0).permutation(len(table.y))[:n_rows]
        found[name] = table.X.iloc[rows].reset_index(drop=True), table.y.iloc[rows].to_numpy("float64")
    return found


def measure(system, X, y, seed):
    """Return coverage, its distance from what was asked for in deviations, width in deviations of y, and seconds."""
    train, test = train_test_split(np.arange(len(y)), test_size=0.5, random_state=seed)
    gc.collect()
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ends, count = SYSTEMS[system](X.iloc[train], y[train], X.iloc[test], seed)
    seconds = time.process_time() - start
    lower, upper = ends.T
    coverage = np.mean((lower <= y[test]) & (y[test] <= upper))
    deviation = np.sqrt(COVERAGE * (1 - COVERAGE) * (1 / len(test) + 1 / count))
    return [coverage, (coverage - COVERAGE) / deviation, np.mean(upper - lower) / y[test].std(), seconds]


def compare(tables, systems, seeds, path):
    """Print a line for each table, and what they come to."""
    known = json.loads(Path(path).read_text()) if path and Path(path).exists() else {}
    print_row("table", "rows to fit", *(f"{system}: coverage, deviations, width, s" for system in systems))
    print_row(*["---"] * (2 + len(systems)))
    values = []
    for name, (X, y) in tables.items():
        for system in systems:
            for seed in seeds:
                key = f"{name} {system} {seed}"
                if key not in known:
                    known[key] = measure(system, X, y, seed)
                    if path:
                        Path(path).write_text(json.dumps(known))
        means = np.array([np.mean([known[f"{name} {system} {seed}"] for seed in seeds], axis=0) for system in systems])
        values.append(means)
        print_row(name, str(len(y) // 2), *(f"{a:.3f}, {b:+.1f}, {c:.2f}, {d:.1f}" for a, b, c, d in means))
    print()
    for number, system in enumerate(systems):
        coverage, distance, width, seconds = np.array(values)[:, number].T
        ratio = np.exp(np.mean(np.log(width / np.array(values)[:, 0, 2])))
        # As many halves as seeds share a table's rows, so that their mean is no surer than one.
        beyond = int(np.sum(np.abs(distance) > 2))
        print(
            f"{system}: coverage {coverage.mean():.3f} ± {coverage.std(ddof=1) / len(values) ** 0.5:.3f}, beyond two "
            f"deviations on {beyond} of {len(values)} tables, width {ratio:.2f} times that of {systems[0]}, "
            f"{seconds.mean():.1f} s"
        )


def main():
    """Read the command line and print the comparison."""
    names = [name for name, make in SMALL_PUBLIC.items() if make(None).task == NUMBERS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="+", choices=[*names, *LARGER], default=[*names, *LARGER])
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--rows", type=int, default=2000, help="rows of a table at most, to fit and to test")
    parser.add_argument("--data", default=os.environ.get("SKMULTI_DATA"), help="folder of the parquet files")
    parser.add_argument("--keep", help="file of what was measured")
    given = parser.parse_args()
    tables = read_tables(given.tables, given.data, given.rows)
    warm_up(["default"])
    compare(tables, given.systems, given.seeds, given.keep)


if __name__ == "__main__":
    main()
