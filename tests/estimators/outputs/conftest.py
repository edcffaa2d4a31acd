"""The table, its targets of two sorts, and a classifier that was fitted on each."""

import pytest
from output_cases import AS_IT_IS, classifier, columns_of, labels_of, table


@pytest.fixture(scope="module")
def X():
    return table()


@pytest.fixture(scope="module")
def labels(X):
    return labels_of(X)


@pytest.fixture(scope="module")
def columns(X):
    return columns_of(X)


@pytest.fixture(scope="module")
def multilabel(X, labels):
    return classifier(**AS_IT_IS).fit(X, labels)


@pytest.fixture(scope="module")
def multioutput(X, columns):
    return classifier(**AS_IT_IS).fit(X, columns)
