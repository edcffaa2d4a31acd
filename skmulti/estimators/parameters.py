"""The parameters of an estimator's parts, to any depth: ``branches__photo__filters``, ``merge__units``."""

import functools
import inspect
from collections.abc import Mapping

import keras
from sklearn.base import clone

from .._params import nested_params, refuse_unknown, set_nested, split_nested
from ..errors import closest_match, quote_first, shorten
from ..network import DenseHead, as_merge
from ..router import InputRouter, input_names

# Prefixes of parameters that SciKeras passes on: ``optimizer__learning_rate``, ``loss__delta``, ``fit__...``.
ROUTED = ("optimizer", "loss", "metrics", "callbacks", "compile", "fit", "predict", "model")
PARTS = ("router", "branches", "merge", "head")

# Arguments that the estimators pass to ``keras.Model.fit`` themselves, and the parameter that decides each.
OWN_FIT_ARGUMENTS = {
    "x": "X",
    "y": "y",
    "epochs": "epochs",
    "initial_epoch": "warm_start",
    "batch_size": "batch_size",
    "shuffle": "shuffle",
    "verbose": "verbose",
    "sample_weight": "fit's sample_weight",
    "class_weight": "class_weight",
    "validation_data": "fit's X_val and y_val",
    "validation_split": "validation_fraction",
}


# Parameters of other libraries' estimators, and what has their place here.
PARAMETERS_ELSEWHERE = {
    "validation_split": "`validation_fraction`",
    "build_fn": "`model`, a function of input tensors and target, or leave it out",
    "run_eagerly": "`compile__run_eagerly`",
    "learning_rate": "`optimizer__learning_rate`",
    "learning_rate_init": "`optimizer__learning_rate`",
    "solver": "`optimizer`",
    "max_iter": "`epochs`",
    "n_epochs": "`epochs`",
    "max_epochs": "`epochs`",
    "patience": "`n_iter_no_change`",
    "hidden_layer_sizes": "`head__units`",
    "activation": "`head__activation`",
    "dropout": "`head__dropout`",
    "alpha": "`optimizer__weight_decay`",
}


class Parts:
    """The parts of an estimator as they are before fit: the user's parts, or their defaults.

    Defaults are made here each time and not stored: an estimator's parameters stay as the user
    gave them until `set_params` changes one.

    Parameters
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        The estimator whose parameters are read, and changed by `set_params`.
    """

    def __init__(self, estimator):
        self.estimator = estimator

    @property
    def router(self):
        """The router that `fit` will clone."""
        return InputRouter() if self.estimator.router is None else self.estimator.router

    @property
    def merge(self):
        """The merge object that a name stands for; anything else is returned as it was given."""
        merge = self.estimator.merge
        try:
            return as_merge(merge) if isinstance(merge, str) else merge
        except ValueError:
            # An unknown name is an error of `fit`: `get_params`, `clone` and `repr` work with any parameter.
            return merge

    @property
    def head(self):
        """The head; ``DenseHead()`` if rows and target decide about it in `fit`."""
        return DenseHead() if self.estimator.head is None else self.estimator.head

    @property
    def branches(self):
        """The branch of each input that is known before fit: the user's branch, or the encoder's default."""
        given = dict(self.estimator.branches) if isinstance(self.estimator.branches, Mapping) else {}
        if isinstance(self.estimator.router, InputRouter):
            return {**self.estimator.router.default_branches(), **given}
        return given

    def get_params(self):
        """Return the parameters of all parts, by their full names."""
        params = {}
        for name in ("router", "merge", "head"):
            params.update(nested_params(name, getattr(self, name)))
        for name, part in self.branches.items():
            params[f"branches__{name}"] = part
            params.update(nested_params(f"branches__{name}", part))
        return params

    def set_params(self, name, values):
        """Set parameters of a part, which is named by one of `PARTS`."""
        if name == "branches":
            self._set_branch_params(values)
            return
        part = getattr(self, name)
        if not hasattr(part, "set_params"):
            raise ValueError(f"{name}={part!r} has no parameters to set: {sorted(values)}.")
        set_nested(name, part, values)
        # Set, since a default part, or the merge that a name stands for, is not the estimator's yet.
        setattr(self.estimator, name, part)

    def _set_branch_params(self, values):
        """Set whole branches, then parameters of branches, in a new dict."""
        # A new one: the user's own dict may be the parameter of other estimators, too.
        whole, nested = split_nested(values)
        parts = self.branches
        branches = dict(self.estimator.branches) if isinstance(self.estimator.branches, Mapping) else {}
        router = self.estimator.router
        if isinstance(router, InputRouter) and router.inputs is not None:
            _refuse_no_input([*whole, *nested], input_names(router, remainder=True) or [])
        branches.update(whole)
        for name, params in nested.items():
            part = branches.get(name, parts.get(name))
            if part is None:
                # Without a router the inputs are known only at fit; until then `branches` keeps what is to be set.
                branches.update({f"{name}__{key}": value for key, value in params.items()})
            elif hasattr(part, "set_params"):
                set_nested(name, part, params)
                branches[name] = part
            else:
                first = next(iter(params))
                way = f" Input {name!r} shares the branch of {part!r}; set branches__{part}__{first}."
                raise ValueError(
                    f"branches[{name!r}] = {part!r} has no parameters to set: {sorted(params)}."
                    f"{way if isinstance(part, str) else ''}"
                )
        self.estimator.branches = branches


def _refuse_no_input(names, inputs):
    """Refuse parameters of a branch whose input the router does not have."""
    for name in names:
        if name not in inputs:
            raise ValueError(
                f"Invalid parameter 'branches__{name}': {shorten(repr(name))} is no input; the inputs are "
                f"{quote_first(inputs)}.{closest_match(name, inputs)}"
            )


def own_names(estimator):
    """Return the names of the parameters in the signature of an estimator's class."""
    return list(inspect.signature(type(estimator)).parameters)


def check_routed_names(estimator, routed):
    """Refuse keywords that are neither parameters nor routed, by a TypeError with the closest match."""
    for name in routed:
        if name in PARAMETERS_ELSEWHERE:
            raise TypeError(
                f"Invalid parameter {name!r} for estimator {type(estimator).__name__}. Use "
                f"{PARAMETERS_ELSEWHERE[name]}."
            )
        if "__" not in name or name.split("__")[0] not in (*ROUTED, *PARTS):
            known = [*own_names(estimator), *(f"{prefix}__..." for prefix in (*ROUTED, *PARTS))]
            refuse_unknown(estimator, [name], known, TypeError)


def check_routed(routed, optimizer):
    """Refuse routed parameters that would be ignored, or that the estimator decides itself.

    Parameters
    ----------
    routed : dict of str to object
        The routed parameters, by full name.
    optimizer : object
        As the user gave it, but "adam" for "auto"; its class tells which parameters it has.
    """
    for name in routed:
        prefix, _, rest = name.partition("__")
        if prefix == "fit" and rest in OWN_FIT_ARGUMENTS:
            raise ValueError(f"{name!r} is decided by {OWN_FIT_ARGUMENTS[rest]!r}; use that instead.")
        if name == "loss__from_logits" and routed[name]:
            raise ValueError("loss__from_logits=True, but the network gives probabilities. Leave it out.")
        if prefix == "predict" and rest != "batch_size":
            raise ValueError(f"{name!r} has no effect; of predict__... there is only 'predict__batch_size'.")
    kind = type(keras.optimizers.get(optimizer)) if isinstance(optimizer, str) else optimizer
    names = [name.partition("__")[2] for name in routed if name.startswith("optimizer__")]
    if inspect.isclass(kind):
        if not issubclass(kind, keras.optimizers.Optimizer):
            raise TypeError(
                f"`optimizer` must be a name, an optimizer of Keras or its class, got the class {kind.__name__}."
            )
        # A class may pass ``clipnorm`` and the like on to Keras' base class as ``**kwargs``.
        refuse_unknown(
            kind, [name for name in names if "__" not in name], {*_named(kind), *_named(keras.optimizers.Optimizer)}
        )


def _named(kind):
    """Return the names of the arguments that a class takes by name."""
    return [
        p.name for p in inspect.signature(kind).parameters.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]


def branches_at_fit(given, defaults):
    """Return the user's `branches`, after setting the parameters that had to wait for the fitted router.

    Parameters
    ----------
    given : dict or None
        The estimator's `branches`; keys such as "photo__filters" are parameters that waited.
    defaults : dict of str to (Branch or str)
        The default branches of the fitted router.
    """
    given = dict(given or {})
    waiting = {key: given.pop(key) for key in list(given) if "__" in key}
    for name, params in split_nested(waiting)[1].items():
        default = defaults.get(name)
        # With parameters of its own an input no longer shares another's branch.
        part = given.get(name, defaults[default] if isinstance(default, str) else default)
        given[name] = params if part is None else _with_params(name, part, params)
    return given


def _with_params(name, part, params):
    """Return a copy of a part with other parameters."""
    part = clone(part)
    set_nested(name, part, params)
    return part


# Arguments of `fit`, `predict` and `score` of other libraries, and what has their place here.
ELSEWHERE = {
    "validation_data": "X_val=..., y_val=...",
    "eval_set": "X_val=..., y_val=...",
    "validation_split": "the estimator's parameter `validation_fraction`",
    "early_stopping_rounds": "the estimator's parameters `early_stopping` and `n_iter_no_change`",
    "patience": "the estimator's parameter `n_iter_no_change`",
    "steps_per_epoch": "the estimator's parameter `fit__steps_per_epoch`",
    "validation_steps": "the estimator's parameter `fit__validation_steps`",
    "initial_epoch": "the estimator's parameter `warm_start`",
    "steps": "dataset.take(steps)",
    "x": "X",
    "classes": "partial_fit(X, y, classes)",
}


def explains_arguments(method):
    """Wrap a method so that an unknown argument is refused with what has its place here."""
    signature = inspect.signature(method)

    @functools.wraps(method)
    def call(estimator, *args, **kwargs):
        unknown = next((name for name in kwargs if name not in signature.parameters), None)
        if unknown is not None:
            raise TypeError(_describe_argument(estimator, method.__name__, unknown, signature))
        return method(estimator, *args, **kwargs)

    return call


def _describe_argument(estimator, method, name, signature):
    """Return the message for an argument that a method does not have."""
    if name == "batch_size" and "predict" in method:
        way = "Use the estimator's parameter `predict__batch_size`."
    elif name in own_names(estimator):
        way = f"It is a parameter of the estimator: {type(estimator).__name__}({name}=...), or set_params({name}=...)."
    elif name in ELSEWHERE:
        way = f"Use {ELSEWHERE[name]}."
    else:
        known = [known for known in signature.parameters if known != "self"]
        way = f"{method} takes {', '.join(known)}.{closest_match(name, known)}"
    return f"{type(estimator).__name__}.{method}() got an unexpected keyword argument {shorten(repr(name))}. {way}"
