"""Checks of encoded arrays, and the object that stands in for a router if arrays were encoded elsewhere.

Checks look at the extremes of an array first. They look at every value only if an extreme is wrong, to name the first
row at fault. Ids must be checked here, because Keras does not: -1 silently reads the last row of an embedding.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from ..errors import InputMismatchError, closest_match, quote, quote_first, shorten
from ..inputs import ENCODERS, infer_spec
from .frames import lengths_error
from .routes import check_encoded


def by_name(inputs, specs, source_name):
    """Return the inputs of a batch as a dict by input name.

    Parameters
    ----------
    inputs : dict, tuple, list or array
        Arrays by name, or in the order of `specs`.
    specs : dict of str to ArraySpec
        The network's inputs.
    source_name : str
        What error messages call the source of the batch.

    Returns
    -------
    dict of str to ndarray
        An array for each input; of a dict also its missing flags.

    Raises
    ------
    InputMismatchError
        If the number or the names of the inputs differ from those of `specs`.
    """
    wanted = {name: spec.shape for name, spec in specs.items()}
    if not any(wanted.values()):
        wanted = quote(wanted)  # before the first batch no shapes are known
    if isinstance(inputs, Mapping):
        flags = {spec.missing_name for spec in specs.values() if spec.missing_name}
        for name in specs:
            if name not in inputs:
                raise InputMismatchError(
                    f"{source_name} yields {quote(inputs)}, but no array for the input {name!r}; the network has the "
                    f"inputs {wanted}.{closest_match(name, inputs)}"
                )
        extra = [name for name in inputs if name not in specs and name not in flags]
        if extra:
            raise InputMismatchError(
                f"{source_name} yields {quote(extra)}, which is no input; the network has the inputs "
                f"{wanted}.{closest_match(extra[0], specs)} Leave it out."
            )
        return {name: _as_array(name, array, source_name) for name, array in inputs.items()}
    # A list that begins with a number is one array, and not a list of arrays.
    several = isinstance(inputs, tuple | list) and not np.isscalar(inputs[0] if len(inputs) else 0)
    arrays = list(inputs) if several else [inputs]
    if len(arrays) != len(specs):
        width = f" of width {np.shape(arrays[0])[-1]}" if len(arrays) == 1 and np.ndim(arrays[0]) > 1 else ""
        raise InputMismatchError(
            f"{source_name} yields {len(arrays)} array{'s' * (len(arrays) != 1)}{width}; the estimator expects "
            f"{wanted}. "
            "Yield a dict: ({name: array, ...}, y). A tuple of two or three is read as (inputs, y[, sample_weight])."
        )
    return {name: _as_array(name, array, source_name) for name, array in zip(specs, arrays, strict=True)}


def _as_array(name, array, source_name):
    """Return one input of a batch as an array of numbers; a 1-D array becomes one column."""
    if isinstance(array, list | tuple) and any(np.ndim(part) > 1 for part in array):
        lengths = [len(part) for part in array]
        raise InputMismatchError(
            f"Input {name!r}: {source_name} yields a list of {len(array)} arrays of {lengths[0]} rows in one batch; "
            f"concatenate them to one array of {sum(lengths)} rows, or yield them one by one."
        )
    try:
        array = np.asarray(array)
    except ValueError as error:
        raise InputMismatchError(f"Input {name!r}: {source_name} yields rows of different shapes ({error}).") from error
    if array.dtype.kind not in "biuf" or not array.ndim:
        raise InputMismatchError(
            f"Input {name!r}: {source_name} yields an array of shape {array.shape} and dtype {array.dtype}; a batch "
            f"holds arrays of numbers that are encoded already. {_encoding_advice(array)}".rstrip()
        )
    return array[:, None] if array.ndim == 1 else array


def _encoding_advice(array):
    """Return the way out for an array of a batch that holds no numbers."""
    texts = next((cell for cell in array.flat if isinstance(cell, str | bytes)), None)
    if texts is not None:
        return (
            f"It holds texts such as {shorten(repr(texts), 40)}. Encode them (keras.layers.StringLookup), or give a "
            "function that makes DataFrames, whose columns the router encodes."
        )
    advice = "A value without an id, such as None, must have one: 1 is the id of unknown values."
    return advice if array.dtype == object else ""


def check_batch(inputs, specs, source_name, first_row=0):
    """Return the inputs of a batch as the network takes them, or refuse them.

    Parameters
    ----------
    inputs : dict, tuple, list or array
        Encoded arrays by input name, or in the order of `specs`.
    specs : dict of str to ArraySpec
        The network's inputs.
    source_name : str
        What error messages call the source of the batch.
    first_row : int
        Number of the batch's first row, from which error messages count.

    Returns
    -------
    dict of str to ndarray
        Arrays of the shapes and dtypes of `specs`, and their missing flags.

    Raises
    ------
    InputMismatchError
        If names, number, shapes, dtypes or ids differ from those of the specs.
    """
    arrays = by_name(inputs, specs, source_name)
    n_rows = len(next(iter(arrays.values())))
    labels = pd.RangeIndex(first_row, first_row + n_rows)
    encoded = {}
    for name, spec in specs.items():
        array = arrays[name]
        if len(array) != n_rows:
            raise lengths_error({other: len(rows) for other, rows in arrays.items()})
        # Bools, too, are taken for numbers of any kind: flags are mostly made by a comparison.
        fits = array.shape[1:] == spec.shape and np.can_cast(array.dtype, spec.dtype, "same_kind")
        if not fits and not (array.shape[1:] == spec.shape and array.dtype.kind == "b"):
            raise InputMismatchError(
                f"Input {name!r}: {source_name} yields rows of shape {array.shape[1:]} and dtype {array.dtype}; "
                f"expected {spec.shape} and {spec.dtype}."
            )
        encoded[name] = check_encoded(array, spec, labels)
        if spec.missing_name:
            # Without flags in the batch, no row counts as missing.
            flags = np.asarray(arrays.get(spec.missing_name, np.zeros(n_rows, bool)))
            encoded[spec.missing_name] = flags.reshape(n_rows, 1).astype(bool)
    return encoded


def first_specs(inputs, names, kinds, source_name, floats):
    """Return the specs of a first batch by input name; they leave the sizes of vocabularies open.

    Parameters
    ----------
    inputs : dict, tuple, list or array
        The arrays of the batch.
    names : list of str or None
        Names of the router's inputs. None takes the names in a dict, or ``input_0``, ``input_1``, ...
    kinds : dict of str to str
        The kinds that the user's branches read, by input name; an input without an entry gets a kind by its array.
    source_name : str
        What error messages call the source of the batch.
    floats : str
        Data type of float arrays.

    Returns
    -------
    dict of str to ArraySpec
        The specs.
    """
    if names is None:
        several = isinstance(inputs, tuple | list)
        names = list(inputs) if isinstance(inputs, Mapping) else None
        names = names or [f"input_{i}" for i in range(len(inputs) if several else 1)]
    # Shapes are not known yet, so placeholders stand for the specs: only names and their number can be wrong.
    arrays = by_name(inputs, {name: infer_spec(name, (), np.dtype("f4"), None) for name in names}, source_name)
    specs = {}
    for name in names:
        array = arrays[name]
        # One batch need not hold the largest id. The vocabulary gets the largest size that is an int32: any id passes.
        largest = np.full(array.shape[1:2], 2**31 - 2)
        specs[name] = infer_spec(name, array.shape[1:], array.dtype, largest, kind=kinds.get(name), floats=floats)
    return specs


class EncodedInputs(TransformerMixin, BaseEstimator):
    """Stand in for the router of an estimator that was fitted on encoded arrays.

    Parameters
    ----------
    specs : dict of str to ArraySpec
        What the array of each input holds.

    Attributes
    ----------
    specs_ : dict of str to ArraySpec
        What the array of each input holds.
    encoders_ : dict
        Empty, as nothing was encoded here.
    n_features_in_ : int
        Number of inputs.
    """

    def __init__(self, specs):
        self.specs = specs
        # There is nothing to learn, so it counts as fitted from the start.
        self.specs_, self.encoders_, self.n_features_in_ = specs, {}, len(specs)

    def fit(self, X, y=None):
        """Do nothing, as the arrays are encoded already."""
        return self

    def transform(self, X):
        """Return arrays, which come by name or in order, as the dict that the network takes."""
        return check_batch(X, self.specs_, f"X, a {type(X).__name__},")

    def encode(self, X, *, folder=None):
        """Return what `transform` returns; `folder` is ignored."""
        return self.transform(X)

    def chunks(self, X, *, folder=None, only=None, warns=True):
        """Yield what `transform` returns, as a single chunk; the arguments are ignored."""
        yield self.transform(X)

    def columns_read(self, columns):
        """Refuse a table: there is no router that could read its columns."""
        raise InputMismatchError(
            f"The estimator was fitted on encoded arrays, so it reads no table with the columns "
            f"{quote_first(columns)}. Fit it on tables, or predict arrays: estimator.predict({{input name: array}})."
        )

    def default_branches(self):
        """Return the default branch of each input: that of the first encoder which makes its kind."""
        readers = [encoder.default_branch for encoder in ENCODERS]
        return {name: next(r for r in readers if spec.kind in r.reads)() for name, spec in self.specs_.items()}
