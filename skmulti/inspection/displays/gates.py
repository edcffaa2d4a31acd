"""What a merge attends to: the mean weight of each input, for each class or part of a target's range."""

import numpy as np
import pandas as pd

from .._matplotlib import require_matplotlib
from ..gates import gate_weights
from ._drawing import COLOUR_MAP, new_axes, wrap
from ._targets import groups_of


class GateDisplay:
    """The mean weight that a gated or attention merge gives to each input, as a heat map.

    There is a row for each class, or for each quarter of the range of a numeric target. Make one with
    `from_estimator`.

    Parameters
    ----------
    weights : DataFrame of shape (n_groups, n_inputs)
        Mean weight of each input, with the names of groups as index and those of inputs as columns.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes with the heat map.
    figure_ : matplotlib Figure
        The figure that holds it.
    mesh_ : matplotlib QuadMesh
        The coloured cells.
    texts_ : ndarray of shape (n_groups, n_inputs), object
        The matplotlib Text of each cell.

    See Also
    --------
    gate_weights : The weights of single rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmulti import GateDisplay
    >>> weights = pd.DataFrame({"photo": [0.9, 0.25], "text": [0.1, 0.75]}, index=["cat", "dog"])
    >>> display = GateDisplay(weights=weights).plot()
    >>> [[text.get_text() for text in row] for row in display.texts_]
    [['0.90', '0.10'], ['0.25', '0.75']]
    """

    def __init__(self, *, weights):
        self.weights = weights

    def plot(self, ax=None, *, cmap=None):
        """Draw the heat map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None makes a figure.
        cmap : str or matplotlib Colormap, default=None
            Colours from 0 to 1. None is "viridis".

        Returns
        -------
        display : GateDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        require_matplotlib("GateDisplay.plot")
        values = self.weights.to_numpy(dtype=float)
        self.ax_ = new_axes(1.5 + 0.45 * len(values)) if ax is None else ax
        self.figure_ = self.ax_.figure
        # Cells of a mesh are shapes: they stay sharp where an image would be blurred.
        self.mesh_ = self.ax_.pcolormesh(values, cmap=cmap or COLOUR_MAP, vmin=0, vmax=1, edgecolors="none")
        self.texts_ = np.empty(values.shape, dtype=object)
        for row, column in np.ndindex(values.shape):
            self.texts_[row, column] = self._write(values[row, column], row, column)
        self._label()
        return self

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, step=None, cmap=None, ax=None):
        """Compute and draw the mean weights of a fitted estimator's inputs.

        Parameters
        ----------
        estimator : estimator
            Fitted with ``merge="gated"``, ``merge="attention"`` or a `StagedMerge` of them.
        X : DataFrame of shape (n_rows, n_columns)
            Rows with the columns of fit.
        y : array-like of shape (n_rows,), default=None
            Target by which rows are grouped: a group for each class, or for each quarter of numbers. None is one
            group of all rows.
        step : str or None, default=None
            As in `gate_weights`.
        cmap : str or matplotlib Colormap, default=None
            As in `plot`.
        ax : matplotlib Axes, default=None
            As in `plot`.

        Returns
        -------
        display : GateDisplay
            The display, drawn.
        """
        require_matplotlib(f"{cls.__name__}.from_estimator")
        groups = pd.Categorical(["all rows"] * len(X)) if y is None else groups_of(y, len(X))
        weights = gate_weights(estimator, X, step=step)
        # By position: y may have other row labels than X. Means leave out rows without any input.
        return cls(weights=weights.groupby(np.asarray(groups.codes)).mean().pipe(_named, groups)).plot(ax, cmap=cmap)

    def _write(self, value, row, column):
        """Write a weight into its cell, light on dark and dark on light."""
        red, green, blue, _ = self.mesh_.cmap(self.mesh_.norm(value))
        is_light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
        text = "" if np.isnan(value) else f"{value:.2f}"
        # Neither pure black nor white: these are ink, which a page replaces by its own.
        colour = "#101010" if is_light else "#f4f4f4"
        return self.ax_.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour)

    def _label(self):
        """Name rows and columns; the first group stands at the top."""
        ax, (n_groups, n_inputs) = self.ax_, self.weights.shape
        width = max(6, 44 // n_inputs)
        names = [wrap(name, width) for name in self.weights.columns]
        ax.set_xticks(np.arange(n_inputs) + 0.5, names, parse_math=False)
        ax.set_yticks(np.arange(n_groups) + 0.5, [wrap(name, 18) for name in self.weights.index], parse_math=False)
        ax.invert_yaxis()
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        ax.set_xlabel("mean weight of the input")


def _named(means, groups):
    """Name the rows of a table of means after their groups; rows whose group is missing are left out."""
    means = means[means.index >= 0]
    return means.set_axis(groups.categories[means.index], axis=0)
