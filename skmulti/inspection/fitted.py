"""The estimator of skmulti inside of what a user hands in, and the column of y that a user names."""

import numpy as np
from sklearn.pipeline import Pipeline

from ..errors import closest_match, describe_object, quote


def fitted_estimator(estimator):
    """Return the estimator with a network: the object itself, or what a Pipeline or search ends in.

    Parameters
    ----------
    estimator : object
        A `MultiInputClassifier` or `MultiInputRegressor`, a Pipeline or a search.

    Raises
    ------
    TypeError
        If there is no such estimator, or a search has none yet.
    """
    inner = estimator
    while not hasattr(inner, "router_") and not hasattr(inner, "branches"):
        if isinstance(inner, Pipeline):
            inner = inner.steps[-1][1]
        elif hasattr(inner, "best_estimator_"):
            inner = inner.best_estimator_
        else:
            raise TypeError(
                "A fitted MultiInputClassifier or MultiInputRegressor is needed, or a Pipeline or search that ends in "
                f"one, got {describe_object(estimator)}"
            )
    return inner


def output_position(est, output):
    """Return the position of the column of y that is looked at.

    Parameters
    ----------
    est : MultiInputClassifier or MultiInputRegressor
        Fitted.
    output : str, int or None
        Its name or position. None is the only one.

    Raises
    ------
    ValueError
        If y has no such column, or several and none is named.
    """
    spec, names = est._target.spec, list(getattr(est, "output_names_", ()))
    if output is None and spec.n_outputs == 1:
        return 0
    if isinstance(output, str) and output in names:
        return names.index(output)
    if isinstance(output, int | np.integer) and 0 <= output < spec.n_outputs:
        return int(output)
    known = quote(names) if names else f"0 to {spec.n_outputs - 1}"
    hint = closest_match(output, names) if isinstance(output, str) else ""
    raise ValueError(
        f"output={output!r} is no column of y, which has {spec.n_outputs}: {known}. Give the one to explain.{hint}"
    )
