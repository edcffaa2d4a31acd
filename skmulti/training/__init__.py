"""Training of a network on encoded rows.

A network, encoded rows and what the user decided come in. The trained weights, the history of the
epochs and the number of the best epoch go out. `Recipe` chooses what the user left open, `Rows` and
`StreamRows` hold the rows, `train` runs the fit, and a `Checkpoint` lets it go on after a kill. Nothing
here knows how a column becomes an array: `table_batches` hands the rows of a table to a fitted router, and
takes arrays from it.
"""

from .callbacks import AnnealRate, SlowOnPlateau
from .checkpoint import Checkpoint, kept_seed, shared_checkpoint, variables
from .closeness import Look, look
from .crew import Alone, Crew
from .defaults import PATIENCE, Recipe, cross_validates, may_leave_out, stops_early, why_stops_early
from .devices import refuse_strategy, strategy_of
from .features import KeptForward, TrainingNetwork, count_rows
from .feeds import StreamRows, piece_rows, table_batches
from .fingerprint import digest
from .lazy import LazyAdam
from .processes import SharedRows, StopTogether, shares
from .rates import mark_steps, with_scaled_steps
from .run import (
    Rows,
    Schedule,
    count_held,
    divide_in_folds,
    draw_seed,
    hold_out,
    hold_out_in_turn,
    isolate,
    sample_positions,
    sample_rows,
    time_epoch,
    train,
)
from .telling import (
    Teller,
    built,
    built_more,
    left_out,
    routed,
    routed_hold_out,
    teller,
    thawed,
    time_in_words,
    told_by,
)
from .timing import Timings

__all__ = [
    "PATIENCE",
    "Alone",
    "AnnealRate",
    "Checkpoint",
    "Crew",
    "KeptForward",
    "LazyAdam",
    "Look",
    "Recipe",
    "Rows",
    "Schedule",
    "SharedRows",
    "SlowOnPlateau",
    "StopTogether",
    "StreamRows",
    "Teller",
    "Timings",
    "TrainingNetwork",
    "built",
    "built_more",
    "count_held",
    "count_rows",
    "cross_validates",
    "digest",
    "divide_in_folds",
    "draw_seed",
    "hold_out",
    "hold_out_in_turn",
    "isolate",
    "kept_seed",
    "left_out",
    "look",
    "mark_steps",
    "may_leave_out",
    "piece_rows",
    "refuse_strategy",
    "routed",
    "routed_hold_out",
    "sample_positions",
    "sample_rows",
    "shared_checkpoint",
    "shares",
    "stops_early",
    "strategy_of",
    "table_batches",
    "teller",
    "thawed",
    "time_epoch",
    "time_in_words",
    "told_by",
    "train",
    "variables",
    "why_stops_early",
    "with_scaled_steps",
]
