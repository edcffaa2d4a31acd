"""predict_interval: against the formulas by hand, coverage on tables with known noise, and refusals."""

import warnings

import numpy as np
import pytest
from estimator_cases import TWO_INPUTS, classifier, frame, regressor
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError

from skmulti import MultiInputRegressor
from skmulti.estimators.intervals import intervals
from skmulti.network import networks_in

X = frame(60)
PRICES = 100 + 10 * X["a"] + X["b"]
HOLDS = {"early_stopping": True, "validation_fraction": 0.25}


class TestFormula:
    def test_one_network_is_split_conformal(self):
        rng = np.random.default_rng(0)
        predictions, residuals = rng.normal(size=(7, 1, 2)), rng.normal(size=(19, 2))
        found = intervals(predictions, [residuals], 0.8)
        # The 16th of 19 sizes: ceil(0.8 * 20).
        width = np.sort(np.abs(residuals), axis=0)[15]
        assert_allclose(found, np.stack([predictions[:, 0] - width, predictions[:, 0] + width], axis=-1))

    def test_several_are_cv_plus(self):
        rng = np.random.default_rng(1)
        predictions = rng.normal(size=(5, 3, 1))
        residuals = [rng.normal(size=(count, 1)) for count in (10, 9, 10)]
        found = intervals(predictions, residuals, 0.9)
        for row, (lower, upper) in zip(predictions[:, :, 0], found[:, 0], strict=True):
            sizes = [np.abs(own[:, 0]) for own in residuals]
            ups = np.sort(np.concatenate([mean + own for mean, own in zip(row, sizes, strict=True)]))
            downs = np.sort(np.concatenate([mean - own for mean, own in zip(row, sizes, strict=True)]))
            # Barber and others, 2021: ranks ceil(0.9 * 30) from below, and floor(0.1 * 30).
            assert_allclose((lower, upper), (downs[3 - 1], ups[27 - 1]))

    def test_many_rows_are_computed_in_parts(self, monkeypatch):
        rng = np.random.default_rng(2)
        predictions, residuals = rng.normal(size=(50, 2, 1)), [rng.normal(size=(20, 1))] * 2
        whole = intervals(predictions, residuals, 0.9)
        monkeypatch.setattr("skmulti.estimators.intervals._CALL_VALUES", 100)
        assert_allclose(intervals(predictions, residuals, 0.9), whole)

    @pytest.mark.parametrize(("coverage", "least"), [(0.9, 9), (0.95, 19), (0.7, 3), (0.5, 1)])
    def test_least_number_of_rows(self, coverage, least):
        predictions = np.zeros((1, 1, 1))
        intervals(predictions, [np.ones((least, 1))], coverage)
        if least > 1:
            with pytest.raises(ValueError, match=f"needs at least {least} held-out rows"):
                intervals(predictions, [np.ones((least - 1, 1))], coverage)


class TestEstimator:
    def test_residuals_are_of_held_out_rows(self):
        est = regressor(TWO_INPUTS, **HOLDS).fit(X, PRICES)
        (residuals,) = est.held_residuals_
        assert residuals.shape == (15, 1)
        lower, upper = est.predict_interval(X, 0.9).T
        width = np.sort(np.abs(residuals[:, 0]))[14]
        assert_allclose(lower, est.predict(X) - width)
        assert_allclose(upper, est.predict(X) + width)

    def test_several_networks_have_a_prediction_each(self):
        est = regressor(n_networks=2, **HOLDS).fit(X, PRICES)
        arrays = est.router_.transform(X)
        predictions = np.stack([np.asarray(network(arrays)) for network in networks_in(est.model_)], axis=1)
        assert_allclose(est.predict_interval(X, 0.8), intervals(predictions, est.held_residuals_, 0.8)[:, 0])

    @pytest.mark.parametrize("n_networks", [1, 2])
    def test_each_output_has_its_own(self, n_networks):
        est = regressor(n_networks=n_networks, **HOLDS).fit(X, np.c_[PRICES, PRICES * 1000])
        found = est.predict_interval(X, 0.8)
        assert found.shape == (60, 2, 2)
        widths = found[..., 1] - found[..., 0]
        assert (widths[:, 1] > 100 * widths[:, 0]).all()

    def test_wider_for_more_coverage(self):
        est = regressor(**HOLDS).fit(X, PRICES)
        widths = [np.ptp(est.predict_interval(X, coverage), axis=1) for coverage in (0.5, 0.7, 0.9)]
        assert (widths[0] < widths[1]).all()
        assert (widths[1] < widths[2]).all()

    def test_a_fit_without_held_out_rows_forgets_them(self):
        est = regressor(**HOLDS).fit(X, PRICES)
        est.set_params(early_stopping=False).fit(X, PRICES)
        assert not hasattr(est, "held_residuals_")

    def test_classes_have_none(self):
        est = classifier(**HOLDS).fit(X, PRICES > 100)
        assert not hasattr(est, "held_residuals_")
        assert not hasattr(est, "predict_interval")


class TestRefusals:
    def test_before_fit(self):
        with pytest.raises(NotFittedError):
            regressor().predict_interval(X)

    @pytest.mark.parametrize("coverage", [0, 1, 1.5, -0.1, 90, "0.9", None, np.nan])
    def test_coverage_that_is_no_share(self, coverage):
        with pytest.raises(ValueError, match="coverage must be a number between 0 and 1"):
            regressor(**HOLDS).fit(X, PRICES).predict_interval(X, coverage)

    def test_no_rows_were_held_out(self):
        with pytest.raises(ValueError, match="without early stopping they would decide nothing"):
            regressor().fit(X, PRICES).predict_interval(X)

    def test_network_was_trained_on(self):
        est = regressor(**HOLDS).fit(X, PRICES)
        with pytest.raises(ValueError, match="fit a table in memory in one call"):
            est.partial_fit(X, PRICES).predict_interval(X)

    def test_too_few_rows_for_the_coverage(self):
        with pytest.raises(ValueError, match="needs at least 99 held-out rows, and the fit held out 15"):
            regressor(**HOLDS).fit(X, PRICES).predict_interval(X, 0.99)


@pytest.mark.parametrize(("noise", "n_networks"), [("even", 1), ("skewed", 3), ("uneven", 3)])
def test_coverage(noise, n_networks):
    """On 2,000 new rows, within four deviations of what a hold-out of its size gives."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(2800, 3))
    error = {
        "even": rng.normal(size=2800),
        "skewed": rng.exponential(size=2800),
        "uneven": rng.normal(size=2800) * (0.2 + np.abs(rows[:, 2])),
    }[noise]
    y = 50 + 2 * rows[:, 0] + np.sin(2 * rows[:, 1]) + error
    est = MultiInputRegressor(n_networks=n_networks, epochs=8, validation_fraction=0.25, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        est.fit(rows[:800], y[:800])
    for coverage in (0.5, 0.8, 0.95):
        lower, upper = est.predict_interval(rows[800:], coverage).T
        hit = np.mean((lower <= y[800:]) & (y[800:] <= upper))
        deviation = np.sqrt(coverage * (1 - coverage) * (1 / (n_networks * 200) + 1 / 2000))
        assert abs(hit - coverage) < 4 * deviation
