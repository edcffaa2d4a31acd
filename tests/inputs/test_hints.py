"""What the plan says of cells that stand for something else, and that its advice does what it says."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from skmulti import InputRouter
from skmulti.inputs._hints import hint

N_ROWS = 60
ROWS = np.arange(N_ROWS)
DAYS = pd.date_range("2023-11-20", periods=N_ROWS, freq="37h")
TAGS = ["red", "green", "blue", "old"]
NOTHING = {
    "words": ["Rome", "Oslo", "New York"] * 20,
    "codes": [f"A{i}" for i in ROWS],
    "codes with zeros in front": [f"{i:05}" for i in ROWS],
    "versions": [f"1.{i % 5}.{i % 3}" for i in ROWS],
    "ranges": ["10-20", "20-30", "30+"] * 20,
    "sentences with commas": [f"Good, soft, and {TAGS[i % 4]}, no {i}" for i in ROWS],
    "ISO days": [f"{day:%Y-%m-%d}" for day in DAYS],
    "whole numbers": ROWS * 1000,
    "floats": ROWS / 7,
    "nothing": [None] * N_ROWS,
    "arrays": [np.zeros(2)] * N_ROWS,
    "a number in a string among other objects": [{}] * (N_ROWS - 1) + ["5"],
    "as many numbers as strings with a unit": [1.5, "10 mg"] * 30,
    "truth values beside text": [True, False, "?"] * 20,
}


def test_numbers_beside_many_words_are_noticed():
    column = pd.Series([0.5, 1.5, 2.5, "low", "high", 3.5], dtype=object)
    assert "numbers beside text such as 'low'" in hint(column)
    assert "beside text such as '?'" in hint(pd.Series([Decimal("1.5"), Decimal("2.5"), "?"], dtype=object))


def test_a_few_fractions_among_strings_are_categories():
    column = pd.Series(["low", "high", 2.5, "low", None] * 10, dtype=object)
    router = InputRouter().fit(pd.DataFrame({"level": column, "age": ROWS[:50] % 7}))
    assert router.plan_["reason"].tolist() == ["3 different values", "numbers"]
    assert router.encoders_["categories"].categories_[0].tolist() == [2.5, "high", "low"]


def test_several_units_are_to_be_made_one():
    assert "units ('g', 'kg'): bring them to one" in hint(pd.Series(["1 kg", "2 kg", "500 g"]))


def test_days_written_as_numbers_are_noticed():
    days = pd.Series(DAYS.strftime("%Y%m%d")).astype(int)

    assert hint(days).startswith(f"dates such as {days.min()}")
    assert not hint(days + 50)  # there is no 20231170


@pytest.mark.parametrize("cells", NOTHING)
def test_nothing_is_noticed_where_there_is_nothing(cells):
    assert hint(pd.Series(list(NOTHING[cells]))) == ""


def test_the_plan_says_it():
    frame = pd.DataFrame({"weight": [f"{i} kg" if i % 2 else f"{i}00 g" for i in ROWS % 9 + 1], "day": ROWS % 7 + 0.5})

    plan = InputRouter().fit(frame).plan_.set_index("column")

    assert plan.loc["weight", "reason"].endswith("several units ('g', 'kg'): bring them to one")


@pytest.mark.parametrize(("filler", "noticed"), [(-9999.0, True), (1e20, True), (60.0, False)])
def test_a_number_far_from_all_others_that_comes_back_is_noticed(filler, noticed):
    numbers = pd.Series([*(ROWS / 7), filler, filler])
    assert ("comes back, far from all others" in hint(numbers)) == noticed
    assert hint(numbers[:-1]) == ""  # once, it is an outlier


def test_a_counter_is_noticed_and_what_is_like_one_is_not():
    assert hint(pd.Series(ROWS + 5, name="n")) == "counts the rows: kinds={'n': 'drop'} if it is an id"
    assert hint(pd.Series(ROWS[:19])) == ""
    assert hint(pd.Series(ROWS * 2)) == ""
    assert hint(pd.Series([*ROWS[:-1], 0])) == ""
