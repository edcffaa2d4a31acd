"""A network or a layer as plain data, and back: what a pickle or a saved file holds of it.

Only configuration and weights are kept, never code, so a network is rebuilt from Keras' own and
registered layers. Layers that could not be loaded again (`Lambda`, unregistered classes) are refused while
fitting, not only when someone saves.
"""

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import keras

from ..layers import refuse_lambda, with_sublayers
from .build import Network
from .reload import all_layers, check_saveable


@dataclass(frozen=True)
class PackedNetwork:
    """A fitted network as plain data.

    Parameters
    ----------
    config : dict
        What ``get_config`` returned.
    weights : list of ndarray
        Values of its weights.
    random : list of ndarray
        States of its layers' random generators.
    """

    config: dict
    weights: list
    random: list = field(default_factory=list)


@dataclass(frozen=True)
class PackedLayer:
    """A layer of a user's as plain data.

    Parameters
    ----------
    config : dict
        What ``keras.saving.serialize_keras_object`` returned.
    weights : list of ndarray
        Values of its weights; empty if it is not built.
    """

    config: dict
    weights: list


def pack_network(model):
    """Return a network as plain data: configuration, weights, and the state of its dropout layers."""
    # A second time: the user may have changed the network since the fit.
    check_saveable(model)
    states = [variable.value.numpy() for variable in _random_states(model)]
    return PackedNetwork(model.get_config(), model.get_weights(), states)


def unpack_network(packed):
    """Build the network that `pack_network` described."""
    model = _build(packed)
    model.set_weights(packed.weights)
    for variable, value in zip(_random_states(model), packed.random, strict=True):
        variable.assign(value)
    return model


def pack_layer(layer):
    """Return a layer, or a model that serves as one, as plain data."""
    for part in with_sublayers(layer):
        refuse_lambda(part)
    config = keras.saving.serialize_keras_object(layer)
    # Of a layer that serves as a part nothing is trained by itself.
    config.pop("compile_config", None)
    return PackedLayer(config, layer.get_weights() if layer.built else [])


def unpack_layer(packed):
    """Build the layer that `pack_layer` described."""
    layer = _build(packed)
    if packed.weights:
        layer.set_weights(packed.weights)
    for part in with_sublayers(layer):
        if hasattr(part, "finalize_state"):
            # Normalization computes with values derived from its weights, which `set_weights` does not renew.
            part.finalize_state()
    return layer


def weight_shapes(packed):
    """Return the shapes of the weights that a packed network or layer will have, before any is made."""
    # A configuration of a few bytes may ask for more weights than there is memory. In a thread of its own, because
    # Keras remembers variables without values, for each thread, and gives them values at the next occasion.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_shapes, packed).result()


def _shapes(packed):
    with keras.StatelessScope(initialize_variables=False):
        return [tuple(weight.shape) for weight in _build(packed).weights]


def _build(packed):
    """Make the network or layer of a configuration, with new weights."""
    # A copy: Keras takes entries out of what it is given.
    config = copy.deepcopy(packed.config)
    if isinstance(packed, PackedNetwork):
        return Network.from_config(config)
    return keras.saving.deserialize_keras_object(config, safe_mode=True)


def _random_states(model):
    """Return the variables that are no weights: the states of the layers' random generators."""
    # `get_weights` leaves them out; without them a network that trains on would drop the same units again.
    weights = {id(variable) for variable in model.weights}
    return [v for layer in all_layers(model) for v in layer.variables if id(v) not in weights]
