"""The result of `explain_rows`: contributions by column, input, word and pixel."""

from pathlib import Path

import numpy as np
import pandas as pd

from .._html import document, fragment
from .explained_html import CSS, rows_html

# Rows that are shown; a page of hundreds is not read.
SHOWN_ROWS = 20


class Explanation:
    """Contributions of columns, words and pixels to the output of single rows.

    `explain_rows` makes it. In a notebook it shows each row with its words marked, heat over its
    pictures, and a bar for each column. `to_html` writes the same to a file.

    Parameters
    ----------
    columns : DataFrame of shape (n_rows, n_columns)
        Contributions of each column, under the labels of the rows. If it cannot be told which of an
        input's columns made a value, as after a PCA, they share a column, named "a + b".
    inputs : DataFrame of shape (n_rows, n_inputs)
        Contributions of each input; ``baseline + inputs.sum(axis=1)`` is `output`.
    arrays : dict of str to ndarray of shape ``(n_rows, *spec.shape)``
        Contributions of each place of each input's encoded array, such as a step of a sequence.
    words : dict of object to list of list of (str, float)
        For each column of texts or tags, and each row, its words in their order and what they add.
        A pair of words that counts as a word of its own is divided between the two.
    pixels : dict of object to ndarray of shape (n_rows, height, width)
        For each column of pictures, what each pixel of the decoded picture adds.
    baseline, output, remainder : ndarray of shape (n_rows,)
        Explained output of the baseline and of the row, and what the integral had left over before
        it was distributed.
    labels : ndarray of shape (n_rows,) or None
        The class whose probability is explained.
    what : str
        What is explained: "probability", "log odds" or "prediction".
    cells : dict of object to list
        Cells of the columns, which are shown, and decoded pictures.
    marks : dict of object to list of list of (int, int, float)
        Where the words stand in the text of a cell, and what they add.

    See Also
    --------
    explain_rows : Makes it.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skmulti.inspection import Explanation
    >>> table = pd.DataFrame({"area": [0.25], "city": [-0.05]})
    >>> parts = {"arrays": {}, "words": {}, "pixels": {}}
    >>> known = {"baseline": np.array([0.5]), "output": np.array([0.7]), "remainder": np.zeros(1)}
    >>> Explanation(table, table, **parts, **known)
    Explanation of 1 row: contributions to the prediction of 2 columns; largest on average: area (0.25), city (0.05)
    """

    def __init__(
        self,
        columns,
        inputs,
        *,
        arrays,
        words,
        pixels,
        baseline,
        output,
        remainder,
        labels=None,
        what="prediction",
        cells=None,
        marks=None,
    ):
        self.columns, self.inputs, self.arrays = columns, inputs, arrays
        self.words, self.pixels = words, pixels
        self.baseline, self.output, self.remainder = baseline, output, remainder
        self.labels, self.what = labels, what
        self.cells, self.marks = cells or {}, marks or {}

    @classmethod
    def of(cls, found, inputs, arrays, *, labels, what):
        """Make an explanation of contributions to places of arrays.

        Parameters
        ----------
        found : Contributions
            The contributions.
        inputs : list of (Route, Series or DataFrame)
            The inputs, with their columns of the rows.
        arrays : dict of str to ndarray
            The encoded rows.
        labels : ndarray of shape (n_rows,) or None
            The explained classes.
        what : str
            What is explained.

        Returns
        -------
        Explanation
            The explanation.
        """
        index = inputs[0][1].index
        totals, words, pixels, cells, marks = {}, {}, {}, {}, {}
        for route, columns in inputs:
            spec, own = route.spec, found.by_input[route.name]
            frame = columns.to_frame() if isinstance(columns, pd.Series) else columns
            names = list(spec.columns) or [route.name]
            pieces = route.encoder.pieces(columns, arrays[route.name])
            for name, amount in _by_column(route.encoder.slots(spec), own, names).items():
                totals[name] = totals.get(name, 0) + amount
            if len(names) == frame.shape[1]:
                cells |= {name: frame.iloc[:, i].tolist() for i, name in enumerate(names)}
            if pieces is not None:
                _add_words(words, marks, pieces, own, names, cells)
            if route.encoder.holds_pixels:
                pixels[names[0]] = own.sum(axis=-1)
                cells[names[0]] = list(arrays[route.name])
        by_input = {name: part.reshape(len(part), -1).sum(axis=1) for name, part in found.by_input.items()}
        return cls(
            _table(totals, index),
            _table(by_input, index),
            arrays=found.by_input,
            words=words,
            pixels=pixels,
            baseline=found.baseline,
            output=found.output,
            remainder=found.remainder,
            labels=labels,
            what=what,
            cells=cells,
            marks=marks,
        )

    def __len__(self):
        return len(self.columns)

    def __repr__(self):
        sizes = self.columns.abs().mean().sort_values(ascending=False)[:5]
        largest = ", ".join(f"{name} ({size:.3g})" for name, size in sizes.items())
        count = len(self)
        return (
            f"Explanation of {count} row{'s' * (count != 1)}: contributions to the {self.what} of "
            f"{self.columns.shape[1]} columns; largest on average: {largest}"
        )

    def _repr_html_(self):
        return fragment(rows_html(self, SHOWN_ROWS), CSS)

    def to_html(self, path, *, max_rows=SHOWN_ROWS):
        """Write the explanation to a file of HTML, which needs no network and runs no script.

        Parameters
        ----------
        path : str or PathLike
            The file.
        max_rows : int
            Rows that are shown; the page says how many there are.

        Returns
        -------
        Path
            The file.
        """
        path = Path(path)
        path.write_text(document("Explanation", rows_html(self, max_rows), CSS), encoding="utf-8")
        return path


def _table(columns, index):
    """Return columns of any labels as a frame."""
    labels = pd.Index(list(columns), tupleize_cols=False)
    return pd.DataFrame(np.column_stack(list(columns.values())), index=index, columns=labels)


def _by_column(slots, own, names):
    """Return the sum of contributions of each column of an input; -1 are places that several columns make."""
    flat, places = own.reshape(len(own), -1), np.asarray(slots).ravel()
    together = names[0] if len(names) == 1 else " + ".join(map(str, names if len(names) < 4 else [*names[:2], "..."]))
    labels = {i: names[i] if i >= 0 else together for i in (*range(len(names)), -1)}
    return {labels[i]: flat[:, places == i].sum(axis=1) for i in labels if i >= 0 or (places == -1).any()}


def _add_words(words, marks, pieces, own, names, cells):
    """Add the words of an input's rows, by column, with where they stand in their cells."""
    together = names[0] if len(names) == 1 else " + ".join(map(str, names))
    for name in [*names, *([together] if any(p.column < 0 for row in pieces for p in row) else [])]:
        words.setdefault(name, [[] for _ in pieces])
        marks.setdefault(name, [[] for _ in pieces])
    for i, (row, amounts) in enumerate(zip(pieces, own, strict=True)):
        # A pair of words fills one place and belongs to both.
        count = np.bincount([slot for piece in row for slot in piece.slots], minlength=len(amounts))
        for piece in row:
            amount = float(sum(amounts[slot] / count[slot] for slot in piece.slots))
            name = names[piece.column] if piece.column >= 0 else together
            words[name][i].append((piece.text, amount))
            cell = cells.get(name, [None] * len(pieces))[i]
            if piece.span and isinstance(cell, str) and cell[slice(*piece.span)] == piece.text:
                marks[name][i].append((*piece.span, amount))
