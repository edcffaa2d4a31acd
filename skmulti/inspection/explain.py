"""Contributions of columns, words and pixels to the output of single rows."""

from contextlib import nullcontext

import keras
import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._process import isolate
from ..errors import InputMismatchError, closest_match, quote, shorten
from ..layers import LearnedFill
from ..network import networks_in
from ..spec import layer_name
from .contributions import find_contributions
from .explanation import Explanation
from .fitted import output_position
from .paths import PathGradients
from .reading import check_in_memory

# How much of a probability, or of the standard deviation of y, an integral may leave over.
TOLERANCE = 5e-4


def explain_rows(est, X, *, label=None, output=None, scale="probability", baseline=None):
    """Return what each column, word and pixel adds to the output of single rows.

    Use it to see why a row was predicted as it was. The contributions of a row add up to the
    difference between its output and that of a baseline, a row that says nothing.

    Parameters
    ----------
    est : MultiInputClassifier or MultiInputRegressor
        A fitted estimator.
    X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
        The rows, with the columns of fit. A few hundred take seconds.
    label : object
        The class whose probability is explained; None takes the predicted class of each row.
    output : int, str or None
        Position or name of the column of y, if it has several.
    scale : {"probability", "log_odds"}
        What is explained of a class: its probability, or ``log(p / (1 - p))``, in which pieces of
        evidence that do not depend on each other add up. A regression is explained in the units
        of y.
    baseline : DataFrame of one row, or None
        The row with which each row is compared. None is the neutral row (see Notes).

    Returns
    -------
    Explanation
        Tables of contributions, which a notebook shows as marked words, heat over pictures and
        bars.

    Raises
    ------
    ValueError
        If the label or the output is none of y, or y has several columns and none is named.
    InputMismatchError
        If X or the baseline does not fit, or X has no rows.

    See Also
    --------
    Explanation : What is returned.

    Notes
    -----
    These are integrated gradients: the integral of the output's gradient on the straight way from
    the baseline to the row, times the distance. Ids of words, tags and categories are no numbers,
    so the way leads through their learned vectors. It is cut into segments until the integral is
    right to 0.0005 (of a probability, or of a standard deviation of y) or a row has 12 segments; what
    is then left over is distributed in proportion, and ``Explanation.remainder`` says how much it was.

    The neutral row has the training mean of each number (of standardised numbers 0), unknown
    categories, texts without words, no tags and a grey picture, and nothing is missing in it. Before
    anything moves, the row's structure is taken over, input by input: which values are missing, and
    how many words there are. The effect of it is spread evenly over these values or words, so
    contributions of a column include that of its being missing. Networks that a user's ``model``
    builds have no training means for numbers that no encoder standardises: their neutral value is 0.

    References
    ----------
    Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", 2017, arXiv:1703.01365.

    Examples
    --------
    >>> from skmulti import MultiInputRegressor
    >>> from skmulti.datasets import make_listings
    >>> from skmulti.inspection import explain_rows
    >>> frame, _ = make_listings(60, random_state=0)
    >>> reg = MultiInputRegressor(epochs=2, random_state=0).fit(frame[["area", "city"]], frame["price"])
    >>> explained = explain_rows(reg, frame[["area", "city"]].head(2))
    >>> list(explained.columns)
    ['area', 'city']
    >>> bool(abs(explained.baseline + explained.columns.sum(axis=1) - explained.output).max() < 1e-3)
    True
    """
    check_is_fitted(est, "model_")
    if scale not in ("probability", "log_odds"):
        raise ValueError(f"scale={scale!r} is unknown; give 'probability' or 'log_odds'.")
    check_in_memory(X)
    router = est.router_
    arrays, inputs = router.transform(X), router.columns_by_input(X)
    n_rows = len(next(iter(arrays.values())))
    if not n_rows:
        raise InputMismatchError("Found array with 0 sample(s): X has no rows, while a minimum of 1 is required.")
    choice = _Choice(est._target, output_position(est, output), label, est.forward_(arrays), scale)
    # Layers may ask for Keras' float type while they are traced. Only if it is not theirs, other threads have to wait.
    same = keras.config.floatx() == est.model_.variable_dtype
    with nullcontext() if same else isolate(None, est.model_.variable_dtype):
        paths = PathGradients(est.model_, choice.log_odds)
    base = _neutral_row(est, inputs) if baseline is None else _given_row(est, baseline)
    found = find_contributions(
        paths, arrays, base, router.specs_, (choice.weights, choice.offset), TOLERANCE * choice.unit
    )
    return Explanation.of(found, inputs, arrays, labels=choice.labels, what=choice.what)


class _Choice:
    """Which number of the network's output is explained: weights of its units and an offset, for each row."""

    def __init__(self, target, position, label, outputs, scale):
        n_rows, spec = len(outputs), target.spec
        self.weights, self.offset = np.zeros((n_rows, spec.width)), np.zeros(n_rows)
        self.labels, self.log_odds, self.unit = None, False, 1.0
        if not spec.n_classes:
            self.weights[:, position] = 1
            self.what, self.unit = "prediction", float(spec.scale[position])
            return
        self.log_odds, self.what = scale == "log_odds", scale.replace("_", " ")
        classes = target.labels.by_output[position]
        numbers, units = self._numbers(spec, position, label, outputs, classes)
        self.labels = classes[numbers]
        if units is None:
            # One unit, the probability of the second class.
            self.weights[:, position] = np.where(numbers == 1, 1, -1)
            self.offset[:] = numbers == 0
        else:
            self.weights[np.arange(n_rows), units[numbers]] = 1

    def _numbers(self, spec, position, label, outputs, classes):
        """Return the number of each row's class, and the units of all classes, None if there is a single one."""
        one_unit = not isinstance(spec.n_classes, tuple) and spec.activation != "softmax"
        if one_unit:
            units, predicted = None, (outputs[:, position] > 0.5).astype(int)
            predicted = np.minimum(predicted, len(classes) - 1)
        else:
            widths = spec.n_classes if isinstance(spec.n_classes, tuple) else (spec.n_classes,)
            first = sum(widths[:position])
            units = np.arange(first, first + widths[position])
            predicted = outputs[:, units].argmax(axis=1)
        if label is None:
            return predicted, units
        known = classes.tolist()
        if label not in known:
            raise ValueError(
                f"label={label!r} is no class of y; known are {quote(known[:20])}."
                f"{closest_match(str(label), list(map(str, known)))}"
            )
        return np.full(len(outputs), known.index(label)), units


def _neutral_row(est, inputs):
    """Return the arrays of the row that says nothing."""
    base = {}
    for route, _ in inputs:
        spec = route.spec
        row = route.encoder.neutral(spec)
        if row.dtype.kind == "f" and np.isnan(row).any():
            row = np.where(np.isnan(row), _training_mean(est, spec), row).astype(row.dtype)
        base[spec.name] = row[None]
        if spec.missing_name:
            base[spec.missing_name] = np.zeros((1, 1), dtype=bool)
    return base


def _training_mean(est, spec):
    """Return the training mean of an input's values, from which its learned values for missing ones started; or 0."""
    own = getattr(est, "branches_", {}).get(spec.name)
    # A text names the input whose branch is shared, and whose layers read both.
    owner = own if isinstance(own, str) else spec.name
    # A network that is made by hand has no such layers, and one of an earlier version has others.
    # All networks of a fit begin with the same means.
    named = {layer.name: layer for layer in networks_in(est.model_)[0].layers}
    branch = named.get(layer_name(owner, "layers"))
    means = [layer.initial for layer in getattr(branch, "layers", ()) if isinstance(layer, LearnedFill)]
    return np.asarray(means[0]) if means and means[0] is not None else 0.0


def _given_row(est, baseline):
    """Return the arrays of the user's baseline."""
    row = baseline.to_frame().T if isinstance(baseline, pd.Series) else baseline
    base = est.router_.transform(row)
    count = len(next(iter(base.values())))
    if count != 1:
        raise InputMismatchError(
            f"`baseline` is one row, got {count} rows in a {shorten(type(baseline).__name__)}. Give frame.iloc[[0]], "
            "or a frame with a typical cell in each column."
        )
    return base
