"""What the cells of a column are: their types, and what texts and whole numbers seem to stand for.

`hint` looks at columns that the default router reads as they are although their cells seem to write something else:
amounts in several units, numbers that are days or fillers. It names what it sees and how pandas converts it.
Where one reading is as likely as another, nothing is converted unasked.
"""

import re
from decimal import Decimal
from numbers import Real

import numpy as np
import pandas as pd

# Number of cells of a column that are looked at: enough to tell, and few enough for a table of millions of rows.
PROBE_ROWS = 2_000
# Share of the cells that must look alike. The others may say "unknown" in one way or another.
MOST = 0.9

_NUMBER = r"[-+]?(?:[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d*|0)?(?:\.\d+)?(?:[eE][-+]?\d+)?"
# A currency before the number or a unit after it: "USD 5.20", "$5", "12%", "10 mg", "90 km/h". Letters right before a
# number make it a code ("A12"), and so do leading zeros ("02139"). Each part of _NUMBER may be absent, hence the
# lookbehind: there must be a digit.
_QUANTITY = re.compile(rf"([A-Z]{{3}} |[$€£¥])?({_NUMBER})(?<=\d)( ?(?:[%°]|[^\W\d_]{{1,8}})(?:/[^\W\d_]{{1,8}})?)?")
# A number that comes back is a filler if it is so many times as far from the others as these are from each other.
FAR = 10
DIFFERENT_BESIDE_FILLER = 10
# In fewer rows, whole numbers without a gap are no wonder.
COUNTER_ROWS = 20


def hint(column):
    """Return what a column seems to hold, other than words or plain numbers, and how to convert it.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Training rows.

    Returns
    -------
    str
        A phrase for a message; empty if nothing was noticed.
    """
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_complex_dtype(dtype):
        return ""
    if pd.api.types.is_numeric_dtype(dtype):
        numbers = probe(column)
        if pd.api.types.is_integer_dtype(dtype) and (
            noticed := _notice_days(numbers.astype(dtype)) or _notice_counter(column)
        ):
            return noticed
        return _notice_filler(numbers.to_numpy(dtype="float64"))
    cells = probe(column).tolist()
    texts = [cell for cell in cells if isinstance(cell, str)]
    n_numbers = sum(is_number_type(type(cell)) for cell in cells)
    # Numbers that cells such as "?" have made a column of objects.
    if texts and n_numbers > len(cells) / 2:
        return (
            f"numbers beside text such as {texts[0]!r:.40}, of which pd.to_numeric(column, errors='coerce') makes NaN"
        )
    if len(texts) <= len(cells) / 2:
        return ""
    texts = [text.strip() for text in texts]
    return _notice_units(texts)


def _notice_days(numbers):
    """Notice whole numbers that write a day, such as 20241231."""
    # The range from 1900 to 2100 rules out most columns before any number is parsed.
    first = numbers.min() if len(numbers) else 0
    if not 19_000_101 <= first <= numbers.max() <= 21_001_231:
        return ""
    if pd.to_datetime(numbers.astype(str), format="%Y%m%d", errors="coerce").isna().any():
        return ""
    return f"dates such as {first}, which pd.to_datetime(column, format='%Y%m%d') converts"


def _notice_counter(column):
    """Notice whole numbers that count the rows: an id, or the order in which the rows came."""
    numbers = column.dropna()
    if (
        len(numbers) < COUNTER_ROWS
        or numbers.max() - numbers.min() + 1 != len(numbers)
        or numbers.nunique() < len(numbers)
    ):
        return ""
    return f"counts the rows: kinds={{{column.name!r}: 'drop'}} if it is an id"


def _notice_filler(numbers):
    """Notice an extreme number that comes back and is far from all others, as -9999 is if it stands for "missing"."""
    values, counts = np.unique(numbers, return_counts=True)
    if len(values) < DIFFERENT_BESIDE_FILLER:
        return ""
    for extreme, rest, count in ((values[0], values[1:], counts[0]), (values[-1], values[:-1], counts[-1])):
        if count > 1 and np.abs(extreme - rest).min() > FAR * (rest[-1] - rest[0]):
            return f"{extreme:g} comes back, far from all others: column.replace({extreme:g}, np.nan) if it is a filler"
    return ""


def _notice_units(cells):
    """Notice numbers in several units."""
    found = [match for cell in cells if (match := _QUANTITY.fullmatch(cell))]
    if len(found) < MOST * len(cells):
        return ""
    units = sorted({(match[1] or match[3] or "").strip() for match in found})
    # Many endings, or endings without a space before them, are rather those of codes: "5A", "7B".
    named = "" not in units and 1 < len(units) <= 5 and all(" " in match[0] for match in found)
    return f"numbers in several units ({', '.join(map(repr, units))}): bring them to one" if named else ""


def probe(column):
    """Return some cells of a column that are not missing, evenly spaced, as objects."""
    # Evenly spaced, since a sorted table holds its odd cells in one place.
    cells = column.dropna()
    # As objects, because the cells of an Arrow column are slow to visit one by one.
    return cells.iloc[:: max(len(cells) // PROBE_ROWS, 1)].astype(object)


def holds_objects(column):
    """Return whether a column may hold Python objects or texts, so that only its cells tell what it holds."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype) or str(dtype).startswith("dictionary"):
        # Such a dtype, pandas' or Arrow's, says that its values are categories, whatever they write.
        return False
    if isinstance(dtype, pd.ArrowDtype) and dtype.kind == "O":
        # Lists, structs, maps, bytes and times of the day; decimal numbers are of this kind, too.
        return not pd.api.types.is_numeric_dtype(dtype)
    return pd.api.types.is_string_dtype(dtype) or pd.api.types.is_object_dtype(dtype)


def is_number_type(kind):
    """Return whether a class is one of numbers; truth values do not count as numbers."""
    return issubclass(kind, Real | Decimal | np.number) and not is_bool_type(kind)


def is_bool_type(kind):
    """Return whether a class is one of truth values."""
    return issubclass(kind, bool | np.bool_)


def are_of(kinds, cells):
    """Return whether every cell of a 1-D array of objects is of one of these classes; subclasses do not count."""
    return kinds.issuperset(map(type, cells))
