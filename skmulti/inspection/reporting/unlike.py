"""Rows that the network has hardly seen the like of, and columns that have shifted."""

import numpy as np
import pandas as pd

from ...router import n_rows, take_rows

# Rows of each fold that are looked at: photos are read once more for it.
MOST_ROWS = 2_000


def compare_folds(evaluation, random_state):
    """Hold the rows of each fold against the training rows of its estimator.

    Parameters
    ----------
    evaluation : Evaluation
        Rows and estimators.
    random_state : int or None
        Seed of the draw of rows.

    Returns
    -------
    cells : DataFrame
        What `InputRouter.unlike_cells` returns, where `row` is the position in X.
    columns : DataFrame
        What `InputRouter.compare` returns, of all folds, with the fold in the column `fold`.
    n_looked : int
        Number of rows that were looked at.
    """
    rng = np.random.default_rng(random_state)
    cells, columns, n_looked = [], [], 0
    for number, fold in enumerate(evaluation.folds):
        router = fold.estimator.router_
        if not hasattr(router, "unlike_cells"):
            continue
        table, rows = fold.table, fold.rows
        if len(rows) > MOST_ROWS:
            some = np.sort(rng.choice(len(rows), MOST_ROWS, replace=False))
            table, rows = take_rows(table, some), rows[some]
        found = router.unlike_cells(table)
        cells.append(found.assign(row=rows[found["row"]]))
        columns.append(router.compare(table).assign(fold=number))
        n_looked += n_rows(table)
    if not cells:
        return None, None, 0
    return pd.concat(cells, ignore_index=True), pd.concat(columns), n_looked


def rank_rows(cells, most):
    """Return (row, bits, reasons) of the most unlike rows, the most unlike first.

    Parameters
    ----------
    cells : DataFrame
        From `compare_folds`. A cell that several folds look at counts once.
    most : int
        How many rows at most.
    """
    rows = [
        (
            int(row),
            float(own["bits"].sum()),
            [f"{column}: {why}" for column, why in zip(own["column"], own["reason"], strict=True)],
        )
        for row, own in cells.drop_duplicates(["row", "column"]).groupby("row")
    ]
    return sorted(rows, key=lambda entry: -entry[1])[:most]
