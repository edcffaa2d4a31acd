"""Contributions of rows: the integral of `paths`, refined until it adds up, and summed for each place of each input."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from .paths import CALL_VALUES, MOST_HALVINGS, MOST_SEGMENTS, POINTS


@dataclass
class Contributions:
    """What each place of the inputs' arrays adds to the explained output of rows.

    Parameters
    ----------
    by_input : dict of str to ndarray of shape (n_rows, *spec.shape), float64
        Contributions by input name.
    baseline, output, remainder : ndarray of shape (n_rows,), float64
        Explained output of the baseline and of the row, and what the integral left over, which was
        distributed.
    """

    by_input: dict
    baseline: np.ndarray
    output: np.ndarray
    remainder: np.ndarray


def find_contributions(paths, arrays, base, specs, choice, tolerance):
    """Return what each place adds to the explained output.

    Parameters
    ----------
    paths : PathGradients
        The network.
    arrays : dict of str to ndarray of shape (n_rows, ...)
        The rows.
    base : dict of str to ndarray of shape (1, ...)
        The baseline.
    specs : dict of str to ArraySpec
        The arrays of the inputs.
    choice : tuple of (ndarray of shape (n_rows, width), ndarray of shape (n_rows,))
        The explained output is the sum of the network's outputs with these weights, plus an offset.
    tolerance : float
        How much of the output the integral may leave over in a row.

    Returns
    -------
    Contributions
        Those of all rows.
    """
    n_rows = len(choice[1])
    step = max(min(CALL_VALUES // max(paths.row_values, 1), 1_024), 1)
    parts = []
    for first in range(0, n_rows, step):
        rows = slice(first, first + step)
        part = {name: array[rows] for name, array in arrays.items()}
        parts.append(_Batch(paths, part, base, specs, [c[rows] for c in choice], tolerance).contributions())
    return Contributions(
        {name: np.concatenate([part.by_input[name] for part in parts]) for name in specs},
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("baseline", "output", "remainder")),
    )


class _Batch:
    """Rows that are explained together."""

    def __init__(self, paths, arrays, base, specs, choice, tolerance):
        self._paths, self._specs, self._tolerance = paths, specs, tolerance
        self._size = len(choice[1])
        self._arrays = {name: _as_tensor(arrays[name], spec) for name, spec in paths.signature.items()}
        repeated = {name: np.repeat(base[name], self._size, axis=0) for name in paths.signature}
        self._base = {name: _as_tensor(repeated[name], spec) for name, spec in paths.signature.items()}
        self._choice = [tf.constant(part, "float64") for part in choice]
        self._starts, self._floors, self._ends, self._parts = paths.begin(self._arrays, self._base)
        self._total = {name: np.zeros((self._size, *spec.shape)) for name, spec in specs.items()}
        self._changed = {name: _changed_places(arrays[name], base[name], arrays[name].dtype) for name in specs}

    def contributions(self):
        """Return the contributions of these rows."""
        baseline = self._score(self._base, self._floors_of_base())
        begin, output = self._add_structure(baseline), self._score(self._arrays, self._ends)
        self._add_contents(begin, output)
        added = sum(total.reshape(self._size, -1).sum(axis=1) for total in self._total.values())
        remainder = output - baseline - added
        self._distribute(remainder)
        return Contributions(self._total, baseline, output, remainder)

    def _floors_of_base(self):
        """Return the entries' values of the baseline itself, in which nothing of the row's structure is."""
        return self._paths.begin(self._base, self._base)[2]

    def _score(self, arrays, given):
        """Return the explained output as an array."""
        return self._paths.score(arrays, list(given), *self._choice).numpy()

    # --- the row's structure

    def _add_structure(self, baseline):
        """Add what changes when inputs take over the row's structure; return the output with all of it."""
        names = list(self._specs)
        steps = {}
        # Which comes first matters where inputs act together; the mean of both orders treats them alike.
        for order in (names, names[::-1]):
            before, arrays = baseline, dict(self._base)
            for name in order:
                arrays |= {own: self._starts[own] for own in self._arrays_of(name)}
                after = self._score(arrays, self._floors)
                steps[name] = steps.get(name, 0) + (after - before) / 2
                before = after
        for name, amount in steps.items():
            self._spread(name, amount)
        return before

    def _arrays_of(self, name):
        """Return the names of an input's arrays: its own, and that of its missing flags."""
        return [own for own in (name, self._specs[name].missing_name) if own in self._arrays]

    def _spread(self, name, amount):
        """Spread amounts (n_rows,) evenly over the places at which the structure of the row is another."""
        changed = self._changed[name]
        share = changed / changed.reshape(len(changed), -1).sum(axis=1).reshape(-1, *[1] * (changed.ndim - 1))
        self._total[name] += share * amount.reshape(-1, *[1] * (changed.ndim - 1))

    # --- its contents

    def _add_contents(self, begin, output):
        """Add the integrals; segments that miss the difference of their ends are halved."""
        row, low, high = np.arange(self._size), np.zeros(self._size), np.ones(self._size)
        first, last = begin, output
        n_segments = np.ones(self._size, dtype=int)
        for depth in range(MOST_HALVINGS + 1):
            missed, added = self._integrate(row, low, high, last - first)
            error = np.bincount(row, np.abs(missed), minlength=self._size)
            # An eighth each: most of a way is smooth, and few of its segments have any error.
            bad = (error[row] > self._tolerance) & (np.abs(missed) > self._tolerance / 8)
            bad &= (n_segments[row] < MOST_SEGMENTS) & (depth < MOST_HALVINGS)
            self._add(row[~bad], [part[~bad] for part in added])
            if not bad.any():
                return
            row, low, high, first, last = (part[bad] for part in (row, low, high, first, last))
            np.add.at(n_segments, row, 1)
            middle = (low + high) / 2
            between = self._score_at(row, middle)
            row, low, high = np.tile(row, 2), np.concatenate([low, middle]), np.concatenate([middle, high])
            first, last = np.concatenate([first, between]), np.concatenate([between, last])

    def _integrate(self, row, low, high, difference):
        """Return what the integrals of segments miss, and the integrals, a list of arrays by source."""
        limit = max(CALL_VALUES // (self._paths.row_values * len(POINTS)), 1)
        chunks = []
        for i in range(0, len(row), limit):
            part = slice(i, i + limit)
            ends = [tf.constant(value[part], "float64") for value in (low, high)]
            chunks.append([tensor.numpy() for tensor in self._paths.slope(*self._taken(row[part]), *ends)])
        added = [np.concatenate(parts) for parts in zip(*chunks, strict=True)]
        total = sum(part.reshape(len(part), -1).sum(axis=1, dtype="float64") for part in added)
        return difference - total, added

    def _taken(self, row):
        """Return the tensors of some rows, in the order of `PathGradients.slope`."""

        def take(tensors):
            return [tf.gather(tensor, row) for tensor in tensors]

        dicts = [dict(zip(some, take(some.values()), strict=True)) for some in (self._arrays, self._starts)]
        return *dicts, *map(take, (self._floors, self._ends, self._parts)), *take(self._choice)

    def _score_at(self, row, share):
        """Return the explained output at shares of the way."""
        limit, scores = max(CALL_VALUES // self._paths.row_values, 1), []
        for i in range(0, len(row), limit):
            arrays, starts, floors, ends, _, *choice = self._taken(row[i : i + limit])
            here = share[i : i + limit]
            arrays = {
                name: _between(starts[name], end, here) if end.dtype.is_floating else end
                for name, end in arrays.items()
            }
            given = [_between(*pair, here) for pair in zip(floors, ends, strict=True)]
            scores.append(self._paths.score(arrays, given, *choice).numpy())
        return np.concatenate(scores)

    def _add(self, row, added):
        """Add integrals to the contributions of their rows."""
        added = iter(added)
        for name, tensor in self._arrays.items():
            if tensor.dtype.is_floating:
                np.add.at(self._total[name], row, next(added))
        for entry, part in zip(self._paths.entries, added, strict=True):
            if entry.source in self._total and (entry.by_place or _is_by_place(part, self._total[entry.source])):
                np.add.at(self._total[entry.source], row, part.reshape(len(row), *self._total[entry.source].shape[1:]))
                continue
            # Parts of several arrays, or of one as a whole.
            parts = part.T if part.shape[1] == len(entry.inputs) else [part.sum(axis=1)]
            for name, amount in zip(entry.inputs, parts, strict=True):
                whole = np.zeros(self._size)
                np.add.at(whole, row, amount.astype("float64"))
                self._spread(self._owner(name), whole)

    def _owner(self, name):
        """Return the input to which an array belongs."""
        return next(own for own in self._specs if name in (own, self._specs[own].missing_name))

    def _distribute(self, remainder):
        """Distribute what is left over in proportion to the sizes of the contributions."""
        size = sum(np.abs(total).reshape(self._size, -1).sum(axis=1) for total in self._total.values())
        for total in self._total.values():
            shape = (-1, *[1] * (total.ndim - 1))
            share = np.divide(remainder, size, out=np.zeros(self._size), where=size > 0)
            total += np.abs(total) * share.reshape(shape)
        # Without any contribution there is nothing to go by.
        none = np.where(size > 0, 0, remainder / len(self._total))
        for name in self._total:
            self._spread(name, none)


def _as_tensor(array, spec):
    return tf.convert_to_tensor(np.asarray(array).astype(spec.dtype.as_numpy_dtype, copy=False))


def _between(start, end, share):
    share = tf.cast(tf.reshape(share, (-1, *[1] * (len(end.shape) - 1))), end.dtype)
    return start + share * (end - start)


def _is_by_place(part, total):
    return part.shape[1:] == total.shape[1:]


def _changed_places(array, base, dtype):
    """Mark where a row has another structure than the baseline, else where it differs, else all of its places."""
    structure = np.isnan(array) != np.isnan(base) if dtype.kind == "f" else (array == 0) != (base == 0)
    everywhere = np.ones(array.shape, dtype=bool)
    axes = tuple(range(1, array.ndim))
    differs = np.not_equal(array, base) if dtype.kind != "u" else everywhere
    found = structure if dtype.kind != "u" else everywhere
    found = np.where(found.any(axis=axes, keepdims=True), found, differs)
    return np.where(found.any(axis=axes, keepdims=True), found, everywhere)
