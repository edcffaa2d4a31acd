"""
Can it read Japanese, Arabic and emoji?
=======================================

Words come from blanks, and not every script has them. The same opinions in six scripts, with the same three lines.

Run: python examples/text_scripts.py
"""

# %%
# An opinion is a word for the thing and a word for the judgement, with some others around it.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skmulti import InputRouter, MultiInputClassifier

SCRIPTS = {
    "English": (
        ["the {} was {}", "a {}, it is {}"],
        ["room", "bed", "view"],
        ["great", "lovely"],
        ["awful", "dirty"],
    ),
    "Greek": (
        ["το {} ήταν {}", "ένα {} {}"],
        ["δωμάτιο", "κρεβάτι"],
        ["υπέροχο", "ωραίο"],
        ["άθλιο", "βρώμικο"],
    ),
    "Arabic": (["كان {} {}", "هذا {} وهو {}"], ["الغرفة", "السرير"], ["رائع", "جميل"], ["سيئ", "قذر"]),
    "Japanese": (
        ["{}は{}です", "この{}はとても{}"],
        ["部屋", "寝台", "景色"],
        ["綺麗", "最高"],
        ["最悪", "不潔"],
    ),
    "Chinese": (["{}很{}", "这个{}真的{}"], ["房间", "床铺", "风景"], ["漂亮", "舒服"], ["糟糕", "肮脏"]),
    "Emoji": (["{} {}", "my {} {}"], ["room", "bed"], ["😀", "👍"], ["😡", "👎"]),
}
rng = np.random.default_rng(0)


def write(script, good):
    """Return one opinion."""
    sentences, things, praise, blame = SCRIPTS[script]
    return rng.choice(sentences).format(rng.choice(things), rng.choice(praise if good else blame))


# %%
# One fit for each script, on 300 opinions of which a tenth has the wrong label. The test labels are right.
scores = {}
for script in SCRIPTS:
    good = rng.random(500) < 0.5
    df = pd.DataFrame({"opinion": [write(script, value) for value in good], "stars": rng.integers(1, 6, 500)})
    noisy = good ^ (rng.random(500) < 0.1)
    router = InputRouter(kinds={"opinion": "text"})  # so few different opinions would count as categories
    clf = MultiInputClassifier(router, epochs=20, random_state=0).fit(df[:300], noisy[:300])
    scores[script] = clf.score(df[300:], good[300:])
    pieces = clf.router_.specs_["opinion"].vocabulary_sizes[0]
    print(f"{script:9} held-out accuracy {scores[script]:.3f}, {pieces} pieces in the vocabulary")

# %%
# Guessing is at 0.5.
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.barh(list(scores), list(scores.values()), color="#2f6fb0")
ax.axvline(0.5, color="black", linestyle="--", linewidth=1)
ax.set(xlim=(0, 1), xlabel="held-out accuracy", title="Opinions in six scripts, one way of fitting")
ax.invert_yaxis()
plt.show()

# %%
# Where no blanks stand between words, characters and pairs of them are the pieces. These sentences are simple: in real
# texts a character says less than a word does, and more rows are needed.
