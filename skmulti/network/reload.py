"""What of a network can be loaded again."""

import warnings

import keras

from ..errors import BranchMismatchError


def copy_layer(layer, where=""):
    """Copy a Keras layer or model: with its weights, if it has any, and with the same parts frozen.

    A user's own layer is copied before it becomes part of a network, so that a fit does not train the
    user's object. Messages begin with `where`.

    Raises
    ------
    BranchMismatchError
        If the layer computes nothing, cannot be made again from its ``get_config``, or holds a Lambda.
    """
    for part in with_sublayers(layer):
        refuse_lambda(part, where)
    if type(layer).call is keras.layers.Layer.call:
        raise BranchMismatchError(
            f"{where}{type(layer).__name__} {layer.name!r} has no method `call` of its own, which says what a layer "
            "computes. Give one of keras.layers, or write the method."
        )
    try:
        twin = type(layer).from_config(layer.get_config())
    except (NotImplementedError, TypeError, ValueError) as error:
        raise BranchMismatchError(
            f"{where}{type(layer).__name__} {layer.name!r} cannot be copied. Give the class a `get_config` that "
            "returns the arguments of its `__init__`, or pass a function that calls the layer."
        ) from error
    if layer.built and layer.weights:
        if not twin.built:
            twin.build_from_config(layer.get_build_config())
        twin.set_weights(layer.get_weights())
    for own, copied in zip(with_sublayers(layer), with_sublayers(twin), strict=True):
        # Keras passes `trainable` on to inner layers, so that outer ones have to be set first. They come first here.
        if copied.trainable != own.trainable:
            copied.trainable = own.trainable
        if hasattr(copied, "finalize_state"):
            # Normalization computes with values derived from its weights, which `set_weights` does not renew.
            copied.finalize_state()
    return twin


def refuse_lambda(layer, where=""):
    """Refuse a Lambda layer, or a layer that wraps one: it could be trained but not loaded again."""
    inner = getattr(layer, "layer", None)
    if isinstance(inner, keras.layers.Layer):
        refuse_lambda(inner, where)
    if isinstance(layer, keras.layers.Lambda):
        raise BranchMismatchError(
            f"{where}layer {layer.name!r} is a Lambda, which holds code and cannot be loaded safely. Use a Keras layer "
            "(e.g. keras.layers.Multiply), keras.ops, or a registered keras.layers.Layer subclass."
        )


def with_sublayers(layer):
    """Return a layer and, if it is a model, the layers inside it, outer ones first."""
    return [layer, *(part for sublayer in getattr(layer, "layers", ()) for part in with_sublayers(sublayer))]


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
