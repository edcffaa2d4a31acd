"""Kinds of inputs: each kind is one file, or one folder, with its encoder and its branch.

What comes in: the columns of one input, as a Series or a frame, and later the spec of their array. What goes out: the
array from the encoder, and the layers that read it from the branch. Other wings import nothing but the names below:

- encoders and branches, their base classes, and `ENCODERS`, which the default router asks;
- `infer_spec` for arrays that were encoded elsewhere, and `hint` for columns that seem to hold something else;
- the contexts in which odd cells are reported: `odd_cells_reported`, `odd_cells_gathered` and `report_odd_cells`, and
  `first_notes` of what was gathered;
- what fitted encoders hold, which saved files name: `ArrayCounts`, `Bounds`, `DateStyle`, `KnownValues`, `Moments`,
  `NumberStyle`, `Pairs` and `Vocabulary`;
- `named_network` and `weights_source`, for saved files that leave out what can be read again;
- limits that the router keeps to (`FEW_ROWS`, `SAMPLE_ROWS`), the classes of cells that are files or name
  files (`BYTES`, `PATHS`, `file_of`), and small functions that belong to the contract of encoders and branches.
"""

from ._cells import BYTES, PATHS, file_of
from ._date_text import DateStyle
from ._encoded import infer_spec
from ._hints import hint
from ._ids import READS_IDS, ways_to_ids
from ._measures import mark_outside
from ._number_text import NumberStyle
from ._numbers import Bounds, Moments
from ._odd import first_notes, odd_cells_gathered, odd_cells_reported, report_odd_cells, settle_odd
from ._presets import named_network, weights_source
from ._state import Pairs
from ._unknown import KnownValues
from ._values import Vocabulary
from .backbone import BackboneBranch
from .base import (
    FEW_ROWS,
    SAMPLE_ROWS,
    Branch,
    InputEncoder,
    Piece,
    as_frame,
    cannot_learn_in_parts,
    cannot_merge,
    check_frame,
    check_merge,
    missing_rows,
    one_column,
    with_words,
)
from .calendar import CalendarEncoder
from .category import CategoryIndexer, EmbeddingBranch, OneHotBranch
from .graphs import ColumnTensor, EncoderGraph
from .image import ArrayCounts, ImageBranch, ImageDecoder
from .records import RecordVectorizer
from .sequence import SequenceBranch, SequencePadder
from .stacker import VectorStacker
from .tags import TagsBranch, TagsIndexer
from .text import PretrainedTokenizer, TextBranch, TextVectorizer
from .token_ids import IdsPadder
from .transformer import TransformerEncoder
from .vector import MOST_DROPOUT, DenseBranch, NumberScaler, PiecewiseBranch, small_data_dropout

# The default router takes the first encoder that suits a column, so the order matters: encoders that know a column by
# its dtype or by the look of its cells stand before text and categories, which take almost any string. Lists of ids are
# taken for numbers unless the user says that they are text, so `IdsPadder` comes late. The last one
# takes what no other would; the router drops such a column if nearly all of its values differ.
ENCODERS = (
    NumberScaler,
    CalendarEncoder,
    ImageDecoder,
    VectorStacker,
    SequencePadder,
    RecordVectorizer,
    TagsIndexer,
    TextVectorizer,
    IdsPadder,
    CategoryIndexer,
)

__all__ = [
    "BYTES",
    "ENCODERS",
    "FEW_ROWS",
    "MOST_DROPOUT",
    "PATHS",
    "READS_IDS",
    "SAMPLE_ROWS",
    "ArrayCounts",
    "BackboneBranch",
    "Bounds",
    "Branch",
    "CalendarEncoder",
    "CategoryIndexer",
    "ColumnTensor",
    "DateStyle",
    "DenseBranch",
    "EmbeddingBranch",
    "EncoderGraph",
    "IdsPadder",
    "ImageBranch",
    "ImageDecoder",
    "InputEncoder",
    "KnownValues",
    "Moments",
    "NumberScaler",
    "NumberStyle",
    "OneHotBranch",
    "Pairs",
    "Piece",
    "PiecewiseBranch",
    "PretrainedTokenizer",
    "RecordVectorizer",
    "SequenceBranch",
    "SequencePadder",
    "TagsBranch",
    "TagsIndexer",
    "TextBranch",
    "TextVectorizer",
    "TransformerEncoder",
    "VectorStacker",
    "Vocabulary",
    "as_frame",
    "cannot_learn_in_parts",
    "cannot_merge",
    "check_frame",
    "check_merge",
    "file_of",
    "first_notes",
    "hint",
    "infer_spec",
    "mark_outside",
    "missing_rows",
    "named_network",
    "odd_cells_gathered",
    "odd_cells_reported",
    "one_column",
    "report_odd_cells",
    "settle_odd",
    "small_data_dropout",
    "ways_to_ids",
    "weights_source",
    "with_words",
]
