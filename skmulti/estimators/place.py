"""Which of several fits a fit is: the candidate and the fold of a search, or a number."""

import itertools
import multiprocessing
import os
import sys

from .._workers import runs_in_joblib

_NUMBERS = itertools.count(1)


def place_of_fit(context=None):
    """Return which of several fits the one that runs is.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext or None
        scikit-learn's context of the fit, from version 1.9 on.

    Returns
    -------
    str
        Candidate and fold in a search: "candidate 2/6, fold 1/3". The number of the fit if nobody says more, as in
        `cross_validate`: "fit 3", or "process 4711, fit 3" in a worker process. Empty for a fit that is alone.

    Examples
    --------
    >>> from skmulti.estimators.place import place_of_fit
    >>> place_of_fit()
    ''
    """
    place = _counts_of_search() or _place_in_tasks(context)
    if place or not runs_in_joblib():
        return place
    # joblib tells nobody which of its calls one is.
    process = multiprocessing.current_process()
    worker = "" if process.name == "MainProcess" else f"process {os.getpid()}, "
    return f"{worker}fit {next(_NUMBERS)}"


def _counts_of_search():
    """Return candidate and fold as the functions that run a search have them, outer searches first; or nothing."""
    # The tasks of scikit-learn 1.9 have one number for both, and 1.8 has none. What a search knows of the two is only
    # in the arguments of the functions that have called this one.
    places, frame = [], sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("sklearn.model_selection."):
            found = [(name, frame.f_locals.get(f"{key}_progress")) for name, key in _COUNTED.items()]
            words = [f"{name} {count[0] + 1}/{count[1]}" for name, count in found if count is not None]
            places = [", ".join(words), *places] if words else places
        frame = frame.f_back
    return ", ".join(places)


# What a count is called, and what scikit-learn calls it.
_COUNTED = {"candidate": "candidate", "fold": "split"}


def _place_in_tasks(context):
    """Return what scikit-learn's tasks tell: the number among fits that may run side by side, or that it is a refit."""
    while context is not None:
        parent = context.parent
        if parent is not None and not parent.sequential_subtasks and parent.max_subtasks:
            return f"fit {context.task_id + 1}/{parent.max_subtasks}"
        if (context.source_task_name or context.task_name).startswith("refit"):
            return "refit"
        context = parent
    return ""
