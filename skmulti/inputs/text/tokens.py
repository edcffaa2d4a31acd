"""Text to tokens: the UTF-8 bytes of many rows, cut in one pass where Keras cuts them, or at punctuation, too."""

import string
from typing import NamedTuple

import numpy as np
import pandas as pd

from ...errors import InputMismatchError
from ..base import FEW_ROWS, refuse_cells

# Text that goes through NumPy at once: its arrays stay in the processor's cache, and small however long the column is.
BLOCK_CHARACTERS = 1_000_000

# Ends a row among the bytes of many: no character's UTF-8 has it.
ROW_END = b"\xff"

# Keras deletes ASCII punctuation, lowers ASCII letters and splits at ASCII whitespace only.
_PUNCTUATION = string.punctuation.encode()
# What `standardize` may be beside Keras' options: an apostrophe is deleted, each other mark is a word of its own.
SPLITTING = {"lower_and_split_punctuation", "split_punctuation"}
APOSTROPHE = b"'"
MARKS = [bytes([mark]) for mark in _PUNCTUATION if mark not in APOSTROPHE]
_LOWER = {ord(upper): ord(upper.lower()) for upper in string.ascii_uppercase}
_SPACE = {ord(white): ord(" ") for white in string.whitespace}


class Tokens(NamedTuple):
    """Tokens of many rows: places in the bytes that hold them all, and how many each row has.

    Eight bytes follow the last token, so that as many can be read from each start.
    """

    text: bytes
    starts: np.ndarray
    lengths: np.ndarray
    counts: np.ndarray

    def first(self, limit):
        """Leave each row its first `limit` tokens."""
        if not len(self.counts) or self.counts.max() <= limit:
            return self
        counts = np.minimum(self.counts, limit)
        kept = ranges(starts_of(self.counts), counts)
        return Tokens(self.text, self.starts[kept], self.lengths[kept], counts)


class Tokenizer:
    """Standardise and split text as ``TextVectorization`` does with its named options, or as those of `SPLITTING` say.

    `ngrams` are the widths of the n-grams that follow from the tokens, in order.
    """

    def __init__(self, standardize, split, ngrams):
        steps = (standardize or "").split("_and_")
        mapped = (_LOWER if "lower" in steps else {}) | (_SPACE if split == "whitespace" else {})
        self._table = bytes(mapped.get(byte, byte) for byte in range(256))
        self._deleted = {"strip_punctuation": _PUNCTUATION, "split_punctuation": APOSTROPHE}.get(steps[-1], b"")
        self._marks = MARKS if standardize in SPLITTING else []
        self._split = split
        self.ngrams = ngrams

    def row(self, text, limit):
        """Return the first tokens of one text as a list of bytes."""
        text = self._standardise(_utf8(text))
        if self._split == "whitespace":
            return text.split(None, limit)[:limit]
        if self._split == "character":
            return [character.encode() for character in text.decode()[:limit]]
        return [text] if text else []

    def rows(self, text):
        """Return the `Tokens` of a block of rows."""
        return self.split(self._standardise(text))

    def _standardise(self, text):
        """Return bytes in lower case, without or with space around punctuation, as the options say."""
        text = text.translate(self._table, self._deleted)
        for mark in self._marks:
            text = text.replace(mark, b" " + mark + b" ")
        return text

    def text_of(self, word):
        """Return the standardised text of which a word or n-gram is the whole, or None if none can be."""
        if self._split == "whitespace":
            text = word.encode()
            return text if b" ".join(text.split()) == text else None
        if self._split == "character":
            return word[::2].encode() if len(word) % 2 and not word[1::2].strip(" ") else None
        return word.encode()

    def split(self, text):
        """Split rows that are standardised: bytes, with ROW_END between rows."""
        text += ROW_END + bytes(8)
        codes = np.frombuffer(text, "uint8", len(text) - 8)
        row_ends = np.flatnonzero(codes == ROW_END[0])
        if self._split == "whitespace":
            inside = (codes != ROW_END[0]) & (codes != ord(" "))
            edges = np.flatnonzero(np.diff(inside, prepend=False))
            starts, ends = edges[::2], edges[1::2]
        elif self._split == "character":
            # The bytes 0b10...... go on with a character.
            edges = np.flatnonzero((codes & 0xC0) != 0x80)
            begins = codes[edges] != ROW_END[0]
            starts, ends = edges[begins], edges[1:][begins[:-1]]
        else:
            starts = np.concatenate([[0], row_ends[:-1] + 1])
            starts, ends = starts[row_ends > starts], row_ends[row_ends > starts]
        counts = np.diff(np.searchsorted(starts, row_ends), prepend=0)
        return Tokens(text, starts, ends - starts, counts)


def text_rows(frame, *, arrow):
    """Return a frame's rows as a list of str: the cells joined with a space, missing ones left out.

    With `arrow`, many rows of one column that Arrow holds stay there, as a ``pyarrow.ChunkedArray``.
    """
    columns = [frame.iloc[:, position] for position in range(frame.shape[1])]
    if len(columns) == 1:
        held = _arrow_texts(columns[0]) if arrow and len(frame) > FEW_ROWS else None
        return _cells(columns[0], "") if held is None else held
    rows = zip(*(_cells(column, None) for column in columns), strict=True)
    return [" ".join(text for text in row if text is not None) for row in rows]


def _cells(column, empty):
    """Return a column's cells as a list of str, `empty` where missing, or refuse it."""
    cells = column.astype(object).to_numpy()
    missing = pd.isna(cells)
    if pd.api.types.infer_dtype(cells, skipna=True) not in ("string", "empty"):
        wrong = np.array([not isinstance(cell, str) for cell in cells], dtype=bool) & ~missing
        advice = "Convert the column with .astype(str), or give it an encoder for its values."
        refuse_cells(column, wrong, "text", advice)
    if missing.any():
        cells = np.where(missing, empty, cells)
    return cells.tolist()


def _arrow_texts(column):
    """Return a column of strings that Arrow holds as a ChunkedArray, or None for any other."""
    if not isinstance(column.dtype, pd.ArrowDtype) and getattr(column.dtype, "storage", None) != "pyarrow":
        return None
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.chunked_array(column.array.__arrow_array__())
    if not pa.types.is_string(texts.type) and not pa.types.is_large_string(texts.type):
        return None
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid as error:
        raise InputMismatchError(
            f"column {column.name!r}: not all cells are text in UTF-8 ({error}). Read them as bytes and decode those."
        ) from error
    return pc.fill_null(texts, "")


def blocks(texts):
    """Yield the UTF-8 bytes of successive rows, with ROW_END between rows."""
    if isinstance(texts, list):
        for start, stop in _bounds(np.fromiter(map(len, texts), "int64", len(texts))):
            yield _join_texts(texts[start:stop])
    else:
        yield from _arrow_blocks(texts)


def _arrow_blocks(texts):
    """Do what `blocks` does for a ChunkedArray."""
    import pyarrow as pa
    import pyarrow.compute as pc

    end = pa.scalar(ROW_END, pa.large_binary())
    for chunk in texts.chunks:
        for start, stop in _bounds(pc.binary_length(chunk).to_numpy()):
            rows = chunk[start:stop].cast(pa.large_binary())
            rows = pa.LargeListArray.from_arrays(pa.array([0, len(rows)], pa.int64()), rows)
            yield pc.binary_join(rows, end)[0].as_buffer().to_pybytes()


def _bounds(sizes):
    """Cut rows of given sizes into successive blocks of about BLOCK_CHARACTERS, as (start, stop)."""
    ends = np.cumsum(sizes + 1) // BLOCK_CHARACTERS
    cuts = [*np.flatnonzero(np.diff(ends)) + 1, len(sizes)] if len(sizes) else []
    return zip([0, *cuts], cuts, strict=False)


def _join_texts(texts):
    """Encode texts, with ROW_END between them."""
    try:
        return ROW_END.join(list(map(str.encode, texts)))
    except UnicodeEncodeError:
        return ROW_END.join(map(_utf8, texts))


def _utf8(text):
    """Encode a text; lone surrogates, which scraped text may hold, have no UTF-8 form and become "?"."""
    return text.encode("utf-8", "replace")


def starts_of(counts):
    """Return the place of each group's first element, where groups of these sizes lie one behind another."""
    return np.cumsum(counts) - counts


def ranges(starts, counts):
    """Join ``arange(start, start + count)`` of each pair."""
    return np.repeat(starts - starts_of(counts), counts) + np.arange(counts.sum())
