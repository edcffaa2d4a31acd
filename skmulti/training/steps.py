"""Encoded rows in memory as the steps of a fit: a compiled call takes many steps, and gathers each batch itself."""

from contextlib import contextmanager
from functools import partial

import keras
import numpy as np
import tensorflow as tf

# What a dataset of steps gives, in the place of rows.
STEP = tf.TensorSpec((), tf.int64)


class RowFeed:
    """Encoded rows that are batches of an order, the last short one included.

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
        Decides the order of each epoch; None keeps the rows in order.

    Attributes
    ----------
    data : tuple
        Tensors of (arrays, y) or (arrays, y, weight).
    order : tensor of shape (n_rows,), int64
        Positions of the rows in the order in which batches take them.
    n_steps : int
        Number of batches.
    in_place : bool
        Whether a compiled call gathers the batches itself; else `steps` gives them.
    """

    in_place = True

    def __init__(self, arrays, y, weight, batch_size, seed=None):
        data = (arrays, y) if weight is None else (arrays, y, weight)
        # As tensors: Keras would cast float64 arrays to its float type, and a target of 1e6 lose its digits.
        self.data = tf.nest.map_structure(tf.convert_to_tensor, data)
        self.batch_size, self.seed = batch_size, seed
        self.n_rows = len(y)
        self.n_steps = -(-self.n_rows // batch_size)
        self.order = tf.range(self.n_rows, dtype=tf.int64)

    def shuffle(self, epoch):
        """Set the order of an epoch, a function of the seed and the epoch's number alone."""
        self.order = tf.constant(np.random.default_rng([self.seed, epoch]).permutation(self.n_rows), tf.int64)

    def callbacks(self):
        """Return the Keras callbacks that a fit needs in addition to the steps."""
        return [EpochOrder(self)] if self.has_order else []

    @property
    def has_order(self):
        """Whether each epoch has an order of its own; one batch has none that matters."""
        return self.seed is not None and self.n_steps > 1

    def steps(self):
        """Return the `tf.data.Dataset` of the numbers of the steps, which stands for the rows."""
        return tf.data.Dataset.range(self.n_steps)

    def batch(self, step):
        """Gather the batch of a step: (arrays, y) or (arrays, y, weight)."""
        return gather_batch(step, self.batch_size, self.data, self.order)

    def first_row(self):
        """Return the first row as a batch of one."""
        return gather_batch(0, 1, self.data, self.order)


def gather_batch(step, batch_size, data, order):
    """Gather the batch of a step from tensors of all rows."""
    rows = order[step * batch_size : (step + 1) * batch_size]
    return tf.nest.map_structure(lambda tensor: tf.gather(tensor, rows), data)


class EpochOrder(keras.callbacks.Callback):
    """Return the rows another order in each epoch.

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
    """A network's function for training or for tests that takes its rows from a `RowFeed`.

    It stands in the place of what `keras.Model.make_train_function` makes, and does the
    same steps. Keras' own function is called where it gets rows, not numbers of steps.

    Parameters
    ----------
    model : keras.Model
        Compiled.
    step : callable
        ``model.train_step`` or ``model.test_step``.
    otherwise : callable
        Keras' own function.

    Attributes
    ----------
    feed : object
        The rows; those that are not gathered in place are left to Keras.
    """

    def __init__(self, model, step, otherwise):
        self.model = model
        self.otherwise = otherwise
        self.feed = None
        if model.jit_compile and not model.run_eagerly:
            step = tf.function(step, jit_compile=True, reduce_retracing=True, autograph=False)
        # A partial, since TensorFlow counts the tracings of all functions with one code as those of one function.
        self._run = partial(_run_steps, model, step)
        if not model.run_eagerly:
            self._run = tf.function(self._run, reduce_retracing=True, autograph=False)

    def __call__(self, iterator):
        """Take the next steps, as many as the model takes in one execution; give its metrics."""
        if not self._gathers() or getattr(iterator, "element_spec", None) != STEP:
            return self.otherwise(iterator)
        feed, count = self.feed, self.model.steps_per_execution
        # An execution takes one number from the iterator, and the rest as given.
        first = int(next(iterator)) * count
        if first >= feed.n_steps:
            raise StopIteration
        last = min(first + count, feed.n_steps)
        return self._run(*_arguments(feed, first, last))

    def _gathers(self):
        return self.feed is not None and self.feed.in_place

    def trace(self):
        """Make the compiled function for the feed, by a call that takes no step; the first call would else do it."""
        if self._gathers() and not self.model.run_eagerly:
            self._run(*_arguments(self.feed, 0, 0))


def _arguments(feed, first, last):
    return feed.batch_size, feed.data, feed.order, tf.constant((first, last), tf.int64)


def _run_steps(model, step, batch_size, data, order, ends):
    """Take the steps from the first of `ends` to before the second, and give the model's metrics."""

    def one(position):
        batch = gather_batch(position, batch_size, data, order)
        # Keras sums gradients over replicas even where there is one, by an operation whose own gradient TensorFlow
        # registers for good, and with it the whole graph. Between replicas there is nothing to sum.
        tf.distribute.get_replica_context().merge_call(lambda strategy: step(batch))
        return [position + 1]

    tf.while_loop(lambda position: position < ends[1], one, [ends[0]], parallel_iterations=1)
    return model.get_metrics_result()


@contextmanager
def feed_from(model, training, held):
    """Let a compiled model take its training steps, and its tests, from feeds for the length of a block.

    Parameters
    ----------
    model : keras.Model
        Compiled.
    training : RowFeed or other feed
        Rows that train.
    held : RowFeed, other feed or None
        Rows that validate.
    """
    if not isinstance(model.train_function, FeedSteps):
        model.make_train_function(force=True)
        model.train_function = FeedSteps(model, model.train_step, model.train_function)
        model.make_test_function(force=True)
        model.test_function = FeedSteps(model, model.test_step, model.test_function)
    try:
        model.train_function.feed, model.test_function.feed = training, held
        yield
    finally:
        # The rows are not kept with the network.
        model.train_function.feed = model.test_function.feed = None
