"""Registered, serialisable Keras layers that branches, merges and heads need beyond Keras' own."""

import keras
from keras import ops

__all__ = [
    "LearnedFill",
    "LearnedWhenMissing",
    "MissingRow",
    "StepSummary",
    "TargetUnits",
    "ZeroMasked",
]

_register = keras.saving.register_keras_serializable(package="skmulti")


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
        self.vector = self.add_weight(shape=(width,), initializer="zeros", name="vector")
        super().build(input_shape)

    def call(self, inputs):
        output, flag = inputs
        return ops.where(ops.cast(flag, "bool"), self.vector, output)

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@_register
class MissingRow(keras.layers.Layer):
    """Mark rows that hold nothing: floats that are all NaN, ids that are all 0."""

    def call(self, inputs):
        empty = ops.isnan(inputs) if "float" in str(inputs.dtype) else ops.equal(inputs, 0)
        return ops.all(ops.reshape(empty, (ops.shape(inputs)[0], -1)), axis=1, keepdims=True)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor((inputs.shape[0], 1), dtype="bool")


@_register
class ZeroMasked(keras.layers.Layer):
    """Set masked steps to zero, so that a layer that ignores masks sees no padding."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is None:
            return inputs
        return inputs * ops.cast(ops.expand_dims(mask, -1), inputs.dtype)

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
        return inputs * ops.convert_to_tensor(self.scale, "float64") + ops.convert_to_tensor(
            self.offset, "float64"
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "offset": self.offset, "scale": self.scale}
