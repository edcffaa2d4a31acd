"""
What if three photos of ten are missing?
========================================

Three photos of ten are missing: a learned vector in their place, or black pictures?

Run: python examples/missing_photos.py
"""

# %%
# Missing at random: no photo says nothing about the label.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from skmulti import ImageDecoder, InputRouter, MultiInputClassifier, NumberScaler, TextVectorizer
from skmulti.datasets import make_listings

router = InputRouter(
    [
        ("numbers", NumberScaler(), ["area", "age", "price"]),
        ("text", TextVectorizer(), "description"),
        ("photo", ImageDecoder(size=(16, 16)), "photo"),
    ]
)
settings = {"optimizer__learning_rate": 3e-3, "epochs": 12, "early_stopping": False}
black = np.zeros((16, 16, 3), dtype="uint8")

# %%
# None in a cell is a missing photo; the other way is to fill it before the fit.
SEEDS = range(3)
scores = {"learned vector": [], "black picture": []}
for seed in SEEDS:
    df, y = make_listings(1000, random_state=seed, size=(16, 16))
    lost = np.random.default_rng(seed).random(len(df)) < 0.3
    df["photo"] = df["photo"].where(~lost, None)
    filled = df.assign(photo=[black if cell is None else cell for cell in df["photo"]])
    train, test = train_test_split(np.arange(len(df)), test_size=400, stratify=y, random_state=seed)
    for name, frame in {"learned vector": df, "black picture": filled}.items():
        clf = MultiInputClassifier(router, random_state=seed, **settings).fit(frame.iloc[train], y.iloc[train])
        scores[name].append(clf.score(frame.iloc[test], y.iloc[test]))

# %%
for name, values in scores.items():
    print(f"{name:15} held-out accuracy {np.mean(values):.3f} ({', '.join(f'{value:.3f}' for value in values)})")
gain = np.subtract(scores["learned vector"], scores["black picture"])
print(f"Difference over {len(SEEDS)} seeds: {gain.mean():+.3f}, standard deviation {gain.std(ddof=1):.3f}.")
clear = abs(gain.mean()) > 2 * gain.std(ddof=1) / len(SEEDS) ** 0.5
print(
    f"That is {'more' if clear else 'no more'} than the seeds explain. Photos are missing at random here, and no real "
    "one is black,\nso that a network can learn to tell; the learned vector saves the choice of a filling."
)

# %%
# A point is one seed: both ways were fitted and tested on the same rows.
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
pixels = ImageDecoder(size=(16, 16), on_error="missing").fit_transform(df["photo"][:24])
left.imshow(pixels.reshape(4, 6, 16, 16, 3).swapaxes(1, 2).reshape(64, 96, 3))
left.set_title("24 photos, some missing")
left.axis("off")
for place, (name, values) in enumerate(scores.items()):
    right.plot(values, [place] * len(values), "o", markersize=9, alpha=0.7, label=name)
right.set(yticks=[0, 1], yticklabels=list(scores), ylim=(-0.5, 1.5), xlabel="held-out accuracy")
plt.show()
