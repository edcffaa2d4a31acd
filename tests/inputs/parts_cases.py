"""A table whose parts differ, the encoders that learn it in parts, and trees of merges."""

import copy
from dataclasses import fields, is_dataclass

import numpy as np
import pandas as pd
from common import TOKENIZER
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, StandardScaler

from skmulti import (
    CalendarEncoder,
    CategoryIndexer,
    IdsPadder,
    ImageDecoder,
    NumberScaler,
    PretrainedTokenizer,
    RecordVectorizer,
    SequencePadder,
    TagsIndexer,
    TextVectorizer,
    VectorStacker,
)
from skmulti.inputs import TransformerEncoder

N = 308
WORDS = np.array(["wet", "dry", "cold", "warm", "old", "new", "not", "good", "bad"])


def make_table():
    """Return rows of all kinds of cells; the first ones are of little help."""
    rng = np.random.default_rng(0)
    rows = np.arange(N)
    size = np.where(rows % 9 == 4, np.nan, 1e6 + rng.normal(0, 3, N))
    price = [f"${1000 + 7 * i:,}" if i > 3 else 1000 + 7 * i for i in rows]
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rows, "D")
    spelled = pd.Series(day.strftime("%d/%m/%Y")).astype(object)
    hour = pd.Series(pd.Timestamp("2024-01-01", tz="Europe/Oslo") + pd.to_timedelta(5 * rows, "h"))
    code = [int(i % 7) if i < 100 else float(i % 11) if i < 200 else str(i % 13) for i in rows]
    words = [" ".join(rng.choice(WORDS, 1 + i % 6)) for i in rows]
    tags = ["|".join(sorted({WORDS[i % 9], WORDS[i % 4], WORDS[i % 5]})) for i in rows]
    records = [{"rooms": int(i % 5), "heating": ["gas", "oil", "sun"][i % 3], f"k{i % 4}": i / 3} for i in rows]
    photo = [np.full((4, 4), i % 250, "uint8") if i % 3 else rng.uniform(0, 200, (4, 4)) for i in rows]
    return pd.DataFrame(
        {
            "size": size,
            "fill": np.where(rows % 50 == 9, -9999.0, rng.normal(0, 1, N)),
            "price": pd.Series(price, dtype=object),
            "weight": rng.uniform(0, 1, N).round(1),
            "constant": 0.1,
            "day": day,
            "spelled": spelled,
            "hour": hour.where(rows > 5),
            "code": pd.Series(code, dtype=object),
            "place": pd.Series(np.array(["Oslo", "Rome", "Bonn", "Lima"])[(rows**2) % 4]).where(rows % 10 != 3),
            "note": pd.Series(words, dtype=object).where(rows % 11 != 2),
            "title": pd.Series(words[::-1], dtype=object),
            "tags": pd.Series(tags, dtype=object).where(rows % 17 != 1),
            "record": pd.Series(records, dtype=object).where(rows % 13 != 5),
            "vector": pd.Series([None if i < 9 else [float(i), 1.0] for i in rows], dtype=object),
            "trace": pd.Series([[] if i < 2 else [float(i)] * (1 + i % 8) for i in rows], dtype=object),
            "ids": pd.Series([list(range(2, 3 + i % 20)) for i in rows], dtype=object).where(rows % 19 != 4),
            "photo": pd.Series(photo, dtype=object).where(rows % 21 != 6),
        }
    )


TABLE = make_table()
LENIENT = {"on_odd": "missing"}
CASES = {
    "numbers": (NumberScaler(), ["size", "weight", "constant"]),
    "flagged numbers": (NumberScaler(add_indicator="auto"), ["size", "weight"]),
    "fillers": (NumberScaler(**LENIENT), ["fill", "weight"]),
    "numbers in text": (NumberScaler(**LENIENT), ["price"]),
    "dates": (CalendarEncoder(), ["day", "hour"]),
    "some parts of dates": (CalendarEncoder(parts=["year", "weekday"]), ["day"]),
    "spelled dates": (CalendarEncoder(**LENIENT), ["spelled", "hour"]),
    "categories": (CategoryIndexer(), ["code", "place"]),
    "rare categories": (CategoryIndexer(min_frequency=0.1, max_categories=6), ["code"]),
    "listed categories": (CategoryIndexer(categories=[["Oslo", "Rome", "Paris"]]), ["place"]),
    "texts": (TextVectorizer(max_tokens=8), "note"),
    "pairs of words": (TextVectorizer(standardize="auto", split="auto", ngrams=2, **LENIENT), ["note", "title"]),
    "a tokenizer's ids": (PretrainedTokenizer(TOKENIZER, **LENIENT), ["note", "title"]),
    "listed words": (TextVectorizer(length=None, vocabulary=["wet", "cold"]), "note"),
    "tags": (TagsIndexer(max_categories=6, **LENIENT), "tags"),
    "rare tags": (TagsIndexer(min_frequency=0.3), "tags"),
    "records": (RecordVectorizer(max_categories=2), "record"),
    "vectors": (VectorStacker(), "vector"),
    "sequences": (SequencePadder(), "trace"),
    "quantile of lengths": (SequencePadder(length=0.6), "trace"),
    "columns as steps": (SequencePadder(shape=(2, 1)), ["size", "weight"]),
    "ids": (IdsPadder(), "ids"),
    "long ids": (IdsPadder(length=0.7, padding_id=2), "ids"),
    "images": (ImageDecoder(size=(3, 3), on_error="missing", **LENIENT), "photo"),
    "standard": (TransformerEncoder(StandardScaler()), ["size", "weight", "constant"]),
    "standard without mean": (TransformerEncoder(StandardScaler(with_mean=False)), ["size", "weight"]),
    "centred": (TransformerEncoder(StandardScaler(with_std=False)), ["size", "weight"]),
    "min and max": (TransformerEncoder(MinMaxScaler((-1, 2))), ["size", "weight", "constant"]),
    "largest": (TransformerEncoder(MaxAbsScaler()), ["size", "weight"]),
    "passthrough": (TransformerEncoder("passthrough"), ["weight"]),
    "function": (TransformerEncoder(FunctionTransformer(np.log1p)), ["weight"]),
}


def learn_each(encoder, columns, cuts):
    """Return copies of an encoder, each of which has learned the rows between two cuts; no copy for no rows."""
    begun = clone(encoder).begin_parts(columns)
    parts = [columns[start:end] for start, end in zip([0, *cuts], [*cuts, len(columns)], strict=True)]
    return [copy.copy(begun).partial_fit(part) for part in parts if len(part)]


def learn_in_order(encoder, columns, cuts):
    """Return an encoder that has learned the rows between cuts one part after the other."""
    begun = clone(encoder).begin_parts(columns)
    for start, end in zip([0, *cuts], [*cuts, len(columns)], strict=True):
        if start < end:
            begun.partial_fit(columns[start:end])
    return begun


def from_left(items):
    """Merge items one after the other."""
    merged = items[0]
    for item in items[1:]:
        merged = merged.merge(item)
    return merged


def from_right(items):
    """Merge items from the last one on."""
    return items[0] if len(items) == 1 else items[0].merge(from_right(items[1:]))


def balanced(items):
    """Merge items as a balanced tree."""
    middle = len(items) // 2
    return items[0] if len(items) == 1 else balanced(items[:middle]).merge(balanced(items[middle:]))


def assert_same(first, second, place="state"):
    """Compare two objects attribute by attribute; numbers may differ by rounding."""
    assert type(first) is type(second), place
    if isinstance(first, dict):
        assert set(first) == set(second), place
        for key, value in first.items():
            assert_same(value, second[key], f"{place}[{key!r}]")
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), place
        for i, pair in enumerate(zip(first, second, strict=True)):
            assert_same(*pair, f"{place}[{i}]")
    elif (isinstance(first, np.ndarray) and first.dtype.kind == "f") or isinstance(first, float | np.floating):
        assert_allclose(first, second, rtol=1e-9, atol=1e-12, err_msg=place)
    elif isinstance(first, np.ndarray):
        assert_array_equal(first, second, err_msg=place)
    elif is_dataclass(first):
        for own in fields(first):
            assert_same(getattr(first, own.name), getattr(second, own.name), f"{place}.{own.name}")
    elif hasattr(first, "__dict__"):
        assert_same(vars(first), vars(second), place)
    else:
        assert first == second, place
