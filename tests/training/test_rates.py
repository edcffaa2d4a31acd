"""The promises of `skmulti/training/rates.py`: steps of their own size, with any optimizer of Keras."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmulti import LazyAdam
from skmulti.training.rates import mark_steps, with_scaled_steps

GRADIENTS = [np.array([[0.5, -2.0], [1.0, 0.1]], "float32"), np.array([0.3, -0.7], "float32")]
OPTIMIZERS = [
    keras.optimizers.SGD(0.1),
    keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    keras.optimizers.Adam(0.1),
    keras.optimizers.Adam(0.1, clipnorm=0.5),
    keras.optimizers.AdamW(0.1, weight_decay=0.3),
    keras.optimizers.RMSprop(0.1, momentum=0.5, centered=True),
    keras.optimizers.Adagrad(0.1),
    keras.optimizers.Lion(0.1),
    keras.optimizers.Nadam(keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)),
    LazyAdam(0.1),
]


def network():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    model.set_weights([np.array([[1.0, 2.0], [-1.0, 0.5]]), np.array([0.2, 0.4])])
    return model


def moved(optimizer, model, n_steps=3):
    """Return how far each weight has moved after some steps."""
    before = model.get_weights()
    for _ in range(n_steps):
        optimizer.apply([keras.ops.convert_to_tensor(own) for own in GRADIENTS], model.trainable_variables)
    return [after - own for after, own in zip(model.get_weights(), before, strict=True)]


def at_rate(optimizer, factor):
    """Return a new optimizer whose learning rate is multiplied."""
    config = optimizer.get_config()
    rate = config["learning_rate"]
    if isinstance(rate, dict):
        rate["config"]["initial_learning_rate"] *= factor
    else:
        config["learning_rate"] = rate * factor
    return type(optimizer).from_config(config)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: type(optimizer).__name__)
def test_a_scaled_weight_moves_as_at_a_smaller_rate_and_the_others_as_before(optimizer):
    scaled = network()
    mark_steps(scaled, [(scaled.trainable_variables[0], 0.25)])

    kernel, bias = moved(with_scaled_steps(optimizer), scaled)

    assert_allclose(kernel, moved(at_rate(optimizer, 0.25), network())[0], rtol=1e-4, atol=1e-6)
    assert_allclose(bias, moved(at_rate(optimizer, 1), network())[1], rtol=1e-4, atol=1e-6)


def test_a_step_of_adam_by_hand():
    model = network()
    mark_steps(model, [(model.trainable_variables[0], 0.1)])

    kernel, bias = moved(with_scaled_steps(keras.optimizers.Adam(0.01)), model, n_steps=1)

    # The first step of Adam is the rate, whatever the size of the gradient.
    assert_allclose(kernel, -0.001 * np.sign(GRADIENTS[0]), rtol=1e-4)
    assert_allclose(bias, -0.01 * np.sign(GRADIENTS[1]), rtol=1e-4)


def test_a_changed_rate_holds_for_all():
    model = network()
    mark_steps(model, [(model.trainable_variables[0], 0.1)])
    optimizer = with_scaled_steps(keras.optimizers.SGD(1.0))
    optimizer.learning_rate = 0.5

    kernel, bias = moved(optimizer, model, n_steps=1)

    assert_allclose(kernel, -0.05 * GRADIENTS[0], rtol=1e-5)
    assert_allclose(bias, -0.5 * GRADIENTS[1], rtol=1e-5)


def test_marks_of_an_earlier_network_are_forgotten():
    model = network()
    mark_steps(model, [(model.trainable_variables[0], 0.1)])
    mark_steps(model, [])

    assert_allclose(moved(with_scaled_steps(keras.optimizers.SGD(1.0)), model, n_steps=1)[0], -GRADIENTS[0], rtol=1e-5)


def test_it_is_an_optimizer_of_the_same_name_and_class():
    optimizer = with_scaled_steps(keras.optimizers.Adam(0.01, name="mine"))

    assert isinstance(optimizer, keras.optimizers.Adam)
    assert (optimizer.name, type(optimizer).__name__) == ("mine", "Adam")
    assert type(keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))) is keras.optimizers.Adam
