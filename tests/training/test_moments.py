"""Adam's step for all small weights at once: NumPy by hand, Keras' own fit, and the weights that are left to Keras."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from skmulti.training import LazyAdam, moments
from skmulti.training.feeds import feed_from
from skmulti.training.run import isolate
from skmulti.training.steps import RowFeed

RNG = np.random.default_rng(0)
X = {"a": RNG.normal(size=(22, 3)).astype("float32"), "id": RNG.integers(5, size=(22, 2)).astype("int32")}
Y = X["a"][:, :1] - X["id"][:, 1:]


@keras.saving.register_keras_serializable(package="tests")
class Unread(keras.layers.Layer):
    """A layer with a weight that its output does not depend on."""

    def build(self, input_shape):
        self.unread = self.add_weight(shape=(2,), name="unread")

    def call(self, inputs):
        return inputs


def network(*, embeds=False, unread=False, **dense):
    """Build a network of vectors and matrices, with a table of ids if wanted."""
    with isolate(3, "float32"):
        inputs = {"a": keras.Input((3,), name="a"), "id": keras.Input((2,), dtype="int32", name="id")}
        hidden = keras.layers.BatchNormalization()(keras.layers.Dense(4, activation="tanh", **dense)(inputs["a"]))
        if embeds:
            table = keras.layers.Flatten()(keras.layers.Embedding(5, 2)(inputs["id"]))
            hidden = keras.layers.Concatenate()([hidden, table])
        hidden = Unread()(hidden) if unread else hidden
        return keras.Model(inputs, keras.layers.Dense(1)(hidden))


def fitted(model, optimizer, by_keras=False, callbacks=(), **params):
    """Train a network for two epochs of six steps, in ours or in Keras' way."""
    model.compile(optimizer, "mse", **{"steps_per_execution": 1 if by_keras else 4, **params})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The structure of")
        if by_keras:
            model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0, callbacks=list(callbacks))
        else:
            feed = RowFeed(X, Y, None, 4)
            with feed_from(model, feed, None):
                model.optimizer.build(model.trainable_variables)
                model.fit(feed.steps(), epochs=2, shuffle=False, verbose=0, callbacks=list(callbacks))
    return [*model.get_weights(), *(variable.numpy() for variable in model.optimizer.variables)]


def joined(model, optimizer, **params):
    """Return the names of the weights that are moved together."""
    model.compile(optimizer, "mse", **params)
    optimizer.build(model.trainable_variables)
    found = []
    tf.function(lambda: found.extend(moments.JoinedMoments(model).variables))()
    return [variable.path for variable in found]


def test_the_steps_are_those_of_adam_by_hand():
    model, optimizer = network(), keras.optimizers.Adam(0.1, beta_1=0.8, beta_2=0.99, epsilon=1e-3)
    model.compile(optimizer, "mse")
    optimizer.build(model.trainable_variables)
    gradients = [np.sin(np.arange(variable.value.numpy().size) + k) for k, variable in enumerate(model.weights[:4])]
    weights = model.trainable_variables
    gradients = [gradient.reshape(w.shape) for gradient, w in zip(gradients, weights, strict=False)]
    gradients += [np.ones(w.shape) for w in weights[len(gradients) :]]

    @tf.function
    def take_two_steps():
        together = moments.JoinedMoments(model)
        state = together.read()
        for scale in (1.0, -0.5):
            with together.moving(state) as state:
                optimizer.apply([tf.constant(scale * g, "float32") for g in gradients], weights)
        together.write(state)

    expected = []
    for w, gradient in zip(weights, gradients, strict=True):
        value, m, v = w.numpy().astype("float64"), 0.0, 0.0
        for step, scale in enumerate((1.0, -0.5), start=1):
            m = 0.8 * m + 0.2 * scale * gradient
            v = 0.99 * v + 0.01 * (scale * gradient) ** 2
            value = value - 0.1 * np.sqrt(1 - 0.99**step) / (1 - 0.8**step) * m / (np.sqrt(v) + 1e-3)
        expected.append((value, m, v))
    take_two_steps()

    for k, (value, m, v) in enumerate(expected):
        assert_allclose(weights[k], value, atol=1e-6)
        assert_allclose(optimizer.variables[2 + 2 * k], m, atol=1e-6)
        assert_allclose(optimizer.variables[3 + 2 * k], v, atol=1e-6)
    assert int(optimizer.iterations) == 2


@pytest.mark.parametrize(
    ("build", "optimizer"),
    [
        ({}, keras.optimizers.Adam),
        ({"embeds": True}, keras.optimizers.Adam),
        ({"kernel_constraint": "unit_norm"}, keras.optimizers.Adam),
        ({}, LazyAdam),
        ({}, lambda: keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.01, 3, 0.5))),
        ({}, lambda: keras.optimizers.Adam(0.01, clipnorm=0.1)),
    ],
    ids=["adam", "a table of ids", "a constraint", "lazy", "a schedule", "clipped"],
)
def test_weights_and_moments_are_those_of_keras(build, optimizer):
    ours, theirs = fitted(network(**build), optimizer()), fitted(network(**build), optimizer(), by_keras=True)
    for own, other in zip(ours, theirs, strict=True):
        assert_allclose(own, other, atol=2e-6)


def test_moved_one_by_one_they_are_equal_to_the_last_bit(monkeypatch):
    together = fitted(network(embeds=True), keras.optimizers.Adam())
    monkeypatch.setattr(moments, "MOST_VALUES", 0)
    for own, other in zip(together, fitted(network(embeds=True), keras.optimizers.Adam()), strict=True):
        assert_array_equal(own, other)


def test_a_weight_without_a_gradient_is_named_and_stays():
    model = network(unread=True)
    before = model.get_layer("unread").get_weights()[0]
    with pytest.warns(UserWarning, match="Gradients do not exist .*unread"):
        ours = fitted(model, keras.optimizers.Adam())
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        theirs = fitted(network(unread=True), keras.optimizers.Adam(), by_keras=True)
    assert_array_equal(model.get_layer("unread").get_weights()[0], before)
    for own, other in zip(ours, theirs, strict=True):
        assert_allclose(own, other, atol=2e-6)


def test_callbacks_find_the_moments_in_the_optimizer():
    seen = {}

    class Note(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.setdefault(batch, [variable.numpy() for variable in self.model.optimizer.variables])

    fitted(network(), keras.optimizers.Adam(), callbacks=[Note()])
    ours = dict(seen)
    seen.clear()
    fitted(network(), keras.optimizers.Adam(), by_keras=True, callbacks=[Note()])
    for own, other in zip(ours[3], seen[3], strict=True):
        assert_allclose(own, other, atol=2e-6)


def test_the_optimizer_is_left_as_it_was():
    optimizer = keras.optimizers.Adam()
    fitted(network(), optimizer)
    assert "apply" not in vars(optimizer)
    assert type(optimizer) is keras.optimizers.Adam


@pytest.mark.parametrize(
    "options",
    [
        {"amsgrad": True},
        {"weight_decay": 0.1},
        {"clipnorm": 1.0},
        {"clipvalue": 1.0},
        {"global_clipnorm": 1.0},
        {"use_ema": True},
        {"loss_scale_factor": 2.0},
        {"gradient_accumulation_steps": 2},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_is_more_than_adam_is_left_to_keras(options):
    assert joined(network(), keras.optimizers.Adam(**options)) == []


def test_other_optimizers_and_xla_are_left_to_keras():
    class Own(keras.optimizers.Adam):
        pass

    for optimizer in (keras.optimizers.SGD(), keras.optimizers.Nadam(), Own()):
        assert joined(network(), optimizer) == []
    assert joined(network(), keras.optimizers.Adam(), jit_compile=True) == []


def test_weights_that_are_large_bound_or_moved_by_rows_are_left_to_keras(monkeypatch):
    model = network(kernel_constraint="unit_norm")
    model.layers[-1].kernel.by_rows = True
    monkeypatch.setattr(moments, "MOST_VALUES", 4)
    names = [path.rpartition("/")[2] for path in joined(model, keras.optimizers.Adam())]
    assert names == ["bias", "gamma", "beta", "bias"]
