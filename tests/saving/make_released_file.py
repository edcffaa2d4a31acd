"""Make the file of the released format that every later version must load: ``python make_released_file.py 1``.

Run once for each format, with the version that introduces it; the file and the predictions beside it stay.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from skmulti import (
    CalendarEncoder,
    CategoryIndexer,
    DenseHead,
    InputRouter,
    MultiInputClassifier,
    NumberScaler,
    TextVectorizer,
    save,
)

FILES = Path(__file__).parent / "files"


def released_rows():
    """Return the rows whose predictions are stored."""
    n_rows = np.arange(20)
    return pd.DataFrame(
        {
            "a": np.where(n_rows % 7 == 0, np.nan, n_rows / 4),
            "b": n_rows % 5,
            "city": np.array(["Oslo", "Rome", None], dtype=object)[n_rows % 3],
            "day": pd.Timestamp("2024-01-31") + pd.to_timedelta(n_rows, unit="D"),
            "note": np.array(["warm and dry", "cold", "wet, cold", ""])[n_rows % 4],
        }
    )


def released_estimator():
    """Return a small classifier that is fitted on the rows."""
    router = InputRouter(
        [
            ("numbers", NumberScaler(), ["a"]),
            ("plain", StandardScaler(), ["b"]),
            ("city", CategoryIndexer(), "city"),
            ("day", CalendarEncoder(), "day"),
            ("note", TextVectorizer(length=3), "note"),
        ]
    )
    parts = {"head": DenseHead((4,)), "branches__note__embedding_dim": 2, "branches__numbers__units": (4,)}
    est = MultiInputClassifier(router, epochs=2, random_state=0, early_stopping=False, **parts)
    return est.fit(released_rows(), np.arange(20) % 2)


if __name__ == "__main__":
    est, name = released_estimator(), f"format-{sys.argv[1]}"
    save(est, FILES / f"{name}.skmulti")
    (FILES / f"{name}.json").write_text(json.dumps(est.predict_proba(released_rows()).tolist()))
