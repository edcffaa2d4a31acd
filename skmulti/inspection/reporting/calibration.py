"""Whether probabilities are right: of the rows that get 0.8, eight in ten should be what was said."""

from dataclasses import dataclass

import numpy as np

N_BINS = 10
# Draws of what perfect probabilities would give by chance.
N_CHANCE = 1000


@dataclass(frozen=True)
class Reliability:
    """Probabilities in bins beside what came true.

    Parameters
    ----------
    table : list of tuple (low, high, weight, said, came)
        For each bin that has rows: its ends, weight of its rows, their mean probability, and the share of them
        that came true.
    error : float
        Expected calibration error: the mean distance of `said` and `came`, weighted.
    chance : float
        What 95 % of perfectly calibrated predictions of so many rows stay below.
    """

    table: list
    error: float
    chance: float


def reliability(said, came, weight, random_state=None):
    """Compare probabilities with what came true.

    Parameters
    ----------
    said : ndarray of shape (n,)
        Probabilities.
    came : ndarray of shape (n,), bool
        Whether it came true.
    weight : ndarray of shape (n,)
        Weight of each entry.
    random_state : int or None
        Seed of the draws of chance.

    Returns
    -------
    Reliability
        In ten bins of equal width.

    References
    ----------
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, for the error. Bröcker and
    Smith, "Increasing the Reliability of Reliability Diagrams", Weather and Forecasting 22, 2007,
    for the draws: the error of few rows is above 0 whatever the probabilities.
    """
    bins = np.minimum((said * N_BINS).astype(int), N_BINS - 1)
    in_bin = (bins[:, None] == np.arange(N_BINS)) * weight[:, None]
    totals = in_bin.sum(axis=0)
    said_sums = said @ in_bin
    table = [
        (k / N_BINS, (k + 1) / N_BINS, totals[k], said_sums[k] / totals[k], (came @ in_bin)[k] / totals[k])
        for k in np.flatnonzero(totals)
    ]
    rng = np.random.default_rng(random_state)
    # In pieces, since a draw has an entry for each row.
    step = max(2_000_000 // len(said), 1)
    chance = [
        np.abs((rng.random((min(step, N_CHANCE - start), len(said))) < said) @ in_bin - said_sums).sum(axis=1)
        for start in range(0, N_CHANCE, step)
    ]
    error = np.abs(came @ in_bin - said_sums).sum() / totals.sum()
    return Reliability(table, float(error), float(np.quantile(np.concatenate(chance) / totals.sum(), 0.95)))
