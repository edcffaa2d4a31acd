"""Cores that a process may use, and threads that work ahead of a loop."""

import threading

import joblib
import pytest
from joblib import Parallel, delayed
from threads import python_threads

from skmulti._workers import available_cores, call_in_threads, map_ahead, map_on_cores, tensorflow_threads


class TestAhead:
    def test_results_come_in_order(self):
        assert list(map_ahead(lambda x: x * x, range(20))) == [x * x for x in range(20)]

    @pytest.mark.parametrize("stop", ["error", "break"])
    def test_threads_end_with_the_loop(self, stop):
        before = python_threads()
        done = []

        def slow(x):
            done.append(x)
            if stop == "error" and x == 3:
                raise ValueError("three")
            return x

        if stop == "error":
            with pytest.raises(ValueError, match="three"):
                list(map_ahead(slow, range(1000)))
        else:
            for x in map_ahead(slow, range(1000)):
                if x == 3:
                    break
        assert python_threads() <= before
        assert len(done) < 30


def test_the_main_process_may_use_all_cores_that_joblib_counts():
    assert available_cores() == joblib.cpu_count()


def test_a_worker_of_joblib_may_use_its_share():
    shares = Parallel(n_jobs=2, backend="loky", inner_max_num_threads=1)(delayed(available_cores)() for _ in range(2))
    assert shares == [1, 1]


@pytest.mark.parametrize("n_jobs", [None, 1, 2])
def test_calls_in_threads_have_their_results_in_order(n_jobs):
    assert call_in_threads(divmod, [(9, 2), (7, 4), (5, 5)], n_jobs) == [(4, 1), (1, 3), (1, 0)]


@pytest.mark.parametrize("n_jobs", [None, 1, 3, -1])
def test_results_of_all_cores_come_in_order(n_jobs):
    assert list(map_on_cores(lambda x: x * x, range(20), n_jobs)) == [x * x for x in range(20)]


def test_one_thread_is_the_callers():
    idents = set(map_on_cores(lambda x: threading.get_ident(), range(20), n_jobs=1))
    assert idents == {threading.get_ident()}


@pytest.mark.parametrize("name", ["TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"])
def test_predictions_take_no_more_threads_than_tensorflow(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert tensorflow_threads() == 1


def test_predictions_in_a_worker_of_joblib_take_its_share():
    shares = Parallel(n_jobs=2, backend="loky", inner_max_num_threads=1)(delayed(tensorflow_threads)() for _ in "ab")
    assert shares == [1, 1]
