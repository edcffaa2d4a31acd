"""The promises of `skmulti/inputs/_opencv.py`: pixels close to Pillow's, and Pillow's own where OpenCV is unsure."""

import pickle
import sys

import numpy as np
import pytest
from PIL import Image
from test_pixels import PHOTOS, by_pillow, decoded, difference, photo, saved

from skmulti.inputs.image import ImageDecoder


@pytest.fixture
def whole(tmp_path):
    """Sides that can be halved thrice, as those of cameras."""
    pytest.importorskip("cv2")
    return saved(tmp_path, photo().crop((0, 0, 640, 416)))


@pytest.mark.parametrize("size", [(170, 250), (180, 280), (90, 120), (60, 90), (48, 72), (400, 600), (416, 640)])
@pytest.mark.parametrize("channels", [1, 3])
def test_photos_are_close_to_those_of_pillow(whole, size, channels):
    pixels = decoded(whole, size=size, channels=channels, decoder="opencv")

    assert difference(pixels, by_pillow(whole, size, channels=channels)) < 2.5
    assert (pixels != decoded(whole, size=size, channels=channels)).any() or size == (416, 640)


def test_grey_files_are_read_in_colour_and_in_grey(tmp_path):
    pytest.importorskip("cv2")
    path = saved(tmp_path, photo("L").crop((0, 0, 640, 416)))

    for channels in (1, 3):
        pixels = decoded(path, size=(60, 90), channels=channels, decoder="opencv")
        assert difference(pixels, by_pillow(path, (60, 90), channels=channels)) < 2


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_and_shape_are_as_with_pillow(whole, orientation, resize):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(whole.parent, photo().crop((0, 0, 640, 416)), exif=exif)

    pixels = decoded(path, size=(90, 64), resize=resize, decoder="opencv")

    assert difference(pixels, by_pillow(path, (90, 64), resize=resize)) < 2


@pytest.mark.parametrize(
    ("size", "parameters"),
    [((60, 90), {}), ((60, 90), {"channels": 4}), ((5, 7), {}), ((300, 40), {})],
    ids=["odd sides", "alpha", "far smaller", "far narrower"],
)
def test_what_opencv_cannot_do_as_well_is_left_to_pillow(size, parameters):
    pytest.importorskip("cv2")

    pixels = decoded(PHOTOS[0], size=size, decoder="opencv", **parameters)

    np.testing.assert_array_equal(pixels, decoded(PHOTOS[0], size=size, **parameters))


def test_other_files_and_colours_are_left_to_pillow(tmp_path):
    pytest.importorskip("cv2")
    small = photo().resize((64, 32))
    small.save(tmp_path / "photo.png")
    cells = [tmp_path / "photo.png", saved(tmp_path, small.convert("CMYK")), np.asarray(small), small]

    for cell in cells:
        np.testing.assert_array_equal(decoded(cell, size=(8, 16), decoder="opencv"), decoded(cell, size=(8, 16)))


def test_missing_opencv_is_named_at_fit_and_where_the_fitted_encoder_is_used(whole, monkeypatch):
    fitted = pickle.dumps(ImageDecoder(decoder="opencv").fit([whole]))
    monkeypatch.setitem(sys.modules, "cv2", None)

    for use in (ImageDecoder(decoder="opencv").fit, pickle.loads(fitted).transform):
        with pytest.raises(ImportError, match=r"opencv-python-headless.*or use decoder=.pillow. for both"):
            use([whole])
    assert ImageDecoder().fit_transform([whole]).any()
