"""What the plan says of cells that stand for something else, and that its advice does what it says."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from skmulti import InputRouter
from skmulti.errors import CellTypeError
from skmulti.inputs._hints import hint

N_ROWS = 60
ROWS = np.arange(N_ROWS)
DAYS = pd.date_range("2023-11-20", periods=N_ROWS, freq="37h")
TAGS = ["red", "green", "blue", "old"]

NUMBERS = {
    "plain": ([f"{i / 8}" for i in ROWS], ROWS / 8),
    "negative, exponent": ([f"{-i}e-1" for i in ROWS], -ROWS / 10),
    "unit behind": ([f"{i} mg" for i in ROWS], ROWS),
    "unit behind, with and without a space": ([f"{i} mg" if i % 2 else f"{i}mg" for i in ROWS], ROWS),
    "compound unit": ([f"{i} km/h" for i in ROWS], ROWS),
    "share": ([f"{i}%" for i in ROWS], ROWS),
    "currency in front": ([f"USD {i / 4:.2f}" for i in ROWS], ROWS / 4),
    "sign and thousands": ([f"${i * 1234:,}" for i in ROWS], ROWS * 1234),
    "thousands": ([f"{i * 1234:,}" for i in ROWS], ROWS * 1234),
    "decimal comma": ([f"{i / 4:.2f}".replace(".", ",") for i in ROWS], ROWS / 4),
    "unknown": (["?" if i % 20 == 0 else f"{i}" for i in ROWS], np.where(ROWS % 20 == 0, np.nan, ROWS)),
}
DATES = {"%m/%d/%Y", "%d.%m.%Y", "%b %d, %Y %I:%M %p", "%d %B %Y", "%Y/%m/%d", "%d-%b-%Y", "%m/%d/%y %H:%M"}
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


@pytest.mark.parametrize("cells", NUMBERS)
def test_numbers_in_strings_are_noticed_and_the_advice_reads_them(cells):
    strings, numbers = NUMBERS[cells]
    column = pd.Series(strings)

    advice = hint(column).split("which ")[1].removesuffix(" converts")

    read = eval(advice, {"pd": pd, "column": column})
    np.testing.assert_allclose(read, numbers)


def test_text_among_numbers_is_noticed_and_the_advice_reads_them():
    column = pd.Series([i / 8 if i % 20 else "unknown" for i in ROWS], dtype=object)

    said = hint(column)

    assert "numbers beside text such as 'unknown'" in said
    read = eval(said.split("which ")[1].removesuffix(" makes NaN"), {"pd": pd, "column": column})
    np.testing.assert_allclose(read, np.where(ROWS % 20, ROWS / 8, np.nan))


def test_fractions_beside_text_are_refused_with_that_advice():
    X = pd.DataFrame({"dose": pd.Series([0.5, 1.25, "?", 2.5] * 10, dtype=object), "age": ROWS[:40]})
    with pytest.raises(CellTypeError, match=r"'dose' .* float, str.*such as '\?', of which pd.to_numeric"):
        InputRouter().fit(X)


def test_where_the_text_stands_does_not_matter():
    fractions, words = [0.5] * 1_000, ["low", "high", "none", "some"] * 1_000
    for cells in (fractions + words, words + fractions):
        router = InputRouter().fit(pd.DataFrame({"level": pd.Series(cells, dtype=object), "age": np.arange(5_000) % 7}))
        assert router.plan_["encoder"].tolist() == ["CategoryIndexer", "NumberScaler"]
    for cells in (fractions * 6 + words, words + fractions * 6):
        with pytest.raises(CellTypeError, match="numbers beside text"):
            InputRouter().fit(pd.DataFrame({"level": pd.Series(cells, dtype=object)}))


def test_decimals_beside_text_are_noticed():
    assert "beside text such as '?'" in hint(pd.Series([Decimal("1.5"), Decimal("2.5"), "?"], dtype=object))


def test_a_few_fractions_among_strings_are_categories():
    column = pd.Series(["low", "high", 2.5, "low", None] * 10, dtype=object)
    router = InputRouter().fit(pd.DataFrame({"level": column, "age": ROWS[:50] % 7}))
    assert router.plan_["reason"].tolist() == ["3 different values", "numbers"]
    assert router.encoders_["categories"].categories_[0].tolist() == [2.5, "high", "low"]


def test_the_unit_is_named():
    assert "the unit 'mg'" in hint(pd.Series(["10 mg", "20 mg"]))


def test_several_units_are_to_be_made_one():
    assert "units ('g', 'kg'): bring them to one" in hint(pd.Series(["1 kg", "2 kg", "500 g"]))


@pytest.mark.parametrize("written", sorted(DATES))
def test_dates_in_an_order_that_is_a_guess_are_noticed(written):
    assert hint(pd.Series(DAYS.strftime(written))).startswith("dates such as")


def test_days_written_as_numbers_are_noticed():
    days = pd.Series(DAYS.strftime("%Y%m%d")).astype(int)

    assert hint(days).startswith(f"dates such as {days.min()}")
    assert not hint(days + 50)  # there is no 20231170


@pytest.mark.parametrize("separator", [";", "|", ","])
def test_joined_lists_are_noticed(separator):
    column = pd.Series([separator.join(sorted({TAGS[i % 4], TAGS[i // 4 % 4], TAGS[i % 3]})) for i in ROWS])

    assert f".str.get_dummies({separator!r})" in hint(column)
    assert sorted(column.str.get_dummies(separator)) == sorted(TAGS)


@pytest.mark.parametrize("cells", NOTHING)
def test_nothing_is_noticed_where_there_is_nothing(cells):
    assert hint(pd.Series(list(NOTHING[cells]))) == ""


def test_the_plan_says_it_whether_the_column_is_used_or_not():
    frame = pd.DataFrame({"dose": [f"{i % 9} mg" for i in ROWS], "price": NUMBERS["currency in front"][0]})

    plan = InputRouter().fit(frame).plan_.set_index("column")

    assert plan.loc["dose", "reason"].startswith("9 different values; numbers with the unit 'mg'")
    assert plan.loc["price", "encoder"] == "dropped"
    assert "the unit 'USD'" in plan.loc["price", "reason"]
