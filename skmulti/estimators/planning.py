"""How a plan is made: all of a fit that comes before training is run on a clone, and looked at."""

import inspect
import math
import warnings
from contextlib import contextmanager

import numpy as np
from sklearn.base import clone

from .._process import isolate, refuse_fork
from ..errors import InputMismatchError, quote, quote_first
from ..inputs import odd_cells_reported
from ..router import lines_to_change
from ..sources import TableSource
from ..training import PATIENCE, draw_seed, time_epoch
from .continuing import refuse_for_networks
from .copies import map_leaves
from .diagram import as_given, network_parts
from .examples import source_of
from .plan import Choice, Plan, PlannedInput, PlannedPart
from .scikeras import repeat_names
from .several import Turns

# Columns that a choice names; `Plan.columns` has all.
NAMED_COLUMNS = 6


def plan_fit(estimator, target, data, validation, *, measure=False):
    """Return the plan of a fit of an estimator, which stays as it is.

    Parameters
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        Fitted or not.
    target : ClassTarget or NumberTarget
        A target that has learned nothing yet.
    data : tuple
        X, y and sample_weight.
    validation : tuple
        X_val, y_val and sample_weight_val.
    measure : bool
        Whether to run some steps to measure them.

    Returns
    -------
    Plan
        The plan.
    """
    refuse_fork()
    _refuse_batches(estimator, *data[:2])
    twin = clone(estimator)
    # Where rows cannot be held out, the plan says so; nothing is printed.
    twin.verbose = 0
    with _warnings_gathered() as found:
        twin._validate_params()
        twin._check_routed()
        seed = draw_seed(twin.random_state)
        examples = twin._learn_target(target, *data)
        with isolate(seed, twin.dtype), repeat_names():
            with odd_cells_reported():
                rows, held, n_held, recipe = _rows(twin, examples, validation, seed)
                twin.callbacks_ = twin._copy_callbacks()
                ready = twin._make_ready(rows, held, seed, recipe)
            if not ready.network.optimizer.built:
                ready.network.optimizer.build(ready.network.trainable_variables)
            memory = _memory(twin, rows, ready)
            # The last thing that is done with the network, since it trains it.
            measured = time_epoch(*ready, twin.recipe_.n_steps) if measure else {}
    return _describe(twin, n_held, ready.network.count_params(), memory, measured, tuple(found))


def _rows(twin, examples, validation, seed):
    """Fit the router and build the network.

    Returns
    -------
    rows, held : Rows or StreamRows, and one of these or None
        Encoded rows to train and validate on.
    n_held : int
        Number of rows that are not trained on.
    recipe : Recipe
        How to train.
    """
    if twin.n_networks == 1:
        examples, held, recipe = twin._divide(examples, validation, seed, describes=True)
        rows, held = twin._build(examples, recipe), twin._held_rows(held, validation)
        return rows, held, 0 if held is None else held.n_total, recipe
    refuse_for_networks(twin)
    turns = Turns.of(twin, examples, validation, seed)
    rows = twin._build(examples, turns.recipe)
    # All networks have as many rows as the first.
    rows, new = turns.rows(twin, rows, twin._held_rows(turns.given, validation), 0)
    return rows, new if turns.validates else None, 0 if new is None else new.n_total, turns.recipe


def _refuse_batches(estimator, X, y):
    """Refuse batches, which a plan would have to read through, and perhaps could not give back."""
    source = source_of(X, y, estimator._routed.get("fit__steps_per_epoch"))
    if source is not None and not isinstance(source, TableSource):
        raise InputMismatchError(
            f"plan reads tables, and X is {source.name}, whose rows are read once for each epoch. Give a DataFrame, "
            "or the path of Parquet or CSV files; for batches, fit says what it chose in `recipe_`."
        )


@contextmanager
def _warnings_gathered():
    """Gather the warnings that are meant for users as texts; others are given as they are."""
    found = []
    with warnings.catch_warnings(record=True) as caught:
        # Warnings are shown once for each line; here all of them count, whatever was shown before.
        warnings.simplefilter("always", UserWarning)
        yield found
    for warning in caught:
        if issubclass(warning.category, UserWarning):
            found.append(f"{warning.category.__name__}: {warning.message}")
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _memory(twin, rows, ready):
    """Return the bytes that the parts of a fit take."""
    parts = [part.arrays.values() for part in (rows, ready.rows, ready.held) if part is not None]
    # Features stand beside what they are made of. Rows that are encoded on access are not there yet.
    arrays = {id(array): array for part in parts for array in part if isinstance(array, np.ndarray)}.values()
    row_bytes = sum(spec.row_bytes for spec in twin.router_.specs_.values())
    return {
        "weights": _bytes_of(twin.model_.weights) + (twin.n_networks - 1) * _bytes_of(ready.network.weights),
        "optimizer": _bytes_of(ready.network.optimizer.variables),
        "arrays": sum(array.nbytes for array in arrays),
        "batch": row_bytes * twin.recipe_.batch_size,
    }


def _bytes_of(variables):
    """Return the bytes of Keras' variables."""
    return sum(variable.value.dtype.size * math.prod(variable.shape) for variable in variables)


def _describe(twin, n_held, n_trained, memory, measured, found):
    """Return the plan of a clone that is ready to train a network of `n_trained` weights."""
    recipe = twin.recipe_
    if hasattr(twin, "branches_"):
        branches, merge, head = network_parts(twin)
        parts = (
            PlannedPart("merge", _code(as_given(twin.merge_)), _layers(merge.layers), merge.width, merge.n_weights),
            PlannedPart("head", _code(twin.head_), _layers(head.layers), head.width, head.n_weights),
        )
    else:
        branches, model = {}, twin.model_
        layers = [layer for layer in model.layers if layer.name not in model.input]
        parts = (
            PlannedPart("model", _code(twin.model), _layers(layers), model.output_shape[-1], model.count_params()),
        )
    return Plan(
        estimator=type(twin).__name__,
        columns=getattr(twin.router_, "plan_", None),
        inputs=tuple(_planned_input(twin, name, branches.get(name)) for name in twin.router_.specs_),
        parts=parts,
        target=_target(twin),
        recipe=recipe,
        n_rows=recipe.n_rows,
        n_held=n_held,
        # Fixed features are common to all networks.
        n_weights=twin.model_.count_params() + (twin.n_networks - 1) * n_trained,
        memory=memory,
        seconds={**{name: twin.timings_[name] for name in ("route", "build")}, **measured},
        training=_training(twin, n_held),
        routing=_routing(twin),
        warnings=found,
        n_networks=twin.n_networks,
    )


def _code(part):
    """Return a part as code: its repr, or the name of a function."""
    return getattr(part, "__name__", None) or " ".join(repr(part).split())


def _planned_input(twin, name, found):
    """Return an input with its columns, its array and its branch."""
    spec, encoder = twin.router_.specs_[name], twin.router_.encoders_.get(name)
    # Only a router of ours keeps shares of cells.
    shares = twin.router_.fitted_shares()[name] if hasattr(twin.router_, "fitted_shares") else []
    truncated = [share["truncated"] for share in shares if "truncated" in share]
    branch = getattr(twin, "branches_", {}).get(name)
    return PlannedInput(
        name=name,
        columns=tuple(map(str, spec.columns)),
        encoder=_code(encoder),
        branch=""
        if branch is None
        else f"shared with {branch}"
        if isinstance(branch, str)
        else _code(as_given(branch)),
        spec=spec,
        missing=float(np.mean([share["missing"] for share in shares])) if shares else 0.0,
        truncated=float(np.mean(truncated)) if truncated else None,
        layers="" if found is None or isinstance(branch, str) else _layers(found.layers),
        width=None if found is None else found.width,
        n_weights=None if found is None else found.n_weights,
    )


def _branch_code(branch):
    """Return a branch as code, or the name of the input whose branch it is."""
    return f"shared with {branch}" if isinstance(branch, str) else _code(as_given(branch))


def _layers(layers):
    """Return the layers that have weights in short: their classes and the shapes of their outputs."""
    words = []
    for layer in _inner(layers):
        shape = getattr(getattr(layer, "output", None), "shape", (None,))[1:]
        words.append(f"{type(layer).__name__} {'x'.join('?' if n is None else str(n) for n in shape)}".strip())
    return " → ".join(words)


def _inner(layers):
    """Yield the layers with weights, those of nested models in place of the models."""
    for layer in layers:
        if hasattr(layer, "layers"):
            yield from _inner(layer.layers)
        elif layer.weights:
            yield layer


def _target(twin):
    """Return the target, the loss and the metrics as choices."""
    spec = twin._target.spec
    if spec.n_classes:
        counts = [f"{len(labels)} classes: {quote_first(labels, 10)}" for labels in twin._target.labels.by_output]
        target = counts[0] if len(counts) == 1 else f"{len(counts)} columns of classes"
    else:
        numbers = [
            f"mean {offset:.4g}, deviation {scale:.4g}" for offset, scale in zip(spec.offset, spec.scale, strict=True)
        ]
        scaled = any((*spec.offset, *(scale - 1 for scale in spec.scale)))
        target = f"{spec.n_outputs} number{'s' * (spec.n_outputs > 1)}"
        target += f"; learned in units of {numbers[0]}" if scaled and spec.n_outputs == 1 else ""
    loss, metrics = twin.model_.loss, twin.metrics
    while hasattr(loss, "loss"):
        loss = loss.loss
    metrics = twin.head_.default_metrics(spec) if metrics is None else metrics
    names = []
    map_leaves(lambda leaf: names.append(_keras_name(leaf)), [metrics])
    name = _keras_name(loss)
    chosen = "auto: it suits the target"
    return (
        Choice("target", target, "from y"),
        Choice("loss", name, chosen if twin.loss is None else "given", f"loss={name!r}" if twin.loss is None else ""),
        Choice("metrics", ", ".join(names) or "none", chosen if twin.metrics is None else "given"),
    )


def _keras_name(thing):
    """Return the name of a loss, metric or optimizer of Keras, given as an object, class, function or name."""
    return thing if isinstance(thing, str) else getattr(thing, "__name__", None) or getattr(thing, "name", str(thing))


def _training(twin, n_held):
    """Return the recipe as choices."""
    recipe, why = twin.recipe_, twin.recipe_.reasons
    optimizer = twin.model_.optimizer
    rate = optimizer.get_config()["learning_rate"]
    # A schedule is a configuration, not a number.
    rate = rate["class_name"] if isinstance(rate, dict) else f"{rate:.4g}"
    stops = "may stop early" if recipe.stops_early else "trains all epochs"
    by_rate = recipe.rate is not None and recipe.stops_early
    waits = "none" if recipe.patience is None or by_rate else f"{recipe.patience} epochs without improvement"
    patience = PATIENCE if waits == "none" else recipe.patience
    automatic = why["learning_rate"] != "given"
    head = as_given(recipe.head)
    return (
        *_networks(twin),
        Choice("hold-out", f"{n_held:,} rows", why["validation_fraction"], _line("validation_fraction", twin)),
        Choice("stopping", stops, why["early_stopping"], f"early_stopping={recipe.stops_early}"),
        Choice("patience", waits, why["n_iter_no_change"], f"n_iter_no_change={patience}"),
        Choice(
            "epochs",
            f"{recipe.epochs} at most, {recipe.epochs * recipe.n_steps:,} steps",
            why["epochs"],
            f"epochs={recipe.epochs}",
        ),
        Choice(
            "batch",
            f"{recipe.batch_size} rows, {recipe.n_steps:,} steps an epoch",
            why["batch_size"],
            f"batch_size={recipe.batch_size}",
        ),
        Choice(
            "optimizer",
            f"{type(optimizer).__name__}, learning rate {rate}",
            why["learning_rate"],
            f"optimizer__learning_rate={rate}" if automatic else "",
        ),
        *_large_tables(recipe),
        *_look(recipe),
        Choice(
            "execution",
            f"{recipe.steps_per_execution} steps a call",
            why["steps_per_execution"],
            f"steps_per_execution={recipe.steps_per_execution}",
        ),
        # A network made by hand has no head.
        *([Choice("head", _code(head), why["head"], f"head={_code(head)}")] if hasattr(twin, "branches_") else []),
    )


def _networks(twin):
    """Return the choice of several networks, if the user made it."""
    if twin.n_networks == 1:
        return []
    return [Choice("networks", f"{twin.n_networks}, averaged; what follows is of each", "given", "n_networks=1")]


def _look(recipe):
    """Return the choices that followed from a quick look at the rows, if somebody looked."""
    if recipe.closeness is None:
        return []
    dropped = Choice("dropout", f"{recipe.dropout:.2g}", recipe.reasons["dropout"])
    names = quote(recipe.left_out)
    return [dropped, *([Choice("inputs", f"left out {names}", recipe.reasons["left_out"])] if recipe.left_out else [])]


def _large_tables(recipe):
    """Return the choice of how large tables of ids are trained, if the network has any."""
    n_tables = len(recipe.lazy_tables)
    if not n_tables:
        return []
    tables = "1 table" if n_tables == 1 else f"{n_tables} tables"
    return [Choice("ids", f"a step moves only those rows of {tables} that it reads", recipe.reasons["lazy_tables"])]


def _line(name, estimator):
    """Return the line that states a parameter of an estimator."""
    return f"{name}={getattr(estimator, name)!r}"


def _routing(twin):
    """Return what was inferred about columns and branches, with the lines that change it."""
    router, choices = twin.router_, []
    if getattr(router, "inputs", ()) is None and hasattr(router, "plan_"):
        plan = router.plan_.drop_duplicates("column").set_index("column")
        for labels, line in lines_to_change(router.plan_):
            row = plan.loc[[labels[0]]].iloc[0]
            where = f"{row['encoder']} of {row['input']}" if row["input"] else "dropped"
            named = ", ".join(map(str, labels[:NAMED_COLUMNS]))
            more = f" and {len(labels) - NAMED_COLUMNS} more" if len(labels) > NAMED_COLUMNS else ""
            choices.append(Choice(f"column {named}{more}", where, row["reason"], f"router={line}"))
    given = set(twin.branches or {})
    for name, branch in getattr(twin, "branches_", {}).items():
        if name in given or isinstance(branch, str):
            continue
        # The first parameter is what a branch is known by: its architecture, its filters.
        params = list(inspect.signature(type(branch)).parameters)[:1]
        line = ", ".join(f"branches__{name}__{key}={getattr(branch, key)!r}" for key in params)
        why = f"default of {type(router.encoders_.get(name)).__name__}"
        # Names such as "my-input" are no keywords.
        if line and not name.isidentifier():
            key, value = line.split("=", 1)
            line = f"**{{{key!r}: {value}}}"
        choices.append(Choice(f"branch of {name}", _code(branch), why, line))
    return tuple(choices)
