"""The page that `report` writes: what it says of fits of every sort, and that cells of users stay text."""

import re
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from browser import opened, overflow
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from skmulti import InputRouter, MultiInputClassifier, MultiInputRegressor, report
from skmulti.datasets import make_listings
from skmulti.errors import InputMismatchError

pytestmark = pytest.mark.long

SCRIPT = "<script>document.title = 'taken'</script>"
FAST = {"n_draws": 50, "n_repeats": 1}


class Page(HTMLParser):
    """Elements, texts and addresses of a page."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.texts, self.addresses, self.ids, self.labels = [], [], [], [], []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.text = " ".join(self.texts)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "action", "data", "xlink:href"):
                self.addresses.append(value)
            if name == "id":
                self.ids.append(value)
            if name in ("aria-label", "alt"):
                self.labels.append(value)
            assert not name.startswith("on"), f"{name} runs a script"

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def listings():
    """Rows with a hostile text, column name, class and row label; the last 20 are for the report."""
    frame, outcome = make_listings(60, 0, size=(8, 8))
    frame = frame[["area", "city", "description", "photo", "trace"]].rename(columns={"area": "<b>area</b>"})
    frame.index = [f"<i>{k}</i>" for k in range(60)]
    frame.loc[frame.index[40:], "description"] = f"A {SCRIPT} flat & more"
    outcome = pd.Series(np.where(outcome == "let", "<u>let</u>", "vacant"), index=frame.index, name="<s>outcome</s>")
    return frame, outcome


@pytest.fixture(scope="module")
def classifier(listings):
    frame, outcome = listings
    return MultiInputClassifier(epochs=1, random_state=0, compile__run_eagerly=True).fit(frame[:40], outcome[:40])


@pytest.fixture(scope="module")
def page(classifier, listings, tmp_path_factory):
    frame, outcome = listings
    path = tmp_path_factory.mktemp("report") / "page.html"
    assert report(classifier, frame[40:], outcome[40:], str(path), title="A <title>", **FAST) == path
    return path


@pytest.fixture(scope="module")
def numbers():
    """A small table of numbers and places."""
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=60), "z": rng.normal(size=60), "city": rng.choice(["Rome", "Oslo"], 60)})


# --- one self-contained page


def test_the_page_asks_for_nothing(page):
    found = Page(page)
    assert found.addresses
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in found.addresses)
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & set(found.tags)
    assert "url(http" not in found.source
    assert not re.findall(r"@import", found.source)
    # The name of SVG is no address that is asked for.
    assert set(re.findall(r"https?://[^\s\"'<)]+", found.source)) <= {"http://www.w3.org/2000/svg"}


def test_links_lead_to_sections(page):
    found = Page(page)
    assert {
        address[1:] for address in found.addresses if address.startswith("#skm") is False and address[0] == "#"
    } <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))
    assert {"summary", "scores", "confusion", "calibration", "importance", "mistakes", "unlike", "plan"} < set(
        found.ids
    )


def test_cells_and_names_stay_text(page):
    found = Page(page)
    assert not {"script", "i", "u", "s"} & set(found.tags)
    for text in (SCRIPT, "<b>area</b>", "<u>let</u>", "<s>outcome</s>", "A <title>"):
        assert text in found.text
    assert re.search(r"row <i>\d+</i>", found.text)


def test_mistakes_have_their_text_and_photo(page):
    found = Page(page)
    assert any(address.startswith("data:image/png") for address in found.addresses)
    assert "picture" in found.labels
    assert any(label.startswith("trace: ") for label in found.labels)


def test_pictures_have_a_text(page):
    found = Page(page)
    assert found.tags.count("svg") + found.tags.count("img") == sum(
        'role="img"' in element or " alt=" in element for element in re.findall(r"<(?:svg|img)[^>]*>", found.source)
    )


@pytest.mark.parametrize(("width", "dark"), [(360, True), (1400, False)], ids=["narrow", "wide"])
def test_a_browser_shows_it_without_an_error(page, width, dark):
    with opened(page, width=width, dark=dark) as shown:
        assert shown.title() == "A <title>"
        assert (shown.errors, shown.requests, overflow(shown)) == ([], [], 0)
        assert SCRIPT in shown.content().replace("&lt;", "<").replace("&gt;", ">")


def test_the_headline_is_the_score(page, classifier, listings):
    frame, outcome = listings
    text = Page(page).text
    score = classifier.score(frame[40:], outcome[40:])
    assert f"{score:.3g} accuracy" in text
    assert "50 bootstrap draws" in text
    assert "ran the only epoch; kept epoch 1" in text
    assert "cannot be told from chance" in text or "is above chance" in text


def test_equal_calls_write_equal_pages(validation, numbers, tmp_path):
    est, y = validation[0]["estimator"][0], validation[1]
    pages = [report(est, numbers, y, tmp_path / f"{k}.html", **FAST) for k in (1, 2)]
    one, two = (path.read_text(encoding="utf-8").split('id="timings"')[0] for path in pages)
    assert one == two


# --- other targets


def test_a_regression_of_two_outputs(numbers, tmp_path):
    y = pd.DataFrame({"first": numbers["x"], "second": 100 * numbers["z"]})
    reg = MultiInputRegressor(epochs=1, random_state=0, compile__run_eagerly=True).fit(numbers[:40], y[:40])
    found = Page(report(reg, numbers[40:], y[40:], tmp_path / "page.html", **FAST))
    assert {"residuals", "scores"} < set(found.ids)
    assert not {"confusion", "calibration"} & set(found.ids)
    assert found.text.count("RMSE") >= 2
    assert "first" in found.texts
    assert "second" in found.texts


def test_several_classes_and_weights(numbers, tmp_path):
    y = np.arange(60) % 3
    clf = MultiInputClassifier(epochs=1, random_state=0, compile__run_eagerly=True).fit(numbers[:40], y[:40])
    weight = np.ones(20)
    weight[:4] = 0
    found = Page(report(clf, numbers[40:], y[40:], tmp_path / "page.html", sample_weight=weight, **FAST))
    score = clf.score(numbers[44:], y[44:])
    assert f"{score:.3g} accuracy" in found.text
    assert "4 rows of weight 0 are left out." in found.text


def test_labels_that_hold_together(numbers, tmp_path):
    y = pd.DataFrame({"warm": (numbers["x"] > 0).astype(int), "wet": (numbers["z"] > 0).astype(int)})
    clf = MultiInputClassifier(epochs=1, random_state=0, compile__run_eagerly=True).fit(numbers[:40], y[:40])
    found = Page(report(clf, numbers[40:], y[40:], tmp_path / "page.html", max_rows=15, **FAST))
    assert "accuracy of warm" in found.text
    assert "15 of 20 rows were drawn at random (max_rows=15)." in found.text


# --- cross-validation, searches, pipelines


@pytest.fixture(scope="module")
def validation(numbers):
    y = np.where(numbers["x"] > 0, "up", "down")
    est = MultiInputClassifier(epochs=1, random_state=0, compile__run_eagerly=True)
    options = {"return_estimator": True, "return_indices": True, "cv": KFold(2)}
    return cross_validate(est, numbers, y, **options), y


def test_a_cross_validation_judges_each_row_by_its_fold(validation, numbers, tmp_path):
    result, y = validation
    found = Page(report(result, numbers, y, tmp_path / "page.html", **FAST))
    pooled = np.empty(60, dtype=object)
    for est, test in zip(result["estimator"], result["indices"]["test"], strict=True):
        pooled[test] = est.predict(numbers.iloc[test])
    assert f"{(pooled == y).mean():.3g} accuracy" in found.text
    assert "2 folds" in found.text
    for score in result["test_score"]:
        assert f"{score:.4g}" in found.texts


@pytest.mark.parametrize("missing", ["indices", "estimator"])
def test_a_cross_validation_without_its_parts_is_refused(validation, numbers, tmp_path, missing):
    result, y = validation
    partly = {key: value for key, value in result.items() if key != missing}
    with pytest.raises(ValueError, match=f"return_{missing}=True is missing"):
        report(partly, numbers, y, tmp_path / "page.html")


def test_rows_that_are_not_those_of_the_cross_validation_are_refused(validation, numbers, tmp_path):
    result, y = validation
    with pytest.raises(InputMismatchError, match="Give the X and y that cross_validate got"):
        report(result, numbers[:50], y[:50], tmp_path / "page.html")


def test_pipelines_and_searches_are_looked_into(validation, numbers, tmp_path):
    result, y = validation
    fitted = result["estimator"][0]
    pipeline = Pipeline([("halve", FunctionTransformer(lambda frame: frame)), ("net", fitted)])
    search = GridSearchCV(fitted, {})
    search.best_estimator_ = pipeline
    pages = [report(est, numbers, y, tmp_path / "page.html", **FAST) for est in (fitted, search)]
    assert "accuracy" in pages[1].read_text(encoding="utf-8")


# --- refusals


def test_a_folder_that_does_not_exist_is_refused_first(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        report(None, None, None, tmp_path / "nowhere" / "page.html")
    with pytest.raises(IsADirectoryError, match="Name a file in it"):
        report(None, None, None, tmp_path)


@pytest.mark.parametrize("wrong", [InputRouter(), MultiInputClassifier, None], ids=["router", "class", "none"])
def test_what_is_no_estimator_is_refused(wrong, tmp_path):
    with pytest.raises(TypeError, match=r"fitted MultiInputClassifier .* cross_validate"):
        report(wrong, pd.DataFrame({"a": [1]}), [1], tmp_path / "page.html")


def test_wrong_rows_are_refused(validation, numbers, tmp_path):
    est, y, path = validation[0]["estimator"][0], validation[1], tmp_path / "page.html"
    with pytest.raises(InputMismatchError, match="X has 60 rows, y is of type"):
        report(est, numbers, y[:5], path)
    with pytest.raises(InputMismatchError, match="must be a table in memory"):
        report(est, str(tmp_path), y, path)
    with pytest.raises(ValueError, match="`n_draws` must be an int of at least 1"):
        report(est, numbers, y, path, n_draws=0)


def test_matplotlib_is_asked_for_by_name(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"skmulti\[plot\]"):
        report(None, None, None, tmp_path / "page.html")
