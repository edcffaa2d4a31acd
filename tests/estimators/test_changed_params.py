"""Parameters of parts in the constructor, parameters that change between two fits of one network, and `monitor`."""

import pickle
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from estimator_cases import ROUTER, TWO_INPUTS, assert_equal_weights, classifier, frame, regressor
from sklearn.exceptions import ConvergenceWarning

from skmulti import AttentionMerge, DenseBranch, DenseHead, MultiInputClassifier, SlowOnPlateau
from skmulti.training.callbacks import direction


class TestConstructor:
    @pytest.mark.parametrize(
        ("given", "read"),
        [
            ({"merge": "attention", "merge__units": 32}, {"merge__units": 32}),
            ({"merge": AttentionMerge(num_heads=2), "merge__units": 8}, {"merge__units": 8, "merge__num_heads": 2}),
            ({"head__units": (7,)}, {"head__units": (7,)}),
            ({"router": ROUTER, "branches__numbers__units": (3,)}, {"branches__numbers__units": (3,)}),
            ({"router": ROUTER, "router__numbers__scale": "max"}, None),
            ({"router__unique": 0.5}, None),
        ],
    )
    def test_it_takes_parameters_of_parts(self, given, read):
        if read is None:
            with pytest.raises(ValueError, match="Invalid parameter"):
                MultiInputClassifier(**given)
            return
        params = MultiInputClassifier(**given).get_params()
        assert {name: params[name] for name in read} == read

    def test_they_reach_the_network(self, X, y):
        est = classifier(TWO_INPUTS, merge="attention", merge__units=5, branches=None, branches__numbers__units=(3,))
        layers = {layer.name: layer for layer in est.fit(X, y).model_.layers}
        assert layers["merge__attention"].output.shape == (None, 2, 5)
        assert est.branches_["numbers"].units == (3,)

    def test_a_part_that_was_given_stays_as_it_is(self):
        merge, branches = AttentionMerge(), {"numbers": DenseBranch(units=(4,))}
        est = MultiInputClassifier(
            ROUTER, merge=merge, merge__units=3, branches=branches, branches__numbers__units=(5,)
        )
        assert (merge.units, branches["numbers"].units) == (None, (4,))
        assert (est.merge.units, est.branches["numbers"].units) == (3, (5,))

    @pytest.mark.parametrize("name", ["merge__unit", "head__unitz", "branches__numbers__unit", "marge__units"])
    def test_a_misspelt_name_is_refused(self, name):
        with pytest.raises((TypeError, ValueError), match="Invalid parameter"):
            MultiInputClassifier(ROUTER, merge="attention", **{name: 3})


@pytest.fixture(scope="module")
def pickled():
    X = frame()
    params = {"warm_start": True, "optimizer": "adam", "merge": "gated", "head": DenseHead(units=(4,))}
    est = classifier(TWO_INPUTS, **params, optimizer__learning_rate=0.01).fit(X, X["a"] > 0)
    return pickle.dumps(est)


@pytest.fixture
def warm(pickled, X):
    # Fits once more, so that it is compiled.
    return pickle.loads(pickled).fit(X, X["a"] > 0)


class TestWarmStart:
    def steps(self, est, X):
        """Return how far the last fit moved the weights."""
        before = est.model_.get_weights()
        after = est.fit(X, X["a"] > 0).model_.get_weights()
        return max(np.abs(b - a).max() for a, b in zip(after, before, strict=True))

    @pytest.mark.parametrize("rate", [0.0, 1e-5, 1.0])
    @pytest.mark.parametrize("loaded", [False, True])
    def test_a_new_learning_rate_is_applied(self, X, warm, pickled, rate, loaded):
        est = (pickle.loads(pickled) if loaded else warm).set_params(optimizer__learning_rate=rate)
        moved = self.steps(est, X)
        assert float(est.model_.optimizer.learning_rate.numpy()) == pytest.approx(rate)
        assert (moved == 0) if rate == 0 else (moved > 0.2) if rate == 1 else (moved < 1e-3)

    def test_the_state_of_the_optimizer_goes_on(self, X, warm):
        done = int(warm.model_.optimizer.iterations)
        warm.set_params(optimizer__learning_rate=0.5).fit(X, X["a"] > 0)
        assert int(warm.model_.optimizer.iterations) > done > 0

    def test_another_optimizer_begins_anew(self, X, warm):
        warm.set_params(optimizer="sgd").fit(X, X["a"] > 0)
        assert isinstance(warm.model_.optimizer, keras.optimizers.SGD)

    def test_other_metrics_are_measured(self, X, warm):
        warm.set_params(metrics=["auc"]).fit(X, X["a"] > 0)
        assert len(warm.history_["auc"]) == 1

    def test_a_layer_that_was_set_to_train_is_trained(self, X, warm):
        layer = warm.model_.get_layer("head__dense_0")
        layer.trainable = False
        frozen = layer.get_weights()[0]
        warm.fit(X, X["a"] > 0)
        np.testing.assert_array_equal(layer.get_weights()[0], frozen)
        layer.trainable = True
        warm.fit(X, X["a"] > 0)
        assert not np.array_equal(layer.get_weights()[0], frozen)

    @pytest.mark.parametrize(
        ("params", "name"),
        [
            ({"branches__numbers__units": (9,)}, "branches__numbers__units"),
            ({"branches": {"city": DenseBranch()}}, "branches"),
            ({"merge": "add"}, "merge"),
            ({"merge__units": 3}, "merge__units"),
            ({"head__units": (9,)}, "head__units"),
            ({"head": None}, "head"),
            ({"router": ROUTER}, "router"),
            ({"router__city__min_frequency": 3}, "router__city__min_frequency"),
            ({"dtype": "float64"}, "dtype"),
            ({"input_dropout": 0.5}, "input_dropout"),
            ({"loss": "mse"}, "loss"),
            ({"model": lambda inputs, target: None}, "model"),
        ],
    )
    def test_what_made_the_network_may_not_change(self, X, pickled, params, name):
        est = pickle.loads(pickled).set_params(**params)
        with pytest.raises(
            ValueError, match=rf"built with other parameters: .*'{name}.*(before|now).*warm_start=False"
        ):
            est.fit(X, X["a"] > 0)
        with pytest.raises(ValueError, match=f"other parameters.*{name}"):
            est.partial_fit(X, X["a"] > 0)

    @pytest.mark.parametrize(
        "params",
        [
            {"epochs": 2},
            {"batch_size": 8},
            {"verbose": 0},
            {"shuffle": False},
            {"random_state": 3},
            {"monitor": "loss"},
            {"class_weight": {True: 2.0}},
        ],
    )
    def test_what_each_fit_reads_may(self, X, warm, params):
        assert warm.set_params(**params).fit(X, X["a"] > 0).n_iter_ > 2

    def test_what_an_earlier_version_compared_and_this_one_reads_anew_is_no_change(self, X, pickled):
        est = pickle.loads(pickled)
        est._network_params = {**est._network_params, "class_weight": {True: 9.0}}
        assert est.fit(X, X["a"] > 0).n_iter_ == 2

    @pytest.mark.parametrize("method", ["fit", "partial_fit"])
    def test_new_weights_of_classes_are_those_of_their_rows(self, X, pickled, method):
        y = X["a"] > 0
        weighed, by_rows = pickle.loads(pickled), pickle.loads(pickled)
        getattr(weighed.set_params(class_weight={True: 4.0, False: 0.5}), method)(X, y)
        getattr(by_rows, method)(X, y, sample_weight=np.where(y, 4.0, 0.5))
        assert_equal_weights(weighed, by_rows)

    def test_balanced_weights_are_those_of_the_new_rows(self, X, pickled):
        y = X["a"] > 1
        weighed, by_rows = pickle.loads(pickled), pickle.loads(pickled)
        weighed.set_params(class_weight="balanced").fit(X, y)
        by_rows.fit(X, y, sample_weight=len(y) / 2 / np.where(y, y.sum(), (~y).sum()))
        assert_equal_weights(weighed, by_rows)

    def test_weights_of_classes_that_stay_are_those_of_the_first_rows(self, X):
        est = classifier(warm_start=True, class_weight="balanced").fit(X, X["a"] > 0)
        weights = est._target.labels.weights[0]
        np.testing.assert_array_equal(est.fit(X, X["a"] > 1)._target.labels.weights[0], weights)

    def test_a_fit_that_breaks_off_leaves_the_weights_of_classes(self, X, warm):
        warm.set_params(class_weight={True: 3.0}, monitor="val_unknown", early_stopping=True)
        with pytest.raises(ValueError, match="val_unknown"):
            warm.fit(X, X["a"] > 0)
        assert warm._target.labels.weights is None

    def test_what_was_set_back_has_not_changed(self, X, warm):
        warm.set_params(head__units=(9,)).set_params(head__units=(4,)).fit(X, X["a"] > 0)

    def test_without_warm_start_everything_may_change(self, X, pickled):
        est = pickle.loads(pickled).set_params(warm_start=False, head__units=(9,))
        assert est.fit(X, X["a"] > 0).model_.get_layer("head__dense_0").units == 9


class TestMonitor:
    @pytest.mark.parametrize(
        ("monitor", "better"),
        [("val_auc", np.nanargmax), ("val_loss", np.nanargmin), ("accuracy", np.nanargmax), ("auto", np.nanargmin)],
    )
    def test_the_best_epoch_is_that_of_the_figure(self, X, y, monitor, better):
        params = {"metrics": ["accuracy", "auc"], "epochs": 6, "optimizer": "adam"}
        est = classifier(**params, monitor=monitor, early_stopping=True, validation_fraction=0.4)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            est.fit(X, y)
        figures = est.history_["val_loss" if monitor == "auto" else monitor]
        assert est.best_epoch_ == better(figures) + 1

    def test_training_stops_by_it(self, X, target):
        params = {"metrics": ["mae"], "epochs": 9, "early_stopping": True, "n_iter_no_change": 1}
        est = regressor(**params, monitor="mae", optimizer="sgd", optimizer__learning_rate=0.0).fit(X, target)
        assert (est.n_iter_, est.best_epoch_) == (2, 1)

    @pytest.mark.parametrize("stops", [True, "auto", False])
    def test_an_unknown_figure_is_refused_with_those_there_are(self, X, y, stops):
        est = classifier(metrics=["auc"], monitor="val_acu", early_stopping=stops)
        with pytest.raises(ValueError, match=r"monitor='val_acu'.*'loss'.*'auc'"):
            est.fit(X, y)

    def test_one_of_the_hold_out_needs_a_hold_out(self, X, y):
        est = classifier(monitor="val_loss", early_stopping=True, validation_fraction=None)
        with pytest.raises(ValueError, match=r"'val_loss' needs rows that are held out.*monitor='loss'"):
            est.fit(X, y)

    def test_rows_too_few_to_stop_on_leave_it_unused(self, X, y):
        assert_equal_weights(classifier(monitor="val_accuracy").fit(X, y), classifier().fit(X, y))

    def test_a_direction_that_no_name_tells_is_asked_for(self, X, y):
        def gain(y_true, y_pred):
            return y_pred[:, 0]

        est = classifier(metrics=[gain], monitor="val_gain", early_stopping=True)
        with pytest.raises(ValueError, match=r"'val_gain'.*'gain_score' if larger.*'gain_error' if smaller"):
            est.fit(X, y)

    def test_the_metrics_class_tells_what_its_name_does_not(self, X, y):
        est = classifier(metrics=[keras.metrics.AUC(name="area")], epochs=3, monitor="val_area", early_stopping=True)
        assert est.fit(X, y).best_epoch_ == np.argmax(est.history_["val_area"]) + 1

    def test_slowing_down_watches_it_too(self):
        slow = SlowOnPlateau("val_auc", times=0, patience=1)
        network = keras.Sequential([keras.layers.Dense(1)])
        network.build((None, 1))
        network.compile("sgd", "mse")
        slow.set_model(network)
        slow.on_train_begin()
        for epoch, value in enumerate([0.5, 0.7]):
            slow.on_epoch_end(epoch, {"val_auc": value})
        assert (slow.best, slow.best_epoch) == (0.7, 1)

    @pytest.mark.parametrize(
        ("name", "kind", "expected"),
        [
            ("loss", "", "min"),
            ("val_mean_squared_error", "", "min"),
            ("val_root_mean_squared_error", "", "min"),
            ("binary_crossentropy", "", "min"),
            ("false_positives", "FalsePositives", "min"),
            ("val_accuracy", "", "max"),
            ("acc", "", "max"),
            ("top_k_categorical_accuracy", "", "max"),
            ("val_r2_score", "R2Score", "max"),
            ("f1", "", "max"),
            ("true_positives", "", "max"),
            ("val_custom", "MeanIoU", "max"),
            ("val_custom", "LogCoshError", "min"),
        ],
    )
    def test_directions(self, name, kind, expected):
        assert direction(name, kind) == expected


def test_a_stop_on_text_watches_the_figure():
    rng = np.random.default_rng(0)
    words = rng.choice(["good", "bad", "fine", "poor"], (60, 3))
    X = pd.DataFrame({"text": [" ".join(row) for row in words]})
    est = MultiInputClassifier(
        head=DenseHead(units=()), epochs=3, metrics=["auc"], monitor="val_auc", early_stopping=True, random_state=0
    )
    est.fit(X, (words == "good").any(axis=1))
    assert est.best_epoch_ == np.argmax(est.history_["val_auc"]) + 1
