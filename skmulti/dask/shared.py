"""A fitted estimator on a cluster: sent once to each worker, and made of its bytes once in each process."""

import hashlib
from functools import lru_cache
from threading import Lock

from dask import delayed
from distributed.protocol.pickle import dumps, loads

from .threads import limit_threads_here

# Estimators that a process keeps for the next partition, or the next table.
KEPT_ESTIMATORS = 4
_OPENING = Lock()


class SharedEstimator:
    """The bytes of a fitted estimator, as it is now.

    Neither the scheduler nor a worker that only passes it on builds its network. Dask's own serialization
    is used, which runs code from the bytes; they come from the client, as all tasks do.

    Parameters
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        Fitted.
    """

    def __init__(self, estimator):
        self._bytes = dumps(estimator)
        self._token = hashlib.sha256(self._bytes).hexdigest()

    def as_key(self):
        """Return it as one key of a graph, which each worker fetches once, whatever number of tasks need it."""
        return delayed(self, name=f"estimator-{self._token}", traverse=False)

    def open(self):
        """Return the estimator; all threads of a process, and later calls, share one."""
        limit_threads_here()
        with _OPENING:
            return _open(self)

    def __eq__(self, other):
        return isinstance(other, SharedEstimator) and self._token == other._token

    def __hash__(self):
        return hash(self._token)

    def __sizeof__(self):
        return len(self._bytes)

    def __dask_tokenize__(self):
        return self._token


@lru_cache(maxsize=KEPT_ESTIMATORS)
def _open(shared):
    return loads(shared._bytes)
