"""How often explanations find what was planted: a word among others, and a white square in photos of noise.

Run ``python tests/benchmarks/explanations.py``. A row has the word (the square) if its class is 1. 400 rows train the
network, and the 200 or so of class 1 among 400 others are explained. A word is found if no other word of its text
adds as much. A square of 4 x 4 pixels is found if the 4 x 4 window that adds most overlaps it by half of its rows and
columns.
"""

import time

import numpy as np
import pandas as pd

from skmulti import ImageDecoder, InputRouter, MultiInputClassifier, TextVectorizer
from skmulti.inspection import explain_rows

WORDS = ["the", "room", "is", "near", "a", "park", "and", "has", "two", "windows", "with", "view", "of", "old", "trees"]


def planted(n_rows, size=16, seed=0):
    """Return texts, photos, classes, and the corner of each square."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n_rows) % 2)
    texts = [list(rng.choice(WORDS, 8)) for _ in y]
    photos = rng.integers(0, 200, size=(n_rows, size, size, 3)).astype("uint8")
    corners = rng.integers(0, size - 3, size=(n_rows, 2))
    for i in np.flatnonzero(y):
        texts[i].insert(rng.integers(9), "mould")
        row, column = corners[i]
        photos[i, row : row + 4, column : column + 4] = 255
    return pd.Series([" ".join(words) for words in texts]), photos, y, corners


def share_of_words(n_rows, **params):
    """Return the share of texts in which the planted word adds most, and the seconds of the explanation."""
    texts, _, y, _ = planted(2 * n_rows)
    router = InputRouter([("text", TextVectorizer(), "text")])
    frame = pd.DataFrame({"text": texts})
    clf = MultiInputClassifier(router, random_state=0, **params).fit(frame[:n_rows], y[:n_rows])
    shown = n_rows + np.flatnonzero(y[n_rows:])
    start = time.perf_counter()
    words = explain_rows(clf, frame.iloc[shown], label=1).words["text"]
    seconds = time.perf_counter() - start
    return np.mean([max(row, key=lambda word: word[1])[0] == "mould" for row in words]), seconds


def share_of_squares(n_rows, **params):
    """Return the share of photos in which the planted square adds most, and the seconds of the explanation."""
    _, photos, y, corners = planted(2 * n_rows)
    router = InputRouter([("photo", ImageDecoder(size=photos.shape[1:3]), "photo")])
    frame = pd.DataFrame({"photo": list(photos)})
    clf = MultiInputClassifier(router, random_state=0, **params).fit(frame[:n_rows], y[:n_rows])
    shown = n_rows + np.flatnonzero(y[n_rows:])
    start = time.perf_counter()
    heat = explain_rows(clf, frame.iloc[shown], label=1).pixels["photo"]
    seconds = time.perf_counter() - start
    windows = np.lib.stride_tricks.sliding_window_view(heat, (4, 4), axis=(1, 2)).sum(axis=(3, 4))
    peaks = np.array([np.unravel_index(part.argmax(), part.shape) for part in windows])
    return np.mean(np.abs(peaks - corners[shown]).max(axis=1) <= 2), seconds


if __name__ == "__main__":
    for name, share in (("word", share_of_words), ("square", share_of_squares)):
        found, seconds = share(400, epochs=20)
        print(f"planted {name}: found in {found:.1%} of the rows, explained in {seconds:.1f} s")
