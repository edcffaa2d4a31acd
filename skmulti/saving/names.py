"""Which classes and functions a file may name, and what the names stand for.

A name is never imported because a file holds it. Names of skmulti, scikit-learn, Keras and NumPy are looked up among
what these export; any other name is found only if the caller of `load` trusts it.
"""

import builtins
import collections
import functools
import importlib
import os
import sys
import types

import keras
import numpy as np
import scipy.special
import sklearn
from sklearn.base import BaseEstimator

from .. import estimators, inputs, network, router, spec, training
from ..errors import SavedFileError

# Keras modules all of whose public names only compute.
KERAS_MODULES = {
    f"keras.{name}"
    for name in (
        "activations",
        "constraints",
        "dtype_policies",
        "initializers",
        "layers",
        "losses",
        "metrics",
        "ops",
        "optimizers",
        "optimizers.schedules",
        "regularizers",
    )
}
KERAS_NAMES = {"keras.DTypePolicy", "keras.Model", "keras.Sequential", "keras.src.models.functional.Functional"}
# Callbacks that neither write files nor send anything: those of a file take part in the next fit.
KERAS_NAMES |= {
    f"keras.callbacks.{name}"
    for name in ("Callback", "EarlyStopping", "History", "LearningRateScheduler", "ReduceLROnPlateau", "TerminateOnNaN")
}
# Layers that hold code or read files.
KERAS_REFUSED = {
    f"keras.layers.{name}" for name in ("FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper")
}
# What fitted searches and calibrators hold besides estimators: how they score, split and pass arguments on.
SKLEARN_NAMES = {
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._MultimetricScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
    "sklearn.utils.Bunch",
}
BUILTINS = {"bool", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "set", "str", "tuple"}
_FUNCTIONS = types.FunctionType, types.BuiltinFunctionType, type(str.lower), type(np.mean), np.ufunc
NAMED = (type, *_FUNCTIONS)


class Names:
    """The names that a file may use.

    Parameters
    ----------
    trusted : sequence of (type, callable, str or PathLike)
        What the caller trusts, as objects or as dotted names; presets and files of weights by name or path.
    """

    def __init__(self, trusted=()):
        self._trusted = _by_name(trusted)

    def allow(self, name):
        """Return whether a file may use a name."""
        return name in self._trusted or find_known(name) is not None

    def mentions(self, name):
        """Return whether the caller trusts a name."""
        return name in self._trusted

    def trusts(self, kind):
        """Return whether the caller trusts a class."""
        return dotted_name(kind) in self._trusted

    def get(self, name):
        """Return what a name stands for; it is allowed."""
        known = find_known(name)
        if known is not None:
            return known
        thing = self._trusted[name]
        return _import(name) if thing is None else thing


def _by_name(trusted):
    """Return {dotted name: object, or None if only its name is known} of what a caller trusts."""
    if isinstance(trusted, str | type) or not hasattr(trusted, "__iter__"):
        raise TypeError(
            f"`trusted` must be a list of classes, functions or dotted names, got {trusted!r}. Give "
            f"trusted=[{trusted.__name__ if isinstance(trusted, type) else repr(trusted)}]."
            if isinstance(trusted, str | type)
            else f"`trusted` must be a list of classes, functions or dotted names, got {trusted!r}. There is no way to "
            "trust everything: what a file needs is in the error of load(path)."
        )
    found = {}
    for entry in trusted:
        if isinstance(entry, str | os.PathLike):
            found.setdefault(os.fsdecode(entry), None)
        elif isinstance(entry, NAMED):
            found[dotted_name(entry)] = entry
        else:
            raise TypeError(f"`trusted` must hold classes, functions, dotted names or paths, got {entry!r}.")
    return found


def _import(name):
    """Return what a trusted dotted name stands for, and import its module if need be."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:length]))
            return functools.reduce(getattr, parts[length:], module)
        except ModuleNotFoundError as error:
            # A module that the trusted one needs is another matter than the next part being a class.
            if error.name and not ".".join(parts[:length]).startswith(error.name):
                raise
        except AttributeError:
            break
    raise SavedFileError(
        f"The trusted name {name!r} cannot be imported. Make its module importable here, or give the object itself: "
        f"trusted=[{parts[-1]}]."
    )


# --- names that are known


@functools.cache
def own_classes():
    """Return the classes of skmulti whose objects are part of an estimator, by name: what its wings export."""
    things = [spec.ArraySpec, spec.TargetSpec]
    for wing in (inputs, router, network, training, estimators):
        things += [getattr(wing, name) for name in wing.__all__]
    return {thing.__name__: thing for thing in things if isinstance(thing, type)}


def find_known(name):
    """Return the class or function of a name that needs no trust, or None."""
    package, _, rest = name.partition(".")
    if package == "skmulti":
        return own_classes().get(rest)
    if package == "keras":
        return _find_in_keras(name)
    if package == "sklearn":
        return _find_in_sklearn(name)
    if name == "collections.Counter":
        return collections.Counter
    if package == "builtins":
        return getattr(builtins, rest) if rest in BUILTINS else None
    if package == "numpy":
        thing = getattr(np, rest, None) if rest.isidentifier() else None
        is_dtype = isinstance(thing, type) and issubclass(thing, np.generic)
        return thing if is_dtype or isinstance(thing, np.ufunc) else None
    if name.startswith("scipy.special."):
        thing = vars(scipy.special).get(name.rpartition(".")[2])
        return thing if isinstance(thing, np.ufunc) else None
    return None


def _find_in_keras(name):
    """Return a class or function that Keras exports and that only computes, or None."""
    module, _, last = name.rpartition(".")
    if module.startswith("keras.src.ops."):
        # Calls of operations in a network, such as an addition; Keras exports their functions only.
        thing = vars(sys.modules.get(module, types)).get(last)
        return thing if isinstance(thing, type) and issubclass(thing, keras.Operation) else None
    if name in KERAS_REFUSED or last.startswith("_"):
        return None
    if module in KERAS_MODULES:
        thing = getattr(functools.reduce(getattr, module.split(".")[1:], keras), last, None)
        return thing if isinstance(thing, (type, types.FunctionType)) else None
    return functools.reduce(getattr, name.split(".")[1:], keras) if name in KERAS_NAMES else None


def _find_in_sklearn(name):
    """Return a public estimator, splitter or metric of scikit-learn, or a part of a fitted search, or None."""
    module, _, last = name.rpartition(".")
    parts = module.split(".")
    private = name in SKLEARN_NAMES
    if not private and (len(parts) < 2 or parts[1] not in sklearn.__all__ or any(p[:1] in "_" for p in parts)):
        return None
    try:
        thing = vars(importlib.import_module(module)).get(last)
    except ImportError:
        return None
    if private:
        return thing
    if isinstance(thing, type):
        known = issubclass(thing, BaseEstimator) or parts[1] == "model_selection"
    else:
        known = isinstance(thing, types.FunctionType) and parts[1:] == ["metrics"]
    return thing if known and f"{thing.__module__}.".startswith(f"sklearn.{parts[1]}.") and last[:1] != "_" else None


# --- names for what is saved


def name_of(thing):
    """Return the name under which a file can mention a class or function, or None if there is none."""
    name = dotted_name(thing)
    package = name.partition(".")[0]
    if package == "skmulti":
        name = f"skmulti.{getattr(thing, '__name__', '')}"
        return name if find_known(name) is thing else None
    if package == "keras":
        return _keras_names().get(id(thing)) or _if_importable(name, thing)
    if package == "sklearn":
        module, _, last = name.rpartition(".")
        public = module.split("._")[0]
        return next((n for n in (f"{public}.{last}", name) if find_known(n) is thing), _if_importable(name, thing))
    return _if_importable(name, thing)


def dotted_name(thing):
    """Return module and name of a class or function as one text."""
    if isinstance(thing, np.ufunc):
        package = "numpy" if getattr(np, thing.__name__, None) is thing else "scipy.special"
        return f"{package}.{thing.__name__}"
    if isinstance(thing, type) and issubclass(thing, np.generic):
        return f"numpy.{thing.__name__}"
    module = getattr(thing, "__module__", None) or getattr(getattr(thing, "__objclass__", None), "__module__", None)
    return f"{module}.{getattr(thing, '__qualname__', type(thing).__qualname__)}"


def _if_importable(name, thing):
    """Return the name if it leads to the thing in this process, else None: a lambda, a function in a function."""
    if find_known(name) is thing:
        return name
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:length]))
        if module is not None:
            try:
                return name if functools.reduce(getattr, parts[length:], module) is thing else None
            except AttributeError:
                return None
    return None


@functools.cache
def _keras_names():
    """Return the public names of what Keras exports, by identity."""
    names = {}
    for module in sorted(KERAS_MODULES):
        for name in vars(functools.reduce(getattr, module.split(".")[1:], keras)):
            thing = _find_in_keras(f"{module}.{name}")
            if thing is not None:
                names.setdefault(id(thing), f"{module}.{name}")
    return {**names, **{id(find_known(name)): name for name in sorted(KERAS_NAMES) if "src" not in name}}
