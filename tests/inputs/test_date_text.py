"""Dates that stand as text are read as the dates that they write, in the order that their column shows."""

import datetime

import numpy as np
import pandas as pd
import pytest

from skmulti import CalendarEncoder, InputMismatchError, InputRouter, OddCellsWarning
from skmulti.inputs._date_text import find_date_style

TIMES = pd.date_range("2020-01-05 03:04:05", periods=60, freq="37h")
# Formats of strftime, each with the precision that it writes.
FORMATS = {
    "%Y-%m-%d": "D", "%Y/%m/%d": "D", "%Y.%m.%d": "D", "%d.%m.%Y": "D", "%d/%m/%Y": "D", "%m/%d/%Y": "D",
    "%d-%m-%Y": "D", "%m-%d-%Y": "D", "%d/%m/%y": "D", "%d.%m.%y": "D", "%d %B %Y": "D", "%d-%b-%Y": "D",
    "%b %d, %Y": "D", "%B %d %Y": "D", "%A, %d %B %Y": "D", "%a %d %b %Y": "D", "%Y-%b-%d": "D", "%d%b%Y": "D",
    "%Y年%m月%d日": "D", "%Y/%m/%d %H:%M:%S": "s", "%d.%m.%Y %H:%M": "min", "%m/%d/%y %H:%M": "min",
    "%m/%d/%Y %I:%M:%S %p": "s", "%b %d, %Y %I:%M %p": "min", "%Y-%m-%dT%H:%M:%SZ": "s", "%Y-%m-%d %H:%M:%S UTC": "s",
    "%a %b %d %H:%M:%S %Y": "s", "%a, %d %b %Y %H:%M:%S GMT": "s", "%Y%m%dT%H%M%S": "s", "%d/%b/%Y:%H:%M:%S": "s",
    "%Y-%m-%d %H:%M:%S.%f": "s", "%d/%m/%Y, %H:%M:%S": "s",
}  # fmt: skip
MONTHS = ["%Y-%m", "%Y/%m", "%B %Y", "%b %Y", "%b-%Y"]
NO_DATES = {
    "versions": [f"1.{i}.{i}" for i in range(60)],
    "ranges": [f"{i}-{i + 10}" for i in range(60)],
    "codes": [f"AB-{i:04}-{i:02}" for i in range(60)],
    "sentences": [f"In May {i} films came, in June 2020 more" for i in range(60)],
    "numbers": list(range(60)),
    "telephones": [f"030-12-{i:04}" for i in range(60)],
    "months": ["may", "june"] * 30,
    "scores": ["3:1", "2:90"] * 30,
    "half dates, half words": ["2020-01-01", "soon", "2020-01-02", "never", "once"] * 12,
    "nothing": [],
}


@pytest.mark.parametrize("written", FORMATS)
def test_a_style_reads_what_the_column_writes(written):
    style = find_date_style(TIMES.strftime(written).tolist())
    read = style.read(TIMES.strftime(written).to_numpy())
    assert read.tolist() == TIMES.floor(FORMATS[written]).tz_localize("UTC").tolist()


@pytest.mark.parametrize("written", MONTHS)
def test_months_are_their_first_days(written):
    read = find_date_style(TIMES.strftime(written).tolist()).read(TIMES.strftime(written).to_numpy())
    assert read.tolist() == TIMES.to_period("M").to_timestamp().tz_localize("UTC").tolist()


def test_quarters_are_their_first_days():
    read = find_date_style(["2020Q1", "2021-Q3"]).read(np.array(["2020Q1", "2021-Q3"], dtype=object))
    assert read.dt.strftime("%Y-%m-%d").tolist() == ["2020-01-01", "2021-07-01"]


@pytest.mark.parametrize("written", ["%H:%M:%S", "%H:%M", "%I:%M %p"])
def test_times_of_the_day_are_times_of_one_day(written):
    read = find_date_style(TIMES.strftime(written).tolist()).read(TIMES.strftime(written).to_numpy())
    assert read.dt.strftime("%H:%M").tolist() == TIMES.strftime("%H:%M").tolist()
    assert read.dt.date.nunique() == 1


@pytest.mark.parametrize(
    "cells",
    [
        [time.date() for time in TIMES],
        [time.time() for time in TIMES],
        [time.to_pydatetime() for time in TIMES],
        [np.datetime64(time) for time in TIMES],
        list(TIMES.to_period("M")),
        [TIMES[0].date(), "2020-02-03", TIMES[3]] * 20,
    ],
    ids=["dates", "times", "datetimes", "NumPy's", "periods", "mixed"],
)
def test_objects_of_dates_are_taken(cells):
    frame = pd.DataFrame({"when": pd.Series(cells, dtype=object)})
    router = InputRouter().fit(frame)
    assert router.plan_["encoder"].tolist() == ["CalendarEncoder"]
    assert np.isfinite(router.transform(frame)["dates"]).all()


@pytest.mark.parametrize("name", NO_DATES)
def test_what_writes_no_dates_has_no_style(name):
    assert find_date_style(NO_DATES[name]) is None


@pytest.mark.parametrize("written", ["%d/%m/%Y", "%m/%d/%y", "%d.%m.%Y", "%b %d, %Y"])
def test_the_default_router_encodes_the_text_as_the_dates(written):
    texts = pd.DataFrame({"when": TIMES.strftime(written)})
    dates = pd.DataFrame({"when": TIMES.floor("D")})
    router = InputRouter().fit(texts)
    expected = InputRouter().fit(dates).transform(dates)["dates"]
    np.testing.assert_allclose(router.transform(texts)["dates"], expected, rtol=1e-6)
    # A few rows, and dates instead of texts.
    np.testing.assert_allclose(router.transform(texts[:1])["dates"], expected[:1], rtol=1e-6)
    np.testing.assert_allclose(router.transform(dates)["dates"], expected, rtol=1e-6)


def test_the_order_of_fit_holds_at_predict():
    router = InputRouter().fit(pd.DataFrame({"when": TIMES.strftime("%d/%m/%Y")}))
    days = router.transform(pd.DataFrame({"when": ["03/04/2020"]}))["dates"]
    april = InputRouter().fit(pd.DataFrame({"when": TIMES.floor("D")}))
    np.testing.assert_allclose(days, april.transform(pd.DataFrame({"when": [pd.Timestamp("2020-04-03")]}))["dates"])


def test_an_order_that_is_a_guess_is_said_to_be_one():
    frame = pd.DataFrame({"when": [f"{i % 12 + 1:02}/{i % 11 + 1:02}/2020" for i in range(60)]})
    assert "month first, a guess" in InputRouter().fit(frame).plan_["reason"][0]


@pytest.mark.parametrize("odd", ["unknown", "", "2020-02-30", "soon", 2012])
@pytest.mark.parametrize("position", [0, 5, 1999])
def test_one_odd_cell_is_missing_wherever_it_stands(odd, position):
    days = pd.date_range("2015", periods=2000).astype(str).tolist()
    clean = InputRouter().fit(pd.DataFrame({"d": days}))
    days[position] = odd
    frame = pd.DataFrame({"d": pd.Series(days, dtype=object)})
    with pytest.warns(
        OddCellsWarning, match=f"column 'd': 1 of 2000 cells are not dates, first at row label {position}: "
    ):
        router = InputRouter().fit(frame)
    assert router.plan_["encoder"].tolist() == ["CalendarEncoder"]
    with pytest.warns(OddCellsWarning):
        array = router.transform(frame)["dates"]
    assert np.isnan(array).all(axis=1).nonzero()[0].tolist() == [position]
    assert router.specs_["dates"].shape == clean.specs_["dates"].shape


def test_an_input_that_the_user_named_stays_strict():
    frame = pd.DataFrame({"d": ["31/12/2020", "30/12/2020"]})
    with pytest.raises(InputMismatchError, match=r"2 of 2 cells are not dates, first at row label 0: '31/12/2020'"):
        InputRouter([("d", CalendarEncoder(), ["d"])]).fit(frame)
    parts = CalendarEncoder(on_odd="missing", parts=["day"]).fit(frame).parts_
    assert parts == [(0, "day")]


def test_parts_of_a_table_are_read_in_the_order_of_the_first():
    texts = pd.Series(TIMES.strftime("%d/%m/%Y"), name="d")
    whole = CalendarEncoder(on_odd="missing").fit(texts)
    parts = CalendarEncoder(on_odd="missing")
    for start in range(0, 60, 20):
        parts.partial_fit(texts[start : start + 20])
    np.testing.assert_allclose(parts.transform(texts), whole.transform(texts), rtol=1e-5, atol=1e-6)


def test_a_far_date_that_stands_for_never_does_not_set_the_scale():
    days = pd.Series(pd.date_range("2020", periods=200).astype("datetime64[us]"), name="d")
    filled = days.copy()
    filled[3] = pd.Timestamp("9999-12-31")
    encoder = CalendarEncoder(parts=["elapsed"]).fit(filled)
    expected = CalendarEncoder(parts=["elapsed"]).fit(days).transform(days)
    others = np.arange(200) != 3
    np.testing.assert_allclose(encoder.transform(filled)[others], expected[others], atol=0.1)


def test_dates_of_arrow_are_dates():
    pa = pytest.importorskip("pyarrow")
    for kind in (pa.date32(), pa.date64()):
        column = pd.Series(TIMES.date, dtype=pd.ArrowDtype(kind), name="d")
        np.testing.assert_allclose(
            CalendarEncoder().fit_transform(column),
            CalendarEncoder().fit_transform(pd.Series(TIMES.floor("D"), name="d")),
        )


def test_times_with_datetime_time_are_hours():
    column = pd.Series([datetime.time(hour) for hour in range(24)], dtype=object, name="t")
    array = CalendarEncoder(on_odd="missing", parts=["hour"]).fit_transform(column)
    np.testing.assert_allclose(array[:, 0], np.sin(2 * np.pi * np.arange(24) / 24), atol=1e-6)
