"""A router that is fitted on the parts of a table: each part is learned by itself, and what was learned is merged.

The steps may run in one process or on many machines. What goes from one to the other holds statistics, but no rows:

- `InputRouter.begin_parts` makes `RouterParts` from rows that were drawn over all parts. They decide what goes where,
  and how columns write dates and numbers;
- `RouterParts.learn` learns one part, and `LearnedParts.merge` joins two results, in any grouping;
- where only reading the cells tells what is missing (files that are absent), `RouterParts.reader` makes a second pass
  of the same shape: `PartsReader.read` and `ReadParts.merge`;
- `RouterParts.finish` makes the fitted router.
"""

import copy
from dataclasses import dataclass, field, replace

import pandas as pd

from .._workers import call_in_threads
from ..errors import InputMismatchError
from ..inputs import (
    cannot_learn_in_parts,
    cannot_merge,
    first_notes,
    missing_rows,
    odd_cells_gathered,
    odd_cells_reported,
    report_odd_cells,
)
from .entries import groups_of
from .fitting import weight_argument
from .routes import has_gaps, names_of, places_by_label, rename

# Rows of an input that are read at once to find the missing ones. What is read is dropped again, so memory stays small.
CHUNK_ROWS = 256


class RouterParts:
    """Learn the encoders of a router from the parts of a table.

    Parameters
    ----------
    router : InputRouter
        The router, with its plan.
    routes : list of Route
        Routes with unfitted encoders of their own.
    sample : DataFrame
        Rows that were drawn over all parts.

    Raises
    ------
    InputMismatchError
        If an encoder learns something but has no ``partial_fit``.
    """

    def __init__(self, router, routes, sample):
        self.router = router
        self.labels = list(sample.columns)
        self.groups = [_begin_group(group, sample) for group in groups_of(routes)]
        self.names = [route.name for route in routes]

    def refuse_unmergeable(self):
        """Refuse encoders of which what two parts taught cannot be joined."""
        for owner, *_ in self.groups:
            with owner.errors_located():
                if not owner.encoder.merges_parts:
                    raise InputMismatchError(cannot_merge(getattr(owner.encoder, "transformer", owner.encoder)))

    def learn(self, frame, y=None, sample_weight=None):
        """Learn one part of the table.

        Parameters
        ----------
        frame : DataFrame of shape (n_rows, n_columns)
            The rows of the part, which may be none. Its columns may stand in another order.
        y, sample_weight : array-like of shape (n_rows,) or None
            Target and weights, for encoders that use them.

        Returns
        -------
        LearnedParts
            What the part teaches. This object is not changed.
        """
        learned, notes = LearnedParts(), []
        with odd_cells_gathered(notes):
            self.add(learned, frame, y, sample_weight)
        learned.notes = [note.of_part() for note in first_notes(notes)]
        return learned

    def add(self, learned, frame, y=None, sample_weight=None):
        """Learn one more part after those that `learned` holds, which is changed; see `learn` for the parameters."""
        if not len(frame):
            return
        places = _places_of(frame, self.labels, self.groups)

        def learn_group(group):
            owner = learned.owners.get(group[0].name) or _copied(group[0])
            columns = [route.columns_in(frame, places) for route in group]
            with owner.errors_located():
                weight = weight_argument(owner.encoder, sample_weight)
                for own in columns:
                    owner.encoder.partial_fit(rename(own, owner.fitted_names), y, **weight)
            gaps = {route.name: has_gaps(own) for route, own in zip(group, columns, strict=True)}
            missing = {route.name: bool(missing_rows(own).any()) for route, own in zip(group, columns, strict=True)}
            return owner, gaps, missing

        for owner, gaps, missing in call_in_threads(
            learn_group, [(group,) for group in self.groups], self.router.n_jobs
        ):
            learned.owners[owner.name] = owner
            learned.gaps, learned.missing = _either(learned.gaps, gaps), _either(learned.missing, missing)

    def reader(self, learned):
        """Return the second pass over the parts, or None if no cell has to be read to know that it holds nothing.

        Parameters
        ----------
        learned : LearnedParts
            What all parts taught.

        Returns
        -------
        PartsReader or None
            Reads the files of one part.
        """
        groups = self._fitted_groups(learned)
        unsure = [group for group in groups if group[0].encoder.reads_missing]
        return PartsReader(unsure, self.labels) if unsure else None

    def finish(self, learned, sample, read=None):
        """Make the fitted router.

        Parameters
        ----------
        learned : LearnedParts
            What all parts taught.
        sample : DataFrame
            The rows of `InputRouter.begin_parts`, of which the router keeps what `compare` needs.
        read : ReadParts or None
            What the second pass found, if `reader` returned one.

        Returns
        -------
        InputRouter
            The fitted router. This object and what was learned are not changed.
        """
        fitted = copy.copy(self.router)
        with odd_cells_reported():
            report_odd_cells(first_notes([*learned.notes, *(read.notes if read else ())]))
            fitted._keep(self.fitted_routes(learned, read), sample, [None] * len(self.names))
        return fitted

    def fitted_routes(self, learned, read=None):
        """Return the fitted routes in the order of the inputs; see `finish` for the parameters."""
        found = read or ReadParts()
        missing, routes = _either(learned.missing, found.missing), {}
        for group in self._fitted_groups(learned):
            encoder = found.encoders.get(group[0].name, group[0].encoder)
            if group[0].encoder.reads_missing and read is None:
                raise ValueError("Some cells must be read to know which are missing: give `read`, see `reader`.")
            for route in group:
                name = route.name
                routes[name] = replace(route, encoder=encoder).with_knowledge(
                    group[0].fitted_names, missing[name], learned.gaps[name]
                )
        return [routes[name] for name in self.names]

    def _fitted_groups(self, learned):
        """Return the groups of routes with encoders that have learned all parts."""
        if not learned.owners:
            raise InputMismatchError("Found array with 0 sample(s): no part of the table has a row.")
        groups = []
        for group in self.groups:
            owner = _copied(learned.owners[group[0].name])
            owner.encoder.end_parts()
            groups.append([replace(route, encoder=owner.encoder) for route in group])
        return groups


@dataclass
class LearnedParts:
    """What some parts of a table taught.

    Parameters
    ----------
    owners : dict of str to Route
        By input name, the routes that own an encoder, with the encoder that has learned. None before the first row.
    gaps, missing : dict of str to bool
        Whether each input has had a missing cell, and a row without any cell.
    notes : list of OddCells
        The first note of each column with odd cells.
    """

    owners: dict = field(default_factory=dict)
    gaps: dict = field(default_factory=dict)
    missing: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)

    def merge(self, other):
        """Join what these parts taught with what later parts did.

        Parameters
        ----------
        other : LearnedParts
            From the same `RouterParts`.

        Returns
        -------
        LearnedParts
            What all of these parts taught. Neither of the two is changed.
        """
        owners = {**self.owners, **other.owners}
        for name in self.owners.keys() & other.owners.keys():
            owner = self.owners[name]
            with owner.errors_located():
                owners[name] = replace(owner, encoder=owner.encoder.merge(other.owners[name].encoder))
        return LearnedParts(
            owners,
            _either(self.gaps, other.gaps),
            _either(self.missing, other.missing),
            first_notes([*self.notes, *other.notes]),
        )


class PartsReader:
    """Find the rows that hold nothing where only reading the cells tells: files that are absent, empty lists.

    Parameters
    ----------
    groups : list of list of Route
        Fitted routes by encoder, of the inputs that must be read.
    labels : list
        Labels of the columns of the table.
    """

    def __init__(self, groups, labels):
        self.groups = groups
        self.labels = labels

    def read(self, frame):
        """Read the cells of one part.

        Parameters
        ----------
        frame : DataFrame of shape (n_rows, n_columns)
            The rows of the part.

        Returns
        -------
        ReadParts
            What was found. This object is not changed.
        """
        found, notes = ReadParts(), []
        with odd_cells_gathered(notes):
            self.add(found, frame)
        found.notes = [note.of_part() for note in first_notes(notes)]
        return found

    def add(self, found, frame):
        """Read one more part after those that `found` holds, which is changed."""
        places = _places_of(frame, self.labels, self.groups)
        for group in self.groups:
            encoder = found.encoders.get(group[0].name) or copy.copy(group[0].encoder)
            found.encoders[group[0].name] = encoder
            missing = {
                route.name: _any_missing(replace(route, encoder=encoder), frame, group[0].fitted_names, places)
                for route in group
            }
            found.missing = _either(found.missing, missing)


@dataclass
class ReadParts:
    """What reading the cells of some parts has shown.

    Parameters
    ----------
    missing : dict of str to bool
        Whether each input has had a row that holds nothing.
    encoders : dict of str to InputEncoder
        The encoders, by the input that owns them, with what `InputEncoder.learn_missing` taught them.
    notes : list of OddCells
        The first note of each column with odd cells.
    """

    missing: dict = field(default_factory=dict)
    encoders: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)

    def merge(self, other):
        """Join what reading these parts has shown with what reading later parts has.

        Parameters
        ----------
        other : ReadParts
            From the same `PartsReader`.

        Returns
        -------
        ReadParts
            What all of these parts have shown. Neither of the two is changed.
        """
        encoders = {**self.encoders, **other.encoders}
        for name in self.encoders.keys() & other.encoders.keys():
            encoders[name] = self.encoders[name].merge_missing(other.encoders[name])
        return ReadParts(_either(self.missing, other.missing), encoders, first_notes([*self.notes, *other.notes]))


def _begin_group(group, sample):
    """Return the routes that share an encoder, which has seen the sample of all of their columns."""
    columns = [route.columns_in(sample) for route in group]
    encoder, names = group[0].encoder, names_of(columns[0])
    # Odd cells of the sample are told of when its rows come again in the parts.
    with group[0].errors_located(), odd_cells_gathered([]):
        if not hasattr(encoder, "partial_fit"):
            raise InputMismatchError(cannot_learn_in_parts(encoder))
        columns = [rename(own, names) for own in columns]
        encoder.begin_parts(columns[0] if len(columns) == 1 else pd.concat(columns))
    return [replace(route, encoder=encoder, fitted_names=names) for route in group]


def _copied(route):
    """Return a route with a copy of its encoder."""
    return replace(route, encoder=copy.copy(route.encoder))


def _places_of(frame, labels, groups):
    """Return where the columns of a part stand, as in `Route.columns_in`."""
    # Files of one table may have their columns in different orders.
    if list(frame.columns) == labels:
        return None
    return places_by_label(frame, [route for group in groups for route in group])


def _either(flags, others):
    """Return for each name whether one of two dicts of bools says so."""
    return {name: flags.get(name, False) or others.get(name, False) for name in {**flags, **others}}


def _any_missing(route, frame, names, places):
    """Return whether some rows of an input hold nothing, and teach its encoder which ones."""
    found = False
    # Every row is read, even after the first missing one: a file that cannot be read must be an error of the fit.
    for start in range(0, len(frame), CHUNK_ROWS):
        columns = rename(route.columns_in(frame[start : start + CHUNK_ROWS], places), names)
        missing = route.missing(columns)
        route.encoder.learn_missing(columns, missing)
        found |= bool(missing.any())
    return found
