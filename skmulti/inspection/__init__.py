"""Look into what is fitted: a fitted estimator and rows go in, numbers, drawings of them and reports come out."""

from .embedding import EmbeddingTransformer
from .importance import input_importance

__all__ = ["EmbeddingTransformer", "input_importance"]
