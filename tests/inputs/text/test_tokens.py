"""Texts cut into words as Keras cuts them, or at punctuation, too; from columns of any memory."""

import re
import string

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf
from text_cases import as_tensor, odd_texts

from skmulti.errors import InputMismatchError
from skmulti.inputs.text.vectorizer import TextVectorizer


@pytest.mark.parametrize("standardize", ["lower_and_strip_punctuation", "lower", "strip_punctuation", None])
@pytest.mark.parametrize("split", ["whitespace", "character", None])
@pytest.mark.parametrize(("ngrams", "max_tokens", "length"), [(None, 20, 4), (2, None, 9), ((3, 1), 40, 30)])
def test_odd_texts_have_the_ids_of_keras(standardize, split, ngrams, max_tokens, length):
    options = {"standardize": standardize, "split": split, "ngrams": ngrams, "max_tokens": max_tokens}
    train, new = odd_texts(1, 80), odd_texts(2, 80)
    layer = keras.layers.TextVectorization(**options, output_sequence_length=length)
    layer.adapt(as_tensor(train))
    vectorizer = TextVectorizer(**options, length=length).fit(pd.Series(train, dtype=object))
    # Keras strips NUL from the end of a word, but only where it tells the words.
    assert [word.rstrip("\0") for word in vectorizer.vocabulary_] == [str(word) for word in layer.get_vocabulary()]
    expected = layer(as_tensor(new)).numpy()
    column = pd.Series(new, dtype=object)
    np.testing.assert_array_equal(vectorizer.transform(column), expected)
    # Few rows take another way.
    np.testing.assert_array_equal(vectorizer.transform(column[:12]), expected[:12])


@pytest.mark.parametrize("standardize", ["lower_and_split_punctuation", "split_punctuation"])
@pytest.mark.parametrize(("split", "ngrams"), [("whitespace", (1, 2)), ("character", None), (None, None)])
def test_odd_texts_with_split_punctuation_have_the_ids_of_keras_on_rewritten_texts(standardize, split, ngrams):
    def rewritten(texts):
        texts = [text.encode("utf-8", "replace").decode() for text in texts]
        if standardize.startswith("lower"):
            texts = [re.sub("[A-Z]", lambda letter: letter[0].lower(), text) for text in texts]
        marks = f"([{re.escape(string.punctuation)}])"
        return [re.sub(marks, r" \1 ", text.replace("'", "")) for text in texts]

    train, new = odd_texts(3, 80), odd_texts(4, 80)
    options = {"split": split, "ngrams": ngrams}
    layer = keras.layers.TextVectorization(**options, standardize=None, output_sequence_length=20)
    layer.adapt(as_tensor(rewritten(train)))
    vectorizer = TextVectorizer(**options, standardize=standardize, max_tokens=None, length=20)
    vectorizer.fit(pd.Series(train, dtype=object))
    assert [word.rstrip("\0") for word in vectorizer.vocabulary_] == [str(word) for word in layer.get_vocabulary()]
    expected = layer(as_tensor(rewritten(new))).numpy()
    column = pd.Series(new, dtype=object)
    np.testing.assert_array_equal(vectorizer.transform(column), expected)
    np.testing.assert_array_equal(vectorizer.transform(column[:12]), expected[:12])


def test_split_punctuation_makes_words_of_marks_and_joins_at_apostrophes():
    column = pd.Series(["Didn't fit!", "fit? (great)", "3.5"])
    vectorizer = TextVectorizer(standardize="lower_and_split_punctuation", length=None).fit(column)
    words = [[vectorizer.vocabulary_[i] for i in row if i] for row in vectorizer.transform(column)]
    assert words == [["didnt", "fit", "!"], ["fit", "?", "(", "great", ")"], ["3", ".", "5"]]


@pytest.mark.parametrize("standardize", ["lower_and_split_punctuation", "split_punctuation"])
def test_split_punctuation_in_keras_gives_the_same_ids(standardize):
    # Keras cannot hold words that differ in NUL alone.
    column = pd.Series([text.replace("\0", "") for text in odd_texts(5, 60)], dtype=object)
    own = TextVectorizer(standardize=standardize, max_tokens=None).fit(column)
    through_keras = TextVectorizer(standardize=standardize, split=tf.strings.split, max_tokens=None).fit(column)
    assert own.vocabulary_ == through_keras.vocabulary_
    np.testing.assert_array_equal(own.transform(column), through_keras.transform(column))


def test_long_columns_pass_in_blocks():
    texts = [f"word{i % 7} " * 30_000 + f"end{i}" for i in range(20)]
    vectorizer = TextVectorizer(length=None).fit(pd.Series(texts))
    ids, _ = vectorizer.fit_encode_and_flag(pd.Series(texts))
    assert [vectorizer.vocabulary_[i] for i in ids[:, -1]] == [f"end{i}" for i in range(20)]
    np.testing.assert_array_equal(vectorizer.transform(pd.Series(texts)), ids)


@pytest.mark.parametrize("dtype", ["string[pyarrow]", "str", "large_string"])
def test_columns_of_arrow_give_the_ids_of_their_strings(dtype):
    texts = [*(text.encode("utf-8", "replace").decode() for text in odd_texts(4, 50)), None]
    dtype = pd.ArrowDtype(pa.large_string()) if dtype == "large_string" else dtype
    column = pd.concat([pd.Series(texts, dtype=dtype)[7:], pd.Series(texts, dtype=dtype)[3:40]])
    vectorizer = TextVectorizer(length=5).fit(column)
    expected = TextVectorizer(length=5).fit(column.astype(object))
    assert vectorizer.vocabulary_ == expected.vocabulary_
    np.testing.assert_array_equal(vectorizer.transform(column), expected.transform(column.astype(object)))


def test_columns_of_arrow_that_are_no_text_are_refused():
    column = pd.Series([b"bytes"] * 20, dtype=pd.ArrowDtype(pa.binary()), name="review")
    with pytest.raises(InputMismatchError, match=r"'review': 20 of 20.*label 0: b'bytes'"):
        TextVectorizer().fit(column)


def test_bytes_that_only_claim_to_be_text_are_refused():
    cells = pa.array([b"good"] * 19 + [b"caf\xe9 food"]).view(pa.string())
    with pytest.raises(InputMismatchError, match=r"'review': not all cells are text in UTF-8.*index 19.*decode"):
        TextVectorizer().fit(pd.Series(pd.arrays.ArrowExtensionArray(cells), name="review"))
