"""The small frame, its targets, and an estimator of each sort that was fitted on it."""

import numpy as np
import pytest
from estimator_cases import TWO_INPUTS, classifier, frame, regressor


@pytest.fixture(scope="module")
def X():
    return frame()


@pytest.fixture(scope="module")
def y(X):
    return np.where(X["a"] > 0, "yes", "no")


@pytest.fixture(scope="module")
def target(X):
    return (X["a"] - 0.5 * X["b"]).to_numpy()


@pytest.fixture(scope="module")
def fitted(X, y):
    return classifier(TWO_INPUTS).fit(X, y)


@pytest.fixture(scope="module")
def fitted_regressor(X, target):
    return regressor().fit(X, target)
