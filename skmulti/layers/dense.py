"""Dense layers one behind the other."""

import keras

from .._validation import Integral


def check_units(units):
    """Refuse widths of dense layers that are no positive integers."""
    if not all(isinstance(width, Integral) and width > 0 for width in units):
        raise ValueError(f"units must hold positive integers, the widths of dense layers, got {units!r}.")


def dense_stack(tensor, units, *, activation="relu", dropout=0.0, prefix=None):
    """Connect dense layers of the given widths, each followed by dropout."""
    check_units(units)
    for i, width in enumerate(units):
        # Keras' own names ("dense") would collide with an input of that name in the same model.
        names = (f"{prefix}dense_{i}", f"{prefix}dropout_{i}") if prefix else (None, None)
        tensor = keras.layers.Dense(int(width), activation=activation, name=names[0])(tensor)
        if dropout:
            tensor = keras.layers.Dropout(dropout, name=names[1])(tensor)
    return tensor
