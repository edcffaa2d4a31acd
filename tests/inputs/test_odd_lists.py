"""Columns of vectors and sequences: what most cells are decides, in whatever form cells come."""

import warnings
from array import array
from collections import deque

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from skmulti import InputMismatchError, InputRouter, OddCellsWarning, SequencePadder, VectorStacker

N = 60


def objects(cells):
    """Return cells as a Series of objects called "emb"."""
    box = np.empty(len(cells), dtype=object)
    for i, cell in enumerate(cells):
        box[i] = cell
    return pd.Series(box, name="emb")


def vectors():
    return list(np.random.default_rng(0).normal(size=(N, 3)))


def sequences():
    rng = np.random.default_rng(0)
    return [rng.normal(size=k).tolist() for k in rng.integers(1, 6, N)]


SAME = {
    "list": [1.0, 2.0],
    "tuple": (1, 2),
    "range": range(1, 3),
    "deque": deque([1, 2]),
    "set": {2.0, 1.0},
    "frozenset": frozenset([2, 1]),
    "array": np.array([1, 2], dtype="float16"),
    "big-endian": np.array([1, 2], dtype=">f4"),
    "objects": np.array([1, 2.0], dtype=object),
    "array.array": array("d", [1, 2]),
    "memoryview": memoryview(np.array([1.0, 2.0])),
    "Series": pd.Series([1, 2], index=["a", "b"]),
    "nullable": pd.array([1, 2], dtype="Int64"),
    "polars": pl.Series([1, 2]),
    "Arrow": pa.array([1, 2]),
    "tensor": tf.constant([1.0, 2.0]),
    "variable": tf.Variable([1.0, 2.0]),
    "sparse": scipy.sparse.csr_matrix([[1, 2]]),
    "masked nothing": np.ma.array([1.0, 2.0], mask=[False, False]),
    "JSON": "[1, 2]",
    "JSON with blanks": "  [1.0,2e0] ",
    "Python's tuple": "(1, 2)",
    "NumPy's print": "[1. 2.]",
    "NumPy's scalars": "[np.float64(1.0), np.float64(2.0)]",
    "comma": "1.0,2.0",
    "comma and blank": "1.0, 2.0",
    "semicolon": "1.0;2.0",
    "blank": "1.0 2.0",
    "point": "POINT (1 2)",
    "point with a system": "SRID=4326;POINT(1.0 2.0)",
}


@pytest.mark.parametrize("cell", SAME.values(), ids=SAME)
def test_cells_of_any_make_are_the_same_vector_and_sequence(cell):
    column = objects([cell, [3.0, 4.0]])

    assert_array_equal(VectorStacker().fit_transform(column), [[1, 2], [3, 4]])
    assert_array_equal(SequencePadder().fit_transform(column)[:, :, 0], [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    "cell",
    [np.ma.array([1.0, 9.0], mask=[False, True]), [1, None], [1, np.nan], "[1, null]", "[1, NaN]", pd.array([1, None])],
    ids=repr,
)
def test_gaps_in_cells_stay_gaps(cell):
    column = objects([cell, [3.0, 4.0]])

    assert_array_equal(VectorStacker().fit_transform(column), [[1, np.nan], [3, 4]])
    assert_array_equal(SequencePadder().fit_transform(column)[:, :, 0], [[1, np.nan], [3, 4]])


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([[1.0, 2.0], None, [3.0, 4.0]], dtype=pd.ArrowDtype(pa.list_(pa.float32()))),
        pd.Series([[1.0, 2.0], None, [3.0, 4.0]], dtype=pd.ArrowDtype(pa.list_(pa.float64(), 2))),
        pd.Series([[1, 2], None, [3, 4]], dtype=pd.ArrowDtype(pa.large_list(pa.int64()))),
        pl.DataFrame({"emb": [[1.0, 2.0], None, [3.0, 4.0]]}).to_pandas()["emb"],
        pl.DataFrame({"emb": [[1.0, 2.0], None, [3.0, 4.0]]}, schema={"emb": pl.Array(pl.Float32, 2)}).to_pandas()[
            "emb"
        ],
        pd.Series(["[1, 2]", None, "[3, 4]"], dtype="string"),
        pd.Series(["1.0,2.0", None, "3.0,4.0"], dtype=pd.ArrowDtype(pa.string())),
    ],
    ids=lambda column: str(column.dtype),
)
def test_columns_of_other_libraries_are_vectors(column):
    assert VectorStacker.suits(column) == "vectors of 2 numbers in cells"
    assert_array_equal(VectorStacker().fit_transform(column), [[1, 2], [np.nan, np.nan], [3, 4]])


ODD = {
    "too short": [1.0, 2.0],
    "too long": [1.0] * 4,
    "empty": [],
    "a number": 0.0,
    "a whole number": 7,
    "a text": "unknown",
    "texts": ["a", "b", "c"],
    "an array without dimensions": np.array(1.0),
    "a table": [[1.0, 2.0, 3.0]],
    "ragged": [[1.0], [2.0, 3.0]],
    "complex": [1 + 2j, 0, 0],
    "days": [pd.Timestamp("2020-01-01")] * 3,
    "a dict": {"a": 1},
    "infinity": [np.inf, 0.0, 0.0],
    "truth": True,
}


@pytest.mark.parametrize("cell", ODD.values(), ids=ODD)
@pytest.mark.parametrize("position", [0, 31])
def test_odd_cell_among_vectors_is_refused_or_missing(cell, position):
    cells = vectors()
    cells[position] = cell
    column = objects(cells)
    with pytest.raises(
        InputMismatchError, match=rf"column 'emb': 1 of 60 cells are not .*at row label {position}:"
    ) as error:
        VectorStacker().fit_transform(column)
    assert len(str(error.value)) < 600
    assert VectorStacker.suits(column) == "vectors of 3 numbers in cells"
    with pytest.warns(OddCellsWarning, match=rf"'emb': 1 of 60 cells are not .*row label {position}:"):
        stacked, missing = VectorStacker(on_odd="missing").fit_encode_and_flag(column)
    expected = np.array(vectors(), dtype="float32")
    expected[position] = np.nan
    assert_array_equal(stacked, expected)
    assert missing.tolist() == [i == position for i in range(N)]


@pytest.mark.parametrize(
    "cell",
    [0.0, "unknown", np.array(1.0), {"a": 1}, ["a"], [1 + 2j], [[1.0], [2.0, 3.0]], [[1.0, 2.0]], np.zeros((2, 2, 2))],
    ids=repr,
)
@pytest.mark.parametrize("position", [0, 31])
def test_odd_cell_among_sequences_is_refused_or_missing(cell, position):
    cells = sequences()
    cells[position] = cell
    column = objects(cells)
    with pytest.raises(InputMismatchError, match=rf"column 'emb': 1 of 60 .*at row label {position}[:,]") as error:
        SequencePadder().fit(column)
    assert len(str(error.value)) < 600
    assert SequencePadder.suits(column) == "lists of numbers of different lengths"
    padder = SequencePadder(on_odd="missing")
    with pytest.warns(OddCellsWarning, match=rf"'emb': 1 of 60 cells are not sequences.*row label {position}:"):
        padded, missing = padder.fit_encode_and_flag(column)
    cells[position] = None
    assert_array_equal(padded, SequencePadder().fit_transform(objects(cells)))
    assert missing.tolist() == [i == position for i in range(N)]


def test_absent_file_counts_as_missing(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3.0))
    column = objects([str(tmp_path / "a.npy"), str(tmp_path / "b.npy")])
    with pytest.warns(OddCellsWarning, match=r"'emb': 1 of 2 cells are not sequences.*b\.npy"):
        padded = SequencePadder(on_odd="missing").fit_transform(column)

    assert_array_equal(padded[:, :, 0], [[0, 1, 2], [np.nan] * 3])


def test_half_of_the_cells_decide_nothing():
    assert VectorStacker.suits(objects([*vectors()[:30], *["text"] * 30])) is None
    assert SequencePadder.suits(objects([*sequences()[:30], *["text"] * 30])) is None


@pytest.mark.parametrize(("cells", "kind"), [(vectors, VectorStacker), (sequences, SequencePadder)])
def test_router_takes_most_cells_and_warns_once(cells, kind):
    cells = cells()
    cells[4] = cells[5] = 0.0
    X = pd.DataFrame({"emb": objects(cells), "x": np.arange(N, dtype=float)})
    with pytest.warns(OddCellsWarning) as caught:
        arrays = InputRouter().fit_transform(X)

    assert len(caught) == 1
    assert "column 'emb': 2 of 60 cells are not" in str(caught[0].message)
    assert np.isnan(arrays["emb"][4:6]).all()
    with pytest.raises(InputMismatchError, match=r"Input 'emb' \(column 'emb'\): 2 of 60"):
        InputRouter([("emb", kind(), "emb")]).fit(X)


@pytest.mark.parametrize(("cells", "kind"), [(vectors, VectorStacker), (sequences, SequencePadder)])
def test_odd_cells_change_nothing_but_their_rows(cells, kind):
    clean, dirty = objects(cells()), objects(cells())
    dirty[[3, 40]] = "?"
    encoder = kind(on_odd="missing")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OddCellsWarning)
        rows = np.delete(np.arange(N), [3, 40])
        assert_allclose(encoder.fit_transform(dirty)[rows], kind().fit_transform(clean)[rows])


@pytest.mark.parametrize("kind", [VectorStacker, SequencePadder])
def test_parts_with_an_odd_cell_teach_what_the_whole_does(kind):
    cells = vectors()
    cells[0] = [1.0, 2.0, 3.0, 4.0] if kind is VectorStacker else "?"
    column = objects(cells)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OddCellsWarning)
        whole, parts = kind(on_odd="missing").fit(column), kind(on_odd="missing")
        for start in range(0, N, 20):
            parts.partial_fit(column[start : start + 20])
        assert parts.spec("a") == whole.spec("a")
        assert_array_equal(parts.transform(column), whole.transform(column))


NO_LISTS = {
    "decimal commas": [f"{i},5" for i in range(N)],
    "thousands": [f"{i + 1},{i + 100}" for i in range(N)],
    "phone numbers": [f"{i + 100} {i + 200} {i + 3000}" for i in range(N)],
    "days": [f"2020-01-{i % 28 + 1:02}" for i in range(N)],
    "hours": [f"{i % 24:02}:{i:02}" for i in range(N)],
    "versions": [f"1.{i}.2" for i in range(N)],
    "numbers": [f"{i}.5" for i in range(N)],
    "words": ["a", "b"] * 30,
    "addresses": [f"10.0.0.{i}" for i in range(N)],
    "brackets": [f"[{i}" for i in range(N)],
    "ranges": [f"{i} - {i + 5}" for i in range(N)],
}


@pytest.mark.parametrize("cells", NO_LISTS.values(), ids=NO_LISTS)
def test_texts_that_are_no_lists_suit_neither(cells):
    assert VectorStacker.suits(objects(cells)) is None
    assert SequencePadder.suits(objects(cells)) is None


@pytest.mark.parametrize(
    ("cells", "n_values"),
    [
        ([f"{i % 200},{i},{255 - i}" for i in range(N)], 3),
        ([" ".join(map(str, range(i, i + 16))) for i in range(N)], 16),
        ([f"[{i}, {i + 1}]" for i in range(N)], 2),
        ([f"({i / 7:.2f}, {-i})" for i in range(N)], 2),
        ([f"point z ({i} {i} {i})" for i in range(N)], 3),
    ],
)
def test_texts_that_list_numbers_are_vectors(cells, n_values):
    assert VectorStacker.suits(objects(cells)) == f"vectors of {n_values} numbers in cells"
    assert SequencePadder.suits(objects(cells)) is None


@pytest.mark.parametrize(
    "text",
    ["[" * 5000 + "]" * 5000, "1" * 5000 + "x", "1" + " " * 20000 + "x", "{" * 900, "[1, __import__('os')]", "['\\d']"],
)
def test_hostile_texts_are_no_lists(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert VectorStacker.suits(objects([text] * 3)) is None


def test_a_column_of_sequences_that_is_another_one_is_refused():
    router = InputRouter().fit(objects(sequences()).to_frame())
    with pytest.raises(InputMismatchError, match=r"5 of 5 cells are not sequences of numbers, first at row label 0"):
        router.transform(pd.DataFrame({"emb": list("abcde")}))
    with pytest.warns(OddCellsWarning, match="1 of 1 cells are not sequences"):
        router.transform(pd.DataFrame({"emb": ["a"]}))
