"""
Do a network and trees know different things?
=============================================

Half a network and half gradient boosting, by scikit-learn's own ensembles on one frame; and three networks.

Run: python examples/blend_with_trees.py
"""

# %%
# Whether a flat is let depends on steps in its numbers, which trees cut out in one piece, and on the words of its
# description, which a network adds up.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from skmulti import MultiInputClassifier

rng = np.random.default_rng(0)
n = 4000
words = np.array([f"word{i}" for i in range(60)])
weights = rng.normal(0, 0.8, 60)
chosen = [rng.choice(60, 8, replace=False) for _ in range(n)]
df = pd.DataFrame(
    {
        "area": rng.uniform(20, 120, n),
        "rent": rng.uniform(5, 30, n),
        "year": rng.integers(1900, 2020, n),
        "city": rng.choice(["Oslo", "Rome", "Bern", "Riga"], n),
        "text": [" ".join(words[own]) for own in chosen],
    }
)
large, cheap, new = df["area"] > 70, df["rent"] < 14, df["year"] > 1970
bargain = (large & cheap) | (new & (df["city"] == "Oslo")) | (~large & ~new & df["city"].isin(["Rome", "Riga"]))
strength = 2.5 * (bargain - bargain.mean()) + np.array([weights[own].sum() for own in chosen])
y = np.where(rng.random(n) < 1 / (1 + np.exp(-strength)), "let", "vacant")
train, test = slice(0, 1500), slice(1500, None)

# %%
# The network takes the frame as it is. Trees need numbers: codes of the cities, and counts of the words.
network = MultiInputClassifier(random_state=0)
counts = CountVectorizer(), "text"
columns = make_column_transformer((OrdinalEncoder(), ["city"]), counts, remainder="passthrough", sparse_threshold=0)
trees = make_pipeline(columns, HistGradientBoostingClassifier(random_state=0))
members = [("network", network), ("trees", trees)]
models = {
    "network": network,
    "three networks": MultiInputClassifier(n_networks=3, random_state=0),
    "trees": trees,
    "half and half": VotingClassifier(members, voting="soft"),
    "stacked": StackingClassifier(members, cv=3),
}

# %%
# Both ensembles pass the frame on. Voting averages the probabilities. Stacking learns from out-of-fold probabilities
# how much each is worth, and fits the network once for each fold and once more.
scores = {}
for name, model in models.items():
    model.fit(df[train], y[train])
    scores[name] = roc_auc_score(y[test] == "vacant", model.predict_proba(df[test])[:, 1])
    print(f"{name:14} AUC {scores[name]:.3f}")

fig, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.barh(list(scores)[::-1], list(scores.values())[::-1], color=["C1", "C1", "C2", "C0", "C0"])
axes.set(xlabel="area under the ROC curve on new rows", xlim=(min(scores.values()) - 0.02, max(scores.values()) + 0.01))
plt.show()

# %%
# More networks cancel what is chance in one of them. Trees err elsewhere, so that half of each is better than either,
# where both are good. A blend with a model that is much worse gains nothing: compare on rows that are held out.
