"""What scikit-learn's HTML diagram shows of routers and estimators in a notebook: pure functions."""

import math
from collections.abc import Mapping
from contextlib import suppress

from ._validation import VisualBlock
from .heads import DenseHead
from .inputs._stand_ins import _FunctionBranch, _LayerBranch
from .merges import MERGES, _FunctionMerge
from .routes import is_word
from .spec import layer_name


def estimator_block(estimator):
    """Draw router, branches, merge and head below one another, after fit with widths and numbers of parameters."""
    fitted = hasattr(estimator, "model_")
    router = estimator.router_ if fitted else estimator._router_part()
    blocks = [(f"router: {type(router).__name__}", router)]
    if estimator.model is not None or (fitted and not hasattr(estimator, "branches_")):
        blocks.append((None, _block("parallel", [("model", estimator.model)])))
    else:
        branches, *others = _fitted_parts(estimator) if fitted else _planned_parts(estimator)
        blocks.append(("branches", _block("parallel", branches, dash_wrapped=True), "one for each input"))
        blocks += [(None, _block("parallel", [part])) for part in others]
    if fitted:
        blocks.append((_label("network", None, estimator.model_.count_params()), _block("serial", []), "all of model_"))
    return _block("serial", blocks)


def router_block(router):
    """Draw the inputs side by side, each with its columns, after fit with shape and dtype of its array."""
    if hasattr(router, "specs_"):
        inputs, owners = [], {}
        for name, spec in router.specs_.items():
            encoder = router.encoders_[name]
            owner = owners.setdefault(id(encoder), name)
            shown = encoder if owner == name else _as_given(owner)
            inputs.append((f"{name}: {spec.shape} {spec.dtype}", shown, f"{list(spec.columns)}\n{spec.describe()}"))
    elif isinstance(router.inputs, list | tuple):
        rest = ("remainder", router.remainder, "columns that no input names")
        entries = router.inputs if is_word(router.remainder, "drop") else [*router.inputs, rest]
        inputs = [_planned_input(entry) for entry in entries]
    else:
        inputs = [(None, "routed at fit" if router.inputs is None else repr(router.inputs))]
    return _block("parallel", inputs, dash_wrapped=True)


def _planned_input(entry):
    """Give label, encoder and columns of an entry of `inputs`; of what is no entry, its repr."""
    is_entry = isinstance(entry, list | tuple) and len(entry) == 3
    return (f"{entry[0]}", _as_given(entry[1]), entry[2]) if is_entry else (None, repr(entry))


def _planned_parts(estimator):
    """Give (label, part) of branches, merge and head, as far as they are known before fit."""
    merge, head = ("merge", estimator._merge_part()), ("head", estimator._head_part())
    if not isinstance(estimator.branches, Mapping | None):
        return [(None, repr(estimator.branches))], merge, head
    given = estimator.branches or {}
    # Raised by inputs that `fit` will refuse; the router shows them.
    with suppress(AttributeError, TypeError, ValueError):
        given = estimator._branch_parts()
    branches = [(f"{name}", _as_given(part)) for name, part in given.items()]
    if getattr(estimator.router, "inputs", None) is None:
        branches.append((None, "others: chosen at fit" if branches else "chosen at fit"))
    return branches, merge, head


def _fitted_parts(estimator):
    """Give (label, part) of branches, merge and head; the labels tell width and number of parameters."""
    model, parts, counted = estimator.model_, estimator.branches_, set()
    others = {layer.name: layer for layer in model.layers if layer.name not in model.input}
    own = {name: _layers_of_branch(name, others) for name in parts}
    named = all("branch" in own[name] for name, part in parts.items() if not isinstance(part, str))
    branches = []
    for name, part in parts.items():
        width = _width(own[part if isinstance(part, str) else name].get("branch"), "output")
        count = _count(own[name].values(), counted) if named else None
        branches.append((_label(name, width, count), _as_given(part)))
    start = _start_of_head(estimator, list(others)) if named else None
    merge, head = "merge", _label("head", _width(model, "output"))
    if start is not None:
        others = list(others.values())
        merge = _label("merge", _width(others[start], "input"), _count(others[:start], counted))
        head = _label("head", _width(model, "output"), _count(others[start:], counted))
    return branches, (merge, _as_given(estimator.merge_)), (head, estimator.head_)


def _layers_of_branch(name, layers):
    """Take the layers of an input's branch out of all layers by name; `build_network` names them."""
    parts = ("features", "branch", "is_missing", "dropout", "or_missing")
    names = {part: f"{layer_name(name)}__{part}" for part in parts}
    return {part: layers.pop(full) for part, full in names.items() if full in layers}


def _start_of_head(estimator, names):
    """Give the position of the head's first layer, or None where no names tell it from the merge's."""
    if getattr(type(estimator.head_), "attach", None) is DenseHead.attach:
        return min((names.index(name) for name in ("head__dense_0", "head__output") if name in names), default=None)
    if type(estimator.merge_) not in MERGES.values():
        return None
    merging = [i for i, name in enumerate(names) if name.startswith("merge__") or name.endswith("__projection")]
    start = 1 + max(merging, default=-1)
    return start if start < len(names) else None


def _width(layer, side):
    """Give the length of the vectors that a layer takes ("input") or gives ("output"), None if it has several."""
    with suppress(AttributeError, ValueError):
        return getattr(layer, side).shape[-1]


def _count(layers, counted):
    """Count the weights of layers, but for those that were counted before."""
    weights = {id(weight): weight for layer in layers for weight in layer.weights if id(weight) not in counted}
    counted.update(weights)
    return sum(math.prod(weight.shape) for weight in weights.values())


def _label(name, width, count=None):
    """Give e.g. "photo: width 64; 1,234 parameters"."""
    # Up to the colon: scikit-learn joins labels to the names, `branches__photo__units`, that a click copies.
    facts = [(width, f"width {width}"), (count, f"{count or 0:,} parameter{'s' * (count != 1)}")]
    text = "; ".join(fact for value, fact in facts if value is not None)
    return f"{name}: {text}" if text else name


def _as_given(part):
    """Give a part as the user knows it: out of its wrapper, and in words where it is another input's."""
    if isinstance(part, _FunctionBranch | _FunctionMerge | _LayerBranch):
        return part.layer if isinstance(part, _LayerBranch) else part.function
    return f"shared with {part}" if isinstance(part, str) and part not in ("drop", "passthrough") else part


def _block(kind, parts, *, dash_wrapped=False):
    """Draw parts in one block, each given as label or None, part, and what the label unfolds to."""
    labels, parts, details = [part[0] for part in parts], [part[1] for part in parts], [part[-1] for part in parts]
    # scikit-learn 1.8 leaves a tag open where there is nothing to unfold.
    details = [detail if isinstance(detail, str) and detail else repr(detail) for detail in details]
    return VisualBlock(kind, list(map(_drawn, parts)), names=labels, name_details=details, dash_wrapped=dash_wrapped)


def _drawn(part):
    """Give what scikit-learn can draw: an estimator as it is, of anything else its name or repr."""
    if isinstance(part, VisualBlock) or (hasattr(part, "get_params") and not isinstance(part, type)):
        return part
    name = part if isinstance(part, str) else repr(part)
    if callable(part) and not isinstance(part, type):
        name = getattr(part, "__name__", type(part).__name__)
    return VisualBlock("single", part, names=name, name_details=repr(part))
