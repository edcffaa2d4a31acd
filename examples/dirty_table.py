"""
How much cleaning does a messy table need?
==========================================

Prices in dollars, dates with the day first, tags in one cell, fillers and "on request": fitted as they are, beside the
same table cleaned by hand.

Run: python examples/dirty_table.py
"""

# %%
# A clean table, and what an export makes of it: numbers and dates as text, -9999 for "not known", odd cells.
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from skmulti import MultiInputRegressor

rng = np.random.default_rng(0)
n = 1000
labels = np.array(["garden", "lift", "garage", "balcony", "cellar"])
has = rng.random((n, 5)) < 0.4
clean = pd.DataFrame(
    {
        "rent": rng.uniform(300, 3000, n).round(2),
        "area": rng.uniform(20, 150, n).round(1),
        "built": pd.Timestamp("1990-01-01") + pd.to_timedelta(rng.integers(0, 12_000, n), unit="D"),
        "extras": ["|".join(labels[row]) for row in has],
    }
)
years = (clean["built"] - pd.Timestamp("1990-01-01")).dt.days / 365
y = clean["rent"] / 100 + clean["area"] / 5 + years + has @ [6, 2, 4, 3, 1] + rng.normal(0, 2, n)

dirty = pd.DataFrame(
    {
        "rent": [f"${value:,.2f}" for value in clean["rent"]],
        "area": clean["area"].where(rng.random(n) > 0.1, -9999),
        "built": clean["built"].dt.strftime("%d.%m.%Y"),
        "extras": clean["extras"],
    }
)
dirty.loc[rng.choice(n, 12, replace=False), "rent"] = "on request"
clean["area"] = clean["area"].where(dirty["area"] > 0)  # by hand, too, nobody knows these areas
clean.loc[dirty["rent"] == "on request", "rent"] = np.nan
print(dirty.head(4).to_string(index=False))

# %%
# The same settings for both. The fit on the dirty table warns of the odd cells and of the filler; here the warnings are
# collected and shown.
train, test = train_test_split(np.arange(n), test_size=300, random_state=0)
found = {}
for name, frame in {"dirty": dirty, "clean": clean}.items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        reg = MultiInputRegressor(epochs=60, random_state=0).fit(frame.iloc[train], y[train])
        found[name] = reg.predict(frame.iloc[test])
    print(f"{name}: held-out R2 {r2_score(y[test], found[name]):.3f}, {len(caught)} warnings")
    for warning in caught[:2] if name == "dirty" else []:
        print("  ", warning.message)

# %%
# The plan says what each column was taken for.
print(reg.router_.plan_.to_string(index=False))

# %%
# The closer to the line, the less the dirt mattered.
fig, ax = plt.subplots(figsize=(4.6, 4.4), layout="constrained")
ax.plot(found["clean"], found["dirty"], ".", alpha=0.6)
ax.axline((50, 50), slope=1, color="black", linewidth=1)
ax.set(xlabel="prediction, cleaned by hand", ylabel="prediction, as it is", title="The same rows, dirty and clean")
plt.show()

# %%
# What is *written* differently is read alike. What is *lost*, such as an area of -9999, stays lost: no reader can bring
# it back.
