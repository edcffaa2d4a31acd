"""
What if the table is larger than memory?
========================================

A folder of Parquet files in the place of a frame: the same estimator, read in parts.

Run: python examples/larger_than_memory.py (needs the package pyarrow)
"""

# %%
# Forty files, as an export of a database might leave them. They are small here, so that the fit on the whole frame can
# be compared with it.
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

import tempfile
import tracemalloc
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skmulti import MultiInputRegressor

rng = np.random.default_rng(0)
folder = tempfile.TemporaryDirectory()
parts = []
for i in range(40):
    part = pd.DataFrame(
        {
            "x": rng.normal(size=2000),
            "z": rng.normal(size=2000),
            "shop": rng.choice([f"shop {k}" for k in range(12)], 2000),
            "note": [f"{a} {b}" for a, b in rng.choice(["fresh", "late", "paid", "open", "sent"], (2000, 2))],
        }
    )
    late = part["note"].str.contains("late")
    part["cost"] = np.sin(2 * part["x"]) + part["z"] * late + part["shop"].str[5:].astype(int) / 6
    part.to_parquet(Path(folder.name) / f"part-{i:02}.parquet")
    parts.append(part)
whole = pd.concat(parts, ignore_index=True)
test = whole[::50]

# %%
# `y` is the name of a column. Only the target and the predictions of all rows are held in memory. Python's allocations
# are counted, not those of Arrow and TensorFlow.
settings = {"epochs": 3, "batch_size": 256, "random_state": 0, "early_stopping": False}
peaks, fitted = {}, {}
for name, X, y in [("folder of files", folder.name, "cost"), ("one frame", whole.drop(columns="cost"), whole["cost"])]:
    tracemalloc.start()
    fitted[name] = MultiInputRegressor(**settings).fit(X, y=y)
    peaks[name] = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    print(f"{name:15} R2 {fitted[name].score(test.drop(columns='cost'), test['cost']):.3f}, peak {peaks[name]:.0f} MiB")
folder.cleanup()

# %%
# The losses of both fits, and what each held at most.
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for name, reg in fitted.items():
    left.plot(range(1, 4), reg.history_["loss"], "o-", label=name)
left.set(xlabel="epoch", ylabel="loss", xticks=[1, 2, 3])
left.legend()
right.barh(list(peaks), list(peaks.values()), color=["#2f6fb0", "#8a97a6"])
right.set(xlabel="peak of Python's memory during the fit, MiB")
plt.show()

# %%
# The folder is mixed within windows of 65,536 rows, so the two fits see another order and end a little apart. Reading
# the files in each epoch takes time: a table that fits into memory belongs there.
