"""Adam that moves the rows that a step reads: NumPy by hand, Keras' Adam where every row is read, and whole fits."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

import skmulti
from skmulti import LazyAdam, MultiInputClassifier, MultiInputRegressor
from skmulti.layers import id_tables, move_by_rows
from skmulti.layers.ids import CategoryEmbedding, WordBag, WordEmbedding
from skmulti.training import defaults

RATE, BETA_1, BETA_2, EPSILON = 0.01, 0.9, 0.999, 1e-7


def table(values, decay=0.0, by_rows=True):
    """Return a variable as a layer makes it."""
    variable = keras.Variable(np.asarray(values), dtype=np.asarray(values).dtype.name, name="table")
    variable.by_rows, variable.decay = by_rows, decay
    return variable


def by_hand(values, batches, decay=0.0):
    """Return the rows after steps whose batches are dicts of a row's number to its gradient."""
    rows = np.array(values, dtype="float64")
    m, v, last = np.zeros_like(rows), np.zeros_like(rows), np.zeros(len(rows))
    for step, batch in enumerate(batches, start=1):
        for i, gradient in batch.items():
            k = step - last[i]
            gradient = np.asarray(gradient) + decay * rows[i]
            m[i] = BETA_1 * (BETA_1 ** (k - 1) * m[i]) + (1 - BETA_1) * gradient
            v[i] = BETA_2 * (BETA_2 ** (k - 1) * v[i]) + (1 - BETA_2) * gradient**2
            rate = RATE * np.sqrt(1 - BETA_2**step) / (1 - BETA_1**step) / (np.sqrt(v[i]) + EPSILON)
            ahead = sum(BETA_1**j for j in range(int(k)))
            rows[i] = (rows[i] - ahead * rate * m[i]) * np.exp(-decay * rate * (k - 1))
            last[i] = step
    return rows


def slices(ids, values, n_rows=4):
    """Return the gradient of a table."""
    return tf.IndexedSlices(tf.constant(np.asarray(values)), tf.constant(ids), tf.constant([n_rows, 2]))


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_rows_move_as_by_hand_and_rows_that_no_step_reads_stay(decay):
    rng = np.random.default_rng(0)
    first = rng.normal(size=(4, 2))
    batches = [{i: rng.normal(size=2) for i in read} for read in ([0, 1], [1], [1, 2], [0], [1], [0, 2])]
    variable, optimizer = table(first, decay), LazyAdam(RATE)

    for batch in batches:
        optimizer.apply([slices(list(batch), list(batch.values()))], [variable])

    assert_allclose(variable.numpy(), by_hand(first, batches, decay), rtol=1e-5)
    assert_array_equal(variable.numpy()[3], first[3])


@pytest.mark.parametrize("clip", [{}, {"clipnorm": 0.5}, {"clipvalue": 0.1}])
def test_gradients_of_equal_ids_are_summed_first(clip):
    first, values = np.ones((4, 2)), np.array([[1.0, 2.0], [0.5, -1.0], [-0.25, 1.0], [2.0, 0.1]])
    apart, summed = table(first), table(first)
    one, other = LazyAdam(RATE, **clip), LazyAdam(RATE, **clip)

    for _ in range(2):
        one.apply([slices([2, 0, 2, 2], values)], [apart])
        other.apply([slices([0, 2], [values[1], values[[0, 2, 3]].sum(axis=0)])], [summed])

    assert_allclose(apart.numpy(), summed.numpy(), rtol=1e-12)


@pytest.mark.parametrize("clip", [{}, {"clipnorm": 0.5}, {"clipvalue": 0.1}])
def test_a_table_of_which_each_step_reads_every_row_has_the_values_of_adam(clip):
    rng = np.random.default_rng(1)
    first = rng.normal(size=(4, 2)).astype("float64")
    lazy, dense = table(first), table(first, by_rows=False)
    one, other = LazyAdam(RATE, **clip), keras.optimizers.Adam(RATE, **clip)

    for _ in range(50):
        gradient = rng.normal(size=(4, 2)).astype("float64")
        order = rng.permutation(4)
        one.apply([slices(order, gradient[order])], [lazy])
        other.apply([tf.constant(gradient)], [dense])

    assert_allclose(lazy.numpy(), dense.numpy(), atol=1e-9)


def test_the_prior_of_rows_that_are_always_read_is_that_of_adam():
    first = np.random.default_rng(2).normal(size=(4, 2)).astype("float64")
    lazy, dense = table(first, decay=0.2), table(first, by_rows=False)
    one, other = LazyAdam(RATE), keras.optimizers.Adam(RATE)

    for _ in range(30):
        one.apply([slices([0, 1, 2, 3], np.zeros((4, 2), "float64"))], [lazy])
        other.apply([0.2 * dense.value], [dense])

    assert_allclose(lazy.numpy(), dense.numpy(), atol=1e-9)


def test_variables_that_are_no_large_table_move_as_with_adam_bit_by_bit():
    rng = np.random.default_rng(3)
    first = rng.normal(size=(4, 2)).astype("float32")
    variables = [table(first, by_rows=False) for _ in range(2)]
    optimizers = LazyAdam(RATE), keras.optimizers.Adam(RATE)

    for _ in range(5):
        gradient = tf.constant(rng.normal(size=(4, 2)).astype("float32"))
        for optimizer, variable in zip(optimizers, variables, strict=True):
            optimizer.apply([gradient], [variable])

    assert_array_equal(variables[0].numpy(), variables[1].numpy())


def test_a_dense_gradient_of_a_large_table_is_one_of_every_row():
    gradient = np.arange(8.0).reshape(4, 2)
    dense, sparse = table(np.ones((4, 2))), table(np.ones((4, 2)))

    LazyAdam(RATE).apply([tf.constant(gradient)], [dense])
    LazyAdam(RATE).apply([slices([0, 1, 2, 3], gradient)], [sparse])

    assert_array_equal(dense.numpy(), sparse.numpy())


def test_it_is_made_again_from_its_configuration():
    optimizer = LazyAdam(0.02, clipnorm=1.0, epsilon=1e-5)

    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))

    assert type(again) is LazyAdam
    assert again.get_config() == optimizer.get_config()


@pytest.mark.parametrize("layer", [WordEmbedding(9, 2), WordBag([1] * 9, 2), CategoryEmbedding([9] * 3, 2, decay=0.1)])
def test_a_layer_gives_the_same_gradient_row_by_row(layer):
    ids = tf.constant([[2, 3, 2], [8, 2, 1]])
    inputs = keras.Input((3,), dtype="int32")
    network = keras.Model(inputs, layer(inputs))
    (variable,) = id_tables(network)
    found = []
    for paths in ((), (variable.path,)):
        move_by_rows(network, paths)
        with tf.GradientTape() as tape:
            output = network(ids, training=True)
            loss = tf.reduce_sum(output * np.arange(2.0)) + sum(network.losses)
        found.append((output.numpy(), tape.gradient(loss, variable.value)))
    (dense_output, dense), (output, sparse) = found

    assert isinstance(dense, tf.Tensor)
    assert isinstance(sparse, tf.IndexedSlices)
    # The whole gradient comes with sums over words alone, in which the last bits may differ.
    assert_allclose(output, dense_output, rtol=1e-6)
    # The prior is the optimizer's part.
    decay = getattr(layer, "decay", 0.0)
    assert_allclose(tf.convert_to_tensor(sparse) + decay * variable.value, dense, rtol=1e-6)
    assert variable.ids_per_example == 3


# --- fits


@pytest.fixture
def low_threshold(monkeypatch):
    """Let tables of 10 ids be large ones."""
    monkeypatch.setattr(defaults, "LAZY_IDS", 10)
    monkeypatch.setattr(defaults, "LAZY_RATIO", 0)


def users(n_rows=120):
    """Return rows of a column of 40 users and a number, with a target."""
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 40, n_rows)
    X = pd.DataFrame({"user": [f"u{i}" for i in ids], "age": rng.normal(size=n_rows)})
    return X, rng.normal(size=40)[ids] + 0.1 * rng.normal(size=n_rows)


def router():
    """Return a router with an input of its own for users."""
    return skmulti.InputRouter(
        [("user", skmulti.CategoryIndexer(), ["user"]), ("age", skmulti.NumberScaler(), ["age"])]
    )


def regressor(**params):
    """Return a short fit."""
    return MultiInputRegressor(**{"router": router(), "epochs": 3, "random_state": 0, "batch_size": 16, **params})


def weights_of(estimator):
    """Return all weights as one vector."""
    return np.concatenate([weight.ravel() for weight in estimator.model_.get_weights()])


def test_small_tables_are_trained_by_keras_adam():
    fitted = regressor().fit(*users())

    assert type(fitted.model_.optimizer) is keras.optimizers.Adam
    assert fitted.recipe_.lazy_tables == ()
    assert not any(table.by_rows for table in id_tables(fitted.model_))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"steps_per_execution": 1},
        {"jit_compile": True},
        {"dtype": "float64"},
        {"optimizer__clipnorm": 0.5},
        {"optimizer": LazyAdam},
        {"optimizer": LazyAdam(1e-2)},
    ],
    ids=["auto", "single steps", "jit", "float64", "clipnorm", "class", "object"],
)
@pytest.mark.long
def test_large_tables_are_trained_by_rows_and_learned(low_threshold, params):
    X, y = users(400)

    fitted = regressor(epochs=30, **params).fit(X, y)

    assert type(fitted.model_.optimizer) is LazyAdam
    assert len(fitted.recipe_.lazy_tables) == 1
    assert fitted.score(X, y) > 0.5


@pytest.mark.parametrize(
    "params", [{"optimizer": "adam"}, {"optimizer": keras.optimizers.Adam(1e-2)}], ids=["name", "object"]
)
@pytest.mark.long
def test_an_optimizer_of_the_user_moves_every_row_as_ever(low_threshold, params):
    fitted = regressor(**params).fit(*users())

    assert type(fitted.model_.optimizer) is keras.optimizers.Adam
    assert not any(table.by_rows for table in id_tables(fitted.model_))


@pytest.mark.long
def test_what_concerns_every_row_is_left_to_keras_adam(low_threshold):
    fitted = regressor(optimizer__weight_decay=0.01).fit(*users())

    assert type(fitted.model_.optimizer) is keras.optimizers.Adam
    assert "weight_decay" in fitted.recipe_.reasons["lazy_tables"]


@pytest.mark.long
def test_a_network_that_is_compiled_anew_moves_every_row(low_threshold):
    fitted = regressor().fit(*users())
    assert all(table.by_rows for table in id_tables(fitted.model_))

    fitted.model_.compile("sgd", "mse")

    assert not any(table.by_rows for table in id_tables(fitted.model_))


@pytest.mark.parametrize("steps", [1, 3, 32])
@pytest.mark.long
def test_steps_of_one_call_train_the_same_weights(low_threshold, steps):
    X, y = users()

    assert_allclose(
        weights_of(regressor(steps_per_execution=steps).fit(X, y)), weights_of(regressor().fit(X, y)), atol=1e-6
    )


@pytest.mark.long
def test_a_fit_whose_batch_has_every_id_equals_the_dense_fit(monkeypatch):
    X, y = users()
    dense = regressor(batch_size=120).fit(X, y)
    monkeypatch.setattr(defaults, "LAZY_IDS", 10)
    monkeypatch.setattr(defaults, "LAZY_RATIO", 0)
    lazy = regressor(batch_size=120).fit(X, y)
    (own,), (other,) = id_tables(lazy.model_), id_tables(dense.model_)

    # Values that training does not show, missing and unknown, are read by no row.
    assert type(lazy.model_.optimizer) is LazyAdam
    assert_allclose(own.numpy()[2:], other.numpy()[2:], atol=1e-6)


@pytest.mark.long
def test_a_warm_start_goes_on_after_a_pickle_and_a_file_bit_by_bit(low_threshold, tmp_path):
    X, y = users()
    fitted = regressor(warm_start=True).fit(X, y)
    skmulti.save(fitted, tmp_path / "file", optimizer=True)
    others = [pickle.loads(pickle.dumps(fitted)), skmulti.load(tmp_path / "file")]

    fitted.fit(X, y)
    for other in others:
        other.fit(X, y)
        assert_array_equal(weights_of(other), weights_of(fitted))


@pytest.mark.long
def test_parts_are_learned(low_threshold):
    X, y = users(400)
    estimator = regressor()

    for _ in range(30):
        estimator.partial_fit(X, y)

    assert type(estimator.model_.optimizer) is LazyAdam
    assert estimator.score(X, y) > 0.5


@pytest.mark.long
def test_the_best_weights_are_those_of_the_best_epoch(low_threshold):
    X, y = users(600)
    seen = []

    class Keep(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model.get_weights())

    fitted = regressor(epochs=12, early_stopping=True, callbacks=[Keep()]).fit(X, y)

    for kept, weight in zip(seen[fitted.best_epoch_ - 1], fitted.model_.get_weights(), strict=True):
        assert_array_equal(kept, weight)


@pytest.mark.long
def test_a_table_that_two_inputs_share_and_words_are_moved_by_rows(low_threshold):
    X, y = users(200)
    X = X.assign(other=X["user"].sample(frac=1, random_state=0).to_numpy(), text=X["user"] + " word")
    shared = skmulti.InputRouter(
        [
            ("user", skmulti.CategoryIndexer(), ["user"]),
            ("other", "user", ["other"]),
            ("text", skmulti.TextVectorizer(), "text"),
        ]
    )

    fitted = regressor(router=shared, branches={"other": "user"}).fit(X, y)

    assert len(fitted.recipe_.lazy_tables) == 2
    assert np.isfinite(fitted.history_["loss"]).all()


@pytest.mark.long
def test_a_classifier_with_members_learns_and_exports(low_threshold, tmp_path):
    X, y = users(200)
    fitted = MultiInputClassifier(router(), epochs=5, random_state=0).fit(X, y > 0)

    skmulti.export(fitted, tmp_path / "model")

    served = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    columns = {"user": tf.constant(X["user"].to_list()), "age": tf.constant(X["age"].to_list(), tf.float64)}
    (found,) = (np.asarray(value) for name, value in served(**columns).items() if "prob" in name)
    assert type(fitted.model_.optimizer) is LazyAdam
    assert_allclose(found, fitted.predict_proba(X), atol=1e-5)
    skmulti.save(fitted, tmp_path / "file")
    assert_array_equal(skmulti.load(tmp_path / "file").predict(X), fitted.predict(X))


@pytest.mark.long
def test_the_steps_of_keras_itself_move_rows_too(low_threshold):
    X, y = users()
    fitted = regressor().fit(X, y)
    (table,) = id_tables(fitted.model_)
    before = table.numpy()
    read = X[X["user"] == X["user"][0]]

    fitted.model_.fit(fitted.router_.transform(read), np.asarray(y[read.index]), verbose=0)

    moved = (table.numpy() != before).any(axis=1)
    assert moved[fitted.router_.transform(read)["user"][0, 0]]
    assert moved.sum() <= 2


def test_the_plan_says_which_tables_are_moved_by_rows(low_threshold):
    X, y = users()

    plan = regressor().plan(X, y)

    (choice,) = [choice for choice in plan.training if choice.what == "ids"]
    assert "rows of 1 table" in choice.value
    assert "from 10 ids on" in choice.why
    assert "LazyAdam" in str(plan)


def test_a_table_must_be_large_and_large_for_a_batch():
    ids = keras.Input((5,), dtype="int32")
    network = keras.Model(ids, WordBag([1.0] * defaults.LAZY_IDS, 2)(ids))
    most = defaults.LAZY_IDS // (5 * defaults.LAZY_RATIO)

    assert len(defaults.auto_lazy_tables(network, most)) == 1
    assert defaults.auto_lazy_tables(network, most + 1) == ()
    assert defaults.auto_lazy_tables(network, most, optimizer="adam") == ()
