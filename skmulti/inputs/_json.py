"""What a cell of a column is in JSON: a fragment of JSON schema, made of training cells.

A fragment is plain data: ``{"type": "number"}``, ``{"type": "array", "items": {...}}``, or ``{"anyOf": [...]}`` of a
column that holds several types. Under "examples" it has a value that the fitted encoder reads.
"""

import datetime
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd

from ._cells import is_collection
from ._hints import is_bool_type, is_number_type, probe
from ._values import text_of

NUMBER = {"type": "number"}
# Cells that tell the types of a column's values.
_CELLS = 200
# Rows that share a value which may stand as an example: what only one row says may be private.
_SHARED = 2
# The name of lists without entries.
_EMPTY = "empty array"


def json_schema_of(column):
    """Return the JSON schema of a column's cells, by the types of some of them."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf":
        # A fast path: tables may have thousands of columns of numbers.
        return {**NUMBER, "examples": [_middle(column.to_numpy("float64"))]}
    cells = probe(column)
    cells = cells.iloc[:: max(len(cells) // _CELLS, 1)].tolist()
    schemas = {}
    for cell in cells:
        name, schema = _schema_of_cell(cell)
        schemas.setdefault(name, schema)
    if len(schemas) > 1:
        # An empty list does not say what others hold.
        schemas.pop(_EMPTY, None)
    found = [schemas[name] for name in sorted(schemas)]
    schema = found[0] if len(found) == 1 else {"anyOf": found} if found else {}
    return {**schema, "examples": [_example(cells, schema)]}


def _schema_of_cell(cell):
    """Return the name of a cell's type in JSON, and its schema."""
    kind = type(cell)
    if is_bool_type(kind):
        return "boolean", {"type": "boolean"}
    if is_number_type(kind) or isinstance(cell, datetime.timedelta | np.timedelta64):
        return "number", NUMBER
    if isinstance(cell, Mapping):
        return "object", {"type": "object"}
    if isinstance(cell, datetime.date | np.datetime64 | pd.Period):
        return "date", {"type": "string", "format": "date-time"}
    if isinstance(cell, str | bytes) or not is_collection(cell):
        # What JSON has no type for, such as a path or an interval, is written as text.
        return "string", {"type": "string"}
    entries = np.asarray(cell, dtype=object).ravel() if hasattr(cell, "__array__") else list(cell)
    inner = next((_schema_of_cell(entry) for entry in entries if entry is not None), None)
    if inner is None:
        return _EMPTY, {"type": "array", "items": NUMBER}
    return f"array of {inner[0]}", {"type": "array", "items": inner[1]}


def _example(cells, schema):
    """Return a value of a schema, such as it is in most cells."""
    kind = schema.get("type") or schema.get("anyOf", [{"type": "string"}])[-1]["type"]
    if kind == "number":
        return _middle(np.array([_as_float(cell) for cell in cells if is_number_type(type(cell))]))
    if kind == "boolean":
        return True
    if kind == "object":
        return {}
    if kind == "array":
        lists = [list(cell) for cell in cells if is_collection(cell) and not isinstance(cell, Mapping)]
        entries = [entry for entry in lists for entry in entry] if lists else []
        return [_most_common(entries) or "tag"] if entries and isinstance(entries[0], str) else [0.0]
    return _most_common([cell if isinstance(cell, str) else text_of(cell) for cell in cells]) or "some text"


def _as_float(number):
    """Return a number as a float; whole numbers of Python have no largest one."""
    try:
        return float(number)
    except OverflowError:
        return np.inf


def _middle(numbers):
    """Return the median of some numbers, rounded, or 0 of none."""
    known = numbers[np.isfinite(numbers)]
    return float(f"{np.median(known):.3g}") if len(known) else 0.0


def _most_common(texts):
    """Return the text that most cells share, or None if no two share one."""
    counts = Counter(text for text in texts if isinstance(text, str)).most_common(1)
    return str(counts[0][0]) if counts and counts[0][1] >= _SHARED else None
