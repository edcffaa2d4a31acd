"""Columns with cells that are not what the rest is: the plan stays, and so do the other rows."""

import datetime
import json
import uuid
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skmulti import (
    CategoryIndexer,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    OddCellsWarning,
    load_files_frame,
)

N_ROWS = 40
ROWS = np.arange(N_ROWS)
NUMBERS = ROWS * 1.5
HALF_CHARACTER = "\ud800"


def with_cell(cells, odd, row=3):
    """Return a Series of objects in which one cell is another."""
    column = pd.Series(list(cells), dtype=object)
    column.iat[row] = odd
    return column


def frame_of(column):
    return pd.DataFrame({"number": NUMBERS, "x": column})


CATEGORIES = {
    "words": [("warm", "cold", "wet")[i % 3] for i in ROWS],
    "truth values": [i % 2 == 0 for i in ROWS],
}


@pytest.mark.parametrize("cells", CATEGORIES.values(), ids=CATEGORIES)
@pytest.mark.parametrize("odd", [[1, "a"], {"a": [1]}, {1, 2}, np.arange(3)], ids=["list", "dict", "set", "array"])
def test_a_cell_that_is_no_category_counts_as_missing(cells, odd):
    clean, dirty = frame_of(cells), frame_of(with_cell(cells, odd))
    expected = InputRouter().fit_transform(clean)["categories"]
    expected[3] = 0

    with pytest.warns(OddCellsWarning, match=r"column 'x': 1 of 40 cells are not single values.*first at row label 3"):
        at_predict = InputRouter().fit(clean).transform(dirty)["categories"]
    with pytest.warns(OddCellsWarning, match=r"column 'x': 1 of 40 cells are not single values"):
        at_fit = InputRouter().fit(dirty)

    assert_array_equal(at_predict, expected)
    with pytest.warns(OddCellsWarning):
        assert_array_equal(at_fit.transform(dirty)["categories"], expected)


@pytest.mark.parametrize("cells", CATEGORIES.values(), ids=CATEGORIES)
@pytest.mark.parametrize("odd", [b"\xff", ("a", 1), len, datetime.time(7), 1j])
def test_a_cell_of_another_type_drops_no_categories(cells, odd):
    router = InputRouter().fit(frame_of(with_cell(cells, odd)))

    assert router.plan_["encoder"].tolist() == ["NumberScaler", "CategoryIndexer"]
    clean = frame_of(cells)
    assert router.transform(clean)["categories"].min() > 1


def test_named_categories_refuse_what_cannot_be_looked_up():
    router = InputRouter([("x", CategoryIndexer(), "x")])
    with pytest.raises(InputMismatchError, match=r"1 of 40 cells are not single values.*row label 3: \[1, 2\]"):
        router.fit(frame_of(with_cell(CATEGORIES["words"], [1, 2])))


def test_categories_in_parts_count_odd_cells_as_missing():
    frame = frame_of(with_cell(CATEGORIES["words"], [1, 2]))
    parts = [(frame.iloc[i : i + 10], None, None) for i in range(0, N_ROWS, 10)]
    with pytest.warns(OddCellsWarning, match="column 'x'"):
        router = InputRouter().fit_chunks(lambda: iter(parts), frame)

    assert router.encoders_["categories"].categories_[0].tolist() == ["cold", "warm", "wet"]


def test_a_column_of_lists_only_is_no_column_of_categories():
    router = InputRouter().fit(frame_of(CATEGORIES["words"]))
    with pytest.raises(InputMismatchError, match="40 of 40 cells are not single values"):
        router.transform(frame_of([[i] for i in ROWS]))


LONG = "Traceback of an error " * 60


@pytest.mark.parametrize(
    ("cells", "encoder"),
    [
        (CATEGORIES["words"], "CategoryIndexer"),
        (["|".join(["warm", "cold", "wet", "dry"][i % 3 : i % 4 + 1]) for i in ROWS], "TagsIndexer"),
    ],
)
def test_a_long_cell_makes_no_text_of_a_column(cells, encoder):
    assert InputRouter().fit(frame_of(cells)).plan_["encoder"][1] == encoder
    assert InputRouter().fit(frame_of(with_cell(cells, LONG))).plan_["encoder"][1] == encoder


def test_a_list_among_codes_is_an_odd_cell():
    codes = [f"{('tokyo', 'osaka', 'kyoto')[i % 3]}/{i}" for i in ROWS]
    with pytest.warns(OddCellsWarning, match="column 'x'"):
        router = InputRouter().fit(frame_of(with_cell(codes, [1, "a"])))

    assert router.plan_["encoder"][1] == "TextVectorizer"


@pytest.mark.parametrize("size", [1, 7, N_ROWS])
@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_near_the_largest_float_are_encoded(size, sign):
    frame = frame_of(sign * np.linspace(-1, 1, N_ROWS) * 1e300)
    parts = [(frame.iloc[i : i + size], None, None) for i in range(0, N_ROWS, size)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        at_once = InputRouter().fit_transform(frame)["numbers"]
        in_parts = InputRouter().fit_chunks(lambda: iter(parts), frame).transform(frame)["numbers"]

    for array in (at_once, in_parts):
        assert np.isfinite(array).all()
        assert_array_equal(np.sign(array[:, 1]), np.sign(frame["x"]))


def test_a_missing_decimal_among_few_categories_is_missing():
    frame = pd.DataFrame({"x": pd.Series(["a", "b", Decimal("NaN")], dtype=object)})

    assert InputRouter().fit_transform(frame)["categories"].tolist() == [[2], [3], [0]]
    assert InputRouter().fit(frame).transform(frame)["categories"].tolist() == [[2], [3], [0]]


WORDS = [HALF_CHARACTER, "b", "b", HALF_CHARACTER]
TABLES = {
    "frame": pd.DataFrame({0: range(4), 1: pd.Series(WORDS, dtype=object)}),
    "records": [{"x": i, "y": word} for i, word in enumerate(WORDS)],
    "rows": [[i, word] for i, word in enumerate(WORDS)],
    "array": np.array([[i, word] for i, word in enumerate(WORDS)], dtype=object),
    "lists by input": {"categories": WORDS, "x": list(range(4))},
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_half_of_a_character_is_a_value(table):
    assert InputRouter().fit_transform(table)["categories"].tolist() == [[3], [2], [2], [3]]


def test_half_of_a_character_may_be_a_label():
    y = np.array(WORDS * 5, dtype=object)
    model = MultiInputClassifier(epochs=1, random_state=0).fit(pd.DataFrame({"x": np.arange(20.0)}), y)

    assert model.classes_.tolist() == ["b", HALF_CHARACTER]


def test_half_of_a_character_in_a_file_is_read(tmp_path):
    for i, word in enumerate(WORDS):
        (tmp_path / f"meta_{i}.json").write_text(json.dumps({"word": word}))
        (tmp_path / f"photo_{i}.png").write_bytes(b"")

    frame = load_files_frame("photo_{id}.png", "meta_{id}.json", folder=tmp_path)
    assert frame["word"].tolist() == WORDS


def test_times_in_arrow_are_times_of_the_day():
    pa = pytest.importorskip("pyarrow")
    times = pd.Series([datetime.time(i % 24, i) for i in ROWS])
    arrow = times.astype(pd.ArrowDtype(pa.time64("us")))
    expected = InputRouter().fit(frame_of(times))
    found = InputRouter().fit(frame_of(arrow))

    assert found.plan_["encoder"].tolist() == ["NumberScaler", "CalendarEncoder"]
    for column in (times, arrow):
        assert_array_equal(found.transform(frame_of(column))["dates"], expected.transform(frame_of(times))["dates"])


@pytest.mark.parametrize("kind", ["uuid", "json", "bool8"])
def test_extension_types_of_arrow_are_read_as_what_they_hold(kind):
    pa = pytest.importorskip("pyarrow")
    # Of three values each: as Arrow stores them, and as Python has them.
    type_, stored, cells = {
        "uuid": (pa.uuid(), [uuid.UUID(int=i).bytes for i in range(3)], [uuid.UUID(int=i) for i in range(3)]),
        "json": (pa.json_(), ['{"a": 1}', '{"a": 2}', '{"b": 3}'], ['{"a": 1}', '{"a": 2}', '{"b": 3}']),
        "bool8": (pa.bool8(), [0, 1, 1], [False, True, True]),
    }[kind]
    storage = pa.array([stored[i % 3] for i in ROWS], type_.storage_type)
    array = pa.chunked_array([pa.ExtensionArray.from_storage(type_, storage)])
    column = pd.Series(pd.arrays.ArrowExtensionArray(array))
    plain = pd.Series([cells[i % 3] for i in ROWS], dtype=object)
    router = InputRouter().fit(frame_of(column))

    assert router.plan_.equals(InputRouter().fit(frame_of(plain)).plan_)
    assert "dropped" not in router.plan_["encoder"].tolist()
    expected = router.transform(frame_of(plain))
    for name, found in router.transform(frame_of(column)).items():
        assert_array_equal(found, expected[name])
