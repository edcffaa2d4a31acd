"""Batches of arrays that are already encoded: from datasets, generators and functions."""

import itertools
import threading
from collections.abc import Iterator, Mapping

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from .._workers import map_ahead
from ..errors import DroppedRowsWarning, InputMismatchError, quote, warn

_WAYS_OUT = "Give fit__steps_per_epoch=n, or a function without arguments that makes a new one for each epoch."


def batch_source(X, y=None, steps=None):
    """Return the `BatchSource` of an object that yields ``(inputs, y[, sample_weight])``; None for other objects.

    Parameters
    ----------
    X : object
        A ``tf.data.Dataset``, a ``keras.utils.PyDataset``, a generator, a function that makes one,
        or another iterable of batches. A list counts only if it holds tuples (inputs, y, ...).
    y : object or None
        If it is given, a list holds rows: batches have their y in them.
    steps : int or None
        Number of batches of an epoch; None reads to the end.

    Returns
    -------
    BatchSource or None
        None if `X` is a table, an array or a path.
    """
    if isinstance(X, tf.data.Dataset | keras.utils.PyDataset | Iterator):
        return BatchSource(X, steps)
    if isinstance(X, list) and y is None and X and all(_is_batch(element) for element in X):
        return BatchSource(X, steps)
    # Tables, arrays, paths and lists can be iterated over, too, but not in batches.
    known = isinstance(X, str | bytes | Mapping | list | tuple | type) or hasattr(X, "__array__")
    if known or hasattr(X, "to_pandas") or hasattr(X, "columns") or hasattr(X, "shape"):
        return None
    return BatchSource(X, steps) if callable(X) or hasattr(X, "__iter__") else None


def _is_batch(element):
    """Return whether an element of a list is a batch (inputs, y[, sample_weight]), and not a row or an array."""
    return isinstance(element, tuple) and len(element) in (2, 3) and isinstance(element[0], Mapping | tuple | list)


class BatchSource:
    """Batches that can be read again for each epoch.

    With `steps`, an epoch goes on where the one before ended; without, it reads the source from beginning to end.

    Parameters
    ----------
    source : Dataset, PyDataset, iterator, callable or iterable
        Where the batches come from.
    steps : int or None
        Number of batches of an epoch; None reads to the end.
    """

    def __init__(self, source, steps=None):
        self.source, self.steps = source, steps
        self._endless, self._epoch, self._read, self._told = None, None, [], 0
        # Batches are read in the fit's own thread and in one of TensorFlow's.
        self._lock = threading.Lock()

    @property
    def name(self):
        """What the source is, for messages."""
        kind = type(self.source).__name__
        if isinstance(self.source, tf.data.Dataset):
            return "the tf.data.Dataset"
        if isinstance(self.source, keras.utils.PyDataset):
            return f"the PyDataset {kind}"
        if not isinstance(self.source, Iterator) and callable(self.source):
            return f"the function {getattr(self.source, '__name__', kind)!r}"
        return f"the {kind} of batches"

    @property
    def repeats(self):
        """Whether the source is a dataset that repeats forever."""
        is_dataset = isinstance(self.source, tf.data.Dataset)
        return is_dataset and bool(self.source.cardinality() == tf.data.INFINITE_CARDINALITY)

    @property
    def reads_again(self):
        """Whether the source can be read from beginning to end as often as needed."""
        return not self.repeats and not isinstance(self.source, Iterator)

    def check_ends(self):
        """Refuse a source that never ends, or can be read only once, if the number of steps is not known.

        Raises
        ------
        InputMismatchError
            For a generator, or a dataset that repeats forever, without a number of steps.
        """
        if self.steps is not None:
            return
        if self.repeats:
            raise InputMismatchError(f"{self.name} repeats forever, so an epoch would never end. {_WAYS_OUT}")
        if isinstance(self.source, Iterator):
            raise InputMismatchError(
                f"{self.name} can be read only once and may never end, but each epoch needs its batches. {_WAYS_OUT}"
            )

    def batches(self, epoch=0):
        """Read the batches of an epoch. It can be read several times, until the next epoch is read.

        Yields
        ------
        tuple, dict, list or array
            Batches as they are in the source.
        """
        if self.steps is None:
            yield from self._once(epoch)
            return
        with self._lock:
            if self._endless is None:
                self._endless = self._without_end()
            # Batches of the epoch are kept for a second reading, as a generator yields each only once.
            if epoch != self._epoch:
                self._epoch, self._read = epoch, []
        for step in range(self.steps):
            with self._lock:
                if step == len(self._read):
                    try:
                        self._read.append(next(self._endless))
                    except StopIteration:
                        # Inside of a generator it would become a RuntimeError without a word of steps.
                        raise InputMismatchError(
                            f"{self.name} ended in epoch {epoch + 1} after {step} of {self.steps} steps: the number of "
                            "steps times that of epochs is more than it yields. Give a function without arguments that "
                            "makes a new one, or fewer steps."
                        ) from None
                batch = self._read[step]
            yield batch

    def _without_end(self):
        """Read the source again and again, or to its end if it can be read only once."""
        if isinstance(self.source, Iterator):
            yield from self.source
            return
        for epoch in itertools.count():
            is_empty = True
            for batch in self._once(epoch):
                is_empty = False
                yield batch
            # A source without batches would be read forever.
            if is_empty:
                return

    def _once(self, epoch):
        """Read the source from beginning to end."""
        if isinstance(self.source, tf.data.Dataset):
            yield from self.source.as_numpy_iterator()
        elif isinstance(self.source, keras.utils.PyDataset):
            # Only once, however often an epoch is read: the dataset shuffles its rows when it is told.
            if epoch and epoch != self._told:
                self.source.on_epoch_end()
            self._told = epoch
            yield from map_ahead(self.source.__getitem__, range(len(self.source)), max(1, self.source.workers))
        else:
            found = self.source() if callable(self.source) else self.source
            if not hasattr(found, "__iter__"):
                raise InputMismatchError(
                    f"{self.name} returned an object of type {type(found).__name__}; it must return an iterator of "
                    "DataFrames or batches."
                )
            yield from found

    def warn_of_dropped(self, n_read):
        """Warn of a PyDataset that has more rows than its batches.

        Parameters
        ----------
        n_read : int
            Number of rows in all batches of an epoch.

        Warns
        -----
        DroppedRowsWarning
            If an array or a list among its attributes is longer.
        """
        if not isinstance(self.source, keras.utils.PyDataset) or self.steps is not None:
            return
        held = {
            name: len(value)
            for name, value in vars(self.source).items()
            if isinstance(value, np.ndarray | list | pd.Series | pd.DataFrame) and not name.startswith("_")
        }
        sizes = list(held.values())
        # Attributes of one length are taken for the rows; a list of paddings or names has another length.
        longer = [name for name, size in held.items() if size > n_read and (sizes.count(size) > 1 or len(sizes) == 1)]
        if longer:
            warn(
                f"{self.name} has len {len(self.source)} and gives {n_read} of the {held[longer[0]]} rows of "
                f"{quote(longer[:3])} in an epoch; the others are never seen. Count the last, short batch, too: "
                "__len__ should be ceil(rows / batch_size).",
                DroppedRowsWarning,
            )


def split_batch(batch, source, *, needs_y):
    """Return a batch as (inputs, y, sample_weight), with None for a part that it does not have.

    Raises
    ------
    InputMismatchError
        If the batch has no y although one is needed, or has more than three parts.
    """
    parts = batch if isinstance(batch, tuple) else (batch,)
    if not 1 <= len(parts) <= 3 or (needs_y and len(parts) == 1):
        found = f"a tuple of {len(parts)}" if isinstance(batch, tuple) else f"one {type(batch).__name__}"
        raise InputMismatchError(
            f"{source.name} yields {found}; a batch is a tuple (inputs, y) or (inputs, y, sample_weight), with inputs "
            "a dict of arrays by input name, or a tuple of arrays."
        )
    inputs, y, weight = (*parts, None, None)[:3]
    if needs_y:
        _check_targets(y, source)
    return inputs, y, weight


def _check_targets(y, source):
    """Refuse the targets of a batch that are not one array."""
    if y is None:
        raise InputMismatchError(f"{source.name} yields None for the targets of a batch. Yield (inputs, y).")
    several = isinstance(y, tuple | list) and len(y) and all(np.ndim(part) > 0 for part in y)
    if isinstance(y, Mapping) or (several and isinstance(y, tuple)):
        what = f"a dict of targets with {quote(y)}" if isinstance(y, Mapping) else f"a tuple of {len(y)} targets"
        first = f"y[{next(iter(y), '')!r}]" if isinstance(y, Mapping) else "y[0]"
        raise InputMismatchError(
            f"{source.name} yields {what}; the network has one output, so a batch holds one array of targets. Yield "
            f"(inputs, {first}), or several targets as the columns of one array: np.column_stack(...)."
        )
