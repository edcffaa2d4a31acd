"""Build one `keras.Model` from specs, branches, merge and head."""

import keras
import numpy as np
from keras import ops

from .._process import uncollected
from ..errors import BranchMismatchError, InputMismatchError, describe_output, place
from ..layers import LearnedWhenMissing, MissingRow, OpenInput, RandomFlag, by_member, move_by_rows
from ..spec import MERGED_LAYER, layer_name
from .heads import to_target_units
from .lookups import refuse_numbers_as_ids, tables

# Rows with missing values on which a network that a user has made is tried.
_ROWS_TO_TRY = 64


@uncollected()
def build_network(specs, branches, merge, head, target, samples=None, *, input_dropout=0.0):
    """Connect inputs, branches, merge and head to one model.

    Parameters
    ----------
    specs : dict of str to ArraySpec
        The arrays, by input name, in order.
    branches : dict of str to Branch or str
        The branch of each input, or the name of the input whose branch it shares.
    merge : Merge
        Joins the branches' outputs.
    head : DenseHead or object with ``attach``
        Makes the output.
    target : TargetSpec
        What to predict.
    samples : dict of str to ndarray, or None
        Up to 10,000 encoded training rows of each input, from which branches take initial
        values. A shared branch gets the rows of all inputs that share it.
    input_dropout : float
        Share of the rows in training in which an input is treated as missing, drawn for each
        input by itself.

    Returns
    -------
    keras.Model
        Maps a dict of arrays by input name (with the missing flags) to the head's output.

    Raises
    ------
    BranchMismatchError
        If a branch cannot read its input, or inputs that share one differ.

    Notes
    -----
    Layers that stand for a part have "__" in their names, which an input's name may not
    hold: ``photo__layers`` (a model), ``photo__or_missing``, ``head__output``. A branch with
    fixed features also has ``photo__features``, a model without weights to train. TensorFlow
    refuses some letters in the name of a layer: they become "_", and a few digits keep such
    names apart. The inputs themselves keep their names.

    Two names mark vectors and have no weights. The output of ``photo__branch`` is what the merge
    gets of an input: in rows without it, the learned vector of ``photo__or_missing``. Every
    input has one, whether it shares its layers or not. The output of ``merge__output`` is what
    the head gets. So ``keras.Model(model.input, model.get_layer("photo__branch").output)``
    returns the vectors of an input; `MultiInputClassifier.embed` does so from a table.

    Examples
    --------
    >>> from skmulti import ArraySpec, ConcatenateMerge, DenseBranch, DenseHead, TargetSpec, build_network
    >>> specs = {name: ArraySpec(name, "vector", (3,), "float32") for name in ("left", "right")}
    >>> branches = {"left": DenseBranch(units=(8,)), "right": "left"}
    >>> model = build_network(specs, branches, ConcatenateMerge(), DenseHead(), TargetSpec())
    >>> list(model.input), model.output_shape
    (['left', 'right'], (None, 1))
    >>> model.get_layer("right__branch").output.shape
    (None, 8)
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
            # The merge gets the flag, too: gates and averages leave the input out instead of reading its vector.
            missing[name] = flag
            output = LearnedWhenMissing(name=layer_name(name, "or_missing"))([output, flag])
        # The layers of a branch are a model, whose `output` is a tensor inside of it, and inputs may share it. This
        # layer's `output` is the tensor of this network and this input.
        tensors[name] = OpenInput(name=layer_name(name, "branch"))(output)
    merged = keras.layers.Identity(name=MERGED_LAYER)(merge.combine(tensors, missing))
    return Network(inputs, head.attach(merged, target), name="skmulti_network")


def network_inputs(specs):
    """Return the `keras.Input` of each array, and of each array of missing flags, by name."""
    # A dict, and the network is fed a dict: Keras matches lists by their order only.
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
        Takes {input name: KerasTensor} and the `TargetSpec`, returns the output tensor.
    target : TargetSpec
        What to predict.

    Returns
    -------
    keras.Model
        As from `build_network`. The output of a regression is brought to the units of y.

    Raises
    ------
    BranchMismatchError
        If the function returns no tensor of shape (batch, target.width).
    """
    inputs = network_inputs(specs)
    # A copy: an input that the function takes out of its dict is still fed, and must stay an input of the network.
    output = function(dict(inputs), target)
    shape = getattr(output, "shape", None)
    if not isinstance(output, keras.KerasTensor) or len(shape) != 2 or shape[1] != target.width:
        found = f"a tensor of shape {shape}" if shape is not None else describe_output(output)
        raise BranchMismatchError(
            f"`model` returned {found}; expected an output tensor of shape (batch, {target.width})"
            + (f" with {target.activation} activation." if target.activation else ".")
        )
    return Network(inputs, to_target_units(output, target), name="skmulti_network")


def refuse_mismatches(network, specs, samples):
    """Refuse a network that a user has made if it looks up numbers as ids, or if missing values make its output NaN.

    Parameters
    ----------
    network : keras.Model
        From `build_by_hand`.
    specs : dict of str to ArraySpec
        The arrays, by input name.
    samples : dict of str to ndarray
        Some encoded training rows, the same ones of each input.

    Raises
    ------
    BranchMismatchError
        If a layer looks up numbers that are no ids.
    InputMismatchError
        If a missing value reaches the output, so that nothing could be learned.
    """
    for name, spec in specs.items():
        refuse_numbers_as_ids(tables(network, network.input[name]), spec, samples.get(name), "`model`")
    missing = {
        name: np.isnan(array).reshape(len(array), -1).any(axis=1)
        for name, array in samples.items()
        if isinstance(array, np.ndarray) and array.dtype.kind == "f"
    }
    for name, rows in missing.items():
        few = np.flatnonzero(rows)[:_ROWS_TO_TRY]
        if len(few) and not np.isfinite(network({key: array[few] for key, array in samples.items()})).all():
            raise InputMismatchError(
                f"{place(name, specs[name].columns)}: {int(rows.sum())} of {len(rows)} rows have missing values or "
                "padding, which `model` gets as NaN, and its output is NaN. Fill them in the router "
                "(make_pipeline(SimpleImputer(), StandardScaler()) as the encoder) or in `model`: "
                "keras.ops.where(keras.ops.isnan(x), 0.0, x)."
            )


def _build_branches(specs, branches, samples):
    """Return the Keras models of each input's branch, to be called in turn; a shared branch has the same models."""
    models = {}
    for name, branch in branches.items():
        if not isinstance(branch, str):
            sample = _shared_sample(name, branches, samples)
            model = branch.build(specs[name], sample)
            refuse_numbers_as_ids(tables(model), specs[name], sample, "the branch")
            # The first layer is the input. Fixed features become a layer of the network, so that training can start
            # after them.
            parts = getattr(model, "layers", [])[1:]
            has_features = len(parts) == 2 and parts[0].name == layer_name(name, "features")
            models[name] = parts if has_features else [model]
    return {name: models[branch if isinstance(branch, str) else name] for name, branch in branches.items()}


def _shared_sample(name, branches, samples):
    """Return the sample of an input, joined with those of the inputs that share its branch; None without one."""
    sharing = [other for other, branch in branches.items() if other in samples and (other == name or branch == name)]
    if len(sharing) > 1:
        return np.concatenate([samples[other] for other in sharing])
    return samples.get(name)


def _missing_flag(inputs, spec, input_dropout):
    """Return the tensor that marks rows without this input, or None if training had no such row."""
    # Floats and ids show by themselves that a row is missing; an array that cannot comes with an array of flags.
    flag = None
    if spec.missing_name:
        flag = inputs[spec.missing_name]
    elif spec.has_missing or input_dropout:
        flag = MissingRow(spec.n_indicators, name=layer_name(spec.name, "is_missing"))(inputs[spec.name])
    return RandomFlag(input_dropout, name=layer_name(spec.name, "dropout"))(flag) if input_dropout else flag


@keras.saving.register_keras_serializable(package="skmulti")
class Network(keras.Model):
    """A Keras model whose metrics are of the members' mean, in training as in validation.

    In training, a head with members returns their outputs side by side, and the loss takes each as a
    row of its own. Metrics read one prediction a row, and those of training are to be compared with
    those of validation.
    """

    def compile(self, *args, **kwargs):
        """Configure training; see `keras.Model.compile`."""
        # For whatever optimizer comes now: a fit that moves the rows of large tables by themselves says so afterwards.
        move_by_rows(self, ())
        super().compile(*args, **kwargs)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        # The widths differ in training only: elsewhere y_pred is the mean already.
        if y_pred.shape[-1] != self.output_shape[-1]:
            y_pred = ops.mean(by_member(y_pred, self.output_shape[-1]), axis=1)
        return super().compute_metrics(x, y, y_pred, sample_weight)
