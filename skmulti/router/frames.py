"""Tables of any make as pandas frames, and rows and columns taken from them."""

import numbers
from collections.abc import Mapping

import numpy as np
import pandas as pd
import scipy.sparse

from ..errors import InputMismatchError, closest_match, quote, quote_first


def to_table(X, input_names=None, expected_rows=None, *, by_input=False):
    """Bring X to a DataFrame, or to a dict of columns by input name.

    Parameters
    ----------
    X : DataFrame (pandas, polars, pyarrow), 2-D array, list of rows, or dict/list/tuple of arrays by input
        What a user hands to ``fit`` or ``predict``.
    input_names : sequence of str or None
        Names of a router's inputs, for lists and tuples of arrays.
    expected_rows : int or None
        Length of y, to tell a list of cells from a list of batches, and a list of 1-D
        arrays, one for each input, from a list of rows.
    by_input : bool
        Whether a list of arrays is known to hold one for each input.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns), or dict of str to (Series or DataFrame)
        Arrays become frames with columns 0, 1, ...

    Raises
    ------
    InputMismatchError
        If X is none of these.
    """
    if isinstance(X, pd.DataFrame):
        return X
    # Before dicts: a sparse matrix of keys is a Mapping, too.
    if scipy.sparse.issparse(X):
        raise TypeError(
            "Sparse data was passed for X, but dense data is required. Use '.toarray()' to convert to a dense array."
        )
    if isinstance(X, Mapping):
        return {str(name): _input_columns(str(name), cells, expected_rows) for name, cells in X.items()}
    if _is_by_input(X, expected_rows, by_input):
        return _by_order(X, input_names, expected_rows)
    if hasattr(X, "to_pandas"):
        X = X.to_pandas()
        if isinstance(X, pd.DataFrame):
            return X
    if isinstance(X, pd.Series):
        raise InputMismatchError(
            f"Expected 2D array or a DataFrame, got a Series named {X.name!r}. Give a frame: X.to_frame()."
        )
    array = _as_array(X)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported, got X of dtype {array.dtype}.")
    if array.ndim != 2:
        raise InputMismatchError(
            f"Expected 2D array or a DataFrame, got {type(X).__name__} of shape {array.shape} and dtype {array.dtype}. "
            "Reshape your data with array.reshape(-1, 1) for one column or array.reshape(1, -1) for one row; "
            "several arrays go into a dict by input name."
        )
    if array.shape[0] == 0 or array.shape[1] == 0:
        axis = ("feature(s)", 1) if array.shape[0] else ("sample(s)", 0)
        raise InputMismatchError(
            f"Found array with 0 {axis[0]} (shape={array.shape}) while a minimum of 1 is required."
        )
    return pd.DataFrame(array).infer_objects()


def _is_by_input(X, expected_rows, known):
    """Tell a list of arrays, one for each input, from a list of rows."""
    if not isinstance(X, tuple | list) or not len(X):
        return False
    if known or all(_are_batches(part, expected_rows) for part in X):
        return True
    shapes = [getattr(array, "shape", ()) for array in X]
    if not all(shapes):
        return False
    # 1-D arrays are rows, unless each has an entry for every target.
    return any(len(shape) > 1 for shape in shapes) or (
        expected_rows is not None and len(X) != expected_rows and all(shape[0] == expected_rows for shape in shapes)
    )


def _are_batches(cells, expected_rows):
    """Tell a list of arrays, one for each batch of rows, from a list of cells."""
    if not expected_rows or not isinstance(cells, tuple | list) or len(cells) == expected_rows:
        return False
    lengths = [len(cell) for cell in cells if isinstance(cell, np.ndarray) and cell.ndim > 1]
    return len(lengths) == len(cells) and sum(lengths) == expected_rows


def _as_array(X):
    """Return rows as an array; rows of a list keep the type of each cell."""
    try:
        return np.asarray(X, dtype=object if isinstance(X, list | tuple) else None)
    except ValueError as error:
        raise InputMismatchError(
            f"Expected 2D array or a DataFrame, got a {type(X).__name__} whose parts differ in length ({error}). "
            "Give a DataFrame, or one array for each input in a dict by input name."
        ) from error


def _by_order(arrays, input_names, expected_rows):
    names = list(input_names or [f"input_{i}" for i in range(len(arrays))])
    if len(names) != len(arrays):
        raise InputMismatchError(
            f"X is a {type(arrays).__name__} of {len(arrays)} arrays, the router has {len(names)} inputs: "
            f"{quote(names)}. Give one array for each input, in this order, or a dict by input name."
        )
    return {name: _input_columns(name, array, expected_rows) for name, array in zip(names, arrays, strict=True)}


def _input_columns(name, cells, expected_rows):
    """Return one input's cells as a Series, or as a frame if they are a 2-D array."""
    if hasattr(cells, "to_pandas"):
        cells = cells.to_pandas()
    if isinstance(cells, pd.Series | pd.DataFrame):
        return cells
    if isinstance(cells, list | tuple):
        _refuse_batches(name, cells, expected_rows)
        return pd.Series(_box_cells(cells), name=name).infer_objects()
    if scipy.sparse.issparse(cells):
        raise TypeError(f"Input {name!r}: sparse data was passed, but dense data is required. Use '.toarray()'.")
    array = np.asarray(cells)
    if array.ndim == 0:
        raise InputMismatchError(f"Input {name!r}: expected an array with a row for each sample, got {cells!r}.")
    if array.ndim == 2:
        return pd.DataFrame(array)
    return pd.Series(array if array.ndim == 1 else _box_cells(array), name=name)


def _box_cells(cells):
    """Put arrays or lists into an object array of one dimension."""
    box = np.empty(len(cells), dtype=object)
    for i, cell in enumerate(cells):
        box[i] = cell
    return box


def _refuse_batches(name, cells, expected_rows):
    """Refuse a list of arrays, one for each batch, in the place of one array."""
    if not _are_batches(cells, expected_rows):
        return
    lengths = sorted({len(cell) for cell in cells})
    counts = str(lengths[0]) if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
    if len({cell.shape[1:] for cell in cells}) == 1:
        advice = f"concatenate them to one array of {expected_rows} rows: np.concatenate(arrays)."
    else:
        advice = (
            f"their shapes differ, so give a list of {expected_rows} rows, [row for batch in arrays for row in batch], "
            "to SequencePadder."
        )
    raise InputMismatchError(
        f"Input {name!r}: got a list of {len(cells)} arrays of {counts} rows, but y has {expected_rows} rows; {advice}"
    )


def n_rows(table):
    """Count the rows of a table; inputs of a dict must agree."""
    if isinstance(table, pd.DataFrame):
        return len(table)
    counts = {name: len(columns) for name, columns in table.items()}
    if len(set(counts.values())) > 1:
        raise InputMismatchError(f"Found inputs with inconsistent numbers of samples: {counts}.")
    return next(iter(counts.values()), 0)


def take_rows(table, positions):
    """Return rows by position."""
    if isinstance(table, pd.DataFrame):
        return table.iloc[positions]
    return {name: columns.iloc[positions] for name, columns in table.items()}


def take_columns(frame, positions):
    """Return columns by position; those that stand side by side share the frame's memory."""
    first, last = positions[0], positions[-1] + 1
    side_by_side = list(positions) == list(range(first, last))
    return frame.iloc[:, first:last] if side_by_side else frame.iloc[:, list(positions)]


def row_labels(table):
    """Return the index of a table, for messages."""
    return table.index if isinstance(table, pd.DataFrame) else next(iter(table.values())).index


def resolve_columns(frame, columns, input_name):
    """Find the positions of an input's columns in a frame.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        The training table.
    columns : str, int, list, slice, boolean mask or callable
        As in ``ColumnTransformer``: integers are positions, a label slice includes its
        end, a callable gets the frame.
    input_name : str
        For messages.

    Returns
    -------
    positions : list of int
        Positions of the columns.
    single : bool
        Whether one column was named by a scalar, so that the encoder gets a Series.

    Raises
    ------
    InputMismatchError
        If a column is missing or stands twice in the frame, or `columns` is no selection.
    """
    if callable(columns):
        columns = columns(frame)
    elif hasattr(columns, "expand") and not isinstance(columns, np.ndarray):
        columns = columns.expand(frame)
    if isinstance(columns, slice):
        return _slice_positions(frame, columns, input_name), False
    if isinstance(columns, str) or (isinstance(columns, tuple) and columns in frame.columns):
        return [label_position(frame, columns, input_name)], True
    if _is_position(columns):
        return [_check_position(frame, columns, input_name)], True
    entries = list(columns) if hasattr(columns, "__iter__") else [None]
    if entries and all(isinstance(entry, bool | np.bool_) for entry in entries):
        if len(entries) != frame.shape[1]:
            raise InputMismatchError(
                f"Input {input_name!r}: the boolean mask has {len(entries)} entries, X has {frame.shape[1]} columns."
            )
        return [i for i, chosen in enumerate(entries) if chosen], False
    if all(_is_position(entry) for entry in entries):
        return [_check_position(frame, entry, input_name) for entry in entries], False
    if not all(isinstance(entry, str) or entry in list(frame.columns) for entry in entries):
        raise _no_selection(columns, input_name)
    return [label_position(frame, entry, input_name) for entry in entries], False


def _is_position(entry):
    return isinstance(entry, numbers.Integral) and not isinstance(entry, bool | np.bool_)


def _no_selection(columns, input_name):
    return InputMismatchError(
        f"Input {input_name!r}: {columns!r} is no selection of columns. Give a name, a list of names, integer "
        "positions, a slice of either, a boolean mask, or a callable that gives one of these."
    )


def _slice_positions(frame, columns, input_name):
    """Resolve a slice of positions, or of labels with both ends included."""
    ends = [end for end in (columns.start, columns.stop) if end is not None]
    if all(_is_position(end) for end in ends):
        return list(range(frame.shape[1]))[columns]
    if any(_is_position(end) for end in ends):
        raise _no_selection(columns, input_name)
    first = 0 if columns.start is None else label_position(frame, columns.start, input_name)
    last = frame.shape[1] - 1 if columns.stop is None else label_position(frame, columns.stop, input_name)
    return list(range(first, last + 1))[:: columns.step]


def _check_position(frame, position, input_name):
    if not -frame.shape[1] <= position < frame.shape[1]:
        raise InputMismatchError(
            f"Input {input_name!r} wants the column at position {position}; X has {frame.shape[1]} columns."
        )
    return int(position) % frame.shape[1]


def label_position(frame, name, input_name):
    """Find the position of the one column with a label."""
    matches = [i for i, column in enumerate(frame.columns) if column == name]
    if len(matches) == 1:
        return matches[0]
    if len(matches) > 1:
        raise InputMismatchError(
            f"Input {input_name!r}: {len(matches)} columns of X are named {name!r}. Rename them, or give positions."
        )
    if isinstance(name, str) and not any(isinstance(column, str) for column in frame.columns):
        raise InputMismatchError(
            f"Input {input_name!r} wants column {name!r}, but X has no column names. Fit and predict with a DataFrame, "
            "or name the columns by integer positions."
        )
    raise InputMismatchError(
        f"Input {input_name!r} wants column {name!r}, which X does not have; its columns are "
        f"{quote_first(frame.columns)}.{closest_match(name, frame.columns)}"
    )
