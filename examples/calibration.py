"""
Can I trust the probabilities?
==============================

Of the rows that get 0.8, do eight of ten have the label? On data where the true chance of each row is known.

Run: python examples/calibration.py
"""

# %%
# Whether a customer buys depends on a number and a category, and then on luck.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import brier_score_loss

from skmulti import DenseHead, MultiInputClassifier

rng = np.random.default_rng(0)
n = 6000
df = pd.DataFrame({"visits": rng.normal(0, 1, n), "noise": rng.normal(0, 1, n), "channel": rng.choice([*"abcd"], n)})
strength = df["channel"].map({"a": -2.0, "b": -0.5, "c": 0.5, "d": 2.0})
chance = (1 / (1 + np.exp(-(strength + 1.5 * np.sin(2 * df["visits"]))))).to_numpy()
y = (rng.random(n) < chance).astype(int)
train, test = slice(0, 2000), slice(2000, None)

# %%
# The default stops early and drops values; fifty epochs of a wide head without either learn the luck of the rows, too.
usual = MultiInputClassifier(random_state=0).fit(df[train], y[train])
eager = MultiInputClassifier(
    head=DenseHead((256, 256)), epochs=80, early_stopping=False, optimizer__learning_rate=1e-2, random_state=0
).fit(df[train], y[train])

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for name, clf in {"defaults": usual, "80 epochs, wide head": eager}.items():
    proba = clf.predict_proba(df[test])[:, 1]
    CalibrationDisplay.from_predictions(y[test], proba, n_bins=10, strategy="quantile", name=name, ax=left)
    right.plot(chance[test][::8], proba[::8], ".", alpha=0.4, label=name)
    print(
        f"{name:21} Brier score {brier_score_loss(y[test], proba):.4f}, mean distance to the true chance "
        f"{np.abs(proba - chance[test]).mean():.3f}"
    )
print(f"the true chances      Brier score {brier_score_loss(y[test], chance[test]):.4f}")
right.axline((0, 0), slope=1, color="black", linewidth=1)
right.set(xlabel="true chance", ylabel="predicted chance")
right.legend()
plt.show()

# %%
# A curve near the diagonal says that the probabilities are right on average, and no more. The right picture, which real
# data never show, says how far single rows are off.
