"""Labels of a classifier: any type comes back, and labels of no use are refused."""

import numpy as np
import pandas as pd
import pytest
from estimator_cases import assert_equal_weights, classifier
from sklearn.exceptions import DataConversionWarning, NotFittedError

from skmulti import (
    InputMismatchError,
)

LABELS = {
    "strings": (["no", "yes"], "object"),
    "booleans": ([False, True], "bool"),
    "integers not from 0": ([3, 70], "int64"),
    "negative integers": ([-1, 1], "int64"),
    "whole floats": ([1.0, 2.0], "float64"),
    "three strings": (["b", "a", "c"], "object"),
    "categories": (["low", "high"], "category"),
}


class TestLabels:
    @pytest.mark.parametrize("labels", LABELS)
    def test_labels_of_any_type_are_decoded(self, X, labels):
        values, dtype = LABELS[labels]
        y = pd.Series([values[i % len(values)] for i in range(len(X))], dtype=dtype)
        est = classifier().fit(X, y)
        assert est.classes_.tolist() == sorted(values)
        predicted = est.predict(X)
        assert set(predicted.tolist()) <= set(values)
        assert est.predict_proba(X).shape == (len(X), len(values))
        assert est.score(X, y) == np.mean(predicted == np.asarray(y))

    def test_probabilities_are_float64_and_sum_to_one(self, fitted, X):
        proba = fitted.predict_proba(X)
        assert proba.dtype == "float64"
        np.testing.assert_allclose(proba.sum(axis=1), 1)

    def test_the_most_probable_label_is_predicted(self, fitted, X):
        expected = fitted.classes_[fitted.predict_proba(X).argmax(axis=1)]
        np.testing.assert_array_equal(fitted.predict(X), expected)

    def test_the_second_class_has_the_output_of_the_network(self, fitted, X):
        output = fitted.model_.predict(fitted.router_.transform(X), verbose=0)
        np.testing.assert_allclose(fitted.predict_proba(X)[:, 1], output[:, 0], atol=1e-6)

    def test_an_index_of_any_kind_changes_nothing(self, X, y):
        shuffled = X.set_axis(np.arange(len(X))[::-1] * 7)
        assert_equal_weights(classifier().fit(X, y), classifier().fit(shuffled, pd.Series(y, index=list(range(40)))))

    def test_one_class_is_predicted_everywhere(self, X):
        est = classifier().fit(X, ["only"] * len(X))
        assert set(est.predict(X)) == {"only"}
        np.testing.assert_allclose(est.predict_proba(X), 1)

    def test_a_single_row_fits(self, X):
        assert classifier().fit(X[:1], ["x"]).predict(X[:1]).tolist() == ["x"]

    def test_five_rows_fit(self, X, y):
        assert classifier(early_stopping=True).fit(X[:5], y[:5]).predict(X).shape == (40,)

    def test_a_column_of_labels_warns(self, X, y):
        with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
            est = classifier().fit(X, y[:, None])
        assert est.predict(X).shape == (40,)

    @pytest.mark.parametrize(
        ("wrong", "error", "match"),
        [
            (None, ValueError, "requires y to be passed, but the target y is None"),
            (["yes"] * 39 + [None], ValueError, "1 of 40 labels are missing"),
            ([1.0] * 39 + [np.nan], ValueError, "Input y contains NaN"),
            (["yes"] * 39, InputMismatchError, "X has 40 rows, y has 39"),
            (np.linspace(0, 1, 40), ValueError, "Unknown label type"),
            (np.zeros((40, 2, 2)), ValueError, "should be a 1d array"),
        ],
    )
    def test_labels_of_no_use_are_refused(self, X, wrong, error, match):
        with pytest.raises(error, match=match):
            classifier().fit(X, wrong)

    def test_no_rows_are_refused_at_predict(self, fitted, X):
        with pytest.raises(InputMismatchError, match=r"0 sample\(s\)"):
            fitted.predict(X[:0])

    def test_no_rows_are_refused_at_fit(self, X, y):
        with pytest.raises(InputMismatchError, match=r"0 sample\(s\)"):
            classifier().fit(X[:0], y[:0])

    def test_nothing_is_predicted_before_fit(self, X, y):
        for method in ("predict", "predict_proba"):
            with pytest.raises(NotFittedError, match="This MultiInputClassifier instance is not fitted yet"):
                getattr(classifier(), method)(X)
        with pytest.raises(NotFittedError):
            classifier().score(X, y)

    def test_the_frame_is_remembered(self, fitted):
        assert (fitted.n_features_in_, fitted.feature_names_in_.tolist()) == (3, ["a", "b", "city"])

    def test_columns_may_come_in_another_order(self, fitted, X):
        swapped = X[["city", "b", "a"]].assign(more=1)
        np.testing.assert_array_equal(fitted.predict_proba(swapped), fitted.predict_proba(X))

    def test_a_missing_column_is_named(self, fitted, X):
        with pytest.raises(InputMismatchError, match=r"Input 'city' wants column 'city'.*Did you mean 'City'"):
            fitted.predict(X.rename(columns={"city": "City"}))
