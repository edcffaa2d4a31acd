"""Callbacks that change the learning rate, and the optimizer that an estimator chooses by itself."""

import math

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skmulti import (
    AnnealRate,
    DenseBranch,
    DenseHead,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    SlowOnPlateau,
    TextBranch,
    TextVectorizer,
)
from skmulti.spec import TargetSpec
from skmulti.training.defaults import auto_learning_rate
from skmulti.training.run import Rows, Schedule, train


class RateLog(keras.callbacks.Callback):
    """Note the rate that each epoch's first step is made with."""

    def on_train_begin(self, logs=None):
        self.rates = []

    def on_train_batch_begin(self, batch, logs=None):
        if batch == 0:
            self.rates.append(float(self.model.optimizer.learning_rate))


def one_weight(rate, start=0.0):
    """Build a network that is one number, its weight, whatever it reads."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[start]])])
    model.compile(keras.optimizers.SGD(rate), "mse", run_eagerly=True)
    return model


ONE = np.ones((1, 1), dtype="float32")


def fit_one_weight(model, callbacks, *, epochs, held=None, goal=1.0, **params):
    """Draw the weight to `goal` by gradient steps, `held` in view; give (rates, history)."""
    log = RateLog()
    validation = {} if held is None else {"validation_data": (ONE, ONE * held)}
    callbacks = [*callbacks, log]
    history = model.fit(ONE, ONE * goal, epochs=epochs, callbacks=callbacks, verbose=0, **validation, **params)
    return log.rates, history.history


def annealed(rate, epochs):
    """Return the documented rates by hand: half a cosine, the first of several epochs with half of the rate."""
    rates = [rate * (1 + math.cos(math.pi * epoch / epochs)) / 2 for epoch in range(epochs)]
    return [rate / 2, *rates[1:]] if epochs > 1 else rates


class TestAnnealRate:
    @pytest.mark.parametrize("epochs", [2, 8])
    def test_rates_follow_half_a_cosine_after_a_first_epoch_of_half(self, epochs):
        rates, _ = fit_one_weight(one_weight(0.1), [AnnealRate()], epochs=epochs)
        assert rates == pytest.approx(annealed(0.1, epochs), rel=1e-5)

    def test_three_epochs_by_hand(self):
        rates, _ = fit_one_weight(one_weight(0.4), [AnnealRate()], epochs=3)
        assert rates == pytest.approx([0.2, 0.3, 0.1], rel=1e-5)

    def test_a_single_epoch_has_the_whole_rate(self):
        rates, _ = fit_one_weight(one_weight(0.1), [AnnealRate()], epochs=1)
        assert rates == pytest.approx([0.1])

    def test_the_last_epoch_is_slow(self):
        rates, _ = fit_one_weight(one_weight(0.1), [AnnealRate()], epochs=16)
        assert rates[-1] < 0.1 / 100

    def test_the_rate_is_back_at_the_end(self):
        model = one_weight(0.1)
        fit_one_weight(model, [AnnealRate()], epochs=3)
        assert float(model.optimizer.learning_rate) == pytest.approx(0.1)

    def test_the_rate_is_back_after_training_that_stopped_early(self):
        model = one_weight(0.1)
        stop = keras.callbacks.EarlyStopping("loss", patience=0, mode="max")
        rates, _ = fit_one_weight(model, [AnnealRate(), stop], epochs=9)
        assert len(rates) == 2
        assert float(model.optimizer.learning_rate) == pytest.approx(0.1)

    def test_training_that_goes_on_is_annealed_from_its_own_first_epoch(self):
        rates, _ = fit_one_weight(one_weight(0.1), [AnnealRate()], epochs=7, initial_epoch=4)
        assert rates == pytest.approx(annealed(0.1, 3), rel=1e-5)

    def test_a_second_training_with_one_object_is_as_the_first(self):
        model, callback = one_weight(0.1), AnnealRate()
        first, _ = fit_one_weight(model, [callback], epochs=3)
        second, _ = fit_one_weight(model, [callback], epochs=3)
        assert first == second

    def test_steps_are_made_with_the_annealed_rates(self):
        model = one_weight(0.4)
        fit_one_weight(model, [AnnealRate()], epochs=3)
        weight = 0.0
        for rate in (0.2, 0.3, 0.1):
            weight += rate * 2 * (1 - weight)
        assert model.get_weights()[0][0, 0] == pytest.approx(weight, rel=1e-5)


@pytest.fixture(scope="module")
def slowed():
    """Return (model, callback, rates, history) of a training whose hold-out gets worse from the second epoch on."""
    model, callback = one_weight(0.1), SlowOnPlateau()
    return model, callback, *fit_one_weight(model, [callback], epochs=50, held=-1)


class TestSlowOnPlateau:
    # Training draws the weight up from 0, the hold-out wants it below: its loss rises from the second epoch on.
    @pytest.mark.parametrize(
        ("times", "patience", "expected"),
        [
            (0, 1, [1, 1]),
            (1, 1, [1, 1, 1 / 4]),
            (1, 2, [1, 1, 1, 1 / 4, 1 / 4]),
        ],
    )
    def test_a_hold_out_that_gets_worse_lowers_the_rate_and_then_stops(self, times, patience, expected):
        callback = SlowOnPlateau(times=times, patience=patience)
        rates, _ = fit_one_weight(one_weight(0.1), [callback], epochs=50, held=-1)
        assert rates == pytest.approx([0.1 * share for share in expected], rel=1e-5)

    def test_by_default_the_rate_is_quartered_twice(self, slowed):
        assert slowed[2] == pytest.approx([0.1, 0.1, 0.025, 0.00625], rel=1e-5)

    def test_the_factor_is_the_user_s(self):
        rates, _ = fit_one_weight(one_weight(0.1), [SlowOnPlateau(factor=0.5, times=1)], epochs=50, held=-1)
        assert rates == pytest.approx([0.1, 0.1, 0.05], rel=1e-5)

    def test_the_best_weights_stay(self, slowed):
        model, callback, _, history = slowed
        # The first step, the best of all, goes from 0 to 0.1 * 2.
        assert callback.best_epoch == np.argmin(history["val_loss"]) == 0
        assert callback.best_weights[0][0, 0] == pytest.approx(0.2)
        assert model.get_weights()[0][0, 0] == pytest.approx(0.2)

    def test_training_goes_on_from_the_best_weights(self, slowed):
        after_best = [0.2 + rate * 2 * 0.8 for rate in (0.1, 0.025, 0.00625)]
        expected = [(weight + 1) ** 2 for weight in (0.2, *after_best)]
        assert slowed[3]["val_loss"] == pytest.approx(expected, rel=1e-5)

    def test_the_best_weights_stay_when_the_epochs_run_out(self):
        model = one_weight(0.1)
        fit_one_weight(model, [SlowOnPlateau(patience=9)], epochs=5, held=-1)
        assert model.get_weights()[0][0, 0] == pytest.approx(0.2)

    def test_a_lower_rate_that_helps_is_kept(self):
        # A rate above 1 leaps from side to side, further each time: 1, -1.1, 1.21. A quarter of it does not.
        model = one_weight(1.05, start=1.0)
        rates, history = fit_one_weight(model, [SlowOnPlateau()], epochs=6, held=0, goal=0)
        assert rates == pytest.approx([1.05, 1.05, *[1.05 / 4] * 4], rel=1e-5)
        assert history["val_loss"][-1] == min(history["val_loss"])
        assert model.get_weights()[0][0, 0] == pytest.approx(-1.1 * (1 - 1.05 / 2) ** 4, rel=1e-4)

    def test_a_hold_out_that_gets_better_changes_nothing(self):
        callback = SlowOnPlateau()
        rates, _ = fit_one_weight(one_weight(0.1), [callback], epochs=6, held=1)
        assert rates == pytest.approx([0.1] * 6)
        assert callback.best_epoch == 5

    def test_the_rate_is_back_at_the_end(self, slowed):
        assert float(slowed[0].optimizer.learning_rate) == pytest.approx(0.1)

    def test_a_second_training_with_one_object_starts_anew(self):
        callback = SlowOnPlateau(times=1)
        fit_one_weight(one_weight(0.1), [callback], epochs=1, held=-1e-3)
        again, _ = fit_one_weight(one_weight(0.1), [callback], epochs=50, held=-1)
        assert again == pytest.approx([0.1, 0.1, 0.025], rel=1e-5)

    def test_it_can_watch_the_training_loss(self):
        rates, _ = fit_one_weight(one_weight(1.05, start=1.0), [SlowOnPlateau("loss", times=0)], epochs=9, goal=0)
        assert len(rates) == 2

    def test_a_loss_that_is_no_number_stops_in_the_end(self):
        model = one_weight(0.1)
        rates, _ = fit_one_weight(model, [SlowOnPlateau()], epochs=50, held=np.nan)
        assert len(rates) == 3
        assert np.isfinite(model.get_weights()[0]).all()

    def test_a_name_that_no_epoch_gives_is_refused_with_those_there_are(self):
        with pytest.raises(ValueError, match=r"SlowOnPlateau watches 'val_los'.*\['loss', 'val_loss'\]"):
            fit_one_weight(one_weight(0.1), [SlowOnPlateau("val_los")], epochs=2, held=0)

    def test_without_a_hold_out_there_is_no_hold_out_s_loss(self):
        with pytest.raises(ValueError, match=r"watches 'val_loss', but an epoch gives \['loss'\]"):
            fit_one_weight(one_weight(0.1), [SlowOnPlateau()], epochs=2)


class TestSchedule:
    # They draw the one weight up, and want it down.
    UP, DOWN = Rows({"a": ONE}, ONE, None), Rows({"a": ONE}, -ONE, None)

    @staticmethod
    def network():
        inputs = keras.Input((1,), name="a")
        model = keras.Model({"a": inputs}, keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(inputs))
        model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
        return model

    def test_slowing_down_decides_when_to_stop_and_which_epoch_is_best(self):
        model, log = self.network(), RateLog()
        schedule = Schedule(50, 1, False, 0, patience=50, rate=SlowOnPlateau())
        history, best, *_ = train(model, self.UP, self.DOWN, schedule, [log], {})
        assert (len(history["loss"]), best) == (4, 1)
        assert log.rates == pytest.approx([0.1, 0.1, 0.025, 0.00625], rel=1e-5)
        assert model.get_weights()[0][0, 0] == pytest.approx(0.2)

    def test_annealed_training_keeps_the_best_epoch(self):
        model, log = self.network(), RateLog()
        history, best, *_ = train(
            model, self.UP, self.DOWN, Schedule(4, 1, False, 0, patience=4, rate=AnnealRate()), [log], {}
        )
        assert (len(history["loss"]), best) == (4, 1)
        assert log.rates == pytest.approx(annealed(0.1, 4), rel=1e-5)
        assert model.get_weights()[0][0, 0] == pytest.approx(0.1)

    @pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
    def test_annealed_training_that_improves_to_the_end_is_not_warned_about(self):
        _, best, *_ = train(
            self.network(), self.UP, self.UP, Schedule(3, 1, False, 0, patience=3, rate=AnnealRate()), [], {}
        )
        assert best == 3

    def test_without_a_patience_annealing_ends_with_the_last_epoch(self):
        _, best, *_ = train(self.network(), self.UP, None, Schedule(3, 1, False, 0, rate=AnnealRate()), [], {})
        assert best == 3


class TestAutoOptimizer:
    @pytest.mark.parametrize(
        ("target", "batch_size", "rate"),
        [
            (TargetSpec(), 256, 1e-2),
            (TargetSpec(), 64, 5e-3),
            (TargetSpec(n_classes=2, activation="sigmoid"), 256, 3e-3),
            (TargetSpec(n_classes=2, activation="sigmoid"), 64, 1.5e-3),
            (TargetSpec(n_classes=(3, 2), n_outputs=2), 256, 3e-3),
        ],
    )
    def test_the_rate_goes_with_the_root_of_the_batch(self, target, batch_size, rate):
        assert auto_learning_rate(bool(target.n_classes), batch_size) == pytest.approx(rate)

    @pytest.mark.parametrize(
        ("target", "rate"), [(TargetSpec(), 1e-2), (TargetSpec(n_classes=2, activation="sigmoid"), 6e-3)]
    )
    def test_classes_that_members_predict_take_twice_the_rate(self, target, rate):
        assert auto_learning_rate(bool(target.n_classes), 256, members=True) == pytest.approx(rate)

    def test_what_is_given_comes_first(self):
        given = {"optimizer__learning_rate": 0.5, "optimizer__clipnorm": 2.0, "optimizer__beta_1": 0.5}
        X, y = np.arange(40.0).reshape(20, 2), np.arange(20.0)
        fitted = MultiInputRegressor(epochs=1, random_state=0, **given).fit(X, y)
        optimizer = fitted.model_.optimizer
        assert type(optimizer) is keras.optimizers.Adam
        assert float(optimizer.learning_rate) == 0.5
        assert (optimizer.clipnorm, optimizer.beta_1) == (2, 0.5)


@pytest.mark.parametrize("callback", [AnnealRate(), SlowOnPlateau("loss")])
def test_a_rate_that_changes_by_itself_is_refused(callback):
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    with pytest.raises(ValueError, match=f"{type(callback).__name__} changes the .* the optimizer's is a CosineDecay"):
        fit_one_weight(one_weight(schedule), [callback], epochs=2)


# --- estimators


ROUTER = InputRouter([("numbers", NumberScaler(), ["a"])])
TEXT_ROUTER = InputRouter([("review", TextVectorizer(length=2), "review")])
FRAME = pd.DataFrame({"a": np.linspace(-1, 1, 40), "review": ["good food", "bad day"] * 20})
GOAL = FRAME["a"].to_numpy()
LABEL = np.array(["yes", "no"] * 20)
PARAMS = {
    "branches": {"numbers": DenseBranch(units=())},
    "head": DenseHead(units=()),
    "epochs": 3,
    # All rows at once.
    "batch_size": 64,
    "callbacks": [RateLog()],
    "random_state": 0,
    "compile__run_eagerly": True,
}
HELD = {"X_val": FRAME, "y_val": GOAL}
AUTO_RATE = 1e-2 * (40 / 256) ** 0.5


def regressor(**params):
    return MultiInputRegressor(ROUTER, **{**PARAMS, **params})


def reader(**params):
    """Return a classifier that reads texts."""
    branches = {"review": TextBranch("bag", embedding_dim=2, dropout=0.0)}
    return MultiInputClassifier(TEXT_ROUTER, **{**PARAMS, "branches": branches, **params})


def rates(est):
    """Return the rate of each epoch of the last fit."""
    return next(callback for callback in est.callbacks_ if isinstance(callback, RateLog)).rates


@pytest.fixture(scope="module")
def automatic():
    return regressor().fit(FRAME, GOAL)


class TestOptimizerAuto:
    def test_it_is_the_default(self):
        assert MultiInputRegressor().optimizer == MultiInputClassifier().optimizer == "auto"

    def test_it_is_adam_as_keras_has_it_but_for_the_rate(self, automatic):
        config, plain = (
            {key: value for key, value in optimizer.get_config().items() if key not in ("name", "learning_rate")}
            for optimizer in (automatic.model_.optimizer, keras.optimizers.Adam())
        )
        assert type(automatic.model_.optimizer) is keras.optimizers.Adam
        assert config == plain

    def test_a_regression_has_the_rate_of_its_batch(self, automatic):
        assert float(automatic.model_.optimizer.learning_rate) == pytest.approx(AUTO_RATE)

    def test_classes_have_a_lower_rate(self):
        est = reader(epochs=1).fit(FRAME, LABEL)
        assert float(est.model_.optimizer.learning_rate) == pytest.approx(AUTO_RATE * 0.3)

    def test_smaller_batches_have_a_lower_rate(self):
        est = regressor(epochs=1, batch_size=16).fit(FRAME, GOAL)
        assert float(est.model_.optimizer.learning_rate) == pytest.approx(1e-2 / 4)

    def test_the_rate_is_annealed(self, automatic):
        assert rates(automatic) == pytest.approx(annealed(AUTO_RATE, 3), rel=1e-5)

    def test_the_user_s_optimizer_object_or_name_stays_constant(self):
        for optimizer in ("adam", keras.optimizers.SGD(1e-3)):
            assert rates(regressor(optimizer=optimizer).fit(FRAME, GOAL)) == pytest.approx([1e-3] * 3)

    def test_a_rate_given_stays_constant(self):
        assert rates(regressor(optimizer__learning_rate=0.25).fit(FRAME, GOAL)) == pytest.approx([0.25] * 3)

    def test_a_schedule_of_keras_as_rate_is_taken(self):
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.3, 0.1])
        est = regressor(optimizer__learning_rate=schedule).fit(FRAME, GOAL)
        # A step an epoch; to Keras a boundary belongs to the earlier rate.
        assert rates(est) == pytest.approx([0.3, 0.3, 0.1])

    @pytest.mark.parametrize(
        ("name", "value"), [("clipnorm", 0.5), ("global_clipnorm", 0.5), ("weight_decay", 0.01), ("beta_1", 0.5)]
    )
    def test_other_parameters_of_adam_pass_and_the_rate_is_annealed_still(self, name, value):
        est = regressor(**{f"optimizer__{name}": value}).fit(FRAME, GOAL)
        assert est.model_.optimizer.get_config()[name] == value
        assert rates(est) == pytest.approx(annealed(AUTO_RATE, 3), rel=1e-5)

    def test_a_misspelt_parameter_is_refused_with_the_closest(self):
        with pytest.raises(ValueError, match=r"learning_rat\b.*learning_rate"):
            regressor(optimizer__learning_rat=0.1).fit(FRAME, GOAL)

    def test_a_search_tries_it_beside_others(self):
        grid = {"optimizer": ["auto", "adam"]}
        search = GridSearchCV(regressor(epochs=1), grid, cv=2, error_score="raise", refit=False).fit(FRAME, GOAL)
        scores = search.cv_results_["mean_test_score"]
        assert np.isfinite(scores).all()
        assert scores[0] != scores[1]

    def test_one_seed_gives_equal_fits(self, automatic):
        twin = clone(automatic).fit(FRAME, GOAL)
        np.testing.assert_array_equal(twin.predict(FRAME), automatic.predict(FRAME))


class TestRateOfAFit:
    def test_an_annealed_fit_runs_all_epochs_and_keeps_the_best(self):
        # The hold-out wants the opposite.
        est = regressor(epochs=14).fit(FRAME, GOAL, X_val=FRAME, y_val=-GOAL)
        assert est.n_iter_ == 14
        assert est.best_epoch_ == np.argmin(est.history_["val_loss"]) + 1
        assert rates(est) == pytest.approx(annealed(AUTO_RATE, 14), rel=1e-4)

    def test_a_constant_rate_stops_after_ten_epochs_without_improvement(self):
        est = regressor(epochs=50, optimizer__learning_rate=0.3).fit(FRAME, GOAL, X_val=FRAME, y_val=-GOAL)
        assert est.n_iter_ == est.best_epoch_ + 10 < 50

    def test_a_number_of_epochs_to_wait_means_a_constant_rate(self):
        est = regressor(n_iter_no_change=1, epochs=50)
        est.fit(FRAME, GOAL, X_val=FRAME, y_val=-GOAL)
        assert est.n_iter_ == est.best_epoch_ + 1 < 50
        assert set(rates(est)) == {rates(est)[0]}
        assert rates(est)[0] == pytest.approx(AUTO_RATE)

    def test_text_with_a_hold_out_slows_down_on_a_plateau(self):
        est = reader(epochs=50).fit(FRAME, LABEL, X_val=FRAME, y_val=LABEL[::-1])
        rate = AUTO_RATE * 0.3
        assert rates(est) == pytest.approx([rate, rate, rate / 4, rate / 16], rel=1e-5)
        assert (est.n_iter_, est.best_epoch_) == (4, 1)

    def test_the_best_epoch_of_text_is_what_predicts(self):
        est = reader(epochs=50).fit(FRAME, LABEL, X_val=FRAME, y_val=LABEL[::-1])
        wrong = est.predict_proba(FRAME)[np.arange(40), (LABEL[::-1] == "yes").astype(int)]
        assert -np.log(wrong).mean() == pytest.approx(min(est.history_["val_loss"]), rel=1e-4)

    def test_text_without_a_hold_out_is_annealed(self):
        est = reader().fit(FRAME, LABEL)
        assert rates(est) == pytest.approx(annealed(AUTO_RATE * 0.3, 3), rel=1e-5)

    def test_text_that_may_not_stop_early_is_annealed(self):
        est = reader(early_stopping=False).fit(FRAME, LABEL, X_val=FRAME, y_val=LABEL)
        assert rates(est) == pytest.approx(annealed(AUTO_RATE * 0.3, 3), rel=1e-5)

    def test_numbers_with_a_hold_out_are_annealed(self):
        assert rates(regressor().fit(FRAME, GOAL, **HELD)) == pytest.approx(annealed(AUTO_RATE, 3), rel=1e-5)

    def test_epochs_without_validation_are_passed_over(self):
        est = reader(epochs=4, fit__validation_freq=2).fit(FRAME, LABEL, X_val=FRAME, y_val=LABEL)
        assert len(est.history_["val_loss"]) == 2

    def test_chunks_have_a_constant_rate(self):
        est = regressor()
        for _ in range(2):
            est.partial_fit(FRAME, GOAL)
            assert rates(est) == pytest.approx([AUTO_RATE])

    def test_a_warm_start_anneals_again(self):
        est = regressor(warm_start=True).fit(FRAME, GOAL)
        first = rates(est)
        est.fit(FRAME, GOAL)
        assert est.n_iter_ == 6
        assert rates(est) == first

    def test_a_chunk_after_a_fit_has_the_whole_rate(self):
        est = regressor().fit(FRAME, GOAL).partial_fit(FRAME, GOAL)
        assert rates(est) == pytest.approx([AUTO_RATE])

    def test_a_user_s_optimizer_can_be_annealed(self):
        callbacks = [RateLog(), AnnealRate()]
        est = regressor(optimizer="sgd", optimizer__learning_rate=0.1, callbacks=callbacks).fit(FRAME, GOAL)
        assert rates(est) == pytest.approx(annealed(0.1, 3), rel=1e-5)
        assert float(est.model_.optimizer.learning_rate) == pytest.approx(0.1)

    def test_a_user_s_optimizer_can_slow_down(self):
        callbacks = [RateLog(), SlowOnPlateau(times=0)]
        est = regressor(optimizer="sgd", epochs=50, callbacks=callbacks, early_stopping=False)
        est.fit(FRAME, GOAL, X_val=FRAME, y_val=-GOAL)
        assert est.n_iter_ < 50
        assert -est.score(FRAME, -GOAL) < 10

    def test_callbacks_of_the_user_run_beside_it(self):
        stop = keras.callbacks.EarlyStopping("loss", patience=0, mode="max")
        est = regressor(callbacks=[RateLog(), stop], epochs=9).fit(FRAME, GOAL)
        assert est.n_iter_ == 2
        assert rates(est) == pytest.approx(annealed(AUTO_RATE, 9)[:2], rel=1e-5)
        assert not any(isinstance(callback, AnnealRate | SlowOnPlateau) for callback in est.callbacks_)

    def test_a_rate_that_a_callback_of_the_user_sets_is_that_of_the_epoch(self):
        scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.125)
        est = regressor(callbacks=[scheduler, RateLog()]).fit(FRAME, GOAL)
        assert rates(est) == pytest.approx([0.125] * 3)

    def test_objects_of_the_user_are_left_as_they_were(self):
        callback = AnnealRate()
        regressor(optimizer="adam", epochs=1, callbacks=[callback, RateLog()]).fit(FRAME, GOAL)
        assert not hasattr(callback, "first_rate")
