"""Several networks of the same inputs as one network, which predicts their average in one compiled call.

The networks are layers of it, so that whatever takes a `keras.Model` takes all of them: prediction, export,
explanations. Fixed features, which the networks share, are computed once, in front of them.
"""

import keras

from ..layers import NetworkMean
from ..spec import layer_name
from .build import Network
from .packing import pack_network, unpack_network

# An input's name may not hold "__", so neither is a layer of an input.
_NETWORK, MEAN_LAYER = "network__", "networks__mean"


def average_networks(networks, target, features=None):
    """Connect several networks to one that predicts their average.

    Parameters
    ----------
    networks : list of keras.Model
        From `build_network`, with the same inputs and the same target.
    target : TargetSpec
        What they predict. Numbers are averaged as they are, probabilities by the logarithm of their odds.
    features : dict of str to keras.Model, or None
        By input name what computes the features that the networks take in the place of the input's
        array.

    Returns
    -------
    keras.Model
        Maps a dict of arrays by input name to the average. Its layers ``network__1`` and so on are the
        networks, with their own weights.

    Examples
    --------
    >>> import numpy as np
    >>> from skmulti import ArraySpec, ConcatenateMerge, DenseBranch, DenseHead, TargetSpec, build_network
    >>> from skmulti.network import average_networks, networks_in
    >>> specs, target = {"numbers": ArraySpec("numbers", "vector", (3,), "float32")}, TargetSpec()
    >>> parts = {"numbers": DenseBranch(units=(8,))}, ConcatenateMerge(), DenseHead(), target
    >>> model = average_networks([build_network(specs, *parts) for _ in range(2)], target)
    >>> rows = {"numbers": np.eye(3, dtype="float32")}
    >>> each = [np.asarray(network(rows)) for network in networks_in(model)]
    >>> bool(np.allclose(np.mean(each, axis=0), model(rows)))
    True
    """
    features = features or {}
    first = networks[0].input
    fed = {name: features[name].input if name in features else tensor for name, tensor in first.items()}
    inputs = {name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name) for name, tensor in fed.items()}
    tensors = {name: features[name](tensor) if name in features else tensor for name, tensor in inputs.items()}
    outputs = []
    for number, network in enumerate(networks, 1):
        # A copy: it shares its layers with the whole network, so that their `output` would be a tensor of that.
        network = unpack_network(pack_network(network)) if features else network
        # The same layers under another name: the layers of a network have different ones.
        network = Network(network.input, network.output, name=f"{_NETWORK}{number}")
        outputs.append(network(tensors))
    several = isinstance(target.n_classes, tuple)
    activation = ("softmax" if several else target.activation) if target.n_classes else None
    mean = NetworkMean(activation, target.n_classes if several else [target.width], name=MEAN_LAYER)
    return Network(inputs, mean(outputs), name="skmulti_network")


def networks_in(model):
    """Return the networks of which a model is the average, or the model itself in a list."""
    return [layer for layer in model.layers if layer.name.startswith(_NETWORK)] or [model]


def networks_apart(model):
    """Return a model with the outputs of each of its networks: (batch, n_networks, width)."""
    outputs = model.get_layer(MEAN_LAYER).input if networks_in(model) != [model] else [model.output]
    return keras.Model(model.input, keras.ops.stack(outputs, axis=1))


def average_outputs(model, outputs):
    """Return the average of outputs of the networks of a model, as the model averages them."""
    # A layer of its own: another call would give that of the model a second output.
    layer = model.get_layer(MEAN_LAYER)
    return type(layer).from_config(layer.get_config())(outputs)


def reach_inside(model, outputs, names=None):
    """Connect a model's inputs to tensors inside of its networks.

    Parameters
    ----------
    model : keras.Model
        From `average_networks` or `build_network`.
    outputs : list of tensor, or of dict of tensors
        For each of `networks_in`, tensors inside of it.
    names : collection of str or None
        Names of the inputs on which they depend; None is all.

    Returns
    -------
    inputs : dict of str to tensor
        These inputs.
    found : list
        As `outputs`, from the inputs on.
    """
    inputs = {name: tensor for name, tensor in model.input.items() if names is None or name in names}
    networks = networks_in(model)
    if networks == [model]:
        return inputs, outputs
    features = features_in(model)
    given = {name: features[name](tensor) if name in features else tensor for name, tensor in inputs.items()}
    own = [{name: network.input[name] for name in inputs} for network in networks]
    return inputs, [keras.Model(*ends)(given) for ends in zip(own, outputs, strict=True)]


def features_in(model):
    """Return what computes the fixed features in front of averaged networks: a dict of keras.Model by input name."""
    if networks_in(model) == [model]:
        return {}
    layers = {layer.name: layer for layer in model.layers}
    found = {name: layers.get(layer_name(name, "features")) for name in model.input}
    return {name: layer for name, layer in found.items() if layer is not None}
