"""Every choice that a fit makes where the user leaves it open: the `Recipe`.

What each choice gains was measured on tables set aside for it, see docs/defaults.md. Defaults of a single
part, such as the filters of an `ImageBranch`, stand with that part.
"""

from dataclasses import dataclass, replace

import keras
import numpy as np

from ..inputs import small_data_dropout
from ..layers import has_members
from ..network import N_MEMBERS, DenseHead
from .callbacks import AnnealRate, SlowOnPlateau, sets_rate

# Rows from which a hold-out says when to stop: of fewer rows it would hold too few to tell.
EARLY_STOPPING_ROWS = 500
# Epochs without improvement after which a fit at a constant rate stops.
PATIENCE = 10
# Steps that a fit of unstated length may take, and the epochs they may be spread over.
AUTO_STEPS = 1_500
AUTO_EPOCHS = (10, 100)
# Epochs at most where no hold-out says when to stop; steps that classes get all the same.
FEW_ROWS_EPOCHS, FEW_ROWS_STEPS = 50, 200
AUTO_BATCH = (32, 256)
# Learning rates for steps of `AUTO_RATE_ROWS` rows; a rate goes with the root of the rows.
CLASS_RATE, CLASS_MEMBERS_RATE, REGRESSION_RATE, AUTO_RATE_ROWS = 3e-3, 6e-3, 1e-2, 256
# Steps between two looks of Python at a fit.
STEPS_PER_EXECUTION = 32
# Number of training rows from which a classifier takes a smooth activation.
SMOOTH_ROWS = 500


@dataclass(frozen=True)
class Recipe:
    """How a fit trains: what the user gave, and for the rest what suits rows, target and branches.

    `of` makes it from rows and target before anything is fitted, `with_network` adds what
    follows from the network and its branches.

    Parameters
    ----------
    n_rows : int
        Training rows.
    classes : bool
        Whether the target is one of classes.
    batch_size : int
        Rows of a step, at most all of them.
    epochs : int
        Epochs at most.
    stops_early : bool
        Whether training may stop before.
    head : DenseHead or object with ``attach``
        What makes the output.
    dropout : float
        Share of units that branches and head drop where they leave it open.
    learning_rate : float or None
        Rate of Adam; None where the user gave an optimizer.
    rate : type or None
        `AnnealRate` or `SlowOnPlateau`, which lowers the learning rate; None holds it constant.
    patience : int or None
        Epochs without improvement after which training stops; None trains on.
    steps_per_execution : int
        Steps that run before Python sees them.
    """

    n_rows: int
    classes: bool
    batch_size: int
    epochs: int
    stops_early: bool
    head: object
    dropout: float
    learning_rate: float | None = None
    rate: type | None = None
    patience: int | None = None
    steps_per_execution: int = STEPS_PER_EXECUTION

    @classmethod
    def of(cls, n_rows, target, *, batch_size="auto", epochs="auto", stops_early=False, head=None):
        """Choose what follows from rows and target.

        Parameters
        ----------
        n_rows : int
            Training rows.
        target : TargetSpec
            What to predict.
        batch_size, epochs : int or "auto"
            As the user gave them.
        stops_early : bool
            From `stops_early`.
        head : DenseHead, object with ``attach``, or None
            As the user gave it.
        """
        classes = bool(target.n_classes)
        batch_size = auto_batch_size(n_rows) if batch_size == "auto" else batch_size
        return cls(
            n_rows=n_rows,
            classes=classes,
            batch_size=min(batch_size, n_rows),
            epochs=auto_epochs(n_rows, batch_size, classes=classes) if epochs == "auto" else epochs,
            stops_early=stops_early,
            head=default_head(n_rows, target) if head is None else head,
            dropout=small_data_dropout(n_rows),
        )

    def with_network(
        self,
        network,
        branches,
        *,
        optimizer,
        callbacks,
        watches,
        n_iter_no_change="auto",
        steps_per_execution="auto",
        n_steps=None,
        rate_given=False,
        whole=True,
    ):
        """Choose what follows from the network that was built.

        Parameters
        ----------
        network : keras.Model
            Its outputs may be those of several members.
        branches : dict of str to (Branch or str)
            The network's branches; empty for a network made by hand.
        optimizer : object
            As the user gave it; "auto" is Adam at a rate of ours.
        callbacks : list of keras.callbacks.Callback
            The user's.
        watches : bool
            Whether a hold-out is measured after each epoch.
        n_iter_no_change, steps_per_execution : int or "auto"
            As the user gave them.
        n_steps : int or None
            Steps of an epoch where the user fixed them.
        rate_given : bool
            Whether the user gave a learning rate.
        whole : bool
            Whether this is a whole fit. A `partial_fit` is one epoch of many: it neither plans a rate nor stops.
        """
        automatic = isinstance(optimizer, str) and optimizer == "auto"
        leaves_rate_open = automatic and n_iter_no_change == "auto" and not rate_given
        rate = None
        if whole and leaves_rate_open and not any(map(sets_rate, callbacks)):
            rate = auto_rate(branches, watches and self.stops_early)
        patience = None
        if whole and self.stops_early:
            # A rate that falls along a plan is at its best at the end of it.
            by_itself = PATIENCE if rate is None else self.epochs
            patience = by_itself if n_iter_no_change == "auto" else n_iter_no_change
        if steps_per_execution == "auto":
            n_steps = n_steps or -(-self.n_rows // self.batch_size)
            steps_per_execution = auto_steps_per_execution(n_steps, callbacks)
        learning_rate = None
        if automatic:
            learning_rate = auto_learning_rate(self.classes, self.batch_size, members=has_members(network))
        return replace(
            self,
            learning_rate=learning_rate,
            rate=rate,
            patience=patience,
            steps_per_execution=steps_per_execution,
        )


def stops_early(early_stopping, n_rows, given):
    """Return whether training may stop early: asked for, or from 500 rows, or with rows given to validate on.

    Parameters
    ----------
    early_stopping : bool or "auto"
        As the user gave it.
    n_rows : int
        Rows, those that may be held out among them.
    given : bool
        Whether rows to validate on are given.
    """
    if early_stopping == "auto":
        return given or n_rows >= EARLY_STOPPING_ROWS
    return bool(early_stopping)


def auto_batch_size(n_rows):
    """Choose a batch: about 80 batches an epoch, a power of two between 32 and 256."""
    return int(np.clip(2 ** round(np.log2(max(n_rows, 1) / 80)), *AUTO_BATCH)) if n_rows > 80 else AUTO_BATCH[0]


def auto_epochs(n_rows, batch_size, *, classes=False):
    """Choose the epochs: some 1,500 steps in all, 10 to 100 epochs, 50 at most where no hold-out says when to stop.

    Classes get 200 steps of however few rows: less leaves probabilities near each other.
    """
    n_steps = int(np.ceil(n_rows / batch_size))
    most = AUTO_EPOCHS[1]
    if n_rows < EARLY_STOPPING_ROWS:
        most = max(FEW_ROWS_EPOCHS, FEW_ROWS_STEPS // n_steps) if classes else FEW_ROWS_EPOCHS
    return int(np.clip(round(AUTO_STEPS / n_steps), AUTO_EPOCHS[0], most))


def auto_learning_rate(classes, batch_size, *, members=False):
    """Choose the learning rate of Adam for a kind of target and a batch size.

    The rate goes with the square root of the batch size, as the noise of its gradients
    does. Classes that `members` predict, where rows are few, take twice the rate.
    """
    rate = (CLASS_MEMBERS_RATE if members else CLASS_RATE) if classes else REGRESSION_RATE
    return rate * (batch_size / AUTO_RATE_ROWS) ** 0.5


def auto_steps_per_execution(n_steps, callbacks):
    """Choose how many steps of an epoch TensorFlow runs before Python sees them again."""
    # Keras does not say otherwise which callbacks look at batches.
    reads_batches = any(
        getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook)
        for callback in callbacks
        for hook in ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    )
    return 1 if reads_batches else min(STEPS_PER_EXECUTION, n_steps)


def auto_rate(branches, watches):
    """Choose what lowers the learning rate of a fit that leaves it open.

    Parameters
    ----------
    branches : dict of str to (Branch or str)
        The network's branches.
    watches : bool
        Whether a hold-out is measured after each epoch, and may stop the fit.

    Returns
    -------
    type
        `AnnealRate`, or `SlowOnPlateau` where a branch soon knows its training rows by heart, if a hold-out tells when.
    """
    soon = any(getattr(branch, "memorises", False) for branch in branches.values())
    return SlowOnPlateau if soon and watches else AnnealRate


def default_head(n_rows, target):
    """Return the head for a number of training rows; with few rows it has dropout, members and fewer units."""
    dropout = small_data_dropout(n_rows)
    if not dropout:
        return DenseHead()
    if not target.n_classes:
        return DenseHead((64, 64), activation="gelu", dropout=dropout, n_members=N_MEMBERS)
    activation = "auto" if n_rows >= SMOOTH_ROWS else "relu"
    return DenseHead(activation=activation, dropout=dropout, n_members=N_MEMBERS if target.n_outputs == 1 else "auto")
