"""Registered Keras layers for columns of numbers and for several members in one network."""

import random

import keras
import numpy as np
from keras import ops

from .outputs import with_logits

__all__ = [
    "ColumnDense",
    "ColumnSymlog",
    "MemberMean",
    "Members",
    "Network",
    "PiecewiseLinear",
    "by_member",
    "has_members",
]

_register = keras.saving.register_keras_serializable(package="skmulti")

# Share of a column's range that makes the margin in which a number outside of it hardly changes.
SYMLOG_MARGIN = 0.25
# Widths that can be divided by in float32.
NARROWEST, WIDEST = 1e-30, 1e30


@_register
class PiecewiseLinear(keras.layers.Layer):
    """Say of each number how far it has come through each of its column's bins, from 0 to 1.

    Bins below the number are 1, bins above it 0, and its own is filled in proportion:
    a linear layer behind it is a piecewise linear function of the number. Maps
    (batch, n_columns) to (batch, n_columns, most bins of a column); shorter columns
    are filled with zeros.

    Parameters
    ----------
    edges : sequence of sequence of float
        Increasing edges of the bins of each column.

    References
    ----------
    Gorishniy, Rubachev and Babenko, "On Embeddings for Numerical Features in Tabular
    Deep Learning", 2022, arXiv:2203.05556, section 3.2.
    """

    def __init__(self, edges, **kwargs):
        super().__init__(**kwargs)
        self.edges = [[float(edge) for edge in column] for column in edges]
        n_bins = max(len(column) for column in self.edges) - 1
        self._lower = np.zeros((len(self.edges), n_bins))
        self._per_width = np.zeros((len(self.edges), n_bins))
        for i, column in enumerate(self.edges):
            self._lower[i, : len(column) - 1] = column[:-1]
            self._per_width[i, : len(column) - 1] = 1 / np.diff(column)

    def call(self, inputs):
        # A gradient to the numbers costs a tenth of a step and serves only the values that stand for missing ones.
        inputs = ops.stop_gradient(inputs)
        lower = ops.convert_to_tensor(self._lower, inputs.dtype)
        per_width = ops.convert_to_tensor(self._per_width, inputs.dtype)
        return ops.clip((ops.expand_dims(inputs, -1) - lower) * per_width, 0, 1)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self._lower.shape[1])

    def get_config(self):
        return {**super().get_config(), "edges": self.edges}


@_register
class ColumnSymlog(keras.layers.Layer):
    """Let the numbers of each column grow with the logarithm outside of a range, within which they stay as they are.

    Maps (batch, n_columns) to floats of the same shape. A number at a distance `d` from the range
    goes to one at ``margin * log(1 + d / margin)``: small distances hardly change, and the order of
    numbers stays. The rows that train widen the range, so that they stay as they are.

    Parameters
    ----------
    lowest, highest : sequence of float
        Range of each column before training.
    """

    def __init__(self, lowest, highest, **kwargs):
        super().__init__(**kwargs)
        self.lowest, self.highest = list(map(float, lowest)), list(map(float, highest))

    def build(self, input_shape):
        self.range = self.add_weight(shape=(2, len(self.lowest)), initializer="zeros", trainable=False, name="range")
        self.range.assign([self.lowest, self.highest])
        super().build(input_shape)

    def call(self, inputs, training=False):
        numbers = ops.cast(inputs, self.compute_dtype)
        if training:
            lowest, highest = ops.min(numbers, axis=0), ops.max(numbers, axis=0)
            self.range.assign([ops.minimum(self.range[0], lowest), ops.maximum(self.range[1], highest)])
        lowest, highest = self.range[0], self.range[1]
        # A column of one value has no width of its own; the widest of float32 could not be divided by.
        width = highest - lowest
        margin = SYMLOG_MARGIN * ops.where(width < NARROWEST, 1.0, ops.minimum(width, WIDEST))
        inside = ops.clip(numbers, lowest, highest)
        margins = (numbers - inside) / margin
        return inside + margin * ops.sign(margins) * ops.log1p(ops.minimum(ops.abs(margins), WIDEST))

    def compute_output_spec(self, inputs, training=False):
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "lowest": self.lowest, "highest": self.highest}


@_register
class ColumnDense(keras.layers.Layer):
    """A dense layer with relu for each column by itself: (batch, n_columns, n) to (batch, n_columns, units).

    Parameters
    ----------
    units : int
        Width of each column's output.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = int(units)

    def build(self, input_shape):
        _, n_columns, width = input_shape
        limit = width**-0.5
        uniform = keras.initializers.RandomUniform(-limit, limit)
        self.kernel = self.add_weight(shape=(n_columns, width, self.units), initializer=uniform, name="kernel")
        self.bias = self.add_weight(shape=(n_columns, self.units), initializer="zeros", name="bias")
        super().build(input_shape)

    def call(self, inputs):
        return ops.relu(ops.einsum("bcn,cnu->bcu", inputs, self.kernel) + self.bias)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@_register
class Members(keras.layers.Layer):
    """Give each of several members a view of its own of one vector: a learned scale, at first random signs.

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
    """Give each member an output layer of its own, and their mean as the prediction.

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
    """Tell whether a network's outputs are means over members."""
    return any(isinstance(layer, MemberMean) for layer in model.layers)


def by_member(outputs, units):
    """Bring members' outputs side by side, (batch, n_members * units), to (batch, n_members, units)."""
    return ops.reshape(outputs, (-1, outputs.shape[-1] // units, units))


@_register
class Network(keras.Model):
    """A Keras model whose metrics are of the members' mean, in training as in validation."""

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        if y_pred.shape[-1] != self.output_shape[-1]:
            y_pred = ops.mean(by_member(y_pred, self.output_shape[-1]), axis=1)
        return super().compute_metrics(x, y, y_pred, sample_weight)
