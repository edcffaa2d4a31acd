"""Look into what is fitted: a fitted estimator and rows go in, numbers, drawings of them and reports come out."""

from ._svg import figure_to_svg
from .displays import InputImportanceDisplay, TrainingDisplay
from .embedding import EmbeddingTransformer
from .explain import explain_rows
from .explanation import Explanation
from .importance import input_importance
from .reporting import report

__all__ = [
    "EmbeddingTransformer",
    "Explanation",
    "InputImportanceDisplay",
    "TrainingDisplay",
    "explain_rows",
    "figure_to_svg",
    "input_importance",
    "report",
]
