"""The folder of a training process: rows are written partition by partition, and read again as they were."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmulti.dask.job import Job
from skmulti.estimators import EncodedPart
from skmulti.router.lazy import StoredArray


def part(first, last):
    rows = np.arange(first, last, dtype="float32")
    return EncodedPart({"numbers": rows.reshape(-1, 1), "photo": np.repeat(rows, 12).reshape(-1, 12)}, rows, rows + 1)


def read(folder, encoded, n_rows):
    Job.write(folder, 0, ["a:1"], 1, None, iter(encoded), n_rows, 30)
    return Job(folder).rows()


@pytest.mark.parametrize("memory", [10**9, 10 * 7 * 4], ids=["all in memory", "photos on disk"])
def test_partitions_are_joined_in_their_order(tmp_path, monkeypatch, memory):
    monkeypatch.setattr("skmulti.router.lazy.machine_memory", lambda: memory)
    encoded = [(part(0, 2), part(2, 3)), (None, part(3, 4)), (part(4, 9), None)]
    training, held = read(tmp_path, encoded, ((7,), (2,)))

    assert isinstance(training.arrays["photo"], StoredArray) == (memory < 10**9)
    assert not isinstance(training.arrays["numbers"], StoredArray)
    assert_array_equal(training.y, [0, 1, 4, 5, 6, 7, 8])
    assert_array_equal(training.weight, training.y + 1)
    assert_array_equal(training.arrays["photo"][:], np.repeat(training.y, 12).reshape(-1, 12))
    assert_array_equal(training.arrays["numbers"][:], training.y[:, None])
    assert_array_equal(held.y, [2, 3])


def test_a_process_without_rows_to_validate_has_one_that_does_not_count(tmp_path):
    _, held = read(tmp_path, [(part(5, 7), None)], ((2,), (0,)))
    assert_array_equal(held.y, [5])
