"""JPEG files read and resized by OpenCV, which need not be installed."""

import importlib.util
import math

import numpy as np

# Shrinking by so little more than a draft did leaves nothing to smooth.
SMOOTH_FROM = 1.25


def check_installed():
    """Refuse to go on without OpenCV: another decoder would silently give other pixels."""
    if importlib.util.find_spec("cv2") is None:
        raise ImportError(
            'ImageDecoder(decoder="opencv") needs OpenCV, which is not installed here. Run "pip install '
            'opencv-python-headless", or use decoder="pillow" for both fit and predict.'
        )


def read_jpeg(file, mode, box, size, scale):
    """Read the box of a JPEG file at a size.

    Parameters
    ----------
    file : PIL image
        Opened, not loaded.
    mode : str
        The mode that is wanted.
    box : tuple of float
        (left, top, right, bottom) of the part that is wanted, in pixels of the file.
    size : tuple of int
        (width, height) that the part gets.
    scale : {1, 2, 4, 8}
        Factor by which the file is read smaller.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, 3), uint8, or None
        The pixels; None for what is left to Pillow: a fourth channel, CMYK colours, a box
        that ends within a pixel, a damaged file.
    """
    edges = [edge / scale for edge in box]
    if mode not in ("L", "RGB") or file.mode not in ("L", "RGB") or any(edge % 1 for edge in edges):
        return None
    file.fp.seek(0)
    pixels = _decoded(file.fp.read(), mode, scale)
    if pixels is None:
        return None
    left, top, right, bottom = map(int, edges)
    return _resized(pixels[top:bottom, left:right], size)


def _decoded(content, mode, scale):
    """Decode a JPEG file: ndarray of shape (height, width), or (height, width, 3) in blue, green, red; or None."""
    import cv2

    # OpenCV fills up a truncated file without a word.
    if not content.endswith(b"\xff\xd9"):
        return None
    colours = "COLOR" if mode == "RGB" else "GRAYSCALE"
    flag = getattr(cv2, f"IMREAD_REDUCED_{colours}_{scale}" if scale > 1 else f"IMREAD_{colours}")
    try:
        return cv2.imdecode(np.frombuffer(content, dtype="uint8"), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None


def _resized(pixels, size):
    """Bring pixels to a size, as Pillow's antialiased bilinear filter does, and colours to red, green, blue."""
    import cv2

    shrinks = pixels.shape[1] / size[0], pixels.shape[0] / size[1]
    if max(shrinks) > SMOOTH_FROM:
        pixels = cv2.sepFilter2D(pixels, -1, *map(_smoothing, shrinks))
    pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if pixels.ndim == 3 else pixels


def _smoothing(shrink):
    """Give the filter after which interpolation weighs the pixels as an antialiased one.

    Interpolation is a triangle of half width 1, whose variance is 1/6; the antialiased
    triangle's half width is `shrink`. The difference comes from filters of three pixels.
    """
    variance = max(shrink**2 - 1, 0) / 6
    n_filters = math.ceil(2 * variance)
    kernel = np.ones(1)
    for _ in range(n_filters):
        part = variance / n_filters
        kernel = np.convolve(kernel, [part / 2, 1 - part, part / 2])
    return kernel
