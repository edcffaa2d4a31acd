"""Predictions as a column or a table: the names and types that files and tables in partitions need beforehand."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .targets import ClassTarget

PREDICTION = "prediction"


@dataclass(frozen=True)
class OutcomeColumns:
    """The columns in which a method of a fitted estimator predicts.

    Parameters
    ----------
    dtypes : dict of str to dtype
        Types by name.
    single : bool
        Whether there is one column without a table around it.
    """

    dtypes: dict
    single: bool

    @classmethod
    def of(cls, estimator, method):
        """Return the columns of ``"predict"`` or ``"predict_proba"``.

        `predict` of one target is the column ``prediction``; several targets have their names at fit, or
        numbers. Columns of `predict_proba` are named after the classes, with ``<name>_`` before them if there
        are several targets.
        """
        target = estimator._target
        if isinstance(target, ClassTarget):
            return cls._of_classes(target.labels, estimator, method)
        if target.flat:
            return cls({PREDICTION: np.dtype("float64")}, single=True)
        return cls(dict.fromkeys(_names(estimator, target.n_outputs), np.dtype("float64")), single=False)

    @classmethod
    def _of_classes(cls, labels, estimator, method):
        if method == "predict":
            # A Series knows what type pandas gives to labels, which depends on its version.
            dtypes = [pd.Series(classes).dtype for classes in labels.by_output]
            names = [PREDICTION] if labels.flat else _names(estimator, len(dtypes))
            return cls(dict(zip(names, dtypes, strict=True)), single=labels.flat)
        if labels.flat:
            names = list(map(str, labels.by_output[0]))
        else:
            names = _names(estimator, len(labels.by_output))
            if not labels.multilabel:
                pairs = zip(names, labels.by_output, strict=True)
                names = [f"{name}_{label}" for name, classes in pairs for label in classes]
        return cls(dict.fromkeys(names, np.dtype("float64")), single=False)

    def empty(self):
        """Return the columns without rows."""
        columns = {name: pd.Series([], dtype=dtype) for name, dtype in self.dtypes.items()}
        return columns[PREDICTION].rename(PREDICTION) if self.single else pd.DataFrame(columns)

    def pack(self, values, index):
        """Return what the method has predicted, as a Series or DataFrame with an index."""
        if self.single:
            return pd.Series(values, index, dtype=self.dtypes[PREDICTION], name=PREDICTION)
        # `predict_proba` has a list of arrays for several targets.
        values = np.hstack(values) if isinstance(values, list) else values
        columns = zip(self.dtypes.items(), values.T, strict=True)
        return pd.DataFrame({name: pd.Series(column, index, dtype=dtype) for (name, dtype), column in columns}, index)


def _names(estimator, count):
    """Return the name of each target as text: that of fit, or its number."""
    names = getattr(estimator, "output_names_", None)
    return list(map(str, range(count) if names is None or len(names) != count else names))


def predict_rows(estimator, frame, method, columns):
    """Return the predictions of a frame as its `OutcomeColumns`; a frame without rows has none.

    Parameters
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        Fitted.
    frame : DataFrame of shape (n_rows, n_columns)
        Rows with the columns of fit.
    method : str
        ``"predict"`` or ``"predict_proba"``.
    columns : OutcomeColumns
        What the method predicts.

    Returns
    -------
    Series or DataFrame
        With the index of the frame.
    """
    if not len(frame):
        return columns.empty().set_axis(frame.index)
    return columns.pack(getattr(estimator, method)(frame), frame.index)
