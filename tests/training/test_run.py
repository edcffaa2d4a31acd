"""A fit: hold-out, stopping, sample rows, and a process that is left as it was."""

import json
import random
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.exceptions import ConvergenceWarning

from skmulti import DenseBranch, DenseHead, InputRouter, MultiInputClassifier, MultiInputRegressor, NumberScaler
from skmulti.layers.outputs import TargetUnits
from skmulti.training.run import (
    Rows,
    Schedule,
    draw_seed,
    hold_out,
    isolate,
    sample_positions,
    sample_rows,
    train,
)
from skmulti.training.steps import RowFeed


def network():
    """Build a small untrained network of one input, always the same."""
    with isolate(3, "float32"):
        inputs = {"a": keras.Input((2,), name="a")}
        hidden = keras.layers.Dense(3, activation="tanh")(inputs["a"])
        return keras.Model(inputs, keras.layers.Dense(1)(hidden))


def twin_of(model):
    twin = keras.Model.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    return twin


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(22, 2)).astype("float32")
    return Rows({"a": x}, x[:, :1] - x[:, 1:], rng.uniform(0.5, 1.5, 22).astype("float32"))


class TestTrain:
    @pytest.mark.parametrize("steps_per_execution", [1, 4, 16])
    def test_weights_equal_those_of_keras_on_the_same_order(self, rows, steps_per_execution):
        model = network()
        twin = twin_of(model)
        model.compile(keras.optimizers.Adam(0.01), "mse", steps_per_execution=steps_per_execution)
        twin.compile(keras.optimizers.Adam(0.01), "mse")
        # 22 rows in batches of 4: five full ones and a tail of 2.
        train(model, rows, None, Schedule(epochs=2, batch_size=4, shuffle=False, seed=0), [], {})
        twin.fit(rows.arrays, rows.y, sample_weight=rows.weight, batch_size=4, epochs=2, shuffle=False, verbose=0)
        for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)

    def test_shuffled_weights_equal_those_of_keras_on_the_shuffled_rows(self, rows):
        model = network()
        twin = twin_of(model)
        model.compile(keras.optimizers.SGD(0.1), "mse")
        twin.compile(keras.optimizers.SGD(0.1), "mse")
        feed = RowFeed(rows.arrays, rows.y, rows.weight, 4, seed=9)
        feed.shuffle(0)
        order = feed.order.numpy()
        train(model, rows, None, Schedule(epochs=1, batch_size=4, shuffle=True, seed=9), [], {})
        twin.fit(
            {"a": rows.arrays["a"][order]},
            rows.y[order],
            sample_weight=rows.weight[order],
            batch_size=4,
            shuffle=False,
            verbose=0,
        )
        for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)

    def test_held_out_loss_equals_the_weighted_loss_by_hand(self, rows):
        model = network()
        model.compile("sgd", "mse", run_eagerly=True)
        history, *_ = train(model, rows, rows, Schedule(epochs=1, batch_size=32, shuffle=False, seed=0), [], {})
        error = (np.asarray(model(rows.arrays)) - rows.y)[:, 0] ** 2
        # Keras divides the weighted sum by the number of rows.
        assert history["val_loss"][-1] == pytest.approx(np.mean(error * rows.weight), rel=1e-4)

    def test_training_goes_on_counting_epochs_where_it_stopped(self, rows):
        model = network()
        model.compile("sgd", "mse", run_eagerly=True)
        seen = []
        note = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(epoch))
        schedule = Schedule(epochs=5, initial_epoch=3, batch_size=32, shuffle=False, seed=0)
        history, best, *_ = train(model, rows, None, schedule, [note], {})
        assert (seen, len(history["loss"]), best) == ([3, 4], 2, 5)

    def test_epochs_that_ran_out_while_improving_are_warned_about(self, rows):
        model = network()
        model.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=True)
        schedule = Schedule(epochs=3, batch_size=32, shuffle=False, seed=0, patience=10)
        with pytest.warns(ConvergenceWarning, match="still improving in the last of 3 epochs"):
            train(model, rows, rows, schedule, [], {})

    def test_training_stops_and_the_best_epoch_is_restored(self, rows):
        model = network()
        # A rate this large makes the loss rise after a few epochs.
        model.compile(keras.optimizers.SGD(0.9, momentum=0.9), "mse", run_eagerly=True)
        schedule = Schedule(epochs=50, batch_size=32, shuffle=False, seed=0, patience=3)
        history, best, *_ = train(model, rows, rows, schedule, [], {})
        assert len(history["loss"]) == best + 3 < 50
        assert best == np.argmin(history["val_loss"]) + 1
        error = (np.asarray(model(rows.arrays)) - rows.y)[:, 0] ** 2
        assert np.mean(error * rows.weight) == pytest.approx(min(history["val_loss"]), rel=1e-4)

    def test_under_a_strategy_of_one_device_weights_are_the_same(self, rows):
        def weights():
            model = network()
            model.compile(keras.optimizers.SGD(0.1), "mse")
            train(model, rows, None, Schedule(epochs=1, batch_size=8, shuffle=True, seed=0), [], {})
            return model.get_weights()

        expected = weights()
        with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
            found = weights()
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)


class TestHoldOut:
    def test_parts_are_disjoint_sorted_and_complete(self):
        train_rows, held, reason = hold_out(20, 0.25, 0)
        assert (len(held), reason) == (5, "")
        np.testing.assert_array_equal(np.sort(np.concatenate([train_rows, held])), np.arange(20))
        np.testing.assert_array_equal(held, np.sort(held))

    def test_an_int_is_a_number_of_rows(self):
        assert len(hold_out(20, 3, 0)[1]) == 3

    def test_a_share_is_rounded_up_as_in_scikit_learn(self):
        assert len(hold_out(11, 0.1, 0)[1]) == 2

    @pytest.mark.parametrize(
        ("counts", "expected"),
        [
            ([505], 51),
            ([10_000], 1_000),
            ([90_000], 1_000),
            ([45_000, 45_000], 1_000),
            # 2,000 rows show 100 of a class of a twentieth, 9,000 rows 90 of one of a hundredth.
            ([85_500, 4_500], 2_000),
            ([89_100, 900], 9_000),
        ],
    )
    def test_auto_is_a_tenth_or_as_many_as_are_enough(self, counts, expected):
        classes = np.repeat(np.arange(len(counts)), counts) if len(counts) > 1 else None
        assert len(hold_out(sum(counts), "auto", 0, classes)[1]) == expected

    def test_the_draw_is_stratified(self):
        classes = np.repeat([0, 1], [40, 10])
        held = hold_out(50, 0.2, 0, classes)[1]
        assert np.bincount(classes[held]).tolist() == [8, 2]

    def test_the_seed_decides_the_draw(self):
        assert hold_out(50, 0.2, 1)[1].tolist() == hold_out(50, 0.2, 1)[1].tolist()
        assert hold_out(50, 0.2, 1)[1].tolist() != hold_out(50, 0.2, 2)[1].tolist()

    @pytest.mark.parametrize(
        ("n_rows", "fraction", "classes", "why"),
        [
            (1, 0.1, None, "too few"),
            (5, 5, None, "too few"),
            (5, 0.4, [0, 0, 0, 0, 1], "fewer than 2 rows"),
            (10, 0.1, [0] * 5 + [1] * 5, "cannot show 2 classes"),
            (10, 9, [0] * 5 + [1] * 5, "cannot show 2 classes"),
        ],
    )
    def test_no_rows_are_held_out_where_they_cannot_show_every_class(self, n_rows, fraction, classes, why):
        train_rows, held, reason = hold_out(n_rows, fraction, 0, None if classes is None else np.array(classes))
        assert held is None
        assert why in reason
        np.testing.assert_array_equal(train_rows, np.arange(n_rows))


class TestSeeds:
    def test_an_int_is_its_own_seed(self):
        assert draw_seed(7) == 7

    def test_a_generator_gives_another_seed_each_time(self):
        generator = np.random.RandomState(0)
        assert draw_seed(generator) != draw_seed(generator)

    def test_equal_generators_give_equal_seeds(self):
        assert draw_seed(np.random.RandomState(4)) == draw_seed(np.random.RandomState(4))

    def test_none_draws_a_new_seed_and_leaves_numpy_alone(self):
        before = np.random.get_state()[1].copy()
        assert draw_seed(None) != draw_seed(None)
        np.testing.assert_array_equal(np.random.get_state()[1], before)

    def test_isolated_decides_what_keras_draws(self):
        draws = []
        for _ in range(2):
            with isolate(5, "float32"):
                draws.append(keras.initializers.RandomNormal()((4,)).numpy())
        np.testing.assert_array_equal(*draws)

    @pytest.mark.parametrize("fails", [False, True])
    def test_isolated_leaves_no_trace(self, fails):
        before = random.getstate(), np.random.get_state()[1].tolist(), keras.config.floatx()
        policy = keras.config.dtype_policy()
        try:
            with isolate(5, "float64"):
                assert keras.config.floatx() == "float64"
                assert keras.layers.Dense(1).compute_dtype == "float64"
                random.random(), np.random.rand()
                if fails:
                    raise KeyError("by purpose")
        except KeyError:
            pass
        assert (random.getstate(), np.random.get_state()[1].tolist(), keras.config.floatx()) == before
        assert keras.config.dtype_policy() is policy


class TestSampleRows:
    def test_few_rows_are_all_kept(self):
        arrays = {"a": np.arange(5)}
        assert sample_rows(arrays, 5) is arrays

    def test_many_rows_are_thinned_evenly_from_first_to_last(self):
        sample = sample_rows({"a": np.arange(101), "b": np.arange(101) * 2}, 11)
        assert sample["a"].tolist() == list(range(0, 101, 10))
        np.testing.assert_array_equal(sample["b"], sample["a"] * 2)

    def test_whole_weights_repeat_rows(self):
        weight = np.random.default_rng(0).integers(0, 5, size=30)
        sample = sample_rows({"a": np.arange(30)}, 100, weight.astype(float))
        np.testing.assert_array_equal(sample["a"], np.repeat(np.arange(30), weight))

    @pytest.mark.parametrize("weight", [0.3, 7, 1e300])
    def test_equal_weights_are_as_none(self, weight):
        assert sample_positions(12, 12, np.full(12, weight)).tolist() == list(range(12))

    def test_a_common_factor_of_whole_weights_does_not_matter(self):
        weight = np.array([2, 1, 0, 3])
        np.testing.assert_array_equal(sample_positions(4, 10, weight * 1500), np.repeat(np.arange(4), weight))

    @pytest.mark.parametrize(("n_rows", "limit"), [(500, 500), (500, 40), (7, 7)])
    def test_other_weights_draw_each_row_by_its_share_rounded_down_or_up(self, n_rows, limit):
        weight = np.random.default_rng(1).exponential(size=n_rows)
        drawn = np.bincount(sample_positions(n_rows, limit, weight), minlength=n_rows)
        share = limit * weight / weight.sum()
        assert drawn.sum() == limit
        assert ((drawn >= np.floor(share)) & (drawn <= np.ceil(share))).all()

    def test_rows_repeated_beyond_the_limit_are_drawn_by_their_share(self):
        weight = np.array([900.0, 0, 100, 1])
        assert sample_positions(4, 4, weight).tolist() == [0, 0, 0, 0]
        assert np.bincount(sample_positions(4, 4, weight % 899)).tolist() == [0, 0, 4]


ROUTER = InputRouter([("numbers", NumberScaler(), ["a"])])


SMALL = {
    "branches": {"numbers": DenseBranch(units=(4,))},
    "head": DenseHead(units=()),
    "random_state": 0,
    # A step that Python runs is slower than a compiled one, but not the first.
    "compile__run_eagerly": True,
}


def numbers(n_rows, seed=0):
    frame = pd.DataFrame({"a": np.random.default_rng(seed).normal(size=n_rows)})
    return frame, np.where(frame["a"] > 0, "yes", "no")


class TestHeldOutRowsOfAFit:
    def test_the_warning_of_too_few_epochs_points_to_the_line_of_the_user(self):
        X, y = numbers(40)
        with pytest.warns(ConvergenceWarning) as caught:
            MultiInputClassifier(ROUTER, epochs=2, optimizer="adam", **SMALL).fit(X, y, X_val=X, y_val=y)
        assert caught[0].filename == __file__

    def test_early_stopping_is_on_from_500_rows(self):
        est = MultiInputClassifier(ROUTER, epochs=1, **SMALL).fit(*numbers(500))
        assert "val_loss" in est.history_

    def test_early_stopping_is_off_below_500_rows(self):
        est = MultiInputClassifier(ROUTER, epochs=1, **SMALL).fit(*numbers(499))
        assert "val_loss" not in est.history_

    def test_without_early_stopping_no_rows_are_held_out(self):
        est = MultiInputClassifier(ROUTER, epochs=1, early_stopping=False, **SMALL).fit(*numbers(500))
        assert "val_loss" not in est.history_
        assert est.router_.encoders_["numbers"].mean_ == pytest.approx(numbers(500)[0]["a"].mean())

    def test_encoders_never_see_held_out_rows(self):
        X, y = numbers(60)
        held = hold_out(60, 0.25, 0, (y == "yes").astype(int))[1]
        est = MultiInputClassifier(ROUTER, epochs=1, early_stopping=True, validation_fraction=0.25, **SMALL)
        est.fit(X, y)
        expected = X["a"].drop(index=held).mean()
        assert est.router_.encoders_["numbers"].mean_ == pytest.approx(expected)

    def test_a_regression_scales_its_target_on_training_rows_only(self):
        X, _ = numbers(40)
        y = np.arange(40.0)
        held = hold_out(40, 0.25, 0)[1]
        est = MultiInputRegressor(ROUTER, epochs=1, early_stopping=True, validation_fraction=0.25, **SMALL).fit(X, y)
        (units,) = [layer for layer in est.model_.layers if isinstance(layer, TargetUnits)]
        assert units.offset == pytest.approx([np.delete(y, held).mean()])

    def test_no_validation_fraction_stops_on_the_training_loss(self):
        params = {**SMALL, "optimizer": "sgd", "optimizer__learning_rate": 1e-12}
        est = MultiInputClassifier(
            ROUTER,
            epochs=20,
            early_stopping=True,
            validation_fraction=None,
            n_iter_no_change=2,
            batch_size=60,
            **params,
        ).fit(*numbers(60))
        assert "val_loss" not in est.history_
        assert est.n_iter_ < 20

    def test_a_class_of_one_row_keeps_all_rows_in_training_and_verbose_says_why(self, capsys):
        X, y = numbers(20)
        y[0] = "maybe"
        est = MultiInputClassifier(ROUTER, epochs=1, early_stopping=True, verbose=1, **SMALL).fit(X, y)
        assert "val_loss" not in est.history_
        assert "a class has fewer than 2 rows" in capsys.readouterr().out

    def test_silence_is_kept_without_verbose(self, capsys):
        X, y = numbers(20)
        y[0] = "maybe"
        MultiInputClassifier(ROUTER, epochs=1, early_stopping=True, **SMALL).fit(X, y)
        assert capsys.readouterr().out == ""

    def test_the_held_out_loss_of_a_huge_target_is_that_of_the_target_itself(self):
        X, _ = numbers(40)
        y = X["a"].to_numpy()
        losses = []
        for target in (y, 1e6 + 1e-3 * y):
            est = MultiInputRegressor(ROUTER, epochs=2, early_stopping=False, **SMALL)
            losses.append(est.fit(X, target, X_val=X, y_val=target).history_["val_loss"])
        np.testing.assert_allclose(*losses, rtol=1e-4)

    @pytest.mark.parametrize(
        "fraction",
        [
            0,
            -0.1,
            1.5,
            "a third",
        ],
    )
    def test_a_validation_fraction_that_is_none_is_refused(self, fraction):
        with pytest.raises(ValueError, match="validation_fraction"):
            MultiInputClassifier(ROUTER, validation_fraction=fraction, epochs=1, **SMALL).fit(*numbers(20))


PREDICT = """
import json, os, random
import keras, numpy as np, pandas as pd, tensorflow as tf
from skmulti import DenseBranch, DenseHead, InputRouter, MultiInputClassifier, NumberScaler
from skmulti.training.steps import RowFeed
from tensorflow.python.framework import config
from tensorflow.python.framework.random_seed import get_seed

rng = np.random.default_rng(0)
X = pd.DataFrame({"a": rng.normal(size=40), "b": rng.normal(size=40)})
y = np.where(X["a"] > 0, "yes", "no")

def predictions(random_state=0, **params):
    router = InputRouter([("numbers", NumberScaler(), ["a", "b"])])
    est = MultiInputClassifier(router, branches={"numbers": DenseBranch(units=(8,), dropout=0.5)}, epochs=2,
        batch_size=16, head=DenseHead(units=()), input_dropout=0.2, random_state=random_state,
        compile__run_eagerly=True, **params)
    return est.fit(X, y).predict_proba(X)

def state():
    return repr((random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2],
        keras.config.floatx(), keras.config.dtype_policy().name, keras.config.image_data_format(),
        config.is_op_determinism_enabled(), tf.config.functions_run_eagerly(),
        tf.random.get_global_generator().state.numpy().tolist(), get_seed(12345), sorted(os.environ.items())))

print("RESULT" + json.dumps(predictions().tolist()))
"""


COMPARE = """
def order():
    feed = RowFeed({"a": np.arange(10)}, np.arange(10), None, 4, seed=0)
    feed.shuffle(0)
    return feed.order.numpy().tolist()

found = {}
random.seed(1); np.random.seed(2); tf.random.set_seed(3)
tf.random.get_global_generator()
before = state()
first = predictions()
found["no trace"] = state() == before
try:
    predictions(merge="concatenat")
except ValueError:
    pass
def broken(inputs, target):
    random.random(); np.random.rand()
    raise KeyError
try:
    predictions(model=broken, dtype="float64")
except KeyError:
    found["no trace after an error"] = state() == before
predictions(dtype="float64")
found["no trace of float64"] = state() == before
found["after other fits"] = np.array_equal(first, predictions())
first_order = order()
keras.utils.set_random_seed(123)
found["after keras' seed"] = np.array_equal(first, predictions())
tf.random.set_seed(99)
found["after tensorflow's seed"] = np.array_equal(first, predictions())
found["same order after tensorflow's seed"] = order() == first_order
keras.config.set_floatx("float64")
found["under another float type of the process"] = np.array_equal(first, predictions())
keras.config.set_floatx("float32")
found["another seed differs"] = not np.array_equal(first, predictions(1))
keras.utils.set_random_seed(5)
drawn = predictions(None)
keras.utils.set_random_seed(5)
found["none differs"] = not np.array_equal(drawn, predictions(None))
generator = np.random.RandomState(0)
found["a generator differs from fit to fit"] = not np.array_equal(predictions(generator), predictions(generator))
found["equal generators give equal fits"] = np.array_equal(
    predictions(np.random.RandomState(0)), predictions(np.random.RandomState(0)))
print("RESULT" + json.dumps(found))
"""


@pytest.fixture(scope="module")
def processes():
    """Return what two new processes print: predictions, and in the first what it found out about seeds."""
    running = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for script in (PREDICT + COMPARE, PREDICT)
    ]
    results = []
    for process in running:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err[-2000:]
        results.append([json.loads(part) for part in out.split("RESULT")[1:]])
    return results


class TestProcess:
    @pytest.mark.parametrize(
        "promise",
        [
            "no trace",
            "no trace after an error",
            "no trace of float64",
            "after other fits",
            "after keras' seed",
            "after tensorflow's seed",
            "same order after tensorflow's seed",
            "under another float type of the process",
            "another seed differs",
            "none differs",
            "a generator differs from fit to fit",
            "equal generators give equal fits",
        ],
    )
    def test_seeds(self, processes, promise):
        assert processes[0][1][promise]

    def test_one_seed_gives_equal_predictions_in_two_processes(self, processes):
        assert processes[0][0] == processes[1][0]
