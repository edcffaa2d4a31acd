"""One `keras.Model` from a branch for each input, a merge and a head.

In come the `ArraySpec` of each input, the user's branches, merge, head, loss and metrics, and the `TargetSpec`. Out
goes a network that takes a dict of arrays by input name, checked so that it can be loaded again,
with the loss and the metrics that suit its output. The wing reads no rows but the samples from which branches take
their initial values, and trains nothing.
"""

from .branches import FunctionBranch, LayerBranch, kinds_read, resolve_branches, with_features
from .build import build_by_hand, build_network, refuse_mismatches
from .cuts import Cut, cut, cut_off
from .ensemble import average_networks, average_outputs, networks_apart, networks_in, reach_inside
from .forward import Forward
from .halves import Halves, InputVectors
from .heads import N_MEMBERS, DenseHead, TargetMoments, classification_target, encode_target, regression_target
from .losses import MembersLoss, OutputsLoss, TargetUnitsLoss, loss_name, metrics_by_output
from .merges import (
    MERGES,
    AddMerge,
    AttentionMerge,
    AverageMerge,
    ConcatenateMerge,
    FunctionMerge,
    GatedMerge,
    InteractionMerge,
    MaximumMerge,
    Merge,
    MultiplyMerge,
    as_merge,
)
from .packing import PackedLayer, PackedNetwork, pack_layer, pack_network, unpack_layer, unpack_network, weight_shapes
from .reload import check_saveable
from .staged import StagedMerge
from .temperature import temper

__all__ = [
    "MERGES",
    "N_MEMBERS",
    "AddMerge",
    "AttentionMerge",
    "AverageMerge",
    "ConcatenateMerge",
    "Cut",
    "DenseHead",
    "Forward",
    "FunctionBranch",
    "FunctionMerge",
    "GatedMerge",
    "Halves",
    "InputVectors",
    "InteractionMerge",
    "LayerBranch",
    "MaximumMerge",
    "MembersLoss",
    "Merge",
    "MultiplyMerge",
    "OutputsLoss",
    "PackedLayer",
    "PackedNetwork",
    "StagedMerge",
    "TargetMoments",
    "TargetUnitsLoss",
    "as_merge",
    "average_networks",
    "average_outputs",
    "build_by_hand",
    "build_network",
    "check_saveable",
    "classification_target",
    "cut",
    "cut_off",
    "encode_target",
    "kinds_read",
    "loss_name",
    "metrics_by_output",
    "networks_apart",
    "networks_in",
    "pack_layer",
    "pack_network",
    "reach_inside",
    "refuse_mismatches",
    "regression_target",
    "resolve_branches",
    "temper",
    "unpack_layer",
    "unpack_network",
    "weight_shapes",
    "with_features",
]
