"""Texts with everything that Unicode has to offer."""

import string

import numpy as np
import tensorflow as tf

# --- the encoder: ids as Keras makes them, found another way


PIECES = [
    *("a", "b", "B", "A", "good", "Not", "don't", "abcdefg", "abcdefgh", "ABCDEFGHIJKLMN", "abcdefghijklmno", "x" * 29),
    *(
        "[UNK]",
        "[",
        "!",
        "...",
        "-",
        "_",
        "'",
        "\\",
        "é",
        "É",
        "ß",
        "İ",
        "日本語",
        "日",
        "🎉",
        "שלום",
        "\0",
        "a\0",
        "\0a",
    ),
    *string.punctuation,
    *("\ud800", "\udfff\ud800", "\udcff", "\ufeff", "\uffff", "\U0010ffff", "ÿ"),
]
SPACES = [" "] * 8 + [
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1f",
    "\x85",
    "\xa0",
    "\u2003",
    "\u2028",
    "\u200b",
    "",
]


def odd_texts(seed, n_rows):
    """Draw texts of punctuation, scripts, white space of all kinds, what is no Unicode, and words of many lengths."""
    rng = np.random.default_rng(seed)
    share = np.cumsum(1 / np.arange(1, len(PIECES) + 1))
    texts = []
    for count in rng.choice([0, 1, 2, 3, 5, 20], size=n_rows):
        words = np.searchsorted(share, rng.random(count) * share[-1])
        texts.append("".join(PIECES[word] + SPACES[rng.integers(len(SPACES))] for word in words))
    return texts


def as_tensor(texts):
    return tf.constant([[text.encode("utf-8", "replace")] for text in texts])
