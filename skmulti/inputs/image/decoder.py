"""Photos and other pictures: files, bytes and arrays to pixels, and the network that looks at them."""

import itertools
import random
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.utils.validation import check_is_fitted

from ..._validation import POSITIVE_INT, RATE, Integral, StrOptions
from ..._workers import available_cores
from ...errors import InputMismatchError, NetworkSizeWarning, label_at, place, warn
from ...spec import ArraySpec
from .._cells import BYTES, PATHS
from ..base import SAMPLE_ROWS, Branch, InputEncoder, check_frame, one_column, refuse_cells
from .opencv import check_installed as check_opencv
from .patches import LAST, MIN_SIDE, learn_features
from .pixels import MODES, UnreadableError, decode_into

EXTENSIONS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
HEADERS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*")
READABLE = (*BYTES, *PATHS, np.ndarray, Image.Image)
# Images that one thread decodes at a time.
BLOCK_ROWS = 16
MANY_WEIGHTS = 5_000_000
CONVOLUTIONS = (16, 32)


class ImageBranch(Branch):
    """Read pixels with filters learned from patches, or with trained convolutions.

    The branch for photos, scans and drawings. A small set of photos is too small to
    train convolutions from scratch: filters that are learned from the photos alone, in
    one pass and without y, then say more and cost less. From 10,000 rows on, or where
    `filters` says so: convolutions that halve the image, then an average over the
    picture, so that the position of a pattern does not matter and the number of weights
    does not depend on the image size.

    Parameters
    ----------
    filters : "auto" or tuple of int
        Patterns that each convolution looks for. (16, 32) suits 64 x 64 pixels and a
        thousand rows; larger images and more rows gain from a third and fourth entry.
        An empty tuple pools the pixels themselves. "auto": up to 256 filters learned
        from patches if the training rows are 50 to 9,999 photos of 12 x 12 uint8 pixels
        or more, else (16, 32).
    kernel_size : int
        Side of the square that a trained convolution sees, in pixels.
    pooling : {"both", "average", "max", "flatten"}
        How feature maps become a vector: their average ("how much of it is there"),
        their maximum ("is it anywhere"), both side by side, or all their values, for
        pictures in which the position matters ("flatten"; `NetworkSizeWarning` above 5
        million weights; no filters from patches). Filters from patches are pooled in
        each quarter of the picture by itself.
    units : int or None
        Width of a dense layer after the pooling; None adds none.
    dropout : float or None
        Share of the output that is dropped in training, in [0, 1). None: 0.5 after
        filters from patches, which are many, else 0.
    augment : bool
        Mirror the images left to right at random and move them by up to 10 %, in
        training only. Use it for small sets of photos, but not where left and right
        differ (digits, text, maps). No filters from patches.

    Raises
    ------
    ValueError
        At `build`, if `filters` holds anything but positive integers.

    See Also
    --------
    ImageDecoder : Makes the pixels.

    Notes
    -----
    Convolutions keep the size (``padding="same"``), have ReLU activations and are
    followed by 2 x 2 max pooling, along axes of two pixels or more.

    Filters from patches are the centroids that k-means finds in 50,000 whitened patches
    of 6 x 6 pixels, as in the paper below. Their responses above a threshold, at every
    second position, are pooled in the four quarters, and stand beside the picture at 16 x
    16 pixels; each feature is scaled to mean 0 and the same standard deviation, so small
    that all of them count as 64 numbers of deviation 1. Unlike the paper's, patches keep
    their contrast. None of it is trained, so that an estimator's `fit` computes it once.

    References
    ----------
    Coates and Ng, "Learning Feature Representations with K-means", 2012, in: Neural
    Networks: Tricks of the Trade, Springer LNCS 7700.

    Examples
    --------
    >>> from skmulti import ArraySpec, ImageBranch
    >>> spec = ArraySpec("photo", "image", (64, 64, 3), "uint8")
    >>> ImageBranch(filters=(8, 16)).build(spec).output_shape
    (None, 32)
    """

    reads = ("image",)
    _parameter_constraints = {
        "filters": [tuple, list, StrOptions({"auto"})],
        "kernel_size": [POSITIVE_INT],
        "pooling": [StrOptions({"both", "average", "max", "flatten"})],
        "units": [POSITIVE_INT, None],
        "dropout": [RATE, None],
        "augment": ["boolean"],
    }

    def __init__(self, filters="auto", *, kernel_size=3, pooling="both", units=None, dropout=None, augment=False):
        self.filters = filters
        self.kernel_size = kernel_size
        self.pooling = pooling
        self.units = units
        self.dropout = dropout
        self.augment = augment

    def features(self, spec, sample):
        """Learn filters from patches, where that is asked for and possible; see `Branch.features`."""
        refused = self.filters != "auto" or self.pooling == "flatten" or self.augment
        if refused or sample is None or len(sample) >= SAMPLE_ROWS:
            return None
        if spec.dtype != "uint8" or min(spec.shape[:2]) < MIN_SIDE:
            return None
        # From Python's generator, as Keras' own initializers, which a fit seeds.
        rng = np.random.default_rng(random.randrange(2**31))
        average, highest = keras.layers.AveragePooling2D, keras.layers.MaxPooling2D
        pools = {"average": (average,), "max": (highest,), "both": (average, highest)}
        return learn_features(sample, rng, pools[self.pooling])

    def connect(self, tensor, spec, sample):
        """Connect the layers of the branch; see `Branch.connect`."""
        are_features = len(tensor.shape) == 2
        if not are_features:
            tensor = self._pool(self._convolve(tensor), spec)
        if self.units is not None:
            tensor = keras.layers.Dense(int(self.units), activation="relu")(tensor)
        dropout = 0.5 * are_features if self.dropout is None else self.dropout
        return keras.layers.Dropout(dropout)(tensor) if dropout else tensor

    def _convolve(self, tensor):
        """Turn pixels into feature maps (batch, height, width, channels)."""
        filters = CONVOLUTIONS if self.filters == "auto" else self.filters
        if not all(_is_positive_int(count) for count in filters):
            raise ValueError(f"filters must hold positive integers, got {self.filters!r}.")
        if self.augment:
            shift = keras.layers.RandomTranslation(0.1, 0.1, fill_mode="nearest", **LAST)
            tensor = TrainingPipeline([keras.layers.RandomFlip("horizontal", **LAST), shift])(tensor)
        for count in map(int, filters):
            tensor = keras.layers.Conv2D(count, self.kernel_size, padding="same", activation="relu", **LAST)(tensor)
            tensor = keras.layers.MaxPooling2D([min(2, side) for side in tensor.shape[1:3]], **LAST)(tensor)
        return tensor

    def _pool(self, tensor, spec):
        """Turn feature maps (batch, height, width, channels) into vectors."""
        average, highest = keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D
        pools = {"average": [average], "max": [highest], "both": [average, highest]}
        if self.pooling in pools:
            pooled = [pool(**LAST)(tensor) for pool in pools[self.pooling]]
            return keras.layers.Concatenate()(pooled) if len(pooled) > 1 else pooled[0]
        tensor = keras.layers.Flatten(**LAST)(tensor)
        width, units = tensor.shape[-1], self.units or 64
        if width * units > MANY_WEIGHTS:
            warn(
                f"{place(spec.name, spec.columns)}: pooling='flatten' gives {width:,} values a row; a dense layer of "
                f"{units} units after it has {width * units:,} weights. Use pooling='average' or a smaller image size.",
                NetworkSizeWarning,
            )
        return tensor


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
        if len(self.size) != 2 or not all(map(_is_positive_int, self.size)):
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


def _is_positive_int(value):
    return isinstance(value, Integral) and not isinstance(value, bool) and value > 0


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


@keras.saving.register_keras_serializable(package="skmulti")
class TrainingPipeline(keras.layers.Pipeline):
    """Apply Keras' random image layers one after the other, in training only."""

    def call(self, inputs, training=False, mask=None):
        # Upstream `training` is True by default, so that a plain ``model(x)`` gave another answer each time.
        return super().call(inputs, training=bool(training), mask=mask)
