"""Copies of the Keras layers that a user gives, so that a fit leaves the user's own as they are."""

import keras

from ..errors import BranchMismatchError


def copy_layer(layer, where=""):
    """Copy a Keras layer or model, with its weights if it has any and what of it is frozen.

    Messages begin with `where`.

    Raises
    ------
    BranchMismatchError
        If the layer cannot be made again from its ``get_config``, or holds a Lambda.
    """
    for part in with_sublayers(layer):
        refuse_lambda(part, where)
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
        # Keras hands `trainable` down, so that a model's own must not come after that of its layers.
        if copied.trainable != own.trainable:
            copied.trainable = own.trainable
        if hasattr(copied, "finalize_state"):
            # Normalization computes with values that it derives from its weights.
            copied.finalize_state()
    return twin


def refuse_lambda(layer, where=""):
    """Refuse a Lambda layer, or one that wraps it, which could be trained but not loaded again."""
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
