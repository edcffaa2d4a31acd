"""Parameters of parts inside lists and dicts, addressed as ``part__parameter``."""

from collections import defaultdict

from sklearn.base import BaseEstimator

from .errors import closest_match


class NamedParts(BaseEstimator):
    """An estimator one of whose parameters is a list of ``(name, part, ...)`` tuples.

    Each part can be got and set by its name, and each parameter of a part as
    ``name__parameter``, as in scikit-learn's Pipeline. Subclasses give the name of the
    list in `_parts_list`.
    """

    _parts_list = None

    def _resolve_part(self, part):
        """Give the object that stands for a part; subclasses resolve short names here."""
        return part

    def _named_parts(self):
        entries = getattr(self, self._parts_list)
        if not isinstance(entries, list | tuple):
            return {}
        return {entry[0]: entry[1] for entry in entries if isinstance(entry, list | tuple) and len(entry) > 1}

    def get_params(self, deep=True):
        """Get the parameters, with ``deep=True`` those of the parts, too.

        Parameters
        ----------
        deep : bool
            Whether to add each part and its parameters.

        Returns
        -------
        dict of str to object
            Values by name.
        """
        params = super().get_params(deep=False)
        if not deep:
            return params
        for name, value in list(params.items()):
            params.update(nested_params(name, value))
        for name, part in self._named_parts().items():
            params[name] = part
            params.update(nested_params(name, self._resolve_part(part)))
        return params

    def set_params(self, **params):
        """Set parameters, whole parts before the parameters of parts.

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
        own = set(super().get_params(deep=False))
        whole, nested = split_nested(params)
        for name in [name for name in whole if name in own]:
            setattr(self, name, whole.pop(name))
        parts = self._named_parts()
        refuse_unknown(self, [*whole, *nested], [*own, *parts])
        for name, part in whole.items():
            self._replace_part(name, part)
        for name, values in nested.items():
            if name in own:
                getattr(self, name).set_params(**values)
                continue
            part = self._named_parts()[name]
            resolved = self._resolve_part(part)
            resolved.set_params(**values)
            if resolved is not part:
                self._replace_part(name, resolved)
        return self

    def _replace_part(self, name, part):
        """Put a part in the place of the one of that name, in a new list."""
        entries = getattr(self, self._parts_list)
        changed = [(entry[0], part, *entry[2:]) if entry[0] == name else entry for entry in entries]
        setattr(self, self._parts_list, changed)


def nested_params(name, part):
    """Give the parameters of a part as ``name__parameter``; none if it has none."""
    if not hasattr(part, "get_params") or isinstance(part, type):
        return {}
    return {f"{name}__{key}": value for key, value in part.get_params(deep=True).items()}


def split_nested(params):
    """Divide parameters into whole ones and, by first name, those of parts."""
    whole, nested = {}, defaultdict(dict)
    for key, value in params.items():
        name, has_more, rest = key.partition("__")
        if has_more:
            nested[name][rest] = value
        else:
            whole[name] = value
    return whole, dict(nested)


def refuse_unknown(owner, names, known, error=ValueError):
    """Raise for the first name that is not known, with the names that are and the closest match."""
    for name in names:
        if name not in known:
            raise error(
                f"Invalid parameter {name!r} for estimator {type(owner).__name__}. Valid parameters are: "
                f"{sorted(map(str, known))}.{closest_match(name, known)}"
            )
