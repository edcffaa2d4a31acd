"""Words to ids: words differ where their bytes do, and pairs of words are found by their text."""

import keras
import numpy as np
import pandas as pd
import pytest
from text_cases import as_tensor, odd_texts

from skmulti.inputs.text.vectorizer import TextVectorizer


@pytest.mark.parametrize("split", ["whitespace", "character", None])
@pytest.mark.parametrize("ngrams", [None, (2, 1)])
def test_given_words_have_the_ids_of_keras_even_if_no_text_has_them(split, ngrams):
    words = [
        "b",
        "a",
        "a b",
        "a  b",
        "a b c",
        " ",
        "\t",
        "a\tb",
        " a",
        "ab",
        "good",
        "日",
        "日 日",
        "good a",
        "a  ",
        "\0",
    ]
    texts = ["a b c ab", "b  a", "日日 b", " a", "a b", "a\tb", "a  b", "good\ta", "\0 a"] * 3
    options = {"split": split, "ngrams": ngrams, "standardize": None}
    layer = keras.layers.TextVectorization(**options, output_sequence_length=9)
    layer.set_vocabulary(np.array(words, dtype=object))
    vectorizer = TextVectorizer(**options, length=9, vocabulary=words)
    column, expected = pd.Series(texts), layer(as_tensor(texts)).numpy()
    np.testing.assert_array_equal(vectorizer.fit(column).transform(column), expected)
    np.testing.assert_array_equal(vectorizer.transform(column[:9]), expected[:9])
    np.testing.assert_array_equal(vectorizer.fit_encode_and_flag(column)[0], expected)


def test_words_that_differ_in_any_byte_are_different_words():
    rng = np.random.default_rng(0)
    words = {
        "".join(rng.choice(["x", "y", "é"], size=size, p=[0.9, 0.05, 0.05])) for size in range(1, 80) for _ in range(9)
    }
    words = sorted(words)
    vectorizer = TextVectorizer(vocabulary=words[::2], length=1)
    expected = [2 + i // 2 if i % 2 == 0 else 1 for i in range(len(words))]
    assert vectorizer.fit_transform(pd.Series(words))[:, 0].tolist() == expected
    assert TextVectorizer(length=1).fit(pd.Series(words)).vocabulary_[2:] == sorted(words, key=str.encode, reverse=True)


def test_equally_frequent_words_are_cut_in_the_order_of_their_bytes():
    column = pd.Series(["b a c b \x7f é a d [UNK] [UNK] [UNK]"])
    learned = {
        n: TextVectorizer(max_tokens=n, standardize=None).fit(column).vocabulary_[2:] for n in (3, 4, 5, 6, 7, 9)
    }
    assert learned[9] == ["b", "a", "é", "\x7f", "d", "c"]
    assert all(words == learned[9][: n - 2] for n, words in learned.items())


@pytest.mark.parametrize("options", [{}, {"length": None}, {"length": 3}, {"ngrams": 2, "max_tokens": 30}])
@pytest.mark.parametrize("vocabulary", [None, ["a", "good", "good a"]])
def test_fit_encode_gives_what_fit_and_encode_give(options, vocabulary):
    column = pd.Series([*odd_texts(3, 60), None, ""], dtype=object)
    once, twice = (TextVectorizer(vocabulary=vocabulary, **options) for _ in range(2))
    (ids, missing), (expected, flags) = (
        once.fit_encode_and_flag(column),
        twice.fit(column).encode_and_flag(column),
    )
    np.testing.assert_array_equal(ids, expected)
    np.testing.assert_array_equal(missing, flags)
    assert (once.vocabulary_, once.length_, ids.dtype) == (twice.vocabulary_, twice.length_, np.int32)
    np.testing.assert_array_equal(once.transform(column), ids)
