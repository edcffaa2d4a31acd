"""Rows that are not in one DataFrame: tables in files, encoded batches, and files joined by their names.

In comes what a user passes to `fit` in place of a table: a path, an Arrow dataset, a ``tf.data.Dataset``, a
generator, a function. Out comes a `TableSource` of frames or a `BatchSource` of batches, which can be read once for
each epoch; what never ends, or changes between two readings, is refused. `load_files_frame` makes an ordinary frame of
files that belong together, and `as_frame` of a table of another library. The wing only reads: it encodes nothing, and
knows no inputs.
"""

from .batches import batch_source, split_batch
from .files import load_files_frame
from .foreign import as_column, as_frame, has_named_columns, infer_types, native, positions, unmask
from .tables import TableSource, table_source

__all__ = [
    "TableSource",
    "as_column",
    "as_frame",
    "batch_source",
    "has_named_columns",
    "infer_types",
    "load_files_frame",
    "native",
    "positions",
    "split_batch",
    "table_source",
    "unmask",
]
