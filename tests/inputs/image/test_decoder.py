"""Images of a table: every cell gives the right pixels, or an error that says which."""

import io
import pickle
import traceback
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skmulti import InputRouter, MultiInputClassifier, NumberScaler
from skmulti.errors import InputMismatchError, OddCellsWarning
from skmulti.inputs.image.decoder import ImageDecoder
from skmulti.spec import ArraySpec

COLOURS = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype="uint8")
GREYS = COLOURS[:, :, 0]
BATCH = np.random.default_rng(1).integers(0, 256, (16, 8, 8, 3), dtype="uint8")


def encoded(image, file_format="PNG", **options):
    """Return the bytes of an image file."""
    file = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(file, file_format, **options)
    return file.getvalue()


def decoded(cell, **parameters):
    """Return the pixels of one cell, at 8 x 8 unless told."""
    return ImageDecoder(**{"size": (8, 8), **parameters}).fit_transform([cell])[0]


def grey(*rows):
    return np.array(rows, dtype="uint8")


# --- What a cell may be ---


@pytest.mark.parametrize(
    ("file_format", "options"), [("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True}), ("TIFF", {})]
)
def test_lossless_files_of_the_right_size_keep_their_pixels(file_format, options):
    np.testing.assert_array_equal(decoded(encoded(COLOURS, file_format, **options)), COLOURS)


@pytest.mark.parametrize("file_format", ["JPEG", "GIF"])
def test_lossy_files_give_the_pixels_that_pillow_reads(file_format):
    content = encoded(COLOURS, file_format)
    expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))

    np.testing.assert_array_equal(decoded(content), expected)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1", "CMYK", "HSV"])
def test_every_mode_is_converted_as_pillow_does(mode, channels):
    source = Image.fromarray(np.dstack([COLOURS, 255 - GREYS])).convert(mode)
    expected = np.asarray(source.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])).reshape(8, 8, channels)

    np.testing.assert_array_equal(decoded(source, channels=channels), expected)
    if mode not in ("CMYK", "HSV"):
        np.testing.assert_array_equal(decoded(encoded(source), channels=channels), expected)


def test_cmyk_jpeg_is_read_in_colour():
    content = encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")

    np.testing.assert_allclose(decoded(content)[4, 4], [255, 0, 0], atol=3)


def test_palette_transparency_becomes_alpha_or_is_ignored():
    image = Image.fromarray(grey([0, 1], [1, 0])).convert("P")
    image.putpalette([255, 0, 0, 0, 0, 255])
    content = encoded(image, transparency=bytes([0, 255]))
    red, blue = (255, 0, 0), (0, 0, 255)

    np.testing.assert_array_equal(decoded(content, size=(2, 2)), [[red, blue], [blue, red]])
    np.testing.assert_array_equal(decoded(content, size=(2, 2), channels=4)[0], [(*red, 0), (*blue, 255)])


def test_palette_transparency_gives_no_warning(recwarn):
    image = Image.fromarray(COLOURS).convert("P")
    decoded(encoded(image, transparency=bytes(range(256))))

    assert not recwarn.list


def test_16_bit_images_are_scaled_not_clipped():
    values = np.array([[0, 255, 256], [4660, 65280, 65535]], dtype="uint16")
    expected = grey([0, 0, 1], [18, 255, 255])

    for cell in (values, Image.fromarray(values), encoded(values), encoded(values, "TIFF")):
        np.testing.assert_array_equal(decoded(cell, size=(2, 3), channels=1)[:, :, 0], expected)


def test_exif_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera was held upright: turn the stored picture clockwise.
    stored = np.repeat(COLOURS[:2], 2, axis=0)

    content = encoded(stored, exif=exif)

    np.testing.assert_array_equal(decoded(content, size=(8, 4)), np.rot90(stored, -1))
    np.testing.assert_array_equal(decoded(Image.open(io.BytesIO(content)), size=(8, 4)), np.rot90(stored, -1))


def test_damaged_exif_leaves_the_image_as_stored():
    content = encoded(COLOURS, exif=b"Exif\x00\x00no exif at all")

    np.testing.assert_array_equal(decoded(content), COLOURS)


def test_first_frame_of_an_animation_is_read():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]

    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])

    assert (decoded(content) == (255, 0, 0)).all()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (grey([0, 7, 255]), [0, 7, 255]),
        (grey([0, 7, 255])[:, :, None], [0, 7, 255]),
        (np.array([[False, True, True]]), [0, 255, 255]),
        (np.array([[0.0, 0.5, 1.0]]), [0, 128, 255]),
        (np.array([[0, 0.25, 1]], dtype="float32"), [0, 64, 255]),
        (np.array([[0, 256, 65535]], dtype="uint16"), [0, 1, 255]),
        (np.array([[0, 7, 255]], dtype="int64"), [0, 7, 255]),
    ],
)
def test_arrays_of_each_dtype_become_bytes(array, expected):
    pixels = decoded(array, size=(1, 3))

    np.testing.assert_array_equal(pixels, np.repeat(np.array(expected)[None, :, None], 3, axis=2))


def test_alpha_of_an_array_is_dropped_for_three_channels():
    with_alpha = np.dstack([COLOURS, np.zeros_like(GREYS)])

    np.testing.assert_array_equal(decoded(with_alpha), COLOURS)
    np.testing.assert_array_equal(decoded(with_alpha, channels=4), with_alpha)


def test_mixed_column_gives_the_same_pixels_for_every_type_of_cell(tmp_path):
    content = encoded(COLOURS)
    path = tmp_path / "no_extension"
    path.write_bytes(content)
    cells = [
        *(content, bytearray(content), memoryview(content), memoryview(content * 2)[: len(content)]),
        *(str(path), path, COLOURS, COLOURS / 255, Image.fromarray(COLOURS)),
        *({"bytes": content, "path": "gone.png"}, {"bytes": None, "path": str(path)}),
    ]

    pixels = ImageDecoder(size=(8, 8)).fit_transform(pd.Series(cells, name="photo"))

    assert pixels.dtype == "uint8"
    np.testing.assert_array_equal(pixels, np.stack([COLOURS] * len(cells)))


def test_series_frame_list_and_arrays_are_read_alike():
    encoder = ImageDecoder(size=(8, 8))
    series = pd.Series(list(BATCH))

    for columns in (series, series.to_frame(), list(BATCH), BATCH, series.to_numpy(), series.to_numpy()[:, None]):
        np.testing.assert_array_equal(encoder.fit_transform(columns), BATCH)


def test_arrow_text_and_bytes_are_read(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(COLOURS))
    paths = pd.Series([str(path), None], dtype="string[pyarrow]")
    contents = pd.concat([pd.Series([path.read_bytes(), None], dtype=object)]).convert_dtypes()

    for column in (paths, contents):
        array, missing = ImageDecoder(size=(8, 8)).fit(column).encode_and_flag(column)
        np.testing.assert_array_equal(array[0], COLOURS)
        assert missing.tolist() == [False, True]


# --- Sizes ---


def test_stretch_is_pillows_antialiased_bilinear():
    large = np.random.default_rng(2).integers(0, 256, (40, 23, 3), dtype="uint8")
    expected = np.asarray(Image.fromarray(large).resize((6, 9), Image.Resampling.BILINEAR))

    np.testing.assert_array_equal(decoded(large, size=(9, 6)), expected)


def test_size_is_height_then_width():
    assert ImageDecoder(size=(2, 5)).fit_transform([COLOURS]).shape == (1, 2, 5, 3)


def test_stretch_uses_the_whole_image():
    wide = grey([0, 0, 200, 200, 200, 200, 100, 100], [0, 0, 200, 200, 200, 200, 100, 100])

    pixels = decoded(wide, size=(1, 1), channels=1)

    # Antialiasing to one pixel weighs column x by 1 - |x + 0.5 - 4| / 8: 9, 11, 13, 15, 15, 13, 11, 9 sixteenths.
    assert pixels.ravel().tolist() == [round((200 * (13 + 15 + 15 + 13) + 100 * (11 + 9)) / 96)]


def test_crop_keeps_the_centre():
    wide = grey([9, 9, 1, 2, 9, 9], [9, 9, 3, 4, 9, 9])

    np.testing.assert_array_equal(decoded(wide, size=(2, 2), resize="crop", channels=1)[:, :, 0], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(decoded(wide.T, size=(2, 2), resize="crop", channels=1)[:, :, 0], [[1, 3], [2, 4]])


def test_pad_adds_black_bars():
    wide = grey([10, 20, 30, 40], [50, 60, 70, 80])

    pixels = decoded(wide, size=(4, 4), resize="pad", channels=1)[:, :, 0]

    np.testing.assert_array_equal(pixels, [[0] * 4, [10, 20, 30, 40], [50, 60, 70, 80], [0] * 4])
    assert decoded(wide, size=(4, 4), resize="pad", channels=4)[0].sum() == 0


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_image_of_the_right_size_is_passed_exactly(resize):
    np.testing.assert_array_equal(decoded(COLOURS, resize=resize), COLOURS)


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 1000), (1000, 1), (3, 7)])
def test_images_of_any_shape_get_the_size(shape, resize):
    pixels = decoded(np.full(shape, 255, dtype="uint8"), resize=resize)

    assert pixels.shape == (8, 8, 3)
    assert pixels.max() == 255


# --- Missing, unreadable and wrong cells ---


def test_missing_cells_are_blank_and_marked():
    column = pd.Series([None, COLOURS, np.nan, pd.NA, np.float32("nan"), {"bytes": None, "path": None}], dtype=object)

    pixels, missing = ImageDecoder(size=(8, 8)).fit(column).encode_and_flag(column)

    assert missing.tolist() == [True, False, True, True, True, True]
    assert pixels[missing].sum() == 0
    np.testing.assert_array_equal(pixels[1], COLOURS)


@pytest.mark.parametrize("column", [pd.Series([None, None]), pd.Series([np.nan, np.nan]), [None, None]])
def test_column_that_holds_nothing_fits(column):
    pixels, missing = ImageDecoder(size=(8, 8)).fit(column).encode_and_flag(column)

    assert pixels.shape == (2, 8, 8, 3)
    assert missing.all()


def test_no_rows_give_no_rows():
    pixels, missing = ImageDecoder(size=(8, 8)).fit([COLOURS]).encode_and_flag(pd.Series([], dtype=object))

    assert pixels.shape == (0, 8, 8, 3)
    assert missing.shape == (0,)


def bad_cells(folder):
    """Cells that are images by type but cannot be read, and the reason that the error must give."""
    content = encoded(np.tile(COLOURS, (20, 20, 1)))
    (folder / "text.png").write_text("no image")
    return {
        "missing file": ("nowhere/0017.jpg", r"'nowhere/0017.jpg' \(file not found\)"),
        "web address": ("https://example.org/a.png", "a web address; download the file first"),
        "folder": (folder, "directory|denied"),
        "text file": (folder / "text.png", "not an image"),
        "truncated": (content[: len(content) // 2], rf"bytes of length {len(content) // 2} \(truncated image"),
        "no bytes": (b"", "bytes of length 0 .not an image"),
        "other bytes": (b"%PNG something", "not an image, or none of the formats PNG, JPEG"),
        "null path": ("a\0b.png", "file not found"),
    }


BAD = ["missing file", "web address", "folder", "text file", "truncated", "no bytes", "other bytes", "null path"]


@pytest.mark.parametrize("case", BAD)
def test_unreadable_cell_is_an_error_with_place_and_reason(case, tmp_path):
    cell, reason = bad_cells(tmp_path)[case]
    column = pd.Series([COLOURS, cell, None, cell], index=["a", "b", "c", "d"], name="photo")
    encoder = ImageDecoder(size=(8, 8)).fit(column)

    with pytest.raises(InputMismatchError, match=reason) as caught:
        encoder.transform(column)

    message = str(caught.value)
    assert message.startswith("column 'photo': 2 of 4 images cannot be read, first at row label 'b': ")
    assert 'ImageDecoder(on_error="missing")' in message
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("case", BAD)
def test_unreadable_cell_may_count_as_missing(case, tmp_path):
    cell, _ = bad_cells(tmp_path)[case]
    encoder = ImageDecoder(size=(8, 8), on_error="missing").fit([COLOURS])

    with pytest.warns(OddCellsWarning, match="1 of 2 cells are not readable as images, first at row label 0"):
        pixels, missing = encoder.encode_and_flag([cell, COLOURS])

    assert missing.tolist() == [True, False]
    assert pixels[0].sum() == 0


def test_row_labels_of_numbers_are_plain_numbers():
    column = pd.Series([None, "gone.png"], index=[10, 17], name="photo")

    with pytest.raises(InputMismatchError, match=r"first at row label 17: 'gone.png'"):
        ImageDecoder().fit_transform(column)


def test_decompression_bomb_is_refused(monkeypatch):
    content = encoded(COLOURS)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 31)

    with pytest.raises(InputMismatchError, match=r"more pixels than PIL\.Image.MAX_IMAGE_PIXELS allows: 31"):
        decoded(content)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((5, 5, 7)), r"array of shape \(5, 5, 7\), float64 \(not the shape of an image"),
        (np.zeros(5), "not the shape"),
        (np.zeros((2, 5, 5, 3)), "not the shape"),
        (np.array(5.0), r"array of shape \(\), float64 \(not the shape"),
        (np.zeros((0, 5)), "empty"),
        (np.zeros((8, 8, 0)), "empty"),
        (np.array([["a"]]), "not the dtype"),
        (np.zeros((5, 5), dtype=complex), "not the dtype"),
        (np.zeros((5, 5), dtype="datetime64[D]"), "not the dtype"),
        (np.array([[0.0, 256.0]]), "floats must lie in 0-1, these lie in 0 to 256"),
        (np.array([[-1.0, 1.0]]), "floats must lie in 0-1, these lie in -1 to 1"),
        (np.array([[0.0, np.nan]]), "floats must lie in 0-1, these lie in nan to nan"),
        (np.array([[0.0, np.inf]]), "floats must lie in 0-1, these lie in 0 to inf"),
        (np.array([[-1, 7]]), "integers must lie in 0-255, these lie in -1 to 7"),
        (np.array([[0, 70_000]]), "integers must lie in 0-255, these lie in 0 to 70000"),
    ],
)
@pytest.mark.parametrize("on_error", ["raise", "missing"])
def test_array_that_is_no_image_is_always_refused(array, reason, on_error):
    with pytest.raises(InputMismatchError, match=reason):
        decoded(array, on_error=on_error)


@pytest.mark.parametrize("cell", [17, [1, 2], {"file": "a.png"}, {"bytes": 5}, object()])
@pytest.mark.parametrize("on_error", ["raise", "missing"])
def test_cell_of_a_wrong_type_is_refused_at_fit_and_transform(cell, on_error):
    column = pd.Series([COLOURS, cell], index=["a", "b"], name="photo")
    encoder = ImageDecoder(size=(8, 8), on_error=on_error)

    with pytest.raises(InputMismatchError, match=r"column 'photo': 1 of 2 cells are not images, .* row label 'b'"):
        encoder.fit(column)
    with pytest.raises(InputMismatchError, match="1 of 2 cells are not images"):
        encoder.fit(column.iloc[:1]).transform(column)


def test_error_shows_pillows_own_error_as_its_cause_only():
    with pytest.raises(InputMismatchError) as caught:
        decoded(b"nothing")

    assert "direct cause" in "".join(traceback.format_exception(caught.value))


def test_several_columns_are_refused():
    with pytest.raises(InputMismatchError, match="ImageDecoder reads one column, got 2"):
        ImageDecoder().fit(pd.DataFrame({"front": [None], "back": [None]}))


def test_many_rows_are_decoded_in_order_with_all_failures_counted():
    cells = [encoded(np.full((8, 8), row, dtype="uint8")) for row in range(200)]
    encoder = ImageDecoder(size=(8, 8), channels=1).fit(cells)

    assert encoder.transform(cells)[:, 3, 3, 0].tolist() == list(range(200))

    cells[70] = cells[150] = b"broken"
    with pytest.raises(InputMismatchError, match="2 of 200 images cannot be read, first at row label 70"):
        encoder.transform(cells)


class CountedPath:
    """A path that counts how often a file is opened by it."""

    def __init__(self, path):
        self.path, self.n_opened = path, 0

    def __fspath__(self):
        self.n_opened += 1
        return str(self.path)


def test_fit_and_predict_read_each_file_once(tmp_path):
    cells = []
    for row in range(20):
        path = tmp_path / f"{row}.jpg"
        path.write_bytes(encoded(np.full((40, 40, 3), 12 * row, dtype="uint8"), "JPEG"))
        cells.append(CountedPath(path))
    frame = pd.DataFrame({"photo": cells, "size": range(20)})
    router = InputRouter([("photo", ImageDecoder(size=(8, 8)), "photo"), ("size", NumberScaler(), "size")])
    classifier = MultiInputClassifier(router, epochs=2, early_stopping=True, validation_fraction=0.2)

    classifier.fit(frame, np.arange(20) > 9)
    assert [cell.n_opened for cell in cells] == [1] * 20

    classifier.predict(frame.iloc[:5])
    assert [cell.n_opened for cell in cells] == [2] * 5 + [1] * 15


def test_nothing_is_printed_unless_asked_for(capsys):
    cells = [None, *[COLOURS] * 40]

    ImageDecoder(size=(8, 8)).fit_transform(cells)
    assert capsys.readouterr() == ("", "")

    ImageDecoder(size=(8, 8), verbose=2).fit_transform(cells)
    assert capsys.readouterr().out.startswith("40/40 - ")

    ImageDecoder(size=(8, 8), verbose=1).fit_transform(cells)
    assert capsys.readouterr().out.count("/40") > 1


def test_one_pil_image_in_many_cells_is_decoded():
    image = Image.open(io.BytesIO(encoded(COLOURS)))

    pixels = ImageDecoder(size=(8, 8)).fit_transform([image] * 200)

    np.testing.assert_array_equal(pixels, np.stack([COLOURS] * 200))


def test_users_images_and_frame_are_left_as_they_were():
    image = Image.fromarray(np.tile(GREYS, (2, 2))).convert("P")
    image.info["transparency"] = 3
    array = np.tile(COLOURS, (2, 2, 1))
    frame = pd.DataFrame({"photo": pd.Series([image, array], dtype=object)})

    ImageDecoder(size=(4, 4)).fit_transform(frame)

    assert (image.mode, image.size, image.info) == ("P", (16, 16), {"transparency": 3})
    np.testing.assert_array_equal(array, np.tile(COLOURS, (2, 2, 1)))
    assert frame["photo"].iloc[0] is image


# --- The encoder as an estimator ---


def test_spec_describes_the_array():
    assert ImageDecoder(size=[5, np.int64(7)], channels=4).spec("photo") == ArraySpec(
        "photo", "image", (5, 7, 4), "uint8"
    )


def test_new_rows_are_decoded_like_training_rows():
    encoder = ImageDecoder(size=(4, 4)).fit(BATCH)

    np.testing.assert_array_equal(encoder.transform(BATCH[5:7]), encoder.transform(BATCH)[5:7])


def test_clone_and_pickle_give_the_same_pixels():
    encoder = ImageDecoder(size=(4, 6), channels=1, resize="crop", on_error="missing", lazy=True, verbose=0).fit(BATCH)

    assert clone(encoder).get_params() == encoder.get_params()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(encoder)).transform(BATCH), encoder.transform(BATCH))


def test_transform_before_fit_says_so():
    with pytest.raises(NotFittedError):
        ImageDecoder().transform(BATCH)


@pytest.mark.parametrize(
    "parameters",
    [
        {"size": 64},
        {"size": (64,)},
        {"size": (0, 64)},
        {"size": (6.0, 64)},
        {"channels": 2},
        {"channels": "rgb"},
        {"resize": "zoom"},
        {"on_error": "ignore"},
        {"lazy": "always"},
        {"decoder": "fastest"},
        {"verbose": -1},
    ],
)
def test_wrong_parameters_are_refused_at_fit(parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        ImageDecoder(**parameters).fit(BATCH)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ([None, encoded(COLOURS), encoded(COLOURS, "JPEG"), encoded(COLOURS, "GIF")], "encoded images"),
        ([encoded(COLOURS, "BMP"), bytearray(encoded(COLOURS, "WEBP")), encoded(COLOURS, "TIFF")], "encoded images"),
        ([{"bytes": encoded(COLOURS), "path": None}], "encoded images"),
        ([Image.fromarray(COLOURS)], "PIL images"),
        ([COLOURS, GREYS, None], "uint8 pixel arrays"),
        (["a.png", "b.JPG", None, "c d.jpeg"], "paths of images"),
        ([Path("a.gif"), "b.bmp", "c.webp"], "paths of images"),
        ([None, np.nan], None),
        ([], None),
        (["a.png", "a text about a.png files"], None),
        (["https://example.org/a.png"], None),
        ([b"%PDF-1.4", b"%PDF-1.5"], None),
        ([COLOURS / 255], "float64 pixel arrays"),
        ([GREYS / 255], None),
        ([np.zeros((8, 5, 5), dtype="uint8")], None),
        ([np.zeros(8, dtype="uint8")], None),
        ([encoded(COLOURS), "a.png"], "encoded images and paths of images"),
        ([1, 2], None),
    ],
)
def test_suits_columns_of_images_only(cells, reason):
    assert ImageDecoder.suits(pd.Series(cells, dtype=object)) == reason


@pytest.mark.parametrize("odd", ["text", "", "unknown", "https://example.org/a.png", "img/0007", 17, [1, 2]])
@pytest.mark.parametrize("position", [0, 100, 199])
def test_one_odd_cell_does_not_decide(odd, position):
    cells = [f"{i}.png" for i in range(200)]
    cells[position] = odd

    assert ImageDecoder.suits(pd.Series([None] * 500 + cells, dtype=object)) == "paths of images"


def test_cells_decide_by_their_share_wherever_they_stand():
    few, many = ["text"] * 10 + ["a.png"] * 190, ["a.png"] * 180 + ["text"] * 20

    assert ImageDecoder.suits(pd.Series(few, dtype=object)) == "paths of images"
    assert ImageDecoder.suits(pd.Series(many, dtype=object)) is None
