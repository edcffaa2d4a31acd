"""Arrays as tensors that share their memory.

``tf.convert_to_tensor`` copies an array twice, and keeps both copies for as long as the tensor lives.
"""

import math

import numpy as np
import tensorflow as tf

# TensorFlow computes with memory that begins at a multiple of this many bytes, and ends the process at any other.
ALIGNMENT = 64
# Of fewer bytes it does not matter what is copied.
FEW_BYTES = 2**16


def empty_array(shape, dtype):
    """Return an array like ``np.empty`` whose memory a tensor can share."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    begin = -memory.ctypes.data % ALIGNMENT
    return memory[begin : begin + size].view(dtype).reshape(shape)


def as_tensor(array):
    """Return an array as a tensor: with its memory where that is possible, or else with one copy.

    Nobody may write to the array while the tensor is in use.
    """
    plain = isinstance(array, np.ndarray) and array.dtype.isnative and array.dtype.kind in "biuf"
    # A tensor on another device is a copy in any case.
    if not plain or array.nbytes < FEW_BYTES or tf.config.list_logical_devices("GPU"):
        return tf.convert_to_tensor(array)
    can_share = array.flags.c_contiguous and array.flags.writeable and array.ctypes.data % ALIGNMENT == 0
    if not can_share:
        array, given = empty_array(array.shape, array.dtype), array
        array[...] = given
    return tf.experimental.dlpack.from_dlpack(np.asarray(array).__dlpack__())
