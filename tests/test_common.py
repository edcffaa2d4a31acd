"""Every public encoder, branch and merge keeps its contract."""

import inspect
import io

import keras
import numpy as np
import pandas as pd
import pytest
from common import TOKENIZER, check_branch, check_encoder, check_merge, seeded_build
from PIL import Image
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import skmulti.inputs
from skmulti.errors import BranchMismatchError
from skmulti.inputs import (
    BackboneBranch,
    Branch,
    CalendarEncoder,
    CategoryIndexer,
    DenseBranch,
    EmbeddingBranch,
    IdsPadder,
    ImageBranch,
    ImageDecoder,
    InputEncoder,
    NumberScaler,
    OneHotBranch,
    PiecewiseBranch,
    PretrainedTokenizer,
    RecordVectorizer,
    SequenceBranch,
    SequencePadder,
    TagsBranch,
    TagsIndexer,
    TextBranch,
    TextVectorizer,
    TransformerEncoder,
    VectorStacker,
)
from skmulti.inputs._steps import ARCHITECTURES
from skmulti.network import merges
from skmulti.network.merges import MERGES, AttentionMerge, Merge
from skmulti.network.staged import StagedMerge
from skmulti.spec import ArraySpec

NUMBERS = pd.DataFrame({"age": [20.0, 40.0, np.nan, 31.0, np.nan], "income": [1, 2, 3, 5, 8]})
CITIES = pd.Series(["Rome", "Oslo", None, "Rome", "Bern"], name="city")


def png(value):
    """Encode a picture of one colour as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), value, dtype="uint8")).save(buffer, "PNG")
    return buffer.getvalue()


ENCODED = [
    (NumberScaler(), NUMBERS),
    (NumberScaler(add_indicator=False, dtype="float64"), NUMBERS["age"]),
    (NumberScaler(), pd.Series([True, None, False, True], dtype="boolean", name="open")),
    (TransformerEncoder(StandardScaler()), NUMBERS[["income", "age"]]),
    (TransformerEncoder("passthrough"), NUMBERS),
    (TransformerEncoder(OneHotEncoder(handle_unknown="ignore")), CITIES.to_frame()),
    (CalendarEncoder(), pd.Series(["2024-01-01", None, "2025-07-31 23:59", "2024-03-05"], name="day")),
    (
        CalendarEncoder(parts=["month", "hour"], dtype="float64"),
        pd.DataFrame({"day": pd.date_range("2024-01-31", periods=4, freq="7h", tz="Europe/Oslo")}),
    ),
    (CategoryIndexer(), CITIES),
    (CategoryIndexer(min_frequency=2), CITIES.astype("category")),
    (CategoryIndexer(), pd.DataFrame({"a": [1, 2, None, 2], "b": [True, False, True, True]})),
    (VectorStacker(), pd.Series([[1.0, 2.0], None, np.array([3, 4]), (5, 6)], name="embedding")),
    (TextVectorizer(length=3), pd.Series(["good food", None, "", "bad, bad food here"], name="review")),
    (PretrainedTokenizer(TOKENIZER), pd.Series(["good food", None, "", "bad, bad foods here"], name="review")),
    (SequencePadder(), pd.Series([[1.0, 2.0, 3.0], None, [4.0], [5.0, 6.0]], name="trace")),
    (TagsIndexer(), pd.Series(["wet|cold", None, "", "cold|dry|cold"], name="weather")),
    (TagsIndexer(min_frequency=2), pd.Series([["wet", "cold"], None, {"cold"}, np.array(["dry"])], name="weather")),
    (IdsPadder(), pd.Series([[3, 1, 2], None, np.array([2, 0]), []], name="tokens")),
    (
        IdsPadder(padding_id=1, vocabulary_size=9),
        pd.DataFrame({"a": [3, 4, 1, 0], "b": [0, 4, 1, 2], "c": [1, 4, 1, 1]}),
    ),
    (RecordVectorizer(), pd.Series([{"a": 1, "b": "x"}, None, {"a": 3, "c": {"d": 2}}, {}], name="record")),
    (ImageDecoder(size=(8, 8)), pd.Series([png(0), None, png(255), png(7)], name="photo")),
]

VECTOR = ArraySpec("numbers", "vector", (3,), "float32")
IDS = ArraySpec("place", "category", (2,), "int32", vocabulary_sizes=(5, 4))
WORDS = ArraySpec("review", "text", (6,), "int32", vocabulary_sizes=(9,))
TAGS = ArraySpec("genres", "tags", (4,), "int32", vocabulary_sizes=(9,))
STEPS = ArraySpec("trace", "sequence", (6, 2), "float32")
PIXELS = ArraySpec("photo", "image", (8, 8, 3), "uint8")

BACKBONES = {
    "image": keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(4, 3)]),
    "sequence": keras.Sequential([keras.Input((6, 2)), keras.layers.LSTM(4, return_sequences=True, use_cudnn=False)]),
    "text": keras.Sequential([keras.Input((6,), dtype="int32"), keras.layers.Embedding(9, 4, mask_zero=True)]),
}

BRANCHES = [
    (DenseBranch(), VECTOR),
    (DenseBranch(units=()), VECTOR),
    (DenseBranch(units=(8, 4), activation="tanh", dropout=0.5, normalization="batch"), VECTOR),
    (DenseBranch(units=(8,), normalization="layer"), VECTOR),
    # Without enough rows for bins; with them, see below.
    (PiecewiseBranch(bins=3, embedding_dim=2, units=(4,), dropout=0.5), VECTOR),
    (EmbeddingBranch(), IDS),
    (EmbeddingBranch(embedding_dim=3, units=(4,), dropout=0.5), IDS),
    (OneHotBranch(units=(4, 2), dropout=0.5), IDS),
    (OneHotBranch(units=()), IDS),
    (TagsBranch(), TAGS),
    (TagsBranch(embedding_dim=3, units=(4,), dropout=0.5), TAGS),
    *((TextBranch(name, embedding_dim=4, units=4), WORDS) for name in ("bag", *ARCHITECTURES)),
    (TextBranch("bag", embedding_dim=4, dropout=0.0), WORDS),
    *((SequenceBranch(name, units=4), STEPS) for name in ARCHITECTURES),
    (ImageBranch(filters=(4,)), PIXELS),
    (ImageBranch(filters=(4, 4), units=3, dropout=0.5), PIXELS),
    (BackboneBranch(BACKBONES["image"]), PIXELS),
    (BackboneBranch(BACKBONES["image"], pooling="both", units=3, dropout=0.5, augment=True), PIXELS),
    (BackboneBranch(BACKBONES["sequence"], units=4), STEPS),
    (BackboneBranch(BACKBONES["text"], pooling="max", units=4), WORDS),
]


def sample_of(spec, n_rows=5):
    """Draw rows of an array, some of whose floats are missing."""
    rng = np.random.default_rng(0)
    shape = (n_rows, *spec.shape)
    if spec.dtype.startswith("float"):
        values = rng.normal(size=shape).astype(spec.dtype)
        return np.where(rng.random(shape) < 0.2, np.float32(np.nan), values)
    high = np.array(spec.vocabulary_sizes) if spec.vocabulary_sizes else 256
    return rng.integers(0, high, size=shape).astype(spec.dtype)


def public_subclasses(module, base):
    """Return the public classes of a module that subclass a base."""
    classes = (value for name, value in vars(module).items() if inspect.isclass(value) and not name.startswith("_"))
    return {cls for cls in classes if issubclass(cls, base) and cls is not base}


@pytest.mark.parametrize(("encoder", "columns"), ENCODED, ids=lambda value: type(value).__name__)
def test_encoder_keeps_its_contract(encoder, columns):
    check_encoder(encoder, columns)


@pytest.mark.parametrize(("branch", "spec"), BRANCHES, ids=lambda value: getattr(value, "kind", repr(value)))
def test_branch_keeps_its_contract(branch, spec):
    check_branch(branch, spec, sample_of(spec))


@pytest.mark.parametrize(
    ("branch", "spec"),
    [
        (PiecewiseBranch(), VECTOR),
        (PiecewiseBranch(bins=3, embedding_dim=2, units=(4,), dropout=0.5), VECTOR),
        (TextBranch("bag", embedding_dim=4), WORDS),
    ],
    ids=repr,
)
def test_branch_that_learns_from_its_sample_keeps_its_contract(branch, spec):
    sample = sample_of(spec, n_rows=80)
    check_branch(branch, spec, sample)
    shown, hidden = (seeded_build(branch, spec, rows).get_config() for rows in (sample, None))
    assert shown["layers"] != hidden["layers"]


@pytest.mark.parametrize(
    "merge",
    [
        *MERGES,
        *(merge() for merge in MERGES.values()),
        AttentionMerge(units=4, num_heads=2),
        StagedMerge([("pair", "attention", ["a", "b"])]),
        StagedMerge([("pair", "average", ["a", "b"])], final="gated"),
    ],
    ids=repr,
)
def test_merge_keeps_its_contract(merge):
    check_merge(merge)


def test_every_encoder_is_checked():
    checked = {type(encoder) for encoder, _ in ENCODED}
    assert checked == public_subclasses(skmulti.inputs, InputEncoder)


def test_every_branch_is_checked():
    assert {type(branch) for branch, _ in BRANCHES} == public_subclasses(skmulti.inputs, Branch)


def test_every_merge_has_a_short_name():
    # A function that a user gives has no name.
    assert set(MERGES.values()) == public_subclasses(merges, Merge) - {merges.FunctionMerge}


@pytest.mark.parametrize(("branch", "spec"), BRANCHES, ids=lambda value: getattr(value, "kind", repr(value)))
def test_branch_refuses_a_foreign_kind_and_names_both(branch, spec):
    foreign = next(other for other in (VECTOR, IDS, WORDS, STEPS, PIXELS) if other.kind not in branch.reads)
    with pytest.raises(
        BranchMismatchError, match=f"{type(branch).__name__} reads .*{spec.kind}.* arrays, but.*a {foreign.kind}"
    ):
        branch.build(foreign)


@pytest.mark.parametrize("name", ["dense", "flatten", "embedding", "input_layer", "rescaling", "concatenate"])
def test_branch_builds_for_an_input_that_is_named_as_a_layer(name):
    for branch, spec in [(DenseBranch(), VECTOR), (EmbeddingBranch(), IDS), (ImageBranch(filters=(2,)), PIXELS)]:
        named = ArraySpec(**{**vars(spec), "name": name})
        assert seeded_build(branch, named, None).output_shape[0] is None
