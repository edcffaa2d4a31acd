"""How an estimator fits and predicts rows that are in no frame: tables in parts, and batches that are encoded."""

import copy
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.base import clone

from .._workers import map_ahead
from ..errors import InputMismatchError
from ..inputs import SAMPLE_ROWS, Branch
from ..network import encode_target
from ..router import EncodedInputs, InputRouter, check_batch, first_specs, store_folder
from ..sources import TableSource, batch_source, split_batch, table_source
from ..training import StreamRows, Timings, isolate, piece_rows, table_batches
from .scikeras import repeat_names
from .tasks import FitTask

# Bytes of batches that are kept for first values of branches.
SAMPLE_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Outputs:
    """What the network gave for rows that can be read once, in the place of the rows."""

    array: np.ndarray

    def __len__(self):
        return len(self.array)


class SourcesMixin:
    """What `MultiInputEstimator` knows of routers, targets and rows, in memory and from sources."""

    def _source(self, X, y=None):
        """Return X as a `TableSource` or `BatchSource`, or None if it is a table in memory."""
        if isinstance(X, pd.DataFrame | np.ndarray):
            return None
        return table_source(X) or batch_source(X, y, self._routed.get("fit__steps_per_epoch"))

    def _fit_source(self, source, y, sample_weight, validation, seed):
        """Fit anew on a source."""
        part = _TablePart if isinstance(source, TableSource) else _BatchPart
        whole = part(self, source, y, sample_weight)
        rows = pd.DataFrame({"row": np.arange(len(whole.y))})
        kept, y, weight = self._checked_rows(rows, whole.y, whole.weight, reset=True)
        train_part, held_part = (kept, y, weight), None
        given = validation[0] is not None
        if part is _TablePart and not given:
            train_part, held_part = self._split(train_part, validation, seed)
        epochs = self._epochs(len(train_part[1]))
        task = FitTask(self, source, *train_part[1:], epochs)
        self.timings_ = Timings()
        with isolate(seed, self.dtype), repeat_names():
            rows, held = whole.build(train_part, held_part)
            held = self._given_held(*validation) if given else held
            self._train(rows, held, seed, epochs, task)
        task.end()
        return self

    def _given_held(self, X_val, y_val, weight_val):
        """Return the rows of `X_val` to validate on, a source or a table."""
        source = self._source(X_val, y_val)
        if source is None:
            return self._encoded(*self._checked_rows(X_val, y_val, weight_val, reset=False))
        kind = _TablePart if isinstance(source, TableSource) else _BatchPart
        part = kind(self, source, y_val, weight_val, validates=True)
        rows = pd.DataFrame({"row": np.arange(len(part.y))})
        return part.rows(*self._checked_rows(rows, part.y, part.weight, reset=False))

    def _source_chunks(self, source):
        """Encode the rows of a source in order, the next chunk while the last one is predicted."""
        if isinstance(source, TableSource):
            step = piece_rows(self.router_)
            frames = (frame for _, frame in source.frames())
            pieces = (frame.iloc[i : i + step] for frame in frames for i in range(0, len(frame), step))
            yield from map_ahead(self.router_.transform, pieces, workers=1)
            return
        first_row = 0
        for batch in source.batches():
            inputs, _, _ = split_batch(batch, source, needs_y=False)
            arrays = check_batch(inputs, self.router_.specs_, source.name, first_row)
            first_row += len(next(iter(arrays.values())))
            yield arrays

    def _score_rows(self, X, y, sample_weight):
        """Return what `score` compares: of a source the outputs, target and weights, read in one pass."""
        source = self._source(X, y)
        if source is None:
            return X, y, sample_weight
        self._check_fitted()
        if isinstance(source, TableSource):
            part = _TablePart(self, source, y, sample_weight)
            return Outputs(self._outputs(X)), part.y, part.weight
        outputs, targets, weights = [], [], []
        for batch in source.batches():
            inputs, y, weight = split_batch(batch, source, needs_y=True)
            outputs.append(self.forward_(check_batch(inputs, self.router_.specs_, source.name)))
            targets.append(np.asarray(y))
            weights.append(weight)
        return Outputs(np.concatenate(outputs)), _flat(targets), _joined_weights(weights)

    def _outputs(self, X):
        """Return the network's output for rows: ndarray of shape (n_rows, width)."""
        self._check_fitted()
        if isinstance(X, Outputs):
            return X.array
        outputs = []
        with self.timings_.measure("predict"):
            for arrays in self._encoded_chunks(X):
                if not len(next(iter(arrays.values()))):
                    raise InputMismatchError("Found array with 0 sample(s) while a minimum of 1 is required.")
                outputs.append(self.forward_(arrays, self._routed.get("predict__batch_size")))
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def _encoded_chunks(self, X):
        """Encode rows in order, in chunks where they do not fit into memory together."""
        source = self._source(X)
        if source is not None:
            return self._source_chunks(source)
        return self.router_.chunks(X, folder=store_folder(self.memory))

    def _new_router(self):
        """Return an unfitted router of the estimator's precision."""
        router = InputRouter() if self.router is None else clone(self.router)
        if "dtype" in router.get_params(deep=False):
            router.set_params(dtype=self.dtype)
        return router

    def _encoded_target(self, y, weight, mean_weight=None):
        """Encode targets and weights; `mean_weight` is that of all rows, by default of these."""
        weight = self._total_weight(y, weight)
        if weight is not None:
            if not weight.any():
                raise ValueError(
                    "class_weight and sample_weight leave no row a weight; there is nothing to learn from."
                )
            # On average 1, so that weights move rows against each other, not the learning rate.
            weight = (weight / (mean_weight or weight.mean())).astype(self.dtype)
        numbered = encode_target(self._numbered(y), self._target)
        if numbered.dtype.kind == "f" and self._target.n_classes:
            numbered = numbered.astype(self.dtype)
        return numbered, weight


class _TablePart:
    """A table of a fit: its target, its router, its rows."""

    def __init__(self, estimator, source, y, sample_weight, *, validates=False):
        self.estimator, self.source = estimator, source
        names = [y] if isinstance(y, str) else y
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InputMismatchError(
                f"y is a {type(y).__name__}, but X is {source.name}, which is read in parts; name the column of the "
                'target, or a list of several: fit(path, y="price").'
            )
        if sample_weight is not None and not isinstance(sample_weight, str):
            raise InputMismatchError("sample_weight of a table that is read in parts is the name of a column.")
        names = names if sample_weight is None else [*names, sample_weight]
        known = [frame for _, frame in source.frames(names)]
        if not known:
            raise InputMismatchError(f"{source.name} has 0 sample(s) while a minimum of 1 is required.")
        known = pd.concat(known)
        self.names, self.y = names, known[y]
        self.weight = None if sample_weight is None else known[sample_weight].to_numpy()

    def build(self, train_part, held_part):
        """Fit the router in one pass over training rows, build the network; give the rows of both parts."""
        estimator = self.estimator
        positions, y, weight = train_part[0]["row"].to_numpy(), *train_part[1:]
        places = np.arange(len(positions))
        if len(positions) > SAMPLE_ROWS:
            places = np.linspace(0, len(positions) - 1, SAMPLE_ROWS).astype(int)
        sample = self.source.rows(positions[places]).drop(columns=self.names)

        def chunks():
            for start, frame in self.source.frames():
                first, last = np.searchsorted(positions, [start, start + len(frame)])
                if first < last:
                    own = frame.iloc[positions[first:last] - start].drop(columns=self.names)
                    yield own, y[first:last], None if weight is None else weight[first:last]

        with estimator.timings_.measure("route"):
            estimator.router_ = estimator._new_router().fit_chunks(chunks, sample)
            arrays = estimator.router_.encode_sample(sample)
        estimator._build_network(arrays, y, weight)
        return self.rows(*train_part), None if held_part is None else self.rows(*held_part)

    def rows(self, kept, y, weight):
        """Return some rows of the table as what a network trains on."""
        positions = kept["row"].to_numpy()
        encoded, weight = self.estimator._encoded_target(y, weight)
        read = table_batches(self.source, self.estimator.router_, positions, encoded, weight)
        first = self.estimator.router_.transform(self.source.rows(positions[:1]))
        return StreamRows(read, (first, encoded[:1], *(() if weight is None else (weight[:1],))), encoded)


class _BatchPart:
    """Batches of a fit: their target, their specs, their rows."""

    def __init__(self, estimator, source, y, sample_weight, *, validates=False):
        for name, given in (("y", y), ("sample_weight", sample_weight)):
            if given is not None:
                raise InputMismatchError(
                    f"{source.name} brings its own targets and weights: a batch is a tuple (inputs, y) or "
                    f"(inputs, y, sample_weight). Leave `{name}` out."
                )
        source.check_ends()
        self.estimator, self.source = estimator, source
        # Batches to validate on, or to score, must suit the router that training rows have made.
        fitted = estimator.router_ if validates else estimator.router
        self.specs = dict(fitted.specs_) if hasattr(fitted, "specs_") else None
        self.known = self.specs is not None
        self._read_through()
        source.warn_of_dropped(len(self.y))

    def _read_through(self):
        """Read every batch once: check it, and learn target, ids, missing rows and a sample."""
        targets, weights, sample, missing, largest = [], [], _Sample(), {}, {}
        self.n_batches, n_rows = 0, 0
        for batch in self.source.batches():
            inputs, y, weight = split_batch(batch, self.source, needs_y=True)
            if self.specs is None:
                self.specs = self._first_specs(inputs)
            arrays = check_batch(inputs, self.specs, self.source.name, n_rows)
            y = np.asarray(y)
            self._check_lengths(arrays, y, weight)
            for name, spec in self.specs.items():
                array = arrays[name]
                if spec.vocabulary_sizes:
                    largest[name] = np.maximum(array.max(axis=0), largest.get(name, 0))
                if array.dtype.kind == "f":
                    missing[name] = missing.get(name, False) or bool(np.isnan(array).all(axis=1).any())
            self.batch_rows = max(len(y), getattr(self, "batch_rows", 0))
            self.n_batches, n_rows = self.n_batches + 1, n_rows + len(y)
            targets.append(y)
            weights.append(weight)
            sample.add(arrays)
        if not targets:
            raise InputMismatchError(
                f"{self.source.name} yields no batch: 0 sample(s), while a minimum of 1 is required."
            )
        self.y, self.weight, self.sample = _flat(targets), _joined_weights(weights), sample.arrays()
        if not self.known:
            self.specs = {
                name: self._learned(spec, largest.get(name), missing.get(name)) for name, spec in self.specs.items()
            }

    def _learned(self, spec, largest, has_missing):
        sizes = spec.vocabulary_sizes
        if sizes:
            sizes = tuple(int(n) + 1 for n in largest) if len(sizes) > 1 else (int(largest.max()) + 1,)
        return replace(spec, vocabulary_sizes=sizes, has_missing=bool(has_missing))

    def _check_lengths(self, arrays, y, weight):
        count = len(next(iter(arrays.values())))
        if len(y) != count or (weight is not None and len(weight) != count):
            raise InputMismatchError(
                f"{self.source.name} yields a batch of {count} rows with {len(y)} targets"
                f"{'' if weight is None else f' and {len(weight)} weights'}. Give one for each row."
            )

    def _first_specs(self, inputs):
        """Describe the inputs, by what their branches and encoders read where these are given."""
        estimator, names = self.estimator, None
        branches = dict(estimator._branch_parts())
        if getattr(estimator.router, "inputs", None):
            names = [entry[0] for entry in estimator.router.inputs]
        kinds = {name: part.reads[0] for name, part in branches.items() if isinstance(part, Branch) and part.reads}
        return first_specs(inputs, names, kinds, self.source.name, estimator.dtype)

    def build(self, train_part, held_part):
        """Build the network; give the rows."""
        estimator = self.estimator
        estimator.router_ = copy.deepcopy(estimator.router) if self.known else EncodedInputs(self.specs)
        estimator._build_network(self.sample, *train_part[1:])
        return self.rows(*train_part), None

    def rows(self, kept, y, weight):
        """Return the batches as what a network trains on."""
        estimator, specs = self.estimator, self.estimator.router_.specs_
        encoded, weights = estimator._encoded_target(y, weight)
        mean = None if weights is None else float(estimator._total_weight(y, weight).mean())

        def finished(batch):
            inputs, own, own_weight = split_batch(batch, self.source, needs_y=True)
            arrays = check_batch(inputs, specs, self.source.name)
            if weights is not None:
                own_weight = np.ones(len(own)) if own_weight is None else np.asarray(own_weight)
            own = estimator._checked_y(_flat([own]), reset=False)
            target, own_weight = estimator._encoded_target(own, own_weight, mean)
            return arrays, target, *(() if own_weight is None else (own_weight,))

        def read(epoch, batch_size, shuffle, seed):
            count = 0
            for made in map_ahead(finished, self.source.batches(epoch), workers=1):
                count += 1
                if count <= self.n_batches:
                    yield made
            if count < self.n_batches:
                raise InputMismatchError(
                    f"{self.source.name} ended in epoch {epoch + 1} after {count} of {self.n_batches} batches, which "
                    "it had when it was first read. Each epoch needs the same number."
                )

        first = {name: array[:1] for name, array in self.sample.items()}
        example = (first, encoded[:1], *(() if weights is None else (weights[:1],)))
        return StreamRows(read, example, encoded, self.n_batches, self.batch_rows)


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


def _flat(targets):
    """Join targets of batches; a single column becomes flat."""
    targets = [np.asarray(target) for target in targets]
    return np.concatenate([y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y for y in targets])


def _joined_weights(weights):
    if all(weight is None for weight in weights):
        return None
    if any(weight is None for weight in weights):
        raise InputMismatchError(
            "Some batches have a sample_weight and some have none. Give it with each, or with none."
        )
    return np.concatenate([np.asarray(weight).reshape(-1) for weight in weights])
