"""What a merge attends to: the weight that each row gives to each input, read from the network's layers."""

import keras
import numpy as np
import pandas as pd

from ..errors import closest_match, quote
from ..network import networks_in, reach_inside
from .fitted import fitted_estimator

# As the final merge names its layers; those of a step have the step's name.
_FINAL = "merge"


def gate_weights(estimator, X, *, step=None):
    """Return how much each row weighs each input in a gated or attention merge.

    Use it to see which input a prediction rests on, and whether that differs from row to row. A weight says how much
    of an input's vector goes on, not how much it changes the output: see `input_importance` for that.

    Parameters
    ----------
    estimator : estimator
        A fitted `MultiInputClassifier` or `MultiInputRegressor`, or a Pipeline or search that ends in one.
    X : DataFrame of shape (n_rows, n_columns)
        Rows with the columns of fit.
    step : str or None, default=None
        Name of a step of a `StagedMerge`; "merge" is its final merge. None takes the final merge if it weighs its
        inputs, else the only step that does.

    Returns
    -------
    DataFrame of shape (n_rows, n_inputs)
        Weights, which sum to 1 in each row, with a column for each input that the merge takes; of several networks
        their mean. An input that is missing in a row has the weight 0. A row without any input has NaN.

    Raises
    ------
    ValueError
        If the merge weighs nothing, or `step` is needed or unknown.

    See Also
    --------
    GateDisplay : Draw the mean weights of each class.

    Notes
    -----
    Of a `GatedMerge` the weights are its gates. Of an `AttentionMerge` they are what the inputs of the row attend to:
    the mean of the attention's scores over the heads, and over the inputs that the row has. A merge of your own is
    read, too, if one of its layers has the name ``f"{self.layer_prefix}__gates"`` and the output (batch, n_inputs).

    Examples
    --------
    >>> from skmulti import MultiInputClassifier
    >>> from skmulti.datasets import make_listings
    >>> from skmulti.inspection import gate_weights
    >>> df, y = make_listings(40, random_state=0)
    >>> clf = MultiInputClassifier(merge="gated", epochs=1, random_state=0).fit(df[["area", "city"]], y)
    >>> weights = gate_weights(clf, df.head(3))
    >>> weights.shape, weights.sum(axis=1).round(3).tolist()
    ((3, 2), [1.0, 1.0, 1.0])
    """
    fit = fitted_estimator(estimator)
    names = _weighing_steps(fit)
    step = _checked_step(step, names, fit)
    networks, readers = networks_in(fit.model_), _readers(fit.model_, step)
    found = []
    for arrays in fit.router_.chunks(X):
        own = [_weights(network, step, parts, arrays) for network, parts in zip(networks, readers, strict=True)]
        # Of a row without any input, every network has NaN.
        found.append(np.mean(own, axis=0))
    index = X.index if isinstance(X, pd.DataFrame) else None
    return pd.DataFrame(np.concatenate(found), index=index, columns=names[step])


def _weighing_steps(fit):
    """Return {layer prefix: names of the inputs} of what weighs its inputs in a network."""
    # A network that is made by hand has no merge.
    merge = getattr(fit, "merge_", None)
    taken = {name for _, _, names in getattr(merge, "steps", ()) for name in names}
    steps = {step: list(names) for step, _, names in getattr(merge, "steps", ())}
    steps[_FINAL] = [name for name in [*fit.router_.specs_, *steps] if name not in taken]
    layers = {layer.name for layer in networks_in(fit.model_)[0].layers}
    return {step: names for step, names in steps.items() if {f"{step}__gates", f"{step}__attention"} & layers}


def _checked_step(step, known, fit):
    """Return the name of the step to read, or refuse it."""
    if not known:
        merge = type(getattr(fit, "merge_", None)).__name__
        raise ValueError(
            f"There are no weights of inputs to read: the estimator's merge, {merge}, with the inputs "
            f'{quote(fit.router_.specs_)}, weighs none. Fit with merge="gated" or merge="attention" and at least two '
            "inputs."
        )
    if step is None and len(known) > 1 and _FINAL not in known:
        raise ValueError(f"Several steps weigh their inputs: {quote(known)}. Name one as `step`.")
    if step is not None and step not in known:
        raise ValueError(
            f"step={step!r} is no step that weighs its inputs; {quote(known)} {'is' if len(known) == 1 else 'are'}."
            f"{closest_match(step, known)}"
        )
    return step or (_FINAL if _FINAL in known else next(iter(known)))


def _readers(model, step):
    """Return for each network a model from the inputs to what its weights are computed from, by the layers' names."""
    names, outputs = [f"{step}__{part}" for part in ("gates", "tokens", "present")], []
    for network in networks_in(model):
        outputs.append({layer.name: layer.output for layer in network.layers if layer.name in names})
    inputs, found = reach_inside(model, outputs)
    return [keras.Model(inputs, own) for own in found]


def _weights(model, step, parts, arrays):
    """Return the weights of some rows: ndarray of shape (n_rows, n_inputs)."""
    found = parts({tensor.name: arrays[tensor.name] for tensor in parts.inputs}, training=False)
    present = found.get(f"{step}__present")
    present = None if present is None else keras.ops.convert_to_numpy(present)
    if f"{step}__gates" in found:
        weights = keras.ops.convert_to_numpy(found[f"{step}__gates"])
    else:
        weights = _attended(model.get_layer(f"{step}__attention"), found[f"{step}__tokens"], present)
    if present is not None:
        weights = np.where(present.any(axis=1, keepdims=True), weights, np.nan)
    return weights


def _attended(attention, tokens, present):
    """Return the mean of the scores over the heads and over the inputs that a row has."""
    # Called on numbers, not on the network's tensors: another call on those would give the layer a second output.
    mask = None if present is None else present[:, None, :]
    _, scores = attention(tokens, tokens, attention_mask=mask, return_attention_scores=True)
    scores = keras.ops.convert_to_numpy(scores).mean(axis=1)
    if present is None:
        return scores.mean(axis=1)
    asking = present.astype(scores.dtype)
    total = np.maximum(asking.sum(axis=1, keepdims=True), 1)
    return np.einsum("rq,rqi->ri", asking, scores) / total
