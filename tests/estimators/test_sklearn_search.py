"""Searches, nested parameters, routed metadata, pipelines and processes, on the table of `test_sklearn_tools.py`."""

import pickle
import subprocess
import sys

import joblib
import keras
import numpy as np
import pytest
import scipy.stats
import sklearn
import tensorflow as tf
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from test_sklearn_tools import amounts, assert_close, classifier, labels, mixed_table, regressor

from skmulti import AverageMerge, DenseHead, ImageBranch, NumberScaler


@pytest.fixture(scope="module")
def X():
    return mixed_table()


@pytest.fixture(scope="module")
def y(X):
    return labels(X)


@pytest.fixture(scope="module")
def cut(X, y):
    """Return one division into training and test rows, in the form of `cv`."""
    return [next(StratifiedKFold(2).split(X, y))]


@pytest.fixture(scope="module")
def plain(X, y):
    return classifier().fit(X, y)


def by_hand(X, y, **params):
    return classifier().set_params(**params).fit(X, y)


def score_by_hand(X, y, cut, **params):
    """Return the log-likelihood of the test rows after a fit on the training rows."""
    train, test = cut[0]
    return -log_loss(y[test], by_hand(X.iloc[train], y[train], **params).predict_proba(X.iloc[test]))


def assert_found_by_hand(search, X, y):
    """A search predicts as an estimator that was fitted by hand with the parameters it found."""
    expected = by_hand(X, y, **search.best_params_)
    assert_close(search.predict_proba(X), expected.predict_proba(X))
    assert_array_equal(search.predict(X), expected.predict(X))


class TestSearches:
    def test_grid_search_fits_the_best_of_the_grid(self, X, y, cut):
        grid = {"branches__numbers__units": [(2,), (6,)], "merge": ["average"]}
        search = GridSearchCV(classifier(), grid, cv=cut, scoring="neg_log_loss").fit(X, y)
        scores = [score_by_hand(X, y, cut, **params) for params in ParameterGrid(grid)]
        assert_close(search.cv_results_["mean_test_score"], scores)
        assert search.best_params_ == ParameterGrid(grid)[int(np.argmax(scores))]
        assert_found_by_hand(search, X, y)

    def test_randomized_search_draws_from_a_distribution(self, X, y, cut):
        space = {"optimizer__learning_rate": scipy.stats.loguniform(1e-3, 1e-1), "branches__photo__filters": [(2,)]}
        search = RandomizedSearchCV(classifier(), space, n_iter=2, cv=cut, random_state=0).fit(X, y)
        assert search.cv_results_["params"] == list(ParameterSampler(space, 2, random_state=0))
        assert rate_of(search.best_estimator_) == pytest.approx(search.best_params_["optimizer__learning_rate"])
        assert_found_by_hand(search, X, y)

    def test_halving_search_gives_the_better_candidates_more_rows(self, X, y, cut):
        grid = {"optimizer__learning_rate": [1e-4, 5e-2]}
        search = HalvingGridSearchCV(classifier(), grid, cv=cut, factor=2, random_state=0).fit(X, y)
        assert search.n_resources_ == [30, 60]
        assert search.n_candidates_ == [2, 1]
        assert search.best_params_ in ParameterGrid(grid)
        assert search.best_params_ == search.cv_results_["params"][-1]
        assert set(search.predict(X)) <= {"no", "yes"}

    def test_halving_search_gives_the_better_candidates_more_epochs(self, X, y, cut):
        grid = {"optimizer__learning_rate": [1e-4, 5e-2]}
        search = HalvingGridSearchCV(
            classifier(), grid, cv=cut, factor=2, resource="epochs", min_resources=1, max_resources=2, random_state=0
        ).fit(X, y)
        assert search.cv_results_["n_resources"].tolist() == [1, 1, 2]
        assert [params["epochs"] for params in search.cv_results_["params"]] == [1, 1, 2]
        assert search.best_estimator_.n_iter_ == 2


def branch_layer(estimator, name, kind):
    """Return the first layer of a class in the branch of an input."""
    layers = estimator.model_.get_layer(f"{name}__layers").layers
    return next(layer for layer in layers if isinstance(layer, kind))


def rate_of(estimator):
    return float(estimator.model_.optimizer.learning_rate.numpy())


def halved(epoch, rate):
    return rate / 2


LABEL_LOSS = {"loss": "binary_crossentropy"}
SCHEDULER = {"callbacks": [keras.callbacks.LearningRateScheduler]}
STOP_CLASS = {"callbacks": keras.callbacks.EarlyStopping, "callbacks__monitor": "loss"}
STOPPER = {"callbacks": {"stop": keras.callbacks.EarlyStopping}, "callbacks__stop__monitor": "loss"}
# Parameter, value, what it is set on, where it shows in the fitted estimator, and as what.
NESTED = [
    ("branches__photo__filters", (6,), {}, lambda est: branch_layer(est, "photo", keras.layers.Conv2D).filters, 6),
    ("branches__photo", ImageBranch((3,)), {}, lambda est: branch_layer(est, "photo", keras.layers.Conv2D).filters, 3),
    ("branches__note__embedding_dim", 7, {}, lambda est: est.model_.get_layer("note__branch").output.shape[1], 7),
    ("merge", "average", {}, lambda est: type(est.merge_), AverageMerge),
    ("merge__units", 5, {"merge": "gated"}, lambda est: est.model_.get_layer("head__output").kernel.shape[0], 5),
    ("head__dropout", 0.5, {"head": DenseHead((7,))}, lambda est: est.model_.get_layer("head__dropout_0").rate, 0.5),
    ("head__units", (7,), {}, lambda est: est.model_.get_layer("head__dense_0").units, 7),
    ("router__note__max_tokens", 4, {}, lambda est: est.router_.specs_["note"].vocabulary_sizes, (4,)),
    ("router__numbers__with_std", False, {}, lambda est: est.router_.encoders_["numbers"].scale_, None),
    ("router__numbers", NumberScaler(), {}, lambda est: type(est.router_.encoders_["numbers"]), NumberScaler),
    ("optimizer__learning_rate", 0.25, {}, rate_of, 0.25),
    ("loss__label_smoothing", 0.2, LABEL_LOSS, lambda est: est.model_.loss.label_smoothing, 0.2),
    ("callbacks__0__schedule", halved, SCHEDULER, rate_of, pytest.approx(0.025)),
    ("callbacks__patience", 3, STOP_CLASS, lambda est: est.callbacks_[0].patience, 3),
    ("callbacks__stop__patience", 3, STOPPER, lambda est: est.callbacks_[0].patience, 3),
    ("compile__run_eagerly", False, {}, lambda est: est.model_.run_eagerly, False),
    ("epochs", 2, {}, lambda est: len(est.history_["loss"]), 2),
]


class TestNestedParameters:
    @pytest.mark.parametrize(("path", "value", "given", "found", "expected"), NESTED, ids=[row[0] for row in NESTED])
    def test_what_is_set_is_got_cloned_and_fitted(self, X, y, path, value, given, found, expected):
        estimator = classifier(**{"epochs": 1, **given}).set_params(**{path: value})
        assert estimator.get_params()[path] == value
        twin = clone(estimator)
        assert repr(twin.get_params()[path]) == repr(value)
        assert found(twin.fit(X, y)) == expected

    def test_a_search_fits_each_candidate_with_its_nested_parameters(self, X, y, cut):
        def weights(estimator, X, y):
            return estimator.model_.count_params()

        grid = [
            {"branches__photo": [ImageBranch((2, 3))]},
            {"merge": ["gated"], "merge__units": [5], "head__units": [(7,)]},
            {"router__note__max_tokens": [4]},
        ]
        search = GridSearchCV(classifier(epochs=1), grid, cv=cut, scoring=weights, refit=False).fit(X, y)
        train = cut[0][0]
        sizes = [weights(by_hand(X.iloc[train], y[train], epochs=1, **one), X, y) for one in ParameterGrid(grid)]
        assert search.cv_results_["mean_test_score"].tolist() == sizes
        assert len(set(sizes)) == 3


class PriceFiller(TransformerMixin, BaseEstimator):
    """Fill missing prices of a frame with the median of those at fit, and add a line to a file at each fit."""

    def __init__(self, log=None):
        self.log = log

    def fit(self, X, y=None):
        self.median_ = X["price"].median()
        if self.log is not None:
            with open(self.log, "a") as file:
                file.write("fitted\n")
        return self

    def transform(self, X):
        return X.fillna({"price": self.median_})


@pytest.fixture(scope="module")
def gaps(X):
    """Return the table with each third price missing."""
    return X.assign(price=X["price"].where(np.arange(len(X)) % 3 > 0))


class TestPipelines:
    def test_an_earlier_step_gives_the_estimator_a_frame(self, gaps, y):
        pipe = make_pipeline(PriceFiller(), classifier()).fit(gaps, y)
        filled = PriceFiller().fit_transform(gaps)
        assert_close(pipe.predict_proba(gaps), by_hand(filled, y).predict_proba(filled))
        assert pipe[-1].feature_names_in_.tolist() == list(gaps.columns)

    def test_memory_saves_the_second_fit_of_a_step(self, gaps, y, tmp_path):
        log = tmp_path / "log"
        pipe = make_pipeline(PriceFiller(str(log)), classifier(), memory=str(tmp_path / "memory"))
        first, second = (clone(pipe).fit(gaps, y) for _ in range(2))
        assert log.read_text() == "fitted\n"
        assert_close(second.predict_proba(gaps), first.predict_proba(gaps))


@pytest.fixture(scope="module")
def weight(X):
    return np.where(X["size"] > 0, 5.0, 0.1)


@pytest.fixture(scope="module")
def weighted(X, y, weight):
    """Return the probabilities after a weighted fit by hand."""
    return classifier().fit(X, y, sample_weight=weight).predict_proba(X)


@pytest.fixture(scope="module")
def weighted_fold(X, y, weight, cut):
    """Return an estimator fitted by hand on the weighted training rows."""
    train = cut[0][0]
    return classifier().fit(X.iloc[train], y[train], sample_weight=weight[train])


class TestRoutedMetadata:
    def test_weights_reach_fit_through_a_pipeline(self, plain, weighted, X, y, weight):
        with sklearn.config_context(enable_metadata_routing=True):
            pipe = make_pipeline(PriceFiller(), classifier().set_fit_request(sample_weight=True))
            pipe.fit(X, y, sample_weight=weight)
        assert_close(pipe.predict_proba(X), weighted)
        assert np.abs(weighted - plain.predict_proba(X)).max() > 0.01

    def test_weights_without_a_request_are_refused(self, X, y, weight):
        with (
            sklearn.config_context(enable_metadata_routing=True),
            pytest.raises(UnsetMetadataPassedError, match=r"sample_weight.*not explicitly set as requested or not"),
        ):
            make_pipeline(PriceFiller(), classifier()).fit(X, y, sample_weight=weight)

    def test_weights_reach_fit_and_score_in_a_search(self, weighted, weighted_fold, X, y, weight, cut):
        with sklearn.config_context(enable_metadata_routing=True):
            estimator = classifier().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
            search = GridSearchCV(estimator, {"epochs": [3]}, cv=cut).fit(X, y, sample_weight=weight)
        test = cut[0][1]
        accuracy = accuracy_score(y[test], weighted_fold.predict(X.iloc[test]), sample_weight=weight[test])
        assert_close(search.predict_proba(X), weighted)
        assert_close(search.cv_results_["mean_test_score"], [accuracy])

    def test_weights_of_cross_validation_are_divided_with_the_rows(self, weighted_fold, X, y, weight, cut):
        with sklearn.config_context(enable_metadata_routing=True):
            estimator = classifier().set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
            params = {"sample_weight": weight}
            found = cross_validate(estimator, X, y, cv=cut, params=params, return_estimator=True)["estimator"][0]
        assert_close(found.predict_proba(X), weighted_fold.predict_proba(X))

    def test_held_out_rows_pass_through_the_earlier_steps(self, gaps, y, cut):
        train, test = cut[0]
        rows, held = gaps.iloc[train], gaps.iloc[test]
        with sklearn.config_context(enable_metadata_routing=True):
            estimator = classifier().set_fit_request(X_val=True, y_val=True)
            pipe = Pipeline([("fill", PriceFiller()), ("net", estimator)], transform_input=["X_val"])
            pipe.fit(rows, y[train], X_val=held, y_val=y[test])
        filler = PriceFiller().fit(rows)
        expected = classifier().fit(filler.transform(rows), y[train], X_val=filler.transform(held), y_val=y[test])
        assert len(expected.history_["val_loss"]) == 3
        assert_close(pipe[-1].history_["val_loss"], expected.history_["val_loss"])


def threads():
    """Return the sizes of TensorFlow's thread pools in this process; 0 is TensorFlow's own choice."""
    threading = tf.config.threading
    return threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads()


def threads_after_fit(X, y):
    classifier().fit(X, y)
    return threads()


LOADER = """
import pickle
import joblib
import numpy as np

with open("table.pkl", "rb") as file:
    table = pickle.load(file)
with open("classifier.pkl", "rb") as file:
    classifier = pickle.load(file)
np.save("classifier.npy", classifier.predict_proba(table))
np.save("regressor.npy", joblib.load("regressor.joblib").predict(table))
"""


@pytest.fixture(scope="module")
def loaded(plain, X, tmp_path_factory):
    """Return (estimator, its predictions in another process) of a pickled classifier and a dumped regressor."""
    folder = tmp_path_factory.mktemp("loaded")
    estimators = {"classifier": plain, "regressor": regressor().fit(X, amounts(X))}
    (folder / "table.pkl").write_bytes(pickle.dumps(X))
    (folder / "classifier.pkl").write_bytes(pickle.dumps(estimators["classifier"]))
    joblib.dump(estimators["regressor"], folder / "regressor.joblib")
    subprocess.run([sys.executable, "-c", LOADER], cwd=folder, check=True)
    return {name: (estimator, np.load(folder / f"{name}.npy")) for name, estimator in estimators.items()}


class TestProcesses:
    @pytest.mark.long
    def test_a_search_in_two_processes_finds_the_same_scores(self, X, y, cut):
        grid = {"branches__numbers__units": [(2,), (6,)]}
        scoring = ["accuracy", "neg_log_loss"]
        one, two = (
            GridSearchCV(classifier(), grid, cv=cut, scoring=scoring, refit=False, n_jobs=n).fit(X, y).cv_results_
            for n in (1, 2)
        )
        assert_array_equal(two["mean_test_accuracy"], one["mean_test_accuracy"])
        assert_close(two["mean_test_neg_log_loss"], one["mean_test_neg_log_loss"])

    @pytest.mark.long
    def test_processes_of_joblib_compute_with_the_threads_that_joblib_gives_them(self, X, y):
        with joblib.parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
            jobs = joblib.Parallel()(joblib.delayed(threads_after_fit)(X, y) for _ in range(2))
        assert jobs == [(1, 1), (1, 1)]

    def test_threads_of_the_main_process_stay_tensorflows_choice(self, plain):
        assert plain.n_iter_ == 3
        assert threads() == (0, 0)

    @pytest.mark.long
    def test_a_pickled_classifier_predicts_alike_in_another_process(self, loaded, X):
        estimator, predicted = loaded["classifier"]
        assert_close(predicted, estimator.predict_proba(X))

    @pytest.mark.long
    def test_a_dumped_regressor_predicts_alike_in_another_process(self, loaded, X):
        estimator, predicted = loaded["regressor"]
        assert_close(predicted, estimator.predict(X))
