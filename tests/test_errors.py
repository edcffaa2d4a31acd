"""Warnings point at the user's line, and messages quote names and labels as the user's table shows them."""

import inspect

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline

from skmulti import (
    BranchMismatchError,
    CellTypeError,
    InputMismatchError,
    InputRouter,
    MissingValuesWarning,
    MultiInputRegressor,
    NetworkSizeWarning,
    NumberScaler,
    SequenceBranch,
    SequencePadder,
)
from skmulti.errors import closest_match, label_at, place, quote, quote_first, shorten, warn
from skmulti.inputs import _steps

FRAME = pd.DataFrame({"age": np.arange(12.0), "trace": [[float(i), 1.0, 2.0] for i in range(12)]})
TARGET = np.arange(12.0)


@pytest.fixture
def regressor(monkeypatch):
    """An estimator whose fit warns of the size of a layer."""
    monkeypatch.setattr(_steps, "MAX_DENSE_WEIGHTS", 0)
    router = InputRouter([("age", NumberScaler(), ["age"]), ("trace", SequencePadder(), "trace")])
    branches = {"trace": SequenceBranch("flatten", units=2)}
    return MultiInputRegressor(router, branches=branches, epochs=1, early_stopping=False, random_state=0)


def line_of_caller():
    """Return the number of the line that calls this function."""
    return inspect.currentframe().f_back.f_lineno


# --- warn


def test_a_warning_of_fit_points_at_the_line_that_calls_fit(regressor):
    with pytest.warns(NetworkSizeWarning) as caught:
        _, line = regressor.fit(FRAME, TARGET), line_of_caller()
    assert [(found.filename, found.lineno) for found in caught] == [(__file__, line)]


def test_a_warning_of_fit_in_a_pipeline_points_at_the_line_that_calls_fit(regressor):
    pipeline = make_pipeline("passthrough", regressor)
    with pytest.warns(NetworkSizeWarning) as caught:
        _, line = pipeline.fit(FRAME, TARGET), line_of_caller()
    assert [(found.filename, found.lineno) for found in caught] == [(__file__, line)]


def test_a_warning_of_a_fit_by_joblib_points_at_the_line_that_calls_scikit_learn(regressor):
    with pytest.warns(NetworkSizeWarning) as caught:
        _, line = cross_validate(regressor, FRAME, TARGET, cv=2, error_score="raise"), line_of_caller()
    assert {(found.filename, found.lineno) for found in caught} == {(__file__, line)}


@pytest.mark.filterwarnings("ignore::skmulti.NetworkSizeWarning")
def test_a_warning_of_predict_points_at_the_line_that_calls_predict(regressor):
    pipeline = make_pipeline("passthrough", regressor).fit(FRAME, TARGET)
    with pytest.warns(MissingValuesWarning) as caught:
        _, line = pipeline.predict(FRAME.assign(age=np.nan)), line_of_caller()
    assert [(found.filename, found.lineno) for found in caught] == [(__file__, line)]


def test_a_function_that_is_called_by_the_user_warns_at_the_call():
    with pytest.warns(UserWarning, match="careful") as caught:
        warn("careful", UserWarning)
    assert caught[0].filename == __file__


# --- labels and names


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (pd.RangeIndex(5), "3"),
        (pd.Index([10, 20, 30, 40], dtype="int64"), "40"),
        (pd.Index(list("abcd")), "'d'"),
        (pd.MultiIndex.from_product([["a", "b"], [1, 2]]), "('b', 2)"),
        (pd.date_range("2024-01-01", periods=4), "Timestamp('2024-01-04 00:00:00')"),
    ],
)
def test_a_label_reads_as_in_the_table(labels, expected):
    assert repr(label_at(labels, np.int64(3))) == expected


@pytest.mark.parametrize(
    ("name", "names", "expected"),
    [
        ("phto", ["age", "photo"], " Did you mean 'photo'?"),
        ("income", ["age", "photo"], ""),
        ("age", [], ""),
        (7, [17, "photo"], " Did you mean '17'?"),
    ],
)
def test_the_closest_match_of_a_misspelled_name_is_offered(name, names, expected):
    assert closest_match(name, names) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], "none"),
        (["a"], "'a'"),
        (["a", "b"], "'a' and 'b'"),
        ({"a": 0, "b": 1, 3: 2}, "'a', 'b' and 3"),
    ],
)
def test_names_are_quoted_as_a_list_in_words(names, expected):
    assert quote(names) == expected
    assert quote_first(names) == expected


def test_a_long_list_of_names_ends_with_the_number_of_others():
    assert quote_first(range(5), 3) == "0, 1, 2 and 2 more"
    assert quote_first(iter("abc"), 3) == "'a', 'b' and 'c'"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ((), "Input 'photo'"),
        (("path",), "Input 'photo' (column 'path')"),
        (("x", "y"), "Input 'photo' (columns 'x' and 'y')"),
        (range(7), "Input 'photo' (columns 0, 1, 2, 3, 4 and 2 more)"),
    ],
)
def test_the_place_of_an_error_names_input_and_columns(columns, expected):
    assert place("photo", columns) == expected


# --- classes


@pytest.mark.parametrize("error", [InputMismatchError, CellTypeError, BranchMismatchError])
def test_an_error_about_data_is_caught_as_a_value_error(error):
    assert issubclass(error, ValueError)


class TestWords:
    @pytest.mark.parametrize(
        ("name", "names", "match"),
        [
            ("age", ["geo", "Age"], "Age"),
            ("total_price", ["price", "Total Price"], "Total Price"),
            ("last-name", ["lastname", "last"], "lastname"),
            ("embeding_dim", ["units", "embedding_dim"], "embedding_dim"),
            ("Age", ["AGE", "age", "Ages"], "AGE"),
        ],
    )
    def test_case_blanks_and_hyphens_count_last(self, name, names, match):
        assert closest_match(name, names) == f" Did you mean {match!r}?"

    def test_nothing_alike_is_no_match(self):
        assert closest_match("age", ["city", 7]) == ""

    @pytest.mark.parametrize("most", [20, 80])
    def test_a_long_text_is_cut_in_the_middle(self, most):
        found = shorten("a" * 500 + "z" * 500, most)
        assert len(found) == most
        assert (found[0], found[-1]) == ("a", "z")

    @pytest.mark.parametrize(("given", "shown"), [("short", "short"), (["a", 1], "['a', 1]"), (ValueError("no"), "no")])
    def test_what_is_short_stays(self, given, shown):
        assert shorten(given) == shown

    @pytest.mark.parametrize("listed", [quote, quote_first])
    def test_lists_of_names_are_bounded(self, listed):
        found = listed([f"a rather long name of column {i}" for i in range(500)])
        assert len(found) < 300
        assert found.endswith("more")
        assert len(listed(["x" * 400_000])) <= 80

    def test_a_short_list_is_whole(self):
        assert quote(["a", "b", "c"]) == "'a', 'b' and 'c'"
