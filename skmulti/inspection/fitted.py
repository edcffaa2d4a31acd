"""The estimator of skmulti inside of what a user hands in."""

from sklearn.pipeline import Pipeline

from ..errors import describe_object


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
