"""What a second worker of Dask brings, and what passes through the client.

Run: python tests/benchmarks/cluster.py predict [--rows 1000000] [--columns 250] [--repeats 3] [--folder FOLDER]
     python tests/benchmarks/cluster.py train [--rows 100000] [--repeats 3]

Each worker is a process with one thread, held to one core. `predict` writes a table of numbers, places and notes to
Parquet, 2 GB of it by default, predicts it with one and with two workers in turn, which write their predictions, and
prints median seconds, rows a second and by how much the client's memory grew at most. The client's process also runs
the scheduler. `train` fits two networks with one and with two workers in turn, and one worker with half of the rows and
half of the batch, which is what each of two has to compute; it prints median seconds an epoch. "large" is a network in
which arithmetic dominates, "default" the one that is made with nothing configured.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from own_process import memory, run

PART_ROWS = 25_000


@contextmanager
def workers(count):
    """Start workers with one thread on one core each; give the client."""
    from distributed import Client, LocalCluster

    cores = sorted(os.sched_getaffinity(0))
    options = {"n_workers": count, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        for address, core in zip(client.scheduler_info(n_workers=-1)["workers"], cores, strict=False):
            client.run(os.sched_setaffinity, 0, {core}, workers=[address])
        yield client


def part(rows, n_columns, seed):
    """Make some rows."""
    rng = np.random.default_rng(seed)
    words = np.array([f"word{i}" for i in range(2_000)])
    frame = pd.DataFrame(rng.normal(size=(rows, n_columns)), columns=[f"n{i}" for i in range(n_columns)])
    return frame.assign(
        place=rng.choice([f"place{i}" for i in range(500)], rows),
        note=[" ".join(row) for row in words[rng.integers(0, len(words), (rows, 6))]],
    )


def write_table(folder, rows, n_columns):
    """Write the table in parts; return its bytes on disk."""
    folder.mkdir()
    for i, start in enumerate(range(0, rows, PART_ROWS)):
        part(min(PART_ROWS, rows - start), n_columns, i).to_parquet(folder / f"part-{i:05d}.parquet", index=False)
    return sum(file.stat().st_size for file in folder.iterdir())


# --- predict


def predict(args):
    """Predict a table from Parquet to Parquet, with one worker and with two."""
    import skmulti

    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        size = write_table(folder / "rows", args.rows, args.columns)
        frame = part(5_000, args.columns, args.rows)
        clf = skmulti.MultiInputClassifier(epochs=1, random_state=0).fit(frame, (frame["n0"] > 0).astype(int))
        skmulti.save(clf, folder / "clf.skmulti")
        print(f"{args.rows:,} rows of {args.columns + 2} columns, {size / 1e9:.2f} GB on disk")
        # In turn, so that what else the machine does meets both alike.
        found = {count: [] for count in args.workers}
        for _ in range(args.repeats):
            for count in found:
                found[count].append(run(__file__, "predict", folder, count))
    seconds = {count: statistics.median(one["seconds"] for one in runs) for count, runs in found.items()}
    print(f"{'workers':>8}{'seconds':>10}{'rows/s':>10}{'client grew by MiB at most':>30}")
    for count, runs in found.items():
        grown = max(one["grown"] for one in runs)
        print(f"{count:>8}{seconds[count]:>10.1f}{args.rows / seconds[count]:>10,.0f}{grown:>30.0f}")
    first, last = args.workers[0], args.workers[-1]
    print(f"{last} workers against {first}: {seconds[first] / seconds[last]:.2f} times as fast")


def measure_predict(folder, count):
    """Predict the table once in this process and its workers; return seconds and growth of memory."""
    import dask.dataframe as dd

    import skmulti

    folder = Path(folder)
    clf = skmulti.load(folder / "clf.skmulti")
    with workers(int(count)):
        # Processes start, import TensorFlow and trace the network: once, however large the table is.
        small = dd.read_parquet(sorted((folder / "rows").glob("*.parquet"))[: 2 * int(count)])
        clf.predict(small).to_frame().to_parquet(folder / "warm")
        before = memory("VmRSS")
        # Resets the peak to the present size.
        Path("/proc/self/clear_refs").write_text("5")
        start = time.perf_counter()
        clf.predict(dd.read_parquet(folder / "rows")).to_frame().to_parquet(folder / "out")
        seconds = time.perf_counter() - start
        grown = memory("VmHWM") - before
    n_files = len(list((folder / "out").glob("*.parquet")))
    for name in ("warm", "out"):
        shutil.rmtree(folder / name)
    return {"seconds": seconds, "grown": grown, "files": n_files}


def add_predict_options(parser):
    """Add the options of `predict`."""
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=250)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--folder", default=None, help="where the table is written, and deleted afterwards")


# --- train

NETWORKS = {
    "large": {"units": (1024, 1024, 1024), "batch_size": 16_384},
    "default": {"units": None, "batch_size": 256},
}


def train(args):
    """Train with one worker, with two, and with one on half of the rows and of each batch."""
    cases = {"1 worker": (1, 1), "2 workers": (2, 1), "1 worker, half": (1, 2)}
    for network in NETWORKS:
        found = {name: [] for name in cases}
        for _ in range(args.repeats):
            for name, (count, divisor) in cases.items():
                found[name].append(run(__file__, "train", network, count, args.rows, divisor))
        seconds = {name: statistics.median(one["epoch"] for one in runs) for name, runs in found.items()}
        first = found["1 worker"][0]
        print(f"{network}: {first['weights']:,} weights, {args.rows:,} rows in batches of {first['batch_size']}")
        for name, runs in found.items():
            print(f"  {name:16}{seconds[name]:8.2f} s an epoch   " + " ".join(f"{one['epoch']:.2f}" for one in runs))
        print(f"  2 workers against 1: {seconds['1 worker'] / seconds['2 workers']:.2f} times as fast")
        share = 1 - seconds["1 worker, half"] / seconds["2 workers"]
        print(f"  of an epoch with 2 workers, {share:.0%} is adding up and waiting for each other")


def measure_train(network, count, rows, divisor):
    """Fit once; return the seconds of an epoch, without the start of the processes and the tracing."""
    import dask.dataframe as dd

    from skmulti import DenseBranch, MultiInputClassifier
    from skmulti.dask import DaskEstimator

    count, divisor = int(count), int(divisor)
    rows = int(rows) // divisor
    frame = part(rows, 30, 0)
    frame["label"] = (frame["n0"] + frame["n1"] > 0).astype(int)
    units, batch_size = NETWORKS[network]["units"], NETWORKS[network]["batch_size"] // divisor
    params = {"epochs": 3, "batch_size": batch_size, "early_stopping": False, "random_state": 0}
    if units:
        params["branches"] = {"numbers": DenseBranch(units)}
    with workers(count) as client:
        table = dd.from_pandas(frame, npartitions=4)
        fitted = DaskEstimator(MultiInputClassifier(**params), client=client).fit(table, "label").to_local()
    return {
        "epoch": fitted.timings_["train"] / params["epochs"],
        "weights": fitted.model_.count_params(),
        "batch_size": batch_size,
    }


def add_train_options(parser):
    """Add the options of `train`."""
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)


# --- commands: what is run, what it runs in processes of their own, and its options

COMMANDS = {
    "predict": (predict, measure_predict, add_predict_options),
    "train": (train, measure_train, add_train_options),
}


def main():
    if sys.argv[1:2] == ["--fit"]:
        command, *arguments = sys.argv[2:]
        print(json.dumps(COMMANDS[command][1](*arguments)))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (function, _, add_options) in COMMANDS.items():
        add_options(commands.add_parser(name, help=function.__doc__))
    args = parser.parse_args()
    COMMANDS[args.command][0](args)


if __name__ == "__main__":
    main()
