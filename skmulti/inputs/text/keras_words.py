"""Ids of words through Keras' ``TextVectorization``, where the user gave a callable that standardises or splits.

Such a callable works on TensorFlow's tensors of strings, so `tokens` and `words` cannot run it. The two classes here
stand in for those of `words` and have the same methods.
"""

from functools import partial

import keras
import numpy as np
import tensorflow as tf

from ...spec import FIRST_ID
from .scripts import respelling
from .tokens import APOSTROPHE, MARKS, SPLITTING, ascii_options

# Rows that go through Keras' layer at once, so that its ragged tensors stay small however long the column is.
CHUNK_ROWS = 1024


class KerasWordIds:
    """Ids of the words of a vocabulary, as `words.WordIds` returns them, from Keras' layer."""

    def __init__(self, vocabulary, options):
        self._vocabulary = vocabulary
        self._options = options
        self._layers = {}

    def ids(self, texts, length):
        """Return texts as an array of ids (n_rows, length)."""
        if length not in self._layers:
            # Kept: a fitted encoder asks for few lengths, and each new layer is a new table in TensorFlow.
            self._layers[length] = self._make_lookup(output_sequence_length=length)
        ids = np.zeros((len(texts), length), dtype="int32")
        for rows, strings in _string_chunks(texts, self._options):
            # The stand-in of an empty vocabulary (see `_make_lookup`) counts as unknown.
            ids[rows] = np.minimum(self._layers[length](strings).numpy(), len(self._vocabulary) + 1)
        return ids

    def counts(self, texts):
        """Return the number of words of each text."""
        layer = self._make_lookup(ragged=True)
        counts = np.zeros(len(texts), dtype="int64")
        for rows, strings in _string_chunks(texts, self._options):
            ids = layer(strings)
            # The layer may return a dense tensor all the same (split=None does); there 0 is padding.
            ragged = isinstance(ids, tf.RaggedTensor)
            counts[rows] = ids.row_lengths().numpy() if ragged else np.count_nonzero(ids.numpy(), axis=1)
        return counts

    def _make_lookup(self, **options):
        """Return a new layer that holds the vocabulary."""
        layer = _make_layer(self._options, **options)
        # "[UNK]" a second time, since Keras cannot look up in an empty table. As objects, since NumPy's own strings
        # would all be as wide as the longest, and a whole text may be a word.
        layer.set_vocabulary(np.array(["", "[UNK]", *(self._vocabulary or ["[UNK]"])], dtype=object))
        return layer


class KerasTrainingWords:
    """The words of training rows, as in `words.TrainingWords`; Keras' layer reads the rows for each answer."""

    def __init__(self, texts, options):
        self._texts = texts
        self._options = options

    @property
    def counts(self):
        """Number of words of each row."""
        # Unknown words count, too, so an empty vocabulary will do.
        return KerasWordIds([], self._options).counts(self._texts)

    @property
    def n_repeated(self):
        """Number of different words that occur more than once."""
        return sum(total > 1 for total in self.totals().values())

    def totals(self):
        """Return how often each word occurs: dict of str to int."""
        words = self.words(None)
        ids = self.ids(words, int(self.counts.max(initial=1)))
        counts = np.bincount(ids.ravel(), minlength=len(words) + FIRST_ID)[FIRST_ID:]
        return dict(zip(words, counts.tolist(), strict=True))

    def words(self, max_tokens):
        """Return the words, the most frequent first."""
        layer = _make_layer(self._options, max_tokens=max_tokens and int(max_tokens))
        # The steps of Keras' `adapt`, with the chunks of the other methods.
        layer.reset_state()
        for _, strings in _string_chunks(self._texts, self._options):
            layer.update_state(strings)
        layer.finalize_state()
        return [str(word) for word in layer.get_vocabulary(include_special_tokens=False)]

    def ids(self, vocabulary, length):
        """Return the rows as an array of ids (n_rows, length)."""
        return KerasWordIds(vocabulary, self._options).ids(self._texts, length)


def _make_layer(options, **more):
    """Return a new layer of Keras with the options of `TextVectorizer`."""
    standardize, split = ascii_options(options["standardize"], options["split"])
    options = {**options, "standardize": standardize, "split": split}
    # Keras does not know these options, but takes a callable in their place.
    if isinstance(standardize, str) and standardize in SPLITTING:
        options = {**options, "standardize": partial(_split_punctuation, lower=standardize.startswith("lower"))}
    return keras.layers.TextVectorization(**options, **more)


def _split_punctuation(texts, *, lower):
    """Standardise a tensor of strings as `tokens.Tokenizer` does with bytes."""
    texts = tf.strings.regex_replace(tf.strings.lower(texts) if lower else texts, APOSTROPHE, "")
    marks = b"".join(b"\\" + mark for mark in MARKS)
    return tf.strings.regex_replace(texts, b"([" + marks + b"])", r" \1 ")


def _string_chunks(texts, options):
    """Yield successive rows as (slice, string tensor of shape (n_rows, 1))."""
    respell = respelling(options["standardize"], options["split"])
    for start in range(0, len(texts), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        # TensorFlow refuses lone surrogates, which have no UTF-8 bytes; they become "?".
        strings = [text.encode("utf-8", "replace") for text in texts[rows]]
        if respell is not None:
            strings = list(map(respell, strings))
        yield rows, tf.constant([[text] for text in strings], dtype=tf.string)
