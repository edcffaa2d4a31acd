"""What becomes of callbacks, metrics, losses and optimizers that a user gives as objects."""

import io
import pickle
import threading

import keras
import numpy as np
import pytest
from estimator_cases import assert_equal_weights, classifier
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score


class Recorder(keras.callbacks.Callback):
    """Counts epochs, and fills a list."""

    def __init__(self):
        super().__init__()
        self.count, self.seen = 0, []

    def on_epoch_end(self, epoch, logs=None):
        self.count += 1
        self.seen.append(epoch)


class Locked(Recorder):
    """Holds a lock, as a connection or a progress bar does."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


class Logged(Recorder):
    """Holds an open file."""

    def __init__(self, path):
        super().__init__()
        self.file = open(path, "w")  # noqa: SIM115

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        self.file.write(f"{epoch}\n")
        self.file.flush()


class Marked(Recorder):
    """Says that there is only one of it."""

    def __copy__(self):
        return self


class Above(keras.metrics.Metric):
    """The mean share of predictions above a threshold, as a user would write it: without `get_config`."""

    def __init__(self, threshold=0.5, name="above", **kwargs):
        super().__init__(name=name, **kwargs)
        self.threshold = threshold
        self.total = self.add_weight(name="total", initializer="zeros")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(keras.ops.sum(keras.ops.cast(y_pred > self.threshold, "float32")))
        self.count.assign_add(keras.ops.cast(keras.ops.size(y_pred), "float32"))

    def result(self):
        return self.total / self.count


class Hidden(Above):
    """Keeps its argument under another name, so that it cannot be made again."""

    def __init__(self, limit, name="hidden"):
        super().__init__(limit, name=name)


def distance(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(keras.ops.cast(y_true, y_pred.dtype) - y_pred), axis=-1)


class Distance(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return distance(y_true, y_pred)


class TestCallbacks:
    def test_the_list_that_it_holds_is_the_users_and_its_numbers_are_not(self, X, y):
        own = Recorder()
        est = classifier(callbacks=[own], epochs=2).fit(X, y)
        assert (own.seen, own.count, own._model) == ([0, 1], 0, None)
        assert (est.callbacks_[0].seen, est.callbacks_[0].count) == ([0, 1], 2)

    @pytest.mark.parametrize("kind", [Locked, Marked])
    def test_what_cannot_or_must_not_be_copied_is_used_itself(self, X, y, kind):
        own = kind()
        est = classifier(callbacks={"mine": [own]}, epochs=2).fit(X, y)
        assert est.callbacks_ == [own]
        assert own.count == 2
        assert clone(est).callbacks["mine"][0] is own

    def test_an_open_file_is_written(self, X, y, tmp_path):
        own = Logged(tmp_path / "log")
        cross_val_score(classifier(callbacks=own), X, y, cv=2, error_score="raise")
        own.file.close()
        assert (tmp_path / "log").read_text() == "0\n0\n"

    @pytest.mark.parametrize("kind", [Recorder, Locked, Marked])
    def test_a_callback_changes_no_weights(self, X, y, fitted, kind):
        est = classifier(callbacks=[kind()])
        assert_equal_weights(est.fit(X, y), classifier().fit(X, y))

    def test_stopping_begins_anew_in_a_second_fit(self, X, y):
        own = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=1e9)
        est = classifier(callbacks=[own], epochs=5).fit(X, y)
        first = est.n_iter_
        assert (first, est.fit(X, y).n_iter_, own.stopped_epoch) == (2, 2, 0)

    @pytest.mark.parametrize("kind", [Locked, Marked])
    def test_pickles_leave_it_out_and_say_so(self, X, y, kind):
        est = classifier(callbacks=[kind(), Recorder()]).fit(X, y)
        with pytest.warns(UserWarning, match=rf"no '{kind.__name__}' in `callbacks`.*Set `callbacks` again"):
            loaded = pickle.loads(pickle.dumps(est))
        np.testing.assert_array_equal(loaded.predict(X), est.predict(X))
        assert [type(callback) for callback in loaded.callbacks] == [keras.callbacks.Callback, Recorder]
        assert loaded.callbacks_[1].count == 1

    def test_tqdm_draws_its_bar(self, X, y):
        tqdm = pytest.importorskip("tqdm.keras")
        drawn = io.StringIO()
        own = tqdm.TqdmCallback(verbose=0, file=drawn)
        est = classifier(callbacks=[own], epochs=3).fit(X, y)
        assert own.epoch_bar.n == 3
        assert "3/3" in drawn.getvalue()
        assert cross_val_score(est, X, y, cv=2, error_score="raise").shape == (2,)

    def test_optuna_prunes(self, X, y):
        optuna = pytest.importorskip("optuna")
        KerasPruningCallback = pytest.importorskip("optuna_integration.keras").KerasPruningCallback
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=0.0))

        def objective(trial):
            classifier(callbacks=[KerasPruningCallback(trial, "loss")], epochs=3).fit(X, y)

        study.optimize(objective, n_trials=1)
        assert study.trials[0].state == optuna.trial.TrialState.PRUNED
        assert list(study.trials[0].intermediate_values) == [0]


class TestMetrics:
    @pytest.mark.parametrize("metrics", [[Above], Above, [Above()], Above(), [Above(0.5, name="above")]])
    def test_a_class_of_the_users_needs_no_registration(self, X, y, metrics):
        est = classifier(metrics=metrics).fit(X, y)
        assert 0 <= est.history_["above"][0] <= 1

    @pytest.mark.parametrize("metric", [Above(-1.0), Hidden(-1.0)])
    def test_what_it_was_given_is_kept(self, X, y, metric):
        est = classifier(metrics=[metric]).fit(X, y)
        assert est.history_[metric.name] == [1.0]
        assert clone(est).fit(X, y).history_[metric.name] == [1.0]

    def test_the_users_object_stays_as_it_is(self, X, y):
        own = Above(-1.0)
        classifier(metrics=[own]).fit(X, y)
        assert float(own.count.numpy()) == 0

    @pytest.mark.parametrize("metrics", [[distance], distance, {"name": distance}])
    def test_a_function_is_a_metric(self, X, y, metrics):
        assert "distance" in classifier(metrics=metrics).fit(X, y).history_

    def test_pickles_hold_what_was_given(self, X, y):
        est = classifier(metrics=[Above(-1.0), keras.metrics.AUC(curve="PR")], loss=Distance()).fit(X, y)
        loaded = pickle.loads(pickle.dumps(est))
        assert (loaded.metrics[0].threshold, loaded.metrics[1].curve.value) == (-1.0, "PR")
        assert isinstance(loaded.loss, Distance)
        np.testing.assert_array_equal(loaded.predict(X), est.predict(X))


OBJECTS = {
    "optimizer": lambda: keras.optimizers.Adam(1e-3),
    "loss": keras.losses.BinaryCrossentropy,
    "metrics": lambda: [keras.metrics.AUC(), Above(0.3)],
}


class TestClones:
    @pytest.mark.parametrize("name", OBJECTS)
    @pytest.mark.parametrize("fits", [False, True])
    def test_objects_are_cloned_before_and_after_a_fit(self, X, y, name, fits):
        est = classifier(**{name: OBJECTS[name]()})
        twin = clone(est.fit(X, y) if fits else est)
        assert twin.get_params().keys() == est.get_params().keys()
        assert not hasattr(twin, "model_")
        twin.fit(X, y)

    def test_they_are_cross_validated(self, X, y):
        given = {name: make() for name, make in OBJECTS.items()}
        assert cross_val_score(classifier(**given), X, y, cv=2, error_score="raise").shape == (2,)
        assert not given["optimizer"].built

    def test_they_are_searched_over(self, X, y):
        grid = {"optimizer": [keras.optimizers.Adam(1e-3), keras.optimizers.SGD(0.1)]}
        search = GridSearchCV(classifier(loss=Distance()), grid, cv=2, error_score="raise").fit(X, y)
        assert type(search.best_estimator_.model_.optimizer) is type(search.best_params_["optimizer"])

    def test_clones_do_not_share_what_a_fit_changes(self, X, y):
        est = classifier(optimizer=keras.optimizers.Adam(1e-3), metrics=[keras.metrics.AUC()])
        one, two = clone(est).fit(X, y), clone(est).fit(X, y)
        assert one.model_.optimizer is not two.model_.optimizer
        assert_equal_weights(one, two)
