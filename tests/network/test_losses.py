"""Losses: their names, members side by side, targets in the units of y; measured against NumPy."""

import keras
import numpy as np
import pytest
from head_cases import own_loss
from numpy.testing import assert_allclose

from skmulti.layers.outputs import TargetUnits
from skmulti.network.losses import TargetUnitsLoss, loss_name


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (None, None),
        ("mse", "mean_squared_error"),
        ("MSE", "mean_squared_error"),
        ("mean_squared_error", "mean_squared_error"),
        ("MeanSquaredError", "mean_squared_error"),
        ("mae", "mean_absolute_error"),
        ("kld", "kl_divergence"),
        ("kl_divergence", "kl_divergence"),
        (keras.losses.KLDivergence, "kl_divergence"),
        (keras.losses.KLDivergence(), "kl_divergence"),
        (keras.losses.MeanSquaredError, "mean_squared_error"),
        (keras.losses.MeanSquaredError(reduction="sum"), "mean_squared_error"),
        (keras.losses.mean_squared_error, "mean_squared_error"),
        (keras.losses.LogCosh(), "log_cosh"),
        (keras.losses.CTC(), "ctc"),
        (own_loss, "own_loss"),
    ],
)
def test_a_loss_has_one_name_in_whatever_form(loss, name):
    assert loss_name(loss) == name


def test_unknown_loss_is_refused():
    with pytest.raises(ValueError, match="mean_sqared"):
        loss_name("mean_sqared")


@pytest.mark.parametrize(
    "loss", ["mean_squared_error", keras.losses.MeanSquaredError(), keras.losses.mean_squared_error]
)
def test_loss_is_measured_on_standardised_values(loss):
    y, predicted = np.array([[1e6, 5.0], [3e6, 7.0]]), np.array([[2e6, 5.0], [2e6, 4.0]])
    measure = TargetUnitsLoss(loss, offset=[2e6, 6.0], scale=[1e6, 2.0])

    expected = np.mean(((y - predicted) / [1e6, 2.0]) ** 2)

    assert float(measure(y, predicted)) == pytest.approx(expected)


def test_loss_keeps_differences_that_float32_would_lose():
    measure = TargetUnitsLoss("mean_squared_error", offset=[1e9], scale=[1e-3])

    assert float(measure(np.array([[1e9]]), np.array([[1e9 + 1e-3]]))) == pytest.approx(1, rel=1e-3)


def test_loss_weighs_rows():
    y, predicted, weight = np.array([[0.0], [4.0]]), np.array([[2.0], [0.0]]), np.array([3.0, 1.0])
    measure = TargetUnitsLoss("mean_squared_error", offset=[0], scale=[2], reduction="mean_with_sample_weight")

    assert float(measure(y, predicted, sample_weight=weight)) == pytest.approx((3 * 1 + 1 * 4) / 4)


def test_loss_comes_back_from_its_config():
    smoothed = keras.losses.BinaryCrossentropy(label_smoothing=0.2)
    loss = TargetUnitsLoss(smoothed, offset=[0], scale=[4], reduction="sum")
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss), safe_mode=True)
    y, predicted = np.array([[0.0], [4.0]]), np.array([[2.0], [1.0]])

    assert twin.get_config() == loss.get_config()
    assert float(twin(y, predicted)) == float(loss(y, predicted))


def test_compiled_network_comes_back_with_its_loss(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", TargetUnitsLoss("mean_squared_error", [3], [2]))
    model.fit(np.ones((4, 1)), np.ones((4, 1)), epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)

    assert loaded.loss.get_config() == model.loss.get_config()


@pytest.mark.parametrize("n_members", [1, 3])
def test_outputs_of_members_side_by_side_are_brought_to_the_units_of_y(n_members):
    layer = TargetUnits([1e6, -1.0], [2.0, 10.0])
    outputs = np.random.default_rng(0).normal(size=(4, n_members, 2))
    expected = outputs * [2, 10] + [1e6, -1]
    assert_allclose(layer(outputs.reshape(4, -1)), expected.reshape(4, -1))


OFFSET, SCALE = [2.0, -30.0], [0.5, 10.0]


# By Keras' names and by hand, on standardised values (rows, outputs): a number for each row.
LOSSES = {
    "mean_squared_error": lambda y, p: np.mean((y - p) ** 2, axis=-1),
    "mean_absolute_error": lambda y, p: np.mean(np.abs(y - p), axis=-1),
    "huber": lambda y, p: np.mean(
        np.where(np.abs(y - p) <= 1, (y - p) ** 2 / 2, np.abs(y - p) - 0.5),
        axis=-1,
    ),
    "poisson": lambda y, p: np.mean(p - y * np.log(p + 1e-7), axis=-1),
}


def members_of(n_outputs, n_members=3, n_rows=5):
    """Return (offset, scale, y, outputs of each member), in y's units; standardised they are above zero."""
    rng = np.random.default_rng(n_outputs)
    offset, scale = np.array(OFFSET[:n_outputs]), np.array(SCALE[:n_outputs])
    y = rng.gamma(2, size=(n_rows, n_outputs)) * scale + offset
    members = rng.gamma(2, size=(n_rows, n_members, n_outputs)) * scale + offset
    return offset, scale, y, members


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_loss_over_members_is_the_mean_of_their_losses(name, weighted, n_outputs):
    offset, scale, y, members = members_of(n_outputs)
    weight = np.arange(5.0) if weighted else np.ones(5)
    standardised = (y - offset) / scale
    by_member = [LOSSES[name](standardised, (members[:, m] - offset) / scale) for m in range(3)]
    expected = np.mean([np.mean(losses * weight) for losses in by_member])
    for loss in (name, keras.losses.get(name), type(keras.losses.deserialize(_class_name(name)))()):
        measure = TargetUnitsLoss(loss, offset, scale)(y, members.reshape(5, -1), weight if weighted else None)
        assert float(measure) == pytest.approx(expected, rel=1e-5)


def _class_name(name):
    return {"class_name": "".join(part.title() for part in name.split("_")), "config": {}}


@pytest.mark.parametrize("name", LOSSES)
def test_equal_members_lose_what_one_does(name):
    offset, scale, y, members = members_of(2)
    one = members[:, 0]
    measure = TargetUnitsLoss(name, offset, scale)
    assert float(measure(y, np.hstack([one] * 4))) == pytest.approx(float(measure(y, one)), rel=1e-6)


def test_members_reduce_to_a_sum_where_the_loss_does():
    offset, scale, y, members = members_of(2)
    total = TargetUnitsLoss("mean_squared_error", offset, scale, reduction="sum")(y, members.reshape(5, -1))
    mean = TargetUnitsLoss("mean_squared_error", offset, scale)(y, members.reshape(5, -1))
    assert float(total) == pytest.approx(5 * float(mean))


def own_outputs(y_true, y_pred):
    """Weigh the second output double, as a user might write it: by column."""
    errors = keras.ops.abs(y_true - y_pred)
    return errors[:, 0] + 2 * errors[:, 1]


def root_error(y_true, y_pred):
    """Return one number for all rows, as users write the root mean squared error."""
    return keras.ops.sqrt(keras.ops.mean(keras.ops.square(y_true - y_pred)))


def test_a_loss_that_names_its_outputs_finds_them_in_each_member():
    offset, scale, y, members = members_of(2)
    errors = np.abs(members - y[:, None]) / scale
    expected = np.mean(errors[..., 0] + 2 * errors[..., 1])
    measure = TargetUnitsLoss(own_outputs, offset, scale)(y, members.reshape(5, -1))
    assert float(measure) == pytest.approx(expected)


def test_a_loss_of_one_number_for_all_rows_is_taken():
    offset, scale, y, members = members_of(1)
    measure = float(TargetUnitsLoss(root_error, offset, scale)(y, members.reshape(5, -1)))
    expected = np.sqrt(np.mean(((members - y[:, None]) / scale) ** 2))
    # Over all members at once, or one by one: users get the one or the other.
    assert measure == pytest.approx(expected, rel=0.2)
