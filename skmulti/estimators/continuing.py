"""What may change between two fits of one network: parameters of training, not those that made the network."""

import copy

import numpy as np
from sklearn.base import clone

from ..errors import quote_first, shorten
from .copies import KINDS, map_leaves, pack_object
from .parameters import ROUTED, Parts, branches_at_fit
from .stages import fine_tuned

# Parameters that every fit reads anew. Everything else has made the network, or what it has learned about the target.
EACH_FIT = {
    "batch_size",
    "callbacks",
    "checkpoint",
    "class_weight",
    "early_stopping",
    "epochs",
    "memory",
    "monitor",
    "n_iter_no_change",
    "n_jobs",
    "random_state",
    "shuffle",
    "steps_per_execution",
    "validation_fraction",
    "verbose",
    "warm_start",
}
# Parameters that a network is compiled with. It can be compiled again and keeps its weights.
COMPILED = {"optimizer", "metrics", "compile", "jit_compile"}
_NONE = object()


def refuse_for_networks(estimator):
    """Refuse parameters that go on with one network where a fit has several."""
    ways = {
        "warm_start": "goes on with the network of the last fit. Set warm_start=False",
        "checkpoint": "keeps the epochs of one network. Set checkpoint=None",
    }
    for name, way in ways.items():
        if estimator.n_networks > 1 and getattr(estimator, name):
            raise ValueError(
                f"n_networks={estimator.n_networks} with {name}={shorten(repr(getattr(estimator, name)))}: {name} "
                f"{way}, or n_networks=1."
            )
    for name, trainable in fine_tuned(Parts(estimator).branches).items():
        if estimator.n_networks > 1:
            raise ValueError(
                f"n_networks={estimator.n_networks} with branches[{name!r}], whose trainable={trainable!r} "
                "fine-tunes a network that all would share. Set trainable=False, or n_networks=1."
            )


def network_params(estimator):
    """Return the parameters that made a network, in a form that does not change with the estimator's."""
    others = EACH_FIT | COMPILED | set(ROUTED) - {"loss", "model"}
    params = estimator.get_params(deep=True)
    thawing = {
        f"branches__{name}__{parameter}"
        for name, branch in Parts(estimator).branches.items()
        for parameter in getattr(branch, "thaws", ())
    }
    kept = {
        name: value for name, value in params.items() if name.partition("__")[0] not in others and name not in thawing
    }
    return {name: map_leaves(_remember, value) for name, value in kept.items()}


def renewed_branches(estimator):
    """Return a fitted estimator's branches with the parameters that may have changed since: what is trained of each."""
    given = branches_at_fit(estimator.branches, estimator.router_.default_branches())
    return {
        name: _renewed(branch, given[name]) if name in given and getattr(branch, "thaws", ()) else branch
        for name, branch in estimator.branches_.items()
    }


def _renewed(branch, given):
    """Return a copy of a branch with the parameters of another one that decide what is trained."""
    return clone(branch).set_params(**{name: getattr(given, name) for name in branch.thaws})


def compile_params(estimator, scales):
    """Return what a network is compiled with: parameters, the weights that training changes, and their scales."""
    params = {
        name: map_leaves(_remember, value)
        for name, value in estimator.get_params(deep=False).items()
        if name.partition("__")[0] in COMPILED
    }
    by_variable = {id(variable): scale for variable, scale in scales}
    trained = [(variable.path, by_variable.get(id(variable), 1.0)) for variable in estimator.model_.trainable_variables]
    return {**params, "trainable": trained, "loss": estimator._target.weighs_outputs}


def changed_names(before, after):
    """Return the names of parameters whose values differ."""
    names = dict.fromkeys([*before, *after])
    return [name for name in names if not _same(before.get(name, _NONE), after.get(name, _NONE))]


def refuse_changes(estimator, before):
    """Raise a ValueError if parameters that made an estimator's network have changed since.

    Parameters
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        Fitted.
    before : dict of str to object
        Its `network_params` when the network was built.
    """
    after = network_params(estimator)
    # What an earlier version kept that every fit reads now.
    before = {name: value for name, value in before.items() if name.partition("__")[0] not in EACH_FIT}
    changed = changed_names(before, after)
    # Of a part and its parameter the latter says more, unless another part has taken its place.
    replaced = [name for name in changed if name in before and name in after and _is_part(before[name], after[name])]
    changed = [
        name
        for name in changed
        if not any(name.startswith(f"{part}__") for part in replaced)
        and (name in replaced or not any(other.startswith(f"{name}__") for other in changed))
    ]
    if changed:
        name = changed[0]
        was, now = (_show(params.get(name, _NONE)) for params in (before, after))
        raise ValueError(
            f"The fit goes on with a network that was built with other parameters: {quote_first(changed, 5)} changed "
            f"({name}: {was} before, {now} now). Set {'it' if len(changed) == 1 else 'them'} back, or begin anew: fit "
            f"with warm_start=False, or a clone."
        )


def _is_part(value, other):
    """Return whether both values of a parameter are parts, remembered as classes, or both names of parts."""
    return any(isinstance(value, kind) and isinstance(other, kind) for kind in (type, str))


def _remember(value):
    """Return a value as it can be compared later: of a part its class, as its parameters have names of their own."""
    if isinstance(value, type):
        return value
    if hasattr(value, "get_params"):
        return type(value)
    # Objects of Keras have no equality; layers, which may hold weights, are the same object or another one.
    if isinstance(value, KINDS):
        return pack_object(value)
    return copy.copy(value) if isinstance(value, np.ndarray) else value


def _same(value, other):
    """Return whether two values of a parameter are equal."""
    if value is other:
        return True
    try:
        return type(value) is type(other) and bool(np.all(value == other))
    # Arrays of different shapes, or objects that cannot be compared.
    except (TypeError, ValueError):
        return False


def _show(value):
    """Return a value's repr, cut to what a message can hold."""
    text = "not set" if value is _NONE else repr(value)
    return text if len(text) <= 80 else f"{text[:38]}...{text[-38:]}"
