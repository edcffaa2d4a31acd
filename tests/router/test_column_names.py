"""Columns at predict in every library, and names that are no strings or come twice."""

import pandas as pd
import pytest
from frame_cases import FRAME, KINDS, LABELS, N_ROWS, NUMBERS, SETTINGS, SMALL, SMALL_PHOTO, assert_equal_predictions

from skmulti import (
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    NumberScaler,
)

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")

# A gap that one kind of frame has and another has not would be warned about.
pytestmark = pytest.mark.filterwarnings("error::skmulti.MissingValuesWarning")


@pytest.fixture(scope="module")
def classifier():
    return MultiInputClassifier(branches=SMALL_PHOTO, **SETTINGS).fit(FRAME, LABELS)


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
        with pytest.raises(
            InputMismatchError, match=r"column 'area': 40 of 40 cells are not numbers.*(row label|position) 0"
        ):
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
