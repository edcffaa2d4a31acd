"""What scikit-learn's scalers learned from two parts of a table, joined by their public attributes."""

import copy

import numpy as np
from sklearn.base import clone
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler
from sklearn.utils import get_tags


def can_merge(transformer):
    """Return whether what two clones of a transformer learned from parts can be joined, or it learns nothing."""
    learns = hasattr(transformer, "partial_fit") or get_tags(transformer).requires_fit
    return type(transformer) in _MERGES or not learns


def merge_transformers(transformer, other):
    """Return a transformer that has learned what two fitted ones have; neither is changed.

    Parameters
    ----------
    transformer, other : transformer
        Clones of one transformer for which `can_merge` is true, fitted on parts of a table.

    Returns
    -------
    transformer
        The one that is fitted on both parts.
    """
    merge = _MERGES.get(type(transformer))
    return transformer if merge is None else merge(transformer, other)


def _merge_standard(scaler, other):
    """Join means and variances, by the formula of Chan, Golub and LeVeque that `StandardScaler.partial_fit` has."""
    merged = copy.copy(scaler)
    counts = [np.asarray(own.n_samples_seen_) for own in (scaler, other)]
    total = counts[0] + counts[1]
    merged.n_samples_seen_ = total if total.ndim and np.ptp(total) else total.max()[()]
    if scaler.mean_ is None:
        return merged
    # The mean of no number is NaN.
    means = [np.where(count, own.mean_, 0.0) for own, count in zip((scaler, other), counts, strict=True)]
    share = counts[1] / np.where(total, total, 1)
    gap = means[1] - means[0]
    merged.mean_ = np.where(total, means[0] + gap * share, np.nan)
    if scaler.var_ is None:
        return merged
    variances = [np.where(count, own.var_, 0.0) for own, count in zip((scaler, other), counts, strict=True)]
    merged.var_ = variances[0] * (1 - share) + variances[1] * share + gap**2 * share * (1 - share)
    # scikit-learn's rule: a variance within the rounding errors of the mean is that of a constant, whose scale is 1.
    eps = np.finfo("float64").eps
    constant = merged.var_ <= total * eps * merged.var_ + (total * merged.mean_ * eps) ** 2
    merged.scale_ = np.sqrt(np.where(constant, 1.0, merged.var_))
    return merged


def _merge_min_max(scaler, other):
    """Fit on two rows: the lowest numbers of both parts, and the highest."""
    low, high = np.fmin(scaler.data_min_, other.data_min_), np.fmax(scaler.data_max_, other.data_max_)
    return _refit(scaler, other, [low, high])


def _merge_max_abs(scaler, other):
    """Fit on one row: the largest numbers of both parts."""
    return _refit(scaler, other, [np.fmax(scaler.max_abs_, other.max_abs_)])


def _refit(scaler, other, rows):
    """Return a clone that is fitted on a few rows, in the place of those that two scalers have seen."""
    merged = clone(scaler).fit(np.array(rows))
    merged.n_samples_seen_ = scaler.n_samples_seen_ + other.n_samples_seen_
    if hasattr(scaler, "feature_names_in_"):
        merged.feature_names_in_ = scaler.feature_names_in_
    return merged


# By the class itself: a subclass may learn more.
_MERGES = {StandardScaler: _merge_standard, MinMaxScaler: _merge_min_max, MaxAbsScaler: _merge_max_abs}
