"""Layers and networks that a user gives, as parts of another network: copies, and pretrained ones."""

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


@keras.saving.register_keras_serializable(package="skmulti")
class Backbone(keras.Model):
    """A pretrained network inside of another one, which always does what it does in prediction.

    Its batch normalisation uses the statistics that it came with, and its dropout drops nothing, also while
    some of its layers are trained. Keras hands ``training=True`` on to every inner layer, whatever the
    network was called with.
    """

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=False, mask=mask)

    def compute_mask(self, inputs, previous_mask):
        # Its layers have set a mask if there is one. Without this method Keras warns that a mask gets lost.
        return None
