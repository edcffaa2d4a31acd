"""Losses and metrics that a network of ours needs, and the names of Keras' losses.

Each wraps a loss or metric of the user's: to measure it on every member, in the units of y, or on every output.
"""

import re
from functools import wraps

import keras
from keras import ops

from ..layers import output_ranges, with_logits

_register = keras.saving.register_keras_serializable(package="skmulti")


def loss_name(loss):
    """Return Keras' long name (``mean_squared_error``) of a loss: a name, class, object or function; or None."""
    if loss is None:
        return None
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    if isinstance(loss, keras.losses.Loss):
        loss = type(loss)
    name = getattr(loss, "__name__", type(loss).__name__)
    if not isinstance(loss, type):
        return name
    # MeanSquaredError becomes mean_squared_error, and KLDivergence kl_divergence.
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@_register
class MembersLoss(keras.losses.Loss):
    """Measure another loss on the outputs of each member; the loss is their mean.

    The mean of the losses, not the loss of the mean: members that are right only on average would
    learn less.

    Parameters
    ----------
    loss : Loss or callable
        The loss to measure.
    units : int
        Number of outputs of a member. Predictions hold several members side by side in training,
        where they come from `MemberMean`, and their mean otherwise.
    """

    def __init__(self, loss, units, name="members_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.loss = keras.losses.get(loss)
        self.units = int(units)

    def call(self, y_true, y_pred):
        return _mean_of_members(self.loss, y_true, y_pred, self.units)

    def get_config(self):
        return {**super().get_config(), "loss": keras.losses.serialize(self.loss), "units": self.units}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "loss": keras.losses.deserialize(config["loss"])})


@_register
class TargetUnitsLoss(keras.losses.Loss):
    """Measure another loss on targets and predictions brought back to offset 0 and scale 1.

    It undoes the network's last layer, `TargetUnits`: the network learns a target of mean 0 and
    deviation 1, so that the size of gradients does not depend on the units of y, while its
    predictions are in these units. Members are measured one by one, as in `MembersLoss`.

    Parameters
    ----------
    loss : Loss or callable
        The loss to measure.
    offset, scale : sequence of float
        As in `TargetUnits`.
    """

    def __init__(self, loss, offset, scale, name="target_units_loss", **kwargs):
        # As in `TargetUnits`: Keras casts y to the loss's dtype, and float32 loses a small spread of large values.
        super().__init__(name=name, **{**kwargs, "dtype": "float64"})
        self.loss = keras.losses.get(loss)
        self.offset = [float(value) for value in offset]
        self.scale = [float(value) for value in scale]

    def call(self, y_true, y_pred):
        return _mean_of_members(self.loss, y_true, y_pred, len(self.offset), self._standardise)

    def _standardise(self, values):
        scale = ops.convert_to_tensor(self.scale, values.dtype)
        return (values - ops.convert_to_tensor(self.offset, values.dtype)) / scale

    def get_config(self):
        own = {"loss": keras.losses.serialize(self.loss), "offset": self.offset, "scale": self.scale}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "loss": keras.losses.deserialize(config["loss"])})


def _mean_of_members(loss, y_true, y_pred, units, read=None):
    """Return the mean over members of a loss: by row (and label), or a single number if the loss adds rows up.

    `read` changes targets and predictions (n_rows * n_members, units) before the loss sees them.
    """
    # Each member is a row of its own to the loss, which need not know of members.
    n_members = y_pred.shape[-1] // units
    if n_members > 1:
        # Not `ops.repeat`, which is twenty operations.
        y_true = ops.reshape(ops.stack([y_true] * n_members, axis=1), (-1, *y_true.shape[1:]))
    y_pred = with_logits(y_pred, lambda outputs: ops.reshape(outputs, (-1, units)))
    if read is not None:
        y_true, y_pred = read(y_true), read(y_pred)
    losses = _by_row(loss)(y_true, y_pred)
    if n_members == 1 or not len(losses.shape):
        return losses
    # Not `ops.mean`, whose gradient works out how many numbers there were. A label may have a loss of its own.
    return ops.sum(ops.reshape(losses, (-1, n_members, *losses.shape[1:])), axis=1) / n_members


def _by_row(loss):
    """Return the function of a loss that returns a number for each row."""
    # Called as an object, a Loss of Keras would reduce the rows to one number, without their weights.
    return loss.call if isinstance(loss, keras.losses.Loss) else loss


def _by_output(measure, y_true, y_pred, widths, one_hot):
    """Return a list: the result of `measure` for the target and the probabilities of each output."""
    parts = []
    for k, (start, end) in enumerate(output_ranges(widths)):
        truth = y_true[:, start:end] if one_hot else ops.cast(y_true[:, k], "int32")
        # start and end are bound here: a lambda reads its names when called, after the loop may have moved on.
        parts.append(measure(truth, with_logits(y_pred, lambda x, start=start, end=end: x[:, start:end])))
    return parts


@_register
class OutputsLoss(keras.losses.Loss):
    """Measure a loss on each output: (batch, n_outputs).

    So every output of a row can have a sample weight.

    Parameters
    ----------
    loss : Loss or callable
        The loss of one output. It returns a number for each row.
    widths : sequence of int or None
        Number of units of each output. None: every unit is a label.
    one_hot : bool
        Whether the classes of an output come as rows of 0 and 1 instead of numbers.
    """

    def __init__(self, loss, widths=None, one_hot=False, name="outputs_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.loss = keras.losses.get(loss)
        self.widths = None if widths is None else [int(width) for width in widths]
        self.one_hot = bool(one_hot)

    def call(self, y_true, y_pred):
        measure = _by_row(self.loss)
        if self.widths is None:
            # With an axis of length 1, over which the loss takes its mean, all labels are measured in one call.
            values = [measure(y_true[..., None], with_logits(y_pred, lambda x: x[..., None]))]
        else:
            # An output of a single class cannot be wrong, and Keras warns of its crossentropy: 0 for each row instead.
            values = _by_output(
                lambda truth, proba: measure(truth, proba) if proba.shape[-1] > 1 else 0 * proba[:, 0],
                y_true,
                y_pred,
                self.widths,
                self.one_hot,
            )
        wanted = 2 if self.widths is None else 1
        if any(len(value.shape) != wanted for value in values):
            name = getattr(self.loss, "__name__", None) or self.loss.name
            raise ValueError(
                f"loss={name} gives no number for each row, which outputs with classes or weights of their own "
                "need. Give a loss that is the mean over its last axis only, e.g. a crossentropy."
            )
        values = values[0] if self.widths is None else ops.stack(values, axis=-1)
        # A row counts as the mean of its outputs, also with a reduction that adds up: Keras sums over both axes.
        return values / values.shape[-1] if self.reduction == "sum" else values

    def get_config(self):
        own = {"loss": keras.losses.serialize(self.loss), "widths": self.widths, "one_hot": self.one_hot}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "loss": keras.losses.deserialize(config["loss"])})


@_register
class OutputsMetric(keras.metrics.Metric):
    """Measure a metric on each output; the result is their mean.

    Parameters
    ----------
    metrics : list of keras.metrics.Metric
        One for each output.
    widths, one_hot : sequence of int, bool
        As in `OutputsLoss`.
    """

    def __init__(self, metrics, widths, one_hot=False, **kwargs):
        super().__init__(**kwargs)
        self.metrics = list(metrics)
        self.widths = [int(width) for width in widths]
        self.one_hot = bool(one_hot)

    def update_state(self, y_true, y_pred, sample_weight=None):
        parts = _by_output(lambda *pair: pair, y_true, y_pred, self.widths, self.one_hot)
        for k, (metric, pair) in enumerate(zip(self.metrics, parts, strict=True)):
            metric.update_state(*pair, sample_weight=None if sample_weight is None else sample_weight[:, k])

    def result(self):
        return ops.mean(ops.stack([ops.mean(metric.result()) for metric in self.metrics]))

    def reset_state(self):
        for metric in self.metrics:
            metric.reset_state()

    def get_config(self):
        metrics = [keras.saving.serialize_keras_object(metric) for metric in self.metrics]
        return {**super().get_config(), "metrics": metrics, "widths": self.widths, "one_hot": self.one_hot}

    @classmethod
    def from_config(cls, config):
        metrics = [keras.saving.deserialize_keras_object(metric) for metric in config["metrics"]]
        return cls(**{**config, "metrics": metrics})


# Keras resolves these words by the shape of the output, and takes several labels or outputs for classes of one.
_SHORT = {"acc": "Accuracy", "accuracy": "Accuracy", "ce": "Crossentropy", "crossentropy": "Crossentropy"}


def metrics_by_output(metrics, target):
    """Return metrics that read the target as its loss does; with a single output they stay as they are.

    Parameters
    ----------
    metrics : list or dict
        Names, functions and metrics of Keras.
    target : TargetSpec
        What is predicted.

    Returns
    -------
    list or dict
        With several labels, "accuracy" and "crossentropy" are those of labels: Keras would take the labels for
        classes of one output. With several outputs of classes, every metric is the mean over outputs.
    """
    if target.n_outputs == 1 or not target.n_classes or isinstance(metrics, dict):
        return metrics
    fitting = _of_labels if target.activation == "sigmoid" else _of_classes
    return [fitting(metric, target) for metric in metrics]


def _of_labels(metric, target):
    """Return the metric with Keras' short words read as metrics of labels."""
    short = _SHORT.get(metric) if isinstance(metric, str) else None
    return getattr(keras.metrics, f"Binary{short}")(name=metric) if short else metric


def _of_classes(metric, target):
    """Return the metric of one output as the mean over all outputs of classes."""
    if isinstance(metric, str) and metric in _SHORT:
        kind = f"{'Categorical' if target.one_hot else 'SparseCategorical'}{_SHORT[metric]}"
        metric = getattr(keras.metrics, kind)(name=metric)
    elif isinstance(metric, str):
        metric = keras.metrics.get(metric)
    elif not isinstance(metric, keras.metrics.Metric):
        return _mean_of_outputs(metric, target)
    # A metric sums up what it has seen, so that every output needs a copy of it.
    config = metric.get_config()
    twins = [type(metric).from_config(config) for _ in target.n_classes]
    return OutputsMetric(twins, target.n_classes, target.one_hot, name=metric.name)


def _mean_of_outputs(function, target):
    """Turn a user's metric function of one output into the mean over all outputs."""

    # The history names a metric after its function.
    @wraps(function)
    def mean(y_true, y_pred):
        values = _by_output(function, y_true, y_pred, target.n_classes, target.one_hot)
        return ops.mean(ops.stack(values, axis=-1), axis=-1)

    return mean
