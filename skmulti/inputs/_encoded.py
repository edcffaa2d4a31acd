"""The spec of an array that was encoded elsewhere, inferred from its shape and dtype."""

import numpy as np

from ..spec import ArraySpec


def infer_spec(name, shape, dtype, largest, *, kind=None, floats="float32"):
    """Return the spec of an array that none of our encoders has made.

    Parameters
    ----------
    name : str
        Name of the input.
    shape : tuple of int
        Shape of one row.
    dtype : numpy.dtype
        Dtype of the array.
    largest : ndarray of shape (n_columns,) or None
        The largest id of each column if the array holds integers.
    kind : str or None
        What the branch of the input reads, if that is known. If not, integers are ids: of
        categories if there is one in a row, of words if there are several. Other numbers are
        a vector (one axis), steps (two axes) or an image (three axes).
    floats : {"float32", "float64"}
        Precision of floats.

    Returns
    -------
    ArraySpec
        Ids are int32, pixels are uint8, and all other numbers are floats.
    """
    # uint8 is the dtype of pixels, never that of ids.
    are_ids = dtype.kind in "iu" and dtype != np.uint8 and len(shape) == 1
    if kind is None:
        of_floats = {1: "vector", 2: "sequence", 3: "image"}.get(len(shape), "vector")
        kind = ("category" if shape == (1,) else "text") if are_ids else of_floats
    if kind in ("category", "text", "tags") and are_ids:
        sizes = [int(n) + 1 for n in largest]
        # Columns of categories have a vocabulary each; the words of a text, and tags, share one.
        sizes = tuple(sizes) if kind == "category" else (max(sizes),)
        return ArraySpec(name, kind, shape, "int32", vocabulary_sizes=sizes)
    return ArraySpec(name, kind, shape, "uint8" if dtype == np.uint8 and len(shape) == 3 else floats)
