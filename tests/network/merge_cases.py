"""Networks that only merge, and arrays for them."""

import keras
import numpy as np

from skmulti.network.merges import (
    as_merge,
)


def subtract(tensors):
    """A callable merge: the first tensor less the second."""
    return keras.layers.Subtract()(list(tensors.values())[:2])


def merge_network(merge, widths, flagged=()):
    """Build a network that only merges, from inputs of the given widths."""
    tensors = {name: keras.Input((width,), name=name) for name, width in widths.items()}
    flags = {name: keras.Input((1,), dtype="bool", name=f"{name}__missing") for name in flagged}
    merged = as_merge(merge).combine(tensors, flags)
    inputs = {**tensors, **{f"{name}__missing": flag for name, flag in flags.items()}}
    return keras.Model(inputs, merged)


def rows(widths, n_rows=4, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(n_rows, width)).astype("float32") for name, width in widths.items()}


def flag_arrays(**flags):
    return {f"{name}__missing": np.array(flag)[:, None] for name, flag in flags.items()}


def run(model, arrays):
    return model(arrays, training=False).numpy()


def layer_output(model, name, arrays):
    return run(keras.Model(model.inputs, model.get_layer(name).output), arrays)
