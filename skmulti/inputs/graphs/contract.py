"""What an encoder must do to become part of a TensorFlow graph: one tensor a column comes in, its array goes out.

A graph holds no Python objects. So a column of it is a tensor of one dtype, and a missing cell needs a value of that
dtype: NaN among numbers, `MISSING` among texts, no entries where a cell has any number of them.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

# A missing cell in a tensor of strings, which have no NaN. Databases write NULL so in text files, and an empty text is
# a text: it may be a category, and it is a review without words.
MISSING = "\\N"


@dataclass(frozen=True)
class ColumnTensor:
    r"""Describe the tensor that stands for one column of a table in an exported graph.

    Parameters
    ----------
    dtype : {"string", "float64", "int64"}
        TensorFlow's name of the dtype. All single numbers are float64, whole ones, too, so that a
        missing one is NaN.
    holds : str
        What a cell is, in words for the person who calls the graph.
    shape : tuple of int
        Shape of a cell: ``()`` for a single value. With `ragged` that of one entry of a cell.
    ragged : bool
        Whether a cell has any number of entries. In the signature such a column is two tensors:
        the entries of all rows, one row after the other, and the number of entries of each row.
    absent : tuple
        Of a ragged column, the entries of a missing cell, if one without entries is another thing:
        an empty set of tags is not a missing one.

    See Also
    --------
    EncoderGraph : Reads such tensors.

    Notes
    -----
    A missing cell is the string ``\N``, NaN (of a cell with several numbers all are NaN), or no entry.

    Examples
    --------
    >>> from skmulti import ColumnTensor
    >>> ColumnTensor("float64", "a number").missing
    'NaN'
    >>> ColumnTensor("string", "a text").missing
    '\\N'
    """

    dtype: str = "string"
    holds: str = "a text"
    shape: tuple = ()
    ragged: bool = False
    absent: tuple = ()

    @property
    def missing(self):
        """What stands for a missing cell, as JSON has it; a list has the entries of a ragged cell."""
        return list(self.absent) if self.ragged else MISSING if self.dtype == "string" else "NaN"

    def is_missing(self, tensor):
        """Return which cells are missing.

        Parameters
        ----------
        tensor : tf.Tensor or tf.RaggedTensor of shape (n_rows, ...)
            The column.

        Returns
        -------
        tf.Tensor of shape (n_rows,), bool
            True where nothing is in the cell.
        """
        if self.ragged and not self.absent:
            return tensor.row_lengths() == 0
        if self.ragged:
            absent = tf.reduce_all(tensor == tf.constant(self.absent[0], self.dtype), axis=1)
            return absent & (tensor.row_lengths() == 1)
        empty = tensor == MISSING if self.dtype == "string" else tf.math.is_nan(tensor)
        return tf.reduce_all(tf.reshape(empty, [tf.shape(tensor)[0], -1]), axis=1)


class EncoderGraph:
    """Encode columns inside a TensorFlow graph, as a fitted encoder does outside of it.

    ``InputEncoder.graph`` returns one. Subclass it for an encoder of your own and write `encode` with
    TensorFlow's functions alone: it is traced once, and whatever Python does is lost.

    Parameters
    ----------
    columns : sequence of ColumnTensor
        The tensor of each column, in the order of the columns at fit.

    Attributes
    ----------
    columns : tuple of ColumnTensor
        The same.
    tables : list
        The lookup tables that `make_table` made; they are saved with the graph.

    See Also
    --------
    ColumnTensor : What a tensor holds.
    export : Writes the graph of a fitted estimator.

    Examples
    --------
    An encoder that counts words, and its graph:

    >>> import numpy as np, tensorflow as tf
    >>> from skmulti import ArraySpec, ColumnTensor, DenseBranch, EncoderGraph, InputEncoder
    >>> class CounterGraph(EncoderGraph):
    ...     def encode(self, texts):
    ...         words = tf.strings.split(texts)
    ...         return tf.cast(words.row_lengths()[:, None], "float32")
    >>> class WordCounter(InputEncoder):
    ...     default_branch = DenseBranch
    ...     def fit(self, columns, y=None):
    ...         return self
    ...     def transform(self, columns):
    ...         return np.array([[len(text.split())] for text in columns], dtype="float32")
    ...     def spec(self, name):
    ...         return ArraySpec(name, "vector", (1,), "float32")
    ...     def graph(self):
    ...         return CounterGraph([ColumnTensor("string", "a text")])
    >>> WordCounter().graph().encode(tf.constant(["two words", "one"])).numpy()
    array([[2.],
           [1.]], dtype=float32)
    """

    def __init__(self, columns):
        self.columns = tuple(columns)
        self.tables = []

    def encode(self, *tensors):
        """Encode rows.

        Parameters
        ----------
        *tensors : tf.Tensor or tf.RaggedTensor of shape (n_rows, ...)
            One for each of `columns`.

        Returns
        -------
        tf.Tensor of shape ``(n_rows, *shape)``
            What the encoder's ``transform`` returns for such columns, in the dtype of its spec.
        """
        raise NotImplementedError

    def missing(self, *tensors):
        """Return which rows hold nothing.

        Parameters
        ----------
        *tensors : tf.Tensor or tf.RaggedTensor of shape (n_rows, ...)
            As in `encode`.

        Returns
        -------
        tf.Tensor of shape (n_rows,), bool
            What the encoder's ``missing`` returns: True where every cell is missing.
        """
        pairs = zip(self.columns, tensors, strict=True)
        return tf.reduce_all(tf.stack([column.is_missing(tensor) for column, tensor in pairs]), axis=0)

    def make_table(self, entries, default, dtype="string"):
        """Make a lookup table that is saved with the graph.

        Parameters
        ----------
        entries : dict of (str or int) to int
            The number of each key.
        default : int
            The number of any other key.
        dtype : {"string", "int64"}
            Of the keys.

        Returns
        -------
        tf.lookup.StaticHashTable
            Maps strings or int64 to int64.
        """
        # TensorFlow makes no table without keys. One whose key has the default finds nothing, either.
        entries = entries or {"" if dtype == "string" else 0: default}
        keys = list(entries)
        if dtype == "string":
            # As bytes in an array of objects: NumPy's own strings would drop a NUL at the end.
            keys = np.array([key.encode("utf-8", "replace") for key in keys], dtype=object)
        keys, values = tf.constant(keys, dtype), tf.constant(list(entries.values()), tf.int64)
        table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), default)
        self.tables.append(table)
        return table


def refuse_if(wrong, name, message, cells):
    """Let a call of the graph fail if `wrong` marks cells of the column `name`; the first of them is shown."""
    first = tf.boolean_mask(cells, wrong)[:1]
    tf.debugging.Assert(tf.logical_not(tf.reduce_any(wrong)), [f"column {name!r}: {message}, first found", first])


def column_names(encoder, n_columns):
    """Return the names of an encoder's columns for messages; without names their positions."""
    names = getattr(encoder, "feature_names_in_", None)
    return list(range(n_columns)) if names is None or len(names) != n_columns else list(names)
