"""Several networks as one: the average, what is inside, and the way through plain data."""

import keras
import numpy as np
import pytest
from network_cases import ROWS, specs_of, vector
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_softmax, logit, softmax

from skmulti import ConcatenateMerge, DenseBranch, DenseHead, TargetSpec, build_network
from skmulti.network import average_networks, networks_apart, networks_in, pack_network, reach_inside, unpack_network
from skmulti.training import isolate

SPECS = specs_of(vector("a"))
ARRAYS = {"a": ROWS}
TARGETS = {
    "numbers": TargetSpec(n_outputs=2, offset=(1e6, 2.0), scale=(1e-3, 5.0)),
    "two classes": TargetSpec(n_classes=2, activation="sigmoid"),
    "labels": TargetSpec(n_classes=2, n_outputs=3, activation="sigmoid"),
    "three classes": TargetSpec(n_classes=3, activation="softmax"),
    "columns of classes": TargetSpec(n_classes=(3, 1, 2), n_outputs=3),
}


def networks_for(target, count=3, n_members=1):
    parts = {"a": DenseBranch(units=(4,))}, ConcatenateMerge(), DenseHead((4,), n_members=n_members), target
    with isolate(0, "float32"):
        return [build_network(SPECS, *parts) for _ in range(count)]


def expected(target, outputs):
    """Average outputs (n_networks, n_rows, width) by NumPy."""
    if not target.n_classes:
        return outputs.mean(axis=0)
    if target.activation == "sigmoid":
        return expit(logit(outputs).mean(axis=0))
    widths = target.n_classes if isinstance(target.n_classes, tuple) else (target.n_classes,)
    blocks = np.split(outputs, np.cumsum(widths)[:-1], axis=2)
    return np.concatenate([softmax(np.log(block).mean(axis=0), axis=1) for block in blocks], axis=1)


@pytest.mark.parametrize("name", TARGETS)
class TestAverage:
    def test_is_that_of_numpy(self, name):
        target, arrays = TARGETS[name], ARRAYS
        networks = networks_for(target)
        outputs = np.stack([np.asarray(network(arrays), "float64") for network in networks])
        model = average_networks(networks, target)
        assert_allclose(model(arrays), expected(target, outputs), rtol=1e-5, atol=1e-7)
        assert_allclose(networks_apart(model)(arrays), outputs.transpose(1, 0, 2), rtol=1e-6)
        assert model.output_shape == networks[0].output_shape
        assert model.output.dtype == networks[0].output.dtype

    def test_is_the_same_after_packing(self, name):
        target, arrays = TARGETS[name], ARRAYS
        model = average_networks(networks_for(target), target)
        twin = unpack_network(pack_network(model))
        assert_array_equal(twin(arrays), model(arrays))
        assert [network.name for network in networks_in(twin)] == ["network__1", "network__2", "network__3"]


def test_one_network_is_its_own_average():
    for target in TARGETS.values():
        (network,), arrays = networks_for(target, 1), ARRAYS
        assert_allclose(average_networks([network], target)(arrays), network(arrays), rtol=1e-5, atol=1e-6)


def test_members_stay_side_by_side_in_training():
    target = TARGETS["three classes"]
    networks, arrays = networks_for(target, 2, n_members=4), ARRAYS
    inner = np.stack([np.asarray(network(arrays, training=True)) for network in networks])
    outputs = np.asarray(average_networks(networks, target)(arrays, training=True))
    shape = (len(outputs), 4, 3)
    logs = log_softmax(np.log(inner.reshape(2, *shape)).mean(axis=0), axis=-1)
    assert_allclose(outputs.reshape(shape), np.exp(logs), rtol=1e-4)


def test_sure_networks_have_finite_odds():
    target = TARGETS["two classes"]
    networks, arrays = networks_for(target, 2), ARRAYS
    for network, bias in zip(networks, (200.0, -200.0), strict=True):
        network.get_layer("head__output").bias.assign([bias])
    # One is as sure of 1 as the other is of 0.
    assert_allclose(average_networks(networks, target)(arrays), 0.5, atol=0.01)


def test_features_are_computed_once_in_front_of_the_networks():
    target, arrays = TARGETS["numbers"], ARRAYS
    own = keras.Input((3,), name="own")
    features = keras.Model(own, keras.layers.Dense(3, trainable=False)(own), name="a__features")
    networks = networks_for(target)
    model = average_networks(networks, target, {"a": features})
    seen = {"a": features(arrays["a"])}
    assert_allclose(model(arrays), np.mean([network(seen) for network in networks], axis=0), rtol=1e-6)
    assert sum("features" in layer.name for layer in model.layers) == 1
    twin = unpack_network(pack_network(model))
    assert_array_equal(twin(arrays), model(arrays))


def test_tensors_inside_are_reached_from_the_inputs():
    target, arrays = TARGETS["numbers"], ARRAYS
    networks = networks_for(target)
    model = average_networks(networks, target)
    inputs, found = reach_inside(model, [part.get_layer("merge__output").output for part in networks_in(model)])
    inner = keras.Model(inputs, found)(arrays)
    for network, vectors in zip(networks, inner, strict=True):
        own = keras.Model(network.input, network.get_layer("merge__output").output)
        assert_allclose(vectors, own(arrays), rtol=1e-6)
