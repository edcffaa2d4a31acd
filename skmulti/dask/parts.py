"""What runs on the workers while a table is learned: each function takes one partition, or what was made of several."""

import warnings
from typing import NamedTuple

import pandas as pd

from ..errors import InputMismatchError
from .threads import limit_threads_here


class Part(NamedTuple):
    """The rows of a partition: columns that are inputs, target and weights."""

    X: pd.DataFrame
    y: pd.DataFrame | pd.Series
    weight: object


def join_part(X, y, sample_weight):
    """Return a partition as a `Part`; `y` and `sample_weight` are names of columns of X, or tables."""
    names = []
    if isinstance(y, str | list):
        names += [y] if isinstance(y, str) else y
        y = X[y]
    if isinstance(sample_weight, str):
        names.append(sample_weight)
        sample_weight = X[sample_weight]
    for column, name in ((y, "y"), (sample_weight, "sample_weight")):
        if column is not None and len(column) != len(X):
            raise InputMismatchError(
                f"A partition of X has {len(X)} rows, and that of {name} has {len(column)}. Rows are paired partition "
                f"by partition: make {name} of a column of the same table, or give the name of a column."
            )
    weight = None if sample_weight is None else sample_weight.to_numpy()
    return Part(X.drop(columns=names), y, weight)


def summarize(fit, part):
    """Return (number of rows, summary of the target) of a partition; without rows (0, None)."""
    return (len(part.X), fit.summarize(fit.read(*part))) if len(part.X) else (0, None)


def digest_part(fit, part):
    """Return a digest of the rows of a partition."""
    return fit.digest(fit.read(*part)) if len(part.X) else ""


def kept_seed(fit):
    """Return the seed of the checkpoint with which a fit goes on; a worker sees its folder."""
    return fit.kept_seed()


def _divided(fit, part, number):
    """Return the rows of a partition to train on, and those that validate."""
    return fit.split(fit.read(*part), number)


def count(fit, part, number):
    """Return (summary of the training rows, their number, number of the rows that validate) of a partition."""
    training, held = _divided(fit, part, number)
    return fit.summarize(training)[0] if len(training) else None, len(training), len(held)


def draw(fit, part, number):
    """Draw some training rows of a partition."""
    return fit.draw(_divided(fit, part, number)[0], number)


def merge(one, other):
    """Merge what was made of some partitions with what was made of later ones."""
    return one.merge(other)


def begin_router(fit, drawn):
    """Begin the router on rows that were drawn over all partitions."""
    return fit.router_parts(drawn.frame)


def learn(fit, learner, part, number):
    """Let the router learn the training rows of a partition."""
    training, _ = _divided(fit, part, number)
    return learner.learn(training.table, training.y, training.weight)


def make_reader(learner, learned):
    """Return what reads files once more to know which are missing, or None."""
    return learner.reader(learned)


def read(fit, reader, part, number):
    """Read the files that training rows of a partition name."""
    return reader.read(_divided(fit, part, number)[0].table)


def build(fit, learner, learned, drawn, found, summary, n_held):
    """Build router and network; return (the fit, ready to train, and the warnings to give)."""
    limit_threads_here()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        fit.build(learner.finish(learned, drawn.frame, found), summary, drawn, n_held)
    return fit, messages(caught)


def messages(caught):
    """Return warnings that are meant for users as (category, text), each once."""
    found = [(warning.category, str(warning.message)) for warning in caught]
    return list(dict.fromkeys(pair for pair in found if issubclass(pair[0], UserWarning)))


def encode(built, part, number):
    """Encode the rows of a partition: those to train on, and those that validate (None without any)."""
    limit_threads_here()
    fit, _ = built
    return tuple(fit.encode(own) if len(own) else None for own in _divided(fit, part, number))
