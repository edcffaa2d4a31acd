"""Labels of one or several columns: their checks, their numbers and their weights."""

import copy
from numbers import Real

import numpy as np
import pandas as pd
import scipy.sparse
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from ..errors import InputMismatchError, closest_match, quote, row_at, shorten
from ..sources import as_column, as_frame, infer_types


def check_labels(y, name="y"):
    """Return labels as an array of shape (n_rows,), or (n_rows, n_outputs) if y has several columns.

    Columns keep their types: if the labels of one column are text and those of another are
    numbers, the array holds objects.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        What a user hands in.
    name : str
        Name of the argument, for messages.

    Raises
    ------
    TypeError
        If y is sparse.
    ValueError
        If a label is missing, if a column holds measurements, or if y has no columns.
    """
    if scipy.sparse.issparse(y):
        raise TypeError(
            "Sparse data was passed for y, but dense data is required. Use '.toarray()' to convert to a dense array."
        )
    y = as_pandas(y)
    rows = y.index if isinstance(y, pd.DataFrame | pd.Series) else None
    columns, names = _label_columns(y)
    if len(columns) == 1:
        # A Series of pandas' own integers or booleans, which scikit-learn would make floats.
        values = _plain_labels(columns[0] if isinstance(y, pd.Series) else column_or_1d(y, warn=True))
        _check_column(values, rows, name)
        return values
    for values, column in zip(columns, names, strict=True):
        _check_column(values, rows, name, f" of column {column!r}")
    return _join_columns(columns)


def _label_columns(y):
    """Return y's columns and their names; each column is an array with the type of its own labels."""
    if isinstance(y, pd.DataFrame):
        return [_infer_type(y.iloc[:, k].to_numpy()) for k in range(y.shape[1])], list(y.columns)
    if isinstance(y, list | tuple) and len(y) and all(isinstance(row, list | tuple) or np.ndim(row) for row in y):
        lengths = {len(row) for row in y}
        if len(lengths) > 1:
            raise ValueError(_describe_sets(f"rows of y hold {min(lengths)} to {max(lengths)} labels"))
        # Column by column: in one array of all, numbers in a row with text would become text.
        columns = [np.asarray([row[k] for row in y]) for k in range(lengths.pop())]
    else:
        array = np.asarray(y)
        if array.dtype == object and any(isinstance(cell, list | tuple | set | frozenset) for cell in array.flat):
            raise ValueError(_describe_sets("cells of y hold lists"))
        columns = [_infer_type(column) for column in array.T] if array.ndim == 2 else [array]
    if not columns:
        raise ValueError(f"y of shape {np.shape(y)} has no columns. Give one label for each row.")
    if columns[0].ndim > 1:
        raise ValueError(f"y of shape {np.shape(y)} should be a 1d array, or a 2d array of a column for each output.")
    return columns, list(range(len(columns)))


def _describe_sets(found):
    """Return the message for a y that holds a set of labels in each row."""
    return (
        f"{found}. Give a column of 0 and 1 for each label, e.g. sklearn.preprocessing.MultiLabelBinarizer()."
        "fit_transform(y)."
    )


def _infer_type(values):
    """Return an array of objects that are all numbers or booleans with their own type."""
    return infer_types(pd.Series(values, dtype=object)).to_numpy() if values.dtype == object else values


def _plain_labels(values):
    """Return labels that came as objects (out of `DataFrame.to_numpy()`) as numbers or booleans if all are such."""
    inferred = _infer_type(values)
    return inferred if inferred.dtype.kind in "biuf" else values


def _check_column(values, rows, name, where=""):
    """Refuse a column that has a missing label, holds labels of several types, or holds measurements."""
    missing = np.flatnonzero(pd.isna(values))
    if len(missing):
        raise ValueError(
            f"Input {name} contains NaN: {len(missing)} of {len(values)} labels{where} are missing, first at "
            f"{row_at(rows, missing[0])}. {drop_advice(missing, values, name)} Or give them a label of their own, "
            "such as 'unknown'."
        )
    if values.dtype == object:
        _check_objects(values, rows, name, where)
    try:
        check_classification_targets(values)
    except ValueError as error:
        place = f" Found in {name}{where}." if where or name != "y" else ""
        raise ValueError(f"{error}{place}{_fraction_advice(values, rows, name)}") from error


def _fraction_advice(values, rows, name):
    """Return the way out for labels that are fractions, or an empty string for others that are refused."""
    if values.dtype.kind != "f" or not np.isfinite(values).all():
        return ""
    first = int(np.flatnonzero(values != np.floor(values))[0])
    return (
        f" The first fraction of {name} is {values[first]:g} at {row_at(rows, first)}. Use MultiInputRegressor for "
        f"numbers, or make classes of them: pd.cut(y, 3, labels=False)."
    )


def drop_advice(gone, values, name):
    """Return the way out for rows of y without a value, in the words of the caller's argument."""
    if len(gone) == len(values):
        return f"{name} holds nothing at all; is it the right column?"
    known, X = f"pd.notna({name})", name.replace("y", "X")
    return f"Drop them from {X} and {name}: known = {known}; {X}, {name} = {X}[known], {name}[known]."


def _check_objects(values, rows, name, where):
    """Refuse labels that have no order, since they are of several types or of one that is no label."""
    firsts = {}
    for i, value in enumerate(values.tolist()):
        firsts.setdefault(type(value), i)
    # Bytes are refused by scikit-learn, in its own words.
    if set(firsts) <= {str} or set(firsts) == {bytes}:
        return
    found = ", ".join(
        f"{kind.__name__} (first {shorten(repr(values[i]))} at {row_at(rows, i)})"
        for kind, i in list(firsts.items())[:3]
    )
    raise ValueError(
        f"Unknown label type: the labels in {name}{where} are of type {found}; labels must be all strings, all numbers "
        f"or all booleans. Make strings of them: pd.Series({name}).astype(str)."
    )


def _join_columns(columns):
    """Join columns to one array; it holds objects unless one type holds all labels as they are."""
    kinds = {column.dtype.kind for column in columns}
    if len(kinds) == 1 or kinds <= set("iuf") or _are_indicators(columns):
        return np.column_stack(columns)
    joined = np.empty((len(columns[0]), len(columns)), dtype=object)
    for k, column in enumerate(columns):
        joined[:, k] = column
    return joined


def _are_indicators(columns):
    """Return whether all labels are 0 and 1, or False and True."""
    return all(column.dtype.kind in "biuf" and np.isin(column, [0, 1]).all() for column in columns)


class Labels:
    """The labels of a target: the labels of each column, their numbers and their weights.

    Parameters
    ----------
    y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        From `check_labels`.
    classes : array-like, or list of array-like, or None
        All labels; for several columns, a list with an array for each. None takes those of y.
    class_weight : dict, list of dict, "balanced" or None
        Weight of each label; for several columns, a list with an entry for each, or "balanced".
    sample_weight : ndarray of shape (n_rows,) or None
        Weights of the rows. Rows of weight 0 show labels, but do not count for "balanced".

    Attributes
    ----------
    flat : bool
        Whether the target is one column.
    multilabel : bool
        Whether it is several columns of 0 and 1.
    by_output : list of ndarray
        The labels of each column, sorted.
    weights : list of ndarray, or None
        The weights of these labels.
    """

    def __init__(self, y, classes=None, class_weight=None, sample_weight=None):
        columns = [y] if y.ndim == 1 else [_infer_type(column) for column in y.T]
        self.flat = y.ndim == 1
        given = columns if classes is None else self._split_by_output(classes, len(columns), "classes")
        self.by_output = [np.unique(labels) for labels in given]
        self.multilabel = not self.flat and _are_indicators(self.by_output)
        # A label that no training row has, or that all have, still has two values.
        if self.multilabel:
            self.by_output = [np.array([0, 1], dtype=labels.dtype) for labels in self.by_output]
        self.weights = self._weights_of(class_weight, columns, sample_weight)

    def weighed_anew(self, class_weight, y, sample_weight=None):
        """Return the same labels with other weights."""
        labels = copy.copy(self)
        columns = [y] if y.ndim == 1 else [_infer_type(column) for column in y.T]
        labels.weights = self._weights_of(class_weight, columns, sample_weight)
        return labels

    def _weights_of(self, class_weight, columns, sample_weight):
        """Return the weights of the labels of each column, or None."""
        if sample_weight is not None:
            columns = [column[sample_weight > 0] for column in columns]
        return None if class_weight is None else self._weigh_labels(class_weight, columns)

    @property
    def classes(self):
        """The labels as an estimator shows them: an array, of shape (n_labels, 2) for 0 and 1, or a list of arrays."""
        if self.flat:
            return self.by_output[0]
        # An array, not a list: `cross_val_predict` asks for its shape, and scorers tell from it what the target is.
        return np.array(self.by_output) if self.multilabel else self.by_output

    @property
    def weighed_by_output(self):
        """Whether the loss has a value for each output of a row, which may have a weight of its own."""
        return not self.flat and (self.weights is not None or not self.multilabel)

    def are(self, classes):
        """Return whether `classes` are the labels."""
        given = self._split_by_output(classes, len(self.by_output), "classes")
        return all(np.array_equal(np.unique(one), two) for one, two in zip(given, self.by_output, strict=True))

    def check_columns(self, y):
        """Refuse labels of another number of columns."""
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        if self.flat != (y.ndim == 1) or n_outputs != len(self.by_output):
            raise InputMismatchError(
                f"y has {n_outputs} columns, but the target was fitted with {len(self.by_output)} outputs."
            )

    def numbers(self, y, name="y"):
        """Return each label's position among the labels of its column, in an array of y's shape."""
        self.check_columns(y)
        if self.flat:
            return self._number_column(y, 0, name)
        return np.column_stack([self._number_column(_infer_type(column), k, name) for k, column in enumerate(y.T)])

    def _number_column(self, column, k, name):
        """Return each label's position among the labels of column `k`, or refuse unknown labels."""
        classes = self.by_output[k]
        try:
            # An unknown label has a position, too, possibly behind the last one; the comparison finds it.
            positions = np.minimum(np.searchsorted(classes, column), len(classes) - 1)
            unknown = classes[positions] != column
        except TypeError:  # text and numbers have no order
            positions, unknown = None, ~np.isin(column.astype(object), classes.astype(object))
        if np.any(unknown):
            place = "" if self.flat else f" (column {k})"
            others = list(dict.fromkeys(column[unknown].tolist()))
            way = (
                "Leave these rows out of X_val and y_val, or add rows with the label to X and y."
                if name == "y_val"
                else "Labels are learned in the first fit: fit anew with warm_start=False, or give all of them to the "
                "first partial_fit(X, y, classes=[...])."
            )
            raise ValueError(
                f"{name} holds labels that are not in classes_{place}: {quote(others[:5])}; known are "
                f"{quote(classes[:20].tolist())}. {way}"
            )
        return positions

    def decode(self, numbers):
        """Return the labels that numbers stand for, of y's type."""
        if self.flat:
            return self.by_output[0][numbers]
        return _join_columns([classes[numbers[:, k]] for k, classes in enumerate(self.by_output)])

    def total_weight(self, y, sample_weight):
        """Return the weight of each row, or of each output of each row if outputs are weighed apart, or None."""
        weight = sample_weight
        if weight is not None and self.weighed_by_output:
            weight = np.repeat(weight[:, None], len(self.by_output), axis=1)
        if self.weights is None:
            return weight
        numbers = self.numbers(y).reshape(len(y), -1)
        of_labels = np.column_stack([weights[numbers[:, k]] for k, weights in enumerate(self.weights)])
        of_labels = of_labels[:, 0] if self.flat else of_labels
        return of_labels if weight is None else of_labels * weight

    def _weigh_labels(self, class_weight, columns):
        """Return the weights of the labels of each column, an array for each."""
        # A dict for several columns is refused below: it could not say which column a label is of.
        given = [class_weight] * len(columns)
        if isinstance(class_weight, list) or (isinstance(class_weight, dict) and not self.flat):
            given = self._split_by_output(class_weight, len(columns), "class_weight")
        return [_weigh_column(*parts) for parts in zip(given, self.by_output, columns, strict=True)]

    def _split_by_output(self, given, n_outputs, parameter):
        """Return a parameter's part for each column."""
        if self.flat and parameter == "classes":
            return [given]
        parts = [] if isinstance(given, dict) else list(given)
        scalars = parameter == "classes" and any(np.ndim(part) == 0 for part in parts)
        if self.flat or len(parts) != n_outputs or scalars:
            what = {"classes": "an array of labels", "class_weight": "a dict, 'balanced' or None"}[parameter]
            wanted = "one, without a list" if self.flat else f"a list of {n_outputs}, {what} for each column of y"
            raise ValueError(f"`{parameter}={given}` does not fit y of {n_outputs} column(s). Give {wanted}.")
        return parts


def _weigh_column(class_weight, classes, column):
    """Return the weight of each label of a column; a label that it does not hold weighs 1."""
    for label, weight in class_weight.items() if isinstance(class_weight, dict) else ():
        if not isinstance(weight, Real) or not 0 <= weight < np.inf:
            raise ValueError(
                f"class_weight gives the label {shorten(repr(label))} the weight {shorten(repr(weight))} of type "
                f"{type(weight).__name__}; a weight is a finite number of 0 or more."
            )
    # "balanced" divides by the count of each label, so only labels with rows may take part.
    weights = np.ones(len(classes))
    used = np.unique(column) if isinstance(class_weight, str) else classes
    try:
        weights[np.searchsorted(classes, used)] = compute_class_weight(class_weight, classes=used, y=column)
    except ValueError as error:
        # scikit-learn names the labels without a weight, which are no mistake: they weigh 1.
        others = [label for label in class_weight if label not in classes.tolist()]
        # {"0": 1} for the label 0.
        twins = [label for label in classes.tolist() if str(label) == str(others[0])] if others else []
        if not others:
            raise
        meant = f" Did you mean {twins[0]!r}?" if twins else closest_match(others[0], classes)
        raise ValueError(
            f"class_weight names {quote(others[:5])}, which is no label of y; the labels are "
            f"{quote(classes[:20].tolist())}.{meant}"
        ) from error
    return weights


def as_pandas(y):
    """Return a table or column of another library as that of pandas, and anything else as it is."""
    return as_column(as_frame(y))
