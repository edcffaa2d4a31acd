"""How closely the target follows the inputs, measured before anything is trained.

The vector that an untrained network makes of a row holds the row's numbers, random functions of each of them and a
random vector of each category or word. A ridge regression on it costs a fraction of an epoch, and the error of each
row under the regression on all others needs no second fit.
"""

import keras
import numpy as np

from ..router import LazyArray
from ..spec import MERGED_LAYER
from .run import Rows, sample_rows

# The most rows that are read: the cost grows with their third power.
MOST_ROWS = 500
# Penalties of the ridge regression that are tried, as shares of the mean square of a row.
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)


def closeness(network, rows, *, classes):
    """Return the share of the target's variance that the inputs explain, as far as a quick look can tell.

    Parameters
    ----------
    network : keras.Model
        Not trained yet.
    rows : Rows, SharedRows or StreamRows
        Training rows.
    classes : bool
        Whether the target is made of classes.

    Returns
    -------
    float or None
        At most 1. None where it cannot be told: rows that are not in memory or are shared with other processes, a
        network made by hand, vectors that are not finite, a target that does not vary.
    """
    if not isinstance(rows, Rows) or any(isinstance(array, LazyArray) for array in rows.arrays.values()):
        return None
    if all(layer.name != MERGED_LAYER for layer in network.layers):
        return None
    arrays = sample_rows({**rows.arrays, "": np.arange(len(rows.y))}, MOST_ROWS)
    positions = arrays.pop("")
    vectors = keras.Model(network.input, network.get_layer(MERGED_LAYER).output)(arrays, training=False)
    return explained_share(np.asarray(vectors, dtype="float64"), _columns(rows.y[positions], classes))


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
