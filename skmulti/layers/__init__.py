"""Keras layers, losses and metrics of our own, registered so that a saved network loads without code of ours.

In come tensors, out go tensors: nothing here knows of tables, inputs or targets. A layer stands in
the file of its subject: ids, numbers, steps, missing values, outputs, dense layers.
"""

from .dense import check_units, dense_stack
from .missing import (
    AllMissing,
    CategoryEmbedding,
    FeatureScale,
    Gates,
    InputEmbedding,
    LearnedFill,
    LearnedWhenMissing,
    MissingRow,
    OneHotIds,
    PresentInputs,
    RandomFlag,
    StepMask,
    StepPosition,
    StepSummary,
    TargetUnits,
    ZeroMasked,
    feature_means,
)
from .numbers import NARROWEST, ColumnDense, ColumnSymlog, MemberMean, Members, Network, PiecewiseLinear, has_members
from .outputs import OutputsLoss, OutputsSoftmax, fitting_metrics, with_logits
from .words import WordBag, WordEmbedding, inverse_document_frequencies

__all__ = [
    "NARROWEST",
    "AllMissing",
    "CategoryEmbedding",
    "ColumnDense",
    "ColumnSymlog",
    "FeatureScale",
    "Gates",
    "InputEmbedding",
    "LearnedFill",
    "LearnedWhenMissing",
    "MemberMean",
    "Members",
    "MissingRow",
    "Network",
    "OneHotIds",
    "OutputsLoss",
    "OutputsSoftmax",
    "PiecewiseLinear",
    "PresentInputs",
    "RandomFlag",
    "StepMask",
    "StepPosition",
    "StepSummary",
    "TargetUnits",
    "WordBag",
    "WordEmbedding",
    "ZeroMasked",
    "check_units",
    "dense_stack",
    "feature_means",
    "fitting_metrics",
    "has_members",
    "inverse_document_frequencies",
    "with_logits",
]
