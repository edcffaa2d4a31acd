"""The encoder of images: files, bytes, arrays and PIL images become pixels of one size.

Pixels stay uint8 until the first layer of the branch, which scales them to 0-1. An image that cannot be read is told
apart from a missing one, and the error names the row of the first.
"""

import copy
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.utils.validation import check_is_fitted

from ..._counts import counted_once, counts_heard
from ..._html import escape
from ..._validation import Integral, StrOptions
from ..._workers import available_cores
from ...errors import ExportError, InputMismatchError, row_at, shorten
from ...spec import ArraySpec
from .._cells import BYTES, PATHS, file_of
from .._hints import probe
from .._odd import LEAVE_OUT, MOST_SHARE, ON_ODD, OddCells, report_odd_cells
from .._show import MISSING, show_picture
from ..base import InputEncoder, check_frame, check_merge, one_column
from .arrays import ArrayCounts
from .branch import ImageBranch, is_positive_int
from .cells import (
    NotImageError,
    UnreadableError,
    as_source,
    content_of,
    is_file,
    is_missing,
    may_hold_numbers,
    read_base64,
    sort_of,
    unwrap,
)
from .graph import ImageGraph
from .opencv import check_installed as check_opencv
from .pixels import MODES, decode_into, opens, read_numbers

# Images that a thread gets at a time.
PIECE_ROWS = 16
# Cells of a column that are looked at to know whether it holds images, and whether these can be opened.
PROBE_CELLS = 200
# Files that are read to know the range of the numbers in them.
PROBE_FILES = 20
# Pixels of the longer side of a picture that is shown to people.
SHOWN_SIDE = 128
# Unreadable cells that a message names after the first one.
NAMED_CELLS = 2
# The middle of 0-255: the picture to which explanations compare others is neither dark nor bright.
GREY = 128
# The PNG file of one grey pixel, in base64.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
ODD_ADVICE = (
    "Give paths, the content of image files, PIL images, or arrays (height, width) with 1, 2, 3 or 4 channels last or "
    "first, of ints of 0-255 or floats of 0-1; or another encoder for the column. "
    'ImageDecoder(on_odd="missing") counts odd cells as missing.'
)


class ImageDecoder(InputEncoder):
    """Decode a column of images to pixels of one size.

    A column may mix images of all the types in the Notes. Pixels stay integers from 0 to
    255, which take a quarter of the memory of floats; the network rescales them.

    Parameters
    ----------
    size : tuple of int
        (height, width) in pixels. (64, 64) suits what is recognised at a glance. Fine
        details need more; memory and time grow with the product of the two.
    channels : {1, 3, 4}
        1: grey; 3: red, green, blue; 4: with alpha (255 = opaque).
    resize : {"stretch", "crop", "pad"}
        How an image of another shape gets the size: "stretch" changes its aspect ratio;
        "crop" keeps the ratio and cuts off what is too far from the centre; "pad" keeps
        the ratio and fills two sides with black (transparent for 4 channels).
    on_error : {"raise", "missing", "auto"}
        Whether an image that cannot be read is an error or a missing image. Missing ones are
        counted in an `OddCellsWarning`, and it is an error at `fit` if no file of a column of
        paths can be read. "auto" is "missing", but an error at `fit` if several images, and
        more than 5 % of them, cannot be read. An inferred decoder has "auto".
    on_odd : {"raise", "missing"}
        Whether a cell that is no image is an error or counts as missing, with an
        `OddCellsWarning`. Such a cell is of another type, or an array of a wrong shape or
        range; files that are absent or broken are the matter of `on_error`. An inferred
        decoder has "missing".
    folder : str, PathLike or None
        What relative paths in the cells are relative to. None is the working directory.
        A pickled decoder keeps it; if the images have moved, ``set_params(folder=...)``
        says where to.
    lazy : {"auto", True, False}
        Whether an estimator's fit decodes the images of each batch when it needs them, rather
        than all at once. "auto" does so if the pixels would take more than a tenth of the
        machine's memory. Results are the same. `transform` always returns all rows.
    decoder : {"pillow", "opencv"}
        The library that reads JPEG files. "opencv" takes about half the time, and needs the
        package opencv-python-headless. Its pixels differ a little from those of Pillow
        (see Notes), so an encoder fitted with OpenCV refuses to work where it is missing.
    verbose : int
        1 draws Keras' progress bar; 2 prints a line when all images are decoded.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns, 1.
    feature_names_in_ : ndarray of str
        Name of the column, if it is a string.
    channels_first_ : bool
        Whether an array with 1 to 4 entries along both its first and its last axis has its
        channels first. It is true if most of the other training arrays have.
    float_white_ : {1, 255}
        The float that stands for white.
    int_white_ : {255, 65535} or None
        The integer that stands for white. None if no training array shows it: it is then 65535 for
        uint16, and 255 for other dtypes.
    n_unreadable_ : int
        Number of training images that cannot be read and count as missing. A router or an
        estimator, which reads all training images, counts them; `fit` alone leaves it 0.

    Raises
    ------
    ImportError
        If `decoder` is "opencv" and OpenCV is not installed.
    InputMismatchError
        If cells are no images (see `on_odd`) or images cannot be read (see `on_error`).
    ValueError
        At `fit`, if `size` is not two positive integers or `channels` is not 1, 3 or 4.

    See Also
    --------
    ImageBranch : Reads the pixels.

    Notes
    -----
    A cell is one of

    - the content of a PNG, JPEG, GIF, BMP, WebP, TIFF, AVIF, JPEG 2000, ICO or PPM file: as
      ``bytes``, ``bytearray``, ``memoryview``, a file that is open, a ``data:`` URI or base64
      text; also a dict ``{"bytes": ..., "path": ...}``, as in Hugging Face datasets;
    - a path, as a string or `pathlib.Path`, or a ``file://`` URL; ``~`` is the user's home. Web
      addresses are not fetched: download the files first;
    - an array, a tensor or nested lists of shape (height, width), or with a third axis of 1 to
      4 channels, first or last: uint8 is taken as it is; bool becomes 0 and 255; floats lie in
      0-1 or 0-255, other integers in 0-255 or 0-65535. Which of the two is the same for the
      whole column: the larger one if at least half of the training arrays need it;
    - a PIL image of any mode;
    - None, NaN or ``pd.NA``: no image; all pixels are 0, and `encode_and_flag` marks the row.

    Images are turned upright by their EXIF orientation. The first frame of an animation is
    read. 16-bit images are divided by 256. Colours are those of Pillow's ``Image.convert``,
    which ignores transparency for 1 and 3 channels. Images are resized with Pillow's
    antialiased ``BILINEAR`` filter; an image of the right size keeps its very pixels.
    ``PIL.Image.MAX_IMAGE_PIXELS`` protects against decompression bombs.

    A JPEG file is read at a half, a quarter or an eighth of its sides if it then still
    holds at least 1.5 times the pixels that are needed. The result differs from that of the
    whole file by less than 2 of 255 on average, even for sharp photos. "opencv" smooths and
    interpolates, and its pixels differ by less than 2.5 of 255. It reads JPEG files in grey
    or RGB whose sides can be divided by the scale, and leaves the rest to Pillow; it writes a
    line to stderr for a damaged file. Pixels depend only on the image, the parameters and the
    decoder's version. As many threads as there are cores decode the images; in a joblib
    worker process, as many as its share of the cores.

    Examples
    --------
    >>> import numpy as np
    >>> from skmulti import ImageDecoder
    >>> black, white = np.zeros((9, 12), "uint8"), np.ones((8, 8, 3))
    >>> pixels, missing = ImageDecoder(size=(2, 2)).fit([black]).encode_and_flag([white, None, black])
    >>> pixels.shape, pixels[:, 0, 0, 0], missing
    ((3, 2, 2, 3), array([255,   0,   0], dtype=uint8), array([False,  True, False]))

    A file that does not exist is an error, and the message names its row:

    >>> ImageDecoder().fit_transform(["img/0017.jpg"])
    Traceback (most recent call last):
      ...
    skmulti.errors.InputMismatchError: column 0: 1 of 1 images cannot be read, first at row label 0: \
'img/0017.jpg' (file not found). Relative paths start at the working directory, unless ImageDecoder(folder=...) \
names another. Give existing, whole image files, or pass ImageDecoder(on_error="missing") to use blank images.

    `folder` says where relative paths start:

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as photos:
    ...     Image.new("RGB", (8, 8), "red").save(f"{photos}/0017.png")
    ...     ImageDecoder(size=(1, 1), folder=photos).fit_transform(["0017.png"]).ravel()
    array([255,   0,   0], dtype=uint8)
    """

    reads_missing = True
    measured_rows = 100
    counted_as = "images"
    default_branch = ImageBranch
    flags_missing = True
    holds_pixels = True
    _parameter_constraints = {
        "size": [tuple, list],
        "channels": [Integral],
        "resize": [StrOptions({"stretch", "crop", "pad"})],
        "on_error": [StrOptions({"raise", "missing", "auto"})],
        "on_odd": ON_ODD,
        "folder": [str, os.PathLike, None],
        "lazy": ["boolean", StrOptions({"auto"})],
        "decoder": [StrOptions({"pillow", "opencv"})],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        size=(64, 64),
        channels=3,
        resize="stretch",
        on_error="raise",
        on_odd="raise",
        folder=None,
        lazy="auto",
        decoder="pillow",
        verbose=0,
    ):
        self.size = size
        self.channels = channels
        self.resize = resize
        self.on_error = on_error
        self.on_odd = on_odd
        self.folder = folder
        self.lazy = lazy
        self.decoder = decoder
        self.verbose = verbose

    @classmethod
    def suits(cls, column):
        """Take columns most of whose cells look like images, in whatever form; see `InputEncoder.suits`."""
        if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype):
            return None
        cells = [cell for cell in spread(list(probe(column))) if not is_missing(unwrap(cell))]
        sorts = Counter(map(sort_of, cells))
        odd = sorts.pop(None, 0)
        if not sorts or len(cells) - odd < MOST_SHARE * len(cells):
            return None
        return " and ".join(sort for sort, _ in sorts.most_common())

    @classmethod
    def make_inferred(cls):
        """Make the encoder for a column that nobody assigned; see `InputEncoder.make_inferred`."""
        return cls(on_error="auto", on_odd="missing")

    def fit(self, columns, y=None):
        """Learn how arrays are to be read, and check that images can be read; see `InputEncoder.fit`.

        A few files are read to know whether they can be, unless `on_error` is "raise", and what
        is white in TIFF and PFM files of floats.
        """
        self.end_parts()
        # Whether cells name files: a graph reads files only if those of fit did.
        self._reads_paths = False
        self.partial_fit(columns, y)
        self.end_parts()
        return self

    def partial_fit(self, columns, y=None):
        """Learn from the next rows of a table that is read in parts.

        Parameters
        ----------
        columns : Series of shape (n_rows,)
            The next rows.
        y : None
            Ignored.

        Returns
        -------
        ImageDecoder
            The encoder, fitted exactly as by `fit`. Whether enough images can be read is
            checked in the first part that has some.
        """
        self._check_parameters()
        column, cells = _read_cells(columns, self, reset=True)
        if not hasattr(self, "_partial"):
            self.n_unreadable_ = 0
        counts, were_read = getattr(self, "_partial", (ArrayCounts(), hasattr(self, "_begun")))
        odd = self._count_arrays(cells, counts)
        self._refuse_or_note(column, cells, odd if self.on_odd == "raise" else {})
        present = [i for i, cell in enumerate(cells) if not is_missing(cell) and i not in odd]
        self._keep(counts)
        if present and not were_read and self.on_error != "raise":
            self._check_readable(column, cells, present)
        self._reads_paths = getattr(self, "_reads_paths", False) or any(map(_is_path, cells))
        self._partial = counts, were_read or bool(present)
        return self

    def begin_parts(self, sample):
        """Check that enough images can be read, unless `on_error` is "raise"; see `InputEncoder.begin_parts`."""
        if self.on_error != "raise":
            # What a copy learns from the sample is not kept: its rows come again in the parts.
            copy.copy(self).partial_fit(sample)
        self._begun = True
        return self

    def merge(self, other):
        """Join the counts of arrays of two sets of parts; see `InputEncoder.merge`."""
        check_merge(self, other)
        merged = copy.copy(self)
        counts = self._partial[0] + other._partial[0]
        merged._keep(counts)
        merged._partial = counts, self._partial[1] or other._partial[1]
        merged._reads_paths = self._reads_paths or other._reads_paths
        return merged

    def _keep(self, counts):
        """Set what is learned from the counts of arrays."""
        self.channels_first_ = counts.channels_first
        self.float_white_, self.int_white_ = counts.float_white, counts.int_white

    def _check_parameters(self):
        """Refuse wrong parameters."""
        self._validate_params()
        if len(self.size) != 2 or not all(map(is_positive_int, self.size)):
            raise ValueError(f"ImageDecoder: `size` must be (height, width), two positive integers, got {self.size!r}.")
        if self.channels not in MODES:
            raise ValueError(f"ImageDecoder: `channels` must be 1, 3 or 4, got {self.channels!r}.")
        if self.decoder == "opencv":
            check_opencv()

    def _count_arrays(self, cells, counts):
        """Count the arrays of numbers in cells; return ``{position: NotImageError}`` of cells that are no images."""
        odd = {}
        for position, cell in enumerate(cells):
            if is_missing(cell) or is_file(cell):
                continue
            try:
                source = as_source(cell)
            except NotImageError as error:
                odd[position] = error
                continue
            if isinstance(source, np.ndarray):
                counts.add(source)
            elif isinstance(source, Image.Image):
                self._count_file(source, counts)
        files = [cell for cell in cells if is_file(cell) and may_hold_numbers(cell)]
        for file in files[:: max(len(files) // PROBE_FILES, 1)]:
            self._count_file(file, counts)
        return odd

    def _count_file(self, source, counts):
        """Count a file or PIL image whose pixels are floats, or integers of 32 bits."""
        numbers = read_numbers(source, self.folder)
        if numbers is not None:
            counts.add(numbers)

    def _check_readable(self, column, cells, present):
        """Refuse a column of which no image can be read, or too few for "auto": most likely the folder is wrong."""
        is_auto = self.on_error == "auto"
        # Content that cannot be read is in no wrong folder: with "missing", the warning says how many images are lost.
        if not is_auto and not all(isinstance(cells[i], PATHS) for i in present):
            return
        # A single image does not decide.
        most = max(1, (1 - MOST_SHARE) * len(present)) if is_auto else len(present) - 1
        some = spread(present)
        # Headers show nearly all that cannot be read, and take a fraction of the time.
        are_few = sum(not self._opens(cells[i]) for i in some) <= most * len(some) / len(present)
        # One whole image is enough to go on. It is nearly always the first, so that this takes no time.
        if are_few and any(self._find_failure(cells[i]) is None for i in (*some, *present)):
            return
        failures = {i: error for i in present if (error := self._find_failure(cells[i])) is not None}
        if len(failures) > most or len(failures) == len(present):
            raise self._make_refusal(column, cells, failures, are_all=len(failures) == len(present))

    def _opens(self, cell):
        """Return whether the header of a file can be read; whole images of other cells."""
        return self._find_failure(cell) is None if not is_file(cell) else opens(cell, self.folder)

    def _find_failure(self, cell):
        """Return the error of decoding a cell, or None if there is none."""
        try:
            decode_into(np.zeros(self.spec("").shape, "uint8"), cell, self)
        except (NotImageError, UnreadableError) as error:
            return error

    def transform(self, columns):
        """Decode images; see `InputEncoder.transform`."""
        return self.encode_and_flag(columns)[0]

    def encode_and_flag(self, columns):
        """Decode images and mark missing and, if allowed, unreadable ones; see `InputEncoder.encode_and_flag`."""
        check_is_fitted(self)
        if self.decoder == "opencv":
            # Here again: it may have been fitted on another machine, and the threads below must find OpenCV imported.
            check_opencv()
        column, cells = _read_cells(columns, self, reset=False)
        missing = np.array([is_missing(cell) for cell in cells], dtype=bool)
        # Zeros, since an image is written only where it has pixels: the rest is the border of "pad", or a blank image.
        pixels = np.zeros((len(cells), *self.spec("").shape), dtype="uint8")
        failures = self._decode_all(pixels, cells, np.flatnonzero(~missing).tolist(), column.name)
        self._refuse_or_note(column, cells, failures)
        missing[list(failures)] = True
        return pixels, missing

    def missing(self, columns):
        """Return which rows hold no image; see `InputEncoder.missing`."""
        if self.on_error == self.on_odd == "raise":
            cells = _read_cells(columns, self, reset=False)[1]
            return np.array([is_missing(cell) for cell in cells], dtype=bool)
        # Only decoding finds the images that cannot be read.
        return self.encode_and_flag(columns)[1]

    def learn_missing(self, columns, missing):
        """Count the training images that cannot be read; see `InputEncoder.learn_missing`."""
        cells = _read_cells(columns, self, reset=False)[1]
        self.n_unreadable_ += sum(is_file(cells[i]) and not is_missing(cells[i]) for i in np.flatnonzero(missing))

    def merge_missing(self, other):
        """Add the training images that cannot be read; see `InputEncoder.merge_missing`."""
        merged = copy.copy(self)
        merged.n_unreadable_ = self.n_unreadable_ + other.n_unreadable_
        return merged

    def measure(self, columns, encode=None, *, training=False):
        """Measure brightness and contrast, and which images cannot be read; see `InputEncoder.measure`."""
        cells = _read_cells(columns, self, reset=False)[1]
        present = np.array([not is_missing(cell) for cell in cells], dtype=bool)
        pixels, empty = self._pixels_to_measure(cells, present) if encode is None else encode()
        failed = present & empty
        brightness, contrast = np.full((2, len(cells)), np.nan)
        for i in np.flatnonzero(present & ~failed):
            # Without alpha, which says nothing of light.
            colours = pixels[i, :, :, :3]
            brightness[i], contrast[i] = colours.mean() / 255, colours.std() / 255
        are_files = np.array([is_file(cell) for cell in cells], dtype=bool)
        marks = {"odd": failed & ~are_files, "unreadable": failed & are_files}
        return [{**marks, "brightness": brightness, "contrast": contrast}]

    def _pixels_to_measure(self, cells, present):
        """Return pixels, and which cells have none; such cells are no error here."""
        pixels = np.zeros((len(cells), *self.spec("").shape), dtype="uint8")
        failed = np.zeros(len(cells), dtype=bool)
        # A sample, which a fit need not tell of.
        with counts_heard(None):
            failed[list(self._decode_all(pixels, cells, np.flatnonzero(present).tolist(), ""))] = True
        return pixels, failed

    def show(self, columns):
        """Show small pictures; see `InputEncoder.show`."""
        return [[self._show_cell(cell) for cell in _read_cells(columns, self, reset=False)[1]]]

    def _show_cell(self, cell):
        """Return the HTML of a picture in its own colours and proportions, whatever the network gets of it."""
        if is_missing(cell):
            return MISSING
        whole = copy.copy(self)
        # What "pad" adds is transparent, and cut off again.
        whole.channels, whole.resize, whole.decoder = 4, "pad", "pillow"
        pixels = np.zeros((SHOWN_SIDE, SHOWN_SIDE, 4), dtype="uint8")
        try:
            decode_into(pixels, cell, whole)
        except (NotImageError, UnreadableError) as error:
            return f'<span class="soft">no picture: {escape(shorten(error))}</span>'
        picture = Image.fromarray(pixels)
        words = os.path.basename(file_of(cell)) if _is_path(cell) else "picture"
        return show_picture(picture.crop(picture.getbbox()), shorten(words))

    def json_schema(self, column):
        """Describe the content of a file in base64; see `InputEncoder.json_schema`."""
        return {"type": "string", "contentEncoding": "base64", "examples": [PIXEL]}

    def read_json(self, value):
        """Return the content of an image file that a text holds in base64, or as a ``data:`` URI.

        See `InputEncoder.read_json`. Other texts are refused, above all paths: who sends a row must
        not read this machine's files.
        """
        content = read_base64(value)
        failure = self._find_failure(content)
        if failure is not None:
            raise ValueError(f"the image cannot be read ({failure}). Give the content of an image file in base64.")
        return content

    def graph(self):
        """Decode images in a graph; see `InputEncoder.graph`."""
        check_is_fitted(self)
        if self.decoder != "pillow":
            raise ExportError(
                'ImageDecoder(decoder="opencv") smooths JPEG files as TensorFlow cannot. Fit with decoder="pillow"'
            )
        folder = None if self.folder is None else os.path.abspath(os.path.expanduser(self.folder))
        return ImageGraph(self.size, self.channels, self.resize, reads_paths=self._reads_paths, folder=folder)

    def neutral(self, spec):
        """Return a grey image; see `InputEncoder.neutral`."""
        return np.full(spec.shape, GREY, dtype=spec.dtype)

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        return ArraySpec(name, "image", tuple(map(int, (*self.size, self.channels))), "uint8")

    def _decode_all(self, pixels, cells, positions, column):
        """Decode the cells of a column at these positions; return ``{position: error}`` of those that fail."""

        def decode_piece(piece):
            # An error does not end the pass, since the message says how many images cannot be read.
            failures = {}
            for position in piece:
                try:
                    decode_into(pixels[position], cells[position], self)
                except (NotImageError, UnreadableError) as error:
                    failures[position] = error
            return failures

        pieces = [positions[start : start + PIECE_ROWS] for start in range(0, len(positions), PIECE_ROWS)]
        # A PIL image loads its file at the first use, and the same image in two cells would do so in two threads.
        # So does an open file.
        are_shared = any(isinstance(cell, Image.Image) or hasattr(cell, "read") for cell in cells)
        n_threads = 1 if are_shared or len(pieces) == 1 else available_cores()
        progress = keras.utils.Progbar(len(positions), verbose=int(self.verbose), unit_name="image")
        failures = {}
        # Threads help because Pillow and OpenCV decode outside of the GIL.
        with ThreadPoolExecutor(n_threads) as pool, counted_once(str(column), self.counted_as) as count:
            run = map if n_threads == 1 else pool.map
            for piece, failed in zip(pieces, run(decode_piece, pieces), strict=True):
                failures.update(failed)
                progress.add(len(piece))
                count(len(piece))
        return failures

    def _refuse_or_note(self, column, cells, failures):
        """Raise for cells that are no images or cannot be read, or note those that count as missing."""
        odd = {i: error for i, error in failures.items() if isinstance(error, NotImageError)}
        unreadable = {i: error for i, error in failures.items() if i not in odd}
        for found, choice in ((odd, self.on_odd), (unreadable, self.on_error)):
            if found and choice == "raise":
                raise self._make_refusal(column, cells, found)
        # One note for both, so that there is one warning if nobody gathers the notes.
        if failures:
            first = min(failures)
            count = f"{len(failures)} of {len(cells)} cells"
            expected = "readable as images" if unreadable else "images"
            labels = set(column.index[list(failures)])
            first_found = _describe_failure(column, cells, first, failures[first])
            report_odd_cells([OddCells(column.name, expected, labels, count, first_found, LEAVE_OUT)])

    def _make_refusal(self, column, cells, failures, are_all=False):
        """Return the error for cells that cannot be read, or that are no images."""
        first, *others = sorted(failures)
        error = failures[first]
        broken = "images cannot be read" if isinstance(error, UnreadableError) else "cells are not images"
        paths = dict.fromkeys(str(cells[i]) for i in others if isinstance(cells[i], PATHS) and cells[i] != cells[first])
        names = [shorten(repr(path), 50) for path in [*paths][:NAMED_CELLS]]
        also = f", then {' and '.join(names)}" if names else ""
        refusal = InputMismatchError(
            f"column {column.name!r}: {len(failures)} of {len(cells)} {broken}, "
            f"{_describe_failure(column, cells, first, error)}{also}. {self._advise(cells[first], error, are_all)}"
        )
        refusal.__cause__ = error
        return refusal

    def _advise(self, cell, error, are_all):
        """Return the way out of the error of a cell."""
        if isinstance(error, NotImageError):
            return ODD_ADVICE
        folder = ""
        if self.folder is None and "not found" in str(error) and not os.path.isabs(file_of(cell)):
            folder = "Relative paths start at the working directory, unless ImageDecoder(folder=...) names another. "
        if are_all:
            return f"{folder}Give existing, whole image files; without any there is nothing to learn from."
        blank = 'pass ImageDecoder(on_error="missing") to use blank images'
        return f"{folder}Give existing, whole image files, or {blank}."


def _is_path(cell):
    """Return whether a cell is the name of a file, and not its content."""
    try:
        return isinstance(cell, PATHS) and (not isinstance(cell, str) or content_of(cell) is None)
    except ValueError:
        return False


def _describe_failure(column, cells, position, error):
    """Return where a cell stands, what it is and what is wrong: ``first at row label 5: 'a.png' (file not found)``."""
    cell = cells[position]
    if isinstance(cell, (*BYTES, list, tuple)):
        # The content itself would fill pages.
        found = f"{type(cell).__name__} of length {len(cell)}"
    elif hasattr(cell, "shape") and hasattr(cell, "dtype"):
        kind = "array" if isinstance(cell, np.ndarray) else type(cell).__name__
        found = f"{kind} of shape {tuple(cell.shape)}, {getattr(cell.dtype, 'name', cell.dtype)}"
    else:
        found = shorten(repr(cell))
    return f"first at {row_at(column.index, position)}: {found} ({error})"


def _read_cells(columns, encoder, *, reset):
    """Return the column and a list of its cells, images of Hugging Face taken out of their dicts."""
    # An array of two dimensions is a table of cells, as in scikit-learn, not one image.
    if isinstance(columns, np.ndarray) and columns.ndim == 2:
        columns = pd.DataFrame(columns)
    elif not isinstance(columns, pd.Series | pd.DataFrame):
        # Not np.array, which would stack arrays and PIL images of one shape.
        columns = pd.Series(np.fromiter(columns, dtype=object, count=len(columns)), dtype=object)
    column = one_column(check_frame(encoder, columns, reset=reset), encoder)
    return column, [unwrap(cell) for cell in column]


def spread(cells):
    """Return some cells of a list, evenly spaced."""
    return cells[:: max(len(cells) // PROBE_CELLS, 1)]
