"""Rows of arrays on disk, which are found again by what they were made from: decoded cells, or features of arrays.

Rows are read, not mapped: the system counts the pages of a mapped file as the process's memory, so a fit would seem to
need as much memory as with all rows in an array.
"""

import hashlib
import os
import uuid
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from ..errors import shorten
from ..inputs import BYTES, PATHS, file_of

# The length of a SHA-1 digest.
KEY_BYTES = 20


def row_keys(columns, folder=None):
    """Return a key for the content of each row, made from its bytes, or from a file's path, size and time of change.

    Parameters
    ----------
    columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
        The cells. Rows of several columns have no key.
    folder : str, PathLike or None
        What relative paths in the cells are relative to.

    Returns
    -------
    ndarray of shape (n_rows,), bytes
        20 bytes for each row. They are all zero if there is no key, as for a missing cell, an
        absent file, or any other object.
    """
    if isinstance(columns, pd.DataFrame):
        if columns.shape[1] != 1:
            return np.zeros(len(columns), dtype=f"V{KEY_BYTES}")
        columns = columns.iloc[:, 0]
    # Of type "V", because NumPy drops the zero bytes at the end of type "S".
    keys = b"".join(_make_key(cell, folder) or bytes(KEY_BYTES) for cell in columns.astype(object))
    return np.frombuffer(keys, dtype=f"V{KEY_BYTES}")


def array_keys(array):
    """Return a key for the content of each row of an encoded array: ndarray of shape (n_rows,), bytes."""
    rows = np.ascontiguousarray(array).reshape(len(array), -1)
    keys = b"".join(hashlib.sha1(row.data, usedforsecurity=False).digest() for row in rows)
    return np.frombuffer(keys, dtype=f"V{KEY_BYTES}")


def has_key(keys):
    """Return which rows have a key: bool array of shape (n_rows,)."""
    return keys != np.zeros(1, dtype=keys.dtype)


def _make_key(cell, folder):
    """Return the key of a cell, or None if it has no key."""
    # As in Hugging Face datasets: an image as its bytes, as the path of its file, or as both.
    if isinstance(cell, dict) and {"bytes", "path"} & cell.keys():
        cell = cell.get("path") if cell.get("bytes") is None else cell["bytes"]
    if isinstance(cell, PATHS):
        cell = file_of(cell, folder)
        try:
            state = os.stat(cell)
        except (OSError, ValueError):
            return None
        # Size and time change when somebody writes the file anew. A hash of its content would mean that every fit reads
        # every file. "surrogatepass" is for names of files that are not valid UTF-8.
        cell = f"{os.path.abspath(cell)}|{state.st_size}|{state.st_mtime_ns}".encode("utf-8", "surrogatepass")
    # Content is to be told apart, not protected; systems that forbid SHA-1 for security still allow it for this.
    return hashlib.sha1(cell, usedforsecurity=False).digest() if isinstance(cell, BYTES) else None


def file_states(table, folders=()):
    """Return the size and the time of change of every file that a cell names.

    A result that was kept for the same cells is out of date if one of these differs.

    Parameters
    ----------
    table : DataFrame, or dict of Series and DataFrames
        Rows whose strings may be paths.
    folders : sequence of (str or PathLike)
        What relative paths may be relative to, apart from the working directory.

    Returns
    -------
    list of (int, int)
        In the order of the cells.
    """
    frames = [table] if isinstance(table, pd.DataFrame) else [pd.DataFrame(columns) for columns in table.values()]
    states = []
    for frame in frames:
        for position in range(frame.shape[1]):
            column = frame.iloc[:, position]
            if column.dtype == object or pd.api.types.is_string_dtype(column.dtype):
                states += _stat_files(column.dropna().astype(object), (None, *folders))
    return states


def _stat_files(cells, folders):
    """Return (size, time of change) of the files that cells name; none if the first 100 cells name no file."""
    # A column of text holds no paths, and its first cells show it: to ask the system about every text takes long.
    # Linux takes no path of 4096 bytes or more.
    first = [cell for cell in cells.iloc[:100] if isinstance(cell, PATHS) and len(str(cell)) < 4096]
    folders = [folder for folder in folders if any(os.path.exists(file_of(cell, folder)) for cell in first)]
    found = []
    for cell in cells if folders else ():
        for folder in folders:
            with suppress(OSError, ValueError, TypeError):
                state = os.stat(file_of(cell, folder))
                found.append((state.st_size, state.st_mtime_ns))
    return found


class DecodedStore:
    """Rows of one array in a folder, which folds, fits and processes share.

    Parameters
    ----------
    folder : str
        The folder; it is made when rows are first written.
    shape : tuple of int
        Shape of one row.
    dtype : str
        Data type of the rows.

    Notes
    -----
    Each pass over data adds a block: a file of rows, and a file of their keys. The file of
    keys gets its name last, and in one step. Readers look for files of keys alone, so they
    never see a block whose pass was broken off or still goes on.
    """

    def __init__(self, folder, shape, dtype):
        self.folder = Path(folder)
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self.row_bytes = int(np.prod(self.shape)) * self.dtype.itemsize

    def find(self, keys):
        """Look up where the rows with some keys are kept.

        Parameters
        ----------
        keys : ndarray of shape (n_rows,), bytes
            From `row_keys`.

        Returns
        -------
        list of (str, int) or None, one for each key
            Name of the block and position in it; None if the row is not kept.
        """
        # The names of all blocks are part of what the cache goes by, so that blocks of other processes are seen.
        known = _index_blocks(self.folder, tuple(sorted(path.stem for path in self.folder.glob("*.keys"))))
        return [known.get(key) for key in _split_keys(keys.tobytes())]

    def read(self, places, out, rows):
        """Read rows at places from `find` into ``out[rows]``; return the rows that cannot be read any more."""
        gone, blocks = [], {}
        for row, (block, position) in zip(rows, places, strict=True):
            blocks.setdefault(block, []).append((position, row))
        for block, entries in blocks.items():
            try:
                # Each row is read straight into the array: a buffer between would copy it once more.
                with open(self.folder / f"{block}.rows", "rb", buffering=0) as file:
                    # In the order of the file, so that the disk only reads forward.
                    for position, row in sorted(entries):
                        file.seek(position * self.row_bytes)
                        if file.readinto(out[row].reshape(-1).view("uint8")) != self.row_bytes:
                            gone.append(row)  # the file ends within the row
            except FileNotFoundError:
                # The folder was cleared, for example by `Memory.clear`. The caller encodes such rows again.
                gone += [row for _, row in entries]
        return gone

    @contextmanager
    def writer(self):
        """Yield a function (keys, array) that adds rows; `find` sees them after a `with` block without an error."""
        # Random names: processes that write at the same time need no lock.
        self.folder.mkdir(parents=True, exist_ok=True)
        name, keys = uuid.uuid4().hex, []
        rows_path, keys_path = self.folder / f"{name}.rows", self.folder / f"{name}.keys"

        def add(new_keys, array):
            keys.append(new_keys.tobytes())
            file.write(np.ascontiguousarray(array).data)

        try:
            with open(rows_path, "wb") as file:
                yield add
            # The rows are complete and closed. Only then do the keys get their name, and all at once: within a folder,
            # the system renames a file in one step, while a file that is being written can be seen half full.
            unnamed = keys_path.with_suffix(".tmp")
            unnamed.write_bytes(b"".join(keys))
            unnamed.replace(keys_path)
        # Also an interrupt by the user ends the pass: rows without keys would take up the disk for good.
        except BaseException:
            rows_path.unlink(missing_ok=True)
            raise
        if not any(keys):
            rows_path.unlink(missing_ok=True)
            keys_path.unlink(missing_ok=True)


# A block never changes once it has a name, so what was read of it stays true. The cache has few entries, since each one
# holds the keys of all rows in a folder.
@lru_cache(maxsize=2)
def _index_blocks(folder, blocks):
    """Return {key: (block, position)} of all rows in blocks."""
    places = {}
    for block in blocks:
        with suppress(FileNotFoundError):
            for position, key in enumerate(_split_keys((folder / f"{block}.keys").read_bytes())):
                # Two processes may have kept the same row, in two blocks: the rows are equal, and either will do.
                places.setdefault(key, (block, position))
    # Zeros stand for a row without a key, and must find no other such row.
    places.pop(bytes(KEY_BYTES), None)
    return places


def _split_keys(keys):
    """Return the keys of rows, which lie end to end in bytes, as a list."""
    return [keys[i : i + KEY_BYTES] for i in range(0, len(keys), KEY_BYTES)]


def store_of(encoder, spec, folder):
    """Return the store of a fitted encoder's rows in a folder; encoders that are equal share a store."""
    # `lazy` decides when a row is decoded, not what it becomes. All else may change pixels.
    state = {name: value for name, value in vars(encoder).items() if name != "lazy"}
    name = joblib.hash((type(encoder).__qualname__, state, spec.shape, spec.dtype))
    return DecodedStore(os.path.join(folder, name), spec.shape, spec.dtype)


def as_memory(memory):
    """Return the `joblib.Memory` for the value of the parameter `memory`: a folder, None, or a memory itself."""
    if memory is not None and not isinstance(memory, str):
        return memory
    try:
        return joblib.Memory(memory, verbose=0)
    except OSError as error:
        raise type(error)(
            f"memory={shorten(repr(memory))} is no folder in which files can be written ({error.strerror or error}). "
            "Give another folder, or None."
        ) from error


def store_folder(memory, name="skmulti_decoded"):
    """Return the folder for decoded rows, or for others by name; None if the memory has no folder.

    It lies within the memory's own folder, so that `Memory.clear` clears it, too.
    """
    if memory is None:
        return None
    location = getattr(getattr(as_memory(memory), "store_backend", None), "location", None)
    return os.path.join(location, name) if isinstance(location, str) else None
