"""What a user hands to `fit`, `predict` and `score` besides the table: y, weights, sources, arguments, subclasses."""

import warnings

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from estimator_cases import SMALL, classifier, frame, regressor
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from skmulti import (
    BranchMismatchError,
    DenseHead,
    InputMismatchError,
    MissingValuesWarning,
    MultiInputClassifier,
    MultiInputRegressor,
    TargetWarning,
)

X = frame()
N = len(X)
LABELS = (X["a"] > 0).astype(int).to_numpy()
NUMBERS = X["b"].to_numpy()
ROWS = pd.RangeIndex(100, 100 + N)
HOLE = np.arange(N) == 7
DATES = pd.date_range("2020", periods=N)


def message_of(call, error):
    with pytest.raises(error) as found:
        call()
    message = str(found.value)
    assert len(message) <= 600
    return message


class TestLabels:
    @pytest.mark.parametrize(
        ("y", "classes"),
        [
            (LABELS.astype(object), [0, 1]),
            (pd.DataFrame({"c": "x", "y": LABELS}).to_numpy()[:, 1], [0, 1]),
            ((LABELS > 0).astype(object), [False, True]),
            (pd.Series(LABELS, dtype="Int64"), [0, 1]),
            (pd.Series(LABELS > 0, dtype="boolean"), [False, True]),
            (pd.Categorical(np.where(LABELS, "a", "b")), ["a", "b"]),
            (tf.constant(LABELS), [0, 1]),
            (LABELS.astype(">i8"), [0, 1]),
            (np.ma.masked_equal(LABELS, 9), [0, 1]),
        ],
    )
    def test_labels_of_every_make_are_learned(self, y, classes):
        found = classifier().fit(X, y).classes_
        assert found.tolist() == classes
        assert isinstance(found.tolist()[0], type(classes[0]))

    @pytest.mark.parametrize(
        ("y", "words"),
        [
            (
                np.array([1, "a"] * (N // 2), dtype=object),
                ["int (first 1 at position 0)", "str (first 'a' at position 1)"],
            ),
            (
                pd.Series(["a", 1] * (N // 2), index=ROWS),
                ["str (first 'a' at row label 100)", "int (first 1 at row label 101)"],
            ),
            (pd.Series(DATES).astype(object), ["Timestamp", "row label 0", "astype(str)"]),
            (np.ma.masked_array(LABELS, mask=HOLE), ["contains NaN", "1 of 40", "position 7"]),
            (pd.Series(LABELS, index=ROWS, dtype="Int64").mask(HOLE), ["contains NaN", "1 of 40", "row label 107"]),
        ],
    )
    def test_labels_of_no_use_are_refused_with_their_row(self, y, words):
        message = message_of(lambda: classifier().fit(X, y), ValueError)
        assert [word for word in words if word not in message] == []

    @pytest.mark.parametrize("y", [np.eye(2)[LABELS], pd.get_dummies(pd.Series(LABELS)), np.eye(3, dtype=int)[LABELS]])
    def test_one_hot_labels_are_warned_of_and_still_several_labels(self, y):
        with pytest.warns(TargetWarning, match=r"exactly one 1.*argmax\(axis=1\)"):
            found = classifier().fit(X, y)
        assert found.predict(X).shape == y.shape

    def test_labels_that_hold_together_are_not_warned_of(self):
        y = np.column_stack([LABELS, NUMBERS > 0]).astype(int)
        with warnings.catch_warnings():
            warnings.simplefilter("error", TargetWarning)
            classifier().fit(X, y)

    def test_unknown_labels_to_validate_on_are_named_so(self):
        message = message_of(lambda: classifier().fit(X, LABELS, X_val=X, y_val=LABELS + 5), ValueError)
        assert message.startswith("y_val holds labels")

    @pytest.mark.parametrize("class_weight", [None, "balanced"])
    def test_a_class_without_weight_stays_a_class(self, class_weight):
        weights = LABELS.astype(float)
        found = classifier(class_weight=class_weight).fit(X, LABELS, sample_weight=weights)
        other = LogisticRegression().fit(X[["a", "b"]], LABELS, sample_weight=weights)
        assert_array_equal(found.classes_, other.classes_)
        assert found.predict_proba(X).shape == (N, 2)


class TestNumbers:
    @pytest.mark.parametrize("y", [NUMBERS.astype(object), [str(v) for v in NUMBERS], NUMBERS.astype(">f8")])
    def test_numbers_of_every_make_are_the_same(self, y):
        found = regressor().fit(X, y).predict(X)
        np.testing.assert_allclose(found, regressor().fit(X, NUMBERS).predict(X), rtol=1e-6)

    @pytest.mark.parametrize(
        ("y", "words"),
        [
            (np.where(LABELS, "hot", "cold"), ["of type str", "position 0", "MultiInputClassifier"]),
            (pd.Series(np.where(HOLE, "?", NUMBERS.astype(object)), index=ROWS), ["'?'", "row label 107"]),
            (pd.Series(DATES), ["dates", "datetime64", ".dt.days"]),
            (DATES.to_numpy(), ["dates", "datetime64"]),
            (pd.Series(DATES).astype(object), ["Timestamp", "row label 0", "days"]),
            (pd.Series(DATES.tz_localize("UTC")), ["Timestamp", "days"]),
            (pd.Series(DATES.to_period("D")), ["Period", "days"]),
            (pd.Series(DATES - DATES[0]), ["durations", "total_seconds"]),
            (pd.Series(np.where(HOLE, np.nan, NUMBERS), index=ROWS), ["contains NaN", "1 of 40", "row label 107"]),
            (pd.Series(NUMBERS, dtype="Float64").mask(HOLE), ["contains NaN", "1 of 40", "row label 7"]),
            (np.where(HOLE, np.inf, NUMBERS), ["contains infinity", "1 of 40", "position 7"]),
            (pd.DataFrame({"u": NUMBERS, "v": np.where(HOLE, np.nan, 1.0)}), ["NaN", "column 'v'", "row label 7"]),
            (NUMBERS * 1e200, ["too large", "40 of 40", "position 0"]),
            (NUMBERS * 1e300, ["too large"]),
            (NUMBERS + 1j, ["Complex data not supported", "complex128"]),
        ],
    )
    def test_numbers_of_no_use_are_refused_with_their_row(self, y, words):
        message = message_of(lambda: regressor().fit(X, y), ValueError)
        assert [word for word in words if word not in message] == []

    @pytest.mark.parametrize("size", [1e-30, 1e30, 1e100])
    def test_numbers_of_any_size_are_scaled(self, size):
        found = regressor().fit(X, NUMBERS * size).predict(X)
        np.testing.assert_allclose(found / size, regressor().fit(X, NUMBERS).predict(X), rtol=1e-4)

    def test_the_rows_to_validate_on_are_named_so(self):
        wrong = np.where(HOLE, np.nan, NUMBERS)
        assert "y_val contains NaN" in message_of(lambda: regressor().fit(X, NUMBERS, X_val=X, y_val=wrong), ValueError)
        call = lambda: regressor().fit(X, NUMBERS, X_val=X, y_val=NUMBERS, sample_weight_val=wrong)  # noqa: E731
        assert "sample_weight_val contains NaN: 1 of 40" in message_of(call, ValueError)


class TestPairs:
    @pytest.mark.parametrize(
        ("weights", "words"),
        [
            (pd.Series(np.where(HOLE, np.nan, 1.0), index=ROWS), "NaN: 1 of 40 .* row label 107"),
            (np.where(HOLE, np.inf, 1.0), "infinity: 1 of 40 .* position 7"),
            (np.where(HOLE, None, 1.0), "NaN: 1 of 40"),
            ("a", "column is named only where X is read in parts"),
        ],
    )
    def test_weights_of_no_use_are_refused_with_their_row(self, weights, words):
        with pytest.raises(ValueError, match=words):
            regressor().fit(X, NUMBERS, sample_weight=weights)

    def test_the_name_of_a_column_of_a_table_in_memory_is_refused(self):
        assert "X['a']" in message_of(lambda: regressor().fit(X, "a"), InputMismatchError)

    @pytest.mark.parametrize("what", ["y", "sample_weight"])
    def test_rows_in_another_order_are_warned_of(self, what):
        shuffled = pd.Series(np.ones(N)).sample(frac=1, random_state=0)
        given = {"y": NUMBERS, "sample_weight": None, what: shuffled}
        with pytest.warns(TargetWarning, match=rf"{what} has the row labels of X in another order.*loc\[X.index\]"):
            regressor().fit(X, **given)

    def test_rows_in_another_order_are_warned_of_when_scored(self, fitted_regressor):
        with pytest.warns(TargetWarning, match="another order"):
            fitted_regressor.score(X, pd.Series(NUMBERS).sample(frac=1, random_state=0))

    @pytest.mark.parametrize("index", [ROWS, pd.RangeIndex(N), [0] * N])
    def test_other_labels_are_not_warned_of(self, index):
        with warnings.catch_warnings():
            warnings.simplefilter("error", TargetWarning)
            regressor().fit(X, pd.Series(NUMBERS, index=index))

    def test_a_target_among_the_columns_is_warned_of(self):
        with pytest.warns(TargetWarning, match=r"column 'b' of X is y itself.*drop\(columns='b'\)"):
            regressor().fit(X, X["b"])


class TwoUnits(DenseHead):
    def attach(self, tensor, target):
        return keras.layers.Dense(2)(tensor)


class TestParts:
    def test_a_head_of_two_units_is_refused(self):
        message = message_of(lambda: regressor(head=TwoUnits()).fit(X, NUMBERS), BranchMismatchError)
        assert "shape (None, 2); expected (None, 1)" in message

    def test_a_model_without_arguments_is_refused(self):
        message = message_of(lambda: regressor(model=lambda: None).fit(X, NUMBERS), TypeError)
        assert "called as f(inputs, target)" in message

    def test_a_model_that_gives_nothing_is_refused(self):
        message = message_of(lambda: regressor(model=lambda inputs, target: None).fit(X, NUMBERS), BranchMismatchError)
        assert "returned None" in message

    @pytest.mark.parametrize("name", ["branches__numbers__unit", "head__unit"])
    def test_a_misspelt_parameter_of_a_part_finds_its_match(self, name):
        message = message_of(
            lambda: MultiInputRegressor(**SMALL).set_params(**{name: (3,)}).fit(X, NUMBERS), ValueError
        )
        assert "Did you mean 'units'" in message

    def test_a_hold_out_with_all_missing_cells_does_not_warn(self):
        gaps = X.assign(a=np.where(HOLE, np.nan, X["a"]))
        with warnings.catch_warnings():
            warnings.simplefilter("error", MissingValuesWarning)
            # With one of the seeds the row is held out.
            for seed in range(4):
                params = {"early_stopping": True, "validation_fraction": 0.5, "random_state": seed}
                regressor(**params).fit(gaps, NUMBERS)


class TestArguments:
    @pytest.mark.parametrize(
        ("name", "way"),
        [
            ("validation_data", "X_val=..., y_val=..."),
            ("eval_set", "X_val=..., y_val=..."),
            ("epochs", "MultiInputRegressor(epochs=...)"),
            ("batch_size", "MultiInputRegressor(batch_size=...)"),
            ("verbose", "MultiInputRegressor(verbose=...)"),
            ("callbacks", "MultiInputRegressor(callbacks=...)"),
            ("validation_split", "validation_fraction"),
            ("early_stopping_rounds", "n_iter_no_change"),
            ("steps_per_epoch", "fit__steps_per_epoch"),
            ("sample_wieght", "Did you mean 'sample_weight'"),
        ],
    )
    def test_an_argument_of_another_library_names_its_place_here(self, name, way):
        assert way in message_of(lambda: regressor().fit(X, NUMBERS, **{name: 3}), TypeError)

    def test_predict_names_its_parameter(self, fitted_regressor):
        assert "predict__batch_size" in message_of(lambda: fitted_regressor.predict(X, batch_size=3), TypeError)


class Short(MultiInputClassifier):
    def __init__(self, epochs=1, random_state=0):
        super().__init__(epochs=epochs, random_state=random_state, compile__run_eagerly=True, optimizer="sgd")


class Longer(MultiInputRegressor):
    def __init__(self, router=None, factor=2, **routed):
        super().__init__(router, **{**SMALL, "branches": None, **routed})
        self.factor = factor


class Bare(MultiInputRegressor):
    def __init__(self, epochs=1, early_stopping=False):
        self.epochs = epochs
        self.early_stopping = early_stopping


class TestSubclasses:
    @pytest.mark.parametrize("kind", [Short, Longer, Bare])
    def test_a_short_constructor_fits_and_is_cloned(self, kind):
        y = LABELS if kind is Short else NUMBERS
        assert clone(clone(kind(epochs=1))).fit(X, y).predict(X).shape == (N,)

    def test_what_a_constructor_fixes_is_used(self):
        assert isinstance(Short().fit(X, LABELS).model_.optimizer, keras.optimizers.SGD)

    def test_parameters_are_those_of_the_constructor(self):
        assert Short(epochs=3).get_params(deep=False) == {"epochs": 3, "random_state": 0}

    def test_a_keyword_that_a_clone_would_lose_is_refused(self):
        with pytest.raises(ValueError, match=r"takes no further keywords.*\*\*routed"):
            Short().set_params(optimizer__learning_rate=0.1)

    @pytest.mark.parametrize(
        ("name", "error", "words"),
        [
            ("initialize", NotImplementedError, "fit"),
            ("feature_encoder", AttributeError, "router_"),
            ("target_encoder", AttributeError, "classes_"),
        ],
    )
    def test_what_scikeras_has_and_this_has_not_says_so(self, fitted, name, error, words):
        def use():
            found = getattr(fitted, name)
            return found(X, LABELS)

        assert words in message_of(use, error)

    def test_every_public_name_of_scikeras_works_or_says_so(self, fitted):
        from scikeras.wrappers import KerasClassifier

        names = [name for name in dir(KerasClassifier) if not name.startswith("_")]
        assert [name for name in names if not hasattr(fitted, name)] == ["feature_encoder", "target_encoder"]
