"""Dense layers: one after the other, as gates, and a learned vector for each input."""

import keras
from keras import ops

from .._validation import Integral

_register = keras.saving.register_keras_serializable(package="skmulti")


def check_units(units):
    """Refuse widths of dense layers that are no positive integers."""
    if not all(isinstance(width, Integral) and width > 0 for width in units):
        raise ValueError(f"units must hold positive integers, the widths of dense layers, got {units!r}.")


def dense_stack(tensor, units, *, activation="relu", dropout=0.0, prefix=None):
    """Connect dense layers of the given widths, each followed by dropout."""
    check_units(units)
    for i, width in enumerate(units):
        # Keras' own names ("dense") would collide with an input of that name in the same model.
        names = (f"{prefix}dense_{i}", f"{prefix}dropout_{i}") if prefix else (None, None)
        tensor = keras.layers.Dense(int(width), activation=activation, name=names[0])(tensor)
        if dropout:
            tensor = keras.layers.Dropout(dropout, name=names[1])(tensor)
    return tensor


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
