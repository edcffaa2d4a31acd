"""skops and pickles: fitted objects go through both, and a pickle of another version says so."""

import pickle

import numpy as np
import pytest
from saved_cases import classifier, frame, labels, predict, routers

import skmulti._version
from skmulti import InputRouter, NumberScaler, OptimizerStateWarning, OtherVersionWarning

skops = pytest.importorskip("skops.io")
X, Y = frame(), labels()


def by_skops(est):
    data = skops.dumps(est)
    return skops.loads(data, trusted=skops.get_untrusted_types(data=data))


@pytest.fixture(scope="module")
def est():
    return classifier().fit(X, Y)


def test_routers_of_every_encoder_go_through_skops():
    for name, router, rows in routers():
        for one, two in zip(predict(router, rows), predict(by_skops(router), rows), strict=True):
            np.testing.assert_array_equal(one, two, err_msg=name)


def test_a_fitted_estimator_goes_through_skops(est):
    np.testing.assert_array_equal(by_skops(est).predict_proba(X), est.predict_proba(X))


@pytest.mark.parametrize("copy", [by_skops, lambda est: pickle.loads(pickle.dumps(est))], ids=["skops", "pickle"])
class TestOptimizer:
    def test_a_fit_that_goes_on_without_its_optimizer_says_so(self, est, copy):
        with pytest.warns(OptimizerStateWarning, match="warm_start=True"):
            copy(est).partial_fit(X, Y)

    def test_after_partial_fit_it_is_kept(self, copy):
        est = classifier().partial_fit(X, Y)
        twin = copy(est).partial_fit(X, Y)
        np.testing.assert_array_equal(twin.predict_proba(X), est.partial_fit(X, Y).predict_proba(X))


@pytest.mark.parametrize(
    "make", [classifier, NumberScaler, lambda: InputRouter([])], ids=["estimator", "encoder", "router"]
)
def test_a_pickle_of_another_version_warns(make, monkeypatch):
    monkeypatch.setattr(skmulti._version, "__version__", "0.0.9")
    data = pickle.dumps(make())
    monkeypatch.undo()
    with pytest.warns(OtherVersionWarning, match=r"pickled by skmulti 0\.0\.9"):
        found = pickle.loads(data)
    assert not hasattr(found, skmulti._version.KEY)
