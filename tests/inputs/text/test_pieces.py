"""Words are found again in the text from which they were made."""

import pandas as pd
import pytest

from skmulti import TextVectorizer


def pieces(text, **options):
    vectorizer = TextVectorizer(length=20, **options).fit(pd.Series([text]))
    column = pd.Series([text])
    return vectorizer.pieces(column, vectorizer.transform(column))[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't PANIC, it's fine!", ["Don't", "PANIC", ",", "it's", "fine", "!"]),
        ("Caf\u0065\u0301 na\u00efve \ufb01ne", ["Caf\u0065\u0301", "na\u00efve", "\ufb01ne"]),
        ("\u597d\u5403\u3002", ["\u597d", "\u5403", "\u3002"]),
        ("", []),
    ],
)
def test_words_are_those_of_the_text_as_written(text, expected):
    found = pieces(text, standardize="auto", split="auto")
    assert [piece.text for piece in found] == expected
    assert [text[slice(*piece.span)] for piece in found] == expected


def test_a_pair_belongs_to_both_of_its_words():
    found = pieces("not good food", ngrams=2)
    # Three words, then two pairs.
    assert [piece.slots for piece in found] == [(0, 3), (1, 3, 4), (2, 4)]


def test_words_beyond_the_length_fill_no_place():
    column = pd.Series(["one two three"])
    vectorizer = TextVectorizer(length=2, ngrams=2).fit(column)
    found = vectorizer.pieces(column, vectorizer.transform(column))[0]
    assert [piece.slots for piece in found] == [(0,), (1,), ()]


def test_words_of_several_columns_know_theirs():
    frame = pd.DataFrame({"title": ["good", None], "review": ["bad food", "fine"]})
    vectorizer = TextVectorizer(length=4).fit(frame)
    first, second = vectorizer.pieces(frame, vectorizer.transform(frame))
    assert [(piece.text, piece.column, piece.span) for piece in first] == [
        ("good", 0, (0, 4)),
        ("bad", 1, (0, 3)),
        ("food", 1, (4, 8)),
    ]
    assert [(piece.text, piece.column) for piece in second] == [("fine", 1)]
