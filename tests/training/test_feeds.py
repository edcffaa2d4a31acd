"""Batches whose rows are read or decoded while the network trains: order, windows and sizes."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from lazy_cases import Counter
from numpy.testing import assert_array_equal
from table_cases import N

from skmulti import (
    InputRouter,
)
from skmulti.sources.tables import table_source
from skmulti.training import feeds as feeds_module
from skmulti.training.run import Rows


class TestShuffle:
    def test_windows_hold_each_row_once(self, folder, monkeypatch):
        monkeypatch.setattr(feeds_module, "WINDOW_ROWS", 50)
        source = table_source(folder)
        source.column("label")
        positions = np.flatnonzero(np.arange(N) % 3)
        orders = []
        for epoch in range(2):
            windows = list(feeds_module._windows(source, positions, np.random.default_rng([0, epoch])))
            places = np.concatenate([chosen for chosen, _ in windows])
            labels = np.concatenate([frame.index for _, frame in windows])
            assert sorted(places) == list(range(len(positions)))
            assert_array_equal(positions[places], labels)
            orders.append(places.tolist())
        assert orders[0] != orders[1]

    @pytest.mark.parametrize("sizes", [[3, 3, 3], [10], [1, 1, 8, 2]])
    def test_batches_have_one_size_but_for_the_last(self, sizes):
        starts = np.cumsum([0, *sizes])
        pieces = [({"a": np.arange(i, j)}, np.arange(i, j)) for i, j in pairwise(starts)]
        found = list(feeds_module._cut_batches(iter(pieces), 4))
        assert [len(y) for _, y in found][:-1] == [4] * (len(found) - 1)
        assert np.concatenate([y for _, y in found]).tolist() == list(range(sum(sizes)))


class TestBatches:
    def rows_of(self, epoch, encoded, shuffle):
        feed = Rows(encoded, np.arange(10), None).feed(4, seed=0 if shuffle else None)
        for callback in feed.callbacks():
            callback.on_epoch_begin(epoch)
        batches = map(feed.batch, range(feed.n_steps)) if feed.in_place else feed.steps()
        return [(arrays["a"].numpy()[:, 0].tolist(), y.numpy().tolist()) for arrays, y in batches]

    @pytest.mark.parametrize("shuffle", [True, False])
    @pytest.mark.parametrize("epoch", [0, 3])
    def test_order_is_that_in_memory_and_the_tail_is_kept(self, epoch, shuffle):
        frame = pd.DataFrame({"a": np.arange(10.0)})
        lazily = InputRouter([("a", Counter(), "a")]).fit_encode(frame)
        whole = {"a": np.arange(10.0, dtype="float32")[:, None]}
        found = self.rows_of(epoch, lazily, shuffle)
        assert found == self.rows_of(epoch, whole, shuffle)
        assert [len(a) for a, _ in found] == [4, 4, 2]
