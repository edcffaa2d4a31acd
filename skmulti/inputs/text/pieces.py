"""Words of a text where its writer put them: which characters of a cell became which ids.

The tokenizer changes a text before it splits it: letters are lowered, marks deleted, forms of Unicode brought together.
Its words are found again in the cell as it is, character by character, so that they can be marked there.
"""

import unicodedata
from functools import lru_cache

from ..base import Piece


def pieces_of_texts(texts, tokenizer, length):
    """Return the words of each row as pieces.

    Parameters
    ----------
    texts : list of list of (str or None)
        The cells of each row, one for each column.
    tokenizer : Tokenizer
        Splits a row.
    length : int
        Ids of a row.

    Returns
    -------
    list of list of Piece
        The words of each row that take part in one of its ids, or would if they were not cut off. An
        n-gram's place belongs to each of its words.
    """
    return [_pieces_of_row(cells, tokenizer, length) for cells in texts]


def _pieces_of_row(cells, tokenizer, length):
    """Return the words of one row."""
    joined = " ".join(cell for cell in cells if cell is not None)
    tokens = [token.decode() for token in tokenizer.split_row(joined, length + max(tokenizer.ngrams) - 1)]
    slots = _slots_of_words(len(tokens), tokenizer.ngrams, length)
    spans = find_words(tokens, joined)
    if spans is None:
        column = 0 if len(cells) == 1 else -1
        return [Piece(token, own, column) for token, own in zip(tokens, slots, strict=True)]
    starts = _starts_of_cells(cells)
    return [_placed(joined, span, own, starts) for span, own in zip(spans, slots, strict=True)]


def _placed(joined, span, slots, starts):
    """Return a word as a piece of the cell in which it stands."""
    column = max((start, i) for i, start in starts.items() if start <= span[0])[1]
    begin = starts[column]
    return Piece(joined[slice(*span)], slots, column, (span[0] - begin, span[1] - begin))


def _starts_of_cells(cells):
    """Return where each cell that is not missing begins in the joined text."""
    starts, begin = {}, 0
    for i, cell in enumerate(cells):
        if cell is not None:
            starts[i] = begin
            begin += len(cell) + 1
    return starts


def _slots_of_words(n_words, widths, length):
    """Return the places that each word fills, by itself or as part of n-grams; those beyond `length` are cut off."""
    slots, begin = [[] for _ in range(n_words)], 0
    for width in widths:
        count = max(n_words - width + 1, 0)
        for i in range(min(count, length - begin)):
            for word in slots[i : i + width]:
                word.append(begin + i)
        begin += count
    return list(map(tuple, slots))


def find_words(tokens, text):
    """Return where tokens stand in the text from which they were made.

    Parameters
    ----------
    tokens : list of str
        Standardised words, in order.
    text : str
        The text.

    Returns
    -------
    list of (int, int), or None
        First character of each word, and the one behind its last. None if a word cannot be found.
    """
    # The characters of the text in the plainest form, each with its place; what was deleted from it is passed over.
    plain = [(letter, i) for i, character in enumerate(text) for letter in _plain(character)]
    spans, at = [], 0
    for token in tokens:
        first = last = None
        for letter in _plain(token):
            while at < len(plain) and plain[at][0] != letter:
                at += 1
            if at == len(plain):
                return None
            first, last = plain[at][1] if first is None else first, plain[at][1]
            at += 1
        if first is None:
            return None
        # Accents and signs that were left out belong to the letter before them.
        while last + 1 < len(text) and unicodedata.combining(text[last + 1]):
            last += 1
        spans.append((first, last + 1))
    return spans


@lru_cache(maxsize=10_000)
def _plain(text):
    """Return a text without what standardisation may change: case, compatibility forms, composed accents."""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
