"""Photos and other pictures: files, bytes and arrays to pixels, and the network that looks at them."""

import io
import itertools
import os
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pandas as pd
from PIL import Image, ImageOps
from sklearn.utils.validation import check_is_fitted

from .._validation import POSITIVE_INT, RATE, Integral, StrOptions
from ..errors import InputMismatchError, NetworkSizeWarning, place
from ..spec import ArraySpec
from .base import Branch, InputEncoder, one_column, refuse_cells

# Only these: Pillow would hand an .eps file to Ghostscript, and some rare formats are old, unsafe code.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
EXTENSIONS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
HEADERS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*")
BYTES = (bytes, bytearray, memoryview)
PATHS = (str, os.PathLike)
READABLE = (*BYTES, *PATHS, np.ndarray, Image.Image)
# Whatever a user's keras.json says: the encoder puts the channels last.
LAST = {"data_format": "channels_last"}
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
# Pillow's decoders meet damaged files with any of these.
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, struct.error, *BOMBS)
MANY_ROWS = 64
MANY_WEIGHTS = 5_000_000


class ImageBranch(Branch):
    """Read pixels with convolutions.

    The branch for photos, scans and drawings: convolutions that halve the image, then
    an average over the picture, so that the position of a pattern does not matter and
    the number of weights does not depend on the image size.

    Parameters
    ----------
    filters : tuple of int
        Patterns that each convolution looks for. The default (16, 32) suits 64 x 64
        pixels and a thousand rows; larger images and more rows gain from a third and
        fourth entry. An empty tuple pools the pixels themselves.
    kernel_size : int
        Side of the square that a convolution sees, in pixels.
    pooling : {"both", "average", "max", "flatten"}
        How feature maps become a vector: their average ("how much of it is there"),
        their maximum ("is it anywhere"), both side by side, or all their values, for
        pictures in which the position matters ("flatten"; `NetworkSizeWarning` above 5
        million weights).
    units : int or None
        Width of a dense layer after the pooling; None adds none.
    dropout : float
        Share of the output that is dropped in training, in [0, 1).
    augment : bool
        Mirror the images left to right at random and move them by up to 10 %, in
        training only. Use it for small sets of photos, but not where left and right
        differ (digits, text, maps).

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

    Examples
    --------
    >>> from skmulti import ArraySpec, ImageBranch
    >>> spec = ArraySpec("photo", "image", (64, 64, 3), "uint8")
    >>> ImageBranch(filters=(8, 16)).build(spec).output_shape
    (None, 32)
    """

    reads = ("image",)
    _parameter_constraints = {
        "filters": [tuple, list],
        "kernel_size": [POSITIVE_INT],
        "pooling": [StrOptions({"both", "average", "max", "flatten"})],
        "units": [POSITIVE_INT, None],
        "dropout": [RATE],
        "augment": ["boolean"],
    }

    def __init__(self, filters=(16, 32), *, kernel_size=3, pooling="both", units=None, dropout=0.0, augment=False):
        self.filters = filters
        self.kernel_size = kernel_size
        self.pooling = pooling
        self.units = units
        self.dropout = dropout
        self.augment = augment

    def connect(self, tensor, spec, sample):
        """Connect the layers of the branch; see `Branch.connect`."""
        if not all(_is_positive_int(count) for count in self.filters):
            raise ValueError(f"filters must hold positive integers, got {self.filters!r}.")
        if self.augment:
            shift = keras.layers.RandomTranslation(0.1, 0.1, fill_mode="nearest", **LAST)
            tensor = TrainingPipeline([keras.layers.RandomFlip("horizontal", **LAST), shift])(tensor)
        for count in map(int, self.filters):
            tensor = keras.layers.Conv2D(count, self.kernel_size, padding="same", activation="relu", **LAST)(tensor)
            tensor = keras.layers.MaxPooling2D([min(2, side) for side in tensor.shape[1:3]], **LAST)(tensor)
        tensor = self._pool(tensor, spec)
        if self.units is not None:
            tensor = keras.layers.Dense(int(self.units), activation="relu")(tensor)
        return keras.layers.Dropout(self.dropout)(tensor) if self.dropout else tensor

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
            warnings.warn(
                f"{place(spec.name, spec.columns)}: pooling='flatten' gives {width:,} values a row; a dense layer of "
                f"{units} units after it has {width * units:,} weights. Use pooling='average' or a smaller image size.",
                NetworkSizeWarning,
                stacklevel=2,
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
        Whether a streamed fit decodes batch by batch; "auto" leaves it to the size of
        the data. The rows of a frame that `transform` gets are decoded at once.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns, 1.

    Raises
    ------
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
    - None, NaN or ``pd.NA``: no image; all pixels are 0, and `encode` marks the row.

    Images are turned upright by their EXIF orientation; of an animation the first
    frame is read; 16-bit images are divided by 256. Colours are those of Pillow's
    ``Image.convert``, which for 1 and 3 channels ignores transparency. Sizes change
    with Pillow's antialiased ``BILINEAR`` filter; an image of the right size keeps its
    very pixels. ``PIL.Image.MAX_IMAGE_PIXELS`` guards against bombs.

    Examples
    --------
    >>> import numpy as np
    >>> from skmulti import ImageDecoder
    >>> black, white = np.zeros((9, 12), "uint8"), np.ones((8, 8, 3))
    >>> pixels, missing = ImageDecoder(size=(2, 2)).fit([black]).encode([white, None, black])
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

    default_branch = ImageBranch
    flags_missing = True
    _parameter_constraints = {
        "size": [tuple, list],
        "channels": [Integral],
        "resize": [StrOptions({"stretch", "crop", "pad"})],
        "on_error": [StrOptions({"raise", "missing"})],
        "lazy": ["boolean", StrOptions({"auto"})],
    }

    def __init__(self, *, size=(64, 64), channels=3, resize="stretch", on_error="raise", lazy="auto"):
        self.size = size
        self.channels = channels
        self.resize = resize
        self.on_error = on_error
        self.lazy = lazy

    @classmethod
    def suits(cls, column):
        """Take encoded images, PIL images, pixel arrays and paths; see `InputEncoder.suits`."""
        present = (cell for cell in map(_unwrapped, column) if not _is_missing(cell))
        looks = {_look(cell) for cell in itertools.islice(present, 100)}
        return looks.pop() if len(looks) == 1 else None

    def fit(self, columns, y=None):
        """Check parameters and types of cells; nothing is decoded. See `InputEncoder.fit`."""
        self._validate_params()
        if len(self.size) != 2 or not all(map(_is_positive_int, self.size)):
            raise ValueError(f"size must be (height, width), two positive integers, got {self.size!r}.")
        if self.channels not in MODES:
            raise ValueError(f"channels must be 1, 3 or 4, got {self.channels!r}.")
        _cells(columns, self)
        self.n_features_in_ = 1
        return self

    def transform(self, columns):
        """Decode images; see `InputEncoder.transform`."""
        return self.encode(columns)[0]

    def encode(self, columns):
        """Decode images and mark missing and, if allowed, unreadable ones; see `InputEncoder.encode`."""
        check_is_fitted(self)
        column, cells = _cells(columns, self)
        missing = np.array([_is_missing(cell) for cell in cells], dtype=bool)
        pixels = np.zeros((len(cells), *self.spec("").shape), dtype="uint8")
        failures = self._decode_into(pixels, cells, np.flatnonzero(~missing).tolist())
        self._refuse(column, cells, failures)
        missing[list(failures)] = True
        return pixels, missing

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        return ArraySpec(name, "image", tuple(map(int, (*self.size, self.channels))), "uint8")

    def _decode_into(self, pixels, cells, positions):
        """Decode the cells at these positions; give ``{position: _Unreadable}`` of those that fail."""

        def attempt(position):
            try:
                pixels[position] = _decode(cells[position], self)
            except _Unreadable as error:
                return error

        # Threads help because Pillow decodes outside of the GIL; one PIL image in two cells is not thread-safe.
        if len(positions) < MANY_ROWS or any(isinstance(cell, Image.Image) for cell in cells):
            errors = [attempt(position) for position in positions]
        else:
            with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
                errors = list(pool.map(attempt, positions))
        return {position: error for position, error in zip(positions, errors, strict=True) if error}

    def _refuse(self, column, cells, failures):
        """Raise for cells that cannot be read, unless they count as missing."""
        if self.on_error == "missing":
            failures = {i: error for i, error in failures.items() if isinstance(cells[i], np.ndarray)}
        if not failures:
            return
        first = min(failures)
        cell, label = cells[first], column.index[[first]].tolist()[0]
        advice = 'Give existing, whole image files, or pass ImageDecoder(on_error="missing") to use blank images.'
        found = f"{type(cell).__name__} of length {len(cell)}" if isinstance(cell, BYTES) else repr(cell)
        if isinstance(cell, np.ndarray):
            advice = "Give (height, width) or (height, width, 1, 3 or 4): uint8, or floats of 0-1."
            found = f"array of shape {cell.shape}, {cell.dtype}"
        raise InputMismatchError(
            f"column {column.name!r}: {len(failures)} of {len(cells)} images cannot be read, first at row label "
            f"{label!r}: {found} ({failures[first]}). {advice}"
        ) from failures[first]


class _Unreadable(Exception):
    """The image in a cell cannot be read; the message is the reason."""


def _decode(cell, decoder):
    """Give one cell's pixels: ndarray of shape (height, width, channels), uint8."""
    mode, (height, width, channels) = MODES[decoder.channels], decoder.spec("").shape
    try:
        if isinstance(cell, np.ndarray):
            image = _from_array(cell)
        elif isinstance(cell, Image.Image):
            image = _upright(cell, mode)
        else:
            source = io.BytesIO(bytes(cell)) if isinstance(cell, BYTES) else cell
            with Image.open(source, formats=FORMATS) as file:
                image = _upright(file, mode)
        image = _resized(image.convert(mode), (width, height), decoder.resize)
    except DAMAGE as error:
        raise _Unreadable(_reason(error, cell)) from error
    return np.asarray(image).reshape(height, width, channels)


def _upright(image, mode):
    """Give an 8-bit copy of a PIL image, turned as its EXIF orientation says."""
    is_16_bit = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")
    image.load()
    try:
        image = ImageOps.exif_transpose(image)
    except DAMAGE:
        image = image.copy()  # Viewers, too, show an image whose EXIF block is damaged as it is stored.
    if mode != "RGBA":
        image.info.pop("transparency", None)  # Pillow warns where it cannot carry the transparency over.
    if is_16_bit or image.mode in ("I", "F"):
        return _from_array(np.asarray(image, dtype="uint16" if is_16_bit else None))  # `convert` clips.
    return image


def _from_array(array):
    """Give an array as a PIL image of mode L, RGB or RGBA, or say why it is none."""
    array = array[:, :, None] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[2] not in MODES or not array.size or array.dtype.kind not in "buif":
        raise _Unreadable("neither the shape nor the dtype of an image")
    if array.dtype == bool:
        array = array * 255
    elif array.dtype.kind == "f":
        if not (array.min() >= 0 and array.max() <= 1):
            raise _Unreadable(f"floats must lie in 0-1, these in {array.min():.6g} to {array.max():.6g}")
        array = np.rint(array.astype("float64") * 255)
    elif array.dtype.kind == "u" and array.dtype.itemsize == 2:
        array = array // 256
    elif array.min() < 0 or array.max() > 255:
        raise _Unreadable(f"integers must lie in 0-255, these in {array.min()} to {array.max()}")
    return Image.fromarray(np.squeeze(array, 2).astype("uint8") if array.shape[2] == 1 else array.astype("uint8"))


def _resized(image, size, resize):
    """Bring a PIL image to ``size = (width, height)``, as Pillow orders it."""
    if resize == "stretch":
        return image.resize(size, Image.Resampling.BILINEAR)
    if resize == "crop":
        return ImageOps.fit(image, size, Image.Resampling.BILINEAR)
    # ImageOps.pad fails where the shorter side of a very long image rounds to no pixel.
    scale = min(size[0] / image.width, size[1] / image.height)
    inner = tuple(max(1, round(side * scale)) for side in image.size)
    canvas = Image.new(image.mode, size)
    inside = image.resize(inner, Image.Resampling.BILINEAR)
    canvas.paste(inside, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return canvas


def _reason(error, cell):
    """Say in a few words why Pillow could not read a cell."""
    if isinstance(cell, PATHS) and not os.path.exists(cell):
        return "a web address; download the file first" if "://" in str(cell) else "file not found"
    if isinstance(error, BOMBS):
        return f"more pixels than PIL.Image.MAX_IMAGE_PIXELS allows: {Image.MAX_IMAGE_PIXELS:,}"
    if isinstance(error, Image.UnidentifiedImageError):
        return f"not an image, or none of the formats {', '.join(FORMATS)}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"{'truncated' if 'truncated' in str(error).lower() else 'damaged'} image: {error}"


def _cells(columns, encoder):
    """Give the column and its cells as a list, dicts of Hugging Face unwrapped, or refuse wrong types."""
    if isinstance(columns, pd.Series | pd.DataFrame) or (isinstance(columns, np.ndarray) and columns.ndim == 2):
        column = one_column(columns, encoder)
    else:
        # Not np.array, which would stack arrays and PIL images of one shape.
        column = pd.Series(np.fromiter(columns, dtype=object, count=len(columns)), dtype=object, name=0)
    cells = [_unwrapped(cell) for cell in column]
    refuse_cells(
        column,
        np.array([not (isinstance(cell, READABLE) or _is_missing(cell)) for cell in cells], dtype=bool),
        "images",
        "Give paths, the bytes of image files, arrays or PIL images; or another encoder for the column.",
    )
    return column, cells


def _unwrapped(cell):
    """Give the image of a Hugging Face cell ``{"bytes": ..., "path": ...}``, else the cell."""
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
