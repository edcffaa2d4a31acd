"""Graphs of scikit-learn's common transformers, and of pipelines of them.

Scalers are a formula. Encoders of categories are tables: the fitted transformer itself is asked what it makes of each
known value, of an unknown one and of a missing one, so that all of its parameters hold.
"""

import warnings

import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

from ...errors import ExportError
from .categories import float_keys, key_of
from .contract import ColumnTensor, EncoderGraph, refuse_if

# Numbers in the tables of one encoder.
_MOST_NUMBERS = 20_000_000
# A text that is no category.
_UNKNOWN = "\ufffe unknown"


def transformer_graph(transformer, names, dtype):
    """Return the graph of a fitted scikit-learn transformer.

    Parameters
    ----------
    transformer : transformer
        Fitted.
    names : list
        Names of its columns.
    dtype : str
        Of the array.

    Raises
    ------
    ExportError
        If the transformer, or a step of a pipeline, has no graph.
    """
    steps = [step for _, step in transformer.steps] if isinstance(transformer, Pipeline) else [transformer]
    steps = [step for step in steps if step is not None and step != "passthrough"]
    for step in steps:
        _check(step)
    return TransformerGraph(steps, names, dtype)


def _check(step):
    """Refuse a transformer that has no graph."""
    if type(step) not in _GRAPHS or (isinstance(step, FunctionTransformer) and step.func is not None):
        known = ", ".join(kind.__name__ for kind in _GRAPHS if kind is not FunctionTransformer)
        raise ExportError(
            f"{type(step).__name__} is none of the transformers of scikit-learn that have a graph: {known}, and "
            "Pipelines of them"
        )
    if isinstance(step, SimpleImputer) and not _is_nan(step.missing_values):
        raise ExportError(f"SimpleImputer(missing_values={step.missing_values!r}): only NaN is a missing value here")


class TransformerGraph(EncoderGraph):
    """The steps of a pipeline, one after the other.

    Parameters
    ----------
    steps : list of transformer
        Fitted.
    names : list
        Names of the columns.
    dtype : str
        Of the array.
    """

    def __init__(self, steps, names, dtype):
        of_text = next((texts for step in steps if (texts := _columns_of_text(step)) is not None), [False] * len(names))
        number, text = ColumnTensor("float64", "a number"), ColumnTensor("string", "a value")
        super().__init__([text if is_text else number for is_text in of_text])
        self._steps = [_GRAPHS[type(step)](self, step, names) for step in steps]
        self._dtype = dtype

    def encode(self, *columns):
        """Apply the steps; see `EncoderGraph.encode`."""
        columns = list(columns)
        for step in self._steps:
            columns = step(columns)
        return tf.cast(tf.stack(columns, axis=1), self._dtype)


def _columns_of_text(step):
    """Return which columns of a step hold texts, or None if the step does not tell."""
    if isinstance(step, OneHotEncoder | OrdinalEncoder):
        return [values.dtype.kind in "OSU" and any(isinstance(v, str) for v in values) for values in step.categories_]
    if isinstance(step, SimpleImputer):
        return [isinstance(value, str) for value in step.statistics_]
    return [False] * step.n_features_in_ if isinstance(step, _SCALERS) else None


_SCALERS = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler)


class _Scaling:
    """``number * factor + offset`` of each column, within limits."""

    def __init__(self, graph, step, names):
        self._names = names
        self._factor, self._offset = _linear(step)
        self._limits = getattr(step, "feature_range", (-1, 1)) if getattr(step, "clip", False) else None

    def __call__(self, columns):
        numbers = tf.stack(columns, axis=1)
        refuse_if(tf.math.is_inf(numbers), self._names[0], "numbers must be finite", numbers)
        scaled = (numbers - self._offset[0]) * self._factor + self._offset[1]
        if self._limits is not None:
            scaled = tf.clip_by_value(scaled, *self._limits)
        return tf.unstack(scaled, num=len(columns), axis=1)


def _linear(step):
    """Return the factor of a scaler's columns, and what it subtracts before and adds behind."""
    zeros = np.zeros(step.n_features_in_)
    if isinstance(step, MinMaxScaler):
        return step.scale_, (zeros, step.min_)
    center = {StandardScaler: "mean_", RobustScaler: "center_"}.get(type(step))
    center = getattr(step, center) if center and getattr(step, center, None) is not None else zeros
    keeps_center = not getattr(step, "with_mean", getattr(step, "with_centering", True))
    scale = zeros + 1 if getattr(step, "scale_", None) is None else step.scale_
    return 1 / scale, (zeros if keeps_center else center, zeros)


class _Imputation:
    """Fill missing cells of each column with its statistic; drop columns without one."""

    def __init__(self, graph, step, names):
        self._fills = step.statistics_
        self._indicators = step.indicator_.features_ if step.add_indicator else []
        self._keeps = [step.keep_empty_features or not _is_nan(fill) for fill in self._fills]

    def __call__(self, columns):
        filled = []
        flags = [tf.cast(_missing(columns[i]), tf.float64) for i in self._indicators]
        for cells, fill, keeps in zip(columns, self._fills, self._keeps, strict=True):
            if keeps:
                fill = tf.constant(0.0 if _is_nan(fill) else fill, cells.dtype)
                filled.append(tf.where(_missing(cells), fill, cells))
        return [*filled, *flags]


class _Categories:
    """Add, for each column, a row of the table of its values to the result for the first value of all columns.

    What an encoder makes of a column does not depend on other columns, so that its result is the sum.
    """

    def __init__(self, graph, step, names):
        self._step, self._names = step, names
        first = [_probe(values) for values in step.categories_]
        self._base = self._encode(first)
        width = len(self._base)
        if sum(len(values) for values in step.categories_) * width > _MOST_NUMBERS:
            raise ExportError(f"{type(step).__name__} has {width:,} columns, too many for a table in a graph")
        self._columns = [self._tabulate(graph, position, first) for position in range(len(first))]

    def _tabulate(self, graph, position, first):
        """Return (lookup table, rows, which row is of an unknown value, and which of a missing one) of a column."""
        values = self._step.categories_[position]
        known = [value for value in values if not _is_nan(value)]
        is_text = any(isinstance(value, str) for value in known)
        probes = [*known, _UNKNOWN if is_text else _other_than(known), np.nan]
        rows = [self._encode([*first[:position], probe, *first[position + 1 :]]) for probe in probes]
        refused = np.array([row is None for row in rows])
        rows = np.array([self._base if row is None else row for row in rows]) - self._base
        ids = {value if is_text else key_of(value): i for i, value in enumerate(known)}
        table = graph.make_table(ids, len(known), "string" if is_text else "int64")
        return table, tf.constant(rows), tf.constant(refused), len(known) + 1

    def _encode(self, row):
        """Return what the encoder makes of one row, or None if it refuses a value."""
        frame = pd.DataFrame({i: pd.Series([value], dtype=self._dtype_of(i, value)) for i, value in enumerate(row)})
        frame.columns = getattr(self._step, "feature_names_in_", frame.columns)
        try:
            with warnings.catch_warnings():
                # Some parameters warn of unknown values.
                warnings.simplefilter("ignore", UserWarning)
                encoded = self._step.transform(frame)
        except ValueError:
            return None
        encoded = encoded.toarray() if hasattr(encoded, "toarray") else np.asarray(encoded)
        return encoded[0].astype("float64")

    def _dtype_of(self, position, value):
        kind = self._step.categories_[position].dtype.kind
        return object if kind in "OSU" else bool if kind == "b" and isinstance(value, bool | np.bool_) else "float64"

    def __call__(self, columns):
        total = tf.constant(self._base)[None]
        for name, cells, (table, rows, refused, missing) in zip(self._names, columns, self._columns, strict=True):
            keys = cells if cells.dtype == tf.string else float_keys(cells)
            ids = tf.where(_missing(cells), tf.constant(missing, tf.int64), table.lookup(keys))
            refuse_if(tf.gather(refused, ids), name, "a value that fit did not see", cells)
            total += tf.gather(rows, ids)
        return tf.unstack(total, num=len(self._base), axis=1)


def _probe(values):
    """Return a value of a column by which results are compared: one that is not missing, if there is one."""
    return next((value for value in values if not _is_nan(value)), np.nan)


def _other_than(numbers):
    """Return a number that is none of these."""
    return float(max(map(float, numbers), default=0.0)) + 1.5


def _is_nan(value):
    return value is None or (isinstance(value, float | np.floating) and value != value) or value is pd.NA


def _missing(cells):
    return ColumnTensor(cells.dtype.name).is_missing(cells)


class _Identity:
    """Leave columns as they are."""

    def __init__(self, graph, step, names):
        pass

    def __call__(self, columns):
        return columns


_GRAPHS = {
    **dict.fromkeys(_SCALERS, _Scaling),
    SimpleImputer: _Imputation,
    OneHotEncoder: _Categories,
    OrdinalEncoder: _Categories,
    FunctionTransformer: _Identity,
}
