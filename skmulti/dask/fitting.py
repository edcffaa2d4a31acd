"""The fit of a table of Dask, as its client sees it: what is computed where, and what happens if a worker is lost."""

import contextlib
import time

import dask
from distributed import KilledWorker, wait

from ..errors import ClusterError, InputMismatchError, describe_object, quote, shorten, warn
from ..estimators import PartedFit, is_partitioned, merged
from . import parts
from .threads import limit_threads
from .training import train_together, workers_of

# How often the rows are encoded anew if workers are lost before the training begins.
TRIES = 3
# Seconds without any worker after which a fit gives up.
WITHOUT_WORKERS = 30


def fit_on_cluster(client, estimator, X, y, sample_weight, n_workers):
    """Fit an estimator on a table of Dask; see `DaskEstimator` for the parameters.

    Returns
    -------
    MultiInputClassifier or MultiInputRegressor
        The fitted clone of `estimator`.
    """
    delayed = delayed_parts(X, y, sample_weight)
    fit = PartedFit(estimator)
    limit_threads(client)
    addresses = choose_workers(client, n_workers)
    table = _Table(client, client.compute(delayed, workers=addresses, allow_other_workers=True))
    table.learn(fit)
    for _ in range(TRIES):
        encoded = table.encode(choose_workers(client, n_workers))
        if encoded is not None:
            break
    else:
        raise ClusterError(f"{TRIES} times workers were lost while they encoded rows; the logs of the cluster say why.")
    table.forget_rows()
    fitted, told = train_together(client, table.built, encoded, estimator)
    for category, message in dict.fromkeys([*table.told, *told]):
        warn(message, category)
    return fitted


def choose_workers(client, n_workers=None):
    """Return the addresses of the workers to use, at most `n_workers`."""
    started = time.monotonic()
    while not (found := list(workers_of(client))):
        if time.monotonic() - started > WITHOUT_WORKERS:
            raise ClusterError(
                f"The cluster has had no worker for {WITHOUT_WORKERS} seconds. Start some and fit again."
            )
        time.sleep(0.2)
    return sorted(found)[:n_workers]


def delayed_parts(X, y, sample_weight):
    """Return a delayed `Part` for each partition, or refuse what does not belong together.

    Parameters
    ----------
    X : dask.dataframe.DataFrame
        The table.
    y, sample_weight : str, list of str, dask.dataframe.Series, dask.dataframe.DataFrame or None
        Names of columns of X, or tables with its partitions.
    """
    if not is_partitioned(X):
        raise InputMismatchError(
            f"X must be a dask.dataframe.DataFrame, got {describe_object(X)} The estimator itself fits rows in memory: "
            "estimator.fit(X, y); dask.dataframe.from_pandas(X, npartitions=2) makes a table of Dask of them."
        )
    if y is None:
        raise ValueError("DaskEstimator requires y to be passed, but the target y is None. Name its column of X.")
    columns = [_delayed_column(X, y, "y"), _delayed_column(X, sample_weight, "sample_weight")]
    join = dask.delayed(parts.join_part, pure=True)
    return [join(*own) for own in zip(X.to_delayed(), *columns, strict=True)]


def _delayed_column(X, column, name):
    """Return for each partition the target or the weights: a name, or a partition of another table."""
    if column is None:
        return [None] * X.npartitions
    if isinstance(column, str | list):
        absent = [own for own in ([column] if isinstance(column, str) else column) if own not in X.columns]
        if absent:
            raise InputMismatchError(
                f"{name} names {quote(map(str, absent))}, which X does not have; its columns are {quote(X.columns)}."
            )
        return [column] * X.npartitions
    if not is_partitioned(column):
        raise InputMismatchError(
            f"{name} must be the name of a column of X or a table of Dask with its partitions, got "
            f"{describe_object(column)}"
        )
    if column.npartitions != X.npartitions:
        raise InputMismatchError(
            f"{name} has {column.npartitions} partitions, and X has {X.npartitions}. Rows are paired partition by "
            f"partition: make {name} of a column of the same table, or give the name of a column."
        )
    return column.to_delayed()


class _Table:
    """The partitions of a table on a cluster, and what was made of them there.

    Parameters
    ----------
    client : distributed.Client
        The client.
    rows : list of Future
        A `Part` for each partition.
    """

    def __init__(self, client, rows):
        self.client, self.rows = client, rows

    def learn(self, fit):
        """Learn target and router, and build the network; `fit` is a `PartedFit`, which learns its target."""
        found = self._gather(self._map(parts.summarize, fit))
        full = [i for i, (n_rows, _) in enumerate(found) if n_rows]
        if not full:
            raise InputMismatchError("Found array with 0 sample(s): no partition of X has a row.")
        fit.learn_target([found[i][1] for i in full])
        if fit.estimator.checkpoint is not None:
            fit.learn_fingerprint(self._gather(self._map(parts.digest_part, fit)))
            fit.seed = self._gather([self._submit(parts.kept_seed, fit)])[0]
        self.fit = self._submit(lambda fit: fit, fit)
        counts = self._gather(self._map_numbered(parts.count, self.fit, full))
        self.numbers = [i for i, (_, training, held) in zip(full, counts, strict=True) if training or held]
        self.counts = dict(zip(full, ((training, held) for _, training, held in counts), strict=True))
        summary = merged([own for own, _, _ in counts if own is not None])
        drawn = self._merge(self._map_numbered(parts.draw, self.fit, self.numbers))
        learner = self._submit(parts.begin_router, self.fit, drawn)
        learned = self._merge(self._map_numbered(parts.learn, self.fit, self.numbers, learner))
        reader = self._submit(parts.make_reader, learner, learned)
        found = None
        if self._gather([self._submit(lambda reader: reader is not None, reader)])[0]:
            found = self._merge(self._map_numbered(parts.read, self.fit, self.numbers, reader))
        n_held = sum(held for _, held in self.counts.values())
        self.built = self._submit(parts.build, self.fit, learner, learned, drawn, found, summary, n_held)
        self.told = self._gather([self._submit(lambda built: built[1], self.built)])[0]

    def encode(self, addresses):
        """Encode the rows on the workers that will train on them.

        Returns
        -------
        dict of str to list of (Future, int, int), or None
            By address the encoded partitions, with the numbers of rows to train on and to validate on. None if a
            worker was lost meanwhile.
        """
        owners = self._assign(addresses)
        encoded = {
            number: self.client.submit(
                parts.encode, self.built, self.rows[number], number, workers=[owner], pure=False, retries=1
            )
            for number, owner in owners.items()
        }
        while not all(future.done() for future in encoded.values()):
            if not set(owners.values()) <= set(choose_workers(self.client)):
                return None
            wait_a_little(list(encoded.values()))
        # Not `result`: it would fetch rows, or wait forever for a worker that has just been lost.
        self._gather([future for future in encoded.values() if future.status == "error"])
        found = {}
        for number, owner in owners.items():
            found.setdefault(owner, []).append((encoded[number], *self.counts[number]))
        return found

    def forget_rows(self):
        """Let the workers drop the rows that are encoded."""
        del self.rows

    def _assign(self, addresses):
        """Return the worker of each partition: the one that holds it, as long as the others have no less to do."""
        holders = self.client.who_has(self.rows)
        wanted = sum(training for training, _ in self.counts.values()) / len(addresses)
        load, owners = dict.fromkeys(addresses, 0), {}
        for number in sorted(self.numbers, key=lambda number: -self.counts[number][0]):
            held_by = [own for own in holders.get(self.rows[number].key, ()) if own in load]
            size = self.counts[number][0]
            stays = [own for own in held_by if load[own] + size <= 1.1 * wanted]
            # Rows that only validate go to a worker that trains, since one without rows to train on takes no part.
            if size:
                owner = min(stays or addresses, key=lambda own: (load[own], own not in held_by))
            else:
                owner = max(addresses, key=load.get)
            load[owner] += size
            owners[number] = owner
        # In the order of the table: a worker's rows are, too.
        return {number: owners[number] for number in self.numbers}

    def _submit(self, function, *args):
        return self.client.submit(function, *args, pure=False)

    def _map(self, function, *args):
        """Call ``function(*args, part)`` on each partition."""
        return [self._submit(function, *args, part) for part in self.rows]

    def _map_numbered(self, function, fit, numbers, *args):
        """Call ``function(fit, *args, part, number)`` on some partitions."""
        return [self._submit(function, fit, *args, self.rows[number], number) for number in numbers]

    def _merge(self, results):
        """Merge results in their order on the workers."""
        return merged(results, lambda one, other: self._submit(parts.merge, one, other))

    def _gather(self, futures):
        """Return results, or raise the first error; without any worker a fit gives up."""
        while not all(future.done() for future in futures):
            choose_workers(self.client)
            wait_a_little(futures)
        try:
            return self.client.gather(futures)
        except KilledWorker as error:
            raise ClusterError(
                f"Workers were lost one after the other ({shorten(str(error), 300)}). Give them more memory, or make "
                "the partitions smaller: X.repartition(partition_size='100MB')."
            ) from error


def wait_a_little(futures):
    """Wait until futures are done, but at most half a second."""
    with contextlib.suppress(TimeoutError):
        wait(futures, timeout=0.5)
