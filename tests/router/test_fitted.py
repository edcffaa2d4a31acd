"""Fitted routes: the columns of fit are found in tables of any make, in any order, and in dicts of arrays."""

import datetime
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from router_cases import (
    FRAME,
    N_ROWS,
    ROUTER,
    ROWS,
    X_ARRAY,
    X_FRAME,
    Spy,
    assert_equal_arrays,
    encoded,
)
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmulti import (
    CategoryIndexer,
    InputMismatchError,
    InputRouter,
    MissingValuesWarning,
    NumberScaler,
)


def test_the_order_of_columns_is_free(fitted):
    assert_equal_arrays(fitted.transform(FRAME[FRAME.columns[::-1]]), fitted.transform(FRAME))


def test_extra_columns_are_ignored(fitted):
    extra = FRAME.assign(third=1)[["third", *FRAME.columns[::-1]]]
    assert_equal_arrays(fitted.transform(extra), fitted.transform(FRAME))


def test_columns_that_no_input_reads_may_be_missing(fitted):
    assert_equal_arrays(fitted.transform(FRAME.drop(columns="review")), fitted.transform(FRAME))


def test_dropped_columns_may_be_missing():
    router = InputRouter([("gone", "drop", ["city"]), ("x", "passthrough", ["age"])]).fit(FRAME)
    assert list(router.transform(FRAME[["age"]])) == ["x"]


def test_a_missing_column_is_named_with_input_and_closest_match(fitted):
    renamed = FRAME.rename(columns={"income": "incomes"})
    with pytest.raises(InputMismatchError, match=r"Input 'money' wants column 'income'.*Did you mean 'incomes'"):
        fitted.transform(renamed)


def test_all_columns_of_the_remainder_must_be_there():
    router = InputRouter([("x", "passthrough", [1])], remainder="passthrough").fit(X_FRAME.assign(third=1.0))
    with pytest.raises(InputMismatchError, match=r"Input 'remainder' wants column 'third'"):
        router.transform(X_FRAME)


def test_rows_are_encoded_one_by_one_as_together(fitted):
    together = fitted.transform(FRAME)
    for i in (0, 5):
        for name, array in fitted.transform(FRAME.iloc[[i]]).items():
            assert_allclose(array[0], together[name][i], rtol=1e-6)


def test_columns_of_one_name_are_told_apart_by_position():
    frame = pd.DataFrame(X_ARRAY, columns=["a", "a"])
    router = InputRouter([("x", "passthrough", [1])])
    assert_array_equal(router.fit_transform(frame)["x"], X_ARRAY[:, [1]])
    assert_array_equal(router.transform(frame)["x"], X_ARRAY[:, [1]])


def test_columns_of_one_name_are_refused_where_they_moved():
    frame = pd.DataFrame(np.ones((3, 3)), columns=["a", "a", "b"])
    router = InputRouter([("x", "passthrough", [1])]).fit(frame)
    with pytest.raises(InputMismatchError, match=r"2 columns of X are named 'a'"):
        router.transform(frame[["b", "a"]])


def test_integer_labels_are_found_by_label_at_transform():
    frame = pd.DataFrame(X_ARRAY, columns=[10, 20])
    router = InputRouter([("x", "passthrough", [1])]).fit(frame)
    assert_array_equal(router.transform(frame[[20, 10]])["x"], X_ARRAY[:, [1]])


@pytest.mark.parametrize(
    "labels",
    [[("a", "x"), ("a", "y")], ["first", 2], [1.5, "b"], [datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)]],
)
def test_labels_that_are_no_strings_are_as_good(labels):
    frame = pd.DataFrame(X_ARRAY, columns=pd.Index(labels, tupleize_cols=False))
    router = InputRouter([("x", StandardScaler(), [0, 1]), ("y", NumberScaler(), [1, 0])])
    arrays = router.fit_transform(frame)
    assert_allclose(arrays["x"], StandardScaler().fit_transform(X_ARRAY), rtol=1e-6)
    assert_equal_arrays(router.transform(frame[labels[::-1]]), arrays)


def test_a_frame_of_numbered_columns_keeps_them_apart_after_a_fit_on_one():
    frame = pd.DataFrame(X_ARRAY)
    router = InputRouter([("x", "passthrough", [1])]).fit(frame)
    for table in (frame, frame[[1, 0]], frame.assign(third=1.0)):
        assert_array_equal(router.transform(table)["x"], X_ARRAY[:, [1]])


@pytest.mark.parametrize("width", [1, 3])
def test_a_frame_of_numbered_columns_is_refused_as_the_array_that_it_was(width):
    router = InputRouter([("x", "passthrough", [0])]).fit(pd.DataFrame(X_ARRAY))
    with pytest.raises(ValueError, match=f"X has {width} features, but InputRouter is expecting 2 features as input"):
        router.transform(pd.DataFrame(np.ones((3, width))))


def test_columns_of_several_levels_are_routed():
    frame = pd.DataFrame(X_ARRAY, columns=pd.MultiIndex.from_tuples([("a", "x"), ("b", "y")]))
    router = InputRouter([("x", "passthrough", [("b", "y")]), ("y", Spy(), ("a", "x"))])
    arrays = router.fit_transform(frame)
    assert_array_equal(arrays["x"], X_ARRAY[:, [1]])
    assert_equal_arrays(router.transform(frame.iloc[:, ::-1]), arrays)


@pytest.mark.parametrize("labels", [["first", 2], [("a", "x"), ("a", "y")], [0, 1]])
def test_names_are_remembered_only_if_all_are_strings(labels):
    frame = pd.DataFrame(X_ARRAY, columns=pd.Index(labels, tupleize_cols=False))
    assert not hasattr(InputRouter().fit(X_FRAME).fit(frame), "feature_names_in_")


def test_names_and_number_of_columns_are_remembered(fitted):
    assert fitted.feature_names_in_.tolist() == list(FRAME.columns)
    assert fitted.feature_names_in_.dtype == object
    assert fitted.n_features_in_ == 4


def test_an_array_has_no_names():
    router = InputRouter([("x", "passthrough", [0])])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        router.fit(X_ARRAY).transform(X_ARRAY)
    assert not hasattr(router, "feature_names_in_")
    assert router.n_features_in_ == 2


def test_rows_as_lists_are_as_good_as_an_array():
    rows = [[1, np.nan, "a"], [0, 0, "b"]]
    router = InputRouter([("numbers", StandardScaler(), [0, 1]), ("words", OneHotEncoder(), [2])])
    arrays = router.fit_transform(rows)
    assert_array_equal(np.hstack(list(arrays.values())), [[1, np.nan, 1, 0], [-1, 0, 0, 1]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingValuesWarning)
        assert_equal_arrays(router.transform(rows), arrays)


@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame, list])
def test_an_array_after_a_frame_is_read_by_position_with_a_warning(form):
    router = InputRouter([("x", "passthrough", ["second"])]).fit(X_FRAME)
    with pytest.warns(UserWarning, match=r"X does not have valid feature names, but InputRouter was fitted with"):
        arrays = router.transform(form(X_ARRAY))
    assert_array_equal(arrays["x"], X_ARRAY[:, [1]])


def test_a_frame_after_an_array_is_read_by_position_with_a_warning():
    router = InputRouter([("x", "passthrough", [1])]).fit(X_ARRAY)
    with pytest.warns(UserWarning, match=r"X has feature names, but InputRouter was fitted without feature names"):
        arrays = router.transform(X_FRAME)
    assert_array_equal(arrays["x"], X_ARRAY[:, [1]])


@pytest.mark.parametrize("width", [1, 3])
def test_an_array_of_another_width_is_refused(width):
    router = InputRouter([("x", "passthrough", [0])]).fit(X_ARRAY)
    with pytest.raises(ValueError, match=f"X has {width} features, but InputRouter is expecting 2 features as input"):
        router.transform(np.ones((3, width)))


def test_names_need_a_table_with_names():
    with pytest.raises(InputMismatchError, match=r"Input 'x' wants column 'first', but X has no column names"):
        InputRouter([("x", "passthrough", ["first"])]).fit(X_ARRAY)


def test_transform_before_fit_is_refused():
    with pytest.raises(NotFittedError, match=r"InputRouter instance is not fitted yet"):
        clone(ROUTER).transform(FRAME)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_tables_of_other_libraries_give_equal_arrays(fitted, library):
    module = pytest.importorskip(library)
    table = module.from_pandas(FRAME) if library == "polars" else module.Table.from_pandas(FRAME, preserve_index=False)
    assert_equal_arrays(fitted.transform(table), fitted.transform(FRAME))
    assert_equal_arrays(clone(ROUTER).fit(table).transform(FRAME), fitted.transform(FRAME))


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_the_default_router_reads_tables_of_other_libraries(library):
    module = pytest.importorskip(library)
    frame = FRAME.assign(flag=ROWS % 2 == 0, day=pd.date_range("2024-01-01", periods=N_ROWS), gaps=[None, 1.5, 2.0] * 8)
    frame = frame.reset_index(drop=True)
    table = module.from_pandas(frame) if library == "polars" else module.Table.from_pandas(frame)
    expected = InputRouter().fit(frame)
    router = InputRouter().fit(table)
    assert router.plan_["encoder"].tolist() == expected.plan_["encoder"].tolist()
    assert_equal_arrays(router.transform(table), expected.transform(frame))


@pytest.mark.parametrize("index", [[7] * N_ROWS, ROWS[::-1], pd.date_range("2024", periods=N_ROWS), [None, *ROWS[1:]]])
def test_labels_of_rows_change_no_array(fitted, index):
    frame = FRAME.set_axis(pd.Index(index), axis=0)
    assert_equal_arrays(clone(ROUTER).fit_transform(frame), fitted.transform(FRAME))
    assert_equal_arrays(fitted.transform(frame[frame.columns[::-1]]), fitted.transform(FRAME))


def test_repeated_labels_of_rows_pair_with_shared_encoders():
    frame = FRAME.set_axis([7] * N_ROWS, axis=0)
    router = InputRouter([("a", CategoryIndexer(), "city"), ("b", "a", "review")])
    assert router.fit_transform(frame)["b"].shape == (N_ROWS, 1)


def test_errors_in_cells_name_input_column_and_row_label():
    frame = pd.DataFrame({"age": [1.0, "old"]}, index=["anna", "ben"])
    with pytest.raises(InputMismatchError, match=r"Input 'x' \(column 'age'\).*row label 'ben': 'old'"):
        encoded(NumberScaler(), ["age"], frame)


def test_the_table_is_left_as_it_was():
    frame = FRAME.copy(deep=True)
    clone(ROUTER).fit_transform(frame)
    pd.testing.assert_frame_equal(frame, FRAME)


ARRAYS = {"a": X_ARRAY, "b": np.array(["x", "y", "x"])}
DICT_ROUTER = InputRouter([("a", StandardScaler(), "a"), ("b", CategoryIndexer(), "b")])


@pytest.mark.parametrize("form", [dict, lambda arrays: list(arrays.values()), lambda arrays: tuple(arrays.values())])
def test_arrays_of_inputs_are_taken_by_name_or_in_the_order_of_the_router(form):
    router = clone(DICT_ROUTER)
    arrays = router.fit_transform(form(ARRAYS))
    assert_allclose(arrays["a"], StandardScaler().fit_transform(X_ARRAY), rtol=1e-6)
    assert arrays["b"].tolist() == [[2], [3], [2]]
    assert_equal_arrays(router.transform(form(ARRAYS)), arrays)


def test_the_order_of_a_dict_is_free_and_further_arrays_are_ignored():
    router = clone(DICT_ROUTER).fit(ARRAYS)
    assert_equal_arrays(router.transform({"c": 1 + X_ARRAY, "b": ARRAYS["b"], "a": X_ARRAY}), router.transform(ARRAYS))


def test_1d_arrays_of_inputs_are_told_from_rows_after_fit():
    router = InputRouter([("a", CategoryIndexer(), "a"), ("b", CategoryIndexer(), "b")])
    arrays = [np.array(["x", "y", "x"]), np.array(["u", "v", "w"])]
    fitted = router.fit(arrays, np.zeros(3))
    assert fitted.transform(arrays)["b"].tolist() == [[2], [3], [4]]


def test_arrays_without_a_router_are_routed_by_what_they_hold():
    images = np.zeros((3, 8, 8, 3), dtype="uint8")
    router = InputRouter().fit({"n": X_ARRAY, "s": ["a", "b", "a"], "i": images, "t": np.ones((3, 4, 2))})
    assert {name: spec.kind for name, spec in router.specs_.items()} == {
        "n": "vector",
        "s": "category",
        "i": "image",
        "t": "sequence",
    }


def test_a_dict_without_an_input_is_refused_with_the_closest_match():
    with pytest.raises(InputMismatchError, match=r"Input 'b' has no array: X is a dict with 'a' and 'bb'"):
        clone(DICT_ROUTER).fit({"a": X_ARRAY, "bb": ARRAYS["b"]})


def test_a_dict_without_an_input_of_fit_is_refused():
    router = clone(DICT_ROUTER).fit(ARRAYS)
    with pytest.raises(
        InputMismatchError, match=r"Input 'b' has no array: the router was fitted on a dict with 'a' and"
    ):
        router.transform({"a": X_ARRAY})


def test_a_wrong_number_of_arrays_is_refused():
    router = clone(DICT_ROUTER).fit(ARRAYS)
    with pytest.raises(InputMismatchError, match=r"list of 1 array, the router has 2 inputs: 'a' and 'b'"):
        router.transform([X_ARRAY])


def test_arrays_of_unequal_length_are_refused():
    with pytest.raises(InputMismatchError, match=r"inconsistent numbers of samples"):
        clone(DICT_ROUTER).fit({"a": X_ARRAY, "b": ["x"]})


def test_a_list_of_batches_in_place_of_an_array_is_refused():
    batches = {"a": [np.ones((10, 2))] * 4, "b": ["x"] * 40}
    with pytest.raises(InputMismatchError, match=r"Input 'a': got a list of 4 arrays of 10 rows, but y has 40 rows"):
        clone(DICT_ROUTER).fit(batches, np.zeros(40))


def test_a_1d_array_reaches_an_encoder_of_columns_as_one_column():
    router = InputRouter([("a", StandardScaler(), "a")])
    arrays = router.fit_transform({"a": np.array([1.0, 2.0, 3.0])})
    assert_allclose(arrays["a"], StandardScaler().fit_transform([[1], [2], [3]]), rtol=1e-6)
    assert_equal_arrays(router.transform({"a": [1.0, 2.0, 3.0]}), arrays)


@pytest.mark.parametrize("encoder", [StandardScaler(), NumberScaler()])
def test_an_array_of_another_width_than_at_fit_is_refused_with_its_input(encoder):
    router = InputRouter([("a", encoder, "a")]).fit({"a": np.ones((3, 2))})
    with pytest.raises(InputMismatchError, match=r"^Input 'a': got 3 columns, the fit had 2\.$"):
        router.transform({"a": np.ones((3, 3))})


def test_arrays_in_another_order_are_refused_with_the_order_of_fit():
    router = InputRouter([("a", "passthrough", "a"), ("b", "passthrough", "b")])
    router.fit({"a": np.ones((3, 2)), "b": np.ones((3, 3))})
    message = r"Input 'a': got 3 columns, the fit had 2; give them in the order 'a', 'b', or as a dict"
    with pytest.raises(InputMismatchError, match=message):
        router.transform([np.ones((3, 3)), np.ones((3, 2))])


def test_arrays_of_unequal_width_cannot_share_an_encoder():
    router = InputRouter([("a", StandardScaler(), "a"), ("b", "a", "b")])
    with pytest.raises(InputMismatchError, match=r"Input 'a' .*got 3 columns, the encoder is fitted on 2"):
        router.fit({"a": np.ones((3, 2)), "b": np.ones((3, 3))})


def test_a_dict_after_a_table_is_refused(fitted):
    with pytest.raises(InputMismatchError, match=r"fitted on a table with the columns 'age', .*Give a DataFrame"):
        fitted.transform({"money": FRAME[["age", "income"]], "place": FRAME["city"]})


def test_a_table_after_a_dict_is_refused():
    message = r"one array of width 2, .* an array for each input, expected 'a' \(2,\), 'b'.*; give a dict"
    with pytest.raises(InputMismatchError, match=message):
        clone(DICT_ROUTER).fit(ARRAYS).transform(X_FRAME)


class TestColumnsRead:
    """Which columns of a later table are needed."""

    def fitted(self, X):
        return InputRouter([("second", NumberScaler(), [2]), ("first", NumberScaler(), [0])]).fit(X)

    def test_those_of_the_inputs_in_the_order_of_the_table(self):
        router = self.fitted(pd.DataFrame(np.ones((3, 3)), columns=["a", "b", "c"]))
        assert router.columns_read(["x", "c", "a"]) == ["c", "a"]
        assert router.columns_read(["a", "b", "c"]) == ["a", "c"]

    def test_all_if_a_column_is_found_by_its_position(self):
        assert self.fitted(np.ones((3, 3))).columns_read([0, 1, 2]) == [0, 1, 2]
        router = self.fitted(pd.DataFrame(np.ones((3, 3)), columns=["a", "a", "c"]))
        assert router.columns_read(["a", "a", "c"]) == ["a", "a", "c"]

    def test_a_missing_column_is_refused(self):
        router = self.fitted(pd.DataFrame(np.ones((3, 3)), columns=["a", "b", "c"]))
        with pytest.raises(InputMismatchError, match="wants column 'c'"):
            router.columns_read(["a", "b"])
