"""An estimator that is fitted on a cluster of Dask, and is a plain one afterwards."""

from distributed import get_client
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

from .._validation import POSITIVE_INT, HintedParams
from ..estimators import MultiInputClassifier, MultiInputRegressor
from .fitting import fit_on_cluster


class DaskEstimator(HintedParams, MetaEstimatorMixin, BaseEstimator):
    """Fit an estimator on a table of Dask, on all workers of a cluster together.

    The router learns from all partitions where they are, rows are encoded on the workers that hold
    them, and each worker trains on its rows in a process of its own. TensorFlow's collectives add up
    the gradients of all of them in each step, so that batches, learning rate and early stopping are
    those of one machine. No row comes to the client or the scheduler.

    Parameters
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        The estimator. It is cloned.
    client : distributed.Client or None
        Client of the cluster. None takes the current one.
    n_workers : int or None
        The most workers that train; None takes all. A worker without rows does not train.

    Attributes
    ----------
    estimator_ : MultiInputClassifier or MultiInputRegressor
        The fitted estimator, which needs neither Dask nor the cluster.

    See Also
    --------
    predict_partitions : What `predict` does with a table of Dask.

    Notes
    -----
    Rows are held out partition by partition, so that a hold-out has other rows than that of a table in
    memory. With more than 10,000 training rows, branches take their first values from other rows,
    too. Everything else is the same: with ``shuffle=False`` and no hold-out the weights are those of
    a fit on the same batches, up to rounding.

    What draws in training, such as dropout and the vectors of rare categories, draws other numbers in
    each worker, and batch normalisation uses the rows of a batch that one worker has. Callbacks run in
    each worker; if one of them stops training in one worker, all stop at the end of the epoch. `memory`
    and `warm_start` have no use here, `n_networks` must be 1, and nothing is kept of held-out rows: there is no
    `predict_interval` and no `oof_predictions_`.
    Several fits on one cluster train one after the other.

    A worker, or its training process, that gives no sign of life for 30 seconds counts as hanging;
    ``dask.config.set({"skmulti.silence": "2 min"})`` is more patient. With `checkpoint`, a folder that
    all workers see, a fit that has failed goes on from its last epoch when it is called again, on the
    workers that remain.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> from distributed import Client
    >>> from skmulti import MultiInputClassifier
    >>> from skmulti.dask import DaskEstimator
    >>> from skmulti.datasets import make_listings
    >>> frame, outcome = make_listings(60, 0)
    >>> table = dd.from_pandas(frame[["area", "city"]].assign(outcome=outcome), npartitions=2)
    >>> client = Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None)
    >>> clf = DaskEstimator(MultiInputClassifier(epochs=1, random_state=0)).fit(table, y="outcome")
    >>> clf.predict(frame[:2]).shape
    (2,)
    >>> client.close()
    """

    _parameter_constraints = {
        "estimator": [MultiInputClassifier, MultiInputRegressor],
        "client": "no_validation",
        "n_workers": [POSITIVE_INT, None],
    }

    def __init__(self, estimator, *, client=None, n_workers=None):
        self.estimator = estimator
        self.client = client
        self.n_workers = n_workers

    def fit(self, X, y=None, sample_weight=None):
        """Fit on a table of Dask.

        Parameters
        ----------
        X : dask.dataframe.DataFrame
            The training table.
        y : str, list of str, dask.dataframe.Series or dask.dataframe.DataFrame
            The target: columns of X by name, or a table with the same partitions.
        sample_weight : str or dask.dataframe.Series, or None
            Weight of each row: a column of X by name, or a column with the same partitions.

        Returns
        -------
        DaskEstimator
            The estimator itself.

        Raises
        ------
        ClusterError
            If a worker is lost, hangs, or has no memory or disk left.
        InputMismatchError
            If the tables or their rows do not fit each other.
        ValueError
            If a parameter, y or the weights are wrong.
        """
        self._validate_params()
        client = self.client or _current_client()
        self.estimator_ = fit_on_cluster(client, self.estimator, X, y, sample_weight, self.n_workers)
        return self

    def predict(self, X):
        """Predict labels or numbers.

        Parameters
        ----------
        X : dask.dataframe.DataFrame, DataFrame of shape (n_rows, n_columns), or what else the estimator takes
            Rows with the columns of fit.

        Returns
        -------
        dask.dataframe.Series, dask.dataframe.DataFrame or ndarray
            Of a table of Dask, a table that is not computed yet; see `predict_partitions`.
        """
        return self.to_local().predict(X)

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : dask.dataframe.DataFrame, DataFrame of shape (n_rows, n_columns), or what else the estimator takes
            Rows with the columns of fit.

        Returns
        -------
        dask.dataframe.DataFrame or ndarray
            Of a table of Dask, a table that is not computed yet, with a column for each class.
        """
        return self.to_local().predict_proba(X)

    def score(self, X, y=None, sample_weight=None):
        """Return accuracy or R squared.

        Parameters
        ----------
        X : dask.dataframe.DataFrame, DataFrame of shape (n_rows, n_columns), or what else the estimator takes
            Rows with the columns of fit.
        y : str, list of str, dask.dataframe.Series, or array-like of shape (n_rows,)
            Their target.
        sample_weight : str, dask.dataframe.Series, array-like of shape (n_rows,) or None
            Weight of each row.

        Returns
        -------
        float
            As the estimator's own `score`.
        """
        return self.to_local().score(X, y, sample_weight)

    def to_local(self):
        """Return the fitted estimator, which pickles, saves and predicts without Dask.

        Returns
        -------
        MultiInputClassifier or MultiInputRegressor
            `estimator_`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        if not hasattr(self, "estimator_"):
            raise NotFittedError(
                "This DaskEstimator instance is not fitted yet. Call 'fit' with a table of Dask before using it."
            )
        return self.estimator_

    @property
    def classes_(self):
        """Labels of a classifier, known after `fit`."""
        return self.to_local().classes_

    @property
    def n_features_in_(self):
        """Number of columns of the training table."""
        return self.to_local().n_features_in_

    @property
    def feature_names_in_(self):
        """Names of the columns of the training table."""
        return self.to_local().feature_names_in_

    def __sklearn_clone__(self):
        # A client cannot be copied.
        return type(self)(clone(self.estimator), client=self.client, n_workers=self.n_workers)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self):
        return get_tags(self.estimator)

    def __getstate__(self):
        # A client is a connection of this process.
        return {**super().__getstate__(), "client": None}


def _current_client():
    """Return the current client, or say how to make one."""
    try:
        return get_client()
    except ValueError as error:
        raise ValueError(
            "No client of Dask is there. Make one, client = distributed.Client(address) or "
            "distributed.Client(n_workers=2, threads_per_worker=1) on this machine, or give DaskEstimator(..., "
            "client=client)."
        ) from error
