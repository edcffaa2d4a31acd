"""Networks over steps: masked steps have no influence, and the summaries are those of Keras and NumPy."""

import warnings

import keras
import numpy as np
import pytest

from skmulti.errors import BranchMismatchError, NetworkSizeWarning
from skmulti.inputs._steps import ARCHITECTURES, summarise_steps
from skmulti.layers.missing import LearnedFill
from skmulti.layers.steps import StepPosition

NAN = np.nan

saves = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def network(architecture, steps, dtype="float32", units=4, kernel_size=3):
    """Make a network over steps of two features, NaN masked."""
    inputs = keras.Input((steps, 2), dtype=dtype)
    output = summarise_steps(LearnedFill()(inputs), architecture, units=units, kernel_size=kernel_size)
    return keras.Model(inputs, output)


def steps_of_different_lengths(dtype="float32"):
    """Return five rows of 5 steps: whole, short, shorter, with gaps, empty."""
    array = np.random.default_rng(0).normal(size=(5, 5, 2)).astype(dtype)
    array[1, 3:] = NAN
    array[2, 1:] = NAN
    array[3, [1, 3]] = NAN
    array[4] = NAN
    return array


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_is_finite_in_training_too(architecture):
    array = steps_of_different_lengths()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model = network(architecture, 5)
    model.compile("adam", "mse")
    model.fit(array, np.ones((5, model.output_shape[-1])), verbose=0)
    assert np.isfinite(model(array).numpy()).all()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize("side", ["pre", "post"])
@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name != "flatten"])
def test_padding_has_no_influence(architecture, side):
    array = steps_of_different_lengths()
    width = [(0, 0), (4, 0) if side == "pre" else (0, 4), (0, 0)]
    short, long = network(architecture, 5), network(architecture, 9)
    long.set_weights(short.get_weights())
    padded = np.pad(array, width, constant_values=NAN)
    np.testing.assert_allclose(long(padded).numpy(), short(array).numpy(), atol=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_values_of_masked_steps_have_no_influence(architecture):
    array = steps_of_different_lengths()
    model = network(architecture, 5)
    before = model(array).numpy()
    # The first weight is what stands in the place of NaN.
    model.set_weights([np.full(2, 99.0), *model.get_weights()[1:]])
    np.testing.assert_allclose(model(array).numpy(), before, atol=1e-6)


@pytest.mark.parametrize(("architecture", "layer"), [("lstm", keras.layers.LSTM), ("gru", keras.layers.GRU)])
def test_recurrent_summary_is_that_of_keras_on_the_unpadded_row(architecture, layer):
    array = steps_of_different_lengths()
    model = network(architecture, 5)
    plain = layer(4)
    plain.build((None, None, 2))
    plain.set_weights(model.get_weights()[1:])  # the first is the value put in the place of NaN
    for row, output in zip(array[:4], model(array).numpy(), strict=False):
        alone = row[~np.isnan(row).any(axis=1)]
        np.testing.assert_allclose(output, plain(alone[None]).numpy()[0], atol=1e-6)


def test_pool_is_average_and_maximum_of_the_steps():
    array = steps_of_different_lengths()
    output = network("pool", 5, units=None)(array).numpy()
    for row, found in zip(array[:4], output, strict=False):
        np.testing.assert_allclose(found, [*np.nanmean(row, axis=0), *np.nanmax(row, axis=0)], atol=1e-6)
    assert output[4].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("architecture", ["conv", "attention", "lstm", "gru"])
def test_order_of_steps_matters(architecture):
    array = steps_of_different_lengths()[:1]
    model = network(architecture, 5)
    assert not np.allclose(model(array).numpy(), model(array[:, ::-1]).numpy(), atol=1e-6)


@pytest.mark.parametrize("steps", [1, 2])
def test_kernel_may_be_larger_than_the_number_of_steps(steps):
    output = network("conv", steps, kernel_size=7)(np.ones((2, steps, 2), dtype="float32"))
    assert output.shape == (2, 8)


@pytest.mark.parametrize("units", [1, 3, 6, 8])
def test_attention_takes_any_number_of_units(units):
    assert network("attention", 5, units=units).output_shape == (None, 2 * units)


@saves
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_network_reloads_in_safe_mode(architecture, tmp_path):
    array = steps_of_different_lengths()
    model = network(architecture, 5)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(again(array).numpy(), model(array).numpy(), atol=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_float64_policy_holds_throughout(architecture):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        model = network(architecture, 5, dtype="float64")
        output = model(steps_of_different_lengths("float64"))
    finally:
        keras.config.set_dtype_policy(before)
    assert output.dtype == "float64"
    assert np.isfinite(output.numpy()).all()


def test_flatten_of_many_steps_warns_of_its_weights():
    with pytest.warns(NetworkSizeWarning, match=r"5,120,000 weights \(20000 steps of width 2 to 128 units\)"):
        network("flatten", 20_000, units=128)


def test_flatten_of_an_unknown_number_of_steps_is_refused():
    with pytest.raises(BranchMismatchError, match="fixed number of steps"):
        network("flatten", None)


def test_positions_count_the_unmasked_steps():
    layer = StepPosition()
    zeros = np.zeros((1, 4, 2), dtype="float32")
    plain = layer(zeros).numpy()[0]
    masked = layer(zeros, mask=np.array([[False, True, True, True]])).numpy()[0]
    # Width 2: sine and cosine of position / 10000 ** 0, at the first gain of 0.1.
    np.testing.assert_allclose(plain, 0.1 * np.stack([np.sin(np.arange(4)), np.cos(np.arange(4))], axis=1), atol=1e-6)
    np.testing.assert_allclose(masked[1:], plain[:3], atol=1e-6)
