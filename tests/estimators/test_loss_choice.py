"""Losses that an estimator takes by name, object or function, and those that its target cannot have."""

import keras
import numpy as np
import pytest
from estimator_cases import LINEAR, classifier, regressor


class TestLosses:
    @pytest.mark.parametrize(
        "loss", ["mae", "huber", "log_cosh", keras.losses.Huber(0.5), keras.losses.MeanAbsoluteError]
    )
    def test_a_loss_by_name_object_or_class_trains(self, X, target, loss):
        est = regressor(loss=loss, **LINEAR).fit(X, 1e5 + 1e4 * target)
        assert est.score(X, 1e5 + 1e4 * target) > 0.9

    def test_poisson_predicts_positive_rates(self, X, target):
        counts = np.random.default_rng(0).poisson(np.exp(target))
        est = regressor(loss="poisson", **LINEAR).fit(X, counts)
        predicted = est.predict(X)
        assert (predicted > 0).all()
        assert np.corrcoef(np.log(predicted), target)[0, 1] > 0.9

    def test_the_squared_logarithmic_loss_predicts_nothing_negative(self, X, target):
        est = regressor(loss="mean_squared_logarithmic_error").fit(X, np.exp(target))
        assert (est.predict(X) >= 0).all()

    @pytest.mark.parametrize("loss", ["poisson", "mean_squared_logarithmic_error"])
    def test_a_negative_target_is_refused_where_the_loss_cannot_reach_it(self, X, target, loss):
        with pytest.raises(ValueError, match="needs a target of 0 to inf, y reaches from -"):
            regressor(loss=loss).fit(X, target)

    @pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "hinge"])
    def test_a_loss_of_classes_is_refused_by_the_regressor(self, X, target, loss):
        with pytest.raises(ValueError, match="is for classes"):
            regressor(loss=loss).fit(X, target)

    @pytest.mark.parametrize(
        ("loss", "n_classes"),
        [
            ("binary_focal_crossentropy", 2),
            ("categorical_focal_crossentropy", 2),
            (keras.losses.CategoricalFocalCrossentropy(gamma=1.0), 3),
            ("categorical_crossentropy", 3),
            ("sparse_categorical_crossentropy", 2),
        ],
    )
    def test_a_loss_of_classes_gives_probabilities(self, X, loss, n_classes):
        est = classifier(loss=loss).fit(X, np.arange(40) % n_classes)
        np.testing.assert_allclose(est.predict_proba(X).sum(axis=1), 1)
        assert np.isfinite(est.history_["loss"]).all()

    @pytest.mark.parametrize(
        ("loss", "match"),
        [
            ("hinge", "margins, not probabilities"),
            ("binary_crossentropy", "is for two classes, y has 3"),
            (keras.losses.SparseCategoricalCrossentropy(from_logits=True), "from_logits=True"),
        ],
    )
    def test_a_loss_that_gives_no_probabilities_is_refused(self, X, loss, match):
        with pytest.raises(ValueError, match=match):
            classifier(loss=loss).fit(X, np.arange(40) % 3)

    def test_a_loss_function_of_the_user_trains(self, X, target):
        def cubic(y_true, y_pred):
            return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** 3, axis=-1)

        est = regressor(loss=cubic, batch_size=40, optimizer="sgd", optimizer__learning_rate=1e-12).fit(X, target)
        error = np.abs(target - est.predict(X)) / target.std()
        assert est.history_["loss"][0] == pytest.approx(np.mean(error**3), rel=1e-3)
