"""Layers that end a network: units of the target, several outputs, several members."""

import random
from itertools import pairwise

import keras
import numpy as np
from keras import ops

_register = keras.saving.register_keras_serializable(package="skmulti")


def output_ranges(widths):
    """Return the (start, end) of each output's units, which stand side by side."""
    return pairwise(np.cumsum([0, *widths]).tolist())


def with_logits(proba, take):
    """Take a part of probabilities, and of the logits that Keras keeps beside them.

    A crossentropy of probabilities has no gradient below 1e-7, so that a network that is
    sure of the wrong class would stay so; Keras' own takes these logits where there are any.
    """
    part, logits = take(proba), getattr(proba, "_keras_logits", None)
    if logits is not None:
        part._keras_logits = take(logits)
    return part


@_register
class OutputsSoftmax(keras.layers.Layer):
    """Softmax over the units of each output, which stand one behind the other: (batch, sum of widths).

    Parameters
    ----------
    widths : sequence of int
        Units of each output.
    """

    def __init__(self, widths, **kwargs):
        super().__init__(**kwargs)
        self.widths = [int(width) for width in widths]

    def call(self, logits):
        parts = [logits[:, start:end] for start, end in output_ranges(self.widths)]
        # Keras warns of a softmax over a single unit, the one class of an output: 1, with a gradient of 0.
        parts = [ops.softmax(part) if part.shape[-1] > 1 else 1 + 0 * part for part in parts]
        proba = ops.concatenate(parts, axis=-1)
        proba._keras_logits = logits  # as keras.activations.softmax does
        return proba

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "widths": self.widths}


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
class Members(keras.layers.Layer):
    """Return each of several members a view of its own of one vector: a learned scale, at first random signs.

    Maps (batch, width) to (batch, n_members, width). The layers after it are shared by
    the members, which differ all the same.

    Parameters
    ----------
    n_members : int
        Number of members.

    References
    ----------
    Gorishniy, Kotelnikov and Babenko, "TabM: Advancing Tabular Deep Learning with
    Parameter-Efficient Ensembling", 2024, arXiv:2410.24210.
    """

    def __init__(self, n_members, **kwargs):
        super().__init__(**kwargs)
        self.n_members = int(n_members)

    def build(self, input_shape):
        shape = (self.n_members, input_shape[-1])
        self.scale = self.add_weight(shape=shape, initializer="ones", name="scale")
        # From Python's generator, as Keras' own initializers.
        self.scale.assign(np.random.default_rng(random.randrange(2**31)).choice([-1.0, 1.0], size=shape))
        super().build(input_shape)

    def call(self, inputs):
        return ops.expand_dims(inputs, 1) * self.scale

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.n_members, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "n_members": self.n_members}


@_register
class MemberMean(keras.layers.Layer):
    """Return each member an output layer of its own, and their mean as the prediction.

    Maps (batch, n_members, width) to (batch, units). In training it gives every
    member's outputs side by side, (batch, n_members * units), so that a loss can be
    taken of each: members that are only right on average would learn less.

    Parameters
    ----------
    units : int
        Number of outputs.
    activation : str or None
        Keras activation of each member's output.
    """

    def __init__(self, units, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units = int(units)
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        _, n_members, width = input_shape
        limit = width**-0.5
        uniform = keras.initializers.RandomUniform(-limit, limit)
        self.kernel = self.add_weight(shape=(n_members, width, self.units), initializer=uniform, name="kernel")
        self.bias = self.add_weight(shape=(n_members, self.units), initializer="zeros", name="bias")
        super().build(input_shape)

    def call(self, inputs, training=False):
        outputs = self.activation(ops.einsum("bmw,mwu->bmu", inputs, self.kernel) + self.bias)
        if training:
            return with_logits(outputs, lambda members: ops.reshape(members, (-1, inputs.shape[1] * self.units)))
        return ops.mean(outputs, axis=1)

    def compute_output_spec(self, inputs, training=False):
        return keras.KerasTensor((inputs.shape[0], self.units), dtype=self.compute_dtype)

    def get_config(self):
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "units": self.units, "activation": activation}


def has_members(model):
    """Return whether a network's outputs are means over members."""
    return any(isinstance(layer, MemberMean) for layer in model.layers)


def by_member(outputs, units):
    """Bring members' outputs side by side, (batch, n_members * units), to (batch, n_members, units)."""
    return ops.reshape(outputs, (-1, outputs.shape[-1] // units, units))
