"""Gates over inputs and a vector for each input, compared with NumPy."""

import numpy as np
from layer_cases import numbers
from numpy.testing import assert_allclose

from skmulti.layers.dense import Gates, InputEmbedding


def test_gates_are_a_softmax_over_present_inputs():
    present = np.array([[True, True, False], [False, False, False]])
    scores = np.float32([[0, np.log(3), 9], [1, 2, 3]])

    assert_allclose(Gates()(present, scores), [[0.25, 0.75, 0], [1 / 3] * 3], rtol=1e-6)
    assert_allclose(Gates()(present), [[0.5, 0.5, 0], [1 / 3] * 3], rtol=1e-6)


def test_input_embedding_adds_a_vector_to_each_input():
    layer = InputEmbedding()
    values = numbers(4, 2, 3)

    assert_allclose(layer(values), values + layer.get_weights()[0], rtol=1e-6)
