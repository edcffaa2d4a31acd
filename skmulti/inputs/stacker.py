"""Vectors in the cells of one column, such as embeddings that another model made."""

import copy
from collections import Counter

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._validation import StrOptions
from ..spec import ArraySpec
from ._cells import is_npy_path, vector_or_none, writes_numbers
from ._hints import holds_objects, probe
from ._json import NUMBER
from ._measures import measure_vectors
from ._odd import FINITE_WAY, LEAVE_OUT, MOST_SHARE, OF_MANY_LENGTHS, ON_ODD, refuse_mixture, settle_odd
from .base import InputEncoder, check_frame, check_merge, missing_rows, one_column
from .graphs import VectorGraph
from .vector import DenseBranch

# What to do about cells that are no vectors.
_WAYS_OUT = {
    "number": "Give a vector in each row, or None where missing; a column of single numbers goes to NumberScaler.",
    "text": "Give a vector in each row, or None where missing; a column of words goes to CategoryIndexer.",
    "list": "Give a list of numbers in each row, or None where missing; a column of 2-D arrays goes to SequencePadder.",
    "other": "Give a vector in each row, or None where missing.",
}


class VectorStacker(InputEncoder):
    """Stack the vectors in the cells of one column, e.g. embeddings made beforehand.

    A cell holds a list, a 1-D array or a tensor of numbers, or a text that writes them:
    ``"[1, 2]"``, ``"0.5,0.1"`` or ``"POINT (12.5 -3.25)"``. All vectors have the same length.

    Parameters
    ----------
    on_odd : {"raise", "missing"}
        Whether a cell that is no vector of that length is an error or counts as missing, with
        an `OddCellsWarning`.
    dtype : {"float32", "float64"}
        Precision of the array. `InputRouter` sets it to its own.

    Attributes
    ----------
    n_values_ : int
        Length of the vectors: that of most training cells.
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
    in_pieces = True
    _parameter_constraints = {"on_odd": ON_ODD, "dtype": [StrOptions({"float32", "float64"})]}

    def __init__(self, *, on_odd="raise", dtype="float32"):
        self.on_odd = on_odd
        self.dtype = dtype

    @classmethod
    def suits(cls, column):
        """Take cells that are mostly vectors of one length; see `InputEncoder.suits`."""
        cells = list(probe(column)) if holds_objects(column) else []
        # The cheap question first: most columns of objects hold texts.
        if not cells or not writes_numbers(cells):
            return None
        lengths = Counter(len(vector) for vector in map(_read_vector, cells) if vector is not None)
        length, count = lengths.most_common(1)[0] if lengths else (0, 0)
        return f"vectors of {length} numbers in cells" if length and count >= MOST_SHARE * len(cells) else None

    @property
    def reads_missing(self):
        """Whether cells that are not empty may count as missing; see `InputEncoder`."""
        return self.on_odd == "missing"

    def fit(self, columns, y=None):
        """Learn the length of the vectors.

        Parameters
        ----------
        columns : Series, one-column DataFrame, or array of shape (n_rows, n_values)
            Vectors, None where missing.
        y : None
            Ignored.

        Returns
        -------
        VectorStacker
            The fitted encoder.

        Raises
        ------
        InputMismatchError
            If a cell is no vector of numbers, or the lengths differ, and `on_odd` is "raise".
        """
        self._lengths = Counter()
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
        lengths = getattr(self, "_lengths", Counter())
        column, vectors = self._read_vectors(columns, reset=not lengths)
        lengths.update(len(vector) for vector in vectors if vector is not None)
        self._keep(lengths)
        self._settle_lengths(column, vectors)
        return self

    def merge(self, other):
        """Join the counts of lengths of two sets of parts; see `InputEncoder.merge`."""
        check_merge(self, other, "_lengths")
        merged = copy.copy(self)
        merged._keep(self._lengths + other._lengths)
        refuse_mixture(self, merged._lengths, "vectors of {} numbers")
        return merged

    def _keep(self, lengths):
        """Set what is learned from the counts of lengths."""
        self._lengths = lengths
        # Parts without a single vector leave the length open: 1 is a stand-in, which the first vector replaces.
        self.n_values_ = lengths.most_common(1)[0][0] if lengths else 1

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
        column, vectors = self._read_vectors(columns, reset=False)
        column = self._settle_lengths(column, vectors)
        stacked = np.full((len(column), self.n_values_), np.nan, dtype=self.dtype)
        known = np.flatnonzero(column.notna())
        if len(known):
            # A float64 beyond the range of float32 becomes infinity, which is looked for below.
            with np.errstate(over="ignore"):
                stacked[known] = np.stack([vectors[row].astype(self.dtype) for row in known])
        infinite = np.isinf(stacked).any(axis=1)
        settle_odd(self, column, infinite, f"finite in {self.dtype}", {"other": FINITE_WAY}, LEAVE_OUT)
        stacked[infinite] = np.nan
        return stacked

    def encode_and_flag(self, columns):
        """Encode rows and return which of them hold no vector; see `InputEncoder.encode_and_flag`."""
        stacked = self.transform(columns)
        return stacked, np.isnan(stacked).all(axis=1)

    def measure(self, columns, encode=None, *, training=False):
        """Measure level and spread of each vector; see `InputEncoder.measure`."""
        column, vectors = self._read_vectors(columns, reset=False)
        known = self._settle_lengths(column, vectors).notna()
        return [measure_vectors([own if seen else None for own, seen in zip(vectors, known, strict=True)])]

    def json_schema(self, column):
        """Describe a list of numbers; see `InputEncoder.json_schema`."""
        return {"type": "array", "items": NUMBER, "examples": [[0.0] * self.n_values_]}

    def read_json(self, value):
        """Return a list of as many numbers as in training; see `InputEncoder.read_json`."""
        if len(value) != self.n_values_:
            raise ValueError(f"got {len(value)} numbers, expected {self.n_values_}.")
        return value

    def missing(self, columns):
        """Return which rows hold no vector; see `InputEncoder.missing`."""
        return self.encode_and_flag(columns)[1]

    def graph(self):
        """Stack vectors in a graph; see `InputEncoder.graph`."""
        check_is_fitted(self)
        return VectorGraph(self.n_values_, self.dtype)

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        check_is_fitted(self)
        return ArraySpec(name, "vector", (self.n_values_,), self.dtype)

    def slots(self, spec):
        """Return the column of each number, if columns are the vector; see `InputEncoder.slots`."""
        return np.arange(self.n_values_) if len(spec.columns) == self.n_values_ else np.zeros(spec.shape, dtype=int)

    def _read_vectors(self, columns, *, reset):
        """Return the only column, without cells that are no vectors, and each cell as an array, None where missing."""
        # A list of vectors becomes a Series, since NumPy cannot make an array of it if a vector is missing.
        if isinstance(columns, list) or (
            isinstance(columns, np.ndarray) and columns.dtype == object and columns.ndim == 1
        ):
            columns = pd.Series(list(columns), dtype=object)
        frame = check_frame(self, columns, reset=reset)
        # In an array of shape (n_rows, n_values), the rows are the vectors.
        is_table = isinstance(columns, pd.Series | pd.DataFrame)
        column = one_column(frame, self) if is_table else pd.Series(list(frame.to_numpy()))
        known = ~missing_rows(column)
        cells = column.astype(object)
        vectors = [vector_or_none(cell) if seen else None for cell, seen in zip(cells, known, strict=True)]
        wrong = known & np.array([vector is None for vector in vectors], dtype=bool)
        return settle_odd(self, cells, wrong, "lists or 1-D arrays of numbers", _WAYS_OUT, LEAVE_OUT), vectors

    def _settle_lengths(self, column, vectors):
        """Return a column without vectors of another length than that of most training cells."""
        return settle_odd(
            self,
            column,
            np.array([vector is not None and len(vector) != self.n_values_ for vector in vectors], dtype=bool),
            f"vectors of {self.n_values_} numbers, the length of most training cells",
            {"other": "Give vectors of one length, or use SequencePadder for rows of different lengths."},
            OF_MANY_LENGTHS,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _read_vector(cell):
    """Return a cell as a vector, or None; the path of a file is none, whatever the file holds."""
    return None if is_npy_path(cell) else vector_or_none(cell)
