"""What the network reads: the importance of each input, or of each column, with its spread."""

import numpy as np

from .._matplotlib import require_matplotlib
from ._drawing import FAINT, GREY, PALETTE, ink, make_plain, new_axes, wrap


class InputImportanceDisplay:
    """How much worse the score gets without each input, as sorted bars with their spread.

    Make one with `from_estimator`, or with `from_importances` from what `input_importance` returned.

    Parameters
    ----------
    importances : ndarray of shape (n_names, n_repeats)
        Decrease of the score in each repeat.
    names : sequence of str
        Names of the inputs or columns.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes with the bars.
    figure_ : matplotlib Figure
        The figure that holds them.
    bars_ : matplotlib BarContainer
        A bar for each name that is drawn, the most important first: its mean.
    spread_ : matplotlib LineCollection
        For each bar a line from one standard deviation below the mean to one above.
    points_ : matplotlib PathCollection
        A point for each repeat.

    See Also
    --------
    input_importance : Compute the importances.

    Examples
    --------
    >>> from sklearn.utils import Bunch
    >>> from skmulti import InputImportanceDisplay
    >>> found = Bunch(importances=[[0.1, 0.2], [0.4, 0.5]], names=["city", "photo"])
    >>> display = InputImportanceDisplay.from_importances(found)
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['photo', 'city']
    >>> [round(float(bar.get_width()), 2) for bar in display.bars_]
    [0.45, 0.15]
    """

    def __init__(self, *, importances, names):
        self.importances = importances
        self.names = names

    def plot(self, ax=None, *, n_names=20, score_name=None):
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None makes a figure.
        n_names : int, default=20
            How many names are drawn at most: those with the largest mean.
        score_name : str, default=None
            Name of the score for the axis. None is "score".

        Returns
        -------
        display : InputImportanceDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there is not a name for each row of importances.
        ImportError
            If matplotlib is not installed.
        """
        require_matplotlib("InputImportanceDisplay.plot")
        importances = self._checked()
        order = np.argsort(-importances.mean(axis=1), kind="stable")[:n_names]
        drawn, places = importances[order], np.arange(len(order))
        labels = [wrap(self.names[i], 28, lines=2) for i in order]
        self.ax_ = new_axes(1.0 + 0.2 * len(labels) + 0.14 * sum(map(_n_lines, labels))) if ax is None else ax
        self.figure_ = self.ax_.figure
        mean, std = drawn.mean(axis=1), drawn.std(axis=1)
        # An input that does harm is none that helps: it is grey.
        colours = [PALETTE[0] if value > 0 else GREY for value in mean]
        self.bars_ = self.ax_.barh(places, mean, height=0.62, color=colours, alpha=0.8)
        self.spread_ = self.ax_.hlines(places, mean - std, mean + std, color=ink(), linewidth=1.6)
        self.points_ = self.ax_.scatter(
            drawn.ravel(), np.repeat(places, drawn.shape[1]), s=9, color=ink(), alpha=0.6, linewidths=0, zorder=3
        )
        self.ax_.axvline(0, color=ink(), linewidth=0.8)
        self._label(places, labels, score_name or "score")
        return self

    @classmethod
    def from_importances(cls, importances, *, n_names=20, score_name=None, ax=None):
        """Draw what `input_importance` returned.

        Parameters
        ----------
        importances : Bunch
            With the entries `importances`, of shape (n_names, n_repeats), and `names`.
        n_names : int, default=20
            As in `plot`.
        score_name : str, default=None
            As in `plot`.
        ax : matplotlib Axes, default=None
            As in `plot`.

        Returns
        -------
        display : InputImportanceDisplay
            The display, drawn.
        """
        require_matplotlib(f"{cls.__name__}.from_importances")
        display = cls(importances=importances["importances"], names=importances["names"])
        return display.plot(ax, n_names=n_names, score_name=score_name)

    @classmethod
    def from_estimator(cls, estimator, X, y, *, n_names=20, score_name=None, ax=None, **kwargs):
        """Compute the importances of a fitted estimator's inputs, and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted `MultiInputClassifier` or `MultiInputRegressor`.
        X : DataFrame of shape (n_rows, n_columns)
            Rows, best those that fit did not see.
        y : array-like of shape (n_rows,)
            Their target.
        n_names : int, default=20
            As in `plot`.
        score_name : str, default=None
            As in `plot`.
        ax : matplotlib Axes, default=None
            As in `plot`.
        **kwargs : dict
            Further arguments of `input_importance`, such as ``by="column"``.

        Returns
        -------
        display : InputImportanceDisplay
            The display, drawn.
        """
        require_matplotlib(f"{cls.__name__}.from_estimator")
        from ..importance import input_importance

        found = input_importance(estimator, X, y, **kwargs)
        return cls.from_importances(found, n_names=n_names, score_name=score_name, ax=ax)

    def _checked(self):
        """Return the importances as an array with a row for each name."""
        importances = np.asarray(self.importances, dtype=float)
        if importances.ndim != 2 or not importances.shape[1] or len(importances) != len(self.names):
            raise ValueError(
                f"importances must have the shape (n_names, n_repeats) with {len(self.names)} names, got "
                f"{importances.shape}."
            )
        return importances

    def _label(self, places, labels, score_name):
        """Name bars and axis; the largest bar stands at the top."""
        make_plain(self.ax_, grid="x")
        self.ax_.set_yticks(places, labels, parse_math=False)
        self.ax_.tick_params(axis="y", length=0)
        self.ax_.set_ylim(len(labels) - 0.5, -0.5)
        self.ax_.spines["left"].set_visible(False)
        self.ax_.set_xlabel(f"decrease of the {score_name}", parse_math=False)
        if len(labels) < len(self.names):
            self.ax_.set_title(
                f"the first {len(labels)} of {len(self.names)}", loc="left", fontsize="small", alpha=1 - FAINT
            )


def _n_lines(label):
    """Count the lines of a label."""
    return label.count("\n") + 1
