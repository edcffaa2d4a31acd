"""Rows of a learned table by id."""

import tensorflow as tf


def look_up(table, ids):
    """Give a row of the table for each id, and sum the gradients of an id that comes up several times.

    TensorFlow's own lookup leaves such gradients side by side. Keras' Adam then adds their
    squares, not the square of their sum (keras-team/keras#19992), so that a value that `k`
    rows of a batch have moves up to the root of `k` times too far, and ``clipnorm``
    measures too short a gradient.

    Parameters
    ----------
    table : Variable or tensor of shape (n_ids, width)
        The learned rows.
    ids : tensor of int, of any shape
        From 0 to ``n_ids - 1``.

    Returns
    -------
    tensor of shape (*ids.shape, width)
        The rows.
    """
    return _rows(tf.convert_to_tensor(table), tf.convert_to_tensor(ids))


@tf.custom_gradient
def _rows(table, ids):
    def gradient(upstream):
        pieces = tf.reshape(upstream, (-1, table.shape[1]))
        return tf.math.unsorted_segment_sum(pieces, tf.reshape(ids, (-1,)), table.shape[0]), None

    return tf.gather(table, ids), gradient
