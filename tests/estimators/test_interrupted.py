"""Interrupted fits: Ctrl-C, a kill, and what is left of them."""

import json
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from estimator_cases import classifier, frame, regressor
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted
from threads import python_threads

from skmulti import CheckpointWarning, DenseBranch, InterruptedFitWarning, MultiInputClassifier

pytestmark = pytest.mark.long

PROGRAM = Path(__file__).with_name("interrupted_fits.py")


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """What became of fits that were killed, and of fits that got a SIGINT, in processes of their own."""
    folder = tmp_path_factory.mktemp("checkpoints")
    killed = subprocess.run([sys.executable, PROGRAM, "kill", folder], capture_output=True, timeout=200, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    run = subprocess.run(
        [sys.executable, PROGRAM, "go_on", folder], capture_output=True, text=True, timeout=200, check=False
    )
    assert "RESULT" in run.stdout, run.stderr[-2000:]
    return json.loads(run.stdout.partition("RESULT")[2])


@pytest.mark.parametrize("name", ["words", "photos", "generator"])
def test_a_fit_that_was_killed_ends_with_the_same_bits(real, name):
    had_epochs, equal, left = real[0][name]
    assert had_epochs
    assert equal
    assert left == []


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("while encoding", "raised"),
        ("while decoding", "ended with 1 warning"),
        ("in a dataset", "ended with 1 warning"),
        ("in a table", "ended with 1 warning"),
    ],
)
def test_after_ctrl_c_no_thread_no_file_and_no_process_is_left(real, name, how):
    assert real[1][name] == [how, "nothing"]


class Interrupt(keras.callbacks.Callback):
    """Interrupts once at an epoch's end, or within the epoch after it."""

    def __init__(self, epoch, within=False, log=None):
        super().__init__()
        self.epoch = epoch
        self.within = within
        self.log = [] if log is None else log

    def on_epoch_end(self, epoch, logs=None):
        self.log.append(self.model.get_weights())
        if epoch == self.epoch and not self.within:
            raise KeyboardInterrupt

    def on_train_batch_end(self, batch, logs=None):
        if len(self.log) == self.epoch + 1 and self.within:
            raise KeyboardInterrupt

    def on_train_end(self, logs=None):
        self.log.append("end")


def fit_interrupted(est, *rows, message=""):
    with pytest.warns(InterruptedFitWarning, match=message):
        return est.fit(*rows)


class TestAfterAnEpoch:
    @pytest.mark.parametrize("within", [False, True])
    def test_the_last_whole_epoch_is_kept(self, X, y, within):
        log = []
        est = classifier(epochs=5, batch_size=8, callbacks=[Interrupt(1, within, log)])
        fit_interrupted(est, X, y, message=r"after epoch 2; its weights are kept\. Fit again")
        check_is_fitted(est)
        assert est.n_iter_ == est.best_epoch_ == len(est.history_["loss"]) == 2
        assert log[-1] == "end"
        for kept, whole in zip(est.model_.get_weights(), log[1], strict=True):
            np.testing.assert_array_equal(kept, whole)

    def test_the_best_weights_are_kept(self, X, target):
        log = []

        class Spoil(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 2:
                    self.model.set_weights([weight + 9 for weight in self.model.get_weights()])

        est = regressor(
            epochs=9,
            callbacks=[Spoil(), Interrupt(3, log=log)],
            early_stopping=True,
            validation_fraction=0.3,
            optimizer="adam",
        )
        fit_interrupted(est, X, target, message="after epoch 4; the weights of epoch 2, the best so far, are kept")
        assert (est.n_iter_, est.best_epoch_) == (4, 2)
        for kept, best in zip(est.model_.get_weights(), log[1], strict=True):
            np.testing.assert_array_equal(kept, best)

    def test_the_rate_of_a_planned_fit_is_put_back(self, X, y):
        est = fit_interrupted(classifier(epochs=5, callbacks=[Interrupt(1)]), X, y)
        assert float(est.model_.optimizer.learning_rate) == pytest.approx(est.recipe_.learning_rate)

    def test_a_pipeline_ends_fitted(self, X, y):
        pipe = make_pipeline("passthrough", classifier(epochs=5, callbacks=[Interrupt(0)]))
        assert len(fit_interrupted(pipe, X, y).predict(X)) == len(X)

    def test_warm_start_goes_on_from_there(self, X, y):
        est = classifier(epochs=2, warm_start=True, callbacks=[Interrupt(0)])
        fit_interrupted(est, X, y)
        est.set_params(callbacks=None).fit(X, y)
        assert est.n_iter_ == 3

    def test_as_an_error_it_stops_loops_and_leaves_no_fit(self, X, y):
        est = classifier(epochs=5, callbacks=[Interrupt(0)])
        with warnings.catch_warnings():
            warnings.simplefilter("error", InterruptedFitWarning)
            with pytest.raises(InterruptedFitWarning):
                est.fit(X, y)
        assert not hasattr(est, "model_")

    def test_scikit_learns_callbacks_hear_of_the_end(self, X, y):
        pytest.importorskip("sklearn.callback")
        heard = []

        class Listener:
            def setup(self, estimator, context):
                heard.append("setup")

            def on_fit_task_begin(self, *args, **kwargs):
                heard.append("begin")

            def on_fit_task_end(self, *args, **kwargs):
                heard.append("end")

            def teardown(self, estimator, context):
                heard.append("teardown")

        est = classifier(epochs=5, callbacks=[Interrupt(1)]).set_callbacks(Listener())
        fit_interrupted(est, X, y)
        # The fit and its epochs; the last one was interrupted before it was told of.
        assert heard == ["setup", *["begin"] * 2, "end", "begin", "end", "teardown"]

    def test_no_thread_of_keras_is_left(self, X, y):
        before = python_threads()

        class Batches(keras.callbacks.Callback):
            async_safe = True

            def on_train_batch_end(self, batch, logs=None):
                pass

        class Stop(keras.callbacks.Callback):
            def on_test_end(self, logs=None):
                if self.model.optimizer.iterations > 5:
                    raise KeyboardInterrupt

        est = classifier(epochs=9, callbacks=[Batches(), Stop()], early_stopping=True, validation_fraction=0.3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InterruptedFitWarning)
            est.fit(X, y)
        assert python_threads() <= before


class TestRaised:
    def test_before_the_first_epoch_ends_nothing_is_fitted(self, X, y):
        est = classifier(epochs=5, callbacks=[Interrupt(-1, within=True)])
        with pytest.raises(KeyboardInterrupt):
            est.fit(X, y)
        assert not [name for name in vars(est) if name.endswith("_")]

    @pytest.mark.parametrize("warm_start", [False, True])
    def test_the_former_fit_stays(self, X, y, warm_start):
        est = classifier(warm_start=warm_start).fit(X, y)
        before, history = est.predict_proba(X), dict(est.history_)
        est.set_params(callbacks=[Interrupt(-1, within=True)], batch_size=8)
        with pytest.raises(KeyboardInterrupt):
            est.fit(X, y)
        np.testing.assert_array_equal(est.predict_proba(X), before)
        assert est.history_ == history

    def test_so_does_what_partial_fit_has_learned(self, X, y):
        est = classifier().partial_fit(X, y, ["no", "yes"])
        before = est.predict_proba(X)
        with pytest.raises(KeyboardInterrupt):
            est.set_params(callbacks=[Interrupt(-1, within=True)]).partial_fit(X, y)
        np.testing.assert_array_equal(est.predict_proba(X), before)

    def test_an_error_leaves_the_former_fit_too(self, X, y, fitted):
        est = classifier().fit(X, y)
        with pytest.raises(ValueError, match="column"):
            est.set_params(router=None).fit(X[[]], y)
        assert len(est.predict(X)) == len(X)

    def test_a_search_is_stopped(self, X, y):
        log = []
        search = GridSearchCV(classifier(epochs=3, callbacks=[Interrupt(1, log=log)]), {"shuffle": [True, False]}, cv=2)
        with pytest.raises(KeyboardInterrupt):
            search.fit(X, y)
        assert len(log) == 3  # two epochs, and the end

    def test_a_second_interrupt_is_raised(self, X, y):
        class Twice(Interrupt):
            def on_train_end(self, logs=None):
                raise KeyboardInterrupt

        est = classifier(epochs=3, callbacks=[Twice(0)])
        with pytest.raises(KeyboardInterrupt):
            est.fit(X, y)
        assert not hasattr(est, "model_")


class Fail(keras.callbacks.Callback):
    """Breaks a fit off once at the end of each of some epochs, as a kill would."""

    def __init__(self, *epochs, error=RuntimeError):
        super().__init__()
        # A set, which no checkpoint keeps.
        self.left = set(epochs)
        self.raised = error

    def on_epoch_end(self, epoch, logs=None):
        if epoch in self.left:
            self.left.remove(epoch)
            raise self.raised("broken off")


def breaks_off(est, *rows):
    with pytest.raises(RuntimeError, match="broken off"):
        est.fit(*rows)
    return est


def weights(est):
    return [array.tobytes() for array in est.model_.get_weights()]


class TestCheckpoint:
    def test_an_interrupted_fit_goes_on(self, X, y, tmp_path):
        est = classifier(epochs=4, callbacks=[Fail(1, error=KeyboardInterrupt)], checkpoint=tmp_path)
        fit_interrupted(est, X, y, message="Call fit again to go on from the checkpoint")
        assert est.n_iter_ == 2
        assert weights(est.fit(X, y)) == weights(classifier(epochs=4).fit(X, y))
        assert list(tmp_path.iterdir()) == []

    def test_warm_start_goes_on_from_its_checkpoint(self, X, y, tmp_path):
        whole = classifier(epochs=2, warm_start=True).fit(X, y).fit(X, y)
        est = classifier(epochs=2, warm_start=True, checkpoint=tmp_path).fit(X, y)
        # What is known of the network at the start is its weights and its optimizer's state.
        breaks_off(est.set_params(callbacks=[Fail(2)]), X, y)
        assert est.n_iter_ == 2
        est.fit(X, y)
        assert est.n_iter_ == 4
        assert weights(est) == weights(whole)

    def test_a_broken_off_search_goes_on(self, X, y, tmp_path):
        est = classifier(epochs=3, callbacks=[Fail(1)], checkpoint=tmp_path)
        with pytest.raises(RuntimeError):
            cross_validate(est, X, y, cv=2, error_score="raise")
        assert len(list(tmp_path.glob("*.checkpoint"))) == 1
        cross_validate(est, X, y, cv=2, error_score="raise")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"epochs": 5}, r"'epochs' differs \(epochs: 4 there, 5 here\)"),
            ({"random_state": 1}, r"'random_state' differs \(random_state: 0 there, 1 here\)"),
            (
                {"branches": {"numbers": DenseBranch(units=(5,))}},
                r"'branches__numbers__units' and 'branches' differ \(branches__numbers__units: \(4,\) there, \(5,\)",
            ),
        ],
    )
    def test_a_fit_with_other_parameters_says_what_differs(self, X, y, broken, params, message):
        with pytest.warns(CheckpointWarning, match=message):
            classifier(**{"epochs": 4, "callbacks": [Fail()], "checkpoint": broken, **params}).fit(X, y)
        assert len(list(broken.glob("*.checkpoint"))) == 1

    def test_a_fit_on_other_rows_says_so(self, X, y, broken):
        for rows in ((X.assign(a=X["a"] + 1e-9), y), (X, np.roll(y, 1)), (X, y, np.full(len(X), 2.0))):
            with pytest.warns(CheckpointWarning, match="is of another fit: '(X|y|sample_weight)' differs"):
                classifier(epochs=4, callbacks=[Fail()], checkpoint=broken).fit(*rows)

    @pytest.fixture
    def broken(self, X, y, tmp_path):
        breaks_off(classifier(epochs=4, callbacks=[Fail(1)], checkpoint=tmp_path), X, y)
        return tmp_path

    def test_what_shows_no_other_weights_may_change(self, X, y, broken):
        with warnings.catch_warnings():
            warnings.simplefilter("error", CheckpointWarning)
            est = classifier(epochs=4, callbacks=[Fail()], checkpoint=broken, memory=str(broken / "memory"))
            assert est.fit(X.set_axis(X.index + 5), y).n_iter_ == 4
        assert not list(broken.glob("*.checkpoint"))

    def test_a_damaged_file_is_named_and_replaced(self, X, y, broken):
        (path,) = broken.glob("*.checkpoint")
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.warns(CheckpointWarning, match=r"is damaged, .* The fit begins anew"):
            est = classifier(epochs=4, callbacks=[Fail()], checkpoint=broken).fit(X, y)
        assert weights(est) == weights(classifier(epochs=4).fit(X, y))

    def test_a_file_is_no_folder(self, X, y, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(OSError, match=r"checkpoint='.*file' is no folder in which files can be written \("):
            classifier(checkpoint=tmp_path / "file").fit(X, y)

    def test_a_folder_that_cannot_be_written_is_refused(self, X, y):
        with pytest.raises(OSError, match=r"checkpoint='/proc/none' is no folder .*Give another folder"):
            classifier(checkpoint="/proc/none").fit(X, y)

    def test_partial_fit_refuses_it(self, X, y, tmp_path):
        with pytest.raises(ValueError, match="partial_fit trains one epoch on each chunk"):
            classifier(checkpoint=tmp_path).partial_fit(X, y)

    def test_a_parameter_that_cannot_be_looked_into_is_named(self, X, y, tmp_path):
        lock = threading.Lock()
        est = classifier(
            model=lambda inputs, target: lock and keras.layers.Dense(1, "sigmoid")(inputs["numbers"]),
            branches=None,
            checkpoint=tmp_path,
        )
        with pytest.raises(TypeError, match="the same cannot be told from the parameter 'model'"):
            est.fit(X, y)

    def test_state_that_no_file_can_hold_is_named(self, X, y, tmp_path):
        class Holds(Fail):
            def on_epoch_end(self, epoch, logs=None):
                self.found = {epoch}
                super().on_epoch_end(epoch, logs)

        calls = [Holds(1)]
        breaks_off(classifier(epochs=4, callbacks=calls, checkpoint=tmp_path), X, y)
        with pytest.warns(CheckpointWarning, match=r"after epoch \d, but 'Holds.found' of your callbacks"):
            classifier(epochs=4, callbacks=calls, checkpoint=tmp_path).fit(X, y)

    def test_the_default_estimator_takes_it(self, tmp_path):
        X = frame(24)
        est = MultiInputClassifier(epochs=1, random_state=0, checkpoint=tmp_path, compile__run_eagerly=True)
        assert est.fit(X, np.arange(24) % 2).n_iter_ == 1
