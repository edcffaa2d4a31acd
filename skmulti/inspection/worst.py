"""The rows that an estimator predicts worst."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..router import take_rows
from .evaluation import evaluate
from .fitted import output_position
from .reading import check_counts, read_fold


@dataclass(frozen=True)
class WorstRows:
    """The rows with the largest errors, the worst first.

    Parameters
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        Fitted.
    table : DataFrame, or dict of str to (Series or DataFrame)
        The rows as the estimator reads them.
    said : DataFrame
        The columns predicted, true and error; the index has the labels of X's rows.
    """

    estimator: object
    table: object
    said: pd.DataFrame


def rank_largest(amounts, most):
    """Return the positions of the largest amounts, at most so many; of equal ones the earlier position comes first."""
    return np.argsort(-amounts, kind="stable")[:most]


def worst_rows(estimator, X, y, n_rows, output):
    """Return the `WorstRows` of an estimator for one column of y; rows that are predicted right are among them.

    Parameters
    ----------
    estimator : object
        A fitted estimator, or a Pipeline or search that ends in one.
    X, y : object
        Rows and target.
    n_rows : int
        How many at most.
    output : str, int or None
        The column of y; see `output_position`.
    """
    check_counts(n_rows=(n_rows, 1))
    fold, labels = read_fold(estimator, X, y)
    position = output_position(fold.estimator, output)
    found = evaluate([fold], np.ones(len(labels)), len(labels), []).outputs[position]
    errors = found.errors()
    entries = rank_largest(errors, n_rows)
    predicted, true = found.values(entries)
    said = pd.DataFrame({"predicted": predicted, "true": true, "error": errors[entries]}, index=labels[entries])
    return WorstRows(fold.estimator, take_rows(fold.table, entries), said)
