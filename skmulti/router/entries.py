"""The entries (name, encoder, columns) that a user passes to a router, and how they become routes.

Entries are checked first, then their columns are found in the training table, and then they get encoders of their own:
clones of the user's encoders, which `fit` must not change.
"""

from dataclasses import replace

import pandas as pd
from sklearn.base import clone
from sklearn.utils import get_tags

from .._params import parts_by_name
from ..errors import InputMismatchError, closest_match, quote, quote_first
from ..inputs import TransformerEncoder
from .frames import resolve_columns
from .routes import Route, is_word

FLOATS = ("float32", "float64")


def input_names(router, *, remainder=False):
    """Return the names of the inputs that a user gave a router, or None if the router chooses the inputs.

    Parameters
    ----------
    router : InputRouter, another object, or None
        An object without a list of inputs has no known names, so None is returned.
    remainder : bool
        Whether to add the input that the remaining columns make.
    """
    names = list(parts_by_name(getattr(router, "inputs", None)))
    if not names:
        return None
    return [*names, "remainder"] if remainder and not is_word(router.remainder, "drop") else names


def default_branches(encoders, *, share=False):
    """Return the branch that each input gets if the user names none: its encoder's default.

    Parameters
    ----------
    encoders : dict of str to (encoder or str)
        Encoders by input name. A string is "drop", "passthrough", or an earlier input whose encoder is shared.
    share : bool
        Whether inputs that share an encoder share a branch, too. If so, all but the first get the first one's name.

    Returns
    -------
    dict of str to (Branch or str)
        New, unbuilt branches, or names of inputs whose branch is shared.
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
    """Refuse entries that are no tuples of three, and names or encoders that cannot be used.

    Parameters
    ----------
    entries : list
        Entries, which should be tuples (name, encoder, columns).
    reserved : collection of str
        Names of the router's own parameters.

    Raises
    ------
    ValueError
        If an entry is no such tuple, a name cannot be used or occurs twice, or there are no entries.
    TypeError
        If an encoder is a class, or has no ``fit`` and ``transform``.
    """
    seen = []
    for entry in entries:
        if not isinstance(entry, tuple | list) or len(entry) != 3:
            raise ValueError(f"An input is a tuple (name, encoder, columns), got {entry!r}.")
        name, encoder = entry[:2]
        # "__" and the parameters' names would make `set_params` ambiguous; Keras takes no "/" in names of layers.
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
    """Refuse an encoder that is no instance with `fit` and `transform`, and no word that stands for one."""
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
    """Return the routes of entries: find the columns of each entry in a table.

    Parameters
    ----------
    entries : list of tuple (name, encoder, columns)
        From the user, or from `infer_inputs`.
    table : DataFrame, or dict of str to (Series or DataFrame)
        Training rows.
    remainder : "drop", "passthrough" or encoder
        What becomes of columns that no entry names.
    inferred : bool
        Whether the entries come from `infer_inputs`. Their columns are lists throughout, so
        the encoder decides whether it gets a Series or a frame.

    Returns
    -------
    list of Route
        Routes with the encoders of the entries, also those with "drop".

    Raises
    ------
    InputMismatchError
        If columns or arrays are missing, or no input has a column.
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
        # As in ColumnTransformer, an empty selection makes no input: a callable may find no column of a dtype.
        if positions:
            routes.append(Route(name, encoder, tuple(positions), tuple(table.columns[positions]), single))
    # A column that an entry drops is used, too, and must not come back as part of the remainder.
    if isinstance(table, pd.DataFrame) and not inferred and not is_word(remainder, "drop"):
        used = {position for route in routes for position in route.positions}
        rest = [position for position in range(table.shape[1]) if position not in used]
        if rest:
            routes.append(Route("remainder", remainder, tuple(rest), tuple(table.columns[rest]), False))
    if all(is_word(route.encoder, "drop") for route in routes):
        raise InputMismatchError(
            "No input has a column: every selection is empty or dropped. Give at least one input a column of X: "
            f"{quote_first(table.columns if isinstance(table, pd.DataFrame) else table, 5)}."
        )
    return routes


def takes_series(encoder):
    """Return whether an encoder gets its only column as a Series, if the user did not say so."""
    # Of scikit-learn's transformers, those of texts take one column of strings, and their tags say so. Encoders of ours
    # take a frame if the default router gives them several columns.
    if isinstance(encoder, str):
        return True
    if getattr(encoder, "default_branch", None) is None:
        return not get_tags(encoder).input_tags.two_d_array
    return encoder.shared_input is None


def with_encoders(routes, dtype):
    """Return the routes with unfitted encoders of their own; an encoder that is an input's name stays a name."""
    prepared = {}
    for route in routes:
        encoder = route.encoder
        if isinstance(encoder, str) and encoder != "passthrough":
            prepared[route.name] = _match_owner(route, prepared)
        elif getattr(encoder, "default_branch", None) is None:
            prepared[route.name] = replace(route, encoder=TransformerEncoder(encoder, dtype=dtype))
        else:
            encoder = clone(encoder)
            # Only a precision of floats is the router's to decide: another `dtype` has a meaning of its own.
            if getattr(encoder, "dtype", None) in FLOATS:
                encoder.set_params(dtype=dtype)
            prepared[route.name] = replace(route, encoder=encoder)
    return list(prepared.values())


def _match_owner(route, earlier):
    """Return a route that passes its columns as the input with its encoder does: as a Series or a frame."""
    shared = earlier.get(route.encoder)
    count = len(shared.labels) if shared else 0
    if count != len(route.labels):
        raise InputMismatchError(
            f"Inputs {route.encoder!r} and {route.name!r} share an encoder but have {count} and {len(route.labels)} "
            "columns."
        )
    return replace(route, single=shared.single)


def groups_of(routes):
    """Return the routes in lists, one for each encoder; the input that owns the encoder comes first."""
    encoders = {route.name: route.encoder for route in routes}
    groups = {}
    for route in routes:
        owner = route.name
        # An encoder may be the name of an input whose encoder is a name in turn.
        while isinstance(encoders[owner], str):
            owner = encoders[owner]
        groups.setdefault(owner, []).append(route)
    return list(groups.values())
