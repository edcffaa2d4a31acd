"""The Keras callbacks that tell of epochs: a line when one is done, and a live bar while it runs."""

import time
from contextlib import contextmanager

import keras

from .bars import live_bar
from .telling import epoch_name, figures, time_left


class EpochLines(keras.callbacks.Callback):
    """Prints a line after each epoch: ``epoch 3/40  0.2 s  loss 0.512  val_loss 0.498  about 7.4 s left``.

    Parameters
    ----------
    teller : Teller
        Prints the lines.
    schedule : Schedule
        How many epochs there are.
    """

    def __init__(self, teller, schedule):
        super().__init__()
        self.teller, self.schedule = teller, schedule
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock; see `keras.callbacks.Callback`."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Print the line; see `keras.callbacks.Callback`."""
        self.seconds.append(time.perf_counter() - self.started)
        name = epoch_name(epoch + 1, self.schedule, self.teller.whole)
        left = time_left(self.seconds, self.schedule.epochs - epoch - 1, self.schedule)
        # A callback may have stopped the fit, whose line comes next.
        left = "" if self.model.stop_training else left
        self.teller.say(f"{name}  {self.seconds[-1]:.1f} s  {figures(logs)}{left}")


class EpochBar(keras.callbacks.Callback):
    """Draws a bar for each epoch while it runs, if there is somebody to see it.

    Parameters
    ----------
    teller : Teller
        What stands before the bar.
    schedule : Schedule
        How many epochs there are.
    n_steps : int
        Steps of an epoch.
    """

    def __init__(self, teller, schedule, n_steps):
        super().__init__()
        self.teller, self.schedule, self.n_steps = teller, schedule, n_steps
        self.bar = None

    def on_epoch_begin(self, epoch, logs=None):
        """Draw an empty bar; see `keras.callbacks.Callback`."""
        name = epoch_name(epoch + 1, self.schedule, self.teller.whole)
        self.bar = live_bar(f"{self.teller.prefix}{name}", self.n_steps)

    def on_train_batch_end(self, batch, logs=None):
        """Move the bar; see `keras.callbacks.Callback`."""
        if self.bar is not None:
            # Keras counts in whole executions of several steps, of which the last may be shorter.
            self.bar.move(min(batch + 1, self.n_steps), figures(logs))

    def on_epoch_end(self, epoch, logs=None):
        """Take the bar away, before other callbacks print; see `keras.callbacks.Callback`."""
        self.close()

    def close(self):
        """Take the bar away, if there is one."""
        if self.bar is not None:
            self.bar.close()
        self.bar = None


@contextmanager
def epochs_told(teller, schedule, n_steps):
    """Tell of the epochs in a block.

    Parameters
    ----------
    teller : Teller
        Prints the lines.
    schedule : Schedule
        How many epochs there are.
    n_steps : int
        Steps of an epoch.

    Yields
    ------
    bar, line : keras.callbacks.Callback or None
        The first and the last callback to hear of the end of an epoch.
    """
    line = EpochLines(teller, schedule) if teller.level else None
    bar = EpochBar(teller, schedule, n_steps) if teller.level > 1 else None
    try:
        yield bar, line
    finally:
        # An error or an interrupt in the middle of an epoch must not leave a terminal without its cursor.
        if bar is not None:
            bar.close()
