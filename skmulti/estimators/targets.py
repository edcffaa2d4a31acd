"""The two kinds of targets, classes and numbers, with the same methods: all that a fit asks of its target.

A regression predicts in the units of y. The network's last layer (`TargetUnits`) computes in float64, and the
loss (`TargetUnitsLoss`) undoes it, so the network learns a target of mean 0 and deviation 1 while predictions,
checkpoints and ``model_.predict`` are in the units of y.
"""

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_array, column_or_1d

from ..errors import InputMismatchError, quote
from ..network import (
    MembersLoss,
    OutputsLoss,
    TargetUnitsLoss,
    classification_target,
    encode_target,
    metrics_by_output,
    regression_target,
)
from .labels import Labels, as_pandas, check_labels


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
        self.class_weight = class_weight
        self.classes = classes

    @property
    def weighs_outputs(self):
        """Whether each column of y may have weights of its own."""
        return self.labels.weighed_by_output

    def check(self, y):
        """Return labels as an array of shape (n_rows,) or (n_rows, n_outputs), or refuse them."""
        return check_labels(y)

    def learn(self, y):
        """Learn which labels exist, and the weight of each."""
        # From all rows, so that a hold-out has the same weights as the training rows.
        self.labels = Labels(y, self.classes, self.class_weight)

    def numbers(self, y):
        """Return each label's position among the labels of its column, or refuse unknown labels."""
        return self.labels.numbers(y)

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

    def loss(self, loss, members):
        """Wrap a loss so that it reads the network's outputs of several members, or of several columns."""
        reduction = getattr(loss, "reduction", "sum_over_batch_size")
        if members:
            return MembersLoss(loss, self.spec.width, reduction=reduction)
        if not self.labels.weighed_by_output:
            return loss
        widths = None if self.labels.multilabel else self.spec.n_classes
        return OutputsLoss(loss, widths, self.spec.one_hot, reduction=reduction)

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

    def __init__(self, scale_target=True):
        self.scale_target = scale_target

    def check(self, y):
        """Return numbers as an array of float64, flat if y has a single column, or refuse them."""
        y = check_array(y, ensure_2d=False, dtype="float64", input_name="y")
        # Before `learn` a single column is taken as flat, with scikit-learn's warning. After it, y has the form of the
        # first y: a single column of a target with several is left for `numbers` to refuse.
        flat = y.ndim == 2 and y.shape[1] == 1 and getattr(self, "flat", True)
        return column_or_1d(y, warn=True) if flat else y

    def learn(self, y):
        """Learn the number of columns."""
        self.flat = y.ndim == 1
        self.n_outputs = 1 if y.ndim == 1 else y.shape[1]

    def numbers(self, y):
        """Return y as floats of shape (n_rows, n_outputs), or refuse another number of columns."""
        columns = y.reshape(len(y), -1)
        if columns.shape[1] != self.n_outputs:
            raise ValueError(
                f"y has {columns.shape[1]} columns, but the target was fitted with {self.n_outputs} outputs."
            )
        return columns

    def strata(self, y):
        """Return None: numbers have no classes whose shares a hold-out must keep."""
        return None

    def describe(self, y, sample_weight, loss):
        """Set `spec`, which says what the network predicts under a loss, with offset and scale of y."""
        self.spec = regression_target(
            self.numbers(y), loss, scale_target=self.scale_target, sample_weight=sample_weight
        )

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
        f"the same order: y[{fitted.tolist()}]."
    )
