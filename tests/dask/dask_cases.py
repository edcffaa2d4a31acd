"""A table and estimators that tests with Dask read, also in worker processes."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from skmulti import (
    CategoryIndexer,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    TextVectorizer,
)

N = 60
READ = ["size", "place", "note"]
PARAMS = {"epochs": 1, "batch_size": 32, "early_stopping": False, "random_state": 0}


class CountedScaler(StandardScaler):
    """Writes the number of its process to a file when it is made of a pickle of a fitted one."""

    def __init__(self, file=None):
        super().__init__()
        self.file = file

    def __setstate__(self, state):
        super().__setstate__(state)
        # An estimator also holds the scalers that were not fitted, as its parameters.
        if "scale_" in state:
            with open(self.file, "a") as file:
                file.write(f"{os.getpid()}\n")


def unpicklings(file):
    """Return the processes that have made a `CountedScaler` of a pickle, one entry each time."""
    return list(map(int, Path(file).read_text().split())) if Path(file).exists() else []


def rows(n=N, seed=0):
    """Return a table of a number with gaps, a category, a text, an id that no input reads, and targets."""
    rng = np.random.default_rng(seed)
    words = np.array(["warm", "cold", "wet", "dry", "old", "new"])
    frame = pd.DataFrame(
        {
            "id": np.arange(n),
            "size": np.where(rng.random(n) < 0.1, np.nan, rng.normal(50, 20, n)),
            "place": pd.Categorical(rng.choice(["Rome", "Oslo", "Bern"], n)),
            "note": [" ".join(rng.choice(words, 4)) for _ in range(n)],
            "weight": rng.uniform(0.5, 2, n),
        },
        index=pd.RangeIndex(1000, 1000 + n, name="row"),
    )
    price = frame["size"].fillna(0) + 10 * (frame["place"] == "Rome") + rng.normal(size=n)
    label = np.where(frame["note"].str.contains("warm"), "yes", "no")
    return frame.assign(price=price, label=label, code=rng.integers(0, 3, n), rent=2 * price + 1)


def router(scaler=None):
    """Return a router of all three columns."""
    return InputRouter(
        [
            ("size", scaler or NumberScaler(), ["size"]),
            ("place", CategoryIndexer(), "place"),
            ("note", TextVectorizer(max_tokens=8), "note"),
        ]
    )


def fitted(target, scaler=None, **params):
    """Return an estimator that has learned one or several columns of the table."""
    frame = rows()
    first = target if isinstance(target, str) else target[0]
    kind = MultiInputRegressor if frame[first].dtype.kind == "f" else MultiInputClassifier
    return kind(router(scaler), **{**PARAMS, **params}).fit(frame[READ], frame[target])
