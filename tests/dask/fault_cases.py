"""What can befall a fit on a cluster: each fault strikes at a known point of the fit, of which a file tells."""

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import sys
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import psutil
from training_cases import make_rows, table_of

from skmulti import CategoryIndexer, InputRouter, MultiInputClassifier, NumberScaler
from skmulti.dask import DaskEstimator

# Seconds for which a process halts; it is struck meanwhile.
HALT = 60
# Seconds in which the client hears of an epoch that has begun.
TOLD = 2


def halt(folder, point, seconds=HALT):
    """Tell that a process has come to a point of the fit, and wait to be struck. Only the first one does so."""
    with contextlib.suppress(FileExistsError):
        path = Path(folder) / point
        with open(path, "x") as file:
            file.write(f"{os.getpid()} {os.getppid()}")
        # In one step, so that nobody reads half of it.
        shutil.copy(path, path.with_suffix(".part"))
        path.with_suffix(".part").rename(path.with_suffix(".reached"))
        time.sleep(seconds)


def wait_until(condition, seconds=240):
    """Wait for a condition, and return what it has given; fail if it takes too long."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{seconds} seconds passed"
        time.sleep(0.05)
    return found


class HaltingScaler(NumberScaler):
    """Halts when it learns a part."""

    def __init__(self, folder=None, *, dtype="float32"):
        super().__init__(dtype=dtype)
        self.folder = folder

    def partial_fit(self, columns, y=None, sample_weight=None):
        halt(self.folder, "learning")
        return super().partial_fit(columns, y, sample_weight)

    def merge(self, other):
        return super().merge(other)


class HaltingLoss(keras.losses.SparseCategoricalCrossentropy):
    """Halts when it is traced in a training process."""

    def __init__(self, folder=None, **params):
        super().__init__(**params)
        self.folder = folder

    def call(self, y_true, y_pred):
        if "skmulti.dask.process" in psutil.Process().cmdline():
            halt(self.folder, "trace")
        return super().call(y_true, y_pred)

    def get_config(self):
        return {"folder": self.folder, **super().get_config()}


class Halting(keras.callbacks.Callback):
    """Halts in the second epoch, in training or in the hold-out; or does there what `strike` says."""

    def __init__(self, folder, point, strike=None):
        super().__init__()
        self.folder, self.point, self.strike, self.epoch = folder, point, strike, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self._halt("epoch")

    def on_test_batch_end(self, batch, logs=None):
        self._halt("hold-out")

    def on_train_end(self, logs=None):
        self._halt("end")

    def _halt(self, point):
        if self.epoch and point == self.point:
            halt(self.folder, point, 0 if self.strike else HALT)
            path = Path(self.folder) / f"{point}.reached"
            if self.strike and path.exists() and int(path.read_text().split()[0]) == os.getpid():
                time.sleep(TOLD)
                self.strike()


def use_up_memory():
    """Ask for more memory than there is."""
    used = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, resource.RLIM_INFINITY))
    np.ones(2**30)


def use_up_disk():
    """Let no file grow any more, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def free_disk():
    """Let files grow again."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def estimator(folder, point=None, strike=None, epochs=3, **params):
    """Return an estimator whose fit halts at a point."""
    scaler = HaltingScaler(str(folder)) if point == "learning" else NumberScaler()
    router = InputRouter([("area", scaler, ["area"]), ("city", CategoryIndexer(), ["city"])])
    return MultiInputClassifier(
        router,
        epochs=epochs,
        batch_size=64,
        random_state=0,
        **({"loss": HaltingLoss(str(folder))} if point == "trace" else {}),
        callbacks=[Halting(str(folder), point, strike)] if point in ("epoch", "hold-out", "end") else None,
        early_stopping=point == "hold-out",
        **params,
    )


def table(n_parts=2):
    """Return 600 rows in partitions of one size."""
    rows = make_rows(600)[["area", "city", "label"]]
    return table_of(rows, [600 // n_parts] * n_parts)


@dataclass
class Struck:
    """What has become of a fit: its error or None, seconds from the blow to its end, the worker that was struck."""

    error: BaseException | None
    seconds: float
    worker: str
    fitted: DaskEstimator | None


def fit_and_strike(client, folder, point, blow, **params):
    """Fit; when a process has come to `point`, call ``blow(process id, id of its parent)``."""
    client.wait_for_workers(2, timeout=120)
    workers = {pid: address for address, pid in client.run(os.getpid).items()}
    outcome = {}

    def fit():
        try:
            outcome["fitted"] = DaskEstimator(estimator(folder, point, **params), client=client).fit(table(), "label")
        except BaseException as error:
            outcome["error"] = error
        outcome["ended"] = time.monotonic()

    thread = threading.Thread(target=fit, daemon=True)
    thread.start()
    reached = folder / f"{point}.reached"
    wait_until(lambda: reached.exists() or outcome)
    assert reached.exists(), outcome
    pids = tuple(map(int, reached.read_text().split()))
    time.sleep(TOLD)
    struck = time.monotonic()
    blow(*pids)
    thread.join(180)
    assert "ended" in outcome, "the fit has not ended"
    return Struck(
        outcome.get("error"),
        outcome["ended"] - struck,
        next((workers[pid] for pid in pids if pid in workers), ""),
        outcome.get("fitted"),
    )


def kill(pid, parent=None):
    """End a process at once."""
    os.kill(pid, signal.SIGKILL)


def kill_parent(pid, parent):
    """End the worker of a training process at once."""
    os.kill(parent, signal.SIGKILL)


def stop(pid, parent):
    """Stop a process, as one that hangs."""
    os.kill(pid, signal.SIGSTOP)


def stop_parent(pid, parent):
    """Stop the worker of a training process."""
    os.kill(parent, signal.SIGSTOP)


def training_processes(folder):
    """Return the training processes of the workers whose folders are in `folder`."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = process.cmdline()
            if "skmulti.dask.process" in line and any(str(folder) in part for part in line):
                found.append(process)
    return found


def local_folder(client):
    """Return the folder in which the workers of a cluster have theirs."""
    return next(iter(client.run(lambda dask_worker: str(Path(dask_worker.local_directory).parent)).values()))


def occupy_port(folder):
    """Listen at the port of the next training's second process before it does; return a Future of (place, socket)."""
    found = Future()
    known = set(Path(folder).rglob("job.json"))

    def watch():
        path = wait_until(lambda: next(iter(set(Path(folder).rglob("skmulti-*/job.json")) - known), None))
        place = wait_until(lambda: path.read_text() and json.loads(path.read_text())["places"][1])
        listening = socket.socket()
        listening.bind(("", int(place.rpartition(":")[2])))
        listening.listen()
        found.set_result((place, listening))

    threading.Thread(target=watch, daemon=True).start()
    return found


if __name__ == "__main__":
    from distributed import Client

    address, own_folder = sys.argv[1:]
    # A shell starts what runs in its background without it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Not as `__main__`: the workers import what it needs.
    from fault_cases import estimator as halting

    with Client(address):
        DaskEstimator(halting(own_folder, "epoch")).fit(table(), "label")
