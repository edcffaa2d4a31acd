"""A network from the places on where its inputs are numbers that can be interpolated: its entries.

A float array is an entry by itself. Ids, pixels and flags are not: half of the word "good" is no word. They enter where
the first operation makes floats of them, such as the embedding of a word. There, a value between those of two rows is a
point like any other, and what follows can be computed from it.
"""

from dataclasses import dataclass

import keras
import tensorflow as tf

from ..layers import LearnedFill

# Places of an array of ids whose shares in an entry are found by replacing one after the other.
MOST_STEPS = 512


@dataclass(frozen=True)
class Entry:
    """An operation whose output is interpolated instead of its inputs.

    Parameters
    ----------
    operation : keras.Operation
        The operation.
    inputs : tuple of str
        Names of the arrays on which its output depends.
    source : str or None
        The array of which it reads each place, if it reads one only.
    by_place : bool
        Whether the first axes of its output are those of the source.
    """

    operation: object
    inputs: tuple
    source: str | None
    by_place: bool


class SplitNetwork:
    """A network that can be computed from the values of its entries.

    Layers are called as the network calls them. Neither the network nor a layer is changed or copied.

    Parameters
    ----------
    model : keras.Model
        The network, with a dict of inputs.

    Attributes
    ----------
    entries : list of Entry
        The entries but for the float arrays themselves, in the order of `run`'s values; known after
        the first call of `run`.
    """

    def __init__(self, model):
        self.model = model
        self.entries = []
        # Keras sets what a prediction is (`training=False`, also for layers inside of layers) in a layer's call.
        self._prediction = _Inference(self._walk, name="explained", autocast=False)

    def run(self, arrays, given=None):
        """Compute the output.

        Parameters
        ----------
        arrays : dict of str to tensor
            The network's inputs.
        given : list of tensor or None
            Values that take the place of those of the entries.

        Returns
        -------
        output : tensor of shape (batch, width)
            The network's output.
        values, sources : list of tensor
            What each entry returned before it was replaced, and its first input.
        """
        return self._prediction(arrays, given=given, training=False)

    def _walk(self, arrays, given):
        walk = _Walk(arrays, given)
        output = walk.through(self.model, [arrays[tensor.name] for tensor in self.model.inputs])
        self.entries = walk.entries
        return output, walk.values, walk.sources


@keras.saving.register_keras_serializable(package="skmulti")
class _Inference(keras.layers.Layer):
    """Call a function as a layer is called."""

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, arrays, given=None, training=False):
        return self.function(arrays, given)


@keras.saving.register_keras_serializable(package="skmulti")
class _Replaced(keras.layers.Layer):
    """Return the second of two tensors with the mask of the first."""

    def call(self, tensors):
        return tensors[1]

    def compute_mask(self, inputs, previous_mask):
        return None if previous_mask is None else previous_mask[0]


class _Walk:
    """One pass through a network; notes which inputs each tensor depends on."""

    def __init__(self, arrays, given):
        self.entries, self.values, self.sources = [], [], []
        self._given = None if given is None else iter(given)
        self._replace = _Replaced(name="replaced", autocast=False)
        self._arrays = arrays
        # By identity, so the tensors are kept: the identity of one that is gone may come back.
        self._origins = {id(tensor): (tensor, frozenset([name])) for name, tensor in arrays.items()}

    def through(self, model, inputs):
        """Return the output of a functional model, whose operations are called one by one."""
        return model._run_through_graph(inputs, operation_fn=lambda operation: self._wrapped(operation))

    def _wrapped(self, operation):
        return lambda *args, **kwargs: self._call(operation, args, kwargs)

    def _call(self, operation, args, kwargs):
        """Call an operation, or those of which it is made; replace its output if it is an entry."""
        inputs = [part for part in keras.tree.flatten((args, kwargs)) if tf.is_tensor(part)]
        if hasattr(operation, "_run_through_graph") and _fits(operation, inputs):
            return self.through(operation, inputs)
        if isinstance(operation, keras.Sequential) and operation.built and len(inputs) == 1:
            output = inputs[0]
            for layer in operation.layers:
                output = self._call(layer, (output,), {})
            return output
        output = operation(*args, **kwargs)
        origins = frozenset().union(*(self._origins_of(tensor) for tensor in inputs))
        if origins and tf.is_tensor(output) and output.dtype.is_floating and _enters(operation, inputs):
            output = self._enter(operation, inputs, origins, output)
        for part in keras.tree.flatten(output):
            self._origins[id(part)] = part, origins
        return output

    def _origins_of(self, tensor):
        return self._origins.get(id(tensor), (None, frozenset()))[1]

    def _enter(self, operation, inputs, origins, output):
        """Note an entry, and return what is to be in its place."""
        source = None
        if len(inputs) == 1 and len(origins) == 1:
            name = next(iter(origins))
            # Ids that were looked up elsewhere before have the places of the array if they have its shape.
            source = name if inputs[0].shape[1:] == self._arrays[name].shape[1:] else None
        by_place = source is not None and _keeps_places(inputs[0], output)
        self.entries.append(Entry(operation, tuple(sorted(origins)), source, by_place))
        self.values.append(output)
        self.sources.append(inputs[0])
        return output if self._given is None else self._replace([output, next(self._given)])


def _fits(model, inputs):
    """Return whether tensors are the inputs of a functional model, without one to convert."""
    return len(inputs) == len(model.inputs) and all(
        keras.backend.standardize_dtype(tensor.dtype) == keras.backend.standardize_dtype(own.dtype)
        and len(tensor.shape) == len(own.shape)
        for tensor, own in zip(inputs, model.inputs, strict=True)
    )


def _enters(operation, inputs):
    """Return whether an operation makes floats of what is none, or numbers of what may be NaN."""
    return isinstance(operation, LearnedFill) or not any(tensor.dtype.is_floating for tensor in inputs)


def _keeps_places(source, output):
    """Return whether the output has a value, or a vector, for each place of its source."""
    rank = len(source.shape)
    if len(output.shape) < rank or output.shape[1:rank] != source.shape[1:]:
        return False
    # As many values as places may be a coincidence, such as a count of each of five ids. Numbers and pixels stay.
    return source.dtype.is_floating or len(output.shape) > rank or rank > 2
