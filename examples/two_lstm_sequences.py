"""
Can one network read two sequences of different length?
=======================================================

Two sequences of different length and width, an LSTM of its own for each.

Run: python examples/two_lstm_sequences.py
"""

# %%
# Cells hold arrays: 10 days of 5 prices, 15 hours of 3 weather sensors. The trends of both make the label.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from skmulti import InputRouter, MultiInputClassifier, SequenceBranch, SequencePadder

rng = np.random.default_rng(0)
n = 600


def draw_sequences(trends, steps, width):
    """Return one array (steps, width) per trend, with noise around a line from 0 to the trend."""
    line = np.linspace(0, 1, steps)[None, :, None] * trends[:, None, None]
    return list(line + rng.normal(0, 0.5, (len(trends), steps, width)) + rng.normal(0, 1, (len(trends), 1, width)))


price_trend, weather_trend = rng.normal(0, 2, (2, n))
df = pd.DataFrame({"prices": draw_sequences(price_trend, 10, 5), "weather": draw_sequences(weather_trend, 15, 3)})
y = np.where(price_trend + weather_trend > 0, "up", "down")

# %%
# One input per column: lengths and widths are learned at fit.
train, test = train_test_split(np.arange(n), test_size=150, stratify=y, random_state=0)
clf = MultiInputClassifier(
    InputRouter([("prices", SequencePadder(), "prices"), ("weather", SequencePadder(), "weather")]),
    branches={"prices": SequenceBranch("lstm", units=32), "weather": SequenceBranch("lstm", units=64)},
    epochs=12,
    early_stopping=False,
    random_state=0,
).fit(df.iloc[train], y[train])

# %%
print({name: spec.shape for name, spec in clf.router_.specs_.items()})
print(f"Held-out accuracy: {clf.score(df.iloc[test], y[test]):.3f}")
print("Either sequence alone would give 0.75 at best: the label is the sign of the sum of two trends of equal spread.")

# %%
# Four test rows: the mean of the prices on the left, of the weather on the right.
fig, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
chance = clf.predict_proba(df.iloc[test[:4]])[:, 1]
for (_, row), up in zip(df.iloc[test[:4]].iterrows(), chance, strict=True):
    for ax, name in zip(axes, ["prices", "weather"], strict=True):
        ax.plot(row[name].mean(axis=1) - row[name][0].mean(), label=f"chance of up: {up:.2f}")
        ax.set(title=f"{name}, {len(row[name])} steps", xlabel="step")
axes[1].legend()
plt.show()
