"""A cluster of two processes on this machine, which the tests of a module share."""

import dask
import pytest


@pytest.fixture(scope="module")
def client():
    """The client of two workers with a thread each."""
    from distributed import Client, LocalCluster

    # On a busy machine a worker that was killed takes longer to come back than the default of 15 seconds.
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "120s"}),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield client
