"""Measure a router on a million rows, beside scikit-learn's `ColumnTransformer`.

Run: python tests/benchmarks/router_million.py [--rows 1000000] [--runs 3]

The table has 10 columns of numbers and 6 of categories (50 levels each, as pandas' own strings). Each system fits on
it, then transforms it: `InputRouter` with `NumberScaler` and `CategoryIndexer`, whose network makes one-hot columns or
embeddings from the codes by itself; `ColumnTransformer` with `StandardScaler` and `OneHotEncoder`, dense as Keras needs
it; and the same with `OrdinalEncoder`.

Every measurement has a new process, with one thread. Time is the processor's, so that other work on the machine counts
little. Memory is the largest that the process had from the start of the fit to the end of the transform, minus what it
had at the start, with the table made and everything imported (Linux only). Systems take turns in each run; medians
count. The ratios are those of scikit-learn over skmulti.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from own_process import memory

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    "1",
)
SYSTEMS = ("skmulti", "one-hot", "ordinal")
NUMBERS = [f"number {i}" for i in range(10)]
CATEGORIES = [f"category {i}" for i in range(6)]


def make_table(n_rows):
    """Return the table; the same in every process."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    levels = np.array([f"level {i:02d}" for i in range(50)])
    numbers = {name: rng.normal(i, i + 1, n_rows) for i, name in enumerate(NUMBERS)}
    categories = {name: pd.Series(levels[rng.integers(0, 50, n_rows)], dtype="str") for name in CATEGORIES}
    return pd.DataFrame({**numbers, **categories})


def make_system(name):
    """Return an unfitted router or ColumnTransformer."""
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    from skmulti import CategoryIndexer, InputRouter, NumberScaler

    if name == "skmulti":
        return InputRouter([("numbers", NumberScaler(), NUMBERS), ("categories", CategoryIndexer(), CATEGORIES)])
    encoder = OneHotEncoder(sparse_output=False) if name == "one-hot" else OrdinalEncoder()
    return ColumnTransformer([("numbers", StandardScaler(), NUMBERS), ("categories", encoder, CATEGORIES)])


def measure(name, n_rows):
    """Fit and transform once; give seconds and MiB."""
    table, system = make_table(n_rows), make_system(name)
    # Making the table took more for a moment: the largest counts from here on.
    Path("/proc/self/clear_refs").write_text("5")
    before, started = memory("VmRSS"), time.process_time()
    system.fit(table)
    fitted = time.process_time()
    system.transform(table)
    return {"fit": fitted - started, "transform": time.process_time() - fitted, "memory": memory("VmHWM") - before}


def measure_apart(name, n_rows):
    """Measure in a new process of one thread."""
    command = [sys.executable, __file__, "--measure", name, "--rows", str(n_rows)]
    environment = {**os.environ, **ONE_THREAD, "TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"The process of {name} failed:\n{run.stderr[-3000:]}")
    return json.loads(run.stdout.splitlines()[-1])


def main():
    """Print the medians of each system, then the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--measure", choices=SYSTEMS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.rows)))
        return
    found = {name: [] for name in SYSTEMS}
    for _ in range(arguments.runs):
        for name in SYSTEMS:
            found[name].append(measure_apart(name, arguments.rows))
    print(f"{arguments.rows:,} rows, medians of {arguments.runs} runs")
    print(f"{'':>10}{'fit s':>10}{'transform s':>13}{'both s':>10}{'peak MiB':>10}{'time':>8}{'memory':>8}")
    first = None
    for name, runs in found.items():
        fit, transform, most = (statistics.median(run[key] for run in runs) for key in ("fit", "transform", "memory"))
        both = statistics.median(run["fit"] + run["transform"] for run in runs)
        first = first or (both, most)
        ratios = f"{both / first[0]:>7.1f}x{most / first[1]:>7.1f}x"
        print(f"{name:>10}{fit:>10.3f}{transform:>13.3f}{both:>10.3f}{most:>10.0f}{ratios}")


if __name__ == "__main__":
    main()
