"""The estimator of skmulti inside of what a user hands in."""

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..errors import describe_object
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
