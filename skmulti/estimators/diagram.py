"""The blocks of scikit-learn's HTML diagram of an estimator in a notebook, made by pure functions."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from ..network import FunctionBranch, FunctionMerge, LayerBranch, networks_in
from ..router import draw_block, in_words
from ..spec import LAYER_PARTS, MERGED_LAYER, layer_name
from .parameters import Parts


def estimator_block(estimator):
    """Draw router, branches, merge and head from top to bottom; after fit with widths and parameter counts."""
    fitted = hasattr(estimator, "model_")
    router = estimator.router_ if fitted else Parts(estimator).router
    blocks = [(f"router: {type(router).__name__}", router)]
    if estimator.model is not None or (fitted and not hasattr(estimator, "branches_")):
        blocks.append((None, draw_block("parallel", [("model", estimator.model)])))
    else:
        branches, *others = _parts_after_fit(estimator) if fitted else _parts_before_fit(estimator)
        blocks.append(("branches", draw_block("parallel", branches, dash_wrapped=True), "one for each input"))
        blocks += [(None, draw_block("parallel", [part])) for part in others]
    if fitted:
        n_networks = len(networks_in(estimator.model_))
        called = "network" if n_networks == 1 else f"{n_networks} networks, averaged"
        blocks.append(
            (_label(called, None, estimator.model_.count_params()), draw_block("serial", []), "all of model_")
        )
    return draw_block("serial", blocks)


def _parts_before_fit(estimator):
    """Return (label, part) of branches, merge and head, as far as they are known before fit."""
    # A notebook shows any estimator, so this raises no error: not even with parameters that `fit` will refuse.
    merge, head = ("merge", Parts(estimator).merge), ("head", Parts(estimator).head)
    if not isinstance(estimator.branches, Mapping | None):
        return [(None, repr(estimator.branches))], merge, head
    given = estimator.branches or {}
    # Inputs that `fit` will refuse raise these; the router's block shows them.
    with suppress(AttributeError, TypeError, ValueError):
        given = Parts(estimator).branches
    branches = [(f"{name}", as_given(part)) for name, part in given.items()]
    if getattr(estimator.router, "inputs", None) is None:
        branches.append((None, "others: chosen at fit" if branches else "chosen at fit"))
    return branches, merge, head


@dataclass(frozen=True)
class NetworkPart:
    """The layers of a branch, of the merge or of the head in a network.

    Parameters
    ----------
    width : int or None
        Length of the vector that comes out of a branch, of the merge or of the head.
    layers : tuple of keras.layers.Layer
        Its layers; none for a branch that is another input's.
    n_weights : int or None
        Number of its weights without those that an earlier part has, too; None if no name tells its layers.
    """

    width: int | None
    layers: tuple = ()
    n_weights: int | None = None


def network_parts(estimator):
    """Return the parts of a fitted estimator's network: {input name: NetworkPart}, merge and head."""
    # Several networks are made alike.
    model, parts, counted = networks_in(estimator.model_)[0], estimator.branches_, set()
    others = {layer.name: layer for layer in model.layers if layer.name not in model.input}
    # This removes the branches' layers from `others`; the merge's and then the head's are left, in order.
    own = {name: _pop_branch_layers(name, others) for name in parts}
    named = all("layers" in own[name] for name, part in parts.items() if not isinstance(part, str))
    branches = {}
    for name, part in parts.items():
        width = _width(own[part if isinstance(part, str) else name].get("branch"), "output")
        layers = tuple(own[name].values())
        branches[name] = NetworkPart(width, layers, _count(layers, counted) if named else None)
    if not named or MERGED_LAYER not in others:
        return branches, NetworkPart(None), NetworkPart(_width(model, "output"))
    # Layers stand in the order in which a row goes through them.
    start = 1 + list(others).index(MERGED_LAYER)
    others = tuple(others.values())
    merge, head = others[:start], others[start:]
    return (
        branches,
        NetworkPart(_width(merge[-1], "output"), merge, _count(merge, counted)),
        NetworkPart(_width(model, "output"), head, _count(head, counted)),
    )


def _parts_after_fit(estimator):
    """Return (label, part) of branches, merge and head; labels tell the width and the number of parameters."""
    found, merge, head = network_parts(estimator)
    branches = [
        (_label(name, part.width, part.n_weights), as_given(estimator.branches_[name])) for name, part in found.items()
    ]
    return (
        branches,
        (_label("merge", merge.width, merge.n_weights), as_given(estimator.merge_)),
        (_label("head", head.width, head.n_weights), estimator.head_),
    )


def _pop_branch_layers(name, layers):
    """Remove the layers of an input's branch from all layers and return them; `build_network` names them."""
    names = {part: layer_name(name, part) for part in LAYER_PARTS}
    return {part: layers.pop(full) for part, full in names.items() if full in layers}


def _width(layer, side):
    """Return the length of a layer's vectors on the side "input" or "output", or None if there are several."""
    with suppress(AttributeError, ValueError):
        return getattr(layer, side).shape[-1]


def _count(layers, counted):
    """Count the weights of layers, except those that were counted before."""
    # By identity: a layer that several branches share counts once, in the first of them.
    weights = {id(weight): weight for layer in layers for weight in layer.weights if id(weight) not in counted}
    counted.update(weights)
    return sum(math.prod(weight.shape) for weight in weights.values())


def _label(name, width, count=None):
    """Return e.g. "photo: width 64; 1,234 parameters"."""
    # The name ends at the colon: scikit-learn makes of it the name that a click copies, `branches__photo__units`.
    facts = [(width, f"width {width}"), (count, f"{count or 0:,} parameter{'s' * (count != 1)}")]
    # Absent facts are None.
    text = "; ".join(fact for value, fact in facts if value is not None)
    return f"{name}: {text}" if text else name


def as_given(part):
    """Return a part as the user knows it: out of its wrapper, and in words where it is another input's."""
    if isinstance(part, FunctionBranch | FunctionMerge | LayerBranch):
        return part.layer if isinstance(part, LayerBranch) else part.function
    return in_words(part)
