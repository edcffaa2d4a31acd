"""Dates and times written as text: what a column's cells have in common, and reading them by it.

``"03/04/2024"`` may be in March or in April. One cell by itself does not tell, but a column mostly does: where a first
number is above 12, days come first. So a column's `DateStyle` is learned from its training rows, and each later cell is
read by it. A cell becomes text in ISO order, which pandas reads and which it refuses for days that do not exist.
"""

import datetime
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ._odd import MOST_SHARE, find_style, share_of

# No date has more characters than this.
LONGEST = 60

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>(?:jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec)\.?|may|january|february|march|april|june|july"
    r"|august|september|october|november|december)"
)
_WEEKDAY = r"(?:(?:mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun)(?:day|nesday|rsday|urday)?,? +)?"
_TIME = (
    r"(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d|60)(?P<fraction>[.,]\d{1,9})?)?"
    r"(?: ?(?P<half>[ap])\.?m\.?)?(?: ?(?P<zone>z|utc|gmt|(?:utc|gmt)?[+-]\d{2}:?\d{2})(?: \([a-z ]+\))?)?"
)
_AFTER = rf"(?:(?: *[T,@: ] *| at ){_TIME})?"
# Three numbers in any order; a named month; a year and its month; a quarter; a time of the day.
_FORMS = [
    rf"{_WEEKDAY}(?P<first>\d{{4}}) ?[-/. 年] ?(?P<middle>\d{{1,2}}) ?[-/. 月] ?(?P<last>\d{{1,2}})[.日]?{_AFTER}",
    rf"{_WEEKDAY}(?P<first>\d{{1,2}}) ?[-/. ] ?(?P<middle>\d{{1,2}}) ?[-/. ] ?(?P<last>\d{{4}}){_AFTER}",
    rf"(?P<first>\d{{1,2}})/(?P<middle>\d{{1,2}})/(?P<last>\d{{2}}){_AFTER}",
    # With other signs, only in full: "1.2.13" is a version.
    rf"(?P<first>\d{{2}})[-.](?P<middle>\d{{2}})[-.](?P<last>\d{{2}}){_AFTER}",
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?[-/ ,]*(?:of )?{_MONTH}[-/ ,]*(?P<year>\d{{4}}|\d{{2}}){_AFTER}",
    rf"{_WEEKDAY}{_MONTH}[-/ ]*(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[-/ ,]+(?P<year>\d{{4}}){_AFTER}",
    # What `date` and e-mail print: "Thu Dec 3 00:01:35 2020".
    rf"{_WEEKDAY}{_MONTH} +(?P<day>\d{{1,2}}),? {_TIME} (?P<year>\d{{4}})",
    rf"(?P<year>\d{{4}})[-/ ]{_MONTH}[-/ ](?P<day>\d{{1,2}}){_AFTER}",
    rf"{_MONTH}[-/ ,]+(?P<year>\d{{4}})",
    r"(?P<year>\d{4})[-/](?P<number>\d{1,2})",
    r"(?P<year>\d{4})[- ]?Q(?P<quarter>[1-4])|Q(?P<quarter2>[1-4])[-/ ](?P<year2>\d{4})",
    r"(?P<year>\d{4})(?P<number>\d{2})(?P<day>\d{2})T(?P<hour>\d{2}):?(?P<minute>\d{2}):?(?P<second>\d{2})(?P<zone>Z)?",
    rf"(?P<clock>){_TIME}",
]
_CLOCK = re.compile(_TIME, re.IGNORECASE)
_PATTERNS = [re.compile(form, re.IGNORECASE) for form in _FORMS]
# The day to which a time of the day is bound, so that it has a place among dates.
_ANCHOR = "1970-01-01"
# A year of two digits is one of the last hundred or so, with the turn that POSIX has.
_TURN_OF_CENTURY = 69


@dataclass(frozen=True)
class DateStyle:
    """How a column writes dates.

    Parameters
    ----------
    order : {"ymd", "dmy", "mdy"}
        What three numbers stand for.
    is_sure : bool
        Whether the column itself shows the order. If not, it is a guess.
    is_clock : bool
        Whether the cells are times of the day.
    """

    order: str = "ymd"
    is_sure: bool = True
    is_clock: bool = False

    def __str__(self):
        if self.order == "ymd":
            return "times of the day" if self.is_clock else "dates written year-month-day"
        guess = "" if self.is_sure else ", a guess: in no cell is a number above 12"
        return f"dates written {'day' if self.order == 'dmy' else 'month'} first{guess}"

    def read(self, cells):
        """Return cells as datetimes.

        Parameters
        ----------
        cells : ndarray of shape (n_rows,), object
            Dates, datetimes, times or periods of some class, or texts.

        Returns
        -------
        Series of shape (n_rows,), datetime in UTC
            NaT where a cell is none of these. A time without a zone counts as UTC.
        """
        return _to_times([self._as_iso(cell) for cell in cells])

    def _as_iso(self, cell):
        """Return a cell as text in ISO order, or None if it is no date."""
        if isinstance(cell, str):
            return self._text_as_iso(cell.strip())
        if isinstance(cell, datetime.time):
            return f"{_ANCHOR}T{cell.isoformat()}"
        return cell.start_time.isoformat() if isinstance(cell, pd.Period) else _iso(cell)

    def _text_as_iso(self, text):
        """Return a text in ISO order, or None if it is no date."""
        # Most dates in files are in ISO order already.
        if text[4:5] == text[7:8] == "-" and text[:4].isdigit() and text[-1] in "0123456789Z":
            return text
        match = _match(text)
        if match is None:
            return None
        parts = {name: value for name, value in match.groupdict().items() if value is not None}
        date = _ANCHOR if "clock" in parts else self._date_of(parts)
        return date and date + _time_of(parts)

    def _date_of(self, parts):
        """Return year, month and day in ISO order, or None if the numbers are not in the column's order."""
        year, day = parts.get("year") or parts.get("year2"), parts.get("day", "1")
        month = parts.get("number")
        if "month" in parts:
            month = MONTHS.index(parts["month"][:3].lower()) + 1
        elif quarter := parts.get("quarter") or parts.get("quarter2"):
            month = 3 * int(quarter) - 2
        elif "first" in parts:
            numbers = parts["first"], parts["middle"], parts["last"]
            order = "ymd" if len(numbers[0]) == 4 else self.order
            if order == "ymd" and len(numbers[0]) < 4:
                return None
            year, month, day = (numbers[order.index(part)] for part in "ymd")
        return f"{_full_year(year)}-{int(month):02}-{int(day):02}"


def read_iso(cells):
    """Return dates, and texts in ISO order, as a Series of datetimes in UTC, NaT where a cell is neither."""
    return _to_times([cell if isinstance(cell, str) else _iso(cell) for cell in cells])


def _iso(cell):
    """Return a date of Python, pandas or NumPy as text in ISO order, or None if it is no date."""
    # NaT is an instance of `date`, too.
    if isinstance(cell, datetime.date):
        return None if cell is pd.NaT else cell.isoformat()
    return str(cell) if isinstance(cell, np.datetime64) else None


def _to_times(texts):
    """Return texts in ISO order as datetimes in UTC."""
    # Cells of several classes become text, which one call reads to datetimes of one dtype. "coerce" turns whatever is
    # no date into NaT, such as a 30th of February: the error of pandas would name neither column nor row.
    return pd.to_datetime(pd.Series(texts, dtype=object), utc=True, errors="coerce", format="ISO8601")


def find_date_style(cells):
    """Return how most of a column's cells write dates.

    Parameters
    ----------
    cells : sequence of object
        Cells that are not missing.

    Returns
    -------
    DateStyle or None
        None if most cells are no dates.
    """
    return find_style(cells, _read_by_style)


def _read_by_style(cells):
    """Return the style that suits cells best, which of them it cannot read, and how many different dates it reads."""
    texts = [cell.strip() for cell in cells if isinstance(cell, str)]
    style = _style_of_orders([order for text in texts if (order := _order_of(text))])
    if texts and share_of(texts, _CLOCK.fullmatch) >= MOST_SHARE:
        style = DateStyle(is_clock=True)
    times = style.read(cells)
    return style, times.isna().to_numpy(), times.nunique()


def _style_of_orders(orders):
    """Return the style of a column whose cells of three numbers allow these orders each."""
    if not orders or sum("ymd" in order for order in orders) >= len(orders) / 2:
        return DateStyle()
    days = sum("dmy" in order for order in orders)
    months = sum("mdy" in order for order in orders)
    if days != months:
        return DateStyle("dmy" if days > months else "mdy")
    # Nothing in the column tells. Points and hyphens come with days first, slashes with months.
    return DateStyle("mdy" if any("/" in order for order in orders) else "dmy", is_sure=False)


def _order_of(text):
    """Return the orders in which three numbers of a text may be read, with their separator; empty for other texts."""
    match = _match(text)
    if match is None or "first" not in match.groupdict():
        return ""
    first, middle = match["first"], int(match["middle"])
    if len(first) == 4:
        return "ymd"
    separator = "/" if "/" in text else ""
    return separator + (" dmy" if middle <= 12 else "") + (" mdy" if int(first) <= 12 else "") or "none"


def _match(text):
    """Return the match of the first form that a text has, or None."""
    # Most other texts of a table do not get past this.
    if len(text) > LONGEST or not any(map(str.isdigit, text)):
        return None
    return next((match for pattern in _PATTERNS if (match := pattern.fullmatch(text))), None)


def _full_year(year):
    """Return a year of four digits."""
    if len(year) == 4:
        return year
    return f"{2000 if int(year) < _TURN_OF_CENTURY else 1900}"[:2] + f"{int(year):02}"


def _time_of(parts):
    """Return the time of the day in ISO order, with its zone; empty if there is none."""
    if "hour" not in parts:
        return ""
    hour = int(parts["hour"])
    if "half" in parts:
        hour = hour % 12 + (12 if parts["half"].lower() == "p" else 0)
    fraction = parts.get("fraction", "").replace(",", ".")
    zone = parts.get("zone", "").upper().removeprefix("UTC").removeprefix("GMT")
    return f"T{hour:02}:{parts['minute']}:{parts.get('second', '00')}{fraction}{zone or ''}"
