"""Vectors in cells: stacked as NumPy would, or refused with the place of the first that does not fit."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmulti.errors import InputMismatchError
from skmulti.inputs.stacker import VectorStacker


@parametrize_with_checks([VectorStacker()])
def test_vector_stacker_passes_every_check_of_sklearn(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "cells",
    [
        [[1, 2], [3, 4]],
        [(1.0, 2.0), (3.0, 4.0)],
        [np.array([1, 2], dtype="uint8"), np.array([3, 4], dtype="float16")],
        [[1, 2], np.array([3.0, 4.0])],
        [[True, 2], [3, 4]],
    ],
)
def test_cells_of_any_make_are_stacked(cells):
    expected = np.float32([[1, 2], [3, 4]])

    assert_array_equal(VectorStacker().fit_transform(pd.Series(cells, name="embedding")), expected)


def test_arrow_lists_are_stacked():
    pa = pytest.importorskip("pyarrow")
    column = pd.Series([[1.0, 2.0], None], dtype=pd.ArrowDtype(pa.list_(pa.float64())))

    assert_array_equal(VectorStacker().fit_transform(column), np.float32([[1, 2], [np.nan, np.nan]]))


def test_array_and_list_are_taken_row_by_row():
    rows = [[1.0, 2.0], [3.0, 4.0]]

    assert_array_equal(VectorStacker().fit_transform(np.array(rows)), rows)
    assert_array_equal(VectorStacker().fit_transform(rows), rows)


def test_frame_of_one_column_is_its_column():
    column = pd.Series([[1.0, 2.0], None], name="embedding")

    assert_array_equal(VectorStacker().fit_transform(column.to_frame()), VectorStacker().fit_transform(column))


def test_missing_cell_is_nan_throughout():
    array, missing = VectorStacker().fit_encode_and_flag(pd.Series([None, [1.0, 2.0], np.nan], name="embedding"))

    assert_array_equal(array, np.float32([[np.nan, np.nan], [1, 2], [np.nan, np.nan]]))
    assert missing.tolist() == [True, False, True]


def test_missing_number_inside_a_vector_stays_missing():
    assert_array_equal(VectorStacker().fit_transform(pd.Series([[1.0, np.nan]])), np.float32([[1, np.nan]]))


def test_float64_is_kept():
    column = pd.Series([[1.0, 1.0 + 1e-12]])

    assert_array_equal(VectorStacker(dtype="float64").fit_transform(column), [column[0]])


def test_spec_has_the_length_of_the_vectors():
    spec = VectorStacker().fit(pd.Series([[1, 2, 3]])).spec("embedding")

    assert (spec.kind, spec.shape, spec.dtype) == ("vector", (3,), "float32")


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ([[1, 2], [3]], "1 of 2 cells are not vectors of 2 numbers.*row label 'y': .3.*SequencePadder"),
        ([[1, 2], "a"], "1 of 2 cells are not lists or 1-D arrays of numbers, first at row label 'y': 'a'"),
        ([1.5, 2.5], "2 of 2 cells are not lists.*NumberScaler"),
        ([[[1, 2]], [[3, 4]]], "2 of 2 cells are not lists.*SequencePadder"),
        ([["a"], ["b"]], "2 of 2 cells are not lists"),
        ([[1, [2]], [1, 2]], "1 of 2 cells are not lists.*row label 'x'"),
        ([[1, np.inf], [1, 2]], "1 of 2 cells are not finite.*, first at row label 'x'"),
        ([[1, 1e300], [1, 2]], "1 of 2 cells are not finite"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_cells_that_are_no_vectors_are_refused_with_their_place(cells, found):
    with pytest.raises(InputMismatchError, match=f"column 'embedding': {found}"):
        VectorStacker().fit_transform(pd.Series(cells, index=["x", "y"], name="embedding"))


def test_other_length_than_at_fit_is_refused():
    stacker = VectorStacker().fit(pd.Series([[1.0, 2.0]], name="embedding"))
    with pytest.raises(InputMismatchError, match="not vectors of 2 numbers, the length of most training cells"):
        stacker.transform(pd.Series([[1.0, 2.0, 3.0]], name="embedding"))


def test_several_columns_are_refused_with_their_names():
    with pytest.raises(InputMismatchError, match=r"VectorStacker reads one column, got 2: \['a', 'b'\]"):
        VectorStacker().fit(pd.DataFrame({"a": [[1]], "b": [[2]]}))


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ([[1.0, 2.0], [3, 4], None], "vectors of 2 numbers in cells"),
        ([np.zeros(5), (1, 2, 3, 4, 5)], "vectors of 5 numbers in cells"),
        ([[1, 2], [3]], None),
        ([np.zeros((2, 2))], None),
        ([["a", "b"]], None),
        (["ab", "cd"], None),
        ([b"ab"], None),
        ([1.0, 2.0], None),
        ([None, None], None),
        ([{"a": 1}], None),
    ],
)
def test_vector_stacker_suits(cells, reason):
    assert VectorStacker.suits(pd.Series(cells)) == reason
