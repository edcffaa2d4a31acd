"""Searches on two worker processes: the scores of one process, what is sent, and what a dead worker costs."""

import os
import threading
from contextlib import contextmanager

import joblib
import numpy as np
import pandas as pd
import pytest
from distributed.comm import tcp
from distributed.scheduler import KilledWorker
from PIL import Image
from search_cases import GRID, Constant, DiesAtEpoch, classifier, photo_classifier, rows
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV, cross_validate

from skmulti._workers import call_in_threads
from skmulti.dask import use_cluster

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore:The hold-out was still improving")]

# Its last bits depend on every weight, unlike an accuracy.
SCORING = "neg_log_loss"


@pytest.fixture(scope="module")
def table():
    return rows()


@contextmanager
def bytes_counted():
    """Count the bytes that this process, of the client and the scheduler, sends."""
    counts, write = [], tcp.TCP.write

    async def counting(self, *args, **kwargs):
        counts.append(await write(self, *args, **kwargs))
        return counts[-1]

    tcp.TCP.write = counting
    try:
        yield counts
    finally:
        tcp.TCP.write = write


def threads_of_calls(_):
    """Return the threads in which six calls ran, relative to the one of this task."""
    pause = threading.Event()
    found = call_in_threads(lambda i: (pause.wait(0.01), threading.get_ident())[1], [(i,) for i in range(6)], None)
    return len(set(found)), found[0] == threading.get_ident()


class TestScores:
    @pytest.mark.parametrize("index", [None, "range"])
    def test_a_grid_search_has_the_scores_of_one_process_to_the_last_bit(self, client, table, index):
        df, y = table if index is None else (table[0].reset_index(drop=True), table[1].to_numpy())
        search = GridSearchCV(classifier(), GRID, cv=2, scoring=SCORING)
        with use_cluster(client):
            search.fit(df, y)
        alone = GridSearchCV(classifier(), GRID, cv=2, scoring=SCORING).fit(df, y)
        for fold in ("split0_test_score", "split1_test_score"):
            np.testing.assert_array_equal(search.cv_results_[fold], alone.cv_results_[fold])
        assert search.best_index_ == alone.best_index_
        np.testing.assert_array_equal(search.predict_proba(df), alone.predict_proba(df))

    def test_so_has_a_randomized_search(self, client, table):
        space = {"optimizer__learning_rate": np.geomspace(1e-4, 1e-1, 50)}
        params = {"n_iter": 3, "cv": 2, "scoring": SCORING, "random_state": 0, "refit": False}
        with use_cluster(client):
            search = RandomizedSearchCV(classifier(), space, **params).fit(*table)
        alone = RandomizedSearchCV(classifier(), space, **params).fit(*table)
        assert search.cv_results_["params"] == alone.cv_results_["params"]
        np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])

    def test_so_has_a_halving_search_over_epochs(self, client, table):
        params = {"resource": "epochs", "max_resources": 4, "min_resources": 2, "factor": 2, "cv": 2}
        with use_cluster(client):
            search = HalvingGridSearchCV(classifier(), GRID, scoring=SCORING, random_state=0, **params).fit(*table)
        alone = HalvingGridSearchCV(classifier(), GRID, scoring=SCORING, random_state=0, **params).fit(*table)
        assert list(search.cv_results_["n_resources"]) == list(alone.cv_results_["n_resources"]) == [2] * 4 + [4] * 2
        np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])

    def test_fits_in_threads_of_one_worker_have_them_too(self, table):
        from distributed import Client, LocalCluster

        alone = cross_validate(classifier(), *table, cv=4, scoring=SCORING)["test_score"]
        with (
            LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=":0") as cluster,
            Client(cluster) as client,
            use_cluster(client),
        ):
            scores = cross_validate(classifier(), *table, cv=4, scoring=SCORING)["test_score"]
        np.testing.assert_array_equal(scores, alone)

    def test_a_failed_fit_has_the_error_score(self, client, table):
        grid = {"epochs": [1, -3]}
        with use_cluster(client), pytest.warns(FitFailedWarning, match="2 fits failed"):
            search = GridSearchCV(classifier(), grid, cv=2, refit=False).fit(*table)
        assert list(np.isnan(search.cv_results_["mean_test_score"])) == [False, True]
        with use_cluster(client), pytest.raises(ValueError, match="epochs"):
            GridSearchCV(classifier(), grid, cv=2, refit=False, error_score="raise").fit(*table)


class TestTransfers:
    def test_the_frame_is_sent_once_not_once_a_task(self, client):
        df, y = pd.DataFrame({"x": np.random.default_rng(0).normal(size=300_000)}), np.arange(300_000) % 2
        size = df["x"].nbytes + y.nbytes + 2 * y.nbytes  # two folds divide the positions of the rows
        with use_cluster(client), bytes_counted() as counts:
            GridSearchCV(Constant(), {"value": list(range(8))}, cv=2, refit=False).fit(df, y)
        # To the scheduler, and from there to a worker; sixteen tasks.
        assert 2 * size < sum(counts) < 3 * size

    def test_routers_have_the_threads_of_their_worker(self, client):
        with use_cluster(client):
            found = joblib.Parallel()(joblib.delayed(threads_of_calls)(i) for i in range(2))
        assert found == [(1, True), (1, True)]


@pytest.mark.faults
class TestDeaths:
    def test_dead_workers_cost_their_fits_and_not_the_search(self, client, table, tmp_path):
        alone = GridSearchCV(classifier(), GRID, cv=3, scoring=SCORING, refit=False).fit(*table)
        for i in range(5):
            (tmp_path / str(i)).touch()
        # A single fit may be the one that dies each time.
        deadly = classifier(callbacks=[DiesAtEpoch(str(tmp_path))])
        client.run_on_scheduler(_allow_failures, 10)
        try:
            with use_cluster(client):
                search = GridSearchCV(deadly, GRID, cv=3, scoring=SCORING, refit=False).fit(*table)
        finally:
            client.run_on_scheduler(_allow_failures, 3)
        assert not os.listdir(tmp_path)
        np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])

    def test_a_fit_that_kills_every_worker_is_an_error(self, client, table):
        with (
            use_cluster(client, wait_for_workers_timeout=200),
            pytest.raises(KilledWorker, match="4 different workers"),
        ):
            GridSearchCV(Constant(), {"deadly": [False, True]}, cv=2, refit=False).fit(*table)
        with use_cluster(client, wait_for_workers_timeout=200):
            search = GridSearchCV(Constant(), {"deadly": [False]}, cv=2, refit=False).fit(*table)
        assert search.cv_results_["mean_test_score"][0] == pytest.approx(0.5, abs=0.1)


def _allow_failures(count, dask_scheduler=None):
    """Set how many workers may die of a task before it is given up."""
    dask_scheduler.allowed_failures = count


def test_workers_share_decoded_photos(client, tmp_path):
    rng, folder, memory = np.random.default_rng(0), tmp_path / "photos", str(tmp_path / "memory")
    folder.mkdir()
    values = rng.integers(0, 200, 60)
    for i, value in enumerate(values):
        Image.fromarray(np.full((8, 8, 3), value, "uint8")).save(folder / f"{i}.png")
    df, y = pd.DataFrame({"photo": [f"{i}.png" for i in range(60)]}), values > 100
    grid = {"head__dropout": [0.0, 0.1, 0.2], "head__units": [(8,)]}
    alone = GridSearchCV(photo_classifier(str(folder), None), grid, cv=2, scoring=SCORING, refit=False).fit(df, y)

    def search():
        with use_cluster(client):
            params = {"cv": 2, "scoring": SCORING, "refit": False}
            found = GridSearchCV(photo_classifier(str(folder), memory), grid, **params).fit(df, y)
        # Not to the last bit: convolutions add up in another order where a worker has another number of threads.
        np.testing.assert_allclose(
            found.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"], rtol=1e-6
        )
        # A key of 20 bytes for each row that was decoded.
        return sorted((path.name, path.stat().st_size // 20) for path in (tmp_path / "memory").rglob("*.keys"))

    first = search()
    # Twelve passes over 60 photos, of which each worker may begin one before the other has ended.
    assert 60 <= sum(count for _, count in first) <= 120
    assert search() == first
