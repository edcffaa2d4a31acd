"""The classifier: signature, documentation, and what is special about classes."""

import numpy as np
import pandas as pd
from scikeras.wrappers import KerasClassifier
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from ._base import MultiInputEstimator
from ._validation import StrOptions
from .errors import quoted
from .heads import classification_target
from .tasks import with_callbacks


class MultiInputClassifier(MultiInputEstimator, KerasClassifier):
    """Classify the rows of a mixed table with a multi-input Keras network.

    Which columns go where is the router's matter, what is learned from each input its
    branch's, and how they come together the merge's; with nothing configured each is
    chosen from the columns. Validation, early stopping and the best epoch's weights are
    part of ``fit``.

    Parameters
    ----------
    router : InputRouter or None
        Splits the table's columns into named inputs. None routes each column by what
        it holds (see `InputRouter.plan_`).
    branches : dict of str to (Branch, Keras layer, callable or str), or None
        The sub-network of each input, by its name; inputs that are left out get their
        encoder's default. A callable takes and gives a KerasTensor; a string is the
        name of another input whose branch, with one set of weights, is shared.
    merge : str, merge object or callable
        Joins the branches: "concatenate", "add", "average", "maximum", "multiply",
        "interaction", "attention", "gated", one of the merge objects, or a callable
        that takes {input name: KerasTensor} and gives a KerasTensor.
    head : DenseHead or None
        Layers after the merge; None is ``DenseHead()``.
    model : callable or None
        Builds the whole network by hand, ``f(inputs, target) -> output``: from
        {input name: KerasTensor} and a `TargetSpec` to the output tensor. Branches,
        merge and head are then not used.
    optimizer : str, class or Optimizer
        Keras' name, class or object (which is copied); parameters follow as
        ``optimizer__learning_rate=...``.
    loss : str, class, Loss, callable or None
        Keras' name, class or object; None suits y. The output's activation follows.
    metrics : list or None
        Keras' metrics; None suits y.
    class_weight : dict, "balanced" or None
        Weight of each label, or weights that give every class the same total; multiplied
        with sample_weight.
    epochs : int or "auto"
        Times that training sees all rows; "auto" makes some 3,000 steps.
    batch_size : int or "auto"
        Rows of a step; "auto" makes about 80 steps an epoch, of 32 to 256 rows.
    validation_fraction : float, int or None
        Share (or number) of the rows that are held out to decide when to stop; None
        stops on the training loss. Without early stopping no rows are held out.
    early_stopping : bool or "auto"
        Whether training stops after `n_iter_no_change` epochs without improvement, and
        keeps the best epoch's weights. "auto": from 500 rows, or when X_val is given.
    n_iter_no_change : int
        Epochs to wait for an improvement.
    callbacks : Keras callback, class, or list or dict of them, or None
        Objects are copied for each fit (the copies are in `callbacks_`); classes take
        their parameters as ``callbacks__...``.
    shuffle : bool
        Whether the rows come in another order in each epoch.
    steps_per_execution : int or "auto"
        Steps that run before Python sees them; "auto" is 16 in longer fits.
    jit_compile : bool or "auto"
        Whether XLA compiles the network.
    dtype : {"float32", "float64"}
        Precision, from the encoded arrays to the output.
    input_dropout : float
        Share of the training rows from which each input is taken away at random, so
        that the network learns to do without it.
    memory : str, joblib.Memory or None
        Where encoded training rows are kept between fits; None keeps none.
    warm_start : bool
        Whether a second ``fit`` continues with the network of the first.
    verbose : int
        0 is silent, 1 prints a line an epoch, 2 a progress bar.
    random_state : int, RandomState or None
        Decides weights, shuffling, dropout and hold-out; an int makes fits equal.

    Attributes
    ----------
    router_ : InputRouter
        The fitted router; ``router_.transform(X)`` gives the arrays of the inputs.
    branches_ : dict of str to (Branch or str)
        The branch of each input; a string names the input whose branch is shared.
    merge_, head_ : object
        What joined the branches and made the output.
    model_ : keras.Model
        The trained network: ``model_.predict(router_.transform(X))`` is plain Keras.
    history_ : dict of str to list of float
        Loss and metrics of each epoch, "val_..." those of the hold-out.
    n_iter_ : int
        Epochs trained.
    best_epoch_ : int
        The epoch, counted from 1, whose weights `model_` has.
    callbacks_ : list of keras.callbacks.Callback
        The fit's copies of the user's callbacks.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str
        Names of the columns of X, if all are strings.

    Raises
    ------
    TypeError
        If a keyword is no parameter.

    See Also
    --------
    InputRouter : Splits the columns.
    MultiInputRegressor : Predicts numbers.

    Notes
    -----
    Rows are divided into those that train and those that validate before anything is
    fitted, so that no statistic of an encoder has seen a held-out row. Parameters of
    Keras are routed as in SciKeras: ``optimizer__``, ``loss__``, ``metrics__``,
    ``callbacks__``, ``compile__``, ``fit__`` and ``model__``.

    Examples
    --------
    >>> from skmulti import MultiInputClassifier
    >>> from skmulti.datasets import make_listings
    >>> frame, outcome = make_listings(60, 0)
    >>> clf = MultiInputClassifier(epochs=2, random_state=0)
    >>> clf = clf.fit(frame[["area", "city"]], outcome)
    >>> clf.predict_proba(frame[:3]).shape
    (3, 2)
    >>> list(clf.router_.specs_)
    ['numbers', 'categories']

    A misspelt keyword is refused:

    >>> MultiInputClassifier(epoch=2)
    Traceback (most recent call last):
      ...
    TypeError: Invalid parameter 'epoch' for estimator MultiInputClassifier. ... Did you mean 'epochs'?
    """

    _parameter_constraints = {
        **MultiInputEstimator._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        router=None,
        *,
        branches=None,
        merge="concatenate",
        head=None,
        model=None,
        optimizer="adam",
        loss=None,
        metrics=None,
        class_weight=None,
        epochs="auto",
        batch_size="auto",
        validation_fraction=0.1,
        early_stopping="auto",
        n_iter_no_change=10,
        callbacks=None,
        shuffle=True,
        steps_per_execution="auto",
        jit_compile=False,
        dtype="float32",
        input_dropout=0.0,
        memory=None,
        warm_start=False,
        verbose=0,
        random_state=None,
        **routed,
    ):
        self.router = router
        self.branches = branches
        self.merge = merge
        self.head = head
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = metrics
        self.class_weight = class_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.callbacks = callbacks
        self.shuffle = shuffle
        self.steps_per_execution = steps_per_execution
        self.jit_compile = jit_compile
        self.dtype = dtype
        self.input_dropout = input_dropout
        self.memory = memory
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self._store_routed(routed)

    @with_callbacks
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit router and network.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            The training table.
        y : array-like of shape (n_rows,)
            Labels of any type.
        sample_weight : array-like of shape (n_rows,) or None
            Weight of each row; rows of weight 0 are left out.
        X_val, y_val, sample_weight_val : like X, y and sample_weight, or None
            Rows to decide on when to stop, instead of a share of the training rows.

        Returns
        -------
        MultiInputClassifier
            The fitted estimator.

        Raises
        ------
        InputMismatchError
            If the table does not fit the router.
        BranchMismatchError
            If a branch cannot read its input.
        ValueError
            If a parameter, y or the weights are wrong.
        """
        return self._fit_rows(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train one epoch on a chunk of rows.

        The first call fits the router; later calls continue with the same network and
        optimizer.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            The chunk.
        y : array-like of shape (n_rows,)
            Its labels.
        classes : array-like of shape (n_classes,) or None
            All labels that will occur; the first call needs them unless its y has all.
        sample_weight : array-like of shape (n_rows,) or None
            Weight of each row.

        Returns
        -------
        MultiInputClassifier
            The estimator.

        Raises
        ------
        ValueError
            If y holds a label that the first call did not know.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not supported for partial_fit, which sees a chunk only. Give a dict, e.g. "
                "from sklearn.utils.compute_class_weight('balanced', classes=classes, y=y)."
            )
        if hasattr(self, "model_") and classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"`classes={classes}` is not the same as on last call to partial_fit, was: {self.classes_}"
            )
        return self._partial_fit_rows(X, y, sample_weight, classes)

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            Rows with the columns of fit.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            Probabilities in the order of `classes_`; each row sums to 1.
        """
        outputs = self._outputs(X).astype("float64")
        if len(self.classes_) == 1:
            return np.ones((len(outputs), 1))
        if self._target.activation == "sigmoid":
            return np.hstack([1 - outputs, outputs])
        return outputs / outputs.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Predict the label of each row.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            Rows with the columns of fit.

        Returns
        -------
        ndarray of shape (n_rows,)
            The most probable label, of y's type.
        """
        positions = np.argmax(self.predict_proba(X), axis=1)
        return self.classes_[positions]

    def score(self, X, y, sample_weight=None):
        """Give the accuracy on rows with known labels.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            Rows with the columns of fit.
        y : array-like of shape (n_rows,)
            Their labels.
        sample_weight : array-like of shape (n_rows,) or None
            Weight of each row.

        Returns
        -------
        float
            Share of rows whose label is predicted.
        """
        return ClassifierMixin.score(self, X, y, sample_weight)

    def _checked_y(self, y, *, reset):
        """Give the labels as an array of shape (n_rows,)."""
        y = column_or_1d(y, warn=True)
        if pd.isna(y).any():
            raise ValueError(f"Input y contains NaN: {int(pd.isna(y).sum())} of {len(y)} labels are missing.")
        check_classification_targets(y)
        return y

    def _learn_target(self, y, classes):
        self.classes_ = np.unique(y if classes is None else classes)
        self._class_weights = None
        if self.class_weight is not None:
            # From all rows, so that a hold-out is weighed as the training rows are.
            weights = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
            self._class_weights = np.asarray(weights, dtype="float64")

    def _numbered(self, y):
        """Give each label's position in `classes_`."""
        positions = np.searchsorted(self.classes_, y)
        positions = np.minimum(positions, len(self.classes_) - 1)
        unknown = self.classes_[positions] != y
        if unknown.any():
            raise ValueError(
                f"y holds labels that are not in classes_: {quoted(np.unique(y[unknown])[:5].tolist())}; known are "
                f"{quoted(self.classes_[:20].tolist())}. Labels are learned in the first fit; partial_fit takes all of "
                "them as `classes`."
            )
        return positions

    def _strata(self, y):
        return self._numbered(y)

    def _describe_target(self, y, weight):
        return classification_target(len(self.classes_), self.loss)

    def _fitting_loss(self, loss, target):
        return loss

    def _total_weight(self, y, weight):
        if self._class_weights is None:
            return weight
        by_class = self._class_weights[self._numbered(y)]
        return by_class if weight is None else by_class * weight
