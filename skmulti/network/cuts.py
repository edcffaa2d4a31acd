"""Networks cut in two: in front what training does not change, computed once for each row of a fit, and the rest."""

import math
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from ..layers import Backbone


class Cut(NamedTuple):
    """A layer of a network, cut in two.

    Parameters
    ----------
    layer : keras.Model
        The features of an input, ``photo__features``.
    fixed : keras.Model
        What training does not change of it. Takes the array by the input's name.
    rest : keras.Model or None
        What follows on that; None if training changes nothing of the layer.
    """

    layer: keras.Model
    fixed: keras.Model
    rest: keras.Model | None = None

    @property
    def row_bytes(self):
        """Bytes of what a row has become at the cut."""
        output = self.fixed.output
        return math.prod(output.shape[1:]) * np.dtype(output.dtype).itemsize


def cut(tensor, layer):
    """Cut the features of an input in two.

    Parameters
    ----------
    tensor : KerasTensor
        The network's input.
    layer : keras.Model
        Its features, from `build_network`.

    Returns
    -------
    Cut or None
        None if nothing can be computed once: all weights are trained, the layers are not connected tensor by
        tensor, as in a class with a method `call` of its own, or a mask would have to come along.
    """
    # The model that the branch has made, which may read rows of any length, stands behind an input of one length.
    own = layer.layers[-1]
    # Names that no layer has, or the digest of a network would take two names for one where they happen to be equal.
    if not layer.trainable_variables:
        array = keras.Input(own.input.shape[1:], dtype=tensor.dtype, name=tensor.name)
        return Cut(layer, keras.Model({tensor.name: array}, own(array), name="skmulti_features"))
    array = keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name)
    parts = _halves(own, array)
    if parts is None:
        return None
    lower, upper = parts
    read = lower.outputs
    if any(None in part.shape[1:] for part in read):
        return None
    packed = _pack(read)
    given = keras.Input(packed.shape[1:], dtype=packed.dtype)
    fixed = keras.Model({tensor.name: lower.inputs[0]}, packed, name="skmulti_features")
    return Cut(layer, fixed, keras.Model(given, upper(_unpack(given, read)), name=layer.name))


def cut_off(whole, cuts):
    """Connect a network's layers again without what is fixed, `Cut` by input name; these inputs take its output."""
    inputs = {name: cuts[name].fixed.output if name in cuts else tensor for name, tensor in whole.input.items()}
    inputs = {name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name) for name, tensor in inputs.items()}
    given = {id(inputs[name]): part for name, part in cuts.items()}

    # The same layers, not copies: both networks have one set of weights.
    def call(layer, *args, **kwargs):
        part = given.get(id(args[0])) if args else None
        if part is None or layer is not part.layer:
            return layer(*args, **kwargs)
        return args[0] if part.rest is None else part.rest(args[0])

    # Of a network that is not compiled, since Keras would compile the other one, too.
    whole = type(whole)(whole.input, whole.output, name=whole.name)
    return keras.models.clone_model(whole, inputs, clone_function=lambda layer: layer, call_function=call)


def _halves(model, inputs=None):
    """Return what a model computes before its first trained layers, and what follows; None if that is all of it.

    Parameters
    ----------
    model : keras.Model
        Connects its layers tensor by tensor.
    inputs : KerasTensor or None
        In the place of the model's own inputs.

    Returns
    -------
    tuple of keras.Model, or None
        The outputs of the first are a list, and the input of the second. Both have the layers of the model.
    """
    # The `output` of a Sequential is what it returns where it is called.
    ends = (model.inputs[0], model.outputs[0]) if isinstance(model, keras.Sequential) else (model.input, model.output)
    graph = keras.Model(*ends)
    trained, read = set(), {}

    def note(tensors):
        read.update((id(tensor), tensor) for tensor in tensors if id(tensor) not in trained)

    def call(layer, *args, **kwargs):
        given = _tensors((args, kwargs))
        if any(id(tensor) in trained for tensor in given):
            note(given)
            output = layer(*args, **kwargs)
        elif not getattr(layer, "trainable_variables", ()):
            return layer(*args, **kwargs)
        else:
            # A model inside of this one may be trained in part, too.
            plain = len(args) == 1 and all(value is None for value in keras.tree.flatten(kwargs))
            parts = _halves(layer) if plain and _is_graph(layer, type(graph)) else None
            if parts:
                given = parts[0](args[0])
                output = parts[1](given)
            else:
                output = layer(*args, **kwargs)
            note(given)
        trained.update(map(id, _tensors(output)))
        return output

    twin = keras.models.clone_model(graph, inputs, clone_function=lambda layer: layer, call_function=call)
    read = list(read.values())
    # What a layer says of steps that are padding travels beside a tensor, and would not come along.
    if not read or any(getattr(tensor, "_keras_mask", None) is not None for tensor in read):
        return None
    # An input that was an output as it is would lose its place in the graph where the model is called.
    lower = keras.Model(twin.input, [ops.stop_gradient(tensor) for tensor in read])
    return (lower, Backbone(read, twin.output)) if lower.weights else None


def _is_graph(layer, plain):
    """Return whether a layer is a model that does nothing but to call its layers, tensor by tensor."""
    called = (plain.call, Backbone.call, keras.Sequential.call)
    return isinstance(layer, keras.Model) and bool(getattr(layer, "outputs", None)) and type(layer).call in called


def _tensors(structure):
    """Return the symbolic tensors in a structure."""
    return [part for part in keras.tree.flatten(structure) if isinstance(part, keras.KerasTensor)]


def _pack(tensors):
    """Connect tensors to one of shape (batch, width) that holds the values of all."""
    dtype = "float64" if any(tensor.dtype == "float64" for tensor in tensors) else "float32"
    flat = [ops.cast(ops.reshape(tensor, (-1, math.prod(tensor.shape[1:]))), dtype) for tensor in tensors]
    return ops.concatenate(flat, axis=1) if len(flat) > 1 else flat[0]


def _unpack(packed, tensors):
    """Connect what `_pack` has made of tensors to tensors like these."""
    found, begin = [], 0
    for tensor in tensors:
        end = begin + math.prod(tensor.shape[1:])
        found.append(ops.cast(ops.reshape(packed[:, begin:end], (-1, *tensor.shape[1:])), tensor.dtype))
        begin = end
    return found
