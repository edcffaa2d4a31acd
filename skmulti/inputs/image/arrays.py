"""Arrays of pixels: which axis holds the channels, which number is white, and how both become a PIL image.

A single array does not tell. A dark picture of numbers from 0 to 255 may hold nothing above 1, and (3, 32, 3) may have
its channels at either end. The other arrays of the column tell, so the encoder counts over the training rows
(`ArrayCounts`) and remembers what it found.
"""

from dataclasses import dataclass, fields

import numpy as np
from PIL import Image

from .cells import CHANNELS, NotImageError, range_of

# What rounding brings back into the range may be a little beyond it: interpolation leaves 1.0000001.
TOLERANCE = 0.4 / 255


@dataclass
class ArrayCounts:
    """What the training arrays of a column say; each field counts arrays.

    Parameters
    ----------
    first, last : int
        The channels can only be the first axis, or only the last one.
    floats, high_floats : int
        Arrays of floats that are not black, and those of them with a number above 1.
    ints, high_ints : int
        The same of integers of more than 8 bits, and those above 255.
    """

    first: int = 0
    last: int = 0
    floats: int = 0
    high_floats: int = 0
    ints: int = 0
    high_ints: int = 0

    def add(self, array):
        """Count one array, as `cells.as_source` returns it."""
        is_first, is_last = _channel_ends(array)
        self.first += is_first and not is_last
        self.last += is_last and not is_first
        if array.dtype.kind not in "fiu" or array.dtype == np.uint8:
            return
        low, high = range_of(array)
        # Black, and what is no brightness in any range, teach nothing. NaN is compared as false.
        if array.dtype.kind == "f" and low >= 0 and 0 < high <= 255:
            self.floats += 1
            self.high_floats += high > 1 + TOLERANCE
        elif array.dtype.kind in "iu" and low >= 0 and 0 < high <= 65535:
            self.ints += 1
            self.high_ints += high > 255

    def __add__(self, other):
        """Return the counts of two sets of rows together."""
        return ArrayCounts(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    @property
    def channels_first(self):
        """Whether most arrays have their channels first."""
        return bool(self.first > self.last)

    @property
    def float_white(self):
        """The float that stands for white: 1, or 255 if at least half of the arrays go beyond 1."""
        # Not as soon as some do: those few are refused, while a wrong 255 would make all others black in silence.
        return 255 if self.floats and 2 * self.high_floats >= self.floats else 1

    @property
    def int_white(self):
        """The integer that stands for white: 255 or 65535, or None if no array shows it."""
        return (65535 if 2 * self.high_ints >= self.ints else 255) if self.ints else None


def _channel_ends(array):
    """Return whether the first axis may be that of channels, and whether the last one may be."""
    return (array.ndim == 3 and array.shape[0] in CHANNELS), (array.ndim == 3 and array.shape[2] in CHANNELS)


def image_from_array(array, decoder):
    """Return an array as a PIL image of mode L, LA, RGB or RGBA, or raise `NotImageError` with what is wrong."""
    is_first, is_last = _channel_ends(array)
    if is_first and not (is_last and not decoder.channels_first_):
        array = np.moveaxis(array, 0, 2)
    array = as_bytes(array, decoder)
    return Image.fromarray(array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array)


def as_bytes(array, decoder):
    """Return numbers of any dtype as uint8, 255 for white, or raise `NotImageError`."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array * np.uint8(255)
    if array.dtype.kind == "f":
        white = decoder.float_white_
        _check_range(array, white, white * TOLERANCE)
        return np.rint(array.astype("float64") * (255 / white)).astype("uint8")
    white = decoder.int_white_ or (65535 if array.dtype.kind == "u" and array.dtype.itemsize == 2 else 255)
    _check_range(array, white, 0)
    return (array // ((white + 1) // 256)).astype("uint8")


def _check_range(array, white, tolerance):
    """Refuse an array with numbers below 0 or above white."""
    low, high = range_of(array)
    # Asked in this way, NaN is refused, too.
    if not (low >= -tolerance and high <= white + tolerance):
        numbers = "floats" if array.dtype.kind == "f" else "integers"
        # Floats of 0 to 255 are what most others are.
        scale = "; divide by 255" if array.dtype.kind == "f" and white == 1 and low >= 0 and 1 < high <= 255 else ""
        raise NotImageError(f"{numbers} must lie in 0-{white}, these lie in {low:.6g} to {high:.6g}{scale}")
