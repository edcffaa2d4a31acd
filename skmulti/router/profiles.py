"""What a router keeps of the training cells of each column: a few numbers for each measure, as plain data.

An encoder measures cells (`InputEncoder.measure`). A profile counts how many cells of a measure fall into each of a few
bins: marked or not, between the deciles of amounts, or the most frequent labels. Later cells are counted in the same
bins, whatever the number of parts that they come in, and `shifts` compares the counts.
"""

from collections import Counter
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from ..errors import InputMismatchError
from ..inputs import as_frame, mark_outside, odd_cells_gathered
from .frames import n_rows, take_rows
from .lazy import LazyArray

# Amounts are counted between these shares of the training cells, as is usual for the stability index.
DECILES = np.linspace(0, 1, 11)[1:-1]
# Labels that are counted one by one: the most frequent ones, each of at least so many cells. A rarer one may be among
# the most frequent by chance, and would then seem to have become rarer.
MOST_LABELS = 50
LEAST_CELLS = 10


@dataclass(frozen=True)
class ColumnField:
    """What a column holds in JSON.

    Parameters
    ----------
    label : label of the column
    schema : dict
        A fragment of JSON schema, see `InputEncoder.json_schema`.
    may_be_missing : bool
        Whether training cells were missing.
    read : callable
        Returns the cell that a JSON value stands for, or raises ValueError.
    """

    label: object
    schema: dict
    may_be_missing: bool
    read: object


def profile_routes(routes, table, results):
    """Return the profiles of all columns, made of some training rows.

    Parameters
    ----------
    routes : list of Route
        Fitted routes.
    table : DataFrame, or dict of str to (Series or DataFrame)
        Training rows. Up to `InputEncoder.measured_rows` of them are measured.
    results : list of (array, missing), or of None
        The encoded rows of each route, if they are encoded.

    Returns
    -------
    dict of str to list of dict
        For each input, a profile of each of its columns: strings, numbers, lists and dicts alone.
    """
    # Rows are taken once for all routes that measure as many, since a wide table has many routes.
    counts = {route.encoder.measured_rows for route in routes}
    places = {count: _draw_rows(n_rows(table), count) for count in counts}
    rows = {count: take_rows(table, own) for count, own in places.items()}
    return {
        route.name: _profile_route(
            route, table, rows[count], partial(_encoded_rows, result, places[count]) if result else None
        )
        for route, result in zip(routes, results, strict=True)
        for count in [route.encoder.measured_rows]
    }


def _draw_rows(n_all, count):
    """Return the positions of some rows, in the order of the table."""
    # Drawn, not evenly spaced: rows may repeat in a rhythm, as days of the week do.
    return np.sort(np.random.default_rng(0).choice(n_all, min(count, n_all), replace=False, shuffle=False))


def _encoded_rows(result, positions):
    """Return some of the rows (array, missing) that were encoded."""
    array, missing = result
    # The encoding before has told of odd cells.
    with odd_cells_gathered([]):
        return (array.encode(positions)[0] if isinstance(array, LazyArray) else array[positions]), missing[positions]


def _profile_route(route, table, rows, encode):
    """Return the profile of each column of an input."""
    columns = route.columns_in(rows)
    frame = as_frame(columns)
    # Of all rows that are at hand: a gap is rare in some columns.
    gaps = (
        as_frame(route.columns_in(table)).isna().to_numpy().mean(axis=0)
        if route.saw_missing
        else np.zeros(frame.shape[1])
    )
    try:
        measures = measure_route(route, columns, encode=encode, training=True)
    except InputMismatchError:
        # Where rows are not encoded yet, whoever encodes them says what is wrong with them.
        measures = [{"missing": pd.isna(column).to_numpy()} for _, column in frame.items()]
    return [
        {
            "schema": route.encoder.json_schema(column),
            "may_be_missing": bool(gap),
            "missing": float(gap),
            "measures": {name: _summarise(values) for name, values in own.items()},
        }
        for own, gap, (_, column) in zip(measures, gaps, frame.items(), strict=True)
    ]


def measure_route(route, columns, profiles=None, *, encode=None, training=False):
    """Measure the cells of an input's columns.

    Parameters
    ----------
    route : Route
        A fitted route.
    columns : Series or DataFrame
        From `Route.columns_in`.
    profiles : list of dict or None
        The profiles of the columns; None while they are made.
    encode : callable or None
        As in `InputEncoder.measure`.
    training : bool
        Whether these are training rows.

    Returns
    -------
    list of dict of str to ndarray of shape (n_rows,)
        What the encoder measures of each column, and which cells are missing, odd and outside of the
        training range.
    """
    # Odd cells are noted by their row labels, which need not be unique.
    columns = columns.reset_index(drop=True)
    notes = []
    with odd_cells_gathered(notes):
        measures = route.measure(columns, encode, training=training)
    frame = as_frame(columns)
    for i, (own, (_, column), name) in enumerate(zip(measures, frame.items(), route.fitted_names, strict=True)):
        odd = np.zeros(len(column), dtype=bool)
        odd[[label for note in notes if note.column == name for label in note.labels]] = True
        measures[i] = {"missing": pd.isna(column).to_numpy(), "odd": odd, **own}
        amounts = own.get("value")
        if "outside" not in own and amounts is not None and amounts.dtype.kind == "f":
            # The encoder knows no range of all training rows; that of the rows that were measured stands for it.
            low, high = profiles[i]["measures"]["value"]["range"] if profiles else _range_of(amounts)
            measures[i]["outside"] = mark_outside(amounts, low, high, training=training)
    return measures


def _summarise(values):
    """Return the bins of a measure, and how many training cells are in each."""
    if values.dtype == object:
        most = Counter(label for label in values if label is not None).most_common(MOST_LABELS)
        bins = {"labels": [label for label, count in most if count >= LEAST_CELLS]}
    elif values.dtype == bool:
        bins = {}
    else:
        finite = values[np.isfinite(values)]
        edges = np.unique(np.quantile(finite, DECILES)) if len(finite) else np.zeros(0)
        bins = {"edges": edges.tolist(), "range": list(_range_of(values))}
    counts, total = count_cells(bins, values)
    return {**bins, "counts": counts.tolist(), "total": total}


def _range_of(amounts):
    """Return the lowest and the highest amount, NaN of none."""
    # As Python's floats. `fmin` and `fmax` pass over NaN.
    ends = np.append(amounts, np.nan)
    return float(np.fmin.reduce(ends)), float(np.fmax.reduce(ends))


def count_cells(bins, values):
    """Count the cells of a measure in the bins of a summary.

    Parameters
    ----------
    bins : dict
        From `_summarise`. With "edges", there is a bin below the first edge, one of the cells that
        are equal to it, one up to the next edge, and so on. With "labels", one for each label and
        one for all others. Else one of cells that are not marked, and one of those that are.
    values : ndarray of shape (n_rows,)
        A measure.

    Returns
    -------
    counts : ndarray of shape (n_bins,), int
        Cells in each bin.
    total : float
        Sum of the amounts, or number of marked cells.
    """
    if "labels" in bins:
        known = Counter(label for label in values if label is not None)
        counts = [known[label] for label in bins["labels"]]
        return np.array([*counts, known.total() - sum(counts)]), 0.0
    if "edges" in bins:
        known = values[~np.isnan(values)]
        places = np.searchsorted(bins["edges"], known, "left") + np.searchsorted(bins["edges"], known, "right")
        with np.errstate(over="ignore", invalid="ignore"):
            return np.bincount(places, minlength=2 * len(bins["edges"]) + 1), float(known.sum())
    marked = int(values.sum())
    return np.array([len(values) - marked, marked]), float(marked)


def fitted_shares(profiles):
    """Return the shares of marked training cells, by input and column; see `InputRouter.fitted_shares`."""
    return {name: [_shares_of(profile) for profile in own] for name, own in profiles.items()}


def _shares_of(profile):
    """Return the shares of marked cells in the profile of a column."""
    marked = {name: known for name, known in profile["measures"].items() if not known.keys() & {"edges", "labels"}}
    shares = {name: known["total"] / max(sum(known["counts"]), 1) for name, known in marked.items()}
    # Files of an earlier version have no count of all rows.
    return {**shares, "missing": profile.get("missing", shares["missing"])}


def column_labels(route):
    """Return a name for each column of an input; an array of a dict has its columns numbered."""
    if route.positions or len(route.fitted_names) == 1:
        return list(route.labels)
    return [f"{route.name}[{i}]" for i in range(len(route.fitted_names))]


def column_fields(routes, profiles):
    """Return what the columns that routes read hold in JSON: a list of `ColumnField`."""
    fields = {}
    for route in routes:
        own = [
            ColumnField(
                label, profile["schema"], profile["may_be_missing"] or route.spec.has_missing, route.encoder.read_json
            )
            for label, profile in zip(column_labels(route), profiles[route.name], strict=True)
        ]
        if not route.positions and len(own) > 1:
            own = [_join_fields(route.name, own)]
        for field in own:
            # Of several inputs that read one column, the first says what it holds.
            fields.setdefault(field.label, field)
    return list(fields.values())


def _join_fields(name, fields):
    """Return the fields of an array's columns as one: a row of the array is a list in JSON."""
    item = {key: value for key, value in fields[0].schema.items() if key != "examples"}
    example = [field.schema["examples"][0] for field in fields]
    schema = {"type": "array", "items": item, "examples": [example]}
    return ColumnField(name, schema, any(field.may_be_missing for field in fields), lambda values: values)
