"""Cells that are no images, and images that cannot be read: they do not decide, and they are told of."""

import io
import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.base import clone

from skmulti import InputRouter, MultiInputClassifier, NumberScaler
from skmulti.errors import InputMismatchError, MissingValuesWarning, OddCellsWarning
from skmulti.inputs.image import ImageDecoder
from skmulti.inputs.image import pixels as pixels_module

RNG = np.random.default_rng(0)
N_ROWS = 60
Y = np.arange(N_ROWS) % 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of 60 photos, dark and bright in turn."""
    folder = tmp_path_factory.mktemp("photos")
    for i in range(N_ROWS):
        values = RNG.integers(0, 100, (12, 12, 3)) + 150 * Y[i]
        Image.fromarray(values.astype("uint8")).save(folder / f"{i}.png")
    return folder


def paths(folder, **replaced):
    """Return a frame of the photos' paths; ``row_5="x"`` puts "x" into row 5."""
    cells = [str(folder / f"{i}.png") for i in range(N_ROWS)]
    for name, cell in replaced.items():
        cells[int(name[4:])] = cell
    return pd.DataFrame({"photo": pd.Series(cells, dtype=object), "x": np.linspace(0, 1, N_ROWS)})


def classifier(decoder=None):
    """Return a classifier of photos and x; unless told, with an inferred decoder, but of small pictures."""
    decoder = ImageDecoder.make_inferred().set_params(size=(8, 8)) if decoder is None else decoder
    router = InputRouter([("photo", decoder, "photo"), ("x", NumberScaler(), ["x"])])
    return MultiInputClassifier(router, epochs=1, random_state=0)


def warned(function, *arguments):
    """Return the result and the messages of the warnings about odd cells."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function(*arguments)
    return result, [str(w.message) for w in caught if w.category is OddCellsWarning]


ODD = {
    "https://example.org/a.png": "a web address; download the file first",
    "photos/7": "file not found",
    "unknown": "file not found",
    "": "file not found",
    17: "type int",
    2.5: "type float",
    b"abc": "not an image",
    "data:image/png;base64,AAAA": "not an image",
    (1, 2): "not the shape of an image",
    frozenset([1]): "type frozenset",
}


@pytest.mark.parametrize("cell", list(ODD), ids=str)
def test_one_odd_cell_among_photos_is_noted_by_the_default_router(cell, folder):
    frame = paths(folder, row_50=cell)

    router, said = warned(InputRouter().fit, frame)
    arrays, said_again = warned(router.transform, frame)

    assert router.plan_.set_index("column").loc["photo", "encoder"] == "ImageDecoder"
    assert len(said) == len(said_again) == 1
    assert "column 'photo': 1 of 60 cells are not" in said[0]
    assert "first at row label 50: " in said[0]
    assert ODD[cell] in said[0]
    assert len(said[0]) <= 600
    assert np.flatnonzero(arrays["photo__missing"]).tolist() == [50]
    assert not arrays["photo"][50].any()


@pytest.mark.parametrize("cell", list(ODD), ids=str)
def test_odd_cell_changes_nothing_but_its_own_row(cell, folder):
    decoder = ImageDecoder(size=(8, 8), on_error="auto", on_odd="missing")
    clean = paths(folder)["photo"]
    expected = clone(decoder).fit_transform(clean)

    pixels, _ = warned(clone(decoder).fit_transform, paths(folder, row_7=cell)["photo"])

    np.testing.assert_array_equal(np.delete(pixels, 7, axis=0), np.delete(expected, 7, axis=0))


@pytest.mark.parametrize("cell", list(ODD), ids=str)
def test_decoder_that_the_user_named_refuses_the_cell(cell, folder):
    with pytest.raises(InputMismatchError, match=r"1 of 60 (cells are not images|images cannot be read)") as caught:
        ImageDecoder().fit_transform(paths(folder, row_7=cell)["photo"])

    assert ODD[cell] in str(caught.value)
    assert "row label 7" in str(caught.value)


def test_fit_and_predict_with_an_odd_cell_say_so_once_each(folder):
    frame = paths(folder, row_3="unknown", row_40=5)

    fitted, said = warned(classifier().fit, frame, Y)
    assert len(said) == 1
    assert "column 'photo': 2 of 60 cells are not readable as images, first at row label 3: 'unknown' (file" in said[0]

    for rows in (slice(0, 60), slice(3, 4), slice(2, 40)):
        predicted, said = warned(fitted.predict_proba, frame[rows])
        assert len(said) == 1
        assert np.isfinite(predicted).all()
        np.testing.assert_allclose(predicted, warned(fitted.predict_proba, frame)[0][rows], atol=1e-6)
    assert not warned(fitted.predict_proba, frame[10:30])[1]


@pytest.mark.parametrize("how", [{"lazy": True}, {"lazy": False}])
def test_lazy_batches_do_not_repeat_the_warning(how, folder, recwarn):
    decoder = ImageDecoder(size=(8, 8), on_error="missing", **how)
    warnings.simplefilter("always")

    fitted = classifier(decoder).set_params(epochs=2).fit(paths(folder, row_3="gone.png", row_9="gone.png"), Y)

    said = [str(w.message) for w in recwarn if w.category is OddCellsWarning]
    assert len(said) == 1
    assert "cells are not readable as images, first at row label 3: 'gone.png' (file not found)" in said[0]
    assert fitted.router_.specs_["photo"].has_missing


def test_row_that_cannot_be_read_is_told_at_predict_although_fit_saw_none(folder):
    fitted, said = warned(classifier().fit, paths(folder), Y)
    assert not said

    _, said = warned(fitted.predict, paths(folder, row_0="gone.png")[:1])

    assert len(said) == 1
    assert "1 of 1 cells are not readable as images, first at row label 0: 'gone.png' (file not found)" in said[0]


# --- Nothing can be read ---


@pytest.mark.parametrize("on_error", ["raise", "missing", "auto"])
@pytest.mark.parametrize("fits", ["classifier", "router", "decoder"])
def test_wrong_folder_is_an_error_at_fit(on_error, fits):
    frame = pd.DataFrame({"photo": [f"no_such_folder/{i}.png" for i in range(N_ROWS)], "x": np.arange(N_ROWS) / 60})
    decoder = ImageDecoder(on_error=on_error)
    fit = {
        "classifier": lambda: classifier(decoder).fit(frame, Y),
        "router": lambda: classifier(decoder).router.fit_transform(frame),
        "decoder": lambda: decoder.fit(frame["photo"]).transform(frame["photo"]),
    }[fits]

    with pytest.raises(InputMismatchError, match=r"60 of 60 images cannot be read, first at row label 0: ") as caught:
        fit()

    message = str(caught.value)
    assert "'no_such_folder/0.png' (file not found), then 'no_such_folder/1.png' and 'no_such_folder/2.png'" in message
    assert "ImageDecoder(folder=...)" in message
    assert len(message) <= 600


def test_wrong_folder_is_an_error_in_parts_too():
    with pytest.raises(InputMismatchError, match=r"5 of 5 images cannot be read.*nothing to learn from"):
        ImageDecoder(on_error="missing").partial_fit(pd.Series(["gone/a.png"] * 5))


def test_default_router_refuses_a_wrong_folder():
    frame = pd.DataFrame({"photo": [f"no_such_folder/{i}.png" for i in range(N_ROWS)], "x": np.arange(N_ROWS) / 60})

    with pytest.raises(InputMismatchError, match=r"Input 'photo' \(column 'photo'\): 60 of 60 images cannot be read"):
        MultiInputClassifier().fit(frame, Y)


@pytest.mark.parametrize("content", ["closed", "bytes"])
def test_content_of_which_nothing_can_be_read_is_missing_and_counted(content, folder):
    image = Image.open(folder / "0.png")
    image.close()
    cells = [image if content == "closed" else b"no image"] * 20

    (_, missing), said = warned(ImageDecoder(on_error="missing").fit(cells).encode_and_flag, cells)

    assert missing.all()
    assert len(said) == 1
    assert "20 of 20 cells are not readable as images, first at row label 0" in said[0]


@pytest.mark.parametrize(("n_gone", "is_refused"), [(1, False), (3, False), (4, True), (30, True), (60, True)])
@pytest.mark.parametrize("damage", ["gone", "damaged", "heic"])
def test_inferred_decoder_stands_what_most_photos_allow(n_gone, is_refused, damage, folder, tmp_path):
    content = {"gone": None, "damaged": b"\x89PNG\r\n\x1a\n..", "heic": b"\x00\x00\x00\x18ftypheic"}[damage]
    bad = [tmp_path / f"{i}.png" for i in range(n_gone)]
    for path in bad if content else ():
        path.write_bytes(content)
    frame = paths(folder, **{f"row_{60 // n_gone * i}": path for i, path in enumerate(bad)})

    if is_refused:
        with pytest.raises(InputMismatchError, match=rf"{n_gone} of 60 images cannot be read, first at row label 0"):
            InputRouter().fit(frame)
    else:
        _, said = warned(InputRouter().fit, frame)
        assert f"{n_gone} of 60 cells" in said[0]


def test_user_may_let_many_photos_be_missing(folder):
    frame = paths(folder, **{f"row_{i}": "gone.png" for i in range(59)})

    (_, missing), said = warned(ImageDecoder(on_error="missing").fit(frame["photo"]).encode_and_flag, frame["photo"])

    assert missing.sum() == 59
    assert "59 of 60 cells are not readable as images" in said[0]


def test_truncated_photos_are_refused_although_their_headers_are_whole(folder):
    content = (folder / "0.png").read_bytes()

    with pytest.raises(InputMismatchError, match="20 of 20 images cannot be read"):
        ImageDecoder(on_error="auto").fit([content[:-40]] * 20)


def test_few_rows_may_have_one_photo_that_cannot_be_read(folder):
    cells = [str(folder / "0.png"), "gone.png"]

    _, said = warned(ImageDecoder(on_error="auto").fit_transform, cells)

    assert "1 of 2 cells are not readable as images" in said[0]


# --- Missing cells ---


def test_router_alone_knows_missing_and_odd_rows(folder):
    column = paths(folder, row_1=None, row_2={"bytes": None, "path": None}, row_3=5, row_4="gone.png")["photo"]
    decoder = ImageDecoder(size=(8, 8), on_error="auto", on_odd="missing").fit(column)

    missing, said = warned(decoder.missing, column)

    assert np.flatnonzero(missing).tolist() == [1, 2, 3, 4]
    assert "2 of 60 cells" in said[0]
    strict = ImageDecoder().fit(column[:3])
    assert strict.missing(column[:3]).tolist() == [False, True, True]


def test_no_alarm_for_cells_that_are_missing(folder, recwarn):
    frame = paths(folder, row_5=None, row_6=np.nan)

    classifier().fit(frame, Y).predict(frame[:7])

    assert not [w for w in recwarn if w.category in (OddCellsWarning, MissingValuesWarning)]


# --- Messages ---


HUGE = {
    "base64 of no image": "TOVhlPeO8jEyYcyojVrjk7nV" * 15_000,
    "long path": "folder/" * 400 + "a.png",
    "bytes": bytes(400_000),
    "list": list(range(100_000)),
    "nested list": [[["word"] * 3] * 100] * 100,
    "array": np.zeros((300, 300, 9)),
    "PIL": Image.new("F", (500, 500), -3.0),
}


@pytest.mark.parametrize("name", list(HUGE))
@pytest.mark.parametrize("strict", [True, False])
def test_messages_stay_short(name, strict):
    good = np.zeros((8, 8, 3), dtype="uint8")
    label = "row " * 100
    column = pd.Series([good] * 99 + [HUGE[name]], index=[*range(99), label], dtype=object, name="photo " * 10)
    frame = column.to_frame()
    decoder = ImageDecoder(size=(8, 8), **({} if strict else {"on_error": "missing", "on_odd": "missing"}))
    router = InputRouter([("photo", decoder, column.name)])

    if strict:
        with pytest.raises(InputMismatchError) as caught:
            router.fit_transform(frame)
        message = str(caught.value)
    else:
        message = warned(router.fit_transform, frame)[1][0]

    assert len(message) <= 600
    assert "1 of 100" in message


def test_array_is_named_by_its_shape_and_dtype():
    with pytest.raises(InputMismatchError, match=r"array of shape \(300, 300, 9\), float64 .*channels last or first"):
        ImageDecoder().fit([np.zeros((300, 300, 9))])


def test_users_open_images_and_files_are_not_closed(folder):
    file, image = io.BytesIO((folder / "0.png").read_bytes()), Image.open(folder / "1.png")

    ImageDecoder(on_error="auto").fit_transform([file, image])

    assert not file.closed
    assert image.getpixel((0, 0))


def test_formats_are_those_that_pillow_has(monkeypatch):
    monkeypatch.setattr(pixels_module, "FORMATS", ("PNG", "NO_SUCH_FORMAT"))
    pixels_module._formats_of_pillow.cache_clear()

    assert pixels_module._formats_of_pillow() == ("PNG",)
    pixels_module._formats_of_pillow.cache_clear()


# --- The folder, the store and the memory ---


def relative(folder, **parameters):
    decoder = ImageDecoder(size=(8, 8), folder=str(folder), **parameters)
    return InputRouter([("photo", decoder, "photo")]), pd.DataFrame({"photo": [f"{i}.png" for i in range(8)]})


def test_rows_of_a_folder_are_kept_and_found_again(folder, tmp_path, monkeypatch):
    router, frame = relative(folder, lazy=True)
    first = router.fit_encode(frame, folder=str(tmp_path))["photo"][:]
    monkeypatch.setattr("skmulti.inputs.image.decoder.decode_into", None)

    again = clone(router).fit_encode(frame, folder=str(tmp_path))["photo"]

    np.testing.assert_array_equal(again[:], first)
    np.testing.assert_array_equal(again.take(np.array([3, 1]))[:], first[[3, 1]])


def test_photo_of_a_folder_that_changed_is_decoded_anew(tmp_path):
    means = []
    for value in (10, 200):
        for i in range(8):
            Image.new("L", (8 + value, 8), value).save(tmp_path / f"{i}.png")
        router, frame = relative(tmp_path)
        estimator = MultiInputClassifier(router, epochs=1, random_state=0, memory=str(tmp_path / "cache"))
        estimator.fit(frame, Y[:8])
        means.append(estimator.router_.transform(frame)["photo"].mean())
        means.append(estimator.predict_proba(frame)[0, 0])

    assert means[0] == 10
    assert means[2] == 200
    assert means[1] != means[3]
