"""Held-out rows that the user gives: what is measured on them, and that nothing is learned from them."""

import warnings

import numpy as np
import pytest
from estimator_cases import TWO_INPUTS, assert_equal_weights, classifier, frame, regressor


class TestHeldOutRows:
    @pytest.fixture
    def other(self):
        X = frame(20, seed=1)
        return X, np.where(X["a"] > 0, "yes", "no")

    def test_the_given_rows_make_the_held_out_history(self, X, y, other):
        est = classifier(early_stopping=False).fit(X, y, X_val=other[0], y_val=other[1])
        proba = est.predict_proba(other[0])[:, 1]
        expected = -np.mean(np.log(np.where(other[1] == "yes", proba, 1 - proba)))
        assert est.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-4)

    def test_given_weights_count_in_the_held_out_loss(self, X, y, other):
        weight = np.linspace(0.1, 2, 20)
        est = classifier(early_stopping=False).fit(X, y, X_val=other[0], y_val=other[1], sample_weight_val=weight)
        proba = est.predict_proba(other[0])[:, 1]
        losses = -np.log(np.where(other[1] == "yes", proba, 1 - proba))
        assert est.history_["val_loss"][-1] == pytest.approx(np.average(losses, weights=weight), rel=1e-4)

    def test_the_router_learns_from_training_rows_only(self, X, y, other):
        est = classifier().fit(X, y, X_val=other[0], y_val=other[1])
        np.testing.assert_allclose(est.router_.encoders_["numbers"].mean_, X[["a", "b"]].mean())

    def test_all_rows_of_x_train_when_held_out_rows_are_given(self, X, y, other):
        params = {"early_stopping": True, "n_iter_no_change": 50, "batch_size": 40, "optimizer": "sgd"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            est = classifier(**params).fit(X, y, X_val=other[0], y_val=other[1])
        assert_equal_weights(est, classifier(batch_size=40, optimizer="sgd").fit(X, y))

    def test_given_rows_switch_early_stopping_on(self, X, y, other):
        params = {"epochs": 30, "optimizer__learning_rate": 0.3, "n_iter_no_change": 2}
        est = classifier(**params).fit(X, y, X_val=other[0], y_val=np.roll(other[1], 1))
        assert est.n_iter_ == len(est.history_["loss"]) < 30
        assert est.best_epoch_ == np.argmin(est.history_["val_loss"]) + 1
        proba = est.predict_proba(other[0])[:, 1]
        loss = -np.mean(np.log(np.where(np.roll(other[1], 1) == "yes", proba, 1 - proba)))
        assert loss == pytest.approx(min(est.history_["val_loss"]), rel=1e-4)

    def test_without_early_stopping_the_last_epoch_is_the_best(self, fitted):
        assert (fitted.best_epoch_, fitted.n_iter_) == (1, 1)

    @pytest.mark.parametrize("given", ["X_val", "y_val"])
    def test_one_without_the_other_is_refused(self, X, y, given):
        with pytest.raises(ValueError, match="X_val and y_val go together"):
            classifier().fit(X, y, **{given: X if given == "X_val" else y})

    def test_weights_without_held_out_rows_are_refused(self, X, y):
        with pytest.raises(ValueError, match="sample_weight_val"):
            classifier().fit(X, y, sample_weight_val=np.ones(40))

    def test_a_label_that_training_did_not_show_is_refused(self, X, y, other):
        with pytest.raises(ValueError, match=r"labels that are not in classes_: .*maybe"):
            classifier().fit(X, y, X_val=other[0], y_val=["maybe"] * 20)

    def test_labels_are_named_as_the_user_wrote_them(self, X, y, other):
        with pytest.raises(ValueError, match="labels that are not in classes_: 'maybe'; known are 'no' and 'yes'"):
            classifier().fit(X, y, X_val=other[0], y_val=["maybe"] * 20)

    def test_labels_of_another_type_are_refused(self, X, y, other):
        with pytest.raises(ValueError, match="labels that are not in classes_"):
            classifier().fit(X, y, X_val=other[0], y_val=[1, 2] * 10)

    def test_a_held_out_target_of_another_width_is_refused(self, X, target):
        with pytest.raises(ValueError, match=r"y_val|output"):
            regressor().fit(X, target, X_val=X, y_val=np.column_stack([target, target]))

    def test_held_out_rows_of_a_category_never_reach_the_encoder(self, X, y):
        est = classifier(TWO_INPUTS, early_stopping=False).fit(X, y, X_val=X.assign(city="Paris"), y_val=y)
        assert "Paris" not in np.concatenate(est.router_.encoders_["city"].categories_)
