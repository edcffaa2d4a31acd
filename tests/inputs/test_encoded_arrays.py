"""What an array that was encoded elsewhere holds, as far as its shape and dtype tell."""

import numpy as np
import pytest

from skmulti.inputs._encoded import infer_spec


@pytest.mark.parametrize(
    ("shape", "dtype", "kind", "expected"),
    [
        ((4,), "float64", "vector", "float32"),
        ((4, 2), "float32", "sequence", "float32"),
        ((4, 4, 3), "float32", "image", "float32"),
        ((4, 4, 3), "uint8", "image", "uint8"),
        ((4,), "uint8", "vector", "float32"),
        ((4,), "bool", "vector", "float32"),
        ((1,), "int64", "category", "int32"),
        ((4,), "uint16", "text", "int32"),
        ((4, 2), "int64", "sequence", "float32"),
    ],
)
def test_kind_and_dtype_follow_from_shape_and_dtype(shape, dtype, kind, expected):
    spec = infer_spec("a", shape, np.dtype(dtype), np.full(shape[-1], 9))
    assert (spec.name, spec.kind, spec.shape, spec.dtype) == ("a", kind, shape, expected)


def test_each_column_of_categories_has_ids_of_its_own_and_words_share_theirs():
    largest = np.array([3, 8])
    categories = infer_spec("a", (2,), np.dtype("int64"), largest, kind="category")
    assert categories.vocabulary_sizes == (4, 9)
    assert infer_spec("a", (2,), np.dtype("int64"), largest).vocabulary_sizes == (9,)


def test_a_branch_that_reads_numbers_makes_numbers_of_integers():
    spec = infer_spec("a", (2,), np.dtype("int64"), np.array([3, 8]), kind="vector", floats="float64")
    assert (spec.kind, spec.dtype, spec.vocabulary_sizes) == ("vector", "float64", ())
