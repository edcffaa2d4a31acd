"""
Are two questions the same?
===========================

Are two questions the same? One vocabulary and one branch for both, and their interaction.

Run: python examples/shared_branch.py
"""

# %%
# Pairs of questions; one of the two alone says nothing about the label.
import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from skmulti import InputRouter, MultiInputClassifier, TextBranch, TextVectorizer
from skmulti.datasets import make_questions

df, y = make_questions(1500, random_state=0)
df_train, df_test, y_train, y_test = train_test_split(df, y, test_size=400, stratify=y, random_state=0)

# %%
# In the router, "q1" in the place of an encoder: q2 has the encoder of q1, fitted on the words of both columns.
router = InputRouter([("q1", TextVectorizer(length=10), "question1"), ("q2", "q1", "question2")])
settings = {"merge": "interaction", "optimizer__learning_rate": 1e-2, "epochs": 20, "early_stopping": False}
branch = TextBranch("pool", embedding_dim=32)
shared = MultiInputClassifier(router, branches={"q1": branch, "q2": "q1"}, random_state=0, **settings)
apart = MultiInputClassifier(router, branches={"q1": branch, "q2": branch}, random_state=0, **settings)

# %%
results = {}
for name, clf in {"one branch for both": shared, "a branch for each": apart}.items():
    clf.fit(df_train, y_train)
    weights = clf.model_.count_params()
    results[name] = (weights, clf.score(df_test, y_test))
    print(f"{name:20} {weights:7,} weights, held-out accuracy {results[name][1]:.3f}")
print("By lot: 0.5. On one split of 400 test rows, a difference of less than about 0.04 would say nothing.")

# %%
# Less to learn, and from twice as many questions.
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 2.4), sharey=True, layout="constrained")
left.barh(list(results), [weights for weights, _ in results.values()], color="#8a97a6")
left.set_xlabel("weights")
right.barh(list(results), [score for _, score in results.values()], color="#2f6fb0")
right.axvline(0.5, color="black", linestyle="--", linewidth=1)
right.set(xlim=(0, 1), xlabel="held-out accuracy")
plt.show()
