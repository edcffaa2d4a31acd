"""A table's columns become the named arrays of a network's inputs."""

import datetime
import io
import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_selector
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler, TargetEncoder
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmulti import (
    ArraySpec,
    CalendarEncoder,
    CategoryIndexer,
    DenseBranch,
    EmbeddingBranch,
    ImageDecoder,
    InputEncoder,
    InputMismatchError,
    InputRouter,
    MissingValuesWarning,
    NumberScaler,
    PiecewiseBranch,
    SequencePadder,
    TextBranch,
    TextVectorizer,
    VectorStacker,
    make_input_router,
)
from skmulti.inputs import transformer

N_ROWS = 24
ROWS = np.arange(N_ROWS)
WORDS = np.array(["red", "green", "blue", "old", "new", "small", "large", "warm"])
X_ARRAY = np.array([[0, 1, 2], [2, 4, 6]], dtype=float).T
X_FRAME = pd.DataFrame(X_ARRAY, columns=["first", "second"])


def make_frame():
    """Return 24 rows of numbers, categories and text, under labels that are no positions."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.normal(40, 10, N_ROWS),
            "income": rng.normal(3e4, 5e3, N_ROWS),
            "city": np.array(["Rome", "Oslo", "Bonn"])[ROWS % 3],
            "review": [" ".join(rng.choice(WORDS, 6)) for _ in ROWS],
        },
        index=[f"r{i}" for i in ROWS],
    )


FRAME = make_frame()
Y = (ROWS % 5).astype(float)


def png(value):
    """Return the bytes of an 8 x 8 picture of one colour."""
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), value, dtype="uint8")).save(file, "PNG")
    return file.getvalue()


def encoded(encoder, columns, table=FRAME, **options):
    """Fit a router of one input and give its array."""
    return InputRouter([("x", encoder, columns)], **options).fit_transform(table, Y[: len(table)])["x"]


# scikit-learn 1.9 wants another way to ask for equal folds, which 1.7 does not know.
IGNORE_SHUFFLE = pytest.mark.filterwarnings("ignore:`TargetEncoder.shuffle:FutureWarning")


class Spy(InputEncoder):
    """Return the first column as it is, and remember what `fit` got."""

    default_branch = DenseBranch

    def fit(self, columns, y=None, **fit_params):
        self.seen_ = columns
        self.fit_params_ = fit_params
        return self

    def transform(self, columns):
        frame = columns.to_frame() if isinstance(columns, pd.Series) else columns
        return frame.iloc[:, [0]].to_numpy(dtype="float32")

    def spec(self, name):
        return ArraySpec(name, "vector", (1,), "float32")


class WeightSpy(Spy):
    """A spy whose `fit` takes weights."""

    def fit(self, columns, y=None, sample_weight=None):
        return super().fit(columns, y, sample_weight=sample_weight)


class Promise(Spy):
    """Return another array than its spec promises."""

    def __init__(self, values, dtype, sizes=()):
        self.values = values
        self.dtype = dtype
        self.sizes = sizes

    def transform(self, columns):
        return np.asarray(self.values)

    def spec(self, name):
        return ArraySpec(name, "category" if self.sizes else "vector", (1,), self.dtype, vocabulary_sizes=self.sizes)


class NoFitTransform(BaseEstimator):
    """A transformer in the least that the word asks for."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.asarray(X) * 2


class Unnamed(TransformerMixin, NoFitTransform):
    """A transformer that names no features."""


# Columns


def test_a_column_named_by_a_string_reaches_its_encoder_as_a_series():
    router = InputRouter([("x", Spy(), "age")]).fit(FRAME)
    pd.testing.assert_series_equal(router.encoders_["x"].seen_, FRAME["age"])


@pytest.mark.parametrize("columns", [["age"], ("age",), slice("age", "age"), [True, False, False, False], [0]])
def test_columns_named_by_a_list_reach_their_encoder_as_a_frame(columns):
    router = InputRouter([("x", Spy(), columns)]).fit(FRAME)
    pd.testing.assert_frame_equal(router.encoders_["x"].seen_, FRAME[["age"]])


@pytest.mark.parametrize("columns", [0, lambda frame: "age"])
def test_a_scalar_position_or_one_from_a_callable_gives_a_series(columns):
    router = InputRouter([("x", Spy(), columns)]).fit(FRAME)
    assert isinstance(router.encoders_["x"].seen_, pd.Series)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([0], X_ARRAY[:, [0]]),
        ([0, 1], X_ARRAY),
        (np.array([1, 0]), X_ARRAY[:, ::-1]),
        (slice(0, 1), X_ARRAY[:, [0]]),
        ([-1], X_ARRAY[:, [1]]),
        ([False, True], X_ARRAY[:, [1]]),
        (np.array([True, True]), X_ARRAY),
    ],
)
@pytest.mark.parametrize("called", [False, True])
@pytest.mark.parametrize("X", [X_ARRAY, X_FRAME], ids=["array", "frame"])
def test_every_selection_gives_the_columns_at_fit_and_after(columns, expected, called, X):
    selection = (lambda table: columns) if called else columns
    router = InputRouter([("x", "passthrough", selection)])
    assert_array_equal(router.fit_transform(X)["x"], expected)
    assert_array_equal(router.fit(X).transform(X)["x"], expected)


def test_a_callable_gets_the_table():
    seen = []
    InputRouter([("x", "passthrough", lambda table: seen.append(table) or [0])]).fit(X_FRAME)
    pd.testing.assert_frame_equal(seen[0], X_FRAME)


def test_a_column_selector_of_scikit_learn_chooses_by_dtype():
    router = InputRouter(
        [
            ("numbers", StandardScaler(), make_column_selector(dtype_include=np.number)),
            ("words", CategoryIndexer(), make_column_selector(dtype_exclude=np.number)),
        ]
    ).fit(FRAME)
    assert router.specs_["numbers"].columns == ("age", "income")
    assert router.specs_["words"].columns == ("city", "review")


def test_a_selection_is_made_once_at_fit():
    router = InputRouter([("x", "passthrough", make_column_selector(dtype_include=float))]).fit(X_FRAME)
    assert router.transform(X_FRAME.astype(int))["x"].shape == (3, 2)


def test_a_tuple_of_inputs_is_as_good_as_a_list():
    inputs = [("a", "passthrough", [0]), ("b", StandardScaler(), [1])]
    first, second = (InputRouter(form(inputs)).fit_transform(X_ARRAY) for form in (list, tuple))
    assert_array_equal(first["b"], second["b"])


def test_one_column_feeds_several_inputs():
    router = InputRouter([("raw", "passthrough", ["first"]), ("scaled", StandardScaler(), ["first", "second"])])
    arrays = router.fit_transform(X_FRAME)
    assert_array_equal(arrays["raw"], X_ARRAY[:, [0]])
    assert_allclose(arrays["scaled"], StandardScaler().fit_transform(X_ARRAY), rtol=1e-6)


@pytest.mark.parametrize("empty", [[], [False, False], np.array([], dtype=int), slice(0, 0), lambda table: []])
def test_an_empty_selection_makes_no_input(empty):
    router = InputRouter([("none", StandardScaler(), empty), ("both", "passthrough", [0, 1])]).fit(X_FRAME)
    assert list(router.specs_) == ["both"]


def test_selections_that_are_all_empty_are_refused():
    with pytest.raises(InputMismatchError, match=r"No input has a column: every selection is empty or dropped"):
        InputRouter([("none", StandardScaler(), [])]).fit(X_FRAME)


# "drop", "passthrough", remainder


def test_a_dropped_input_has_no_array():
    router = InputRouter([("gone", "drop", ["first"]), ("kept", "passthrough", ["second"])])
    assert list(router.fit_transform(X_FRAME)) == ["kept"]


def test_all_dropped_is_refused():
    with pytest.raises(InputMismatchError, match=r"every selection is empty or dropped"):
        InputRouter([("gone", "drop", ["first"])]).fit(X_FRAME)


def test_passed_through_numbers_are_themselves():
    assert_array_equal(encoded("passthrough", ["first", "second"], X_FRAME), X_ARRAY)


def test_passed_through_text_is_refused():
    with pytest.raises(InputMismatchError, match=r"Input 'x' .*gives values that are no numbers"):
        encoded("passthrough", ["city"])


def test_missing_nullable_numbers_pass_through_as_nan():
    frame = pd.DataFrame({"a": [1.5, None]}).convert_dtypes()
    assert_array_equal(encoded("passthrough", ["a"], frame), [[1.5], [np.nan]])


def test_the_remainder_is_dropped_by_default():
    assert list(InputRouter([("x", "passthrough", ["first"])]).fit(X_FRAME).specs_) == ["x"]


@pytest.mark.parametrize("columns", [[0], slice(0, 1), [True, False], ["first"], pd.Index(["first"]), "first"])
def test_columns_that_no_input_names_are_the_remainder(columns):
    router = InputRouter([("x", "passthrough", columns)] if columns != "first" else [("x", Spy(), columns)])
    arrays = router.set_params(remainder="passthrough").fit_transform(X_FRAME)
    assert_array_equal(arrays["remainder"], X_ARRAY[:, [1]])


def test_an_encoder_encodes_the_remainder():
    arrays = InputRouter([("x", "passthrough", [1])], remainder=StandardScaler()).fit_transform(X_FRAME)
    assert_allclose(arrays["remainder"], StandardScaler().fit_transform(X_ARRAY[:, [0]]), rtol=1e-6)


def test_an_encoder_of_ours_encodes_the_remainder():
    router = InputRouter([("x", NumberScaler(), ["age", "income"])], remainder=CategoryIndexer()).fit(FRAME)
    assert router.specs_["remainder"].kind == "category"


def test_without_remaining_columns_there_is_no_remainder():
    router = InputRouter([("x", "passthrough", [0, 1])], remainder=StandardScaler()).fit(X_FRAME)
    assert list(router.specs_) == ["x"]


def test_a_dropped_column_is_no_remainder():
    router = InputRouter([("gone", "drop", [0])], remainder="passthrough")
    assert_array_equal(router.fit_transform(X_FRAME)["remainder"], X_ARRAY[:, [1]])


def test_the_encoder_of_the_remainder_is_cloned():
    scaler = StandardScaler()
    InputRouter([("x", "passthrough", [0])], remainder=scaler).fit(X_FRAME)
    assert not hasattr(scaler, "mean_")


# Encoders


def test_scaled_numbers_are_those_of_scikit_learn():
    expected = StandardScaler().fit_transform(FRAME[["age", "income"]])
    assert_allclose(encoded(StandardScaler(), ["age", "income"]), expected, rtol=1e-5)


@pytest.mark.parametrize("sparse", [True, False])
def test_one_hot_columns_are_those_of_scikit_learn(sparse):
    expected = OneHotEncoder(sparse_output=False).fit_transform(FRAME[["city"]])
    assert_array_equal(encoded(OneHotEncoder(sparse_output=sparse), ["city"]), expected)


def test_tfidf_reads_a_single_column_of_text():
    expected = TfidfVectorizer().fit_transform(FRAME["review"]).toarray()
    assert_allclose(encoded(TfidfVectorizer(), "review"), expected, rtol=1e-6)


def test_a_pipeline_is_an_encoder():
    pipeline = make_pipeline(StandardScaler(), PCA(1, random_state=0))
    expected = clone(pipeline).fit_transform(FRAME[["age", "income"]])
    assert_allclose(encoded(pipeline, ["age", "income"]), expected, rtol=1e-4)


def test_a_pipeline_of_text_is_an_encoder():
    pipeline = make_pipeline(TfidfVectorizer(), StandardScaler(with_mean=False))
    assert_allclose(encoded(pipeline, "review"), pipeline.fit_transform(FRAME["review"]).toarray(), rtol=1e-5)


def test_a_function_is_an_encoder():
    assert_allclose(encoded(FunctionTransformer(np.log), ["age"]), np.log(FRAME[["age"]]), rtol=1e-6)


def test_a_transformer_without_fit_transform_is_an_encoder():
    assert_array_equal(encoded(NoFitTransform(), ["first"], X_FRAME), 2 * X_ARRAY[:, [0]])


@IGNORE_SHUFFLE
def test_training_rows_are_cross_fitted_as_scikit_learn_does():
    encoder = TargetEncoder(cv=3, random_state=0)
    expected = clone(encoder).fit_transform(FRAME[["city"]], Y)
    assert_allclose(encoded(encoder, ["city"]), expected, rtol=1e-6)


@IGNORE_SHUFFLE
def test_new_rows_get_the_full_encoding_of_the_target():
    router = InputRouter([("x", TargetEncoder(cv=3, random_state=0), ["city"])]).fit(FRAME, Y)
    expected = TargetEncoder(cv=3, random_state=0).fit(FRAME[["city"]], Y).transform(FRAME[["city"]])
    assert_allclose(router.transform(FRAME)["x"], expected, rtol=1e-6)


def test_a_sparse_matrix_above_the_limit_is_refused_with_its_size(monkeypatch):
    monkeypatch.setattr(transformer, "DENSE_LIMIT_BYTES", 64)
    with pytest.raises(InputMismatchError, match=r"Input 'x' .*sparse matrix of shape \(24, 3\).*GiB; the limit"):
        encoded(OneHotEncoder(), ["city"])


def test_a_transformer_that_gives_strings_is_refused():
    with pytest.raises(InputMismatchError, match=r"Input 'x' \(column 'city'\): FunctionTransformer gives values that"):
        encoded(FunctionTransformer(), ["city"])


def test_two_dimensional_encoders_ask_for_the_name_in_a_list():
    with pytest.raises(InputMismatchError, match=r"Input 'x'.*1D data passed to a transformer.*Name.*\['age'\]"):
        encoded(StandardScaler(), "age")


def test_an_error_inside_an_encoder_says_which_input_it_was():
    with pytest.raises(ValueError, match=r"could not convert") as caught:
        encoded(StandardScaler(), ["age", "city"])
    assert caught.value.__notes__ == ["while encoding: Input 'x' (columns 'age' and 'city'), encoder StandardScaler"]


def test_an_encoder_that_drops_rows_is_refused():
    with pytest.raises(InputMismatchError, match=r"shape \(23, 1\) .*its spec promises \(24, 1\)"):
        encoded(FunctionTransformer(lambda frame: frame.iloc[1:]), ["age"])


def test_infinity_is_refused_with_the_row_label():
    with pytest.raises(InputMismatchError, match=r"Input 'x' .*1 values are infinity, first at row label 'b'"):
        encoded(FunctionTransformer(), ["a"], pd.DataFrame({"a": [1.0, np.inf]}, index=["a", "b"]))


@pytest.mark.parametrize("ids", [[[2], [-1]], [[2], [4]]])
def test_ids_out_of_range_are_refused_with_the_row_label(ids):
    encoder = Promise(ids, "int32", sizes=(4,))
    with pytest.raises(InputMismatchError, match=r"1 values are ids outside of 0 to .* first at row label 9"):
        encoded(encoder, ["a"], pd.DataFrame({"a": [1.0, 2.0]}, index=[7, 9]))


@pytest.mark.parametrize(
    ("values", "dtype"), [([[1.9], [2.0]], "int32"), ([[-1], [300]], "uint8"), ([["a"], ["b"]], "int32")]
)
def test_values_that_the_promised_dtype_would_change_are_refused(values, dtype):
    with pytest.raises(InputMismatchError, match=rf"Input 'x' .*its spec promises \(2, 1\) and {dtype}"):
        encoded(Promise(values, dtype), ["a"], pd.DataFrame({"a": [1.0, 2.0]}))


def test_encoders_that_the_user_gave_stay_unfitted():
    scaler, indexer = StandardScaler(), CategoryIndexer()
    InputRouter([("a", scaler, ["age"]), ("b", indexer, "city")]).fit(FRAME)
    assert not hasattr(scaler, "mean_")
    assert not hasattr(indexer, "categories_")


def test_fitted_encoders_are_found_by_name():
    router = InputRouter([("a", StandardScaler(), ["age"]), ("b", CategoryIndexer(), "city")]).fit(FRAME)
    assert_allclose(router.encoders_["a"].mean_, FRAME["age"].mean())
    assert router.encoders_["b"].categories_[0].tolist() == ["Bonn", "Oslo", "Rome"]


def test_specs_describe_every_array():
    router = InputRouter([("a", StandardScaler(), ["age"]), ("b", CategoryIndexer(), "city")]).fit(FRAME)
    vocabulary = router.specs_["b"].vocabulary
    assert len(vocabulary) == 12
    assert router.specs_ == {
        "a": ArraySpec("a", "vector", (1,), "float32", columns=("age",)),
        "b": ArraySpec("b", "category", (1,), "int32", vocabulary_sizes=(5,), columns=("city",), vocabulary=vocabulary),
    }


# Weights, threads, precision, configuration


def test_weights_reach_encoders_whose_fit_takes_them():
    weight = np.arange(1.0, N_ROWS + 1)
    arrays = InputRouter([("x", StandardScaler(), ["age"])]).fit_transform(FRAME, sample_weight=weight)
    expected = StandardScaler().fit(FRAME[["age"]], sample_weight=weight).transform(FRAME[["age"]])
    assert_allclose(arrays["x"], expected, rtol=1e-5)


def test_weights_reach_encoders_of_ours():
    weight = np.arange(1.0, N_ROWS + 1)
    router = InputRouter([("x", WeightSpy(), ["age"])]).fit(FRAME, sample_weight=weight)
    assert_array_equal(router.encoders_["x"].fit_params_["sample_weight"], weight)


@pytest.mark.parametrize("encoder", [Spy(), MinMaxScaler(), "passthrough"])
def test_weights_do_not_reach_the_others(encoder):
    arrays = InputRouter([("x", encoder, ["age"])]).fit_transform(FRAME, sample_weight=np.ones(N_ROWS))
    assert arrays["x"].shape == (N_ROWS, 1)


def test_weights_of_a_shared_encoder_count_for_the_rows_of_both():
    weight = np.arange(1.0, N_ROWS + 1)
    router = InputRouter([("a", StandardScaler(), ["age"]), ("b", "a", ["income"])]).fit(FRAME, sample_weight=weight)
    both = np.concatenate([FRAME["age"], FRAME["income"]])
    assert_allclose(router.encoders_["a"].mean_, np.average(both, weights=np.concatenate([weight, weight])))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(3), r"sample_weight.shape == \(3,\), expected \(24,\)"),
        (np.ones((N_ROWS, 1)), "1D array or scalar"),
        (np.zeros(N_ROWS), "at least one|sample_weight is zero"),
        (np.full(N_ROWS, np.nan), "NaN"),
    ],
)
def test_weights_that_do_not_fit_the_rows_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        InputRouter([("x", StandardScaler(), ["age"])]).fit(FRAME, sample_weight=weight)


def test_a_target_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples"):
        InputRouter([("x", StandardScaler(), ["age"])]).fit(FRAME, Y[:5])


def test_threads_give_equal_arrays():
    inputs = [("a", StandardScaler(), ["age"]), ("b", CategoryIndexer(), "city"), ("c", TextVectorizer(), "review")]
    one, two = InputRouter(inputs), InputRouter(inputs, n_jobs=2)
    for first, second in [
        (one.fit_transform(FRAME), two.fit_transform(FRAME)),
        (one.transform(FRAME), two.transform(FRAME)),
    ]:
        assert list(first) == list(second)
        for name, array in first.items():
            assert_array_equal(array, second[name])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float_arrays_have_the_precision_asked_for(dtype):
    inputs = [
        ("ours", NumberScaler(), ["age"]),
        ("theirs", StandardScaler(), ["age"]),
        ("raw", "passthrough", ["age"]),
        ("ids", CategoryIndexer(), "city"),
    ]
    router = InputRouter(inputs, dtype=dtype)
    arrays = router.fit_transform(FRAME)
    assert [array.dtype.name for array in arrays.values()] == [dtype, dtype, dtype, "int32"]
    assert [spec.dtype for spec in router.specs_.values()] == [dtype, dtype, dtype, "int32"]


def test_float64_keeps_what_float32_would_round():
    frame = pd.DataFrame({"a": [1.0, 1.0 + 1e-12]})
    assert_array_equal(encoded("passthrough", ["a"], frame, dtype="float64"), frame)


def test_a_global_output_configuration_changes_nothing():
    inputs = [
        ("a", StandardScaler(), ["age"]),
        ("b", OneHotEncoder(sparse_output=False), ["city"]),
        ("c", NumberScaler(), ["income"]),
        ("d", make_pipeline(StandardScaler(), MinMaxScaler()), ["income"]),
    ]
    expected = InputRouter(inputs).fit_transform(FRAME)
    with config_context(transform_output="pandas"):
        router = InputRouter(inputs)
        for arrays in (router.fit_transform(FRAME), router.transform(FRAME)):
            for name, array in arrays.items():
                assert type(array) is np.ndarray
                assert_array_equal(array, expected[name])


def test_a_transformer_that_gives_frames_gives_equal_arrays():
    scaler = StandardScaler().set_output(transform="pandas")
    assert_array_equal(encoded(scaler, ["age"]), encoded(StandardScaler(), ["age"]))


@pytest.mark.parametrize("name", ["remainder", "dtype", "kinds", "n_jobs"])
def test_wrong_parameters_are_refused_at_fit(name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of InputRouter must be"):
        InputRouter([("x", "passthrough", [0])], **{name: "wrong"}).fit(X_FRAME)


# What is done, and how often


class Counter(Spy):
    """A spy that counts what it is asked to do."""

    def __init__(self):
        self.calls = []

    def __sklearn_clone__(self):
        return self

    def fit(self, columns, y=None):
        self.calls.append("fit")
        return super().fit(columns, y)

    def transform(self, columns):
        self.calls.append(f"transform {len(columns)}")
        return super().transform(columns)


class CountingTransformer(BaseEstimator):
    """A transformer of scikit-learn's kind that counts what it is asked to do."""

    def __init__(self):
        self.calls = []

    def __sklearn_clone__(self):
        return self

    def fit(self, X, y=None):
        self.calls.append("fit")
        self.fitted_ = True
        return self

    def fit_transform(self, X, y=None):
        self.calls.append("fit_transform")
        self.fitted_ = True
        return np.asarray(X)

    def transform(self, X):
        self.calls.append(f"transform {len(X)}")
        return np.asarray(X)


def test_fit_never_transforms():
    counter = Counter()
    InputRouter([("x", counter, ["age"]), ("y", "x", ["income"])]).fit(FRAME)
    assert counter.calls == ["fit"]


def test_fit_transform_transforms_once():
    counter = Counter()
    InputRouter([("x", counter, ["age"])]).fit_transform(FRAME)
    assert counter.calls == ["fit", f"transform {N_ROWS}"]


def test_transform_transforms_once():
    counter = Counter()
    router = InputRouter([("x", counter, ["age"])]).fit(FRAME)
    router.transform(FRAME)
    assert counter.calls == ["fit", f"transform {N_ROWS}"]


def test_a_transformer_is_fitted_alone_at_fit_and_with_its_own_fit_transform_else():
    counter = CountingTransformer()
    router = InputRouter([("x", counter, ["age"])]).fit(FRAME)
    # One row tells the width of its array.
    assert counter.calls == ["fit", "transform 1"]
    counter.calls.clear()
    router.fit_transform(FRAME)
    assert counter.calls == ["fit_transform"]


GAPS = pd.DataFrame(
    {
        "number": [1.0, None, 3.0, 4.0],
        "city": ["a", "b", None, "a"],
        "text": ["good", None, "bad", "so"],
        "photo": pd.Series([png(0), png(1), None, b"no image"], dtype=object),
        "trace": pd.Series([[1.0], [], None, [2.0, 3.0]], dtype=object),
        "vector": pd.Series([[1.0, 2.0], None, [3.0, 4.0], [5.0, 6.0]], dtype=object),
        "day": pd.to_datetime(["2024-01-01", None, "2024-01-03", "2024-02-01"]),
    }
)
EVERY_KIND = InputRouter(
    [
        ("number", NumberScaler(), ["number"]),
        ("city", CategoryIndexer(), "city"),
        ("text", TextVectorizer(), "text"),
        ("photo", ImageDecoder(size=(8, 8), on_error="missing"), "photo"),
        ("trace", SequencePadder(), "trace"),
        ("vector", VectorStacker(), "vector"),
        ("day", CalendarEncoder(), "day"),
        ("scaled", StandardScaler(), ["number"]),
        ("hot", OneHotEncoder(), ["city"]),
    ]
)


@pytest.mark.parametrize("rows", [slice(None), slice(0, 1), slice(1, 3)], ids=["some missing", "whole", "gaps"])
def test_fit_alone_learns_what_fit_transform_learns(rows):
    table = GAPS.iloc[rows]
    alone, both = clone(EVERY_KIND), clone(EVERY_KIND)
    arrays = both.fit_transform(table)
    assert alone.fit(table).specs_ == both.specs_
    assert_equal_arrays(alone.transform(table), arrays)


def test_rows_of_unreadable_images_are_known_after_fit_alone():
    router = InputRouter([("photo", ImageDecoder(size=(8, 8), on_error="missing"), "photo")]).fit(GAPS.iloc[[0, 3]])
    assert router.specs_["photo"].missing_name == "photo__missing"


def test_columns_side_by_side_are_read_in_place():
    table = pd.DataFrame({name: np.arange(3.0) for name in "abcd"})
    router = InputRouter([("x", counter := Counter(), ["b", "c"])]).fit(table)
    assert np.shares_memory(counter.seen_["b"].to_numpy(), table["b"].to_numpy())
    assert_array_equal(router.transform(table[["d", "c", "a", "b"]])["x"], table[["b"]])


@pytest.mark.parametrize("n_rows", [1, 3])
def test_columns_that_moved_are_read_where_they_stand_now(n_rows):
    router = InputRouter([("x", "passthrough", ["age", "income"]), ("c", CategoryIndexer(), "city")]).fit(FRAME)
    table = FRAME.iloc[:n_rows]
    moved = table.assign(extra=None)[["extra", "city", "income", "age"]]
    assert_equal_arrays(router.transform(moved), router.transform(table))


# Names of inputs


@pytest.mark.parametrize("name", ["a__b", "a/b", "inputs", "remainder", "kinds", "n_jobs", "dtype", "", 3, None])
def test_names_that_cannot_be_used_are_refused(name):
    with pytest.raises(ValueError, match=f"name is a string without '__' and '/'.*got {re.escape(repr(name))}"):
        InputRouter([(name, "passthrough", [0])]).fit(X_FRAME)


def test_a_name_that_two_inputs_have_is_refused():
    with pytest.raises(ValueError, match=r"Two inputs are named 'a'"):
        InputRouter([("a", "passthrough", [0]), ("a", "passthrough", [1])]).fit(X_FRAME)


def test_names_of_a_dict_of_arrays_follow_the_same_rule():
    with pytest.raises(ValueError, match=r"got 'a/b'"):
        InputRouter().fit({"a/b": np.ones((3, 2))})


@pytest.mark.parametrize("entry", [("a", "passthrough"), "ab", ("a", "passthrough", [0], 1), 5])
def test_what_is_no_input_is_refused(entry):
    with pytest.raises(ValueError, match=r"An input is a tuple \(name, encoder, columns\)"):
        InputRouter([entry]).fit(X_FRAME)


def test_no_inputs_are_refused():
    with pytest.raises(ValueError, match=r"needs at least one input"):
        InputRouter([]).fit(X_FRAME)


def test_a_class_in_place_of_an_encoder_is_refused():
    with pytest.raises(TypeError, match=r"expected an encoder instance \(StandardScaler\(\)\), got the class"):
        InputRouter([("a", StandardScaler, [0])]).fit(X_FRAME)


def test_an_object_that_does_not_transform_is_refused():
    with pytest.raises(TypeError, match=r"Input 'a': an encoder has `fit` and `transform`, got 5 of type int"):
        InputRouter([("a", 5, [0])]).fit(X_FRAME)


def test_make_input_router_numbers_names_that_repeat():
    router = make_input_router((StandardScaler(), ["age"]), (StandardScaler(), ["income"]), (CategoryIndexer(), "city"))
    assert [name for name, _, _ in router.inputs] == ["standardscaler-1", "standardscaler-2", "categoryindexer"]


def test_make_input_router_routes_as_its_router_does():
    router = make_input_router(("passthrough", ["first"]), remainder=StandardScaler(), n_jobs=1)
    assert list(router.fit_transform(X_FRAME)) == ["passthrough", "remainder"]


def test_make_input_router_refuses_what_is_no_pair():
    with pytest.raises(TypeError, match=r"takes tuples \(encoder, columns\), got StandardScaler\(\)"):
        make_input_router(StandardScaler(), ["age"])


def test_make_input_router_without_inputs_infers_them():
    router = make_input_router(kinds={"city": "drop"}).fit(FRAME)
    assert list(router.specs_) == ["numbers", "review"]


# Columns at transform

ROUTER = InputRouter([("money", StandardScaler(), ["age", "income"]), ("place", CategoryIndexer(), "city")])


@pytest.fixture(scope="module")
def fitted():
    return clone(ROUTER).fit(FRAME)


def assert_equal_arrays(first, second):
    assert list(first) == list(second)
    for name, array in first.items():
        assert array.dtype == second[name].dtype
        assert_array_equal(array, second[name])


def test_the_order_of_columns_is_free(fitted):
    assert_equal_arrays(fitted.transform(FRAME[FRAME.columns[::-1]]), fitted.transform(FRAME))


def test_extra_columns_are_ignored(fitted):
    extra = FRAME.assign(third=1)[["third", *FRAME.columns[::-1]]]
    assert_equal_arrays(fitted.transform(extra), fitted.transform(FRAME))


def test_columns_that_no_input_reads_may_be_missing(fitted):
    assert_equal_arrays(fitted.transform(FRAME.drop(columns="review")), fitted.transform(FRAME))


def test_dropped_columns_may_be_missing():
    router = InputRouter([("gone", "drop", ["city"]), ("x", "passthrough", ["age"])]).fit(FRAME)
    assert list(router.transform(FRAME[["age"]])) == ["x"]


def test_a_missing_column_is_named_with_input_and_closest_match(fitted):
    renamed = FRAME.rename(columns={"income": "incomes"})
    with pytest.raises(InputMismatchError, match=r"Input 'money' wants column 'income'.*Did you mean 'incomes'"):
        fitted.transform(renamed)


def test_all_columns_of_the_remainder_must_be_there():
    router = InputRouter([("x", "passthrough", [1])], remainder="passthrough").fit(X_FRAME.assign(third=1.0))
    with pytest.raises(InputMismatchError, match=r"Input 'remainder' wants column 'third'"):
        router.transform(X_FRAME)


def test_rows_are_encoded_one_by_one_as_together(fitted):
    together = fitted.transform(FRAME)
    for i in (0, 5):
        for name, array in fitted.transform(FRAME.iloc[[i]]).items():
            assert_allclose(array[0], together[name][i], rtol=1e-6)


def test_columns_of_one_name_are_told_apart_by_position():
    frame = pd.DataFrame(X_ARRAY, columns=["a", "a"])
    router = InputRouter([("x", "passthrough", [1])])
    assert_array_equal(router.fit_transform(frame)["x"], X_ARRAY[:, [1]])
    assert_array_equal(router.transform(frame)["x"], X_ARRAY[:, [1]])


def test_columns_of_one_name_are_refused_where_they_moved():
    frame = pd.DataFrame(np.ones((3, 3)), columns=["a", "a", "b"])
    router = InputRouter([("x", "passthrough", [1])]).fit(frame)
    with pytest.raises(InputMismatchError, match=r"2 columns of X are named 'a'"):
        router.transform(frame[["b", "a"]])


def test_integer_labels_are_found_by_label_at_transform():
    frame = pd.DataFrame(X_ARRAY, columns=[10, 20])
    router = InputRouter([("x", "passthrough", [1])]).fit(frame)
    assert_array_equal(router.transform(frame[[20, 10]])["x"], X_ARRAY[:, [1]])


@pytest.mark.parametrize(
    "labels",
    [[("a", "x"), ("a", "y")], ["first", 2], [1.5, "b"], [datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)]],
)
def test_labels_that_are_no_strings_are_as_good(labels):
    frame = pd.DataFrame(X_ARRAY, columns=pd.Index(labels, tupleize_cols=False))
    router = InputRouter([("x", StandardScaler(), [0, 1]), ("y", NumberScaler(), [1, 0])])
    arrays = router.fit_transform(frame)
    assert_allclose(arrays["x"], StandardScaler().fit_transform(X_ARRAY), rtol=1e-6)
    assert_equal_arrays(router.transform(frame[labels[::-1]]), arrays)


def test_a_frame_of_numbered_columns_keeps_them_apart_after_a_fit_on_one():
    frame = pd.DataFrame(X_ARRAY)
    router = InputRouter([("x", "passthrough", [1])]).fit(frame)
    for table in (frame, frame[[1, 0]], frame.assign(third=1.0)):
        assert_array_equal(router.transform(table)["x"], X_ARRAY[:, [1]])


@pytest.mark.parametrize("width", [1, 3])
def test_a_frame_of_numbered_columns_is_refused_as_the_array_that_it_was(width):
    router = InputRouter([("x", "passthrough", [0])]).fit(pd.DataFrame(X_ARRAY))
    with pytest.raises(ValueError, match=f"X has {width} features, but InputRouter is expecting 2 features as input"):
        router.transform(pd.DataFrame(np.ones((3, width))))


def test_columns_of_several_levels_are_routed():
    frame = pd.DataFrame(X_ARRAY, columns=pd.MultiIndex.from_tuples([("a", "x"), ("b", "y")]))
    router = InputRouter([("x", "passthrough", [("b", "y")]), ("y", Spy(), ("a", "x"))])
    arrays = router.fit_transform(frame)
    assert_array_equal(arrays["x"], X_ARRAY[:, [1]])
    assert_equal_arrays(router.transform(frame.iloc[:, ::-1]), arrays)


@pytest.mark.parametrize("labels", [["first", 2], [("a", "x"), ("a", "y")], [0, 1]])
def test_names_are_remembered_only_if_all_are_strings(labels):
    frame = pd.DataFrame(X_ARRAY, columns=pd.Index(labels, tupleize_cols=False))
    assert not hasattr(InputRouter().fit(X_FRAME).fit(frame), "feature_names_in_")


def test_names_and_number_of_columns_are_remembered(fitted):
    assert fitted.feature_names_in_.tolist() == list(FRAME.columns)
    assert fitted.feature_names_in_.dtype == object
    assert fitted.n_features_in_ == 4


def test_an_array_has_no_names():
    router = InputRouter([("x", "passthrough", [0])])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        router.fit(X_ARRAY).transform(X_ARRAY)
    assert not hasattr(router, "feature_names_in_")
    assert router.n_features_in_ == 2


def test_rows_as_lists_are_as_good_as_an_array():
    rows = [[1, np.nan, "a"], [0, 0, "b"]]
    router = InputRouter([("numbers", StandardScaler(), [0, 1]), ("words", OneHotEncoder(), [2])])
    arrays = router.fit_transform(rows)
    assert_array_equal(np.hstack(list(arrays.values())), [[1, np.nan, 1, 0], [-1, 0, 0, 1]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingValuesWarning)
        assert_equal_arrays(router.transform(rows), arrays)


@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame, list])
def test_an_array_after_a_frame_is_read_by_position_with_a_warning(form):
    router = InputRouter([("x", "passthrough", ["second"])]).fit(X_FRAME)
    with pytest.warns(UserWarning, match=r"X does not have valid feature names, but InputRouter was fitted with"):
        arrays = router.transform(form(X_ARRAY))
    assert_array_equal(arrays["x"], X_ARRAY[:, [1]])


def test_a_frame_after_an_array_is_read_by_position_with_a_warning():
    router = InputRouter([("x", "passthrough", [1])]).fit(X_ARRAY)
    with pytest.warns(UserWarning, match=r"X has feature names, but InputRouter was fitted without feature names"):
        arrays = router.transform(X_FRAME)
    assert_array_equal(arrays["x"], X_ARRAY[:, [1]])


@pytest.mark.parametrize("width", [1, 3])
def test_an_array_of_another_width_is_refused(width):
    router = InputRouter([("x", "passthrough", [0])]).fit(X_ARRAY)
    with pytest.raises(ValueError, match=f"X has {width} features, but InputRouter is expecting 2 features as input"):
        router.transform(np.ones((3, width)))


def test_names_need_a_table_with_names():
    with pytest.raises(InputMismatchError, match=r"Input 'x' wants column 'first', but X has no column names"):
        InputRouter([("x", "passthrough", ["first"])]).fit(X_ARRAY)


def test_transform_before_fit_is_refused():
    with pytest.raises(NotFittedError, match=r"InputRouter instance is not fitted yet"):
        clone(ROUTER).transform(FRAME)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_tables_of_other_libraries_give_equal_arrays(fitted, library):
    module = pytest.importorskip(library)
    table = module.from_pandas(FRAME) if library == "polars" else module.Table.from_pandas(FRAME, preserve_index=False)
    assert_equal_arrays(fitted.transform(table), fitted.transform(FRAME))
    assert_equal_arrays(clone(ROUTER).fit(table).transform(FRAME), fitted.transform(FRAME))


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_the_default_router_reads_tables_of_other_libraries(library):
    module = pytest.importorskip(library)
    frame = FRAME.assign(flag=ROWS % 2 == 0, day=pd.date_range("2024-01-01", periods=N_ROWS), gaps=[None, 1.5, 2.0] * 8)
    frame = frame.reset_index(drop=True)
    table = module.from_pandas(frame) if library == "polars" else module.Table.from_pandas(frame)
    expected = InputRouter().fit(frame)
    router = InputRouter().fit(table)
    assert router.plan_["encoder"].tolist() == expected.plan_["encoder"].tolist()
    assert_equal_arrays(router.transform(table), expected.transform(frame))


@pytest.mark.parametrize("index", [[7] * N_ROWS, ROWS[::-1], pd.date_range("2024", periods=N_ROWS), [None, *ROWS[1:]]])
def test_labels_of_rows_change_no_array(fitted, index):
    frame = FRAME.set_axis(pd.Index(index), axis=0)
    assert_equal_arrays(clone(ROUTER).fit_transform(frame), fitted.transform(FRAME))
    assert_equal_arrays(fitted.transform(frame[frame.columns[::-1]]), fitted.transform(FRAME))


def test_repeated_labels_of_rows_pair_with_shared_encoders():
    frame = FRAME.set_axis([7] * N_ROWS, axis=0)
    router = InputRouter([("a", CategoryIndexer(), "city"), ("b", "a", "review")])
    assert router.fit_transform(frame)["b"].shape == (N_ROWS, 1)


def test_errors_in_cells_name_input_column_and_row_label():
    frame = pd.DataFrame({"age": [1.0, "old"]}, index=["anna", "ben"])
    with pytest.raises(InputMismatchError, match=r"Input 'x' \(column 'age'\).*row label 'ben': 'old'"):
        encoded(NumberScaler(), ["age"], frame)


def test_the_table_is_left_as_it_was():
    frame = FRAME.copy(deep=True)
    clone(ROUTER).fit_transform(frame)
    pd.testing.assert_frame_equal(frame, FRAME)


# Dicts and lists of arrays

ARRAYS = {"a": X_ARRAY, "b": np.array(["x", "y", "x"])}
DICT_ROUTER = InputRouter([("a", StandardScaler(), "a"), ("b", CategoryIndexer(), "b")])


@pytest.mark.parametrize("form", [dict, lambda arrays: list(arrays.values()), lambda arrays: tuple(arrays.values())])
def test_arrays_of_inputs_are_taken_by_name_or_in_the_order_of_the_router(form):
    router = clone(DICT_ROUTER)
    arrays = router.fit_transform(form(ARRAYS))
    assert_allclose(arrays["a"], StandardScaler().fit_transform(X_ARRAY), rtol=1e-6)
    assert arrays["b"].tolist() == [[2], [3], [2]]
    assert_equal_arrays(router.transform(form(ARRAYS)), arrays)


def test_the_order_of_a_dict_is_free_and_further_arrays_are_ignored():
    router = clone(DICT_ROUTER).fit(ARRAYS)
    assert_equal_arrays(router.transform({"c": 1 + X_ARRAY, "b": ARRAYS["b"], "a": X_ARRAY}), router.transform(ARRAYS))


def test_1d_arrays_of_inputs_are_told_from_rows_after_fit():
    router = InputRouter([("a", CategoryIndexer(), "a"), ("b", CategoryIndexer(), "b")])
    arrays = [np.array(["x", "y", "x"]), np.array(["u", "v", "w"])]
    fitted = router.fit(arrays, np.zeros(3))
    assert fitted.transform(arrays)["b"].tolist() == [[2], [3], [4]]


def test_arrays_without_a_router_are_routed_by_what_they_hold():
    images = np.zeros((3, 8, 8, 3), dtype="uint8")
    router = InputRouter().fit({"n": X_ARRAY, "s": ["a", "b", "a"], "i": images, "t": np.ones((3, 4, 2))})
    assert {name: spec.kind for name, spec in router.specs_.items()} == {
        "n": "vector",
        "s": "category",
        "i": "image",
        "t": "sequence",
    }


def test_a_dict_without_an_input_is_refused_with_the_closest_match():
    with pytest.raises(InputMismatchError, match=r"Input 'b' has no array: X is a dict with 'a' and 'bb'"):
        clone(DICT_ROUTER).fit({"a": X_ARRAY, "bb": ARRAYS["b"]})


def test_a_dict_without_an_input_of_fit_is_refused():
    router = clone(DICT_ROUTER).fit(ARRAYS)
    with pytest.raises(
        InputMismatchError, match=r"Input 'b' has no array: the router was fitted on a dict with 'a' and"
    ):
        router.transform({"a": X_ARRAY})


def test_a_wrong_number_of_arrays_is_refused():
    router = clone(DICT_ROUTER).fit(ARRAYS)
    with pytest.raises(InputMismatchError, match=r"list of 1 arrays, the router has 2 inputs: 'a' and 'b'"):
        router.transform([X_ARRAY])


def test_arrays_of_unequal_length_are_refused():
    with pytest.raises(InputMismatchError, match=r"inconsistent numbers of samples"):
        clone(DICT_ROUTER).fit({"a": X_ARRAY, "b": ["x"]})


def test_a_list_of_batches_in_place_of_an_array_is_refused():
    batches = {"a": [np.ones((10, 2))] * 4, "b": ["x"] * 40}
    with pytest.raises(InputMismatchError, match=r"Input 'a': got a list of 4 arrays of 10 rows, but y has 40 rows"):
        clone(DICT_ROUTER).fit(batches, np.zeros(40))


def test_a_1d_array_reaches_an_encoder_of_columns_as_one_column():
    router = InputRouter([("a", StandardScaler(), "a")])
    arrays = router.fit_transform({"a": np.array([1.0, 2.0, 3.0])})
    assert_allclose(arrays["a"], StandardScaler().fit_transform([[1], [2], [3]]), rtol=1e-6)
    assert_equal_arrays(router.transform({"a": [1.0, 2.0, 3.0]}), arrays)


@pytest.mark.parametrize("encoder", [StandardScaler(), NumberScaler()])
def test_an_array_of_another_width_than_at_fit_is_refused_with_its_input(encoder):
    router = InputRouter([("a", encoder, "a")]).fit({"a": np.ones((3, 2))})
    with pytest.raises(InputMismatchError, match=r"^Input 'a': got 3 columns, the fit had 2\.$"):
        router.transform({"a": np.ones((3, 3))})


def test_arrays_in_another_order_are_refused_with_the_order_of_fit():
    router = InputRouter([("a", "passthrough", "a"), ("b", "passthrough", "b")])
    router.fit({"a": np.ones((3, 2)), "b": np.ones((3, 3))})
    message = r"Input 'a': got 3 columns, the fit had 2; give them in the order 'a', 'b', or as a dict"
    with pytest.raises(InputMismatchError, match=message):
        router.transform([np.ones((3, 3)), np.ones((3, 2))])


def test_arrays_of_unequal_width_cannot_share_an_encoder():
    router = InputRouter([("a", StandardScaler(), "a"), ("b", "a", "b")])
    with pytest.raises(InputMismatchError, match=r"Input 'a' .*got 3 columns, the encoder is fitted on 2"):
        router.fit({"a": np.ones((3, 2)), "b": np.ones((3, 3))})


def test_a_dict_after_a_table_is_refused(fitted):
    with pytest.raises(InputMismatchError, match=r"fitted on a table with the columns 'age', .*Give a DataFrame"):
        fitted.transform({"money": FRAME[["age", "income"]], "place": FRAME["city"]})


def test_a_table_after_a_dict_is_refused():
    message = r"one array of width 2, .* an array for each input, expected 'a' \(2,\), 'b'.*; give a dict"
    with pytest.raises(InputMismatchError, match=message):
        clone(DICT_ROUTER).fit(ARRAYS).transform(X_FRAME)


# One encoder for two inputs

QUESTIONS = pd.DataFrame(
    {"q1": ["red car", "blue", None], "q2": ["blue sky", "red", "car"], "c1": ["a", "b", "a"], "c2": ["c", "a", "b"]}
)


@pytest.mark.parametrize(
    ("encoder", "columns"), [(TextVectorizer(length=2), ("q1", "q2")), (CategoryIndexer(), ("c1", "c2"))]
)
def test_equal_words_have_equal_ids_in_inputs_that_share_an_encoder(encoder, columns):
    router = InputRouter([("question1", encoder, columns[0]), ("question2", "question1", columns[1])])
    arrays = router.fit_transform(QUESTIONS)
    both = pd.concat([QUESTIONS[columns[0]], QUESTIONS[columns[1]].rename(columns[0])])
    expected = clone(encoder).fit(both).transform(both)
    assert_array_equal(np.concatenate([arrays["question1"], arrays["question2"]]), expected)


def test_a_shared_encoder_is_fitted_once():
    router = InputRouter([("a", CategoryIndexer(), "c1"), ("b", "a", "c2")]).fit(QUESTIONS)
    assert router.encoders_["a"] is router.encoders_["b"]
    assert router.encoders_["a"].categories_[0].tolist() == ["a", "b", "c"]


def test_a_shared_encoder_reads_new_rows_of_both_columns():
    router = InputRouter([("a", CategoryIndexer(), "c1"), ("b", "a", "c2")]).fit(QUESTIONS)
    arrays = router.transform(pd.DataFrame({"c2": ["c", "new"], "c1": ["c", "b"]}))
    assert arrays["a"].tolist() == [[4], [3]]
    assert arrays["b"].tolist() == [[4], [1]]


def test_specs_of_inputs_that_share_an_encoder_have_one_layout():
    router = InputRouter([("a", CategoryIndexer(), "c1"), ("b", "a", "c2")]).fit(QUESTIONS)
    assert router.specs_["a"].layout() == router.specs_["b"].layout()
    assert router.specs_["b"].columns == ("c2",)


def test_three_inputs_share_one_encoder_through_each_other():
    router = InputRouter([("a", CategoryIndexer(), "c1"), ("b", "a", "c2"), ("c", "b", "q2")]).fit(QUESTIONS)
    assert router.specs_["c"].vocabulary_sizes == (8,)


def test_a_transformer_of_scikit_learn_is_shared_over_several_columns():
    frame = pd.DataFrame(np.arange(12.0).reshape(3, 4), columns=list("abcd"))
    router = InputRouter([("x", StandardScaler(), ["a", "b"]), ("y", "x", ["c", "d"])]).fit(frame)
    stacked = np.vstack([frame[["a", "b"]], frame[["c", "d"]]])
    expected = StandardScaler().fit(stacked).transform(frame[["c", "d"]].to_numpy())
    assert_allclose(router.transform(frame)["y"], expected, rtol=1e-6)


@pytest.mark.parametrize("columns", [("c1", ["c2"]), (["c1"], "c2")])
def test_a_name_and_a_list_of_one_name_share_an_encoder(columns):
    router = InputRouter([("a", CategoryIndexer(), columns[0]), ("b", "a", columns[1])])
    assert_equal_arrays(router.fit_transform(QUESTIONS), router.transform(QUESTIONS))


def test_arrays_of_a_dict_share_an_encoder():
    router = InputRouter([("a", CategoryIndexer(), "a"), ("b", "a", "b")])
    arrays = router.fit_transform({"a": ["x", "y"], "b": ["y", "z"]})
    assert arrays["b"].tolist() == [[3], [4]]


@pytest.mark.parametrize("name", ["questoin1", "question2", "later"])
def test_only_earlier_inputs_lend_their_encoder(name):
    inputs = [("question1", CategoryIndexer(), "c1"), ("question2", name, "c2"), ("later", CategoryIndexer(), "c1")]
    with pytest.raises(
        ValueError, match=rf"Input 'question2': the encoder '{name}' is neither .*those are 'question1'"
    ):
        InputRouter(inputs).fit(QUESTIONS)


def test_a_misspelt_lender_is_refused_with_the_closest_match():
    with pytest.raises(ValueError, match=r"Did you mean 'question1'"):
        InputRouter([("question1", CategoryIndexer(), "c1"), ("question2", "questoin1", "c2")]).fit(QUESTIONS)


@pytest.mark.parametrize(("encoder", "columns"), [(CategoryIndexer(), ["c1", "q1"]), ("drop", "c1"), (Spy(), [])])
def test_inputs_that_share_an_encoder_have_equally_many_columns(encoder, columns):
    with pytest.raises(InputMismatchError, match=r"Inputs 'a' and 'b' share an encoder but have . and 1 columns"):
        InputRouter([("a", encoder, columns), ("b", "a", "c2")]).fit(QUESTIONS)


# Missing values


def test_values_that_fit_never_missed_are_warned_about(fitted):
    frame = FRAME.copy()
    frame.loc[["r3", "r7"], "income"] = np.nan
    message = r"Input 'money' \(columns 'age' and 'income'\): 2 of 24 rows have missing values, first at row label 'r3'"
    with pytest.warns(MissingValuesWarning, match=message):
        fitted.transform(frame)


def test_every_input_with_such_values_is_warned_about(fitted):
    frame = FRAME.assign(city=None, age=np.nan)
    with pytest.warns(MissingValuesWarning) as caught:
        fitted.transform(frame)
    assert len(caught) == 2


def test_values_that_fit_missed_too_are_not_warned_about():
    frame = FRAME.assign(age=[np.nan, *FRAME["age"][1:]])
    router = clone(ROUTER).fit(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        router.transform(frame)


def test_whole_rows_are_not_warned_about(fitted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.transform(FRAME)


def test_missing_numbers_stay_nan():
    frame = pd.DataFrame({"age": [1.0, np.nan, 3.0]})
    assert_array_equal(encoded(StandardScaler(), ["age"], frame), [[-1], [np.nan], [1]])


def test_missing_numbers_of_nullable_types_become_nan():
    frame = pd.DataFrame({"age": pd.array([1, None, 3], dtype="Int64")})
    assert_array_equal(np.isnan(encoded(NumberScaler(add_indicator=False), ["age"], frame)), [[False], [True], [False]])


@pytest.mark.parametrize(
    ("encoder", "cells"),
    [
        (TextVectorizer(), ["good", None, "bad"]),
        (ImageDecoder(size=(8, 8)), [png(0), None, png(9)]),
    ],
    ids=["text", "image"],
)
def test_rows_that_hold_nothing_are_flagged_beside_the_array(encoder, cells):
    router = InputRouter([("x", encoder, "cells")])
    arrays = router.fit_transform(pd.DataFrame({"cells": pd.Series(cells, dtype=object)}))
    assert list(arrays) == ["x", "x__missing"]
    assert arrays["x__missing"].dtype == bool
    assert arrays["x__missing"].tolist() == [[False], [True], [False]]
    assert router.specs_["x"].missing_name == "x__missing"


def test_flags_are_there_at_transform_whatever_the_new_rows_hold():
    router = InputRouter([("x", TextVectorizer(), "cells")]).fit(pd.DataFrame({"cells": ["good", None]}))
    assert router.transform(pd.DataFrame({"cells": ["good"]}))["x__missing"].tolist() == [[False]]


def test_there_are_no_flags_where_fit_missed_nothing():
    router = InputRouter([("x", TextVectorizer(), "cells")]).fit(pd.DataFrame({"cells": ["good", "bad"]}))
    with pytest.warns(MissingValuesWarning, match=r"first at row label 0"):
        assert list(router.transform(pd.DataFrame({"cells": [None, "bad"]}))) == ["x"]


@pytest.mark.parametrize(
    ("encoder", "cells"),
    [
        (NumberScaler(), [1.0, None]),
        (CategoryIndexer(), ["a", None]),
        (SequencePadder(), [[1.0, 2.0], None]),
        (VectorStacker(), [[1.0, 2.0], None]),
        (CalendarEncoder(), [pd.Timestamp(0), None]),
    ],
)
def test_arrays_that_can_express_a_missing_row_have_no_flags(encoder, cells):
    router = InputRouter([("x", encoder, "cells")]).fit(pd.DataFrame({"cells": pd.Series(cells, dtype=object)}))
    assert router.specs_["x"].missing_name is None
    assert router.specs_["x"].has_missing


# Default branches


def test_branches_before_fit_are_those_of_the_inputs():
    router = InputRouter(
        [
            ("money", StandardScaler(), ["age"]),
            ("place", CategoryIndexer(), "city"),
            ("review", TextVectorizer(), "review"),
            ("reply", "review", "reply"),
            ("gone", "drop", "x"),
            ("gone too", "gone", "x"),
        ],
        remainder="passthrough",
    )
    assert {name: type(branch) for name, branch in router.default_branches().items()} == {
        "money": DenseBranch,
        "place": EmbeddingBranch,
        "review": TextBranch,
        "reply": TextBranch,
        "remainder": DenseBranch,
    }


def test_branches_after_fit_are_those_of_the_arrays():
    branches = InputRouter().fit(FRAME).default_branches()
    assert {name: type(branch) for name, branch in branches.items()} == {
        "numbers": PiecewiseBranch,
        "categories": EmbeddingBranch,
        "review": TextBranch,
    }


def test_an_input_that_lends_from_itself_has_a_branch_until_fit_refuses_it():
    router = InputRouter([("a", "a", "age")])
    assert list(router.default_branches()) == ["a"]
    with pytest.raises(ValueError, match=r"Input 'a': the encoder 'a' is neither"):
        router.fit(FRAME)


# Names of features


def test_features_are_named_by_input_and_encoder():
    router = InputRouter(
        [
            ("money", StandardScaler(), ["age", "income"]),
            ("place", OneHotEncoder(), ["city"]),
            ("ids", CategoryIndexer(), "city"),
            ("raw", "passthrough", ["age"]),
            ("doubled", Unnamed(), ["age"]),
        ]
    ).fit(FRAME)
    assert router.get_feature_names_out().tolist() == [
        "money__age",
        "money__income",
        "place__city_Bonn",
        "place__city_Oslo",
        "place__city_Rome",
        "ids",
        "raw__age",
        "doubled",
    ]


def test_features_have_no_names_before_fit():
    with pytest.raises(NotFittedError):
        clone(ROUTER).get_feature_names_out()


# Round trips


def test_an_unpickled_router_gives_equal_arrays():
    inputs = [("a", StandardScaler(), ["age"]), ("b", TextVectorizer(), "review"), ("c", "b", "city")]
    router = InputRouter(inputs).fit(FRAME)
    assert_equal_arrays(pickle.loads(pickle.dumps(router)).transform(FRAME), router.transform(FRAME))


def test_a_clone_learns_what_the_router_learned(fitted):
    assert_equal_arrays(clone(fitted).fit_transform(FRAME), fitted.transform(FRAME))


def test_a_second_fit_forgets_the_first(fitted):
    router = clone(ROUTER).fit(FRAME.iloc[:5]).fit(FRAME)
    assert_equal_arrays(router.transform(FRAME), fitted.transform(FRAME))


def test_fit_then_transform_equals_fit_transform(fitted):
    assert_equal_arrays(clone(ROUTER).fit_transform(FRAME), fitted.transform(FRAME))


def test_the_diagram_of_a_notebook_shows_the_encoders(fitted):
    html = fitted._repr_html_()
    assert "InputRouter" in html
    assert "StandardScaler" in html


def test_a_table_without_columns_is_refused():
    with pytest.raises(InputMismatchError, match=r"Found array with 0 feature\(s\)"):
        InputRouter().fit(FRAME[[]])


@pytest.mark.parametrize("table", [FRAME.iloc[:0], {"city": []}])
def test_a_table_without_rows_is_refused_at_fit(table):
    with pytest.raises(InputMismatchError, match=r"Found array with 0 sample\(s\)"):
        InputRouter([("city", CategoryIndexer(), "city")]).fit(table)


# scikit-learn's own checks

AN_OUTPUT_ARRAY = "looks at one output array; a router gives a dict of arrays"
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": AN_OUTPUT_ARRAY,
    "check_pipeline_consistency": AN_OUTPUT_ARRAY,
    "check_estimators_pickle": AN_OUTPUT_ARRAY,
    "check_transformer_data_not_an_array": AN_OUTPUT_ARRAY,
    "check_transformer_general": AN_OUTPUT_ARRAY,
    "check_methods_sample_order_invariance": AN_OUTPUT_ARRAY,
    "check_methods_subset_invariance": AN_OUTPUT_ARRAY,
    "check_fit_idempotent": AN_OUTPUT_ARRAY,
}


@parametrize_with_checks([InputRouter()], expected_failed_checks=lambda estimator: EXPECTED_FAILURES)
def test_scikit_learn_checks(estimator, check):
    with warnings.catch_warnings():
        # Rows of one value, which some checks fit, are missing or constant to the default router.
        warnings.simplefilter("ignore", MissingValuesWarning)
        check(estimator)


def test_the_only_column_is_named_once_in_a_message():
    router = InputRouter([("home", CategoryIndexer(), "city")])
    with pytest.raises(InputMismatchError, match=r"^Input 'home' \(column 'city'\): 1 of 2 cells are not categories"):
        router.fit(pd.DataFrame({"city": [["a"], "b"]}))


def test_the_column_at_fault_among_several_is_named():
    router = InputRouter([("money", NumberScaler(), ["age", "income"])])
    with pytest.raises(InputMismatchError, match=r"\(columns 'age' and 'income'\): column 'income': 1 of 2 cells"):
        router.fit(pd.DataFrame({"age": [1, 2], "income": ["much", 3]}))


def test_many_columns_are_counted_in_a_message():
    frame = pd.DataFrame(np.ones((2, 50)), columns=[f"c{i}" for i in range(50)]).assign(c7=["x", "y"])
    with pytest.raises(InputMismatchError, match=r"\(columns 'c0', 'c1', 'c2', 'c3', 'c4' and 45 more\): column 'c7'"):
        InputRouter([("all", NumberScaler(), slice(None))]).fit(frame)


def test_a_pipeline_of_text_is_an_encoder_under_pandas_output():
    pipeline = make_pipeline(TfidfVectorizer(), StandardScaler(with_mean=False))
    expected = pipeline.fit_transform(FRAME["review"]).toarray()
    with config_context(transform_output="pandas"):
        assert_allclose(encoded(pipeline, "review"), expected, rtol=1e-5)
