"""The Keras callbacks that lower the learning rate of a fit with ``optimizer="auto"``, and what they watch."""

import math
import re

import keras
import numpy as np

from .weights import keep_weights, put_weights

__all__ = ["AnnealRate", "SlowOnPlateau"]


# Words in names of metrics that say which way is better. Keras keeps the direction of its own metrics in a private
# attribute, and has none for a function.
_LARGER = re.compile(
    "(?:^|_)(acc|accuracy|ap|auc|auroc|correlation|f1|fbeta|gini|io|iou|kappa|mcc|precision|r2|recall|roc|score"
    "|sensitivity|similarity|specificity|true)(?:_|$)"
)
_SMALLER = re.compile(
    "(?:^|_)(brier|cosh|crossentropy|deviance|divergence|entropy|error|false|hinge|logcosh|loss|mae|mape|mse|msle"
    "|perplexity|poisson|rmse)(?:_|$)"
)


def direction(name, kind=""):
    """Return "min" or "max": whether a smaller or a larger value of a figure of an epoch is better.

    Parameters
    ----------
    name : str
        As the history has it, e.g. "val_auc".
    kind : str
        Name of the metric's class, which decides if the metric's own name does not.

    Raises
    ------
    ValueError
        If neither name says it.
    """
    for text in (name, re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind)):
        if _SMALLER.search(text.lower()):
            return "min"
        if _LARGER.search(text.lower()):
            return "max"
    own = name.removeprefix("val_")
    raise ValueError(
        f"monitor={name!r}: whether a larger or a smaller {own!r} is better cannot be told from its name. Name the "
        f"metric {own + '_score'!r} if larger is better, or {own + '_error'!r} if smaller is."
    )


def is_better(value, best, mode):
    """Return whether a figure is better than the best one so far, which is None before the first epoch."""
    return bool(np.isfinite(value)) and (best is None or (value < best if mode == "min" else value > best))


def sets_rate(callback):
    """Return whether a callback is one that changes the learning rate."""
    kinds = keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau, AnnealRate, SlowOnPlateau
    return isinstance(callback, kinds)


def read_constant_rate(callback):
    """Return the learning rate that a callback is to change, or refuse a schedule, which changes by itself."""
    # From the configuration: the attribute of an optimizer with a schedule is its present value, a number too.
    rate = callback.model.optimizer.get_config()["learning_rate"]
    if isinstance(rate, dict):
        raise ValueError(
            f"{type(callback).__name__} changes the learning rate, but the optimizer's is a {rate['class_name']}, "
            "which changes by itself. Give the optimizer a number, or leave the callback out."
        )
    return float(rate)


def log_rate(callback, logs):
    """Add the learning rate of an epoch to its figures, as Keras' ``ReduceLROnPlateau`` does."""
    if logs is not None:
        logs["learning_rate"] = float(keras.ops.convert_to_tensor(callback.model.optimizer.learning_rate).numpy())


class AnnealRate(keras.callbacks.Callback):
    """Lower the learning rate from epoch to epoch, along half a cosine, to nearly zero.

    The first epoch has half the rate, so that a network takes no large steps before it has
    learned a direction. At the end of training the optimizer has its first rate again.

    Raises
    ------
    ValueError
        If the optimizer's learning rate is a schedule.

    References
    ----------
    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2016,
    arXiv:1608.03983, without restarts.

    Examples
    --------
    >>> from skmulti import AnnealRate, MultiInputClassifier
    >>> clf = MultiInputClassifier(optimizer="adamw", callbacks=[AnnealRate()])
    """

    def on_train_begin(self, logs=None):
        """Remember the rate; see `keras.callbacks.Callback`."""
        self.first_rate = read_constant_rate(self)
        self.first_epoch = None

    def on_epoch_begin(self, epoch, logs=None):
        """Set the rate of the epoch; see `keras.callbacks.Callback`."""
        # A fit with `warm_start` begins at a later number, and is a whole cosine again.
        if self.first_epoch is None:
            self.first_epoch = epoch
        done = epoch - self.first_epoch
        # The last epoch is one step short of the cosine's end: at a rate of zero it would learn nothing.
        share = done / max(self.params["epochs"] - self.first_epoch, 1)
        factor = (1 + math.cos(math.pi * share)) / 2
        # A single epoch keeps the whole rate: no later epoch could make up for a careful start.
        if done == 0 and self.params["epochs"] - epoch > 1:
            factor = 0.5
        self.model.optimizer.learning_rate = self.first_rate * factor

    def on_epoch_end(self, epoch, logs=None):
        """Add the epoch's rate to the history; see `keras.callbacks.Callback`."""
        log_rate(self, logs)

    def on_train_end(self, logs=None):
        """Set the rate back; see `keras.callbacks.Callback`."""
        self.model.optimizer.learning_rate = self.first_rate


class StopEarly(keras.callbacks.EarlyStopping):
    """Keras' ``EarlyStopping`` with the best weights, of which it keeps one copy for all epochs.

    Parameters
    ----------
    monitor : str
        The figure of an epoch to watch.
    patience : int
        Number of epochs without improvement after which training stops.
    mode : {"min", "max"}
        Whether smaller or larger is better.

    Attributes
    ----------
    begun : tuple (int, float) or None
        Number, counted from 0, and figure of the epoch whose weights the network begins with.
    """

    begun = None

    def __init__(self, monitor, patience, mode):
        # Keras would make a new copy each time that the figure improves, while it still has the old one.
        super().__init__(monitor, patience=patience, mode=mode, restore_best_weights=False)

    def on_train_begin(self, logs=None):
        """Start anew, or with what an earlier stage has come to; see `keras.callbacks.Callback`."""
        super().on_train_begin(logs)
        if self.begun is not None:
            self.best_epoch, self.best = self.begun
            self.best_weights = keep_weights(self.model)

    def on_epoch_end(self, epoch, logs=None):
        """Keep better weights, or stop; see `keras.callbacks.Callback`."""
        super().on_epoch_end(epoch, logs)
        if self.monitor not in (logs or {}):
            return
        # As in Keras, those of the first epoch are the best so far, whatever its figure is.
        if self.best_weights is None:
            self.best_epoch = epoch
        if self.best_epoch == epoch:
            self.best_weights = keep_weights(self.model, self.best_weights)

    def on_train_end(self, logs=None):
        """Set the best weights; see `keras.callbacks.Callback`."""
        if self.best_weights is not None:
            put_weights(self.model, self.best_weights)


class SlowOnPlateau(keras.callbacks.Callback):
    """Go back to the best weights and lower the learning rate when the hold-out gets worse; stop in the end.

    It suits networks that learn their training rows by heart within a few epochs, such as
    those that read text. At the end of training the network has the best weights.

    Parameters
    ----------
    monitor : str
        The figure of an epoch to watch, e.g. "val_loss" or "val_auc".
    mode : {"auto", "min", "max"}
        Whether smaller or larger is better; "auto" tells it from the figure's name.
    factor : float
        The rate is multiplied by this number each time.
    times : int
        How often the rate is lowered before training stops.
    patience : int
        Number of epochs without improvement after which the rate is lowered.

    Attributes
    ----------
    best_epoch : int
        The epoch, counted from 0, that has the best value.
    best_weights : list of ndarray
        The network's weights after that epoch.
    stopped_epoch : int
        The epoch, counted from 0, after which it stopped training; 0 if it did not.

    Examples
    --------
    >>> from skmulti import MultiInputClassifier, SlowOnPlateau
    >>> clf = MultiInputClassifier(optimizer="adam", callbacks=[SlowOnPlateau(times=1)], early_stopping=True)
    """

    # Number and figure of the epoch whose weights the network begins with, if an earlier stage of the fit had some.
    begun = None

    def __init__(self, monitor="val_loss", *, mode="auto", factor=0.25, times=2, patience=1):
        super().__init__()
        self.monitor = monitor
        self.mode = mode
        self.factor = factor
        self.times = times
        self.patience = patience

    def on_train_begin(self, logs=None):
        """Start anew; see `keras.callbacks.Callback`."""
        self.first_rate = read_constant_rate(self)
        self.best, self.best_epoch, self.best_weights = None, 0, None
        if self.begun is not None:
            self.best_epoch, self.best = self.begun
            self.best_weights = keep_weights(self.model)
        self.waited, self.lowered, self.stopped_epoch = 0, 0, 0

    def on_epoch_end(self, epoch, logs=None):
        """Keep better weights, or go back; see `keras.callbacks.Callback`."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            raise ValueError(f"SlowOnPlateau watches {self.monitor!r}, but an epoch gives {sorted(logs or {})}.")
        log_rate(self, logs)
        # Here, as a name that no epoch gives is refused first.
        if is_better(value, self.best, direction(self.monitor) if self.mode == "auto" else self.mode):
            self.best, self.best_epoch = value, epoch
            self.best_weights = keep_weights(self.model, self.best_weights)
            self.waited = 0
            return
        self.waited += 1
        if self.waited < self.patience:
            return
        if self.best_weights is not None:
            put_weights(self.model, self.best_weights)
        self.waited = 0
        # Also after the last lowering the epochs of `patience` pass before training stops.
        if self.lowered == self.times:
            self.stopped_epoch = epoch
            self.model.stop_training = True
            return
        self.lowered += 1
        self.model.optimizer.learning_rate = self.first_rate * self.factor**self.lowered

    def on_train_end(self, logs=None):
        """Set best weights and first rate; see `keras.callbacks.Callback`."""
        # A fit whose epochs run out has not gone back to the best weights yet.
        if self.best_weights is not None:
            put_weights(self.model, self.best_weights)
        self.model.optimizer.learning_rate = self.first_rate
