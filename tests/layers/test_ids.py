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


def few_rows():
    """Return a layer of two columns, whose values have 1, 3 and 9 rows."""
    layer = CategoryEmbedding([4, 3], 2, seed=0)
    layer.build((None, 2))
    layer.table.assign(np.arange(1, 15, dtype="float32").reshape(7, 2))
    layer.trust(np.array([8.0, 8, 1, 3, 8, 8, 9]))
    return layer


def test_a_value_of_few_rows_has_the_mean_of_its_vector_and_the_unknown_one():
    layer = few_rows()
    table = layer.table.numpy()

    found = layer(np.array([[2, 2], [3, 1], [0, 0]])).numpy()

    assert_allclose(found[0], [(table[2] + table[1]) / 2, 0.9 * table[6] + 0.1 * table[5]], rtol=1e-6)
    assert_allclose(found[1], [0.75 * table[3] + 0.25 * table[1], table[5]], rtol=1e-6)
    assert_allclose(found[2], [table[0], table[4]])


def test_in_training_a_value_of_few_rows_is_unknown_in_its_share_of_rows():
    layer = few_rows()
    table = layer.table.numpy()

    found = layer(np.tile([[2, 2]], (4000, 1)), training=True).numpy()

    own = [(found[:, 0] == table[2]).all(axis=1), (found[:, 1] == table[6]).all(axis=1)]
    assert_allclose(found[~own[0], 0], np.tile(table[1], ((~own[0]).sum(), 1)))
    assert_allclose(np.mean(own, axis=1), [0.5, 0.9], atol=0.03)


def test_unknown_and_missing_values_always_have_their_own_vectors():
    layer = few_rows()
    ids = np.tile([[0, 1], [1, 0]], (50, 1))

    assert_array_equal(layer(ids, training=True), layer(ids))


def test_without_counts_every_row_has_its_own_vector():
    layer = CategoryEmbedding([4], 2)
    ids = np.tile([[2], [3]], (50, 1))

    assert_array_equal(layer(ids, training=True), layer(ids))
    assert_array_equal(layer(ids), layer.table.numpy()[ids])


def test_decay_is_a_term_of_the_loss_in_training_alone():
    layer = CategoryEmbedding([4], 2, decay=0.5)
    layer(np.array([[2]]))
    assert not layer.losses

    layer(np.array([[2]]), training=True)

    (term,) = layer.losses
    assert_allclose(term, 0.25 * (layer.table.numpy() ** 2).sum(), rtol=1e-6)
