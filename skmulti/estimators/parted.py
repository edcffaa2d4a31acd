"""A fit in pieces, for rows that lie in several places: each piece can be moved to where its rows are.

`PartedFit` does what the fit of a table in memory does, in the same order. Its methods take the rows of one part, or
what was learned of all of them:

1. `read` checks a part, and `summarize` says what the target must know of it; `learn_target` learns from all summaries
   and decides whether rows are held out;
2. `split` draws the rows of a part that validate, and `draw` some of its training rows;
3. `router_parts` begins the router, which learns part by part (see `InputRouter.begin_parts`);
4. `build` makes the network, ready to train;
5. `encode` makes arrays of the rows of a part;
6. `train` trains, in one process for each place.

The object is changed by `learn_target`, `learn_fingerprint` and `build` alone, and is pickled from one place to the
next.
"""

import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import clone

from .._process import isolate, refuse_fork
from ..inputs import SAMPLE_ROWS, odd_cells_gathered, odd_cells_reported
from ..training import (
    Alone,
    SharedRows,
    StopTogether,
    count_held,
    digest,
    draw_seed,
    kept_seed,
    sample_rows,
    shared_checkpoint,
)
from .examples import TableExamples, check_weight, leave_out
from .parameters import Parts
from .resuming import fit_parts
from .scikeras import repeat_names
from .targets import check_output_names, encode_rows
from .tasks import FitTask


@dataclass(frozen=True)
class Draw:
    """Rows that were drawn from some parts, with the numbers that decide which of them are kept.

    Parameters
    ----------
    frame : DataFrame
        The rows.
    keys : ndarray of shape (n_rows,), float
        The rows with the smallest of these are kept.
    places : ndarray of shape (n_rows, 2), int
        Number of the part, and position in it.
    weight : ndarray of shape (n_rows,) or None
        Weights of the rows.
    """

    frame: pd.DataFrame
    keys: np.ndarray
    places: np.ndarray
    weight: np.ndarray | None = None

    def merge(self, other):
        """Return the rows of both that are kept."""
        frame = pd.concat([self.frame, other.frame])
        keys, places = np.concatenate([self.keys, other.keys]), np.concatenate([self.places, other.places])
        weight = None if self.weight is None else np.concatenate([self.weight, other.weight])
        return Draw(frame, keys, places, weight).smallest(SAMPLE_ROWS)

    def smallest(self, count):
        """Return the rows with the smallest keys, in the order of parts and rows."""
        kept = np.argsort(self.keys, kind="stable")[:count]
        kept = kept[np.lexsort(self.places[kept].T[::-1])]
        weight = None if self.weight is None else self.weight[kept]
        return Draw(self.frame.iloc[kept], self.keys[kept], self.places[kept], weight)


@dataclass(frozen=True)
class EncodedPart:
    """Encoded rows of a part, or of all parts in a place.

    Parameters
    ----------
    arrays : dict of str to ndarray
        The rows, by input name.
    y : ndarray of shape (n_rows, ...)
        Encoded target.
    weight : ndarray of shape (n_rows, ...) or None
        Weights, 1 on average over all parts.
    """

    arrays: dict
    y: np.ndarray
    weight: np.ndarray | None

    def __len__(self):
        return len(self.y)

    def __sizeof__(self):
        # For Dask, which would count the object alone, and keep too many in memory.
        return sum(array.nbytes for array in (*self.arrays.values(), self.y))

    def first(self):
        """Return the first row."""
        weight = None if self.weight is None else self.weight[:1]
        return EncodedPart({name: array[:1] for name, array in self.arrays.items()}, self.y[:1], weight)


class PartedFit:
    """The fit of an estimator on rows that lie in several places.

    Parameters
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        It is cloned.

    Attributes
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        The clone, which `build` makes ready to train.
    seed : int
        Decides all draws.
    n_rows : int
        Number of rows with a weight, known after `learn_target`.
    held_share : float
        Share of the rows that are held out.
    fingerprint : dict of str to str, or None
        What tells the fit from another, if `checkpoint` asks for it; known after `learn_fingerprint`.
    """

    def __init__(self, estimator):
        refuse_fork()
        self.estimator = clone(estimator)
        self.estimator._validate_params()
        self.estimator._check_routed()
        _refuse_params(self.estimator)
        self.seed = draw_seed(self.estimator.random_state)
        self.fingerprint = None
        self._target = self.estimator._new_target()

    # --- what the target must know

    def read(self, frame, y, sample_weight=None):
        """Check the rows of a part against each other.

        Parameters
        ----------
        frame : DataFrame of shape (n_rows, n_columns)
            At least one row.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Their target.
        sample_weight : array-like of shape (n_rows,) or None
            Their weights.

        Returns
        -------
        TableExamples
            The rows. Those of weight 0 are among them.
        """
        examples, names = TableExamples.read(frame, y, sample_weight, self._target, Parts(self.estimator))
        if hasattr(self, "n_rows"):
            check_output_names(names, self._target.names)
        else:
            self._target.names = names
        return check_weight(examples, "sample_weight")

    def digest(self, examples):
        """Return a digest of the rows of a part."""
        router = self.estimator._new_router()
        return digest(examples.digest(router), examples.y, examples.weight)

    def learn_fingerprint(self, digests):
        """Learn by what a checkpoint knows this fit: parameters, versions, and the digests of all parts, in order."""
        est = self.estimator
        self.fingerprint = fit_parts(est, _Digested(digests), (None, None, None), est._new_router(), self.seed)

    def kept_seed(self):
        """Return the seed of the checkpoint with which the fit goes on, or that of this fit."""
        return kept_seed(self.estimator.checkpoint, self.fingerprint, self.seed)

    def summarize(self, examples):
        """Return (summary of the target of a part, names of its columns)."""
        return self._target.summarize(examples.y, examples.weight), self._target.names

    def learn_target(self, summaries):
        """Learn the target from what `summarize` has returned for each part, and decide about a hold-out."""
        est, (_, names) = self.estimator, summaries[0]
        summary = merged([own for own, _ in summaries])
        self._target.learn_summary(summary)
        self._target.names = names
        self.n_rows = summary.n_rows
        self.held_share, self.held_reason = 0.0, "given"
        if est.validation_fraction is None:
            return
        if not est._stops_early(self.n_rows):
            self.held_reason = "without early stopping they would decide nothing"
            return
        counts = self._target.stratum_counts(summary)
        n_held, self.held_reason = count_held(self.n_rows, est.validation_fraction, counts)
        if n_held:
            self.held_share, self.held_reason = n_held / self.n_rows, "they decide when to stop"

    # --- which rows do what

    def split(self, examples, part):
        """Divide the rows of part number `part`: (those to train on, those that validate); both may be empty."""
        examples = leave_out(examples)
        if not self.held_share:
            return examples, examples.take(np.arange(0))
        rng = np.random.default_rng([self.seed, part])
        strata = self._target.strata(examples.y)
        strata = np.zeros(len(examples), int) if strata is None else strata
        held = np.zeros(len(examples), bool)
        for stratum in np.unique(strata):
            rows = rng.permutation(np.flatnonzero(strata == stratum))
            # What is left of a whole number is drawn, so that many small parts hold as many rows as a large one.
            held[rows[: int(self.held_share * len(rows) + rng.random())]] = True
        return examples.take(np.flatnonzero(~held)), examples.hold_out(np.flatnonzero(held))

    def draw(self, training, part):
        """Draw some training rows of a part, from which branches take their first values; see `Draw`."""
        rng = np.random.default_rng([self.seed, part, 1])
        places = np.c_[np.full(len(training), part), np.arange(len(training))]
        rows = Draw(training.table, rng.random(len(training)), places, training.weight)
        # As many as the part may have among those that are kept of all parts; six deviations make sure of it.
        expected = SAMPLE_ROWS * len(training) / self.n_rows
        return rows.smallest(int(expected + 6 * expected**0.5) + 10)

    # --- router and network

    def router_parts(self, sample):
        """Begin the router; see `InputRouter.begin_parts`."""
        with odd_cells_reported():
            return self.estimator._new_router().begin_parts(sample)

    def build(self, router, training, sample, n_held):
        """Build the network, ready to train.

        Parameters
        ----------
        router : InputRouter
            Fitted.
        training : object
            Merged summary of the training rows.
        sample : Draw
            Training rows that were drawn over all parts.
        n_held : int
            Number of rows that are held out.
        """
        est, target = self.estimator, self._target
        if self.held_share and not n_held:
            self.held_reason = "none was drawn"
        target.describe_summary(training, est.loss)
        self.mean_weight = target.mean_weight(training)
        est._target = target
        if target.names is not None:
            est.output_names_ = target.names
        self.recipe = est._recipe(training.n_rows, bool(n_held), self.held_reason)
        # The odd cells of the sample have been told of with those of all rows.
        with isolate(self.seed, est.dtype), repeat_names(), odd_cells_gathered([]), est._told(whole=False):
            arrays = router.encode_sample(sample.frame)
            est._build(_Elsewhere(router, arrays, sample.weight, training.n_rows), self.recipe)
        # A pickle of a fitted estimator has them.
        est.callbacks_ = []

    def encode(self, examples):
        """Encode rows of a part."""
        arrays = self.estimator.router_.transform(examples.table)
        y, weight = encode_rows(self._target, examples.y, examples.weight, self.estimator.dtype, self.mean_weight)
        return EncodedPart(arrays, y, weight)

    # --- training

    def train(self, training, held, n_training, n_held, crew=None, watchers=()):
        """Train the network on the rows of one place, together with the processes of the other places.

        Parameters
        ----------
        training, held : EncodedPart
            The rows of this place; one that does not count where it has none.
        n_training, n_held : tuple of int
            Number of rows of each place.
        crew : Crew, Alone or None
            The processes, one for each place.
        watchers : sequence of keras.callbacks.Callback
            Callbacks that change nothing.

        Returns
        -------
        MultiInputClassifier or MultiInputRegressor
            Fitted; the same in each place.
        """
        est, crew = self.estimator, crew or Alone()
        rows = SharedRows(training.arrays, training.y, training.weight, tuple(n_training), crew)
        validating = None
        if sum(n_held):
            validating = SharedRows(held.arrays, held.y, held.weight, tuple(n_held), crew)
        task = FitTask(est, None, None, None, self.recipe.epochs)
        watchers = [*task.epochs(), *watchers, StopTogether(crew)]
        # The first process keeps the checkpoint; it must be in a folder that all places see when the fit goes on.
        with shared_checkpoint(est.checkpoint, self.fingerprint, self.seed, crew) as checkpoint:
            with isolate(self.seed, est.dtype), repeat_names(), est._told(task):
                est._train(
                    rows, validating, self.seed, self.recipe, whole=True, checkpoint=checkpoint, watchers=watchers
                )
            task.end()
        return est


@dataclass(frozen=True)
class _Elsewhere:
    """Rows that are not here, as far as a network is built from them."""

    router: object
    sample: dict
    sample_weight: np.ndarray | None
    n_rows: int

    def __len__(self):
        return self.n_rows

    def fit_router(self, router, memory):
        """Return the router, which is fitted, and the encoded sample."""
        return copy.copy(self.router), self.sample

    def branch_samples(self, arrays):
        """Return rows of the encoded sample, as often as they weigh."""
        return sample_rows(arrays, SAMPLE_ROWS, self.sample_weight)

    def rows(self, router, target, dtype, *, memory=None, arrays=None):
        """Return None: there is nothing to train on."""
        return None


@dataclass(frozen=True)
class _Digested:
    """Rows of which only digests are here."""

    digests: list
    y = None
    weight = None

    def digest(self, router):
        """Return a digest of all rows."""
        return digest(self.digests)


def merged(results, merge=lambda one, other: one.merge(other)):
    """Merge what parts have given, in their order, two and two; `merge` says how, where they are elsewhere."""
    while len(results) > 1:
        pairs = [results[i : i + 2] for i in range(0, len(results), 2)]
        results = [merge(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return results[0]


def _refuse_params(estimator):
    """Refuse parameters that have no meaning for rows in several places."""
    if estimator.warm_start:
        raise ValueError("warm_start=True goes on with rows in memory; rows in several places are fitted anew.")
    if estimator.n_networks > 1:
        raise ValueError(
            f"n_networks={estimator.n_networks} trains networks on rows in memory; rows in several places train one. "
            "Set n_networks=1, or average the predictions of several fits with other values of random_state."
        )
    reduction = getattr(estimator.loss, "reduction", "sum_over_batch_size")
    if reduction not in ("sum_over_batch_size", "mean", None):
        raise ValueError(
            f"The loss {type(estimator.loss).__name__} has reduction={reduction!r}. Rows in several places need the "
            "mean over the rows of a batch: reduction='sum_over_batch_size'."
        )
