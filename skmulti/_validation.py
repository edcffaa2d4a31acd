"""scikit-learn's declarative parameter constraints: the one place that imports them from its private module."""

from numbers import Integral, Real

from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

__all__ = [
    "FRACTION",
    "NON_NEGATIVE_INT",
    "POSITIVE_INT",
    "RATE",
    "HasMethods",
    "Integral",
    "Interval",
    "Real",
    "StrOptions",
]

POSITIVE_INT = Interval(Integral, 1, None, closed="left")
NON_NEGATIVE_INT = Interval(Integral, 0, None, closed="left")
FRACTION = Interval(Real, 0, 1, closed="neither")
RATE = Interval(Real, 0, 1, closed="left")
