"""Displays draw the numbers that they are given, on the axes that they are given, and need matplotlib only then."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.utils import Bunch

from skmulti import (
    CategoryIndexer,
    EmbeddingDisplay,
    GateDisplay,
    InputImportanceDisplay,
    InputRouter,
    MultiInputClassifier,
    NumberScaler,
    StagedMerge,
    TextVectorizer,
    TrainingDisplay,
)
from skmulti.inspection import figure_to_svg, gate_weights

N = 40


@pytest.fixture(autouse=True)
def quiet():
    """Draw without a screen, and hold each display to leaving the settings and the figures as they are."""
    import matplotlib.pyplot as plt

    matplotlib.use("Agg")
    before, open_before = dict(matplotlib.rcParams), plt.get_fignums()
    yield
    assert dict(matplotlib.rcParams) == before
    assert set(open_before) <= set(plt.get_fignums())
    plt.close("all")


@pytest.fixture
def ax():
    return Figure(figsize=(5, 4), layout="constrained").subplots()


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"size": rng.normal(size=N), "place": rng.choice(["Rome", "Oslo"], N), "note": ["warm day", "cold"] * (N // 2)},
        index=range(100, 100 + N),
    )
    frame.loc[frame.index[::5], "note"] = None
    return frame, np.where(frame["size"] > 0, "yes", "no")


def fitted(rows, merge):
    router = InputRouter(
        [
            ("size", NumberScaler(), ["size"]),
            ("place", CategoryIndexer(), ["place"]),
            ("note", TextVectorizer(), "note"),
        ]
    )
    return MultiInputClassifier(router, merge=merge, epochs=2, random_state=0).fit(*rows)


@pytest.fixture(scope="module")
def gated(rows):
    return fitted(rows, "gated")


@pytest.fixture(scope="module")
def attention(rows):
    return fitted(rows, "attention")


@pytest.fixture(scope="module")
def plain(rows):
    return fitted(rows, "concatenate")


class TestSvg:
    def test_ink_and_font_are_the_pages(self, ax):
        ax.plot([1, 2], color="black")
        ax.set_title("words")
        svg = figure_to_svg(ax.figure, label='a "<b>"')
        root = ElementTree.fromstring(svg)
        assert root.get("aria-label") == 'a "<b>"'
        assert "#000000" not in svg
        assert "DejaVu" not in svg
        assert "<style" not in svg
        assert "<metadata" not in svg

    def test_equal_figures_give_equal_text_and_others_other_ids(self, ax):
        ax.plot([1, 2])
        first, again = figure_to_svg(ax.figure), figure_to_svg(ax.figure)
        ax.plot([2, 1])
        ids = [
            {element.get("id") for element in ElementTree.fromstring(svg).iter()} - {None}
            for svg in (first, figure_to_svg(ax.figure))
        ]
        assert first == again
        assert all(ids)
        assert not ids[0] & ids[1]

    def test_cells_stay_text(self, ax):
        ax.set_title('<script> \x00 日本 id="x"', parse_math=False)
        svg = figure_to_svg(ax.figure)
        assert "&lt;script&gt;" in svg
        assert "日本" in svg


class TestTraining:
    def test_curves_are_the_history_and_the_mark_the_kept_epoch(self, plain):
        display = TrainingDisplay.from_estimator(plain)
        for name, values in plain.history_.items():
            assert display.lines_["fit", name].get_ydata().tolist() == values
        mark = display.marks_["fit", "loss"]
        assert mark.get_xdata().tolist() == [plain.best_epoch_]
        assert mark.get_ydata().tolist() == [plain.history_["loss"][plain.best_epoch_ - 1]]

    def test_the_history_holds_the_rate_of_each_epoch(self, plain):
        rate = plain.history_["learning_rate"]
        # Half the rate in the first of two epochs, then half of a cosine.
        assert rate == pytest.approx([plain.recipe_.learning_rate / 2] * 2)

    def test_folds_are_drawn_over_each_other(self, plain, gated, ax):
        display = TrainingDisplay.from_cross_validate({"estimator": [plain, gated]}, figures=["loss"], ax=ax)
        assert list(display.axes_) == [ax]
        assert display.lines_["fold 2", "loss"].get_ydata().tolist() == gated.history_["loss"]

    def test_an_axes_is_divided_and_a_sequence_used(self, plain, ax):
        assert TrainingDisplay.from_estimator(plain, ax=ax).figure_ is ax.figure
        given = Figure().subplots(2)
        assert list(TrainingDisplay.from_estimator(plain, figures=["loss", "accuracy"], ax=given).axes_) == list(given)
        with pytest.raises(ValueError, match="ax holds 2 Axes, but there are 1"):
            TrainingDisplay.from_estimator(plain, figures=["loss"], ax=given)

    def test_a_figure_that_warm_start_brought_later_stands_at_the_last_epochs(self):
        history = {"loss": [3.0, 2.0, 1.0], "auc": [0.5, 0.6]}
        display = TrainingDisplay(histories={"fit": history}, best_epochs={"fit": 1}).plot()
        assert display.lines_["fit", "auc"].get_xdata().tolist() == [2, 3]
        assert ("fit", "auc") not in display.marks_

    def test_what_cannot_be_drawn_is_refused(self, plain):
        with pytest.raises(ValueError, match=r"'acuracy'.*Did you mean 'accuracy'"):
            TrainingDisplay.from_estimator(plain, figures=["acuracy"])
        with pytest.raises(ValueError, match="return_estimator=True"):
            TrainingDisplay.from_cross_validate({"test_score": [1]})
        with pytest.raises(ValueError, match="at least one fitted estimator"):
            TrainingDisplay.from_estimators([])
        with pytest.raises(TypeError, match="search that ends in one, got 3 of type int"):
            TrainingDisplay.from_estimator(3)


class TestImportance:
    def test_bars_are_means_sorted_with_points_and_spread(self, ax):
        values = np.array([[0.1, 0.3], [0.5, 0.9], [-0.2, 0.0]])
        found = Bunch(importances=values, names=["a", "b$c$", "c"])
        display = InputImportanceDisplay.from_importances(found, ax=ax)
        assert [bar.get_width() for bar in display.bars_] == pytest.approx([0.7, 0.2, -0.1])
        assert [label.get_text() for label in ax.get_yticklabels()] == ["b$c$", "a", "c"]
        assert display.points_.get_offsets()[:, 0].tolist() == [0.5, 0.9, 0.1, 0.3, -0.2, 0.0]
        assert display.spread_.get_segments()[0][:, 0].tolist() == pytest.approx([0.5, 0.9])

    def test_the_first_names_are_drawn_and_the_rest_counted(self, ax):
        found = Bunch(importances=[[1], [3], [2]], names=["a", "b", "c"])
        display = InputImportanceDisplay.from_importances(found, n_names=2, ax=ax)
        assert len(display.bars_) == 2
        assert ax.get_title(loc="left") == "the first 2 of 3"

    def test_other_shapes_are_refused(self):
        with pytest.raises(ValueError, match=r"with 1 names, got \(2, 1\)"):
            InputImportanceDisplay.from_importances(Bunch(importances=[[1], [2]], names=["a"]))


def layers_of(est, rows, *names):
    """Return outputs of the network's layers for some rows."""
    import keras

    model = est.model_
    part = keras.Model({t.name: t for t in model.inputs}, [model.get_layer(name).output for name in names])
    return [np.asarray(output) for output in part(est.router_.transform(rows), training=False)]


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


class TestGateWeights:
    def test_gates_are_those_computed_by_hand(self, gated, rows):
        three = rows[0].head(3)
        vectors, present = layers_of(gated, three, "merge__gate_inputs", "merge__present")
        kernel, bias = gated.model_.get_layer("merge__gate_scores").get_weights()
        expected = softmax(np.where(present, vectors @ kernel + bias, -np.inf))
        found = gate_weights(gated, three)
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert list(found.columns) == list(gated.router_.specs_)
        assert list(found.index) == [100, 101, 102]

    def test_attention_is_that_computed_by_hand(self, attention, rows):
        three = rows[0].head(3)
        tokens, present = layers_of(attention, three, "merge__tokens", "merge__present")
        weights = attention.model_.get_layer("merge__attention").get_weights()
        (query, query_bias), (key, key_bias) = weights[:2], weights[2:4]
        queries = np.einsum("nti,ihd->nhtd", tokens, query) + query_bias[:, None]
        keys = np.einsum("nti,ihd->nhtd", tokens, key) + key_bias[:, None]
        scores = queries @ keys.swapaxes(-1, -2) / np.sqrt(query.shape[-1])
        scores = softmax(np.where(present[:, None, None], scores, -np.inf)).mean(axis=1)
        expected = [row[has].mean(axis=0) for row, has in zip(scores, present, strict=True)]
        np.testing.assert_allclose(gate_weights(attention, three), expected, atol=1e-5)

    @pytest.mark.parametrize("merge", ["gated", "attention"])
    def test_weights_sum_to_one_and_missing_inputs_have_none(self, merge, rows, request):
        found = gate_weights(request.getfixturevalue(merge), rows[0])
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
        assert (found.loc[rows[0]["note"].isna(), "note"] == 0).all()

    def test_the_network_stays_as_it_is(self, attention, rows):
        before = attention.predict_proba(rows[0])
        layer = attention.model_.get_layer("merge__attention")
        gate_weights(attention, rows[0])
        assert layer.output is not None  # a second call of the layer in the network would make this an error
        np.testing.assert_array_equal(attention.predict_proba(rows[0]), before)

    def test_a_step_is_read_by_its_name(self, rows):
        merge = StagedMerge([("pair", "gated", ["size", "place"])], final="gated")
        est = fitted(rows, merge)
        assert list(gate_weights(est, rows[0]).columns) == ["note", "pair"]
        assert list(gate_weights(est, rows[0], step="pair").columns) == ["size", "place"]
        with pytest.raises(ValueError, match=r"step='pear'.*Did you mean 'pair'"):
            gate_weights(est, rows[0], step="pear")

    def test_other_merges_are_refused(self, plain, rows):
        with pytest.raises(ValueError, match=r"merge, ConcatenateMerge.*merge=\"gated\""):
            gate_weights(plain, rows[0])


class TestGateDisplay:
    def test_cells_are_the_mean_weights_of_each_class(self, gated, rows, ax):
        X, y = rows
        display = GateDisplay.from_estimator(gated, X, y, ax=ax)
        weights = gate_weights(gated, X).to_numpy()
        expected = [weights[y == name].mean(axis=0) for name in ("no", "yes")]
        np.testing.assert_allclose(np.asarray(display.mesh_.get_array()).reshape(2, -1), expected, rtol=1e-5)
        assert [label.get_text() for label in ax.get_yticklabels()] == ["no", "yes"]

    def test_numbers_are_grouped_by_quarters_and_no_target_is_one_group(self, gated, rows):
        X = rows[0]
        assert len(GateDisplay.from_estimator(gated, X, X["size"]).weights) == 4
        assert list(GateDisplay.from_estimator(gated, X).weights.index) == ["all rows"]
        with pytest.raises(ValueError, match=r"shape \(40,\).*got \(3,\)"):
            GateDisplay.from_estimator(gated, X, [1, 2, 3])


class TestEmbedding:
    vectors = np.random.default_rng(0).normal(size=(30, 4)) * [5, 2, 1, 0.1]

    def test_points_and_shares_are_those_of_pca(self, ax):
        display = EmbeddingDisplay.from_vectors(self.vectors, ax=ax)
        pca = PCA(2, svd_solver="full").fit(self.vectors)
        np.testing.assert_allclose(display.points_["all rows"].get_offsets(), pca.transform(self.vectors), atol=1e-9)
        assert f"{pca.explained_variance_ratio_[0]:.0%}".replace("%", " %") in ax.get_xlabel()

    def test_classes_have_a_legend_and_numbers_a_bar(self):
        display = EmbeddingDisplay.from_vectors(self.vectors, ["a", "b_$x$", None] * 10)
        assert {name: len(points.get_offsets()) for name, points in display.points_.items()} == {
            "missing": 10,
            "a": 10,
            "b_$x$": 10,
        }
        numbers = np.linspace(0, 1, 30)
        display = EmbeddingDisplay.from_vectors(self.vectors, pd.Series(numbers, name="price"))
        assert display.points_["all rows"].get_array().tolist() == numbers.tolist()
        assert display.figure_.axes[1].get_ylabel() == "price"

    def test_rare_classes_are_grey(self):
        display = EmbeddingDisplay.from_vectors(self.vectors, [f"c{i % 10}" for i in range(30)])
        assert next(iter(display.points_)) == "4 more"
        assert len(display.points_) == 7

    def test_one_column_and_equal_rows_are_drawn(self):
        assert EmbeddingDisplay.from_vectors([[1.0], [2.0]]).explained.tolist() == [1, 0]

    def test_missing_numbers_are_refused(self):
        with pytest.raises(ValueError, match="vectors contains NaN"):
            EmbeddingDisplay.from_vectors([[np.nan], [2.0]])


PROBE = """
import sys
sys.modules["matplotlib"] = None
import skmulti
for draw in (
    lambda: skmulti.TrainingDisplay(histories={"fit": {"loss": [1.0]}}).plot(),
    lambda: skmulti.TrainingDisplay.from_estimator(None),
    lambda: skmulti.InputImportanceDisplay(importances=[[1]], names=["a"]).plot(),
    lambda: skmulti.GateDisplay.from_estimator(None, None),
    lambda: skmulti.EmbeddingDisplay.from_vectors([[1], [2]]),
    lambda: skmulti.ImageGridDisplay(rows=[], pictures=[]).plot(),
    lambda: skmulti.ImageGridDisplay.from_estimator(None, None, None),
):
    try:
        draw()
    except ImportError as error:
        assert 'pip install "skmulti[plot]"' in str(error), error
    else:
        raise AssertionError("drawn without matplotlib")
print("clean")
"""


def test_without_matplotlib_the_error_names_the_extra():
    run = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=120, check=False)
    assert run.stdout.strip() == "clean", run.stderr[-2000:]
