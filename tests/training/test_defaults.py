"""Defaults of a fit: batch, epochs and steps that suit the number of rows."""

import keras
import pytest

from skmulti.training.defaults import auto_batch_size, auto_epochs, auto_steps_per_execution


class TestSchedule:
    @pytest.mark.parametrize(
        ("n_rows", "expected"),
        [(1, 32), (80, 32), (81, 32), (2_560, 32), (5_120, 64), (10_240, 128), (20_480, 256), (1_000_000, 256)],
    )
    def test_auto_batch_size_is_a_power_of_two_near_80_steps_an_epoch(self, n_rows, expected):
        assert auto_batch_size(n_rows) == expected

    @pytest.mark.parametrize(
        ("n_rows", "batch_size", "expected"),
        [(499, 32, 50), (640, 32, 75), (500, 32, 94), (3_200, 32, 15), (14_861, 256, 25), (1_000_000, 256, 10)],
    )
    def test_auto_epochs_make_1500_steps_between_10_and_100_epochs(self, n_rows, batch_size, expected):
        assert auto_epochs(n_rows, batch_size) == expected

    @pytest.mark.parametrize(("n_rows", "expected"), [(1, 200), (32, 200), (33, 100), (96, 66), (97, 50), (128, 50)])
    def test_few_rows_have_50_epochs_and_classes_200_steps(self, n_rows, expected):
        assert auto_epochs(n_rows, 32, classes=True) == expected
        assert auto_epochs(n_rows, 32) == 50

    @pytest.mark.parametrize(("n_steps", "expected"), [(1, 1), (8, 8), (32, 32), (100, 32)])
    def test_auto_steps_per_execution_is_an_epoch_or_32(self, n_steps, expected):
        assert auto_steps_per_execution(n_steps, []) == expected

    @pytest.mark.parametrize("hook", ["on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"])
    def test_a_callback_that_reads_batches_sees_every_step(self, hook):
        callback = type("Reader", (keras.callbacks.Callback,), {hook: lambda self, batch, logs=None: None})()
        assert auto_steps_per_execution(100, [callback]) == 1

    def test_a_callback_that_reads_epochs_only_costs_no_speed(self):
        assert auto_steps_per_execution(100, [keras.callbacks.EarlyStopping()]) == 32
