"""The table and the small encoders that several tests of the router use."""

import numpy as np
import pandas as pd
from numpy.testing import assert_array_equal
from sklearn.preprocessing import StandardScaler

from skmulti import (
    ArraySpec,
    CategoryIndexer,
    DenseBranch,
    InputEncoder,
    InputRouter,
)

N_ROWS = 24
ROWS = np.arange(N_ROWS)
WORDS = np.array(["red", "green", "blue", "old", "new", "small", "large", "warm"])
X_ARRAY = np.array([[0, 1, 2], [2, 4, 6]], dtype=float).T
X_FRAME = pd.DataFrame(X_ARRAY, columns=["first", "second"])


def make_frame():
    """Return 24 rows of numbers, categories and text, under labels that are no positions."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.normal(40, 10, N_ROWS),
            "income": rng.normal(3e4, 5e3, N_ROWS),
            "city": np.array(["Rome", "Oslo", "Bonn"])[ROWS % 3],
            "review": [" ".join(rng.choice(WORDS, 6)) for _ in ROWS],
        },
        index=[f"r{i}" for i in ROWS],
    )


FRAME = make_frame()
Y = (ROWS % 5).astype(float)


def encoded(encoder, columns, table=FRAME, **options):
    """Fit a router of one input and give its array."""
    return InputRouter([("x", encoder, columns)], **options).fit_transform(table, Y[: len(table)])["x"]


class Spy(InputEncoder):
    """Return the first column as it is, and remember what `fit` got."""

    default_branch = DenseBranch

    def fit(self, columns, y=None, **fit_params):
        self.seen_ = columns
        self.fit_params_ = fit_params
        return self

    def transform(self, columns):
        frame = columns.to_frame() if isinstance(columns, pd.Series) else columns
        return frame.iloc[:, [0]].to_numpy(dtype="float32")

    def spec(self, name):
        return ArraySpec(name, "vector", (1,), "float32")


ROUTER = InputRouter([("money", StandardScaler(), ["age", "income"]), ("place", CategoryIndexer(), "city")])


def assert_equal_arrays(first, second):
    assert list(first) == list(second)
    for name, array in first.items():
        assert array.dtype == second[name].dtype
        assert_array_equal(array, second[name])
