"""The training process of a worker: ``python -m skmulti.dask.process folder``, where the folder holds a `Job`."""

import contextlib
import os
import sys
import threading
import time
import warnings

import keras
import tensorflow as tf
from distributed.protocol.pickle import dumps

from ..errors import ClusterError
from ..training import Alone, Crew, digest
from .job import CANNOT_WRITE, Job, PortTakenError
from .parts import messages


def main(folder):
    """Train, and leave the result or the error in the folder."""
    job = Job(folder)
    for watch in (_end_with_worker, _give_signs):
        threading.Thread(target=watch, args=(job,), daemon=True).start()
    try:
        _train(job)
    except BaseException as error:
        # A network of processes is torn when one of them ends; its own error says why.
        plain = _as_plain(error) if isinstance(error, tf.errors.OpError) else error
        try:
            job.fail(plain)
        except OSError:
            return CANNOT_WRITE
        return 1
    return 0


def _train(job):
    """Join the other processes, train with them and leave the result."""
    tf.config.threading.set_intra_op_parallelism_threads(job.n_threads)
    tf.config.threading.set_inter_op_parallelism_threads(job.n_threads + 1)
    job.tell(doing="joining")
    crew = Crew(job.places, job.rank) if len(job.places) > 1 else Alone()
    job.tell(doing="reading")
    fit, (training, held) = job.fit(), job.rows()
    if job.rank:
        fit.estimator.verbose = 0
    with _lines_to(job), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        estimator = fit.train(training, held, *job.n_rows, crew, watchers=[_TellEpochs(job)])
    weights = [variable.value.numpy() for variable in estimator.model_.trainable_variables]
    # Every process has the same estimator; one of them is enough.
    content = None if job.rank else dumps(estimator)
    job.end(content, digest(weights), [] if job.rank else messages(caught))


@contextlib.contextmanager
def _lines_to(job):
    """Write what is printed where the worker reads it."""
    with open(job.folder / "lines", "w", buffering=1) as lines, contextlib.redirect_stdout(lines):
        yield


class _TellEpochs(keras.callbacks.Callback):
    """Tells the worker in which epoch the training is."""

    def __init__(self, job):
        super().__init__()
        self.job = job

    def on_epoch_begin(self, epoch, logs=None):
        """Tell it; see `keras.callbacks.Callback`."""
        self.job.tell(doing="training", epoch=epoch + 1)


def _end_with_worker(job):
    """End the process when its standard input ends, as it does with the worker."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


def _give_signs(job):
    """Show each second that the process lives; end it if the worker does not, since that hangs or is cut off."""
    while True:
        try:
            silent = job.beat()
        except FileNotFoundError:
            os._exit(1)
        # The worker is given more time than a process: a fit that it still wants goes on when it wakes up.
        if silent > 2 * job.silence:
            os._exit(1)
        time.sleep(1)


def _as_plain(error):
    """Return an error of TensorFlow as one that can be sent, marked as an echo if another process may be its cause."""
    if "Could not start gRPC server" in str(error):
        return PortTakenError(str(error))
    plain = ClusterError(f"TensorFlow: {str(error).splitlines()[0]}")
    plain.is_echo = isinstance(error, tf.errors.UnavailableError | tf.errors.AbortedError | tf.errors.InternalError)
    return plain


if __name__ == "__main__":
    code = main(sys.argv[1])
    sys.stdout.flush()
    # At once: TensorFlow's server has no way to be closed, and waits for the other processes.
    os._exit(code)
