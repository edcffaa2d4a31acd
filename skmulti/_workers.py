"""What this process may use, cores and memory, and the threads that work ahead of a loop."""

import multiprocessing
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path

import joblib
import tensorflow as tf
from joblib import Parallel, delayed, effective_n_jobs

# Where the system does not tell its memory.
USUAL_MEMORY = 8 * 2**30
WORKERS = min(4, os.cpu_count() or 1)


def available_cores():
    """Return the number of cores that this process may use: of a worker process of joblib its share."""
    if _is_worker():
        return int(os.environ.get("OMP_NUM_THREADS", 1))
    return joblib.cpu_count()


def share_cores():
    """Return TensorFlow the cores that joblib means for this worker process, which else would take all of them.

    With ``n_jobs`` equal to the number of cores that is one thread for each worker.
    Nothing happens outside of joblib's worker processes, or after TensorFlow's first
    operation, when its threads are already there.
    """
    if not _is_worker():
        return
    n_threads = available_cores()
    try:
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)
        tf.config.threading.set_inter_op_parallelism_threads(n_threads)
    except RuntimeError:
        return


def _is_worker():
    return multiprocessing.current_process().name.startswith("LokyProcess")


@cache
def machine_memory():
    """Return the bytes of memory that this process may use."""
    total = USUAL_MEMORY
    with suppress(ValueError, OSError, AttributeError):
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(ValueError, OSError):
        # A container may have less; without a limit the file says "max".
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total


def map_ahead(function, items, workers=WORKERS):
    """Yield ``function(item)`` in order, computed in threads a few items ahead; the threads end with the loop.

    Parameters
    ----------
    function : callable
        Of one item.
    items : iterable
        Read no further ahead than `workers` items.
    workers : int
        Threads.

    Yields
    ------
    object
        The results, or the first error.
    """
    pool, waiting = ThreadPoolExecutor(workers), deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def call_in_threads(function, arguments, n_jobs):
    """Call a function with each of several tuples of arguments, in as many threads as `n_jobs` says."""
    # Starting joblib costs more than the encoding of a single row.
    if effective_n_jobs(n_jobs) == 1:
        return [function(*own) for own in arguments]
    return Parallel(n_jobs=n_jobs, prefer="threads")(delayed(function)(*own) for own in arguments)
