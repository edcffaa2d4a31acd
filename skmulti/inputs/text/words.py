"""Ids of words: each word and n-gram gets a number, and two of them share a number only if their texts are equal.

A word is looked up as integers, so that the hash tables are pandas' own for int64, and millions of words need no Python
object. Up to seven bytes and their count fit into one key of 64 bits. A longer word is a binary tree of such segments,
and an n-gram is a chain of words; the key of a tree's node is made of the numbers of its two parts. No two texts share
a key, so there is no collision to check for. A few rows are looked up in a dict instead, in plain Python.
"""

from functools import cached_property

import numpy as np
import pandas as pd

from ...spec import FIRST_ID, UNKNOWN_ID
from ..base import FEW_ROWS
from .tokens import ROW_END, group_starts, join_ranges, utf8_blocks

# Up to so many characters, plain Python looks up the words of a few rows faster than NumPy.
_FEW_CHARACTERS = 8_000
# Bytes of a segment. Their count stands in the eighth byte of the key, or "a" and "a\0" would be equal.
_SEGMENT = 7
_COUNT_BIT = 8 * _SEGMENT
_SEGMENT_MASKS = np.array([(1 << 8 * n) - 1 for n in range(_SEGMENT + 1)], dtype="uint64")
# Numbers have 30 bits, so that two of them and one of these flags fit into a key. A segment's key is smaller than
# either flag: comparing a key with the flags tells a segment, a pair of parts of a word, and a pair of words apart.
_NUMBER_BITS = 30
_JOINED = 1 << 60
_SPACED = 1 << 61


class Numbering:
    """Numbers 0, 1, 2, ... of keys >= 0, in the order in which the keys were added."""

    def __init__(self):
        # pandas cannot add a key to a hash table, and to rebuild one table for each block would take quadratic time.
        # So there are several, each less than half as large as the one before it: few rebuilds, few lookups.
        self._tables = [pd.Index(np.empty(0, dtype="int64"))]

    def __len__(self):
        return sum(map(len, self._tables))

    @property
    def keys(self):
        """The key of each number."""
        return np.concatenate([table.to_numpy() for table in self._tables])

    def find(self, keys):
        """Return the numbers of keys, -1 for a key that was not added (as no negative key was)."""
        numbers = self._tables[0].get_indexer(keys)
        before = len(self._tables[0])
        for table in self._tables[1:]:
            # The first table is the largest, so few keys are left for the others.
            unknown = np.flatnonzero(numbers < 0)
            found = table.get_indexer(keys[unknown])
            numbers[unknown] = np.where(found < 0, -1, found + before)
            before += len(table)
        return numbers

    def add(self, keys):
        """Return the numbers of keys, and number those that are new."""
        numbers = self.find(keys)
        new = np.flatnonzero(numbers < 0)
        if len(new):
            places, added = pd.factorize(keys[new])
            numbers[new] = len(self) + places
            self._append(pd.Index(added))
        return numbers

    def merge(self):
        """Put all keys into one hash table, in which `find` is fastest and which threads can share."""
        self._tables = [pd.Index(self.keys)]
        # pandas fills a hash table at its first use. Later uses only read it, whatever the thread.
        self.find(np.zeros(1, dtype="int64"))

    def _append(self, table):
        """Add a hash table of new keys behind the others, merged with those that are not twice as large."""
        while self._tables and 2 * len(table) >= len(self._tables[-1]):
            table = self._tables.pop().append(table)
        self._tables.append(table)
        # A number of more bits would reach into the other part of a key.
        if len(self) >= 1 << _NUMBER_BITS:
            raise OverflowError("TextVectorizer: more than a billion different words. Learn from fewer rows.")


def word_numbers(tokens, number):
    """Return the number of each token, by `number`: `Numbering.find` or `Numbering.add`."""
    # Most words are short. A long one gets the number of its first segment here, which the next lines replace.
    numbers = number(_segment_keys(tokens.text, tokens.starts, np.minimum(tokens.lengths, _SEGMENT)))
    long = np.flatnonzero(tokens.lengths > _SEGMENT)
    if len(long):
        numbers[long] = _long_word_numbers(tokens.text, tokens.starts[long], tokens.lengths[long], number)
    return numbers


def _long_word_numbers(text, starts, lengths, number):
    """Return the numbers of words of several segments: neighbours are joined until each word is one number."""
    counts = -(-lengths // _SEGMENT)  # rounded up
    offsets = _SEGMENT * join_ranges(np.zeros_like(counts), counts)
    sizes = np.minimum(np.repeat(lengths, counts) - offsets, _SEGMENT)
    numbers = number(_segment_keys(text, np.repeat(starts, counts) + offsets, sizes))
    # In pairs, not from left to right: all words are done after as many rounds as the longest has levels. The shape
    # of a word's tree depends on its length alone, so equal words have equal trees.
    while counts.max() > 1:
        at = join_ranges(np.zeros_like(counts), counts)
        left = at % 2 == 0
        # A segment without a right neighbour goes up a level as it is.
        pairs = np.flatnonzero(left & (at + 1 < np.repeat(counts, counts)))
        numbers[pairs] = number(_pair_keys(_JOINED, numbers[pairs], numbers[pairs + 1]))
        numbers = numbers[left]
        counts = (counts + 1) // 2
    return numbers


def ngram_numbers(words, counts, widths, number):
    """Return the numbers of n-grams, and how many of them each row has.

    A row's n-grams of the first of `widths` come first, then those of the next.
    """
    if tuple(widths) == (1,):
        return words, counts
    # Three words are the pair of the first two, then the last: each width needs the one below it, wanted or not.
    ngrams = {1: (words, counts)}
    for width in range(2, max(widths) + 1):
        heads, sizes = ngrams[width - 1]
        fewer = np.maximum(sizes - 1, 0)
        if not fewer.any():
            # No row is that long, and none is longer.
            break
        heads = heads[join_ranges(group_starts(sizes), fewer)]
        tails = words[join_ranges(group_starts(counts) + width - 1, fewer)]
        ngrams[width] = number(_pair_keys(_SPACED, heads, tails)), fewer
    return _join_rows([ngrams[width] for width in widths if width in ngrams], len(counts))


def _join_rows(parts, n_rows):
    """Join several pairs (values, counts) row by row: a row's values of the first pair, then those of the next."""
    counts = sum((sizes for _, sizes in parts), np.zeros(n_rows, dtype="int64"))
    joined = np.empty(counts.sum(), dtype="int64")
    places = group_starts(counts)
    for values, sizes in parts:
        joined[join_ranges(places, sizes)] = values
        places = places + sizes
    return joined, counts


def _segment_keys(text, starts, sizes):
    """Return the key of each segment of at most seven bytes."""
    # A view in which each element is the eight bytes from one place on; the masks drop what is behind the segment.
    eights = np.ndarray((len(text) - 7,), "<u8", text, strides=(1,))
    return (eights[starts] & _SEGMENT_MASKS[sizes]).view("int64") | sizes << _COUNT_BIT


def _pair_keys(flag, left, right):
    """Return the key of each pair of numbers."""
    # The number -1 of an unknown part has all bits set and makes the key negative: what holds it is unknown, too.
    return left << _NUMBER_BITS | right | flag


class WordIds:
    """Ids of the words of a vocabulary, a list of str; its first word has the id 2."""

    def __init__(self, vocabulary, tokenizer):
        self._vocabulary = vocabulary
        self._tokenizer = tokenizer

    def ids(self, texts, length):
        """Return texts as an array of ids (n_rows, length)."""
        if isinstance(texts, list) and len(texts) <= FEW_ROWS and sum(map(len, texts)) <= _FEW_CHARACTERS:
            return self._ids_of_few(texts, length)
        numbers, id_of = self._table
        out = np.empty((len(texts), length), dtype="int32")
        start = 0
        for text in utf8_blocks(texts):
            # The first n-grams of a row need no words behind these.
            tokens = self._tokenizer.split_rows(text).truncate(length + max(self._tokenizer.ngrams) - 1)
            words = word_numbers(tokens, numbers.find)
            found, counts = ngram_numbers(words, tokens.counts, self._tokenizer.ngrams, numbers.find)
            _write_padded(out[start : start + len(counts)], id_of[found], counts)
            start += len(counts)
        return out

    def _ids_of_few(self, texts, length):
        """Do what `ids` does, in plain Python, which is faster for a few rows."""
        widths = self._tokenizer.ngrams
        out = np.zeros((len(texts), length), dtype="int32")
        for row, text in zip(out, texts, strict=True):
            words = self._tokenizer.split_row(text, length + max(widths) - 1)
            if widths != (1,):
                words = [b" ".join(words[i : i + n]) for n in widths for i in range(len(words) - n + 1)]
            ids = [self._ids_of_bytes.get(word, UNKNOWN_ID) for word in words[:length]]
            row[: len(ids)] = ids
        return out

    # Each of the two tables is made at its first use: an encoder that only predicts single rows never needs the second.

    @cached_property
    def _ids_of_bytes(self):
        return {word.encode(): number for number, word in enumerate(self._vocabulary, FIRST_ID)}

    @cached_property
    def _table(self):
        numbers = Numbering()
        id_of = make_id_table(self._vocabulary, self._tokenizer, numbers)
        numbers.merge()
        return numbers, id_of


class TrainingWords:
    """The words of training rows, which are read once: their counts, the vocabulary and the rows' ids.

    Parameters
    ----------
    texts : list of str or pyarrow.ChunkedArray
        The training rows.
    tokenizer : Tokenizer
        Splits them.
    kept : int or None
        Number of words of each row for which `ids` can return ids; None = all.
    """

    def __init__(self, texts, tokenizer, kept):
        self._texts = texts
        self._tokenizer = tokenizer
        self._kept = kept

    @cached_property
    def _counts(self):
        """Number all words; return the numbering, how often each number occurs, and each block's words and counts."""
        numbers, totals, seen = Numbering(), np.zeros(1024, dtype="int64"), []
        for text in utf8_blocks(self._texts):
            tokens = self._tokenizer.split_rows(text)
            words = word_numbers(tokens, numbers.add)
            words, counts = ngram_numbers(words, tokens.counts, self._tokenizer.ngrams, numbers.add)
            if len(numbers) > len(totals):
                # Twice as many as are needed, so that most blocks find room.
                totals = np.concatenate([totals, np.zeros(2 * len(numbers) - len(totals), dtype="int64")])
            # Not `np.bincount`, which makes an array of all numbers for each block.
            np.add.at(totals, words, 1)
            # Numbers in place of texts, so that `ids` need not split the rows again.
            kept = counts if self._kept is None else np.minimum(counts, self._kept)
            seen.append((words[join_ranges(group_starts(counts), kept)].astype("int32"), counts))
        return numbers, totals[: len(numbers)], seen

    @property
    def counts(self):
        """Number of words of each row."""
        return np.concatenate([np.zeros(0, dtype="int64"), *(counts for _, counts in self._counts[2])])

    @property
    def n_repeated(self):
        """Number of different words that occur more than once."""
        return int((self._counts[1] > 1).sum())

    def totals(self):
        """Return how often each word occurs: dict of str to int."""
        numbers, totals, _ = self._counts
        # Parts of words have numbers, too, but no total.
        chosen = np.flatnonzero(totals)
        spelled = zip(spell(numbers.keys, chosen), totals[chosen].tolist(), strict=True)
        return {word.decode(): total for word, total in spelled if word != b"[UNK]"}

    def words(self, max_tokens):
        """Return the words, the most frequent first; among equals, the word whose bytes are greatest, as in Keras."""
        numbers, totals, _ = self._counts
        # Parts of words have numbers, too, but no total.
        keys, chosen = numbers.keys, np.flatnonzero(totals)
        wanted = len(chosen) if max_tokens is None else max_tokens - FIRST_ID
        limit = min(wanted + 1, len(chosen))  # One more, since "[UNK]" may be among them.
        if limit < len(chosen):
            # To spell a word takes a Python object, and many words may share the count at the limit (most occur once).
            # A word's first byte is known without spelling it, and leaves few of them to spell.
            ranks = totals[chosen] << 8 | _first_bytes(keys, chosen)
            chosen = chosen[ranks >= np.partition(ranks, -limit)[-limit]]
        ranked = sorted(zip(totals[chosen].tolist(), spell(keys, chosen), strict=True), reverse=True)[:limit]
        return [word.decode() for _, word in ranked if word != b"[UNK]"][:wanted]

    def ids(self, vocabulary, length):
        """Return the rows as an array of ids (n_rows, length), as `WordIds.ids` does."""
        numbers, _, seen = self._counts
        id_of = make_id_table(vocabulary, self._tokenizer, numbers)
        out = np.empty((len(self._texts), length), dtype="int32")
        start = 0
        for words, counts in seen:
            counts = counts if self._kept is None else np.minimum(counts, self._kept)
            _write_padded(out[start : start + len(counts)], id_of[words], counts)
            start += len(counts)
        return out


def make_id_table(vocabulary, tokenizer, numbers):
    """Add the words of a vocabulary to the numbers, and return the id of each number.

    The number -1 of unknown words has its id at the end, where NumPy looks for it.
    """
    # A learned n-gram is its words joined with spaces, so splitting it finds the words. A user's vocabulary may hold
    # words that no text yields; these keep their ids, but no number leads to them.
    texts = [tokenizer.text_of(word) for word in vocabulary]
    ids = np.flatnonzero([text is not None for text in texts]) + FIRST_ID
    tokens = tokenizer.split_standardised(ROW_END.join(text for text in texts if text is not None))
    words = word_numbers(tokens, numbers.add)
    found = []
    # One width at a time, since a word of the vocabulary is only the n-gram of all its words, not a shorter one.
    for width in np.unique(tokens.counts).tolist():
        if width in tokenizer.ngrams:
            rows = np.flatnonzero(tokens.counts == width)
            sizes = np.full(len(rows), width)
            parts = words[join_ranges(group_starts(tokens.counts)[rows], sizes)]
            found.append((ids[rows], ngram_numbers(parts, sizes, (width,), numbers.add)[0]))
    # Only here are all numbers added, and the table's size known.
    id_of = np.full(len(numbers) + 1, UNKNOWN_ID, dtype="int32")
    for some, numbered in found:
        id_of[numbered] = some
    return id_of


def spell(keys, numbers):
    """Return the texts of numbers, as bytes; `keys` holds the key of every number."""
    # From the top down: which parts are needed. Then from the bottom up: what they spell.
    needed, parts = np.zeros(len(keys), dtype=bool), numbers
    while len(parts):
        needed[parts] = True
        pairs = keys[parts]
        pairs = pairs[pairs >= _JOINED]
        parts = np.concatenate([_left(pairs), _right(pairs)])
    spelled = {}
    # The parts of a pair were numbered before the pair, so in this order they are spelled before it.
    needed = np.flatnonzero(needed)
    columns = (needed, keys[needed], _left(keys[needed]), _right(keys[needed]))
    for number, key, left, right in zip(*(column.tolist() for column in columns), strict=True):
        if key >= _JOINED:
            spelled[number] = spelled[left] + (b" " if key >= _SPACED else b"") + spelled[right]
        else:
            spelled[number] = key.to_bytes(8, "little")[: key >> _COUNT_BIT]
    return [spelled[number] for number in numbers.tolist()]


def _first_bytes(keys, numbers):
    """Return the first byte of each number's text: that of its leftmost segment."""
    while (pairs := keys[numbers] >= _JOINED).any():
        numbers = np.where(pairs, _left(keys[numbers]), numbers)
    return keys[numbers] & 0xFF


def _left(pairs):
    return pairs >> _NUMBER_BITS & ((1 << _NUMBER_BITS) - 1)


def _right(pairs):
    return pairs & ((1 << _NUMBER_BITS) - 1)


def _write_padded(out, values, counts):
    """Write the values of rows into an array (n_rows, length); rows are cut, or filled with zeros at the end."""
    length = out.shape[1]
    kept = np.minimum(counts, length)
    if (kept < counts).any():
        values = values[join_ranges(group_starts(counts), kept)]
    out[:] = 0
    # One assignment to the flat array for all rows; rows of a larger array lie together, so that `reshape` is a view.
    out.reshape(-1)[join_ranges(np.arange(len(counts)) * length, kept)] = values
