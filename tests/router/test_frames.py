"""Tables of any make, and the columns that a selection names."""

import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.compose import make_column_selector

from skmulti import InputMismatchError
from skmulti.errors import quote_first
from skmulti.router.frames import label_position, n_rows, resolve_columns, row_labels, take_rows, to_table

FRAME = pd.DataFrame({"age": [20, 40, 60], "income": [1.0, 2.0, 3.0], "city": ["Rome", "Oslo", "Rome"]})


class Selector:
    """A selection that is asked for its columns with `expand`."""

    def expand(self, frame):
        return [name for name in frame.columns if "c" in name]


@pytest.mark.parametrize(
    ("columns", "positions"),
    [
        (["age"], [0]),
        (["city", "age"], [2, 0]),
        (("age", "city"), [0, 2]),
        (np.array(["age", "city"]), [0, 2]),
        (np.array(["age"], dtype=object), [0]),
        (pd.Index(["income"]), [1]),
        (slice("age", "income"), [0, 1]),
        (slice("income", None), [1, 2]),
        (slice(None, "income"), [0, 1]),
        (slice("age", "city", 2), [0, 2]),
        (slice("city", "age"), []),
        (slice(None), [0, 1, 2]),
        (slice(0, 2), [0, 1]),
        (slice(-1, None), [2]),
        (slice(None, None, -1), [2, 1, 0]),
        ([True, False, True], [0, 2]),
        (np.array([False, True, False]), [1]),
        (pd.Series([False, True, True]), [1, 2]),
        ([0, -1], [0, 2]),
        (np.array([1]), [1]),
        (range(2), [0, 1]),
        (lambda frame: ["city"], [2]),
        (lambda frame: frame.dtypes == "float64", [1]),
        (make_column_selector(dtype_include=np.number), [0, 1]),
        (make_column_selector(pattern="^c"), [2]),
        (Selector(), [1, 2]),
        ([], []),
        ([False, False, False], []),
        (lambda frame: [], []),
        (slice(0, 0), []),
    ],
)
def test_several_columns_are_found_as_column_transformer_finds_them(columns, positions):
    assert resolve_columns(FRAME, columns, "x") == (positions, False)


@pytest.mark.parametrize("columns", ["income", 1, -2, np.int64(1), lambda frame: "income", lambda frame: 1])
def test_a_scalar_names_a_single_column(columns):
    assert resolve_columns(FRAME, columns, "x") == ([1], True)


def test_a_tuple_that_is_a_label_names_a_single_column():
    frame = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    assert resolve_columns(frame, ("a", "y"), "x") == ([1], True)


def test_a_list_of_tuples_names_columns_of_several_levels():
    frame = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    assert resolve_columns(frame, [("a", "y"), ("a", "x")], "x") == ([1, 0], False)


def test_integers_are_positions_even_where_labels_are_integers():
    assert resolve_columns(pd.DataFrame([[1, 2]], columns=[1, 0]), [0], "x") == ([0], False)


@pytest.mark.parametrize("columns", [1.5, [1.5], None, ["age", 1], [True, "age", 1], slice(1, "city"), np.array([1.0])])
def test_what_is_no_selection_is_refused_with_what_would_be_one(columns):
    with pytest.raises(InputMismatchError, match=r"Input 'x': .* is no selection of columns. Give a name"):
        resolve_columns(FRAME, columns, "x")


@pytest.mark.parametrize("position", [3, -4])
def test_a_position_beyond_the_table_is_refused(position):
    with pytest.raises(InputMismatchError, match=f"position {position}; X has 3 columns"):
        resolve_columns(FRAME, [position], "x")


def test_a_mask_of_another_length_is_refused():
    with pytest.raises(InputMismatchError, match=r"mask is of length 2, X has 3 columns"):
        resolve_columns(FRAME, [True, False], "x")


@pytest.mark.parametrize("columns", ["citi", ["age", "citi"], slice("citi", None)])
def test_a_missing_column_is_named_with_the_closest_match(columns):
    with pytest.raises(InputMismatchError, match=r"wants column 'citi', .*'income' and 'city'. Did you mean 'city'\?"):
        resolve_columns(FRAME, columns, "x")


def test_a_name_that_two_columns_have_is_refused():
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(InputMismatchError, match=r"2 columns of X are named 'a'. Rename them, or give positions"):
        label_position(frame, "a", "x")


def test_a_name_in_a_table_without_names_is_refused():
    with pytest.raises(InputMismatchError, match=r"X has no column names"):
        label_position(pd.DataFrame([[1, 2]]), "a", "x")


def test_long_lists_of_names_are_cut():
    assert quote_first(range(25)).endswith("18, 19 and 5 more")


def test_short_lists_of_names_are_whole():
    assert quote_first(["a", "b"]) == "'a' and 'b'"


def test_a_frame_stays_itself():
    assert to_table(FRAME) is FRAME


def test_an_array_becomes_a_frame_of_numbered_columns():
    table = to_table(np.arange(6).reshape(3, 2))
    assert table.columns.tolist() == [0, 1]
    assert table.to_numpy().tolist() == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("rows", [[[1, "a"], [2, "b"]], np.array([[1, "a"], [2, "b"]], dtype=object)])
def test_rows_of_mixed_cells_keep_the_type_of_each_column(rows):
    table = to_table(rows)
    assert table[0].dtype == "int64"
    assert table[1].tolist() == ["a", "b"]


def test_polars_and_arrow_tables_equal_the_frame():
    polars, arrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    for table in (polars.from_pandas(FRAME), arrow.Table.from_pandas(FRAME)):
        # Rows of other libraries have no labels: their index is named so, since messages call them by position.
        pd.testing.assert_frame_equal(to_table(table), FRAME, check_dtype=False, check_names=False)
        assert to_table(table).index.name == "position"


@pytest.mark.parametrize(
    "cells", [np.array([1, 2]), [1, 2], pd.Series([1, 2]), (1, 2)], ids=["array", "list", "Series", "tuple"]
)
def test_a_dict_gives_a_column_for_each_input(cells):
    assert to_table({"a": cells})["a"].tolist() == [1, 2]


def test_a_2d_array_of_a_dict_becomes_a_frame():
    assert to_table({"a": np.ones((2, 3))})["a"].shape == (2, 3)


def test_images_of_a_dict_become_cells():
    column = to_table({"a": np.zeros((2, 4, 4, 3), dtype="uint8")})["a"]
    assert column[1].shape == (4, 4, 3)


def test_lists_of_unequal_length_become_cells():
    assert to_table({"a": [[1], [2, 3], [[4], [5, 6]]]})["a"].tolist() == [[1], [2, 3], [[4], [5, 6]]]


def test_polars_columns_of_a_dict_are_read():
    polars = pytest.importorskip("polars")
    assert to_table({"a": polars.Series([1, 2])})["a"].tolist() == [1, 2]


@pytest.mark.parametrize("form", [list, tuple])
def test_a_list_of_arrays_is_read_in_the_order_of_inputs(form):
    table = to_table(form([np.ones((2, 3)), np.zeros((2, 4, 4))]), ["first", "second"])
    assert list(table) == ["first", "second"]
    assert table["first"].shape == (2, 3)


def test_a_list_of_arrays_of_different_rank_is_read_by_input():
    table = to_table([np.ones((2, 3)), np.array([5, 6])], ["first", "second"])
    assert table["second"].tolist() == [5, 6]


def test_1d_arrays_are_inputs_where_each_has_an_entry_for_every_target():
    table = to_table([np.array([1, 2, 3]), np.array(["a", "b", "c"])], ["n", "s"], expected_rows=3)
    assert table["s"].tolist() == ["a", "b", "c"]


def test_1d_arrays_are_rows_where_there_is_one_for_each_target():
    table = to_table([np.array([1, 2, 3]), np.array([4, 5, 6])], ["n", "s"], expected_rows=2)
    assert table.to_numpy().tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_wrong_number_of_arrays_is_refused_with_the_names():
    with pytest.raises(InputMismatchError, match=r"list of 1 array, the router has 2 inputs: 'a' and 'b'"):
        to_table([np.ones((2, 3))], ["a", "b"])


def test_a_list_of_batches_is_refused_with_the_way_out():
    batches = [np.ones((10, 4)) for _ in range(10)]
    with pytest.raises(InputMismatchError, match=r"Input 'a': got a list of 10 arrays of 10 rows.*100 rows.*concat"):
        to_table({"a": batches}, expected_rows=100)


def test_a_list_with_a_2d_cell_for_each_row_is_no_list_of_batches():
    assert len(to_table({"a": [np.ones((5, 2)) for _ in range(10)]}, expected_rows=10)["a"]) == 10


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pd.Series([1, 2], name="a"), r"got a Series named 'a'. Give a frame: X.to_frame\(\)"),
        (np.ones(3), r"Expected 2D array or a DataFrame, got ndarray of shape \(3,\)"),
        (np.ones((3, 2, 2)), r"got ndarray of shape \(3, 2, 2\)"),
        ([[1, 2], [3]], r"got list of shape \(2,\) and dtype object"),
        ([np.ones((2, 3)), ["a", "b"]], "whose parts differ in length"),
        (np.ones((0, 2)), r"Found array with 0 sample\(s\)"),
        (np.ones((2, 0)), r"Found array with 0 feature\(s\)"),
        ("text", "got str of shape"),
        (None, "got NoneType of shape"),
        ({"a": 5}, "Input 'a': expected an array with a row for each sample, got 5"),
    ],
)
def test_what_is_no_table_is_refused(X, message):
    with pytest.raises(InputMismatchError, match=message):
        to_table(X)


def test_a_polars_series_is_refused_as_a_series():
    polars = pytest.importorskip("polars")
    with pytest.raises(InputMismatchError, match=r"got a Series"):
        to_table(polars.Series("a", [1, 2]))


@pytest.mark.parametrize("X", [scipy.sparse.csr_array(np.eye(2)), {"a": scipy.sparse.csr_array(np.eye(2))}])
def test_sparse_data_are_refused_with_the_way_out(X):
    with pytest.raises(TypeError, match=r"dense data is required. Use '.toarray\(\)'"):
        to_table(X)


def test_complex_numbers_are_refused():
    with pytest.raises(ValueError, match=r"Complex data not supported"):
        to_table(np.ones((2, 2)) * 1j)


def test_inputs_of_a_dict_must_have_equally_many_rows():
    with pytest.raises(
        InputMismatchError, match=re.escape("inconsistent numbers of samples: 'a' has 2 rows, 'b' has 3")
    ):
        n_rows(to_table({"a": [1, 2], "b": [1, 2, 3]}))


@pytest.mark.parametrize("table", [FRAME, to_table({"age": FRAME["age"], "city": FRAME["city"]})])
def test_rows_are_taken_by_position(table):
    taken = take_rows(table, [2, 0])
    assert n_rows(taken) == 2
    assert row_labels(taken).tolist() == [2, 0]
    assert taken["age"].tolist() == [60, 20]


def test_a_list_of_batches_is_refused_with_the_rows_of_the_batches():
    batches = [np.ones((5, 2)), np.ones((3, 2))]
    message = r"Input 'a': got a list of 2 arrays of 3 to 5 rows, but y has 8 rows; .*8 rows: np\.concatenate\(arrays\)"
    with pytest.raises(InputMismatchError, match=message):
        to_table({"a": batches}, expected_rows=8)


def test_batches_of_unequal_widths_are_told_to_be_a_list_of_rows():
    batches = [np.ones((4, 2)), np.ones((4, 3))]
    with pytest.raises(InputMismatchError, match=r"\[row for batch in arrays for row in batch\].*SequencePadder"):
        to_table({"a": batches}, expected_rows=8)


def test_lists_of_cells_are_taken_by_order_where_they_are_known_to_be_inputs():
    table = to_table([[[1, 2], [3]], ["a", "b"]], ["steps", "word"], by_input=True)
    assert {name: list(cells) for name, cells in table.items()} == {"steps": [[1, 2], [3]], "word": ["a", "b"]}
