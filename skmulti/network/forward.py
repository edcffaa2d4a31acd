"""A network's prediction as one compiled function.

``keras.Model.predict`` sets up a dataset and callbacks in each call, which takes longer than the prediction
of a few rows.
"""

import math
import threading
from contextlib import nullcontext
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from .._process import isolate, uncollected
from .._workers import map_on_cores
from ..layers import Backbone, paddings_skipped, with_sublayers

# The most rows, and the most values of one array, that are predicted in one call.
CHUNK_ROWS, CHUNK_VALUES = 8_192, 2**20
# The most values of one tensor inside of a pretrained network, which has thousands for each word of a text: more would
# leave the cache of the processor: 64 texts at once take a fifth more time each than 16.
INNER_VALUES = 2**22
# Kernels compute this many rows alike, or a divisor of it: 16 numbers of an instruction, blocks of 6 in a product of
# matrices. What is left over is summed up in another order, or by another formula, and may differ in the last bit.
EVEN_ROWS = 48
# Fewer rows are left as they are, and rows so large that a call takes fewer than these: more would take longer.
FEW_ROWS, MANY_ROWS = 16, 1_024


class Forward:
    """A network's prediction as one compiled function, in chunks of rows that threads compute.

    It is traced once, for any number of rows, when it is first called. It is not pickled.

    Parameters
    ----------
    model : keras.Model
        The network; its current weights are used at each call.
    evenly : bool
        Whether a row is to have the same bits at any place among the rows. For that up to 47 rows are computed twice,
        but none that are as large as photos.

    Attributes
    ----------
    halves : Halves or None
        A place for the network's halves, which whoever asks for them first puts there.
    apart : Forward or None
        Likewise for the predictions of each of several networks.
    kept : KeptForward or None
        Likewise for predictions from features that are kept on disk.
    """

    def __init__(self, model, *, evenly=True):
        self.model, self.evenly = model, evenly
        self.halves = self.apart = self.kept = None
        self._compiled = None
        # Threads that predict at the same time compile once.
        self._lock = threading.Lock()

    def __call__(self, arrays, chunk_rows=None):
        """Predict rows.

        Parameters
        ----------
        arrays : dict of str to ndarray
            Encoded rows by input name.
        chunk_rows : int or None
            Rows of one call. None takes fewer rows if they are large, such as pixels: their
            intermediate results are larger still.

        Returns
        -------
        ndarray of shape (n_rows, width)
            The network's output; a dict of arrays if the network has several by name.
        """
        if self._compiled is None:
            with self._lock:
                self._compiled = self._compiled or _Compiled(self.model)
        compiled = self._compiled
        # Exactly the network's inputs: what else the rows may hold is left out.
        arrays = {name: arrays[name] for name in compiled.names}
        n_rows = len(next(iter(arrays.values())))
        # Features may be as large as photos; rows that are computed evenly are predictions.
        ends = [*arrays.values(), *(() if self.evenly else self.model.outputs)]
        step = chunk_rows or _chunk_rows(ends, compiled.inner_values)
        compute = compiled
        if self.evenly and chunk_rows is None and step >= MANY_ROWS:
            compute, step = partial(_evenly, compiled), step - step % EVEN_ROWS
        if n_rows <= step:
            return compute(arrays)
        parts = ({name: array[i : i + step] for name, array in arrays.items()} for i in range(0, n_rows, step))
        chunks = map_on_cores(compute, parts)
        return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *chunks)

    def __getstate__(self):
        # Compiled functions and locks cannot be pickled, and the model is pickled elsewhere (`pack_network`).
        parts = {"model": None, "halves": None, "apart": None, "kept": None, "_compiled": None}
        return {**parts, "evenly": self.evenly}

    def __setstate__(self, state):
        vars(self).update(state, _lock=threading.Lock())


def _chunk_rows(arrays, inner_values):
    """Return how many rows of some arrays, or tensors, are predicted in one call.

    `inner_values`: the most values that a row has in a tensor inside of a pretrained network.
    """
    largest = max(math.prod(size for size in array.shape[1:] if size) for array in arrays)
    most = max(min(CHUNK_VALUES // max(largest, 1), INNER_VALUES // inner_values, CHUNK_ROWS), 1)
    # A power of two, so that the parts of a table, of some power of two, are divided where the whole table would be.
    return 1 << (most.bit_length() - 1)


def _inner_values(model):
    """Return the most values that a row has in a tensor inside of the pretrained networks of a model; 1 without one."""
    backbones = [part for part in with_sublayers(model) if isinstance(part, Backbone)]
    outputs = [getattr(layer, "output", None) for part in backbones for layer in with_sublayers(part)]
    # A text may have any length there.
    length = max((tensor.shape[1] or 1 for tensor in model.inputs if len(tensor.shape) == 2), default=1)
    shapes = [getattr(tensor, "shape", ())[1:] for tensor in tf.nest.flatten(outputs)]
    return max([1, *(math.prod(length if size is None else size for size in shape) for shape in shapes)])


def _evenly(compute, arrays):
    """Return what `compute` returns for arrays by name, such that a row has the same bits at any place among the rows.

    The first rows follow once more, so that there are `EVEN_ROWS` of them, or a multiple.
    """
    n_rows = len(next(iter(arrays.values())))
    n_more = -n_rows % EVEN_ROWS
    if not n_more or n_rows < FEW_ROWS:
        return compute(arrays)
    rows = np.arange(n_rows + n_more) % n_rows
    return tf.nest.map_structure(
        lambda output: output[:n_rows], compute({name: np.asarray(array)[rows] for name, array in arrays.items()})
    )


class _Compiled:
    """A model's call for inference, compiled for any number of rows; it takes and returns NumPy's arrays.

    Parameters
    ----------
    model : keras.Model
        The network.

    Attributes
    ----------
    names : list of str
        The network's inputs, in the order in which the compiled function takes them.
    inner_values : int
        The most values that a row has in a tensor inside of a pretrained network.
    """

    def __init__(self, model):
        signature = {tensor.name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs}
        # TensorFlow counts traces by a function's code and warns of many. A partial of each model is counted alone.
        function = tf.function(partial(model, training=False), input_signature=[signature], autograph=False)
        # A layer may ask for Keras' float type while it is traced. As a rule it is right already: then a prediction
        # need not wait for a fit that has the process to itself.
        same = keras.config.floatx() == model.variable_dtype
        with nullcontext() if same else isolate(None, model.variable_dtype), paddings_skipped(), uncollected():
            # The concrete function skips the search for a trace that fits, which takes as long as to predict a row.
            self._function = function.get_concrete_function()
        self.names, self.inner_values = sorted(signature), _inner_values(model)
        self._dtypes = [signature[name].dtype.as_numpy_dtype for name in self.names]
        self._types = [tensor.dtype for tensor in self._function.outputs]

    def __call__(self, arrays):
        """Return the output, an array or a dict of arrays, for arrays by input name."""
        # Calling the concrete function itself takes three times as long for a row: it binds and converts the arrays in
        # Python, and threads of TensorFlow run each operation. Called as an operation it stays in this thread.
        # An operation takes what is not an array of NumPy, such as rows in a file, for numbers of any type.
        given = [np.asarray(arrays[name], dtype) for name, dtype in zip(self.names, self._dtypes, strict=True)]
        outputs = tf.raw_ops.StatefulPartitionedCall(
            args=[*given, *self._function.captured_inputs],
            Tout=self._types,
            f=self._function,
        )
        return tf.nest.pack_sequence_as(self._function.structured_outputs, [output.numpy() for output in outputs])
