"""Vectors in the cells of one column, such as embeddings that another model made."""

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._validation import StrOptions
from ..spec import ArraySpec
from ._cells import PROBE_ROWS, length_of
from ._odd import refuse_cells
from .base import InputEncoder, check_frame, missing_rows, one_column
from .vector import DenseBranch


class VectorStacker(InputEncoder):
    """Stack the vectors in the cells of one column, e.g. embeddings made beforehand.

    A cell holds a list or a 1-D array of numbers. All vectors have the same length.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Precision of the array. `InputRouter` sets it to its own.

    Attributes
    ----------
    n_values_ : int
        Length of the vectors.
    n_features_in_ : int
        Number of columns: 1, or the length of the vectors if they came as a 2-D array.
    feature_names_in_ : ndarray of str
        Name of the column, if it is a string.

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
        shapes = {_vector_shape(cell) for cell in cells.iloc[:PROBE_ROWS]}
        if len(shapes) > 1 or None in shapes or len(shape := shapes.pop()) != 1:
            return None
        # Some cells are enough to know the type of all. Lengths have to be compared in all: a single one that differs
        # makes the column one of sequences.
        one_length = all(length_of(cell) == shape[0] for cell in cells)
        return f"vectors of {shape[0]} numbers in cells" if one_length else None

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
            If a cell is no vector of numbers, or the lengths differ.
        """
        self._is_known = False
        return self.partial_fit(columns)

    def partial_fit(self, columns, y=None):
        """Learn from the next rows of a table that is read in parts.

        Parameters
        ----------
        columns : Series, one-column DataFrame, or array of shape (n_rows, n_values)
            The next rows, as in `fit`.
        y : None
            Ignored.

        Returns
        -------
        VectorStacker
            The encoder, fitted on all rows so far exactly as by `fit`.
        """
        self._validate_params()
        known = getattr(self, "_is_known", False)
        cells = _read_vectors(columns, self, reset=not known)
        lengths = [len(cell) for cell in cells.dropna()]
        # Parts without a single vector leave the length open: 1 is a stand-in, which the first vector replaces.
        if not known:
            self.n_values_ = lengths[0] if lengths else 1
            self._is_known = bool(lengths)
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
            One vector in each row, all NaN where the cell is missing.
        """
        check_is_fitted(self)
        cells = _read_vectors(columns, self, reset=False)
        self._check_lengths(cells)
        stacked = np.full((len(cells), self.n_values_), np.nan, dtype=self.dtype)
        known = np.flatnonzero(cells.notna())
        if len(known):
            stacked[known] = np.stack([np.asarray(cell, dtype=self.dtype) for cell in cells.iloc[known]])
        # After the conversion: a float64 beyond the range of float32 has become infinity, too.
        infinite = np.isinf(stacked).any(axis=1)
        refuse_cells(cells, infinite, "finite", "Replace infinity, e.g. by NaN for 'not known'.")
        return stacked

    def _check_lengths(self, cells):
        """Refuse vectors of another length than that of the first."""
        wrong = np.array([cell is not None and len(cell) != self.n_values_ for cell in cells], dtype=bool)
        refuse_cells(
            cells,
            wrong,
            f"vectors of {self.n_values_} numbers, the length of the first training cell",
            "Give vectors of one length, or use SequencePadder for rows of different lengths.",
        )

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        check_is_fitted(self)
        return ArraySpec(name, "vector", (self.n_values_,), self.dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _vector_shape(cell):
    """Return the shape of a cell of numbers, or None if the cell is anything else."""
    if isinstance(cell, str | bytes) or not hasattr(cell, "__len__"):
        return None
    try:
        array = np.asarray(cell)
    except ValueError:
        # Lists of different lengths in one list.
        return None
    return array.shape if array.dtype.kind in "biuf" else None


def _read_vectors(columns, encoder, *, reset):
    """Return the only column as a Series of vectors, None where missing, or refuse other cells."""
    # A list of vectors becomes a Series, since NumPy cannot make an array of it if a vector is missing.
    if isinstance(columns, list) or (isinstance(columns, np.ndarray) and columns.dtype == object and columns.ndim == 1):
        columns = pd.Series(list(columns), dtype=object)
    frame = check_frame(encoder, columns, reset=reset)
    # In an array of shape (n_rows, n_values), the rows are the vectors.
    is_table = isinstance(columns, pd.Series | pd.DataFrame)
    column = one_column(frame, encoder) if is_table else pd.Series(list(frame.to_numpy()))
    # None for every kind of missing cell, so that the loops over cells need a single test.
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
