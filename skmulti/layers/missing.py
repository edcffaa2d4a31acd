"""Registered, serialisable Keras layers that branches, merges and heads need beyond Keras' own."""

import math

import keras
import numpy as np
from keras import ops

from ..spec import FIRST_ID
from .lookup import look_up

__all__ = [
    "AllMissing",
    "CategoryEmbedding",
    "FeatureScale",
    "Gates",
    "InputEmbedding",
    "LearnedFill",
    "LearnedWhenMissing",
    "MissingRow",
    "OneHotIds",
    "PresentInputs",
    "RandomFlag",
    "StepMask",
    "StepPosition",
    "StepSummary",
    "TargetUnits",
    "ZeroMasked",
    "feature_means",
]

_register = keras.saving.register_keras_serializable(package="skmulti")


@_register
class CategoryEmbedding(keras.layers.Layer):
    """Look up one vector per column in a single table, the columns' ids behind one another.

    The rows of missing and unknown values start at zero, so that a value which
    training never showed adds nothing.

    Parameters
    ----------
    vocabulary_sizes : sequence of int
        Ids of each column.
    embedding_dim : int
        Length of a vector.
    """

    def __init__(self, vocabulary_sizes, embedding_dim, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_sizes = [int(size) for size in vocabulary_sizes]
        self.embedding_dim = int(embedding_dim)
        self._offsets = np.concatenate([[0], np.cumsum(self.vocabulary_sizes)[:-1]]).astype("int32")

    def build(self, input_shape):
        total = sum(self.vocabulary_sizes)
        self.table = self.add_weight(shape=(total, self.embedding_dim), initializer="uniform", name="table")
        values = ops.convert_to_numpy(self.table).copy()
        values[np.concatenate([self._offsets + i for i in range(FIRST_ID)])] = 0
        self.table.assign(values)
        super().build(input_shape)

    def call(self, ids):
        return look_up(self.table, ops.cast(ids, "int32") + self._offsets)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.embedding_dim)

    def get_config(self):
        own = {"vocabulary_sizes": self.vocabulary_sizes, "embedding_dim": self.embedding_dim}
        return {**super().get_config(), **own}


@_register
class OneHotIds(keras.layers.Layer):
    """One column of 0 and 1 for each id of each column.

    Parameters
    ----------
    vocabulary_sizes : sequence of int
        Ids of each column.
    """

    def __init__(self, vocabulary_sizes, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_sizes = [int(size) for size in vocabulary_sizes]

    def call(self, ids):
        columns = [
            ops.one_hot(ids[:, i], size, dtype=self.compute_dtype) for i, size in enumerate(self.vocabulary_sizes)
        ]
        return ops.concatenate(columns, axis=-1)

    def compute_output_spec(self, ids):
        return keras.KerasTensor((ids.shape[0], sum(self.vocabulary_sizes)), dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "vocabulary_sizes": self.vocabulary_sizes}


@_register
class LearnedFill(keras.layers.Layer):
    """Put a learned value, one per feature, in the place of NaN.

    An array of steps (rank 3 and up) also gets a mask: a step that is NaN in all
    of its features is padding or was not measured, and later layers skip it.

    Parameters
    ----------
    initial : sequence of float or None
        First value of each feature, its training mean by default a zero. A
        feature that was never missing in training keeps it.
    """

    def __init__(self, initial=None, **kwargs):
        super().__init__(**kwargs)
        self.initial = None if initial is None else [float(value) for value in initial]

    def build(self, input_shape):
        self.fill = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="fill")
        if self.initial is not None:
            self.fill.assign(self.initial)
        super().build(input_shape)

    def call(self, inputs):
        return ops.where(ops.isnan(inputs), self.fill, inputs)

    def compute_mask(self, inputs, previous_mask=None):
        if len(inputs.shape) < 3:
            return None
        return ops.logical_not(ops.all(ops.isnan(inputs), axis=-1))

    def get_config(self):
        return {**super().get_config(), "initial": self.initial}


@_register
class LearnedWhenMissing(keras.layers.Layer):
    """Put a learned vector in the place of the branch output of rows that hold nothing.

    Called on ``[output (batch, width), flag (batch, 1) bool]``.
    """

    def build(self, input_shape):
        width = input_shape[0][-1]
        self.learned = self.add_weight(shape=(width,), initializer="zeros", name="learned")
        super().build(input_shape)

    def call(self, inputs):
        output, flag = inputs
        return ops.where(ops.cast(flag, "bool"), self.learned, output)

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@_register
class MissingRow(keras.layers.Layer):
    """Mark rows that hold nothing: floats that are all NaN, ids that are all 0; no row of pixels.

    Parameters
    ----------
    n_indicators : int
        Entries at the end of the last axis that are never NaN, since they say which of the
        values before them are.
    """

    def __init__(self, n_indicators=0, **kwargs):
        super().__init__(**kwargs)
        self.n_indicators = int(n_indicators)

    def call(self, inputs):
        inputs = inputs[..., : inputs.shape[-1] - self.n_indicators]
        dtype = keras.backend.standardize_dtype(inputs.dtype)
        empty = ops.isnan(inputs) if "float" in dtype else ops.equal(inputs, 0) if dtype != "uint8" else inputs < 0
        return ops.all(ops.reshape(empty, (ops.shape(inputs)[0], -1)), axis=1, keepdims=True)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor((inputs.shape[0], 1), dtype="bool")

    def get_config(self):
        return {**super().get_config(), "n_indicators": self.n_indicators}


@_register
class ZeroMasked(keras.layers.Layer):
    """Set masked steps to zero, for a layer that ignores masks; the mask ends here.

    A later layer that needs the mask gets it from `StepMask`.
    """

    def call(self, inputs, mask=None):
        if mask is None:
            return inputs
        return inputs * ops.cast(ops.expand_dims(mask, -1), inputs.dtype)

    def compute_mask(self, inputs, mask=None):
        # Keras warns when a mask reaches a layer that would drop it, as Conv1D and Flatten do.
        return None

    def compute_output_shape(self, input_shape):
        return input_shape


@_register
class StepSummary(keras.layers.Layer):
    """Average and maximum over the unmasked steps, side by side.

    Maps (batch, steps, width) to (batch, 2 * width). A row without any step gives
    zeros, where an average over none would be NaN.
    """

    def call(self, inputs, mask=None):
        if mask is None:
            return ops.concatenate([ops.mean(inputs, axis=1), ops.max(inputs, axis=1)], axis=-1)
        seen = ops.cast(ops.expand_dims(mask, -1), inputs.dtype)
        count = ops.maximum(ops.sum(seen, axis=1), 1)
        mean = ops.sum(inputs * seen, axis=1) / count
        lowest = ops.cast(-1e9, inputs.dtype)
        highest = ops.max(ops.where(seen > 0, inputs, lowest), axis=1)
        return ops.concatenate([mean, ops.where(ops.any(seen > 0, axis=1), highest, 0)], axis=-1)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2 * input_shape[-1])


@_register
class TargetUnits(keras.layers.Layer):
    """Bring a standardised output to the units of y: ``scale * output + offset``.

    It works in float64 whatever the network works in: a target of 1e6 with a
    spread of 1e-3 would vanish in float32.

    Parameters
    ----------
    offset, scale : sequence of float
        One value per output.
    """

    def __init__(self, offset=(0.0,), scale=(1.0,), **kwargs):
        super().__init__(**{**kwargs, "dtype": "float64"})
        self.offset = [float(value) for value in offset]
        self.scale = [float(value) for value in scale]

    def call(self, inputs):
        # Members of a head stand side by side in training, each with all outputs.
        n_members = inputs.shape[-1] // len(self.scale)
        scale, offset = (ops.convert_to_tensor(values * n_members, "float64") for values in (self.scale, self.offset))
        return inputs * scale + offset

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "offset": self.offset, "scale": self.scale}


@_register
class FeatureScale(keras.layers.Layer):
    """Subtract a mean from each feature and divide by its standard deviation; masks pass.

    Keras' ``Normalization`` divides by 1e-7 at least, which would leave a current in
    picoamperes near zero.

    Parameters
    ----------
    mean, scale : sequence of float
        One value per feature of the last axis.
    """

    def __init__(self, mean, scale, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.mean = [float(value) for value in mean]
        self.scale = [float(value) for value in scale]

    def call(self, inputs):
        mean, scale = (ops.convert_to_tensor(values, inputs.dtype) for values in (self.mean, self.scale))
        return (inputs - mean) / scale

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "mean": self.mean, "scale": self.scale}


@_register
class StepMask(keras.layers.Layer):
    """Give the Keras mask of a tensor of steps as a bool tensor (batch, steps), True where none is set."""

    def call(self, inputs, mask=None):
        return ops.ones(ops.shape(inputs)[:2], dtype="bool") if mask is None else ops.cast(mask, "bool")

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_spec(self, inputs, mask=None):
        return keras.KerasTensor(inputs.shape[:2], dtype="bool")


@_register
class StepPosition(keras.layers.Layer):
    """Add sines and cosines of a step's position, so that attention knows the order.

    Positions count the unmasked steps, so that padding on either side changes
    nothing, and need no weight per step, so that any number of steps will do. A
    learned gain per unit starts at 0.1: the order must not drown the values.

    References
    ----------
    Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762, section 3.5.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        initial = keras.initializers.Constant(0.1)
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer=initial, name="gain")
        super().build(input_shape)

    def call(self, inputs, mask=None):
        seen = ops.ones_like(inputs[..., 0]) if mask is None else ops.cast(mask, inputs.dtype)
        width = inputs.shape[-1]
        pair = ops.cast(ops.arange(width) // 2, inputs.dtype)
        angle = ops.expand_dims(ops.cumsum(seen, axis=1) - 1, -1) * ops.exp(pair * (-2 * math.log(1e4) / width))
        wave = ops.where(ops.arange(width) % 2 == 0, ops.sin(angle), ops.cos(angle))
        return inputs + self.gain * wave

    def compute_output_shape(self, input_shape):
        return input_shape


@_register
class RandomFlag(keras.layers.Layer):
    """Set flags at random in training: the rows whose input is dropped.

    Parameters
    ----------
    rate : float
        Share of the rows.
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, flag, training=False):
        flag = ops.cast(flag, "bool")
        if not training:
            return flag
        draw = keras.random.uniform(ops.shape(flag), seed=self.seed_generator)
        return ops.logical_or(flag, draw < self.rate)

    def compute_output_spec(self, flag, training=False):
        return keras.KerasTensor(flag.shape, dtype="bool")

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@_register
class PresentInputs(keras.layers.Layer):
    """Turn flags of missing rows, bool (batch, 1) each, into which inputs are there: bool (batch, n).

    Parameters
    ----------
    flagged : sequence of bool
        For each of the n inputs, whether there is a flag for it.
    """

    def __init__(self, flagged, **kwargs):
        super().__init__(**kwargs)
        self.flagged = [bool(flag) for flag in flagged]

    def call(self, flags):
        remaining = iter(flags)
        never = ops.zeros_like(flags[0], dtype="bool")
        missing = [ops.cast(next(remaining), "bool") if flag else never for flag in self.flagged]
        return ops.logical_not(ops.concatenate(missing, axis=1))

    def get_config(self):
        return {**super().get_config(), "flagged": self.flagged}


@_register
class Gates(keras.layers.Layer):
    """Softmax of scores (batch, n) over the inputs that a row has; equal without scores."""

    def call(self, present, scores=None):
        scores = ops.zeros_like(present, dtype=self.compute_dtype) if scores is None else scores
        masked = ops.where(present, scores, ops.cast(float("-inf"), scores.dtype))
        # The softmax over nothing would be NaN: a row that has no input shares equally.
        return ops.softmax(ops.where(ops.any(present, axis=1, keepdims=True), masked, ops.zeros_like(scores)))


@_register
class InputEmbedding(keras.layers.Layer):
    """Add to each of n stacked inputs, (batch, n, width), a learned vector of its own."""

    def build(self, input_shape):
        self.embedding = self.add_weight(shape=tuple(input_shape[1:]), initializer="uniform", name="embedding")
        super().build(input_shape)

    def call(self, inputs):
        return inputs + self.embedding

    def compute_output_shape(self, input_shape):
        return input_shape


@_register
class AllMissing(keras.layers.Layer):
    """Flag the rows that every flag, bool (batch, 1), marks as missing."""

    def call(self, flags):
        return ops.all(ops.concatenate(flags, axis=1), axis=1, keepdims=True)


# Rows of a sample that are floats of 64 bits at once.
MOMENT_ROWS = 1_000


def feature_means(sample, mean=None):
    """Average each feature of the last axis, or its squared distance from `mean`; 0 where all is NaN."""
    total, count = 0.0, 0
    for start in range(0, len(sample), MOMENT_ROWS):
        flat = np.asarray(sample[start : start + MOMENT_ROWS], dtype="float64").reshape(-1, sample.shape[-1])
        flat = flat if mean is None else (flat - mean) ** 2
        total = total + np.nansum(flat, axis=0)
        count = count + (~np.isnan(flat)).sum(axis=0)
    return total / np.maximum(count, 1)
