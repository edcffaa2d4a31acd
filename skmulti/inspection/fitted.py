"""The estimator of skmulti inside of what a user hands in, and the column of y that a user names."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..errors import closest_match, describe_object, quote
from ..estimators import MultiInputClassifier, MultiInputRegressor


def fitted_estimator(estimator):
    """Return the estimator with a network: the object itself, or what a Pipeline or search ends in.

    Parameters
    ----------
    estimator : object
        A fitted `MultiInputClassifier` or `MultiInputRegressor`, a Pipeline or a search.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    TypeError
        If there is no such estimator, or a search has none yet.
    """
    return split_estimator(estimator)[1]


def split_estimator(estimator, others=""):
    """Return what transforms rows before they reach the estimator with a network, and that estimator.

    Parameters
    ----------
    estimator : object
        As in `fitted_estimator`.
    others : str
        What else the caller takes, for the error.

    Returns
    -------
    transformers : list
        Pipelines, each of which transforms what the one before it returns; empty if there is nothing to do.
    inner : MultiInputClassifier or MultiInputRegressor
        The estimator.
    """
    inner, transformers = estimator, []
    while not isinstance(inner, MultiInputClassifier | MultiInputRegressor):
        if isinstance(inner, Pipeline) and len(inner):
            transformers += [inner[:-1]] if len(inner) > 1 else []
            inner = inner[-1]
        elif hasattr(inner, "best_estimator_"):
            inner = inner.best_estimator_
        else:
            raise TypeError(
                "A fitted MultiInputClassifier or MultiInputRegressor is needed, or a Pipeline or search that ends in "
                f"one{others and f', or {others}'}, got {describe_object(estimator)}"
            )
    check_is_fitted(inner, "model_")
    return transformers, inner


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
