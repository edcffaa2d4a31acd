"""Steps of a fit: batches, their orders, and steps that equal those of Keras."""

import keras
import numpy as np
import pytest

from skmulti.training.feeds import LazyFeed, StreamRows, feed_from
from skmulti.training.run import isolate
from skmulti.training.steps import FeedSteps, RowFeed


def epoch_rows(n_rows=10, batch_size=4, epoch=0, seed=0):
    """Return the rows of one epoch, batch by batch."""
    feed = RowFeed({"a": np.arange(n_rows)}, np.arange(n_rows), None, batch_size, seed)
    for callback in feed.callbacks():
        callback.on_epoch_begin(epoch)
    return [feed.batch(step)[0]["a"].numpy().tolist() for step in range(feed.n_steps)]


def flat(batches):
    return [row for batch in batches for row in batch]


class TestBatches:
    def test_an_epoch_has_each_row_once_and_the_short_tail_last(self):
        batches = epoch_rows()
        assert [len(batch) for batch in batches] == [4, 4, 2]
        assert sorted(flat(batches)) == list(range(10))

    def test_fewer_rows_than_a_batch_make_one_batch(self):
        assert epoch_rows(3, seed=None) == [[0, 1, 2]]

    def test_each_epoch_has_another_order(self):
        orders = {tuple(flat(epoch_rows(epoch=epoch))) for epoch in range(5)}
        assert len(orders) == 5

    def test_one_seed_gives_one_order(self):
        assert epoch_rows(epoch=3, seed=5) == epoch_rows(epoch=3, seed=5)

    def test_another_seed_gives_another_order(self):
        assert epoch_rows(seed=5) != epoch_rows(seed=6)

    @pytest.mark.parametrize("seed", [0, 2**31 - 1, 2**32 - 1])
    def test_every_seed_that_scikit_learn_allows_shuffles(self, seed):
        assert sorted(flat(epoch_rows(seed=seed))) == list(range(10))

    def test_without_a_seed_rows_come_in_order(self):
        assert epoch_rows(seed=None) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]

    def test_arrays_target_and_weights_of_a_row_stay_together(self):
        arrays = {"a": np.arange(10), "b": np.arange(20).reshape(10, 2)}
        feed = RowFeed(arrays, np.arange(10) * 10, np.arange(10) / 2, 4, seed=1)
        feed.shuffle(0)
        for step in range(feed.n_steps):
            x, y, weight = feed.batch(step)
            np.testing.assert_array_equal(x["b"][:, 0], x["a"] * 2)
            np.testing.assert_array_equal(y, x["a"] * 10)
            np.testing.assert_array_equal(weight, x["a"] / 2)

    def test_float64_targets_keep_their_digits(self):
        y = 1e6 + 1e-3 * np.arange(4)
        np.testing.assert_array_equal(RowFeed({"a": np.arange(4)}, y, None, 4).batch(0)[1], y)

    def test_the_number_of_steps_is_known_beforehand(self):
        feed = RowFeed({"a": np.arange(10)}, np.arange(10), None, 4)
        assert int(feed.steps().cardinality()) == feed.n_steps == 3

    def test_the_first_row_is_a_batch_of_one(self):
        x, y = RowFeed({"a": np.arange(10)}, np.arange(10) * 10, None, 4).first_row()
        assert (x["a"].numpy().tolist(), y.numpy().tolist()) == ([0], [0])


def network():
    """Build a small network with all that a step may change: weights, dropout's generator, a moving mean."""
    with isolate(3, "float32"):
        inputs = {"a": keras.Input((2,), name="a")}
        hidden = keras.layers.BatchNormalization()(keras.layers.Dense(3, activation="tanh")(inputs["a"]))
        hidden = keras.layers.Dropout(0.3, seed=7)(hidden)
        return keras.Model(inputs, keras.layers.Dense(1)(hidden))


X = np.random.default_rng(0).normal(size=(22, 2)).astype("float32")
Y = X[:, :1] - X[:, 1:]
WEIGHT = np.random.default_rng(1).uniform(0.5, 1.5, 22).astype("float32")


def trained(steps_per_execution=1, **compile_params):
    """Train two epochs on a feed; give (model, history)."""
    model = network()
    model.compile(
        keras.optimizers.Adam(0.01), "mse", metrics=["mae"], steps_per_execution=steps_per_execution, **compile_params
    )
    feed, held = RowFeed({"a": X}, Y, WEIGHT, 4), RowFeed({"a": X[:9]}, Y[:9], None, 5)
    with feed_from(model, feed, held):
        history = model.fit(feed.steps(), validation_data=held.steps(), epochs=2, shuffle=False, verbose=0).history
    return model, history


def trained_by_keras(**compile_params):
    """Train as `trained` does, with Keras alone."""
    model = network()
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"], **compile_params)
    held = {"a": X[:9]}, Y[:9]
    params = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0, "validation_data": held}
    return model, model.fit({"a": X}, Y, sample_weight=WEIGHT, **params).history


@pytest.fixture(scope="module")
def by_keras():
    return trained_by_keras()


def assert_equal_fits(one, other):
    for ours, theirs in zip(one[0].get_weights(), other[0].get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
    assert list(one[1]) == list(other[1])
    for name, values in one[1].items():
        np.testing.assert_allclose(values, other[1][name], rtol=2e-5)


class TestSteps:
    @pytest.mark.parametrize(
        "params",
        [
            {},
            {"steps_per_execution": 4},
            {"steps_per_execution": 100},
            {"run_eagerly": True},
            {"steps_per_execution": 3, "run_eagerly": True},
        ],
        ids=str,
    )
    def test_weights_and_history_equal_those_of_keras(self, by_keras, params):
        assert_equal_fits(trained(**params), by_keras)

    def test_compiled_by_xla_they_equal_those_of_keras_by_xla(self):
        # XLA draws other numbers for dropout.
        assert_equal_fits(trained(4, jit_compile=True), trained_by_keras(jit_compile=True))

    @pytest.mark.parametrize(("count", "expected"), [(1, [0, 1, 2, 3, 4, 5]), (4, [3, 7]), (100, [99])])
    def test_callbacks_see_an_execution_at_its_last_step(self, count, expected):
        seen = []
        note = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
        model = network()
        model.compile("sgd", "mse", steps_per_execution=count, run_eagerly=True)
        feed = RowFeed({"a": X}, Y, None, 4)
        with feed_from(model, feed, None):
            model.fit(feed.steps(), epochs=1, shuffle=False, verbose=0, callbacks=[note])
        assert seen == expected

    def test_a_callback_can_stop_between_executions(self):
        model = network()
        model.compile("sgd", "mse", run_eagerly=True)

        class Stop(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                self.model.stop_training = batch == 1

        feed = RowFeed({"a": X}, Y, None, 4)
        with feed_from(model, feed, None):
            model.fit(feed.steps(), epochs=3, shuffle=False, verbose=0, callbacks=[Stop()])
        assert int(model.optimizer.iterations) == 2

    def test_rows_of_a_callback_are_evaluated_as_keras_does(self):
        model, found = network(), []
        model.compile("sgd", "mse")

        class Evaluate(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                found.append(self.model.evaluate({"a": X[:5]}, Y[:5], verbose=0))

        feed = RowFeed({"a": X}, Y, None, 4)
        with feed_from(model, feed, RowFeed({"a": X}, Y, None, 4)):
            model.fit(feed.steps(), epochs=1, shuffle=False, verbose=0, callbacks=[Evaluate()])
        expected = np.mean((model.predict({"a": X[:5]}, verbose=0) - Y[:5]) ** 2)
        assert found == [pytest.approx(expected, rel=1e-5)]

    def test_a_network_keeps_no_rows_and_trains_on_without_a_feed(self):
        model, _ = trained()
        assert isinstance(model.train_function, FeedSteps)
        assert model.train_function.feed is None
        assert model.test_function.feed is None
        before = model.get_weights()
        model.fit({"a": X}, Y, batch_size=4, verbose=0)
        assert any((new != old).any() for new, old in zip(model.get_weights(), before, strict=True))

    def test_chunks_of_other_sizes_need_no_further_traces(self, caplog):
        model = network()
        model.compile("sgd", "mse")
        for n_rows in (22, 9, 13, 7, 15, 11, 6):
            feed = RowFeed({"a": X[:n_rows]}, Y[:n_rows], None, 4)
            with feed_from(model, feed, None):
                model.fit(feed.steps(), epochs=1, shuffle=False, verbose=0)
        assert model.train_function._run_gathered.experimental_get_tracing_count() <= 2
        assert "retracing" not in caplog.text


def feeds():
    arrays, y = {"a": np.arange(3, dtype="float32").reshape(3, 1)}, np.arange(3, dtype="float32")
    stream = StreamRows(lambda *args: iter([(arrays, y)]), (arrays, y), y)
    return [RowFeed(arrays, y, None, batch_size=2), LazyFeed(arrays, y, None, batch_size=2), stream.feed(3)]


@pytest.mark.parametrize("feed", feeds(), ids=lambda feed: type(feed).__name__)
def test_steps_are_not_tuned_by_tensorflow(feed):
    # The thread that tunes misses the end of an epoch on one core, which a test with a clock could not show reliably.
    steps = feed.steps()
    assert steps.options().autotune.enabled is False
    assert len(list(steps)) == feed.n_steps
