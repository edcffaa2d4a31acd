"""What a user names: selections of columns, names, the remainder, shared encoders and default branches."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from router_cases import FRAME, X_ARRAY, X_FRAME, Spy, assert_equal_arrays, encoded
from sklearn.base import clone
from sklearn.compose import make_column_selector
from sklearn.preprocessing import StandardScaler

from skmulti import (
    CategoryIndexer,
    DenseBranch,
    EmbeddingBranch,
    InputMismatchError,
    InputRouter,
    NumberScaler,
    PiecewiseBranch,
    TextBranch,
    TextVectorizer,
    make_input_router,
)


def test_a_column_named_by_a_string_reaches_its_encoder_as_a_series():
    router = InputRouter([("x", Spy(), "age")]).fit(FRAME)
    pd.testing.assert_series_equal(router.encoders_["x"].seen_, FRAME["age"])


@pytest.mark.parametrize("columns", [["age"], ("age",), slice("age", "age"), [True, False, False, False], [0]])
def test_columns_named_by_a_list_reach_their_encoder_as_a_frame(columns):
    router = InputRouter([("x", Spy(), columns)]).fit(FRAME)
    pd.testing.assert_frame_equal(router.encoders_["x"].seen_, FRAME[["age"]])


@pytest.mark.parametrize("columns", [0, lambda frame: "age"])
def test_a_scalar_position_or_one_from_a_callable_gives_a_series(columns):
    router = InputRouter([("x", Spy(), columns)]).fit(FRAME)
    assert isinstance(router.encoders_["x"].seen_, pd.Series)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([0], X_ARRAY[:, [0]]),
        ([0, 1], X_ARRAY),
        (np.array([1, 0]), X_ARRAY[:, ::-1]),
        (slice(0, 1), X_ARRAY[:, [0]]),
        ([-1], X_ARRAY[:, [1]]),
        ([False, True], X_ARRAY[:, [1]]),
        (np.array([True, True]), X_ARRAY),
    ],
)
@pytest.mark.parametrize("called", [False, True])
@pytest.mark.parametrize("X", [X_ARRAY, X_FRAME], ids=["array", "frame"])
def test_every_selection_gives_the_columns_at_fit_and_after(columns, expected, called, X):
    selection = (lambda table: columns) if called else columns
    router = InputRouter([("x", "passthrough", selection)])
    assert_array_equal(router.fit_transform(X)["x"], expected)
    assert_array_equal(router.fit(X).transform(X)["x"], expected)


def test_a_callable_gets_the_table():
    seen = []
    InputRouter([("x", "passthrough", lambda table: seen.append(table) or [0])]).fit(X_FRAME)
    pd.testing.assert_frame_equal(seen[0], X_FRAME)


def test_a_column_selector_of_scikit_learn_chooses_by_dtype():
    router = InputRouter(
        [
            ("numbers", StandardScaler(), make_column_selector(dtype_include=np.number)),
            ("words", CategoryIndexer(), make_column_selector(dtype_exclude=np.number)),
        ]
    ).fit(FRAME)
    assert router.specs_["numbers"].columns == ("age", "income")
    assert router.specs_["words"].columns == ("city", "review")


def test_a_selection_is_made_once_at_fit():
    router = InputRouter([("x", "passthrough", make_column_selector(dtype_include=float))]).fit(X_FRAME)
    assert router.transform(X_FRAME.astype(int))["x"].shape == (3, 2)


def test_a_tuple_of_inputs_is_as_good_as_a_list():
    inputs = [("a", "passthrough", [0]), ("b", StandardScaler(), [1])]
    first, second = (InputRouter(form(inputs)).fit_transform(X_ARRAY) for form in (list, tuple))
    assert_array_equal(first["b"], second["b"])


def test_one_column_feeds_several_inputs():
    router = InputRouter([("raw", "passthrough", ["first"]), ("scaled", StandardScaler(), ["first", "second"])])
    arrays = router.fit_transform(X_FRAME)
    assert_array_equal(arrays["raw"], X_ARRAY[:, [0]])
    assert_allclose(arrays["scaled"], StandardScaler().fit_transform(X_ARRAY), rtol=1e-6)


@pytest.mark.parametrize("empty", [[], [False, False], np.array([], dtype=int), slice(0, 0), lambda table: []])
def test_an_empty_selection_makes_no_input(empty):
    router = InputRouter([("none", StandardScaler(), empty), ("both", "passthrough", [0, 1])]).fit(X_FRAME)
    assert list(router.specs_) == ["both"]


def test_selections_that_are_all_empty_are_refused():
    with pytest.raises(InputMismatchError, match=r"No input has a column: every selection is empty or dropped"):
        InputRouter([("none", StandardScaler(), [])]).fit(X_FRAME)


def test_a_dropped_input_has_no_array():
    router = InputRouter([("gone", "drop", ["first"]), ("kept", "passthrough", ["second"])])
    assert list(router.fit_transform(X_FRAME)) == ["kept"]


def test_all_dropped_is_refused():
    with pytest.raises(InputMismatchError, match=r"every selection is empty or dropped"):
        InputRouter([("gone", "drop", ["first"])]).fit(X_FRAME)


def test_passed_through_numbers_are_themselves():
    assert_array_equal(encoded("passthrough", ["first", "second"], X_FRAME), X_ARRAY)


def test_passed_through_text_is_refused():
    with pytest.raises(InputMismatchError, match=r"Input 'x' .*gives values that are no numbers"):
        encoded("passthrough", ["city"])


def test_missing_nullable_numbers_pass_through_as_nan():
    frame = pd.DataFrame({"a": [1.5, None]}).convert_dtypes()
    assert_array_equal(encoded("passthrough", ["a"], frame), [[1.5], [np.nan]])


def test_the_remainder_is_dropped_by_default():
    assert list(InputRouter([("x", "passthrough", ["first"])]).fit(X_FRAME).specs_) == ["x"]


@pytest.mark.parametrize("columns", [[0], slice(0, 1), [True, False], ["first"], pd.Index(["first"]), "first"])
def test_columns_that_no_input_names_are_the_remainder(columns):
    router = InputRouter([("x", "passthrough", columns)] if columns != "first" else [("x", Spy(), columns)])
    arrays = router.set_params(remainder="passthrough").fit_transform(X_FRAME)
    assert_array_equal(arrays["remainder"], X_ARRAY[:, [1]])


def test_an_encoder_encodes_the_remainder():
    arrays = InputRouter([("x", "passthrough", [1])], remainder=StandardScaler()).fit_transform(X_FRAME)
    assert_allclose(arrays["remainder"], StandardScaler().fit_transform(X_ARRAY[:, [0]]), rtol=1e-6)


def test_an_encoder_of_ours_encodes_the_remainder():
    router = InputRouter([("x", NumberScaler(), ["age", "income"])], remainder=CategoryIndexer()).fit(FRAME)
    assert router.specs_["remainder"].kind == "category"


def test_without_remaining_columns_there_is_no_remainder():
    router = InputRouter([("x", "passthrough", [0, 1])], remainder=StandardScaler()).fit(X_FRAME)
    assert list(router.specs_) == ["x"]


def test_a_dropped_column_is_no_remainder():
    router = InputRouter([("gone", "drop", [0])], remainder="passthrough")
    assert_array_equal(router.fit_transform(X_FRAME)["remainder"], X_ARRAY[:, [1]])


def test_the_encoder_of_the_remainder_is_cloned():
    scaler = StandardScaler()
    InputRouter([("x", "passthrough", [0])], remainder=scaler).fit(X_FRAME)
    assert not hasattr(scaler, "mean_")


@pytest.mark.parametrize("name", ["a__b", "a/b", "inputs", "remainder", "kinds", "n_jobs", "dtype", "", 3, None])
def test_names_that_cannot_be_used_are_refused(name):
    with pytest.raises(ValueError, match=f"name is a string without '__' and '/'.*got {re.escape(repr(name))}"):
        InputRouter([(name, "passthrough", [0])]).fit(X_FRAME)


def test_a_name_that_two_inputs_have_is_refused():
    with pytest.raises(ValueError, match=r"Two inputs are named 'a'"):
        InputRouter([("a", "passthrough", [0]), ("a", "passthrough", [1])]).fit(X_FRAME)


def test_names_of_a_dict_of_arrays_follow_the_same_rule():
    with pytest.raises(ValueError, match=r"got 'a/b'"):
        InputRouter().fit({"a/b": np.ones((3, 2))})


@pytest.mark.parametrize("entry", [("a", "passthrough"), "ab", ("a", "passthrough", [0], 1), 5])
def test_what_is_no_input_is_refused(entry):
    with pytest.raises(ValueError, match=r"An input is a tuple \(name, encoder, columns\)"):
        InputRouter([entry]).fit(X_FRAME)


def test_no_inputs_are_refused():
    with pytest.raises(ValueError, match=r"needs at least one input"):
        InputRouter([]).fit(X_FRAME)


def test_a_class_in_place_of_an_encoder_is_refused():
    with pytest.raises(TypeError, match=r"expected an encoder instance \(StandardScaler\(\)\), got the class"):
        InputRouter([("a", StandardScaler, [0])]).fit(X_FRAME)


def test_an_object_that_does_not_transform_is_refused():
    with pytest.raises(TypeError, match=r"Input 'a': an encoder has `fit` and `transform`, got 5 of type int"):
        InputRouter([("a", 5, [0])]).fit(X_FRAME)


def test_make_input_router_numbers_names_that_repeat():
    router = make_input_router((StandardScaler(), ["age"]), (StandardScaler(), ["income"]), (CategoryIndexer(), "city"))
    assert [name for name, _, _ in router.inputs] == ["standardscaler-1", "standardscaler-2", "categoryindexer"]


def test_make_input_router_routes_as_its_router_does():
    router = make_input_router(("passthrough", ["first"]), remainder=StandardScaler(), n_jobs=1)
    assert list(router.fit_transform(X_FRAME)) == ["passthrough", "remainder"]


def test_make_input_router_refuses_what_is_no_pair():
    with pytest.raises(TypeError, match=r"takes tuples \(encoder, columns\), got StandardScaler\(\)"):
        make_input_router(StandardScaler(), ["age"])


def test_make_input_router_without_inputs_infers_them():
    router = make_input_router(kinds={"city": "drop"}).fit(FRAME)
    assert list(router.specs_) == ["numbers", "review"]


QUESTIONS = pd.DataFrame(
    {"q1": ["red car", "blue", None], "q2": ["blue sky", "red", "car"], "c1": ["a", "b", "a"], "c2": ["c", "a", "b"]}
)


@pytest.mark.parametrize(
    ("encoder", "columns"), [(TextVectorizer(length=2), ("q1", "q2")), (CategoryIndexer(), ("c1", "c2"))]
)
def test_equal_words_have_equal_ids_in_inputs_that_share_an_encoder(encoder, columns):
    router = InputRouter([("question1", encoder, columns[0]), ("question2", "question1", columns[1])])
    arrays = router.fit_transform(QUESTIONS)
    both = pd.concat([QUESTIONS[columns[0]], QUESTIONS[columns[1]].rename(columns[0])])
    expected = clone(encoder).fit(both).transform(both)
    assert_array_equal(np.concatenate([arrays["question1"], arrays["question2"]]), expected)


def test_a_shared_encoder_is_fitted_once():
    router = InputRouter([("a", CategoryIndexer(), "c1"), ("b", "a", "c2")]).fit(QUESTIONS)
    assert router.encoders_["a"] is router.encoders_["b"]
    assert router.encoders_["a"].categories_[0].tolist() == ["a", "b", "c"]


def test_a_shared_encoder_reads_new_rows_of_both_columns():
    router = InputRouter([("a", CategoryIndexer(), "c1"), ("b", "a", "c2")]).fit(QUESTIONS)
    arrays = router.transform(pd.DataFrame({"c2": ["c", "new"], "c1": ["c", "b"]}))
    assert arrays["a"].tolist() == [[4], [3]]
    assert arrays["b"].tolist() == [[4], [1]]


def test_specs_of_inputs_that_share_an_encoder_have_one_layout():
    router = InputRouter([("a", CategoryIndexer(), "c1"), ("b", "a", "c2")]).fit(QUESTIONS)
    assert router.specs_["a"].layout() == router.specs_["b"].layout()
    assert router.specs_["b"].columns == ("c2",)


def test_three_inputs_share_one_encoder_through_each_other():
    router = InputRouter([("a", CategoryIndexer(), "c1"), ("b", "a", "c2"), ("c", "b", "q2")]).fit(QUESTIONS)
    assert router.specs_["c"].vocabulary_sizes == (8,)


def test_a_transformer_of_scikit_learn_is_shared_over_several_columns():
    frame = pd.DataFrame(np.arange(12.0).reshape(3, 4), columns=list("abcd"))
    router = InputRouter([("x", StandardScaler(), ["a", "b"]), ("y", "x", ["c", "d"])]).fit(frame)
    stacked = np.vstack([frame[["a", "b"]], frame[["c", "d"]]])
    expected = StandardScaler().fit(stacked).transform(frame[["c", "d"]].to_numpy())
    assert_allclose(router.transform(frame)["y"], expected, rtol=1e-6)


@pytest.mark.parametrize("columns", [("c1", ["c2"]), (["c1"], "c2")])
def test_a_name_and_a_list_of_one_name_share_an_encoder(columns):
    router = InputRouter([("a", CategoryIndexer(), columns[0]), ("b", "a", columns[1])])
    assert_equal_arrays(router.fit_transform(QUESTIONS), router.transform(QUESTIONS))


def test_arrays_of_a_dict_share_an_encoder():
    router = InputRouter([("a", CategoryIndexer(), "a"), ("b", "a", "b")])
    arrays = router.fit_transform({"a": ["x", "y"], "b": ["y", "z"]})
    assert arrays["b"].tolist() == [[3], [4]]


@pytest.mark.parametrize("name", ["questoin1", "question2", "later"])
def test_only_earlier_inputs_lend_their_encoder(name):
    inputs = [("question1", CategoryIndexer(), "c1"), ("question2", name, "c2"), ("later", CategoryIndexer(), "c1")]
    with pytest.raises(
        ValueError, match=rf"Input 'question2': the encoder '{name}' is neither .*those are 'question1'"
    ):
        InputRouter(inputs).fit(QUESTIONS)


def test_a_misspelt_lender_is_refused_with_the_closest_match():
    with pytest.raises(ValueError, match=r"Did you mean 'question1'"):
        InputRouter([("question1", CategoryIndexer(), "c1"), ("question2", "questoin1", "c2")]).fit(QUESTIONS)


@pytest.mark.parametrize(("encoder", "columns"), [(CategoryIndexer(), ["c1", "q1"]), ("drop", "c1"), (Spy(), [])])
def test_inputs_that_share_an_encoder_have_equally_many_columns(encoder, columns):
    with pytest.raises(InputMismatchError, match=r"Inputs 'a' and 'b' share an encoder but have . and 1 columns"):
        InputRouter([("a", encoder, columns), ("b", "a", "c2")]).fit(QUESTIONS)


def test_branches_before_fit_are_those_of_the_inputs():
    router = InputRouter(
        [
            ("money", StandardScaler(), ["age"]),
            ("place", CategoryIndexer(), "city"),
            ("review", TextVectorizer(), "review"),
            ("reply", "review", "reply"),
            ("gone", "drop", "x"),
            ("gone too", "gone", "x"),
        ],
        remainder="passthrough",
    )
    assert {name: type(branch) for name, branch in router.default_branches().items()} == {
        "money": DenseBranch,
        "place": EmbeddingBranch,
        "review": TextBranch,
        "reply": TextBranch,
        "remainder": DenseBranch,
    }


def test_branches_after_fit_are_those_of_the_arrays():
    branches = InputRouter().fit(FRAME).default_branches()
    assert {name: type(branch) for name, branch in branches.items()} == {
        "numbers": PiecewiseBranch,
        "categories": EmbeddingBranch,
        "review": TextBranch,
    }


def test_an_input_that_lends_from_itself_has_a_branch_until_fit_refuses_it():
    router = InputRouter([("a", "a", "age")])
    assert list(router.default_branches()) == ["a"]
    with pytest.raises(ValueError, match=r"Input 'a': the encoder 'a' is neither"):
        router.fit(FRAME)
