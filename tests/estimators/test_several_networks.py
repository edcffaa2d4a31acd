"""n_networks: several networks of one fit, against single fits by hand, and what goes with them."""

import pickle
from itertools import pairwise

import keras
import numpy as np
import pandas as pd
import pytest
from estimator_cases import TWO_INPUTS, classifier, frame, regressor
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, train_test_split

import skmulti
from skmulti import InputMismatchError, MultiInputClassifier
from skmulti.estimators import PartedFit
from skmulti.estimators.several import network_seeds
from skmulti.inputs.base import Branch
from skmulti.inspection import explain_rows, gate_weights, input_importance
from skmulti.network import networks_in
from skmulti.training import hold_out, hold_out_in_turn

X = frame(60)
LABELS = np.where(X["a"] > 0, "yes", "no")
PRICES = 100 + 10 * X["a"] + X["b"]


@pytest.fixture(scope="module")
def fitted():
    """A regressor whose two networks hold out rows in turn."""
    est = regressor(TWO_INPUTS, n_networks=2, epochs=2, early_stopping=True, validation_fraction=0.2)
    return est.fit(X, PRICES)


def weights(network):
    return [variable.value.numpy() for variable in network.variables]


def assert_same(networks, others):
    for one, two in zip(networks, others, strict=True):
        for ours, theirs in zip(weights(one), weights(two), strict=True):
            assert_array_equal(ours, theirs)


class TestOracle:
    """Without a hold-out each network is that of a single fit with its seed, to the last bit."""

    # Compiled, with dropout and Adam: what one network leaves behind must not reach the next.
    params = {
        "compile__run_eagerly": False,
        "epochs": 2,
        "head__dropout": 0.3,
        "optimizer": "auto",
        "early_stopping": False,
    }

    def singles(self, make, y, **params):
        return [make(**{**self.params, **params, "random_state": seed}).fit(X, y) for seed in network_seeds(0, 3)]

    def test_numbers(self):
        singles = self.singles(regressor, PRICES)
        est = regressor(n_networks=3, **self.params).fit(X, PRICES)
        assert_same(networks_in(est.model_), [single.model_ for single in singles])
        assert_allclose(est.predict(X), np.mean([single.predict(X) for single in singles], axis=0))
        assert [record["history"] for record in est.networks_] == [single.history_ for single in singles]

    def test_classes_with_another_optimizer_and_weights(self):
        params = {**self.params, "optimizer": "nadam", "class_weight": {"yes": 2.0, "no": 1.0}}
        singles = self.singles(classifier, LABELS, **params)
        est = classifier(n_networks=3, **params).fit(X, LABELS)
        assert_same(networks_in(est.model_), [single.model_ for single in singles])
        odds = [logit(single.predict_proba(X)[:, 1]) for single in singles]
        assert_allclose(est.predict_proba(X)[:, 1], expit(np.mean(odds, axis=0)), rtol=1e-5)

    def test_a_callback_that_slows_one_network_does_not_slow_the_next(self):
        slower = keras.callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=1e9)
        params = {"epochs": 3, "optimizer": "adam", "callbacks": [slower]}
        singles = [regressor(**params, random_state=seed).fit(X, PRICES) for seed in network_seeds(0, 2)]
        est = regressor(n_networks=2, **params).fit(X, PRICES)
        assert_same(networks_in(est.model_), [single.model_ for single in singles])

    def test_side_by_side(self):
        one = regressor(n_networks=3, **self.params).fit(X, PRICES)
        two = regressor(n_networks=3, n_jobs=2, **self.params).fit(X, PRICES)
        assert_same(networks_in(two.model_), networks_in(one.model_))
        assert two.history_ == one.history_

    def test_rows_of_the_users_validate_all_networks(self):
        params = {"epochs": 3, "early_stopping": True}
        val = {"X_val": frame(20, 1), "y_val": PRICES[:20]}
        singles = [regressor(**params, random_state=seed).fit(X, PRICES, **val) for seed in network_seeds(0, 2)]
        est = regressor(n_networks=2, **params).fit(X, PRICES, **val)
        assert_same(networks_in(est.model_), [single.model_ for single in singles])
        assert_allclose(est.held_residuals_[0][:, 0], PRICES[:20] - est.predict(val["X_val"]))


class TestHoldOuts:
    def test_first_is_that_of_a_single_fit(self):
        classes = np.arange(50) % 2
        (train, held), *_ = hold_out_in_turn(50, 0.2, 3, classes, 4)[0]
        own = hold_out(50, 0.2, 3, classes)
        assert_array_equal(train, own[0])
        assert_array_equal(held, own[1])

    @pytest.mark.parametrize("classes", [None, np.arange(53) % 3])
    def test_rotate_through_all_rows(self, classes):
        pairs, reason = hold_out_in_turn(53, 0.2, 0, classes, 9)
        assert not reason
        assert {(len(train), len(held)) for train, held in pairs} == {(42, 11)}
        for train, held in pairs:
            assert_array_equal(np.sort(np.r_[train, held]), np.arange(53))
        first = np.concatenate([held for _, held in pairs[:4]])
        assert len(set(first)) == 44
        assert all(set(one) != set(two) for (_, one), (_, two) in pairwise(pairs))
        if classes is not None:
            assert all(set(classes[held]) == {0, 1, 2} for _, held in pairs)

    def test_none_where_rows_are_too_few(self):
        pairs, reason = hold_out_in_turn(4, 4, 0, None, 2)
        assert [held for _, held in pairs] == [None, None]
        assert "too few" in reason

    def test_each_network_has_its_own(self, fitted):
        pairs, _ = hold_out_in_turn(60, 0.2, 0, None, 2)
        for (_, held), network, residuals in zip(
            pairs, networks_in(fitted.model_), fitted.held_residuals_, strict=True
        ):
            predicted = np.asarray(network(fitted.router_.transform(X.iloc[held])))
            assert_allclose(residuals, PRICES.to_numpy()[held, None] - predicted, rtol=1e-5)

    def test_router_knows_all_rows(self):
        table = X.assign(city=[f"city {i % 20}" for i in range(60)])
        est = regressor(TWO_INPUTS, n_networks=2, early_stopping=True).fit(table, PRICES)
        assert est.router_.specs_["city"].vocabulary_sizes == (22,)

    def test_the_recipe_is_of_each(self, fitted):
        assert fitted.recipe_.n_rows == 48
        assert "each network holds out others" in fitted.recipe_.reasons["validation_fraction"]


class TestFitted:
    def test_figures_are_means_of_the_networks(self, fitted):
        histories = [record["history"]["val_loss"] for record in fitted.networks_]
        assert_allclose(fitted.history_["val_loss"], np.mean(histories, axis=0))
        assert fitted.n_iter_ == 2
        assert fitted.stop_reason_.startswith("network 1: ran all 2 epochs; kept epoch")
        assert set(fitted.timings_) >= {"route", "build", "trace", "train"}

    def test_round_trips(self, fitted, tmp_path):
        expected = fitted.predict(X)
        assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), expected)
        skmulti.save(fitted, tmp_path / "model")
        loaded = skmulti.load(tmp_path / "model")
        assert_array_equal(loaded.predict(X), expected)
        assert_array_equal(loaded.predict_interval(X, 0.8), fitted.predict_interval(X, 0.8))
        assert loaded.networks_ == fitted.networks_
        assert clone(fitted).n_networks == 2

    def test_a_single_fit_leaves_nothing_of_them(self):
        est = regressor(n_networks=2).fit(X, PRICES)
        est.set_params(n_networks=1).fit(X, PRICES)
        assert not hasattr(est, "networks_")
        assert networks_in(est.model_) == [est.model_]
        assert_same([est.model_], [regressor().fit(X, PRICES).model_])

    def test_is_exported(self, fitted, tmp_path):
        import tensorflow as tf

        path = skmulti.export(fitted, tmp_path / "served", inputs="arrays")
        serve = tf.saved_model.load(path).signatures["serving_default"]
        arrays = {name: tf.constant(array) for name, array in fitted.router_.transform(X).items()}
        assert_allclose(serve(**arrays)["predictions"].numpy().ravel(), fitted.predict(X), rtol=1e-6)

    def test_is_explained(self, fitted):
        found = explain_rows(fitted, X.head(3))
        assert_allclose(found.output, fitted.predict(X.head(3)))
        assert_allclose(found.baseline + found.columns.sum(axis=1), found.output, rtol=1e-6)

    def test_vectors_are_side_by_side(self, fitted):
        halves, arrays = fitted._halves(), fitted.router_.transform(X)
        vectors = {name: halves.vectors(name, arrays) for name in halves.names}
        assert_allclose(halves.output(vectors), fitted.forward_(arrays), rtol=1e-6)
        assert fitted.embed(X, "numbers").shape == (60, fitted.vector_width("numbers")) == (60, 8)
        assert fitted.embed(X).shape == (60, fitted.vector_width())
        assert (input_importance(fitted, X, PRICES, n_repeats=1, random_state=0).importances.shape) == (2, 1)

    def test_diagram_and_plan_count_all(self, fitted):
        assert "2 networks, averaged" in fitted._repr_html_()
        plan = clone(fitted).plan(X, PRICES)
        assert (plan.n_networks, plan.n_rows, plan.n_held) == (2, 48, 12)
        assert plan.n_weights == fitted.model_.count_params()
        assert "weights in 2 networks" in " ".join(str(plan).split())
        assert "2, averaged; what follows" in str(plan)

    def test_keras_evaluates_and_trains_the_average(self, fitted):
        est = pickle.loads(pickle.dumps(regressor(n_networks=2).fit(X, PRICES)))
        arrays = est.router_.transform(X)
        est.model_.compile("sgd", "mse")
        before = est.model_.evaluate(arrays, PRICES.to_numpy(), verbose=0)
        assert_allclose(before, np.mean((est.predict(X) - PRICES) ** 2), rtol=1e-5)


def test_gates_are_means():
    est = classifier(TWO_INPUTS, merge="gated", n_networks=2).fit(X, LABELS)
    singles = [classifier(TWO_INPUTS, merge="gated", random_state=seed).fit(X, LABELS) for seed in network_seeds(0, 2)]
    found = gate_weights(est, X.head(4))
    assert_allclose(found, np.mean([gate_weights(single, X.head(4)) for single in singles], axis=0), rtol=1e-5)


class Counted(Branch):
    """A branch with fixed features that counts how often they are made."""

    made = []

    def features(self, spec, sample):
        self.made.append(spec.name)
        inputs = keras.Input(spec.shape, dtype=spec.dtype)
        return keras.Model(inputs, keras.layers.Dense(3, trainable=False)(inputs))

    def connect(self, tensor, spec, sample):
        return keras.layers.Dense(2)(tensor)


def test_fixed_features_are_shared():
    Counted.made.clear()
    est = regressor(branches={"numbers": Counted()}, n_networks=3, epochs=2).fit(X, PRICES)
    assert Counted.made == ["numbers"]
    names = [layer.name for layer in est.model_.layers]
    assert names.count("numbers__features") == 1
    assert "numbers__features" not in [layer.name for layer in networks_in(est.model_)[0].layers]
    arrays = est.router_.transform(X)
    seen = {"numbers": est.model_.get_layer("numbers__features")(arrays["numbers"])}
    expected = np.mean([network(seen) for network in networks_in(est.model_)], axis=0)
    assert_allclose(est.predict(X), expected[:, 0], rtol=1e-6)
    assert_array_equal(pickle.loads(pickle.dumps(est)).predict(X), est.predict(X))
    halves = est._halves()
    vectors = {name: halves.vectors(name, arrays) for name in halves.names}
    assert_allclose(halves.output(vectors), est.forward_(arrays), rtol=1e-5)


THREE = np.arange(60) % 3


@pytest.mark.parametrize("y", [THREE, np.c_[LABELS, THREE], np.c_[THREE > 0, THREE > 1].astype(int)])
def test_other_targets(y):
    est = classifier(n_networks=2).fit(X, y)
    assert est.predict(X).shape == y.shape
    proba = est.predict_proba(X)
    if isinstance(proba, list):
        assert all(np.allclose(part.sum(axis=1), 1) for part in proba)


def test_network_by_hand():
    def connect(inputs, target):
        return keras.layers.Dense(target.width, activation=target.activation)(inputs["numbers"])

    est = classifier(model=connect, branches=None, n_networks=2).fit(X, LABELS)
    assert len(networks_in(est.model_)) == 2
    assert est.predict_proba(X).shape == (60, 2)


def test_files_are_read_for_each_network(tmp_path):
    table = X.assign(price=PRICES)
    table.to_parquet(tmp_path / "rows.parquet")
    est = regressor(TWO_INPUTS, n_networks=2, epochs=2, early_stopping=True)
    est.fit(tmp_path / "rows.parquet", "price")
    assert len({tuple(record["history"]["val_loss"]) for record in est.networks_}) == 2
    assert np.isfinite(est.predict(X)).all()
    with pytest.raises(ValueError, match="rows in memory"):
        est.predict_interval(X)


def test_search_over_their_number():
    search = GridSearchCV(regressor(), {"n_networks": [1, 2]}, cv=2).fit(X, PRICES)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_they_are_better_than_one():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(1200, 4)), columns=list("abcd"))
    y = np.sin(2 * rows["a"]) * rows["b"] + rows["c"] + rng.normal(size=1200) * 0.5
    rows, new, y, truth = train_test_split(rows, y, random_state=0, train_size=800)
    params = {"epochs": 15, "random_state": 0}
    several = skmulti.MultiInputRegressor(n_networks=3, **params).fit(rows, y)
    each = networks_in(several.model_)
    arrays = several.router_.transform(new)
    alone = [np.mean((np.asarray(network(arrays))[:, 0] - truth) ** 2) for network in each]
    assert np.mean((several.predict(new) - truth) ** 2) < np.mean(alone)


def test_verbose_names_the_network(capsys):
    regressor(n_networks=2, verbose=1).fit(X, PRICES)
    said = capsys.readouterr().out
    assert "built 1 more network" in said
    assert "[network 1/2] ran the only epoch; kept epoch 1" in said
    assert "[network 2/2] ran the only epoch; kept epoch 1" in said


class StopSecond(keras.callbacks.Callback):
    """Interrupts the second network, in its first epoch."""

    begun = 0

    def on_epoch_begin(self, epoch, logs=None):
        type(self).begun += 1
        if type(self).begun == 2:
            raise KeyboardInterrupt


def test_an_interrupt_keeps_the_networks_that_are_done():
    StopSecond.begun = 0
    with pytest.warns(skmulti.errors.InterruptedFitWarning, match="after 1 of 3 networks, which are averaged"):
        est = regressor(n_networks=3, early_stopping=False, callbacks=[StopSecond()]).fit(X, PRICES)
    assert len(networks_in(est.model_)) == len(est.networks_) == 1
    assert_same(networks_in(est.model_), [regressor().fit(X, PRICES).model_])


class Failing(keras.callbacks.Callback):
    """Fails in the first epoch of any network."""

    def on_epoch_end(self, epoch, logs=None):
        raise RuntimeError("it failed")


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_leaves_the_estimator_as_it_was(n_jobs):
    est = regressor(n_networks=3, n_jobs=n_jobs, callbacks=[Failing()])
    with pytest.raises(RuntimeError, match="it failed"):
        est.fit(X, PRICES)
    assert not hasattr(est, "model_")


class TestRefusals:
    @pytest.mark.parametrize("params", [{"warm_start": True}, {"checkpoint": "folder"}])
    def test_what_goes_on_with_one_network(self, params):
        with pytest.raises(ValueError, match=f"n_networks=2 with {next(iter(params))}="):
            classifier(n_networks=2, **params).fit(X, LABELS)
        with pytest.raises(ValueError, match=f"n_networks=2 with {next(iter(params))}="):
            classifier(n_networks=2, **params).plan(X, LABELS)

    def test_partial_fit(self):
        with pytest.raises(ValueError, match="partial_fit trains one epoch on each chunk"):
            classifier(n_networks=2).partial_fit(X, LABELS)

    def test_a_network_that_goes_on(self, fitted):
        est = pickle.loads(pickle.dumps(fitted)).set_params(n_networks=1, warm_start=True)
        with pytest.raises(ValueError, match="'n_networks' changed"):
            est.fit(X, PRICES)

    def test_batches(self):
        batches = [({"numbers": np.zeros((4, 2), "float32")}, np.arange(4) % 2)]
        with pytest.raises(InputMismatchError, match="trains each network on the rows anew"):
            classifier(n_networks=2).fit(batches)

    def test_rows_in_several_places(self):
        with pytest.raises(ValueError, match="n_networks=2 trains networks on rows in memory"):
            PartedFit(MultiInputClassifier(n_networks=2))

    @pytest.mark.parametrize("wrong", [0, 1.5, "3"])
    def test_a_number_that_is_none(self, wrong):
        with pytest.raises(ValueError, match="n_networks"):
            classifier(n_networks=wrong).fit(X, LABELS)
