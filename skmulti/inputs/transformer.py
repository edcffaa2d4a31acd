"""Any scikit-learn transformer as an encoder: whatever it returns becomes a dense array of floats, kind "vector"."""

import copy
import operator

import numpy as np
import pandas as pd
import scipy.sparse
from sklearn import config_context
from sklearn.base import TransformerMixin, clone
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from ..errors import InputMismatchError
from ..spec import ArraySpec
from ._merges import can_merge, merge_transformers
from ._slots import transformer_slots
from .base import InputEncoder, cannot_learn_in_parts, cannot_merge, missing_rows
from .graphs import column_names, transformer_graph
from .vector import DenseBranch

# A sparse matrix above this size is refused, since the network needs a dense one. The one-hot columns of a million rows
# and ten thousand words would take 37 GiB and end the process before an error could say why.
DENSE_LIMIT_BYTES = 2 * 2**30


def default_output():
    """Return a context in which transformers return arrays, whatever ``set_config(transform_output=...)`` says."""
    return config_context(transform_output="default")


def with_nan(columns):
    """Return columns as NumPy has them: NaN is the one missing value.

    scikit-learn's encoders refuse ``pd.NA``, and take None and NaN for two categories.

    Parameters
    ----------
    columns : Series, DataFrame or array
        Cells. Columns of NumPy's dtypes without None are handed on as they are.

    Returns
    -------
    Series, DataFrame or array
        Nullable numbers with a gap are float64; other cells with one are objects.
    """
    if isinstance(columns, pd.Series):
        return _with_nan(columns)
    if not isinstance(columns, pd.DataFrame):
        return columns
    parts = [columns.iloc[:, i] for i in range(columns.shape[1])]
    changed = [_with_nan(part) for part in parts]
    if all(map(operator.is_, parts, changed)):
        return columns
    # By position, as two columns may have one name.
    return pd.concat(changed, axis=1).set_axis(columns.columns, axis=1)


def _with_nan(column):
    """Return a Series with NaN in the place of ``pd.NA`` and None."""
    empty = column.isna().to_numpy()
    dtype = column.dtype.categories.dtype if isinstance(column.dtype, pd.CategoricalDtype) else column.dtype
    if pd.api.types.is_object_dtype(column.dtype):
        # NaT stays: it is a missing date.
        empty = np.array([cell is None or cell is pd.NA for cell in column], dtype=bool)
    elif getattr(dtype, "na_value", None) is not pd.NA:
        return column
    elif pd.api.types.is_numeric_dtype(column.dtype) and not (empty.any() and pd.api.types.is_bool_dtype(column.dtype)):
        values = column.to_numpy("float64", na_value=np.nan) if empty.any() else column.to_numpy()
        return pd.Series(values, index=column.index, name=column.name)
    return column.astype(object).mask(empty, np.nan) if empty.any() else column


def _distinct_texts(columns):
    """Return the place of each row's text among the distinct ones, and these; two None where no text is repeated."""
    if not isinstance(columns, pd.Series) or not pd.api.types.is_string_dtype(columns.dropna()):
        return None, None
    places, distinct = pd.factorize(columns, use_na_sentinel=False)
    if len(distinct) == len(columns):
        return None, None
    return places, pd.Series(distinct, name=columns.name).astype(columns.dtype)


class TransformerEncoder(InputEncoder):
    """Use a scikit-learn transformer as an encoder: its output is a vector.

    `InputRouter` wraps every transformer without a `default_branch` in it. Of a column of texts, each text is
    transformed once, however many rows have it: a network that embeds texts takes a while for each.

    Parameters
    ----------
    transformer : transformer or "passthrough"
        Any scikit-learn transformer or Pipeline. "passthrough" leaves numbers as they are.
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
        columns = with_nan(columns)
        with default_output():
            self.transformer_ = self._make_transformer().fit(columns, y, **self._select_fit_params(fit_params))
        # Transformers have no common attribute for the width of their output; one row shows it.
        self._n_values = self.transform(columns.iloc[:1]).shape[1]
        return self

    def partial_fit(self, columns, y=None, **fit_params):
        """Learn from the next rows, if the transformer has ``partial_fit`` or learns nothing."""
        columns = with_nan(columns)
        before = getattr(self, "transformer_", None)
        # By itself and then merged, where that can be: after a part without a number, scikit-learn's own way leaves
        # MinMaxScaler and MaxAbsScaler with NaN.
        merges = before is not None and can_merge(before)
        transformer = self._make_transformer() if before is None or merges else before
        with default_output():
            if hasattr(transformer, "partial_fit"):
                transformer.partial_fit(columns, y, **self._select_fit_params(fit_params))
            elif get_tags(transformer).requires_fit:
                raise InputMismatchError(cannot_learn_in_parts(transformer))
            else:
                # It learns nothing from the rows, but may want to see their columns before it transforms.
                transformer.fit(columns.iloc[:1], None if y is None else y[:1])
        self.transformer_ = merge_transformers(before, transformer) if merges else transformer
        self._n_values = self.transform(columns.iloc[:1]).shape[1]
        return self

    @property
    def merges_parts(self):
        """Whether it learns nothing, or has statistics that can be joined; see `InputEncoder.merges_parts`."""
        return can_merge(self._make_transformer())

    def merge(self, other):
        """Join the statistics of two fitted transformers, if they are known; see `InputEncoder.merge`."""
        if not self.merges_parts:
            raise InputMismatchError(cannot_merge(self._make_transformer()))
        merged = copy.copy(self)
        merged.transformer_ = merge_transformers(self.transformer_, other.transformer_)
        return merged

    def fit_encode_and_flag(self, columns, y=None, **fit_params):
        """Fit the transformer and transform the same rows with its ``fit_transform``, if it has one."""
        # As scikit-learn's pipelines do: for some transformers `fit_transform` is more than `fit`, then `transform`.
        # TargetEncoder cross-fits, so that no training row is encoded with its own target.
        self.transformer_ = self._make_transformer()
        own = getattr(type(self.transformer_), "fit_transform", TransformerMixin.fit_transform)
        method = "fit" if own is TransformerMixin.fit_transform else "fit_transform"
        with default_output():
            output = getattr(self.transformer_, method)(with_nan(columns), y, **self._select_fit_params(fit_params))
        array = self.transform(columns) if method == "fit" else self._as_dense_floats(output)
        self._n_values = array.shape[1]
        return array, missing_rows(columns)

    def transform(self, columns):
        """Transform columns, and return the result as a dense array of floats."""
        check_is_fitted(self)
        if not len(columns):
            # scikit-learn's transformers refuse a table without rows.
            return np.empty((0, self._n_values), dtype=self.dtype)
        columns = with_nan(columns)
        places, distinct = _distinct_texts(columns)
        with default_output():
            output = self.transformer_.transform(columns if distinct is None else distinct)
        array = self._as_dense_floats(output)
        return array if distinct is None else array[places]

    def graph(self):
        """Transform columns in a graph, if the transformer has one; see `InputEncoder.graph`."""
        check_is_fitted(self)
        own = self.transformer_
        return transformer_graph(own, column_names(own, own.n_features_in_), self.dtype)

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        check_is_fitted(self)
        return ArraySpec(name, "vector", (self._n_values,), self.dtype)

    def get_feature_names_out(self, input_features=None):
        """Name the columns of the array as the transformer does."""
        check_is_fitted(self)
        return self.transformer_.get_feature_names_out()

    def slots(self, spec):
        """Return from which column each number is made, if the transformer is known; see `InputEncoder.slots`."""
        check_is_fitted(self)
        known = transformer_slots(self.transformer_, self._n_values)
        return super().slots(spec) if known is None else known

    def _make_transformer(self):
        """Return the transformer to fit: a clone, so that the user's own stays unfitted."""
        return FunctionTransformer() if self.transformer == "passthrough" else clone(self.transformer)

    def _select_fit_params(self, fit_params):
        """Return those parameters that the transformer's ``fit`` takes."""
        given = self.transformer
        return {name: value for name, value in fit_params.items() if has_fit_parameter(given, name)}

    def _as_dense_floats(self, output):
        """Return what a transformer returned as a 2-D array of floats, or refuse it."""
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
        # A FunctionTransformer may return one number for each row.
        if array.ndim == 1:
            array = array[:, None]
        if array.ndim != 2:
            raise InputMismatchError(f"{name} gives an array of shape {array.shape}; expected (n_rows, n_columns).")
        return array
