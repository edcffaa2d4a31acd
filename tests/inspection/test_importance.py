"""`input_importance` against scikit-learn's `permutation_importance`, a known answer, and what it refuses."""

import keras
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, OneHotEncoder, StandardScaler

from skmulti import (
    BranchMismatchError,
    CalendarEncoder,
    CategoryIndexer,
    DenseBranch,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    input_importance,
)
from skmulti.datasets import make_listings

N_ROWS = 60


@pytest.fixture(scope="module")
def listings():
    """Return listings of which some lack their text or photo, and the outcome."""
    frame, outcome = make_listings(N_ROWS, random_state=0, size=(8, 8))
    frame.loc[frame.index[:7], "description"] = None
    frame.loc[frame.index[5:12], "photo"] = None
    frame.loc[frame.index[3:9], "age"] = np.nan
    return frame, outcome


@pytest.fixture(scope="module")
def fitted(listings):
    return MultiInputClassifier(epochs=2, random_state=0).fit(*listings)


@pytest.fixture(scope="module")
def table():
    """Return a table in which the target is one column, and others say nothing."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=N_ROWS),
            "b": rng.normal(size=N_ROWS),
            "city": rng.choice(["Rome", "Oslo", "Bonn"], N_ROWS),
            "place": rng.choice(["x", "y"], N_ROWS),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, N_ROWS), unit="D"),
            "later": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 700, N_ROWS), unit="D"),
        },
        index=np.arange(N_ROWS)[::-1],
    )
    frame.iloc[2:5, 1] = np.nan
    return frame, 3 * frame["a"].to_numpy()


def every_score(est, X, y):
    """Return a score that feels the slightest change of the predictions."""
    proba = est.predict_proba(X)
    return float((proba * np.arange(1, 1 + proba.shape[1]) * np.arange(len(proba))[:, None]).sum())


class TestTheNumbersOfScikitLearn:
    @pytest.mark.parametrize("scoring", [None, "neg_log_loss", every_score])
    def test_columns_of_every_kind(self, fitted, listings, scoring):
        found = input_importance(fitted, *listings, by="column", scoring=scoring, n_repeats=2, random_state=3)
        expected = permutation_importance(fitted, *listings, scoring=scoring, n_repeats=2, random_state=3)

        assert found.names == list(listings[0].columns)
        for name in ("importances", "importances_mean", "importances_std"):
            assert_allclose(found[name], expected[name], atol=1e-4 if scoring is every_score else 1e-6)

    @pytest.mark.parametrize(
        ("encoder", "columns"),
        [
            (NumberScaler(), ["b", "a"]),
            (CategoryIndexer(), ["city", "place"]),
            (CalendarEncoder(), ["later", "day"]),
            (Normalizer(), ["a", "a2"]),
            (PCA(1), ["a", "a2"]),
            (OneHotEncoder(drop="if_binary", max_categories=2, handle_unknown="ignore"), ["city", "place"]),
            (make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]),
            (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["b", "a"]),
        ],
        ids=lambda value: None if isinstance(value, list) else type(value).__name__,
    )
    def test_columns_of_one_input(self, table, encoder, columns):
        frame, y = table[0].assign(a2=np.square(table[0]["a"])), table[1]
        router = InputRouter([("some", encoder, columns), ("a", StandardScaler(), ["a"])])
        reg = MultiInputRegressor(router, epochs=1, random_state=0, branches={"some": DenseBranch((4,))})
        if isinstance(encoder, CategoryIndexer):
            reg.set_params(branches=None)
        own = list(dict.fromkeys([*columns, "a"]))
        reg.fit(frame[own], y)
        found = input_importance(reg, frame[own], y, by="column", n_repeats=2, random_state=0)
        expected = permutation_importance(reg, frame[own], y, n_repeats=2, random_state=0)

        assert_allclose(found.importances, expected.importances, atol=1e-5)

    def test_weights_and_several_scores(self, fitted, listings):
        weights = np.linspace(0, 1, N_ROWS)
        params = {"scoring": ["accuracy", "roc_auc"], "n_repeats": 2, "random_state": 1, "sample_weight": weights}
        found = input_importance(fitted, *listings, by="column", **params)
        expected = permutation_importance(fitted, *listings, **params)

        assert list(found) == ["accuracy", "roc_auc"]
        for name in found:
            assert_allclose(found[name].importances, expected[name].importances, atol=1e-6)

    def test_several_outputs(self, table):
        frame, y = table[0][["a", "city"]], np.column_stack([table[1], -table[1]])
        reg = MultiInputRegressor(epochs=1, random_state=0, compile__run_eagerly=True).fit(frame, y)
        found = input_importance(reg, frame, y, by="column", random_state=0)

        assert_allclose(found.importances, permutation_importance(reg, frame, y, random_state=0).importances, atol=1e-5)

    def test_two_seeds_differ_and_one_repeats(self, fitted, listings):
        found = [input_importance(fitted, *listings, scoring="neg_log_loss", random_state=seed) for seed in (0, 0, 1)]

        assert_array_equal(found[0].importances, found[1].importances)
        assert (found[0].importances != found[2].importances).all()


class TestInputs:
    def test_an_input_of_one_column_is_that_column(self, fitted, listings):
        by = {
            by: input_importance(fitted, *listings, by=by, scoring="neg_log_loss", random_state=0)
            for by in ("input", "column")
        }

        assert by["input"].names == list(fitted.router_.specs_)
        for name in ("description", "photo", "trace"):
            rows = [found.importances[found.names.index(name)] for found in by.values()]
            assert_array_equal(*rows)

    def test_threads_change_nothing(self, fitted, listings):
        one, two = (input_importance(fitted, *listings, random_state=0, n_jobs=n) for n in (1, 2))

        assert_array_equal(one.importances, two.importances)

    def test_importance_is_what_the_target_depends_on(self, table):
        reg = MultiInputRegressor(epochs=40, random_state=0, router=InputRouter(
            [("a", StandardScaler(), ["a"]), ("b", NumberScaler(), ["b"]), ("city", CategoryIndexer(), ["city"])]
        )).fit(*table)  # fmt: skip
        found = input_importance(reg, *table, random_state=0)

        assert found.importances_mean[0] > 1
        assert abs(found.importances_mean[1:]).max() < 0.1

    def test_an_unread_column_counts_for_nothing(self, table):
        router = InputRouter([("a", StandardScaler(), ["a"])])
        reg = MultiInputRegressor(router, epochs=1, random_state=0, compile__run_eagerly=True).fit(*table)
        found = input_importance(reg, *table, by="column", random_state=0)

        assert found.names == list(table[0].columns)
        assert_array_equal(found.importances[1:], 0)
        assert_array_equal(found.importances[0], permutation_importance(reg, *table, random_state=0).importances[0])

    def test_rows_are_encoded_once(self, table):
        class Counting(StandardScaler):
            calls = 0

            def transform(self, X, copy=None):
                type(self).calls += 1
                return super().transform(X, copy=copy)

        router = InputRouter([("a", Counting(), ["a"]), ("rest", NumberScaler(), ["b"])])
        reg = MultiInputRegressor(router, epochs=1, random_state=0, compile__run_eagerly=True).fit(*table)
        Counting.calls = 0
        for by in ("input", "column"):
            input_importance(reg, *table, by=by)

        assert Counting.calls == 2

    def test_records_and_arrays(self, table):
        frame, y = table[0][["a", "city"]], table[1]
        reg = MultiInputRegressor(epochs=1, random_state=0, compile__run_eagerly=True).fit(frame, y)
        expected = input_importance(reg, frame, y, random_state=0)
        found = input_importance(reg, frame.to_dict("records"), y, random_state=0)
        assert_allclose(found.importances, expected.importances, atol=1e-6)

        arrays = {"one": frame[["a"]].to_numpy(), "two": frame["city"].to_numpy()}
        reg = MultiInputRegressor(epochs=1, random_state=0, compile__run_eagerly=True).fit(arrays, y)
        assert input_importance(reg, arrays, y).names == ["one", "two"]
        with pytest.raises(InputMismatchError, match="by='input'"):
            input_importance(reg, arrays, y, by="column")


class TestMissing:
    def test_an_input_is_replaced_by_what_was_learned(self, fitted, listings):
        frame, outcome = listings
        found = input_importance(fitted, frame, outcome, method="missing", scoring=every_score)
        base = every_score(fitted, frame, outcome)

        for name in ("description", "photo"):
            expected = base - every_score(fitted, frame.assign(**{name: None}), outcome)
            assert_allclose(found.importances[found.names.index(name)], [expected], rtol=1e-3)
        assert found.importances.shape == (5, 1)
        assert_array_equal(found.importances_std, 0)

    def test_a_column_among_others_is_missing_in_the_table(self, fitted, listings):
        frame, outcome = listings
        found = input_importance(fitted, frame, outcome, by="column", method="missing", scoring=every_score)
        expected = every_score(fitted, frame, outcome) - every_score(fitted, frame.assign(age=np.nan), outcome)

        assert_allclose(found.importances[found.names.index("age")], [expected], rtol=1e-3)

    def test_an_input_that_was_never_missing_has_the_mean_vector(self, fitted, listings):
        found = input_importance(fitted, *listings, method="missing", scoring=every_score)
        model, arrays = fitted.model_, fitted.router_.transform(listings[0])
        layer = model.get_layer("trace__branch")
        mean = keras.Model(model.input, layer.output)(arrays).numpy().mean(axis=0)
        vectors = {name: fitted.embed(listings[0], name) for name in found.names}
        vectors["trace"] = np.tile(mean, (N_ROWS, 1))
        rest = keras.Model([model.get_layer(f"{name}__branch").output for name in vectors], model.output)
        output = rest(list(vectors.values())).numpy().astype(float)
        expected = every_score(fitted, *listings) - float(
            (np.hstack([1 - output, output]) * [1, 2] * np.arange(N_ROWS)[:, None]).sum()
        )

        assert_allclose(found.importances[found.names.index("trace")], [expected], atol=1e-2)


@pytest.fixture(scope="module")
def by_hand(table):
    def model(inputs, target):
        return keras.layers.Dense(target.width)(keras.layers.Concatenate()([inputs["a"], inputs["day"]]))

    router = InputRouter([("a", StandardScaler(), ["a"]), ("day", CalendarEncoder(), ["day", "later"])])
    return MultiInputRegressor(router, model=model, epochs=1, random_state=0, compile__run_eagerly=True).fit(*table)


class TestNetworkByHand:
    def test_its_arrays_are_permuted(self, by_hand, table):
        found = input_importance(by_hand, *table, by="column", random_state=0)
        expected = permutation_importance(by_hand, *table, random_state=0)

        assert_allclose(found.importances, expected.importances, atol=1e-5)
        assert input_importance(by_hand, *table, n_repeats=1).names == ["a", "day"]

    def test_it_has_learned_nothing_for_missing_inputs(self, by_hand, table):
        with pytest.raises(BranchMismatchError, match="method='permutation'"):
            input_importance(by_hand, *table, method="missing")


class TestRefusals:
    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"by": "columns"}, "by='columns'.*Did you mean 'column'"),
            ({"method": "permute"}, "method='permute' is neither 'permutation' nor 'missing'"),
            ({"n_repeats": 0}, "n_repeats must be an int of at least 1, got 0"),
            ({"n_repeats": 2.0}, "got 2.0"),
            ({"scoring": "acuracy"}, "acuracy"),
        ],
    )
    def test_wrong_values(self, fitted, listings, params, message):
        with pytest.raises(ValueError, match=message):
            input_importance(fitted, *listings, **params)

    def test_other_numbers_of_rows(self, fitted, listings):
        with pytest.raises(InputMismatchError, match="X has 60 rows, y has the shape \\(59,\\)"):
            input_importance(fitted, listings[0], listings[1][1:])

    def test_rows_in_a_file(self, fitted, listings):
        with pytest.raises(InputMismatchError, match=r"must be a table in memory; got .*Read some rows of it"):
            input_importance(fitted, "listings.parquet", listings[1])

    def test_not_fitted(self, listings):
        with pytest.raises(NotFittedError):
            input_importance(MultiInputClassifier(), *listings)

    def test_pipelines_and_classes(self, fitted, listings):
        for est in (make_pipeline(fitted), MultiInputClassifier):
            with pytest.raises(TypeError, match=r"pipe\[-1\]"):
                input_importance(est, *listings)

    def test_a_missing_column(self, fitted, listings):
        for by in ("input", "column"):
            with pytest.raises(InputMismatchError, match="photo"):
                input_importance(fitted, listings[0].drop(columns="photo"), listings[1], by=by)
