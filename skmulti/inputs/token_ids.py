"""Token ids that exist already: rows of ids that a tokenizer made are checked and brought to one length.

The array is one of texts, so `TextBranch` reads it. `IdsPadder.suits_array` tells an array of token ids from one of
numbers.
"""

import copy
from collections import Counter

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._validation import FRACTION, POSITIVE_INT, Integral, Interval
from ..spec import FIRST_ID, UNKNOWN_ID, ArraySpec
from ._cells import CellError, as_vector, vector_or_none, writes_numbers
from ._hints import holds_objects, probe
from ._ids import pad_ids
from ._odd import LEAVE_OUT, MOST_SHARE, ON_ODD, are_mostly, settle_odd
from ._steps import choose_length
from ._values import as_objects
from .base import InputEncoder, Piece, as_frame, cells_as_columns, check_frame, check_merge
from .graphs import IdsGraph, column_names
from .text import TextBranch

# More different ids are learned only if the user names their number: each has a learned vector.
MOST_IDS = 10_000_000

# Rows and columns of a table that are looked at to tell ids from numbers.
_PROBE_SHAPE = 1000, 200
# Without padding, at least so many columns and different ids.
_LEAST_COLUMNS = 4
_LEAST_IDS = 20
# Share of the columns that must be alike. The first and the last may hold the marks of a text's begin and end.
_ALIKE = 0.8
# Share of rows that end, or begin, with padding in a table that is clearly padded.
_PADDED_ROWS = 0.1


class IdsPadder(InputEncoder):
    """Bring token ids that exist already to one length, for `TextBranch`.

    For the output of a tokenizer: lists or arrays of ids in the cells of one column, or an array
    in which each row is a text. Ids stay as they are. Padding at both ends of a row is left out,
    and rows are filled up with 0 at the end.

    Parameters
    ----------
    vocabulary_size : int or None
        Number of ids, so that the largest is ``vocabulary_size - 1``. A larger one is an odd
        cell. None learns the size from the training rows, up to 10 million; a larger id of a new
        row then becomes 1, the id of unknown words.
    padding_id : int
        The id that fills up short rows. If it is not 0, it trades places with 0, which is padding
        for the network. A tokenizer that has no padding, and a word with the id 0, calls for an id
        that it does not use, such as its number of ids.
    length : int, float or None
        Ids of each row; longer rows are cut at the end. An int is that number. None is the length
        of the longest training row. A float in (0, 1) is that quantile of the training rows'
        lengths (rows without ids are left out).
    on_odd : {"raise", "missing"}
        Whether a cell that holds no ids is an error or counts as missing, with an
        `OddCellsWarning`.

    Attributes
    ----------
    vocabulary_size_ : int
        Number of ids, `padding_id` among them.
    length_ : int
        Ids of each row.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, if all are strings.

    See Also
    --------
    TextVectorizer : Makes ids of texts.
    TextBranch : Reads the ids.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmulti import IdsPadder
    >>> tokens = pd.Series([[7, 2, 9], [4, 0, 0], None], name="tokens")
    >>> padder = IdsPadder().fit(tokens)
    >>> padder.vocabulary_size_
    10
    >>> padder.transform(tokens)
    array([[7, 2, 9],
           [4, 0, 0],
           [0, 0, 0]], dtype=int32)

    Cells that hold no ids are refused with the place of the first:

    >>> padder.transform(pd.Series([[7], [-1]], name="tokens"))
    Traceback (most recent call last):
      ...
    skmulti.errors.InputMismatchError: column 'tokens': 1 of 2 cells are not ids, which are whole numbers from 0 to \
9,999,999, first at row label 1: [-1] (type list). Give lists or 1-D arrays of ids, or None where missing. \
Or count such cells as missing: IdsPadder(on_odd="missing").
    """

    reads_blocks = True
    default_branch = TextBranch
    flags_missing = True
    in_pieces = True
    _parameter_constraints = {
        "vocabulary_size": [Interval(Integral, 2, 2**31 - 1, closed="both"), None],
        "padding_id": [Interval(Integral, 0, MOST_IDS - 1, closed="both")],
        "length": [POSITIVE_INT, FRACTION, None],
        "on_odd": ON_ODD,
    }

    def __init__(self, *, vocabulary_size=None, padding_id=0, length=None, on_odd="raise"):
        self.vocabulary_size = vocabulary_size
        self.padding_id = padding_id
        self.length = length
        self.on_odd = on_odd

    @classmethod
    def suits(cls, column):
        """Take cells that are mostly lists of whole numbers from 0 on; see `InputEncoder.suits`."""
        cells = list(probe(column)) if holds_objects(column) else []
        if not cells or not writes_numbers(cells):
            return None
        fits = are_mostly(cells, lambda cell: _ids_or_none(cell, MOST_IDS - 1) is not None)
        return "lists of token ids" if fits else None

    @classmethod
    def suits_array(cls, frame):
        """Take whole numbers that are ids of words rather than counts; see `InputEncoder.suits_array`.

        A data set of encoded arrays takes whole numbers in several columns for ids of words. So does
        this function, unless the numbers speak against it: some are negative, columns have ranges of
        their own, zeros stand between other numbers as in counts, neighbours rise and fall together,
        or there are few different values and no padding.
        """
        rows, columns = _PROBE_SHAPE
        # uint8 is the dtype of pixels. Columns with names are features.
        if frame.shape[1] < 2 or not isinstance(frame.columns, pd.RangeIndex):
            return None
        if not all(_is_id_type(dtype) for dtype in set(frame.dtypes)):
            return None
        values = frame.iloc[:: max(len(frame) // rows, 1)].to_numpy()
        if not len(values) or values.min() < 0 or values.max() >= MOST_IDS:
            return None
        known = values > 0
        if _is_padded(known):
            return "token ids, padded with 0" if len(np.unique(values[known])) > FIRST_ID else None
        return "token ids" if _share_ids(values[:, :: max(values.shape[1] // columns, 1)]) else None

    @property
    def reads_missing(self):
        """Whether cells that are not empty may count as missing; see `InputEncoder`."""
        return self.on_odd == "missing"

    def fit(self, columns, y=None):
        """Learn the number of ids and the length.

        Parameters
        ----------
        columns : Series, DataFrame or ndarray of shape (n_rows, n_ids)
            One column of lists or arrays, None where missing; or several columns of ids.
        y : None
            Ignored.

        Returns
        -------
        IdsPadder
            The fitted encoder.

        Raises
        ------
        InputMismatchError
            If a cell holds no ids and `on_odd` is "raise".
        """
        self._lengths = Counter()
        return self.partial_fit(columns)

    def partial_fit(self, columns, y=None):
        """Learn from the next rows of a table that is read in parts.

        Parameters
        ----------
        columns : Series, DataFrame or ndarray of shape (n_rows, n_ids)
            The next rows, as in `fit`.
        y : None
            Ignored.

        Returns
        -------
        IdsPadder
            The encoder, fitted on all rows so far exactly as by `fit`.
        """
        self._validate_params()
        lengths = getattr(self, "_lengths", Counter())
        rows = self._read_rows(columns, reset=not lengths)
        largest = int(np.concatenate([[UNKNOWN_ID], *(ids for ids in rows if ids is not None)]).max())
        before = self.vocabulary_size_ if lengths else FIRST_ID
        # The padding id trades places with 0, so it is an id of the array, too.
        known = self.vocabulary_size or max(before, largest + 1)
        self.vocabulary_size_ = max(known, self.padding_id + 1)
        lengths.update(0 if ids is None else len(ids) for ids in rows)
        self._keep(lengths)
        return self

    def merge(self, other):
        """Join the counts of lengths, and the largest ids, of two sets of parts; see `InputEncoder.merge`."""
        check_merge(self, other, "_lengths")
        merged = copy.copy(self)
        merged.vocabulary_size_ = max(self.vocabulary_size_, other.vocabulary_size_)
        merged._keep(self._lengths + other._lengths)
        return merged

    def _keep(self, lengths):
        """Set what is learned from the counts of lengths."""
        self._lengths = lengths
        self.length_ = choose_length(self.length, lengths)

    def transform(self, columns):
        """Bring the ids of each row to one length.

        Parameters
        ----------
        columns : Series, DataFrame or ndarray of shape (n_rows, n_ids)
            As in `fit`.

        Returns
        -------
        ndarray of shape ``(n_rows, length_)``, int32
            The ids, then 0. A row that is missing or empty is all 0.

        Raises
        ------
        InputMismatchError
            If a cell holds no ids and `on_odd` is "raise".
        """
        check_is_fitted(self)
        return self._pad(self._read_rows(columns, reset=False))

    def encode_and_flag(self, columns):
        """Encode rows and return which of them are missing; see `InputEncoder.encode_and_flag`."""
        check_is_fitted(self)
        rows = self._read_rows(columns, reset=False)
        return self._pad(rows), np.array([ids is None for ids in rows], dtype=bool)

    def measure(self, columns, encode=None, *, training=False):
        """Measure how many ids a row has, which share of them is new, and their mean; see `InputEncoder.measure`."""
        frame = as_frame(columns)
        if frame.shape[1] > 1:
            # Each column is a place of the text.
            return super().measure(columns, encode)
        rows = self._read_rows(columns, reset=False)
        known = [np.array([np.nan]) if ids is None or not len(ids) else ids for ids in rows]
        lengths = np.array([np.nan if ids is None else len(ids) for ids in rows], dtype="float64")
        new = [np.nan if np.isnan(ids).any() else (ids >= self.vocabulary_size_).mean() for ids in known]
        level = np.array([ids.mean() for ids in known])
        return [{"unseen": np.array(new), "truncated": lengths > self.length_, "length": lengths, "level": level}]

    def missing(self, columns):
        """Return which rows are missing; see `InputEncoder.missing`."""
        return self.encode_and_flag(columns)[1]

    def graph(self):
        """Pad ids in a graph; see `InputEncoder.graph`."""
        check_is_fitted(self)
        return IdsGraph(
            column_names(self, self.n_features_in_),
            (self.vocabulary_size or MOST_IDS) - 1,
            size=self.vocabulary_size_,
            length=self.length_,
            padding_id=self.padding_id,
        )

    def pieces(self, columns, array):
        """Return the ids of each row; see `InputEncoder.pieces`."""
        column = 0 if self.n_features_in_ == 1 else -1
        rows = self._read_rows(columns, reset=False)
        return [
            [
                Piece(str(value), (i,) if i < self.length_ else (), column)
                for i, value in enumerate(() if ids is None else ids)
            ]
            for ids in rows
        ]

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        check_is_fitted(self)
        sizes = (self.vocabulary_size_,)
        return ArraySpec(name, "text", (self.length_,), "int32", vocabulary_sizes=sizes, padding_id=self.padding_id)

    def _read_rows(self, columns, *, reset):
        """Return the ids of each row without padding at its ends, None where it is missing."""
        frame = check_frame(self, cells_as_columns(columns), reset=reset)
        of_lists = frame.shape[1] == 1 and holds_objects(frame.iloc[:, 0])
        column = frame.iloc[:, 0] if of_lists else _join_columns(frame)
        missing = pd.isna(column).to_numpy()
        largest = (self.vocabulary_size or MOST_IDS) - 1
        if all(map(_is_id_type, set(frame.dtypes))):
            # A fast path: most ids come as one array of whole numbers.
            rows = _strip_rows(frame.to_numpy(), largest, self.padding_id)
        else:
            cells = zip(column.astype(object), missing, strict=True)
            rows = [None if gone else _ids_or_none(cell, largest, self.padding_id) for cell, gone in cells]
        odd = ~missing & np.array([ids is None for ids in rows], dtype=bool)
        expected = f"ids, which are whole numbers from 0 to {largest:,}"
        settle_odd(self, column, odd, expected, self._ways_out(column, odd), LEAVE_OUT)
        return rows

    def _ways_out(self, column, odd):
        """Return what to do about cells that hold no ids: advice by kind, as in `settle_odd`."""
        plain = {"other": "Give lists or 1-D arrays of ids, or None where missing."}
        if not odd.any():
            return plain
        vector = vector_or_none(column.iloc[int(odd.argmax())])
        if vector is None or self.vocabulary_size is None or not np.nanmax(vector) >= self.vocabulary_size:
            return {**plain, "text": "Give lists of ids; a column of words goes to TextVectorizer or TagsIndexer."}
        return {
            "other": f"Id {np.nanmax(vector):.0f} is beyond the vocabulary of {self.vocabulary_size}. Give "
            "IdsPadder(vocabulary_size=...) the size of the tokenizer, or leave it out: it is then learned, and larger "
            "ids count as unknown."
        }

    def _pad(self, rows):
        """Return rows of ids as an array (n_rows, length_)."""
        return pad_ids(rows, self.length_, padding_id=self.padding_id, size=self.vocabulary_size_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _join_columns(frame):
    """Return the rows of a frame as a Series of arrays, None for a row of which every number is missing."""
    gone = pd.isna(frame).to_numpy().all(axis=1)
    plain = all(isinstance(dtype, np.dtype) and dtype.kind in "biuf" for dtype in set(frame.dtypes))
    rows = as_objects(list(frame.to_numpy(dtype=None if plain else object)))
    rows[gone] = None
    return pd.Series(rows, index=frame.index, name=frame.columns[0])


def _ids_or_none(cell, largest, padding_id=0):
    """Return a cell as an array of ids without padding at its ends, or None if it holds no ids up to `largest`."""
    try:
        values = as_vector(cell)
    except CellError:
        return None
    if values.dtype.kind == "f":
        # Gaps are padding, and have made floats of the ids.
        values = np.where(np.isnan(values), padding_id, values)
        if (values != np.floor(values)).any() or np.isinf(values).any():
            return None
    elif values.dtype.kind not in "iu":
        return None
    words = np.flatnonzero(values != padding_id)
    if not len(words):
        return np.zeros(0, dtype="int64")
    values = values[words[0] : words[-1] + 1]
    return values.astype("int64") if values.min() >= 0 and values.max() <= largest else None


def _strip_rows(values, largest, padding_id):
    """Return what `_ids_or_none` returns for each row of an array of whole numbers."""
    words = values != padding_id
    starts, ends = words.argmax(axis=1), values.shape[1] - words[:, ::-1].argmax(axis=1)
    ends[~words.any(axis=1)] = 0
    wrong = (words & ((values < 0) | (values > largest))).any(axis=1)
    edges = zip(values.astype("int64"), starts.tolist(), ends.tolist(), wrong.tolist(), strict=True)
    return [None if odd else row[start:end] for row, start, end, odd in edges]


def _is_id_type(dtype):
    """Return whether a dtype is one of whole numbers, except that of pixels."""
    return isinstance(dtype, np.dtype) and dtype.kind in "iu" and dtype != np.uint8


def _is_padded(known):
    """Return whether a bool array of what is not 0 has rows whose zeros stand at one end only, in almost all rows."""
    # From one end to the other, a padded row changes once from ids to zeros.
    for ids in (known, known[:, ::-1]):
        at_end = (ids[:, :-1] >= ids[:, 1:]).all(axis=1)
        padded = at_end & ~ids[:, -1]
        lengths = ids.sum(axis=1)
        if at_end.mean() >= MOST_SHARE and padded.mean() >= _PADDED_ROWS and len(np.unique(lengths)) > FIRST_ID:
            return True
    return False


def _share_ids(values):
    """Return whether columns of numbers from 0 on look alike, as words of one vocabulary do wherever they stand."""
    different = np.unique(values[values > 0])
    # A few columns with few values are answers or counts, and numbers far from 0 are measurements.
    if values.shape[1] < _LEAST_COLUMNS or len(different) < _LEAST_IDS or different[0] > different[-1] / 4:
        return False
    # Of counts, most are 0.
    if (values == 0).mean() > max(0.05, 2 / len(different)):
        return False
    medians, overall = np.median(values, axis=0), np.median(values)
    alike = (values.max(axis=0) >= different[-1] / 2) & (medians <= 2 * overall) & (medians >= overall / 2)
    return alike.mean() >= _ALIKE and not _are_ordered(values)


def _are_ordered(values):
    """Return whether neighbouring columns rise and fall together, as measurements do and words do not."""
    ranks = values.argsort(axis=0).argsort(axis=0).astype(float)
    ranks = (ranks - ranks.mean(axis=0)) / np.maximum(ranks.std(axis=0), 1e-9)
    return bool(np.median((ranks[:, 1:] * ranks[:, :-1]).mean(axis=0)) > 0.5)
