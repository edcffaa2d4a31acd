"""Weights of pretrained networks that a file leaves out: `load` reads them again from where the fit had them.

A weight is left out if the preset or file of weights, read anew by `save`, holds the same bytes. So whatever training
changed stays in the file, and nobody has to know which layers were trained.
"""

import math
import os
from collections import Counter
from dataclasses import dataclass, field, replace

from .._process import isolate
from ..errors import BranchMismatchError, SavedFileError, place, shorten
from ..estimators import repeat_names
from ..inputs import BackboneBranch, named_network, weights_source
from ..layers import with_sublayers
from ..network import PackedNetwork
from ..spec import ArraySpec, layer_name
from ..training import digest

# Values of a row of pixels, 8192 x 8192: a network for more could fill the memory before its weights are compared.
MOST_VALUES = 2**26
FLOATS = "float32", "float64"


@dataclass(frozen=True)
class Reference:
    """Which weights of a network are read again, and from where.

    Parameters
    ----------
    input : str
        The input that the pretrained network reads.
    backbone : str
        The network's name, or its preset.
    weights : str
        As in `BackboneBranch`, a path as text.
    kind : str
        What the input holds.
    shape : list of int
        Shape of its array, without rows.
    dtype : str
        The estimator's float type.
    positions : list of [int, int]
        Where each weight stands in the whole network, and in the pretrained one.
    digest : str
        Of these weights.
    network : int
        Position of the whole network in the file.

    Raises
    ------
    ValueError
        If it is not as `save` writes it.
    """

    input: str
    backbone: str
    weights: str
    kind: str
    shape: list
    dtype: str
    positions: list
    digest: str
    network: int = 0

    def __post_init__(self):
        texts = [self.input, self.backbone, self.weights, self.kind, self.digest]
        numbers = [self.shape, *self.positions] if isinstance(self.positions, list) else [None]
        if (
            not all(isinstance(text, str) for text in texts)
            or not all(_is_counts(part) for part in [*numbers, [self.network]])
            or any(len(pair) != 2 for pair in self.positions)
            or len(self.shape) not in (1, 3)
            or not 0 < math.prod(self.shape) <= MOST_VALUES
            or self.dtype not in FLOATS
        ):
            raise ValueError(f"what reads {shorten(self.kind)} of shape {shorten(self.shape)} is no reference")

    @property
    def source(self):
        """The file, folder or preset that is read; None if Keras knows where to download."""
        return weights_source(self.backbone, self.weights, self._spec)

    @property
    def _spec(self):
        return ArraySpec(self.input, self.kind, tuple(self.shape), "uint8")

    def described(self):
        """Return what is read, for messages."""
        return shorten(repr(self.source or f"{self.backbone}, weights={self.weights!r}"), 80)

    def read(self):
        """Return all weights of the pretrained network, as they are there now."""
        with isolate(None, self.dtype), repeat_names():
            return named_network(self.backbone, self.weights, self._spec, place(self.input)).get_weights()


def _is_counts(values):
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


@dataclass(frozen=True)
class LeanNetwork(PackedNetwork):
    """A fitted network as plain data, without the weights that references have.

    Parameters
    ----------
    references : list of Reference
        Where the others are.
    """

    references: list = field(default_factory=list)


# --- writing


def why_not_named(branch):
    """Return why the weights of a branch's network cannot be read again, or None if they can."""
    if not isinstance(branch.backbone, str):
        return f"has a {type(branch.backbone).__name__} as its network, which load could not read again"
    return "has random weights (weights=None), which load could not read again" if branch.weights is None else None


def leave_out(est, packed):
    """Leave the weights out of a fitted estimator's network that can be read again.

    Parameters
    ----------
    est : MultiInputClassifier or MultiInputRegressor
        Fitted.
    packed : PackedNetwork
        Its network.

    Returns
    -------
    LeanNetwork
        The same network with fewer weights.

    Raises
    ------
    ValueError
        If nothing could be left out of a branch, or its weights cannot be read any more.
    """
    places = {id(weight): i for i, weight in enumerate(est.model_.weights)}
    references = []
    for name, branch in getattr(est, "branches_", {}).items():
        if isinstance(branch, BackboneBranch) and why_not_named(branch) is None:
            # Of several networks each may have its own, or all share one.
            parts = [part for part in with_sublayers(est.model_) if part.name == layer_name(name, "backbone")]
            own = [[places[id(weight)] for weight in part.weights] for part in parts]
            references.append(_refer(branch, est.router_.specs_[name], est.dtype, own, packed.weights))
    gone = {at for reference in references for at, _ in reference.positions}
    kept = [weight for at, weight in enumerate(packed.weights) if at not in gone]
    return LeanNetwork(packed.config, kept, packed.random, references)


def _refer(branch, spec, dtype, own, weights):
    """Return the reference of a branch; `own` are the places in `weights` of each of its networks."""
    source = branch.backbone, os.fsdecode(branch.weights)
    reference = Reference(spec.name, *source, spec.kind, list(spec.shape), dtype, [], "")
    found = reference.read()
    # A preset that was replaced may have fewer weights, or more.
    pairs = dict(pair for places in own for pair in zip(places, range(len(found)), strict=False))
    left_out = [[at, i] for at, i in pairs.items() if _are_same(weights[at], found[i])]
    n_weights = sum(map(len, own))
    # What is frozen should be there as it was; of what is trained, any part.
    if len(left_out) < (1 if branch.trainable else n_weights):
        raise BranchMismatchError(
            f"{place(spec.name, spec.columns)}: {len(left_out)} of {n_weights} weights of the fitted network are "
            f"those of {reference.described()}. Training has changed the others, or other weights are there now"
        )
    return replace(reference, positions=left_out, digest=digest([found[i] for _, i in left_out]))


def _are_same(array, other):
    # By their bytes, as zeros of both signs are equal otherwise.
    return array.shape == other.shape and array.dtype == other.dtype and array.tobytes() == other.tobytes()


# --- reading


def check_references(found, n_networks, where):
    """Return the references of a file, or refuse what `save` would not write."""
    try:
        references = [Reference(**entry) for entry in found]
    except (TypeError, ValueError) as error:
        raise SavedFileError(f"{where} is damaged: its references cannot be read ({shorten(error)}).") from error
    ends = Counter((reference.network, at) for reference in references for at, _ in reference.positions)
    if any(reference.network >= n_networks for reference in references) or max(ends.values(), default=1) > 1:
        raise SavedFileError(f"{where} is damaged: its references are of no network, or two of one weight.")
    return references


def put_back(networks, references, where):
    """Return the networks of a file with the weights that references have.

    Raises
    ------
    SavedFileError
        If they are not there any more, or others are.
    """
    missing = {}
    for reference in references:
        missing.setdefault(reference.network, {}).update(_read_again(reference, where))
    return [_complete(network, missing.get(i, {})) for i, network in enumerate(networks)]


def _complete(network, missing):
    """Return a network with the weights that it lacks, by their places."""
    weights = list(network.weights)
    # In this order each place is that in the whole list.
    for at in sorted(missing):
        weights.insert(at, missing[at])
    return replace(network, weights=weights)


def _read_again(reference, where):
    """Return the weights of a reference by their places, or refuse others than those that were saved."""
    advice = "or save the estimator with backbone_weights=True, where they are still there."
    start = f"{where} has no weights of the pretrained network of input {reference.input!r}, which are those of"
    try:
        found = reference.read()
    # What Keras and KerasHub raise for files that are not there, or hold something else.
    except (ValueError, TypeError, LookupError, OSError, ImportError) as error:
        raise SavedFileError(
            f"{start} {reference.described()}, and these cannot be read: {shorten(error, 150)} Put them there, {advice}"
        ) from error
    weights = {at: found[i] for at, i in reference.positions if i < len(found)}
    if digest(list(weights.values())) != reference.digest:
        raise SavedFileError(
            f"{start} {reference.described()} at the time of saving, and now there are others: their digest is "
            f"{digest(list(weights.values()))[:8]} instead of {reference.digest[:8]}. Put the old ones there, {advice}"
        )
    return weights
