"""The ways out that messages state work if they are pasted."""

import re

import numpy as np
import pandas as pd
import pytest

from skmulti import (
    CalendarEncoder,
    CategoryIndexer,
    InputMismatchError,
    NumberScaler,
    OddCellsWarning,
    RecordVectorizer,
    SequencePadder,
    TagsIndexer,
    TextVectorizer,
    VectorStacker,
)

COMPLETE = {"np": np, "pd": pd, "CalendarEncoder": CalendarEncoder, "NumberScaler": NumberScaler}
DAYS = ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]


def said_of(encoder, column):
    """Return the message with which an encoder refuses a column."""
    with pytest.raises(InputMismatchError) as caught:
        encoder.fit(column)
    return str(caught.value)


@pytest.mark.parametrize(
    ("encoder", "cells", "line", "expected"),
    [
        (
            CalendarEncoder(),
            [*DAYS, "unknown"],
            "pd.to_datetime(column, errors='coerce')",
            pd.to_datetime([*DAYS, None]),
        ),
        (
            CalendarEncoder(),
            [20240131, 20240229],
            "pd.to_datetime(column.astype('string'), format='%Y%m%d')",
            pd.to_datetime(DAYS[:2]),
        ),
        (
            CalendarEncoder(),
            [0, 86_400],
            "pd.to_datetime(column, unit='s')",
            pd.to_datetime(["1970-01-01", "1970-01-02"]),
        ),
        (NumberScaler(), ["1", "2.5", "big", None], "pd.to_numeric(column, errors='coerce')", [1, 2.5, np.nan, np.nan]),
        (TextVectorizer(), ["a b", 7, None], "column.astype('string')", ["a b", "7", pd.NA]),
        (
            TextVectorizer(),
            ["a b", b"c d", None],
            "column.map(lambda c: c.decode() if isinstance(c, bytes) else c)",
            ["a b", "c d", None],
        ),
        (CategoryIndexer(), ["Rome", bytearray(b"Oslo"), None], "column.map(str, na_action='ignore')", None),
    ],
)
def test_line_of_a_message_makes_a_column_that_fits(encoder, cells, line, expected):
    column = pd.Series(cells, dtype=object, name="x")
    assert line in said_of(encoder, column)
    changed = eval(line, COMPLETE, {"column": column})
    if expected is not None:
        wanted = pd.Series(expected, name="x").astype(object)
        pd.testing.assert_series_equal(changed.astype(object).fillna("gone"), wanted.fillna("gone"))
    encoder.fit(changed)


def test_dates_with_days_first_are_read_as_the_message_says():
    column = pd.Series(["31/01/2024", "03/04/2024"], name="day")
    said = said_of(CalendarEncoder(), column)
    assert "dayfirst=True" in said
    assert "pd.to_datetime(column, errors='coerce')" in said
    days = pd.to_datetime(column, errors="coerce", dayfirst=True)
    assert days.dt.month.tolist() == [1, 4]
    CalendarEncoder().fit(days)


def test_infinity_is_replaced_as_the_message_says():
    X = pd.DataFrame({"size": [1.0, np.inf, 3.0]})
    line = re.search(r"X\.replace\(.*?np\.nan\)", said_of(NumberScaler(), X))[0]
    assert NumberScaler().fit(eval(line, COMPLETE, {"X": X})).mean_.tolist() == [2.0]


LENIENT = [
    (NumberScaler, [1.0, 2.0, 3.0, "big"]),
    (CalendarEncoder, [*DAYS, "unknown"]),
    (TextVectorizer, ["a b", "b c", ["a"]]),
    (CategoryIndexer, ["a", "b", "a", ["a"]]),
    (TagsIndexer, [["a"], ["b"], ["a"], 7]),
    (RecordVectorizer, [{"a": 1}, {"a": 2}, [1]]),
    (VectorStacker, [[1, 2], [3, 4], "far"]),
    (SequencePadder, [[1, 2], [3], 4.5]),
]


@pytest.mark.parametrize(("kind", "cells"), LENIENT, ids=lambda value: getattr(value, "__name__", ""))
def test_encoder_that_a_message_advises_takes_the_odd_cell(kind, cells):
    column = pd.Series(cells, dtype=object, name="x")
    said = said_of(kind(), column)
    assert f'{kind.__name__}(on_odd="missing")' in said
    with pytest.warns(OddCellsWarning, match=f"1 of {len(cells)} cells are not"):
        kind(on_odd="missing").fit_transform(column)


@pytest.mark.parametrize(
    ("wrong", "cells", "right"),
    [
        (NumberScaler, list(pd.to_datetime(DAYS)), CalendarEncoder),
        (NumberScaler, [[1, 2], [3, 4]], VectorStacker),
        (NumberScaler, [{"a": 1}, {"a": 2}], RecordVectorizer),
        (NumberScaler, ["big", "small"], CategoryIndexer),
        (CategoryIndexer, [["Rome"], ["Oslo", "Rome"]], TagsIndexer),
        (CategoryIndexer, [{"name": "Rome"}, {"name": "Oslo"}], RecordVectorizer),
        (CategoryIndexer, [[1.0, 2.0], [3.0, 4.0]], VectorStacker),
        (TextVectorizer, [["a", "b"], ["b"]], TagsIndexer),
        (VectorStacker, [1.0, 2.0], NumberScaler),
        (VectorStacker, [[[1, 2]], [[3, 4], [5, 6]]], SequencePadder),
        (TagsIndexer, [1, 2, 3], CategoryIndexer),
    ],
)
def test_encoder_for_a_whole_column_is_named_and_reads_it(wrong, cells, right):
    column = pd.Series(cells, dtype=object, name="x")
    assert right.__name__ in said_of(wrong(), column)
    right().fit_transform(column)


def test_column_of_other_cells_than_at_fit_is_called_another_column():
    fitted = NumberScaler(on_odd="missing").fit(pd.Series([1.0, 2.0, 3.0], name="x"))
    with pytest.raises(InputMismatchError, match="another column or format than at fit") as caught:
        fitted.transform(pd.Series(["big"] * 5, name="x"))
    assert "on_odd" not in str(caught.value)
