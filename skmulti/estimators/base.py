"""How an estimator fits and predicts: rows, router, network and training in turn; shared by both estimators."""

import keras
import numpy as np
from sklearn.base import clone, is_classifier

from .._params import parts_by_name, split_nested
from .._validation import POSITIVE_INT, RATE, HasMethods, Interval, RealNotInt, StrOptions, check_weights
from ..errors import InputMismatchError, quote
from ..inputs import SAMPLE_ROWS
from ..network import Forward, as_merge, build_by_hand, build_network, check_saveable, default_head, resolve_branches
from ..router import as_memory, file_states, n_rows, store_folder, take_rows, to_table
from ..training import (
    EARLY_STOPPING_ROWS,
    Rows,
    Schedule,
    Timings,
    auto_batch_size,
    auto_epochs,
    auto_rate,
    draw_seed,
    hold_out,
    isolate,
    sample_rows,
    train,
)
from .diagram import estimator_block
from .scikeras import ScikerasAdapter, repeat_names, restart_names
from .stream_fit import SourcesMixin
from .targets import check_output_names, output_names
from .tasks import CallbackSupportMixin, FitTask


class MultiInputEstimator(SourcesMixin, CallbackSupportMixin, ScikerasAdapter):
    """What `MultiInputClassifier` and `MultiInputRegressor` share."""

    _parameter_constraints = {
        "router": [HasMethods(["fit", "transform"]), None],
        "branches": [dict, None],
        "merge": [str, HasMethods(["combine"]), callable],
        "head": [HasMethods(["attach"]), None],
        "model": [callable, None],
        "optimizer": [str, keras.optimizers.Optimizer, type],
        "metrics": [list, tuple, dict, str, keras.metrics.Metric, None],
        "epochs": [POSITIVE_INT, StrOptions({"auto"})],
        "batch_size": [POSITIVE_INT, StrOptions({"auto"})],
        "validation_fraction": [Interval(RealNotInt, 0, 1, closed="neither"), POSITIVE_INT, None],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "n_iter_no_change": [POSITIVE_INT, StrOptions({"auto"})],
        "shuffle": ["boolean"],
        "steps_per_execution": [POSITIVE_INT, StrOptions({"auto"})],
        "jit_compile": ["boolean", StrOptions({"auto"})],
        "dtype": [StrOptions({"float32", "float64"})],
        "input_dropout": [RATE],
        "memory": [str, HasMethods(["cache"]), None],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def _fit_rows(self, X, y, sample_weight, validation):
        """Fit anew, or continue where `warm_start` asks for it."""
        self._validate_params()
        self._check_routed()
        source = self._source(X, y)
        if self.warm_start and hasattr(self, "model_"):
            if source is not None:
                raise InputMismatchError(f"{source.name} is not in memory; warm_start continues on tables that are.")
            return self._continue_fit(X, y, sample_weight, validation)
        seed = draw_seed(self.random_state)
        if source is not None:
            return self._fit_source(source, y, sample_weight, validation, seed)
        table, y, weight = self._checked_rows(X, y, sample_weight, reset=True)
        train_part, held_part = self._split((table, y, weight), validation, seed)
        epochs = self._epochs(len(train_part[1]))
        task = FitTask(self, *train_part, epochs)
        with isolate(seed, self.dtype), repeat_names():
            rows, held = self._build(train_part, held_part)
            self._train(rows, held, seed, epochs, task)
        task.end()
        return self

    def _checked_rows(self, X, y, sample_weight, *, reset, classes=None):
        """Check X, y and weights against each other, and drop rows without weight.

        With `reset` the target is learned from y (and `classes`); else y must suit it.
        """
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None. Give one label for each row."
            )
        if isinstance(y, dict):
            raise InputMismatchError(
                f"y is a dict with {quote(y)}; give an array, Series or DataFrame with a row for each row of X."
            )
        y_names = output_names(y)
        y = self._checked_y(y, reset=reset)
        names = list(parts_by_name(getattr(self.router, "inputs", None))) or None
        table = to_table(X, names, len(y))
        if n_rows(table) != len(y):
            raise InputMismatchError(
                f"Found input variables with inconsistent numbers of samples: X has {n_rows(table)} rows, y has "
                f"{len(y)}. Give one target for each row."
            )
        weight = None
        if sample_weight is not None:
            weight = check_weights(sample_weight, np.empty(len(y)))
            if not weight.all():
                used = np.flatnonzero(weight)
                table, y, weight = take_rows(table, used), y[used], weight[used]
        if reset:
            self._learn_target(y, classes)
            _remember(self, "output_names_", y_names)
        else:
            check_output_names(y_names, getattr(self, "output_names_", None))
        self._numbered(y)
        return table, y, weight

    def _split(self, part, validation, seed):
        """Divide rows into those that train and those that validate (or None)."""
        X_val, y_val, weight_val = validation
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val go together; give both or neither.")
        if X_val is not None:
            return part, self._checked_rows(X_val, y_val, weight_val, reset=False)
        if weight_val is not None:
            raise ValueError("sample_weight_val weighs the rows of X_val, which is not given.")
        table, y, weight = part
        if self.validation_fraction is None or not self._stops_early(len(y), given=False):
            return part, None
        train_rows, held_rows, reason = hold_out(len(y), self.validation_fraction, seed, self._strata(y))
        if reason and self.verbose:
            print(f"No rows are held out: {reason}.")
        if held_rows is None:
            return part, None
        return tuple(
            (take_rows(table, rows), y[rows], None if weight is None else weight[rows])
            for rows in (train_rows, held_rows)
        )

    def _stops_early(self, count, given):
        """Return whether training may stop early: asked for, or from 500 rows, or with rows given to validate on."""
        if self.early_stopping == "auto":
            return given or count >= EARLY_STOPPING_ROWS
        return bool(self.early_stopping)

    def _epochs(self, count):
        if self.epochs != "auto":
            return self.epochs
        return auto_epochs(count, self._batch_size(count), classes=is_classifier(self))

    def _batch_size(self, count):
        return auto_batch_size(count) if self.batch_size == "auto" else self.batch_size

    def _build(self, train_part, held_part):
        """Fit the router on training rows, build and compile the network; give both parts encoded."""
        table, y, weight = train_part
        states = [] if self.memory is None else file_states(table)
        fit_router = as_memory(self.memory).cache(_fit_router)
        self.timings_ = Timings()
        with self.timings_.measure("route"):
            self.router_, arrays = fit_router(self._new_router(), table, y, weight, states, store_folder(self.memory))
        self._build_network(arrays, y, weight)
        with self.timings_.measure("route"):
            held = None if held_part is None else self._encoded(*held_part)
            return self._encoded(table, y, weight, arrays), held

    def _build_network(self, arrays, y, weight):
        """Build the network of a fitted router from encoded training rows; forget what another one learned."""
        self.n_features_in_ = self.router_.n_features_in_
        _remember(self, "feature_names_in_", getattr(self.router_, "feature_names_in_", None))
        self._target = self._describe_target(y, weight)
        self.head_ = default_head(len(y), self._target) if self.head is None else clone(self.head)
        with self.timings_.measure("build"):
            self.model_ = self._network(arrays)
        self.forward_ = Forward(self.model_)
        self.history_, self.n_iter_, self.best_epoch_ = {}, 0, 0

    def _network(self, arrays):
        """Build the network from the fitted router, from parts or from the user's callable."""
        specs = self.router_.specs_
        for name in ("branches_", "merge_"):
            vars(self).pop(name, None)
        if self.model is not None:
            if isinstance(self.model, keras.Model):
                raise TypeError(
                    "`model` is a callable f(inputs, target) -> output tensor, got a keras.Model. Write a function "
                    "that connects a copy, so that yours is not trained: keras.models.clone_model(network)(inputs)."
                )
            routed = split_nested(self._routed)[1]
            model = build_by_hand(
                specs, lambda inputs, target: self.model(inputs, target, **routed.get("model", {})), self._target
            )
        else:
            self.branches_ = resolve_branches(specs, self.router_.default_branches(), self._given_branches())
            self.merge_ = as_merge(self.merge)
            samples = sample_rows(arrays, SAMPLE_ROWS)
            parts = (self.branches_, self.merge_, self.head_, self._target, samples)
            model = build_network(specs, *parts, input_dropout=self.input_dropout)
        check_saveable(model)
        return model

    def _given_branches(self):
        """Return `branches` with parameters that waited for the router applied to the defaults."""
        given = dict(self.branches or {})
        waiting = {key: given.pop(key) for key in list(given) if "__" in key}
        defaults = self.router_.default_branches()
        for name, params in split_nested(waiting)[1].items():
            default = defaults.get(name)
            # With parameters of its own an input no longer shares another's branch.
            part = given.get(name, defaults[default] if isinstance(default, str) else default)
            given[name] = clone(part).set_params(**params) if part is not None else params
        return given

    def _encoded(self, table, y, weight, arrays=None):
        """Encode rows, their target and weights for the network."""
        arrays = self.router_.encode(table, folder=store_folder(self.memory)) if arrays is None else arrays
        return Rows(arrays, *self._encoded_target(y, weight))

    def _train(self, rows, held, seed, epochs, task=None):
        """Compile if needed, train, and record what happened; stop early in a whole fit, a `task`, only."""
        count = len(rows.y)
        batch_size = getattr(rows, "batch_rows", None) or min(self._batch_size(count), count)
        self.callbacks_ = callbacks = self._fresh_callbacks()
        with self.timings_.measure("build"):
            if not self.model_.compiled:
                self._compile_networks(count, batch_size)
            network, (rows, held) = self._trained.prepare(self.model_, rows, held)
        stops = task is not None and self._stops_early(count, given=held is not None)
        rate = None
        if task and self._rate_is_auto():
            watches = stops and held is not None and self._routed.get("fit__validation_freq", 1) == 1
            rate = auto_rate(getattr(self, "branches_", {}), watches)
        patience = None
        if stops:
            patience = (epochs if rate else 10) if self.n_iter_no_change == "auto" else self.n_iter_no_change
        done = self.n_iter_
        schedule = Schedule(
            epochs=done + epochs,
            batch_size=batch_size,
            shuffle=self.shuffle,
            seed=seed,
            patience=patience,
            rate=rate,
            initial_epoch=done,
            verbose=int(self.verbose),
        )
        if task:
            callbacks = [*callbacks, *task.epochs()]
        fit_params = self._fit_params()
        if getattr(rows, "n_batches", None):
            fit_params.pop("steps_per_epoch", None)  # the source keeps to them
        # Keras makes metrics from their names when it trains first.
        with restart_names():
            history, self.best_epoch_ = train(network, rows, held, schedule, callbacks, fit_params, self.timings_)
        for name, values in history.items():
            self.history_.setdefault(name, []).extend(float(value) for value in values)
        self.n_iter_ = len(self.history_["loss"])

    def _continue_fit(self, X, y, sample_weight, validation=None):
        """Train the same network on, one epoch without `validation`; router and target stay as they were."""
        seed = draw_seed(self.random_state)
        part = self._checked_rows(X, y, sample_weight, reset=False)
        held = None
        epochs, task = 1, None
        if validation is not None:
            part, held = self._split(part, validation, seed)
            epochs = self._epochs(len(part[1]))
            task = FitTask(self, *part, epochs)
        with isolate(seed, self.dtype), repeat_names():
            rows = self._encoded(*part)
            held = None if held is None else self._encoded(*held)
            self._train(rows, held, seed, epochs, task)
        if task:
            task.end()
        return self

    def _partial_fit_rows(self, X, y, sample_weight, classes=None):
        """Train one epoch on a chunk; the first chunk fits the router."""
        self._validate_params()
        self._check_routed()
        if hasattr(self, "model_"):
            return self._continue_fit(X, y, sample_weight)
        seed = draw_seed(self.random_state)
        part = self._checked_rows(X, y, sample_weight, reset=True, classes=classes)
        with isolate(seed, self.dtype), repeat_names():
            rows, _ = self._build(part, None)
            self._train(rows, None, seed, 1)
        return self

    def _sk_visual_block_(self):
        return estimator_block(self)


def _remember(estimator, name, value):
    """Set an attribute of a fitted estimator, or remove that of an earlier fit where there is none."""
    if value is not None:
        setattr(estimator, name, value)
    else:
        vars(estimator).pop(name, None)


def _fit_router(router, table, y, weight, states, folder):
    """Fit a router and encode its training rows: (router, arrays). `states` are of the files that cells name."""
    arrays = router.fit_encode(table, y, weight, folder=folder)
    return router, arrays
