"""Fits that are killed or interrupted for real: a program, run by a test in processes of its own.

``kill FOLDER`` breaks off some fits by an error, and the last one by killing its own process. ``go_on FOLDER`` runs
the same fits to their end, then interrupts others, and prints what came of them.
"""

import json
import os
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

import keras
import numpy as np

from skmulti import (
    DenseHead,
    ImageDecoder,
    InputRouter,
    InterruptedFitWarning,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
)
from skmulti.datasets import make_listings
from skmulti.training.statefile import read_state

FRAME, OUTCOME = make_listings(60, 0, size=(8, 8))


SMALL = {"head": DenseHead(units=(4,)), "batch_size": 16}
# A step that Python runs is slower than a compiled one, but not the first.
EAGER = {**SMALL, "compile__run_eagerly": True}


class BreakOff(keras.callbacks.Callback):
    """Breaks a fit off after an epoch, and notes the epochs in a list of the user's."""

    def __init__(self, epoch, seen, how=None):
        super().__init__()
        self.epoch = epoch
        self.seen = seen
        # In a tuple, since how a fit ends here is no part of what it is.
        self.end = (how,)

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(epoch)
        if self.end[0] and epoch == self.epoch:
            self.end[0]()


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def fail():
    raise RuntimeError("broken off")


def words(folder, seed, seen, how=None):
    """Numbers, categories and text, with a hold-out, early stopping and a callback of Keras' that counts."""
    plateau = keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=10.0)
    clf = MultiInputClassifier(
        **SMALL,
        epochs=6,
        early_stopping=True,
        validation_fraction=0.2,
        callbacks=[plateau, BreakOff(3, seen, how)],
        optimizer="adam",
        n_iter_no_change=3,
        checkpoint=folder,
        random_state=seed,
    )
    return clf.fit(FRAME[["area", "city", "heating", "description"]], OUTCOME)


def photos(folder, seed, seen, how=None):
    """Lazy photos, with augmentation and dropout."""
    router = InputRouter([("photo", ImageDecoder(size=(8, 8), lazy=True), "photo"), ("n", NumberScaler(), ["area"])])
    reg = MultiInputRegressor(
        router,
        **EAGER,
        branches__photo__filters=(2,),
        branches__photo__augment=True,
        input_dropout=0.2,
        epochs=3,
        callbacks=[BreakOff(1, seen, how)],
        checkpoint=folder,
        random_state=seed,
    )
    return reg.fit(FRAME, FRAME["area"])


def make_batches():
    rng = np.random.default_rng(1)
    while True:
        yield {"x": rng.normal(size=(8, 2)).astype("float32")}, np.arange(8.0)


def generator(folder, seed, seen, how=None):
    """Batches of a generator that cannot be rewound."""
    reg = MultiInputRegressor(
        **EAGER,
        epochs=4,
        fit__steps_per_epoch=3,
        callbacks=[BreakOff(1, seen, how)],
        checkpoint=folder,
        random_state=seed,
    )
    return reg.fit(make_batches())


FITS = {"generator": generator, "photos": photos, "words": words}
# A seed that the user did not give is in the checkpoint alone.
SEEDS = {"generator": 2, "photos": 1, "words": None}


def break_off(folder):
    for name, fit in FITS.items():
        try:
            fit(os.path.join(folder, name), SEEDS[name], [], kill if name == "words" else fail)
        except RuntimeError:
            continue


def outcome_of(est, seen):
    return [[array.tobytes() for array in est.model_.get_weights()], est.history_, est.n_iter_, est.best_epoch_, seen]


def go_on(folder):
    """Run each fit from where it was broken off, and another time without a checkpoint; return what came of them."""
    found = {}
    for name, fit in FITS.items():
        place, seen, whole = os.path.join(folder, name), [], []
        (left,) = Path(place).glob("*.checkpoint")
        state = read_state(left)
        resumed = outcome_of(fit(place, SEEDS[name], seen), seen)
        equal = resumed == outcome_of(fit(None, state["seed"], whole), whole)
        found[name] = [len(state["training"]["logs"]) > 0, equal, os.listdir(place)]
    return found


def leftovers():
    """Return threads of Python's, open files and child processes."""
    # TensorFlow's own threads, which it keeps, have a name each if they ever ran Python.
    threads = [thread for thread in threading.enumerate() if not thread.name.startswith(("Dummy", "MainThread"))]
    # A thread that is about to end needs a moment.
    for thread in threads:
        thread.join(2)
    threads = [thread.name for thread in threads if thread.is_alive()]
    files = []
    for number in os.listdir("/proc/self/fd"):
        try:
            files.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            continue
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [threads, sorted(files), file.read().split()]


class Signals:
    """Sends this process a real SIGINT at the n-th call."""

    def __init__(self, at):
        self.at, self.calls = at, 0

    def __call__(self):
        self.calls += 1
        if self.calls == self.at:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)


class SlowDecoder(ImageDecoder):
    """Interrupts while it decodes."""

    def encode_and_flag(self, columns):
        SlowDecoder.signals()
        return super().encode_and_flag(columns)


class Batches(keras.utils.PyDataset):
    """Batches that threads make."""

    def __init__(self, signals):
        super().__init__(workers=2)
        self.signals = signals

    def __len__(self):
        return 4

    def __getitem__(self, index):
        self.signals()
        return {"x": np.full((8, 2), index, "float32")}, np.arange(8) % 2


def frames(signals):
    def read():
        for start in range(0, 60, 20):
            signals()
            yield FRAME[["area", "city"]].assign(y=OUTCOME)[start : start + 20]

    return read


def interrupted(fit, before):
    """Return how a fit ended, and what it left behind."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            est = fit()
            said = [warning.category for warning in caught].count(InterruptedFitWarning)
            how = f"ended with {said} warning" if est.n_iter_ else "ended"
        except KeyboardInterrupt:
            how = "raised"
    after = leftovers()
    return [how, "nothing" if after == before else [before, after]]


def decode(at, lazy):
    SlowDecoder.signals = Signals(at)
    encoders = [("photo", SlowDecoder(size=(8, 8), lazy=lazy), "photo"), ("n", NumberScaler(), ["area"])]
    clf = MultiInputClassifier(InputRouter(encoders, n_jobs=2), **EAGER, branches__photo__filters=(2,), epochs=4)
    return clf.fit(FRAME, OUTCOME)


def interrupts(folder):
    """Interrupt fits in many places."""
    clf = MultiInputClassifier(**EAGER, epochs=4, random_state=0, checkpoint=os.path.join(folder, "interrupts"))
    before = leftovers()
    return {
        "while encoding": interrupted(lambda: decode(1, False), before),
        "while decoding": interrupted(lambda: decode(10, True), before),
        "in a dataset": interrupted(lambda: clf.fit(Batches(Signals(16))), before),
        "in a table": interrupted(lambda: clf.fit(frames(Signals(22)), "y"), before),
    }


if __name__ == "__main__":
    if sys.argv[1] == "kill":
        break_off(sys.argv[2])
    else:
        print("RESULT" + json.dumps([go_on(sys.argv[2]), interrupts(sys.argv[2])]))
