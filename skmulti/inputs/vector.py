"""Numbers, and whatever a scikit-learn transformer gives: arrays of plain features."""

import decimal

import keras
import numpy as np
import pandas as pd
import scipy.sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from .._validation import RATE, Integral, Real, StrOptions, checked_weights
from ..errors import InputMismatchError
from ..spec import ArraySpec
from .base import Branch, InputEncoder, checked_frame, missing_rows, refuse_cells

# A sparse one-hot matrix of a million rows and ten thousand words would take 37 GiB.
DENSE_LIMIT_BYTES = 2 * 2**30


class DenseBranch(Branch):
    """Read a vector with fully connected layers.

    The branch for numbers, one-hot columns and ready-made vectors. It learns any
    smooth relation; without layers (``units=()``) the vector goes to the merge as
    it is.

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
        Normalise the input first. Use it for vectors that no encoder scaled.

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


def check_units(units):
    """Refuse widths of dense layers that are no positive integers."""
    if not all(isinstance(width, Integral) and width > 0 for width in units):
        raise ValueError(f"units must hold positive integers, the widths of dense layers, got {units!r}.")


def dense_stack(tensor, units, *, activation="relu", dropout=0.0, prefix=None):
    """Connect dense layers of the given widths, each followed by dropout."""
    check_units(units)
    for i, width in enumerate(units):
        # Keras' own names ("dense") would collide with an input of that name in the same model.
        names = (f"{prefix}dense_{i}", f"{prefix}dropout_{i}") if prefix else (None, None)
        tensor = keras.layers.Dense(int(width), activation=activation, name=names[0])(tensor)
        if dropout:
            tensor = keras.layers.Dropout(dropout, name=names[1])(tensor)
    return tensor


class NumberScaler(InputEncoder):
    """Standardise columns of numbers, keeping missing values as NaN.

    Subtracts the training mean and divides by the training standard deviation, as
    scikit-learn's ``StandardScaler``; the network then learns what a missing number
    means, so none has to be imputed.

    Parameters
    ----------
    add_indicator : bool
        Add a column of 0 and 1 for each column that had missing values in training,
        1 where the value is missing (as in ``SimpleImputer``).
    dtype : {"float32", "float64"}
        Precision of the array. `InputRouter` sets it to its own.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_columns,), float64
        Mean and standard deviation of the values that are not missing; a constant
        or empty column has scale 1.
    indicator_columns_ : ndarray of int
        Positions of the columns that have an indicator.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, if all are strings.

    See Also
    --------
    DenseBranch : Reads the array.

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
'young' (type str). Convert the column with pd.to_numeric, or give it an encoder for its values, e.g. CategoryIndexer.
    """

    default_branch = DenseBranch
    shared_input = "numbers"
    _parameter_constraints = {
        "add_indicator": ["boolean"],
        "dtype": [StrOptions({"float32", "float64"})],
    }

    def __init__(self, *, add_indicator=True, dtype="float32"):
        self.add_indicator = add_indicator
        self.dtype = dtype

    @classmethod
    def suits(cls, column):
        """Take columns of numbers and durations; see `InputEncoder.suits`."""
        if pd.api.types.is_bool_dtype(column.dtype):
            return None
        if _is_duration(column.dtype):
            return "durations"
        if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
            return "numbers"
        if column.dtype == object and len(cells := column.dropna()):
            kinds = {type(cell) for cell in cells.iloc[:1000]}
            if all(_is_number_type(kind) for kind in kinds):
                return "numbers in cells"
        return None

    def fit(self, columns, y=None, sample_weight=None):
        """Learn mean and standard deviation of each column.

        Parameters
        ----------
        columns : DataFrame or array-like of shape (n_rows, n_columns), or Series
            Numbers, booleans or durations (taken in seconds); missing values are left out.
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
            If a cell is no number, or infinite.
        """
        self._validate_params()
        values = as_numbers(checked_frame(self, columns, reset=True))
        weight = np.ones(len(values)) if sample_weight is None else checked_weights(sample_weight, values)
        values, weight = values[weight > 0], weight[weight > 0]
        known = ~np.isnan(values)
        weight = known * weight[:, None]
        total = weight.sum(axis=0)
        total[total == 0] = 1
        values = np.where(known, values, 0)
        # Shifting by the first known value keeps the sums exact for columns such as years or timestamps.
        shift = values[known.argmax(axis=0), np.arange(values.shape[1])]
        self.mean_ = (weight * (values - shift)).sum(axis=0) / total + shift
        variance = (weight * (values - self.mean_) ** 2).sum(axis=0) / total
        constant = variance <= (10 * np.finfo(float).eps * np.abs(self.mean_)) ** 2
        self.scale_ = np.sqrt(np.where(constant, 1, variance))
        self.indicator_columns_ = np.flatnonzero(~known.all(axis=0)) if self.add_indicator else np.array([], int)
        return self

    def transform(self, columns):
        """Standardise columns.

        Parameters
        ----------
        columns : DataFrame or array-like of shape (n_rows, n_columns), or Series
            The columns of `fit`.

        Returns
        -------
        ndarray of shape (n_rows, n_columns + n_indicators), float
            Standard deviations from the training mean, NaN where missing; then the
            indicators, 0 or 1.
        """
        check_is_fitted(self)
        values = as_numbers(checked_frame(self, columns, reset=False))
        scaled = (values - self.mean_) / self.scale_
        missing = np.isnan(values[:, self.indicator_columns_])
        return np.hstack([scaled, missing]).astype(self.dtype)

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        width = self.n_features_in_ + len(self.indicator_columns_)
        return ArraySpec(name, "vector", (width,), self.dtype, n_indicators=len(self.indicator_columns_))

    def get_feature_names_out(self, input_features=None):
        """Name the columns of the array.

        Parameters
        ----------
        input_features : array-like of str or None
            Names of the columns; None gives those seen at fit.

        Returns
        -------
        ndarray of str
            The columns' names, then ``missing_<name>`` for each indicator.
        """
        names = input_names(self, input_features)
        return np.array([*names, *(f"missing_{names[i]}" for i in self.indicator_columns_)], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _is_duration(dtype):
    return pd.api.types.is_timedelta64_dtype(dtype) or str(dtype).startswith("duration")


def _is_number_type(kind):
    return issubclass(kind, Real | decimal.Decimal | np.number) and not issubclass(kind, bool | np.bool_)


def input_names(encoder, input_features=None):
    """Give the names of an encoder's columns: given, seen at fit, or ``x0, x1, ...``."""
    if input_features is not None:
        return list(input_features)
    names = getattr(encoder, "feature_names_in_", None)
    return [f"x{i}" for i in range(encoder.n_features_in_)] if names is None else list(names)


def as_numbers(frame):
    """Give a frame's cells as float64, NaN where missing, or refuse those that are no numbers."""
    values = np.empty(frame.shape, dtype="float64")
    for position in range(frame.shape[1]):
        values[:, position] = _column_as_numbers(frame.iloc[:, position])
    infinite = np.isinf(values)
    for position in np.flatnonzero(infinite.any(axis=0)):
        refuse_cells(
            frame.iloc[:, position],
            infinite[:, position],
            "finite (they are infinity)",
            "Replace them, e.g. by NaN for 'not known'.",
        )
    return values


def _column_as_numbers(column):
    if pd.api.types.is_complex_dtype(column.dtype):
        raise InputMismatchError(f"column {column.name!r}: Complex data not supported, got {column.dtype}.")
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype="float64", na_value=np.nan)
    if _is_duration(column.dtype):
        return column.dt.total_seconds().to_numpy(dtype="float64", na_value=np.nan)
    cells = column.astype(object)
    wrong = np.array([not (_is_number_type(type(cell)) or isinstance(cell, bool | np.bool_)) for cell in cells], bool)
    refuse_cells(
        cells,
        wrong & cells.notna().to_numpy(),
        "numbers",
        "Convert the column with pd.to_numeric, or give it an encoder for its values, e.g. CategoryIndexer.",
    )
    return np.array([np.nan if empty else _as_float(cell) for cell, empty in zip(cells, cells.isna(), strict=True)])


def _as_float(number):
    """Give a number as a float, infinity where it is too large for one."""
    try:
        return float(number)
    except OverflowError:
        return np.inf if number > 0 else -np.inf


def default_output():
    """Keep a global set_config(transform_output="pandas") from what the network reads."""
    return config_context(transform_output="default")


class TransformerEncoder(InputEncoder):
    """A scikit-learn transformer as an encoder: its output is a vector.

    `InputRouter` wraps every transformer without a `default_branch` in it.

    Parameters
    ----------
    transformer : transformer or "passthrough"
        Any scikit-learn transformer or Pipeline; "passthrough" takes numbers as they are.
    dtype : {"float32", "float64"}
        Precision of the array.

    Attributes
    ----------
    transformer_ : transformer
        The fitted clone.
    """

    default_branch = DenseBranch
    _parameter_constraints = {}

    def __init__(self, transformer, *, dtype="float32"):
        self.transformer = transformer
        self.dtype = dtype

    def fit(self, columns, y=None, **fit_params):
        """Fit a clone of the transformer."""
        with default_output():
            self.transformer_ = self._unfitted().fit(columns, y, **self._accepted(fit_params))
        self._n_values = self.transform(columns.iloc[:1]).shape[1]
        return self

    def fit_encode(self, columns, y=None, **fit_params):
        """Fit and transform at once: some transformers (TargetEncoder) then cross-fit."""
        if not hasattr(self.transformer, "fit_transform") and self.transformer != "passthrough":
            return self.fit(columns, y, **fit_params).encode(columns)
        self.transformer_ = self._unfitted()
        with default_output():
            output = self.transformer_.fit_transform(columns, y, **self._accepted(fit_params))
        array = self._dense(output)
        self._n_values = array.shape[1]
        return array, missing_rows(columns)

    def transform(self, columns):
        """Transform columns and make the result a dense array of floats."""
        check_is_fitted(self)
        if not len(columns):
            # scikit-learn's transformers refuse a table without rows.
            return np.empty((0, self._n_values), dtype=self.dtype)
        with default_output():
            output = self.transformer_.transform(columns)
        return self._dense(output)

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        return ArraySpec(name, "vector", (self._n_values,), self.dtype)

    def get_feature_names_out(self, input_features=None):
        """Name the columns of the array as the transformer does."""
        return self.transformer_.get_feature_names_out()

    def _unfitted(self):
        return FunctionTransformer() if self.transformer == "passthrough" else clone(self.transformer)

    def _accepted(self, fit_params):
        given = self.transformer
        return {name: value for name, value in fit_params.items() if has_fit_parameter(given, name)}

    def _dense(self, output):
        name = type(self.transformer_).__name__
        if scipy.sparse.issparse(output):
            size = output.shape[0] * output.shape[1] * np.dtype(self.dtype).itemsize
            if size > DENSE_LIMIT_BYTES:
                raise InputMismatchError(
                    f"{name} gives a sparse matrix of shape {output.shape}, which as a dense {self.dtype} array takes "
                    f"{size / 2**30:.1f} GiB; the limit is {DENSE_LIMIT_BYTES / 2**30:.0f} GiB. Give fewer columns "
                    "(max_categories, min_frequency, TruncatedSVD), or use CategoryIndexer or TextVectorizer."
                )
            output = output.toarray()
        try:
            array = np.asarray(output, dtype=self.dtype)
        except (ValueError, TypeError) as error:
            raise InputMismatchError(
                f"{name} gives values that are no numbers ({error}). Use a transformer that gives numbers, or "
                "CategoryIndexer for categories and TextVectorizer for text."
            ) from error
        if array.ndim == 1:
            array = array[:, None]
        if array.ndim != 2:
            raise InputMismatchError(f"{name} gives an array of shape {array.shape}; expected (n_rows, n_columns).")
        return array
