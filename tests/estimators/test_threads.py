"""Fits and predictions in threads: the same to the last bit as alone, and nothing left behind."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import VotingClassifier

from skmulti import DenseHead, MultiInputClassifier, MultiInputRegressor

RNG = np.random.default_rng(0)
X = pd.DataFrame({"x": RNG.normal(size=80), "c": RNG.choice(list("ab"), 80)})
Y = (X["x"] > 0).astype(int)
SMALL = {"head": DenseHead(units=(8,)), "epochs": 2, "batch_size": 16, "random_state": 0}


class Drawing(keras.callbacks.Callback):
    """Changes weights by what it draws from the generators of the process."""

    def on_epoch_end(self, epoch, logs=None):
        weights = self.model.get_weights()
        weights[-1] = weights[-1] + 0.1 * np.random.random() + 0.1 * random.random()
        self.model.set_weights(weights)


JOBS = {
    "plain": lambda: MultiInputClassifier(**SMALL),
    "plain again": lambda: MultiInputClassifier(**SMALL),
    "another seed": lambda: MultiInputClassifier(**{**SMALL, "random_state": 5}),
    "float64": lambda: MultiInputRegressor(**SMALL, dtype="float64"),
    "own callback": lambda: MultiInputClassifier(**SMALL, callbacks=[Drawing()]),
}


def weights(name):
    return [w.tobytes() for w in JOBS[name]().fit(X, Y).model_.get_weights()]


def in_threads(functions):
    """Call functions in a thread each, at the same time."""
    barrier = threading.Barrier(len(functions))

    def call(function):
        barrier.wait()
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(call, functions))


@pytest.fixture(scope="module")
def alone():
    return {name: weights(name) for name in JOBS}


@pytest.fixture(scope="module")
def together(alone):
    before = random.getstate(), tuple(np.random.get_state()[1]), keras.config.floatx()
    fitted = dict(zip(JOBS, in_threads([lambda name=name: weights(name) for name in JOBS]), strict=True))
    return fitted, before == (random.getstate(), tuple(np.random.get_state()[1]), keras.config.floatx())


@pytest.mark.parametrize("name", JOBS)
def test_a_fit_in_a_thread_has_the_weights_of_one_alone(alone, together, name):
    assert together[0][name] == alone[name]


def test_seeds_decide(alone):
    assert alone["plain"] != alone["another seed"]
    assert alone["plain"] != alone["own callback"]


def test_threads_leave_nothing_behind(together):
    assert together[1]


def test_a_vote_in_threads_is_that_of_one_thread():
    members = [("a", JOBS["plain"]()), ("b", JOBS["another seed"]())]
    serial = VotingClassifier(members, voting="soft").fit(X, Y).predict_proba(X)
    with joblib.parallel_config("threading"):
        threaded = VotingClassifier(members, voting="soft", n_jobs=2).fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(threaded, serial)


def test_threads_predict_on_one_estimator_as_one_does():
    clf = JOBS["plain"]().fit(X, Y)
    expected = JOBS["plain"]().fit(X, Y).predict_proba(X)

    # The first predictions of the estimator, which compile it.
    def predict(step):
        return np.concatenate([clf.predict_proba(X[i : i + step]) for i in range(0, len(X), step)])

    steps = (80, 40, 20, 80) * 2
    for step, found in zip(steps, in_threads([lambda s=s: predict(s) for s in steps]), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6, err_msg=str(step))
        if step == 80:
            np.testing.assert_array_equal(found, expected)


def test_a_fit_beside_predictions_changes_neither(alone):
    clf = JOBS["float64"]().fit(X, Y)
    expected, found = clf.predict(X), []
    done = threading.Event()

    def predict():
        while not done.is_set() or len(found) < 20:
            found.append(clf.predict(X))

    def fit():
        try:
            return weights("plain")
        finally:
            done.set()

    assert in_threads([fit, predict])[0] == alone["plain"]
    assert all(np.array_equal(values, expected) for values in found)


def test_a_prediction_does_not_wait_for_a_fit():
    clf, began, predicted = JOBS["plain"]().fit(X, Y), threading.Event(), threading.Event()

    class Waiting(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            began.set()
            assert predicted.wait(60)

    def predict():
        assert began.wait(60)
        clf.predict(X)
        predicted.set()

    in_threads([lambda: MultiInputClassifier(**SMALL, callbacks=[Waiting()]).fit(X, Y), predict])
