"""
Can one network give several answers?
=====================================

Labels that can hold together, two questions in one network, and a threshold for a rare label.

Run: python examples/multi_output.py
"""

# %%
# Listings with a text and numbers, and what is to be learned from them.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import f1_score, recall_score, roc_auc_score
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split

from skmulti import InputRouter, MultiInputClassifier, NumberScaler, TextVectorizer
from skmulti.datasets import make_listings

df, _ = make_listings(1000, random_state=0, size=(8, 8))
praised = df["description"].str.contains("sunny|quiet|renovated|spacious|cosy|tidy|warm|modern")
old, large = df["age"] > 45, df["area"] > 100
chance = np.where(old & ~praised, 0.4, 0.02)
complaint = pd.Series(np.random.default_rng(0).random(len(df)) < chance, name="complaint")
train, test = train_test_split(np.arange(len(df)), test_size=0.4, stratify=complaint, random_state=0)

router = InputRouter(
    [
        ("numbers", NumberScaler(), ["area", "age"]),
        ("text", TextVectorizer(max_tokens=200, length=20), "description"),
    ]
)
settings = {"epochs": 8, "optimizer__learning_rate": 0.01, "early_stopping": False, "random_state": 0}


def fitted(y, **params):
    """Fit the same network to another target."""
    return MultiInputClassifier(router, **settings, **params).fit(df.iloc[train], y.iloc[train])


# %%
# Columns of 0 and 1 (or False and True) are labels that can hold together: one sigmoid unit each.
labels = pd.DataFrame({"praised": praised, "old": old, "large": large})
clf = fitted(labels)
proba, predicted = clf.predict_proba(df.iloc[test]), clf.predict(df.iloc[test])
for k, name in enumerate(clf.output_names_):
    print(f"{name:8} AUC {roc_auc_score(labels.iloc[test, k], proba[:, k]):.3f}")
print(f"All {proba.shape[1]} labels of a row right: {clf.score(df.iloc[test], labels.iloc[test]):.3f}")

# %%
# Other columns are a question each, with classes of their own type: one softmax each.
questions = pd.DataFrame({"tone": np.where(praised, "kind", "harsh"), "rooms": np.digitize(df["area"], [60, 120]) + 1})
clf = fitted(questions, class_weight="balanced")
print(f"\n{clf.classes_}; predicted, for example: {clf.predict(df.iloc[test[:1]])[0].tolist()}")
print(f"Held-out accuracy: {clf.score(df.iloc[test], questions.iloc[test]):.3f} (both answers right)")

# %%
# A rare label: hardly a row reaches 0.5 where four of ten suspicious listings have a complaint.
clf = fitted(complaint)
tuned = TunedThresholdClassifierCV(MultiInputClassifier(router, **settings), scoring="f1", cv=0.3, random_state=0)
tuned.fit(df.iloc[train], complaint.iloc[train])
print(f"\n{complaint.mean():.0%} of the listings have a complaint.")
for threshold, est in {0.5: clf, tuned.best_threshold_: tuned}.items():
    found, truth = est.predict(df.iloc[test]), complaint.iloc[test]
    print(
        f"threshold {threshold:.2f}: {np.mean(found == truth):.1%} right, {recall_score(truth, found):.0%} of the "
        f"complaints found, F1 {f1_score(truth, found):.2f}"
    )
print(
    "The default, 0.5, makes the fewest mistakes if probabilities are right; where a missed complaint is worse than a\n"
    "false alarm, let a score that says so choose the threshold, on rows that did not train the network."
)

# %%
# The threshold that was found on other rows, and what every threshold would give on the test rows.
chances = clf.predict_proba(df.iloc[test])[:, 1]
thresholds = np.linspace(0.02, 0.9, 60)
fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.plot(thresholds, [f1_score(complaint.iloc[test], chances > threshold) for threshold in thresholds], label="F1")
ax.plot(thresholds, [np.mean((chances > t) == complaint.iloc[test]) for t in thresholds], label="accuracy")
ax.axvline(tuned.best_threshold_, color="black", linestyle="--", label="chosen on training rows")
ax.set(xlabel="threshold", title="A rare label: which threshold?")
ax.legend()
plt.show()
