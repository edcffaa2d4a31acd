"""Rows that say themselves which cell is of which column: dicts, named tuples, dataclasses, rows of a frame.

A record is one row, a list of them a table. A dict of arrays is neither: it holds all rows of each input, and no cell
that is a single value.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..errors import InputMismatchError, closest_match, quote_first, shorten
from ..sources import has_named_columns, infer_types, positions


def as_records(X):
    """Return X as a list of dicts, one a row, or None if it is neither a record nor a list of records."""
    if is_record(X):
        cells = _cells_by_name(X)
        # With nothing but arrays it holds an array for each input.
        return [cells] if any(map(_is_cell, cells.values())) else None
    if not isinstance(X, list | tuple):
        return None
    records = [_cells_by_name(row) for row in X]
    if not any(record is not None for record in records):
        return None
    for i, record in enumerate(records):
        if record is None:
            raise InputMismatchError(
                f"X is a list of {len(X)} rows, some with names for their cells, but X[{i}] is a "
                f"{type(X[i]).__name__}: {shorten(X[i])}. Give a dict for each row."
            )
    return records


def is_record(X):
    """Return whether an object names the cells of a row, or the arrays of inputs."""
    return not isinstance(X, pd.Series) and _cells_by_name(X) is not None


def records_table(records, wanted=None):
    """Return records as a DataFrame of shape (n_rows, n_columns).

    Parameters
    ----------
    records : list of dict
        The rows.
    wanted : iterable or None
        Labels of the columns that inputs read. None takes all that occur.

    Raises
    ------
    InputMismatchError
        If a row lacks a column.
    """
    labels = list(dict.fromkeys(key for record in records for key in record) if wanted is None else wanted)
    for i, record in enumerate(records):
        # Not taken as missing values: a misspelt name would go unnoticed in every row.
        absent = next((label for label in labels if label not in record), None)
        if absent is not None or not labels:
            row = "The row of X" if len(records) == 1 else f"X[{i}]"
            raise InputMismatchError(
                f"{row} has no {absent!r}; it has {quote_first(record)}.{closest_match(absent, record)} Give "
                "every row a value for each column; None is a missing one."
            )
    table = {label: _column([record[label] for record in records]) for label in labels}
    return pd.DataFrame(table, positions(len(records)))


def _column(values):
    """Return the cells of a column as a Series of their own type; arrays and lists are cells."""
    # Cell by cell, because NumPy would make one array with more axes of cells that have the same length.
    cells = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        cells[i] = value[()] if isinstance(value, np.ndarray) and not value.ndim else value
    return infer_types(pd.Series(cells, positions(len(cells)), dtype=object))


def _is_cell(value):
    """Return whether a value is a single one, and not an array or a list, which may hold a value for each row."""
    return pd.api.types.is_scalar(value) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0


def _cells_by_name(row):
    """Return a row's cells by name, or None if it names none."""
    if isinstance(row, Mapping):
        return dict(row)
    if _is_named_tuple(row):
        return row._asdict()
    if isinstance(row, np.void) and row.dtype.names:
        return {name: row[name] for name in row.dtype.names}
    if dataclasses.is_dataclass(row) and not isinstance(row, type):
        return {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    # Rows of a frame. A Series that is a column, or one array of several, has numbers for labels.
    if isinstance(row, pd.Series):
        return row.to_dict() if len(row) and all(isinstance(label, str) for label in row.index) else None
    # Rows of databases (sqlite3.Row); tables have more than one row.
    has_keys = hasattr(row, "keys") and hasattr(row, "__getitem__") and not has_named_columns(row)
    return dict(row) if has_keys and not isinstance(row, type) else None


def _is_named_tuple(row):
    return isinstance(row, tuple) and hasattr(row, "_asdict")
