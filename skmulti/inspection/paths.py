"""Integrated gradients: what each place of the inputs adds to an output on the straight way from a baseline to a row.

The way begins at the baseline. First the row's structure is taken over, input by input: how many words it has, which
values are missing. What that changes is the input's as a whole. Then the values at all entries move in a straight line
to those of the row, and each place gets the integral of its gradient (Sundararajan, Taly and Yan, 2017).
"""

from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf

from .entries import MOST_STEPS, SplitNetwork

# Points of a segment of the way (Gauss-Legendre). Where a network is smooth, eight of them are exact to 1e-6.
POINTS, WEIGHTS = (np.polynomial.legendre.leggauss(8)[0] + 1) / 2, np.polynomial.legendre.leggauss(8)[1] / 2
# Segments that miss the difference of their ends are halved at most so often, and a row has at most so many.
MOST_HALVINGS, MOST_SEGMENTS = 6, 12
# Values of all entries of the points that are computed in one call.
CALL_VALUES = 3_000_000


class PathGradients:
    """The compiled functions of a network that integrated gradients need.

    Parameters
    ----------
    model : keras.Model
        The network.
    log_odds : bool
        Whether the output, a probability, is turned into the logarithm of its odds.
    """

    def __init__(self, model, log_odds=False):
        self._network = SplitNetwork(model)
        self._log_odds = log_odds
        self.signature = {
            tensor.name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs
        }
        choice = tf.TensorSpec((None, model.output_shape[-1]), "float64"), tf.TensorSpec((None,), "float64")
        self.begin = _compiled(self._begin, self.signature, self.signature)
        values, parts = ([_any_rows(tensor) for tensor in part] for part in self.begin.structured_outputs[2:])
        self.score = _compiled(self._score, self.signature, values, *choice)
        ends = tf.TensorSpec((None,), "float64")
        self.slope = _compiled(self._slope, self.signature, self.signature, values, values, parts, *choice, ends, ends)

    @property
    def entries(self):
        """The network's entries; see `SplitNetwork`."""
        return self._network.entries

    @property
    def row_values(self):
        """Number of values of a row in all inputs and entries."""
        shapes = [spec.shape[1:] for spec in self.signature.values()]
        shapes += [tensor.shape[1:] for tensor in self.begin.structured_outputs[2]]
        return sum(int(np.prod([size or 1 for size in shape])) for shape in shapes)

    def _begin(self, arrays, base):
        """Return where the way of each row begins, where it ends, and the shares of places in entries that sum them.

        Returns
        -------
        starts : dict of str to tensor
            The row's arrays with the baseline's floats, NaN where the row has it.
        floors, ends, parts : list of tensor
            For each entry its values at the beginning, those at the end, and how the difference is made up:
            (batch, n_parts, *shape), without parts where it is by place.
        """
        _, ends, sources = self._network.run(arrays)
        _, floors, base_sources = self._network.run(base)
        starts = {name: _start(arrays[name], base[name]) for name in arrays}
        floors = [_start(*pair) for pair in zip(ends, floors, strict=True)]
        parts = []
        for i, entry in enumerate(self._network.entries):
            if entry.by_place:
                parts.append(tf.zeros((tf.shape(ends[i])[0], 0), ends[i].dtype))
            elif entry.source is not None:
                parts.append(_parts_by_place(entry.operation, sources[i], base_sources[i], ends[i] - floors[i]))
            else:
                parts.append(self._parts_by_input(i, entry, arrays, base))
        return starts, floors, ends, parts

    def _parts_by_input(self, i, entry, arrays, base):
        """Return what changes in an entry when its inputs become those of the row, one after the other."""
        mixed, steps = dict(base), []
        for name in (None, *entry.inputs):
            mixed |= {name: arrays[name]} if name else {}
            steps.append(self._network.run(mixed)[1][i])
        return tf.stack([after - before for before, after in pairwise(steps)], axis=1)

    def _score(self, arrays, given, weights, offset):
        """Return the explained output of each row: (batch,), float64."""
        output = tf.cast(self._network.run(arrays, given)[0], "float64")
        score = tf.reduce_sum(weights * output, axis=1) + offset
        if not self._log_odds:
            return score
        score = tf.clip_by_value(score, 1e-7, 1 - 1e-7)
        return tf.math.log(score) - tf.math.log1p(-score)

    def _slope(self, arrays, starts, floors, ends, parts, weights, offset, begin, end):
        """Return what each place adds on a segment of the way, from `begin` to `end` (shares of the way), by source.

        Returns
        -------
        list of tensor
            Of each float array (batch, *shape), then of each entry: by place, or by part.
        """
        count = len(POINTS)
        shares = tf.reshape(begin[:, None] + (end - begin)[:, None] * tf.constant(POINTS), (-1,))
        floats = [name for name, tensor in arrays.items() if tensor.dtype.is_floating]
        moved = [_between(starts[name], arrays[name], shares, count) for name in floats]
        given = [_between(*pair, shares, count) for pair in zip(floors, ends, strict=True)]
        others = {name: tf.repeat(tensor, count, axis=0) for name, tensor in arrays.items()}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([moved, given])
            score = self._score(
                others | dict(zip(floats, moved, strict=True)),
                given,
                tf.repeat(weights, count, axis=0),
                tf.repeat(offset, count),
            )
        slopes = tape.gradient(score, [*moved, *given], unconnected_gradients="zero")
        means = [_mean_slope(slope, (end - begin), count) for slope in slopes]
        out = [_no_nan(arrays[name] - starts[name]) * mean for name, mean in zip(floats, means, strict=False)]
        for entry, floor, top, part, mean in zip(self.entries, floors, ends, parts, means[len(floats) :], strict=True):
            if entry.by_place:
                rank = len(self.signature[entry.source].shape)
                out.append(tf.reduce_sum((top - floor) * mean, axis=list(range(rank, len(mean.shape)))))
            else:
                out.append(tf.reduce_sum(part * mean[:, None], axis=list(range(2, len(part.shape)))))
        return out


def _compiled(function, *signature):
    """Compile a function for any number of rows."""
    return tf.function(function, input_signature=signature, autograph=False).get_concrete_function()


def _any_rows(tensor):
    return tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype)


def _start(end, base):
    """Return the value at which a way begins: the baseline's, except where either is NaN."""
    return tf.where(tf.math.is_nan(end) | tf.math.is_nan(base), end, base) if end.dtype.is_floating else end


def _between(start, end, shares, count):
    """Return the points of ways at these shares."""
    start, end = tf.repeat(start, count, axis=0), tf.repeat(end, count, axis=0)
    share = tf.cast(tf.reshape(shares, (-1, *[1] * (len(end.shape) - 1))), end.dtype)
    # Both ends are the same NaN where a value is missing, and stay so.
    return start + share * (end - start)


def _mean_slope(slope, length, count):
    """Return the integral of slopes over segments of some length."""
    shape = tf.concat([[-1, count], tf.shape(slope)[1:]], axis=0)
    weights = tf.reshape(tf.constant(WEIGHTS, slope.dtype), (1, count, *[1] * (len(slope.shape) - 1)))
    mean = tf.reduce_sum(tf.reshape(_no_nan(slope), shape) * weights, axis=1)
    return mean * tf.cast(tf.reshape(length, (-1, *[1] * (len(slope.shape) - 1))), slope.dtype)


def _no_nan(tensor):
    return tf.where(tf.math.is_nan(tensor), tf.zeros_like(tensor), tensor)


def _parts_by_place(operation, ids, base, total):
    """Return what each place of ids adds to the output of an operation: (batch, n_places, *shape)."""
    if hasattr(operation, "parts"):
        return operation.parts(ids) - operation.parts(base)
    n_places = ids.shape[1] if len(ids.shape) == 2 else None
    if n_places is None or n_places > MOST_STEPS:
        return total[:, None]
    # One place after the other becomes that of the row.
    steps = [tf.concat([ids[:, :i], base[:, i:]], axis=1) for i in range(n_places + 1)]
    values = [keras.ops.convert_to_tensor(operation(step)) for step in steps]
    return tf.stack([after - before for before, after in pairwise(values)], axis=1)
