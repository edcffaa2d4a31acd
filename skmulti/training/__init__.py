"""A compiled network trained on encoded rows.

In come a network, rows and what the user left open. Out go trained weights, the history of the
epochs and the epoch whose weights are kept. Nothing here knows of tables or encoders.
"""

from .callbacks import AnnealRate, SlowOnPlateau, auto_rate, sets_rate
from .feeds import StreamRows, piece_rows, table_batches
from .run import (
    EARLY_STOPPING_ROWS,
    Rows,
    Schedule,
    auto_batch_size,
    auto_epochs,
    auto_optimizer,
    auto_steps_per_execution,
    draw_seed,
    hold_out,
    isolate,
    sample_rows,
    train,
)
from .timing import Timings

__all__ = [
    "EARLY_STOPPING_ROWS",
    "AnnealRate",
    "Rows",
    "Schedule",
    "SlowOnPlateau",
    "StreamRows",
    "Timings",
    "auto_batch_size",
    "auto_epochs",
    "auto_optimizer",
    "auto_rate",
    "auto_steps_per_execution",
    "draw_seed",
    "hold_out",
    "isolate",
    "piece_rows",
    "sample_rows",
    "sets_rate",
    "table_batches",
    "train",
]
