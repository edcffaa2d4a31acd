"""scikit-learn's callbacks: what they are told of a fit, and that they can end it."""

import copy
import io
import pickle
import re

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmulti import (
    DenseBranch,
    DenseHead,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
)

sklearn_callback = pytest.importorskip("sklearn.callback")

EPOCHS = 3


class Recorder:
    """Keeps what each hook was given."""

    max_propagation_depth = None

    def __init__(self, keep=(), stop_after=None):
        self.keep = keep
        self.stop_after = stop_after
        self.events = []

    def setup(self, estimator, context):
        self.events.append(("setup", context.task_name, context.task_id))

    def teardown(self, estimator, context):
        self.events.append(("teardown", context.task_name, context.task_id))

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X, y, metadata):
        self.events.append(("end", context.task_name, context.task_id))
        self.last = {"X": X, "y": y, "metadata": metadata, "max_subtasks": context.max_subtasks}
        return context.task_name == "epoch" and context.task_id == self.stop_after


class Keeper:
    """Keeps the fitted estimator of each epoch."""

    def __init__(self):
        self.fitted = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name == "epoch":
            self.fitted.append(fitted_estimator)


def make(cls=MultiInputClassifier, **params):
    params = {"epochs": EPOCHS, "early_stopping": False, "random_state": 0, "optimizer__learning_rate": 0.05} | params
    router = InputRouter([("numbers", NumberScaler(), ["a", "b"])])
    branches = {"numbers": DenseBranch(units=(4,), dropout=0.2)}
    return cls(router, branches=branches, head=DenseHead(units=()), **params)


@pytest.fixture(scope="module")
def X():
    return pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["a", "b"])


@pytest.fixture(scope="module")
def y(X):
    return np.where(X["a"] + X["b"] > 0, "up", "down")


class TestTasks:
    def test_a_fit_is_a_task_and_each_epoch_is_one_within_it(self, X, y):
        recorder = Recorder()
        make().set_callbacks(recorder).fit(X, y)
        epochs = [(hook, "epoch", i) for i in range(EPOCHS) for hook in ("begin", "end")]
        assert recorder.events == [
            ("setup", "fit", 0),
            ("begin", "fit", 0),
            *epochs,
            ("end", "fit", 0),
            ("teardown", "fit", 0),
        ]

    def test_a_fit_of_several_networks_is_a_task_without_epochs(self, X, y):
        recorder = Recorder()
        make(n_networks=2, epochs=1).set_callbacks(recorder, sklearn_callback.ProgressBar()).fit(X, y)
        hooks = ("setup", "begin", "end", "teardown")
        assert recorder.events == [(hook, "fit", 0) for hook in hooks]

    def test_callbacks_are_given_the_rows_that_train(self, X, y):
        recorder = Recorder()
        weight = np.linspace(0.5, 1.5, len(y))
        make().set_callbacks(recorder).fit(X, y, sample_weight=weight)
        pd.testing.assert_frame_equal(recorder.last["X"], X)
        np.testing.assert_array_equal(recorder.last["y"], y)
        np.testing.assert_allclose(recorder.last["metadata"]["sample_weight"], weight)
        assert recorder.last["max_subtasks"] == EPOCHS

    def test_held_out_rows_are_not_among_them(self, X, y):
        recorder = Recorder()
        make(early_stopping=True, validation_fraction=0.25).set_callbacks(recorder).fit(X, y)
        assert len(recorder.last["X"]) == len(recorder.last["y"]) == 30

    def test_callbacks_change_no_result(self, X, y):
        plain = make().fit(X, y)
        told = make().set_callbacks(Recorder(), Keeper()).fit(X, y)
        np.testing.assert_array_equal(told.predict_proba(X), plain.predict_proba(X))

    def test_a_warm_start_is_a_task_of_its_own(self, X, y):
        recorder = Recorder()
        clf = make(warm_start=True).fit(X, y)
        clf.set_callbacks(recorder).fit(X, y)
        assert [event[2] for event in recorder.events if event[:2] == ("end", "epoch")] == list(range(EPOCHS))

    def test_a_fit_that_fails_tears_callbacks_down(self, X, y):
        recorder = Recorder()
        with pytest.raises(InputMismatchError, match="'b'"):
            make().set_callbacks(recorder).fit(X[["a"]], y)
        assert recorder.events[-1] == ("teardown", "fit", 0)

    def test_partial_fit_is_no_task(self, X, y):
        recorder = Recorder()
        make().set_callbacks(recorder).partial_fit(X, y)
        assert recorder.events == []

    def test_something_else_is_refused(self):
        with pytest.raises(TypeError, match="FitCallback"):
            make().set_callbacks(keras.callbacks.EarlyStopping())


class TestStopping:
    @pytest.mark.parametrize("cls", [MultiInputClassifier, MultiInputRegressor])
    def test_a_callback_ends_the_fit(self, X, y, cls):
        est = make(cls, epochs=20).set_callbacks(Recorder(stop_after=1)).fit(X, (y == "up").astype(float))
        assert est.n_iter_ == len(est.history_["loss"]) == 2

    def test_what_was_learned_until_then_stays(self, X, y):
        stopped = make(epochs=20).set_callbacks(Recorder(stop_after=1)).fit(X, y)
        np.testing.assert_array_equal(stopped.predict_proba(X), make(epochs=2).fit(X, y).predict_proba(X))

    def test_keras_callbacks_work_beside_them(self, X, y):
        seen = []
        keras_callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
        recorder = Recorder(stop_after=4)
        stop = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=1e9)
        clf = make(epochs=20, callbacks=[keras_callback, stop]).set_callbacks(recorder).fit(X, y)
        # Whoever says stop first: an epoch that improves by less than `min_delta` does.
        assert clf.n_iter_ == 2
        assert len([event for event in recorder.events if event[:2] == ("end", "epoch")]) == 2


@pytest.fixture(scope="module")
def kept(X, y):
    keeper = Keeper()
    clf = make().set_callbacks(keeper).fit(X, y)
    return keeper.fitted, clf


class TestFittedEstimators:
    def test_each_epoch_has_the_estimator_that_stopping_there_would_have_given(self, kept, X, y):
        for n_epochs, fitted in enumerate(kept[0], 1):
            expected = make(epochs=n_epochs).fit(X, y)
            np.testing.assert_allclose(fitted.predict_proba(X), expected.predict_proba(X), rtol=1e-6)
            assert fitted.n_iter_ == n_epochs
            assert fitted.history_ == expected.history_

    def test_it_can_be_pickled(self, kept, X):
        fitted = kept[0][0]
        again = pickle.loads(pickle.dumps(fitted.set_callbacks()))
        np.testing.assert_allclose(again.predict_proba(X), fitted.predict_proba(X), rtol=1e-6)

    def test_the_estimator_itself_is_another(self, kept, X):
        fitted, clf = kept
        assert fitted[-1].model_ is not clf.model_
        np.testing.assert_allclose(fitted[-1].predict_proba(X), clf.predict_proba(X), rtol=1e-6)


class TestShallowCopy:
    def test_a_copy_has_a_network_of_its_own(self, X, y):
        clf = make(warm_start=True).fit(X, y)
        before = clf.predict_proba(X)
        copy.copy(clf).fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), before)


class TestScoringMonitor:
    def test_a_score_is_recorded_for_each_epoch_and_the_fit(self, X, y):
        monitor = sklearn_callback.ScoringMonitor(scoring="accuracy")
        clf = make().set_callbacks(monitor).fit(X, y)
        log = monitor.get_logs().data_as_pandas
        assert log["task_name"].tolist() == ["fit"] + ["epoch"] * EPOCHS
        for n_epochs, score in enumerate(log["accuracy"][1:], 1):
            assert score == accuracy_score(y, make(epochs=n_epochs).fit(X, y).predict(X))
        assert log["accuracy"][0] == clf.score(X, y)

    def test_weights_reach_the_score(self, X, y):
        monitor = sklearn_callback.ScoringMonitor(scoring="accuracy")
        weight = np.where(y == "up", 3.0, 0.5)
        clf = make().set_callbacks(monitor).fit(X, y, sample_weight=weight)
        assert monitor.get_logs().data[0]["accuracy"] == pytest.approx(clf.score(X, y, weight))

    @pytest.mark.parametrize("n_jobs", [None, 2])
    def test_a_search_records_every_epoch_of_every_fold(self, X, y, n_jobs):
        monitor = sklearn_callback.ScoringMonitor(scoring="accuracy")
        clf = make(epochs=2).set_callbacks(monitor)
        GridSearchCV(clf, {"merge": ["concatenate", "add"]}, cv=2, n_jobs=n_jobs, refit=False).fit(X, y)
        log = monitor.get_logs().data_as_pandas
        epochs = log[log["task_name"] == "epoch"]
        assert len(epochs) == 2 * 2 * 2
        assert epochs.groupby("parent_task_id_path").size().tolist() == [2] * 4


class TestProgressBar:
    @pytest.fixture
    def drawn(self, monkeypatch):
        """What a terminal would show."""
        rich = pytest.importorskip("rich")
        out = io.StringIO()
        console = rich.console.Console(file=out, force_terminal=True, width=200)
        monkeypatch.setattr(rich, "_console", console)
        return lambda: re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue())

    def test_it_draws_the_epochs_of_a_fit(self, X, y, drawn):
        make().set_callbacks(sklearn_callback.ProgressBar()).fit(X, y)
        assert re.search(r"MultiInputClassifier - fit .*100%", drawn())

    def test_it_draws_grid_fold_and_epoch(self, X, y, drawn):
        search = GridSearchCV(make(epochs=2), {"merge": ["concatenate", "add"]}, cv=2)
        search.set_callbacks(sklearn_callback.ProgressBar()).fit(X, y)
        shown = drawn()
        assert re.search(r"GridSearchCV - fit .*100%", shown)
        assert re.search(r"MultiInputClassifier - fit #\d.*100%", shown)

    def test_it_goes_through_a_pipeline(self, X, y, drawn):
        pipeline = make_pipeline(FunctionTransformer(), make())
        pipeline.set_callbacks(sklearn_callback.ProgressBar()).fit(X, y)
        assert re.search(r"MultiInputClassifier - fit #1.*100%", drawn())


def test_callbacks_travel_with_clones_and_pickles(X, y, tmp_path):
    monitor = sklearn_callback.ScoringMonitor(scoring="accuracy")
    clf = make().set_callbacks(monitor).fit(X, y)
    joblib.dump(clf, tmp_path / "clf.joblib")
    np.testing.assert_allclose(joblib.load(tmp_path / "clf.joblib").predict_proba(X), clf.predict_proba(X), rtol=1e-6)
