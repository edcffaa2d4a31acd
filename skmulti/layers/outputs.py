"""Layers at the end of a network: units of y, several outputs, several members, several networks.

Several outputs or members are side by side on the last axis, since a Keras loss takes one tensor. In training, the
result of a head with members has the outputs of each member; everywhere else it is their mean.
"""

from itertools import pairwise

import keras
import numpy as np
from keras import ops

from .._process import draw_number

_register = keras.saving.register_keras_serializable(package="skmulti")


def output_ranges(widths):
    """Return (start, end) of each output's units, which are side by side on the last axis."""
    return pairwise(np.cumsum([0, *widths]).tolist())


def with_logits(proba, take):
    """Return ``take(proba)`` with the same part of the logits, if Keras keeps logits with the probabilities.

    The crossentropy of probabilities has no gradient below 1e-7, so that a network that is sure of the
    wrong class would remain so. Keras' own crossentropy computes with the logits if it finds them.
    """
    part, logits = take(proba), getattr(proba, "_keras_logits", None)
    if logits is not None:
        part._keras_logits = take(logits)
    return part


@_register
class OutputsSoftmax(keras.layers.Layer):
    """Apply a softmax to the units of each output: (batch, sum of widths), the outputs side by side.

    Parameters
    ----------
    widths : sequence of int
        Number of units of each output.
    """

    def __init__(self, widths, **kwargs):
        super().__init__(**kwargs)
        self.widths = [int(width) for width in widths]

    def call(self, logits):
        parts = [logits[:, start:end] for start, end in output_ranges(self.widths)]
        # Keras warns of a softmax over a single unit. The probability of an output's only class is 1, with a gradient
        # of 0.
        parts = [ops.softmax(part) if part.shape[-1] > 1 else 1 + 0 * part for part in parts]
        proba = ops.concatenate(parts, axis=-1)
        # As keras.activations.softmax does, for `with_logits`.
        proba._keras_logits = logits
        return proba

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "widths": self.widths}


@_register
class TargetUnits(keras.layers.Layer):
    """Bring a standardised output to the units of y: ``scale * output + offset``.

    The last layer of a regression. `TargetUnitsLoss` undoes it, so that the network learns a target of
    mean 0 and deviation 1, while predictions, checkpoints and ``model_.predict`` are in the units of y.
    It computes in float64, whatever the network's dtype: the differences in a target of 1e6 with a
    spread of 1e-3 would vanish in float32.

    Parameters
    ----------
    offset, scale : sequence of float
        One value for each output.
    """

    def __init__(self, offset=(0.0,), scale=(1.0,), **kwargs):
        super().__init__(**{**kwargs, "dtype": "float64"})
        self.offset = [float(value) for value in offset]
        self.scale = [float(value) for value in scale]

    def call(self, inputs):
        # In training the head's members are side by side, each with all outputs.
        n_members = inputs.shape[-1] // len(self.scale)
        scale, offset = (ops.convert_to_tensor(values * n_members, "float64") for values in (self.scale, self.offset))
        return inputs * scale + offset

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "offset": self.offset, "scale": self.scale}


@_register
class Members(keras.layers.Layer):
    """Multiply a vector by a learned scale of each member, which starts as random signs.

    Maps (batch, width) to (batch, n_members, width). The members share the layers after this
    one, and differ nevertheless, since each reads another view of the vector.

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
        # Seeded as Keras' own initializers are: `random_state` then decides these signs, too.
        self.scale.assign(np.random.default_rng(draw_number()).choice([-1.0, 1.0], size=shape))
        super().build(input_shape)

    def call(self, inputs):
        return ops.expand_dims(inputs, 1) * self.scale

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.n_members, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "n_members": self.n_members}


@_register
class MemberMean(keras.layers.Layer):
    """Apply an output layer to each member, and predict the mean of the members.

    Maps (batch, n_members, width) to (batch, units). In training the result has the outputs of
    every member side by side, (batch, n_members * units), so that the loss measures each:
    members that are right only on average would learn less.

    Parameters
    ----------
    units : int
        Number of outputs of a member.
    activation : str or None
        Keras activation of each member's output.
    """

    def __init__(self, units, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units = int(units)
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        _, n_members, width = input_shape
        # By the width of one member: Keras' own initializers would count the members as inputs, too.
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
        # The shape of a prediction: layers after this one are built for it, and take several members all the same.
        return keras.KerasTensor((inputs.shape[0], self.units), dtype=self.compute_dtype)

    def get_config(self):
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "units": self.units, "activation": activation}


# Probabilities nearer to 0 or 1 than this have no odds that could be told. Both it and 1 minus it are exact in float32.
_EDGE = 2.0**-23


@_register
class NetworkMean(keras.layers.Layer):
    """Average the outputs of several networks, a list of (batch, width), to (batch, width).

    Numbers are averaged as they are. Of probabilities the logarithms of the odds are averaged, or the logarithms
    of a softmax's probabilities, which differ from its logits by a constant for each row.

    Parameters
    ----------
    activation : {"sigmoid", "softmax"} or None
        What the outputs came from; None averages numbers.
    widths : sequence of int
        Number of units of each softmax. In training, the outputs of members are side by side.
    temperatures : sequence of float
        By what the average is divided: of each softmax, or of each unit of a sigmoid. Empty: 1 of all.
    """

    def __init__(self, activation=None, widths=(), temperatures=(), **kwargs):
        # Numbers come from `TargetUnits` in float64, whatever the network's dtype.
        super().__init__(**({"autocast": False, **kwargs} if activation else {**kwargs, "dtype": "float64"}))
        self.activation = activation
        self.widths = [int(width) for width in widths]
        self.temperatures = [float(temperature) for temperature in temperatures]

    def call(self, outputs):
        if self.activation is None:
            return ops.mean(ops.stack(outputs), axis=0)
        proba = ops.clip(ops.stack(outputs), _EDGE, 1 - _EDGE)
        logits = ops.log(proba)
        if self.activation == "sigmoid":
            return ops.sigmoid(self._divided(ops.mean(logits - ops.log1p(-proba), axis=0), 1))
        logits = self._divided(ops.mean(logits, axis=0), self.widths)
        n_members = logits.shape[-1] // sum(self.widths)
        parts = [logits[:, start:end] for start, end in output_ranges(self.widths * n_members)]
        # Keras warns of a softmax over a single unit.
        parts = [ops.softmax(part) if part.shape[-1] > 1 else ops.ones_like(part) for part in parts]
        return ops.concatenate(parts, axis=-1)

    def _divided(self, logits, widths):
        """Divide logits by the temperatures of outputs with these numbers of units."""
        if not self.temperatures:
            return logits
        each = np.repeat(self.temperatures, widths)
        return logits / ops.cast(np.tile(each, logits.shape[-1] // len(each)), logits.dtype)

    def compute_output_spec(self, outputs):
        return keras.KerasTensor(outputs[0].shape, dtype=outputs[0].dtype)

    def get_config(self):
        own = {"activation": self.activation, "widths": self.widths, "temperatures": self.temperatures}
        return {**super().get_config(), **own}


def has_members(model):
    """Return whether the predictions of a network are means over members."""
    return any(isinstance(part, MemberMean) or (hasattr(part, "layers") and has_members(part)) for part in model.layers)


def by_member(outputs, units):
    """Split members that are side by side, (batch, n_members * units), into (batch, n_members, units)."""
    return ops.reshape(outputs, (-1, outputs.shape[-1] // units, units))
