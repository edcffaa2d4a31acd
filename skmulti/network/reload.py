"""What of a network can be loaded again."""

import warnings

import keras

from ..errors import BranchMismatchError
from ..layers import refuse_lambda


def all_layers(model):
    """Return the layers of a model and of the models inside it."""
    layers = []
    for layer in model.layers:
        layers += all_layers(layer) if isinstance(layer, keras.Model) else [layer]
    return layers


def check_saveable(model):
    """Refuse layers that could be trained but not loaded again, before any time is spent on training.

    Raises
    ------
    BranchMismatchError
        If a layer is a `keras.layers.Lambda`, is of a class that Keras does not know, or holds such
        a function or layer (as activation, cell, ...).
    """
    for layer in all_layers(model):
        kind = type(layer)
        refuse_lambda(layer)
        # Keras' own classes are loaded by their module's name, all others only if they were registered.
        known = kind.__module__.split(".")[0] == "keras" or keras.saving.get_registered_object(
            keras.saving.get_registered_name(kind)
        )
        if not known:
            raise BranchMismatchError(
                f"layer {layer.name!r} is a {kind.__name__}, which Keras could not load again. Put "
                f"@keras.saving.register_keras_serializable() above the class {kind.__name__}."
            )
        _check_reloads(layer)


def _check_reloads(layer):
    """Refuse a layer that cannot be made again from its config in Keras' safe mode."""
    try:
        with warnings.catch_warnings():
            # Keras only warns of a lambda that it serializes; deserializing in safe mode then raises.
            warnings.simplefilter("ignore", UserWarning)
            config = keras.saving.serialize_keras_object(layer)
            # Without the shapes that it was built for: built again, the layer would draw all its weights.
            config.pop("build_config", None)
            keras.saving.deserialize_keras_object(config, safe_mode=True)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise BranchMismatchError(
            f"layer {layer.name!r}, a {type(layer).__name__}, holds what Keras could not load again safely. Give "
            'functions by name (activation="relu"), and put @keras.saving.register_keras_serializable() above own ones.'
        ) from error
