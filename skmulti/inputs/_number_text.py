"""Numbers written as text: what a column's cells have in common, and reading them by it.

Tables from files, forms and web pages hold numbers as ``"1,234"``, ``"1.234,50"``, ``"$12.30"``, ``"12 %"``, ``"(5)"``,
``"3.4M"`` or ``"1 day 02:30:00"``. One cell by itself may be read in two ways; all cells of a column together mostly
cannot. So a column's `NumberStyle` is learned from its training rows, and each later cell is read by it.
"""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pandas as pd

from ._hints import is_bool_type, is_number_type
from ._odd import MOST_SHARE, find_style

# From this share of cells with a leading zero on ("02139"), a column holds codes: as numbers they would lose it.
CODE_SHARE = 0.01

_CURRENCIES = "$€£¥₹₽₩₺₴₫₪฿₦₱₡₲₵₸₼₾¢"
_SPACES = " \u00a0\u2009\u202f"
_APOSTROPHE = "\u2019"
MINUS = "-\u2212\u2013"
# Of a cell: what is before the number, the number with its separators, and what is behind it. Letters right before a
# number would make it a code ("A12"), so only currencies stand there, or a sign of "more than" or "about".
CELL = re.compile(
    rf"(?P<sign>[{MINUS}+])?(?P<open>[(\[])?(?P<about>[<>≤≥~≈±])?=?\s?"
    rf"(?P<lead>(?:[A-Z]{{0,3}}[{_CURRENCIES}]|[A-Z]{{3}}(?=[{MINUS}\s\d])|Rs\.?|kr\.?|#)\s?"
    r"|(?i:approx|ca|circa|about|no|nr|max|min)\b\.?\s)?"
    rf"(?P<inner>[{MINUS}+])?"
    rf"(?P<core>[.,]?\d(?:[\d.,'_{_APOSTROPHE}{_SPACES}]*\d)?)(?P<exponent>[eE][-+]?\d+)?\.?"
    rf"\s?(?P<tail>[%‰°](?:[CF](?![^\W\d_]))?|[{_CURRENCIES}]|[^\W\d_]{{1,8}}[²³]?(?:/[^\W\d_]{{1,8}}[²³]?)?)?"
    r"(?P<close>[)\]])?(?:[+*]|/[-=])?"
)
# Thousands in groups of three, the last group of three after groups of two as in India, or no groups. No group begins
# with a zero of its own.
_GROUPED = r"[1-9]\d{{0,2}}(?:{0}\d{{2,3}})*{0}\d{{3}}"
_OTHER_GROUPS = rf"[1-9]\d{{0,2}}(?:['_{_APOSTROPHE}{_SPACES}]\d{{3}})+"
CORES = {
    ".": re.compile(rf"(?:{_GROUPED.format(',')}|{_OTHER_GROUPS}|\d+)?(?:\.\d+)?"),
    ",": re.compile(rf"(?:{_GROUPED.format('[.]')}|{_OTHER_GROUPS}|\d+)?(?:,\d+)?"),
}
# The end of a file's name: between a number and its unit stands no point, but a blank or nothing.
_EXTENSION = re.compile(r"\d[.][^\W\d_]{2,5}$")
FACTORS = {
    **dict.fromkeys(["k", "K", "tsd", "thousand"], 1e3),
    **dict.fromkeys(["M", "mn", "mio", "Mio", "million"], 1e6),
    **dict.fromkeys(["B", "bn", "Bn", "mrd", "Mrd", "billion"], 1e9),
    **dict.fromkeys(["T", "tn", "trillion"], 1e12),
    **dict.fromkeys(["lakh", "Lakh", "lac", "Lac"], 1e5),
    **dict.fromkeys(["crore", "Crore", "cr", "Cr"], 1e7),
}
# "1 days 02:03:04", "39:51:22", "39:51"; and "1h 30m", "PT1H30M", which pandas reads.
_CLOCK = re.compile(rf"([{MINUS}+])?(?:(\d+) days?,? ?\+?)?(\d+):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?")
_UNITS = r"(?:d|days?|h|hr|hours?|m|min|minutes?|s|sec|seconds?|ms)"
_SPELLED = re.compile(rf"(?:\d+ ?{_UNITS}[ ,]*){{2,}}|-?P(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:[\d.]+S)?)?(?<=[\dDHMS])")
_HOURS_OF_DAY = 24
# Cells that pandas reads as numbers where they are numbers. It would look for others in a table of hashes.
_PLAIN = (str, int, float, np.number, Decimal)


@dataclass(frozen=True)
class NumberStyle:
    """How a column writes its numbers.

    Parameters
    ----------
    decimal : {".", ","}
        What stands before the decimals.
    unit : str
        The unit that may stand with a number; empty if there is none.
    multiples : bool
        Whether a letter multiplies, as in "3.4M" or "950k".
    durations : bool
        Whether the cells are durations on a clock, which are read as seconds.
    """

    decimal: str = "."
    unit: str = ""
    multiples: bool = False
    durations: bool = False

    def __str__(self):
        if self.durations:
            return "durations written as text"
        unit = f" with the unit {self.unit!r}" if self.unit else ""
        return f"numbers written as text{unit}{' and a decimal comma' if self.decimal == ',' else ''}"

    def read(self, cells):
        """Return cells as numbers.

        Parameters
        ----------
        cells : ndarray of shape (n_rows,), object
            Numbers, durations or texts.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            NaN where a cell is none of these.
        """
        if self.durations or self.decimal == ",":
            return self._read_each(cells)
        # pandas reads plain numbers some fifty times as fast. What it cannot read is left to the pattern, and so is
        # infinity, since the text "inf" is none.
        plain = np.full(len(cells), np.nan)
        known = np.array([isinstance(cell, _PLAIN) for cell in cells], dtype=bool)
        try:
            plain[known] = pd.to_numeric(pd.Series(cells[known], dtype=object), errors="coerce")
        except OverflowError:
            return self._read_each(cells)
        rest = ~np.isfinite(plain)
        plain[rest] = self._read_each(cells[rest])
        return plain

    def _read_each(self, cells):
        """Return cells as numbers, read one by one."""
        return np.array([self._read_cell(cell) for cell in cells], dtype="float64")

    def _read_cell(self, cell):
        """Return one cell as a number, or NaN."""
        if isinstance(cell, str):
            return self._read_text(cell.strip())
        if isinstance(cell, timedelta | np.timedelta64):
            return pd.Timedelta(cell).total_seconds()
        if not (is_number_type(type(cell)) or is_bool_type(type(cell))):
            return np.nan
        try:
            return float(cell)
        except OverflowError:
            return np.inf if cell > 0 else -np.inf

    def _read_text(self, text):
        """Return a text as a number, or NaN."""
        if self.durations:
            return _seconds(text)
        match = CELL.fullmatch(text)
        if not match or not _is_core(match["core"], self.decimal):
            return np.nan
        unit, factor = _unit_and_factor(match, self.multiples)
        if unit not in ("", self.unit) or bool(match["open"]) != bool(match["close"]):
            return np.nan
        core = re.sub(f"[^0-9{self.decimal}]", "", _ascii_digits(match["core"])).replace(",", ".")
        number = float(core + (match["exponent"] or "")) * factor
        # Accountants write a loss in round brackets.
        minus = {match["sign"], match["inner"]} & set(MINUS) or match["open"] == "("
        return -number if minus else number


def find_number_style(cells):
    """Return how most of a column's cells write numbers.

    Parameters
    ----------
    cells : sequence of object
        Cells that are not missing.

    Returns
    -------
    NumberStyle or None
        None if most cells are no numbers, or are codes with leading zeros.
    """
    return find_style(cells, _read_by_style)


def _read_by_style(cells):
    """Return the style that suits cells best, which of them it cannot read, and how many different numbers it reads."""
    texts = [cell.strip() for cell in cells if isinstance(cell, str)]
    style = _style_of_texts(texts) if texts else NumberStyle()
    if style is None:
        return None, np.ones(len(cells), dtype=bool), 0
    numbers = style.read(np.fromiter(cells, dtype=object, count=len(cells)))
    odd = np.isnan(numbers)
    return style, odd, len(np.unique(numbers[~odd]))


def _style_of_texts(texts):
    """Return the style that reads the most texts, or None if it would read codes or names of files."""
    if _are_durations(texts):
        return NumberStyle(durations=True)
    matches = [match for text in texts if (match := CELL.fullmatch(text))]
    cores = [match["core"] for match in matches]
    names = sum(_has_leading_zero(core) for core in cores) + sum(bool(_EXTENSION.search(text)) for text in texts)
    if names > CODE_SHARE * len(texts):
        return None
    # If both read as many, the comma groups thousands and the point stands before decimals.
    decimal = max(".,", key=lambda sign: sum(_is_core(core, sign) for core in cores))
    tails = {match["tail"] for match in matches} & FACTORS.keys()
    units = Counter(_unit_and_factor(match, bool(tails))[0] for match in matches)
    units.pop("", None)
    return NumberStyle(decimal, units.most_common(1)[0][0] if units else "", bool(tails))


def _is_core(core, decimal):
    """Return whether digits and separators make a number with this decimal sign."""
    return bool(CORES[decimal].fullmatch(core))


def _has_leading_zero(core):
    """Return whether a number begins with a zero that tells nothing, as codes do."""
    return len(core) > 1 and core[0] == "0" and core[1].isdigit()


def _unit_and_factor(match, multiples):
    """Return the unit of a cell, and the factor that its last letter stands for."""
    lead, tail = (match["lead"] or "").strip(), match["tail"] or ""
    factor = FACTORS.get(tail, 1.0) if multiples or lead else 1.0
    # "1 year" and "2 years" have one unit.
    unit = tail if len(tail) < 3 else tail.removesuffix("s")
    return lead or ("" if factor != 1 else unit.casefold()), factor


def _ascii_digits(text):
    """Return a text whose digits, of whatever script, are 0 to 9."""
    return text if text.isascii() else "".join(str(int(sign)) if sign.isdecimal() else sign for sign in text)


def _are_durations(texts):
    """Return whether texts are durations, and not times of a day."""
    clocks = [match for text in texts if (match := _CLOCK.fullmatch(text))]
    # On a clock of a day there is no hour 24. Whatever has such an hour, or days, is a duration.
    longer = [match for match in clocks if match[2] or int(match[3]) >= _HOURS_OF_DAY]
    spelled = sum(bool(_SPELLED.fullmatch(text)) for text in texts)
    return len(clocks) + spelled >= MOST_SHARE * len(texts) and len(longer) + spelled > (1 - MOST_SHARE) * len(texts)


def _seconds(text):
    """Return a duration in seconds, or NaN for any other text."""
    match = _CLOCK.fullmatch(text)
    if match:
        sign, days, hours, minutes, seconds = match.groups(default="0")
        total = int(days) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        # pandas writes minus one second as "-1 days +23:59:59": only the days are negative there.
        return total - 2 * 86400 * int(days) if sign in MINUS and int(days) else -total if sign in MINUS else total
    if not _SPELLED.fullmatch(text):
        return np.nan
    duration = pd.to_timedelta(text.replace(",", " "), errors="coerce")
    return np.nan if duration is pd.NaT else duration.total_seconds()
