"""A fit as scikit-learn's callbacks see it: one task, with a subtask for each epoch.

These are the callbacks of `sklearn.callback` (scikit-learn 1.9), such as progress bars; Keras' callbacks are
the parameter `callbacks`.
"""

import functools

import keras

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn 1.8

    class CallbackSupportMixin:
        """Replaces the class of the same name in scikit-learn 1.9."""

        def set_callbacks(self, *callbacks):
            """Refuse callbacks; see `sklearn.callback` of scikit-learn 1.9."""
            raise NotImplementedError(
                f"{type(self).__name__}.set_callbacks needs `sklearn.callback`, which came with scikit-learn 1.9. "
                "Upgrade scikit-learn, or use Keras' callbacks: callbacks=[...]."
            )

    def with_callbacks(method):
        """Wrap a method as scikit-learn's decorator does, without callbacks."""
        # A wrapper, not the method itself, so that a fit is as deep in the stack with each version.

        @functools.wraps(method)
        def call(estimator, *args, **kwargs):
            return method(estimator, *args, **kwargs)

        return call


class FitTask:
    """Tells an estimator's scikit-learn callbacks about its fit.

    Parameters
    ----------
    estimator : estimator
        The estimator that is fitted.
    X, y : table and ndarray of shape (n_rows,)
        The training rows.
    sample_weight : ndarray of shape (n_rows,) or None
        Weights of the training rows.
    epochs : int
        The most epochs.

    Notes
    -----
    A callback that asks for a fitted estimator gets a copy with its own network, which later
    epochs do not change. The copy is made only if a callback asks for it.
    """

    def __init__(self, estimator, X, y, sample_weight, epochs):
        self.estimator = estimator
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self.data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self.context = None
        if hasattr(estimator, "_init_callback_context"):
            self.context = estimator._init_callback_context(max_subtasks=epochs)
            self.context.call_on_fit_task_begin(**self.data)

    def end(self):
        """Tell the callbacks that the fit has ended."""
        if self.context is not None:
            self.context.call_on_fit_task_end(**self.data, reconstruction_attributes={})

    def epochs(self):
        """Return the Keras callbacks that report each epoch."""
        return [] if self.context is None else [EpochTasks(self)]


class EpochTasks(keras.callbacks.Callback):
    """Tells scikit-learn's callbacks about each epoch, and stops training if one of them says so.

    Parameters
    ----------
    fit : FitTask
        The task that the epochs are part of.
    """

    # How a fit calls it that one of these callbacks stopped.
    told_as = "a callback of scikit-learn"

    def __init__(self, fit):
        super().__init__()
        self.fit = fit
        self.task = None
        # Counted from 1, as 0 says that none stopped the fit.
        self.stopped_epoch = 0
        # Begins with the epochs of earlier fits, since `warm_start` continues the history. The fit appends to its own
        # lists, so these are copies.
        self.history = {name: list(values) for name, values in fit.estimator.history_.items()}

    def on_epoch_begin(self, epoch, logs=None):
        """Begin a task; see `keras.callbacks.Callback`."""
        self.task = self.fit.context.subcontext(task_name="epoch")
        self.task.call_on_fit_task_begin(**self.fit.data, reconstruction_attributes=self._attributes)

    def on_epoch_end(self, epoch, logs=None):
        """End the task, and training if a callback asks for it; see `keras.callbacks.Callback`."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        if self.task.call_on_fit_task_end(**self.fit.data, reconstruction_attributes=self._attributes):
            self.stopped_epoch = epoch + 1
            self.model.stop_training = True

    def _attributes(self):
        """Return the attributes of the estimator's copy, as if the fit had ended after this epoch."""
        # The network is not among them: it is copied with the estimator.
        n_epochs = len(self.history.get("loss", []))
        history = {name: list(values) for name, values in self.history.items()}
        return {"history_": history, "n_iter_": n_epochs, "best_epoch_": n_epochs}
