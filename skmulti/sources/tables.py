"""Tables that are larger than memory, as one frame after another: files, folders, Arrow datasets, functions."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import InputMismatchError, closest_match, quote_first

# Rows of a frame that is read from a file.
FRAME_ROWS = 8_192
PARQUET = (".parquet", ".pq")
CSV = (".csv",)


@dataclass
class TableSource:
    """A table in parts that can be read as often as needed.

    To the rest of a fit its rows are the numbers from 0 on, as if they were a frame of positions: checks of y
    and weights and the hold-out are the same code as for a frame.

    Parameters
    ----------
    name : str
        Name of the table in messages.
    parts : list of callable
        Each returns an iterator of frames. Its argument is a list of columns, or None for all.
    own_labels : bool
        Whether the frames have row labels; otherwise rows are numbered over all parts.
    starts : list of int
        Number of the first row of each part, and of all rows; empty until the table was read once.
    """

    name: str
    parts: list[Callable]
    own_labels: bool = False
    starts: list = field(default_factory=list)

    def frames(self, columns=None, order=None):
        """Read the table.

        Parameters
        ----------
        columns : list or None
            Columns to read; None reads all columns.
        order : ndarray of int or None
            Order in which the parts are read; None reads them from first to last.

        Yields
        ------
        start : int
            Number of the frame's first row.
        frame : DataFrame
            The next rows.

        Raises
        ------
        InputMismatchError
            If a column is missing, or the number of rows is not that of the first reading.
        """
        starts = [0]
        for part in range(len(self.parts)) if order is None else order:
            # In another order, a part's first row is known from the first reading only.
            start = self.starts[part] if self.starts else starts[-1]
            for frame in self.parts[part](columns):
                frame = _as_frame(frame, self.name)
                if columns is not None:
                    frame = self._chosen(frame, columns)
                if not self.own_labels:
                    frame.index = pd.RangeIndex(start, start + len(frame))
                if len(frame):
                    yield start, frame
                start += len(frame)
            starts.append(start)
            # Rows that moved would get another row's y: a part that grew or shrank is refused, not read on.
            if self.starts and start != self.starts[part + 1]:
                raise InputMismatchError(
                    f"{self.name} had {self.starts[part + 1] - self.starts[part]} rows when it was first read, and "
                    f"{start - self.starts[part]} when it was read again. It must not change during a fit; a function "
                    "must give a new iterator over the same rows at each call."
                )
        self.starts = self.starts or starts

    def _chosen(self, frame, columns):
        for column in columns:
            if column not in frame.columns:
                raise InputMismatchError(
                    f"{self.name} has no column {column!r}; its columns are "
                    f"{quote_first(frame.columns)}.{closest_match(column, frame.columns)}"
                )
        return frame[columns]

    def column(self, name):
        """Return one column as a Series of shape (n_rows,)."""
        parts = [frame[name] for _, frame in self.frames([name])]
        if not parts:
            raise InputMismatchError(f"{self.name} has 0 rows, while a minimum of 1 is required.")
        return pd.concat(parts)

    def rows(self, positions):
        """Return the rows at these positions, which must increase, as a DataFrame."""
        found = []
        for start, frame in self.frames():
            # Positions increase, so that those in this frame are a slice of them.
            first, last = np.searchsorted(positions, [start, start + len(frame)])
            found.append(frame.iloc[positions[first:last] - start])
        return pd.concat(found)


def table_source(X):
    """Return the `TableSource` of a path, an Arrow dataset or a function of frames; None for other objects.

    Raises
    ------
    InputMismatchError
        If nothing is at a path, or a file of another kind.
    ImportError
        If the files are Parquet and pyarrow is not installed.
    """
    if isinstance(X, str | os.PathLike):
        return _of_path(Path(X))
    # By its module's name, since pyarrow may not be installed.
    if type(X).__module__.startswith("pyarrow") and hasattr(X, "scanner"):
        return TableSource(f"the {type(X).__name__}", [partial(_scan, X)])
    if callable(X) and not isinstance(X, type) and not hasattr(X, "__len__"):
        # Only a first element tells frames from batches. The function makes a new iterator for the fit.
        frames = X()
        first = next(iter(frames), None) if isinstance(frames, Iterator) or hasattr(frames, "__iter__") else None
        if isinstance(first, pd.DataFrame) or hasattr(first, "to_pandas"):
            return TableSource(f"the function {getattr(X, '__name__', X)!r}", [partial(_call, X)], own_labels=True)
    return None


def _of_path(path):
    if not path.exists():
        raise InputMismatchError(f"There is no file or folder {str(path)!r}. Give the path of Parquet or CSV files.")
    files = [path]
    if path.is_dir():
        # Engines write files such as _SUCCESS and .crc next to the data. Arrow's own discovery skips them, too.
        hidden = (".", "_")
        files = sorted(
            file
            for file in path.rglob("*")
            if file.suffix.lower() in PARQUET + CSV
            and not any(part.startswith(hidden) for part in file.relative_to(path).parts)
        )
    suffixes = {file.suffix.lower() for file in files}
    if suffixes and suffixes <= set(PARQUET):
        return TableSource(repr(str(path)), _parquet_parts(path, files))
    if suffixes and suffixes <= set(CSV):
        return TableSource(repr(str(path)), [partial(_read_csv, file) for file in files])
    found = f"files that end in {quote_first(sorted(suffixes))}" if suffixes else "no such file"
    raise InputMismatchError(f"{str(path)!r} holds {found}; give Parquet (.parquet) or CSV (.csv) files, of one kind.")


def _parquet_parts(path, files):
    try:
        from pyarrow import dataset
    except ImportError as error:
        raise ImportError(
            f"{str(path)!r} is Parquet, which needs pyarrow: pip install pyarrow. CSV files are read without it."
        ) from error
    base = str(path) if path.is_dir() else None
    try:
        whole = dataset.dataset(
            [str(file) for file in files], format="parquet", partitioning="hive", partition_base_dir=base
        )
    except (OSError, ValueError) as error:
        raise InputMismatchError(f"{str(path)!r} cannot be read as Parquet ({error}). Give whole files.") from error
    # A fragment is a file. They were listed by name, so that the order of rows does not depend on the file system.
    return [partial(_scan, fragment, schema=whole.schema) for fragment in whole.get_fragments()]


def _scan(dataset, columns, **options):
    """Read an Arrow dataset, or a file of one, as frames."""
    name = f"the part {dataset.path!r}" if hasattr(dataset, "path") else "the dataset"
    known = options.get("schema", getattr(dataset, "schema", None))
    if columns is not None and not set(columns) <= set(known.names):
        # Read all of them: `TableSource._chosen` then names the column that is missing, with the closest match.
        columns = None
    try:
        batches = dataset.to_batches(
            columns=columns, batch_size=FRAME_ROWS, batch_readahead=2, fragment_readahead=1, **options
        )
        for batch in batches:
            # pandas' metadata would turn a column into the index, and rows are numbered or labelled elsewhere.
            yield batch.replace_schema_metadata(None).to_pandas()
    except (OSError, ValueError) as error:
        raise InputMismatchError(f"{name} cannot be read ({error}). Give whole Parquet files of one schema.") from error


def _read_csv(path, columns):
    """Read a CSV file as frames; a column that is text in the first frame is text in all of them."""
    try:
        header = set(pd.read_csv(path, nrows=0).columns)
        used = columns if columns is not None and set(columns) <= header else None
        # pandas infers types for each frame: in a frame in which all codes are digits they would be numbers.
        first = pd.read_csv(path, usecols=used, nrows=FRAME_ROWS)
        texts = {name: str for name in first.columns if pd.api.types.is_string_dtype(first[name].dtype)}
        with pd.read_csv(path, usecols=used, dtype=texts, chunksize=FRAME_ROWS) as frames:
            yield from frames
    except (OSError, ValueError) as error:
        raise InputMismatchError(f"{str(path)!r} cannot be read as CSV ({error}).") from error


def _call(function, columns):
    yield from function()


def _as_frame(frame, name):
    if hasattr(frame, "to_pandas"):
        return frame.to_pandas()
    if not isinstance(frame, pd.DataFrame):
        raise InputMismatchError(f"{name} gave a {type(frame).__name__}; an iterator of DataFrames is expected.")
    # A copy without its cells: the source sets row labels, and the user's frame must keep its own.
    return frame.copy(deep=False)
