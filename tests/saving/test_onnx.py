"""Networks as files of ONNX: every branch, merge and head gives the same numbers in onnxruntime."""

import numpy as np
import pytest
import tensorflow as tf

from skmulti import (
    ConcatenateMerge,
    DenseBranch,
    DenseHead,
    EmbeddingBranch,
    ImageBranch,
    OneHotBranch,
    PiecewiseBranch,
    SequenceBranch,
    TagsBranch,
    TargetSpec,
    TextBranch,
    build_network,
)
from skmulti.network.merges import MERGES, as_merge
from skmulti.saving.onnx import write_onnx
from skmulti.spec import ArraySpec
from skmulti.training.run import isolate

onnxruntime = pytest.importorskip("onnxruntime")

ARCHITECTURES = ("pool", "flatten", "lstm", "gru", "conv", "attention")
KINDS = {
    "vector": {"shape": (3,), "dtype": "float32", "has_missing": True},
    "category": {"shape": (2,), "dtype": "int32", "vocabulary_sizes": (5, 4), "n_rows": 50},
    "tags": {"shape": (4,), "dtype": "int32", "vocabulary_sizes": (9,)},
    "text": {"shape": (6,), "dtype": "int32", "vocabulary_sizes": (9,), "has_missing": True},
    "sequence": {"shape": (5, 2), "dtype": "float32", "has_missing": True},
    "image": {"shape": (16, 16, 3), "dtype": "uint8", "has_missing": True},
}
BRANCHES = [
    ("vector", PiecewiseBranch()),
    ("vector", DenseBranch((4,), activation="gelu", normalization="layer")),
    ("vector", DenseBranch((4,), normalization="batch")),
    ("category", EmbeddingBranch()),
    ("category", OneHotBranch((4,))),
    ("tags", TagsBranch()),
    ("image", ImageBranch()),
    ("image", ImageBranch(filters=(4,))),
    ("text", TextBranch()),
    # Texts and sequences are read by the same layers: a mask on the way into each sort of them is enough.
    *(("text", TextBranch(name, units=4, embedding_dim=4)) for name in ("gru", "attention")),
    *(("sequence", SequenceBranch(name, units=4)) for name in ARCHITECTURES),
]


class Plain:
    """The network's own output."""

    def numbers(self, output):
        return {"output": output}

    def describe(self):
        return {"output": {}}


def build(branches, merge, target, dtype="float32"):
    """Return a network with an input for each (kind, branch), and rows with gaps for it."""
    rng, specs, arrays, samples = np.random.default_rng(0), {}, {}, {}
    for i, (kind, _) in enumerate(branches):
        name, fields = f"input_{i}", dict(KINDS[kind])
        fields["dtype"] = dtype if fields["dtype"] == "float32" else fields["dtype"]
        flag = f"{name}__missing" if kind in ("text", "image") else None
        specs[name] = spec = ArraySpec(name, kind, missing_name=flag, **fields)
        most = 256 if kind == "image" else min(spec.vocabulary_sizes, default=0)
        draw = rng.integers(0, most, (60, *spec.shape)) if most else rng.normal(0, 3, (60, *spec.shape))
        samples[name] = draw.astype(spec.dtype)
        arrays[name] = samples[name][:5].copy()
        if not most:
            arrays[name][0], arrays[name][1, -1] = np.nan, np.nan
        if flag:
            arrays[flag] = np.array([[True], [False], [True], [False], [False]])
    with isolate(0, dtype):
        named = {f"input_{i}": branch for i, (_, branch) in enumerate(branches)}
        return build_network(specs, named, as_merge(merge), DenseHead((4,)), target, samples), arrays


def check(network, arrays, path):
    """Compare the file with the network, for one row and for several."""
    session = onnxruntime.InferenceSession(write_onnx(network, Plain(), str(path / "network.onnx")))
    for n_rows in (1, 5):
        rows = {name: array[:n_rows] for name, array in arrays.items()}
        expected = network({name: tf.constant(array) for name, array in rows.items()}, training=False)
        asked = {entry.name: rows[entry.name] for entry in session.get_inputs()}
        np.testing.assert_allclose(session.run(["output"], asked)[0], expected, atol=1e-5)


def test_every_branch_gives_the_same_numbers(tmp_path):
    check(*build(BRANCHES, ConcatenateMerge(), TargetSpec(n_classes=3, activation="softmax")), tmp_path)


@pytest.mark.parametrize("merge", MERGES)
def test_every_merge_gives_the_same_numbers(merge, tmp_path):
    branches = [("vector", DenseBranch((4,))), ("text", TextBranch(embedding_dim=6))]
    check(*build(branches, merge, TargetSpec(n_classes=2, activation="sigmoid")), tmp_path)


@pytest.mark.parametrize(
    "target", [TargetSpec(offset=(1e6,), scale=(3.0,)), TargetSpec(n_classes=(3, 1), n_outputs=2)], ids=["reg", "two"]
)
def test_heads_of_64_bits_give_the_same_numbers(target, tmp_path):
    branches = [("vector", PiecewiseBranch())]
    check(*build(branches, "concatenate", target, "float64"), tmp_path)


def test_a_file_is_not_replaced(tmp_path):
    (tmp_path / "network.onnx").write_bytes(b"mine")
    network, _ = build([("vector", DenseBranch((4,)))], "concatenate", TargetSpec())
    with pytest.raises(FileExistsError, match="exists"):
        write_onnx(network, Plain(), str(tmp_path / "network.onnx"))
