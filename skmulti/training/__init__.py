"""A compiled network trained on encoded rows.

In come a network, rows and what the user left open. Out go trained weights, the history of the
epochs and the epoch whose weights are kept. Nothing here knows of tables or encoders.
"""

from .callbacks import AnnealRate, SlowOnPlateau
from .defaults import Recipe, stops_early
from .features import TrainingNetwork
from .feeds import StreamRows, piece_rows, table_batches
from .run import Rows, Schedule, draw_seed, hold_out, isolate, sample_rows, train
from .timing import Timings

__all__ = [
    "AnnealRate",
    "Recipe",
    "Rows",
    "Schedule",
    "SlowOnPlateau",
    "StreamRows",
    "Timings",
    "TrainingNetwork",
    "draw_seed",
    "hold_out",
    "isolate",
    "piece_rows",
    "sample_rows",
    "stops_early",
    "table_batches",
    "train",
]
