"""Text: the ids are Keras' own, and networks over words do not see padding."""

import pickle
import re
import string
import subprocess
import sys
import warnings

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer

from skmulti.errors import BranchMismatchError, InputMismatchError
from skmulti.inputs._steps import ARCHITECTURES
from skmulti.inputs.text import TextBranch, TextVectorizer
from skmulti.layers.ids import inverse_document_frequencies
from skmulti.spec import ArraySpec

REVIEWS = pd.Series(["Good food, good music!", "bad food", "good"], index=["x", "y", "z"], name="review")
SPEC = ArraySpec("review", "text", (5,), "int32", vocabulary_sizes=(12,))
IDS = np.array([[2, 3, 4, 0, 0], [5, 1, 0, 0, 0], [0, 0, 0, 0, 0], [11, 10, 9, 8, 7]], dtype="int32")

saves = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


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


# --- the encoder: ids as Keras makes them, found another way


PIECES = [
    *("a", "b", "B", "A", "good", "Not", "don't", "abcdefg", "abcdefgh", "ABCDEFGHIJKLMN", "abcdefghijklmno", "x" * 29),
    *(
        "[UNK]",
        "[",
        "!",
        "...",
        "-",
        "_",
        "'",
        "\\",
        "é",
        "É",
        "ß",
        "İ",
        "日本語",
        "日",
        "🎉",
        "שלום",
        "\0",
        "a\0",
        "\0a",
    ),
    *string.punctuation,
    *("\ud800", "\udfff\ud800", "\udcff", "\ufeff", "\uffff", "\U0010ffff", "ÿ"),
]
SPACES = [" "] * 8 + [
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1f",
    "\x85",
    "\xa0",
    "\u2003",
    "\u2028",
    "\u200b",
    "",
]


def odd_texts(seed, n_rows):
    """Draw texts of punctuation, scripts, white space of all kinds, what is no Unicode, and words of many lengths."""
    rng = np.random.default_rng(seed)
    share = np.cumsum(1 / np.arange(1, len(PIECES) + 1))
    texts = []
    for count in rng.choice([0, 1, 2, 3, 5, 20], size=n_rows):
        words = np.searchsorted(share, rng.random(count) * share[-1])
        texts.append("".join(PIECES[word] + SPACES[rng.integers(len(SPACES))] for word in words))
    return texts


def as_tensor(texts):
    return tf.constant([[text.encode("utf-8", "replace")] for text in texts])


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
    with pytest.raises(InputMismatchError, match=rf"'review': 2 of 3.*label 'b'.*type {name}.*astype\(str\)"):
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


# --- the branch


@pytest.mark.parametrize("architecture", ["bag", *ARCHITECTURES])
def test_every_architecture_is_finite_for_padded_and_empty_texts(architecture):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        output = TextBranch(architecture, units=4).build(SPEC)(IDS).numpy()
    assert np.isfinite(output).all()


@pytest.mark.parametrize("architecture", ["bag", *(name for name in ARCHITECTURES if name != "flatten")])
def test_padding_has_no_influence_on_a_text(architecture):
    short = TextBranch(architecture, units=4).build(SPEC)
    long = TextBranch(architecture, units=4).build(ArraySpec("review", "text", (9,), "int32", (12,)))
    long.set_weights(short.get_weights())
    padded = np.pad(IDS, ((0, 0), (0, 4)))
    np.testing.assert_allclose(long(padded).numpy(), short(IDS).numpy(), atol=1e-6)


def test_pool_is_average_and_maximum_of_the_words_vectors():
    branch = TextBranch("pool", embedding_dim=3).build(SPEC)
    vectors = branch.get_weights()[0][[2, 3, 4]]
    expected = np.concatenate([vectors.mean(axis=0), vectors.max(axis=0)])
    np.testing.assert_allclose(branch(IDS[:1]).numpy()[0], expected, rtol=1e-5)


def test_lstm_is_keras_lstm_on_the_words_alone():
    branch = TextBranch("lstm", embedding_dim=3, units=4).build(SPEC)
    table, *weights = branch.get_weights()
    lstm = keras.layers.LSTM(4)
    lstm.build((None, None, 3))
    lstm.set_weights(weights)
    np.testing.assert_allclose(branch(IDS[:1]).numpy(), lstm(table[[2, 3, 4]][None]).numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("architecture", "units", "width"),
    [
        ("bag", None, 3),
        ("bag", 7, 7),
        ("pool", None, 6),
        ("pool", 7, 7),
        ("flatten", None, 15),
        ("flatten", 7, 7),
        ("lstm", None, 64),
        ("gru", 7, 7),
        ("conv", None, 128),
        ("attention", 7, 14),
    ],
)
def test_output_width(architecture, units, width):
    branch = TextBranch(architecture, embedding_dim=3, units=units, dropout=0.5).build(SPEC)
    assert branch.output_shape == (None, width)


@saves
@pytest.mark.parametrize("architecture", ["bag", *ARCHITECTURES])
def test_branch_reloads_in_safe_mode(architecture, tmp_path):
    branch = TextBranch(architecture, units=4, dropout=0.1).build(SPEC)
    branch.save(tmp_path / "branch.keras")
    again = keras.saving.load_model(tmp_path / "branch.keras", safe_mode=True)
    np.testing.assert_allclose(again(IDS).numpy(), branch(IDS).numpy(), atol=1e-6)


def test_array_of_another_kind_is_refused_with_both_names():
    spec = ArraySpec("city", "category", (1,), "int32", vocabulary_sizes=(9,))
    with pytest.raises(BranchMismatchError, match=r"'city'.*TextBranch reads text arrays.*category"):
        TextBranch().build(spec)


def test_spec_without_a_vocabulary_is_refused():
    with pytest.raises(BranchMismatchError, match=r"'review'.*vocabulary"):
        TextBranch().build(ArraySpec("review", "text", (5,), "int32"))


def test_unknown_architecture_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'architecture' parameter of TextBranch.*attention"):
        TextBranch("transformer").build(SPEC)


def test_encoder_and_branch_learn_the_order_of_words():
    rng = np.random.default_rng(0)
    words = rng.choice(["not good", "good not"], size=60)
    vectorizer = TextVectorizer().fit(pd.Series(words))
    branch = TextBranch("conv", embedding_dim=8, units=8).build(vectorizer.spec("review"))
    model = keras.Sequential([branch, keras.layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    labels = (words == "not good").astype("float32")[:, None]
    history = model.fit(vectorizer.transform(pd.Series(words)), labels, epochs=25, verbose=0)
    assert history.history["accuracy"][-1] == 1.0


# --- the branch: a bag of words


TEXTS = pd.Series(["good food here", "bad food", "good music here today", "nothing", "", "bad bad day"], name="review")


def bag_of(ids, n_ids, sample=None, **params):
    """Build a bag over ids; give its model."""
    spec = ArraySpec("review", "text", (ids.shape[1],), "int32", vocabulary_sizes=(n_ids,))
    return TextBranch("bag", **params).build(spec, sample)


@pytest.fixture(scope="module")
def encoded():
    """Return the texts' (ids, vocabulary)."""
    vectorizer = TextVectorizer(length=None).fit(TEXTS)
    return vectorizer.transform(TEXTS), vectorizer.vocabulary_


def test_inverse_document_frequencies_are_those_of_scikit_learn(encoded):
    ids, vocabulary = encoded
    weights = inverse_document_frequencies(ids, len(vocabulary))
    tfidf = TfidfVectorizer().fit(TEXTS)
    assert sorted(tfidf.vocabulary_) == sorted(vocabulary[2:])
    for word, column in tfidf.vocabulary_.items():
        assert weights[vocabulary.index(word)] == pytest.approx(tfidf.idf_[column])


def test_a_word_counts_once_for_each_text_wherever_it_stands():
    weights = inverse_document_frequencies(np.array([[2, 2, 2], [3, 2, 0], [0, 0, 0]]), 5)
    # Three texts: id 2 is in two of them, 3 in one, 1 and 4 in none.
    np.testing.assert_allclose(weights[2:], np.log(4 / np.array([3, 2, 1])) + 1)


def test_the_unknown_word_weighs_nothing_if_training_knew_all():
    assert inverse_document_frequencies(np.array([[2, 3]]), 4)[1] == 0
    assert inverse_document_frequencies(np.array([[2, 1]]), 4)[1] == pytest.approx(1)


def test_without_a_sample_all_words_weigh_alike():
    assert inverse_document_frequencies(None, 4).tolist() == [1, 1, 1, 1]


def test_bag_is_scikit_learn_s_tfidf_times_the_words_vectors(encoded):
    ids, vocabulary = encoded
    model = bag_of(ids, len(vocabulary), ids, embedding_dim=3)
    counts = np.array([np.bincount(row, minlength=len(vocabulary))[2:] for row in ids])
    weights = TfidfTransformer(norm="l2").fit_transform(counts).toarray()
    expected = weights @ model.get_weights()[0][2:]
    once = (counts <= 1).all(axis=1)
    assert once.tolist() == [True] * 5 + [False]
    np.testing.assert_allclose(model(ids).numpy()[once], expected[once], rtol=1e-5, atol=1e-7)


def test_bag_has_no_order(encoded):
    ids, vocabulary = encoded
    model = bag_of(ids, len(vocabulary), ids)
    np.testing.assert_allclose(model(ids[:, ::-1]).numpy(), model(ids).numpy(), rtol=1e-5, atol=1e-7)


def test_padding_has_no_influence_on_a_bag_with_weights(encoded):
    ids, vocabulary = encoded
    short = bag_of(ids, len(vocabulary), ids)
    padded = np.pad(ids, ((0, 0), (2, 3)))
    long = bag_of(padded, len(vocabulary), padded)
    long.set_weights(short.get_weights())
    np.testing.assert_allclose(long(padded).numpy(), short(ids).numpy(), rtol=1e-5, atol=1e-7)


def test_words_that_come_back_count_for_more():
    ids = np.array([[2, 3, 0, 0], [2, 3, 2, 3]])
    once, twice = bag_of(ids, 5)(ids).numpy()
    np.testing.assert_allclose(twice, once * np.sqrt(2), rtol=1e-5, atol=1e-7)


def test_an_empty_text_gives_zeros_and_no_gradient_that_is_nan():
    ids = np.zeros((2, 4), dtype="int32")
    model = bag_of(ids, 5, ids, embedding_dim=3)
    with tf.GradientTape() as tape:
        output = model(ids)
        loss = tf.reduce_sum(output**2)
    assert output.numpy().tolist() == np.zeros((2, 3)).tolist()
    (gradient,) = tape.gradient(loss, model.trainable_variables)
    assert np.isfinite(tf.convert_to_tensor(gradient).numpy()).all()


def test_padding_s_vector_is_never_trained(encoded):
    ids, vocabulary = encoded
    model = bag_of(ids, len(vocabulary), ids, embedding_dim=3)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(ids) ** 2)
    gradient = tf.convert_to_tensor(tape.gradient(loss, model.trainable_variables)[0]).numpy()
    assert gradient[0].tolist() == [0, 0, 0]
    assert np.abs(gradient[2:]).min(axis=1).all()


@pytest.mark.parametrize(("dropout", "rate"), [(None, 0.2), (0.1, 0.1)])
def test_a_bag_drops_a_fifth_of_its_values_in_training_unless_told(dropout, rate):
    model = TextBranch("bag", dropout=dropout).build(SPEC)
    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [rate]


def test_other_architectures_drop_nothing_unless_told():
    model = TextBranch("pool").build(SPEC)
    assert not [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]


def test_the_bag_is_what_text_is_read_with_by_default():
    assert TextVectorizer.default_branch().architecture == "bag"


@saves
def test_weights_of_a_bag_come_back_in_safe_mode(encoded, tmp_path):
    ids, vocabulary = encoded
    model = bag_of(ids, len(vocabulary), ids)
    model.save(tmp_path / "bag.keras")
    again = keras.saving.load_model(tmp_path / "bag.keras", safe_mode=True)
    np.testing.assert_array_equal(again(ids).numpy(), model(ids).numpy())


def test_inferred_vectorizer_counts_punctuation_and_pairs_as_words():
    make_inferred = {"standardize": "lower_and_split_punctuation", "ngrams": 2}
    assert TextVectorizer.make_inferred().get_params() == {**TextVectorizer().get_params(), **make_inferred}
