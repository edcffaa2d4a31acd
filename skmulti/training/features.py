"""The part of a network that training changes, if branches begin with fixed features.

A branch may begin with layers that training does not change (`Branch.features`), such as a pretrained
backbone. `TrainingNetwork` shares layers and optimizer with the whole network but starts behind the fixed
features, so these are computed once for each row of a fit, not once in each epoch.
"""

from dataclasses import replace

import keras

from ..network import Forward
from ..spec import layer_name


class TrainingNetwork:
    """The layers of a network that come after fixed features. It is not pickled.

    Parameters
    ----------
    whole : keras.Model
        From `build_network`, not compiled.
    branches : dict of str to Branch or str
        As given to `build_network`.

    Attributes
    ----------
    model : keras.Model
        Has the layers and weights of `whole`, but takes an input's features instead of its
        array. It is `whole` itself if nothing can be saved: without fixed features, or if
        another layer reads the same array.
    features : dict of str to keras.Model
        What computes the features that `model` takes, by input name.
    """

    def __init__(self, whole, branches):
        layers = {layer.name: layer for layer in whole.layers}
        fixed = {}
        for name, branch in branches.items():
            features = layers.get(layer_name(branch if isinstance(branch, str) else name, "features"))
            # The layer "is_missing" reads the array as well, so the array cannot be replaced.
            # A user may have set them to be trained before the fit goes on.
            is_fixed = features is not None and not features.trainable_variables
            if is_fixed and layer_name(name, "is_missing") not in layers:
                fixed[name] = features
        self.model, self.features = _cut_off_features(whole, fixed) if fixed else whole, fixed
        self._forwards = {name: Forward(_build_features_model(whole.input[name], part)) for name, part in fixed.items()}

    def prepare(self, whole, *parts):
        """Return the network to train, and its `Rows`: the whole network if the parts cannot be trained alone."""
        # Rows that are read anew in each epoch leave no place where features could wait. A network that the user
        # compiled anew has another optimizer than the one that both share; a pickle has no training network.
        streamed = any(part is not None and part.streams for part in parts)
        if self.model is None or streamed:
            return whole, parts
        if getattr(self.model, "optimizer", None) is not getattr(whole, "optimizer", None):
            return whole, parts
        return self.model, [part and replace(part, arrays=self.arrays(part.arrays)) for part in parts]

    def arrays(self, arrays):
        """Replace the array of each input that has fixed features by its features."""
        return {**arrays, **{name: forward({name: arrays[name]}) for name, forward in self._forwards.items()}}

    def __getstate__(self):
        # It would hold the layers a second time; `prepare` then trains the whole network.
        return {"model": None, "features": {}, "_forwards": {}}


def _cut_off_features(whole, fixed):
    """Connect a network's layers again without `fixed`, by input name; these inputs take the features."""
    inputs = {name: fixed[name].output if name in fixed else tensor for name, tensor in whole.input.items()}
    inputs = {name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name) for name, tensor in inputs.items()}

    # The same layers, not copies: both networks have one set of weights.
    def call(layer, *args, **kwargs):
        is_given = any(layer is part and args[0] is inputs[name] for name, part in fixed.items())
        return args[0] if is_given else layer(*args, **kwargs)

    return keras.models.clone_model(whole, inputs, clone_function=lambda layer: layer, call_function=call)


def _build_features_model(tensor, features):
    """Build a model of an input's fixed features that takes the array by the input's name."""
    array = keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name)
    return keras.Model({tensor.name: array}, features(array))
