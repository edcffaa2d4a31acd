"""Layers that read sequences: masks, positions and summaries of their steps."""

import math

import keras
from keras import ops

from .unpadded import may_skip, skips_padding, summarise

# Tensors of ours have their channels last, whatever format Keras is set to: every layer that asks for it is told.
CHANNELS_LAST = {"data_format": "channels_last"}

_register = keras.saving.register_keras_serializable(package="skmulti")


@_register
class ZeroMasked(keras.layers.Layer):
    """Set masked steps to zero, for layers that ignore masks, and drop the mask.

    A later layer that needs the mask reads it from `StepMask`.
    """

    def call(self, inputs, mask=None):
        if mask is None:
            return inputs
        return inputs * ops.cast(ops.expand_dims(mask, -1), inputs.dtype)

    def compute_mask(self, inputs, mask=None):
        # Keras warns of a mask that reaches a layer which would ignore it, such as Conv1D or Flatten.
        return None

    def compute_output_shape(self, input_shape):
        return input_shape


# What a `StepSummary` returns, by its pooling.
_POOLED = {"both": ("average", "max"), "average": ("average",), "max": ("max",)}


@_register
class StepSummary(keras.layers.Layer):
    """Put the average and the maximum over the unmasked steps side by side, or return one of the two.

    Maps (batch, steps, width) to (batch, 2 * width), or to (batch, width). The result of a row without
    any step is zeros: an average over none would be NaN.

    Parameters
    ----------
    pooling : {"both", "average", "max"}
        What is returned.
    """

    def __init__(self, pooling="both", **kwargs):
        super().__init__(**kwargs)
        self.pooling = pooling

    def call(self, inputs, mask=None, training=False):
        if mask is not None and may_skip(training) and skips_padding(inputs.dtype):
            found = dict(zip(("average", "max"), summarise(inputs, ops.cast(mask, "bool")), strict=True))
        else:
            found = {"average": _average(inputs, mask), "max": _highest(inputs, mask)}
        return ops.concatenate([found[name] for name in _POOLED[self.pooling]], axis=-1)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1] * (1 + (self.pooling == "both")))

    def get_config(self):
        return {**super().get_config(), "pooling": self.pooling}


def _average(inputs, mask):
    """Return the average over the unmasked steps; of none it is 0."""
    if mask is None:
        return ops.mean(inputs, axis=1)
    seen = ops.cast(ops.expand_dims(mask, -1), inputs.dtype)
    return ops.sum(inputs * seen, axis=1) / ops.maximum(ops.sum(seen, axis=1), 1)


def _highest(inputs, mask):
    """Return the maximum over the unmasked steps; of none it is 0."""
    if mask is None:
        return ops.max(inputs, axis=1)
    # A sum takes two thirds of the time of a choice between each number and -1e9, and steps that are there stay as are.
    far_below = ops.where(mask, ops.cast(0, inputs.dtype), ops.cast(-1e9, inputs.dtype))
    highest = ops.max(inputs + ops.expand_dims(far_below, -1), axis=1)
    return ops.where(ops.any(mask, axis=1, keepdims=True), highest, 0)


@_register
class StepMask(keras.layers.Layer):
    """Return the Keras mask of steps as a bool tensor (batch, steps); without a mask all of it is True."""

    def call(self, inputs, mask=None):
        return ops.ones(ops.shape(inputs)[:2], dtype="bool") if mask is None else ops.cast(mask, "bool")

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_spec(self, inputs, mask=None):
        return keras.KerasTensor(inputs.shape[:2], dtype="bool")


@_register
class StepPosition(keras.layers.Layer):
    """Add sines and cosines of each step's position, so that attention knows the order.

    Positions count unmasked steps, so that padding on either side changes nothing. They
    have no weights for each step, so that any number of steps is possible. A learned gain
    for each unit starts at 0.1: the order must not drown the values.

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
        # Units 2i and 2i + 1 are a sine and a cosine of one wavelength.
        pair = ops.cast(ops.arange(width) // 2, inputs.dtype)
        angle = ops.expand_dims(ops.cumsum(seen, axis=1) - 1, -1) * ops.exp(pair * (-2 * math.log(1e4) / width))
        wave = ops.where(ops.arange(width) % 2 == 0, ops.sin(angle), ops.cos(angle))
        return inputs + self.gain * wave

    def compute_output_shape(self, input_shape):
        return input_shape
