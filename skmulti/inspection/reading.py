"""What a user hands to `report` becomes a list of folds, or an error that says what to hand in instead."""

import os
from numbers import Integral

import numpy as np

from .._validation import check_weights
from ..errors import InputMismatchError, describe_object, shorten
from ..router import n_rows, take_rows, to_table
from .evaluation import Fold
from .fitted import split_estimator

# What `report` takes besides estimators.
FOLDS = "the result of cross_validate(..., return_estimator=True, return_indices=True)"


def read_folds(subject, X, y, sample_weight, max_rows, random_state):
    """Return the folds of a report.

    Parameters
    ----------
    subject : object
        What `report` gets first.
    X, y, sample_weight : object
        Rows, target and weights.
    max_rows : int or None
        The most rows to look at; others are left out at random.
    random_state : int or None
        Seed of the draw.

    Returns
    -------
    folds : list of Fold
        Without rows of weight 0.
    weight : ndarray of shape (n_rows,)
        Weight of each row of X.
    labels : Index of shape (n_rows,)
        Labels of X's rows.
    notes : list of str
        What was left out, and why.
    """
    parts = _split_subject(subject)
    table, y = _read_rows(split_estimator(parts[0][0], FOLDS)[1], X, y)
    count = n_rows(table)
    weight = np.ones(count) if sample_weight is None else check_weights(sample_weight, np.empty(count))
    kept, notes = _choose_rows(weight, max_rows, random_state)
    folds = []
    for estimator, rows, score in parts:
        own = np.flatnonzero(kept) if rows is None else _rows_of_fold(rows, kept)
        before, last = split_estimator(estimator, FOLDS)
        if len(own):
            chosen = take_rows(table, own)
            folds.append(Fold(last, _transformed(before, chosen), own, y[own], score))
    return folds, weight, _row_labels(table), notes


def read_fold(estimator, X, y):
    """Return all rows as the fold of one estimator, and the labels of X's rows."""
    before, last = split_estimator(estimator)
    table, y = _read_rows(last, X, y)
    return Fold(last, _transformed(before, table), np.arange(len(y)), y), _row_labels(table)


def check_counts(**counts):
    """Refuse numbers that are no counts, given as name=(value, least)."""
    for name, (value, least) in counts.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise ValueError(
                f"`{name}` must be an int of at least {least}, got {value!r} of type {type(value).__name__}."
            )


def _split_subject(subject):
    """Return (estimator, positions of its test rows or None, score) of each fold."""
    if not isinstance(subject, dict):
        return [(subject, None, None)]
    if "estimator" not in subject or "indices" not in subject:
        missing = "return_estimator" if "estimator" not in subject else "return_indices"
        raise ValueError(
            f"report got a dict with the keys {shorten(list(subject))}; it takes what cross_validate returns with "
            f"estimators and the rows of each fold, and {missing}=True is missing: cross_validate(est, X, y, "
            "return_estimator=True, return_indices=True)."
        )
    scores = subject.get("test_score", [None] * len(subject["estimator"]))
    return list(zip(subject["estimator"], subject["indices"]["test"], scores, strict=True))


def _rows_of_fold(rows, kept):
    """Return the positions of a fold's test rows that are kept, or refuse positions that X does not have."""
    rows = np.asarray(rows)
    if rows.max(initial=-1) >= len(kept):
        raise InputMismatchError(
            f"The folds have test rows up to position {rows.max()}, and X has {len(kept)} rows. Give the X and y that "
            "cross_validate got."
        )
    return np.sort(rows[kept[rows]])


def _transformed(transformers, table):
    """Return a table as the last step of its pipelines gets it."""
    for transformer in transformers:
        table = transformer.transform(table)
    return table


def _read_rows(estimator, X, y):
    """Return X as a table and y as the estimator's target takes it, or refuse what is no target of these rows."""
    check_in_memory(X)
    table = to_table(X)
    count = n_rows(table)
    if not count:
        raise InputMismatchError("X has 0 sample(s) while a minimum of 1 is required: there is nothing to show.")
    if len(np.shape(y)) not in (1, 2) or np.shape(y)[0] != count:
        raise InputMismatchError(
            f"X has {count} rows, y is of type {type(y).__name__} and shape {np.shape(y)}. Give a target for each row."
        )
    return table, estimator._target.check(y)


def _row_labels(table):
    """Return the labels of a table's rows."""
    return table.index if hasattr(table, "index") else next(iter(table.values())).index


def check_in_memory(X):
    """Refuse rows that are in a file, or come from a function or iterator."""
    if isinstance(X, str | os.PathLike) or callable(X) or not hasattr(X, "__len__"):
        raise InputMismatchError(
            f"Single rows are shown, so that X must be a table in memory; got {describe_object(X)} "
            "Read some rows of it: pd.read_parquet(path).sample(5_000)."
        )


def _choose_rows(weight, max_rows, random_state):
    """Return which rows are looked at, and what is to be said of the others."""
    kept, notes = weight > 0, []
    if not kept.all():
        notes.append(f"{(~kept).sum():,} rows of weight 0 are left out.")
    if max_rows is not None and kept.sum() > max_rows:
        drawn = np.random.default_rng(random_state).choice(np.flatnonzero(kept), max_rows, replace=False)
        notes.append(f"{max_rows:,} of {kept.sum():,} rows were drawn at random (max_rows={max_rows}).")
        kept = np.zeros(len(kept), dtype=bool)
        kept[drawn] = True
    return kept, notes
