"""Small estimators and the frame that they are fitted on."""

import numpy as np
import pandas as pd

from skmulti import (
    CategoryIndexer,
    DenseBranch,
    DenseHead,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
)

ROUTER = InputRouter([("numbers", NumberScaler(), ["a", "b"])])
TWO_INPUTS = InputRouter([("numbers", NumberScaler(), ["a", "b"]), ("city", CategoryIndexer(), "city")])
SMALL = {
    "branches": {"numbers": DenseBranch(units=(4,))},
    "head": DenseHead(units=()),
    "epochs": 1,
    "random_state": 0,
    # A step that Python runs is slower than a compiled one, but not the first.
    "compile__run_eagerly": True,
}


def frame(n_rows=40, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "a": rng.normal(size=n_rows),
            "b": rng.normal(size=n_rows),
            "city": rng.choice(["Oslo", "Rome", "Bern"], n_rows),
        }
    )


def classifier(router=ROUTER, **params):
    return MultiInputClassifier(router, **{**SMALL, **params})


def regressor(router=ROUTER, **params):
    return MultiInputRegressor(router, **{**SMALL, **params})


def assert_equal_weights(one, two, **tolerance):
    for ours, theirs in zip(one.model_.get_weights(), two.model_.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, **{"atol": 1e-6, **tolerance})


LINEAR = {
    "branches": {"numbers": DenseBranch(units=())},
    "epochs": 8,
    "batch_size": 4,
    "optimizer__learning_rate": 0.1,
    "compile__run_eagerly": False,
}
# The columns as they are: no encoder learns from weights.
PLAIN = InputRouter([("numbers", "passthrough", ["a", "b"])])
