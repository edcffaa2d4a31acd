"""Targets of several columns: shapes, types and names as scikit-learn has them; refusals by row and column."""

import warnings

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from output_cases import (
    AS_IT_IS,
    N_ROWS,
    SMALL,
    classifier,
    columns_of,
    labels_of,
    table,
)
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import DataConversionWarning
from sklearn.neural_network import MLPClassifier

from skmulti import (
    InputMismatchError,
    MultiInputClassifier,
    MultiInputRegressor,
)
from skmulti.estimators.labels import Labels, check_labels
from skmulti.estimators.targets import output_names


class TestShapesAndTypes:
    """As scikit-learn's own: labels as MLPClassifier, columns of classes as RandomForestClassifier."""

    @pytest.mark.parametrize("dtype", ["int64", "int32", "bool", "float64"])
    def test_labels_are_as_those_of_scikit_learn(self, X, labels, dtype):
        y = labels.astype(dtype)
        est = classifier().fit(X, y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = MLPClassifier((4,), max_iter=1, random_state=0).fit(X, y)
        forest = RandomForestClassifier(2, random_state=0).fit(X, y)
        assert est.predict_proba(X).shape == network.predict_proba(X).shape
        assert est.predict_proba(X).dtype == network.predict_proba(X).dtype
        assert est.predict(X).shape == forest.predict(X).shape
        assert est.predict(X).dtype == forest.predict(X).dtype == dtype
        assert_array_equal(est.classes_, forest.classes_)

    @pytest.mark.parametrize(
        "y",
        [
            columns_of(table()).astype(str).to_numpy().astype("U"),
            labels_of(table()) + np.array([3, 5, 7]),
            labels_of(table())[:, :2] + 1,
            labels_of(table()) / 2 + 1.5 * labels_of(table()),
        ],
        ids=["text", "numbers", "ones and twos", "whole floats"],
    )
    def test_columns_are_as_those_of_scikit_learn(self, X, y):
        est, forest = classifier().fit(X, y), RandomForestClassifier(2, random_state=0).fit(X, y)
        assert isinstance(est.classes_, list)
        for own, other in zip(est.classes_, forest.classes_, strict=True):
            assert_array_equal(own, other)
            assert own.dtype == other.dtype
        assert [part.shape for part in est.predict_proba(X)] == [part.shape for part in forest.predict_proba(X)]
        assert (est.predict(X).dtype, est.predict(X).shape) == (forest.predict(X).dtype, y.shape)

    def test_each_columns_labels_keep_their_type(self, multioutput, X):
        predicted = multioutput.predict(X)
        assert predicted.dtype == object
        assert {type(label) for label in predicted[:, 0]} == {str}
        assert {type(label) for label in predicted[:, 1]} == {int}
        assert [classes.tolist() for classes in multioutput.classes_] == [["left", "right"], [0, 1, 2]]

    def test_probabilities_of_each_column_sum_to_one(self, multioutput, X):
        for part in multioutput.predict_proba(X):
            assert part.dtype == "float64"
            assert_allclose(part.sum(axis=1), 1, rtol=1e-12)

    def test_the_most_probable_class_of_each_column_is_predicted(self, multioutput, X):
        predicted = multioutput.predict(X)
        for k, part in enumerate(multioutput.predict_proba(X)):
            assert_array_equal(predicted[:, k], multioutput.classes_[k][part.argmax(axis=1)])

    def test_a_label_is_predicted_above_one_half(self, multilabel, X):
        assert_array_equal(multilabel.predict(X), (multilabel.predict_proba(X) > 0.5).astype(int))

    @pytest.mark.parametrize(
        "change",
        [
            lambda y: y.tolist(),
            list,
            lambda y: y.astype(object),
            lambda y: pd.DataFrame(y),
            lambda y: pd.DataFrame(y.astype(bool)).astype("boolean"),
            lambda y: pd.DataFrame(y).astype({0: bool}),
            lambda y: polars.DataFrame(y, schema=["x", "y", "z"]),
            lambda y: pyarrow.table({name: y[:, k] for k, name in enumerate("xyz")}),
        ],
        ids=["lists", "list of arrays", "objects", "frame", "nullable", "mixed frame", "polars", "pyarrow"],
    )
    def test_labels_may_come_in_any_table(self, labels, change):
        y = check_labels(change(labels))
        assert_array_equal(y, labels)
        assert (Labels(y).multilabel, Labels(y).classes.dtype.kind in "bi") == (True, True)

    def test_a_frame_of_labels_is_learned_as_their_array(self, multilabel, X, labels):
        est = classifier(**AS_IT_IS).fit(X, pd.DataFrame(labels.astype(bool)).astype("boolean"))
        assert_array_equal(est.predict_proba(X), multilabel.predict_proba(X))

    def test_rows_of_text_and_numbers_are_as_a_frame(self, multioutput, X, columns):
        est = classifier(**AS_IT_IS).fit(X, columns.to_numpy().tolist())
        assert [classes.tolist() for classes in est.classes_] == [classes.tolist() for classes in multioutput.classes_]
        assert_array_equal(est.predict(X), multioutput.predict(X))

    def test_one_column_warns_and_stays_one(self, X, labels):
        with pytest.warns(DataConversionWarning, match="A column-vector y"):
            est = classifier().fit(X, pd.DataFrame({"x": labels[:, 0]}))
        assert (est.predict(X).shape, est.classes_.tolist()) == ((N_ROWS,), [0, 1])

    def test_a_label_that_never_holds_is_not_predicted_for_long(self, X, labels):
        y = np.where([True, True, False], labels, 0)
        est = classifier(epochs=10, optimizer__learning_rate=0.2, batch_size=100, class_weight="balanced").fit(X, y)
        assert est.predict_proba(X).shape == y.shape
        assert not est.predict(X)[:, 2].any()

    def test_columns_of_one_class_each_are_these(self, X):
        est = classifier().fit(X, [["left", 5]] * N_ROWS)
        assert est.predict(X).tolist() == [["left", 5]] * N_ROWS

    @pytest.mark.parametrize("loss", [None, "categorical_crossentropy"])
    def test_a_column_of_one_class_is_that_class(self, X, columns, loss):
        est = classifier(loss=loss, class_weight="balanced").fit(X, columns.assign(side="left"))
        assert [part.shape[1] for part in est.predict_proba(X)] == [1, 3]
        assert (est.predict(X)[:, 0] == "left").all()
        assert np.isfinite(est.history_["loss"]).all()


class TestNames:
    @pytest.mark.parametrize(
        ("y", "names"),
        [
            (columns_of(table()), ["side", "size"]),
            (columns_of(table())["side"], ["side"]),
            (polars.DataFrame({"p": [0, 1] * 20, "q": [1, 1, 0, 0] * 10}), ["p", "q"]),
            (pyarrow.table({"p": [0, 1] * 20, "q": [1, 1, 0, 0] * 10}), ["p", "q"]),
            (polars.Series("p", [0, 1] * 20), ["p"]),
        ],
        ids=["frame", "series", "polars", "pyarrow", "polars series"],
    )
    def test_names_of_a_table_are_its_columns(self, y, names):
        assert output_names(y).dtype == object
        assert output_names(y).tolist() == names

    def test_names_of_a_table_are_kept(self, multioutput):
        assert isinstance(multioutput.output_names_, np.ndarray)
        assert multioutput.output_names_.tolist() == ["side", "size"]

    def test_a_regression_keeps_names(self, X):
        est = MultiInputRegressor(**SMALL).fit(X, X.rename(columns={"a": "north", "b": "east"}))
        assert est.output_names_.tolist() == ["north", "east"]

    @pytest.mark.parametrize(
        "y",
        [
            labels_of(table()),
            labels_of(table())[:, 0].tolist(),
            pd.DataFrame(labels_of(table())),
            pd.Series(labels_of(table())[:, 0]),
        ],
        ids=["array", "list", "numbered frame", "series"],
    )
    def test_there_are_no_names_where_y_has_none(self, y):
        assert output_names(y) is None

    def test_there_is_no_attribute_where_y_has_no_names(self, multilabel):
        assert not hasattr(multilabel, "output_names_")

    def test_names_of_an_earlier_fit_are_forgotten(self, X, columns):
        est = classifier().fit(X, columns)
        assert not hasattr(est.fit(X, columns.to_numpy()), "output_names_")

    @pytest.mark.parametrize("estimator", [MultiInputClassifier, MultiInputRegressor])
    def test_held_out_columns_in_another_order_are_refused(self, X, labels, estimator):
        y = pd.DataFrame(labels, columns=["x", "y", "z"])
        with pytest.raises(InputMismatchError, match=r"was fitted with 'x', 'y' and 'z'.*y\[\['x', 'y', 'z'\]\]"):
            estimator(**SMALL).fit(X, y, X_val=X, y_val=y[["y", "x", "z"]])

    def test_columns_in_another_order_have_no_score(self, multioutput, X, columns):
        with pytest.raises(InputMismatchError, match="'size' and 'side', but the target was fitted with 'side'"):
            multioutput.score(X, columns[["size", "side"]])


class TestRefusals:
    def test_a_missing_label_is_named_by_row_and_column(self, X, columns):
        y = columns.set_axis([f"row {i}" for i in range(N_ROWS)])
        y.iloc[[7, 9], 0] = None
        with pytest.raises(ValueError, match=r"contains NaN: 2 of 40 labels of column 'side'.* 'row 7'"):
            classifier().fit(X, y)

    def test_a_missing_label_of_an_array_is_named_by_position(self, X, labels):
        y = labels.astype(float)
        y[11, 2] = np.nan
        with pytest.raises(
            ValueError, match="contains NaN: 1 of 40 labels of column 2 are missing, first at position 11"
        ):
            classifier().fit(X, y)

    def test_a_missing_label_of_one_column_is_named_by_row(self, X, columns):
        y = columns["side"].set_axis(range(100, 100 + N_ROWS)).mask(np.arange(N_ROWS) == 3)
        with pytest.raises(ValueError, match="contains NaN: 1 of 40 labels are missing, first at row label 103"):
            classifier().fit(X, y)

    @pytest.mark.parametrize(
        ("y", "error", "match"),
        [
            (scipy.sparse.csr_matrix(labels_of(table())), TypeError, r"Sparse data was passed for y.*'.toarray\(\)'"),
            ([[0], [1, 2]] * 20, ValueError, "rows of y hold 1 to 2 labels.*MultiLabelBinarizer"),
            (pd.Series([["red"], ["big", "red"]] * 20), ValueError, "cells of y hold lists.*MultiLabelBinarizer"),
            ([{"red"}, {"big", "red"}] * 20, ValueError, "MultiLabelBinarizer"),
            (np.zeros((N_ROWS, 2, 2)), ValueError, r"y of shape \(40, 2, 2\) should be a 1d array, or a 2d array"),
            (np.zeros((N_ROWS, 0)), ValueError, r"y of shape \(40, 0\) has no columns"),
            (labels_of(table())[:-1], InputMismatchError, "X has 40 rows, y has 39"),
            (table(), ValueError, "Unknown label type: continuous.*Found in y of column 'a'"),
        ],
    )
    def test_what_is_no_target_is_refused(self, X, y, error, match):
        with pytest.raises(error, match=match):
            classifier().fit(X, y)

    @pytest.mark.parametrize("y", [[0] * N_ROWS, np.zeros((N_ROWS, 2), int)])
    def test_another_number_of_columns_later_is_refused(self, X, labels, y):
        with pytest.raises(InputMismatchError, match="columns, but the target was fitted with 3 outputs"):
            classifier().fit(X, labels, X_val=X, y_val=y)

    def test_several_columns_after_one_are_refused(self, X, labels):
        with pytest.raises(InputMismatchError, match="y has 3 columns, but the target was fitted with 1 outputs"):
            classifier().fit(X, labels[:, 0], X_val=X, y_val=labels)

    def test_a_label_that_training_did_not_show_is_named_with_its_column(self, X, columns):
        with pytest.raises(ValueError, match=r"not in classes_ \(column 1\): 9; known are 0, 1 and 2"):
            classifier().fit(X, columns, X_val=X, y_val=columns.replace({"size": {2: 9}}))
