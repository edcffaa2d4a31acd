"""
Are today's rows like those of training?
========================================

A year later, one column comes in another unit, one has new values, and one is often empty. The router says which.

Run: python examples/shifted_rows.py
"""

# %%
# The model is fitted on last year's rows.
import matplotlib.pyplot as plt
import numpy as np

from skmulti import MultiInputClassifier
from skmulti.datasets import make_listings

df, y = make_listings(1000, random_state=0, size=(8, 8))
columns = ["area", "age", "price", "city", "heating", "description"]
clf = MultiInputClassifier(epochs=10, random_state=0).fit(df[columns], y)

# %%
# This year's rows: the same makers, and three faults on the way.
later, _ = make_listings(400, random_state=1, size=(8, 8))
later = later[columns]
rng = np.random.default_rng(0)
faulty = later.assign(
    area=later["area"] * 10.76,  # square feet
    city=later["city"].replace({"Ashford": "Ashford-on-Sea", "Carlow": "Carlow (new)"}),
    description=later["description"].where(rng.random(len(later)) > 0.2, None),
)
tables = {"as before": clf.router_.compare(later), "with faults": clf.router_.compare(faulty)}
print(tables["with faults"].loc[tables["with faults"]["shifted"], ["shift", "reason"]].to_string())

# %%
# A column is flagged beyond 0.1, if chance is ruled out as well.
fig, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
for ax, (name, table) in zip(axes, tables.items(), strict=True):
    ax.barh(table.index, table["shift"], color=np.where(table["shifted"], "#c0392b", "#8a97a6"))
    ax.axvline(0.1, color="black", linestyle="--", linewidth=1)
    ax.set(title=f"{name}: {table['shifted'].sum()} flagged", xlabel="stability index", xscale="symlog")
plt.show()

# %%
# The comparison sees each column alone. Columns that look as before, and mean something else together, pass.
