"""Look into what is fitted: a fitted estimator and rows go in, numbers, drawings of them and reports come out."""

from ..estimators import EmbeddingTransformer
from ._svg import figure_to_svg
from .displays import EmbeddingDisplay, GateDisplay, ImageGridDisplay, InputImportanceDisplay, TrainingDisplay
from .explain import explain_rows
from .explanation import Explanation
from .gates import gate_weights
from .importance import input_importance
from .reporting import report

__all__ = [
    "EmbeddingDisplay",
    "EmbeddingTransformer",
    "Explanation",
    "GateDisplay",
    "ImageGridDisplay",
    "InputImportanceDisplay",
    "TrainingDisplay",
    "explain_rows",
    "figure_to_svg",
    "gate_weights",
    "input_importance",
    "report",
]
