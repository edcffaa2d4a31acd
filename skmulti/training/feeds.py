"""Batches whose rows are read or encoded while the network trains on the batches before.

`LazyFeed` gathers encoded rows batch by batch inside one `tf.data` graph and asks for the lazy ones.
`StreamRows` stands for `Rows` where rows are read anew in each epoch: the batches come from a generator that
runs in a thread of TensorFlow and is closed when the fit ends, also by an error or an interrupt. Every batch is
a dict with exactly the network's inputs, since Keras matches lists by position and misreads extra keys.
"""

import time
from contextlib import contextmanager, nullcontext
from functools import partial

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from .._workers import WORKERS, map_ahead
from ..inputs import odd_cells_gathered
from ..router import split_lazy
from .devices import run_shares, test_share, train_share
from .steps import EpochOrder, FeedSteps, RowFeed, as_plain, gather_batch, run_alone

# Number of rows of a table that are mixed with each other.
WINDOW_ROWS = 65_536
# Size in bytes of the arrays that are encoded at once.
PIECE_BYTES = 16 * 2**20


class LazyFeed:
    """Rows whose lazy inputs are encoded when their batch is next; it has what a fit asks of a `RowFeed`.

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
    batches : tuple of array-like or None
        As for `RowFeed`.
    """

    in_place = False

    def __init__(self, arrays, y, weight, batch_size, seed=None, batches=None):
        in_memory, self.fetch = split_lazy(arrays)
        self.known = RowFeed(in_memory, y, weight, batch_size, seed, batches)
        self.n_steps = self.known.n_steps
        # A variable, since the graph of the batches is made once and must read another order in each epoch.
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
        return as_plain(tf.data.Dataset.range(self.n_steps).map(self._fetch_batch, WORKERS).prefetch(2))

    def _fetch_batch(self, step):
        """Gather the rows of a step that are in memory, and encode the others."""
        begins, ends = self.known.batches[:2]
        rows = self._order[begins[step] : ends[step]]
        in_memory, *others = gather_batch(step, self.known.batches, self.known.data, self._order)
        return ({**in_memory, **self.fetch(rows)}, *others)

    def first_row(self):
        """Return the first row as a batch of one."""
        in_memory, *others = self.known.first_row()
        return ({**in_memory, **{name: array[:1] for name, array in self.fetch.arrays.items()}}, *others)


class StreamRows:
    """Rows that are read and encoded anew in each epoch; the counterpart of `Rows`.

    Parameters
    ----------
    read : callable
        ``read(epoch, batch_size, shuffle, seed)`` returns an iterator of the batches
        (arrays, y) or (arrays, y, weight) of an epoch.
    first : tuple
        A first batch, for shapes and dtypes.
    y : ndarray of shape (n_rows, ...)
        Encoded target of all rows.
    n_batches : int or None
        Batches per epoch, or None if the fit decides.
    batch_rows : int or None
        Rows per batch, or None if the fit decides.
    pass_over : callable or None
        ``pass_over(epoch)`` reads the batches of an epoch without using them, for a source that knows
        itself where it is; None for rows that can be read from any epoch on.
    sample : dict of str to (ndarray or LazyArray), or None
        Encoded rows that are known before training, in their order: all of them if they are few.
    """

    streams = True

    def __init__(self, read, first, y, n_batches=None, batch_rows=None, pass_over=None, sample=None):
        self.arrays, self.y, self.n_batches, self.batch_rows = first[0], y, n_batches, batch_rows
        self.error, self.epoch = None, 0
        self.first, self._read, self._live = first, read, []
        self._pass_over, self.sample = pass_over, sample

    @property
    def n_total(self):
        """Number of rows of the whole training."""
        return len(self.y)

    def joined(self, model, batch_size):
        """Return the context in which a compiled model trains on these rows; see `Rows.joined`."""
        return nullcontext()

    def feed(self, batch_size, seed=None):
        """Return these rows as batches; with a seed each epoch mixes them anew."""
        return StreamFeed(self, batch_size, seed)

    def skip(self, epochs):
        """Bring the source to where it is after these epochs."""
        for epoch in epochs if self._pass_over else ():
            self._pass_over(epoch)

    def read(self, batch_size, seed):
        """Read the batches of the epoch."""
        return self._watch(self._read(self.epoch, batch_size, seed is not None, seed))

    def _watch(self, batches):
        """Yield batches, keep their first error, and list them as live while they are read."""
        # TensorFlow turns an error of a generator into one of its own that holds the text only.
        self._live.append(batches)
        try:
            yield from batches
        except Exception as error:
            self.error = self.error or error
            raise
        finally:
            self._live.remove(batches)

    def close(self):
        """Close the generators that still read, and end their threads."""
        # TensorFlow leaves a generator open if a fit ends in the middle of an epoch, with its files and threads.
        for batches in list(self._live):
            while True:
                try:
                    batches.close()
                    break
                except ValueError:
                    # "Generator already executing": a thread of TensorFlow is in it until its next batch is made.
                    time.sleep(0.01)


class StreamFeed:
    """The batches of `StreamRows`; it has what a fit asks of a `RowFeed`.

    Parameters
    ----------
    rows : StreamRows
        The rows.
    batch_size : int
        Rows of a batch.
    seed : int or None
        Decides how each epoch mixes the rows; None keeps their order.
    """

    in_place = False

    def __init__(self, rows, batch_size, seed):
        self.rows, self.batch_size, self.seed = rows, batch_size, seed
        self.n_steps = rows.n_batches or -(-len(rows.y) // batch_size)

    def callbacks(self):
        """Return the Keras callbacks that a fit needs in addition to the steps."""
        return [EpochNumber(self.rows)]

    def steps(self):
        """Return the `tf.data.Dataset` of the batches."""
        signature = tf.nest.map_structure(
            lambda array: tf.TensorSpec((None, *array.shape[1:]), tf.as_dtype(array.dtype)), self.rows.first
        )
        batches = tf.data.Dataset.from_generator(
            lambda: self.rows.read(self.batch_size, self.seed), output_signature=signature
        )
        # A generator has no length, but Keras needs it to know the last step of an epoch beforehand.
        return as_plain(batches.apply(tf.data.experimental.assert_cardinality(self.n_steps)).prefetch(2))

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
        The rows of the table that take part, in increasing order.
    y : ndarray of shape (n_rows, ...)
        Encoded target of these rows.
    weight : ndarray of shape (n_rows,) or None
        Weights of these rows.

    Returns
    -------
    callable
        ``read(epoch, batch_size, shuffle, seed)``. With ``shuffle`` the parts come in another
        order in each epoch, and rows are mixed in windows of 65,536.
    """

    def read(epoch, batch_size, shuffle, seed):
        rng = np.random.default_rng([seed, epoch]) if shuffle else None
        windows = _windows(source, positions, rng)
        # At least a batch: smaller pieces would only be joined again.
        step = max(piece_rows(router), batch_size)
        pieces = (
            (chosen[i : i + step], frame.iloc[i : i + step])
            for chosen, frame in windows
            for i in range(0, len(chosen), step)
        )

        def encode(piece):
            chosen, frame = piece
            # The fit of the router has reported odd cells.
            with odd_cells_gathered([]):
                arrays = router.transform(frame)
            return arrays, y[chosen], *(() if weight is None else (weight[chosen],))

        # One thread ahead: while the network trains on a piece, the next one is encoded. Results stay in order.
        yield from _cut_batches(map_ahead(encode, pieces, workers=1), batch_size)

    return read


def piece_rows(router):
    """Return how many rows are encoded at once: fewer of large rows, such as pixels, to save memory."""
    row_bytes = sum(spec.row_bytes for spec in router.specs_.values())
    return int(np.clip(PIECE_BYTES // max(row_bytes, 1), 1, WINDOW_ROWS))


def _windows(source, positions, rng):
    """Yield (places among `positions`, frame) of the rows that take part, mixed by `rng` if there is one."""
    # A full shuffle would need the whole table in memory. Parts in another order, and rows that are mixed across the
    # parts of a window, come near to it.
    order = None if rng is None else rng.permutation(len(source.parts))
    held, count = [], 0
    for start, frame in source.frames(order=order):
        # `positions` increase, so those within a part lie side by side, at `first` to before `last`.
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
    """Join (places, frame) of several parts to one, in an order that `rng` draws if there is one."""
    chosen = np.concatenate([places for places, _ in held])
    frame = pd.concat([frame for _, frame in held]) if len(held) > 1 else held[0][1]
    if rng is None:
        return chosen, frame
    order = rng.permutation(len(chosen))
    return chosen[order], frame.iloc[order]


def _cut_batches(pieces, batch_size):
    """Cut pieces of any length into batches of one length; the last batch may be shorter."""
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
    """Raise the error of a row that could not be encoded, not TensorFlow's, and close what reads rows.

    Parameters
    ----------
    *parts : Rows, StreamRows or None
        The rows of training and of validation.
    """
    parts = [part for part in parts if part is not None]
    try:
        yield
    except tf.errors.OpError:
        # TensorFlow's error says in which operation of its graph; the kept one says which input, row and cell.
        for source in [*parts, *(array for part in parts for array in part.arrays.values())]:
            if getattr(source, "error", None) is not None:
                raise source.error from None
        raise
    finally:
        for part in parts:
            if part.streams:
                part.close()


@contextmanager
def feed_from(model, training, held):
    """Let a compiled model take the rows of training and of validation from feeds, for the length of a block.

    Parameters
    ----------
    model : keras.Model
        The compiled network.
    training : RowFeed or other feed
        Rows to train on.
    held : RowFeed, other feed or None
        Rows to validate on.
    """
    # Once for each compilation: later epochs of `partial_fit` and `warm_start` find the traced functions.
    if not isinstance(model.train_function, FeedSteps):
        run, train_step, test_step = run_alone, model.train_step, model.test_step
        if tf.distribute.has_strategy():
            run, train_step, test_step = run_shares, train_share, test_share
        model.make_train_function(force=True)
        model.train_function = FeedSteps(model, partial(run, model, train_step), model.train_function, trains=True)
        model.make_test_function(force=True)
        model.test_function = FeedSteps(model, partial(run, model, test_step), model.test_function)
    try:
        model.train_function.feed, model.test_function.feed = training, held
        yield
    finally:
        # The rows are not kept with the network. Keras keeps an iterator over the held-out ones if a fit breaks off.
        model.train_function.feed = model.test_function.feed = None
        model.train_function.batches = model.test_function.batches = None
        vars(model).pop("_eval_epoch_iterator", None)
