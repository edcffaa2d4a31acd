"""Defaults of a fit: batch, epochs and steps that suit the number of rows."""

import keras
import pytest

from skmulti import DenseHead, TargetSpec
from skmulti.training.defaults import (
    Recipe,
    auto_batch_size,
    auto_epochs,
    auto_steps_per_execution,
    stops_early,
    why_stops_early,
)


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


class TestReasons:
    def test_a_recipe_says_why(self):
        recipe = Recipe.of(600, TargetSpec(n_classes=2, activation="sigmoid"), reasons={"early_stopping": "given"})
        assert recipe.reasons["early_stopping"] == "given"
        assert recipe.reasons["batch_size"].startswith("auto: the power of two from 32 to 256")
        assert recipe.reasons["epochs"] == "auto: 1,500 steps in 10 to 100 epochs"
        assert recipe.reasons["head"] == "auto: few rows, so dropout and members that predict together"

    def test_what_is_given_needs_no_reason(self):
        recipe = Recipe.of(600, TargetSpec(), batch_size=8, epochs=3, head=DenseHead())
        assert {recipe.reasons[name] for name in ("batch_size", "epochs", "head")} == {"given"}

    def test_reasons_make_no_two_recipes_different(self):
        head = DenseHead()
        one, other = (Recipe.of(600, TargetSpec(), head=head, reasons={"early_stopping": why}) for why in ("a", "b"))
        assert one == other
        assert "reasons" not in repr(one)

    @pytest.mark.parametrize(
        ("early_stopping", "n_rows", "given", "expected"),
        [
            ("auto", 500, False, "auto: from 500 rows on, or with X_val"),
            ("auto", 499, True, "auto: from 500 rows on, or with X_val"),
            ("auto", 499, False, "auto: not below 500 rows"),
            (True, 9, False, "given"),
        ],
    )
    def test_why_a_fit_stops_early(self, early_stopping, n_rows, given, expected):
        assert why_stops_early(early_stopping, n_rows, given) == expected

    @pytest.mark.parametrize(
        ("n_rows", "stops", "why"),
        [
            (100, True, "auto: from 100 rows on where a network is fine-tuned, or with X_val"),
            (99, False, "auto: not below 100 rows where a network is fine-tuned"),
        ],
    )
    def test_fewer_rows_are_held_out_where_a_network_is_fine_tuned(self, n_rows, stops, why):
        assert stops_early("auto", n_rows, given=False, tunes=True) is stops
        assert stops_early("auto", n_rows, given=False) is False
        assert stops_early(False, 1_000, given=False, tunes=True) is False
        assert why_stops_early("auto", n_rows, given=False, tunes=True) == why

    def test_an_epoch_on_a_chunk_says_so(self):
        recipe = Recipe.of(600, TargetSpec(), stops_early=True).for_one_epoch()
        assert (recipe.epochs, recipe.stops_early) == (1, False)
        assert recipe.reasons["epochs"] == "one for each chunk of rows"
