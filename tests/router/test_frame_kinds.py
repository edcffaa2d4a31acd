"""One table in every library and dtype: equal plans, equal predictions, equal refusals."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, OrdinalEncoder, QuantileTransformer, StandardScaler

from skmulti import (
    CalendarEncoder,
    CategoryIndexer,
    DenseBranch,
    DenseHead,
    ImageBranch,
    ImageDecoder,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    SequencePadder,
    TextVectorizer,
)

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")

# A gap that one kind of frame has and another has not would be warned about.
pytestmark = pytest.mark.filterwarnings("error::skmulti.MissingValuesWarning")

N_ROWS = 40
SETTINGS = {"head": DenseHead(units=(4,)), "epochs": 1, "random_state": 0, "compile__run_eagerly": True}


def png(rng):
    """Encode a picture of noise."""
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype="uint8")).save(buffer, "PNG")
    return buffer.getvalue()


def make_frame():
    """Return a plain pandas frame with a column of each kind, with and without gaps."""
    rng = np.random.default_rng(0)
    words = ["good", "bad", "quiet", "noisy", "garden", "street", "light", "dark"]
    frame = pd.DataFrame(
        {
            "area": rng.normal(70, 20, N_ROWS),
            "rooms": rng.integers(1, 6, N_ROWS),
            "floor": rng.integers(0, 9, N_ROWS).astype(float),
            "lift": rng.random(N_ROWS) < 0.5,
            "furnished": pd.Series(rng.random(N_ROWS) < 0.5).astype(object),
            "city": pd.Categorical(rng.choice(["Oslo", "Rome", "Bern"], N_ROWS)),
            "heating": pd.Series(rng.choice(["gas", "wood", "sun"], N_ROWS), dtype="str"),
            "street": pd.Series(rng.choice(["Elm", "Oak"], N_ROWS), dtype="str"),
            "review": pd.Series([" ".join(rng.choice(words, 5)) for _ in range(N_ROWS)], dtype="str"),
            "listed": pd.date_range("2024-01-03 07:00", periods=N_ROWS, freq="37h"),
            "photo": [png(rng) for _ in range(N_ROWS)],
            "trace": [rng.normal(size=count).tolist() for count in rng.integers(2, 6, N_ROWS)],
        }
    )
    for column, rows in {
        "area": [2, 9],
        "floor": [4],
        "furnished": [1, 5],
        "city": [6, 7],
        "street": [12],
        "review": [3, 17],
        "listed": [8],
        "photo": [10],
        "trace": [11],
    }.items():
        frame.loc[rows, column] = None
    return frame


FRAME = make_frame()
LABELS = np.where(FRAME["rooms"] > 2, "many", "few")
RENT = (10 * FRAME["area"].fillna(70) + FRAME["rooms"]).to_numpy()


def as_objects(frame):
    """Return a frame whose cells are Python objects, None where missing."""
    cells = frame.astype(object)
    return cells.where(frame.notna(), None)


def as_arrow_types(frame):
    """Return a pandas frame of Arrow's types throughout, files and lists too."""
    return pa.Table.from_pandas(frame, preserve_index=False).to_pandas(types_mapper=pd.ArrowDtype)


def as_python_strings(frame):
    """Return the frame with the string dtype that came before Arrow's, missing ones being pd.NA."""
    return frame.astype(dict.fromkeys(frame.columns.intersection(["heating", "street", "review"]), "string[python]"))


KINDS = {
    "numpy": lambda frame: frame,
    "nullable": lambda frame: frame.convert_dtypes(dtype_backend="numpy_nullable"),
    "converted to arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "arrow throughout": as_arrow_types,
    "python strings": as_python_strings,
    "objects": as_objects,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
}
OTHER_KINDS = [kind for kind in KINDS if kind != "numpy"]
EXPLICIT = InputRouter(
    [
        ("money", StandardScaler(), ["area", "rooms"]),
        ("floor", NumberScaler(), "floor"),
        ("place", OneHotEncoder(handle_unknown="ignore"), ["heating"]),
        ("flags", CategoryIndexer(), ["lift", "furnished", "city"]),
        ("review", TextVectorizer(max_tokens=20), "review"),
        ("day", CalendarEncoder(), ["listed"]),
        ("photo", ImageDecoder(size=(8, 8)), "photo"),
        ("trace", SequencePadder(), "trace"),
    ]
)
SMALL_PHOTO = {"photo": ImageBranch(filters=(2,))}
NUMBERS = InputRouter([("numbers", NumberScaler(), ["area", "rooms"])])
SMALL = {"branches": {"numbers": DenseBranch(units=(4,))}, **SETTINGS, "head": DenseHead(units=())}


@pytest.fixture(scope="module")
def classifier():
    return MultiInputClassifier(branches=SMALL_PHOTO, **SETTINGS).fit(FRAME, LABELS)


@pytest.fixture(scope="module")
def regressor():
    return MultiInputRegressor(EXPLICIT, branches=SMALL_PHOTO, **SETTINGS).fit(FRAME, RENT)


def assert_equal_predictions(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def arrays():
    return clone(EXPLICIT).fit_transform(FRAME)


@pytest.mark.parametrize("kind", KINDS)
def test_a_router_gives_the_same_arrays_for_every_kind_of_table(arrays, kind):
    table, router, alone = KINDS[kind](FRAME), clone(EXPLICIT), clone(EXPLICIT)
    for found in (router.fit_transform(table), alone.fit(table).transform(table)):
        assert list(found) == list(arrays)
        for name, array in found.items():
            np.testing.assert_allclose(array, arrays[name], rtol=1e-6)
    assert alone.specs_ == router.specs_


class TestOneFit:
    @pytest.mark.parametrize("kind", OTHER_KINDS)
    def test_probabilities_do_not_depend_on_the_kind_of_table(self, classifier, kind):
        assert_equal_predictions(classifier.predict_proba(KINDS[kind](FRAME)), classifier.predict_proba(FRAME))

    @pytest.mark.parametrize("kind", OTHER_KINDS)
    def test_numbers_of_an_explicit_router_do_not_depend_on_the_kind_of_table(self, regressor, kind):
        np.testing.assert_allclose(regressor.predict(KINDS[kind](FRAME)), regressor.predict(FRAME), rtol=1e-6)

    @pytest.mark.parametrize("kind", OTHER_KINDS)
    def test_a_single_row_without_gaps_is_predicted_as_in_the_table(self, classifier, kind):
        row = FRAME.iloc[[0]].reset_index(drop=True)
        assert_equal_predictions(classifier.predict_proba(KINDS[kind](row)), classifier.predict_proba(FRAME)[:1])

    def test_a_batch_of_arrow_records_is_a_table(self, classifier):
        batch = pa.RecordBatch.from_pandas(FRAME, preserve_index=False)
        assert_equal_predictions(classifier.predict_proba(batch), classifier.predict_proba(FRAME))

    def test_arrow_data_in_chunks_are_a_table(self, classifier):
        table = pa.Table.from_pandas(FRAME, preserve_index=False)
        chunked = pa.concat_tables([table.slice(0, 7), table.slice(7)])
        assert_equal_predictions(classifier.predict_proba(chunked), classifier.predict_proba(FRAME))

    def test_a_query_that_has_not_run_is_refused_with_its_type(self, classifier):
        with pytest.raises(InputMismatchError, match="Expected 2D array or a DataFrame, got LazyFrame"):
            classifier.predict(pl.from_pandas(FRAME).lazy())


@pytest.fixture(scope="module", params=OTHER_KINDS)
def fitted_on_kind(request):
    """Return a classifier and a regressor that were fitted on another kind of table, and that table."""
    table = KINDS[request.param](FRAME)
    first = MultiInputClassifier(branches=SMALL_PHOTO, **SETTINGS).fit(table, LABELS)
    return first, MultiInputRegressor(EXPLICIT, branches=SMALL_PHOTO, **SETTINGS).fit(table, RENT), table


class TestOneFitForEachKind:
    def test_columns_are_routed_alike(self, fitted_on_kind, classifier):
        routed = ["column", "input", "encoder"]
        pd.testing.assert_frame_equal(fitted_on_kind[0].router_.plan_[routed], classifier.router_.plan_[routed])

    def test_an_explicit_plan_is_the_same(self, fitted_on_kind, regressor):
        pd.testing.assert_frame_equal(fitted_on_kind[1].router_.plan_, regressor.router_.plan_)

    def test_probabilities_are_equal(self, fitted_on_kind, classifier):
        assert_equal_predictions(fitted_on_kind[0].predict_proba(FRAME), classifier.predict_proba(FRAME))

    def test_probabilities_of_the_same_table_are_equal(self, fitted_on_kind, classifier):
        assert_equal_predictions(fitted_on_kind[0].predict_proba(fitted_on_kind[2]), classifier.predict_proba(FRAME))

    def test_numbers_are_equal(self, fitted_on_kind, regressor):
        np.testing.assert_allclose(fitted_on_kind[1].predict(FRAME), regressor.predict(FRAME), rtol=1e-6)

    def test_names_of_columns_are_remembered(self, fitted_on_kind, classifier):
        first, second, _ = fitted_on_kind
        assert first.feature_names_in_.tolist() == second.feature_names_in_.tolist() == list(FRAME.columns)
        assert first.n_features_in_ == second.n_features_in_ == classifier.n_features_in_


THREE_VALUES = "TransformerEncoder hands None, NaN and pd.NA on as they are: three values to scikit-learn"


def other_kinds(*failing):
    """Return the kinds, some of them marked as not yet passing."""
    mark = pytest.mark.xfail(strict=True, reason=THREE_VALUES)
    return [pytest.param(kind, marks=mark) if kind in failing else kind for kind in OTHER_KINDS]


MASKED = ("nullable", "converted to arrow", "arrow throughout")
FAILING = {
    "city": ("arrow throughout", "objects"),
    "street": (*MASKED, "python strings", "objects"),
    "furnished": MASKED,
    "floor": ("objects",),
}


class TestTransformersOfScikitLearn:
    """A transformer sees the same values whatever the kind of frame; each is fitted on plain pandas and on the kind."""

    def assert_equal_arrays(self, transformer, columns, kind):
        router = InputRouter([("some", transformer, columns)])
        table = KINDS[kind](FRAME[columns])
        plain = clone(router).fit(FRAME[columns])
        expected = plain.transform(FRAME[columns])["some"]
        np.testing.assert_allclose(plain.transform(table)["some"], expected, rtol=1e-6)
        np.testing.assert_allclose(clone(router).fit(table).transform(FRAME[columns])["some"], expected, rtol=1e-6)

    @pytest.mark.parametrize("kind", OTHER_KINDS)
    @pytest.mark.parametrize(
        "transformer",
        [StandardScaler(), QuantileTransformer(n_quantiles=10), make_pipeline(SimpleImputer(add_indicator=True))],
    )
    def test_numbers(self, transformer, kind):
        self.assert_equal_arrays(transformer, ["area", "floor"], kind)

    @pytest.mark.parametrize("kind", other_kinds(*MASKED))
    def test_numbers_without_gaps_are_binned(self, kind):
        binned = KBinsDiscretizer(3, encode="onehot-dense", quantile_method="averaged_inverted_cdf")
        self.assert_equal_arrays(binned, ["rooms"], kind)

    @pytest.mark.parametrize("kind", other_kinds(*MASKED))
    def test_numbers_pass_through(self, kind):
        self.assert_equal_arrays("passthrough", ["area", "rooms", "lift"], kind)

    @pytest.mark.parametrize("kind", OTHER_KINDS)
    def test_words_without_gaps(self, kind):
        self.assert_equal_arrays(OneHotEncoder(), ["heating"], kind)

    @pytest.mark.parametrize(
        ("column", "kind"),
        [
            pytest.param(column, *getattr(kind, "values", [kind]), marks=getattr(kind, "marks", ()))
            for column, failing in FAILING.items()
            for kind in other_kinds(*failing)
        ],
    )
    def test_a_gap_is_the_same_category(self, column, kind):
        self.assert_equal_arrays(OneHotEncoder(handle_unknown="ignore"), [column], kind)

    @pytest.mark.parametrize("kind", other_kinds(*FAILING["street"]))
    def test_a_gap_has_the_same_code(self, kind):
        ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
        self.assert_equal_arrays(ordinal, ["city", "street"], kind)

    @pytest.mark.parametrize("kind", other_kinds(*FAILING["street"]))
    def test_a_gap_is_filled(self, kind):
        filled = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
        self.assert_equal_arrays(filled, ["city", "street"], kind)


def fit_with_held_out(rows):
    return MultiInputClassifier(NUMBERS, **SMALL).fit(FRAME, LABELS, X_val=rows, y_val=LABELS)


@pytest.fixture(scope="module")
def history():
    return fit_with_held_out(FRAME).history_


class TestHeldOutRows:
    @pytest.mark.parametrize("kind", OTHER_KINDS)
    def test_rows_of_another_kind_are_held_out_alike(self, history, kind):
        found = fit_with_held_out(KINDS[kind](FRAME)).history_
        assert found.keys() == history.keys()
        for name, values in history.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-6)

    def test_columns_in_another_order_are_held_out_alike(self, history):
        assert fit_with_held_out(pl.from_pandas(FRAME[["rooms", "city", "area"]])).history_ == history

    def test_chunks_may_change_their_kind(self):
        plain, mixed = (MultiInputClassifier(NUMBERS, **SMALL).partial_fit(FRAME, LABELS) for _ in range(2))
        plain.partial_fit(FRAME, LABELS)
        mixed.partial_fit(pl.from_pandas(FRAME), pl.Series(LABELS))
        assert_equal_predictions(mixed.predict_proba(FRAME), plain.predict_proba(FRAME))


def vectors(values):
    """Return one vector in every library and dtype."""
    series = pd.Series(values)
    return {
        "pandas": series,
        "nullable": series.convert_dtypes(dtype_backend="numpy_nullable"),
        "arrow": series.convert_dtypes(dtype_backend="pyarrow"),
        "polars": pl.Series("y", values),
        "pyarrow": pa.chunked_array([values[:15], values[15:]]),
    }


TARGETS = {"words": LABELS, "numbers": (FRAME["rooms"] % 3).to_numpy(), "truth": LABELS == "few"}


def label_vectors():
    """Return (name of the target, its labels) in every library and dtype."""
    words, polars = pd.Series(LABELS), pl.Series(LABELS)
    further = {
        "objects": words.astype(object),
        "python strings": words.astype("string[python]"),
        "categories in an order of their own": pd.Categorical(words, categories=["many", "none", "few"]),
        "polars categories": polars.cast(pl.Categorical),
        "polars enum": polars.cast(pl.Enum(["many", "few"])),
        "arrow dictionary": pa.array(LABELS).dictionary_encode(),
    }
    for name, values in TARGETS.items():
        kinds = {**vectors(values), "category": pd.Series(values).astype("category")}
        for kind, labels in {**kinds, **(further if name == "words" else {})}.items():
            yield pytest.param(name, labels, id=f"{name}, {kind}")


@pytest.fixture(scope="module")
def references():
    """Return a classifier of each target, fitted on a NumPy array."""
    return {name: MultiInputClassifier(NUMBERS, **SMALL).fit(FRAME, y) for name, y in TARGETS.items()}


@pytest.fixture(scope="module")
def numbers_reference():
    return MultiInputRegressor(NUMBERS, **SMALL).fit(FRAME, RENT)


class TestTargets:
    @pytest.mark.parametrize(("name", "labels"), [*label_vectors()])
    def test_labels_are_learned_alike(self, references, name, labels):
        reference = references[name]
        est = MultiInputClassifier(NUMBERS, **SMALL).fit(FRAME, labels)
        assert est.classes_.tolist() == reference.classes_.tolist()
        assert_equal_predictions(est.predict_proba(FRAME), reference.predict_proba(FRAME))
        assert est.predict(FRAME).tolist() == reference.predict(FRAME).tolist()
        assert reference.score(FRAME, labels) == reference.score(FRAME, TARGETS[name])

    @pytest.mark.parametrize("kind", vectors(RENT))
    def test_numbers_are_learned_alike(self, numbers_reference, kind):
        target = vectors(RENT)[kind]
        est = MultiInputRegressor(NUMBERS, **SMALL).fit(FRAME, target)
        np.testing.assert_allclose(est.predict(FRAME), numbers_reference.predict(FRAME), rtol=1e-6)
        assert numbers_reference.score(FRAME, target) == pytest.approx(numbers_reference.score(FRAME, RENT))

    @pytest.mark.parametrize("library", [pl.DataFrame, pa.table, pd.DataFrame])
    def test_several_targets_are_learned_alike(self, library):
        targets = np.column_stack([RENT, -2 * RENT])
        expected = MultiInputRegressor(NUMBERS, **SMALL).fit(FRAME, targets).predict(FRAME)
        table = library({"rent": targets[:, 0], "other": targets[:, 1]})
        found = MultiInputRegressor(NUMBERS, **SMALL).fit(FRAME, table).predict(FRAME)
        np.testing.assert_allclose(found, expected, rtol=1e-6)

    @pytest.mark.parametrize(
        "y",
        [
            pd.Series([None, *LABELS[1:]]),
            pd.Series([None, *LABELS[1:]], dtype="string[pyarrow]"),
            pd.Series([None, *LABELS[1:]], dtype="category"),
            pd.Series([None, *range(1, N_ROWS)], dtype="Int64"),
            pd.Series([None, *[True] * (N_ROWS - 1)], dtype="boolean"),
            pl.Series([None, *LABELS[1:]]),
            pa.array([None, *LABELS[1:].tolist()]),
        ],
        ids=lambda y: f"{type(y).__module__.split('.')[0]} {getattr(y, 'dtype', '')}",
    )
    def test_a_missing_label_is_refused(self, y):
        with pytest.raises(ValueError, match="Input y contains NaN: 1 of 40 labels are missing"):
            MultiInputClassifier(NUMBERS, **SMALL).fit(FRAME, y)


WEIGHTS = np.linspace(0, 2, N_ROWS)


@pytest.fixture(scope="module")
def weighted():
    return MultiInputClassifier(NUMBERS, **SMALL).fit(FRAME, LABELS, sample_weight=WEIGHTS)


class TestWeights:
    @pytest.mark.parametrize("kind", vectors(WEIGHTS))
    def test_weights_of_every_kind_count_alike(self, weighted, kind):
        weight = vectors(WEIGHTS)[kind]
        est = MultiInputClassifier(NUMBERS, **SMALL).fit(FRAME, LABELS, sample_weight=weight)
        assert_equal_predictions(est.predict_proba(FRAME), weighted.predict_proba(FRAME))
        expected = weighted.score(FRAME, LABELS, sample_weight=WEIGHTS)
        assert weighted.score(FRAME, LABELS, sample_weight=weight) == pytest.approx(expected)

    def test_weights_count_at_all(self, weighted, references):
        unweighted = references["words"].predict_proba(FRAME)
        assert np.abs(unweighted - weighted.predict_proba(FRAME)).max() > 1e-4

    @pytest.mark.parametrize("kind", ["polars", "pyarrow", "nullable", "arrow"])
    def test_weights_of_held_out_rows_count_alike(self, kind):
        losses = [
            MultiInputClassifier(NUMBERS, **SMALL)
            .fit(FRAME, LABELS, X_val=FRAME, y_val=LABELS, sample_weight_val=weight)
            .history_["val_loss"]
            for weight in (WEIGHTS, vectors(WEIGHTS)[kind])
        ]
        assert losses[0] == pytest.approx(losses[1])


class TestColumnsAtPredict:
    @pytest.mark.parametrize("kind", KINDS)
    def test_their_order_is_free(self, classifier, kind):
        table = KINDS[kind](FRAME[FRAME.columns[::-1]])
        assert_equal_predictions(classifier.predict_proba(table), classifier.predict_proba(FRAME))

    @pytest.mark.parametrize("kind", KINDS)
    def test_further_ones_are_ignored(self, classifier, kind):
        table = KINDS[kind](FRAME.assign(owner="N. N.", id=range(N_ROWS))[["id", "owner", *FRAME.columns]])
        assert_equal_predictions(classifier.predict_proba(table), classifier.predict_proba(FRAME))

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_missing_one_is_named_with_the_closest_match(self, classifier, kind):
        table = KINDS[kind](FRAME.rename(columns={"review": "reviews"}))
        with pytest.raises(InputMismatchError, match=r"Input 'review' wants column 'review'.*Did you mean 'reviews'"):
            classifier.predict(table)

    @pytest.mark.parametrize("kind", KINDS)
    def test_cells_of_another_type_are_refused_with_column_and_row(self, classifier, kind):
        table = KINDS[kind](FRAME.assign(area="large"))
        with pytest.raises(InputMismatchError, match=r"column 'area': 40 of 40 cells are not numbers.*row label 0"):
            classifier.predict(table)

    def test_arrays_have_no_names(self):
        numbers = FRAME[["area", "rooms"]].to_numpy()
        est = MultiInputClassifier(InputRouter([("numbers", NumberScaler(), [0, 1])]), **SMALL)
        est.fit(FRAME[["area", "rooms"]], LABELS)
        expected = est.predict_proba(FRAME[["area", "rooms"]])
        assert est.feature_names_in_.tolist() == ["area", "rooms"]
        est.fit(numbers, LABELS)
        assert not hasattr(est, "feature_names_in_")
        assert est.n_features_in_ == 2
        assert_equal_predictions(est.predict_proba(numbers), expected)


# A column of numbers, one that is shared with it, and one whose input has its name.
ODD = FRAME[["area", "rooms", "review"]]
ODD_NAMES = {
    "numbers and strings": ["area", 7, 0],
    "numbers in another order": [2, 1, 0],
    "tuples": pd.Index([("a", 1), ("a", 2), ("b", 1)], tupleize_cols=False),
    "levels": pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["upper", "lower"]),
    "none": pd.Index([None, "rooms", "review"], dtype=object),
    "times": pd.date_range("2024-01-01", periods=3),
    "bytes": [b"area", b"rooms", b"review"],
    "blanks": ["", " ", "  "],
    "slashes and underscores": ["a/b", "a__b", "__"],
    "names of inputs": ["review", "numbers", "dates"],
    "parameters of the router": ["inputs", "n_jobs", "kinds"],
}


NUMPY_NAMES = pytest.mark.xfail(strict=True, reason="refuse_cells writes column np.int64(1) in place of column 1")


@pytest.fixture(scope="module")
def odd():
    return MultiInputClassifier(**SETTINGS).fit(ODD, LABELS).predict_proba(ODD)


@pytest.fixture(scope="module", params=ODD_NAMES)
def odd_names(request):
    """Return a frame with odd names of columns, and a classifier that was fitted on it."""
    frame = ODD.set_axis(ODD_NAMES[request.param], axis=1)
    return frame, MultiInputClassifier(**SETTINGS).fit(frame, LABELS)


class TestOddNames:
    def test_they_are_as_good_as_strings(self, odd_names, odd):
        frame, est = odd_names
        assert_equal_predictions(est.predict_proba(frame), odd)

    def test_they_are_found_in_any_order(self, odd_names, odd):
        frame, est = odd_names
        assert_equal_predictions(est.predict_proba(frame.iloc[:, ::-1]), odd)

    def test_a_missing_one_is_named(self, odd_names):
        frame, est = odd_names
        with pytest.raises(InputMismatchError) as caught:
            est.predict(frame.iloc[:, 1:])
        assert f"Input 'numbers' wants column {frame.columns.tolist()[0]!r}" in str(caught.value)

    def test_only_strings_are_remembered(self, odd_names):
        frame, est = odd_names
        all_strings = all(isinstance(name, str) for name in frame.columns)
        assert hasattr(est, "feature_names_in_") == all_strings

    @pytest.mark.parametrize(
        "names",
        [
            pytest.param(names, id=kind, marks=NUMPY_NAMES if kind in ("numbers in another order", "levels") else ())
            for kind, names in ODD_NAMES.items()
        ],
    )
    def test_cells_are_refused_with_the_name(self, names):
        frame = ODD.set_axis(names, axis=1)
        router = InputRouter().fit(frame)
        frame.isetitem(1, "many")
        with pytest.raises(InputMismatchError) as caught:
            router.transform(frame)
        # Where some names are strings and some are not, encoders get them all as strings.
        name = frame.columns.tolist()[1]
        assert f"column {name!r}: 40 of 40 cells" in str(caught.value) or f"column {str(name)!r}: " in str(caught.value)


REPEATED = ODD.set_axis(["a", "a", "review"], axis=1)


@pytest.fixture(scope="module")
def repeated():
    return MultiInputClassifier(**SETTINGS).fit(REPEATED, LABELS)


class TestRepeatedNames:
    """Columns of one name are told apart by position, as long as they stand where they stood."""

    def test_the_same_table_is_predicted(self, repeated, odd):
        assert_equal_predictions(repeated.predict_proba(REPEATED), odd)

    def test_an_arrow_table_is_predicted(self, repeated, odd):
        table = pa.Table.from_pandas(ODD, preserve_index=False).rename_columns(["a", "a", "review"])
        assert_equal_predictions(repeated.predict_proba(table), odd)

    def test_columns_that_moved_are_refused(self, repeated):
        with pytest.raises(InputMismatchError, match="Input 'numbers': 2 columns of X are named 'a'"):
            repeated.predict(REPEATED.iloc[:, ::-1])

    @pytest.mark.xfail(strict=True, reason="the column that is left stands in for both")
    def test_a_table_that_lacks_one_of_them_is_refused(self, repeated):
        with pytest.raises(InputMismatchError, match="'a'"):
            repeated.predict(REPEATED.iloc[:, 1:])

    def test_a_repetition_of_a_column_that_no_input_reads_is_ignored(self):
        est = MultiInputClassifier(NUMBERS, **SMALL).fit(FRAME, LABELS)
        doubled = pd.concat([FRAME, FRAME[["photo", "trace"]]], axis=1)
        assert_equal_predictions(est.predict_proba(doubled), est.predict_proba(FRAME))

    def test_a_repetition_of_a_column_that_an_input_reads_is_refused(self):
        est = MultiInputClassifier(NUMBERS, **SMALL).fit(FRAME, LABELS)
        with pytest.raises(InputMismatchError, match="Input 'numbers': 2 columns of X are named 'area'"):
            est.predict(pd.concat([FRAME, FRAME[["area"]]], axis=1))

    def test_a_repeated_name_selects_nothing(self):
        router = InputRouter([("numbers", NumberScaler(), ["a"])])
        with pytest.raises(InputMismatchError, match=r"Input 'numbers': 2 columns of X are named 'a'.*give positions"):
            MultiInputClassifier(router, **SMALL).fit(REPEATED, LABELS)
