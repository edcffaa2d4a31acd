"""
What does each input add?
=========================

Fit one DataFrame of numbers, categories, text, photos and sensor traces, and see what each input adds.

Run: python examples/quickstart.py
"""

# %%
# A frame with five sorts of inputs, of which none is enough: 900 rows to learn from, 300 to test on.
import pickle

from sklearn.model_selection import train_test_split

from skmulti import MultiInputClassifier
from skmulti.datasets import make_listings

try:
    import matplotlib.pyplot as plt
except ImportError:  # the picture at the end is left out
    plt = None

df, y = make_listings(1200, random_state=0)
df_train, df_test, y_train, y_test = train_test_split(df, y, test_size=300, stratify=y, random_state=0)

# %%
# Nothing is configured but the length of training: columns are routed by what they hold.
settings = {"epochs": 12, "early_stopping": False, "random_state": 0}
clf = MultiInputClassifier(**settings).fit(df_train, y_train)

plan = clf.router_.plan_
print("What was routed where, and why")
print(plan.to_string(index=False), "\n")

# %%
# The same split and settings for all inputs together, and for each input alone.
accuracy = {"all inputs": clf.score(df_test, y_test)}
for name, columns in plan.groupby("input")["column"]:
    alone = MultiInputClassifier(**settings).fit(df_train[list(columns)], y_train)
    accuracy[f"{name} alone"] = alone.score(df_test[list(columns)], y_test)

print("Held-out accuracy on 300 rows")
for name, score in accuracy.items():
    print(f"{name:18} {score:.3f}")

# %%
# Keep the fitted estimator: router and network travel in one object.
again = pickle.loads(pickle.dumps(clf))
new_row = df_test.iloc[[0]]
print(f"\nA listing in {new_row['city'].item()}, loaded estimator: {again.predict(new_row)[0]}")
print(dict(zip(again.classes_, again.predict_proba(new_row)[0].round(3).tolist(), strict=True)))

best_alone = max(score for name, score in accuracy.items() if name != "all inputs")
print(
    f"\nAll inputs together reach {accuracy['all inputs']:.3f}, the best single one {best_alone:.3f}. As the listings "
    "are generated,\nno model can expect more than 0.989 and 0.685; on 300 rows a score is uncertain by 0.02 to 0.03."
)

# %%
# The same scores as a picture, where matplotlib is installed: the dashed line is the best that any model can expect.
if plt is not None:
    names = sorted(accuracy, key=accuracy.get)
    fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
    ax.barh(names, [accuracy[name] for name in names], color=["#8a97a6"] * (len(names) - 1) + ["#2f6fb0"])
    ax.axvline(0.989, color="black", linestyle="--", linewidth=1)
    ax.set(xlim=(0.5, 1), xlabel="held-out accuracy (guessing: 0.5)", title="No input is enough, all together are")
    plt.show()
