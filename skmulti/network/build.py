"""Specs and parts to one `keras.Model`: pure functions."""

import warnings

import keras
import numpy as np
from keras import ops

from ..errors import BranchMismatchError, closest_match, quote
from ..layers import LearnedWhenMissing, MissingRow, RandomFlag, by_member
from ..spec import layer_name
from .branches import as_branch
from .copies import refuse_lambda
from .heads import to_target_units


def build_network(specs, branches, merge, head, target, samples=None, *, input_dropout=0.0):
    """Connect inputs, branches, merge and head to one model.

    Parameters
    ----------
    specs : dict of str to ArraySpec
        The arrays, by input name, in order.
    branches : dict of str to Branch or str
        A branch for each input, or the name of the input whose branch it shares.
    merge : Merge
        Joins the branches' outputs.
    head : DenseHead or object with ``attach``
        Makes the output.
    target : TargetSpec
        What to predict.
    samples : dict of str to ndarray, or None
        Up to 10,000 encoded training rows of each input, for first values; a branch gets
        those of all inputs that share it.
    input_dropout : float
        Share of rows in training whose input is treated as missing, for each input.

    Returns
    -------
    keras.Model
        Takes a dict of the arrays by input name (and their missing flags), gives the
        head's output.

    Raises
    ------
    BranchMismatchError
        If a branch cannot read its input, or inputs that share one differ.

    Notes
    -----
    The layers that stand for a part have a "__" in their names, which no input's name may
    hold: ``photo__branch`` (a model), before it ``photo__features`` (a model without weights
    to train) of a branch that has fixed features, ``photo__or_missing``, ``head__output``.
    Letters of an input's name that TensorFlow refuses in a layer's become "_", and a few
    digits keep such names apart; the inputs themselves keep the name.

    Examples
    --------
    >>> from skmulti import ArraySpec, ConcatenateMerge, DenseBranch, DenseHead, TargetSpec, build_network
    >>> specs = {name: ArraySpec(name, "vector", (3,), "float32") for name in ("left", "right")}
    >>> branches = {"left": DenseBranch(units=(8,)), "right": "left"}
    >>> model = build_network(specs, branches, ConcatenateMerge(), DenseHead(), TargetSpec())
    >>> list(model.input), model.output_shape
    (['left', 'right'], (None, 1))
    """
    inputs = network_inputs(specs)
    models = _build_branches(specs, branches, samples or {})
    tensors, missing = {}, {}
    for name, spec in specs.items():
        output = inputs[name]
        for model in models[name]:
            output = model(output)
        flag = _missing_flag(inputs, spec, input_dropout)
        if flag is not None:
            missing[name] = flag
            output = LearnedWhenMissing(name=layer_name(name, "or_missing"))([output, flag])
        tensors[name] = output
    merged = merge.combine(tensors, missing)
    return Network(inputs, head.attach(merged, target), name="skmulti_network")


def network_inputs(specs):
    """Make the `keras.Input` of each array, and of each array of missing flags, by name."""
    inputs = {}
    for name, spec in specs.items():
        inputs[name] = keras.Input(spec.shape, dtype=spec.dtype, name=name)
        if spec.missing_name:
            inputs[spec.missing_name] = keras.Input((1,), dtype="bool", name=spec.missing_name)
    return inputs


def build_by_hand(specs, function, target):
    """Build a network from a user's ``function(inputs, target)`` that connects all of it.

    Parameters
    ----------
    specs : dict of str to ArraySpec
        The arrays, by input name.
    function : callable
        Takes {input name: KerasTensor} and the `TargetSpec`, gives the output tensor.
    target : TargetSpec
        What to predict.

    Returns
    -------
    keras.Model
        As `build_network`; the output of a regression is brought to the units of y.

    Raises
    ------
    BranchMismatchError
        If the function gives no tensor of shape (batch, target.width).
    """
    inputs = network_inputs(specs)
    output = function(dict(inputs), target)
    shape = getattr(output, "shape", None)
    if not isinstance(output, keras.KerasTensor) or len(shape) != 2 or shape[1] != target.width:
        found = f"shape {shape}" if shape is not None else f"{output!r} of type {type(output).__name__}"
        raise BranchMismatchError(
            f"`model` gave {found}; expected an output tensor of shape (batch, {target.width})"
            + (f" with {target.activation} activation." if target.activation else ".")
        )
    return Network(inputs, to_target_units(output, target), name="skmulti_network")


def resolve_branches(specs, defaults, given):
    """Return each input its branch: the user's, or its encoder's default.

    Parameters
    ----------
    specs : dict of str to ArraySpec
        The arrays, by input name.
    defaults : dict of str to (Branch or str)
        Default branch of each input, or the input whose branch it shares.
    given : dict of str to (Branch, Keras layer, callable or str), or None
        What the user gave, for some of the inputs.

    Returns
    -------
    dict of str to (Branch or str)
        In the order of `specs`; a string names the input whose branch is shared.

    Raises
    ------
    ValueError
        If a name is no input, or an alias leads nowhere.
    BranchMismatchError
        If inputs that share a branch differ.
    """
    given = dict(given or {})
    for name in given:
        if name not in specs:
            raise ValueError(
                f"`branches` names {name!r}, which is no input; the inputs are {quote(specs)}."
                f"{closest_match(name, specs)}"
            )
    chosen = {**defaults, **given}
    return {
        name: _shared_name(name, chosen, specs) if isinstance(chosen[name], str) else as_branch(chosen[name])
        for name in specs
    }


def _shared_name(name, given, specs):
    """Follow aliases to the input whose branch `name` shares, and check that the two are alike."""
    seen = [name]
    while isinstance(given.get(seen[-1]), str):
        alias = given[seen[-1]]
        if alias not in specs:
            raise ValueError(
                f"branches[{seen[-1]!r}] = {alias!r} is no input whose branch could be shared; the inputs are "
                f"{quote(specs)}.{closest_match(alias, specs)}"
            )
        if alias in seen:
            raise ValueError(f"`branches` share in a circle: {' -> '.join([*seen, alias])}. Give one of them a branch.")
        seen.append(alias)
    own, other = specs[name], specs[seen[-1]]
    if own.layout() != other.layout():
        raise BranchMismatchError(
            f"inputs {other.name!r} ({other.describe()}) and {name!r} ({own.describe()}) cannot share a branch: "
            f"{_why_not_shared(own, other)}, or give them a branch each."
        )
    return other.name


def _why_not_shared(own, other):
    """Say why two inputs cannot share a branch, and what to do."""
    if own.vocabulary != other.vocabulary and own.kind == other.kind:
        return (
            "their vocabularies differ, so that one id stands for different values. Share the encoder, too, which is "
            f"then fitted on the rows of both: InputRouter([..., ({own.name!r}, {other.name!r}, columns)])"
        )
    return "one set of weights needs arrays of one kind, shape, dtype and vocabulary. Give them equal encoders"


def _build_branches(specs, branches, samples):
    """Build the Keras models of each branch, to be called in turn; inputs that share a branch get the same models."""
    models = {}
    for name, branch in branches.items():
        if not isinstance(branch, str):
            model = branch.build(specs[name], _shared_sample(name, branches, samples))
            # Behind the input; fixed features stand by themselves, so that training can begin after them.
            parts = getattr(model, "layers", [])[1:]
            has_features = len(parts) == 2 and parts[0].name == layer_name(name, "features")
            models[name] = parts if has_features else [model]
    return {name: models[branch if isinstance(branch, str) else name] for name, branch in branches.items()}


def _shared_sample(name, branches, samples):
    """Return the sample of an input together with those of the inputs that share its branch; or None."""
    sharing = [other for other, branch in branches.items() if other in samples and (other == name or branch == name)]
    if len(sharing) > 1:
        return np.concatenate([samples[other] for other in sharing])
    return samples.get(name)


def _missing_flag(inputs, spec, input_dropout):
    """Return the tensor that marks rows without this input, or None where training had no such row."""
    flag = None
    if spec.missing_name:
        flag = inputs[spec.missing_name]
    elif spec.has_missing or input_dropout:
        flag = MissingRow(spec.n_indicators, name=layer_name(spec.name, "is_missing"))(inputs[spec.name])
    return RandomFlag(input_dropout, name=layer_name(spec.name, "dropout"))(flag) if input_dropout else flag


def all_layers(model):
    """Return the layers of a model and of the models inside it."""
    layers = []
    for layer in model.layers:
        layers += all_layers(layer) if isinstance(layer, keras.Model) else [layer]
    return layers


def check_saveable(model):
    """Refuse layers that could be trained but not loaded again, while nothing is lost yet.

    Raises
    ------
    BranchMismatchError
        If a layer is a `keras.layers.Lambda`, of a class that Keras does not know, or holds a
        function or layer (activation, cell, ...) that is.
    """
    for layer in all_layers(model):
        kind = type(layer)
        refuse_lambda(layer)
        known = kind.__module__.split(".")[0] == "keras" or keras.saving.get_registered_object(
            keras.saving.get_registered_name(kind)
        )
        if not known:
            raise BranchMismatchError(
                f"layer {layer.name!r} is a {kind.__name__}, which Keras could not load again. Put "
                f"@keras.saving.register_keras_serializable() above the class {kind.__name__}."
            )
        _check_reloads(layer)


def _check_reloads(layer):
    """Refuse a layer that cannot be made again from its config in Keras' safe mode."""
    try:
        with warnings.catch_warnings():
            # Keras warns of lambdas, which are refused here.
            warnings.simplefilter("ignore", UserWarning)
            config = keras.saving.serialize_keras_object(layer)
            # Without its weights, which would be drawn again.
            config.pop("build_config", None)
            keras.saving.deserialize_keras_object(config, safe_mode=True)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise BranchMismatchError(
            f"layer {layer.name!r}, a {type(layer).__name__}, holds what Keras could not load again safely. Give "
            'functions by name (activation="relu"), and put @keras.saving.register_keras_serializable() above own ones.'
        ) from error


@keras.saving.register_keras_serializable(package="skmulti")
class Network(keras.Model):
    """A Keras model whose metrics are of the members' mean, in training as in validation."""

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        if y_pred.shape[-1] != self.output_shape[-1]:
            y_pred = ops.mean(by_member(y_pred, self.output_shape[-1]), axis=1)
        return super().compute_metrics(x, y, y_pred, sample_weight)
