"""Arrays, and layers with seeded weights."""

import random

import keras
import numpy as np


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def flags():
    return keras.Input((1,), dtype="bool")


def seeded(layer, shape, seed=0):
    """Build a layer as a fit does, Python's generator seeded, and leave that as it was."""
    state = random.getstate()
    random.seed(seed)
    try:
        layer.build((None, *shape))
    finally:
        random.setstate(state)
    return layer


def twin_of(layer, shape):
    """Return a layer that came back from its config in Keras' safe mode, with its weights."""
    config = keras.saving.serialize_keras_object(layer)
    twin = keras.saving.deserialize_keras_object(config, safe_mode=True)
    if not twin.built:
        twin.build((None, *shape))
    twin.set_weights(layer.get_weights())
    return twin


SEEN = np.array([[True, True, False], [False, False, False], [True, False, True]])
