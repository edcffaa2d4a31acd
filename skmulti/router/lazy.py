"""Lazy rows: arrays whose rows are encoded when a batch asks for them, and the rule for which inputs are lazy.

The router is lazy, not the encoder. A `LazyArray` keeps the columns of a route, and encodes the rows of a batch with
the encoder that other inputs call with all rows, so checks and error messages are the same. A fit still reads every row
once before the network is built (`LazyArray.read_through`): missing rows decide which inputs the network has, and a
file that cannot be read is an error before training begins.

In a batch, threads of TensorFlow call Python (`LazyFetch`). TensorFlow turns an error there into an error of its own,
which has lost the type. The array therefore keeps the original error, and the fit raises it instead.
"""

from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from .._counts import counted_once
from .._workers import LAZY_SHARE, machine_memory, map_ahead
from ..inputs import odd_cells_gathered
from .store import has_key, row_keys, store_of

# Rows that a thread encodes at once. Encoded pieces wait in memory until they are written, so a piece is small.
PIECE_ROWS = 32


@dataclass(frozen=True)
class Decoding:
    """When rows are encoded.

    Parameters
    ----------
    lazily : bool
        Whether inputs whose encoder is lazy are encoded batch by batch. If False, all
        inputs are encoded at once.
    folder : str or None
        Where encoded rows of lazy inputs are kept. None keeps no rows.
    as_sample : bool
        Whether every input that can be lazy is lazy, and no row is read in advance. Branches
        ask for those rows of a sample that they need.
    """

    lazily: bool = False
    folder: str | None = None
    as_sample: bool = False

    def applies(self, encoder, n_rows, spec):
        """Return whether a `LazyArray` holds the rows: to encode them later, or to read those that a fit has kept."""
        if getattr(encoder, "lazy", False) is False:
            return False
        if self.as_sample:
            return True
        if self.lazily:
            return stays_lazy(encoder, n_rows, spec)
        # All rows at once: only rows that an earlier fit has kept are worth the way through a LazyArray.
        return self.folder is not None and store_of(encoder, spec, self.folder).folder.is_dir()


AT_ONCE = Decoding()


def stays_lazy(encoder, n_rows, spec):
    """Return whether the rows of an input are encoded batch by batch.

    Parameters
    ----------
    encoder : InputEncoder
        Fitted; its ``lazy`` is True, False or "auto".
    n_rows : int
        Rows of the table.
    spec : ArraySpec
        What the encoder's array holds.

    Returns
    -------
    bool
        ``lazy`` itself. With "auto": whether the array would take more than a tenth of the machine's memory.
    """
    lazy = getattr(encoder, "lazy", False)
    if not isinstance(lazy, str):
        return bool(lazy)
    return n_rows * spec.row_bytes > LAZY_SHARE * machine_memory()


class LazyArray:
    """An array whose rows are encoded when they are asked for.

    It has ``shape``, ``dtype`` and ``len``. ``array[rows]`` (a slice or positions) returns
    an ndarray, and ``np.asarray`` encodes all rows.

    Parameters
    ----------
    encode : callable
        Takes columns and returns (array, missing). The array of a row must depend on that
        row alone, since rows are encoded in ever new batches.
    columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
        What the rows are encoded from.
    shape : tuple of int
        Shape of one row.
    dtype : str
        Data type of the rows.
    store : DecodedStore or None
        Where encoded rows are kept. None encodes a row each time that it is asked for.
    keys : ndarray of shape (n_rows,), bytes, or None
        The rows' keys in the store, from `row_keys`.
    unit : str
        What a fit calls the rows that it counts, in the plural.

    Attributes
    ----------
    error : Exception or None
        The first error that was raised while a row was encoded.
    """

    def __init__(self, encode, columns, shape, dtype, store=None, keys=None, unit="rows"):
        self.shape, self.dtype, self.ndim = (len(columns), *shape), np.dtype(dtype), 1 + len(shape)
        self.error, self.unit = None, unit
        self._encode, self._columns, self._store = encode, columns, store
        # Looked up once, not batch by batch.
        self._keys, self._places = keys, None if store is None else store.find(keys)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        return self.encode(rows)[0]

    def __array__(self, dtype=None, copy=None):
        return self[:] if dtype is None else self[:].astype(dtype)

    def take(self, positions):
        """Return some rows as another `LazyArray`, without encoding them."""
        keys = None if self._store is None else self._keys[positions]
        columns, shape = self._columns.iloc[positions], self.shape[1:]
        return LazyArray(self._encode, columns, shape, self.dtype, self._store, keys, self.unit)

    def encode(self, rows=slice(None)):
        """Encode rows, or read those that are kept in the store.

        Parameters
        ----------
        rows : slice or ndarray of int
            Positions of the rows.

        Returns
        -------
        array : ndarray of shape ``(n_chosen, *shape)``
            The rows.
        missing : ndarray of shape (n_chosen,), bool
            True where a row holds nothing.
        """
        positions = rows if isinstance(rows, np.ndarray) else np.arange(len(self))[rows]
        if self._places is None:
            return self._encode_rows(positions)
        # Rows from the store are never missing: `read_through` keeps only rows that hold something.
        array, missing = np.empty((len(positions), *self.shape[1:]), self.dtype), np.zeros(len(positions), bool)
        places = [self._places[position] for position in positions]
        kept = [i for i, place in enumerate(places) if place is not None]
        absent = [i for i, place in enumerate(places) if place is None]
        # Somebody may have cleared the folder since the keys were looked up. Such rows are encoded again.
        absent += self._store.read([places[i] for i in kept], array, kept)
        if absent:
            array[absent], missing[absent] = self._encode_rows(positions[absent])
        return array, missing

    def _encode_rows(self, positions):
        """Encode rows, and keep the first error."""
        try:
            return self._encode(self._columns.iloc[positions])
        except Exception as error:
            # The first one is raised later: threads that run ahead may meet further errors before the fit ends.
            self.error = self.error or error
            raise

    @property
    def _label(self):
        """The names of the columns, as one text."""
        columns = self._columns
        return ", ".join(map(str, [columns.name] if columns.ndim == 1 else columns.columns))

    def read_through(self):
        """Encode every row once, in threads, and keep the rows in the store if there is one.

        Returns
        -------
        ndarray of shape (n_rows,), bool
            True where a row holds nothing. Such rows are not kept, as the store has no flags.
        """
        missing = np.zeros(len(self), dtype=bool)
        absent = np.arange(len(self))
        if self._places is not None:
            absent = np.array([i for i, place in enumerate(self._places) if place is None], dtype=int)
        pieces = [absent[i : i + PIECE_ROWS] for i in range(0, len(absent), PIECE_ROWS)]
        writer = nullcontext() if self._store is None else self._store.writer()
        with counted_once(self._label, self.unit) as count, writer as add:
            for piece, (array, flags) in zip(pieces, map_ahead(self._encode_rows, pieces), strict=True):
                count(len(piece))
                missing[piece] = flags
                if add is not None:
                    kept = ~flags & has_key(self._keys[piece])
                    add(self._keys[piece[kept]], array[kept])
        if self._store is not None and len(pieces):
            self._places = self._store.find(self._keys)
        return missing


class StoredArray:
    """An encoded array in a file, of which a batch reads its rows; a training takes it for a `LazyArray`.

    Parameters
    ----------
    array : memmap of shape (n_rows, ...)
        The file.
    """

    def __init__(self, array):
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim
        self._array = array

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        return np.array(self._array[rows])


def on_disk_if_large(array):
    """Return a memory-mapped array, as a `StoredArray` if it would take more than a tenth of the machine's memory."""
    return StoredArray(array) if array.nbytes > LAZY_SHARE * machine_memory() else array


def is_lazy(array):
    """Return whether a batch must ask for its rows."""
    return isinstance(array, LazyArray | StoredArray)


def lazy_array(encode, columns, encoder, spec, folder=None):
    """Return the `LazyArray` of an encoder's rows; with a folder, its rows are kept there."""
    unit = encoder.counted_as
    if folder is None:
        return LazyArray(encode, columns, spec.shape, spec.dtype, unit=unit)
    # Keys are made once: each takes a system call (paths) or a hash (bytes).
    keys = row_keys(columns, getattr(encoder, "folder", None))
    return LazyArray(encode, columns, spec.shape, spec.dtype, store_of(encoder, spec, folder), keys, unit)


def take(array, positions):
    """Return some rows of an array; rows of a `LazyArray` stay lazy."""
    return array.take(positions) if isinstance(array, LazyArray) else array[positions]


class LazyFetch:
    """Encode the rows of a batch inside a `tf.data` graph.

    Parameters
    ----------
    arrays : dict of str to (LazyArray or StoredArray)
        Lazy arrays by input name; may be empty.
    """

    def __init__(self, arrays):
        self.arrays = arrays

    def __call__(self, rows):
        """Return the encoded rows as tensors by input name.

        Parameters
        ----------
        rows : tf.Tensor of shape (batch,), int64
            Positions of the rows.

        Returns
        -------
        dict of str to tf.Tensor
            Tensors of shape ``(batch, *shape)``.
        """
        if not self.arrays:
            return {}
        tensors = tf.numpy_function(self._encode_rows, [rows], [array.dtype for array in self.arrays.values()])
        for tensor, array in zip(tensors, self.arrays.values(), strict=True):
            # The graph knows nothing of what Python returns, and Keras wants to know the axes.
            tensor.set_shape((None, *array.shape[1:]))
        return dict(zip(self.arrays, tensors, strict=True))

    def _encode_rows(self, rows):
        """Return the rows of each array, in the order of the names."""
        # The pass over all rows before the training has told of odd cells; a batch need not tell again.
        with odd_cells_gathered([]):
            return [array[rows] for array in self.arrays.values()]


def split_lazy(arrays):
    """Return a dict of the arrays that are in memory, and the `LazyFetch` of the lazy ones."""
    lazy = {name: array for name, array in arrays.items() if is_lazy(array)}
    return {name: array for name, array in arrays.items() if name not in lazy}, LazyFetch(lazy)
