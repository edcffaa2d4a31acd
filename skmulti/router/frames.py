"""Tables from any library as pandas frames, and how rows and columns are taken from them.

The rest of the router knows two forms of a table: a DataFrame, or a dict of Series and DataFrames by input name. A list
is ambiguous: it may hold rows, the cells of a column, an array for each input, or an array for each batch. The number
of rows of y decides what the shapes leave open.
"""

import numbers
from collections.abc import Mapping

import numpy as np
import pandas as pd
import scipy.sparse

from ..errors import CellTypeError, InputMismatchError, closest_match, quote, quote_first, shorten
from ..sources import as_column, as_frame, has_named_columns, infer_types, native, positions, table_source, unmask
from .records import as_records, is_record, records_table


def to_table(X, input_names=None, expected_rows=None, *, by_input=False, expected_columns=None):
    """Return X as a DataFrame, or as a dict of columns by input name.

    Parameters
    ----------
    X : DataFrame of any library, 2-D array, list of rows or records, or dict/list/tuple of arrays by input
        What a user passes to ``fit`` or ``predict``. A record is a dict of the cells of one row.
    input_names : sequence of str or None
        Names of a router's inputs, for lists and tuples of arrays. None names them
        ``input_0``, ``input_1``, ...
    expected_rows : int or None
        Length of y. It distinguishes a list of cells from a list of batches, and a list of
        1-D arrays (one for each input) from a list of rows.
    by_input : bool
        Whether a list is known to hold one array for each input.
    expected_columns : list or None
        Labels of the columns that a table had at fit, for messages.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns), or dict of str to (Series or DataFrame)
        A 2-D array becomes a frame with the columns 0, 1, ...

    Raises
    ------
    InputMismatchError
        If X is none of these, or has no rows or columns.
    TypeError
        If X is sparse.
    ValueError
        If X holds complex numbers.
    """
    X = as_frame(X)
    if isinstance(X, pd.DataFrame):
        return X
    # This check comes before that for dicts, because SciPy's dictionary of keys (dok_matrix) is a Mapping, too.
    if scipy.sparse.issparse(X):
        raise TypeError(
            "Sparse data was passed for X, but dense data is required. Use '.toarray()' to convert to a dense array."
        )
    # Single records are rows to predict, and no training table.
    records = None if by_input or is_record(X) else as_records(X)
    if records:
        return records_table(records)
    if isinstance(X, Mapping):
        return {str(name): _input_columns(str(name), cells, expected_rows) for name, cells in X.items()}
    if _is_by_input(X, expected_rows, by_input):
        return _name_by_order(X, input_names, expected_rows)
    if isinstance(X, pd.Series):
        raise series_error(X, is_row=expected_rows == 1 and len(X) > 1)
    array = _as_array(X)
    if isinstance(array, np.ma.MaskedArray):
        array = unmask(array)
    if array.dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported, got X of dtype {array.dtype}. Give real and imaginary parts as columns of "
            "their own: np.hstack([X.real, X.imag])."
        )
    if array.ndim != 2:
        raise InputMismatchError(
            f"Expected 2D array or a DataFrame, got {type(X).__name__} of shape {array.shape} and dtype {array.dtype}. "
            f"{_shape_advice(array, expected_columns)}"
        )
    if array.shape[0] == 0 or array.shape[1] == 0:
        axis = ("feature(s)", 1) if array.shape[0] else ("sample(s)", 0)
        raise InputMismatchError(
            f"Found array with 0 {axis[0]} (shape={array.shape}) while a minimum of 1 is required."
        )
    # An object array may hold a column of numbers and a column of strings: each column gets a dtype of its own.
    # With its own dtype, since pandas would make texts of objects, and of some it cannot.
    frame = infer_types(pd.DataFrame(array, positions(len(array)), dtype=array.dtype))
    _refuse_stray_dicts(frame)
    return frame


def table_parts(X):
    """Yield the tables of X, one after the other: X itself if it is in memory.

    Parameters
    ----------
    X : object
        A table as in `to_table`, records, the paths of Parquet or CSV files, an Arrow dataset, an
        iterable of frames, or a function that returns one.

    Raises
    ------
    InputMismatchError
        If an iterable yields anything but tables.
    """
    if isinstance(X, pd.DataFrame | np.ndarray) or has_named_columns(X) or is_record(X):
        yield X
        return
    source = table_source(X)
    if source is not None:
        yield from (frame for _, frame in source.frames())
        return
    # A list of frames is a table in parts; any other list is one of rows, records or arrays.
    parts = isinstance(X, list | tuple) and bool(X) and all(map(has_named_columns, X))
    if not parts and (isinstance(X, list | tuple | str | Mapping) or not hasattr(X, "__iter__")):
        yield X
        return
    for part in X:
        if not has_named_columns(part):
            raise InputMismatchError(
                f"X is a {type(X).__name__} that yields a {type(part).__name__}; give tables with the columns of fit."
            )
        yield part


def _refuse_stray_dicts(frame):
    """Refuse dicts among other cells of an array, as scikit-learn does; in a DataFrame they would be odd cells."""
    for label, column in frame.items():
        if not pd.api.types.is_object_dtype(column.dtype):
            continue
        stray = np.array([isinstance(cell, dict) for cell in column])
        if 0 < stray.sum() < len(stray) / 2:
            row = int(stray.argmax())
            raise CellTypeError(
                f"column {label}: {int(stray.sum())} of {len(stray)} cells are dicts, first at position {row}: "
                f"{shorten(repr(column[row]))}; in an array, a cell's argument must be a string or a number. Replace "
                "them, e.g. by None, or give a DataFrame, in which odd cells count as missing."
            )


def _shape_advice(array, expected_columns):
    """Return the way out for an array of another number of dimensions than two."""
    if expected_columns is not None and array.ndim != 1:
        return f"Give a table with the columns of fit: {quote_first(expected_columns, 5)}."
    if array.ndim == 0:
        return "Give a table: a DataFrame, a 2-D array, or a dict of arrays by input name."
    if array.ndim > 2:
        return "Arrays of more dimensions go into a dict by input name: {name: array}."
    is_list = [isinstance(row, list | tuple) or getattr(row, "ndim", 0) for row in array.tolist()]
    lengths = sorted({len(row) if many else 0 for row, many in zip(array, is_list, strict=True)})
    if len(lengths) > 1:
        return f"Its rows have {lengths[0]} to {lengths[-1]} cells; give each as many, with None where one is missing."
    if array.ndim == 1 and len(array) and all(isinstance(cell, str) for cell in array.tolist()):
        # Texts: no reshaping tells the name of their column.
        if expected_columns is not None and len(expected_columns) > 1:
            return f"Give a table with the columns of fit: {quote_first(expected_columns, 5)}."
        label = shorten(repr(expected_columns[0])) if expected_columns else "'words'"
        return f"Give a frame, whose rows these are: pd.DataFrame({{{label}: X}})."
    reshape = "Reshape your data with array.reshape(-1, 1) for one column or array.reshape(1, -1) for one row"
    if expected_columns is not None:
        return f"{reshape}; the columns of fit were {quote_first(expected_columns, 5)}."
    return f"{reshape}; several arrays go into a dict by input name."


def series_error(series, *, is_row):
    """Return the error for a Series in place of a table: a row of one, or a column."""
    if is_row:
        advice = "It is a row: give a frame of one row, X.iloc[[0]] in place of X.iloc[0], or X.to_frame().T."
    else:
        advice = "Give a frame: X.to_frame() if it is a column, X.to_frame().T if it is a row."
    return InputMismatchError(
        f"Expected 2D array or a DataFrame, got a Series named {shorten(repr(series.name))}. {advice}"
    )


def _is_by_input(X, expected_rows, known):
    """Return whether X is a list of arrays, one for each input, and not a list of rows."""
    if not isinstance(X, tuple | list) or not len(X):
        return False
    if known or all(_are_batches(part, expected_rows) for part in X):
        return True
    # Lists and scalars count as shape (), so one of them among the entries makes X a list of rows.
    shapes = [getattr(array, "shape", ()) for array in X]
    if not all(shapes):
        return False
    # A list of 1-D arrays reads as rows, unless only the other reading fits y: there are not as many arrays as targets,
    # but each array has as many entries. If both are true, X is square, and it stays a list of rows as in scikit-learn.
    return any(len(shape) > 1 for shape in shapes) or (
        expected_rows is not None and len(X) != expected_rows and all(shape[0] == expected_rows for shape in shapes)
    )


def _are_batches(cells, expected_rows):
    """Return whether a list holds an array for each batch of rows, and not a cell for each row."""
    if not expected_rows or not isinstance(cells, tuple | list) or len(cells) == expected_rows:
        return False
    lengths = [len(cell) for cell in cells if isinstance(cell, np.ndarray) and cell.ndim > 1]
    return len(lengths) == len(cells) and sum(lengths) == expected_rows


def _as_array(X):
    """Return rows as an array; the cells of a list of rows keep their types."""
    try:
        # With the dtype left open, NumPy makes strings of all cells of [[1, "a"], [2, "b"]].
        if isinstance(X, np.ma.MaskedArray):
            return X
        return native(np.asarray(X, dtype=object if isinstance(X, list | tuple) else None))
    except (TypeError, RuntimeError) as error:
        # Tensors of PyTorch that need gradients, or that are on another device.
        raise InputMismatchError(
            f"X is a {type(X).__name__} that NumPy cannot read ({shorten(error, 200)}). Give an array or a DataFrame."
        ) from error
    except ValueError as error:
        raise InputMismatchError(
            f"Expected 2D array or a DataFrame, got a {type(X).__name__} whose parts differ in length ({error}). "
            "Give a DataFrame, or one array for each input in a dict by input name."
        ) from error


def _name_by_order(arrays, input_names, expected_rows):
    """Return a list of arrays as a dict of columns by input name."""
    names = list(input_names or [f"input_{i}" for i in range(len(arrays))])
    if len(names) != len(arrays):
        raise InputMismatchError(
            f"X is a {type(arrays).__name__} of {len(arrays)} array{'s' * (len(arrays) != 1)}, the router has "
            f"{len(names)} inputs: {quote(names)}. Give one array for each input, in this order, or a dict by input "
            "name."
        )
    return {name: _input_columns(name, array, expected_rows) for name, array in zip(names, arrays, strict=True)}


def _input_columns(name, cells, expected_rows):
    """Return the cells of one input as a Series, or as a frame if they are a 2-D array."""
    cells = as_column(cells)
    if isinstance(cells, pd.Series | pd.DataFrame):
        return cells
    if isinstance(cells, list | tuple):
        _refuse_batches(name, cells, expected_rows)
        return infer_types(pd.Series(_box_cells(cells), positions(len(cells)), name=name, dtype=object))
    if scipy.sparse.issparse(cells):
        raise TypeError(f"Input {name!r}: sparse data was passed, but dense data is required. Use '.toarray()'.")
    array = native(np.asarray(cells))
    if array.ndim == 0:
        raise InputMismatchError(
            f"Input {name!r}: expected an array with a row for each sample, got {shorten(cells)} of type "
            f"{type(cells).__name__}."
        )
    if array.ndim == 2:
        return pd.DataFrame(array, positions(len(array)))
    # With more than two axes (pixels, steps) the array of a row is one cell.
    return pd.Series(array if array.ndim == 1 else _box_cells(array), positions(len(array)), name=name)


def _box_cells(cells):
    """Return arrays or lists as the cells of an object array of shape (n_cells,)."""
    # Cell by cell, because np.array would make one array with more axes of cells that have the same length.
    box = np.empty(len(cells), dtype=object)
    for i, cell in enumerate(cells):
        box[i] = cell
    return box


def _refuse_batches(name, cells, expected_rows):
    """Refuse a list that holds an array for each batch where one array of all rows is expected."""
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
    """Return the number of rows of a table; the inputs of a dict must agree on it."""
    if isinstance(table, pd.DataFrame):
        return len(table)
    counts = {name: len(columns) for name, columns in table.items()}
    if len(set(counts.values())) > 1:
        raise lengths_error(counts)
    return next(iter(counts.values()), 0)


def lengths_error(counts):
    """Return the error for inputs of different lengths, which are given by input name."""
    (first, rows), *others = counts.items()
    other = next(name for name, count in others if count != rows)
    return InputMismatchError(
        f"Found inputs with inconsistent numbers of samples: {first!r} has {rows} rows, {other!r} has {counts[other]}. "
        "Give each input one entry for each row."
    )


def take_rows(table, positions):
    """Return the rows of a table at some positions."""
    if isinstance(table, pd.DataFrame):
        return table.iloc[positions]
    return {name: columns.iloc[positions] for name, columns in table.items()}


def take_columns(frame, positions):
    """Return the columns at some positions; columns that stand side by side share the memory of the frame."""
    # pandas returns a view for a slice, and a copy for a list of positions. A copy would hold the numbers of a large
    # table in memory a second time.
    first, last = positions[0], positions[-1] + 1
    side_by_side = list(positions) == list(range(first, last))
    return frame.iloc[:, first:last] if side_by_side else frame.iloc[:, list(positions)]


def row_labels(table):
    """Return the index of a table, which error messages name rows by."""
    return table.index if isinstance(table, pd.DataFrame) else next(iter(table.values())).index


def resolve_columns(frame, columns, input_name):
    """Return the positions of an input's columns in a frame.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        The training table.
    columns : str, int, list, slice, boolean mask or callable
        As in ``ColumnTransformer``: integers are positions, a slice of labels includes its
        end, and a callable is called with the frame. Objects with a method ``expand``, such
        as skrub's selectors, are asked for the labels.
    input_name : str
        Name of the input, for error messages.

    Returns
    -------
    positions : list of int
        Positions of the columns.
    single : bool
        Whether one column was named by a scalar, so that the encoder gets a Series.

    Raises
    ------
    InputMismatchError
        If a column is missing, if a label occurs twice in the frame, or if `columns` is not a selection.
    """
    if callable(columns):
        columns = columns(frame)
    elif hasattr(columns, "expand") and not isinstance(columns, np.ndarray):
        columns = columns.expand(frame)
    if isinstance(columns, slice):
        return _slice_positions(frame, columns, input_name), False
    # A tuple is one column of a frame with several levels of labels if there is such a column, else a list of labels.
    if isinstance(columns, str) or (isinstance(columns, tuple) and columns in frame.columns):
        return [label_position(frame, columns, input_name)], True
    if _is_position(columns):
        return [_check_position(frame, columns, input_name)], True
    # What is not a list gets past the checks as [None], which ends in the error below.
    entries = list(columns) if hasattr(columns, "__iter__") else [None]
    # A mask comes before positions, because True and False are integers, too. An empty list is an empty selection.
    if entries and all(isinstance(entry, bool | np.bool_) for entry in entries):
        if len(entries) != frame.shape[1]:
            raise InputMismatchError(
                f"Input {input_name!r}: the boolean mask is of length {len(entries)}, X has {frame.shape[1]} columns."
            )
        return [i for i, chosen in enumerate(entries) if chosen], False
    if all(_is_position(entry) for entry in entries):
        return [_check_position(frame, entry, input_name) for entry in entries], False
    # In a list, because `in` of an Index raises TypeError for entries without a hash.
    if not all(isinstance(entry, str) or entry in list(frame.columns) for entry in entries):
        raise _selection_error(columns, input_name)
    return [label_position(frame, entry, input_name) for entry in entries], False


def _is_position(entry):
    """Return whether an entry of a selection is an integer, and not one of a mask."""
    return isinstance(entry, numbers.Integral) and not isinstance(entry, bool | np.bool_)


def _selection_error(columns, input_name):
    """Return the error for columns that are not a selection."""
    return InputMismatchError(
        f"Input {input_name!r}: {columns!r} is no selection of columns. Give a name, a list of names, integer "
        "positions, a slice of either, a boolean mask, or a callable that gives one of these."
    )


def _slice_positions(frame, columns, input_name):
    """Return the positions in a slice of positions, or in a slice of labels, which includes both ends."""
    ends = [end for end in (columns.start, columns.stop) if end is not None]
    if all(_is_position(end) for end in ends):
        return list(range(frame.shape[1]))[columns]
    if any(_is_position(end) for end in ends):
        raise _selection_error(columns, input_name)
    first = 0 if columns.start is None else label_position(frame, columns.start, input_name)
    last = frame.shape[1] - 1 if columns.stop is None else label_position(frame, columns.stop, input_name)
    return list(range(first, last + 1))[:: columns.step]


def _check_position(frame, position, input_name):
    """Return a position counted from the first column, or refuse one that the frame does not have."""
    if not -frame.shape[1] <= position < frame.shape[1]:
        raise InputMismatchError(
            f"Input {input_name!r} wants the column at position {position}; X has {frame.shape[1]} columns."
        )
    return int(position) % frame.shape[1]


def label_position(frame, name, input_name):
    """Return the position of the only column with a label."""
    # `Index.get_loc` would return a slice or a mask for a label that occurs twice, and the first level's columns for a
    # label of one level.
    matches = [i for i, column in enumerate(frame.columns) if column == name]
    if len(matches) == 1:
        return matches[0]
    if len(matches) > 1:
        raise InputMismatchError(
            f"Input {input_name!r}: {len(matches)} columns of X are named {name!r}. Rename them, or give positions."
        )
    labels = list(frame.columns)
    if isinstance(name, str) and labels == list(range(len(labels))):
        raise InputMismatchError(
            f"Input {input_name!r} wants column {name!r}, but X has no column names. Fit and predict with a DataFrame "
            "whose columns are named (X.columns = [...]), or name the columns by integer positions."
        )
    way = closest_match(name, labels)
    if frame.columns.nlevels > 1:
        way = " Join the levels, at fit as at predict: X.columns = ['_'.join(map(str, label)) for label in X.columns]."
    raise InputMismatchError(
        f"Input {input_name!r} wants column {name!r}, which X does not have; its columns are "
        f"{quote_first(labels)}.{way}"
    )
