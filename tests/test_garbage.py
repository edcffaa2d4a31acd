"""No garbage is collected while a graph of TensorFlow's is made."""

import gc
import threading

import keras
import numpy as np
import pytest

from skmulti import DenseBranch, DenseHead, MultiInputRegressor
from skmulti._process import uncollected
from skmulti.network.forward import Forward

SEEN = []


@keras.saving.register_keras_serializable(package="test_garbage")
class Note(keras.layers.Layer):
    """Notes whether garbage is collected when it is called."""

    def call(self, inputs):
        SEEN.append(gc.isenabled())
        return inputs


class NotingBranch(DenseBranch):
    """A dense branch that notes it, too."""

    def connect(self, tensor, spec, sample):
        return Note()(super().connect(tensor, spec, sample))


@pytest.fixture(autouse=True)
def _collecting():
    """Begin with garbage that is collected, and leave it as it was."""
    was = gc.isenabled()
    gc.enable()
    SEEN.clear()
    yield
    (gc.enable if was else gc.disable)()


def test_none_is_while_a_prediction_is_compiled():
    inputs = keras.Input((2,), name="a")
    forward = Forward(keras.Model({"a": inputs}, Note()(inputs)))
    SEEN.clear()
    forward({"a": np.zeros((3, 2), dtype="float32")})
    assert SEEN == [False]
    assert gc.isenabled()


def test_none_is_while_a_fit_builds_and_traces():
    rows = np.random.default_rng(0).normal(size=(30, 2))
    # Nothing is left open that a look at the rows would decide: it calls layers, and makes no graph.
    branches, head = {"numbers": NotingBranch((2,))}, DenseHead((2,))
    MultiInputRegressor(branches=branches, head=head, epochs=1, random_state=0).fit(rows, rows[:, 0])
    assert SEEN
    assert not any(SEEN)
    assert gc.isenabled()


@pytest.mark.parametrize("collects", [True, False])
def test_it_is_collected_as_before_when_the_last_thread_has_ended(collects):
    (gc.enable if collects else gc.disable)()
    begun, go_on, found = threading.Event(), threading.Event(), []

    def other():
        with uncollected():
            begun.set()
            assert go_on.wait(10)
        found.append(gc.isenabled())

    thread = threading.Thread(target=other)
    with uncollected():
        thread.start()
        assert begun.wait(10)
    assert not gc.isenabled()
    go_on.set()
    thread.join(10)
    assert found == [collects]
    assert gc.isenabled() is collects
