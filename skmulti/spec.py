"""What one part tells the next about an array or the target, as frozen dataclasses.

The rules on which both sides rely are here, too: which ids have a fixed meaning, and the names of an input's layers.
"""

import hashlib
import math
import re
from dataclasses import dataclass, field

import numpy as np

# What follows "__" in the names of an input's layers, in the order in which a row goes through them.
LAYER_PARTS = ("array", "features", "backbone", "values", "layers", "is_missing", "dropout", "or_missing", "branch")
# The layer whose output is the vector that the head gets.
MERGED_LAYER = "merge__output"

# In every array of ids: 0 is a missing value or padding, 1 an unknown value, learned values start at 2. Never -1, for
# which Keras silently reads the last row of an embedding.
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
        has a list of the kinds that it reads.
    shape : tuple of int
        Shape of one row (without the batch axis).
    dtype : str
        NumPy name of the array's dtype. Floats keep NaN for missing values;
        uint8 are pixels of 0-255; int32 are ids.
    vocabulary_sizes : tuple of int
        For ids: the number of ids, with one entry for each column of the array, or
        a single one if all columns share a vocabulary. Id 0 is a missing value
        or padding, 1 an unknown value, the learned values start at 2.
    columns : tuple
        Names of the DataFrame's columns from which the array is made.
    has_missing : bool
        Whether some training rows had no value at all for this input.
    missing_name : str or None
        Name of the bool array of shape (n_rows, 1) that marks such rows, for
        arrays that have no value for a missing row; otherwise None.
    n_indicators : int
        Number of entries at the end of the last axis that are 0 or 1 and say which
        of the values before them are missing.
    vocabulary : str
        For ids: digest of the values behind them, see `digest`. In arrays with equal
        digests an id has the same meaning. Empty if it is not known.
    n_rows : int
        Number of training rows, 0 if it is not known. It describes no array, so that specs that
        differ in it are equal.
    padding_id : int
        For ids of a tokenizer: its own id of padding, which has traded places with 0.
    words : tuple of str
        For ids of words: the word of each id from 2 on, for branches that begin with what is known
        of these words. A fit gives it to the branches alone (`InputEncoder.words`), so that it is kept once.

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
    n_rows: int = field(default=0, compare=False)
    padding_id: int = 0
    words: tuple = field(default=(), compare=False, repr=False)

    @property
    def row_bytes(self):
        """Number of bytes of one row of the array."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def layout(self):
        """Return the properties that must be equal in two inputs that share a branch.

        Returns
        -------
        tuple
            Kind, shape, dtype, vocabulary sizes, number of indicators and vocabulary.
        """
        return self.kind, self.shape, self.dtype, self.vocabulary_sizes, self.n_indicators, self.vocabulary

    def describe(self):
        """Return a description of the array for messages.

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
        Number of classes, 0 for a regression. A tuple has a number for each column of
        the target; the columns' units are side by side in the output.
    n_outputs : int
        Number of columns of the target.
    activation : str or None
        Activation of the output layer; None is linear. With a tuple of classes it is
        None, and the network ends in a softmax over the units of each column.
    offset, scale : tuple of float
        For a regression, one entry for each output: predictions are
        ``scale * output + offset``, so that the network learns a target of
        mean 0 and standard deviation 1.
    one_hot : bool
        Whether the loss takes classes as rows of 0 and 1 instead of class numbers.

    Examples
    --------
    >>> from skmulti import TargetSpec
    >>> TargetSpec(n_classes=2, activation="sigmoid").width
    1
    >>> TargetSpec(n_classes=3, activation="softmax").width
    3

    Four labels that do not exclude each other, and two columns with 3 and 2 classes:

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
    """Return 12 hex digits that identify a vocabulary: the values behind ids, in their order."""
    # As Python objects: the repr of a NumPy scalar depends on its dtype, and so on the array it came in.
    values = [value.item() if isinstance(value, np.generic) else value for value in values]
    # Not `hash`, which differs from process to process; the digest is kept in pickles.
    return hashlib.sha1(repr(values).encode("utf-8", "backslashreplace"), usedforsecurity=False).hexdigest()[:12]


def layer_name(name, part=None):
    """Return the name of the layer of an input, or of a part of it. No two inputs have the same.

    Letters that TensorFlow refuses in the name of a layer become "_", and a few digits keep such names apart.
    The part follows after "__". An input's name may not hold it, and Keras' automatic names do not.

    Parameters
    ----------
    name : str
        The input.
    part : str or None
        One of `LAYER_PARTS`, or a name that a merge chooses; None: the input itself.
    """
    if part is not None:
        return f"{layer_name(name)}__{part}"
    plain = re.sub("[^A-Za-z0-9_.-]+", "_", name)
    # TensorFlow refuses a name that begins with "_" or "-" where a branch is called by itself. A "__" inside would end
    # the input's name.
    plain = re.sub("_{2,}", "_", plain).lstrip("_-") or "input"
    return plain if plain == name else f"{plain.rstrip('_')}_{digest([name])[:6]}"
