"""Objects as a table of plain entries, and back.

Each object is an entry ``[tag, child, ...]`` of one table. A child is a value that JSON holds exactly, or ``[n]``: the
object of the n-th entry, which comes before. So the table is never nested, an object that occurs twice stays one, and a
loop over the entries makes all objects. Arrays, networks and parts of scikit-learn that are no plain estimators stand
beside the table.
"""

import copyreg
import enum
import functools
import re
from dataclasses import dataclass, field

import keras
import numpy as np

from .._version import KEY
from ..errors import BranchMismatchError, shorten
from ..estimators import MultiInputClassifier, MultiInputRegressor, PackedObject, pack_object
from ..inputs import BackboneBranch
from ..network import PackedLayer, PackedNetwork, pack_layer
from ..router import InputRouter
from .names import NAMED, find_known, name_of
from .plain import is_atom, kind_of
from .references import leave_out, why_not_named

# Objects of Keras that are a class and a configuration.
CONFIGURED = (
    keras.Initializer,
    keras.Regularizer,
    keras.constraints.Constraint,
    keras.DTypePolicy,
    keras.optimizers.schedules.LearningRateSchedule,
)


@dataclass
class Saved:
    """What a file holds of an object.

    Parameters
    ----------
    table : list of list
        The entries.
    root : object
        Stands for the object: a child, as in an entry.
    arrays : list of ndarray
        Arrays, which entries mention by their position.
    networks : list of (PackedNetwork or PackedLayer)
        Networks and layers, in the same way.
    leaves : list of object
        Objects of scikit-learn and SciPy that skops knows how to store.
    routers : list of InputRouter
        Fitted routers, for readers.
    """

    table: list = field(default_factory=list)
    root: object = None
    arrays: list = field(default_factory=list)
    networks: list = field(default_factory=list)
    leaves: list = field(default_factory=list)
    routers: list = field(default_factory=list)


class Encoder:
    """Turn an object into a `Saved`.

    Parameters
    ----------
    optimizer : bool or "auto"
        Whether the state of optimizers is kept, as in `save`.
    backbone_weights : bool
        Whether weights that can be read again are kept, as in `save`.
    """

    def __init__(self, optimizer="auto", backbone_weights=True):
        self.saved = Saved()
        self._optimizer, self._backbone_weights = optimizer, backbone_weights
        # With the objects, so that no other object gets the id of one that has gone.
        self._entries, self._open = {}, set()

    def encode(self, value, path=""):
        """Return what stands for a value in the table, after adding its entry; `path` is its place, for messages."""
        if is_atom(value):
            return value
        key = id(value)
        if key not in self._entries:
            if key in self._open:
                refuse(path, "holds itself")
            self._open.add(key)
            tag, children = self._take_apart(value, path)
            entry = [tag, *(self.encode(child, place) for child, place in children)]
            self._open.discard(key)
            self.saved.table.append(entry)
            self._entries[key] = len(self.saved.table) - 1, value, children
        return [self._entries[key][0]]

    def _take_apart(self, value, path):
        """Return the tag of a value and its children, each with its place."""
        if isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray):
            return self._array(value, path)
        if type(value) is dict:
            return "dict", [(part, f"{path}[{shorten(repr(key))}]") for key in value for part in (key, value[key])]
        kind = kind_of(value)
        if kind is not None:
            try:
                parts = kind.apart(value)
            except TypeError as error:
                refuse(path, f"holds {error}")
            listed = isinstance(value, list | tuple)
            return kind.tag, [(part, f"{path}[{i}]" if listed else path) for i, part in enumerate(parts)]
        return self._object(value, path)

    def _array(self, array, path):
        """Take an array apart; one of objects by its cells."""
        if type(array) not in (np.ndarray, np.memmap):
            refuse(path, f"is a {type(array).__name__}; give it as a plain array: np.asarray(...)")
        if array.dtype == object:
            return "objects", [(array.shape, path), (array.ravel().tolist(), path)]
        names = str(array.dtype.descr if array.dtype.names else "")
        if array.dtype.hasobject or array.dtype.kind == "T" or not names.isascii():
            refuse(path, f"is an array of {array.dtype}, which npy files do not hold")
        self.saved.arrays.append(array)
        return "array", [(len(self.saved.arrays) - 1, path)]

    def _object(self, value, path):
        """Take apart what is no plain data."""
        if isinstance(value, NAMED):
            name = name_of(value)
            if name is None:
                refuse(path, f"is {_describe(value)}, which no file can name. Define it in a module")
            return "name", [(name, path)]
        if isinstance(value, PackedNetwork | PackedLayer):
            self.saved.networks.append(value)
            tag = "network" if isinstance(value, PackedNetwork) else "layer"
            return tag, [(len(self.saved.networks) - 1, path)]
        if isinstance(value, keras.layers.Layer):
            return self._take_apart(_pack(value, path), path)
        if isinstance(value, functools.partial):
            return "partial", [(value.func, f"{path}.func"), (value.args, f"{path}.args"), (value.keywords, path)]
        packed = value if isinstance(value, PackedObject) else pack_object(value)
        if packed is not value:
            return "configured", [(packed.kind, path), (packed.config, path)]
        if isinstance(value, CONFIGURED):
            return "configured", [(type(value), path), (value.get_config(), path)]
        return self._state(value, path)

    def _state(self, value, path):
        """Take an object apart into its class and state, as pickle would; leave some of scikit-learn's to skops."""
        kind = type(value)
        if isinstance(value, enum.Enum):
            return "member", [(kind, path), (value.name, path)]
        if kind.__module__.partition(".")[0] in ("sklearn", "scipy") and find_known(name_of(kind) or "") is None:
            self.saved.leaves.append(value)
            return "leaf", [(len(self.saved.leaves) - 1, path)]
        if isinstance(value, BackboneBranch) and not self._backbone_weights and (why := why_not_named(value)):
            refuse(
                path,
                f"{why}. For backbone_weights=False give a name or preset, with the weights' file if need be: "
                'BackboneBranch("MobileNetV2", weights=path)',
            )
        if isinstance(value, InputRouter) and hasattr(value, "specs_"):
            self.saved.routers.append(value)
        arguments, state, items, pairs = self._reduce(value, path)
        made = [(part, path) for part in (kind, arguments, items, pairs)]
        if not isinstance(state, dict):
            return "stateful", [*made, (state, path)]
        dot = f"{path}." if path else ""
        attributes = [(name, part) for name, part in state.items() if name != KEY]
        return "object", [*made, *((half, f"{dot}{name}") for name, part in attributes for half in (name, part))]

    def _packed_state(self, est, path):
        """Return the state of an estimator, with fewer weights of its network if `save` was asked for that."""
        state = est.packed_state(lambda callbacks: callbacks, self._optimizer)
        if self._backbone_weights or "model_" not in state:
            return state
        try:
            return {**state, "model_": leave_out(est, state["model_"])}
        except ValueError as error:
            found = str(error).rstrip(".")
            refuse(path, f"cannot be saved with backbone_weights=False: {found}. Give backbone_weights=True", error)

    def _reduce(self, value, path):
        """Return the arguments of an object's ``__new__``, its state, items and pairs."""
        if isinstance(value, MultiInputClassifier | MultiInputRegressor):
            # The callbacks as they are: one that cannot be stored is refused by its name.
            return (), self._packed_state(value, path), [], []
        try:
            function, arguments, *rest = value.__reduce_ex__(2)
        except (TypeError, ValueError, AttributeError) as error:
            refuse(path, f"is {_describe(value)}, which cannot be stored as data ({shorten(error)})", error)
        if function is not copyreg.__newobj__ or arguments[0] is not type(value):
            refuse(path, f"is {_describe(value)}, which has a constructor of its own and cannot be stored as data")
        state, items, pairs = (*rest, None, None, None)[:3]
        if isinstance(value, keras.callbacks.Callback) and isinstance(state, dict):
            # Its network is that of a fit; the next fit sets another.
            state = {**state, "_model": None}
        return tuple(arguments[1:]), state, list(items or []), [list(pair) for pair in pairs or []]


def _pack(layer, path):
    """Return a layer as plain data, or refuse one that Keras could not load again."""
    try:
        return pack_layer(layer)
    except (BranchMismatchError, TypeError, ValueError, NotImplementedError) as error:
        refuse(path, f"is {_describe(layer)}, which Keras could not load again ({shorten(error, 200)})", error)


def _describe(value):
    """Return what a value is, in a few words."""
    if getattr(value, "__name__", "") == "<lambda>":
        return "a lambda"
    if isinstance(value, NAMED):
        return f"{shorten(value)} of {getattr(value, '__module__', None)}"
    return f"a {type(value).__module__}.{type(value).__qualname__}"


def refuse(path, what, cause=None):
    """Raise a TypeError for a value that cannot be saved, by its place in the estimator."""
    # Routed parameters are kept in a dict; a user knows them by their names.
    place = re.sub(r"\b_routed\['(\w+)'\]", r"\1", path)
    raise TypeError(f"{f'`{place}`' if place else 'The estimator'} {what}. Nothing was written.") from cause
