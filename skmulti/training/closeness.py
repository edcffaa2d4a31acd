"""How closely the target follows the inputs, and which of them add nothing, before anything is trained.

The vector that an untrained network makes of a row holds the row's numbers, random functions of each of them and a
random vector of each category or word. A ridge regression on it costs a fraction of an epoch, and the error of each
row under the regression on all others needs no second fit.
"""

from typing import NamedTuple

import keras
import numpy as np

from ..network import cut_off
from ..spec import layer_name
from .run import sample_rows

# The most rows that are read: the cost grows with their third power.
MOST_ROWS = 500
# How much more may be unexplained without an input that adds nothing, as a share of what is: it is a quick look.
TOLERANCE = 0.02
# Penalties of the ridge regression that are tried, as shares of the mean square of a row.
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)


class Look(NamedTuple):
    """What a quick look at the rows has found.

    Parameters
    ----------
    closeness : float or None
        Share of the target's variance that the inputs explain, at most 1; None where it cannot be told.
    idle : tuple of str
        Inputs without which hardly less is explained.
    """

    closeness: float | None = None
    idle: tuple = ()


def look(network, rows, *, classes, doubted=(), cuts=None):
    """Find out how closely the target follows the inputs, and which of some inputs add nothing.

    Parameters
    ----------
    network : keras.Model
        Not trained yet.
    rows : Rows, SharedRows or StreamRows
        Training rows.
    classes : bool
        Whether the target is made of classes.
    doubted : sequence of str
        Names of inputs that may add nothing. They are taken away in turn.
    cuts : dict of str to Cut, or None
        Layers of the network, by input name, of which the rows hold what is fixed in the place of the array.

    Returns
    -------
    Look
        Empty where nothing can be told: rows of which not all are known, as they are shared with other processes or
        too many, a network made by hand, vectors that are not finite, a target that does not vary.
    """
    if rows.sample is None or len(next(iter(rows.sample.values()))) != len(rows.y):
        return Look()
    layers = {layer.name: layer for layer in network.layers}
    outputs = {name: layers[key].output for name in network.input if (key := layer_name(name, "branch")) in layers}
    if not outputs:
        return Look()
    arrays = sample_rows({**rows.sample, "": np.arange(len(rows.y))}, MOST_ROWS)
    # Rows that are encoded on access are encoded here.
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    targets = _columns(rows.y[arrays.pop("")], classes)
    behind = keras.Model(network.input, outputs)
    if cuts:
        behind = cut_off(behind, cuts)
    vectors = {name: np.asarray(vector, dtype="float64") for name, vector in behind(arrays, training=False).items()}
    share, idle = explained_share(np.hstack(list(vectors.values())), targets), []
    for name in doubted:
        others = [vector for other, vector in vectors.items() if other not in (name, *idle)]
        without = explained_share(np.hstack(others), targets) if others and share is not None else None
        if without is not None and 1 - without <= (1 + TOLERANCE) * (1 - share):
            share, idle = without, [*idle, name]
    return Look(share, tuple(idle))


def explained_share(vectors, targets):
    """Return what a ridge regression explains of the targets of rows that it does not know.

    Parameters
    ----------
    vectors : ndarray of shape (n_rows, width)
        What to predict from.
    targets : ndarray of shape (n_rows, n_targets)
        What to predict.

    Returns
    -------
    float or None
        One minus the mean squared error of each row under the regression on all others, as a share of the
        variance; the best of several penalties. None if a vector is not finite, or nothing varies.

    References
    ----------
    Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", 2nd edition, 2009, section 7.10, for
    the error of rows left out one by one.
    """
    spread = vectors.std(axis=0)
    if not np.isfinite(spread).all():
        return None
    varies = spread > 1e-9
    targets = targets - targets.mean(axis=0)
    total = (targets**2).sum()
    if not varies.any() or not total:
        return None
    scaled = (vectors[:, varies] - vectors[:, varies].mean(axis=0)) / spread[varies]
    n_rows = len(scaled)
    # The ones stand for an intercept that is hardly penalised.
    products = scaled @ scaled.T / scaled.shape[1] + 1
    shares = []
    for penalty in PENALTIES:
        inverse = np.linalg.inv(products + penalty * np.eye(n_rows))
        errors = inverse @ targets / np.diag(inverse)[:, None]
        shares.append(1 - (errors**2).sum() / total)
    return float(max(shares))


def _columns(y, classes):
    """Return encoded targets as columns of equal weight: a column for each class, or numbers of one variance."""
    y = np.asarray(y, dtype="float64").reshape(len(y), -1)
    if classes:
        return np.hstack([(column[:, None] == np.unique(column)).astype("float64") for column in y.T])
    spread = y.std(axis=0)
    return y / np.where(spread > 0, spread, 1)
