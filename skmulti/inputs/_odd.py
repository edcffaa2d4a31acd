"""Odd cells: those that are not what the rest of their column is, such as a "?" among numbers.

An encoder that a user named refuses them. One that the router chose, or that was made with ``on_odd="missing"``, counts
them as missing. They are then reported once for a whole table: an encoder notes what it found, and whoever started the
encoding (`odd_cells_reported`) turns the notes of all columns into one warning.
"""

from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd

from .._validation import Real, StrOptions
from ..errors import InputMismatchError, OddCellsWarning, row_at, shorten, warn

# The constraint of the parameter `on_odd`.
ON_ODD = [StrOptions({"raise", "missing"})]

# The share of a column's cells that must be alike to say what the column holds. The others count as missing.
MOST_SHARE = 0.95

# So many different words may stand for "not known" if there are so many different values beside them, not counting
# those that stand for it in every table.
MOST_MARKERS = 3
_MARKERS = {
    *(
        "",
        "-",
        "--",
        "---",
        ".",
        "..",
        "...",
        "?",
        "??",
        "*",
        "/",
        "\u2013",
        "\u2014",
        "#n/a",
        "#na",
        "#value!",
        "#ref!",
    ),
    *(
        "n/a",
        "na",
        "n.a.",
        "n.a",
        "nan",
        "<na>",
        "null",
        "none",
        "nil",
        "nat",
        "missing",
        "unknown",
        "unk",
        "undefined",
    ),
    *("not available", "not applicable", "not known", "no data", "tbd", "tba", "k.a.", "k. a.", "inconnu", "unbekannt"),
}
DIFFERENT_VALUES = 20

# Cells that tell that a column is no candidate, and the share of odd ones among them from which on it is none.
GLANCE_CELLS = 200
NO_CANDIDATE = 0.7

# From so many known cells on, a column of which every one is odd is an error. A single row may be odd throughout.
ALL_ODD = 5

# Columns that a warning names. The others are counted.
_NAMED_COLUMNS = 4

# The kinds of cells for which encoders state ways out, and their types. The first that fits counts.
_KINDS = {
    "text": str,
    "bytes": (bytes, bytearray),
    "date": (date, time, timedelta, np.datetime64, np.timedelta64, pd.Period),
    "number": (Real, Decimal, np.bool_),
    "complex": (complex, np.complexfloating),
    "dict": Mapping,
    "list": (list, tuple, set, frozenset, np.ndarray),
}

# The way out of infinity.
FINITE_WAY = "Replace infinity by np.nan, which counts as missing."

_ANOTHER_COLUMN = (
    "No cell is what the encoder reads, so this is probably another column or format than at fit: give what fit saw, "
    "or fit with another encoder."
)

# What to write at fit if a column is meant as it is, with "column" in the place of its label.
ANOTHER_KIND = "If a column holds something else, say so at fit: InputRouter(kinds={column: 'category'})."
OF_MANY_LENGTHS = "If rows differ in length, say so at fit: InputRouter(kinds={column: 'sequence'})."
LEAVE_OUT = "To leave a column out, say so at fit: InputRouter(kinds={column: 'drop'})."
KEEP_FILLERS = "If such numbers are meant, say so at fit: InputRouter(kinds={column: StandardScaler()})."

# Where notes go. None reports each one at once. A context variable, since threads encode tables at the same time.
_notes = ContextVar("notes of odd cells", default=None)


@dataclass
class OddCells:
    """What was found in one column.

    Parameters
    ----------
    column : label of the column
    expected : str
        What the cells should have been, e.g. "numbers".
    labels : set
        Labels of the rows whose cells are odd. Rows may be encoded again and again, in chunks of
        any size, so that only their labels tell how many there are.
    count : str
        How many cells are odd, in words: "1 of 20 cells".
    first : str
        Row label, value and type of the first odd cell.
    otherwise : str
        What to write at fit if the column is meant as it is, e.g. `ANOTHER_KIND`.
    """

    column: object
    expected: str
    labels: set
    count: str
    first: str
    otherwise: str = ANOTHER_KIND

    def __str__(self):
        return f"column {self.column!r}: {self.count} are not {self.expected}, {self.first}"

    def __add__(self, other):
        """Return what two chunks of one column hold."""
        labels = self.labels | other.labels
        same = labels == self.labels
        return replace(self, labels=labels, count=self.count if same else f"{len(labels)} cells")

    def of_part(self):
        """Return a note that stands for all parts of a table, and is small however many rows are odd."""
        return replace(self, labels=set(), count=f"{self.count} of a part")

    @staticmethod
    def warn_of(notes):
        """Warn of the odd cells of all columns of a table at once."""
        named, label = [str(note) for note in notes[:_NAMED_COLUMNS]], shorten(repr(notes[0].column), 40)
        more = f"; and cells of {len(notes) - len(named)} more columns" if len(notes) > len(named) else ""
        warn(
            f"Some cells are not what the rest of their column is, and count as missing: {'; '.join(named)}{more}. "
            f"Correct them, or write None. {notes[0].otherwise.replace('column:', f'{label}:')}",
            OddCellsWarning,
        )


def settle_odd(encoder, column, odd, expected, advice, otherwise=ANOTHER_KIND):
    """Refuse the odd cells of a column or make them missing, as the encoder's `on_odd` says.

    Parameters
    ----------
    encoder : InputEncoder
        Its `on_odd` is "raise" or "missing".
    column : Series of shape (n_rows,)
        The cells.
    odd : ndarray of shape (n_rows,), bool
        True where a cell is not what it should be. Missing cells are not odd.
    expected : str
        What cells should be, in the plural, e.g. "numbers".
    advice : dict of str to str
        The way out, for the error, by the kind of the first odd cell (see `_KINDS`); "other" stands for
        all kinds that are not named.
    otherwise : str
        What to write at fit if the column is meant as it is, for the warning.

    Returns
    -------
    Series of shape (n_rows,)
        The column itself, or a copy of dtype object in which the odd cells are None.

    Raises
    ------
    InputMismatchError
        If cells are odd and `on_odd` is "raise", or if the whole column is odd: then it is another
        column than that of fit.
    """
    if not odd.any():
        return column
    if is_another_column(column, odd) or is_strict(encoder):
        refuse_cells(column, odd, expected, way_out(encoder, column, odd, advice))
    note_odd(column, odd, expected, otherwise)
    cells = column.astype(object)
    return cells.where(~np.asarray(odd), None)


def refuse_mixture(encoder, counts, what):
    """Refuse parts of a table that hold cells of several sizes, if the encoder is strict.

    Parameters
    ----------
    encoder : InputEncoder
        Its `on_odd` decides.
    counts : dict of int to int
        How many cells have each size.
    what : str
        What a cell of a size is, in the plural, with ``{}`` in the place of the size.
    """
    if len(counts) < 2 or not is_strict(encoder):
        return
    (most, n_most), (other, n_others) = sorted(counts.items(), key=lambda item: -item[1])[:2]
    raise InputMismatchError(
        f"{n_most} cells hold {what.format(most)}, {n_others} in other parts of the table {what.format(other)}. Give "
        f'cells of one size, or count the others as missing: {type(encoder).__name__}(on_odd="missing").'
    )


def is_another_column(column, odd):
    """Return whether every known cell of a column is odd, so that it is not the column that fit saw."""
    return odd.sum() >= ALL_ODD and odd.sum() == column.notna().sum()


def is_strict(encoder):
    """Return whether an encoder refuses odd cells."""
    return getattr(encoder, "on_odd", "raise") == "raise"


def note_odd(column, odd, expected, otherwise=ANOTHER_KIND):
    """Note the cells of a column that count as missing although something stands in them."""
    if not odd.any():
        return
    labels = set(column.index[np.asarray(odd)])
    count = f"{int(odd.sum())} of {len(column)} cells"
    report_odd_cells([OddCells(column.name, expected, labels, count, first_cell(column, odd), otherwise)])


def way_out(encoder, column, odd, advice):
    """Return what can be done about the odd cells of a column; see `settle_odd` for the parameters."""
    own = advice.get(_kind_of(_first_odd(column, odd)), advice["other"])
    if is_another_column(column, odd):
        # A lenient encoder need not be advised.
        return f"{_ANOTHER_COLUMN} {own}" if is_strict(encoder) or "on_odd" not in own else _ANOTHER_COLUMN
    if "on_odd" in own or not hasattr(encoder, "on_odd"):
        return own
    return f'{own} Or count such cells as missing: {type(encoder).__name__}(on_odd="missing").'


def _kind_of(cell):
    """Return the kind of a cell, one of `_KINDS` or "other"."""
    return next((kind for kind, types in _KINDS.items() if isinstance(cell, types)), "other")


def _first_odd(column, odd):
    """Return the first odd cell as a Python object, whose repr is what the table shows: 7, not np.int64(7)."""
    return column.iloc[[int(np.flatnonzero(odd)[0])]].tolist()[0]


def refuse_cells(column, wrong, expected, advice):
    """Refuse a Series if `wrong` marks cells: `expected` is the rule that they break, `advice` the way out."""
    if not wrong.any():
        return
    found = OddCells(
        column.name, expected, set(), f"{int(wrong.sum())} of {len(column)} cells", first_cell(column, wrong)
    )
    raise InputMismatchError(f"{found}. {advice}")


def first_cell(column, marked):
    """Return where the first marked cell stands and what it is: ``first at row label 5: '?' (type str)``."""
    cell = _first_odd(column, marked)
    row = row_at(column.index, np.flatnonzero(marked)[0])
    return f"first at {row}: {shorten(repr(cell))} (type {type(cell).__name__})"


@contextmanager
def odd_cells_gathered(notes):
    """Gather what is noted within the context in a list."""
    token = _notes.set(notes)
    try:
        yield
    finally:
        _notes.reset(token)


@contextmanager
def odd_cells_reported(*, apart=False):
    """Report at its end what is noted within the context, in one warning.

    Within such a context, that is left to the outer one, unless the rows are to be told `apart`.
    """
    notes = []
    with odd_cells_gathered(notes):
        yield
    (_report if apart else report_odd_cells)(notes)


def report_odd_cells(notes):
    """Leave notes to the context around, or warn of them if there is none."""
    around = _notes.get()
    if around is None:
        _report(notes)
    else:
        around.extend(notes)


def first_notes(notes):
    """Return the first note of odd cells of each column."""
    columns = {}
    for note in notes:
        if isinstance(note, OddCells):
            columns.setdefault(note.column, note)
    return list(columns.values())


def _report(notes):
    """Warn of what was noted, once for each class of notes and with one entry for each column."""
    columns = {}
    for note in notes:
        own = columns.setdefault(type(note), {})
        own[note.column] = own[note.column] + note if note.column in own else note
    for kind, own in columns.items():
        kind.warn_of(list(own.values()))


def stand_for_missing(cells, odd, n_different):
    """Return whether the odd cells of a column are words that stand for "not known", such as "?" or "n/a".

    Parameters
    ----------
    cells : sequence of object
        Cells that are not missing.
    odd : ndarray of shape (n_cells,), bool
        Which of them are not what most of the column is.
    n_different : int
        Number of different values of the others.

    Returns
    -------
    bool
        Such words are few and come back again and again: that a row has one says no more than a
        flag of missing rows does. If there are several, the other values must be many, or else
        all of them together are categories. "N/A" and its like may be any number of words.
    """
    words = {cell if isinstance(cell, str) else type(cell) for cell, is_odd in zip(cells, odd, strict=True) if is_odd}
    others = [word for word in words if not isinstance(word, str) or word.strip().casefold() not in _MARKERS]
    few = len(words) == 1 < n_different or (len(others) <= MOST_MARKERS and n_different >= DIFFERENT_VALUES)
    # "3 kg" among "5 mg" has a number, and so it is not the word for none.
    wordless = any(not isinstance(word, str) or any(map(str.isdigit, word)) for word in words)
    return few and not wordless and odd.mean() <= 0.5


def are_mostly_known(cells, odd, n_different):
    """Return whether a column holds what all but its odd cells are; see `stand_for_missing` for the parameters."""
    if not len(odd) or odd.all():
        return False
    return odd.mean() <= 1 - MOST_SHARE or stand_for_missing(cells, odd, n_different)


def find_style(cells, read_by_style):
    """Return the style in which a column writes something, such as numbers, or None if most cells write none of it.

    Parameters
    ----------
    cells : sequence of object
        Cells that are not missing.
    read_by_style : callable
        Returns of some cells the style that suits them best, a bool array that marks those that it
        cannot read, and the number of different values that it reads.
    """
    # Some cells are enough to see that a column is no candidate, which most columns are not.
    first = cells[:: max(len(cells) // GLANCE_CELLS, 1)]
    if len(first) < len(cells) and read_by_style(first)[1].mean() > NO_CANDIDATE:
        return None
    style, odd, n_different = read_by_style(cells)
    return style if are_mostly_known(cells, odd, n_different) else None


def share_of(cells, test):
    """Return the share of cells that pass a test, or 0 of no cells."""
    return sum(bool(test(cell)) for cell in cells) / len(cells) if len(cells) else 0.0


def mean_of_most(values):
    """Return the mean of some numbers, or 0 of none, without the largest, which odd cells may have made so large."""
    return np.mean(np.sort(values)[: int(np.ceil(MOST_SHARE * len(values)))]) if len(values) else 0.0


def are_mostly(cells, test):
    """Return whether so many cells pass a test that they say what the column holds."""
    return bool(len(cells)) and share_of(cells, test) >= MOST_SHARE
