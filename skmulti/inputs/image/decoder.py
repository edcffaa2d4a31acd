"""The encoder of images: files, bytes, arrays and PIL images become pixels of one size.

Pixels stay uint8 until the first layer of the branch, which scales them to 0-1. An image that cannot be read is told
apart from a missing one, and the error names the row of the first.
"""

import itertools
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.utils.validation import check_is_fitted

from ..._validation import Integral, StrOptions
from ..._workers import available_cores
from ...errors import InputMismatchError, label_at
from ...spec import ArraySpec
from .._cells import BYTES, PATHS
from .._odd import refuse_cells
from ..base import InputEncoder, check_frame, one_column
from .branch import ImageBranch, is_positive_int
from .opencv import check_installed as check_opencv
from .pixels import MODES, UnreadableError, decode_into

# How paths of image files end, and how such files begin: a column is recognised without opening or decoding anything.
EXTENSIONS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
HEADERS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*")
READABLE = (*BYTES, *PATHS, np.ndarray, Image.Image)
# Images that a thread gets at a time.
PIECE_ROWS = 16


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
    on_error : {"raise", "missing"}
        Whether an image that cannot be read is an error or a missing image. Cells of a
        wrong type, and arrays that are no images, are always an error.
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

    Raises
    ------
    ImportError
        If `decoder` is "opencv" and OpenCV is not installed.
    InputMismatchError
        If cells are of a wrong type. At `transform`, also if images cannot be read
        (see `on_error`) or an array is no image.
    ValueError
        At `fit`, if `size` is not two positive integers or `channels` is not 1, 3 or 4.

    See Also
    --------
    ImageBranch : Reads the pixels.

    Notes
    -----
    A cell is one of

    - ``bytes``, ``bytearray`` or ``memoryview`` of a PNG, JPEG, GIF, BMP, WebP or TIFF
      file; also a dict ``{"bytes": ..., "path": ...}``, as in Hugging Face datasets;
    - a path, as a string or `pathlib.Path`;
    - an array of shape (height, width) or (height, width, 1, 3 or 4): uint8 is taken as it
      is; bool becomes 0 and 255; uint16 is divided by 256; floats, which must lie in 0-1,
      are multiplied by 255 and rounded; other integers must lie in 0-255;
    - a PIL image;
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
'img/0017.jpg' (file not found). Give existing, whole image files, or pass ImageDecoder(on_error="missing") \
to use blank images.
    """

    reads_missing = True
    default_branch = ImageBranch
    flags_missing = True
    _parameter_constraints = {
        "size": [tuple, list],
        "channels": [Integral],
        "resize": [StrOptions({"stretch", "crop", "pad"})],
        "on_error": [StrOptions({"raise", "missing"})],
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
        lazy="auto",
        decoder="pillow",
        verbose=0,
    ):
        self.size = size
        self.channels = channels
        self.resize = resize
        self.on_error = on_error
        self.lazy = lazy
        self.decoder = decoder
        self.verbose = verbose

    @classmethod
    def suits(cls, column):
        """Take encoded images, PIL images, pixel arrays and paths; see `InputEncoder.suits`."""
        present = (cell for cell in map(_unwrap, column) if not _is_missing(cell))
        types = {_image_type(cell) for cell in itertools.islice(present, 100)}
        # Cells that are mixed, or of which some are no images, may be anything: only the user can know.
        return types.pop() if len(types) == 1 else None

    def fit(self, columns, y=None):
        """Check the parameters and the types of cells; nothing is decoded. See `InputEncoder.fit`."""
        self._validate_params()
        if len(self.size) != 2 or not all(map(is_positive_int, self.size)):
            raise ValueError(f"size must be (height, width), two positive integers, got {self.size!r}.")
        if self.channels not in MODES:
            raise ValueError(f"channels must be 1, 3 or 4, got {self.channels!r}.")
        if self.decoder == "opencv":
            check_opencv()
        _image_cells(columns, self, reset=True)
        return self

    def partial_fit(self, columns, y=None):
        """Check the next rows of a table that is read in parts.

        Parameters
        ----------
        columns : Series of shape (n_rows,)
            The next rows.
        y : None
            Ignored.

        Returns
        -------
        ImageDecoder
            The encoder, fitted exactly as by `fit`.
        """
        return self.fit(columns, y)

    def transform(self, columns):
        """Decode images; see `InputEncoder.transform`."""
        return self.encode_and_flag(columns)[0]

    def encode_and_flag(self, columns):
        """Decode images and mark missing and, if allowed, unreadable ones; see `InputEncoder.encode_and_flag`."""
        check_is_fitted(self)
        if self.decoder == "opencv":
            # Here again: it may have been fitted on another machine, and the threads below must find OpenCV imported.
            check_opencv()
        column, cells = _image_cells(columns, self, reset=False)
        missing = np.array([_is_missing(cell) for cell in cells], dtype=bool)
        # Zeros, since an image is written only where it has pixels: the rest is the border of "pad", or a blank image.
        pixels = np.zeros((len(cells), *self.spec("").shape), dtype="uint8")
        failures = self._decode_all(pixels, cells, np.flatnonzero(~missing).tolist())
        self._refuse_failures(column, cells, failures)
        missing[list(failures)] = True
        return pixels, missing

    def missing(self, columns):
        """Return which rows hold no image; see `InputEncoder.missing`."""
        # Only decoding finds the images that cannot be read.
        return self.encode_and_flag(columns)[1] if self.on_error == "missing" else super().missing(columns)

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        return ArraySpec(name, "image", tuple(map(int, (*self.size, self.channels))), "uint8")

    def _decode_all(self, pixels, cells, positions):
        """Decode the cells at these positions; return ``{position: UnreadableError}`` of those that fail."""

        def decode_piece(piece):
            # An error does not end the pass, since the message says how many images cannot be read.
            failures = {}
            for position in piece:
                try:
                    decode_into(pixels[position], cells[position], self)
                except UnreadableError as error:
                    failures[position] = error
            return failures

        pieces = [positions[start : start + PIECE_ROWS] for start in range(0, len(positions), PIECE_ROWS)]
        # A PIL image loads its file at the first use, and the same image in two cells would do so in two threads.
        has_images = any(isinstance(cell, Image.Image) for cell in cells)
        n_threads = 1 if has_images or len(pieces) == 1 else available_cores()
        progress = keras.utils.Progbar(len(positions), verbose=int(self.verbose), unit_name="image")
        failures = {}
        # Threads help because Pillow and OpenCV decode outside of the GIL.
        with ThreadPoolExecutor(n_threads) as pool:
            run = map if n_threads == 1 else pool.map
            for piece, failed in zip(pieces, run(decode_piece, pieces), strict=True):
                failures.update(failed)
                progress.add(len(piece))
        return failures

    def _refuse_failures(self, column, cells, failures):
        """Raise for cells that cannot be read, unless they count as missing."""
        if self.on_error == "missing":
            # An array that is no image is a mistake in the table, not a damaged file.
            failures = {i: error for i, error in failures.items() if isinstance(cells[i], np.ndarray)}
        if not failures:
            return
        first = min(failures)
        cell, label = cells[first], label_at(column.index, first)
        advice = 'Give existing, whole image files, or pass ImageDecoder(on_error="missing") to use blank images.'
        # The bytes themselves would fill pages.
        found = f"{type(cell).__name__} of length {len(cell)}" if isinstance(cell, BYTES) else repr(cell)
        if isinstance(cell, np.ndarray):
            advice = "Give (height, width) or (height, width, 1, 3 or 4): uint8, or floats of 0-1."
            found = f"array of shape {cell.shape}, {cell.dtype}"
        raise InputMismatchError(
            f"column {column.name!r}: {len(failures)} of {len(cells)} images cannot be read, first at row label "
            f"{label!r}: {found} ({failures[first]}). {advice}"
        ) from failures[first]


def _image_cells(columns, encoder, *, reset):
    """Return the column and a list of its images, taken out of dicts of Hugging Face; refuse cells of a wrong type."""
    # An array of two dimensions is a table of cells, as in scikit-learn, not one image.
    if isinstance(columns, np.ndarray) and columns.ndim == 2:
        columns = pd.DataFrame(columns)
    elif not isinstance(columns, pd.Series | pd.DataFrame):
        # Not np.array, which would stack arrays and PIL images of one shape.
        columns = pd.Series(np.fromiter(columns, dtype=object, count=len(columns)), dtype=object)
    column = one_column(check_frame(encoder, columns, reset=reset), encoder)
    cells = [_unwrap(cell) for cell in column]
    refuse_cells(
        column,
        np.array([not (isinstance(cell, READABLE) or _is_missing(cell)) for cell in cells], dtype=bool),
        "images",
        "Give paths, the bytes of image files, arrays or PIL images; or another encoder for the column.",
    )
    return column, cells


def _unwrap(cell):
    """Return the image of a Hugging Face cell ``{"bytes": ..., "path": ...}``, else the cell."""
    if isinstance(cell, dict) and {"bytes", "path"} & cell.keys():
        return cell.get("path") if cell.get("bytes") is None else cell["bytes"]
    return cell


def _is_missing(cell):
    """Return whether a cell holds no image."""
    # Not `pd.isna`, which looks at each element of an array.
    return cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float | np.floating) and cell != cell)


def _image_type(cell):
    """Return what sort of image a cell seems to be, without opening it, or None if it seems to be none."""
    if isinstance(cell, BYTES):
        start = bytes(cell[:12])
        # WEBP files are RIFF files, which have their size in between.
        is_image = start.startswith(HEADERS) or start[:4] + start[8:] == b"RIFFWEBP"
        return "encoded images" if is_image else None
    if isinstance(cell, np.ndarray):
        is_image = cell.ndim == 2 or (cell.ndim == 3 and cell.shape[2] in MODES)
        # Other dtypes may be sequences of measurements.
        return "uint8 pixel arrays" if is_image and cell.dtype == np.uint8 else None
    if isinstance(cell, PATHS):
        name = str(cell).lower()
        return "paths of images" if name.endswith(EXTENSIONS) and "://" not in name else None
    return "PIL images" if isinstance(cell, Image.Image) else None
