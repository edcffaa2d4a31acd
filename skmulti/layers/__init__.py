"""Keras layers that branches, merges and heads are made of, and that Keras does not have.

In come tensors, out go tensors: nothing here knows of tables, inputs or estimators. Every layer is registered
with Keras under the package's name and has a config of plain data, so that a saved network is loaded in Keras'
safe mode once skmulti is imported. A layer is in the file of its subject: ids, numbers, steps, pixels, missing
values, outputs, dense layers. So are the functions that compute its initial values. `copies` makes parts of a network
of the layers and networks that a user gives.
"""

from .copies import Backbone, copy_layer, refuse_lambda, with_sublayers
from .dense import Gates, InputEmbedding, OpenDropout, OpenInput, check_units, dense_stack, open_dropouts
from .ids import (
    CategoryEmbedding,
    OneHotIds,
    WordBag,
    WordEmbedding,
    id_tables,
    inverse_document_frequencies,
    move_by_rows,
)
from .missing import AllMissing, FillFromOthers, LearnedFill, LearnedWhenMissing, MissingRow, PresentInputs, RandomFlag
from .numbers import NARROWEST, ColumnDense, ColumnSymlog, FeatureScale, PiecewiseLinear, feature_means, slopes_between
from .outputs import (
    MemberMean,
    Members,
    NetworkMean,
    OutputsSoftmax,
    TargetUnits,
    by_member,
    has_members,
    output_ranges,
    with_logits,
)
from .pixels import PIXEL_MODES, PixelScale
from .steps import CHANNELS_LAST, StepMask, StepPosition, StepSummary, ZeroMasked
from .tokens import MaskedSteps, TokenIds, TokenMask
from .unpadded import paddings_skipped

__all__ = [
    "CHANNELS_LAST",
    "NARROWEST",
    "PIXEL_MODES",
    "AllMissing",
    "Backbone",
    "CategoryEmbedding",
    "ColumnDense",
    "ColumnSymlog",
    "FeatureScale",
    "FillFromOthers",
    "Gates",
    "InputEmbedding",
    "LearnedFill",
    "LearnedWhenMissing",
    "MaskedSteps",
    "MemberMean",
    "Members",
    "MissingRow",
    "NetworkMean",
    "OneHotIds",
    "OpenDropout",
    "OpenInput",
    "OutputsSoftmax",
    "PiecewiseLinear",
    "PixelScale",
    "PresentInputs",
    "RandomFlag",
    "StepMask",
    "StepPosition",
    "StepSummary",
    "TargetUnits",
    "TokenIds",
    "TokenMask",
    "WordBag",
    "WordEmbedding",
    "ZeroMasked",
    "by_member",
    "check_units",
    "copy_layer",
    "dense_stack",
    "feature_means",
    "has_members",
    "id_tables",
    "inverse_document_frequencies",
    "move_by_rows",
    "open_dropouts",
    "output_ranges",
    "paddings_skipped",
    "refuse_lambda",
    "slopes_between",
    "with_logits",
    "with_sublayers",
]
