"""The only file that knows SciKeras: what the estimators inherit, and each override with its reason.

SciKeras is the base class because users and tools look for it. SciKeras 0.13 routes parameters
(``optimizer__learning_rate``) and makes optimizers, losses, metrics and callbacks from names and classes.
Everything that assumes one numeric array or an older scikit-learn is overridden here. The comment above each
override says what upstream does and why this package differs.
"""

import inspect
from collections import Counter
from contextlib import contextmanager
from functools import partial

import keras
from keras.src.backend.common import global_state
from scikeras.wrappers import BaseWrapper
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import ClassifierTags, RegressorTags

from .._params import refuse_unknown, split_nested
from .._process import refuse_fork
from .._version import check_stamp, stamp
from ..errors import OptimizerStateWarning, warn
from ..layers import has_members, move_by_rows
from ..network import Forward, loss_name, pack_network, unpack_network
from ..training import LazyAdam, isolate, mark_steps, with_scaled_steps
from .copies import copy_callback, copy_metric, for_pickle, map_leaves, pack_object, unpack_object
from .parameters import PARTS, ROUTED, Parts, check_routed, check_routed_names, own_names

NAME_COUNTS = "object_name_uids"
# Parameters that hold objects of Keras, which scikit-learn's deep copies would break.
KERAS_PARAMETERS = ("optimizer", "loss", "metrics")


# Keras numbers the names of layers, metrics and optimizers over the whole process ("dense_57"). The only public way to
# change the counts is clear_session, which would also reset those of the user's own layers. TensorFlow keeps what it
# made for each new name of a variable, so a search of a thousand fits would leave gigabytes behind
# (tests/benchmarks/memory_plateau.py). The counts are the one private name of Keras in the package. This can go when
# Keras' names repeat.
@contextmanager
def repeat_names():
    """Put Keras' counts of names back after a block, so that the layers of all fits have the same names."""
    counts = global_state.get_global_attribute(NAME_COUNTS, {})
    before = dict(counts)
    try:
        yield
    finally:
        # Looked up again: clear_session in the block would have replaced the dict.
        counts = global_state.get_global_attribute(NAME_COUNTS, {})
        counts.clear()
        counts.update(before)


# For metrics and optimizers: "auc" in every fit, never "auc_1", whatever the user has made before. Layers keep their
# counts, since a network may hold layers of the user's own, and two of one name are refused.
@contextmanager
def restart_names():
    """Count names from the start in a block, and put Keras' counts back after it."""
    with repeat_names():
        global_state.get_global_attribute(NAME_COUNTS, {}).clear()
        yield


class ScikerasAdapter(BaseWrapper):
    """SciKeras' wrapper, adapted to networks with several inputs and to today's scikit-learn."""

    _every_name, _routed = (), {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # SciKeras' parameters come in through `**routed`, which itself is no parameter that a grid or check should try.
        signature = inspect.signature(cls.__init__)
        shown = [p for p in signature.parameters.values() if p.name != "self" and p.kind is not p.VAR_KEYWORD]
        cls.__signature__ = signature.replace(parameters=shown)
        cls._takes_routed = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
        # What a subclass with a short `__init__` does not set is as by default; what it fixes is no parameter of its
        # own, but still one that SciKeras reads.
        # Of constructors of this package and its users only, as SciKeras has other defaults.
        own = shown if "__init__" in vars(cls) else []
        new = [p for p in own if p.name not in cls._every_name and p.default is not p.empty]
        for parameter in new:
            setattr(cls, parameter.name, parameter.default)
        cls._every_name = (*cls._every_name, *(p.name for p in new))

    def _store_routed(self, routed):
        """Store ``optimizer__...`` and the like, set ``merge__...`` and the like, and refuse other names."""
        check_routed_names(self, routed)
        nested = split_nested(routed)[1]
        self._routed = {key: value for key, value in routed.items() if key.partition("__")[0] in ROUTED}
        for name in PARTS:
            if name in nested:
                # A copy: the part that was given stays as it is.
                setattr(self, name, clone(getattr(self, name), safe=False))
                Parts(self).set_params(name, nested[name])

    # Upstream takes every attribute without a trailing underscore for a parameter; a fit could add one.
    def _get_param_names(self):
        """Return the names of the parameters in the signature and of those that are routed."""
        return sorted([*own_names(self), *(self._routed if self._takes_routed else ())])

    # Upstream does not look inside dicts, behind names of merges, or at default parts.
    def get_params(self, deep=True):
        """Get the parameters; with ``deep=True`` also those of router, branches, merge and head.

        Parameters
        ----------
        deep : bool
            Whether to add the parameters of the parts.

        Returns
        -------
        dict of str to object
            Values by name.
        """
        params = {name: getattr(self, name, None) for name in own_names(self)}
        # What a short `__init__` passes on is its own affair: it could not be given to a clone.
        params.update(self._routed if self._takes_routed else {})
        return {**params, **Parts(self).get_params()} if deep else params

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
        # Whole parts come first: in one call with a new router ``branches__review__units`` means its branch.
        whole, nested = split_nested(params)
        refuse_unknown(self, whole, own_names(self))
        refuse_unknown(self, nested, [*PARTS, *ROUTED])
        if not self._takes_routed and any(name in ROUTED for name in nested):
            raise ValueError(
                f"{next(key for key in params if key.split('__')[0] in ROUTED)!r} cannot be set, since "
                f"{type(self).__name__}.__init__ takes no further keywords, and a clone would lose it. Add **routed to "
                "its signature and pass it on: super().__init__(..., **routed)."
            )
        for name, value in whole.items():
            setattr(self, name, value)
        for name, values in nested.items():
            if name in ROUTED:
                self._routed = {**self._routed, **{f"{name}__{key}": value for key, value in values.items()}}
            else:
                Parts(self).set_params(name, values)
        return self

    # Upstream prints every parameter; scikit-learn prints only those that were changed.
    def __repr__(self, N_CHAR_MAX=700):
        return BaseEstimator.__repr__(self, N_CHAR_MAX)

    # Upstream has tags only in a form that scikit-learn no longer reads: SciKeras' classifier is none to it.
    def __sklearn_tags__(self):
        tags = BaseEstimator.__sklearn_tags__(self)
        tags.target_tags.required = tags.target_tags.multi_output = True
        tags.input_tags.allow_nan = True
        if self._estimator_type == "classifier":
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags(multi_label=True)
        else:
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        return tags

    def _check_routed(self):
        """Refuse routed parameters that would be ignored."""
        # In `fit`, not in `set_params`: the optimizer may be set after its parameters. Counts of names are put back
        # since a named optimizer is made to see which parameters it has, and Keras counts it.
        with repeat_names():
            check_routed(self._routed, "adam" if self._optimizer_is_auto() else self.optimizer)

    def _routed_to(self, prefix):
        """Return the parameters that begin with ``prefix__``, by the rest of their names."""
        return split_nested(self._routed)[1].get(prefix, {})

    def _compile(self, model, target, recipe, scales=()):
        """Compile a network with what SciKeras makes of the routed parameters, or with defaults.

        Parameters
        ----------
        model : keras.Model
            The network, or the part of it that training changes.
        target : ClassTarget or NumberTarget
            The target, after `describe`.
        recipe : Recipe
            Decides what the user left open.
        scales : list of (keras.Variable, float)
            By how much the learning rate of weights is multiplied.
        """
        kwargs = self._get_compile_kwargs()
        if self._optimizer_is_auto():
            given = {"learning_rate": recipe.learning_rate, **self._routed_to("optimizer")}
            kwargs["optimizer"] = (LazyAdam if recipe.lazy_tables else keras.optimizers.Adam)(**given)
        # A copy of the user's object: Keras binds an optimizer to the variables of the network that it trains first.
        if isinstance(self.optimizer, keras.optimizers.Optimizer):
            kwargs["optimizer"] = type(self.optimizer).from_config(self.optimizer.get_config())
        mark_steps(model, scales)
        if scales:
            kwargs["optimizer"] = with_scaled_steps(keras.optimizers.get(kwargs["optimizer"]))
        if kwargs["loss"] is None:
            kwargs["loss"] = self.head_.default_loss(target.spec)
        if kwargs["metrics"] is None:
            kwargs["metrics"] = self.head_.default_metrics(target.spec)
        if kwargs.get("weighted_metrics") and target.weighs_outputs:
            raise ValueError(
                "compile__weighted_metrics weighs rows, but each column of y has weights of its own. Use `metrics`."
            )
        metrics = kwargs["metrics"]
        # Keras takes no single function or class; SciKeras makes a metric of the latter.
        metrics = metrics if isinstance(metrics, str | list | tuple | dict) else [metrics]
        # Copies, since metrics hold state: the user's own stay as they are.
        kwargs["metrics"] = target.metrics(map_leaves(copy_metric, metrics))
        map_leaves(_check_complete, [kwargs["loss"], kwargs["metrics"]])
        kwargs["loss"] = target.loss(kwargs["loss"], has_members(model))
        # `compile__...` comes second, so that the user decides.
        own = {"jit_compile": self.jit_compile, "steps_per_execution": recipe.steps_per_execution}
        model.compile(**{**own, **kwargs})
        move_by_rows(model, recipe.lazy_tables)

    # Upstream looks a loss up by name as a function, which cannot take parameters such as loss__delta. It reads both
    # from the estimator's attributes, which are put back: a fit changes no parameter.
    def _get_compile_kwargs(self):
        """Return the arguments of ``keras.Model.compile`` that SciKeras makes of the parameters."""
        loss, optimizer = self.loss, self.optimizer
        try:
            if isinstance(loss, str) and any(key.startswith("loss__") for key in self._routed):
                name = loss_name(loss)
                classes = [kind for kind in vars(keras.losses).values() if inspect.isclass(kind)]
                self.loss = next((kind for kind in classes if loss_name(kind) == name), loss)
            if self._optimizer_is_auto():
                self.optimizer = keras.optimizers.Adam
            with self._every_param_shown():
                return super()._get_compile_kwargs()
        finally:
            self.loss, self.optimizer = loss, optimizer

    @contextmanager
    def _every_param_shown(self):
        """Let SciKeras read every parameter, also those that a subclass fixes in a short ``__init__``."""
        # SciKeras reads them by `get_params`, which says what a clone may be given.
        params = {name: getattr(self, name, None) for name in self._every_name} | self._routed
        vars(self)["get_params"] = lambda deep=True: params
        try:
            yield
        finally:
            del vars(self)["get_params"]

    # Upstream builds a network of one array with `build_fn`. Here the router must be fitted first.
    def initialize(self, X, y=None):
        """Refuse to build without training.

        Parameters
        ----------
        X, y : object
            Ignored.

        Raises
        ------
        NotImplementedError
            Always, with what to use instead.
        """
        raise NotImplementedError(
            "initialize() of SciKeras builds a network before it is trained. Here `fit` fits the router and builds the "
            "network from what it learned: use fit, or partial_fit for a single epoch, or warm_start=True to train on."
        )

    # Upstream returns transformers that take no part in a fit.
    @property
    def feature_encoder(self):
        """The encoder of X in SciKeras, whose place the router has."""
        raise AttributeError("There is no feature_encoder: columns are encoded by the router, `router_` after fit.")

    @property
    def target_encoder(self):
        """The encoder of y in SciKeras, which has no part here."""
        raise AttributeError(
            "There is no target_encoder: a classifier's labels are in `classes_`, and a regressor scales y by itself."
        )

    def _optimizer_is_auto(self):
        """Return whether the user left the optimizer open."""
        return isinstance(self.optimizer, str) and self.optimizer == "auto"

    # Upstream trains with the user's own callback objects; a second fit, or another fold of a search, would find the
    # state that the first one left in them.
    def _copy_callbacks(self):
        """Return the fit's own callbacks: instances of given classes, and shallow copies of given objects."""
        with self._every_param_shown():
            self._initialize_callbacks()
        callbacks = map_leaves(copy_callback, self._fit_callbacks)
        del self._fit_callbacks, self._predict_callbacks
        return [callback for entry in callbacks for callback in (entry if isinstance(entry, list) else [entry])]

    # Upstream leaves it to scikit-learn, whose deep copies of objects of Keras lose what they know, or fail. No fit
    # changes optimizers, losses and metrics, so clones share them.
    def __sklearn_clone__(self):
        held = {name: getattr(self, name) for name in (*KERAS_PARAMETERS, "callbacks") if name in own_names(self)}
        # Without calling __init__ or __getstate__: a stand-in that has no such objects is cloned instead.
        bare = object.__new__(type(self))
        vars(bare).update(vars(self), **dict.fromkeys(held))
        twin = BaseEstimator.__sklearn_clone__(bare)
        for name, value in held.items():
            setattr(twin, name, map_leaves(copy_callback if name == "callbacks" else lambda leaf: leaf, value))
        return twin

    # Upstream relies on a patch of keras.Model.__reduce__; here a network is its configuration and weights, as plain
    # data. The optimizer's state, for Adam twice as large as the weights, is kept only if a second fit would go on with
    # it. The compiled prediction is left out and made again.
    def packed_state(self, pack_callbacks=for_pickle, optimizer="auto"):
        """Return the attributes with network, losses and metrics as plain data.

        Parameters
        ----------
        pack_callbacks : callable
            Takes and returns the parameter `callbacks`.
        optimizer : bool or "auto"
            Whether to keep the state of the optimizer; "auto" keeps it if a second fit would go on with it: with
            `warm_start`, and after `partial_fit`.

        Returns
        -------
        dict of str to object
            What `__setstate__` takes.
        """
        state = dict(BaseEstimator.__getstate__(self))
        keeps = self.warm_start or state.get("_in_parts", False) if optimizer == "auto" else optimizer
        if "model_" in state:
            state["model_"] = pack_network(state["model_"])
            if not keeps:
                state.pop("_optimizer_state", None)
            elif getattr(self.model_, "optimizer", None) is not None:
                state["_optimizer_state"] = optimizer_state(self.model_.optimizer)
            state.pop("forward_", None)
            state["callbacks_"] = for_pickle(state["callbacks_"], warns=False)
        packers = {**dict.fromkeys(KERAS_PARAMETERS, partial(map_leaves, pack_object)), "callbacks": pack_callbacks}
        with repeat_names():
            return {**state, **{name: pack(state[name]) for name, pack in packers.items() if name in state}}

    def __getstate__(self):
        return stamp(self.packed_state())

    def __setstate__(self, state):
        state = check_stamp(state, type(self))
        packed = state.get("model_")
        names = [name for name in KERAS_PARAMETERS if name in state]
        state = {**state, **{name: map_leaves(unpack_object, state[name]) for name in names}}
        BaseEstimator.__setstate__(self, state)
        if packed is not None:
            # Layers take their precision from Keras' float type, and would move the counts of names of this process.
            with isolate(None, self.dtype), repeat_names():
                self.model_ = unpack_network(packed)
            self.forward_ = Forward(self.model_)

    def _restore_optimizer(self, keeps_rate):
        """Put the state that a pickle or an earlier compilation has left into a newly compiled optimizer."""
        # Only now: an optimizer has variables when it is compiled with a network and built, not when it is unpickled.
        state = vars(self).pop("_optimizer_state", None)
        if state:
            self.model_.optimizer.build(self.model_.trainable_variables)
            own = by_path(self.model_.optimizer.variables)
            # Another optimizer, or other weights to train, begin anew.
            if [(path, tuple(variable.shape)) for path, variable in own.items()] == [
                (path, value.shape) for path, value in state.items()
            ]:
                for path, value in state.items():
                    if keeps_rate or own[path] is not self.model_.optimizer.learning_rate:
                        own[path].assign(value)

    def _warn_of_new_optimizer(self):
        """Warn that a network from a file or pickle trains on with an optimizer that has learned nothing."""
        warn(
            "The fit goes on with a network that was loaded without its optimizer's state: moments and steps begin "
            "anew. To keep them, use skmulti.save(est, path, optimizer=True), or set warm_start=True before pickling.",
            OptimizerStateWarning,
        )

    def _fit_params(self):
        """Return the arguments of ``keras.Model.fit`` that came as ``fit__...``."""
        return {
            key[5:]: value for key, value in self._routed.items() if key.startswith("fit__") and "callbacks" not in key
        }

    def _check_fitted(self):
        """Refuse to predict before `fit`."""
        refuse_fork()
        if not hasattr(self, "model_"):
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with appropriate arguments before "
                "using this estimator."
            )


def _check_complete(part):
    """Refuse a loss or metric that lacks a method which Keras' base class leaves to it."""
    abstract = {keras.losses.Loss: ("call",), keras.metrics.Metric: ("update_state", "result")}
    for base, methods in abstract.items():
        lacking = [name for name in methods if isinstance(part, base) and vars(base)[name] is getattr(type(part), name)]
        if lacking:
            raise TypeError(
                f"{type(part).__name__} is a {base.__name__} of Keras without {' and '.join(lacking)}() of its own, "
                f"which Keras calls for each batch. Give one of keras.{base.__module__.split('.')[2]}, or write it."
            )


def optimizer_state(optimizer):
    """Return the values of an optimizer's variables by their names."""
    return {path: variable.value.numpy() for path, variable in by_path(optimizer.variables).items()}


def by_path(variables):
    """Return variables by their paths; of several with one path, as copies of a network have, by number, too."""
    found, counts = {}, Counter()
    for variable in variables:
        number = counts[variable.path]
        found[f"{variable.path}#{number}" if number else variable.path] = variable
        counts[variable.path] += 1
    return found
