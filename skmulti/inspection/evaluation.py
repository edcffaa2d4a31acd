"""What a report looks at: rows, truth and predictions of one fitted estimator, or of the folds of a cross-validation.

In both cases there is a list of `Fold`s, each with an estimator and the rows that it predicts, and for each output the
predictions of all folds one after the other. What follows does not ask which of the two it is.
"""

import time
from dataclasses import dataclass, field, replace

import numpy as np
from sklearn.base import is_classifier

from .scores import class_figures, number_figures


@dataclass(frozen=True)
class Fold:
    """An estimator, and the rows that it predicts.

    Parameters
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        Fitted.
    table : DataFrame, or dict of str to (Series or DataFrame)
        The rows as the estimator reads them.
    rows : ndarray of shape (n,), int
        Their positions in X.
    y : ndarray of shape (n,) or (n, n_outputs)
        Their target.
    test_score : float or None
        What `cross_validate` says of the fold.
    """

    estimator: object
    table: object
    rows: np.ndarray
    y: np.ndarray
    test_score: float | None = None


@dataclass(frozen=True)
class ClassOutput:
    """A column of classes: truth and predictions of n entries.

    Parameters
    ----------
    name : str
        Name of the column of y; empty if there is only one and it has none.
    classes : list
        Labels.
    truth, predicted : ndarray of shape (n,), int
        Positions among the labels.
    proba : ndarray of shape (n, n_classes)
        Probabilities.
    """

    name: str
    classes: list
    truth: np.ndarray
    predicted: np.ndarray
    proba: np.ndarray
    headline = "accuracy"

    def figures(self, weights):
        """Return the figures under each row of a matrix of weights."""
        return class_figures(self.truth, self.predicted, self.proba, weights)

    def constant(self, weight):
        """Return the same output with the shares of the classes as the probabilities of each row."""
        shares = np.bincount(self.truth, weight, minlength=len(self.classes)) / weight.sum()
        proba = np.tile(shares, (len(self.truth), 1))
        return replace(self, proba=proba, predicted=np.full(len(self.truth), shares.argmax()))

    def probabilities(self):
        """Return what is said and whether it came true: of the second of two classes, else of the predicted class."""
        if self.proba.shape[1] == 2:
            return self.proba[:, 1], self.truth == 1
        return self.proba.max(axis=1), self.truth == self.predicted

    def errors(self):
        """Return the error of each entry: 1 less the probability of the true label."""
        return 1 - self._of_truth()

    def losses(self):
        """Return how bad the prediction of each entry is: log loss, 0 where the label is right."""
        chosen = np.clip(self._of_truth(), np.finfo("float64").eps, 1)
        return np.where(self.truth == self.predicted, 0.0, -np.log(chosen))

    def values(self, entries):
        """Return the predicted and the true labels of some entries, two lists."""
        return tuple([self.classes[k] for k in labels[entries]] for labels in (self.predicted, self.truth))

    def describe(self, entry):
        """Return (predicted, true) of an entry in words."""
        return tuple(
            f"{self.classes[k]} ({self.proba[entry, k]:.1%})" for k in (self.predicted[entry], self.truth[entry])
        )

    def _of_truth(self):
        """Return the probability of each entry's true label."""
        return self.proba[np.arange(len(self.truth)), self.truth]


@dataclass(frozen=True)
class NumberOutput:
    """A column of numbers: truth and predictions of n entries, arrays of shape (n,)."""

    name: str
    truth: np.ndarray
    predicted: np.ndarray
    headline = "R2"

    def figures(self, weights):
        """Return the figures under each row of a matrix of weights."""
        return number_figures(self.truth, self.predicted, weights)

    def constant(self, weight):
        """Return the same output with the mean as the prediction of each row."""
        return replace(self, predicted=np.full(len(self.truth), np.average(self.truth, weights=weight)))

    def errors(self):
        """Return the error of each entry: the distance of the prediction from the truth."""
        return np.abs(self.truth - self.predicted)

    def losses(self):
        """Return how bad the prediction of each entry is: its error in standard deviations of the truth."""
        return self.errors() / (self.truth.std() or 1.0)

    def values(self, entries):
        """Return the predicted and the true numbers of some entries, two lists."""
        return self.predicted[entries].tolist(), self.truth[entries].tolist()

    def describe(self, entry):
        """Return (predicted, true) of an entry in words."""
        return f"{self.predicted[entry]:.6g}", f"{self.truth[entry]:.6g}"


@dataclass(frozen=True)
class Evaluation:
    """Rows, truth and predictions of all folds.

    Parameters
    ----------
    folds : list of Fold
        One, or those of a cross-validation.
    outputs : list of (ClassOutput or NumberOutput)
        A column of y each, of the entries of all folds.
    fold : ndarray of shape (n,), int
        The fold of each entry.
    rows : ndarray of shape (n,), int
        Its position in X.
    weight : ndarray of shape (n,)
        Its weight.
    n_rows : int
        Number of rows that X had.
    notes : list of str
        What was left out, and why.
    seconds : dict of str to float
        How long parts of the report took.
    """

    folds: list
    outputs: list
    fold: np.ndarray
    rows: np.ndarray
    weight: np.ndarray
    n_rows: int
    notes: list
    seconds: dict = field(default_factory=dict)

    @property
    def estimator(self):
        """The estimator, or that of the first fold."""
        return self.folds[0].estimator

    @property
    def is_classifier(self):
        """Whether classes are predicted."""
        return is_classifier(self.estimator)

    @property
    def is_validation(self):
        """Whether there are several folds."""
        return len(self.folds) > 1

    def place(self, entry):
        """Return the fold of an entry, and its position among the rows of that fold."""
        fold = self.fold[entry]
        return self.folds[fold], int(entry - np.flatnonzero(self.fold == fold)[0])


def evaluate(folds, weight, n_rows, notes):
    """Predict the rows of all folds.

    Parameters
    ----------
    folds : list of Fold
        With rows that count.
    weight : ndarray of shape (n_rows,)
        Weight of each row of X.
    n_rows : int
        Number of rows of X.
    notes : list of str
        What was left out.

    Returns
    -------
    Evaluation
        Of all folds.
    """
    started = time.perf_counter()
    make = _class_outputs if is_classifier(folds[0].estimator) else _number_outputs
    outputs = make(folds)
    rows = np.concatenate([fold.rows for fold in folds])
    fold = np.repeat(np.arange(len(folds)), [len(one.rows) for one in folds])
    seconds = {"predictions of the report": time.perf_counter() - started}
    return Evaluation(folds, outputs, fold, rows, weight[rows], n_rows, notes, seconds)


def _names(folds, n_outputs):
    """Return the names of y's columns."""
    names = getattr(folds[0].estimator, "output_names_", None)
    if names is not None:
        return [str(name) for name in names]
    return [""] if n_outputs == 1 else [f"column {k} of y" for k in range(n_outputs)]


def _columns(array):
    """Return the columns of an array of one dimension or two."""
    return list(array.T) if np.ndim(array) == 2 else [array]


def _number_outputs(folds):
    """Return the outputs of regressors."""
    truth = np.concatenate([np.column_stack(_columns(fold.y)) for fold in folds]).astype("float64")
    predicted = np.concatenate([np.column_stack(_columns(fold.estimator.predict(fold.table))) for fold in folds])
    names = _names(folds, truth.shape[1])
    return [NumberOutput(name, *pair) for name, *pair in zip(names, truth.T, predicted.T, strict=True)]


def _class_outputs(folds):
    """Return the outputs of classifiers, with the labels of all folds."""
    found = [_fold_classes(fold) for fold in folds]
    names = _names(folds, len(found[0]))
    return [_join_classes(name, parts) for name, *parts in zip(names, *found, strict=True)]


def _fold_classes(fold):
    """Return for each column of y: its true labels, labels by column of the probabilities, and the probabilities."""
    proba, classes = fold.estimator.predict_proba(fold.table), fold.estimator.classes_
    columns = _columns(fold.y)
    if len(columns) == 1:
        return [(columns[0].tolist(), list(_plain(classes)), proba)]
    if not isinstance(proba, list):
        # Labels that can hold together: the probability of each is that of its second value.
        proba = [np.column_stack([1 - one, one]) for one in proba.T]
    return [
        (column.tolist(), list(_plain(labels)), own)
        for column, labels, own in zip(columns, classes, proba, strict=True)
    ]


def _plain(labels):
    """Return labels as Python's objects, which compare as they look."""
    return np.asarray(labels).tolist()


def _join_classes(name, parts):
    """Return one output of the parts of all folds; a fold may know fewer labels than another."""
    labels = list(dict.fromkeys(label for _, known, _ in parts for label in known))
    # Labels that no fold knows have a probability of 0 in each row.
    labels += list(dict.fromkeys(label for truth, _, _ in parts for label in truth if label not in set(labels)))
    labels = _sorted(labels)
    places = {label: k for k, label in enumerate(labels)}
    proba = np.zeros((sum(len(truth) for truth, _, _ in parts), max(len(labels), 2)))
    start = 0
    for truth, known, own in parts:
        proba[start : start + len(truth), [places[label] for label in known]] = own
        start += len(truth)
    truth = np.array([places[label] for true, _, _ in parts for label in true])
    return ClassOutput(name, labels, truth, proba.argmax(axis=1), proba)


def _sorted(labels):
    """Return labels in their order, or as they come if they have none."""
    try:
        return sorted(labels)
    except TypeError:
        return labels
