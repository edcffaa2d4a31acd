"""How fits went: loss, metrics and learning rate of each epoch, and the epoch that was kept."""

from ...errors import closest_match, quote
from .._matplotlib import require_matplotlib
from ..fitted import fitted_estimator
from ._drawing import FAINT, PALETTE, add_legend, ink, make_plain, panels, wrap

# More names than this would cover the curves.
_LEGEND_NAMES = 10
_RATE = "learning_rate"


class TrainingDisplay:
    """Loss, metrics and learning rate of each epoch, of the training rows and of the hold-out.

    Draw it after a fit to see whether more epochs would help, whether the network learned its rows by heart, and
    which epoch was kept. Several fits, such as the folds of a cross-validation, are drawn over each other. Make one
    with `from_estimator`, `from_estimators` or `from_cross_validate`.

    Parameters
    ----------
    histories : dict of str to (dict of str to list of float)
        The `history_` of each fit, by a name for the fit.
    best_epochs : dict of str to int, default=None
        The epoch of each fit, counted from 1, whose weights the network has. None marks no epoch.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One for each figure of an epoch, from top to bottom.
    figure_ : matplotlib Figure
        The figure that holds them.
    lines_ : dict of (str, str) to matplotlib Line2D
        Each curve by the name of the fit and the figure as the history names it, e.g. ("fit", "val_loss").
    marks_ : dict of (str, str) to matplotlib Line2D
        The mark of the kept epoch, by the name of the fit and the figure that it stands on.

    See Also
    --------
    InputImportanceDisplay : What the network reads.

    Notes
    -----
    Figures of the training rows are means over an epoch's steps, while the weights change and with dropout, as Keras
    computes them. Those of the hold-out are computed at the epoch's end. So the first can be the worse of the two.
    The learning rate is drawn where it changed.

    Examples
    --------
    >>> from skmulti import TrainingDisplay
    >>> history = {"loss": [0.9, 0.5, 0.3], "val_loss": [0.8, 0.6, 0.7]}
    >>> display = TrainingDisplay(histories={"fit": history}, best_epochs={"fit": 2}).plot()
    >>> display.lines_["fit", "val_loss"].get_ydata().tolist()
    [0.8, 0.6, 0.7]
    >>> display.marks_["fit", "val_loss"].get_xdata().tolist()
    [2]
    """

    def __init__(self, *, histories, best_epochs=None):
        self.histories = histories
        self.best_epochs = best_epochs

    def plot(self, ax=None, *, figures=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, sequence of Axes, or None, default=None
            An Axes is divided among the panels; a sequence has one for each panel. None makes a figure.
        figures : sequence of str or None, default=None
            Figures to draw, without ``val_``: "loss", the name of a metric, or "learning_rate". None draws all.

        Returns
        -------
        display : TrainingDisplay
            The display itself.

        Raises
        ------
        ValueError
            If a figure is in no history, or the number of Axes is not that of the panels.
        ImportError
            If matplotlib is not installed.
        """
        require_matplotlib("TrainingDisplay.plot")
        figures = self._checked(figures)
        axes = panels(ax, (len(figures), 1), 0.8 + 1.8 * len(figures), hspace=0.08).ravel()
        self.axes_, self.figure_ = axes, axes[0].figure
        self.lines_, self.marks_ = {}, {}
        colours = self._colours()
        for axis, figure in zip(axes, figures, strict=True):
            for name in self.histories:
                self._draw(axis, name, figure, colours[name])
            _label(axis, figure, is_last=axis is axes[-1])
        self._explain(axes[0], colours)
        return self

    @classmethod
    def from_estimator(cls, estimator, *, figures=None, ax=None):
        """Draw how the fit of an estimator went.

        Parameters
        ----------
        estimator : estimator
            A fitted `MultiInputClassifier` or `MultiInputRegressor`, or a Pipeline or search that ends in one.
        figures : sequence of str or None, default=None
            As in `plot`.
        ax : matplotlib Axes, sequence of Axes, or None, default=None
            As in `plot`.

        Returns
        -------
        display : TrainingDisplay
            The display, drawn.

        Examples
        --------
        >>> from skmulti import MultiInputClassifier, TrainingDisplay
        >>> from skmulti.datasets import make_listings
        >>> df, y = make_listings(40, random_state=0)
        >>> clf = MultiInputClassifier(epochs=2, random_state=0).fit(df[["area", "age"]], y)
        >>> display = TrainingDisplay.from_estimator(clf)
        >>> display.lines_["fit", "loss"].get_xdata().tolist()
        [1, 2]
        """
        require_matplotlib(f"{cls.__name__}.from_estimator")
        return cls.from_estimators({"fit": estimator}, figures=figures, ax=ax)

    @classmethod
    def from_estimators(cls, estimators, *, figures=None, ax=None):
        """Draw several fits over each other.

        Parameters
        ----------
        estimators : dict of str to estimator, or sequence of estimator
            Fitted estimators, by a name for the legend. Those of a sequence are named by their number.
        figures : sequence of str or None, default=None
            As in `plot`.
        ax : matplotlib Axes, sequence of Axes, or None, default=None
            As in `plot`.

        Returns
        -------
        display : TrainingDisplay
            The display, drawn.
        """
        require_matplotlib(f"{cls.__name__}.from_estimators")
        if not hasattr(estimators, "items"):
            estimators = {f"fit {number}": estimator for number, estimator in enumerate(estimators, 1)}
        if not estimators:
            raise ValueError("There is nothing to draw: give at least one fitted estimator, got none.")
        fits = {str(name): fitted_estimator(estimator) for name, estimator in estimators.items()}
        return cls(
            histories={name: fit.history_ for name, fit in fits.items()},
            best_epochs={name: fit.best_epoch_ for name, fit in fits.items()},
        ).plot(ax, figures=figures)

    @classmethod
    def from_cross_validate(cls, result, *, figures=None, ax=None):
        """Draw the fits of a cross-validation over each other.

        Parameters
        ----------
        result : dict
            What ``cross_validate(..., return_estimator=True)`` returned.
        figures : sequence of str or None, default=None
            As in `plot`.
        ax : matplotlib Axes, sequence of Axes, or None, default=None
            As in `plot`.

        Returns
        -------
        display : TrainingDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the result holds no estimators.
        """
        require_matplotlib(f"{cls.__name__}.from_cross_validate")
        if "estimator" not in result:
            raise ValueError(
                f"The result of cross_validate holds {quote(result)}, but no fitted estimators. "
                "Call cross_validate(..., return_estimator=True)."
            )
        folds = {f"fold {number}": estimator for number, estimator in enumerate(result["estimator"], 1)}
        return cls.from_estimators(folds, figures=figures, ax=ax)

    def _checked(self, figures):
        """Return the figures to draw: loss first, the learning rate last."""
        logged = [name.removeprefix("val_") for history in self.histories.values() for name in history]
        known = sorted(dict.fromkeys(logged), key=lambda name: (name == _RATE) - (name == "loss"))
        for name in figures or ():
            if name not in known:
                raise ValueError(
                    f"figures holds {name!r}, which is in no history; there are {quote(known)}."
                    f"{closest_match(name, known)}"
                )
        return list(figures or known)

    def _colours(self):
        """Return the colour of each fit: of a few from the palette, of many from light to dark."""
        names = list(self.histories)
        if len(names) <= len(PALETTE):
            return dict(zip(names, PALETTE, strict=False))
        import matplotlib

        colour_map = matplotlib.colormaps["viridis"]
        return {name: colour_map(0.9 * i / (len(names) - 1)) for i, name in enumerate(names)}

    def _draw(self, ax, name, figure, colour):
        """Draw one figure of one fit: the hold-out as a full line, training as a dashed one."""
        history, alone = self.histories[name], len(self.histories) == 1
        n_epochs = len(history["loss"])
        for logged, style in ((figure, "--"), (f"val_{figure}", "-")):
            if logged not in history:
                continue
            values = history[logged]
            # A figure that a later fit of `warm_start` brought has fewer values: those of the last epochs.
            epochs = range(n_epochs - len(values) + 1, n_epochs + 1)
            of_training = logged == figure and figure != _RATE
            self.lines_[name, logged] = ax.plot(
                list(epochs),
                values,
                linestyle=style if of_training else "-",
                color=PALETTE[1] if alone and of_training else colour,
                linewidth=1.2 if of_training and not alone else 1.8,
                marker="." if n_epochs == 1 else None,
            )[0]
        self._mark(ax, name, figure, n_epochs)

    def _mark(self, ax, name, figure, n_epochs):
        """Mark the epoch whose weights the network has."""
        best = (self.best_epochs or {}).get(name)
        logged = next((key for key in (f"val_{figure}", figure) if (name, key) in self.lines_), None)
        if not best or logged is None or figure == _RATE:
            return
        line, first = self.lines_[name, logged], n_epochs - len(self.histories[name][logged])
        if best > first:
            self.marks_[name, logged] = ax.plot(
                [best], [line.get_ydata()[best - first - 1]], "o", color=line.get_color(), markersize=7
            )[0]
        if len(self.histories) == 1:
            ax.axvline(best, color=ink(), alpha=FAINT, linewidth=1, zorder=0)

    def _explain(self, ax, colours):
        """Add the legend, above the uppermost panel, where it covers no curve."""
        from matplotlib.lines import Line2D

        alone = len(colours) == 1
        best = (self.best_epochs or {}).get(next(iter(colours)))
        has_held = any(logged.startswith("val_") for _, logged in self.lines_)
        first = next(iter(colours.values())) if alone else ink()
        training = PALETTE[1] if alone else ink()
        handles = [Line2D([], [], color=training, linestyle="--", linewidth=1.8 if alone else 1.2, label="training")]
        if has_held:
            handles.append(Line2D([], [], color=first, linewidth=1.8, label="hold-out"))
        if self.marks_:
            label = f"epoch {best}, kept" if alone else "epoch kept"
            colour = (first if has_held else training) if alone else ink()
            handles.append(Line2D([], [], color=colour, marker="o", markersize=7, linestyle="", label=label))
        if not alone and len(colours) <= _LEGEND_NAMES:
            handles += [Line2D([], [], color=colour, linewidth=4, label=wrap(name)) for name, colour in colours.items()]
        add_legend(ax, handles, n_columns=3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)


def _label(ax, figure, *, is_last):
    """Name a panel's axes; the epochs stand below the lowest panel only."""
    from matplotlib.ticker import MaxNLocator

    make_plain(ax, grid="y")
    ax.set_ylabel(wrap(figure.replace("_", " ")), parse_math=False)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if is_last:
        ax.set_xlabel("epoch")
    else:
        ax.tick_params(labelbottom=False)
