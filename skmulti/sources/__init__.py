"""Rows that are in no frame: tables in parts, batches that are encoded already, files that are joined by name.

In comes what a user hands to `fit` in a table's place: a path, a dataset, a generator, a function. Out come
frames or batches that can be read once an epoch, checked for what never ends or changes between two readings.
"""

from .batches import batch_source, split_batch
from .files import load_files_frame
from .tables import TableSource, table_source

__all__ = [
    "TableSource",
    "batch_source",
    "load_files_frame",
    "split_batch",
    "table_source",
]
