"""Layers for what is missing: learned values in its place, flags of missing rows, which inputs a row has.

Missing is a value, not an accident. Float arrays keep NaN up to the first layer of a branch, `LearnedFill`. Arrays that
cannot express a missing row (pixels, ids of words) come with a second array of flags.
"""

import keras
from keras import ops

_register = keras.saving.register_keras_serializable(package="skmulti")


@_register
class LearnedFill(keras.layers.Layer):
    """Replace NaN by a learned value of its feature.

    An array of steps (rank 3 and higher) also gets a mask: a step that is NaN in all of
    its features is padding or was not measured, and later layers skip it. A step of zeros
    is no such step: zero is a value of a sensor.

    Parameters
    ----------
    initial : sequence of float or None
        Initial value of each feature, usually its training mean; None: zeros. A feature
        that is never missing in training keeps it.
    masks : bool
        Whether there is a mask. Without one, steps of NaN are filled like any other NaN.
    """

    def __init__(self, initial=None, masks=True, **kwargs):
        super().__init__(**kwargs)
        self.initial = None if initial is None else [float(value) for value in initial]
        self.masks = bool(masks)

    def build(self, input_shape):
        self.fill = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="fill")
        if self.initial is not None:
            self.fill.assign(self.initial)
        super().build(input_shape)

    def call(self, inputs):
        # The value gets gradients from rows with NaN only, so that training elsewhere does not move it.
        return ops.where(ops.isnan(inputs), self.fill, inputs)

    def compute_mask(self, inputs, previous_mask=None):
        if len(inputs.shape) < 3 or not self.masks:
            return None
        return ops.logical_not(ops.all(ops.isnan(inputs), axis=-1))

    def get_config(self):
        return {**super().get_config(), "initial": self.initial, "masks": self.masks}


@_register
class FillFromOthers(LearnedFill):
    """Replace NaN by what the other values of the row let expect, plus a learned value of its feature.

    Maps (batch, n_features) to the same shape. A row without any value gets the learned values alone.

    Parameters
    ----------
    initial : sequence of float or None
        Initial value of each feature, as of `LearnedFill`; None: zeros.
    low, high : sequence of float
        Range of each feature: as far as a value is outside of it, it says nothing of others.
    slopes : array-like of shape (n_features, n_features) or None
        By how much each feature (rows) moves what is expected of the others (columns), see
        `slopes_between`. None: zeros, until weights are loaded.
    """

    def __init__(self, initial, low, high, slopes=None, **kwargs):
        super().__init__(initial, **kwargs)
        self.low, self.high = list(map(float, low)), list(map(float, high))
        self._slopes = slopes

    def build(self, input_shape):
        super().build(input_shape)
        n_features = input_shape[-1]
        # A weight, as the config would hold the square of the number of features as text.
        self.slopes = self.add_weight(
            shape=(n_features, n_features), initializer="zeros", trainable=False, name="slopes"
        )
        if self._slopes is not None:
            self.slopes.assign(self._slopes)

    def call(self, inputs):
        low, high, middle = (
            ops.convert_to_tensor(values, self.compute_dtype)
            for values in (self.low, self.high, self.initial or [0.0] * len(self.low))
        )
        missing = ops.isnan(inputs)
        known = ops.where(missing, 0.0, ops.clip(inputs, low, high) - middle)
        return ops.where(missing, self.fill + ops.matmul(known, self.slopes), inputs)

    def get_config(self):
        return {**super().get_config(), "low": self.low, "high": self.high}


@_register
class LearnedWhenMissing(keras.layers.Layer):
    """Replace the branch's output by a learned vector in rows that have no value of the input.

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
    """Mark rows without any value: floats that are all NaN, or ids that are all 0; never a row of pixels.

    Parameters
    ----------
    n_indicators : int
        Number of entries at the end of the last axis that are never NaN: they say which of the
        values before them are.
    """

    def __init__(self, n_indicators=0, **kwargs):
        super().__init__(**kwargs)
        self.n_indicators = int(n_indicators)

    def call(self, inputs):
        inputs = inputs[..., : inputs.shape[-1] - self.n_indicators]
        return ops.all(ops.reshape(_is_empty(inputs), (ops.shape(inputs)[0], -1)), axis=1, keepdims=True)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor((inputs.shape[0], 1), dtype="bool")

    def get_config(self):
        return {**super().get_config(), "n_indicators": self.n_indicators}


def _is_empty(values):
    """Mark NaN of floats and 0 of ids; of pixels nothing."""
    dtype = keras.backend.standardize_dtype(values.dtype)
    if "float" in dtype:
        return ops.isnan(values)
    # 0 is black, and a black photo is a photo: no pixel is below 0.
    return values < 0 if dtype == "uint8" else ops.equal(values, 0)


@_register
class RandomFlag(keras.layers.Layer):
    """Flag random rows in training, in addition to those with a flag; their input is dropped.

    Parameters
    ----------
    rate : float
        Share of the rows, in [0, 1).
    seed : int or None
        Seed of the draws; None takes one from Python's generator, as Keras' ``Dropout`` does.
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
    """Turn flags of missing rows, bool (batch, 1) each, into which inputs a row has: bool (batch, n).

    Parameters
    ----------
    flagged : sequence of bool
        For each of the n inputs, whether the layer is called with a flag for it. An input
        without a flag is never missing.
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
class AllMissing(keras.layers.Layer):
    """Flag the rows that are missing by every flag, bool (batch, 1)."""

    def call(self, flags):
        return ops.all(ops.concatenate(flags, axis=1), axis=1, keepdims=True)
