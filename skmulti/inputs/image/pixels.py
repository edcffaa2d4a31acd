"""Pixels of one size from the image in a cell, whatever it is: a file, bytes, an array or a PIL image.

Pixels depend on the image and the encoder's parameters, never on what happens to be installed: OpenCV reads JPEG files
if ``decoder="opencv"`` says so, and it is an error if it is missing then. A JPEG file is read at a half, a quarter or
an eighth of its sides where that leaves enough pixels (see `_draft_scale`). An image is resized first and turned
upright last, so that only the pixels of the result are turned.
"""

import io
import os
import struct

import numpy as np
from PIL import ExifTags, Image

from .._cells import BYTES, PATHS
from . import opencv as _opencv

# No others, since Pillow would hand an .eps file to Ghostscript, and the code of some rare formats is old and unsafe.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
# Pillow's names of a JPEG file; an MPO file is one with further pictures behind the first.
JPEGS = ("JPEG", "MPO")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
UPRIGHT = (False, 1, 1)
# By EXIF orientation: whether rows and columns are swapped; then the step through the rows, and through the columns.
TURNS = {
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}
# Pillow warns of a large image before it refuses a larger one; the warning is raised where warnings are errors.
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
# Pillow's decoders raise any of these for a damaged file.
DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, struct.error, *BOMBS)


class UnreadableError(Exception):
    """The image in a cell cannot be read; the message is the reason."""


def decode_into(row, cell, decoder):
    """Write the pixels of one cell into `row`, which is all 0: uint8 of shape (height, width, channels)."""
    try:
        if isinstance(cell, np.ndarray):
            _draw(row, _image_from_array(cell), decoder)
        elif isinstance(cell, Image.Image):
            _draw(row, cell, decoder)
        else:
            source = io.BytesIO(bytes(cell)) if isinstance(cell, BYTES) else cell
            # A file is drawn while it is open: Pillow has read its header only, and may still read it smaller.
            with Image.open(source, formats=FORMATS) as file:
                _draw(row, file, decoder, is_jpeg=file.format in JPEGS)
    except DAMAGE as error:
        raise UnreadableError(_failure_reason(error, cell)) from error


def _draw(row, image, decoder, is_jpeg=False):
    """Write a PIL image into a row; `is_jpeg` says that it is a JPEG file that is not loaded yet."""
    if not is_jpeg:
        # Before the orientation is asked for, since Pillow turns a TIFF file while it loads and then drops the entry.
        image.load()
    is_swapped, row_step, column_step = TURNS.get(_orientation(image), UPRIGHT)
    # Pillow's sizes are (width, height), and those of an image that lies on its side (height, width).
    mode, size = MODES[decoder.channels], row.shape[:2] if is_swapped else row.shape[1::-1]
    box, size = _fit_box(image.size, size, decoder.resize)
    pixels = _read_jpeg(image, mode, box, size, decoder) if is_jpeg else _resize_box(image, mode, box, size)
    pixels = (pixels.swapaxes(0, 1) if is_swapped else pixels)[::row_step, ::column_step]
    height, width = pixels.shape[:2]
    # With "pad" the pixels are fewer than the row has; the rest stays 0, which is black or transparent.
    top, left = (row.shape[0] - height) // 2, (row.shape[1] - width) // 2
    row[top : top + height, left : left + width] = pixels.reshape(height, width, -1)


def _orientation(image):
    """Return the EXIF orientation of an image, a number from 1 to 8, or None if it has none."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except DAMAGE:
        # Viewers also show an image as it is stored if its EXIF block is damaged.
        return None


def _fit_box(image_size, size, resize):
    """Return the part of an image that is shown, (left, top, right, bottom), and its new (width, height)."""
    width, height = image_size
    if resize == "crop":
        # Edges may lie within a pixel: Pillow weighs it by its share. `min`, since Pillow refuses a box that is larger
        # than the image, if only by rounding.
        shape = size[0] / size[1]
        shown = min(width, height * shape), min(height, width / shape)
        left, top = (width - shown[0]) / 2, (height - shown[1]) / 2
        return (left, top, min(width, left + shown[0]), min(height, top + shown[1])), size
    if resize == "pad":
        scale = min(size[0] / width, size[1] / height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
    return (0, 0, width, height), size


def _read_jpeg(file, mode, box, size, decoder):
    """Return the box of a JPEG file at a size: ndarray of shape (height, width) or (height, width, channels)."""
    # Decoders of JPEG can leave out fine detail while they decode, which is faster than to resize the whole picture.
    scale = _draft_scale(box, size)
    if decoder.decoder == "opencv":
        # None: OpenCV does not read this file as Pillow would.
        pixels = _opencv.read_jpeg(file, mode, box, size, scale)
        if pixels is not None:
            return pixels
    file.draft(mode, tuple(side // scale for side in file.size))
    return _resize_box(file, mode, tuple(edge / scale for edge in box), size)


def _draft_scale(box, size):
    """Return the factor, 1, 2, 4 or 8, by which a JPEG file may be read smaller before it is resized.

    The smaller picture must have at least 1.5 times the pixels that are wanted, and both of its
    sides must be longer than wanted. Compared with the whole file, resized, the pixels of the
    sharpest photo at hand then differ by less than 2 of 255 on average.
    """
    shrinks = (box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]
    fits = (s for s in (8, 4, 2) if min(shrinks) >= 1.05 * s and shrinks[0] * shrinks[1] >= 1.5 * s * s)
    return next(fits, 1)


def _resize_box(image, mode, box, size):
    """Return the box of a PIL image in a mode and at a size, as an array like that of `_read_jpeg`."""
    # The mode first: an image with a palette cannot be interpolated.
    return np.asarray(_convert_mode(image, mode).resize(size, Image.Resampling.BILINEAR, box))


def _convert_mode(image, mode):
    """Return a PIL image in another mode."""
    # Older versions of Pillow open a grey PNG file of 16 bits as integers of 32 bits.
    is_16_bit = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")
    if is_16_bit or image.mode in ("I", "F"):
        # Not by `convert`, which does not scale such values but clips them at 255.
        image = _image_from_array(np.asarray(image, dtype="uint16" if is_16_bit else None))
    if image.mode == mode:
        return image
    if mode != "RGBA" and "transparency" in image.info:
        # Pillow warns if it cannot carry the transparency over. The copy is for the user's own image.
        image = image.copy()
        del image.info["transparency"]
    return image.convert(mode)


def _image_from_array(array):
    """Return an array as a PIL image of mode L, RGB or RGBA, or raise with the reason why it is none."""
    array = array[:, :, None] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[2] not in MODES or not array.size or array.dtype.kind not in "buif":
        raise UnreadableError("neither the shape nor the dtype of an image")
    if array.dtype == bool:
        array = array * 255
    elif array.dtype.kind == "f":
        # Asked in this way, NaN is refused, too.
        if not (array.min() >= 0 and array.max() <= 1):
            raise UnreadableError(f"floats must lie in 0-1, these in {array.min():.6g} to {array.max():.6g}")
        array = np.rint(array.astype("float64") * 255)
    elif array.dtype.kind == "u" and array.dtype.itemsize == 2:
        array = array // 256
    elif array.dtype != np.uint8 and (array.min() < 0 or array.max() > 255):
        raise UnreadableError(f"integers must lie in 0-255, these in {array.min()} to {array.max()}")
    array = array.astype("uint8", copy=False)
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def _failure_reason(error, cell):
    """Return in a few words why Pillow could not read a cell."""
    # Pillow's own message comes last, since it may say no more than <_io.BytesIO object at 0x...>.
    if isinstance(cell, PATHS) and not os.path.exists(cell):
        return "a web address; download the file first" if "://" in str(cell) else "file not found"
    if isinstance(error, BOMBS):
        return f"more pixels than PIL.Image.MAX_IMAGE_PIXELS allows: {Image.MAX_IMAGE_PIXELS:,}"
    if isinstance(error, Image.UnidentifiedImageError):
        return f"not an image, or none of the formats {', '.join(FORMATS)}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"{'truncated' if 'truncated' in str(error).lower() else 'damaged'} image: {error}"
