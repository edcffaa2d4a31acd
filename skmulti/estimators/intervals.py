"""Prediction intervals from what a fit missed of the rows that it held out."""

import math

import numpy as np

# Values that are compared at once.
_CALL_VALUES = 4_000_000


def intervals(predictions, residuals, coverage):
    """Return the interval of each prediction by CV+, which for a single network is split conformal.

    Parameters
    ----------
    predictions : ndarray of shape (n_rows, n_networks, n_outputs)
        What each network predicts.
    residuals : list of ndarray of shape (n_held, n_outputs)
        For each network, what it missed of rows that it has not seen.
    coverage : float
        Share of the rows whose intervals are to hold the truth.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs, 2), float64
        Lower and upper ends.

    Raises
    ------
    ValueError
        If there are too few residuals for the coverage.
    """
    count = sum(map(len, residuals))
    # Rounded: 0.7 * 10 is a little more than 7.
    rank = math.ceil(round(coverage * (count + 1), 9))
    if rank > count:
        raise ValueError(
            f"coverage={coverage:g} needs at least {math.ceil(round(coverage / (1 - coverage), 9))} held-out rows, and "
            f"the fit held out {count}. Lower `coverage`, raise `validation_fraction`, or give X_val and y_val."
        )
    sizes = [np.sort(np.abs(own), axis=0) for own in residuals]
    step = max(_CALL_VALUES // count, 1)
    found = [_ends(predictions[i : i + step], sizes, rank) for i in range(0, len(predictions), step)]
    return np.concatenate(found)


def _ends(predictions, sizes, rank):
    """Return the ends of the intervals of some rows; `sizes` are those of the residuals of each network."""
    ends = np.empty((len(predictions), predictions.shape[2], 2))
    for output in range(predictions.shape[2]):
        for side, sign in enumerate((-1, 1)):
            # Downwards as upwards: the lower end is the upper one of what is mirrored at 0.
            values = [sign * predictions[:, number, output, None] + own[:, output] for number, own in enumerate(sizes)]
            ends[:, output, side] = sign * np.partition(np.concatenate(values, axis=1), rank - 1, axis=1)[:, rank - 1]
    return ends
