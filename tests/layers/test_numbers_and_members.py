"""Layers for columns of numbers and for members: NumPy by hand, seeds, and round trips."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from common import predict
from numpy.testing import assert_allclose, assert_array_equal

from skmulti.layers.numbers import ColumnDense, ColumnSymlog, PiecewiseLinear
from skmulti.layers.outputs import MemberMean, Members, by_member
from skmulti.network.build import Network

RNG = np.random.default_rng(0)


def seeded(layer, shape, seed=0):
    """Build a layer as a fit does, Python's generator seeded, and leave that as it was."""
    state = random.getstate()
    random.seed(seed)
    try:
        layer.build((None, *shape))
    finally:
        random.setstate(state)
    return layer


def twin_of(layer, shape):
    """Return a layer that came back from its config in Keras' safe mode, with its weights."""
    config = keras.saving.serialize_keras_object(layer)
    twin = keras.saving.deserialize_keras_object(config, safe_mode=True)
    if not twin.built:
        twin.build((None, *shape))
    twin.set_weights(layer.get_weights())
    return twin


class TestColumnSymlog:
    def test_values_by_hand(self):
        # The margin of the first column is 1, that of the second, of one value, a quarter.
        layer = ColumnSymlog([0, 5], [4, 5])
        rows = np.array([[2, 5], [4, 5], [5, 6], [-np.e + 1, 4.75]])
        expected = [[2, 5], [4, 5], [4 + np.log(2), 5 + np.log(5) / 4], [-1, 5 - np.log(2) / 4]]
        assert_allclose(layer(rows), expected, rtol=1e-6)

    def test_float64_is_computed_in_float64(self):
        layer = ColumnSymlog([0.0], [4.0], dtype="float64")
        assert layer(np.array([[0.1], [5.0]])).numpy().tolist() == [[0.1], [4 + np.log(2)]]

    def test_nan_stays_nan(self):
        assert np.isnan(ColumnSymlog([0], [1])(np.array([[np.nan]]))).all()

    def test_numbers_beyond_the_range_have_a_gradient(self):
        rows = tf.constant([[5.0], [-1.0], [3.0]])
        with tf.GradientTape() as tape:
            tape.watch(rows)
            values = ColumnSymlog([0], [4])(rows)
        assert_allclose(tape.gradient(values, rows), [[0.5], [0.5], [1]], rtol=1e-6)

    def test_rows_that_train_widen_the_range_and_stay_as_they_are(self):
        layer = ColumnSymlog([0, 0], [4, 1])
        rows = np.array([[5.0, -2.0], [2.0, 0.5]])
        before = layer(rows).numpy()
        assert_array_equal(layer(rows, training=True), rows)
        assert_array_equal(layer(rows), rows)
        assert (before != rows).tolist() == [[True, True], [False, False]]
        assert_array_equal(layer.range, [[0, -2], [5, 1]])
        assert not layer.trainable_weights

    def test_it_comes_back_with_the_range_of_its_training(self):
        layer = ColumnSymlog(np.float32([0, -1]), np.float32([4, 1]))
        rows = np.array([[9.0, 9.0], [-9.0, 0.5]])
        layer(rows / 2, training=True)
        assert_array_equal(twin_of(layer, (2,))(rows), layer(rows))


class TestPiecewiseLinear:
    @pytest.mark.parametrize(
        ("number", "filled"), [(0.5, [0.5, 0]), (2, [1, 0.5]), (-1, [0, 0]), (9, [1, 1]), (0, [0, 0]), (1, [1, 0])]
    )
    def test_bins_below_are_full_above_empty_and_the_own_in_proportion(self, number, filled):
        assert predict(PiecewiseLinear([[0, 1, 3]]), np.array([[number]], "float32")).tolist() == [[filled]]

    def test_filled_bins_add_up_to_numpy_interpolation_between_the_edges(self):
        edges = [-2.0, -0.5, 0.25, 0.3, 4.0]
        numbers = RNG.normal(size=(50, 1)) * 3
        filled = predict(PiecewiseLinear([edges], dtype="float64"), numbers)
        assert_allclose(filled[:, 0].sum(axis=1), np.interp(numbers[:, 0], edges, range(5)))

    def test_columns_have_edges_of_their_own_and_zeros_where_another_has_more_bins(self):
        filled = predict(PiecewiseLinear([[0, 1, 3], [10, 20]]), np.array([[2.0, 15.0], [9.0, 99.0]], "float32"))
        assert filled.tolist() == [[[1, 0.5], [0.5, 0]], [[1, 1], [1, 0]]]

    def test_a_missing_number_stays_missing(self):
        assert np.isnan(predict(PiecewiseLinear([[0, 1]]), np.array([[np.nan]], "float32"))).all()

    def test_float64_is_computed_in_float64(self):
        number = 1e-12
        filled = predict(PiecewiseLinear([[1.0, 2.0]], dtype="float64"), np.array([[1 + number]]))
        assert filled.dtype == np.float64
        assert_allclose(filled, number, rtol=1e-3)

    def test_the_shape_is_known_before_the_data(self):
        assert PiecewiseLinear([[0, 1, 3], [10, 20]])(keras.Input((2,))).shape == (None, 2, 2)

    def test_it_comes_back_from_its_config(self):
        layer = PiecewiseLinear([np.array([0, 1, 3]), (10, 20)])
        twin = twin_of(layer, (2,))
        numbers = RNG.normal(size=(5, 2)).astype("float32") * 9
        assert twin.edges == layer.edges == [[0.0, 1.0, 3.0], [10.0, 20.0]]
        assert_array_equal(predict(twin, numbers), predict(layer, numbers))


class TestColumnDense:
    def test_each_column_has_a_dense_layer_with_relu_of_its_own(self):
        layer = seeded(ColumnDense(4), (3, 5))
        layer.bias.assign(RNG.normal(size=(3, 4)))
        values = RNG.normal(size=(6, 3, 5)).astype("float32")
        kernel, bias = layer.get_weights()
        expected = [[np.maximum(np.dot(row[c], kernel[c]) + bias[c], 0) for c in range(3)] for row in values]
        assert_allclose(predict(layer, values), expected, rtol=1e-5, atol=1e-6)

    def test_first_weights_are_as_wide_as_the_root_of_the_inputs_and_seeded(self):
        kernels = [seeded(ColumnDense(8), (3, 4), seed).kernel.numpy() for seed in (1, 1, 2)]
        assert 0.4 < np.abs(kernels[0]).max() <= 0.5
        assert_array_equal(kernels[0], kernels[1])
        assert not np.array_equal(kernels[0], kernels[2])

    def test_the_shape_is_known_before_the_data(self):
        assert ColumnDense(4)(keras.Input((3, 5))).shape == (None, 3, 4)

    def test_it_comes_back_from_its_config(self):
        layer = seeded(ColumnDense(4), (3, 5))
        values = RNG.normal(size=(6, 3, 5)).astype("float32")
        assert_array_equal(predict(twin_of(layer, (3, 5)), values), predict(layer, values))


class TestMembers:
    def test_a_member_sees_the_vector_times_its_scale(self):
        layer = seeded(Members(3), (4,))
        layer.scale.assign(RNG.normal(size=(3, 4)))
        values = RNG.normal(size=(6, 4)).astype("float32")
        assert_allclose(predict(layer, values), values[:, None] * layer.scale.numpy(), rtol=1e-6)

    def test_scales_start_as_signs_and_can_be_learned(self):
        layer = seeded(Members(8), (16,))
        assert set(layer.scale.numpy().ravel()) == {-1, 1}
        assert [weight.name for weight in layer.trainable_weights] == ["scale"]

    def test_members_start_with_views_that_differ(self):
        assert len(np.unique(seeded(Members(8), (32,)).scale.numpy(), axis=0)) == 8

    def test_python_s_seed_decides_the_signs(self):
        scales = [seeded(Members(4), (16,), seed).scale.numpy() for seed in (1, 1, 2)]
        assert_array_equal(scales[0], scales[1])
        assert not np.array_equal(scales[0], scales[2])

    def test_the_shape_is_known_before_the_data(self):
        assert Members(3)(keras.Input((4,))).shape == (None, 3, 4)

    def test_it_comes_back_from_its_config(self):
        layer = seeded(Members(3), (4,))
        values = RNG.normal(size=(6, 4)).astype("float32")
        assert_array_equal(predict(twin_of(layer, (4,)), values), predict(layer, values))


def member_mean(units, activation=None, n_members=3, width=4):
    """Return the layer, an input, and each member's outputs by NumPy: (rows, n_members, units)."""
    layer = seeded(MemberMean(units, activation), (n_members, width))
    layer.bias.assign(RNG.normal(size=(n_members, units)))
    values = RNG.normal(size=(6, n_members, width)).astype("float32")
    kernel, bias = layer.get_weights()
    outputs = np.stack([values[:, m] @ kernel[m] + bias[m] for m in range(n_members)], axis=1)
    return layer, values, np.exp(outputs) if activation == "exponential" else outputs


class TestMemberMean:
    @pytest.mark.parametrize("activation", [None, "exponential"])
    @pytest.mark.parametrize("units", [1, 2])
    def test_the_prediction_is_the_mean_of_the_members_activated_outputs(self, units, activation):
        layer, values, outputs = member_mean(units, activation)
        assert_allclose(predict(layer, values), outputs.mean(axis=1), rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("activation", [None, "exponential"])
    @pytest.mark.parametrize("units", [1, 2])
    def test_in_training_members_outputs_stand_side_by_side(self, units, activation):
        layer, values, outputs = member_mean(units, activation)
        trained = keras.ops.convert_to_numpy(layer(values, training=True))
        assert_allclose(trained, outputs.reshape(6, 3 * units), rtol=1e-5, atol=1e-6)

    def test_outputs_side_by_side_come_apart_again_by_member(self):
        layer, values, outputs = member_mean(2)
        assert_allclose(by_member(layer(values, training=True), 2), outputs, rtol=1e-5, atol=1e-6)

    def test_the_shape_is_that_of_the_prediction(self):
        assert MemberMean(2)(keras.Input((3, 4))).shape == (None, 2)

    def test_members_start_with_outputs_that_differ(self):
        kernel = seeded(MemberMean(1), (8, 4)).kernel.numpy()
        assert len(np.unique(kernel[..., 0], axis=0)) == 8
        assert np.abs(kernel).max() <= 0.5

    def test_it_comes_back_from_its_config_with_its_activation(self):
        layer, values, _ = member_mean(2, "exponential")
        twin = twin_of(layer, (3, 4))
        assert twin.activation is keras.activations.exponential
        assert_array_equal(predict(twin, values), predict(layer, values))


def member_network(units=1):
    """Build a network of three members, one of whose steps changes nothing, and a loss by member beside it."""
    inputs = keras.Input((4,), name="merged")
    network = Network(inputs, MemberMean(units)(Members(3)(inputs)))

    def loss(y_true, y_pred):
        members = by_member(y_pred, units)
        return keras.ops.mean(keras.ops.square(members - keras.ops.expand_dims(y_true, 1)), axis=(1, 2))

    network.compile(keras.optimizers.SGD(0.0), loss, metrics=["mean_absolute_error"], run_eagerly=True)
    return network


@pytest.fixture(scope="module", params=[1, 2])
def stepped(request):
    """Return (predictions, y, history) of a network after one step of all rows, itself the hold-out."""
    network = member_network(request.param)
    x, y = RNG.normal(size=(10, 4)).astype("float32"), RNG.normal(size=(10, request.param)).astype("float32")
    history = network.fit(x, y, batch_size=10, validation_data=(x, y), verbose=0).history
    return predict(network, x), y, history


class TestNetwork:
    def test_metrics_of_training_are_those_of_the_members_mean(self, stepped):
        predicted, y, history = stepped
        assert history["mean_absolute_error"][0] == pytest.approx(np.abs(predicted - y).mean(), rel=1e-5)

    def test_metrics_of_the_hold_out_are_those_of_the_members_mean(self, stepped):
        _, _, history = stepped
        assert history["val_mean_absolute_error"][0] == pytest.approx(history["mean_absolute_error"][0], rel=1e-5)

    def test_the_loss_of_training_is_each_member_s_own(self, stepped):
        predicted, y, history = stepped
        # By Jensen's inequality, members err more by themselves than their mean does.
        assert history["loss"][0] > ((predicted - y) ** 2).mean()

    def test_it_comes_back_from_a_file_in_safe_mode_as_itself(self, tmp_path):
        inputs = keras.Input((4,), name="merged")
        network = Network(inputs, MemberMean(2, "exponential")(Members(3)(inputs)))
        network.save(tmp_path / "network.keras")
        loaded = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)
        x = RNG.normal(size=(5, 4)).astype("float32")
        assert type(loaded) is Network
        assert_array_equal(predict(loaded, x), predict(network, x))

    def test_a_network_without_members_is_measured_as_any_other(self):
        inputs = keras.Input((4,))
        network = Network(inputs, keras.layers.Dense(1)(inputs))
        network.compile(keras.optimizers.SGD(0.0), "mse", metrics=["mean_absolute_error"], run_eagerly=True)
        x, y = RNG.normal(size=(10, 4)).astype("float32"), RNG.normal(size=(10, 1)).astype("float32")
        history = network.fit(x, y, batch_size=10, verbose=0).history
        assert history["mean_absolute_error"][0] == pytest.approx(np.abs(predict(network, x) - y).mean(), rel=1e-5)

    def test_sample_weights_reach_weighted_metrics_of_the_mean(self):
        network = member_network()
        network.compile(keras.optimizers.SGD(0.0), network.loss, weighted_metrics=["mae"], run_eagerly=True)
        x, y = RNG.normal(size=(10, 4)).astype("float32"), RNG.normal(size=(10, 1)).astype("float32")
        weight = np.arange(10.0)
        history = network.fit(x, y, sample_weight=weight, batch_size=10, verbose=0).history
        errors = np.abs(predict(network, x) - y)[:, 0]
        assert history["mae"][0] == pytest.approx(np.average(errors, weights=weight), rel=1e-5)
