"""Layers for columns of numbers, and means of a sample for their initial values."""

import keras
import numpy as np
from keras import ops

_register = keras.saving.register_keras_serializable(package="skmulti")

# Rows of a sample that are in memory as 64-bit floats at the same time: a sample of long sequences is large.
MOMENT_ROWS = 1_000
# Distance from a column's range, as a share of its width, up to which a number outside of it hardly changes.
SYMLOG_MARGIN = 0.25
# Deviations from the mean within which a value says something of others, and what is added to the square of each, so
# that no two values that say the same are weighed against each other: one of them may be missing.
RELATED_RANGE, RIDGE = 5.0, 0.05
# Widths of a column's range by which float32 can divide without overflow.
NARROWEST, WIDEST = 1e-30, 1e30


@_register
class PiecewiseLinear(keras.layers.Layer):
    """Return how far each number has come through each bin of its column, from 0 to 1.

    Bins below the number are 1, bins above it are 0, and its own bin is filled in
    proportion. A linear layer after this one is a piecewise linear function of the number.
    Maps (batch, n_columns) to (batch, n_columns, n_bins), where `n_bins` is that of the
    column with the most; columns with fewer bins are filled up with zeros.

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
        # Bins that a column does not have keep a slope of 0, and so the value 0.
        self._lower = np.zeros((len(self.edges), n_bins))
        self._per_width = np.zeros((len(self.edges), n_bins))
        for i, column in enumerate(self.edges):
            self._lower[i, : len(column) - 1] = column[:-1]
            self._per_width[i, : len(column) - 1] = 1 / np.diff(column)

    def call(self, inputs, training=False):
        # The gradient to the numbers costs a tenth of a step, and serves only the values learned for missing ones.
        # Explanations, which follow the gradient outside of training, need it.
        if training:
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
    """Keep numbers in the range of their column as they are; outside of it they grow with the logarithm.

    Maps (batch, n_columns) to floats of the same shape. A number at a distance `d` from the range
    moves to the distance ``margin * log(1 + d / margin)``: small distances hardly change, and the order
    of numbers is kept. Training rows widen the range, so that their numbers stay as they are.

    Parameters
    ----------
    lowest, highest : sequence of float
        Range of each column before training, e.g. that of a sample.
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
            # None of them is outside any more. The formula says the same, by a hundred operations with its gradient.
            return numbers
        lowest, highest = self.range[0], self.range[1]
        # A column with a single value has no width to go by, and float32 cannot divide by its largest ones.
        width = highest - lowest
        margin = SYMLOG_MARGIN * ops.where(width < NARROWEST, 1.0, ops.minimum(width, WIDEST))
        inside = ops.clip(numbers, lowest, highest)
        margins = (numbers - inside) / margin
        # A distant number over a narrow margin overflows to infinity, and so would its logarithm.
        return inside + margin * ops.sign(margins) * ops.log1p(ops.minimum(ops.abs(margins), WIDEST))

    def compute_output_spec(self, inputs, training=False):
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "lowest": self.lowest, "highest": self.highest}


@_register
class ColumnDense(keras.layers.Layer):
    """Apply a dense layer with relu to each column: (batch, n_columns, n) to (batch, n_columns, units).

    Each column has weights of its own.

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
        # By the width of one column: Keras' own initializers would count the first axis as inputs, too.
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
class FeatureScale(keras.layers.Layer):
    """Subtract the mean of each feature and divide by its standard deviation; masks pass through.

    Keras' ``Normalization`` divides by at least 1e-7, which would leave a current of
    picoamperes, measured in amperes, near zero.

    Parameters
    ----------
    mean, scale : sequence of float
        One value for each feature of the last axis.
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


def feature_means(sample, mean=None):
    """Return the mean of each feature of the last axis, or of its squared distance from `mean`; 0 if all are NaN."""
    total, count = 0.0, 0
    for start in range(0, len(sample), MOMENT_ROWS):
        flat = np.asarray(sample[start : start + MOMENT_ROWS], dtype="float64").reshape(-1, sample.shape[-1])
        flat = flat if mean is None else (flat - mean) ** 2
        total = total + np.nansum(flat, axis=0)
        count = count + (~np.isnan(flat)).sum(axis=0)
    return total / np.maximum(count, 1)


def slopes_between(sample, mean, n_indicators=0):
    """Return what is to be expected of missing values from the others of their row.

    Parameters
    ----------
    sample : ndarray of shape (n_rows, n_features)
        Rows, NaN where missing.
    mean : ndarray of shape (n_features,)
        Mean of each feature.
    n_indicators : int
        Number of features at the end that say which others are missing, and nothing of values.

    Returns
    -------
    low, high : ndarray of shape (n_features,), float64
        Range of each feature within which it says something of others.
    slopes : ndarray of shape (n_features, n_features), float64
        How far a step of each feature (rows) moves what is expected of the others (columns), by a
        linear regression with a ridge on the others, of which those that are missing count as the
        mean, as they do later.
    """
    spread = np.sqrt(feature_means(sample, mean))
    low, high = mean - RELATED_RANGE * spread, mean + RELATED_RANGE * spread
    spread = np.where(spread > 0, spread, 1.0)
    n_features = len(mean)
    products, counts = np.zeros((n_features, n_features)), np.zeros(n_features)
    for start in range(0, len(sample), MOMENT_ROWS):
        rows = np.asarray(sample[start : start + MOMENT_ROWS], dtype="float64")
        known = ~np.isnan(rows)
        known[:, len(mean) - n_indicators :] = False
        steps = np.where(known, (np.clip(rows, low, high) - mean) / spread, 0.0)
        products += steps.T @ steps
        counts += known.sum(axis=0)
    products /= len(sample)
    own = np.diag(products).copy()
    # A feature that says nothing has a product of 0 with all others.
    inverse = np.linalg.inv(products + np.diag(np.where(own > 0, RIDGE * own, 1.0)))
    # The regression of each feature on all others, from the inverse of the products of all.
    slopes = -inverse / np.diag(inverse) * (len(sample) / np.maximum(counts, 1))
    np.fill_diagonal(slopes, 0.0)
    return low, high, slopes * spread / spread[:, None]
