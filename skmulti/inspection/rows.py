"""Rows to score, held as what the network makes of each input, so that one input can be replaced without the others.

What is held of an input is the vector that the merge gets (`Halves`): each row is encoded and goes through each branch
once. A network that a function of the user's made has no such vectors. `WholeNetwork` holds its encoded arrays.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import BranchMismatchError
from ..inputs import odd_cells_gathered
from ..router import store_folder, take


@dataclass(frozen=True)
class InputArrays:
    """The encoded rows of an input: its array and, if it has them, its missing flags, by name."""

    arrays: dict

    def __len__(self):
        return len(next(iter(self.arrays.values())))

    def take(self, rows):
        """Return some rows."""
        return InputArrays({name: take(array, rows) for name, array in self.arrays.items()})

    @classmethod
    def join(cls, parts):
        """Return the rows of several as one."""
        return cls({name: np.concatenate([part.arrays[name] for part in parts]) for name in parts[0].arrays})


class WholeNetwork:
    """A network that cannot be halved; it has the methods of `Halves`, and holds arrays in the place of vectors.

    Parameters
    ----------
    forward : Forward
        The network's prediction.
    """

    def __init__(self, forward):
        self.forward = forward

    def vectors(self, name, arrays):
        """Return the `InputArrays` of an input from encoded rows by name."""
        return InputArrays({key: arrays[key] for key in (name, f"{name}__missing") if key in arrays})

    def output(self, vectors):
        """Return the network's output from the `InputArrays` of each input by name."""
        return self.forward({key: array for part in vectors.values() for key, array in part.arrays.items()})

    def learned(self, name):
        """Refuse: only the user knows what such a network does without an input."""
        raise BranchMismatchError(
            f"method='missing' needs the learned vector that stands in the place of input {name!r}, and the network "
            "has none that is known: the function in `model` made it. Take method='permutation', or leave out `model`."
        )


class HeldRows:
    """Encoded rows of a table, input by input.

    Parameters
    ----------
    est : MultiInputClassifier or MultiInputRegressor
        Fitted.
    table : DataFrame, 2-D array, records, or dict of arrays by input name
        The rows.
    keeps : collection of str
        Names of inputs whose arrays are kept as well.

    Attributes
    ----------
    parts : dict of str to (InputVectors or InputArrays)
        What is held of each input.
    arrays : dict of str to ndarray
        The arrays of the inputs in `keeps`.
    """

    def __init__(self, est, table, keeps=()):
        self._router, self._folder = est.router_, store_folder(est.memory)
        self.names = list(est.router_.specs_)
        if hasattr(est, "branches_"):
            self.network = est._halves()
            # An input that is decoded lazily comes in chunks, of which only the vectors stay.
            chunks = list(map(self._read(keeps), self._router.chunks(table, folder=self._folder)))
        else:
            self.network = WholeNetwork(est.forward_)
            chunks = [self._read(keeps)(self._router.encode(table, folder=self._folder))]
        self.parts = {name: _join([parts[name] for parts, _ in chunks]) for name in self.names}
        self.arrays = {name: np.concatenate([arrays[name] for _, arrays in chunks]) for name in keeps}

    def __len__(self):
        return len(self.parts[self.names[0]])

    def output(self, changed=None):
        """Return the network's output, with other parts for the inputs in `changed`."""
        return self.network.output({**self.parts, **(changed or {})})

    def without(self, name):
        """Return what is held of an input if no row has it."""
        own, learned = self.parts[name], self.network.learned(name)
        if learned is not None:
            return learned.take(np.zeros(len(self), dtype=int))
        # Nothing was learned about rows without the input: the mean of its vectors says nothing of a row.
        mean = own.vector.mean(axis=0, keepdims=True)
        return type(own)(np.repeat(mean, len(self), axis=0), own.missing)

    def with_array(self, name, array):
        """Return what is held of an input if it has another array."""
        return self.network.vectors(name, {name: array})

    def from_table(self, name, table):
        """Return what is held of an input if the rows are those of another table."""
        # What is odd about the cells was said of the table itself.
        with odd_cells_gathered([]):
            chunks = list(self._router.chunks(table, folder=self._folder, only=[name], warns=False))
        return _join([self.network.vectors(name, arrays) for arrays in chunks])

    def _read(self, keeps):
        """Return a function from the arrays of a chunk to what is held of it."""
        return lambda arrays: (
            {name: self.network.vectors(name, arrays) for name in self.names},
            {name: arrays[name] for name in keeps},
        )


def _join(parts):
    """Return the rows of several parts of an input as one."""
    # A single one may be lazy, and stays so.
    return parts[0] if len(parts) == 1 else type(parts[0]).join(parts)
