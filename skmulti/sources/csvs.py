"""CSV files as frames whose columns have the types that they would have if all files were read at once.

pandas infers types for the rows that it reads. In a part in which all codes are digits they would be numbers, and in
the next one text. So all files are read once, and each column gets the type that holds all of its cells.
"""

from functools import cached_property

import pandas as pd

from ..errors import InputMismatchError, quote_first, shorten

CSV = (".csv", ".tsv")
_COMPRESSIONS = (".gz", ".bz2", ".xz", ".zip", ".zst")
_SEPARATORS = (";", "\t", "|")


def is_csv(file):
    """Return whether a file is CSV by its name, compressed or not."""
    return _plain_suffix(file) in CSV


def _plain_suffix(file):
    """Return the ending of a file's name, without that of a compression."""
    suffixes = [suffix.lower() for suffix in file.suffixes]
    return next((suffix for suffix in reversed(suffixes) if suffix not in _COMPRESSIONS), "")


def read_yourself(path, option):
    """Return the line that reads a file with an option of pandas."""
    return f"fit(lambda: pd.read_csv({shorten(repr(str(path)))}, {option}, chunksize=10_000), y=...)"


class CsvFiles:
    """CSV files of one table.

    Parameters
    ----------
    files : list of Path
        The files, in order.
    frame_rows : int
        Rows of a frame.
    """

    def __init__(self, files, frame_rows):
        self.files = files
        self.frame_rows = frame_rows

    def read(self, file, columns):
        """Read a file as frames, all columns or only some."""
        header = self.headers[file]
        used = columns if columns is not None and set(columns) <= set(header) else None
        types = {name: kind for name, kind in self.types.items() if used is None or name in used}
        yield from self._frames(file, usecols=used, dtype=types)

    @cached_property
    def headers(self):
        """The names of the columns of each file; all must have the same."""
        headers = {file: self._header(file) for file in self.files}
        first = headers[self.files[0]]
        for file, header in headers.items():
            extra, absent = set(header) - set(first), set(first) - set(header)
            if extra or absent:
                what = [f"lacks {quote_first(sorted(absent))}"] * bool(absent)
                what += [f"has {quote_first(sorted(extra))}"] * bool(extra)
                raise InputMismatchError(
                    f"The file {shorten(repr(str(file)))} {' and '.join(what)}, unlike "
                    f"{shorten(repr(str(self.files[0])))}. Files of one table have the same columns."
                )
        return headers

    def _header(self, file):
        frame = next(self._frames(file, nrows=1, chunksize=1), None)
        names = [] if frame is None else list(frame.columns)
        separator = next((one for one in _SEPARATORS if len(names) == 1 and one in str(names[0])), None)
        if separator:
            option = f"sep={separator!r}" + (", decimal=','" if separator == ";" else "")
            point = " (leave decimal out if numbers have a point)" if separator == ";" else ""
            raise InputMismatchError(
                f"{shorten(repr(str(file)))} has one column, {shorten(repr(names[0]))}, whose name looks like several "
                f"with {separator!r} between. Read it yourself: {read_yourself(file, option)}{point}."
            )
        return names

    @cached_property
    def types(self):
        """The types of columns in which parts of the files differ, by name: the one that holds the cells of all."""
        found = {}
        for file in self.headers:
            for frame in self._frames(file):
                for name, column in frame.items():
                    found.setdefault(name, set()).add(kind_of_cells(column))
        types = {name: common_type(kinds) for name, kinds in found.items()}
        return {name: kind for name, kind in types.items() if kind is not None}

    def _frames(self, file, **options):
        """Read a file as frames, with errors that name it."""
        separator = "\t" if _plain_suffix(file) == ".tsv" else ","
        # Without `low_memory` a frame has one type a column; with it pandas looks at pieces of the frame.
        options = {"sep": separator, "chunksize": self.frame_rows, "low_memory": False, **options}
        try:
            with pd.read_csv(file, **options) as frames:
                yield from frames
        except UnicodeDecodeError as error:
            way = read_yourself(file, "encoding='latin-1'")
            raise InputMismatchError(
                f"{shorten(repr(str(file)))} cannot be read as CSV in UTF-8 ({shorten(error)}). Name its "
                f"encoding: {way}."
            ) from error
        except pd.errors.EmptyDataError as error:
            raise InputMismatchError(f"{shorten(repr(str(file)))} is empty: it has no columns and 0 rows.") from error
        except (OSError, ValueError) as error:
            way = read_yourself(file, "on_bad_lines='skip'")
            raise InputMismatchError(
                f"{shorten(repr(str(file)))} cannot be read as CSV ({shorten(str(error).strip(), 200)}). Correct it, "
                f"or read it yourself: {way}."
            ) from error


def kind_of_cells(column):
    """Return what the cells of a column are: "missing" if all are, "int", "float", "bool", "string", or "other"."""
    if column.isna().all():
        return "missing"
    kind = column.dtype.kind
    if kind == "O":
        return {"boolean": "bool", "string": "string"}.get(pd.api.types.infer_dtype(column, skipna=True), "other")
    return {"i": "int", "u": "int", "f": "float", "b": "bool"}.get(kind, "other")


def common_type(kinds):
    """Return the type that holds cells of several kinds; None if each part has it by itself."""
    if kinds <= {"int", "float", "missing"}:
        return float if len(kinds) > 1 else None
    return None if kinds <= {"bool", "missing"} or "other" in kinds else str


def as_type(column, kind):
    """Return a column of numbers as one of floats, or as the text that stands for them in a file."""
    if kind is float:
        return column.astype(float)
    return column.map(_as_text, na_action="ignore")


def _as_text(cell):
    # Whole numbers beside missing ones are floats to pandas.
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
