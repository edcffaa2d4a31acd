"""The worst mistakes: which rows they are, and their cells as people see them."""

from dataclasses import dataclass

import numpy as np

from ...router import take_rows
from ..worst import rank_largest


@dataclass(frozen=True)
class Mistake:
    """A row that is predicted badly.

    Parameters
    ----------
    label : object
        Label of the row.
    fold : int
        The fold that predicts it.
    said : list of tuple (output, predicted, true)
        In words, for each output that is wrong.
    loss : float
        Log loss, or error in standard deviations.
    cells : list of tuple (column, HTML)
        The row.
    """

    label: object
    fold: int
    said: list
    loss: float
    cells: list


def worst_entries(outputs, n_mistakes):
    """Return the positions of the worst predictions, and the loss of every one.

    Parameters
    ----------
    outputs : list of (ClassOutput or NumberOutput)
        Their losses are added up. A right label has none, so that only mistakes are found.
    n_mistakes : int
        How many at most.
    """
    losses = np.sum([output.losses() for output in outputs], axis=0)
    order = rank_largest(losses, n_mistakes)
    return order[losses[order] > 0], losses


def find_mistakes(evaluation, labels, n_mistakes):
    """Return the worst mistakes of an evaluation as a list of `Mistake`, the worst first.

    Parameters
    ----------
    evaluation : Evaluation
        Rows and predictions.
    labels : Index
        Labels of X's rows.
    n_mistakes : int
        How many at most.
    """
    entries, losses = worst_entries(evaluation.outputs, n_mistakes)
    return [
        Mistake(
            labels[evaluation.rows[entry]],
            int(evaluation.fold[entry]),
            [(output.name, *output.describe(entry)) for output in evaluation.outputs if output.losses()[entry] > 0],
            float(losses[entry]),
            show_row(*evaluation.place(entry)),
        )
        for entry in entries
    ]


def show_row(fold, position):
    """Return a row of a fold as a list of (column, HTML)."""
    router = fold.estimator.router_
    if not hasattr(router, "show_cells"):
        return []
    shown = router.show_cells(take_rows(fold.table, [position]))
    return list(zip(shown.columns, shown.iloc[0], strict=True))
