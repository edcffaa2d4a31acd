"""How a fit runs: its hold-out, batches, epochs and stopping, without a trace in the state of the process."""

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from .._process import isolate as isolate
from .._process import let_others_in, uncollected
from ..errors import closest_match, quote, warn
from ..router import is_lazy, take
from .callbacks import SlowOnPlateau, StopEarly, direction, is_better
from .checkpoint import SaveEpochs
from .defaults import auto_held
from .feeds import LazyFeed, feed_from, raise_row_errors
from .lines import epochs_told
from .progress import Progress, run_epochs
from .steps import FeedSteps, RowFeed
from .telling import ending, goes_on, reason_to_stop, teller, traced, training
from .timing import Timings

# The fewest held-out rows of a batch: they need no gradients, so more of them fit into memory.
HELD_BATCH = 256
# Up to here floats hold every whole number.
_MOST_EXACT = 2**53


def draw_seed(random_state):
    """Return the one seed of a fit: an int as it is, else a draw from the generator or from the system."""
    if random_state is None:
        return int(np.random.default_rng().integers(2**31 - 1))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    return int(random_state)


def hold_out(n_rows, fraction, seed, classes=None):
    """Draw the rows that validate.

    Parameters
    ----------
    n_rows : int
        Number of rows to split.
    fraction : float, int or "auto"
        Share or number of the rows to hold out; see `auto_held`.
    seed : int
        Seed of the draw.
    classes : ndarray of shape (n_rows,), int, or None
        Class of each row, for a stratified draw.

    Returns
    -------
    train, held : ndarray of int, or (ndarray of int, None)
        Sorted positions. No rows are held out if they could not show every class.
    reason : str
        Why no rows are held out, or an empty string.
    """
    everything = np.arange(n_rows)
    n_held, reason = count_held(n_rows, fraction, None if classes is None else np.bincount(classes))
    if not n_held:
        return everything, None, reason
    train, held = train_test_split(everything, test_size=n_held, random_state=seed, stratify=classes)
    # Sorted, since tables are read part by part, in the order of their rows.
    return np.sort(train), np.sort(held), ""


def hold_out_in_turn(n_rows, fraction, seed, classes, times):
    """Draw the rows that validate several times, each time others, as long as there are any.

    Parameters
    ----------
    n_rows, fraction, seed, classes : object
        As for `hold_out`.
    times : int
        Number of draws. The first is that of `hold_out`.

    Returns
    -------
    pairs : list of (ndarray of int, ndarray of int or None)
        Sorted positions of the rows to train on, and of those held out, in equal numbers in each draw.
    reason : str
        Why no rows are held out, or an empty string.
    """
    pairs, left = [], np.arange(n_rows)
    for number in range(times):
        own = None if classes is None else classes[left]
        n_held, reason = count_held(n_rows, fraction, None if classes is None else np.bincount(classes))
        if len(left) < n_rows and not count_held(len(left), n_held, None if own is None else np.bincount(own))[0]:
            # Every row has been held out, but for a rest.
            left, own = np.arange(n_rows), classes
        rest, held, _ = hold_out(len(left), n_held, seed + number, own) if n_held else (None, None, "")
        if held is None:
            return [(np.arange(n_rows), None)] * times, reason
        pairs.append((np.setdiff1d(np.arange(n_rows), left[held]), left[held]))
        left = left[rest]
    return pairs, ""


def divide_in_folds(n_rows, n_folds, seed, classes=None):
    """Divide rows into folds, each of which is left out once.

    Parameters
    ----------
    n_rows, seed, classes : object
        As for `hold_out`; each fold has its share of each class.
    n_folds : int
        Number of folds, of equal sizes: if `n_rows` cannot be divided by it, some rows are in two folds.

    Returns
    -------
    pairs : list of (ndarray of int, ndarray of int or None)
        For each fold the sorted positions of all other rows, and of its own. No rows are left out if the others
        could not show every class.
    reason : str
        Why no rows are left out, or an empty string.
    """
    reason = ""
    if n_rows < 2 * n_folds:
        reason = f"{n_rows} rows are too few for {n_folds} folds"
    elif classes is not None and np.bincount(classes)[np.unique(classes)].min() < 2:
        reason = "a class has fewer than 2 rows"
    if reason:
        return [(np.arange(n_rows), None)] * n_folds, reason
    order = np.random.default_rng(seed).permutation(n_rows)
    if classes is not None:
        # The largest class first: the rows that are in two folds are at the beginning.
        order = order[np.lexsort((classes[order], -np.bincount(classes)[classes[order]]))]
    # Dealt like cards, so that neighbours, which are of one class, come to different folds.
    order = np.resize(order, -(-n_rows // n_folds) * n_folds)
    folds = [np.sort(order[number::n_folds]) for number in range(n_folds)]
    return [(np.setdiff1d(np.arange(n_rows), fold), fold) for fold in folds], ""


def count_held(n_rows, fraction, counts=None):
    """Return how many rows to hold out, or 0 and why: rows that could not show every class validate nothing.

    Parameters
    ----------
    n_rows, fraction : int, and float, int or "auto"
        As for `hold_out`.
    counts : ndarray of shape (n_classes,), int, or None
        Number of rows of each class, for a stratified draw.
    """
    counts = None if counts is None else counts[counts > 0]
    if fraction == "auto":
        n_held = auto_held(n_rows, counts)
    else:
        n_held = int(np.ceil(fraction * n_rows)) if fraction < 1 else int(fraction)
    if n_held >= n_rows:
        return 0, f"{n_rows} rows are too few to hold {n_held} out"
    # Where scikit-learn's stratified draw would raise, a fit goes on without a hold-out.
    if counts is not None:
        if counts.min() < 2:
            return 0, "a class has fewer than 2 rows"
        if min(n_held, n_rows - n_held) < len(counts):
            return 0, f"{n_held} held-out rows cannot show {len(counts)} classes"
    return n_held, ""


@dataclass(frozen=True)
class Rows:
    """Encoded rows with their targets and weights.

    Parameters
    ----------
    arrays : dict of str to (ndarray or LazyArray)
        Encoded rows by input name.
    y : ndarray of shape (n_rows, ...)
        Encoded target.
    weight : ndarray of shape (n_rows,) or None
        Weight of each row, 1 on average.
    """

    arrays: dict
    y: np.ndarray
    weight: np.ndarray | None
    streams = False
    # As in `StreamRows`; here the fit decides both.
    n_batches = None
    batch_rows = None

    @property
    def n_total(self):
        """Number of rows of the whole training."""
        return len(self.y)

    @property
    def sample(self):
        """The rows as far as they are known before training: all of them."""
        return self.arrays

    def take(self, positions):
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[positions]
        return Rows({name: take(array, positions) for name, array in self.arrays.items()}, self.y[positions], weight)

    def joined(self, model, batch_size):
        """Return the context in which a compiled model trains on these rows; here nothing is to be done for it."""
        return nullcontext()

    def feed(self, batch_size, seed=None):
        """Return these rows as batches; with a seed each epoch has an order of its own."""
        return feed_class(self.arrays)(self.arrays, self.y, self.weight, batch_size, seed)


def feed_class(arrays):
    """Return the class that feeds arrays to a training: `LazyFeed` if some of them are lazy, else `RowFeed`."""
    return LazyFeed if any(map(is_lazy, arrays.values())) else RowFeed


@dataclass(frozen=True)
class Schedule:
    """How long a fit trains, and in which steps.

    Parameters
    ----------
    epochs, initial_epoch : int
        Number of the last epoch, and number of the epochs already done.
    batch_size : int
        Rows of a batch.
    shuffle : bool
        Whether each epoch has an order of its own.
    seed : int
        Decides the orders.
    patience : int or None
        Number of epochs without improvement after which training stops; None never stops early.
    rate : AnnealRate, SlowOnPlateau or None
        Changes the learning rate; `SlowOnPlateau` also decides when to stop.
    monitor : str
        The figure that says which epoch is the best; "auto" is the loss, of the hold-out if there is one.
    begun : int or None
        Number of the epochs done before this fit; None: `initial_epoch`. If there were earlier stages of the fit, the
        network has the weights of their best epoch.
    past : dict of str to list of float
        Figures of all epochs up to `initial_epoch`.
    ends : bool
        Whether the fit ends with these epochs. If not, other layers are trained in the next ones.
    """

    epochs: int
    batch_size: int
    shuffle: bool
    seed: int
    patience: int | None = None
    rate: keras.callbacks.Callback | None = None
    initial_epoch: int = 0
    monitor: str = "auto"
    begun: int | None = None
    past: dict = field(default_factory=dict)
    ends: bool = True

    @property
    def stops(self):
        """Whether the figure to watch decides anything."""
        return self.patience is not None or isinstance(self.rate, SlowOnPlateau)


class Outcome(NamedTuple):
    """What a training has come to: its history, its best epoch (from 1), whether a user interrupted it, in words."""

    history: dict
    best_epoch: int
    interrupted: bool
    ending: str = ""


def train(model, rows, held, schedule, callbacks, fit_params, timings=None, checkpoint=None):
    """Train a compiled model.

    Parameters
    ----------
    model : keras.Model
        The compiled network. It is trained in place; if training may stop early, it ends with
        the weights of the best epoch.
    rows, held : Rows or StreamRows
        Training rows, and held-out rows or None.
    schedule : Schedule
        Length and steps of the training.
    callbacks : list of keras.callbacks.Callback
        The user's callbacks.
    fit_params : dict
        Further arguments of ``keras.Model.fit``.
    timings : Timings or None
        Receives the seconds of "trace" and "train".
    checkpoint : Checkpoint or None
        Where to begin, and what to write after each epoch.

    Returns
    -------
    Outcome
        Loss and metrics of each epoch; the epoch, counted from 1, whose weights the model has; and whether a
        user interrupted the training after one epoch or more.

    Warns
    -----
    ConvergenceWarning
        If the epochs ran out while the hold-out was still improving, or the loss is not finite.
    """
    timings = Timings() if timings is None else timings
    feed = rows.feed(schedule.batch_size, schedule.seed if schedule.shuffle else None)
    held_feed = None if held is None else held.feed(max(schedule.batch_size, HELD_BATCH))
    is_new = feed.in_place and not isinstance(model.train_function, FeedSteps)
    with rows.joined(model, schedule.batch_size), feed_from(model, feed, held_feed), raise_row_errors(rows, held):
        with timings.measure("trace"), teller().stage(traced) if is_new else nullcontext(), uncollected():
            _make_state(model, feed.first_row())
            # Both now, so that the first epoch takes as long as the others, and "train" is training alone.
            model.train_function.trace()
            model.test_function.trace()
        figure = _figure(schedule, model, held)
        stopper = _stopper(schedule, model, figure, fit_params.get("validation_freq", 1))
        # Without duplicates: a `SlowOnPlateau` is both what stops and what lowers the rate.
        deciding = [callback for callback in dict.fromkeys((stopper, schedule.rate)) if callback]
        alone = callbacks or not _is_traced(model, feed, held_feed)
        progress = Progress(stopper=stopper)
        saver = checkpoint and SaveEpochs(checkpoint, progress, [*deciding, *callbacks], draws=bool(alone))
        first, last = _epochs_left(schedule, saver and saver.resumed(model), progress, rows, held)
        n_steps = fit_params.get("steps_per_epoch") or feed.n_steps
        _tell_begin(rows, held, schedule, first, n_steps)
        with epochs_told(teller(), schedule, n_steps) as (bar, line):
            # Ours first: the user's see the best weights at the end of training.
            everyone = [progress, bar, *feed.callbacks(), *deciding, *callbacks, line, saver]
            listed = keras.callbacks.CallbackList(
                [callback for callback in everyone if callback],
                add_history=True,
                model=model,
                verbose=0,
                epochs=schedule.epochs,
                steps=n_steps,
            )

            def fit():
                model.fit(
                    model.train_function.steps(),
                    epochs=last,
                    initial_epoch=first,
                    validation_data=None if held_feed is None else model.test_function.steps(),
                    callbacks=listed,
                    shuffle=False,  # the feed does
                    verbose=0,
                    **fit_params,
                )

            with timings.measure("train"), nullcontext() if alone else let_others_in():
                interrupted = run_epochs(fit, listed, progress)
    outcome = _conclude(progress.history, schedule, figure, stopper, interrupted)
    reason = reason_to_stop(stopper, figure, callbacks, interrupted)
    return _with_ending(outcome, schedule, schedule.initial_epoch + len(progress.logs), reason)


def _tell_begin(rows, held, schedule, first, n_steps):
    """Tell what is about to be trained; a part of a fit is not worth it."""
    if teller().whole:
        n_held = 0 if held is None else held.n_total
        teller().say(training(rows.n_total, n_held, schedule, first, n_steps))


def _with_ending(outcome, schedule, done, reason):
    """Return an outcome that says how the fit has ended; tell it, too, if the fit is a whole one."""
    words = ending(schedule, done, outcome.best_epoch, reason)
    if teller().whole:
        teller().say(words)
    return outcome._replace(ending=words)


def time_epoch(model, rows, held, schedule, n_steps):
    """Measure on a few steps how long an epoch takes. It trains the model, which nobody should use afterwards.

    Parameters
    ----------
    model : keras.Model
        The compiled network.
    rows, held : Rows or StreamRows
        As for `train`.
    schedule : Schedule
        Its `batch_size` counts.
    n_steps : int
        Steps of an epoch.

    Returns
    -------
    dict of str to float
        Seconds of "trace" (once for a fit), and of a "step" and an "epoch" with its validation.
    """
    timings = Timings()
    # Steps one by one: many in one call would be no few steps.
    model.steps_per_execution = 1
    feed = rows.feed(schedule.batch_size, schedule.seed if schedule.shuffle else None)
    held_feed = None if held is None else held.feed(max(schedule.batch_size, HELD_BATCH))
    with feed_from(model, feed, held_feed), raise_row_errors(rows, held):
        with timings.measure("trace"), uncollected():
            _make_state(model, feed.first_row())
            model.train_function.trace()
            model.test_function.trace()
        seconds = model.train_function.seconds_of_step()
        validation = 0.0
        if held_feed is not None:
            validation = model.test_function.seconds_of_step() * held_feed.n_steps
    return {**timings, "step": seconds, "epoch": seconds * n_steps + validation}


def _conclude(history, schedule, figure, stopper, interrupted):
    """Return what a training has come to, and warn if it could have come further."""
    done = schedule.initial_epoch + len(history["loss"])
    # Stoppers count epochs from 0, and may have no weights: then no loss was finite.
    best = done if stopper is None or stopper.best_weights is None else stopper.best_epoch + 1
    _warn_of_diverged(history)
    # A rate that falls to the end makes the last epoch the best one as a rule: no reason to warn.
    constant_rate = schedule.rate is None and schedule.ends
    if figure.startswith("val_") and stopper is not None and constant_rate and best == done == schedule.epochs > 1:
        warn(
            f"The hold-out was still improving in the last of {done} epochs ({figure} {history[figure][-1]:.4g}); "
            "more epochs may help.",
            ConvergenceWarning,
        )
    return Outcome(history, best, interrupted)


def _epochs_left(schedule, resumed, progress, rows, held):
    """Return the numbers of the epochs with which training begins and ends; make up for those that are done."""
    if resumed is None:
        return schedule.initial_epoch, schedule.epochs
    progress.logs += resumed["logs"]
    first = schedule.initial_epoch + len(progress.logs)
    teller().say(goes_on(first))
    if rows.streams:
        rows.skip(range(schedule.initial_epoch, first))
    if held is not None and held.streams:
        # Validation has no epochs: its rows are read from the start each time.
        held.skip(0 for logs in progress.logs if "val_loss" in logs)
    return first, first if resumed["stopped"] else schedule.epochs


def _is_traced(model, *feeds):
    """Return whether training runs compiled functions alone, which need nothing from the process any more."""
    # Rows of other feeds come from code of the user's, which may draw random numbers or be traced when first read.
    in_place = all(feed is None or feed.in_place for feed in feeds)
    return in_place and not model.run_eagerly and not tf.config.functions_run_eagerly()


def _figure(schedule, model, held):
    """Return the name of the figure that says which epoch is the best, or refuse one that epochs do not have."""
    if schedule.monitor == "auto":
        return "loss" if held is None else "val_loss"
    known = list(model.get_metrics_result())
    name = _metric_name(schedule.monitor.removeprefix("val_"))
    if name not in known:
        logged = known if held is None else [*known, *(f"val_{figure}" for figure in known)]
        raise ValueError(
            f"monitor={schedule.monitor!r} is not computed in an epoch; {quote(logged)} "
            f"{'is' if len(logged) == 1 else 'are'}.{closest_match(schedule.monitor, logged)} To monitor another "
            "metric, add it to `metrics`."
        )
    is_held = schedule.monitor.startswith("val_")
    if is_held and held is None and schedule.stops:
        raise ValueError(
            f"monitor={schedule.monitor!r} needs rows that are held out, and there are none. Set validation_fraction, "
            f"give X_val and y_val, or set monitor={name!r}."
        )
    return f"val_{name}" if is_held else name


def _metric_name(name):
    """Return the name under which Keras logs a metric that is asked for by a short one, such as "mae"."""
    try:
        return getattr(keras.metrics.get(name), "name", name)
    except ValueError:
        return name


def _metric_kind(model, name):
    """Return the name of the class of the metric that gives a figure, or an empty string."""
    metrics = [part for metric in model.metrics for part in getattr(metric, "metrics", [metric])]
    return next((type(metric).__name__ for metric in metrics if metric.name == name.removeprefix("val_")), "")


def _stopper(schedule, model, figure, validation_freq):
    """Return the callback that stops training and keeps the best weights, or None to train on."""
    if not schedule.stops:
        return None
    mode = direction(figure, _metric_kind(model, figure))
    # `SlowOnPlateau` stops by itself; a second stopper would count the epochs in which it goes back.
    if isinstance(schedule.rate, SlowOnPlateau):
        stopper = schedule.rate
        stopper.monitor, stopper.mode = figure, mode
    else:
        stopper = StopEarly(figure, schedule.patience, mode)
    stopper.begun = _best_so_far(schedule, figure, mode, validation_freq)
    return stopper


def _best_so_far(schedule, figure, mode, validation_freq):
    """Return number, counted from 0, and figure of the best epoch so far; None if a fit begins."""
    epochs = range(schedule.initial_epoch if schedule.begun is None else schedule.begun, schedule.initial_epoch)
    if figure.startswith("val_"):
        # Keras counts from 1 here: after every so many epochs, or after those that are listed.
        is_due = validation_freq.__contains__ if np.iterable(validation_freq) else lambda n: n % validation_freq == 0
        epochs = [epoch for epoch in epochs if is_due(epoch + 1)]
    found, best = None, None
    # Those of the fit come last; fits before it may have had another figure, or none.
    values = schedule.past.get(figure, [])
    if len(values) < len(epochs):
        return None
    for epoch, value in zip(epochs, values[len(values) - len(epochs) :], strict=True):
        if is_better(value, best, mode):
            found, best = epoch, value
    return None if found is None else (found, best)


def _warn_of_diverged(history):
    """Warn of a loss that ended as NaN or infinity."""
    finite = np.isfinite(history["loss"])
    if not finite[-1]:
        warn(
            f"The loss is not finite from epoch {int(np.argmin(finite)) + 1} on: training diverged and predictions may "
            "be NaN. Lower optimizer__learning_rate, or set optimizer__clipnorm=1.",
            ConvergenceWarning,
        )


def _make_state(model, row):
    """Make the variables of optimizer, loss and metrics before the first trace."""
    # TensorFlow traces a function that makes variables a second time, without making them.
    metrics_built = all(getattr(metric, "built", True) for metric in model.metrics)
    if model.optimizer.built and metrics_built:
        return
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    arrays, y = tf.nest.map_structure(tf.convert_to_tensor, row[:2])
    output = model({tensor.name: arrays[tensor.name] for tensor in model.inputs}, training=False)
    model.compute_loss(y=y, y_pred=output, training=False)
    model.compute_metrics(arrays, y, output)
    model.reset_metrics()


def sample_rows(arrays, limit, weight=None):
    """Return at most `limit` rows of each array; see `sample_positions`."""
    n_rows = len(next(iter(arrays.values())))
    if n_rows <= limit and weight is None:
        return arrays
    positions = sample_positions(n_rows, limit, weight)
    return {name: take(array, positions) for name, array in arrays.items()}


def sample_positions(n_rows, limit, weight=None):
    """Return the positions of at most `limit` rows that stand for all, in increasing order.

    Parameters
    ----------
    n_rows : int
        Number of all rows.
    limit : int
        Most positions.
    weight : ndarray of shape (n_rows,) or None
        Weights, not all 0. A row is drawn as often as it weighs, so that a plain mean or quantile of the drawn rows
        is a weighted one of all. Whole numbers, divided by their greatest common divisor, are counts of rows if
        they make no more than `limit`; otherwise as many rows are drawn as there are, and the share of each is
        rounded down or up.

    Returns
    -------
    ndarray of int
        Evenly spaced positions. With weights, evenly spaced among rows that follow each other by their weights.
    """
    if weight is None:
        return np.arange(n_rows) if n_rows <= limit else np.linspace(0, n_rows - 1, limit).astype(int)
    ends = np.cumsum(weight, dtype="float64")
    count = min(n_rows, limit)
    if ends[-1] < _MOST_EXACT and not np.mod(weight, 1).any():
        # Weights that are all 7 say no more than none.
        n_repeated = int(ends[-1]) // np.gcd.reduce(np.asarray(weight, dtype="int64"))
        count = n_repeated if n_repeated <= limit else count
    return np.searchsorted(ends, (np.arange(count) + 0.5) / count * ends[-1], side="right")
