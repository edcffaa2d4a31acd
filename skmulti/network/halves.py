"""A network in two halves: from the arrays of an input to its vector, and from all vectors to the output.

The vector of an input is what the merge gets. It depends on that input alone, so it is computed once for each row,
however often the rows of an input are put in another order or replaced. What is left is the merge and the head.
"""

import threading
from dataclasses import dataclass

import keras
import numpy as np

from ..errors import BranchMismatchError, closest_match, quote
from ..spec import MERGED_LAYER, layer_name
from .ensemble import average_outputs, networks_in, reach_inside
from .forward import Forward


@dataclass(frozen=True)
class InputVectors:
    """What the merge gets of an input.

    Parameters
    ----------
    vector : ndarray of shape (n_rows, width)
        The output of the branch; in rows without the input, the learned vector.
    missing : ndarray of shape (n_rows, 1), bool, or None
        True in rows without the input. None if the network reads no flags of it.
    """

    vector: np.ndarray
    missing: np.ndarray | None = None

    def __len__(self):
        return len(self.vector)

    def take(self, rows):
        """Return some rows."""
        return InputVectors(self.vector[rows], None if self.missing is None else self.missing[rows])

    @classmethod
    def join(cls, parts):
        """Return the rows of several as one."""
        missing = None if parts[0].missing is None else np.concatenate([part.missing for part in parts])
        return cls(np.concatenate([part.vector for part in parts]), missing)


class Halves:
    """The two halves of a network as compiled functions, each compiled when it is first called.

    It is not pickled. It uses the network's layers, so that it follows their weights. Of a model that averages several
    networks, a vector is made of those of all networks, one behind the other.

    Parameters
    ----------
    model : keras.Model
        From `build_network`.

    Raises
    ------
    BranchMismatchError
        If the network has no branches: it was made by hand, or by a version that did not mark their vectors.
    """

    def __init__(self, model):
        self.model = model
        self._networks = networks_in(model)
        self._layers = [{layer.name: layer for layer in network.layers} for network in self._networks]
        self.names = [name for name in model.input if layer_name(name, "branch") in self._layers[0]]
        if not self.names or MERGED_LAYER not in self._layers[0]:
            raise BranchMismatchError(
                "The network has no branches whose vectors could be told apart: it was made by the function in "
                "`model`, or by an earlier version of skmulti. Leave out `model`, or take a layer's output from model_ "
                "yourself: keras.Model(est.model_.input, est.model_.get_layer(name).output)."
            )
        self._forwards, self._lock = {}, threading.Lock()

    def width(self, name):
        """Return the width of an input's vector, or of the merge's if the name is None; refuse other names."""
        if name is not None and name not in self.names:
            raise ValueError(
                f"{name!r} is no input; the inputs are {quote(self.names)}.{closest_match(name, self.names)}"
            )
        layer = MERGED_LAYER if name is None else layer_name(name, "branch")
        return sum(layers[layer].output.shape[-1] for layers in self._layers)

    def vectors(self, name, arrays, chunk_rows=None):
        """Return the `InputVectors` of an input from encoded rows by name."""
        found = self._forward(name)(arrays, chunk_rows)
        return InputVectors(found["output"], found.get("missing"))

    def merged(self, arrays, chunk_rows=None):
        """Return the vectors that the head gets, of shape (n_rows, width), from encoded rows by name."""
        return self._forward(None)(arrays, chunk_rows)

    def output(self, vectors):
        """Return the network's output, of shape (n_rows, width), from the `InputVectors` of each input by name."""
        forward = self._forward("")
        arrays = []
        for name in self.names:
            arrays.append(vectors[name].vector)
            if vectors[name].missing is not None:
                arrays.append(vectors[name].missing)
        return forward({tensor.name: array for tensor, array in zip(forward.model.inputs, arrays, strict=True)})

    def learned(self, name):
        """Return the `InputVectors` of one row without an input, or None if the network has learned none."""
        if layer_name(name, "or_missing") not in self._layers[0]:
            return None
        missing, vectors = np.ones((1, 1), dtype=bool), []
        for layers in self._layers:
            layer = layers[layer_name(name, "or_missing")]
            vector = np.zeros((1, layer.output.shape[-1]), dtype=keras.backend.standardize_dtype(layer.compute_dtype))
            vectors.append(keras.ops.convert_to_numpy(layer([vector, missing])))
        return InputVectors(np.concatenate(vectors, axis=-1), missing)

    def _forward(self, name):
        """Return a half as a compiled function: that of an input, of the merge (None), or of all vectors ("")."""
        with self._lock:
            if name not in self._forwards:
                make = {None: self._merged_model, "": self._output_model}.get(name, lambda: self._input_model(name))
                self._forwards[name] = Forward(make())
            return self._forwards[name]

    def _input_model(self, name):
        """Build the model from the arrays of an input to its vector and its flags."""
        outputs = [{"output": vector} for vector in self._vectors(name)]
        for number, flag in enumerate(self._flags(name)):
            if flag is not None:
                outputs[number]["missing"] = flag
        return self._from_arrays(outputs, (name, f"{name}__missing"))

    def _merged_model(self):
        """Build the model from all arrays to what the head gets."""
        return self._from_arrays([layers[MERGED_LAYER].output for layers in self._layers])

    def _from_arrays(self, outputs, names=None):
        """Build the model from the arrays of some inputs, or of all, to tensors of each network, side by side."""
        own, found = reach_inside(self.model, outputs, names)
        if len(found) == 1:
            return keras.Model(own, found[0])
        if not isinstance(found[0], dict):
            return keras.Model(own, keras.ops.concatenate(found, axis=-1))
        joined = {"output": keras.ops.concatenate([part["output"] for part in found], axis=-1)}
        # The flags are the same in all networks.
        return keras.Model(own, {**found[0], **joined})

    def _output_model(self):
        """Build the model from the vectors and flags of all inputs to the output."""
        # For each vector and flag a list of the tensors of all networks.
        tensors = [own for name in self.names for own in (self._vectors(name), self._flags(name)) if own[0] is not None]
        if len(self._networks) == 1:
            return keras.Model([own[0] for own in tensors], self.model.output)
        given, outputs = [], []
        for number, own in enumerate(tensors):
            width = 1 if own[0].dtype == "bool" else sum(tensor.shape[-1] for tensor in own)
            given.append(keras.Input((width,), dtype=own[0].dtype, name=f"vector_{number}"))
        for number, network in enumerate(self._networks):
            parts = [_part(whole, own, number) for whole, own in zip(given, tensors, strict=True)]
            outputs.append(keras.Model([own[number] for own in tensors], network.output)(parts))
        return keras.Model(given, average_outputs(self.model, outputs))

    def _vectors(self, name):
        """Return the tensors that the merges of the networks get of an input."""
        return [layers[layer_name(name, "branch")].output for layers in self._layers]

    def _flags(self, name):
        """Return for each network the tensor that marks rows without an input, or None."""
        flags = []
        for network, layers in zip(self._networks, self._layers, strict=True):
            own = [layers.get(layer_name(name, part)) for part in ("dropout", "is_missing")]
            found = next((layer.output for layer in own if layer is not None), None)
            flags.append(network.input.get(f"{name}__missing") if found is None else found)
        return flags


def _part(whole, tensors, number):
    """Return the part of a vector that is one network's; flags are common to all."""
    if whole.dtype == "bool":
        return whole
    start = sum(tensor.shape[-1] for tensor in tensors[:number])
    return whole[:, start : start + tensors[number].shape[-1]]
