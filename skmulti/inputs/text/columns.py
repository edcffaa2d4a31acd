"""Which columns are texts, and which two of them are written in the same words."""

import re
from collections import Counter

import numpy as np

from .._hints import probe
from .._odd import MOST_SHARE, are_mostly, mean_of_most
from .cells import mostly_texts
from .scripts import is_emoji, is_unspaced, respell, take_apart, words_of

# Two columns share a vocabulary if each knows at least this share of the other's words.
SHARED_WORDS = 0.5

# From more different texts of several words on, a column is text, however often each of them occurs.
MANY_TEXTS = 40
# Words of a text on average, from which on fewer different texts will do.
LONG_TEXT = 4
# Characters of a script without blanks that are about as many as a word with the blanks around it: names of places and
# of persons, which have two or three, are one word, as they are elsewhere.
CHARACTERS_PER_WORD = 3

# Codes and addresses without blanks are texts if this share of them differ, in this many rows or more: with fewer
# different values, they are categories.
DIFFERENT_SHARE = 0.5
CODE_ROWS = 20
# Of their pieces, this share must occur in other rows, too, or nothing that is learned from them holds for new rows.
# Hexadecimal ids (UUIDs) share a fifth of their pieces by chance.
RECURRING_SHARE = 1 / 3

# A word has a letter in it ("[^\W\d_]" is one), so that numbers and dates are none.
_WORD = re.compile(r"\S*[^\W\d_]\S*")

_LETTERS = r"[^\W\d_]"
_TIME_WORD = (
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?|(?:sun|mon|fri)(?:day)?|tue(?:s|sday)?|wed(?:nesday)?|thu(?:r|rs|rsday)?"
    r"|sat(?:urday)?|[ap]\.?m|utc|gmt|st|nd|rd|th|[thzdmswy]|hrs?|hours?|min(?:ute)?s?|sec(?:ond)?s?|days?|weeks?"
    r"|months?|years?|of|at|and|[\u5e74\u6708\u65e5\u6642\u65f6\u5206\u79d2\u70b9\ub144\uc6d4\uc77c\uc2dc\ubd84\ucd08]+"
)
# Characters of the longest date or amount. The patterns below take quadratic time in texts of marks alone.
LONGEST_AMOUNT = 60
# A date or a time: numbers, and no other words than those of the calendar and the clock.
_TIME = re.compile(rf"(?=.*\d)(?:[\W\d_]|(?<!{_LETTERS})(?:{_TIME_WORD})(?!{_LETTERS}))+", re.IGNORECASE)
# An amount: a number, with a currency and a blank before it, or with a unit after it ("USD 5.20", "90 km/h").
_AMOUNT = re.compile(
    rf"[\W_]*(?:{_LETTERS}{{1,4}}\.? )?[\W_]*\d(?:[\d.,:/' -]*\d)? ?"
    rf"(?:{_LETTERS}{{1,9}}(?:[./^*]{_LETTERS}{{1,9}})*)?[\W\d]*"
)


def describe_texts(column):
    """Return in a few words why a column is text, or None if it is not.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Training rows of any dtype.

    Returns
    -------
    str or None
        The reason.
    """
    texts = mostly_texts(column)
    if not texts:
        return None
    # Without letters beyond those of a date, numbers are no text, whatever is between them.
    if are_mostly(texts, _is_time):
        return None
    return _describe_sentences(texts) or _describe_codes(texts, column)


def _describe_sentences(texts):
    """Describe texts of several words."""
    n_words = np.array([_count_words(text) for text in texts])
    different = set(texts)
    n_texts = len({text for text, count in zip(texts, n_words, strict=True) if count > 1})
    if n_texts > MANY_TEXTS:
        return f"{n_texts} different texts of several words"
    repeated = len(texts) >= 10 * len(different)
    # A stack trace among names makes no text of them: the mean of most cells decides.
    is_long = mean_of_most(n_words) >= LONG_TEXT
    return f"text of {n_words.mean():.0f} words on average" if is_long and not repeated else None


def _describe_codes(texts, column):
    """Describe nearly unique texts without blanks whose pieces, or characters, occur in other rows, too."""
    if len(texts) < CODE_ROWS or len(set(texts)) < DIFFERENT_SHARE * len(texts):
        return None
    if are_mostly(texts, _is_measured):
        return None
    # Of different texts: a piece that comes back with its whole text is but the value of a category.
    rows = [set(words_of(text)) for text in dict.fromkeys(texts)]
    seen = Counter(piece for row in rows for piece in row)
    # A piece that is in all rows, such as "https", says nothing.
    varying = {piece for piece, count in seen.items() if count < MOST_SHARE * len(rows)}
    recurring = {piece for piece in varying if seen[piece] > 1}
    n_recurring = sum(seen[piece] for piece in recurring)
    if n_recurring < RECURRING_SHARE * sum(seen[piece] for piece in varying) or not n_recurring:
        return None
    # Digits alone may count the rows, or write a date.
    telling = {piece for piece in recurring if not piece.isdecimal()}
    if 2 * sum(not row.isdisjoint(telling) for row in rows) < len(rows):
        return None
    # Last, since all rows of a large table are compared: of some rows, most differ. An odd cell may be a list.
    known = [cell for cell in column.dropna().astype(object) if isinstance(cell, str)]
    if len(set(known)) < DIFFERENT_SHARE * len(known):
        return None
    return f"{len(set(texts))} different codes or addresses, whose pieces recur"


def _count_words(text):
    """Return the number of words with letters, and of emoji; of scripts without blanks, about as many."""
    if text.isascii():
        return len(_WORD.findall(text))
    rest, n_letters, n_emoji = take_apart(text)
    return len(_WORD.findall(rest)) + n_letters // CHARACTERS_PER_WORD + n_emoji


def _is_time(text):
    """Return whether a text is but a date or a time, or numbers alone."""
    return len(text) <= LONGEST_AMOUNT and bool(_TIME.fullmatch(text))


def _is_measured(text):
    """Return whether a text is but a number, with its unit or its currency, a date, or a time."""
    return len(text) <= LONGEST_AMOUNT and bool(_AMOUNT.fullmatch(text) or _TIME.fullmatch(text))


def share_words(column, other):
    """Return whether each of two columns of texts knows most words of the other."""
    # `str`, since only `fit` can refuse a cell that is no string: its message names the column and the row.
    texts = [[_words_to_share(str(cell)) for cell in probe(cells)] for cells in (column, other)]
    known = [set().union(*words) for words in texts]
    # Words are counted text by text, so that the frequent ones decide and not the many rare ones.
    return all(
        sum(len(words & vocabulary) for words in part) >= SHARED_WORDS * sum(map(len, part)) > 0
        for part, vocabulary in zip(texts, known[::-1], strict=True)
    )


def _words_to_share(text):
    """Return the words of a text, and pairs of characters where a script has no blanks between words."""
    if text.isascii():
        return set(_WORD.findall(text.lower()))
    words = respell(text).split()
    alone = [is_unspaced(word) for word in words]
    # Not single characters: all texts of a language share these.
    pairs = {words[i] + words[i + 1] for i in range(len(words) - 1) if alone[i] and alone[i + 1]}
    return pairs | {
        word
        for word, is_alone in zip(words, alone, strict=True)
        if not is_alone and (is_emoji(word) or _WORD.match(word))
    }
