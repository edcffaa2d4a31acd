"""What a cell of images may be, and how it is told from a cell of anything else, without decoding it.

Whatever people put into a cell becomes one of four things (`as_source`): the name of a file, the content of a file, a
PIL image or an array of numbers. `sort_of` says what a cell seems to be, for the default router.
"""

import base64
import binascii
import os
import re
from contextlib import suppress
from urllib.parse import unquote_to_bytes

import numpy as np
import pandas as pd
from PIL import Image

from .._cells import BYTES, PATHS, file_of

# How names of image files end. Not all of these files can be read (HEIC): the error then says so.
EXTENSIONS = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".avif"),
    *(".jp2", ".j2k", ".jpc", ".jpf", ".jpx", ".j2c", ".ico", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".tga"),
    *(".heic", ".heif"),
)
NUMBER_EXTENSIONS = (".tif", ".tiff", ".pfm")
# The most common first bytes of the files of each format; `format_of` knows the formats that need more than these.
SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n": "JPEG2000",
    b"\xff\x4f\xff\x51": "JPEG2000",
}
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# Bytes at the start of a file that tell its format.
START = 64
# A text is looked at as base64 from this length on. A picture of one pixel has more characters.
BASE64_LENGTH = 64
# How many channels an array may have: grey, grey with alpha, red-green-blue, and these with alpha.
CHANNELS = (1, 2, 3, 4)


class NotImageError(Exception):
    """A cell holds no image; the message is what was found in it."""


class UnreadableError(Exception):
    """The image in a cell cannot be read; the message is the reason."""


def unwrap(cell):
    """Return the image of a Hugging Face cell ``{"bytes": ..., "path": ...}``, else the cell."""
    if isinstance(cell, dict) and {"bytes", "path"} & cell.keys():
        return cell.get("path") if cell.get("bytes") is None else cell["bytes"]
    return cell


def is_missing(cell):
    """Return whether a cell holds no image."""
    # Not `pd.isna`, which looks at each element of an array.
    return cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float | np.floating) and cell != cell)


def is_file(cell):
    """Return whether a cell is the name or the content of a file, or an open file."""
    return isinstance(cell, (*PATHS, *BYTES)) or hasattr(cell, "read")


def may_hold_numbers(cell):
    """Return whether a file may hold floats, or integers of 32 bits: a TIFF or PFM file."""
    if isinstance(cell, PATHS):
        return str(cell).lower().endswith(NUMBER_EXTENSIONS)
    return isinstance(cell, BYTES) and format_of(bytes(cell[:START])) in ("TIFF", "PPM")


def as_source(cell):
    """Return the name or the content of a file, a PIL image, an open file or an array; or raise `NotImageError`.

    An array is (height, width) or has a third axis of channels, first or last.
    """
    if is_file(cell) or isinstance(cell, Image.Image):
        return cell
    array = _as_array(cell)
    # TensorFlow keeps a string, or the content of a file, as a tensor without axes.
    if array.ndim == 0 and isinstance(array.item(), str | bytes):
        return array.item()
    # OpenCV returns the content of a file as an array of bytes.
    if array.dtype == np.uint8 and array.ndim == 1 and format_of(array[:START].tobytes()):
        return array.tobytes()
    array = array[0] if array.ndim == 4 and len(array) == 1 else array
    if array.dtype.kind not in "buif":
        raise NotImageError("not the dtype of an image")
    if not array.size:
        raise NotImageError("empty")
    if array.ndim != 2 and not (array.ndim == 3 and {array.shape[0], array.shape[2]} & {*CHANNELS}):
        raise NotImageError("not the shape of an image")
    return array


def _as_array(cell):
    """Return a list, an array or a tensor of whatever framework as an array."""
    is_array = hasattr(cell, "__array__") and not isinstance(cell, np.generic)
    if not (is_array or isinstance(cell, list | tuple) or hasattr(cell, "numpy")):
        raise NotImageError(f"type {type(cell).__name__}")
    # A masked pixel is not known, and black stands for that as in a missing image.
    cell = cell.filled(0) if isinstance(cell, np.ma.MaskedArray) else cell
    try:
        # A tensor of PyTorch that has gradients, or lies on a GPU, is no array until it is taken from there.
        cell = cell.detach().cpu() if hasattr(cell, "detach") else cell
        array = np.asarray(cell if is_array or not hasattr(cell, "numpy") else cell.numpy())
        # Nested lists come from a Parquet file as arrays of arrays: each step joins those of one level.
        while array.dtype == object and array.ndim:
            n_axes, array = array.ndim, np.asarray(array.tolist())
            if array.ndim == n_axes:
                break
    except (ValueError, TypeError, RuntimeError) as error:
        raise NotImageError("not a rectangle of numbers") from error
    # Python's numbers of half precision for neural networks are no dtype of NumPy's own.
    return array.astype("float32") if array.dtype.name == "bfloat16" else array


def content_of(text):
    """Return the bytes of a file that a string holds, as a ``data:`` URI or in base64, or None for other strings."""
    if text[:5].lower() == "data:":
        header, _, payload = text.partition(",")
        return _from_base64(payload) if header.lower().endswith(";base64") else unquote_to_bytes(payload)
    return _from_base64(text) if _is_base64(text) else None


def read_base64(text):
    """Return the bytes that a text holds, as a ``data:`` URI or in base64, or raise ValueError."""
    if text[:5].lower() == "data:":
        return content_of(text)
    try:
        return _from_base64(text)
    except ValueError as error:
        raise ValueError("not the content of a file in base64, nor a data: URI.") from error


def _is_base64(text):
    """Return whether a string is the content of an image file in base64."""
    # Most long texts have words, and need no further look.
    if len(text) < BASE64_LENGTH or " " in text[:BASE64_LENGTH]:
        return False
    start = "".join(text[: 2 * BASE64_LENGTH].split())
    with suppress(ValueError):
        return format_of(_from_base64(start[: len(start) // 4 * 4])) is not None
    return False


def _from_base64(text):
    """Return the bytes that a text writes in base64, in either alphabet, wrapped or not."""
    text = re.sub(r"\s", "", text).rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64") from error


def format_of(start):
    """Return the name of the image format of a file by its first bytes, or None if it is no image."""
    for signature, name in SIGNATURES.items():
        if start.startswith(signature):
            return name
    # These formats have a size, or other numbers, between what tells them.
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[4:8] == b"ftyp":
        brands = {start[i : i + 4] for i in range(8, len(start), 4)}
        return "AVIF" if brands & {b"avif", b"avis"} else "HEIC" if brands & {*HEIC_BRANDS} else None
    if start[:2] == b"BM" and start[6:10] == bytes(4):
        return "BMP"
    if start[:4] == b"\x00\x00\x01\x00" and start[4:6] != bytes(2) and start[9:10] == b"\x00":
        return "ICO"
    return "PPM" if re.match(rb"P[1-6fF]\s", start) else None


def sort_of(cell):
    """Return what sort of image a cell seems to be, without decoding it, or None if it seems to be none."""
    cell = unwrap(cell)
    if isinstance(cell, str):
        return _sort_of_text(cell)
    if isinstance(cell, BYTES):
        return "encoded images" if format_of(bytes(cell[:START])) else None
    if isinstance(cell, os.PathLike):
        # A string without an extension may be any word, but a path is one of a file.
        return _sort_of_text(str(cell)) or ("paths of images" if _starts_as_image(cell) else None)
    if isinstance(cell, Image.Image):
        return "PIL images"
    if hasattr(cell, "read"):
        return "encoded images" if _starts_as_image(cell) else None
    try:
        source = as_source(cell)
    except NotImageError:
        return None
    return sort_of(source) if not isinstance(source, np.ndarray) else _sort_of_array(source)


def _sort_of_text(text):
    """Return what sort of image a string seems to be: a path, or the content of a file."""
    if text.lower().endswith(EXTENSIONS):
        return None if re.match(r"(?!file:)\w+://", text, re.IGNORECASE) else "paths of images"
    return "encoded images" if text[:11].lower() == "data:image/" or _is_base64(text) else None


def _starts_as_image(source):
    """Return whether a file, by its name or open, begins like a file of an image format."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        return format_of(start_of(source)) is not None
    return False


def _sort_of_array(array):
    """Return what sort of image an array seems to be."""
    if array.dtype != np.uint8:
        low, high = range_of(array)
        # Two axes of other numbers are the steps of a sequence, and three are read by no encoder but this one. Floats
        # beyond 255 are measurements rather than brightness. NaN is compared as false.
        if array.ndim == 2 or not 0 <= low <= high <= (255 if array.dtype.kind == "f" else 65535):
            return None
    return f"{array.dtype.name} pixel arrays"


def range_of(array):
    """Return the smallest and the largest number of an array."""
    # As Python's numbers, since those of float16 cannot be compared with 65535.
    return array.min().item(), array.max().item()


def start_of(source):
    """Return the first bytes of a file by its name, of its content, or of an open file."""
    if isinstance(source, BYTES):
        return bytes(source[:START])
    if isinstance(source, PATHS):
        with open(file_of(source), "rb") as file:
            return file.read(START)
    position = source.tell()
    start = source.read(START)
    source.seek(position)
    return start if isinstance(start, bytes) else b""
