"""Estimators and a callback that workers import by name, and the search that the tests repeat."""

import os
import signal
import time

import keras
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from skmulti import (
    DenseBranch,
    ImageDecoder,
    InputRouter,
    MultiInputClassifier,
    NumberScaler,
    TextVectorizer,
)
from skmulti.datasets import make_listings

GRID = {"branches__numbers": [DenseBranch((8,)), DenseBranch((16,))], "merge": ["concatenate", "gated"]}


def rows(count=240):
    """Return listings whose rows have names, and their outcome."""
    df, y = make_listings(count, random_state=0, size=(8, 8))
    names = [f"row {i}" for i in range(count)]
    return df.set_axis(names), y.set_axis(names)


def classifier(**params):
    """Return a classifier of numbers and text that fits in about a second."""
    router = InputRouter([("numbers", NumberScaler(), ["area", "price"]), ("text", TextVectorizer(), "description")])
    return MultiInputClassifier(router, **{"epochs": 2, "early_stopping": False, "random_state": 0, **params})


def photo_classifier(folder, memory):
    """Return a classifier of photos by relative path, whose decoded rows are kept in a folder."""
    router = InputRouter([("photo", ImageDecoder(size=(8, 8), folder=folder, lazy=True), "photo")])
    return MultiInputClassifier(router, epochs=1, early_stopping=False, memory=memory, random_state=0)


class Constant(ClassifierMixin, BaseEstimator):
    """Predicts the first class, after some time.

    Parameters
    ----------
    value : int
        Nothing depends on it.
    deadly : bool
        Whether every fit kills its worker.
    """

    def __init__(self, value=0, deadly=False):
        self.value = value
        self.deadly = deadly

    def fit(self, X, y, weights=None):
        """Remember the classes."""
        if self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        self.classes_ = np.unique(y)
        time.sleep(0.3)
        return self

    def predict(self, X):
        """Return the first class for each row."""
        return np.repeat(self.classes_[:1], len(X))


class DiesAtEpoch(keras.callbacks.Callback):
    """Kills its worker at the end of an epoch, in the middle of a fit, as often as there are files in a folder.

    Parameters
    ----------
    deaths : str
        The folder. A death takes a file with it.
    """

    def __init__(self, deaths):
        super().__init__()
        self.deaths = deaths

    def on_epoch_end(self, epoch, logs=None):
        """Take a file and die, if there is one."""
        for name in os.listdir(self.deaths):
            try:
                os.unlink(os.path.join(self.deaths, name))
            except FileNotFoundError:  # the other worker was faster
                continue
            os.kill(os.getpid(), signal.SIGKILL)
