"""Targets of several columns: labels that can hold together, classes in each column, names, weights, refusals."""

import pickle
import warnings

import keras
import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    get_scorer,
    log_loss,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.utils.class_weight import compute_class_weight

from skmulti import (
    BranchMismatchError,
    DenseBranch,
    DenseHead,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    TargetSpec,
)
from skmulti.estimators.labels import Labels, check_labels
from skmulti.estimators.targets import output_names
from skmulti.layers.outputs import OutputsSoftmax
from skmulti.network.heads import classification_target, encode_target
from skmulti.network.losses import OutputsLoss, OutputsMetric

N_ROWS = 40
# The columns as they are: no encoder learns from weights.
SMALL = {
    "router": InputRouter([("numbers", "passthrough", ["a", "b"])]),
    "branches": {"numbers": DenseBranch(units=(4,))},
    "head": DenseHead(units=()),
    "optimizer": "adam",
    "epochs": 1,
    "random_state": 0,
    # A step that Python runs is slower than a compiled one, but not the first.
    "compile__run_eagerly": True,
}
# One step whose loss is that of the network as it is afterwards.
AS_IT_IS = {"optimizer": "sgd", "optimizer__learning_rate": 1e-12, "batch_size": 100}


def classifier(**params):
    return MultiInputClassifier(**{**SMALL, **params})


def table(n_rows=N_ROWS, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"a": rng.normal(size=n_rows), "b": rng.normal(size=n_rows)})


def labels_of(X):
    """Three labels that can hold together, by numbers of the row."""
    return np.column_stack([X["a"] > 0, X["b"] > 0, X["a"] + X["b"] > 1]).astype(int)


def columns_of(X):
    """A column of two classes that are text, and one of three that are numbers."""
    return pd.DataFrame(
        {"side": np.where(X["a"] > 0, "right", "left"), "size": np.digitize(X["b"], [-0.5, 0.5])}, index=X.index
    )


@pytest.fixture(scope="module")
def X():
    return table()


@pytest.fixture(scope="module")
def labels(X):
    return labels_of(X)


@pytest.fixture(scope="module")
def columns(X):
    return columns_of(X)


@pytest.fixture(scope="module")
def multilabel(X, labels):
    return classifier(**AS_IT_IS).fit(X, labels)


@pytest.fixture(scope="module")
def multioutput(X, columns):
    return classifier(**AS_IT_IS).fit(X, columns)


def losses_of_labels(y, proba):
    return -(y * np.log(proba) + (1 - y) * np.log(1 - proba))


def losses_of_columns(y, est, X):
    """The crossentropy of each column of each row, (n_rows, n_outputs)."""
    numbers = [np.searchsorted(classes, y.iloc[:, k]) for k, classes in enumerate(est.classes_)]
    return np.column_stack(
        [-np.log(part[np.arange(len(y)), rows]) for part, rows in zip(est.predict_proba(X), numbers, strict=True)]
    )


class TestLoss:
    def test_labels_have_the_mean_binary_crossentropy(self, multilabel, X, labels):
        expected = losses_of_labels(labels, multilabel.predict_proba(X)).mean()
        assert multilabel.history_["loss"][0] == pytest.approx(expected, rel=1e-4)

    def test_columns_have_the_mean_of_their_crossentropies(self, multioutput, X, columns):
        expected = losses_of_columns(columns, multioutput, X).mean()
        assert multioutput.history_["loss"][0] == pytest.approx(expected, rel=1e-4)

    def test_the_held_out_loss_is_the_same_one(self, X, columns):
        other = table(20, seed=1)
        est = classifier(**AS_IT_IS).fit(X, columns, X_val=other, y_val=columns_of(other))
        expected = losses_of_columns(columns_of(other), est, other).mean()
        assert est.history_["val_loss"][0] == pytest.approx(expected, rel=1e-4)

    def test_a_focal_loss_of_labels_is_kerass(self, X, labels):
        est = classifier(loss="binary_focal_crossentropy", **AS_IT_IS).fit(X, labels)
        expected = keras.losses.BinaryFocalCrossentropy()(labels.astype("float32"), est.predict_proba(X))
        assert est.history_["loss"][0] == pytest.approx(float(expected), rel=1e-4)

    @pytest.mark.parametrize("loss", ["categorical_crossentropy", keras.losses.CategoricalCrossentropy(), "kld"])
    def test_a_loss_of_one_column_is_that_of_each(self, multioutput, X, columns, loss):
        est = classifier(loss=loss, **AS_IT_IS).fit(X, columns)
        assert est.history_["loss"][0] == pytest.approx(multioutput.history_["loss"][0], rel=1e-4)

    def test_a_loss_of_the_user_sees_one_column_of_classes(self, X, columns):
        widths = []

        def missed(y_true, y_pred):
            widths.append((y_true.shape[1], y_pred.shape[1]))
            return 1 - keras.ops.sum(y_true * y_pred, axis=-1)

        est = classifier(loss=missed, **AS_IT_IS).fit(X, columns)
        expected = 1 - np.exp(-losses_of_columns(columns, est, X)).mean()
        assert est.history_["loss"][0] == pytest.approx(expected, rel=1e-4)
        assert set(widths) == {(2, 2), (3, 3)}

    def test_a_loss_of_the_user_sees_all_labels_of_a_row(self, X, labels):
        def worst(y_true, y_pred):
            return keras.ops.max(keras.ops.abs(y_true - y_pred), axis=-1)

        est = classifier(loss=worst, **AS_IT_IS).fit(X, labels)
        expected = np.abs(labels - est.predict_proba(X)).max(axis=1).mean()
        assert est.history_["loss"][0] == pytest.approx(expected, rel=1e-4)

    @pytest.mark.parametrize(
        ("loss", "match"),
        [
            ("categorical_crossentropy", r"3 labels that can hold together. Use\s+'binary_crossentropy' or"),
            ("sparse_categorical_crossentropy", "3 labels that can hold together"),
            ("hinge", "margins, not probabilities"),
            (keras.losses.BinaryCrossentropy(from_logits=True), "from_logits=True"),
        ],
    )
    def test_a_loss_that_does_not_suit_labels_is_refused(self, X, labels, loss, match):
        with pytest.raises(ValueError, match=match):
            classifier(loss=loss).fit(X, labels)

    @pytest.mark.parametrize(
        ("loss", "match"),
        [
            ("binary_crossentropy", "y has columns of 2 and 3 classes. Use 'categorical_crossentropy'"),
            ("binary_focal_crossentropy", "Use 'categorical_focal_crossentropy', or leave loss=None"),
            ("categorical_hinge", "margins, not probabilities"),
            (keras.losses.Dice(), "loss=dice gives no number for each row"),
        ],
    )
    def test_a_loss_that_does_not_suit_columns_is_refused(self, X, columns, loss, match):
        with pytest.raises(ValueError, match=match):
            classifier(loss=loss).fit(X, columns)

    def test_a_loss_of_whole_batches_cannot_be_weighed_by_label(self, X, labels):
        with pytest.raises(ValueError, match="loss=dice gives no number for each row"):
            classifier(loss=keras.losses.Dice(), class_weight="balanced").fit(X, labels)


class TestClassWeight:
    def test_weights_of_labels_by_hand(self, X, labels):
        class_weight = [{0: 1, 1: 5}, None, {1: 0.5}]
        est = classifier(class_weight=class_weight, **AS_IT_IS).fit(X, labels)
        weights = np.where(labels == 1, [5, 1, 0.5], 1)
        expected = np.average(losses_of_labels(labels, est.predict_proba(X)), weights=weights)
        assert est.history_["loss"][0] == pytest.approx(expected, rel=1e-4)

    @pytest.mark.parametrize("loss", [None, "categorical_crossentropy"])
    def test_balanced_weights_and_weights_of_rows_by_hand(self, X, columns, loss):
        rows = np.linspace(0.5, 3, N_ROWS)
        est = classifier(class_weight="balanced", loss=loss, **AS_IT_IS).fit(X, columns, rows)
        weights = np.empty((N_ROWS, 2))
        for k, classes in enumerate(est.classes_):
            column = columns.iloc[:, k].to_numpy()
            balanced = compute_class_weight("balanced", classes=classes, y=column)
            weights[:, k] = rows * balanced[np.searchsorted(classes, column)]
        expected = np.average(losses_of_columns(columns, est, X), weights=weights)
        assert est.history_["loss"][0] == pytest.approx(expected, rel=1e-4)

    def test_weights_of_rows_alone_by_hand(self, X, columns):
        rows = np.linspace(0.5, 3, N_ROWS)
        est = classifier(**AS_IT_IS).fit(X, columns, rows)
        expected = np.average(losses_of_columns(columns, est, X).mean(axis=1), weights=rows)
        assert est.history_["loss"][0] == pytest.approx(expected, rel=1e-4)

    def test_the_held_out_loss_is_weighed_by_label(self, X, labels):
        other = table(20, seed=1)
        given = {"X_val": other, "y_val": labels_of(other)}
        est = classifier(class_weight=[{1: 5}, {1: 1}, {1: 1}], **AS_IT_IS).fit(X, labels, **given)
        weights = np.where(labels_of(other) == 1, [5, 1, 1], 1)
        expected = np.average(losses_of_labels(labels_of(other), est.predict_proba(other)), weights=weights)
        assert est.history_["val_loss"][0] == pytest.approx(expected, rel=1e-4)

    @pytest.mark.parametrize("twice", [1, "right"])
    def test_a_weight_of_two_in_all_columns_is_the_row_twice(self, X, twice):
        one = (X["a"] > 0).to_numpy()
        y = np.column_stack([one, one]) * 1 if twice == 1 else np.where(np.column_stack([one, one]), "right", "left")
        step = {"optimizer": "sgd", "optimizer__learning_rate": 0.5, "batch_size": 100}
        weighted = classifier(class_weight=[{twice: 2}, {twice: 2}], **step).fit(X, y)
        again = np.repeat(np.arange(N_ROWS), np.where(one, 2, 1))
        repeated = classifier(**step).fit(X.iloc[again], y[again])
        assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-6)

    def test_a_column_without_weight_learns_nothing(self, X, columns):
        nothing = {"left": 0, "right": 0}
        est = classifier(class_weight=[nothing, None], optimizer="sgd", batch_size=100).fit(X, columns)
        before = classifier(**AS_IT_IS).fit(X, columns).model_.get_layer("head__output").get_weights()
        changed = [
            np.abs(new - old).max(axis=0)
            for new, old in zip(
                [w.reshape(-1, 5) for w in est.model_.get_layer("head__output").get_weights()],
                [w.reshape(-1, 5) for w in before],
                strict=True,
            )
        ]
        assert_allclose(np.max(changed, axis=0)[:2], 0, atol=1e-7)
        assert (np.max(changed, axis=0)[2:] > 1e-5).all()

    def test_labels_of_class_weights_are_those_of_the_user(self, X, labels):
        by_number = classifier(class_weight=[{1: 3}] * 3).fit(X, labels)
        by_truth = classifier(class_weight=[{True: 3}] * 3).fit(X, labels.astype(bool))
        assert_array_equal(by_number.predict_proba(X), by_truth.predict_proba(X))

    @pytest.mark.parametrize(
        ("class_weight", "match"),
        [
            ({1: 5}, r"does not fit y of 3 column\(s\). Give a list of 3, a dict, 'balanced' or None for each"),
            ([{1: 5}], "Give a list of 3"),
            ([{"yes": 5}] * 3, "not in class_weight"),
            ([{0: 0, 1: 0}] * 3, "class_weight and sample_weight leave no row a weight"),
            ("heavy", "The 'class_weight' parameter"),
        ],
    )
    def test_weights_that_do_not_fit_are_refused(self, X, labels, class_weight, match):
        with pytest.raises(ValueError, match=match):
            classifier(class_weight=class_weight).fit(X, labels)

    def test_a_list_for_one_column_is_refused(self, X, labels):
        with pytest.raises(ValueError, match="Give one, without a list"):
            classifier(class_weight=[{1: 5}]).fit(X, labels[:, 0])


class TestLearning:
    SETTINGS = {"epochs": 60, "batch_size": 300, "optimizer__learning_rate": 0.05, "compile__run_eagerly": False}

    def test_labels_that_numbers_decide_are_learned_together(self):
        train, test = table(300, seed=1), table(300, seed=2)
        branches = {"numbers": DenseBranch(units=(16,))}
        est = classifier(branches=branches, early_stopping=False, **self.SETTINGS).fit(train, labels_of(train))
        assert est.score(test, labels_of(test)) > 0.85

    @pytest.mark.parametrize(("make", "class_weight"), [(columns_of, None), (labels_of, "balanced")])
    def test_a_network_that_is_sure_of_the_wrong_class_still_learns(self, make, class_weight):
        """The crossentropy of a probability that is 0 in float32 has no gradient."""
        X = table(300, seed=1) * 1e5
        y = make(X)
        est = classifier(class_weight=class_weight, **self.SETTINGS).fit(X, y)
        assert est.score(X, y) > 0.6

    def test_columns_that_numbers_decide_are_learned_together(self):
        train, test = table(300, seed=1), table(300, seed=2)
        branches = {"numbers": DenseBranch(units=(16,))}
        est = classifier(branches=branches, early_stopping=False, **self.SETTINGS).fit(train, columns_of(train))
        assert est.score(test, columns_of(test)) > 0.85


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
        with pytest.raises(ValueError, match="contains NaN: 1 of 40 labels of column 2 are missing, first in row 11"):
            classifier().fit(X, y)

    def test_a_missing_label_of_one_column_is_named_by_row(self, X, columns):
        y = columns["side"].set_axis(range(100, 100 + N_ROWS)).mask(np.arange(N_ROWS) == 3)
        with pytest.raises(ValueError, match="contains NaN: 1 of 40 labels are missing, first in row 103"):
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


class TestHeldOutRows:
    def test_a_rare_label_does_not_keep_rows_from_being_held_out(self, X, labels):
        y = np.where([True, True, False], labels, 0)
        y[5, 2] = 1
        est = classifier(early_stopping=True, validation_fraction=0.2).fit(X, y)
        assert "val_loss" in est.history_

    def test_class_weights_are_those_of_all_rows(self, X, columns):
        held = classifier(class_weight="balanced", early_stopping=True, validation_fraction=0.4).fit(X, columns)
        whole = classifier(class_weight="balanced").fit(X, columns)
        for own, other in zip(held._target.labels.weights, whole._target.labels.weights, strict=True):
            assert_array_equal(own, other)


class TestContinuing:
    def test_classes_of_each_column_may_be_wider_than_the_first_chunk(self, X):
        chunk = [["a", 1], ["a", 1]]
        est = classifier().partial_fit(X[:2], chunk, classes=[["c", "a"], [3, 1, 2]])
        assert [classes.tolist() for classes in est.classes_] == [["a", "c"], [1, 2, 3]]
        est.partial_fit(X[:2], [["c", 3], ["a", 2]], classes=[["a", "c"], [1, 2, 3]])
        assert [part.shape for part in est.predict_proba(X)] == [(N_ROWS, 2), (N_ROWS, 3)]

    def test_labels_need_no_classes(self, X):
        est = classifier().partial_fit(X[:2], [[0, 0], [0, 0]]).partial_fit(X[:2], [[1, 0], [0, 1]])
        assert est.predict_proba(X).shape == (N_ROWS, 2)

    def test_classes_as_they_are_shown_are_taken(self, X, labels, multilabel):
        est = classifier().partial_fit(X, labels, classes=multilabel.classes_)
        assert est.partial_fit(X, labels, classes=est.classes_).n_iter_ == 2

    def test_wider_classes_make_classes_of_zeros_and_ones(self, X):
        est = classifier().partial_fit(X[:2], [[0, 0], [1, 0]], classes=[[0, 1, 2], [0, 1]])
        assert [part.shape[1] for part in est.predict_proba(X)] == [3, 2]

    def test_other_classes_later_are_refused(self, X, columns):
        est = classifier().partial_fit(X, columns)
        with pytest.raises(ValueError, match="not the same as on last call"):
            est.partial_fit(X, columns, classes=[["left", "right"], [0, 1]])

    @pytest.mark.parametrize("classes", [[0, 1, 2], [[0, 1]]])
    def test_classes_that_are_not_those_of_each_column_are_refused(self, X, labels, classes):
        with pytest.raises(ValueError, match="Give a list of 3, an array of labels for each column of y"):
            classifier().partial_fit(X, labels, classes=classes)

    def test_an_unknown_label_is_refused(self, X, labels):
        est = classifier().partial_fit(X, labels)
        with pytest.raises(ValueError, match=r"not in classes_ \(column 0\): 2; known are 0 and 1"):
            est.partial_fit(X, labels * 2)

    def test_balance_is_refused(self, X, labels):
        with pytest.raises(ValueError, match="class_weight='balanced' is not supported for partial_fit"):
            classifier(class_weight=[None, "balanced", None]).partial_fit(X, labels)

    def test_weights_of_labels_count_in_a_chunk(self, X, columns):
        step = {"optimizer": "sgd", "batch_size": 100, "class_weight": [{"left": 4}, {2: 3}]}
        by_chunk, whole = classifier(**step).partial_fit(X, columns), classifier(**step).fit(X, columns)
        for own, other in zip(by_chunk.predict_proba(X), whole.predict_proba(X), strict=True):
            assert_array_equal(own, other)

    def test_warm_start_goes_on_with_the_same_network(self, X, columns):
        est = classifier(warm_start=True).fit(X, columns)
        model = est.model_
        assert est.fit(X, columns).model_ is model
        assert est.n_iter_ == 2


class TestScoring:
    def test_score_is_the_share_of_rows_that_are_all_right(self, multilabel, X, labels):
        assert multilabel.score(X, labels) == accuracy_score(labels, multilabel.predict(X))

    def test_score_of_columns_is_the_share_of_rows_that_are_all_right(self, multioutput, X, columns):
        predicted = multioutput.predict(X)
        right = [list(row) == list(truth) for row, truth in zip(predicted, columns.to_numpy(), strict=True)]
        weight = np.linspace(0, 3, N_ROWS)
        assert multioutput.score(X, columns) == np.mean(right)
        assert multioutput.score(X, columns, weight) == pytest.approx(np.average(right, weights=weight))

    @pytest.mark.filterwarnings("ignore:The y_prob values do not sum to one:UserWarning")
    @pytest.mark.parametrize("n_labels", [2, 3])
    def test_scorers_of_scikit_learn_take_labels(self, X, labels, n_labels):
        y = labels[:, :n_labels]
        est = classifier().fit(X, y)
        predicted, proba = est.predict(X), est.predict_proba(X)
        expected = {
            "accuracy": accuracy_score(y, predicted),
            "f1_macro": f1_score(y, predicted, average="macro"),
            "roc_auc": roc_auc_score(y, proba),
            "average_precision": average_precision_score(y, proba),
            "neg_log_loss": -log_loss(y, proba),
        }
        assert {name: get_scorer(name)(est, X, y) for name in expected} == pytest.approx(expected)

    @pytest.mark.parametrize("scoring", ["balanced_accuracy", "roc_auc_ovr"])
    def test_scorers_treat_labels_as_those_of_a_forest(self, multilabel, X, labels, scoring):
        forest = RandomForestClassifier(2, random_state=0).fit(X, labels)

        def outcome(est):
            try:
                return type(get_scorer(scoring)(est, X, labels))
            except ValueError as error:
                return str(error)

        assert outcome(multilabel) == outcome(forest)

    @pytest.mark.parametrize("scoring", ["f1_macro", "accuracy"])
    def test_scorers_refuse_columns_of_classes_as_those_of_a_forest(self, multioutput, X, columns, scoring):
        y = columns.astype(str)
        for one in (classifier().fit(X, y), RandomForestClassifier(2, random_state=0).fit(X, y)):
            with pytest.raises(ValueError, match="multiclass-multioutput is not supported"):
                get_scorer(scoring)(one, X, y)

    def test_other_columns_than_those_of_fit_have_no_score(self, multilabel, X, labels):
        with pytest.raises(InputMismatchError, match="y has 2 columns, but the target was fitted with 3 outputs"):
            multilabel.score(X, labels[:, :2])
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            multilabel.score(X, labels[:-1])

    def test_columns_of_classes_are_cross_validated_by_score(self, X, columns):
        # With a number of folds scikit-learn itself would compare the text of one column with the numbers of another.
        scores = cross_val_score(classifier(), X, columns, cv=KFold(2), error_score="raise")
        assert ((scores >= 0) & (scores <= 1)).all()

    def test_a_grid_is_searched_by_a_score_of_labels(self, X, labels):
        grid = {"branches__numbers__units": [(2,), (3,)]}
        y = pd.DataFrame(labels, columns=["x", "y", "z"])
        search = GridSearchCV(classifier(), grid, scoring="roc_auc", cv=2, error_score="raise").fit(X, y)
        assert search.best_params_["branches__numbers__units"] in [(2,), (3,)]
        assert search.predict(X).shape == labels.shape

    def test_held_out_probabilities_have_the_shapes_of_fit(self, X, labels, columns):
        assert cross_val_predict(classifier(), X, labels, cv=2, method="predict_proba").shape == labels.shape
        parts = cross_val_predict(classifier(), X, columns, cv=KFold(2), method="predict_proba")
        assert [part.shape for part in parts] == [(N_ROWS, 2), (N_ROWS, 3)]


class TestMetrics:
    def test_accuracy_is_the_share_of_right_labels(self, multilabel, X, labels):
        expected = np.mean(multilabel.predict(X) == labels)
        assert multilabel.history_["accuracy"][0] == pytest.approx(expected)

    def test_accuracy_of_columns_is_the_share_of_right_labels(self, multioutput, X, columns):
        expected = np.mean(multioutput.predict(X) == columns.to_numpy())
        assert multioutput.history_["accuracy"][0] == pytest.approx(expected)

    def test_names_of_keras_mean_those_of_labels(self, X, labels):
        est = classifier(metrics=["acc", "ce", "binary_accuracy"], **AS_IT_IS).fit(X, labels)
        assert est.history_["acc"] == est.history_["binary_accuracy"]
        assert est.history_["ce"] == pytest.approx(est.history_["loss"], rel=1e-5)

    @pytest.mark.parametrize("loss", [None, "categorical_crossentropy"])
    def test_names_of_keras_mean_those_of_columns(self, multioutput, X, columns, loss):
        est = classifier(metrics=["acc", "crossentropy"], loss=loss, **AS_IT_IS).fit(X, columns)
        assert est.history_["acc"] == multioutput.history_["accuracy"]
        assert est.history_["crossentropy"] == pytest.approx(est.history_["loss"], rel=1e-5)

    def test_metrics_that_weigh_rows_are_refused_where_labels_are_weighed(self, X, labels):
        with pytest.raises(ValueError, match=r"compile__weighted_metrics weighs rows.* Use `metrics`"):
            classifier(compile__weighted_metrics=["accuracy"], class_weight="balanced").fit(X, labels)

    def test_a_metric_with_a_state_is_the_mean_of_columns(self, X, columns):
        metric = keras.metrics.AUC(name="auc")
        est = classifier(metrics=[metric], loss="categorical_crossentropy", **AS_IT_IS).fit(X, columns)
        parts = []
        for k, proba in enumerate(est.predict_proba(X)):
            one = keras.metrics.AUC()
            one.update_state(np.equal.outer(columns.iloc[:, k].to_numpy(), est.classes_[k]).astype("float32"), proba)
            parts.append(float(one.result()))
        assert est.history_["auc"][0] == pytest.approx(np.mean(parts), rel=1e-5)
        assert not np.any([variable.numpy() for variable in metric.variables])

    def test_a_function_is_the_mean_of_columns(self, X, columns):
        def highest(y_true, y_pred):
            return keras.ops.max(y_pred, axis=-1)

        est = classifier(metrics=[highest], **AS_IT_IS).fit(X, columns)
        expected = np.mean([part.max(axis=1) for part in est.predict_proba(X)])
        assert est.history_["highest"][0] == pytest.approx(expected, rel=1e-5)


class TestParts:
    @pytest.mark.parametrize(
        ("target", "width"),
        [
            (TargetSpec(n_classes=2, n_outputs=3, activation="sigmoid"), 3),
            (TargetSpec(n_classes=(3, 2, 1), n_outputs=3), 6),
            (TargetSpec(n_outputs=3), 3),
        ],
    )
    def test_the_output_has_a_unit_for_each_label_or_class(self, target, width):
        merged = keras.Input((4,))
        assert target.width == width
        assert DenseHead().attach(merged, target).shape == (None, width)

    @pytest.mark.parametrize(("loss", "one_hot"), [(None, False), ("categorical_crossentropy", True)])
    def test_columns_are_encoded_as_the_loss_takes_them(self, loss, one_hot):
        numbers = np.array([[0, 2], [1, 0]])
        expected = [[1, 0, 0, 0, 1], [0, 1, 1, 0, 0]] if one_hot else numbers
        assert_array_equal(encode_target(numbers, classification_target((2, 3), loss)), expected)

    @pytest.mark.parametrize("y", [labels_of(table()), columns_of(table())], ids=["labels", "columns"])
    def test_a_network_by_hand_gives_probabilities(self, X, y):
        def network(inputs, target):
            return keras.layers.Dense(target.width, activation=target.activation)(inputs["numbers"])

        est = classifier(model=network, branches=None).fit(X, y)
        proba = est.predict_proba(X)
        sums = [part.sum(axis=1) for part in proba] if isinstance(proba, list) else [1]
        assert_allclose(sums, 1)

    def test_a_network_by_hand_of_wrong_width_is_refused(self, X, columns):
        with pytest.raises(BranchMismatchError, match=r"expected an output tensor of shape \(batch, 5\)"):
            classifier(model=lambda inputs, target: inputs["numbers"], branches=None).fit(X, columns)

    def test_a_softmax_over_each_output_by_hand(self):
        logits = np.array([[1.0, 2, 5, 0, 0, 3], [0, 0, -1, 1, 2, 9]], dtype="float32")
        powers = np.exp(logits)
        expected = np.hstack([part / part.sum(axis=1, keepdims=True) for part in np.split(powers, [2, 5], axis=1)])
        assert_allclose(keras.ops.convert_to_numpy(OutputsSoftmax([2, 3, 1])(logits)), expected, rtol=1e-6)

    @pytest.mark.parametrize(("reduction", "factor"), [("sum_over_batch_size", 1), ("sum", 2), ("none", None)])
    def test_a_row_counts_as_the_mean_of_its_outputs(self, reduction, factor):
        proba = np.array([[0.2, 0.8, 0.1, 0.3, 0.6], [0.5, 0.5, 0.7, 0.2, 0.1]], dtype="float32")
        y = np.array([[1, 0], [0, 2]])
        each = -np.log([[0.8, 0.1], [0.5, 0.1]])
        loss = OutputsLoss("sparse_categorical_crossentropy", widths=[2, 3], reduction=reduction)
        expected = each if factor is None else factor * each.mean()
        assert_allclose(keras.ops.convert_to_numpy(loss(y, proba)), expected, rtol=1e-5)

    def test_weights_of_rows_and_outputs_by_hand(self):
        proba, y = np.array([[0.2, 0.9], [0.6, 0.3]], dtype="float32"), np.array([[0, 1], [1, 1]])
        weights = np.array([[1.0, 2.0], [3.0, 4.0]], dtype="float32")
        loss = OutputsLoss("binary_crossentropy", reduction="mean_with_sample_weight")
        expected = np.average(-np.log([[0.8, 0.9], [0.6, 0.3]]), weights=weights)
        assert float(loss(y, proba, sample_weight=weights)) == pytest.approx(expected, rel=1e-5)

    @pytest.mark.parametrize(
        "part",
        [
            OutputsSoftmax([2, 3]),
            OutputsLoss(keras.losses.BinaryCrossentropy(label_smoothing=0.1)),
            OutputsLoss("kl_divergence", widths=[2, 3], one_hot=True, reduction="sum"),
            OutputsMetric([keras.metrics.SparseCategoricalAccuracy() for _ in range(2)], [2, 3], name="right"),
        ],
    )
    def test_layer_loss_and_metric_come_back_from_their_configs(self, part):
        twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(part), safe_mode=True)
        assert type(twin) is type(part)
        assert str(twin.get_config()) == str(part.get_config())

    @pytest.mark.parametrize("y", [labels_of(table()), columns_of(table())], ids=["labels", "columns"])
    def test_a_compiled_network_comes_back(self, X, y, tmp_path):
        est = classifier(class_weight="balanced").fit(X, y)
        est.model_.save(tmp_path / "network.keras")
        twin = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)
        rows = est.router_.transform(X)
        assert_allclose(twin.predict(rows, verbose=0), est.model_.predict(rows, verbose=0), rtol=1e-6)

    @pytest.mark.parametrize("y", [labels_of(table()), columns_of(table())], ids=["labels", "columns"])
    def test_a_pickle_predicts_and_learns_the_same(self, X, y):
        est = classifier(warm_start=True, class_weight="balanced").fit(X, y)
        twin = pickle.loads(pickle.dumps(est))
        assert_array_equal(twin.predict(X), est.predict(X))
        assert twin.fit(X, y).history_["loss"] == pytest.approx(est.fit(X, y).history_["loss"], rel=1e-5)

    def test_a_clone_has_the_same_weights_of_labels(self):
        est = classifier(class_weight=[{1: 5}, "balanced"])
        assert clone(est).class_weight == [{1: 5}, "balanced"]
