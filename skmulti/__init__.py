"""scikit-learn estimators for multi-input Keras models, fitted directly on one DataFrame."""

from ._workers import share_cores
from .callbacks import AnnealRate, SlowOnPlateau
from .errors import BranchMismatchError, CellTypeError, InputMismatchError, MissingValuesWarning, NetworkSizeWarning
from .estimators import MultiInputClassifier, MultiInputRegressor
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
    "VectorStacker",
    "build_network",
    "make_input_router",
]
