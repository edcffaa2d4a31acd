"""`partial_fit` of encoders: parts of a table teach what the whole table does."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from table_cases import N

from skmulti import (
    CalendarEncoder,
    CategoryIndexer,
    InputMismatchError,
    InputRouter,
    NumberScaler,
    RecordVectorizer,
    SequencePadder,
    TextVectorizer,
    VectorStacker,
)


@pytest.fixture(scope="module")
def wide(table):
    """The same with days, hours and vectors, which the first part lacks."""
    days = pd.Timestamp("2019-12-25") + pd.to_timedelta(np.arange(N) // 7, "D")
    hours = pd.Series(pd.Timestamp("2020-01-01", tz="Europe/Oslo") + pd.to_timedelta(np.arange(N) % 24, "h"))
    vectors = [None] * 80 + [[float(i), 1.0] for i in range(N - 80)]
    return table.assign(day=days, hour=hours.where(np.arange(N) > 75), vector=vectors)


ENCODERS = [
    (NumberScaler(), ["size", "year"]),
    (NumberScaler(add_indicator=False), ["weight"]),
    (StandardScaler(), ["year"]),
    (CategoryIndexer(), ["place", "label"]),
    (CategoryIndexer(max_categories=3), ["place"]),
    (CategoryIndexer(min_frequency=0.2), ["place"]),
    (CategoryIndexer(categories=[["Oslo", "Paris", "Rome"]]), ["place"]),
    (TextVectorizer(max_tokens=5), "note"),
    (TextVectorizer(length=None, ngrams=2), "note"),
    (TextVectorizer(length=4, vocabulary=["wet", "cold"]), ["note", "place"]),
    (SequencePadder(), "trace"),
    (SequencePadder(length=0.5), "trace"),
    (CalendarEncoder(), ["day", "hour"]),
    (CalendarEncoder(parts=["year", "weekday"]), ["day"]),
    (VectorStacker(), "vector"),
]


class TestPartialFit:
    @pytest.mark.parametrize(("encoder", "columns"), ENCODERS)
    def test_parts_teach_what_the_whole_does(self, encoder, columns, wide):
        whole, parts = clone(encoder).fit(wide[columns]), clone(encoder)
        for start in range(0, N, 70):
            parts.partial_fit(wide[columns][start : start + 70])
        assert_allclose(parts.transform(wide[columns]), whole.transform(wide[columns]), rtol=1e-6, atol=1e-6)
        if hasattr(whole, "spec"):
            assert parts.spec("x") == whole.spec("x")

    @pytest.mark.parametrize(("encoder", "columns"), ENCODERS[:-5:3])
    def test_fit_begins_anew(self, encoder, columns, table):
        used = clone(encoder).partial_fit(table[columns][:50]).fit(table[columns][100:])
        fresh = clone(encoder).fit(table[columns][100:])
        assert_array_equal(used.transform(table[columns]), fresh.transform(table[columns]))

    def test_a_fit_between_parts_is_not_mixed_with_them(self, table):
        column = table[["year"]]
        used = NumberScaler().partial_fit(column[:50]).fit(column[50:90]).partial_fit(column[90:])
        assert_allclose(used.mean_, NumberScaler().fit(column[90:]).mean_)

    def test_weights_of_parts_weigh_as_those_of_the_whole(self, table):
        columns, weight = table[["size", "year"]], table["weight"].to_numpy()
        whole, parts = NumberScaler().fit(columns, sample_weight=weight), NumberScaler()
        for rows in (slice(0, 100), slice(100, N)):
            parts.partial_fit(columns[rows], sample_weight=weight[rows])
        assert_allclose([parts.mean_, parts.scale_], [whole.mean_, whole.scale_], rtol=1e-12)

    @pytest.mark.parametrize("encoder", [NumberScaler(), CalendarEncoder(), RecordVectorizer()])
    def test_weights_are_as_repeated_rows(self, encoder, wide):
        weight = np.arange(N) % 4
        columns = {
            "NumberScaler": wide[["size", "year"]],
            "CalendarEncoder": wide[["day"]],
            "RecordVectorizer": pd.Series([{"size": size, "third": i % 3} for i, size in enumerate(wide["size"])]),
        }[type(encoder).__name__]
        expected = clone(encoder).fit(columns.loc[columns.index.repeat(weight)]).transform(columns)
        assert_allclose(encoder.fit(columns, sample_weight=weight).transform(columns), expected, rtol=1e-5, atol=1e-5)
        parts = clone(encoder)
        for rows in (slice(0, 100), slice(100, N)):
            parts.partial_fit(columns[rows], sample_weight=weight[rows])
        assert_allclose(parts.transform(columns), expected, rtol=1e-5, atol=1e-5)

    def test_large_values_keep_their_spread(self):
        values = pd.DataFrame({"x": 1e9 + np.arange(1000.0)})
        parts = NumberScaler()
        for start in range(0, 1000, 100):
            parts.partial_fit(values[start : start + 100])
        assert_allclose(parts.scale_, NumberScaler().fit(values).scale_, rtol=1e-9)

    def test_constant_column_has_scale_one(self):
        parts = NumberScaler().partial_fit(pd.DataFrame({"x": [0.1] * 3})).partial_fit(pd.DataFrame({"x": [0.1] * 7}))
        assert parts.scale_.tolist() == [1.0]

    def test_sequences_of_another_width_are_refused_in_a_later_part(self):
        padder = SequencePadder().partial_fit(pd.Series([[1.0], [2.0]], name="t"))
        with pytest.raises(InputMismatchError, match=r"'t'.*do not have 1 number a step, first at row label 5"):
            padder.partial_fit(pd.Series([[[1.0, 2.0]]], index=[5], name="t"))

    @pytest.mark.parametrize("encoder", [OneHotEncoder(), PCA(1)])
    def test_encoder_that_needs_all_rows_says_so_by_name(self, encoder, table):
        given = InputRouter([("x", encoder, ["year"])])
        with pytest.raises(
            InputMismatchError, match=rf"'x' \(column 'year'\): {type(encoder).__name__} learns from all"
        ):
            given.fit_chunks(lambda: [(table, None, None)], table)

    def test_transformer_without_state_needs_no_partial_fit(self, table):
        given = InputRouter([("x", FunctionTransformer(np.log1p), ["year"]), ("y", "passthrough", ["year"])])
        fitted = given.fit_chunks(lambda: [(table[:100], None, None), (table[100:], None, None)], table)
        assert_allclose(fitted.transform(table)["x"][:, 0], np.log1p(table["year"]), rtol=1e-6)
