"""Both estimators: what a fit leaves alone, precision, memory, and training without some inputs."""

import copy
import warnings
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from estimator_cases import LINEAR, TWO_INPUTS, assert_equal_weights, classifier, regressor
from sklearn.base import BaseEstimator, TransformerMixin, clone

from skmulti import (
    ConcatenateMerge,
    InputRouter,
    NumberScaler,
)


class TestWhatWasPassedStaysAsItWas:
    def test_frame_target_and_weights(self, X, y):
        X, y, weight = X.copy(), pd.Series(y), np.linspace(0, 1, 40)
        kept = copy.deepcopy((X, y, weight))
        classifier(TWO_INPUTS, early_stopping=True).fit(X, y, weight).predict(X)
        pd.testing.assert_frame_equal(X, kept[0])
        pd.testing.assert_series_equal(y, kept[1])
        np.testing.assert_array_equal(weight, kept[2])

    def test_parameters_router_branches_merge_and_head(self, X, y):
        est = classifier(clone(TWO_INPUTS), merge=ConcatenateMerge())
        before, parts = repr(est.get_params()), (est.router, est.branches, est.merge, est.head)
        branch = est.branches["numbers"]
        est.fit(X, y)
        assert repr(est.get_params()) == before
        assert all(
            now is then for now, then in zip((est.router, est.branches, est.merge, est.head), parts, strict=True)
        )
        assert est.branches == {"numbers": branch}
        assert not hasattr(est.router, "specs_")
        assert not any(name.endswith("_") for name in vars(branch))

    def test_a_layer_with_weights(self, X, y):
        layer = keras.layers.Dense(3, name="mine")
        layer.build((None, 2))
        before = layer.get_weights()
        est = classifier(branches={"numbers": layer}, optimizer__learning_rate=0.5).fit(X, y)
        for ours, theirs in zip(layer.get_weights(), before, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert not any(np.array_equal(weight, before[0]) for weight in est.model_.get_weights())

    def test_a_layer_without_weights_stays_unbuilt(self, X, y):
        layer = keras.layers.Dense(3)
        classifier(branches={"numbers": layer}).fit(X, y)
        assert not layer.built

    def test_an_optimizer_object(self, X, y):
        optimizer = keras.optimizers.Adam(0.5)
        est = classifier(optimizer=optimizer).fit(X, y)
        assert (optimizer.built, int(optimizer.iterations)) == (False, 0)
        assert est.model_.optimizer is not optimizer
        assert float(est.model_.optimizer.learning_rate) == 0.5

    def test_metric_objects_and_their_list(self, X, y):
        metric = keras.metrics.BinaryAccuracy()
        metrics = [metric]
        classifier(metrics=metrics).fit(X, y)
        assert metrics == [metric]
        assert [float(variable) for variable in metric.variables] == [0, 0]


class TestPrecision:
    @pytest.mark.parametrize("make", [classifier, regressor])
    def test_float64_holds_from_the_arrays_to_the_output(self, X, target, make):
        est = make(TWO_INPUTS, dtype="float64", input_dropout=0.1).fit(X, target > 0 if make is classifier else target)
        arrays = est.router_.transform(X)
        assert arrays["numbers"].dtype == "float64"
        assert {weight.dtype for weight in est.model_.get_weights()} == {np.dtype("float64")}
        assert est.model_(arrays).dtype == "float64"
        assert keras.config.floatx() == "float32"

    def test_float64_keeps_a_difference_that_float32_loses(self, target):
        passthrough = InputRouter([("numbers", "passthrough", ["a"])])
        X = pd.DataFrame({"a": [1.0, 1.0 + 1e-12] * 20})
        predicted = {}
        for dtype in ("float32", "float64"):
            est = regressor(passthrough, dtype=dtype).fit(X, target)
            predicted[dtype] = len(set(est.predict(X)))
        assert predicted == {"float32": 1, "float64": 2}

    def test_predictions_after_another_float_type_of_fit_are_the_same(self, fitted, X, y):
        before = fitted.predict_proba(X)
        classifier(dtype="float64").fit(X, y)
        np.testing.assert_array_equal(fitted.predict_proba(X), before)


class CountingScaler(TransformerMixin, BaseEstimator):
    """Note each call of `transform` in a file."""

    def __init__(self, path=None):
        self.path = path

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        with Path(self.path).open("a") as file:
            file.write("x")
        return np.asarray(X)


class TestMemory:
    def test_arrays_that_were_encoded_before_are_not_encoded_again(self, X, y, tmp_path):
        router = InputRouter([("numbers", CountingScaler(str(tmp_path / "calls")), ["a", "b"])])
        first = classifier(router, memory=str(tmp_path / "cache")).fit(X, y)
        calls = (tmp_path / "calls").read_text()
        second = classifier(router, memory=str(tmp_path / "cache")).fit(X, y)
        assert calls
        assert (tmp_path / "calls").read_text() == calls
        assert_equal_weights(first, second, atol=0)
        np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))

    def test_other_rows_are_encoded_anew(self, X, y, tmp_path):
        for rows in (X, X.assign(a=X["a"] + 1)):
            est = classifier(memory=str(tmp_path)).fit(rows, y)
        assert est.router_.encoders_["numbers"].mean_[0] == pytest.approx(X["a"].mean() + 1)

    def test_results_equal_those_without_memory(self, X, y, tmp_path, fitted):
        assert_equal_weights(classifier(TWO_INPUTS, memory=str(tmp_path)).fit(X, y), fitted, atol=0)


class TestInputDropout:
    def test_it_changes_training_but_no_prediction(self, X, y, fitted):
        est = classifier(TWO_INPUTS, input_dropout=0.5).fit(X, y)
        np.testing.assert_array_equal(est.predict_proba(X), est.predict_proba(X))
        assert not np.array_equal(est.predict_proba(X), fitted.predict_proba(X))

    def test_it_teaches_the_network_to_do_without_an_input(self, X):
        X = X.assign(b=X["a"])
        y = np.where(X["a"] > 0, "yes", "no")
        router = InputRouter([("one", NumberScaler(), ["a"]), ("two", NumberScaler(), ["b"])])
        params = {"branches": {}, **{k: v for k, v in LINEAR.items() if k != "branches"}}
        est = classifier(router, input_dropout=0.4, **params).fit(X, y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert est.score(X.assign(b=np.nan), y) > 0.9

    @pytest.mark.parametrize("rate", [-0.1, 1.0])
    def test_a_rate_of_no_sense_is_refused(self, X, y, rate):
        with pytest.raises(ValueError, match="'input_dropout' parameter"):
            classifier(input_dropout=rate).fit(X, y)
