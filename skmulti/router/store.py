"""Decoded rows on disk, found again by what they were decoded from."""

import hashlib
import os
import uuid
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from ..inputs import BYTES, PATHS

KEY_BYTES = 20


def row_keys(columns):
    """Return a key for the content of each row: its bytes, or a file's path, size and time of change.

    Parameters
    ----------
    columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
        The cells; rows of several columns have no key.

    Returns
    -------
    ndarray of shape (n_rows,), bytes
        20 bytes a row, all zero where there is no key: missing cells, absent files, other objects.
    """
    if isinstance(columns, pd.DataFrame):
        if columns.shape[1] != 1:
            return np.zeros(len(columns), dtype=f"V{KEY_BYTES}")
        columns = columns.iloc[:, 0]
    keys = b"".join(_key(cell) or bytes(KEY_BYTES) for cell in columns.astype(object))
    return np.frombuffer(keys, dtype=f"V{KEY_BYTES}")


def has_key(keys):
    """Mark the rows that have a key: bool array of shape (n_rows,)."""
    return keys != np.zeros(1, dtype=keys.dtype)


def _key(cell):
    if isinstance(cell, dict) and {"bytes", "path"} & cell.keys():
        cell = cell.get("path") if cell.get("bytes") is None else cell["bytes"]
    if isinstance(cell, PATHS):
        try:
            state = os.stat(cell)
        except (OSError, ValueError):
            return None
        cell = f"{os.path.abspath(cell)}|{state.st_size}|{state.st_mtime_ns}".encode("utf-8", "surrogatepass")
    return hashlib.sha1(cell, usedforsecurity=False).digest() if isinstance(cell, BYTES) else None


def file_states(table):
    """Return size and time of change of every file that a cell names, by which a kept result is still valid.

    Parameters
    ----------
    table : DataFrame, or dict of Series and DataFrames
        Rows whose strings may be paths.

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
                states += _states(column.dropna().astype(object))
    return states


def _states(cells):
    # A text is no path, and most columns of text show that in the first cells.
    first = cells.iloc[:100]
    if not any(isinstance(cell, PATHS) and len(str(cell)) < 4096 and os.path.exists(cell) for cell in first):
        return []
    found = []
    for cell in cells:
        with suppress(OSError, ValueError, TypeError):
            state = os.stat(cell)
            found.append((state.st_size, state.st_mtime_ns))
    return found


class DecodedStore:
    """Rows of one encoder's array in a folder, which folds, fits and processes share.

    Parameters
    ----------
    folder : str
        Made when rows are written.
    shape : tuple of int
        Shape of one row.
    dtype : str
        Of the rows.

    Notes
    -----
    Each pass over data adds one file of rows and one of their keys, which is named last:
    a pass that was broken off leaves nothing that others would read.
    """

    def __init__(self, folder, shape, dtype):
        self.folder = Path(folder)
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self.row_bytes = int(np.prod(self.shape)) * self.dtype.itemsize

    def find(self, keys):
        """Look keys up.

        Parameters
        ----------
        keys : ndarray of shape (n_rows,), bytes
            From `row_keys`.

        Returns
        -------
        list of (str, int) or None, one for each key
            Name of the block and position in it; None where the row is not there.
        """
        known = _places(self.folder, tuple(sorted(path.stem for path in self.folder.glob("*.keys"))))
        return [known.get(key) for key in _split(keys.tobytes())]

    def read(self, places, out, rows):
        """Read rows at places that `find` gave into ``out[rows]``; give the rows whose block is gone."""
        gone, blocks = [], {}
        for row, (block, position) in zip(rows, places, strict=True):
            blocks.setdefault(block, []).append((position, row))
        for block, entries in blocks.items():
            try:
                # Straight into the array: a buffer between would be one more copy of every row.
                with open(self.folder / f"{block}.rows", "rb", buffering=0) as file:
                    for position, row in sorted(entries):
                        file.seek(position * self.row_bytes)
                        if file.readinto(out[row].reshape(-1).view("uint8")) != self.row_bytes:
                            gone.append(row)  # the file is cut off
            except FileNotFoundError:
                # Somebody cleared the folder.
                gone += [row for _, row in entries]
        return gone

    @contextmanager
    def writer(self):
        """Return a function (keys, array) that adds rows; they can be found when the block ends well."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name, keys = uuid.uuid4().hex, []
        rows_path, keys_path = self.folder / f"{name}.rows", self.folder / f"{name}.keys"

        def add(new_keys, array):
            keys.append(new_keys.tobytes())
            file.write(np.ascontiguousarray(array).data)

        try:
            with open(rows_path, "wb") as file:
                yield add
            unnamed = keys_path.with_suffix(".tmp")
            unnamed.write_bytes(b"".join(keys))
            unnamed.replace(keys_path)
        except BaseException:
            rows_path.unlink(missing_ok=True)
            raise
        if not any(keys):
            rows_path.unlink(missing_ok=True)
            keys_path.unlink(missing_ok=True)


@lru_cache(maxsize=2)
def _places(folder, blocks):
    """Return {key: (block, position)} of blocks, which never change once they have a name."""
    places = {}
    for block in blocks:
        with suppress(FileNotFoundError):
            for position, key in enumerate(_split((folder / f"{block}.keys").read_bytes())):
                places.setdefault(key, (block, position))
    places.pop(bytes(KEY_BYTES), None)
    return places


def _split(keys):
    return [keys[i : i + KEY_BYTES] for i in range(0, len(keys), KEY_BYTES)]


def store_of(encoder, spec, folder):
    """Return the store of a fitted encoder's rows under a folder: equal encoders share one."""
    state = {name: value for name, value in vars(encoder).items() if name != "lazy"}
    name = joblib.hash((type(encoder).__qualname__, state, spec.shape, spec.dtype))
    return DecodedStore(os.path.join(folder, name), spec.shape, spec.dtype)


def as_memory(memory):
    """Return the `joblib.Memory` that a parameter stands for."""
    return joblib.Memory(memory, verbose=0) if memory is None or isinstance(memory, str) else memory


def store_folder(memory):
    """Return the folder for decoded rows within a memory's own, which its ``clear`` empties; None where it has none."""
    if memory is None:
        return None
    location = getattr(getattr(as_memory(memory), "store_backend", None), "location", None)
    return os.path.join(location, "skmulti_decoded") if isinstance(location, str) else None
