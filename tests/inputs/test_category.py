"""Categories: ids by hand and as scikit-learn pools them; embeddings and one-hot columns from the weights."""

import datetime
import ipaddress
import uuid
from decimal import Decimal
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from common import predict, seeded_build
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmulti import MultiInputClassifier
from skmulti.errors import BranchMismatchError, InputMismatchError
from skmulti.inputs.category import CategoryIndexer, EmbeddingBranch, OneHotBranch
from skmulti.spec import ArraySpec

SPEC = ArraySpec("place", "category", (2,), "int32", vocabulary_sizes=(5, 4))
IDS = np.array([[0, 0], [1, 1], [2, 3], [4, 2]], dtype="int32")


@parametrize_with_checks([CategoryIndexer(), CategoryIndexer(min_frequency=2, max_categories=5)])
def test_category_indexer_passes_every_check_of_sklearn(estimator, check):
    check(estimator)


def ids_of(train, new, **params):
    """Fit on some cells and give the ids of others."""
    indexer = CategoryIndexer(**params).fit(pd.Series(train, name="city"))
    return indexer.transform(pd.Series(new, name="city"))[:, 0].tolist()


# --- ids by hand


def test_missing_is_zero_unknown_is_one_and_learned_values_follow_in_order():
    assert ids_of(["b", "a", None, "c", "a"], ["c", "a", "b", "new", None]) == [4, 2, 3, 1, 0]


@pytest.mark.parametrize(
    ("train", "new", "ids"),
    [
        ([3, 1, 2], [1, 2, 3, 4], [2, 3, 4, 1]),
        ([3, 1, 2], [1.0, 2.5, np.nan], [2, 1, 0]),
        ([3.0, 1.0, np.nan], pd.array([1, 3, None], dtype="Int64"), [2, 3, 0]),
        ([True, False], [True, False], [3, 2]),
        ([True, False], pd.array([True, None], dtype="boolean"), [3, 0]),
        (["1", "2"], [1, 2], [2, 3]),
        (["", " "], ["", "  "], [2, 2]),
        (["Rome"], ["rome"], [1]),
        ([1, "a", None, (1, 2)], ["a", 1, (1, 2), (2, 1)], [3, 2, 4, 1]),
        ([(1, 2), (1, 1)], [(1, 1), (1, 2), None], [2, 3, 0]),
        ([Decimal(2), Decimal("NaN")], [Decimal(2), Decimal("NaN")], [2, 0]),
        ([datetime.date(2024, 1, 2)], [datetime.date(2024, 1, 2), pd.NaT], [2, 0]),
        ([None, None], ["a", None], [1, 0]),
        (pd.to_datetime(["2024-01-02", "2024-01-01"]), pd.to_datetime(["2024-01-01", "2030-01-01"]), [2, 1]),
        (pd.Categorical(["b", "a"], categories=["b", "a", "c"]), ["a", "b", "c"], [2, 3, 1]),
        (["b", "a"], pd.Categorical(["b", None, "z"]), [3, 0, 1]),
        (pd.arrays.IntervalArray.from_breaks([0, 1, 2]), pd.arrays.IntervalArray.from_breaks([1, 2]), [3]),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_ids_by_hand(train, new, ids):
    assert ids_of(train, new) == ids


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_every_missing_value_is_zero(missing):
    assert ids_of(["a", "b"], pd.Series(["a", missing], dtype=object)) == [2, 0]


@pytest.mark.parametrize("dtype", ["str", object, "string[python]", "string[pyarrow]", "category"])
def test_every_string_dtype_gives_the_same_ids(dtype):
    assert ids_of(pd.Series(["b", "a", None], dtype=dtype), pd.Series(["a", "c", None], dtype=dtype)) == [2, 1, 0]


CELLS = ["b", None, "a", "b", None, "c", "", "a"]


@pytest.mark.parametrize("cells", [CELLS, [cell or "z" for cell in CELLS], [None] * 3], ids=["gaps", "whole", "empty"])
@pytest.mark.parametrize(
    "dtype",
    [
        "str",
        object,
        "category",
        "string[python]",
        "string[pyarrow]",
        "string[pyarrow] of Arrow",
        "large_string of Arrow",
        "dictionary of Arrow",
    ],
)
def test_a_look_at_each_cell_gives_the_same_ids_whatever_the_memory_they_lie_in(dtype, cells):
    if str(dtype).endswith("of Arrow"):
        pa = pytest.importorskip("pyarrow")
        types = {"string[pyarrow]": pa.string(), "large_string": pa.large_string()}
        dtype = pd.ArrowDtype(types.get(dtype.split()[0], pa.dictionary(pa.int32(), pa.string())))
    column = pd.Series(cells, dtype=object, name="city").astype(dtype)
    values = sorted({cell for cell in cells if cell is not None})
    expected = [[0 if cell is None else 2 + values.index(cell)] for cell in cells]

    ids, missing = CategoryIndexer().fit_encode_and_flag(column)

    assert ids.tolist() == expected
    assert missing.tolist() == [cell is None for cell in cells]
    fitted = CategoryIndexer().fit(column)
    assert fitted.categories_[0].tolist() == values
    assert fitted.transform(column).tolist() == expected
    assert fitted.transform(column.iloc[:0]).shape == (0, 1)
    objects = pd.Series(cells, dtype=object, name="city")
    assert fitted.transform(objects).tolist() == expected
    assert CategoryIndexer().fit(objects).transform(column).tolist() == expected


def test_strings_in_several_arrow_chunks_have_one_vocabulary():
    pytest.importorskip("pyarrow")
    parts = [pd.Series(part, dtype="str") for part in (["b", None], ["a", "b"], [], ["c", "a"])]
    column = pd.concat(parts, ignore_index=True).rename("city")
    indexer = CategoryIndexer().fit(column)

    assert indexer.categories_[0].tolist() == ["a", "b", "c"]
    assert indexer.transform(column)[:, 0].tolist() == [3, 0, 2, 3, 4, 2]
    assert indexer.transform(column.iloc[1:4])[:, 0].tolist() == [0, 2, 3]


def test_a_category_dtype_teaches_the_values_that_occur():
    column = pd.Series(pd.Categorical(["b", None, "b"], categories=["z", "b", "a"]), name="size")

    ids, _ = (indexer := CategoryIndexer()).fit_encode_and_flag(column)

    assert ids.tolist() == [[2], [0], [2]]
    assert indexer.categories_[0].tolist() == ["b"]


def test_ids_stay_in_range_for_any_later_cells():
    indexer = CategoryIndexer().fit(pd.Series(["a", "b"], name="city"))
    cells = ["a", "", None, -1, 2**70, 1.5, float("inf"), True, b"a", ("a",), "z" * 1000, datetime.date.today()]
    ids = indexer.transform(pd.Series(cells, name="city", dtype=object))

    assert ids.min() == 0
    assert ids.max() < indexer.spec("city").vocabulary_sizes[0]


def test_categories_name_each_id():
    indexer = CategoryIndexer().fit(pd.DataFrame({"city": ["b", "a"], "size": [2, 1]}))

    assert [values.tolist() for values in indexer.categories_] == [["a", "b"], [1, 2]]
    assert indexer.spec("x").vocabulary_sizes == (4, 4)


def test_columns_have_vocabularies_of_their_own():
    frame = pd.DataFrame({"city": ["b", "a", "c"], "size": [2, 1, 2]})

    assert CategoryIndexer().fit_transform(frame).tolist() == [[3, 3], [2, 2], [4, 3]]


def test_ids_do_not_depend_on_the_order_of_training_rows():
    cells = [3, "a", None, 1.5, "b", (1,)]

    assert ids_of(cells, cells) == ids_of(cells[::-1], cells)


# --- pooling of rare values, as OneHotEncoder


def learned_by_one_hot_encoder(cells, **params):
    """Return the values to which OneHotEncoder gives a column of their own."""
    oracle = OneHotEncoder(handle_unknown="infrequent_if_exist", sparse_output=False, **params)
    oracle.fit(np.array(cells, dtype=object)[:, None])
    infrequent = oracle.infrequent_categories_[0] if params.keys() & {"min_frequency", "max_categories"} else None
    rare = set() if infrequent is None else set(infrequent)
    return [value for value in oracle.categories_[0] if value not in rare], sorted(rare)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"min_frequency": 1},
        {"min_frequency": 4},
        {"min_frequency": 0.1},
        {"min_frequency": 0.99},
        {"max_categories": 1},
        {"max_categories": 3},
        {"max_categories": 8},
        {"max_categories": 9},
        {"max_categories": 100},
        {"min_frequency": 3, "max_categories": 4},
        {"categories": [list("hgfedcba")]},
        {"categories": [list("hgfedcba")], "min_frequency": 5},
        {"categories": [list("hgfedcbaz")], "max_categories": 4},
    ],
    ids=repr,
)
def test_pools_the_values_that_one_hot_encoder_pools(params, seed):
    cells = np.random.default_rng(seed).choice(list("abcdefgh"), size=40, p=np.array([8, 7, 6, 5, 5, 4, 3, 2]) / 40)
    learned, pooled = learned_by_one_hot_encoder(cells, **params)

    indexer = CategoryIndexer(**params).fit(pd.Series(cells))

    assert indexer.categories_[0].tolist() == learned
    assert sorted(indexer.infrequent_categories_[0]) == pooled


def test_ties_are_pooled_as_one_hot_encoder_does():
    cells = list("abcd" * 3)
    learned, _ = learned_by_one_hot_encoder(cells, max_categories=3)

    assert CategoryIndexer(max_categories=3).fit(pd.Series(cells)).categories_[0].tolist() == learned


def test_pooled_values_share_id_one_with_unknown_ones():
    assert ids_of(["a", "a", "b"], ["a", "b", "new", None], min_frequency=2) == [2, 1, 1, 0]


def test_share_of_rows_counts_missing_rows_too():
    assert ids_of(["a", "a", "b", None], ["a", "b"], min_frequency=0.5) == [2, 1]


# --- given categories


def test_given_categories_keep_their_order():
    assert ids_of(["small"], ["large", "small", "medium", "huge"], categories=[["small", "medium", "large"]]) == [
        4,
        2,
        3,
        1,
    ]


def test_given_categories_leave_out_missing_values():
    assert ids_of(["a"], ["b", "a", None], categories=[["b", None, "a", np.nan]]) == [2, 3, 0]


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        ([["a"], ["b"]], r"`categories` lists 2 columns, the input has 1: \['city'\]"),
        ([["a", "b", "a"]], "`categories` of column 'city' holds 'a' twice"),
        ([[["a"]]], "are not single values"),
        ("auto ", "The 'categories' parameter of CategoryIndexer must be"),
    ],
)
def test_bad_categories_are_refused(categories, message):
    with pytest.raises(ValueError, match=message):
        CategoryIndexer(categories=categories).fit(pd.Series(["a"], name="city"))


@pytest.mark.parametrize(
    "params", [{"min_frequency": 0}, {"min_frequency": 1.5}, {"max_categories": 0}, {"max_categories": 2.5}]
)
def test_bad_parameters_are_refused(params):
    with pytest.raises(ValueError, match=f"The '{next(iter(params))}' parameter of CategoryIndexer must be"):
        CategoryIndexer(**params).fit(pd.Series(["a"]))


@pytest.mark.parametrize("cell", [[1], {"a": 1}, {1}, np.zeros(2)], ids=lambda cell: type(cell).__name__)
def test_cells_that_cannot_be_looked_up_are_refused_with_their_place(cell):
    column = pd.Series(["a", cell], index=["x", "y"], name="city", dtype=object)
    with pytest.raises(
        InputMismatchError,
        match=r"column 'city': 1 of 2 cells are not single values.*row label 'y'.*(VectorStacker|Record)",
    ):
        CategoryIndexer().fit(column)


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pd.Series(["a", "b", "a"]), "2 different values"),
        (pd.Series(["a", None], dtype=object), "1 different values"),
        (pd.Series(["a", 1, False], dtype=object), "3 different values"),
        (pd.Series([True, False]), "true or false"),
        (pd.Series([True, None], dtype="boolean"), "true or false"),
        (pd.Series([1, 2], dtype="category"), "category dtype"),
        (pd.Series(["a"], dtype="string[pyarrow]"), "1 different values"),
        (pd.Series([uuid.UUID(int=1), None, "a"], dtype=object), "2 different values"),
        (pd.Series([Path("a"), Path("b")]), "2 different values"),
        (pd.Series([ipaddress.ip_address("::1")]), "1 different values"),
        (pd.Series(pd.arrays.IntervalArray.from_breaks([0, 1, 2])), "intervals"),
        (pd.Series([pd.Interval(0, 1), pd.Interval(0, 2)], dtype=object), "2 different values"),
        (pd.Series([1, 2]), None),
        (pd.Series([1.5, None]), None),
        (pd.Series([[1], [2]]), None),
        (pd.Series([b"a"]), None),
        (pd.Series([None, None], dtype=object), None),
        (pd.Series(pd.to_datetime(["2024-01-01"])), None),
    ],
    ids=lambda value: f"{value.dtype}-{value.iloc[0]}" if isinstance(value, pd.Series) else repr(value),
)
def test_category_indexer_suits(column, reason):
    assert CategoryIndexer.suits(column) == reason


# --- branches


def table_of(model):
    return next(layer for layer in model.layers if type(layer).__name__ == "CategoryEmbedding").get_weights()[0]


def test_embedding_looks_up_one_vector_a_column():
    model = EmbeddingBranch(embedding_dim=3).build(SPEC)
    table = table_of(model)

    expected = np.hstack([table[IDS[:, 0]], table[5 + IDS[:, 1]]])

    assert_array_equal(predict(model, IDS), expected)
    assert table.shape == (5 + 4, 3)


def test_missing_and_unknown_values_start_at_a_vector_of_zeros():
    model = EmbeddingBranch(embedding_dim=3).build(SPEC)

    assert not predict(model, IDS[:2]).any()
    assert predict(model, IDS[2:]).all()


def test_missing_and_unknown_vectors_are_trained():
    model = EmbeddingBranch(embedding_dim=3).build(SPEC)
    model.compile("sgd", "mse")
    model.fit(IDS, np.ones((4, 6)), epochs=1, verbose=0)

    assert predict(model, IDS[:2]).all()


def test_dense_layers_follow_the_vectors():
    model = EmbeddingBranch(embedding_dim=3, units=(2,)).build(SPEC)
    table = table_of(model)
    kernel, bias = model.layers[-1].get_weights()

    vectors = np.hstack([table[IDS[:, 0]], table[5 + IDS[:, 1]]])

    assert_allclose(predict(model, IDS), np.maximum(vectors @ kernel + bias, 0), rtol=1e-6)


@pytest.mark.parametrize(("n_ids", "width"), [(3, 3), (41, 13), (10**6, 32), (1, 2)])
def test_default_length_of_a_vector_grows_with_the_vocabulary(n_ids, width):
    spec = ArraySpec("city", "category", (1,), "int32", vocabulary_sizes=(n_ids + 2,))

    assert EmbeddingBranch().connect(keras.Input((1,), dtype="int32"), spec, None).shape == (None, width)


def test_one_hot_columns_are_those_of_numpy():
    model = OneHotBranch(units=()).build(SPEC)

    assert_array_equal(predict(model, IDS), np.hstack([np.eye(5)[IDS[:, 0]], np.eye(4)[IDS[:, 1]]]))


def test_one_hot_branch_equals_one_hot_encoder_before_a_dense_layer():
    frame = pd.DataFrame({"city": ["b", "a", "c"], "size": [2, 1, 2]})
    new = pd.DataFrame({"city": ["a", "new", None, "c"], "size": [2, 1, 9, None]})
    indexer, encoder = CategoryIndexer().fit(frame), OneHotEncoder(handle_unknown="ignore").fit(frame)
    model = seeded_build(OneHotBranch(units=(6,)), indexer.spec("place"), None)
    kernel, bias = model.layers[-1].get_weights()
    learned = [2, 3, 4, 7, 8]

    expected = np.maximum(encoder.transform(new).toarray() @ kernel[learned] + bias, 0)

    assert_allclose(predict(model, indexer.transform(new)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("units", [(4,), (4, 2)])
def test_one_hot_branch_starts_without_a_part_of_missing_and_unknown_values(units):
    model = OneHotBranch(units=units).build(SPEC)

    assert not predict(model, IDS[:2]).any()


@pytest.mark.parametrize(
    ("branch", "message"),
    [
        (EmbeddingBranch(embedding_dim=0), "The 'embedding_dim' parameter of EmbeddingBranch"),
        (EmbeddingBranch(dropout=1), "The 'dropout' parameter"),
        (EmbeddingBranch(units=8), "The 'units' parameter"),
        (EmbeddingBranch(units=(-1,)), "units must hold positive integers"),
        (OneHotBranch(units=8), "The 'units' parameter of OneHotBranch"),
        (OneHotBranch(units=(0,)), "units must hold positive integers"),
    ],
    ids=repr,
)
def test_bad_branch_parameters_are_refused(branch, message):
    with pytest.raises(ValueError, match=message):
        branch.build(SPEC)


@pytest.mark.parametrize("branch", [EmbeddingBranch(), OneHotBranch()], ids=repr)
@pytest.mark.parametrize("sizes", [(), (5, 4, 3)])
def test_spec_with_sizes_for_other_columns_is_refused(branch, sizes):
    spec = ArraySpec("place", "category", (2,), "int32", vocabulary_sizes=sizes)
    with pytest.raises(BranchMismatchError, match=f"'place'.*{type(branch).__name__} needs.*each of the 2 columns"):
        branch.build(spec)


def test_columns_can_share_one_vocabulary():
    spec = ArraySpec("route", "category", (2,), "int32", vocabulary_sizes=(5,))
    ids = np.array([[2, 4], [4, 2]], dtype="int32")
    embedded, one_hot = EmbeddingBranch(embedding_dim=3).build(spec), OneHotBranch(units=()).build(spec)

    assert_array_equal(predict(embedded, ids), table_of(embedded)[ids].reshape(2, 6))
    assert_array_equal(predict(one_hot, ids), np.eye(5)[ids].reshape(2, 10))


def test_vocabulary_stands_for_the_values_whatever_array_they_came_in():
    learned = CategoryIndexer().fit(pd.Series(["a", "b"])).spec("x").vocabulary
    given = CategoryIndexer(categories=[np.array(["a", "b"])]).fit(pd.Series(["b"])).spec("x").vocabulary
    assert learned == given
    assert learned != CategoryIndexer().fit(pd.Series(["a", "c"])).spec("x").vocabulary


def test_vocabulary_depends_on_the_order_of_the_values_and_of_the_columns():
    frame = pd.DataFrame({"x": ["a", "b"], "y": ["c", "d"]})
    specs = [
        CategoryIndexer(categories=categories).fit(frame).spec("x")
        for categories in ([["a", "b"], ["c", "d"]], [["b", "a"], ["c", "d"]], [["c", "d"], ["a", "b"]])
    ]
    assert len({spec.vocabulary for spec in specs}) == 3


@pytest.mark.parametrize("dtype", ["str", "string", "object", "category"])
def test_a_few_rows_have_the_ids_that_they_have_among_many(dtype):
    column = pd.Series(["b", "a", None, "c", "a"] * 10, name="city").astype(dtype)
    indexer = CategoryIndexer(min_frequency=11).fit(column)
    many = indexer.transform(column)
    for n_rows in (1, 5, 16):
        np.testing.assert_array_equal(indexer.transform(column[:n_rows]), many[:n_rows])
    assert indexer.transform(pd.Series(["new"], name="city", dtype=dtype)).tolist() == [[1]]


def test_a_branch_trusts_values_by_their_rows():
    spec = ArraySpec("place", "category", (2,), "int32", vocabulary_sizes=(4, 3), n_rows=6)
    ids = np.array([[2, 2]] * 3 + [[3, 2]] + [[0, 1]] * 2)
    layer = EmbeddingBranch(embedding_dim=2).build(spec, ids).layers[1]

    assert_allclose(layer.shares, [1, 1, 3 / 4, 1 / 2, 1, 1, 4 / 5], rtol=1e-6)
    assert layer.decay == 5 / 6


def test_a_sample_stands_for_all_rows():
    spec = ArraySpec("place", "category", (1,), "int32", vocabulary_sizes=(5,), n_rows=800)
    layer = EmbeddingBranch(embedding_dim=2).build(spec, np.array([[2]] * 3 + [[3]])).layers[1]

    assert_allclose(layer.shares[2:], [600 / 601, 200 / 201, 100 / 101], rtol=1e-6)


@pytest.mark.parametrize("sample", [None, np.array([[2, 3]])], ids=["no sample", "sample"])
def test_a_spec_without_a_number_of_rows_leaves_vectors_alone(sample):
    layer = EmbeddingBranch(embedding_dim=2).build(SPEC, sample).layers[1]

    assert layer.decay == 0
    assert (layer.shares.numpy() == 1).all()


def test_columns_with_one_vocabulary_are_counted_together():
    spec = ArraySpec("route", "category", (2,), "int32", vocabulary_sizes=(4,), n_rows=2)
    layer = EmbeddingBranch(embedding_dim=2).build(spec, np.array([[2, 3], [2, 2]])).layers[1]

    assert_allclose(layer.shares, [1, 1, 3 / 4, 1 / 2], rtol=1e-6)


def test_the_spec_says_how_many_rows_were_learned_from():
    indexer = CategoryIndexer()
    assert indexer.fit(pd.Series(list("abca"))).spec("x").n_rows == 4
    for part in ("ab", "cab"):
        indexer.partial_fit(pd.Series(list(part)))
    assert indexer.spec("x").n_rows == 5


@pytest.mark.parametrize(
    ("rows_of_a_value", "effect", "gain"), [(2, 0.0, -0.02), (10, 1.0, 0.05)], ids=["says nothing", "says much"]
)
def test_values_of_few_rows_help_where_they_say_something_and_cost_little_where_not(rows_of_a_value, effect, gain):
    gains = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        who = np.concatenate([rng.permutation(300), np.arange(300)]) // rows_of_a_value
        table = pd.DataFrame(rng.normal(size=(600, 4)), columns=list("abcd"))
        effects = effect * rng.normal(size=300 // rows_of_a_value)
        y = table.a + 0.5 * table.b + effects[who] + 0.3 * rng.normal(size=600) > 0
        scores = [
            MultiInputClassifier(random_state=0).fit(X[:300], y[:300]).score(X[300:], y[300:])
            for X in (table, table.assign(who=[f"id{i}" for i in who]))
        ]
        gains.append(scores[1] - scores[0])

    # Of 300 rows, a score alone is off by .02.
    assert np.mean(gains) >= gain


@pytest.mark.parametrize(
    ("n_rows", "n_values", "length"),
    # 1.6 * n ** 0.56, within bounds that the number of rows decides; 0 rows are a number that is not known.
    [(1_999, 2, 16), (2_000, 2, 2), (0, 2, 2), (1_999, 100, 21), (2_000, 100, 21), (1_999, 5_000, 32)],
)
def test_few_rows_get_longer_vectors(n_rows, n_values, length):
    spec = ArraySpec("city", "category", (1,), "int32", vocabulary_sizes=(n_values + 2,), n_rows=n_rows)
    assert EmbeddingBranch().build(spec).output_shape == (None, length)
    assert EmbeddingBranch(embedding_dim=3).build(spec).output_shape == (None, 3)
