"""Values that fit did not see: when there are so many that a column has probably changed, and the warning of it."""

from dataclasses import dataclass, replace

import numpy as np

from ..errors import UnknownValuesWarning, shorten, warn
from ..spec import FIRST_ID, UNKNOWN_ID
from ._odd import report_odd_cells

# Up to this share of new values, fit lets expect that nearly all values of later rows are known.
_FEW_NEW = 0.05
# In fewer rows than this, each value occurs once by chance, and says nothing of later rows.
_ENOUGH_ROWS = 20
# Rows in which nothing is known are a surprise if less than this is the probability of that.
_CHANCE = 1e-3
# Values that a warning shows of each side, and the longest that it shows of one.
_SHOWN, _SHOWN_LENGTH = 3, 24


@dataclass(frozen=True)
class KnownValues:
    """What fit lets expect of a column.

    Parameters
    ----------
    first : tuple
        Some of the values that have ids.
    n_cells : int
        Number of training cells that were not missing.
    share_new : float
        Share of later cells that are to be expected to hold a value without an id. By Turing's estimate (Good, "The
        Population Frequencies of Species", 1953) that is the share of the training cells whose value occurs only once,
        and of those whose value has no id.
    """

    first: tuple
    n_cells: int
    share_new: float

    @classmethod
    def of(cls, values, counts, n_cells):
        """Describe the values that have ids, with their counts among `n_cells` training cells."""
        n_again = int(counts.sum() - (counts == 1).sum())
        share_new = 1 - n_again / n_cells if n_cells else 1.0
        return cls(tuple(values[:_SHOWN]), int(n_cells), float(share_new))


@dataclass
class UnknownValues:
    """A note of one column in which most values are new.

    Parameters
    ----------
    column : label of the column
    known : KnownValues
        What fit saw.
    here : list
        Some of the new values.
    n_unknown, n_cells : int
        Number of cells with a new value, and of cells that are not missing.
    """

    column: object
    known: KnownValues
    here: list
    n_unknown: int
    n_cells: int

    def __str__(self):
        return (
            f"column {shorten(repr(self.column))}: {self.n_unknown} of {self.n_cells} cells hold values that fit "
            f"did not see. At fit: {_show(self.known.first)}; here: {_show(self.here)}"
        )

    def __add__(self, other):
        """Return what two chunks of one column hold."""
        return replace(self, n_unknown=self.n_unknown + other.n_unknown, n_cells=self.n_cells + other.n_cells)

    @staticmethod
    def warn_of(notes):
        """Warn of all such columns of a table at once."""
        others = [shorten(repr(note.column), _SHOWN_LENGTH) for note in notes[1:]]
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        named = f" The same goes for {', '.join(others[:_SHOWN])}{more}." if others else ""
        warn(
            f"{notes[0]}.{named} Such cells count as unknown, so that they tell nothing about their rows. Give the "
            "values of fit; cut numbers into bins at the edges of fit.",
            UnknownValuesWarning,
        )


def note_unknown(column, known, ids, codes, uniques):
    """Note a column if surprisingly many of its cells hold new values.

    Parameters
    ----------
    column : label of the column
    known : KnownValues
        What fit saw.
    ids : ndarray of shape (n_rows,), int
        The ids of the cells.
    codes : ndarray of shape (n_rows,), int
        Positions of the cells' values in `uniques`.
    uniques : list
        The different values.
    """
    if not is_surprising(known, ids):
        return
    new = ids == UNKNOWN_ID
    # In the order of the rows.
    _, first = np.unique(codes[new], return_index=True)
    here = [uniques[code] for code in codes[new][np.sort(first)[:_SHOWN]]]
    report_odd_cells([UnknownValues(column, known, here, int(new.sum()), int((ids > 0).sum()))])


def is_surprising(known, ids):
    """Return whether so many ids are 1 that the column has probably changed since fit."""
    n_unknown = int(np.count_nonzero(ids == UNKNOWN_ID))
    n_known = int(np.count_nonzero(ids >= FIRST_ID))
    # A single cell may well be new.
    if n_unknown < 2 or n_unknown <= n_known or not known.first:
        return False
    if known.share_new < _FEW_NEW:
        return True
    # Where most training cells had values of their own, later rows have new ones, too.
    by_chance = known.n_cells >= _ENOUGH_ROWS and known.share_new**n_unknown >= _CHANCE
    return not n_known and not by_chance


def _show(values):
    """Return values for a message, with their types."""
    # In quotes what is text. The repr of many other classes is long, and their names follow.
    texts = [repr(value) if isinstance(value, str | bytes) else str(value) for value in values]
    shown = ", ".join(shorten(text, _SHOWN_LENGTH) for text in texts)
    return f"{shown} ({', '.join(sorted({type(value).__name__ for value in values}))})"
