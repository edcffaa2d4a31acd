"""Adam for large tables of ids: a step moves the rows that it read, and leaves all others as they are."""

import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable(package="skmulti")
class LazyAdam(keras.optimizers.Adam):
    """Adam that moves only those rows of a large table that a step has read.

    Use it for tables of many ids, such as users, products or words. Keras' Adam moves every row of a
    table in every step, so that a step takes the longer the more ids there are, however few of them
    its batch holds. ``optimizer="auto"`` chooses this class for networks with a large table. All
    other weights, and small tables, move as with Keras' Adam.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
        The learning rate.
    beta_1, beta_2 : float
        Decay of the moments in a step.
    epsilon : float
        Added to the root of the second moment.
    clipnorm, clipvalue : float or None
        The gradient of each variable is clipped to this norm, or its entries to this value. The prior
        of categories is not part of it.
    name : str
        Name of the optimizer.

    See Also
    --------
    MultiInputClassifier : Its network has tables of ids for categories, tags and words.

    Notes
    -----
    The gradients of an id that a batch holds several times, or that several workers send, are summed
    first, and then its row moves once. For each row the number of its last step is kept. Let `k` be the
    steps since then. The moments first decay by ``beta_1 ** (k - 1)`` and ``beta_2 ** (k - 1)``, as they
    do in Adam [1]_ where a row has no gradient. Then the row moves at once as far as Adam moves it in the
    step and in the `k - 1` steps after it if these do not read it: by ``(1 - beta_1 ** k) / (1 - beta_1)``
    times Adam's step, which is what the momentum does later, and down by
    ``exp(-decay * rate * (k - 1) / sqrt(v))``, which is what the prior of categories does. So rows that are
    read now and then go as far as in Adam, and a table of which every step reads every row has the
    values that Adam gives it, to the last digits.

    ``SparseAdam`` of PyTorch and ``LazyAdam`` of TensorFlow's add-ons leave the moments of rows as they are
    between two reads, and take a single step at each, so that rows which few steps read stay behind
    those of Adam. What each way scores is in docs/defaults_lab.md.

    What would move every row in every step is no parameter: weight decay, moving averages of weights,
    accumulated gradients, ``global_clipnorm``.

    References
    ----------
    .. [1] Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014, arXiv:1412.6980.

    Examples
    --------
    >>> from skmulti import LazyAdam, MultiInputClassifier
    >>> clf = MultiInputClassifier(optimizer=LazyAdam, optimizer__learning_rate=3e-3)
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        clipnorm=None,
        clipvalue=None,
        name="lazy_adam",
    ):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, clipnorm=clipnorm, clipvalue=clipvalue, name=name)

    def build(self, variables):
        """Make the moments, and the last step of each row of a large table; see `keras.optimizers.Optimizer`."""
        if self.built:
            return
        super().build(variables)
        self._tables = {}
        for variable in variables:
            if getattr(variable, "by_rows", False):
                name = f"{variable.path.replace('/', '_')}_last_step"
                last = self.add_variable(variable.shape[:1], dtype="int32", name=name)
                self._tables[self._get_variable_index(variable)] = last, variable.decay

    def apply(self, grads, trainable_variables=None):
        """Move the variables along their gradients; see `keras.optimizers.Optimizer`."""
        # Keras clips the entries that it is given, and some may be of one row.
        if self.clipnorm or self.clipvalue:
            grads = [_sum_rows(gradient) if isinstance(gradient, tf.IndexedSlices) else gradient for gradient in grads]
        super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        """Move a variable, or the rows of a large table that have a gradient; see `keras.optimizers.Optimizer`."""
        index = self._get_variable_index(variable)
        if index not in self._tables:
            super().update_step(gradient, variable, learning_rate)
            return
        if not isinstance(gradient, tf.IndexedSlices):
            gradient = tf.IndexedSlices(gradient, tf.range(variable.shape[0]))
        # Here, too: a strategy has joined the rows of its replicas.
        gradient = _sum_rows(gradient)
        self._move_rows(index, gradient.indices, gradient.values, variable, learning_rate)

    def _move_rows(self, index, ids, gradient, variable, learning_rate):
        """Move the rows of a table: `ids` are different, and `gradient` has shape (n_ids, width)."""
        last, decay = self._tables[index]
        first, second = self._momentums[index].value, self._velocities[index].value
        step = tf.cast(self.iterations + 1, last.dtype)
        steps = tf.expand_dims(tf.cast(step - tf.gather(last.value, ids), variable.dtype), 1)
        beta_1, beta_2 = self.beta_1, self.beta_2
        rate, now = tf.cast(learning_rate, variable.dtype), tf.cast(step, variable.dtype)
        row = tf.gather(variable, ids)
        gradient += decay * row
        m, v = beta_1 ** (steps - 1) * tf.gather(first, ids), beta_2 ** (steps - 1) * tf.gather(second, ids)
        m += (1 - beta_1) * (gradient - m)
        v += (1 - beta_2) * (tf.square(gradient) - v)
        # As Keras casts them, for whom .9 has the digits of float32 in float64, too.
        power_1, power_2 = (ops.cast(beta, variable.dtype) ** now for beta in (beta_1, beta_2))
        rate *= tf.sqrt(1 - power_2) / (1 - power_1) / (tf.sqrt(v) + self.epsilon)
        # Ahead of the steps that will not read the row, about as many as have not read it: nobody sees it in between.
        row = (row - (1 - beta_1**steps) / (1 - beta_1) * rate * m) * tf.exp(-decay * rate * (steps - 1))
        for kept, values in (first, m), (second, v), (last.value, tf.fill(tf.shape(ids), step)), (variable, row):
            kept.scatter_update(tf.IndexedSlices(values, ids))

    def get_config(self):
        """Return the parameters; see `keras.optimizers.Optimizer`."""
        names = "learning_rate", "beta_1", "beta_2", "epsilon", "clipnorm", "clipvalue", "name"
        config = super().get_config()
        return {name: config[name] for name in names}


def _sum_rows(gradient):
    """Return the gradient of a table with a single entry for each row that it has entries of."""
    ids, places = tf.unique(gradient.indices)
    sums = tf.math.unsorted_segment_sum(gradient.values, places, tf.size(ids))
    return tf.IndexedSlices(sums, ids, gradient.dense_shape)
