"""A network as plain data, and back."""

import pickle

import keras
import numpy as np
import pytest

from skmulti.errors import BranchMismatchError
from skmulti.network.build import Network
from skmulti.network.packing import pack_network, unpack_network

ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")


def network():
    inputs = keras.Input((3,), name="a")
    hidden = keras.layers.Dropout(0.5, seed=1)(keras.layers.Dense(4)(inputs))
    return Network(inputs, keras.layers.Dense(2)(hidden))


def round_trip(model):
    return unpack_network(pickle.loads(pickle.dumps(pack_network(model))))


def test_outputs_are_equal_after_a_pickle():
    model = network()
    np.testing.assert_array_equal(round_trip(model)(ROWS), model(ROWS))


def test_what_comes_back_is_the_same_kind_of_network():
    model = network()
    twin = round_trip(model)
    assert type(twin) is Network
    assert twin.get_config() == model.get_config()


def test_dropout_goes_on_drawing_where_it_was():
    model = network()
    model(ROWS, training=True)
    twin = round_trip(model)
    np.testing.assert_array_equal(twin(ROWS, training=True), model(ROWS, training=True))


def test_the_network_itself_stays_as_it_was():
    model = network()
    before = model.get_weights()
    round_trip(model).set_weights([np.zeros_like(values) for values in before])
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def test_what_keras_could_not_load_again_is_refused_before_it_is_packed():
    inputs = keras.Input((3,))
    model = Network(inputs, keras.layers.Lambda(lambda values: 2 * values)(inputs))
    with pytest.raises(BranchMismatchError, match="is a Lambda"):
        pack_network(model)
