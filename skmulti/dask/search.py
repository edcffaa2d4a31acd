"""Searches and cross-validation on a cluster: scikit-learn's tools hand out fits through joblib, and Dask runs them."""

from concurrent.futures import Future
from contextlib import contextmanager
from uuid import uuid4

import dask
import joblib
from distributed import default_client
from distributed.protocol.pickle import dumps, loads
from joblib._dask import DaskDistributedBackend

from .threads import limit_threads


@contextmanager
def use_cluster(client=None, *, wait_for_workers_timeout=60, **options):
    """Fit on the workers of a cluster what joblib would fit here: searches, cross-validation, ensembles.

    The frame and all other arrays go to the cluster once. If a worker dies, its fits are repeated on another one, and
    so is the sending of what it held. ``joblib.parallel_config("dask")`` alone also runs on the cluster, but a search
    then ends with the first worker that dies. TensorFlow has as many threads in each worker as the
    worker has.

    Parameters
    ----------
    client : distributed.Client or None
        Client of the cluster. None takes the current one.
    wait_for_workers_timeout : float
        Seconds to wait for a first worker. One that starts imports TensorFlow, which takes some.
    **options
        Options of `Client.submit`, such as ``resources={"GPU": 1}``.

    Notes
    -----
    The scheduler keeps a pickled copy of what is sent, until the search ends. Each worker gets its own when it first
    needs it, from the scheduler or from another worker. What is in a dict or a list goes with every task: give y as a
    Series or an array. Fits of one `random_state` are equal on all workers that have the same processor and versions.

    Examples
    --------
    >>> from distributed import Client
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skmulti import MultiInputClassifier
    >>> from skmulti.dask import use_cluster
    >>> from skmulti.datasets import make_listings
    >>> df, y = make_listings(60, random_state=0, size=(8, 8))
    >>> clf = MultiInputClassifier(epochs=1, random_state=0)
    >>> client = Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None)
    >>> with use_cluster(client):
    ...     search = GridSearchCV(clf, {"merge": ["concatenate", "gated"]}, cv=2).fit(df[["area", "age"]], y)
    >>> len(search.cv_results_["params"])
    2
    >>> client.close()
    """
    client = client or default_client()
    limit_threads(client)
    # Dask warns of data within tasks, which is what makes it possible to send it again.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1PiB"}):
        options["wait_for_workers_timeout"] = wait_for_workers_timeout
        with joblib.parallel_config(_LastingBackend(client=_LastingClient(client), **options)):
            yield client


class _LastingBackend(DaskDistributedBackend):
    """joblib's backend, which would wait forever for a task that Dask gives up, as after the death of four workers."""

    def submit(self, func, callback=None):
        """Hand out a batch of calls; see `joblib.parallel.ParallelBackendBase`."""
        future = super().submit(func, callback)
        # joblib keeps such an error in the future, and tells nobody.
        future.add_done_callback(lambda done: done.exception() is not None and callback(done))
        return future

    def retrieve_result_callback(self, out):
        """Return the results of a batch, or raise its error; see `joblib.parallel.ParallelBackendBase`."""
        return out.result() if isinstance(out, Future) else super().retrieve_result_callback(out)


class _LastingClient:
    """A client whose scattered data is there again after its worker has died.

    joblib scatters each array to one worker, and Dask cannot restore what is scattered. The result of a task is
    restored by running the task again, so here all data is such a result. Everything else is the client's own, and
    which of it joblib calls is joblib's matter.
    """

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        return getattr(self._client, name)

    def scatter(self, data, *, asynchronous=False, **ignored):
        """Return the future of an object, or of each object in a list; see `distributed.Client.scatter`."""
        if asynchronous:
            return self._send_soon(data)
        return [self._send(each) for each in data]

    async def _send_soon(self, data):
        return self._send(data)

    def _send(self, data):
        # As bytes, because the scheduler would open the object to look for other tasks in it.
        key = f"{type(data).__name__}-{uuid4().hex}"
        return self._client.submit(loads, dumps(data), key=key)
