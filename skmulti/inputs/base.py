"""What an encoder and a branch must do; a new kind of input subclasses both in one file."""

import keras
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import validate_data

from ..errors import BranchMismatchError, InputMismatchError, label_at, place
from ..layers import LearnedFill, ZeroMasked, feature_means
from ..spec import LAYER_PARTS, layer_name

SAMPLE_ROWS = 10_000
# With lazy="auto" an array is made batch by batch where it would take more than this share of the machine's memory:
# a fit in memory holds it twice, and the copies of a hold-out or a fold beside it.
LAZY_SHARE = 0.1
# Below this many rows, the calls of pandas, NumPy and Arrow cost more than the work.
FEW_ROWS = 16


class InputEncoder(TransformerMixin, BaseEstimator):
    """Turn columns of a DataFrame into one array of a network's input.

    Subclass it for a new kind of input, together with a `Branch` that reads the
    kind. The contract: ``fit`` learns from training rows only, ``transform``
    gives an array whose rows are the frame's rows, in order, and ``spec`` says
    what the array holds.

    Attributes
    ----------
    default_branch : type
        The `Branch` class that reads the array when the user names none.
    flags_missing : bool
        True where the array itself cannot say that a row holds nothing (pixels,
        word ids): the router then puts a bool array beside it.
    reads_missing : bool
        True where `missing` reads the rows, since more than empty cells hold nothing: a file
        that is absent, a list without entries. Such rows are read once more where a table
        comes in parts.
    shared_input : str or None
        Name of the one input in which the default router puts all columns that the
        encoder takes; None gives each column an input of its own.
    lazy : bool or "auto"
        Whether a fit keeps the columns and encodes the rows of each batch by itself; "auto":
        where the array would take more than a tenth of the machine's memory. The array of a
        row must then depend on that row alone.

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
    shared_input = None
    lazy = False

    def __init_subclass__(cls, **kwargs):
        # scikit-learn would turn the arrays into frames under set_config(transform_output="pandas").
        super().__init_subclass__(auto_wrap_output_keys=None, **kwargs)
        if {"transform", "encode_and_flag"} & vars(cls).keys() and "transform_cells" not in vars(cls):
            # What a parent class makes of cells may be something else.
            cls.transform_cells = InputEncoder.transform_cells

    @classmethod
    def suits(cls, column):
        """Say why this encoder would take a column that nobody assigned.

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
    def alike(cls, column, other):
        """Return whether two columns that this encoder would take should share one encoder and one branch.

        Parameters
        ----------
        column, other : Series of shape (n_rows,)
            Training rows of columns that nobody assigned.

        Returns
        -------
        bool
            True where what is learned of one column holds for the other.
        """
        return False

    @classmethod
    def make_inferred(cls):
        """Make the encoder for a column that nobody assigned.

        Returns
        -------
        InputEncoder
            With the parameters that suit most tables.
        """
        return cls()

    def fit(self, columns, y=None):
        """Learn from training rows.

        Parameters
        ----------
        columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
            A Series when the router names the column by a single string.
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
        ndarray of shape (n_rows, *shape)
            The array that `spec` describes.
        """
        raise NotImplementedError

    def encode_and_flag(self, columns):
        """Encode rows and tell which of them hold nothing.

        Parameters
        ----------
        columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
            As in `fit`.

        Returns
        -------
        array : ndarray of shape (n_rows, *shape)
            What `transform` gives.
        missing : ndarray of shape (n_rows,), bool
            True where every cell of the row is missing.
        """
        return self.transform(columns), self.missing(columns)

    def missing(self, columns):
        """Return which rows hold nothing, without the array.

        Parameters
        ----------
        columns : Series of shape (n_rows,) or DataFrame of shape (n_rows, n_columns)
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_rows,), bool
            What `encode_and_flag` gives beside the array: True where every cell of the row is missing.
        """
        return missing_rows(columns)

    def transform_cells(self, cells, empty):
        """Encode a few rows that are given as Python objects, which spares the calls of pandas; optional.

        Parameters
        ----------
        cells : ndarray of shape (n_rows, n_columns), object
            The cells of up to 16 rows.
        empty : ndarray of shape (n_rows, n_columns), bool
            True where a cell is missing.

        Returns
        -------
        ndarray of shape (n_rows, *shape) or None
            What `transform` gives for these rows, to the last bit; None leaves them to `transform`,
            as it must where cells are to be refused.
        """
        return None

    def fit_encode_and_flag(self, columns, y=None, **fit_params):
        """Learn from training rows and encode them: what `fit`, then `encode_and_flag` give.

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
        array : ndarray of shape (n_rows, *shape)
            The encoded training rows.
        missing : ndarray of shape (n_rows,), bool
            True where every cell of the row is missing.
        """
        return self.fit(columns, y, **fit_params).encode_and_flag(columns)

    def end_parts(self):
        """Forget what only further parts need, as counts of all words are: a table was read to its end.

        An encoder with ``partial_fit``, which learns from a table that is read in parts, keeps
        it in the attribute ``_partial``.
        """
        vars(self).pop("_partial", None)

    def spec(self, name):
        """Describe the array that `transform` gives.

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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # An array has the dtype that its spec says, whatever came in.
        tags.transformer_tags.preserves_dtype = []
        return tags


class Branch(BaseEstimator):
    """The sub-network of one input: an array of its spec to a vector a row.

    Subclasses say which kinds they read and implement `connect`.

    Attributes
    ----------
    reads : tuple of str
        The kinds that the branch can read; an empty tuple means any.
    memorises : bool
        True where a network with this branch soon knows its training rows by heart, so
        that the hold-out, not a plan, says when to slow down.

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
    memorises = False
    _parameter_constraints: dict = {}

    def build(self, spec, sample=None):
        """Make the Keras model of the branch.

        The model takes the array as the encoder gives it. Before `connect` sees it,
        pixels are brought from 0-255 to 0-1 and NaN is replaced by a learned value
        (steps that are NaN throughout are masked).

        Parameters
        ----------
        spec : ArraySpec
            The array to read.
        sample : ndarray of shape (n_rows, *spec.shape) or None
            Up to 10,000 encoded training rows, for first values that depend on data; of a
            lazy input a `LazyArray`, of which ``sample[rows]`` and ``np.asarray`` encode rows.

        Returns
        -------
        keras.Model
            Maps (batch, *spec.shape) to (batch, width).

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
            output = self._connect_flat(_readable(inputs, spec, sample), spec, sample)
            return keras.Model(inputs, output, name=names["branch"])
        fixed = keras.Model(inputs, fixed(inputs), name=names["features"], trainable=False)
        values = keras.Input(fixed.output_shape[1:], dtype=fixed.output.dtype, name=names["values"])
        rest = keras.Model(values, self._connect_flat(values, spec, sample), name=names["branch"])
        return keras.Model(inputs, rest(fixed(inputs)), name=names["branch"])

    def features(self, spec, sample):
        """Make what of the branch is fixed before training; nothing, unless a subclass does.

        An estimator's `fit` computes the features of its rows once, not in every epoch.

        Parameters
        ----------
        spec : ArraySpec
            The array to read.
        sample : ndarray of shape (n_rows, *spec.shape) or None
            Up to 10,000 encoded training rows.

        Returns
        -------
        keras.Model or None
            Maps the encoder's array to the tensor that `connect` then gets; without weights
            to train, and the same in training and prediction.
        """
        return None

    def connect(self, tensor, spec, sample):
        """Connect the layers of the branch.

        Parameters
        ----------
        tensor : KerasTensor of shape (batch, *spec.shape)
            The input, free of NaN; pixels as floats of 0-1. Of a branch that has `features`,
            these.
        spec : ArraySpec
            The array as the encoder gave it.
        sample : ndarray of shape (n_rows, *spec.shape) or None
            Up to 10,000 encoded training rows.

        Returns
        -------
        KerasTensor of shape (batch, width)
            What the merge gets; higher ranks are flattened.
        """
        raise NotImplementedError

    def _connect_flat(self, tensor, spec, sample):
        """Connect the layers and see to it that they give a vector a row."""
        output = self.connect(tensor, spec, sample)
        if len(output.shape) > 2:
            output = keras.layers.Flatten()(ZeroMasked()(output))
        if len(output.shape) != 2 or output.shape[-1] is None:
            raise BranchMismatchError(
                f"{place(spec.name, spec.columns)}: {type(self).__name__} gives a tensor of shape {output.shape}; "
                "a branch must give (batch, width) with a width that is known."
            )
        return output

    def _check_kind(self, spec):
        """Refuse an array of a kind that this branch does not read."""
        if self.reads and spec.kind not in self.reads:
            raise BranchMismatchError(
                f"{place(spec.name, spec.columns)}: {type(self).__name__} reads {' or '.join(self.reads)} arrays, "
                f"but the input's encoder gives a {spec.kind} array ({spec.describe()}). Give the input a branch "
                f"that reads {spec.kind} arrays, or leave it out of `branches` to get its default."
            )


def _readable(tensor, spec, sample):
    """Bring pixels to 0-1 and free floats of NaN."""
    if spec.dtype == "uint8":
        return keras.layers.Rescaling(1 / 255)(tensor)
    if not spec.dtype.startswith("float"):
        return tensor
    return LearnedFill(initial=None if sample is None else feature_means(sample))(tensor)


def missing_rows(columns):
    """Mark the rows in which every cell is missing: bool array of shape (n_rows,)."""
    empty = np.asarray(pd.isna(columns))
    if empty.ndim == 1:
        return empty
    # To look for any missing cell takes a tenth of the time of a look at each row.
    return empty.all(axis=1) if empty.any() else np.zeros(len(empty), dtype=bool)


def as_frame(columns):
    """Return columns as a DataFrame, be they a Series, a frame, or an array."""
    if isinstance(columns, pd.DataFrame):
        return columns
    return columns.to_frame() if isinstance(columns, pd.Series) else pd.DataFrame(columns)


def one_column(columns, encoder):
    """Return the only column of an input as a Series, or refuse several."""
    frame = as_frame(columns)
    if frame.shape[1] != 1:
        raise InputMismatchError(
            f"{type(encoder).__name__} reads one column, got {frame.shape[1]}: {list(frame.columns)}. "
            "Name a single column, or give each column an input of its own."
        )
    return frame.iloc[:, 0]


def refuse_cells(column, wrong, expected, advice):
    """Raise for the cells of a Series that `wrong` marks: `expected` is the rule, `advice` the way out."""
    if not wrong.any():
        return
    position = int(np.flatnonzero(wrong)[0])
    # As a Python object, whose repr is that of the table (7, not np.int64(7)).
    cell = column.iloc[[position]].tolist()[0]
    found = repr(cell) if len(repr(cell)) <= 80 else repr(cell)[:77] + "..."
    raise InputMismatchError(
        f"column {column.name!r}: {int(wrong.sum())} of {len(column)} cells are not {expected}, first at row label "
        f"{label_at(column.index, position)!r}: {found} (type {type(cell).__name__}). {advice}"
    )


def check_frame(encoder, columns, *, reset, dtype="numeric"):
    """Return columns as a frame whose names and number are those of fit.

    Arrays pass scikit-learn's own checks (two dimensions, no infinity, `dtype`);
    frames and Series keep the dtype of each column.
    """
    if isinstance(columns, pd.Series):
        columns = columns.to_frame()
    if isinstance(columns, pd.DataFrame):
        # scikit-learn's comparison of the names costs more than the encoding of a single row.
        if not reset and list(columns.columns) == list(getattr(encoder, "feature_names_in_", ())):
            return columns
        if reset and 0 in columns.shape:
            what = "sample(s)" if not len(columns) else "feature(s)"
            raise InputMismatchError(
                f"Found 0 {what} (shape={columns.shape}) while a minimum of 1 is required by {type(encoder).__name__}."
            )
        # Columns that share a name, which scikit-learn does not take, are known by their positions.
        named = columns if columns.columns.is_unique else columns.set_axis(range(columns.shape[1]), axis=1)
        validate_data(encoder, named, skip_check_array=True, reset=reset)
        return columns
    return pd.DataFrame(validate_data(encoder, columns, reset=reset, dtype=dtype, ensure_all_finite="allow-nan"))


def check_part(encoder, columns, state):
    """Check parameters, and that further columns are those of the parts before."""
    encoder._validate_params()
    if state is not None and hasattr(columns, "shape"):
        check_frame(encoder, as_frame(columns), reset=False)


def keep_names(encoder, part):
    """Return an encoder the columns of the part that it has learned from last."""
    encoder.n_features_in_ = part.n_features_in_
    if hasattr(part, "feature_names_in_"):
        encoder.feature_names_in_ = part.feature_names_in_


def cannot_learn_in_parts(encoder):
    """Say that an encoder needs all rows at once."""
    return (
        f"{type(encoder).__name__} learns from all rows at once (it has no partial_fit), so that it cannot be fitted "
        "on a table that is read in parts. Use one of skmulti's (e.g. CategoryIndexer with OneHotBranch) or one of "
        "scikit-learn's with partial_fit, such as StandardScaler; or fit on a DataFrame."
    )
