"""The grid of pictures draws the rows with the largest errors, as the network saw them and as it predicted them."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from skmulti import (
    ImageDecoder,
    ImageGridDisplay,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    TextVectorizer,
)
from skmulti.datasets import make_listings

pytestmark = pytest.mark.long

N = 30


@pytest.fixture(autouse=True)
def on_no_screen():
    import matplotlib.pyplot as plt

    matplotlib.use("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def rows():
    frame, y = make_listings(N, random_state=0, size=(8, 8))
    frame = frame[["area", "price", "description", "photo"]].set_axis([f"r{i}" for i in range(N)])
    frame.iloc[::4, frame.columns.get_loc("photo")] = None
    frame.iloc[1::4, frame.columns.get_loc("description")] = None
    return frame, np.asarray(y)


def router():
    return InputRouter(
        [
            ("size", NumberScaler(), ["area"]),
            ("words", TextVectorizer(), "description"),
            ("look", ImageDecoder(size=(8, 8)), "photo"),
        ]
    )


@pytest.fixture(scope="module")
def classifier(rows):
    return MultiInputClassifier(router(), epochs=1, random_state=0, compile__run_eagerly=True).fit(*rows)


@pytest.fixture(scope="module")
def regressor(rows):
    frame = rows[0]
    y = frame[["price", "area"]].astype(float)
    return MultiInputRegressor(router(), epochs=1, random_state=0, compile__run_eagerly=True).fit(frame, y), y


class TestClasses:
    def test_the_largest_errors_come_first(self, classifier, rows):
        frame, y = rows
        display = ImageGridDisplay.from_estimator(classifier, frame, y, n_rows=9)
        proba = classifier.predict_proba(frame)
        errors = 1 - proba[np.arange(N), np.searchsorted(classifier.classes_, y)]
        order = np.argsort(-errors, kind="stable")[:9]
        assert list(display.rows.index) == list(frame.index[order])
        np.testing.assert_allclose(display.rows["error"], errors[order])
        assert list(display.rows["true"]) == list(y[order])
        assert list(display.rows["predicted"]) == list(classifier.predict(frame)[order])

    def test_titles_and_texts_are_those_of_the_rows(self, classifier, rows):
        frame, y = rows
        display = ImageGridDisplay.from_estimator(classifier, frame, y)
        assert len(display.axes_) == 12
        for ax, (label, row) in zip(display.axes_, display.rows.iterrows(), strict=True):
            assert ax.get_title(loc="left").split("\n") == [
                f"row {label}, error {row['error']:.3g}",
                f"predicted: {row['predicted']}",
                f"true: {row['true']}",
            ]
            text, drawn = frame.loc[label, "description"], ax.get_xlabel()
            assert max(map(len, drawn.split("\n"))) <= 26
            drawn = " ".join(drawn.split())
            assert drawn == "no text" if pd.isna(text) else text.startswith(drawn.removesuffix(" …"))

    def test_pictures_are_the_decoded_pixels_and_missing_ones_a_frame(self, classifier, rows):
        frame, y = rows
        display = ImageGridDisplay.from_estimator(classifier, frame, y, n_rows=N)
        pixels = classifier.router_.transform(frame.loc[display.rows.index])["look"]
        missing = frame.loc[display.rows.index, "photo"].isna().to_numpy()
        assert 0 < missing.sum() < N
        for ax, image, own, absent in zip(display.axes_, display.images_, pixels, missing, strict=True):
            words = [text.get_text() for text in ax.texts]
            if absent:
                assert image is None
                assert not ax.images
                assert words == ["no photo"]
            else:
                np.testing.assert_array_equal(image.get_array(), own)
                assert not words

    def test_lists_and_a_pipeline_give_the_same(self, classifier, rows):
        frame, y = rows
        expected = ImageGridDisplay.from_estimator(classifier, frame, y).rows
        pd.testing.assert_frame_equal(ImageGridDisplay.from_estimator(classifier, frame, y.tolist()).rows, expected)
        # Its first step brings the names that the network knows.
        renamed = frame.rename(columns={"photo": "file"})
        back = FunctionTransformer(pd.DataFrame.rename, kw_args={"columns": {"file": "photo"}}).fit(renamed)
        pipe = Pipeline([("rename", back), ("net", classifier)])
        pd.testing.assert_frame_equal(ImageGridDisplay.from_estimator(pipe, renamed, y).rows, expected)

    def test_words_do_not_overlap_words_or_pictures(self, classifier, rows):
        display = ImageGridDisplay.from_estimator(classifier, *rows, n_columns=3)
        display.figure_.canvas.draw()
        boxes = [ax.get_tightbbox() for ax in display.axes_]
        for i, box in enumerate(boxes):
            assert not any(box.padded(-1).overlaps(other) for other in boxes[i + 1 :])
            assert display.figure_.bbox.padded(1).containsx(box.x1)
            assert display.figure_.bbox.padded(1).containsy(box.y1)

    def test_any_input_can_be_the_text(self, classifier, rows):
        display = ImageGridDisplay.from_estimator(classifier, *rows, text="size", n_rows=1)
        assert display.axes_[0].get_xlabel() == str(rows[0].loc[display.rows.index[0], "area"])

    def test_what_is_not_there_is_refused(self, classifier, rows):
        with pytest.raises(ValueError, match=r"image='lok' is no input that holds pictures.*Did you mean 'look'"):
            ImageGridDisplay.from_estimator(classifier, *rows, image="lok")
        with pytest.raises(ValueError, match=r"text='word' is no input.*Did you mean 'words'"):
            ImageGridDisplay.from_estimator(classifier, *rows, text="word")
        with pytest.raises(ValueError, match="`n_rows` must be an int of at least 1, got 0"):
            ImageGridDisplay.from_estimator(classifier, *rows, n_rows=0)
        with pytest.raises(ValueError, match="X has 30 rows, y is of type list and shape"):
            ImageGridDisplay.from_estimator(classifier, rows[0], ["let"])
        with pytest.raises(TypeError, match="search that ends in one, got 3 of type int"):
            ImageGridDisplay.from_estimator(3, *rows)

    def test_a_fit_without_pictures_is_refused(self, rows):
        frame, y = rows
        plain = MultiInputClassifier(epochs=1, random_state=0, compile__run_eagerly=True).fit(frame[["area"]], y)
        with pytest.raises(ValueError, match=r"none holds any; the inputs are 'numbers'.*ImageDecoder\(\)") as refusal:
            ImageGridDisplay.from_estimator(plain, frame, y)
        assert len(str(refusal.value)) < 600


class TestNumbers:
    @pytest.mark.parametrize("output", ["area", 1])
    def test_errors_are_distances_of_the_column_that_is_named(self, regressor, rows, output):
        reg, y = regressor
        display = ImageGridDisplay.from_estimator(reg, rows[0], y, output=output, n_rows=5)
        predicted, true = reg.predict(rows[0])[:, 1], y["area"].to_numpy()
        order = np.argsort(-np.abs(true - predicted), kind="stable")[:5]
        assert list(display.rows.index) == list(rows[0].index[order])
        np.testing.assert_allclose(display.rows["error"], np.abs(true - predicted)[order])
        title = display.axes_[0].get_title(loc="left")
        assert f"predicted: {predicted[order[0]]:.6g}\n" in title
        assert title.endswith(f"true: {true[order[0]]:.6g}")

    def test_several_columns_need_a_name(self, regressor, rows):
        reg, y = regressor
        with pytest.raises(ValueError, match=r"output=None is no column of y, which has 2: 'price' and 'area'"):
            ImageGridDisplay.from_estimator(reg, rows[0], y)


class TestDrawing:
    table = pd.DataFrame({"predicted": ["$a$", "b"], "true": ["<i>", "c"], "error": [1.0, 0.25]}, index=["x_$1$", 5])

    def test_words_are_no_formulas_and_no_text_leaves_none(self):
        grey = np.full((4, 6, 1), 100, dtype="uint8")
        display = ImageGridDisplay(rows=self.table, pictures=[grey, None]).plot()
        display.figure_.canvas.draw()
        assert display.axes_[0].get_title(loc="left") == "row x_$1$, error 1\npredicted: $a$\ntrue: <i>"
        assert display.axes_[0].get_xlabel() == ""
        # Grey is grey: its brightness is not stretched.
        assert display.images_[0].get_clim() == (0, 255)
        assert display.images_[0].get_array().shape == (4, 6)
        # The frame of the missing one has the form of the other.
        first, second = (ax.get_window_extent() for ax in display.axes_)
        assert second.height / second.width == pytest.approx(4 / 6, rel=0.02)
        assert first.width == pytest.approx(second.width, rel=0.02)

    def test_axes_are_divided_or_used(self):
        display = ImageGridDisplay(rows=self.table, pictures=[None, None])
        figure = Figure()
        assert display.plot(figure.subplots(), n_columns=1).figure_ is figure
        assert display.axes_[0].get_position().y0 > display.axes_[1].get_position().y1
        given = Figure().subplots(2)
        assert list(display.plot(given).axes_) == list(given)
        with pytest.raises(ValueError, match="ax holds 3 Axes, but there are 2"):
            display.plot(Figure().subplots(3))

    def test_other_lengths_are_refused(self):
        with pytest.raises(ValueError, match="got 2 rows and 1 pictures"):
            ImageGridDisplay(rows=self.table, pictures=[None]).plot()
        with pytest.raises(ValueError, match="`n_columns` must be an int of at least 1, got 0"):
            ImageGridDisplay(rows=self.table, pictures=[None, None]).plot(n_columns=0)
