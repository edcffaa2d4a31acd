"""A fit as scikit-learn's callbacks see it: one task, with a subtask for each epoch."""

import functools

import keras

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn 1.8

    class CallbackSupportMixin:
        """Stands in for scikit-learn's own, which came with version 1.9."""

        def set_callbacks(self, *callbacks):
            """Refuse callbacks; see `sklearn.callback` of scikit-learn 1.9."""
            raise NotImplementedError(
                f"{type(self).__name__}.set_callbacks needs `sklearn.callback`, which came with scikit-learn 1.9. "
                "Upgrade scikit-learn, or use Keras' callbacks: callbacks=[...]."
            )

    def with_callbacks(method):
        """Call the method, one level up the stack as with scikit-learn's own."""

        @functools.wraps(method)
        def called(estimator, *args, **kwargs):
            return method(estimator, *args, **kwargs)

        return called


class FitTask:
    """Tells an estimator's scikit-learn callbacks about its fit.

    Parameters
    ----------
    estimator : estimator
        What is fitted.
    X, y : table and ndarray of shape (n_rows,)
        The rows that train.
    sample_weight : ndarray of shape (n_rows,) or None
        Their weights.
    epochs : int
        Epochs at most.

    Notes
    -----
    A callback that asks for a fitted estimator gets a copy with a network of its own,
    which later epochs do not change; the copy is made only if one asks.
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
        """Tell that the fit is done."""
        if self.context is not None:
            self.context.call_on_fit_task_end(**self.data, reconstruction_attributes={})

    def epochs(self):
        """Return the Keras callbacks that tell of each epoch."""
        return [] if self.context is None else [EpochTasks(self)]


class EpochTasks(keras.callbacks.Callback):
    """Tells scikit-learn's callbacks of each epoch, and stops training when one of them says so.

    Parameters
    ----------
    fit : FitTask
        The task that the epochs are part of.
    """

    def __init__(self, fit):
        super().__init__()
        self.fit = fit
        self.task = None
        self.history = {name: list(values) for name, values in fit.estimator.history_.items()}

    def on_epoch_begin(self, epoch, logs=None):
        """Begin a task; see `keras.callbacks.Callback`."""
        self.task = self.fit.context.subcontext(task_name="epoch")
        self.task.call_on_fit_task_begin(**self.fit.data, reconstruction_attributes=self._attributes)

    def on_epoch_end(self, epoch, logs=None):
        """End it, and training if a callback asks for that; see `keras.callbacks.Callback`."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        if self.task.call_on_fit_task_end(**self.fit.data, reconstruction_attributes=self._attributes):
            self.model.stop_training = True

    def _attributes(self):
        """Return what the estimator's copy has as if the fit had ended here; its network is copied with it."""
        n_epochs = len(self.history.get("loss", []))
        history = {name: list(values) for name, values in self.history.items()}
        return {"history_": history, "n_iter_": n_epochs, "best_epoch_": n_epochs}
