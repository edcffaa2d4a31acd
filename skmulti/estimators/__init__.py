"""Scikit-learn estimators that fit a multi-input network to a table and predict with it.

A table, or a source of rows that is not in memory, comes in with a target of classes or numbers. A fitted
estimator goes out, with its router, network, history and predictions. `base` holds the order of a fit,
`examples` the rows whatever they come from, `targets` what differs between classes and numbers, `parameters`
the names ``branches__photo__filters`` and `scikeras` all that is inherited from SciKeras. Other wings need
little more than the public classes.
"""

from .base import Outputs
from .classifier import MultiInputClassifier
from .copies import KINDS, PackedObject, pack_object
from .embedding import EmbeddingTransformer
from .graph import output_graph
from .labels import Labels
from .outcomes import OutcomeColumns, predict_rows
from .parted import EncodedPart, PartedFit, merged
from .partitions import hand_in, is_partitioned
from .plan import Plan
from .regressor import MultiInputRegressor
from .scikeras import repeat_names
from .scores import score_of_parts, score_part
from .targets import ClassTarget, NumberTarget

__all__ = [
    "KINDS",
    "ClassTarget",
    "EmbeddingTransformer",
    "EncodedPart",
    "Labels",
    "MultiInputClassifier",
    "MultiInputRegressor",
    "NumberTarget",
    "OutcomeColumns",
    "Outputs",
    "PackedObject",
    "PartedFit",
    "Plan",
    "hand_in",
    "is_partitioned",
    "merged",
    "output_graph",
    "pack_object",
    "predict_rows",
    "repeat_names",
    "score_of_parts",
    "score_part",
]
