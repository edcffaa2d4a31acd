"""Dicts in cells: a column for each key, whatever wrote the dict."""

import json
from collections import OrderedDict
from types import MappingProxyType

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose
from sklearn.feature_extraction import DictVectorizer
from sklearn.preprocessing import StandardScaler

from skmulti import (
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    OddCellsWarning,
    RecordVectorizer,
    TagsIndexer,
)

ROWS = [{"rooms": 2, "heating": "gas"}, {"rooms": 4, "heating": "oil"}, {"heating": "gas"}]
EXPECTED = [[-1, 1, 0], [1, 0, 1], [np.nan, 1, 0]]


def objects(cells):
    """Return cells as a Series of objects called "flat"."""
    return pd.Series(list(cells), dtype=object, name="flat")


WRITTEN = {
    "dicts": objects(ROWS),
    "ordered dicts": objects(map(OrderedDict, ROWS)),
    "read-only dicts": objects(map(MappingProxyType, ROWS)),
    "JSON": objects(map(json.dumps, ROWS)),
    "Python": objects(map(str, ROWS)),
    "gaps": objects([{"rooms": 2.0, "heating": "gas"}, ROWS[1], {"rooms": None, "heating": "gas"}]),
    "NaN": objects([{"rooms": np.int8(2), "heating": "gas"}, ROWS[1], {"rooms": np.nan, "heating": "gas"}]),
    "Arrow": pd.Series(ROWS, dtype=pd.ArrowDtype(pa.struct([("rooms", pa.int64()), ("heating", pa.string())]))),
    "polars": pl.DataFrame({"flat": ROWS}).to_pandas()["flat"],
}


@pytest.mark.parametrize("column", WRITTEN.values(), ids=WRITTEN)
def test_every_way_to_write_records_gives_the_same_array(column):
    vectorizer = RecordVectorizer().fit(column)

    assert vectorizer.feature_names_ == ["rooms", "heating=gas", "heating=oil"]
    assert vectorizer.get_feature_names_out().tolist() == vectorizer.feature_names_
    assert_allclose(vectorizer.transform(column), EXPECTED)


def test_arrow_maps_are_records():
    column = pd.Series(
        [[("a", 1.0)], [("a", 3.0), ("b", 1.0)]], dtype=pd.ArrowDtype(pa.map_(pa.string(), pa.float64()))
    )

    assert_allclose(RecordVectorizer().fit_transform(column), [[-1, np.nan], [1, 0]])


def test_numbers_are_those_of_scikit_learns_parts():
    rng = np.random.default_rng(0)
    rows = [
        {"a": float(a), "b": float(b), "c": "xyz"[k]}
        for a, b, k in zip(*rng.normal(size=(2, 50)), rng.integers(0, 3, 50), strict=True)
    ]
    dense = DictVectorizer(sparse=False).fit_transform(rows)
    dense[:, :2] = StandardScaler().fit_transform(dense[:, :2])

    assert_allclose(RecordVectorizer(dtype="float64").fit_transform(objects(rows)), dense, atol=1e-9)


def test_dicts_in_dicts_lists_of_texts_and_truth_values_become_columns():
    column = objects(
        [
            {"size": {"w": 1, "h": {"cm": 5}}, "tags": ["a", "b"], "new": True},
            {"size": {"w": 3}, "tags": ["b"], "new": False},
        ]
    )
    vectorizer = RecordVectorizer().fit(column)

    assert vectorizer.feature_names_ == ["new", "size.h.cm", "size.w", "tags=a", "tags=b"]
    assert_allclose(vectorizer.transform(column), [[1, 0, -1, 1, 1], [-1, np.nan, 1, 0, 1]])


def test_unknown_keys_and_texts_are_ignored():
    vectorizer = RecordVectorizer().fit(objects(ROWS))

    assert_allclose(vectorizer.transform(objects([{"rooms": 3, "heating": "wood", "age": 5}])), [[0, 0, 0]])
    assert_allclose(vectorizer.transform(objects([{"rooms": "three"}])), [[np.nan, 0, 0]])


def test_values_that_no_column_can_hold_are_left_out():
    column = objects([{"a": 1, "at": pd.Timestamp("2020"), "b": [[1, 2]], "c": np.inf, "d": 1 + 2j}])

    assert RecordVectorizer().fit(column).feature_names_ == ["a"]


def test_only_the_most_frequent_texts_of_a_key_get_columns():
    column = objects([{"id": f"u{i % 7}"} for i in range(50)])

    assert RecordVectorizer(max_categories=2).fit(column).feature_names_ == ["id=u0", "id=u1"]


def test_missing_and_empty_records():
    array, missing = RecordVectorizer().fit_encode_and_flag(objects([None, {}, {"a": 1, "b": "x"}, np.nan]))

    assert missing.tolist() == [True, False, False, True]
    assert_allclose(array, [[np.nan] * 2, [np.nan, 0], [0, 1], [np.nan] * 2])


@pytest.mark.parametrize("step", [1, 4, 50])
def test_parts_teach_what_the_whole_does(step):
    rng = np.random.default_rng(0)
    column = objects(
        [
            {"a": float(a), "b": "xyz"[k]} if k else None
            for a, k in zip(rng.normal(1e6, 1, 30), rng.integers(0, 3, 30), strict=True)
        ]
    )
    whole, parts = RecordVectorizer().fit(column), RecordVectorizer()
    for start in range(0, len(column), step):
        parts.partial_fit(column[start : start + step])

    assert parts.feature_names_ == whole.feature_names_
    assert_allclose(parts.transform(column), whole.transform(column), rtol=1e-5)


@pytest.mark.parametrize("cell", [5, "a", [1, 2], {1, 2}, "[1, 2]", np.zeros(2)], ids=repr)
def test_odd_cell_is_refused_with_its_place_or_counts_as_missing(cell):
    column = objects([*ROWS, None])
    column[3] = cell
    with pytest.raises(InputMismatchError, match=r"column 'flat': 1 of 4 cells are not dicts, first at row label 3"):
        RecordVectorizer().fit(column)
    with pytest.warns(OddCellsWarning, match="'flat': 1 of 4 cells are not dicts"):
        array, missing = RecordVectorizer(on_odd="missing").fit_encode_and_flag(column)
    assert_allclose(array, [*EXPECTED, [np.nan] * 3])
    assert missing.tolist() == [False] * 3 + [True]


def test_column_of_dicts_decides():
    rng = np.random.default_rng(0)
    a, y = rng.normal(size=300), rng.integers(0, 2, 300)
    X = pd.DataFrame(
        {
            "x": rng.normal(size=300),
            "at": objects(json.dumps({"a": float(v), "b": ["no", "yes"][k]}) for v, k in zip(a, y, strict=True)),
        }
    )
    est = MultiInputClassifier(epochs=15, random_state=0).fit(X[:200], y[:200])

    assert est.router_.plan_["encoder"].tolist() == ["NumberScaler", "RecordVectorizer"]
    assert est.score(X[200:], y[200:]) == 1


def test_tables_in_cells_find_their_kinds():
    n = 40
    X = pd.DataFrame(
        {
            "pair": [f"[{i}, {i * i % 7}]" for i in range(n)],
            "place": [f"{i / 7:.3f},{-i / 3:.3f}" for i in range(n)],
            "point": [f"POINT ({i} {i % 7})" for i in range(n)],
            "trace": [str(list(range(i % 5 + 1))) for i in range(n)],
            "genres": [json.dumps([["a"], ["a", "b"], ["c"]][i % 3]) for i in range(n)],
            "record": [json.dumps({"a": i}) for i in range(n)],
        }
    )
    router = InputRouter().fit(X)

    assert {name: spec.kind for name, spec in router.specs_.items()} == {
        "pair": "vector",
        "place": "vector",
        "point": "vector",
        "trace": "sequence",
        "genres": "tags",
        "record": "vector",
    }
    assert type(router.encoders_["genres"]) is TagsIndexer
