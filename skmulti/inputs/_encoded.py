"""What an array holds that was encoded elsewhere, as far as its shape and type tell."""

import numpy as np

from ..spec import ArraySpec


def infer_spec(name, shape, dtype, largest, *, kind=None, floats="float32"):
    """Describe an array that no encoder of ours has made.

    Parameters
    ----------
    name : str
        Name of the input.
    shape : tuple of int
        Shape of one row.
    dtype : numpy.dtype
        Of the array.
    largest : ndarray of shape (n_columns,) or None
        Largest ids of each column, of an array of integers.
    kind : str or None
        What the branch of the input reads, if that is known. Else integers are the ids of
        categories (one a row) or words (several), other numbers a vector (one axis), steps
        (two) or an image (three).
    floats : {"float32", "float64"}
        Precision of floats.

    Returns
    -------
    ArraySpec
        Ids are int32, pixels uint8, all else floats.
    """
    are_ids = dtype.kind in "iu" and dtype != np.uint8 and len(shape) == 1
    if kind is None:
        of_floats = {1: "vector", 2: "sequence", 3: "image"}.get(len(shape), "vector")
        kind = ("category" if shape == (1,) else "text") if are_ids else of_floats
    if kind in ("category", "text") and are_ids:
        sizes = [int(n) + 1 for n in largest]
        sizes = tuple(sizes) if kind == "category" else (max(sizes),)
        return ArraySpec(name, kind, shape, "int32", vocabulary_sizes=sizes)
    return ArraySpec(name, kind, shape, "uint8" if dtype == np.uint8 and len(shape) == 3 else floats)
