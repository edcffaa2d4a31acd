"""What pretrained networks add: of sentences on reviews, of photos on solar cells.

    python tests/benchmarks/pretrained.py check               cosines of sentences, classes of photos
    python tests/benchmarks/pretrained.py reviews [SPLITS]    reviews: log loss with up to 10,000 training rows
    python tests/benchmarks/pretrained.py small [DRAWS]       reviews: log loss on 200 and on 1,000 training rows
    python tests/benchmarks/pretrained.py solar [DRAWS]       solar cells: log loss and AUC on 200 and on 1,000 of them

Names of kinds after the number compare these alone with "nothing". Networks come out of packages of PyPI, see
`pretrained_networks.py`. Reviews are read from the folder in the environment variable SKMULTI_DATA: `Rating` is the
target, all other columns are features. Splits of "reviews" are those of MulTaBench (arXiv 2605.10616): a
RepeatedKFold(3, 2) with the seed 42, of which at most 10,000 training and 5,000 test rows are drawn. Draws of "small"
and "solar" are from one pool, and the test rows are the same.

"nothing" is the unconfigured estimator. On reviews, "static" adds an input of title and text with fixed vectors of
WordLlama, "frozen" one behind MiniLM, which sees 128 tokens of it, and "tuned" trains MiniLM's last layer, too, in
two epochs after two with all of it frozen. On solar cells "frozen" has EfficientNet-lite0 in the place of the branch
of photos, and "both" has the two side by side. Features of frozen networks are kept in the folder SKMULTI_CACHE for
later runs.
"""

import io
import os
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from pretrained_networks import CACHE, bert, efficientnet, minilm, wheel, wordllama

REVIEWS = "womens_clothing_reviews.parquet"
LENGTH = 128
# Rows from which few training rows are drawn, and those on which is counted.
POOL, TEST = {"reviews": 2_000, "solar": 1_624}, 1_000
# Epochs with MiniLM frozen, and then with its last layer trained, too.
FROZEN_EPOCHS, TUNED_EPOCHS = 2, 2
KINDS = {"reviews": ("nothing", "static", "frozen"), "solar": ("nothing", "frozen", "both")}


def text_input(kind):
    """Return the encoder and the branch of the input of title and text."""
    from skmulti import BackboneBranch, PretrainedTokenizer, TextBranch

    if kind == "static":
        folder, vectors = wordllama()
        branch = TextBranch("pool", embeddings=vectors, train_embeddings=False)
        return PretrainedTokenizer(folder, length=LENGTH, special_tokens=False), branch
    folder, weights = minilm()
    params = {"trainable": 1 / 6, "unfreeze_at": FROZEN_EPOCHS} if kind == "tuned" else {}
    return PretrainedTokenizer(folder, length=LENGTH), BackboneBranch(bert(weights), **params)


def photo_input(kind):
    """Return the encoder and the branch of the input of photos."""
    from skmulti import BackboneBranch, ImageDecoder

    return ImageDecoder(size=(224, 224)), BackboneBranch(efficientnet())


def check():
    """Print cosines of related and of unrelated sentences, and the best classes of photos of scikit-learn's."""
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
    check_photos()


def check_photos():
    """Print the classes of ImageNet that EfficientNet-lite0 sees: 985 is a daisy, 698 a palace."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    network, samples = efficientnet(top=True), load_sample_images()
    for path, photo in zip(samples.filenames, samples.images, strict=True):
        height, width = photo.shape[:2]
        side = 0.875 * min(height, width)
        box = ((width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2)
        pixels = np.asarray(Image.fromarray(photo).resize((224, 224), Image.Resampling.BICUBIC, box=box))
        scores = np.asarray(network(pixels[None].astype("float32")))[0]
        print(f"{Path(path).name:10} classes {', '.join(map(str, scores.argsort()[:-4:-1]))}")


def reviews():
    """Return the rows of the reviews, with title and text also as one column, and their ratings."""
    frame = pd.read_parquet(Path(os.environ["SKMULTI_DATA"]) / REVIEWS)
    frame = frame.drop(columns=[name for name in frame if name.startswith("Unnamed")])
    joined = frame[["Title", "Review Text"]].fillna("").agg(". ".join, axis=1).str.strip(". ")
    return frame.drop(columns="Rating").assign(text=joined.where(joined != "")), frame["Rating"]


def solar():
    """Return photos of solar cells and kinds of modules, and whether experts see a defect (a probability of 0.5)."""
    with zipfile.ZipFile(wheel("elpv-dataset")) as files:
        labels = files.read("elpv_dataset/data/labels.csv").decode()
        table = pd.read_csv(io.StringIO(labels), sep=r"\s+", names=["path", "probability", "module"])
        photos = [files.read(f"elpv_dataset/data/{path}") for path in table["path"]]
    return pd.DataFrame({"photo": photos, "module": table["module"]}), (table["probability"] >= 0.5).astype(int)


TABLES = {"reviews": reviews, "solar": solar}


def estimator(table, kind, seed):
    """Return the estimator of a kind for a table."""
    from skmulti import InputRouter, MultiInputClassifier

    own = {"reviews": "text", "solar": "pretrained"}[table]
    kinds, branches = {own: "drop"}, None
    if kind != "nothing":
        encoder, branch = (text_input if table == "reviews" else photo_input)(kind)
        kinds, branches = {own: encoder}, {own: branch}
    if table == "solar" and kind == "frozen":
        kinds["photo"] = "drop"
    # A tuned epoch on 10,000 rows takes five minutes, and predictions run all of MiniLM.
    epochs = FROZEN_EPOCHS + TUNED_EPOCHS if kind == "tuned" else "auto"
    return MultiInputClassifier(
        InputRouter(kinds=kinds), branches=branches, epochs=epochs, random_state=seed, memory=str(CACHE / "memory")
    )


def scores(table, kind, X, y, train, test, seed):
    """Return the log loss on test rows, of two classes the AUC, and the processor's seconds of fit and predictions."""
    from sklearn.metrics import log_loss, roc_auc_score

    began = time.process_time()
    est = estimator(table, kind, seed).fit(X.iloc[train], y.iloc[train])
    chances = est.predict_proba(X.iloc[test])
    found = {"log loss": log_loss(y.iloc[test], chances, labels=est.classes_)}
    if len(est.classes_) == 2:
        found["AUC"] = roc_auc_score(y.iloc[test], chances[:, 1])
    return {**found, "seconds": time.process_time() - began}


def report(table, title, splits, kinds=None):
    """Print the scores of each kind on each split, and the gain over nothing with its standard error."""
    X, y = TABLES[table]()
    if table == "solar":
        X["pretrained"] = X["photo"]
    rows, kinds = [], kinds or KINDS[table]
    for seed, (train, test) in enumerate(splits):
        for kind in kinds:
            rows.append({"kind": kind, "split": seed, **scores(table, kind, X, y, train, test, seed)})
            told = ", ".join(f"{name} {value:.4f}" for name, value in list(rows[-1].items())[2:-1])
            print(f"{title}, split {seed}: {kind:8} {told}  ({rows[-1]['seconds']:.0f} CPU s)", flush=True)
    found = pd.DataFrame(rows).set_index(["split", "kind"])
    for name in found.columns.drop("seconds"):
        by_kind = found[name].unstack()[list(kinds)]
        gains = by_kind.sub(by_kind["nothing"], axis=0) * (1 if name == "AUC" else -1)
        for kind in kinds[1:]:
            print(
                f"{title}: {kind} {name} {by_kind[kind].mean():.4f}, "
                f"{gains[kind].mean():+.4f} +- {gains[kind].sem():.4f} better than nothing"
            )


def small(table, n_draws, kinds=None):
    """Count on few training rows: draws from one pool, and the same test rows."""
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(TABLES[table]()[1]))[: POOL[table] + TEST]
    pool, test = rows[:-TEST], rows[-TEST:]
    for size in (200, 1_000):
        draws = [(rng.choice(pool, size, replace=False), test) for _ in range(n_draws)]
        report(table, f"{size} rows of {table}", draws, kinds)


def published(n_splits, kinds=None):
    """Count on the splits of MulTaBench."""
    from sklearn.model_selection import RepeatedKFold, train_test_split

    splits = []
    for fold, (train, test) in enumerate(RepeatedKFold(n_splits=3, n_repeats=2, random_state=42).split(reviews()[1])):
        capped = [
            part if len(part) <= cap else train_test_split(part, train_size=cap, random_state=42 + fold)[0]
            for part, cap in ((train, 10_000), (test, 5_000))
        ]
        splits.append(capped)
    report("reviews", "10,000 rows of reviews", splits[:n_splits], kinds)


if __name__ == "__main__":
    CACHE.mkdir(parents=True, exist_ok=True)
    task = sys.argv[1] if len(sys.argv) > 1 else "check"
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    kinds = ["nothing", *sys.argv[3:]] if len(sys.argv) > 3 else None
    {
        "check": check,
        "reviews": lambda: published(number or 3, kinds),
        "small": lambda: small("reviews", number or 10, kinds),
        "solar": lambda: small("solar", number or 10, kinds),
    }[task]()
