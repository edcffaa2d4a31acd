"""How both estimators fit and predict: they read rows, fit the router, build the network and train it."""

import os
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral
from typing import NamedTuple

import keras
import numpy as np
from sklearn.base import clone

from .._params import check_call, check_keras_name
from .._process import refuse_fork
from .._validation import POSITIVE_INT, RATE, HasMethods, Interval, RealNotInt, StrOptions, hints_added
from ..errors import BranchMismatchError, InputMismatchError, describe_object, shorten, warned_about
from ..inputs import odd_cells_reported, with_words
from ..network import (
    Forward,
    Halves,
    as_merge,
    build_by_hand,
    build_network,
    check_saveable,
    networks_apart,
    refuse_mismatches,
    resolve_branches,
    temper,
    with_features,
)
from ..router import InputRouter, check_batch, store_folder
from ..sources import TableSource, split_batch
from ..training import (
    Checkpoint,
    KeptForward,
    Recipe,
    Schedule,
    Teller,
    Timings,
    TrainingNetwork,
    built,
    count_rows,
    draw_seed,
    hold_out,
    isolate,
    refuse_strategy,
    routed,
    routed_hold_out,
    stops_early,
    strategy_of,
    teller,
    thawed,
    told_by,
    train,
    why_stops_early,
)
from .continuing import (
    changed_names,
    compile_params,
    network_params,
    refuse_changes,
    refuse_for_networks,
    renewed_branches,
)
from .copies import map_leaves
from .diagram import estimator_block
from .examples import (
    NAMES_VAL,
    ExampleReader,
    PartExamples,
    check_scored,
    encoded_chunks,
    join_targets,
    join_weights,
    refuse_names,
    source_of,
    warn_of_pairs,
)
from .looks import with_look
from .parameters import Parts, branches_at_fit, explains_arguments
from .place import place_of_fit
from .planning import plan_fit
from .resuming import fit_parts, warn_of_interrupt
from .scikeras import ScikerasAdapter, optimizer_state, repeat_names, restart_names
from .several import fit_networks
from .stages import branch_layers, fine_tuned, refuse_late, stage_end, thaw_state
from .tasks import CallbackSupportMixin, FitTask
from .unseen import gather_unseen, spread
from .writing import write_predictions


@dataclass(frozen=True)
class Outputs:
    """The network's output for rows that can be read only once, in place of these rows."""

    array: np.ndarray

    def __len__(self):
        return len(self.array)


class Ready(NamedTuple):
    """What `train` needs of a fit that is ready to train: the network, rows to train and validate on, the schedule."""

    network: keras.Model
    rows: object
    held: object
    schedule: Schedule


class Trained(NamedTuple):
    """What a training has come to: whether a user interrupted it, and the last stage (None if no epoch was left)."""

    interrupted: bool
    ready: Ready | None


class MultiInputEstimator(CallbackSupportMixin, ScikerasAdapter):
    """What `MultiInputClassifier` and `MultiInputRegressor` share: everything except the kind of target."""

    _parameter_constraints = {
        "router": [HasMethods(["fit", "transform"]), None],
        "branches": [dict, None],
        "merge": [str, HasMethods(["combine"]), callable],
        "head": [HasMethods(["attach"]), None],
        "model": [callable, None],
        "optimizer": [str, keras.optimizers.Optimizer, type],
        "metrics": [list, tuple, dict, str, keras.metrics.Metric, callable, None],
        "epochs": [POSITIVE_INT, StrOptions({"auto"})],
        "batch_size": [POSITIVE_INT, StrOptions({"auto"})],
        "validation_fraction": [
            Interval(RealNotInt, 0, 1, closed="neither"),
            POSITIVE_INT,
            StrOptions({"auto"}),
            None,
        ],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "n_iter_no_change": [POSITIVE_INT, StrOptions({"auto"})],
        "monitor": [str],
        "callbacks": [list, tuple, dict, keras.callbacks.Callback, type, None],
        "shuffle": ["boolean"],
        "steps_per_execution": [POSITIVE_INT, StrOptions({"auto"})],
        "jit_compile": ["boolean", StrOptions({"auto"})],
        "dtype": [StrOptions({"float32", "float64"})],
        "input_dropout": [RATE],
        "n_networks": [POSITIVE_INT],
        "n_jobs": [Integral, None],
        "memory": [str, HasMethods(["cache"]), None],
        "checkpoint": [str, os.PathLike, None],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    # --- fit

    def _validate_params(self):
        """Hold the parameters to their constraints, which a class in place of its object would pass."""
        with hints_added():
            super()._validate_params()
        for name in ("router", "head"):
            part = getattr(self, name)
            if isinstance(part, type):
                raise TypeError(f"`{name}` must be an object, got {describe_object(part)}")
        for name, module in _KERAS_NAMES.items():
            map_leaves(partial(_check_name, module, name), getattr(self, name))
        map_leaves(_check_callback, self.callbacks)

    def _fit(self, target, X, y, sample_weight, validation):
        """Fit anew on a target that has learned nothing yet, or continue a fit if `warm_start` asks for it."""
        refuse_fork()
        refuse_strategy()
        self._validate_params()
        self._check_routed()
        refuse_for_networks(self)
        if self.warm_start and hasattr(self, "model_"):
            return self._continue_fit(X, y, sample_weight, validation)
        seed = draw_seed(self.random_state)
        # The order matters. Labels are learned from all rows: a class that only held-out rows show is known, too.
        # Router, scale of y and choices see the training rows alone, so that the hold-out is new to all of them.
        examples = self._learn_target(target, X, y, sample_weight)
        if self.n_networks > 1:
            return self._end(fit_networks(self, examples, validation, seed))
        return self._run(examples, validation, seed, self._build, describes=True)

    def _partial_fit(self, target, X, y, sample_weight):
        """Train one epoch on a chunk of rows; the first chunk fits the router."""
        refuse_fork()
        refuse_strategy()
        self._validate_params()
        self._check_routed()
        if self.checkpoint is not None:
            raise ValueError(
                "checkpoint keeps the epochs of a fit, and partial_fit trains one epoch on each chunk. Set "
                "checkpoint=None, and save the estimator between chunks."
            )
        if self.n_networks > 1:
            raise ValueError(
                f"n_networks={self.n_networks} trains networks on the rows of a whole fit, and partial_fit trains one "
                "epoch on each chunk. Set n_networks=1, or fit."
            )
        if hasattr(self, "model_"):
            return self._continue_fit(X, y, sample_weight)
        self._refuse_source(X, y)
        seed = draw_seed(self.random_state)
        examples = self._learn_target(target, X, y, sample_weight)
        target.describe(examples.y, examples.weight, self.loss)
        recipe = self._recipe(len(examples)).for_one_epoch()
        with isolate(seed, self.dtype), repeat_names(), odd_cells_reported(), self._told(whole=False):
            done = self._train(self._build(examples, recipe), None, seed, recipe)
        return self._end(done.interrupted)

    def _continue_fit(self, X, y, sample_weight, validation=None):
        """Continue with the same router, target and network; without `validation` for one epoch."""
        refuse_changes(self, self._network_params)
        self._refuse_source(X, y)
        seed = draw_seed(self.random_state)
        examples = self._reader(self._target).read(X, y, sample_weight)
        self._target = self._target.follow(self._new_target(), examples.y, examples.weight)
        if hasattr(self, "branches_"):
            self.branches_ = renewed_branches(self)
        if validation is not None:
            return self._run(examples, validation, seed, lambda examples, recipe: self._rows(examples))
        recipe = self._recipe(len(examples)).for_one_epoch()
        with isolate(seed, self.dtype), repeat_names(), odd_cells_reported(), self._told(whole=False):
            done = self._train(self._rows(examples), None, seed, recipe)
        return self._end(done.interrupted)

    def _run(self, examples, validation, seed, make_rows, describes=False):
        """Run a whole fit on rows that were read; `make_rows` encodes those to train on."""
        with self._open_checkpoint(examples, validation, seed) as checkpoint:
            seed = checkpoint.seed if checkpoint else seed
            examples, held, recipe = self._divide(examples, validation, seed, describes)
            task = FitTask(self, examples.X, examples.y, examples.weight, recipe.epochs)
            with isolate(seed, self.dtype), repeat_names(), odd_cells_reported(), self._told(task):
                self._tell_hold_out(recipe, held is not None or validation[0] is not None)
                rows, own, held = make_rows(examples, recipe), held, self._held_rows(held, validation)
                watchers = task.epochs()
                done = self._train(rows, held, seed, recipe, whole=True, checkpoint=checkpoint, watchers=watchers)
                if held is not None and not held.streams:
                    compute = partial(self._held_outputs, held, done.ready)
                    self._keep_held(own, held.y, compute, is_new=describes, is_given=validation[0] is not None)
            # After the block: what scikit-learn's callbacks do is no part of the fit's seeds and names.
            task.end()
            if checkpoint:
                checkpoint.finished = not done.interrupted
        return self._end(done.interrupted)

    def _divide(self, examples, validation, seed, describes):
        """Return the rows to train on, those to validate on (or None), and the recipe; `describes`: also the target."""
        examples, held, reason = self._split(examples, validation, seed)
        if describes:
            self._target.describe(examples.y, examples.weight, self.loss)
        given = held is not None or validation[0] is not None
        return examples, held, self._recipe(len(examples), given, reason)

    def _open_checkpoint(self, examples, validation, seed):
        """Return the context of the fit's checkpoint; None in a context if the user wants none."""
        if self.checkpoint is None:
            return nullcontext()
        parts = fit_parts(self, examples, validation, Parts(self).router, seed)
        return Checkpoint(self.checkpoint, parts, seed)

    def _end(self, interrupted):
        """Return the fitted estimator, with a warning if a user interrupted its fit."""
        if interrupted:
            warn_of_interrupt(self)
        return self

    def _source(self, X, y=None):
        """Return X as a source, or None if it is a table in memory."""
        return source_of(X, y, self._routed.get("fit__steps_per_epoch"))

    def _refuse_source(self, X, y):
        """Refuse rows that are not in memory if a fit continues with the network that it has."""
        source = self._source(X, y)
        if source is not None:
            what = "warm_start continues" if self.warm_start else "partial_fit learns"
            raise InputMismatchError(
                f"{source.name} is not in memory; {what} on tables that are. Use fit, which reads files, or give "
                "parts: for part in pd.read_csv(path, chunksize=10_000): estimator.partial_fit("
                "part.drop(columns='label'), part['label'], ...)."
            )

    def _reader(self, target):
        """Return the reader of rows for a target."""
        return ExampleReader(target, Parts(self), self.dtype, self._routed.get("fit__steps_per_epoch"))

    def _learn_target(self, target, X, y, sample_weight):
        """Read the first rows of a fit, and let the target learn from them."""
        examples = self._reader(target).read(X, y, sample_weight, learn=True)
        self._target = target
        _remember(self, "output_names_", target.names)
        return examples

    def _split(self, examples, validation, seed):
        """Divide rows into those to train on and those to validate on (or None); say why these."""
        held, reason = self._given_rows(examples, validation)
        if reason is not None:
            return examples, held, reason
        strata = self._target.strata(examples.y)
        training, held, reason = hold_out(len(examples), self.validation_fraction, seed, strata)
        if held is None:
            return examples, None, reason
        return examples.take(training), examples.hold_out(held), "they decide when to stop"

    def _given_rows(self, examples, validation):
        """Return the rows to validate on that a user gave (or None), and why no others are; None if some are drawn."""
        X_val, y_val, weight_val = validation
        with _called_x_val():
            source = self._source(X_val, y_val)
        if source is not None:
            # Batches must suit the router, which training rows make: `_held_rows` reads them when it is fitted.
            return None, "X_val is given"
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val go together; give both or neither.")
        if X_val is not None:
            with _called_x_val():
                held = self._reader(self._target).read(*validation, called=NAMES_VAL)
            if not len(held):
                raise InputMismatchError("X_val has 0 sample(s) while a minimum of 1 is required. Leave it out.")
            return held, "X_val is given"
        if weight_val is not None:
            raise ValueError("sample_weight_val weighs the rows of X_val, which is not given.")
        if not examples.can_split:
            return None, "batches are not divided"
        if self.validation_fraction is None:
            return None, "given"
        if not self._stops_early(len(examples)):
            return None, "without early stopping they would decide nothing"
        return None, None

    def _tell_hold_out(self, recipe, holds):
        """Say why no rows decide when to stop, if there are none."""
        if recipe.stops_early and not holds:
            teller().say(f"no rows are held out: {recipe.reasons['validation_fraction']}")

    def _told(self, task=None, *, whole=True):
        """Return the context in which a fit tells how it goes; `task` knows the search that it may be part of."""
        place = place_of_fit(task and task.context) if self.verbose else ""
        return told_by(Teller(self.verbose, place, whole))

    def _held_rows(self, held, validation):
        """Return the rows to validate on, encoded for the network, or None."""
        if held is None and validation is not None and validation[0] is not None:
            with _called_x_val():
                held = self._reader(self._target).read(*validation, fitted_router=self.router_, called=NAMES_VAL)
        if held is None:
            return None
        with _called_x_val() if validation[0] is not None else nullcontext():
            return self._rows(held, told=routed_hold_out)

    def _recipe(self, count, given=False, held_reason="none"):
        """Choose how to train on a number of rows; `given`: there are rows to validate on, for a reason."""
        return Recipe.of(
            count,
            self._target.spec,
            batch_size=self.batch_size,
            epochs=self.epochs,
            stops_early=self._stops_early(count, given),
            head=self.head,
            reasons={
                "validation_fraction": held_reason,
                "early_stopping": why_stops_early(self.early_stopping, count, given, self._tunes()),
            },
        )

    def _stops_early(self, count, given=False):
        """Return whether a fit of a number of rows may stop early; `given`: there are rows to validate on."""
        return stops_early(self.early_stopping, count, given, self._tunes())

    def _tunes(self):
        """Return whether a pretrained network is fine-tuned."""
        return bool(fine_tuned(Parts(self).branches))

    def _rows(self, examples, arrays=None, told=None):
        """Encode examples for the network, in the time that counts as routing; `told` returns the words for it."""
        told = told or partial(routed, self.router_)
        # What is encoded already has been told of.
        telling = nullcontext() if arrays is not None else teller().routing(len(examples), lambda: told(len(examples)))
        with self.timings_.measure("route"), telling:
            return examples.rows(self.router_, self._target, self.dtype, memory=self.memory, arrays=arrays)

    # --- build

    def _build(self, examples, recipe):
        """Fit the router and build the network; return the rows, encoded for the network."""
        arrays = self._fit_router(examples)
        self._begin(examples.branch_samples(arrays), recipe)
        return self._rows(examples, arrays)

    def _fit_router(self, examples):
        """Fit the router; return the encoded rows, or some of them if the others are read later."""
        router = self._new_router()
        self.timings_ = Timings()
        told = teller().routing(len(examples), lambda: routed(self.router_, len(examples)))
        with self.timings_.measure("route"), told:
            self.router_, arrays = examples.fit_router(router, self.memory)
        self.n_features_in_ = self.router_.n_features_in_
        _remember(self, "feature_names_in_", getattr(self.router_, "feature_names_in_", None))
        return arrays

    def _begin(self, samples, recipe):
        """Build the network of a new fit, which has trained no epoch yet."""
        self.head_ = clone(recipe.head)
        with self.timings_.measure("build"), teller().stage(lambda: built(self.model_)):
            self.model_ = self._build_network(samples)
        self.forward_ = Forward(self.model_)
        self._network_params = network_params(self)
        self.history_, self.n_iter_, self.best_epoch_, self._thawed = {}, 0, 0, None
        for name in ("networks_", "held_residuals_", "_unseen"):
            _remember(self, name, None)

    def _new_router(self):
        """Return a router that is not fitted yet."""
        router = InputRouter() if self.router is None else clone(self.router)
        # Arrays, network and predictions have one precision; a router that is not ours may not know it.
        if "dtype" in router.get_params(deep=False):
            router.set_params(dtype=self.dtype)
        return router

    def _build_network(self, samples):
        """Build the network from the fitted router, from parts or from the user's callable."""
        # A network that an earlier fit made of parts must leave none behind for one that is made by hand.
        for name in ("branches_", "merge_"):
            vars(self).pop(name, None)
        if self.model is None:
            defaults = self.router_.default_branches()
            given = branches_at_fit(self.branches, defaults)
            self.branches_ = resolve_branches(self.router_.specs_, defaults, given)
            self.merge_ = as_merge(self.merge)
        return self._connect(samples)

    def _connect(self, samples, features=None):
        """Connect the parts, or what the user's callable makes; `features` are the fixed ones of another network."""
        specs = self.router_.specs_
        if self.model is not None:
            model = self._build_by_hand(specs)
            refuse_mismatches(model, specs, samples)
        else:
            branches = with_features(self.branches_, features or {})
            parts = (branches, self.merge_, self.head_, self._target.spec, samples)
            specs = with_words(specs, self.router_.encoders_)
            model = build_network(specs, *parts, input_dropout=self.input_dropout)
            self._check_output(model)
        # While fitting, not while saving: after an hour of training it would be too late.
        check_saveable(model)
        return model

    def _check_output(self, model):
        """Refuse a head of the user's whose output has another width than the target."""
        shape, spec = model.output_shape, self._target.spec
        if tuple(shape) != (None, spec.width):
            raise BranchMismatchError(
                f"The head {shorten(self.head_)} gave an output of shape {shape}; expected (None, {spec.width}), since "
                f"y has {spec.n_outputs} column(s){f' and {spec.n_classes} classes' if spec.n_classes else ''}. End "
                "with target.width units in `attach(tensor, target)`."
            )

    def _build_by_hand(self, specs):
        """Build the network that the user's callable connects."""
        if isinstance(self.model, keras.Model):
            raise TypeError(
                "`model` is a callable f(inputs, target) -> output tensor, got a keras.Model. Write a function "
                "that connects a copy, so that yours is not trained: keras.models.clone_model(network)(inputs)."
            )
        routed = self._routed_to("model")
        advice = "Write a function of a dict of input tensors and a TargetSpec that returns the output tensor."
        if "meta" in getattr(getattr(self.model, "__code__", None), "co_varnames", ()):
            advice = f"SciKeras' `meta` is not given: the inputs are made already. {advice}"
        check_call(self.model, "`model`", ["inputs", "target"], routed, advice=advice)
        return build_by_hand(specs, lambda inputs, target: self.model(inputs, target, **routed), self._target.spec)

    # --- plan

    @explains_arguments
    def plan(
        self,
        X,
        y=None,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        measure=False,
    ):
        """Return what ``fit`` would do with these rows, without training.

        The estimator, fitted or not, stays as it is.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, dict of arrays by input name, or source
            The training table, as for `fit`; the path of Parquet or CSV files is read, too, but no
            batches of encoded arrays.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), or str
            The target, as for `fit`.
        sample_weight : array-like of shape (n_rows,), str or None
            Weight of each row.
        X_val, y_val, sample_weight_val : like X, y and sample_weight, or None
            Rows on which the fit would decide when to stop.
        measure : bool
            Whether to run a few steps of training, on a network that is thrown away, to tell how long
            an epoch takes.

        Returns
        -------
        Plan
            Columns, inputs, network, recipe, memory, and what each choice is due to. It prints as
            text and shows as HTML in a notebook; `Plan.to_html` writes a page.

        Raises
        ------
        InputMismatchError
            If X yields batches, or if `fit` would refuse the rows.

        See Also
        --------
        InputRouter : Its `plan_` says which column goes where.

        Notes
        -----
        The code of ``fit`` runs up to the first step of training, on a clone: rows are held out,
        the router is fitted, rows are encoded and the network is built. So the plan of a large
        table takes as long as its routing. With an int as `random_state` a fit then holds out the same
        rows and begins with the same weights. With `memory`, the encoded rows are kept there, and the
        fit finds them. With `warm_start`, the plan is that of a first fit. `checkpoint` is not used.

        Examples
        --------
        >>> from skmulti import MultiInputClassifier
        >>> from skmulti.datasets import make_listings
        >>> frame, outcome = make_listings(60, 0)
        >>> plan = MultiInputClassifier(random_state=0).plan(frame[["area", "city", "description"]], outcome)
        >>> print(plan)
        Plan of MultiInputClassifier: 60 rows to train on; 3 inputs, ... weights
        ...
        """
        validation = X_val, y_val, sample_weight_val
        return plan_fit(self, self._new_target(), (X, y, sample_weight), validation, measure=measure)

    # --- train

    def _train(self, rows, held, seed, recipe, *, whole=False, checkpoint=None, watchers=()):
        """Train all stages of a fit, and return what it has come to.

        Only a whole fit stops early. The callbacks `watchers` change no weights.
        """
        begun, last = self.n_iter_, self.n_iter_ + recipe.epochs
        if whole and not self.warm_start:
            refuse_late(getattr(self, "branches_", {}), last)
        if checkpoint:
            self.history_, self.n_iter_ = checkpoint.begin_fit(self.history_, self.n_iter_)
        self.callbacks_ = self._copy_callbacks()
        interrupted, ready = False, None
        with strategy_of(self.model_):
            while self.n_iter_ < last and not interrupted:
                end = stage_end(getattr(self, "branches_", {}), self.n_iter_, last)
                ready = self._make_ready(rows, held, seed, recipe, end, begun=begun, whole=whole, stops=end == last)
                interrupted = self._train_stage(ready, checkpoint, watchers)
                # What stops a stage stops the fit.
                if self.n_iter_ < end:
                    break
                if checkpoint:
                    checkpoint.begin_stage(self.history_, self.n_iter_)
        return Trained(interrupted, ready)

    def _train_stage(self, ready, checkpoint, watchers):
        """Compile if needed, train, record what happened; return whether a user interrupted it."""
        callbacks = [*self.callbacks_, *watchers]
        fit_params = self._fit_params()
        if ready.rows.n_batches:
            # The source ends an epoch after these steps by itself.
            fit_params.pop("steps_per_epoch", None)
        # Keras makes metrics from their names in the first training step, not in `compile`.
        with restart_names():
            done = train(*ready, callbacks, fit_params, self.timings_, checkpoint)
        # A new dict: a fit that is broken off leaves the old one.
        names = dict.fromkeys([*self.history_, *done.history])
        self.history_ = {
            name: [*self.history_.get(name, []), *map(float, done.history.get(name, []))] for name in names
        }
        self.best_epoch_, self.n_iter_, self.stop_reason_ = done.best_epoch, len(self.history_["loss"]), done.ending
        return done.interrupted

    def _held_outputs(self, held, ready):
        """Return the network's output for held-out rows, from the fixed features that training has found of them."""
        if ready is None or ready.network is self.model_:
            return self._forward()(held.arrays)
        return Forward(ready.network)(ready.held.arrays)

    def _keep_held(self, examples, y, compute, *, is_new, is_given):
        """Keep what a single network says of held-out rows, which `compute` returns.

        `is_given`: the rows are the user's; `is_new`: they are new to the network, since the fit does not go on.
        """
        if is_given and self._target.has_residuals:
            self._keep_residuals([y], [compute()])
        if is_new and not is_given:
            self._keep_unseen(examples, [np.arange(len(examples))], [compute()], tempers=False)

    def _keep_residuals(self, targets, outputs):
        """Keep what outputs miss of rows that are new to networks, an array for each; nothing of classes."""
        if self._target.has_residuals:
            self.held_residuals_ = list(map(self._target.residuals, targets, outputs))

    def _keep_unseen(self, examples, places, outputs, *, tempers):
        """Keep what networks say of the rows at some places, which are new to them.

        `tempers`: and let it tell how sure their average is to be of classes.
        """
        rows, averages = gather_unseen(self.model_, places, outputs)
        if tempers and self._target.spec.n_classes:
            y, weight = examples.y[rows], None if examples.weight is None else examples.weight[rows]
            averages = temper(self.model_, averages, self._target.numbers(y), self._target.total_weight(y, weight))
        self._unseen = examples.n_given, examples.positions[rows], averages
        self._keep_residuals([self._target.numbers(examples.y[own]) for own in places], outputs)

    @property
    def oof_predictions_(self):
        """Predictions of training rows by networks that have not seen them."""
        if "_unseen" not in vars(self):
            raise AttributeError(
                f"{type(self).__name__} has no oof_predictions_: no rows of a table in memory were held out in one new "
                "fit. Set n_networks=5, or early_stopping=True with a validation_fraction, and fit."
            )
        n_rows, positions, outputs = self._unseen
        return spread(n_rows, positions, self._as_predictions(outputs))

    def _make_ready(self, rows, held, seed, recipe, end=None, *, begun=0, whole=True, stops=True):
        """Finish the recipe and compile if needed: all that comes before training to epoch `end`.

        The fit has begun after epoch `begun`, and may stop in this stage or not (`stops`).
        """
        self._in_parts = not whole
        # They are those of the network before it is trained.
        for name in ("held_residuals_", "_unseen"):
            _remember(self, name, None)
        if rows.batch_rows:
            recipe = replace(recipe, batch_size=rows.batch_rows)
        with self.timings_.measure("build"):
            changes = self._begin_training(count_rows(rows, held))
            network, (rows, held) = self._trained.prepare(self.model_, rows, held, memory=self.memory)
        cuts = self._trained.cuts if network is self._trained.model else {}
        recipe = with_look(self, recipe, rows, cuts, whole=whole)
        self.recipe_ = recipe = self._finish_recipe(recipe, held, self.callbacks_, whole=whole)
        recipe = recipe if stops else recipe.before_thaw()
        with self.timings_.measure("build"):
            self._compile_networks(recipe, changes)
        schedule = Schedule(
            epochs=end or self.n_iter_ + recipe.epochs,
            batch_size=recipe.batch_size,
            shuffle=self.shuffle,
            seed=seed,
            patience=recipe.patience,
            rate=recipe.rate and recipe.rate(),
            initial_epoch=self.n_iter_,
            monitor=self.monitor,
            begun=begun,
            past=self.history_,
            ends=stops,
        )
        return Ready(network, rows, held, schedule)

    def _finish_recipe(self, recipe, held, callbacks, *, whole):
        """Choose what depends on the network, its branches and the user's callbacks."""
        # What stops or slows a fit needs the hold-out's loss after each epoch, not after every few of them.
        return recipe.with_network(
            self.model_,
            {name: part for name, part in getattr(self, "branches_", {}).items() if name not in recipe.left_out},
            optimizer=self.optimizer,
            callbacks=callbacks,
            watches=held is not None and self._routed.get("fit__validation_freq", 1) == 1,
            n_iter_no_change=self.n_iter_no_change,
            steps_per_execution=self.steps_per_execution,
            n_steps=self._routed.get("fit__steps_per_epoch"),
            optimizer_params=list(self._routed_to("optimizer")),
            whole=whole,
        )

    def _begin_training(self, n_rows=0):
        """Set which layers are trained, and find the part that training changes, for a number of rows.

        Returns
        -------
        list of str or None
            The names of what the network is to be compiled with anew; None if it stays compiled as it is.
        """
        # Before anything was trained; a network of an earlier version has no such attribute.
        is_new = vars(self).get("_thawed", ()) is None
        self._thaw()
        params = compile_params(self, self._step_scales())
        changed = changed_names(getattr(self, "_compiled_with", {}), params)
        if self.model_.compiled and not changed:
            return None
        if self.model_.compiled and self.model_.optimizer.built:
            self._optimizer_state = optimizer_state(self.model_.optimizer)
        elif self.n_iter_ and not is_new and not hasattr(self, "_optimizer_state"):
            self._warn_of_new_optimizer()
        self._trained = TrainingNetwork(self.model_, getattr(self, "branches_", {}), n_rows)
        # What was fixed may be trained from now on.
        self.forward_.kept = None
        return changed

    def _compile_networks(self, recipe, changed):
        """Compile the network, and the part of it that training changes, with one optimizer, if anything changed."""
        if changed is None:
            return
        scales = self._step_scales()
        self._compiled_with = compile_params(self, scales)
        # As keys of a dict: without fixed features the two are one network, which is compiled once.
        for model in dict.fromkeys([self.model_, self._trained.model]):
            with restart_names():
                self._compile(model, self._target, recipe, scales)
        # One optimizer, so that a user who trains `model_` on goes on with the state that the fit has reached.
        self._trained.model.optimizer = self.model_.optimizer
        self._restore_optimizer(keeps_rate=not any(name.startswith("optimizer") for name in changed))

    def _thaw(self):
        """Set which layers are trained from now on, if that changes."""
        parts = branch_layers(self.model_, getattr(self, "branches_", {}))
        state = thaw_state(parts, self.n_iter_)
        # Flags that a user has set in `model_` stay as long as the branches ask for nothing else.
        before = vars(self).get("_thawed")
        if state != before:
            for branch, layers in parts:
                branch.thaw(layers, self.n_iter_)
            if before is not None:
                teller().say(thawed(self.model_))
        self._thawed = state

    def _step_scales(self):
        """Return the weights whose steps are scaled, each with its scale."""
        parts = branch_layers(self.model_, getattr(self, "branches_", {}))
        return [pair for branch, layers in parts for pair in branch.step_scales(layers)]

    # --- predict

    def _outputs(self, X):
        """Return the network's output for rows: ndarray of shape (n_rows, width)."""
        self._check_fitted()
        # `score` has read the rows already: scikit-learn's own `score` calls `predict` with what it was given.
        if isinstance(X, Outputs):
            return X.array
        return self._in_chunks(X, self._forward())

    def _forward(self):
        """Return the function that predicts encoded rows; features that `memory` keeps are not computed anew."""
        if not self._is_pretrained():
            return self.forward_
        if self.forward_.kept is None:
            self.forward_.kept = KeptForward(self.forward_, self.branches_)
        return partial(self.forward_.kept, self.memory)

    def _is_pretrained(self):
        """Return whether a branch begins with features that other fits may have: a pretrained network."""
        return any(getattr(branch, "keeps_features", False) for branch in getattr(self, "branches_", {}).values())

    def _outputs_apart(self, X):
        """Return what each network says of rows: ndarray of shape (n_rows, n_networks, width)."""
        if self.forward_.apart is None:
            self.forward_.apart = Forward(networks_apart(self.model_))
        return self._in_chunks(X, self.forward_.apart)

    def _in_chunks(self, X, compute, only=None):
        """Encode rows, for the inputs in `only` or for all, and return what ``compute(arrays, chunk_rows)`` returns."""
        # All rows, whatever number of steps an epoch of training has.
        source, outputs = source_of(X), []
        if source is None:
            chunks = self.router_.chunks(X, folder=store_folder(self.memory), only=only)
        else:
            chunks = encoded_chunks(source, self.router_)
        # One warning for all rows of a source, too.
        with self.timings_.measure("predict"), odd_cells_reported():
            for arrays in chunks:
                if not len(next(iter(arrays.values()))):
                    raise InputMismatchError(
                        "Found array with 0 sample(s): X has no rows, while a minimum of 1 is required."
                    )
                outputs.append(compute(arrays, self._routed.get("predict__batch_size")))
        if not outputs:
            raise InputMismatchError(f"{source.name} has 0 sample(s) while a minimum of 1 is required.")
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    @explains_arguments
    def predict_to(self, source, path, *, method="predict", keep=()):
        """Predict a table that is larger than memory, and write the predictions to a folder.

        Rows are read, predicted and written part by part, in their order. The folder is there when all
        rows are predicted, and not before: if the prediction breaks off, nothing is left at `path`.

        Parameters
        ----------
        source : path, list of paths, Arrow dataset, DataFrame, or iterable of DataFrames
            The rows: Parquet or CSV files or a folder of them, or what yields DataFrames.
        path : str or path
            The folder to write. It must not exist, or be empty.
        method : {"predict", "predict_proba"}
            What to write. `predict` of one target is the column ``prediction``; several targets have
            the names that they had at fit. Columns of `predict_proba` are named after the classes, with
            ``<target>_`` before them if there are several targets.
        keep : str or sequence of str
            Columns of the rows that are written beside the predictions, such as an id.

        Returns
        -------
        int
            Number of rows.

        Raises
        ------
        FileExistsError
            If there is something at `path` already.
        InputMismatchError
            If a column is missing, or if there are no rows.
        ValueError
            If `method` is no method of the estimator, or a column to keep has the name of a prediction.
        ImportError
            If pyarrow is not installed.

        See Also
        --------
        predict : Takes a table of Dask, too, and predicts it on several machines.

        Notes
        -----
        Files are named ``part-00000.parquet`` and so on, of about a million rows each. They are written
        to a hidden folder beside `path`, which is renamed at the end. Row labels are not written.

        Examples
        --------
        >>> import tempfile
        >>> import pandas as pd
        >>> from skmulti import MultiInputClassifier
        >>> from skmulti.datasets import make_listings
        >>> frame, outcome = make_listings(60, 0)
        >>> clf = MultiInputClassifier(epochs=1, random_state=0).fit(frame[["area", "city"]], outcome)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     frame.to_parquet(f"{folder}/rows.parquet")
        ...     n_rows = clf.predict_to(f"{folder}/rows.parquet", f"{folder}/predicted", keep="city")
        ...     predicted = pd.read_parquet(f"{folder}/predicted")
        >>> n_rows, list(predicted.columns)
        (60, ['city', 'prediction'])
        """
        self._check_fitted()
        return write_predictions(self, source, path, method, keep)

    def embed(self, X, input=None):
        """Return the vector of an input, or of all of them, for each row.

        Use it to search for similar rows, to draw a map of them, or as columns for another model;
        `EmbeddingTransformer` does the latter in a pipeline.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, records, dict of arrays by input name, or source
            Rows, as `predict` takes them. With `input`, columns that other inputs read may be absent.
        input : str or None
            Name of the input, one of ``router_.specs_``. None takes what the merge made of all inputs.

        Returns
        -------
        ndarray of shape (n_rows, width), float
            With `input`, what the merge gets of it: the output of its branch. In a row without the
            input, that is the learned vector, if there were such rows at fit. With None, what the
            head gets.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If there is no such input.
        BranchMismatchError
            If the network has no branches, since `model` made it.

        See Also
        --------
        EmbeddingTransformer : The same as a step of a pipeline.

        Notes
        -----
        These are the outputs of the layers ``<input>__branch`` and ``merge__output`` of `model_`.

        Examples
        --------
        >>> from skmulti import MultiInputClassifier
        >>> from skmulti.datasets import make_listings
        >>> frame, outcome = make_listings(60, 0)
        >>> clf = MultiInputClassifier(epochs=1, random_state=0).fit(frame[["area", "city"]], outcome)
        >>> clf.embed(frame[["city"]], "categories").shape
        (60, 16)
        >>> clf.embed(frame, "citys")
        Traceback (most recent call last):
          ...
        ValueError: 'citys' is no input; the inputs are 'numbers' and 'categories'.
        """
        halves = self._halves()
        # It knows the name, or refuses it.
        halves.width(input)
        if input is None:
            return self._in_chunks(X, halves.merged)
        return self._in_chunks(X, lambda *chunk: halves.vectors(input, *chunk).vector, only=[input])

    def vector_width(self, input=None):
        """Return the length of the vectors that `embed` returns.

        Parameters
        ----------
        input : str or None
            Name of the input, or None for all of them.

        Returns
        -------
        int
            Number of columns.
        """
        return self._halves().width(input)

    def _halves(self):
        """Return the two halves of the network, which are compiled once."""
        self._check_fitted()
        if self.forward_.halves is None:
            self.forward_.halves = Halves(self.model_)
        return self.forward_.halves

    def _rows_to_score(self, X, y, sample_weight):
        """Return X, y and weights for `score`; for a source the outputs stand for X, read in one pass."""
        # Two passes, one for y and one for predictions, might see other rows: batches may be shuffled or end.
        source = source_of(X, y)
        if source is None:
            if y is None:
                raise ValueError(
                    f"{type(self).__name__}.score requires y to be passed, but it is None. Give the target."
                )
            self._check_fitted()
            check_scored(self._target, X, y)
            warn_of_pairs(X, y, sample_weight)
            return X, y, sample_weight
        self._check_fitted()
        if isinstance(source, TableSource):
            examples, _ = PartExamples.read(source, y, sample_weight, self._target)
            return Outputs(self._outputs(X)), examples.y, examples.weight
        refuse_names(source, y)
        if source.repeats:
            raise InputMismatchError(f"{source.name} repeats forever. Give dataset.take(n) for n batches.")
        outputs, targets, weights = [], [], []
        for batch in source.batches():
            inputs, y, weight = split_batch(batch, source, needs_y=True)
            outputs.append(self.forward_(check_batch(inputs, self.router_.specs_, source.name)))
            targets.append(np.asarray(y))
            weights.append(weight)
        return Outputs(np.concatenate(outputs)), join_targets(targets), join_weights(weights)

    def _sk_visual_block_(self):
        return estimator_block(self)


@contextmanager
def _called_x_val():
    """Say in errors and warnings about the rows of X_val that they are in X_val."""
    try:
        with warned_about("X_val"), odd_cells_reported(apart=True):
            yield
    except InputMismatchError as error:
        if "_val" in str(error):
            raise
        raise type(error)(f"X_val: {error}") from error


# The modules of Keras in which names are looked up, by parameter.
_KERAS_NAMES = {"optimizer": keras.optimizers, "loss": keras.losses, "metrics": keras.metrics}
# Names that stand for something else: a choice of ours, and words that Keras reads by the shape of the output.
_OTHER_NAMES = {"auto", "acc", "accuracy", "ce", "crossentropy"}


def _check_name(module, parameter, leaf):
    """Refuse a name that Keras does not know."""
    if isinstance(leaf, str) and leaf not in _OTHER_NAMES:
        check_keras_name(module, leaf, parameter)


def _check_callback(leaf):
    """Refuse the name of a callback, which stands for none."""
    if isinstance(leaf, str):
        raise TypeError(
            f"`callbacks` holds {leaf!r} of type str. Give objects or classes: "
            "keras.callbacks.ReduceLROnPlateau(patience=3)."
        )


def _remember(estimator, name, value):
    """Set an attribute of a fitted estimator, or remove that of an earlier fit if the value is None."""
    if value is not None:
        setattr(estimator, name, value)
    else:
        vars(estimator).pop(name, None)
