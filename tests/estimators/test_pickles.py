"""Estimators that come back from a pickle: equal predictions, and training that goes on as it would have."""

import copy
import io
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from skmulti import (
    DenseBranch,
    DenseHead,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
)

ROUTER = InputRouter([("numbers", NumberScaler(), ["a", "b"])])
SMALL = {
    "branches": {"numbers": DenseBranch(units=(4,))},
    "head": DenseHead(units=()),
    "epochs": 1,
    "random_state": 0,
    # A step that Python runs is slower than a compiled one, but not the first.
    "compile__run_eagerly": True,
}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=40), "b": rng.normal(size=40)})
    return X, np.where(X["a"] > 0, "yes", "no")


@pytest.fixture(scope="module")
def fitted(rows):
    return MultiInputClassifier(ROUTER, **SMALL).fit(*rows)


PREDICT = """
import pickle, sys
import numpy as np
est, X = pickle.load(open(sys.argv[1], "rb"))
np.save(sys.argv[2], est.predict_proba(X))
"""


class TestPickle:
    def test_predictions_are_equal(self, fitted, rows):
        twin = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(twin.predict_proba(rows[0]), fitted.predict_proba(rows[0]))

    def test_joblib_gives_equal_predictions(self, fitted, rows):
        buffer = io.BytesIO()
        joblib.dump(fitted, buffer)
        buffer.seek(0)
        twin = joblib.load(buffer)
        np.testing.assert_array_equal(twin.predict_proba(rows[0]), fitted.predict_proba(rows[0]))

    def test_another_process_gives_equal_predictions(self, fitted, rows, tmp_path):
        (tmp_path / "est.pkl").write_bytes(pickle.dumps((fitted, rows[0])))
        arguments = [str(tmp_path / "est.pkl"), str(tmp_path / "found.npy")]
        subprocess.run([sys.executable, "-c", PREDICT, *arguments], check=True, capture_output=True, timeout=120)
        np.testing.assert_allclose(np.load(arguments[1]), fitted.predict_proba(rows[0]), atol=1e-7)

    def test_a_deep_copy_predicts_the_same_and_has_a_network_of_its_own(self, fitted, rows):
        twin = copy.deepcopy(fitted)
        np.testing.assert_array_equal(twin.predict_proba(rows[0]), fitted.predict_proba(rows[0]))
        assert twin.model_ is not fitted.model_

    def test_an_unfitted_estimator_is_pickled(self):
        twin = pickle.loads(pickle.dumps(MultiInputRegressor(ROUTER, epochs=3)))
        assert twin.epochs == 3
        with pytest.raises(NotFittedError, match="not fitted yet"):
            twin.predict(pd.DataFrame({"a": [0], "b": [0]}))

    def test_pickling_changes_nothing(self, fitted, rows):
        model = fitted.model_
        pickle.dumps(fitted)
        assert fitted.model_ is model
        assert fitted.predict(rows[0]).shape == (40,)

    def test_history_and_classes_are_kept(self, fitted):
        twin = pickle.loads(pickle.dumps(fitted))
        assert twin.history_ == fitted.history_
        assert twin.classes_.tolist() == fitted.classes_.tolist()

    def test_moments_of_the_optimizer_are_kept_for_a_warm_start_only(self, rows):
        params = {**SMALL, "branches": {"numbers": DenseBranch(units=(256, 256))}}
        est = MultiInputClassifier(ROUTER, **params).fit(*rows)
        weights = sum(weight.nbytes for weight in est.model_.get_weights())
        assert len(pickle.dumps(est)) < 1.2 * weights
        # Adam has two moments for each weight.
        assert len(pickle.dumps(est.set_params(warm_start=True))) > 2.9 * weights

    @pytest.mark.parametrize(
        "dropout",
        [0.0, 0.5],
    )
    def test_training_goes_on_after_a_pickle_as_it_would_have_without(self, rows, dropout):
        params = {**SMALL, "branches": {"numbers": DenseBranch(units=(8,), dropout=dropout)}, "input_dropout": dropout}
        est = MultiInputClassifier(ROUTER, warm_start=True, **params).fit(*rows)
        twin = pickle.loads(pickle.dumps(est))
        est.fit(*rows)
        twin.fit(*rows)
        for ours, theirs in zip(est.model_.get_weights(), twin.model_.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-7)

    def test_the_optimizer_survives_a_pickle_of_a_pickle(self, rows):
        est = MultiInputClassifier(ROUTER, warm_start=True, **SMALL).fit(*rows)
        twin = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(est))))
        assert int(twin.fit(*rows).model_.optimizer.iterations) == int(est.model_.optimizer.iterations) * 2

    def test_partial_fit_goes_on_after_a_pickle(self, fitted, rows):
        twin = pickle.loads(pickle.dumps(fitted)).partial_fit(*rows)
        assert twin.n_iter_ == 2
        assert not np.array_equal(twin.predict_proba(rows[0]), fitted.predict_proba(rows[0]))

    def test_a_float64_network_stays_one(self, rows):
        est = MultiInputClassifier(ROUTER, dtype="float64", **SMALL).fit(*rows)
        twin = pickle.loads(pickle.dumps(est))
        assert {weight.dtype for weight in twin.model_.get_weights()} == {np.dtype("float64")}
        np.testing.assert_array_equal(twin.predict_proba(rows[0]), est.predict_proba(rows[0]))
