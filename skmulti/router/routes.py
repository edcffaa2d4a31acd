"""One input on its way from columns to a checked array."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import clone
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from ..errors import InputMismatchError, MissingValuesWarning, closest_match, label_at, place, quote, warn
from ..inputs import TransformerEncoder, cannot_learn_in_parts
from .frames import label_position, n_rows, take_columns
from .lazy import AT_ONCE, LazyArray, lazy_array


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
    fitted_names: tuple = ()


FLOATS = ("float32", "float64")


def is_word(encoder, word):
    """Return whether an encoder is the string `word`, without comparing encoders."""
    return isinstance(encoder, str) and encoder == word


def check_entries(entries, reserved):
    """Refuse entries whose name, encoder or shape cannot be used.

    Parameters
    ----------
    entries : list
        What should be tuples (name, encoder, columns).
    reserved : collection of str
        Names of the router's own parameters.
    """
    seen = []
    for entry in entries:
        if not isinstance(entry, tuple | list) or len(entry) != 3:
            raise ValueError(f"An input is a tuple (name, encoder, columns), got {entry!r}.")
        name, encoder = entry[:2]
        if not isinstance(name, str) or not name or "__" in name or "/" in name or name in reserved:
            raise ValueError(
                f"An input's name is a string without '__' and '/' that is no parameter of InputRouter, got {name!r}."
            )
        if name in seen:
            raise ValueError(f"Two inputs are named {name!r}. Give each input a name of its own.")
        _check_encoder(name, encoder, seen)
        seen.append(name)
    if not seen:
        raise ValueError("InputRouter needs at least one input; `inputs` is empty. None routes columns by content.")


def _check_encoder(name, encoder, earlier):
    if isinstance(encoder, str):
        if encoder not in {"drop", "passthrough", *earlier}:
            raise ValueError(
                f"Input {name!r}: the encoder {encoder!r} is neither 'drop', 'passthrough' nor an earlier input; "
                f"those are {quote(earlier)}.{closest_match(encoder, earlier)}"
            )
    elif isinstance(encoder, type):
        raise TypeError(
            f"Input {name!r}: expected an encoder instance ({encoder.__name__}()), got the class {encoder.__name__}."
        )
    elif not (hasattr(encoder, "fit") and hasattr(encoder, "transform")):
        raise TypeError(
            f"Input {name!r}: an encoder has `fit` and `transform`, got {encoder!r} of type {type(encoder).__name__}."
        )


def takes_series(encoder):
    """Return whether an encoder that was not told how gets its only column as a Series."""
    if getattr(encoder, "default_branch", None) is None:
        return not get_tags(encoder).input_tags.two_d_array
    return encoder.shared_input is None


def with_encoder(routes, dtype):
    """Return each route its own unfitted encoder; one that shares keeps the other input's name."""
    prepared = {}
    for route in routes:
        encoder = route.encoder
        if isinstance(encoder, str) and encoder != "passthrough":
            prepared[route.name] = _share_encoder(route, prepared)
        elif getattr(encoder, "default_branch", None) is None:
            prepared[route.name] = replace(route, encoder=TransformerEncoder(encoder, dtype=dtype))
        else:
            encoder = clone(encoder)
            if getattr(encoder, "dtype", None) in FLOATS:
                encoder.set_params(dtype=dtype)
            prepared[route.name] = replace(route, encoder=encoder)
    return list(prepared.values())


def _share_encoder(route, earlier):
    """Return a route that shares an encoder its columns in the form that the encoder is fitted on."""
    shared = earlier.get(route.encoder)
    count = len(shared.labels) if shared else 0
    if count != len(route.labels):
        raise InputMismatchError(
            f"Inputs {route.encoder!r} and {route.name!r} share an encoder but have {count} and {len(route.labels)} "
            "columns."
        )
    return replace(route, single=shared.single)


def root_name(route, routes):
    """Follow shared encoders to the input that owns the encoder."""
    encoders = {other.name: other.encoder for other in routes}
    name = route.name
    while isinstance(encoders[name], str):
        name = encoders[name]
    return name


def branches_of(routes, *, share):
    """Return the branch of each fitted route: its encoder's default, or, to `share`, the first input with it."""
    branches, owners = {}, {}
    for route in routes:
        owner = owners.setdefault(id(route.encoder), route.name)
        branches[route.name] = owner if share and owner != route.name else route.encoder.default_branch()
    return branches


def check_rows(table, y):
    """Refuse a table without rows, or with others than the target."""
    count = n_rows(table)
    if not count or (isinstance(table, pd.DataFrame) and not table.shape[1]):
        missing = "feature(s): X has no columns" if count else "sample(s): X has no rows"
        raise InputMismatchError(f"Found array with 0 {missing}, while a minimum of 1 is required.")
    if y is not None and len(y) != count:
        raise InputMismatchError(
            f"Found input variables with inconsistent numbers of samples: X has {count} rows, y has {len(y)}."
        )


def feature_names(route):
    """Name the features of an input: ``input__feature``, or the input's name if its encoder names none."""
    transformer = getattr(route.encoder, "transformer", route.encoder)
    if is_word(transformer, "passthrough"):
        names = route.labels
    elif hasattr(getattr(route.encoder, "transformer_", route.encoder), "get_feature_names_out"):
        names = route.encoder.get_feature_names_out()
    else:
        return [route.name]
    return [f"{route.name}__{name}" for name in names]


def columns_of(route, table, places=None):
    """Return the columns of one input, a Series or a frame, under their names at fit.

    Parameters
    ----------
    route : Route
        The input.
    table : DataFrame, or dict of str to (Series or DataFrame)
        The table.
    places : dict of int to int, or None
        Where the columns stand in the table, by position at fit; None: as at fit.
    """
    if not isinstance(table, pd.DataFrame):
        columns = table[route.name]
        return columns if route.single or isinstance(columns, pd.DataFrame) else columns.to_frame()
    positions = positions_of(route, places)
    if route.single:
        return table.iloc[:, positions[0]]
    columns = take_columns(table, positions)
    if len({isinstance(label, str) for label in route.labels}) > 1:
        # scikit-learn refuses columns of which some have strings for names and some have not.
        columns = columns.set_axis([str(label) for label in route.labels], axis=1)
    return columns


def positions_of(route, places):
    """Return where the columns of an input stand in a table; `places` as in `columns_of`."""
    return route.positions if places is None else [places[position] for position in route.positions]


def at_once(function, arguments, n_jobs):
    """Call a function with each of several tuples of arguments, in as many threads as `n_jobs` says."""
    # Starting joblib costs more than the encoding of a single row.
    if effective_n_jobs(n_jobs) == 1:
        return [function(*own) for own in arguments]
    return Parallel(n_jobs=n_jobs, prefer="threads")(delayed(function)(*own) for own in arguments)


def fit_group(group, columns, y, sample_weight):
    """Fit the encoder of inputs that share it, on the rows of all; give [(fitted route, None)]."""
    encoder, columns = _fit_encoder(group, columns, y, sample_weight)
    with locate_errors(group[0]):
        missing = [encoder.missing(part) for part in columns]
    routes = [replace(route, encoder=encoder) for route in group]
    return [(_with_spec(*parts), None) for parts in zip(routes, columns, missing, strict=True)]


def _fit_encoder(group, columns, y, sample_weight):
    """Fit the encoder of inputs that share it; give it, and each input's columns under the names of the first."""
    encoder = group[0].encoder
    with locate_errors(group[0]):
        columns = [_rename(part, _names(columns[0])) for part in columns]
        weight = _weight_argument(encoder, sample_weight, len(group))
        if len(group) == 1:
            encoder.fit(columns[0], y, **weight)
        else:
            encoder.fit(pd.concat(columns), None if y is None else np.concatenate([y] * len(group)), **weight)
    return encoder, columns


def fit_encode_group(group, columns, y, sample_weight, decoding=AT_ONCE):
    """Fit as `fit_group` and encode the same rows; give [(fitted route, (array, missing))]."""
    encoder = group[0].encoder
    if len(group) == 1 and getattr(encoder, "lazy", False) is False:
        with locate_errors(group[0]):
            results = [encoder.fit_encode_and_flag(columns[0], y, **_weight_argument(encoder, sample_weight))]
    else:
        encoder, columns = _fit_encoder(group, columns, y, sample_weight)
        ready = [replace(route, encoder=encoder, fitted_names=_names(columns[0])) for route in group]
        results = [encode(*parts, decoding) for parts in zip(ready, columns, strict=True)]
    routes = [
        _with_spec(replace(route, encoder=encoder), part, missing)
        for route, part, (_, missing) in zip(group, columns, results, strict=True)
    ]
    return list(zip(routes, results, strict=True))


def _with_spec(route, columns, missing):
    """Return a route that knows what its encoder has learned from columns."""
    return learned(route, columns, bool(missing.any()), has_gaps(columns))


def learned(route, columns, has_missing, saw_missing):
    """Return a route that knows what its fitted encoder makes of columns, and whether rows or cells are missing."""
    spec = replace(
        route.encoder.spec(route.name),
        columns=route.labels,
        has_missing=has_missing,
        missing_name=f"{route.name}__missing" if route.encoder.flags_missing and has_missing else None,
    )
    return replace(route, spec=spec, saw_missing=saw_missing, fitted_names=_names(columns))


def has_gaps(columns):
    """Return whether a cell is missing."""
    return bool(pd.isna(columns).to_numpy().any())


def learn_part(group, columns, y, sample_weight):
    """Let the encoder of inputs that share it learn from the next rows of a table that is read in parts."""
    encoder = group[0].encoder
    with locate_errors(group[0]):
        if not hasattr(encoder, "partial_fit"):
            raise InputMismatchError(cannot_learn_in_parts(encoder))
        for part in columns:
            encoder.partial_fit(_rename(part, _names(columns[0])), y, **_weight_argument(encoder, sample_weight))


def _weight_argument(encoder, sample_weight, n_parts=1):
    """Return the argument for weights, repeated for each of several parts, if there are some and `fit` takes them."""
    target = encoder.transformer if isinstance(encoder, TransformerEncoder) else encoder
    if sample_weight is None or not has_fit_parameter(target, "sample_weight"):
        return {}
    return {"sample_weight": np.concatenate([sample_weight] * n_parts)}


def _names(columns):
    return (columns.name,) if isinstance(columns, pd.Series) else tuple(columns.columns)


def _rename(columns, names):
    """Return columns the names under which the encoder was fitted."""
    if _names(columns) == tuple(names):
        return columns
    if len(_names(columns)) != len(names):
        raise InputMismatchError(f"got {len(_names(columns))} columns, the encoder is fitted on {len(names)}.")
    if isinstance(columns, pd.Series):
        return columns.rename(names[0])
    return columns.set_axis(pd.Index(names, tupleize_cols=False), axis=1)


def encode(route, columns, decoding=AT_ONCE):
    """Encode the columns of one route: (array, missing), the latter None where nobody asks; the array may be lazy."""
    with locate_errors(route):
        columns = _rename(columns, route.fitted_names)
        spec = route.spec or replace(route.encoder.spec(route.name), columns=route.labels)
        if not decoding.applies(route.encoder, len(columns), spec):
            flags = route.spec is None or spec.missing_name
            return route.encoder.encode_and_flag(columns) if flags else (route.encoder.transform(columns), None)
    array = lazy_array(partial(_encode_piece, route, spec), columns, route.encoder, spec, decoding.folder)
    if decoding.as_sample:
        return array, np.zeros(len(array), dtype=bool)
    return (array, array.read_through()) if decoding.lazily else array.encoded()


def missing_in(route, columns):
    """Return which rows of a fitted route hold nothing."""
    with locate_errors(route):
        return route.encoder.missing(_rename(columns, route.fitted_names))


def _encode_piece(route, spec, columns):
    """Encode and check some rows of a lazy input: (array, missing)."""
    with locate_errors(route):
        array, missing = route.encoder.encode_and_flag(columns)
    return check_encoded(array, spec, columns.index), missing


@contextmanager
def locate_errors(route):
    """Add to an error in an encoder which input it was."""
    try:
        yield
    except Exception as error:
        encoder = getattr(route.encoder, "transformer", route.encoder)
        where = f"{place(route.name, route.labels)}, encoder {type(encoder).__name__}"
        if isinstance(error, InputMismatchError):
            # The place names the only column already; of several, the message says which.
            said = f"column {route.labels[0]!r}: " if len(route.labels) == 1 else ""
            raise type(error)(f"{place(route.name, route.labels)}: {str(error).removeprefix(said)}") from error
        if route.single and any(hint in str(error) for hint in ("Expected 2D array", "Expected a 2-dimensional")):
            raise InputMismatchError(
                f"{where}: 1D data passed to a transformer that expects 2D data. Name the column in a list: "
                f"{list(route.labels)}."
            ) from error
        error.add_note(f"while encoding: {where}")
        raise


def check_encoded(array, spec, labels):
    """Return an encoder's array if it keeps its spec, or say where it does not."""
    if isinstance(array, LazyArray):
        return array  # its pieces are checked as they are made
    array = np.asarray(array)
    # A cast between kinds would cut ids like 1.9 and wrap pixels like 300.
    if array.shape != (len(labels), *spec.shape) or not np.can_cast(array.dtype, spec.dtype, "same_kind"):
        raise InputMismatchError(
            f"{place(spec.name, spec.columns)}: the encoder gave an array of shape {array.shape} and dtype "
            f"{array.dtype}, its spec promises {(len(labels), *spec.shape)} and {spec.dtype}."
        )
    array = array.astype(spec.dtype, copy=False)
    if array.dtype.kind == "f":
        wrong, what = _infinities(array), "are infinity"
        advice = "Replace them, e.g. by NaN for 'not known'."
    elif spec.vocabulary_sizes:
        wrong = _outsiders(array, spec.vocabulary_sizes)
        what, advice = (
            f"are ids outside of 0 to {spec.vocabulary_sizes} - 1",
            "Give unknown values id 1, missing ones 0.",
        )
    else:
        return array
    if wrong is not None:
        rows = wrong.reshape(len(labels), -1).any(axis=1)
        raise InputMismatchError(
            f"{place(spec.name, spec.columns)}: {int(wrong.sum())} values {what}, first at row label "
            f"{label_at(labels, rows.argmax())!r}. {advice}"
        )
    return array


def _infinities(array):
    """Mark infinite values; None where there are none."""
    # A look at the extremes, which NaN does not hide, costs no array of its own.
    if not array.size or np.isfinite([np.fmin.reduce(array, axis=None), np.fmax.reduce(array, axis=None)]).all():
        return None
    wrong = np.isinf(array)
    return wrong if wrong.any() else None


def _outsiders(ids, sizes):
    """Mark ids out of range; None where there are none."""
    if not ids.size or (ids.min() >= 0 and ids.max() < min(sizes)):
        return None
    wrong = (ids < 0) | (ids >= np.asarray(sizes))
    return wrong if wrong.any() else None


def check_widths(table, routes, *, by_order):
    """Refuse arrays by input of which one is absent, or wider or narrower than at fit."""
    if isinstance(table, pd.DataFrame):
        # An input of one value a row was a Series of the input's name.
        widths = ["" if route.fitted_names == (route.name,) else f" ({len(route.fitted_names)},)" for route in routes]
        wanted = [f"{route.name!r}{width}" for route, width in zip(routes, widths, strict=True)]
        raise InputMismatchError(
            f"X is one array of width {table.shape[1]}, but the router was fitted on an array for each input, expected "
            f"{', '.join(wanted)}; give a dict of arrays by input name."
        )
    names = [route.name for route in routes]
    for route in routes:
        if route.name not in table:
            raise InputMismatchError(
                f"Input {route.name!r} has no array: the router was fitted on a dict with "
                f"{quote(names)}.{closest_match(route.name, table)}"
            )
        found, fitted = len(_names(table[route.name])), len(route.fitted_names)
        if found != fitted:
            order = f"; give them in the order {', '.join(map(repr, names))}, or as a dict" if by_order else ""
            raise InputMismatchError(
                f"Input {route.name!r}: got {found} column{'s' * (found != 1)}, the fit had {fitted}{order}."
            )


def places_by_label(table, routes):
    """Find the columns that inputs read, by label: {position at fit: position in the table}."""
    standing = {}
    for i, label in enumerate(table.columns):
        standing.setdefault(label, []).append(i)
    found = {}
    for route in routes:
        for position, label in zip(route.positions, route.labels, strict=True):
            places = standing.get(label, [])
            found[position] = places[0] if len(places) == 1 else label_position(table, label, route.name)
    return found


def warn_of_missing(route, columns):
    """Warn of missing cells in an input that had none at fit."""
    empty = pd.isna(columns).to_numpy()
    if not empty.any():
        return
    rows = empty.any(axis=1) if empty.ndim == 2 else empty
    label = label_at(columns.index, rows.argmax())
    warn(
        f"{place(route.name, route.labels)}: {int(rows.sum())} of {len(rows)} rows have missing values, first at "
        f"row label {label!r}; there were none at fit, so that nothing was learned about them. They are filled "
        "(numbers with the training mean, ids as missing). Fit on rows with missing values, too.",
        MissingValuesWarning,
    )
