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
        """Write what a process has to train; see `train_here` for the parameters."""
        (folder / LEASE).touch()
        # To start, it may take a while: it loads TensorFlow.
        (folder / BEAT).touch()
        os.utime(folder / BEAT, (time.time() + STARTING,) * 2)
        training = [part for part, _ in encoded if part is not None]
        held = [part for _, part in encoded if part is not None] or [training[0].first()]
        _write_rows(folder / "training", training)
        _write_rows(folder / "held", held)
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


def _write_rows(folder, parts):
    """Write the rows of parts, one part after the other, without having all of them in memory twice."""
    folder.mkdir()
    columns = {f"arrays.{name}": [part.arrays[name] for part in parts] for name in parts[0].arrays}
    columns["y"] = [part.y for part in parts]
    if parts[0].weight is not None:
        columns["weight"] = [part.weight for part in parts]
    for name, arrays in columns.items():
        shape = (sum(len(array) for array in arrays), *arrays[0].shape[1:])
        head = {"descr": np.lib.format.dtype_to_descr(arrays[0].dtype), "fortran_order": False, "shape": shape}
        # Not through a memory map: on a full disk it ends the process, and a file says so.
        with open(folder / f"{name}.npy", "wb") as file:
            np.lib.format.write_array_header_2_0(file, head)
            for array in arrays:
                file.write(np.ascontiguousarray(array).data)


def _read_rows(folder):
    """Return rows that were written; the system reads them from the disk when they are needed."""
    columns = {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in sorted(folder.glob("*.npy"))}
    arrays = {name.removeprefix("arrays."): column for name, column in columns.items() if name.startswith("arrays.")}
    return EncodedPart(arrays, columns["y"], columns.get("weight"))


def _replace(path, content):
    """Write a file so that nobody reads half of it."""
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)
