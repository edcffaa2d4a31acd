"""Look into what is fitted: a fitted estimator and rows go in, numbers, drawings of them and reports come out."""

from .explain import explain_rows
from .explanation import Explanation

__all__ = ["Explanation", "explain_rows"]
