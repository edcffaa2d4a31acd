"""Join files that have a key in their names to one table."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ..errors import InputMismatchError, UnmatchedFilesWarning, quote_first, shorten, warn
from .foreign import infer_types

_FIELD = re.compile(r"\{(\w+)\}")
JSON = ".json"


def load_files_frame(*patterns, folder="."):
    """Join files on what their names have in common, one row for each key.

    For recordings or photos with metadata in other files: ``sensor_17.npy`` and
    ``meta_17.json`` become one row. Only JSON files are read. The others remain paths, which
    `SequencePadder` and `ImageDecoder` read, if need be batch by batch.

    Parameters
    ----------
    *patterns : str
        Names of files with the key in braces, e.g. ``"sensor_{id}.npy"``. A part before "/"
        is a folder, and ``*`` stands for any text. All patterns have the same fields; several
        fields make a key of several columns.
    folder : str or path-like
        Folder of the files.

    Returns
    -------
    DataFrame of shape (n_keys, n_columns)
        Sorted by key. The columns are the fields (text, as in the names; they are the index,
        too), ``<name>_path`` for each pattern (str, or None without such a file; the name is
        the text before the first field), and the fields of the JSON objects; names of nested
        fields are joined with ".". ``frame.attrs["unmatched"]`` lists (key, pattern) of absent
        files, ``frame.attrs["ignored"]`` the files of the folder that fit no pattern.

    Raises
    ------
    InputMismatchError
        If a pattern fits no file, two files of a pattern have the same key, patterns have
        different fields, or a JSON file cannot be read, holds no object, or has a field that
        would hide another column.

    Warns
    -----
    UnmatchedFilesWarning
        If a key has a file of one pattern and none of another. It says how many such keys there
        are, and names the first.

    Examples
    --------
    >>> import tempfile
    >>> from skmulti import load_files_frame
    >>> from skmulti.datasets import write_sensor_files
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_sensor_files(folder, 3, 0)
    ...     frame = load_files_frame("sensor_{id}.npy", "meta_{id}.json", folder=folder)
    >>> list(frame.columns)
    ['id', 'sensor_path', 'meta_path', 'location', 'label']
    >>> frame.attrs["unmatched"]
    []
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputMismatchError(f"There is no folder {str(folder)!r}.")
    fields = _common_fields(patterns)
    found = {pattern: _matches(folder, pattern, fields) for pattern in patterns}
    keys = sorted(set().union(*found.values()), key=_in_order)
    # Fields stay text: "007" as a number would no longer be the name's.
    frame = pd.DataFrame(keys, columns=fields, index=_index(keys, fields), dtype=object)
    for pattern in patterns:
        paths = [found[pattern].get(key) for key in keys]
        frame[_column_name(pattern, frame.columns)] = [None if path is None else str(path) for path in paths]
        if pattern.endswith(JSON):
            _add_fields(frame, paths)
    absent = [(key, pattern) for key in keys for pattern in patterns if key not in found[pattern]]
    unmatched = [(key if len(key) > 1 else key[0], pattern) for key, pattern in absent]
    used = {path for paths in found.values() for path in paths.values()}
    frame.attrs["unmatched"] = unmatched
    frame.attrs["ignored"] = sorted(str(path) for path in folder.iterdir() if path.is_file() and path not in used)
    if unmatched:
        warn(
            f"{len({key for key, _ in unmatched})} of {len(keys)} keys without a file, first {unmatched[0][0]!r} "
            f"({unmatched[0][1]!r}). Their cells are missing; frame.attrs['unmatched'] lists them all, and "
            f"frame.dropna(subset={[_column_name(unmatched[0][1], [])]}) leaves rows without that file out.",
            UnmatchedFilesWarning,
        )
    return frame


def _common_fields(patterns):
    """Return the fields of the patterns, which must be the same in all of them."""
    if not patterns:
        raise InputMismatchError('Give patterns of the files\' names, e.g. "sensor_{id}.npy".')
    fields = [list(dict.fromkeys(_FIELD.findall(pattern))) for pattern in patterns]
    for pattern, own in zip(patterns, fields, strict=True):
        if not own:
            raise InputMismatchError(
                f"The pattern {pattern!r} has no field in braces. A field is the part of the name on which files are "
                'joined: "sensor_{id}.npy" and "meta_{id}.json".'
            )
        if set(own) != set(fields[0]):
            raise InputMismatchError(
                f"The pattern {pattern!r} has the fields {quote_first(own)}, {patterns[0]!r} has "
                f"{quote_first(fields[0])}. "
                'Files are joined on fields that all have, e.g. "sensor_{id}.npy" and "meta_{id}.json".'
            )
    return fields[0]


def _matches(folder, pattern, fields):
    """Return {key: path} of the files that fit a pattern."""
    # Patterns are no regular expressions: only fields and "*" have a meaning, all else is taken as it is.
    parts = re.split(r"(\{\w+\}|\*)", pattern)
    seen, expression = set(), ""
    for part in parts:
        field = part[1:-1] if _FIELD.fullmatch(part) else None
        if field is None:
            expression += "[^/]*" if part == "*" else re.escape(part)
        else:
            # A field that occurs twice ("{id}/photo_{id}.png") must have the same text in both places.
            expression += f"(?P={field})" if field in seen else f"(?P<{field}>[^/]+?)"
            seen.add(field)
    found = {}
    # The glob finds candidates, the expression reads their fields.
    for path in sorted(folder.glob(_FIELD.sub("*", pattern))):
        match = re.fullmatch(expression, path.relative_to(folder).as_posix())
        if match is None:
            continue
        key = tuple(match[field] for field in fields)
        if key in found:
            raise InputMismatchError(
                f"Two files have the key {key if len(key) > 1 else key[0]!r} of {pattern!r}: {found[key].name!r} and "
                f"{path.name!r}. Make the pattern narrower."
            )
        found[key] = path
    if not found:
        raise InputMismatchError(f"No file in {str(folder)!r} fits the pattern {pattern!r}.")
    return found


def _in_order(key):
    """Return the sorting key of a file's key: numbers by size, before everything else as text."""
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in key]


def _index(keys, fields):
    if len(fields) == 1:
        return pd.Index([key[0] for key in keys], name=None, dtype=object)
    return pd.MultiIndex.from_tuples(keys)


def _column_name(pattern, taken):
    """Return the name of a pattern's column of paths: the text before its first field, and "_path"."""
    stem = re.sub(r"\W+", "_", _FIELD.split(pattern)[0]).strip("_") or Path(pattern).suffix.lstrip(".") or "file"
    name, count = f"{stem}_path", 1
    while name in taken:
        count += 1
        name = f"{stem}_{count}_path"
    return name


def _add_fields(frame, paths):
    """Add the fields of JSON objects as columns; cells without a file are missing."""
    records = [{} if path is None else dict(_flat(_read_object(path))) for path in paths]
    for field in dict.fromkeys(field for record in records for field in record):
        if field in frame.columns:
            first = next(path for path, record in zip(paths, records, strict=True) if field in record)
            # Metadata often repeat the key: a column with the same cells hides nothing.
            if [record.get(field) for record in records] == frame[field].tolist():
                continue
            raise InputMismatchError(
                f"{str(first)!r} has the field {field!r}, of which there is a column already. Rename one of the two."
            )
        values = pd.Series([record.get(field) for record in records], index=frame.index, dtype=object)
        frame[field] = infer_types(values)


def _read_object(path):
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputMismatchError(
            f"{str(path)!r} cannot be read as JSON ({shorten(error, 200)}). Write it with json.dump; single quotes, "
            "None and True are Python's, not JSON's."
        ) from error
    if not isinstance(value, Mapping):
        raise InputMismatchError(
            f'{str(path)!r} holds a {type(value).__name__}; write one object, {{"name": value, ...}}.'
        )
    return value


def _flat(value, prefix=""):
    """Yield (name, value) of an object's fields; names of nested fields are joined with "."."""
    for name, entry in value.items():
        if isinstance(entry, Mapping):
            yield from _flat(entry, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", entry
