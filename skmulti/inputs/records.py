"""Records: a cell holds a dict, such as ``{"rooms": 3, "heating": "gas"}``, and each key becomes columns of numbers."""

import copy
from collections import Counter, defaultdict
from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._validation import POSITIVE_INT, StrOptions, check_weights
from ..errors import ExportError
from ..spec import ArraySpec
from ._cells import is_collection, read_literal
from ._hints import holds_objects, is_bool_type, is_number_type, probe
from ._measures import as_labels
from ._odd import LEAVE_OUT, ON_ODD, are_mostly, is_strict, settle_odd
from ._pattern_text import as_numbers, common_patterns, find_patterns, pattern_of
from .base import InputEncoder, cells_as_columns, check_frame, check_merge, one_column
from .vector import PiecewiseBranch

# Total weight, mean and sum of squared deviations of no numbers.
NO_NUMBERS = 0, 0.0, 0.0
# Numbers of dicts that `measure` looks at.
MEASURED_KEYS = 8


class RecordVectorizer(InputEncoder):
    """Turn dicts in the cells of one column into columns of numbers, one or several a key.

    A number becomes a standardised column, NaN where the key is absent. A text becomes columns of
    0 and 1, one for each value, as in scikit-learn's ``DictVectorizer``; so do the texts in a list.
    Dicts in dicts have keys such as ``"size.width"``. A text that writes a dict in JSON is read as
    that dict. An empty dict is a row without keys, and None is missing. With ``on_odd="missing"``,
    texts that write several numbers by a few patterns are read, too: ``"5 ft 11 in"``, ``"10-20"``,
    ``"500 g"`` beside ``"2 kg"``; each number of each pattern is a key.

    Parameters
    ----------
    max_categories : int or None
        At most this many columns for the texts of a key: the most frequent get one.
    on_odd : {"raise", "missing"}
        Whether a cell that is no dict is an error or counts as missing, with an
        `OddCellsWarning`.
    dtype : {"float32", "float64"}
        Precision of the array. `InputRouter` sets it to its own.

    Attributes
    ----------
    feature_names_ : list of str
        The columns of the array: keys of numbers, then ``key=value`` for texts.
    mean_, scale_ : ndarray of shape (n_numbers,), float64
        Mean and standard deviation of the numbers of each key. A constant has scale 1.
    n_features_in_ : int
        Number of columns: 1.
    feature_names_in_ : ndarray of str
        Name of the column, if it is a string.

    See Also
    --------
    PiecewiseBranch : Reads the array.
    TagsIndexer : For lists of texts.

    Notes
    -----
    Keys and texts that fit did not see are ignored. Other values than numbers, texts, truth values
    and lists of texts are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmulti import RecordVectorizer
    >>> flats = pd.Series([{"rooms": 2, "heating": "gas"}, {"rooms": 4}, None], name="flat")
    >>> vectorizer = RecordVectorizer().fit(flats)
    >>> vectorizer.feature_names_
    ['rooms', 'heating=gas']
    >>> vectorizer.transform(flats)
    array([[-1.,  1.],
           [ 1.,  0.],
           [nan, nan]], dtype=float32)

    Cells that are no dicts are refused with the place of the first:

    >>> vectorizer.transform(pd.Series([{"rooms": 1}, 5], name="flat"))
    Traceback (most recent call last):
      ...
    skmulti.errors.InputMismatchError: column 'flat': 1 of 2 cells are not dicts, first at row label 1: 5 (type int). \
Give dicts, texts that write them in JSON, or None where missing. \
Or count such cells as missing: RecordVectorizer(on_odd="missing").
    """

    default_branch = PiecewiseBranch
    in_pieces = True
    _parameter_constraints = {
        "max_categories": [POSITIVE_INT, None],
        "on_odd": ON_ODD,
        "dtype": [StrOptions({"float32", "float64"})],
    }

    def __init__(self, *, max_categories=100, on_odd="raise", dtype="float32"):
        self.max_categories = max_categories
        self.on_odd = on_odd
        self.dtype = dtype

    @classmethod
    def suits(cls, column):
        """Take cells that are mostly dicts, or numbers in a pattern; see `InputEncoder.suits`."""
        cells = list(map(_as_record, probe(column))) if holds_objects(column) else []
        if patterns := find_patterns(cells):
            return f"numbers written as {' or '.join(map(repr, patterns))}"
        if not are_mostly(cells, lambda cell: isinstance(cell, Mapping)):
            return None
        keys = {key for cell in cells if isinstance(cell, Mapping) for key in cell}
        return f"dicts with {len(keys)} different keys" if keys else None

    @property
    def reads_missing(self):
        """Whether cells that are not empty may count as missing; see `InputEncoder`."""
        return self.on_odd == "missing"

    def fit(self, columns, y=None, sample_weight=None):
        """Learn the keys, the scale of their numbers and their texts.

        Parameters
        ----------
        columns : Series or one-column DataFrame
            Dicts, None where missing.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,) or None
            Weight of each row in the scale of numbers; rows of weight 0 are left out.

        Returns
        -------
        RecordVectorizer
            The fitted encoder.

        Raises
        ------
        InputMismatchError
            If a cell is no dict and `on_odd` is "raise".
        """
        self._learn(self._read_records(columns, reset=True, learn=True), sample_weight, None)
        return self

    def partial_fit(self, columns, y=None, sample_weight=None):
        """Learn from the next rows of a table that is read in parts.

        Parameters
        ----------
        columns : Series or one-column DataFrame
            The next rows, as in `fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,) or None
            Weight of each row.

        Returns
        -------
        RecordVectorizer
            The encoder, fitted on all rows so far as by `fit`, except for rounding.
        """
        state = getattr(self, "_partial", None)
        # If `mean_` is another array than the one kept, a `fit` has come in between and begun anew.
        state = state if state is not None and state[-1] is self.mean_ else None
        records = self._read_records(columns, reset=state is None, learn=True)
        self._partial = *self._learn(records, sample_weight, state), self.mean_
        return self

    def merge(self, other):
        """Join moments and counts of all keys of two sets of parts; see `InputEncoder.merge`."""
        check_merge(self, other)
        merged = copy.copy(self)
        moments, texts, patterns = {}, defaultdict(Counter), Counter()
        for own, counts, found, _ in (self._partial, other._partial):
            for key, others in own.items():
                moments[key] = _join_moments(moments.get(key, NO_NUMBERS), others)
            for key, others in counts.items():
                texts[key].update(others)
            patterns.update(found)
        merged._patterns = common_patterns(patterns)
        merged._keep(moments, texts)
        merged._partial = moments, texts, patterns, merged.mean_
        return merged

    def _learn(self, records, weight, state):
        """Learn from records, after those of `state`; return moments of numbers, counts of texts and of patterns."""
        weight = np.ones(len(records)) if weight is None else check_weights(weight, records)
        weighted = [(record, own) for record, own in zip(records, weight.tolist(), strict=True) if own]
        moments, texts, patterns = state[:3] if state else ({}, defaultdict(Counter), Counter())
        patterns.update(pattern_of(next(iter(record))) for record, _ in weighted if record)
        self._patterns = common_patterns(patterns)
        numbers = defaultdict(list)
        for record, own in weighted:
            for key, value in (record or {}).items():
                if isinstance(value, float):
                    numbers[key].append((value, own))
                else:
                    texts[key].update(value)
        for key, values in numbers.items():
            moments[key] = _join_moments(moments.get(key, NO_NUMBERS), _moments_of(*np.transpose(values)))
        self._keep(moments, texts)
        return moments, texts, patterns

    def _keep(self, moments, texts):
        """Set what is learned from the moments of numbers and the counts of texts."""
        # In sorted order, since the first record must not decide.
        keys = sorted(key for key in moments if not pattern_of(key) or pattern_of(key) in self._patterns)
        self.mean_ = np.array([moments[key][1] for key in keys])
        spread = np.sqrt([moments[key][2] / moments[key][0] for key in keys])
        # Rounding leaves a constant such as 0.1 with a spread of 1e-17.
        self.scale_ = np.where(spread <= 1e-12 * np.abs(self.mean_), 1.0, spread)
        self._places = {key: i for i, key in enumerate(keys)}
        for key in sorted(texts):
            ranked = sorted(texts[key].items(), key=lambda entry: (-entry[1], entry[0]))[: self.max_categories]
            for text in sorted(text for text, _ in ranked):
                self._places[key, text] = len(self._places)
        self.feature_names_ = [place if isinstance(place, str) else "=".join(place) for place in self._places]

    def transform(self, columns):
        """Turn dicts into rows of numbers.

        Parameters
        ----------
        columns : Series or one-column DataFrame
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_rows, n_values), float
            Standardised numbers, NaN where a key is absent; then 0 or 1 for texts. A row that is
            missing is all NaN.

        Raises
        ------
        InputMismatchError
            If a cell is no dict and `on_odd` is "raise".
        """
        check_is_fitted(self)
        return self._vectorize(self._read_records(columns, reset=False))

    def encode_and_flag(self, columns):
        """Encode rows and return which of them are missing; see `InputEncoder.encode_and_flag`."""
        check_is_fitted(self)
        records = self._read_records(columns, reset=False)
        return self._vectorize(records), np.array([record is None for record in records], dtype=bool)

    def measure(self, columns, encode=None, *, training=False):
        """Measure which keys a dict has, and its first numbers; see `InputEncoder.measure`."""
        records = self._read_records(columns, reset=False)
        measures = {"keys": as_labels([None if record is None else " ".join(sorted(record)) for record in records])}
        # In sorted order, the numbers come first.
        for key in self.feature_names_[: min(len(self.mean_), MEASURED_KEYS)]:
            values = [np.nan if record is None else record.get(key, np.nan) for record in records]
            measures[f"value of {key!r}"] = np.array(
                [value if isinstance(value, float) else np.nan for value in values], dtype="float64"
            )
        return [measures]

    def missing(self, columns):
        """Return which rows are missing; see `InputEncoder.missing`."""
        return self.encode_and_flag(columns)[1]

    def graph(self):
        """Refuse: a tensor holds no dicts; see `InputEncoder.graph`."""
        raise ExportError(
            "a tensor holds no dicts. Give each key a column of its own before the fit, e.g. by pd.json_normalize"
        )

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        check_is_fitted(self)
        return ArraySpec(name, "vector", (max(len(self._places), 1),), self.dtype)

    def get_feature_names_out(self, input_features=None):
        """Name the columns of the array.

        Parameters
        ----------
        input_features : array-like of str or None
            Ignored.

        Returns
        -------
        ndarray of str
            `feature_names_`.
        """
        check_is_fitted(self)
        return np.array(self.feature_names_ or ["nothing"], dtype=object)

    def _read_records(self, columns, *, reset, learn=False):
        """Return each cell as a flat dict of floats and lists of texts, None where missing; `learn`: of any pattern."""
        self._validate_params()
        column = one_column(check_frame(self, cells_as_columns(columns), reset=reset), self)
        missing = pd.isna(column).to_numpy()
        cells = list(map(_as_record, column.astype(object)))
        expected = "dicts"
        if not is_strict(self):
            known = None if learn else self._patterns
            cells = [as_numbers(cell, known) if isinstance(cell, str) else cell for cell in cells]
            named = [pattern for pattern in known or () if pattern]
            expected = f"numbers written as {' or '.join(map(repr, named))}" if named else expected
        odd = ~missing & np.array([not isinstance(cell, Mapping) for cell in cells], dtype=bool)
        advice = {"other": "Give dicts, texts that write them in JSON, or None where missing."}
        settle_odd(self, column, odd, expected, advice, LEAVE_OUT)
        return [dict(_flatten(cell)) if isinstance(cell, Mapping) else None for cell in cells]

    def _vectorize(self, records):
        """Return records as an array (n_rows, n_values)."""
        n_numbers = len(self.mean_)
        array = np.zeros((len(records), max(len(self._places), 1)))
        array[:, :n_numbers] = np.nan
        for row, record in zip(array, records, strict=True):
            if record is None:
                row[:] = np.nan
                continue
            for key, value in record.items():
                if isinstance(value, float):
                    if key in self._places:
                        row[self._places[key]] = value
                else:
                    row[[self._places[key, text] for text in value if (key, text) in self._places]] = 1
        array[:, :n_numbers] = (array[:, :n_numbers] - self.mean_) / self.scale_
        return array.astype(self.dtype)


def _as_record(cell):
    """Return a cell as the dict that it writes, if it does; any other cell as it is."""
    cell = read_literal(cell)
    # Arrow's maps come as lists of pairs.
    is_map = isinstance(cell, list) and cell and all(isinstance(p, tuple) and len(p) == 2 for p in cell)
    return dict(cell) if is_map and all(isinstance(key, str) for key, _ in cell) else cell


def _flatten(record, prefix=""):
    """Yield (key, value) of a dict and of the dicts in it; the value is a finite float or a list of texts."""
    for name, value in record.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{key}.")
        elif isinstance(value, str):
            yield key, [value]
        elif is_bool_type(type(value)) or is_number_type(type(value)):
            if np.isfinite(number := float(value)):
                yield key, number
        elif is_collection(value):
            yield key, [text for text in value if isinstance(text, str)]


def _moments_of(values, weight):
    """Return total weight, mean and weighted sum of squared deviations of some numbers."""
    mean = np.average(values, weights=weight)
    return weight.sum(), mean, (weight * (values - mean) ** 2).sum()


def _join_moments(moments, others):
    """Return total weight, mean and sum of squared deviations of two sets of numbers together."""
    (count, mean, square), (n_others, other_mean, other_square) = moments, others
    gap, total = other_mean - mean, count + n_others
    return total, mean + gap * n_others / total, square + other_square + gap**2 * count * n_others / total
