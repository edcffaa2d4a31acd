"""Dates: calendar parts checked by hand, whatever the dates are written as."""

import datetime

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import StandardScaler

from skmulti.errors import InputMismatchError, OddCellsWarning
from skmulti.inputs.calendar import CalendarEncoder

CYCLES = {"month": 12, "day": 31, "weekday": 7, "hour": 24, "minute": 60, "second": 60}

# 2024-02-29 is a Thursday, 2023-12-31 a Sunday, 1969-07-20 a Sunday.
MOMENTS = ["2024-02-29 23:59:58", "2023-12-31 00:00:00", "1969-07-20 20:17:40"]
BY_HAND = {
    "month": [1, 11, 6],
    "day": [28, 30, 19],
    "weekday": [3, 6, 6],
    "hour": [23, 0, 20],
    "minute": [59, 0, 17],
    "second": [58, 0, 40],
}


def times(cells=MOMENTS, **kwargs):
    return pd.Series(pd.to_datetime(cells, format="ISO8601", **kwargs), name="day")


def on_circle(values, period):
    angle = 2 * np.pi * np.asarray(values) / period
    return np.column_stack([np.sin(angle), np.cos(angle)])


@pytest.mark.parametrize("part", CYCLES)
def test_repeating_part_is_a_point_on_a_circle(part):
    encoded = CalendarEncoder(parts=[part], dtype="float64").fit_transform(times())

    assert_allclose(encoded, on_circle(BY_HAND[part], CYCLES[part]), atol=1e-12)


def test_december_is_as_far_from_january_as_january_from_february():
    december, january, february = CalendarEncoder(parts=["month"], dtype="float64").fit_transform(
        times(["2023-12-01", "2024-01-01", "2024-02-01"])
    )

    assert np.linalg.norm(december - january) == pytest.approx(np.linalg.norm(january - february))


def test_year_and_elapsed_time_are_standardised_on_training_rows():
    train, new = times(), times(["2030-01-01", "1800-06-01"])
    encoder = CalendarEncoder(parts=["elapsed", "year"], dtype="float64").fit(train)
    seconds = [[(t - pd.Timestamp("1970-01-01")) / pd.Timedelta("1s"), t.year] for t in train]
    oracle = StandardScaler().fit(seconds)

    encoded = encoder.transform(new)

    new_seconds = [[(t - pd.Timestamp("1970-01-01")) / pd.Timedelta("1s"), t.year] for t in new]
    assert_allclose(encoded, oracle.transform(new_seconds), rtol=1e-9)


def test_auto_takes_elapsed_time_and_the_parts_that_vary():
    encoder = CalendarEncoder().fit(times(["2024-01-01 12:00", "2024-01-02 12:00", "2024-01-03 12:00"]))

    assert encoder.parts_ == [(0, "elapsed"), (0, "day"), (0, "weekday")]
    assert encoder.spec("day").shape == (5,)


@pytest.mark.parametrize(
    ("moments", "parts"),
    [
        (["2024-01-01 12:00:01", "2024-01-01 13:30:02"], ["elapsed", "hour"]),
        (["2024-01-01 12:00:01", "2024-01-01 12:30:02"], ["elapsed", "minute"]),
        (["2024-01-01 12:00:01", "2024-01-01 12:00:02"], ["elapsed", "second"]),
        (["2024-01-01 12:00:01", "2025-01-01 12:00:02"], ["elapsed", "year", "weekday", "second"]),
    ],
)
def test_auto_takes_the_coarsest_part_of_the_clock_that_varies(moments, parts):
    # A second column, of which other parts vary, does not decide for the first.
    frame = pd.DataFrame({"own": times(moments), "other": times(["2024-01-01 01:00:00", "2024-01-01 02:00:00"])})

    assert CalendarEncoder().fit(frame).parts_ == [*((0, part) for part in parts), (1, "elapsed"), (1, "hour")]
    assert (0, "minute") in CalendarEncoder(parts=["minute"]).fit(frame).parts_


def test_several_columns_keep_their_order():
    frame = pd.DataFrame({"from": times(), "to": times(MOMENTS[::-1])})
    encoded = CalendarEncoder(parts=("hour", "elapsed"), dtype="float64").fit_transform(frame)

    assert_allclose(encoded[:, 1], encoded[::-1, 0])
    assert_allclose(encoded[:, 2:4], on_circle(BY_HAND["hour"], 24), atol=1e-12)
    assert_allclose(encoded[:, 4:], on_circle(BY_HAND["hour"][::-1], 24), atol=1e-12)


@pytest.mark.parametrize("missing", [None, pd.NaT, np.nan, pd.NA])
def test_missing_date_is_nan_in_each_part(missing):
    column = pd.Series([datetime.datetime(2024, 1, 1), missing, datetime.datetime(2025, 2, 2)], dtype=object)
    encoded, rows = CalendarEncoder().fit(column).encode_and_flag(column)

    assert np.isnan(encoded[1]).all()
    assert not np.isnan(encoded[[0, 2]]).any()
    assert rows.tolist() == [False, True, False]


def test_column_without_any_date_is_missing_throughout():
    encoder = CalendarEncoder().fit(pd.Series([None, None], name="day"))

    assert np.isnan(encoder.transform(pd.Series([None, None], name="day"))).all()
    assert np.isfinite(encoder.transform(pd.Series(["2024-01-01"], name="day"))).all()


@pytest.mark.parametrize(
    "column",
    [
        times(),
        times().astype("datetime64[ns]"),
        times().astype("datetime64[s]"),
        times().astype("timestamp[us][pyarrow]"),
        times().astype("timestamp[ns][pyarrow]"),
        times().astype(object),
        pd.Series([cell.to_pydatetime() for cell in times()], dtype=object),
        pd.Series([np.datetime64(cell) for cell in MOMENTS], dtype=object),
        pd.Series(MOMENTS),
        pd.Series([moment.replace(" ", "T") for moment in MOMENTS], dtype="string"),
        pd.Series(MOMENTS, dtype="category"),
        pd.Series([*MOMENTS[:2], pd.Timestamp(MOMENTS[2])], dtype=object),
        times(utc=True),
        times().dt.to_period("s"),
    ],
    ids=lambda column: f"{column.dtype}-{type(column.iloc[0]).__name__}",
)
def test_dates_written_in_any_way_give_the_same_array(column):
    assert_array_equal(CalendarEncoder().fit_transform(column.rename("day")), CalendarEncoder().fit_transform(times()))


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([datetime.date(2024, 2, 29), datetime.date(2023, 12, 31)]),
        pd.Series([datetime.date(2024, 2, 29), datetime.date(2023, 12, 31)]).astype("date32[day][pyarrow]"),
        pd.Series(["2024-02-29", "2023-12-31"]),
        pd.Series(["20240229", "20231231"]),
        pd.Series(pd.PeriodIndex(["2024-02-29", "2023-12-31"], freq="D")),
    ],
    ids=lambda column: str(column.dtype),
)
def test_dates_without_a_time_are_midnight(column):
    assert_array_equal(
        CalendarEncoder().fit_transform(column), CalendarEncoder().fit_transform(times(["2024-02-29", "2023-12-31"]))
    )


def test_dates_with_and_without_a_time_can_stand_in_one_column():
    mixed = pd.Series(["2024-01-01", "2024-01-02 12:00"], name="day")

    encoded = CalendarEncoder(parts=["hour"], dtype="float64").fit_transform(mixed)

    assert_allclose(encoded, on_circle([0, 12], 24), atol=1e-12)


@pytest.mark.parametrize("arrow", [False, True])
def test_parts_are_those_of_the_columns_own_clock(arrow):
    column = times(["2024-06-30 23:30", "2024-12-31 23:30"], utc=True).dt.tz_convert("Europe/Oslo")
    column = column.astype("timestamp[us, tz=Europe/Oslo][pyarrow]") if arrow else column

    encoded = CalendarEncoder(parts=["hour", "year"], dtype="float64").fit_transform(column)

    # Oslo is two hours ahead of UTC in June, one in December, where it is the next year already.
    assert_allclose(encoded[:, 1:], on_circle([1, 0], 24), atol=1e-12)
    assert encoded[:, 0].tolist() == [-1, 1]


@pytest.mark.parametrize("python", [False, True])
def test_the_zone_of_cells_is_that_of_their_dtype(python):
    column = times(["2024-06-30 23:30", "2024-12-31 23:30"], utc=True).dt.tz_convert("Europe/Oslo")
    cells = pd.Series([moment.to_pydatetime() if python else moment for moment in column], dtype=object, name="day")

    encoder = CalendarEncoder().fit(cells)

    assert [str(zone) for zone in encoder.zones_] == ["Europe/Oslo"]
    assert_array_equal(encoder.transform(cells), CalendarEncoder().fit_transform(column))
    assert_array_equal(encoder.transform(column), encoder.transform(cells))


def test_cells_of_several_zones_are_read_in_utc():
    moment = pd.Timestamp("2024-06-30 23:30", tz="UTC")
    cells = pd.Series([moment.tz_convert("Europe/Oslo"), moment.tz_convert("Asia/Tokyo")], dtype=object, name="day")

    encoder = CalendarEncoder(parts=["hour"], dtype="float64").fit(cells)

    assert encoder.zones_ == [None]
    assert_allclose(encoder.transform(cells), on_circle([23, 23], 24), atol=1e-12)


def test_later_rows_are_brought_to_the_zone_of_fit():
    encoder = CalendarEncoder().fit(times(utc=True).dt.tz_convert("Europe/Oslo"))

    assert_array_equal(
        encoder.transform(times(utc=True)), encoder.transform(times(utc=True).dt.tz_convert("Asia/Tokyo"))
    )


def test_strings_with_offsets_are_one_moment():
    encoder = CalendarEncoder().fit(times())

    same = pd.Series(["2024-03-01T01:59:58+02:00", "2024-02-29T23:59:58Z", MOMENTS[0]], name="day")

    assert len(np.unique(encoder.transform(same), axis=0)) == 1


def test_a_date_means_the_same_alone_and_among_others():
    encoder = CalendarEncoder().fit(times())
    column = pd.Series(["2024-03-04 10:00", "2024-03-04", None, "1700-12-13"], name="day")

    for i in range(len(column)):
        assert_array_equal(encoder.transform(column.iloc[[i]])[0], encoder.transform(column)[i])


@pytest.mark.skipif(int(pd.__version__.split(".")[0]) < 3, reason="older pandas has nanoseconds only, up to 2262")
def test_far_years_are_encoded():
    column = pd.Series([datetime.date(1, 1, 1), datetime.date(9999, 12, 31)])

    assert CalendarEncoder(parts=["year"]).fit_transform(column).tolist() == [[-1], [1]]


def test_unseen_year_goes_on_in_the_same_steps():
    encoder = CalendarEncoder(parts=["year"], dtype="float64").fit(times(["2023-05-01", "2025-05-01"]))

    assert_allclose(encoder.transform(times(["2027-05-01"])), [[3]])


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["2024-01-01", "yesterday"], "1 of 2 cells are not dates, first at row label 'y': 'yesterday'"),
        (["2024-01-01", "2024-02-30"], "first at row label 'y': '2024-02-30'"),
        (["03/04/2024", "13/04/2024"], "2 of 2 cells are not dates, first at row label 'x': '03/04/2024'"),
        ([20240101, 20240102], "2 of 2 cells are not dates, first at row label 'x': 20240101 .type int."),
        ([1.7e9, np.nan], "1 of 2 cells are not dates"),
        ([True, False], "2 of 2 cells are not dates"),
        ([{"day": 1}, None], "1 of 2 cells are not dates.*type dict"),
        ([datetime.time(10), None], "1 of 2 cells are not dates.*type time"),
        ([pd.Timedelta("1h"), pd.NaT], "1 of 2 cells are not dates.*type Timedelta"),
    ],
)
def test_cells_that_are_no_dates_are_refused_with_their_place(cells, found):
    with pytest.raises(InputMismatchError, match=f"column 'day': .*{found}.*CalendarEncoder"):
        CalendarEncoder().fit(pd.Series(cells, index=["x", "y"], name="day"))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"parts": ["wekday"]}, "unknown parts .'wekday'.*Did you mean 'weekday'"),
        ({"parts": []}, "`parts` is empty"),
        ({"parts": "month"}, "The 'parts' parameter of CalendarEncoder must be"),
        ({"dtype": "float16"}, "The 'dtype' parameter"),
    ],
)
def test_bad_parameters_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        CalendarEncoder(**params).fit(times())


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (times(), "dates"),
        (times(utc=True), "dates"),
        (times().astype("timestamp[us][pyarrow]"), "dates"),
        (times().astype("timestamp[us][pyarrow]").dt.date, "dates"),
        (times().dt.to_period("D"), "dates"),
        (pd.Series([datetime.date(2024, 1, 1), None]), "dates in cells"),
        (pd.Series(["2024-01-01", None]), "dates written year-month-day"),
        (pd.Series(["2024-01-01 10:00", "2024-01-01T10:00:00Z"]), "dates written year-month-day"),
        (pd.Series(["2024-01-01", "soon", "later"]), None),
        (pd.Series(["13/02/2024"]), "dates written day first"),
        (pd.Series(["2024"]), None),
        (pd.Series([20240101]), None),
        (pd.Series([1.0]), None),
        (pd.Series([None, None], dtype=object), None),
        (pd.Series(pd.to_timedelta([1], unit="h")), None),
        (pd.Series(["2024-01-01"], dtype="category"), None),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, pd.Series) else repr(value),
)
def test_calendar_encoder_suits(column, reason):
    assert CalendarEncoder.suits(column) == reason


def test_a_filler_among_dates_is_named_by_its_column_and_day():
    days = [datetime.date(2020, 1, 1) + datetime.timedelta(days=i) for i in range(200)]
    days[5] = days[70] = datetime.date(9999, 12, 31)
    frame = pd.DataFrame({"day": pd.Series(days, dtype=object)})
    encoder = CalendarEncoder(parts=["elapsed"]).fit(frame)
    with pytest.warns(OddCellsWarning, match=r"'day': 2 of 200 cells are not dates .* row label 5: .*9999, 12, 31"):
        array = encoder.transform(frame)
    assert np.flatnonzero(np.isnan(array[:, 0])).tolist() == [5, 70]
    known = np.delete(array[:, 0], [5, 70])
    np.testing.assert_allclose([known.mean(), known.std()], [0, 1], atol=1e-5)
