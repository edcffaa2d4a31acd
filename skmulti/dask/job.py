"""The folder through which a worker and its training process speak with each other."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
from distributed.protocol.pickle import dumps, loads

from ..errors import ClusterError, shorten
from ..estimators import EncodedPart
from ..router import on_disk_if_large

# What the worker touches as long as it wants the process to go on.
LEASE = "lease"
# What the process touches as long as it runs.
BEAT = "beat"
# Seconds that a process may take to begin.
STARTING = 60
# Exit code of a process that cannot even write its error.
CANNOT_WRITE = 74
# The end of a process's output, in which an error looks for its last line.
_LOG_BYTES = 2000


class PortTakenError(Exception):
    """A port that was free when it was chosen is no longer."""


class Job:
    """What a process has to train, as it reads it.

    Parameters
    ----------
    folder : Path
        The folder.

    Attributes
    ----------
    rank : int
        Number of the process.
    places : list of str
        "host:port" of each process.
    n_threads : int
        Threads that it may use.
    n_rows : list of (list of int, list of int)
        Number of rows of each process to train on, and to validate on.
    silence : float
        Seconds without a sign of life after which a process counts as hanging.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        told = json.loads((self.folder / "job.json").read_text())
        self.rank, self.places, self.n_threads = told["rank"], told["places"], told["n_threads"]
        self.n_rows, self.silence = tuple(map(tuple, told["n_rows"])), told["silence"]

    @staticmethod
    def write(folder, rank, places, n_threads, fit, encoded, n_rows, silence):
        """Write what a process has to train; `encoded` yields the partitions, see `train_here` for the others."""
        (folder / LEASE).touch()
        # To start, it may take a while: it loads TensorFlow.
        (folder / BEAT).touch()
        os.utime(folder / BEAT, (time.time() + STARTING,) * 2)
        _write_rows(folder, encoded, [own[rank] for own in n_rows])
        (folder / "fit").write_bytes(dumps(fit))
        told = {"rank": rank, "places": places, "n_threads": n_threads, "n_rows": n_rows, "silence": silence}
        (folder / "job.json").write_text(json.dumps(told))

    def fit(self):
        """Return the `PartedFit`."""
        return loads((self.folder / "fit").read_bytes())

    def rows(self):
        """Return (rows to train on, rows that validate)."""
        return _read_rows(self.folder / "training"), _read_rows(self.folder / "held")

    # --- what the process tells

    def beat(self):
        """Show that the process lives, and return for how many seconds the worker has not."""
        os.utime(self.folder / BEAT)
        return time.time() - (self.folder / LEASE).stat().st_mtime

    def tell(self, **state):
        """Tell what the process does."""
        _replace(self.folder / "state", json.dumps(state).encode())

    def end(self, estimator, digest, told):
        """Leave what the training has come to."""
        _replace(self.folder / "result", dumps((estimator, digest, told)))

    def fail(self, error):
        """Leave the error with which the training has ended."""
        try:
            content = dumps(error)
            loads(content)
        except Exception:
            content = dumps(ClusterError(f"{type(error).__name__}: {shorten(str(error), 300)}"))
        _replace(self.folder / "error", content)

    # --- what the worker reads

    @staticmethod
    def state(folder):
        """Return what the process told last."""
        path = folder / "state"
        return json.loads(path.read_text()) if path.exists() else {}

    @staticmethod
    def silent(folder):
        """Return the seconds since the last sign of life."""
        return time.time() - (folder / BEAT).stat().st_mtime

    @staticmethod
    def result(folder):
        """Return what the training has come to: (estimator, digest, warnings)."""
        return loads((folder / "result").read_bytes())

    @staticmethod
    def error(folder, code):
        """Return the error of a process that has ended with an exit code other than 0."""
        path = folder / "error"
        if path.exists():
            return loads(path.read_bytes())
        if code == CANNOT_WRITE:
            return ClusterError(f"its training process could not write to {folder}: the disk may be full")
        if code < 0:
            name = signal.Signals(-code).name
            cause = ", as by a machine without memory" if code == -signal.SIGKILL else ""
            return ClusterError(f"its training process was ended by {name}{cause}")
        return ClusterError(f"its training process ended with code {code}: {_end_of_log(folder)}")


def _end_of_log(folder):
    """Return the last words of the process."""
    content = (folder / "log").read_bytes()[-_LOG_BYTES:].decode("utf-8", "replace").strip().splitlines()
    return shorten(content[-1], 300) if content else "it said nothing"


def _write_rows(folder, encoded, n_rows):
    """Write partitions one after the other, so that one of them is in memory."""
    folders = folder / "training", folder / "held"
    for own in folders:
        own.mkdir()
    for parts in encoded:
        for own, part, count in zip(folders, parts, n_rows, strict=True):
            if part is not None:
                _append(own, part, count)
    if not n_rows[1]:
        # It validates a row that does not count.
        _append(folders[1], _read_rows(folders[0]).first(), 1)


def _append(folder, part, n_rows):
    """Write the rows of an `EncodedPart` behind those of the parts before; all have `n_rows` rows."""
    columns = {**{f"arrays.{name}": array for name, array in part.arrays.items()}, "y": part.y}
    if part.weight is not None:
        columns["weight"] = part.weight
    for name, array in columns.items():
        path = folder / f"{name}.npy"
        begins = not path.exists()
        # Not through a memory map: on a full disk it ends the process, and a file says so.
        with open(path, "ab") as file:
            if begins:
                head = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False}
                np.lib.format.write_array_header_2_0(file, {**head, "shape": (n_rows, *array.shape[1:])})
            file.write(np.ascontiguousarray(array).data)


def _read_rows(folder):
    """Return rows that were written; the system reads them from the disk when they are needed."""
    columns = {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in sorted(folder.glob("*.npy"))}
    inputs = {name: column for name, column in columns.items() if name.startswith("arrays.")}
    arrays = {name.removeprefix("arrays."): on_disk_if_large(column) for name, column in inputs.items()}
    return EncodedPart(arrays, columns["y"], columns.get("weight"))


def _replace(path, content):
    """Write a file so that nobody reads half of it."""
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)
