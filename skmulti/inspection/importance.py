"""How much worse a fitted estimator is without an input or a column: shuffled, or replaced by what is missing."""

import numbers

import numpy as np
from joblib import Parallel, delayed
from sklearn.metrics import check_scoring
from sklearn.utils import Bunch, check_random_state

from ..errors import InputMismatchError, closest_match, describe_object
from ..estimators import MultiInputClassifier, MultiInputRegressor, Outputs
from .reading import check_in_memory
from .rows import HeldRows

BY = ("input", "column")
METHODS = ("permutation", "missing")


def input_importance(
    est,
    X,
    y,
    *,
    by="input",
    method="permutation",
    scoring=None,
    n_repeats=5,
    random_state=None,
    n_jobs=None,
    sample_weight=None,
):
    """Measure how much the score falls without each input, or each column.

    Use it on rows that were not trained on, to see what a model relies on: it answers for photos
    and texts as for numbers. ``sklearn.inspection.permutation_importance`` finds the same numbers
    for columns, but predicts a whole table for each of them. Here each row is encoded once and
    goes through each branch once; only the merge and the head run again.

    Parameters
    ----------
    est : MultiInputClassifier or MultiInputRegressor
        Fitted.
    X : DataFrame of shape (n_rows, n_columns), 2-D array, records, or dict of arrays by input name
        Rows with the columns of fit.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        Their targets.
    by : {"input", "column"}
        What is taken away: all columns of an input together, or one column, from all inputs that
        read it.
    method : {"permutation", "missing"}
        "permutation" gives each row the input of another row, drawn at random. "missing" puts
        in its place what the network has learned to put there in rows without the input. An
        input that no training row lacked has no such vector: the mean of its vectors stands in.
        A column that shares its input with others is missing as in a table whose cells are empty.
    scoring : str, callable, list, tuple, dict or None
        As in ``permutation_importance``. None is ``est.score``. A callable ``f(est, X, y)`` gets an
        X that only the methods of `est` can read.
    n_repeats : int
        How often an input is permuted. "missing" has nothing to repeat, and does it once.
    random_state : int, RandomState or None
        Where the permutations come from.
    n_jobs : int or None
        Number of threads. None is one.
    sample_weight : array-like of shape (n_rows,) or None
        Weights of the rows in the scores.

    Returns
    -------
    Bunch
        - importances_mean, importances_std : ndarray of shape (n_names,), mean and standard
          deviation over the repeats;
        - importances : ndarray of shape (n_names, n_repeats), the score of the rows as they are,
          minus the score without the input;
        - names : list, the inputs in the router's order, or the columns in the order of fit. A
          column that no input reads has an importance of 0.

        With several scores, a dict of such Bunches by name.

    Raises
    ------
    NotFittedError
        Before `fit`.
    TypeError
        If `est` is no estimator of this package, such as a Pipeline that ends in one.
    InputMismatchError
        If X does not fit the router, has other rows than y, or has no columns to take away.
    BranchMismatchError
        With "missing", if the network was made by the function in `model`.
    ValueError
        If `by`, `method` or `n_repeats` has a value that it does not take.

    See Also
    --------
    sklearn.inspection.permutation_importance : The same for columns of any estimator.

    Notes
    -----
    Breiman's permutation importance. With one `random_state`, the permutations are those of
    ``permutation_importance``, so that ``by="column"`` returns its numbers up to rounding.
    Columns that stand apart in their input's array are permuted there (`InputEncoder.slots`).
    Others are permuted in the table, and their input is encoded again. On 300 listings with photos
    and 5 repeats it is 13 times as fast (``tests/benchmarks/importance.py``).

    Two inputs that say the same hide each other's importance: each stands in for the other.

    References
    ----------
    Breiman, "Random Forests", Machine Learning 45, 2001.

    Examples
    --------
    >>> from skmulti import MultiInputRegressor, input_importance
    >>> from skmulti.datasets import make_listings
    >>> frame, _ = make_listings(60, random_state=0)
    >>> columns = ["area", "age", "city"]
    >>> reg = MultiInputRegressor(epochs=20, random_state=0).fit(frame[columns], frame["price"])
    >>> found = input_importance(reg, frame[columns], frame["price"], by="column", random_state=0)
    >>> found.names, found.importances.shape
    (['area', 'age', 'city'], (3, 5))
    >>> input_importance(reg, frame, frame["price"], by="columns")
    Traceback (most recent call last):
      ...
    ValueError: by='columns' is neither 'input' nor 'column'. Did you mean 'column'?
    """
    _check_arguments(est, by, method, n_repeats)
    check_in_memory(X)
    held, names, changes = (_by_input if by == "input" else _by_column)(est, X, method)
    if np.shape(y)[:1] != (len(held),):
        raise InputMismatchError(
            f"Found input variables with inconsistent numbers of samples: X has {len(held)} rows, y has the shape "
            f"{np.shape(y)}. Give one target for each row."
        )
    orders = [None] if method == "missing" else permutations(len(held), n_repeats, random_state)
    scorer = check_scoring(est, scoring=scoring)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}

    def score(change, order):
        return scorer(est, Outputs(held.output(change(order))), y, **weights)

    baseline = score(lambda order: {}, None)
    # A column that no input reads changes nothing.
    jobs = [(change, order) for change in changes for order in orders]
    scores = Parallel(n_jobs=n_jobs, require="sharedmem")(
        delayed(score)(change, order) if change else delayed(lambda: baseline)() for change, order in jobs
    )
    if isinstance(baseline, dict):
        return {key: _summary(baseline[key], [found[key] for found in scores], names) for key in baseline}
    return _summary(baseline, scores, names)


def permutations(n_rows, n_repeats, random_state):
    """Return orders of rows, each an ndarray of shape (n_rows,): those of ``permutation_importance``."""
    # There, too, every column gets the same orders, and each repeat shuffles what the last one left.
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max + 1)
    rng, shuffled, order, orders = np.random.RandomState(seed), np.arange(n_rows), np.arange(n_rows), []
    for _ in range(n_repeats):
        rng.shuffle(shuffled)
        order = order[shuffled]
        orders.append(order)
    return orders


def _by_input(est, X, method):
    """Return the rows, the inputs' names, and for each a function from an order to {input: what is held of it}."""
    held = HeldRows(est, X)
    return held, held.names, [_input_change(held, name, method) for name in held.names]


def _input_change(held, name, method):
    """Return the function that takes one input away."""
    if method == "missing":
        return lambda order: {name: held.without(name)}
    return lambda order: {name: held.parts[name].take(order)}


def _by_column(est, X, method):
    """Return the rows, the columns' labels, and for each the function that takes it away, or None if nothing does."""
    if not hasattr(est.router_, "readings"):
        raise InputMismatchError(
            "by='column' needs a table, and the estimator was fitted on encoded arrays. Take by='input'."
        )
    table, readings = est.router_.readings(X)
    slotted = {name for reading in readings for name, slots in reading.slots.items() if slots is not None}
    held = HeldRows(est, table, keeps=slotted)
    changes = [_column_change(held, table, reading, method) for reading in readings]
    return held, [reading.label for reading in readings], changes


def _column_change(held, table, reading, method):
    """Return the function that takes one column away from all inputs that read it, or None if none does."""
    if reading.position is None:
        return None

    def change(order):
        changed = {}
        for name in reading.alone:
            changed |= _input_change(held, name, method)(order)
        for name, slots in reading.slots.items():
            if order is None or slots is None:
                changed[name] = held.from_table(name, _with_column(table, reading.position, order))
            else:
                array = held.arrays[name].copy()
                array[:, slots] = array[np.ix_(order, slots)]
                changed[name] = held.with_array(name, array)
        return changed

    return change


def _with_column(table, position, order):
    """Return a table with a column in another order, or empty if `order` is None."""
    column, table = table.iloc[:, position], table.copy(deep=False)
    empty = column.where(np.zeros(len(column), dtype=bool))
    table.isetitem(position, empty if order is None else column.iloc[order].set_axis(table.index))
    return table


def _summary(baseline, scores, names):
    """Return the Bunch of one score."""
    importances = baseline - np.asarray(scores, dtype=float).reshape(len(names), -1)
    return Bunch(
        importances_mean=importances.mean(axis=1),
        importances_std=importances.std(axis=1),
        importances=importances,
        names=list(names),
    )


def _check_arguments(est, by, method, n_repeats):
    """Refuse what the arguments do not take."""
    if not isinstance(est, MultiInputClassifier | MultiInputRegressor):
        raise TypeError(
            "input_importance looks into a fitted MultiInputClassifier or MultiInputRegressor, got "
            f"{describe_object(est)}. Of a pipeline give the last step, and what the others make of X: "
            "input_importance(pipe[-1], pipe[:-1].transform(X), y)."
        )
    est._check_fitted()
    for name, value, known in (("by", by, BY), ("method", method, METHODS)):
        if value not in known:
            raise ValueError(
                f"{name}={value!r} is neither {known[0]!r} nor {known[1]!r}.{closest_match(str(value), known)}"
            )
    if not isinstance(n_repeats, numbers.Integral) or n_repeats < 1:
        raise ValueError(f"n_repeats must be an int of at least 1, got {n_repeats!r}.")
