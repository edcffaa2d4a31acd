"""Cells that hold several values: lists, arrays, tensors and the texts that write them become arrays or lists."""

import json
import os
import re
from ast import literal_eval
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pandas as pd
import scipy.sparse

from .._counts import count_cells
from .._validation import Real
from .._workers import LAZY_SHARE, machine_memory
from ..errors import InputMismatchError, row_at, shorten
from ._odd import LEAVE_OUT, are_mostly, is_another_column, is_strict, note_odd, way_out

# What an array that is no array of real numbers holds, by the kind of its dtype.
_HELD = {"U": "text", "S": "bytes", "T": "text", "c": "complex numbers", "M": "dates", "m": "durations"}

# Types of cells that name a file, and of cells that hold its content.
PATHS = (str, os.PathLike)
BYTES = (bytes, bytearray, memoryview)

# What to do about cells that are no sequences.
_WAYS_OUT = {
    "other": (
        "Give lists of numbers, 1-D arrays (steps), 2-D arrays (steps, features), paths of .npy files that hold "
        "such arrays, or None where missing."
    )
}

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|NaN|inf)"
# Numbers in a row: "12.5,-3.25", "0.1 0.2 0.3", "1;2;3".
_NUMBERS = re.compile(rf"\s*(?:{_NUMBER})(?:(?:\s*[,;]\s*|\s+)(?:{_NUMBER}))+\s*")
# A point of a map as databases write it, with two numbers or three, perhaps after the code of its system.
_POINT = re.compile(r"(?:SRID=\d+;)?\s*POINT\s*(?:Z|M|ZM)?\s*\((.*)\)", re.IGNORECASE)
# What NumPy prints of its scalars: "[np.float64(0.5)]".
_PRINTED_SCALAR = re.compile(r"np\.\w+\(([^()]*)\)")
# What NumPy prints of arrays: brackets without commas.
_PRINTED_ARRAY = re.compile(r"\[[\s\d.eE+\-\[\]naif]*\]")
# Whole numbers between blanks may be a phone number or a date. So many of them are a list.
_LISTED_NUMBERS = 8


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


def read_sequences(column, encoder):
    """Yield each cell as an array (steps, features); at the end refuse or note the cells that are no sequence.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Lists, arrays, paths of .npy files, or missing.
    encoder : InputEncoder
        Its `shape` is the shape that each sequence must have, or None. Its `on_odd` decides what
        becomes of cells that are no sequence.

    Yields
    ------
    ndarray of shape (steps, features)
        The steps; none for a cell that is missing, empty or wrong.
    """
    missing = column.isna().to_numpy()
    wrong, first = np.zeros(len(column), dtype=bool), None
    shape = None if encoder.shape is None else tuple(encoder.shape)
    # One at a time, since the files of a column may not fit into memory together. An error waits for the end, since
    # the message says how many cells are wrong.
    for position, cell in enumerate(column.astype(object)):
        steps = np.empty((0, 0))
        if not missing[position]:
            try:
                steps = as_steps(cell)
                if is_npy_path(cell):
                    count_cells(str(column.name), encoder.counted_as, 1)
                if shape is not None and len(steps) and steps.shape != shape:
                    raise CellError(f"{_name_cell(cell)}, shape {np.shape(steps)}")
            except CellError as error:
                steps, first = np.empty((0, 0)), first or error
                wrong[position] = True
        yield steps
    wanted = "sequences of numbers" if shape is None else f"sequences of shape {shape}"
    if first is not None and (is_strict(encoder) or is_another_column(column, wrong)):
        raise InputMismatchError(
            f"column {column.name!r}: {int(wrong.sum())} of {len(column)} cells are not {wanted}, first at "
            f"{row_at(column.index, wrong.argmax())}: {first}. {way_out(encoder, column, wrong, _WAYS_OUT)}"
        ) from first
    note_odd(column, wrong, wanted, LEAVE_OUT)


def as_steps(cell):
    """Return a cell as an array of numbers (steps, features), without steps if it is empty."""
    values = _load_npy(cell) if is_npy_path(cell) else _as_array(read_numbers(cell))
    values = _as_real(cell, values)
    if values.ndim > 2:
        raise CellError(f"{_name_cell(cell)}, shape {values.shape}")
    if not values.size:
        return np.empty((0, 0))
    return values if values.ndim == 2 else values[:, None]


def as_vector(cell):
    """Return a cell as a 1-D array of numbers, NaN where one is missing, or raise `CellError`."""
    # A fast path: most columns of vectors hold such arrays.
    if type(cell) is np.ndarray and cell.ndim == 1 and cell.dtype.kind in "biuf":
        return cell
    values = _as_real(cell, _as_array(read_numbers(cell)))
    if values.ndim != 1:
        raise CellError(f"{_name_cell(cell)}, shape {values.shape}")
    return values


def vector_or_none(cell):
    """Return a cell as a 1-D array of numbers, or None if it is no such vector."""
    try:
        return as_vector(cell)
    except CellError:
        return None


def _as_array(cell):
    """Return a cell as an array of whatever type NumPy finds, or raise `CellError`."""
    if np.ma.isMaskedArray(cell):
        # `asarray` would return what stands below the mask.
        return cell.astype(object).filled(np.nan)
    if isinstance(cell, set | frozenset):
        # NumPy takes a set for a single object. Numbers are sorted, as their order depends on how the set was made.
        with suppress(TypeError):
            cell = sorted(cell)
        cell = list(cell)
    if scipy.sparse.issparse(cell):
        cell = cell.toarray()[0] if cell.shape[0] == 1 else cell.toarray()
    try:
        return np.asarray(cell)
    except (ValueError, TypeError, RuntimeError) as error:
        # NumPy refuses nested lists that are no rectangle, and frameworks refuse tensors that are elsewhere.
        raise CellError(f"{_name_cell(cell)} has steps of different lengths") from error


def _as_real(cell, values):
    """Return the array of a cell as real numbers of one dimension or more, or raise `CellError`."""
    # What is no list and no array, such as a number or a text, NumPy takes for an array without dimensions.
    if values.ndim == 0:
        raise CellError(_name_cell(cell))
    if values.dtype == object:
        values = _convert_objects(cell, values)
    # Of numbers only: dates and complex numbers would lose their meaning as floats.
    if values.dtype.kind not in "biuf":
        held = _HELD.get(values.dtype.kind, f"cells of dtype {values.dtype}")
        raise CellError(f"{_name_cell(cell)} holds {held}")
    return values


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
        raise CellError(f"{_name_cell(cell)} holds more than numbers")
    try:
        floats = [np.nan if number is None or number is pd.NA else float(number) for number in flat]
    except OverflowError as error:
        # Python's whole numbers have no largest one.
        raise CellError(f"{_name_cell(cell)} holds a number beyond the largest float") from error
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


# --- texts that write several values


def read_literal(cell):
    """Return the list, tuple, set or dict that a text writes in JSON or Python; any other cell as it is."""
    # A CSV file holds lists as Python prints them, and databases hold them as JSON.
    if not isinstance(cell, str) or not (text := cell.strip()) or text[0] + text[-1] not in ("[]", "{}", "()"):
        return cell
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    # Not with a backslash, of which Python may warn; JSON has read the texts in which it is right.
    if "\\" in text:
        return cell
    with suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        # Literals only: it evaluates nothing.
        value = literal_eval(_PRINTED_SCALAR.sub(r"\1", text))
        return value if isinstance(value, list | tuple | set | dict) else cell
    return _read_printed(text, cell)


def _read_printed(text, cell):
    """Return the list of lists that NumPy prints without commas, or the cell if the text is none."""
    if not _PRINTED_ARRAY.fullmatch(text):
        return cell
    joined = re.sub(r"(?<=[\d.naif\]])\s+(?=[-+\d.naif\[])", ",", text)
    # JSON wants a digit after the point, and NumPy prints none.
    joined = re.sub(r"(?<=\d)\.(?!\d)", ".0", joined).replace("nan", "NaN").replace("inf", "Infinity")
    with suppress(ValueError, RecursionError):
        return json.loads(joined)
    return cell


def read_numbers(cell):
    """Return the numbers that a text writes, as a list or in JSON; any other cell as it is."""
    if not isinstance(cell, str):
        return cell
    value = read_literal(cell)
    if value is not cell:
        return value
    point = _POINT.fullmatch(cell.strip())
    text = point[1] if point else cell
    if not _NUMBERS.fullmatch(text):
        return cell
    return [float(number) for number in re.split(r"[,;\s]+", text.strip())]


def writes_numbers(cells):
    """Return whether most of some cells are no texts, or texts that are clearly lists of numbers."""
    return are_mostly(cells, lambda cell: not isinstance(cell, str) or _is_listing(cell))


def _is_listing(text):
    """Return whether a text writes a list, a point or numbers that are no parts of a single number."""
    if read_literal(text) is not text or _POINT.fullmatch(text.strip()):
        return True
    if not _NUMBERS.fullmatch(text):
        return False
    # A comma may stand before decimals, and blanks within a phone number. So whole numbers have to be many.
    numbers = re.split(r"[,;\s]+", text.strip())
    separated = len(numbers) > 2 and not re.search(r"\d\s+[-+.\d]", text)
    return all("." in number for number in numbers) or separated or len(numbers) >= _LISTED_NUMBERS


def is_npy_path(cell):
    """Return whether a cell is the path of an .npy file."""
    return isinstance(cell, str | Path) and str(cell)[-4:].lower() == ".npy"


def length_of(cell):
    """Return the length of a list or array, and -1 for anything else."""
    if isinstance(cell, str | bytes):
        return -1
    try:
        return len(cell)
    except TypeError:
        return -1


def is_collection(cell):
    """Return whether a cell is a list, set, array or the like, but no text and no dict."""
    return not isinstance(cell, (str, Mapping, *BYTES)) and length_of(cell) >= 0


def is_pixels(cell):
    """Return whether a cell is an array of bytes, as pictures are."""
    return isinstance(cell, np.ndarray) and cell.dtype == np.uint8 and cell.ndim > 1


def _name_cell(cell):
    """Return what a message says of a cell: its path, or its value and type."""
    if is_npy_path(cell):
        return repr(shorten(str(cell)))
    text = repr(cell)
    # NumPy prints arrays of several dimensions in several lines.
    return f"{'' if chr(10) in text else f'{shorten(text)} '}(type {type(cell).__name__})"


def check_widths(column, widths, expected, encoder):
    """Refuse sequences whose steps have another number of features, or note them; return which ones they are.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Its name and row labels are part of the message.
    widths : ndarray of shape (n_rows,), int
        Numbers per step in each row.
    expected : int
        The width that all rows must have.
    encoder : InputEncoder
        Its `on_odd` decides.
    """
    wrong = widths != expected
    numbers = f"{expected} {'number' if expected == 1 else 'numbers'}"
    if encoder.on_odd == "missing":
        note_odd(column, wrong, f"sequences of {numbers} a step", LEAVE_OUT)
    elif wrong.any():
        first = wrong.argmax()
        advice = {"other": f"Give sequences whose steps have {numbers}, as those of most training rows."}
        raise InputMismatchError(
            f"column {column.name!r}: {int(wrong.sum())} of {len(column)} sequences do not have {numbers} a step, "
            f"first at {row_at(column.index, first)}, whose steps have {widths[first]}. "
            f"{way_out(encoder, column, wrong, advice)}"
        )
    return wrong
