"""Layers over steps: masks, summaries and positions, compared with NumPy."""

import numpy as np
import pytest
from layer_cases import SEEN, numbers
from numpy.testing import assert_allclose, assert_array_equal

from skmulti.layers.steps import StepMask, StepPosition, StepSummary, ZeroMasked


def test_masked_steps_become_zero_and_the_mask_ends():
    layer = ZeroMasked()
    values = numbers(3, 3, 2)

    assert_array_equal(layer(values, mask=SEEN), values * SEEN[:, :, None])
    assert_array_equal(layer(values), values)
    assert layer.compute_mask(values, SEEN) is None


def test_summary_is_average_and_maximum_over_seen_steps():
    values = numbers(3, 3, 2)
    summary = StepSummary()(values, mask=SEEN).numpy()

    for row, seen, found in zip(values, SEEN, summary, strict=True):
        expected = np.hstack([row[seen].mean(axis=0), row[seen].max(axis=0)]) if seen.any() else np.zeros(4)
        assert_allclose(found, expected, rtol=1e-6)


def test_summary_without_a_mask_takes_all_steps():
    values = numbers(3, 4, 2)

    assert_allclose(StepSummary()(values), np.hstack([values.mean(axis=1), values.max(axis=1)]), rtol=1e-6)


@pytest.mark.parametrize(("pooling", "part"), [("average", slice(0, 2)), ("max", slice(2, 4))])
@pytest.mark.parametrize("mask", [None, SEEN])
def test_summary_may_be_one_of_the_two(pooling, part, mask):
    values = numbers(3, 3, 2)
    layer = StepSummary(pooling)

    assert_array_equal(layer(values, mask=mask), StepSummary()(values, mask=mask)[:, part])
    assert layer.compute_output_shape((None, 3, 2)) == (None, 2)


def test_step_mask_gives_the_mask_as_a_tensor():
    assert_array_equal(StepMask()(numbers(3, 3, 2), mask=SEEN), SEEN)
    assert_array_equal(StepMask()(numbers(3, 3, 2)), np.ones((3, 3), bool))


def test_position_counts_seen_steps_only():
    layer = StepPosition()
    wave = layer(np.zeros((1, 4, 6), "float32")).numpy()
    late = layer(np.zeros((1, 4, 6), "float32"), mask=np.array([[False, True, True, True]])).numpy()

    assert_allclose(late[:, 1:], wave[:, :3], atol=1e-7)


def test_position_is_the_sine_wave_of_the_paper():
    steps, width = 5, 4
    position, pair = np.arange(steps)[:, None], np.arange(width) // 2
    angle = position / 1e4 ** (2 * pair / width)
    wave = np.where(np.arange(width) % 2 == 0, np.sin(angle), np.cos(angle))

    assert_allclose(StepPosition()(np.zeros((1, steps, width), "float32"))[0], 0.1 * wave, atol=1e-6)
