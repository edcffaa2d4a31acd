"""Tags: sets of words in cells, however they are written, become ids whose order and repeats do not matter."""

import json
import pickle
from collections import deque

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skmulti import (
    ArraySpec,
    BranchMismatchError,
    CategoryIndexer,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    OddCellsWarning,
    TagsBranch,
    TagsIndexer,
    TextVectorizer,
)
from skmulti.inputs.tags import find_separator

ROWS = [["drama", "action"], ["drama"], [], ["noir", "drama", "drama"], ["action"]]
# drama occurs in three rows, action in two, noir in one.
EXPECTED = [[2, 3], [2, 0], [0, 0], [2, 4], [3, 0]]


def objects(cells):
    """Return cells as a Series of objects called "genres"."""
    box = np.empty(len(cells), dtype=object)
    # One by one, since NumPy would make a table of lists of one length.
    for i, cell in enumerate(cells):
        box[i] = cell
    return pd.Series(box, name="genres")


def drawn(n_rows=200, seed=0, most=4):
    """Draw rows of up to `most` of eight tags."""
    rng = np.random.default_rng(seed)
    return [rng.choice(list("abcdefgh"), rng.integers(0, most + 1), replace=False).tolist() for _ in range(n_rows)]


WRITTEN = {
    "lists": ROWS,
    "tuples": [tuple(row) for row in ROWS],
    "sets": [set(row) for row in ROWS],
    "frozensets": [frozenset(row) for row in ROWS],
    "arrays": [np.array(row, dtype=str) for row in ROWS],
    "object arrays": [np.array(row, dtype=object) for row in ROWS],
    "deques": [deque(row) for row in ROWS],
    "Series": [pd.Series(row, dtype=object) for row in ROWS],
    "polars Series": [pl.Series(row, dtype=pl.String) for row in ROWS],
    "dict keys": [dict.fromkeys(row).keys() for row in ROWS],
    "tensors": [tf.constant(row, dtype=tf.string) for row in ROWS],
    "bytes": [[tag.encode() for tag in row] for row in ROWS],
    "JSON": [json.dumps(row) for row in ROWS],
    "Python": [str(row) for row in ROWS],
    "NumPy's scalars": [str([np.str_(tag) for tag in row]) for row in ROWS],
    "joined with |": ["|".join(row) for row in ROWS],
    "joined with a semicolon": ["; ".join(row) for row in ROWS],
    "joined with a comma": [",".join(row) for row in ROWS],
    "joined with a comma and a blank": [", ".join(row) for row in ROWS],
    "separators at the ends": ["".join(f"|{tag}" for tag in row) + "|" for row in ROWS],
    "blanks around tags": [[f" {tag} " for tag in row] for row in ROWS],
    "gaps in lists": [[*row, None, np.nan, ""] for row in ROWS],
    "lists and strings": ["drama|action", *ROWS[1:3], "noir|drama", ROWS[4]],
}


@pytest.mark.parametrize("cells", WRITTEN.values(), ids=WRITTEN)
def test_every_way_to_write_tags_gives_the_same_ids(cells):
    indexer = TagsIndexer().fit(objects(cells))

    assert indexer.tags_.tolist() == ["drama", "action", "noir"]
    assert_array_equal(indexer.transform(objects(cells)), EXPECTED)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(ROWS, dtype=pd.ArrowDtype(pa.list_(pa.string()))),
        pd.Series(ROWS, dtype=pd.ArrowDtype(pa.large_list(pa.string()))),
        pl.DataFrame({"genres": ROWS}).to_pandas()["genres"],
        pa.table({"genres": ROWS}).to_pandas()["genres"],
        pd.Series(["|".join(row) for row in ROWS], dtype="string"),
        pd.Series(["|".join(row) for row in ROWS], dtype=pd.ArrowDtype(pa.string())),
    ],
    ids=lambda column: str(column.dtype),
)
def test_columns_of_other_libraries_give_the_same_ids(column):
    assert_array_equal(TagsIndexer().fit_transform(column), EXPECTED)


def test_numbers_and_texts_that_are_equal_are_one_tag():
    cells = objects([[1, 2], ["1", "3"], [1.0], np.array([2.0, 3.0]), [True]])

    assert TagsIndexer().fit(cells).tags_.tolist() == ["1", "2", "3", "True"]


def test_dicts_in_lists_are_tags():
    cells = [[{"id": 28, "name": "Action"}], [{"name": "Action", "id": 28}, {"id": 1, "name": "Noir"}]]
    indexer = TagsIndexer()

    for written in (cells, [json.dumps(cell) for cell in cells]):
        assert_array_equal(indexer.fit_transform(objects(written)), [[2, 0], [2, 3]])


def test_masked_entries_are_no_tags():
    assert TagsIndexer().fit(objects([np.ma.array(["a", "b"], mask=[False, True])])).tags_.tolist() == ["a"]


def test_a_row_without_tags_is_not_missing_and_none_is():
    column = objects([["a"], [], "", None, np.nan, pd.NA])
    array, missing = TagsIndexer().fit_encode_and_flag(column)

    assert missing.tolist() == [False, False, False, True, True, True]
    assert_array_equal(array, [[2], [0], [0], [0], [0], [0]])


def test_order_and_repeats_do_not_matter():
    indexer = TagsIndexer().fit(objects(ROWS))

    assert_array_equal(indexer.transform(objects([["noir", "drama"], ["drama", "noir", "noir"]])), [[2, 4], [2, 4]])


def test_unknown_tags_share_an_id():
    assert_array_equal(
        TagsIndexer().fit(objects(ROWS)).transform(objects([["x", "y", "noir"], ["x"]])), [[1, 4], [1, 0]]
    )


def test_a_row_with_too_many_tags_keeps_the_most_frequent():
    indexer = TagsIndexer().fit(objects(ROWS))

    assert indexer.length_ == 2
    assert_array_equal(indexer.transform(objects([["noir", "action", "drama"]])), [[2, 3]])


def test_one_endless_row_does_not_make_every_row_as_long():
    indexer = TagsIndexer().fit(objects([[str(i) for i in range(5000)], ["1"]]))

    assert indexer.length_ == 256
    assert indexer.transform(objects([["4999"]])).shape == (1, 256)


@pytest.mark.parametrize(
    ("options", "tags"),
    [
        ({"min_frequency": 2}, ["drama", "action"]),
        ({"min_frequency": 0.5}, ["drama"]),
        ({"max_categories": 2}, ["drama"]),
        ({"max_categories": 1}, []),
        ({"max_categories": 9}, ["drama", "action", "noir"]),
    ],
)
def test_rare_tags_share_the_id_of_unknown_ones(options, tags):
    indexer = TagsIndexer(**options).fit(objects(ROWS))

    assert indexer.tags_.tolist() == tags
    assert set(indexer.infrequent_tags_) == {"drama", "action", "noir"} - set(tags)
    assert indexer.spec("g").vocabulary_sizes == (len(tags) + 2,)
    assert_array_equal(indexer.transform(objects([["noir"]]))[0, 0], 1 if "noir" not in tags else 4)


@pytest.mark.parametrize("options", [{"min_frequency": 2}, {"max_categories": 3}, {"max_categories": 4}])
def test_frequencies_mean_what_they_mean_for_categories(options):
    words = list("aabbbccd")
    tags = TagsIndexer(**options).fit(objects([[word] for word in words]))
    categories = CategoryIndexer(**options).fit(pd.Series(words))

    assert sorted(tags.tags_) == categories.categories_[0].tolist()


@pytest.mark.parametrize(
    ("separator", "cells", "tags"),
    [
        ("+", ["a+b", "b"], ["b", "a"]),
        ("::", ["a::b", "b"], ["b", "a"]),
        (None, ["a|b", "b"], ["a|b", "b"]),
        ("|", ["a, b|c", "c"], ["c", "a, b"]),
        ("auto", ["a|b", "b"], ["b", "a"]),
        ("auto", ["b", "a"], ["a", "b"]),
    ],
)
def test_separator_is_the_given_one_or_the_one_that_strings_contain(separator, cells, tags):
    assert TagsIndexer(separator=separator).fit(objects(cells)).tags_.tolist() == tags


def test_empty_separator_is_refused():
    with pytest.raises(ValueError, match="`separator` must not be empty"):
        TagsIndexer(separator="").fit(objects(ROWS))


@pytest.mark.parametrize(
    "new", ["drama|action", "action;drama", "drama, action", '["drama", "action"]', ["action", "drama"]]
)
@pytest.mark.parametrize("old", ["lists", "joined with |", "joined with a comma", "JSON"])
def test_new_rows_may_be_written_in_another_way(old, new):
    indexer = TagsIndexer().fit(objects(WRITTEN[old]))

    assert_array_equal(indexer.transform(objects([new])), [[2, 3]])


def test_several_columns_are_joined():
    frame = pd.DataFrame({"first": ["a", "b", None], "second": ["b", None, None]})
    array, missing = TagsIndexer().fit_encode_and_flag(frame)

    assert_array_equal(array, [[2, 3], [2, 0], [0, 0]])
    assert missing.tolist() == [False, False, True]


def test_few_rows_are_encoded_as_many():
    column = objects([*WRITTEN["lists and strings"], None])
    indexer = TagsIndexer().fit(column)
    cells = column.to_numpy()[:, None]

    assert_array_equal(indexer.transform_cells(cells, pd.isna(column).to_numpy()[:, None]), indexer.transform(column))
    assert indexer.transform_cells(np.array([[5]], dtype=object), np.array([[False]])) is None


@pytest.mark.parametrize("step", [1, 3, 100])
@pytest.mark.parametrize("options", [{}, {"min_frequency": 3}, {"max_categories": 4}, {"min_frequency": 0.3}])
def test_parts_teach_what_the_whole_does(options, step):
    column = objects(["|".join(row) for row in drawn(60)])
    whole, parts = TagsIndexer(**options).fit(column), TagsIndexer(**options)
    for start in range(0, len(column), step):
        parts.partial_fit(column[start : start + step])
    parts.end_parts()

    assert parts.spec("g") == whole.spec("g")
    assert_array_equal(parts.transform(column), whole.transform(column))


def test_fit_between_parts_begins_anew():
    indexer = TagsIndexer().partial_fit(objects([["a"]])).fit(objects([["b"]])).partial_fit(objects([["c"]]))

    assert indexer.tags_.tolist() == ["c"]


def test_names_say_the_column_and_the_place():
    assert TagsIndexer().fit(objects(ROWS).to_frame()).get_feature_names_out().tolist() == ["genres_0", "genres_1"]


def test_equal_tags_have_equal_digests():
    specs = [TagsIndexer().fit(objects(cells)).spec("g") for cells in (ROWS, WRITTEN["JSON"], [["x"], *ROWS])]

    assert specs[0] == specs[1]
    assert specs[0].vocabulary != specs[2].vocabulary


# --- odd cells

ODD = {
    "a number": 5,
    "a fraction": 2.5,
    "a dict": {"a": 1},
    "a table": np.array([["a"], ["b"]]),
    "nested lists": [["a"], ["b"]],
    "a day": pd.Timestamp("2020-01-01"),
    "an array without dimensions": np.array(1.0),
}


@pytest.mark.parametrize("cell", ODD.values(), ids=ODD)
def test_odd_cell_is_refused_with_its_place(cell):
    column = objects([*ROWS, cell]).set_axis(list("uvwxyz"))
    with pytest.raises(
        InputMismatchError, match=r"column 'genres': 1 of 6 cells are not tags, first at row label 'z'"
    ) as error:
        TagsIndexer().fit(column)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize("cell", ODD.values(), ids=ODD)
def test_odd_cell_counts_as_missing(cell):
    column = objects([*ROWS, cell])
    with pytest.warns(OddCellsWarning, match=r"'genres': 1 of 6 cells are not tags, first at row label 5"):
        array, missing = TagsIndexer(on_odd="missing").fit_encode_and_flag(column)

    assert_array_equal(array, [*EXPECTED, [0, 0]])
    assert missing.tolist() == [False] * 5 + [True]


# --- the choice of the default router

LIKE_TAGS = {
    "lists": drawn(),
    "sets": [set(row) for row in drawn()],
    "arrays": [np.array(row, dtype=object) for row in drawn()],
    "token lists": [list(row) for row in np.random.default_rng(0).choice(["the", "film", "a", "plot"], (50, 5))],
    "JSON": [json.dumps(row) for row in drawn()],
    "|": ["|".join(row) for row in drawn()],
    ";": ["; ".join(row) for row in drawn()],
    ",": [",".join(row) for row in drawn()],
    ", ": [", ".join(row) for row in drawn()],
    "/": ["/".join(row) for row in drawn()],
    "a cell in twenty is a number": [*drawn(), 1, 2, 3],
    "numbers as tags": ["|".join(str(ord(tag)) for tag in row) for row in drawn()],
}


@pytest.mark.parametrize("cells", LIKE_TAGS.values(), ids=LIKE_TAGS)
def test_suits_tags(cells):
    assert "tags" in TagsIndexer.suits(objects(cells))


NUMBERS = range(1, 201)
UNLIKE_TAGS = {
    "words": ["a", "b", "c"] * 30,
    "names": [f"Last{i}, First{i % 9}" for i in NUMBERS],
    "places": [f"City{i}, {['Norway', 'Italy'][i % 2]}" for i in NUMBERS],
    "addresses": [f"Main St {i}, Oslo" for i in NUMBERS],
    "sentences": [f"the film, which I saw {i} times, was good" for i in NUMBERS],
    "decimal commas": [f"{i % 40},{i % 7}" for i in NUMBERS],
    "days": [f"{1 + i % 12}/{1 + i % 28}/2020" for i in NUMBERS],
    "thousands": [f"{i % 14 + 1},{i % 9}00" for i in NUMBERS],
    "paths": [f"img/{i:03}.jpg" for i in NUMBERS],
    "addresses of pages": [f"http://a.b/c/{i % 9}" for i in NUMBERS],
    "numbers in lists": [[1, 2], [3]] * 30,
    "lists that never come back": [[f"id{i}"] for i in NUMBERS],
    "numbers": [1.0, 2.0],
    "nothing": [None, np.nan],
}


@pytest.mark.parametrize("cells", UNLIKE_TAGS.values(), ids=UNLIKE_TAGS)
def test_does_not_suit_what_only_looks_like_tags(cells):
    assert TagsIndexer.suits(objects(cells)) is None


def test_category_dtype_is_left_to_categories():
    assert TagsIndexer.suits(pd.Series(LIKE_TAGS["|"], dtype="category")) is None


def test_separator_of_a_table_is_found():
    assert find_separator(["a|b", "b|c", "a|c", "a", "b|a|c"]) == "|"
    assert find_separator([]) is None


def test_text_stays_text():
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(90)]
    column = objects([", ".join(" ".join(rng.choice(words, 5)) for _ in range(3)) for _ in range(100)])

    assert TagsIndexer.suits(column) is None
    assert TextVectorizer.suits(column)


# --- the branch and whole fits


def test_branch_ignores_padding_and_zeroes_rows_without_tags():
    model = TagsBranch(embedding_dim=4, units=()).build(ArraySpec("g", "tags", (3,), "int32", vocabulary_sizes=(6,)))
    ids = np.array([[2, 3, 0], [3, 2, 0], [0, 0, 0]], dtype="int32")
    outputs = model.predict(ids, verbose=0)

    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-5, atol=1e-7)
    assert not outputs[2].any()
    table = model.get_weights()[0]
    np.testing.assert_allclose(outputs[0], table[2:4].sum(axis=0) / np.sqrt(2), rtol=1e-5, atol=1e-7)


def test_branch_gives_unknown_tags_no_vector_if_training_showed_none():
    spec = ArraySpec("g", "tags", (2,), "int32", vocabulary_sizes=(6,))
    model = TagsBranch().build(spec, np.array([[2, 3], [4, 0]]))

    assert not model.predict(np.array([[1, 0]], dtype="int32"), verbose=0).any()


def test_branch_needs_a_vocabulary_size():
    with pytest.raises(BranchMismatchError, match=r"'g'.*TagsBranch needs one vocabulary size"):
        TagsBranch().build(ArraySpec("g", "tags", (2,), "int32"))


SHORT = {"epochs": 2, "early_stopping": False, "random_state": 0}


def test_one_tag_of_eight_decides():
    rows = drawn(600)
    y = np.array(["c" in row for row in rows]).astype(int)
    X = pd.DataFrame({"x": np.random.default_rng(1).normal(size=600), "tags": objects(rows)})
    est = MultiInputClassifier(epochs=40, random_state=0).fit(X[:450], y[:450])

    assert est.router_.plan_["encoder"].tolist() == ["NumberScaler", "TagsIndexer"]
    assert est.score(X[450:], y[450:]) > 0.97
    few = X[450:455]
    np.testing.assert_allclose(est.predict_proba(few), est.predict_proba(X[450:])[:5], rtol=1e-4, atol=1e-6)


def test_kinds_name_tags_whatever_the_column_looks_like():
    X = pd.DataFrame({"x": [1.0, 2.0] * 10, "words": ["a", "b"] * 10, "ids": objects([[1, 2], [3]] * 10)})
    router = InputRouter(kinds={"words": "tags", "ids": "tags"}).fit(X)

    assert {name: spec.kind for name, spec in router.specs_.items()} == {
        "numbers": "vector",
        "words": "tags",
        "ids": "tags",
    }


def test_two_inputs_share_tags_and_vectors():
    X = pd.DataFrame({"a": drawn(40), "b": drawn(40, seed=1)})
    router = InputRouter([("a", TagsIndexer(), "a"), ("b", "a", "b")])
    est = MultiInputClassifier(router, branches={"b": "a"}, **SHORT).fit(X, np.arange(40) % 2)

    assert est.predict(X).shape == (40,)
    assert est.router_.specs_["a"].layout() == est.router_.specs_["b"].layout()


def test_tags_come_in_parts_and_survive_a_pickle():
    X = pd.DataFrame({"tags": objects([*drawn(39), None]), "y": np.arange(40) % 2})
    est = MultiInputClassifier(InputRouter([("tags", TagsIndexer(), "tags")]), **SHORT)
    est.fit(lambda: (X[i : i + 10] for i in range(0, 40, 10)), y="y")
    twin = pickle.loads(pickle.dumps(est))

    np.testing.assert_allclose(twin.predict_proba(X), est.predict_proba(X), rtol=1e-6)
    assert est.router_.specs_["tags"].missing_name == "tags__missing"


def test_encoded_tags_come_from_batches():
    indexer = TagsIndexer()
    ids, y = indexer.fit_transform(objects(drawn(40))), np.arange(40) % 2
    est = MultiInputClassifier(branches={"tags": TagsBranch(4)}, **SHORT).fit([({"tags": ids}, y)])

    assert est.router_.specs_["tags"].kind == "tags"
    assert est.router_.specs_["tags"].vocabulary_sizes == (ids.max() + 1,)


def test_one_odd_cell_among_tags_is_warned_of():
    X = pd.DataFrame({"tags": objects([*drawn(60), 7]), "x": np.arange(61.0)})
    with pytest.warns(OddCellsWarning, match="column 'tags': 1 of 61 cells are not tags, first at row label 60: 7"):
        router = InputRouter().fit(X)

    assert type(router.encoders_["tags"]) is TagsIndexer


def test_named_encoder_refuses_the_odd_cell():
    X = pd.DataFrame({"tags": objects([*drawn(60), 7])})
    with pytest.raises(InputMismatchError, match=r"Input 'tags' \(column 'tags'\): 1 of 61 cells are not tags"):
        InputRouter([("tags", clone(TagsIndexer()), "tags")]).fit(X)
