"""Which layers look up ids, so that an array of ids reaches them as it is, and never scaled.

Keras' ``Embedding`` truncates floats: of ids that were standardised it would see -1, 0 and 1, in silence.
"""

import keras
import numpy as np

from ..errors import BranchMismatchError, place
from ..inputs import ways_to_ids
from ..layers import LearnedFill

# Training rows in which a number is sought that is no id.
_ROWS_TO_TRY = 1_000


def looks_up(layer):
    """Return whether a Keras layer or model looks up its input in a table of ids before anything else.

    Parameters
    ----------
    layer : keras.layers.Layer
        An ``Embedding``, a ``Sequential`` that begins with one, or a functional model whose input one reads, or whose
        input is of whole numbers. What other layers do with their input cannot be seen.
    """
    if isinstance(layer, keras.Sequential):
        return bool(layer.layers) and looks_up(layer.layers[0])
    if isinstance(layer, keras.Model):
        of_ids = any("int" in tensor.dtype for tensor in getattr(layer, "inputs", None) or ())
        return of_ids or bool(tables(layer))
    return isinstance(layer, keras.layers.Embedding)


def tables(model, tensor=None):
    """Return the layers of a model that look up its input (one of several, `tensor`), as it is but for filled gaps."""
    entries = list(getattr(model, "inputs", None) or ()) if tensor is None else [tensor]
    entries += [layer.output for layer in getattr(model, "layers", ()) if isinstance(layer, LearnedFill)]
    found = [layer for layer in getattr(model, "layers", ()) if isinstance(layer, keras.layers.Embedding)]
    return [layer for layer in found if any(getattr(layer, "input", None) is entry for entry in entries)]


def refuse_numbers_as_ids(tables, spec, sample, called):
    """Refuse layers that would look up numbers which are no ids.

    Parameters
    ----------
    tables : list of keras.layers.Layer
        The layers that look up the array.
    spec : ArraySpec
        The array.
    sample : ndarray of shape (n_rows, *spec.shape) or None
        Encoded training rows.
    called : str
        What the message calls the part that has the layers.

    Raises
    ------
    BranchMismatchError
        If some number of the sample is negative or has a fraction.
    """
    if not tables or sample is None or not spec.dtype.startswith("float"):
        return
    values = np.asarray(sample[:_ROWS_TO_TRY])
    wrong = values[(values < 0) | (values != np.floor(values)) & ~np.isnan(values)]
    if len(wrong):
        raise BranchMismatchError(
            f"{place(spec.name, spec.columns)}: {called} looks up ids in {type(tables[0]).__name__} "
            f"{tables[0].name!r}, but the input holds numbers ({spec.describe()}) such as {wrong[0]:.4g}. If its cells "
            f"are ids, say so: {ways_to_ids(spec.name)}. If they are numbers, give a branch that reads numbers, or "
            "bins: keras.layers.Discretization."
        )
