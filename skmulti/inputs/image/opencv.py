"""JPEG files read and resized by OpenCV, which need not be installed."""

import math

import numpy as np

# An axis that shrinks less is not worth the time of smoothing.
SMOOTH_FROM = 1.25
# Above it a Gaussian filter is no longer like Pillow's.
MOST_SHRINK = 2.5


def check_installed():
    """Refuse to go on without OpenCV: another decoder would silently give other pixels."""
    try:
        # Here also because OpenCV cannot be imported by two threads at once.
        import cv2  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'ImageDecoder(decoder="opencv") needs OpenCV, which cannot be imported here ({error}). Run "pip install '
            'opencv-python-headless", or use decoder="pillow" for both fit and predict.'
        ) from error


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
        that ends within a pixel, pixels far fewer than those read, a damaged file.
    """
    left, top, right, bottom = edges = [edge / scale for edge in box]
    shrinks = (right - left) / size[0], (bottom - top) / size[1]
    if mode not in ("L", "RGB") or file.mode not in ("L", "RGB"):
        return None
    if any(edge % 1 for edge in edges) or max(shrinks) > MOST_SHRINK:
        return None
    file.fp.seek(0)
    pixels = _decode(file.fp.read(), mode, scale)
    if pixels is None:
        return None
    return _resize(pixels[int(top) : int(bottom), int(left) : int(right)], size, shrinks)


def _decode(content, mode, scale):
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


def _resize(pixels, size, shrinks):
    """Bring pixels to a size, as Pillow's antialiased bilinear filter does, and colours to red, green, blue."""
    import cv2

    widths, sigmas = zip(*map(_blur_of, shrinks), strict=True)
    if max(widths) > 1:
        pixels = cv2.GaussianBlur(pixels, widths, *sigmas)
    pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if pixels.ndim == 3 else pixels


def _blur_of(shrink):
    """Return width and deviation of the Gaussian filter after which interpolation weighs pixels as Pillow does.

    Interpolation weighs them by a triangle of half width 1, whose variance is 1/6; Pillow's
    triangle is `shrink` pixels wide. The filter makes up for the difference.
    """
    variance = (shrink**2 - 1) / 6
    if shrink <= SMOOTH_FROM:
        return 1, 1.0
    if variance > 0.5:
        return 2 * math.ceil(3 * variance**0.5) + 1, variance**0.5
    # Of three pixels: the deviation whose weights have this variance.
    return 3, (-0.5 / math.log(variance / (2 - 2 * variance))) ** 0.5
