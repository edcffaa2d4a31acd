"""Rows by id, and a gradient that Adam can use: an oracle of three rows."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from skmulti.layers.ids import CategoryEmbedding, WordBag, WordEmbedding, look_up

TABLE = np.arange(6, dtype="float32").reshape(3, 2)
# The first value comes up seven times, the second once, the last never.
IDS = np.array([[0, 0, 0, 0], [1, 0, 0, 0]])


def test_each_id_gets_its_row():
    assert_array_equal(look_up(TABLE, IDS), TABLE[IDS])


def test_the_gradient_of_a_row_is_the_sum_over_its_places():
    table = tf.Variable(TABLE)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(look_up(table, IDS) * [1.0, 10.0])

    gradient = tape.gradient(loss, table)

    assert isinstance(gradient, tf.Tensor)
    assert_array_equal(gradient, [[7, 70], [1, 10], [0, 0]])


@pytest.mark.parametrize("layer", [WordEmbedding(3, 2), WordBag([1, 1, 1], 2), CategoryEmbedding([3] * 4, 2)])
def test_a_value_moves_as_far_as_adam_means_it_to_however_often_it_comes_up(layer):
    layer.build((None, 4))
    (table,) = layer.trainable_variables
    before = table.numpy()
    optimizer = keras.optimizers.Adam(0.1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tf.constant([[2, 2, 2, 2], [1, 2, 2, 2]])))

    optimizer.apply(tape.gradient(loss, [table.value]), [table])

    moved = np.abs(table.numpy() - before)
    # Adam's first step is the learning rate for whatever has a gradient.
    assert_allclose(moved[moved > 0], 0.1, rtol=1e-3)
