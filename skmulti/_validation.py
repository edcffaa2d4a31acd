"""What skmulti takes from private modules of scikit-learn: constraints, checks of weights and names, diagrams."""

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
    """Return weights as an own float64 array, a number for each row of `values`, or refuse them."""
    weights = _check_sample_weight(sample_weight, values, dtype="float64", ensure_non_negative=True, copy=True)
    if not weights.any():
        raise ValueError("Every sample_weight is zero; there is nothing to learn from.")
    return weights
