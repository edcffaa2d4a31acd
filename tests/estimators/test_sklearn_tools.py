"""The tools of scikit-learn that hold an estimator, on one table of numbers, categories, text and images.

Searches, routed metadata, pipelines and processes are in `test_sklearn_search.py`.
"""

import io

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    KFold,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    check_cv,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from skmulti import (
    DenseBranch,
    DenseHead,
    ImageBranch,
    ImageDecoder,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    TextBranch,
    TextVectorizer,
)

NAMES = {"numbers": ["size", "price"], "place": ["place"], "note": "note", "photo": "photo"}
POSITIONS = {"numbers": [0, 1], "place": [2], "note": 3, "photo": 4}
FOLDS = StratifiedKFold(2)


def mixed_table(n_rows=60, seed=0):
    """Make a table of two numbers, a category, a text and an image, of which the numbers alone decide the targets."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "size": rng.normal(size=n_rows),
            "price": rng.normal(size=n_rows),
            "place": rng.choice(["Bern", "Oslo", "Rome"], n_rows),
            "note": [" ".join(rng.choice(["red", "green", "small", "large", "old"], 3)) for _ in range(n_rows)],
            "photo": [png(rng.integers(0, 256, (8, 8), dtype="uint8")) for _ in range(n_rows)],
        }
    )


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def labels(X):
    return np.where(X["size"] + 0.3 * X["price"] > 0, "yes", "no")


def amounts(X):
    return (50 + 10 * X["size"] - 2 * X["price"]).to_numpy()


def parts(columns=NAMES, **params):
    """Return new parameters of a small estimator, one input for each kind of column."""
    encoders = {
        "numbers": StandardScaler(),
        "place": OneHotEncoder(handle_unknown="ignore"),
        "note": TextVectorizer(max_tokens=50, length=5),
        "photo": ImageDecoder(size=(8, 8)),
    }
    return {
        "router": InputRouter([(name, encoder, columns[name]) for name, encoder in encoders.items()]),
        "branches": {
            "numbers": DenseBranch((8,)),
            "place": DenseBranch(()),
            "note": TextBranch(embedding_dim=4),
            "photo": ImageBranch(filters=(4,)),
        },
        "head": DenseHead(()),
        "epochs": 3,
        "batch_size": 64,
        "early_stopping": False,
        "random_state": 0,
        "optimizer": "rmsprop",
        "optimizer__learning_rate": 0.05,
        # A step that Python runs is slower than a compiled one, but not the first.
        "compile__run_eagerly": True,
        **params,
    }


def classifier(columns=NAMES, **params):
    return MultiInputClassifier(**parts(columns, **params))


def regressor(columns=NAMES, **params):
    return MultiInputRegressor(**parts(columns, **params))


def assert_close(one, two):
    assert_allclose(one, two, rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def X():
    return mixed_table()


@pytest.fixture(scope="module")
def y(X):
    return labels(X)


@pytest.fixture(scope="module")
def target(X):
    return amounts(X)


@pytest.fixture(scope="module")
def fitted(X, y):
    return classifier(compile__run_eagerly=False).fit(X, y)


@pytest.fixture(scope="module")
def fitted_regressor(X, target):
    return regressor(compile__run_eagerly=False).fit(X, target)


@pytest.fixture(scope="module")
def proba(fitted, X):
    return fitted.predict_proba(X)


@pytest.fixture(scope="module")
def folds(X, y):
    """Return (held-out rows, their probabilities) of each fold, from fits by hand."""
    found = []
    for train, test in FOLDS.split(X, y):
        found.append((test, classifier().fit(X.iloc[train], y[train]).predict_proba(X.iloc[test])))
    return found


@pytest.fixture(scope="module")
def out_of_fold(folds, y):
    """Return the probability of "yes" for each row, from the fold that held it out."""
    together = np.empty(len(y))
    for test, probabilities in folds:
        together[test] = probabilities[:, 1]
    return together


def bagging(estimator):
    return BaggingClassifier(estimator, n_estimators=2, max_samples=40, random_state=0)


@pytest.fixture(scope="module")
def bag(X, y):
    return bagging(classifier(POSITIONS)).fit(X.to_numpy(dtype=object), y)


class TestIdentity:
    def test_a_clone_of_a_fitted_estimator_is_unfitted_and_fits_alike(self, fitted, proba, X, y):
        twin = clone(fitted)
        assert not hasattr(twin, "model_")
        assert_close(twin.fit(X, y).predict_proba(X), proba)

    def test_classifiers_and_regressors_are_told_apart(self):
        assert is_classifier(classifier())
        assert not is_regressor(classifier())
        assert is_regressor(regressor())
        assert not is_classifier(regressor())

    def test_folds_of_a_classifier_are_stratified(self, y):
        folds = check_cv(3, y, classifier=is_classifier(classifier()))
        assert isinstance(folds, StratifiedKFold)
        assert isinstance(check_cv(3, y, classifier=is_classifier(regressor())), KFold)

    def test_a_global_output_configuration_changes_no_prediction(self, proba, X, y):
        with sklearn.config_context(transform_output="pandas"):
            assert_close(classifier().fit(X, y).predict_proba(X), proba)


class TestCrossValidation:
    def test_cross_validate_scores_as_a_loop_by_hand(self, folds, X, y):
        scorers = ["accuracy", "roc_auc", "neg_log_loss"]
        found = cross_validate(classifier(), X, y, cv=FOLDS, scoring=scorers, return_estimator=True)
        for fold, (test, probabilities) in enumerate(folds):
            positive = y[test] == "yes"
            assert found["test_accuracy"][fold] == ((probabilities[:, 1] > 0.5) == positive).mean()
            assert_close(found["test_roc_auc"][fold], roc_auc_score(positive, probabilities[:, 1]))
            assert_close(-found["test_neg_log_loss"][fold], log_loss(y[test], probabilities))
            assert_close(found["estimator"][fold].predict_proba(X.iloc[test]), probabilities)

    def test_cross_val_predict_gives_the_probabilities_of_the_folds(self, out_of_fold, X, y):
        found = cross_val_predict(classifier(), X, y, cv=FOLDS, method="predict_proba")
        assert_close(found, np.column_stack([1 - out_of_fold, out_of_fold]))

    def test_cross_val_score_of_a_regressor_is_r_squared(self, X, target):
        train, test = cut = next(KFold(2).split(X))
        residual = target[test] - regressor().fit(X.iloc[train], target[train]).predict(X.iloc[test])
        by_hand = 1 - (residual**2).sum() / ((target[test] - target[test].mean()) ** 2).sum()
        assert_close(cross_val_score(regressor(), X, target, cv=[cut]), [by_hand])

    def test_learning_curve_scores_fits_on_the_first_rows(self, folds, X, y):
        cut = [next(FOLDS.split(X, y))]
        sizes, _, scores = learning_curve(classifier(), X, y, cv=cut, train_sizes=[12, 30], scoring="neg_log_loss")
        train, test = cut[0]
        few = classifier().fit(X.iloc[train[:12]], y[train[:12]]).predict_proba(X.iloc[test])
        assert sizes.tolist() == [12, 30]
        assert_close(-scores[:, 0], [log_loss(y[test], few), log_loss(y[test], folds[0][1])])

    def test_validation_curve_sets_a_parameter_of_a_branch(self, folds, X, y):
        train, test = next(FOLDS.split(X, y))
        _, scores = validation_curve(
            classifier(),
            X,
            y,
            param_name="branches__numbers__units",
            param_range=[(2,), (8,)],
            cv=[(train, test)],
            scoring="neg_log_loss",
        )
        narrow = classifier().set_params(branches__numbers__units=(2,)).fit(X.iloc[train], y[train])
        narrow = narrow.predict_proba(X.iloc[test])
        assert_close(-scores[:, 0], [log_loss(y[test], narrow), log_loss(y[test], folds[0][1])])


class TestEnsembles:
    def linear(self):
        return make_pipeline(make_column_transformer(("passthrough", ["size", "price"])), LogisticRegression())

    def test_soft_voting_averages_the_probabilities_of_its_members(self, proba, X, y):
        members = [("net", classifier()), ("other", classifier(random_state=1)), ("linear", self.linear())]
        voting = VotingClassifier(members, voting="soft").fit(X, y)
        each = [proba, classifier(random_state=1).fit(X, y).predict_proba(X), self.linear().fit(X, y).predict_proba(X)]
        assert_close(voting.predict_proba(X), np.mean(each, axis=0))
        assert_array_equal(voting.predict(X), voting.classes_[np.mean(each, axis=0).argmax(axis=1)])

    def test_voting_averages_the_predictions_of_regressors(self, fitted_regressor, X, target):
        linear = make_pipeline(make_column_transformer(("passthrough", ["size", "price"])), LinearRegression())
        voting = VotingRegressor([("net", regressor()), ("linear", linear)]).fit(X, target)
        each = [fitted_regressor.predict(X), linear.fit(X, target).predict(X)]
        assert_close(voting.predict(X), np.mean(each, axis=0))

    def test_stacking_learns_from_the_probabilities_of_the_folds(self, proba, out_of_fold, X, y):
        stack = StackingClassifier([("net", classifier())], final_estimator=LogisticRegression(), cv=FOLDS).fit(X, y)
        final = LogisticRegression().fit(out_of_fold[:, None], y)
        assert_close(stack.transform(X), proba[:, 1:])
        assert_allclose(stack.predict_proba(X), final.predict_proba(proba[:, 1:]), rtol=1e-4, atol=1e-5)
        assert set(stack.predict(X)) <= {"no", "yes"}

    def test_stacking_passes_the_predictions_of_a_regressor_on(self, fitted_regressor, X, target):
        stack = StackingRegressor([("net", regressor())], final_estimator=LinearRegression(), cv=2).fit(X, target)
        assert_close(stack.transform(X)[:, 0], fitted_regressor.predict(X))
        assert_close(stack.predict(X), stack.final_estimator_.predict(stack.transform(X)))

    def test_bagging_weights_the_rows_of_an_array_by_how_often_they_are_drawn(self, bag, X, y):
        rows = X.to_numpy(dtype=object)
        counts = np.bincount(bag.estimators_samples_[0], minlength=len(X))
        first = classifier(POSITIONS, random_state=bag.estimators_[0].random_state).fit(rows, y, sample_weight=counts)
        assert_close(bag.estimators_[0].predict_proba(rows), first.predict_proba(rows))
        assert_close(bag.predict_proba(rows), np.mean([one.predict_proba(rows) for one in bag.estimators_], axis=0))

    def test_bagging_reads_a_frame_by_position(self, bag, X, y):
        assert_close(bagging(classifier(POSITIONS)).fit(X, y).predict_proba(X), bag.predict_proba(X.to_numpy(object)))

    def test_bagging_averages_the_predictions_of_regressors(self, X, target):
        bag = BaggingRegressor(regressor(POSITIONS), n_estimators=2, random_state=0).fit(X, target)
        rows = X.to_numpy(dtype=object)
        assert_close(bag.predict(X), np.mean([member.predict(rows) for member in bag.estimators_], axis=0))

    def test_bagging_with_columns_by_name_says_to_use_positions(self, X, y):
        with pytest.raises(InputMismatchError, match=r"'size', but X has no column names.*integer positions"):
            bagging(classifier()).fit(X, y)

    def test_boosting_weights_the_rows_that_the_first_member_has_wrong(self, X, y):
        boost = AdaBoostClassifier(classifier(POSITIONS, epochs=1), n_estimators=2, random_state=0).fit(X, y)
        rows = X.to_numpy(dtype=object)
        seeds = [member.random_state for member in boost.estimators_]
        wrong = classifier(POSITIONS, epochs=1, random_state=seeds[0]).fit(rows, y).predict(rows) != y
        odds = (1 - wrong.mean()) / wrong.mean()
        second = classifier(POSITIONS, epochs=1, random_state=seeds[1])
        second.fit(rows, y, sample_weight=np.where(wrong, odds, 1.0))
        assert_close(boost.estimator_errors_[0], wrong.mean())
        assert_close(boost.estimators_[1].predict_proba(rows), second.predict_proba(rows))


class TestNumbersOnly:
    @pytest.mark.parametrize(
        "tool",
        [
            OneVsOneClassifier(classifier(POSITIONS)),
            SelfTrainingClassifier(classifier(POSITIONS)),
            SequentialFeatureSelector(classifier(POSITIONS), n_features_to_select=1),
        ],
        ids=lambda tool: type(tool).__name__,
    )
    def test_tools_that_make_numbers_of_the_table_refuse_text(self, X, y, tool):
        with pytest.raises(ValueError, match="could not convert string to float"):
            clone(tool).fit(X, y)


class TestTargets:
    def test_a_transformed_target_is_learned_and_transformed_back(self, X, target):
        wrapped = TransformedTargetRegressor(regressor(), func=np.log, inverse_func=np.exp).fit(X, target)
        assert_close(wrapped.predict(X), np.exp(regressor().fit(X, np.log(target)).predict(X)))

    def test_one_against_the_rest_fits_a_network_for_each_class(self, X):
        place = X["place"].to_numpy()
        found = OneVsRestClassifier(classifier()).fit(X, place)
        each = np.column_stack([member.predict_proba(X)[:, 1] for member in found.estimators_])
        assert found.classes_.tolist() == ["Bern", "Oslo", "Rome"]
        assert_close(classifier().fit(X, (place == "Oslo").astype(int)).predict_proba(X)[:, 1], each[:, 1])
        assert_close(found.predict_proba(X), each / each.sum(axis=1, keepdims=True))
        assert_array_equal(found.predict(X), found.classes_[each.argmax(axis=1)])

    def test_several_targets_have_a_classifier_each(self, proba, X, y):
        found = MultiOutputClassifier(classifier()).fit(X, np.column_stack([y, X["place"]]))
        assert_close(found.predict_proba(X)[0], proba)
        assert found.predict_proba(X)[1].shape == (60, 3)

    def test_several_targets_have_a_regressor_each(self, fitted_regressor, X, target):
        found = MultiOutputRegressor(regressor()).fit(X, np.column_stack([target, -target]))
        assert_close(found.predict(X)[:, 0], fitted_regressor.predict(X))


class TestProbabilities:
    def test_calibration_fits_the_probabilities_of_the_folds(self, proba, out_of_fold, X, y):
        calibrated = CalibratedClassifierCV(classifier(), method="isotonic", cv=FOLDS, ensemble=False).fit(X, y)
        isotonic = IsotonicRegression(out_of_bounds="clip").fit(out_of_fold, y == "yes")
        assert_allclose(calibrated.predict_proba(X)[:, 1], isotonic.predict(proba[:, 1]), atol=1e-5)

    def test_calibration_of_a_frozen_estimator_fits_its_own_probabilities(self, fitted, proba, X, y):
        calibrated = CalibratedClassifierCV(FrozenEstimator(fitted), method="isotonic").fit(X, y)
        isotonic = IsotonicRegression(out_of_bounds="clip").fit(proba[:, 1], y == "yes")
        assert_close(calibrated.predict_proba(X)[:, 1], isotonic.predict(proba[:, 1]))

    def test_the_threshold_with_the_best_score_over_the_folds_is_chosen(self, folds, proba, X, y):
        thresholds = np.array([0.2, 0.35, 0.5, 0.65, 0.8])
        tuned = TunedThresholdClassifierCV(classifier(), cv=FOLDS, thresholds=thresholds).fit(X, y)
        scores = [
            np.mean([balanced_accuracy_score(y[test] == "yes", found[:, 1] >= threshold) for test, found in folds])
            for threshold in thresholds
        ]
        assert_close(tuned.best_score_, max(scores))
        assert_close(scores[list(thresholds).index(tuned.best_threshold_)], max(scores))
        assert_array_equal(tuned.predict(X) == "yes", proba[:, 1] >= tuned.best_threshold_)

    def test_a_fixed_threshold_decides_the_label(self, fitted, proba, X, y):
        fixed = FixedThresholdClassifier(FrozenEstimator(fitted), threshold=0.7, pos_label="yes").fit(X, y)
        assert_array_equal(fixed.predict(X) == "yes", proba[:, 1] >= 0.7)

    def test_a_frozen_estimator_is_not_fitted_again(self, fitted, proba, X, y):
        frozen = FrozenEstimator(fitted).fit(X.iloc[:10], y[:10])
        assert clone(frozen).estimator is fitted
        assert_array_equal(frozen.predict_proba(X), proba)


class TestInspection:
    def test_the_informative_column_is_the_most_important(self, fitted, X, y):
        found = permutation_importance(fitted, X, y, scoring="roc_auc", n_repeats=3, random_state=0)
        assert X.columns[found.importances_mean.argmax()] == "size"
        again = permutation_importance(fitted, X, y, scoring="roc_auc", n_repeats=3, random_state=0)
        assert_array_equal(again.importances, found.importances)

    @pytest.mark.parametrize(("column", "categorical"), [("size", None), ("place", ["place"])])
    def test_partial_dependence_averages_over_the_other_columns(self, fitted, X, column, categorical):
        found = partial_dependence(
            fitted, X, [column], grid_resolution=4, categorical_features=categorical, response_method="predict_proba"
        )
        by_hand = [fitted.predict_proba(X.assign(**{column: value}))[:, 1].mean() for value in found["grid_values"][0]]
        assert_close(found["average"][0], by_hand)
        assert len(by_hand) > 2

    def test_partial_dependence_of_a_regressor_averages_its_predictions(self, fitted_regressor, X):
        found = partial_dependence(fitted_regressor, X, ["size"], grid_resolution=4)
        by_hand = [fitted_regressor.predict(X.assign(size=value)).mean() for value in found["grid_values"][0]]
        assert_close(found["average"][0], by_hand)
