"""The contracts between the parts, as frozen dataclasses: what an array holds, what the target is."""

import hashlib
import math
import re
from dataclasses import dataclass

import numpy as np

# Layers of an input, by what follows "__" in their names, in the order in which a row goes through them.
LAYER_PARTS = ("array", "features", "values", "branch", "is_missing", "dropout", "or_missing")

# Ids below this one are not learned values: 0 is a missing value or padding, 1 an unknown value.
FIRST_ID = 2
UNKNOWN_ID = 1


@dataclass(frozen=True)
class ArraySpec:
    """Describe the array that leaves an encoder and enters a branch.

    Parameters
    ----------
    name : str
        Name of the input.
    kind : str
        What the array holds, e.g. numbers, ids of words or pixels. A branch
        lists the kinds that it reads.
    shape : tuple of int
        Shape of one row (without the batch axis).
    dtype : str
        NumPy name of the array's dtype. Floats keep NaN for missing values;
        uint8 are pixels of 0-255; int32 are ids.
    vocabulary_sizes : tuple of int
        For ids: how many there are, one entry for each column of the array, or
        a single one when all columns share a vocabulary. Id 0 is a missing value
        or padding, 1 an unknown value, the learned values start at 2.
    columns : tuple
        Names of the DataFrame's columns that the array was made of.
    has_missing : bool
        Whether training rows had nothing at all for this input.
    missing_name : str or None
        Name of the bool array of shape (n_rows,) that marks such rows, for
        arrays that cannot express a missing row themselves; else None.
    n_indicators : int
        Entries at the end of the last axis that are 0 or 1 and say which of the
        values before them are missing.
    vocabulary : str
        For ids: digest of the values behind them, see `digest`; arrays with equal
        digests mean the same by an id. Empty where it is not known.

    Examples
    --------
    >>> from skmulti import ArraySpec
    >>> spec = ArraySpec("city", "category", (1,), "int32", vocabulary_sizes=(41,))
    >>> spec.shape
    (1,)
    """

    name: str
    kind: str
    shape: tuple
    dtype: str
    vocabulary_sizes: tuple = ()
    columns: tuple = ()
    has_missing: bool = False
    missing_name: str | None = None
    n_indicators: int = 0
    vocabulary: str = ""

    @property
    def row_bytes(self):
        """Bytes of one row of the array."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def layout(self):
        """Return what two inputs must have in common to share a branch.

        Returns
        -------
        tuple
            Kind, shape, dtype, vocabulary sizes, number of indicators and vocabulary.
        """
        return self.kind, self.shape, self.dtype, self.vocabulary_sizes, self.n_indicators, self.vocabulary

    def describe(self):
        """Return the array in words, for messages.

        Returns
        -------
        str
            E.g. ``category, shape (1,), int32, 41 ids``.
        """
        ids = f", {' + '.join(map(str, self.vocabulary_sizes))} ids" if self.vocabulary_sizes else ""
        indicators = f", {self.n_indicators} of them indicators" if self.n_indicators else ""
        return f"{self.kind}, shape {self.shape}, {self.dtype}{ids}{indicators}"


@dataclass(frozen=True)
class TargetSpec:
    """Describe what the network predicts; heads derive their output from it.

    Parameters
    ----------
    n_classes : int or tuple of int
        Number of classes, 0 for a regression; a tuple has a number for each column,
        whose units stand one behind the other.
    n_outputs : int
        Number of columns of the target.
    activation : str or None
        Activation of the output layer; None is linear. With a tuple of classes it is
        None, and the network ends in a softmax over the units of each column.
    offset, scale : tuple of float
        For a regression, one entry per output: predictions are
        ``scale * output + offset``, so that the network learns a target of
        mean 0 and standard deviation 1.
    one_hot : bool
        Whether the loss takes classes as rows of 0 and 1 instead of numbers.

    Examples
    --------
    >>> from skmulti import TargetSpec
    >>> TargetSpec(n_classes=2, activation="sigmoid").width
    1
    >>> TargetSpec(n_classes=3, activation="softmax").width
    3

    Four labels that can hold together, and two columns of 3 and 2 classes:

    >>> TargetSpec(n_classes=2, n_outputs=4, activation="sigmoid").width
    4
    >>> TargetSpec(n_classes=(3, 2), n_outputs=2).width
    5
    """

    n_classes: int | tuple = 0
    n_outputs: int = 1
    activation: str | None = None
    offset: tuple = (0.0,)
    scale: tuple = (1.0,)
    one_hot: bool = False

    @property
    def width(self):
        """Number of units of the output layer."""
        if isinstance(self.n_classes, tuple):
            return sum(self.n_classes)
        return self.n_classes if self.n_classes and self.activation == "softmax" else self.n_outputs


def digest(values):
    """Return 12 hex digits that stand for the values behind ids, in their order."""
    # As Python objects, whose repr is the same whatever array they came in.
    values = [value.item() if isinstance(value, np.generic) else value for value in values]
    return hashlib.sha1(repr(values).encode("utf-8", "backslashreplace"), usedforsecurity=False).hexdigest()[:12]


def layer_name(name, part=None):
    """Return the name of the layer that stands for an input, or for a part of it; different for each input.

    Letters that TensorFlow refuses in a layer become "_", and a few digits keep such names apart. A part
    follows after "__", which neither an input's name may hold nor a name that Keras makes by itself.

    Parameters
    ----------
    name : str
        The input.
    part : str or None
        One of `LAYER_PARTS`, or what a merge makes of the input.
    """
    if part is not None:
        return f"{layer_name(name)}__{part}"
    plain = re.sub("[^A-Za-z0-9_.-]+", "_", name)
    # A name that begins with "_" or "-" is refused where a branch is called by itself.
    plain = re.sub("_{2,}", "_", plain).lstrip("_-") or "input"
    return plain if plain == name else f"{plain.rstrip('_')}_{digest([name])[:6]}"
