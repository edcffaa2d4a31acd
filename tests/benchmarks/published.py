"""Measure the defaults, with one network and with four, on the folds of a published comparison.

Run: SKMULTI_DATA=FOLDER python tests/benchmarks/published.py [number of folds]

The folder holds womens_clothing_reviews.parquet: the stars of 1 to 5 are the target, all other columns are features.
The folds are those of MulTaBench (arXiv 2605.10616): a RepeatedKFold(3, 2) with random_state=42, of which up to 10,000
rows train and 5,000 test. Prints log loss, accuracy and the processor's seconds of `fit`, with one thread; then the
means.
"""

import os

# One thread each, so that seconds compare; the libraries read this when they are imported.
os.environ.update({f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")})
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from quality import warm_up
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import RepeatedKFold, train_test_split

MOST_TRAINING, MOST_TEST = 10_000, 5_000
NETWORKS = (1, 4)


def folds(n_rows):
    """Yield the positions of training and test rows of each fold."""
    for fold, parts in enumerate(RepeatedKFold(n_splits=3, n_repeats=2, random_state=42).split(np.empty(n_rows))):
        yield [
            part if len(part) <= most else train_test_split(part, train_size=most, random_state=42 + fold)[0]
            for part, most in zip(parts, (MOST_TRAINING, MOST_TEST), strict=True)
        ]


def measure(X, y, train, test, **params):
    """Return log loss and accuracy on test rows, and the processor's seconds of the fit."""
    from skmulti import MultiInputClassifier

    start = time.process_time()
    est = MultiInputClassifier(**params).fit(X.iloc[train], y.iloc[train])
    seconds = time.process_time() - start
    proba = est.predict_proba(X.iloc[test]).astype("float64")
    loss = log_loss(y.iloc[test], proba / proba.sum(axis=1, keepdims=True), labels=est.classes_)
    return loss, accuracy_score(y.iloc[test], est.classes_[proba.argmax(axis=1)]), seconds


def main(n_folds):
    """Print a line for each fit, then the means."""
    warm_up(["default"])
    frame = pd.read_parquet(Path(os.environ["SKMULTI_DATA"]) / "womens_clothing_reviews.parquet")
    X, y = frame.drop(columns="Rating"), frame["Rating"]
    found = {count: [] for count in NETWORKS}
    for fold, (train, test) in zip(range(n_folds), folds(len(y)), strict=False):
        for count in NETWORKS:
            found[count].append(measure(X, y, train, test, random_state=fold, n_networks=count))
            print_line(f"fold {fold}, networks {count}", found[count][-1])
    for count, lines in found.items():
        print_line(f"mean, networks {count}", np.mean(lines, axis=0))


def print_line(title, figures):
    """Print what `measure` returned."""
    print("{}: log loss {:.4f}, accuracy {:.4f}, {:.1f} s".format(title, *figures), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 6)
