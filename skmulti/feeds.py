"""Batches whose rows are encoded while the network trains on those before."""

from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from .lazy import LazyArray


class LazyFetch:
    """Encode the rows of a batch inside a `tf.data` graph.

    Parameters
    ----------
    arrays : dict of str to LazyArray
        By input name; may be empty.
    """

    def __init__(self, arrays):
        self.arrays = arrays

    def __call__(self, rows):
        """Give the tensors of rows by name.

        Parameters
        ----------
        rows : tf.Tensor of shape (batch,), int64
            Positions.

        Returns
        -------
        dict of str to tf.Tensor
            Of shape (batch, *shape).
        """
        if not self.arrays:
            return {}
        tensors = tf.numpy_function(self._encoded, [rows], [array.dtype for array in self.arrays.values()])
        for tensor, array in zip(tensors, self.arrays.values(), strict=True):
            tensor.set_shape((None, *array.shape[1:]))
        return dict(zip(self.arrays, tensors, strict=True))

    def _encoded(self, rows):
        return [array[rows] for array in self.arrays.values()]


def split_lazy(arrays, at_once=False):
    """Divide arrays into those in memory and the `LazyFetch` of the others, which `at_once` brings into memory, too."""
    lazy = {name: array for name, array in arrays.items() if isinstance(array, LazyArray)}
    if at_once:
        return {name: np.asarray(array) for name, array in arrays.items()}, LazyFetch({})
    return {name: array for name, array in arrays.items() if name not in lazy}, LazyFetch(lazy)


@contextmanager
def own_errors(*parts):
    """Raise the error of a row that could not be encoded in the place of TensorFlow's, which hides it in a text.

    Parameters
    ----------
    *parts : Rows or None
        What is trained on; an array's ``error`` is the first that it met.
    """
    try:
        yield
    except tf.errors.OpError:
        arrays = [array for part in parts if part is not None for array in part.arrays.values()]
        for array in arrays:
            if getattr(array, "error", None) is not None:
                raise array.error from None
        raise
