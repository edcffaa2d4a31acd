"""Estimators on a cluster of Dask: predict the rows of a table that no machine has room for.

A ``dask.dataframe.DataFrame`` comes in; predictions go out as a table of Dask that is computed where its partitions
are. An estimator's own `predict`, `predict_proba` and `score` hand such tables to `predict_partitions` and
`score_partitions`. `limit_threads` gives each worker's TensorFlow as many threads as the worker has. The wing needs the
extra ``skmulti[dask]``; ``import skmulti`` does not import it.
"""

try:
    import dask.dataframe
    import distributed
except ImportError as error:
    raise ImportError(
        f'skmulti.dask needs Dask with its data frames and its scheduler ({error}): pip install "skmulti[dask]".'
    ) from error

from .threads import limit_threads, limit_threads_here

__all__ = ["limit_threads", "limit_threads_here"]
