"""What a column of arrays decides: the axis of the channels, and the number that is white."""

import pickle

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skmulti import InputRouter
from skmulti.errors import InputMismatchError, OddCellsWarning
from skmulti.inputs.image import ImageDecoder

RNG = np.random.default_rng(0)
BRIGHT = list(RNG.integers(0, 256, (40, 6, 6, 3), dtype="uint8"))
DARK = RNG.integers(0, 2, (6, 6, 3)).astype("float64")


def read(cells, size=(6, 6), **parameters):
    return ImageDecoder(size=size, **parameters).fit_transform(pd.Series(list(cells), dtype=object))


def floats(images, white):
    return [image * (white / 255) for image in images]


# --- The number that is white ---


@pytest.mark.parametrize("white", [1, 255])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_of_either_range_are_the_same_pixels(white, dtype):
    cells = [cell.astype(dtype) for cell in floats(BRIGHT, white)]

    np.testing.assert_array_equal(read(cells), BRIGHT)


def test_dark_image_in_a_column_of_0_to_255_stays_dark():
    cells = [*floats(BRIGHT, 255), DARK]

    np.testing.assert_array_equal(read(cells)[-1], DARK)


@pytest.mark.parametrize("n_bright", [1, 2])
def test_few_rows_are_read_in_the_range_that_half_of_them_need(n_bright):
    cells = [*floats(BRIGHT[:n_bright], 255), DARK]

    np.testing.assert_array_equal(read(cells), [*BRIGHT[:n_bright], DARK])


def test_ranges_that_are_mixed_are_refused_and_never_made_black():
    cells = [*floats(BRIGHT[:30], 1), *floats(BRIGHT[30:], 255)]

    with pytest.raises(InputMismatchError, match=r"10 of 40 cells are not images, first at row label 30"):
        read(cells)


@pytest.mark.parametrize("position", [0, 20, 40])
def test_one_odd_array_does_not_change_the_range(position):
    cells = floats(BRIGHT, 1)
    cells.insert(position, BRIGHT[0] * 1.0)

    with pytest.raises(
        InputMismatchError, match=r"1 of 41 cells are not images, .*floats must lie in 0-1, these lie in"
    ):
        read(cells)
    with pytest.warns(OddCellsWarning, match=rf"1 of 41 cells are not images, first at row label {position}: array of"):
        pixels = read(cells, on_odd="missing")
    np.testing.assert_array_equal(np.delete(pixels, position, axis=0), BRIGHT)
    assert not pixels[position].any()


def test_black_images_say_nothing_of_the_range():
    blank = [np.zeros((6, 6, 3))] * 100

    np.testing.assert_array_equal(read([*blank, *floats(BRIGHT[:3], 255)])[100:], BRIGHT[:3])
    np.testing.assert_array_equal(read([*blank, *floats(BRIGHT[:3], 1)])[100:], BRIGHT[:3])


@pytest.mark.parametrize("dtype", ["uint16", "int32", "int64", "uint64", ">i4"])
@pytest.mark.parametrize("factor", [1, 257])
def test_integers_of_8_and_16_bits_are_the_same_pixels(dtype, factor):
    np.testing.assert_array_equal(read([image.astype(dtype) * factor for image in BRIGHT]), BRIGHT)


def test_bytes_and_wide_integers_may_stand_in_one_column():
    cells = [*BRIGHT, *(image.astype("uint16") * 257 for image in BRIGHT)]

    np.testing.assert_array_equal(read(cells), [*BRIGHT, *BRIGHT])


@pytest.mark.parametrize("mode", ["I", "F"])
@pytest.mark.parametrize("odd_first", [False, True])
def test_pil_images_count_as_arrays(mode, odd_first):
    greys = [image[:, :, 0] for image in BRIGHT]
    cells = [Image.fromarray(grey).convert(mode) for grey in greys]
    cells = cells[::-1] if odd_first else cells

    pixels = read(cells, channels=1)[..., 0]

    np.testing.assert_array_equal(pixels, greys[::-1] if odd_first else greys)


# --- The axis of the channels ---


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4])
@pytest.mark.parametrize("height", [1, 3, 4, 6])
def test_ambiguous_shapes_are_read_as_the_rest_of_the_column(n_channels, height):
    images = list(RNG.integers(0, 256, (20, 6, 7, n_channels), dtype="uint8"))
    narrow = RNG.integers(0, 256, (height, 3, n_channels), dtype="uint8")
    last = read([*images, narrow], size=(height, 3), channels=4)

    first = read([image.transpose(2, 0, 1) for image in (*images, narrow)], size=(height, 3), channels=4)

    np.testing.assert_array_equal(first, last)


def test_channels_are_last_if_nothing_tells():
    cube = RNG.integers(0, 256, (3, 4, 3), dtype="uint8")

    np.testing.assert_array_equal(read([cube], size=(3, 4))[0], cube)


def test_few_arrays_of_the_other_kind_are_read_too():
    cells = [*BRIGHT[:39], BRIGHT[39].transpose(2, 0, 1)]

    np.testing.assert_array_equal(read(cells), BRIGHT)


def test_one_array_of_four_axes_is_a_column_of_images():
    batch = np.stack(BRIGHT)

    np.testing.assert_array_equal(ImageDecoder(size=(6, 6)).fit_transform(batch.transpose(0, 3, 1, 2)), batch)
    np.testing.assert_array_equal(ImageDecoder(size=(6, 6)).fit_transform(batch / 255), batch)


# --- What was decided is remembered ---


COLUMNS = {
    "floats 0-255": [*floats(BRIGHT, 255), DARK],
    "ints of 16 bits": [*(image.astype("int64") * 257 for image in BRIGHT), DARK.astype("int64")],
    "uint16 of 8 bits": [image.astype("uint16") for image in BRIGHT],
    "channels first": [*(image.transpose(2, 0, 1) for image in BRIGHT), BRIGHT[0][:3].transpose(2, 0, 1)],
}


@pytest.mark.parametrize("name", list(COLUMNS))
def test_single_rows_parts_pickles_and_lazy_rows_are_read_as_all_at_once(name):
    column = pd.Series(COLUMNS[name], dtype=object, name="photo")
    expected = ImageDecoder(size=(6, 6)).fit_transform(column)

    encoder = ImageDecoder(size=(6, 6)).fit(column)
    alone = [encoder.transform(column[i : i + 1])[0] for i in range(len(column))]
    in_parts = ImageDecoder(size=(6, 6)).partial_fit(column[30:]).partial_fit(column[:30])
    in_parts.end_parts()
    lazy = InputRouter([("photo", ImageDecoder(size=(6, 6), lazy=True), "photo")])

    np.testing.assert_array_equal(alone, expected)
    np.testing.assert_array_equal(in_parts.transform(column), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(encoder)).transform(column), expected)
    np.testing.assert_array_equal(lazy.fit_encode(column.to_frame())["photo"][:], expected)
    np.testing.assert_array_equal(
        [lazy.transform(column[[i]].to_frame())["photo"][0] for i in (0, 39)], expected[[0, 39]]
    )
    assert vars(in_parts) == vars(encoder)


def test_new_fit_forgets_the_old_one():
    encoder = ImageDecoder(size=(6, 6)).fit(COLUMNS["floats 0-255"]).fit(floats(BRIGHT, 1))

    np.testing.assert_array_equal(encoder.transform(floats(BRIGHT, 1)), BRIGHT)


@pytest.mark.parametrize("name", list(COLUMNS))
def test_order_of_the_rows_does_not_decide(name):
    cells = COLUMNS[name]

    np.testing.assert_array_equal(read(cells[::-1])[::-1], read(cells))


def test_column_that_is_the_same_in_another_type_gives_the_same_pixels():
    forms = [
        *(BRIGHT, floats(BRIGHT, 1), floats(BRIGHT, 255), [image.astype("int64") for image in BRIGHT]),
        *([image.tolist() for image in BRIGHT], [Image.fromarray(image) for image in BRIGHT]),
        [image.transpose(2, 0, 1) for image in BRIGHT],
    ]

    for cells in forms:
        frame = pd.DataFrame({"photo": pd.Series(cells, dtype=object)})
        pixels = InputRouter(kinds={"photo": ImageDecoder(size=(6, 6))}).fit_transform(frame)["photo"]
        np.testing.assert_array_equal(pixels, BRIGHT)
        assert InputRouter().fit(frame).plan_["encoder"].tolist() == ["ImageDecoder"]
