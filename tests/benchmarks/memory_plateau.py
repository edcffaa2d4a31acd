"""Measure the memory that fits leave behind in one process, beside plain Keras with the same network.

Run: python tests/benchmarks/memory_plateau.py [--fits 50] [--runs 3] [--plateau 0.1]

A search or a cross-validation fits hundreds of estimators in one process. Each run starts two new processes, one
after the other. The first fits a `MultiInputClassifier` again and again on a mixed table (200 rows: numbers,
categories, text, a picture of 8 x 8 pixels, a trace), predicts, drops it and collects garbage. The second does the
same with Keras alone: the same network, made from the configuration of a fitted estimator, compiled (without XLA, as
skmulti does) and fitted with `keras.Model.fit` on the same encoded rows, then `keras.Model.predict`.

The figure is the slope of a line through the process's resident memory after each fit, from the 10th fit on (before
that, TensorFlow's pools and caches fill), in MiB a fit; the median over the runs counts. The exit status is 1 if
skmulti's is above the plateau: 0.1 MiB a fit, 10 MiB in a search of 100 fits.
"""

import argparse
import copy
import gc
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

PLATEAU = 0.1
FIRST = 10
SYSTEMS = ("skmulti", "keras")


def resident():
    """Return the process's resident memory in MiB; where the system does not tell, the largest that it was."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except FileNotFoundError:
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def fit_skmulti():
    """Return a function that fits and predicts once with skmulti."""
    X, y, make = _task()
    return lambda: make().fit(X, y).predict(X)


def fit_keras():
    """Return a function that fits and predicts once with Keras alone: network, rows and settings of skmulti."""
    import keras

    X, y, make = _task()
    est = make().fit(X, y)
    config, arrays = est.model_.get_config(), est.router_.transform(X)
    labels = (np.asarray(y) == est.classes_[1]).astype("float32")[:, None]
    del est

    def once():
        # Keras takes entries out of a configuration that it reads.
        model = keras.Model.from_config(copy.deepcopy(config))
        model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"], jit_compile=False)
        model.fit(arrays, labels, batch_size=32, epochs=1, verbose=0)
        model.predict(arrays, verbose=0)

    return once


def _task():
    """Return (X, y, function that makes an unfitted estimator)."""
    from skmulti import (
        CategoryIndexer,
        DenseHead,
        ImageDecoder,
        InputRouter,
        MultiInputClassifier,
        NumberScaler,
        SequencePadder,
        TextVectorizer,
    )
    from skmulti.datasets import make_listings

    X, y = make_listings(200, 0, size=(8, 8))
    router = InputRouter(
        [
            ("numbers", NumberScaler(), ["area", "age", "price"]),
            ("place", CategoryIndexer(), ["city", "heating"]),
            ("words", TextVectorizer(), "description"),
            ("photo", ImageDecoder(size=(8, 8)), "photo"),
            ("trace", SequencePadder(), "trace"),
        ]
    )
    # Without members, which plain Keras has no loss for.
    head = DenseHead((64,), n_members=1)
    return X, y, lambda: MultiInputClassifier(router, head=head, epochs=1, batch_size=32, random_state=0)


def measure(system, n_fits):
    """Fit again and again; give the memory after each fit and the seconds of a fit."""
    warnings.simplefilter("ignore")
    once = {"skmulti": fit_skmulti, "keras": fit_keras}[system]()
    memory, started = [], time.perf_counter()
    for _ in range(n_fits):
        once()
        gc.collect()
        memory.append(resident())
    return {"memory": memory, "seconds": (time.perf_counter() - started) / n_fits}


def measure_apart(system, n_fits):
    """Measure in a new process."""
    command = [sys.executable, __file__, "--measure", system, "--fits", str(n_fits)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"The process of {system} failed:\n{run.stderr[-3000:]}")
    return json.loads(run.stdout.splitlines()[-1])


def slope(memory):
    """Return the growth from the 10th fit on, in MiB a fit."""
    return float(np.polyfit(np.arange(FIRST, len(memory)), memory[FIRST:], 1)[0])


def main():
    """Print a line for each run, then the medians; give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fits", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--plateau", type=float, default=PLATEAU, help="MiB a fit (default: %(default)s)")
    parser.add_argument("--measure", choices=SYSTEMS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.fits)))
        return 0
    if arguments.fits < FIRST + 10:
        parser.error(f"--fits must be at least {FIRST + 10}: the line starts at the {FIRST}th fit.")
    print(
        f"{'run':>6}" + "".join(f"{system + ' MiB/fit':>18}{'from':>7}{'to MiB':>8}{'s/fit':>7}" for system in SYSTEMS)
    )
    slopes = {system: [] for system in SYSTEMS}
    for run in range(1, arguments.runs + 1):
        line = f"{run:>6}"
        for system in SYSTEMS:
            found = measure_apart(system, arguments.fits)
            memory = found["memory"]
            slopes[system].append(slope(memory))
            line += f"{slopes[system][-1]:>18.3f}{memory[FIRST]:>7.0f}{memory[-1]:>8.0f}{found['seconds']:>7.2f}"
        print(line, flush=True)
    medians = {system: float(np.median(values)) for system, values in slopes.items()}
    print("median" + "".join(f"{medians[system]:>18.3f}{'':>22}" for system in SYSTEMS).rstrip())
    above = medians["skmulti"] > arguments.plateau
    print(f"skmulti is {'ABOVE' if above else 'below'} the plateau of {arguments.plateau} MiB a fit.")
    return int(above)


if __name__ == "__main__":
    sys.exit(main())
