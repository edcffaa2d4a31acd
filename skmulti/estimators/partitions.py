"""Tables in partitions, such as those of Dask, whose rows may be on other machines.

What is done with them needs their library, which is known to a wing above this one. The package's façade, which is
above all wings, hands that wing's function in.
"""

import functools

from ..errors import InputMismatchError

_HANDED_IN = {}


def hand_in(function):
    """Let a function do on tables in partitions what a method does on rows in memory.

    Parameters
    ----------
    function : callable
        Called with the method's name, the estimator, X and the method's other arguments.
    """
    _HANDED_IN["call"] = function


def is_partitioned(X):
    """Return whether X is a table in partitions."""
    return hasattr(type(X), "map_partitions") and hasattr(type(X), "divisions")


def takes_partitions(method):
    """Wrap a method of a fitted estimator that takes rows so that it also takes a table in partitions."""

    @functools.wraps(method)
    def call(estimator, X, *args, **kwargs):
        if not is_partitioned(X):
            return method(estimator, X, *args, **kwargs)
        estimator._check_fitted()
        return _HANDED_IN["call"](method.__name__, estimator, X, *args, **kwargs)

    return call


def refuse_partitions(X):
    """Refuse a table in partitions where rows in memory are needed."""
    if is_partitioned(X):
        library = type(X).__module__.partition(".")[0].capitalize()
        raise InputMismatchError(
            f"X is a {library} {type(X).__name__} of {X.npartitions} partitions, whose rows are not in memory. To "
            "train on it, use skmulti.dask.DaskEstimator(estimator).fit(X, y); predict, "
            "predict_proba and score of a fitted estimator take it as it is. For all else, give the rows: X.compute()."
        )
