"""Faults of workers and of their training processes: a fit ends with an error that says so, or goes on as before."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dask
import pytest
from distributed import Client, LocalCluster
from fault_cases import (
    estimator,
    fit_and_strike,
    free_disk,
    halt,
    kill,
    kill_parent,
    occupy_port,
    stop,
    stop_parent,
    table,
    training_processes,
    use_up_disk,
    use_up_memory,
    wait_until,
)
from numpy.testing import assert_array_equal

from skmulti import ClusterError
from skmulti.dask import DaskEstimator

pytestmark = [pytest.mark.long, pytest.mark.faults]

# Seconds within which a fit has to end.
LIMIT = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the workers have their folders."""
    return tmp_path_factory.mktemp("workers")


@pytest.fixture(scope="module")
def client(folder):
    """The client of two workers whose training processes can be told from those of others."""
    settings = {"distributed.deploy.lost-worker-timeout": "120s", "distributed.scheduler.allowed-failures": 10}
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", local_directory=str(folder)
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def nothing_is_left(client, folder):
    """After each test no worker has a training process, as long as it may take to notice that it is alone."""
    yield
    wait_until(lambda: not training_processes(folder), 30)


class TestLostWorker:
    def test_while_the_router_learns(self, client, tmp_path):
        # Dask computes on another worker what was lost.
        struck = fit_and_strike(client, tmp_path, "learning", kill)
        assert struck.error is None
        assert struck.worker
        assert len(struck.fitted.predict(table()).compute()) == 600

    @pytest.mark.parametrize(
        ("point", "when"), [("trace", "before the first epoch"), ("epoch", "in epoch 2"), ("hold-out", "in epoch 2")]
    )
    def test_while_the_network_trains(self, client, tmp_path, point, when):
        struck = fit_and_strike(client, tmp_path, point, kill_parent)
        with pytest.raises(ClusterError, match=f"The worker {struck.worker} was lost .* {when}. The fit has ended on"):
            raise struck.error
        assert struck.seconds < LIMIT

    def test_while_it_predicts(self, client, tmp_path):
        client.wait_for_workers(2, timeout=120)
        # Without a cluster this takes a moment.
        rows = table().compute()
        fitted = estimator(tmp_path, epochs=1).fit(rows[["area", "city"]], rows["label"])

        def halting(part):
            halt(tmp_path, "predict")
            return part

        # The table has divisions that nobody knows, and partitions that are computed where they are.
        predicted = client.compute(fitted.predict(table().map_partitions(halting, meta=rows.iloc[:0])))
        path = tmp_path / "predict.reached"
        wait_until(path.exists)
        kill(int(path.read_text().split()[0]))
        assert_array_equal(predicted.result(timeout=120), fitted.predict(rows[["area", "city"]]))


class TestTrainingProcess:
    def test_killed(self, client, tmp_path):
        struck = fit_and_strike(client, tmp_path, "epoch", kill)
        with pytest.raises(ClusterError, match=f"The worker {struck.worker} failed: .* SIGKILL.* in epoch 2"):
            raise struck.error
        assert struck.seconds < LIMIT

    def test_a_fit_goes_on_from_its_checkpoint(self, client, tmp_path, capsys):
        params = {"checkpoint": str(tmp_path / "kept"), "verbose": 1}
        struck = fit_and_strike(client, tmp_path, "epoch", kill_parent, **params)
        with pytest.raises(ClusterError, match=r"in epoch 2.* Call fit again to go on from the checkpoint"):
            raise struck.error
        before = capsys.readouterr().out
        # On the workers that are there: the one that was lost may come back later.
        fitted = DaskEstimator(estimator(tmp_path, "epoch", **params)).fit(table(), "label").to_local()
        after = capsys.readouterr().out
        assert "epoch 1/3" in before
        assert "going on after epoch 1, from the checkpoint" in after
        assert "epoch 1/3" not in after
        assert (fitted.n_iter_, len(fitted.history_["loss"])) == (3, 3)

    def test_hangs(self, client, tmp_path):
        with dask.config.set({"skmulti.silence": "8s"}):
            struck = fit_and_strike(client, tmp_path, "epoch", stop)
        with pytest.raises(ClusterError, match=f"The worker {struck.worker} .* no sign of life for 8 s.* in epoch 2"):
            raise struck.error
        assert struck.seconds < LIMIT

    @pytest.mark.parametrize(
        ("strike", "what"), [(use_up_memory, "Unable to allocate"), (use_up_disk, "could not write to")]
    )
    def test_has_no_room_left(self, client, tmp_path, strike, what):
        point = "end" if strike is use_up_disk else "epoch"
        struck = fit_and_strike(client, tmp_path, point, lambda *pids: None, strike=strike)
        with pytest.raises(ClusterError, match=f"The worker {struck.worker} failed: .*{what}.* in epoch"):
            raise struck.error
        assert struck.seconds < LIMIT

    def test_a_port_that_is_taken_meanwhile_is_tried_elsewhere(self, client, folder, tmp_path):
        taken = occupy_port(folder)
        fitted = DaskEstimator(estimator(tmp_path, epochs=1)).fit(table(), "label")
        place, listening = taken.result(timeout=10)
        listening.close()
        assert fitted.to_local().n_iter_ == 1
        assert place


class TestWorker:
    def test_hangs(self, client, tmp_path):
        stopped = []

        def blow(pid, parent):
            stopped.append(parent)
            stop_parent(pid, parent)

        with dask.config.set({"skmulti.silence": "8s"}):
            struck = fit_and_strike(client, tmp_path, "epoch", blow)
        os.kill(stopped[0], signal.SIGCONT)
        with pytest.raises(
            ClusterError, match=f"The worker {struck.worker} has given no sign of life for 8 s.*epoch 2"
        ):
            raise struck.error
        assert struck.seconds < LIMIT

    def test_has_a_full_disk(self, client, tmp_path):
        client.wait_for_workers(2, timeout=120)
        address = sorted(client.run(os.getpid))[0]
        client.run(use_up_disk, workers=[address])
        started = time.monotonic()
        try:
            with pytest.raises(
                ClusterError, match=f"The worker {address} failed: .*too large.* before the first epoch"
            ):
                DaskEstimator(estimator(tmp_path)).fit(table(), "label")
        finally:
            client.run(free_disk, workers=[address])
        assert time.monotonic() - started < LIMIT


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_client_that_ends_ends_the_training(client, tmp_path, number):
    client.wait_for_workers(2, timeout=120)
    script = Path(__file__).with_name("fault_cases.py")
    address = client.scheduler.address
    process = subprocess.Popen(
        [sys.executable, str(script), address, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until((tmp_path / "epoch.reached").exists)
    process.send_signal(number)
    _, said = process.communicate(timeout=LIMIT)
    assert number == signal.SIGKILL or "KeyboardInterrupt" in said
    # That the processes end is what `nothing_is_left` waits for; then the next fit is not held up.
    assert DaskEstimator(estimator(tmp_path, epochs=1)).fit(table(), "label").to_local().n_iter_ == 1
