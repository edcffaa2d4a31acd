"""The part of a network that training changes, where branches have fixed features."""

from dataclasses import replace

import keras

from ..network import Forward
from ..spec import layer_name


class TrainingNetwork:
    """The part of a network that training changes: what comes after fixed features. Not pickled.

    Parameters
    ----------
    whole : keras.Model
        From `build_network`, not compiled.
    branches : dict of str to Branch or str
        As given to `build_network`.

    Attributes
    ----------
    model : keras.Model
        Has the layers and weights of `whole`, but takes an input's features in the place
        of its array. `whole` itself where there is nothing to save: no fixed features, or
        another layer that reads the array, too.
    """

    def __init__(self, whole, branches):
        layers = {layer.name: layer for layer in whole.layers}
        fixed = {}
        for name, branch in branches.items():
            features = layers.get(layer_name(branch if isinstance(branch, str) else name, "features"))
            if features is not None and layer_name(name, "is_missing") not in layers:
                fixed[name] = features
        self.model = _without_features(whole, fixed) if fixed else whole
        self._forwards = {name: Forward(_features_alone(whole.input[name], part)) for name, part in fixed.items()}

    def prepare(self, whole, *parts):
        """Return what to train, and `Rows` for it (or None): the whole network where it was compiled anew since."""
        streamed = any(part is not None and part.streams for part in parts)
        if self.model is None or self.model.optimizer is not whole.optimizer or streamed:
            return whole, parts
        return self.model, [part and replace(part, arrays=self.arrays(part.arrays)) for part in parts]

    def arrays(self, arrays):
        """Replace the arrays of inputs with fixed features by these, computed once for every row."""
        return {**arrays, **{name: self._features(name, arrays[name]) for name in self._forwards}}

    def _features(self, name, array):
        return self._forwards[name]({name: array})

    def __getstate__(self):
        return {"model": None, "_forwards": {}}


def _without_features(whole, fixed):
    """Connect the layers of a network again, but for these, by input name: the input holds what they would give."""
    inputs = {name: fixed[name].output if name in fixed else tensor for name, tensor in whole.input.items()}
    inputs = {name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name) for name, tensor in inputs.items()}

    def call(layer, *args, **kwargs):
        is_given = any(layer is part and args[0] is inputs[name] for name, part in fixed.items())
        return args[0] if is_given else layer(*args, **kwargs)

    return keras.models.clone_model(whole, inputs, clone_function=lambda layer: layer, call_function=call)


def _features_alone(tensor, features):
    """Return the model of an input's fixed features that takes the array by the input's name."""
    array = keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name)
    return keras.Model({tensor.name: array}, features(array))
