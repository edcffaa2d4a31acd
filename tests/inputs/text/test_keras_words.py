"""Text that is standardised and split by functions of the user, through Keras."""

import pandas as pd
import tensorflow as tf

from skmulti.inputs.text.vectorizer import TextVectorizer


def test_functions_that_standardise_and_split_run_in_keras():
    def lower(text):
        return tf.strings.lower(text, encoding="utf-8")

    def at_commas(text):
        return tf.strings.split(text, ",")

    column = pd.Series(["É,a b", "a b,é,a b", None])
    vectorizer = TextVectorizer(standardize=lower, split=at_commas)
    assert vectorizer.fit_transform(column).tolist() == [[3, 2, 0], [2, 3, 2], [0, 0, 0]]
    assert vectorizer.vocabulary_ == ["", "[UNK]", "a b", "é"]
    assert vectorizer.fit_encode_and_flag(column)[0].tolist() == [[3, 2, 0], [2, 3, 2], [0, 0, 0]]
    assert TextVectorizer(standardize=None, split=at_commas, vocabulary=["a b"]).fit_transform(
        pd.Series(["a b,c"])
    ).tolist() == [[2, 1]]
