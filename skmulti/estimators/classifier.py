"""The classifier: its signature, its documentation, and what is special about classes."""

import numpy as np
from scikeras.wrappers import KerasClassifier
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_consistent_length

from .._validation import StrOptions
from .base import MultiInputEstimator
from .labels import check_labels
from .parameters import explains_arguments
from .partitions import takes_partitions
from .resuming import undone_if_broken_off
from .targets import ClassTarget, check_output_names, output_names
from .tasks import with_callbacks


class MultiInputClassifier(MultiInputEstimator, KerasClassifier):
    """Classify the rows of a mixed table with a multi-input Keras network.

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
        follows from the loss. With several columns of classes, each column has this loss.
    metrics : list, metric or None
        Keras' metrics, or classes and functions of your own; None chooses metrics that suit y.
        "accuracy" is the share of right labels in all columns.
    class_weight : dict, list of dict, "balanced" or None
        Weight of each label; "balanced" gives every class the same total weight. The weights
        are multiplied by sample_weight. If y has several columns, give "balanced" or a list
        with an entry for each: the labels of a column weigh the loss of that column.
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
    oof_predictions_ : ndarray of shape (n_rows, n_classes), float64, or list of ndarray
        What `predict_proba` says of each row of `fit`, in their order, by networks that have not seen the row ("out of
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
    classes_ : ndarray of shape (n_classes,), of shape (n_labels, 2), or list of ndarray
        The labels. For labels that can hold together, the two values of each; for other
        columns of classes, a list with the labels of each column.
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
    MultiInputRegressor : Predicts numbers.

    Notes
    -----
    Rows are held out before anything is fitted, so no statistic of an encoder has seen a
    held-out row. Parameters of Keras are routed as in SciKeras: ``optimizer__``, ``loss__``,
    ``metrics__``, ``callbacks__``, ``compile__``, ``fit__`` and ``model__``.

    A y of several columns makes one network with one head. If all columns hold only 0 and 1
    (or False and True), they are labels that can hold together, as in scikit-learn's
    MLPClassifier: each has a sigmoid unit. Otherwise each column has one class of several in
    each row, as in RandomForestClassifier, and its own softmax. The loss is the mean over
    columns. Held-out rows are drawn without regard to labels, since no draw keeps the shares
    of all columns.

    A label is predicted if its probability is above 0.5. This makes the fewest mistakes as
    long as the probabilities are right and a missed label costs as much as a wrong one. Rare
    labels are often worth more. Then give `class_weight`, which moves the probabilities, or
    choose another threshold, which does not: for two classes with scikit-learn's
    TunedThresholdClassifierCV, for labels from `predict_proba` on rows held out for it.

    **Several networks.** With ``n_networks=3`` the router is fitted once, on all rows, and three networks are
    trained on the encoded rows, each with its own first values, order of rows and hold-out. The hold-outs
    rotate: no row is held out twice before all were, so that what one network is not trained on, the
    others are. `model_` averages the logarithms of the odds that the networks see. It predicts in one compiled
    call, and is saved, exported and explained as one network. Fixed features are computed once for all
    networks, and TensorFlow traces one network for each of `n_jobs`, so that small tables cost much less
    than three fits. After Ctrl-C the networks that were trained are averaged; with `n_jobs` it is
    raised. scikit-learn's callbacks hear of the fit, and not of epochs. `warm_start`,
    `checkpoint`, `partial_fit`, batches that are encoded already, and a `DaskEstimator` take one network.

    **Folds.** Below 500 rows a hold-out is too small to decide when to stop. Five or more networks then
    cross-validate themselves: with ``early_stopping="auto"`` and no `X_val`, each leaves out a fold of its own
    (with the shares of the classes, if y has one column of them) and trains all epochs on the other rows. So every
    row is new to one network, and trains the others. What the networks say of the rows that they left out also tells
    how sure their average is to be: its logarithms of odds are divided by a temperature for each output, that at which
    the log loss of these rows (with their weights) is least; a temperature far from 1 has a price, so that few rows
    make nothing sure (Guo and others, 2017, arXiv:1706.04599). ``early_stopping=False`` or ``validation_fraction=None``
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
    >>> from skmulti import MultiInputClassifier
    >>> from skmulti.datasets import make_listings
    >>> frame, outcome = make_listings(60, 0)
    >>> clf = MultiInputClassifier(epochs=2, random_state=0)
    >>> clf = clf.fit(frame[["area", "city"]], outcome)
    >>> clf.predict_proba(frame[:3]).shape
    (3, 2)
    >>> list(clf.router_.specs_)
    ['numbers', 'categories']

    Below 500 rows, five networks leave out a fold each; which threshold finds most of the rare label, with few
    false alarms, is read off rows that are new to them:

    >>> from sklearn.metrics import precision_recall_curve
    >>> clf = MultiInputClassifier(epochs=2, n_networks=5, random_state=0).fit(frame[["area", "city"]], outcome)
    >>> clf.oof_predictions_.shape
    (60, 2)
    >>> precision, recall, thresholds = precision_recall_curve(
    ...     outcome, clf.oof_predictions_[:, 1], pos_label=clf.classes_[1]
    ... )

    A misspelt keyword is refused:

    >>> MultiInputClassifier(epoch=2)
    Traceback (most recent call last):
      ...
    TypeError: Invalid parameter 'epoch' for estimator MultiInputClassifier. ... Did you mean 'epochs'?
    """

    _parameter_constraints = {
        **MultiInputEstimator._parameter_constraints,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

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
        class_weight=None,
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
        self.verbose = verbose
        self.random_state = random_state
        self._store_routed(routed)

    @property
    def classes_(self):
        """The labels of y, in the order of `predict_proba`'s columns."""
        return self._target.labels.classes

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
            Labels of any type, none missing. Several columns are learned together; if all
            hold only 0 and 1, they are labels that can hold together.
            For a source of frames, the name of a column or a list of names; None for batches.
        sample_weight : array-like of shape (n_rows,), str or None
            Weight of each row; rows of weight 0 are left out.
        X_val, y_val, sample_weight_val : like X, y and sample_weight, or None
            Rows on which the fit decides when to stop, instead of a share of the training rows.

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
        return self._fit(self._new_target(), X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def _new_target(self):
        """Return a target that has learned nothing yet."""
        return ClassTarget(self.class_weight)

    @explains_arguments
    @undone_if_broken_off
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train one epoch on a chunk of rows.

        The first call fits the router; later calls continue with the same network and
        optimizer.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            The chunk.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Its labels.
        classes : array-like of shape (n_classes,), list of them, or None
            All labels that will occur; for several columns, a list with the labels of each.
            The first call needs them, unless its y has all labels or columns of only 0 and 1.
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
        # The shares of all classes would have to be known before the first chunk is learned.
        given = self.class_weight if isinstance(self.class_weight, list) else [self.class_weight]
        if "balanced" in given:
            raise ValueError(
                "class_weight='balanced' is not supported for partial_fit, which sees a chunk only. Give a dict: "
                "dict(zip(classes, compute_class_weight('balanced', classes=np.array(classes), y=all_labels))), with "
                "sklearn.utils.class_weight.compute_class_weight."
            )
        if hasattr(self, "model_") and classes is not None and not self._target.labels.are(classes):
            raise ValueError(
                f"`classes={classes}` is not the same as on last call to partial_fit, was: {self.classes_}"
            )
        return self._partial_fit(ClassTarget(self.class_weight, classes), X, y, sample_weight)

    @explains_arguments
    @takes_partitions
    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, dict of arrays by input name, or source
            Rows with the columns of fit. A ``dask.dataframe.DataFrame`` is predicted lazily, partition by
            partition: the result is a Series or DataFrame of Dask (`skmulti.dask.predict_partitions`).

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            Probabilities in the order of `classes_`; each row sums to 1. For labels that
            can hold together, the probability of each, of shape (n_rows, n_labels); for
            other columns of classes, a list with the probabilities of each column.
        """
        return self._as_predictions(self._outputs(X))

    def _as_predictions(self, outputs):
        """Return outputs of the network as `predict_proba` does."""
        # Divided by their sums again in float64: a softmax in float32 sums to 1 only to about seven digits, and
        # scikit-learn's metrics check the sums.
        outputs = outputs.astype("float64")
        if isinstance(self._target.spec.n_classes, tuple):
            blocks = np.split(outputs, np.cumsum(self._target.spec.n_classes)[:-1], axis=1)
            return [block / block.sum(axis=1, keepdims=True) for block in blocks]
        if self._target.labels.multilabel:
            return outputs
        # A network of one class has an output like one of two; there is nothing that it could say.
        if len(self.classes_) == 1:
            return np.ones((len(outputs), 1))
        if self._target.spec.activation == "sigmoid":
            return np.hstack([1 - outputs, outputs])
        return outputs / outputs.sum(axis=1, keepdims=True)

    @explains_arguments
    @takes_partitions
    def predict(self, X):
        """Predict the label of each row.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, dict of arrays by input name, or source
            Rows with the columns of fit. A ``dask.dataframe.DataFrame`` is predicted lazily, partition by
            partition: the result is a Series or DataFrame of Dask (`skmulti.dask.predict_partitions`).

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs)
            The most probable label, in y's type, or as objects if the columns of y differ in
            type. Labels that can hold together are 1 if their probability is above 0.5.
        """
        proba = self.predict_proba(X)
        if self._target.labels.multilabel:
            return self._target.labels.decode((proba > 0.5).astype(int))
        if isinstance(proba, list):
            return self._target.labels.decode(np.column_stack([np.argmax(part, axis=1) for part in proba]))
        return self._target.labels.decode(np.argmax(proba, axis=1))

    @explains_arguments
    @takes_partitions
    def score(self, X, y=None, sample_weight=None):
        """Return the accuracy on rows with known labels.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, dict of arrays by input name, or source
            Rows with the columns of fit. A ``dask.dataframe.DataFrame`` is scored where its partitions are; then
            `y` and the weights are names of its columns, or columns of it.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Their labels.
        sample_weight : array-like of shape (n_rows,) or None
            Weight of each row.

        Returns
        -------
        float
            Share of rows whose label is predicted; with several columns, all labels of the row.
        """
        self._check_fitted()
        X, y, sample_weight = self._rows_to_score(X, y, sample_weight)
        if self._target.labels.flat:
            return ClassifierMixin.score(self, X, y, sample_weight)
        check_output_names(output_names(y), getattr(self, "output_names_", None))
        truth, predicted = check_labels(y), self.predict(X)
        self._target.labels.check_columns(truth)
        check_consistent_length(predicted, truth, sample_weight)
        # By hand: scikit-learn's accuracy_score takes several columns only if they hold 0 and 1. Objects are compared
        # one by one, whatever their types.
        right = truth.astype(object) == predicted.astype(object)
        return float(np.average(right.all(axis=1), weights=sample_weight))
