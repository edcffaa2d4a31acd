"""The `Recipe`: every choice that a fit makes where the user leaves it open.

The gain of each choice was measured on tables that were set aside for this, see docs/defaults_lab.md. Defaults
of a single part, such as the filters of an `ImageBranch`, are in the file of that part.
"""

import inspect
from dataclasses import dataclass, field, replace

import keras
import numpy as np

from ..inputs import small_data_dropout
from ..layers import OpenInput, has_members, id_tables, open_dropouts
from ..network import N_MEMBERS, DenseHead
from ..spec import layer_name
from .callbacks import AnnealRate, SlowOnPlateau, sets_rate
from .lazy import LazyAdam

# Number of rows from which a hold-out decides when to stop: a hold-out of fewer rows is too small to tell.
EARLY_STOPPING_ROWS = 500
# The same if a pretrained network is fine-tuned, which soon knows few rows by heart.
TUNED_STOPPING_ROWS = 100
# The share of the rows that a hold-out takes, but of many rows no more than these, if they show so many of the rarest
# class. What more of them would tell is worth less than to train on them.
HELD_SHARE, ENOUGH_HELD, ENOUGH_OF_A_CLASS = 0.1, 1_000, 100
# Epochs without improvement after which a fit at a constant rate stops.
PATIENCE = 10
# Number of networks of which each leaves out a fold of rows, where there are too few rows for a hold-out.
FOLD_NETWORKS = 5
# A fit whose length is left open aims at this number of steps, within these numbers of epochs.
AUTO_STEPS = 1_500
AUTO_EPOCHS = (10, 100)
# The most epochs where no hold-out decides when to stop, and the steps that classes get all the same.
FEW_ROWS_EPOCHS, FEW_ROWS_STEPS = 50, 200
AUTO_BATCH = (32, 256)
# Learning rates for batches of `AUTO_RATE_ROWS` rows; `auto_learning_rate` scales them to other batches.
CLASS_RATE, CLASS_MEMBERS_RATE, REGRESSION_RATE, AUTO_RATE_ROWS = 3e-3, 6e-3, 1e-2, 256
# Steps of one compiled call: with fewer, the way back to Python takes a large share of a small network's step.
STEPS_PER_EXECUTION = 32
# A step moves only those rows of a table of ids that it reads, from this number of ids on, and if these are so many
# times as many as a batch can hold.
LAZY_IDS, LAZY_RATIO = 20_000, 4
# With few rows, shares of the target's variance that the inputs explain: up to the first the most is dropped, from
# the second on nothing, and in between in proportion. Where a hold-out ends training, less has to be dropped; and of
# classes less is explained, however well they are told apart.
LOOSE_TO_CLOSE, HELD_LOOSE_TO_CLOSE, CLASSES_LOOSE_TO_CLOSE = (0.5, 0.8), (0.4, 0.6), (0.2, 0.4)
# Numbers of rows between which an input may be left out if the others explain no less without it. A text is, if they
# explain this share of the target's variance: of its words a quick look does not see all.
DOUBTED_ROWS, TOLD = (100, 2_000), 0.5
# Dates, of which it does see all, are left out if the others explain less than this share: where they explain more,
# there is hardly anything random in the target that dates could be mistaken for.
NEARLY_TOLD = 0.8
# Number of training rows from which a classifier takes a smooth activation.
SMOOTH_ROWS = 500


@dataclass(frozen=True)
class Recipe:
    """How a fit trains: what the user gave, and otherwise what suits rows, target and branches.

    `of` makes a recipe from rows and target before anything is fitted. `with_network` adds
    the choices that depend on the network and its branches.

    Parameters
    ----------
    n_rows : int
        Number of training rows.
    classes : bool
        Whether the target is made of classes.
    batch_size : int
        Rows of a step, at most all of them.
    epochs : int
        The most epochs.
    stops_early : bool
        Whether training may stop before the last epoch.
    head : DenseHead or object with ``attach``
        Makes the output.
    dropout : float
        Share of units that branches and head drop if their own parameter leaves it open.
    closeness : float or None
        Share of the target's variance that the inputs explain, as far as a quick look can tell, if it was looked at.
    left_out : tuple of str
        Inputs that add nothing to the others, of whose vectors the network gets zeros.
    members : bool
        Whether several members predict, whose outputs are averaged.
    learning_rate : float or None
        Learning rate of Adam; None if the user gave an optimizer.
    rate : type or None
        `AnnealRate` or `SlowOnPlateau`, which lowers the learning rate; None holds it constant.
    patience : int or None
        Number of epochs without improvement after which training stops; None never stops early.
    steps_per_execution : int
        Steps that run in one call, before Python sees the results.
    n_steps : int or None
        Steps of an epoch, known once there is a network.
    lazy_tables : tuple of str
        Paths of the tables of ids of which a step moves only the rows that it reads, see `LazyAdam`.
    reasons : dict of str to str
        Why each choice was made, by the name of the parameter that would change it; "given" if the
        user made it. "learning_rate" is ``optimizer__learning_rate``.
    """

    n_rows: int
    classes: bool
    batch_size: int
    epochs: int
    stops_early: bool
    head: object
    dropout: float
    closeness: float | None = None
    left_out: tuple = ()
    members: bool = False
    learning_rate: float | None = None
    rate: type | None = None
    patience: int | None = None
    steps_per_execution: int = STEPS_PER_EXECUTION
    n_steps: int | None = None
    lazy_tables: tuple = ()
    # Words, which make no two recipes different.
    reasons: dict = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, n_rows, target, *, batch_size="auto", epochs="auto", stops_early=False, head=None, reasons=None):
        """Choose what depends on rows and target.

        Parameters
        ----------
        n_rows : int
            Number of training rows.
        target : TargetSpec
            What to predict.
        batch_size, epochs : int or "auto"
            As the user gave them.
        stops_early : bool
            Whether training may stop early, see the function `stops_early`.
        head : DenseHead, object with ``attach``, or None
            As the user gave it.
        reasons : dict of str to str or None
            Reasons of choices that were made before.

        Returns
        -------
        Recipe
            The choices so far.
        """
        classes = bool(target.n_classes)
        reasons = {
            **(reasons or {}),
            "batch_size": _why(batch_size, why_batch_size(n_rows)),
            "epochs": _why(epochs, why_epochs(n_rows, classes=classes)),
            "head": "given" if head is not None else why_head(n_rows, target),
        }
        batch_size = auto_batch_size(n_rows) if batch_size == "auto" else batch_size
        return cls(
            n_rows=n_rows,
            classes=classes,
            batch_size=min(batch_size, n_rows),
            epochs=auto_epochs(n_rows, batch_size, classes=classes) if epochs == "auto" else epochs,
            stops_early=stops_early,
            head=default_head(n_rows, target) if head is None else head,
            dropout=small_data_dropout(n_rows),
            reasons=reasons,
        )

    def for_one_epoch(self):
        """Return the recipe for a single epoch on a chunk of rows, which never stops early."""
        reasons = {**self.reasons, "epochs": "one for each chunk of rows", "early_stopping": "not on chunks of rows"}
        return replace(self, epochs=1, stops_early=False, reasons=reasons)

    def before_thaw(self):
        """Return the recipe for epochs after which other layers are trained: all of them are run."""
        # A rate that falls to nearly zero ends the stage well, and the next one begins with the whole rate again; and
        # with the weights of the best epoch, if rows are held out.
        patience = None if self.patience is None else self.epochs
        return replace(self, stops_early=False, patience=patience, rate=self.rate and AnnealRate)

    def with_look(self, found, *, plain=(), pretrained=False):
        """Choose what a quick look at the rows decides: what is dropped, and which inputs are left out.

        Parameters
        ----------
        found : Look
            What was found; empty if nobody looked.
        plain : collection of str
            Names of inputs of which a look sees all, such as dates.
        pretrained : bool
            Whether one of the inputs is read by a pretrained network. Without held-out rows, which would end a fit
            that learns words by heart, inputs that add nothing to it are then left out however much is explained.

        Returns
        -------
        Recipe
            The choices so far.
        """
        told = -np.inf if pretrained and not self.stops_early else TOLD
        explained = np.nan if found.closeness is None else found.closeness
        left_out = tuple(
            name for name in found.idle if (explained < NEARLY_TOLD if name in plain else explained >= told)
        )
        return replace(
            self,
            dropout=auto_dropout(self.n_rows, found.closeness, classes=self.classes, held=self.stops_early),
            closeness=found.closeness,
            left_out=left_out,
            reasons={
                **self.reasons,
                "dropout": why_dropout(self.n_rows, found.closeness),
                "left_out": "auto: the other inputs explain no less" if left_out else "auto: every input is read",
            },
        )

    def set_in(self, network):
        """Set in a network that is not trained yet what is dropped where that is open, and what is left out."""
        for layer in open_dropouts(network):
            layer.chosen = self.dropout
        names = {layer_name(name, "branch") for name in self.left_out}
        for layer in network.layers:
            if isinstance(layer, OpenInput):
                layer.left_out = layer.name in names

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
        optimizer_params=(),
        whole=True,
    ):
        """Choose what depends on the network that was built.

        Parameters
        ----------
        network : keras.Model
            Its output may hold several members.
        branches : dict of str to (Branch or str)
            The network's branches; empty for a network made by hand.
        optimizer : object
            As the user gave it; "auto" is Adam at a rate that is chosen here.
        callbacks : list of keras.callbacks.Callback
            The user's callbacks.
        watches : bool
            Whether a hold-out is measured after each epoch.
        n_iter_no_change, steps_per_execution : int or "auto"
            As the user gave them.
        n_steps : int or None
            Steps of an epoch if the user fixed their number.
        optimizer_params : collection of str
            Names of the optimizer's parameters that the user gave.
        whole : bool
            Whether this is a whole fit. A `partial_fit` is one epoch of many: it neither plans a rate nor stops.

        Returns
        -------
        Recipe
            All choices.
        """
        automatic = isinstance(optimizer, str) and optimizer == "auto"
        rate_given = "learning_rate" in optimizer_params
        # A number of epochs to wait has a meaning at a constant rate only: a falling rate may bring the next gain.
        leaves_rate_open = automatic and n_iter_no_change == "auto" and not rate_given
        rate = None
        if whole and leaves_rate_open and not any(map(sets_rate, callbacks)):
            rate = auto_rate(branches, watches and self.stops_early)
        patience = None
        if whole and self.stops_early:
            # A rate that falls along a plan gives the best weights near the plan's end, so no fit stops before.
            by_itself = PATIENCE if rate is None else self.epochs
            patience = by_itself if n_iter_no_change == "auto" else n_iter_no_change
        n_steps = n_steps or -(-self.n_rows // self.batch_size)
        reasons = {
            **self.reasons,
            "learning_rate": why_learning_rate(rate) if automatic and not rate_given else "given",
            "n_iter_no_change": _why(n_iter_no_change, why_patience(rate, patience)),
            "steps_per_execution": _why(steps_per_execution, why_steps_per_execution(callbacks)),
            "lazy_tables": why_lazy_tables(optimizer_params) if automatic else "given",
        }
        if steps_per_execution == "auto":
            steps_per_execution = auto_steps_per_execution(n_steps, callbacks)
        members = has_members(network)
        learning_rate = auto_learning_rate(self.classes, self.batch_size, members=members) if automatic else None
        return replace(
            self,
            members=members,
            learning_rate=learning_rate,
            rate=rate,
            patience=patience,
            steps_per_execution=steps_per_execution,
            n_steps=n_steps,
            lazy_tables=auto_lazy_tables(network, self.batch_size, optimizer, optimizer_params),
            reasons=reasons,
        )


def _why(given, reason):
    """Return the reason of a choice that was made here, or "given" if the user made it."""
    return reason if isinstance(given, str) and given == "auto" else "given"


def stops_early(early_stopping, n_rows, given, tunes=False):
    """Return whether training may stop early: if asked for, from 500 rows on, or with rows to validate on.

    Parameters
    ----------
    early_stopping : bool or "auto"
        As the user gave it.
    n_rows : int
        Number of rows, including those that may be held out.
    given : bool
        Whether the user gave rows to validate on.
    tunes : bool
        Whether a pretrained network is fine-tuned; then from 100 rows on.
    """
    if early_stopping == "auto":
        return given or n_rows >= _least_rows(tunes)
    return bool(early_stopping)


def _least_rows(tunes):
    """Return the number of rows from which some are held out to decide when to stop."""
    return TUNED_STOPPING_ROWS if tunes else EARLY_STOPPING_ROWS


def auto_held(n_rows, counts=None):
    """Choose how many rows to hold out: a tenth, but no more than are enough to tell which epoch is the best.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    counts : ndarray of shape (n_classes,), int, or None
        Number of rows of each class that occurs.
    """
    of_a_class = 0 if counts is None else ENOUGH_OF_A_CLASS * n_rows / counts.min()
    return int(np.ceil(min(HELD_SHARE * n_rows, max(ENOUGH_HELD, of_a_class))))


def cross_validates(early_stopping, n_rows, n_networks):
    """Return whether each of several networks leaves out a fold of its own, of rows that are too few for a hold-out.

    Parameters
    ----------
    early_stopping : bool or "auto"
        As the user gave it.
    n_rows : int
        Number of rows.
    n_networks : int
        Number of networks.
    """
    return early_stopping == "auto" and n_networks >= FOLD_NETWORKS and n_rows < EARLY_STOPPING_ROWS


def why_stops_early(early_stopping, n_rows, given, tunes=False):
    """Say why training may stop early or not; see `stops_early` for the parameters."""
    if early_stopping != "auto":
        return "given"
    least, where = _least_rows(tunes), " where a network is fine-tuned" if tunes else ""
    if given or n_rows >= least:
        return f"auto: from {least} rows on{where}, or with X_val"
    return f"auto: not below {least} rows{where}"


def auto_batch_size(n_rows):
    """Choose the rows of a batch: a power of two from 32 to 256 that makes about 80 batches an epoch."""
    return int(np.clip(2 ** round(np.log2(max(n_rows, 1) / 80)), *AUTO_BATCH)) if n_rows > 80 else AUTO_BATCH[0]


def why_batch_size(n_rows):
    """Say how `auto_batch_size` chooses."""
    least, most = AUTO_BATCH
    if n_rows <= 80:
        return f"auto: the smallest batch, {least}"
    return f"auto: the power of two from {least} to {most} that makes about 80 steps an epoch"


def auto_epochs(n_rows, batch_size, *, classes=False):
    """Choose the epochs: some 1,500 steps in all, in 10 to 100 epochs.

    Fewer rows than a hold-out needs get 50 epochs at most, since nothing stops the fit when it
    overfits. Classes get 200 steps however few rows there are: after fewer steps the
    probabilities of all classes are still near each other.
    """
    n_steps = int(np.ceil(n_rows / batch_size))
    most = AUTO_EPOCHS[1]
    if n_rows < EARLY_STOPPING_ROWS:
        most = max(FEW_ROWS_EPOCHS, FEW_ROWS_STEPS // n_steps) if classes else FEW_ROWS_EPOCHS
    return int(np.clip(round(AUTO_STEPS / n_steps), AUTO_EPOCHS[0], most))


def why_epochs(n_rows, *, classes=False):
    """Say how `auto_epochs` chooses."""
    least, most = AUTO_EPOCHS
    if n_rows >= EARLY_STOPPING_ROWS:
        return f"auto: {AUTO_STEPS:,} steps in {least} to {most} epochs"
    steps = f", or as many as make {FEW_ROWS_STEPS} steps" if classes else ""
    return (
        f"auto: {AUTO_STEPS:,} steps in {least} to {FEW_ROWS_EPOCHS} epochs{steps}; below {EARLY_STOPPING_ROWS} rows "
        "nothing stops a fit that overfits"
    )


def auto_dropout(n_rows, closeness=None, *, classes=False, held=False):
    """Choose the share to drop where it is left open: with few rows half, less if the target follows the inputs.

    Parameters
    ----------
    n_rows : int
        Number of training rows.
    closeness : float or None
        Share of the target's variance that the inputs explain; None if it is not known.
    classes : bool
        Whether the target is made of classes.
    held : bool
        Whether held-out rows may end training.
    """
    if closeness is None:
        return small_data_dropout(n_rows)
    loose, close = CLASSES_LOOSE_TO_CLOSE if classes else HELD_LOOSE_TO_CLOSE if held else LOOSE_TO_CLOSE
    return small_data_dropout(n_rows) * float(np.clip((close - closeness) / (close - loose), 0, 1))


def why_dropout(n_rows, closeness):
    """Say how `auto_dropout` chooses."""
    if not small_data_dropout(n_rows):
        return "auto: none for this many rows"
    if closeness is None:
        return "auto: few rows"
    return f"auto: few rows, of whose target the inputs explain {max(closeness, 0):.0%}"


def auto_learning_rate(classes, batch_size, *, members=False):
    """Choose the learning rate of Adam for a kind of target and a batch size.

    The rate grows with the square root of the batch size: the noise of a batch's gradient
    falls by the same factor. Classes that several `members` predict, as they do if rows are
    few, get twice the rate.
    """
    rate = (CLASS_MEMBERS_RATE if members else CLASS_RATE) if classes else REGRESSION_RATE
    return rate * (batch_size / AUTO_RATE_ROWS) ** 0.5


def why_learning_rate(rate):
    """Say how `auto_learning_rate` chooses, and what `auto_rate` then does with the rate."""
    courses = {
        None: "constant",
        AnnealRate: "it falls along half a cosine to nearly zero",
        SlowOnPlateau: "a quarter of it each time that the hold-out gets worse, since a branch soon knows its rows by "
        "heart",
    }
    return f"auto: by target and batch size; {courses[rate]}"


def why_patience(rate, patience):
    """Say why training waits for so many epochs."""
    if patience is None:
        return "auto: training does not stop early"
    if rate is None:
        return f"auto: {PATIENCE} epochs at a constant rate"
    return f"auto: {'the plan of the rate ends training' if rate is AnnealRate else 'the falling rate ends training'}"


def auto_lazy_tables(network, batch_size, optimizer="auto", optimizer_params=()):
    """Choose the tables of ids of which a step moves only the rows that it reads.

    To move a few rows by themselves costs more for each row than to move a whole table, so a table
    must be large, and large compared with the ids of a batch.

    Parameters
    ----------
    network : keras.Model
        The network.
    batch_size : int
        Rows of a step.
    optimizer : object
        As the user gave it; only "auto" and `LazyAdam` move rows by themselves.
    optimizer_params : collection of str
        Names of the optimizer's parameters that the user gave.

    Returns
    -------
    tuple of str
        Paths of the tables' variables.
    """
    is_lazy = isinstance(optimizer, LazyAdam) or optimizer is LazyAdam
    automatic = isinstance(optimizer, str) and optimizer == "auto" and not _dense_params(optimizer_params)
    if not (is_lazy or automatic):
        return ()
    return tuple(
        table.path
        for table in id_tables(network)
        if table.shape[0] >= max(LAZY_IDS, LAZY_RATIO * batch_size * table.ids_per_example)
    )


def why_lazy_tables(optimizer_params):
    """Say how `auto_lazy_tables` chooses."""
    dense = _dense_params(optimizer_params)
    if dense:
        return f"auto: none, as optimizer__{dense[0]} concerns every row"
    return f"auto: from {LAZY_IDS:,} ids on, if they are {LAZY_RATIO} times as many as a batch can hold"


def _dense_params(optimizer_params):
    """Return the given parameters of Adam that `LazyAdam` does not have."""
    return [name for name in optimizer_params if name not in inspect.signature(LazyAdam).parameters]


def auto_steps_per_execution(n_steps, callbacks):
    """Choose how many steps of an epoch TensorFlow runs before Python sees the results."""
    return 1 if reads_batches(callbacks) else min(STEPS_PER_EXECUTION, n_steps)


def why_steps_per_execution(callbacks):
    """Say how `auto_steps_per_execution` chooses."""
    if reads_batches(callbacks):
        return "auto: a callback looks at each batch"
    return f"auto: {STEPS_PER_EXECUTION} in one call, or all steps of a shorter epoch"


def reads_batches(callbacks):
    """Return whether a callback looks at single batches."""
    # Keras has no flag for them, but they override one of these methods.
    return any(
        getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook)
        for callback in callbacks
        for hook in ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    )


def may_leave_out(n_rows):
    """Return whether an input that adds nothing may be left out of so few rows, which a network knows by heart."""
    least, most = DOUBTED_ROWS
    return least <= n_rows < most


def auto_rate(branches, watches):
    """Choose what lowers the learning rate if the user left it open.

    Parameters
    ----------
    branches : dict of str to (Branch or str)
        The network's branches.
    watches : bool
        Whether a hold-out is measured after each epoch, and may stop the fit.

    Returns
    -------
    type
        `SlowOnPlateau` if a branch soon knows its training rows by heart and a hold-out tells when; else
        `AnnealRate`.
    """
    soon = any(getattr(branch, "memorises", False) for branch in branches.values())
    return SlowOnPlateau if soon and watches else AnnealRate


def default_head(n_rows, target):
    """Return the head for a number of training rows; with few rows it has dropout, members and fewer units."""
    if not small_data_dropout(n_rows):
        return DenseHead()
    if not target.n_classes:
        return DenseHead((64, 64), activation="gelu", dropout="auto", n_members=N_MEMBERS)
    # Several columns of classes have no members: "auto" is then 1.
    activation = "auto" if n_rows >= SMOOTH_ROWS else "relu"
    n_members = "auto" if isinstance(target.n_classes, tuple) else N_MEMBERS
    return DenseHead(activation=activation, dropout="auto", n_members=n_members)


def why_head(n_rows, target):
    """Say how `default_head` chooses."""
    if not small_data_dropout(n_rows):
        return "auto: for this many rows, the head's own defaults"
    members = "" if isinstance(target.n_classes, tuple) else " and members that predict together"
    return f"auto: few rows, so dropout{members}"
