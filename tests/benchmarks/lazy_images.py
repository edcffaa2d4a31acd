"""Memory and time of fits on photos in files: lazy, lazy with `memory`, and in memory.

Run: python tests/benchmarks/lazy_images.py [--rows 20000] [--fewer 5000] [--side 224] [--epochs 3]

The script writes JPEGs of `side` x `side` pixels and a table with their paths and three numbers. Each fit runs in a
process of its own, since the peak of a process never falls: a lazy one on `fewer` rows and on all, one with `memory`,
and one in memory. Peaks are those of resident memory over a process that has only imported skmulti. Seconds of an epoch
are the median of those after the first; ratios come last. A fit in memory that needs more than a third of the machine's
memory is left out.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from own_process import memory as resident_memory
from own_process import run
from PIL import Image


def write_photos(folder, rows, side):
    """Write JPEGs, smooth as photos are, and give the table of their paths."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(rows, 3)).round(4), columns=["a", "b", "c"])
    frame["photo"] = [str(Path(folder) / f"{i}.jpg") for i in range(rows)]
    for path in frame["photo"]:
        small = Image.fromarray(rng.integers(0, 256, (14, 14, 3), dtype="uint8"))
        small.resize((side, side), Image.Resampling.BICUBIC).save(path, quality=85)
    frame["label"] = rng.integers(0, 2, rows)
    return frame


def fit_once(table, rows, side, epochs, lazily, memory):
    """Fit in this process; print peak memory and the seconds of each epoch."""
    import time

    import keras

    from skmulti import ImageBranch, ImageDecoder, InputRouter, MultiInputClassifier, NumberScaler

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            seconds.append(time.perf_counter() - self.started)

    seconds = []
    frame = pd.read_csv(table)[:rows]
    router = InputRouter(
        [
            ("numbers", NumberScaler(), ["a", "b", "c"]),
            ("photo", ImageDecoder(size=(side, side), lazy=lazily), "photo"),
        ]
    )
    params = {"epochs": epochs or 1, "batch_size": 32, "early_stopping": False, "random_state": 0, "memory": memory}
    est = MultiInputClassifier(router, branches={"photo": ImageBranch((4,), pooling="average")}, **params)
    probabilities = np.zeros(0)
    if rows:
        est.set_params(callbacks=[Clock]).fit(frame.drop(columns="label"), frame["label"])
        probabilities = est.predict_proba(frame[:200])[:, 0]
    peak = resident_memory("VmHWM")
    print(json.dumps({"peak": peak, "seconds": seconds, "predicted": probabilities.tolist()}))


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--fewer", type=int, default=5_000)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table, shape = Path(folder) / "table.csv", (given.side, given.epochs)
        write_photos(folder, given.rows, given.side).to_csv(table, index=False)
        empty = run(__file__, table, 0, given.side, 0, True, "")["peak"]
        print(f"{given.rows:,} photos of {given.side} x {given.side}; process with nothing but imports: {empty:.0f} MB")
        fits = {f"lazy, {given.fewer:,} rows": run(__file__, table, given.fewer, *shape, True, "")}
        fits["lazy"] = run(__file__, table, given.rows, *shape, True, "")
        fits["lazy with memory"] = run(__file__, table, given.rows, *shape, True, Path(folder) / "cache")
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if given.rows * given.side**2 * 3 < total / 3:
            fits["in memory"] = run(__file__, table, given.rows, *shape, False, "")
    for name, found in fits.items():
        found["epoch"] = float(np.median(found["seconds"][1:]))
        print(f"{name:>20}: {found['peak'] - empty:7.0f} MB over it, epoch {found['epoch']:.2f} s")
    more, fewer = fits["lazy"]["peak"], fits[f"lazy, {given.fewer:,} rows"]["peak"]
    growth, over = (more / fewer - 1) * 100, ((more - empty) / (fewer - empty) - 1) * 100
    print(f"peak from {given.fewer:,} to {given.rows:,} rows: {growth:+.1f} %, of what is over imports {over:+.1f} %")
    if "in memory" in fits:
        whole = fits["in memory"]
        for name in ("lazy", "lazy with memory"):
            difference = np.abs(np.subtract(fits[name]["predicted"], whole["predicted"])).max()
            ratio = fits[name]["epoch"] / whole["epoch"]
            print(f"{name}: epoch {ratio:.2f} x in memory, predictions {difference:.1e} apart")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fit"]:
        path, rows, side, epochs, lazily, memory = sys.argv[2:]
        fit_once(path, int(rows), int(side), int(epochs), lazily == "True", memory or None)
    else:
        main()
