"""Tests of `skmulti.forward`: a network's prediction as one compiled function."""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
import tensorflow as tf
from threads import python_threads

from skmulti import _workers
from skmulti.layers import Backbone
from skmulti.network.forward import Forward
from skmulti.training.run import isolate

ARRAYS = {"a": np.random.default_rng(0).normal(size=(22, 2)).astype("float32")}


def network():
    """Build a small untrained network of one input, always the same."""
    with isolate(3, "float32"):
        inputs = {"a": keras.Input((2,), name="a")}
        hidden = keras.layers.Dense(3, activation="tanh")(inputs["a"])
        return keras.Model(inputs, keras.layers.Dense(1)(hidden))


@keras.saving.register_keras_serializable(package="test_forward")
class MostRows(keras.layers.Layer):
    """Notes the most rows that it gets in a call."""

    def build(self, input_shape):
        self.most = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False)

    def call(self, inputs):
        self.most.assign(keras.ops.maximum(self.most, keras.ops.shape(inputs)[0]))
        return inputs


class TestForward:
    def test_fewer_rows_of_a_pretrained_network_are_computed_at_once(self):
        ids = keras.Input((None,), dtype="int32")
        steps = keras.layers.Dense(512)(keras.layers.Embedding(9, 4)(ids))
        counter = MostRows()
        inner = Backbone(ids, counter(keras.layers.GlobalAveragePooling1D()(steps)))
        inputs = {"text": keras.Input((64,), dtype="int32", name="text")}
        model, rows = keras.Model(inputs, inner(inputs["text"])), np.arange(1_200 * 64).reshape(1_200, 64) % 9
        found = Forward(model)({"text": rows})

        # 64 steps of 512 numbers are 2**15 of a row.
        assert int(counter.most.value) == 128
        np.testing.assert_allclose(found, np.asarray(model({"text": rows})), rtol=1e-5, atol=1e-6)

    def test_chunks_give_what_one_call_gives(self):
        forward = Forward(network())
        np.testing.assert_allclose(forward(ARRAYS, chunk_rows=7), forward(ARRAYS), atol=1e-6)

    @pytest.mark.parametrize("n_threads", [1, 3])
    def test_chunks_in_threads_have_the_same_bits_in_the_same_order(self, monkeypatch, n_threads):
        model, rows = network(), {"a": np.random.default_rng(1).normal(size=(400, 2)).astype("float32")}
        expected = np.concatenate([Forward(model)({"a": rows["a"][i : i + 16]}) for i in range(0, 400, 16)])
        monkeypatch.setattr(_workers, "tensorflow_threads", lambda: n_threads)
        np.testing.assert_array_equal(Forward(model)(rows, chunk_rows=16), expected)

    @pytest.mark.parametrize("n_rows", [16, 20, 31, 60, 129])
    @pytest.mark.parametrize("activation", ["softmax", "sigmoid", "tanh", "gelu"])
    def test_a_row_has_the_same_bits_at_any_place(self, n_rows, activation):
        rng = np.random.default_rng(n_rows)
        with isolate(5, "float32"):
            inputs = {"a": keras.Input((2,), name="a")}
            hidden = keras.layers.Dense(7, activation=activation)(inputs["a"])
            forward = Forward(keras.Model(inputs, keras.layers.Dense(3, activation=activation)(hidden)))
        rows = rng.normal(size=(n_rows, 2)).astype("float32")
        expected = forward({"a": rows})
        assert expected.shape == (n_rows, 3)
        # Each row is at the end once.
        for shift in range(n_rows):
            found = forward({"a": np.roll(rows, shift, axis=0)})
            np.testing.assert_array_equal(found, np.roll(expected, shift, axis=0), strict=True)

    @pytest.mark.parametrize("n_rows", [8_160, 20_001])
    def test_a_row_of_a_large_table_has_the_same_bits_at_any_place(self, n_rows):
        rng, forward = np.random.default_rng(n_rows), Forward(network())
        rows, order = rng.normal(size=(n_rows, 2)).astype("float32"), rng.permutation(n_rows)
        expected = forward({"a": rows})
        assert expected.shape == (n_rows, 1)
        np.testing.assert_array_equal(forward({"a": rows[order]}), expected[order])
        # Nor does it matter how a table is divided, into parts that are not small.
        parts = [forward({"a": rows[i : i + 3_000]}) for i in range(0, n_rows, 3_000)]
        np.testing.assert_array_equal(np.concatenate(parts), expected)

    def test_an_error_in_a_thread_is_raised_and_ends_the_others(self):
        before = python_threads()
        wrong = {"a": np.zeros((22, 3), dtype="float32")}
        with pytest.raises(tf.errors.InvalidArgumentError):
            Forward(network())(wrong, chunk_rows=2)
        assert python_threads() <= before

    def test_several_outputs_come_by_name(self):
        inputs = {"b": keras.Input((2,), name="b"), "a": keras.Input((3,), name="a")}
        outputs = {"sum": keras.layers.Add()([inputs["b"], inputs["b"]]), "a": inputs["a"]}
        rows = {
            name: np.random.default_rng(0).normal(size=(5, width)).astype("float32")
            for name, width in (("a", 3), ("b", 2))
        }
        for chunk_rows in (None, 2):
            found = Forward(keras.Model(inputs, outputs))(rows, chunk_rows)
            assert found.keys() == {"sum", "a"}
            np.testing.assert_array_equal(found["sum"], 2 * rows["b"])
            np.testing.assert_array_equal(found["a"], rows["a"])

    def test_the_output_is_that_of_the_network(self):
        model = network()
        expected = model.predict(ARRAYS, verbose=0)
        np.testing.assert_allclose(Forward(model)(ARRAYS), expected, atol=1e-6)

    @pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "bool"])
    def test_rows_that_are_no_array_of_numpy_keep_their_type(self, dtype):
        class Rows:
            """Rows elsewhere, as `StoredArray` holds rows of a file."""

            def __init__(self, array):
                self.array, self.shape = array, array.shape

            def __len__(self):
                return len(self.array)

            def __getitem__(self, rows):
                return Rows(self.array[rows])

            def __array__(self, dtype=None, copy=None):
                return np.asarray(self.array, dtype)

        inputs = {"a": keras.Input((2,), dtype=dtype, name="a")}
        model = keras.Model(inputs, keras.ops.cast(inputs["a"], "float32") * 2)
        array = np.array([[0, 1], [1, 1], [1, 0]], dtype)
        for chunk_rows in (None, 2):
            found = Forward(model)({"a": Rows(array)}, chunk_rows)
            np.testing.assert_array_equal(found, 2 * array.astype("float32"))

    def test_current_weights_are_used_at_each_call(self):
        model = network()
        forward = Forward(model)
        forward(ARRAYS)
        model.set_weights([weight * 0 for weight in model.get_weights()])
        assert (forward(ARRAYS) == 0).all()

    def test_many_networks_cause_no_warning_of_tensorflow(self, caplog):
        for _ in range(7):
            Forward(network())(ARRAYS)
        assert "retracing" not in caplog.text

    def test_arrays_that_the_network_does_not_read_are_left_out(self):
        forward = Forward(network())
        more = {"z": np.zeros((22, 9)), **ARRAYS}
        np.testing.assert_array_equal(forward(more), forward(ARRAYS))

    def test_any_number_of_rows_is_traced_once(self):
        forward, compiled = Forward(network()), set()
        for n_rows in (1, 22, 3, 7):
            assert forward({"a": ARRAYS["a"][:n_rows]}).shape == (n_rows, 1)
            compiled.add(forward._compiled)
        assert len(compiled) == 1

    def test_threads_get_what_one_thread_gets(self):
        forward = Forward(network())
        with ThreadPoolExecutor(8) as pool:
            outputs = list(pool.map(lambda i: forward({"a": ARRAYS["a"][i % 22 :][:1]}), range(64)))
        expected = Forward(network())(ARRAYS)
        for i, output in enumerate(outputs):
            np.testing.assert_allclose(output[0], expected[i % 22], atol=1e-6)
