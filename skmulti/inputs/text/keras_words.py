"""Ids of words through Keras' ``TextVectorization``, for callables that standardise or split."""

from functools import partial

import keras
import numpy as np
import tensorflow as tf

from .tokens import APOSTROPHE, MARKS, SPLITTING

# Rows that go through Keras' layer at once: its ragged tensors stay small however long the column is.
BATCH_ROWS = 1024


class KerasWordIds:
    """What `_words.WordIds` is, in Keras' layer."""

    def __init__(self, vocabulary, options):
        self._vocabulary = vocabulary
        self._options = options
        self._layer = None

    def ids(self, texts, length):
        """Return texts as an array of ids (n_rows, length)."""
        if self._layer is None:
            self._layer = self._lookup(output_sequence_length=length)
        ids = np.zeros((len(texts), length), dtype="int32")
        for rows, batch in _batches(texts):
            # The stand-in of an empty vocabulary (see `_lookup`) counts as unknown.
            ids[rows] = np.minimum(self._layer(batch).numpy(), len(self._vocabulary) + 1)
        return ids

    def counts(self, texts):
        """Return the number of words of each text."""
        layer = self._lookup(ragged=True)
        counts = np.zeros(len(texts), dtype="int64")
        for rows, batch in _batches(texts):
            ids = layer(batch)
            ragged = isinstance(ids, tf.RaggedTensor)
            counts[rows] = ids.row_lengths().numpy() if ragged else np.count_nonzero(ids.numpy(), axis=1)
        return counts

    def _lookup(self, **options):
        """Make the layer with the vocabulary."""
        layer = _vectorization(self._options, **options)
        # Keras cannot look up in an empty table. As objects: NumPy's own strings would all be
        # as wide as the longest, and a whole text may be a word.
        layer.set_vocabulary(np.array(["", "[UNK]", *(self._vocabulary or ["[UNK]"])], dtype=object))
        return layer


class KerasReading:
    """What `_words.Reading` is, in Keras' layer, which reads the rows anew for each answer."""

    def __init__(self, texts, options):
        self._texts = texts
        self._options = options

    @property
    def counts(self):
        """Words of each row."""
        return KerasWordIds([], self._options).counts(self._texts)

    def words(self, max_tokens):
        """Return the words, the most frequent first."""
        layer = _vectorization(self._options, max_tokens=max_tokens and int(max_tokens))
        layer.reset_state()
        for _, batch in _batches(self._texts):
            layer.update_state(batch)
        layer.finalize_state()
        return [str(word) for word in layer.get_vocabulary(include_special_tokens=False)]

    def ids(self, vocabulary, length):
        """Return the rows as an array of ids (n_rows, length)."""
        return KerasWordIds(vocabulary, self._options).ids(self._texts, length)


def _vectorization(options, **more):
    """Make Keras' layer with the options of `TextVectorizer`."""
    standardize = options["standardize"]
    if isinstance(standardize, str) and standardize in SPLITTING:
        options = {**options, "standardize": partial(_split_punctuation, lower=standardize.startswith("lower"))}
    return keras.layers.TextVectorization(**options, **more)


def _split_punctuation(texts, *, lower):
    """Do to a tensor of strings what `_tokens.Tokenizer` does to bytes."""
    texts = tf.strings.regex_replace(tf.strings.lower(texts) if lower else texts, APOSTROPHE, "")
    marks = b"".join(b"\\" + mark for mark in MARKS)
    return tf.strings.regex_replace(texts, b"([" + marks + b"])", r" \1 ")


def _batches(texts):
    """Yield successive rows as (slice, string tensor of shape (n, 1))."""
    for start in range(0, len(texts), BATCH_ROWS):
        rows = slice(start, start + BATCH_ROWS)
        yield rows, tf.constant([[text.encode("utf-8", "replace")] for text in texts[rows]], dtype=tf.string)
