"""What tells one fit from another: a digest of any parameter, table or object, equal in every process.

Equal digests must mean equal values, so a value that cannot be looked into is refused. Of what a user wrote, the
compiled code counts: a network built by another function, or by an edited one, is another network.
"""

import copyreg
import hashlib
import sys
import types
from collections.abc import Iterator

import keras
import numpy as np
import pandas as pd

# Their code is known from their versions, which are part of a fit's fingerprint. What others wrote is looked into.
_KNOWN = {*sys.stdlib_module_names, "keras", "numpy", "pandas", "scipy", "sklearn", "skmulti", "tensorflow"}
# A parameter of an estimator that decides how fast results come, and never which.
_WITHOUT_EFFECT = "n_jobs"


def digest(*values):
    """Return a hexadecimal digest of values, of tables and arrays in full.

    Parameters
    ----------
    *values : object
        Numbers, texts, arrays, tables, functions, estimators, objects of Keras, or containers of
        them; other objects as `pickle` would take them apart, without pickling them.

    Returns
    -------
    str
        32 characters.

    Raises
    ------
    TypeError
        If an object cannot be looked into, such as a lock, a file or a generator.
    """
    found = hashlib.sha256()
    _Walk(found).add(values)
    return found.hexdigest()[:32]


class _Walk:
    """One walk through a value, which ends although an object may hold itself."""

    def __init__(self, found):
        self.found = found
        # The objects that are being looked into, outer ones first; and the classes whose code has been added.
        self.path, self.classes = [], set()

    def note(self, *words):
        """Add words, each with its length, so that no two lists of words look the same."""
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogatepass")
            self.found.update(b"%d:" % len(word))
            self.found.update(word)

    def add(self, value):
        """Add a value of any type."""
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            # A float's repr tells all of its digits; that of 1 and 1.0 differ, and so do their types.
            self.note(type(value).__name__, value if isinstance(value, str | bytes) else repr(value))
        elif isinstance(value, np.ndarray):
            self.add_array(value)
        elif isinstance(value, pd.DataFrame):
            self.note("frame", value.shape)
            for position in range(value.shape[1]):
                self.add_column(value.iloc[:, position])
        elif isinstance(value, pd.Series):
            self.add_column(value)
        elif any(value is outer for outer in self.path):
            self.note("itself")
        else:
            self.path.append(value)
            self.add_object(value)
            self.path.pop()

    def add_array(self, array):
        """Add an array: type, shape and every value."""
        self.note("array", array.dtype, array.shape)
        if array.dtype.hasobject:
            self.add_each(array.ravel().tolist())
        else:
            self.found.update(np.ascontiguousarray(array).reshape(-1).view("uint8").data)

    def add_column(self, column):
        """Add a column of a table: name, type and every cell. Row labels decide nothing."""
        self.add(column.name)
        self.note("column", column.dtype, len(column))
        if isinstance(column.dtype, pd.CategoricalDtype):
            self.add(pd.Series(column.dtype.categories))
            self.add_array(column.cat.codes.to_numpy())
        elif isinstance(column.dtype, np.dtype) and column.dtype != object:
            self.add_array(column.to_numpy())
        elif isinstance(column.dtype, pd.DatetimeTZDtype):
            self.add_array(column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
        elif pd.api.types.is_string_dtype(column.dtype) and column.dtype != object:
            # Texts by pandas' compiled hash, 64 bits each: a loop over a million of them would take a second.
            self.add_array(pd.util.hash_array(column.to_numpy(dtype=object, na_value=None), categorize=False))
        else:
            self.add_each(column.tolist())

    def add_each(self, values):
        """Add the values of a container, and their number."""
        self.note(len(values))
        for value in values:
            self.add(value)

    def add_object(self, value):
        """Add what is no plain value: a container, code, or an object by what it is made of."""
        kind = type(value)
        if isinstance(value, dict):
            self.note("dict", kind.__qualname__)
            self.add_each([part for pair in value.items() for part in pair])
        elif isinstance(value, list | tuple):
            self.note("list", kind.__qualname__)
            self.add_each(list(value))
        elif isinstance(value, set | frozenset):
            # Their order differs from process to process.
            self.note("set", *sorted(digest(part) for part in value))
        elif isinstance(value, type):
            self.add_class(value)
        elif isinstance(value, types.FunctionType | types.CodeType | types.MethodType):
            self.add_code(value)
        elif isinstance(value, types.BuiltinFunctionType | types.ModuleType | np.ufunc):
            self.note("name", getattr(value, "__module__", ""), getattr(value, "__qualname__", value.__name__))
        else:
            self.note("object")
            self.add_class(kind)
            self.add_state(value)

    def add_class(self, kind):
        """Add a class by its name and, unless a known package wrote it, by the code of its methods."""
        self.note("class", kind.__module__, kind.__qualname__)
        if kind.__module__.partition(".")[0] in _KNOWN or kind in self.classes:
            return
        self.classes.add(kind)
        self.add_each(kind.__bases__)
        for name, part in sorted(vars(kind).items()):
            part = getattr(part, "__func__", getattr(part, "fget", part))
            if isinstance(part, types.FunctionType | bool | int | float | str) and name not in {
                "__module__",
                "__doc__",
            }:
                self.note(name)
                self.add(part)

    def add_code(self, value):
        """Add a function by its name, its compiled code, and the values that it holds."""
        if isinstance(value, types.MethodType):
            self.add(value.__self__)
            value = value.__func__
        if isinstance(value, types.CodeType):
            self.note("code", value.co_code, *value.co_names, *value.co_varnames)
            self.add_each(value.co_consts)
            return
        self.note("function", value.__module__, value.__qualname__)
        if (value.__module__ or "").partition(".")[0] in _KNOWN:
            return
        self.add(value.__code__)
        self.add_each([value.__defaults__, value.__kwdefaults__])
        self.add_each([_contents(cell) for cell in value.__closure__ or ()])

    def add_state(self, value):
        """Add what an object is made of: parameters, configuration and weights, or what a pickle would hold."""
        if hasattr(value, "get_params"):
            params = value.get_params(deep=False)
            self.add({name: params[name] for name in sorted(params) if name != _WITHOUT_EFFECT})
        elif isinstance(value, keras.layers.Layer):
            self.add([_without_names(value.get_config()), value.get_weights()])
        elif isinstance(value, keras.optimizers.Optimizer | keras.losses.Loss | keras.metrics.Metric):
            self.add(_without_names(value.get_config()))
        else:
            registered = copyreg.dispatch_table.get(type(value))
            made = registered(value) if registered else value.__reduce_ex__(4)
            parts = made if isinstance(made, tuple) else (made,)
            self.add_each([list(part) if isinstance(part, Iterator) else part for part in parts])


def _without_names(config):
    """Return a configuration of Keras without names, which count the objects that a process has made."""
    if isinstance(config, dict):
        return {key: _without_names(part) for key, part in config.items() if key != "name"}
    return [_without_names(part) for part in config] if isinstance(config, list | tuple) else config


def _contents(cell):
    """Return what a variable of an outer function holds, or None before it is set."""
    try:
        return cell.cell_contents
    except ValueError:
        return None
