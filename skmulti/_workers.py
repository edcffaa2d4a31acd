"""Cores and memory that this process may use, and threads that work ahead of a loop."""

import multiprocessing
import os
import sys
import threading
from collections import deque
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar, copy_context
from functools import cache
from pathlib import Path

import joblib
import tensorflow as tf
from joblib import effective_n_jobs

# Bytes of memory that are assumed if the system does not tell.
USUAL_MEMORY = 8 * 2**30
# With lazy="auto" an array is made batch by batch if it would take more than this share of the machine's memory. The
# share is small because a fit in memory holds the array twice, and a hold-out or a fold adds copies of its rows.
LAZY_SHARE = 0.1
WORKERS = min(4, os.cpu_count() or 1)
# An event that is set when the threads that this code runs in are to stop; None outside of `call_in_threads`.
_BROKEN_OFF = ContextVar("broken_off", default=None)


# How many cores `share_cores` left to this process, under "cores"; empty if nobody has shared them.
_SHARE = {}


def available_cores():
    """Return the number of cores that this process may use; a worker process may use its share."""
    if "cores" in _SHARE:
        return _SHARE["cores"]
    if _is_worker():
        # joblib tells its workers their share in the variables that limit threads of numerical libraries.
        return int(os.environ.get("OMP_NUM_THREADS", 1))
    return joblib.cpu_count()


def share_cores(n_cores=None):
    """Limit TensorFlow, and threads of the package, to this process's share of the cores.

    TensorFlow would use all cores in each process otherwise. After its first operation, which starts
    its threads, these stay as many as they are.

    Parameters
    ----------
    n_cores : int or None
        The share. None takes what joblib gives to its worker processes: with ``n_jobs`` equal to the
        number of cores, one for each. Outside of these nothing happens.
    """
    if n_cores is not None:
        _SHARE["cores"] = n_cores
    elif not _is_worker():
        return
    n_threads = available_cores()
    # TensorFlow's threads may have been started before.
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)
        tf.config.threading.set_inter_op_parallelism_threads(n_threads)


def _is_worker():
    return multiprocessing.current_process().name.startswith("LokyProcess")


def runs_in_joblib():
    """Return whether joblib has called this code: a search, an ensemble, a cache, or a worker process of theirs."""
    package, frame = os.path.dirname(joblib.__file__) + os.sep, sys._getframe(1)
    while frame is not None and not frame.f_code.co_filename.startswith(package):
        frame = frame.f_back
    return frame is not None


@cache
def machine_memory():
    """Return the number of bytes of memory that this process may use."""
    total = USUAL_MEMORY
    with suppress(ValueError, OSError, AttributeError):
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(ValueError, OSError):
        # A container may have less than the machine. Without a limit the file says "max", which is no integer.
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total


def map_ahead(function, items, workers=WORKERS):
    """Yield ``function(item)`` in the order of items; threads compute a few items ahead.

    The threads end with the loop, also if the caller leaves it early.

    Parameters
    ----------
    function : callable
        Takes one item.
    items : iterable
        Items, read at most `workers` ahead of the loop.
    workers : int
        Number of threads.

    Yields
    ------
    object
        The results. An error in the function is raised in the place of its result.
    """
    # Not `pool.map`, which would read all items at once: they may be the batches of a generator without end.
    pool, waiting = ThreadPoolExecutor(workers), deque()
    try:
        for item in items:
            refuse_broken_off()
            waiting.append(pool.submit(copy_context().run, function, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def map_on_cores(function, items, n_jobs=None):
    """Yield ``function(item)`` in the order of items, computed ahead in as many threads as may compute.

    Parameters
    ----------
    function : callable
        Takes one item, and leaves the interpreter to other threads most of the time.
    items : iterable
        Items.
    n_jobs : int or None
        Number of threads, as in joblib. None takes those of TensorFlow, at most `WORKERS`.

    Yields
    ------
    object
        The results, as of `map_ahead`. With one thread, the caller's computes them.
    """
    n_threads = tensorflow_threads() if n_jobs is None else count_threads(n_jobs)
    yield from map_ahead(function, items, n_threads) if n_threads > 1 else map(function, items)


def tensorflow_threads():
    """Return in how many threads TensorFlow may be called at the same time: its own, at most `WORKERS`."""
    threading_ = tf.config.threading
    limits = [
        threading_.get_intra_op_parallelism_threads() or int(os.environ.get("TF_NUM_INTRAOP_THREADS", 0)),
        threading_.get_inter_op_parallelism_threads() or int(os.environ.get("TF_NUM_INTEROP_THREADS", 0)),
    ]
    return min([available_cores(), WORKERS, *filter(None, limits)])


def refuse_broken_off():
    """Raise an error in a thread of `call_in_threads` if another call has failed, or a user has interrupted them."""
    if (broken_off := _BROKEN_OFF.get()) is not None and broken_off.is_set():
        raise CancelledError("The work that this is part of was broken off.")


def count_threads(n_jobs):
    """Return how many threads of this process `n_jobs` stands for."""
    cores = available_cores()
    if "cores" in _SHARE:
        # In a worker of a cluster joblib would ask the cluster, and wait for an answer that this thread may hold up.
        return 1 if n_jobs is None else n_jobs if n_jobs > 0 else max(1, cores + 1 + n_jobs)
    # On a cluster, joblib counts the cores of all machines, whatever `n_jobs` says.
    return min(effective_n_jobs(n_jobs), n_jobs if n_jobs and n_jobs > 0 else cores)


def call_in_threads(function, arguments, n_jobs):
    """Call a function with each of several tuples of arguments, in as many threads as `n_jobs` says.

    If a call fails or a user interrupts, those that work ahead of a loop, or train, stop at their next item, and
    every thread has ended before the error is raised.
    """
    # joblib reads files of the system to count cores, which takes a third of the time of encoding a row.
    if len(arguments) < 2 or (n_threads := count_threads(n_jobs)) == 1:
        return [function(*own) for own in arguments]
    # Not joblib's threads, which an interrupt leaves running.
    broken_off, pool = threading.Event(), ThreadPoolExecutor(n_threads)
    token = _BROKEN_OFF.set(broken_off)
    try:
        # Each call in a context of its own, with what the caller's holds: a context is entered by one thread at a time.
        calls = [pool.submit(copy_context().run, function, *own) for own in arguments]
        return [call.result() for call in calls]
    except BaseException:
        broken_off.set()
        raise
    finally:
        _BROKEN_OFF.reset(token)
        pool.shutdown(wait=True, cancel_futures=True)
