"""What all displays share: axes to draw on, colours that colour-blind readers tell apart, words that fit."""

import textwrap

import numpy as np

# After Okabe and Ito, without yellow and black: one does not show on white, the other is ink.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# Neither light nor dark, for what is there but does not count.
GREY = "#8a939e"
# Equal steps in brightness, for numbers.
COLOUR_MAP = "viridis"
# Inches; on a page of 360 pixels words are still read at this width.
WIDTH = 5.0
# The opacity of ink that guides the eye: lines of a grid, the frame.
FAINT = 0.25


def new_axes(height, width=WIDTH):
    """Return axes of a new figure of pyplot, which notebooks show by themselves."""
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def panels(ax, shape, height, width=WIDTH, **spacing):
    """Return an array of axes of a shape: of a new figure, in the place of one Axes, or those that are given.

    Parameters
    ----------
    ax : matplotlib Axes, sequence of Axes, or None
        None makes a figure; an Axes is divided; a sequence has an Axes for each panel.
    shape : tuple of int
        Number of rows and of columns.
    height, width : float
        Size of a new figure in inches.
    **spacing : dict
        Arguments of ``GridSpecFromSubplotSpec``, for an Axes that is divided.

    Raises
    ------
    ValueError
        If a sequence has another number of Axes.
    """
    if ax is None:
        ax = new_axes(height, width)
    if not hasattr(ax, "get_subplotspec"):
        given = np.asarray(ax, dtype=object).ravel()
        if len(given) != shape[0] * shape[1]:
            raise ValueError(
                f"ax holds {len(given)} Axes, but there are {shape[0] * shape[1]} panels to draw. Give as many Axes, "
                "or one, which is divided."
            )
        return given.reshape(shape)
    if shape == (1, 1):
        return np.array([[ax]], dtype=object)
    ax.set_axis_off()
    grid = _divided(ax, shape, spacing)
    return np.array(
        [[ax.figure.add_subplot(grid[i, j]) for j in range(shape[1])] for i in range(shape[0])], dtype=object
    )


def _divided(ax, shape, spacing):
    """Return a grid of panels in the place of an Axes."""
    from matplotlib.gridspec import GridSpec, GridSpecFromSubplotSpec

    if ax.get_subplotspec() is not None:
        return GridSpecFromSubplotSpec(*shape, subplot_spec=ax.get_subplotspec(), **spacing)
    # Axes that were placed by hand are part of no grid.
    box = ax.get_position()
    return GridSpec(*shape, ax.figure, left=box.x0, right=box.x1, bottom=box.y0, top=box.y1, **spacing)


def ink():
    """Return the colour of words in matplotlib's present style."""
    import matplotlib

    return matplotlib.rcParams["text.color"]


def make_plain(ax, grid=None):
    """Leave the frame's left and lower side only, and draw a faint grid along "x", "y" or no axis."""
    ax.spines[["top", "right"]].set_visible(False)
    if grid is not None:
        ax.grid(visible=True, axis=grid, color=ink(), alpha=FAINT, linewidth=0.6)
        ax.set_axisbelow(True)


def wrap(text, width=24, lines=3):
    """Return words on a few short lines; what does not fit is cut, and a word that is too long is broken."""
    text = " ".join(str(text).split())
    wrapped = textwrap.wrap(text, width, max_lines=lines, placeholder=" …") or [""]
    # A cut before the first word would leave nothing of it.
    return "\n".join(wrapped) if wrapped != ["…"] else text[: width - 1] + "…"


def add_legend(ax, handles=None, n_columns=1, **options):
    """Add a legend without a box, whose words are words: "$" in the name of a class begins no formula."""
    given = {} if handles is None else {"handles": handles}
    legend = ax.legend(**given, frameon=False, ncols=n_columns, **options)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return legend
