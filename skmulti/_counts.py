"""Cells that are decoded or read from files, counted for a fit that tells how far it is."""

from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

# Called with (column, what its cells are, number of cells); None where nobody listens. A variable of the context, since
# threads of other fits count, too.
_LISTENER = ContextVar("listener", default=None)


@contextmanager
def counts_heard(listener):
    """Let a function hear what `count_cells` counts in a block.

    Parameters
    ----------
    listener : callable or None
        Takes the column, what its cells are, and a number of cells. Threads call it, too.
    """
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def count_cells(column, unit, number):
    """Count some cells that are decoded; a number of 0 says that decoding begins.

    Parameters
    ----------
    column : str
        The column that they stand in.
    unit : str
        What they are, in the plural.
    number : int
        How many.
    """
    listener = _LISTENER.get()
    if listener is not None:
        listener(column, unit, number)


@contextmanager
def counted_once(column, unit):
    """Count the cells of a block together, and none in what the block calls.

    Parameters
    ----------
    column, unit : str
        As in `count_cells`.

    Yields
    ------
    callable
        Takes a number of cells.
    """
    listener = _LISTENER.get()
    count = _ignore if listener is None else partial(listener, column, unit)
    with counts_heard(None):
        count(0)
        yield count


def _ignore(number):
    """Count nothing."""
