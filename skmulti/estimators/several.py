"""Several networks of one fit: rows held out in turn, networks trained side by side, and their average.

The networks share the router, the encoded rows and fixed features. Each has its own first values, order of rows and
hold-out. A `_Lane` trains networks one after the other with one compiled network, so that TensorFlow traces it once;
lanes run side by side in threads.
"""

from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from .._process import is_isolated, isolate
from .._workers import call_in_threads, count_threads, runs_in_joblib
from ..errors import InputMismatchError
from ..inputs import odd_cells_reported
from ..network import Forward, average_networks
from ..training import (
    Timings,
    TrainingNetwork,
    built_more,
    cross_validates,
    divide_in_folds,
    hold_out_in_turn,
    teller,
    told_by,
)
from .looks import with_look
from .scikeras import optimizer_state, repeat_names, restart_names
from .tasks import FitTask


@dataclass(frozen=True)
class Turns:
    """Which rows each network trains on, and which are new to it.

    Parameters
    ----------
    examples : TableExamples or PartExamples
        All rows.
    pairs : list of (ndarray of int, ndarray of int or None)
        For each network the positions of the rows to train on, and of those it leaves out.
    validates : bool
        Whether the rows that it leaves out, or those given, decide when to stop.
    given : TableExamples or None
        Rows of the user's, on which all networks are validated.
    recipe : Recipe
        How each network is trained.
    """

    examples: object
    pairs: list
    validates: bool
    given: object
    recipe: object

    @classmethod
    def of(cls, est, examples, validation, seed):
        """Divide the rows of a fit, and describe the target; see `fit_networks` for the parameters."""
        if not examples.can_split:
            raise InputMismatchError(
                f"n_networks={est.n_networks} trains each network on the rows anew, and X is {examples.source.name}, "
                "whose batches may be read once only. Give a table or its files, or fit estimators with "
                "n_networks=1 and average their predictions."
            )
        given, reason = est._given_rows(examples, validation)
        count, strata = len(examples), est._target.strata(examples.y)
        pairs = [(np.arange(count), None)] * est.n_networks
        if reason is None:
            pairs, reason = hold_out_in_turn(count, est.validation_fraction, seed, strata, est.n_networks)
            reason = reason or "they decide when to stop; each network holds out others"
        validates = pairs[0][1] is not None or validation[0] is not None
        if not validates and _divides(est, examples):
            pairs, found = divide_in_folds(count, est.n_networks, seed, strata)
            reason = found or "each network leaves out a fold of its own, for `oof_predictions_`"
        est._target.describe(examples.y, examples.weight, est.loss)
        recipe = est._recipe(len(pairs[0][0]), validates, reason)
        est._tell_hold_out(recipe, validates)
        return cls(examples, pairs, validates, given, recipe)

    @property
    def rotate(self):
        """Whether each network leaves out rows of its own."""
        return self.pairs[0][1] is not None

    def rows(self, est, rows, held, number):
        """Return the rows to train on, and those new to a network; `rows` and `held` are those of all networks."""
        training, own = self.pairs[number]
        if own is None:
            return rows, held
        if rows.streams:
            return est._rows(self.examples.take(training)), est._rows(self.examples.hold_out(own))
        return rows.take(training), rows.take(own)


def fit_networks(est, examples, validation, seed):
    """Fit an estimator's router, and several networks whose average becomes its `model_`.

    Parameters
    ----------
    est : MultiInputClassifier or MultiInputRegressor
        With a target that has learned from the rows.
    examples : TableExamples, PartExamples or BatchExamples
        All rows.
    validation : tuple
        X_val, y_val and sample_weight_val as the user gave them.
    seed : int
        Decides all draws. The first network has the first values that a single one would have.

    Returns
    -------
    bool
        Whether a user interrupted the fit, which then has the networks that were trained.
    """
    task = FitTask(est, examples.X, examples.y, examples.weight, 0)
    with est._told(task), odd_cells_reported():
        turns = Turns.of(est, examples, validation, seed)
        with isolate(seed, est.dtype), repeat_names():
            arrays = est._fit_router(examples)
            samples = examples.branch_samples(arrays)
            est._begin(samples, turns.recipe)
            rows = est._rows(examples, arrays)
            given = est._held_rows(turns.given, validation)
            # What is frozen is fixed, and computed once for all networks.
            est._thaw()
            first = TrainingNetwork(est.model_, getattr(est, "branches_", {}))
            network, (shared_rows, shared_held) = first.prepare(est.model_, rows, given, memory=est.memory)
            cuts = first.cuts if network is first.model else {}
            features = {name: part.layer for name, part in cuts.items()}
            # Once, as all networks train with what is compiled for the first.
            turns = replace(turns, recipe=with_look(est, turns.recipe, shared_rows, cuts, whole=True))
        seeds = network_seeds(seed, est.n_networks)
        networks = [network, *_other_networks(est, samples, features, seeds[1:])]
        for network in networks:
            turns.recipe.set_in(network)
        results, interrupted = _train(est, turns, networks, seeds, (shared_rows, shared_held))
        _keep(est, turns, networks, results, features)
        if given is not None and not given.streams:
            # Rows that the user gave are new to all networks, and so to their average.
            est._keep_residuals([given.y], [est._forward()(given.arrays)])
    task.end()
    return interrupted


def _divides(est, examples):
    """Return whether each network leaves out a fold, of rows that are too few to decide when to stop."""
    # Nothing is kept of rows that stream.
    wanted = examples.in_memory and est.validation_fraction is not None
    return wanted and cross_validates(est.early_stopping, len(examples), est.n_networks)


def network_seeds(seed, count):
    """Return the seeds of several networks; the first has that of the fit."""
    return [seed, *map(int, np.random.default_rng(seed).integers(2**31 - 1, size=count - 1))]


def _other_networks(est, samples, features, seeds):
    """Build the networks after the first, which take its fixed features."""
    networks, stage = [], teller().stage(lambda: built_more(networks))
    with est.timings_.measure("build"), stage:
        for seed in seeds:
            with isolate(seed, est.dtype), repeat_names():
                network = est._connect(samples, features)
                if features:
                    network = TrainingNetwork(network, est.branches_).model
                networks.append(network)
    return networks


@dataclass(frozen=True)
class _Trained:
    """What the training of one network has come to: values of its variables, what it says of rows new to it alone."""

    values: list
    record: dict
    recipe: object
    callbacks: list
    unseen: object


def _train(est, turns, networks, seeds, shared):
    """Train the networks: (what each has come to, whether a user interrupted it)."""
    lanes = [_Lane(est, turns, networks, seeds, shared) for _ in range(_count_lanes(est, shared))]
    waiting, results = iter(range(len(networks))), {}

    def run(lane):
        # The lanes take the next network from one iterator, as some networks stop earlier than others.
        for number in waiting:
            # Bars of several threads would draw over each other.
            own = teller().within(f"network {number + 1}/{len(networks)}", draws=len(lanes) == 1)
            with told_by(own):
                results[number], interrupted = lane.train(number)
            if interrupted:
                return True
        return False

    try:
        interrupted = any(call_in_threads(run, [(lane,) for lane in lanes], len(lanes)))
    except KeyboardInterrupt:
        # Of a network without an epoch nothing is left, but of those before it.
        if len(lanes) > 1 or not results or runs_in_joblib():
            raise
        interrupted = True
    for name in ("build", "trace", "train"):
        # They run side by side, so the longest counts.
        est.timings_[name] = est.timings_.get(name, 0.0) + max(lane.est.timings_.get(name, 0.0) for lane in lanes)
    return [results[number] for number in sorted(results)], interrupted


def _count_lanes(est, shared):
    """Return how many networks train at the same time."""
    # Another thread could not have its turn; a strategy belongs to this thread; and a source is read by one at a time.
    streams = any(part is not None and part.streams for part in shared)
    alone = is_isolated() or tf.distribute.has_strategy() or streams
    return 1 if alone else min(count_threads(est.n_jobs), est.n_networks)


class _Lane:
    """Trains networks one after the other with one compiled network.

    Parameters
    ----------
    est : MultiInputClassifier or MultiInputRegressor
        The lane has a shallow copy, which it fits.
    turns : Turns
        The rows of each network.
    networks : list of keras.Model
        Not trained, with their first values.
    seeds : list of int
        The seed of each.
    shared : tuple of (Rows or StreamRows, and Rows, StreamRows or None)
        The encoded rows of all networks.
    """

    def __init__(self, est, turns, networks, seeds, shared):
        self.est = object.__new__(type(est))
        vars(self.est).update(vars(est), timings_=Timings())
        self.turns, self.networks, self.seeds, self.shared = turns, networks, seeds, shared
        self.begun_with = self.forward = None

    def train(self, number):
        """Train a network: (what it has come to, whether a user interrupted it)."""
        est, seed = self.est, self.seeds[number]
        with isolate(seed, est.dtype), repeat_names():
            rows, new = self.turns.rows(est, *self.shared, number)
            held = new if self.turns.validates else None
            self._begin(self.networks[number], held)
            done = est._train(rows, held, seed, self.turns.recipe, whole=True)
            return self._trained(new), done.interrupted

    def _begin(self, network, held):
        """Set the compiled network to the first values of a network, and its optimizer to those of a new one."""
        est = self.est
        est.history_, est.n_iter_, est.best_epoch_ = {}, 0, 0
        if self.begun_with is None:
            est.model_ = network
            with est.timings_.measure("build"):
                changes = est._begin_training()
                recipe = est._finish_recipe(self.turns.recipe, held, est._copy_callbacks(), whole=True)
                est._compile_networks(recipe, changes)
            est.model_.optimizer.build(est.model_.trainable_variables)
            self.begun_with, self.forward = optimizer_state(est.model_.optimizer), Forward(est.model_)
            return
        put_values(est.model_, [variable.value for variable in network.variables])
        for variable in est.model_.optimizer.variables:
            variable.assign(self.begun_with[variable.path])

    def _trained(self, new):
        """Return what a training has come to; `new` are rows that are new to the network."""
        est = self.est
        unseen = self.forward(new.arrays) if self.turns.rotate and not new.streams else None
        record = {
            "history": est.history_,
            "n_iter": est.n_iter_,
            "best_epoch": est.best_epoch_,
            "stop_reason": est.stop_reason_,
        }
        values = [variable.value.numpy() for variable in est.model_.variables]
        return _Trained(values, record, est.recipe_, est.callbacks_, unseen)


def put_values(network, values):
    """Assign values to all variables of a network: weights, and the states of random generators."""
    for variable, value in zip(network.variables, values, strict=True):
        variable.assign(value)


def _keep(est, turns, networks, results, features):
    """Set the fitted attributes of several networks that were trained."""
    for network, trained in zip(networks, results, strict=False):
        put_values(network, trained.values)
    # After an interrupt there are fewer results than networks.
    networks, records = networks[: len(results)], [trained.record for trained in results]
    est.recipe_ = results[0].recipe
    with isolate(None, est.dtype), repeat_names():
        est.model_ = average_networks(networks, est._target.spec, features)
        with restart_names():
            est._compile(est.model_, est._target, est.recipe_)
    est.forward_ = Forward(est.model_)
    for name in ("_trained", "_compiled_with", "_optimizer_state"):
        vars(est).pop(name, None)
    est.networks_, est._in_parts = records, False
    est.callbacks_ = [callback for trained in results for callback in trained.callbacks]
    est.history_ = _mean_history([record["history"] for record in records])
    est.n_iter_ = max(record["n_iter"] for record in records)
    est.best_epoch_ = round(float(np.mean([record["best_epoch"] for record in records])))
    reasons = [f"network {number}: {record['stop_reason']}" for number, record in enumerate(records, 1)]
    est.stop_reason_ = "; ".join(reasons)
    if all(trained.unseen is not None for trained in results):
        places = [own for _, own in turns.pairs[: len(results)]]
        said = [trained.unseen for trained in results]
        # Rows that decided when to stop look too well known.
        est._keep_unseen(turns.examples, places, said, tempers=not turns.validates)


def _mean_history(histories):
    """Return the mean of each figure in each epoch over the networks that have it."""
    figures = {name: None for history in histories for name in history}
    for name in figures:
        found = [history[name] for history in histories if name in history]
        epochs = range(max(map(len, found)))
        figures[name] = [float(np.mean([own[i] for own in found if i < len(own)])) for i in epochs]
    return figures
