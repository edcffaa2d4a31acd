"""The router: columns of a table to the named arrays of a network's inputs.

What comes in: a table (a frame of any library, a 2-D array, rows as lists or dicts, or arrays by input name), and the
inputs that the user named; without them the router chooses inputs and encoders from what the columns hold. What goes
out: a dict of arrays by input name, an `ArraySpec` that describes each array, the fitted encoders, and a plan that says
which column went where and why. Inputs whose training rows were missing get a bool array of flags, if their array
cannot say so itself. Rows are encoded all at once, in chunks, or as a `LazyArray` that encodes the rows of a batch when
the batch is made; a folder may keep rows that were decoded. Arrays that were encoded elsewhere come in through
`check_batch`, and `EncodedInputs` stands in for their router. `FittedRoutes` and `Route` are what a saved router holds.
"""

from .blocks import draw_block, in_words
from .encoded import EncodedInputs, check_batch, first_specs
from .entries import input_names
from .fitted import FittedRoutes
from .frames import n_rows, table_parts, take_rows, to_table
from .graph import RouterGraph
from .lazy import LazyArray, is_lazy, on_disk_if_large, split_lazy, take
from .plan import RoutingTable, lines_to_change
from .records import is_record
from .router import InputRouter, make_input_router
from .routes import Route
from .store import as_memory, file_states, store_folder

__all__ = [
    "EncodedInputs",
    "FittedRoutes",
    "InputRouter",
    "LazyArray",
    "Route",
    "RouterGraph",
    "RoutingTable",
    "as_memory",
    "check_batch",
    "draw_block",
    "file_states",
    "first_specs",
    "in_words",
    "input_names",
    "is_lazy",
    "is_record",
    "lines_to_change",
    "make_input_router",
    "n_rows",
    "on_disk_if_large",
    "split_lazy",
    "store_folder",
    "table_parts",
    "take",
    "take_rows",
    "to_table",
]
