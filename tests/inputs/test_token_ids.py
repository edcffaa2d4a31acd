"""Token ids that exist already: padded, checked, and told apart from tables of numbers."""

from collections import deque

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

from skmulti import (
    IdsPadder,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    NumberScaler,
    OddCellsWarning,
    SequencePadder,
)

ROWS = [[7, 2, 9], [4], [], [3, 3]]
EXPECTED = [[7, 2, 9], [4, 0, 0], [0, 0, 0], [3, 3, 0]]


def objects(cells):
    """Return cells as a Series of objects called "tokens"."""
    box = np.empty(len(cells), dtype=object)
    for i, cell in enumerate(cells):
        box[i] = cell
    return pd.Series(box, name="tokens")


WRITTEN = {
    "lists": objects(ROWS),
    "tuples": objects([tuple(row) for row in ROWS]),
    "arrays": objects([np.array(row, dtype="uint16") for row in ROWS]),
    "floats": objects([np.array(row, dtype=float) for row in ROWS]),
    "deques": objects([deque(row) for row in ROWS]),
    "tensors": objects([tf.constant(row, dtype="int32") for row in ROWS]),
    "JSON": objects([str(row) for row in ROWS]),
    "padded lists": objects([[*row, *[0] * (5 - len(row))] for row in ROWS]),
    "padded in front": objects([[*[0] * (5 - len(row)), *row] for row in ROWS]),
    "Arrow": pd.Series(ROWS, dtype=pd.ArrowDtype(pa.list_(pa.int32()))),
    "polars": pl.DataFrame({"tokens": ROWS}).to_pandas()["tokens"],
    "array": np.array([[*row, *[0] * (5 - len(row))] for row in ROWS]),
    "array padded in front": np.array([[*[0] * (5 - len(row)), *row] for row in ROWS]),
    "frame": pd.DataFrame([[*row, *[0] * (3 - len(row))] for row in ROWS], columns=["a", "b", "c"]),
    "floats in a frame": pd.DataFrame([[*row, *[0.0] * (3 - len(row))] for row in ROWS]),
    "nullable frame": pd.DataFrame([[*row, *[0] * (3 - len(row))] for row in ROWS], dtype="Int64"),
}


@pytest.mark.parametrize("columns", WRITTEN.values(), ids=WRITTEN)
def test_every_way_to_write_ids_gives_the_same_array(columns):
    padder = IdsPadder().fit(columns)

    assert (padder.length_, padder.vocabulary_size_) == (3, 10)
    assert_array_equal(padder.transform(columns), EXPECTED)
    assert padder.transform(columns).dtype == "int32"


def test_spec_is_one_of_text():
    spec = IdsPadder().fit(objects(ROWS)).spec("tokens")

    assert (spec.kind, spec.shape, spec.dtype, spec.vocabulary_sizes) == ("text", (3,), "int32", (10,))


@pytest.mark.parametrize(("length", "expected"), [(2, 2), (5, 5), (None, 3), (0.5, 2)])
def test_length_is_chosen_as_for_texts_and_longer_rows_are_cut_at_the_end(length, expected):
    padder = IdsPadder(length=length).fit(objects(ROWS))

    assert padder.length_ == expected
    assert_array_equal(padder.transform(objects(ROWS))[0, :2], [7, 2])


def test_gaps_in_rows_of_floats_are_padding():
    frame = pd.DataFrame([[7.0, 2.0, np.nan], [4.0, np.nan, np.nan], [np.nan] * 3])
    array, missing = IdsPadder().fit_encode_and_flag(frame)

    assert_array_equal(array, [[7, 2], [4, 0], [0, 0]])
    assert missing.tolist() == [False, False, True]


def test_missing_cells_are_flagged_and_empty_ones_are_texts_without_words():
    array, missing = IdsPadder().fit_encode_and_flag(objects([None, [], [0, 0], [2]]))

    assert_array_equal(array, [[0], [0], [0], [2]])
    assert missing.tolist() == [True, False, False, False]


def test_padding_id_trades_places_with_zero():
    padder = IdsPadder(padding_id=1).fit(objects([[0, 5, 2, 1, 1], [0, 7, 1, 1, 1]]))

    assert_array_equal(padder.transform(objects([[0, 5, 2, 1, 1], [0, 7, 1, 1, 1]])), [[1, 5, 2], [1, 7, 0]])
    assert padder.vocabulary_size_ == 8


def test_padding_id_may_be_one_that_the_tokenizer_does_not_use():
    padder = IdsPadder(padding_id=10, vocabulary_size=10).fit(objects([[0, 5, 9], [0]]))

    assert_array_equal(padder.transform(objects([[0, 5, 9], [0]])), [[10, 5, 9], [10, 0, 0]])
    assert padder.vocabulary_size_ == 11


def test_larger_ids_of_new_rows_are_unknown():
    assert_array_equal(IdsPadder().fit(objects(ROWS)).transform(objects([[99, 9]])), [[1, 9, 0]])


ODD = {
    "negative": [-1, 2],
    "a fraction": [1.5],
    "infinity": [np.inf],
    "a text": "abc",
    "texts": ["a", "b"],
    "a number": 5,
    "truth values": [True, False],
    "a table": [[1, 2], [3, 4]],
    "ragged": [[1, 2], [3]],
    "beyond any vocabulary": [10**12],
    "a dict": {"a": 1},
}


@pytest.mark.parametrize("cell", ODD.values(), ids=ODD)
@pytest.mark.parametrize("at_fit", [True, False])
def test_odd_cell_is_refused_with_its_place_or_counts_as_missing(cell, at_fit):
    column = objects([*ROWS, cell])
    with pytest.raises(InputMismatchError, match=r"column 'tokens': 1 of 5 cells are not ids.*row label 4") as error:
        IdsPadder().fit(column if at_fit else objects(ROWS)).transform(column)
    assert len(str(error.value)) < 600
    padder = IdsPadder(on_odd="missing")
    with pytest.warns(OddCellsWarning, match="'tokens': 1 of 5 cells are not ids"):
        array, missing = padder.fit(column if at_fit else objects(ROWS)).encode_and_flag(column)
    assert_array_equal(array, [*EXPECTED, [0, 0, 0]])
    assert missing.tolist() == [False] * 4 + [True]


def test_ids_outside_of_a_given_vocabulary_are_odd():
    padder = IdsPadder(vocabulary_size=8)
    with pytest.raises(InputMismatchError, match=r"whole numbers from 0 to 7, first at row label 0: .7, 2, 9"):
        padder.fit(objects(ROWS))
    with pytest.raises(InputMismatchError, match="1 of 2 cells are not ids, which are whole numbers from 0 to 7"):
        padder.fit(np.array([[7, 2], [1, 3]])).transform(np.array([[7, 2], [8, 1]]))


def test_odd_rows_of_an_array_are_named():
    with pytest.raises(InputMismatchError, match=r"1 of 2 cells are not ids.*first at row label 1"):
        IdsPadder().fit(pd.DataFrame([[1, 2], [3, -4]]))


@pytest.mark.parametrize("length", [None, 0.5, 2])
def test_parts_teach_what_the_whole_does(length):
    column = objects([*ROWS * 4, [11, 12, 13, 14]])
    whole, parts = IdsPadder(length=length).fit(column), IdsPadder(length=length)
    for start in range(0, len(column), 3):
        parts.partial_fit(column[start : start + 3])

    assert parts.spec("t") == whole.spec("t")
    assert_array_equal(parts.transform(column), whole.transform(column))


# --- arrays that are ids, and arrays that are numbers


def padded(n_rows=200, width=12, largest=40, *, front=False):
    """Draw rows of ids of different lengths, filled up with 0."""
    rng = np.random.default_rng(0)
    ids = rng.integers(2, largest, (n_rows, width))
    ids[np.arange(width) >= rng.integers(1, width + 1, n_rows)[:, None]] = 0
    return ids[:, ::-1].copy() if front else ids


def drawn(draw, *shape):
    return draw(np.random.default_rng(0), (200, *(shape or (12,))))


IDS = {
    "drawn": drawn(lambda rng, shape: rng.integers(2, 50, shape)),
    "with zeros": drawn(lambda rng, shape: rng.integers(0, 50, shape)),
    "int32": drawn(lambda rng, shape: rng.integers(1, 500, shape).astype("int32")),
    "as frequent as words": drawn(lambda rng, shape: np.minimum(rng.zipf(1.3, shape), 5000), 20),
    "padded": padded(),
    "padded in front": padded(front=True),
    "padded, few ids": padded(largest=6),
    "marks at both ends": np.c_[
        np.full(200, 101), drawn(lambda rng, shape: rng.integers(999, 9999, shape)), np.full(200, 102)
    ],
    "padded and marked": np.c_[np.full(200, 101), padded(largest=30_000)],
    "few rows": padded()[:20],
}
NUMBERS = {
    "0 and 1": drawn(lambda rng, shape: rng.integers(0, 2, shape)),
    "answers": drawn(lambda rng, shape: rng.integers(1, 6, shape)),
    "counts": drawn(lambda rng, shape: rng.poisson(3, shape)),
    "large counts": drawn(lambda rng, shape: rng.poisson(100, shape)),
    "counts of words": drawn(lambda rng, shape: rng.poisson(0.2, shape), 100),
    "columns of their own": np.column_stack(
        [drawn(lambda rng, shape, high=high: rng.integers(9, high, shape)[:, 0]) for high in (90, 10**5, 2000, 12, 400)]
    ),
    "negative": drawn(lambda rng, shape: rng.integers(-5, 50, shape)),
    "steps": drawn(lambda rng, shape: np.abs(rng.normal(size=shape).cumsum(axis=1) * 100).astype(int)),
    "sales of shops": drawn(lambda rng, shape: (rng.gamma(2, 50, (200, 1)) * rng.uniform(0.8, 1.2, shape)).astype(int)),
    "pixels": drawn(lambda rng, shape: rng.integers(0, 255, shape).astype("uint8"), 64),
    "digits": load_digits().data[:200].astype(int),
    "floats": drawn(lambda rng, shape: rng.integers(2, 50, shape).astype(float)),
    "truth values": drawn(lambda rng, shape: rng.integers(0, 2, shape).astype(bool)),
    "one column": drawn(lambda rng, shape: rng.integers(2, 50, shape), 1),
}


@pytest.mark.parametrize("array", IDS.values(), ids=IDS)
def test_array_of_ids_in_a_dict_is_read_as_ids(array):
    router = InputRouter().fit({"tokens": array})

    assert type(router.encoders_["tokens"]) is IdsPadder
    assert router.specs_["tokens"].kind == "text"


@pytest.mark.parametrize("array", NUMBERS.values(), ids=NUMBERS)
def test_array_of_numbers_in_a_dict_stays_numbers(array):
    assert IdsPadder.suits_array(pd.DataFrame(array)) is None


@pytest.mark.parametrize("name", ["counts", "columns of their own", "pixels"])
def test_array_of_numbers_is_scaled(name):
    assert type(InputRouter().fit({"a": NUMBERS[name]}).encoders_["a"]) is NumberScaler


def test_named_columns_are_numbers():
    frame = pd.DataFrame(IDS["padded"]).rename(columns="day {}".format)

    assert type(InputRouter().fit({"a": frame}).encoders_["a"]) is NumberScaler
    assert {row.encoder for row in InputRouter().fit(frame).plan_.itertuples()} == {"NumberScaler"}


def test_lists_of_numbers_stay_sequences_unless_they_are_named_text():
    X = {"tokens": [[1, 2], [3]] * 10, "x": np.arange(20.0)}

    assert type(InputRouter().fit(X).encoders_["tokens"]) is SequencePadder
    assert type(InputRouter(kinds={"tokens": "text"}).fit(X).encoders_["tokens"]) is IdsPadder


@pytest.mark.parametrize("kind", ["text", "vector"])
def test_kinds_hold_for_arrays(kind):
    assert InputRouter(kinds={"a": kind}).fit({"a": IDS["padded"]}).specs_["a"].kind == kind
    assert InputRouter(kinds={"a": kind}).fit({"a": NUMBERS["counts"]}).specs_["a"].kind == kind


def test_an_array_of_ids_is_as_good_in_a_dict_as_in_a_data_set():
    ids = padded(600)
    y = (ids == 7).any(axis=1).astype(int)
    X = {"tokens": ids, "x": np.random.default_rng(1).normal(size=(600, 2))}
    train, test = ({name: array[rows] for name, array in X.items()} for rows in (slice(0, 450), slice(450, None)))
    est = MultiInputClassifier(epochs=25, random_state=0).fit(train, y[:450])

    assert est.score(test, y[450:]) > 0.95
    assert est.router_.plan_["reason"][0] == "token ids, padded with 0"


def test_entry_of_several_kinds_is_refused_by_name():
    frame = pd.DataFrame({"city": ["a", "b"] * 10, "age": np.arange(20) / 3})
    with pytest.raises(
        InputMismatchError, match=r"Input 'table': one entry .*'age' holds numbers and column 'city' 2 diff"
    ):
        InputRouter().fit({"table": frame})


def test_entry_of_numbers_and_truth_values_is_numbers():
    frame = pd.DataFrame({"is_new": [True, False] * 10, "age": np.arange(20) / 3})

    assert type(InputRouter().fit({"table": frame}).encoders_["table"]) is NumberScaler
