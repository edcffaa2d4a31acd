"""Categories: integer ids from the table, embeddings or one-hot columns in the network.

Id 0 is a missing value (or padding, in other kinds of input), 1 an unknown value, and learned values start at 2. No id
is -1, as in scikit-learn's encoders: Keras does not check ids, and -1 would silently read the last row of an embedding.
For the same reason, the router compares every id with the vocabulary size in the spec.

Each column is factorized once, to a code for each cell and a list of its different values. What is learned and looked
up then concerns the different values only, however many rows there are.
"""

import copy
from collections import Counter
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from numbers import Integral
from pathlib import PurePath
from uuid import UUID

import keras
import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._validation import FRACTION, POSITIVE_INT, RATE, StrOptions
from ..errors import BranchMismatchError, InputMismatchError, place, shorten
from ..layers import CHANNELS_LAST, CategoryEmbedding, OneHotIds, check_units, dense_stack
from ..spec import FIRST_ID, UNKNOWN_ID, ArraySpec, digest
from ._hints import are_of, is_bool_type, is_number_type, probe
from ._measures import as_labels
from ._odd import ON_ODD, are_mostly, odd_cells_reported, settle_odd
from ._unknown import KnownValues, is_surprising, note_unknown
from ._values import Vocabulary, as_objects, settle_values, text_of
from .base import Branch, InputEncoder, check_frame, check_merge, join_counts
from .graphs import CategoryGraph

# Classes whose objects name something and can be told apart by nothing but their value.
LABELS = (str, Enum, UUID, IPv4Address, IPv6Address, PurePath, pd.Interval)
# What is known of a value before its first row weighs as much as so many rows.
PRIOR_ROWS = 5
# The least and the most length of a value's vector, and the least below this number of training rows: in the few steps
# that so few rows train, longer vectors get further from zero.
LEAST_DIM, MOST_DIM, FEW_ROWS, LEAST_DIM_OF_FEW = 2, 32, 2_000, 16


class EmbeddingBranch(Branch):
    """Read categories with a learned vector for each value.

    The default for categories. It stays small for columns of thousands of values,
    and values that act alike end up close to each other.

    Parameters
    ----------
    embedding_dim : int or None
        Length of a value's vector. None stands for ``1.6 * n ** 0.56``, where n is the
        number of values of the largest column, clipped to 2 to 32; below 2,000 training rows,
        to 16 to 32.
    units : tuple of int
        Dense layers over the vectors of all columns; none by default, the merge and
        the head combine them.
    dropout : float
        Share of the vectors' entries dropped in training, in [0, 1).

    See Also
    --------
    OneHotBranch : The same ids as columns of 0 and 1.

    Notes
    -----
    A value of two rows must not explain these two rows. A vector of hundreds of rows hardly notices
    the two things that prevent it:

    - Each entry of a vector is normally distributed around zero beforehand, as the effects of a
      mixed model are. So the loss has the term ``5 / (2 * n_rows) * sum(vectors ** 2)`` in training.
    - A value of n rows counts as unknown in ``1 / (n + 1)`` of them, others in each epoch. Its vector
      in predictions is the mean of its own and that of unknown values, in these proportions.

    Both are left out if a spec does not say how many training rows there are.

    References
    ----------
    Guo and Berkhahn, "Entity Embeddings of Categorical Variables", 2016,
    arXiv:1604.06737. The rule for the length is that of the fastai library.
    Robinson, "That BLUP is a Good Thing: The Estimation of Random Effects", Statistical
    Science, 1991, for the distribution. Iyyer et al., "Deep Unordered Composition Rivals
    Syntactic Methods for Text Classification", 2015, for the dropout of whole values.

    Examples
    --------
    >>> from skmulti import ArraySpec, EmbeddingBranch
    >>> spec = ArraySpec("city", "category", (1,), "int32", vocabulary_sizes=(41,))
    >>> EmbeddingBranch(embedding_dim=8).build(spec).output_shape
    (None, 8)
    """

    reads = ("category",)
    _parameter_constraints = {
        "embedding_dim": [POSITIVE_INT, None],
        "units": [tuple, list],
        "dropout": [RATE],
    }

    def __init__(self, embedding_dim=None, *, units=(), dropout=0.0):
        self.embedding_dim = embedding_dim
        self.units = units
        self.dropout = dropout

    def connect(self, tensor, spec, sample):
        """Connect the layers of the branch.

        Parameters
        ----------
        tensor : KerasTensor of shape (batch, n_columns), int32
            The ids.
        spec : ArraySpec
            Its vocabulary sizes decide how many vectors there are.
        sample : ndarray of shape (n_rows, n_columns), int32, or None
            Ids of training rows, which tell how many rows a value has.

        Returns
        -------
        KerasTensor of shape (batch, width)
            The vectors side by side, or the last dense layer's output.
        """
        sizes = _vocabulary_sizes(self, spec)
        # One length for all columns: their vectors are the rows of a single table, which is read in one step.
        dim = self.embedding_dim or _auto_dim(max(sizes) - FIRST_ID, spec.n_rows)
        embedding = CategoryEmbedding(sizes, dim, PRIOR_ROWS / spec.n_rows if spec.n_rows else 0.0)
        vectors = keras.layers.Flatten(**CHANNELS_LAST)(embedding(tensor))
        if sample is not None and spec.n_rows:
            # The weights exist only after the layer was called.
            embedding.trust(_count_ids(sample, sizes, spec.n_rows))
        if self.dropout:
            vectors = keras.layers.Dropout(self.dropout)(vectors)
        return dense_stack(vectors, self.units, dropout=self.dropout)


class OneHotBranch(Branch):
    """Read categories as columns of 0 and 1, made inside the network.

    Equal to scikit-learn's ``OneHotEncoder`` before a `DenseBranch`, without the wide
    array in memory. Unknown and missing values have columns of their own, whose
    weights start at zero.

    Parameters
    ----------
    units : tuple of int
        Width of each dense layer; ``()`` hands the columns themselves to the merge.
    dropout : float
        Share of the units dropped in training, in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from skmulti import ArraySpec, OneHotBranch
    >>> spec = ArraySpec("city", "category", (1,), "int32", vocabulary_sizes=(4,))
    >>> OneHotBranch(units=()).build(spec)(np.array([[2], [1]])).numpy()
    array([[0., 0., 1., 0.],
           [0., 1., 0., 0.]], dtype=float32)
    """

    reads = ("category",)
    _parameter_constraints = {"units": [tuple, list], "dropout": [RATE]}

    def __init__(self, units=(64,), *, dropout=0.0):
        self.units = units
        self.dropout = dropout

    def connect(self, tensor, spec, sample):
        """Connect the layers of the branch.

        Parameters
        ----------
        tensor : KerasTensor of shape (batch, n_columns), int32
            The ids.
        spec : ArraySpec
            Its vocabulary sizes decide how many columns of 0 and 1 there are.
        sample : ndarray or None
            Not used.

        Returns
        -------
        KerasTensor of shape (batch, width)
            The one-hot columns, or the last dense layer's output.
        """
        sizes = _vocabulary_sizes(self, spec)
        # A single size is that of a vocabulary which all columns share. Each column still has its own one-hot block.
        sizes = sizes * spec.shape[0] if len(sizes) == 1 else sizes
        check_units(self.units)
        columns = OneHotIds(sizes)(tensor)
        if not self.units:
            return columns
        first = keras.layers.Dense(int(self.units[0]), activation="relu")
        # The kernel exists only after the layer was called.
        hidden = first(columns)
        # The rows of missing and unknown values start at zero, as in `CategoryEmbedding`: training may never show such
        # a value, and a row of random weights would then move predictions at random.
        kernel = first.kernel.value.numpy().copy()
        # Where the one-hot block of each column begins.
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(int)
        kernel[np.concatenate([starts + i for i in range(FIRST_ID)])] = 0
        first.kernel.assign(kernel)
        if self.dropout:
            hidden = keras.layers.Dropout(self.dropout)(hidden)
        return dense_stack(hidden, self.units[1:], dropout=self.dropout)


def _vocabulary_sizes(branch, spec):
    """Return the number of ids of each column, or a single one if all columns share a vocabulary."""
    sizes, n_columns = tuple(spec.vocabulary_sizes), spec.shape[0]
    if len(sizes) not in (1, n_columns):
        raise BranchMismatchError(
            f"{place(spec.name, spec.columns)}: {type(branch).__name__} needs a vocabulary size for each of the "
            f"{n_columns} columns of ids, or one for all, the spec has {sizes}. Give ArraySpec(..., "
            "vocabulary_sizes=(n_ids, ...))."
        )
    return sizes


def _auto_dim(n_values, n_rows):
    """Return the length of a value's vector, for the number of values and of training rows (0 if not known)."""
    least = LEAST_DIM_OF_FEW if 0 < n_rows < FEW_ROWS else LEAST_DIM
    return int(np.clip(round(1.6 * n_values**0.56), least, MOST_DIM))


def _count_ids(sample, sizes, n_rows):
    """Return how many of `n_rows` training rows have each id, one column after the other, if a sample has these."""
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(int)
    counts = np.bincount((np.asarray(sample) + starts).ravel(), minlength=sum(sizes))
    # A value that no row of the sample has is rarer than one in it, but not unknown: half a row of the sample.
    return np.maximum(counts, 0.5) * max(n_rows / len(sample), 1)


# What to do about cells that hold several values.
_WAYS_OUT = {
    "list": "Columns of lists go to other encoders: words to TagsIndexer, numbers to VectorStacker or SequencePadder.",
    "dict": "A column of dicts goes to RecordVectorizer.",
    "other": "Make texts of them: column.map(str, na_action='ignore').",
}


class CategoryIndexer(InputEncoder):
    """Turn categories into integer ids for an embedding.

    Id 0 is a missing value, 1 a value that training did not show (or a rare one). The
    learned values have the ids from 2 on, in sorted order. No id is ever negative or out
    of range.

    Parameters
    ----------
    categories : "auto" or list of array-like
        "auto" learns the values from the training rows. A list holds the values of each
        column, in the order of their ids; missing values among them are left out.
    min_frequency : int, float or None
        Values that are rarer share id 1: an int counts rows, a float is a share of
        the rows (as in ``OneHotEncoder``).
    max_categories : int or None
        At most this many ids for a column's values, the shared id 1 included. The rarest
        values share id 1; among equally rare ones, those that sort first (as in
        ``OneHotEncoder``).
    on_odd : {"raise", "missing"}
        Whether a cell that cannot be looked up, such as a list, is an error or counts as missing,
        with an `OddCellsWarning`.

    Attributes
    ----------
    categories_ : list of ndarray
        For each column, the values of the ids 2, 3, ...
    infrequent_categories_ : list of ndarray
        For each column, the training values that share id 1.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, if all are strings.

    See Also
    --------
    EmbeddingBranch : Reads the ids.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmulti import CategoryIndexer
    >>> indexer = CategoryIndexer().fit(pd.Series(["b", "a", None], name="city"))
    >>> indexer.transform(pd.Series(["a", "b", "new", None], name="city")).tolist()
    [[2], [3], [1], [0]]

    Cells that cannot be looked up are refused with the place of the first:

    >>> indexer.transform(pd.Series([["a", "b"]], name="city"))
    Traceback (most recent call last):
      ...
    skmulti.errors.InputMismatchError: column 'city': 1 of 1 cells are not single values, first at row label 0: \
['a', 'b'] (type list). Columns of lists go to other encoders: words to TagsIndexer, numbers to VectorStacker or \
SequencePadder. Or count such cells as missing: CategoryIndexer(on_odd="missing").
    """

    default_branch = EmbeddingBranch
    shared_input = "categories"
    in_pieces = True
    _parameter_constraints = {
        "categories": [StrOptions({"auto"}), list],
        "min_frequency": [POSITIVE_INT, FRACTION, None],
        "max_categories": [POSITIVE_INT, None],
        "on_odd": ON_ODD,
    }

    def __init__(self, *, categories="auto", min_frequency=None, max_categories=None, on_odd="raise"):
        self.categories = categories
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.on_odd = on_odd

    @classmethod
    def suits(cls, column):
        """Take booleans, categories, intervals, and columns of texts, names and numbers; see `InputEncoder.suits`.

        A column in which most cells are fractions is left alone: it holds numbers that are to be converted.
        """
        dtype = column.dtype
        # A dictionary is Arrow's category dtype.
        if isinstance(dtype, pd.CategoricalDtype) or str(dtype).startswith("dictionary<"):
            return "category dtype"
        if pd.api.types.is_bool_dtype(dtype):
            return "true or false"
        if isinstance(dtype, pd.IntervalDtype):
            return "intervals"
        cells = column.dropna()
        if not len(cells) or not (pd.api.types.is_object_dtype(dtype) or pd.api.types.is_string_dtype(dtype)):
            return None
        kinds = [type(cell) for cell in probe(cells)]
        if not are_mostly(kinds, lambda kind: issubclass(kind, LABELS) or is_bool_type(kind) or is_number_type(kind)):
            return None
        if sum(is_number_type(kind) and not issubclass(kind, Integral) for kind in kinds) > len(kinds) / 2:
            return None
        return f"{cells[cells.map(_is_hashable)].nunique()} different values"

    def fit(self, columns, y=None):
        """Learn the values of each column.

        Parameters
        ----------
        columns : DataFrame or array-like of shape (n_rows, n_columns), or Series
            Strings, numbers, booleans or any other hashable values.
        y : None
            Ignored.

        Returns
        -------
        CategoryIndexer
            The fitted encoder.

        Raises
        ------
        InputMismatchError
            If a cell is a list or array.
        ValueError
            If `categories` does not list as many columns as there are, or lists a value twice.
        """
        self._learn(columns)
        return self

    def partial_fit(self, columns, y=None):
        """Learn the values of each column from the next rows of a table that is read in parts.

        Parameters
        ----------
        columns : DataFrame or array-like of shape (n_rows, n_columns), or Series
            The next rows.
        y : None
            Ignored.

        Returns
        -------
        CategoryIndexer
            The encoder, fitted on all rows so far exactly as by `fit`.
        """
        state = getattr(self, "_partial", None)
        # If `categories_` is another list than the one kept, a `fit` has come in between and begun anew.
        state = state if state is not None and state[2] is self.categories_ else None
        frame, factorized = self._factorize(columns, reset=state is None)
        seen, n_rows, _ = state or ([Counter() for _ in factorized], 0, None)
        # All values are counted: which ones are rare is known only from the counts of all parts.
        for own, (values, counts) in zip(seen, map(_count, factorized), strict=True):
            own.update(dict(zip(values, counts.tolist(), strict=True)))
        self._keep_counts(seen, n_rows + len(frame), frame.columns)
        return self

    def merge(self, other):
        """Join the counts of all values of two sets of parts; see `InputEncoder.merge`."""
        check_merge(self, other)
        merged = copy.copy(self)
        seen = list(map(join_counts, self._partial[0], other._partial[0]))
        merged._keep_counts(seen, self._partial[1] + other._partial[1])
        return merged

    def _keep_counts(self, seen, n_rows, names=None):
        """Set what is learned from a counter of the values of each column, and keep the counters for further parts."""
        # The ids may change with each part; they are final after the last one.
        self._keep([(list(own), np.array(list(own.values()), dtype=int)) for own in seen], n_rows, names)
        self._partial = seen, n_rows, self.categories_

    def fit_encode_and_flag(self, columns, y=None):
        """Learn the values of each column and look up their ids; see `InputEncoder.fit_encode_and_flag`."""
        # Each column is factorized once for both.
        return self._look_up(self._learn(columns)), self.missing(columns)

    def _learn(self, columns):
        """Learn the values of each column, and return the factorized columns."""
        frame, factorized = self._factorize(columns, reset=True)
        self._keep(list(map(_count, factorized)), len(frame), frame.columns)
        return factorized

    def _factorize(self, columns, *, reset):
        """Return columns as a frame whose names are learned or checked, and each of them factorized."""
        self._validate_params()
        frame = check_frame(self, columns, reset=reset, dtype=None)
        given = self.categories
        if given != "auto" and len(given) != frame.shape[1]:
            raise ValueError(
                f"CategoryIndexer: `categories` lists {len(given)} columns, the input has {frame.shape[1]}: "
                f"{shorten(list(frame.columns))}. Give a list of values for each column, e.g. [['a', 'b']] for one."
            )
        return frame, [_factorize(column, self) for _, column in frame.items()]

    def _keep(self, counted, n_rows, names=None):
        """Set what is learned from the different values of each column and from their counts."""
        self._n_rows = n_rows
        self.categories_, self.infrequent_categories_, self._vocabularies = [], [], []
        self._known, self._once = [], []
        for i, (values, counts) in enumerate(counted):
            values, counts = settle_values(values, counts)
            n_known = counts.sum()
            if not isinstance(self.categories, str):
                # The user's list decides the order; a listed value that no row holds has the count 0.
                listed = _read_listed(self.categories[i], i if names is None else names[i])
                values, counts = listed, _count_listed(listed, values, counts)
            keep = self._mark_frequent(counts, n_rows)
            self.categories_.append(values[keep])
            self.infrequent_categories_.append(values[~keep])
            self._vocabularies.append(Vocabulary(values[keep]))
            self._known.append(KnownValues.of(values[keep], counts[keep], n_known))
            # What is listed is known without a row. A bit for each value: a column may have a million of them.
            self._once.append(np.packbits((counts[keep] == 1) & isinstance(self.categories, str)))

    def _mark_frequent(self, counts, n_rows):
        """Mark the values that are frequent enough for an id of their own."""
        least = self.min_frequency or 0
        keep = counts >= (least if isinstance(least, Integral) else least * n_rows)
        limit = self.max_categories
        # Plus one: the shared id counts, even if no value is rare, since it is there for unknown values.
        if limit is not None and keep.sum() + 1 > limit:
            # As OneHotEncoder: the rarest first, and the first in order among equals, hence a stable sort.
            keep[np.argsort(counts, kind="stable")[: len(counts) - (limit - 1)]] = False
        return keep

    def transform(self, columns):
        """Look up the ids.

        Parameters
        ----------
        columns : DataFrame or array-like of shape (n_rows, n_columns), or Series
            The columns of `fit`.

        Returns
        -------
        ndarray of shape (n_rows, n_columns), int32
            Ids: 0 = missing, 1 = unknown or rare, 2 and up = ``categories_[column][id - 2]``.
        """
        check_is_fitted(self)
        frame = check_frame(self, columns, reset=False, dtype=None)
        factorized = [_factorize(column, self) for _, column in frame.items()]
        ids = self._look_up(factorized)
        # One warning for all columns.
        with odd_cells_reported():
            for i, (codes, uniques) in enumerate(factorized):
                note_unknown(frame.columns[i], self._known[i], ids[:, i], codes, uniques)
        return ids

    def measure(self, columns, encode=None, *, training=False):
        """Measure the values, and which of them have no id; see `InputEncoder.measure`."""
        frame = check_frame(self, columns, reset=False, dtype=None)
        factorized = [_factorize(column, self) for _, column in frame.items()]
        measures = []
        for own, once, (codes, uniques) in zip(self._look_up(factorized).T, self._once, factorized, strict=True):
            unseen = own == UNKNOWN_ID
            if training:
                learned = own >= FIRST_ID
                unseen[learned] = np.unpackbits(once)[own[learned] - FIRST_ID].astype(bool)
            # Missing cells have the code -1, which reads the last entry.
            measures.append({"value": as_labels([*map(text_of, uniques), None])[codes], "unseen": unseen})
        return measures

    def transform_cells(self, cells, empty):
        """Look up the ids of a few rows; see `InputEncoder.transform_cells`."""
        # These classes can be hashed, and pandas keeps them as they are when it factorizes. Others may do neither.
        if not are_of({str, int, float, bool}, cells[~empty]):
            return None
        # Among missing cells, too, there may be some that have no text, such as the decimal NaN.
        known = np.where(empty, None, cells)
        found = [[own.find(cell) for own, cell in zip(self._vocabularies, row, strict=True)] for row in known]
        ids = np.where(empty, 0, found).astype("int32")
        # Whatever is warned of goes the way of many rows.
        return None if any(map(is_surprising, self._known, ids.T)) else ids

    def _look_up(self, factorized):
        """Return the ids of factorized columns."""
        ids = np.empty((len(factorized[0][0]), len(factorized)), dtype="int32")
        for i, (codes, uniques) in enumerate(factorized):
            # Missing values have the code -1, which reads the last entry: id 0.
            own = [*map(self._vocabularies[i].find, uniques), 0]
            ids[:, i] = np.array(own, dtype="int32").take(codes)
        return ids

    def graph(self):
        """Look up the ids in a graph; see `InputEncoder.graph`."""
        check_is_fitted(self)
        return CategoryGraph(self._vocabularies)

    def slots(self, spec):
        """Return the column of each id: its own; see `InputEncoder.slots`."""
        return np.arange(spec.shape[0])

    def neutral(self, spec):
        """Return the id of unknown values in each column; see `InputEncoder.neutral`."""
        return np.full(spec.shape, UNKNOWN_ID, dtype=spec.dtype)

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        check_is_fitted(self)
        sizes = tuple(len(values) + FIRST_ID for values in self.categories_)
        vocabulary = digest(digest(values) for values in self.categories_)
        return ArraySpec(
            name, "category", (len(sizes),), "int32", vocabulary_sizes=sizes, vocabulary=vocabulary, n_rows=self._n_rows
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _factorize(column, encoder):
    """Return the code of each cell, -1 where missing, and the list of different values as Python objects."""
    # pandas would first make a Python object of each string. Arrow makes one of each different string.
    if _is_arrow_text(column.dtype):
        encoded = column.array.__arrow_array__().dictionary_encode().combine_chunks()
        return encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()
    try:
        codes, uniques = pd.factorize(column)
    except TypeError as error:
        # pandas says which type it cannot hash, but not which row holds it.
        wrong = np.array([not _is_hashable(cell) for cell in column.astype(object)], dtype=bool)
        if not wrong.any():
            raise InputMismatchError(f"column {column.name!r} holds cells that are no categories ({error}).") from error
        return _factorize(settle_odd(encoder, column, wrong, "single values", _WAYS_OUT), encoder)
    return codes, uniques.tolist()


def _count(factorized):
    """Return the different values of a factorized column, and how often each occurs."""
    codes, values = factorized
    # `bincount` refuses the code -1 of missing values, so all codes move up by one, and its count is dropped.
    return values, np.bincount(codes + 1, minlength=len(values) + 1)[1:]


def _is_arrow_text(dtype):
    """Return whether a column holds strings in Arrow's memory."""
    if isinstance(dtype, pd.ArrowDtype):
        return str(dtype.pyarrow_dtype) in ("string", "large_string")
    return isinstance(dtype, pd.StringDtype) and dtype.storage == "pyarrow"


def _count_listed(listed, values, counts):
    """Return how often each of the values that the user listed occurs."""
    vocabulary, totals = Vocabulary(listed), np.zeros(len(listed), dtype=int)
    for value, count in zip(values, counts, strict=True):
        if (own := vocabulary.find(value)) != UNKNOWN_ID:
            totals[own - FIRST_ID] += count
    return totals


def _read_listed(values, name):
    """Return the values that the user listed for a column, without missing ones, or refuse a value given twice."""
    codes, uniques = _factorize(pd.Series(as_objects(list(values)), name=name), None)
    if len(uniques) < (codes >= 0).sum():
        first = next(value for i, value in enumerate(values) if codes[i] in codes[:i] and codes[i] >= 0)
        raise ValueError(
            f"CategoryIndexer: `categories` of column {name!r} holds {first!r} twice. Give each value once."
        )
    return as_objects(uniques)


def _is_hashable(cell):
    """Return whether a cell can be a key of a dict."""
    try:
        hash(cell)
    except TypeError:
        return False
    return True
