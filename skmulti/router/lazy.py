"""Rows that are encoded when a batch asks for them: which inputs have such, and their arrays."""

from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from .._workers import machine_memory, map_ahead
from ..inputs import LAZY_SHARE
from .store import has_key, row_keys, store_of

# Rows that one thread encodes at once.
PIECE_ROWS = 32


@dataclass(frozen=True)
class Decoding:
    """When rows are encoded.

    Parameters
    ----------
    lazily : bool
        Whether inputs that ask for it are encoded batch by batch; else all are at once.
    folder : str or None
        Where encoded rows of such inputs are kept; None keeps none.
    as_sample : bool
        Whether every input that can be is lazy, and no row is read before it is asked for.
    """

    lazily: bool = False
    folder: str | None = None
    as_sample: bool = False

    def applies(self, encoder, n_rows, spec):
        """Return whether rows of this encoder are left for later, or may have been kept by an earlier fit."""
        if getattr(encoder, "lazy", False) is False:
            return False
        if self.as_sample:
            return True
        if self.lazily:
            return stays_lazy(encoder, n_rows, spec)
        return self.folder is not None and store_of(encoder, spec, self.folder).folder.is_dir()


AT_ONCE = Decoding()


def stays_lazy(encoder, n_rows, spec):
    """Return whether an input's rows are to be encoded batch by batch.

    Parameters
    ----------
    encoder : InputEncoder
        Fitted; its ``lazy`` is True, False or "auto".
    n_rows : int
        Rows of the table.
    spec : ArraySpec
        What the encoder gives.

    Returns
    -------
    bool
        ``lazy`` itself, or with "auto" whether the array would take more than a tenth of memory.
    """
    lazy = getattr(encoder, "lazy", False)
    if not isinstance(lazy, str):
        return bool(lazy)
    return n_rows * spec.row_bytes > LAZY_SHARE * machine_memory()


class LazyArray:
    """An array whose rows are encoded when they are asked for.

    Has ``shape``, ``dtype``, ``len`` and ``array[rows]`` (a slice or positions), which
    gives an ndarray; ``np.asarray`` encodes all rows.

    Parameters
    ----------
    encode : callable
        Columns to (array, missing); must be a function of each row alone.
    columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
        What the rows are encoded from.
    shape : tuple of int
        Shape of one row.
    dtype : str
        Of the rows.
    store : DecodedStore or None
        Where encoded rows are kept.

    Attributes
    ----------
    error : Exception or None
        The first error that a row gave.
    """

    def __init__(self, encode, columns, shape, dtype, store=None):
        self.shape, self.dtype, self.ndim = (len(columns), *shape), np.dtype(dtype), 1 + len(shape)
        self.error = None
        self._encode, self._columns, self._store = encode, columns, store
        self._keys = self._places = None
        if store is not None:
            self._keys = row_keys(columns)
            self._places = store.find(self._keys)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        return self.encode(rows)[0]

    def __array__(self, dtype=None, copy=None):
        return self[:] if dtype is None else self[:].astype(dtype)

    def take(self, positions):
        """Return these rows, not encoded either."""
        return LazyArray(self._encode, self._columns.iloc[positions], self.shape[1:], self.dtype, self._store)

    def encode(self, rows=slice(None)):
        """Encode rows, or read them where they are kept.

        Parameters
        ----------
        rows : slice or ndarray of int
            Which.

        Returns
        -------
        array : ndarray of shape (n_chosen, *shape)
            The rows.
        missing : ndarray of shape (n_chosen,), bool
            True where a row holds nothing.
        """
        positions = rows if isinstance(rows, np.ndarray) else np.arange(len(self))[rows]
        if self._places is None:
            return self._encode_rows(positions)
        array, missing = np.empty((len(positions), *self.shape[1:]), self.dtype), np.zeros(len(positions), bool)
        places = [self._places[position] for position in positions]
        kept = [i for i, place in enumerate(places) if place is not None]
        absent = [i for i, place in enumerate(places) if place is None]
        absent += self._store.read([places[i] for i in kept], array, kept)
        if absent:
            array[absent], missing[absent] = self._encode_rows(positions[absent])
        return array, missing

    def _encode_rows(self, positions):
        try:
            return self._encode(self._columns.iloc[positions])
        except Exception as error:
            self.error = self.error or error
            raise

    def read_through(self):
        """Encode every row once, in threads; keep them in the store, if there is one.

        Returns
        -------
        ndarray of shape (n_rows,), bool
            True where a row holds nothing. Such rows are not kept.
        """
        missing = np.zeros(len(self), dtype=bool)
        absent = np.arange(len(self))
        if self._places is not None:
            absent = np.array([i for i, place in enumerate(self._places) if place is None], dtype=int)
        pieces = [absent[i : i + PIECE_ROWS] for i in range(0, len(absent), PIECE_ROWS)]
        with nullcontext() if self._store is None else self._store.writer() as add:
            for piece, (array, flags) in zip(pieces, map_ahead(self._encode_rows, pieces), strict=True):
                missing[piece] = flags
                if add is not None:
                    kept = ~flags & has_key(self._keys[piece])
                    add(self._keys[piece[kept]], array[kept])
        if self._store is not None and len(pieces):
            self._places = self._store.find(self._keys)
        return missing


def lazy_array(encode, columns, encoder, spec, folder=None):
    """Make the `LazyArray` of an encoder's rows."""
    store = None if folder is None else store_of(encoder, spec, folder)
    return LazyArray(encode, columns, spec.shape, spec.dtype, store)


def take(array, positions):
    """Return rows of an array; of a lazy one they stay lazy."""
    return array.take(positions) if isinstance(array, LazyArray) else array[positions]


class LazyFetch:
    """Encode the rows of a batch inside a `tf.data` graph.

    Parameters
    ----------
    arrays : dict of str to LazyArray
        By input name; may be empty.
    """

    def __init__(self, arrays):
        self.arrays = arrays

    def __call__(self, rows):
        """Return the tensors of rows by name.

        Parameters
        ----------
        rows : tf.Tensor of shape (batch,), int64
            Positions.

        Returns
        -------
        dict of str to tf.Tensor
            Of shape (batch, *shape).
        """
        if not self.arrays:
            return {}
        tensors = tf.numpy_function(self._encode_rows, [rows], [array.dtype for array in self.arrays.values()])
        for tensor, array in zip(tensors, self.arrays.values(), strict=True):
            tensor.set_shape((None, *array.shape[1:]))
        return dict(zip(self.arrays, tensors, strict=True))

    def _encode_rows(self, rows):
        return [array[rows] for array in self.arrays.values()]


def split_lazy(arrays):
    """Divide arrays into those in memory and the `LazyFetch` of the others."""
    lazy = {name: array for name, array in arrays.items() if isinstance(array, LazyArray)}
    return {name: array for name, array in arrays.items() if name not in lazy}, LazyFetch(lazy)
