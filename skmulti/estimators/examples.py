"""The rows of a fit, whatever they come from: a table in memory, a table in parts, or encoded batches.

All three have the same methods, so the code of a fit does not know which it has. They hold target and weights
in memory, select rows by position, fit a router, and return what a network trains on. For a source the rest of
a fit sees only positions of rows, so that checks of y, weights, classes and the hold-out are the same code.
"""

import copy
import warnings
from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from sklearn.exceptions import DataConversionWarning

from .._validation import check_weights
from .._workers import map_ahead
from ..errors import InputMismatchError, TargetWarning, label_at, quote, shorten, warn
from ..inputs import SAMPLE_ROWS
from ..network import kinds_read
from ..router import (
    EncodedInputs,
    InputRouter,
    as_memory,
    check_batch,
    file_states,
    first_specs,
    input_names,
    is_record,
    kinds_as_read,
    n_rows,
    store_folder,
    take_rows,
    to_table,
)
from ..sources import TableSource, batch_source, has_named_columns, split_batch, table_source
from ..training import Rows, StreamRows, digest, piece_rows, sample_positions, sample_rows, table_batches
from .labels import as_pandas
from .partitions import refuse_partitions
from .targets import check_output_names, encode_rows, output_names

# Size in bytes of the rows of batches that are kept for initial values of branches.
SAMPLE_BYTES = 256 * 2**20


# What the arguments with rows, targets and weights are called in messages.
NAMES = ("X", "y", "sample_weight")
NAMES_VAL = ("X_val", "y_val", "sample_weight_val")


def source_of(X, y=None, steps=None):
    """Return X as a `TableSource` or `BatchSource`, or None if it is a table in memory.

    Parameters
    ----------
    X : object
        What a user hands to `fit` or `predict`.
    y : object
        None for a list of batches, which brings its own targets.
    steps : int or None
        Batches of an epoch if the user fixed their number.
    """
    if X is None or isinstance(X, pd.DataFrame | np.ndarray):
        return None
    # Tables of other libraries and rows with names are in memory, whatever else they can do.
    refuse_partitions(X)
    if has_named_columns(X) or is_record(X):
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
        Target of the rows.
    weight : ndarray of shape (n_rows,) or None
        Weights of the rows.
    warns : bool
        Whether to warn of missing cells in inputs that had none at fit.
    reads : dict of str to tuple of str
        The kinds of arrays that the user's branches read, by input name. They settle what an array of a dict holds.
    positions : ndarray of shape (n_rows,), int, or None
        Where these rows are among all that the user gave.
    n_given : int
        Number of these.
    """

    table: object
    y: np.ndarray
    weight: np.ndarray | None = None
    warns: bool = True
    reads: dict = field(default_factory=dict)
    positions: np.ndarray | None = None
    n_given: int = 0

    can_split = in_memory = True

    @classmethod
    def read(cls, X, y, sample_weight, target, parts, called=NAMES):
        """Check X and y against each other; the router of the parts names the inputs of a list of arrays."""
        # Before `check`, which makes an array of y.
        names, given = output_names(y), y
        y = target.check(y, called[1])
        table = to_table(X, input_names(parts.router), len(y))
        if n_rows(table) != len(y):
            raise InputMismatchError(
                f"Found input variables with inconsistent numbers of samples: {called[0]} has {n_rows(table)} rows, "
                f"{called[1]} has {len(y)}. Give one target for each row."
            )
        warn_of_pairs(table, given, sample_weight, called)
        known = {"reads": kinds_read(parts.branches), "positions": np.arange(len(y)), "n_given": len(y)}
        return cls(table, y, sample_weight, **known), names

    @property
    def X(self):
        """What scikit-learn's callbacks are shown as X."""
        return self.table

    def __len__(self):
        return len(self.y)

    def take(self, positions):
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[positions]
        table, own = take_rows(self.table, positions), self.positions[positions]
        return replace(self, table=table, y=self.y[positions], weight=weight, positions=own)

    def hold_out(self, positions):
        """Return some of the rows to validate on."""
        # That missing cells are all among them is chance: nothing that the user could act on.
        return replace(self.take(positions), warns=False)

    def digest(self, router):
        """Return a digest of all cells, and of the files that they name."""
        return digest(self.table, file_states(self.table, _folders_of(router)))

    def fit_router(self, router, memory):
        """Fit a router on the rows and encode them, or look both up if `memory` has them.

        Returns
        -------
        router : InputRouter
            Fitted.
        arrays : dict of str to (ndarray or LazyArray)
            The encoded rows.
        """
        if isinstance(router, InputRouter) and router.inputs is None:
            router.set_params(kinds=kinds_as_read(self.table, router.kinds, self.reads) or None)
        # joblib compares the cells, which are paths; a file that has changed must not be taken from the memory.
        states = [] if memory is None else file_states(self.table, _folders_of(router))
        fit = as_memory(memory).cache(_fit_router)
        return fit(router, self.table, self.y, self.weight, states, store_folder(memory))

    def branch_samples(self, arrays):
        """Return encoded rows from which branches take initial values; rows are in it as often as they weigh."""
        return sample_rows(arrays, SAMPLE_ROWS, self.weight)

    def rows(self, router, target, dtype, *, memory=None, arrays=None):
        """Return what a network trains on; `arrays` are the encoded rows if there are some already."""
        if arrays is None:
            quiet = {} if self.warns else {"warns": False}
            arrays = router.encode(self.table, folder=store_folder(memory), **quiet)
        return Rows(arrays, *encode_rows(target, self.y, self.weight, dtype))


def _folders_of(router):
    """Return the folders that encoders of a router read relative paths from."""
    return [value for name, value in router.get_params().items() if name.endswith("__folder") and value is not None]


def check_scored(target, X, y):
    """Refuse a y of `score` that has missing values, or other columns or another length than it should have."""
    with warnings.catch_warnings():
        # A single column of shape (n_rows, 1) is scored as it is.
        warnings.simplefilter("ignore", DataConversionWarning)
        checked = target.check(y)
    target.check_columns(checked)
    if isinstance(X, pd.DataFrame | np.ndarray) and len(X) != len(checked):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has {len(X)} rows, y has {len(checked)}."
        )


def warn_of_pairs(table, y, sample_weight=None, called=NAMES):
    """Warn of a y (or weights) in another order of row labels than X, and of a y that is a column of X."""
    if not isinstance(table, pd.DataFrame):
        return
    for column, name in ((as_pandas(y), called[1]), (sample_weight, called[2])):
        if not isinstance(column, pd.Series | pd.DataFrame):
            continue
        if (strangers := _other_labels(column.index, table.index)) is not None:
            warn(
                f"{len(strangers)} of {len(column)} row labels of {name} are not among those of {called[0]}, first "
                f"{shorten(repr(label_at(strangers, 0)))}, and the others are. Rows are paired by their order, as in "
                f"scikit-learn. If labels tell which belong together, take the common ones: "
                f"labels = {called[0]}.index.intersection({name}.index); {called[0]}.loc[labels], {name}.loc[labels]. "
                f"If not, give {name}.to_numpy().",
                TargetWarning,
            )
        if _is_reordered(column.index, table.index):
            place = int(np.argmax(np.asarray(column.index != table.index)))
            warn(
                f"{name} has the row labels of {called[0]} in another order: at position {place}, the label is "
                f"{label_at(table.index, place)!r} in {called[0]} and {label_at(column.index, place)!r} in {name}. "
                f"Rows are paired by their order, as in scikit-learn. If labels tell which belong together, give "
                f"{name}.loc[{called[0]}.index]; if not, {name}.to_numpy().",
                TargetWarning,
            )
    name = getattr(as_pandas(y), "name", None)
    if name is not None and name in table.columns:
        column = table[name]
        is_series = isinstance(column, pd.Series) and column.nunique() > 1
        if is_series and np.array_equal(column.to_numpy(), np.asarray(as_pandas(y))):
            warn(
                f"The column {name!r} of {called[0]} is {called[1]} itself, so a model learns to copy it and nothing "
                f"that helps with new rows. Leave it out: {called[0]}.drop(columns={name!r}).",
                TargetWarning,
            )


def _other_labels(index, other):
    """Return the labels that an index does not share with another, or None if these two do not name the same rows."""
    # An index that only counts names nothing.
    counting = any(labels.equals(pd.RangeIndex(len(labels))) for labels in (index, other))
    if counting or len(index) != len(other) or index.equals(other) or not (index.is_unique and other.is_unique):
        return None
    known = index.isin(other)
    return index[~known] if len(index) / 2 <= known.sum() < len(index) else None


def _is_reordered(index, other):
    """Return whether an index has each label of another once, in another order."""
    if len(index) != len(other) or index.equals(other) or not (index.is_unique and other.is_unique):
        return False
    return bool(other.isin(index).all())


def _fit_router(router, table, y, weight, states, folder):
    """Fit a router and encode its training rows: (router, arrays). `states` are of the files that cells name."""
    # A function of the module, not a method: `memory` stores results by a function's name and its arguments.
    arrays = router.fit_encode(table, y, weight, folder=folder)
    return router, arrays


@dataclass(frozen=True)
class PartExamples:
    """The rows of a table that is read in parts; only target and weights are in memory.

    Parameters
    ----------
    source : TableSource
        The table.
    columns : list of str
        Columns of the table that are no input: target and weights.
    positions : ndarray of shape (n_rows,), int
        The rows of the table that take part, in increasing order.
    y, weight : ndarray of shape (n_rows, ...)
        As in `TableExamples`.
    """

    source: TableSource
    columns: list
    positions: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None = None

    can_split, in_memory = True, False

    @classmethod
    def read(cls, source, y, sample_weight, target):
        """Read the columns of target and weights, which `y` and `sample_weight` name."""
        columns = [y] if isinstance(y, str) else y
        if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
            found = "None" if y is None else f"of type {type(y).__name__}"
            raise InputMismatchError(
                f"y is {found}, but X is {source.name}, which is read in parts; name the column of the "
                'target, or a list of several: y="price".'
            )
        if sample_weight is not None and not isinstance(sample_weight, str):
            raise InputMismatchError(
                f"sample_weight is of type {type(sample_weight).__name__}, but X is {source.name}, which is read in "
                'parts; name the column of the weights: sample_weight="weight".'
            )
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

    hold_out = take

    def digest(self, router):
        """Return a digest of all cells, and of the files that they name, in one reading of the table."""
        folders = _folders_of(router)
        return digest([digest(frame, file_states(frame, folders)) for _, frame in self.source.frames()], self.positions)

    def fit_router(self, router, memory):
        """Fit a router in one pass over the rows, and encode some rows for initial values of branches."""
        # Evenly spaced: a table in parts is often sorted, by day for example, and its first rows are not typical.
        places = sample_positions(len(self), SAMPLE_ROWS)
        sample = self.source.rows(self.positions[places]).drop(columns=self.columns)
        router = router.fit_chunks(self._chunks, sample)
        return router, router.encode_sample(sample)

    def branch_samples(self, arrays):
        """Return rows of the sample of `fit_router` for initial values of branches, as often as they weigh."""
        weight = None if self.weight is None else self.weight[sample_positions(len(self), SAMPLE_ROWS)]
        return sample_rows(arrays, SAMPLE_ROWS, weight)

    def _chunks(self):
        """Yield the rows in chunks: (frame, y, weight)."""
        for start, frame in self.source.frames():
            first, last = np.searchsorted(self.positions, [start, start + len(frame)])
            if first < last:
                own = frame.iloc[self.positions[first:last] - start].drop(columns=self.columns)
                yield own, self.y[first:last], None if self.weight is None else self.weight[first:last]

    def rows(self, router, target, dtype, *, memory=None, arrays=None):
        """Return what a network trains on; each epoch reads the table anew."""
        encoded, weight = encode_rows(target, self.y, self.weight, dtype)
        read = table_batches(self.source, router, self.positions, encoded, weight)
        # One row, so that a network's function can be traced before the first epoch opens the table.
        first = router.transform(self.source.rows(self.positions[:1]))
        example = (first, encoded[:1], *(() if weight is None else (weight[:1],)))
        return StreamRows(read, example, encoded, sample=arrays)


@dataclass(frozen=True)
class BatchExamples:
    """The rows of batches that are encoded already, read once to learn what they hold.

    Parameters
    ----------
    source : BatchSource
        The batches.
    read_batches : ReadBatches
        What one reading of all batches has told.
    y, weight : ndarray of shape (n_rows, ...)
        As in `TableExamples`.
    """

    source: object
    read_batches: object
    y: np.ndarray
    weight: np.ndarray | None = None

    # The source decides which rows a batch has, so single rows cannot be held out.
    can_split = in_memory = False

    @classmethod
    def read(cls, source, y, sample_weight, target, router, branches, dtype):
        """Read every batch once. A fitted `router` says what they must hold, else `branches` say how to read them."""
        refuse_names(source, y)
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
        """Keep targets and weights of some rows; the batches still have the others, with a weight of 0."""
        return replace(self, y=self.y[positions], weight=None if self.weight is None else self.weight[positions])

    def digest(self, router):
        """Return a digest of the sample of rows that the first reading has kept: of all, unless there are many."""
        return digest(self.read_batches.sample, self.read_batches.n_batches)

    def fit_router(self, router, memory):
        """Return a copy of the user's fitted router, or the specs in place of a router; and a sample of the rows."""
        # Nothing is left to fit: batches are encoded already. A copy, since a fit changes nothing of the user's.
        known = self.read_batches.router
        return copy.deepcopy(known) if known is not None else EncodedInputs(self.read_batches.specs), (
            self.read_batches.sample
        )

    def branch_samples(self, arrays):
        """Return rows of the sample that the first reading has kept, as often as they weigh."""
        return sample_rows(arrays, SAMPLE_ROWS, self.read_batches.sample_weight)

    def rows(self, router, target, dtype, *, memory=None, arrays=None):
        """Return what a network trains on; each epoch reads the batches anew."""
        batches, specs = self.read_batches, router.specs_
        encoded, weights = encode_rows(target, self.y, self.weight, dtype)
        # Of all rows: a batch whose weights had a mean of their own would make steps of another size.
        mean = None if weights is None else float(target.total_weight(self.y, self.weight).mean())

        def finish(batch):
            """Check a batch as in the first reading, and encode its target and weights."""
            inputs, own, own_weight = split_batch(batch, self.source, needs_y=True)
            arrays = check_batch(inputs, specs, self.source.name)
            if weights is not None:
                own_weight = np.ones(len(own)) if own_weight is None else np.asarray(own_weight)
            own, own_weight = encode_rows(target, target.check(join_targets([own])), own_weight, dtype, mean)
            return arrays, own, *(() if own_weight is None else (own_weight,))

        def read(epoch, batch_size, shuffle, seed):
            # Keras was told the number of batches, which the first reading has counted, and asks for no more. So a
            # batch waits until the next one is there: behind the last one none may come.
            count, waiting = 0, None
            for made in map_ahead(finish, self.source.batches(epoch), workers=1):
                if count == batches.n_batches:
                    raise InputMismatchError(
                        f"{self.source.name} yields more than {batches.n_batches} batches in epoch {epoch + 1}, the "
                        "number that it had when it was first read. Each epoch needs the same number."
                    )
                if waiting is not None:
                    yield waiting
                count, waiting = count + 1, made
            if count < batches.n_batches:
                raise InputMismatchError(
                    f"{self.source.name} ended in epoch {epoch + 1} after {count} of {batches.n_batches} batches, "
                    "which it had when it was first read. Each epoch needs the same number."
                )
            yield waiting

        def pass_over(epoch):
            # A generator cannot be rewound, and a dataset may shuffle from reading to reading.
            deque(self.source.batches(epoch), maxlen=0)

        first = {name: array[:1] for name, array in batches.sample.items()}
        example = (first, encoded[:1], *(() if weights is None else (weights[:1],)))
        return StreamRows(read, example, encoded, batches.n_batches, batches.batch_rows, pass_over, batches.sample)


class ReadBatches:
    """What one reading of all batches tells: target, weights, specs and a sample of the rows.

    Batches cannot be asked again in the middle of a fit, so everything that a table answers
    piece by piece (sizes of vocabularies, missing rows, classes, rows for initial values) is
    gathered in one pass.

    Parameters
    ----------
    source : BatchSource
        The batches.
    router : InputRouter or None
        If it is fitted, the batches must suit its specs.
    branches : dict of str to Branch
        The branches of some inputs. The kind that a branch reads tells what an array holds.
    dtype : str
        Precision of floats.

    Attributes
    ----------
    router : InputRouter or None
        The given one if it is fitted, else None.
    specs : dict of str to ArraySpec
        The inputs.
    y, weight : ndarray of shape (n_rows, ...)
        Target of all rows, and their weights or None.
    sample : dict of str to ndarray
        Evenly spaced rows.
    sample_weight : ndarray of shape (n_sample_rows,) or None
        Weights of these rows.
    n_batches, batch_rows : int
        Number of batches, and number of rows of the largest one.
    """

    def __init__(self, source, router, branches, dtype):
        self.source = source
        self.router = router if hasattr(router, "specs_") else None
        self.specs = None if self.router is None else dict(router.specs_)
        self._names = input_names(router)
        # Of a branch that reads several kinds the array tells which.
        self._kinds = {name: reads[0] for name, reads in kinds_read(branches).items() if len(reads) == 1}
        self._dtype = dtype
        self.n_batches = self.batch_rows = 0
        self._read_through()

    def _read_through(self):
        """Read and check every batch once; learn target, ids, missing rows and a sample."""
        targets, weights, sample, missing, largest, count = [], [], _Sample(), {}, {}, 0
        for batch in self.source.batches():
            inputs, y, weight = split_batch(batch, self.source, needs_y=True)
            # The first batch fixes names, shapes and types, and `check_batch` holds the others to them.
            if self.specs is None:
                self.specs = first_specs(inputs, self._names, self._kinds, self.source.name, self._dtype)
            arrays = check_batch(inputs, self.specs, self.source.name, count)
            y = np.asarray(y)
            self._check_lengths(arrays, y, weight)
            for name, spec in self.specs.items():
                array = arrays[name]
                if spec.vocabulary_sizes:
                    largest[name] = np.maximum(array.max(axis=0), largest.get(name, 0))
                # A row is missing if all of it is; single NaN are filled by the first layer of a branch.
                if array.dtype.kind == "f":
                    missing[name] = missing.get(name, False) or bool(np.isnan(array).all(axis=1).any())
            self.batch_rows = max(len(y), self.batch_rows)
            self.n_batches, count = self.n_batches + 1, count + len(y)
            targets.append(y)
            weights.append(weight)
            sample.add({**arrays, "": np.ones(len(y)) if weight is None else np.asarray(weight)})
        if not targets:
            raise InputMismatchError(
                f"{self.source.name} yields no batch: 0 sample(s), while a minimum of 1 is required."
            )
        self.y, self.weight, self.sample = join_targets(targets), join_weights(weights), sample.arrays()
        sample_weight = self.sample.pop("")
        self.sample_weight = None if self.weight is None else sample_weight
        if self.router is None:
            self.specs = {
                name: _set_sizes(spec, largest.get(name), missing.get(name), count) for name, spec in self.specs.items()
            }

    def _check_lengths(self, arrays, y, weight):
        """Refuse a batch whose inputs, target and weights differ in their numbers of rows."""
        count = len(next(iter(arrays.values())))
        if not np.ndim(y):
            raise InputMismatchError(
                f"{self.source.name} yields single rows, whose y is {shorten(y)}, and no batches of rows. Join them: "
                "dataset.batch(32), or yield arrays of several rows."
            )
        if len(y) != count or (weight is not None and len(weight) != count):
            raise InputMismatchError(
                f"{self.source.name} yields a batch of {count} rows with {len(y)} targets"
                f"{'' if weight is None else f' and {len(weight)} weights'}. Give one for each row."
            )


def _set_sizes(spec, largest, has_missing, n_rows):
    """Return a spec with the number of rows, and with the sizes of vocabularies that follow from the largest ids."""
    sizes = spec.vocabulary_sizes
    # Ids count from 0, so a vocabulary has one more. All columns share a single size, or each has one of its own.
    if sizes:
        sizes = tuple(int(n) + 1 for n in largest) if len(sizes) > 1 else (int(largest.max()) + 1,)
    return replace(spec, vocabulary_sizes=sizes, has_missing=bool(has_missing), n_rows=n_rows)


class _Sample:
    """Evenly spaced rows of batches whose number is not known beforehand.

    It keeps every row at first. Whenever there are too many, it drops every second one and from
    then on takes rows at twice the distance.
    """

    def __init__(self):
        self.step, self.kept = 1, []

    def add(self, arrays):
        """Add every `step`-th row of the next batch; halve all rows if there are too many."""
        row_bytes = sum(array[:1].nbytes for array in arrays.values())
        # Twice the rows that are wanted, so that at least these are left after the last halving.
        limit = 2 * min(SAMPLE_ROWS, max(SAMPLE_BYTES // max(row_bytes, 1), 1))
        # Copies: a view would keep the whole batch in memory.
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
        The estimator's parts. The router names the inputs of a list of arrays, the branches say
        what arrays of encoded batches hold.
    dtype : str
        Precision of floats.
    steps : int or None
        Batches of an epoch if the user fixed their number.
    """

    def __init__(self, target, parts, dtype, steps):
        self.target = target
        self.parts = parts
        self.dtype = dtype
        self.steps = steps

    def read(self, X, y, sample_weight, *, learn=False, fitted_router=None, called=NAMES):
        """Return rows with checked target and weights; rows of weight 0 are left out.

        Parameters
        ----------
        X, y, sample_weight : object
            What a user hands to `fit`.
        learn : bool
            Whether these are the first rows, from which the target learns. Later rows must suit it.
        fitted_router : InputRouter or None
            For rows to validate on, the router whose specs encoded batches must suit.
        called : tuple of str
            What X, y and weights are called in messages.

        Returns
        -------
        TableExamples, PartExamples or BatchExamples
            The rows.
        """
        source = source_of(X, y, self.steps)
        # Steps are those of training. Rows to validate on are read to the end, if there is one that can be reached.
        if fitted_router is not None and getattr(source, "reads_again", False):
            source = source_of(X, y)
        if source is None:
            self._check_given(y, sample_weight)
            examples, names = TableExamples.read(X, y, sample_weight, self.target, self.parts, called)
        elif isinstance(source, TableSource):
            examples, names = PartExamples.read(source, y, sample_weight, self.target)
        else:
            router = self.parts.router if fitted_router is None else fitted_router
            given = (router, self.parts.branches, self.dtype)
            examples, names = BatchExamples.read(source, y, sample_weight, self.target, *given)
        examples = check_weight(examples, called[2])
        if learn:
            # Before rows are left out: as in scikit-learn, a label that only rows of weight 0 have is a class, too.
            self.target.learn(examples.y, examples.weight)
            self.target.names = names
        else:
            check_output_names(names, self.target.names)
        # For its errors: it refuses labels and columns that the target does not know.
        self.target.numbers(examples.y, called[1])
        return leave_out(examples)

    def _check_given(self, y, sample_weight):
        """Refuse a y that is left out, that is a dict, or that names a column of a table in memory."""
        if isinstance(sample_weight, str):
            raise InputMismatchError(
                f"sample_weight is the string {shorten(sample_weight)!r}; a column is named only where X is read in "
                "parts. For a table in memory give the column itself."
            )
        if isinstance(y, str):
            raise InputMismatchError(
                f"y is the string {shorten(y)!r}; a column is named only where X is read in parts. For a table in "
                f"memory give the column itself: fit(X.drop(columns={shorten(y)!r}), X[{shorten(y)!r}])."
            )
        if y is None:
            raise ValueError(
                f"{type(self.parts.estimator).__name__} requires y to be passed, but the target y is None. Give one "
                "target for each row."
            )
        if isinstance(y, dict):
            raise InputMismatchError(
                f"y is a dict with {quote(y)}; give an array, Series or DataFrame with a row for each row of X."
            )


def check_weight(examples, name):
    """Check the weights of rows."""
    if examples.weight is None:
        return examples
    return replace(examples, weight=check_weights(examples.weight, np.empty(len(examples)), name))


def leave_out(examples):
    """Leave out rows of weight 0."""
    weight = examples.weight
    return examples if weight is None or weight.all() else examples.take(np.flatnonzero(weight))


def encoded_chunks(source, router):
    """Encode the rows of a source in order, the next chunk while the caller uses the last one.

    Parameters
    ----------
    source : TableSource or BatchSource
        The rows.
    router : InputRouter or EncodedInputs
        The fitted router.

    Yields
    ------
    dict of str to ndarray
        Encoded rows of a chunk, by input name.
    """
    if isinstance(source, TableSource):
        yield from _encoded_frames((frame for _, frame in source.frames()), router)
        return
    if source.repeats:
        raise InputMismatchError(f"{source.name} repeats forever. Give dataset.take(n) for n batches.")
    first_row = 0
    for batch in source.batches():
        inputs, _, _ = split_batch(batch, source, needs_y=False)
        if has_named_columns(inputs):
            # A generator of tables; of encoded arrays none names its columns.
            yield from _encoded_frames([to_table(inputs)], router)
            continue
        arrays = check_batch(inputs, router.specs_, source.name, first_row)
        first_row += len(next(iter(arrays.values())))
        yield arrays


def _encoded_frames(frames, router):
    """Encode frames piece by piece, the next piece while the caller uses the last one."""
    step = piece_rows(router)
    chunks = (frame.iloc[i : i + step] for frame in frames for i in range(0, len(frame), step))
    yield from map_ahead(router.transform, chunks, workers=1)


def refuse_names(source, y):
    """Refuse the name of a target column for a source that is no table, with the way to read frames."""
    if isinstance(y, str) or (isinstance(y, list) and y and all(isinstance(name, str) for name in y)):
        raise InputMismatchError(
            f"{source.name} can be read only once, or yields batches; y names a column of tables that are read again. "
            "Give a function that makes a new iterator of frames at each call: fit(lambda: pd.read_csv(path, "
            "chunksize=10_000), y='y'). Batches (inputs, y) bring their own targets and weights: leave `y` out."
        )


def join_targets(targets):
    """Join the targets of batches; a single column becomes flat."""
    # Generators often yield y as a single column; the target's `check` would warn of it in each batch.
    targets = [np.asarray(target) for target in targets]
    return np.concatenate([y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y for y in targets])


def join_weights(weights):
    """Join the weights of batches; all batches must have weights, or none."""
    if all(weight is None for weight in weights):
        return None
    if any(weight is None for weight in weights):
        raise InputMismatchError(
            "Some batches have a sample_weight and some have none. Give it with each, or with none."
        )
    return np.concatenate([np.asarray(weight).reshape(-1) for weight in weights])
