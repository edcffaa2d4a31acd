"""Predictions of tables that are larger than memory, written to a folder of Parquet files in one step."""

import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from .._workers import map_ahead
from ..errors import InputMismatchError, closest_match, quote, quote_first, shorten
from ..inputs import odd_cells_reported
from ..router import table_parts, to_table
from .outcomes import OutcomeColumns, predict_rows
from .partitions import refuse_partitions

METHODS = ("predict", "predict_proba")
# Rows that are predicted at once, rows that are written at once, and how often a file is written to.
CHUNK_ROWS, GROUP_ROWS, FILE_GROUPS = 8_192, 65_536, 16


def write_predictions(estimator, source, path, method, keep):
    """Predict the rows of a source and write them; see `MultiInputEstimator.predict_to`."""
    refuse_partitions(source)
    methods = [name for name in METHODS if hasattr(estimator, name)]
    if method not in methods:
        raise ValueError(f"method is {shorten(repr(method))}; it must be {' or '.join(map(repr, methods))}.")
    _check_arrow()
    columns = OutcomeColumns.of(estimator, method)
    keep = _check_kept(keep, columns)

    def predict(frame):
        """Return the kept columns of a chunk beside its predictions."""
        for name in keep:
            if name not in frame.columns:
                raise InputMismatchError(
                    f"keep names the column {name!r}, which the rows do not have; their columns are "
                    f"{quote_first(frame.columns)}.{closest_match(name, frame.columns)}"
                )
        predictions = predict_rows(estimator, frame, method, columns)
        return pd.concat([frame[keep], pd.DataFrame(predictions)], axis=1)

    with _complete_folder(Path(path).expanduser()) as folder, odd_cells_reported():
        # A chunk is predicted while the one before it is written.
        n_rows = _write(map_ahead(predict, _chunks(source), workers=1), folder)
        if not n_rows:
            raise InputMismatchError("source has 0 rows, while a minimum of 1 is required.")
    return n_rows


def _check_arrow():
    """Raise the error that says how to install what writes Parquet."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError("predict_to writes Parquet, which needs pyarrow: pip install pyarrow.") from error


def _check_kept(keep, columns):
    """Return the names of columns to keep as a list; refuse what would stand for predictions, too."""
    names = [keep] if isinstance(keep, str) else list(keep)
    strange = [name for name in names if not isinstance(name, str)]
    if strange:
        raise ValueError(f"keep holds {shorten(repr(strange[0]))} of type {type(strange[0]).__name__}. Give names.")
    double = [name for name in names if name in columns.dtypes or names.count(name) > 1]
    if double:
        raise ValueError(
            f"keep names {quote(sorted(set(double)))}, which the file would hold twice: the columns of the predictions "
            f"are {quote_first(columns.dtypes)}. Leave it out, or rename it in the source."
        )
    return names


def _chunks(source):
    """Yield the rows of a source in frames of some rows."""
    for part in table_parts(source):
        frame = to_table(part)
        if not isinstance(frame, pd.DataFrame):
            raise InputMismatchError(
                f"source is of type {type(source).__name__}; predict_to takes tables: the path of Parquet or CSV "
                "files, a DataFrame, or an iterable of DataFrames. Arrays by input name are for predict."
            )
        yield from (frame.iloc[i : i + CHUNK_ROWS] for i in range(0, len(frame), CHUNK_ROWS))


@contextmanager
def _complete_folder(path):
    """Yield a folder to write to, which has this path when the block has ended without an error, and not before."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(
            f"{shorten(repr(str(path)))} exists{' and is not empty' if path.is_dir() else ' and is no folder'}. Give "
            "the path of a new folder, or remove this one."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside it, since a folder can only be renamed within its disk. Readers of tables pass over a name with a dot.
    unfinished = path.parent / f".{path.name}.{uuid.uuid4().hex[:12]}"
    unfinished.mkdir()
    try:
        yield unfinished
        if path.exists():
            path.rmdir()
        unfinished.rename(path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _write(frames, folder):
    """Write frames one after the other to files ``part-00000.parquet``, ...; return the number of rows."""
    from pyarrow import parquet

    schema, writer, n_rows = None, None, 0
    try:
        for i, group in enumerate(_groups(frames)):
            table = _as_arrow(group, schema)
            schema = table.schema
            if i % FILE_GROUPS == 0:
                if writer is not None:
                    writer.close()
                writer = parquet.ParquetWriter(folder / f"part-{i // FILE_GROUPS:05}.parquet", schema)
            writer.write_table(table)
            n_rows += len(group)
    finally:
        if writer is not None:
            writer.close()
    return n_rows


def _groups(frames):
    """Join frames until they have the rows that are written at once."""
    waiting = []
    for frame in frames:
        waiting.append(frame)
        if sum(map(len, waiting)) >= GROUP_ROWS:
            yield pd.concat(waiting)
            waiting = []
    if waiting:
        yield pd.concat(waiting)


def _as_arrow(group, schema):
    """Return a frame as a table of Arrow, with a schema or with that of the first frame."""
    import pyarrow as pa

    if schema is None:
        schema = pa.Schema.from_pandas(group, preserve_index=False)
        for i, field in enumerate(schema):
            if pa.types.is_null(field.type):
                # A column that is empty so far; of objects, texts are the likeliest.
                schema = schema.set(i, field.with_type(pa.string()))
    try:
        return pa.Table.from_pandas(group, schema, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputMismatchError(
            f"A column of keep changes its type in the rows of the source ({shorten(error, 200)}). Give it one type."
        ) from error
