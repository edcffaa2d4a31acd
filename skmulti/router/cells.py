"""Cells of single rows: which are unlike the training cells of their column, and how people see them.

`shifts` compares the cells of a whole column, which needs many rows. Here each cell is held against what `profiles`
kept of the training cells: how many of them are missing, unseen and so on, and between which ends their amounts lie.
"""

import numpy as np
import pandas as pd

from .frames import row_labels
from .profiles import column_labels, measure_route

# A cell is unlike the training cells if what marks it marks fewer of them.
LEAST_SHARE = 0.05
_COLUMNS = ("row", "column", "reason", "share", "bits")


def unlike_cells(routes, profiles, table, places):
    """Return the cells that are unlike training cells; see `InputRouter.unlike_cells`.

    Parameters
    ----------
    routes : list of Route
        Fitted routes.
    profiles : dict of str to list of dict
        What `profile_routes` returned for them.
    table, places : object
        What `FittedRoutes.find_columns` returns.
    """
    found = []
    for route in routes:
        lenient = route.lenient()
        measures = measure_route(lenient, lenient.columns_in(table, places), profiles[route.name])
        for label, own, profile in zip(column_labels(route), measures, profiles[route.name], strict=True):
            found += [(row, label, *rest) for row, *rest in _marked_cells(own, profile["measures"])]
    cells = pd.DataFrame(found, columns=_COLUMNS).sort_values(["row", "bits"], ascending=[True, False], kind="stable")
    cells = cells.drop_duplicates(["row", "column"], ignore_index=True)
    return cells.astype({"row": "int64", "share": "float64", "bits": "float64"})


def _marked_cells(measures, known):
    """Yield (position, reason, share, bits) of the cells of a column that are unlike; a cell may come twice."""
    for name in known.keys() & measures.keys():
        values, summary = measures[name], known[name]
        count = sum(summary["counts"])
        if values.dtype == bool:
            # Half a cell more on either side: what no training cell shows is rare, but not impossible.
            share = (summary["counts"][1] + 0.5) / (count + 1)
            if share < LEAST_SHARE:
                amounts = measures.get("value") if name == "outside" else None
                yield from _flagged(name, values, share, summary, amounts, known.get("value"))
        # The flag "outside" stands for values, with the range of all training rows.
        elif values.dtype.kind == "f" and not (name == "value" and "outside" in known):
            share = 2 / (count + 1)
            low, high = summary["range"]
            outside = (values < low) | (values > high)
            if share < LEAST_SHARE:
                for row in np.flatnonzero(outside):
                    words = f"{name}: {values[row]:.4g} ({low:.4g} to {high:.4g} in training)"
                    yield int(row), words, share, -np.log2(share) + _distance_bits(values[row], low, high)


def _flagged(name, marks, share, summary, amounts, known_amounts):
    """Yield the cells that a measure marks; those outside of a range with their amounts."""
    in_training = summary["total"] / max(sum(summary["counts"]), 1)
    for row in np.flatnonzero(marks):
        bits, words = -np.log2(share), f"{name} ({in_training:.1%} of training cells)"
        if amounts is not None and amounts.dtype.kind == "f" and known_amounts:
            low, high = known_amounts["range"]
            # Those rows of fit that were measured may have had a smaller range than all of them.
            low, high = (low, high) if not low <= amounts[row] <= high else (np.nan, np.nan)
            if low <= high:
                words = f"{name}: {amounts[row]:.4g} ({low:.4g} to {high:.4g} in training)"
                bits += _distance_bits(amounts[row], low, high)
        yield int(row), words, share, bits


def _distance_bits(amount, low, high):
    """Return the binary logarithm of an amount's distance from the training range, in widths of that range."""
    width = high - low if high > low else max(abs(high), 1.0)
    return float(np.log2(1 + max(low - amount, amount - high) / width))


def show_cells(routes, table, places):
    """Return a frame of HTML; see `InputRouter.show_cells`, and `unlike_cells` for the parameters."""
    labels, shown = [], []
    for route in routes:
        route = route.lenient()
        own = zip(column_labels(route), route.show(route.columns_in(table, places)), strict=True)
        for label, cells in own:
            # Several inputs may read one column.
            if not any(label is known or label == known for known in labels):
                labels.append(label)
                shown.append(cells)
    rows = row_labels(table)
    names = pd.Index(labels, tupleize_cols=False)
    array = np.array(shown, dtype=object).T.reshape(len(rows), len(labels))
    return pd.DataFrame(array, index=rows, columns=names)
