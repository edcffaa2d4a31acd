"""Equal values are one category whatever type they come in, and others never are."""

import datetime
import enum
import ipaddress
import pickle
import uuid
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pytest

from skmulti import CategoryIndexer, InputRouter
from skmulti.inputs._values import Vocabulary, as_objects, forms_of, settle_values, text_of


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Size(enum.IntEnum):
    SMALL = 1


class Name(enum.StrEnum):
    ROME = "rome"


NEW_YEAR = pd.Timestamp("2020-01-01")
BINS = pd.arrays.IntervalArray.from_breaks([0, 1, 2])


def ids_of(train, new, **params):
    """Fit on some cells and give the ids of others, in a frame of one column of objects."""
    indexer = CategoryIndexer(**params).fit(as_column(train))
    return indexer.transform(as_column(new))[:, 0].tolist()


def as_column(cells):
    return pd.Series(as_objects(list(cells)), name="c")


SAME = [
    ([1, 2, 3], ["1", "2", " 3 "], [2, 3, 4]),
    (["1", "2"], [1, 2], [2, 3]),
    (["1", "2"], [1.0, 2.0], [2, 3]),
    ([1.0, 2.0], ["1", "2"], [2, 3]),
    ([1, 2], ["1.0", "2.00"], [2, 3]),
    (["1.0", "2.0"], [1, 2], [2, 3]),
    (["1.0", "2.0"], ["1", "2"], [2, 3]),
    (["1", "2"], ["1.0", "2.0"], [2, 3]),
    ([-1, 0], ["-1", "0"], [2, 3]),
    ([1.5, 2.5], ["1.50", "2.5"], [2, 3]),
    (["1.50", "2.25"], [1.5, 2.25], [2, 3]),
    ([0.1, 0.2], [np.float32(0.1), np.float32(0.2)], [2, 3]),
    ([float(np.float32(0.1))], [0.1, "0.1"], [2, 2]),
    (["0.1"], [float(np.float32(0.1))], [2]),
    ([2**70], [str(2**70), float(2**70)], [2, 2]),
    ([1e-7], ["1e-07"], [2]),
    ([float("inf")], ["inf"], [2]),
    ([Decimal("0.1"), Decimal(2)], [0.1, "0.1", "2", 2.0], [2, 2, 3, 3]),
    ([0.1, 2], [Decimal("0.10"), Decimal("2.0")], [2, 3]),
    ([Fraction(1, 2)], [0.5, "0.5", "1/2"], [2, 2, 2]),
    ([True, False], ["True", "false", "TRUE", " true"], [3, 2, 3, 3]),
    (["True", "False"], [True, np.False_], [3, 2]),
    (["true", "false"], [True, False], [3, 2]),
    (["TRUE"], [True], [2]),
    ([True, False], ["1", "0", 1, 0.0], [3, 2, 3, 2]),
    (["1", "0"], [True, False], [3, 2]),
    (["a"], [np.str_("a"), b"a", " a\t"], [2, 2, 2]),
    ([b"a"], ["a"], [2]),
    ([np.str_("a")], ["a"], [2]),
    (["\u00e9"], ["e\u0301"], [2]),
    (["e\u0301 "], ["\u00e9"], [2]),
    ([NEW_YEAR], ["2020-01-01", "2020-01-01 00:00:00", "2020-01-01T00:00:00", NEW_YEAR.date()], [2, 2, 2, 2]),
    (["2020-01-01"], [NEW_YEAR, NEW_YEAR.date(), np.datetime64("2020-01-01")], [2, 2, 2]),
    (["2020-01-01 00:00:00"], [NEW_YEAR], [2]),
    (["2020-01-01T12:30:00"], [pd.Timestamp("2020-01-01 12:30")], [2]),
    ([datetime.date(2020, 1, 1)], [NEW_YEAR, "2020-01-01"], [2, 2]),
    ([pd.Timedelta("1h")], ["0 days 01:00:00", "1:00:00", datetime.timedelta(hours=1)], [2, 2, 2]),
    ([pd.Period("2020-01")], ["2020-01"], [2]),
    ([datetime.time(1, 2)], ["01:02:00"], [2]),
    (list(BINS), ["(0, 1]", "(1, 2]"], [2, 3]),
    (["(0, 1]", "(1, 2]"], list(BINS), [2, 3]),
    ([Color.RED, Color.BLUE], ["RED", "Color.BLUE", 1, "2"], [3, 2, 3, 2]),
    (["Color.RED", "BLUE"], [Color.RED, Color.BLUE], [3, 2]),
    ([1, 2], [Color.RED, Size.SMALL], [2, 2]),
    (["rome"], [Name.ROME], [2]),
    ([uuid.UUID(int=5)], [str(uuid.UUID(int=5))], [2]),
    ([str(uuid.UUID(int=5))], [uuid.UUID(int=5)], [2]),
    ([ipaddress.ip_address("10.0.0.1")], ["10.0.0.1"], [2]),
    ([PurePosixPath("a/b")], ["a/b"], [2]),
    ([(1, 2)], [(1.0, 2.0), "(1, 2)"], [2, 2]),
    ([frozenset("a")], [frozenset("a")], [2]),
]


@pytest.mark.parametrize(("train", "new", "ids"), SAME, ids=lambda cells: repr(cells)[:50])
def test_equal_values_have_one_id_whatever_their_type(train, new, ids):
    assert ids_of(train, new) == ids


@pytest.mark.filterwarnings("ignore::skmulti.errors.UnknownValuesWarning")
@pytest.mark.parametrize(
    ("train", "new"),
    [
        (["007"], [7]),
        ([7], ["007", "+7", "7 0", "7x"]),
        (["1.1"], ["1.10"]),
        (["1e5"], [1]),
        ([100000], ["1e5"]),
        (["True"], ["true"]),
        (["yes"], ["Yes", "YES", True]),
        (["a b"], ["a  b", "ab"]),
        ([0.1], [0.2, 0.1000001]),
        ([16777216], [16777217]),
        ([52.5], [52.50000001]),
        ([2**53], [2**53 + 1]),
        ([Color.RED], [Color.BLUE, "blue"]),
        (list(BINS), [pd.Interval(0, 1, closed="left")]),
        ([NEW_YEAR], ["2020-01-02", "2020"]),
        (["\u00e9"], ["e"]),
    ],
    ids=lambda cells: repr(cells)[:50],
)
def test_other_values_are_unknown(train, new):
    assert ids_of(train, new) == [1] * len(new)


def test_what_is_known_as_it_is_is_not_read_in_another_way():
    cells = ["1", "1.0", "1.00", "true", "True", "TRUE", "Yes", "yes"]
    assert ids_of(cells, cells) == [2, 3, 4, 8, 6, 5, 7, 9]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        ([0, "0", 1, "x"], [1, "0", "x"]),
        ([0.0, "0"], ["0"]),
        (["a", "a ", " a"], ["a"]),
        (["a ", "b"], ["a", "b"]),
        (["\u00e9", "e\u0301"], ["\u00e9"]),
        ([True, "True", "b"], ["True", "b"]),
        ([b"a", "a"], ["a"]),
        ([NEW_YEAR, "2020-01-01"], ["2020-01-01"]),
        (["yes", "Yes", "Yes "], ["Yes", "yes"]),
        ([Color.RED, 1], [Color.RED, 1]),
        ([1, 2.5, None], [1, 2.5]),
    ],
    ids=repr,
)
def test_values_that_are_written_alike_are_one_category(cells, values):
    indexer = CategoryIndexer().fit(as_column(cells))

    assert indexer.categories_[0].tolist() == values
    assert list(map(type, indexer.categories_[0])) == list(map(type, values))
    # In any order of rows, and in parts.
    assert CategoryIndexer().fit(as_column(cells[::-1])).categories_[0].tolist() == values
    parts = CategoryIndexer()
    for cell in cells:
        parts.partial_fit(as_column([cell]))
    assert parts.categories_[0].tolist() == values
    every = as_column(cells)
    assert parts.transform(every).tolist() == CategoryIndexer().fit_encode_and_flag(every)[0].tolist()


def test_counts_of_values_that_are_written_alike_are_added():
    assert ids_of([0, "0", "b"], ["0", "b"], min_frequency=2) == [2, 1]


def test_listed_categories_are_found_in_other_types():
    indexer = CategoryIndexer(categories=[[1, 2, 3]], min_frequency=2).fit(as_column(["1", "1", "2"]))

    assert indexer.categories_[0].tolist() == [1]
    assert indexer.transform(as_column([1, "1", " 1", "2"]))[:, 0].tolist() == [2, 2, 2, 1]


@pytest.mark.parametrize("n_rows", [1, 3, 40], ids=lambda n: f"{n} rows")
@pytest.mark.parametrize("dtype", ["str", object, "string", "Int64", "float64", "category", "string of Arrow"])
def test_a_router_reads_equal_values_of_any_dtype_and_number_of_rows(dtype, n_rows):
    frame = pd.DataFrame({"shop": [3, 1, 2, 3] * 10, "x": np.arange(40.0)})
    router = InputRouter(kinds={"shop": "category"}).fit(frame)
    texts = frame["shop"].astype(str)
    if dtype == "string of Arrow":
        dtype = pd.ArrowDtype(pytest.importorskip("pyarrow").string())
    new = frame.assign(shop=frame["shop"].astype(dtype) if dtype in ("Int64", "float64") else texts.astype(dtype))

    expected = router.transform(frame)["categories"][:n_rows]

    assert router.transform(new[:n_rows])["categories"].tolist() == expected.tolist()


def test_inputs_that_share_an_encoder_share_equal_values():
    frame = pd.DataFrame({"home": [1, 2, 3], "away": ["2", "3", "1"]})
    router = InputRouter([("home", CategoryIndexer(), ["home"]), ("away", "home", ["away"])]).fit(frame)

    encoded = router.transform(frame)

    assert router.encoders_["home"].categories_[0].tolist() == ["1", "2", "3"]
    assert encoded["home"][:, 0].tolist() == [2, 3, 4]
    assert encoded["away"][:, 0].tolist() == [3, 4, 2]


KINDS = {
    "uuid": [uuid.UUID(int=i) for i in (3, 1, 2)],
    "enum": [Color.RED, Color.BLUE, Color.RED],
    "interval": list(BINS),
    "address": [ipaddress.ip_address(f"10.0.0.{i}") for i in (3, 1)],
    "addresses": [ipaddress.ip_address("::1"), ipaddress.ip_address("10.0.0.1")],
    "path": [PurePosixPath("b"), PurePosixPath("a")],
    "tuple": [("b", 1), ("a", None)],
    "set": [frozenset("ba"), frozenset("b"), frozenset("c")],
    "decimal": [Decimal("1.5"), Decimal(1)],
    "fraction": [Fraction(1, 3), Fraction(1, 4)],
    "period": [pd.Period("2020-02"), pd.Period("2020-01")],
    "time": [datetime.time(2), datetime.time(1)],
    "timedelta": [datetime.timedelta(2), datetime.timedelta(1)],
    "date": [datetime.date(2020, 1, 2), datetime.date(2020, 1, 1)],
    "bytes": [b"b", b"a"],
    "complex": [2j, 1j],
    "class": [str, int],
    "mixed": [uuid.UUID(int=1), "a", 3, (1,), None],
}


@pytest.mark.parametrize("cells", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("dtype", [object, "category"])
def test_any_hashable_cell_is_a_category(cells, dtype):
    column = as_column(cells * 3).astype(dtype)
    indexer = CategoryIndexer().fit(column)
    ids = indexer.transform(column)
    copy = pickle.loads(pickle.dumps(indexer))

    assert [indexer.categories_[0][own - 2] if own else None for own in ids[:, 0]] == cells * 3
    assert CategoryIndexer().fit(column[::-1]).categories_[0].tolist() == indexer.categories_[0].tolist()
    assert copy.transform(column).tolist() == ids.tolist()
    assert copy.transform(column[:1]).tolist() == ids[:1].tolist()


def test_the_text_and_the_order_of_sets_do_not_depend_on_their_hashes():
    # The letters of a set come in another order in each process.
    sets = [frozenset("bcd"), frozenset("ab"), frozenset("a")]

    assert [text_of(value) for value in sets] == ["{b, c, d}", "{a, b}", "{a}"]
    assert settle_values(sets, np.ones(3, dtype=int))[0].tolist() == [sets[1], sets[2], sets[0]]


@pytest.mark.parametrize("cell", [["a"], {"a": 1}, {1, 2}, np.zeros(3), ["z" * 10_000]], ids=lambda c: repr(c)[:20])
def test_the_error_of_an_unhashable_cell_is_short(cell):
    column = pd.Series(as_objects(["a", cell]), index=[7, 9], name="c" * 60)
    with pytest.raises(ValueError, match="are not single values, first at row label 9") as caught:
        CategoryIndexer().fit(column)
    assert len(str(caught.value)) <= 600


@pytest.mark.parametrize("value", [1, "1", 1.5, True, NEW_YEAR, Color.RED, b"a", Decimal("1.50"), (1, 2)], ids=repr)
def test_the_first_form_of_a_value_is_its_text(value):
    assert next(forms_of(value)) == text_of(value)


def test_settled_values_are_sorted_with_their_counts():
    values, counts = settle_values(["b", "a", "a "], np.array([1, 2, 4]))

    assert values.tolist() == ["a", "b"]
    assert counts.tolist() == [6, 1]


def test_an_empty_vocabulary_knows_nothing():
    assert Vocabulary(as_objects([])).find("a") == 1


@pytest.mark.parametrize("other", [True, "x"])
def test_an_integer_that_no_float_holds_is_a_category_among_others(other):
    frame = pd.DataFrame({"a": [other] * 20 + [10**400] * 2, "b": np.arange(22.0)})

    router = InputRouter().fit(frame)

    assert router.plan_["encoder"].tolist() == ["CategoryIndexer", "NumberScaler"]
    assert len(np.unique(router.transform(frame)["categories"])) == 2
