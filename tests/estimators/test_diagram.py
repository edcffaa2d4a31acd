"""The diagram of a notebook: what is shown, in which order, with which numbers, whatever the configuration."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from urllib.parse import unquote

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from skmulti import (
    Branch,
    DenseBranch,
    DenseHead,
    GatedMerge,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    StagedMerge,
    TargetSpec,
    build_network,
)
from skmulti.network.branches import resolve_branches
from skmulti.network.merges import as_merge

COLUMN, LEFT = '<s>&"x"', '<s>&"left"'
rng = np.random.default_rng(0)
FRAME = pd.DataFrame(rng.normal(size=(20, 4)), columns=["u", COLUMN, "v", "w"])
FRAME.loc[3, "w"] = np.nan
Y = np.arange(20) % 2
ROUTER = InputRouter(
    [
        ("pair", StandardScaler(), ["u", COLUMN]),
        (LEFT, StandardScaler(), ["v"]),
        ("right", LEFT, ["w"]),
    ]
)
PAIR = InputRouter([("pair", StandardScaler(), ["u", "v"]), ("single", StandardScaler(), ["w"])])
ROUTERS = {
    "equal widths": InputRouter([("pair", StandardScaler(), ["u"]), ("single", StandardScaler(), ["v"])]),
    "named as parts": InputRouter([("head", StandardScaler(), ["u", "v"]), ("merge", StandardScaler(), ["w"])]),
    "one input": InputRouter([("pair", StandardScaler(), ["u", "w"])]),
}


class Page(HTMLParser):
    """The texts of labels in their order, what each unfolds to, and tags that are closed in a wrong order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.labels, self.details, self.misplaced, self.tags = [], [], {}, [], set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in {"br", "input"}:
            self.open.append(tag)
        if tag == "label":
            self.labels.append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        if self.open[-1:] != [tag]:
            self.misplaced.append(tag)
        # Only as far as this tag is open: pages of scikit-learn 1.8 hold a few that never were.
        if tag in self.open:
            del self.open[len(self.open) - 1 - self.open[::-1].index(tag)]

    def handle_data(self, data):
        if "label" in self.open and not {"a", "span"} & set(self.open):
            self.labels[-1] += data.strip()
        elif "pre" in self.open and self.labels:
            self.details.setdefault(self.labels[-1], data)


def labels(estimator):
    """Return the labels of a diagram from top to bottom, without the estimator's own."""
    page = Page(estimator_html_repr(estimator))
    assert page.labels[0] == type(estimator).__name__
    return page.labels[1:]


def unfitted(router=PAIR, **params):
    return MultiInputClassifier(router, epochs=1, early_stopping=False, random_state=0, **params)


def built(estimator):
    """Return an estimator the attributes of a fitted one, with a network that was not trained."""
    estimator.router_ = clone(estimator.router).fit(FRAME)
    specs, defaults = estimator.router_.specs_, estimator.router_.default_branches()
    estimator.branches_ = resolve_branches(specs, defaults, estimator.branches)
    estimator.merge_ = as_merge(estimator.merge)
    estimator.head_ = DenseHead() if estimator.head is None else clone(estimator.head)
    parts = (estimator.branches_, estimator.merge_, estimator.head_)
    target = TargetSpec(n_classes=2, activation="sigmoid")
    estimator.model_ = build_network(specs, *parts, target, input_dropout=estimator.input_dropout)
    return estimator


@pytest.fixture(scope="module")
def fitted():
    branches = {"pair": DenseBranch((8,)), LEFT: DenseBranch((3,)), "right": LEFT}
    return unfitted(ROUTER, branches=branches, head=DenseHead((4,))).fit(FRAME, Y)


class OwnHead(DenseHead):
    """A head whose first layer has a name that Keras makes."""

    def attach(self, tensor, target):
        return keras.layers.Dense(target.width, activation=target.activation)(keras.layers.Dense(5)(tensor))


def joined(tensors):
    return keras.layers.Dense(9)(keras.layers.Concatenate()(list(tensors.values())))


class OddlyNamedBranch(Branch):
    """A branch whose model has another name than skmulti would give it."""

    def build(self, spec, sample=None):
        tensor = keras.Input(spec.shape)
        return keras.Model(tensor, keras.layers.Dense(3)(tensor), name="odd")


# --- before fit


def test_router_branches_merge_and_head_follow_each_other():
    assert labels(unfitted(merge="gated", head=DenseHead((4,)))) == [
        *("router: InputRouter", "pair", "StandardScaler", "single", "StandardScaler"),
        *("branches", "pair", "DenseBranch", "single", "DenseBranch"),
        *("merge", "GatedMerge", "head", "DenseHead"),
    ]


def test_without_a_router_inputs_and_branches_come_at_fit():
    expected = ["router: InputRouter", "routed at fit", "branches", "chosen at fit", "merge", "ConcatenateMerge"]
    assert labels(unfitted(None)) == [*expected, "head", "DenseHead"]
    assert labels(unfitted(InputRouter())) == labels(unfitted(None))


def test_branches_given_without_a_router_are_shown_before_the_others():
    shown = labels(unfitted(None, branches={"photo": DenseBranch()}).set_params(branches__text__units=3))
    assert shown[3:8] == ["photo", "DenseBranch", "text__units", "3", "others: chosen at fit"]


@pytest.mark.parametrize(
    ("branch", "shown"),
    [
        ("pair", "shared with pair"),
        (keras.layers.Dense(3), "Dense"),
        (joined, "joined"),
        (DenseBranch((3,)), "DenseBranch"),
        (DenseBranch, repr(DenseBranch)),
        (7, "7"),
    ],
)
def test_every_form_of_a_branch_is_shown_in_its_input(branch, shown):
    found = labels(unfitted(branches={"single": branch}))
    assert found[found.index("branches") + 1 :][:4] == ["pair", "DenseBranch", "single", shown]


@pytest.mark.parametrize(
    ("merge", "shown"),
    [("attention", "AttentionMerge"), (GatedMerge(), "GatedMerge"), (joined, "joined"), ("nonsense", "nonsense")],
)
def test_every_form_of_a_merge_is_shown(merge, shown):
    found = labels(unfitted(merge=merge))
    assert found[found.index("merge") + 1] == shown


def test_a_network_by_hand_is_one_part_after_the_router():
    assert labels(unfitted(model=joined))[5:] == ["model", "joined"]


def test_an_input_unfolds_to_its_columns():
    assert Page(estimator_html_repr(unfitted())).details["pair"] == "['u', 'v']"


def test_encoders_that_are_words_and_the_remainder_are_shown():
    router = InputRouter([("a", "passthrough", "u"), ("b", "drop", "v"), ("c", "a", "w")], remainder="passthrough")
    found = labels(router)
    assert found == ["a", "passthrough", "b", "drop", "c", "shared with a", "remainder", "passthrough"]


@pytest.mark.parametrize(
    ("broken", "shown"),
    [
        ({"router": 5}, "5"),
        ({"router": InputRouter("abc")}, "'abc'"),
        ({"router": InputRouter([("a",), 7])}, "('a',)"),
        ({"router": InputRouter([(["a"], StandardScaler(), "u")])}, "['a']"),
        ({"router": InputRouter}, repr(InputRouter)),
        ({"branches": 5}, "5"),
        ({"branches": {"pair": "nobody"}}, "shared with nobody"),
        ({"merge": GatedMerge}, repr(GatedMerge)),
        ({"head": "none"}, "none"),
        ({"model": 5}, "5"),
    ],
)
def test_what_fit_will_refuse_is_shown_as_it_is(broken, shown):
    assert shown in labels(unfitted(**broken))


# --- after fit


def test_inputs_tell_shape_and_dtype_of_their_arrays(fitted):
    assert labels(fitted)[1:7] == [
        *("pair: (2,) float32", "StandardScaler"),
        *(f"{LEFT}: (1,) float32", "StandardScaler"),
        *("right: (1,) float32", f"shared with {LEFT}"),
    ]


def test_parts_tell_their_width_and_number_of_parameters(fitted):
    # 2 * 8 + 8 and 1 * 3 + 3, each with a value to fill in for each feature; 3 for rows without `right`.
    assert labels(fitted)[7:] == [
        *("branches", "pair: width 8; 26 parameters", "DenseBranch", f"{LEFT}: width 3; 7 parameters", "DenseBranch"),
        *("right: width 3; 3 parameters", f"shared with {LEFT}"),
        *("merge: width 14; 0 parameters", "ConcatenateMerge"),
        *("head: width 1; 65 parameters", "DenseHead"),
        "network: 101 parameters",
    ]


def test_a_fitted_input_unfolds_to_its_columns_and_its_array(fitted):
    found = Page(estimator_html_repr(fitted)).details["pair: (2,) float32"]
    assert found == f"{['u', COLUMN]}\nvector, shape (2,), float32"


def test_numbers_stay_those_of_the_fit_when_parameters_change(fitted):
    before = labels(fitted)
    changed = clone(fitted)
    vars(changed).update({name: value for name, value in vars(fitted).items() if name.endswith("_")})
    assert labels(changed.set_params(merge="nonsense", branches=None)) == before


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        # A layer comes as it is, behind values to fill in; `single` has a vector for missing rows, too.
        (
            {
                "branches": {"pair": keras.layers.Dense(6), "single": keras.layers.Dense(6, use_bias=False)},
                "merge": "add",
            },
            ["pair: width 6; 20", "single: width 6; 13", "merge: width 6; 0", "head: width 1; 513"],
        ),
        # Layers of a merge of one's own are all those before the head: 9 * 70 + 9.
        (
            {"branches": {"pair": keras.layers.Dense(6)}, "merge": joined, "head": DenseHead(())},
            ["pair: width 6; 20", "single: width 64; 193", "merge: width 9; 639", "head: width 1; 10"],
        ),
        # Layers of a head of one's own are all those behind the merge: 5 * 64 + 5 + 6.
        (
            {"branches": {"pair": DenseBranch((8,))}, "merge": "gated", "head": OwnHead()},
            ["pair: width 8; 26", "single: width 64; 193", "merge: width 64; 4,994", "head: width 1; 331"],
        ),
        (
            {"merge": joined, "head": OwnHead()},
            ["pair: width 64; 194", "single: width 64; 193", "merge: width 9; 1,161", "head: width 1; 56"],
        ),
        ({"branches": {"pair": OddlyNamedBranch()}}, ["pair: width 3", "single: width 64", "merge", "head: width 1"]),
    ],
)
def test_parts_are_counted_where_names_tell_whose_a_layer_is(params, expected):
    found = labels(built(unfitted(**params)))
    assert [label.removesuffix(" parameters") for label in found[6:-1:2]] == expected


@pytest.mark.parametrize(
    "params",
    [
        {"input_dropout": 0.1},
        {"merge": "attention"},
        {"merge": "interaction", "branches": {"single": "pair"}, "router": ROUTERS["equal widths"]},
        {"merge": StagedMerge([("both", "gated", ["pair", "single"])])},
        {"router": ROUTERS["named as parts"], "merge": "gated"},
        {"router": ROUTERS["one input"], "head": OwnHead()},
    ],
)
def test_numbers_of_the_parts_add_up_to_that_of_the_network(params):
    estimator = built(unfitted(**params))
    *parts, network = (
        int(found[1].replace(",", "")) for found in re.finditer(r"([\d,]+) parameter", "\n".join(labels(estimator)))
    )
    assert sum(parts) == network == estimator.model_.count_params()


def test_a_layer_that_two_branches_call_is_counted_once():
    layer = keras.layers.Dense(4)
    branch = {name: lambda tensor: layer(tensor) for name in ("pair", "single")}
    found = labels(built(unfitted(ROUTERS["equal widths"], branches=branch)))
    assert found[6:10:2] == ["pair: width 4; 9 parameters", "single: width 4; 1 parameter"]


def test_a_fitted_network_by_hand_tells_all_its_parameters():
    def network(inputs, target):
        return keras.layers.Dense(1, activation="sigmoid")(joined(inputs))

    estimator = unfitted(model=network, validation_fraction=None).fit(FRAME.fillna(0), Y)
    assert labels(estimator)[5:] == ["model", "network", "network: 46 parameters"]


def test_a_regressor_is_drawn_as_a_classifier_is():
    assert labels(MultiInputRegressor(PAIR)) == labels(unfitted())


# --- around it


def test_names_come_out_as_they_are(fitted):
    for estimator in (clone(fitted), fitted, fitted.router_):
        page = Page(estimator_html_repr(estimator))
        assert any(LEFT in label for label in page.labels)
        assert any(repr(COLUMN) in text for text in page.details.values())
        assert "s" not in page.tags


def test_every_tag_is_closed(fitted):
    for estimator in (clone(fitted), fitted, unfitted(None), unfitted(merge="nonsense")):
        page = Page(estimator_html_repr(estimator))
        assert not page.misplaced
        assert not page.open


def test_drawing_changes_nothing(fitted):
    for estimator in (fitted, unfitted(None), unfitted(merge="nonsense")):
        before = {name: id(value) for name, value in vars(estimator).items()}
        params, text = estimator.get_params(deep=False), repr(estimator)
        estimator_html_repr(estimator)
        assert {name: id(value) for name, value in vars(estimator).items()} == before
        assert all(value is params[name] for name, value in estimator.get_params(deep=False).items())
        assert repr(estimator) == text


def test_pipelines_and_searches_show_the_estimator_inside():
    classifier = unfitted(InputRouter([("pair", StandardScaler(), ["u", "v"])]), validation_fraction=None)
    search = GridSearchCV(Pipeline([("clf", classifier)]), {"clf__head": [DenseHead(())]}, cv=2)
    assert labels(search) == ["estimator: Pipeline", "clf: MultiInputClassifier", *labels(classifier)]
    found = labels(search.fit(FRAME, Y))
    assert found == ["best_estimator_: Pipeline", "clf: MultiInputClassifier", *labels(search.best_estimator_[-1])]
    assert found[-3:] == ["head: width 1; 65 parameters", "DenseHead", "network: 259 parameters"]


# --- in a browser


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
REPORT = """
<script>
const box = element => element.getBoundingClientRect();
const shown = [...document.querySelectorAll(".sk-container label")].map(label => {
    const text = label.querySelector(":scope > div > div") || label;
    return {text: text.innerText, top: box(label).top, left: box(label).left, width: box(label).width};
});
const copied = [...document.querySelectorAll(".copy-paste-icon")].map(icon => icon.title.trim());
const report = document.createElement("pre");
report.id = "report";
report.textContent = encodeURIComponent(JSON.stringify({shown, copied}));
document.body.append(report);
</script>
"""


@pytest.fixture(scope="module")
def rendered(fitted, tmp_path_factory):
    """What a browser makes of the fitted estimator's diagram: place of each label, names that a click copies."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"needs one of {', '.join(BROWSERS)}")
    folder = tmp_path_factory.mktemp("browser")
    page = folder / "page.html"
    page.write_text(f'<!DOCTYPE html><meta charset="utf-8">{estimator_html_repr(fitted)}{REPORT}', encoding="utf-8")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--window-size=1200,900",
        f"--user-data-dir={folder}/profile",
    ]
    command = [browser, *options, "--dump-dom", page.as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(unquote(re.search(r'<pre id="report">(.*?)</pre>', run.stdout)[1]))


def test_a_browser_shows_the_parts_below_one_another(rendered):
    tops = {label["text"].partition(":")[0]: label["top"] for label in rendered["shown"]}
    order = ["MultiInputClassifier", "router", "branches", "merge", "head", "network"]
    assert sorted(order, key=tops.get) == order
    assert all(label["width"] > 0 for label in rendered["shown"])


def test_a_browser_shows_the_branches_beside_one_another(rendered):
    branches = [label for label in rendered["shown"] if re.search(r"(pair|left\"|right): width", label["text"])]
    assert len({label["top"] for label in branches}) == 1
    assert sorted(branches, key=lambda label: label["left"]) == branches


def test_a_browser_shows_names_as_they_are(rendered):
    assert f"{LEFT}: width 3; 7 parameters" in [label["text"] for label in rendered["shown"]]


def test_a_click_copies_the_name_that_a_grid_takes(rendered, fitted):
    copied = {name for name in rendered["copied"] if name.startswith(("router__", "branches__", "merge__", "head__"))}
    known = set(fitted.get_params())
    assert {"router__pair__with_mean", f"branches__{LEFT}__units", "head__units"} <= copied
    assert copied <= known
