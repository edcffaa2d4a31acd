"""How the encoders of a router are fitted on all rows at once; `parts` fits them on a table that is read in parts.

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
from ..inputs import TransformerEncoder
from .entries import groups_of
from .routes import has_gaps, names_of, rename


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
            results = [encoder.fit_encode_and_flag(columns[0], y, **weight_argument(encoder, sample_weight))]
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
        weight = weight_argument(encoder, sample_weight, len(group))
        if len(group) == 1:
            encoder.fit(columns[0], y, **weight)
        else:
            # Rows of the second input follow those of the first, so target and weights are repeated in the same order.
            encoder.fit(pd.concat(columns), None if y is None else np.concatenate([y] * len(group)), **weight)
    return encoder, columns


def _complete_route(route, encoder, columns, missing):
    """Return a route with its fitted encoder and with what is known of its training columns."""
    encoder.learn_missing(columns, missing)
    return replace(route, encoder=encoder).with_knowledge(names_of(columns), bool(missing.any()), has_gaps(columns))


def weight_argument(encoder, sample_weight, n_parts=1):
    """Return the weights as an argument, repeated for each part; no argument if `fit` takes none or there are none."""
    # The wrapper's `fit` takes any argument, so the transformer in it is asked.
    target = encoder.transformer if isinstance(encoder, TransformerEncoder) else encoder
    if sample_weight is None or not has_fit_parameter(target, "sample_weight"):
        return {}
    return {"sample_weight": np.concatenate([sample_weight] * n_parts)}
