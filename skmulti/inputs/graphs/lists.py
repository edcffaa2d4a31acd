"""Graphs of cells with several numbers: vectors, sequences, ids of words."""

import numpy as np
import tensorflow as tf

from ...spec import UNKNOWN_ID
from .contract import ColumnTensor, EncoderGraph, refuse_if


class VectorGraph(EncoderGraph):
    """Vectors of one length, as `VectorStacker` stacks them."""

    def __init__(self, n_values, dtype):
        super().__init__([ColumnTensor("float64", f"{n_values} numbers", (n_values,))])
        self._dtype = dtype

    def encode(self, vectors):
        """Return the vectors in the encoder's dtype; see `EncoderGraph.encode`."""
        return tf.cast(vectors, self._dtype)


class SequenceGraph(EncoderGraph):
    """Sequences of one number of steps, as `SequencePadder` pads and cuts them.

    Parameters
    ----------
    n_columns : int
        Number of columns: one of sequences, or several that are the steps of one sequence.
    shape : tuple of (int, int)
        (steps, features) of a row of the array.
    steps : tuple of (int, int) or None
        Of several columns, (steps, features) that they make.
    padding, truncating : {"post", "pre"}
        As in `SequencePadder`.
    dtype : str
        Of the array.
    """

    def __init__(self, n_columns, shape, steps, *, padding, truncating, dtype):
        width = () if shape[1] == 1 else (shape[1],)
        step = "a number" if shape[1] == 1 else f"{shape[1]} numbers"
        ragged = ColumnTensor("float64", f"a sequence, {step} a step", width, ragged=True)
        super().__init__([ragged] if n_columns == 1 else [ColumnTensor("float64", "a number")] * n_columns)
        self._shape, self._steps = shape, steps
        self._padding, self._truncating, self._dtype = padding, truncating, dtype

    def encode(self, *columns):
        """Return the sequences, padded with NaN; see `EncoderGraph.encode`."""
        if len(columns) == 1:
            rows = columns[0].with_values(tf.reshape(columns[0].values, [-1, self._shape[1]]))
        else:
            table = tf.reshape(tf.stack(columns, axis=1), [-1, *self._steps])
            rows = tf.RaggedTensor.from_tensor(table)
        length = self._shape[0]
        rows = rows[:, :length] if self._truncating == "post" else rows[:, -length:]
        turned = rows if self._padding == "post" else tf.reverse(rows, axis=[1])
        padded = turned.to_tensor(tf.constant(np.nan, tf.float64), shape=[None, *self._shape])
        return tf.cast(padded if self._padding == "post" else tf.reverse(padded, axis=[1]), self._dtype)

    def missing(self, *columns):
        """Return which rows hold no number; see `EncoderGraph.missing`."""
        return tf.reduce_all(tf.math.is_nan(self.encode(*columns)), axis=[1, 2])


class IdsGraph(EncoderGraph):
    """Ids of words, as `IdsPadder` pads them.

    Parameters
    ----------
    names : list
        Names of the columns: one of lists, or several with an id each.
    largest : int
        The largest id that a cell may hold; larger ones than `size` count as unknown.
    size, length, padding_id : int
        Number of ids, ids of a row, and the id that stands for padding.
    """

    def __init__(self, names, largest, *, size, length, padding_id):
        list_of_ids = ColumnTensor("int64", f"whole numbers from 0 to {largest:,}", ragged=True, absent=(-1,))
        one_id = ColumnTensor("float64", f"a whole number from 0 to {largest:,}")
        super().__init__([list_of_ids] if len(names) == 1 else [one_id] * len(names))
        self._names, self._largest = names, largest
        self._size, self._length, self._padding_id = size, length, padding_id

    def encode(self, *columns):
        """Return the ids, padded with 0; see `EncoderGraph.encode`."""
        rows = self._strip_padding(self._read(columns))
        wrong = (rows.values < 0) | (rows.values > self._largest)
        message = f"ids are whole numbers from 0 to {self._largest:,}"
        refuse_if(wrong, self._names[0], message, rows.values)
        ids = rows[:, : self._length].to_tensor(self._padding_id, shape=[None, self._length])
        ids = tf.where(ids >= self._size, tf.constant(UNKNOWN_ID, tf.int64), ids)
        if self._padding_id:
            padding = tf.constant(self._padding_id, tf.int64)
            ids = tf.where(ids == padding, tf.zeros_like(ids), tf.where(ids == 0, padding, ids))
        return tf.cast(ids, tf.int32)

    def _read(self, columns):
        """Return rows of ids as a ragged tensor of int64; what is missing is padding."""
        if len(columns) == 1:
            ids = columns[0]
            gone = tf.gather(self.missing(ids), ids.value_rowids())
            return ids.with_values(tf.where(gone, tf.constant(self._padding_id, tf.int64), ids.values))
        table = tf.stack(columns, axis=1)
        table = tf.where(tf.math.is_nan(table), tf.constant(self._padding_id, tf.float64), table)
        flat = tf.reshape(table, [-1])
        refuse_if(flat != tf.floor(flat), self._names[0], "ids are whole numbers", flat)
        return tf.RaggedTensor.from_tensor(tf.cast(table, tf.int64))

    def _strip_padding(self, rows):
        """Return rows without padding at their ends."""
        words = rows.with_values(tf.cast(rows.values != self._padding_id, tf.int64))
        # Whether an id that is no padding came before, and whether one comes behind.
        before = tf.cumsum(words.values) - tf.gather(_sums_before(words), words.value_rowids())
        behind = tf.gather(tf.reduce_sum(words, axis=1), words.value_rowids()) - before + words.values
        return tf.ragged.boolean_mask(rows, words.with_values((before > 0) & (behind > 0)))


def _sums_before(ragged):
    """Return the sum of all entries in the rows before each row."""
    return tf.cumsum(tf.reduce_sum(ragged, axis=1), exclusive=True)
