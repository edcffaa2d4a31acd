"""Cells of any dtype as numbers, read in blocks of rows that stay in the processor's cache."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import InputMismatchError
from ._hints import is_bool_type, is_number_type
from .base import refuse_cells

# A block of float64 takes 512 KB; with very many columns it has more, since each block costs a few calls a column.
BLOCK_CELLS = 2**16
BLOCK_ROWS = 1024


def is_duration(dtype):
    """Return whether a dtype is one of durations, NumPy's or Arrow's."""
    return pd.api.types.is_timedelta64_dtype(dtype) or str(dtype).startswith("duration")


def as_numbers(frame):
    """Return a frame's cells as float64, NaN where missing, or refuse those that are no finite numbers."""
    values = np.empty(frame.shape, dtype="float64")
    for rows, block in number_blocks(frame, number_columns(frame)):
        values[rows] = block.T
    return values


def number_columns(frame):
    """Return the numbers of each column, NaN where missing, or refuse cells that are none.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Numbers, truth values or durations.

    Returns
    -------
    list of ndarray of shape (n_rows,)
        For a NumPy dtype the column's own memory in its dtype, else float64.
    """
    return [_column_as_numbers(column) for _, column in frame.items()]


def number_blocks(frame, columns):
    """Read columns of numbers as float64, some rows at a time.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Gives names and row labels.
    columns : list of ndarray of shape (n_rows,)
        Its numbers, see `number_columns`.

    Yields
    ------
    rows : slice
        Which rows the block holds.
    block : ndarray of shape (n_columns, n_block_rows), float64
        Their numbers, which may be changed; the next block takes the same memory.

    Raises
    ------
    InputMismatchError
        If a number is infinite.
    """
    n_rows = len(frame)
    step = min(n_rows, max(BLOCK_CELLS // max(len(columns), 1), BLOCK_ROWS))
    memory = np.empty((len(columns), step))
    for start in range(0, n_rows, max(step, 1)):
        rows = slice(start, min(start + step, n_rows))
        block = memory[:, : rows.stop - start]
        for numbers, own in zip(columns, block, strict=True):
            own[:] = numbers[rows]
        if np.isinf(block).any():
            _refuse_infinity(frame, columns)
        yield rows, block


def _refuse_infinity(frame, columns):
    for (_, column), numbers in zip(frame.items(), columns, strict=True):
        refuse_cells(
            column,
            np.isinf(np.asarray(numbers, dtype="float64")),
            "finite (they are infinity)",
            "Replace them, e.g. by NaN for 'not known'.",
        )


def _column_as_numbers(column):
    dtype = column.dtype
    if pd.api.types.is_complex_dtype(dtype):
        raise InputMismatchError(f"column {column.name!r}: Complex data not supported, got {dtype}.")
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return column.to_numpy()
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
        return column.to_numpy(dtype="float64", na_value=np.nan)
    if is_duration(dtype):
        return column.dt.total_seconds().to_numpy(dtype="float64", na_value=np.nan)
    return _objects_as_numbers(column)


def _objects_as_numbers(column):
    """Return numbers of any class that stand in cells as float64."""
    cells = column.to_numpy(dtype=object)
    known = ~pd.isna(cells)
    refused = {kind for kind in set(map(type, cells[known])) if not (is_number_type(kind) or is_bool_type(kind))}
    if refused:
        refuse_cells(
            column,
            known & np.array([type(cell) in refused for cell in cells], dtype=bool),
            "numbers",
            "Convert the column with pd.to_numeric, or give it an encoder for its values, e.g. CategoryIndexer.",
        )
    numbers = np.full(len(cells), np.nan)
    try:
        numbers[known] = cells[known]
    except OverflowError:
        numbers[known] = [_as_float(cell) for cell in cells[known]]
    return numbers


def _as_float(number):
    """Return a number as a float, infinity where it is too large for one."""
    try:
        return float(number)
    except OverflowError:
        return np.inf if number > 0 else -np.inf


@dataclass
class Moments:
    """Weight, mean and sum of squared deviations of each column's known numbers.

    Parameters
    ----------
    total, mean, square : ndarray of shape (n_columns,), float64
        A column without a number has 0 for each.
    has_missing : ndarray of shape (n_columns,), bool
        Whether a number is missing in a row that counts.
    """

    total: np.ndarray
    mean: np.ndarray
    square: np.ndarray
    has_missing: np.ndarray

    def __add__(self, other):
        """Put the moments of two sets of rows together."""
        total = self.total + other.total
        share = other.total / np.where(total, total, 1)
        gap = other.mean - self.mean
        square = self.square + other.square + gap**2 * self.total * share
        return Moments(total, self.mean + gap * share, square, self.has_missing | other.has_missing)


def column_moments(frame, columns, weight=None):
    """Learn mean and spread of columns of numbers, block by block.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Gives names and row labels.
    columns : list of ndarray of shape (n_rows,)
        Its numbers, see `number_columns`.
    weight : ndarray of shape (n_rows,), float64, or None
        Weight of each row; rows of weight 0 do not count. None: 1 for each.

    Returns
    -------
    Moments
        Of the numbers that are not missing.

    Notes
    -----
    Blocks are put together by the formula of Chan, Golub and LeVeque, "Updating Formulae
    and a Pairwise Algorithm for Computing Sample Variances", 1979.
    """
    n_columns = len(columns)
    shift, is_set = np.zeros(n_columns), np.zeros(n_columns, dtype=bool)
    merged = Moments(*np.zeros((3, n_columns)), np.zeros(n_columns, dtype=bool))
    for rows, block in number_blocks(frame, columns):
        counted = np.broadcast_to(1.0 if weight is None else weight[rows], block.shape)
        idle = np.isnan(block)
        if idle.any():
            merged.has_missing |= (idle & (counted > 0)).any(axis=1)
            counted = np.where(idle, 0, counted)
        if weight is not None:
            idle = counted == 0
        if not is_set.all():
            first, found = _first_numbers(block, counted)
            shift = np.where(found & ~is_set, first, shift)
            is_set |= found
        # Shifting by the first known value keeps the sums exact for columns such as years or timestamps.
        block -= shift[:, None]
        # What does not count must not overflow either.
        np.copyto(block, 0, where=idle)
        merged += _block_moments(block, counted)
    merged.mean += shift
    return merged


def _first_numbers(block, counted):
    """Return the first number that counts in each row of a block, and whether there is one."""
    rows, first = np.arange(len(block)), (counted > 0).argmax(axis=1)
    return block[rows, first], counted[rows, first] > 0


def _block_moments(block, counted):
    """Return the moments of a block of numbers, with the weight of each; the block is used up."""
    total = counted.sum(axis=1)
    mean = np.einsum("ij,ij->i", block, counted) / np.where(total, total, 1)
    block -= mean[:, None]
    block *= block
    return Moments(total, mean, np.einsum("ij,ij->i", block, counted), np.zeros(len(block), dtype=bool))
