"""Sequences: padding is exact and has no influence, files are read safely."""

import pickle
from decimal import Decimal
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from skmulti.errors import BranchMismatchError, InputMismatchError
from skmulti.inputs._steps import ARCHITECTURES
from skmulti.inputs.sequence import SequenceBranch, SequencePadder
from skmulti.inputs.stacker import VectorStacker
from skmulti.layers.numbers import FeatureScale
from skmulti.spec import ArraySpec

NAN = np.nan
TRACE = pd.Series([[1.0, 2.0, 3.0], [4.0], None, []], index=["a", "b", "c", "d"], name="trace")

saves = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def first_feature(array):
    """Return the first feature as nested lists, NaN as None."""
    return [[None if np.isnan(value) else float(value) for value in row] for row in array[:, :, 0]]


# --- the encoder: padding


def test_short_missing_and_empty_rows_are_filled_with_nan():
    padded = SequencePadder().fit_transform(TRACE)
    assert first_feature(padded) == [[1, 2, 3], [4, None, None], [None] * 3, [None] * 3]
    assert padded.shape == (4, 3, 1)
    assert padded.dtype == np.float32


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
def test_padding_is_that_of_keras_pad_sequences(padding, truncating):
    options = {"padding": padding, "truncating": truncating}
    padded = SequencePadder(length=2, **options).fit_transform(TRACE)
    rows = [cell or [] for cell in TRACE]
    expected = keras.utils.pad_sequences(rows, maxlen=2, dtype="float32", value=NAN, **options)
    np.testing.assert_array_equal(padded[:, :, 0], expected)


def test_missing_numbers_within_a_sequence_stay_nan():
    cells = [[1, None, 3], [1, pd.NA, Decimal(3)], [1, NAN, True]]
    assert first_feature(SequencePadder().fit_transform(pd.Series(cells))) == [[1, None, 3], [1, None, 3], [1, None, 1]]


def test_plain_array_of_three_axes_is_padded():
    array = np.arange(12.0).reshape(2, 3, 2)
    padder = SequencePadder(length=4).fit(array)
    np.testing.assert_array_equal(padder.transform(array)[:, :3], array)
    assert np.isnan(padder.transform(array)[:, 3]).all()


def test_float64_keeps_its_precision():
    padded = SequencePadder(dtype="float64").fit_transform(pd.Series([[0.1]]))
    assert padded.item() == 0.1
    assert SequencePadder(dtype="float64").fit(TRACE).spec("t").dtype == "float64"


def test_rows_that_hold_nothing_are_marked():
    padder = SequencePadder().fit(TRACE)
    assert padder.encode_and_flag(TRACE)[1].tolist() == [False, False, True, True]
    assert SequencePadder().fit(np.zeros((1, 1, 1))).encode_and_flag(np.array([[[NAN]], [[0.0]]]))[1].tolist() == [
        True,
        False,
    ]


@pytest.mark.parametrize("cells", [[None, None], [NAN, NAN], [[], None]])
def test_column_without_a_step_can_be_fitted(cells):
    padder = SequencePadder().fit(pd.Series(cells))
    assert (padder.length_, padder.n_features_) == (1, 1)
    assert first_feature(padder.transform(TRACE.rename(0)))[:2] == [[1], [4]]


def test_all_missing_rows_can_be_transformed():
    padder = SequencePadder().fit(TRACE)
    assert np.isnan(padder.transform(pd.Series([NAN, NAN], name="trace"))).all()


def test_no_rows_give_no_rows():
    assert SequencePadder().fit(TRACE).transform(TRACE.iloc[:0]).shape == (0, 3, 1)


# --- the encoder: length


def test_length_is_the_quantile_of_training_lengths():
    column = pd.Series([[0.0] * n for n in (1, 2, 3, 4, 10)] + [None, []])
    # Five sequences with steps: the 0.5 quantile of 1, 2, 3, 4, 10 is 3; the 0.8 one 5.2, so 6.
    assert SequencePadder(length=0.5).fit(column).length_ == 3
    assert SequencePadder(length=0.8).fit(column).length_ == 6
    assert SequencePadder().fit(column).length_ == 10
    assert SequencePadder(length=7).fit(column).length_ == 7


def test_truncated_training_rows_are_counted():
    assert SequencePadder(length=2).fit(TRACE).n_truncated_ == 1
    assert SequencePadder().fit(TRACE).n_truncated_ == 0


def test_new_rows_get_the_training_length():
    padder = SequencePadder().fit(TRACE)
    new = pd.Series([[1.0, 2.0, 3.0, 4.0, 5.0]], name="trace")
    assert first_feature(padder.transform(new)) == [[1, 2, 3]]


# --- the encoder: a block of columns


def test_columns_are_read_row_by_row_into_steps():
    block = pd.DataFrame(np.arange(12).reshape(2, 6), columns=list("abcdef"))
    padded = SequencePadder(shape=(3, 2)).fit_transform(block)
    np.testing.assert_array_equal(padded, np.arange(12).reshape(2, 3, 2))


def test_columns_without_a_shape_are_steps_of_one_number():
    array = np.array([[1.0, 2.0, NAN], [4.0, 5.0, 6.0]])
    assert first_feature(SequencePadder().fit_transform(array)) == [[1, 2, None], [4, 5, 6]]


def test_nullable_columns_become_nan():
    frame = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": pd.array([None, 2.5], dtype="Float64")})
    assert first_feature(SequencePadder().fit_transform(frame)) == [[1, None], [None, 2.5]]


def test_block_with_a_length_is_padded():
    array = np.array([[1.0, 2.0, 3.0]])
    assert first_feature(SequencePadder(length=2, truncating="pre").fit_transform(array)) == [[2, 3]]


def test_wrong_number_of_columns_is_refused_with_both_numbers():
    with pytest.raises(InputMismatchError, match=r"shape=\(2, 3\).*needs 6 columns.*got 4: \['a', 'b', 'c', 'd'\]"):
        SequencePadder(shape=(2, 3)).fit(pd.DataFrame([[1, 2, 3, 4]], columns=list("abcd")))


def test_another_number_of_columns_than_at_fit_is_refused():
    padder = SequencePadder().fit(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="4 features, but SequencePadder is expecting 3"):
        padder.transform(np.zeros((2, 4)))


def test_block_of_lists_is_refused_with_advice():
    with pytest.raises(InputMismatchError, match=r"'a'.*not numbers") as caught:
        SequencePadder().fit(pd.DataFrame({"a": [[1], [2]], "b": [[1], [2]]}))
    assert "own inputs" in caught.value.__notes__[0]


def test_another_width_is_refused_with_both_widths():
    padder = SequencePadder().fit(pd.Series([np.zeros((4, 2))], name="trace"))
    new = pd.Series([np.zeros((2, 2)), np.zeros((2, 3))], index=[7, 8], name="trace")
    with pytest.raises(
        InputMismatchError, match=r"'trace': 1 of 2 .* 2 numbers a step, first at row label 8, whose steps have 3\."
    ):
        padder.transform(new)


def test_widths_that_differ_in_training_are_refused():
    with pytest.raises(InputMismatchError, match="row label 'y', whose steps have 2"):
        SequencePadder().fit(pd.Series([[1, 2], [[1, 2]]], index=["x", "y"]))


def test_cell_of_another_shape_than_asked_for_is_refused():
    column = pd.Series([np.zeros((2, 3)), None, np.zeros((3, 2))], name="trace")
    with pytest.raises(InputMismatchError, match=r"of shape \(2, 3\), first at row label 2: .* shape \(3, 2\)"):
        SequencePadder(shape=(2, 3)).fit(column)


@pytest.mark.parametrize("shape", [(3,), (0, 2), (2.5, 1), (1, 2, 3)])
def test_unusable_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"`shape` must be None or \(steps, features\)"):
        SequencePadder(shape=shape).fit(TRACE)


@pytest.mark.parametrize("options", [{"length": 0}, {"length": 1.0}, {"padding": "left"}, {"dtype": "int32"}])
def test_invalid_parameter_is_refused(options):
    with pytest.raises(ValueError, match=f"'{next(iter(options))}' parameter of SequencePadder"):
        SequencePadder(**options).fit(TRACE)


# --- the encoder: round trips


def test_clone_and_pickle_give_the_same_array():
    padder = SequencePadder(length=2, padding="pre").fit(TRACE)
    expected = padder.transform(TRACE)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(padder)).transform(TRACE), expected)
    np.testing.assert_array_equal(clone(padder).fit_transform(TRACE), expected)


def test_cells_are_left_alone():
    cell = np.array([1.0, 2.0])
    SequencePadder().fit_transform(pd.Series([cell, [1.0]]))[0] = 9
    assert cell.tolist() == [1.0, 2.0]


def test_spec_describes_the_array():
    spec = SequencePadder().fit(pd.Series([np.zeros((4, 2))])).spec("trace")
    assert spec == ArraySpec("trace", "sequence", (4, 2), "float32")


# --- which columns are sequences


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ([[1, 2], [3]], "different lengths"),
        ([(1.0, 2.0), None, []], "different lengths"),
        ([np.zeros((3, 2)), None], "2-D"),
        ([np.zeros((3, 1)), np.zeros((3, 1))], "2-D"),
        ([[[1, 2], [3, 4]]], "2-D"),
        (["a.npy", None, "b.npy"], "npy"),
        ([Path("a.npy")], "npy"),
    ],
)
def test_suits_sequences(cells, reason):
    assert reason in SequencePadder.suits(pd.Series(cells, dtype=object))


@pytest.mark.parametrize(
    "cells",
    [
        [[1, 2], [3, 4]],
        [np.zeros(3), np.ones(3)],
        [np.zeros((3, 2), dtype="uint8")],
        [np.zeros((3, 3, 2), dtype="uint8"), np.zeros((4, 3, 2), dtype="uint8")],
        [np.zeros((3, 3, 2))],
        [["a"], ["b", "c"]],
        [["a.npy"], [1, 2]],
        ["a.npy", "b.png"],
        ["a.npy", [1, 2]],
        ["text", "more"],
        [{"a": 1}],
        [1.0, 2.0],
        [None, None],
        [],
    ],
)
def test_suits_nothing_else(cells):
    assert SequencePadder.suits(pd.Series(cells, dtype=object)) is None


@pytest.mark.parametrize("column", [pd.Series([1.5, 2.5]), pd.Series(pd.to_datetime(["2024-01-01"]))])
def test_suits_no_column_of_single_values(column):
    assert SequencePadder.suits(column) is None


# --- the branch


SPEC = ArraySpec("trace", "sequence", (5, 2), "float32")


def steps_of_different_lengths():
    """Return five rows of 5 steps: whole, short, shorter, with gaps, empty."""
    array = np.random.default_rng(0).normal(size=(5, 5, 2)).astype("float32")
    array[1, 3:] = NAN
    array[2, 1:] = NAN
    array[3, [1, 3]] = NAN
    array[4] = NAN
    return array


def test_features_are_standardised_with_the_training_steps():
    array = steps_of_different_lengths() * 1e-12 + 5e-12
    branch = SequenceBranch().build(SPEC, array)
    scale = next(layer for layer in branch.layers if isinstance(layer, FeatureScale))
    np.testing.assert_allclose(scale.mean, np.nanmean(array.astype(float), axis=(0, 1)))
    np.testing.assert_allclose(scale.scale, np.nanstd(array.astype(float), axis=(0, 1)))
    scaled = scale(np.nan_to_num(array, nan=5e-12)).numpy()[~np.isnan(array).any(axis=2)]
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("value", [0.1, 1e6, 0.0, NAN])
def test_constant_feature_has_scale_one(value):
    array = np.full((7, 5, 2), value, dtype="float32")
    branch = SequenceBranch().build(SPEC, array)
    scale = next(layer for layer in branch.layers if isinstance(layer, FeatureScale))
    assert scale.scale == [1.0, 1.0]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_mask_survives_the_standardisation(architecture):
    array = steps_of_different_lengths()
    spec = ArraySpec("trace", "sequence", (9, 2), "float32")
    padded = np.pad(array, [(0, 0), (0, 4), (0, 0)], constant_values=NAN)
    short, long = (SequenceBranch(architecture, units=4).build(*args) for args in ((SPEC, array), (spec, padded)))
    if architecture != "flatten":
        long.set_weights(short.get_weights())
        np.testing.assert_allclose(long(padded).numpy(), short(array).numpy(), atol=1e-6)
    assert np.isfinite(long(padded).numpy()).all()


@saves
def test_branch_reloads_in_safe_mode(tmp_path):
    array = steps_of_different_lengths()
    branch = SequenceBranch(units=4, dropout=0.1).build(SPEC, array)
    branch.save(tmp_path / "branch.keras")
    again = keras.saving.load_model(tmp_path / "branch.keras", safe_mode=True)
    np.testing.assert_allclose(again(array).numpy(), branch(array).numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("architecture", "width"), [("pool", 4), ("flatten", 4), ("lstm", 4), ("gru", 4), ("conv", 8), ("attention", 8)]
)
def test_output_width(architecture, width):
    assert SequenceBranch(architecture, units=4, dropout=0.5).build(SPEC).output_shape == (None, width)


def test_array_of_another_kind_is_refused_with_both_names():
    spec = ArraySpec("review", "text", (5,), "int32", vocabulary_sizes=(9,))
    with pytest.raises(BranchMismatchError, match=r"'review'.*SequenceBranch reads sequence arrays.*text"):
        SequenceBranch().build(spec)


@pytest.mark.parametrize("options", [{"architecture": "bert"}, {"units": 0}, {"kernel_size": 0}, {"dropout": 1.0}])
def test_invalid_branch_parameter_is_refused(options):
    with pytest.raises(ValueError, match=f"'{next(iter(options))}' parameter of SequenceBranch"):
        SequenceBranch(**options).build(SPEC)


def test_encoder_and_branch_learn_a_pattern_wherever_it_is():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, size=60)
    cells = []
    for label in labels:
        trace = rng.normal(0, 0.1, size=rng.integers(8, 20))
        at = rng.integers(0, len(trace) - 2)
        trace[at : at + 2] += [1, -1] if label else [-1, 1]
        cells.append(trace)
    padder = SequencePadder().fit(pd.Series(cells))
    array = padder.transform(pd.Series(cells))
    branch = SequenceBranch(units=8).build(padder.spec("trace"), array)
    model = keras.Sequential([branch, keras.layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.Adam(0.03), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(array, labels.astype("float32")[:, None], epochs=30, verbose=0)
    assert history.history["accuracy"][-1] > 0.95


@pytest.mark.parametrize("last", [[1.0], []])
def test_one_list_of_another_length_is_odd_among_vectors(last):
    column = pd.Series([[1.0, 2.0]] * 1500 + [last], dtype=object)
    assert VectorStacker.suits(column) == "vectors of 2 numbers in cells"
