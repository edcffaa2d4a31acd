"""scikit-learn estimators for multi-input Keras models, fitted directly on one DataFrame.

A table goes in, predictions come out: the router splits its columns into named inputs, a branch of the network
learns from each input, the merge joins the branches, and the head predicts. All public names are here. Behind them are
ten wings, folders with a façade each; an import leads to a lower wing only.
"""

# First: it refuses other backends before anything imports Keras.
from . import _backend as _backend  # isort: skip
from ._version import __version__ as __version__
from ._workers import share_cores
from .errors import (
    BranchMismatchError,
    CellTypeError,
    CheckpointWarning,
    ClusterError,
    DroppedColumnsWarning,
    DroppedRowsWarning,
    ExportError,
    InputMismatchError,
    InterruptedFitWarning,
    MissingValuesWarning,
    NetworkSizeWarning,
    OddCellsWarning,
    OptimizerStateWarning,
    OtherVersionWarning,
    SavedFileError,
    TargetWarning,
    UnknownValuesWarning,
    UnmatchedFilesWarning,
    UntrustedTypesError,
)
from .estimators import EmbeddingTransformer, MultiInputClassifier, MultiInputRegressor, Plan, hand_in
from .inputs import (
    BackboneBranch,
    Branch,
    CalendarEncoder,
    CategoryIndexer,
    ColumnTensor,
    DenseBranch,
    EmbeddingBranch,
    EncoderGraph,
    IdsPadder,
    ImageBranch,
    ImageDecoder,
    InputEncoder,
    NumberScaler,
    OneHotBranch,
    PiecewiseBranch,
    PretrainedTokenizer,
    RecordVectorizer,
    SequenceBranch,
    SequencePadder,
    TagsBranch,
    TagsIndexer,
    TextBranch,
    TextVectorizer,
    VectorStacker,
)
from .inspection import (
    EmbeddingDisplay,
    Explanation,
    GateDisplay,
    ImageGridDisplay,
    InputImportanceDisplay,
    TrainingDisplay,
    explain_rows,
    gate_weights,
    input_importance,
    report,
)
from .network import (
    AddMerge,
    AttentionMerge,
    AverageMerge,
    ConcatenateMerge,
    DenseHead,
    GatedMerge,
    InteractionMerge,
    MaximumMerge,
    Merge,
    MultiplyMerge,
    StagedMerge,
    build_network,
)
from .router import InputRouter, make_input_router
from .saving import export, load, records_schema, save
from .sources import load_files_frame
from .spec import ArraySpec, TargetSpec
from .training import AnnealRate, LazyAdam, SlowOnPlateau

# A worker process imports skmulti when it is handed an estimator, before TensorFlow has started its threads.
share_cores()


def _call_on_partitions(*arguments, **keywords):
    from .dask import call_on_partitions

    return call_on_partitions(*arguments, **keywords)


# Estimators are below the wing that knows Dask. It is imported when a table of Dask is predicted.
hand_in(_call_on_partitions)

__all__ = [
    "AddMerge",
    "AnnealRate",
    "ArraySpec",
    "AttentionMerge",
    "AverageMerge",
    "BackboneBranch",
    "Branch",
    "BranchMismatchError",
    "CalendarEncoder",
    "CategoryIndexer",
    "CellTypeError",
    "CheckpointWarning",
    "ClusterError",
    "ColumnTensor",
    "ConcatenateMerge",
    "DenseBranch",
    "DenseHead",
    "DroppedColumnsWarning",
    "DroppedRowsWarning",
    "EmbeddingBranch",
    "EmbeddingDisplay",
    "EmbeddingTransformer",
    "EncoderGraph",
    "Explanation",
    "ExportError",
    "GateDisplay",
    "GatedMerge",
    "IdsPadder",
    "ImageBranch",
    "ImageDecoder",
    "ImageGridDisplay",
    "InputEncoder",
    "InputImportanceDisplay",
    "InputMismatchError",
    "InputRouter",
    "InteractionMerge",
    "InterruptedFitWarning",
    "LazyAdam",
    "MaximumMerge",
    "Merge",
    "MissingValuesWarning",
    "MultiInputClassifier",
    "MultiInputRegressor",
    "MultiplyMerge",
    "NetworkSizeWarning",
    "NumberScaler",
    "OddCellsWarning",
    "OneHotBranch",
    "OptimizerStateWarning",
    "OtherVersionWarning",
    "PiecewiseBranch",
    "Plan",
    "PretrainedTokenizer",
    "RecordVectorizer",
    "SavedFileError",
    "SequenceBranch",
    "SequencePadder",
    "SlowOnPlateau",
    "StagedMerge",
    "TagsBranch",
    "TagsIndexer",
    "TargetSpec",
    "TargetWarning",
    "TextBranch",
    "TextVectorizer",
    "TrainingDisplay",
    "UnknownValuesWarning",
    "UnmatchedFilesWarning",
    "UntrustedTypesError",
    "VectorStacker",
    "build_network",
    "explain_rows",
    "export",
    "gate_weights",
    "input_importance",
    "load",
    "load_files_frame",
    "make_input_router",
    "records_schema",
    "report",
    "save",
]
