"""Estimators to save, of every part there is, and what they predict."""

import numpy as np
import pandas as pd
import tensorflow as tf
from saved_cases_predict import predict as predict
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_common import BRANCHES, ENCODED

from skmulti import (
    DenseBranch,
    DenseHead,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    StagedMerge,
)
from skmulti.network import MERGES

N = 24
SMALL = {
    "head": DenseHead(units=(4,)),
    "epochs": 1,
    "random_state": 0,
    "compile__run_eagerly": True,
    "early_stopping": False,
}
NUMBERS = InputRouter([("a", NumberScaler(), ["a", "b"]), ("c", NumberScaler(), ["c"])])


def frame(n_rows=N):
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(n_rows, 3)), columns=["a", "b", "c"])


def labels():
    return np.where(frame()["a"] > 0, "yes", "no")


def classifier(**params):
    return MultiInputClassifier(**{"router": NUMBERS, "branches": {"a": DenseBranch((4,))}, **SMALL, **params})


def regressor(**params):
    return MultiInputRegressor(**{"router": NUMBERS, **SMALL, **params})


def routers():
    """Yield (name, fitted router, rows) of every encoder."""
    for i, (encoder, columns) in enumerate(ENCODED):
        X = columns.to_frame() if isinstance(columns, pd.Series) else columns
        read = columns.name if isinstance(columns, pd.Series) else list(columns)
        yield f"{type(encoder).__name__}-{i}", InputRouter([("x", encoder, read)]).fit(X), X


def every_branch():
    """Return a classifier whose network has every branch, fitted on encoded batches, and rows: arrays by input name."""
    rng = np.random.default_rng(0)
    arrays = {}
    for i, (_, spec) in enumerate(BRANCHES):
        shape, high = (N, *spec.shape), np.array(spec.vocabulary_sizes) if spec.vocabulary_sizes else 256
        values = rng.normal(size=shape) if spec.dtype.startswith("float") else rng.integers(0, high, shape)
        arrays[f"x{i}"] = values.astype(spec.dtype)
    kinds = {name: spec.kind for name, (_, spec) in zip(arrays, BRANCHES, strict=True)}
    branches = {name: branch for name, (branch, _) in zip(arrays, BRANCHES, strict=True)}
    rows = tf.data.Dataset.from_tensor_slices((arrays, (arrays["x0"][:, 0] > 0).astype(int))).batch(N)
    return classifier(router=InputRouter(kinds=kinds), branches=branches).fit(rows), arrays


def every_merge():
    """Return a regressor whose network joins inputs by every merge in turn."""
    names = sorted(MERGES)
    # Each input is taken once: a step joins the one before with a new input.
    inputs = [(f"x{i}", NumberScaler(), ["abc"[i % 3]]) for i in range(len(names) + 1)]
    steps = [(f"step{i}", name, [f"step{i - 1}" if i else "x0", f"x{i + 1}"]) for i, name in enumerate(names)]
    return regressor(router=InputRouter(inputs), merge=StagedMerge(steps, final="gated"))


def fitted():
    """Yield (name, fitted estimator, rows)."""
    X, y = frame(), labels()
    numbers = X["a"].to_numpy() + 3
    yield "branches", *every_branch()
    yield "merges", every_merge().fit(X, numbers), X
    yield "members", classifier(head=DenseHead((4,), n_members=3, dropout=0.5)).fit(X, y), X
    yield "default head", regressor(head=None).fit(X, numbers), X
    yield "outputs", classifier().fit(X, pd.DataFrame({"one": y, "two": np.arange(N) % 3})), X
    yield "multilabel", classifier().fit(X, np.c_[np.arange(N) % 2, np.arange(N) % 3 == 0].astype(int)), X
    yield "numbers", regressor(dtype="float64").fit(X, np.c_[numbers, 10 * numbers]), X
    yield "partial", classifier().partial_fit(X, y).partial_fit(X, y), X
    yield "dropout", classifier(input_dropout=0.3, warm_start=True, class_weight={"yes": 2, "no": 1}).fit(X, y), X
    plain = StandardScaler().set_output(transform="pandas")
    yield "pipeline", make_pipeline(plain, classifier()).fit(X, y), X
    grid = {"merge": ["add", "concatenate"]}
    yield "search", GridSearchCV(classifier(), grid, cv=2, scoring="accuracy").fit(X, y), X
    voting = VotingClassifier([("net", classifier()), ("line", LogisticRegression())], voting="soft")
    yield "voting", voting.fit(X, y), X
