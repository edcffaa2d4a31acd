"""Kinds of inputs: for each kind one file with its encoder and its branch.

The order of `ENCODERS` is the order in which the default router asks them.
"""

from .base import Branch, InputEncoder
from .calendar import CalendarEncoder
from .category import CategoryIndexer, EmbeddingBranch, OneHotBranch
from .image import ImageBranch, ImageDecoder
from .sequence import SequenceBranch, SequencePadder
from .stacker import VectorStacker
from .text import TextBranch, TextVectorizer
from .transformer import TransformerEncoder
from .vector import DenseBranch, NumberScaler, PiecewiseBranch

ENCODERS = (
    NumberScaler,
    CalendarEncoder,
    ImageDecoder,
    VectorStacker,
    SequencePadder,
    TextVectorizer,
    CategoryIndexer,
)

__all__ = [
    "ENCODERS",
    "Branch",
    "CalendarEncoder",
    "CategoryIndexer",
    "DenseBranch",
    "EmbeddingBranch",
    "ImageBranch",
    "ImageDecoder",
    "InputEncoder",
    "NumberScaler",
    "OneHotBranch",
    "PiecewiseBranch",
    "SequenceBranch",
    "SequencePadder",
    "TextBranch",
    "TextVectorizer",
    "TransformerEncoder",
    "VectorStacker",
]
