"""The regressor: its signature, its documentation, and what is special about numbers."""

from numbers import Real

from scikeras.wrappers import KerasRegressor
from sklearn.base import RegressorMixin

from .base import MultiInputEstimator
from .intervals import intervals
from .parameters import explains_arguments
from .partitions import takes_partitions
from .resuming import undone_if_broken_off
from .targets import NumberTarget
from .tasks import with_callbacks


class MultiInputRegressor(MultiInputEstimator, KerasRegressor):
    """Predict numbers from the rows of a mixed table with a multi-input Keras network.

    The router splits the columns into inputs, a branch learns from each input, the merge
    joins the branches, and the head predicts. Whatever you leave out is chosen from the
    data. Validation, early stopping and the weights of the best epoch are part of ``fit``.

    Parameters
    ----------
    router : InputRouter or None
        Splits the table's columns into named inputs. None routes each column by what
        it holds (see `InputRouter.plan_`).
    branches : dict of str to (Branch, Keras layer, callable or str), or None
        The sub-network of each input, by its name; an input that is left out gets its
        encoder's default. A callable maps a KerasTensor to a KerasTensor. A string is the
        name of another input, whose branch is then shared, with one set of weights.
    merge : str, merge object or callable
        Joins the branches: "concatenate", "add", "average", "maximum", "multiply",
        "interaction", "attention", "gated", one of the merge objects, or a callable
        that maps {input name: KerasTensor} to a KerasTensor.
    head : DenseHead or None
        Layers after the merge. None is ``DenseHead()`` from 1,000 training rows on; with
        fewer rows it also has dropout and several members that predict (see `DenseHead`).
    model : callable or None
        Builds the whole network by hand: ``f(inputs, target)`` takes
        {input name: KerasTensor} and a `TargetSpec` and returns the output tensor.
        Branches, merge and head are then not used.
    optimizer : str, class or Optimizer
        "auto" is Adam at a learning rate that suits target and batch size. The rate falls
        along half a cosine (`AnnealRate`) or, with text and a hold-out, each time that the
        hold-out gets worse (`SlowOnPlateau`). Of a large table of ids a step moves only the rows
        that it reads (`LazyAdam`). A name, class or object of Keras (an object
        is copied) trains at a constant rate. ``optimizer__learning_rate=...`` and other
        parameters are passed on; a learning rate that is given like this stays constant,
        also with "auto".
    loss : str, class, Loss, callable or None
        Keras' name, class or object; None chooses a loss that suits y. The output's activation
        follows from the loss.
    metrics : list, metric or None
        Keras' metrics, or classes and functions of your own; None chooses metrics that suit y.
    epochs : int or "auto"
        How often training sees all rows. "auto" makes some 1,500 steps, in 10
        to 100 epochs.
    batch_size : int or "auto"
        Rows of a step. "auto" makes about 80 steps per epoch, of 32 to 256 rows.
    validation_fraction : float, int, "auto" or None
        Share (or number) of the rows that are held out to decide when to stop. "auto" is a tenth,
        but no more than 1,000 rows, or as many as show 100 of the rarest class. None holds out no
        rows and stops on the training loss. Without early stopping no rows are held out either,
        except for the folds of five or more networks.
    early_stopping : bool or "auto"
        Whether training stops after `n_iter_no_change` epochs without improvement and
        keeps the weights of the best epoch. "auto": from 500 rows on (100 if a pretrained network is
        fine-tuned), or if X_val is given. Below, with `n_networks` of 5 or more, each network leaves out
        a fold of the rows and trains all epochs.
    n_iter_no_change : int or "auto"
        Number of epochs to wait for an improvement. "auto" is 10 at a constant learning
        rate; if the rate falls, its plan decides when training ends. An int holds the rate
        of ``optimizer="auto"`` constant.
    monitor : str
        The figure of an epoch that decides about stopping, best epoch and lower rates, such as
        "val_auc" or "loss". "auto" is the loss of the hold-out or, without one, of training.
        Whether larger is better follows from its name and the metric's class.
    callbacks : Keras callback, class, or list or dict of them, or None
        Classes take their parameters as ``callbacks__...``. Each fit, and each clone, has a
        shallow copy of an object: its own numbers begin anew, while a list, an Optuna trial or
        a progress bar that it holds is yours and shows what happened. An object that holds what
        cannot be copied, such as a lock or a file, is used as it is, and so is one that is
        marked by a ``__copy__`` that returns itself. Pickles leave such objects out.
    shuffle : bool
        Whether each epoch has an order of its own.
    steps_per_execution : int or "auto"
        Number of steps that run in one call, before Python sees the results. "auto" is 32, or
        all steps of a shorter epoch, or 1 if a callback looks at single batches.
    jit_compile : bool or "auto"
        Whether XLA compiles the network.
    dtype : {"float32", "float64"}
        Precision, from the encoded arrays to the output.
    input_dropout : float
        Share of the training rows from which each input is removed at random, so that
        the network learns to do without it.
    n_networks : int
        Number of networks that are trained and averaged. Three or four cost two to three times
        the seconds; they predict large tables better, and of small ones leave `oof_predictions_` of
        all rows. See the notes.
    n_jobs : int or None
        Number of networks that train side by side, in threads; -1 takes all cores. None is 1. The
        weights do not depend on it.
    memory : str, joblib.Memory or None
        Where encoded training rows, and what a frozen `BackboneBranch` makes of them, are kept
        between fits; None keeps none.
    checkpoint : str, PathLike or None
        A folder from which a fit that was killed goes on when it is called again; it then ends
        with the same weights as one that ran through. See the notes.
    warm_start : bool
        Whether a second ``fit`` continues with the network of the first one. It takes changed
        parameters of training, such as ``optimizer__learning_rate`` and what a `BackboneBranch`
        trains, and refuses changed parts of the network.
    scale_target : bool
        Whether the network learns y with mean 0 and standard deviation 1; predictions are
        in the units of y either way.
    verbose : int
        0 is silent. 1 prints a line for each stage and epoch, and at the end why training stopped
        and which epoch's weights are kept; in a search each line begins with candidate and fold.
        2 draws a live bar as well, with rich or else tqdm, if output goes to a terminal.
    random_state : int, RandomState or None
        Decides weights, shuffling, dropout and hold-out. Two fits with the same int are equal.

    Attributes
    ----------
    router_ : InputRouter
        The fitted router; ``router_.transform(X)`` gives the arrays of the inputs.
    branches_ : dict of str to (Branch or str)
        The branch of each input; a string names the input whose branch is shared.
    merge_, head_ : object
        The merge that joined the branches, and the head that made the output.
    model_ : keras.Model
        The trained network: ``model_.predict(router_.transform(X))`` is plain Keras. With several
        networks, they are layers of it, and it returns their average.
    history_ : dict of str to list of float
        Loss and metrics of each epoch; names with ``val_`` are those of the hold-out. With several
        networks, the mean over those that trained so long.
    n_iter_ : int
        Number of epochs trained; with several networks, of the longest training.
    best_epoch_ : int
        The epoch, counted from 1, whose weights `model_` has; with several networks, the mean of theirs,
        rounded.
    stop_reason_ : str
        How the last training ended, and which epoch's weights are kept, in the words of
        ``verbose=1``.
    networks_ : list of dict
        With several networks, of each its "history", "n_iter", "best_epoch" and "stop_reason".
    held_residuals_ : list of ndarray of shape (n_held, n_outputs)
        Truth minus prediction, in the units of y, of the rows in memory that were held out: an array for each
        network that holds out rows of its own, or a single one. `predict_interval` reads them.
    oof_predictions_ : ndarray of shape (n_rows,) or (n_rows, n_outputs), float64
        What `predict` says of each row of `fit`, in their order, by networks that have not seen the row ("out of
        fold"); NaN in rows that all networks trained on, and in rows of weight 0. Every row has a prediction where
        networks leave out folds; with hold-outs of a tenth, a tenth for each network. They tell how good
        the fit is, choose a threshold, or feed another model. There are none, and the attribute is an AttributeError,
        if no rows were held out, for rows from files and batches, and after `partial_fit` or a warm fit. Encoders have
        seen all rows when there are several networks: one that learns from y (scikit-learn's TargetEncoder) makes these
        predictions look too good.
    recipe_ : Recipe
        How the last training ran: batch size, epochs, learning rate and other choices that
        were left to the data.
    timings_ : dict of str to float
        Seconds of the fit: "route" (columns to arrays), "build" (the network), "trace"
        (TensorFlow's compilation), "train"; and "predict", the sum of all predictions since.
    callbacks_ : list of keras.callbacks.Callback
        The callbacks of the fit: copies of those that were given, or these themselves.
    output_names_ : ndarray of str
        Names of the columns of y, if y is a Series or a table and all names are strings.
        An array has none.
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
    MultiInputClassifier : Predicts classes.

    Notes
    -----
    Rows are held out before anything is fitted, so no statistic of an encoder has seen a
    held-out row. Parameters of Keras are routed as in SciKeras: ``optimizer__``, ``loss__``,
    ``metrics__``, ``callbacks__``, ``compile__``, ``fit__`` and ``model__``.

    **Several networks.** With ``n_networks=3`` the router is fitted once, on all rows, and three networks are
    trained on the encoded rows, each with its own first values, order of rows and hold-out. The hold-outs
    rotate: no row is held out twice before all were, so that what one network is not trained on, the
    others are. `model_` averages the predictions of the networks. It predicts in one compiled
    call, and is saved, exported and explained as one network. Fixed features are computed once for all
    networks, and TensorFlow traces one network for each of `n_jobs`, so that small tables cost much less
    than three fits. After Ctrl-C the networks that were trained are averaged; with `n_jobs` it is
    raised. scikit-learn's callbacks hear of the fit, and not of epochs. `warm_start`,
    `checkpoint`, `partial_fit`, batches that are encoded already, and a `DaskEstimator` take one network.

    **Folds.** Below 500 rows a hold-out is too small to decide when to stop. Five or more networks then
    cross-validate themselves: with ``early_stopping="auto"`` and no `X_val`, each leaves out a fold of its own
    (with the shares of the classes, if y has one column of them) and trains all epochs on the other rows. So every
    row is new to one network, and trains the others. ``early_stopping=False`` or ``validation_fraction=None``
    trains all networks on all rows. A table with a class of a single row, with fewer than two rows for each
    fold, or read in parts is not divided.

    **Interrupts.** After Ctrl-C a fit ends as if it had stopped early: with the weights of the
    best epoch so far, or of the last one that was done, and with an `InterruptedFitWarning`.
    Before the first epoch is done, and in a fit that joblib runs (in a search, a
    cross-validation or an ensemble), the interrupt is raised, as it is meant for all fits. After
    an interrupt or an error that is raised, the estimator is what it was before the fit.

    **Checkpoints.** A `checkpoint` is for fits that are killed. After epochs, the state of the
    training is written to a file in the folder, in one step and without pickle; writing takes a
    tenth of the time at most, so not every short epoch is written. ``fit`` with the same
    parameters, rows and versions fits the router anew and trains on from there; with
    ``random_state=None`` it has the seed that was drawn first. When the fit ends, its file is
    removed. Files are told apart by parameters and rows, so a folder serves all fits of a search.
    A `CheckpointWarning` tells of a file of another fit, which is left alone, and of one that is
    damaged, which is replaced. Batches from a generator or dataset are read again up to the
    epoch that was reached, since they cannot be rewound; they must be the same ones. Of your
    callbacks, attributes that are numbers, texts, arrays, or lists and dicts of them go on, and
    so do those of Keras' callbacks; scikit-learn's callbacks begin anew. `partial_fit` takes no
    checkpoint.

    Examples
    --------
    >>> from skmulti import MultiInputRegressor
    >>> from skmulti.datasets import make_prices
    >>> frame, price = make_prices(60, 0)
    >>> reg = MultiInputRegressor(epochs=20, random_state=0).fit(frame[["area", "city"]], price)
    >>> reg.predict(frame[:3]).shape
    (3,)
    >>> reg.score(frame, price) > 0
    True
    """

    _parameter_constraints = {**MultiInputEstimator._parameter_constraints, "scale_target": ["boolean"]}

    def __init__(
        self,
        router=None,
        *,
        branches=None,
        merge="concatenate",
        head=None,
        model=None,
        optimizer="auto",
        loss=None,
        metrics=None,
        epochs="auto",
        batch_size="auto",
        validation_fraction="auto",
        early_stopping="auto",
        n_iter_no_change="auto",
        monitor="auto",
        callbacks=None,
        shuffle=True,
        steps_per_execution="auto",
        jit_compile=False,
        dtype="float32",
        input_dropout=0.0,
        n_networks=1,
        n_jobs=None,
        memory=None,
        checkpoint=None,
        warm_start=False,
        scale_target=True,
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
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.monitor = monitor
        self.callbacks = callbacks
        self.shuffle = shuffle
        self.steps_per_execution = steps_per_execution
        self.jit_compile = jit_compile
        self.dtype = dtype
        self.input_dropout = input_dropout
        self.n_networks = n_networks
        self.n_jobs = n_jobs
        self.memory = memory
        self.checkpoint = checkpoint
        self.warm_start = warm_start
        self.scale_target = scale_target
        self.verbose = verbose
        self.random_state = random_state
        self._store_routed(routed)

    @explains_arguments
    @undone_if_broken_off
    @with_callbacks
    def fit(self, X, y=None, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit router and network.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, dict of arrays by input name, or source
            The training table. A source is read in parts: the path of Parquet or CSV files or of
            a folder of them, a ``pyarrow.dataset.Dataset`` or a function that returns an iterator
            of frames; or batches (inputs, y[, sample_weight]) of encoded arrays: a
            ``tf.data.Dataset``, ``keras.utils.PyDataset``, generator, or function that makes one.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), str or None
            Numbers, in any unit.
            For a source of frames, the name of a column or a list of names; None for batches.
        sample_weight : array-like of shape (n_rows,), str or None
            Weight of each row; rows of weight 0 are left out.
        X_val, y_val, sample_weight_val : like X, y and sample_weight, or None
            Rows on which the fit decides when to stop, instead of a share of the training rows.

        Returns
        -------
        MultiInputRegressor
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
        return self._fit(self._new_target(), X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def _new_target(self):
        """Return a target that has learned nothing yet."""
        return NumberTarget(self.scale_target)

    @explains_arguments
    @undone_if_broken_off
    def partial_fit(self, X, y, sample_weight=None):
        """Train one epoch on a chunk of rows.

        The first call fits the router and the target's scale; later calls continue with
        the same network and optimizer.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            The chunk.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Its targets.
        sample_weight : array-like of shape (n_rows,) or None
            Weight of each row.

        Returns
        -------
        MultiInputRegressor
            The estimator.
        """
        return self._partial_fit(NumberTarget(self.scale_target), X, y, sample_weight)

    @explains_arguments
    @takes_partitions
    def predict(self, X):
        """Predict the target of each row.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, dict of arrays by input name, or source
            Rows with the columns of fit. A ``dask.dataframe.DataFrame`` is predicted lazily, partition by
            partition: the result is a Series or DataFrame of Dask (`skmulti.dask.predict_partitions`).

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs), float64
            Predictions in the units of y.
        """
        return self._as_predictions(self._outputs(X))

    def _as_predictions(self, outputs):
        """Return outputs of the network as `predict` does."""
        outputs = outputs.astype("float64")
        return outputs[:, 0] if self._target.flat else outputs

    @explains_arguments
    def predict_interval(self, X, coverage=0.9):
        """Predict an interval for each row that holds the truth in a given share of the rows.

        The intervals follow from what the fit missed of rows that it held out, or that `X_val` gave.
        They are right on average over rows like those of the fit, whatever the network has learned;
        they are no narrower for rows that are easier.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, dict of arrays by input name, or source
            Rows with the columns of fit.
        coverage : float
            Share of the rows whose intervals are to hold the truth, in (0, 1).

        Returns
        -------
        ndarray of shape (n_rows, 2) or (n_rows, n_outputs, 2), float64
            Lower and upper end, in the units of y. Each output has the coverage by itself.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `coverage` is not between 0 and 1, if the fit held out no rows, or too few for this
            coverage: 0.9 takes 9 rows, 0.99 takes 99.

        See Also
        --------
        MultiInputRegressor.oof_predictions_ : Predictions of the rows that were held out.

        Notes
        -----
        A fit of one network, or one with `X_val`, gives split-conformal intervals: the prediction plus and
        minus the residual of rank ``ceil(coverage * (n_held + 1))``. Several networks that leave out folds, or hold
        out rows in turn, give CV+ intervals, the same with each network's predictions and its own residuals; they
        are wider in rows of which the networks disagree. In theory the coverage of CV+ is at least
        ``2 * coverage - 1``, and as a rule it is that which was asked for.

        Both suppose that the rows to predict come like those of the fit. Rows that were held out to decide when to
        stop have residuals a little smaller than those of new rows; folds decide nothing. Each row counts once,
        whatever its weight. Rows that are read from files or batches leave no residuals, and `partial_fit`
        holds out none.

        References
        ----------
        Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, "Distribution-Free Predictive Inference for
        Regression", 2018, arXiv:1604.04173, for split conformal. Barber, Candes, Ramdas and Tibshirani,
        "Predictive Inference with the Jackknife+", 2021, arXiv:1905.02928, for CV+.

        Examples
        --------
        >>> from skmulti import MultiInputRegressor
        >>> from skmulti.datasets import make_prices
        >>> frame, price = make_prices(80, 0)
        >>> X = frame[["area", "city"]]
        >>> reg = MultiInputRegressor(epochs=5, early_stopping=True, validation_fraction=0.25, random_state=0)
        >>> lower, upper = reg.fit(X, price).predict_interval(X, coverage=0.8).T
        >>> bool((lower < reg.predict(X)).all() and (reg.predict(X) < upper).all())
        True

        20 held-out rows are too few to be sure of 99 %:

        >>> reg.predict_interval(X, coverage=0.99)
        Traceback (most recent call last):
          ...
        ValueError: coverage=0.99 needs at least 99 held-out rows, and the fit held out 20. Lower `coverage`, ...
        """
        self._check_fitted()
        if not isinstance(coverage, Real) or not 0 < coverage < 1:
            raise ValueError(f"coverage must be a number between 0 and 1, such as 0.9, got {coverage!r}.")
        residuals = getattr(self, "held_residuals_", None)
        if residuals is None:
            raise ValueError(
                "predict_interval needs what the fit missed of rows in memory that it held out, and there are none "
                f"(held-out rows of this fit: {self.recipe_.reasons['validation_fraction']}). Set n_networks=5, or "
                "early_stopping=True with a validation_fraction, or give X_val and y_val, and fit a table in memory in "
                "one call."
            )
        # Rows that were held out from all networks have residuals of the average alone.
        predictions = self._outputs(X)[:, None] if len(residuals) == 1 else self._outputs_apart(X)
        found = intervals(predictions.astype("float64"), residuals, coverage)
        return found[:, 0] if self._target.flat else found

    @explains_arguments
    @takes_partitions
    def score(self, X, y=None, sample_weight=None):
        """Return the coefficient of determination on rows with known targets.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, dict of arrays by input name, or source
            Rows with the columns of fit. A ``dask.dataframe.DataFrame`` is scored where its partitions are; then
            `y` and the weights are names of its columns, or columns of it.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_rows,) or None
            Weight of each row.

        Returns
        -------
        float
            R squared: 1 is perfect, 0 is as good as always predicting the mean.
        """
        return RegressorMixin.score(self, *self._rows_to_score(X, y, sample_weight))
