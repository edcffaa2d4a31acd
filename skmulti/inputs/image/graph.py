"""`ImageDecoder` in a graph: the content of a file becomes pixels of one size.

TensorFlow reads PNG, JPEG, GIF and BMP files with the libraries that Pillow uses, and resizes with the same antialiased
triangles. The steps are those of `pixels`: a JPEG file is read at a fraction of its size, resized, and turned upright.
"""

import os
from functools import partial

import tensorflow as tf

from ..graphs import MISSING, ColumnTensor, EncoderGraph
from .pixels import TURNS, UPRIGHT

_FORMATS = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff", "GIF": b"GIF8", "BMP": b"BM"}
# The orientation of a photo is in the first bytes of its file, for a JPEG file within 64 KiB.
_HEAD = 2**16 + 64
_ORIENTATION_TAG = 0x0112
_FORMATS_READ = "PNG, JPEG, GIF or BMP"


class ImageGraph(EncoderGraph):
    """Decode images to pixels of one size.

    Parameters
    ----------
    size : tuple of int
        (height, width).
    channels : {1, 3, 4}
        As in `ImageDecoder`.
    resize : {"stretch", "crop", "pad"}
        As in `ImageDecoder`.
    reads_paths : bool
        Whether a text that is no content of a file names one.
    folder : str or None
        What relative paths are relative to.
    """

    def __init__(self, size, channels, resize, *, reads_paths, folder):
        where = f", or the path of such a file{'' if folder is None else f' in {folder}'}" if reads_paths else ""
        super().__init__([ColumnTensor("string", f"the content of a {_FORMATS_READ} file{where}")])
        self._size, self._channels, self._resize = tuple(size), channels, resize
        self._reads_paths, self._folder = reads_paths, folder

    def encode(self, cells):
        """Return pixels (n_rows, height, width, channels), uint8; see `EncoderGraph.encode`."""
        shape = (*self._size, self._channels)
        blank = tf.zeros(shape, tf.uint8)

        def draw(cell):
            pixels = tf.cond(cell == MISSING, lambda: blank, lambda: self._draw(self._content(cell)))
            return tf.ensure_shape(pixels, shape)

        return tf.map_fn(draw, cells, fn_output_signature=tf.TensorSpec(shape, tf.uint8))

    def _content(self, cell):
        """Return the content of the file that a cell holds or names."""
        if not self._reads_paths:
            return cell
        is_content = tf.reduce_any([_begins(cell, signature) for signature in _FORMATS.values()])
        path = cell
        if self._folder is not None:
            is_absolute = tf.strings.regex_full_match(cell, r"(?s)(/|\w+://).*")
            path = tf.where(is_absolute, cell, tf.strings.join([os.path.join(self._folder, ""), cell]))
        return tf.cond(is_content, lambda: cell, lambda: tf.io.read_file(path))

    def _draw(self, content):
        """Return the pixels of a file, uint8."""
        is_jpeg = _begins(content, _FORMATS["JPEG"])
        known = tf.reduce_any([_begins(content, signature) for signature in _FORMATS.values()])
        tf.debugging.Assert(known, [f"an image must be a {_FORMATS_READ} file", tf.strings.substr(content, 0, 16)])
        orientation = _orientation(content)
        is_swapped = orientation >= 5
        size = tf.where(is_swapped, self._size[::-1], self._size)
        image_size = tf.cond(
            is_jpeg,
            lambda: tf.cast(tf.io.extract_jpeg_shape(content)[:2], tf.float64),
            lambda: tf.zeros(2, tf.float64),
        )
        pixels, scale = tf.cond(
            is_jpeg, lambda: self._read_jpeg(content, image_size, size), lambda: self._read(content)
        )
        image_size = tf.cond(is_jpeg, lambda: image_size, lambda: tf.cast(tf.shape(pixels)[:2], tf.float64))
        start, shown, size = self._fit_box(image_size, size)
        pixels = _resize(pixels, start / scale, shown / scale, size, self._channels == 4)
        return self._center(_turn(pixels, orientation))

    def _read_jpeg(self, content, image_size, size):
        """Return a JPEG file at a fraction of its size, as Pillow reads it, and the divisor."""
        _, shown, size = self._fit_box(image_size, size)
        shrinks = shown / tf.cast(size, tf.float64)
        # See `pixels._draft_scale`.
        scale = tf.constant(1, tf.int32)
        for s in (2, 4, 8):
            fits = (tf.reduce_min(shrinks) >= 1.05 * s) & (tf.reduce_prod(shrinks) >= 1.5 * s * s)
            scale = tf.where(fits, s, scale)
        read = partial(tf.io.decode_jpeg, content, channels=min(self._channels, 3), dct_method="INTEGER_ACCURATE")
        which = tf.where(scale == 8, 3, scale // 2)
        pixels = tf.switch_case(which, [partial(read, ratio=ratio) for ratio in (1, 2, 4, 8)])
        return self._with_alpha(pixels), tf.cast(scale, tf.float64)

    def _read(self, content):
        """Return a PNG, GIF or BMP file, and the divisor 1."""
        pixels = tf.case(
            [
                (_begins(content, _FORMATS["PNG"]), lambda: self._read_png(content)),
                (_begins(content, _FORMATS["GIF"]), lambda: self._from_colours(_read_gif(content))),
            ],
            default=lambda: self._from_colours(_read_bmp(content)),
        )
        return tf.ensure_shape(pixels, [None, None, self._channels]), tf.constant(1, tf.float64)

    def _read_png(self, content):
        """Return a PNG file; TensorFlow weighs colours in another way, and reads alpha of few bits as noise."""
        if self._channels < 4:
            return self._from_colours(tf.io.decode_png(content, channels=3))
        head = tf.io.decode_raw(tf.strings.substr(content, 0, 26), tf.uint8)
        is_plain = (head[24] < 8) & (head[25] == 0)
        message = "a PNG file of few grey tones with a transparent one is not read here; give one in colours"
        tf.debugging.Assert(~is_plain | ~tf.strings.regex_full_match(content, r"(?s)\C*tRNS\C*"), [message])
        return tf.cond(
            is_plain,
            lambda: self._with_alpha(tf.io.decode_png(content, channels=3)),
            lambda: tf.io.decode_png(content, channels=4),
        )

    def _from_colours(self, pixels):
        """Return pixels of three colours with the channels that are wanted."""
        if self._channels > 1:
            return self._with_alpha(pixels)
        weights = tf.constant([[19595], [38470], [7471]], tf.int32)
        grey = tf.tensordot(tf.cast(pixels, tf.int32), weights, 1)
        return tf.cast((grey + 2**15) // 2**16, tf.uint8)

    def _with_alpha(self, pixels):
        """Return pixels with an opaque fourth channel if there is to be one."""
        if self._channels < 4:
            return pixels
        return tf.concat([pixels, tf.fill([*tf.unstack(tf.shape(pixels)[:2]), 1], tf.constant(255, tf.uint8))], axis=2)

    def _fit_box(self, image_size, size):
        """Return start and size of the part that is shown, float64, and its new size: each (height, width)."""
        start = tf.zeros(2, tf.float64)
        wanted = tf.cast(size, tf.float64)
        if self._resize == "crop":
            ratio = wanted / wanted[::-1]
            shown = tf.minimum(image_size, image_size[::-1] * ratio)
            return (image_size - shown) / 2, shown, size
        if self._resize == "pad":
            # Python rounds a half to the even number, and so does TensorFlow.
            scale = tf.reduce_min(wanted / image_size)
            size = tf.maximum(1, tf.cast(tf.round(image_size * scale), tf.int32))
        return start, image_size, size

    def _center(self, pixels):
        """Return pixels in the middle of an image of the wanted size."""
        free = tf.constant(self._size) - tf.shape(pixels)[:2]
        before = free // 2
        return tf.pad(pixels, tf.concat([tf.stack([before, free - before], axis=1), [[0, 0]]], axis=0))


def _begins(content, signature):
    return tf.strings.substr(content, 0, len(signature)) == signature


def _read_gif(content):
    """Return the first picture of a GIF file; one with transparent pixels is refused."""
    head = tf.io.decode_raw(tf.strings.substr(content, 0, 13 + 768 + 4096), tf.uint8)
    # The block that says which colour is transparent: 21 F9 04, then a bit.
    block = (head[:-3] == 0x21) & (head[1:-2] == 0xF9) & (head[2:-1] == 4) & (head[3:] % 2 == 1)
    tf.debugging.Assert(~tf.reduce_any(block), ["a GIF file with transparent pixels is not read here; give a PNG file"])
    return tf.image.decode_gif(content)[0]


def _read_bmp(content):
    """Return the colours of a BMP file of 24 or 32 bits a pixel without compression; others are refused."""
    head = tf.cast(tf.io.decode_raw(tf.strings.substr(content, 0, 34), tf.uint8), tf.int32)
    bits = head[28] + 256 * head[29]
    message = "a BMP file must have 24 or 32 bits a pixel and no compression; give a PNG file"
    tf.debugging.Assert(((bits == 24) | (bits == 32)) & tf.reduce_all(head[30:34] == 0), [message])
    return tf.image.decode_bmp(content)[:, :, :3]


def _resize(pixels, start, shown, size, has_alpha):
    """Return a part of an image at a size, as Pillow's antialiased BILINEAR, uint8."""
    values = tf.cast(pixels, tf.float32)
    if has_alpha:
        # As Pillow: colours count by how opaque their pixels are.
        alpha = values[:, :, 3:]
        values = tf.concat([tf.floor(values[:, :, :3] * alpha / 255 + 0.5), alpha], axis=2)
    scale = tf.cast(tf.cast(size, tf.float64) / shown, tf.float32)
    shift = tf.cast(-start, tf.float32) * scale
    # As Pillow: first the columns, rounded to bytes, then the rows.
    height = tf.shape(pixels)[0]
    resized = _resize_once(values, tf.stack([height, size[1]]), [1.0, scale[1]], [0.0, shift[1]])
    resized = _resize_once(resized, size, [scale[0], 1.0], [shift[0], 0.0])
    if has_alpha:
        alpha = resized[:, :, 3:]
        colours = tf.minimum(tf.floor(255 * resized[:, :, :3] / tf.maximum(alpha, 1)), 255)
        resized = tf.concat([tf.where(alpha % 255 == 0, resized[:, :, :3], colours), alpha], axis=2)
    return tf.cast(resized, tf.uint8)


def _resize_once(values, size, scale, translation):
    """Return an image at a size, by antialiased triangles, rounded to whole numbers of 0-255."""
    resized = tf.raw_ops.ScaleAndTranslate(
        images=values[None],
        size=size,
        scale=tf.stack(scale),
        translation=tf.stack(translation),
        kernel_type="triangle",
        antialias=True,
    )[0]
    return tf.clip_by_value(tf.floor(resized + 0.5), 0, 255)


def _turn(pixels, orientation):
    """Return an image turned upright, by its EXIF orientation."""

    def turned(is_swapped, row_step, column_step):
        image = tf.transpose(pixels, [1, 0, 2]) if is_swapped else pixels
        return image[::row_step, ::column_step]

    turns = [partial(turned, *turn) for turn in (UPRIGHT, *TURNS.values())]
    return tf.switch_case(orientation - 1, turns)


def _orientation(content):
    """Return the EXIF orientation of a JPEG or PNG file, from 1 to 8; 1 if it has none."""
    head = tf.cast(tf.io.decode_raw(tf.strings.substr(content, 0, _HEAD), tf.uint8), tf.int32)
    found = tf.reduce_any([_begins(content, _FORMATS[name]) for name in ("JPEG", "PNG")])
    # What a file says behind "Exif" and two zeros in a JPEG file, and behind "eXIf" in a PNG file.
    jpeg, png = _place_of(head, b"Exif\0\0"), _place_of(head, b"eXIf")
    start = tf.where(jpeg >= 0, jpeg + 6, tf.where(png >= 0, png + 4, -1))
    return tf.cond(found & (start >= 0), lambda: _read_orientation(head[start:]), lambda: tf.constant(1))


def _place_of(codes, text):
    """Return where a text begins among bytes, -1 if it is not there."""
    count = tf.maximum(tf.size(codes) - len(text) + 1, 0)
    same = tf.ones([count], tf.bool)
    for i, code in enumerate(text):
        same &= codes[i : i + count] == code
    return tf.cond(tf.reduce_any(same), lambda: tf.argmax(same, output_type=tf.int32), lambda: tf.constant(-1))


def _read_orientation(block):
    """Return the orientation that an EXIF block holds: numbers in either order of bytes, and a list of entries."""
    # Zeros behind it, so that a block that is cut off holds no orientation.
    block = tf.pad(block, [[0, 64]])
    powers = tf.cond(block[0] == ord("I"), lambda: tf.constant([1, 256]), lambda: tf.constant([256, 1]))
    last = tf.size(block) - 2

    def number(places):
        """Return numbers of 16 bits."""
        places = tf.clip_by_value(places, 0, last)
        return tf.gather(block, places) * powers[0] + tf.gather(block, places + 1) * powers[1]

    # The lower half of the place of the first list of entries: it is near the start.
    first = tf.where(powers[0] == 1, number(4), number(6))
    entries = first + 2 + 12 * tf.range(number(first))
    values = number(tf.boolean_mask(entries, number(entries) == _ORIENTATION_TAG) + 8)
    orientation = tf.concat([values, [1]], axis=0)[0]
    return tf.where((orientation >= 1) & (orientation <= 8), orientation, 1)
