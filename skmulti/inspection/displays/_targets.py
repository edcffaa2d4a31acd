"""Whether a target is drawn as classes or as numbers, and the groups of rows that it makes."""

import numpy as np
import pandas as pd

# Whole numbers with more values than this are amounts, not classes.
_MOST_CLASSES = 20
N_PARTS = 4


def as_target(y, n_rows):
    """Return a target as a Series without row labels; refuse several columns and a wrong number of rows."""
    shape = np.shape(y)
    if len(shape) == 2 and shape[1] == 1:
        y, shape = np.asarray(y)[:, 0], shape[:1]
    if len(shape) != 1 or shape[0] != n_rows:
        raise ValueError(
            f"y must have the shape ({n_rows},), a value for each row, got {shape}. Give one column of it, "
            "or the rows of y that X has."
        )
    return pd.Series(np.asarray(y) if not isinstance(y, pd.Series) else y).reset_index(drop=True)


def is_numeric(target):
    """Return whether a target holds amounts: fractions, or many different whole numbers."""
    if not pd.api.types.is_numeric_dtype(target.dtype) or pd.api.types.is_bool_dtype(target.dtype):
        return False
    values = target.dropna()
    return bool((values % 1 != 0).any()) or values.nunique() > _MOST_CLASSES


def groups_of(y, n_rows):
    """Return the group of each row, a Categorical: its class, or the part of the range in which its number is."""
    target = as_target(y, n_rows)
    if not is_numeric(target):
        return pd.Categorical(target.map(str).where(target.notna()), categories=_sorted_names(target))
    # Parts with equally many rows; equal edges make fewer parts.
    parts = pd.qcut(target, N_PARTS, duplicates="drop")
    names = [f"{part.left:.4g} to {part.right:.4g}" for part in parts.cat.categories]
    # Numbers that differ by little have equal names, and a Categorical takes no name twice.
    unique = [name if name not in names[:i] else f"{name} ({i + 1})" for i, name in enumerate(names)]
    return pd.Categorical.from_codes(parts.cat.codes, categories=unique)


def _sorted_names(target):
    """Return the names of the classes in the order of their values, 2 before 10."""
    values = list(target.dropna().unique())
    try:
        values = sorted(values)
    except TypeError:
        values = sorted(values, key=str)
    return list(dict.fromkeys(map(str, values)))
