"""The router as an estimator: encoders of any make, weights, missing values, and scikit-learn's checks."""

import io
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from router_cases import FRAME, N_ROWS, ROUTER, X_ARRAY, X_FRAME, Spy, Y, assert_equal_arrays, encoded
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
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
    ImageDecoder,
    InputMismatchError,
    InputRouter,
    MissingValuesWarning,
    NumberScaler,
    SequencePadder,
    TextVectorizer,
    VectorStacker,
)
from skmulti.inputs import transformer


def png(value):
    """Return the bytes of an 8 x 8 picture of one colour."""
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), value, dtype="uint8")).save(file, "PNG")
    return file.getvalue()


# scikit-learn 1.9 wants another way to ask for equal folds, which 1.7 does not know.
IGNORE_SHUFFLE = pytest.mark.filterwarnings("ignore:`TargetEncoder.shuffle:FutureWarning")


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
    assert caught.value.__notes__ == [
        "while encoding: Input 'x' (columns 'age' and 'city'), encoder StandardScaler. "
        "Use OneHotEncoder or CategoryIndexer for words."
    ]


def test_an_encoder_that_drops_rows_is_refused():
    with pytest.raises(InputMismatchError, match=r"shape \(23, 1\) .*its spec promises \(24, 1\)"):
        encoded(FunctionTransformer(lambda frame: frame.iloc[1:]), ["age"])


def test_infinity_is_refused_with_the_row_label():
    with pytest.raises(InputMismatchError, match=r"Input 'x' .*1 of 2 values are infinite.*, first at row label 'b'"):
        encoded(FunctionTransformer(), ["a"], pd.DataFrame({"a": [1.0, np.inf]}, index=["a", "b"]))


@pytest.mark.parametrize("ids", [[[2], [-1]], [[2], [4]]])
def test_ids_out_of_range_are_refused_with_the_row_label(ids):
    encoder = Promise(ids, "int32", sizes=(4,))
    with pytest.raises(InputMismatchError, match=r"1 of 2 values are ids outside of 0 to .* first at row label 9"):
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
        (np.ones(3), r"sample_weight has 3 weights for 24 rows"),
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
    with pytest.raises(
        InputMismatchError, match=r"^Input 'home' \(column 'city'\): 1 of 2 cells are not single values"
    ):
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
