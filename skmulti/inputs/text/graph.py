"""`TextVectorizer` in a graph: the same words at the same places, by regular expressions and lookup tables.

What `scripts` does with Python's patterns is done with the same patterns here. RE2 has no look-around, so runs of
characters in which words of their own stand are first put between marks, and only what is between them is split.
"""

import tensorflow as tf

from ...spec import FIRST_ID, UNKNOWN_ID
from ..graphs import ColumnTensor, EncoderGraph, Normalizer, unless_ascii
from . import scripts
from .tokens import APOSTROPHE, MARKS, SPLITTING, ascii_options

# A code point that no text has, as Unicode gives it to no character; texts that have it all the same get its neighbour.
_MARK, _OTHER = "\uffff", "\ufffe"
_PUNCTUATION = "".join(f"\\x{{{mark[0]:x}}}" for mark in MARKS)


class TextGraph(EncoderGraph):
    """Look up the ids of the words of texts.

    Parameters
    ----------
    n_columns : int
        Number of columns, whose cells are joined with a space.
    options : dict
        `standardize`, `split` and `ngrams` (a tuple of widths) of the vectorizer.
    vocabulary : list of str
        The words of the ids 2, 3, ...
    length : int
        Ids of each row.
    """

    def __init__(self, n_columns, options, vocabulary, length):
        super().__init__([ColumnTensor("string", "a text")] * n_columns)
        self._standardize, self._split = ascii_options(options["standardize"], options["split"])
        self._ngrams, self._length = options["ngrams"], length
        self._respell = None
        if "auto" in (options["standardize"], options["split"]):
            self._respell = _Respelling(self, fold=options["standardize"] == "auto", apart=options["split"] == "auto")
            vocabulary = [word.replace(_MARK, _OTHER) for word in vocabulary]
        self._ids = self.make_table({word: i for i, word in enumerate(vocabulary, FIRST_ID)}, UNKNOWN_ID)

    def encode(self, *texts):
        """Look up the ids: tensor of shape (n_rows, length), int32; see `EncoderGraph.encode`."""
        texts = self._join_cells(texts)
        texts = texts if self._respell is None else self._respell(texts)
        words = self._split_words(self._standardise(texts))
        grams = [words if n == 1 else tf.strings.ngrams(words, n, separator=" ") for n in self._ngrams]
        grams = grams[0] if len(grams) == 1 else tf.concat(grams, axis=1)
        ids = tf.ragged.map_flat_values(self._ids.lookup, grams)
        ids = ids[:, : self._length].to_tensor(shape=[None, self._length])
        return tf.cast(ids, tf.int32)

    def _join_cells(self, columns):
        """Return one text a row: its cells joined with a space, without the missing ones."""
        joined, begun = tf.zeros_like(columns[0]), tf.zeros_like(columns[0], dtype=tf.bool)
        for column, texts in zip(self.columns, columns, strict=True):
            known = ~column.is_missing(texts)
            longer = tf.strings.join([tf.where(begun, joined + " ", joined), texts])
            joined, begun = tf.where(known, longer, joined), begun | known
        return joined

    def _standardise(self, texts):
        """Return texts in lower case, and punctuation deleted or between spaces, as the options say."""
        steps = (self._standardize or "").split("_and_")
        if "lower" in steps:
            # Of ASCII alone.
            texts = tf.strings.lower(texts)
        if steps[-1] == "strip_punctuation":
            return tf.strings.regex_replace(texts, f"['{_PUNCTUATION}]", "")
        if self._standardize in SPLITTING:
            texts = tf.strings.regex_replace(texts, APOSTROPHE, "")
            texts = tf.strings.regex_replace(texts, f"([{_PUNCTUATION}])", r" \1 ")
        return texts

    def _split_words(self, texts):
        """Return the words of each text as a ragged tensor."""
        if self._split == "whitespace":
            return tf.strings.split(texts)
        if self._split == "character":
            return tf.strings.unicode_split(texts, "UTF-8")
        return tf.RaggedTensor.from_row_lengths(tf.boolean_mask(texts, texts != ""), tf.cast(texts != "", tf.int64))


class _Respelling:
    """Put blanks around what is a word of its own, as `scripts.respell` does."""

    def __init__(self, graph, *, fold, apart):
        self._normalize = Normalizer(graph, "NFKC", fold=True) if fold else None
        self._apart = apart
        runs, words = scripts.patterns(fold, apart)
        self._runs, self._words = f"({runs.pattern})", f"(?s){words.pattern}"

    def __call__(self, texts):
        return unless_ascii(self._respell, texts)

    def _respell(self, texts):
        texts = tf.strings.regex_replace(texts, _MARK, _OTHER)
        if self._normalize is not None:
            texts = tf.strings.regex_replace(texts, scripts.APOSTROPHES.pattern, "'")
            texts = tf.strings.regex_replace(self._normalize(texts), scripts.OPTIONAL.pattern, "")
            texts = _drop_stray_joiners(texts)
        if self._apart:
            texts = tf.strings.regex_replace(texts, scripts.BLANKS.pattern, " ")
        texts = tf.strings.regex_replace(texts, scripts.KEYS.pattern, r" \0 ")
        marked = tf.strings.regex_replace(texts, self._runs, rf"{_MARK}\1{_MARK}")
        # Every second part is a run.
        parts = tf.strings.split(marked, _MARK)
        place = tf.ragged.range(parts.row_lengths()).values
        apart = tf.strings.regex_replace(parts.values, self._words, r" \0 ")
        return tf.strings.reduce_join(parts.with_values(tf.where(place % 2 == 1, apart, parts.values)), axis=1)


def _drop_stray_joiners(texts):
    """Delete joiners that join no emoji, as `scripts` does."""
    symbols = f"([{scripts.symbols()}])"
    # Twice, since the emoji behind a joiner may be the one before the next.
    for _ in range(2):
        texts = tf.strings.regex_replace(texts, f"{symbols}{scripts.JOINER}{symbols}", rf"\1{_MARK}\2")
    texts = tf.strings.regex_replace(texts, scripts.JOINER, "")
    return tf.strings.regex_replace(texts, _MARK, scripts.JOINER)
