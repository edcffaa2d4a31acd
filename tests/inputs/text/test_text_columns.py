"""Which columns the default router reads as text, which two share an encoder, and odd cells among texts."""

import datetime
import uuid
import warnings
from decimal import Decimal
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone

from skmulti import InputRouter
from skmulti.errors import InputMismatchError, OddCellsWarning
from skmulti.inputs.text.vectorizer import TextVectorizer

N_ROWS = 200
TITLE_WORDS = ["the", "a", "good", "bad", "film", "plot", "actor", "very", "nice"]
HAN = "这个电影今天我们看了一部很长的片子喜欢精彩"


def column_of(make, n_rows=N_ROWS):
    """Return a column whose cells a function makes of a generator and the row's number."""
    rng = np.random.default_rng(0)
    return pd.Series([make(rng, i) for i in range(n_rows)], dtype=object, name="x")


def draw(rng, characters, count=1):
    return "".join(rng.choice(list(characters), count))


def title(rng, i):
    return " ".join(rng.choice(TITLE_WORDS, 6))


# --- which columns are text


@pytest.mark.parametrize(
    "make",
    [
        lambda rng, i: draw(rng, HAN, 13),
        lambda rng, i: draw(rng, "これはとても良い映画でしたつまらない", 12),
        lambda rng, i: draw(rng, "หนังดมากแยชอบเลวเรองน", 14),
        lambda rng, i: " ".join(draw(rng, "영화가정말좋았다별로", 3) for _ in range(5)),
        lambda rng, i: " ".join(rng.choice(["फिल्म", "बहुत", "अच्छी", "थी", "बुरी"], 5)),
        lambda rng, i: " ".join(rng.choice(["الفيلم", "جيد", "جدا", "سيء"], 5)),
        lambda rng, i: f"iPhone{i} 很好用 very nice 推荐给大家",
        lambda rng, i: draw(rng, "😀🎉😡👍💔😂", rng.integers(2, 6)),
        # Nearly all differ, and the pieces recur.
        lambda rng, i: draw(rng, "张王李赵陈") + draw(rng, "伟芳娜敏静丽强磊军洋勇艳杰", 2),
        lambda rng, i: f"https://shop{i % 5}.example.com/{draw(rng, 'abc')}/{i}",
        lambda rng, i: f"www.{draw(rng, 'abc')}.org/?q={i}",
        lambda rng, i: f"{rng.choice(['john', 'mary'])}{i}@{rng.choice(['mail', 'corp', 'web'])}.com",
        lambda rng, i: f"/home/user{i % 7}/notes/file_{i}.txt",
        lambda rng, i: rf"C:\Users\user{i % 7}\file_{i}.docx",
        lambda rng, i: PurePosixPath(f"/data/{draw(rng, 'abc')}/part_{i}"),
        lambda rng, i: f"{draw(rng, 'ABC')}{rng.integers(10, 20)}-{i}-{draw(rng, 'XYZ')}",
        lambda rng, i: f"{draw(rng, 'ABCDEF', 2)}-{i:05}",
        lambda rng, i: f"Braund{i}, {rng.choice(['Mr.', 'Mrs.'])} Owen Harris",
    ],
)
def test_texts_of_any_script_and_codes_whose_pieces_recur_are_text(make):
    column = column_of(make)
    assert TextVectorizer.suits(column)
    assert InputRouter().fit(pd.DataFrame({"x": column, "n": range(N_ROWS)})).plan_.encoder[0] == "TextVectorizer"


@pytest.mark.parametrize(
    "make",
    [
        # Categories: few different values.
        lambda rng, i: rng.choice(["New York", "San Francisco", "Rome"]),
        lambda rng, i: rng.choice(["北京", "上海", "内蒙古自治区"]),
        lambda rng, i: chr(0x4E00 + int(rng.integers(60))) + "市",
        lambda rng, i: draw(rng, "👍👎"),
        lambda rng, i: "".join(chr(0x1F1E6 + int(number)) for number in rng.integers(8, size=2)),
        lambda rng, i: f"https://example.org/{draw(rng, 'abc')}/{draw(rng, 'abc')}",
        lambda rng, i: f"{draw(rng, 'AB')}-{draw(rng, 'XY')}",
        # Ids: nearly all differ, and so do their pieces.
        lambda rng, i: f"https://example.org/page/{i}",
        lambda rng, i: f"user{i}@corp.com",
        lambda rng, i: f"user{i}",
        lambda rng, i: f"user_{i}",
        lambda rng, i: f"CUST-{2020 + i % 4}-{i:05}",
        lambda rng, i: str(uuid.UUID(bytes=rng.bytes(16), version=4)),
        lambda rng, i: rng.bytes(16).hex(),
        lambda rng, i: f"sha256:{rng.bytes(16).hex()}",
        # Numbers, dates and times.
        lambda rng, i: f"{1000 + 7 * i:,}",
        lambda rng, i: f"${i / 7:.2f}",
        lambda rng, i: f"{i} %",
        lambda rng, i: f"{i / 7:.2f} {rng.choice(['kg', 'g', 'lb'])}",
        lambda rng, i: f"{rng.choice(['USD', 'EUR'])} {i / 7:.2f}",
        lambda rng, i: f"{i / 7:.1f} km/h",
        lambda rng, i: f"{i}公斤",
        lambda rng, i: f"{i % 28 + 1} {rng.choice(['March', 'Apr', 'Dec.'])} {1900 + i // 2}",
        lambda rng, i: f"{rng.choice(['Tue', 'Friday'])} {i % 28 + 1} March {1900 + i} 10:{i % 60:02} PM",
        lambda rng, i: f"2020/{i % 12 + 1:02}/{i % 28 + 1:02} 00:01:{i % 60:02}",
        lambda rng, i: f"{1900 + i}年{i % 12 + 1}月{i % 28 + 1}日",
        lambda rng, i: f"2020-01-01T{i % 24:02}:{i % 60:02}:{i % 7:02}Z",
        lambda rng, i: f"{i % 24:02}:{i % 60:02}:11",
        lambda rng, i: f"{i} h {i % 60} min",
        lambda rng, i: f"+1 555-{rng.integers(100, 999)}-{rng.integers(1000, 9999)}",
        # What is no string.
        lambda rng, i: i,
        lambda rng, i: datetime.date(2000, 1, 1) + datetime.timedelta(i),
        lambda rng, i: ["a", "list", "of", "words"],
        lambda rng, i: b"\x89PNG" + rng.bytes(20),
        lambda rng, i: title(rng, i) if i % 10 else ["a", "list"],
    ],
)
def test_categories_ids_numbers_and_dates_are_no_text(make):
    assert TextVectorizer.suits(column_of(make)) is None


@pytest.mark.parametrize(
    ("count", "cell"),
    [(1, 2012), (10, 2012.0), (9, ["a"]), (3, {"a": 1}), (1, b"bytes"), (2, datetime.date(2012, 1, 1))],
)
@pytest.mark.parametrize("at", ["first", "last", "spread"])
def test_what_most_cells_are_decides(count, cell, at):
    column = column_of(title, 3000)
    count *= 15
    places = {"first": range(count), "last": range(3000 - count, 3000), "spread": range(0, 3000, 3000 // count)}[at]
    for place in list(places)[:count]:
        column[place] = cell
    assert "text" in TextVectorizer.suits(column)


@pytest.mark.parametrize("dtype", [object, pd.ArrowDtype(pa.binary())])
def test_a_column_of_bytes_that_hold_text_is_text(dtype):
    column = column_of(lambda rng, i: title(rng, i).encode()).astype(dtype)
    assert TextVectorizer.suits(column)
    texts = column_of(title)
    vectorizer = TextVectorizer.make_inferred().fit(column)
    expected = TextVectorizer.make_inferred().fit(texts)
    assert vectorizer.vocabulary_ == expected.vocabulary_
    # At predict, bytes and strings are the same texts.
    for new in (column, texts):
        np.testing.assert_array_equal(vectorizer.transform(new), expected.transform(texts))


# --- columns in the same words


def test_columns_in_the_same_words_are_alike_in_any_script():
    rng = np.random.default_rng(0)
    topics = ["电影很长我们喜欢", "天气寒冷下雨刮风"]
    words = [[topic[i : i + 2] for i in range(0, 8, 2)] for topic in topics]
    films, more_films, weather = (
        pd.Series(["".join(rng.choice(part, 5)) + "的。" for _ in range(60)]) for part in (words[0], words[0], words[1])
    )
    assert TextVectorizer.alike(films, more_films)
    assert not TextVectorizer.alike(films, weather)
    emoji = pd.Series(["😀 👍🏽", "👍🏽"] * 10)
    assert TextVectorizer.alike(emoji, emoji[::-1])
    assert not TextVectorizer.alike(emoji, pd.Series(["👍", "💔"] * 10))


# --- odd cells


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (2012, "2012"),
        (np.int64(2012), "2012"),
        (2012.0, "2012"),
        (2.5, "2.5"),
        (Decimal("2.50"), "2.50"),
        (True, "True"),
        (datetime.date(2012, 3, 4), "2012-03-04"),
        (pd.Timestamp("2012-03-04"), "2012-03-04"),
        (datetime.datetime(2012, 3, 4, 5, 6), "2012-03-04 05:06:00"),
        (np.datetime64("2012-03-04"), "2012-03-04"),
        (datetime.time(5, 6), "05:06:00"),
        (PurePosixPath("a/b"), "a/b"),
    ],
)
def test_numbers_dates_and_paths_among_texts_are_their_texts(cell, text):
    column, expected = column_of(title), column_of(title)
    column[7], expected[7] = cell, text
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectorizer = TextVectorizer.make_inferred().fit(column)
    assert vectorizer.vocabulary_ == TextVectorizer.make_inferred().fit(expected).vocabulary_
    np.testing.assert_array_equal(vectorizer.transform(column), vectorizer.transform(expected))
    np.testing.assert_array_equal(vectorizer.transform(column[7:8]), vectorizer.transform(expected[7:8]))
    assert not vectorizer.missing(column).any()


def test_numbers_at_predict_are_the_texts_of_the_same_numbers():
    texts = pd.Series([str(i % 50) for i in range(100)])
    vectorizer = TextVectorizer.make_inferred().fit(texts)
    for numbers in (texts.astype(int), texts.astype(float), texts.astype(int).astype("Int64")):
        np.testing.assert_array_equal(vectorizer.transform(numbers), vectorizer.transform(texts))


@pytest.mark.parametrize("cell", [["a", "list"], {"a": 1}, b"bytes", np.arange(3), 1j, object])
def test_other_cells_among_texts_are_missing_with_a_warning(cell):
    column, expected = column_of(title).set_axis(range(1000, 1000 + N_ROWS)), column_of(title)
    column.iloc[7], expected[7] = pd.Series([cell], dtype=object)[0], None
    vectorizer = TextVectorizer.make_inferred()
    with pytest.warns(
        OddCellsWarning, match=r"column 'x': 1 of 200 cells are not text, first at row label 1007"
    ) as found:
        ids, missing = vectorizer.fit_encode_and_flag(column)
    assert len(found) == 1
    assert len(str(found[0].message)) <= 600
    assert np.flatnonzero(missing).tolist() == [7]
    wanted = TextVectorizer.make_inferred().fit(expected)
    assert vectorizer.vocabulary_ == wanted.vocabulary_
    np.testing.assert_array_equal(ids, wanted.transform(expected))
    with pytest.warns(OddCellsWarning, match="1 of 9 cells are not text") as found:
        ids, missing = vectorizer.encode_and_flag(column.iloc[:9])
    assert len(found) == 1
    np.testing.assert_array_equal(ids, wanted.transform(expected[:9]))
    assert np.flatnonzero(missing).tolist() == [7]


def test_odd_cells_of_a_part_are_reported_once():
    column = column_of(title)
    column[7] = ["a", "list"]
    vectorizer = TextVectorizer.make_inferred()
    with pytest.warns(OddCellsWarning) as found:
        vectorizer.partial_fit(column[:100]).partial_fit(column[100:])
    assert len(found) == 1
    column[7] = None
    assert vectorizer.vocabulary_ == TextVectorizer.make_inferred().fit(column).vocabulary_


def test_a_row_of_several_columns_is_missing_if_all_its_cells_are_missing_or_odd():
    frame = pd.DataFrame({"a": ["good", None, ["x"], ["x"]], "b": ["film", "film", "film", None]}, dtype=object)
    with pytest.warns(OddCellsWarning, match="column 'a': 2 of 4 cells are not text"):
        ids, missing = TextVectorizer(on_odd="missing").fit_encode_and_flag(frame)
    assert ids.tolist() == [[2 + (ids[1, 0] == 2), ids[1, 0]], [ids[1, 0], 0], [ids[1, 0], 0], [0, 0]]
    assert missing.tolist() == [False, False, False, True]


@pytest.mark.parametrize("cell", [2012, ["a"], b"bytes", True])
def test_a_named_encoder_refuses_what_is_no_string(cell):
    column = column_of(title).set_axis([f"row{i}" for i in range(N_ROWS)])
    fitted = TextVectorizer().fit(column)
    column.iloc[7] = cell
    for refusing in (clone(fitted).fit, fitted.transform, fitted.encode_and_flag):
        with pytest.raises(InputMismatchError, match=r"'x': 1 of 200 cells are not text, first at row label 'row7'"):
            refusing(column)


def test_an_odd_cell_changes_its_own_row_alone_through_the_router():
    frame = pd.DataFrame({"title": column_of(title), "n": range(N_ROWS)})
    clean = InputRouter().fit(frame)
    dirty = frame.copy()
    dirty.at[7, "title"] = {"a": 1}
    expected = clean.transform(frame)["title"]
    with pytest.warns(OddCellsWarning, match="title"):
        ids = clean.transform(dirty)["title"]
    assert (ids != expected).any(axis=1).nonzero()[0].tolist() == [7]
    assert not ids[7].any()


# --- messages


@pytest.mark.parametrize(
    "options",
    [
        {"vocabulary": ["w" * 5000] * 2},
        {"vocabulary": ["a", ["w" * 5000]]},
        {"vocabulary": ["a", "\ud800" * 5000]},
        {"ngrams": tuple("w" * 500 for _ in range(500))},
    ],
)
def test_messages_are_short(options):
    with pytest.raises(ValueError, match=r"TextVectorizer: ") as found:
        TextVectorizer(**options).fit(pd.Series(["good"]))
    assert len(str(found.value)) <= 600


def test_the_message_of_a_long_odd_cell_is_short():
    column = pd.Series(["good film", ["word"] * 5000], dtype=object, name="review")
    with pytest.raises(InputMismatchError) as found:
        TextVectorizer().fit(column)
    assert len(str(found.value)) <= 600
