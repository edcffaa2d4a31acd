"""Any transformer's output as a vector."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from skmulti import InputRouter, MultiInputClassifier
from skmulti.errors import InputMismatchError
from skmulti.inputs.transformer import TransformerEncoder, with_nan
from skmulti.spec import ArraySpec

FRAME = pd.DataFrame({"age": [20.0, 40.0, 60.0, 80.0], "city": ["b", "a", "b", "c"]})


@pytest.mark.parametrize(
    ("transformer", "columns"),
    [
        (StandardScaler(), ["age"]),
        (OneHotEncoder(handle_unknown="ignore"), ["city"]),
        (OneHotEncoder(sparse_output=False).set_output(transform="pandas"), ["city"]),
        (OrdinalEncoder(), ["city", "age"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
        (make_union(StandardScaler(), SimpleImputer()), ["age"]),
        (make_column_transformer((OneHotEncoder(), ["city"]), ("passthrough", ["age"])), ["city", "age"]),
        (FunctionTransformer(np.log), ["age"]),
        (CountVectorizer(token_pattern="."), "city"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_array_is_what_the_transformer_gives(transformer, columns):
    encoder = TransformerEncoder(transformer).fit(FRAME[columns])
    expected = sklearn.clone(transformer).fit(FRAME[columns]).transform(FRAME[columns])
    expected = expected.toarray() if scipy.sparse.issparse(expected) else np.asarray(expected)

    encoded = encoder.transform(FRAME[columns])

    assert_array_equal(encoded, expected.astype("float32"))
    assert encoder.spec("x") == ArraySpec("x", "vector", encoded.shape[1:], "float32")


def test_passthrough_gives_numbers_as_they_are():
    encoder = TransformerEncoder("passthrough", dtype="float64").fit(FRAME[["age"]])

    assert_array_equal(encoder.transform(FRAME[["age"]]), FRAME[["age"]])


SEEN = []


class TextVectors(TransformerMixin, BaseEstimator):
    """Embeds a column of texts as a network of sentences would, and notes which texts it was given."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        SEEN.append(list(X))
        return np.array([[len(text), text.count("o")] for text in X.fillna("")])


@pytest.mark.parametrize("dtype", [object, "str"])
def test_each_text_is_embedded_once(dtype):
    texts = pd.Series(["good", "poor food", None, "good", "poor food", None], name="review", dtype=dtype)
    encoder = TransformerEncoder(TextVectors())
    SEEN.clear()

    array, _ = encoder.fit_encode_and_flag(texts)
    other = encoder.transform(texts[::-1])

    assert_array_equal(array, [[4, 2], [9, 4], [0, 0]] * 2)
    assert_array_equal(other, array[::-1])
    assert [len(seen) for seen in SEEN] == [3, 3]


def test_texts_that_are_embedded_go_through_a_fit():
    X = pd.DataFrame({"review": ["good", "bad", None, "good food"] * 5})
    router = InputRouter([("review", TextVectors(), "review")])
    SEEN.clear()

    est = MultiInputClassifier(router, epochs=1, random_state=0).fit(X, [1, 0, 0, 1] * 5)

    assert [len(seen) for seen in SEEN] == [4]
    assert est.router_.specs_["review"].shape == (2,)
    assert est.predict_proba(X[:1]).shape == (1, 2)


def test_an_encoder_of_texts_of_skrub_is_one():
    skrub = pytest.importorskip("skrub")
    texts = pd.Series(["good food", "poor food", "good", None, "poor"], name="review")
    encoder = TransformerEncoder(skrub.StringEncoder(n_components=2))

    array, _ = encoder.fit_encode_and_flag(texts)

    assert_allclose(array, skrub.StringEncoder(n_components=2).fit_transform(texts), rtol=1e-4, atol=1e-5)
    assert_allclose(encoder.transform(texts[[0, 0]]), array[[0, 0]], rtol=1e-4, atol=1e-5)
    assert encoder.spec("review").shape == (2,)


class OutOfFold(StandardScaler):
    """A transformer whose training rows are encoded otherwise than new ones, as TargetEncoder's are."""

    def fit_transform(self, X, y=None):
        return np.full((len(self.fit(X).transform(X)), 1), y.sum())


def test_fit_encode_is_the_transformers_own_fit_transform():
    encoder = TransformerEncoder(OutOfFold())

    encoded, missing = encoder.fit_encode_and_flag(FRAME[["age"]], np.array([1, 2, 3, 4]))

    assert encoded.tolist() == [[10]] * 4
    assert encoder.transform(FRAME[["age"]]).sum() == pytest.approx(0, abs=1e-5)
    assert not missing.any()


def test_weights_reach_a_transformer_that_takes_them():
    weight = np.array([1.0, 0, 0, 1])
    encoder = TransformerEncoder(StandardScaler()).fit(FRAME[["age"]], sample_weight=weight)

    assert encoder.transformer_.mean_.tolist() == [50.0]


@pytest.mark.parametrize("transformer", ["passthrough", SimpleImputer()])
def test_weights_are_kept_from_a_transformer_that_takes_none(transformer):
    TransformerEncoder(transformer).fit(FRAME[["age"]], sample_weight=np.ones(4))


def test_the_users_transformer_stays_unfitted():
    scaler = StandardScaler()
    TransformerEncoder(scaler).fit(FRAME[["age"]])

    assert not hasattr(scaler, "mean_")


def test_pandas_output_does_not_change_the_array():
    with sklearn.config_context(transform_output="pandas"):
        encoded, _ = TransformerEncoder(OneHotEncoder()).fit_encode_and_flag(FRAME[["city"]])

    assert_array_equal(encoded, OneHotEncoder().fit_transform(FRAME[["city"]]).toarray())


def test_names_are_those_of_the_transformer():
    encoder = TransformerEncoder(OneHotEncoder()).fit(FRAME[["city"]])

    assert encoder.get_feature_names_out().tolist() == ["city_a", "city_b", "city_c"]


def test_text_from_a_transformer_is_refused_with_advice():
    with pytest.raises(InputMismatchError, match=r"FunctionTransformer gives values that are no numbers.*'b'.*Cat"):
        TransformerEncoder("passthrough").fit(FRAME[["city"]])


def test_array_of_higher_rank_is_refused():
    cube = FunctionTransformer(lambda frame: np.zeros((len(frame), 2, 2)))
    with pytest.raises(InputMismatchError, match=r"shape \(1, 2, 2\); expected \(n_rows, n_columns\)"):
        TransformerEncoder(cube).fit(FRAME[["age"]])


def test_sparse_matrix_too_large_as_an_array_is_refused():
    words = FunctionTransformer(lambda frame: scipy.sparse.csr_matrix((len(frame), 10**9)))
    with pytest.raises(InputMismatchError, match=r"shape \(4, 1000000000\).* takes 14.9 GiB.*max_categories"):
        TransformerEncoder(words).fit_encode_and_flag(FRAME[["age"]])


CELLS = {
    "string[python]": ["a", "b", None],
    "string[pyarrow]": ["a", "b", None],
    "Int64": [1, 2, None],
    "Float64": [1.5, 2.0, None],
    "boolean": [True, False, None],
    "object": ["a", "b", pd.NA],
    "category of string": ["a", "b", None],
    "string of Arrow": ["a", "b", None],
    "int64 of Arrow": [1, 2, None],
    "bool_ of Arrow": [True, False, None],
}


def column_with_na(kind):
    if kind.endswith("of Arrow"):
        pa = pytest.importorskip("pyarrow")
        return pd.Series(CELLS[kind] * 4, dtype=pd.ArrowDtype(getattr(pa, kind.split()[0])()), name="c")
    dtype = "string" if kind == "category of string" else kind
    column = pd.Series(CELLS[kind] * 4, dtype=dtype, name="c")
    return column.astype("category") if kind == "category of string" else column


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("gaps_at_fit", [True, False], ids=["gaps", "no gaps at fit"])
def test_scikit_learns_encoders_get_nan_for_na(kind, gaps_at_fit):
    column = column_with_na(kind)
    train = column if gaps_at_fit else column.dropna().reset_index(drop=True)
    encoder = TransformerEncoder(OneHotEncoder(handle_unknown="ignore")).fit(train.to_frame())

    rows = encoder.transform(column.to_frame())[:3]

    first = 1 if CELLS[kind][0] is True else 0
    assert rows[:, :2].tolist() == [[1 - first, first], [first, 1 - first], [0, 0]]
    assert rows.shape[1] == (3 if gaps_at_fit else 2)
    if gaps_at_fit:
        assert rows[:, 2].tolist() == [0, 0, 1]


@pytest.mark.parametrize("kind", CELLS)
def test_gaps_can_be_imputed_before_ordinals(kind):
    transformer = make_pipeline(SimpleImputer(strategy="most_frequent"), OrdinalEncoder())
    encoded, missing = TransformerEncoder(transformer).fit_encode_and_flag(column_with_na(kind).to_frame())

    assert set(encoded[:, 0].tolist()) == {0, 1}
    assert missing.sum() == 4


def test_columns_without_na_are_handed_on_as_they_are():
    frame = pd.DataFrame({"a": [1.5, np.nan], "b": ["y", "x"], "c": [pd.NaT, 1]})

    assert with_nan(frame) is frame
    column = frame["a"]
    assert with_nan(column) is column


def test_columns_that_share_a_name_keep_their_places():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": pd.Series(["x", None], dtype="string")}).set_axis(["c", "c"], axis=1)

    changed = with_nan(frame)

    assert changed.iloc[:, 0].tolist() == [1, 2]
    assert isinstance(changed.iloc[1, 1], float)
    assert frame.iloc[1, 1] is pd.NA


def test_an_error_in_a_transformer_names_input_and_column():
    frame = pd.DataFrame({"city": ["a", "b"], "age": [1, 2]})
    router = InputRouter([("place", StandardScaler(), ["city"])])
    with pytest.raises(ValueError, match="could not convert") as caught:
        router.fit(frame)
    assert "Input 'place' (column 'city'), encoder StandardScaler" in caught.value.__notes__[0]
