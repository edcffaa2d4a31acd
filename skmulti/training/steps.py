"""Rows in memory as the steps of a fit: one compiled call runs many steps and gathers their batches itself.

A fit is `keras.Model.fit`, with its callbacks and its history, over a dataset that holds nothing but the
numbers of the steps. `FeedSteps` replaces the model's `train_function`: it gathers the rows of each step from
tensors in memory, up to 32 steps in one compiled call. The weights equal those of Keras' own function to the
last bits; what is saved is the way of every batch through `tf.data`.
"""

import time
from contextlib import contextmanager
from functools import partial

import keras
import numpy as np
import tensorflow as tf

# An element of a dataset of steps: the number of a step, not rows.
STEP = tf.TensorSpec((), tf.int64)


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
        self.data = tf.nest.map_structure(tf.convert_to_tensor, data)
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
        return tf.data.Dataset.range(self.n_steps)

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
    begins, ends, *others = batches
    return (*take_rows(data, order[begins[step] : ends[step]]), *(other[step] for other in others))


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
    """A network's function for training or for testing that takes its rows from a `RowFeed`.

    It replaces what `keras.Model.make_train_function` makes, and runs the same steps. If the
    iterator yields rows, not numbers of steps, it calls Keras' own function.

    Parameters
    ----------
    model : keras.Model
        The compiled network.
    step : callable
        ``model.train_step`` or ``model.test_step``.
    otherwise : callable
        Keras' own function.

    Attributes
    ----------
    feed : object
        The rows. Keras' own function takes those that are not gathered in place.
    """

    def __init__(self, model, step, otherwise):
        self.model = model
        self.otherwise = otherwise
        self.feed = None
        # As Keras does it: XLA compiles the step, not the gathering and the loop around it.
        if model.jit_compile and not model.run_eagerly:
            step = tf.function(step, jit_compile=True, reduce_retracing=True, autograph=False)
        # TensorFlow counts traces by a function's code and warns of many. A partial of each model is counted alone.
        self._run = partial(_run_steps, model, step)
        if not model.run_eagerly:
            self._run = tf.function(self._run, reduce_retracing=True, autograph=False)

    def __call__(self, iterator):
        """Run the next steps, as many as the model runs in one execution, and return the metrics."""
        # Other iterators come from the user's own callbacks, which may call `model.evaluate` during a fit.
        if not self._gathers() or getattr(iterator, "element_spec", None) != STEP:
            return self.otherwise(iterator)
        feed, count = self.feed, self.model.steps_per_execution
        # Keras' function takes `count` elements from the iterator. One is enough here: the k-th execution reads k, so
        # its steps begin at k * count.
        first = int(next(iterator)) * count
        if first >= feed.n_steps:
            raise StopIteration
        last = min(first + count, feed.n_steps)
        return self._run(*_arguments(feed, first, last))

    def seconds_of_step(self, at_least=0.5):
        """Return how long a step takes, measured on a few steps of the feed that are run for it.

        Parameters
        ----------
        at_least : float
            Seconds to measure for, unless all steps of an epoch take less.
        """
        feed, steps, left = self.feed, None, 0

        def run(count):
            nonlocal steps, left
            if self._gathers():
                result = self._run(*_arguments(feed, 0, count))
            else:
                for _ in range(count):
                    # Not to the end: Keras' function has no result then.
                    if not left:
                        steps, left = iter(feed.steps()), feed.n_steps
                    result, left = self.otherwise(steps), left - 1
            # An accelerator has not done its work when the call returns.
            tf.nest.map_structure(float, result)

        # The first call may compile.
        run(1)
        count = 1
        while True:
            started = time.perf_counter()
            run(count)
            seconds = time.perf_counter() - started
            if seconds >= at_least or count >= feed.n_steps:
                return seconds / count
            count = min(2 * count, feed.n_steps)

    def _gathers(self):
        """Return whether the rows of a feed are in memory and can be gathered in a compiled call."""
        return self.feed is not None and self.feed.in_place

    def trace(self):
        """Compile the function for the feed, by a call that runs no step, so that tracing is timed apart."""
        if self._gathers() and not self.model.run_eagerly:
            self._run(*_arguments(self.feed, 0, 0))


def _arguments(feed, first, last):
    """Return the arguments with which a compiled function runs the steps from `first` to before `last`."""
    # All rows are an argument: a function that captured them would be traced anew for the next fit, and keep them.
    # The numbers are a tensor: of Python's integers every new one would be traced.
    return feed.batches, feed.data, feed.order, tf.constant((first, last), tf.int64)


def _run_steps(model, step, batches, data, order, numbers):
    """Run the steps from the first of `numbers` to before the second, and return the model's metrics."""

    def run_step(position):
        batch = gather_batch(position, batches, data, order)
        # Keras sums gradients over replicas even if there is one only. The gradient of that operation is registered in
        # TensorFlow for good, and it holds the whole graph, so each fit would leave its graph behind. A `merge_call`
        # runs the step outside of the replicas, where Keras finds nothing to sum.
        tf.distribute.get_replica_context().merge_call(lambda strategy: step(batch))
        return [position + 1]

    # One iteration at a time: each step needs the weights that the step before has left.
    tf.while_loop(lambda position: position < numbers[1], run_step, [numbers[0]], parallel_iterations=1)
    return model.get_metrics_result()


@contextmanager
def feed_from(model, training, held):
    """Let a compiled model take the rows of training and of validation from feeds, for the length of a block.

    Parameters
    ----------
    model : keras.Model
        The compiled network.
    training : RowFeed or other feed
        Rows to train on.
    held : RowFeed, other feed or None
        Rows to validate on.
    """
    # Once for each compilation: later epochs of `partial_fit` and `warm_start` find the traced functions.
    if not isinstance(model.train_function, FeedSteps):
        model.make_train_function(force=True)
        model.train_function = FeedSteps(model, model.train_step, model.train_function)
        model.make_test_function(force=True)
        model.test_function = FeedSteps(model, model.test_step, model.test_function)
    try:
        model.train_function.feed, model.test_function.feed = training, held
        yield
    finally:
        # The rows are not kept with the network. Keras keeps an iterator over the held-out ones if a fit breaks off.
        model.train_function.feed = model.test_function.feed = None
        vars(model).pop("_eval_epoch_iterator", None)
