"""A network as plain data, and back: what a pickle holds of it.

Only configuration and weights are kept, never code, so a pickle's network is rebuilt from Keras' own and
registered layers. Layers that could not be loaded again (`Lambda`, unregistered classes) are refused while
fitting, not only when someone saves.
"""

from .build import Network
from .reload import all_layers, check_saveable


def pack_network(model):
    """Return a network as plain data: configuration, weights, and the state of its dropout layers."""
    # A second time: the user may have changed the network since the fit.
    check_saveable(model)
    states = [variable.value.numpy() for variable in _random_states(model)]
    return {"config": model.get_config(), "weights": model.get_weights(), "random": states}


def unpack_network(packed):
    """Build the network that `pack_network` described."""
    model = Network.from_config(packed["config"])
    model.set_weights(packed["weights"])
    for variable, value in zip(_random_states(model), packed["random"], strict=True):
        variable.assign(value)
    return model


def _random_states(model):
    """Return the variables that are no weights: the states of the layers' random generators."""
    # `get_weights` leaves them out; without them a network that trains on would drop the same units again.
    weights = {id(variable) for variable in model.weights}
    return [v for layer in all_layers(model) for v in layer.variables if id(v) not in weights]
