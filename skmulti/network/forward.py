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

from .._process import isolate

# The most rows, and the most values of one input, that are predicted in one call.
CHUNK_ROWS, CHUNK_VALUES = 8_192, 1_000_000


class Forward:
    """A network's prediction as one compiled function, in chunks of rows.

    It is traced once, for any number of rows, when it is first called. It is not pickled.

    Parameters
    ----------
    model : keras.Model
        The network; its current weights are used at each call.

    Attributes
    ----------
    halves : Halves or None
        A place for the network's halves, which whoever asks for them first puts there.
    apart : Forward or None
        Likewise for the predictions of each of several networks.
    kept : KeptForward or None
        Likewise for predictions from features that are kept on disk.
    """

    def __init__(self, model):
        self.model = model
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
                self._compiled = self._compiled or _compile(self.model)
        # Exactly the network's inputs: Keras would match a list by position, and misread extra keys.
        arrays = {tensor.name: arrays[tensor.name] for tensor in self.model.inputs}
        n_rows = len(next(iter(arrays.values())))
        if chunk_rows is None:
            largest = max(math.prod(array.shape[1:]) for array in arrays.values())
            chunk_rows = min(max(CHUNK_VALUES // max(largest, 1), 1), CHUNK_ROWS)
        chunks = [
            self._compiled({name: tf.convert_to_tensor(array[i : i + chunk_rows]) for name, array in arrays.items()})
            for i in range(0, n_rows, chunk_rows)
        ]
        return tf.nest.map_structure(lambda *parts: _join([part.numpy() for part in parts]), *chunks)

    def __getstate__(self):
        # Compiled functions and locks cannot be pickled, and the model is pickled elsewhere (`pack_network`).
        return {"model": None, "halves": None, "apart": None, "kept": None, "_compiled": None}

    def __setstate__(self, state):
        vars(self).update(state, _lock=threading.Lock())


def _join(arrays):
    """Return the rows of several arrays as one."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _compile(model):
    """Compile a model's call for inference, with any number of rows."""
    signature = {tensor.name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs}
    # TensorFlow counts traces by a function's code and warns of many. A partial of each model is counted alone.
    function = tf.function(partial(model, training=False), input_signature=[signature], autograph=False)
    # A layer may ask for Keras' float type while it is traced. As a rule it is right already: then a prediction need
    # not wait for a fit that has the process to itself.
    same = keras.config.floatx() == model.variable_dtype
    with nullcontext() if same else isolate(None, model.variable_dtype):
        # The concrete function skips the search for a trace that fits, which takes as long as to predict a row.
        return function.get_concrete_function()
