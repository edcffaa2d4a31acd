"""Heads: what a loss needs at the output, and a target brought to its units and back."""

import keras
import numpy as np
import pytest
from common import predict
from head_cases import head_network, own_loss
from numpy.testing import assert_allclose, assert_array_equal

from skmulti.network.heads import DenseHead, TargetMoments, classification_target, encode_target, regression_target
from skmulti.spec import TargetSpec

Y = np.array([[1.0], [2.0], [6.0]])


def target_of(y, loss=None, *, weight=None, **params):
    """Describe the target of rows."""
    return regression_target(TargetMoments.of(y, weight), loss, **params)


@pytest.mark.parametrize(
    ("n_classes", "loss", "activation", "width", "one_hot"),
    [
        (2, None, "sigmoid", 1, False),
        (3, None, "softmax", 3, False),
        (1, None, "sigmoid", 1, False),
        (2, "binary_crossentropy", "sigmoid", 1, False),
        (2, "binary_focal_crossentropy", "sigmoid", 1, False),
        (2, keras.losses.BinaryCrossentropy(label_smoothing=0.1), "sigmoid", 1, False),
        (2, "sparse_categorical_crossentropy", "softmax", 2, False),
        (2, keras.losses.SparseCategoricalCrossentropy, "softmax", 2, False),
        (3, "sparse_categorical_crossentropy", "softmax", 3, False),
        (2, "categorical_crossentropy", "softmax", 2, True),
        (3, "categorical_crossentropy", "softmax", 3, True),
        (3, keras.losses.CategoricalFocalCrossentropy(), "softmax", 3, True),
        (3, keras.losses.kl_divergence, "softmax", 3, True),
        (3, "kld", "softmax", 3, True),
        (2, keras.losses.KLDivergence(), "softmax", 2, True),
        (3, "mse", "softmax", 3, True),
        (2, "mse", "sigmoid", 1, False),
        (3, own_loss, "softmax", 3, True),
    ],
)
def test_output_of_a_classifier_suits_the_loss(n_classes, loss, activation, width, one_hot):
    target = classification_target(n_classes, loss)

    assert (target.activation, target.width, target.one_hot) == (activation, width, one_hot)


@pytest.mark.parametrize(
    "loss", ["hinge", "squared_hinge", "categorical_hinge", keras.losses.Hinge(), keras.losses.Hinge]
)
def test_margin_losses_are_refused(loss):
    with pytest.raises(ValueError, match=r"gives margins, not probabilities.*Use 'binary_crossentropy'"):
        classification_target(2, loss)


@pytest.mark.parametrize("loss", ["binary_crossentropy", keras.losses.BinaryFocalCrossentropy()])
def test_a_loss_for_two_classes_is_refused_for_three(loss):
    with pytest.raises(ValueError, match=r"is for two classes, y has 3. Use 'categorical_"):
        classification_target(3, loss)


@pytest.mark.parametrize(
    "loss",
    [
        keras.losses.BinaryCrossentropy(from_logits=True),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    ],
)
def test_losses_on_logits_are_refused(loss):
    with pytest.raises(ValueError, match=r"from_logits=True.*Use from_logits=False"):
        classification_target(2, loss)


@pytest.mark.parametrize(
    ("target", "encoded"),
    [
        (TargetSpec(n_classes=2, activation="sigmoid"), [[0], [1], [0]]),
        (TargetSpec(n_classes=2, activation="softmax"), [0, 1, 0]),
        (TargetSpec(n_classes=2, activation="softmax", one_hot=True), [[1, 0], [0, 1], [1, 0]]),
        (TargetSpec(), [[0], [1], [0]]),
    ],
)
def test_classes_are_encoded_as_the_loss_takes_them(target, encoded):
    assert_array_equal(encode_target(np.array([0, 1, 0]), target), encoded)


@pytest.mark.parametrize(
    ("loss", "activation", "offset", "scale"),
    [
        (None, None, 3, np.std(Y)),
        ("mse", None, 3, np.std(Y)),
        ("mae", None, 3, np.std(Y)),
        (keras.losses.Huber(delta=2), None, 3, np.std(Y)),
        (keras.losses.LogCosh, None, 3, np.std(Y)),
        (own_loss, None, 3, np.std(Y)),
        ("poisson", "exponential", 0, 3),
        (keras.losses.Poisson(), "exponential", 0, 3),
        ("mean_squared_logarithmic_error", "softplus", 0, 1),
        ("msle", "softplus", 0, 1),
        ("mape", None, 0, 3),
        ("cosine_similarity", None, 0, 3),
    ],
)
def test_output_of_a_regressor_suits_the_loss(loss, activation, offset, scale):
    target = target_of(Y, loss)

    assert (target.n_classes, target.width, target.activation) == (0, 1, activation)
    assert_allclose([target.offset, target.scale], [[offset], [scale]])


def test_shares_get_a_sigmoid():
    target = target_of(Y / 10, "binary_crossentropy")

    assert (target.activation, target.offset, target.scale) == ("sigmoid", (0.0,), (1.0,))


@pytest.mark.parametrize("loss", [None, "poisson"])
def test_without_scaling_the_target_stays(loss):
    target = target_of(Y, loss, scale_target=False)

    assert (target.offset, target.scale) == ((0.0,), (1.0,))


def test_outputs_are_scaled_one_by_one():
    y = np.column_stack([Y[:, 0], [1e6, 3e6, 2e6]])
    target = target_of(y)

    assert target.width == 2
    assert_allclose(target.offset, y.mean(axis=0))
    assert_allclose(target.scale, y.std(axis=0))


def test_weights_move_mean_and_deviation():
    repeated, weighted = target_of(Y[[0, 0, 1]]), target_of(Y, weight=np.array([2, 1, 0]))

    assert_allclose([weighted.offset, weighted.scale], [repeated.offset, repeated.scale])


@pytest.mark.parametrize("value", [0.0, 5.0, 0.1, 1e9 + 0.1])
def test_constant_target_has_scale_one(value):
    assert target_of(np.full((7, 1), value)).scale == (1.0,)


def test_target_of_zeros_under_poisson_has_scale_one():
    assert target_of(np.zeros((3, 1)), "poisson").scale == (1.0,)


@pytest.mark.parametrize(
    ("y", "loss", "message"),
    [
        (-Y, "poisson", "needs a target of 0 to inf, y reaches from -6 to -1.*'mse' or 'huber'"),
        (-Y, "msle", "needs a target of 0 to inf"),
        (Y, "binary_crossentropy", "needs a target of 0 to 1, y reaches from 1 to 6"),
        (Y, "sparse_categorical_crossentropy", "is for classes"),
        (Y, keras.losses.CategoricalCrossentropy(), "is for classes"),
        (Y, keras.losses.KLDivergence(), "is for classes"),
        (Y, "hinge", "is for classes"),
        (Y / 6, keras.losses.BinaryCrossentropy(from_logits=True), "from_logits=True"),
    ],
)
def test_losses_that_cannot_reach_the_target_are_refused(y, loss, message):
    with pytest.raises(ValueError, match=message):
        target_of(y, loss)


@pytest.mark.parametrize(
    ("target", "width"),
    [
        (TargetSpec(n_classes=2, activation="sigmoid"), 1),
        (TargetSpec(n_classes=4, activation="softmax"), 4),
        (TargetSpec(n_outputs=3, offset=(0.0,) * 3, scale=(1.0,) * 3), 3),
    ],
)
@pytest.mark.parametrize("units", [(), (4,), (4, 3)])
def test_output_has_the_width_of_the_target(target, width, units):
    assert head_network(DenseHead(units), target).output_shape == (None, width)


def test_head_is_dense_layers_then_the_output_in_units_of_y():
    rows = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    model = head_network(DenseHead((4,), activation="tanh"), TargetSpec(offset=(100.0,), scale=(7.0,)))
    (kernel, bias), (output, shift) = (layer.get_weights() for layer in model.layers if layer.weights)

    expected = 100 + 7 * (np.tanh(rows @ kernel + bias) @ output + shift)

    assert_allclose(predict(model, rows), expected, rtol=1e-5)


def test_without_units_the_output_is_linear_in_the_merged_tensor():
    model = head_network(DenseHead(units=()), TargetSpec())

    assert model.count_params() == 5 + 1


def test_classes_are_probabilities():
    rows = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    output = predict(head_network(DenseHead(), TargetSpec(n_classes=3, activation="softmax")), rows)

    assert_allclose(output.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("target", "loss", "metric"),
    [
        (TargetSpec(n_classes=2, activation="sigmoid"), "binary_crossentropy", "accuracy"),
        (TargetSpec(n_classes=2, activation="softmax"), "sparse_categorical_crossentropy", "accuracy"),
        (TargetSpec(n_classes=3, activation="softmax"), "sparse_categorical_crossentropy", "accuracy"),
        (TargetSpec(), "mean_squared_error", "mean_absolute_error"),
    ],
)
def test_loss_and_metric_follow_from_the_target(target, loss, metric):
    assert DenseHead().default_loss(target) == loss
    assert DenseHead().default_metrics(target) == [metric]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"units": 64}, "The 'units' parameter of DenseHead"),
        ({"units": (0,)}, "units must hold positive integers"),
        ({"dropout": 1}, "The 'dropout' parameter"),
        ({"activation": 3}, "The 'activation' parameter"),
    ],
)
def test_bad_parameters_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        head_network(DenseHead(**params), TargetSpec())
