"""Few rows are read as Python objects: they must give what the same rows give among many."""

import datetime
import decimal
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf

from skmulti import (
    CategoryIndexer,
    InputEncoder,
    InputMismatchError,
    InputRouter,
    MissingValuesWarning,
    NumberScaler,
    TextVectorizer,
)
from skmulti.inputs import FEW_ROWS

N_ROWS = 150


def make_frame(seed=0):
    rng = np.random.default_rng(seed)
    words = ["good", "bad", "fine", "NOT", "soft,", "cotton", "größe", "naïve", "dress"]
    texts = [" ".join(rng.choice(words, size=rng.integers(0, 9))) for _ in range(N_ROWS)]
    return pd.DataFrame(
        {
            "price": rng.normal(50, 20, N_ROWS),
            "weight": rng.normal(1, 0.1, N_ROWS).astype("float32"),
            "count": rng.integers(0, 9, N_ROWS),
            "used": rng.random(N_ROWS) < 0.5,
            "stars": pd.array(rng.integers(1, 6, N_ROWS), dtype="Int64"),
            "colour": rng.choice(["red", "green", "blue"], N_ROWS),
            "size": pd.Categorical(rng.choice(["S", "M", "L"], N_ROWS)),
            "floor": rng.integers(0, 4, N_ROWS),
            "title": texts[::-1],
            "review": texts,
        }
    )


def make_router(**kwargs):
    return InputRouter(
        [
            ("numbers", NumberScaler(**kwargs), ["price", "weight", "count", "used", "stars"]),
            ("categories", CategoryIndexer(), ["colour", "size", "floor"]),
            ("text", TextVectorizer(ngrams=2), ["title", "review"]),
            ("review", TextVectorizer(length=3), "review"),
        ]
    )


def with_gaps(frame):
    gaps = frame.copy()
    for place, column in enumerate(gaps.columns):
        gaps[column] = gaps[column].astype(object)
        gaps.loc[place::7, column] = [None, np.nan, pd.NA, pd.NaT][place % 4]
    return gaps


def assert_same_one_by_one(router, frame):
    """Compare rows encoded by themselves, and in groups, with the same rows among all."""
    whole = router.transform(frame)
    for size in (1, 5, 16, 17, FEW_ROWS):
        parts = [router.transform(frame.iloc[i : i + size]) for i in range(0, len(frame), size)]
        for name, array in whole.items():
            joined = np.concatenate([part[name] for part in parts])
            assert joined.dtype == array.dtype
            np.testing.assert_array_equal(joined, array)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_few_rows_give_what_they_give_among_many(dtype):
    frame = make_frame()
    assert_same_one_by_one(make_router(dtype=dtype).fit(frame.iloc[:100]), frame)


@pytest.mark.parametrize("change", [lambda frame: frame, with_gaps], ids=["complete", "gaps"])
def test_few_rows_need_no_frame(monkeypatch, change):
    frame = change(make_frame())
    router = make_router().fit(frame)
    expected = router.transform(frame)

    def refuse(self, columns):
        raise AssertionError(f"{type(self).__name__} was given a frame of {len(columns)} rows")

    for encoder in (NumberScaler, CategoryIndexer, TextVectorizer):
        monkeypatch.setattr(encoder, "transform", refuse)
    for rows in (slice(0, 1), slice(20, 20 + FEW_ROWS)):
        for name, array in router.transform(frame.iloc[rows]).items():
            np.testing.assert_array_equal(array, expected[name][rows])
    with pytest.raises(AssertionError, match=f"a frame of {FEW_ROWS + 1} rows"):
        router.transform(frame.iloc[: FEW_ROWS + 1])


def test_missing_cells_of_few_rows_give_what_they_give_among_many():
    frame = with_gaps(make_frame())
    assert_same_one_by_one(make_router().fit(frame), frame)


def test_indicators_of_few_rows_are_those_among_many():
    frame = make_frame()
    frame.loc[::3, ["price", "stars"]] = None
    router = make_router(add_indicator=True).fit(frame)
    assert router.transform(frame.iloc[:1])["numbers"].shape == (1, 5 + 2)
    assert_same_one_by_one(router, frame)


def test_values_never_seen_give_what_they_give_among_many():
    frame, other = make_frame(), make_frame(1)
    other["colour"], other["floor"], other["review"] = "violet", 7, "never heard"
    router = make_router().fit(frame)
    assert (router.transform(other.iloc[:1])["categories"][:, [0, 2]] == 1).all()
    assert_same_one_by_one(router, other)


@pytest.mark.parametrize(
    "cells",
    [
        [decimal.Decimal("1.5"), decimal.Decimal("3")],
        [datetime.timedelta(days=2), datetime.timedelta(hours=1)],
        [np.float64(2.5), 4],
        [2**70, -(2**70)],
    ],
    ids=["decimals", "durations", "NumPy scalars", "large integers"],
)
def test_numbers_of_any_class_give_what_they_give_among_many(cells):
    frame = pd.DataFrame({"number": pd.Series(cells * 75)})
    router = InputRouter([("numbers", NumberScaler(), ["number"])]).fit(frame)
    assert_same_one_by_one(router, frame)


@pytest.mark.parametrize(
    "cells",
    [
        pd.date_range("2024-01-01", periods=2).tolist(),
        [(1, 2), (2, 1)],
        [True, False],
        [1.5, 2.0],
        ["x", 1],
    ],
    ids=["dates", "tuples", "truth values", "floats", "mixed"],
)
def test_categories_of_any_class_give_what_they_give_among_many(cells):
    frame = pd.DataFrame({"value": pd.Series(cells * 75)})
    router = InputRouter([("categories", CategoryIndexer(), ["value"])]).fit(frame)
    assert len(np.unique(router.transform(frame)["categories"])) == 2
    assert_same_one_by_one(router, frame)


def test_columns_may_stand_elsewhere():
    frame = make_frame()
    router = make_router().fit(frame)
    expected = router.transform(frame)
    moved = pd.concat([frame[["title"]].rename(columns={"title": "extra"}), frame[frame.columns[::-1]]], axis=1)
    for name, array in router.transform(moved.iloc[3:4]).items():
        np.testing.assert_array_equal(array, expected[name][3:4])


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("price", "cheap", r"'cheap' \(type str\)"),
        ("price", np.inf, "infinity"),
        ("price", 10**400, "infinity"),
        ("review", 5, r"5 \(type int\)"),
        ("colour", ["red"], "not single values"),
    ],
)
def test_a_row_is_refused_with_the_message_that_many_rows_get(column, cell, message):
    frame = make_frame()
    router = make_router().fit(frame)
    wrong = frame.iloc[[0]].astype({column: object})
    wrong.at[0, column] = cell
    with pytest.raises(InputMismatchError, match=message) as few:
        router.transform(wrong)
    with pytest.raises(InputMismatchError) as many:
        router.transform(pd.concat([wrong, frame.iloc[1:]]))
    assert str(few.value).replace("1 of 1", f"1 of {N_ROWS}") == str(many.value)


@pytest.mark.parametrize("column", ["price", "colour", "review"])
def test_a_gap_that_was_not_learned_is_warned_of_in_one_row_too(column):
    frame = make_frame()
    router = make_router().fit(frame)
    row = frame.iloc[[7]].astype({column: object})
    row.at[7, column] = None
    with pytest.warns(MissingValuesWarning, match=r"1 of 1 rows.* first at row label 7"):
        router.transform(row)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        router.transform(frame.iloc[[7]])


def test_rows_that_hold_nothing_are_flagged():
    frame = make_frame()[["review"]].astype(object)
    frame.iloc[::5] = None
    router = InputRouter([("review", TextVectorizer(), "review")]).fit(frame)
    assert "review__missing" in router.specs_["review"].missing_name
    assert_same_one_by_one(router, frame)


def test_no_rows_are_no_rows():
    frame = make_frame()
    arrays = make_router().fit(frame).transform(frame.iloc[:0])
    assert {len(array) for array in arrays.values()} == {0}


def test_an_encoder_that_changes_transform_is_not_passed_over():
    class Doubled(NumberScaler):
        def transform(self, columns):
            return 2 * super().transform(columns)

    class Named(NumberScaler):
        pass

    assert Doubled.transform_cells is InputEncoder.transform_cells
    assert Named.transform_cells is NumberScaler.transform_cells
    frame = make_frame()
    router = InputRouter([("numbers", Doubled(), ["price"])]).fit(frame)
    assert_same_one_by_one(router, frame)


def test_words_read_by_a_function_give_what_they_give_among_many():
    frame = make_frame()
    router = InputRouter([("review", TextVectorizer(split=tf.strings.split), "review")])
    assert_same_one_by_one(router.fit(frame), frame)


@pytest.mark.parametrize("n_words", [1, 300])
def test_long_texts_of_few_rows_give_what_they_give_among_many(n_words):
    # Short ones are looked up by Python, long ones by NumPy.
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(["good", "bad", "größe", "unheard-of"], n_words)) for _ in range(N_ROWS)]
    frame = pd.DataFrame({"review": texts})
    router = InputRouter([("review", TextVectorizer(vocabulary=["good", "größe", "good bad"], ngrams=2), "review")])
    assert_same_one_by_one(router.fit(frame), frame)


@pytest.mark.parametrize("n_rows", [1, FEW_ROWS, N_ROWS])
def test_bytes_that_only_claim_to_be_text_are_refused_in_one_row_too(n_rows):
    router = InputRouter([("review", TextVectorizer(), "review")]).fit(make_frame())
    cells = pa.array([b"caf\xe9 food"] + [b"good"] * (n_rows - 1)).view(pa.string())
    wrong = pd.DataFrame({"review": pd.Series(pd.arrays.ArrowExtensionArray(cells))})
    with pytest.raises(InputMismatchError, match=r"Input 'review'.*: not all cells are text in UTF-8.*index 0"):
        router.transform(wrong)
