"""Numbers standardised as scikit-learn does, whatever their dtype; and dense layers over vectors."""

from datetime import timedelta
from decimal import Decimal

import keras
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.impute import MissingIndicator
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmulti.errors import InputMismatchError
from skmulti.inputs.vector import DenseBranch, NumberScaler
from skmulti.spec import ArraySpec

SPEC = ArraySpec("numbers", "vector", (3,), "float32")


@parametrize_with_checks([NumberScaler(), NumberScaler(add_indicator=False, dtype="float64")])
def test_number_scaler_passes_every_check_of_sklearn(estimator, check):
    check(estimator)


# --- NumberScaler: values


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3)) * [1, 50, 1e-3] + [0, -7, 3], columns=["a", "b", "c"])
    return frame.mask(rng.random(frame.shape) < [[0.3, 0, 0.1]])


def test_equals_standard_scaler_on_training_and_new_rows(table):
    train, new = table.iloc[:40], table.iloc[40:]
    ours = NumberScaler(add_indicator=False, dtype="float64").fit(train)
    oracle = StandardScaler().fit(train)

    assert_allclose(ours.transform(train), oracle.transform(train), rtol=1e-9)
    assert_allclose(ours.transform(new), oracle.transform(new), rtol=1e-9)
    assert_allclose(ours.mean_, train.mean())
    assert_allclose(ours.scale_, train.std(ddof=0))


def test_weights_are_those_of_standard_scaler(table):
    weight = np.random.default_rng(1).uniform(0, 3, size=len(table))
    ours = NumberScaler(add_indicator=False, dtype="float64").fit(table, sample_weight=weight)

    oracle = StandardScaler().fit(table, sample_weight=weight)

    assert_allclose(ours.transform(table), oracle.transform(table), rtol=1e-9)


def test_rows_of_weight_zero_teach_nothing(table):
    weight = np.arange(len(table)) % 3
    odd = table.copy()
    odd[weight == 0] = np.nan

    weighted = NumberScaler().fit(odd, sample_weight=weight)

    kept = NumberScaler().fit(table[weight > 0], sample_weight=weight[weight > 0])
    assert_array_equal(weighted.transform(table), kept.transform(table))


def test_indicators_are_those_of_sklearn(table):
    train, new = table.iloc[:40], table.iloc[40:]
    oracle = MissingIndicator(features="missing-only").fit(train)

    encoded = NumberScaler().fit(train).transform(new)

    assert_array_equal(encoded[:, 3:], oracle.transform(new))
    assert_array_equal(np.isnan(encoded[:, :3]), new.isna())


def test_hand_computed_rows():
    scaler = NumberScaler().fit(pd.DataFrame({"age": [20.0, 40.0, None]}))

    assert_array_equal(
        scaler.transform(pd.DataFrame({"age": [30.0, None, 60.0]})), np.float32([[0, 0], [np.nan, 1], [3, 0]])
    )


def test_column_without_missing_training_values_has_no_indicator():
    scaler = NumberScaler().fit(pd.DataFrame({"age": [20.0, 40.0]}))

    assert_array_equal(scaler.transform(pd.DataFrame({"age": [None, 50.0]})), np.float32([[np.nan], [2]]))


def test_spec_counts_the_indicators(table):
    spec = NumberScaler().fit(table).spec("numbers")

    assert (spec.shape, spec.n_indicators) == ((5,), 2)


def test_names_of_the_features():
    scaler = NumberScaler().fit(pd.DataFrame({"age": [1.0, None], "income": [1.0, 2.0]}))

    assert scaler.get_feature_names_out().tolist() == ["age", "income", "missing_age"]
    assert scaler.get_feature_names_out(["age", "income"]).tolist() == ["age", "income", "missing_age"]
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        scaler.get_feature_names_out(["x", "y"])
    assert NumberScaler().fit(np.ones((2, 2))).get_feature_names_out().tolist() == ["x0", "x1"]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([5.0, 5.0, 5.0]),
        pd.Series([0.1] * 3),
        pd.Series([1e9 + 0.1] * 3),
        pd.Series([5.0, None, 5.0]),
        pd.Series([7], dtype="Int64"),
        pd.Series([True, True]),
    ],
)
def test_constant_column_becomes_zero(column):
    encoded = NumberScaler(add_indicator=False).fit_transform(column)

    assert set(encoded[~np.isnan(encoded)]) == {0}


def test_empty_column_stays_missing_and_later_values_stay_themselves():
    scaler = NumberScaler().fit(pd.DataFrame({"age": [np.nan, np.nan]}))

    assert_array_equal(scaler.transform(pd.DataFrame({"age": [3.0, np.nan]})), np.float32([[3, 0], [np.nan, 1]]))


@pytest.mark.parametrize(("offset", "spread"), [(1e9, 1e-3), (-1e12, 5.0), (1.7e18, 1e6), (0.0, 1e-30), (0.0, 1e30)])
def test_huge_offsets_and_tiny_spreads_keep_their_shape(offset, spread):
    steps = np.random.default_rng(0).normal(size=50)
    column = offset + spread * steps
    exact = (column - offset) / spread

    encoded = NumberScaler(dtype="float64").fit_transform(pd.Series(column))[:, 0]

    # A mean near `offset` is known to a rounding of the last digit, no better.
    rounding = 2e-16 * abs(offset) / spread
    assert_allclose(encoded, (exact - exact.mean()) / exact.std(), atol=rounding + 1e-9)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 0, 0, 3], dtype="uint8"),
        pd.Series([1, 0, 0, 3], dtype="Int64"),
        pd.Series([1, 0, 0, 3], dtype="float16"),
        pd.Series([1, 0, 0, 3], dtype="int64[pyarrow]"),
        pd.Series([1, 0, 0, 3], dtype="double[pyarrow]"),
        pd.Series([1, 0, 0, 3], dtype="category"),
        pd.Series([1, 0, 0, 3], dtype="Sparse[int]"),
        pd.Series([Decimal(1), Decimal("0.0"), Decimal(0), Decimal(3)]),
        pd.Series([1, 0.0, False, np.int8(3)], dtype=object),
        pd.Series(pd.to_timedelta([1, 0, 0, 3], unit="s")),
        pd.Series(pd.to_timedelta([1, 0, 0, 3], unit="s")).astype("duration[ms][pyarrow]"),
    ],
    ids=lambda column: str(column.dtype),
)
def test_every_dtype_of_numbers_gives_the_same_array(column):
    expected = StandardScaler().fit_transform([[1], [0], [0], [3]])

    assert_allclose(NumberScaler(dtype="float64").fit_transform(column), expected)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([True, None, False], dtype="boolean"),
        pd.Series([1, None, 0], dtype="Int64"),
        pd.Series([1, None, 0], dtype="bool[pyarrow]"),
        pd.Series([Decimal(1), Decimal("NaN"), Decimal(0)]),
        pd.Series([1, pd.NA, 0], dtype=object),
        pd.Series([timedelta(1), pd.NaT, timedelta(0)]),
    ],
    ids=lambda column: str(column.dtype),
)
def test_missing_values_of_every_dtype_are_nan(column):
    expected = np.float32([[1, 0], [np.nan, 1], [-1, 0]])
    assert_array_equal(NumberScaler().fit_transform(column), expected)
    array, missing = NumberScaler().fit_encode_and_flag(column)
    assert_array_equal(array, expected)
    assert missing.tolist() == [False, True, False]


# --- NumberScaler: refusals


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["3", "4"], "2 of 2 cells are not numbers, first at row label 'x': '3' .type str."),
        ([1, "n/a"], "1 of 2 cells are not numbers, first at row label 'y': 'n/a'"),
        ([1, [2]], "1 of 2 cells are not numbers, first at row label 'y'.*type list"),
        ([1 + 2j, 1], "Complex data not supported"),
        ([1.0, np.inf], "1 of 2 cells are not finite.*first at row label 'y': inf"),
        ([Decimal("-Infinity"), 1], "1 of 2 cells are not finite.*first at row label 'x'"),
        (np.array([10**400, 1], dtype=object), "1 of 2 cells are not finite.*first at row label 'x'"),
        ([pd.Timestamp("2024-01-01"), pd.NaT], "1 of 2 cells are not numbers"),
    ],
)
def test_cells_that_are_no_numbers_are_refused_with_their_place(cells, found):
    column = pd.Series(cells, index=["x", "y"], name="age")
    with pytest.raises(InputMismatchError, match=f"column 'age': {found}"):
        NumberScaler().fit(column)


def test_refusal_says_what_to_do():
    with pytest.raises(InputMismatchError, match=r"pd.to_numeric.*CategoryIndexer"):
        NumberScaler().fit(pd.Series(["young"], name="age"))


def test_text_after_fit_is_refused():
    scaler = NumberScaler().fit(pd.Series([1.0, 2.0], name="age"))
    with pytest.raises(InputMismatchError, match="row label 0: 'old'"):
        scaler.transform(pd.Series(["old"], name="age"))


def test_long_cell_is_cut_in_the_message():
    with pytest.raises(InputMismatchError) as refusal:
        NumberScaler().fit(pd.Series(["long " * 1000], name="age"))
    assert len(str(refusal.value)) < 600


def test_no_rows_are_refused_at_fit():
    with pytest.raises(InputMismatchError, match=r"Found 0 sample\(s\)"):
        NumberScaler().fit(pd.DataFrame({"age": [1.0]}).iloc[:0])


def test_other_names_than_at_fit_are_refused(table):
    scaler = NumberScaler().fit(table)
    with pytest.raises(ValueError, match="feature names should match"):
        scaler.transform(table.rename(columns={"a": "z"}))


@pytest.mark.parametrize("params", [{"add_indicator": "yes"}, {"dtype": "float16"}, {"dtype": np.float32}])
def test_bad_parameters_are_refused(params):
    with pytest.raises(ValueError, match=f"The '{next(iter(params))}' parameter of NumberScaler must be"):
        NumberScaler(**params).fit(pd.Series([1.0]))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, -1], "Negative values"),
        ([0, 0], "zero"),
        ([1], r"sample_weight has 1 weights for 2 rows"),
        ([1, np.nan], "NaN"),
    ],
)
def test_bad_weights_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        NumberScaler().fit(pd.Series([1.0, 2.0]), sample_weight=weight)


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pd.Series([1, 2]), "numbers"),
        (pd.Series([1.5, None]), "numbers"),
        (pd.Series([1, None], dtype="Int64"), "numbers"),
        (pd.Series([1, None], dtype="int64[pyarrow]"), "numbers"),
        (pd.Series([None, None], dtype=float), "numbers"),
        (pd.Series([Decimal(1), None]), "numbers in cells"),
        (pd.Series([1, 2.5], dtype=object), "numbers in cells"),
        (pd.Series(pd.to_timedelta([1, 2], unit="h")), "durations"),
        (pd.Series([True, False]), None),
        (pd.Series([True, None], dtype="boolean"), None),
        (pd.Series([1, True], dtype=object), None),
        (pd.Series([1 + 2j]), None),
        (pd.Series(["1", "2"]), "numbers written as text"),
        (pd.Series([1, 2], dtype="category"), None),
        (pd.Series(pd.to_datetime(["2024-01-01"])), None),
        (pd.Series([None, None], dtype=object), None),
        (pd.Series([[1.0], [2.0]]), None),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, pd.Series) else repr(value),
)
def test_number_scaler_suits(column, reason):
    assert NumberScaler.suits(column) == reason


# --- DenseBranch


def relu(values):
    return np.maximum(values, 0)


def numpy_layers(model):
    """Return the kernels and biases of a branch's dense layers."""
    return [layer.get_weights() for layer in model.layers if isinstance(layer, keras.layers.Dense)]


def test_dense_branch_is_relu_of_matrix_products():
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    model = DenseBranch(units=(4, 2)).build(SPEC)

    expected = rows
    for kernel, bias in numpy_layers(model):
        expected = relu(expected @ kernel + bias)

    assert_allclose(model(rows).numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("activation", "function"), [("tanh", np.tanh), ("linear", lambda x: x), (keras.ops.abs, np.abs)]
)
def test_activation_is_the_one_given(activation, function):
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    model = DenseBranch(units=(4,), activation=activation).build(SPEC)
    ((kernel, bias),) = numpy_layers(model)

    assert_allclose(model(rows).numpy(), function(rows @ kernel + bias), rtol=1e-5, atol=1e-6)


def test_without_units_the_vector_passes():
    rows = np.float32([[1, 2, 3]])

    assert_array_equal(DenseBranch(units=()).build(SPEC)(rows), rows)


def test_missing_number_is_read_as_its_training_mean_at_first():
    sample = np.float32([[1, 2, np.nan], [3, np.nan, np.nan]])
    model = DenseBranch(units=()).build(SPEC, sample)

    assert_array_equal(model(np.full((1, 3), np.nan, "float32")), [[2, 2, 0]])


def test_layer_normalization_comes_first():
    rows = np.float32([[1, 2, 6]])
    model = DenseBranch(units=(), normalization="layer").build(SPEC)

    assert_allclose(model(rows)[0], (rows[0] - 3) / np.sqrt(np.var(rows) + 1e-3), rtol=1e-5)


def test_batch_normalization_standardises_in_training():
    rows = np.float32([[1, 2, 6], [3, 0, 6]])
    model = DenseBranch(units=(), normalization="batch").build(SPEC)

    assert_allclose(model(rows, training=True), [[-1, 1, 0], [1, -1, 0]], atol=1e-3)


def test_dropout_acts_in_training_only():
    rows = np.ones((200, 3), "float32")
    model = DenseBranch(units=(8,), dropout=0.5, activation="sigmoid").build(SPEC)

    assert (model(rows, training=True).numpy() == 0).mean() == pytest.approx(0.5, abs=0.1)
    assert (model(rows, training=False).numpy() != 0).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"units": 64}, "The 'units' parameter of DenseBranch must be"),
        ({"units": (0,)}, "units must hold positive integers"),
        ({"units": (1.5,)}, "units must hold positive integers"),
        ({"units": ("8",)}, "units must hold positive integers"),
        ({"dropout": 1.0}, "The 'dropout' parameter"),
        ({"dropout": -0.1}, "The 'dropout' parameter"),
        ({"normalization": "group"}, "The 'normalization' parameter"),
        ({"activation": None}, "The 'activation' parameter"),
        ({"activation": "rellu"}, "rellu"),
    ],
)
def test_dense_branch_refuses_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        DenseBranch(**params).build(SPEC)
