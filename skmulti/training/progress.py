"""How far a fit has come, and how it ends when a user interrupts it."""

import keras

from .._workers import refuse_broken_off, runs_in_joblib
from .weights import keep_weights, put_weights


class Progress(keras.callbacks.Callback):
    """Notes each epoch that is done. It is the first callback of a fit, so that no other one knows an epoch before it.

    Parameters
    ----------
    logs : sequence of dict
        Figures of the epochs that are done already.
    stopper : Callback or None
        What sets the best weights at the end, if its attribute ``best_weights`` holds some.

    Attributes
    ----------
    logs : list of dict
        Figures of each epoch that is done, with those that other callbacks add.
    """

    def __init__(self, logs=(), stopper=None):
        super().__init__()
        self.logs, self.stopper = list(logs), stopper
        self.has_begun = self._tests = self._within_epoch = False
        self._weights = None

    def on_epoch_begin(self, epoch, logs=None):
        """Keep the weights; see `keras.callbacks.Callback`."""
        # Here, when every callback has done with the epoch before: some change weights at its end.
        self.has_begun = self._within_epoch = True
        # A copy of a large table takes much memory, and one of the best weights is enough.
        if getattr(self.stopper, "best_weights", None) is None:
            self._weights = keep_weights(self.model)

    def on_train_batch_end(self, batch, logs=None):
        """End a training that was broken off from elsewhere; see `keras.callbacks.Callback`."""
        refuse_broken_off()

    def on_test_begin(self, logs=None):
        """Note that rows are validated; see `keras.callbacks.Callback`."""
        self._tests = True

    def on_test_end(self, logs=None):
        """Note that rows are not validated any more; see `keras.callbacks.Callback`."""
        self._tests = False

    def on_epoch_end(self, epoch, logs=None):
        """Note the epoch; see `keras.callbacks.Callback`."""
        # The dict itself, since callbacks such as ReduceLROnPlateau add figures to it.
        self.logs.append(logs)
        self._within_epoch, self._weights = False, None

    @property
    def history(self):
        """The figures of all epochs: a dict of lists."""
        history = {}
        for logs in self.logs:
            for name, value in logs.items():
                history.setdefault(name, []).append(value)
        return history

    def end_early(self, callbacks):
        """Go back to the last epoch's end, and tell the callbacks that training has ended.

        Parameters
        ----------
        callbacks : keras.callbacks.CallbackList
            All callbacks of the fit.
        """
        if self._within_epoch and self._weights is not None:
            put_weights(self.model, self._weights)
            self._weights = None
        # What Keras does after the last epoch. It also ends the threads in which Keras calls callbacks.
        if self._tests:
            callbacks.on_test_end()
        self.model.optimizer.finalize_variable_values(self.model.trainable_weights)
        callbacks.on_train_end(self.logs[-1] if self.logs else None)


def run_epochs(fit, callbacks, progress):
    """Run a fit; return whether a user interrupted it after an epoch or more, so that it ended early.

    An interrupt is raised before the first epoch is done, and in a fit that joblib runs: in a search or a
    cross-validation it is meant for all fits, and joblib's cache would keep half a fit for a whole one.

    Parameters
    ----------
    fit : callable
        Calls ``keras.Model.fit``.
    callbacks : keras.callbacks.CallbackList
        All callbacks of the fit.
    progress : Progress
        The first of them.
    """
    try:
        fit()
    except KeyboardInterrupt:
        # Callbacks that have not heard of the beginning hear of no end.
        if progress.has_begun:
            progress.end_early(callbacks)
        if not progress.has_begun or not progress.logs or runs_in_joblib():
            raise
        return True
    return False
