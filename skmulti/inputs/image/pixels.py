"""Pixels of one size from the image in a cell, whatever it is: a file, bytes, an array or a PIL image.

Pixels depend on the image and the encoder's parameters, never on what happens to be installed: OpenCV reads JPEG files
if ``decoder="opencv"`` says so, and it is an error if it is missing then. A JPEG file is read at a half, a quarter or
an eighth of its sides where that leaves enough pixels (see `_draft_scale`). An image is resized first and turned
upright last, so that only the pixels of the result are turned.
"""

import io
import os
import re
import struct
from functools import cache

import numpy as np
from PIL import ExifTags, Image

from ...errors import shorten
from .._cells import BYTES, PATHS, file_of
from . import opencv as _opencv
from .arrays import as_bytes, image_from_array
from .cells import NotImageError, UnreadableError, as_source, content_of, format_of, start_of

# No others, since Pillow would hand an .eps file to Ghostscript, and the code of some rare formats is old and unsafe.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "JPEG2000", "ICO", "PPM")
# Files of these formats have no signature, and Pillow may take anything for one of them. The name has to tell.
FORMATS_BY_NAME = {".tga": ("TGA",), ".dib": ("DIB",)}
# A package of its own lets Pillow open HEIC files, if the user registers it.
PLUGIN_FORMAT = "HEIF"
# Pillow's names of a JPEG file; an MPO file is one with further pictures behind the first.
JPEGS = ("JPEG", "MPO")
# Files with 16 bits a channel that Pillow opens as integers of 32 bits.
WIDE_FORMATS = ("PNG", "PPM")
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
# Longer strings are no path on any system.
LONGEST_PATH = 4096
# What people find in the place of an image, by how such files begin (in lower case).
OTHER_FILES = {
    b"%pdf": "a PDF file",
    b"<svg": "an SVG file, a drawing that has to be rendered first",
    b"<?xml": "an XML or SVG file",
    b"<!doctype html": "a web page; the download may have failed",
    b"<html": "a web page; the download may have failed",
    b"version https://git-lfs": "a pointer of Git LFS; run git lfs pull",
    b"pk\x03\x04": "a ZIP archive",
}


def decode_into(row, cell, decoder):
    """Write the pixels of one cell into `row`, which is all 0: uint8 of shape (height, width, channels).

    Raises
    ------
    NotImageError
        If the cell is no image: of another type, or an array with a wrong shape or range.
    UnreadableError
        If a file, its content or a PIL image cannot be read.
    """
    source = as_source(cell)
    if isinstance(source, np.ndarray):
        _draw(row, image_from_array(source, decoder), decoder)
        return
    try:
        if isinstance(source, Image.Image):
            _load(source)
            _draw(row, source, decoder)
            return
        # A file is drawn while it is open: Pillow has read its header only, and may still read it smaller.
        with open_file(source, decoder.folder) as file:
            _draw(row, file, decoder, is_jpeg=file.format in JPEGS)
    except NotImageError as error:
        raise UnreadableError(str(error)) from error
    except DAMAGE as error:
        raise UnreadableError(_failure_reason(error, source, decoder.folder)) from error


def open_file(source, folder):
    """Return the PIL image of a file, of which the header is read, by its name or its content."""
    if isinstance(source, str) and (content := content_of(source)) is not None:
        source = content
    if isinstance(source, BYTES):
        return Image.open(io.BytesIO(bytes(source)), formats=_known_formats())
    if isinstance(source, PATHS):
        path = file_of(source, folder)
        by_name = FORMATS_BY_NAME.get(path[-4:].lower(), ())
        return Image.open(path, formats=(*_known_formats(), *by_name))
    # The caller's file stays open, and so that it can be read again.
    source.seek(0)
    return Image.open(io.BytesIO(source.read()), formats=_known_formats())


def opens(source, folder):
    """Return whether the header of a file can be read, by its name or its content."""
    try:
        with open_file(source, folder):
            return True
    except DAMAGE:
        return False


def read_numbers(source, folder):
    """Return the pixels of a file or PIL image as an array if they are numbers of an unknown range, else None."""
    try:
        if isinstance(source, Image.Image):
            # The image itself is the user's, and stays open.
            return _numbers_of(source)
        with open_file(source, folder) as file:
            return _numbers_of(file)
    except (*DAMAGE, AssertionError, AttributeError):
        # An image that cannot be read says nothing; whether it is an error is for others to decide.
        return None


def _numbers_of(image):
    """Return the pixels of a PIL image if its mode does not tell what is white, else None."""
    return np.asarray(image) if image.mode in ("I", "F") and image.format not in WIDE_FORMATS else None


def _load(image):
    """Read the file of a PIL image that may be closed."""
    try:
        image.load()
    except (AssertionError, AttributeError) as error:
        # What Pillow raises depends on its version, and says nothing.
        raise ValueError("closed") from error


@cache
def _formats_of_pillow():
    """Return those formats that the installed Pillow knows."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _known_formats():
    """Return the formats that a file may have."""
    return (*_formats_of_pillow(), PLUGIN_FORMAT) if PLUGIN_FORMAT in Image.OPEN else _formats_of_pillow()


def _draw(row, image, decoder, is_jpeg=False):
    """Write a PIL image into a row; `is_jpeg` says that it is a JPEG file that is not loaded yet."""
    if not is_jpeg:
        # Before the orientation is asked for, since Pillow turns a TIFF file while it loads and then drops the entry.
        image.load()
    is_swapped, row_step, column_step = TURNS.get(_orientation(image), UPRIGHT)
    # Pillow's sizes are (width, height), and those of an image that lies on its side (height, width).
    mode, size = MODES[decoder.channels], row.shape[:2] if is_swapped else row.shape[1::-1]
    box, size = _fit_box(image.size, size, decoder.resize)
    pixels = _read_jpeg(image, mode, box, size, decoder) if is_jpeg else _resize_box(image, mode, box, size, decoder)
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
    return _resize_box(file, mode, tuple(edge / scale for edge in box), size, decoder)


def _draft_scale(box, size):
    """Return the factor, 1, 2, 4 or 8, by which a JPEG file may be read smaller before it is resized.

    The smaller picture must have at least 1.5 times the pixels that are wanted, and both of its
    sides must be longer than wanted. Compared with the whole file, resized, the pixels of the
    sharpest photo at hand then differ by less than 2 of 255 on average.
    """
    shrinks = (box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]
    fits = (s for s in (8, 4, 2) if min(shrinks) >= 1.05 * s and shrinks[0] * shrinks[1] >= 1.5 * s * s)
    return next(fits, 1)


def _resize_box(image, mode, box, size, decoder):
    """Return the box of a PIL image in a mode and at a size, as an array like that of `_read_jpeg`."""
    # The mode first: an image with a palette cannot be interpolated.
    return np.asarray(_convert_mode(image, mode, decoder).resize(size, Image.Resampling.BILINEAR, box))


def _convert_mode(image, mode, decoder):
    """Return a PIL image in another mode."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in WIDE_FORMATS):
        # Not by `convert`, which does not scale such values but clips them at 255.
        image = Image.fromarray((np.asarray(image, dtype="uint16") // 256).astype("uint8"))
    elif image.mode in ("I", "F"):
        image = Image.fromarray(as_bytes(np.asarray(image), decoder))
    elif image.mode == "La":
        # Pillow converts premultiplied grey to no other mode.
        image = image.convert("LA")
    if image.mode == mode:
        return image
    if mode != "RGBA" and "transparency" in image.info:
        # Pillow warns if it cannot carry the transparency over. The copy is for the user's own image.
        image = image.copy()
        del image.info["transparency"]
    return image.convert(mode)


def _failure_reason(error, source, folder):
    """Return in a few words why Pillow could not read a file or an image."""
    if "closed" in str(error):
        return "closed before it was read; call image.load() before that"
    # Pillow's own message comes last, since it may say no more than <_io.BytesIO object at 0x...>.
    if isinstance(source, PATHS) and not _is_content(source) and not os.path.exists(file_of(source, folder)):
        return _absence_reason(source, folder)
    if isinstance(error, BOMBS):
        return f"more pixels than PIL.Image.MAX_IMAGE_PIXELS allows: {Image.MAX_IMAGE_PIXELS:,}"
    if isinstance(error, Image.UnidentifiedImageError):
        return _format_reason(source, folder)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"{'truncated' if 'truncated' in str(error).lower() else 'damaged'} image: {error}"


def _is_content(source):
    """Return whether a string is the content of a file, as a ``data:`` URI or in base64."""
    try:
        return isinstance(source, str) and content_of(source) is not None
    except ValueError:
        return True


def _absence_reason(path, folder):
    """Return why no file has this path."""
    if re.match(r"(?!file:)\w+://", str(path), re.IGNORECASE):
        return "a web address; download the file first"
    if len(str(path)) > LONGEST_PATH:
        return f"{len(str(path)):,} characters that are no path, and no image in base64"
    if folder is None or os.path.isabs(file_of(path)):
        return "file not found"
    is_folder = os.path.isdir(os.path.expanduser(folder))
    return f"file not found in folder {shorten(str(folder))!r}{'' if is_folder else ', which does not exist'}"


def _format_reason(source, folder):
    """Return what a file is that Pillow does not take for an image."""
    if isinstance(source, str) and _is_content(source):
        source = content_of(source)
    start = start_of(file_of(source, folder) if isinstance(source, PATHS) else source)
    if not len(start):
        return "not an image: it is empty"
    name = format_of(start)
    if name == "HEIC":
        return "a HEIC file, which Pillow does not read; convert it to JPEG"
    if name is not None:
        return f"a damaged {name} file" if name in _known_formats() else f"a {name} file, which this Pillow cannot read"
    for signature, other in OTHER_FILES.items():
        if start.lstrip().lower().startswith(signature):
            return f"not an image but {other}"
    return f"not an image, or none of the formats {', '.join(_known_formats())}"
