"""Cells as numbers: blocks of rows teach what all rows teach, whatever memory the columns lie in."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import StandardScaler

from skmulti.errors import InputMismatchError
from skmulti.inputs import _numbers
from skmulti.inputs.vector import NumberScaler

# --- NumberScaler: values


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3)) * [1, 50, 1e-3] + [0, -7, 3], columns=["a", "b", "c"])
    return frame.mask(rng.random(frame.shape) < [[0.3, 0, 0.1]])


# --- NumberScaler: blocks of rows


@pytest.fixture
def small_blocks(monkeypatch):
    """Read four rows at a time."""
    monkeypatch.setattr(_numbers, "BLOCK_CELLS", 1)
    monkeypatch.setattr(_numbers, "BLOCK_ROWS", 4)


def long_table():
    """Return 50 rows: gaps, a column that begins with missing rows, a constant one, counts, an empty one."""
    rng = np.random.default_rng(0)
    gaps = np.where(rng.random(50) < 0.3, np.nan, rng.normal(5, 2, 50))
    late = np.where(np.arange(50) < 11, np.nan, rng.normal(1e9, 1, 50))
    counts = rng.integers(-9, 9, 50, dtype="int8")
    return pd.DataFrame({"gaps": gaps, "late": late, "same": 0.1, "counts": counts, "empty": np.nan})


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("consolidated", [False, True])
def test_blocks_teach_what_all_rows_teach(small_blocks, weighted, consolidated):
    table = long_table()
    table = pd.DataFrame(table.to_numpy(), columns=table.columns) if consolidated else table
    weight = np.random.default_rng(1).integers(0, 3, len(table)).astype(float) if weighted else None
    oracle = StandardScaler().fit(table.drop(columns="empty"), sample_weight=weight)

    scaler = NumberScaler(dtype="float64").fit(table, sample_weight=weight)

    assert_allclose(scaler.mean_, [*oracle.mean_, 0], rtol=1e-14)
    assert_allclose(scaler.scale_, [*oracle.scale_, 1], rtol=1e-9)
    assert scaler.indicator_columns_.tolist() == [0, 1, 4]
    array = scaler.transform(table)
    # A mean near 1e9 is known to 1e-7.
    assert_allclose(array[:, :4], oracle.transform(table.drop(columns="empty")), atol=1e-6)
    assert_array_equal(array[:, 5:], table[["gaps", "late", "empty"]].isna())
    assert set(array[:, 2]) == {0}


def test_rows_of_weight_zero_may_hold_numbers_of_any_size(small_blocks):
    weight = (np.arange(12) >= 6).astype(float)
    column = pd.Series([1e300, -1e300] * 3 + [1.0, 3.0] * 3)

    scaler = NumberScaler().fit(column, sample_weight=weight)

    assert (scaler.mean_.tolist(), scaler.scale_.tolist()) == ([2], [1])


def test_infinity_in_a_later_block_is_refused_with_its_row_label(small_blocks):
    table = long_table().set_axis([f"r{i}" for i in range(50)])
    scaler = NumberScaler().fit(table)
    table.loc["r33", "gaps"] = -np.inf

    for method in (scaler.transform, NumberScaler().fit):
        with pytest.raises(InputMismatchError, match=r"'gaps': 1 of 50 cells are not finite.* row label 'r33': -inf"):
            method(table)


def test_numbers_too_large_for_a_float_are_infinite():
    with pytest.raises(InputMismatchError, match=r"1 of 2 cells are not finite.* row label 1"):
        NumberScaler().fit(pd.Series([1, 10**400], dtype=object))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "float64"])
def test_columns_of_numpy_dtypes_are_read_in_place(dtype):
    frame = pd.DataFrame({"a": np.ones(5, dtype), "b": np.zeros(5, dtype)})

    for numbers, (_, column) in zip(_numbers.number_columns(frame, NumberScaler()), frame.items(), strict=True):
        assert numbers.dtype == dtype
        assert np.shares_memory(numbers, column.to_numpy())


def test_durations_are_read_in_seconds():
    scaler = NumberScaler().fit(pd.Series(pd.to_timedelta(["1h", "3h"]), name="delay"))

    assert scaler.mean_.tolist() == [7200.0]


def test_float64_keeps_what_float32_would_round():
    column = pd.Series([1.0, 1.0 + 1e-12, 2.0])

    encoded = NumberScaler(dtype="float64").fit_transform(column)

    assert encoded.dtype == np.float64
    assert encoded[0, 0] != encoded[1, 0]


def test_pandas_output_leaves_arrays_alone(table):
    with sklearn.config_context(transform_output="pandas"):
        assert isinstance(NumberScaler().fit_transform(table), np.ndarray)


def test_frame_of_columns_with_one_name_is_read_by_position():
    frame = pd.DataFrame([[1.0, 10.0], [3.0, 30.0]], columns=["a", "a"])

    assert_array_equal(NumberScaler().fit_transform(frame), [[-1, -1], [1, 1]])
