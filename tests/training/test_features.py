"""The part of a network that training changes: fixed features are computed once."""

import pickle

import keras
import numpy as np
import pytest
from common import predict
from network_cases import EVERY_KIND, ROWS, arrays_of, network, specs_of, vector
from numpy.testing import assert_allclose, assert_array_equal

from skmulti.inputs import DenseBranch
from skmulti.inputs.base import Branch
from skmulti.router import array_keys
from skmulti.training.features import FixedFeatures, TrainingNetwork, count_steps, network_digest
from skmulti.training.run import Rows, isolate


class Squares(Branch):
    """Two dense layers that are not trained, squared, before one that is."""

    def features(self, spec, sample):
        inputs = keras.Input(spec.shape, dtype=spec.dtype)
        return keras.Model(inputs, keras.ops.square(keras.layers.Dense(5, trainable=False)(inputs)))

    def connect(self, tensor, spec, sample):
        return keras.layers.Dense(2)(tensor)


def trained_part(model, branches=None):
    given = {name: DenseBranch() for name in model.input if not name.endswith("__missing")}
    return TrainingNetwork(model, {**given, **(branches or {})})


def fixed_network(given, *more, **options):
    """Build a network of input "a" with fixed features, and of others; give it with what training changes of it."""
    specs = specs_of(vector("a"), *more)
    branches = {"a": Squares(), **given}
    model = network(specs, branches, **options)
    return model, trained_part(model, branches)


def test_branch_with_features_is_one_model():
    with isolate(0, "float32"):
        model = Squares().build(vector("a"))
    features, rest = model.get_layer("a__features"), model.get_layer("a__layers")
    (kernel, bias), (dense, shift) = features.get_weights(), rest.get_weights()

    assert model.output_shape == (None, 2)
    assert_allclose(predict(model, ROWS), (ROWS @ kernel + bias) ** 2 @ dense + shift, rtol=1e-4, atol=1e-5)
    assert len(model.trainable_weights) == 2


def test_features_and_the_rest_of_a_branch_stand_side_by_side():
    model, _ = fixed_network({}, vector("b"))

    names = [layer.name for layer in model.layers]
    assert {"a__features", "a__layers", "b__layers"} <= set(names)
    assert "b__features" not in names


def test_network_on_features_gives_the_output_of_the_whole():
    kinds = {name: spec for name, (spec, _) in EVERY_KIND.items()}
    given = {name: branch for name, (_, branch) in EVERY_KIND.items()}
    model, part = fixed_network(given, *kinds.values())
    arrays = arrays_of(model)

    assert part.model is not model
    assert part.arrays(arrays)["a"].shape == (3, 5)
    assert_array_equal(predict(part.model, part.arrays(arrays)), predict(model, arrays))


def test_network_on_features_has_the_same_variables_in_the_same_order():
    model, part = fixed_network({"c": Squares()}, vector("b"), vector("c"))

    assert list(map(id, part.model.trainable_weights)) == list(map(id, model.trainable_weights))


def test_whole_network_comes_back_from_its_config_after_the_other_was_made():
    model, _ = fixed_network({}, vector("b"))
    twin = type(model).from_config(model.get_config())
    twin.set_weights(model.get_weights())
    arrays = arrays_of(model)

    assert_array_equal(predict(twin, arrays), predict(model, arrays))


def test_features_are_computed_once_for_all_rows_in_their_order():
    model, part = fixed_network({})
    features = predict(model.get_layer("a__features"), np.tile(ROWS, (50, 1)))

    assert_allclose(part.arrays({"a": np.tile(ROWS, (50, 1))})["a"], features, rtol=1e-5)


def test_inputs_that_share_fixed_features_are_both_replaced():
    model, part = fixed_network({"b": "a"}, vector("b"))
    arrays = arrays_of(model)

    assert {name: tensor.shape for name, tensor in part.model.input.items()} == {"a": (None, 5), "b": (None, 5)}
    assert_array_equal(predict(part.model, part.arrays(arrays)), predict(model, arrays))


def test_array_that_another_layer_reads_stays():
    model, part = fixed_network({}, vector("b"), input_dropout=0.5)

    assert part.model is model
    assert part.arrays({"a": ROWS})["a"] is ROWS


def test_network_without_fixed_features_is_trained_as_it_is(every_kind):
    assert trained_part(every_kind).model is every_kind


def test_rows_are_prepared_with_their_targets_and_weights():
    model, part = fixed_network({})
    model.compile("sgd", "mse")
    part.model.compile(model.optimizer, "mse")
    y, weight = np.ones(6), np.arange(6.0)

    trained, (rows, held) = part.prepare(model, Rows({"a": ROWS}, y, weight), None)

    assert (trained is part.model, held) == (True, None)
    assert (rows.arrays["a"].shape, rows.y is y, rows.weight is weight) == ((6, 5), True, True)


def test_network_that_was_compiled_anew_is_trained_as_a_whole():
    model, part = fixed_network({})
    part.model.compile("sgd", "mse")
    model.compile("sgd", "mse")
    rows = Rows({"a": ROWS}, np.ones(6), None)

    assert part.prepare(model, rows, None) == (model, (rows, None))


def test_pickle_holds_no_second_network():
    _, part = fixed_network({})
    model, twin = keras.Sequential([keras.layers.Dense(1)]), pickle.loads(pickle.dumps(part))

    assert twin.prepare(model, None) == (model, (None,))


# --- Kept for other fits


def squares(scale=1.0, name=None):
    """Return a model of input "a" whose features are 4 times 3 numbers, squared and scaled."""
    inputs = keras.Input((3,), name="a")
    hidden = keras.layers.Dense(4, name=name, use_bias=False)
    model = keras.Model({"a": inputs}, keras.ops.square(hidden(inputs)))
    hidden.set_weights([scale * np.arange(12.0).reshape(3, 4)])
    return model


def test_a_digest_tells_weights_and_layers_and_not_names():
    assert network_digest(squares(name="one")) == network_digest(squares(name="two"))
    assert network_digest(squares()) != network_digest(squares(scale=1 + 1e-6))
    inputs = keras.Input((3,), name="a")
    other = keras.Model({"a": inputs}, squares().layers[1](inputs))
    assert network_digest(other) != network_digest(squares())


def test_equal_rows_have_equal_keys():
    keys = array_keys(np.array([[1, 2], [3, 4], [1, 2]]))

    assert keys[0] == keys[2] != keys[1]


class Counted(FixedFeatures):
    """Features that note how many rows they compute at once."""

    def __init__(self, *args):
        super().__init__(*args)
        self.sizes = []

    def _compute(self, array):
        self.sizes.append(len(array))
        return super()._compute(array)


def test_rows_are_computed_once_in_blocks_and_then_read(tmp_path, monkeypatch):
    monkeypatch.setattr("skmulti.training.features.BLOCK_BYTES", 4 * ROWS[0].nbytes)
    rows = ROWS[[0, 1, 0, 2, 3, 1, 4, 5, 4]]
    expected = predict(squares(), {"a": rows})
    first, second = (Counted("a", squares(), True) for _ in range(2))

    assert_allclose(first.of(rows, str(tmp_path)), expected, rtol=1e-5)
    assert_allclose(second.of(rows[::-1], str(tmp_path)), expected[::-1], rtol=1e-5)
    assert (first.sizes, second.sizes) == ([3, 3], [])


def test_new_rows_are_added_to_kept_ones(tmp_path):
    Counted("a", squares(), True).of(ROWS[:4], str(tmp_path))
    more = Counted("a", squares(), True)

    assert_allclose(more.of(ROWS, str(tmp_path)), predict(squares(), {"a": ROWS}), rtol=1e-5)
    assert more.sizes == [2]


def averages(length):
    """Return a model of input "a" that averages the ids of a row, without padding, and counts what it reads."""
    inputs = keras.Input((length,), dtype="int32", name="a")
    counted = CountSteps()(inputs)
    mean = keras.ops.sum(counted, axis=1, keepdims=True) / keras.ops.sum(counted > 0, axis=1, keepdims=True)
    return keras.Model({"a": inputs}, keras.layers.Identity()(mean))


class CountSteps(keras.layers.Layer):
    """Counts the steps that it reads, with their padding."""

    def build(self, input_shape):
        self.count = self.add_weight(shape=(), trainable=False, initializer="zeros", name="count")

    def call(self, inputs):
        self.count.assign_add(keras.ops.cast(keras.ops.size(inputs), "float32"))
        return keras.ops.cast(inputs, "float32")


IDS = np.array([[3, 5, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0], [2, 0, 4, 6, 0, 0], [7, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6]])


@pytest.mark.parametrize(("length", "n_steps"), [(6, 5 * 6), (None, 2 * 1 + 2 + 4 + 6)])
def test_padding_is_left_out_where_rows_may_have_any_length(monkeypatch, length, n_steps):
    monkeypatch.setattr("skmulti.training.features.CALL_STEPS", 3)
    model = averages(length)

    found = FixedFeatures("a", model, True).of(IDS.astype("int32"))

    assert_allclose(found, IDS.sum(axis=1, keepdims=True) / (IDS > 0).sum(axis=1, keepdims=True), rtol=1e-6)
    assert float(model.weights[0]) == n_steps


def test_steps_are_counted_up_to_the_padding():
    rows = np.vstack([IDS, np.zeros_like(IDS[:1])])

    assert_array_equal(count_steps(rows), [2, 1, 4, 1, 6, 0])


def test_features_that_no_other_fit_has_are_not_kept(tmp_path):
    own = Counted("a", squares(), False)
    own.of(ROWS[[0, 0]], str(tmp_path))

    assert own.sizes == [2]
    assert not list(tmp_path.rglob("*.rows"))
