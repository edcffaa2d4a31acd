"""Columns of numbers, and the branches that read vectors.

`NumberScaler` makes a vector of columns of numbers, and `PiecewiseBranch` learns a function of each column. The
encoders of dates, of vectors in cells and of scikit-learn's transformers make vectors, too, for `DenseBranch`.
"""

import copy
from statistics import NormalDist

import keras
import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._validation import POSITIVE_INT, RATE, StrOptions, check_feature_names, check_weights
from ..layers import CHANNELS_LAST, NARROWEST, ColumnDense, ColumnSymlog, OpenDropout, PiecewiseLinear, dense_stack
from ..spec import ArraySpec
from ._hints import are_of, holds_objects, is_bool_type, probe
from ._measures import mark_outside
from ._number_text import find_number_style
from ._numbers import LARGEST, is_duration, number_blocks, number_columns, number_styles, robust_moments
from ._odd import MOST_SHARE, ON_ODD, is_strict, share_of
from .base import Branch, InputEncoder, as_frame, check_frame, check_merge
from .graphs import NumberGraph, Scale, column_names

# Below this many rows a network learns the rows by heart before it has learned what they share.
SMALL_DATA_ROWS = 1_000
# The share that is then dropped at most, where the target follows the inputs loosely.
MOST_DROPOUT = 0.5

# Each bin has a slope of its own to learn. A bin of fewer training rows would learn theirs by heart.
ROWS_OF_A_BIN = 20

# A flag of so few missing numbers, or of a share within that of odd cells, teaches a network noise: planted in 2 % of
# the cells of diabetes, gaps cost .021 in R2 with flags and .009 without (8 splits; ridge on imputed numbers .006).
FEW_MISSING = 50


class DenseBranch(Branch):
    """Read a vector with fully connected layers.

    The default for dates, ready-made vectors, and what scikit-learn's transformers
    return, such as one-hot columns. It learns any smooth relation. Without layers
    (``units=()``) the vector goes to the merge as it is.

    Parameters
    ----------
    units : tuple of int
        Width of each layer. The default (64,) suits a handful to a hundred columns;
        a second layer pays off when columns interact.
    activation : str
        Keras activation of the layers.
    dropout : float
        Share of the units dropped in training after each layer, in [0, 1).
    normalization : {"batch", "layer"} or None
        Normalise the vector first. Use it for vectors that no encoder has scaled.

    See Also
    --------
    NumberScaler : Makes the vector from columns of numbers.

    Examples
    --------
    >>> from skmulti import ArraySpec, DenseBranch
    >>> spec = ArraySpec("numbers", "vector", (3,), "float32")
    >>> DenseBranch(units=(16, 8)).build(spec).output_shape
    (None, 8)
    """

    reads = ("vector",)
    _parameter_constraints = {
        "units": [tuple, list],
        "activation": [str, callable],
        "dropout": [RATE],
        "normalization": [StrOptions({"batch", "layer"}), None],
    }

    def __init__(self, units=(64,), *, activation="relu", dropout=0.0, normalization=None):
        self.units = units
        self.activation = activation
        self.dropout = dropout
        self.normalization = normalization

    def connect(self, tensor, spec, sample):
        """Connect the layers of the branch.

        Parameters
        ----------
        tensor : KerasTensor of shape (batch, n_features)
            The vector, free of NaN.
        spec : ArraySpec
            Not used.
        sample : ndarray or None
            Not used.

        Returns
        -------
        KerasTensor of shape (batch, units[-1])
            The last layer's output.
        """
        if self.normalization == "batch":
            tensor = keras.layers.BatchNormalization()(tensor)
        elif self.normalization == "layer":
            tensor = keras.layers.LayerNormalization()(tensor)
        return dense_stack(tensor, self.units, activation=self.activation, dropout=self.dropout)


class PiecewiseBranch(Branch):
    """Read numbers as they are, and through a learned piecewise linear function of each column.

    The default for columns of numbers: if what a column means has a jump or a bend, at an
    age of 18 or a price of 100, no deep network is needed to learn it.

    Parameters
    ----------
    bins : int
        Most bins that a column gets. Their edges are quantiles of up to 10,000 training values; a
        value that more than 1 / bins of the rows have is an edge of its own. With few rows
        there are fewer bins, so that each holds 20 rows. Below 40 rows there are no bins, and
        the branch reads the numbers alone.
    embedding_dim : int
        Number of functions of each column: a dense layer with relu for each column makes
        them from its bins.
    units : tuple of int
        Dense layers over all columns; none by default, the merge and the head combine them.
    dropout : float or "auto"
        Share of the values dropped in training after each layer, in [0, 1). "auto" is 0.5
        with fewer than 1,000 training rows, which are soon learned by heart, else 0. An estimator
        lowers it where the target follows the inputs closely.

    See Also
    --------
    DenseBranch : Dense layers on the numbers themselves.

    Notes
    -----
    Outside the range of the training rows, a number grows with the logarithm: a distance `d`
    from the range counts as ``margin * log(1 + d / margin)``, where the margin is a quarter of
    the range. So a misplaced decimal point in a new row moves no prediction out of sight. The
    piecewise linear functions are constant outside the range of their sample.

    References
    ----------
    Gorishniy, Rubachev and Babenko, "On Embeddings for Numerical Features in Tabular
    Deep Learning", 2022, arXiv:2203.05556.

    Examples
    --------
    >>> import numpy as np
    >>> from skmulti import ArraySpec, PiecewiseBranch
    >>> spec = ArraySpec("numbers", "vector", (3,), "float32")
    >>> sample = np.random.default_rng(0).normal(size=(400, 3))
    >>> PiecewiseBranch(embedding_dim=8).build(spec, sample).output_shape
    (None, 27)
    """

    reads = ("vector",)
    _parameter_constraints = {
        "bins": [POSITIVE_INT],
        "embedding_dim": [POSITIVE_INT],
        "units": [tuple, list],
        "dropout": [RATE, StrOptions({"auto"})],
    }

    def __init__(self, bins=48, *, embedding_dim=16, units=(), dropout="auto"):
        self.bins = bins
        self.embedding_dim = embedding_dim
        self.units = units
        self.dropout = dropout

    def connect(self, tensor, spec, sample):
        """Connect the layers of the branch.

        Parameters
        ----------
        tensor : KerasTensor of shape (batch, n_features)
            The numbers, free of NaN.
        spec : ArraySpec
            Not used.
        sample : ndarray of shape (n_rows, n_features) or None
            Training rows, from which edges and ranges are taken. Without them, the edges are
            quantiles of a standard normal distribution, which suit standardised numbers, and
            numbers stay as they are, however large.

        Returns
        -------
        KerasTensor of shape (batch, n_features * (embedding_dim + 1)) or (batch, units[-1])
            The functions of each column, then the numbers.
        """
        n_rows = 0 if sample is None else len(sample)
        bins = int(self.bins) if sample is None else min(int(self.bins), n_rows // ROWS_OF_A_BIN)
        automatic = self.dropout == "auto"
        dropout = small_data_dropout(n_rows) if automatic else self.dropout
        dropout_layer = OpenDropout if automatic else keras.layers.Dropout
        # The functions below read the numbers as they came: they are constant outside the edges anyway.
        values = ColumnSymlog(*column_ranges(sample))(tensor) if n_rows else tensor
        # A single bin is a linear function of the number, and the number itself is among the values.
        if bins > 1:
            columns = [normal_values(bins)] * tensor.shape[-1] if sample is None else sample.T
            edges = [bin_edges(column, bins) for column in columns]
            curves = ColumnDense(self.embedding_dim)(PiecewiseLinear(edges)(tensor))
            curves = keras.layers.Flatten(**CHANNELS_LAST)(curves)
            if dropout:
                curves = dropout_layer(dropout)(curves)
            values = keras.layers.Concatenate()([curves, values])
        return dense_stack(values, self.units, dropout=dropout, dropout_layer=dropout_layer)


def small_data_dropout(n_rows):
    """Return the share to drop if the user named none: half if rows are few, 0 if many or their number is unknown."""
    return MOST_DROPOUT if 0 < n_rows < SMALL_DATA_ROWS else 0.0


def normal_values(bins):
    """Return the ``bins + 1`` edges of bins: evenly spaced quantiles of a standard normal distribution."""
    # The middles of bins + 1 equal shares, since the outermost quantiles themselves are infinite.
    return [NormalDist().inv_cdf((i + 0.5) / (bins + 1)) for i in range(bins + 1)]


def column_ranges(sample):
    """Return the lowest and the highest value of each column, or 0 for a column without a value."""
    # `fmin` and `fmax` pass over NaN without the warning that `nanmin` has for a column of NaN alone.
    return [np.nan_to_num(extreme.reduce(sample, axis=0)) for extreme in (np.fmin, np.fmax)]


def bin_edges(values, bins):
    """Return increasing edges of at most `bins` bins of one column.

    If a column has few different values, each is an edge. Else the edges are quantiles, except
    that each value of more than 1 / bins of the rows is an edge by itself.

    Parameters
    ----------
    values : array-like of shape (n_rows,)
        Numbers, NaN where missing.
    bins : int
        Most bins.

    Returns
    -------
    ndarray of shape (n_edges,), float64
        From 2 to ``bins + 1`` edges. Each is larger than the one before.
    """
    values = np.asarray(values, dtype="float64")
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    if len(distinct) > bins + 1:
        # A value that more than 1 / bins of the rows have would be several quantiles at once, and edges that coincide
        # make no bins. So it is an edge by itself, and the quantiles are those of the other rows. Together they are
        # bins + 1 edges, or fewer where a quantile falls on another edge.
        heavy = counts > counts.sum() / bins
        n_others = max(bins - int(heavy.sum()), 1)
        others = np.repeat(distinct[~heavy], counts[~heavy])
        distinct = np.union1d(distinct[heavy], np.quantile(others, np.linspace(0, 1, n_others + 1)))
    if len(distinct) < 2 or np.ptp(distinct) < NARROWEST:
        # A constant column gets one bin of width 1, since the layer divides by the width.
        middle = distinct[0] if len(distinct) else 0.0
        return np.array([middle - 0.5, middle + 0.5])
    # Between two edges that float32 can hardly tell apart, a bin would be infinitely steep, so only the lower edge is
    # kept. What float32 can tell apart depends on the size of the edges. The range of the column would be a wrong
    # measure: with a few outliers, all other values would share one bin. The range is only an upper limit of the
    # measure, so that a column far from zero keeps its bins.
    size = np.minimum(np.maximum(np.abs(distinct[1:]), np.abs(distinct[:-1])), np.ptp(distinct))
    return distinct[np.insert(np.diff(distinct) > np.maximum(1e-6 * size, NARROWEST), 0, True)]


class NumberScaler(InputEncoder):
    """Standardise columns of numbers, keeping missing values as NaN.

    Subtracts the training mean and divides by the training standard deviation, as
    scikit-learn's ``StandardScaler`` does. The network learns what a missing number
    means, so none has to be imputed.

    Parameters
    ----------
    add_indicator : bool or "auto"
        Add a column of 0 and 1 for each column that had missing values in training,
        1 where the value is missing (as in ``SimpleImputer``). With "auto", which the router
        chooses for numbers that nobody assigned, only for columns with more than 5 % or more
        than 50 missing values: from fewer, no more is learned than noise.
    on_odd : {"raise", "missing"}
        Whether a cell that is no number is an error, or counts as missing with an
        `OddCellsWarning`. With "missing", numbers that are written as text are read, such as
        ``"$1,234"``, ``"12 %"`` or ``"1,5"`` if the column has decimal commas.
    dtype : {"float32", "float64"}
        Precision of the array. `InputRouter` sets it to its own.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_columns,), float64
        Mean and standard deviation of the values that are not missing. A constant
        or empty column has scale 1.
    indicator_columns_ : ndarray of int
        Positions of the columns that have an indicator.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, if all are strings.

    See Also
    --------
    PiecewiseBranch : Reads the array.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmulti import NumberScaler
    >>> frame = pd.DataFrame({"age": [20.0, 40.0, None], "income": [1, 2, 3]})
    >>> NumberScaler().fit_transform(frame)
    array([[-1.       , -1.2247449,  0.       ],
           [ 1.       ,  0.       ,  0.       ],
           [       nan,  1.2247449,  1.       ]], dtype=float32)

    Text is refused with the place of the first cell:

    >>> NumberScaler().fit(pd.DataFrame({"age": ["young", "old"]}))
    Traceback (most recent call last):
      ...
    skmulti.errors.InputMismatchError: column 'age': 2 of 2 cells are not numbers, first at row label 0: \
'young' (type str). A text is no number here, even '12'. pd.to_numeric(column, errors='coerce') makes numbers, \
and NaN of words; NumberScaler(on_odd="missing") reads '1,234' and '$5', too. For words use CategoryIndexer.
    """

    default_branch = PiecewiseBranch
    shared_input = "numbers"
    in_pieces = True
    _parameter_constraints = {
        "add_indicator": ["boolean", StrOptions({"auto"})],
        "on_odd": ON_ODD,
        "dtype": [StrOptions({"float32", "float64"})],
    }

    def __init__(self, *, add_indicator=True, on_odd="raise", dtype="float32"):
        self.add_indicator = add_indicator
        self.on_odd = on_odd
        self.dtype = dtype

    @classmethod
    def make_inferred(cls):
        """Read numbers in text, and flag what is missing in more than a few rows; see `InputEncoder.make_inferred`."""
        return cls(add_indicator="auto", on_odd="missing")

    @classmethod
    def suits(cls, column):
        """Take columns of numbers and durations, also if they are written as text; see `InputEncoder.suits`."""
        if pd.api.types.is_bool_dtype(column.dtype):
            return None
        if is_duration(column.dtype):
            return "durations"
        if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
            return "numbers"
        if not holds_objects(column):
            return None
        cells = probe(column).tolist()
        style = find_number_style(cells)
        # Truth values are no numbers, unless they are odd ones among them.
        if style is None or share_of(cells, lambda cell: is_bool_type(type(cell))) > 1 - MOST_SHARE:
            return None
        return str(style) if any(isinstance(cell, str) for cell in cells) else "numbers in cells"

    def fit(self, columns, y=None, sample_weight=None):
        """Learn mean and standard deviation of each column.

        Parameters
        ----------
        columns : DataFrame or array-like of shape (n_rows, n_columns), or Series
            Numbers, booleans or durations (read in seconds). Missing values are left out.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,) or None
            Weight of each row; rows of weight 0 are left out.

        Returns
        -------
        NumberScaler
            The fitted encoder.

        Raises
        ------
        InputMismatchError
            If a cell is no number, or is infinite.
        """
        self._validate_params()
        self._learn(check_frame(self, columns, reset=True), sample_weight)
        return self

    def partial_fit(self, columns, y=None, sample_weight=None):
        """Learn mean and standard deviation from the next rows of a table that is read in parts.

        Parameters
        ----------
        columns : DataFrame or array-like of shape (n_rows, n_columns), or Series
            The next rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,) or None
            Weight of each row.

        Returns
        -------
        NumberScaler
            The encoder, fitted on all rows so far as by `fit`, except for rounding.
        """
        self._validate_params()
        before = getattr(self, "_partial", None)
        # `_set_moments` makes `mean_` the very array of the moments. If `mean_` is another array, a `fit` has come in
        # between and begun anew.
        before = before if before is not None and before.mean is self.mean_ else None
        frame = check_frame(self, columns, reset=before is None)
        styles, known = getattr(self, "_begun", (None, None))
        if before is None:
            self._styles = styles or number_styles(frame)
        weight = None if sample_weight is None else check_weights(sample_weight, frame)
        moments, bounds = robust_moments(frame, number_columns(frame, self, self._styles), weight, known)
        self._bounds = bounds if before is None else self._bounds + bounds
        self._partial = moments if before is None else before + moments
        self._set_moments(self._partial)
        return self

    def begin_parts(self, sample):
        """Decide how columns write numbers, and which numbers are out of proportion; see `InputEncoder.begin_parts`."""
        self._validate_params()
        frame = as_frame(sample)
        styles = number_styles(frame)
        self._begun = styles, robust_moments(frame, number_columns(frame, self, styles))[1]
        return self

    def merge(self, other):
        """Join the moments of two sets of parts; see `InputEncoder.merge`."""
        check_merge(self, other, decided=["_styles"])
        merged = copy.copy(self)
        merged._bounds = self._bounds + other._bounds
        merged._partial = self._partial + other._partial
        merged._set_moments(merged._partial)
        return merged

    def fit_encode_and_flag(self, columns, y=None, sample_weight=None):
        """Learn from training rows and encode them; see `InputEncoder.fit_encode_and_flag`."""
        self._validate_params()
        frame = check_frame(self, columns, reset=True)
        # Cells that are no NumPy numbers, such as Decimal, are converted once for both.
        return self._scale(frame, self._learn(frame, sample_weight)), self.missing(columns)

    def _learn(self, frame, sample_weight):
        """Learn mean and deviation of each column, and return the columns' numbers."""
        weight = None if sample_weight is None else check_weights(sample_weight, frame)
        self._styles = number_styles(frame)
        numbers = number_columns(frame, self, self._styles)
        moments, self._bounds = robust_moments(frame, numbers, weight)
        self._set_moments(moments)
        return numbers

    def _set_moments(self, moments):
        """Set the fitted attributes from the moments of the training rows."""
        self.mean_ = moments.mean
        variance = moments.square / np.where(moments.total, moments.total, 1)
        # A spread within the rounding of the mean (0.1 + 0.2 compared with 0.3) counts as none: a division by it would
        # make numbers of noise.
        with np.errstate(over="ignore"):
            constant = variance <= (10 * np.finfo(float).eps * np.abs(self.mean_)) ** 2
        self.scale_ = np.sqrt(np.where(constant, 1, variance))
        few = min((1 - MOST_SHARE) * moments.n_rows, FEW_MISSING) if self.add_indicator == "auto" else 0
        has_indicator = (moments.n_missing > few) & bool(self.add_indicator)
        self.indicator_columns_ = np.flatnonzero(has_indicator)

    def transform(self, columns):
        """Standardise columns.

        Parameters
        ----------
        columns : DataFrame or array-like of shape (n_rows, n_columns), or Series
            The columns of `fit`.

        Returns
        -------
        ndarray of shape (n_rows, n_columns + n_indicators), float
            Numbers of standard deviations from the training mean, NaN where missing. Then
            the indicators, 0 or 1.
        """
        check_is_fitted(self)
        frame = check_frame(self, columns, reset=False)
        return self._scale(frame, number_columns(frame, self, self._styles))

    def transform_cells(self, cells, empty):
        """Standardise a few rows; see `InputEncoder.transform_cells`."""
        # What is left to `transform`: numbers of other classes, which only it reads, and all that is to be refused.
        if not are_of({float, int, bool}, cells[~empty]):
            return None
        try:
            numbers = np.where(empty, np.nan, cells).astype("float64")
        except OverflowError:
            return None
        if np.isinf(numbers).any():
            return None
        # `cells` takes the place of the frame. No cell is left to refuse by name, so only the shape is read.
        return self._scale(cells, numbers.T)

    def measure(self, columns, encode=None, *, training=False):
        """Measure numbers, and which are outside of the training range; see `InputEncoder.measure`."""
        frame = check_frame(self, columns, reset=False)
        bounds, measures = self._bounds, []
        for i, numbers in enumerate(number_columns(frame, self, self._styles)):
            amounts = np.array(numbers, dtype="float64")
            # Noted as odd, and no amounts: a filler says nothing of the numbers.
            amounts[bounds.note_fillers(i, amounts, frame.iloc[:, i])] = np.nan
            outside = mark_outside(amounts, bounds.low[i], bounds.high[i], training=training)
            measures.append({"value": amounts, "outside": outside})
        return measures

    def _scale(self, frame, numbers):
        """Return the array of a frame, or of an array of cells, from the numbers of its columns."""
        n_rows, n_columns = frame.shape
        array = np.empty((n_rows, n_columns + len(self.indicator_columns_)), dtype=self.dtype)
        for rows, block in number_blocks(frame, numbers):
            # In float64 and within the block; the last line rounds to the dtype of the array.
            self._bounds.clip(block, frame, rows)
            array[rows, n_columns:] = np.isnan(block[self.indicator_columns_]).T
            block -= self.mean_[:, None]
            block /= self.scale_[:, None]
            np.clip(block, -LARGEST, LARGEST, out=block)
            array[rows, :n_columns] = block.T
        return array

    def select(self, positions):
        """Return a fitted scaler of some of the columns, without indicators.

        Parameters
        ----------
        positions : sequence of int
            Positions of the columns, in the order that the new scaler has.

        Returns
        -------
        NumberScaler
            The fitted scaler.
        """
        check_is_fitted(self)
        scaler = NumberScaler(add_indicator=False, on_odd=self.on_odd, dtype=self.dtype)
        scaler.mean_, scaler.scale_ = self.mean_[positions], self.scale_[positions]
        scaler._styles = [self._styles[position] for position in positions]
        scaler._bounds = self._bounds.select(positions)
        scaler.indicator_columns_, scaler.n_features_in_ = np.array([], int), len(positions)
        return scaler

    def graph(self):
        """Standardise columns in a graph; see `InputEncoder.graph`."""
        check_is_fitted(self)
        scale = Scale(self.mean_, self.scale_, self._bounds, LARGEST)
        # Who is strict reads no texts.
        styles = [None] * self.n_features_in_ if is_strict(self) else self._styles
        return NumberGraph(column_names(self, self.n_features_in_), styles, scale, self.indicator_columns_, self.dtype)

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        check_is_fitted(self)
        width = self.n_features_in_ + len(self.indicator_columns_)
        return ArraySpec(name, "vector", (width,), self.dtype, n_indicators=len(self.indicator_columns_))

    def slots(self, spec):
        """Return from which column each number and each indicator is made; see `InputEncoder.slots`."""
        return np.array([*range(self.n_features_in_), *self.indicator_columns_], dtype=int)

    def neutral(self, spec):
        """Return zeros: the mean of each column, with nothing missing; see `InputEncoder.neutral`."""
        return np.zeros(spec.shape, dtype=spec.dtype)

    def get_feature_names_out(self, input_features=None):
        """Name the columns of the array.

        Parameters
        ----------
        input_features : array-like of str or None
            Names of the columns, which must be those of fit. None stands for the names of fit,
            or for ``x0, x1, ...`` if the columns had none.

        Returns
        -------
        ndarray of str
            The columns' names, then ``missing_<name>`` for each indicator.
        """
        check_is_fitted(self)
        names = check_feature_names(self, input_features)
        return np.array([*names, *(f"missing_{names[i]}" for i in self.indicator_columns_)], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
