"""Pretrained networks in a fit: frozen, kept on disk, unfrozen after some epochs, and trained on."""

import gc
import pickle
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score

from skmulti import (
    BackboneBranch,
    DenseBranch,
    DenseHead,
    ImageDecoder,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    load,
    save,
)
from skmulti.layers import Backbone, with_sublayers
from skmulti.training import checkpoint as checkpoints

N = 40
DRAW = np.random.default_rng(0)
PIXELS = DRAW.integers(0, 256, (N, 8, 8, 3), dtype="uint8")
X = pd.DataFrame({"photo": list(PIXELS), "size": DRAW.normal(size=N)})
Y = (PIXELS[:, :4].mean((1, 2, 3)) > PIXELS[:, 4:].mean((1, 2, 3))).astype(int)
ROUTER = InputRouter([("photo", ImageDecoder(size=(8, 8)), "photo"), ("numbers", NumberScaler(), ["size"])])


@keras.saving.register_keras_serializable(package="test_pretrained")
class CountRows(keras.layers.Layer):
    """Counts the rows that go through it."""

    class Count:
        """Hides a variable from Keras: a weight would make another network of the same one, once it has counted."""

        def __init__(self):
            self.rows = tf.Variable(0)

    def build(self, input_shape):
        self.count = self.Count()

    def call(self, inputs):
        self.count.rows.assign_add(tf.shape(inputs)[0])
        return inputs


def tiny():
    inputs = keras.Input((8, 8, 3))
    tensor = CountRows(name="count")(keras.layers.Rescaling(1 / 127.5, -1)(inputs))
    tensor = keras.layers.Conv2D(4, 3, activation="relu", name="low")(tensor)
    tensor = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization(name="norm")(tensor))
    network = keras.Model(inputs, keras.layers.Conv2D(5, 3, activation="relu", name="high")(tensor), name="tiny")
    draw = np.random.default_rng(2)
    for layer in (network.get_layer(name) for name in ("low", "norm", "high")):
        layer.set_weights([abs(draw.normal(size=weight.shape)) / 2 for weight in layer.weights])
    return network


TINY = tiny()


def photo_classifier(*, params=None, **branch):
    settings = {"epochs": 3, "batch_size": 16, "random_state": 0, "optimizer": "adam", "head": DenseHead(units=())}
    # A step that Python runs is slower than a compiled one, but not the first.
    settings["compile__run_eagerly"] = True
    branches = {"photo": BackboneBranch(TINY, **branch), "numbers": DenseBranch((3,))}
    return MultiInputClassifier(ROUTER, branches=branches, **{**settings, **(params or {})})


def backbone(est):
    """Return the layers of the pretrained network in a fitted estimator, by name."""
    found = next(part for part in with_sublayers(est.model_) if isinstance(part, Backbone))
    return {layer.name: layer for layer in found.layers}


def moves(est):
    """Return which layers of the pretrained network differ from those that were given."""
    return [
        name
        for name in ("low", "norm", "high")
        if any(
            not np.array_equal(own, other)
            for own, other in zip(backbone(est)[name].get_weights(), TINY.get_layer(name).get_weights(), strict=True)
        )
    ]


def rows_seen(est):
    """Return how many rows the network has seen since it was copied."""
    return int(backbone(est)["count"].count.rows.numpy())


# --- Frozen


def test_several_networks_share_a_frozen_one():
    est = photo_classifier(params={"n_networks": 2, "n_jobs": 1}).fit(X, Y)

    assert moves(est) == []
    assert rows_seen(est) == N
    assert est.predict_proba(X).shape == (N, 2)


@pytest.mark.parametrize("branch", [{"trainable": 1}, {"trainable": True, "unfreeze_at": 1}])
def test_several_networks_do_not_fine_tune_one(branch):
    with pytest.raises(ValueError, match=r"n_networks=2 with branches\['photo'\], whose trainable=.*n_networks=1"):
        photo_classifier(params={"n_networks": 2}, **branch).fit(X, Y)


def test_a_frozen_network_does_not_move_and_runs_once_for_each_row():
    est = photo_classifier().fit(X, Y)

    assert moves(est) == []
    assert rows_seen(est) == N
    assert est.n_iter_ == 3


@pytest.mark.parametrize("branch", [{}, {"trainable": 1}])
def test_it_runs_once_where_few_rows_are_looked_at_before_training(branch):
    est = photo_classifier(params={"head": None}, **branch).fit(X, Y)

    assert rows_seen(est) == N
    assert est.recipe_.closeness is not None


def test_it_runs_once_for_held_out_rows_too():
    est = photo_classifier(params={"early_stopping": False}).fit(X[:30], Y[:30], X_val=X[30:], y_val=Y[30:])

    assert rows_seen(est) == N


def test_it_runs_once_for_rows_that_the_fit_holds_out():
    est = photo_classifier(params={"early_stopping": True, "validation_fraction": 0.25}).fit(X, Y)

    assert rows_seen(est) == N
    held = ~np.isnan(est.oof_predictions_[:, 0])
    assert held.sum() == N // 4
    assert_allclose(est.oof_predictions_[held], est.predict_proba(X)[held], rtol=1e-5)


def test_equal_rows_are_computed_once():
    est = photo_classifier().fit(pd.concat([X, X]), np.tile(Y, 2))

    assert rows_seen(est) == N


def test_predictions_are_those_of_the_network_and_what_follows():
    est = photo_classifier().fit(X, Y)

    vectors = keras.ops.convert_to_numpy(TINY(PIXELS, training=False)).mean(axis=(1, 2))

    assert_allclose(est.embed(X, "photo"), vectors, rtol=1e-4, atol=1e-5)


def test_the_network_of_the_user_stays_as_it_is():
    before = [weight.copy() for weight in TINY.get_weights()]

    photo_classifier(trainable=True).fit(X, Y)

    for weight, other in zip(TINY.get_weights(), before, strict=True):
        assert_array_equal(weight, other)
    assert all(layer.trainable for layer in TINY.layers)


# --- Kept on disk


def kept_rows(folder):
    """Return how many rows of features are kept in a folder."""
    return sum(path.stat().st_size for path in Path(folder).rglob("skmulti_features/**/*.keys")) // 20


def kept_digests(folder):
    """Return of how many networks features are kept in a folder."""
    return len({path.parent for path in Path(folder).rglob("skmulti_features/**/*.keys")})


def test_features_are_found_again_by_weights_and_pixels(tmp_path):
    params = {"memory": str(tmp_path)}
    first = photo_classifier(params=params).fit(X, Y)
    second = photo_classifier(params=params, units=4).fit(X, Y)
    more = photo_classifier(params=params).fit(pd.concat([X, X.assign(photo=list(255 - PIXELS))]), np.tile(Y, 2))

    assert (rows_seen(first), rows_seen(second), rows_seen(more)) == (N, 0, N)
    assert kept_rows(tmp_path) == 2 * N
    assert_array_equal(first.predict_proba(X), photo_classifier().fit(X, Y).predict_proba(X))


@pytest.mark.parametrize("change", ["weights", "pooling", "preprocess"])
def test_features_of_another_network_are_not(tmp_path, change):
    photo_classifier(params={"memory": str(tmp_path)}).fit(X, Y)
    est = photo_classifier(params={"memory": str(tmp_path)})
    if change == "weights":
        twin = keras.models.clone_model(TINY)
        twin.set_weights([weight * (1 + 1e-6) for weight in TINY.get_weights()])
        est.set_params(branches__photo__backbone=twin)
    else:
        est.set_params(**{f"branches__photo__{change}": {"pooling": "max", "preprocess": "unit"}[change]})

    assert rows_seen(est.fit(X, Y)) == N


def test_folds_and_candidates_share_them(tmp_path):
    grid = {"branches__photo__units": [None, 3]}
    search = GridSearchCV(photo_classifier(params={"memory": str(tmp_path), "epochs": 1}), grid, cv=2).fit(X, Y)

    assert rows_seen(search.best_estimator_) == 0
    assert kept_rows(tmp_path) == N


@pytest.mark.parametrize("params", [{}, {"n_networks": 2}])
def test_predictions_find_them_and_keep_more(tmp_path, params):
    # A count of rows is a weight, and features of other weights are others.
    plain = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 127.5), keras.layers.Conv2D(4, 3)])
    new = X.assign(photo=list(255 - PIXELS))
    est = photo_classifier(params={"memory": str(tmp_path), **params})
    est.set_params(branches__photo__backbone=plain).fit(X, Y)
    expected = [pickle.loads(pickle.dumps(est)).set_params(memory=None).predict_proba(rows) for rows in (X, new)]

    found = [est.predict_proba(rows) for rows in (X, new)]

    assert_allclose(found, expected, rtol=1e-5)
    assert kept_rows(tmp_path) == 2 * N
    assert kept_digests(tmp_path) == 1


def test_predictions_after_it_was_unfrozen_are_those_of_the_network(tmp_path):
    params = {"memory": str(tmp_path), "warm_start": True}
    est = photo_classifier(params=params).fit(X, Y)
    est.predict_proba(X)
    est.set_params(branches__photo__trainable=True, branches__photo__learning_rate_scale=1.0).fit(X, Y)

    assert_array_equal(est.predict_proba(X), est.set_params(memory=None).predict_proba(X))


def test_features_that_were_removed_are_computed_again(tmp_path):
    params = {"memory": str(tmp_path)}
    photo_classifier(params=params).fit(X, Y)
    for path in tmp_path.rglob("*.rows"):
        path.unlink()

    assert rows_seen(photo_classifier(params=params).fit(X, Y)) == N


def test_verbose_tells_how_many_were_computed(tmp_path, capsys):
    params = {"memory": str(tmp_path), "verbose": 1}
    for est in [photo_classifier(params=params) for _ in range(2)]:
        est.fit(X, Y)

    told = [line for line in capsys.readouterr().out.splitlines() if "features of photo" in line]
    assert [line.rpartition(",")[0] for line in told] == [
        "features of photo: 40 rows, 40 of them computed",
        "features of photo: 40 rows, 0 of them computed",
    ]


def test_a_plan_counts_the_memory_of_features():
    # Pixels, a number, and the features: 5 averages; or with a trained layer the 6 x 6 x 4 numbers below it.
    assert photo_classifier().plan(X, Y).memory["arrays"] == N * (8 * 8 * 3 + 4 + 5 * 4)
    assert photo_classifier(trainable=1).plan(X, Y).memory["arrays"] == N * (8 * 8 * 3 + 4 + 6 * 6 * 4 * 4)


# --- Fine-tuned


@pytest.mark.parametrize(
    ("branch", "moved"),
    [
        ({"trainable": 1}, ["high"]),
        ({"trainable": True}, ["low", "high"]),
        ({"trainable": 0.5, "augment": True}, ["high"]),
        ({"trainable": 2, "unfreeze_at": 2}, ["low", "high"]),
    ],
)
def test_the_last_layers_move_and_batch_normalisation_does_not(branch, moved):
    assert moves(photo_classifier(**branch).fit(X, Y)) == moved


class Watch(keras.callbacks.Callback):
    """Notes after each epoch how many weights are trained, and the weights of the layer "high" where it is seen."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append((epoch, len(self.model.trainable_variables)))


@pytest.mark.parametrize(("branch", "stops"), [({}, False), ({"trainable": 1}, True)])
def test_few_rows_decide_when_to_stop_where_a_network_is_fine_tuned(branch, stops):
    rows = np.arange(120) % N
    est = photo_classifier(params={"early_stopping": "auto"}, **branch).fit(X.iloc[rows], Y[rows])

    assert est.recipe_.stops_early is stops
    assert ("val_loss" in est.history_) is stops


def test_layers_are_unfrozen_at_their_epoch():
    seen = []
    params = {"epochs": 5, "callbacks": [Watch(seen)]}
    est = photo_classifier(params=params, trainable=1, unfreeze_at=2).fit(X, Y)

    (_, n_others), *_ = seen
    assert seen == [(0, n_others), (1, n_others), *((epoch, n_others + 2) for epoch in (2, 3, 4))]
    assert (est.n_iter_, len(est.history_["loss"])) == (5, 5)
    # The features of the first stage once; then what the frozen layers make of each row, once for all epochs.
    assert rows_seen(est) == N + N


def test_layers_below_the_trained_ones_run_in_every_epoch_if_their_output_is_too_large(monkeypatch):
    params = {"epochs": 5, "validation_fraction": None}
    est, twin = (photo_classifier(params=params, trainable=1, unfreeze_at=2) for _ in range(2))
    est.fit(X, Y)
    # A row is 6 x 6 x 4 numbers there.
    monkeypatch.setattr("skmulti.training.features.CUT_BYTES", N * 6 * 6 * 4 * 4 - 1)
    twin.fit(X, Y)

    assert rows_seen(est) == N + N
    # And one row to make the optimizer's state.
    assert N + 3 * N <= rows_seen(twin) <= N + 3 * N + 2
    assert_allclose(est.predict_proba(X), twin.predict_proba(X), rtol=1e-5, atol=1e-6)


def initial_weights(est):
    """Return the weights of the network of a fit before its first epoch, and that network."""
    found = {}

    class Note(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            for weight in self.model.weights:
                found.setdefault(id(weight), weight.numpy())

    est.set_params(callbacks=[Note()])
    return found


@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_two_stages_are_those_by_hand_in_keras(scale):
    params = {"epochs": 5, "shuffle": False, "optimizer__learning_rate": 0.02, "compile__run_eagerly": False}
    est = photo_classifier(params=params, trainable=1, unfreeze_at=2, learning_rate_scale=scale)
    first = initial_weights(est)
    est.fit(X, Y).set_params(callbacks=None)
    est.callbacks_ = []
    hand = pickle.loads(pickle.dumps(est)).model_
    of_backbone = dict(zip(map(id, with_sublayers_weights(est)), TINY.get_weights(), strict=True))
    for weight, own in zip(est.model_.weights, hand.weights, strict=True):
        own.assign(of_backbone[id(weight)] if id(weight) in of_backbone else first[id(weight)])

    high = next(part for part in with_sublayers(hand) if part.name == "high")
    tuned = {id(variable) for variable in high.variables}
    others = [variable for variable in hand.trainable_variables if id(variable) not in tuned]
    arrays = est.router_.transform(X)
    train_by_hand(hand, arrays, [(others, 0.02)], epochs=2)
    train_by_hand(hand, arrays, [(others, 0.02), (high.trainable_variables, 0.02 * scale)], epochs=3)

    for own, other in zip(est.model_.weights, hand.weights, strict=True):
        if "count" not in own.path:
            assert_allclose(own.numpy(), other.numpy(), rtol=1e-5, atol=1e-6, err_msg=own.path)


def with_sublayers_weights(est):
    (found,) = [part for part in with_sublayers(est.model_) if isinstance(part, Backbone)]
    return found.weights


def train_by_hand(model, arrays, groups, epochs):
    """Train groups of variables, each with an Adam of its own, on batches of 16 in their order."""
    optimizers = [keras.optimizers.Adam(rate) for _, rate in groups]
    for _ in range(epochs):
        for i in range(0, N, 16):
            batch = {name: array[i : i + 16] for name, array in arrays.items()}
            with tf.GradientTape(persistent=True) as tape:
                output = model(batch, training=True)
                loss = tf.reduce_mean(keras.losses.binary_crossentropy(Y[i : i + 16, None], output))
            for (variables, _), optimizer in zip(groups, optimizers, strict=True):
                optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)


def test_the_scale_is_that_of_the_steps():
    """With plain gradient descent and one step, the move is the scale times the move at the whole rate."""
    params = {"epochs": 1, "batch_size": N, "optimizer": "sgd", "optimizer__learning_rate": 0.5}
    moved = []
    for scale in (1.0, 0.01):
        est = photo_classifier(params=params, trainable=1, learning_rate_scale=scale).fit(X, Y)
        moved.append(backbone(est)["high"].get_weights()[0] - TINY.get_layer("high").get_weights()[0])

    assert_allclose(moved[1], 0.01 * moved[0], rtol=1e-2, atol=1e-7)


def test_an_automatic_rate_falls_in_each_stage():
    est = photo_classifier(params={"optimizer": "auto", "epochs": 6}, trainable=1, unfreeze_at=3).fit(X, Y)

    rates = np.array(est.history_["learning_rate"])
    assert rates[2] < rates[1]
    assert rates[4] > rates[2]
    assert rates[5] < rates[4]


def test_the_first_stage_does_not_stop_early():
    params = {"early_stopping": True, "n_iter_no_change": 1, "epochs": 6, "optimizer__learning_rate": 1e-12}
    est = photo_classifier(params=params, trainable=1, unfreeze_at=3).fit(X, Y)

    assert 3 < est.n_iter_ < 6


@pytest.mark.parametrize("optimizer", ["adam", "auto"])
@pytest.mark.parametrize("scale", [0.1, 10.0])
def test_the_best_epoch_of_all_stages_is_kept(optimizer, scale):
    params = {"early_stopping": True, "epochs": 6, "optimizer": optimizer, "optimizer__learning_rate": 0.05}
    est = photo_classifier(params=params, trainable=1, unfreeze_at=3, learning_rate_scale=scale)
    est.fit(X[:30], Y[:30], X_val=X[30:], y_val=Y[30:])

    losses = est.history_["val_loss"]
    assert est.best_epoch_ == np.argmin(losses) + 1
    assert log_loss(Y[30:], est.predict_proba(X[30:])) == pytest.approx(min(losses), rel=1e-4)


@pytest.mark.parametrize(("freq", "validated"), [(2, [2, 4, 6]), ([1, 3, 4], [1, 3, 4])])
def test_the_best_epoch_is_one_of_those_that_were_validated(freq, validated):
    params = {"early_stopping": True, "epochs": 6, "optimizer__learning_rate": 0.05, "fit__validation_freq": freq}
    est = photo_classifier(params=params, trainable=1, unfreeze_at=4, learning_rate_scale=10.0)
    est.fit(X[:30], Y[:30], X_val=X[30:], y_val=Y[30:])

    losses = est.history_["val_loss"]
    assert len(losses) == len(validated)
    assert est.best_epoch_ == validated[np.argmin(losses)]
    assert log_loss(Y[30:], est.predict_proba(X[30:])) == pytest.approx(min(losses), rel=1e-4)


def test_the_best_epoch_of_a_fit_that_goes_on_is_its_own():
    params = {"early_stopping": True, "epochs": 4, "fit__validation_freq": 2, "optimizer__learning_rate": 0.05}
    est = photo_classifier(params={**params, "warm_start": True})
    held = {"X_val": X[30:], "y_val": Y[30:]}
    est.fit(X[:30], Y[:30], **held)
    est.set_params(branches__photo__trainable=1, branches__photo__unfreeze_at=6).fit(X[:30], Y[:30], **held)

    losses = est.history_["val_loss"]
    assert len(losses) == 4
    # Epochs 2 and 4 were those of the first fit.
    assert est.best_epoch_ == (6, 8)[np.argmin(losses[2:])]
    assert log_loss(Y[30:], est.predict_proba(X[30:])) == pytest.approx(min(losses[2:]), rel=1e-4)


def test_fine_tuning_begins_with_the_best_frozen_epoch():
    # A rate at which the epochs of the first stage get worse and worse, and one at which the second moves nothing.
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1, 5], [0.01, 5.0, 0.0])
    params = {"early_stopping": True, "epochs": 5, "optimizer": keras.optimizers.SGD(schedule)}
    est = photo_classifier(params=params, trainable=1, unfreeze_at=3)
    est.fit(X[:30], Y[:30], X_val=X[30:], y_val=Y[30:])

    losses = est.history_["val_loss"]
    assert losses[2] > losses[0]
    assert losses[3:] == pytest.approx([losses[0]] * 2, rel=1e-5)
    assert est.best_epoch_ == 1
    assert moves(est) == []


def test_a_regression_is_fine_tuned_in_stages():
    branches = {"photo": BackboneBranch(TINY, trainable=1, unfreeze_at=1), "numbers": DenseBranch((3,))}
    est = MultiInputRegressor(ROUTER, branches=branches, epochs=2, batch_size=16, random_state=0).fit(X, 100.0 * Y)

    assert moves(est) == ["high"]


def test_what_would_never_be_unfrozen_is_refused():
    with pytest.raises(ValueError, match=r"branches\['photo'\] has unfreeze_at=3, but the fit ends after epoch 3"):
        photo_classifier(trainable=1, unfreeze_at=3).fit(X, Y)


DEADLY = []


class Die(keras.callbacks.Callback):
    """Breaks a fit off after an epoch, once."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch in DEADLY:
            DEADLY.clear()
            raise RuntimeError("killed")


@pytest.mark.parametrize("after", [1, 3])
def test_a_killed_fit_goes_on_in_its_stage(tmp_path, monkeypatch, after):
    monkeypatch.setattr(checkpoints, "WAIT", 0)
    params = {"epochs": 5, "callbacks": [Die()]}
    whole = photo_classifier(params=params, trainable=1, unfreeze_at=2).fit(X, Y)
    est = photo_classifier(params={**params, "checkpoint": str(tmp_path)}, trainable=1, unfreeze_at=2)
    DEADLY.append(after)
    with pytest.raises(RuntimeError, match="killed"):
        est.fit(X, Y)
    est.fit(X, Y)

    for own, other in zip(est.model_.weights, whole.model_.weights, strict=True):
        if "count" not in own.path:
            assert_array_equal(own.numpy(), other.numpy())
    assert est.history_ == whole.history_


def test_batches_of_arrays_are_read_by_their_shape():
    rows, ids = DRAW.normal(size=(N, 6, 2)).astype("float32"), DRAW.integers(2, 9, (N, 5)).astype("int32")
    arrays = {"photo": PIXELS, "trace": rows, "words": ids}
    networks = {
        "photo": TINY,
        "trace": keras.Sequential([keras.Input((6, 2)), keras.layers.Dense(3)]),
        "words": keras.Sequential([keras.Input((5,)), keras.layers.Embedding(9, 4)]),
    }
    branches = {name: BackboneBranch(network, trainable=1, unfreeze_at=1) for name, network in networks.items()}
    batches = tf.data.Dataset.from_tensor_slices((arrays, Y)).batch(16)

    est = MultiInputClassifier(branches=branches, epochs=2, random_state=0, compile__run_eagerly=True).fit(batches)

    assert [spec.kind for spec in est.router_.specs_.values()] == ["image", "sequence", "text"]
    assert moves(est) == ["high"]


# --- Trained on


@pytest.fixture
def warm():
    return photo_classifier(params={"warm_start": True, "epochs": 1}).fit(X, Y)


def test_a_warm_fit_trains_what_is_asked_for_now(warm):
    assert moves(warm) == []
    warm.set_params(branches__photo__trainable=1).fit(X, Y)
    assert moves(warm) == ["high"]
    high = backbone(warm)["high"].get_weights()[0]
    warm.set_params(branches__photo__trainable=False).fit(X, Y)
    assert_array_equal(backbone(warm)["high"].get_weights()[0], high)
    assert warm.branches_["photo"].trainable is False
    assert warm.n_iter_ == 3


def test_a_warm_fit_counts_the_epochs_of_the_network(warm):
    warm.set_params(branches__photo__trainable=1, branches__photo__unfreeze_at=3, epochs=2).fit(X, Y)
    assert moves(warm) == []
    warm.fit(X, Y)
    assert moves(warm) == ["high"]


def test_a_new_scale_holds_and_the_optimizer_goes_on(warm):
    warm.set_params(branches__photo__trainable=1).fit(X, Y)
    steps, high = int(warm.model_.optimizer.iterations), backbone(warm)["high"].get_weights()[0]
    warm.set_params(branches__photo__learning_rate_scale=1e-12).fit(X, Y)

    assert_allclose(backbone(warm)["high"].get_weights()[0], high, atol=1e-9)
    assert int(warm.model_.optimizer.iterations) == 2 * steps


def test_flags_that_a_user_sets_in_the_network_hold(warm):
    for part in with_sublayers(warm.model_.get_layer("photo__features")):
        part.trainable = part.name != "norm"
    warm.fit(X, Y)

    assert moves(warm) == ["low", "high"]


def test_a_pickled_network_trains_on(warm):
    warm = pickle.loads(pickle.dumps(warm.set_params(branches__photo__trainable=1)))

    assert moves(warm.fit(X, Y)) == ["high"]


def test_a_warm_fit_that_breaks_off_leaves_what_is_trained_as_it_was(warm):
    before = [weight.copy() for weight in warm.model_.get_weights()]
    warm.set_params(branches__photo__trainable=1, callbacks=[Die()], epochs=2)
    DEADLY.append(2)
    with pytest.raises(RuntimeError, match="killed"):
        warm.fit(X, Y)

    assert moves(warm) == []
    warm.set_params(branches__photo__trainable=False, callbacks=None, epochs=1).fit(X, Y)
    assert moves(warm) == []
    assert any(not np.array_equal(*pair) for pair in zip(warm.model_.get_weights(), before, strict=True))


def test_two_copies_of_a_network_train_on_after_a_pickle_each_with_its_own_moments():
    photos = [(name, ImageDecoder(size=(8, 8)), name) for name in ("photo", "other")]
    frame = X.assign(other=list(255 - PIXELS))
    branches = {name: BackboneBranch(TINY, trainable=True) for name in ("photo", "other")}
    params = {"router": InputRouter(photos), "branches": branches, "warm_start": True, "epochs": 1}
    est = photo_classifier().set_params(**params).fit(frame, Y)
    twin = pickle.loads(pickle.dumps(est))

    est.fit(frame, Y)
    twin.fit(frame, Y)

    for own, other in zip(est.model_.weights, twin.model_.weights, strict=True):
        if "count" not in own.path:
            assert_allclose(own.numpy(), other.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    "params", [{"branches__photo__units": 3}, {"branches__photo__pooling": "max"}, {"branches__photo__augment": True}]
)
def test_what_would_need_a_new_network_is_refused(warm, params):
    with pytest.raises(ValueError, match=f"built with other parameters: '{next(iter(params))}'"):
        warm.set_params(**params).fit(X, Y)


def test_chunks_are_unfrozen_after_as_many_epochs():
    est = photo_classifier(trainable=1, unfreeze_at=2)
    found = [moves(est.partial_fit(X, Y, classes=[0, 1])) for _ in range(3)]

    assert found == [[], [], ["high"]]


# --- Search, pickle, file


def test_a_grid_over_what_is_trained():
    grid = [{"branches__photo__trainable": [False, 1]}, {"branches__photo__learning_rate_scale": [1.0]}]
    search = GridSearchCV(photo_classifier(params={"epochs": 1}), grid, cv=2, error_score="raise").fit(X, Y)

    assert len(search.cv_results_["params"]) == 3
    assert search.best_estimator_.branches["photo"].backbone is TINY


def test_clones_share_the_pretrained_network():
    est = photo_classifier()

    assert clone(est).branches["photo"].backbone is TINY
    assert np.isfinite(cross_val_score(est, X, Y, cv=2)).all()


def n_networks_in_memory():
    """Count the pretrained networks that are alive, by the weights of one of their layers."""
    gc.collect()
    shape = TINY.get_layer("high").kernel.shape
    return sum(isinstance(thing, keras.Variable) and thing.shape == shape for thing in gc.get_objects())


def test_a_search_keeps_one_copy_of_the_pretrained_network():
    counts = []

    def score(est, X, y):
        counts.append(n_networks_in_memory())
        return est.score(X, y)

    before = n_networks_in_memory()
    grid = {"branches__photo__units": [None, 3]}
    search = GridSearchCV(photo_classifier(params={"epochs": 1}), grid, cv=2, scoring=score).fit(X, Y)

    # The one of the candidate that is scored; then that of the best estimator.
    assert [count - before for count in counts] == [1] * 4
    assert n_networks_in_memory() - before == 1
    assert search.best_estimator_.branches["photo"].backbone is TINY


@pytest.mark.parametrize(
    ("way", "branch"),
    [
        ("pickle", {"trainable": 1, "unfreeze_at": 1}),
        ("file", {}),
        ("file", {"trainable": 1, "augment": True}),
    ],
)
def test_it_comes_back_from_a_pickle_and_a_file(tmp_path, way, branch):
    est = photo_classifier(**branch).fit(X, Y)
    if way == "file":
        save(est, tmp_path / "est.skm")
        twin = load(tmp_path / "est.skm", trusted=[CountRows])
    else:
        twin = pickle.loads(pickle.dumps(est))

    assert_array_equal(twin.predict_proba(X), est.predict_proba(X))
    assert moves(twin) == moves(est)
    assert twin.fit(X, Y).n_iter_ == 3
