"""Settings that every test shares, and frames that tests of several wings read."""

import os

import numpy as np
import pandas as pd
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# Each process of pytest-xdist has a core: more threads of TensorFlow would only wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

# Helpers that import skmulti are imported within the fixtures: Keras reads its backend when it is first imported.


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A frame of 70 rows with a number, a path of a photo and a path of a trace, and a label that both decide."""
    from lazy_cases import png

    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    values = rng.integers(0, 200, 70)
    frame = pd.DataFrame({"number": rng.normal(size=70), "photo": "", "trace": ""}, index=range(100, 170))
    for i, value in enumerate(values):
        (folder / f"{i}.png").write_bytes(png(value))
        np.save(folder / f"{i}.npy", rng.normal(value / 100, 1, (3 + i % 4, 2)).astype("float32"))
    frame["photo"] = [str(folder / f"{i}.png") for i in range(70)]
    frame["trace"] = [str(folder / f"{i}.npy") for i in range(70)]
    return frame, (values > 100).astype(int)


@pytest.fixture(scope="session")
def table():
    """A table of numbers with gaps, places, words, recordings and a label that number and words decide."""
    from table_cases import N

    rng = np.random.default_rng(0)
    words = np.array(["warm", "cold", "wet", "dry", "old", "new"])
    frame = pd.DataFrame(
        {
            "size": rng.normal(50, 20, N),
            "year": rng.integers(1990, 2020, N),
            "place": rng.choice(["Rome", "Oslo", "Bern", None], N, p=[0.5, 0.3, 0.1, 0.1]),
            "note": [" ".join(rng.choice(words, rng.integers(0, 9))) for _ in range(N)],
            "trace": [rng.normal(size=rng.integers(1, 7)).tolist() for _ in range(N)],
            "weight": rng.uniform(0.5, 2, N).round(3),
        }
    )
    frame.loc[150:160, "size"] = np.nan
    warm = frame["note"].str.contains("warm")
    return frame.assign(label=np.where(warm ^ (frame["year"] > 2005), "yes", "no"))


@pytest.fixture(scope="session")
def folder(table, tmp_path_factory):
    """The same table as a folder of three Parquet files."""
    path = tmp_path_factory.mktemp("parts")
    for i in range(3):
        table[i * 80 : i * 80 + 80].to_parquet(path / f"part-{i}.parquet")
    return path


@pytest.fixture(scope="session")
def in_memory(table):
    """A classifier that was fitted on the whole table."""
    from table_cases import classifier

    return classifier().fit(table.drop(columns=["label"]), table["label"])


@pytest.fixture(scope="session")
def streamed(folder):
    """A classifier that was fitted on the folder, part by part."""
    from table_cases import classifier

    return classifier().fit(folder, "label")


@pytest.fixture(scope="module")
def every_kind():
    """A network with an input of every kind."""
    from network_cases import EVERY_KIND, network

    specs = {name: spec for name, (spec, _) in EVERY_KIND.items()}
    return network(specs, {name: branch for name, (_, branch) in EVERY_KIND.items()})
