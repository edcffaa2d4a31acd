"""Merge some inputs before others, in named steps."""

import keras
from sklearn.base import BaseEstimator

from ..errors import closest_match, quote
from ..layers import AllMissing
from ..spec import layer_name
from .merges import MERGES, Merge, as_merge, check_tensors


class StagedMerge(Merge):
    """Merge some inputs before others, in named steps.

    For inputs that belong together: first the photos, then the photos with the text, then
    all of these with the numbers.

    Parameters
    ----------
    steps : list of (str, merge, list of str)
        Name of the step, its merge (an object, a string or a callable), and the inputs or
        earlier steps that it takes. Each can be taken once. Parameters are addressed by
        step as in a `Pipeline`: ``photos__units``, or ``photos`` for the merge itself.
    final : merge, str or callable, default="concatenate"
        Merges what no step took: first the inputs, then the steps, in their order.

    Raises
    ------
    ValueError
        If two steps have one name, a step has the name of an input, or it takes what does not
        exist or what another step took.

    Notes
    -----
    A step counts as missing in a row in which everything it merges is missing. The
    fitted network has a layer with the step's name, whose output is the step's result.
    The names of the layers inside the step begin with its name instead of "merge".
    Stages are the intermediate fusion of Baltrusaitis et al., "Multimodal Machine
    Learning", 2019.

    Examples
    --------
    >>> import keras
    >>> from skmulti import StagedMerge
    >>> merge = StagedMerge([("photos", "average", ["front", "back"])])
    >>> tensors = {"front": [[1.0, 2.0]], "age": [[9.0]], "back": [[3.0, 4.0]]}
    >>> tensors = {name: keras.ops.array(rows) for name, rows in tensors.items()}
    >>> merge.combine(tensors, {}).numpy()
    array([[9., 2., 3.]], dtype=float32)
    >>> merge.set_params(photos="add", final="gated").get_params()["photos"]
    'add'
    """

    _parameter_constraints = {"steps": [list, tuple], "final": "no_validation"}

    def __init__(self, steps, *, final="concatenate"):
        self.steps = steps
        self.final = final

    def combine(self, tensors, missing):
        self._validate_params()
        check_tensors(tensors)
        _check_steps(self.steps, tensors)
        tensors, missing = dict(tensors), dict(missing)
        for step, merge, names in self.steps:
            parts = {name: tensors.pop(name) for name in names}
            flags = {name: missing.pop(name) for name in names if name in missing}
            merged = _with_prefix(merge, step).combine(parts, flags)
            # A layer of the step's own name: one finds the step's result in the network, whatever the merge is.
            tensors[step] = keras.layers.Identity(name=step)(merged)
            if len(flags) == len(parts):
                missing[step] = AllMissing(name=f"{step}__missing")(list(flags.values()))
        return _with_prefix(self.final, self.layer_prefix).combine(tensors, missing)

    def get_params(self, deep=True):
        """Return the parameters, those of each step's merge under the step's name.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the steps' merges and their parameters.

        Returns
        -------
        dict of str to object
            Value of each parameter.
        """
        params = super().get_params(deep=False)
        if deep:
            for name, merge in self._merges().items():
                # A string stands for a merge with defaults, and a grid can set the parameters of that merge.
                merge = MERGES[merge]() if isinstance(merge, str) and merge in MERGES else merge
                nested = merge.get_params() if isinstance(merge, BaseEstimator) else {}
                params.update({f"{name}__{key}": value for key, value in nested.items()})
            params.update(self._merges())
        return params

    def set_params(self, **params):
        """Set parameters, those of a step's merge by ``step__parameter``.

        Whole merges are set before their parameters. A step's string becomes a merge
        object when a parameter of it is set.

        Parameters
        ----------
        **params : dict of str to object
            Values to set.

        Returns
        -------
        self : object
            The merge itself.

        Raises
        ------
        ValueError
            If there is no such step or parameter.
        """
        # Steps first, as they say which other names there are; then whole merges, since a nested parameter is of the
        # new merge where both are set.
        self.steps = params.pop("steps", self.steps)
        merges, nested = self._merges(), {}
        for key, value in params.items():
            name, _, parameter = key.partition("__")
            if name not in merges:
                raise ValueError(
                    f"{type(self).__name__} has no parameter {key!r}; it has "
                    f"{quote(['steps', *merges])}.{closest_match(name, ['steps', *merges])}"
                )
            if parameter:
                nested.setdefault(name, {})[parameter] = value
            else:
                merges[name] = value
        for name, values in nested.items():
            merges[name] = _with_params(merges[name], name, values)
        self.final = merges["final"]
        if len(merges) > 1:
            # A new list: another merge may hold the same list of the user's.
            self.steps = [(step, merges[step], names) for step, _, names in self.steps]
        return self

    def _merges(self):
        """Return each step's merge by name, and the final one; only the latter if steps are malformed."""
        # `get_params` and `repr` are called on parameters that `combine` will refuse.
        try:
            return {"final": self.final, **{step: merge for step, merge, _ in self.steps}}
        except (TypeError, ValueError):
            return {"final": self.final}


def _with_params(merge, name, values):
    """Set parameters of a step's merge; a string becomes its merge object."""
    merge = as_merge(merge) if isinstance(merge, str) else merge
    if not hasattr(merge, "set_params"):
        raise ValueError(f"{name!r} is {merge!r}, which has no parameters to set, got {quote(values)}.")
    return merge.set_params(**values)


def _with_prefix(merge, prefix):
    """Return a copy of a merge whose layers are named after the step."""
    merge = as_merge(merge)
    merge.layer_prefix = prefix
    return merge


def _check_steps(steps, inputs):
    """Refuse steps whose names or inputs do not fit together."""
    if not steps:
        raise ValueError("StagedMerge needs at least one step (name, merge, [inputs]), got none.")
    free, taken = list(inputs), {}
    for entry in steps:
        step, names = _read_step(entry)
        if step in inputs:
            raise ValueError(f"Step {step!r} has the name of an input; give it another.")
        if step in free or step in taken:
            raise ValueError(f"Two steps are named {step!r}; give each a name of its own.")
        for name in names:
            if name in taken:
                raise ValueError(
                    f"Step {step!r} takes {name!r}, which step {taken[name]!r} took before; take {taken[name]!r}, "
                    "which holds it, or leave it out of one of the two."
                )
            if name not in free:
                raise ValueError(
                    f"Step {step!r} takes {name!r}, which is no input or earlier step; it can take {quote(free)}."
                    f"{closest_match(name, free)}"
                )
            free.remove(name)
            taken[name] = step
        free.append(step)


def _read_step(entry):
    """Return the name and the inputs of an entry of `steps`, or refuse it."""
    if not isinstance(entry, (list, tuple)) or len(entry) != 3:
        raise ValueError(f"A step must be (name, merge, [inputs or earlier steps]), got {entry!r}.")
    step, _, names = entry
    # "merge" begins the names of the final merge's layers.
    if not isinstance(step, str) or not step or "__" in step or "/" in step or step in ("steps", "final", "merge"):
        raise ValueError(
            f"A step's name must be a string without '__' and '/', and not 'steps', 'final' or 'merge', got {step!r}."
        )
    if layer_name(step) != step:
        raise ValueError(
            f"A step's name is that of a layer and may hold letters (a-z), digits, '_', '-' and '.', got {step!r}; "
            f"try {layer_name(step).rpartition('_')[0]!r}."
        )
    if not isinstance(names, (list, tuple)) or not names:
        raise ValueError(f"Step {step!r} must list the inputs or earlier steps that it takes, got {names!r}.")
    return step, names
