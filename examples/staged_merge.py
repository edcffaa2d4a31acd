"""
Must all inputs be merged at once?
==================================

Merge in stages: the photo with the text first, then both with the numbers.

Run: python examples/staged_merge.py
"""

# %%
# Listings with a price that photo, text, numbers and city make together.
import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from skmulti import (
    CategoryIndexer,
    ImageDecoder,
    InputRouter,
    MultiInputRegressor,
    NumberScaler,
    StagedMerge,
    TextVectorizer,
)
from skmulti.datasets import make_prices

df, y = make_prices(900, random_state=0, size=(16, 16))
df_train, df_test, y_train, y_test = train_test_split(df, y, test_size=200, random_state=0)

# %%
# Each stage has a name, by which later stages, and grids ("merge__looks__units"), address it.
router = InputRouter(
    [
        ("photo", ImageDecoder(size=(16, 16)), "photo"),
        ("text", TextVectorizer(), "description"),
        ("numbers", NumberScaler(), ["area", "age"]),
        ("city", CategoryIndexer(), "city"),
    ]
)
merge = StagedMerge(
    [("looks", "gated", ["photo", "text"]), ("facts", "concatenate", ["numbers", "city"])], final="concatenate"
)
settings = {"optimizer__learning_rate": 3e-3, "epochs": 25, "early_stopping": False, "random_state": 0}
staged = MultiInputRegressor(router, merge=merge, **settings).fit(df_train, y_train)
flat = MultiInputRegressor(router, merge="concatenate", **settings).fit(df_train, y_train)

# %%
print(f"Held-out R2 in stages: {staged.score(df_test, y_test):.3f}, in one step: {flat.score(df_test, y_test):.3f}")
print("Effects add up in these data, so that stages do harm here; the example shows how, not that, to use them.")

# %%
# Predicted and true prices of the test rows.
fig, axes = plt.subplots(1, 2, figsize=(9, 4), sharex=True, sharey=True, layout="constrained")
for ax, (name, reg) in zip(axes, {"in stages": staged, "in one step": flat}.items(), strict=True):
    ax.plot(y_test, reg.predict(df_test), ".", alpha=0.6)
    ax.axline((300_000, 300_000), slope=1, color="black", linewidth=1)
    ax.set(title=name, xlabel="price")
axes[0].set_ylabel("predicted price")
plt.show()
