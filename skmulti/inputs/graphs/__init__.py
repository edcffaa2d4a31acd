"""Encoders in a TensorFlow graph: what `InputEncoder.graph` returns.

In comes a fitted encoder, out goes an `EncoderGraph`: which tensor stands for each of its columns, and TensorFlow's
functions that make of them what the encoder makes of columns. `export` needs no Python for a row then. The contract is
in `contract`; `strings` has what Python's strings can do and TensorFlow's cannot; the other files have the graphs of
encoders by what they read. Texts and images keep theirs in their own folders.
"""

from .categories import CategoryGraph, TagsGraph
from .contract import MISSING, ColumnTensor, EncoderGraph, column_names, refuse_if
from .dates import CalendarGraph
from .lists import IdsGraph, SequenceGraph, VectorGraph
from .numbers import NumberGraph, Scale
from .strings import Normalizer, strip, unless_ascii
from .transformers import transformer_graph

__all__ = [
    "MISSING",
    "CalendarGraph",
    "CategoryGraph",
    "ColumnTensor",
    "EncoderGraph",
    "IdsGraph",
    "Normalizer",
    "NumberGraph",
    "Scale",
    "SequenceGraph",
    "TagsGraph",
    "VectorGraph",
    "column_names",
    "refuse_if",
    "strip",
    "transformer_graph",
    "unless_ascii",
]
