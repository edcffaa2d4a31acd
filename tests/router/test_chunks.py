"""Many rows are encoded in pieces, by threads: they must give what all rows give at once, in arrays and in words."""

import datetime
import json
import warnings

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.preprocessing import StandardScaler
from threads import python_threads

from skmulti import (
    CalendarEncoder,
    CategoryIndexer,
    IdsPadder,
    InputMismatchError,
    InputRouter,
    NumberScaler,
    RecordVectorizer,
    SequencePadder,
    TagsIndexer,
    TextVectorizer,
    VectorStacker,
)
from skmulti.network import forward
from skmulti.router import fitted

N_ROWS, PIECE = 300, 32
WORDS = ["good", "bad", "fine", "soft,", "cotton", "größe", "dress"]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(fitted, "CHUNK_ROWS", PIECE)


def make_frame(seed=0):
    rng = np.random.default_rng(seed)
    days = [datetime.datetime(2024, 1, 1) + datetime.timedelta(days=int(day)) for day in rng.integers(0, 900, N_ROWS)]
    words = [list(rng.choice(WORDS, rng.integers(1, 6))) for _ in range(N_ROWS)]
    return pd.DataFrame(
        {
            "price": rng.normal(50, 20, N_ROWS),
            "count": rng.integers(0, 9, N_ROWS),
            "colour": rng.choice(["red", "green", "blue"], N_ROWS),
            "size": pd.Categorical(rng.choice(["S", "M", "L"], N_ROWS)),
            "day": days,
            "tags": words,
            "vector": list(rng.normal(size=(N_ROWS, 3))),
            "ids": [rng.integers(1, 9, rng.integers(1, 5)).tolist() for _ in range(N_ROWS)],
            "steps": [rng.normal(size=rng.integers(1, 7)).tolist() for _ in range(N_ROWS)],
            "record": [json.dumps({"a": int(a), "b": str(a % 3)}) for a in rng.integers(0, 99, N_ROWS)],
            "text": [" ".join(row) for row in words],
        }
    )


ENTRIES = [
    ("numbers", NumberScaler(), ["price", "count"]),
    ("categories", CategoryIndexer(), ["colour", "size"]),
    ("day", CalendarEncoder(), ["day"]),
    ("tags", TagsIndexer(), "tags"),
    ("vector", VectorStacker(), "vector"),
    ("ids", IdsPadder(), "ids"),
    ("steps", SequencePadder(), "steps"),
    ("record", RecordVectorizer(), "record"),
    ("text", TextVectorizer(ngrams=2), "text"),
]


def joined(chunks):
    chunks = list(chunks)
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry[0] for entry in ENTRIES])
@pytest.mark.parametrize("gaps", [False, True], ids=["complete", "gaps"])
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_pieces_give_what_all_rows_give(entry, gaps, n_jobs):
    frame = make_frame()
    for column in [entry[2]] if isinstance(entry[2], str) else entry[2]:
        if gaps:
            frame[column] = frame[column].astype(object)
            frame.loc[::7, column] = None
    router = InputRouter([entry], n_jobs=n_jobs).fit(frame)
    chunks = list(router.chunks(frame))
    assert len(chunks) == -(-N_ROWS // PIECE)
    assert_equal(joined(chunks), router.transform(frame))


def test_values_never_seen_are_unknown_in_pieces_too():
    router = InputRouter([ENTRIES[1], ENTRIES[8]]).fit(make_frame())
    other = make_frame(1).assign(text="never heard")
    assert_equal(joined(router.chunks(other)), router.transform(other))


def test_arrays_by_name_are_divided_too():
    arrays = {"a": np.random.default_rng(0).normal(size=(N_ROWS, 2)), "b": np.arange(N_ROWS) % 5}
    router = InputRouter([("a", NumberScaler(), "a"), ("b", CategoryIndexer(), "b")]).fit(arrays)
    assert_equal(joined(router.chunks(arrays)), router.transform(arrays))


@pytest.mark.parametrize(
    "entry",
    [
        ("scaled", StandardScaler(), ["price"]),
        ("text", TextVectorizer(split=tf.strings.split), "text"),
    ],
    ids=["transformer of scikit-learn", "function of a user"],
)
def test_what_may_read_all_rows_gets_all_rows(entry):
    frame = make_frame()
    router = InputRouter([ENTRIES[0], entry]).fit(frame)
    (chunk,) = router.chunks(frame)
    assert_equal(chunk, router.transform(frame))


class Centred(NumberScaler):
    def transform(self, columns):
        array = super().transform(columns)
        return array - array.mean(axis=0)


def test_a_transform_of_a_users_own_gets_all_rows():
    router = InputRouter([("numbers", Centred(), ["price"])]).fit(make_frame())
    (chunk,) = router.chunks(make_frame())
    assert chunk["numbers"].mean() == pytest.approx(0, abs=1e-6)


def said_of(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    return result, [(str(one.message), one.category) for one in caught]


@pytest.mark.parametrize("row", [3, 100, N_ROWS - 1])
@pytest.mark.parametrize(
    ("column", "cell"), [("price", "cheap"), ("colour", ["red"]), ("text", 5j), ("price", None), ("text", None)]
)
def test_what_is_warned_of_is_said_once_and_of_all_rows(column, cell, row):
    frame = make_frame()[["price", "colour", "text"]]
    entries = [
        ("numbers", NumberScaler(on_odd="missing"), ["price"]),
        ("categories", CategoryIndexer(on_odd="missing"), ["colour"]),
        ("text", TextVectorizer(on_odd="missing"), "text"),
    ]
    router = InputRouter(entries).fit(frame)
    frame[column] = frame[column].astype(object)
    frame.at[row, column] = cell
    expected, once = said_of(lambda: router.transform(frame))
    found, said = said_of(lambda: joined(router.chunks(frame)))
    assert len(once) == 1
    assert said == once
    assert_equal(found, expected)


def test_a_piece_without_any_right_cell_is_not_another_column():
    # Five or more wrong cells and no other would be refused, were they all of the column.
    frame = make_frame()[["price"]]
    router = InputRouter([("numbers", NumberScaler(on_odd="missing"), ["price"])]).fit(frame)
    frame["price"] = frame["price"].astype(object)
    frame.loc[PIECE : 2 * PIECE - 1, "price"] = "?"
    expected, once = said_of(lambda: router.transform(frame))
    found, said = said_of(lambda: joined(router.chunks(frame)))
    assert said == once
    assert_equal(found, expected)


@pytest.mark.parametrize(("column", "cell"), [("price", "cheap"), ("price", np.inf), ("colour", ["red"]), ("text", 5)])
def test_a_row_is_refused_with_the_message_of_all_rows(column, cell):
    frame = make_frame()
    router = InputRouter([ENTRIES[0], ENTRIES[1], ENTRIES[8]]).fit(frame)
    frame[column] = frame[column].astype(object)
    frame.at[200, column] = cell
    before = python_threads()
    with pytest.raises(InputMismatchError) as whole:
        router.transform(frame)
    with pytest.raises(InputMismatchError) as pieces:
        list(router.chunks(frame))
    assert str(pieces.value) == str(whole.value)
    assert python_threads() <= before


class Interrupting(NumberScaler):
    in_pieces = True

    def transform(self, columns):
        if len(columns) <= PIECE and columns.index[0] >= 4 * PIECE:
            raise KeyboardInterrupt
        return super().transform(columns)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupt_comes_through_and_ends_the_threads(n_jobs):
    frame = make_frame()
    router = InputRouter([("numbers", Interrupting(), ["price"])], n_jobs=n_jobs).fit(frame)
    before = python_threads()
    with pytest.raises(KeyboardInterrupt):
        list(router.chunks(frame))
    assert python_threads() <= before


def test_a_loop_that_is_left_ends_the_threads():
    frame = make_frame()
    router = InputRouter([ENTRIES[0]], n_jobs=2).fit(frame)
    before = python_threads()
    for _ in router.chunks(frame):
        break
    assert python_threads() <= before


def test_pieces_are_divided_where_all_rows_would_be():
    assert fitted.LEAST_ROWS % forward.CHUNK_ROWS == 0
