"""Temperatures: against log losses by hand, on probabilities that are known to be too sure, in the averaged network."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, softmax
from sklearn.metrics import log_loss

from skmulti import ArraySpec, ConcatenateMerge, DenseBranch, DenseHead, TargetSpec
from skmulti.layers import NetworkMean
from skmulti.network import average_networks, build_network, temper
from skmulti.network.ensemble import MEAN_LAYER
from skmulti.network.temperature import SPREAD, fit_temperature

rng = np.random.default_rng(0)


def drawn(n_rows, too_sure):
    """Return logits that are too sure by a factor, and classes drawn from the right ones."""
    logits = rng.normal(size=(n_rows, 3)) * 2
    classes = np.array([rng.choice(3, p=row) for row in softmax(logits, axis=1)])
    return logits * too_sure, classes


@pytest.mark.parametrize("too_sure", [0.7, 1.0, 2.5])
def test_finds_how_much_too_sure_they_are(too_sure):
    logits, classes = drawn(6000, too_sure)
    assert_allclose(fit_temperature(logits, classes, np.ones(6000)), too_sure, rtol=0.1)


def test_least_loss_and_price():
    logits, classes = drawn(60, 2.0)
    found = fit_temperature(logits, classes, np.ones(60))

    def price(temperature):
        loss = log_loss(classes, softmax(logits / temperature, axis=1), labels=[0, 1, 2], normalize=False)
        return loss + (np.log(temperature) / SPREAD) ** 2 / 2

    grid = np.linspace(0.5, 4, 2000)
    assert_allclose(found, grid[np.argmin([price(one) for one in grid])], atol=0.005)


def test_weights_count_rows():
    logits, classes = drawn(200, 2.0)
    ones = np.ones(200)
    weight = np.r_[np.full(100, 1.5), np.full(100, 0.5)]
    # Three times the first half beside one time the second, as many rows in all.
    repeated = np.r_[np.repeat(np.arange(100), 3), np.arange(100, 200)]
    found = fit_temperature(logits, classes, weight)
    assert_allclose(found, fit_temperature(logits[repeated], classes[repeated], np.full(400, 0.5)), rtol=1e-3)
    assert abs(found - fit_temperature(logits, classes, ones)) > 1e-4


def test_few_rows_that_are_all_right_make_nothing_sure():
    logits = np.eye(2)[np.arange(8) % 2] * 4.0
    assert 0.6 < fit_temperature(logits, np.arange(8) % 2, np.ones(8)) < 1


def model_of(target):
    specs = {"numbers": ArraySpec("numbers", "vector", (3,), "float32")}
    parts = {"numbers": DenseBranch(units=(8,))}, ConcatenateMerge(), DenseHead(), target
    return average_networks([build_network(specs, *parts) for _ in range(2)], target)


def test_network_predicts_at_its_temperature():
    model = model_of(TargetSpec(n_classes=3, activation="softmax"))
    rows = rng.normal(size=(40, 3)).astype("float32")
    before = np.asarray(model({"numbers": rows}))
    tempered = temper(model, before, np.arange(40) % 3)
    (temperature,) = model.get_layer(MEAN_LAYER).temperatures
    assert temperature != 1
    expected = softmax(np.log(before) / temperature, axis=1)
    assert_allclose(tempered, expected, rtol=1e-4)
    assert_allclose(model({"numbers": rows}), expected, rtol=1e-4)
    again = keras.models.clone_model(model)
    assert again.get_layer(MEAN_LAYER).temperatures == [temperature]


class TestLayer:
    def test_labels_that_can_hold_together(self):
        layer = NetworkMean("sigmoid", [2], temperatures=[2.0, 0.5])
        logits = rng.normal(size=(5, 2))
        assert_allclose(layer([expit(logits)]), expit(logits / [2.0, 0.5]), rtol=1e-5)

    def test_columns_of_classes(self):
        layer = NetworkMean("softmax", [2, 3], temperatures=[2.0, 0.5])
        one, two = rng.normal(size=(5, 2)), rng.normal(size=(5, 3))
        found = layer([np.c_[softmax(one, axis=1), softmax(two, axis=1)]])
        assert_allclose(found, np.c_[softmax(one / 2, axis=1), softmax(two * 2, axis=1)], rtol=1e-5)

    def test_members_side_by_side(self):
        layer = NetworkMean("softmax", [3], temperatures=[2.0])
        one, two = rng.normal(size=(2, 5, 3))
        found = layer([np.c_[softmax(one, axis=1), softmax(two, axis=1)]])
        assert_allclose(found, np.c_[softmax(one / 2, axis=1), softmax(two / 2, axis=1)], rtol=1e-5)

    def test_none_is_the_average(self):
        config = NetworkMean("softmax", [3]).get_config()
        del config["temperatures"]
        # As in files of before.
        layer = NetworkMean.from_config(config)
        proba = softmax(rng.normal(size=(5, 3)), axis=1)
        assert_allclose(layer([proba]), proba, rtol=1e-5)
