"""Where the seconds of a fit went."""

import time

import numpy as np
import pandas as pd
import pytest

from skmulti import (
    DenseBranch,
    DenseHead,
    InputRouter,
    MultiInputClassifier,
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


class TestTimings:
    def test_a_fit_says_where_its_seconds_went(self, rows):
        started = time.perf_counter()
        est = MultiInputClassifier(ROUTER, **SMALL).fit(*rows)
        seconds = time.perf_counter() - started
        assert list(est.timings_) == ["route", "build", "trace", "train"]
        assert all(value > 0 for value in est.timings_.values())
        assert sum(est.timings_.values()) < seconds

    def test_predictions_add_to_the_seconds_of_predictions(self, rows):
        est = MultiInputClassifier(ROUTER, **SMALL).fit(*rows)
        est.predict(rows[0])
        first = est.timings_["predict"]
        est.predict_proba(rows[0])
        assert est.timings_["predict"] > first > 0

    def test_a_second_fit_starts_anew(self, rows):
        est = MultiInputClassifier(ROUTER, **SMALL).fit(*rows)
        est.predict(rows[0])
        assert "predict" not in est.fit(*rows).timings_
