"""JPEG files that OpenCV reads and resizes, close to the pixels of Pillow; OpenCV need not be installed.

Each file that OpenCV would read in another way than Pillow is left to Pillow: the two may differ in how they smooth and
round, not in what a picture shows.
"""

import math

import numpy as np

# An axis that shrinks by less than this factor is not worth the time of smoothing.
SMOOTH_FROM = 1.25
# Above this factor a Gaussian filter is not like Pillow's triangle any more.
MOST_SHRINK = 2.5


def check_installed():
    """Refuse to go on without OpenCV, since another decoder would silently make other pixels."""
    try:
        # In the caller's thread, since OpenCV cannot be imported by two threads at once.
        import cv2  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'ImageDecoder(decoder="opencv") needs OpenCV, which cannot be imported here ({error}). Run "pip install '
            'opencv-python-headless", or use decoder="pillow" for both fit and predict.'
        ) from error


def read_jpeg(file, mode, box, size, scale):
    """Return the box of a JPEG file at a size, or None where the file is left to Pillow.

    Parameters
    ----------
    file : PIL image
        Opened, not loaded.
    mode : str
        The mode of the result.
    box : tuple of float
        (left, top, right, bottom) of the part to read, in pixels of the file.
    size : tuple of int
        (width, height) of the result.
    scale : {1, 2, 4, 8}
        Factor by which the file is read smaller.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, 3), uint8, or None
        The pixels. None for a fourth channel, CMYK colours, a box that ends within a pixel,
        a size far below that of the pixels that are read, and a damaged file.
    """
    left, top, right, bottom = edges = [edge / scale for edge in box]
    shrinks = (right - left) / size[0], (bottom - top) / size[1]
    # The two libraries convert CMYK in different ways.
    if mode not in ("L", "RGB") or file.mode not in ("L", "RGB"):
        return None
    # A slice of an array ends between two pixels.
    if any(edge % 1 for edge in edges) or max(shrinks) > MOST_SHRINK:
        return None
    # Pillow has read the header, and has the file open: it need not be opened a second time.
    file.fp.seek(0)
    pixels = _decode(file.fp.read(), mode, scale)
    if pixels is None:
        return None
    return _resize(pixels[int(top) : int(bottom), int(left) : int(right)], size, shrinks)


def _decode(content, mode, scale):
    """Return the pixels of a JPEG file, (height, width) or (height, width, 3) in blue, green, red; None if damaged."""
    import cv2

    # A whole file ends with this marker. OpenCV fills up a truncated one without a word, but Pillow refuses it.
    if not content.endswith(b"\xff\xd9"):
        return None
    colours = "COLOR" if mode == "RGB" else "GRAYSCALE"
    flag = getattr(cv2, f"IMREAD_REDUCED_{colours}_{scale}" if scale > 1 else f"IMREAD_{colours}")
    # The orientation is left to the caller, who turns the pixels of both decoders.
    try:
        return cv2.imdecode(np.frombuffer(content, dtype="uint8"), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None


def _resize(pixels, size, shrinks):
    """Return pixels at a size, as Pillow's antialiased bilinear filter makes them, in red, green, blue."""
    import cv2

    # OpenCV interpolates between neighbours only and would skip pixels in between; smoothing first lets them count.
    widths, sigmas = zip(*map(_blur_for, shrinks), strict=True)
    if max(widths) > 1:
        pixels = cv2.GaussianBlur(pixels, widths, *sigmas)
    pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if pixels.ndim == 3 else pixels


def _blur_for(shrink):
    """Return the width and deviation of the Gaussian filter after which interpolation weighs pixels as Pillow does.

    Interpolation weighs pixels by a triangle of half width 1, whose variance is 1/6. Pillow
    weighs them by a triangle of half width `shrink`. Variances add up, so the filter needs the
    variance by which the two differ.
    """
    variance = (shrink**2 - 1) / 6
    if shrink <= SMOOTH_FROM:
        return 1, 1.0
    if variance > 0.5:
        # Three deviations on either side leave out less than 0.3 % of the weight.
        return 2 * math.ceil(3 * variance**0.5) + 1, variance**0.5
    # Three samples of so narrow a bell have another variance than the bell: this deviation gives them the right one.
    return 3, (-0.5 / math.log(variance / (2 - 2 * variance))) ** 0.5
