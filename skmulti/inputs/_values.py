"""Values of categories: which ones are equal whatever type they come in, their order, and the lookup of their ids.

A value often changes its type on its way: a CSV file makes texts of numbers, a gap in a column makes floats of whole
numbers, and JSON knows no dates. Equal values get one id nevertheless. A value is looked up as it is. Only if it is
not found are other forms of it tried, so a table whose types are those of fit costs nothing.
"""

import datetime
import re
import unicodedata
from contextlib import suppress
from decimal import Decimal
from enum import Enum
from numbers import Integral, Real

import numpy as np
import pandas as pd

from ..spec import FIRST_ID, UNKNOWN_ID
from ._hints import is_bool_type, is_number_type

# Classes whose values are found by the forms of what is looked up. Of other values, their own forms are kept.
_PLAIN = {str, int, float, bool}
# A number as files write it. "007" and "1e5" are codes: they are other values than 7 and 100000.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,40})(?:\.[0-9]+)?")
# Whole numbers up to this size are written without an exponent.
_LONGEST = 10**21


class Vocabulary:
    """The ids of one column's values, found for equal values of any type.

    Parameters
    ----------
    values : ndarray of shape (n_values,), object
        The values of the ids 2, 3, ...
    """

    def __init__(self, values):
        self.ids = {value: FIRST_ID + i for i, value in enumerate(values.tolist())}
        self._forms = {}
        if _PLAIN.issuperset(map(type, self.ids)):
            return
        for value, own in self.ids.items():
            for form in () if type(value) in _PLAIN else forms_of(value):
                self._forms.setdefault(form, own)

    def __getstate__(self):
        return {"values": as_objects(list(self.ids))}

    def __setstate__(self, state):
        self.__init__(state["values"])

    def find(self, value):
        """Return the id of a value, or 1 if no equal value is known."""
        known = self.ids.get(value)
        return self._find_form(value) if known is None else known

    def _find_form(self, value):
        """Return the id of a value that is known in another form, or 1."""
        for form in forms_of(value):
            known = self.ids.get(form) or self._forms.get(form)
            if known is not None:
                return known
        return UNKNOWN_ID


def settle_values(values, counts):
    """Return the different values of a column in order, and how often each occurs.

    Values that are written alike, such as 0 and "0" or "a" and "a ", are one value: their text.

    Parameters
    ----------
    values : list
        Hashable objects, no two of which are equal.
    counts : ndarray of shape (n_values,), int
        How often each occurs.

    Returns
    -------
    values : ndarray of shape (n_values,), object
        Sorted if they can be. The order never depends on that of the rows.
    counts : ndarray of shape (n_values,), int
        Their counts.
    """
    kinds = set(map(type, values))
    if not _are_written_differently(values, kinds):
        values, counts = _join_alike(values, counts)
    order = np.array(_order(values, kinds), dtype=int)
    return as_objects(values)[order], counts[order]


def _are_written_differently(values, kinds):
    """Return whether no two values have one text and all texts are in their plain form, without a look at each text."""
    if kinds != {str}:
        # Different values of one class are written differently.
        return len(kinds) <= 1 and not any(issubclass(kind, str) for kind in kinds)
    # Each test is one call for all values, as a column may have a million of them.
    if list(map(str.strip, values)) != values:
        return False
    return all(map(str.isascii, values)) or all(unicodedata.is_normalized("NFC", value) for value in values)


def _join_alike(values, counts):
    """Return values without those that are written like another one, and the counts of both together."""
    groups = {}
    for i, value in enumerate(values):
        groups.setdefault(text_of(value), []).append(i)
    # The text stands for all of a group, since it does not depend on which row came first.
    joined = [
        text if len(own) > 1 or isinstance(values[own[0]], str) else values[own[0]] for text, own in groups.items()
    ]
    return joined, np.array([counts[own].sum() for own in groups.values()], dtype=int)


def _order(values, kinds):
    """Return the positions of values in sorted order."""
    # Sets are compared by what they hold, which is no order.
    if not any(issubclass(kind, frozenset) for kind in kinds):
        try:
            return sorted(range(len(values)), key=values.__getitem__)
        except TypeError:
            # Values of several types have no order of their own.
            pass
    return sorted(range(len(values)), key=lambda i: (type(values[i]).__name__, text_of(values[i])))


def text_of(value):
    """Return the text that files write for a value: "1" for 1 and 1.0, "2020-01-31" for that day at midnight."""
    if isinstance(value, str):
        # As one sequence of characters: "é" may also be an "e" and an accent.
        return unicodedata.normalize("NFC", value.strip())
    if isinstance(value, Real | Decimal) and is_number_type(type(value)):
        return _text_of_number(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace").strip()
    if isinstance(value, datetime.date | np.datetime64):
        return _texts_of_date(value)[0]
    if isinstance(value, frozenset):
        # In sorted order, as that of a set differs from process to process.
        return f"{{{', '.join(sorted(map(text_of, value)))}}}"
    return str(value)


def _text_of_number(number):
    """Return a number as text, without a fraction of zero."""
    if abs(number) < _LONGEST and number == int(number):
        return str(int(number))
    return format(number.normalize(), "f") if isinstance(number, Decimal) and abs(number) > 1e-4 else str(number)


def _texts_of_date(date):
    """Return a date as texts: the plain one first, then with a time, with and without a "T"."""
    moment = pd.Timestamp(date)
    texts = [moment.isoformat(sep=" "), moment.isoformat()]
    return [texts[0].removesuffix(" 00:00:00"), *texts]


def forms_of(value):
    """Yield the forms in which an equal value may be known, the most common one first."""
    text = text_of(value)
    yield text
    if isinstance(value, Enum):
        yield value.name
        yield value.value
        yield from forms_of(value.value)
    elif isinstance(value, str):
        yield from _forms_of_text(text)
    elif is_bool_type(type(value)):
        yield from (text.lower(), text.upper(), str(int(value)))
    elif isinstance(value, Real | Decimal):
        yield from _forms_of_number(value)
    elif isinstance(value, datetime.date | np.datetime64):
        yield from _texts_of_date(value)
    elif isinstance(value, datetime.timedelta | np.timedelta64):
        yield from (str(pd.Timedelta(value)), str(pd.Timedelta(value).to_pytimedelta()))


def _forms_of_text(text):
    """Yield the values that a text may write."""
    if text.lower() in ("true", "false"):
        yield text.lower() == "true"
    if not _NUMBER.fullmatch(text):
        # Python's own way to write a float: "1e-07" is the number, "1e5" is not.
        with suppress(ValueError):
            if str(float(text)) == text:
                yield float(text)
        return
    if "." not in text:
        yield from (int(text), f"{text}.0")
        return
    number = float(text)
    if number.is_integer():
        yield str(int(number))
    yield number
    yield from _neighbours(number)


def _forms_of_number(number):
    """Yield the ways in which a number may be written."""
    try:
        exact, number = number, float(number)
    except (OverflowError, ValueError):
        # Python's whole numbers have no largest one.
        return
    if isinstance(exact, Integral) and exact != number:
        return
    yield number
    yield str(number)
    if float(f"{number:.2f}") == number:
        yield f"{number:.2f}"
    yield from _neighbours(number)


def _neighbours(number):
    """Yield what a fraction is in float32, and what a fraction of float32 was before: 0.1 is 0.10000000149011612."""
    # Whole numbers are none: those of float32 are the same, or other numbers.
    if not np.isfinite(number) or number.is_integer() or abs(number) > 1e38:
        return
    narrow = np.float32(number)
    if float(str(narrow)) == number:
        yield float(narrow)
    elif float(narrow) == number:
        yield from (float(str(narrow)), str(narrow))


def as_objects(values):
    """Return a list as a 1-D array of objects."""
    # From an iterator, since NumPy would make a 2-D array of a list of tuples.
    return np.fromiter(values, dtype=object, count=len(values))
