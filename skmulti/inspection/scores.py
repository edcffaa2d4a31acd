"""Scores with confidence intervals: every figure is computed for many weightings of the rows at once.

A bootstrap draws rows with replacement, which is the same as to weigh each row by how often it was drawn. So each
figure below is a function of a matrix of weights, with a draw in each row, and is computed for a thousand draws in the
time of a few dozen calls of scikit-learn, whose definitions it has. The figure itself is that of one more row, in which
each row weighs what the user gave it.
"""

from typing import NamedTuple

import numpy as np

# Entries of a matrix of weights that exist at a time.
CHUNK = 4_000_000
# Of both tails together.
ALPHA = 0.05


class Score(NamedTuple):
    """One figure of a report.

    Parameters
    ----------
    name : str
        What it is called in scikit-learn, in words.
    value, low, high : float
        The figure, and the ends of its interval of 95 %. NaN where it is not defined.
    constant : float
        The figure of a constant prediction: the shares of the classes, or the mean.
    """

    name: str
    value: float
    low: float
    high: float
    constant: float


def score_output(output, weight, rows, *, n_draws=1000, random_state=None):
    """Score the predictions of one output.

    Parameters
    ----------
    output : Output
        Truth and predictions of n entries.
    weight : ndarray of shape (n,)
        Weight of each entry.
    rows : ndarray of shape (n,), int
        The row that an entry is a prediction of. Entries of one row are drawn together.
    n_draws : int
        Number of draws of the bootstrap.
    random_state : int or None
        Seed of the draws.

    Returns
    -------
    list of Score
        The first one is the most important.

    Notes
    -----
    Percentile intervals of a bootstrap over rows [1]_. Draws in which a figure is not defined, such as
    the area under a curve where a class was not drawn, are left out.

    References
    ----------
    .. [1] Efron and Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993, chapter 13.
    """
    value = output.figures(weight[None])
    draws = {name: [] for name in value}
    for weights in draw_weights(rows, weight, n_draws, random_state):
        for name, found in output.figures(weights).items():
            draws[name].append(found)
    constant = output.constant(weight).figures(weight[None])
    return [
        Score(name, float(found[0]), *_interval(np.concatenate(draws[name])), float(constant[name][0]))
        for name, found in value.items()
    ]


def draw_weights(rows, weight, n_draws, random_state=None):
    """Yield matrices (n_some_draws, n) of weights of a bootstrap over rows."""
    rng = np.random.default_rng(random_state)
    _, places = np.unique(rows, return_inverse=True)
    n_rows = places.max() + 1
    step = max(CHUNK // len(rows), 1)
    for start in range(0, n_draws, step):
        drawn = rng.integers(n_rows, size=(min(step, n_draws - start), n_rows))
        # One count of all draws together: each has numbers of its own.
        numbers = drawn + n_rows * np.arange(len(drawn))[:, None]
        counts = np.bincount(numbers.ravel(), minlength=drawn.size).reshape(drawn.shape)
        yield counts[:, places] * weight


def _interval(values):
    """Return the ends of the percentile interval of the draws in which a figure is defined."""
    values = values[np.isfinite(values)]
    return tuple(np.quantile(values, [ALPHA / 2, 1 - ALPHA / 2])) if len(values) else (np.nan, np.nan)


def class_figures(truth, predicted, proba, weights):
    """Return the figures of predicted classes.

    Parameters
    ----------
    truth, predicted : ndarray of shape (n,), int
        Positions of the classes among the columns of `proba`.
    proba : ndarray of shape (n, n_classes)
        Probabilities.
    weights : ndarray of shape (n_draws, n)
        Weights of the entries, a draw in each row.

    Returns
    -------
    dict of str to ndarray of shape (n_draws,)
        NaN in draws in which a figure is not defined.
    """
    n_classes = proba.shape[1]
    is_class = truth[:, None] == np.arange(n_classes)
    right = truth == predicted
    chosen = np.clip(proba[np.arange(len(truth)), truth], np.finfo("float64").eps, 1)
    distance = ((proba - is_class) ** 2).sum(axis=1)
    if n_classes == 2:
        # As usual for two classes: the distance of one probability, not of both.
        distance = distance / 2
        areas = [area_under_curve(truth == 1, proba[:, 1], weights)]
    else:
        areas = [area_under_curve(is_class[:, k], proba[:, k], weights) for k in range(n_classes)]
    return {
        "accuracy": mean_of(right, weights),
        "balanced accuracy": _mean_known(
            _divide(weights @ (is_class & right[:, None]).astype("float64"), weights @ is_class.astype("float64")).T
        ),
        "ROC AUC": _mean_known(np.array(areas)),
        "log loss": mean_of(-np.log(chosen), weights),
        "Brier score": mean_of(distance, weights),
    }


def number_figures(truth, predicted, weights):
    """Return the figures of predicted numbers, arrays of shape (n,); see `class_figures`."""
    # About a middle near zero, as squares of large numbers would lose the digits in which they differ.
    middle = np.average(truth, weights=weights[0]) if weights[0].any() else 0.0
    residuals, centred = truth - predicted, truth - middle
    squares = mean_of(residuals**2, weights)
    spread = mean_of(centred**2, weights) - mean_of(centred, weights) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(spread > 0, 1 - squares / spread, np.nan)
    return {"R2": r2, "MAE": mean_of(np.abs(residuals), weights), "RMSE": np.sqrt(squares)}


def mean_of(values, weights):
    """Return the weighted mean of values in each draw."""
    return _divide(weights @ np.asarray(values, dtype="float64"), weights.sum(axis=1))


def area_under_curve(positive, scores, weights):
    """Return the area under the ROC curve in each draw, NaN in those without both classes.

    Parameters
    ----------
    positive : ndarray of shape (n,), bool
        Which entries are of the class.
    scores : ndarray of shape (n,)
        Larger where the class is more probable.
    weights : ndarray of shape (n_draws, n)
        Weights of the entries.
    """
    order = np.argsort(scores, kind="stable")
    positive, ordered, weights = positive[order], scores[order], weights[:, order]
    # Entries of one score are one step of the curve.
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    plus = np.add.reduceat(weights * positive, starts, axis=1)
    minus = np.add.reduceat(weights * ~positive, starts, axis=1)
    below = np.cumsum(minus, axis=1) - minus / 2
    return _divide((plus * below).sum(axis=1), plus.sum(axis=1) * minus.sum(axis=1))


def _divide(parts, wholes):
    """Return parts of wholes, NaN of nothing."""
    return np.divide(parts, wholes, out=np.full(np.shape(parts), np.nan), where=wholes > 0)


def _mean_known(values):
    """Return the means over the first axis of what is not NaN."""
    known = ~np.isnan(values)
    return _divide(np.where(known, values, 0).sum(axis=0), known.sum(axis=0))
