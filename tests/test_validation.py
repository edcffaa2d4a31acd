"""Weights of rows: an array of its own, or a refusal."""

import numpy as np
import pandas as pd
import pytest

from skmulti._validation import check_weights

ROWS = np.zeros((3, 2))


@pytest.mark.parametrize("given", [[1, 2, 0], np.float32([1, 2, 0]), pd.Series([1, 2, 0], index=[7, 7, 7])])
def test_weights_of_any_make_are_float64(given):
    weights = check_weights(given, ROWS)
    assert weights.dtype == np.float64
    assert weights.tolist() == [1, 2, 0]


def test_one_number_is_the_weight_of_each_row():
    assert check_weights(2, ROWS).tolist() == [2, 2, 2]


def test_the_array_of_the_user_is_copied():
    given = np.ones(3)
    check_weights(given, ROWS)[:] = 5
    assert given.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([0, 0, 0], "zero"),
        ([1, -1, 1], "[Nn]egative"),
        ([1, np.nan, 1], "NaN"),
        ([1, 1], "sample_weight has 2 weights"),
        ([[1], [1], [1]], "1D"),
    ],
)
def test_weights_of_no_sense_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        check_weights(given, ROWS)
