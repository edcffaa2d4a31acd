"""Layers for columns of numbers: NumPy by hand, seeds, and round trips."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from common import predict
from layer_cases import seeded, twin_of
from numpy.testing import assert_allclose, assert_array_equal

from skmulti.layers.numbers import ColumnDense, ColumnSymlog, FeatureScale, PiecewiseLinear


def test_feature_scale_standardises_tiny_features_too():
    values = np.float32([[[2e-12, 5.0]]])

    assert_allclose(FeatureScale([1e-12, 3.0], [1e-12, 2.0])(values), [[[1, 1]]], rtol=1e-6)


RNG = np.random.default_rng(0)


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
