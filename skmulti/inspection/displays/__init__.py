"""Drawings of what `inspection` computes, after scikit-learn's displays; matplotlib is imported when one is drawn."""

from .importance import InputImportanceDisplay
from .training import TrainingDisplay

__all__ = ["InputImportanceDisplay", "TrainingDisplay"]
