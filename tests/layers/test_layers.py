"""Layers of our own: what each computes, against NumPy, and that it comes back from a file."""

import keras
import numpy as np
import pytest
from common import predict
from numpy.testing import assert_allclose, assert_array_equal

from skmulti.layers import dense, ids, missing, outputs, steps
from skmulti.layers import numbers as number_layers
from skmulti.layers.dense import Gates, InputEmbedding
from skmulti.layers.ids import CategoryEmbedding, OneHotIds, WordBag, WordEmbedding
from skmulti.layers.missing import AllMissing, LearnedFill, LearnedWhenMissing, MissingRow, PresentInputs, RandomFlag
from skmulti.layers.numbers import ColumnDense, ColumnSymlog, FeatureScale, PiecewiseLinear
from skmulti.layers.outputs import MemberMean, Members, OutputsSoftmax, TargetUnits
from skmulti.layers.steps import StepMask, StepPosition, StepSummary, ZeroMasked

NAN = np.float32(np.nan)
STEPS = np.float32([[[1, 8], [3, -2], [NAN, NAN]], [[NAN, NAN]] * 3, [[5, NAN], [NAN, NAN], [1, 1]]])
SEEN = np.array([[True, True, False], [False, False, False], [True, False, True]])


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


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


# --- steps


def test_masked_steps_become_zero_and_the_mask_ends():
    layer = ZeroMasked()
    values = numbers(3, 3, 2)

    assert_array_equal(layer(values, mask=SEEN), values * SEEN[:, :, None])
    assert_array_equal(layer(values), values)
    assert layer.compute_mask(values, SEEN) is None


def test_summary_is_average_and_maximum_over_seen_steps():
    values = numbers(3, 3, 2)
    summary = StepSummary()(values, mask=SEEN).numpy()

    for row, seen, found in zip(values, SEEN, summary, strict=True):
        expected = np.hstack([row[seen].mean(axis=0), row[seen].max(axis=0)]) if seen.any() else np.zeros(4)
        assert_allclose(found, expected, rtol=1e-6)


def test_summary_without_a_mask_takes_all_steps():
    values = numbers(3, 4, 2)

    assert_allclose(StepSummary()(values), np.hstack([values.mean(axis=1), values.max(axis=1)]), rtol=1e-6)


def test_step_mask_gives_the_mask_as_a_tensor():
    assert_array_equal(StepMask()(numbers(3, 3, 2), mask=SEEN), SEEN)
    assert_array_equal(StepMask()(numbers(3, 3, 2)), np.ones((3, 3), bool))


def test_position_counts_seen_steps_only():
    layer = StepPosition()
    wave = layer(np.zeros((1, 4, 6), "float32")).numpy()
    late = layer(np.zeros((1, 4, 6), "float32"), mask=np.array([[False, True, True, True]])).numpy()

    assert_allclose(late[:, 1:], wave[:, :3], atol=1e-7)


def test_position_is_the_sine_wave_of_the_paper():
    steps, width = 5, 4
    position, pair = np.arange(steps)[:, None], np.arange(width) // 2
    angle = position / 1e4 ** (2 * pair / width)
    wave = np.where(np.arange(width) % 2 == 0, np.sin(angle), np.cos(angle))

    assert_allclose(StepPosition()(np.zeros((1, steps, width), "float32"))[0], 0.1 * wave, atol=1e-6)


def test_feature_scale_standardises_tiny_features_too():
    values = np.float32([[[2e-12, 5.0]]])

    assert_allclose(FeatureScale([1e-12, 3.0], [1e-12, 2.0])(values), [[[1, 1]]], rtol=1e-6)


# --- targets


def test_target_units_scale_and_shift():
    layer = TargetUnits(offset=[10, 20], scale=[2, 3])

    assert_array_equal(layer(np.float32([[1, 1], [0, -1]])), [[12, 23], [10, 17]])


def test_target_units_work_in_float64():
    layer = TargetUnits(offset=[1e6], scale=[1e-3])
    output = layer(np.float32([[1.0]])).numpy()

    assert output.dtype == np.float64
    assert output[0, 0] - 1e6 == pytest.approx(1e-3, rel=1e-6)


def test_target_units_reach_the_end_of_a_network_in_float64():
    inputs = keras.Input((1,))
    model = keras.Model(inputs, TargetUnits([1e6], [1e-3])(inputs))

    assert model.predict(np.float32([[1.0]]), verbose=0)[0, 0] - 1e6 == pytest.approx(1e-3, rel=1e-6)


# --- merging


def test_present_inputs_are_those_without_a_flag():
    flags = [np.array([[True], [False]]), np.array([[False], [True]])]

    assert_array_equal(PresentInputs([True, False, True])(flags), [[False, True, True], [True, True, False]])


def test_gates_are_a_softmax_over_present_inputs():
    present = np.array([[True, True, False], [False, False, False]])
    scores = np.float32([[0, np.log(3), 9], [1, 2, 3]])

    assert_allclose(Gates()(present, scores), [[0.25, 0.75, 0], [1 / 3] * 3], rtol=1e-6)
    assert_allclose(Gates()(present), [[0.5, 0.5, 0], [1 / 3] * 3], rtol=1e-6)


def test_input_embedding_adds_a_vector_to_each_input():
    layer = InputEmbedding()
    values = numbers(4, 2, 3)

    assert_allclose(layer(values), values + layer.get_weights()[0], rtol=1e-6)


def test_all_missing_needs_every_flag():
    flags = [np.array([[True], [True]]), np.array([[True], [False]])]

    assert_array_equal(AllMissing()(flags), [[True], [False]])


# --- files


def network(layer, *inputs, **kwargs):
    tensors = list(inputs)
    given = tensors if len(tensors) > 1 else tensors[0]
    return keras.Model(given, layer(given, **kwargs))


def flags():
    return keras.Input((1,), dtype="bool")


NETWORKS = {
    "AllMissing": lambda: network(AllMissing(), flags(), flags()),
    "CategoryEmbedding": lambda: network(CategoryEmbedding([4, 3], 2), keras.Input((2,), dtype="int32")),
    "ColumnDense": lambda: network(ColumnDense(2), keras.Input((3, 2))),
    "ColumnSymlog": lambda: network(ColumnSymlog([0, 0], [1, 2]), keras.Input((2,))),
    "FeatureScale": lambda: network(FeatureScale([1, 2], [3, 4]), keras.Input((3, 2))),
    "Gates": lambda: network(Gates(), keras.Input((3,), dtype="bool")),
    "InputEmbedding": lambda: network(InputEmbedding(), keras.Input((3, 2))),
    "LearnedFill": lambda: network(LearnedFill([1, 2]), keras.Input((3, 2))),
    "LearnedWhenMissing": lambda: network(LearnedWhenMissing(), keras.Input((2,)), flags()),
    "MemberMean": lambda: network(MemberMean(2, "sigmoid"), keras.Input((3, 2))),
    "Members": lambda: network(Members(3), keras.Input((2,))),
    "MissingRow": lambda: network(MissingRow(1), keras.Input((3,))),
    "OneHotIds": lambda: network(OneHotIds([4, 3]), keras.Input((2,), dtype="int32")),
    "OutputsSoftmax": lambda: network(OutputsSoftmax([2, 1]), keras.Input((3,))),
    "PiecewiseLinear": lambda: network(PiecewiseLinear([[0, 1, 2], [0, 1]]), keras.Input((2,))),
    "PresentInputs": lambda: network(PresentInputs([True, False, True]), flags(), flags()),
    "RandomFlag": lambda: network(RandomFlag(0.5, seed=3), flags()),
    "StepMask": lambda: network(StepMask(), keras.Input((3, 2))),
    "StepPosition": lambda: network(StepPosition(), keras.Input((3, 2))),
    "StepSummary": lambda: network(StepSummary(), keras.Input((3, 2))),
    "TargetUnits": lambda: network(TargetUnits([1], [2]), keras.Input((1,))),
    "ZeroMasked": lambda: network(ZeroMasked(), keras.Input((3, 2))),
    "WordBag": lambda: network(WordBag([0, 1, 2.5], 4), keras.Input((3,), dtype="int32")),
    "WordEmbedding": lambda: network(WordEmbedding(5, 2), keras.Input((3,), dtype="int32")),
}


def test_every_layer_is_saved_below():
    modules = (dense, ids, missing, number_layers, outputs, steps)
    kinds = [thing for module in modules for thing in vars(module).values() if isinstance(thing, type)]
    own = {kind.__name__ for kind in kinds if kind.__module__.startswith("skmulti") and issubclass(kind, keras.Layer)}
    assert NETWORKS.keys() == own


@pytest.mark.parametrize("name", NETWORKS)
def test_layer_comes_back_from_a_file_in_safe_mode(name, tmp_path):
    model = NETWORKS[name]()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    arrays = [2 * np.abs(numbers(2, *tensor.shape[1:])) for tensor in model.inputs]
    arrays = [
        (array > 1 if tensor.dtype == "bool" else array).astype(tensor.dtype)
        for array, tensor in zip(arrays, model.inputs, strict=True)
    ]

    before = predict(model, arrays if len(arrays) > 1 else arrays[0])

    assert_array_equal(predict(loaded, arrays if len(arrays) > 1 else arrays[0]), before)
    assert before.shape[1:] == loaded.output_shape[1:]


@pytest.mark.parametrize("name", NETWORKS)
def test_layer_is_in_its_config_in_full(name):
    layer = NETWORKS[name]().layers[-1]
    twin = type(layer).from_config(layer.get_config())

    assert twin.get_config() == layer.get_config()
