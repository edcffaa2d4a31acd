"""Adam's step for all small weights at once, in a compiled loop of steps.

Keras moves one weight after the other, by some 35 operations each. With few rows, TensorFlow needs longer to trace and
to start these than to compute them. Here the moments of the small weights are two vectors for the length of a loop, so
that the operations are there once.
"""

from contextlib import contextmanager

import keras
import tensorflow as tf
from keras import ops

from .lazy import LazyAdam

# The most values of a weight that is moved together with others: to copy more takes longer than to start the
# operations of one more weight.
MOST_VALUES = 20_000
# Optimizers that move weights as Adam does, but for tables that `LazyAdam` moves by rows.
_KINDS = keras.optimizers.Adam, LazyAdam
# Parameters that change gradients, steps or weights further.
_EXTRAS = (
    *("amsgrad", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm"),
    *("use_ema", "loss_scale_factor", "gradient_accumulation_steps"),
)


class JoinedMoments:
    """The moments of a network's small weights as two vectors, which a loop hands from step to step.

    Each weight gets the value that Keras gives it, to the last bit. Before and after a loop, the moments are where
    Keras has them: in the optimizer's variables.

    Parameters
    ----------
    model : keras.Model
        The compiled network.
    trains : bool
        Whether the steps of the loop move weights.

    Attributes
    ----------
    variables : list of keras.Variable
        The weights that are moved together, of one dtype; empty if Keras is to move all weights.
    """

    def __init__(self, model, trains=True):
        self.optimizer, self.variables = model.optimizer, _joinable(model) if trains else []
        # Those of them of which a step has the gradient, known when it is traced.
        self._moving = set()

    def read(self):
        """Return the moments that the optimizer's variables have: two vectors, or an empty list without weights."""
        return [_join(moment.value for moment in kept) for kept in self._kept()]

    def write(self, moments):
        """Set the optimizer's variables to the moments at the end of a loop."""
        for kept, vector in zip(self._kept(), moments, strict=True):
            for moment, value in self._cut(kept, vector):
                moment.value.assign(value)

    @contextmanager
    def moving(self, moments):
        """Let the optimizer move the weights together in a block; yield a list of the moments, which a step sets."""
        moments = list(moments)
        if not moments:
            yield moments
            return

        def apply(grads, trainable_variables):
            moments[:] = self._apply(list(zip(grads, trainable_variables, strict=True)), moments)

        self.optimizer.apply = apply
        try:
            yield moments
        finally:
            del self.optimizer.apply

    def _apply(self, pairs, moments):
        """Move all weights, given (gradient, weight) of each; return the new moments."""
        found = {id(variable): gradient for gradient, variable in pairs if isinstance(gradient, tf.Tensor)}
        # If a weight has no gradient, Keras says which one.
        complete = all(gradient is not None for gradient, _ in pairs)
        self._moving = {id(variable) for variable in self.variables if complete and id(variable) in found}
        others = [(gradient, variable) for gradient, variable in pairs if id(variable) not in self._moving]
        if self._moving:
            gradients = [found.get(id(variable), tf.zeros_like(variable)) for variable in self.variables]
            moments, moves = self._step(_join(gradients), *moments)
            for variable, move in self._cut(self.variables, moves):
                variable.value.assign_sub(move)
        if others:
            type(self.optimizer).apply(self.optimizer, *zip(*others, strict=True))
        else:
            self.optimizer.iterations.assign_add(1)
        return moments

    def _step(self, gradient, first, second):
        """Return the moments after a step, and how far all weights move down; operations as in Keras' Adam."""
        optimizer, dtype = self.optimizer, first.dtype
        number = ops.cast(optimizer.iterations + 1, dtype)
        power_1, power_2 = (ops.cast(beta, dtype) ** number for beta in (optimizer.beta_1, optimizer.beta_2))
        rate = ops.cast(optimizer.learning_rate, dtype) * tf.sqrt(1 - power_2) / (1 - power_1)
        gradient = tf.cast(gradient, dtype)
        first += (gradient - first) * (1 - optimizer.beta_1)
        second += (tf.square(gradient) - second) * (1 - optimizer.beta_2)
        return [first, second], first * rate / (tf.sqrt(second) + optimizer.epsilon)

    def _kept(self):
        """Return the optimizer's variables of the first and of the second moments, in the order of the weights."""
        optimizer = self.optimizer
        kept = (optimizer._momentums, optimizer._velocities) if self.variables else ()
        return [[moments[optimizer._get_variable_index(variable)] for variable in self.variables] for moments in kept]

    def _cut(self, targets, vector):
        """Return (target, its part of a vector) for the weights that are moved."""
        parts = tf.split(vector, [variable.value.shape.num_elements() for variable in self.variables])
        return [
            (target, part if len(target.shape) == 1 else tf.reshape(part, target.shape))
            for variable, target, part in zip(self.variables, targets, parts, strict=True)
            if id(variable) in self._moving
        ]


def _joinable(model):
    """Return the weights of a compiled network that can be moved together."""
    optimizer = model.optimizer
    # Under a strategy each device moves copies of its own, and what XLA compiles within the loop hands on no tensors.
    compiled = tf.inside_function() and not model.jit_compile and not tf.distribute.has_strategy()
    plain = type(optimizer) in _KINDS and not any(getattr(optimizer, name) for name in _EXTRAS)
    if not compiled or not plain or not optimizer.built:
        return []
    dtype = model.trainable_variables[0].dtype if model.trainable_variables else None
    return [
        variable
        for variable in model.trainable_variables
        if variable.dtype == dtype and variable.value.shape.num_elements() <= MOST_VALUES
        # Keras asks these two in a step of its own.
        if variable.constraint is None and not getattr(variable, "overwrite_with_gradient", False)
        if not getattr(variable, "by_rows", False)
    ]


def _join(tensors):
    """Return the values of several tensors one after the other."""
    flat = tf.constant([-1])
    return tf.concat([tensor if len(tensor.shape) == 1 else tf.reshape(tensor, flat) for tensor in tensors], 0)
