"""Tables of other libraries, rows with names and masked arrays: the same arrays as the frame, or a refusal by name."""

import collections
import dataclasses
import sqlite3

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skmulti import CategoryIndexer, InputMismatchError, InputRouter, NumberScaler

N = 12
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {"age": RNG.normal(40, 9, N), "city": RNG.choice(["Oslo", "Rome"], N), "income": RNG.normal(3e4, 5e3, N)}
)
# Columns in another order, and one that no input reads.
OTHER = FRAME[["income", "city", "age"]].assign(note="-")
ARRAY = FRAME[["age", "income"]].to_numpy()


@pytest.fixture(scope="module")
def router():
    entries = [("numbers", NumberScaler(), ["age", "income"]), ("city", CategoryIndexer(), "city")]
    return InputRouter(entries).fit(FRAME)


@pytest.fixture(scope="module")
def expected(router):
    return router.transform(FRAME)


def assert_same(found, expected, rows=slice(None)):
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array[rows], atol=1e-6)


def as_sqlite(frame):
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    frame.to_sql("rows", connection, index=False)
    rows = connection.execute("select * from rows").fetchall()
    connection.close()
    return rows


@dataclasses.dataclass
class Person:
    income: float
    city: str
    age: float
    note: str


class Columns:
    """A table that names its columns and gives each by name, as frames of a library that nobody knows."""

    columns = list(OTHER.columns)

    def __getitem__(self, name):
        return OTHER[name].tolist()


class Computed(Columns):
    """A table that must be computed to become a frame, as those of Dask."""

    def compute(self):
        return OTHER


class Spark:
    columns = list(OTHER.columns)

    def toPandas(self):
        return OTHER


ROWS = {
    "dicts": lambda frame: frame.to_dict("records"),
    "named tuples": lambda frame: list(frame.itertuples()),
    "rows of a frame": lambda frame: [frame.iloc[i] for i in range(len(frame))],
    "dataclasses": lambda frame: [Person(*row) for row in frame.itertuples(index=False)],
    "rows of a database": as_sqlite,
    "tuple of dicts": lambda frame: tuple(frame.to_dict("records")),
}
TABLES = {
    "record array": lambda: OTHER.to_records(index=False),
    "structured array": lambda: np.asarray(OTHER.to_records(index=False)),
    "column of records": lambda: OTHER.to_records(index=False).reshape(-1, 1),
    "big-endian fields": lambda: (
        OTHER[["income", "age"]].to_records(index=False).astype([("income", ">f8"), ("age", ">f4")])
    ),
    "columns by name": Columns,
    "computed": Computed,
    "spark": Spark,
}


class TestRows:
    @pytest.mark.parametrize("kind", ROWS)
    def test_rows_that_name_their_cells_are_read_by_name(self, router, expected, kind):
        assert_same(router.transform(ROWS[kind](OTHER)), expected)

    @pytest.mark.parametrize("kind", [kind for kind in ROWS if kind != "rows of a frame"])
    def test_one_such_row_is_a_table_of_one(self, router, expected, kind):
        assert_same(router.transform(ROWS[kind](OTHER)[0]), expected, slice(1))

    def test_a_router_is_fitted_on_records(self, expected):
        entries = [("numbers", NumberScaler(), ["age", "income"]), ("city", CategoryIndexer(), "city")]
        found = InputRouter(entries).fit(OTHER.to_dict("records"))
        assert_same(found.transform(FRAME), expected)

    def test_a_record_of_numpy_is_a_row(self, router, expected):
        assert_same(router.transform(OTHER.to_records(index=False)[3]), expected, [3])

    @pytest.mark.filterwarnings("ignore::skmulti.MissingValuesWarning")
    def test_none_is_a_missing_value(self, router):
        found = router.transform({"age": None, "income": 3e4, "city": "Oslo"})
        assert np.isnan(found["numbers"][0, 0])

    def test_arrays_and_lists_are_cells(self):
        frame = pd.DataFrame({"trace": [[1.0, 2.0], [3.0]] * 4, "x": np.arange(8.0)})
        router = InputRouter().fit(frame)
        row = router.transform({"trace": [1.0, 2.0], "x": 0.0})
        for name, array in router.transform(frame[:1]).items():
            assert_array_equal(row[name], array)

    @pytest.mark.parametrize(
        ("X", "message"),
        [
            ({"Age": 3.0, "income": 1.0, "city": "Oslo"}, "row of X has no 'age'.*Did you mean 'Age'"),
            (
                [*FRAME.to_dict("records")[:3], {"age": 3.0, "inc_ome": 1.0, "city": ""}],
                r"X\[3\] has no 'income'.*'inc_ome'",
            ),
            ([{"age": 3.0}, 7], r"X\[1\] is a int: 7"),
            ([{}], "has no 'age'"),
            (FRAME.iloc[0], r"a Series named 0. It is a row: .*X.iloc\[\[0\]\].*X.to_frame\(\).T"),
            (FRAME["age"], r"a Series named 'age'.*X.to_frame\(\) if it is a column"),
            (FRAME.to_dict("list"), r"X is a dict of arrays.*pd.DataFrame\(X\)"),
        ],
    )
    def test_rows_that_cannot_be_read_are_refused(self, router, X, message):
        with pytest.raises(InputMismatchError, match=message) as error:
            router.transform(X)
        assert len(str(error.value)) < 600

    def test_the_way_out_for_a_row_works(self, router, expected):
        assert_same(router.transform(FRAME.iloc[0].to_frame().T), expected, slice(1))

    def test_a_single_record_is_no_training_table(self):
        with pytest.raises(InputMismatchError, match="Input 'age': expected an array"):
            InputRouter().fit({"age": 3, "city": "Oslo"})


class TestArraysByInput:
    @pytest.fixture
    def by_input(self):
        return InputRouter().fit({"numbers": ARRAY, "city": FRAME["city"].to_numpy()})

    def test_one_record_holds_a_row_of_each_array(self, by_input):
        every = by_input.transform({"numbers": ARRAY, "city": FRAME["city"].to_numpy()})
        assert_same(by_input.transform({"city": FRAME["city"][2], "numbers": ARRAY[2]}), every, [2])

    def test_records_hold_rows_of_each_array(self, by_input):
        every = by_input.transform({"numbers": ARRAY, "city": FRAME["city"].to_numpy()})
        rows = [{"numbers": ARRAY[i], "city": FRAME["city"][i]} for i in range(N)]
        assert_same(by_input.transform(rows), every)

    def test_a_dict_of_arrays_is_no_record(self, by_input):
        assert len(by_input.transform({"numbers": ARRAY[:1], "city": np.array(["Oslo"])})["numbers"]) == 1

    def test_a_name_that_is_missing_is_found(self, by_input):
        with pytest.raises(InputMismatchError, match=r"no 'numbers'.*Did you mean 'Numbers'"):
            by_input.transform({"Numbers": ARRAY[0], "city": "Oslo"})


class TestTables:
    @pytest.mark.parametrize("kind", TABLES)
    def test_columns_are_found_by_name(self, router, expected, kind):
        if kind == "big-endian fields":
            router = InputRouter([("numbers", NumberScaler(), ["age", "income"])]).fit(FRAME)
            expected = {"numbers": expected["numbers"]}
        assert_same(router.transform(TABLES[kind]()), expected)

    def test_a_dataset_of_xarray_is_read_by_name(self, router, expected):
        xarray = pytest.importorskip("xarray")
        table = xarray.Dataset({name: ("row", OTHER[name].to_numpy()) for name in OTHER})
        assert_same(router.transform(table), expected)

    def test_a_frame_of_dask_is_read_by_name(self, router, expected):
        dask = pytest.importorskip("dask.dataframe")
        assert_same(router.transform(dask.from_pandas(OTHER, npartitions=2)), expected)

    def test_a_reader_of_arrow_is_read_by_name(self, router, expected):
        pa = pytest.importorskip("pyarrow")
        table = pa.Table.from_pandas(OTHER, preserve_index=False)
        assert_same(router.transform(table.to_reader()), expected)

    def test_a_table_without_a_way_to_pandas_is_refused_by_name(self, router):
        class Frame:
            columns = ("age", "city", "income")

        with pytest.raises(InputMismatchError, match=r"Frame with named columns.*pd.DataFrame\("):
            router.transform(Frame())

    def test_a_conversion_that_fails_is_named(self, router):
        class Frame:
            columns = ("age",)

            def to_pandas(self):
                raise ValueError("no cluster")

        with pytest.raises(InputMismatchError, match=r"Frame, whose to_pandas\(\) fails \(no cluster\)"):
            router.transform(Frame())

    def test_levels_of_columns_are_kept(self):
        frame = FRAME[["age", "income"]].set_axis(pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]), axis=1)
        router = InputRouter().fit(frame)
        assert_same(router.transform(frame[[("a", "y"), ("a", "x")]]), router.transform(frame))


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize(
    "kind", ["matrix", "big-endian", "big-endian frame", "tensor", "masked without a mask", "big-endian ints"]
)
def test_arrays_of_every_make_are_those_of_numpy(kind):
    import tensorflow as tf

    whole = np.round(ARRAY)
    X = {
        "matrix": lambda: np.matrix(whole),
        "big-endian": lambda: whole.astype(">f4"),
        "big-endian frame": lambda: pd.DataFrame(whole.astype(">f8")),
        "tensor": lambda: tf.constant(whole),
        "masked without a mask": lambda: np.ma.masked_array(whole),
        "big-endian ints": lambda: whole.astype(">i4"),
    }[kind]()
    entries = [("numbers", NumberScaler(), [0, 1])]
    expected = InputRouter(entries).fit_transform(whole)
    assert_same(InputRouter(entries).fit_transform(X), expected)
    assert_same(InputRouter(entries).fit(whole).transform(X[:1]), expected, slice(1))


class TestMasks:
    MASK = np.median(ARRAY, axis=0) < ARRAY

    @pytest.mark.parametrize("dtype", ["float64", "float32", "int64", ">f8"])
    def test_masked_numbers_are_missing(self, dtype):
        masked = np.ma.masked_array(ARRAY.astype(dtype), mask=self.MASK)
        found = InputRouter([("numbers", NumberScaler(), [0, 1])]).fit_transform(masked)["numbers"][:, :2]
        assert_array_equal(np.isnan(found), self.MASK)

    def test_masked_words_are_missing(self):
        words = np.ma.masked_array(FRAME[["city"]].to_numpy(), mask=self.MASK[:, :1])
        found = InputRouter([("city", CategoryIndexer(), [0])]).fit_transform(words)["city"]
        assert_array_equal(found == 0, self.MASK[:, :1])

    def test_a_masked_array_of_one_input_keeps_its_mask(self):
        masked = np.ma.masked_array(ARRAY, mask=self.MASK)
        found = InputRouter([("n", NumberScaler(), "n")]).fit_transform({"n": masked})["n"][:, :2]
        assert_array_equal(np.isnan(found), self.MASK)

    def test_masked_fields_are_missing(self):
        records = np.asarray(FRAME[["age", "income"]].to_records(index=False))
        mask = np.array([tuple(row) for row in self.MASK], dtype=[("age", bool), ("income", bool)])
        fields = np.ma.masked_array(records, mask=mask)
        found = InputRouter([("n", NumberScaler(), ["age", "income"])]).fit_transform(fields)["n"][:, :2]
        assert_array_equal(np.isnan(found), self.MASK)

    def test_the_users_array_is_left_as_it_is(self):
        masked = np.ma.masked_array(ARRAY.copy(), mask=self.MASK)
        InputRouter().fit(masked)
        assert_array_equal(masked.mask, self.MASK)
        assert_array_equal(masked.data, ARRAY)


def test_named_tuples_of_arrays_hold_an_array_for_each_input():
    Both = collections.namedtuple("Both", ["numbers", "city"])
    arrays = Both(ARRAY, FRAME["city"].to_numpy())
    found = InputRouter([("numbers", NumberScaler(), "numbers"), ("city", CategoryIndexer(), "city")]).fit(arrays)
    assert set(found.transform(arrays)) == {"numbers", "city"}
