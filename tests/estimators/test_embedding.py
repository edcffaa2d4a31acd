"""The vectors of branches and merge: as outputs of layers, from `embed`, and as a step of a pipeline."""

import pickle

import keras
import numpy as np
import pytest
from common import CHECKS_WITHOUT_DATA
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

import skmulti
from skmulti import (
    BranchMismatchError,
    CategoryIndexer,
    EmbeddingTransformer,
    ImageBranch,
    ImageDecoder,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    NumberScaler,
    OptimizerStateWarning,
    TextVectorizer,
)
from skmulti.datasets import make_listings, make_questions


@pytest.fixture(scope="module")
def listings():
    """Return listings of which some lack their photo, and the outcome."""
    frame, outcome = make_listings(40, random_state=0, size=(8, 8))
    frame.loc[frame.index[5:12], "photo"] = None
    return frame[["area", "age", "city", "photo"]], outcome


@pytest.fixture(scope="module")
def fitted(listings):
    router = InputRouter(
        [
            ("numbers", NumberScaler(), ["area", "age"]),
            ("city", CategoryIndexer(), ["city"]),
            ("photo", ImageDecoder(size=(8, 8), lazy=True), "photo"),
        ]
    )
    branches = {"photo": ImageBranch((4,))}
    return MultiInputClassifier(router, branches=branches, epochs=1, random_state=0, compile__run_eagerly=True).fit(
        *listings
    )


@pytest.fixture(scope="module")
def shared():
    """Return a classifier of which two inputs share a branch, and its rows."""
    frame, y = make_questions(40, random_state=0)
    router = InputRouter([("one", TextVectorizer(), "question1"), ("two", "one", "question2")])
    return MultiInputClassifier(
        router, branches={"two": "one"}, epochs=1, random_state=0, compile__run_eagerly=True
    ).fit(frame, y), frame


class TestVectors:
    @pytest.mark.parametrize("name", ["numbers", "city", "photo"])
    def test_of_a_branch_are_the_output_of_its_layer(self, fitted, listings, name):
        model, arrays = fitted.model_, fitted.router_.transform(listings[0])
        expected = keras.Model(model.input, model.get_layer(f"{name}__branch").output).predict(arrays, verbose=0)

        assert_allclose(fitted.embed(listings[0], name), expected, rtol=1e-5, atol=1e-6)

    def test_of_inputs_that_share_a_branch_differ(self, shared):
        est, frame = shared
        one, two = (est.embed(frame, name) for name in ("one", "two"))
        swapped = frame.rename(columns={"question1": "question2", "question2": "question1"})

        assert not np.allclose(one, two)
        assert_allclose(est.embed(swapped, "one"), two, rtol=1e-6)
        model = keras.Model(est.model_.input, est.model_.get_layer("two__branch").output)
        assert_allclose(model(est.router_.transform(frame)), two, rtol=1e-5, atol=1e-6)

    def test_of_the_merge_are_those_of_the_branches_side_by_side(self, fitted, listings):
        vectors = [fitted.embed(listings[0], name) for name in fitted.router_.specs_]

        assert_allclose(fitted.embed(listings[0]), np.hstack(vectors), rtol=1e-5, atol=1e-6)

    def test_of_rows_without_the_input_are_the_learned_one(self, fitted, listings):
        (learned,) = fitted.model_.get_layer("photo__or_missing").get_weights()
        vectors = fitted.embed(listings[0], "photo")

        assert_array_equal(vectors[5:12], np.tile(learned, (7, 1)))
        assert not (vectors[12] == learned).all()

    def test_need_no_columns_of_other_inputs(self, fitted, listings):
        assert_array_equal(fitted.embed(listings[0][["city"]], "city"), fitted.embed(listings[0], "city"), strict=True)

    def test_of_records_and_parts(self, fitted, listings):
        frame = listings[0]
        expected = fitted.embed(frame)

        assert_allclose(fitted.embed(frame[:3].to_dict("records")), expected[:3], rtol=1e-5, atol=1e-6)
        assert_allclose(fitted.embed(lambda: iter([frame[:30], frame[30:]])), expected, rtol=1e-5, atol=1e-6)

    def test_follow_weights_and_survive_copies(self, fitted, listings):
        frame, outcome = listings
        before = fitted.embed(frame, "numbers")
        copied = pickle.loads(pickle.dumps(fitted))
        assert_allclose(copied.embed(frame, "numbers"), before, rtol=1e-6)

        with pytest.warns(OptimizerStateWarning):
            copied.partial_fit(frame, outcome)
        assert not np.allclose(copied.embed(frame, "numbers"), before)
        assert_array_equal(fitted.embed(frame, "numbers"), before)

    def test_after_a_file(self, fitted, listings, tmp_path):
        skmulti.save(fitted, tmp_path / "est.skmulti")
        loaded = skmulti.load(tmp_path / "est.skmulti")

        assert_allclose(loaded.embed(listings[0]), fitted.embed(listings[0]), rtol=1e-6)

    def test_of_an_input_that_is_none(self, fitted, listings):
        with pytest.raises(
            ValueError, match=r"'foto' is no input; the inputs are 'numbers', 'city' and 'photo'. Did you mean 'photo'"
        ):
            fitted.embed(listings[0], "foto")

    def test_of_a_network_by_hand(self, listings):
        def model(inputs, target):
            return keras.layers.Dense(target.width, activation=target.activation)(inputs["numbers"])

        router = InputRouter([("numbers", StandardScaler(), ["area"])])
        est = MultiInputClassifier(router, model=model, epochs=1).fit(*listings)
        with pytest.raises(BranchMismatchError, match="no branches whose vectors"):
            est.embed(listings[0])

    def test_before_fit(self, listings):
        with pytest.raises(NotFittedError):
            MultiInputClassifier().embed(listings[0])

    def test_without_the_column(self, fitted, listings):
        with pytest.raises(InputMismatchError, match="city"):
            fitted.embed(listings[0].drop(columns="city"), "city")


class TestTransformer:
    def test_frozen_returns_the_vectors_of_the_estimator(self, fitted, listings):
        for transformer in (
            EmbeddingTransformer(fitted, "numbers", frozen=True),
            EmbeddingTransformer(FrozenEstimator(fitted), "numbers"),
        ):
            found = clone(transformer).fit(listings[0]).transform(listings[0])
            assert_array_equal(found, fitted.embed(listings[0], "numbers"))

    def test_fitted_fits_a_clone(self, fitted, listings):
        transformer = EmbeddingTransformer(fitted, "city")
        found = transformer.fit_transform(*listings)

        assert transformer.est_ is not fitted
        assert_allclose(found, fitted.embed(listings[0], "city"), atol=1e-5)

    def test_clone_of_a_frozen_one_keeps_the_estimator_and_the_output(self, fitted):
        copied = clone(EmbeddingTransformer(fitted, frozen=True).set_output(transform="pandas"))

        assert copied.est is fitted
        assert not hasattr(copied, "est_")
        assert copied.get_params(deep=False)["frozen"] is True
        assert clone(EmbeddingTransformer(fitted)).est is not fitted

    def test_names_and_frames(self, fitted, listings):
        transformer = EmbeddingTransformer(fitted, "city", frozen=True).set_output(transform="pandas").fit(listings[0])
        found = transformer.transform(listings[0])

        assert list(found.columns) == list(transformer.get_feature_names_out())
        assert found.columns[0] == "city0"
        assert_array_equal(found.index, listings[0].index)
        assert list(transformer.feature_names_in_) == list(listings[0].columns)
        names = EmbeddingTransformer(fitted, frozen=True).fit(listings[0]).get_feature_names_out()
        assert names[0] == "merge0"

    def test_search_over_a_pipeline(self, fitted, listings):
        pipe = make_pipeline(EmbeddingTransformer(fitted, frozen=True), LogisticRegression())
        search = GridSearchCV(pipe, {"embeddingtransformer__input": ["city", "numbers", None]}, cv=2).fit(*listings)

        assert search.predict(listings[0]).shape == (40,)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()

    def test_parameters_of_the_estimator(self, fitted):
        pipe = make_pipeline(EmbeddingTransformer(clone(fitted)), LogisticRegression())
        pipe.set_params(embeddingtransformer__est__branches__numbers__units=(3,), embeddingtransformer__est__epochs=2)

        assert pipe[0].est.epochs == 2
        assert pipe[0].est.branches["numbers"].units == (3,)

    def test_tags(self, fitted):
        assert get_tags(EmbeddingTransformer(fitted)).target_tags.required
        assert not get_tags(EmbeddingTransformer(fitted, frozen=True)).target_tags.required
        assert get_tags(EmbeddingTransformer(fitted)).input_tags.allow_nan

    @pytest.mark.parametrize("check", CHECKS_WITHOUT_DATA, ids=lambda check: check.__name__)
    def test_scikit_learns_checks(self, check):
        check("EmbeddingTransformer", EmbeddingTransformer(MultiInputClassifier()))

    def test_refusals(self, fitted, listings):
        with pytest.raises(NotFittedError):
            EmbeddingTransformer(fitted, frozen=True).transform(listings[0])
        with pytest.raises(NotFittedError):
            EmbeddingTransformer(clone(fitted), frozen=True).fit(*listings)
        with pytest.raises(TypeError, match=r"got .*LogisticRegression"):
            EmbeddingTransformer(LogisticRegression()).fit(*listings)
        with pytest.raises(ValueError, match="'foto' is no input"):
            EmbeddingTransformer(fitted, "foto", frozen=True).fit(*listings)
        with pytest.raises(ValueError, match="frozen"):
            EmbeddingTransformer(fitted, frozen="yes").fit(*listings)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_pipeline_with_one_comes_back_from_a_file(tmp_path, frozen):
    frame, y = make_listings(60, random_state=0, size=(8, 8))
    X = frame[["area", "city"]]
    est = MultiInputClassifier(epochs=1, random_state=0, compile__run_eagerly=True)
    step = EmbeddingTransformer(est.fit(X, y) if frozen else est, "numbers", frozen=frozen)
    pipe = make_pipeline(step, LogisticRegression()).fit(X, y)
    skmulti.save(pipe, tmp_path / "pipe.skmulti")

    assert_array_equal(skmulti.load(tmp_path / "pipe.skmulti").predict_proba(X), pipe.predict_proba(X))
