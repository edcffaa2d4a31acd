"""The estimators: labels, targets, weights, held-out rows, parts, and what a fit leaves alone."""

import copy
import warnings
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.linear_model import LinearRegression

from skmulti import (
    BranchMismatchError,
    CategoryIndexer,
    ConcatenateMerge,
    DenseBranch,
    DenseHead,
    EmbeddingBranch,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
)

ROUTER = InputRouter([("numbers", NumberScaler(), ["a", "b"])])
TWO_INPUTS = InputRouter([("numbers", NumberScaler(), ["a", "b"]), ("city", CategoryIndexer(), "city")])
# The columns as they are: no encoder learns from weights.
PLAIN = InputRouter([("numbers", "passthrough", ["a", "b"])])
SMALL = {
    "branches": {"numbers": DenseBranch(units=(4,))},
    "head": DenseHead(units=()),
    "epochs": 1,
    "random_state": 0,
    # A step that Python runs is slower than a compiled one, but not the first.
    "compile__run_eagerly": True,
}


def frame(n_rows=40, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "a": rng.normal(size=n_rows),
            "b": rng.normal(size=n_rows),
            "city": rng.choice(["Oslo", "Rome", "Bern"], n_rows),
        }
    )


def classifier(router=ROUTER, **params):
    return MultiInputClassifier(router, **{**SMALL, **params})


def regressor(router=ROUTER, **params):
    return MultiInputRegressor(router, **{**SMALL, **params})


def assert_equal_weights(one, two, **tolerance):
    for ours, theirs in zip(one.model_.get_weights(), two.model_.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, **{"atol": 1e-6, **tolerance})


@pytest.fixture(scope="module")
def X():
    return frame()


@pytest.fixture(scope="module")
def y(X):
    return np.where(X["a"] > 0, "yes", "no")


@pytest.fixture(scope="module")
def target(X):
    return (X["a"] - 0.5 * X["b"]).to_numpy()


@pytest.fixture(scope="module")
def fitted(X, y):
    return classifier(TWO_INPUTS).fit(X, y)


@pytest.fixture(scope="module")
def fitted_regressor(X, target):
    return regressor().fit(X, target)


LABELS = {
    "strings": (["no", "yes"], "object"),
    "booleans": ([False, True], "bool"),
    "integers not from 0": ([3, 70], "int64"),
    "negative integers": ([-1, 1], "int64"),
    "whole floats": ([1.0, 2.0], "float64"),
    "three strings": (["b", "a", "c"], "object"),
    "categories": (["low", "high"], "category"),
}


class TestLabels:
    @pytest.mark.parametrize("labels", LABELS)
    def test_labels_of_any_type_are_decoded(self, X, labels):
        values, dtype = LABELS[labels]
        y = pd.Series([values[i % len(values)] for i in range(len(X))], dtype=dtype)
        est = classifier().fit(X, y)
        assert est.classes_.tolist() == sorted(values)
        predicted = est.predict(X)
        assert set(predicted.tolist()) <= set(values)
        assert est.predict_proba(X).shape == (len(X), len(values))
        assert est.score(X, y) == np.mean(predicted == np.asarray(y))

    def test_probabilities_are_float64_and_sum_to_one(self, fitted, X):
        proba = fitted.predict_proba(X)
        assert proba.dtype == "float64"
        np.testing.assert_allclose(proba.sum(axis=1), 1)

    def test_the_most_probable_label_is_predicted(self, fitted, X):
        expected = fitted.classes_[fitted.predict_proba(X).argmax(axis=1)]
        np.testing.assert_array_equal(fitted.predict(X), expected)

    def test_the_second_class_has_the_output_of_the_network(self, fitted, X):
        output = fitted.model_.predict(fitted.router_.transform(X), verbose=0)
        np.testing.assert_allclose(fitted.predict_proba(X)[:, 1], output[:, 0], atol=1e-6)

    def test_an_index_of_any_kind_changes_nothing(self, X, y):
        shuffled = X.set_axis(np.arange(len(X))[::-1] * 7)
        assert_equal_weights(classifier().fit(X, y), classifier().fit(shuffled, pd.Series(y, index=list(range(40)))))

    def test_one_class_is_predicted_everywhere(self, X):
        est = classifier().fit(X, ["only"] * len(X))
        assert set(est.predict(X)) == {"only"}
        np.testing.assert_allclose(est.predict_proba(X), 1)

    def test_a_single_row_fits(self, X):
        assert classifier().fit(X[:1], ["x"]).predict(X[:1]).tolist() == ["x"]

    def test_five_rows_fit(self, X, y):
        assert classifier(early_stopping=True).fit(X[:5], y[:5]).predict(X).shape == (40,)

    def test_a_column_of_labels_warns(self, X, y):
        with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
            est = classifier().fit(X, y[:, None])
        assert est.predict(X).shape == (40,)

    @pytest.mark.parametrize(
        ("wrong", "error", "match"),
        [
            (None, ValueError, "requires y to be passed, but the target y is None"),
            (["yes"] * 39 + [None], ValueError, "1 of 40 labels are missing"),
            ([1.0] * 39 + [np.nan], ValueError, "Input y contains NaN"),
            (["yes"] * 39, InputMismatchError, "X has 40 rows, y has 39"),
            (np.linspace(0, 1, 40), ValueError, "Unknown label type"),
            (np.zeros((40, 2, 2)), ValueError, "should be a 1d array"),
        ],
    )
    def test_labels_of_no_use_are_refused(self, X, wrong, error, match):
        with pytest.raises(error, match=match):
            classifier().fit(X, wrong)

    def test_no_rows_are_refused_at_predict(self, fitted, X):
        with pytest.raises(InputMismatchError, match=r"0 sample\(s\)"):
            fitted.predict(X[:0])

    def test_no_rows_are_refused_at_fit(self, X, y):
        with pytest.raises(InputMismatchError, match=r"0 sample\(s\)"):
            classifier().fit(X[:0], y[:0])

    def test_nothing_is_predicted_before_fit(self, X, y):
        for method in ("predict", "predict_proba"):
            with pytest.raises(NotFittedError, match="This MultiInputClassifier instance is not fitted yet"):
                getattr(classifier(), method)(X)
        with pytest.raises(NotFittedError):
            classifier().score(X, y)

    def test_the_frame_is_remembered(self, fitted):
        assert (fitted.n_features_in_, fitted.feature_names_in_.tolist()) == (3, ["a", "b", "city"])

    def test_columns_may_come_in_another_order(self, fitted, X):
        swapped = X[["city", "b", "a"]].assign(more=1)
        np.testing.assert_array_equal(fitted.predict_proba(swapped), fitted.predict_proba(X))

    def test_a_missing_column_is_named(self, fitted, X):
        with pytest.raises(InputMismatchError, match=r"Input 'city' wants column 'city'.*Did you mean 'City'"):
            fitted.predict(X.rename(columns={"city": "City"}))


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


LINEAR = {
    "branches": {"numbers": DenseBranch(units=())},
    "epochs": 8,
    "batch_size": 4,
    "optimizer__learning_rate": 0.1,
    "compile__run_eagerly": False,
}


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
            (np.ones(39), r"sample_weight.shape == \(39,\)"),
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
        with pytest.raises(ValueError, match="not in class_weight"):
            classifier(class_weight={"maybe": 2}).fit(X, y)

    def test_a_class_whose_weight_is_zero_leaves_the_rest_finite(self, X, y):
        est = classifier(class_weight={"yes": 0.0, "no": 1.0}).fit(X, y)
        assert np.isfinite(est.predict_proba(X)).all()


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


class TestWhatWasPassedStaysAsItWas:
    def test_frame_target_and_weights(self, X, y):
        X, y, weight = X.copy(), pd.Series(y), np.linspace(0, 1, 40)
        kept = copy.deepcopy((X, y, weight))
        classifier(TWO_INPUTS, early_stopping=True).fit(X, y, weight).predict(X)
        pd.testing.assert_frame_equal(X, kept[0])
        pd.testing.assert_series_equal(y, kept[1])
        np.testing.assert_array_equal(weight, kept[2])

    def test_parameters_router_branches_merge_and_head(self, X, y):
        est = classifier(clone(TWO_INPUTS), merge=ConcatenateMerge())
        before, parts = repr(est.get_params()), (est.router, est.branches, est.merge, est.head)
        branch = est.branches["numbers"]
        est.fit(X, y)
        assert repr(est.get_params()) == before
        assert all(
            now is then for now, then in zip((est.router, est.branches, est.merge, est.head), parts, strict=True)
        )
        assert est.branches == {"numbers": branch}
        assert not hasattr(est.router, "specs_")
        assert not any(name.endswith("_") for name in vars(branch))

    def test_a_layer_with_weights(self, X, y):
        layer = keras.layers.Dense(3, name="mine")
        layer.build((None, 2))
        before = layer.get_weights()
        est = classifier(branches={"numbers": layer}, optimizer__learning_rate=0.5).fit(X, y)
        for ours, theirs in zip(layer.get_weights(), before, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert not any(np.array_equal(weight, before[0]) for weight in est.model_.get_weights())

    def test_a_layer_without_weights_stays_unbuilt(self, X, y):
        layer = keras.layers.Dense(3)
        classifier(branches={"numbers": layer}).fit(X, y)
        assert not layer.built

    def test_an_optimizer_object(self, X, y):
        optimizer = keras.optimizers.Adam(0.5)
        est = classifier(optimizer=optimizer).fit(X, y)
        assert (optimizer.built, int(optimizer.iterations)) == (False, 0)
        assert est.model_.optimizer is not optimizer
        assert float(est.model_.optimizer.learning_rate) == 0.5

    def test_metric_objects_and_their_list(self, X, y):
        metric = keras.metrics.BinaryAccuracy()
        metrics = [metric]
        classifier(metrics=metrics).fit(X, y)
        assert metrics == [metric]
        assert [float(variable) for variable in metric.variables] == [0, 0]


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


def by_hand(inputs, target, units=3):
    hidden = keras.layers.Dense(units, name="mine")(inputs["numbers"])
    return keras.layers.Dense(target.width, activation=target.activation)(hidden)


class TestParts:
    def test_a_network_by_hand_is_used(self, X, y):
        est = classifier(model=by_hand, branches=None, model__units=7).fit(X, y)
        assert est.model_.get_layer("mine").units == 7
        np.testing.assert_allclose(est.predict_proba(X).sum(axis=1), 1)

    def test_parameters_of_a_network_by_hand_are_set(self):
        est = classifier(model=by_hand, model__units=7).set_params(model__units=5)
        assert clone(est).get_params()["model__units"] == 5

    def test_a_misspelt_parameter_of_a_network_by_hand_is_named(self, X, y):
        with pytest.raises(TypeError, match="unitz"):
            classifier(model=by_hand, model__unitz=7).fit(X, y)

    def test_a_regression_by_hand_predicts_in_the_units_of_y(self, X, target):
        est = regressor(model=by_hand, optimizer="sgd", optimizer__learning_rate=1e-12).fit(X, target + 1e5)
        np.testing.assert_allclose(est.predict(X), 1e5, atol=100)

    def test_a_network_by_hand_of_wrong_width_is_refused(self, X, y):
        with pytest.raises(BranchMismatchError, match=r"expected an output tensor of shape \(batch, 1\)"):
            classifier(model=lambda inputs, target: inputs["numbers"]).fit(X, y)

    def test_a_network_by_hand_that_gives_nothing_is_refused(self, X, y):
        with pytest.raises(BranchMismatchError, match="`model` gave None"):
            classifier(model=lambda inputs, target: None).fit(X, y)

    def test_a_keras_model_is_refused_with_the_way_out(self, X, y):
        network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        with pytest.raises(TypeError, match=r"`model` is a callable .*, got a keras.Model"):
            classifier(model=network).fit(X, y)

    def test_a_layer_is_a_branch(self, X, y):
        est = classifier(branches={"numbers": keras.layers.Dense(5)}).fit(X, y)
        # 2 x 5 + 5 in the branch, 5 + 1 in the head, 2 values for what is missing.
        assert est.model_.count_params() == 15 + 6 + 2

    def test_first_values_of_a_built_layer_are_kept(self, X, y):
        layer = keras.layers.Dense(3)
        layer.build((None, 2))
        params = {"optimizer": "sgd", "optimizer__learning_rate": 1e-12}
        est = classifier(branches={"numbers": layer}, **params).fit(X, y)
        assert any(
            np.allclose(weight, layer.get_weights()[0]) for weight in est.model_.get_weights() if weight.ndim == 2
        )

    def test_a_callable_is_a_branch(self, X, y):
        est = classifier(branches={"numbers": lambda tensor: keras.ops.concatenate([tensor, tensor**2], axis=-1)})
        assert est.fit(X, y).predict(X).shape == (40,)

    def test_a_branch_of_the_wrong_kind_is_refused(self, X, y):
        with pytest.raises(BranchMismatchError, match=r"Input 'numbers'.*EmbeddingBranch reads category arrays"):
            classifier(branches={"numbers": EmbeddingBranch()}).fit(X, y)

    def test_a_branch_of_no_input_is_refused_with_the_closest_match(self, X, y):
        with pytest.raises(ValueError, match="Did you mean 'numbers'"):
            classifier(branches={"number": DenseBranch()}).fit(X, y)

    def test_a_lambda_layer_is_refused(self, X, y):
        with pytest.raises(BranchMismatchError, match="is a Lambda"):
            classifier(branches={"numbers": keras.layers.Lambda(lambda tensor: tensor)}).fit(X, y)

    def test_a_callable_is_a_merge(self, X, y):
        est = classifier(TWO_INPUTS, merge=lambda tensors: keras.layers.Concatenate()(list(tensors.values())))
        assert est.fit(X, y).predict(X).shape == (40,)

    def test_an_object_of_the_user_is_a_head(self, X, y):
        est = classifier(head=TanhHead()).fit(X, y)
        assert est.model_.get_layer("own_hidden").units == 3
        assert "mean_absolute_error" in est.history_

    def test_inputs_that_nobody_routed_are_inferred(self, X, y):
        est = MultiInputClassifier(epochs=1, random_state=0, compile__run_eagerly=True).fit(X, y)
        assert {column for spec in est.router_.specs_.values() for column in spec.columns} == {"a", "b", "city"}

    def test_the_network_can_be_used_without_the_estimator(self, fitted, X):
        output = fitted.model_.predict(fitted.router_.transform(X), verbose=0)
        np.testing.assert_allclose(output[:, 0], fitted.predict_proba(X)[:, 1], atol=1e-6)

    def test_arrays_by_input_name_are_a_table(self, X, y):
        arrays = {"numbers": X[["a", "b"]].to_numpy()}
        est = classifier().fit(arrays, y)
        assert_equal_weights(est, classifier().fit(X, y))
        assert est.predict(arrays).shape == (40,)


class TanhHead(BaseEstimator):
    """A head of the user's own, as the contract asks."""

    def attach(self, tensor, target):
        hidden = keras.layers.Dense(3, activation="tanh", name="own_hidden")(tensor)
        return keras.layers.Dense(target.width, activation=target.activation)(hidden)

    def default_loss(self, target):
        return "mean_squared_error"

    def default_metrics(self, target):
        return ["mean_absolute_error"]


class TestPrecision:
    @pytest.mark.parametrize("make", [classifier, regressor])
    def test_float64_holds_from_the_arrays_to_the_output(self, X, target, make):
        est = make(TWO_INPUTS, dtype="float64", input_dropout=0.1).fit(X, target > 0 if make is classifier else target)
        arrays = est.router_.transform(X)
        assert arrays["numbers"].dtype == "float64"
        assert {weight.dtype for weight in est.model_.get_weights()} == {np.dtype("float64")}
        assert est.model_(arrays).dtype == "float64"
        assert keras.config.floatx() == "float32"

    def test_float64_keeps_a_difference_that_float32_loses(self, target):
        passthrough = InputRouter([("numbers", "passthrough", ["a"])])
        X = pd.DataFrame({"a": [1.0, 1.0 + 1e-12] * 20})
        predicted = {}
        for dtype in ("float32", "float64"):
            est = regressor(passthrough, dtype=dtype).fit(X, target)
            predicted[dtype] = len(set(est.predict(X)))
        assert predicted == {"float32": 1, "float64": 2}

    def test_predictions_after_another_float_type_of_fit_are_the_same(self, fitted, X, y):
        before = fitted.predict_proba(X)
        classifier(dtype="float64").fit(X, y)
        np.testing.assert_array_equal(fitted.predict_proba(X), before)


class CountingScaler(TransformerMixin, BaseEstimator):
    """Note each call of `transform` in a file."""

    def __init__(self, path=None):
        self.path = path

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        with Path(self.path).open("a") as file:
            file.write("x")
        return np.asarray(X)


class TestMemory:
    def test_arrays_that_were_encoded_before_are_not_encoded_again(self, X, y, tmp_path):
        router = InputRouter([("numbers", CountingScaler(str(tmp_path / "calls")), ["a", "b"])])
        first = classifier(router, memory=str(tmp_path / "cache")).fit(X, y)
        calls = (tmp_path / "calls").read_text()
        second = classifier(router, memory=str(tmp_path / "cache")).fit(X, y)
        assert calls
        assert (tmp_path / "calls").read_text() == calls
        assert_equal_weights(first, second, atol=0)
        np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))

    def test_other_rows_are_encoded_anew(self, X, y, tmp_path):
        for rows in (X, X.assign(a=X["a"] + 1)):
            est = classifier(memory=str(tmp_path)).fit(rows, y)
        assert est.router_.encoders_["numbers"].mean_[0] == pytest.approx(X["a"].mean() + 1)

    def test_results_equal_those_without_memory(self, X, y, tmp_path, fitted):
        assert_equal_weights(classifier(TWO_INPUTS, memory=str(tmp_path)).fit(X, y), fitted, atol=0)


class TestInputDropout:
    def test_it_changes_training_but_no_prediction(self, X, y, fitted):
        est = classifier(TWO_INPUTS, input_dropout=0.5).fit(X, y)
        np.testing.assert_array_equal(est.predict_proba(X), est.predict_proba(X))
        assert not np.array_equal(est.predict_proba(X), fitted.predict_proba(X))

    def test_it_teaches_the_network_to_do_without_an_input(self, X):
        X = X.assign(b=X["a"])
        y = np.where(X["a"] > 0, "yes", "no")
        router = InputRouter([("one", NumberScaler(), ["a"]), ("two", NumberScaler(), ["b"])])
        params = {"branches": {}, **{k: v for k, v in LINEAR.items() if k != "branches"}}
        est = classifier(router, input_dropout=0.4, **params).fit(X, y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert est.score(X.assign(b=np.nan), y) > 0.9

    @pytest.mark.parametrize("rate", [-0.1, 1.0])
    def test_a_rate_of_no_sense_is_refused(self, X, y, rate):
        with pytest.raises(ValueError, match="'input_dropout' parameter"):
            classifier(input_dropout=rate).fit(X, y)
