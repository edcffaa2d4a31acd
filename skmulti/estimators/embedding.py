"""The vectors of a multi-input network as a step of a scikit-learn pipeline."""

import copy

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from .._validation import HintedParams
from ..errors import describe_object


class EmbeddingTransformer(TransformerMixin, HintedParams, BaseEstimator):
    """Turn rows of a table into the vectors that a multi-input network makes of them.

    Use it to put another model behind photos and texts: a linear model on few labels, a search for
    neighbours, a map in two dimensions. It is a step of a pipeline, and its parameters are those of
    the estimator: ``embeddingtransformer__est__branches__photo__filters``.

    Parameters
    ----------
    est : MultiInputClassifier or MultiInputRegressor
        Makes the vectors.
    input : str or None
        The input whose vectors are taken. None takes those of all inputs together, after the
        merge. A name may be a hyper-parameter of a search.
    frozen : bool
        False fits a clone of `est` on the rows of `fit`, so that no fold of a cross-validation
        sees its test rows. True uses `est` as it is, which must be fitted; a clone of the
        transformer then keeps it. ``FrozenEstimator(est)`` of scikit-learn means the same.

    Attributes
    ----------
    est_ : MultiInputClassifier or MultiInputRegressor
        The fitted estimator.
    n_features_in_ : int
        Number of columns that it was fitted on.
    feature_names_in_ : ndarray of str
        Names of these columns, if all of them are strings.

    See Also
    --------
    MultiInputClassifier.embed : The vectors without a transformer.
    sklearn.frozen.FrozenEstimator : An estimator that keeps what it has learned.

    Notes
    -----
    If a transformer that is not frozen and a classifier are fitted on the same rows, the classifier
    sees vectors of rows that the network knows by heart, and trusts them too much. Freeze an
    estimator that was fitted on other rows where that matters.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skmulti import EmbeddingTransformer, MultiInputClassifier
    >>> from skmulti.datasets import make_listings
    >>> frame, outcome = make_listings(60, 0)
    >>> frame = frame[["area", "city"]]
    >>> clf = MultiInputClassifier(epochs=1, random_state=0).fit(frame, outcome)
    >>> pipe = make_pipeline(EmbeddingTransformer(clf, "categories", frozen=True), LogisticRegression())
    >>> pipe.fit(frame, outcome)[:-1].get_feature_names_out()[:2]
    array(['categories0', 'categories1'], dtype=object)
    """

    _parameter_constraints: dict = {"input": [str, None], "frozen": ["boolean"]}

    def __init__(self, est, input=None, *, frozen=False):
        self.est = est
        self.input = input
        self.frozen = frozen

    def fit(self, X, y=None, **fit_params):
        """Fit a clone of the estimator, or take the frozen one.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), or what the estimator takes
            The training table.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), or None
            The target; a frozen estimator needs none.
        **fit_params : dict
            Passed to the estimator's `fit`, e.g. ``sample_weight``.

        Returns
        -------
        EmbeddingTransformer
            The fitted transformer.

        Raises
        ------
        NotFittedError
            If the estimator is frozen and not fitted.
        TypeError
            If the estimator has no vectors.
        ValueError
            If there is no such input.
        """
        self._validate_params()
        if isinstance(self.est, type) or not hasattr(self.est, "embed"):
            raise TypeError(
                "EmbeddingTransformer takes a MultiInputClassifier or MultiInputRegressor object as `est`, got "
                f"{describe_object(self.est)}."
            )
        if self._is_frozen():
            check_is_fitted(self.est)
            self.est_ = self.est
        else:
            self.est_ = clone(self.est).fit(X, y, **fit_params)
        # Here, and not at the first `transform`: a name that is no input is known after the fit.
        self._width = self.est_.vector_width(self.input)
        return self

    def transform(self, X):
        """Return the vectors of rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), or what the estimator takes
            Rows with the columns of fit. With `input`, columns that other inputs read may be absent.

        Returns
        -------
        ndarray of shape (n_rows, width), float
            One vector for each row, as `MultiInputClassifier.embed` returns it.
        """
        check_is_fitted(self)
        return self.est_.embed(X, self.input)

    def get_feature_names_out(self, input_features=None):
        """Name the columns of the output.

        Parameters
        ----------
        input_features : None
            Ignored. It exists because scikit-learn's tools pass it.

        Returns
        -------
        ndarray of str
            ``photo0``, ``photo1``, ... for an input "photo", and ``merge0``, ... for all inputs.
        """
        check_is_fitted(self)
        return np.array([f"{self.input or 'merge'}{i}" for i in range(self._width)], dtype=object)

    @property
    def n_features_in_(self):
        """Number of columns of fit."""
        check_is_fitted(self)
        return self.est_.n_features_in_

    @property
    def feature_names_in_(self):
        """Names of the columns of fit."""
        if not hasattr(self, "est_"):
            raise AttributeError(f"{type(self).__name__} is not fitted yet, and has no feature_names_in_.")
        return self.est_.feature_names_in_

    def __sklearn_is_fitted__(self):
        return hasattr(self, "est_")

    def __sklearn_clone__(self):
        # scikit-learn's clone of a frozen estimator would have learned nothing. It spares what `FrozenEstimator` holds.
        if not self.frozen or isinstance(self.est, FrozenEstimator):
            return BaseEstimator.__sklearn_clone__(self)
        wrapped = copy.copy(self)
        wrapped.est = FrozenEstimator(self.est)
        twin = BaseEstimator.__sklearn_clone__(wrapped)
        twin.est = self.est
        return twin

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        own = get_tags(self.est)
        tags.input_tags = own.input_tags
        tags.target_tags.required = own.target_tags.required and not self._is_frozen()
        # The vectors have the precision of the network, whatever the columns have.
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _is_frozen(self):
        """Return whether the estimator is used as it is."""
        return self.frozen or isinstance(self.est, FrozenEstimator)
