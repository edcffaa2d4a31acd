"""Routers that learn the parts of a table apart from each other, and merge what was learned."""

import functools
import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from router_cases import assert_equal_arrays
from sklearn.base import clone
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

from skmulti import (
    CategoryIndexer,
    ImageDecoder,
    InputMismatchError,
    InputRouter,
    NumberScaler,
    SequencePadder,
    TextVectorizer,
)
from skmulti.datasets import make_listings
from skmulti.errors import OddCellsWarning

N = 308
LISTINGS = make_listings(N, random_state=0, size=(8, 8))[0]
CUTS = [0, 0, 1, 8, 308, 308]


def split(frame, cuts=CUTS):
    """Return the rows between cuts."""
    return [frame[start:end] for start, end in itertools.pairwise(cuts)]


def sent(thing):
    """Return an object as it arrives on another machine."""
    return pickle.loads(pickle.dumps(thing))


def balanced(items):
    """Merge items as a balanced tree."""
    middle = len(items) // 2
    return items[0] if len(items) == 1 else balanced(items[:middle]).merge(balanced(items[middle:]))


def from_left(items):
    """Merge items one after the other."""
    return functools.reduce(lambda one, other: one.merge(other), items)


def fit_apart(router, frames, sample, tree=balanced, weights=None):
    """Return a router that has learned frames apart, all that it needs sent to and fro."""
    parts = sent(router.begin_parts(sample))
    weights = weights or [None] * len(frames)
    learned = tree([sent(parts.learn(frame, None, weight)) for frame, weight in zip(frames, weights, strict=True)])
    reader = sent(parts.reader(learned))
    read = reader and tree([sent(reader.read(frame)) for frame in frames])
    return parts.finish(learned, sample, read)


def fit_in_order(router, frames, sample, weights=None):
    """Return a router that has learned frames one after the other."""
    weights = weights or [None] * len(frames)
    chunks = [(frame, None, weight) for frame, weight in zip(frames, weights, strict=True)]
    return clone(router).fit_chunks(lambda: iter(chunks), sample)


def assert_alike(one, other, frame):
    """Compare plans, specs, arrays and what both make of other rows."""
    assert one.plan_.equals(other.plan_)
    assert one.specs_ == other.specs_
    assert_array_equal(one.feature_names_in_, other.feature_names_in_)
    expected = other.transform(frame)
    for name, array in one.transform(frame).items():
        assert_allclose(array, expected[name], rtol=1e-6, atol=1e-6, err_msg=name)
    pd.testing.assert_frame_equal(one.compare(frame[::2]), other.compare(frame[::2]))
    assert one.fitted_shares() == other.fitted_shares()


class TestDefaultRouter:
    @pytest.mark.long
    @pytest.mark.parametrize("tree", [from_left, balanced])
    def test_it_is_the_one_that_learns_in_order_and_at_once(self, tree):
        router = InputRouter()
        apart = fit_apart(router, split(LISTINGS), LISTINGS, tree)
        assert not hasattr(router, "plan_")
        assert_alike(apart, fit_in_order(router, split(LISTINGS), LISTINGS), LISTINGS)
        assert_alike(apart, InputRouter().fit(LISTINGS), LISTINGS)

    def test_threads_learn_alike(self):
        frame = LISTINGS[:40]
        one, two = (fit_apart(InputRouter(n_jobs=n), split(frame, [0, 15, 40]), frame) for n in (None, 2))
        assert_equal_arrays(one.transform(frame), two.transform(frame))

    def test_what_is_sent_is_small_and_does_not_grow(self):
        parts = InputRouter().begin_parts(LISTINGS)
        assert len(pickle.dumps(parts)) < 5_000
        learned = [len(pickle.dumps(parts.learn(pd.concat([LISTINGS] * n)))) for n in (1, 5)]
        assert learned[1] < 1.1 * learned[0] < 40_000
        assert len(pickle.dumps(parts.reader(parts.learn(LISTINGS)))) < 5_000

    def test_learning_changes_neither_the_beginning_nor_what_was_learned(self):
        parts = InputRouter().begin_parts(LISTINGS)
        first, second = parts.learn(LISTINGS[:100]), parts.learn(LISTINGS[100:])
        before = [pickle.dumps(thing) for thing in (parts, first, second)]
        parts.finish(first.merge(second), LISTINGS, parts.reader(first.merge(second)).read(LISTINGS))
        assert [pickle.dumps(thing) for thing in (parts, first, second)] == before

    def test_no_rows_at_all_are_refused(self):
        parts = InputRouter().begin_parts(LISTINGS)
        learned = parts.learn(LISTINGS[:0]).merge(parts.learn(LISTINGS[:0]))
        with pytest.raises(InputMismatchError, match=r"0 sample\(s\): no part of the table has a row"):
            parts.finish(learned, LISTINGS)
        with pytest.raises(InputMismatchError, match=r"0 sample\(s\)"):
            InputRouter().begin_parts(LISTINGS[:0])


class TestNamedInputs:
    def test_inputs_may_share_an_encoder(self):
        frame = pd.DataFrame({"a": list("xyyz") * 10, "b": list("zxuv") * 10})
        router = InputRouter([("a", CategoryIndexer(), "a"), ("b", "a", "b"), ("c", "b", "a")])
        apart = fit_apart(router, split(frame, [0, 3, 3, 40]), frame)
        assert_alike(apart, clone(router).fit(frame), frame)
        assert apart.encoders_["a"] is apart.encoders_["c"]

    def test_weights_reach_the_encoders_that_take_them(self):
        frame = pd.DataFrame({"x": np.arange(40.0), "y": np.arange(40.0) ** 2, "city": list("ab") * 20})
        weight = np.arange(40.0) % 3
        router = InputRouter(
            [("x", NumberScaler(), ["x"]), ("y", StandardScaler(), ["y"]), ("city", CategoryIndexer(), "city")]
        )
        weights = [weight[:7], weight[7:]]
        apart = fit_apart(router, split(frame, [0, 7, 40]), frame, weights=weights)
        expected = clone(router).fit(frame, sample_weight=weight).transform(frame)
        for name, array in apart.transform(frame).items():
            assert_allclose(array, expected[name], rtol=1e-6)
        in_order = fit_in_order(router, split(frame, [0, 7, 40]), frame, weights).transform(frame)
        assert_allclose(apart.transform(frame)["y"], in_order["y"], rtol=1e-6)

    def test_columns_may_stand_in_another_order_in_each_part(self):
        whole = LISTINGS[["area", "age", "city", "heating"]]
        frames = split(whole)
        frames[2] = frames[2][frames[2].columns[::-1]]
        frames[3] = frames[3].assign(more=1)[["more", *whole.columns[::-1]]]
        assert_alike(fit_apart(InputRouter(), frames, whole), InputRouter().fit(whole), whole)

    def test_a_column_that_a_part_lacks_is_named(self):
        parts = InputRouter().begin_parts(LISTINGS)
        with pytest.raises(InputMismatchError, match="wants column 'city'"):
            parts.learn(LISTINGS.drop(columns="city"))

    def test_parts_may_have_dtypes_of_their_own(self):
        whole = pd.DataFrame({"n": np.arange(60) % 13, "code": np.arange(60) % 7, "d": "2024-01-05"})
        whole["d"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(60), "D")
        router = InputRouter(kinds={"code": "category"})
        frames = split(whole, [0, 20, 40, 60])
        frames[0] = frames[0].astype({"n": "float64", "code": "string"})
        frames[1] = (
            frames[1].assign(d=frames[1]["d"].astype(str).astype(object)).astype({"code": "float32", "n": "str"})
        )
        frames[2] = frames[2].astype({"n": "Int8", "code": object, "d": "datetime64[ns]"})
        sample = pd.concat([frame.astype(object) for frame in frames])
        apart = fit_apart(router, frames, sample)
        expected = clone(router).fit(whole).transform(whole)
        for name, array in apart.transform(whole).items():
            assert_allclose(array, expected[name], rtol=1e-5, atol=1e-6, err_msg=name)


class TestMissing:
    def test_a_gap_in_any_part_is_known(self):
        frame = pd.DataFrame({"note": [*["good food here", "bad one there"] * 6, None]})
        apart = fit_apart(InputRouter([("note", TextVectorizer(), "note")]), split(frame, [0, 12, 13]), frame)
        assert apart.specs_["note"].missing_name == "note__missing"

    def test_files_that_are_absent_are_found_by_a_second_pass(self, photos):
        frame = photos[0].copy()
        frame.loc[[120, 140, 141], "photo"] = ["gone/a.png", "gone/b.png", "gone/c.png"]
        frame.loc[105, "trace"] = None
        router = InputRouter(
            [
                ("photo", ImageDecoder(size=(4, 4), on_error="missing"), "photo"),
                ("again", "photo", "photo"),
                ("trace", SequencePadder(), "trace"),
                ("number", NumberScaler(), ["number"]),
            ]
        )
        frames = split(frame, [0, 30, 41, 41, 70])
        with pytest.warns(OddCellsWarning, match="column 'photo'"):
            apart = fit_apart(router, frames, frame)
        with pytest.warns(OddCellsWarning):
            whole = clone(router).fit(frame)
        assert apart.specs_ == whole.specs_
        assert apart.specs_["photo"].missing_name == "photo__missing"
        in_order = fit_in_order(router, frames, frame)
        assert apart.encoders_["photo"].n_unreadable_ == in_order.encoders_["photo"].n_unreadable_ == 6

    def test_the_second_pass_must_not_be_left_out(self):
        frame = pd.DataFrame({"trace": [[1.0], [2.0, 3.0], []]})
        parts = InputRouter([("trace", SequencePadder(), "trace")]).begin_parts(frame)
        with pytest.raises(ValueError, match="give `read`, see `reader`"):
            parts.finish(parts.learn(frame), frame)

    def test_odd_cells_of_all_parts_are_told_of_once(self, recwarn):
        frame = pd.DataFrame({"x": [*range(60)]}, dtype=object)
        frame.iloc[[5, 25], 0] = "?"
        fit_apart(InputRouter(), split(frame, [0, 20, 40, 60]), frame)
        odd = [str(warning.message) for warning in recwarn if warning.category is OddCellsWarning]
        assert len(odd) == 1
        assert "column 'x': 1 of 20 cells of a part are not numbers, first at row label 5: '?' (type str)" in odd[0]


class TestRefusals:
    @pytest.mark.parametrize("encoder", [OneHotEncoder(), PCA(1), TargetEncoder()])
    def test_encoder_that_needs_all_rows_says_so(self, encoder):
        with pytest.raises(
            InputMismatchError, match=rf"'x' \(column 'area'\): {type(encoder).__name__} learns from all"
        ):
            InputRouter([("x", encoder, ["area"])]).begin_parts(LISTINGS)

    def test_encoder_that_learns_in_order_alone_says_so_before_a_part_is_read(self):
        router = InputRouter([("x", IncrementalPCA(1), ["area", "age"])])
        with pytest.raises(InputMismatchError, match=r"Input 'x' .*: IncrementalPCA learns from parts one after the"):
            router.begin_parts(LISTINGS)
        assert fit_in_order(router, split(LISTINGS, [0, 50, 308]), LISTINGS).transform(LISTINGS)["x"].shape == (N, 1)

    def test_cells_of_a_part_are_refused_with_input_and_row(self):
        frame = LISTINGS.astype({"area": object})
        parts = InputRouter([("x", NumberScaler(), ["area"])]).begin_parts(LISTINGS)
        frame.loc[7, "area"] = "?"
        with pytest.raises(InputMismatchError, match=r"Input 'x' \(column 'area'\): .* first at row label 7: '\?'"):
            parts.learn(frame)

    def test_parts_that_do_not_go_together_are_refused_with_their_input(self):
        frame = pd.DataFrame({"t": [[1.0], [2.0], [[1.0, 2.0]]]})
        parts = InputRouter([("t", SequencePadder(), "t")]).begin_parts(frame[:2])
        first, second = parts.learn(frame[:2]), parts.learn(frame[2:])
        with pytest.raises(InputMismatchError, match=r"Input 't' \(column 't'\): 2 cells hold sequences of 1 numbers"):
            first.merge(second)
