"""What is different inside a worker process."""

import multiprocessing
import os

import tensorflow as tf


def share_cores():
    """Give TensorFlow the cores that joblib means for this worker process, which else would take all of them.

    With ``n_jobs`` equal to the number of cores that is one thread for each worker.
    Nothing happens outside of joblib's worker processes, or after TensorFlow's first
    operation, when its threads are already there.
    """
    if not multiprocessing.current_process().name.startswith("LokyProcess"):
        return
    n_threads = int(os.environ.get("OMP_NUM_THREADS", 1))
    try:
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)
        tf.config.threading.set_inter_op_parallelism_threads(n_threads)
    except RuntimeError:
        return
