"""Specs, branches and networks that tests of several wings share."""

import keras
import numpy as np

from skmulti.inputs import DenseBranch, EmbeddingBranch, ImageBranch, SequenceBranch, TextBranch
from skmulti.network.branches import resolve_branches
from skmulti.network.build import build_network
from skmulti.network.heads import DenseHead
from skmulti.network.merges import ConcatenateMerge
from skmulti.spec import ArraySpec, TargetSpec
from skmulti.training.run import isolate

TARGET = TargetSpec()
ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")


def vector(name, width=3, **fields):
    return ArraySpec(name, "vector", (width,), "float32", **fields)


def specs_of(*specs):
    return {spec.name: spec for spec in specs}


def network(specs, given=None, *, target=TARGET, head=None, seed=0, samples=None, **options):
    """Build a network of dense branches, but for those given."""
    with isolate(seed, "float32"):
        branches = resolve_branches(specs, {name: DenseBranch((4,)) for name in specs}, given)
        return build_network(specs, branches, ConcatenateMerge(), head or DenseHead((4,)), target, samples, **options)


EVERY_KIND = {
    "numbers": (vector("numbers"), DenseBranch((4,))),
    "city": (ArraySpec("city", "category", (2,), "int32", vocabulary_sizes=(5, 4)), EmbeddingBranch()),
    "review": (ArraySpec("review", "text", (5,), "int32", vocabulary_sizes=(9,)), TextBranch(embedding_dim=4)),
    "trace": (ArraySpec("trace", "sequence", (5, 2), "float32"), SequenceBranch(units=4)),
    "photo": (
        ArraySpec("photo", "image", (8, 8, 3), "uint8", has_missing=True, missing_name="photo__missing"),
        ImageBranch(filters=(4,)),
    ),
}


def arrays_of(model, n_rows=3):
    """Draw arrays for a network's inputs by name; ids from 0 to 3."""
    rng = np.random.default_rng(0)
    arrays = {}
    for name, tensor in model.input.items():
        values = rng.integers(0, 4, size=(n_rows, *tensor.shape[1:]))
        arrays[name] = values.astype(tensor.dtype)
    return arrays


def small_model():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)])
