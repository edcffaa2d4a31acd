"""Tests of decision 6: a row that lacks a photo, a text, a trace, a category or a number still counts."""

import warnings

import keras
import numpy as np
import pandas as pd
import pytest

from skmulti import (
    CalendarEncoder,
    CategoryIndexer,
    DenseBranch,
    DenseHead,
    EmbeddingBranch,
    ImageBranch,
    ImageDecoder,
    InputRouter,
    MissingValuesWarning,
    MultiInputRegressor,
    NumberScaler,
    OneHotBranch,
    SequenceBranch,
    SequencePadder,
    StagedMerge,
    TargetSpec,
    TextBranch,
    TextVectorizer,
    VectorStacker,
    build_network,
)
from skmulti.layers.missing import LearnedWhenMissing
from skmulti.network.branches import resolve_branches
from skmulti.network.merges import MERGES, as_merge
from skmulti.training.run import isolate

ROUTER = InputRouter(
    [
        ("size", NumberScaler(), ["width", "height"]),
        ("city", CategoryIndexer(), "city"),
        ("review", TextVectorizer(length=3), "review"),
        ("photo", ImageDecoder(size=(8, 8)), "photo"),
        ("trace", SequencePadder(), "trace"),
        ("day", CalendarEncoder(), "day"),
        ("embedding", VectorStacker(), "embedding"),
    ]
)
INPUTS = {name: [columns] if isinstance(columns, str) else columns for name, _, columns in ROUTER.inputs}
BRANCHES = {
    "size": DenseBranch(units=(4,)),
    "review": TextBranch(embedding_dim=3),
    "photo": ImageBranch(filters=(2,)),
    "trace": SequenceBranch(units=4),
}


def complete(n_rows=12):
    """Return a frame of every kind without a missing cell."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "width": rng.normal(size=n_rows),
            "height": rng.normal(size=n_rows),
            "city": np.array(["Oslo", "Rome", "Bern"])[np.arange(n_rows) % 3],
            "review": np.array(["good food", "bad", "not good at all"])[np.arange(n_rows) % 3],
            "photo": [rng.integers(0, 256, (8, 8, 3)).astype("uint8") for _ in range(n_rows)],
            "trace": [rng.normal(size=2 + i % 3).tolist() for i in range(n_rows)],
            "day": pd.date_range("2024-01-01", periods=n_rows, freq="D"),
            "embedding": [rng.normal(size=3).tolist() for _ in range(n_rows)],
        }
    )


def without(frame, name, rows):
    """Take an input away from some rows."""
    frame = frame.copy()
    for column in INPUTS[name]:
        missing = pd.NaT if frame[column].dtype.kind == "M" else np.nan if frame[column].dtype.kind == "f" else None
        frame.loc[frame.index[rows], column] = missing
    return frame


def gappy():
    """Return a frame whose row i lacks its i-th input; the one after those lacks all of them."""
    frame = complete()
    for i, name in enumerate(INPUTS):
        frame = without(frame, name, [i, len(INPUTS)])
    return frame


@pytest.fixture(scope="module")
def encoded():
    router = ROUTER.__class__(ROUTER.inputs)
    return router, router.fit_transform(gappy())


@pytest.fixture(scope="module")
def fitted():
    """Return a regressor that was fitted on rows with gaps."""
    X = gappy()
    y = np.arange(len(X), dtype=float)
    params = {"branches": BRANCHES, "head": DenseHead(units=()), "epochs": 1, "random_state": 0}
    return MultiInputRegressor(ROUTER, compile__run_eagerly=True, **params).fit(X, y)


@pytest.fixture(scope="module")
def fitted_without_gaps():
    """Return a regressor that saw no missing cell at fit."""
    X = complete()
    params = {"branches": BRANCHES, "head": DenseHead(units=()), "epochs": 1, "random_state": 0}
    return MultiInputRegressor(ROUTER, compile__run_eagerly=True, **params).fit(X, np.arange(len(X), dtype=float))


def untrained(router, arrays, branches=None, merge="concatenate"):
    """Build a network on encoded rows and give its output."""
    branches = resolve_branches(router.specs_, router.default_branches(), {**BRANCHES, **(branches or {})})
    parts = (branches, as_merge(merge), DenseHead(units=()), TargetSpec(), arrays)
    # Seeded: now and then a product of many factors is the same, 0, for two rows.
    with isolate(0, "float32"):
        return np.asarray(build_network(router.specs_, *parts)(arrays))


MERGE_OBJECTS = {**{name: name for name in MERGES}, "staged": StagedMerge([("seen", "attention", ["photo", "review"])])}


@pytest.fixture(scope="module", params=MERGE_OBJECTS)
def outputs(request, encoded):
    """Return the output of an untrained network with each merge, for the rows with gaps."""
    return untrained(*encoded, merge=MERGE_OBJECTS[request.param])


class TestEveryMerge:
    @pytest.mark.parametrize("name", INPUTS)
    def test_a_row_without_an_input_is_predicted(self, outputs, name):
        assert np.isfinite(outputs[list(INPUTS).index(name)]).all()

    def test_a_row_without_any_input_is_predicted(self, outputs):
        assert np.isfinite(outputs[len(INPUTS)]).all()

    def test_complete_rows_are_predicted_each_for_itself(self, outputs):
        rest = outputs[len(INPUTS) + 1 :]
        assert np.isfinite(rest).all()
        assert len(np.unique(rest)) == len(rest)


class TestEveryArchitecture:
    @pytest.mark.parametrize("architecture", ["pool", "flatten", "lstm", "gru", "conv", "attention"])
    def test_words_and_steps(self, encoded, architecture):
        branches = {
            "review": TextBranch(architecture, embedding_dim=3, units=4),
            "trace": SequenceBranch(architecture, units=4),
        }
        assert np.isfinite(untrained(*encoded, branches)).all()

    @pytest.mark.parametrize("normalization", ["batch", "layer"])
    def test_normalised_numbers(self, encoded, normalization):
        branches = {"size": DenseBranch(units=(4,), normalization=normalization)}
        assert np.isfinite(untrained(*encoded, branches)).all()

    @pytest.mark.parametrize("branch", [OneHotBranch(units=(4,)), EmbeddingBranch(2, units=(3,))])
    def test_categories(self, encoded, branch):
        assert np.isfinite(untrained(*encoded, {"city": branch})).all()

    @pytest.mark.parametrize("pooling", ["both", "average", "max", "flatten"])
    def test_pixels(self, encoded, pooling):
        assert np.isfinite(untrained(*encoded, {"photo": ImageBranch(filters=(2,), pooling=pooling)})).all()


class TestFit:
    def test_weights_and_history_stay_finite(self, fitted):
        assert all(np.isfinite(weight).all() for weight in fitted.model_.get_weights())
        assert np.isfinite(fitted.history_["loss"]).all()

    def test_rows_with_gaps_are_predicted_without_a_warning(self, fitted):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.isfinite(fitted.predict(gappy())).all()

    @pytest.mark.parametrize("name", INPUTS)
    def test_a_frame_that_lacks_an_input_in_every_row_is_predicted(self, fitted, name):
        assert np.isfinite(fitted.predict(without(complete(), name, range(12)))).all()

    def test_only_words_and_pixels_need_a_flag_beside_them(self, fitted):
        flagged = [name for name, spec in fitted.router_.specs_.items() if spec.missing_name]
        assert flagged == ["review", "photo"]

    def test_every_input_learned_a_vector_for_rows_without_it(self, fitted):
        vectors = [layer for layer in fitted.model_.layers if isinstance(layer, LearnedWhenMissing)]
        assert len(vectors) == len(INPUTS)
        assert all(np.abs(layer.get_weights()[0]).max() > 0 for layer in vectors)

    def test_the_pixels_of_a_missing_photo_have_no_influence(self, fitted):
        arrays = fitted.router_.transform(gappy())
        missing = arrays["photo__missing"][:, 0]
        noisy = {**arrays, "photo": np.where(missing[:, None, None, None], 200, arrays["photo"]).astype("uint8")}
        expected = fitted.model_.predict(arrays, verbose=0)
        np.testing.assert_allclose(fitted.model_.predict(noisy, verbose=0), expected, rtol=1e-6)

    @pytest.mark.parametrize("empty", [None, np.nan, pd.NA])
    @pytest.mark.parametrize("column", ["city", "review", "photo", "trace"])
    def test_every_empty_cell_means_the_same(self, fitted, column, empty):
        frame = complete(2).astype({column: object})
        expected = fitted.predict(without(frame, column, [0]))
        frame.at[0, column] = empty
        np.testing.assert_array_equal(fitted.predict(frame), expected)

    def test_a_single_number_that_is_missing_leaves_the_other_in_use(self, fitted):
        frame = complete(2)
        frame.loc[:, "width"] = np.nan
        frame["height"] = [0.0, 5.0]
        for column in ("city", "review", "photo", "trace", "day", "embedding"):
            frame[column] = [frame[column].iloc[0]] * 2
        first, second = fitted.predict(frame)
        assert first != second


class TestPredictOnly:
    @pytest.mark.parametrize("name", INPUTS)
    def test_what_was_never_missing_at_fit_is_filled_and_warned_about(self, fitted_without_gaps, name):
        frame = without(complete(), name, [3])
        with pytest.warns(MissingValuesWarning, match=rf"Input '{name}'.*1 of 12 rows have missing values.*label 3"):
            predicted = fitted_without_gaps.predict(frame)
        assert np.isfinite(predicted).all()
        kept = np.delete(np.arange(12), 3)
        np.testing.assert_allclose(predicted[kept], fitted_without_gaps.predict(complete())[kept], rtol=1e-6)

    def test_a_missing_number_counts_as_the_training_mean(self, fitted_without_gaps):
        frame = complete()
        averaged = frame.assign(width=frame["width"].mean())
        with pytest.warns(MissingValuesWarning):
            predicted = fitted_without_gaps.predict(frame.assign(width=np.nan))
        np.testing.assert_allclose(predicted, fitted_without_gaps.predict(averaged), rtol=1e-4)

    def test_a_missing_text_counts_as_one_without_words(self, fitted_without_gaps):
        with pytest.warns(MissingValuesWarning):
            predicted = fitted_without_gaps.predict(complete().assign(review=None))
        np.testing.assert_array_equal(predicted, fitted_without_gaps.predict(complete().assign(review="")))

    def test_a_missing_photo_counts_as_a_black_one(self, fitted_without_gaps):
        black = [np.zeros((8, 8, 3), "uint8")] * 12
        with pytest.warns(MissingValuesWarning):
            predicted = fitted_without_gaps.predict(complete().assign(photo=None))
        np.testing.assert_allclose(predicted, fitted_without_gaps.predict(complete().assign(photo=black)), rtol=1e-6)

    def test_complete_rows_give_no_warning(self, fitted_without_gaps):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fitted_without_gaps.predict(complete())


def test_a_column_that_was_empty_at_fit_neither_helps_nor_harms():
    X = complete().assign(width=np.nan)
    router = InputRouter([("size", NumberScaler(), ["width", "height"])])
    est = MultiInputRegressor(router, epochs=1, random_state=0, compile__run_eagerly=True).fit(X, np.arange(12.0))
    assert np.isfinite(est.predict(X)).all()
    assert keras.ops.all(keras.ops.isfinite(est.model_(est.router_.transform(X))))
