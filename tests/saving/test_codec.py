"""Values that a file holds come back equal, with their types, and shared where they were shared."""

import collections
import datetime
import decimal
import fractions
import functools
import json
import math
import pathlib
import re
import uuid
import zoneinfo

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from own_parts import Colour, Plain, columns_of

from skmulti.saving.codec import Encoder
from skmulti.saving.decoding import Decoder, check_table
from skmulti.saving.names import Names


def round_trip(value, trusted=()):
    encoder = Encoder()
    root = encoder.encode(value)
    table, root = json.loads(json.dumps([encoder.saved.table, root], allow_nan=False))
    check_table(table, "here")
    return Decoder(table, encoder.saved.arrays, [], [], Names(trusted), "here").decode(root)


VALUES = [
    None, True, 0, -1, 2**63, -(2**200), 0.1, -0.0, 5e-324, 1e308, math.inf, -math.inf, 1 + 2j,
    "", "æ", "\x00", "\ud83d\ude00", "😀", b"\x00\xff", bytearray(b"a"), [], [[1, [2]]], (), (1, (2,)), {1, "a"},
    frozenset({(1, 2)}), {}, {"a": 1, 2: "b", None: 3, True: 4, (1, 2): 5, 1.5: 6}, range(2, 9, 3), slice(1, None, 2),
    Ellipsis, re.compile("a+", re.I), decimal.Decimal("1.10"), fractions.Fraction(1, 3), uuid.UUID(int=7),
    datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 1, 2, 3, 4, fold=1), datetime.timedelta(-1, 2, 3),
    datetime.time(1, 2, tzinfo=datetime.UTC), datetime.timezone(datetime.timedelta(hours=2), "x"),
    datetime.datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Oslo")), pathlib.PurePosixPath("a/b").name,
    collections.Counter("aab"), collections.OrderedDict([("b", 1), ("a", 2)]), collections.deque([1, 2], 5),
    np.float32(0.1), np.int8(-3), np.bool_(True), np.str_("æ"), np.datetime64("2024-01-01", "D"), np.complex64(1j),
    np.dtype("float32"), np.dtype([("a", "<i4"), ("b", "<f8", (2,))]), np.dtype("M8[us]"), np.dtype(object),
    pd.NA, pd.NaT, pd.Timestamp("2024-01-01 01:02:03.123456789"), pd.Timestamp("2024-01-01", tz="Europe/Oslo"),
    pd.Timedelta("1D 3ns"), pd.Period("2024-03", "M"), pd.Interval(0, 1, "left"), Colour.RED,
    pd.CategoricalDtype(["b", "a"], ordered=True), pd.StringDtype(), pd.DatetimeTZDtype("us", "UTC"), pd.Int8Dtype(),
    int, np.float32, np.log1p, np.nan_to_num, str.lower, columns_of, dict,
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_values_come_back_equal(value):
    found = round_trip(value, [Colour, columns_of, np.nan_to_num, str.lower])
    assert type(found) is type(value)
    assert found is value or found == value or repr(found) == repr(value)
    assert repr(found) == repr(value)


ARRAYS = [
    np.arange(6).reshape(2, 3), np.arange(6.0).reshape(2, 3).T, np.float16(1) * np.ones((2, 0, 3)), np.array(5),
    np.array(["a", "bc"]), np.array([b"x"]), np.array(["2024-01-01", "NaT"], dtype="M8[s]"), np.array([1], ">i4"),
    np.array([np.nan, -0.0]).view("i8").view("f8"), np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    np.array([["a", None], [(1, 2), [3]]], dtype=object), np.array([], dtype=object),
]  # fmt: skip


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}-{array.shape}")
def test_arrays_come_back_to_the_bit(array):
    found = round_trip(array)
    assert (found.dtype, found.shape, found.flags.f_contiguous) == (array.dtype, array.shape, array.flags.f_contiguous)
    same = found.tolist() == array.tolist() if array.dtype == object else found.tobytes() == array.tobytes()
    assert same


FRAMES = [
    pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
    pd.DataFrame([[1, 2.0], [3, 4.0]], columns=["same", "same"], index=["r", "s"]),
    pd.DataFrame({"c": pd.Categorical(["x", None]), "t": pd.date_range("2024", periods=2, tz="UTC")}),
    pd.DataFrame({"i": pd.array([1, None], "Int8"), "f": [True, False]}, index=pd.date_range("2024", periods=2)),
    pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
    pd.DataFrame(index=[1, 2]),
]


@pytest.mark.parametrize("frame", FRAMES, ids=range(len(FRAMES)))
def test_tables_come_back_equal(frame):
    pd.testing.assert_frame_equal(round_trip(frame), frame, check_freq=False)
    for column in range(frame.shape[1]):
        series = frame.iloc[:, column]
        pd.testing.assert_series_equal(round_trip(series), series, check_freq=False)


def test_the_bits_of_nan_are_kept():
    value = float(np.array([0x7FF8000000000123]).view("f8")[0])
    assert np.float64(round_trip(value)).tobytes() == np.float64(value).tobytes()


def test_what_is_shared_stays_shared():
    shared, array = [1], np.arange(3)
    found = round_trip({"a": shared, "b": (shared, array), "c": array})
    assert found["a"] is found["b"][0]
    assert found["c"] is found["b"][1]


def test_an_object_comes_back_with_its_state():
    found = round_trip(functools.partial(columns_of, Plain({1: 2})), [columns_of, Plain])
    assert found.func is columns_of
    assert found.args[0].value == {1: 2}


@pytest.mark.parametrize("kind", ["csr_array", "csc_matrix", "coo_array"])
def test_sparse_arrays_come_back(kind):
    matrix = getattr(scipy.sparse, kind)(np.eye(3))
    found = round_trip(matrix)
    assert type(found) is type(matrix)
    np.testing.assert_array_equal(found.toarray(), np.eye(3))


@pytest.mark.parametrize("name", ["PCG64", "MT19937", "Philox", "SFC64"])
def test_generators_go_on_where_they_were(name):
    generator = np.random.Generator(getattr(np.random, name)(3))
    generator.random(5)
    twin = round_trip(generator)
    assert twin.random() == generator.random()
    state = np.random.RandomState(3)
    state.normal(size=3)
    twin = round_trip(state)
    assert twin.normal() == state.normal()


def test_what_holds_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(TypeError, match="holds itself"):
        round_trip(value)


def test_masked_arrays_come_back():
    value = np.ma.MaskedArray([1.0, 2.0], [True, False])
    found = round_trip(value)
    np.testing.assert_array_equal(found.mask, value.mask)
    assert found.fill_value == value.fill_value
