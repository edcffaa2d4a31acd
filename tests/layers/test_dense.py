"""Gates over inputs and a vector for each input, compared with NumPy."""

import numpy as np
import pytest
from layer_cases import numbers
from numpy.testing import assert_allclose

from skmulti.layers.dense import Gates, InputEmbedding, OpenDropout, OpenInput


def test_gates_are_a_softmax_over_present_inputs():
    present = np.array([[True, True, False], [False, False, False]])
    scores = np.float32([[0, np.log(3), 9], [1, 2, 3]])

    assert_allclose(Gates()(present, scores), [[0.25, 0.75, 0], [1 / 3] * 3], rtol=1e-6)
    assert_allclose(Gates()(present), [[0.5, 0.5, 0], [1 / 3] * 3], rtol=1e-6)


def test_input_embedding_adds_a_vector_to_each_input():
    layer = InputEmbedding()
    values = numbers(4, 2, 3)

    assert_allclose(layer(values), values + layer.get_weights()[0], rtol=1e-6)


@pytest.mark.parametrize("chosen", [0.0, 0.25, None])
def test_a_fit_may_choose_what_is_dropped(chosen):
    layer, ones = OpenDropout(0.5, chosen=chosen, seed=0), np.ones((2_000, 5), "float32")
    dropped = np.asarray(layer(ones, training=True))
    share = 0.5 if chosen is None else chosen
    assert_allclose((dropped == 0).mean(), share, atol=0.02)
    assert_allclose(dropped[dropped != 0], 1 / (1 - share), rtol=1e-6)
    assert_allclose(layer(ones), ones)


@pytest.mark.parametrize("left_out", [False, True])
def test_an_input_that_is_left_out_is_zeros(left_out):
    layer, vectors = OpenInput(left_out), np.arange(6.0).reshape(2, 3)
    assert_allclose(layer(vectors), np.zeros((2, 3)) if left_out else vectors)
