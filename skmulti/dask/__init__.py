"""Estimators on a cluster of Dask: predict the rows of a table that no machine has room for.

A ``dask.dataframe.DataFrame`` comes in; predictions go out as a table of Dask, which is computed where its partitions
are. An estimator's own `predict`, `predict_proba` and `score` hand such tables to `call_on_partitions`. A worker gets
an estimator as a `SharedEstimator`, and as many threads of TensorFlow as it has itself (`limit_threads`). The wing
needs the extra ``skmulti[dask]``; ``import skmulti`` does not import it.
"""

try:
    import dask.dataframe  # noqa: F401
    import distributed  # noqa: F401
except ImportError as error:
    raise ImportError(
        f'skmulti.dask needs Dask, its data frames and its scheduler ({error}): pip install "skmulti[dask]".'
    ) from error

from .estimator import DaskEstimator
from .prediction import call_on_partitions, predict_partitions, score_partitions
from .search import use_cluster
from .shared import SharedEstimator
from .threads import limit_threads, limit_threads_here

__all__ = [
    "DaskEstimator",
    "SharedEstimator",
    "call_on_partitions",
    "limit_threads",
    "limit_threads_here",
    "predict_partitions",
    "score_partitions",
    "use_cluster",
]
