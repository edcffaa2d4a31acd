"""Which inputs read each column of a table, and where in their arrays it stands."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class ColumnReading:
    """What the inputs of a fitted router do with a column.

    Parameters
    ----------
    label : object
        Its label at fit.
    position : int or None
        Where it stands in the table; None if no input reads it.
    slots : dict of str to (list of int or None)
        For each input that reads it and other columns: the positions in a row of the input's array
        that belong to this column, or None if they cannot be told.
    alone : tuple of str
        Names of the inputs that read no other column.
    """

    label: object
    position: int | None = None
    slots: dict = field(default_factory=dict)
    alone: tuple = ()


def read_columns(fitted, places):
    """Return a `ColumnReading` of each column of fit; `places` is what `FittedRoutes.find_columns` returned."""
    slots = {route.name: _known_slots(route) for route in fitted.routes}
    return [_read_column(fitted, i, places, slots) for i in range(len(fitted.labels))]


def _read_column(fitted, position, places, slots):
    """Return the `ColumnReading` of the column at a position at fit."""
    routes = [route for route in fitted.routes if position in route.positions]
    if not routes:
        return ColumnReading(fitted.labels[position])
    shared = {}
    for route in routes:
        # An input that was given a column twice has it in two places.
        own = [i for i, other in enumerate(route.positions) if other == position]
        if len(own) < len(route.positions):
            known = slots[route.name]
            shared[route.name] = None if known is None else [slot for i in own for slot in known[i]]
    return ColumnReading(
        fitted.labels[position],
        position if places is None else places[position],
        shared,
        tuple(route.name for route in routes if route.name not in shared),
    )


def _known_slots(route):
    """Return the slots of each column in an input's array, or None if they cannot be told or shuffled alone."""
    # Flags in an array of their own are of all columns together. Lazy rows are not held in memory.
    if route.spec.missing_name or route.may_be_lazy or len(route.spec.shape) != 1:
        return None
    owners = route.encoder.slots(route.spec)
    if (owners < 0).any():
        return None
    return [np.flatnonzero(owners == i).tolist() for i in range(len(route.positions))]
