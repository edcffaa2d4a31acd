"""The score of rows that come in parts: what is kept of a part, and the score of all parts.

An accuracy is the mean of those of the parts. For R squared, sums of squares of parts are joined as in Chan, Golub and
LeVeque, "Algorithms for computing the sample variance" (1983), since a difference of large sums loses digits.
"""

import numpy as np

from .examples import check_scored
from .targets import ClassTarget


def score_part(estimator, X, y, sample_weight=None):
    """Return what the score of all rows needs to know of some.

    Parameters
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        Fitted.
    X : DataFrame of shape (n_rows, n_columns)
        Rows.
    y : Series or DataFrame of n_rows rows
        Their target.
    sample_weight : Series of shape (n_rows,) or None
        Weight of each row.

    Returns
    -------
    ndarray of shape (n_outputs, 4), float64
        Sum of weights; mean of y, or accuracy; sums of squares around the mean, and around the predictions.
    """
    weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype="float64")
    if isinstance(estimator._target, ClassTarget):
        if not weight.any():
            return np.zeros((1, 4))
        return np.array([[weight.sum(), estimator.score(X, y, sample_weight), 0.0, 0.0]])
    if not weight.any():
        return np.zeros((estimator._target.n_outputs, 4))
    check_scored(estimator._target, X, y)
    truth = estimator._target.numbers(estimator._target.check(y))
    errors = truth - estimator.predict(X).reshape(truth.shape)
    mean = np.average(truth, axis=0, weights=weight)
    squares = [weight @ values**2 for values in (truth - mean, errors)]
    return np.column_stack([np.full(len(mean), weight.sum()), mean, *squares])


def score_of_parts(estimator, parts):
    """Return accuracy or R squared from what `score_part` has returned for each part; NaN without rows."""
    weight, mean, around_mean, around_predictions = np.moveaxis(np.stack(parts), -1, 0)
    total = weight.sum(axis=0)
    if not total.all():
        return float("nan")
    overall = (weight * mean).sum(axis=0) / total
    if isinstance(estimator._target, ClassTarget):
        return float(overall[0])
    around_mean = (around_mean + weight * (mean - overall) ** 2).sum(axis=0)
    around_predictions = around_predictions.sum(axis=0)
    # As in scikit-learn's `r2_score`: a constant target is predicted perfectly, or not at all.
    constant = np.where(around_predictions == 0, 1.0, 0.0)
    shares = np.divide(around_predictions, around_mean, out=np.ones_like(around_mean), where=around_mean > 0)
    return float(np.where(around_mean > 0, 1 - shares, constant).mean())
