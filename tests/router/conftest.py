"""A router that was fitted on the table of `router_cases`."""

import pytest
from router_cases import FRAME, ROUTER
from sklearn.base import clone


@pytest.fixture(scope="module")
def fitted():
    return clone(ROUTER).fit(FRAME)
