"""Columns of a table to the named arrays of a network's inputs.

In comes a table of any make. Out goes a dict of arrays by input name, and an `ArraySpec` for each: planned from
what the columns hold or as the user says, encoded at once, a few rows at a time, or when a batch asks for them.
"""

from .blocks import draw_block, in_words
from .encoded import EncodedInputs, check_batch, first_specs
from .entries import input_names
from .frames import n_rows, take_rows, to_table
from .lazy import LazyArray, split_lazy, take
from .router import InputRouter, make_input_router
from .store import as_memory, file_states, store_folder

__all__ = [
    "EncodedInputs",
    "InputRouter",
    "LazyArray",
    "as_memory",
    "check_batch",
    "draw_block",
    "file_states",
    "first_specs",
    "in_words",
    "input_names",
    "make_input_router",
    "n_rows",
    "split_lazy",
    "store_folder",
    "take",
    "take_rows",
    "to_table",
]
