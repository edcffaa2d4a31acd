"""What runs on a worker while it trains: it starts a process, watches it, and ends it when it is no longer wanted.

TensorFlow's collectives must be set up before the first operation of a process, so none that has run one can train.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from distributed import get_worker
from distributed.comm import get_address_host

from ..errors import ClusterError
from .job import LEASE, Job

# Time without a sign of life after which a worker or a process counts as hanging, unless Dask's configuration says
# otherwise under "skmulti.silence".
SILENCE = "30s"
# (topic of the training, rank) of each process that runs here.
_RUNNING = set()


class Result(NamedTuple):
    """What a process has come to: the fitted estimator (of the first one), a digest of its weights, warnings."""

    estimator: bytes | None
    digest: str
    told: list


def free_address():
    """Return "host:port" of this worker, at which nothing listens yet."""
    host = get_address_host(get_worker().address)
    with socket.socket() as found:
        found.bind(("", 0))
        return f"{host}:{found.getsockname()[1]}"


def is_running(topic):
    """Return whether this worker has a process of a training."""
    return any(topic == own for own, _ in _RUNNING)


@dataclass(frozen=True)
class EncodedHere:
    """Encoded partitions that this worker holds, in memory or on its disk.

    Parameters
    ----------
    keys : tuple
        Dask's keys of the partitions. They are no arguments of a task, which would all be in memory at once.
    """

    keys: tuple

    def __iter__(self):
        held = get_worker().data
        for key in self.keys:
            if key not in held:
                raise ClusterError("it has lost encoded rows, as if Dask had moved them")
            yield held[key]


def train_here(topic, rank, places, built, encoded, n_rows, silence):
    """Train on the rows of this worker, in a process of its own.

    Parameters
    ----------
    topic : str
        Name of the training, under which the client listens.
    rank : int
        Number of this worker.
    places : list of str
        "host:port" of each worker's process.
    built : tuple
        (`PartedFit`, ready to train, and warnings).
    encoded : EncodedHere
        The partitions of this worker, (rows to train on or None, rows that validate or None) each.
    n_rows : tuple of (tuple of int, tuple of int)
        Number of rows of each worker to train on, and to validate on.
    silence : float
        Seconds without a sign of life after which the process counts as hanging.

    Returns
    -------
    Result
        What the process has come to.
    """
    worker = get_worker()
    key = worker.get_current_task()
    folder = Path(tempfile.mkdtemp(prefix="skmulti-", dir=worker.local_directory))
    process = None
    _RUNNING.add((topic, rank))
    try:
        Job.write(folder, rank, places, worker.state.nthreads, built[0], encoded, n_rows, silence)
        process = _start(folder)
        tell = partial(worker.log_event, topic)
        _supervise(process, folder, silence, lambda: _is_wanted(worker, key), tell)
        return Result(*Job.result(folder))
    finally:
        if process is not None:
            process.kill()
            process.wait()
            process.stdin.close()
        shutil.rmtree(folder, ignore_errors=True)
        _RUNNING.remove((topic, rank))


def _start(folder):
    """Start the process. It ends when its standard input does: with this worker, whatever becomes of it."""
    path = os.pathsep.join([os.getcwd(), *(entry for entry in sys.path if entry)])
    with open(folder / "log", "wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "skmulti.dask.process", str(folder)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": path},
            # Ctrl+C in a terminal is for the client, which ends the training.
            start_new_session=True,
        )


def _is_wanted(worker, key):
    """Return whether the scheduler still wants the result of a task that runs here."""
    task = worker.state.tasks.get(key)
    return task is not None and task.state == "executing"


def _supervise(process, folder, silence, is_wanted, tell):
    """Wait for the process to end well; pass on what it tells."""
    told, told_until = {}, 0
    while process.poll() is None:
        time.sleep(0.2)
        if not is_wanted():
            raise ClusterError("The training is no longer wanted.")
        (folder / LEASE).touch()
        state = Job.state(folder)
        lines, told_until = _new_lines(folder / "lines", told_until)
        if state != told or lines:
            tell({**state, "lines": lines})
            told = state
        if Job.silent(folder) > silence:
            raise ClusterError(f"its training process has given no sign of life for {silence:g} seconds")
    lines, _ = _new_lines(folder / "lines", told_until)
    if lines:
        tell({"lines": lines})
    if process.returncode:
        raise Job.error(folder, process.returncode)


def _new_lines(path, start):
    """Return the whole lines of a file behind position `start`, and the position behind them."""
    if not path.exists():
        return [], start
    with open(path, "rb") as file:
        file.seek(start)
        whole, end, _ = file.read().rpartition(b"\n")
    return whole.decode("utf-8", "replace").splitlines(), start + len(whole) + len(end)
