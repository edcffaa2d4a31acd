"""oof_predictions_: each row's is that of the networks which left it out; folds of few rows; what drops it."""

import pickle
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from estimator_cases import TWO_INPUTS, classifier, frame, regressor
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.metrics import precision_recall_curve

import skmulti
from skmulti.inspection import explain_rows
from skmulti.network import networks_in
from skmulti.network.ensemble import MEAN_LAYER
from skmulti.network.temperature import fit_temperature
from skmulti.training import divide_in_folds, hold_out, hold_out_in_turn

X = frame(61)
LABELS = np.where(X["a"] > 0, "yes", "no")
THREE = np.arange(61) % 3
PRICES = 100 + 10 * X["a"] + X["b"]
HOLDS = {"early_stopping": True, "validation_fraction": 0.2}


@pytest.fixture(scope="module")
def fitted():
    """A regressor whose five networks leave out a fold each."""
    return regressor(TWO_INPUTS, n_networks=5, epochs=2).fit(X, PRICES)


def said(est, rows):
    """Return what each network says of rows: (n_networks, n_rows, width)."""
    arrays = est.router_.transform(rows)
    return np.stack([np.asarray(network(arrays), "float64") for network in networks_in(est.model_)])


class TestFolds:
    @pytest.mark.parametrize("n_rows", [60, 61, 62, 63])
    def test_cover_every_row_in_equal_numbers(self, n_rows):
        pairs, reason = divide_in_folds(n_rows, 5, 0)
        assert not reason
        assert len({(len(rest), len(fold)) for rest, fold in pairs}) == 1
        for rest, fold in pairs:
            assert_array_equal(np.sort(np.r_[rest, fold]), np.arange(n_rows))
        left_out = np.bincount(np.concatenate([fold for _, fold in pairs]), minlength=n_rows)
        # Equal numbers of rows keep one compiled network for all; those left over are left out twice.
        assert left_out.min() == 1
        assert left_out.sum() == n_rows + -n_rows % 5

    def test_keep_the_shares_of_classes(self):
        classes = np.repeat([0, 1, 2], [8, 40, 2])
        pairs, _ = divide_in_folds(50, 4, 0, classes)
        for rest, fold in pairs:
            counts = np.bincount(classes[fold], minlength=3)
            assert counts[0] == 2
            assert abs(counts[1] - 10) <= 1
            assert set(classes[rest]) == {0, 1, 2}

    def test_differ_with_the_seed(self):
        one, two = (divide_in_folds(40, 4, seed)[0][0][1] for seed in (0, 1))
        assert set(one) != set(two)
        assert_array_equal(one, divide_in_folds(40, 4, 0)[0][0][1])

    @pytest.mark.parametrize(
        ("n_rows", "classes", "reason"),
        [(9, None, "9 rows are too few for 5 folds"), (11, [0] * 10 + [1], "a class has fewer than 2 rows")],
    )
    def test_none_where_rows_are_too_few(self, n_rows, classes, reason):
        pairs, found = divide_in_folds(n_rows, 5, 0, classes and np.array(classes))
        assert found == reason
        assert [fold for _, fold in pairs] == [None] * 5


class TestOracle:
    def test_numbers_are_those_of_the_network_that_left_the_row_out(self, fitted):
        pairs, _ = divide_in_folds(61, 5, 0)
        each = said(fitted, X)[:, :, 0]
        for row in range(61):
            unseen = [number for number, (_, fold) in enumerate(pairs) if row in fold]
            assert_allclose(fitted.oof_predictions_[row], each[unseen, row].mean(), rtol=1e-6)
        for (_, fold), residuals, own in zip(pairs, fitted.held_residuals_, each, strict=True):
            assert_allclose(residuals[:, 0], PRICES.to_numpy()[fold] - own[fold], rtol=1e-5)

    def test_rows_left_out_are_not_trained_on(self, fitted):
        # Another target in the rows of one fold changes every network but that which leaves it out.
        fold = divide_in_folds(61, 5, 0)[0][1][1]
        other = PRICES.copy()
        other.iloc[fold] += np.r_[50, np.full(len(fold) - 1, -50 / (len(fold) - 1))]
        params = {"scale_target": False, "n_networks": 5, "epochs": 2}
        one, two = (regressor(TWO_INPUTS, **params).fit(X, y) for y in (PRICES, other))
        same = [
            all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(ours.weights, theirs.weights, strict=True))
            for ours, theirs in zip(networks_in(one.model_), networks_in(two.model_), strict=True)
        ]
        assert same == [False, True, False, False, False]

    def test_classes(self):
        est = classifier(TWO_INPUTS, n_networks=5).fit(X, LABELS)
        pairs, _ = divide_in_folds(61, 5, 0, (LABELS == "yes").astype(int))
        (temperature,) = est.model_.get_layer(MEAN_LAYER).temperatures
        each = said(est, X)[:, :, 0]
        for row in range(61):
            unseen = [number for number, (_, fold) in enumerate(pairs) if row in fold]
            expected = expit(logit(each[unseen, row]).mean() / temperature)
            assert_allclose(est.oof_predictions_[row], [1 - expected, expected], rtol=1e-5)
        assert est.oof_predictions_.dtype == "float64"
        expected = expit(logit(each).mean(axis=0) / temperature)
        assert_allclose(est.predict_proba(X)[:, 1], expected, rtol=1e-5)

    def test_temperature_is_that_of_the_rows_left_out(self):
        # Known by heart: much too sure of rows that are new.
        y = np.random.default_rng(0).permutation(LABELS)
        params = {"epochs": 40, "optimizer__learning_rate": 0.05, "compile__run_eagerly": False}
        est = classifier(n_networks=5, **params).fit(X, y)
        layer = est.model_.get_layer(MEAN_LAYER)
        (temperature,) = layer.temperatures
        assert temperature > 1.05
        odds = logit(est.oof_predictions_[:, 1]) * temperature
        found = fit_temperature(np.c_[np.zeros(61), odds], (y == "yes").astype(int), np.ones(61))
        assert_allclose(found, temperature, rtol=1e-3)
        weight = np.where(y == "yes", 3.0, 1.0)
        other = classifier(n_networks=5, **params).fit(X, y, sample_weight=weight)
        odds = logit(other.oof_predictions_[:, 1]) * other.model_.get_layer(MEAN_LAYER).temperatures[0]
        found = fit_temperature(np.c_[np.zeros(61), odds], (y == "yes").astype(int), weight / weight.mean())
        assert_allclose(found, other.model_.get_layer(MEAN_LAYER).temperatures[0], rtol=1e-3)

    def test_hold_outs_that_chose_epochs_leave_the_average_as_it_is(self):
        est = classifier(TWO_INPUTS, n_networks=2, **HOLDS).fit(X, LABELS)
        assert est.model_.get_layer(MEAN_LAYER).temperatures == []

    def test_hold_outs_that_rotate_leave_the_rest_nan(self):
        est = regressor(TWO_INPUTS, n_networks=2, **HOLDS).fit(X, PRICES)
        pairs, _ = hold_out_in_turn(61, 0.2, 0, None, 2)
        found = np.concatenate([held for _, held in pairs])
        assert_array_equal(np.flatnonzero(np.isfinite(est.oof_predictions_)), np.sort(found))
        each = said(est, X)
        for (_, held), own in zip(pairs, each, strict=True):
            assert_allclose(est.oof_predictions_[held], own[held, 0], rtol=1e-6)

    def test_a_single_network_that_holds_rows_out(self):
        est = classifier(TWO_INPUTS, **HOLDS).fit(X, LABELS)
        _, held, _ = hold_out(61, 0.2, 0, (LABELS == "yes").astype(int))
        assert_array_equal(np.flatnonzero(np.isfinite(est.oof_predictions_[:, 0])), held)
        assert_allclose(est.oof_predictions_[held], est.predict_proba(X.iloc[held]), rtol=1e-6)


class TestForms:
    """As `predict_proba` or `predict`, whatever the target."""

    @pytest.mark.parametrize("y", [LABELS, THREE, np.c_[THREE > 0, THREE > 1].astype(int), np.full(61, "only")])
    def test_classes(self, y):
        est = classifier(n_networks=5).fit(X, y)
        assert est.oof_predictions_.shape == est.predict_proba(X).shape
        assert np.isfinite(est.oof_predictions_).all()

    def test_columns_of_classes(self):
        est = classifier(n_networks=5).fit(X, np.c_[LABELS, THREE])
        assert [part.shape for part in est.oof_predictions_] == [(61, 2), (61, 3)]
        assert all(np.allclose(part.sum(axis=1), 1) for part in est.oof_predictions_)

    def test_several_numbers(self):
        est = regressor(n_networks=5).fit(X, np.c_[PRICES, PRICES * 1000])
        assert est.oof_predictions_.shape == (61, 2)
        assert np.isfinite(est.oof_predictions_).all()

    def test_rows_of_weight_0_are_nan(self):
        weight = np.ones(61)
        weight[[3, 10]] = 0
        est = regressor(n_networks=5).fit(X, PRICES, sample_weight=weight)
        assert_array_equal(np.flatnonzero(np.isnan(est.oof_predictions_)), [3, 10])
        without = regressor(n_networks=5).fit(X[weight > 0], PRICES[weight > 0])
        assert_allclose(est.oof_predictions_[weight > 0], without.oof_predictions_)

    def test_row_labels_play_no_part(self, fitted):
        shuffled = np.random.default_rng(0).permutation(61)
        est = clone(fitted).fit(X.set_index(shuffled), PRICES.to_numpy())
        assert_array_equal(est.oof_predictions_, fitted.oof_predictions_)

    def test_dict_of_arrays(self):
        est = regressor(router=None, branches=None, n_networks=5).fit({"numbers": X[["a", "b"]].to_numpy()}, PRICES)
        assert np.isfinite(est.oof_predictions_).all()


class TestLife:
    def test_temperatures_are_kept(self, tmp_path):
        est = classifier(TWO_INPUTS, n_networks=5).fit(X, THREE)
        temperatures = est.model_.get_layer(MEAN_LAYER).temperatures
        skmulti.save(est, tmp_path / "model")
        for other in (pickle.loads(pickle.dumps(est)), skmulti.load(tmp_path / "model")):
            assert other.model_.get_layer(MEAN_LAYER).temperatures == temperatures
            assert_array_equal(other.predict_proba(X), est.predict_proba(X))
        found = explain_rows(est, X.head(2))
        assert_allclose(found.baseline + found.columns.sum(axis=1), found.output, rtol=1e-4)

    def test_pickled_and_saved(self, fitted, tmp_path):
        expected = fitted.oof_predictions_
        assert_array_equal(pickle.loads(pickle.dumps(fitted)).oof_predictions_, expected)
        skmulti.save(fitted, tmp_path / "model")
        loaded = skmulti.load(tmp_path / "model")
        assert_array_equal(loaded.oof_predictions_, expected)
        assert_array_equal(loaded.predict_interval(X), fitted.predict_interval(X))
        assert not hasattr(clone(fitted), "oof_predictions_")

    @pytest.mark.parametrize("goes_on", ["partial_fit", "warm_start", "fit"])
    def test_dropped_by_what_trains_on_these_rows(self, goes_on):
        est = regressor(**HOLDS).fit(X, PRICES)
        assert hasattr(est, "oof_predictions_")
        if goes_on == "partial_fit":
            est.partial_fit(X, PRICES)
        elif goes_on == "warm_start":
            # The hold-out of this seed has rows that the first fit trained on.
            est.set_params(warm_start=True, random_state=1).fit(X, PRICES)
        else:
            est.set_params(early_stopping=False).fit(X, PRICES)
        assert not hasattr(est, "oof_predictions_")
        assert not hasattr(est, "held_residuals_")

    def test_a_warm_fit_keeps_what_it_missed_of_rows_of_the_users(self):
        est = regressor(early_stopping=True, warm_start=True).fit(X, PRICES)
        val = {"X_val": frame(20, 1), "y_val": PRICES[:20]}
        assert len(est.fit(X, PRICES, **val).held_residuals_[0]) == 20
        assert not hasattr(est, "oof_predictions_")

    def test_what_keeps_none_says_so(self):
        with pytest.raises(AttributeError, match="no rows of a table in memory were held out"):
            regressor().fit(X, PRICES).oof_predictions_  # noqa: B018

    def test_rows_that_stream_leave_none(self, tmp_path):
        X.assign(price=PRICES).to_parquet(tmp_path / "rows.parquet")
        for params in ({"n_networks": 5}, {"n_networks": 2, **HOLDS}, HOLDS):
            est = regressor(TWO_INPUTS, **params).fit(tmp_path / "rows.parquet", "price")
            assert not hasattr(est, "oof_predictions_")


class TestRule:
    """Folds where rows are too few for a hold-out, unless the user says otherwise."""

    def n_trained(self, rows=X, y=PRICES, **params):
        return regressor(**params).fit(rows, y).recipe_.n_rows

    def test_five_networks_or_more(self):
        assert [self.n_trained(n_networks=number) for number in (1, 4, 5, 6)] == [61, 61, 48, 50]

    @pytest.mark.parametrize("params", [{"early_stopping": False}, {"validation_fraction": None}])
    def test_all_rows_for_each_where_asked_for(self, params):
        assert self.n_trained(n_networks=5, **params) == 61

    def test_a_hold_out_where_asked_for(self):
        est = regressor(n_networks=5, **HOLDS).fit(X, PRICES)
        assert est.recipe_.n_rows == 48
        assert "val_loss" in est.history_

    def test_rows_of_the_users_decide(self):
        est = regressor(n_networks=5).fit(X, PRICES, X_val=frame(20, 1), y_val=PRICES[:20])
        assert est.recipe_.n_rows == 61
        assert not hasattr(est, "oof_predictions_")

    def test_from_500_rows_on_a_hold_out(self):
        rows = frame(500)
        for count, expected in ((499, 399), (500, 450)):
            assert self.n_trained(rows[:count], rows["a"][:count] ** 2, n_networks=5) == expected

    def test_all_epochs_are_trained(self, fitted):
        assert "val_loss" not in fitted.history_
        assert (fitted.n_iter_, fitted.best_epoch_, fitted.recipe_.stops_early) == (2, 2, False)

    def test_plan_says_so(self, fitted):
        plan = clone(fitted).plan(X, PRICES)
        assert (plan.n_rows, plan.n_held) == (48, 13)
        assert "leaves out a fold of its own" in plan.recipe.reasons["validation_fraction"]

    def test_a_class_of_one_row(self):
        est = classifier(n_networks=5).fit(X, ["rare", *LABELS[1:]])
        assert est.recipe_.n_rows == 61
        assert "a class has fewer than 2 rows" in est.recipe_.reasons["validation_fraction"]

    def test_side_by_side(self, fitted):
        est = clone(fitted).set_params(n_jobs=2).fit(X, PRICES)
        assert_array_equal(est.oof_predictions_, fitted.oof_predictions_)


class StopSecond(keras.callbacks.Callback):
    """Interrupts the second network, in its first epoch."""

    begun = 0

    def on_epoch_begin(self, epoch, logs=None):
        type(self).begun += 1
        if type(self).begun == 2:
            raise KeyboardInterrupt


def test_an_interrupt_leaves_the_folds_of_the_networks_that_are_done():
    StopSecond.begun = 0
    with pytest.warns(skmulti.errors.InterruptedFitWarning, match="after 1 of 5 networks"):
        est = regressor(n_networks=5, callbacks=[StopSecond()]).fit(X, PRICES)
    fold = divide_in_folds(61, 5, 0)[0][0][1]
    assert_array_equal(np.flatnonzero(np.isfinite(est.oof_predictions_)), fold)
    assert_allclose(est.oof_predictions_[fold], est.predict(X.iloc[fold]), rtol=1e-6)


def test_interval_of_few_rows(fitted):
    lower, upper = fitted.predict_interval(X, 0.9).T
    assert (lower < upper).all()


def test_honest_where_training_rows_are_known_by_heart():
    """A target that nothing explains: the fit seems to explain it, the out-of-fold predictions do not."""
    rng = np.random.default_rng(0)
    rows, y = pd.DataFrame(rng.normal(size=(60, 6))).add_prefix("x"), rng.normal(size=60)
    params = {"head": skmulti.DenseHead((64,)), "branches": None, "router": None, "compile__run_eagerly": False}
    est = regressor(n_networks=5, epochs=40, **params).fit(rows, y)
    assert np.corrcoef(est.predict(rows), y)[0, 1] > 0.6
    assert abs(np.corrcoef(est.oof_predictions_, y)[0, 1]) < 0.35


def test_threshold_from_them():
    rng = np.random.default_rng(1)
    rows = frame(120, 2)
    y = (rows["a"] + rng.normal(size=120) > 1).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        params = {"epochs": 30, "optimizer__learning_rate": 0.05, "compile__run_eagerly": False}
        est = classifier(n_networks=5, **params).fit(rows, y)
    precision, recall, thresholds = precision_recall_curve(y, est.oof_predictions_[:, 1])
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    new = frame(2000, 3)
    truth = new["a"] + rng.normal(size=2000) > 1
    scores = [
        2 * (truth & hit).sum() / (truth.sum() + hit.sum())
        for hit in (est.predict_proba(new)[:, 1] > limit for limit in (0.5, thresholds[f1[:-1].argmax()]))
    ]
    assert scores[1] > scores[0]
