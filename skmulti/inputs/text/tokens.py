"""Tokens of texts: where they lie in the UTF-8 bytes of many rows, found in one pass.

Keras' ``TextVectorization`` splits strings inside a TensorFlow graph. Here the bytes of about a million characters
are split at once with NumPy, at the same places, and a few rows in plain Python. Punctuation marks become tokens of
their own if that is wanted, which Keras cannot do. For other scripts than that of ASCII, `scripts` first puts blanks
between tokens. What a callable standardises or splits is left to `keras_words`.
"""

import string
from typing import NamedTuple

import numpy as np
import pandas as pd

from ...errors import InputMismatchError
from .cells import read_texts
from .scripts import respelling

# Characters of text that NumPy works on at once: few enough that its arrays stay in the processor's cache, and small
# however long the column is.
BLOCK_CHARACTERS = 1_000_000

# This byte ends a row among the bytes of many rows, since it occurs in no UTF-8 text.
ROW_END = b"\xff"

# ASCII only, as in Keras: it deletes ASCII punctuation, lowers ASCII letters and splits at ASCII whitespace.
_PUNCTUATION = string.punctuation.encode()
# The options of `standardize` that Keras does not have: an apostrophe is deleted, each other mark is a word of its own.
SPLITTING = {"lower_and_split_punctuation", "split_punctuation"}
APOSTROPHE = b"'"
MARKS = [bytes([mark]) for mark in _PUNCTUATION if mark not in APOSTROPHE]
_LOWER = {ord(upper): ord(upper.lower()) for upper in string.ascii_uppercase}
_SPACE = {ord(white): ord(" ") for white in string.whitespace}


def ascii_options(standardize, split):
    """Return what the options mean for a text in ASCII, as (standardize, split)."""
    standardize = "lower_and_split_punctuation" if standardize == "auto" else standardize
    return standardize, "whitespace" if split == "auto" else split


class Tokens(NamedTuple):
    """Tokens of many rows: their places in the bytes of all rows, and how many tokens each row has.

    `text` ends with eight bytes that belong to no token, so that eight bytes can be read from every start.
    """

    text: bytes
    starts: np.ndarray
    lengths: np.ndarray
    counts: np.ndarray

    def truncate(self, limit):
        """Return the first `limit` tokens of each row."""
        if not len(self.counts) or self.counts.max() <= limit:
            return self
        counts = np.minimum(self.counts, limit)
        kept = join_ranges(group_starts(self.counts), counts)
        return Tokens(self.text, self.starts[kept], self.lengths[kept], counts)


class Tokenizer:
    """Standardise and split text as ``TextVectorization`` does with its named options, or with those of `SPLITTING`.

    "auto" is "lower_and_split_punctuation" and "whitespace" for a text in ASCII, and `scripts` for all others.
    `ngrams` holds the widths of the n-grams that are made of the tokens, in the order in which a row gets them.
    """

    def __init__(self, standardize, split, ngrams):
        self._respell = respelling(standardize, split)
        standardize, split = ascii_options(standardize, split)
        # "lower_and_strip_punctuation" names its steps. `bytes.translate` does them all in one pass: it deletes bytes
        # and maps the others. Whitespace is mapped to the space, so that `split_standardised` looks for one byte only.
        steps = (standardize or "").split("_and_")
        mapped = (_LOWER if "lower" in steps else {}) | (_SPACE if split == "whitespace" else {})
        self._table = bytes(mapped.get(byte, byte) for byte in range(256))
        self._deleted = {"strip_punctuation": _PUNCTUATION, "split_punctuation": APOSTROPHE}.get(steps[-1], b"")
        self._marks = MARKS if standardize in SPLITTING else []
        self._split = split
        self.ngrams = ngrams

    def split_row(self, text, limit):
        """Return the first tokens of one text as a list of bytes."""
        text = self._standardise(self._spell(_utf8(text)))
        if self._split == "whitespace":
            # With a limit the rest of a long text stays one item, which is cut off.
            return text.split(None, limit)[:limit]
        if self._split == "character":
            return [character.encode() for character in text.decode()[:limit]]
        return [text] if text else []

    def split_rows(self, text):
        """Return the `Tokens` of a block of rows: bytes, with ROW_END between rows."""
        return self.split_standardised(self._standardise(self._spell(text)))

    def _spell(self, text):
        """Return the bytes of rows with blanks between the words of any script; texts in ASCII stay as they are."""
        if self._respell is None or text.translate(None, ROW_END).isascii():
            return text
        return ROW_END.join(list(map(self._respell, text.split(ROW_END))))

    def _standardise(self, text):
        """Return bytes in lower case, and punctuation deleted or between spaces, as the options say."""
        text = text.translate(self._table, self._deleted)
        for mark in self._marks:
            text = text.replace(mark, b" " + mark + b" ")
        return text

    def text_of(self, word):
        """Return the standardised text that a word or n-gram covers from end to end, or None if no text has it."""
        if self._split == "whitespace":
            # A word of a user's vocabulary may hold a tab or two spaces, as no n-gram does.
            text = word.encode()
            return text if b" ".join(text.split()) == text else None
        if self._split == "character":
            # Keras joins the characters of an n-gram with spaces: "a b c" comes from "abc".
            return word[::2].encode() if len(word) % 2 and not word[1::2].strip(" ") else None
        return word.encode()

    def split_standardised(self, text):
        """Return the `Tokens` of rows that are standardised: bytes, with ROW_END between rows."""
        # The last row gets its end, too, so that every token is followed by a byte that is in no token.
        text += ROW_END + bytes(8)
        codes = np.frombuffer(text, "uint8", len(text) - 8)
        row_ends = np.flatnonzero(codes == ROW_END[0])
        if self._split == "whitespace":
            inside = (codes != ROW_END[0]) & (codes != ord(" "))
            # Edges alternate between the start and the end of a token.
            edges = np.flatnonzero(np.diff(inside, prepend=False))
            starts, ends = edges[::2], edges[1::2]
        elif self._split == "character":
            # In UTF-8 the bytes 0b10...... continue a character, and all others begin one.
            edges = np.flatnonzero((codes & 0xC0) != 0x80)
            begins = codes[edges] != ROW_END[0]
            # A character ends where the next one, or the end of the row, begins.
            starts, ends = edges[begins], edges[1:][begins[:-1]]
        else:
            # An empty row has no token, as in Keras; any other row is one token.

            starts = np.concatenate([[0], row_ends[:-1] + 1])
            starts, ends = starts[row_ends > starts], row_ends[row_ends > starts]
        counts = np.diff(np.searchsorted(starts, row_ends), prepend=0)
        return Tokens(text, starts, ends - starts, counts)


def text_rows(frame, *, arrow, lenient=None):
    """Return a frame's rows as a list of str: the cells joined with a space, without the missing ones.

    If `arrow` is true, many rows of one column that Arrow holds are returned as a ``pyarrow.ChunkedArray``.
    `lenient` is an encoder that takes more than strings, see `read_texts`.
    """
    # By position: two columns may share a name.
    columns = [frame.iloc[:, position] for position in range(frame.shape[1])]
    if len(columns) == 1:
        held = _arrow_texts(columns[0]) if arrow else None
        return _filled_texts(columns[0], "", lenient) if held is None else held
    return [" ".join(text for text in row if text is not None) for row in cell_texts(frame, lenient)]


def cell_texts(frame, lenient=None):
    """Return the cells of each row of a frame as a list of tuples of str, None where missing."""
    columns = (frame.iloc[:, position] for position in range(frame.shape[1]))
    # None, not an empty text, which would add a second space to a row that is joined.
    return list(zip(*(_filled_texts(column, None, lenient) for column in columns), strict=True))


def _filled_texts(column, empty, lenient):
    """Return a column's cells as a list of str, with `empty` for missing ones, or refuse the column."""
    texts = read_texts(column, lenient)
    missing = pd.isna(texts)
    return (np.where(missing, empty, texts) if missing.any() else texts).tolist()


def _arrow_texts(column):
    """Return a column of strings that Arrow holds as a ``pyarrow.ChunkedArray``, and None for any other column."""
    if not isinstance(column.dtype, pd.ArrowDtype) and getattr(column.dtype, "storage", None) != "pyarrow":
        return None
    # pandas does not require pyarrow; with a column of Arrow it is there.
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.chunked_array(column.array.__arrow_array__())
    if not pa.types.is_string(texts.type) and not pa.types.is_large_string(texts.type):
        return None
    # Arrow does not check UTF-8 by itself, and a stray byte 0xff would end a row too early.
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid as error:
        raise InputMismatchError(
            f"column {column.name!r}: not all cells are text in UTF-8 ({error}). Read them as bytes and decode those."
        ) from error
    return pc.fill_null(texts, "")


def utf8_blocks(texts):
    """Yield the UTF-8 bytes of successive rows, with ROW_END between rows."""
    if isinstance(texts, list):
        for start, stop in _block_bounds(np.fromiter(map(len, texts), "int64", len(texts))):
            yield _join_texts(texts[start:stop])
    else:
        yield from _arrow_blocks(texts)


def _arrow_blocks(texts):
    """Do what `utf8_blocks` does, for a ``pyarrow.ChunkedArray``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # As binary, since ROW_END is no text. "Large" has offsets of 64 bits: the rows of a block may be very long.
    end = pa.scalar(ROW_END, pa.large_binary())
    for chunk in texts.chunks:
        for start, stop in _block_bounds(pc.binary_length(chunk).to_numpy()):
            rows = chunk[start:stop].cast(pa.large_binary())
            # Arrow joins the strings of a list; all rows of the block are one list, and none becomes a Python object.
            rows = pa.LargeListArray.from_arrays(pa.array([0, len(rows)], pa.int64()), rows)
            yield pc.binary_join(rows, end)[0].as_buffer().to_pybytes()


def _block_bounds(sizes):
    """Cut rows of these sizes into successive blocks of about BLOCK_CHARACTERS; return pairs (start, stop)."""
    # One more for the end of a row, which also limits a block of empty rows.
    ends = np.cumsum(sizes + 1) // BLOCK_CHARACTERS
    cuts = [*np.flatnonzero(np.diff(ends)) + 1, len(sizes)] if len(sizes) else []
    return zip([0, *cuts], cuts, strict=False)


def _join_texts(texts):
    """Return the UTF-8 bytes of texts, with ROW_END between them."""
    # The strict encoding has no Python call for each text; it fails only on lone surrogates, which are rare.
    try:
        return ROW_END.join(list(map(str.encode, texts)))
    except UnicodeEncodeError:
        return ROW_END.join(map(_utf8, texts))


def _utf8(text):
    """Return the UTF-8 bytes of a text; lone surrogates, which scraped text may hold, have none and become "?"."""
    return text.encode("utf-8", "replace")


def group_starts(counts):
    """Return the place of each group's first element, if groups of these sizes lie one behind another."""
    return np.cumsum(counts) - counts


def join_ranges(starts, counts):
    """Return ``arange(start, start + count)`` of each pair, joined into one array."""
    # Each element's own place in the result, moved by the distance between its range and that range's place there.
    return np.repeat(starts - group_starts(counts), counts) + np.arange(counts.sum())
