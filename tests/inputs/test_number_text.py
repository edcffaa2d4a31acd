"""Numbers that stand as text are read as the numbers that they write, and what is no number is not."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from skmulti import InputMismatchError, InputRouter, NumberScaler, OddCellsWarning
from skmulti.inputs._number_text import NumberStyle, find_number_style

ROWS = np.arange(60)
NUMBERS = np.random.default_rng(0).normal(size=60) * 1e5
LARGE = [f"{number:,.2f}" for number in NUMBERS]


def swap(text, first, second):
    """Return a text with two characters in each other's place."""
    return text.translate({ord(first): second, ord(second): first})


# What a column holds, and the numbers that it writes.
WRITTEN = {
    "plain": ([f"{x:.3f}" for x in NUMBERS], NUMBERS.round(3)),
    "whole": ([str(i) for i in ROWS], ROWS),
    "blanks around": ([f" {i} " for i in ROWS], ROWS),
    "exponents": ([f"{-i}e-1" for i in ROWS], -ROWS / 10),
    "plus and minus": ([f"{i:+d}" for i in ROWS - 30], ROWS - 30),
    "typeset minus": ([str(i).replace("-", "\u2212") for i in ROWS - 30], ROWS - 30),
    "commas between thousands": (LARGE, NUMBERS.round(2)),
    "points between thousands, decimal comma": ([swap(text, ",", ".") for text in LARGE], NUMBERS.round(2)),
    "blanks between thousands": ([text.replace(",", " ") for text in LARGE], NUMBERS.round(2)),
    "narrow blanks, decimal comma": ([swap(t, ",", ".").replace(".", "\u202f") for t in LARGE], NUMBERS.round(2)),
    "apostrophes between thousands": ([text.replace(",", "'") for text in LARGE], NUMBERS.round(2)),
    "thousands and lakhs": (["12,34,567", "1,00,000", "5"] * 20, [1234567, 100000, 5] * 20),
    "decimal commas": ([f"{i / 4:.2f}".replace(".", ",") for i in ROWS], ROWS / 4),
    "dollars": ([f"${text}" for text in LARGE], NUMBERS.round(2)),
    "minus before the dollar": ([f"-${i}" for i in ROWS], -ROWS),
    "euros in front": ([f"€ {i}" for i in ROWS], ROWS),
    "euros behind": ([f"{i},5 €" for i in ROWS], ROWS + 0.5),
    "code of a currency": ([f"USD {i / 4:.2f}" for i in ROWS], ROWS / 4),
    "reais": ([f"R$ {i},25" for i in ROWS], ROWS + 0.25),
    "shares": ([f"{i}%" for i in ROWS], ROWS),
    "shares with a blank": ([f"{i} %" for i in ROWS], ROWS),
    "units": ([f"{i} mg" for i in ROWS], ROWS),
    "units with and without a blank": ([f"{i} mg" if i % 2 else f"{i}mg" for i in ROWS], ROWS),
    "compound units": ([f"{i} km/h" for i in ROWS], ROWS),
    "one and several": (["1 year"] + [f"{i} years" for i in ROWS[2:]], np.r_[1, ROWS[2:]]),
    "degrees": ([f"{i}°C" for i in ROWS], ROWS),
    "letters that multiply": (["1.2M", "950", "34k", "2B"] * 15, [1.2e6, 950, 34e3, 2e9] * 15),
    "dollars that multiply": (["$1.2M", "$950", "$34K"] * 20, [1.2e6, 950, 34e3] * 20),
    "losses in brackets": ([f"({i})" if i % 2 else str(i) for i in ROWS], np.where(ROWS % 2, -ROWS, ROWS)),
    "square brackets": ([f"[{i}]" if i % 9 == 0 else f"{i}.5" for i in ROWS], np.where(ROWS % 9, ROWS + 0.5, ROWS)),
    "more and less": ([f"<{i}" if i < 3 else f">{i}" if i > 57 else str(i) for i in ROWS], ROWS),
    "at least": ([f"{i},000+" for i in ROWS[1:]], ROWS[1:] * 1000),
    "digits of other scripts": (["١٢", "٣", "\uff14\uff15"] * 20, [12, 3, 45] * 20),
    "durations of pandas": (pd.to_timedelta(ROWS * 7919, unit="s").astype(str).tolist(), ROWS * 7919),
    "hours beyond a day": ([f"{i + 10}:30:05" for i in ROWS], (ROWS + 10) * 3600 + 1805),
    "hours and minutes in words": ([f"{i}h {i}m" for i in ROWS], ROWS * 3660),
    "ISO durations": ([f"PT{i}H{i}M" for i in ROWS], ROWS * 3660),
    "floats, decimals, texts": ([1.5, Decimal("2.5"), "3.5", np.int8(4)] * 15, [1.5, 2.5, 3.5, 4] * 15),
}
NO_NUMBERS = {
    "names of files": [f"{i}.png" for i in ROWS],
    "names of files of two kinds": [f"{i}.{'jpg' if i % 2 else 'jpeg'}" for i in ROWS],
    "codes with zeros in front": [f"{i:05}" for i in ROWS],
    "some codes with zeros in front": [f"{i:02}" for i in ROWS],
    "letters before digits": [f"A{i}" for i in ROWS],
    "letters behind digits": [f"{i}{'ABC'[i % 3]}" for i in ROWS],
    "versions": [f"1.{i % 5}.{i % 3}" for i in ROWS],
    "addresses": [f"192.168.{i}.{i}" for i in ROWS],
    "ranges": [f"{i}-{i + 10}" for i in ROWS],
    "telephones": [f"555-{i + 1000}" for i in ROWS],
    "dates": [f"2020-01-{i % 28 + 1:02}" for i in ROWS],
    "times of a day": [f"{i % 24:02}:{i:02}:00" for i in ROWS],
    "words": ["one", "two"] * 30,
    "several units": ["5 mg", "3 kg"] * 30,
    "two units, many numbers": [f"{i} mg" if i % 3 else f"{i} kg" for i in ROWS],
    "numbers of several": ["1,2,3", "4,5"] * 30,
    "bytes": [b"12"] * 60,
    "lists": [[1]] * 60,
    "as many words as numbers": [i if i % 2 else f"word {i}" for i in ROWS],
    "nothing": [],
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_style_reads_what_the_column_writes(name):
    cells, numbers = WRITTEN[name]
    style = find_number_style(cells)
    np.testing.assert_allclose(style.read(np.array(cells, dtype=object)), np.asarray(numbers, float), rtol=1e-12)


@pytest.mark.parametrize("name", WRITTEN)
def test_the_default_router_encodes_the_text_as_the_numbers(name):
    cells, numbers = WRITTEN[name]
    written = InputRouter().fit(pd.DataFrame({"x": pd.Series(cells, dtype=object)}))
    plain = InputRouter(kinds={"x": NumberScaler()}).fit(pd.DataFrame({"x": np.asarray(numbers, float)}))
    assert written.plan_["encoder"].tolist() == ["NumberScaler"]
    rows = pd.DataFrame({"x": pd.Series(cells, dtype=object)})
    expected = plain.transform(pd.DataFrame({"x": np.asarray(numbers, float)}))["x"]
    np.testing.assert_allclose(written.transform(rows)["numbers"], expected, rtol=1e-5, atol=1e-6)
    # A few rows take another way.
    np.testing.assert_allclose(written.transform(rows[:2])["numbers"], expected[:2], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NO_NUMBERS)
def test_what_writes_no_numbers_has_no_style(name):
    cells = NO_NUMBERS[name]
    assert find_number_style(cells) is None
    assert NumberScaler.suits(pd.Series(cells, dtype=object)) is None


@pytest.mark.parametrize("dtype", ["object", "str", "string", "large_string[pyarrow]"])
def test_every_dtype_of_text_is_read(dtype):
    column = pd.Series(["$1", None, "$3"], dtype=dtype)
    scaler = NumberScaler(on_odd="missing").fit(column)
    assert scaler.mean_.tolist() == [2.0]
    np.testing.assert_array_equal(scaler.transform(column)[:, 0], np.float32([-1, np.nan, 1]))


@pytest.mark.parametrize(("odd", "share"), [("?", 0.01), ("?", 0.4), ("n/a", 0.04), ("", 0.04), ("inf", 0.02)])
@pytest.mark.parametrize("kind", [float, int, str])
def test_odd_cells_count_as_missing_and_are_reported(odd, share, kind):
    numbers = [kind(i + 1) for i in range(100)]
    marked = np.random.default_rng(0).permutation(100)[: int(100 * share)]
    cells = [odd if i in marked else number for i, number in enumerate(numbers)]
    frame = pd.DataFrame({"x": pd.Series(cells, dtype=object)})
    first = f"first at row label {min(marked)}: '{odd}'"
    with pytest.warns(OddCellsWarning, match="Some cells") as caught:
        router = InputRouter().fit(frame)
    assert first in str(caught[0].message)
    assert f"{len(marked)} of 100 cells" in str(caught[0].message)
    with pytest.warns(OddCellsWarning):
        array = router.transform(frame)["numbers"]
    known = np.setdiff1d(np.arange(100), marked)
    assert np.isnan(array[marked, 0]).all()
    expected = (known + 1 - np.mean(known + 1)) / np.std(known + 1)
    np.testing.assert_allclose(array[known, 0], expected, rtol=1e-5)
    # A flag of a few missing cells would teach nothing.
    assert array.shape[1] == (2 if share > 0.05 else 1)
    assert (array[:, 1:] == np.isin(np.arange(100), marked)[:, None]).all()


@pytest.mark.parametrize(
    ("add_indicator", "n_missing", "n_rows", "flagged"),
    [
        (True, 1, 100, True),
        (False, 90, 100, False),
        ("auto", 5, 100, False),
        ("auto", 6, 100, True),
        ("auto", 50, 10_000, False),
        ("auto", 51, 10_000, True),
    ],
)
def test_a_column_is_flagged_if_enough_is_missing(add_indicator, n_missing, n_rows, flagged):
    numbers = np.arange(float(n_rows))
    numbers[:n_missing] = np.nan
    frame = pd.DataFrame({"x": numbers})
    whole = NumberScaler(add_indicator=add_indicator).fit(frame)
    assert whole.indicator_columns_.tolist() == [0] * flagged
    parts = NumberScaler(add_indicator=add_indicator)
    for start in range(0, n_rows, n_rows // 4):
        parts.partial_fit(frame[start : start + n_rows // 4])
    assert parts.indicator_columns_.tolist() == [0] * flagged


def test_one_row_with_an_odd_cell_is_predicted_as_a_row_without_it():
    router = InputRouter().fit(pd.DataFrame({"x": [1.0, 2.0, 3.0], "z": [1.0, 2.0, 4.0]}))
    with pytest.warns(OddCellsWarning, match=r"column 'x': 1 of 1 cells are not numbers, first at row label 0: 'no'"):
        array = router.transform(pd.DataFrame({"x": ["no"], "z": [2.0]}))["numbers"]
    assert np.isnan(array[0, 0])
    assert np.isfinite(array[0, 1])


def test_a_column_that_is_another_one_is_refused():
    router = InputRouter().fit(pd.DataFrame({"x": [1.0, 2.0, 3.0]}))
    with pytest.raises(InputMismatchError, match=r"column 'x'\): 5 of 5 cells are not numbers"):
        router.transform(pd.DataFrame({"x": list("abcde")}))


def test_an_input_that_the_user_named_stays_strict():
    column = pd.DataFrame({"x": ["1", "2", "?"]})
    with pytest.raises(InputMismatchError, match=r"column 'x'\): 3 of 3 cells are not numbers"):
        InputRouter([("x", NumberScaler(), ["x"])]).fit(column)
    with pytest.warns(OddCellsWarning, match="1 of 3 cells"):
        InputRouter([("x", NumberScaler(on_odd="missing"), ["x"])]).fit(column)


def test_the_unit_of_fit_holds_at_predict():
    scaler = NumberScaler(on_odd="missing").fit(pd.Series([f"{i} kg" for i in ROWS]))
    with pytest.warns(OddCellsWarning, match="1 of 3 cells are not numbers, first at row label 1: '500 g'"):
        array = scaler.transform(pd.Series(["5 kg", "500 g", "5"]))
    assert np.isnan(array[:, 0]).tolist() == [False, True, False]
    assert array[0, 0] == array[2, 0]


def test_the_decimal_sign_of_fit_holds_at_predict():
    german = NumberScaler(on_odd="missing").fit(pd.Series(["1,5", "2,5", "1.000,0"]))
    english = NumberScaler(on_odd="missing").fit(pd.Series(["1.5", "2.5", "1,000"]))
    np.testing.assert_allclose(german.transform(pd.Series(["1.000"])), english.transform(pd.Series(["1,000"])))


def test_parts_of_a_table_are_read_in_the_style_of_the_first():
    cells = [swap(text, ",", ".") for text in LARGE]
    whole = NumberScaler(on_odd="missing").fit(pd.Series(cells))
    parts = NumberScaler(on_odd="missing")
    for start in range(0, 60, 20):
        parts.partial_fit(pd.Series(cells[start : start + 20]))
    np.testing.assert_allclose(parts.mean_, whole.mean_)
    np.testing.assert_allclose(parts.scale_, whole.scale_)


def test_numbers_at_fit_are_read_as_text_at_predict():
    router = InputRouter().fit(pd.DataFrame({"x": NUMBERS}))
    texts = pd.DataFrame({"x": [repr(float(x)) for x in NUMBERS]})
    np.testing.assert_array_equal(
        router.transform(texts)["numbers"], router.transform(pd.DataFrame({"x": NUMBERS}))["numbers"]
    )
    with_signs = router.transform(pd.DataFrame({"x": ["$1,000"] * 2}))["numbers"]
    np.testing.assert_array_equal(with_signs, router.transform(pd.DataFrame({"x": [1000.0] * 2}))["numbers"])


def test_durations_of_every_kind_are_seconds():
    cells = [datetime.timedelta(seconds=5), np.timedelta64(10, "s"), pd.Timedelta("15s")] * 10
    assert NumberScaler().fit(pd.Series(cells, dtype=object)).mean_.tolist() == [10.0]
    assert NumberScaler.suits(pd.Series(cells, dtype=object)) == "numbers in cells"


def test_how_a_style_says_what_it_is():
    assert str(NumberStyle()) == "numbers written as text"
    assert str(NumberStyle(unit="€", decimal=",")) == "numbers written as text with the unit '€' and a decimal comma"
    assert str(NumberStyle(durations=True)) == "durations written as text"


@pytest.mark.parametrize("filler", [1e20, 9.96921e36, -3.4028235e38, 1e300, -1e308])
@pytest.mark.parametrize("share", [0.005, 0.02])
def test_fillers_out_of_all_proportion_do_not_set_the_scale(filler, share):
    numbers = np.random.default_rng(0).normal(5, 2, size=1000)
    filled = numbers.copy()
    places = np.arange(int(1000 * share)) * 7
    filled[places] = filler
    others = np.setdiff1d(np.arange(1000), places)
    scaler = NumberScaler().fit(pd.DataFrame({"x": filled}))
    np.testing.assert_allclose(scaler.mean_, numbers[others].mean())
    np.testing.assert_allclose(scaler.scale_, numbers[others].std())
    with pytest.warns(OddCellsWarning, match=f"{len(places)} of 1000 cells are not numbers in proportion .* label 0: "):
        array = scaler.transform(pd.DataFrame({"x": filled}))
    # They count as missing.
    known = np.where(np.isin(np.arange(1000), places), np.nan, numbers)
    np.testing.assert_array_equal(array, NumberScaler().fit_transform(pd.DataFrame({"x": known})))


def test_large_numbers_that_follow_on_others_are_numbers():
    # Nearly Pareto: the largest are out of proportion to most, and each but some times the one before.
    numbers = 2.0 ** np.arange(40)
    array = NumberScaler().fit_transform(pd.DataFrame({"x": np.r_[np.arange(1000) % 7, numbers]}))
    assert array.shape == (1040, 1)
    assert np.isfinite(array).all()
    assert (np.diff(array[-40:, 0]) >= 0).all()


@pytest.mark.parametrize(
    ("filler", "low", "high", "is_filler"),
    [
        (-9999, 2_700, 6_300, True),
        (9999, 1990, 2020, True),
        (999, 1, 120, True),
        (-99, 0, 60, True),
        (9999, 100, 8_000, False),
        (-9000, 2_700, 6_300, False),
        (99, 1, 80, False),
        (9, 0, 3, False),
    ],
)
def test_nines_beyond_the_range_of_the_others_are_fillers(filler, low, high, is_filler):
    numbers = np.random.default_rng(0).uniform(low, high, size=200)
    numbers[[7, 70]] = filler
    frame = pd.DataFrame({"x": numbers})
    array = NumberScaler(add_indicator=False).fit_transform(frame)
    assert np.flatnonzero(np.isnan(array[:, 0])).tolist() == [7, 70] * is_filler
    parts = NumberScaler(add_indicator=False).partial_fit(frame[:100]).partial_fit(frame[100:])
    np.testing.assert_allclose(parts.transform(frame), array, rtol=1e-4)


def test_codes_of_few_values_keep_their_nines():
    frame = pd.DataFrame({"answer": [1, 2, 3, 4, 99] * 20})
    assert np.isfinite(NumberScaler().fit_transform(frame)).all()


def test_many_different_numbers_far_from_the_others_are_no_fillers():
    rng = np.random.default_rng(0)
    small, large = rng.normal(5, 2, size=800), rng.normal(1e9, 1e7, size=200)
    array = NumberScaler().fit_transform(pd.DataFrame({"x": np.r_[small, large]}))
    assert array.shape == (1000, 1)
    assert np.isfinite(array).all()


def test_a_single_row_with_a_filler_is_that_of_its_table():
    frame = pd.DataFrame({"x": [*np.linspace(0, 9, 50), -9999.0, -9999.0]})
    router = InputRouter().fit(frame)
    whole = router.transform(frame)["numbers"]
    np.testing.assert_array_equal(router.transform(frame.iloc[[50]])["numbers"], whole[[50]])
    np.testing.assert_array_equal(router.transform({"x": -9999.0})["numbers"], whole[[50]])


def test_numbers_out_of_proportion_after_fit_count_as_the_nearest_of_fit():
    router = InputRouter().fit(pd.DataFrame({"x": [1.0, 2.0, 3.0]}))
    array = router.transform(pd.DataFrame({"x": [1e39, -1e300]}))["numbers"]
    np.testing.assert_array_equal(array, router.transform(pd.DataFrame({"x": [3.0, 1.0]}))["numbers"])


def test_fillers_in_parts_of_a_table_do_not_set_the_scale():
    numbers = np.random.default_rng(0).normal(5, 2, size=1000)
    numbers[[3, 777]] = 1e20
    parts = NumberScaler()
    for start in range(0, 1000, 200):
        parts.partial_fit(pd.DataFrame({"x": numbers[start : start + 200]}))
    whole = NumberScaler().fit(pd.DataFrame({"x": numbers}))
    np.testing.assert_allclose(parts.mean_, whole.mean_)
    np.testing.assert_allclose(
        parts.transform(pd.DataFrame({"x": numbers})), whole.transform(pd.DataFrame({"x": numbers})), rtol=1e-5
    )


def test_of_numbers_near_the_largest_float_the_sign_is_left():
    numbers = pd.DataFrame({"x": [1e300, -1e301, 1.7e308, -1e299]})
    np.testing.assert_array_equal(NumberScaler().fit_transform(numbers)[:, 0], [1, -1, 1, -1])


def test_infinity_is_refused_beside_fillers():
    with pytest.raises(InputMismatchError, match="1 of 4 cells are not finite"):
        NumberScaler().fit(pd.DataFrame({"x": [1.0, 2.0, 1e20, np.inf]}))


@pytest.mark.parametrize("sigma", [1, 2])
def test_skewed_columns_keep_mean_and_deviation(sigma):
    numbers = np.random.default_rng(0).lognormal(0, sigma, size=(2000, 2))
    scaler = NumberScaler().fit(numbers)
    np.testing.assert_allclose(scaler.mean_, numbers.mean(axis=0))
    np.testing.assert_allclose(scaler.scale_, numbers.std(axis=0))
