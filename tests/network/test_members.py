"""Members: several outputs that share dense layers, whose mean is the prediction."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from common import predict
from head_cases import head_network
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

from skmulti import DenseBranch, InputRouter, MultiInputClassifier, MultiInputRegressor, NumberScaler
from skmulti.layers.outputs import MemberMean, Members, by_member
from skmulti.network.build import Network
from skmulti.network.heads import DenseHead
from skmulti.network.losses import MembersLoss, OutputsLoss
from skmulti.spec import TargetSpec
from skmulti.training.defaults import default_head
from skmulti.training.run import isolate

RNG = np.random.default_rng(0)


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


def test_several_columns_of_classes_have_no_members():
    said = "n_members=2 averages members, which a y of 2 columns of classes cannot have"
    with pytest.raises(ValueError, match=said):
        head_network(DenseHead(n_members=2), TargetSpec(n_classes=(3, 2), n_outputs=2))


def test_members_of_labels_have_a_sigmoid_for_each_label_and_give_their_mean():
    rows = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    model = seeded_head(DenseHead((), n_members=3), TargetSpec(n_classes=2, n_outputs=4, activation="sigmoid"))
    (scale,), (kernel, bias) = (layer.get_weights() for layer in model.layers if layer.weights)
    members = [expit((rows * scale[m]) @ kernel[m] + bias[m]) for m in range(3)]
    assert_allclose(predict(model, rows), np.mean(members, axis=0), rtol=1e-5)


def test_the_loss_of_labels_is_the_mean_of_the_members_for_each_label():
    rng = np.random.default_rng(0)
    members, y = rng.uniform(0.1, 0.9, size=(6, 3, 4)), rng.integers(0, 2, (6, 4)).astype(float)
    by_label = -np.log(np.where(y[:, None] == 1, members, 1 - members)).mean(axis=1)
    flat, weights = members.reshape(6, -1), rng.uniform(size=(6, 4))
    assert float(MembersLoss("binary_crossentropy", 4)(y, flat)) == pytest.approx(by_label.mean(), rel=1e-5)
    weighed = MembersLoss(OutputsLoss("binary_crossentropy"), 4)(y, flat, sample_weight=weights)
    assert float(weighed) == pytest.approx((by_label * weights).mean(), rel=1e-5)


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
        (499, TargetSpec(n_classes=2, activation="sigmoid"), DenseHead(activation="relu", dropout="auto", n_members=4)),
        (500, TargetSpec(n_classes=2, activation="sigmoid"), DenseHead(dropout="auto", n_members=4)),
        (1000, TargetSpec(n_classes=2, activation="sigmoid"), DenseHead()),
        (999, TargetSpec(n_classes=2, n_outputs=4, activation="sigmoid"), DenseHead(dropout="auto", n_members=4)),
        (999, TargetSpec(n_classes=(3, 2), n_outputs=2), DenseHead(dropout="auto")),
        (499, TargetSpec(n_classes=(3, 2), n_outputs=2), DenseHead(activation="relu", dropout="auto")),
        (999, TargetSpec(), DenseHead((64, 64), activation="gelu", dropout="auto", n_members=4)),
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
    arrays = fitted.router_.transform(FRAME)
    assert_array_equal(predict(loaded, arrays), predict(fitted.model_, arrays))


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
