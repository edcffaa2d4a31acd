"""Rows of a learned table by id."""

from keras import ops


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
    table = ops.convert_to_tensor(table)
    # The gradient of a reshape is a whole table, into which TensorFlow sums the rows.
    return ops.take(ops.reshape(table, table.shape), ids, axis=0)
