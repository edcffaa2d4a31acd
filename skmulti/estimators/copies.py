"""Copies of the objects of Keras that a user gives: callbacks, metrics, losses and optimizers."""

import copy
import inspect
from collections import Counter
from dataclasses import dataclass

import keras

from ..errors import quote_first, warn

KINDS = keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer
# What Python raises for a lock, a file, a connection or a generator.
UNCOPYABLE = (TypeError, AttributeError, ValueError, RuntimeError, OSError, copy.Error)
# Arguments of every metric and loss, which the configuration of Keras' base classes holds.
_INHERITED = {"self", "args", "kwargs", "name", "dtype", "reduction"}


def map_leaves(function, value):
    """Apply a function to each object in lists, tuples and dicts, to any depth, in new ones; None stays."""
    if isinstance(value, dict):
        return {key: map_leaves(function, part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map_leaves(function, part) for part in value)
    return None if value is None else function(value)


def copy_callback(callback):
    """Return the copy of a callback that one fit may change, or the callback itself if it must not be copied."""
    twin = _try_to_copy(callback)
    return callback if twin is None else twin


def _try_to_copy(callback):
    """Return a shallow copy of a callback without its network, or None if it cannot or must not be copied.

    Shallow, so that what the callback holds is the user's own: the trial that it reports to, the bar that it draws,
    the list that it fills. What it counts itself begins anew.
    """
    try:
        twin = copy.copy(callback)
        # Python's own way to say that there is only one of an object.
        if twin is callback:
            return None
        if isinstance(callback, keras.callbacks.Callback):
            # The attribute behind Keras' property `model`: a callback's own `set_model` may do more than store it.
            twin._model = None
        # Only tried: a callback that holds a lock or a file is one of a kind, with all that it counts.
        return None if copy.deepcopy(twin) is twin else twin
    except UNCOPYABLE:
        return None


def for_pickle(callbacks, warns=True):
    """Return callbacks as a pickle can hold them; one that cannot be copied becomes a callback that does nothing."""
    left_out = Counter()

    def pack(callback):
        twin = _try_to_copy(callback) if isinstance(callback, keras.callbacks.Callback) else callback
        if twin is None:
            left_out[type(callback).__name__] += 1
        # Not left out of its list: parameters may address the others by their position.
        return keras.callbacks.Callback() if twin is None else twin

    packed = map_leaves(pack, callbacks)
    if left_out and warns:
        warn(
            f"A pickle of this estimator has no {quote_first(left_out, 5)} in `callbacks`: it holds what cannot be "
            "pickled, such as a lock or a file. Set `callbacks` again after loading.",
            UserWarning,
        )
    return packed


def copy_metric(metric):
    """Return a new metric like the given one; names, functions and what cannot be made again stay as they are."""
    packed = pack_object(metric, keras.metrics.Metric)
    return unpack_object(packed)


def _whole_config(part):
    """Return the configuration of a metric, loss or optimizer, from which another can be made, or None."""
    kind = type(part)
    # A class of the user's without `get_config` has that of Keras' base class, which does not know its arguments.
    owner = next(base for base in kind.__mro__ if "get_config" in vars(base))
    try:
        config = part.get_config()
        if _is_of_keras(owner) and not _is_of_keras(kind):
            missing = set(inspect.signature(kind.__init__).parameters) - _INHERITED - config.keys()
            # As in scikit-learn, an argument is an attribute of the same name.
            config.update({name: getattr(part, name) for name in missing})
        kind.from_config(config)
    except (TypeError, ValueError, NotImplementedError, AttributeError):
        return None
    return config


def _is_of_keras(kind):
    return kind.__module__.split(".")[0] == "keras"


@dataclass(frozen=True)
class PackedObject:
    """An object of a class of the user's as class and configuration: Keras loads only classes that are registered."""

    kind: type
    config: dict


def pack_object(part, kinds=KINDS):
    """Return a loss, metric or optimizer as class and configuration; anything else, or without one, as it is."""
    config = _whole_config(part) if isinstance(part, kinds) else None
    return part if config is None else PackedObject(type(part), config)


def unpack_object(part):
    """Return the object that `pack_object` packed."""
    return part.kind.from_config(part.config) if isinstance(part, PackedObject) else part
