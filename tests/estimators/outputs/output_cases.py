"""Small classifiers of several labels or columns, and the table that they learn."""

import numpy as np
import pandas as pd

from skmulti import (
    DenseBranch,
    DenseHead,
    InputRouter,
    MultiInputClassifier,
)

N_ROWS = 40
# The columns as they are: no encoder learns from weights.
SMALL = {
    "router": InputRouter([("numbers", "passthrough", ["a", "b"])]),
    "branches": {"numbers": DenseBranch(units=(4,))},
    "head": DenseHead(units=()),
    "optimizer": "adam",
    "epochs": 1,
    "random_state": 0,
    # A step that Python runs is slower than a compiled one, but not the first.
    "compile__run_eagerly": True,
}
# One step whose loss is that of the network as it is afterwards.
AS_IT_IS = {"optimizer": "sgd", "optimizer__learning_rate": 1e-12, "batch_size": 100}


def classifier(**params):
    return MultiInputClassifier(**{**SMALL, **params})


def table(n_rows=N_ROWS, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"a": rng.normal(size=n_rows), "b": rng.normal(size=n_rows)})


def labels_of(X):
    """Three labels that can hold together, by numbers of the row."""
    return np.column_stack([X["a"] > 0, X["b"] > 0, X["a"] + X["b"] > 1]).astype(int)


def columns_of(X):
    """A column of two classes that are text, and one of three that are numbers."""
    return pd.DataFrame(
        {"side": np.where(X["a"] > 0, "right", "left"), "size": np.digitize(X["b"], [-0.5, 0.5])}, index=X.index
    )


def losses_of_labels(y, proba):
    return -(y * np.log(proba) + (1 - y) * np.log(1 - proba))


def losses_of_columns(y, est, X):
    """The crossentropy of each column of each row, (n_rows, n_outputs)."""
    numbers = [np.searchsorted(classes, y.iloc[:, k]) for k, classes in enumerate(est.classes_)]
    return np.column_stack(
        [-np.log(part[np.arange(len(y)), rows]) for part, rows in zip(est.predict_proba(X), numbers, strict=True)]
    )
