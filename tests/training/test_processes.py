"""The part of a training that one of several processes has: which rows it takes, and what it sends to the others."""

import keras
import numpy as np
import pytest

from skmulti.training import Alone, Schedule, SharedRows, shares, train


@pytest.mark.parametrize(
    ("n_rows", "batch_size"), [((8, 300), 44), ((7, 1, 300), 64), ((5,), 2), ((3, 3), 100), ((1, 1000, 10), 7)]
)
def test_shares_make_whole_batches_of_all_rows(n_rows, batch_size):
    taken = shares(n_rows, batch_size)
    assert taken.sum(axis=0).tolist() == list(n_rows)
    sizes = taken.sum(axis=1)
    assert (sizes[:-1] == batch_size).all()
    assert 0 < sizes[-1] <= batch_size
    # Never more than a row from what a process has of all rows.
    assert np.abs(taken - sizes[:, None] * np.array(n_rows) / sum(n_rows)).max() < 2


class Counting(Alone):
    """One process that notes what it would have sent."""

    def __init__(self):
        self.sent = []

    def sum(self, tensors):
        self.sent.append(len(tensors))
        return tensors


def test_a_step_sends_its_gradients_once_and_no_metrics():
    rng = np.random.default_rng(0)
    tensor = keras.Input((3,), name="a")
    model = keras.Model({"a": tensor}, keras.layers.Dense(1)(tensor))
    model.compile("sgd", "mse", metrics=["mae"], run_eagerly=True, steps_per_execution=5)
    crew = Counting()
    rows = SharedRows({"a": rng.normal(size=(50, 3)).astype("float32")}, rng.normal(size=(50, 1)), None, (50,), crew)
    train(model, rows, None, Schedule(epochs=2, batch_size=10, shuffle=False, seed=0), [], {})
    # Kernel and bias in each of ten steps; figures when an execution and an epoch end, not in a step.
    assert crew.sent.count(2) == 10
    assert len(crew.sent) - 10 <= 6
