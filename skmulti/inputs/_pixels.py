"""Images in the cells of a table to pixels of one size."""

import io
import os
import struct

import numpy as np
from PIL import Image, ImageOps

# Only these: Pillow would hand an .eps file to Ghostscript, and some rare formats are old, unsafe code.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
BYTES = (bytes, bytearray, memoryview)
PATHS = (str, os.PathLike)
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
# Pillow's decoders meet damaged files with any of these.
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, struct.error, *BOMBS)


class UnreadableError(Exception):
    """The image in a cell cannot be read; the message is the reason."""


def decode(cell, decoder):
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
        raise UnreadableError(_reason(error, cell)) from error
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
        raise UnreadableError("neither the shape nor the dtype of an image")
    if array.dtype == bool:
        array = array * 255
    elif array.dtype.kind == "f":
        if not (array.min() >= 0 and array.max() <= 1):
            raise UnreadableError(f"floats must lie in 0-1, these in {array.min():.6g} to {array.max():.6g}")
        array = np.rint(array.astype("float64") * 255)
    elif array.dtype.kind == "u" and array.dtype.itemsize == 2:
        array = array // 256
    elif array.min() < 0 or array.max() > 255:
        raise UnreadableError(f"integers must lie in 0-255, these in {array.min()} to {array.max()}")
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
