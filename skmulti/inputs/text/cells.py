"""Cells of a column as texts: what an encoder takes for text, what it writes as text, and what is none."""

import os
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from numbers import Real

import numpy as np
import pandas as pd

from .._hints import probe
from .._odd import MOST_SHARE, are_mostly, settle_odd, share_of

_BYTES = (bytes, bytearray)

# What to do about cells that are no text.
_LENIENT = 'TextVectorizer(on_odd="missing") writes numbers and dates as text and counts other cells as missing.'
_AS_STRINGS = f"Make texts of them: column.astype('string'), which keeps missing cells missing. {_LENIENT}"
_WAYS_OUT = {
    "bytes": f"Decode them: column.map(lambda c: c.decode() if isinstance(c, bytes) else c). {_LENIENT}",
    "number": _AS_STRINGS,
    "date": _AS_STRINGS,
    "list": f"Join the words of a list: ' '.join(words), or give a column of lists to TagsIndexer. {_LENIENT}",
    "dict": f"Take out the text, or give a column of dicts to RecordVectorizer. {_LENIENT}",
    "other": f"Write a text or None there. {_LENIENT}",
}


def read_texts(column, lenient=None):
    """Return a column's cells as strings or missing, or refuse the column.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        The cells.
    lenient : InputEncoder or None
        An encoder with ``on_odd="missing"`` and the attribute `holds_bytes_`: numbers, truth
        values, dates and paths become texts, and so do bytes if the column was one of bytes.
        None refuses whatever is no string.

    Returns
    -------
    ndarray of shape (n_rows,), object
        Strings, and None or NaN where missing.

    Raises
    ------
    InputMismatchError
        If a cell is no text.
    """
    # As objects, since categories and the string dtypes of pandas differ in what they give for a missing cell.
    cells = column.astype(object).to_numpy()
    # pandas' compiled check first: only a column with other cells is looked at cell by cell.
    if pd.api.types.infer_dtype(cells, skipna=True) in ("string", "empty"):
        return cells
    missing = pd.isna(cells)
    if lenient is None:
        odd = ~missing & np.array([not isinstance(cell, str) for cell in cells], dtype=bool)
        settle_odd(None, column, odd, "text", _WAYS_OUT)
        return cells
    texts = pd.Series([as_text(cell, lenient.holds_bytes_) for cell in cells], dtype=object).to_numpy()
    settle_odd(lenient, column, ~missing & pd.isna(texts), "text", _WAYS_OUT)
    return texts


def empty_rows(frame, lenient):
    """Return a bool array of shape (n_rows,): True where no cell of a row holds a text."""
    return np.all([_empty_cells(column, lenient) for _, column in frame.items()], axis=0)


def _empty_cells(column, lenient):
    """Return which cells of a column are missing or odd."""
    # A column of a string dtype holds nothing odd, and one of Arrow is slow as objects.
    strings = column.dtype != object and pd.api.types.is_string_dtype(column.dtype)
    return np.asarray(pd.isna(column if strings else read_texts(column, lenient)))


def as_text(cell, decode=False):
    """Return a cell as a string, or None if it is missing or no text; bytes are texts if `decode` says so."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, _BYTES):
        return _decode(cell) if decode else None
    if isinstance(cell, os.PathLike):
        return as_text(os.fspath(cell), decode=True)
    if isinstance(cell, np.datetime64 | datetime):
        cell = pd.Timestamp(cell)
        # A date without a time of the day reads as one.
        return None if cell is pd.NaT else str(cell).removesuffix(" 00:00:00")
    if isinstance(cell, date | time | timedelta):
        return None if cell is pd.NaT else str(cell)
    if isinstance(cell, bool | np.bool_ | Real | Decimal):
        return _write_number(cell)
    return None


def _write_number(number):
    """Return a number as a person writes it: 2012 for 2012.0, which a gap in a column of whole numbers makes of it."""
    if number != number:
        return None
    return str(int(number)) if isinstance(number, float | np.floating) and number.is_integer() else str(number)


def holds_bytes(column):
    """Return whether most cells of a column are bytes that hold text."""
    return _may_hold_bytes(column.dtype) and are_mostly(probe(column), _is_encoded_text)


def _may_hold_bytes(dtype):
    return pd.api.types.is_object_dtype(dtype) or (isinstance(dtype, pd.ArrowDtype) and dtype.type is bytes)


def _is_encoded_text(cell):
    return isinstance(cell, _BYTES) and _decode(cell) is not None


def _decode(cell):
    """Return the text that bytes hold in UTF-8, or None if they are none."""
    try:
        text = cell.decode()
    except UnicodeDecodeError:
        return None
    # Pixels, sounds and pickles may be valid UTF-8 by chance, but have other bytes than a text.
    return None if "\0" in text else text


def mostly_texts(column):
    """Return some cells of a column as texts if most cells are texts, else none.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Training rows of any dtype.

    Returns
    -------
    list of str
        Numbers among the texts are written as texts; a column of numbers holds none.
    """
    if not (_may_hold_bytes(column.dtype) or pd.api.types.is_string_dtype(column.dtype)):
        return []
    cells = probe(column)
    decode = holds_bytes(cells)
    texts = [text for cell in cells if (text := as_text(cell, decode)) is not None]
    # Numbers and dates are texts where they are few: a column of dates is none of texts.
    as_they_stand = share_of(cells, lambda cell: isinstance(cell, str | bytes | bytearray | os.PathLike))
    return texts if len(texts) >= MOST_SHARE * len(cells) and as_they_stand > 0.5 else []
