"""Layers for what is missing: learned values, flags, and inputs that are there, compared with NumPy."""

import keras
import numpy as np
import pytest
from layer_cases import SEEN, numbers
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge

from skmulti.layers.missing import (
    AllMissing,
    FillFromOthers,
    LearnedFill,
    LearnedWhenMissing,
    MissingRow,
    PresentInputs,
    RandomFlag,
)
from skmulti.layers.numbers import feature_means, slopes_between

NAN = np.float32(np.nan)
STEPS = np.float32([[[1, 8], [3, -2], [NAN, NAN]], [[NAN, NAN]] * 3, [[5, NAN], [NAN, NAN], [1, 1]]])


# --- missing values


def test_nan_is_filled_with_the_initial_values():
    rows = np.float32([[1, NAN], [NAN, 4]])

    assert_array_equal(LearnedFill(initial=[7, 8])(rows), [[1, 8], [7, 4]])


def test_nan_is_filled_with_zero_by_default():
    assert_array_equal(LearnedFill()(np.float32([[NAN, 2]])), [[0, 2]])


def test_fill_is_learned():
    layer = LearnedFill(initial=[0.0])
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile("sgd", "mse")
    model.fit(np.float32([[NAN]]), np.float32([[1.0]]), epochs=1, verbose=0)

    assert layer.fill.numpy()[0] > 0


def related_rows(n=2000, share=0.1, seed=0):
    """Return rows of four related numbers of different scales, and the same with gaps."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 2)) @ rng.normal(size=(2, 4)) + 0.1 * rng.normal(size=(n, 4))
    rows = rows * [1, 100, 1, 0.01] + [0, 50, 3, 0]
    return rows, np.where(rng.random(rows.shape) < share, np.nan, rows)


def fill_from_others(sample, n_indicators=0):
    mean = feature_means(sample)
    return FillFromOthers(mean, *slopes_between(sample, mean, n_indicators))


def test_slopes_are_those_of_a_regression_on_the_others():
    rows, _ = related_rows()
    # Within five deviations, so that none is cut off.
    slopes = slopes_between(rows, feature_means(rows))[2]

    scaled = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    for k in range(4):
        ridge = Ridge(alpha=0.05 * len(rows), fit_intercept=False).fit(np.delete(scaled, k, axis=1), scaled[:, k])
        expected = np.insert(ridge.coef_, k, 0.0) * rows.std(axis=0)[k] / rows.std(axis=0)
        assert_allclose(slopes[:, k], expected, rtol=1e-6, atol=1e-9)


def test_gaps_are_filled_by_what_the_others_let_expect():
    rows, gaps = related_rows()
    filled = np.asarray(fill_from_others(gaps)(np.float32(gaps)))
    missing = np.isnan(gaps)

    assert_array_equal(filled[~missing], np.float32(gaps)[~missing])
    for k in range(4):
        own = missing[:, k]
        # Of the variance in the cells that are filled by the mean alone, most is explained.
        assert np.mean((filled - rows)[own, k] ** 2) < 0.4 * rows[:, k].var()


def test_a_row_without_values_is_filled_with_the_means():
    _, gaps = related_rows()
    filled = np.asarray(fill_from_others(gaps)(np.full((1, 4), np.nan, "float32")))

    assert_allclose(filled[0], np.nanmean(gaps, axis=0), rtol=1e-5)


def test_a_value_beyond_the_range_says_no_more_than_its_end():
    _, gaps = related_rows()
    layer = fill_from_others(gaps)
    row = np.float32([[1e20, np.nan, 3, 0]])

    assert_array_equal(layer(row)[0, 1:], layer(np.float32([[layer.high[0], np.nan, 3, 0]]))[0, 1:])


@pytest.mark.parametrize("useless", [0.0, np.nan, 7.5])
def test_a_constant_or_empty_feature_says_nothing(useless):
    _, gaps = related_rows(300)
    wide = np.column_stack([gaps, np.full(300, useless)])

    slopes = slopes_between(wide, feature_means(wide))[2]

    assert_allclose(slopes[:4, :4], slopes_between(gaps, feature_means(gaps))[2], rtol=1e-9)
    assert not slopes[4].any()
    assert not slopes[:, 4].any()


def test_indicators_say_nothing_of_values():
    _, gaps = related_rows(300)
    wide = np.column_stack([gaps, np.isnan(gaps[:, 0])])

    slopes = slopes_between(wide, feature_means(wide), n_indicators=1)[2]

    assert not slopes[4].any()
    assert not slopes[:, 4].any()


def test_what_is_expected_can_be_learned_on_top():
    _, gaps = related_rows(300)
    layer = fill_from_others(gaps)
    model = keras.Sequential([keras.Input((4,)), layer])
    before = np.asarray(model(np.float32(gaps[:1] * np.nan)))
    model.compile("sgd", "mse")
    model.fit(np.full((1, 4), np.nan, "float32"), before + 1, epochs=1, verbose=0)

    assert (layer.fill.numpy() > before[0]).all()
    assert [weight.name for weight in layer.trainable_weights] == ["fill"]


def test_steps_that_are_nan_throughout_are_masked():
    layer = LearnedFill(initial=[7, 8])

    assert_array_equal(layer.compute_mask(STEPS), SEEN)
    assert_array_equal(layer(STEPS)[2], [[5, 8], [7, 8], [1, 1]])


def test_a_single_vector_has_no_mask():
    assert LearnedFill().compute_mask(keras.KerasTensor((None, 3))) is None


def test_flagged_rows_get_the_learned_vector():
    layer = LearnedWhenMissing()
    output, flag = numbers(3, 2), np.array([[False], [True], [False]])
    layer.build([output.shape, flag.shape])
    layer.set_weights([np.float32([10, 20])])

    assert_array_equal(layer([output, flag]), [output[0], [10, 20], output[2]])


@pytest.mark.parametrize(
    ("rows", "missing"),
    [
        (np.float32([[NAN, NAN], [NAN, 0], [0, 0]]), [True, False, False]),
        (np.float64([[NAN, NAN], [1, 2]]), [True, False]),
        (STEPS, [False, True, False]),
        (np.int32([[0, 0], [0, 1], [2, 0]]), [True, False, False]),
        (np.zeros((2, 4, 4, 3), "uint8"), [False, False]),
    ],
    ids=["float32", "float64", "steps", "ids", "pixels"],
)
def test_missing_row_is_all_nan_or_all_zero_ids_but_no_row_of_pixels(rows, missing):
    assert_array_equal(MissingRow()(rows)[:, 0], missing)


def test_missing_row_looks_past_the_indicators():
    rows = np.float32([[NAN, NAN, 1, 1], [NAN, 3, 1, 0], [1, 3, 0, 0]])

    assert_array_equal(MissingRow(n_indicators=2)(rows)[:, 0], [True, False, False])


def test_random_flag_passes_flags_at_prediction():
    flag = np.array([[True], [False]])

    assert_array_equal(RandomFlag(0.9, seed=0)(flag, training=False), flag)


def test_random_flag_sets_its_share_of_rows_in_training():
    flag = np.zeros((4000, 1), bool)

    assert RandomFlag(0.3, seed=0)(flag, training=True).numpy().mean() == pytest.approx(0.3, abs=0.03)


def test_random_flag_keeps_the_flags_that_are_set():
    assert RandomFlag(0.1, seed=0)(np.ones((100, 1), bool), training=True).numpy().all()


def test_random_flag_draws_the_same_under_a_seed_and_anew_each_time():
    flag = np.zeros((100, 1), bool)
    one, two = RandomFlag(0.5, seed=1), RandomFlag(0.5, seed=1)
    first = one(flag, training=True).numpy()

    assert_array_equal(two(flag, training=True), first)
    assert (one(flag, training=True).numpy() != first).any()


# --- merging


def test_present_inputs_are_those_without_a_flag():
    flags = [np.array([[True], [False]]), np.array([[False], [True]])]

    assert_array_equal(PresentInputs([True, False, True])(flags), [[False, True, True], [True, True, False]])


def test_all_missing_needs_every_flag():
    flags = [np.array([[True], [True]]), np.array([[True], [False]])]

    assert_array_equal(AllMissing()(flags), [[True], [False]])
