"""What a user may write: parts that a file can name, and that `load` must be told to trust."""

import enum

import keras
import numpy as np

from skmulti import Branch, NumberScaler


class OwnScaler(NumberScaler):
    """An encoder of the user's."""


class OwnBranch(Branch):
    """A branch of the user's."""

    reads = ("vector",)

    def __init__(self, units=3):
        self.units = units

    def connect(self, tensor, spec, sample):
        return OwnDense(self.units)(keras.ops.nan_to_num(tensor))


@keras.saving.register_keras_serializable(package="own")
class OwnDense(keras.layers.Dense):
    """A layer of the user's."""


class OwnMetric(keras.metrics.MeanSquaredError):
    """A metric of the user's."""


def columns_of(frame):
    """A function that picks columns."""
    return ["a", "b"]


class Colour(enum.Enum):
    RED = 1


class Plain:
    def __init__(self, value):
        self.value = value


PARTS = [OwnScaler, OwnBranch, OwnDense, OwnMetric, columns_of]
ARRAY = np.arange(3)
