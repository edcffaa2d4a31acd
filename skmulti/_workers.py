"""What is different inside a worker process."""

import multiprocessing
import os

import joblib
import tensorflow as tf


def available_cores():
    """Give the number of cores that this process may use: of a worker process of joblib its share."""
    if _is_worker():
        return int(os.environ.get("OMP_NUM_THREADS", 1))
    return joblib.cpu_count()


def share_cores():
    """Give TensorFlow the cores that joblib means for this worker process, which else would take all of them.

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
