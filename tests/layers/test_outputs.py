"""Layers at the end of a network: units of the target, and members side by side."""

import keras
import numpy as np
import pytest
from common import predict
from layer_cases import seeded, twin_of
from numpy.testing import assert_allclose, assert_array_equal

from skmulti.layers.outputs import MemberMean, Members, TargetUnits, by_member


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


RNG = np.random.default_rng(0)


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
