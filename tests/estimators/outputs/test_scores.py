"""Scores and metrics of several labels or columns, as scikit-learn and Keras compute them."""

import keras
import numpy as np
import pandas as pd
import pytest
from output_cases import AS_IT_IS, N_ROWS, classifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    get_scorer,
    log_loss,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score

from skmulti import (
    InputMismatchError,
)


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
