"""A training that several processes share: each has a part of every batch, and all take the same steps.

The loss of a batch is the mean over its rows, wherever they are. So each process weighs the gradient of its rows by
their share of the batch, and the sum over all processes is the gradient of one process that has all rows. Metrics are
sums over rows, too. What decides about a fit (the figures of an epoch) is the same in every process to the last bit,
so all stop after the same step.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import keras
import numpy as np
import tensorflow as tf

from .run import feed_class

# Of a table of ids with so many rows or more, only the rows of a step travel between the processes.
GATHERED_ROWS = 10_000
# How the paths of the variables end that batch normalisation moves.
_MOVING = ("moving_mean", "moving_variance")


@lru_cache(maxsize=4)
def shares(n_rows, batch_size):
    """Divide each batch among processes by the rows that each has left.

    Parameters
    ----------
    n_rows : tuple of int
        Rows of each process.
    batch_size : int
        Rows of a batch, over all processes. The last batch may be short.

    Returns
    -------
    ndarray of shape (n_steps, n_processes), int
        How many of its rows each process takes in each step. Columns add up to `n_rows`.

    Examples
    --------
    >>> from skmulti.training.processes import shares
    >>> shares((8, 300), 44)[:3].tolist()
    [[1, 43], [1, 43], [1, 43]]
    """
    left = np.array(n_rows, dtype=np.int64)
    taken = []
    while left.any():
        size = min(batch_size, int(left.sum()))
        wanted = size * left / left.sum()
        own = np.floor(wanted).astype(np.int64)
        # What is left over goes to those with the largest fractions; among equals to the first.
        extra = np.argsort(own - wanted, kind="stable")[: size - own.sum()]
        own[extra] += 1
        taken.append(own)
        left -= own
    return np.array(taken, dtype=np.int64).reshape(-1, len(left))


@dataclass(frozen=True)
class SharedRows:
    """The rows of one process in a training that several share; the counterpart of `Rows`.

    Parameters
    ----------
    arrays, y, weight : object
        As in `Rows`: the rows of this process, or one row that does not count if it has none.
    n_rows : tuple of int
        Number of rows of each process, by rank.
    crew : Crew or Alone
        The processes.
    """

    arrays: dict
    y: np.ndarray
    weight: np.ndarray | None
    n_rows: tuple
    crew: object
    streams = False
    sample = None
    n_batches = None
    batch_rows = None

    @property
    def n_total(self):
        """Number of rows of the whole training."""
        return sum(self.n_rows)

    def joined(self, model, batch_size):
        """Return the context in which a compiled model trains together with the other processes."""
        return shared(model, self.crew, int(shares(self.n_rows, batch_size).max()))

    def feed(self, batch_size, seed=None):
        """Return this process's part of each batch; with a seed each epoch has an order of its own."""
        batches = self._batches(shares(self.n_rows, batch_size))
        return feed_class(self.arrays)(self.arrays, self.y, self.weight, batch_size, seed, batches)

    def _batches(self, taken):
        """Return begins and ends of the parts, the share of each in its batch, and its number of rows."""
        own = taken[:, self.crew.rank]
        ends = np.cumsum(own)
        # A part without rows is computed on a row that does not count, since layers may not take an empty batch.
        begins = np.minimum(ends - own, len(self.y) - 1)
        return begins, np.maximum(ends, begins + 1), own / taken.sum(axis=1), own


class _SharedStep:
    """The steps of training and of testing for a part of a batch, with what comes with it: its share and its rows."""

    def __init__(self, model, crew, most_rows):
        self.model, self.crew, self.most_rows = model, crew, most_rows
        self._own_result = model.get_metrics_result
        # Batch normalisation moves its statistics without a gradient.
        self.moving = [variable for variable in model.variables if variable.path.endswith(_MOVING)]

    def train(self, data):
        """Take a step with the gradient of the whole batch; see ``keras.Model.train_step``."""
        x, y, weight, share, count = _unpack(data)
        model, moving = self.model, self.moving
        before = [tf.identity(variable.value) for variable in moving]
        with tf.GradientTape() as tape:
            y_pred = model(x, training=True)
            loss = model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight, training=True)
            scaled = model.optimizer.scale_loss(loss) * tf.cast(share, loss.dtype)
        found = zip(tape.gradient(scaled, model.trainable_weights), model.trainable_weights, strict=True)
        found = [(own, variable) for own, variable in found if own is not None]
        gradients = [self._in_one_shape(own, variable, tf.shape(y_pred)[0]) for own, variable in found]
        weights = [variable for _, variable in found]
        moves = [
            (variable.value - value) * tf.cast(share, value.dtype)
            for variable, value in zip(moving, before, strict=True)
        ]
        # In one call: each has its price, however little it carries.
        summed = self.crew.sum([*gradients, *moves])
        model.optimizer.apply(summed[: len(gradients)], weights)
        for variable, value, move in zip(moving, before, summed[len(gradients) :], strict=True):
            variable.assign(value + move)
        return self._measure(loss, x, y, y_pred, weight, count)

    def _in_one_shape(self, gradient, variable, n_rows):
        """Return a gradient in a shape that is the same in every step and in every process."""
        # TensorFlow keeps the shape that a collective has in the first step of a loop, and refuses another one.
        if not isinstance(gradient, tf.IndexedSlices):
            return gradient
        if variable.shape[0] < GATHERED_ROWS:
            return tf.convert_to_tensor(gradient)
        # What is added is no gradient, for a row of the table that the step moves anyway.
        count = tf.shape(gradient.indices)[0]
        wanted = count // n_rows * self.most_rows
        indices = tf.concat([gradient.indices, tf.fill([wanted - count], gradient.indices[0])], 0)
        values = tf.concat([gradient.values, tf.zeros([wanted - count, *variable.shape[1:]], gradient.dtype)], 0)
        return tf.IndexedSlices(values, indices, gradient.dense_shape)

    def test(self, data):
        """Measure a part of a batch; see ``keras.Model.test_step``."""
        x, y, weight, _, count = _unpack(data)
        y_pred = self.model(x, training=False)
        loss = self.model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight, training=False)
        return self._measure(loss, x, y, y_pred, weight, count)

    def _measure(self, loss, x, y, y_pred, weight, count):
        """Add a part to loss and metrics, unless it has no row that counts."""
        model = self.model
        variables = [variable for metric in model.metrics for variable in metric.variables]
        before = [tf.identity(variable.value) for variable in variables]
        # Keras updates the loss outside of `compute_metrics`.
        next(metric for metric in model.metrics if metric.name == "loss").update_state(loss, sample_weight=count)
        # Keras ends it with the result, which is added up over all processes at the end of an execution, not in a step.
        model.get_metrics_result = self._own_result
        model.compute_metrics(x, y, y_pred, weight)
        model.get_metrics_result = self.result
        # No `tf.cond`: a process that took its other branch would not come to the next collective.
        for variable, value in zip(variables, before, strict=True):
            variable.assign(tf.where(count > 0, variable.value, value))
        # Of this process alone, for what is shown of a step; an epoch ends with those of all.
        return self._own_result()

    def result(self):
        """Return the metrics over the rows of all processes; those of this one stay what they are."""
        variables = [variable for metric in self.model.metrics for variable in metric.variables]
        own = [tf.identity(variable.value) for variable in variables]
        for variable, total in zip(variables, self.crew.sum(own), strict=True):
            variable.assign(total)
        found = self._own_result()
        for variable, value in zip(variables, own, strict=True):
            variable.assign(value)
        return found


def _unpack(data):
    """Return (arrays, y, weight or None, share, number of rows) of a part of a batch."""
    *batch, share, count = data
    return *keras.utils.unpack_x_y_sample_weight(tuple(batch)), share, count


@contextmanager
def shared(model, crew, most_rows):
    """Let a compiled model train on parts of batches, together with the other processes, for the length of a block.

    Parameters
    ----------
    model : keras.Model
        The compiled network, with the same weights in each process.
    crew : Crew or Alone
        The processes.
    most_rows : int
        The most rows of a part of a batch in training, over all steps and processes.
    """
    step = _SharedStep(model, crew, most_rows)
    model.train_step, model.test_step, model.get_metrics_result = step.train, step.test, step.result
    _draw_apart(model, crew.rank)
    try:
        yield
    finally:
        for name in ("train_step", "test_step", "get_metrics_result"):
            delattr(model, name)


class StopTogether(keras.callbacks.Callback):
    """Stops training in all processes if a callback has stopped it in one, at the end of the epoch.

    A process that stopped alone would leave the others waiting for its part of the next step. It comes
    behind all callbacks that may stop training.

    Parameters
    ----------
    crew : Crew
        The processes.
    """

    def __init__(self, crew):
        super().__init__()
        self.crew = crew
        self._stops = False

    def on_train_batch_end(self, batch, logs=None):
        """Go on to the end of the epoch; see `keras.callbacks.Callback`."""
        self._stops |= self.model.stop_training
        self.model.stop_training = False

    def on_epoch_end(self, epoch, logs=None):
        """Ask all processes; see `keras.callbacks.Callback`."""
        stops = tf.constant(float(self._stops or self.model.stop_training))
        self.model.stop_training = bool(self.crew.sum([stops])[0] > 0)


def _draw_apart(model, rank):
    """Let the dropout of each process draw other numbers than that of the others."""
    for variable in model.variables:
        if variable.path.endswith("seed_generator_state"):
            variable.assign(variable + np.array([rank, 0], dtype=variable.dtype))
