"""Weights of rows and of classes: each counts as often as it says."""

import numpy as np
import pytest
from estimator_cases import PLAIN, assert_equal_weights, classifier, regressor


class TestWeights:
    @pytest.mark.parametrize("class_weight", [{"yes": 3.0, "no": 1.0}, {"yes": 3.0}, "balanced"])
    def test_class_weight_equals_the_sample_weight_of_the_classes(self, X, class_weight):
        y = np.where(X["a"] > 0.7, "yes", "no")
        by_class = {"yes": 3.0, "no": 1.0}
        if class_weight == "balanced":
            by_class = {label: 40 / (2 * np.sum(y == label)) for label in ("yes", "no")}
        weight = np.array([by_class[label] for label in y])
        assert_equal_weights(
            classifier(PLAIN, class_weight=class_weight).fit(X, y), classifier(PLAIN).fit(X, y, sample_weight=weight)
        )

    def test_class_weight_and_sample_weight_are_multiplied(self, X, y):
        weight = np.linspace(1, 2, 40)
        by_class = np.where(y == "yes", 3.0, 1.0)
        assert_equal_weights(
            classifier(PLAIN, class_weight={"yes": 3.0}).fit(X, y, weight),
            classifier(PLAIN).fit(X, y, weight * by_class),
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
