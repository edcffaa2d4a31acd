"""The weights of the best epoch: one copy for all epochs, made without another one of a large table."""

import numpy as np
import tensorflow as tf

# Rows of a large table that are copied in one go.
BLOCK = 100_000


def keep_weights(model, kept=None):
    """Copy a network's weights.

    Parameters
    ----------
    model : keras.Model
        The network.
    kept : list of ndarray or None
        An earlier copy, which is overwritten. None makes a new one.

    Returns
    -------
    list of ndarray
        What ``model.get_weights()`` returns.
    """
    if kept is None:
        kept = [np.empty(weight.shape, weight.value.dtype.as_numpy_dtype) for weight in model.weights]
    for weight, array in zip(model.weights, kept, strict=True):
        for rows in _blocks(weight):
            array[rows] = weight.numpy() if rows is ... else tf.gather(weight.value, _numbers(rows)).numpy()
    return kept


def put_weights(model, kept):
    """Set the weights of a network to those that `keep_weights` has copied."""
    for weight, array in zip(model.weights, kept, strict=True):
        for rows in _blocks(weight):
            if rows is ...:
                weight.assign(array)
            else:
                weight.value.scatter_update(tf.IndexedSlices(array[rows], _numbers(rows)))


def _blocks(weight):
    """Return the parts in which a weight is copied: slices of rows, or the ellipsis for all at once."""
    # TensorFlow copies a variable of which single rows were set whenever it is read as a whole.
    if not getattr(weight, "by_rows", False):
        return [...]
    n_rows = weight.shape[0]
    return [slice(first, min(first + BLOCK, n_rows)) for first in range(0, n_rows, BLOCK)]


def _numbers(rows):
    """Return the numbers of the rows of a slice."""
    return tf.range(rows.start, rows.stop)
