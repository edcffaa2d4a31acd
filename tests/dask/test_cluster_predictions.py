"""Predictions on two worker processes: what they compute, what is sent to them, and what happens when one dies."""

import os
import signal
import time

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from dask_cases import READ, CountedScaler, fitted, rows, unpicklings

from skmulti import ImageBranch, ImageDecoder, InputRouter, MultiInputClassifier, NumberScaler
from skmulti.dask import limit_threads

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def frame():
    return rows(200, seed=1)


@pytest.fixture(scope="module")
def classifier():
    return fitted("label")


def partitioned(frame, npartitions=8):
    return dd.from_pandas(frame, npartitions=npartitions)


def threads_of_tensorflow():
    """Return how many threads TensorFlow has for and in operations, and how many cores a worker's code may use."""
    import tensorflow as tf

    from skmulti._workers import available_cores

    options = tf.config.threading
    found = options.get_intra_op_parallelism_threads(), options.get_inter_op_parallelism_threads(), available_cores()
    return (os.getpid(), *found)


def test_workers_have_as_many_threads_as_dask_gives_them(client, classifier, frame):
    # Before anything else in this module: TensorFlow starts its threads once.
    classifier.predict(partitioned(frame, 16)).compute()
    found = client.run(threads_of_tensorflow)
    assert [threads for _, *threads in found.values()] == [[1, 1, 1]] * 2
    limit_threads(client)
    assert client.run(threads_of_tensorflow) == found
    assert threads_of_tensorflow()[1:3] != (1, 1)


@pytest.mark.parametrize("target", ["label", "price", ["price", "rent"], ["label", "code"]])
def test_predictions_are_those_of_the_rows_in_memory(client, frame, target):
    estimator = fitted(target)
    lazy = estimator.predict(partitioned(frame))
    found = lazy.compute()
    expected = estimator.predict(frame)
    if estimator.__class__ is MultiInputClassifier:
        np.testing.assert_array_equal(found.to_numpy(), expected)
    else:
        np.testing.assert_allclose(found.to_numpy(), expected, rtol=1e-5)
    pd.testing.assert_index_equal(found.index, frame.index)
    assert lazy.divisions == partitioned(frame).divisions
    assert estimator.score(partitioned(frame), target) == pytest.approx(
        estimator.score(frame[READ], frame[target]), abs=1e-6
    )


def test_partitions_without_rows(client, classifier, frame):
    table = partitioned(frame)
    found = classifier.predict_proba(table[table["id"] >= 120]).compute()
    np.testing.assert_allclose(found.to_numpy(), classifier.predict_proba(frame[120:]), atol=1e-6)


def test_unknown_categories(client, classifier, frame):
    other = frame.assign(place=pd.Categorical(["Bonn", "Rome"] * 100))
    found = classifier.predict_proba(partitioned(other)).compute()
    np.testing.assert_allclose(found.to_numpy(), classifier.predict_proba(other), atol=1e-6)


def test_photos_by_path(client, photos):
    frame, label = photos
    router = InputRouter([("number", NumberScaler(), ["number"]), ("photo", ImageDecoder(size=(8, 8)), "photo")])
    clf = MultiInputClassifier(router, branches={"photo": ImageBranch((2,))}, epochs=1, random_state=0)
    clf.fit(frame[["number", "photo"]], label)
    found = clf.predict_proba(partitioned(frame)).compute()
    np.testing.assert_allclose(found.to_numpy(), clf.predict_proba(frame), atol=1e-6)


def test_an_estimator_is_sent_and_unpickled_once_for_each_worker(client, frame, tmp_path):
    file = tmp_path / "unpicklings"
    clf = fitted("label", CountedScaler(str(file)))
    file.unlink(missing_ok=True)
    for _ in range(2):
        clf.predict(partitioned(frame, 40)).compute()
    found = unpicklings(file)
    workers = set(client.run(os.getpid).values())
    assert len(found) == len(set(found)) <= 2
    assert set(found) <= workers


def test_predictions_are_written_by_the_workers(client, classifier, frame, tmp_path):
    classifier.predict_proba(partitioned(frame)).to_parquet(tmp_path / "out")
    found = pd.read_parquet(tmp_path / "out")
    np.testing.assert_allclose(found.to_numpy(), classifier.predict_proba(frame), atol=1e-6)
    assert len(list((tmp_path / "out").glob("*.parquet"))) == 8


def slowly(frame, seconds):
    time.sleep(seconds)
    return frame


@pytest.mark.faults
@pytest.mark.parametrize("round_", range(5))
def test_a_worker_that_is_killed_is_replaced_and_the_result_is_right(client, classifier, frame, round_):
    client.wait_for_workers(2, timeout=120)
    table = partitioned(frame, 16).map_partitions(slowly, 0.2)
    running = client.compute(classifier.predict_proba(table))
    time.sleep(1)
    victims = sorted(client.run(os.getpid).values())
    assert not running.done()
    os.kill(victims[round_ % 2], signal.SIGKILL)
    np.testing.assert_allclose(running.result(timeout=240).to_numpy(), classifier.predict_proba(frame), atol=1e-6)
    found = classifier.predict(partitioned(frame)).compute()
    np.testing.assert_array_equal(found.to_numpy(), classifier.predict(frame))


def test_threads_of_a_worker_share_an_estimator(classifier, frame):
    with dask.config.set(scheduler="threads", num_workers=8):
        found = classifier.predict_proba(partitioned(frame, 64)).compute()
    np.testing.assert_allclose(found.to_numpy(), classifier.predict_proba(frame), atol=1e-6)
