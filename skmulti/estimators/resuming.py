"""What a fit is known by when it is called again: parameters, rows, versions, and where it begins."""

import functools
import inspect
import platform
from importlib.metadata import version

import keras
import pandas as pd

from .._version import __version__
from ..errors import InterruptedFitWarning, shorten, warn
from ..router import to_table
from ..training import digest, variables
from .copies import map_leaves
from .examples import source_of
from .scikeras import optimizer_state

# Parameters that change no weights: where results are kept, and what is shown. Seed and callbacks are looked at apart.
APART = {"callbacks", "checkpoint", "memory", "n_jobs", "random_state", "verbose"}
PACKAGES = ("keras", "numpy", "pandas", "scikit-learn", "tensorflow")
_SHOWN = (bool, int, float, str)


def fit_parts(estimator, examples, validation, router, seed):
    """Return what tells a fit from another, by what users call it.

    Parameters
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        Before this fit.
    examples : TableExamples, PartExamples or BatchExamples
        All rows, before any is held out.
    validation : tuple
        X_val, y_val and sample_weight_val as the user gave them.
    router : InputRouter
        The router that will be fitted.
    seed : int
        The seed that was drawn.

    Returns
    -------
    dict of str to str
        Values that can be shown, and digests of the others.

    Raises
    ------
    TypeError
        If a parameter cannot be looked into.
    """
    params = estimator.get_params(deep=True)
    parts = {name: _describe(name, params[name]) for name in sorted(params) if not APART & set(name.split("__"))}
    parts["callbacks"] = _describe("callbacks", map_leaves(_callback_parts, estimator.callbacks))
    # Without a seed of the user's, that of the first call holds for the fit until it ends.
    parts["random_state"] = "None" if estimator.random_state is None else str(seed)
    parts["X"] = f"<{examples.digest(router)}>"
    parts["y"] = f"<{digest(examples.y)}>"
    parts["sample_weight"] = f"<{digest(examples.weight)}>"
    parts["X_val and y_val"] = f"<{_validation_digest(validation)}>"
    if estimator.warm_start and hasattr(estimator, "model_"):
        parts["the weights at the start"] = f"<{_start_digest(estimator)}>"
    versions = {"Python": platform.python_version(), "skmulti": __version__} | {
        name: version(name) for name in PACKAGES
    }
    parts.update({f"the version of {name}": number for name, number in versions.items()})
    return parts


def _describe(name, value):
    """Return a parameter's value as text if it is short, and else a digest in angle brackets."""
    parts = value if type(value) in (list, tuple) else [value]
    if all(part is None or type(part) in _SHOWN for part in parts) and len(repr(value)) <= 200:
        return repr(value)
    try:
        # The parameters of a part have names of their own.
        return f"<{digest(type(value) if hasattr(value, 'get_params') else value)}>"
    except TypeError as error:
        raise TypeError(
            f"checkpoint: whether a fit is the same cannot be told from the parameter {name!r}, a "
            f"{type(value).__name__} ({shorten(error)}). Give an object that can be pickled, or checkpoint=None."
        ) from error


def _callback_parts(callback):
    """Return the class of a callback and the plain values that it was made with; its state changes in each fit."""
    if isinstance(callback, type) or not isinstance(callback, keras.callbacks.Callback):
        return callback
    names = inspect.signature(type(callback).__init__).parameters
    held = {name: vars(callback).get(name) for name in names}
    return [type(callback), {name: value for name, value in held.items() if type(value) in _SHOWN}]


def _validation_digest(validation):
    """Return a digest of the rows to validate on; a source is known by its name, since it is read later."""
    X, y, weight = validation
    if X is None:
        return digest(None)
    source = source_of(X, y)
    table = source.name if source is not None else to_table(X, None, None if y is None else len(y))
    return digest(table, _as_cells(y), _as_cells(weight))


def _as_cells(values):
    """Return a column or an array as a table without row labels."""
    return values if values is None or isinstance(values, str) else pd.DataFrame(values)


def _start_digest(estimator):
    """Return a digest of network, optimizer and history with which a fit goes on."""
    optimizer = getattr(estimator.model_, "optimizer", None)
    state = vars(estimator).get("_optimizer_state") or (optimizer_state(optimizer) if optimizer is not None else {})
    network = [variable.value.numpy() for variable in estimator.model_.variables]
    return digest(network, list(state.values()), estimator.n_iter_)


def undone_if_broken_off(method):
    """Wrap a method that fits, so that an error or an interrupt leaves the estimator as it was before."""

    @functools.wraps(method)
    def call(estimator, *args, **kwargs):
        before = dict(vars(estimator))
        # A fit that goes on changes the network in place.
        model = before.get("model_")
        goes_on = model is not None and (estimator.warm_start or method.__name__ == "partial_fit")
        state = _network_state(model) if goes_on else []
        try:
            return method(estimator, *args, **kwargs)
        except BaseException:
            vars(estimator).clear()
            vars(estimator).update(before)
            for variable, value in state:
                variable.assign(value)
            raise

    return call


def _network_state(model):
    """Return (variable, value) of all that training changes."""
    if getattr(model, "optimizer", None) is None:
        return [(variable, variable.value.numpy()) for variable in model.variables]
    return [(variable, variable.value.numpy()) for _, variable in variables(model)]


def warn_of_interrupt(estimator):
    """Say what a fit has come to that a user interrupted."""
    if estimator.n_networks > 1:
        done = f"{len(estimator.networks_)} of {estimator.n_networks} networks, which are averaged"
        warn(f"The fit was interrupted after {done}. Fit again to train all.", InterruptedFitWarning)
        return
    done, best = estimator.n_iter_, estimator.best_epoch_
    kept = "its weights are kept" if done == best else f"the weights of epoch {best}, the best so far, are kept"
    ways = "Call fit again to go on from the checkpoint." if estimator.checkpoint else "Fit again to train to the end."
    warn(f"The fit was interrupted after epoch {done}; {kept}. {ways}", InterruptedFitWarning)
