"""Rows of a router as a dataset: order, shuffling, and lazy rows decoded batch by batch."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skmulti import (
    CategoryIndexer,
    ImageDecoder,
    InputMismatchError,
    InputRouter,
    NumberScaler,
)

N = 50
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(N, 3)).astype("float32")
WORDS = RNG.integers(2, 12, (N, 4)).astype("int32")
Y = (NUMBERS[:, 0] > 0).astype(int)


@pytest.fixture(scope="module")
def on_a_frame():
    """A frame, its target, and a fitted router."""
    frame = pd.DataFrame({"a": NUMBERS[:, 0], "b": NUMBERS[:, 1], "city": np.take(list("xyz"), WORDS[:, 0] % 3)})
    router = InputRouter([("numbers", NumberScaler(), ["a", "b"]), ("city", CategoryIndexer(), "city")])
    return frame, Y, router.fit(frame)


class TestToDataset:
    def test_batches_are_the_rows_of_transform(self, on_a_frame):
        frame, y, router = on_a_frame
        found = list(router.to_dataset(frame, y, batch_size=16))
        assert [len(targets) for _, targets in found] == [16, 16, 16, 2]
        for name, array in router.transform(frame).items():
            assert_array_equal(np.concatenate([x[name] for x, _ in found]), array)
        assert_array_equal(np.concatenate([targets for _, targets in found]), y)

    def test_shuffled_rows_stay_together_and_change_with_the_epoch(self, on_a_frame):
        frame, _, router = on_a_frame
        dataset = router.to_dataset(frame, frame["a"], batch_size=16, shuffle=True, seed=1)
        epochs = []
        for _ in range(2):
            rows = [(x["numbers"].numpy()[:, 0], targets.numpy()) for x, targets in dataset]
            scaled, targets = (np.concatenate(part) for part in zip(*rows, strict=True))
            assert np.corrcoef(scaled, targets)[0, 1] > 0.999
            epochs.append(targets.tolist())
        assert epochs[0] != epochs[1]
        assert sorted(epochs[0]) == sorted(epochs[1])

    def test_one_seed_gives_one_order(self, on_a_frame):
        frame, _, router = on_a_frame
        orders = [
            np.concatenate([t for _, t in router.to_dataset(frame, frame["a"], shuffle=True, seed=seed)]).tolist()
            for seed in (3, 3, 4)
        ]
        assert orders[0] == orders[1] != orders[2]

    def test_lazy_rows_are_decoded_batch_by_batch(self):
        frame = pd.DataFrame({"photo": [np.full((4, 4), value, "uint8") for value in range(5)]})
        router = InputRouter([("photo", ImageDecoder(size=(2, 2), lazy=True), "photo")]).fit(frame)
        found = [x["photo"].numpy()[:, 0, 0, 0].tolist() for x in router.to_dataset(frame, batch_size=2)]
        assert found == [[0, 1], [2, 3], [4]]

    def test_targets_of_another_length_are_refused(self, on_a_frame):
        with pytest.raises(InputMismatchError, match="X has 50 rows, y has 3"):
            on_a_frame[2].to_dataset(on_a_frame[0], [1, 2, 3])
