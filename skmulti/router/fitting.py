"""How the encoders of a router are fitted: on all rows at once, or on a table that is read in parts.

Fitting alone does not encode the rows, which would cost time and memory in a large table. What a spec says of rows that
hold nothing comes from `InputEncoder.missing`. If the same rows are wanted encoded, `fit_encode_and_flag` lets an
encoder do both in one pass.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from sklearn.utils.validation import has_fit_parameter

from .._workers import call_in_threads
from ..errors import InputMismatchError
from ..inputs import TransformerEncoder, cannot_learn_in_parts, missing_rows
from .entries import groups_of
from .routes import has_gaps, names_of, places_by_label, rename

# Rows of an input that are read at once to find the missing ones. What is read is dropped again, so memory stays small.
CHUNK_ROWS = 256
# The first rows of a table in parts decide how a column writes its dates and numbers and which numbers are out of
# proportion, so that small parts are joined until there are so many.
FIRST_ROWS = 1_000


def fit_routes(routes, table, y, sample_weight, *, n_jobs=None, decoding=None):
    """Fit the encoders of routes on training rows; inputs that share an encoder are fitted together.

    Parameters
    ----------
    routes : list of Route
        Routes with unfitted encoders of their own.
    table : DataFrame, or dict of str to (Series or DataFrame)
        Training rows.
    y, sample_weight : array-like of shape (n_rows,) or None
        Target and weights, for encoders that use them.
    n_jobs : int or None
        Number of threads.
    decoding : Decoding or None
        When the same rows are encoded. None does not encode them.

    Returns
    -------
    routes : list of Route
        The fitted routes, in the same order.
    results : list of (array, missing), or of None
        The encoded rows of each route.
    """
    function = _fit_group if decoding is None else partial(_fit_encode_group, decoding=decoding)
    arguments = [(group, [route.columns_in(table) for route in group], y, sample_weight) for group in groups_of(routes)]
    # Threads work on groups, and a group's routes need not stand side by side: results go back into order by name.
    fitted = {
        route.name: (route, result) for group in call_in_threads(function, arguments, n_jobs) for route, result in group
    }
    return [fitted[route.name][0] for route in routes], [fitted[route.name][1] for route in routes]


def _fit_group(group, columns, y, sample_weight):
    """Fit the encoder that a group of inputs shares, on the rows of all; return a list of (fitted route, None)."""
    encoder, columns = _fit_encoder(group, columns, y, sample_weight)
    with group[0].errors_located():
        missing = [encoder.missing(part) for part in columns]
    return [(_complete_route(route, encoder, *own), None) for route, *own in zip(group, columns, missing, strict=True)]


def _fit_encode_group(group, columns, y, sample_weight, decoding):
    """Fit like `_fit_group` and encode the same rows; return a list of (fitted route, (array, missing))."""
    encoder = group[0].encoder
    # An encoder of one input in memory may fit and encode in one pass. A shared one is fitted on the rows of all inputs
    # before it can encode any, and a lazy one encodes later.
    if len(group) == 1 and not group[0].may_be_lazy:
        with group[0].errors_located():
            results = [encoder.fit_encode_and_flag(columns[0], y, **_weight_argument(encoder, sample_weight))]
    else:
        encoder, columns = _fit_encoder(group, columns, y, sample_weight)
        ready = [replace(route, encoder=encoder, fitted_names=names_of(columns[0])) for route in group]
        results = [route.encode(own, decoding) for route, own in zip(ready, columns, strict=True)]
    return [
        (_complete_route(route, encoder, own, result[1]), result)
        for route, own, result in zip(group, columns, results, strict=True)
    ]


def _fit_encoder(group, columns, y, sample_weight):
    """Fit the encoder of a group; return it and the columns of each input, under the names of the first input's."""
    encoder = group[0].encoder
    with group[0].errors_located():
        columns = [rename(part, names_of(columns[0])) for part in columns]
        weight = _weight_argument(encoder, sample_weight, len(group))
        if len(group) == 1:
            encoder.fit(columns[0], y, **weight)
        else:
            # Rows of the second input follow those of the first, so target and weights are repeated in the same order.
            encoder.fit(pd.concat(columns), None if y is None else np.concatenate([y] * len(group)), **weight)
    return encoder, columns


def _complete_route(route, encoder, columns, missing):
    """Return a route with its fitted encoder and with what is known of its training columns."""
    encoder.learn_missing(columns, missing)
    return replace(route, encoder=encoder).with_knowledge(columns, bool(missing.any()), has_gaps(columns))


def _weight_argument(encoder, sample_weight, n_parts=1):
    """Return the weights as an argument, repeated for each part; no argument if `fit` takes none or there are none."""
    # The wrapper's `fit` takes any argument, so the transformer in it is asked.
    target = encoder.transformer if isinstance(encoder, TransformerEncoder) else encoder
    if sample_weight is None or not has_fit_parameter(target, "sample_weight"):
        return {}
    return {"sample_weight": np.concatenate([sample_weight] * n_parts)}


def fit_in_parts(routes, chunks, labels):
    """Fit the encoders of routes on a table that is read in parts.

    Parameters
    ----------
    routes : list of Route
        Routes with unfitted encoders of their own.
    chunks : callable
        Returns an iterator of (frame, y, sample_weight). It is called again if rows must be
        read to know which of them hold nothing.
    labels : list
        Labels of the columns of the table, in the order in which the routes were resolved.

    Returns
    -------
    list of Route
        The fitted routes, in the same order.

    Raises
    ------
    InputMismatchError
        If an encoder learns something but has no ``partial_fit``, or if cells do not fit their encoder.
    """
    groups = groups_of(routes)
    owners = {route.name: group[0] for group in groups for route in group}
    gaps, missing = dict.fromkeys(owners, False), dict.fromkeys(owners, False)
    for frame, y, weight in _with_long_first(chunks()):
        # Files of one table may have their columns in different orders.
        places = None if list(frame.columns) == labels else places_by_label(frame, routes)
        columns = {route.name: route.columns_in(frame, places) for route in routes}
        for group in groups:
            _learn_part(group, [columns[route.name] for route in group], y, weight)
        for name, own in columns.items():
            gaps[name] |= has_gaps(own)
            missing[name] |= bool(missing_rows(own).any())
    for owner in owners.values():
        owner.encoder.end_parts()
    # A spec is made from columns under the names that the encoder was fitted on: those of the input that owns it. The
    # columns of the last part are as good as any, since only their names are used.
    routes = [replace(route, encoder=owners[route.name].encoder) for route in routes]
    own_columns = {route.name: columns[owners[route.name].name] for route in routes}

    def with_knowledge():
        return [
            route.with_knowledge(own_columns[route.name], missing[route.name], gaps[route.name]) for route in routes
        ]

    fitted = with_knowledge()
    # A file that is absent, or a list without entries, counts as missing, too, which empty cells do not show. Such rows
    # are read in a second pass, with the fitted encoder.
    unsure = [route for route in fitted if route.encoder.reads_missing]
    if not unsure:
        return fitted
    for frame, _, _ in chunks():
        places = None if list(frame.columns) == labels else places_by_label(frame, routes)
        for route in unsure:
            missing[route.name] |= _any_missing(route, frame, places)
    return with_knowledge()


def _with_long_first(parts):
    """Yield (frame, y, sample_weight) of a table in parts, the first few parts joined to one of `FIRST_ROWS` rows."""
    parts, first = iter(parts), []
    for part in parts:
        first.append(part)
        if sum(len(frame) for frame, _, _ in first) >= FIRST_ROWS:
            break
    yield from _joined(first)
    yield from parts


def _joined(parts):
    """Return parts as a list of a single one, or as they are if their columns are in different orders."""
    orders = [list(frame.columns) for frame, _, _ in parts]
    if len(parts) < 2 or any(order != orders[0] for order in orders):
        return parts
    frames, ys, weights = zip(*parts, strict=True)
    return [(pd.concat(frames), *(None if own[0] is None else np.concatenate(own) for own in (ys, weights)))]


def _learn_part(group, columns, y, sample_weight):
    """Let the encoder of a group learn from the next part of a table."""
    encoder = group[0].encoder
    with group[0].errors_located():
        if not hasattr(encoder, "partial_fit"):
            raise InputMismatchError(cannot_learn_in_parts(encoder))
        for part in columns:
            encoder.partial_fit(rename(part, names_of(columns[0])), y, **_weight_argument(encoder, sample_weight))


def _any_missing(route, frame, places):
    """Return whether some rows of an input hold nothing, if only reading them tells."""
    found = False
    # Every row is read, even after the first missing one: a file that cannot be read must be an error of the fit.
    for start in range(0, len(frame), CHUNK_ROWS):
        columns = route.columns_in(frame[start : start + CHUNK_ROWS], places)
        missing = route.missing(columns)
        route.encoder.learn_missing(rename(columns, route.fitted_names), missing)
        found |= bool(missing.any())
    return found
