"""Steps of a fit under a strategy of TensorFlow: the devices of one machine share the rows of every batch.

Keras averages the losses of the devices, which is the loss of the batch only if all have equally many rows. Here a
device's loss counts as much as its rows do, so that a fit has the weights that it would have on one device.
"""

from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import keras
import tensorflow as tf

from .steps import place_of_rows

# Reductions of losses that add up rows, so that the losses of the devices add up to the loss of the batch.
_SUMS = ("sum", "none", None)


def refuse_strategy():
    """Refuse to fit in the scope of a strategy that trains on anything but the devices of this machine.

    Raises
    ------
    ValueError
        If the strategy is neither a `MirroredStrategy` nor a `OneDeviceStrategy`.
    """
    strategy, known = tf.distribute.get_strategy(), (tf.distribute.MirroredStrategy, tf.distribute.OneDeviceStrategy)
    if not tf.distribute.has_strategy() or isinstance(strategy, known):
        return
    # TensorFlow's class has another name than the one under which it is made.
    is_workers = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    found = "MultiWorkerMirroredStrategy" if is_workers else type(strategy).__name__
    raise ValueError(
        f"A fit trains on the devices of one machine, in the scope of a tf.distribute.MirroredStrategy; got {found}. "
        "To train on several machines, use skmulti.dask.DaskEstimator(estimator), outside of any scope."
    )


@contextmanager
def strategy_of(model):
    """Train a model under the strategy that it was built under, also outside of its scope.

    Parameters
    ----------
    model : keras.Model
        The network.

    Raises
    ------
    ValueError
        If the block is in the scope of several devices, and the network was built outside of it.
    """
    has_scope = tf.distribute.has_strategy()
    is_shared = any(isinstance(weight.value, tf.distribute.DistributedValues) for weight in model.weights)
    if has_scope and not is_shared and tf.distribute.get_strategy().num_replicas_in_sync > 1:
        raise ValueError(
            "The fit goes on with a network that was built outside of the strategy's scope, so that only one device "
            "has its weights. Go on outside of the scope, or fit a clone within it: clone(estimator).fit(X, y)."
        )
    with model.distribute_strategy.scope() if is_shared and not has_scope else nullcontext():
        yield


class Share(NamedTuple):
    """What one device gets of a batch.

    Parameters
    ----------
    batch : tuple
        Its rows: (arrays, y) or (arrays, y, weight). A device without rows gets a copy of the first row, as not every
        layer takes no rows.
    rows, of : tensor of shape (), int64
        How many rows of the batch it has, 0 for a copy, and how many the batch has.
    weight : tensor of shape (), float
        Its share of the rows' weights.
    """

    batch: tuple
    rows: tf.Tensor
    of: tf.Tensor
    weight: tf.Tensor


def cut_share(batch, device, n_devices):
    """Return the `Share` of a device: neighbouring rows, as many as other devices have, or one less.

    Parameters
    ----------
    batch : tuple
        The rows of all devices.
    device, n_devices : int
        Number of the device, from 0, and number of devices.
    """
    of = tf.shape(batch[1], tf.int64)[0]
    # Rounded up, so that the first device always has some.
    first, last = ((of * number + n_devices - 1) // n_devices for number in (device, device + 1))
    rows = last - first
    first = tf.where(rows > 0, first, 0)
    part = tf.nest.map_structure(lambda tensor: tensor[first : tf.maximum(last, first + 1)], batch)
    if len(batch) < 3:
        return Share(part, rows, of, rows / of)
    weight = tf.math.divide_no_nan(tf.reduce_sum(part[2]), tf.reduce_sum(batch[2]))
    return Share(part, rows, of, tf.where(rows > 0, weight, tf.zeros_like(weight)))


def run_shares(model, step, batch):
    """Divide a batch among the devices of the strategy, and run a step on each.

    Parameters
    ----------
    model : keras.Model
        The compiled network, built in the strategy's scope.
    step : callable
        ``step(model, share)``: `train_share` or `test_share`.
    batch : tuple
        (arrays, y) or (arrays, y, weight).
    """
    strategy = tf.distribute.get_strategy()
    n_devices = strategy.num_replicas_in_sync
    with place_of_rows():
        shares = strategy.experimental_distribute_values_from_function(
            lambda context: cut_share(batch, context.replica_id_in_sync_group, n_devices)
        )
    strategy.run(step, args=(model, shares))


def train_share(model, share):
    """Train a model on a device's share of a batch; all devices add up their gradients."""
    arrays, y, weight = keras.utils.unpack_x_y_sample_weight(share.batch)
    with tf.GradientTape() as tape:
        output = model(arrays, training=True)
        loss = _part_of_loss(model, share, arrays, y, output, weight, training=True)
        scaled = model.optimizer.scale_loss(loss)
    gradients = tape.gradient(scaled, model.trainable_weights)
    model.optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))
    _count(model, share, loss, arrays, y, output, weight)


def test_share(model, share):
    """Measure a model on a device's share of a batch."""
    arrays, y, weight = keras.utils.unpack_x_y_sample_weight(share.batch)
    output = model(arrays, training=False)
    loss = _part_of_loss(model, share, arrays, y, output, weight, training=False)
    _count(model, share, loss, arrays, y, output, weight)


def _part_of_loss(model, share, arrays, y, output, weight, training):
    """Return a device's part of the loss of a batch: the parts of all devices add up to it."""
    loss = model.compute_loss(x=arrays, y=y, y_pred=output, sample_weight=weight, training=training)
    reduction = getattr(model.loss, "reduction", "sum_over_batch_size")
    if reduction in _SUMS:
        return loss * tf.cast(share.rows > 0, loss.dtype)
    # Keras has divided a mean by the number of devices already, and so everything that layers add to the loss.
    part = share.weight if reduction == "mean_with_sample_weight" else share.rows / share.of
    return loss * tf.cast(part, loss.dtype) * tf.distribute.get_strategy().num_replicas_in_sync


def _count(model, share, loss, arrays, y, output, weight):
    """Add a share to the metrics, and its part of the loss to the mean loss of all rows."""

    def count():
        tracker = next(metric for metric in model.metrics if metric.name == "loss")
        # The mean weighs by rows: of the batch, as the part is one of the batch's loss.
        tracker.update_state(loss * tf.cast(share.of / share.rows, loss.dtype), sample_weight=share.rows)
        model.compute_metrics(arrays, y, output, weight)
        return True

    # A copy of another device's row does not count.
    tf.cond(share.rows > 0, count, lambda: False)
