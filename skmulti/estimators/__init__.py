"""The two public classes, from a file each."""

from .classifier import MultiInputClassifier
from .regressor import MultiInputRegressor

__all__ = ["MultiInputClassifier", "MultiInputRegressor"]
