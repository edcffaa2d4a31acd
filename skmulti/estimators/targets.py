"""The two kinds of targets, classes and numbers, with the same methods: all that a fit asks of its target.

A regression predicts in the units of y. The network's last layer (`TargetUnits`) computes in float64, and the
loss (`TargetUnitsLoss`) undoes it, so the network learns a target of mean 0 and deviation 1 while predictions,
checkpoints and ``model_.predict`` are in the units of y.
"""

import copy

import numpy as np
import pandas as pd
import scipy.sparse
from sklearn.utils.validation import check_array, column_or_1d

from ..errors import InputMismatchError, TargetWarning, quote, row_at, shorten, warn
from ..network import (
    MembersLoss,
    OutputsLoss,
    TargetMoments,
    TargetUnitsLoss,
    classification_target,
    encode_target,
    metrics_by_output,
    regression_target,
)
from .labels import Labels, as_pandas, check_labels, drop_advice
from .summaries import LabelCounts, NumberSummary


class ClassTarget:
    """A target of classes, in one column or several.

    Parameters
    ----------
    class_weight : dict, list of dict, "balanced" or None
        As in `MultiInputClassifier`.
    classes : array-like, list of array-like, or None
        All labels; None takes those of the first y.

    Attributes
    ----------
    labels : Labels
        The labels that exist, known after `learn`.
    names : ndarray of str, or None
        Names of the columns of the y that was learned.
    spec : TargetSpec
        What the network predicts, known after `describe`.
    """

    def __init__(self, class_weight=None, classes=None):
        # A copy, to which `follow` compares later ones.
        self.class_weight = copy.deepcopy(class_weight)
        self.classes = classes

    # A label is right or wrong.
    has_residuals = False

    @property
    def weighs_outputs(self):
        """Whether each column of y may have weights of its own."""
        return self.labels.weighed_by_output

    def check(self, y, name="y"):
        """Return labels as an array of shape (n_rows,) or (n_rows, n_outputs), or refuse them; `name` is y's."""
        return check_labels(y, name)

    def learn(self, y, sample_weight=None):
        """Learn which labels exist, also those of rows of weight 0, and the weight of each."""
        # From all rows, so that a hold-out has the same weights as the training rows.
        self.labels = Labels(y, self.classes, self.class_weight, sample_weight)
        if self.labels.multilabel and len(y) > 1 and (y.sum(axis=1) == 1).all():
            warn(
                f"Each row of y has exactly one 1 in its {y.shape[1]} columns, which looks like one label of "
                f"{y.shape[1]} classes, one-hot. The columns are learned as labels that can hold together. If only one "
                "can, give the labels themselves: np.asarray(y).argmax(axis=1).",
                TargetWarning,
            )

    def follow(self, other, y, sample_weight=None):
        """Return this target with the class weights of another one that has learned nothing; "balanced" means y."""
        if self.class_weight == other.class_weight:
            return self
        # Unknown labels are refused before they are weighed.
        self.numbers(y)
        target = copy.copy(self)
        target.class_weight = other.class_weight
        target.labels = self.labels.weighed_anew(other.class_weight, y, sample_weight)
        return target

    def check_columns(self, y):
        """Refuse labels of another number of columns."""
        self.labels.check_columns(y)

    def numbers(self, y, name="y"):
        """Return each label's position among the labels of its column, or refuse unknown labels."""
        return self.labels.numbers(y, name)

    def strata(self, y):
        """Return the class of each row, whose shares a hold-out must keep, or None."""
        # As in MLPClassifier: no draw of rows keeps the shares of several columns.
        return self.numbers(y) if self.labels.flat else None

    def describe(self, y, sample_weight, loss):
        """Set `spec`, which says what the network predicts under a loss."""
        counts = tuple(len(classes) for classes in self.labels.by_output)
        one_output = self.labels.flat or self.labels.multilabel
        self.spec = classification_target(
            counts[0] if one_output else counts, loss, n_labels=len(counts) if one_output else 1
        )

    def summarize(self, y, sample_weight):
        """Return what `learn_summary` and the like need of rows that came from `check`."""
        return LabelCounts.of(y, sample_weight)

    def learn_summary(self, summary):
        """Learn what `learn` learns, from the summary of all rows."""
        if isinstance(self.class_weight, str):
            self.class_weight = summary.balanced_weights()
        self.learn(self.check(summary.labels))

    def describe_summary(self, summary, loss):
        """Set `spec`; see `describe`."""
        self.describe(None, None, loss)

    def mean_weight(self, summary):
        """Return the mean of `total_weight` over the rows of a summary, or None if all weigh the same."""
        if not summary.is_weighted and self.labels.weights is None:
            return None
        total = self.total_weight(summary.labels, summary.weights)
        return float(total.sum() / summary.n_rows / (total.shape[1] if total.ndim == 2 else 1))

    def stratum_counts(self, summary):
        """Return the number of rows of each of the `strata`, or None."""
        strata = self.strata(summary.labels)
        return None if strata is None else np.bincount(strata, weights=summary.counts).astype(int)

    def loss(self, loss, members):
        """Wrap a loss so that it reads the network's outputs of several members, or of several columns."""
        reduction = getattr(loss, "reduction", "sum_over_batch_size")
        if self.labels.weighed_by_output:
            widths = None if self.labels.multilabel else self.spec.n_classes
            loss = OutputsLoss(loss, widths, self.spec.one_hot, reduction=reduction)
        return MembersLoss(loss, self.spec.width, reduction=reduction) if members else loss

    def metrics(self, metrics):
        """Return metrics that read y in the same way as the loss."""
        return metrics_by_output(metrics, self.spec)

    def total_weight(self, y, sample_weight):
        """Return the weights of rows times those of their classes, or None if all weigh the same."""
        return self.labels.total_weight(y, sample_weight)


class NumberTarget:
    """A target of numbers, in one column or several.

    Parameters
    ----------
    scale_target : bool
        As in `MultiInputRegressor`.

    Attributes
    ----------
    flat : bool
        Whether y had one dimension, known after `learn`.
    n_outputs : int
        Number of columns of y.
    names, spec : object
        As in `ClassTarget`.
    """

    weighs_outputs = False
    has_residuals = True

    def __init__(self, scale_target=True):
        self.scale_target = scale_target

    def check(self, y, name="y"):
        """Return numbers as an array of float64, flat if y has a single column, or refuse them; `name` is y's."""
        y = as_pandas(y)
        refuse_no_numbers(y, name)
        y = check_array(y, ensure_2d=False, dtype="float64", input_name=name)
        # Before `learn` a single column is taken as flat, with scikit-learn's warning. After it, y has the form of the
        # first y: a single column of a target with several is left for `numbers` to refuse.
        flat = y.ndim == 2 and y.shape[1] == 1 and getattr(self, "flat", True)
        return column_or_1d(y, warn=True) if flat else y

    def learn(self, y, sample_weight=None):
        """Learn the number of columns."""
        self.flat = y.ndim == 1
        self.n_outputs = 1 if y.ndim == 1 else y.shape[1]

    def follow(self, other, y, sample_weight=None):
        """Return this target: nothing of it may change."""
        return self

    def check_columns(self, y, name="y"):
        """Refuse numbers of another number of columns."""
        n_columns = y.shape[1] if y.ndim > 1 else 1
        if n_columns != self.n_outputs:
            raise ValueError(
                f"{name} has {n_columns} columns, but the target was fitted with {self.n_outputs} outputs."
            )

    def numbers(self, y, name="y"):
        """Return y as floats of shape (n_rows, n_outputs), or refuse another number of columns."""
        self.check_columns(y, name)
        return y.reshape(len(y), -1)

    def residuals(self, y, outputs):
        """Return what predictions miss: ndarray of shape (n_rows, n_outputs), float64."""
        return np.asarray(y, dtype="float64") - np.asarray(outputs, dtype="float64")

    def strata(self, y):
        """Return None: numbers have no classes whose shares a hold-out must keep."""
        return None

    def describe(self, y, sample_weight, loss):
        """Set `spec`, which says what the network predicts under a loss, with offset and scale of y."""
        self._describe(TargetMoments.of(self.numbers(y), sample_weight), loss)

    def _describe(self, moments, loss):
        """Set `spec` from the moments of y."""
        self.spec = regression_target(moments, loss, scale_target=self.scale_target)

    def summarize(self, y, sample_weight):
        """Return what `learn_summary` and the like need of rows that came from `check`."""
        return NumberSummary.of(y, sample_weight)

    def learn_summary(self, summary):
        """Learn what `learn` learns, from the summary of all rows."""
        self.flat, self.n_outputs = summary.flat, len(summary.moments.mean)

    def describe_summary(self, summary, loss):
        """Set `spec`; see `describe`."""
        self._describe(summary.moments, loss)

    def mean_weight(self, summary):
        """Return the mean weight of the rows of a summary, or None if they have none."""
        return summary.moments.weight / summary.n_rows if summary.is_weighted else None

    def stratum_counts(self, summary):
        """Return None, as `strata` does."""
        return None

    def loss(self, loss, members):
        """Wrap a loss so that it sees targets and each member's predictions in the network's own scale."""
        reduction = getattr(loss, "reduction", "sum_over_batch_size")
        return TargetUnitsLoss(loss, self.spec.offset, self.spec.scale, reduction=reduction)

    def metrics(self, metrics):
        """Return the metrics as they are."""
        return metrics

    def total_weight(self, y, sample_weight):
        """Return the weights as they are."""
        return sample_weight


# Beyond it squares overflow float64, so that neither a deviation nor a score could be computed.
LARGEST = 1e150


def refuse_no_numbers(y, name="y"):
    """Refuse cells of a regression's target that are no finite numbers, with their count and first row."""
    rows = y.index if isinstance(y, pd.DataFrame | pd.Series) else None
    for label, values in _columns(y):
        where = "" if label is None else f" of column {label!r}"
        if values.dtype.kind == "c":
            raise ValueError(f"Complex data not supported, got {name} of dtype {values.dtype}.")
        if values.dtype.kind not in "biuf":
            values = _as_floats(values, rows, name, where)
        size = np.abs(values)
        for wrong, what, advice in (
            (np.isnan(size), "contains NaN", drop_advice(np.flatnonzero(np.isnan(size)), size, name)),
            (np.isinf(size), "contains infinity", "Drop these rows, or give finite numbers."),
            (
                size > LARGEST,
                "contains a value too large",
                f"Give numbers up to {LARGEST:g}: divide {name} by a constant"
                f"{', or learn its logarithm' if size.size and np.nanmin(values) > 0 else ''}.",
            ),
        ):
            if wrong.any():
                first = np.flatnonzero(wrong)[0]
                raise ValueError(
                    f"Input {name} {what}: {int(wrong.sum())} of {len(values)} values{where}, first "
                    f"{'' if np.isnan(values[first]) else f'{values[first]:g} '}at {row_at(rows, first)}. {advice}"
                )


def _columns(y):
    """Yield (label, values) of each column of y; a single column has the label None."""
    if isinstance(y, pd.DataFrame):
        yield from ((label, y.iloc[:, k].to_numpy()) for k, label in enumerate(y.columns))
    elif isinstance(y, pd.Series):
        yield None, y.to_numpy()
    # Sparse matrices and ragged lists are refused by scikit-learn.
    elif not scipy.sparse.issparse(y):
        try:
            array = np.asarray(y)
        except ValueError:
            return
        if array.ndim == 1:
            yield None, array
        elif array.ndim == 2:
            yield from ((k if array.shape[1] > 1 else None, column) for k, column in enumerate(array.T))


def _as_floats(values, rows, name, where):
    """Return cells that are no plain numbers as floats, or refuse the first that is none: a date, a word."""
    if values.dtype.kind in "Mm":
        kind, advice = values.dtype.name, "give a number, such as days since a first date: (y - y.min()).dt.days"
        if values.dtype.kind == "m":
            advice = "give a number, such as y.dt.total_seconds()"
        raise ValueError(
            f"Input {name} holds dates or durations{where} (dtype {kind}); a regression learns numbers: {advice}."
        )
    floats = np.empty(len(values))
    for i, value in enumerate(values.tolist()):
        try:
            floats[i] = np.nan if value is None or value is pd.NA or value is pd.NaT else float(value)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Input {name} holds {shorten(repr(value))} of type {type(value).__name__}{where}, first at "
                f"{row_at(rows, i)} ({shorten(error)}); a regression learns numbers. Give numbers (of dates, the days "
                "since a first one), or use MultiInputClassifier for labels."
            ) from error
    return floats


def encode_rows(target, y, sample_weight, dtype, mean_weight=None):
    """Encode targets and weights for the network.

    Parameters
    ----------
    target : ClassTarget or NumberTarget
        The target, after `learn` and `describe`.
    y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        From the target's `check`.
    sample_weight : ndarray of shape (n_rows,) or None
        Weight of each row.
    dtype : str
        Precision of floats.
    mean_weight : float or None
        Mean weight over all rows of a fit, if these are only some of them; None takes the mean of these.

    Returns
    -------
    y : ndarray of shape (n_rows, ...)
        The target as the loss reads it.
    weight : ndarray of shape (n_rows,) or (n_rows, n_outputs), or None
        Weights with a mean of 1 over all rows.
    """
    weight = target.total_weight(y, sample_weight)
    if weight is not None:
        if not weight.any():
            raise ValueError("class_weight and sample_weight leave no row a weight; there is nothing to learn from.")
        # With a mean of 1 weights move rows against each other, but not the size of a step.
        weight = (weight / (mean_weight or weight.mean())).astype(dtype)
    encoded = encode_target(target.numbers(y), target.spec)
    # Numbers stay float64, since `TargetUnits` computes in it: in float32 a target of 1e6 would lose its digits.
    if encoded.dtype.kind == "f" and target.spec.n_classes:
        encoded = encoded.astype(dtype)
    return encoded, weight


def output_names(y):
    """Return the names of y's columns as an object array, or None if they are not all strings."""
    y = as_pandas(y)
    columns = y.columns if isinstance(y, pd.DataFrame) else [getattr(y, "name", None)]
    named = len(columns) and all(isinstance(name, str) for name in columns)
    return np.array(columns, dtype=object) if named else None


def check_output_names(names, fitted):
    """Refuse several columns that are not the columns of fit, in the same order."""
    # A single column may have another name: there is nothing to confuse it with.
    if names is None or fitted is None or len(names) < 2 or len(names) != len(fitted) or (names == fitted).all():
        return
    raise InputMismatchError(
        f"y has the columns {quote(names)}, but the target was fitted with {quote(fitted)}. Give the same columns in "
        f"the same order: y[{shorten(fitted.tolist(), 160)}]."
    )
