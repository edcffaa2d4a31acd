"""What a fit says with ``verbose``: every word of it, and the `Teller` that prints it, a line a stage and an epoch.

A fit puts its teller into the context (`told_by`), and every part of the fit asks for it (`teller`). Parts that
know nothing of training count the cells that they decode (`skmulti._counts`); the teller listens to them.
"""

import math
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from .._counts import counts_heard
from .callbacks import SlowOnPlateau

# Seconds between two lines of one stage.
EVERY = 10


class Teller:
    """Prints how a fit goes.

    Parameters
    ----------
    level : int or bool
        0 is silent, 1 prints lines, 2 draws a bar for the epoch as well.
    place : str
        Which of several fits this is, at the start of each line; empty if there is only one.
    whole : bool
        Whether this is a whole fit, which has a planned number of epochs and an end worth telling.

    Examples
    --------
    >>> from skmulti.training import Teller
    >>> Teller(1, "fold 1/3").say("ran all 18 epochs; kept epoch 17")
    [fold 1/3] ran all 18 epochs; kept epoch 17
    """

    def __init__(self, level=0, place="", whole=True):
        self.level, self.place, self.whole = int(level), place, whole
        self.prefix = f"[{place}] " if place else ""

    def within(self, place, draws=True):
        """Return the teller of a part of the fit, whose lines name it; without `draws` it draws no bar."""
        level = self.level if draws else min(self.level, 1)
        return Teller(level, ", ".join(filter(None, [self.place, place])), self.whole)

    def say(self, words):
        """Print a line, unless silent."""
        if self.level:
            # In one piece, as lines of several processes meet in one file.
            print(f"{self.prefix}{words}\n", end="", flush=True)

    @contextmanager
    def stage(self, words):
        """Tell what a block has done, and how long it took.

        Parameters
        ----------
        words : callable
            Returns the words; called at the end, when the results are known.
        """
        started = time.perf_counter()
        yield
        if self.level:
            self.say(f"{words()}, {time_in_words(time.perf_counter() - started)}")

    @contextmanager
    def routing(self, n_rows, words):
        """Tell of the cells that are decoded in a block, and then as `stage` does.

        Parameters
        ----------
        n_rows : int
            Number of rows that are encoded.
        words : callable
            As in `stage`.
        """
        if not self.level:
            # What an outer fit listens to is not this fit's to tell.
            with counts_heard(None):
                yield
            return
        decoded = Decoded(self, n_rows)
        with self.stage(words):
            with counts_heard(decoded.hear):
                yield
            decoded.tell()


class Decoded:
    """Adds up the cells that are decoded in a stage, and tells of them from time to time.

    Parameters
    ----------
    teller : Teller
        Prints the lines.
    n_rows : int
        Number of rows of the stage.
    """

    def __init__(self, teller, n_rows):
        self.teller, self.n_rows = teller, n_rows
        # By column: [unit, number of cells, begin, end, time of the last line]
        self.counts = {}
        self._lock = threading.Lock()

    def hear(self, column, unit, number):
        """Add some cells; see `skmulti._counts.count_cells`."""
        now = time.perf_counter()
        # Inputs may be encoded in threads.
        with self._lock:
            count = self.counts.setdefault(column, [unit, 0, now, now, now])
            count[1] += number
            count[3] = now
            if now - count[4] < EVERY:
                return
            count[4] = now
            # An encoder that several inputs share, or that reads twice, has more cells than there are rows.
            of = f" of {self.n_rows:,}" if count[1] <= self.n_rows else ""
            self.teller.say(f"decoding {column}: {count[1]:,}{of} {unit}, {_rate(count)}")

    def tell(self):
        """Tell the sum of each column."""
        for column, count in self.counts.items():
            # A store may have kept all of them.
            if count[1]:
                self.teller.say(f"decoded {column}: {count[1]:,} {count[0]}, {_rate(count)}")


def _rate(count):
    """Return the words for a number of cells in a second."""
    return f"{count[1] / max(count[3] - count[2], 1e-3):,.0f}/s"


# The teller of the fit that runs in this context.
_TELLER = ContextVar("teller", default=Teller())  # noqa: B039


def teller():
    """Return the teller of the fit that runs; a silent one if none does."""
    return _TELLER.get()


@contextmanager
def told_by(own):
    """Let a teller tell of the fit in a block.

    Parameters
    ----------
    own : Teller
        The teller.
    """
    token = _TELLER.set(own)
    try:
        yield
    finally:
        _TELLER.reset(token)


# --- words


def time_in_words(seconds):
    """Return a time span in few letters: "40 ms", "0.4 s", "12 s", "3 min 20 s", "2 h 05 min"."""
    if seconds < 0.0995:
        return f"{1000 * seconds:.2g} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def _many(number, noun):
    """Return a number with its noun."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def routed(router, n_rows):
    """Return the words for columns that became inputs."""
    columns, inputs = _many(router.n_features_in_, "column"), _many(len(router.specs_), "input")
    return f"routed {columns} -> {inputs}, {_many(n_rows, 'row')}"


def routed_hold_out(n_rows):
    """Return the words for held-out rows that were encoded."""
    return f"routed the hold-out, {_many(n_rows, 'row')}"


def built(model):
    """Return the words for a network that was built."""
    return f"built the network, {_many(model.count_params(), 'weight')}"


def featuring(name, done, n_rows):
    """Return the words for features that are being computed."""
    return f"features of {name}: {done:,} of {_many(n_rows, 'row')}"


def featured(name, n_rows, n_computed):
    """Return the words for features that are computed, or were kept by another fit."""
    return f"features of {name}: {_many(n_rows, 'row')}, {n_computed:,} of them computed"


def thawed(model):
    """Return the words for a network of which other layers are trained from now on."""
    return f"training {sum(math.prod(v.shape) for v in model.trainable_variables):,} weights from now on"


def left_out(names):
    """Return the words for inputs that add nothing to the others."""
    return f"left out {', '.join(map(repr, names))}: the other inputs explain the target no less"


def built_more(networks):
    """Return the words for further networks that were built."""
    return f"built {_many(len(networks), 'more network')}"


def traced():
    """Return the words for a network that TensorFlow has compiled."""
    return "traced the network"


def training(n_rows, n_held, schedule, first, n_steps):
    """Return the words for what is about to be trained; `first` epochs are done already."""
    held = f", {n_held:,} held out" if n_held else ", none held out"
    epochs = _many(schedule.epochs - first, "epoch")
    if schedule.stops and schedule.ends:
        epochs = f"up to {epochs}"
    return f"training on {_many(n_rows, 'row')}{held}: {epochs} of {_many(n_steps, 'step')}"


def goes_on(epoch):
    """Return the words for a fit that goes on."""
    return f"going on after epoch {epoch}, from the checkpoint"


def epoch_name(epoch, schedule, whole):
    """Return an epoch's number, and that of the last one if the fit is a whole one."""
    return f"epoch {epoch}/{schedule.epochs}" if whole else f"epoch {epoch}"


def figures(logs):
    """Return the figures of an epoch: losses first, rounded to four digits."""
    # False sorts before True.
    names = sorted(logs or {}, key=lambda name: ("loss" not in name, name))
    return "  ".join(f"{name} {logs[name]:.4g}" for name in names)


def time_left(seconds, n_epochs, schedule):
    """Return the words for the time that more epochs take, given the seconds of those that are done."""
    if n_epochs <= 0:
        return ""
    # The last few, of which one may have had to wait; the first one may have compiled something.
    left = n_epochs * float(np.median(seconds[-5:]))
    return f"  {'at most' if schedule.stops and schedule.ends else 'about'} {time_in_words(left)} left"


def ending(schedule, done, best, reason):
    """Return the words for how a fit ended, and which weights it has.

    Parameters
    ----------
    schedule : Schedule
        What was planned.
    done, best : int
        Number of the last epoch that was trained, and of the one whose weights are kept.
    reason : str
        Why it ended before the last epoch, or an empty string.
    """
    planned = schedule.epochs
    if reason.startswith("interrupted"):
        how = f"{reason} after epoch {done} of {planned}"
    elif done < planned:
        how = f"stopped after epoch {done} of {planned}: {reason}"
    elif schedule.initial_epoch:
        first = schedule.initial_epoch + 1
        how = f"ran epoch {planned}" if first == planned else f"ran epochs {first} to {planned}"
    else:
        how = f"ran all {planned} epochs" if planned > 1 else "ran the only epoch"
    return f"{how}; kept epoch {best}"


def reason_to_stop(stopper, figure, callbacks, interrupted):
    """Return why a fit has ended before its last epoch.

    Parameters
    ----------
    stopper : SlowOnPlateau, StopEarly or None
        What may stop the fit by itself.
    figure : str
        What the stopper watches.
    callbacks : list of keras.callbacks.Callback
        Those of the user.
    interrupted : bool
        Whether the user interrupted the fit.
    """
    if interrupted:
        return "interrupted"
    watched = f"the hold-out's {figure.removeprefix('val_')}" if figure.startswith("val_") else f"the {figure}"
    if stopper is not None and stopper.stopped_epoch:
        if not isinstance(stopper, SlowOnPlateau):
            return f"{watched} did not improve for {_many(stopper.patience, 'epoch')}"
        times = _times(stopper.lowered + 1)
        if stopper.patience == 1:
            return f"{watched} got worse {times}"
        return f"{watched} did not improve for {_many(stopper.patience, 'epoch')}, {times}"
    # By the convention of Keras' own callbacks, one that stopped a fit knows in which epoch. Not all follow it.
    found = [callback for callback in callbacks if getattr(callback, "stopped_epoch", 0)]
    found = found or [callback for callback in callbacks if not hasattr(callback, "stopped_epoch")]
    names = list(dict.fromkeys(getattr(callback, "told_as", type(callback).__name__) for callback in found))
    return f"{names[0]} stopped it" if len(names) == 1 else "a callback stopped it"


def _times(number):
    """Return how often, in words."""
    return {1: "once", 2: "twice"}.get(number, f"{number} times")
