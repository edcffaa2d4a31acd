"""Targets, weights and held-out rows in every library and dtype: equal fits."""

import numpy as np
import pandas as pd
import pytest
from frame_cases import FRAME, KINDS, LABELS, N_ROWS, NUMBERS, OTHER_KINDS, RENT, SMALL, assert_equal_predictions

from skmulti import (
    MultiInputClassifier,
    MultiInputRegressor,
)

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")

# A gap that one kind of frame has and another has not would be warned about.
pytestmark = pytest.mark.filterwarnings("error::skmulti.MissingValuesWarning")


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
