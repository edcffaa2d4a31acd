"""The rows with the largest errors as pictures: what the network saw, what it said, what is true."""

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from ...errors import closest_match, quote
from ...inputs import odd_cells_gathered
from .._matplotlib import require_matplotlib
from ..fitted import fitted_estimator
from ..reading import check_counts
from ..worst import worst_rows
from ._drawing import FAINT, GREY, ink, panels, wrap

N_COLUMNS = 4
# Inches: the width of a picture, the height of its words and the space below them, and how flat or high it may be.
_WIDTH, _WORDS, _ASPECTS = 1.65, 1.15, (0.5, 1.5)
# So many letters fit into such a width.
_LETTERS = 26
# More of a text than this is never drawn.
_LONGEST_TEXT = 1_000


class ImageGridDisplay:
    """The rows with the largest errors: picture, prediction, truth, error and text of each, the worst first.

    Make one with `from_estimator`.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, 3) or (n_rows, 4)
        What was said of each row: the columns predicted, true, error and, if a text is shown, words. The index
        has the labels of the rows.
    pictures : sequence of (ndarray or None)
        The picture of each row, of shape (height, width, channels) with 1, 3 or 4 channels; None where it is missing.

    Attributes
    ----------
    axes_ : ndarray of shape (n_rows,), object
        The matplotlib Axes of each row.
    figure_ : matplotlib Figure
        The figure that holds them.
    images_ : list of (matplotlib AxesImage or None)
        The drawn pictures; None where one is missing.

    See Also
    --------
    report : Shows the worst mistakes with all of their cells, on a page with much else.
    explain_rows : Says why single rows were predicted as they were.

    Notes
    -----
    The error of a class is 1 less the predicted probability of the true label, so that rows which are predicted
    right come after all that are surely wrong. The error of a number is its distance from the truth.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skmulti import ImageGridDisplay
    >>> rows = pd.DataFrame({"predicted": ["cat", "dog"], "true": ["dog", "cat"], "error": [0.9, 0.75]}, index=[7, 2])
    >>> display = ImageGridDisplay(rows=rows, pictures=[np.zeros((8, 8, 3), "uint8"), None]).plot()
    >>> print(display.axes_[0].get_title(loc="left"))
    row 7, error 0.9
    predicted: cat
    true: dog
    """

    def __init__(self, *, rows, pictures):
        self.rows = rows
        self.pictures = pictures

    def plot(self, ax=None, *, n_columns=N_COLUMNS):
        """Draw the pictures.

        Parameters
        ----------
        ax : matplotlib Axes, sequence of Axes, or None, default=None
            Where to draw. None makes a figure; an Axes is divided; a sequence has an Axes for each row.
        n_columns : int, default=4
            Pictures beside each other in a figure, or in an Axes that is divided.

        Returns
        -------
        display : ImageGridDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there are not as many pictures as rows, none at all, or not as many Axes in a sequence.
        ImportError
            If matplotlib is not installed.
        """
        require_matplotlib("ImageGridDisplay.plot")
        check_counts(n_columns=(n_columns, 1))
        count = len(self.rows)
        if not count or len(self.pictures) != count:
            raise ValueError(
                f"rows and pictures must have the same length, at least 1, got {count} rows and "
                f"{len(self.pictures)} pictures. Give None for a picture that is missing."
            )
        # A frame without a picture has the proportions of the others.
        sides = next((np.shape(picture)[:2] for picture in self.pictures if picture is not None), (1, 1))
        aspect = sides[0] / sides[1]
        axes = _panels(ax, count, n_columns, aspect)
        self.axes_, self.figure_ = axes[:count], axes[0].figure
        for unused in axes[count:]:
            unused.set_axis_off()
        self.images_ = [
            _draw_picture(panel, picture, aspect) for panel, picture in zip(self.axes_, self.pictures, strict=True)
        ]
        for panel, label, row in zip(self.axes_, self.rows.index, self.rows.to_dict("records"), strict=True):
            _write(panel, label, row)
        return self

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, n_rows=12, image=None, text=None, output=None, n_columns=N_COLUMNS, ax=None
    ):
        """Predict rows, and draw those with the largest errors.

        Parameters
        ----------
        estimator : estimator
            A fitted `MultiInputClassifier` or `MultiInputRegressor` that reads pictures, or a Pipeline or search that
            ends in one.
        X : DataFrame of shape (n_rows, n_columns)
            Rows with the columns of fit.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Their target.
        n_rows : int, default=12
            How many rows are drawn at most.
        image : str, default=None
            Name of the input whose pictures are drawn. None is the first that holds pictures.
        text : str, default=None
            Name of the input whose cells are written below the pictures. None is the first that holds texts, if there
            is one.
        output : str or int, default=None
            Name or position of the column of y whose errors count, if there are several.
        n_columns : int, default=4
            As in `plot`.
        ax : matplotlib Axes or sequence of Axes, default=None
            As in `plot`.

        Returns
        -------
        display : ImageGridDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If no input holds pictures, if an input or a column of y is not there, or if y has several columns and
            `output` names none.
        """
        require_matplotlib(f"{cls.__name__}.from_estimator")
        est = fitted_estimator(estimator)
        check_is_fitted(est, "model_")
        image, text = _picture_input(est.router_, image), _text_input(est.router_, text)
        worst = worst_rows(estimator, X, y, n_rows, output)
        inputs = {route.name: (route, columns) for route, columns in est.router_.columns_by_input(worst.table)}
        said = worst.said if text is None else worst.said.assign(words=_texts(inputs[text][1]))
        return cls(rows=said, pictures=_decode(*inputs[image])).plot(ax, n_columns=n_columns)


def _panels(ax, count, n_columns, aspect):
    """Return axes for at least so many pictures of an aspect, height by width."""
    is_sequence = ax is not None and not hasattr(ax, "get_subplotspec")
    width = count if is_sequence else min(n_columns, count)
    n_lines = -(-count // width)
    # A layout makes no room for words beside a picture whose proportions are fixed; so the figure has it.
    height = _WIDTH * float(np.clip(aspect, *_ASPECTS)) + _WORDS
    return panels(ax, (n_lines, width), height * n_lines, _WIDTH * width, **_spacing(ax)).ravel()


def _spacing(ax):
    """Return the space between pictures in an Axes that is divided."""
    engine = ax.figure.get_layout_engine() if hasattr(ax, "figure") else None
    # A constrained layout makes room for words by itself, and what is said here comes on top of it.
    if ax is None or (engine is not None and not engine.adjust_compatible):
        return {"hspace": 0.05, "wspace": 0.05}
    return {"hspace": 0.75, "wspace": 0.15}


def _picture_input(router, image):
    """Return the name of the input whose pictures are drawn."""
    known = [name for name, encoder in router.encoders_.items() if getattr(encoder, "holds_pixels", False)]
    if not known:
        raise ValueError(
            "ImageGridDisplay draws the pictures of an input, and none holds any; the inputs are "
            f"{quote(router.specs_)}. Name the column of pictures at fit: "
            'InputRouter([("photo", ImageDecoder(), "photo"), ...]), or InputRouter(kinds={"photo": ImageDecoder()}).'
        )
    if image is not None and image not in known:
        raise ValueError(
            f"image={image!r} is no input that holds pictures; these are {quote(known)}."
            f"{closest_match(str(image), known)}"
        )
    return known[0] if image is None else image


def _text_input(router, text):
    """Return the name of the input whose cells are written below the pictures, or None."""
    if text is None:
        return next((name for name, one in router.encoders_.items() if getattr(one, "holds_text", False)), None)
    known = list(router.encoders_)
    if text not in known:
        raise ValueError(f"text={text!r} is no input; these are {quote(known)}.{closest_match(str(text), known)}")
    return text


def _texts(columns):
    """Return the cells of each row as one text, None where all are missing."""
    frame = columns.to_frame() if isinstance(columns, pd.Series) else columns
    present = frame.notna().to_numpy()
    cells = frame.astype(object).to_numpy()
    return [
        "; ".join(str(cell) for cell in row[known]) if known.any() else None
        for row, known in zip(cells, present, strict=True)
    ]


def _decode(route, columns):
    """Return the picture of each row as the network gets it, None where it is missing."""
    # What is odd about the cells was said when they were predicted.
    with odd_cells_gathered([]):
        pixels, missing = route.encoder.encode_and_flag(columns)
    return [None if absent else picture for picture, absent in zip(pixels, missing, strict=True)]


def _draw_picture(ax, picture, aspect):
    """Draw a picture, or a frame in its place."""
    ax.set(xticks=[], yticks=[])
    if picture is None:
        ax.set_box_aspect(aspect)
        ax.spines[:].set(color=GREY, linestyle=(0, (4, 3)))
        ax.text(0.5, 0.5, "no photo", color=GREY, ha="center", va="center", transform=ax.transAxes)
        return None
    ax.spines[:].set(color=ink(), alpha=FAINT)
    picture = np.asarray(picture)
    if picture.shape[-1] == 1:
        # Black and white are those of the pixels, not the darkest and the lightest that this picture has.
        return ax.imshow(picture[..., 0], cmap="gray", vmin=0, vmax=255 if picture.dtype.kind in "ui" else 1)
    return ax.imshow(picture)


def _write(ax, label, row):
    """Write what was said of a row above its picture, and its text below."""
    lines = [f"row {label}, error {row['error']:.3g}", f"predicted: {_word(row['predicted'])}"]
    lines.append(f"true: {_word(row['true'])}")
    title = "\n".join(wrap(line, _LETTERS, lines=1) for line in lines)
    ax.set_title(title, loc="left", fontsize="x-small", parse_math=False)
    if "words" in row:
        words = "no text" if pd.isna(row["words"]) else str(row["words"])[:_LONGEST_TEXT]
        colour = GREY if pd.isna(row["words"]) else ink()
        ax.set_xlabel(wrap(words, _LETTERS), loc="left", fontsize="x-small", color=colour, parse_math=False)


def _word(value):
    """Return a label or a number in words."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
