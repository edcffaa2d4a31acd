"""Rows in memory as the steps of a fit: one compiled call runs many steps and gathers their batches itself.

A fit is `keras.Model.fit`, with its callbacks and its history, over a dataset that holds nothing but the
numbers of the steps. `FeedSteps` replaces the model's `train_function`: it gathers the rows of each step from
tensors in memory, up to 32 steps in one compiled call. The weights equal those of Keras' own function to the
last bits; what is saved is the way of every batch through `tf.data`.
"""

import time
from contextlib import nullcontext
from functools import partial
from itertools import islice

import keras
import numpy as np
import tensorflow as tf

from .moments import JoinedMoments
from .tensors import as_tensor

# An element of a dataset of steps: the number of a step, not rows.
STEP = tf.TensorSpec((), tf.int64)


def as_plain(dataset):
    """Return a `tf.data.Dataset` of ours that TensorFlow leaves as it is.

    Keras makes two iterators an epoch: to optimize so small a graph each time costs more than it saves. And the thread
    that tunes an iterator can miss its end on a machine with one core: the epoch then waits for as long as it has run.
    """
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    options.autotune.enabled = False
    return dataset.with_options(options)


def place_of_rows():
    """Return the context of operations on all rows: under a strategy the host, which sends each device its own."""
    return tf.device("CPU:0") if tf.distribute.has_strategy() else nullcontext()


class RowFeed:
    """Encoded rows in memory that are taken in batches of some order; the last batch may be short.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Encoded rows by input name.
    y : ndarray of shape (n_rows, ...)
        Encoded target.
    weight : ndarray of shape (n_rows,) or None
        Weight of each row.
    batch_size : int
        Rows of a batch.
    seed : int or None
        Decides the order of each epoch; None keeps the order of the rows.
    batches : tuple of array-like of shape (n_steps, ...), or None
        Where each batch begins and ends in the order, and what else comes with it; None cuts the
        rows evenly.

    Attributes
    ----------
    data : tuple
        Tensors of (arrays, y) or (arrays, y, weight).
    batches : tuple of tensor of shape (n_steps, ...)
        As the parameter.
    order : tensor of shape (n_rows,), int64
        Positions of the rows in the order in which batches take them.
    n_steps : int
        Number of batches.
    in_place : bool
        Whether a compiled call gathers the batches itself. Otherwise `steps` yields them.
    """

    in_place = True

    def __init__(self, arrays, y, weight, batch_size, seed=None, batches=None):
        data = (arrays, y) if weight is None else (arrays, y, weight)
        # As tensors: Keras would cast float64 arrays to its float type, and a target of 1e6 lose its digits.
        with place_of_rows():
            self.data = tf.nest.map_structure(as_tensor, data)
        self.seed = seed
        self.n_rows = len(y)
        self.batches = tuple(map(tf.constant, even_batches(self.n_rows, batch_size) if batches is None else batches))
        self.n_steps = len(self.batches[0])
        self.order = tf.range(self.n_rows, dtype=tf.int64)

    def shuffle(self, epoch):
        """Set the order of an epoch, which depends on the seed and the epoch's number alone."""
        # No generator that lives from epoch to epoch: callbacks of the user may draw random numbers, too, and a fit
        # that goes on at a later epoch gets the order that this epoch has in an uninterrupted fit.
        self.order = tf.constant(np.random.default_rng([self.seed, epoch]).permutation(self.n_rows), tf.int64)

    def callbacks(self):
        """Return the Keras callbacks that a fit needs in addition to the steps."""
        return [EpochOrder(self)] if self.has_order else []

    @property
    def has_order(self):
        """Whether each epoch has an order of its own; one batch has none that matters."""
        return self.seed is not None and self.n_steps > 1

    def steps(self):
        """Return the `tf.data.Dataset` of the numbers of the steps, which Keras iterates over."""
        return as_plain(tf.data.Dataset.range(self.n_steps))

    def batch(self, step):
        """Gather the batch of a step: (arrays, y) or (arrays, y, weight), and what else comes with it."""
        return gather_batch(step, self.batches, self.data, self.order)

    def first_row(self):
        """Return the first row as a batch of one: (arrays, y) or (arrays, y, weight)."""
        return take_rows(self.data, self.order[:1])


def even_batches(n_rows, batch_size):
    """Return where batches of one size begin and end; the last one may be short."""
    begins = np.arange(0, n_rows, batch_size)
    return begins, np.minimum(begins + batch_size, n_rows)


def gather_batch(step, batches, data, order):
    """Gather the batch of a step from the tensors of all rows."""
    begin, end, *others = (tf.gather(values, step) for values in batches)
    return (*take_rows(data, order[begin:end]), *others)


def take_rows(data, rows):
    """Take some rows of each tensor of a structure."""
    return tf.nest.map_structure(lambda tensor: tf.gather(tensor, rows), data)


class EpochOrder(keras.callbacks.Callback):
    """Gives the rows another order in each epoch.

    Parameters
    ----------
    feed : RowFeed
        The rows.
    """

    def __init__(self, feed):
        super().__init__()
        self.feed = feed

    def on_epoch_begin(self, epoch, logs=None):
        """Draw the order; see `keras.callbacks.Callback`."""
        self.feed.shuffle(epoch)


class FeedSteps:
    """A network's function for training or for testing that takes its rows from a feed.

    It replaces what `keras.Model.make_train_function` makes. Where Keras iterates over the numbers of the steps, it
    runs these steps; iterators over rows are for Keras' own function.

    Parameters
    ----------
    model : keras.Model
        The compiled network.
    step : callable
        ``step(batch)`` runs a step: `run_alone`, or `run_shares` under a strategy.
    otherwise : callable
        Keras' own function.
    trains : bool
        Whether the step moves weights.

    Attributes
    ----------
    feed : RowFeed or other feed
        The rows.
    batches : iterator or None
        The batches that an epoch under a strategy has left, if the feed is not gathered in place.
    """

    def __init__(self, model, step, otherwise, trains=False):
        self.model, self.otherwise = model, otherwise
        self.feed = self.batches = None
        # TensorFlow counts traces by a function's code and warns of many. A partial of each model is counted alone.
        self._run_gathered = partial(_run_gathered, model, step, trains)
        self._run_read = partial(_run_read, model, step, trains)
        if not model.run_eagerly:
            self._run_gathered = tf.function(self._run_gathered, reduce_retracing=True, autograph=False)
            self._run_read = tf.function(self._run_read, reduce_retracing=True, autograph=False)

    def steps(self):
        """Return the `tf.data.Dataset` that Keras iterates over."""
        if not tf.distribute.has_strategy():
            return self.feed.steps()
        # In vectors, since Keras lets the strategy divide each element among its devices.
        n_devices = tf.distribute.get_strategy().num_replicas_in_sync
        return as_plain(tf.data.Dataset.range(self.feed.n_steps).map(lambda step: tf.fill([n_devices], step)))

    def __call__(self, iterator):
        """Run the next steps, as many as the model runs in one execution, and return the metrics."""
        count = self.model.steps_per_execution
        # Other iterators come from the user's own callbacks, which may call `model.evaluate` during a fit.
        if self.feed is None or not _yields_numbers(iterator):
            return self._run_otherwise(iterator)
        # Keras' function takes `count` elements from the iterator. One is enough here: the k-th execution reads k, so
        # its steps begin at k * count.
        first = _read_number(iterator) * count
        if first >= self.feed.n_steps:
            raise StopIteration
        return self._run(first, min(first + count, self.feed.n_steps))

    def _run_otherwise(self, iterator):
        """Run the next steps by Keras' own function."""
        if not tf.distribute.has_strategy():
            return self.otherwise(iterator)
        # Under a strategy several steps in one execution fail (keras#19246), but not those of a list of batches.
        batches = list(islice(iterator, self.model.steps_per_execution))
        if not batches:
            raise StopIteration
        return self.otherwise(iter(batches))

    def _run(self, first, last):
        """Run the steps from `first` to before `last`, and return the metrics."""
        # The ends are a tensor: of Python's integers every new one would be traced.
        ends = tf.constant((first, last), tf.int64)
        if self.feed.in_place:
            # All rows are an argument: a function that captured them would be traced anew for the next fit, and keep
            # them.
            return self._run_gathered(self.feed.batches, self.feed.data, self.feed.order, ends)
        if first == 0:
            self.batches = iter(self.feed.steps())
        return self._run_read(self.batches, ends)

    def seconds_of_step(self):
        """Return how long a step takes, measured on a few steps of the feed that are run for it."""
        steps, left = None, 0

        def run(count):
            nonlocal steps, left
            if self.feed.in_place:
                return self._run(0, count)
            for _ in range(count):
                # Not to the end: Keras' function has no result then.
                if not left:
                    steps, left = iter(self.steps()), self.feed.n_steps
                result, left = self(steps), left - 1
            return result

        return _time_steps(run, self.feed.n_steps)

    def trace(self):
        """Compile the function for the feed, by a call that runs no step, so that tracing is timed apart."""
        if self.feed and self.feed.in_place and not self.model.run_eagerly:
            self._run(0, 0)


def _yields_numbers(iterator):
    """Return whether an iterator yields the numbers of steps."""
    spec = getattr(iterator, "element_spec", None)
    # Rows, of our feeds or of others, are inputs with a target.
    return not isinstance(spec, tuple) if tf.distribute.has_strategy() else spec == STEP


def _read_number(iterator):
    """Return the number of the next step."""
    number = next(iterator)
    if tf.distribute.has_strategy():
        number = tf.distribute.get_strategy().experimental_local_results(number)[0][0]
    return int(number)


def _time_steps(run, n_steps, at_least=0.5):
    """Return how many seconds a step takes.

    Parameters
    ----------
    run : callable
        ``run(count)`` runs steps and returns the metrics.
    n_steps : int
        Steps of an epoch; no more are timed at once.
    at_least : float
        Seconds to measure for, unless all steps of an epoch take less.
    """
    # The first call may compile.
    run(1)
    count = 1
    while True:
        started = time.perf_counter()
        # An accelerator has not done its work when the call returns, but when its numbers are read.
        tf.nest.map_structure(float, run(count))
        seconds = time.perf_counter() - started
        if seconds >= at_least or count >= n_steps:
            return seconds / count
        count = min(2 * count, n_steps)


def _run_gathered(model, step, trains, batches, data, order, ends):
    """Run the steps from the first of `ends` to before the second on rows in memory, and return the metrics."""

    def gather_and_step(position):
        with place_of_rows():
            batch = gather_batch(position, batches, data, order)
        step(batch)

    return _run_steps(model, gather_and_step, trains, ends)


def _run_read(model, step, trains, batches, ends):
    """Run as many steps as there are between `ends` on the next batches, and return the metrics."""
    return _run_steps(model, lambda position: step(next(batches)), trains, ends)


def _run_steps(model, step, trains, ends):
    """Run the steps from the first of `ends` to before the second, by their numbers, and return the metrics."""
    joined = JoinedMoments(model, trains)

    def run_step(position, *moments):
        with joined.moving(moments) as moments:
            step(position)
        return [position + 1, *moments]

    first, last = tf.unstack(ends)
    start = [first, *joined.read()]
    # One iteration at a time: each step needs the weights that the step before has left.
    _, *moments = tf.while_loop(lambda position, *_: position < last, run_step, start, parallel_iterations=1)
    joined.write(moments)
    return model.get_metrics_result()


def run_alone(model, step, batch):
    """Run a step of Keras', ``model.train_step`` or ``model.test_step``, without a strategy."""
    # As Keras does it: XLA compiles the step, not the gathering and the loop around it.
    if model.jit_compile and not model.run_eagerly:
        step = tf.function(step, jit_compile=True, reduce_retracing=True, autograph=False)
    # Keras sums gradients over replicas even if there is one only. The gradient of that operation is registered in
    # TensorFlow for good, and it holds the whole graph, so each fit would leave its graph behind. A `merge_call`
    # runs the step outside of the replicas, where Keras finds nothing to sum.
    tf.distribute.get_replica_context().merge_call(lambda strategy: step(batch))
