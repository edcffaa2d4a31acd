"""Targets of a regressor: shapes, units, and targets of no use."""

import warnings

import numpy as np
import pytest
from estimator_cases import LINEAR, PLAIN, regressor
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.linear_model import LinearRegression


class TestTargets:
    def test_predictions_are_float64_in_one_axis(self, fitted_regressor, X):
        predicted = fitted_regressor.predict(X)
        assert (predicted.shape, predicted.dtype) == ((40,), "float64")

    def test_a_column_warns_and_is_predicted_flat(self, X, target):
        with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
            est = regressor().fit(X, target[:, None])
        assert est.predict(X).shape == (40,)

    def test_a_second_fit_treats_a_column_as_the_first_did(self, X, target):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataConversionWarning)
            est = regressor().fit(X, target[:, None]).fit(X, target[:, None])
        assert est.predict(X).shape == (40,)

    def test_two_outputs_are_predicted_each_in_its_units(self, X, target):
        both = np.column_stack([target * 1e5, target - 7])
        est = regressor(**LINEAR).fit(X, both)
        predicted = est.predict(X)
        assert predicted.shape == (40, 2)
        error = np.sqrt(np.mean((predicted - both) ** 2, axis=0))
        assert (error < 0.3 * both.std(axis=0)).all()

    @pytest.mark.parametrize(
        ("wrong", "match"),
        [
            (None, "requires y to be passed"),
            ([1.0] * 39 + [np.nan], "Input y contains NaN"),
            ([1.0] * 39 + [np.inf], "Input y contains infinity"),
            (["a"] * 40, "could not convert string to float"),
            ([1.0] * 39, "X has 40 rows, y has 39"),
        ],
    )
    def test_targets_of_no_use_are_refused(self, X, wrong, match):
        with pytest.raises(ValueError, match=match):
            regressor().fit(X, wrong)

    def test_a_constant_target_is_predicted(self, X):
        predicted = regressor().fit(X, np.full(40, 3e5)).predict(X)
        np.testing.assert_allclose(predicted, 3e5, atol=10)

    def test_one_row_fits(self, X):
        assert regressor().fit(X[:1], [5.0]).predict(X[:1]).shape == (1,)

    def test_nothing_is_predicted_before_fit(self, X):
        with pytest.raises(NotFittedError, match="MultiInputRegressor"):
            regressor().predict(X)


@pytest.fixture(scope="module")
def reference(X, target):
    """Return a linear network that learned the target in its own units."""
    return regressor(**LINEAR).fit(X, target)


class TestUnits:
    def test_the_target_itself_is_learned_as_least_squares_learns_it(self, reference, X, target):
        best = LinearRegression().fit(X[["a", "b"]], target).score(X[["a", "b"]], target)
        assert reference.score(X, target) == pytest.approx(best, abs=0.01)

    @pytest.mark.parametrize(
        ("scale", "offset"), [(2e4, 1e5), (1e-6, 0), (1e-3, 1e6)], ids=["prices", "tiny", "tiny beside a huge offset"]
    )
    def test_units_of_the_target_change_nothing(self, reference, X, target, scale, offset):
        scaled = offset + scale * target
        est = regressor(**LINEAR).fit(X, scaled)
        np.testing.assert_allclose((est.predict(X) - offset) / scale, reference.predict(X), atol=1e-3)
        assert est.score(X, scaled) == pytest.approx(reference.score(X, target), abs=1e-3)

    def test_without_scale_target_the_network_starts_at_zero(self, X, target):
        est = regressor(scale_target=False, optimizer="sgd", optimizer__learning_rate=1e-12).fit(X, target + 1e5)
        assert np.abs(est.predict(X)).max() < 100

    def test_with_scale_target_the_network_starts_at_the_mean(self, X, target):
        est = regressor(optimizer="sgd", optimizer__learning_rate=1e-12).fit(X, target + 1e5)
        np.testing.assert_allclose(est.predict(X), 1e5, atol=100)

    def test_the_loss_of_history_is_in_standard_deviations(self, X, target):
        est = regressor(optimizer="sgd", optimizer__learning_rate=1e-12, batch_size=40).fit(X, 1e5 * target)
        expected = np.mean((1e5 * target - est.predict(X)) ** 2) / np.var(1e5 * target)
        assert est.history_["loss"][0] == pytest.approx(expected, rel=1e-3)

    def test_weights_count_for_mean_and_deviation(self, X, target):
        weight = np.where(target > 0, 3.0, 1.0)
        est = regressor(PLAIN, optimizer="sgd", optimizer__learning_rate=1e-12).fit(X, target + 50, weight)
        repeated = regressor(PLAIN, optimizer="sgd", optimizer__learning_rate=1e-12)
        repeated.fit(X.loc[X.index.repeat(weight)], np.repeat(target + 50, weight.astype(int)))
        np.testing.assert_allclose(est.predict(X), repeated.predict(X), rtol=1e-5)
