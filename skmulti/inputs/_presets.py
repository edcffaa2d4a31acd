"""Pretrained networks by name: those of keras.applications, and presets of KerasHub for texts."""

import inspect

import keras

from ..errors import BranchMismatchError, closest_match, quote_first, shorten
from .text import hub_network

# What Keras knows where to download.
DOWNLOADED = "imagenet"


def named_network(name, weights, spec, where):
    """Build a network of which only the name is known, with its weights.

    Parameters
    ----------
    name : str
        A name in ``keras.applications``; for texts also a preset of KerasHub, or a folder of one.
    weights : str, PathLike or None
        As in `BackboneBranch`.
    spec : ArraySpec
        The array that the network reads. Kind and shape decide.
    where : str
        What messages call the input.

    Returns
    -------
    keras.Model
        A new network, without its last layer.
    """
    if _is_preset(name, spec):
        return hub_network(name, where, load_weights=weights is not None)
    return _build_application(name, weights, spec, where)


def weights_source(name, weights, spec):
    """Return the file, folder or preset that `named_network` reads; None if Keras knows where the weights are."""
    if _is_preset(name, spec):
        return name
    return None if weights == DOWNLOADED else weights


def _is_preset(name, spec):
    return spec.kind == "text" and name not in _application_names()


def _application_names():
    """Return the names of the networks in ``keras.applications``."""
    return [name for name, thing in vars(keras.applications).items() if inspect.isfunction(thing)]


def _build_application(name, weights, spec, where):
    """Build a network of ``keras.applications`` without its last layer, for the size of the pixels."""
    if name not in _application_names():
        raise ValueError(
            f"{where}: {shorten(repr(name))} is no network of keras.applications; there are "
            f"{quote_first(_application_names())}.{closest_match(name, _application_names())}"
        )
    if spec.kind != "image":
        raise BranchMismatchError(
            f"{where}: {name} reads photos, and the array is {spec.describe()}. Give a keras.Model that reads it."
        )
    # Pretrained weights are of three channels; grey pictures get theirs three times.
    shape = (*spec.shape[:2], 3 if spec.shape[2] == 1 else spec.shape[2])
    try:
        return getattr(keras.applications, name)(include_top=False, weights=weights, input_shape=shape)
    # Each network has a least size of its own; files of weights may be of another network, not be there, or not be
    # downloaded, for which Keras raises a plain Exception.
    except Exception as error:
        raise BranchMismatchError(
            f"{where}: {name} with weights={shorten(repr(weights))} cannot be built for pixels of shape {shape}: "
            f"{shorten(str(error), 250)}"
        ) from error
