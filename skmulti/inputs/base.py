"""What an encoder and a branch must do; a new kind of input subclasses both in one file.

From top to bottom:

- `InputEncoder`, the contract of encoders;
- functions that encoders call on their columns: `check_frame` (names and number of columns as at fit), `as_frame`,
  `cells_as_columns`, `one_column` and `missing_rows`;
- functions for encoders that learn from a table in parts: `check_merge` and `join_counts`, and, for those that do not,
  `cannot_learn_in_parts` and `cannot_merge`;
- `Branch`, the contract of branches.

How missing values travel: a float array keeps NaN, and the first layer of every branch (`LearnedFill`) replaces NaN by
a learned value that starts at the training mean. Steps that are NaN throughout are masked instead, since zero is a
value that a sensor may have measured. An array that has no room for NaN (pixels, word ids) sets
`InputEncoder.flags_missing`. If training rows were missing, the router then adds a bool array ``<name>__missing``, and
the network puts a learned vector in the place of the branch's output. A row that is missing where fit saw no missing
row is filled, and the router warns.
"""

from dataclasses import replace
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import validate_data

from .._validation import HintedParams
from .._version import check_stamp, stamp
from ..errors import BranchMismatchError, ExportError, InputMismatchError, place, shorten
from ..layers import CHANNELS_LAST, FillFromOthers, LearnedFill, ZeroMasked, feature_means, slopes_between
from ..spec import LAYER_PARTS, layer_name
from ._json import json_schema_of
from ._measures import measure_column
from ._show import show_value
from ._state import with_pairs, without_pairs
from ._values import as_objects

# A branch takes its initial values from at most so many encoded training rows.
SAMPLE_ROWS = 10_000
# What the values of a vector say of each other is learned for so many; their weights are the square of the number.
MOST_RELATED = 200
# Up to this many rows, the calls of pandas, NumPy and Arrow for each column take longer than the encoding itself. The
# router then turns all cells to Python objects at once and asks for `InputEncoder.transform_cells`.
FEW_ROWS = 64


class Piece(NamedTuple):
    """A word of a text, or another piece of a cell, and the places of the row's array that it fills.

    Parameters
    ----------
    text : str
        The piece as the cell has it.
    slots : tuple of int
        Places along the first axis of the row's array; none if the piece was cut off.
    column : int
        Position of its column among the input's columns; -1 if that is not known.
    span : tuple of (int, int) or None
        Where it begins and ends in the text of its cell; None if the cell is no text.
    """

    text: str
    slots: tuple = ()
    column: int = 0
    span: tuple | None = None


class InputEncoder(HintedParams, TransformerMixin, BaseEstimator):
    """Turn columns of a DataFrame into one array of a network's input.

    Subclass it for a new kind of input, together with a `Branch` that reads the
    kind. The contract: ``fit`` learns from training rows only, ``transform``
    returns an array whose rows are the frame's rows, in order, and ``spec`` says
    what the array holds.

    Attributes
    ----------
    default_branch : type
        The `Branch` class that reads the array when the user names none.
    flags_missing : bool
        True if the array itself cannot say that a row holds nothing (pixels, word ids):
        the router then adds a bool array that marks such rows.
    reads_missing : bool
        True if `missing` has to read the rows, because more than empty cells counts as
        nothing: a file that is absent, a list without entries. If a table comes in parts,
        such rows are read a second time.
    reads_blocks : bool
        True if several columns may be one row of values, such as the ids of a text, so that
        the encoder may read a whole 2-D array of a dict.
    shared_input : str or None
        Name of the one input in which the default router puts all columns that the
        encoder takes; None gives each column an input of its own.
    measured_rows : int
        Number of training rows of which the router keeps what `measure` returns, for
        `InputRouter.compare`. It is small where a row takes long to read.
    lazy : bool or "auto"
        Whether a fit keeps the columns and encodes the rows of each batch when it needs
        them. "auto" does so if the array would take more than a tenth of the machine's
        memory. The array of a row must then depend on that row alone.
    in_pieces : bool
        True if the array of a row depends on that row alone, to the last bit, and threads may encode
        at the same time. A prediction then encodes large tables in pieces. A subclass with a `transform`
        of its own has to say so anew.
    folder : str, PathLike or None
        Optional, for an encoder whose cells name files: what relative paths are relative to.
    counted_as : str
        What a fit with ``verbose=1`` calls the cells that it counts while it reads a lazy input: "images".
    holds_pixels : bool
        True if a row of the array is a picture, of shape (height, width, channels), that can be
        shown.
    holds_text : bool
        True if the cells are texts, which say by themselves what a row is about.
    may_add_nothing : bool
        True if an input that nobody asked for may add nothing but noise to the others, as dates do. An
        estimator that is fitted on few rows then looks before it trains, and leaves such an input out.

    See Also
    --------
    Branch : Reads the array inside the network.

    Examples
    --------
    >>> import numpy as np
    >>> from skmulti import ArraySpec, DenseBranch, InputEncoder
    >>> class WordCounter(InputEncoder):
    ...     default_branch = DenseBranch
    ...     def fit(self, columns, y=None):
    ...         return self
    ...     def transform(self, columns):
    ...         return np.array([[len(text.split())] for text in columns], dtype="float32")
    ...     def spec(self, name):
    ...         return ArraySpec(name, "vector", (1,), "float32")
    >>> WordCounter().fit_transform(["two words", "one"])
    array([[2.],
           [1.]], dtype=float32)
    """

    default_branch = None
    flags_missing = False
    reads_missing = False
    reads_blocks = False
    shared_input = None
    measured_rows = 1_000
    lazy = False
    in_pieces = False
    counted_as = "rows"
    holds_pixels = False
    holds_text = False
    may_add_nothing = False

    def __init_subclass__(cls, **kwargs):
        # scikit-learn would turn the arrays into frames under set_config(transform_output="pandas").
        super().__init_subclass__(auto_wrap_output_keys=None, **kwargs)
        # `transform_cells` must return what `transform` returns. A subclass of, say, NumberScaler that overrides only
        # `transform` would inherit a `transform_cells` that still encodes as NumberScaler does, and 64 rows would get
        # other numbers than 65. So such a class falls back on the version that leaves all rows to `transform`.
        # `vars` holds what the class itself defines, and nothing that it inherits.
        encodes_anew = "transform" in vars(cls) or "encode_and_flag" in vars(cls)
        if encodes_anew and "transform_cells" not in vars(cls):
            cls.transform_cells = InputEncoder.transform_cells
        # A graph, too, must do what the class does.
        if encodes_anew and "graph" not in vars(cls):
            cls.graph = InputEncoder.graph
        if encodes_anew and "slots" not in vars(cls):
            cls.slots = InputEncoder.slots
        if encodes_anew and "in_pieces" not in vars(cls):
            cls.in_pieces = InputEncoder.in_pieces
        # What a class learns from parts in its own way, the inherited `merge` would lose.
        if "partial_fit" in vars(cls) and "merge" not in vars(cls):
            cls.merge = InputEncoder.merge

    def __getstate__(self):
        return stamp({name: with_pairs(value) for name, value in super().__getstate__().items()})

    def __setstate__(self, state):
        state = check_stamp(state, type(self))
        super().__setstate__({name: without_pairs(value) for name, value in state.items()})

    @classmethod
    def suits(cls, column):
        """Return the reason why this encoder would take a column that nobody assigned.

        Parameters
        ----------
        column : Series of shape (n_rows,)
            Training rows.

        Returns
        -------
        str or None
            The reason in a few words, or None if the encoder would not take it.
        """
        return None

    @classmethod
    def suits_array(cls, frame):
        """Return the reason why this encoder would take a 2-D array that nobody assigned.

        Such an array is an entry of a dict of arrays. If no encoder takes it as a whole, its first
        column decides.

        Parameters
        ----------
        frame : DataFrame of shape (n_rows, n_columns)
            Training rows.

        Returns
        -------
        str or None
            The reason in a few words, or None if the encoder would not take it.
        """
        return None

    @classmethod
    def alike(cls, column, other):
        """Return whether two columns that this encoder would take should share one encoder and one branch.

        Parameters
        ----------
        column, other : Series of shape (n_rows,)
            Training rows of columns that nobody assigned.

        Returns
        -------
        bool
            True if what is learned from one column holds for the other.
        """
        return False

    @classmethod
    def make_inferred(cls):
        """Make the encoder for a column that nobody assigned.

        Returns
        -------
        InputEncoder
            An encoder with the parameters that suit most tables. It counts odd cells as
            missing if it has the parameter `on_odd`.
        """
        return cls(on_odd="missing") if "on_odd" in cls._get_param_names() else cls()

    def fit(self, columns, y=None):
        """Learn from training rows.

        Parameters
        ----------
        columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
            A Series if the router names the column by a single string.
        y : array-like of shape (n_rows,) or None
            The target, for encoders that use it.

        Returns
        -------
        self : object
            The fitted encoder.
        """
        raise NotImplementedError

    def transform(self, columns):
        """Encode rows.

        Parameters
        ----------
        columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
            As in `fit`.

        Returns
        -------
        ndarray of shape ``(n_rows, *shape)``
            The array that `spec` describes. The array of no rows has no rows.

        Raises
        ------
        NotFittedError
            If the encoder is not fitted. ``sklearn.utils.validation.check_is_fitted`` sees it by the
            attributes that `fit` sets, whose names end in an underscore.
        """
        raise NotImplementedError

    def encode_and_flag(self, columns):
        """Encode rows and return which of them hold nothing.

        Parameters
        ----------
        columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
            As in `fit`.

        Returns
        -------
        array : ndarray of shape ``(n_rows, *shape)``
            What `transform` returns.
        missing : ndarray of shape (n_rows,), bool
            True where every cell of the row is missing.
        """
        return self.transform(columns), self.missing(columns)

    def missing(self, columns):
        """Return which rows hold nothing, without encoding them.

        ``InputRouter.fit`` asks for this alone, so that it need not encode the training rows.

        Parameters
        ----------
        columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_rows,), bool
            The second result of `encode_and_flag`: True where every cell of the row is missing.
        """
        return missing_rows(columns)

    def transform_cells(self, cells, empty):
        """Encode a few rows that come as Python objects; optional.

        For up to 64 rows, the calls of pandas for each column take longer than the encoding. The
        router therefore turns the whole table to Python objects at once.

        Parameters
        ----------
        cells : ndarray of shape (n_rows, n_columns), object
            The cells of up to 64 rows.
        empty : ndarray of shape (n_rows, n_columns), bool
            True where a cell is missing.

        Returns
        -------
        ndarray of shape ``(n_rows, *shape)`` or None
            What `transform` returns for these rows, to the last bit. None leaves the rows to
            `transform`. It must do so if a cell is to be refused, so that there is one message for
            few rows and for many.
        """
        return None

    def fit_encode_and_flag(self, columns, y=None, **fit_params):
        """Learn from training rows and encode them, as `fit` followed by `encode_and_flag` does.

        Parameters
        ----------
        columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
            As in `fit`.
        y : array-like of shape (n_rows,) or None
            The target.
        **fit_params : dict
            Passed to `fit`, e.g. ``sample_weight``.

        Returns
        -------
        array : ndarray of shape ``(n_rows, *shape)``
            The encoded training rows.
        missing : ndarray of shape (n_rows,), bool
            True where every cell of the row is missing.
        """
        return self.fit(columns, y, **fit_params).encode_and_flag(columns)

    def learn_missing(self, columns, missing):
        """Learn which training rows turned out to hold nothing; by default that is forgotten.

        The router calls it once these rows were read, after `fit`.

        Parameters
        ----------
        columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
            Training rows.
        missing : ndarray of shape (n_rows,), bool
            The second result of `encode_and_flag`.
        """

    def measure(self, columns, encode=None, *, training=False):
        """Measure the cells of each column, by which `InputRouter.compare` tells later rows from training rows.

        Parameters
        ----------
        columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
            As in `transform`.
        encode : callable or None
            Returns what `encode_and_flag` returned for these rows, if they were encoded before: for
            encoders to which reading a row again is much work.
        training : bool
            Whether these are rows of `fit`. A value that no other row has then counts as one that
            fit did not see, as it would if the row came later. So shares of training rows are
            what to expect of later ones.

        Returns
        -------
        list of dict of str to ndarray of shape (n_rows,)
            For each column, what was measured, by name. A bool array marks cells, such as
            "unseen" or "truncated". A float array holds amounts, NaN where there is none. An array
            of objects holds labels, each a str or None. By default these are the numbers
            themselves, or the texts of other cells and their lengths.
        """
        return [measure_column(column) for _, column in as_frame(columns).items()]

    def show(self, columns):
        """Show cells to people, as `report` does.

        Parameters
        ----------
        columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
            As in `transform`: a few rows.

        Returns
        -------
        list of list of str
            For each column, the HTML of each cell. Texts are escaped, pictures are ``data:`` URIs,
            and nothing else is asked of a network. By default these are numbers and texts as they
            are, and what Python prints of other objects.
        """
        return [[show_value(cell) for cell in column.astype(object)] for _, column in as_frame(columns).items()]

    def json_schema(self, column):
        """Describe what a cell of a column is in JSON.

        Parameters
        ----------
        column : Series of shape (n_rows,)
            Training rows.

        Returns
        -------
        dict
            A fragment of JSON schema with the keys type, items, format, contentEncoding or anyOf,
            and an example.
        """
        return json_schema_of(column)

    def read_json(self, value):
        """Return the cell that a JSON value of the right type stands for; by default the value itself.

        Parameters
        ----------
        value : object
            A value that fits `json_schema`, and is not null.

        Returns
        -------
        object
            The cell.

        Raises
        ------
        ValueError
            If the value stands for no cell that the encoder reads.
        """
        return value

    def begin_parts(self, sample):
        """Decide what must hold for all parts of a table, before the first is learned; optional.

        A single part may mislead: that days come before months is seen in some rows alone, and in a
        few rows any number may seem out of proportion. The router calls it once, on an unfitted
        encoder, and copies of that encoder then learn the parts. An encoder with ``partial_fit`` that
        has something to decide keeps it in the attribute ``_begun``. Without this call the first part
        decides.

        Parameters
        ----------
        sample : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
            Rows that were drawn over all parts.

        Returns
        -------
        self : object
            The encoder, not fitted.
        """
        return self

    @property
    def merges_parts(self):
        """Whether what it learned from some parts can be joined with what a copy learned from others."""
        return hasattr(self, "partial_fit") and type(self).merge is not InputEncoder.merge

    def merge(self, other):
        """Join what two copies of an encoder learned from different parts of a table; optional.

        A cluster needs it, where each part is learned by itself: ``copy.partial_fit(part)``. Parts are
        then merged two by two, in any grouping, and the result must be that of ``partial_fit`` on all
        parts, one after the other.

        Parameters
        ----------
        other : InputEncoder
            A copy of the same encoder, made after `begin_parts`, that learned from later parts.

        Returns
        -------
        InputEncoder
            A new encoder, fitted on the parts of both. Neither of the two is changed.

        Raises
        ------
        InputMismatchError
            If the class does not define `merge`, or the two did not begin alike.
        """
        raise InputMismatchError(cannot_merge(self))

    def merge_missing(self, other):
        """Join what `learn_missing` taught two copies of a fitted encoder; by default that is nothing.

        Parameters
        ----------
        other : InputEncoder
            A copy of the same fitted encoder, which was shown later rows.

        Returns
        -------
        InputEncoder
            An encoder that was shown both. Neither of the two is changed.
        """
        return self

    def end_parts(self):
        """Forget what only further parts of a table need, such as the counts of all words.

        The router calls it once a table that comes in parts was read to its end. An encoder with
        ``partial_fit`` keeps what it needs between parts in the attribute ``_partial``, and what
        `begin_parts` decided in ``_begun``.
        """
        for name in ("_partial", "_begun"):
            vars(self).pop(name, None)

    def spec(self, name):
        """Describe the array that `transform` returns.

        Parameters
        ----------
        name : str
            Name of the input.

        Returns
        -------
        ArraySpec
            Kind, shape and dtype of one row.
        """
        raise NotImplementedError

    def words(self):
        """Return the words behind the ids of the array; optional.

        `TextBranch` looks up the vectors of these words if it is given some.

        Returns
        -------
        tuple of str
            The word of each id from 2 on; empty if the ids stand for none.
        """
        return ()

    def slots(self, spec):
        """Return from which column each place of the array is made; optional.

        `explain_rows` then tells apart what the columns contribute. To shuffle a column,
        `input_importance` shuffles its places and encodes no row again.

        Parameters
        ----------
        spec : ArraySpec
            The array.

        Returns
        -------
        ndarray of shape spec.shape, int
            Positions in ``spec.columns``: the place depends on the cells of that column alone. -1
            where it depends on several columns, or where that is not known. By default all is
            made of the only column, or of several together.
        """
        return np.full(spec.shape, 0 if len(spec.columns) == 1 else -1)

    def neutral(self, spec):
        """Return the row that says nothing, with which explanations compare other rows.

        Parameters
        ----------
        spec : ArraySpec
            The array.

        Returns
        -------
        ndarray of shape spec.shape
            NaN stands for the mean of the training rows. By default numbers are NaN, their
            indicators of missing values are 0, and ids are 0, which is padding.
        """
        if not spec.dtype.startswith("float"):
            return np.zeros(spec.shape, dtype=spec.dtype)
        row = np.full(spec.shape, np.nan, dtype=spec.dtype)
        row[..., spec.shape[-1] - spec.n_indicators :] = 0
        return row

    def pieces(self, columns, array):
        """Return of which words, tags or other pieces each row's array is made; optional.

        Parameters
        ----------
        columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
            As in `transform`.
        array : ndarray of shape ``(n_rows, *shape)``
            What `transform` returned for them.

        Returns
        -------
        list of list of Piece, or None
            For each row its pieces, in the order of the cell. None if a cell has no pieces that
            could be shown by themselves.
        """
        return None

    def graph(self):
        """Return what the fitted encoder does as part of a TensorFlow graph; optional.

        `export` needs it to write a model that takes raw columns.

        Returns
        -------
        EncoderGraph
            Which tensor stands for each column, and the functions that encode them.

        Raises
        ------
        ExportError
            If the encoder has no such graph, or none with its parameters. The message says why,
            and not where: whoever asks adds the input.
        """
        raise ExportError(f"{type(self).__name__} has no method `graph`, which returns an EncoderGraph")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # The dtype of the array is the one in its spec, whatever the dtype of the columns.
        tags.transformer_tags.preserves_dtype = []
        return tags


def check_frame(encoder, columns, *, reset, dtype="numeric"):
    """Return columns as a frame, whose number and names are learned (`reset`) or compared with those of fit.

    Arrays pass scikit-learn's own checks (two dimensions, no infinity, `dtype`);
    frames and Series keep the dtype of each column.
    """
    if isinstance(columns, pd.Series):
        columns = columns.to_frame()
    if isinstance(columns, pd.DataFrame):
        # A fast path: scikit-learn's comparison of the names takes longer than the encoding of a single row.
        if not reset and list(columns.columns) == list(getattr(encoder, "feature_names_in_", ())):
            return columns
        if reset and 0 in columns.shape:
            # `skip_check_array` below keeps the dtype of each column, but leaves out this check. The wording is
            # scikit-learn's own, for which its estimator checks look.
            what = "sample(s)" if not len(columns) else "feature(s)"
            raise InputMismatchError(
                f"Found 0 {what} (shape={columns.shape}) while a minimum of 1 is required by {type(encoder).__name__}."
            )
        # scikit-learn refuses columns that share a name. Such columns are known by their positions.
        named = columns if columns.columns.is_unique else columns.set_axis(range(columns.shape[1]), axis=1)
        validate_data(encoder, named, skip_check_array=True, reset=reset)
        return columns
    return pd.DataFrame(validate_data(encoder, columns, reset=reset, dtype=dtype, ensure_all_finite="allow-nan"))


def as_frame(columns):
    """Return a Series, a frame or an array as a DataFrame."""
    if isinstance(columns, pd.DataFrame):
        return columns
    return columns.to_frame() if isinstance(columns, pd.Series) else pd.DataFrame(columns)


def cells_as_columns(cells):
    """Return a list or 1-D array, each entry of which is a cell, as a Series, and a 2-D array as a frame."""
    # NumPy would make several columns of a list of lists, and scikit-learn's check refuses one dimension.
    if isinstance(cells, list | tuple) or (isinstance(cells, np.ndarray) and cells.ndim == 1):
        return pd.Series(as_objects(list(cells)))
    return pd.DataFrame(cells) if isinstance(cells, np.ndarray) else cells


def one_column(columns, encoder):
    """Return the only column of an input as a Series, or refuse several."""
    frame = as_frame(columns)
    if frame.shape[1] != 1:
        raise InputMismatchError(
            f"{type(encoder).__name__} reads one column, got {frame.shape[1]}: {list(frame.columns)}. "
            "Name a single column, or give each column an input of its own."
        )
    return frame.iloc[:, 0]


def missing_rows(columns):
    """Return a bool array of shape (n_rows,): True where every cell of the row is missing."""
    empty = np.asarray(pd.isna(columns))
    if empty.ndim == 1:
        return empty
    # Most tables have few missing cells. To look for any takes a tenth of the time of `all` over each row.
    return empty.all(axis=1) if empty.any() else np.zeros(len(empty), dtype=bool)


def check_merge(encoder, other, kept="_partial", decided=()):
    """Refuse to merge encoders that have not learned from parts, or that read cells in different ways.

    Parameters
    ----------
    encoder, other : InputEncoder
        The two.
    kept : str
        The attribute that holds what is merged.
    decided : sequence of str
        Attributes that hold how cells are read, which must be equal.
    """
    name = type(encoder).__name__
    if type(other) is not type(encoder):
        raise InputMismatchError(f"{name} cannot be merged with {type(other).__name__}. Merge copies of one encoder.")
    for one in (encoder, other):
        if not hasattr(one, kept):
            raise InputMismatchError(
                f"{name}.merge joins encoders that have learned by partial_fit, and one of these two has not. Call "
                "partial_fit on each, and leave out parts without rows."
            )
    wrong = [
        attribute
        for attribute in ("n_features_in_", *decided)
        if getattr(encoder, attribute) != getattr(other, attribute)
    ]
    if wrong:
        found = [shorten(repr(getattr(one, wrong[0]))) for one in (encoder, other)]
        raise InputMismatchError(
            f"{name}.merge: the two read their parts in different ways ({wrong[0].strip('_')}: {found[0]} and "
            f"{found[1]}). Call begin_parts(sample) on one encoder, with rows of all parts, and let copies of it learn."
        )


def join_counts(counts, others):
    """Return two counters together, as a new one."""
    # `+` walks over both in Python, which takes long for vocabularies; this copies one and walks over the other.
    joined = counts.copy()
    joined.update(others)
    return joined


def with_words(specs, encoders):
    """Return specs with the words behind their ids, as branches get them.

    Parameters
    ----------
    specs : dict of str to ArraySpec
        The arrays, by input name.
    encoders : dict of str to encoder
        Their fitted encoders; arrays that were encoded elsewhere have none.
    """
    words = {name: encoder.words() for name, encoder in encoders.items() if isinstance(encoder, InputEncoder)}
    return {name: replace(spec, words=words.get(name, ())) for name, spec in specs.items()}


def cannot_learn_in_parts(encoder):
    """Return the message for an encoder that cannot learn from a table in parts."""
    return (
        f"{type(encoder).__name__} learns from all rows at once (it has no partial_fit), so that it cannot be fitted "
        "on a table that is read in parts. Use one of skmulti's (e.g. CategoryIndexer with OneHotBranch) or one of "
        "scikit-learn's with partial_fit, such as StandardScaler; or fit on a DataFrame."
    )


def cannot_merge(encoder):
    """Return the message for an encoder of which what two parts taught cannot be joined."""
    if not hasattr(encoder, "partial_fit"):
        return cannot_learn_in_parts(encoder)
    return (
        f"{type(encoder).__name__} learns from parts one after the other, but what it learned from two of them cannot "
        "be joined (it has no `merge`). Use an encoder of skmulti, or StandardScaler, MinMaxScaler or MaxAbsScaler; or "
        "fit on a source that is read in order, such as Parquet files or a generator."
    )


class Branch(HintedParams, BaseEstimator):
    """The sub-network of one input: it turns the encoder's array into one vector for each row.

    Subclasses say which kinds they read and implement `connect`.

    Attributes
    ----------
    reads : tuple of str
        The kinds that the branch can read; an empty tuple means any.
    reads_masks : bool
        Whether the branch's layers skip the steps of a Keras mask, as LSTM does. If not, as with
        convolutions, set it to False: steps that are NaN throughout then get the learned value, too,
        and Keras does not warn of layers that destroy the mask. An average over steps that are all
        masked would be NaN.
    memorises : bool
        True if a network with this branch soon knows its training rows by heart. The
        learning rate then falls when the hold-out gets worse, not by a fixed plan.
    thaws : tuple of str
        The parameters that decide which layers are trained, and how fast, see `thaw`. They may
        change between two fits of one network (``warm_start``).
    unfreeze_at : int or None
        Number of epochs after which a fit calls `thaw` again, to train other layers.
    keeps_features : bool
        Whether an estimator with `memory` keeps the output of `features` on disk, for other fits whose
        features have the same weights.

    See Also
    --------
    InputEncoder : Makes the array.

    Examples
    --------
    >>> import keras
    >>> from skmulti import ArraySpec, Branch
    >>> class TanhBranch(Branch):
    ...     reads = ("vector",)
    ...     def __init__(self, units=4):
    ...         self.units = units
    ...     def connect(self, tensor, spec, sample):
    ...         return keras.layers.Dense(self.units, activation="tanh")(tensor)
    >>> TanhBranch().build(ArraySpec("numbers", "vector", (3,), "float32")).output_shape
    (None, 4)
    """

    reads = ()
    reads_masks = True
    memorises = False
    thaws = ()
    unfreeze_at = None
    keeps_features = False
    _parameter_constraints: dict = {}

    def build(self, spec, sample=None):
        """Make the Keras model of the branch.

        The model takes the encoder's array as it is. Before `connect` gets the array,
        pixels are scaled from 0-255 to 0-1 and NaN is replaced by a learned value
        (steps that are NaN throughout are masked, see `reads_masks`).

        Parameters
        ----------
        spec : ArraySpec
            The array to read.
        sample : ndarray of shape ``(n_rows, *spec.shape)`` or None
            Up to 10,000 encoded training rows, for initial values that depend on data; with
            `sample_weight`, each as often as it weighs. For a lazy input it is a `LazyArray`:
            ``sample[rows]`` and ``np.asarray`` encode its rows.

        Returns
        -------
        keras.Model
            Maps ``(batch, *spec.shape)`` to (batch, width).

        Raises
        ------
        BranchMismatchError
            If the branch does not read arrays of this kind.
        """
        self._validate_params()
        self._check_kind(spec)
        names = {part: layer_name(spec.name, part) for part in LAYER_PARTS}
        inputs = keras.Input(spec.shape, dtype=spec.dtype, name=names["array"])
        fixed = self.features(spec, sample)
        if fixed is None:
            output = self._connect_flat(rescale_and_fill(inputs, spec, sample, self.reads_masks), spec, sample)
            return keras.Model(inputs, output, name=names["layers"])
        # What training changes is a model of its own, from the features on. A fit computes the features of each row
        # once, and trains that inner model on them (`TrainingNetwork`).
        fixed = keras.Model(inputs, fixed(inputs), name=names["features"])
        # Set here, since Keras does not hand a constructor's `trainable` on to inner layers.
        fixed.trainable = False
        values = keras.Input(fixed.output_shape[1:], dtype=fixed.output.dtype, name=names["values"])
        rest = keras.Model(values, self._connect_flat(values, spec, sample), name=names["layers"])
        return keras.Model(inputs, rest(fixed(inputs)), name=names["layers"])

    def features(self, spec, sample):
        """Make the part of the branch that training does not change; by default there is none.

        An estimator's `fit` computes the features of its rows once, not in every epoch.

        Parameters
        ----------
        spec : ArraySpec
            The array to read.
        sample : ndarray of shape ``(n_rows, *spec.shape)`` or None
            Up to 10,000 encoded training rows.

        Returns
        -------
        keras.Model or None
            Maps the encoder's array to the tensor that `connect` then gets. It has no weights
            to train and does the same in training and in prediction. One for ids whose input is
            ``keras.Input((None,))`` is given rows without the padding at their end.
        """
        return None

    def thaw(self, layers, epoch):
        """Set which layers are trained from an epoch on; by default those that `connect` made, from the first on.

        A fit calls it before the first epoch, after `unfreeze_at` epochs, and when it goes on with
        changed parameters of `thaws`.

        Parameters
        ----------
        layers : list of keras.layers.Layer
            The layers of the branch in the network: the models of `features` and of `connect`. Their
            flags ``trainable`` are set here.
        epoch : int
            Number of epochs that the network was trained for.
        """

    def step_scales(self, layers):
        """Return which weights take smaller or larger steps than the others; by default none.

        Parameters
        ----------
        layers : list of keras.layers.Layer
            As for `thaw`, which was called before.

        Returns
        -------
        list of (keras.Variable, float)
            By how much the learning rate is multiplied for a weight.
        """
        return []

    def connect(self, tensor, spec, sample):
        """Connect the layers of the branch.

        Parameters
        ----------
        tensor : KerasTensor of shape ``(batch, *spec.shape)``
            The input, free of NaN; pixels are floats of 0-1. If the branch has `features`,
            the tensor is their output.
        spec : ArraySpec
            The array as it leaves the encoder.
        sample : ndarray of shape ``(n_rows, *spec.shape)`` or None
            Up to 10,000 encoded training rows.

        Returns
        -------
        KerasTensor of shape (batch, width)
            What the merge gets. A tensor of more axes is flattened.
        """
        raise NotImplementedError

    def _connect_flat(self, tensor, spec, sample):
        """Connect the layers, and make sure that the output is one vector for each row."""
        output = self.connect(tensor, spec, sample)
        if len(output.shape) > 2:
            # Masked steps are zeroed first: Flatten drops the mask, and padding would count as values.
            output = keras.layers.Flatten(**CHANNELS_LAST)(ZeroMasked()(output))
        if len(output.shape) != 2 or output.shape[-1] is None:
            raise BranchMismatchError(
                f"{place(spec.name, spec.columns)}: {type(self).__name__} gives a tensor of shape {output.shape}; "
                "a branch must give (batch, width) with a width that is known."
            )
        return output

    def _check_kind(self, spec):
        """Refuse an array of a kind that this branch does not read."""
        if self.reads and spec.kind not in self.reads:
            article = "an" if spec.kind[:1] in "aeiou" else "a"
            raise BranchMismatchError(
                f"{place(spec.name, spec.columns)}: {type(self).__name__} reads {' or '.join(self.reads)} arrays, "
                f"but the input's encoder gives {article} {spec.kind} array ({spec.describe()}). Give the input a "
                f"branch that reads {spec.kind} arrays, or leave it out of `branches` to get its default."
            )


def rescale_and_fill(tensor, spec, sample, masks):
    """Scale pixels to 0-1, and put a learned value in the place of NaN."""
    # Pixels stay bytes up to here: as float32 they would take four times the memory, on disk and in every batch.
    if spec.dtype == "uint8":
        return keras.layers.Rescaling(1 / 255)(tensor)
    # Ids need nothing: 0 stands for a missing value already.
    if not spec.dtype.startswith("float"):
        return tensor
    # A feature that no training row misses teaches nothing about its fill, which then stays at the training mean.
    mean = None if sample is None else feature_means(sample)
    if len(spec.shape) == 1 and mean is not None and _knows_others(sample):
        return FillFromOthers(mean, *slopes_between(sample, mean, spec.n_indicators))(tensor)
    return LearnedFill(mean, masks=masks)(tensor)


def _knows_others(sample):
    """Return whether in some rows of a sample of vectors a value is missing and others are known."""
    if not 1 < sample.shape[-1] <= MOST_RELATED:
        return False
    missing = np.isnan(np.asarray(sample))
    return bool((missing.any(axis=1) & ~missing.all(axis=1)).any())
