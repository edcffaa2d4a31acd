"""Constraints of parameters, checks of weights and names, and diagrams, from private modules of scikit-learn.

All private names of scikit-learn are imported here (and in `estimators.scikeras`), so that a release that moves one
breaks one file.
"""

from numbers import Integral, Real

from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt, StrOptions
from sklearn.utils._repr_html.estimator import _VisualBlock as VisualBlock
from sklearn.utils.validation import _check_feature_names_in as check_feature_names
from sklearn.utils.validation import _check_sample_weight

__all__ = [
    "FRACTION",
    "POSITIVE_INT",
    "RATE",
    "HasMethods",
    "Integral",
    "Interval",
    "Real",
    "RealNotInt",
    "StrOptions",
    "VisualBlock",
    "check_feature_names",
    "check_weights",
]

POSITIVE_INT = Interval(Integral, 1, None, closed="left")
FRACTION = Interval(RealNotInt, 0, 1, closed="neither")
RATE = Interval(Real, 0, 1, closed="left")


def check_weights(sample_weight, values):
    """Return weights as a new float64 array with a number for each row of `values`, or refuse them."""
    weights = _check_sample_weight(sample_weight, values, dtype="float64", ensure_non_negative=True, copy=True)
    # scikit-learn lets them pass; their mean, by which a weighted loss is divided, would be 0.
    if not weights.any():
        raise ValueError("Every sample_weight is zero; there is nothing to learn from.")
    return weights
