"""Graphs of dates: texts become seconds since 1970, and these the parts of a calendar, by whole numbers alone."""

from functools import cache

import numpy as np
import pandas as pd
import tensorflow as tf

from .contract import ColumnTensor, EncoderGraph, refuse_if
from .strings import strip

_SEPARATOR = " ?[-/. ] ?"
_TIME = (
    r"(\d{1,2}):([0-5]\d)(?::([0-5]\d)(?:[.,](\d{1,9}))?)?(?: ?([ap])\.?m\.?)?"
    r" ?(z|utc|gmt|(?:utc|gmt)?[+-]\d{2}:?\d{2})?"
)
_DATE = rf"(?i)(\d{{1,4}}){_SEPARATOR}(\d{{1,2}}){_SEPARATOR}(\d{{1,4}})(?:(?: *[t,@ ] *| at ){_TIME})?"
_CLOCK = r"(?i)\d{1,2}:[0-5]\d.*"
_DAY = 86_400
# Zones are known from the first of these years to the last.
_YEARS = 1800, 2200
_HOLDS = "a date such as 2024-12-31 or 2024-12-31T23:59:00, in UTC unless it ends with a zone such as +02:00"


class CalendarGraph(EncoderGraph):
    """Parts of dates, as `CalendarEncoder` encodes them.

    Parameters
    ----------
    names, zones : list
        Name and time zone of each column, None without a zone.
    orders : list of {"ymd", "dmy", "mdy", "clock"}
        What three numbers of a column's texts stand for; "clock" for times of the day.
    drops : bool
        Whether a text without a digit counts as missing, and is no error.
    parts : list of (int, str, int or None)
        Column, name and period of each part.
    scale : callable
        Standardises the parts without a period, (n_rows, n_parts).
    dtype : str
        Of the array.
    """

    def __init__(self, names, zones, orders, *, drops, parts, scale, dtype):
        holds = {"dmy": "; day first", "mdy": "; month first", "clock": "; a time of the day, 23:59"}
        super().__init__([ColumnTensor("string", _HOLDS + holds.get(order, "")) for order in orders])
        self._names, self._orders, self._drops = names, orders, drops
        self._zones = [None if zone is None else zone_table(zone) for zone in zones]
        self._parts, self._scale, self._dtype = parts, scale, dtype

    def encode(self, *columns):
        """Return standardised parts, then sine and cosine of the others; see `EncoderGraph.encode`."""
        tables = [self._read_calendar(i, texts) for i, texts in enumerate(columns)]
        linear = [tables[i][part] for i, part, period in self._parts if not period]
        scaled = tf.unstack(self._scale(tf.stack(linear, axis=1)), num=len(linear), axis=1) if linear else []
        cyclic = []
        for i, part, period in self._parts:
            if period:
                angle = 2 * np.pi * tables[i][part] / period
                cyclic += [tf.sin(angle), tf.cos(angle)]
        return tf.cast(tf.stack([*scaled, *cyclic], axis=1), self._dtype)

    def _read_calendar(self, i, texts):
        """Return {part: float64 tensor} of one column, NaN where missing."""
        gone = self.columns[i].is_missing(texts)
        texts = strip(tf.where(gone, "", texts))
        is_read, seconds, fraction = _read_dates(texts, self._orders[i])
        wrong = ~gone & ~is_read
        if self._drops:
            wrong &= tf.strings.regex_full_match(texts, r"(?s).*\p{Nd}.*")
        refuse_if(wrong, self._names[i], f"is no {_HOLDS}", texts)
        local = seconds
        if self._zones[i] is not None:
            changes, offsets = self._zones[i]
            outside = is_read & ((seconds < changes[0]) | (seconds > changes[-1]))
            refuse_if(outside, self._names[i], f"zones are known from {_YEARS[0]} to {_YEARS[1]}", texts)
            local += tf.gather(offsets, tf.searchsorted(changes, seconds, side="right") - 1)
        parts = {"elapsed": tf.cast(seconds, tf.float64) + fraction, **_calendar_parts(local)}
        nan = tf.constant(np.nan, tf.float64)
        return {name: tf.where(is_read, tf.cast(values, tf.float64), nan) for name, values in parts.items()}


def _read_dates(texts, order):
    """Return which texts are dates, their whole seconds since 1970 in UTC, and the rest of a second."""
    if order == "clock":
        is_clock = tf.strings.regex_full_match(texts, _CLOCK)
        texts, order = tf.where(is_clock, "1970-01-01T" + texts, texts), "ymd"
    match = tf.strings.regex_full_match(texts, _DATE)
    groups = [tf.where(match, tf.strings.regex_replace(texts, f"^{_DATE}$", rf"\{i}"), "") for i in range(1, 10)]
    *date, hour, minute, second, fraction, half, zone = groups
    year, month, day, ordered = _in_order(date, order)
    hour, afternoon = _whole(hour), tf.strings.lower(half) == "p"
    hour = tf.where(half == "", hour, hour % 12 + 12 * tf.cast(afternoon, tf.int64))
    days = _days_of(year, month, day)
    # A day that does not exist, such as the 30th of February, is another one.
    is_real = tf.reduce_all(tf.stack(_civil_date(days), 1) == tf.stack([year, month, day], 1), axis=1)
    seconds = days * _DAY + hour * 3600 + _whole(minute) * 60 + _whole(second) - _zone_seconds(zone)
    rest = tf.strings.to_number("0." + tf.where(fraction == "", "0", fraction), tf.float64)
    return match & ordered & is_real & (hour < 24) & (year > 0), seconds, rest


def _in_order(numbers, order):
    """Return year, month and day of three numbers, and whether they are in the order; years have four digits."""
    first, middle, last = numbers
    year_first = tf.strings.length(first) == 4
    if order == "ymd":
        return *map(_whole, numbers), year_first & (tf.strings.length(last) <= 2)
    day, month = (first, middle) if order == "dmy" else (middle, first)
    year = tf.where(year_first, first, last)
    month, day = tf.where(year_first, middle, month), tf.where(year_first, last, day)
    short = (tf.strings.length(day) <= 2) & (tf.strings.length(month) <= 2)
    return _whole(year), _whole(month), _whole(day), (tf.strings.length(year) == 4) & short


def _whole(texts):
    """Return texts of digits as int64, 0 for an empty text."""
    return tf.strings.to_number(tf.where(texts == "", "0", texts), tf.int64)


def _zone_seconds(zones):
    """Return how many seconds zones such as +02:00 are ahead of UTC."""
    digits = tf.strings.regex_replace(zones, "[^0-9]", "")
    minutes = _whole(tf.strings.substr(digits, 0, 2)) * 60 + _whole(tf.strings.regex_replace(digits, r"^\d{0,2}", ""))
    return tf.where(tf.strings.regex_full_match(zones, ".*-.*"), -minutes, minutes) * 60


def _days_of(year, month, day):
    """Return the days since 1970 of a date in the Gregorian calendar."""
    # Years that begin in March have the leap day at their end.
    year -= tf.cast(month <= 2, tf.int64)
    era = year // 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    of_era = (year - era * 400) * 365 + (year - era * 400) // 4 - (year - era * 400) // 100 + of_year
    return era * 146_097 + of_era - 719_468


def _civil_date(days):
    """Return year, month and day of days since 1970."""
    days += 719_468
    era = days // 146_097
    of_era = days - era * 146_097
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month = (month + 2) % 12 + 1
    return year + era * 400 + tf.cast(month <= 2, tf.int64), month, day


def _calendar_parts(seconds):
    """Return {part: int64 tensor} of seconds since 1970; months and days count from 0."""
    days, of_day = seconds // _DAY, seconds % _DAY
    year, month, day = _civil_date(days)
    return {
        "year": year,
        "month": month - 1,
        "day": day - 1,
        "weekday": (days + 3) % 7,
        "hour": of_day // 3600,
        "minute": of_day // 60 % 60,
        "second": of_day % 60,
    }


@cache
def zone_table(zone):
    """Return when the clock of a zone changes, in seconds since 1970, and how far it is ahead of UTC from then on."""
    hours = pd.date_range(*(f"{year}-01-01" for year in _YEARS), freq="h", unit="s", tz="UTC").asi8
    ahead = _seconds_ahead(hours, zone)
    jumps = np.flatnonzero(np.diff(ahead))
    # Between a full hour before a change and the one behind it: halved until a second is left.
    low, high = hours[jumps], hours[jumps + 1]
    while len(jumps) and (high - low).max() > 1:
        middle = (low + high) // 2
        same = _seconds_ahead(middle, zone) == ahead[jumps]
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    changes = np.concatenate([hours[:1], high, hours[-1:]])
    return tf.constant(changes, tf.int64), tf.constant(ahead[np.concatenate([[0], jumps + 1, [-1]])], tf.int64)


def _seconds_ahead(seconds, zone):
    times = pd.DatetimeIndex(np.asarray(seconds, "int64").view("datetime64[s]"), tz="UTC")
    return times.tz_convert(zone).tz_localize(None).asi8 - times.tz_localize(None).asi8
