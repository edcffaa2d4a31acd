"""What cells look like that stand for something else, and how pandas converts them."""

import re
from decimal import Decimal
from numbers import Real

import numpy as np
import pandas as pd

# What is looked at of a column: enough cells to tell, few enough for a table of millions.
PROBE_ROWS = 2_000
# The other cells of such a column may say "unknown" in one way or another.
MOST = 0.9

_NUMBER = r"[-+]?(?:[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d*|0)?(?:\.\d+)?(?:[eE][-+]?\d+)?"
# A currency in front or a unit behind: "USD 5.20", "$5", "12%", "10 mg", "90 km/h". Letters right before a number are
# a code ("A12"), and so are zeros ("02139").
_QUANTITY = re.compile(rf"([A-Z]{{3}} |[$€£¥])?({_NUMBER})(?<=\d)( ?(?:[%°]|[^\W\d_]{{1,8}})(?:/[^\W\d_]{{1,8}})?)?")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+(?:,\d+)?")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(
    rf"(?:\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{4}}|\d{{4}}[/.]\d{{1,2}}[/.]\d{{1,2}}|\d{{1,2}}/\d{{1,2}}/\d{{2}}"
    rf"|{_MONTH} \d{{1,2}},? \d{{4}}|\d{{1,2}}[- ]{_MONTH}[- ]\d{{2,4}})(?:[ T,].*)?",
    re.IGNORECASE,
)


def hint(column):
    """Say what a column seems to hold, other than words or plain numbers, and what converts it.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Training rows.

    Returns
    -------
    str
        Empty if nothing was noticed.
    """
    if pd.api.types.is_integer_dtype(column.dtype):
        return _days(probe(column).astype(column.dtype))
    cells = probe(column).tolist()
    texts = [cell for cell in cells if isinstance(cell, str)]
    n_numbers = sum(is_number_type(type(cell)) for cell in cells)
    if texts and n_numbers > len(cells) / 2:
        return (
            f"numbers beside text such as {texts[0]!r:.40}, of which pd.to_numeric(column, errors='coerce') makes NaN"
        )
    if len(texts) <= len(cells) / 2:
        return ""
    texts = [text.strip() for text in texts]
    return next(filter(None, (look(texts) for look in (_numbers, _dates, _lists))), "")


def _days(numbers):
    """Notice whole numbers that write a date."""
    first = numbers.min() if len(numbers) else 0
    if not 19_000_101 <= first <= numbers.max() <= 21_001_231:
        return ""
    if pd.to_datetime(numbers.astype(str), format="%Y%m%d", errors="coerce").isna().any():
        return ""
    return f"dates such as {first}, which pd.to_datetime(column, format='%Y%m%d') converts"


def _numbers(cells):
    """Notice numbers, with a unit or without."""
    found = [match for cell in cells if (match := _QUANTITY.fullmatch(cell))]
    if len(found) < MOST * len(cells):
        decimal = any("," in cell for cell in cells) and all(map(_DECIMAL_COMMA.fullmatch, cells))
        return "numbers with a decimal comma, which pd.to_numeric(column.str.replace(',', '.')) converts" * decimal
    units = sorted({(match[1] or match[3] or "").strip() for match in found})
    if len(units) > 1:
        named = "" not in units and len(units) <= 5 and all(" " in match[0] for match in found)
        return f"numbers in several units ({', '.join(map(repr, units))}): bring them to one" * named
    rest = "" if len(found) == len(cells) else ", errors='coerce'"
    strip = f".str.strip(' {units[0]}')" if units[0] else ""
    grouped = ".str.replace(',', '')" if any("," in match[2] for match in found) else ""
    what = f"numbers with the unit {units[0]!r}" if units[0] else "numbers written as text"
    return f"{what}, which pd.to_numeric(column{strip}{grouped}{rest}) converts"


def _dates(cells):
    """Notice dates in an order that only the user knows."""
    found = [cell for cell in cells if _DATE.fullmatch(cell)]
    if len(found) < MOST * len(cells):
        return ""
    return f"dates such as {found[0]!r:.40}, which pd.to_datetime(column, format=...) converts"


def _lists(cells):
    """Notice values that are joined in various combinations."""
    different = set(cells)
    for separator in ";|,":
        items = [cell.split(separator) for cell in different]
        n_items = len({item.strip() for parts in items for item in parts})
        # Sentences and addresses have commas, too, but then a space after them.
        several = sum(len(parts) > 1 and not any(part.startswith(" ") for part in parts[1:]) for parts in items)
        if several >= len(different) / 2 and n_items < len(different):
            return f"lists joined with {separator!r}, of which .str.get_dummies({separator!r}) makes columns"
    return ""


def probe(column):
    """Return some cells of a column that are not missing, evenly spaced."""
    cells = column.dropna()
    # As objects: the cells of an Arrow column are slow to visit one by one.
    return cells.iloc[:: max(len(cells) // PROBE_ROWS, 1)].astype(object)


def is_number_type(kind):
    """Return whether a class is one of numbers; truth values are none."""
    return issubclass(kind, Real | Decimal | np.number) and not is_bool_type(kind)


def is_bool_type(kind):
    """Return whether a class is one of truth values."""
    return issubclass(kind, bool | np.bool_)


def are_of(kinds, cells):
    """Return whether all cells of a 1-D array of objects are exactly of these classes."""
    return kinds.issuperset(map(type, cells))
