"""Arrays that are encoded already: what they must look like, and what stands for their router."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from ..errors import InputMismatchError, closest_match, quote
from ..inputs import ENCODERS, infer_spec
from .routes import check_encoded


def by_name(inputs, specs, source_name):
    """Bring a batch's inputs to a dict by input name.

    Parameters
    ----------
    inputs : dict, tuple, list or array
        By name, or in the order of `specs`.
    specs : dict of str to ArraySpec
        The network's inputs.
    source_name : str
        For messages.

    Returns
    -------
    dict of str to ndarray
        Exactly the inputs.

    Raises
    ------
    InputMismatchError
        If their number or names differ.
    """
    wanted = {name: spec.shape for name, spec in specs.items()}
    if not any(wanted.values()):
        wanted = quote(wanted)  # before the first batch nothing is known of shapes
    if isinstance(inputs, Mapping):
        flags = {spec.missing_name for spec in specs.values() if spec.missing_name}
        for name in specs:
            if name not in inputs:
                raise InputMismatchError(
                    f"{source_name} yields {quote(inputs)}, but not the input {name!r}; the network has the inputs "
                    f"{wanted}.{closest_match(name, inputs)}"
                )
        extra = [name for name in inputs if name not in specs and name not in flags]
        if extra:
            raise InputMismatchError(
                f"{source_name} yields {quote(extra)}, which is no input; the network has the inputs "
                f"{wanted}.{closest_match(extra[0], specs)} Leave it out."
            )
        return {name: _as_array(name, array, source_name) for name, array in inputs.items()}
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
    """Return one input of a batch as an array of numbers, a column for each value."""
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
        advice = "A value without an id, such as None, must have one: 1 is the id of unknown values."
        raise InputMismatchError(
            f"Input {name!r}: {source_name} yields an array of shape {array.shape} and dtype {array.dtype}; a batch "
            f"holds arrays of numbers that are encoded already. {advice if array.dtype == object else ''}".rstrip()
        )
    return array[:, None] if array.ndim == 1 else array


def check_batch(inputs, specs, source_name, first_row=0):
    """Bring a batch's inputs to what the network takes, or refuse them.

    Parameters
    ----------
    inputs : dict, tuple, list or array
        Encoded arrays by input name, or in order.
    specs : dict of str to ArraySpec
        The network's inputs.
    source_name : str
        For messages.
    first_row : int
        Number of the batch's first row, for messages.

    Returns
    -------
    dict of str to ndarray
        Arrays of the specs' shapes and dtypes, and their missing flags.

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
            counts = {other: len(rows) for other, rows in arrays.items()}
            raise InputMismatchError(f"Found inputs with inconsistent numbers of samples: {counts}.")
        fits = array.shape[1:] == spec.shape and np.can_cast(array.dtype, spec.dtype, "same_kind")
        if not fits and not (array.shape[1:] == spec.shape and array.dtype.kind == "b"):
            raise InputMismatchError(
                f"Input {name!r}: {source_name} yields rows of shape {array.shape[1:]} and dtype {array.dtype}; "
                f"expected {spec.shape} and {spec.dtype}."
            )
        encoded[name] = check_encoded(array, spec, labels)
        if spec.missing_name:
            flags = np.asarray(arrays.get(spec.missing_name, np.zeros(n_rows, bool)))
            encoded[spec.missing_name] = flags.reshape(n_rows, 1).astype(bool)
    return encoded


def first_specs(inputs, names, kinds, source_name, floats):
    """Describe the inputs of a first batch: dict of str to `ArraySpec`, sizes of vocabularies left open.

    Parameters
    ----------
    inputs : dict, tuple, list or array
        The batch's.
    names : list of str or None
        The router's inputs; None takes those of a dict, or ``input_0``, ``input_1``, ...
    kinds : dict of str to str
        What the branches of some inputs read.
    source_name, floats : str
        For messages; the precision of floats.
    """
    if names is None:
        several = isinstance(inputs, tuple | list)
        names = list(inputs) if isinstance(inputs, Mapping) else None
        names = names or [f"input_{i}" for i in range(len(inputs) if several else 1)]
    # Shapes are not known yet: only names and their number can be wrong.
    arrays = by_name(inputs, {name: infer_spec(name, (), np.dtype("f4"), None) for name in names}, source_name)
    specs = {}
    for name in names:
        array = arrays[name]
        largest = np.full(array.shape[1:2], 2**31 - 2)
        specs[name] = infer_spec(name, array.shape[1:], array.dtype, largest, kind=kinds.get(name), floats=floats)
    return specs


class EncodedInputs(TransformerMixin, BaseEstimator):
    """Stands for the router of an estimator that was fitted on encoded arrays.

    Parameters
    ----------
    specs : dict of str to ArraySpec
        The inputs.

    Attributes
    ----------
    specs_ : dict of str to ArraySpec
        The inputs.
    encoders_ : dict
        Empty.
    n_features_in_ : int
        Number of inputs.
    """

    def __init__(self, specs):
        self.specs = specs
        self.specs_, self.encoders_, self.n_features_in_ = specs, {}, len(specs)

    def fit(self, X, y=None):
        """Do nothing: the arrays are encoded."""
        return self

    def transform(self, X):
        """Bring arrays by name or in order to the network's dict."""
        return check_batch(X, self.specs_, f"X, a {type(X).__name__},")

    def encode(self, X, *, folder=None):
        """As `transform`."""
        return self.transform(X)

    def chunks(self, X, *, folder=None):
        """As `transform`, all at once."""
        yield self.transform(X)

    def default_branches(self):
        """Return the first branch that reads each input's kind."""
        readers = [encoder.default_branch for encoder in ENCODERS]
        return {name: next(r for r in readers if spec.kind in r.reads)() for name, spec in self.specs_.items()}
