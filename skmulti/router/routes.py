"""A route: one input on its way from the columns of a table to a checked array.

A route knows nothing of other inputs. It takes its columns out of a table, gives them the names that the encoder was
fitted on, encodes them at once or lazily, and adds the input's name to errors.
"""

import copy
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from ..errors import InputMismatchError, MissingValuesWarning, place, quote_first, row_at, warn
from ..inputs import odd_cells_gathered
from .frames import label_position, take_columns
from .lazy import AT_ONCE, LazyArray, lazy_array

# What to do about errors of scikit-learn's transformers, by words of these.
_WAYS_OUT = {
    "could not convert string": ". Use OneHotEncoder or CategoryIndexer for words.",
    "Found unknown categories": ". OneHotEncoder(handle_unknown='ignore') and CategoryIndexer pass over them.",
}


@dataclass(frozen=True)
class Route:
    """One input: its columns, its encoder, and what is known of both after `fit`.

    Parameters
    ----------
    name : str
        Name of the input.
    encoder : InputEncoder, or str
        The encoder. Before `fit` it may be a word or another transformer, as in `InputRouter`.
    positions : tuple of int
        Positions of its columns at fit; empty for an input of a dict of arrays.
    labels : tuple
        Labels of its columns at fit.
    single : bool
        Whether the encoder gets its only column as a Series.
    spec : ArraySpec or None
        What the fitted encoder makes of the columns.
    saw_missing : bool
        Whether a cell was missing at fit.
    fitted_names : tuple
        Names of the columns that the encoder was fitted on. If inputs share it, they are the first input's.
    """

    name: str
    encoder: object
    positions: tuple
    labels: tuple
    single: bool
    spec: object = None
    # True until `fit` knows better: a route that is not fitted has nothing to warn of.
    saw_missing: bool = True
    fitted_names: tuple = ()

    @property
    def may_be_lazy(self):
        """Whether rows may be encoded when a batch asks for them."""
        return getattr(self.encoder, "lazy", False) is not False

    @property
    def in_pieces(self):
        """Whether threads may encode parts of the rows."""
        return getattr(self.encoder, "in_pieces", False)

    def positions_in(self, places=None):
        """Return the positions of the columns in a table, with `places` as in `columns_in`."""
        return self.positions if places is None else [places[position] for position in self.positions]

    def columns_in(self, table, places=None):
        """Return the input's columns, a Series or a frame, under their names at fit.

        Parameters
        ----------
        table : DataFrame, or dict of str to (Series or DataFrame)
            The table.
        places : dict of int to int, or None
            Positions in the table by positions at fit. None means that they are the same.
        """
        if not isinstance(table, pd.DataFrame):
            columns = table[self.name]
            return columns if self.single or isinstance(columns, pd.DataFrame) else columns.to_frame()
        positions = self.positions_in(places)
        if self.single:
            return table.iloc[:, positions[0]]
        columns = take_columns(table, positions)
        if len({isinstance(label, str) for label in self.labels}) > 1:
            # scikit-learn refuses a frame if some of its columns have strings for names and others do not.
            columns = columns.set_axis([str(label) for label in self.labels], axis=1)
        return columns

    def with_knowledge(self, fitted_names, has_missing, saw_missing):
        """Return a route whose encoder is fitted, with its spec.

        Parameters
        ----------
        fitted_names : tuple
            Names of the columns that the encoder was fitted on.
        has_missing : bool
            Whether some training rows held nothing.
        saw_missing : bool
            Whether some training cells were missing.
        """
        # Float arrays keep NaN, and the branch fills it. Pixels and ids cannot say that a row holds nothing: their
        # encoder asks for flags, but without missing training rows the network would learn nothing from them.
        flagged = self.encoder.flags_missing and has_missing
        spec = replace(
            self.encoder.spec(self.name),
            columns=self.labels,
            has_missing=has_missing,
            missing_name=f"{self.name}__missing" if flagged else None,
        )
        return replace(self, spec=spec, saw_missing=saw_missing, fitted_names=fitted_names)

    def encode(self, columns, decoding=AT_ONCE):
        """Encode the input's columns.

        Parameters
        ----------
        columns : Series or DataFrame
            From `columns_in`.
        decoding : Decoding
            When rows are encoded.

        Returns
        -------
        array : ndarray or LazyArray of shape ``(n_rows, *spec.shape)``
            The rows.
        missing : ndarray of shape (n_rows,), bool, or None
            True where a row holds nothing; None if the spec has no name for the flags.
        """
        with self.errors_located():
            columns = rename(columns, self.fitted_names)
            # While the router is fitted there is no spec yet: the flags of these very rows decide what it says.
            spec = self.spec or replace(self.encoder.spec(self.name), columns=self.labels)
            if not self.may_be_lazy or not decoding.applies(self.encoder, len(columns), spec):
                flags = self.spec is None or spec.missing_name
                return self.encoder.encode_and_flag(columns) if flags else (self.encoder.transform(columns), None)
        array = lazy_array(partial(self._encode_piece, spec), columns, self.encoder, spec, decoding.folder)
        # To know which rows of a sample are missing, all would have to be read.
        if decoding.as_sample:
            return array, np.zeros(len(array), dtype=bool)
        return (array, array.read_through()) if decoding.lazily else array.encode()

    def encode_cells(self, cells, empty):
        """Encode a few rows of Python objects as `InputEncoder.transform_cells` does; None leaves them to `encode`."""
        with self.errors_located():
            return self.encoder.transform_cells(cells, empty)

    def missing(self, columns):
        """Return which rows hold nothing: bool array of shape (n_rows,)."""
        with self.errors_located():
            return self.encoder.missing(rename(columns, self.fitted_names))

    def measure(self, columns, encode=None, *, training=False):
        """Return what the encoder measures of each column; see `InputEncoder.measure`."""
        with self.errors_located():
            return self.encoder.measure(rename(columns, self.fitted_names), encode, training=training)

    def show(self, columns):
        """Return the HTML of each cell of each column; see `InputEncoder.show`."""
        with self.errors_located(), odd_cells_gathered([]):
            return self.encoder.show(rename(columns, self.fitted_names))

    def lenient(self):
        """Return a route whose encoder counts odd cells as missing, if it can, and notes them."""
        if getattr(self.encoder, "on_odd", None) != "raise":
            return self
        encoder = copy.copy(self.encoder)
        encoder.on_odd = "missing"
        return replace(self, encoder=encoder)

    def warn_of_missing(self, columns):
        """Warn if cells are missing in an input that had no missing cells at fit."""
        if self.saw_missing:
            return
        empty = pd.isna(columns).to_numpy()
        if not empty.any():
            return
        rows = empty.any(axis=1) if empty.ndim == 2 else empty
        # A float array keeps NaN, and the branch fills it.
        ids = self.spec.dtype not in ("float32", "float64")
        warn(
            f"{place(self.name, self.labels)}: {int(rows.sum())} of {len(rows)} rows have missing values, first at "
            f"{row_at(columns.index, rows.argmax())}; there were none at fit, so that nothing was "
            f"learned about them. {'They count as missing' if ids else 'They are filled with the training mean'}. Fit "
            "on rows with missing values, or fill them yourself: X.fillna(...).",
            MissingValuesWarning,
        )

    def feature_names(self):
        """Return names of the features: ``input__feature``, or the input's name if its encoder names none."""
        transformer = getattr(self.encoder, "transformer", self.encoder)
        if is_word(transformer, "passthrough"):
            names = self.labels
        elif hasattr(getattr(self.encoder, "transformer_", self.encoder), "get_feature_names_out"):
            names = self.encoder.get_feature_names_out()
        else:
            return [self.name]
        return [f"{self.name}__{name}" for name in names]

    @contextmanager
    def errors_located(self):
        """Add to an error in the encoder the input in which it happened."""
        try:
            yield
        except Exception as error:
            encoder = getattr(self.encoder, "transformer", self.encoder)
            where = f"{place(self.name, self.labels)}, encoder {type(encoder).__name__}"
            if isinstance(error, InputMismatchError):
                # The place already names the column if there is only one, so the message need not name it again.
                said = f"column {self.labels[0]!r}: " if len(self.labels) == 1 else ""
                raise type(error)(f"{place(self.name, self.labels)}: {str(error).removeprefix(said)}") from error
            # scikit-learn's advice to reshape an array does not help with a frame; a list of one column's name does.
            if self.single and any(hint in str(error) for hint in ("Expected 2D array", "Expected a 2-dimensional")):
                raise InputMismatchError(
                    f"{where}: 1D data passed to a transformer that expects 2D data. Name the column in a list: "
                    f"{list(self.labels)}."
                ) from error
            # Any other error keeps its type and traceback, since it may come from a transformer of the user's.
            hint = next((way for said, way in _WAYS_OUT.items() if said in str(error)), "")
            error.add_note(f"while encoding: {where}{hint}")
            raise

    def _encode_piece(self, spec, columns):
        """Encode some rows of a lazy input; return (array, missing), checked as other arrays are."""
        with self.errors_located():
            array, missing = self.encoder.encode_and_flag(columns)
        return check_encoded(array, spec, columns.index), missing


def is_word(encoder, word):
    """Return whether an encoder is the string `word`."""
    # The encoder may be any object of the user's, whose own `==` need not return a bool.
    return isinstance(encoder, str) and encoder == word


def names_of(columns):
    """Return the names of columns as a tuple."""
    return (columns.name,) if isinstance(columns, pd.Series) else tuple(columns.columns)


def rename(columns, names):
    """Return columns under other names, which are those that the encoder was fitted on."""
    if names_of(columns) == tuple(names):
        return columns
    if len(names_of(columns)) != len(names):
        raise InputMismatchError(f"got {len(names_of(columns))} columns, the encoder is fitted on {len(names)}.")
    if isinstance(columns, pd.Series):
        return columns.rename(names[0])
    # A tuple may be the label of one column: pandas must not make several levels of labels of it.
    return columns.set_axis(pd.Index(names, tupleize_cols=False), axis=1)


def has_gaps(columns):
    """Return whether some cells are missing."""
    return bool(pd.isna(columns).to_numpy().any())


def places_by_label(table, routes):
    """Find the columns that inputs read by their labels; return {position at fit: position in the table}."""
    # All labels are listed once, because a search in the columns for each input would be quadratic in wide tables. Only
    # a label that is absent or occurs twice is searched for again, in `label_position`, which raises the error.
    standing = {}
    for i, label in enumerate(table.columns):
        standing.setdefault(label, []).append(i)
    found = {}
    for route in routes:
        for position, label in zip(route.positions, route.labels, strict=True):
            places = standing.get(label, [])
            found[position] = places[0] if len(places) == 1 else label_position(table, label, route.name)
    return found


def check_encoded(array, spec, labels):
    """Return an array if it is as its spec promises, or refuse it and name the first row at fault."""
    if isinstance(array, LazyArray):
        return array  # its rows are checked when they are encoded
    array = np.asarray(array)
    # Only casts within a kind of dtype are safe: others would cut an id of 1.9 to 1, and wrap a pixel of 300 to 44.
    if array.shape != (len(labels), *spec.shape) or not np.can_cast(array.dtype, spec.dtype, "same_kind"):
        raise InputMismatchError(
            f"{place(spec.name, spec.columns)}: the encoder gave an array of shape {array.shape} and dtype "
            f"{array.dtype}, its spec promises {(len(labels), *spec.shape)} and {spec.dtype}."
        )
    array = array.astype(spec.dtype, copy=False)
    # NaN passes: in a float array it stands for a missing value, which the branch fills.
    if array.dtype.kind == "f":
        wrong, what = _mark_infinities(array), "are infinite or too large for " + array.dtype.name
        advice = "Replace infinity by np.nan, which counts as missing."
    elif spec.vocabulary_sizes:
        wrong = _mark_outsiders(array, spec.vocabulary_sizes)
        what, advice = (
            f"are ids outside of 0 to {quote_first(dict.fromkeys(size - 1 for size in spec.vocabulary_sizes), 5)}",
            "Give unknown values id 1, missing ones 0.",
        )
    else:
        return array
    if wrong is not None:
        rows = wrong.reshape(len(labels), -1).any(axis=1)
        raise InputMismatchError(
            f"{place(spec.name, spec.columns)}: {int(wrong.sum())} of {wrong.size} values {what}, first at "
            f"{row_at(labels, rows.argmax())}. {advice}"
        )
    return array


def _mark_infinities(array):
    """Return a bool array of the infinite values, or None if there are none."""
    # The extremes need no array of their own. Unlike min and max, fmin and fmax pass over NaN.
    if not array.size or np.isfinite([np.fmin.reduce(array, axis=None), np.fmax.reduce(array, axis=None)]).all():
        return None
    wrong = np.isinf(array)
    return wrong if wrong.any() else None


def _mark_outsiders(ids, sizes):
    """Return a bool array of the ids that are out of range, or None if there are none."""
    # Columns may have vocabularies of different sizes. Ids below the smallest size are right in any of them.
    if not ids.size or (ids.min() >= 0 and ids.max() < min(sizes)):
        return None
    wrong = (ids < 0) | (ids >= np.asarray(sizes))
    return wrong if wrong.any() else None
