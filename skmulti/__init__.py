"""scikit-learn estimators for multi-input Keras models, fitted directly on one DataFrame."""

from ._workers import share_cores
from .callbacks import AnnealRate, SlowOnPlateau
from .errors import (
    BranchMismatchError,
    CellTypeError,
    DroppedRowsWarning,
    InputMismatchError,
    MissingValuesWarning,
    NetworkSizeWarning,
    UnmatchedFilesWarning,
)
from .estimators import MultiInputClassifier, MultiInputRegressor
from .files import load_files_frame
from .heads import DenseHead
from .inputs import (
    Branch,
    CalendarEncoder,
    CategoryIndexer,
    DenseBranch,
    EmbeddingBranch,
    ImageBranch,
    ImageDecoder,
    InputEncoder,
    NumberScaler,
    OneHotBranch,
    PiecewiseBranch,
    SequenceBranch,
    SequencePadder,
    TextBranch,
    TextVectorizer,
    VectorStacker,
)
from .merges import (
    AddMerge,
    AttentionMerge,
    AverageMerge,
    ConcatenateMerge,
    GatedMerge,
    InteractionMerge,
    MaximumMerge,
    Merge,
    MultiplyMerge,
)
from .network import build_network
from .router import InputRouter, make_input_router
from .spec import ArraySpec, TargetSpec
from .staged import StagedMerge

# A worker process imports skmulti when it is handed an estimator, before TensorFlow has started its threads.
share_cores()

__version__ = "0.1.0"

__all__ = [
    "AddMerge",
    "AnnealRate",
    "ArraySpec",
    "AttentionMerge",
    "AverageMerge",
    "Branch",
    "BranchMismatchError",
    "CalendarEncoder",
    "CategoryIndexer",
    "CellTypeError",
    "ConcatenateMerge",
    "DenseBranch",
    "DenseHead",
    "DroppedRowsWarning",
    "EmbeddingBranch",
    "GatedMerge",
    "ImageBranch",
    "ImageDecoder",
    "InputEncoder",
    "InputMismatchError",
    "InputRouter",
    "InteractionMerge",
    "MaximumMerge",
    "Merge",
    "MissingValuesWarning",
    "MultiInputClassifier",
    "MultiInputRegressor",
    "MultiplyMerge",
    "NetworkSizeWarning",
    "NumberScaler",
    "OneHotBranch",
    "PiecewiseBranch",
    "SequenceBranch",
    "SequencePadder",
    "SlowOnPlateau",
    "StagedMerge",
    "TargetSpec",
    "TextBranch",
    "TextVectorizer",
    "UnmatchedFilesWarning",
    "VectorStacker",
    "build_network",
    "load_files_frame",
    "make_input_router",
]
