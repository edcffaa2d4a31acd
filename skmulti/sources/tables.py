"""Tables that are larger than memory, as one frame after another: files, folders, Arrow datasets, functions."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import InputMismatchError, closest_match, quote_first, shorten
from .csvs import CSV, CsvFiles, as_type, common_type, is_csv, kind_of_cells
from .foreign import as_frame, has_named_columns

# Rows of a frame that is read from a file.
FRAME_ROWS = 8_192
PARQUET = (".parquet", ".pq")


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
    kinds : dict of str to set of str
        What the cells of columns are in frames that the user's function gave, from the first reading.
    """

    name: str
    parts: list[Callable]
    own_labels: bool = False
    starts: list = field(default_factory=list)
    kinds: dict = field(default_factory=dict)

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
                if self.own_labels:
                    frame = self._in_common_types(frame)
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

    def _in_common_types(self, frame):
        """Return a frame with the types that hold the cells of all frames; the first reading learns them."""
        # Files of ours and Arrow's datasets have one type a column. What a function reads in parts, as pandas does with
        # `chunksize`, may be numbers in one frame and text in the next.
        if not self.starts:
            for name, column in frame.items():
                self.kinds.setdefault(name, set()).add(kind_of_cells(column))
            return frame
        types = {name: common_type(self.kinds.get(name, set())) for name in frame.columns}
        changed = {
            name: as_type(frame[name], kind)
            for name, kind in types.items()
            if kind is not None and len(self.kinds[name] - {"missing"}) + (kind is float) > 1
        }
        return frame.assign(**changed) if changed else frame

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
    """Return the `TableSource` of paths, an Arrow dataset or a function of frames; None for other objects.

    Raises
    ------
    InputMismatchError
        If nothing is at a path, or a file of another kind.
    ImportError
        If the files are Parquet and pyarrow is not installed.
    """
    addresses = [
        path for path in (X if isinstance(X, list | tuple) else [X]) if isinstance(path, str) and "://" in path
    ]
    if addresses and (addresses == [X] or all(_is_table(Path(path)) for path in X if isinstance(path, str))):
        raise InputMismatchError(
            f"X is the address {shorten(addresses[0])!r}; only files on this machine are read. Download it, or read it "
            "first: pd.read_csv(address)."
        )
    if isinstance(X, str | os.PathLike):
        return _of_path(Path(X).expanduser())
    if isinstance(X, list | tuple) and X and all(isinstance(path, str | os.PathLike) for path in X):
        files = [Path(path).expanduser() for path in X]
        # A list of texts is no list of files, and is refused elsewhere.
        if all(_is_table(file) for file in files):
            return _of_files(f"the {len(files)} path{'s' * (len(files) != 1)} in the list", files)
    # By its module's name, since pyarrow may not be installed.
    if type(X).__module__.startswith("pyarrow") and hasattr(X, "scanner"):
        return TableSource(f"the {type(X).__name__}", [partial(_scan, X)])
    if callable(X) and not isinstance(X, type) and not hasattr(X, "__len__"):
        # Only a first element tells frames from batches. The function makes a new iterator for the fit.
        frames = X()
        first = next(iter(frames), None) if isinstance(frames, Iterator) or hasattr(frames, "__iter__") else None
        if hasattr(frames, "close"):
            frames.close()
        if has_named_columns(first):
            return TableSource(f"the function {getattr(X, '__name__', X)!r}", [partial(_call, X)], own_labels=True)
    return None


def _of_path(path):
    if not path.exists():
        several = " Several files are a list: sorted(glob.glob(...))." if "*" in path.name else ""
        if not several and not path.suffix:
            several = " If it is a text to predict, give a row: pd.DataFrame({'column': [text]})."
        raise InputMismatchError(
            f"There is no file or folder {shorten(repr(str(path)))}. Give the path of Parquet or CSV files.{several}"
        )
    if not path.is_dir():
        return _of_files(repr(str(path)), [path])
    # Engines write files such as _SUCCESS and .crc next to the data. Arrow's own discovery skips them, too.
    hidden = (".", "_")
    files = sorted(
        file
        for file in path.rglob("*")
        if _is_table(file) and not any(part.startswith(hidden) for part in file.relative_to(path).parts)
    )
    return _of_files(repr(str(path)), files, path)


def _is_table(file):
    """Return whether the name of a file says that it is a table."""
    return file.suffix.lower() in PARQUET or is_csv(file)


def _of_files(name, files, folder=None):
    """Return the source of files of one kind, in their order."""
    for file in files:
        if not file.exists():
            raise InputMismatchError(f"There is no file {shorten(repr(str(file)))}; it is one of {name}.")
    if files and all(is_csv(file) for file in files):
        tables = CsvFiles(files, FRAME_ROWS)
        return TableSource(name, [partial(tables.read, file) for file in files])
    suffixes = {file.suffix.lower() for file in files}
    if suffixes and suffixes <= set(PARQUET):
        return TableSource(name, _parquet_parts(name, files, folder))
    kinds = f"Parquet ({', '.join(PARQUET)}) or CSV ({', '.join(CSV)})"
    if not suffixes:
        raise InputMismatchError(f"The folder {name} holds no {kinds} file.")
    ending = quote_first(sorted(suffixes))
    if len(suffixes) > 1:
        raise InputMismatchError(f"{name} mixes files that end in {ending}; give {kinds} files, of one kind.")
    raise InputMismatchError(
        f"{name} is a file that ends in {ending}; only {kinds} files are read. Read it first, e.g. "
        "pd.read_excel(path), and give the frame."
    )


def _parquet_parts(name, files, folder):
    try:
        from pyarrow import dataset
    except ImportError as error:
        raise ImportError(
            f"{name} is Parquet, which needs pyarrow: pip install pyarrow. CSV files are read without it."
        ) from error
    base = None if folder is None else str(folder)
    try:
        whole = dataset.dataset(
            [str(file) for file in files], format="parquet", partitioning="hive", partition_base_dir=base
        )
        fragments = list(whole.get_fragments())
        schema = _common_schema(whole.schema, fragments)
    except (OSError, ValueError) as error:
        if isinstance(error, InputMismatchError):
            raise
        raise InputMismatchError(f"{name} cannot be read as Parquet ({error}). Give whole files.") from error
    # A fragment is a file. They were listed by name, so that the order of rows does not depend on the file system.
    return [partial(_scan, fragment, schema=schema) for fragment in fragments]


def _common_schema(schema, fragments):
    """Return a schema with types that hold the cells of all files; refuse files whose columns differ."""
    import pyarrow as pa

    first = None
    for fragment in fragments:
        own = _physical_schema(fragment)
        if own is None:
            continue
        first = own if first is None else first
        extra, absent = set(own.names) - set(first.names), set(first.names) - set(own.names)
        if extra or absent:
            what = [f"lacks {quote_first(sorted(absent))}"] * bool(absent)
            what += [f"has {quote_first(sorted(extra))}"] * bool(extra)
            raise InputMismatchError(
                f"The file {shorten(repr(fragment.path))} {' and '.join(what)}, unlike "
                f"{shorten(repr(fragments[0].path))}. Files of one table have the same columns."
            )
        for column in own:
            place = schema.get_field_index(column.name)
            try:
                both = pa.unify_schemas(
                    [pa.schema([schema.field(place)]), pa.schema([column])], promote_options="permissive"
                )
            except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
                raise InputMismatchError(
                    f"The column {column.name!r} is {column.type} in {shorten(repr(fragment.path))}, and "
                    f"{schema.field(place).type} in files before it. Write it with one type."
                ) from error
            schema = schema.set(place, both.field(0))
    return schema


def _physical_schema(fragment):
    """Return the columns that stand in a file, or None if it cannot be read: reading its rows will say so."""
    try:
        return fragment.physical_schema
    except (OSError, ValueError):
        return None


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


def _call(function, columns):
    yield from function()


def _as_frame(frame, name):
    converted = as_frame(frame)
    if not isinstance(converted, pd.DataFrame):
        raise InputMismatchError(f"{name} gave a {type(frame).__name__}; an iterator of DataFrames is expected.")
    # A copy without its cells: the source sets row labels, and the user's frame must keep its own.
    return converted.copy(deep=False)
