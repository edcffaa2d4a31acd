"""What a user names: entries (name, encoder, columns) of a router, to routes that have encoders of their own."""

from dataclasses import replace

import pandas as pd
from sklearn.base import clone
from sklearn.utils import get_tags

from .._params import parts_by_name
from ..errors import InputMismatchError, closest_match, quote
from ..inputs import TransformerEncoder
from .frames import resolve_columns
from .routes import Route, is_word

FLOATS = ("float32", "float64")


def input_names(router, *, remainder=False):
    """Return the names of the inputs that a user gave a router, or None where columns are routed by what they hold.

    Parameters
    ----------
    router : InputRouter, another object, or None
        Of anything that has no list of inputs the names are not known: None.
    remainder : bool
        Whether to add the input that the remaining columns make.
    """
    names = list(parts_by_name(getattr(router, "inputs", None)))
    if not names:
        return None
    return [*names, "remainder"] if remainder and not is_word(router.remainder, "drop") else names


def default_branches(encoders, *, share=False):
    """Return the branch of each input that a user leaves open: its encoder's default.

    Parameters
    ----------
    encoders : dict of str to (encoder or str)
        By input name; a string is "drop", "passthrough", or an earlier input whose encoder is shared.
    share : bool
        Whether inputs with one encoder share a branch, too: all but the first get that one's name.

    Returns
    -------
    dict of str to (Branch or str)
        New, unbuilt branches.
    """
    branches, owners, known = {}, {}, {}
    for name, encoder in encoders.items():
        encoder = known[name] = known.get(encoder, encoder) if isinstance(encoder, str) else encoder
        if is_word(encoder, "drop"):
            continue
        owner = owners.setdefault(id(encoder), name)
        kind = getattr(encoder, "default_branch", None) or TransformerEncoder.default_branch
        branches[name] = owner if share and owner != name else kind()
    return branches


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


def routes_of(entries, table, *, remainder="drop", inferred=False):
    """Resolve entries on a table.

    Parameters
    ----------
    entries : list of tuple (name, encoder, columns)
        From the user, or from `infer_inputs`.
    table : DataFrame, or dict of str to (Series or DataFrame)
        Training rows.
    remainder : "drop", "passthrough" or encoder
        What becomes of columns that no entry names.
    inferred : bool
        Whether nobody asked for a Series or a frame, so that the encoder's needs decide.

    Returns
    -------
    list of Route
        With encoders as given, "drop" among them.
    """
    routes = []
    for name, encoder, columns in entries:
        if not isinstance(table, pd.DataFrame):
            if name not in table:
                raise InputMismatchError(
                    f"Input {name!r} has no array: X is a dict with {quote(table)}.{closest_match(name, table)}"
                )
            routes.append(Route(name, encoder, (), (name,), takes_series(encoder)))
            continue
        positions, single = resolve_columns(table, columns, name)
        single = takes_series(encoder) if inferred else single
        # As in ColumnTransformer, an empty selection makes no input.
        if positions:
            routes.append(Route(name, encoder, tuple(positions), tuple(table.columns[positions]), single))
    if isinstance(table, pd.DataFrame) and not inferred and not is_word(remainder, "drop"):
        used = {position for route in routes for position in route.positions}
        rest = [position for position in range(table.shape[1]) if position not in used]
        if rest:
            routes.append(Route("remainder", remainder, tuple(rest), tuple(table.columns[rest]), False))
    if all(is_word(route.encoder, "drop") for route in routes):
        raise InputMismatchError("No input has a column: every selection is empty or dropped.")
    return routes


def takes_series(encoder):
    """Return whether an encoder that was not told how gets its only column as a Series."""
    if isinstance(encoder, str):
        return True
    if getattr(encoder, "default_branch", None) is None:
        return not get_tags(encoder).input_tags.two_d_array
    return encoder.shared_input is None


def with_encoders(routes, dtype):
    """Return the routes with unfitted encoders of their own; one that shares keeps the other input's name."""
    prepared = {}
    for route in routes:
        encoder = route.encoder
        if isinstance(encoder, str) and encoder != "passthrough":
            prepared[route.name] = _as_shared(route, prepared)
        elif getattr(encoder, "default_branch", None) is None:
            prepared[route.name] = replace(route, encoder=TransformerEncoder(encoder, dtype=dtype))
        else:
            encoder = clone(encoder)
            if getattr(encoder, "dtype", None) in FLOATS:
                encoder.set_params(dtype=dtype)
            prepared[route.name] = replace(route, encoder=encoder)
    return list(prepared.values())


def _as_shared(route, earlier):
    """Return a route whose encoder gets its columns in the form in which it is fitted on the other input's."""
    shared = earlier.get(route.encoder)
    count = len(shared.labels) if shared else 0
    if count != len(route.labels):
        raise InputMismatchError(
            f"Inputs {route.encoder!r} and {route.name!r} share an encoder but have {count} and {len(route.labels)} "
            "columns."
        )
    return replace(route, single=shared.single)


def groups_of(routes):
    """Return the routes in lists of those that share an encoder, its owner first."""
    encoders = {route.name: route.encoder for route in routes}
    groups = {}
    for route in routes:
        owner = route.name
        while isinstance(encoders[owner], str):
            owner = encoders[owner]
        groups.setdefault(owner, []).append(route)
    return list(groups.values())
