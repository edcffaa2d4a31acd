"""Batches of arrays that are encoded already: datasets and generators, and what they must look like."""

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
    """Return the `BatchSource` of what yields ``(inputs, y[, sample_weight])``, else None.

    Parameters
    ----------
    X : object
        A ``tf.data.Dataset``, ``keras.utils.PyDataset``, generator, a function that makes
        one, or any other iterable of batches; lists only of tuples (inputs, y, ...).
    y : None
        A list of batches brings its own.
    steps : int or None
        Batches of an epoch.
    """
    if isinstance(X, tf.data.Dataset | keras.utils.PyDataset | Iterator):
        return BatchSource(X, steps)
    if isinstance(X, list) and y is None and X and all(_is_batch(element) for element in X):
        return BatchSource(X, steps)
    known = isinstance(X, str | bytes | Mapping | list | tuple | type) or hasattr(X, "__array__")
    if known or hasattr(X, "to_pandas") or hasattr(X, "columns") or hasattr(X, "shape"):
        return None
    return BatchSource(X, steps) if callable(X) or hasattr(X, "__iter__") else None


def _is_batch(element):
    """Tell a batch (inputs, y[, sample_weight]) from a row or an array."""
    return isinstance(element, tuple) and len(element) in (2, 3) and isinstance(element[0], Mapping | tuple | list)


class BatchSource:
    """Batches that can be read once for each epoch.

    Parameters
    ----------
    source : Dataset, PyDataset, iterator, callable or iterable
        Where they come from.
    steps : int or None
        Batches of an epoch; None reads to the end.
    """

    def __init__(self, source, steps=None):
        self.source, self.steps = source, steps
        self._endless, self._epoch, self._read, self._told = None, None, [], 0
        self._lock = threading.Lock()

    @property
    def name(self):
        """What it is, for messages."""
        kind = type(self.source).__name__
        if isinstance(self.source, tf.data.Dataset):
            return "the tf.data.Dataset"
        if isinstance(self.source, keras.utils.PyDataset):
            return f"the PyDataset {kind}"
        if not isinstance(self.source, Iterator) and callable(self.source):
            return f"the function {getattr(self.source, '__name__', kind)!r}"
        return f"the {kind} of batches"

    def check_ends(self):
        """Refuse what would never end, or can be read only once, where epochs need more.

        Raises
        ------
        InputMismatchError
            For a generator, or a repeated dataset, without a number of steps.
        """
        if self.steps is not None:
            return
        if isinstance(self.source, tf.data.Dataset) and self.source.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise InputMismatchError(f"{self.name} is repeated without end, so that no epoch would. {_WAYS_OUT}")
        if isinstance(self.source, Iterator):
            raise InputMismatchError(
                f"{self.name} can be read only once and may never end, but each epoch needs its batches. {_WAYS_OUT}"
            )

    def batches(self, epoch=0):
        """Read the batches of an epoch; as often as one likes, until the next one is read.

        Yields
        ------
        tuple, dict, list or array
            As the source gives them.
        """
        if self.steps is None:
            yield from self._once(epoch)
            return
        with self._lock:
            if self._endless is None:
                self._endless = self._without_end()
            if epoch != self._epoch:
                self._epoch, self._read = epoch, []
        for step in range(self.steps):
            with self._lock:
                if step == len(self._read):
                    try:
                        self._read.append(next(self._endless))
                    except StopIteration:
                        raise InputMismatchError(
                            f"{self.name} ended in epoch {epoch + 1} after {step} of {self.steps} steps: the number of "
                            "steps times that of epochs is more than it yields. Give a function without arguments that "
                            "makes a new one, or fewer steps."
                        ) from None
                batch = self._read[step]
            yield batch

    def _without_end(self):
        """Read on and on; what can be read only once is."""
        if isinstance(self.source, Iterator):
            yield from self.source
            return
        for epoch in itertools.count():
            before = True
            for batch in self._once(epoch):
                before = False
                yield batch
            if before:
                return

    def _once(self, epoch):
        """Read from the beginning to the end."""
        if isinstance(self.source, tf.data.Dataset):
            yield from self.source.as_numpy_iterator()
        elif isinstance(self.source, keras.utils.PyDataset):
            if epoch and epoch != self._told:
                self.source.on_epoch_end()
            self._told = epoch
            yield from map_ahead(self.source.__getitem__, range(len(self.source)), max(1, self.source.workers))
        else:
            yield from self.source() if callable(self.source) else self.source

    def warn_of_dropped(self, n_read):
        """Warn of a PyDataset that holds more rows than its batches had.

        Parameters
        ----------
        n_read : int
            Rows of all batches of an epoch.

        Warns
        -----
        DroppedRowsWarning
            If an array or list that it holds is longer.
        """
        if not isinstance(self.source, keras.utils.PyDataset) or self.steps is not None:
            return
        held = {
            name: len(value)
            for name, value in vars(self.source).items()
            if isinstance(value, np.ndarray | list | pd.Series | pd.DataFrame) and not name.startswith("_")
        }
        sizes = list(held.values())
        # A length that two attributes share is the number of rows; a list of paddings or names is none.
        longer = [name for name, size in held.items() if size > n_read and (sizes.count(size) > 1 or len(sizes) == 1)]
        if longer:
            warn(
                f"{self.name} has len {len(self.source)} and gives {n_read} of the {held[longer[0]]} rows of "
                f"{quote(longer[:3])} in an epoch; the others are never seen. Count the last, short batch, too: "
                "__len__ should be ceil(rows / batch_size).",
                DroppedRowsWarning,
            )


def split_batch(batch, source, *, needs_y):
    """Divide a batch into (inputs, y, sample_weight), absent parts None.

    Raises
    ------
    InputMismatchError
        If it has no y where one is needed, or more than three parts.
    """
    parts = batch if isinstance(batch, tuple) else (batch,)
    if not 1 <= len(parts) <= 3 or (needs_y and len(parts) == 1):
        found = f"a tuple of {len(parts)}" if isinstance(batch, tuple) else f"a {type(batch).__name__}"
        raise InputMismatchError(
            f"{source.name} yields {found}; a batch is a tuple (inputs, y) or (inputs, y, sample_weight), with inputs "
            "a dict of arrays by input name, or a tuple of arrays."
        )
    return (*parts, None, None)[:3]
