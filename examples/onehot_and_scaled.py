"""
How do categories and numbers go together?
==========================================

Categories as one-hot columns beside scaled numbers: two branches, one classifier.

Run: python examples/onehot_and_scaled.py
"""

# %%
# Customers: who buys depends on location, membership and income, less on age.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmulti import DenseBranch, InputRouter, MultiInputClassifier

rng = np.random.default_rng(0)
n = 800
df = pd.DataFrame(
    {
        "location": rng.choice(["city", "suburb", "village"], n),
        "membership": rng.choice(["none", "silver", "gold"], n),
        "age": rng.integers(18, 80, n),
        "income": rng.normal(50_000, 15_000, n).round(),
    }
)
score = (
    df["location"].map({"city": 1.5, "suburb": 0, "village": -1.5})
    + df["membership"].map({"none": -1.5, "silver": 0, "gold": 1.5})
    + (df["income"] - 50_000) / 10_000
    + (df["age"] - 49) / 40
)
chance = 1 / (1 + np.exp(-2 * score))
y = np.where(rng.random(n) < chance, "buys", "leaves")

# %%
# Both encoders are fitted on the training rows only; a location that comes later gets zeros.
train, test = train_test_split(np.arange(n), test_size=200, stratify=y, random_state=0)
router = InputRouter(
    [
        ("place", OneHotEncoder(handle_unknown="ignore"), ["location", "membership"]),
        ("money", StandardScaler(), ["age", "income"]),
    ]
)
clf = MultiInputClassifier(router, branches={"place": DenseBranch((32,))}, epochs=20, random_state=0)
clf.fit(df.iloc[train], y[train])

# %%
accuracy = clf.score(df.iloc[test], y[test])
best = np.mean((chance.iloc[test] > 0.5) == (y[test] == "buys"))
print(f"Held-out accuracy: {accuracy:.3f}")
print(f"The rule that made the data gets {best:.3f} of these 200 rows right; the rest of the labels is drawn by lot.")
print("A customer from nowhere known:", clf.predict(df.iloc[test[:1]].assign(location="island"))[0])

# %%
# What the network learned about income and age, at the best, the middle and the worst place and membership.
income, age = np.meshgrid(np.linspace(10_000, 90_000, 41), np.linspace(18, 80, 32))
fig, axes = plt.subplots(1, 3, figsize=(10, 3.2), sharey=True, layout="constrained")
for ax, place, membership in zip(axes, ["city", "suburb", "village"], ["gold", "silver", "none"], strict=True):
    grid = pd.DataFrame({"location": place, "membership": membership, "age": age.ravel(), "income": income.ravel()})
    buys = clf.predict_proba(grid)[:, list(clf.classes_).index("buys")].reshape(age.shape)
    filled = ax.contourf(income, age, buys, np.linspace(0, 1, 11), cmap="RdYlBu_r")
    ax.set(title=f"{place}, {membership}", xlabel="income")
axes[0].set_ylabel("age")
fig.colorbar(filled, ax=axes, label="chance to buy")
plt.show()
