"""Texts of any script: what is a word, which spellings are one word, and the same ids in every way of encoding."""

import unicodedata

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from text_cases import as_tensor, odd_texts

from skmulti import InputRouter, MultiInputClassifier
from skmulti.inputs.text.scripts import respell
from skmulti.inputs.text.vectorizer import TextVectorizer

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
THUMB = "\U0001f44d\U0001f3fd"
GERMANY, FRANCE, ENGLAND = (
    "\U0001f1e9\U0001f1ea",
    "\U0001f1eb\U0001f1f7",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
)
RAINBOW = "\U0001f3f3\ufe0f\u200d\U0001f308"


def any_script(**options):
    """Return an encoder for texts of any script."""
    return TextVectorizer(**{"standardize": "auto", "split": "auto", "length": None, "max_tokens": None, **options})


def tokens(text, **options):
    """Return the words of one text as the encoder finds them, in the order of the text."""
    vectorizer = any_script(**options).fit(pd.Series([text]))
    return [vectorizer.vocabulary_[i] for i in vectorizer.transform(pd.Series([text]))[0] if i]


# --- words of each script, by hand


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("很好吃\u3002", "很 好 吃 \u3002"),
        ("とても良い", "と て も 良 い"),
        ("タワー", "タ ワ ー"),
        ("時々\u3007", "時 々 \u3007"),
        ("𠮷野", "𠮷 野"),
        ("ดีมาก", "ดี ม า ก"),
        ("ดี", "ดี"),
        ("ລາວ", "ລ າ ວ"),
        ("ស្អាត", "ស្ អា ត"),
        ("မြန်မာ", "မြ န် မာ"),
        ("ㄅㄆ", "ㄅ ㄆ"),
        ("ꀀꀁ", "ꀀ ꀁ"),
        ("我用iPhone15拍照", "我 用 iphone15 拍 照"),
        ("JR東日本 line2", "jr 東 日 本 line2"),
        ("ราคา๒๕บาท", "ร า ค า ๒๕ บ า ท"),
        ("영화가 정말 좋다!", "영화가 정말 좋다 !"),
        ("बहुत अच्छी फिल्म\u0964", "बहुत अच्छी फिल्म \u0964"),
        ("Очень хорошо", "очень хорошо"),
        ("بسیار خوب", "بسیار خوب"),
        ("བོད་ཡིག", "བོད ཡིག"),
        ("ሰላም፡ለዓለም", "ሰላም ለዓለም"),
        ("Ça va\u00a0bien\u2026", "ça va bien . . ."),
        ("\u00abtrès bien\u00bb \u2014 oui", "\u00ab très bien \u00bb \u2014 oui"),
        ("don\u2019t, l\u2019été", "dont , lété"),
        ("5\u20ac 20°", "5 \u20ac 20 °"),
        ("a\u200bb", "a b"),
    ],
)
def test_words_of_a_text_are_those_of_its_script(text, words):
    assert tokens(text) == words.split(" ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("so good😀😀", ["so", "good", "😀", "😀"]),
        (f"a{FAMILY}b", ["a", FAMILY, "b"]),
        (f"{THUMB}{THUMB}", [THUMB, THUMB]),
        (f"{GERMANY}{FRANCE}{ENGLAND}", [GERMANY, FRANCE, ENGLAND]),
        (RAINBOW, [RAINBOW.replace("\ufe0f", "")]),
        ("❤\ufe0f❤", ["❤", "❤"]),
        ("top1\ufe0f\u20e3", ["top", "1\u20e3"]),
        ("好😀", ["好", "😀"]),
    ],
)
def test_an_emoji_is_a_word_however_it_is_composed(text, words):
    assert tokens(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://shop.example.com/a/b?id=3", "https : / / shop . example . com / a / b ? id = 3"),
        ("john.smith@mail.org", "john . smith @ mail . org"),
        (r"C:\Users\ann\notes_2.txt", "c : \\ users \\ ann \\ notes _ 2 . txt"),
        ("A12-334-X", "a12 - 334 - x"),
        ("https://例え.jp/道", "https : / / 例 え . jp / 道"),
    ],
)
def test_addresses_paths_and_codes_are_words_in_pieces(text, words):
    assert tokens(text) == words.split(" ")


def test_pairs_of_characters_are_words_and_pairs_of_words_stay():
    assert tokens("好电影 very nice", ngrams=2)[5:] == ["好 电", "电 影", "影 very", "very nice"]


# --- spellings of one word


@pytest.mark.parametrize(
    "spellings",
    [
        ["caf\u00e9", "cafe\u0301", "CAFÉ"],
        ["\uff21\uff22\uff23\uff11\uff12", "abc12", "ABC12"],
        ["ﾀﾜｰ", "タワー"],
        ["Straße", "STRASSE", "strasse"],
        ["ΟΔΟΣ", "οδος", "οδοσ"],
        ["москва".upper(), "москва"],
        ["\u05de\u05b7\u05d6\u05bc\u05b8\u05dc", "\u05de\u05d6\u05dc"],
        [
            "\u0643\u0650\u062a\u064e\u0627\u0628\u064c",
            "\u0643\u062a\u0627\u0628",
            "\u0643\u062a\u0640\u0640\u0627\u0628",
        ],
        ["\u06a9\u062a\u0627\u0628\u200c\u0647\u0627", "\u06a9\u062a\u0627\u0628\u0647\u0627"],
        ["한글", unicodedata.normalize("NFD", "한글")],
        ["don't", "don\u2019t", "don\u00b4t", "DON\uff07T"],
        ["o\ufb03ce", "office"],
        ["soft\u00adly", "softly"],
        ["\ufeffgood", "good"],
    ],
)
def test_spellings_of_one_word_have_one_id(spellings):
    ids = any_script().fit_transform(pd.Series(spellings))
    assert ids[0, 0] >= 2
    assert len({tuple(row) for row in ids.tolist()}) == 1


@pytest.mark.parametrize("text", ["好 吃 ! iphone15 😀", "ดี ม า ก", "strasse", f"{FAMILY} {GERMANY} 1\u20e3"])
def test_respelling_twice_changes_nothing_more(text):
    assert respell(respell(text)).split() == respell(text).split() == text.split()


# --- the same ids in every way of encoding


MIXED = [
    "很好吃, very good!",
    "とても😀良い",
    f"ดีมาก {THUMB}",
    "plain words, only",
    "Ça va\u2026",
    "영화 A-1",
    "",
    "caf\ud800é",
]


def mixed_texts(n_rows, seed):
    rng = np.random.default_rng(seed)
    pieces = [*MIXED, *odd_texts(seed, 20)]
    return [" ".join(rng.choice(pieces, rng.integers(1, 4))) for _ in range(n_rows)]


@pytest.mark.parametrize("options", [{}, {"ngrams": 2}, {"ngrams": 2, "length": 7}, {"split": "whitespace"}])
@pytest.mark.parametrize("standardize", ["auto", None, "lower"])
def test_rows_alone_in_blocks_and_of_arrow_have_the_same_ids(options, standardize):
    texts = [text.replace("\0", "") for text in mixed_texts(60, 0)]
    column = pd.Series(texts, dtype=object, name="review")
    vectorizer = any_script(**{"standardize": standardize, **options}).fit(column)
    expected = vectorizer.transform(column)
    alone = [vectorizer.transform(column.iloc[[row]])[0] for row in range(len(column))]
    np.testing.assert_array_equal(np.array(alone), expected)
    cells = column.to_numpy()[:9, None]
    np.testing.assert_array_equal(vectorizer.transform_cells(cells, np.zeros(cells.shape, bool)), expected[:9])
    np.testing.assert_array_equal(clone(vectorizer).fit_encode_and_flag(column)[0], expected)
    arrow = pd.Series([text.encode("utf-8", "replace").decode() for text in texts], dtype="string[pyarrow]")
    np.testing.assert_array_equal(clone(vectorizer).fit(arrow).transform(arrow), expected)
    parts = clone(vectorizer).partial_fit(column.iloc[:25]).partial_fit(column.iloc[25:])
    assert parts.vocabulary_ == vectorizer.vocabulary_
    np.testing.assert_array_equal(parts.transform(column), expected)


def test_blocks_of_long_columns_are_spelled_alike():
    texts = [f"很好{i % 7} " * 6_000 + f"末{i}" for i in range(36)]
    vectorizer = any_script().fit(pd.Series(texts))
    ids, _ = clone(vectorizer).fit_encode_and_flag(pd.Series(texts))
    assert [vectorizer.vocabulary_[i] for i in ids[:, -1]] == [str(i) for i in range(36)]


def test_a_callable_of_the_other_parameter_sees_words_apart():
    column = pd.Series(["很好 very GOOD", "不好", None])
    own = any_script().fit(column)
    through_keras = any_script(standardize=tf.strings.lower).fit(column)
    assert through_keras.vocabulary_ == own.vocabulary_
    np.testing.assert_array_equal(through_keras.transform(column), own.transform(column))


def test_a_callable_that_splits_sees_spellings_brought_together():
    column = pd.Series(["CAFE\u0301 caf\u00e9, \uff21", None])
    own = any_script(split="whitespace").fit(column)
    through_keras = any_script(split=tf.strings.split).fit(column)
    assert through_keras.vocabulary_ == own.vocabulary_
    np.testing.assert_array_equal(through_keras.transform(column), own.transform(column))


def test_a_given_vocabulary_is_found():
    vectorizer = TextVectorizer(standardize="auto", split="auto", ngrams=2, length=None, vocabulary=["好", "很 好"])
    assert vectorizer.fit_transform(pd.Series(["很好", "好"])).tolist() == [[1, 2, 3], [2, 0, 0]]


# --- what stays as it was


def test_texts_in_ascii_have_the_ids_of_the_named_options():
    texts = [text.encode("ascii", "ignore").decode() for text in odd_texts(6, 200)]
    column = pd.Series(texts, dtype=object)
    named = any_script(standardize="lower_and_split_punctuation", split="whitespace", ngrams=2).fit(column)
    auto = any_script(ngrams=2).fit(column)
    assert auto.vocabulary_ == named.vocabulary_
    np.testing.assert_array_equal(auto.transform(column), named.transform(column))


def test_defaults_are_keras_own_words_in_any_script():
    train, new = mixed_texts(80, 1), mixed_texts(40, 2)
    layer = keras.layers.TextVectorization(20_000, output_sequence_length=9)
    layer.adapt(as_tensor(train))
    vectorizer = TextVectorizer(length=9).fit(pd.Series(train, dtype=object))
    assert [word.rstrip("\0") for word in vectorizer.vocabulary_] == [str(word) for word in layer.get_vocabulary()]
    np.testing.assert_array_equal(vectorizer.transform(pd.Series(new, dtype=object)), layer(as_tensor(new)).numpy())


# --- what is learned from them


def opinions(filler, good, bad):
    """Return a table of 300 texts, and whether each one praises."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    words = [[*rng.choice(list(filler), 10), *rng.choice(list(good if label else bad), 3)] for label in y]
    return pd.DataFrame({"x": rng.normal(size=300), "review": ["".join(row) for row in words]}), y


@pytest.mark.parametrize(
    ("filler", "good", "bad"),
    [
        ("这个电影今天我们看了一部很长的片子", "喜欢精彩", "讨厌无聊"),
        ("この映画を今日見ましたとても長い", "良楽好", "悪嫌退"),
        ("หนังเรื่องนี้ยาวมากวันนี้เราดู", "ชอบ", "แย่"),
    ],
)
def test_the_words_of_scripts_without_blanks_tell_what_a_text_says(filler, good, bad):
    X, y = opinions(filler, good, bad)
    ids = InputRouter().fit(X).transform(X)["review"]
    counts = np.stack([np.bincount(row, minlength=ids.max() + 1)[2:] for row in ids])
    model = LogisticRegression().fit(counts[:220], y[:220])
    assert model.score(counts[220:], y[220:]) == 1


def test_the_default_router_learns_from_texts_without_blanks():
    X, y = opinions("这个电影今天我们看了一部很长的片子", "喜欢精彩", "讨厌无聊")
    model = MultiInputClassifier(epochs=25, random_state=0).fit(X[:220], y[:220])
    assert model.router_.plan_.encoder.tolist() == ["NumberScaler", "TextVectorizer"]
    assert model.score(X[220:], y[220:]) >= 0.95


def test_a_column_called_text_is_read_as_the_default_router_reads_it():
    frame = pd.DataFrame({"review": [f"很好吃的电影{i}号" for i in range(60)]})
    router = InputRouter(kinds={"review": "text"}).fit(frame)
    default = InputRouter().fit(frame)
    assert router.encoders_["review"].vocabulary_ == default.encoders_["review"].vocabulary_
    assert "好 吃" in default.encoders_["review"].vocabulary_
