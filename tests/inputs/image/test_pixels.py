"""The promises of `skmulti/inputs/_pixels.py`: JPEG files are read smaller than they are, and nobody sees it."""

import io
from importlib.resources import files

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps

from skmulti.errors import InputMismatchError
from skmulti.inputs.image import ImageDecoder

# Real photos that scikit-learn ships, 640 x 427: the one as sharp as photos get, the other soft.
FOLDER = files("sklearn.datasets") / "images"
PHOTOS = [str(FOLDER / "china.jpg"), str(FOLDER / "flower.jpg")]
# Read at a half, a quarter, an eighth; the last two as a whole.
SIZES = [(170, 250), (100, 100), (64, 96), (48, 48), (20, 30), (5, 7), (1, 1), (300, 300), (427, 640)]
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def photo(mode="RGB"):
    return Image.open(PHOTOS[0]).convert(mode)


def saved(folder, image, **options):
    """Write a JPEG file and give its path."""
    path = folder / "photo.jpg"
    image.save(path, "JPEG", quality=90, **options)
    return path


def decoded(cell, **parameters):
    return ImageDecoder(**parameters).fit_transform([cell])[0]


def by_pillow(path, size, *, channels=3, resize="stretch"):
    """Decode the whole file, turn it upright, convert and resize, as Pillow does each."""
    image = ImageOps.exif_transpose(Image.open(path)).convert(MODES[channels])
    bring = {"stretch": Image.Image.resize, "crop": ImageOps.fit, "pad": ImageOps.pad}[resize]
    return np.asarray(bring(image, size[::-1], Image.Resampling.BILINEAR)).reshape(*size, channels)


def difference(pixels, expected):
    assert pixels.shape == expected.shape
    return np.abs(pixels.astype(int) - expected).mean()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", PHOTOS)
def test_photos_differ_from_whole_ones_by_two_of_255_at_most(path, size):
    assert difference(decoded(path, size=size), by_pillow(path, size)) < 2


@pytest.mark.parametrize("size", [(300, 300), (427, 640), (480, 640), (224, 400), (400, 60)])
def test_photos_that_shrink_little_along_a_side_are_the_very_pixels_of_pillow(size):
    np.testing.assert_array_equal(decoded(PHOTOS[0], size=size), by_pillow(PHOTOS[0], size))


@pytest.mark.parametrize("resize", ["crop", "pad"])
@pytest.mark.parametrize("size", [(96, 96), (60, 90), (90, 48)])
def test_cropped_and_padded_photos_differ_by_two_of_255_at_most(size, resize):
    pixels = decoded(PHOTOS[0], size=size, resize=resize)

    assert difference(pixels, by_pillow(PHOTOS[0], size, resize=resize)) < 2


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
def test_jpeg_files_of_every_colour_space_become_every_mode(mode, channels, options, tmp_path):
    path = saved(tmp_path, photo(mode), **options)

    pixels = decoded(path, size=(60, 90), channels=channels)

    assert difference(pixels, by_pillow(path, (60, 90), channels=channels)) < 2
    assert channels < 4 or (pixels[:, :, 3] == 255).all()


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_subsampled_colours_are_read(subsampling, tmp_path):
    path = saved(tmp_path, photo(), subsampling=subsampling)

    assert difference(decoded(path, size=(60, 90)), by_pillow(path, (60, 90))) < 2


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("orientation", range(10))
def test_each_exif_orientation_is_turned_upright(orientation, resize, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, photo(), exif=exif)

    # Not square, so that a side that is taken for the other would show.
    pixels = decoded(path, size=(90, 48), resize=resize)

    assert difference(pixels, by_pillow(path, (90, 48), resize=resize)) < 2


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_other_files_are_turned_upright_once(orientation, file_format, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "photo"
    photo().resize((9, 6)).save(path, file_format, exif=exif, lossless=True)
    size = (6, 9) if orientation < 5 else (9, 6)

    np.testing.assert_array_equal(decoded(path, size=size), by_pillow(path, size))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (7, 3), (17, 33), (16, 200)])
@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_small_and_narrow_jpeg_files_are_read(shape, resize, tmp_path):
    path = saved(tmp_path, Image.new("RGB", shape[::-1], (200, 100, 50)))

    for size in [(1, 1), (2, 3), (8, 8)]:
        pixels = decoded(path, size=size, resize=resize)
        np.testing.assert_allclose(pixels[pixels.any(axis=2)], [[200, 100, 50]] * pixels.any(axis=2).sum(), atol=3)


def test_first_of_several_pictures_in_a_jpeg_file_is_read(tmp_path):
    path = tmp_path / "photo.jpg"
    photo().save(path, "MPO", save_all=True, append_images=[Image.new("RGB", (640, 427))], quality=90)

    assert Image.open(path).format == "MPO"
    assert difference(decoded(path, size=(60, 90)), by_pillow(path, (60, 90))) < 2


def test_bytes_and_path_of_a_photo_give_equal_pixels():
    with open(PHOTOS[0], "rb") as file:
        content = file.read()

    np.testing.assert_array_equal(decoded(content, size=(60, 90)), decoded(PHOTOS[0], size=(60, 90)))


def test_pil_image_of_a_file_is_read_as_a_whole_and_left_as_it_was():
    image = Image.open(PHOTOS[0])

    pixels = decoded(image, size=(60, 90))

    np.testing.assert_array_equal(pixels, by_pillow(PHOTOS[0], (60, 90)))
    assert image.size == (640, 427)


@pytest.mark.parametrize("decoder", ["pillow", "opencv"])
def test_truncated_photo_is_refused_at_any_scale(decoder, tmp_path):
    pytest.importorskip("cv2" if decoder == "opencv" else "PIL")
    content = saved(tmp_path, photo()).read_bytes()

    for size in [(8, 8), (60, 90), (400, 400)]:
        with pytest.raises(InputMismatchError, match=r"bytes of length \d+ \(truncated image"):
            decoded(content[: len(content) // 2], size=size, decoder=decoder)


def test_file_that_users_let_pillow_fill_up_is_filled_up(monkeypatch, tmp_path):
    content = saved(tmp_path, photo()).read_bytes()[:-2000]
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)

    assert difference(decoded(content, size=(60, 90)), by_pillow(io.BytesIO(content), (60, 90))) < 2
