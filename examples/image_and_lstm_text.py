"""
How do a picture and a sentence work together?
==============================================

Pictures and sentences to ten classes: convolutions for one, an LSTM for the other.

Run: python examples/image_and_lstm_text.py
"""

# %%
# Five colours of lamps, working or broken: the picture shows the colour, the order of the words the state.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split

from skmulti import ImageBranch, ImageDecoder, InputRouter, MultiInputClassifier, TextBranch, TextVectorizer

COLOURS = {"red": (220, 60, 50), "green": (60, 180, 70), "blue": (60, 90, 220), "yellow": (230, 210, 60), "grey": 128}
# Both lists have the same words: only their order tells.
STATES = {
    "works": ["it works and is not broken", "not broken it works", "works well not broken at all"],
    "broken": ["it is broken and not works", "not works it broken", "broken at all not works well"],
}

rng = np.random.default_rng(0)
n = 800
colour, state = rng.choice(list(COLOURS), n), rng.choice(list(STATES), n)


def draw_photo(name):
    """Return pixels (64, 64, 3): a coloured square somewhere on a dark, noisy ground."""
    pixels = rng.integers(0, 60, (64, 64, 3))
    top, left = rng.integers(0, 32, 2)
    pixels[top : top + 32, left : left + 32] += np.array(COLOURS[name]) - 30
    return pixels.clip(0, 255).astype("uint8")


df = pd.DataFrame({"photo": [draw_photo(name) for name in colour], "report": [rng.choice(STATES[s]) for s in state]})
y = np.char.add(np.char.add(state, " "), colour)

# %%
train, test = train_test_split(np.arange(n), test_size=200, stratify=y, random_state=0)
clf = MultiInputClassifier(
    InputRouter([("photo", ImageDecoder(size=(64, 64)), "photo"), ("report", TextVectorizer(length=100), "report")]),
    branches={"photo": ImageBranch((8, 16)), "report": TextBranch("lstm", units=32)},
    optimizer__learning_rate=3e-3,
    epochs=8,
    early_stopping=False,
    random_state=0,
).fit(df.iloc[train], y[train])

# %%
print(f"{len(clf.classes_)} classes, held-out accuracy: {clf.score(df.iloc[test], y[test]):.3f} (by lot: 0.100)")
print("A colour without the state, or the state without the colour, could give 0.5 and 0.2 at best.")

# %%
# Rows are what was, columns what was predicted: mistakes would be in the colour, the state, or both.
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), width_ratios=[1, 1.6], layout="constrained")
left.imshow(np.hstack(df["photo"].iloc[[list(colour).index(name) for name in COLOURS]].tolist()[:3]))
left.set_title("\n".join(f'"{text}"' for text in df["report"].iloc[:3]), fontsize=9)
left.axis("off")
ConfusionMatrixDisplay.from_estimator(
    clf, df.iloc[test], y[test], ax=right, colorbar=False, xticks_rotation="vertical", cmap="Blues"
)
plt.show()
