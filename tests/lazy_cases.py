"""Photos, and a router and a classifier that read them lazily or at once."""

import io
import threading

import numpy as np
from PIL import Image

from skmulti import (
    DenseBranch,
    ImageBranch,
    ImageDecoder,
    InputEncoder,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    NumberScaler,
    SequenceBranch,
    SequencePadder,
)
from skmulti.spec import ArraySpec


def png(value, side=16):
    """Return the bytes of a PNG whose brightness is about `value`, with noise that the value decides."""
    noise = np.random.default_rng(value).integers(0, 40, (side, side, 3))
    file = io.BytesIO()
    Image.fromarray((noise + value).astype("uint8")).save(file, "PNG")
    return file.getvalue()


def router(lazily, **params):
    return InputRouter(
        [
            ("number", NumberScaler(), ["number"]),
            ("photo", ImageDecoder(size=(12, 12), lazy=lazily, **params), "photo"),
            ("trace", SequencePadder(lazy=lazily), "trace"),
        ]
    )


def classifier(lazily, filters=(2,), **params):
    branches = {"photo": ImageBranch(filters), "trace": SequenceBranch(units=4), "number": DenseBranch((4,))}
    params = {"epochs": 2, "batch_size": 16, "early_stopping": False, "random_state": 0, **params}
    return MultiInputClassifier(router(lazily), branches=branches, **params)


class Counter(InputEncoder):
    """Gives each cell as a vector, and counts its calls and the threads that they come from."""

    default_branch = DenseBranch
    lazy = True

    def fit(self, columns, y=None):
        self.calls, self.threads, self.broken = [], set(), None
        return self

    def transform(self, columns):
        self.calls.append(len(columns))
        self.threads.add(threading.current_thread().name)
        if self.broken in columns.index:
            raise InputMismatchError(f"row label {self.broken!r} is broken")
        return np.asarray(columns, dtype="float32")[:, None]

    def spec(self, name):
        return ArraySpec(name, "vector", (1,), "float32")
