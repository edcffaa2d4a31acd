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

    It is not pickled. It uses the network's layers, so that it follows their weights.

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
        self._layers = {layer.name: layer for layer in model.layers}
        self.names = [name for name in model.input if layer_name(name, "branch") in self._layers]
        if not self.names or MERGED_LAYER not in self._layers:
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
        return self._layers[layer].output.shape[-1]

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
        layer = self._layers.get(layer_name(name, "or_missing"))
        if layer is None:
            return None
        missing = np.ones((1, 1), dtype=bool)
        vector = np.zeros((1, layer.output.shape[-1]), dtype=keras.backend.standardize_dtype(layer.compute_dtype))
        return InputVectors(keras.ops.convert_to_numpy(layer([vector, missing])), missing)

    def _forward(self, name):
        """Return a half as a compiled function: that of an input, of the merge (None), or of all vectors ("")."""
        with self._lock:
            if name not in self._forwards:
                make = {None: self._merged_model, "": self._output_model}.get(name, lambda: self._input_model(name))
                self._forwards[name] = Forward(make())
            return self._forwards[name]

    def _input_model(self, name):
        """Build the model from the arrays of an input to its vector and its flags."""
        outputs, flag = {"output": self._vector(name)}, self._flag(name)
        if flag is not None:
            outputs["missing"] = flag
        own = {key: tensor for key, tensor in self.model.input.items() if key in (name, f"{name}__missing")}
        return keras.Model(own, outputs)

    def _merged_model(self):
        """Build the model from all arrays to what the head gets."""
        return keras.Model(self.model.input, self._layers[MERGED_LAYER].output)

    def _output_model(self):
        """Build the model from the vectors and flags of all inputs to the output."""
        tensors = [tensor for name in self.names for tensor in (self._vector(name), self._flag(name))]
        return keras.Model([tensor for tensor in tensors if tensor is not None], self.model.output)

    def _vector(self, name):
        """Return the tensor that the merge gets of an input."""
        return self._layers[layer_name(name, "branch")].output

    def _flag(self, name):
        """Return the tensor that marks rows without an input, or None."""
        for part in ("dropout", "is_missing"):
            if layer_name(name, part) in self._layers:
                return self._layers[layer_name(name, part)].output
        return self.model.input.get(f"{name}__missing")
