"""What a fit's networks said of training rows that were new to them: the source of `oof_predictions_`."""

from functools import partial

import numpy as np

from ..network import average_outputs


def gather_unseen(model, places, outputs):
    """Bring what networks said of rows that they had not seen into the order of the rows.

    Parameters
    ----------
    model : keras.Model
        The network, or the average of several.
    places : list of ndarray of int
        For each network, the positions of the rows that it had not seen.
    outputs : list of ndarray of shape (n_unseen, width)
        What it said of these.

    Returns
    -------
    positions : ndarray of int
        The rows that were new to a network, in increasing order.
    outputs : ndarray of shape (n_positions, width)
        Averages over the networks to which they were, as the model averages its networks.
    """
    rows, outputs = np.concatenate(places), np.concatenate(outputs)
    order = np.argsort(rows, kind="stable")
    found, first, counts = np.unique(rows[order], return_index=True, return_counts=True)
    averages = np.empty((len(found), outputs.shape[1]), outputs.dtype)
    for count in np.unique(counts):
        several = first[counts == count, None] + np.arange(count)
        said = outputs[order[several]]
        averages[counts == count] = said[:, 0] if count == 1 else average_outputs(model, [*said.swapaxes(0, 1)])
    return found, averages


def spread(n_rows, positions, predictions):
    """Return predictions of some rows as an array of all rows, NaN elsewhere; a list of arrays as such a list."""
    if isinstance(predictions, list):
        return list(map(partial(spread, n_rows, positions), predictions))
    whole = np.full((n_rows, *predictions.shape[1:]), np.nan)
    whole[positions] = predictions
    return whole
