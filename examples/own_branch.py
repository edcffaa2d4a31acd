"""
How do I write a branch of my own?
==================================

A branch is a class with one method. This one gives a number as waves of several lengths to the network, for a target
that swings.

Run: python examples/own_branch.py
"""

# %%
# `connect` gets the tensor of the input and returns a vector for each row. What is in `__init__` can be searched, as
# ``branches__hour__n_waves``.
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skmulti import Branch, DenseBranch, InputRouter, MultiInputRegressor, NumberScaler


class WaveBranch(Branch):
    """Sines and cosines of a number, `n_waves` lengths that are learned, then a dense layer."""

    reads = ("vector",)

    def __init__(self, n_waves=8, units=16):
        self.n_waves = n_waves
        self.units = units

    def connect(self, tensor, spec, sample):
        """Connect the layers; see `Branch.connect`."""
        angles = keras.layers.Dense(self.n_waves, kernel_initializer=keras.initializers.RandomNormal(stddev=4, seed=0))(
            tensor
        )
        waves = keras.layers.Concatenate()([keras.ops.sin(angles), keras.ops.cos(angles)])
        return keras.layers.Dense(self.units, activation="relu")(waves)


# %%
# A week of visitors by the hour: they swing with the day.
rng = np.random.default_rng(0)
hour = np.sort(rng.uniform(0, 7 * 24, 900))
expected = 50 + 30 * np.sin(2 * np.pi * hour / 24) + 10 * np.sin(2 * np.pi * hour / 8)
df, y = pd.DataFrame({"hour": hour}), expected + rng.normal(0, 5, len(hour))
test = np.arange(len(df)) % 3 == 0

# %%
# The same settings, a branch of dense layers and ours.
curves = {}
for name, branch in {"DenseBranch": DenseBranch((64, 64)), "WaveBranch": WaveBranch(32, 32)}.items():
    reg = MultiInputRegressor(
        InputRouter([("hour", NumberScaler(), "hour")]),
        branches={"hour": branch},
        optimizer__learning_rate=5e-3,
        epochs=60,
        early_stopping=False,
        random_state=0,
    ).fit(df[~test], y[~test])
    curves[name] = reg.predict(df)
    print(f"{name:12} held-out R2 {reg.score(df[test], y[test]):.3f}")

# %%
# Points are rows that were held out.
fig, ax = plt.subplots(figsize=(9, 3.4), layout="constrained")
ax.plot(hour[test], y[test], ".", color="#8a97a6", alpha=0.5)
for name, curve in curves.items():
    ax.plot(hour, curve, label=name)
ax.set(xlabel="hour of the week", ylabel="visitors")
ax.legend(loc="upper right")
plt.show()

# %%
# The branch knows that the target swings, and a better guess is all that it adds. Outside of this week it knows no
# more than any other network.
