"""Kinds of inputs: for each kind one file with its encoder and its branch.

The order of `ENCODERS` is the order in which the default router asks them.
"""

from ._cells import BYTES, PATHS
from ._encoded import infer_spec
from ._hints import hint
from .base import FEW_ROWS, LAZY_SHARE, SAMPLE_ROWS, Branch, InputEncoder, cannot_learn_in_parts, missing_rows
from .calendar import CalendarEncoder
from .category import CategoryIndexer, EmbeddingBranch, OneHotBranch
from .image import ImageBranch, ImageDecoder
from .sequence import SequenceBranch, SequencePadder
from .stacker import VectorStacker
from .text import TextBranch, TextVectorizer
from .transformer import TransformerEncoder
from .vector import DenseBranch, NumberScaler, PiecewiseBranch, small_data_dropout

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
    "BYTES",
    "ENCODERS",
    "FEW_ROWS",
    "LAZY_SHARE",
    "PATHS",
    "SAMPLE_ROWS",
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
    "cannot_learn_in_parts",
    "hint",
    "infer_spec",
    "missing_rows",
    "small_data_dropout",
]
