"""Contributions add up, whatever the network, and are those that can be computed by hand where it is linear."""

import re
from html.parser import HTMLParser
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from benchmarks.explanations import share_of_squares, share_of_words
from browser import opened, overflow
from sklearn.preprocessing import FunctionTransformer

from skmulti import (
    CategoryIndexer,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    SequenceBranch,
    TextBranch,
)
from skmulti.datasets import make_listings
from skmulti.errors import InputMismatchError
from skmulti.inspection import explain_rows

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def listings():
    frame, outcome = make_listings(40, random_state=0, size=(8, 8))
    frame = frame.assign(tags=[["a", "b"], ["b", "c"], ["a"], ["c", "d"]] * 10)
    frame.loc[frame.index[:3], ["area", "description", "photo", "trace", "city"]] = None
    frame.loc[frame.index[5], "description"] = "<script>alert(1)</script> a bright kitchen"
    return frame, outcome


@pytest.fixture(scope="module")
def classified(listings):
    frame, outcome = listings
    return MultiInputClassifier(epochs=1, random_state=0, compile__run_eagerly=True).fit(frame, outcome)


@pytest.fixture(scope="module")
def explained(listings, classified):
    return explain_rows(classified, listings[0].head(8))


def misses(explained):
    """Return by how much contributions fail to add up, before what is left over is distributed and after."""
    total = explained.baseline + explained.inputs.sum(axis=1).to_numpy()
    return np.abs(explained.remainder).max(), np.abs(total - explained.output).max()


def test_a_linear_network_gives_weight_times_distance():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(3, 2, size=(40, 2)), columns=["a", "b"])
    reg = MultiInputRegressor(
        InputRouter([("x", NumberScaler(), ["a", "b"])]),
        model=lambda inputs, target: keras.layers.Dense(1, name="line")(inputs["x"]),
        epochs=1,
        random_state=0,
    ).fit(frame, 5 * frame["a"] - frame["b"] + 100)
    explained = explain_rows(reg, frame.head(5))
    scaled = reg.router_.transform(frame.head(5))["x"]
    weights = reg.model_.get_layer("line").kernel.numpy()[:, 0] * reg._target.spec.scale[0]
    np.testing.assert_allclose(explained.columns, scaled * weights, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(explained.output, reg.predict(frame.head(5)), rtol=1e-6)


def test_the_baseline_of_numbers_is_their_training_mean_with_a_shared_branch_too():
    # Numbers as they are: those of a scaler have the mean 0, which would hide a baseline of 0.
    frame = pd.DataFrame(np.random.default_rng(0).normal(5, 2, size=(40, 2)), columns=["a", "b"])
    reg = MultiInputRegressor(
        InputRouter([("a", FunctionTransformer(), ["a"]), ("b", FunctionTransformer(), ["b"])]),
        branches={"b": "a"},
        epochs=1,
        early_stopping=False,
        random_state=0,
    ).fit(frame, frame["a"] + 3 * frame["b"])
    # One layer fills both inputs, so its value is the mean of both columns.
    mean = pd.DataFrame([[frame.to_numpy().mean()] * 2], columns=["a", "b"])

    np.testing.assert_allclose(explain_rows(reg, frame.head(2)).baseline, reg.predict(mean)[[0, 0]], rtol=1e-4)


def test_contributions_add_up_over_every_kind_of_input(explained, classified, listings):
    left_over, missed = misses(explained)
    assert left_over < 1e-3
    assert missed < 1e-9
    proba = classified.predict_proba(listings[0].head(8)).max(axis=1)
    np.testing.assert_allclose(explained.output, proba, atol=1e-6)
    np.testing.assert_allclose(explained.columns.sum(axis=1), explained.inputs.sum(axis=1), atol=1e-12)
    assert explained.pixels["photo"].shape == (8, *classified.router_.specs_["photo"].shape[:2])


def test_the_baseline_is_one_row_for_all(listings, classified):
    explained = explain_rows(classified, listings[0].head(8), label=classified.classes_[0])
    assert np.ptp(explained.baseline) < 1e-6
    assert set(explained.labels) == {classified.classes_[0]}


@pytest.mark.parametrize(
    ("text", "trace", "merge"),
    [("lstm", "conv", "attention"), ("conv", "gru", "gated"), ("attention", "pool", "multiply")],
)
def test_contributions_add_up_in_every_architecture(listings, text, trace, merge):
    frame, outcome = listings
    frame = frame[["area", "city", "description"]].assign(
        trace=[None if cell is None else cell[: 6 + i % 4] for i, cell in enumerate(frame["trace"])]
    )
    branches = {"description": TextBranch(text, units=8), "trace": SequenceBranch(trace, units=8)}
    clf = MultiInputClassifier(branches=branches, merge=merge, epochs=1, random_state=0, compile__run_eagerly=True).fit(
        frame, outcome
    )
    left_over, missed = misses(explain_rows(clf, frame.head(4), scale="log_odds"))
    assert left_over < 5e-3
    assert missed < 1e-9


def test_a_network_of_float64_is_explained_in_float64(listings):
    frame, outcome = listings[0][["area", "city"]], listings[1]
    clf = MultiInputClassifier(dtype="float64", epochs=1, random_state=0, compile__run_eagerly=True).fit(frame, outcome)
    explained = explain_rows(clf, frame.head(4))
    np.testing.assert_allclose(explained.output, clf.predict_proba(frame.head(4)).max(axis=1), rtol=1e-12)
    assert misses(explained)[0] < 1e-3


def test_ids_that_meet_before_their_embedding_are_told_apart():
    frame = pd.DataFrame({"one": list("abcd") * 10, "two": list("xyyx") * 10, "three": list("pqpq") * 10})

    def network(inputs, target):
        pair = keras.layers.Concatenate()([inputs["one"], inputs["two"]])
        pair = keras.layers.Flatten()(keras.layers.Embedding(8, 3)(pair))
        third = keras.Sequential([keras.layers.Embedding(8, 2), keras.layers.GlobalMaxPooling1D()])(inputs["three"])
        return keras.layers.Dense(1)(keras.layers.Concatenate()([pair, third]))

    router = InputRouter([(name, CategoryIndexer(), name) for name in frame])
    reg = MultiInputRegressor(router, model=network, epochs=1, random_state=0, compile__run_eagerly=True).fit(
        frame, np.arange(40.0)
    )
    explained = explain_rows(reg, frame.head(8))
    assert misses(explained)[1] < 1e-6
    # The network is a sum over inputs: what one input adds depends on its value alone.
    for name in frame:
        assert explained.columns.groupby(frame[name].head(8).to_numpy())[name].std().max() < 1e-4


def test_rows_are_explained_by_themselves(listings, classified, explained):
    order = [5, 2, 7, 0]
    again = explain_rows(classified, listings[0].head(8).iloc[order])
    np.testing.assert_allclose(again.columns, explained.columns.iloc[order], atol=1e-5)


def test_words_are_marked_where_they_stand(explained, listings):
    words = explained.words["description"][5]
    assert [word for word, _ in words][-3:] == ["a", "bright", "kitchen"]
    start, end, _ = explained.marks["description"][5][-1]
    assert listings[0]["description"].iloc[5][start:end] == "kitchen"
    total = sum(amount for _, amount in words)
    assert total == pytest.approx(explained.columns["description"].iloc[5], abs=1e-6)
    assert {word for word, _ in explained.words["tags"][0]} == {"a", "b"}


def test_a_planted_word_is_found():
    assert share_of_words(200, epochs=15)[0] >= 0.95


def test_a_planted_square_is_found():
    assert share_of_squares(100, epochs=15)[0] >= 0.95


def test_what_cannot_be_explained_is_refused(listings, classified):
    frame = listings[0].head(3)
    with pytest.raises(ValueError, match="no class of y"):
        explain_rows(classified, frame, label="lett")
    with pytest.raises(ValueError, match="output=3 is no column"):
        explain_rows(classified, frame, output=3)
    with pytest.raises(ValueError, match="give 'probability'"):
        explain_rows(classified, frame, scale="logit")
    with pytest.raises(InputMismatchError, match="`baseline` is one row, got 2"):
        explain_rows(classified, frame, baseline=frame.head(2))
    with pytest.raises(InputMismatchError, match="no rows"):
        explain_rows(classified, frame.head(0))
    with pytest.raises(InputMismatchError, match=r"must be a table in memory; got .*Read some rows of it"):
        explain_rows(classified, Path("listings.parquet"))


def test_one_of_several_outputs_is_explained():
    frame = pd.DataFrame({"a": np.arange(40.0), "b": list("xy") * 20})
    y = pd.DataFrame({"up": frame["a"] * 3, "down": -frame["a"]})
    reg = MultiInputRegressor(epochs=1, random_state=0, compile__run_eagerly=True).fit(frame, y)
    explained = explain_rows(reg, frame.head(3), output="down", baseline=frame.iloc[[20]])
    np.testing.assert_allclose(explained.output, reg.predict(frame.head(3))[:, 1], rtol=1e-5)
    np.testing.assert_allclose(explained.baseline, reg.predict(frame.iloc[[20]])[0, 1], rtol=1e-5)
    with pytest.raises(ValueError, match="Give the one to explain"):
        explain_rows(reg, frame.head(3))


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.names = set()

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)


def test_the_page_shows_cells_as_text(explained, tmp_path):
    path = explained.to_html(tmp_path / "rows.html", max_rows=7)
    page, tags = path.read_text(encoding="utf-8"), Tags()
    tags.feed(page)
    assert "script" not in tags.names
    assert {"mark", "img", "sup"} <= tags.names
    assert "Rows 1 to 7 of 8" in page
    # Colour is not the only sign.
    assert re.search(r'<mark class="\w+" [^>]*title="[+\N{MINUS SIGN}]', page)
    assert "Explanation of 8 rows" in repr(explained)


@pytest.mark.parametrize(("width", "dark"), [(360, True), (1400, False)])
def test_the_page_fits_windows_and_asks_for_nothing(explained, tmp_path, width, dark):
    with opened(explained.to_html(tmp_path / "rows.html"), width=width, dark=dark) as page:
        assert overflow(page) <= 0
        assert page.errors == page.requests == []
