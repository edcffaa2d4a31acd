"""Plain values in a file: numbers, texts, containers of them and arrays, with a checksum over every byte.

A file is either whole or refused. Reading it runs no code: it holds JSON and arrays, no pickle.
"""

import hashlib
import io
import json
import os
import uuid
import zipfile
from contextlib import suppress

import keras
import numpy as np

_MAGIC = b"skmulti state 1\n"
# Behind the first bytes comes the checksum of all that follows: 32 bytes of SHA-256.
_START = len(_MAGIC) + 32
_CHUNK_BYTES = 2**20
_VALUE = "value.json"
# What callbacks of Keras choose in their first epoch; a function itself cannot be in a file.
_FUNCTIONS = {
    "keras.ops.less": keras.ops.less,
    "keras.ops.greater": keras.ops.greater,
    "numpy.less": np.less,
    "numpy.greater": np.greater,
}


class NotPlainError(TypeError):
    """Raised for a value that a file of plain values cannot hold."""


class DamagedFileError(ValueError):
    """Raised for a file that is not as it was written."""


def write_state(path, value):
    """Write a plain value to a file, which has its name only when all of it is on the disk.

    Parameters
    ----------
    path : Path
        The file. One that exists is replaced in one step.
    value : object
        None, bool, int, float, str, arrays and scalars of NumPy, and lists, tuples and dicts of them.

    Raises
    ------
    NotPlainError
        If the value holds anything else.
    OSError
        If the file cannot be written, as on a full disk. One that existed is then as it was.
    """
    arrays = []
    text = json.dumps(pack(value, arrays))
    # A random name: what a killed process has left is no hindrance.
    unnamed = path.with_name(f"{path.stem}.{uuid.uuid4().hex}.tmp")
    try:
        with open(unnamed, "x+b") as file:
            file.write(bytes(_START))
            _write_members(file, text, arrays)
            checksum = _checksum(file)
            file.seek(0)
            file.write(_MAGIC + checksum)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unnamed, path)
    # Also an interrupt: nothing would ever remove the unnamed file.
    except BaseException:
        unnamed.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def read_state(path):
    """Read the value that `write_state` has written.

    Raises
    ------
    DamagedFileError
        If a byte of the file differs from what was written.
    FileNotFoundError
        If there is no file.
    """
    with open(path, "rb") as file:
        return read_open(file, path)


def read_open(file, path):
    """Read the value that `write_state` has written from an open file; `path` is what errors call it."""
    if file.read(_START) != _MAGIC + _checksum(file):
        raise DamagedFileError(f"{path} is damaged, or was not written by skmulti.")
    with zipfile.ZipFile(file) as archive:
        names = sorted(set(archive.namelist()) - {_VALUE}, key=int)
        arrays = [np.load(io.BytesIO(archive.read(name)), allow_pickle=False) for name in names]
        return _unpack(json.loads(archive.read(_VALUE)), arrays)


def _write_members(file, text, arrays):
    """Write JSON and arrays as members of a zip file, not compressed: weights hardly get smaller."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(_VALUE, text)
        for number, array in enumerate(arrays):
            with archive.open(str(number), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _checksum(file):
    """Return the SHA-256 of an open file's bytes behind the place where its checksum stands."""
    found = hashlib.sha256()
    file.seek(_START)
    while chunk := file.read(_CHUNK_BYTES):
        found.update(chunk)
    return found.digest()


def _sync_folder(folder):
    """Let the disk know the new name of a file now, where the system can do that."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def pack(value, arrays):
    """Return a value as JSON can hold it; arrays are appended to `arrays`, and their numbers stand for them."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufcSUmM":
        arrays.append(np.asarray(value))
        return {"array" if isinstance(value, np.ndarray) else "scalar": len(arrays) - 1}
    if type(value) in (list, tuple):
        return {type(value).__name__: [pack(part, arrays) for part in value]}
    if type(value) is dict:
        return {"dict": [[pack(key, arrays), pack(part, arrays)] for key, part in value.items()]}
    for name, function in _FUNCTIONS.items():
        if value is function:
            return {"function": name}
    raise NotPlainError(f"A {type(value).__name__} cannot be kept in a file.")


def is_plain(value):
    """Return whether a file can hold a value."""
    try:
        pack(value, [])
    # A list that holds itself ends in a RecursionError.
    except (NotPlainError, RecursionError):
        return False
    return True


def _unpack(packed, arrays):
    """Return the value that `pack` packed."""
    if not isinstance(packed, dict):
        return packed
    ((kind, content),) = packed.items()
    if kind in ("array", "scalar"):
        return arrays[content] if kind == "array" else arrays[content][()]
    if kind == "dict":
        return {_unpack(key, arrays): _unpack(part, arrays) for key, part in content}
    if kind == "function":
        return _FUNCTIONS[content]
    parts = [_unpack(part, arrays) for part in content]
    return tuple(parts) if kind == "tuple" else parts
