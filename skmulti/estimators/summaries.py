"""What a fit has to know of the target of rows that lie in several places: a few figures of each place, merged."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..network import TargetMoments


@dataclass(frozen=True)
class LabelCounts:
    """How often labels occur, one combination of the columns of y a row.

    Parameters
    ----------
    table : DataFrame
        The labels in its index, and the columns "rows", which counts those with a weight above 0, and "weight".
    flat : bool
        Whether y has one dimension.
    is_weighted : bool
        Whether the rows have weights.
    """

    table: pd.DataFrame
    flat: bool
    is_weighted: bool

    @classmethod
    def of(cls, y, sample_weight):
        """Count the labels of rows: y of shape (n_rows,) or (n_rows, n_outputs), and their weights or None."""
        columns = [y] if y.ndim == 1 else list(y.T)
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        table = pd.DataFrame({"rows": (weight > 0).astype(int), "weight": weight.astype(float)})
        return cls(_summed(table, columns), y.ndim == 1, sample_weight is not None)

    def merge(self, other):
        """Return the counts of these rows and those of another object together."""
        table = pd.concat([self.table, other.table])
        levels = [table.index.get_level_values(k).to_numpy() for k in range(table.index.nlevels)]
        return LabelCounts(_summed(table, levels), self.flat, self.is_weighted)

    @property
    def n_rows(self):
        """Number of rows with a weight."""
        return int(self.table["rows"].sum())

    @property
    def labels(self):
        """Each combination of labels once, as an array of the form of y."""
        if self.flat:
            return self.table.index.to_numpy()
        # Each column has its own type, so that numbers beside text stay numbers.
        levels = [self.table.index.get_level_values(k).to_numpy() for k in range(self.table.index.nlevels)]
        kinds = {level.dtype for level in levels}
        return np.column_stack(levels) if len(kinds) == 1 else np.column_stack([lv.astype(object) for lv in levels])

    @property
    def counts(self):
        """Number of rows with a weight of each of the `labels`."""
        return self.table["rows"].to_numpy()

    @property
    def weights(self):
        """Sum of the weights of each of the `labels`."""
        return self.table["weight"].to_numpy()

    def balanced_weights(self):
        """Return what ``class_weight="balanced"`` means: a dict of label to weight, or a list with one a column."""
        found = []
        for k in range(self.table.index.nlevels):
            used = self.table["rows"].groupby(level=k).sum()
            used = used[used > 0]
            found.append((used.sum() / (len(used) * used)).to_dict())
        return found[0] if self.flat else found


def _summed(table, columns):
    """Add up the rows of a table that have equal labels."""
    # Without sorting: labels of several types have no order. What is wrong with them is said by the target's check.
    keys = [pd.Series(column, name=k, dtype=column.dtype) for k, column in enumerate(columns)]
    return table.reset_index(drop=True).groupby(keys, sort=False, dropna=False).sum()


@dataclass(frozen=True)
class NumberSummary:
    """Figures of a target of numbers.

    Parameters
    ----------
    moments : TargetMoments
        Of each column of y.
    n_rows : int
        Number of rows with a weight.
    flat : bool
        Whether y has one dimension.
    is_weighted : bool
        Whether the rows have weights.
    """

    moments: TargetMoments
    n_rows: int
    flat: bool
    is_weighted: bool

    @classmethod
    def of(cls, y, sample_weight):
        """Return the figures of rows: y of shape (n_rows,) or (n_rows, n_outputs), and their weights or None."""
        is_weighted, n_rows = sample_weight is not None, len(y)
        # Without a weight no row counts, but there is something to merge with.
        if is_weighted:
            n_rows = int(np.count_nonzero(sample_weight))
        if not n_rows:
            sample_weight = np.full(len(y), np.finfo(float).tiny)
        return cls(TargetMoments.of(y.reshape(len(y), -1), sample_weight), n_rows, y.ndim == 1, is_weighted)

    def merge(self, other):
        """Return the figures of these rows and those of another object together."""
        n_rows = self.n_rows + other.n_rows
        return NumberSummary(self.moments.merge(other.moments), n_rows, self.flat, self.is_weighted)
