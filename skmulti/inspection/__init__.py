"""Look into what is fitted: a fitted estimator and rows go in, numbers, drawings of them and reports come out."""

from ._svg import figure_to_svg
from .displays import EmbeddingDisplay, GateDisplay, InputImportanceDisplay, TrainingDisplay
from .gates import gate_weights

__all__ = [
    "EmbeddingDisplay",
    "GateDisplay",
    "InputImportanceDisplay",
    "TrainingDisplay",
    "figure_to_svg",
    "gate_weights",
]
