"""Heads: what a loss needs at the output, and a target brought to its units and back."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from common import predict
from head_cases import own_loss
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

from skmulti import DenseBranch, InputRouter, MultiInputClassifier, MultiInputRegressor, NumberScaler
from skmulti.layers.outputs import MemberMean, Members
from skmulti.network.heads import DenseHead, classification_target, encode_target, regression_target
from skmulti.network.losses import MembersLoss
from skmulti.spec import TargetSpec
from skmulti.training.defaults import default_head
from skmulti.training.run import isolate

Y = np.array([[1.0], [2.0], [6.0]])


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
    target = regression_target(Y, loss)

    assert (target.n_classes, target.width, target.activation) == (0, 1, activation)
    assert_allclose([target.offset, target.scale], [[offset], [scale]])


def test_shares_get_a_sigmoid():
    target = regression_target(Y / 10, "binary_crossentropy")

    assert (target.activation, target.offset, target.scale) == ("sigmoid", (0.0,), (1.0,))


@pytest.mark.parametrize("loss", [None, "poisson"])
def test_without_scaling_the_target_stays(loss):
    target = regression_target(Y, loss, scale_target=False)

    assert (target.offset, target.scale) == ((0.0,), (1.0,))


def test_outputs_are_scaled_one_by_one():
    y = np.column_stack([Y[:, 0], [1e6, 3e6, 2e6]])
    target = regression_target(y)

    assert target.width == 2
    assert_allclose(target.offset, y.mean(axis=0))
    assert_allclose(target.scale, y.std(axis=0))


def test_weights_move_mean_and_deviation():
    repeated, weighted = regression_target(Y[[0, 0, 1]]), regression_target(Y, sample_weight=np.array([2, 1, 0]))

    assert_allclose([weighted.offset, weighted.scale], [repeated.offset, repeated.scale])


@pytest.mark.parametrize("value", [0.0, 5.0, 0.1, 1e9 + 0.1])
def test_constant_target_has_scale_one(value):
    assert regression_target(np.full((7, 1), value)).scale == (1.0,)


def test_target_of_zeros_under_poisson_has_scale_one():
    assert regression_target(np.zeros((3, 1)), "poisson").scale == (1.0,)


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
        regression_target(y, loss)


def head_network(head, target, width=5):
    inputs = keras.Input((width,), name="merged")
    return keras.Model(inputs, head.attach(inputs, target))


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


def seeded_head(head, target, width=5):
    with isolate(0, "float32"):
        return head_network(head, target, width)


@pytest.mark.parametrize(
    ("head", "target", "widths", "n_members"),
    [
        (DenseHead(), TargetSpec(n_classes=3, activation="softmax"), [64], 1),
        (DenseHead(), TargetSpec(), [128, 128], 4),
        (DenseHead(n_members=1), TargetSpec(), [128, 128], 1),
        (DenseHead(n_members=3), TargetSpec(), [128, 128], 3),
        (DenseHead((4,)), TargetSpec(), [4], 1),
        (DenseHead((4,), n_members=2), TargetSpec(), [4], 2),
        (DenseHead((), n_members=2), TargetSpec(), [], 2),
        (DenseHead((4,), n_members=1), TargetSpec(n_classes=2, activation="sigmoid"), [4], 1),
        (DenseHead(n_members=3), TargetSpec(n_classes=2, activation="sigmoid"), [64], 3),
    ],
)
def test_layers_and_members_follow_from_the_target_unless_given(head, target, widths, n_members):
    layers = head_network(head, target).layers
    assert [layer.units for layer in layers if layer.name.startswith("head__dense")] == widths
    assert [layer.n_members for layer in layers if isinstance(layer, Members)] == [n_members] * (n_members > 1)
    assert sum(isinstance(layer, MemberMean) for layer in layers) == (n_members > 1)


def test_one_member_is_the_plain_head():
    rows = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    target = TargetSpec(offset=(3.0,), scale=(2.0,))
    plain, one = (seeded_head(DenseHead((4,), **params), target) for params in ({}, {"n_members": 1}))
    assert_array_equal(predict(one, rows), predict(plain, rows))


def test_members_share_the_dense_layers_and_are_averaged_in_units_of_y():
    rows = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    target = TargetSpec(n_outputs=2, offset=(100.0, 0.0), scale=(7.0, 1.0))
    model = seeded_head(DenseHead((4,), activation="tanh", n_members=3), target)
    (scale,), (kernel, bias), (output, shift) = (layer.get_weights() for layer in model.layers if layer.weights)
    members = [np.tanh((rows * scale[m]) @ kernel + bias) @ output[m] + shift[m] for m in range(3)]
    assert_allclose(predict(model, rows), np.mean(members, axis=0) * [7, 1] + [100, 0], rtol=1e-5, atol=1e-5)
    trained = keras.ops.convert_to_numpy(model(rows, training=True))
    assert_allclose(trained, np.hstack([member * [7, 1] + [100, 0] for member in members]), rtol=1e-5, atol=1e-5)


def test_members_of_a_classifier_have_a_softmax_each_and_give_their_mean():
    rows = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    model = seeded_head(DenseHead((), n_members=3), TargetSpec(n_classes=4, activation="softmax"))
    (scale,), (kernel, bias) = (layer.get_weights() for layer in model.layers if layer.weights)
    members = [softmax((rows * scale[m]) @ kernel[m] + bias[m], axis=1) for m in range(3)]
    assert_allclose(predict(model, rows), np.mean(members, axis=0), rtol=1e-5)
    assert_allclose(keras.ops.convert_to_numpy(model(rows, training=True)), np.hstack(members), rtol=1e-5)


@pytest.mark.parametrize(
    "target",
    [TargetSpec(n_classes=(3, 2), n_outputs=2), TargetSpec(n_classes=2, n_outputs=4, activation="sigmoid")],
)
def test_several_columns_of_classes_have_no_members(target):
    with pytest.raises(ValueError, match=rf"n_members=2, but y has {target.n_outputs} columns of classes"):
        head_network(DenseHead(n_members=2), target)


CROSSENTROPIES = ["sparse_categorical_crossentropy", keras.losses.SparseCategoricalCrossentropy()]


@pytest.mark.parametrize("loss", CROSSENTROPIES)
def test_the_loss_of_classes_is_the_mean_of_the_members(loss):
    rng = np.random.default_rng(0)
    members, y = rng.dirichlet(np.ones(4), size=(6, 3)), rng.integers(0, 4, 6)
    expected = np.mean([log_loss(y, members[:, m], labels=range(4)) for m in range(3)])
    assert float(MembersLoss(loss, 4)(y, members.reshape(6, -1))) == pytest.approx(expected, rel=1e-5)


def test_a_member_that_is_sure_of_the_wrong_class_learns():
    model = seeded_head(DenseHead((), n_members=2), TargetSpec(n_classes=2, activation="sigmoid"))
    rows, y = tf.ones((3, 5)), np.zeros((3, 1))
    output = model.get_layer("head__output")
    output.bias.assign([[50.0], [-50.0]])
    with tf.GradientTape() as tape:
        loss = MembersLoss("binary_crossentropy", 1)(y, model(rows, training=True))
    # Half of the loss is the first member's, whose probability is 1 in float32.
    assert_allclose(tape.gradient(loss, output.bias).numpy()[:, 0], [0.5, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("n_rows", "target", "expected"),
    [
        (499, TargetSpec(n_classes=2, activation="sigmoid"), DenseHead(activation="relu", dropout=0.5, n_members=4)),
        (500, TargetSpec(n_classes=2, activation="sigmoid"), DenseHead(dropout=0.5, n_members=4)),
        (1000, TargetSpec(n_classes=2, activation="sigmoid"), DenseHead()),
        (999, TargetSpec(n_classes=(3, 2), n_outputs=2), DenseHead(dropout=0.5)),
        (499, TargetSpec(n_classes=(3, 2), n_outputs=2), DenseHead(activation="relu", dropout=0.5)),
        (999, TargetSpec(), DenseHead((64, 64), activation="gelu", dropout=0.5, n_members=4)),
        (1000, TargetSpec(), DenseHead()),
    ],
)
def test_few_rows_have_a_head_of_their_own(n_rows, target, expected):
    assert default_head(n_rows, target).get_params() == expected.get_params()


@pytest.mark.parametrize("n_members", [0, 1.5, "all", None])
def test_a_number_of_members_that_is_none_is_refused(n_members):
    with pytest.raises(ValueError, match="The 'n_members' parameter of DenseHead"):
        head_network(DenseHead(n_members=n_members), TargetSpec())


ROUTER = InputRouter([("numbers", NumberScaler(), ["a", "b"])])


FRAME = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 2)), columns=["a", "b"])


TWO = np.column_stack([1e6 + 1e3 * FRAME["a"], 1e-3 * FRAME["b"]])


def regressor(**params):
    return MultiInputRegressor(
        ROUTER,
        **{
            "branches": {"numbers": DenseBranch(units=())},
            "head": DenseHead((16,), n_members=4),
            "epochs": 1,
            "batch_size": 30,
            "random_state": 0,
            "compile__run_eagerly": True,
            **params,
        },
    )


@pytest.fixture(scope="module")
def fitted():
    """Return a regressor of four members and two outputs that has learned."""
    return regressor(epochs=60, optimizer__learning_rate=0.05, compile__run_eagerly=False).fit(FRAME, TWO)


@pytest.fixture(scope="module")
def unmoved():
    """Return a regressor after one step of all rows that hardly changed a weight."""
    return regressor(optimizer="sgd", optimizer__learning_rate=1e-12).fit(FRAME, TWO)


def test_members_predict_two_outputs_in_units_of_y(fitted):
    predicted = fitted.predict(FRAME)
    assert predicted.shape == TWO.shape
    assert predicted.dtype == np.float64
    # Far from noise in each output, though one is a thousand million times the other.
    assert (np.abs(predicted - TWO).mean(axis=0) < 0.3 * TWO.std(axis=0)).all()


def test_history_has_the_error_of_the_members_mean(unmoved):
    expected = np.abs(unmoved.predict(FRAME) - TWO).mean()
    assert unmoved.history_["mean_absolute_error"] == pytest.approx([expected], rel=1e-5)


def test_history_has_the_mean_of_the_members_losses(unmoved):
    outputs = unmoved.model_(unmoved.router_.transform(FRAME), training=True).numpy().reshape(30, 4, 2)
    errors = (outputs - TWO[:, None]) / TWO.std(axis=0)
    assert unmoved.history_["loss"] == pytest.approx([np.mean(errors**2)], rel=1e-4)


def test_the_hold_out_s_loss_is_that_of_the_members_mean():
    est = regressor(epochs=2).fit(FRAME, TWO, X_val=FRAME, y_val=TWO)
    errors = (est.predict(FRAME) - TWO) / TWO.std(axis=0)
    assert est.history_["val_loss"][est.best_epoch_ - 1] == pytest.approx(np.mean(errors**2), rel=1e-3)


def test_sample_weights_reach_the_members_losses():
    weight = np.random.default_rng(1).integers(1, 4, size=30).astype(float)
    est = regressor(optimizer="sgd", optimizer__learning_rate=1e-12).fit(FRAME, TWO, weight)
    outputs = est.model_(est.router_.transform(FRAME), training=True).numpy().reshape(30, 4, 2)
    spread = np.sqrt(np.average((TWO - np.average(TWO, axis=0, weights=weight)) ** 2, axis=0, weights=weight))
    errors = np.mean(((outputs - TWO[:, None]) / spread) ** 2, axis=(1, 2))
    assert est.history_["loss"] == pytest.approx([np.average(errors, weights=weight)], rel=1e-4)


def test_a_regressor_of_members_survives_a_pickle(fitted):
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(FRAME), fitted.predict(FRAME))


def test_a_network_of_members_is_saved_by_keras_and_loaded_in_safe_mode(fitted, tmp_path):
    fitted.model_.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert_array_equal(predict(loaded, fitted.router_.transform(FRAME)), fitted.predict(FRAME))


def test_one_seed_gives_equal_members(unmoved):
    assert_array_equal(clone(unmoved).fit(FRAME, TWO).predict(FRAME), unmoved.predict(FRAME))


def test_a_regression_has_four_members_by_default():
    est = regressor(head=None).fit(FRAME, TWO[:, 0])
    assert est.model_.get_layer("head__members").n_members == 4
    assert est.predict(FRAME).shape == (30,)


def test_counts_are_positive_in_each_member():
    est = regressor(loss="poisson").fit(FRAME, np.exp(FRAME["a"]))
    outputs = est.model_(est.router_.transform(FRAME), training=True).numpy()
    assert outputs.shape == (30, 4)
    assert outputs.min() > 0


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_classifier_of_members_learns_and_survives_a_pickle(n_classes):
    y = pd.qcut(FRAME["a"], n_classes, labels=False)
    est = MultiInputClassifier(
        ROUTER, head=DenseHead((8,), n_members=3), epochs=60, optimizer__learning_rate=0.05, random_state=0
    ).fit(FRAME, y)
    proba = est.predict_proba(FRAME)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    assert est.score(FRAME, y) > 0.8
    assert_array_equal(pickle.loads(pickle.dumps(est)).predict_proba(FRAME), proba)


def test_members_and_units_are_parameters_of_the_estimator():
    est = regressor(head=None)
    assert (est.get_params()["head__n_members"], est.get_params()["head__units"]) == ("auto", "auto")
    est.set_params(head__n_members=3, head__units=(2,))
    assert (est.head.n_members, est.head.units) == (3, (2,))


def test_members_and_units_are_searched():
    grid = [{"head__n_members": [2], "head__units": [(2,)]}, {"head__n_members": [1], "head__units": ["auto"]}]
    search = GridSearchCV(regressor(head=None), grid, cv=2, refit=False, error_score="raise").fit(FRAME, TWO[:, 1])
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert scores[0] != scores[1]


@pytest.mark.parametrize(
    ("parameters", "target", "expected"),
    [
        ({}, TargetSpec(n_classes=3, activation="softmax"), keras.activations.gelu),
        ({}, TargetSpec(), keras.activations.relu),
        ({"activation": "tanh"}, TargetSpec(n_classes=2, activation="sigmoid"), keras.activations.tanh),
    ],
)
def test_dense_layers_of_classes_are_smooth_unless_told(parameters, target, expected):
    merged = keras.Input((4,))
    model = keras.Model(merged, DenseHead((5, 6), **parameters).attach(merged, target))
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.activation for layer in layers if layer.units in (5, 6)] == [expected] * 2
