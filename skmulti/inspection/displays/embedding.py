"""Rows as the network sees them: vectors of a branch or of the merge, on the two axes along which they differ most."""

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.utils import check_array

from .._matplotlib import require_matplotlib
from ..fitted import fitted_estimator
from ._drawing import COLOUR_MAP, FAINT, GREY, PALETTE, add_legend, ink, make_plain, new_axes, wrap
from ._targets import as_target, groups_of, is_numeric

# Other classes than the largest are grey: more colours than these are not told apart.
_MOST_COLOURS = len(PALETTE)
_MARKERS = ("o", "s", "^", "D", "v", "P")


class EmbeddingDisplay:
    """Rows as points: the vectors of a branch or of the merge, on their first two principal components.

    Rows that the network takes for similar lie close together. Make one with `from_estimator` or `from_vectors`.

    Parameters
    ----------
    points : ndarray of shape (n_rows, 2)
        Place of each row.
    explained : sequence of two float
        Share of the vectors' variance along each axis, in [0, 1].
    y : array-like of shape (n_rows,), default=None
        Target that colours the points: classes by a legend, numbers by a colour bar.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes with the points.
    figure_ : matplotlib Figure
        The figure that holds them.
    points_ : dict of str to matplotlib PathCollection
        The points of each class, by its name; of numbers and without a target those of "all rows".

    See Also
    --------
    sklearn.decomposition.PCA : Finds the axes.

    Notes
    -----
    Two axes show a part of the differences only; how much, their labels say. Of more than six classes the six with
    most rows have colours, and the others are grey.

    Examples
    --------
    >>> import numpy as np
    >>> from skmulti import EmbeddingDisplay
    >>> vectors = np.array([[0.0, 0.0, 1.0], [4.0, 0.0, 1.0], [0.0, 3.0, 1.0], [4.0, 3.0, 1.0]])
    >>> display = EmbeddingDisplay.from_vectors(vectors, ["a", "b", "a", "b"])
    >>> display.ax_.get_xlabel()
    'first component, 64 % of the variance'
    >>> list(display.points_)
    ['a', 'b']
    """

    def __init__(self, *, points, explained, y=None):
        self.points = points
        self.explained = explained
        self.y = y

    def plot(self, ax=None, *, target_name=None):
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None makes a figure.
        target_name : str, default=None
            Name of the target, for the legend or the colour bar. None is the name of y, if it is a Series with one.

        Returns
        -------
        display : EmbeddingDisplay
            The display itself.

        Raises
        ------
        ValueError
            If y has not a value for each row.
        ImportError
            If matplotlib is not installed.
        """
        require_matplotlib("EmbeddingDisplay.plot")
        points = np.asarray(self.points, dtype=float)
        target = None if self.y is None else as_target(self.y, len(points))
        self.ax_ = new_axes(4.2) if ax is None else ax
        self.figure_ = self.ax_.figure
        # Many points are small, so that crowds of them show where they are densest.
        self._style = {"s": float(np.clip(4_000 / max(len(points), 1), 5, 36)), "alpha": 0.75, "linewidths": 0}
        target_name = target_name or (None if target is None else target.name)
        if target is None:
            self.points_ = {"all rows": self.ax_.scatter(*points.T, color=PALETTE[0], **self._style)}
        elif is_numeric(target):
            self._draw_numbers(points, target, target_name)
        else:
            self._draw_classes(points, target, target_name)
        self._label()
        return self

    @classmethod
    def from_vectors(cls, vectors, y=None, *, target_name=None, ax=None):
        """Draw vectors on their first two principal components.

        Parameters
        ----------
        vectors : array-like of shape (n_rows, width)
            A vector for each row, such as `embed` returns.
        y : array-like of shape (n_rows,), default=None
            Target that colours the points.
        target_name : str, default=None
            As in `plot`.
        ax : matplotlib Axes, default=None
            As in `plot`.

        Returns
        -------
        display : EmbeddingDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the vectors are no finite table of at least two rows.
        """
        require_matplotlib(f"{cls.__name__}.from_vectors")
        vectors = check_array(vectors, ensure_min_samples=2, input_name="vectors")
        points, explained = _principal_axes(vectors.astype("float64"))
        return cls(points=points, explained=explained, y=y).plot(ax, target_name=target_name)

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, input=None, target_name=None, ax=None):
        """Draw rows by the vectors that a fitted estimator makes of them.

        Parameters
        ----------
        estimator : estimator
            A fitted `MultiInputClassifier` or `MultiInputRegressor`, or a Pipeline or search that ends in one.
        X : DataFrame of shape (n_rows, n_columns)
            Rows with the columns of fit.
        y : array-like of shape (n_rows,), default=None
            Target that colours the points.
        input : str or None, default=None
            Name of the input whose branch gives the vectors. None takes what the merge gives.
        target_name : str, default=None
            As in `plot`.
        ax : matplotlib Axes, default=None
            As in `plot`.

        Returns
        -------
        display : EmbeddingDisplay
            The display, drawn.
        """
        require_matplotlib(f"{cls.__name__}.from_estimator")
        vectors = fitted_estimator(estimator).embed(X, input=input)
        return cls.from_vectors(vectors, y, target_name=target_name, ax=ax)

    def _draw_numbers(self, points, target, target_name):
        """Draw points in the colours of a bar; those without a number are grey."""
        values = target.to_numpy(dtype="float64", na_value=np.nan)
        known = ~np.isnan(values)
        self.points_ = {"all rows": self.ax_.scatter(*points[known].T, c=values[known], cmap=COLOUR_MAP, **self._style)}
        if not known.all():
            self.points_["missing"] = self.ax_.scatter(*points[~known].T, color=GREY, marker="x", s=self._style["s"])
        bar = self.figure_.colorbar(self.points_["all rows"], ax=self.ax_)
        bar.outline.set_visible(False)
        # Transparent points would make the bar pale.
        bar.solids.set_alpha(1)
        if target_name is not None:
            bar.set_label(wrap(target_name), parse_math=False)

    def _draw_classes(self, points, target, target_name):
        """Draw the points of each class in its colour and with its own mark."""
        groups = groups_of(target, len(points))
        sizes = pd.Series(groups).value_counts(sort=False)
        # In the order of the classes, not of their sizes.
        shown = sizes[sizes.index.isin(sizes.sort_values(ascending=False, kind="stable").index[:_MOST_COLOURS])].index
        rest = np.asarray(~pd.Series(groups).isin(shown))
        self.points_ = {}
        if rest.any():
            name = "missing" if len(sizes) <= _MOST_COLOURS else f"{len(sizes) - _MOST_COLOURS} more"
            self.points_[name] = self.ax_.scatter(*points[rest].T, color=GREY, marker="x", s=self._style["s"])
        for name, colour, marker in zip(shown, PALETTE, _MARKERS, strict=False):
            own = np.asarray(groups == name)
            self.points_[name] = self.ax_.scatter(*points[own].T, color=colour, marker=marker, **self._style)
        for name, drawn in self.points_.items():
            # A label that begins with "_" is left out of legends, so the names come as wrapped text below.
            drawn.set_label(wrap(name) if not str(name).startswith("_") else f" {wrap(name)}")
        legend = add_legend(
            self.ax_, n_columns=3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, markerscale=1.4
        )
        if target_name is not None:
            legend.set_title(wrap(target_name), {"size": "small"})
            legend.get_title().set_parse_math(False)

    def _label(self):
        """Name the axes by what they explain."""
        make_plain(self.ax_)
        for axis, word, share in zip(("x", "y"), ("first", "second"), self.explained, strict=True):
            self.ax_.set(**{f"{axis}label": f"{word} component, {share:.0%} of the variance".replace("%", " %")})
        self.ax_.axhline(0, color=ink(), alpha=FAINT, linewidth=0.6, zorder=0)
        self.ax_.axvline(0, color=ink(), alpha=FAINT, linewidth=0.6, zorder=0)


def _principal_axes(vectors):
    """Return the points on the first two components, and the share of the variance along each."""
    n_axes = min(2, *vectors.shape)
    pca = PCA(n_axes, svd_solver="full").fit(vectors)
    points = np.zeros((len(vectors), 2))
    points[:, :n_axes] = pca.transform(vectors)
    # Vectors that are all equal have no variance of which there could be shares.
    shares = np.zeros(2)
    shares[:n_axes] = np.nan_to_num(pca.explained_variance_ratio_)
    return points, shares
