"""Parts that the user makes: a whole network, branches, merges and heads, each taken or refused by name."""

import keras
import numpy as np
import pytest
from estimator_cases import TWO_INPUTS, assert_equal_weights, classifier, regressor
from sklearn.base import BaseEstimator, clone

from skmulti import (
    BranchMismatchError,
    DenseBranch,
    EmbeddingBranch,
    MultiInputClassifier,
)


def by_hand(inputs, target, units=3):
    hidden = keras.layers.Dense(units, name="mine")(inputs["numbers"])
    return keras.layers.Dense(target.width, activation=target.activation)(hidden)


class TestParts:
    def test_a_network_by_hand_is_used(self, X, y):
        est = classifier(model=by_hand, branches=None, model__units=7).fit(X, y)
        assert est.model_.get_layer("mine").units == 7
        np.testing.assert_allclose(est.predict_proba(X).sum(axis=1), 1)

    def test_parameters_of_a_network_by_hand_are_set(self):
        est = classifier(model=by_hand, model__units=7).set_params(model__units=5)
        assert clone(est).get_params()["model__units"] == 5

    def test_a_misspelt_parameter_of_a_network_by_hand_is_named(self, X, y):
        with pytest.raises(TypeError, match="unitz"):
            classifier(model=by_hand, model__unitz=7).fit(X, y)

    def test_a_regression_by_hand_predicts_in_the_units_of_y(self, X, target):
        est = regressor(model=by_hand, optimizer="sgd", optimizer__learning_rate=1e-12).fit(X, target + 1e5)
        np.testing.assert_allclose(est.predict(X), 1e5, atol=100)

    def test_a_network_by_hand_of_wrong_width_is_refused(self, X, y):
        with pytest.raises(BranchMismatchError, match=r"expected an output tensor of shape \(batch, 1\)"):
            classifier(model=lambda inputs, target: inputs["numbers"]).fit(X, y)

    def test_a_network_by_hand_that_gives_nothing_is_refused(self, X, y):
        with pytest.raises(BranchMismatchError, match="`model` returned None"):
            classifier(model=lambda inputs, target: None).fit(X, y)

    def test_a_keras_model_is_refused_with_the_way_out(self, X, y):
        network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        with pytest.raises(TypeError, match=r"`model` is a callable .*, got a keras.Model"):
            classifier(model=network).fit(X, y)

    def test_a_layer_is_a_branch(self, X, y):
        est = classifier(branches={"numbers": keras.layers.Dense(5)}).fit(X, y)
        # 2 x 5 + 5 in the branch, 5 + 1 in the head, 2 values for what is missing.
        assert est.model_.count_params() == 15 + 6 + 2

    def test_first_values_of_a_built_layer_are_kept(self, X, y):
        layer = keras.layers.Dense(3)
        layer.build((None, 2))
        params = {"optimizer": "sgd", "optimizer__learning_rate": 1e-12}
        est = classifier(branches={"numbers": layer}, **params).fit(X, y)
        assert any(
            np.allclose(weight, layer.get_weights()[0]) for weight in est.model_.get_weights() if weight.ndim == 2
        )

    def test_a_callable_is_a_branch(self, X, y):
        est = classifier(branches={"numbers": lambda tensor: keras.ops.concatenate([tensor, tensor**2], axis=-1)})
        assert est.fit(X, y).predict(X).shape == (40,)

    def test_a_branch_of_the_wrong_kind_is_refused(self, X, y):
        with pytest.raises(BranchMismatchError, match=r"Input 'numbers'.*EmbeddingBranch reads category arrays"):
            classifier(branches={"numbers": EmbeddingBranch()}).fit(X, y)

    def test_a_branch_of_no_input_is_refused_with_the_closest_match(self, X, y):
        with pytest.raises(ValueError, match="Did you mean 'numbers'"):
            classifier(branches={"number": DenseBranch()}).fit(X, y)

    def test_a_lambda_layer_is_refused(self, X, y):
        with pytest.raises(BranchMismatchError, match="is a Lambda"):
            classifier(branches={"numbers": keras.layers.Lambda(lambda tensor: tensor)}).fit(X, y)

    def test_a_callable_is_a_merge(self, X, y):
        est = classifier(TWO_INPUTS, merge=lambda tensors: keras.layers.Concatenate()(list(tensors.values())))
        assert est.fit(X, y).predict(X).shape == (40,)

    def test_an_object_of_the_user_is_a_head(self, X, y):
        est = classifier(head=TanhHead()).fit(X, y)
        assert est.model_.get_layer("own_hidden").units == 3
        assert "mean_absolute_error" in est.history_

    def test_inputs_that_nobody_routed_are_inferred(self, X, y):
        est = MultiInputClassifier(epochs=1, random_state=0, compile__run_eagerly=True).fit(X, y)
        assert {column for spec in est.router_.specs_.values() for column in spec.columns} == {"a", "b", "city"}

    def test_the_network_can_be_used_without_the_estimator(self, fitted, X):
        output = fitted.model_.predict(fitted.router_.transform(X), verbose=0)
        np.testing.assert_allclose(output[:, 0], fitted.predict_proba(X)[:, 1], atol=1e-6)

    def test_arrays_by_input_name_are_a_table(self, X, y):
        arrays = {"numbers": X[["a", "b"]].to_numpy()}
        est = classifier().fit(arrays, y)
        assert_equal_weights(est, classifier().fit(X, y))
        assert est.predict(arrays).shape == (40,)


class TanhHead(BaseEstimator):
    """A head of the user's own, as the contract asks."""

    def attach(self, tensor, target):
        hidden = keras.layers.Dense(3, activation="tanh", name="own_hidden")(tensor)
        return keras.layers.Dense(target.width, activation=target.activation)(hidden)

    def default_loss(self, target):
        return "mean_squared_error"

    def default_metrics(self, target):
        return ["mean_absolute_error"]
