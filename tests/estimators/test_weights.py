"""Weights of rows and of classes: each counts as often as it says."""

import numpy as np
import pandas as pd
import pytest
from estimator_cases import PLAIN, assert_equal_weights, classifier, regressor
from sklearn.utils.estimator_checks import check_sample_weight_equivalence_on_dense_data

from skmulti import Branch, DenseHead, MultiInputClassifier, MultiInputRegressor, PiecewiseBranch
from skmulti.layers import PiecewiseLinear


def edges_of(est):
    """Return the edges of a fitted network's piecewise linear functions."""
    layers = est.model_.get_layer("numbers__layers").layers
    return next(layer.edges for layer in layers if isinstance(layer, PiecewiseLinear))


def assert_equal_proba(one, two, X):
    """Compare what two classifiers say; first values, which class weights do not change, are left alone without NaN."""
    np.testing.assert_allclose(one.predict_proba(X), two.predict_proba(X), atol=1e-6)


class TestWeights:
    @pytest.mark.parametrize("class_weight", [{"yes": 3.0, "no": 1.0}, {"yes": 3.0}, "balanced"])
    def test_class_weight_equals_the_sample_weight_of_the_classes(self, X, class_weight):
        y = np.where(X["a"] > 0.7, "yes", "no")
        by_class = {"yes": 3.0, "no": 1.0}
        if class_weight == "balanced":
            by_class = {label: 40 / (2 * np.sum(y == label)) for label in ("yes", "no")}
        weight = np.array([by_class[label] for label in y])
        assert_equal_proba(
            classifier(PLAIN, class_weight=class_weight).fit(X, y), classifier(PLAIN).fit(X, y, sample_weight=weight), X
        )

    def test_class_weight_and_sample_weight_are_multiplied(self, X, y):
        weight = np.linspace(1, 2, 40)
        by_class = np.where(y == "yes", 3.0, 1.0)
        assert_equal_proba(
            classifier(PLAIN, class_weight={"yes": 3.0}).fit(X, y, weight),
            classifier(PLAIN).fit(X, y, weight * by_class),
            X,
        )

    @pytest.mark.parametrize("make", [classifier, regressor])
    def test_rows_without_weight_are_as_if_dropped(self, X, target, make):
        y = target > 0 if make is classifier else target
        weight = (np.arange(40) % 3 > 0).astype(float)
        kept = weight > 0
        assert_equal_weights(make().fit(X, y, weight), make().fit(X[kept], y[kept]))

    @pytest.mark.parametrize("make", [classifier, regressor])
    def test_uniform_weights_are_as_none(self, X, target, make):
        y = target > 0 if make is classifier else target
        assert_equal_weights(make().fit(X, y, np.full(40, 7.0)), make().fit(X, y))

    def test_weights_reach_encoders_that_take_them(self, X, y):
        weight = np.linspace(0.1, 3, 40)
        est = classifier().fit(X, y, weight)
        expected = np.average(X[["a", "b"]], axis=0, weights=weight)
        np.testing.assert_allclose(est.router_.encoders_["numbers"].mean_, expected)

    def test_weights_are_as_repeated_rows(self, X, target):
        weight = np.where(target > 0, 2, 1)
        params = {"batch_size": 1_000, "optimizer": "sgd"}
        repeated = regressor(**params).fit(X.loc[X.index.repeat(weight)], np.repeat(target, weight))
        est = regressor(**params).fit(X, target, weight)
        np.testing.assert_allclose(est.predict(X), repeated.predict(X), atol=1e-5)

    @pytest.mark.parametrize("make", [MultiInputClassifier, MultiInputRegressor])
    def test_default_branches_without_dropout_pass_the_check_of_scikit_learn(self, make):
        est = make(dtype="float64", head=DenseHead(), epochs=5, batch_size=200, optimizer="adam", random_state=0)
        check_sample_weight_equivalence_on_dense_data(make.__name__, est)

    def test_weights_are_as_repeated_rows_to_default_branches_with_bins(self):
        rng = np.random.default_rng(0)
        table = pd.DataFrame({"skewed": rng.exponential(size=150), "steps": rng.integers(0, 9, 150) * 1.0})
        table["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 900, 150), "D")
        table.loc[::7, "skewed"] = np.nan
        y, weight = rng.normal(size=150), rng.integers(0, 4, 150)
        params = {"batch_size": 1_000, "epochs": 4, "optimizer": "adam", "early_stopping": False, "random_state": 0}
        branches = {"numbers": PiecewiseBranch(dropout=0.0)}
        est = MultiInputRegressor(branches=branches, head=DenseHead(), dtype="float64", **params)
        repeated = table.loc[table.index.repeat(weight)].sample(frac=1, random_state=0)
        y_repeated = y[repeated.index]
        expected = est.fit(repeated, y_repeated).predict(table)
        np.testing.assert_allclose(est.fit(table, y, weight).predict(table), expected, rtol=1e-7)
        values = repeated["skewed"].dropna().to_numpy()
        quantiles = np.quantile(values, np.linspace(0, 1, weight.sum() // 20 + 1))
        np.testing.assert_allclose(edges_of(est)[0], (quantiles - values.mean()) / values.std())

    def test_the_array_of_weights_is_not_changed(self, X, y):
        weight = np.linspace(0, 3, 40)
        before = weight.copy()
        classifier().fit(X, y, weight)
        np.testing.assert_array_equal(weight, before)

    def test_a_score_is_weighted(self, fitted, X, y):
        weight = np.linspace(0, 3, 40)
        expected = np.average(fitted.predict(X) == y, weights=weight)
        assert fitted.score(X, y, sample_weight=weight) == pytest.approx(expected)

    @pytest.mark.parametrize(
        ("weight", "match"),
        [
            (-np.ones(40), "Negative values in data passed to `sample_weight`"),
            (np.zeros(40), r"sample_weight is zero|weight 0|non-zero"),
            (np.ones(39), "sample_weight has 39 weights"),
            (np.full(40, np.nan), "sample_weight contains NaN"),
        ],
    )
    def test_weights_of_no_sense_are_refused(self, X, y, weight, match):
        with pytest.raises(ValueError, match=match):
            classifier().fit(X, y, weight)

    def test_class_weights_that_leave_nothing_are_refused(self, X, y):
        with pytest.raises(ValueError, match="class_weight"):
            classifier(class_weight={"yes": 0, "no": 0}).fit(X, y)

    def test_a_class_weight_of_an_unknown_label_is_refused(self, X, y):
        with pytest.raises(ValueError, match=r"class_weight names .* is no label of y"):
            classifier(class_weight={"maybe": 2}).fit(X, y)

    def test_a_class_whose_weight_is_zero_leaves_the_rest_finite(self, X, y):
        est = classifier(class_weight={"yes": 0.0, "no": 1.0}).fit(X, y)
        assert np.isfinite(est.predict_proba(X)).all()


class Keeping(Branch):
    """Keeps the sample that it gets."""

    def connect(self, tensor, spec, sample):
        Keeping.samples.append(np.asarray(sample)[:, 0])
        return tensor


class TestSamplesOfBranches:
    """What a branch gets for its first values: rows as often as they weigh."""

    TABLE = pd.DataFrame({"a": np.arange(30.0), "b": np.ones(30)})
    WEIGHT = np.arange(30) % 4
    Y = np.arange(30.0) % 7

    def fitted(self, X, y, weight, **params):
        Keeping.samples = []
        regressor(PLAIN, branches={"numbers": Keeping()}, early_stopping=False, **params).fit(X, y, weight)
        return Keeping.samples

    def test_rows_of_a_table(self):
        (sample,) = self.fitted(self.TABLE, self.Y, self.WEIGHT)
        np.testing.assert_array_equal(sample, np.repeat(np.arange(30.0), self.WEIGHT))

    def test_rows_of_several_networks(self):
        samples = self.fitted(self.TABLE, self.Y, self.WEIGHT, n_networks=2)
        assert len(samples) == 2
        for sample in samples:
            np.testing.assert_array_equal(sample, np.repeat(np.arange(30.0), self.WEIGHT))

    def test_rows_of_a_table_in_parts(self, tmp_path):
        self.TABLE.assign(y=self.Y, w=self.WEIGHT).to_csv(tmp_path / "rows.csv", index=False)
        (sample,) = self.fitted(str(tmp_path / "rows.csv"), "y", "w")
        np.testing.assert_array_equal(sample, np.repeat(np.arange(30.0), self.WEIGHT))

    def test_rows_of_batches(self):
        rows, y = self.TABLE.to_numpy("float32"), self.Y
        batches = [({"numbers": rows[i : i + 8]}, y[i : i + 8], self.WEIGHT[i : i + 8]) for i in range(0, 30, 8)]
        (sample,) = self.fitted(lambda: iter(batches), None, None)
        np.testing.assert_array_equal(sample, np.repeat(np.arange(30.0), self.WEIGHT))

    def test_weights_that_are_no_counts_move_the_quantiles(self):
        rng = np.random.default_rng(0)
        values, weight = np.sort(rng.normal(size=2_000)), rng.uniform(size=2_000)
        (sample,) = self.fitted(pd.DataFrame({"a": values, "b": 0.0}), values**2, weight)
        # scikit-learn's definition of a weighted quantile, as an inverse of the weighted distribution.
        expected = values[np.searchsorted(np.cumsum(weight), [0.1 * weight.sum(), 0.5 * weight.sum()])]
        np.testing.assert_allclose(np.quantile(sample, [0.1, 0.5]), expected, atol=0.01)
