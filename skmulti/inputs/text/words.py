"""Tokens to ids: numbers for words and their n-grams that are equal where, and only where, the text is equal.

A word's first seven bytes and their count fit into an int64. A longer word is a tree of such pieces, an n-gram a chain
of words; each node's key is the numbers of its two children. So every lookup is one of integers in a hash table, in
which no two texts can meet.
"""

from functools import cached_property

import numpy as np
import pandas as pd

from ...spec import FIRST_ID, UNKNOWN_ID
from ..base import FEW_ROWS
from .tokens import ROW_END, blocks, ranges, starts_of

_PIECE = 7
_COUNT_BIT = 8 * _PIECE
_PIECE_MASKS = np.array([(1 << 8 * n) - 1 for n in range(_PIECE + 1)], dtype="uint64")
# Numbers have 30 bits, so that two of them and one of these flags fit into a key.
_NUMBER_BITS = 30
_JOINED = 1 << 60
_SPACED = 1 << 61


class Numbering:
    """Numbers 0, 1, 2, ... for keys >= 0, in the order in which they were added."""

    def __init__(self):
        # Hash tables, each less than half as large as the one before it: few rebuilds, few lookups.
        self._tables = [pd.Index(np.empty(0, dtype="int64"))]

    def __len__(self):
        return sum(map(len, self._tables))

    @property
    def keys(self):
        """The key of each number."""
        return np.concatenate([table.to_numpy() for table in self._tables])

    def find(self, keys):
        """Return the keys' numbers, -1 where there is none."""
        numbers = self._tables[0].get_indexer(keys)
        before = len(self._tables[0])
        for table in self._tables[1:]:
            unknown = np.flatnonzero(numbers < 0)
            found = table.get_indexer(keys[unknown])
            numbers[unknown] = np.where(found < 0, -1, found + before)
            before += len(table)
        return numbers

    def add(self, keys):
        """Return the keys' numbers, new ones where there is none."""
        numbers = self.find(keys)
        new = np.flatnonzero(numbers < 0)
        if len(new):
            places, added = pd.factorize(keys[new])
            numbers[new] = len(self) + places
            self._append(pd.Index(added))
        return numbers

    def merge(self):
        """Leave one hash table, for the fastest `find`, which then changes nothing, so that threads can share it."""
        self._tables = [pd.Index(self.keys)]
        # pandas fills a table at its first use.
        self.find(np.zeros(1, dtype="int64"))

    def _append(self, table):
        while self._tables and 2 * len(table) >= len(self._tables[-1]):
            table = self._tables.pop().append(table)
        self._tables.append(table)
        if len(self) >= 1 << _NUMBER_BITS:
            raise OverflowError("TextVectorizer: more than a billion different words. Learn from fewer rows.")


def word_numbers(tokens, number):
    """Number tokens by `number`: `Numbering.find` or `Numbering.add`."""
    numbers = number(_piece_keys(tokens.text, tokens.starts, np.minimum(tokens.lengths, _PIECE)))
    long = np.flatnonzero(tokens.lengths > _PIECE)
    if len(long):
        numbers[long] = _long_word_numbers(tokens.text, tokens.starts[long], tokens.lengths[long], number)
    return numbers


def _long_word_numbers(text, starts, lengths, number):
    """Number words of several pieces: neighbours are joined until each word is one number."""
    counts = -(-lengths // _PIECE)
    offsets = _PIECE * ranges(np.zeros_like(counts), counts)
    sizes = np.minimum(np.repeat(lengths, counts) - offsets, _PIECE)
    numbers = number(_piece_keys(text, np.repeat(starts, counts) + offsets, sizes))
    while counts.max() > 1:
        at = ranges(np.zeros_like(counts), counts)
        left = at % 2 == 0
        pairs = np.flatnonzero(left & (at + 1 < np.repeat(counts, counts)))
        numbers[pairs] = number(_pair_keys(_JOINED, numbers[pairs], numbers[pairs + 1]))
        numbers = numbers[left]
        counts = (counts + 1) // 2
    return numbers


def gram_numbers(words, counts, widths, number):
    """Number n-grams, row by row those of the first of `widths`, then of the next.

    Returns the numbers and how many of them each row has.
    """
    if tuple(widths) == (1,):
        return words, counts
    grams = {1: (words, counts)}
    for width in range(2, max(widths) + 1):
        heads, sizes = grams[width - 1]
        fewer = np.maximum(sizes - 1, 0)
        if not fewer.any():
            break
        heads = heads[ranges(starts_of(sizes), fewer)]
        tails = words[ranges(starts_of(counts) + width - 1, fewer)]
        grams[width] = number(_pair_keys(_SPACED, heads, tails)), fewer
    return _side_by_side([grams[width] for width in widths if width in grams], len(counts))


def _side_by_side(parts, n_rows):
    """Join several (values, counts): each row's values of the first, then those of the next."""
    counts = sum((sizes for _, sizes in parts), np.zeros(n_rows, dtype="int64"))
    joined = np.empty(counts.sum(), dtype="int64")
    places = starts_of(counts)
    for values, sizes in parts:
        joined[ranges(places, sizes)] = values
        places = places + sizes
    return joined, counts


def _piece_keys(text, starts, sizes):
    """Return a key for each piece of at most seven bytes."""
    eights = np.ndarray((len(text) - 7,), "<u8", text, strides=(1,))
    return (eights[starts] & _PIECE_MASKS[sizes]).view("int64") | sizes << _COUNT_BIT


def _pair_keys(flag, left, right):
    """Return a key for each pair of numbers; it is negative where one of them is."""
    return left << _NUMBER_BITS | right | flag


class WordIds:
    """Ids of the words of a vocabulary: a list of str, of which the first has the id 2."""

    def __init__(self, vocabulary, tokenizer):
        self._vocabulary = vocabulary
        self._tokenizer = tokenizer

    def ids(self, texts, length):
        """Return texts as an array of ids (n_rows, length)."""
        if len(texts) <= FEW_ROWS:
            return self._ids_of_few(texts, length)
        numbers, id_of = self._table
        out = np.empty((len(texts), length), dtype="int32")
        start = 0
        for text in blocks(texts):
            tokens = self._tokenizer.rows(text).first(length + max(self._tokenizer.ngrams) - 1)
            words = word_numbers(tokens, numbers.find)
            found, counts = gram_numbers(words, tokens.counts, self._tokenizer.ngrams, numbers.find)
            _pad(out[start : start + len(counts)], id_of[found], counts)
            start += len(counts)
        return out

    def _ids_of_few(self, texts, length):
        """Do what `ids` does without NumPy."""
        widths = self._tokenizer.ngrams
        out = np.zeros((len(texts), length), dtype="int32")
        for row, text in zip(out, texts, strict=True):
            words = self._tokenizer.row(text, length + max(widths) - 1)
            if widths != (1,):
                words = [b" ".join(words[i : i + n]) for n in widths for i in range(len(words) - n + 1)]
            ids = [self._ids_of_bytes.get(word, UNKNOWN_ID) for word in words[:length]]
            row[: len(ids)] = ids
        return out

    @cached_property
    def _ids_of_bytes(self):
        return {word.encode(): number for number, word in enumerate(self._vocabulary, FIRST_ID)}

    @cached_property
    def _table(self):
        numbers = Numbering()
        id_of = id_table(self._vocabulary, self._tokenizer, numbers)
        numbers.merge()
        return numbers, id_of


class Reading:
    """One pass over training rows, made when it is needed: the words they have, and how many.

    Parameters
    ----------
    texts : list of str or pyarrow.ChunkedArray
        The rows.
    tokenizer : Tokenizer
        Splits them.
    kept : int or None
        How many words of each row `ids` will be asked for; None = all.
    """

    def __init__(self, texts, tokenizer, kept):
        self._texts = texts
        self._tokenizer = tokenizer
        self._kept = kept

    @cached_property
    def _counts(self):
        """Number all words: `Numbering`, how often each number occurs, and of each block the words and their counts."""
        numbers, totals, seen = Numbering(), np.zeros(1024, dtype="int64"), []
        for text in blocks(self._texts):
            tokens = self._tokenizer.rows(text)
            words = word_numbers(tokens, numbers.add)
            words, counts = gram_numbers(words, tokens.counts, self._tokenizer.ngrams, numbers.add)
            if len(numbers) > len(totals):
                totals = np.concatenate([totals, np.zeros(2 * len(numbers) - len(totals), dtype="int64")])
            np.add.at(totals, words, 1)
            kept = counts if self._kept is None else np.minimum(counts, self._kept)
            seen.append((words[ranges(starts_of(counts), kept)].astype("int32"), counts))
        return numbers, totals[: len(numbers)], seen

    @property
    def counts(self):
        """Words of each row."""
        return np.concatenate([np.zeros(0, dtype="int64"), *(counts for _, counts in self._counts[2])])

    def words(self, max_tokens):
        """Return the words, the most frequent first; of equally frequent ones that of the greatest bytes."""
        numbers, totals, _ = self._counts
        keys, chosen = numbers.keys, np.flatnonzero(totals)
        wanted = len(chosen) if max_tokens is None else max_tokens - FIRST_ID
        limit = min(wanted + 1, len(chosen))  # "[UNK]" may be among them
        if limit < len(chosen):
            # Small tables have many words that occur once: only those of the first bytes in question are spelled.
            ranks = totals[chosen] << 8 | _first_bytes(keys, chosen)
            chosen = chosen[ranks >= np.partition(ranks, -limit)[-limit]]
        ranked = sorted(zip(totals[chosen].tolist(), spell(keys, chosen), strict=True), reverse=True)[:limit]
        return [word.decode() for _, word in ranked if word != b"[UNK]"][:wanted]

    def ids(self, vocabulary, length):
        """Return the rows as an array of ids (n_rows, length), as `WordIds.ids` does."""
        numbers, _, seen = self._counts
        id_of = id_table(vocabulary, self._tokenizer, numbers)
        out = np.empty((len(self._texts), length), dtype="int32")
        start = 0
        for words, counts in seen:
            counts = counts if self._kept is None else np.minimum(counts, self._kept)
            _pad(out[start : start + len(counts)], id_of[words], counts)
            start += len(counts)
        return out


def id_table(vocabulary, tokenizer, numbers):
    """Add a vocabulary's words to the numbers, and give the id of each number; the last is that of the number -1."""
    texts = [tokenizer.text_of(word) for word in vocabulary]
    ids = np.flatnonzero([text is not None for text in texts]) + FIRST_ID
    tokens = tokenizer.split(ROW_END.join(text for text in texts if text is not None))
    words = word_numbers(tokens, numbers.add)
    grams = []
    for width in np.unique(tokens.counts).tolist():
        if width in tokenizer.ngrams:
            rows = np.flatnonzero(tokens.counts == width)
            sizes = np.full(len(rows), width)
            parts = words[ranges(starts_of(tokens.counts)[rows], sizes)]
            grams.append((ids[rows], gram_numbers(parts, sizes, (width,), numbers.add)[0]))
    id_of = np.full(len(numbers) + 1, UNKNOWN_ID, dtype="int32")
    for some, numbered in grams:
        id_of[numbered] = some
    return id_of


def spell(keys, numbers):
    """Return the bytes of numbers, whose keys are in `keys`."""
    needed, parts = np.zeros(len(keys), dtype=bool), numbers
    while len(parts):
        needed[parts] = True
        pairs = keys[parts]
        pairs = pairs[pairs >= _JOINED]
        parts = np.concatenate([_left(pairs), _right(pairs)])
    spelled = {}
    # The parts of a pair have smaller numbers than the pair.
    needed = np.flatnonzero(needed)
    columns = (needed, keys[needed], _left(keys[needed]), _right(keys[needed]))
    for number, key, left, right in zip(*(column.tolist() for column in columns), strict=True):
        if key >= _JOINED:
            spelled[number] = spelled[left] + (b" " if key >= _SPACED else b"") + spelled[right]
        else:
            spelled[number] = key.to_bytes(8, "little")[: key >> _COUNT_BIT]
    return [spelled[number] for number in numbers.tolist()]


def _first_bytes(keys, numbers):
    """Return the first byte of each number's text."""
    while (pairs := keys[numbers] >= _JOINED).any():
        numbers = np.where(pairs, _left(keys[numbers]), numbers)
    return keys[numbers] & 0xFF


def _left(pairs):
    return pairs >> _NUMBER_BITS & ((1 << _NUMBER_BITS) - 1)


def _right(pairs):
    return pairs & ((1 << _NUMBER_BITS) - 1)


def _pad(out, values, counts):
    """Write values of rows into an array (n_rows, length), cut or filled with zeros."""
    length = out.shape[1]
    kept = np.minimum(counts, length)
    if (kept < counts).any():
        values = values[ranges(starts_of(counts), kept)]
    out[:] = 0
    out.reshape(-1)[ranges(np.arange(len(counts)) * length, kept)] = values
