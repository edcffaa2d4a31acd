"""Rows of token ids as one array in which 0 is padding, whatever the tokenizer's own id of padding is."""

import numpy as np

from ..spec import UNKNOWN_ID


def pad_ids(rows, length, *, padding_id, size):
    """Return rows of ids as an array, in which 0 is padding and no id is out of range.

    Parameters
    ----------
    rows : list of (sequence of int, or None)
        The ids of each row; None and none are all padding.
    length : int
        Ids of a row; longer rows are cut.
    padding_id : int
        The id of padding, which trades places with 0.
    size : int
        Number of ids. Larger ones become 1, the id of unknown words.

    Returns
    -------
    ndarray of shape (n_rows, length), int32
        The ids.
    """
    array = np.full((len(rows), length), padding_id, dtype="int64")
    for row, ids in zip(array, rows, strict=True):
        if ids is not None:
            row[: len(ids)] = ids[:length]
    array[array >= size] = UNKNOWN_ID
    if padding_id:
        padding, zero = array == padding_id, array == 0
        array[padding], array[zero] = 0, padding_id
    return array.astype("int32")
