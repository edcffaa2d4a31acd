"""What `InputRouter.compare` reads from cells: flags, amounts and labels, and these three of cells of any column.

A measure is an array with an entry for each cell. Its dtype says what it is: bool marks cells, floats are amounts (NaN
where a cell has none), and objects are labels (str, None where a cell has none).
"""

import numpy as np
import pandas as pd

from ._cells import vector_or_none
from ._hints import is_bool_type, is_number_type
from ._values import as_objects, text_of

# Characters of a label. Longer texts differ anyway.
_LABEL_LENGTH = 80


def measure_column(column):
    """Measure the cells of a column by what they are, without knowledge of an encoder.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Cells of any type.

    Returns
    -------
    dict of str to ndarray of shape (n_rows,)
        The amount of numbers and dates; level and spread of vectors; label and length of all else.
    """
    amounts = _amounts_of(column)
    if amounts is not None:
        return {"value": amounts}
    missing = pd.isna(column).to_numpy()
    cells = column.astype(object).tolist()
    known = [cell for cell, gone in zip(cells, missing, strict=True) if not gone]
    if known and all(is_number_type(type(cell)) or is_bool_type(type(cell)) for cell in known):
        return {
            "value": np.array([np.nan if gone else _as_float(cell) for cell, gone in zip(cells, missing, strict=True)])
        }
    vectors = [
        None if gone or isinstance(cell, str) else vector_or_none(cell)
        for cell, gone in zip(cells, missing, strict=True)
    ]
    if sum(vector is not None for vector in vectors) > len(known) / 2:
        return measure_vectors(vectors)
    texts = [None if gone else text_of(cell) for cell, gone in zip(cells, missing, strict=True)]
    return {"value": as_labels(texts), "length": lengths_of(texts)}


def measure_vectors(vectors):
    """Measure level (mean) and spread (standard deviation) of each vector, None where missing."""
    known = [vector if vector is not None and len(vector) else np.array([np.nan]) for vector in vectors]
    # Of few numbers, two calls for each vector; the mean of NaN alone is NaN, without NumPy's warning.
    return {
        "level": np.array([mean_of(np.asarray(vector, dtype="float64")) for vector in known]),
        "spread": np.array([spread_of(np.asarray(vector, dtype="float64")) for vector in known]),
    }


def mean_of(values):
    """Return the mean of the numbers that are not NaN, NaN of none."""
    known = values[~np.isnan(values)]
    return known.mean() if len(known) else np.nan


def spread_of(values):
    """Return the standard deviation of the numbers that are not NaN, NaN of none."""
    known = values[~np.isnan(values)]
    return known.std() if len(known) else np.nan


def as_labels(texts):
    """Return a list of texts, None where there is none, as labels."""
    return as_objects([None if text is None else str(text[:_LABEL_LENGTH]) for text in texts])


def lengths_of(texts):
    """Return the number of characters of each text, NaN where there is none."""
    return np.array([np.nan if text is None else len(text) for text in texts], dtype="float64")


def mark_outside(amounts, low, high, *, training):
    """Mark amounts outside of a range; among training cells, the ends of the range, which no other cell reaches.

    Parameters
    ----------
    amounts : ndarray of shape (n_rows,), float
        NaN where missing.
    low, high : float
        The range of the training cells.
    training : bool
        Whether the amounts are some of these cells.

    Returns
    -------
    ndarray of shape (n_rows,), bool
        In training, one cell at each end: had it come later, it would have been outside. So the
        share of training cells is what is to be expected of later ones.
    """
    outside = (amounts < low) | (amounts > high)
    if training:
        for end in (low, high):
            outside[np.flatnonzero(amounts == end)[:1]] = True
    return outside


def _amounts_of(column):
    """Return a column of a dtype of numbers, truth values, durations or dates as floats, None of any other dtype."""
    dtype = column.dtype
    if pd.api.types.is_complex_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype):
        return None
    if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
        return column.to_numpy(dtype="float64", na_value=np.nan)
    if pd.api.types.is_timedelta64_dtype(dtype):
        return column.dt.total_seconds().to_numpy(dtype="float64", na_value=np.nan)
    if isinstance(dtype, np.dtype | pd.DatetimeTZDtype) and pd.api.types.is_datetime64_any_dtype(dtype):
        seconds = column.astype("datetime64[us]" if isinstance(dtype, np.dtype) else pd.DatetimeTZDtype("us", dtype.tz))
        return np.where(column.isna(), np.nan, seconds.astype("int64") / 1e6)
    return None


def _as_float(number):
    """Return a number as a float; Python's whole numbers have no largest one."""
    try:
        return float(number)
    except OverflowError:
        return np.inf if number > 0 else -np.inf
