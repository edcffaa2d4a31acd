"""Drawings of what `inspection` computes, after scikit-learn's displays; matplotlib is imported when one is drawn."""

from .embedding import EmbeddingDisplay
from .gates import GateDisplay
from .grid import ImageGridDisplay
from .importance import InputImportanceDisplay
from .training import TrainingDisplay

__all__ = ["EmbeddingDisplay", "GateDisplay", "ImageGridDisplay", "InputImportanceDisplay", "TrainingDisplay"]
