"""Images in every form that people have them: every one gives the pixels that Pillow reads."""

import base64
import io
import os
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

from skmulti import InputRouter
from skmulti.errors import InputMismatchError
from skmulti.inputs.image import ImageDecoder
from skmulti.inputs.image.cells import format_of

COLOURS = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype="uint8")
LARGE = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype="uint8")
FORMATS = ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "JPEG2000", "ICO", "PPM"]
BINARY = {"PNG": "image/png", "JPEG": "image/jpeg"}


def encoded(image, file_format="PNG", **options):
    file = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(file, file_format, **options)
    return file.getvalue()


def encoded_or_skip(file_format, **options):
    """Encode a picture, if the installed Pillow knows the format."""
    try:
        return encoded(LARGE, file_format, **options)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {file_format}")


def by_pillow(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def decoded(cell, **parameters):
    return ImageDecoder(**{"size": (8, 8), **parameters}).fit_transform([cell])[0]


def objects(cells):
    return pd.Series([*cells, None], dtype=object)[:-1]


# --- Formats ---


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_is_recognised_and_read(file_format, tmp_path):
    content = encoded_or_skip(file_format)
    path = tmp_path / "no_extension"
    path.write_bytes(content)

    assert format_of(content[:64]) == file_format
    assert ImageDecoder.suits(objects([content])) == "encoded images"
    assert ImageDecoder.suits(objects([path])) == "paths of images"
    for cell in (content, path, str(path)):
        np.testing.assert_array_equal(decoded(cell, size=(32, 32)), by_pillow(content))


@pytest.mark.parametrize(
    ("extension", "options"),
    [("tif", {"compression": "tiff_lzw"}), ("tiff", {"big_tiff": True}), ("webp", {"lossless": True}), ("tga", {})],
)
@pytest.mark.parametrize("upper", [False, True])
def test_files_of_lossless_formats_keep_their_pixels(extension, options, upper, tmp_path):
    path = str(tmp_path / f"a.{extension.upper() if upper else extension}")
    Image.fromarray(COLOURS).save(path, **options)

    assert ImageDecoder.suits(pd.Series([path])) == "paths of images"
    np.testing.assert_array_equal(decoded(path), COLOURS)


@pytest.mark.parametrize("extension", ["jpeg", "jpe", "jfif", "jp2", "j2k", "avif", "ico", "ppm", "pgm", "heic", "TGA"])
def test_paths_are_recognised_by_their_extension(extension):
    assert ImageDecoder.suits(pd.Series([f"a/{i}.{extension}" for i in range(5)])) == "paths of images"


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("wide", [False, True])
def test_portable_maps_of_8_and_16_bits_are_scaled(grey, wide):
    values = np.array([[0, 1, 128, 255]])
    pixels = values if grey else np.repeat(values[:, :, None], 3, axis=2)
    numbers = (pixels * (257 if wide else 1)).astype(">u2" if wide else "u1")
    content = f"P{5 if grey else 6} 4 1 {65535 if wide else 255}\n".encode() + numbers.tobytes()

    np.testing.assert_array_equal(decoded(content, size=(1, 4), channels=1)[0, :, 0], values[0])


def test_extension_that_lies_is_forgiven(tmp_path):
    path = tmp_path / "a.tga"
    path.write_bytes(encoded(COLOURS))

    np.testing.assert_array_equal(decoded(path), COLOURS)


HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(60)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HEIC, "a HEIC file, which Pillow does not read; convert it to JPEG"),
        (b"%PDF-1.4 something", "not an image but a PDF file"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image but an SVG file"),
        (b"\n<!DOCTYPE html><html></html>", "not an image but a web page; the download may have failed"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (encoded(COLOURS)[:20], "a damaged PNG file|truncated"),
    ],
)
@pytest.mark.parametrize("as_file", [False, True])
def test_what_is_no_image_is_named(content, reason, as_file, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)

    with pytest.raises(InputMismatchError, match=reason):
        decoded(path if as_file else content)


@pytest.mark.parametrize("content", [b"BMW 320 touring", b"P5 was here"[1:], b"II", b"", b"RIFF1234WAVE", bytes(60)])
def test_other_bytes_are_no_images(content):
    assert ImageDecoder.suits(objects([content] * 5)) is None


# --- Strings ---


def texts():
    content = encoded(COLOURS)
    plain = base64.b64encode(content).decode()
    return {
        "data URI": f"data:image/png;base64,{plain}",
        "data URI in capitals": f"DATA:image/png;charset=utf-8;BASE64,{plain}",
        "data URI in percents": "data:image/png," + quote(content),
        "base64": plain,
        "wrapped base64": base64.encodebytes(content).decode(),
        "URL-safe base64": base64.urlsafe_b64encode(content).decode(),
        "base64 without padding": plain.rstrip("="),
    }


@pytest.mark.parametrize("form", list(texts()))
def test_content_in_a_string_is_read(form):
    text = texts()[form]

    np.testing.assert_array_equal(decoded(text), COLOURS)
    assert ImageDecoder.suits(pd.Series([text] * 5)) == "encoded images"


@pytest.mark.parametrize("file_format", ["JPEG", "GIF", "WEBP", "BMP"])
def test_base64_of_other_formats_is_read(file_format):
    content = encoded(LARGE, file_format)

    pixels = decoded(base64.b64encode(content).decode(), size=(32, 32))

    np.testing.assert_array_equal(pixels, by_pillow(content))


@pytest.mark.parametrize(
    "text", ["data:image/png;base64,!!!", "data:image/png;base64,", "data:text/plain,words", "data:"]
)
def test_damaged_content_in_a_string_is_refused(text):
    with pytest.raises(InputMismatchError, match=r"1 of 1 images cannot be read, .*(not base64|not an image)"):
        decoded(text)


def test_sentences_and_codes_are_no_images():
    sentences = ["It would not start, and when it did the picture froze after an hour or so."] * 5
    codes = [base64.b64encode(bytes(range(i, i + 90))).decode() for i in range(5)]

    assert ImageDecoder.suits(pd.Series(sentences)) is None
    assert ImageDecoder.suits(pd.Series(codes)) is None


def test_home_and_file_urls_are_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "my photos"
    folder.mkdir()
    (folder / "a.png").write_bytes(encoded(COLOURS))
    address = (folder / "a.png").as_uri()

    for cell in (
        "~/my photos/a.png",
        Path("~/my photos/a.png"),
        address,
        address.replace("file://", "FILE://localhost"),
    ):
        np.testing.assert_array_equal(decoded(cell), COLOURS)
    assert "%20" in address
    assert ImageDecoder.suits(pd.Series([address, "~/my photos/a.png"])) == "paths of images"


@pytest.mark.parametrize("address", ["https://example.org/a.png", "HTTP://example.org/a.png", "s3://bucket/a.png"])
def test_web_addresses_are_to_be_downloaded_first(address):
    assert ImageDecoder.suits(pd.Series([address] * 5)) is None
    with pytest.raises(InputMismatchError, match="a web address; download the file first"):
        decoded(address)


# --- Files that are open ---


def test_open_files_are_read_and_stay_as_they_are(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(COLOURS))
    with open(path, "rb") as file:
        cells = [io.BytesIO(path.read_bytes()), file, file]
        assert ImageDecoder.suits(objects(cells)) == "encoded images"
        for _ in range(2):
            pixels = ImageDecoder(size=(8, 8)).fit_transform(objects(cells))
            np.testing.assert_array_equal(pixels, [COLOURS] * 3)
        assert not file.closed


@pytest.mark.parametrize("kind", ["file", "bytes", "image"])
def test_what_is_closed_is_unreadable(kind, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(COLOURS))
    cell = {"file": lambda: path.open("rb"), "bytes": io.BytesIO, "image": lambda: Image.open(path)}[kind]()
    with cell:
        pass
    column = pd.Series([COLOURS, cell], index=["a", "b"], name="photo", dtype=object)

    with pytest.raises(
        InputMismatchError, match=r"1 of 2 images cannot be read, .*label 'b'.*closed before it was read"
    ):
        ImageDecoder().fit_transform(column)


def test_image_that_was_loaded_and_then_closed_is_unreadable():
    image = Image.open(io.BytesIO(encoded(COLOURS)))
    image.load()
    image.close()

    with pytest.raises(InputMismatchError, match="closed before it was read"):
        decoded(image)


# --- Modes of PIL ---


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV", "LA", "PA"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_mode_is_converted_as_by_pillow(mode, channels):
    image = Image.fromarray(np.dstack([COLOURS, COLOURS[:, :, :1]]))
    image = image.convert("P" if mode == "PA" else mode)
    image = image.convert(mode) if mode == "PA" else image
    expected = np.asarray(image.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])).reshape(8, 8, channels)

    np.testing.assert_array_equal(decoded(image, channels=channels), expected)


@pytest.mark.parametrize("mode", ["I", "F", "I;16", "La"])
def test_modes_without_a_range_are_read_by_what_they_hold(mode):
    grey = COLOURS[:, :, :1]
    image = Image.fromarray(grey[:, :, 0])
    image = image.convert("LA").convert("La") if mode == "La" else image
    image = Image.fromarray(grey[:, :, 0].astype("uint16") * 257) if mode == "I;16" else image.convert(mode)

    np.testing.assert_array_equal(decoded(image, channels=1), grey)


@pytest.mark.parametrize("white", [1, 255])
@pytest.mark.parametrize("as_bytes", [False, True])
def test_tiff_files_of_floats_are_read_by_the_range_of_the_column(white, as_bytes, tmp_path):
    cells = []
    for i in range(30):
        pixels = (COLOURS[:, :, 0] / (255 / white) * (1 if i % 3 else 1 / 300)).astype("float32")
        path = tmp_path / f"{i}.tif"
        Image.fromarray(pixels).save(path)
        cells.append(path.read_bytes() if as_bytes else str(path))

    encoder = ImageDecoder(size=(8, 8), channels=1).fit(cells)

    assert encoder.float_white_ == white
    np.testing.assert_array_equal(encoder.transform(cells[1:2])[0, :, :, 0], COLOURS[:, :, 0])
    np.testing.assert_array_equal(encoder.transform(cells[:1])[0, :, :, 0], np.rint(COLOURS[:, :, 0] / 300))


# --- Arrays, tensors and lists ---


class Tensor:
    """What a tensor of PyTorch with gradients shows: no array until it is detached."""

    def __init__(self, values, is_detached=False):
        self.values, self.is_detached, self.shape, self.dtype = values, is_detached, values.shape, values.dtype

    def detach(self):
        return Tensor(self.values, True)

    def cpu(self):
        return self

    def __array__(self, dtype=None, copy=None):
        if not self.is_detached:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self.values


class NumpyOnly:
    """What has a method `numpy` and nothing else."""

    def __init__(self, values):
        self.values = values

    def numpy(self):
        return self.values


read_only = COLOURS.copy()
read_only.flags.writeable = False
nested = np.empty(8, dtype=object)
nested[:] = [np.fromiter((list(pixel) for pixel in row), dtype=object, count=8) for row in COLOURS.tolist()]
FORMS = {
    "list": COLOURS.tolist(),
    "list of floats": (COLOURS / 255).tolist(),
    "tuples": tuple(tuple(map(tuple, row)) for row in COLOURS.tolist()),
    "list of arrays": list(COLOURS),
    "array of arrays of lists": nested,
    "object array": COLOURS.astype(object),
    "read-only": read_only,
    "Fortran order": np.asfortranarray(COLOURS),
    "strided": np.repeat(COLOURS, 2, axis=1)[:, ::2],
    "reversed": COLOURS[::-1].copy()[::-1],
    "big-endian ints": COLOURS.astype(">i4"),
    "big-endian floats": (COLOURS / 255).astype(">f4"),
    "int8 of a mask": (COLOURS > 127).astype("int8"),
    "int64": COLOURS.astype("int64"),
    "uint32": COLOURS.astype("uint32"),
    "uint16 of 8 bits": COLOURS.astype("uint16"),
    "uint16": COLOURS.astype("uint16") * 257,
    "int32 of 16 bits": COLOURS.astype("int32") * 257,
    "bool": COLOURS > 127,
    "float16": (COLOURS / 255).astype("float16"),
    "float32": (COLOURS / 255).astype("float32"),
    "float64 of 0-255": COLOURS.astype("float64"),
    "float that interpolation left beyond 1": (COLOURS / 255) * 1.000001,
    "masked": np.ma.masked_array(COLOURS),
    "channels first": COLOURS.transpose(2, 0, 1),
    "channels first, floats": (COLOURS / 255).transpose(2, 0, 1),
    "batch of one": COLOURS[None],
    "TensorFlow": tf.constant(COLOURS),
    "TensorFlow, float": tf.constant(COLOURS / 255),
    "TensorFlow, bfloat16": tf.cast(COLOURS > 127, "bfloat16"),
    "TensorFlow variable": tf.Variable(COLOURS),
    "TensorFlow, content of a file": tf.constant(encoded(COLOURS)),
    "detached on reading": Tensor(COLOURS),
    "numpy() only": NumpyOnly(COLOURS),
    "array of encoded bytes": np.frombuffer(encoded(COLOURS), dtype="uint8"),
    "array of one string": np.array(encoded(COLOURS), dtype=object),
}


@pytest.mark.parametrize("form", list(FORMS))
def test_arrays_of_every_kind_are_read_and_recognised(form):
    cells = objects([FORMS[form]] * 3)
    expected = {"int8 of a mask": COLOURS > 127, "bool": (COLOURS > 127) * 255}
    expected["TensorFlow, bfloat16"] = expected["bool"]

    pixels = ImageDecoder(size=(8, 8)).fit_transform(cells)

    np.testing.assert_array_equal(pixels, [expected.get(form, COLOURS)] * 3)
    assert ImageDecoder.suits(cells) is not None


@pytest.mark.parametrize(
    ("shape", "mode"),
    [((6, 5), "L"), ((6, 5, 1), "L"), ((6, 5, 2), "LA"), ((6, 5, 3), "RGB"), ((6, 5, 4), "RGBA"), ((1, 6, 5), "L")],
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_number_of_channels_becomes_any_other(shape, mode, channels):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")
    image = Image.fromarray(array.squeeze(), mode=None)
    expected = np.asarray(image.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])).reshape(6, 5, channels)

    assert image.mode == mode
    np.testing.assert_array_equal(decoded(array, size=(6, 5), channels=channels), expected)
    assert ImageDecoder.suits(objects([array] * 3)) == "uint8 pixel arrays"


@pytest.mark.parametrize(
    "cells",
    [
        [np.ones((5, 4)) / 3] * 3,
        [np.ones((5, 4), dtype="int64")] * 3,
        [np.random.default_rng(0).normal(size=(9, 9, 3))] * 3,
        [np.full((9, 9, 3), 1e4)] * 3,
        [np.full((9, 9, 3), 70_000)] * 3,
        [[1.0, 2.0]] * 3,
        [[[1, 2], [3, 4]]] * 3,
        [["a", "b"]] * 3,
        [tf.constant([1.0, 2.0])] * 3,
        [np.float64(3)] * 3,
        [np.zeros((0, 8, 3))] * 3,
        [{1, 2}] * 3,
        [{"path": "a.png", "bytes": 5}] * 3,
    ],
)
def test_sequences_measurements_and_others_are_no_images(cells):
    assert ImageDecoder.suits(objects(cells)) is None


def test_column_of_every_form_is_recognised_and_read(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(COLOURS))
    cells = [str(path), path, path.read_bytes(), Image.fromarray(COLOURS), COLOURS, COLOURS / 255, COLOURS.tolist()]
    frame = pd.DataFrame({"photo": objects([*cells, None])})

    router = InputRouter().fit(frame)

    np.testing.assert_array_equal(router.transform(frame)["photo"][:, 0, 0], [COLOURS[0, 0]] * 7 + [(0, 0, 0)])
    assert router.transform(frame)["photo__missing"].ravel().tolist() == [False] * 7 + [True]
    assert router.plan_["encoder"].tolist() == ["ImageDecoder"]


# --- The folder ---


@pytest.fixture
def photos(tmp_path):
    """A folder with a photo in it and one beneath."""
    (tmp_path / "photos" / "2024").mkdir(parents=True)
    for name, value in (("a.png", 50), ("2024/b.png", 200)):
        Image.new("L", (4, 4), value).save(tmp_path / "photos" / name)
    return tmp_path / "photos"


@pytest.mark.parametrize("kind", [str, Path])
def test_relative_paths_start_at_the_folder(photos, kind):
    cells = ["a.png", Path("2024/b.png"), str(photos / "a.png"), {"path": "2024/b.png"}]

    pixels = ImageDecoder(size=(4, 4), folder=kind(photos)).fit_transform(cells)

    assert pixels[:, 0, 0, 0].tolist() == [50, 200, 50, 200]


def test_folder_may_be_at_home(photos, monkeypatch):
    monkeypatch.setenv("HOME", str(photos.parent))

    assert decoded("a.png", folder="~/photos")[0, 0, 0] == 50


def test_folder_without_the_file_is_named(photos):
    with pytest.raises(InputMismatchError, match=r"'b.png' \(file not found in folder '.*photos'\)\. Give existing"):
        decoded("b.png", folder=photos)
    with pytest.raises(InputMismatchError, match=r"folder '.*elsewhere', which does not exist\)"):
        decoded("a.png", folder=photos / "elsewhere")


def test_folder_is_suggested_for_relative_paths_only():
    with pytest.raises(InputMismatchError, match=r"Relative paths start at .*ImageDecoder\(folder=...\)"):
        decoded("gone/a.png")
    with pytest.raises(InputMismatchError) as caught:
        decoded(os.path.abspath("gone/a.png"))
    assert "folder" not in str(caught.value)


@pytest.mark.parametrize("folder", [5, ["a"], b"a"])
def test_wrong_folders_are_refused(folder):
    with pytest.raises(ValueError, match="folder"):
        ImageDecoder(folder=folder).fit([COLOURS])
