"""
When does it help to multiply two inputs?
=========================================

Two inputs that change each other's meaning: merge="interaction" beside "concatenate".

Run: python examples/interaction.py
"""

# %%
# Five wishes of a person and five traits of a flat; they match if wish times trait sums to more than 0.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from skmulti import DenseBranch, InputRouter, MultiInputClassifier, NumberScaler

rng = np.random.default_rng(0)
n, topics = 800, ["price", "size", "light", "quiet", "garden"]
wishes, traits = [f"wish_{topic}" for topic in topics], [f"trait_{topic}" for topic in topics]
df = pd.DataFrame(rng.normal(size=(n, 10)), columns=[*wishes, *traits])
y = np.where((df[wishes].to_numpy() * df[traits].to_numpy()).sum(axis=1) > 0, "match", "no match")
train, test = train_test_split(np.arange(n), test_size=300, stratify=y, random_state=0)

# %%
# Branches may have different widths: the merge brings their outputs to one before it multiplies.
router = InputRouter([("person", NumberScaler(), wishes), ("flat", NumberScaler(), traits)])
scores = {}
for merge in ("concatenate", "interaction"):
    clf = MultiInputClassifier(
        router,
        merge=merge,
        branches={"person": DenseBranch((64,)), "flat": DenseBranch((32,))},
        epochs=30,
        early_stopping=False,
        random_state=0,
    )
    scores[merge] = clf.fit(df.iloc[train], y[train]).score(df.iloc[test], y[test])

# %%
for merge, score in scores.items():
    print(f"merge={merge!r:14} held-out accuracy {score:.3f}")
print("Either input alone would give 0.5: products help where the label is made of products, as it is here by design.")

# %%
# The same bars as a picture; the dashed line is guessing.
fig, ax = plt.subplots(figsize=(6, 2.4), layout="constrained")
ax.barh(list(scores), list(scores.values()), color=["#8a97a6", "#2f6fb0"])
ax.axvline(0.5, color="black", linestyle="--", linewidth=1)
ax.set(xlim=(0, 1), xlabel="held-out accuracy", title="Wish times trait: only a merge that multiplies sees it")
plt.show()
