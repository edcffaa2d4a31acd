"""Token ids that exist already: as one array in which 0 is padding, and how a user says that cells are ids."""

import numpy as np

from ..errors import shorten
from ..spec import UNKNOWN_ID

# The kinds of arrays that a layer of Keras reads which looks up ids: they stand in a row, as the words of a text do.
READS_IDS = ("text",)


def ways_to_ids(name):
    """Return the ways in which a user can say that the cells of an input are ids."""
    return f"InputRouter(kinds={{{shorten(repr(name), 40)}: {READS_IDS[0]!r}}}), or the encoder IdsPadder()"


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
