"""Training of a network on encoded rows.

A network, encoded rows and what the user decided come in. The trained weights, the history of the
epochs and the number of the best epoch go out. `Recipe` chooses what the user left open, `Rows` and
`StreamRows` hold the rows, `train` runs the fit, and a `Checkpoint` lets it go on after a kill. Nothing
here knows how a column becomes an array: `table_batches` hands the rows of a table to a fitted router, and
takes arrays from it.
"""

from .callbacks import AnnealRate, SlowOnPlateau
from .checkpoint import Checkpoint, variables
from .defaults import PATIENCE, Recipe, stops_early, why_stops_early
from .features import TrainingNetwork
from .feeds import StreamRows, piece_rows, table_batches
from .fingerprint import digest
from .lazy import LazyAdam
from .run import Rows, Schedule, draw_seed, hold_out, isolate, sample_rows, time_epoch, train
from .telling import Teller, built, routed, routed_hold_out, teller, time_in_words, told_by
from .timing import Timings

__all__ = [
    "PATIENCE",
    "AnnealRate",
    "Checkpoint",
    "LazyAdam",
    "Recipe",
    "Rows",
    "Schedule",
    "SlowOnPlateau",
    "StreamRows",
    "Teller",
    "Timings",
    "TrainingNetwork",
    "built",
    "digest",
    "draw_seed",
    "hold_out",
    "isolate",
    "piece_rows",
    "routed",
    "routed_hold_out",
    "sample_rows",
    "stops_early",
    "table_batches",
    "teller",
    "time_epoch",
    "time_in_words",
    "told_by",
    "train",
    "variables",
    "why_stops_early",
]
