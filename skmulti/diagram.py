"""What scikit-learn's HTML diagram shows of routers and estimators in a notebook: pure functions.

A click on a parameter in it copies the parameter's full name, which scikit-learn puts together from the
labels up to their colons: under "merge: width 64" it is ``merge__units``.
"""

import math
from collections.abc import Mapping

from ._validation import VisualBlock
from .heads import DenseHead
from .inputs.base import _FunctionBranch, _LayerBranch
from .merges import MERGES, _FunctionMerge
from .routes import is_word
from .spec import layer_name


def estimator_block(estimator):
    """Draw router, branches, merge and head below one another; after fit with widths and numbers of parameters."""
    fitted = hasattr(estimator, "model_")
    router = estimator.router_ if fitted else estimator._router_part()
    rows = [(f"router: {type(router).__name__}", _drawn(router))]
    if estimator.model is not None or (fitted and not hasattr(estimator, "branches_")):
        rows.append((None, _side_by_side([("model", estimator.model)], dash_wrapped=False)))
    else:
        branches, *others = _fitted_parts(estimator) if fitted else _planned_parts(estimator)
        rows.append(("branches", _side_by_side(branches)))
        rows += [(None, _side_by_side([part], dash_wrapped=False)) for part in others]
    if fitted:
        label = _label("network", None, estimator.model_.count_params())
        rows.append((label, _side_by_side([], dash_wrapped=False)))
    labels, blocks = zip(*rows, strict=True)
    return VisualBlock("serial", blocks, names=labels, dash_wrapped=False)


def router_block(router):
    """Draw the inputs side by side, each with its columns; after fit with shape and dtype of its array."""
    if hasattr(router, "specs_"):
        return _side_by_side(*_fitted_inputs(router))
    if not isinstance(router.inputs, list | tuple):
        caption = "routed at fit" if router.inputs is None else None
        return VisualBlock("single", router, names="InputRouter", name_caption=caption, name_details=str(router))
    rest = ("remainder", router.remainder, "columns that no input names")
    inputs, details = [], []
    for entry in router.inputs if is_word(router.remainder, "drop") else [*router.inputs, rest]:
        if not isinstance(entry, list | tuple) or len(entry) != 3:
            entry = (None, repr(entry), None)
        elif isinstance(entry[1], str) and entry[1] not in ("drop", "passthrough"):
            entry = (entry[0], _shared(entry[1]), entry[2])
        inputs.append(entry[:2])
        details.append(entry[2] if entry[2] is None else str(entry[2]))
    return _side_by_side(inputs, details)


def _fitted_inputs(router):
    """Give the encoder of each input with a label, and its columns and array in words."""
    inputs, details, owners = [], [], {}
    for name, spec in router.specs_.items():
        encoder = router.encoders_[name]
        owner = owners.setdefault(id(encoder), name)
        inputs.append((f"{name}: {spec.shape} {spec.dtype}", encoder if owner == name else _shared(owner)))
        details.append(f"{list(spec.columns)}\n{spec.describe()}")
    return inputs, details


def _planned_parts(estimator):
    """Give the branches, the merge and the head with labels, as far as they are known before fit."""
    head = ("head", estimator._head_part())
    merge = ("merge", estimator._merge_part())
    if not isinstance(estimator.branches, Mapping | None):
        return [(None, estimator.branches)], merge, head
    try:
        given = estimator._branch_parts()
    except (AttributeError, TypeError, ValueError):
        # The router's inputs are such that `fit` will refuse them.
        given = estimator.branches or {}
    branches = [(name, _shared(part) if isinstance(part, str) else part) for name, part in given.items()]
    if getattr(estimator.router, "inputs", None) is None:
        branches.append((None, "others: chosen at fit" if branches else "chosen at fit"))
    return branches, merge, head


def _fitted_parts(estimator):
    """Give the branches, the merge and the head, with labels that tell width and number of parameters."""
    model, parts = estimator.model_, estimator.branches_
    rest = {layer.name: layer for layer in model.layers if layer.name not in model.input}
    own = {name: _layers_of_branch(name, rest) for name in parts}
    counted, branches = set(), []
    for name, part in parts.items():
        alias = isinstance(part, str)
        width = _width(own[part if alias else name].get("branch"), "output")
        label = _label(name, width, _count(own[name].values(), counted))
        branches.append((label, _shared(part) if alias else part))
    behind = list(rest.values())
    start = _start_of_head(estimator, behind)
    if start is None or not all(own[name] for name, part in parts.items() if not isinstance(part, str)):
        # Layers under names of their own, that could be anyone's.
        return branches, ("merge", estimator.merge_), (_label("head", _width(model, "output")), estimator.head_)
    merge = _label("merge", _width(behind[start], "input"), _count(behind[:start], counted))
    head = _label("head", _width(model, "output"), _count(behind[start:], counted))
    return branches, (merge, estimator.merge_), (head, estimator.head_)


def _layers_of_branch(name, layers):
    """Take the layers of an input's branch out of layers by name, see `build_network`."""
    names = {part: f"{layer_name(name)}__{part}" for part in ("branch", "is_missing", "dropout", "or_missing")}
    return {part: layers.pop(full) for part, full in names.items() if full in layers}


def _start_of_head(estimator, layers):
    """Give the position of the head's first layer among layers in their order, or None where names do not tell."""
    names = [layer.name for layer in layers]
    if getattr(type(estimator.head_), "attach", None) is DenseHead.attach:
        return min((names.index(name) for name in ("head__dense_0", "head__output") if name in names), default=None)
    if type(estimator.merge_) not in MERGES.values():
        return None
    merging = [i for i, name in enumerate(names) if name.startswith("merge__") or name.endswith("__projection")]
    start = 1 + max(merging, default=-1)
    return start if start < len(names) else None


def _width(layer, side):
    """Give the length of the vectors that a layer takes ("input") or gives ("output"), or None."""
    try:
        return getattr(layer, side).shape[-1]
    except (AttributeError, ValueError):
        # What Keras raises for a layer that was called twice; a list of tensors has no shape.
        return None


def _count(layers, counted):
    """Count the weights of layers, but for those that were counted before."""
    weights = {id(weight): weight for layer in layers for weight in layer.weights if id(weight) not in counted}
    counted.update(weights)
    return sum(math.prod(weight.shape) for weight in weights.values())


def _label(name, width, count=None):
    """Give e.g. "photo: width 64; 1,234 parameters"."""
    facts = [f"width {width}"] * (width is not None) + [f"{count:,} parameter{'s' * (count != 1)}"] * (count is not None)
    return f"{name}: {'; '.join(facts)}" if facts else name
