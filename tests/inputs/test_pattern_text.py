"""Texts that write several numbers by a pattern, against numbers written by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skmulti import InputRouter, OddCellsWarning, RecordVectorizer
from skmulti.inputs._pattern_text import as_numbers, find_patterns, read_pattern

N = 60
RNG = np.random.default_rng(0)
FIRST, SECOND = np.arange(N) * 7 + 3, RNG.integers(1, 12, N)


@pytest.mark.parametrize(
    ("text", "pattern", "numbers"),
    [
        ("5 ft 11 in", "# ft # in", [5, 11]),
        (" 10-20 ", "#-#", [10, 20]),
        ("3/4", "#/#", [3, 4]),
        ("1.5 x 2", "# x #", [1.5, 2]),
        ("1.10.2", "#.#.#", [1, 10, 2]),
        ("192.168.0.1", "#.#.#.#", [192, 168, 0, 1]),
        ("48\u00b030'N", "#\u00b0#'n", [48, 30]),
        ("\u0665 kg", "# kg", [5]),
    ],
)
def test_numbers_are_read_with_their_pattern(text, pattern, numbers):
    assert read_pattern(text) == (pattern, numbers)
    assert as_numbers(text) == {f"{pattern} [{i}]": number for i, number in enumerate(numbers)}


@pytest.mark.parametrize("text", ["", "words", "x" * 40 + "1"])
def test_a_text_without_a_number_or_a_long_one_has_no_pattern(text):
    assert read_pattern(text) is None
    assert as_numbers(text) == text


def in_columns(*columns):
    """Return standardised columns, as an oracle."""
    table = np.array(columns, dtype=float).T
    return (table - np.nanmean(table, axis=0)) / np.nanstd(table, axis=0)


WRITTEN = {
    "feet": [f"{a} ft {b} in" for a, b in zip(FIRST, SECOND, strict=True)],
    "inches": [f"{a}'{b}\"" for a, b in zip(FIRST, SECOND, strict=True)],
    "range": [f"{a}-{b}" for a, b in zip(FIRST, SECOND, strict=True)],
    "words": [f"{a} to {b}" for a, b in zip(FIRST, SECOND, strict=True)],
    "fraction": [f"{a}/{b}" for a, b in zip(FIRST, SECOND, strict=True)],
    "ratio": [f"{a}:{b}" for a, b in zip(FIRST + 60, SECOND, strict=True)],
    "error": [f"{a} \u00b1 {b}" for a, b in zip(FIRST, SECOND, strict=True)],
    "week": [f"{2000 + a}-W{b}" for a, b in zip(FIRST, SECOND, strict=True)],
    "power": [f"{a}\u00d7{b}" for a, b in zip(FIRST, SECOND, strict=True)],
    "semicolon": [f"{a};{b}" for a, b in zip(FIRST, SECOND, strict=True)],
}


@pytest.mark.parametrize("name", WRITTEN)
def test_each_number_is_a_column(name):
    frame = pd.DataFrame({"x": RNG.normal(size=N), "c": WRITTEN[name]})

    router = InputRouter().fit(frame)

    assert router.plan_["encoder"].tolist() == ["NumberScaler", "RecordVectorizer"]
    assert router.plan_["reason"][1].startswith("numbers written as '#")
    assert_allclose(router.transform(frame)["c"], in_columns(FIRST, SECOND), rtol=1e-5, atol=1e-6)


def test_a_number_before_words_is_one():
    frame = pd.DataFrame({"c": [f"{a} days ago" for a in FIRST]})

    assert_allclose(InputRouter().fit_transform(frame)["c"], in_columns(FIRST), rtol=1e-5, atol=1e-6)


def test_each_unit_is_a_column():
    grams = FIRST % 2 == 0
    cells = [f"{a} g" if small else f"{a}.5 kg" for a, small in zip(FIRST, grams, strict=True)]

    encoded = InputRouter().fit_transform(pd.DataFrame({"weight": cells}))["weight"]

    expected = in_columns(np.where(grams, FIRST, np.nan), np.where(grams, np.nan, FIRST + 0.5))
    assert_allclose(encoded, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "cells",
    [
        [f"id-{i}" for i in range(N)],
        [f"{i}-{'abcdefgh'[i % 8]}-{i}" for i in range(N)],
        [f"A{i}-{i * 7}" for i in range(N)],
        [f"{i} copies of part {i * 7}" for i in range(N)],
        [f"{i % 4}-{i % 5}" for i in range(N)],
        ["no number"] * N,
        [],
    ],
    ids=["ids", "many patterns", "codes", "words", "few values", "no numbers", "no cells"],
)
def test_ids_codes_and_categories_have_no_patterns(cells):
    assert find_patterns(cells) == []


def test_another_pattern_counts_as_missing_and_is_named():
    cells = pd.Series(WRITTEN["range"], name="c")
    router = InputRouter().fit(cells.to_frame())
    dirty = cells.copy()
    dirty[7] = "10 or 20"

    with pytest.warns(
        OddCellsWarning, match="column 'c': 1 of 60 cells are not numbers written as '#-#', first at row"
    ):
        encoded = router.transform(dirty.to_frame())["c"]

    assert np.isnan(encoded[7]).all()
    assert_allclose(np.delete(encoded, 7, axis=0), np.delete(router.transform(cells.to_frame())["c"], 7, axis=0))


def test_rare_patterns_of_training_rows_get_no_column():
    cells = pd.Series(WRITTEN["range"], name="c")
    cells[[3, 9]] = ["10 or 20", "call 911"]

    with pytest.warns(OddCellsWarning, match="2 of 60 cells are not numbers written as '#-#'"):
        router = InputRouter().fit(cells.to_frame())

    assert router.encoders_["c"].feature_names_ == ["#-# [0]", "#-# [1]"]


def test_parts_are_the_whole():
    cells = pd.Series(WRITTEN["range"], name="c")
    cells[3] = "call 911"
    whole, parts = RecordVectorizer(on_odd="missing").fit(cells), RecordVectorizer(on_odd="missing")
    for start in range(0, N, 7):
        parts.partial_fit(cells[start : start + 7])

    assert parts.feature_names_ == whole.feature_names_
    assert_allclose(parts.mean_, whole.mean_)
    assert_allclose(parts.scale_, whole.scale_)


def test_who_is_strict_reads_no_patterns():
    with pytest.raises(ValueError, match="60 of 60 cells are not dicts"):
        RecordVectorizer().fit(pd.Series(WRITTEN["range"], name="c"))


MARKERS = ["N/A", "n.a.", "--", "NULL", "#N/A", "missing", ".", "Unknown"]


def test_any_number_of_known_markers_is_missing():
    cells = [MARKERS[i % len(MARKERS)] if i % 9 == 0 else str(a) for i, a in enumerate(FIRST)]

    with pytest.warns(OddCellsWarning, match="column 'c': 7 of 60 cells are not numbers"):
        router = InputRouter().fit(pd.DataFrame({"c": cells}))

    assert router.plan_["encoder"].tolist() == ["NumberScaler"]


@pytest.mark.parametrize(
    ("before", "after"), [("approx. ", ""), ("ca. ", ""), ("No. ", ""), ("about ", ""), ("Rs. ", "/-"), ("Max ", "")]
)
def test_words_that_come_before_numbers(before, after):
    frame = pd.DataFrame({"c": [f"{before}{a}{after}" for a in FIRST]})

    router = InputRouter().fit(frame)

    assert router.plan_["encoder"].tolist() == ["NumberScaler"]
    assert_allclose(router.transform(frame)["numbers"], in_columns(FIRST), rtol=1e-5, atol=1e-6)
