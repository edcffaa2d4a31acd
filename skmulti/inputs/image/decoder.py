"""Photos and other pictures: files, bytes and arrays to pixels, and the network that looks at them."""

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
from ..base import InputEncoder, check_frame, one_column, refuse_cells
from .branch import ImageBranch, is_positive_int
from .opencv import check_installed as check_opencv
from .pixels import MODES, UnreadableError, decode_into

EXTENSIONS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
HEADERS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*")
READABLE = (*BYTES, *PATHS, np.ndarray, Image.Image)
# Images that one thread decodes at a time.
BLOCK_ROWS = 16


class ImageDecoder(InputEncoder):
    """Decode a column of images to pixels of one size.

    Takes images as they come in a table, also mixed. Pixels stay integers of 0-255, a
    quarter of the memory of floats; the network rescales them.

    Parameters
    ----------
    size : tuple of int
        (height, width) in pixels. (64, 64) suits what is recognised at a glance; fine
        detail needs more, and memory and time grow with the product.
    channels : {1, 3, 4}
        1: grey; 3: red, green, blue; 4: with alpha (255 = opaque).
    resize : {"stretch", "crop", "pad"}
        How an image of another shape becomes `size`: "stretch" changes its aspect
        ratio, "crop" keeps it and cuts off what juts out around the centre, "pad"
        keeps it and fills up with black (transparent for 4 channels) on two sides.
    on_error : {"raise", "missing"}
        What an image that cannot be read means: an error, or a missing image. Cells
        of a wrong type, and arrays that are no images, are always an error.
    lazy : {"auto", True, False}
        Whether an estimator's fit decodes the images of each batch when it comes, in place
        of all at once; "auto": where the pixels would take more than a tenth of the machine's
        memory. Results are the same. `transform` always gives all rows.
    decoder : {"pillow", "opencv"}
        What reads JPEG files. "opencv" takes about half the time, and needs the package
        opencv-python-headless; its pixels are not quite those of Pillow (Notes), so that
        what was fitted with it does not fall back to Pillow where it is missing.
    verbose : int
        1 draws Keras' progress bar, 2 prints a line when all images are decoded.

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
        If cells are of a wrong type; at `transform`, also if images cannot be read
        (see `on_error`) or an array is no image.
    ValueError
        At `fit`, if `size` is not two positive integers or `channels` not 1, 3 or 4.

    See Also
    --------
    ImageBranch : Reads the pixels.

    Notes
    -----
    A cell is one of

    - ``bytes``, ``bytearray`` or ``memoryview`` of a PNG, JPEG, GIF, BMP, WebP or TIFF
      file; also a dict ``{"bytes": ..., "path": ...}``, as in Hugging Face datasets;
    - a path, as a string or `pathlib.Path`;
    - an array of shape (height, width) or (height, width, 1, 3 or 4): uint8 as it is;
      bool as 0 and 255; uint16 divided by 256; floats, which must lie in 0-1, times 255
      and rounded; other integers, which must lie in 0-255;
    - a PIL image;
    - None, NaN or ``pd.NA``: no image; all pixels are 0, and `encode_and_flag` marks the row.

    Images are turned upright by their EXIF orientation; of an animation the first
    frame is read; 16-bit images are divided by 256. Colours are those of Pillow's
    ``Image.convert``, which for 1 and 3 channels ignores transparency. Sizes change
    with Pillow's antialiased ``BILINEAR`` filter; an image of the right size keeps its
    very pixels. ``PIL.Image.MAX_IMAGE_PIXELS`` guards against bombs.

    A JPEG file that holds at least 1.5 times the pixels that are needed at a half, a
    quarter or an eighth of its sides is read at that scale, which differs from the whole
    file by less than 2 of 255 on average, for sharp photos too. "opencv" smooths and
    interpolates, by less than 2.5 of 255; it reads JPEG files of grey or RGB whose sides
    divide by the scale, and Pillow the rest; of damaged files it writes a line to stderr.
    Pixels do not depend on anything but the image, the parameters and the decoder's
    version. Images are decoded by as many threads as there are cores, in a joblib worker
    process by its share of them.

    Examples
    --------
    >>> import numpy as np
    >>> from skmulti import ImageDecoder
    >>> black, white = np.zeros((9, 12), "uint8"), np.ones((8, 8, 3))
    >>> pixels, missing = ImageDecoder(size=(2, 2)).fit([black]).encode_and_flag([white, None, black])
    >>> pixels.shape, pixels[:, 0, 0, 0], missing
    ((3, 2, 2, 3), array([255,   0,   0], dtype=uint8), array([False,  True, False]))

    A file that is not there is an error that says which row it is in:

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
        looks = {_look(cell) for cell in itertools.islice(present, 100)}
        return looks.pop() if len(looks) == 1 else None

    def fit(self, columns, y=None):
        """Check parameters and types of cells; nothing is decoded. See `InputEncoder.fit`."""
        self._validate_params()
        if len(self.size) != 2 or not all(map(is_positive_int, self.size)):
            raise ValueError(f"size must be (height, width), two positive integers, got {self.size!r}.")
        if self.channels not in MODES:
            raise ValueError(f"channels must be 1, 3 or 4, got {self.channels!r}.")
        if self.decoder == "opencv":
            check_opencv()
        _cells(columns, self, reset=True)
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
            check_opencv()
        column, cells = _cells(columns, self, reset=False)
        missing = np.array([_is_missing(cell) for cell in cells], dtype=bool)
        pixels = np.zeros((len(cells), *self.spec("").shape), dtype="uint8")
        failures = self._decode_into(pixels, cells, np.flatnonzero(~missing).tolist())
        self._refuse(column, cells, failures)
        missing[list(failures)] = True
        return pixels, missing

    def missing(self, columns):
        """Return which rows hold no image; see `InputEncoder.missing`."""
        # Only decoding finds those that cannot be read.
        return self.encode_and_flag(columns)[1] if self.on_error == "missing" else super().missing(columns)

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        return ArraySpec(name, "image", tuple(map(int, (*self.size, self.channels))), "uint8")

    def _decode_into(self, pixels, cells, positions):
        """Decode the cells at these positions; give ``{position: UnreadableError}`` of those that fail."""

        def attempt(block):
            failures = {}
            for position in block:
                try:
                    decode_into(pixels[position], cells[position], self)
                except UnreadableError as error:
                    failures[position] = error
            return failures

        blocks = [positions[start : start + BLOCK_ROWS] for start in range(0, len(positions), BLOCK_ROWS)]
        # One PIL image in two cells is not thread-safe.
        has_images = any(isinstance(cell, Image.Image) for cell in cells)
        n_threads = 1 if has_images or len(blocks) == 1 else available_cores()
        progress = keras.utils.Progbar(len(positions), verbose=int(self.verbose), unit_name="image")
        failures = {}
        # Threads help because Pillow and OpenCV decode outside of the GIL.
        with ThreadPoolExecutor(n_threads) as pool:
            run = map if n_threads == 1 else pool.map
            for block, failed in zip(blocks, run(attempt, blocks), strict=True):
                failures.update(failed)
                progress.add(len(block))
        return failures

    def _refuse(self, column, cells, failures):
        """Raise for cells that cannot be read, unless they count as missing."""
        if self.on_error == "missing":
            failures = {i: error for i, error in failures.items() if isinstance(cells[i], np.ndarray)}
        if not failures:
            return
        first = min(failures)
        cell, label = cells[first], label_at(column.index, first)
        advice = 'Give existing, whole image files, or pass ImageDecoder(on_error="missing") to use blank images.'
        found = f"{type(cell).__name__} of length {len(cell)}" if isinstance(cell, BYTES) else repr(cell)
        if isinstance(cell, np.ndarray):
            advice = "Give (height, width) or (height, width, 1, 3 or 4): uint8, or floats of 0-1."
            found = f"array of shape {cell.shape}, {cell.dtype}"
        raise InputMismatchError(
            f"column {column.name!r}: {len(failures)} of {len(cells)} images cannot be read, first at row label "
            f"{label!r}: {found} ({failures[first]}). {advice}"
        ) from failures[first]


def _cells(columns, encoder, *, reset):
    """Return the column and its cells as a list, dicts of Hugging Face unwrapped, or refuse wrong types."""
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
    return cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float | np.floating) and cell != cell)


def _look(cell):
    """Name the kind of image that a cell looks like without opening it, or give None."""
    if isinstance(cell, BYTES):
        start = bytes(cell[:12])
        is_image = start.startswith(HEADERS) or start[:4] + start[8:] == b"RIFFWEBP"
        return "encoded images" if is_image else None
    if isinstance(cell, np.ndarray):
        is_image = cell.ndim == 2 or (cell.ndim == 3 and cell.shape[2] in MODES)
        return "uint8 pixel arrays" if is_image and cell.dtype == np.uint8 else None
    if isinstance(cell, PATHS):
        name = str(cell).lower()
        return "paths of images" if name.endswith(EXTENSIONS) and "://" not in name else None
    return "PIL images" if isinstance(cell, Image.Image) else None
