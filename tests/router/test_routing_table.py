"""The plan of a router is a DataFrame that shows all of its cells."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from skmulti import InputRouter, MultiInputClassifier, load, save

PROGRAM = """
import os, warnings
import numpy as np, pandas as pd
from skmulti import InputRouter
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
frame = pd.DataFrame({
    "number_of_rooms_that_can_be_let": rng.normal(size=40),
    "city": rng.choice(["Rome", "Oslo"], 40),
    "id": [f"x{i}" for i in range(40)],
})
plan = InputRouter().fit(frame).plan_
for width in ("60", "80", "100"):
    os.environ["COLUMNS"] = width
    print(plan, end="|")
"""


@pytest.fixture(scope="module")
def router():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"rooms": rng.normal(size=40), "city": rng.choice(["Rome", "Oslo"], 40)})
    return InputRouter().fit(frame)


def test_a_terminal_shows_all_four_columns():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=True)
    for width, shown in zip((60, 80, 100), run.stdout.split("|"), strict=False):
        lines = shown.split("\n")
        assert lines[0].split() == ["column", "input", "encoder", "reason"]
        assert max(map(len, lines)) <= width
        assert "..." not in shown
        for word in ("NumberScaler", "CategoryIndexer", "dropped", "an id:", "different", "rows"):
            assert word in shown


def test_it_is_a_frame_in_every_other_way(router):
    plan = router.plan_
    assert isinstance(plan, pd.DataFrame)
    expected = pd.DataFrame(
        {
            "column": ["rooms", "city"],
            "input": ["numbers", "categories"],
            "encoder": ["NumberScaler", "CategoryIndexer"],
            "reason": ["numbers", "2 different values"],
        }
    )
    pd.testing.assert_frame_equal(pd.DataFrame(plan), expected)
    assert plan.to_string() == expected.to_string()
    assert plan.groupby("input").size().to_dict() == {"numbers": 1, "categories": 1}
    assert type(plan[["column", "reason"]]) is pd.DataFrame
    assert type(plan.set_index("column")) is pd.DataFrame
    assert plan[plan["input"] == ""].empty
    assert "2 different values" in plan._repr_html_()


def test_an_empty_selection_prints(router):
    assert "Empty" in repr(type(router.plan_)(router.plan_.iloc[:0]))


@pytest.mark.parametrize(
    "twin_of", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))], ids=["copy", "pickle"]
)
def test_copies_and_pickles_show_it_alike(router, twin_of):
    assert repr(twin_of(router).plan_) == repr(router.plan_)
    pd.testing.assert_frame_equal(pd.DataFrame(twin_of(router.plan_)), pd.DataFrame(router.plan_))
    assert not hasattr(clone(router), "plan_")


def test_a_saved_estimator_shows_it_alike(router, tmp_path):
    frame = pd.DataFrame({"rooms": np.arange(20.0), "city": ["Rome", "Oslo"] * 10})
    est = MultiInputClassifier(epochs=1, random_state=0).fit(frame, [0, 1] * 10)
    save(est, tmp_path / "est.skmulti")
    twin = load(tmp_path / "est.skmulti")
    assert repr(twin.router_.plan_) == repr(est.router_.plan_)
    assert twin.recipe_.reasons == est.recipe_.reasons
