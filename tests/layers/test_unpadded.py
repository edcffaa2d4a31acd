"""Words and steps without padding: sums and gradients beside NumPy and beside the layers that read all places."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from skmulti.layers import StepSummary
from skmulti.layers.ids import WordBag, WordEmbedding
from skmulti.layers.unpadded import look_up_words, paddings_skipped, skips_padding, sum_rows, summarise

TABLE = np.arange(1, 11, dtype="float32").reshape(5, 2)
# A word that comes up twice, a text with padding in front, and one without words.
IDS = np.array([[2, 3, 2, 0], [0, 0, 4, 1], [0, 0, 0, 0]], dtype="int32")
WEIGHTS = np.where(IDS > 0, [[1.0, 2, 3, 4]], 0)


def onehot():
    """Return the ids as rows of 0 and 1: (texts, places, ids)."""
    return np.eye(len(TABLE))[IDS]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_and_their_gradient_are_products_with_one_hot_rows(dtype):
    table, weights = tf.Variable(TABLE.astype(dtype)), tf.constant(WEIGHTS, dtype)
    above = np.array([[1.0, 10], [2, 20], [3, 30]])
    with tf.GradientTape() as tape:
        sums = sum_rows(table.value(), tf.constant(IDS), weights)
        loss = tf.reduce_sum(sums * above.astype(dtype))

    matrix = np.einsum("blv,bl->bv", onehot(), WEIGHTS)
    assert_allclose(sums, matrix @ TABLE, rtol=1e-6)
    assert_allclose(tape.gradient(loss, table), matrix.T @ above, rtol=1e-6)


def test_words_have_their_rows_and_padding_no_gradient():
    table = tf.Variable(TABLE)
    above = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    with tf.GradientTape() as tape:
        rows = look_up_words(table.value(), tf.constant(IDS))
        loss = tf.reduce_sum(rows * above)

    assert_array_equal(rows, TABLE[IDS])
    expected = np.einsum("blv,blw->vw", onehot(), above)
    expected[0] = 0
    assert_allclose(tape.gradient(loss, table), expected, rtol=1e-5)


def test_steps_are_summarised_where_they_are():
    steps, mask = TABLE[IDS], IDS > 0

    mean, highest = summarise(tf.constant(steps), tf.constant(mask))

    for i in range(2):
        assert_allclose(mean[i], steps[i][mask[i]].mean(axis=0), rtol=1e-6)
        assert_array_equal(highest[i], steps[i][mask[i]].max(axis=0))
    assert_array_equal(np.stack([mean[2], highest[2]]), 0)


def pooled():
    """Return a layer that pools looked-up words."""
    inputs = keras.Input((4,), dtype="int32")
    return keras.Model(inputs, StepSummary()(WordEmbedding(5, 2, mask_zero=True)(inputs)))


@pytest.mark.parametrize("make", [lambda: WordBag([0, 0.5, 1, 2, 3], 2), pooled], ids=["bag", "pool"])
@pytest.mark.parametrize("ids", [IDS, IDS[2:]], ids=["texts", "no words"])
def test_a_layer_trains_with_the_values_and_gradients_of_its_prediction(make, ids):
    layer = make()
    layer(ids)
    (table,) = layer.trainable_variables
    table.assign(TABLE)
    found = []
    for training in (True, False):
        with tf.GradientTape() as tape:
            output = layer(tf.constant(ids), training=training)
            loss = tf.reduce_sum(output * np.arange(1.0, output.shape[1] + 1))
        found.append((output, tape.gradient(loss, table.value)))

    assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    assert_allclose(found[0][1], found[1][1], rtol=1e-6)


@pytest.mark.parametrize("make", [lambda: WordBag([0, 0.5, 1, 2, 3], 2), pooled], ids=["bag", "pool"])
def test_xla_compiles_a_step_with_padding(make):
    layer = make()
    layer(IDS)
    asked = []

    def step(ids):
        asked.append(skips_padding("float32"))
        with tf.GradientTape() as tape:
            output = layer(ids, training=True)
        return output, tape.gradient(output, layer.trainable_variables)

    def traced(ids):
        return tf.function(step, jit_compile=True, autograph=False)(ids)

    (output, _), (compiled, _) = step(tf.constant(IDS)), tf.function(traced, autograph=False)(tf.constant(IDS))

    assert asked == [True, False]
    assert_allclose(compiled, output, rtol=1e-6)


def test_other_floats_and_tables_that_move_by_rows_read_all_places():
    assert not skips_padding("float16")
    bag = WordBag([0, 1, 1, 1, 1], 2)
    bag(IDS)
    bag.table.by_rows = True
    with tf.GradientTape() as tape:
        output = bag(tf.constant(IDS), training=True)

    assert isinstance(tape.gradient(output, bag.table.value), tf.IndexedSlices)


def test_predictions_that_stay_here_leave_out_padding():
    steps = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    mask = np.array([[True, True, False, False], [False, True, False, True], [False] * 4])
    layer = StepSummary()

    def traced():
        return tf.function(lambda: layer(steps, mask=mask), autograph=False).get_concrete_function()

    with paddings_skipped():
        short = traced()
    whole = traced()
    kinds = [{operation.type for operation in function.graph.get_operations()} for function in (short, whole)]
    assert ["SegmentSum" in own for own in kinds] == [True, False]
    assert_allclose(short().numpy(), whole().numpy(), atol=1e-6)
