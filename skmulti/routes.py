"""One input on its way from columns to a checked array."""

import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.utils.validation import has_fit_parameter

from .errors import InputMismatchError, MissingValuesWarning, place
from .frames import label_position
from .inputs import TransformerEncoder


@dataclass(frozen=True)
class Route:
    """One input on its way: which columns, which encoder, what it gives."""

    name: str
    encoder: object
    positions: tuple
    labels: tuple
    single: bool
    spec: object = None
    saw_missing: bool = True


def fit_group(group, columns, y, sample_weight):
    """Fit the encoder of inputs that share it, on the rows of all; give [(route, (array, missing))]."""
    first, encoder = group[0], group[0].encoder
    with located(first):
        if len(group) == 1:
            weight = {"sample_weight": sample_weight} if _takes_weight(encoder, sample_weight) else {}
            results = [encoder.fit_encode(columns[0], y, **weight)]
        else:
            columns = [_renamed(part, columns[0]) for part in columns]
            encoder.fit(pd.concat(columns), None if y is None else np.concatenate([y] * len(group)))
            results = [encoder.encode(part) for part in columns]
    routes = []
    for route, part, (_, missing) in zip(group, columns, results, strict=True):
        spec = replace(
            encoder.spec(route.name),
            columns=route.labels,
            has_missing=bool(missing.any()),
            missing_name=f"{route.name}__missing" if encoder.flags_missing and missing.any() else None,
        )
        routes.append(replace(route, encoder=encoder, spec=spec, saw_missing=bool(pd.isna(part).to_numpy().any())))
    return list(zip(routes, results, strict=True))


def _takes_weight(encoder, sample_weight):
    target = encoder.transformer if isinstance(encoder, TransformerEncoder) else encoder
    return sample_weight is not None and has_fit_parameter(target, "sample_weight")


def _renamed(columns, like):
    """Give columns the names under which a shared encoder was fitted."""
    return columns.rename(like.name) if isinstance(columns, pd.Series) else columns.set_axis(like.columns, axis=1)


def encode(route, columns):
    """Encode the columns of one route: (array, missing)."""
    with located(route):
        names = getattr(route.encoder, "feature_names_in_", None)
        if names is not None and list(names) != list(route.labels):
            columns = columns.rename(names[0]) if isinstance(columns, pd.Series) else columns.set_axis(names, axis=1)
        return route.encoder.encode(columns)


@contextmanager
def located(route):
    """Add to an error in an encoder which input it was."""
    try:
        yield
    except Exception as error:
        encoder = getattr(route.encoder, "transformer", route.encoder)
        where = f"{place(route.name, route.labels)}, encoder {type(encoder).__name__}"
        if isinstance(error, InputMismatchError):
            raise InputMismatchError(f"{place(route.name, route.labels)}: {error}") from error
        error.add_note(f"while encoding: {where}")
        raise


def checked_array(array, spec, n_rows, labels):
    """Give an encoder's array if it keeps its spec, or say where it does not."""
    array = np.asarray(array)
    if array.shape != (n_rows, *spec.shape):
        raise InputMismatchError(
            f"{place(spec.name, spec.columns)}: the encoder gave an array of shape {array.shape}, its spec promises "
            f"{(n_rows, *spec.shape)}."
        )
    array = array.astype(spec.dtype, copy=False)
    if array.dtype.kind == "f":
        wrong, what = np.isinf(array), "are infinity"
        advice = "Replace them, e.g. by NaN for 'not known'."
    elif spec.vocabulary_sizes:
        wrong = (array < 0) | (array >= np.asarray(spec.vocabulary_sizes))
        what, advice = (
            f"are ids outside of 0 to {spec.vocabulary_sizes} - 1",
            "Give unknown values id 1, missing ones 0.",
        )
    else:
        return array
    if wrong.any():
        rows = wrong.reshape(n_rows, -1).any(axis=1)
        raise InputMismatchError(
            f"{place(spec.name, spec.columns)}: {int(wrong.sum())} values {what}, first at row label "
            f"{labels[[int(rows.argmax())]].tolist()[0]!r}. {advice}"
        )
    return array


def by_label(table, labels, routes):
    """Give a table whose columns stand in the order of fit; only those that inputs read must be there."""
    if list(table.columns) == list(labels):
        return table
    pairs = [
        (position, label, route.name)
        for route in routes
        for position, label in zip(route.positions, route.labels, strict=True)
    ]
    columns = {position: table.iloc[:, label_position(table, label, name)] for position, label, name in pairs}
    empty = pd.Series(np.nan, index=table.index)
    return pd.concat([columns.get(i, empty).rename(label) for i, label in enumerate(labels)], axis=1)


def warn_of_missing(route, columns):
    """Warn of missing cells in an input that had none at fit."""
    empty = pd.isna(columns).to_numpy()
    rows = empty.any(axis=1) if empty.ndim == 2 else empty
    if rows.any():
        label = columns.index[[int(rows.argmax())]].tolist()[0]
        warnings.warn(
            f"{place(route.name, route.labels)}: {int(rows.sum())} of {len(rows)} rows have missing values, first at "
            f"row label {label!r}; there were none at fit, so that nothing was learned about them. They are filled "
            "(numbers with the training mean). Fit on rows with missing values, too.",
            MissingValuesWarning,
            stacklevel=5,
        )
