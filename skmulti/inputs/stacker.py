"""Vectors that stand in the cells of one column."""

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._validation import StrOptions
from ..spec import ArraySpec
from .base import InputEncoder, missing_rows, one_column, refuse_cells
from .vector import DenseBranch


class VectorStacker(InputEncoder):
    """Stack vectors that stand in cells, e.g. embeddings made beforehand.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Precision of the array. `InputRouter` sets it to its own.

    Attributes
    ----------
    n_values_ : int
        Length of the vectors.

    See Also
    --------
    SequencePadder : For cells of different lengths.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmulti import VectorStacker
    >>> VectorStacker().fit_transform(pd.Series([[1.0, 2.0], [3.0, 4.0], None]))
    array([[ 1.,  2.],
           [ 3.,  4.],
           [nan, nan]], dtype=float32)
    """

    default_branch = DenseBranch
    _parameter_constraints = {"dtype": [StrOptions({"float32", "float64"})]}

    def __init__(self, *, dtype="float32"):
        self.dtype = dtype

    @classmethod
    def suits(cls, column):
        """Take cells that are lists or 1-D arrays of numbers, all of one length; see `InputEncoder.suits`."""
        cells = column.dropna() if column.dtype == object or "list" in str(column.dtype) else []
        if not len(cells):
            return None
        shapes = {_vector_shape(cell) for cell in cells}
        one_length = len(shapes) == 1 and None not in shapes and len(next(iter(shapes))) == 1
        return f"vectors of {next(iter(shapes))[0]} numbers in cells" if one_length else None

    def fit(self, columns, y=None):
        """Learn the length of the vectors.

        Parameters
        ----------
        columns : Series, one-column DataFrame, or array of shape (n_rows, n_values)
            Lists or 1-D arrays of numbers, None where missing.
        y : None
            Ignored.

        Returns
        -------
        VectorStacker
            The fitted encoder.

        Raises
        ------
        InputMismatchError
            If a cell is no vector of numbers, or lengths differ.
        """
        self._validate_params()
        cells = _vector_cells(columns, self)
        lengths = [len(cell) for cell in cells.dropna()]
        self.n_values_ = lengths[0] if lengths else 1
        self._check_lengths(cells)
        return self

    def transform(self, columns):
        """Stack the vectors.

        Parameters
        ----------
        columns : Series, one-column DataFrame, or array of shape (n_rows, n_values)
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_rows, n_values), float
            A vector a row, all NaN where the cell is missing.
        """
        check_is_fitted(self)
        cells = _vector_cells(columns, self)
        self._check_lengths(cells)
        stacked = np.full((len(cells), self.n_values_), np.nan, dtype=self.dtype)
        known = np.flatnonzero(cells.notna())
        if len(known):
            stacked[known] = np.stack([np.asarray(cell, dtype=self.dtype) for cell in cells.iloc[known]])
        return stacked

    def _check_lengths(self, cells):
        wrong = np.array([cell is not None and len(cell) != self.n_values_ for cell in cells], dtype=bool)
        refuse_cells(
            cells,
            wrong,
            f"vectors of {self.n_values_} numbers, the length of the first training cell",
            "Give vectors of one length, or use SequencePadder for rows of different lengths.",
        )

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        return ArraySpec(name, "vector", (self.n_values_,), self.dtype)


def _vector_shape(cell):
    """Give the shape of a cell of numbers, or None for anything else."""
    if isinstance(cell, str | bytes) or not hasattr(cell, "__len__"):
        return None
    try:
        array = np.asarray(cell)
    except ValueError:
        return None
    return array.shape if array.dtype.kind in "biuf" else None


def _vector_cells(columns, encoder):
    """Give one column whose cells are vectors of numbers, or None where missing."""
    if isinstance(columns, np.ndarray) and columns.ndim == 2 and columns.dtype != object:
        columns = pd.Series(list(columns))
    column = one_column(columns, encoder)
    cells = pd.Series([None] * len(column), index=column.index, name=column.name, dtype=object)
    known = ~missing_rows(column)
    cells[known] = column.astype(object)[known]
    wrong = np.array([cell is not None and len(_vector_shape(cell) or ()) != 1 for cell in cells], dtype=bool)
    refuse_cells(
        cells,
        wrong,
        "lists or 1-D arrays of numbers",
        "For single numbers use NumberScaler, for 2-D SequencePadder.",
    )
    return cells
