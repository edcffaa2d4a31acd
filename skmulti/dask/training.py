"""A training on a cluster, as its client sees it: it starts the workers' processes, watches them, and ends them all."""

import time
from contextlib import contextmanager
from uuid import uuid4

import dask
from dask.utils import parse_timedelta
from distributed import Lock
from distributed.protocol.pickle import loads

from ..errors import ClusterError, shorten
from .job import PortTakenError
from .launching import SILENCE, EncodedHere, free_address, is_running, train_here

# How often other ports are tried if one is taken.
TRIES = 3
# Seconds in which a failure on one worker shows on the others, which is no cause.
ECHO = 3
# Seconds in which the processes of all workers have ended after a failure.
ENDING = 15


def train_together(client, built, encoded, estimator):
    """Train on all workers that have rows.

    Parameters
    ----------
    client : distributed.Client
        The client.
    built : Future
        (`PartedFit`, ready to train, and the warnings of its building).
    encoded : dict of str to list of (Future, int, int)
        By worker the encoded partitions, with the numbers of rows to train on and to validate on.
    estimator : MultiInputClassifier or MultiInputRegressor
        Its `verbose` says what is shown, its `checkpoint` what a failed fit can do.

    Returns
    -------
    estimator : MultiInputClassifier or MultiInputRegressor
        Fitted.
    told : list of (type, str)
        The warnings to give.

    Raises
    ------
    ClusterError
        If a worker is lost, hangs, or fails for a reason of its own. No process is left then.
    """
    # One training after the other: of two, each could wait for the thread of a worker that runs the other.
    with Lock("skmulti-training", scheduler_rpc=client.scheduler, loop=client.loop):
        for number in range(TRIES):
            try:
                return _Training(client, list(encoded), estimator).run(built, encoded)
            except PortTakenError as error:
                if number == TRIES - 1:
                    raise ClusterError(
                        f"{TRIES} times a port was taken between its choice and its use: {error}. Fit again."
                    ) from error


def workers_of(client):
    """Return what the scheduler knows of its workers, by address."""
    # Not `client.scheduler_info`: the client itself replaces its answer every few seconds by one without workers.
    return client.sync(client.scheduler.identity)["workers"]


class _Training:
    """One attempt to train on all workers.

    Parameters
    ----------
    client : distributed.Client
        The client.
    addresses : list of str
        The workers, by rank.
    estimator : MultiInputClassifier or MultiInputRegressor
        As for `train_together`.
    """

    def __init__(self, client, addresses, estimator):
        self.client, self.addresses, self.estimator = client, addresses, estimator
        self.topic = f"skmulti-{uuid4().hex}"
        self.epoch = 0
        self.beats = {}
        self.silence = parse_timedelta(dask.config.get("skmulti.silence", SILENCE))

    def run(self, built, encoded):
        """Train; see `train_together`."""
        rows = [(sum(own[1] for own in held), sum(own[2] for own in held)) for held in encoded.values()]
        rows = tuple(zip(*rows, strict=True))
        places = self._results([self._submit(free_address, address) for address in self.addresses])
        with self._listening():
            futures = [
                self._submit(
                    train_here,
                    address,
                    self.topic,
                    rank,
                    places,
                    built,
                    EncodedHere(tuple(future.key for future, *_ in encoded[address])),
                    rows,
                    self.silence,
                )
                for rank, address in enumerate(self.addresses)
            ]
            try:
                results = self._results(futures)
            finally:
                self._end(futures)
        if len({result.digest for result in results}) > 1:
            raise ClusterError("The workers ended with different weights. Please report it, with the cluster's layout.")
        return loads(results[0].estimator), [pair for result in results for pair in result.told]

    def _submit(self, function, address, *args):
        """Call a function on a worker."""
        return self.client.submit(function, *args, workers=[address], pure=False, retries=0)

    def _results(self, futures):
        """Return what each worker has come to, or raise what has gone wrong."""
        while not all(future.done() for future in futures):
            time.sleep(0.2)
            self._refuse_lost(futures)
            if any(future.status == "error" for future in futures):
                break
        if any(future.status == "error" for future in futures):
            self._raise_cause(futures)
        return self.client.gather(futures)

    def _refuse_lost(self, futures):
        """Raise an error if a worker is gone or gives no sign of life."""
        workers, now = workers_of(self.client), time.monotonic()
        for address, future in zip(self.addresses, futures, strict=True):
            if future.done():
                continue
            if address not in workers:
                raise ClusterError(self._describe(address, "was lost (its process or its connection has ended)"))
            seen = workers[address]["last_seen"]
            if self.beats.get(address, (None, now))[0] != seen:
                self.beats[address] = seen, now
            if self._silent(address, now) > self.silence:
                what = f"has given no sign of life for {self.silence:g} seconds"
                raise ClusterError(self._describe(address, what))

    def _silent(self, address, now):
        """Return for how many seconds a worker has given no sign of life."""
        return now - self.beats.get(address, (None, now))[1]

    def _raise_cause(self, futures):
        """Raise the error of the worker that has failed first, not those of the others, which miss it."""
        deadline = time.monotonic() + ECHO
        while time.monotonic() < deadline and not all(future.done() for future in futures):
            time.sleep(0.1)
            # A lost worker is a better cause than the errors of the others.
            self._refuse_lost(futures)
        failed = [
            (future.exception(), address)
            for address, future in zip(self.addresses, futures, strict=True)
            if future.status == "error"
        ]
        error, address = min(failed, key=lambda pair: getattr(pair[0], "is_echo", False))
        if isinstance(error, ClusterError | OSError | MemoryError):
            what = f"failed: {shorten(str(error) or type(error).__name__, 300)}"
            raise ClusterError(self._describe(address, what)) from error
        raise error

    def _describe(self, address, what):
        """Return the message for a worker that has ended the fit."""
        when = f"in epoch {self.epoch}" if self.epoch else "before the first epoch"
        way = (
            "Call fit again to go on from the checkpoint, on the workers that remain."
            if self.estimator.checkpoint
            else "Fit again; with checkpoint=, a folder that all workers see, a fit goes on from its last epoch."
        )
        return f"The worker {address} {what} {when}. The fit has ended on all workers. {way}"

    @contextmanager
    def _listening(self):
        """Hear what the processes tell: their epochs, and the lines that `verbose` asks for."""

        def hear(event):
            _, told = event
            self.epoch = max(self.epoch, told.get("epoch", 0))
            for line in told.get("lines", ()):
                print(line, flush=True)

        self.client.subscribe_topic(self.topic, hear)
        try:
            yield
        finally:
            self.client.unsubscribe_topic(self.topic)

    def _end(self, futures):
        """End the processes of all workers that can be reached, and wait until they are gone."""
        if all(future.status == "finished" for future in futures):
            return
        self.client.cancel(futures, force=True)
        deadline = time.monotonic() + ENDING
        while time.monotonic() < deadline:
            alive, now = workers_of(self.client), time.monotonic()
            asked = [own for own in self.addresses if own in alive and self._silent(own, now) < self.silence / 2]
            found = self.client.run(is_running, self.topic, workers=asked, on_error="return") if asked else {}
            if not any(running is True for running in found.values()):
                return
            time.sleep(0.2)
