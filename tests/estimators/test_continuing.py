"""`partial_fit` and `warm_start`: training goes on with one network and one router."""

import numpy as np
import pytest
from estimator_cases import TWO_INPUTS, assert_equal_weights, classifier, regressor

from skmulti import (
    InputMismatchError,
)


class TestContinuing:
    def test_chunks_train_one_network_and_one_router(self, X, y):
        est = classifier()
        models, routers, iterations = set(), set(), []
        for start in range(0, 40, 4):
            est.partial_fit(X[start : start + 4], y[start : start + 4], classes=["no", "yes"])
            models.add(id(est.model_))
            routers.add(id(est.router_))
            iterations.append(int(est.model_.optimizer.iterations))
        assert (len(models), len(routers), iterations) == (1, 1, list(range(1, 11)))
        assert est.n_iter_ == len(est.history_["loss"]) == 10
        np.testing.assert_allclose(est.router_.encoders_["numbers"].mean_, X[["a", "b"]][:4].mean())

    def test_the_first_chunk_trains_as_a_fit_of_one_epoch(self, X, y):
        assert_equal_weights(classifier().partial_fit(X, y), classifier().fit(X, y))

    def test_partial_fit_goes_on_after_fit(self, X, y):
        est = classifier().fit(X, y)
        model, before = est.model_, est.model_.get_weights()
        est.partial_fit(X, y)
        assert est.model_ is model
        assert not np.array_equal(est.model_.get_weights()[-2], before[-2])

    def test_warm_start_goes_on_with_the_same_network(self, X, y):
        est = classifier(warm_start=True, epochs=2).fit(X, y)
        model, router, steps = est.model_, est.router_, int(est.model_.optimizer.iterations)
        est.fit(X, y)
        assert (est.model_ is model, est.router_ is router) == (True, True)
        assert int(est.model_.optimizer.iterations) == 2 * steps
        assert est.n_iter_ == len(est.history_["loss"]) == 4

    def test_two_warm_fits_equal_one_of_all_epochs(self, X, y):
        est = classifier(warm_start=True, epochs=1, optimizer="adam").fit(X, y).fit(X, y)
        assert_equal_weights(est, classifier(epochs=2, optimizer="adam").fit(X, y))

    def test_without_warm_start_a_second_fit_starts_anew(self, X, y, fitted):
        est = classifier(TWO_INPUTS).fit(X, 1 * (y == "yes")).fit(X, y)
        assert est.n_iter_ == 1
        assert_equal_weights(est, fitted)

    def test_statistics_of_later_rows_are_not_learned(self, X, y):
        est = classifier(warm_start=True).fit(X, y).fit(X.assign(a=X["a"] + 100), y)
        np.testing.assert_allclose(est.router_.encoders_["numbers"].mean_, X[["a", "b"]].mean())

    def test_classes_may_be_wider_than_the_first_chunk(self, X):
        est = classifier().partial_fit(X[:5], ["a"] * 5, classes=["c", "a", "b"])
        assert est.classes_.tolist() == ["a", "b", "c"]
        assert est.partial_fit(X[:5], ["c"] * 5).predict_proba(X).shape == (40, 3)

    def test_other_classes_later_are_refused(self, X, y):
        est = classifier().partial_fit(X, y, classes=["no", "yes"])
        with pytest.raises(ValueError, match="not the same as on last call"):
            est.partial_fit(X, y, classes=["no", "maybe"])

    @pytest.mark.parametrize("method", ["fit", "partial_fit"])
    def test_an_unseen_label_is_refused(self, X, y, method):
        est = classifier(warm_start=True).fit(X, y)
        with pytest.raises(ValueError, match=r"labels that are not in classes_: .*maybe"):
            getattr(est, method)(X[:2], ["maybe", "yes"])

    def test_a_label_outside_of_classes_is_refused(self, X):
        with pytest.raises(ValueError, match=r"labels that are not in classes_: .*z"):
            classifier().partial_fit(X[:2], ["a", "z"], classes=["a", "b"])

    def test_classes_of_a_refused_chunk_are_forgotten(self, X, y):
        est = classifier()
        with pytest.raises(InputMismatchError):
            est.partial_fit(X, y[:3], classes=["no", "yes", "maybe"])
        assert est.fit(X, y).classes_.tolist() == ["no", "yes"]

    def test_a_regression_keeps_the_scale_of_its_first_chunk(self, X, target):
        est = regressor(optimizer="sgd", optimizer__learning_rate=1e-12).partial_fit(X, target + 100)
        before = est.predict(X)
        np.testing.assert_allclose(est.partial_fit(X, target).predict(X), before, atol=1e-4)

    def test_weights_count_in_a_chunk(self, X, y):
        weight = (np.arange(40) < 20).astype(float)
        one = classifier().partial_fit(X, y).partial_fit(X, y, sample_weight=weight)
        two = classifier().partial_fit(X, y).partial_fit(X[:20], y[:20])
        assert_equal_weights(one, two)
