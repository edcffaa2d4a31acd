"""Constraints of parameters, checks of weights and names, and diagrams, from private modules of scikit-learn.

All private names of scikit-learn are imported here (and in `estimators.scikeras`), so that a release that moves one
breaks one file.
"""

import re
from contextlib import contextmanager
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import HasMethods, Interval, InvalidParameterError, RealNotInt, StrOptions
from sklearn.utils._repr_html.estimator import _VisualBlock as VisualBlock
from sklearn.utils.validation import _check_feature_names_in as check_feature_names
from sklearn.utils.validation import _check_sample_weight

from .errors import row_at, shorten

__all__ = [
    "FRACTION",
    "POSITIVE_INT",
    "RATE",
    "HasMethods",
    "HintedParams",
    "Integral",
    "Interval",
    "Real",
    "RealNotInt",
    "StrOptions",
    "VisualBlock",
    "check_feature_names",
    "check_weights",
    "hints_added",
]

POSITIVE_INT = Interval(Integral, 1, None, closed="left")
FRACTION = Interval(RealNotInt, 0, 1, closed="neither")
RATE = Interval(Real, 0, 1, closed="left")


# For parameters whose type is often mistaken: what to give.
_HINTS = {
    "size": "Give height and width: (64, 64).",
    "units": "Give a width for each layer: (64,).",
    "head": "Give an object: DenseHead().",
    "router": "Give an object: InputRouter(). None routes columns by content.",
    "branches": "Give a dict by input name: {'numbers': DenseBranch()}.",
    "kinds": "Give a dict by column: {'note': 'drop'}.",
    "inputs": "Give a list of tuples: [('a', NumberScaler(), ['size'])].",
}
_BY_TYPE = re.compile(r"The '(\w+)' parameter of \w+ must be an (?:instance of '(?:tuple|list|dict)'|object)")


@contextmanager
def hints_added():
    """Add to scikit-learn's error for a parameter of another type what to give."""
    try:
        yield
    except InvalidParameterError as error:
        found = _BY_TYPE.match(str(error))
        if found is None or found[1] not in _HINTS:
            raise
        raise InvalidParameterError(f"{error} {_HINTS[found[1]]}") from error


class HintedParams:
    """Checks parameters as scikit-learn does, with errors that say what to give."""

    def _validate_params(self):
        with hints_added():
            super()._validate_params()


def check_weights(sample_weight, values, name="sample_weight"):
    """Return weights as a new float64 array with a number for each row of `values`, or refuse them."""
    weights = _finite(sample_weight, name)
    shape = getattr(np.asarray(weights), "shape", ())
    if len(shape) == 1 and shape[0] != len(values):
        rows = "X_val" if name.endswith("_val") else "X"
        raise ValueError(
            f"{name} has {shape[0]} weights for {len(values)} rows of {rows}. Give each row a weight; 0 "
            "leaves a row out."
        )
    weights = _check_sample_weight(weights, values, dtype="float64", ensure_non_negative=True, copy=True)
    # scikit-learn lets them pass; their mean, by which a weighted loss is divided, would be 0.
    if not weights.any():
        raise ValueError(f"Every {name} is zero; there is nothing to learn from.")
    return weights


def _finite(weights, name):
    """Return weights, or refuse missing and infinite ones with their number and first row."""
    rows = getattr(weights, "index", None)
    array = np.ma.filled(weights, np.nan) if np.ma.is_masked(weights) else np.asarray(weights)
    # Other forms (one number for all rows, text) are left to scikit-learn.
    if array.ndim == 1 and (array.dtype == object or array.dtype.kind == "f"):
        wrong = np.flatnonzero(pd.isna(array) if array.dtype == object else ~np.isfinite(array))
        if len(wrong):
            what = "infinity" if array.dtype != object and np.isinf(array[wrong[0]]) else "NaN"
            raise ValueError(
                f"Input {name} contains {what}: {len(wrong)} of {len(array)} weights are no finite numbers, first at "
                f"{_row(rows, wrong[0])}. Give each row a weight; 0 leaves a row out."
            )
    _refuse_others(array, rows, name)
    return array if np.ma.is_masked(weights) else weights


def _refuse_others(array, rows, name):
    """Refuse weights that are words, or less than 0, with their number and first row."""
    if array.dtype.kind in "Mm" or (array.ndim == 0 and array.dtype.kind == "O" and array.item() is not None):
        found = f"dtype {array.dtype}" if array.ndim else f"a {type(array.item()).__name__}"
        raise ValueError(f"Input {name} holds no numbers, got {found}. Give each row a weight.")
    # What has another form is left to scikit-learn.
    if array.ndim != 1 or array.dtype.kind not in "OUSTbiuf":
        return
    numbers = array if array.dtype.kind in "biuf" else pd.to_numeric(pd.Series(array), errors="coerce").to_numpy()
    for wrong, what in (
        (pd.isna(numbers), f"Input {name} holds no numbers"),
        (numbers < 0, f"Negative values in data passed to `{name}`"),
    ):
        if np.any(wrong):
            first = int(np.flatnonzero(wrong)[0])
            cell = shorten(repr(array[[first]].tolist()[0]))
            raise ValueError(
                f"{what}: {int(np.sum(wrong))} of {len(array)} weights, first {cell} at {_row(rows, first)}. "
                "Give each row a weight; 0 leaves a row out."
            )


def _row(rows, position):
    """Return where a row is; the `index` of a list is a method."""
    return row_at(None if callable(rows) else rows, position)
