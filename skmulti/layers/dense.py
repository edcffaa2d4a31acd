"""Dense layers in a row, and the layers with which merges weigh and tell apart the inputs."""

import keras
from keras import ops

from .._validation import Integral

_register = keras.saving.register_keras_serializable(package="skmulti")


def check_units(units):
    """Refuse widths of dense layers that are not positive integers."""
    if not all(isinstance(width, Integral) and width > 0 for width in units):
        raise ValueError(f"units must hold positive integers, the widths of dense layers, got {units!r}.")


@_register
class OpenDropout(keras.layers.Dropout):
    """Dropout whose share nobody named, so that a fit may choose another one before it trains.

    Parameters
    ----------
    rate : float
        Share that is dropped unless a fit chooses another one, above 0: a layer of Keras without dropout would
        have no random generator, whose state is saved.
    chosen : float or None
        Share that a fit has chosen.
    """

    def __init__(self, rate, chosen=None, **kwargs):
        super().__init__(rate, **kwargs)
        self.chosen = self.rate if chosen is None else float(chosen)

    def call(self, inputs, training=False):
        if not training or not self.chosen:
            return inputs
        return keras.random.dropout(inputs, self.chosen, seed=self.seed_generator)

    def get_config(self):
        return {**super().get_config(), "chosen": self.chosen}


@_register
class OpenInput(keras.layers.Layer):
    """Pass the vector of an input on, or zeros in its place if a fit has left the input out before it trained.

    Parameters
    ----------
    left_out : bool
        Whether the input is left out.
    """

    def __init__(self, left_out=False, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.left_out = bool(left_out)

    def call(self, inputs):
        # A product, not new zeros: the weights of the input's branch then have a gradient, of 0.
        return inputs * 0 if self.left_out else inputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "left_out": self.left_out}


def open_dropouts(network):
    """Return the dropout layers of a network, also within its branches, whose share a fit may choose."""
    found = []
    for layer in network.layers:
        found += open_dropouts(layer) if isinstance(layer, keras.Model) else [layer]
    return [layer for layer in found if isinstance(layer, OpenDropout)]


def dense_stack(tensor, units, *, activation="relu", dropout=0.0, prefix=None, dropout_layer=keras.layers.Dropout):
    """Connect dense layers of the given widths, each followed by dropout."""
    check_units(units)
    for i, width in enumerate(units):
        # Keras' own names ("dense") would collide with an input of that name in the same model.
        names = (f"{prefix}dense_{i}", f"{prefix}dropout_{i}") if prefix else (None, None)
        tensor = keras.layers.Dense(int(width), activation=activation, name=names[0])(tensor)
        if dropout:
            tensor = dropout_layer(dropout, name=names[1])(tensor)
    return tensor


@_register
class Gates(keras.layers.Layer):
    """Softmax of scores (batch, n) over the inputs that a row has; without scores, equal shares."""

    def call(self, present, scores=None):
        scores = ops.zeros_like(present, dtype=self.compute_dtype) if scores is None else scores
        # Not minus infinity, of which a converter to ONNX makes 0 times infinity. The exponential of this is 0, too.
        masked = ops.where(present, scores, ops.cast(-1e9, scores.dtype))
        # A softmax over nothing is NaN: a row without any input gets equal shares.
        return ops.softmax(ops.where(ops.any(present, axis=1, keepdims=True), masked, ops.zeros_like(scores)))


@_register
class InputEmbedding(keras.layers.Layer):
    """Add a learned vector to each of n stacked inputs, (batch, n, width): attention sees no order otherwise."""

    def build(self, input_shape):
        self.embedding = self.add_weight(shape=tuple(input_shape[1:]), initializer="uniform", name="embedding")
        super().build(input_shape)

    def call(self, inputs):
        return inputs + self.embedding

    def compute_output_shape(self, input_shape):
        return input_shape
