"""The rows of a fit, whatever they come from: a table in memory, a table in parts, or encoded batches.

All three answer the same questions: their target and weights, some of their rows, a router that is fitted on
them, and what a network trains on. To a fit they are one thing.
"""

import copy
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from .._validation import check_weights
from .._workers import map_ahead
from ..errors import InputMismatchError, quote
from ..inputs import SAMPLE_ROWS, Branch
from ..router import (
    EncodedInputs,
    as_memory,
    check_batch,
    file_states,
    first_specs,
    input_names,
    n_rows,
    store_folder,
    take_rows,
    to_table,
)
from ..sources import TableSource, batch_source, split_batch, table_source
from ..training import Rows, StreamRows, piece_rows, table_batches
from .targets import check_output_names, encode_rows, output_names

# Bytes of batches that are kept for initial values of branches.
SAMPLE_BYTES = 256 * 2**20


def source_of(X, y=None, steps=None):
    """Return X as a `TableSource` or `BatchSource`, or None if it is a table in memory.

    Parameters
    ----------
    X : object
        What a user hands to `fit` or `predict`.
    y : object
        A list of batches brings its own targets, so that y is None.
    steps : int or None
        Batches of an epoch, where the user fixed them.
    """
    if X is None or isinstance(X, pd.DataFrame | np.ndarray):
        return None
    return table_source(X) or batch_source(X, y, steps)


@dataclass(frozen=True)
class TableExamples:
    """The rows of a table in memory.

    Parameters
    ----------
    table : DataFrame, or dict of str to (Series or DataFrame)
        The rows.
    y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Their target.
    weight : ndarray of shape (n_rows,) or None
        Their weights.
    """

    table: object
    y: np.ndarray
    weight: np.ndarray | None = None

    can_split = True

    @classmethod
    def read(cls, X, y, sample_weight, target, router):
        """Check X and y against each other; `router` names the inputs of a list of arrays."""
        names = output_names(y)
        y = target.check(y)
        table = to_table(X, input_names(router), len(y))
        if n_rows(table) != len(y):
            raise InputMismatchError(
                f"Found input variables with inconsistent numbers of samples: X has {n_rows(table)} rows, y has "
                f"{len(y)}. Give one target for each row."
            )
        return cls(table, y, sample_weight), names

    @property
    def X(self):
        """What scikit-learn's callbacks are shown as X."""
        return self.table

    def __len__(self):
        return len(self.y)

    def take(self, positions):
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[positions]
        return TableExamples(take_rows(self.table, positions), self.y[positions], weight)

    def fit_router(self, router, memory):
        """Fit a router on the rows and encode them, or look both up where `memory` has them.

        Returns
        -------
        router : InputRouter
            Fitted.
        arrays : dict of str to (ndarray or LazyArray)
            The rows.
        """
        states = [] if memory is None else file_states(self.table)
        fit = as_memory(memory).cache(_fit_router)
        return fit(router, self.table, self.y, self.weight, states, store_folder(memory))

    def rows(self, router, target, dtype, *, memory=None, arrays=None):
        """Return what a network trains on; `arrays` are the rows if they are encoded already."""
        if arrays is None:
            arrays = router.encode(self.table, folder=store_folder(memory))
        return Rows(arrays, *encode_rows(target, self.y, self.weight, dtype))


def _fit_router(router, table, y, weight, states, folder):
    """Fit a router and encode its training rows: (router, arrays). `states` are of the files that cells name."""
    arrays = router.fit_encode(table, y, weight, folder=folder)
    return router, arrays


@dataclass(frozen=True)
class PartExamples:
    """The rows of a table that is read in parts; only their target and weights are in memory.

    Parameters
    ----------
    source : TableSource
        The table.
    columns : list of str
        Its columns that are no input: target and weights.
    positions : ndarray of shape (n_rows,), int
        Rows of the table that take part, increasing.
    y, weight : ndarray of shape (n_rows, ...)
        As in `TableExamples`.
    """

    source: TableSource
    columns: list
    positions: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None = None

    can_split = True

    @classmethod
    def read(cls, source, y, sample_weight, target):
        """Read the columns of the target and of the weights, which `y` and `sample_weight` name."""
        columns = [y] if isinstance(y, str) else y
        if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
            raise InputMismatchError(
                f"y is a {type(y).__name__}, but X is {source.name}, which is read in parts; name the column of the "
                'target, or a list of several: fit(path, y="price").'
            )
        if sample_weight is not None and not isinstance(sample_weight, str):
            raise InputMismatchError("sample_weight of a table that is read in parts is the name of a column.")
        columns = columns if sample_weight is None else [*columns, sample_weight]
        known = [frame for _, frame in source.frames(columns)]
        if not known:
            raise InputMismatchError(f"{source.name} has 0 sample(s) while a minimum of 1 is required.")
        known = pd.concat(known)
        weight = None if sample_weight is None else known[sample_weight].to_numpy()
        checked = target.check(known[y])
        return cls(source, columns, np.arange(len(checked)), checked, weight), output_names(known[y])

    @property
    def X(self):
        """What scikit-learn's callbacks are shown as X."""
        return self.source

    def __len__(self):
        return len(self.y)

    def take(self, positions):
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[positions]
        return replace(self, positions=self.positions[positions], y=self.y[positions], weight=weight)

    def fit_router(self, router, memory):
        """Fit a router in one pass over the rows, and encode some of them for initial values of branches."""
        places = np.arange(len(self))
        if len(self) > SAMPLE_ROWS:
            places = np.linspace(0, len(self) - 1, SAMPLE_ROWS).astype(int)
        sample = self.source.rows(self.positions[places]).drop(columns=self.columns)
        router = router.fit_chunks(self._chunks, sample)
        return router, router.encode_sample(sample)

    def _chunks(self):
        """Read the rows: (frame, y, weight) in turn."""
        for start, frame in self.source.frames():
            first, last = np.searchsorted(self.positions, [start, start + len(frame)])
            if first < last:
                own = frame.iloc[self.positions[first:last] - start].drop(columns=self.columns)
                yield own, self.y[first:last], None if self.weight is None else self.weight[first:last]

    def rows(self, router, target, dtype, *, memory=None, arrays=None):
        """Return what a network trains on; every epoch reads the table anew."""
        encoded, weight = encode_rows(target, self.y, self.weight, dtype)
        read = table_batches(self.source, router, self.positions, encoded, weight)
        first = router.transform(self.source.rows(self.positions[:1]))
        return StreamRows(read, (first, encoded[:1], *(() if weight is None else (weight[:1],))), encoded)


@dataclass(frozen=True)
class BatchExamples:
    """The rows of batches that are encoded already, read once to learn what they hold.

    Parameters
    ----------
    source : BatchSource
        The batches.
    read_batches : ReadBatches
        What was learned from reading them once.
    y, weight : ndarray of shape (n_rows, ...)
        As in `TableExamples`.
    """

    source: object
    read_batches: object
    y: np.ndarray
    weight: np.ndarray | None = None

    # The source decides what a batch is: single rows cannot be held out.
    can_split = False

    @classmethod
    def read(cls, source, y, sample_weight, target, router, branches, dtype):
        """Read every batch once. `router`, if fitted, says what they must hold, else `branches` say what they may."""
        for name, given in (("y", y), ("sample_weight", sample_weight)):
            if given is not None:
                raise InputMismatchError(
                    f"{source.name} brings its own targets and weights: a batch is a tuple (inputs, y) or "
                    f"(inputs, y, sample_weight). Leave `{name}` out."
                )
        source.check_ends()
        batches = ReadBatches(source, router, branches, dtype)
        source.warn_of_dropped(len(batches.y))
        return cls(source, batches, target.check(batches.y), batches.weight), None

    @property
    def X(self):
        """What scikit-learn's callbacks are shown as X."""
        return self.source

    def __len__(self):
        return len(self.y)

    def take(self, positions):
        """Leave out targets and weights of other rows; the batches keep them, with a weight of 0."""
        return replace(self, y=self.y[positions], weight=None if self.weight is None else self.weight[positions])

    def fit_router(self, router, memory):
        """Return what stands for a router, a fitted one that the user gave or the batches' specs; and a sample."""
        known = self.read_batches.router
        return copy.deepcopy(known) if known is not None else EncodedInputs(self.read_batches.specs), (
            self.read_batches.sample
        )

    def rows(self, router, target, dtype, *, memory=None, arrays=None):
        """Return what a network trains on; every epoch reads the batches anew."""
        batches, specs = self.read_batches, router.specs_
        encoded, weights = encode_rows(target, self.y, self.weight, dtype)
        mean = None if weights is None else float(target.total_weight(self.y, self.weight).mean())

        def finish(batch):
            inputs, own, own_weight = split_batch(batch, self.source, needs_y=True)
            arrays = check_batch(inputs, specs, self.source.name)
            if weights is not None:
                own_weight = np.ones(len(own)) if own_weight is None else np.asarray(own_weight)
            own, own_weight = encode_rows(target, target.check(join_targets([own])), own_weight, dtype, mean)
            return arrays, own, *(() if own_weight is None else (own_weight,))

        def read(epoch, batch_size, shuffle, seed):
            count = 0
            for made in map_ahead(finish, self.source.batches(epoch), workers=1):
                count += 1
                if count <= batches.n_batches:
                    yield made
            if count < batches.n_batches:
                raise InputMismatchError(
                    f"{self.source.name} ended in epoch {epoch + 1} after {count} of {batches.n_batches} batches, "
                    "which it had when it was first read. Each epoch needs the same number."
                )

        first = {name: array[:1] for name, array in batches.sample.items()}
        example = (first, encoded[:1], *(() if weights is None else (weights[:1],)))
        return StreamRows(read, example, encoded, batches.n_batches, batches.batch_rows)


class ReadBatches:
    """What one reading of all batches tells: target, weights, specs, a sample of the rows.

    Parameters
    ----------
    source : BatchSource
        The batches.
    router : InputRouter or None
        If fitted, its specs are what the batches must hold.
    branches : dict of str to Branch
        Of some inputs: what they read says what an array holds.
    dtype : str
        Precision of floats.

    Attributes
    ----------
    router : InputRouter or None
        The given one if it is fitted, else None.
    specs : dict of str to ArraySpec
        The inputs.
    y, weight : ndarray of shape (n_rows, ...)
        Target and weights (or None) of all rows.
    sample : dict of str to ndarray
        Evenly spaced rows.
    n_batches, batch_rows : int
        Batches, and rows of the largest one.
    """

    def __init__(self, source, router, branches, dtype):
        self.source = source
        self.router = router if hasattr(router, "specs_") else None
        self.specs = None if self.router is None else dict(router.specs_)
        self._names = input_names(router)
        self._kinds = {
            name: part.reads[0] for name, part in branches.items() if isinstance(part, Branch) and part.reads
        }
        self._dtype = dtype
        self.n_batches = self.batch_rows = 0
        self._read_through()

    def _read_through(self):
        """Read every batch once: check it, and learn target, ids, missing rows and a sample."""
        targets, weights, sample, missing, largest, count = [], [], _Sample(), {}, {}, 0
        for batch in self.source.batches():
            inputs, y, weight = split_batch(batch, self.source, needs_y=True)
            if self.specs is None:
                self.specs = first_specs(inputs, self._names, self._kinds, self.source.name, self._dtype)
            arrays = check_batch(inputs, self.specs, self.source.name, count)
            y = np.asarray(y)
            self._check_lengths(arrays, y, weight)
            for name, spec in self.specs.items():
                array = arrays[name]
                if spec.vocabulary_sizes:
                    largest[name] = np.maximum(array.max(axis=0), largest.get(name, 0))
                if array.dtype.kind == "f":
                    missing[name] = missing.get(name, False) or bool(np.isnan(array).all(axis=1).any())
            self.batch_rows = max(len(y), self.batch_rows)
            self.n_batches, count = self.n_batches + 1, count + len(y)
            targets.append(y)
            weights.append(weight)
            sample.add(arrays)
        if not targets:
            raise InputMismatchError(
                f"{self.source.name} yields no batch: 0 sample(s), while a minimum of 1 is required."
            )
        self.y, self.weight, self.sample = join_targets(targets), join_weights(weights), sample.arrays()
        if self.router is None:
            self.specs = {
                name: _with_sizes(spec, largest.get(name), missing.get(name)) for name, spec in self.specs.items()
            }

    def _check_lengths(self, arrays, y, weight):
        count = len(next(iter(arrays.values())))
        if len(y) != count or (weight is not None and len(weight) != count):
            raise InputMismatchError(
                f"{self.source.name} yields a batch of {count} rows with {len(y)} targets"
                f"{'' if weight is None else f' and {len(weight)} weights'}. Give one for each row."
            )


def _with_sizes(spec, largest, has_missing):
    """Return a spec with the sizes of vocabularies that the largest ids tell."""
    sizes = spec.vocabulary_sizes
    if sizes:
        sizes = tuple(int(n) + 1 for n in largest) if len(sizes) > 1 else (int(largest.max()) + 1,)
    return replace(spec, vocabulary_sizes=sizes, has_missing=bool(has_missing))


class _Sample:
    """Evenly spaced rows of batches whose number is not known beforehand."""

    def __init__(self):
        self.step, self.kept = 1, []

    def add(self, arrays):
        """Take every `step`-th row of the next batch; half as many of all when there are too many."""
        row_bytes = sum(array[:1].nbytes for array in arrays.values())
        limit = 2 * min(SAMPLE_ROWS, max(SAMPLE_BYTES // max(row_bytes, 1), 1))
        self.kept.append({name: array[:: self.step].copy() for name, array in arrays.items()})
        if sum(len(next(iter(part.values()))) for part in self.kept) > limit:
            self.step *= 2
            self.kept = [{name: array[::2] for name, array in self.arrays().items()}]

    def arrays(self):
        """Return the rows as arrays by name."""
        return {name: np.concatenate([part[name] for part in self.kept]) for name in self.kept[0]}


class ExampleReader:
    """Reads rows for a target, whatever they come from, and checks them against each other.

    Parameters
    ----------
    target : ClassTarget or NumberTarget
        Checks y, and learns from it if asked to.
    parts : Parts
        Of the estimator: its router names the inputs of a list of arrays, its branches say what arrays of
        encoded batches hold.
    dtype : str
        Precision of floats.
    steps : int or None
        Batches of an epoch, where the user fixed them.
    """

    def __init__(self, target, parts, dtype, steps):
        self.target = target
        self.parts = parts
        self.dtype = dtype
        self.steps = steps

    def read(self, X, y, sample_weight, *, learn=False, fitted_router=None):
        """Return rows with a target and weights that are checked; rows of weight 0 are left out.

        Parameters
        ----------
        X, y, sample_weight : object
            What a user hands to `fit`.
        learn : bool
            Whether these are the first rows, from which the target learns; else y must suit it.
        fitted_router : InputRouter or None
            Of rows to validate on: what encoded batches must suit.

        Returns
        -------
        TableExamples, PartExamples or BatchExamples
            The rows.
        """
        source = source_of(X, y, self.steps)
        if source is None:
            self._check_given(y)
            examples, names = TableExamples.read(X, y, sample_weight, self.target, self.parts.router)
        elif isinstance(source, TableSource):
            examples, names = PartExamples.read(source, y, sample_weight, self.target)
        else:
            router = self.parts.router if fitted_router is None else fitted_router
            given = (router, self.parts.branches, self.dtype)
            examples, names = BatchExamples.read(source, y, sample_weight, self.target, *given)
        examples = _weigh(examples)
        if learn:
            self.target.learn(examples.y)
            self.target.names = names
        else:
            check_output_names(names, self.target.names)
        # Refuses labels and columns that the target does not know.
        self.target.numbers(examples.y)
        return examples

    def _check_given(self, y):
        """Refuse a y that is left out, or that is a dict."""
        if y is None:
            raise ValueError(
                f"{type(self.parts.estimator).__name__} requires y to be passed, but the target y is None. Give one "
                "label for each row."
            )
        if isinstance(y, dict):
            raise InputMismatchError(
                f"y is a dict with {quote(y)}; give an array, Series or DataFrame with a row for each row of X."
            )


def _weigh(examples):
    """Check the weights of rows, and leave out those of weight 0."""
    if examples.weight is None:
        return examples
    weight = check_weights(examples.weight, np.empty(len(examples)))
    examples = replace(examples, weight=weight)
    return examples if weight.all() else examples.take(np.flatnonzero(weight))


def encoded_chunks(source, router):
    """Encode the rows of a source in order, the next chunk while the last one is used.

    Parameters
    ----------
    source : TableSource or BatchSource
        The rows.
    router : InputRouter or EncodedInputs
        Fitted.

    Yields
    ------
    dict of str to ndarray
        By input name.
    """
    if isinstance(source, TableSource):
        step = piece_rows(router)
        frames = (frame for _, frame in source.frames())
        chunks = (frame.iloc[i : i + step] for frame in frames for i in range(0, len(frame), step))
        yield from map_ahead(router.transform, chunks, workers=1)
        return
    first_row = 0
    for batch in source.batches():
        inputs, _, _ = split_batch(batch, source, needs_y=False)
        arrays = check_batch(inputs, router.specs_, source.name, first_row)
        first_row += len(next(iter(arrays.values())))
        yield arrays


def join_targets(targets):
    """Join targets of batches; a single column becomes flat."""
    targets = [np.asarray(target) for target in targets]
    return np.concatenate([y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y for y in targets])


def join_weights(weights):
    """Join weights of batches, all of which must have some or none."""
    if all(weight is None for weight in weights):
        return None
    if any(weight is None for weight in weights):
        raise InputMismatchError(
            "Some batches have a sample_weight and some have none. Give it with each, or with none."
        )
    return np.concatenate([np.asarray(weight).reshape(-1) for weight in weights])
