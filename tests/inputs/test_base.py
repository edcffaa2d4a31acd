"""The contracts of encoder and branch, and the helpers that every kind shares."""

import keras
import numpy as np
import pandas as pd
import pytest
import sklearn
from common import check_branch, check_encoder, predict
from numpy.testing import assert_allclose, assert_array_equal

from skmulti.errors import InputMismatchError
from skmulti.inputs import DenseBranch
from skmulti.inputs._odd import refuse_cells
from skmulti.inputs.base import Branch, InputEncoder, as_frame, check_frame, missing_rows, one_column
from skmulti.layers import FillFromOthers
from skmulti.layers.numbers import feature_means
from skmulti.spec import ArraySpec


class LengthEncoder(InputEncoder):
    """An encoder as a user would write one: the length of a string."""

    default_branch = DenseBranch

    def fit(self, columns, y=None):
        lengths = columns.dropna().str.len()
        self.longest_ = int(lengths.max()) if len(lengths) else 1
        return self

    def transform(self, columns):
        sklearn.utils.validation.check_is_fitted(self)
        return (columns.str.len().to_numpy(dtype="float32", na_value=np.nan) / self.longest_)[:, None]

    def spec(self, name):
        return ArraySpec(name, "vector", (1,), "float32")


class ScaledBranch(Branch):
    """A branch as a user would write one."""

    reads = ("vector",)

    def __init__(self, units=3):
        self.units = units

    def connect(self, tensor, spec, sample):
        return keras.layers.Dense(self.units)(tensor)


WORDS = pd.Series(["a", "bbb", None, "cc"], name="word")


def test_an_encoder_of_the_user_keeps_the_contract():
    check_encoder(LengthEncoder(), WORDS)


def test_a_branch_of_the_user_keeps_the_contract():
    spec = ArraySpec("word", "vector", (2,), "float32")
    check_branch(ScaledBranch(), spec, np.float32([[1, 2], [np.nan, 3], [4, 5], [6, np.nan]]))


def test_encode_marks_rows_without_a_cell():
    array, missing = LengthEncoder().fit(WORDS).encode_and_flag(WORDS)

    assert_allclose(array[:, 0], [1 / 3, 1, np.nan, 2 / 3])
    assert missing.tolist() == [False, False, True, False]


def test_an_encoder_suits_nothing_unless_it_says_so():
    assert LengthEncoder.suits(WORDS) is None


def test_pandas_output_leaves_an_encoder_alone():
    with sklearn.config_context(transform_output="pandas"):
        assert isinstance(LengthEncoder().fit_transform(WORDS), np.ndarray)


@pytest.mark.parametrize("method", ["fit", "transform"])
def test_an_encoder_without_a_method_says_so(method):
    with pytest.raises(NotImplementedError):
        getattr(InputEncoder(), method)(WORDS)


def test_a_branch_without_connect_says_so():
    with pytest.raises(NotImplementedError):
        Branch().build(ArraySpec("word", "vector", (2,), "float32"))


# --- what a branch reads


class Passing(Branch):
    """Return the tensor that reaches `connect`."""

    def connect(self, tensor, spec, sample):
        return tensor


def test_pixels_arrive_between_0_and_1():
    spec = ArraySpec("photo", "image", (1, 1, 3), "uint8")

    assert_allclose(predict(Passing().build(spec), np.uint8([[[[0, 51, 255]]]])), [[0, 0.2, 1]], rtol=1e-6)


def test_numbers_arrive_without_nan():
    spec = ArraySpec("numbers", "vector", (2,), "float32")
    model = Passing().build(spec, np.float32([[1, np.nan], [3, np.nan]]))

    assert_array_equal(predict(model, np.float32([[np.nan, np.nan], [5, 6]])), [[2, 0], [5, 6]])


@pytest.mark.parametrize(
    ("cells", "others_help"),
    [
        ([[1, 2], [2, np.nan], [3, 6]], True),
        # Nothing is missing, or all of a row is, or there are no others.
        ([[1, 2], [2, 4], [3, 6]], False),
        ([[1, 2], [np.nan, np.nan], [3, 6]], False),
        ([[1], [np.nan], [3]], False),
    ],
)
def test_gaps_are_filled_from_others_if_fit_saw_such(cells, others_help):
    sample = np.float32(cells)
    model = DenseBranch(units=()).build(ArraySpec("x", "vector", sample.shape[1:], "float32"), sample)

    assert any(isinstance(layer, FillFromOthers) for layer in model.layers) == others_help
    assert np.isfinite(model(sample)).all()


def test_ids_arrive_as_they_are():
    spec = ArraySpec("city", "category", (2,), "int32", vocabulary_sizes=(4, 4))

    assert predict(Passing().build(spec), np.int32([[0, 3]])).tolist() == [[0, 3]]


def test_padding_of_flattened_steps_is_zero_whatever_fills_nan():
    spec = ArraySpec("trace", "sequence", (2, 1), "float32")
    model = Passing().build(spec, np.float32([[[4], [8]]]))

    assert_array_equal(predict(model, np.float32([[[5], [np.nan]]])), [[5, 0]])


def test_means_are_those_of_numpy():
    sample = np.random.default_rng(0).normal(size=(5, 4, 3))
    sample[sample > 1] = np.nan

    assert_allclose(feature_means(sample), np.nanmean(sample, axis=(0, 1)))


def test_mean_of_nothing_is_zero():
    assert feature_means(np.full((2, 3), np.nan)).tolist() == [0, 0, 0]


# --- columns


def test_missing_rows_need_every_cell_missing():
    frame = pd.DataFrame({"a": [1.0, None, None], "b": ["x", "y", None]})

    assert missing_rows(frame).tolist() == [False, False, True]
    assert missing_rows(frame["a"]).tolist() == [False, True, True]


@pytest.mark.parametrize("columns", [WORDS, WORDS.to_frame(), WORDS.to_numpy()], ids=["series", "frame", "array"])
def test_columns_of_any_make_are_a_frame(columns):
    assert as_frame(columns).shape == (4, 1)
    assert one_column(columns, LengthEncoder()).tolist()[:2] == ["a", "bbb"]


def test_two_columns_are_no_one_column():
    with pytest.raises(InputMismatchError, match=r"LengthEncoder reads one column, got 2: \['a', 'b'\]. Name a single"):
        one_column(pd.DataFrame({"a": [1], "b": [2]}), LengthEncoder())


def test_refusal_counts_cells_and_names_rule_place_and_value():
    column = pd.Series([1, "x", "y"], index=["r", "s", "t"], name="age")
    with pytest.raises(
        InputMismatchError,
        match=r"^column 'age': 2 of 3 cells are not ages, first at row label 's': 'x' \(type str\). Do something.$",
    ):
        refuse_cells(column, np.array([False, True, True]), "ages", "Do something.")


def test_nothing_wrong_is_not_refused():
    refuse_cells(WORDS, np.zeros(4, bool), "words", "")


def test_numbers_in_refusals_are_written_as_in_the_table():
    with pytest.raises(InputMismatchError, match=r"row label 5: 7 \(type int\)"):
        refuse_cells(pd.Series([7], index=[5], name="age"), np.array([True]), "ages", "")


def test_frames_keep_the_dtype_of_each_column():
    frame = pd.DataFrame({"a": [1], "b": ["x"]})

    assert check_frame(LengthEncoder(), frame, reset=True).dtypes.equals(frame.dtypes)


def test_columns_in_another_order_are_refused():
    encoder, frame = LengthEncoder(), pd.DataFrame({"a": [1], "b": [2]})
    check_frame(encoder, frame, reset=True)
    with pytest.raises(ValueError, match="must be in the same order"):
        check_frame(encoder, frame[["b", "a"]], reset=False)


def test_another_number_of_columns_is_refused():
    encoder = LengthEncoder()
    check_frame(encoder, np.ones((2, 3)), reset=True)
    with pytest.raises(ValueError, match="X has 2 features, but LengthEncoder is expecting 3"):
        check_frame(encoder, np.ones((2, 2)), reset=False)


@pytest.mark.parametrize(("shape", "found"), [((0, 1), r"0 sample\(s\)"), ((1, 0), r"0 feature\(s\)")])
def test_empty_tables_are_refused_at_fit(shape, found):
    with pytest.raises(InputMismatchError, match=f"{found}.*LengthEncoder"):
        check_frame(LengthEncoder(), pd.DataFrame(np.empty(shape)), reset=True)
