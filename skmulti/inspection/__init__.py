"""Look into what is fitted: a fitted estimator and rows go in, numbers, drawings of them and reports come out."""

from ._svg import figure_to_svg
from .displays import InputImportanceDisplay, TrainingDisplay

__all__ = ["InputImportanceDisplay", "TrainingDisplay", "figure_to_svg"]
