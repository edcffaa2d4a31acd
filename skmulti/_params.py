"""Parameters of parts in lists and dicts, which are addressed as ``part__parameter``."""

import inspect
from collections import defaultdict

from sklearn.base import BaseEstimator

from .errors import closest_match, shorten


class NamedParts(BaseEstimator):
    """An estimator one of whose parameters is a list of ``(name, part, ...)`` tuples.

    A part is read and set by its name, and a parameter of a part by ``name__parameter``, as in
    scikit-learn's Pipeline. A subclass sets `_parts_list` to the name of the parameter with the list.
    """

    _parts_list = None

    def _named_parts(self):
        """Return the parts of the list by name."""
        return parts_by_name(getattr(self, self._parts_list))

    def get_params(self, deep=True):
        """Return the parameters, and with ``deep=True`` those of the parts, too.

        Parameters
        ----------
        deep : bool
            Whether to add each part and its parameters.

        Returns
        -------
        dict of str to object
            Value of each parameter by its name.
        """
        params = super().get_params(deep=False)
        if not deep:
            return params
        for name, value in list(params.items()):
            params.update(nested_params(name, value))
        for name, part in self._named_parts().items():
            params[name] = part
            params.update(nested_params(name, part))
        return params

    def set_params(self, **params):
        """Set parameters: first whole parts, then the parameters of parts.

        Parameters
        ----------
        **params : dict
            ``parameter=value``, ``part=object`` or ``part__parameter=value``.

        Returns
        -------
        object
            The estimator itself.

        Raises
        ------
        ValueError
            If there is no such parameter or part.
        """
        own = super().get_params(deep=False)
        whole, nested = split_nested(params)
        # A new list may come in the same call as parameters of its parts.
        parts = parts_by_name(whole.get(self._parts_list, own[self._parts_list]))
        refuse_unknown(self, [*whole, *nested], [*own, *parts])
        # Names were checked before any value is set, so that a misspelled parameter or part changes nothing.
        for name in [name for name in whole if name in own]:
            setattr(self, name, whole.pop(name))
        for name, part in whole.items():
            self._replace_part(name, part)
        for name, values in nested.items():
            set_nested(name, getattr(self, name) if name in own else self._named_parts()[name], values)
        return self

    def _replace_part(self, name, part):
        """Replace the part of that name, in a new list: other estimators may hold the user's own."""
        entries = getattr(self, self._parts_list)
        changed = [(entry[0], part, *entry[2:]) if entry[0] == name else entry for entry in entries]
        setattr(self, self._parts_list, changed)


def parts_by_name(entries):
    """Return the parts of a list of ``(name, part, ...)`` by name; an empty dict for anything else."""
    # `repr` and `clone` ask for parameters before `fit` can refuse a malformed list.
    if not isinstance(entries, list | tuple):
        return {}
    named = [entry for entry in entries if isinstance(entry, list | tuple) and len(entry) > 1]
    return {entry[0]: entry[1] for entry in named if isinstance(entry[0], str)}


def nested_params(name, part):
    """Return the parameters of a part by ``name__parameter``; an empty dict if it has none."""
    if not hasattr(part, "get_params") or isinstance(part, type):
        return {}
    return {f"{name}__{key}": value for key, value in part.get_params(deep=True).items()}


def set_nested(name, part, values):
    """Set parameters of a part, or refuse those that it does not have."""
    if not hasattr(part, "set_params") or isinstance(part, type):
        raise ValueError(f"{name!r} is {part!r}, which has no parameters to set, got {sorted(values)}.")
    known = {key.partition("__")[0] for key in part.get_params(deep=True)}
    refuse_unknown(part, [key.partition("__")[0] for key in values], known)
    part.set_params(**values)


def split_nested(params):
    """Return whole parameters, and those of parts as {part: {parameter: value}}."""
    whole, nested = {}, defaultdict(dict)
    for key, value in params.items():
        name, has_more, rest = key.partition("__")
        if has_more:
            nested[name][rest] = value
        else:
            whole[name] = value
    return whole, dict(nested)


def check_keras_name(module, name, called):
    """Refuse a name that a module of Keras does not know, with the closest one that it does."""
    try:
        module.get(name)
    except ValueError as error:
        known = [own for own in dir(module) if own[0] != "_" and own not in ("get", "serialize", "deserialize")]
        message = f"{called}={name!r} is no name that Keras knows; see {module.__name__.replace('._tf_keras', '')}."
        raise ValueError(f"{message}{closest_match(name, known)}") from error


def check_call(function, called, arguments, routed=(), *, advice):
    """Refuse a function of the user's that does not take the arguments it will be called with.

    Parameters
    ----------
    function : callable
        The function; one of C, which has no signature to look at, passes.
    called : str
        What it is, for the message: "`model`".
    arguments, routed : iterable of str
        Names of the positional arguments, and of those given by keyword.
    advice : str
        What to write instead.

    Raises
    ------
    TypeError
        If the arguments do not fit.
    """
    try:
        inspect.signature(function).bind(*arguments, **dict.fromkeys(routed))
    except TypeError as error:
        call = ", ".join([*arguments, *(f"{name}=..." for name in routed)])
        raise TypeError(
            f"{called} is called as f({call}), which {shorten(function)} does not take ({error}). {advice}"
        ) from error
    except ValueError:
        pass


def refuse_unknown(owner, names, known, error=ValueError):
    """Raise for the first unknown name, with the known names and the closest match."""
    for name in names:
        if name not in known:
            kind = owner if isinstance(owner, type) else type(owner)
            raise error(
                f"Invalid parameter {name!r} for estimator {kind.__name__}. Valid parameters are: "
                f"{shorten(str(sorted(map(str, known))), 400)}.{closest_match(name, known)}"
            )
