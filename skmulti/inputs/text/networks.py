"""Pretrained networks of texts as networks of one array of ids, whatever inputs and outputs they have."""

import keras

from ...errors import BranchMismatchError, quote_first
from ...layers import MaskedSteps, TokenIds, TokenMask, with_sublayers

# What the inputs of networks are called in KerasHub, transformers and the models of TensorFlow.
_IDS = ("token_ids", "input_ids", "input_word_ids", "ids", "tokens")
# Of several outputs, the one that has a vector for each token.
_STEPS = ("sequence_output", "last_hidden_state")


def read_by_ids(network, spec, where):
    """Return a network that takes the ids of a text alone and returns one tensor.

    Parameters
    ----------
    network : keras.Model
        Takes ids, perhaps with a mask of what is no padding and with token types, as a dict or a list; returns a
        tensor, or a dict of which one tensor holds a vector for each token.
    spec : ArraySpec
        The array of ids; ``padding_id`` is the network's own id of padding.
    where : str
        What messages call the input.

    Returns
    -------
    keras.Model
        Maps ids (batch, length) to (batch, width), or to (batch, length, width) with a mask. If the network is told
        what is padding and reads texts of any length, this one does, too.
    """
    tensors = list(getattr(network, "inputs", None) or ())
    any_length = any("mask" in tensor.name.lower() for tensor in tensors) and all(
        tuple(tensor.shape[1:]) == (None,) for tensor in tensors
    )
    ids = keras.Input((None,) if any_length else spec.shape, dtype=spec.dtype)
    own = TokenIds(spec.padding_id, keep=_knows(network, spec.padding_id))(ids) if spec.padding_id else ids
    if len(tensors) > 1:
        roles = [_role(tensor, where, network) for tensor in tensors]
        parts = [
            own if role is None else TokenMask(role, tensor.dtype)(ids)
            for role, tensor in zip(roles, tensors, strict=True)
        ]
        structure = keras.tree.pack_sequence_as(network.input, parts)
    else:
        structure = own if not isinstance(getattr(network, "input", None), dict) else {tensors[0].name: own}
    output = _one_tensor(network(structure), network, where)
    return keras.Model(ids, MaskedSteps()([output, ids]) if len(output.shape) == 3 else output, name=network.name)


def idle_layers(network):
    """Return the layers inside of a network that nothing but outputs need which are not read."""
    idle = []
    for part in with_sublayers(network):
        outputs = getattr(part, "output", None)
        if isinstance(part, keras.Model) and isinstance(outputs, dict) and (read := _read_output(outputs)):
            needed = {id(layer) for layer in keras.Model(part.input, outputs[read]).layers}
            idle += [layer for layer in part.layers if id(layer) not in needed]
    return idle


def _knows(network, padding_id):
    """Return whether an id is in a network's table; for padding, a tokenizer may have one that is in none."""
    tables = [layer for layer in with_sublayers(network) if isinstance(layer, keras.layers.Embedding)]
    return not tables or padding_id < tables[0].input_dim


def _role(tensor, where, network):
    """Return what stands for a token in an input of a network: None for its id, 1 in a mask, 0 in token types."""
    name = tensor.name.lower()
    if name in _IDS:
        return None
    if "mask" in name:
        return 1
    if "type" in name or "segment" in name:
        return 0
    raise BranchMismatchError(
        f"{where}: the network {network.name!r} has an input {tensor.name!r}, whose meaning is not known. Known are "
        f"ids ({quote_first(_IDS, 3)}), masks ('..mask') and types of tokens ('..type..', '..segment..'). Give a "
        "network of ids alone: keras.Model(ids, network({...}))."
    )


def _read_output(outputs):
    """Return the name of the output that is read of several: one with a vector for each token; None if unknown."""
    known = [name for name in _STEPS if name in outputs]
    return known[0] if known else next(iter(outputs)) if len(outputs) == 1 else None


def _one_tensor(output, network, where):
    """Return the output of a network, or that one of several which has a vector for each token."""
    if isinstance(output, dict) and (read := _read_output(output)):
        return output[read]
    if isinstance(output, keras.KerasTensor):
        return output
    found = quote_first(output) if isinstance(output, dict) else f"a {type(output).__name__}"
    raise BranchMismatchError(
        f"{where}: the network {network.name!r} returns {found}; expected one tensor, or one called {_STEPS[0]!r}. "
        "Cut it out: keras.Model(network.inputs, network.outputs[0])."
    )
