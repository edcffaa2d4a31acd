"""Steps of their own size for some weights: an optimizer of any class that multiplies their learning rate."""

from functools import cache

from keras import ops


def mark_steps(model, scales):
    """Note on each trained weight of a network by how much its learning rate is multiplied.

    Parameters
    ----------
    model : keras.Model
        The network.
    scales : list of (keras.Variable, float)
        The weights whose scale is not 1.
    """
    for variable in model.trainable_variables:
        variable.step_scale = 1.0
    for variable, scale in scales:
        variable.step_scale = scale


def with_scaled_steps(optimizer):
    """Return an optimizer like a given one that has not been built, which keeps to the notes of `mark_steps`."""
    return _scaled_class(type(optimizer)).from_config(optimizer.get_config())


class _ScaledSteps:
    """What is added to an optimizer of Keras: steps at a learning rate that depends on the variable.

    The learning rate is scaled, and not the gradient: Adam and most others divide gradients by their size.
    """

    def build(self, variables):
        """Read which variables have a scale; see `keras.optimizers.Optimizer`."""
        if self.built:
            return
        scaled = [variable for variable in variables if getattr(variable, "step_scale", 1.0) != 1]
        # Keras shrinks weights at the whole rate; those with a scale are shrunk in their own step instead.
        if self.weight_decay and scaled:
            self.exclude_from_weight_decay(var_list=scaled)
        super().build(variables)
        self._scales = {self._get_variable_index(variable): variable.step_scale for variable in scaled}

    def update_step(self, gradient, variable, learning_rate):
        """Move a variable along its gradient; see `keras.optimizers.Optimizer`."""
        scale = self._scales.get(self._get_variable_index(variable))
        if scale is not None:
            learning_rate = ops.multiply(learning_rate, scale)
            if self.weight_decay:
                share = ops.cast(learning_rate * self.weight_decay, variable.dtype)
                self.assign_sub(variable, variable * share)
        super().update_step(gradient, variable, learning_rate)


@cache
def _scaled_class(kind):
    """Return the subclass of a class of optimizers that scales steps; it has the name of the class."""
    return type(kind.__name__, (_ScaledSteps, kind), {"__module__": kind.__module__, "__doc__": kind.__doc__})
