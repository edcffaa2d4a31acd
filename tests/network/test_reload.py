"""What of a network Keras can load again, and what is refused before it is trained."""

import keras
import pytest
from network_cases import network, small_model, specs_of, vector

from skmulti.errors import BranchMismatchError
from skmulti.network.reload import check_saveable
from skmulti.spec import ArraySpec


@keras.saving.register_keras_serializable(package="tests")
class Registered(keras.layers.Layer):
    """A layer that Keras can load."""

    def call(self, inputs):
        return inputs


class Unregistered(keras.layers.Layer):
    """A layer that Keras cannot load."""

    def call(self, inputs):
        return inputs


@keras.saving.register_keras_serializable(package="tests")
def registered_activation(values):
    return values


def unregistered_activation(values):
    return values


@pytest.mark.parametrize(
    "layer",
    [
        Registered(),
        keras.layers.Dense(2, activation=registered_activation),
        keras.layers.Dense(2, activation=keras.layers.LeakyReLU()),
        keras.layers.Dense(2, kernel_regularizer=keras.regularizers.L2(0.1)),
        small_model(),
    ],
)
def test_what_keras_can_load_passes(layer):
    check_saveable(network(specs_of(vector("a")), {"a": layer}))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: keras.layers.Lambda(lambda x: 2 * x), "is a Lambda, which holds code"),
        (Unregistered, "is a Unregistered, which Keras could not load again.*register_keras_serializable"),
        (lambda: keras.layers.Dense(2, activation=unregistered_activation), "a Dense, holds what Keras could not load"),
        (lambda: keras.layers.Dense(2, activation=lambda x: x), "a Dense, holds what Keras could not load"),
    ],
    ids=["lambda", "layer", "activation", "lambda activation"],
)
@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`:UserWarning")
def test_what_keras_could_not_load_is_refused(make, message):
    model = network(specs_of(vector("a")), {"a": lambda tensor: make()(tensor)})
    with pytest.raises(BranchMismatchError, match=message):
        check_saveable(model)


def test_lambda_inside_a_wrapper_is_refused():
    steps = ArraySpec("trace", "sequence", (5, 2), "float32")
    wrapped = network(specs_of(steps), {"trace": lambda t: keras.layers.TimeDistributed(keras.layers.Lambda(abs))(t)})
    with pytest.raises(BranchMismatchError, match="is a Lambda, which holds code"):
        check_saveable(wrapped)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Lambda(abs, name="size"),
        keras.Sequential([keras.layers.Dense(2), keras.layers.Lambda(abs, name="size")]),
        keras.layers.TimeDistributed(keras.layers.Lambda(abs, name="size")),
    ],
    ids=["layer", "model", "wrapper"],
)
def test_a_branch_that_holds_a_lambda_is_refused_with_input_and_layer(layer):
    steps = ArraySpec("trace", "sequence", (5, 2), "float32", columns=("path",))
    with pytest.raises(BranchMismatchError, match=r"Input 'trace' \(column 'path'\): layer 'size' is a Lambda"):
        network(specs_of(steps), {"trace": layer})
