"""Arrays as tensors that share their memory."""

import gc

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal

from skmulti.training.tensors import ALIGNMENT, FEW_BYTES, as_tensor, empty_array

KINDS = ["float16", "float32", "float64", "int8", "int32", "int64", "uint8", "bool"]


def numbers(dtype, shape=(300, 250)):
    return np.random.default_rng(0).integers(0, 2, shape).astype(dtype)


def offset(array, by):
    """Return an equal array whose memory begins `by` bytes after a place that a tensor could share."""
    memory = empty_array((array.nbytes + ALIGNMENT,), "uint8")
    other = memory[by : by + array.nbytes].view(array.dtype).reshape(array.shape)
    other[...] = array
    return other


@pytest.mark.parametrize("dtype", KINDS)
def test_empty_arrays_begin_where_a_tensor_can(dtype):
    array = empty_array((7, 3), dtype)

    assert (array.shape, array.dtype, array.flags.writeable) == ((7, 3), dtype, True)
    assert array.ctypes.data % ALIGNMENT == 0
    assert empty_array((0, 3), dtype).shape == (0, 3)


@pytest.mark.parametrize("dtype", KINDS)
def test_a_tensor_has_the_numbers_of_the_array(dtype):
    tensor = as_tensor(numbers(dtype))

    assert tensor.dtype == dtype
    assert_array_equal(tensor.numpy(), numbers(dtype))
    assert_array_equal(tf.gather(tensor, [3, 1]).numpy(), numbers(dtype)[[3, 1]])


def test_memory_is_shared_where_it_can_be():
    array = empty_array((300, 250), "float32")
    array[...] = 1
    tensor = as_tensor(array)
    array[0, 0] = 2

    assert float(tensor[0, 0]) == 2


def read_only(array):
    array = offset(array, 0)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "make",
    [
        lambda array: offset(array, 8),
        lambda array: offset(array, 60),
        read_only,
        np.asfortranarray,
        lambda array: np.repeat(array, 2, axis=1)[:, ::2],
        lambda array: array.astype(array.dtype.newbyteorder()),
        lambda array: np.broadcast_to(array[:1], array.shape),
    ],
)
def test_memory_that_cannot_be_shared_is_copied(make):
    array = make(numbers("float32"))
    tensor = as_tensor(array)

    # A step of the kernels that end the process if memory is not where they expect it.
    assert_array_equal((tensor[1:] + 0).numpy(), np.asarray(array[1:], "float32"))


def test_a_mapped_file_is_read(tmp_path):
    np.save(tmp_path / "rows.npy", numbers("float32"))
    for mode in ("r", "r+", "c"):
        mapped = np.load(tmp_path / "rows.npy", mmap_mode=mode)
        assert_array_equal((as_tensor(mapped)[1:] + 0).numpy(), numbers("float32")[1:])


def test_the_array_lives_as_long_as_the_tensor():
    array = empty_array((1_000, 250), "float32")
    array[...] = 3
    tensor = as_tensor(array)
    del array
    gc.collect()
    # Memory that was given back would be taken by these.
    others = [np.zeros((1_000, 250), "float32") for _ in range(20)]

    assert float(tf.reduce_min(tensor)) == 3
    assert len(others) == 20


@pytest.mark.parametrize("given", [np.array(["a", "b"]), np.zeros((0, 4), "float32"), np.float32(2.0), [1.0, 2.0]])
def test_anything_else_becomes_a_tensor_as_ever(given):
    tensor = as_tensor(given)

    assert tensor.shape == np.shape(given)
    assert np.asarray(given).nbytes < FEW_BYTES
