"""As many threads for TensorFlow in a worker as the worker has; otherwise each worker would use all cores."""

from distributed import WorkerPlugin, default_client, get_worker

from .._workers import share_cores


def limit_threads(client=None):
    """Limit TensorFlow in each worker of a cluster to as many threads as the worker has itself.

    TensorFlow takes all cores of its machine in each process. Two workers of a machine then
    compete for them. Call it once for a cluster, before its workers compute anything; workers that
    start later are limited, too. Tables that an estimator predicts need no call: the
    workers that they are predicted on are limited by then.

    Parameters
    ----------
    client : distributed.Client or None
        Client of the cluster. None takes the current one.

    Notes
    -----
    TensorFlow starts its threads with its first operation. In a worker that has run one before, the
    number stays what it is. Workers that are threads of the client's own process are left alone.

    Examples
    --------
    >>> from distributed import Client
    >>> from skmulti.dask import limit_threads
    >>> client = Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None)
    >>> limit_threads(client)
    >>> client.close()
    """
    (client or default_client()).register_plugin(_ThreadLimit())


def limit_threads_here():
    """Limit TensorFlow in the worker that runs the calling task; outside of a worker nothing happens."""
    try:
        worker = get_worker()
    except ValueError:
        return
    _limit(worker)


def _limit(worker):
    """Limit the threads of a worker's process, unless it is the client's, too."""
    if not worker.address.startswith("inproc"):
        share_cores(worker.state.nthreads)


class _ThreadLimit(WorkerPlugin):
    """Limits threads when a worker starts."""

    name = "skmulti-threads"
    idempotent = True

    def setup(self, worker):
        """Limit the threads of the worker's process."""
        _limit(worker)
