"""Memory and rows per second of a fit and a prediction on Parquet files in parts, beside pandas in memory.

Run: python tests/benchmarks/parquet_stream.py [--megabytes 1000] [--epochs 1]

The script writes parts of a table with numbers, places and notes of some words until the files have the size asked
for. One process fits and predicts on the folder, another on a tenth of the parts, read by pandas. Peaks are those of
resident memory over a process that has only imported skmulti. A row counts once, however many epochs there are.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from own_process import memory, run

PART_ROWS = 100_000


def write_parts(folder, megabytes):
    """Write parts of 100,000 rows until they have the size; give the number of rows."""
    rng = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(2_000)])
    size = rows = 0
    while size < megabytes * 2**20:
        numbers = rng.normal(size=(PART_ROWS, 10))
        frame = pd.DataFrame(numbers, columns=[f"n{i}" for i in range(10)])
        frame["place"] = rng.choice([f"place{i}" for i in range(500)], PART_ROWS)
        frame["note"] = [" ".join(row) for row in words[rng.integers(0, len(words), (PART_ROWS, 8))]]
        frame["label"] = (numbers[:, 0] + rng.normal(size=PART_ROWS) > 0).astype(int)
        path = Path(folder) / f"part-{rows // PART_ROWS:04d}.parquet"
        frame.to_parquet(path, index=False)
        size, rows = size + path.stat().st_size, rows + PART_ROWS
    return rows


def estimator(epochs):
    """Make the estimator that is measured."""
    from skmulti import CategoryIndexer, DenseBranch, InputRouter, MultiInputClassifier, NumberScaler, TextVectorizer

    inputs = [
        ("numbers", NumberScaler(), [f"n{i}" for i in range(10)]),
        ("place", CategoryIndexer(), "place"),
        ("note", TextVectorizer(max_tokens=1_000, length=8), "note"),
    ]
    params = {"epochs": epochs, "batch_size": 1024, "early_stopping": False, "random_state": 0}
    return MultiInputClassifier(InputRouter(inputs), branches={"numbers": DenseBranch((32,))}, **params)


def measure(folder, epochs, kind):
    """Fit and predict in this process; print seconds, rows and peak memory."""
    parts = sorted(Path(folder).glob("*.parquet"))
    est = estimator(epochs)
    if kind == "empty":
        times = [0, 0, 0]
    elif kind == "stream":
        times = [time.perf_counter()]
        est.fit(folder, "label")
        times.append(time.perf_counter())
        n_rows = len(est.predict(folder))
        times.append(time.perf_counter())
    else:
        times = [time.perf_counter()]
        frame = pd.concat([pd.read_parquet(path) for path in parts[: max(1, len(parts) // 10)]], ignore_index=True)
        est.fit(frame.drop(columns="label"), frame["label"])
        times.append(time.perf_counter())
        n_rows = len(est.predict(frame))
        times.append(time.perf_counter())
    peak = memory("VmHWM")
    print(json.dumps({"rows": n_rows if kind != "empty" else 0, "seconds": np.diff(times).tolist(), "peak": peak}))


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=1_000)
    parser.add_argument("--epochs", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = write_parts(folder, given.megabytes)
        empty = run(__file__, folder, given.epochs, "empty")["peak"]
        print(f"{given.megabytes} MB of Parquet, {rows:,} rows; process with nothing but imports: {empty:.0f} MB")
        speeds = {}
        for name, kind in (("in parts", "stream"), ("a tenth in memory", "memory")):
            found = run(__file__, folder, given.epochs, kind)
            speeds[name] = [found["rows"] / seconds for seconds in found["seconds"]]
            print(
                f"{name:>18}: {found['peak'] - empty:6.0f} MB over it, fit {speeds[name][0]:,.0f} rows/s, predict "
                f"{speeds[name][1]:,.0f} rows/s"
            )
    fit, predict = np.divide(speeds["in parts"], speeds["a tenth in memory"])
    print(f"rows/s in parts over in memory: fit {fit:.2f}, predict {predict:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fit"]:
        measure(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        main()
