"""Whether later cells differ from training cells: counts in the same bins, compared by a test and by an index.

The population stability index says how far apart two distributions are, whatever the number of rows. By chance alone it
is above 0, the more so the fewer the rows, so its mean under chance is subtracted. A test says whether chance explains
the difference. A column has shifted if the index is large and chance is ruled out, after a correction for the number of
tests in the table.
"""

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, fisher_exact

from ..errors import InputMismatchError, shorten
from .profiles import column_labels, count_cells, measure_route

# The least index of a shift; 0.1 to 0.25 is usually called moderate, more is large.
LEAST_INDEX = 0.1
# The probability that a table without any shift has a column that is flagged.
CHANCE = 0.01
# The least number of cells that a bin should have in either table, as is usual for the test.
LEAST_EXPECTED = 5
# Shares that every comparison shows, in this order.
SHARES = ("missing", "odd", "unreadable", "unseen", "outside", "truncated")
# Measures that a reason names.
_NAMED = 2


def stability_index(fitted, later):
    """Return the population stability index of two arrays of counts, less its mean under chance.

    Parameters
    ----------
    fitted, later : ndarray of shape (n_bins,), int
        Counts in the same bins.

    Returns
    -------
    float
        At least 0.

    References
    ----------
    Yurdakul, "Statistical Properties of Population Stability Index", dissertation, Western Michigan
    University, 2018: without a shift the index is about (1/n + 1/m) times a chi-squared variable with
    one degree of freedom less than there are bins. Siddiqi, "Credit Risk Scorecards", 2006, has the
    usual limits 0.1 and 0.25.
    """
    n, m, n_bins = fitted.sum(), later.sum(), len(fitted)
    if not n or not m:
        return 0.0
    # Half a cell more in each bin: the logarithm of an empty one is infinite.
    p, q = (fitted + 0.5) / (n + n_bins / 2), (later + 0.5) / (m + n_bins / 2)
    return max(float(((q - p) * np.log(q / p)).sum() - (n_bins - 1) * (1 / n + 1 / m)), 0.0)


def probability_of_chance(fitted, later):
    """Return the probability that two samples of one distribution differ at least as much."""
    # Fisher's test is exact for two bins; Pearson's needs some cells in each bin, which `join_sparse` takes care of.
    if len(fitted) < 2 or not fitted.sum() or not later.sum():
        return 1.0
    if len(fitted) == 2:
        return float(fisher_exact([fitted, later]).pvalue)
    return float(chi2_contingency([fitted, later], correction=False).pvalue)


def join_sparse(fitted, later):
    """Return counts in fewer bins: neighbours are joined until each bin is large enough for a test."""
    # By the counts of both tables together, so that a test that is given these counts stays right.
    n, m = fitted.sum(), later.sum()
    least = LEAST_EXPECTED * (n + m) / max(min(n, m), 1)
    bins, open_bin = [], np.zeros(2, dtype=int)
    for pair in np.column_stack([fitted, later]):
        open_bin = open_bin + pair
        if open_bin.sum() >= least:
            bins.append(open_bin)
            open_bin = np.zeros(2, dtype=int)
    if open_bin.any():
        # What is left over is too small for a bin of its own.
        last = bins.pop() if bins else 0
        bins.append(last + open_bin)
    joined = np.array(bins).reshape(-1, 2)
    return joined[:, 0], joined[:, 1]


class Comparison:
    """Later cells of each column, counted in the bins of its profile, part by part.

    Parameters
    ----------
    routes : list of Route
        Fitted routes.
    profiles : dict of str to list of dict
        What `profile_routes` returned for them.
    """

    def __init__(self, routes, profiles):
        self.routes = [route.lenient() for route in routes]
        self.profiles = profiles
        self.columns = {
            route.name: [
                ColumnComparison(route.name, label, profile)
                for label, profile in zip(column_labels(route), profiles[route.name], strict=True)
            ]
            for route in self.routes
        }

    def add(self, table, places):
        """Count the cells of the next rows; `places` is what `FittedRoutes.find_columns` returns with them."""
        for route in self.routes:
            columns, own = route.columns_in(table, places), self.columns[route.name]
            try:
                measures = measure_route(route, columns, self.profiles[route.name])
            except InputMismatchError as error:
                self._add_one_by_one(route, columns, error)
                continue
            for column, measured in zip(own, measures, strict=True):
                column.add(measured)

    def _add_one_by_one(self, route, columns, error):
        """Count the cells of an input of which one column is refused, as another one than that of fit."""
        own = self.columns[route.name]
        for i, column in enumerate(own):
            refusal = error
            if len(own) > 1:
                try:
                    column.add(measure_route(route, _keep_column(columns, i), self.profiles[route.name])[i])
                    continue
                except InputMismatchError as own_error:
                    refusal = own_error
            column.refusal = column.refusal or str(refusal)

    def table(self):
        """Return the comparison as a table, see `InputRouter.compare`."""
        columns = [column for own in self.columns.values() for column in own]
        n_tests = sum(len(column.counts) for column in columns)
        rows = [column.describe(n_tests) for column in columns]
        names = list(dict.fromkeys([*SHARES, *(name for column in columns for name in column.shares())]))
        order = [
            "input",
            *(f"{name}{at}" for name in names for at in ("", "_fit")),
            "shift",
            "p_value",
            "reason",
            "shifted",
        ]
        labels = pd.Index([column.label for column in columns], name="column", tupleize_cols=False)
        table = pd.DataFrame(rows, index=labels, columns=order)
        figures = dict.fromkeys(order[1:-2], "float64")
        return table.astype({**figures, "input": object, "reason": object, "shifted": bool})


def _keep_column(columns, position):
    """Return a frame in which all columns but one are missing."""
    alone = columns.copy(deep=False)
    for other in range(alone.shape[1]):
        if other != position:
            alone.isetitem(other, pd.Series(None, index=alone.index, dtype=object))
    return alone


class ColumnComparison:
    """Later cells of one column beside its profile.

    Parameters
    ----------
    input_name : str
        The input that reads the column.
    label : label of the column
    profile : dict
        Its profile.
    """

    def __init__(self, input_name, label, profile):
        self.input_name, self.label = input_name, label
        self.fitted = profile["measures"]
        self.counts = {name: np.zeros(len(known["counts"]), dtype=int) for name, known in self.fitted.items()}
        self.totals = dict.fromkeys(self.fitted, 0.0)
        self.refusal = None

    def add(self, measures):
        """Count the cells of the next rows."""
        for name in self.fitted.keys() & measures.keys():
            counts, total = count_cells(self.fitted[name], measures[name])
            self.counts[name] += counts
            self.totals[name] += total

    def shares(self):
        """Return the names of measures that are shares: those that mark cells."""
        return [name for name, known in self.fitted.items() if not known.keys() & {"edges", "labels"}]

    def describe(self, n_tests):
        """Return the row of the table, given the number of tests in the whole table."""
        row = {"input": self.input_name}
        for name in self.fitted:
            if name in SHARES or name in self.shares():
                row[name], row[f"{name}_fit"] = self._figures(name)
        if self.refusal is not None:
            return {**row, "shift": np.inf, "p_value": 0.0, "reason": shorten(self.refusal, 300), "shifted": True}
        found = [(name, *self._test(name)) for name in self.fitted]
        # A correction by the number of tests (Bonferroni's): many columns are looked at.
        found = [(name, index, min(p * n_tests, 1.0)) for name, index, p in found]
        shifted = [entry for entry in found if entry[1] >= LEAST_INDEX and entry[2] < CHANCE]
        shifted.sort(key=lambda entry: -entry[1])
        name, index, p = shifted[0] if shifted else min(found, key=lambda entry: (entry[2], -entry[1]))
        reason = "; ".join(self._in_words(entry[0]) for entry in shifted[:_NAMED])
        return {**row, "shift": index, "p_value": p, "reason": reason, "shifted": bool(shifted)}

    def _test(self, name):
        """Return the index of a measure and the probability that it is chance."""
        fitted, later = np.asarray(self.fitted[name]["counts"]), self.counts[name]
        if len(fitted) > 2:
            fitted, later = join_sparse(fitted, later)
        return stability_index(fitted, later), probability_of_chance(fitted, later)

    def _figures(self, name):
        """Return the mean of a measure in later cells and at fit, or the share of marked cells; NaN of no cells."""
        later, fitted = self.counts[name].sum(), sum(self.fitted[name]["counts"])
        return (
            self.totals[name] / later if later else np.nan,
            self.fitted[name]["total"] / fitted if fitted else np.nan,
        )

    def _in_words(self, name):
        """Return what has changed of a measure."""
        known, here = self.fitted[name], self.counts[name]
        if "labels" not in known:
            later, fitted = self._figures(name)
            form = "mean {:.4g}, {:.4g} at fit" if "edges" in known else "{:.1%}, {:.1%} at fit"
            form = "{:.1%}, {:.1%} at fit" if name in SHARES else form
            return f"{name}: {form.format(later, fitted)}"
        shares, shares_fit = (counts / max(counts.sum(), 1) for counts in (here, np.asarray(known["counts"])))
        most = int(np.abs(shares - shares_fit).argmax())
        label = [*map(repr, known["labels"]), "others"][most]
        return f"{name}: {shorten(label, 40)} {shares[most]:.1%}, {shares_fit[most]:.1%} at fit"
