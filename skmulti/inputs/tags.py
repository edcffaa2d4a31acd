"""Tags: each row has a set of words, such as the genres of a film, and the network reads the sum of their vectors.

A cell holds a list, set or array of tags, or a text that joins them. Ids follow the rule of all ids: 0 is padding, 1 an
unknown or rare tag, learned tags start at 2. Frequent tags have low ids and each row is sorted, so neither the order
nor repeats in a cell matter, and a row that has too many tags loses the rarest.
"""

import copy
import json
import re
from collections import Counter
from collections.abc import Mapping

import keras
import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._validation import FRACTION, POSITIVE_INT, RATE, Integral, check_feature_names
from ..errors import BranchMismatchError, place
from ..layers import WordBag, dense_stack
from ..spec import FIRST_ID, UNKNOWN_ID, ArraySpec, digest
from ._cells import BYTES, CellError, is_collection, read_literal
from ._hints import holds_objects, probe
from ._measures import as_labels
from ._odd import ON_ODD, are_mostly, mean_of_most, settle_odd
from .base import Branch, InputEncoder, Piece, as_frame, cells_as_columns, check_frame, check_merge, join_counts
from .graphs import TagsGraph, column_names

# What may stand between tags. "a, b" is split at the comma, and the blanks around tags are removed.
SEPARATORS = ("|", ";", ",", "/")
# Among different texts, this share of their tags has to occur in another text, too. In sentences and addresses, what
# stands between commas hardly ever comes back.
RECURRING = 0.8
# Words of a tag, on average. Parts of a sentence have more.
TAG_WORDS = 4
# Characters of a text that joins tags, on average. Longer ones are sentences, which take long to split.
TEXT_LENGTH = 300
# In fewer cells than this, tags may all differ by chance.
FEW_CELLS = 20
# A row with thousands of tags must not make every row of the array as long.
MOST_TAGS = 256

_WHOLE_NUMBER = re.compile(r"[-+]?\d+")


class TagsBranch(Branch):
    """Read tags with a learned vector for each tag, summed over a row's tags.

    Which tags a row has is all that counts, not their order. The sum is divided by the square
    root of their number, so that a row with many tags is hardly louder than one with few. The sum of
    a row without tags is a vector of zeros.

    Parameters
    ----------
    embedding_dim : int
        Length of a tag's vector.
    units : tuple of int
        Dense layers over the sum. One by default, so that what two tags mean together is learned
        from few rows; with ``()`` the sum goes to the merge as it is.
    dropout : float
        Share of the sum's entries dropped in training, in [0, 1).

    See Also
    --------
    TagsIndexer : Makes the array.

    Examples
    --------
    >>> from skmulti import ArraySpec, TagsBranch
    >>> spec = ArraySpec("genres", "tags", (5,), "int32", vocabulary_sizes=(20,))
    >>> TagsBranch().build(spec).output_shape
    (None, 32)
    """

    reads = ("tags",)
    _parameter_constraints = {
        "embedding_dim": [POSITIVE_INT],
        "units": [tuple, list],
        "dropout": [RATE],
    }

    def __init__(self, embedding_dim=32, *, units=(32,), dropout=0.0):
        self.embedding_dim = embedding_dim
        self.units = units
        self.dropout = dropout

    def connect(self, tensor, spec, sample):
        """Connect the layers of the branch.

        Parameters
        ----------
        tensor : KerasTensor of shape (batch, most_tags), int32
            Ids of tags; 0 = padding.
        spec : ArraySpec
            Its vocabulary size gives the number of vectors.
        sample : ndarray of shape (n_rows, most_tags) or None
            Training rows, which tell whether a tag was ever unknown.

        Returns
        -------
        KerasTensor of shape (batch, width)
            The sum, or the last dense layer's output.

        Raises
        ------
        BranchMismatchError
            If the spec does not say how many ids there are.
        """
        if len(spec.vocabulary_sizes) != 1:
            raise BranchMismatchError(
                f"{place(spec.name, spec.columns)}: TagsBranch needs one vocabulary size, the spec has "
                f"{spec.vocabulary_sizes}. Give ArraySpec(..., vocabulary_sizes=(n_ids,))."
            )
        n_ids = spec.vocabulary_sizes[0]
        weights = np.ones(n_ids)
        # A vector that is never trained would only add noise.
        if sample is not None and not (np.asarray(sample) == UNKNOWN_ID).any():
            weights[UNKNOWN_ID] = 0
        total = WordBag(weights, self.embedding_dim)(tensor)
        if self.dropout:
            total = keras.layers.Dropout(self.dropout)(total)
        return dense_stack(total, self.units, dropout=self.dropout)


# What to do about cells that hold no tags.
_WAYS_OUT = {
    "number": "Make texts of the numbers, '7' or ['7'], or give a column of numbers to CategoryIndexer.",
    "dict": "A column of dicts goes to RecordVectorizer.",
    "other": "Give lists, sets or arrays of tags, strings that join them, or None where missing.",
}


class TagsIndexer(InputEncoder):
    """Turn lists, sets or joined strings of tags into ids, padded to one length.

    For cells with several values each: the genres of a film, the amenities of a flat. Order and
    repeats in a cell do not matter. Tags are compared as text, so 1 and "1" are one tag, and
    blanks around a tag are left out. A cell without tags (``[]`` or ``""``) is an empty set,
    which is not missing; None and NaN are.

    Parameters
    ----------
    separator : str or None
        What stands between the tags of a string. "auto" takes the one of ``|``, ``;``, ``,``
        and ``/`` that joins tags which recur in other combinations. None takes each string as
        a single tag. Lists that are written as text, in JSON or as Python prints them, are read
        as lists.
    min_frequency : int, float or None
        Tags that are rarer share id 1: an int counts rows, a float is a share of the rows (as in
        ``OneHotEncoder``).
    max_categories : int or None
        At most this many ids for tags, the shared id 1 included. The rarest tags share id 1; among
        equally rare ones, those that sort first (as in ``OneHotEncoder``).
    on_odd : {"raise", "missing"}
        Whether a cell that holds no tags, such as a number among lists, is an error or counts as
        missing, with an `OddCellsWarning`.

    Attributes
    ----------
    tags_ : ndarray of str
        The tags of the ids 2, 3, ..., the most frequent first.
    infrequent_tags_ : ndarray of str
        The training tags that share id 1.
    separator_ : str or None
        What stands between the tags of a string; None if no string joins several.
    length_ : int
        Ids per row: the most tags of a training row, at most 256.
    n_features_in_ : int
        Number of columns; the tags of several columns are joined.
    feature_names_in_ : ndarray of str
        Names of the columns, if all are strings.

    See Also
    --------
    TagsBranch : Reads the ids.
    CategoryIndexer : For cells with a single value.

    Notes
    -----
    A row with more than `length_` tags keeps the most frequent. A dict in a list is one tag, so
    ``[{"id": 28, "name": "Action"}]`` has one.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmulti import TagsIndexer
    >>> genres = pd.Series(["drama|action", "drama", "", None], name="genres")
    >>> indexer = TagsIndexer().fit(genres)
    >>> indexer.tags_.tolist()
    ['drama', 'action']
    >>> indexer.transform(pd.Series(["action|drama", "drama|noir", None], name="genres"))
    array([[2, 3],
           [1, 2],
           [0, 0]], dtype=int32)

    Cells that hold no tags are refused with the place of the first:

    >>> indexer.transform(pd.Series([["drama"], 5], name="genres"))
    Traceback (most recent call last):
      ...
    skmulti.errors.InputMismatchError: column 'genres': 1 of 2 cells are not tags, first at row label 1: \
5 (type int). Make texts of the numbers, '7' or ['7'], or give a column of numbers to CategoryIndexer. \
Or count such cells as missing: TagsIndexer(on_odd="missing").
    """

    default_branch = TagsBranch
    flags_missing = True
    in_pieces = True
    _parameter_constraints = {
        "separator": [str, None],
        "min_frequency": [POSITIVE_INT, FRACTION, None],
        "max_categories": [POSITIVE_INT, None],
        "on_odd": ON_ODD,
    }

    def __init__(self, *, separator="auto", min_frequency=None, max_categories=None, on_odd="raise"):
        self.separator = separator
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.on_odd = on_odd

    @classmethod
    def suits(cls, column):
        """Take collections of strings, and strings that join recurring tags; see `InputEncoder.suits`."""
        cells = [read_literal(cell) for cell in probe(column)] if holds_objects(column) else []
        if not cells:
            return None
        if are_mostly(cells, _is_tag_list):
            sets = [_tags_or_none(cell) or () for cell in cells]
            different = len(set().union(*sets))
            # Tags of which none comes back say nothing about rows to come.
            recur = different < sum(map(len, sets)) or len(cells) < FEW_CELLS
            return f"lists of {different} different tags" if recur else None
        if not are_mostly(cells, lambda cell: isinstance(cell, str)):
            return None
        separator = find_separator([cell for cell in cells if isinstance(cell, str)])
        return f"tags joined with {separator!r}" if separator else None

    @property
    def reads_missing(self):
        """Whether cells that are not empty may count as missing; see `InputEncoder`."""
        return self.on_odd == "missing"

    def fit(self, columns, y=None):
        """Learn the tags.

        Parameters
        ----------
        columns : Series, DataFrame or array-like of shape (n_rows, n_columns)
            Lists, sets, arrays or joined strings; None or NaN where missing.
        y : None
            Ignored.

        Returns
        -------
        TagsIndexer
            The fitted encoder.

        Raises
        ------
        InputMismatchError
            If a cell holds no tags and `on_odd` is "raise".
        ValueError
            If `separator` is an empty string.
        """
        self._learn(columns, None)
        return self

    def partial_fit(self, columns, y=None):
        """Learn the tags of the next rows of a table that is read in parts.

        Parameters
        ----------
        columns : Series, DataFrame or array-like of shape (n_rows, n_columns)
            The next rows.
        y : None
            Ignored.

        Returns
        -------
        TagsIndexer
            The encoder, fitted on all rows so far as by `fit`. The first part that has strings
            decides what separates tags.
        """
        state = getattr(self, "_partial", None)
        # If `tags_` is another array than the one kept, a `fit` has come in between and begun anew.
        state = state if state is not None and state[3] is self.tags_ else None
        self._learn(columns, state, keep=True)
        return self

    def begin_parts(self, sample):
        """Decide what separates the tags of a string; see `InputEncoder.begin_parts`."""
        self._begun = _choose_separator(as_frame(cells_as_columns(sample)))
        return self

    def merge(self, other):
        """Join the counts of all tags of two sets of parts; see `InputEncoder.merge`."""
        check_merge(self, other, decided=["separator_"])
        merged = copy.copy(self)
        (seen, n_rows, longest, _), (others, n_others, other_longest, _) = self._partial, other._partial
        merged._keep(join_counts(seen, others), n_rows + n_others, max(longest, other_longest), partial=True)
        return merged

    def fit_encode_and_flag(self, columns, y=None):
        """Learn the tags and look up their ids; see `InputEncoder.fit_encode_and_flag`."""
        rows = self._learn(columns, None)
        return self._look_up(rows), _flag(rows)

    def _learn(self, columns, state, *, keep=False):
        """Learn from rows, after those of `state` (None: they are the first); return each row's set of tags."""
        self._validate_params()
        if self.separator == "":
            raise ValueError("TagsIndexer: `separator` must not be empty. Give None for a single tag in each string.")
        frame = self._read_frame(columns, reset=state is None)
        seen, n_rows, longest, _ = state or (Counter(), 0, 1, None)
        # No tag is known yet: training rows are not split by the tags of rows before them.
        self._ids = {}
        if self.separator != "auto":
            self.separator_ = self.separator
        elif hasattr(self, "_begun"):
            self.separator_ = self._begun
        elif state is None or self.separator_ is None:
            self.separator_ = _choose_separator(frame)
        rows = self._read_rows(frame)
        seen.update(tag for tags in rows if tags for tag in tags)
        longest = max([longest, *(len(tags) for tags in rows if tags)])
        self._keep(seen, n_rows + len(rows), longest, partial=keep)
        return rows

    def _keep(self, seen, n_rows, longest, *, partial):
        """Set what is learned from the counts of all tags; `partial` keeps the counts for further parts."""
        # Sorted by text first, so that equally frequent tags have an order of their own.
        tags = np.array(sorted(seen), dtype=object)
        counts = np.array([seen[tag] for tag in tags], dtype=int)
        frequent = self._mark_frequent(counts, n_rows)
        self.infrequent_tags_ = tags[~frequent]
        self.tags_ = tags[frequent][np.argsort(-counts[frequent], kind="stable")]
        # The most frequent tags come first, so that a number tells which of them come back.
        self._n_repeated = int((counts[frequent] > 1).sum())
        self.length_ = min(longest, MOST_TAGS)
        # Rare tags have the id of unknown ones. All the same they were seen, which `_split` has to know.
        self._ids = dict.fromkeys(self.infrequent_tags_.tolist(), UNKNOWN_ID)
        self._ids.update((tag, i) for i, tag in enumerate(self.tags_.tolist(), FIRST_ID))
        if partial:
            self._partial = seen, n_rows, longest, self.tags_

    def _mark_frequent(self, counts, n_rows):
        """Mark the tags that are frequent enough for an id of their own."""
        least = self.min_frequency or 0
        keep = counts >= (least if isinstance(least, Integral) else least * n_rows)
        limit = self.max_categories
        # Plus one, since the shared id counts.
        if limit is not None and keep.sum() + 1 > limit:
            keep[np.argsort(counts, kind="stable")[: len(counts) - (limit - 1)]] = False
        return keep

    def transform(self, columns):
        """Look up the ids.

        Parameters
        ----------
        columns : Series, DataFrame or array-like of shape (n_rows, n_columns)
            The columns of `fit`.

        Returns
        -------
        ndarray of shape ``(n_rows, length_)``, int32
            Ids in rising order, each once, then padding: 0 = padding, 1 = unknown or rare, 2 and
            up = ``tags_[id - 2]``. A row without tags is all 0, and so is one that is missing.

        Raises
        ------
        InputMismatchError
            If a cell holds no tags and `on_odd` is "raise".
        """
        check_is_fitted(self)
        return self._look_up(self._read_rows(self._read_frame(columns, reset=False)))

    def encode_and_flag(self, columns):
        """Encode rows and return which of them are missing; see `InputEncoder.encode_and_flag`."""
        check_is_fitted(self)
        rows = self._read_rows(self._read_frame(columns, reset=False))
        return self._look_up(rows), _flag(rows)

    def measure(self, columns, encode=None, *, training=False):
        """Measure how many tags a cell has, which share of them is new, and the most frequent one.

        See `InputEncoder.measure`.
        """
        frame = self._read_frame(columns, reset=False)
        last = FIRST_ID + (self._n_repeated if training else len(self.tags_))
        return [self._measure_tags(self._read_column(column), last) for _, column in frame.items()]

    def _measure_tags(self, rows, last):
        """Measure sets of tags, None where missing; ids from `last` on count as new."""
        ids = [None if tags is None else np.array([self._ids.get(tag, UNKNOWN_ID) for tag in tags]) for tags in rows]
        counts = np.array([np.nan if own is None else len(own) for own in ids], dtype="float64")
        new = [
            np.nan if not (own is not None and len(own)) else ((own == UNKNOWN_ID) | (own >= last)).mean()
            for own in ids
        ]
        first = [min(own[own >= FIRST_ID], default=None) if own is not None and len(own) else None for own in ids]
        return {
            "unseen": np.array(new, dtype="float64"),
            "truncated": counts > self.length_,
            "count": counts,
            "first": as_labels([None if own is None else self.tags_[own - FIRST_ID] for own in first]),
        }

    def missing(self, columns):
        """Return which rows are missing; see `InputEncoder.missing`."""
        return self.encode_and_flag(columns)[1]

    def transform_cells(self, cells, empty):
        """Look up the ids of a few rows; see `InputEncoder.transform_cells`."""
        rows = []
        for row, gone in zip(cells, empty, strict=True):
            sets = [_tags_or_none(cell, self._split) for cell in row[~gone]]
            # `transform` refuses the cells that hold no tags by name.
            if None in sets:
                return None
            rows.append(frozenset().union(*sets))
        return self._look_up(rows)

    def graph(self):
        """Look up the ids in a graph; see `InputEncoder.graph`."""
        check_is_fitted(self)
        return TagsGraph(
            column_names(self, self.n_features_in_),
            self._ids,
            separator=self.separator_,
            others=SEPARATORS if self.separator == "auto" else (),
            length=self.length_,
        )

    def pieces(self, columns, array):
        """Return the tags of each row; see `InputEncoder.pieces`."""
        sets = self._read_rows(self._read_frame(columns, reset=False))
        return [self._pieces_of(tags or (), row.tolist()) for tags, row in zip(sets, array, strict=True)]

    def _pieces_of(self, tags, row):
        """Return a row's tags, the most frequent first; tags that share an id share its place."""
        ids = {tag: self._ids.get(tag, UNKNOWN_ID) for tag in tags}
        ordered = sorted(ids, key=lambda tag: (ids[tag] < FIRST_ID, ids[tag], tag))
        column = 0 if self.n_features_in_ == 1 else -1
        return [Piece(tag, (row.index(ids[tag]),) if ids[tag] in row else (), column) for tag in ordered]

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        check_is_fitted(self)
        sizes = (len(self.tags_) + FIRST_ID,)
        return ArraySpec(name, "tags", (self.length_,), "int32", vocabulary_sizes=sizes, vocabulary=digest(self.tags_))

    def get_feature_names_out(self, input_features=None):
        """Name the columns of the array.

        Parameters
        ----------
        input_features : array-like of str or None
            Names of the columns, which must be those of fit. None stands for the names of fit,
            or for ``x0, x1, ...`` if the columns had none.

        Returns
        -------
        ndarray of str
            ``<names>_0``, ``<names>_1``, ..., one for each place of the array.
        """
        check_is_fitted(self)
        joined = "_".join(check_feature_names(self, input_features))
        return np.array([f"{joined}_{i}" for i in range(self.length_)], dtype=object)

    def _read_frame(self, columns, *, reset):
        """Return columns as a frame whose names are learned or checked."""
        return check_frame(self, as_frame(cells_as_columns(columns)), reset=reset)

    def _read_rows(self, frame):
        """Return the set of tags of each row of a frame, None where it is missing."""
        sets = [self._read_column(column) for _, column in frame.items()]
        if len(sets) == 1:
            return sets[0]
        rows = ([tags for tags in row if tags is not None] for row in zip(*sets, strict=True))
        return [frozenset().union(*row) if row else None for row in rows]

    def _read_column(self, column):
        """Return the set of tags of each cell, None where it is missing; refuse or note cells that hold no tags."""
        missing = pd.isna(column).to_numpy()
        known = {}
        sets = []
        for cell, gone in zip(column.astype(object), missing, strict=True):
            if isinstance(cell, str):
                # Most strings occur again and again.
                if cell not in known:
                    known[cell] = _tags_or_none(cell, self._split)
                sets.append(known[cell])
            else:
                sets.append(None if gone else _tags_or_none(cell, self._split))
        odd = ~missing & np.array([tags is None for tags in sets], dtype=bool)
        settle_odd(self, column, odd, "tags", _WAYS_OUT)
        return sets

    def _split(self, text):
        """Return the tags of a string; one that fit did not see may join known tags in another way than there."""
        tags = text.split(self.separator_) if self.separator_ else [text]
        if self.separator == "auto" and len(tags) == 1 and self._ids and text.strip() not in self._ids:
            others = ([tag.strip() for tag in text.split(separator)] for separator in SEPARATORS)
            return next((tags for tags in others if self._ids.keys() >= set(tags)), tags)
        return tags

    def _look_up(self, rows):
        """Return the ids of sets of tags as an array (n_rows, length_)."""
        array = np.zeros((len(rows), self.length_), dtype="int32")
        for row, tags in zip(array, rows, strict=True):
            if tags:
                ids = sorted({self._ids.get(tag, UNKNOWN_ID) for tag in tags})[: self.length_]
                row[: len(ids)] = ids
        return array

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _flag(rows):
    """Return which rows are missing: bool array of shape (n_rows,)."""
    return np.array([tags is None for tags in rows], dtype=bool)


def _read_tags(cell, split):
    """Return the set of a cell's tags, or raise `CellError` if it holds none; `split` makes a list of a string."""
    if getattr(cell, "ndim", None) == 0:
        # pandas makes an array without dimensions of one that holds a single tag.
        cell = np.asarray(cell).item()
    if isinstance(cell, BYTES):
        cell = bytes(cell).decode("utf-8", "replace")
    if isinstance(cell, str):
        value = read_literal(cell)
        # A text in brackets may also be a tag, such as "(R)".
        cell = value if is_collection(value) else split(cell)
    if not is_collection(cell):
        raise CellError
    # `tolist` of arrays and tensors: Python's own objects, None below a mask.
    values = np.ma.asanyarray(cell).tolist() if hasattr(cell, "__array__") else cell
    return frozenset(tag for value in values if (tag := _as_tag(value)))


def _as_tag(value):
    """Return a value of a list as a tag; an empty text, which is no tag, if it is missing."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, BYTES):
        return bytes(value).decode("utf-8", "replace").strip()
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
    if not pd.api.types.is_scalar(value) and hasattr(value, "__len__"):
        raise CellError
    if pd.isna(value):
        return ""
    # 1 and 1.0 are one value, as for Python.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _tags_or_none(cell, split=lambda text: [text]):
    """Return the set of a cell's tags, or None if it holds none."""
    try:
        return _read_tags(cell, split)
    except CellError:
        return None


def _is_tag_list(cell):
    """Return whether a cell is a list of tags that are no numbers, or an empty list."""
    if not is_collection(cell):
        return False
    values = np.ma.asanyarray(cell).tolist() if hasattr(cell, "__array__") else list(cell)
    return isinstance(values, list) and all(
        value is None or isinstance(value, (str, Mapping, *BYTES)) for value in values
    )


def _choose_separator(frame):
    """Return what separates the tags of a frame's strings; without a clear one, what most strings contain."""
    texts = [cell for _, column in frame.items() for cell in probe(column) if isinstance(cell, str)]
    texts = [text for text in texts if read_literal(text) is text]
    counts = [sum(separator in text for text in texts) for separator in SEPARATORS[:3]]
    return find_separator(texts) or (SEPARATORS[int(np.argmax(counts))] if any(counts) else None)


def find_separator(texts):
    """Return what separates tags that recur in other combinations, or None if texts do not look like that."""
    different = set(texts)
    if mean_of_most([len(text) for text in different]) > TEXT_LENGTH:
        return None
    return next((separator for separator in SEPARATORS if _joins_tags(different, separator)), None)


def _joins_tags(texts, separator):
    """Return whether different texts, split at a separator, are combinations of tags that come back."""
    split = [[tag.strip() for tag in text.split(separator)] for text in texts]
    joined = [tags for tags in split if len(tags) > 1]
    if len(joined) < max(2, len(texts) / 3):
        return False
    counts = Counter(tag for tags in split for tag in set(tags) if tag)
    recurring = sum(count for count in counts.values() if count > 1)
    # Fewer tags than texts: else the texts are no combinations.
    if len(counts) >= len(texts) or recurring < RECURRING * counts.total():
        return False
    if mean_of_most([len(tag.split()) for tag in counts.elements()]) > TAG_WORDS:
        return False
    # Numbers with a decimal comma, and dates with slashes, are split into numbers, too.
    whole = all(map(_WHOLE_NUMBER.fullmatch, counts))
    return not (whole and separator in ",/" and len({len(tags) for tags in joined}) == 1)
