"""Which branch each input gets: the user's, a shared one, or its encoder's default.

A user may give a callable or a Keras layer instead of a branch; `FunctionBranch` and `LayerBranch` make one of it.
"""

import copy
import re

import keras
from sklearn.base import clone

from .._params import check_call
from ..errors import BranchMismatchError, closest_match, describe_object, place, quote, shorten
from ..inputs import READS_IDS, Branch
from ..layers import copy_layer
from .lookups import looks_up, refuse_numbers_as_ids


class FunctionBranch(Branch):
    """A branch made of a callable that maps a tensor to a tensor."""

    def __init__(self, function):
        self.function = function

    def connect(self, tensor, spec, sample):
        where = place(spec.name, spec.columns)
        advice = "Write a function of one tensor that returns a tensor."
        check_call(self.function, f"{where}: the branch", ["tensor"], advice=advice)
        output = self.function(tensor)
        if not isinstance(output, keras.KerasTensor):
            raise BranchMismatchError(
                f"{where}: the branch {self.function!r} returned an object of type {type(output).__name__}; a "
                "callable branch takes a KerasTensor (batch, *shape) and gives a KerasTensor."
            )
        return output


class LayerBranch(Branch):
    """A branch made of a Keras layer or model, which is copied with its weights."""

    def __init__(self, layer):
        self.layer = layer

    def connect(self, tensor, spec, sample):
        where = place(spec.name, spec.columns)
        twin = copy_layer(self.layer, f"{where}: ")
        refuse_numbers_as_ids([twin] if looks_up(twin) else [], spec, sample, "the branch")
        try:
            return twin(tensor)
        except ValueError as error:
            # Keras refuses other shapes in this class alone, and names neither input nor array.
            raise BranchMismatchError(
                f"{where}: the branch, {type(self.layer).__name__} {self.layer.name!r}, cannot read the array "
                f"{spec.describe()}: {_in_short(error)}. Give a layer for rows of shape {spec.shape}, or an encoder "
                "whose parameters make another array."
            ) from error


def _in_short(error):
    """Return what is wrong of an error of Keras, without its frame of colours, call and arguments."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split("\n\nArguments received")[0]
    return shorten(text.split("call().\n\n")[-1].strip().rstrip("."), 200)


def as_branch(branch, called="A branch"):
    """Return a branch, callable or Keras layer as a `Branch`, a copy of the user's; messages call it `called`."""
    # A layer is callable, too, and has to be copied with its weights.
    if isinstance(branch, keras.layers.Layer):
        return LayerBranch(branch)
    # A class has the methods of its objects: without this check, `DenseBranch` would be taken for `DenseBranch()`.
    if not isinstance(branch, type):
        if hasattr(branch, "build") and hasattr(branch, "get_params"):
            return clone(branch)
        if callable(branch):
            return FunctionBranch(branch)
    raise BranchMismatchError(
        f"{called} must be a Branch object, a Keras layer, a callable or another input's name, "
        f"got {describe_object(branch)}"
    )


def kinds_read(branches):
    """Return the kinds of arrays that branches read, by input name, of those branches that say it.

    Parameters
    ----------
    branches : dict of str to (Branch, Keras layer, callable or str)
        From the user; a string names the input whose branch is shared.

    Returns
    -------
    dict of str to tuple of str
        A layer that looks up ids reads what `Embedding` reads: ids that stand in a row as the words of a text do.
    """
    owners = {name: branches.get(part, part) if isinstance(part, str) else part for name, part in branches.items()}
    kinds = {name: part.reads for name, part in owners.items() if isinstance(part, Branch)}
    ids = {name: READS_IDS for name, part in owners.items() if isinstance(part, keras.Layer) and looks_up(part)}
    return {name: reads for name, reads in {**kinds, **ids}.items() if reads}


def resolve_branches(specs, defaults, given):
    """Return the branch of each input: the user's, or its encoder's default.

    Parameters
    ----------
    specs : dict of str to ArraySpec
        The arrays, by input name.
    defaults : dict of str to (Branch or str)
        The default branch of each input, or the name of the input whose branch it shares.
    given : dict of str to (Branch, Keras layer, callable or str), or None
        The user's branches, for some or all inputs.

    Returns
    -------
    dict of str to (Branch or str)
        In the order of `specs`; a string names the input whose branch is shared.

    Raises
    ------
    ValueError
        If a name is not that of an input, or an alias leads to no branch.
    BranchMismatchError
        If inputs that share a branch have different arrays.
    """
    given = dict(given or {})
    for name in given:
        if name not in specs:
            raise ValueError(
                f"`branches` names {name!r}, which is no input; the inputs are {quote(specs)}."
                f"{closest_match(name, specs)}"
            )
    chosen = {**defaults, **given}
    return {name: _chosen(name, chosen, specs) for name in specs}


def with_features(branches, features):
    """Return branches that take the fixed features of another network instead of making their own.

    Parameters
    ----------
    branches : dict of str to (Branch or str)
        From `resolve_branches`.
    features : dict of str to keras.Model
        The features of some of them, by input name.
    """
    found = dict(branches)
    for name, model in features.items():
        if not isinstance(branches[name], str):
            found[name] = copy.copy(branches[name])
            # Of this object alone; `Branch.build` asks for it.
            found[name].features = lambda spec, sample, model=model: model
    return found


def _chosen(name, chosen, specs):
    """Return the branch of an input, or the name of the input whose branch it shares."""
    if isinstance(chosen[name], str):
        return _shared_name(name, chosen, specs)
    return as_branch(chosen[name], f"branches[{name!r}]")


def _shared_name(name, given, specs):
    """Follow aliases to the input whose branch `name` shares, and refuse two inputs with different arrays."""
    seen = [name]
    while isinstance(given.get(seen[-1]), str):
        alias = given[seen[-1]]
        if alias not in specs:
            raise ValueError(
                f"branches[{seen[-1]!r}] = {alias!r} is no input whose branch could be shared; the inputs are "
                f"{quote(specs)}.{closest_match(alias, specs)}"
            )
        if alias in seen:
            raise ValueError(f"`branches` share in a circle: {' -> '.join([*seen, alias])}. Give one of them a branch.")
        seen.append(alias)
    own, other = specs[name], specs[seen[-1]]
    if own.layout() != other.layout():
        raise BranchMismatchError(
            f"inputs {other.name!r} ({other.describe()}) and {name!r} ({own.describe()}) cannot share a branch: "
            f"{_why_not_shared(own, other)}, or give them a branch each."
        )
    return other.name


def _why_not_shared(own, other):
    """Say why two inputs cannot share a branch, and what the user can do."""
    if own.vocabulary != other.vocabulary and own.kind == other.kind:
        return (
            "their vocabularies differ, so that one id stands for different values. Share the encoder, too, which is "
            f"then fitted on the rows of both: InputRouter([..., ({own.name!r}, {other.name!r}, columns)])"
        )
    return "one set of weights needs arrays of one kind, shape, dtype and vocabulary. Give them equal encoders"
