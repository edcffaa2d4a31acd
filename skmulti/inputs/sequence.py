"""Sequences: rows of different lengths are padded to one number of steps, and a network reads the steps."""

import copy
import math
from collections import Counter

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._validation import FRACTION, POSITIVE_INT, RATE, Integral, StrOptions
from ..errors import InputMismatchError, shorten
from ..layers import FeatureScale, feature_means
from ..spec import ArraySpec
from ._cells import (
    CellError,
    as_steps,
    check_widths,
    is_npy_path,
    is_pixels,
    read_sequences,
    writes_numbers,
)
from ._hints import holds_objects, probe
from ._json import NUMBER
from ._measures import mean_of, spread_of
from ._numbers import as_numbers
from ._odd import MOST_SHARE, ON_ODD, refuse_mixture
from ._show import show_line
from ._steps import ARCHITECTURES, choose_length, summarise_steps
from .base import Branch, InputEncoder, as_frame, check_frame, check_merge
from .graphs import SequenceGraph

# Features of a sequence that `measure` looks at.
MEASURED_FEATURES = 8


class SequenceBranch(Branch):
    """Read steps of numbers with a network over the steps.

    Each feature is standardised with the mean and standard deviation of its training
    steps. Steps that are missing throughout have no influence.

    Parameters
    ----------
    architecture : {"conv", "pool", "flatten", "lstm", "gru", "attention"}
        "conv", the default, finds short patterns wherever they are. "pool" takes the average
        and the maximum of each feature. "lstm", "gru" and "attention" see the order of the
        whole sequence. "flatten" has separate weights for each step, which suits sequences
        whose steps are aligned.
    units : int
        Width of the network.
    kernel_size : int
        Steps that one convolution sees ("conv" only). There are two convolutions, so a
        pattern may be ``2 * kernel_size - 1`` steps long.
    dropout : float
        Share of the output that is dropped in training, in [0, 1).

    See Also
    --------
    SequencePadder : Makes the array.

    Notes
    -----
    "conv" and "attention" return ``2 * units`` values (average and maximum over the steps),
    the others return ``units``. A single missing number becomes a learned value of its feature.

    Examples
    --------
    >>> from skmulti import ArraySpec, SequenceBranch
    >>> spec = ArraySpec("trace", "sequence", (100, 3), "float32")
    >>> SequenceBranch(units=16).build(spec).output_shape
    (None, 32)
    >>> SequenceBranch("gru", units=16).build(spec).output_shape
    (None, 16)
    """

    reads = ("sequence",)
    _parameter_constraints = {
        "architecture": [StrOptions(set(ARCHITECTURES))],
        "units": [POSITIVE_INT],
        "kernel_size": [POSITIVE_INT],
        "dropout": [RATE],
    }

    def __init__(self, architecture="conv", *, units=64, kernel_size=3, dropout=0.0):
        self.architecture = architecture
        self.units = units
        self.kernel_size = kernel_size
        self.dropout = dropout

    def connect(self, tensor, spec, sample):
        """Connect the layers of the branch.

        Parameters
        ----------
        tensor : KerasTensor of shape (batch, steps, features)
            The steps, free of NaN, with a mask where they are padding.
        spec : ArraySpec
            Not used.
        sample : ndarray of shape (n_rows, steps, features) or None
            Training rows, for the mean and the standard deviation of each feature.

        Returns
        -------
        KerasTensor of shape (batch, width)
            The summary of each sequence.
        """
        if sample is not None:
            tensor = FeatureScale(feature_means(sample), _feature_scales(sample))(tensor)
        return summarise_steps(
            tensor,
            self.architecture,
            units=self.units,
            kernel_size=self.kernel_size,
            dropout=self.dropout,
        )


def _feature_scales(sample):
    """Return the standard deviation of each feature over rows and steps, and 1 for a constant feature."""
    mean = feature_means(sample)
    scale = np.sqrt(feature_means(sample, mean))
    # Rounding leaves a constant such as 0.1 with a spread of 1e-17, and to divide by it would blow up the noise.
    return np.where(scale <= 1e-12 * np.abs(mean), 1.0, scale)


class SequencePadder(InputEncoder):
    """Bring sequences of different lengths to one number of steps.

    A cell holds the sequence of one row: a list or 1-D array (one number per step), a list of
    lists or 2-D array (steps, features), a text that writes such lists, or the path of an
    ``.npy`` file. Several columns together are the steps of one sequence. Padding is NaN, since
    zero may be the value of a sensor; the network skips steps of NaN.

    Parameters
    ----------
    length : int, float or None
        Steps of each row. An int is that number. None is the length of the longest training
        sequence. A float in (0, 1) is that quantile of the training sequences' lengths
        (missing and empty sequences are left out).
    shape : tuple of (int, int) or None
        (steps, features) of every sequence. Columns are read step by step: with (10, 3), the
        first three columns are the first step. None: each column is one step.
    padding, truncating : {"post", "pre"}
        The end at which short sequences are filled up and long ones are cut.
    on_odd : {"raise", "missing"}
        Whether a cell that is no sequence, or has steps of another width than most, is an error
        or counts as missing, with an `OddCellsWarning`.
    dtype : {"float32", "float64"}
        Precision of the array. `InputRouter` sets it to its own.
    lazy : {"auto", True, False}
        Whether an estimator's fit reads and pads the rows of each batch when it needs them,
        rather than all at once. "auto" does so if the array would take more than a tenth of
        the machine's memory. Results are the same. `transform` always returns all rows.

    Attributes
    ----------
    length_ : int
        Steps of each row.
    n_features_ : int
        Numbers of each step.
    n_truncated_ : int
        Number of training sequences that are longer than `length_`.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, if all are strings.

    See Also
    --------
    SequenceBranch : Reads the array.
    VectorStacker : Reads vectors of one length that are no series.

    Notes
    -----
    Files are read without pickle (``allow_pickle=False``). A file that needs pickle could run
    code, and is refused.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmulti import SequencePadder
    >>> trace = pd.Series([[1.0, 2.0, 3.0], [4.0], None], index=["a", "b", "c"], name="trace")
    >>> padder = SequencePadder().fit(trace)
    >>> padder.transform(trace)[:, :, 0]
    array([[ 1.,  2.,  3.],
           [ 4., nan, nan],
           [nan, nan, nan]], dtype=float32)

    A sequence of another width is refused, and the message names its row:

    >>> padder.transform(pd.Series([[1.0], [[1.0, 2.0]]], index=["d", "e"], name="trace"))
    Traceback (most recent call last):
      ...
    skmulti.errors.InputMismatchError: column 'trace': 1 of 2 sequences do not have 1 number a step, \
first at row label 'e', whose steps have 2. Give sequences whose steps have 1 number, as those of most training rows. \
Or count such cells as missing: SequencePadder(on_odd="missing").
    """

    reads_missing = True
    counted_as = "sequences"
    default_branch = SequenceBranch
    in_pieces = True
    _parameter_constraints = {
        "length": [POSITIVE_INT, FRACTION, None],
        "shape": [tuple, list, None],
        "padding": [StrOptions({"pre", "post"})],
        "truncating": [StrOptions({"pre", "post"})],
        "on_odd": ON_ODD,
        "dtype": [StrOptions({"float32", "float64"})],
        "lazy": ["boolean", StrOptions({"auto"})],
    }

    def __init__(
        self,
        *,
        length=None,
        shape=None,
        padding="post",
        truncating="post",
        on_odd="raise",
        dtype="float32",
        lazy="auto",
    ):
        self.length = length
        self.shape = shape
        self.padding = padding
        self.truncating = truncating
        self.on_odd = on_odd
        self.dtype = dtype
        self.lazy = lazy

    @classmethod
    def suits(cls, column):
        """Take cells that are mostly lists of numbers, 2-D arrays or ``.npy`` paths; see `InputEncoder.suits`."""
        cells = list(probe(column)) if holds_objects(column) else []
        if not cells:
            return None
        # Files are not read: only an encoder that was chosen may do so.
        n_paths = sum(map(is_npy_path, cells))
        if n_paths >= MOST_SHARE * len(cells):
            return "paths of .npy files"
        # The cheap question first: most columns of objects hold texts.
        held = [cell for cell in cells if not is_npy_path(cell)]
        if not writes_numbers(held):
            return None
        shapes = Counter(shape for shape in map(_shape_of, held) if shape is not None)
        if shapes.total() + n_paths < MOST_SHARE * len(cells):
            return None
        # Steps of several numbers, or of one number each in a list of its own.
        if sum(count for shape, count in shapes.items() if len(shape) == 2) > shapes.total() / 2:
            return "2-D arrays of numbers in cells"
        # Lists of one length are vectors.
        return "lists of numbers of different lengths" if len(shapes) > 1 else None

    def fit(self, columns, y=None):
        """Learn the number of steps and of features.

        Parameters
        ----------
        columns : Series, DataFrame or ndarray
            One column of sequences, several columns of numbers, or an array of shape
            (n_rows, steps, features).
        y : None
            Ignored.

        Returns
        -------
        SequencePadder
            The fitted encoder.

        Raises
        ------
        InputMismatchError
            If a cell is no sequence of numbers, a file cannot be read, or widths differ, and `on_odd`
            is "raise".
        ValueError
            If `shape` is no pair of positive numbers.
        """
        self._validate_params()
        if self.shape is not None and not (
            len(self.shape) == 2 and all(isinstance(n, Integral) and n > 0 for n in self.shape)
        ):
            raise ValueError(f"SequencePadder: `shape` must be None or (steps, features), got {self.shape!r}.")
        # Counts, not a list: they say as much about quantiles, and stay small over the parts of a large table. Those of
        # each width apart, since the width of most sequences is known only after the last part.
        self._counts = {}
        self._learn(columns, reset=True)
        return self

    def partial_fit(self, columns, y=None):
        """Learn from the next rows of a table that is read in parts.

        Parameters
        ----------
        columns : Series, DataFrame or ndarray
            The next rows, as in `fit`.
        y : None
            Ignored.

        Returns
        -------
        SequencePadder
            The encoder, fitted on all rows so far exactly as by `fit`.
        """
        if not hasattr(self, "_counts"):
            return self.fit(columns)
        self._learn(columns, reset=False)
        return self

    def merge(self, other):
        """Join the counts of lengths of two sets of parts; see `InputEncoder.merge`."""
        check_merge(self, other, "_counts")
        merged = copy.copy(self)
        merged._keep(_add_counts(self._counts, other._counts))
        widths = {width: own.total() for width, own in merged._counts.items() if width}
        refuse_mixture(self, widths, "sequences of {} numbers a step")
        return merged

    def _learn(self, columns, *, reset):
        """Add the lengths of sequences to those seen, and refuse sequences of another width."""
        column, rows = self._read_rows(columns, reset=reset)
        # Only shapes are kept, since the files of a column may not fit into memory together.
        shapes = np.array([steps.shape for steps in rows], dtype=int).reshape(-1, 2)
        # An empty sequence has no width, and none is expected of it.
        widths = np.where(shapes[:, 0] > 0, shapes[:, 1], 0)
        found = {width: Counter(shapes[widths == width, 0].tolist()) for width in pd.unique(widths).tolist()}
        counts = _add_counts(self._counts, found)
        # Until a sequence has shown its width, those of this part decide which width is expected.
        if not any(self._counts):
            self._keep(counts)
        check_widths(column, np.where(widths, widths, self.n_features_), self.n_features_, self)
        self._keep(counts)

    def _keep(self, counts):
        """Set what is learned from the counts of lengths: the width of most sequences, and the length."""
        self._counts = counts
        widths = {width: own.total() for width, own in counts.items() if width}
        most = max(widths, key=widths.get, default=1)
        self.n_features_ = int(most if self.shape is None else self.shape[1])
        lengths = counts.get(self.n_features_, Counter())
        self.length_ = choose_length(self.length, lengths, 1 if self.shape is None else int(self.shape[0]))
        self.n_truncated_ = sum(count for length, count in lengths.items() if length > self.length_)

    def transform(self, columns):
        """Pad or cut every sequence.

        Parameters
        ----------
        columns : Series, DataFrame or ndarray
            As in `fit`.

        Returns
        -------
        ndarray of shape ``(n_rows, length_, n_features_)``, float
            The steps; NaN is padding or a missing number. A missing or empty row is NaN throughout.

        Raises
        ------
        InputMismatchError
            If a cell is no sequence of numbers of the fitted width, or a file cannot be read, and
            `on_odd` is "raise".
        """
        check_is_fitted(self)
        column, rows = self._read_rows(columns, reset=False)
        padded = np.full((len(column), self.length_, self.n_features_), np.nan, dtype=self.dtype)
        # Widths are refused after the loop, since the message says how many rows are wrong.
        widths = np.full(len(column), self.n_features_)
        for position, steps in enumerate(rows):
            if not len(steps):
                continue
            widths[position] = steps.shape[1]
            if steps.shape[1] == self.n_features_:
                kept = steps[: self.length_] if self.truncating == "post" else steps[-self.length_ :]
                free = 0 if self.padding == "post" else self.length_ - len(kept)
                padded[position, free : free + len(kept)] = kept
        check_widths(column, widths, self.n_features_, self)
        return padded

    def encode_and_flag(self, columns):
        """Encode rows and return which of them hold no step; see `InputEncoder.encode_and_flag`."""
        padded = self.transform(columns)
        # From the array, since only the file of a path says that it is empty.
        return padded, np.isnan(padded).all(axis=(1, 2))

    def measure(self, columns, encode=None, *, training=False):
        """Measure the number of steps, and level, spread and repeats of each feature; see `InputEncoder.measure`.

        The repeats are the share of steps at which a feature has the value of the step before, and
        a sequence is constant if all are: a sensor that is stuck.
        """
        if as_frame(columns).shape[1] > 1:
            # Each column is a step.
            return super().measure(columns, encode)
        column, rows = self._read_rows(columns, reset=False)
        n_features = min(self.n_features_, MEASURED_FEATURES)
        lengths, widths = np.full(len(column), np.nan), np.full(len(column), self.n_features_)
        found = np.full((len(column), n_features, 3), np.nan)
        for position, steps in enumerate(rows):
            if len(steps):
                lengths[position], widths[position] = steps.shape
            if len(steps) and steps.shape[1] == self.n_features_:
                found[position] = [_describe_feature(steps[:, i]) for i in range(n_features)]
        check_widths(column, widths, self.n_features_, self)
        measures = {
            "truncated": lengths > self.length_,
            "constant": (found[:, :, 2] == 1).any(axis=1),
            "steps": lengths,
        }
        for i in range(n_features):
            of = f" of feature {i}" if self.n_features_ > 1 else ""
            measures |= {f"{what}{of}": found[:, i, j] for j, what in enumerate(("level", "spread", "repeats"))}
        return [measures]

    def show(self, columns):
        """Show sequences as lines; see `InputEncoder.show`."""
        if as_frame(columns).shape[1] > 1:
            # Each column is a step.
            return super().show(columns)
        column, rows = self._read_rows(columns, reset=False)
        return [[show_line(steps, str(column.name)) for steps in rows]]

    def json_schema(self, column):
        """Describe a list of numbers, or of lists of numbers; see `InputEncoder.json_schema`."""
        if holds_objects(column):
            wide = self.n_features_ > 1
            step = [0.0] * self.n_features_ if wide else 0.0
            items = {"type": "array", "items": NUMBER} if wide else NUMBER
            return {"type": "array", "items": items, "examples": [[step] * min(self.length_, 3)]}
        return super().json_schema(column)

    def read_json(self, value):
        """Return a list of steps of the width of training; see `InputEncoder.read_json`."""
        if not isinstance(value, list):
            return value
        try:
            steps = as_steps(value)
        except CellError as error:
            raise ValueError(f"not a sequence of numbers ({error}).") from error
        if len(steps) and steps.shape[1] != self.n_features_:
            raise ValueError(f"got steps of {steps.shape[1]} numbers, expected {self.n_features_}.")
        return value

    def missing(self, columns):
        """Return which rows hold no step, such as an empty list or file; see `InputEncoder.missing`."""
        return self.encode_and_flag(columns)[1]

    def graph(self):
        """Pad or cut sequences in a graph; see `InputEncoder.graph`."""
        check_is_fitted(self)
        n_columns = self.n_features_in_
        steps = (n_columns, 1) if self.shape is None else tuple(self.shape)
        return SequenceGraph(
            n_columns,
            (self.length_, self.n_features_),
            steps,
            padding=self.padding,
            truncating=self.truncating,
            dtype=self.dtype,
        )

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        check_is_fitted(self)
        return ArraySpec(name, "sequence", (self.length_, self.n_features_), self.dtype)

    def slots(self, spec):
        """Return the column of each step and feature, if columns are the steps; see `InputEncoder.slots`."""
        n_columns = len(spec.columns)
        if n_columns == math.prod(spec.shape):
            return np.arange(n_columns).reshape(spec.shape)
        return np.full(spec.shape, 0 if n_columns == 1 else -1)

    def _read_rows(self, columns, *, reset):
        """Return a Series that has the rows' labels, and an iterable of the rows' arrays (steps, features)."""
        # A list, and any array but one of two dimensions, is one column with a sequence in each cell. An array of two
        # dimensions is a table; if it holds objects, scikit-learn's check of arrays would try to make them numbers.
        if isinstance(columns, list | tuple) or (isinstance(columns, np.ndarray) and columns.ndim != 2):
            columns = pd.Series(list(columns), dtype=object)
        elif isinstance(columns, np.ndarray) and columns.dtype == object:
            columns = pd.DataFrame(columns)
        frame = check_frame(self, columns, reset=reset)
        if frame.shape[1] == 1:
            column = frame.iloc[:, 0]
            return column, read_sequences(column, self)
        shape = (frame.shape[1], 1) if self.shape is None else tuple(self.shape)
        if frame.shape[1] != shape[0] * shape[1]:
            raise InputMismatchError(
                f"SequencePadder(shape={shape}) needs {shape[0] * shape[1]} columns ({shape[0]} steps of {shape[1]} "
                f"features), got {frame.shape[1]}: {shorten(list(frame.columns))}. Name the columns of all steps, "
                "or give the shape that they have."
            )
        try:
            return frame.iloc[:, 0], as_numbers(frame, self).reshape(-1, *shape)
        except InputMismatchError as error:
            error.add_note("SequencePadder reads several columns as one sequence; columns of lists go into own inputs.")
            raise

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        return tags


def _add_counts(counts, others):
    """Return the counts of lengths by width of two sets of parts together."""
    return {width: counts.get(width, Counter()) + others.get(width, Counter()) for width in {**counts, **others}}


def _shape_of(cell):
    """Return the shape of a cell that is a list of numbers or of rows of numbers, or None of any other cell."""
    # Pixels are no steps.
    if is_pixels(cell):
        return None
    try:
        steps = as_steps(cell)
    except CellError:
        return None
    return steps.shape if steps.shape[1] > 1 or np.ndim(cell) == 2 else (len(steps),)


def _describe_feature(values):
    """Return level, spread and share of repeats of the steps of a feature, NaN where it has too few."""
    values = np.asarray(values, dtype="float64")
    values = values[~np.isnan(values)]
    repeats = (values[1:] == values[:-1]).mean() if len(values) > 1 else np.nan
    return mean_of(values), spread_of(values), repeats
