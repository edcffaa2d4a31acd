"""What a fitted estimator says of a table of Dask: predictions, computed where the rows are, and a score."""

import pandas as pd
from dask.dataframe.dispatch import make_meta

from ..errors import InputMismatchError, closest_match, quote_first, shorten
from ..estimators import OutcomeColumns, is_partitioned, predict_rows, score_of_parts, score_part
from .shared import SharedEstimator


def call_on_partitions(method, estimator, X, *args, **kwargs):
    """Do on a table of Dask what a method of an estimator does on rows in memory.

    Parameters
    ----------
    method : {"predict", "predict_proba", "score"}
        Name of the method.
    estimator : MultiInputClassifier or MultiInputRegressor
        Fitted.
    X : dask.dataframe.DataFrame
        Rows with the columns of fit.
    *args, **kwargs : object
        The method's other arguments.

    Returns
    -------
    dask.dataframe.Series, dask.dataframe.DataFrame or float
        Predictions that are not computed yet, or the score.
    """
    if method == "score":
        return score_partitions(estimator, X, *args, **kwargs)
    return predict_partitions(estimator, X, method)


def predict_partitions(estimator, X, method="predict"):
    """Predict a table of Dask, partition by partition, when the result is computed.

    It is what ``estimator.predict(X)`` and ``estimator.predict_proba(X)`` do with such a table.

    Parameters
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        Fitted. What it is now counts: a later fit does not change the predictions.
    X : dask.dataframe.DataFrame
        Rows with the columns of fit. Only the columns that inputs read are loaded.
    method : {"predict", "predict_proba"}
        What to predict.

    Returns
    -------
    dask.dataframe.Series or dask.dataframe.DataFrame
        With the index and the divisions of X. `predict` of one target is the Series ``prediction``;
        several targets have the names that they had at fit. Columns of `predict_proba` are named
        after the classes.

    Raises
    ------
    InputMismatchError
        If a column is missing: at once, not when the result is computed.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> from skmulti import MultiInputClassifier
    >>> from skmulti.datasets import make_listings
    >>> frame, outcome = make_listings(60, 0)
    >>> frame = frame[["area", "city"]]
    >>> clf = MultiInputClassifier(epochs=1, random_state=0).fit(frame, outcome)
    >>> predictions = clf.predict(dd.from_pandas(frame, npartitions=3))
    >>> predictions.name, predictions.npartitions
    ('prediction', 3)
    >>> bool((predictions.compute(scheduler="sync") == clf.predict(frame)).all())
    True
    """
    X = X[estimator.router_.columns_read(X.columns)]
    columns = OutcomeColumns.of(estimator, method)
    shared = SharedEstimator(estimator).as_key()
    meta = _predict_part(make_meta(X), None, method, columns)
    return X.map_partitions(_predict_part, shared, method, columns, meta=meta)


def _predict_part(frame, shared, method, columns):
    """Predict the rows of a partition; without rows no estimator is needed."""
    return predict_rows(shared.open() if len(frame) else None, frame, method, columns)


def score_partitions(estimator, X, y=None, sample_weight=None):
    """Return accuracy or R squared on a table of Dask; of each partition only a few numbers leave its worker.

    It is what ``estimator.score(X, y)`` does with such a table.

    Parameters
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        Fitted.
    X : dask.dataframe.DataFrame
        Rows with the columns of fit.
    y : str, list of str, dask.dataframe.Series or dask.dataframe.DataFrame
        Their target: columns of X by name, or a table with the same partitions.
    sample_weight : str or dask.dataframe.Series or None
        Weight of each row.

    Returns
    -------
    float
        As `score` of the rows in memory; NaN without rows.

    Raises
    ------
    InputMismatchError
        If a column is missing, or if y is no table with the partitions of X.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> from skmulti import MultiInputRegressor
    >>> from skmulti.datasets import make_prices
    >>> frame, price = make_prices(60, 0)
    >>> frame = frame[["area", "city"]]
    >>> reg = MultiInputRegressor(epochs=1, random_state=0).fit(frame, price)
    >>> table = dd.from_pandas(frame.assign(price=price), npartitions=3)
    >>> abs(reg.score(table, "price") - reg.score(frame, price)) < 1e-6
    True
    """
    given = [_column_of(X, y, "y")]
    if sample_weight is not None:
        given.append(_column_of(X, sample_weight, "sample_weight"))
    rows = X[estimator.router_.columns_read(X.columns)]
    meta = pd.DataFrame(dict.fromkeys(range(_NUMBERS), pd.Series([], dtype="float64")))
    shared = SharedEstimator(estimator).as_key()
    parts = rows.map_partitions(_score_part, shared, *given, meta=meta, clear_divisions=True).compute()
    return score_of_parts(estimator, parts.to_numpy().reshape(X.npartitions, -1, _NUMBERS))


# How many numbers `score_part` returns of each output.
_NUMBERS = 4


def _score_part(frame, shared, y, sample_weight=None):
    """Return what the score needs to know of a partition, as a frame with a row for each output."""
    for name, column in (("y", y), ("sample_weight", sample_weight)):
        if column is not None and len(column) != len(frame):
            raise InputMismatchError(
                f"A partition of X has {len(frame)} rows, that of {name} has {len(column)}. Give columns of one table: "
                f"{name}=X['label']."
            )
    return pd.DataFrame(score_part(shared.open(), frame, y, sample_weight))


def _column_of(X, column, name):
    """Return target or weights as a table of Dask with the partitions of X."""
    if isinstance(column, str) or (isinstance(column, list) and all(isinstance(label, str) for label in column)):
        for label in [column] if isinstance(column, str) else column:
            if label not in X.columns:
                raise InputMismatchError(
                    f"{name} names the column {shorten(repr(label))}, which X does not have; its columns are "
                    f"{quote_first(X.columns)}.{closest_match(label, X.columns)}"
                )
        return X[column]
    if not is_partitioned(column):
        raise InputMismatchError(
            f"{name} is of type {type(column).__name__}, but X is a table of Dask. Name the column of X that has it, "
            f'{name}="label", or give a table of Dask with the same partitions.'
        )
    if column.npartitions != X.npartitions or column.divisions != X.divisions:
        raise InputMismatchError(
            f"{name} has {column.npartitions} partitions, X has {X.npartitions}, or their divisions differ. Rows are "
            f"paired by their place in a partition: join them first, and name the column of X."
        )
    return column
