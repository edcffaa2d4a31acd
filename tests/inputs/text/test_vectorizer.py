"""The ids of `TextVectorizer` are Keras' own; its vocabulary, lengths, round trips and refusals."""

import pickle
import re
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.base import clone

from skmulti.errors import InputMismatchError
from skmulti.inputs.text.vectorizer import TextVectorizer
from skmulti.spec import ArraySpec

REVIEWS = pd.Series(["Good food, good music!", "bad food", "good"], index=["x", "y", "z"], name="review")


# --- the encoder: ids


def test_hand_computed_ids():
    ids = TextVectorizer(length=4).fit_transform(REVIEWS)
    # Ties ("music", "bad") are broken by sort order, high to low, as Keras documents.
    assert ids.tolist() == [[2, 3, 2, 4], [5, 3, 0, 0], [2, 0, 0, 0]]
    assert ids.dtype == np.int32


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"max_tokens": 4},
        {"ngrams": 2},
        {"ngrams": (1, 3)},
        {"standardize": "lower"},
        {"standardize": None, "split": "character"},
        {"split": None},
    ],
)
def test_ids_are_those_of_keras(options):
    layer = keras.layers.TextVectorization(output_sequence_length=3, **{"max_tokens": 20_000, **options})
    layer.adapt(REVIEWS.tolist())
    new = ["good unseen bad", "", "food"]
    vectorizer = TextVectorizer(length=3, **options).fit(REVIEWS)
    expected = layer(tf.constant([[text] for text in new])).numpy()
    assert vectorizer.transform(pd.Series(new, name="review")).tolist() == expected.tolist()
    assert vectorizer.vocabulary_ == [str(word) for word in layer.get_vocabulary()]


def test_vocabulary_names_each_id():
    vectorizer = TextVectorizer(length=4).fit(REVIEWS)
    words = [vectorizer.vocabulary_[i] for i in vectorizer.transform(REVIEWS)[0]]
    assert words == ["good", "food", "good", "music"]
    assert all(type(word) is str for word in vectorizer.vocabulary_)


def test_unseen_word_gets_id_one():
    assert TextVectorizer(length=2).fit(REVIEWS).transform(pd.Series(["terrible food"], name="review")).tolist() == [
        [1, 3]
    ]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_text_has_no_words_and_is_flagged(missing):
    column = pd.Series(["good", missing, "food"], dtype=object)
    ids, flags = TextVectorizer().fit(column).encode_and_flag(column)
    assert ids.tolist() == [[2], [0], [3]]
    assert flags.tolist() == [False, True, False]


@pytest.mark.parametrize("dtype", ["str", object, "string[python]", "string[pyarrow]", "category"])
def test_every_string_dtype_gives_the_same_ids(dtype):
    column = pd.Series(["good food", None, "good"], dtype=dtype)
    assert TextVectorizer(length=2).fit_transform(column).tolist() == [[2, 3], [0, 0], [2, 0]]


def test_array_and_list_give_the_ids_of_the_series():
    expected = TextVectorizer().fit_transform(REVIEWS).tolist()
    assert TextVectorizer().fit_transform(REVIEWS.tolist()).tolist() == expected
    assert TextVectorizer().fit_transform(REVIEWS.to_numpy(dtype=object)).tolist() == expected
    assert TextVectorizer().fit_transform(REVIEWS.to_numpy(dtype=object)[:, None]).tolist() == expected


def test_several_columns_are_joined_without_the_missing_ones():
    frame = pd.DataFrame({"title": ["good", None, None], "body": ["food", "food", None]})
    vectorizer = TextVectorizer(length=2).fit(frame)
    assert vectorizer.transform(frame).tolist() == [[3, 2], [2, 0], [0, 0]]
    assert vectorizer.encode_and_flag(frame)[1].tolist() == [False, False, True]


def test_given_vocabulary_replaces_learning():
    vectorizer = TextVectorizer(vocabulary=["bad", "good"], max_tokens=3, length=3).fit(REVIEWS)
    assert vectorizer.vocabulary_ == ["", "[UNK]", "bad", "good"]
    assert vectorizer.transform(REVIEWS).tolist() == [[3, 1, 3], [2, 1, 0], [3, 0, 0]]


@pytest.mark.parametrize(
    "texts", [["a\nb\tc"], ["🎉 שלום"], ["é " * 5], ["word " * 20_000], ["  odd   space  "], ["a\0b"], ["\ud800 a"]]
)
def test_unusual_texts_are_encoded(texts):
    vectorizer = TextVectorizer(length=4).fit(pd.Series(texts, dtype=object))
    ids = vectorizer.transform(pd.Series(texts, dtype=object))
    assert ids.shape == (1, 4)
    assert ids[0, 0] >= 2


def test_emoji_and_right_to_left_words_are_learned():
    assert {"🎉", "שלום"} <= set(TextVectorizer().fit(pd.Series(["🎉 שלום"])).vocabulary_)


def test_long_columns_pass_in_batches():
    column = pd.Series([f"word{i}" for i in range(2500)])
    vectorizer = TextVectorizer().fit(column)
    ids = vectorizer.transform(column)[:, 0]
    assert [vectorizer.vocabulary_[i] for i in ids] == column.tolist()


@pytest.mark.parametrize("cells", [["", None], [None, None], ["!", "..."]])
def test_columns_without_words_can_be_fitted(cells):
    vectorizer = TextVectorizer().fit(pd.Series(cells, dtype=object))
    assert vectorizer.vocabulary_ == ["", "[UNK]"]
    assert vectorizer.transform(pd.Series(["new word", "[UNK]", None], dtype=object)).tolist() == [[1], [1], [0]]


def test_no_rows_give_no_ids():
    assert TextVectorizer(length=4).fit(REVIEWS).transform(REVIEWS.iloc[:0]).shape == (0, 4)


# --- the encoder: length


def test_length_is_the_quantile_of_training_lengths():
    column = pd.Series([" ".join("abcdefghij"[:n]) for n in (1, 2, 3, 4, 10)] + [None, ""])
    # Five texts with words: the 0.5 quantile of 1, 2, 3, 4, 10 is 3; the 0.8 one 5.2, so 6.
    assert TextVectorizer(length=0.5).fit(column).length_ == 3
    assert TextVectorizer(length=0.8).fit(column).length_ == 6
    assert TextVectorizer(length=None).fit(column).length_ == 10
    assert TextVectorizer(length=7).fit(column).length_ == 7


def test_length_counts_ngrams():
    assert TextVectorizer(length=None, ngrams=2).fit(pd.Series(["a b c"])).length_ == 5


def test_longer_new_texts_are_cut():
    assert TextVectorizer(length=None).fit(pd.Series(["a b"])).transform(pd.Series(["b a b a"])).shape == (1, 2)


def test_spec_describes_the_array():
    spec = TextVectorizer(length=4).fit(REVIEWS).spec("review")
    assert spec == ArraySpec("review", "text", (4,), "int32", vocabulary_sizes=(6,), vocabulary=spec.vocabulary)


def test_vocabulary_stands_for_the_words_of_the_ids():
    words = ["good", "bad"]
    learned, given = TextVectorizer().fit(pd.Series(["good bad good"])), TextVectorizer(vocabulary=words)
    other = TextVectorizer(vocabulary=words[::-1])
    digests = [
        vectorizer.fit(pd.Series(["good bad good"])).spec("x").vocabulary for vectorizer in (learned, given, other)
    ]
    assert digests[0] == digests[1] != digests[2]


# --- the encoder: round trips


def test_pickle_gives_equal_ids_and_holds_no_layer():
    vectorizer = TextVectorizer().fit(REVIEWS)
    state = pickle.dumps(vectorizer)
    assert b"keras" not in state
    assert pickle.loads(state).transform(REVIEWS).tolist() == vectorizer.transform(REVIEWS).tolist()


def test_pickle_gives_equal_ids_in_a_fresh_process(tmp_path):
    vectorizer = TextVectorizer().fit(REVIEWS)
    (tmp_path / "vectorizer.pkl").write_bytes(pickle.dumps(vectorizer))
    script = (
        "import pickle, pathlib, pandas as pd;"
        f"v = pickle.loads(pathlib.Path({str(tmp_path / 'vectorizer.pkl')!r}).read_bytes());"
        f"print(v.transform(pd.Series({REVIEWS.tolist()!r})).tolist())"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == str(vectorizer.transform(REVIEWS).tolist())


def test_word_as_long_as_a_book_survives_the_pickle():
    # NumPy strings would take the longest word's width for every word.
    column = pd.Series(["x" * 200_000] + [f"w{i}" for i in range(1000)])
    vectorizer = pickle.loads(pickle.dumps(TextVectorizer(split=None).fit(column)))
    assert vectorizer.transform(column.iloc[:1])[0, 0] >= 2


def test_clone_keeps_parameters_and_refit_forgets():
    vectorizer = TextVectorizer(vocabulary=["good"], length=2).fit(REVIEWS)
    assert not hasattr(clone(vectorizer), "vocabulary_")
    assert clone(vectorizer).get_params() == vectorizer.get_params()
    vectorizer.set_params(vocabulary=None).fit(pd.Series(["bad"]))
    assert vectorizer.transform(pd.Series(["good bad"])).tolist() == [[1, 2]]


def test_fit_and_transform_leave_the_column_alone():
    column = REVIEWS.astype(object)
    before = column.copy()
    TextVectorizer().fit(column).transform(column)
    pd.testing.assert_series_equal(column, before)


# --- the encoder: refusals


@pytest.mark.parametrize(
    ("cell", "name"), [(5, "int"), (2.5, "float"), (b"bytes", "bytes"), (["a", "list"], "list"), (True, "bool")]
)
def test_cell_that_is_no_text_is_refused_with_its_place(cell, name):
    column = pd.Series(["good", cell, cell], index=["a", "b", "c"], dtype=object, name="review")
    with pytest.raises(InputMismatchError, match=rf"'review': 2 of 3.*label 'b'.*type {name}.*on_odd"):
        TextVectorizer().fit(column)


def test_another_number_of_columns_is_refused():
    vectorizer = TextVectorizer().fit(pd.DataFrame({"a": ["x"], "b": ["y"]}))
    with pytest.raises(ValueError, match="b"):
        vectorizer.transform(pd.DataFrame({"a": ["x"]}))


@pytest.mark.parametrize(
    ("vocabulary", "words"),
    [
        (["a", "b", "a"], "'a' twice"),
        (["", "a"], "found ''"),
        (["[UNK]"], "UNK"),
        (["a", 3], "found 3"),
        (["\ud800"], "ud800"),
    ],
)
def test_unusable_vocabulary_is_refused(vocabulary, words):
    with pytest.raises(ValueError, match=words):
        TextVectorizer(vocabulary=vocabulary).fit(REVIEWS)


@pytest.mark.parametrize(
    "options", [{"length": 0}, {"length": 1.5}, {"max_tokens": 2}, {"split": "comma"}, {"ngrams": 0}]
)
def test_invalid_parameter_is_refused(options):
    with pytest.raises(ValueError, match=f"'{next(iter(options))}' parameter of TextVectorizer"):
        TextVectorizer(**options).fit(REVIEWS)


@pytest.mark.parametrize("ngrams", [(), (0,), (1, 2.5), ("a",)])
def test_widths_of_no_ngram_are_refused(ngrams):
    with pytest.raises(ValueError, match=rf"`ngrams` must hold widths.*found {re.escape(repr(ngrams))}"):
        TextVectorizer(ngrams=ngrams).fit(REVIEWS)


# --- which columns are text


@pytest.mark.parametrize(
    "cells",
    [
        ["the food was very good", "we will not come back again"],
        ["the food was very good", None] * 10 + ["another text with many words"],
        [f"New street {name}" for name in map(str, range(60))],
        [f"Title of book{i}" for i in range(50)],
    ],
)
def test_suits_text(cells):
    assert "text" in TextVectorizer.suits(pd.Series(cells))


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["red", "blue"] * 30),
        pd.Series([f"word{i}" for i in range(100)]),
        pd.Series([f"https://example.org/page/{i}" for i in range(100)]),
        pd.Series([f"img/{i}.png" for i in range(100)]),
        pd.Series(["New York", "San Francisco"] * 30),
        pd.Series(["very happy with the service", "not at all happy with it"] * 30),
        pd.Series([f"2024-01-{i:02} 10:00:00" for i in range(1, 29)] * 3),
        pd.Series(["the food was very good", "we were happy to come"], dtype="category"),
        pd.Series([None, None], dtype=object),
        pd.Series([["a list of many words"]]),
        pd.Series([1.5, 2.5]),
        pd.Series(pd.to_datetime(["2024-01-01"])),
    ],
)
def test_suits_nothing_else(column):
    assert TextVectorizer.suits(column) is None


def test_inferred_vectorizer_counts_punctuation_and_pairs_as_words_in_any_script():
    make_inferred = {"standardize": "auto", "split": "auto", "ngrams": 2, "on_odd": "missing"}
    assert TextVectorizer.make_inferred().get_params() == {**TextVectorizer().get_params(), **make_inferred}
