"""Batches whose rows are encoded while the network trains on those before."""

import time
from contextlib import contextmanager

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from .._workers import WORKERS, map_ahead
from ..router import split_lazy
from .steps import EpochOrder, RowFeed, gather_batch

# Rows of a table that are mixed with each other.
WINDOW_ROWS = 65_536
# Bytes of the arrays that are encoded at once.
PIECE_BYTES = 16 * 2**20


class LazyFeed:
    """Rows of which some inputs are encoded when their batch is next; has what a fit asks of a `RowFeed`.

    Parameters
    ----------
    arrays : dict of str to (ndarray or LazyArray)
        Encoded rows by input name.
    y : ndarray of shape (n_rows, ...)
        Encoded target.
    weight : ndarray of shape (n_rows,) or None
        Weight of each row.
    batch_size : int
        Rows of a batch.
    seed : int or None
        Decides the order of each epoch; None keeps the rows in order.
    """

    in_place = False

    def __init__(self, arrays, y, weight, batch_size, seed=None):
        in_memory, self.fetch = split_lazy(arrays)
        self.known = RowFeed(in_memory, y, weight, batch_size, seed)
        self.n_steps = self.known.n_steps
        # A variable: the graph of the batches is made once, and reads the order of each epoch from it.
        self._order = tf.Variable(self.known.order, trainable=False)

    def shuffle(self, epoch):
        """Set the order of an epoch; see `RowFeed.shuffle`."""
        self.known.shuffle(epoch)
        self._order.assign(self.known.order)

    def callbacks(self):
        """Return the Keras callbacks that a fit needs in addition to the steps."""
        return [EpochOrder(self)] if self.known.has_order else []

    def steps(self):
        """Return the `tf.data.Dataset` of the batches."""
        batches = tf.data.Dataset.range(self.n_steps).map(self._fetch_batch, WORKERS).prefetch(2)
        # Keras makes two iterators an epoch; rewriting so small a graph each time costs more than it gives.
        options = tf.data.Options()
        options.experimental_optimization.apply_default_optimizations = False
        options.autotune.enabled = False
        return batches.with_options(options)

    def _fetch_batch(self, step):
        size = self.known.batch_size
        rows = self._order[step * size : (step + 1) * size]
        in_memory, *others = gather_batch(step, size, self.known.data, self._order)
        return ({**in_memory, **self.fetch(rows)}, *others)

    def first_row(self):
        """Return the first row as a batch of one."""
        in_memory, *others = self.known.first_row()
        return ({**in_memory, **{name: array[:1] for name, array in self.fetch.arrays.items()}}, *others)


class StreamRows:
    """Rows that are read and encoded anew in each epoch; the counterpart of `training.Rows`.

    Parameters
    ----------
    read : callable
        ``read(epoch, batch_size, shuffle, seed)`` gives an iterator of the batches
        (arrays, y) or (arrays, y, weight) of an epoch.
    first : tuple
        A first batch, for shapes and dtypes.
    y : ndarray of shape (n_rows, ...)
        Encoded target of all rows.
    n_batches : int or None
        Batches of an epoch, and
    batch_rows : int or None
        rows of a batch, where the source decides them; None: the fit does.
    """

    streams = True

    def __init__(self, read, first, y, n_batches=None, batch_rows=None):
        self.arrays, self.y, self.n_batches, self.batch_rows = first[0], y, n_batches, batch_rows
        self.error, self.epoch = None, 0
        self.first, self._read, self._live = first, read, []

    def feed(self, batch_size, seed=None):
        """Return these rows as batches; a seed lets each epoch mix them anew."""
        return StreamFeed(self, batch_size, seed)

    def read(self, batch_size, seed):
        """Read the batches of the epoch."""
        return self._watch(self._read(self.epoch, batch_size, seed is not None, seed))

    def _watch(self, batches):
        """Yield batches, keep the first error, and be known as long as they are read."""
        self._live.append(batches)
        try:
            yield from batches
        except Exception as error:
            self.error = self.error or error
            raise
        finally:
            self._live.remove(batches)

    def close(self):
        """End what still reads, with its threads."""
        for batches in list(self._live):
            while True:
                try:
                    batches.close()
                    break
                except ValueError:
                    # Another thread is within it, until the batch that it makes is done.
                    time.sleep(0.01)


class StreamFeed:
    """The batches of `StreamRows`; has what a fit asks of a `RowFeed`.

    Parameters
    ----------
    rows : StreamRows
        The rows.
    batch_size : int
        Rows of a batch.
    seed : int or None
        Decides how each epoch mixes them; None keeps their order.
    """

    in_place = False

    def __init__(self, rows, batch_size, seed):
        self.rows, self.batch_size, self.seed = rows, batch_size, seed
        self.n_steps = rows.n_batches or -(-len(rows.y) // batch_size)

    def callbacks(self):
        """Return the Keras callbacks that a fit needs beside the steps."""
        return [EpochNumber(self.rows)]

    def steps(self):
        """Return the `tf.data.Dataset` of the batches."""
        signature = tf.nest.map_structure(
            lambda array: tf.TensorSpec((None, *array.shape[1:]), tf.as_dtype(array.dtype)), self.rows.first
        )
        batches = tf.data.Dataset.from_generator(
            lambda: self.rows.read(self.batch_size, self.seed), output_signature=signature
        )
        return batches.apply(tf.data.experimental.assert_cardinality(self.n_steps)).prefetch(2)

    def first_row(self):
        """Return the first row as a batch of one."""
        return tf.nest.map_structure(lambda array: array[:1], self.rows.first)


class EpochNumber(keras.callbacks.Callback):
    """Tells `StreamRows` which epoch it is."""

    def __init__(self, rows):
        super().__init__()
        self.rows = rows

    def on_epoch_begin(self, epoch, logs=None):
        """Note the number; see `keras.callbacks.Callback`."""
        self.rows.epoch = epoch


def table_batches(source, router, positions, y, weight):
    """Return a function that reads the batches of a table for `StreamRows`.

    Parameters
    ----------
    source : TableSource
        The table.
    router : InputRouter
        Fitted.
    positions : ndarray of shape (n_rows,), int
        Rows of the table that take part, increasing.
    y : ndarray of shape (n_rows, ...)
        Their encoded target.
    weight : ndarray of shape (n_rows,) or None
        Their weights.

    Returns
    -------
    callable
        ``read(epoch, batch_size, shuffle, seed)``. Shuffled, parts come in another order in
        each epoch, and rows are mixed in windows of 65,536.
    """

    def read(epoch, batch_size, shuffle, seed):
        rng = np.random.default_rng([seed, epoch]) if shuffle else None
        windows = _windows(source, positions, rng)
        step = max(piece_rows(router), batch_size)
        pieces = (
            (chosen[i : i + step], frame.iloc[i : i + step])
            for chosen, frame in windows
            for i in range(0, len(chosen), step)
        )

        def encode(piece):
            chosen, frame = piece
            return router.transform(frame), y[chosen], *(() if weight is None else (weight[chosen],))

        yield from _cut_batches(map_ahead(encode, pieces, workers=1), batch_size)

    return read


def piece_rows(router):
    """Return how many rows are encoded at once, so that large ones, such as pixels, take little memory."""
    row_bytes = sum(spec.row_bytes for spec in router.specs_.values())
    return int(np.clip(PIECE_BYTES // max(row_bytes, 1), 1, WINDOW_ROWS))


def _windows(source, positions, rng):
    """Read (places among `positions`, frame) of the rows that take part, mixed by a generator if there is one."""
    order = None if rng is None else rng.permutation(len(source.parts))
    held, count = [], 0
    for start, frame in source.frames(order=order):
        first, last = np.searchsorted(positions, [start, start + len(frame)])
        if first == last:
            continue
        held.append((np.arange(first, last), frame.iloc[positions[first:last] - start]))
        count += last - first
        if rng is None or count >= WINDOW_ROWS:
            yield _mix(held, rng)
            held, count = [], 0
    if held:
        yield _mix(held, rng)


def _mix(held, rng):
    chosen = np.concatenate([places for places, _ in held])
    frame = pd.concat([frame for _, frame in held]) if len(held) > 1 else held[0][1]
    if rng is None:
        return chosen, frame
    order = rng.permutation(len(chosen))
    return chosen[order], frame.iloc[order]


def _cut_batches(pieces, batch_size):
    """Cut pieces of any length into batches of one; the last may be shorter."""
    rest = None
    for piece in pieces:
        rest = piece if rest is None else tf.nest.map_structure(lambda *parts: np.concatenate(parts), rest, piece)
        count = len(rest[1])
        for i in range(0, count - count % batch_size, batch_size):
            yield tf.nest.map_structure(lambda array, i=i: array[i : i + batch_size], rest)
        whole = count - count % batch_size
        rest = tf.nest.map_structure(lambda array, whole=whole: array[whole:], rest) if whole < count else None
    if rest is not None:
        yield rest


@contextmanager
def raise_row_errors(*parts):
    """Raise the error of a row that could not be encoded in the place of TensorFlow's, and end what reads rows.

    Parameters
    ----------
    *parts : Rows, StreamRows or None
        What is trained on.
    """
    parts = [part for part in parts if part is not None]
    try:
        yield
    except tf.errors.OpError:
        for source in [*parts, *(array for part in parts for array in part.arrays.values())]:
            if getattr(source, "error", None) is not None:
                raise source.error from None
        raise
    finally:
        for part in parts:
            if part.streams:
                part.close()
