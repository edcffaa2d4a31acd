"""Dates and times as calendar parts in a vector.

A column takes three steps: its cells become datetimes in UTC, the datetimes become a table of calendar parts on the
clock of the column's zone, and the parts in use become the entries of the vector.
"""

import copy
import datetime

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._validation import StrOptions
from ..errors import closest_match, shorten
from ..spec import ArraySpec
from ._date_text import DateStyle, find_date_style, read_iso
from ._hints import holds_objects, probe
from ._measures import mark_outside
from ._numbers import LARGEST
from ._odd import LEAVE_OUT, ON_ODD, is_strict, note_odd, odd_cells_gathered, settle_odd
from .base import InputEncoder, as_frame, check_frame, check_merge
from .graphs import CalendarGraph, Scale, column_names
from .vector import DenseBranch, NumberScaler

# Part -> number of values after which it starts again, or None for a part that never does. The order of the parts
# decides the order of the entries in the vector.
_CALENDAR_PARTS = {
    "elapsed": None,
    "year": None,
    "month": 12,
    "day": 31,
    "weekday": 7,
    "hour": 24,
    "minute": 60,
    "second": 60,
}
# What to do about cells that are no dates.
_WAYS_OUT = {
    "text": (
        "Only dates in ISO order (2024-12-31) are read. Convert the column: pd.to_datetime(column, errors='coerce') "
        "makes NaT of what is no date; add dayfirst=True if days come before months. "
        'CalendarEncoder(on_odd="missing") reads other orders, too.'
    ),
    "number": (
        "A number may write a day or count days, seconds or years. Write a date or None there; for a column of numbers "
        "say which: pd.to_datetime(column.astype('string'), format='%Y%m%d'), or pd.to_datetime(column, unit='s')."
    ),
    "other": "Write dates or None there.",
}

# The parts of the clock, of which "auto" takes the coarsest that varies: within hours that differ, minutes and seconds
# hardly ever tell anything, and few rows would be known by heart by them.
_CLOCK = ("hour", "minute", "second")
# The parts that are standardised.
LINEAR = [part for part, period in _CALENDAR_PARTS.items() if period is None]


class CalendarEncoder(InputEncoder):
    """Turn dates and times into calendar parts.

    A part that repeats (month, weekday, hour, ...) becomes a point on a circle, given by
    sine and cosine, so that December is next to January. Elapsed time and the year are
    standardised. A missing date is NaN in every entry.

    The parts are those of the clock that the column shows. A column with a time zone is
    read in that zone, and later rows are converted to it. If times with and without a zone
    meet, those without count as UTC.

    Parameters
    ----------
    parts : "auto" or sequence of str
        Any of elapsed, year, month, day, weekday, hour, minute, second. "auto" takes
        elapsed time and every part that varies among the training rows; but of hour, minute
        and second only the first that varies.
    on_odd : {"raise", "missing"}
        Whether a cell that is no date is an error, or counts as missing with an
        `OddCellsWarning`. With "missing", dates in other orders than year-month-day are read,
        too.
    dtype : {"float32", "float64"}
        Precision of the array. `InputRouter` sets it to its own.

    Attributes
    ----------
    parts_ : list of tuple (int, str)
        Position of the column and name of the part, for each part in use.
    zones_ : list of tzinfo or None
        Time zone of each column, None if it had none or its cells have several.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, if all are strings.

    See Also
    --------
    NumberScaler : Reads durations.

    Notes
    -----
    Sine and cosine of ``2 pi part / period`` are the usual encoding of cyclic features;
    see scikit-learn's example "Time-related feature engineering".

    Examples
    --------
    >>> import pandas as pd
    >>> from skmulti import CalendarEncoder
    >>> days = pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]), name="day")
    >>> CalendarEncoder(parts=["weekday"]).fit_transform(days).round(2)
    array([[ 0.  ,  1.  ],
           [ 0.78,  0.62],
           [ 0.97, -0.22]], dtype=float32)

    Dates in another order than year-month-day are refused, since their order would be a
    guess:

    >>> CalendarEncoder().fit(pd.Series(["03/04/2024"], name="day"))
    Traceback (most recent call last):
      ...
    skmulti.errors.InputMismatchError: column 'day': 1 of 1 cells are not dates, first at row label 0: \
'03/04/2024' (type str). Only dates in ISO order (2024-12-31) are read. Convert the column: \
pd.to_datetime(column, errors='coerce') makes NaT of what is no date; add dayfirst=True if days come before months. \
CalendarEncoder(on_odd="missing") reads other orders, too.
    """

    default_branch = DenseBranch
    shared_input = "dates"
    in_pieces = True
    may_add_nothing = True
    _parameter_constraints = {
        "parts": [StrOptions({"auto"}), list, tuple],
        "on_odd": ON_ODD,
        "dtype": [StrOptions({"float32", "float64"})],
    }

    def __init__(self, *, parts="auto", on_odd="raise", dtype="float32"):
        self.parts = parts
        self.on_odd = on_odd
        self.dtype = dtype

    @classmethod
    def suits(cls, column):
        """Take datetimes, dates in cells, and ISO dates as text; see `InputEncoder.suits`."""
        if pd.api.types.is_datetime64_any_dtype(column.dtype) or isinstance(column.dtype, pd.PeriodDtype):
            return "dates"
        if not holds_objects(column):
            return None
        cells = probe(column).tolist()
        style = find_date_style(cells)
        if style is None:
            return None
        return str(style) if any(isinstance(cell, str) for cell in cells) else "dates in cells"

    def fit(self, columns, y=None, sample_weight=None):
        """Learn which parts vary, and mean and spread of the parts that do not repeat.

        Parameters
        ----------
        columns : DataFrame of shape (n_rows, n_columns) or Series
            Datetimes, periods, dates, or strings in ISO order (``"2024-12-31"``,
            ``"2024-12-31 23:59"``). With ``on_odd="missing"`` also times of the day, and
            strings in any other order: the column's first rows show which.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,) or None
            Weight of each row in mean and spread; rows of weight 0 are left out of these.

        Returns
        -------
        CalendarEncoder
            The fitted encoder.

        Raises
        ------
        InputMismatchError
            If a cell is no date.
        ValueError
            If `parts` is empty or holds an unknown part.
        """
        # Without `_seen`, `partial_fit` begins anew.
        vars(self).pop("_seen", None)
        self.end_parts()
        return self.partial_fit(columns, sample_weight=sample_weight)

    def partial_fit(self, columns, y=None, sample_weight=None):
        """Learn from the next rows of a table that is read in parts.

        Parameters
        ----------
        columns : DataFrame of shape (n_rows, n_columns) or Series
            The next rows, as in `fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,) or None
            Weight of each row.

        Returns
        -------
        CalendarEncoder
            The encoder, fitted on all rows so far as by `fit`, except for rounding.
        """
        self._check_parts()
        first = not hasattr(self, "_seen")
        frame = check_frame(self, columns, reset=first, dtype=None)
        if first:
            self.zones_, self._styles, moments = getattr(self, "_begun", None) or self._begin(frame)
            self._seen, self._moments = {}, copy.copy(moments)
            self._ranges = [(np.nan, np.nan)] * frame.shape[1]
        tables = self._read_calendars(frame, self.zones_, self._styles)
        for i, table in enumerate(tables):
            self._ranges[i] = _join_range(self._ranges[i], table["elapsed"])
            for part in _CALENDAR_PARTS:
                known = table[part].dropna()
                ends = {float(known.min()), float(known.max())} if len(known) else set()
                self._seen[i, part] = _outermost(self._seen.get((i, part), set()) | ends)
        # The moments of all parts that do not repeat, whether they are in use or not: a year that is constant so far
        # may vary in the next rows, and its moments must then be those of all rows.
        self._moments.partial_fit(_linear_parts(tables), sample_weight=sample_weight)
        self._choose_parts()
        return self

    def begin_parts(self, sample):
        """Decide how columns write dates, and which dates are out of proportion; see `InputEncoder.begin_parts`."""
        self._check_parts()
        frame = as_frame(sample)
        zones, styles, moments = self._begin(frame)
        self._begun = zones, styles, moments.begin_parts(_linear_parts(self._read_calendars(frame, zones, styles)))
        return self

    def merge(self, other):
        """Join what two sets of parts show of each calendar part; see `InputEncoder.merge`."""
        check_merge(self, other, "_seen", decided=["zones_", "_styles"])
        merged = copy.copy(self)
        merged._ranges = [_join_range(*pair) for pair in zip(self._ranges, other._ranges, strict=True)]
        merged._seen = {key: _outermost(own | other._seen[key]) for key, own in self._seen.items()}
        merged._moments = self._moments.merge(other._moments)
        merged._choose_parts()
        return merged

    def _begin(self, frame):
        """Return zone and style of each column of some first rows, and a scaler for the parts that do not repeat."""
        # The zone of these rows decides for all: what a part means must not change within a table.
        columns = [frame.iloc[:, i] for i in range(frame.shape[1])]
        # In float64: seconds since 1970 are near 2e9, where neighbours in float32 are 128 seconds apart.
        scaler = NumberScaler(add_indicator=False, dtype="float64")
        return list(map(_find_zone, columns)), list(map(self._find_style, columns)), scaler

    def _choose_parts(self):
        """Set which parts are in use, from what was seen of each, and the scaler for them."""
        # In the order of `_seen`, whatever the order in which the user named the parts.
        self.parts_ = [
            key for key in self._seen if (self._tells(*key) if self.parts == "auto" else key[1] in self.parts)
        ]
        self._scaler = self._make_scaler([(i, part) for i, part in self.parts_ if part in LINEAR])

    def _tells(self, i, part):
        """Return whether "auto" takes a part of the column at position `i`."""
        varying = [other for other in _CALENDAR_PARTS if len(self._seen[i, other]) > 1]
        finer = [other for other in _CLOCK if other in varying][1:]
        return part == "elapsed" or (part in varying and part not in finer)

    def _make_scaler(self, parts):
        """Return a fitted scaler for some of the parts that do not repeat, given as (column, part)."""
        # Their places in what `_linear_parts` stacks: column by column, the parts of each in the order of LINEAR.
        places = [i * len(LINEAR) + LINEAR.index(part) for i, part in parts]
        return self._moments.select(places)

    def _check_parts(self):
        """Refuse parameters that are wrong, above all unknown parts."""
        self._validate_params()
        unknown = [] if self.parts == "auto" else [part for part in self.parts if part not in _CALENDAR_PARTS]
        if unknown:
            raise ValueError(
                f"CalendarEncoder: unknown parts {unknown}; there are {list(_CALENDAR_PARTS)}."
                f"{closest_match(unknown[0], _CALENDAR_PARTS)}"
            )
        if not len(self.parts):
            raise ValueError(f"CalendarEncoder: `parts` is empty; there are {list(_CALENDAR_PARTS)}.")

    def transform(self, columns):
        """Encode dates.

        Parameters
        ----------
        columns : DataFrame of shape (n_rows, n_columns) or Series
            The columns of `fit`.

        Returns
        -------
        ndarray of shape (n_rows, n_parts), float
            The standardised parts that do not repeat, then sine and cosine of each part
            that does. NaN where the date is missing.
        """
        check_is_fitted(self)
        frame = check_frame(self, columns, reset=False, dtype=None)
        tables = self._read_calendars(frame, self.zones_, self._styles)
        linear, cyclic = [], []
        for i, part in self.parts_:
            values, period = np.asarray(tables[i][part], float), _CALENDAR_PARTS[part]
            if period:
                angle = 2 * np.pi * values / period
                cyclic += [np.sin(angle), np.cos(angle)]
            else:
                linear.append(values)
        scaled = self._scale(frame, np.column_stack(linear)) if linear else []
        return np.column_stack([*scaled, *cyclic]).astype(self.dtype)

    def _scale(self, frame, linear):
        """Standardise the parts that do not repeat (n_rows, n_parts); note fillers (9999-12-31) as odd dates."""
        # The notes of the scaler would name its own columns. As a frame, since an array without rows would be refused.
        with odd_cells_gathered([]):
            scaled = self._scaler.transform(pd.DataFrame(linear))
        fillers = np.isnan(scaled) & ~np.isnan(linear)
        owners = np.array([i for i, part in self.parts_ if part in LINEAR])
        for i in np.unique(owners):
            odd = fillers[:, owners == i].any(axis=1)
            note_odd(frame.iloc[:, i], odd, "dates in proportion to the others", LEAVE_OUT)
        return scaled.T

    def measure(self, columns, encode=None, *, training=False):
        """Measure seconds since 1970, and which dates are outside of the training range; see `InputEncoder.measure`."""
        frame = check_frame(self, columns, reset=False, dtype=None)
        tables = self._read_calendars(frame, self.zones_, self._styles)
        measures = []
        for table, (low, high) in zip(tables, self._ranges, strict=True):
            seconds = table["elapsed"].to_numpy()
            measures.append({"value": seconds, "outside": mark_outside(seconds, low, high, training=training)})
        return measures

    def json_schema(self, column):
        """Describe a date, written in ISO order; see `InputEncoder.json_schema`."""
        known = column.dropna()
        middle = known.sort_values().iloc[len(known) // 2] if len(known) and not holds_objects(column) else "2024-12-31"
        text = str(middle.to_timestamp() if isinstance(middle, pd.Period) else middle)
        return {"type": "string", "format": "date-time", "examples": [text.removesuffix(" 00:00:00")]}

    def read_json(self, value):
        """Return a date in ISO order as it is; see `InputEncoder.read_json`."""
        if read_iso(np.array([value], dtype=object)).isna().all():
            raise ValueError(
                f"{shorten(repr(value))} is no date in ISO order. Write it as 2024-12-31 or 2024-12-31 23:59."
            )
        return value

    def _read_calendars(self, frame, zones, styles):
        """Return a table of calendar parts for each column, which has a zone and a style."""
        return [
            _read_calendar(self._as_times(frame.iloc[:, i], style), zone)
            for i, (style, zone) in enumerate(zip(styles, zones, strict=True))
        ]

    def _find_style(self, column):
        """Return how a column writes dates, or None if its dtype is one of dates or most cells are none."""
        if _holds_own_dates(column.dtype):
            return None
        return find_date_style(probe(column).tolist())

    def _as_times(self, column, style):
        """Return a column of dates as datetimes in UTC; cells that are no dates are refused or missing."""
        if _holds_own_dates(column.dtype):
            return _own_dates_as_times(column)
        cells = column.to_numpy(dtype=object)
        # Who is strict reads ISO order alone: "03/04/2024" may be in March or in April.
        read = read_iso if is_strict(self) else (style or self._find_style(column) or DateStyle()).read
        times = read(cells).set_axis(column.index)
        settle_odd(
            self,
            column,
            (times.isna() & column.notna()).to_numpy(),
            "dates",
            _WAYS_OUT,
        )
        return times

    def graph(self):
        """Encode dates in a graph; see `InputEncoder.graph`."""
        check_is_fitted(self)
        scaler = self._scaler
        scale = Scale(scaler.mean_, scaler.scale_, scaler._bounds, LARGEST)
        styles = [DateStyle() if style is None or is_strict(self) else style for style in self._styles]
        return CalendarGraph(
            column_names(self, self.n_features_in_),
            self.zones_,
            ["clock" if style.is_clock else style.order for style in styles],
            drops=not is_strict(self),
            parts=[(i, part, _CALENDAR_PARTS[part]) for i, part in self.parts_],
            scale=scale,
            dtype=self.dtype,
        )

    def slots(self, spec):
        """Return from which column each part is made; see `InputEncoder.slots`."""
        linear = [i for i, part in self.parts_ if not _CALENDAR_PARTS[part]]
        cyclic = [i for i, part in self.parts_ if _CALENDAR_PARTS[part]]
        # Each of the latter is a sine and a cosine.
        return np.array([*linear, *np.repeat(cyclic, 2)], dtype=int)

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        check_is_fitted(self)
        width = sum(2 if _CALENDAR_PARTS[part] else 1 for _, part in self.parts_)
        return ArraySpec(name, "vector", (width,), self.dtype)


def _linear_parts(tables):
    """Return the parts that do not repeat as an array (n_rows, n_columns * n_parts)."""
    return np.column_stack([np.asarray(table[part], float) for table in tables for part in LINEAR])


def _outermost(values):
    """Return the lowest and the highest value of a set: they are enough to know that a part varies."""
    return {min(values), max(values)} if values else values


def _join_range(ends, seconds):
    """Return the lowest and the highest of some seconds together with those of `ends`."""
    # `fmin` and `fmax` pass over NaN.
    joined = np.append(seconds, ends)
    return float(np.fmin.reduce(joined)), float(np.fmax.reduce(joined))


def _find_zone(column):
    """Return the time zone of a column of datetimes, or None if it has none or its cells have several."""
    if _holds_times(column.dtype):
        return getattr(pd.Series(column.array[:0]).dt, "tz", None)
    if not holds_objects(column):
        return None
    # By their names, since pytz has one object for each change of the clock.
    zones = {str(cell.tzinfo): cell.tzinfo for cell in probe(column) if isinstance(cell, datetime.datetime)}
    zone = zones.popitem()[1] if len(zones) == 1 else None
    # In the form that the dtype of such a column has.
    return None if zone is None else pd.DatetimeTZDtype("us", zone).tz


def _holds_times(dtype):
    """Return whether a dtype is one of datetimes, NumPy's or Arrow's; dates without a time are none."""
    # pandas counts Arrow's date32 and date64 among the datetimes, but raises when it is asked for a time zone.
    is_times = pd.api.types.is_datetime64_any_dtype(dtype) and not str(dtype).startswith(("date3", "date64"))
    return is_times or str(dtype).startswith("timestamp")


def _read_calendar(times, zone):
    """Return the calendar parts of datetimes in UTC, on the clock of a zone, as a frame of floats."""
    parts = (times if zone is None else times.dt.tz_convert(zone)).dt
    # Elapsed time is that of UTC: on the clock of a zone, an hour is skipped in spring and comes twice in autumn.
    seconds = (times - pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(seconds=1)
    # Months and days count from 0, as weekdays and hours do, so that each cycle begins at the angle 0.
    named = {"elapsed": seconds, "month": parts.month - 1, "day": parts.day - 1, "weekday": parts.day_of_week}
    # As floats, since the parts of a missing date must be NaN.
    plain = {name: getattr(parts, name) for name in ("year", "hour", "minute", "second")}
    return pd.DataFrame({**named, **plain}).astype("float64")


def _holds_own_dates(dtype):
    """Return whether a dtype is one of dates, so that no cell has to be looked at."""
    return isinstance(dtype, pd.PeriodDtype) or _holds_times(dtype)


def _own_dates_as_times(column):
    """Return a column whose dtype is one of dates as datetimes in UTC."""
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    # Arrow's timestamps become pandas' own, whose parts can be missing. Microseconds, since nanoseconds would not reach
    # beyond the years 1677 to 2262.
    zone = _find_zone(column)
    own = column.astype("datetime64[us]" if zone is None else pd.DatetimeTZDtype("us", zone))
    return own.dt.tz_localize("UTC") if zone is None else own.dt.tz_convert("UTC")
