"""The only file that knows SciKeras: what the estimators inherit, and each override with its reason.

SciKeras 0.13 still routes parameters (``optimizer__learning_rate``), makes
optimizers, losses, metrics and callbacks from names and classes, and is the base class
that other tools look for. The rest assumes one numeric array and an older
scikit-learn, and is overridden here and in `estimators`.
"""

import copy
import inspect
from collections.abc import Mapping
from contextlib import contextmanager

import keras
from keras.src.backend.common import global_state
from scikeras.wrappers import BaseWrapper
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils import ClassifierTags, RegressorTags

from .._params import nested_params, refuse_unknown, split_nested
from ..layers import has_members
from ..network import DenseHead, Forward, Network, TrainingNetwork, all_layers, as_merge, check_saveable, loss_name
from ..router import InputRouter
from ..training import auto_optimizer, auto_steps_per_execution, isolate, sets_rate

# What the estimators give to ``keras.Model.fit`` themselves, and the parameter that decides it.
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
NAME_COUNTS = "object_name_uids"
ROUTED = ("optimizer", "loss", "metrics", "callbacks", "compile", "fit", "predict", "model")


# Keras counts the names of layers, metrics and optimizers over the whole process ("dense_57"), with no public way to
# count otherwise but clear_session, which would count the user's own anew, too. TensorFlow keeps what it made for each
# name of a variable, so that a search of a thousand fits would leave gigabytes. Can go when Keras' names repeat.
@contextmanager
def repeat_names():
    """Name layers in a block as if it were the only one: Keras' counts are afterwards what they were before."""
    counts = global_state.get_global_attribute(NAME_COUNTS, {})
    before = dict(counts)
    try:
        yield
    finally:
        counts = global_state.get_global_attribute(NAME_COUNTS, {})
        counts.clear()
        counts.update(before)


# For metrics and optimizers, which no layer of the user's can collide with: "auc" in every fit, never "auc_1".
@contextmanager
def restart_names():
    """Count names in a block from the start, and go on after it as if it had not been."""
    with repeat_names():
        global_state.get_global_attribute(NAME_COUNTS, {}).clear()
        yield


class ScikerasParameters(BaseWrapper):
    """SciKeras' wrapper with parameters to any depth, none of them accepted unchecked."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # `**routed` is how SciKeras' parameters come in, no parameter that a grid or a check should try.
        signature = inspect.signature(cls.__init__)
        shown = [p for p in signature.parameters.values() if p.name != "self" and p.kind is not p.VAR_KEYWORD]
        cls.__signature__ = signature.replace(parameters=shown)

    def _store_routed(self, routed):
        """Keep ``optimizer__...`` and the like, but refuse other names."""
        self._routed = {}
        known = list(inspect.signature(type(self)).parameters)
        for name, value in routed.items():
            if "__" not in name or name.split("__")[0] not in ROUTED:
                refuse_unknown(self, [name], [*known, *(f"{prefix}__..." for prefix in ROUTED)], TypeError)
            self._routed[name] = value

    # Upstream takes every attribute without a trailing underscore for a parameter; a fit could add one.
    def _get_param_names(self):
        return sorted([*inspect.signature(type(self)).parameters, *self._routed])

    # Upstream does not look inside dicts, names of merges, or defaults.
    def get_params(self, deep=True):
        """Get the parameters, with ``deep=True`` those of router, branches, merge and head, too.

        Parameters
        ----------
        deep : bool
            Whether to add the parameters of the parts.

        Returns
        -------
        dict of str to object
            Values by name.
        """
        params = {name: getattr(self, name, None) for name in inspect.signature(type(self)).parameters}
        params.update(self._routed)
        if not deep:
            return params
        for name, part in {"router": self.router, "merge": self._merge_part(), "head": self._head_part()}.items():
            params.update(nested_params(name, part))
        for name, part in self._branch_parts().items():
            params[f"branches__{name}"] = part
            params.update(nested_params(f"branches__{name}", part))
        return params

    # Upstream accepts any routed name unchecked and fails on dicts.
    def set_params(self, **params):
        """Set parameters, whole parts before the parameters of parts.

        Parameters
        ----------
        **params : dict
            ``parameter=value`` or ``part__parameter=value``, e.g.
            ``branches__photo__filters``, ``merge__units``, ``optimizer__learning_rate``.

        Returns
        -------
        object
            The estimator itself.

        Raises
        ------
        ValueError
            If there is no such parameter or part.
        """
        known = list(inspect.signature(type(self)).parameters)
        whole, nested = split_nested(params)
        refuse_unknown(self, whole, known)
        refuse_unknown(self, nested, ["router", "branches", "merge", "head", *ROUTED])
        for name, value in whole.items():
            setattr(self, name, value)
        for name, values in nested.items():
            if name in ROUTED:
                self._routed = {**self._routed, **{f"{name}__{key}": value for key, value in values.items()}}
            elif name == "branches":
                self._set_branch_params(values)
            else:
                part = {"router": self._router_part, "merge": self._merge_part, "head": self._head_part}[name]()
                if not hasattr(part, "set_params"):
                    raise ValueError(f"{name}={part!r} has no parameters to set: {sorted(values)}.")
                setattr(self, name, part.set_params(**values))
        return self

    def _set_branch_params(self, values):
        """Set whole branches, then parameters of branches, in a new dict."""
        whole, nested = split_nested(values)
        parts = self._branch_parts()
        branches = dict(self.branches) if isinstance(self.branches, Mapping) else {}
        if isinstance(self.router, InputRouter) and self.router.inputs is not None:
            refuse_unknown(self, [*whole, *nested], self._input_names())
        branches.update(whole)
        for name, params in nested.items():
            part = branches.get(name, parts.get(name))
            if part is None:
                # Without a router the input is known at fit only: `branches` keeps the order until then.
                branches.update({f"{name}__{key}": value for key, value in params.items()})
            elif hasattr(part, "set_params"):
                branches[name] = part.set_params(**params)
            else:
                raise ValueError(f"branches[{name!r}] = {part!r} has no parameters to set: {sorted(params)}.")
        self.branches = branches

    def _input_names(self):
        entries = self.router.inputs or []
        names = [entry[0] for entry in entries if isinstance(entry, list | tuple) and len(entry) == 3]
        rest = [] if isinstance(self.router.remainder, str) and self.router.remainder == "drop" else ["remainder"]
        return [*names, *rest]

    def _branch_parts(self):
        """Return the branch of each input that is known before fit: the given one, or its encoder's default."""
        given = dict(self.branches) if isinstance(self.branches, Mapping) else {}
        if isinstance(self.router, InputRouter):
            return {**self.router.default_branches(), **given}
        return given

    def _router_part(self):
        return InputRouter() if self.router is None else self.router

    def _merge_part(self):
        try:
            return as_merge(self.merge) if isinstance(self.merge, str) else self.merge
        except ValueError:
            return self.merge  # an unknown name is an error of `fit`, not of `get_params`

    def _head_part(self):
        return DenseHead() if self.head is None else self.head

    def _check_routed(self):
        """Refuse routed names that would be ignored, or clash with what the estimator decides."""
        for name in self._routed:
            prefix, _, rest = name.partition("__")
            if prefix == "fit" and rest in OWN_FIT_ARGUMENTS:
                raise ValueError(f"{name!r} is decided by {OWN_FIT_ARGUMENTS[rest]!r}; use that instead.")
            if name == "loss__from_logits" and self._routed[name]:
                raise ValueError("loss__from_logits=True, but the network gives probabilities. Leave it out.")
            if prefix == "predict" and rest != "batch_size":
                raise ValueError(f"{name!r} has no effect; of predict__... there is only 'predict__batch_size'.")
        optimizer = "adam" if self._optimizer_is_auto() else self.optimizer
        with repeat_names():
            kind = type(keras.optimizers.get(optimizer)) if isinstance(optimizer, str) else optimizer
        names = [name.partition("__")[2] for name in self._routed if name.startswith("optimizer__")]
        if inspect.isclass(kind):
            known = [p.name for p in inspect.signature(kind).parameters.values() if p.kind is not p.VAR_KEYWORD]
            inherited = inspect.signature(keras.optimizers.Optimizer).parameters
            refuse_unknown(kind, [name for name in names if "__" not in name], [*known, *inherited])


class ScikerasAdapter(ScikerasParameters):
    """SciKeras' wrapper, brought to multi-input networks and today's scikit-learn."""

    # Upstream's prints every parameter; scikit-learn's only those that were changed.
    def __repr__(self, N_CHAR_MAX=700):
        return BaseEstimator.__repr__(self, N_CHAR_MAX)

    # Upstream has tags only in a form that scikit-learn no longer reads: SciKeras' classifier is none to it.
    def __sklearn_tags__(self):
        tags = BaseEstimator.__sklearn_tags__(self)
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        if self._estimator_type == "classifier":
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        else:
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
            tags.target_tags.multi_output = True
        return tags

    def _compile_networks(self, count, batch_size):
        """Compile the network, and the part of it that training changes, with one optimizer."""
        steps = self.steps_per_execution
        if steps == "auto":
            n_steps = self._routed.get("fit__steps_per_epoch") or -(-count // batch_size)
            steps = auto_steps_per_execution(n_steps, self.callbacks_)
        self._trained = TrainingNetwork(self.model_, getattr(self, "branches_", {}), Forward)
        for model in dict.fromkeys([self.model_, self._trained.model]):
            with restart_names():
                self._compile(model, self._target, batch_size=batch_size, steps_per_execution=steps)
        self._trained.model.optimizer = self.model_.optimizer
        self._restore_optimizer()

    def _compile(self, model, target, *, batch_size, steps_per_execution):
        """Compile the network with what SciKeras makes of the routed parameters, or with defaults."""
        kwargs = self._get_compile_kwargs()
        if self._optimizer_is_auto():
            given = split_nested(self._routed)[1].get("optimizer", {})
            kwargs["optimizer"] = auto_optimizer(target, batch_size, members=has_members(model), **given)
        if isinstance(self.optimizer, keras.optimizers.Optimizer):
            kwargs["optimizer"] = type(self.optimizer).from_config(self.optimizer.get_config())
        if kwargs["loss"] is None:
            kwargs["loss"] = self.head_.default_loss(target)
        if kwargs["metrics"] is None:
            kwargs["metrics"] = self.head_.default_metrics(target)
        # Metrics hold state: the user's own stay as they are.
        kwargs["metrics"] = copy.deepcopy(kwargs["metrics"])
        kwargs["loss"] = self._fitting_loss(kwargs["loss"], target)
        compile_params = {"jit_compile": self.jit_compile, "steps_per_execution": steps_per_execution}
        model.compile(**{**compile_params, **kwargs})

    # Upstream looks a loss up by name as a function, which cannot take parameters such as loss__delta.
    def _get_compile_kwargs(self):
        loss, optimizer = self.loss, self.optimizer
        try:
            if isinstance(loss, str) and any(key.startswith("loss__") for key in self._routed):
                name = loss_name(loss)
                classes = [kind for kind in vars(keras.losses).values() if inspect.isclass(kind)]
                self.loss = next((kind for kind in classes if loss_name(kind) == name), loss)
            if self._optimizer_is_auto():
                self.optimizer = keras.optimizers.Adam
            return super()._get_compile_kwargs()
        finally:
            self.loss, self.optimizer = loss, optimizer

    def _optimizer_is_auto(self):
        return isinstance(self.optimizer, str) and self.optimizer == "auto"

    def _rate_is_auto(self):
        """Return whether the user left open how the learning rate changes."""
        given = "optimizer__learning_rate" in self._routed or any(map(sets_rate, self.callbacks_))
        return self._optimizer_is_auto() and self.n_iter_no_change == "auto" and not given

    # Upstream trains with the user's own callback objects; a second fit, or a fold, would find them used.
    def _fresh_callbacks(self):
        """Return the fit's own callbacks: classes made, instances copied."""
        self._initialize_callbacks()
        callbacks = copy.deepcopy(self._fit_callbacks)
        del self._fit_callbacks, self._predict_callbacks
        return [callback for entry in callbacks for callback in (entry if isinstance(entry, list) else [entry])]

    # Upstream relies on a patch of keras.Model.__reduce__; here a network is its configuration and weights.
    def __getstate__(self):
        state = dict(BaseEstimator.__getstate__(self))
        if "model_" in state:
            state["model_"] = _pack(state["model_"])
            if self.warm_start and getattr(self.model_, "optimizer", None) is not None:
                variables = self.model_.optimizer.variables
                state["_optimizer_state"] = [keras.ops.convert_to_numpy(variable) for variable in variables]
            state.pop("forward_", None)
            state["callbacks_"] = [_without_model(callback) for callback in state["callbacks_"]]
        return state

    def __setstate__(self, state):
        packed = state.get("model_")
        BaseEstimator.__setstate__(self, state)
        if packed is not None:
            with isolate(None, self.dtype), repeat_names():
                self.model_ = _unpack(packed)
            self.forward_ = Forward(self.model_)

    def _restore_optimizer(self):
        """Return a newly compiled optimizer the state that came with a pickle, if any did."""
        state = vars(self).pop("_optimizer_state", None)
        if state:
            self.model_.optimizer.build(self.model_.trainable_variables)
            for variable, value in zip(self.model_.optimizer.variables, state, strict=True):
                variable.assign(value)

    def _fit_params(self):
        """Return the arguments of ``keras.Model.fit`` that came as ``fit__...``."""
        return {
            key[5:]: value for key, value in self._routed.items() if key.startswith("fit__") and "callbacks" not in key
        }

    def _check_fitted(self):
        if not hasattr(self, "model_"):
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with appropriate arguments before "
                "using this estimator."
            )


def _pack(model):
    """Return a network as plain data: configuration, weights, and the state of its dropout layers."""
    check_saveable(model)
    states = [keras.ops.convert_to_numpy(variable) for variable in _random_states(model)]
    return {"config": model.get_config(), "weights": model.get_weights(), "random": states}


def _unpack(packed):
    """Make the network that `_pack` described."""
    model = Network.from_config(packed["config"])
    model.set_weights(packed["weights"])
    for variable, value in zip(_random_states(model), packed["random"], strict=True):
        variable.assign(value)
    return model


def _random_states(model):
    """Return the variables that are no weights: how far each layer's random generator has come."""
    weights = {id(variable) for variable in model.weights}
    return [v for layer in all_layers(model) for v in layer.variables if id(v) not in weights]


def _without_model(callback):
    """Copy a callback without the network, which a pickle would else hold again."""
    twin = copy.copy(callback)
    twin._model = None
    return twin
