"""Specs and parts to one `keras.Model`: branches, merges, heads, and what they need to be loaded again.

In come the specs of the arrays, a branch for each, a merge, a head and the target. Out goes a network
that takes a dict of arrays by input name, and the compiled function that predicts with it.
"""

from .branches import _FunctionBranch, _LayerBranch
from .build import build_by_hand, build_network, check_saveable, resolve_branches
from .forward import Forward
from .heads import N_MEMBERS, DenseHead, classification_target, encode_target, regression_target
from .losses import MembersLoss, OutputsLoss, TargetUnitsLoss, loss_name, metrics_by_output
from .merges import (
    MERGES,
    AddMerge,
    AttentionMerge,
    AverageMerge,
    ConcatenateMerge,
    GatedMerge,
    InteractionMerge,
    MaximumMerge,
    Merge,
    MultiplyMerge,
    _FunctionMerge,
    as_merge,
)
from .packing import pack_network, unpack_network
from .staged import StagedMerge

__all__ = [
    "MERGES",
    "N_MEMBERS",
    "AddMerge",
    "AttentionMerge",
    "AverageMerge",
    "ConcatenateMerge",
    "DenseHead",
    "Forward",
    "GatedMerge",
    "InteractionMerge",
    "MaximumMerge",
    "MembersLoss",
    "Merge",
    "MultiplyMerge",
    "OutputsLoss",
    "StagedMerge",
    "TargetUnitsLoss",
    "_FunctionBranch",
    "_FunctionMerge",
    "_LayerBranch",
    "as_merge",
    "build_by_hand",
    "build_network",
    "check_saveable",
    "classification_target",
    "encode_target",
    "loss_name",
    "metrics_by_output",
    "pack_network",
    "regression_target",
    "resolve_branches",
    "unpack_network",
]
