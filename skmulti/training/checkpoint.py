"""A folder from which a fit that was killed goes on: after each epoch a file has all that training would need.

Rows, router and network are made anew from the same table and the same seed, so the file holds only what training has
changed: weights, optimizer, random generators, the state of callbacks, and the history. A fit is known by a
fingerprint of its parameters, its rows and the versions of the packages, which names its file.
"""

import io
import itertools
import random
import time
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np

from ..errors import CheckpointWarning, quote_first, shorten, warn
from .fingerprint import digest
from .locks import FileLock
from .statefile import DamagedFileError, is_plain, read_open, read_state, write_state

# A file is written again after this many times the seconds that writing took, so that at most a tenth of a fit goes
# into it however short its epochs are.
WAIT = 9
ENDING = ".checkpoint"
# Attributes of every callback that Keras sets anew in each fit.
_OF_KERAS = {"_model", "params", "validation_data"}


class _Stages:
    """What a checkpoint knows of the stages of a fit: its file is of one of them, and says what came before.

    Attributes
    ----------
    training : dict or None
        What `SaveEpochs` has written before the fit was killed.
    before : dict
        History and number of the epochs before the stage; `begun` is their number when the fit began.
    """

    training = None

    def begin_fit(self, history, n_epochs):
        """Return history and number of epochs before the stage that goes on: those in the file, or those given."""
        self.begun = n_epochs
        self.begin_stage(history, n_epochs)
        if self.training is not None:
            self.before = self.training["before"]
        return self.before["history"], self.before["epochs"]

    def begin_stage(self, history, n_epochs):
        """Remember what a fit has come to before a stage."""
        self.before = {"history": history, "epochs": n_epochs}


class Checkpoint(_Stages):
    """The file of one fit in a folder of checkpoints; a context that holds it as long as the fit runs.

    Parameters
    ----------
    folder : str or Path
        The folder. It is made if it does not exist.
    parts : dict of str to str
        What tells this fit from another, by what users call it.
    seed : int
        The seed that the fit would have if it began anew.

    Attributes
    ----------
    seed : int
        The seed of the fit: that in the file if there is one.
    training, before : object
        As in `_Stages`.
    finished : bool
        Set when the fit has ended normally. The file is then removed.
    """

    def __init__(self, folder, parts, seed):
        self.folder, self.parts, self.seed = Path(folder), parts, seed
        self.finished = False
        self._due, self._is_warned = 0.0, False

    def __enter__(self):
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = self._take_place()
        except OSError as error:
            raise type(error)(
                f"checkpoint={shorten(repr(str(self.folder)))} is no folder in which files can be written "
                f"({error.strerror or error}). Give another folder, or None."
            ) from error
        self.path = self._lock.path.with_suffix(ENDING)
        try:
            self._read()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *error):
        if self.finished:
            self.path.unlink(missing_ok=True)
        self._lock.release()

    def _take_place(self):
        """Return the lock of a place in the folder that no running fit has; places with a file come first."""
        # Fits that are equal and run side by side, as those of a VotingClassifier may, have a place each.
        name = f"fit-{digest(self.parts)}"
        # The last letters of a name are its number.
        found = sorted(self.folder.glob(f"{name}-*{ENDING}"))
        new = (self.folder / f"{name}-{number}{ENDING}" for number in itertools.count(1))
        for path in itertools.chain(found, new):
            lock = FileLock(path.with_suffix(".lock"))
            if lock.acquire():
                return lock

    def _read(self):
        """Read the file of a fit that was killed, and say what cannot be used."""
        # Unnamed files are of writes that a kill has cut off. Nobody else writes here as long as the lock is held.
        for path in self.folder.glob(f"{self.path.stem}.*.tmp"):
            path.unlink(missing_ok=True)
        try:
            state = read_state(self.path)
            self.seed, self.training = state["seed"], state["training"]
        except FileNotFoundError:
            self._warn_of_others()
        except DamagedFileError as error:
            warn(f"{shorten(str(error), 300)} The fit begins anew, and replaces it.", CheckpointWarning)

    def _warn_of_others(self):
        """Warn of a checkpoint that another fit has left here, with what differs."""
        left = [path for path in self.folder.glob(f"fit-*{ENDING}") if _is_left(path)]
        if not left:
            return
        newest = max(left, key=_changed)
        try:
            parts = read_state(newest)["parts"]
        except (DamagedFileError, FileNotFoundError):
            return
        names = [name for name in {**parts, **self.parts} if parts.get(name) != self.parts.get(name)]
        # What can be shown says more than a digest.
        names.sort(key=lambda name: parts.get(name, "").startswith("<"))
        was, now = (shorten(found.get(names[0], "not there")) for found in (parts, self.parts))
        warn(
            f"The checkpoint {newest.name} in {shorten(str(self.folder))} is of another fit: {quote_first(names, 5)} "
            f"differ{'s' * (len(names) == 1)} ({names[0]}: {was} there, {now} here). This fit begins anew and leaves "
            "it as it is. Call fit as it was called before to go on with it, or delete the file.",
            CheckpointWarning,
        )

    def is_due(self):
        """Return whether it is time to write again."""
        return time.monotonic() >= self._due

    def write(self, training, started):
        """Write what training has reached; `started` is when its gathering began."""
        try:
            write_state(self.path, {"parts": self.parts, "seed": self.seed, "training": training})
        # A full disk is no reason to lose the hours that the fit has taken.
        except OSError as error:
            if not self._is_warned:
                warn(
                    f"The checkpoint {self.path} could not be written ({error.strerror or error}). Training goes on; "
                    "if it is killed now, it goes on from an earlier epoch. Free some space.",
                    CheckpointWarning,
                )
            self._is_warned = True
        now = time.monotonic()
        self._due = now + WAIT * (now - started)


def kept_seed(folder, parts, seed):
    """Return the seed of a fit whose checkpoint is in a folder; see `Checkpoint` for the parameters."""
    for path in sorted(Path(folder).glob(f"fit-{digest(parts)}-*{ENDING}")):
        try:
            return read_state(path)["seed"]
        except (DamagedFileError, FileNotFoundError):
            continue
    return seed


class FollowedCheckpoint(_Stages):
    """A checkpoint that another process of the same training writes.

    Parameters
    ----------
    path : Path
        Where it is.
    content : bytes
        What the file holds, or nothing.
    """

    def __init__(self, path, content):
        self.path = path
        self.training = read_open(io.BytesIO(content), path)["training"] if content else None

    def is_due(self):
        """Return False: the other process writes."""
        return False


@contextmanager
def shared_checkpoint(folder, parts, seed, crew):
    """Return a context with the checkpoint of a training that several processes share; the first one keeps it.

    Parameters
    ----------
    folder, parts, seed : object
        As for `Checkpoint`. A folder of None has no checkpoint.
    crew : Crew or Alone
        The processes. All of them begin with what the first one has read.
    """
    if folder is None:
        yield None
    elif crew.rank:
        yield FollowedCheckpoint(Path(folder), crew.share(b""))
    else:
        with Checkpoint(folder, parts, seed) as checkpoint:
            crew.share(b"" if checkpoint.training is None else checkpoint.path.read_bytes())
            yield checkpoint
            checkpoint.finished = True


def _is_left(path):
    """Return whether no running fit has a checkpoint."""
    lock = FileLock(path.with_suffix(".lock"))
    is_free = lock.acquire()
    if is_free:
        lock.release()
    return is_free


def _changed(path):
    """Return when a file was changed; 0 if it has gone meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0


class SaveEpochs(keras.callbacks.Callback):
    """Writes a checkpoint after epochs, and begins where one ended. It is the last callback of a fit.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where to write.
    progress : Progress
        The epochs that are done.
    callbacks : list of keras.callbacks.Callback
        The callbacks that have a state: those that decide about the fit, and the user's.
    draws : bool
        Whether Python's and NumPy's generators belong to this fit.
    """

    def __init__(self, checkpoint, progress, callbacks, draws):
        super().__init__()
        self.checkpoint = checkpoint
        self.progress = progress
        self.callbacks = {f"{type(callback).__name__} {i}": callback for i, callback in enumerate(callbacks)}
        self.draws = draws

    def resumed(self, model):
        """Return the state in the checkpoint if it is one of this network and of these callbacks, else None."""
        training = self.checkpoint.training
        if training is None:
            return None
        known = [(path, tuple(variable.shape), str(variable.dtype)) for path, variable in variables(model)]
        kept = [(path, value.shape, str(value.dtype)) for path, value in training["variables"]]
        if known == kept and list(training["callbacks"]) == list(self.callbacks):
            return training
        if self.checkpoint.before["epochs"] != self.checkpoint.begun:
            raise ValueError(
                f"The checkpoint {self.checkpoint.path} is of another network, in the middle of a fit in stages: code "
                "of yours has changed. Delete the file to begin anew."
            )
        warn(
            f"The checkpoint {self.checkpoint.path.name} is of the same parameters and rows, but of another network: "
            "code of yours has changed. The fit begins anew, and replaces it.",
            CheckpointWarning,
        )
        self.checkpoint.training = None
        return None

    def on_train_begin(self, logs=None):
        """Take up the state of the checkpoint; see `keras.callbacks.Callback`."""
        # Last of all callbacks, since most of them begin anew here.
        training = self.checkpoint.training
        if training is not None:
            self._take_up(training)
            self.checkpoint.training = None
        self.begun_with = {name: dict(vars(callback)) for name, callback in self.callbacks.items()}

    def on_epoch_end(self, epoch, logs=None):
        """Write what training has reached; see `keras.callbacks.Callback`."""
        if not self.checkpoint.is_due():
            return
        started = time.monotonic()
        self.checkpoint.write(self._state(), started)

    def _state(self):
        """Return all that the next epochs depend on, as plain values."""
        return {
            "before": self.checkpoint.before,
            "logs": [{name: float(value) for name, value in logs.items()} for logs in self.progress.logs],
            "stopped": bool(self.model.stop_training),
            "variables": [(path, variable.value.numpy()) for path, variable in variables(self.model)],
            "callbacks": {name: _plain_attributes(callback) for name, callback in self.callbacks.items()},
            "lost": [name for name in self.callbacks for name in self._lost_attributes(name)],
            "generators": [random.getstate(), np.random.get_state()],
        }

    def _lost_attributes(self, name):
        """Return the attributes of a user's callback that were set during training and cannot be in a file."""
        callback, before = self.callbacks[name], self.begun_with[name]
        # Keras' own callbacks set only what they set again, such as an open file.
        if type(callback).__module__.startswith(("keras.", "skmulti.")):
            return []
        return [
            f"{type(callback).__name__}.{attribute}"
            for attribute, value in vars(callback).items()
            if attribute not in _OF_KERAS and value is not before.get(attribute) and not is_plain(value)
        ]

    def _take_up(self, training):
        """Set variables, callbacks and generators to what they were after the last epoch."""
        values = dict(training["variables"])
        for path, variable in variables(self.model):
            variable.assign(values[path])
        for name, attributes in training["callbacks"].items():
            _set_attributes(self.callbacks[name], attributes)
        if self.draws:
            random.setstate(training["generators"][0])
            np.random.set_state(training["generators"][1])
        if training["lost"]:
            warn(
                f"The fit goes on after epoch {len(training['logs'])}, but {quote_first(training['lost'], 5)} of your "
                "callbacks cannot be kept in a checkpoint and begin anew. Keep what counts in numbers, texts, arrays, "
                "or lists and dicts of them.",
                CheckpointWarning,
            )


def variables(model):
    """Return (name, variable) of all that training changes in a network and its optimizer."""
    found = [*model.variables, *model.optimizer.variables]
    # Paths alone may occur twice, as two seeds of one layer do.
    return [(f"{number} {variable.path}", variable) for number, variable in enumerate(found)]


def _plain_attributes(callback):
    """Return the attributes of a callback that can be in a file."""
    return {name: value for name, value in vars(callback).items() if name not in _OF_KERAS and is_plain(value)}


def _set_attributes(callback, attributes):
    """Set attributes of a callback; a list or dict that it holds is the user's own, and is filled in place."""
    for name, value in attributes.items():
        held = vars(callback).get(name)
        if type(held) is list and type(value) is list:
            held[:] = value
        elif type(held) is dict and type(value) is dict:
            held.clear()
            held.update(value)
        else:
            vars(callback)[name] = value
