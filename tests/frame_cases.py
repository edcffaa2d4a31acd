"""One table in every library and dtype, and routers for it."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmulti import (
    CalendarEncoder,
    CategoryIndexer,
    DenseBranch,
    DenseHead,
    ImageBranch,
    ImageDecoder,
    InputRouter,
    NumberScaler,
    SequencePadder,
    TextVectorizer,
)

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")

N_ROWS = 40
SETTINGS = {"head": DenseHead(units=(4,)), "epochs": 1, "random_state": 0, "compile__run_eagerly": True}


def png(rng):
    """Encode a picture of noise."""
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype="uint8")).save(buffer, "PNG")
    return buffer.getvalue()


def make_frame():
    """Return a plain pandas frame with a column of each kind, with and without gaps."""
    rng = np.random.default_rng(0)
    words = ["good", "bad", "quiet", "noisy", "garden", "street", "light", "dark"]
    frame = pd.DataFrame(
        {
            "area": rng.normal(70, 20, N_ROWS),
            "rooms": rng.integers(1, 6, N_ROWS),
            "floor": rng.integers(0, 9, N_ROWS).astype(float),
            "lift": rng.random(N_ROWS) < 0.5,
            "furnished": pd.Series(rng.random(N_ROWS) < 0.5).astype(object),
            "city": pd.Categorical(rng.choice(["Oslo", "Rome", "Bern"], N_ROWS)),
            "heating": pd.Series(rng.choice(["gas", "wood", "sun"], N_ROWS), dtype="str"),
            "street": pd.Series(rng.choice(["Elm", "Oak"], N_ROWS), dtype="str"),
            "review": pd.Series([" ".join(rng.choice(words, 5)) for _ in range(N_ROWS)], dtype="str"),
            "listed": pd.date_range("2024-01-03 07:00", periods=N_ROWS, freq="37h"),
            "photo": [png(rng) for _ in range(N_ROWS)],
            "trace": [rng.normal(size=count).tolist() for count in rng.integers(2, 6, N_ROWS)],
        }
    )
    for column, rows in {
        "area": [2, 9],
        "floor": [4],
        "furnished": [1, 5],
        "city": [6, 7],
        "street": [12],
        "review": [3, 17],
        "listed": [8],
        "photo": [10],
        "trace": [11],
    }.items():
        frame.loc[rows, column] = None
    return frame


FRAME = make_frame()
LABELS = np.where(FRAME["rooms"] > 2, "many", "few")
RENT = (10 * FRAME["area"].fillna(70) + FRAME["rooms"]).to_numpy()


def as_objects(frame):
    """Return a frame whose cells are Python objects, None where missing."""
    cells = frame.astype(object)
    return cells.where(frame.notna(), None)


def as_arrow_types(frame):
    """Return a pandas frame of Arrow's types throughout, files and lists too."""
    return pa.Table.from_pandas(frame, preserve_index=False).to_pandas(types_mapper=pd.ArrowDtype)


def as_python_strings(frame):
    """Return the frame with the string dtype that came before Arrow's, missing ones being pd.NA."""
    return frame.astype(dict.fromkeys(frame.columns.intersection(["heating", "street", "review"]), "string[python]"))


KINDS = {
    "numpy": lambda frame: frame,
    "nullable": lambda frame: frame.convert_dtypes(dtype_backend="numpy_nullable"),
    "converted to arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "arrow throughout": as_arrow_types,
    "python strings": as_python_strings,
    "objects": as_objects,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
}
OTHER_KINDS = [kind for kind in KINDS if kind != "numpy"]
EXPLICIT = InputRouter(
    [
        ("money", StandardScaler(), ["area", "rooms"]),
        ("floor", NumberScaler(), "floor"),
        ("place", OneHotEncoder(handle_unknown="ignore"), ["heating"]),
        ("flags", CategoryIndexer(), ["lift", "furnished", "city"]),
        ("review", TextVectorizer(max_tokens=20), "review"),
        ("day", CalendarEncoder(), ["listed"]),
        ("photo", ImageDecoder(size=(8, 8)), "photo"),
        ("trace", SequencePadder(), "trace"),
    ]
)
SMALL_PHOTO = {"photo": ImageBranch(filters=(2,))}


def assert_equal_predictions(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


NUMBERS = InputRouter([("numbers", NumberScaler(), ["area", "rooms"])])
SMALL = {"branches": {"numbers": DenseBranch(units=(4,))}, **SETTINGS, "head": DenseHead(units=())}
