"""Strings in a graph as Python has them: blanks of any script, and Unicode's normal forms.

TensorFlow's regular expressions are those of RE2, in which ``\\s`` and ``\\d`` are of ASCII alone, and it has no normal
forms. Here they are computed from code points, with tables that Python's ``unicodedata`` fills while a graph is made.
Texts in ASCII, which are in every normal form, take none of it.
"""

import unicodedata
from functools import cache

import numpy as np
import tensorflow as tf

# What `str.strip` takes away, as a class of RE2.
BLANKS = r"\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_HANGUL = range(0xAC00, 0xD7A4)
_SURROGATES = range(0xD800, 0xE000)
# Two code points in one key.
_SHIFT = 21


def strip(texts):
    """Return strings without blanks at their ends, as `str.strip` does."""
    return tf.strings.regex_replace(texts, f"^[{BLANKS}]+|[{BLANKS}]+$", "")


def are_ascii(texts):
    """Return whether all strings are in ASCII."""
    return tf.reduce_all(tf.strings.regex_full_match(texts, r"[\x00-\x7f]*"))


def unless_ascii(function, texts):
    """Return ``function(texts)`` for strings of which one is not in ASCII, else the strings."""
    return tf.cond(are_ascii(texts), lambda: texts, lambda: function(texts))


class CharacterMap:
    """Replace characters, by code points, with none, one or several others.

    Parameters
    ----------
    graph : EncoderGraph
        Keeps the table.
    entries : dict of int to list of int
        What stands for a code point. All others stay.
    """

    def __init__(self, graph, entries):
        # Row 0 is that of code points that stay.
        self._rows = graph.make_table({code: row for row, code in enumerate(entries, 1)}, 0, "int64")
        counts = np.array([1, *map(len, entries.values())])
        self._counts = tf.constant(counts, tf.int64)
        self._starts = tf.constant(np.cumsum(counts) - counts, tf.int64)
        self._parts = tf.constant([0, *(code for codes in entries.values() for code in codes)], tf.int64)

    def __call__(self, codes, rows):
        """Return (codes, rows) of flat code points and the rows that they are in, with replacements."""
        found = self._rows.lookup(codes)
        counts = tf.gather(self._counts, found)
        place = tf.ragged.range(counts).values
        at = tf.repeat(tf.range(tf.size(codes)), counts)
        entry = tf.gather(found, at)
        parts = tf.gather(self._parts, tf.gather(self._starts, entry) + place)
        return tf.where(entry == 0, tf.gather(codes, at), parts), tf.gather(rows, at)


class Normalizer:
    """Bring strings to Unicode's normal form NFC or NFKC, or to the latter with folded case.

    Parameters
    ----------
    graph : EncoderGraph
        Keeps the tables.
    form : {"NFC", "NFKC"}
        The normal form.
    fold : bool
        Fold the case, and bring the result to the form again.

    Notes
    -----
    The algorithm of The Unicode Standard, Annex 15: decompose, sort the marks behind a letter by their
    class, and compose from the left.
    """

    def __init__(self, graph, form, *, fold=False):
        self._decompose = CharacterMap(graph, _decompositions(form))
        self._fold = CharacterMap(graph, _folds()) if fold else None
        self._classes = graph.make_table(_combining_classes(), 0, "int64")
        self._pairs = graph.make_table(_compositions(), -1, "int64")

    def __call__(self, texts):
        """Return strings (n_texts,) in the normal form."""
        return unless_ascii(self._normalize, texts)

    def _normalize(self, texts):
        codes, rows = flat_codes(texts)
        codes, rows = self._bring_to_form(codes, rows)
        if self._fold is not None:
            codes, rows = self._bring_to_form(*self._fold(codes, rows))
        return joined(codes, rows, tf.size(texts))

    def _bring_to_form(self, codes, rows):
        return self._compose(*self._sort_marks(*self._decompose(codes, rows)))

    def _sort_marks(self, codes, rows):
        """Sort the marks behind each letter by their combining class."""
        classes = self._classes.lookup(codes)
        letters = tf.cumsum(tf.cast((classes == 0) | _begins_row(rows), tf.int64))
        order = tf.argsort(letters * 256 + classes, stable=True)
        return tf.gather(codes, order), tf.gather(rows, order)

    def _compose(self, codes, rows):
        """Compose letters with the marks behind them until nothing is left to compose."""

        def step(go, codes, rows):
            target, composite = self._find_composites(codes, rows)
            merged = composite >= 0
            # A letter that becomes part of another one in this step takes no mark before the next.
            merged &= ~tf.gather(merged, target)
            codes = tf.tensor_scatter_nd_update(
                codes, tf.boolean_mask(target, merged)[:, None], tf.boolean_mask(composite, merged)
            )
            return tf.reduce_any(merged), tf.boolean_mask(codes, ~merged), tf.boolean_mask(rows, ~merged)

        flat = tf.TensorShape([None])
        _, codes, rows = tf.while_loop(
            lambda go, *_: go,
            step,
            (tf.constant(True), codes, rows),
            shape_invariants=(tf.TensorShape([]), flat, flat),
        )
        return codes, rows

    def _find_composites(self, codes, rows):
        """Return the place of the letter before each code point, and what both together are, -1 for nothing."""
        classes, begins = self._classes.lookup(codes), _begins_row(rows)
        is_letter = (classes == 0) | begins
        places = tf.range(tf.size(codes, tf.int64))
        own = tf.gather(tf.boolean_mask(places, is_letter), tf.cumsum(tf.cast(is_letter, tf.int64)) - 1)
        # A letter may itself join the one right before it, as the parts of a Korean syllable do.
        target = tf.where(is_letter, tf.maximum(places - 1, 0), own)
        before = tf.concat([[0], classes[:-1]], axis=0)
        # A mark is blocked by one of the same class between it and the letter; marks are sorted by class.
        free = tf.where(is_letter, tf.gather(is_letter, target) & ~begins, (target == places - 1) | (before < classes))
        composite = self._pairs.lookup(tf.bitwise.left_shift(tf.gather(codes, target), _SHIFT) | codes)
        composite = tf.where(free, composite, -1)
        # Of several marks the first joins now, the others in a later step.
        end = tf.size(codes, tf.int64)
        own = tf.where(composite >= 0, places, end)
        first = tf.tensor_scatter_nd_min(tf.fill(tf.shape(places), end), target[:, None], own)
        return target, tf.where(tf.gather(first, target) == places, composite, -1)


def flat_codes(texts):
    """Return the code points of all strings, one after the other, and the position of each one's string."""
    codes = tf.strings.unicode_decode(texts, "UTF-8")
    return tf.cast(codes.values, tf.int64), codes.value_rowids()


def joined(codes, rows, n_texts):
    """Return strings of flat code points."""
    codes = tf.RaggedTensor.from_value_rowids(tf.cast(codes, tf.int32), rows, tf.cast(n_texts, tf.int64))
    return tf.strings.unicode_encode(codes, "UTF-8")


def _begins_row(rows):
    return tf.concat([[-1], rows[:-1]], axis=0) != rows


def _code_points():
    return (code for code in range(0x80, 0x30000) if code not in _SURROGATES)


@cache
def _decompositions(form):
    """Return what decomposable code points are made of; Korean syllables stay, since they are composed again."""
    form = form.replace("C", "D")
    found = {}
    for code in _code_points():
        text = unicodedata.normalize(form, chr(code))
        if text != chr(code) and code not in _HANGUL:
            found[code] = list(map(ord, text))
    return found


@cache
def _folds():
    return {code: list(map(ord, text)) for code in range(0x30000) if (text := chr(code).casefold()) != chr(code)}


@cache
def _combining_classes():
    return {code: own for code in _code_points() if (own := unicodedata.combining(chr(code)))}


@cache
def _compositions():
    """Return the code point of each pair of code points that NFC composes."""
    found = {}
    for code in _code_points():
        parts = unicodedata.normalize("NFD", chr(code))
        if len(parts) > 1 and unicodedata.normalize("NFC", parts) == chr(code):
            first = unicodedata.normalize("NFC", parts[:-1])
            if len(first) == 1:
                found[ord(first) << _SHIFT | ord(parts[-1])] = code
    return found
