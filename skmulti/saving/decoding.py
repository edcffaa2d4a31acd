"""Objects out of a table of entries, after everything that they name has been allowed."""

import enum
import functools

import keras
import numpy as np

from ..errors import SavedFileError, shorten
from ..estimators import KINDS as CONFIGURED_KINDS
from ..network import PackedLayer, PackedNetwork, unpack_layer, weight_shapes
from .codec import CONFIGURED
from .configs import needed_name, objects_in
from .plain import KINDS


def names_in(table, configs):
    """Return the names that the entries of a table and the configurations of networks use, beyond Keras' own.

    Parameters
    ----------
    table : list of list
        The entries.
    configs : list of dict
        Configurations of networks and layers.
    """
    found = {entry[1] for entry in table if entry[0] == "name"}
    for config in [*dicts_in(table), *configs]:
        found |= {name for name in map(needed_name, objects_in(config)) if name is not None}
    return found


def dicts_in(table):
    """Return the dicts of a table that may be configurations of Keras, as far as plain values tell."""
    plain = {i: _plain_dict(entry) for i, entry in enumerate(table) if entry[0] == "dict"}
    found = []
    for own in plain.values():
        if "class_name" in own and "config" in own:
            config = own["config"]
            inner = plain.get(config[0]) if isinstance(config, list) else config
            found.append(
                {**own, "config": inner, **{k: None for k, v in own.items() if isinstance(v, list) and k != "config"}}
            )
    return found


def _plain_dict(entry):
    """Return the pairs of a dict's entry whose keys are texts."""
    return {key: value for key, value in zip(entry[1::2], entry[2::2], strict=False) if isinstance(key, str)}


def check_table(table, where):
    """Refuse a table whose entries are not as `codec.Encoder` writes them."""
    if not isinstance(table, list):
        raise SavedFileError(f"{where} is damaged: it has no table.")
    for number, entry in enumerate(table):
        if not isinstance(entry, list) or not entry or entry[0] not in TAGS:
            raise SavedFileError(f"{where} is damaged: entry {number} is {shorten(entry)}, of no known kind.")
        for child in entry[1:]:
            check_child(child, number, where)
        if entry[0] == "name" and (len(entry) != 2 or not isinstance(entry[1], str)):
            raise SavedFileError(f"{where} is damaged: entry {number} is no name.")


def check_child(child, number, where):
    """Refuse a child that is neither a plain value nor an earlier entry."""
    if isinstance(child, dict) or (
        isinstance(child, list) and not (len(child) == 1 and type(child[0]) is int and 0 <= child[0] < number)
    ):
        raise SavedFileError(f"{where} is damaged: entry {number} refers to {shorten(child)}, which is not before it.")


class Decoder:
    """Make the objects of a table.

    Parameters
    ----------
    table : list of list
        The entries, checked.
    arrays : list of ndarray
    networks : list of PackedNetwork or PackedLayer
    leaves : list of object
        What stands beside the table.
    names : Names
        Finds classes and functions; all that the table needs are allowed.
    where : str
        The file, for messages.
    """

    def __init__(self, table, arrays, networks, leaves, names, where):
        self.table, self.arrays, self.networks, self.leaves = table, arrays, networks, leaves
        self.names, self.where = names, where
        self._made, self._trusted, self._sizes = [], [], []
        self._most = 1_000 + 100 * sum(map(len, table))

    def decode(self, root):
        """Return the object of a child."""
        for number, entry in enumerate(self.table):
            tag, children = entry[0], [self._child(child) for child in entry[1:]]
            self._measure(tag, entry, number)
            try:
                value = self._make(tag, children)
            except SavedFileError as error:
                raise SavedFileError(f"{self.where}: {error}") from error
            except Exception as error:  # a state that is not the class's own may raise anything
                kind = f" {children[0].__name__}" if children and isinstance(children[0], type) else ""
                raise SavedFileError(
                    f"{self.where}: entry {number} ({tag}{kind}) cannot be made of what the file holds: "
                    f"{type(error).__name__}: {shorten(error, 300)}"
                ) from error
            self._made.append(value)
        return self._child(root)

    def _child(self, child):
        return self._made[child[0]] if isinstance(child, list) else child

    def _measure(self, tag, entry, number):
        """Refuse tuples in tuples that hold one tuple so often that to compare them would never end."""
        sizes = [self._sizes[child[0]] if isinstance(child, list) else 1 for child in entry[1:]]
        self._sizes.append(1 + sum(sizes) if tag in ("tuple", "frozenset") else 1)
        if self._sizes[-1] > self._most:
            raise SavedFileError(f"{self.where} is damaged: entry {number} holds itself over and over.")

    def _make(self, tag, children):
        """Return the object of an entry whose children are made."""
        if tag in KINDS:
            return KINDS[tag].together(*children)
        return getattr(self, f"_make_{tag}")(*children)

    def _make_dict(self, *halves):
        return dict(zip(halves[::2], halves[1::2], strict=True))

    def _make_array(self, number):
        return self.arrays[_position(number)]

    def _make_objects(self, shape, cells):
        flat = np.empty(len(cells), dtype=object)
        # One by one, as NumPy would look into cells that are lists.
        for i, cell in enumerate(cells):
            flat[i] = cell
        return flat.reshape(shape)

    def _make_name(self, name):
        return self.names.get(name)

    def _make_network(self, number):
        return self._check_weights(_of(PackedNetwork, self.networks[_position(number)]))

    def _make_layer(self, number):
        return unpack_layer(self._check_weights(_of(PackedLayer, self.networks[_position(number)])))

    def _check_weights(self, packed):
        """Refuse a network that would have other weights than the file holds, before it takes memory for them."""
        # Layers of the user's may need values while they are built, which a network without weights does not have.
        foreign = any(needed_name(entry) is not None for entry in objects_in(packed.config))
        given = [array.shape for array in packed.weights]
        if not foreign and given != (shapes := weight_shapes(packed)) and given:
            raise ValueError(f"the network has weights of shapes {shorten(shapes)}, the file has {shorten(given)}")
        return packed

    def _make_leaf(self, number):
        return self.leaves[_position(number)]

    def _make_partial(self, function, arguments, keywords):
        return functools.partial(function, *arguments, **keywords)

    def _make_configured(self, kind, config):
        if self._is_known(kind) and not issubclass(kind, (*CONFIGURED, *CONFIGURED_KINDS)):
            raise TypeError(f"{kind.__name__} is not made of a configuration")
        return kind.from_config(config)

    def _make_member(self, kind, name):
        if not issubclass(kind, enum.Enum):
            raise TypeError(f"{kind.__name__} has no members")
        return kind.__members__[name]

    def _make_object(self, kind, arguments, items, pairs, *attributes):
        return self._make_stateful(kind, arguments, items, pairs, self._make_dict(*attributes))

    def _make_stateful(self, kind, arguments, items, pairs, state):
        if self._is_known(kind):
            _check_known(kind, arguments)
        value = kind.__new__(kind, *arguments)
        if hasattr(value, "__setstate__"):
            value.__setstate__(state)
        else:
            attributes, slots = state if isinstance(state, tuple) else (state, None)
            vars(value).update(attributes or {}) if hasattr(value, "__dict__") else None
            for name, part in (slots or {}).items():
                setattr(value, name, part)
        for item in items:
            value.append(item)
        for key, part in pairs:
            value[key] = part
        return value

    def _is_known(self, kind):
        """Return whether a class needed no trust."""
        if not isinstance(kind, type):
            raise TypeError(f"{shorten(kind)} is no class")
        return not self.names.trusts(kind)


def _check_known(kind, arguments):
    """Refuse a state for a class that is known, but not to hold one: a number, a list, a layer."""
    package = kind.__module__.partition(".")[0]
    holds = {"skmulti": not issubclass(kind, keras.layers.Layer), "keras": issubclass(kind, keras.callbacks.Callback)}
    if not holds.get(package, package == "sklearn") or (arguments and not issubclass(kind, tuple)):
        raise TypeError(f"{kind.__name__} holds no such state")


def _position(number):
    if type(number) is not int or number < 0:
        raise IndexError(f"{shorten(number)} is no position")
    return number


def _of(kind, value):
    if not isinstance(value, kind):
        raise TypeError(f"a {kind.__name__} was expected, got a {type(value).__name__}")
    return value


TAGS = {*KINDS, *(name.removeprefix("_make_") for name in vars(Decoder) if name.startswith("_make_"))}
