"""Tables and columns of other libraries as those of pandas, by the names of their columns.

NumPy reads most tables of other libraries, but without their names: columns in another order would then be taken for
each other. So whatever names its columns is converted by name, or refused with the line that converts it. No library is
imported for it: what can convert a table is a method of the table.
"""

import numpy as np
import pandas as pd

from ..errors import POSITIONS, InputMismatchError, quote_first, shorten

# What libraries call the method that returns a pandas frame (or, for the last, a table that has such a method), in the
# order in which they are tried: polars, Arrow and cuDF, readers of Arrow, Spark, Vaex, H2O, DuckDB, Dask.
_CONVERSIONS = ("to_pandas", "read_pandas", "toPandas", "to_pandas_df", "as_data_frame", "df", "compute")


def has_named_columns(X):
    """Return whether an object is a table that names its columns, of any library."""
    if isinstance(X, type):
        return False
    # Of the class where possible: a lazy frame of polars warns when it is asked for the names themselves.
    names = hasattr(type(X), "columns") or hasattr(type(X), "__arrow_c_stream__") or hasattr(X, "columns")
    return names or hasattr(X, "to_pandas") or getattr(getattr(X, "dtype", None), "names", None) is not None


def as_frame(X):
    """Return a table that names its columns as a DataFrame.

    Parameters
    ----------
    X : object
        A table of any library, or something else.

    Returns
    -------
    DataFrame, or object
        `X` itself if it is a DataFrame, or no table with names: an array, a dict, a list, a column.

    Raises
    ------
    InputMismatchError
        If a table names its columns, but has no way to become a DataFrame.
    """
    if isinstance(X, pd.DataFrame):
        return _native_frame(X)
    if isinstance(X, np.ndarray):
        return _of_fields(X) if X.dtype.names and X.ndim else X
    if isinstance(X, pd.Series | np.void) or not has_named_columns(X):
        return X
    table = X
    # Twice, as the result of a computation may be a table of yet another library.
    for _ in range(2):
        table = _convert(table)
        if isinstance(table, pd.DataFrame):
            return _counted(_native_frame(table))
    return table if isinstance(table, pd.Series) else _by_column(X)


def positions(count):
    """Return the index of a table without row labels, by which messages say so."""
    return pd.RangeIndex(count, name=POSITIONS)


def _counted(table):
    """Return a table of another library with an index that says so, if it has no labels of its own."""
    if not table.index.equals(pd.RangeIndex(len(table))):
        return table
    table = table.copy(deep=False)
    table.index = positions(len(table))
    return table


def infer_types(table):
    """Return a DataFrame or Series of objects in which numbers, texts and so on have a dtype of their own."""
    try:
        return table.infer_objects()
    except UnicodeError:
        # Arrow, which keeps pandas' texts, has no place for half of a character ("\ud800").
        return table


def as_column(values):
    """Return one column of any library as a Series of pandas if it is more than an array, else as it is."""
    if isinstance(values, pd.DataFrame | pd.Series):
        return _native_series(values) if isinstance(values, pd.Series) else _native_frame(values)
    if isinstance(values, np.ma.MaskedArray) and not values.dtype.names:
        return unmask(values)
    if isinstance(values, np.ndarray):
        return native(values)
    # Labelled arrays of xarray with more axes than a frame have no such form; as arrays they are complete.
    column = _convert(values) if getattr(values, "ndim", 1) in (1, 2) else values
    return _counted(column) if isinstance(column, pd.Series | pd.DataFrame) else column


def native(array):
    """Return an array in the byte order of this machine, which pandas and TensorFlow need."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def unmask(array):
    """Return a masked array as one in which masked values are missing: NaN in numbers, None in all else.

    Of more than two axes (pixels, steps) the array of a row is one cell; it is missing if all of it is masked.
    """
    array, mask = native(array), np.ma.getmaskarray(array)
    if not mask.any():
        return np.asarray(array.data)
    if array.ndim > 2:
        rows = mask.reshape(len(mask), -1).all(axis=1)
        cells = array if not (mask & ~_along(rows, mask)).any() else array.astype("float32").filled(np.nan)
        return pd.Series([None if gone else np.asarray(cell) for cell, gone in zip(cells, rows, strict=True)])
    kind = array.dtype.kind
    if kind in "fc":
        return array.filled(np.nan)
    if kind in "Mm":
        return array.filled(np.array("NaT", array.dtype))
    if kind in "iu":
        return array.astype(float).filled(np.nan)
    # Not `filled`, to which None is the default of the type.
    return np.where(mask, None, array.data.astype(object))


def _along(rows, mask):
    """Return a mask of rows with the axes of another mask."""
    return rows.reshape(-1, *[1] * (mask.ndim - 1))


def _of_fields(array):
    """Return a structured array as a frame with a column for each field."""
    rows = array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array
    if rows.ndim != 1:
        raise InputMismatchError(
            f"X is a structured array of shape {array.shape} with the fields {quote_first(array.dtype.names)}; "
            "expected a record for each row. Give X.reshape(-1), or a DataFrame."
        )
    return pd.DataFrame({name: _field(rows[name]) for name in rows.dtype.names}).set_axis(positions(len(rows)))


def _field(values):
    """Return a field as a column; one of several values is a column of arrays."""
    values = unmask(values) if isinstance(values, np.ma.MaskedArray) else native(np.asarray(values))
    return values if values.ndim == 1 else pd.Series(list(values), dtype=object)


def _convert(table):
    """Return what the first conversion that a table has makes of it; the table itself if it has none."""
    # Modin keeps the conversion under an accessor. Its own frames have no other that is public.
    owner = getattr(table, "modin", table) if hasattr(type(table), "modin") else table
    for name in _CONVERSIONS:
        # Of the class: a frame may have a column of this name as an attribute.
        if callable(getattr(type(owner), name, None)):
            try:
                return getattr(owner, name)()
            except (TypeError, ValueError) as error:
                raise InputMismatchError(
                    f"X is a {_type_name(table)}, whose {name}() fails ({shorten(error, 200)}). Convert it to a pandas "
                    "DataFrame first."
                ) from error
    return table


def _by_column(X):
    """Return a table as a frame by asking for each column by its name."""
    if hasattr(type(X), "collect"):
        # Not run here: how is the user's to say, and what a query costs nobody knows.
        raise InputMismatchError(
            f"Expected 2D array or a DataFrame, got {type(X).__name__}, a query that has not run. Give X.collect()."
        )
    names = getattr(X, "columns", None)
    names = getattr(X, "column_names", ()) if names is None or callable(names) else names
    try:
        names = list(names)
        columns = {name: as_column(np.asarray(X[name])) for name in names}
        if not columns or any(column.ndim != 1 for column in columns.values()):
            raise ValueError("its columns are no arrays with one axis")
        return _counted(pd.DataFrame(columns))
    except Exception as error:
        raise InputMismatchError(
            f"X is a {_type_name(X)} with named columns, which cannot be read by name ({shorten(error, 200)}). Give a "
            "DataFrame: pd.DataFrame({name: X[name] for name in X.columns})."
        ) from error


def _type_name(X):
    """Return ``library.Class`` of an object."""
    return f"{type(X).__module__.partition('.')[0]}.{type(X).__name__}"


def _native_frame(frame):
    """Return a frame of columns that pandas computes with; the same object if they are so already."""
    others = [i for i, dtype in enumerate(frame.dtypes) if _native_dtype(dtype) != dtype]
    if others:
        frame = frame.copy(deep=False)
        for i in others:
            frame.isetitem(i, _native_series(frame.iloc[:, i]))
    return frame


def _native_series(series):
    """Return a column as one of a type that pandas computes with."""
    dtype = _native_dtype(series.dtype)
    if dtype == series.dtype:
        return series
    # Arrow makes UUIDs of what pandas would take for bytes.
    cells = series.array.__arrow_array__().to_pylist() if dtype.kind == "O" else series.to_numpy(dtype)
    return pd.Series(cells, index=series.index, name=series.name, dtype=dtype)


def _native_dtype(dtype):
    """Return the type that a column takes: numbers in the byte order of this machine, Python's objects for Arrow's."""
    if isinstance(dtype, np.dtype):
        return dtype if dtype.isnative else dtype.newbyteorder("=")
    # UUIDs, JSON: Arrow neither counts nor compares them.
    return np.dtype(object) if str(dtype).startswith("extension<") else dtype
