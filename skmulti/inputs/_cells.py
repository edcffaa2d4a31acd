"""Cells that hold the sequence of one row: lists, arrays and paths of .npy files become arrays (steps, features)."""

import os
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pandas as pd

from .._validation import Real
from .._workers import machine_memory
from ..errors import InputMismatchError, label_at
from .base import LAZY_SHARE

# Types of cells that name a file, and of cells that hold its content.
PATHS = (str, os.PathLike)
BYTES = (bytes, bytearray, memoryview)

# The number of cells that are looked at to find out what a column holds.
PROBE_ROWS = 1000

_ADVICE = (
    "Give lists of numbers, 1-D arrays (steps), 2-D arrays (steps, features), paths of .npy files that hold "
    "such arrays, or None where missing."
)


def file_of(cell, folder=None):
    """Return the path of the file that a cell names.

    Parameters
    ----------
    cell : str or PathLike
        A path, or a ``file://`` URL. ``~`` is the user's home.
    folder : str, PathLike or None
        What relative paths are relative to. None is the working directory.
    """
    path = os.fsdecode(cell)
    if path[:7].lower() == "file://":
        path = url2pathname(urlsplit(path).path)
    path = os.path.expanduser(path)
    return path if folder is None else os.path.join(os.path.expanduser(folder), path)


class CellError(Exception):
    """A cell is no sequence; the message is what was found in it."""


def read_sequences(column, shape):
    """Yield each cell as an array (steps, features), and at the end refuse the column if a cell was no sequence.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Lists, arrays, paths of .npy files, or missing.
    shape : tuple of (int, int) or None
        The shape that each sequence must have; None allows any.

    Yields
    ------
    ndarray of shape (steps, features)
        The steps; none for a cell that is missing, empty or wrong.
    """
    missing = column.isna().to_numpy()
    n_wrong, first, label = 0, None, None
    # One at a time, since the files of a column may not fit into memory together. An error waits for the end, since
    # the message says how many cells are wrong.
    for position, cell in enumerate(column.astype(object)):
        steps = np.empty((0, 0))
        if not missing[position]:
            try:
                steps = as_steps(cell)
                if shape is not None and len(steps) and steps.shape != shape:
                    raise CellError(f"{_name_cell(cell)}, shape {np.shape(steps)}")
            except CellError as error:
                if not n_wrong:
                    first, label = error, label_at(column.index, position)
                n_wrong += 1
        yield steps
    if n_wrong:
        wanted = "sequences of numbers" if shape is None else f"sequences of shape {shape}"
        raise InputMismatchError(
            f"column {column.name!r}: {n_wrong} of {len(column)} cells are not {wanted}, first at row label "
            f"{label!r}: {first}. {_ADVICE}"
        ) from first


def as_steps(cell):
    """Return a cell as an array of numbers (steps, features), without steps if it is empty."""
    values = _load_npy(cell) if is_npy_path(cell) else _as_array(cell)
    # What is no list and no array, such as a number or a text, NumPy takes for an array without dimensions.
    if values.ndim == 0:
        raise CellError(_name_cell(cell))
    if values.dtype == object:
        values = _convert_objects(cell, values)
    # Of numbers only: dates and complex numbers would lose their meaning as floats.
    if values.dtype.kind not in "biuf":
        raise CellError(f"{_name_cell(cell)}, dtype {values.dtype}")
    if values.ndim > 2:
        raise CellError(f"{_name_cell(cell)}, shape {values.shape}")
    if not values.size:
        return np.empty((0, 0))
    return values if values.ndim == 2 else values[:, None]


def _as_array(cell):
    """Return a cell as an array of whatever type NumPy finds, or raise `CellError`."""
    try:
        return np.asarray(cell)
    except ValueError as error:
        # NumPy refuses nested lists that are no rectangle.
        raise CellError(f"{_name_cell(cell)} whose steps are of different lengths") from error


def _convert_objects(cell, values):
    """Return an array of objects as floats; the objects are numbers or None, or else arrays of equal length."""
    if values.ndim == 1 and any(isinstance(step, list | tuple | np.ndarray) for step in values):
        # A column of nested lists comes from a Parquet file as arrays of arrays.
        values = _as_array(values.tolist())
        if values.dtype != object:
            return values
    # Not by a cast to float64, which would read the texts "1" and "nan" as numbers.
    flat = values.ravel()
    if not all(number is None or number is pd.NA or isinstance(number, Real | Decimal) for number in flat):
        raise CellError(f"{_name_cell(cell)}, dtype object")
    try:
        floats = [np.nan if number is None or number is pd.NA else float(number) for number in flat]
    except OverflowError as error:
        # Python's whole numbers have no largest one.
        raise CellError(f"{_name_cell(cell)} with a number beyond the largest float") from error
    return np.array(floats, dtype="float64").reshape(values.shape)


def _load_npy(path):
    """Return the array of an .npy file; a pickle, which could run code, is never read."""
    try:
        # A wrong path in one cell must not take all the memory of the machine.
        size, most = os.path.getsize(path), int(LAZY_SHARE * machine_memory())
        if size > most:
            raise CellError(f"{str(path)!r} (a file of {size:,} bytes; more than {most:,} for one row are not read)")
        values = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise CellError(f"{str(path)!r} (file not found)") from error
    except (OSError, EOFError, MemoryError, ValueError) as error:
        reason = str(error)
        if "pickle" in reason:
            # NumPy takes any file of unknown format for a pickle, and advises to load it as one.
            reason = "no .npy file, or one of Python objects, which need pickle and are not loaded"
        raise CellError(f"{str(path)!r} ({reason})") from error
    if not isinstance(values, np.ndarray):
        # `np.load` goes by the content: an .npz file that was renamed comes open.
        values.close()
        raise CellError(f"{str(path)!r} (an archive of several arrays)")
    return values


def is_npy_path(cell):
    """Return whether a cell is the path of an .npy file."""
    return isinstance(cell, str | Path) and str(cell).lower().endswith(".npy")


def length_of(cell):
    """Return the length of a list or array, and -1 for anything else."""
    if isinstance(cell, str | bytes):
        return -1
    try:
        return len(cell)
    except TypeError:
        return -1


def is_pixels(cell):
    """Return whether a cell is an array of bytes, as pictures are."""
    return isinstance(cell, np.ndarray) and cell.dtype == np.uint8 and cell.ndim > 1


def _name_cell(cell):
    """Return what a message says of a cell: its path, or its type, with its value unless it is a list or an array."""
    if is_npy_path(cell):
        return repr(str(cell))
    if isinstance(cell, list | tuple) or hasattr(cell, "shape"):
        return f"type {type(cell).__name__}"
    return f"{shorten(cell)} (type {type(cell).__name__})"


def shorten(value):
    """Return the repr of a value, cut to 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def check_widths(column, widths, expected):
    """Refuse sequences whose steps have another number of features.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Its name and row labels are part of the message.
    widths : ndarray of shape (n_rows,), int
        Numbers per step in each row.
    expected : int
        The width that all rows must have.
    """
    wrong = np.flatnonzero(widths != expected)
    if not len(wrong):
        return
    raise InputMismatchError(
        f"column {column.name!r}: {len(wrong)} of {len(column)} sequences do not have {expected} "
        f"{'number' if expected == 1 else 'numbers'} a step, first at row label {label_at(column.index, wrong[0])!r}: "
        f"{widths[wrong[0]]}. Give sequences of one width, that of the first training row."
    )
