"""Words and steps without their padding: what layers compute in a step of training, where most places may be empty.

The values are, to the last bits, those that the layers compute from all places. In that form a network can be exported,
so a prediction takes all places, unless whoever traces it says that the graph stays here (`paddings_skipped`). Then
`summarise` is used, which costs no more for a single row; `sum_rows` would.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import keras
import tensorflow as tf

from .._process import compiles_with_xla

# Whether predictions that are traced now stay in this process.
_stays = ContextVar("graph stays in this process", default=False)


@contextmanager
def paddings_skipped():
    """Let layers leave out padding in predictions that are traced within the context, and stay in this process."""
    token = _stays.set(True)
    try:
        yield
    finally:
        _stays.reset(token)


def may_skip(training):
    """Return whether what is computed now is of a step of training, or within `paddings_skipped`."""
    return training or _stays.get()


def skips_padding(dtype):
    """Return whether the functions of this file can be used in what is computed now, on floats of a type."""
    # XLA has neither sparse matrices nor shapes that depend on values, and a GPU takes all places at once anyway.
    known = keras.backend.standardize_dtype(dtype) in ("float32", "float64")
    return known and not compiles_with_xla() and not tf.config.get_visible_devices("GPU")


def sum_rows(table, ids, weights):
    """Return sums of weighted rows of a table.

    Parameters
    ----------
    table : tensor of shape (n_ids, width), float32 or float64
        The rows. Their gradient is a whole table.
    ids : tensor of shape (n_sums, length), int32
        From 0 to ``n_ids - 1``.
    weights : tensor of shape (n_sums, length), of the table's type
        Weight of each place, without a gradient; places of weight 0 are not read.

    Returns
    -------
    tensor of shape (n_sums, width)
        The sums.
    """
    function = _compiled(_sum_rows, _any((None, None), table), _any((None, None), ids), _any((None, None), weights))
    return tf.ensure_shape(function(table, ids, weights), (ids.shape[0], table.shape[1]))


def look_up_words(table, ids):
    """Return a row of a table for each id; the row of the id 0, padding, gets no gradient.

    Parameters
    ----------
    table : tensor of shape (n_ids, width), float32 or float64
        The rows. Their gradient is a whole table.
    ids : tensor of shape (n_rows, length), int32
        From 0 to ``n_ids - 1``.

    Returns
    -------
    tensor of shape (n_rows, length, width)
        The rows.
    """
    function = _compiled(_look_up_words, _any((None, None), table), _any((None,), ids))
    rows = function(table, tf.reshape(ids, [-1]))
    return tf.reshape(rows, tf.concat([tf.shape(ids), tf.shape(table)[1:]], axis=0))


def summarise(steps, mask):
    """Return the average and the maximum over steps that are there, zeros where none is.

    Parameters
    ----------
    steps : tensor of shape (n_rows, n_steps, width)
        The steps.
    mask : tensor of shape (n_rows, n_steps), bool
        Which of them are there.

    Returns
    -------
    mean, highest : tensor of shape (n_rows, width)
    """
    places = tf.where(mask)
    seen, rows = tf.gather_nd(steps, places), places[:, 0]

    def in_all_rows(found):
        # Segments end with the last row that has a step.
        found = tf.pad(found, [[0, tf.shape(steps)[0] - tf.shape(found)[0]], [0, 0]])
        return tf.ensure_shape(found, (steps.shape[0], steps.shape[2]))

    count = tf.reduce_sum(tf.cast(mask, steps.dtype), axis=1, keepdims=True)
    mean = in_all_rows(tf.math.segment_sum(seen, rows)) / tf.maximum(count, 1)
    return mean, in_all_rows(tf.math.segment_max(seen, rows))


def _any(shape, tensor):
    return tf.TensorSpec(shape, tensor.dtype)


@cache
def _compiled(function, *signature):
    """Compile a function with a gradient of its own, once for all networks."""
    # TensorFlow keeps such a gradient for good, with the graph in which it is made: this is a graph of its own.
    return tf.function(tf.custom_gradient(function), input_signature=signature, autograph=False)


def _sum_rows(table, ids, weights):
    places = tf.where(weights != 0)
    cells = tf.stack([places[:, 0], tf.cast(tf.gather_nd(ids, places), "int64")], axis=1)
    values, shape = tf.gather_nd(weights, places), tf.stack([tf.shape(ids, "int64")[0], tf.shape(table, "int64")[0]])

    def gradient(above):
        return _sum_in_table(cells, values, shape, above), None, None

    return tf.raw_ops.SparseMatrixMatMul(a=_matrix(cells, values, shape), b=table), gradient


def _look_up_words(table, ids):
    def gradient(above):
        places = tf.where(ids > 0)
        cells = tf.concat([places, tf.cast(tf.gather(ids, places), "int64")], axis=1)
        shape = tf.stack([tf.shape(ids, "int64")[0], tf.shape(table, "int64")[0]])
        return _sum_in_table(cells, tf.ones_like(cells[:, 0], above.dtype), shape, above), None

    return tf.gather(table, ids), gradient


def _matrix(cells, values, shape):
    """Return a sparse matrix by rows: (n_rows, n_ids)."""
    return tf.raw_ops.SparseTensorToCSRSparseMatrix(indices=cells, values=values, dense_shape=shape)


def _sum_in_table(cells, values, shape, above):
    """Return for each id the weighted sum of the gradients `above` of the rows that have it: (n_ids, width)."""
    # Transposed first: the product that transposes by itself takes twice as long.
    matrix = tf.raw_ops.SparseMatrixTranspose(input=_matrix(cells, values, shape), type=values.dtype)
    return tf.raw_ops.SparseMatrixMatMul(a=matrix, b=above)
