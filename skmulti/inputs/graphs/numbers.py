"""Graphs of numbers, and of texts that write numbers."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from .._number_text import CELL, CORES, FACTORS, MINUS
from .contract import ColumnTensor, EncoderGraph, refuse_if
from .strings import BLANKS, strip

_CLOCK = rf"([{MINUS}+])?(?:([0-9]+) days?,? ?\+?)?([0-9]+):([0-5][0-9])(?::([0-5][0-9](?:\.[0-9]+)?))?"
# The groups of `CELL`, by their numbers.
_GROUPS = {name: rf"\{number}" for name, number in CELL.groupindex.items()}


@dataclass(frozen=True)
class Scale:
    """Standardise numbers as `NumberScaler` does: within their bounds, and to no more than `largest`."""

    mean: np.ndarray
    scale: np.ndarray
    bounds: object
    largest: float

    def __call__(self, numbers):
        """Return numbers (n_rows, n_columns), float64, as numbers of standard deviations from the mean."""
        bounds = self.bounds
        is_filler = (numbers < bounds.bottom) | (numbers > bounds.top)
        numbers = tf.where(is_filler, tf.constant(np.nan, numbers.dtype), numbers)
        numbers = tf.where(numbers < bounds.floor, bounds.low, tf.where(numbers > bounds.ceiling, bounds.high, numbers))
        return tf.clip_by_value((numbers - self.mean) / self.scale, -self.largest, self.largest)


class NumberGraph(EncoderGraph):
    """Standardised numbers, as `NumberScaler` scales them.

    Parameters
    ----------
    names : list
        Names of the columns.
    styles : list of (NumberStyle or None)
        How each column writes numbers as text; None for a column of numbers.
    scale : Scale
        What is subtracted and divided by.
    indicators : sequence of int
        Positions of the columns with an indicator.
    dtype : str
        Of the array.
    """

    def __init__(self, names, styles, scale, indicators, dtype):
        super().__init__([_column_of(style) for style in styles])
        self._names, self._scale = names, scale
        self._indicators, self._dtype = tf.constant(indicators, tf.int32), dtype
        self._readers = [None if style is None else NumberReader(self, style) for style in styles]

    def encode(self, *columns):
        """Standardise numbers; see `EncoderGraph.encode`."""
        numbers = [self._read(*column) for column in zip(self._names, self._readers, columns, strict=True)]
        scaled = self._scale(tf.stack(numbers, axis=1))
        empty = tf.math.is_nan(tf.gather(scaled, self._indicators, axis=1))
        return tf.concat([tf.cast(scaled, self._dtype), tf.cast(empty, self._dtype)], axis=1)

    def _read(self, name, reader, cells):
        numbers = cells if reader is None else reader(name, cells)
        refuse_if(tf.math.is_inf(numbers), name, "numbers must be finite", numbers)
        return numbers


def _column_of(style):
    """Return the tensor of a column."""
    if style is None:
        return ColumnTensor("float64", "a number; of a duration, its seconds")
    return ColumnTensor("string", str(style).replace("numbers", "a number").replace("durations", "a duration"))


class NumberReader:
    """Read numbers that are written as text, as `NumberStyle` does.

    A text that is no number is missing. One that `NumberStyle` may read by Python's means alone is an error, since it
    must not be lost in silence: digits of other scripts, and durations that are spelled out.
    """

    def __init__(self, graph, style):
        self._style = style
        # RE2 knows neither of the two look-aheads, which only keep letters from being read as a unit.
        pattern = CELL.pattern.replace(rf"(?=[{MINUS}\s\d])", "").replace(r"(?![^\W\d_])", "")
        self._cell = _as_re2(pattern)
        self._core = _as_re2(CORES[style.decimal].pattern)
        self._factors = graph.make_table({text: i for i, text in enumerate(FACTORS, 1)}, 0)

    def __call__(self, name, texts):
        """Return texts of the column `name` as float64, NaN where missing."""
        texts = strip(texts)
        is_read, numbers = self._read_clocks(texts) if self._style.durations else self._read_cells(texts)
        digit = r"\p{Nd}" if self._style.durations else r"[^\P{Nd}0-9]"
        may_be_read = tf.strings.regex_full_match(texts, f"(?s).*{digit}.*")
        refuse_if(may_be_read & ~is_read, name, f"cannot be read as {self._style}", texts)
        return tf.where(is_read, numbers, tf.constant(float("nan"), tf.float64))

    def _read_clocks(self, texts):
        is_clock = tf.strings.regex_full_match(texts, _CLOCK)
        sign, days, *clock = (tf.strings.regex_replace(texts, f"^{_CLOCK}$", rf"\{i}") for i in range(1, 6))
        hours, minutes, seconds = (_to_numbers(part, is_clock & (part != "")) for part in clock)
        days = _to_numbers(days, is_clock & (days != ""))
        total = days * 86400 + hours * 3600 + minutes * 60 + seconds
        # As pandas writes minus one second, "-1 days +23:59:59", only the days are negative.
        negative = tf.where(days != 0, total - 2 * 86400 * days, -total)
        return is_clock, tf.where(_is_minus(sign), negative, total)

    def _read_cells(self, texts):
        match = tf.strings.regex_full_match(texts, self._cell)
        parts = {name: tf.strings.regex_replace(texts, f"^{self._cell}$", group) for name, group in _GROUPS.items()}
        core = tf.where(match, parts["core"], "")
        unit, factor = self._unit_and_factor(strip(parts["lead"]), parts["tail"])
        closed = (parts["open"] == "") == (parts["close"] == "")
        is_read = match & closed & tf.strings.regex_full_match(core, self._core) & (core != "")
        is_read &= (unit == "") | (unit == self._style.unit)
        plain = tf.strings.regex_replace(core, f"[^0-9{self._style.decimal}]", "")
        plain = tf.strings.regex_replace(plain, ",", ".") + tf.where(match, parts["exponent"], "")
        numbers = _to_numbers(plain, is_read) * factor
        # Accountants write a loss in round brackets.
        negative = _is_minus(parts["sign"]) | _is_minus(parts["inner"]) | (parts["open"] == "(")
        return is_read, tf.where(negative, -numbers, numbers)

    def _unit_and_factor(self, lead, tail):
        """Return the unit of each cell, and the factor that its last letter stands for."""
        factors = tf.gather(tf.constant([1.0, *FACTORS.values()], tf.float64), self._factors.lookup(tail))
        if not self._style.multiples:
            factors = tf.where(lead != "", factors, tf.ones_like(factors))
        # "1 year" and "2 years" have one unit.
        long = tf.strings.length(tail, "UTF8_CHAR") >= 3
        unit = tf.strings.lower(tf.where(long, tf.strings.regex_replace(tail, "s$", ""), tail), "utf-8")
        return tf.where(lead != "", lead, tf.where(factors != 1, "", unit)), factors


def _as_re2(pattern):
    """Return a pattern of Python as one of RE2; letters and blanks are of any script, and digits of ASCII."""
    return pattern.replace(r"[^\W\d_]", r"\p{L}").replace(r"\s", f"[{BLANKS}]")


def _to_numbers(texts, are_numbers):
    """Return texts as float64, 0 where they are none."""
    return tf.strings.to_number(tf.where(are_numbers, texts, "0"), tf.float64)


def _is_minus(signs):
    return tf.strings.regex_full_match(signs, f"[{MINUS}]")
