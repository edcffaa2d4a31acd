"""
What if the table is larger than memory?
========================================

A folder of Parquet files in the place of a frame: the same estimator, read in parts.

Run: python examples/larger_than_memory.py (needs the package pyarrow)
"""

# %%
# Twenty files, as an export of a database might leave them. They are small here, so that the fit on the whole frame can
# be compared with it.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skmulti import MultiInputRegressor

rng = np.random.default_rng(0)
folder = tempfile.TemporaryDirectory()
parts = []
for i in range(20):
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
# `y` is the name of a column. `fit` reads the files again in each epoch, and holds only the target and the predictions
# of all rows.
settings = {"epochs": 3, "batch_size": 256, "early_stopping": False, "random_state": 0}
fitted = {
    "folder of files": MultiInputRegressor(**settings).fit(folder.name, y="cost"),
    "one frame": MultiInputRegressor(**settings).fit(whole.drop(columns="cost"), whole["cost"]),
}
folder.cleanup()
X, y = test.drop(columns="cost"), test["cost"]
for name, reg in fitted.items():
    print(f"{name:15} R2 {reg.score(X, y):.4f} on {len(test)} of the rows")

# %%
# The losses of both fits, and their predictions.
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for name, reg in fitted.items():
    left.plot(range(1, 4), reg.history_["loss"], "o-", label=name)
left.set(xlabel="epoch", ylabel="loss", xticks=[1, 2, 3])
left.legend()
right.plot(*(reg.predict(X) for reg in fitted.values()), ".", alpha=0.4)
right.axline((0, 0), slope=1, color="black", linewidth=1)
right.set(xlabel="prediction, folder of files", ylabel="prediction, one frame")
plt.show()

# %%
# Rows are mixed within windows of 65,536 of a folder, so in larger tables the two fits see another order and end a
# little apart. Reading files in each epoch takes time: a table that fits into memory belongs there.
