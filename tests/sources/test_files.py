"""Tests of `skmulti.files`: files that belong together by a key in their names."""

import json
import warnings

import pytest

from skmulti import InputMismatchError, UnmatchedFilesWarning, load_files_frame
from skmulti.datasets import write_sensor_files


@pytest.fixture
def folder(tmp_path):
    """Recordings 1, 2 and 10, of which 2 has no metadata, and metadata 7 without a recording."""
    for key in ("1", "2", "10"):
        (tmp_path / f"sensor_{key}.npy").write_bytes(b"")
    for key, place in (("10", "attic"), ("1", "cellar"), ("7", "hall")):
        (tmp_path / f"meta_{key}.json").write_text(json.dumps({"place": place, "at": {"floor": int(key)}}))
    (tmp_path / "notes.txt").write_text("")
    return tmp_path


def load(folder, *patterns):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnmatchedFilesWarning)
        return load_files_frame(*(patterns or ("sensor_{id}.npy", "meta_{id}.json")), folder=folder)


def test_rows_are_joined_on_the_key_not_on_an_order(folder):
    frame = load(folder)
    assert frame["id"].tolist() == ["1", "2", "7", "10"]
    assert frame["place"].tolist()[::3] == ["cellar", "attic"]
    assert frame.loc["10", "sensor_path"] == str(folder / "sensor_10.npy")
    assert frame.loc["1", "at.floor"] == 1


def test_absent_files_are_missing_cells_and_reported(folder):
    with pytest.warns(UnmatchedFilesWarning, match=r"2 of 4 keys without a file, first '2' \('meta_\{id\}.json'\)"):
        frame = load_files_frame("sensor_{id}.npy", "meta_{id}.json", folder=folder)
    assert frame.attrs["unmatched"] == [("2", "meta_{id}.json"), ("7", "sensor_{id}.npy")]
    assert frame.attrs["ignored"] == [str(folder / "notes.txt")]
    assert frame["sensor_path"].isna().tolist() == [False, False, True, False]
    assert frame["place"].isna().tolist() == [False, True, False, False]


@pytest.mark.filterwarnings("error")
def test_whole_pairs_are_not_warned_of(tmp_path):
    expected, y = write_sensor_files(tmp_path, 12, 0)
    frame = load_files_frame("sensor_{id}.npy", "meta_{id}.json", folder=tmp_path)
    assert frame["sensor_path"].tolist() == expected["sensor_path"].tolist()
    assert frame["location"].tolist() == expected["location"].tolist()
    assert frame["label"].tolist() == y.tolist()
    assert frame["label"].dtype == "int64"


def test_keys_of_several_fields_and_folders(tmp_path):
    for day in ("mon", "tue"):
        (tmp_path / day).mkdir()
        for run in ("1", "2"):
            (tmp_path / day / f"run-{run}.npy").write_bytes(b"")
            (tmp_path / f"{day}_{run}.json").write_text('{"ok": true}')
    frame = load(tmp_path, "{day}/run-{run}.npy", "{day}_{run}.json")
    assert frame[["day", "run"]].to_numpy().tolist() == [["mon", "1"], ["mon", "2"], ["tue", "1"], ["tue", "2"]]
    assert frame["ok"].all()
    assert frame["npy_path"].iloc[2] == str(tmp_path / "tue" / "run-1.npy")


def test_text_of_a_metadata_file_is_never_run(tmp_path):
    (tmp_path / "a_1.npy").write_bytes(b"")
    (tmp_path / "m_1.json").write_text(f"__import__('pathlib').Path({str(tmp_path / 'ran')!r}).touch()")
    with pytest.raises(InputMismatchError, match=r"m_1.json' cannot be read as JSON.*json.dump"):
        load(tmp_path, "a_{id}.npy", "m_{id}.json")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ((), "Give patterns"),
        (("sensor_{id}.npy", "meta_{key}.json"), r"'meta_\{key\}.json' has the fields 'key', .* has 'id'"),
        (("sensor.npy",), "has no field in braces"),
        (("sensor_{id}.npy", "image_{id}.png"), r"No file in '.*' fits the pattern 'image_\{id\}.png'"),
        (("*_{id}.*",), r"Two files have the key '1' .*'meta_1.json' and 'sensor_1.npy'"),
    ],
)
def test_patterns_that_join_nothing_are_refused(patterns, message, folder):
    with pytest.raises(InputMismatchError, match=message):
        load_files_frame(*patterns, folder=folder)


@pytest.mark.parametrize(
    ("text", "message"), [("[1]", "holds a list"), ('{"id": "9"}', "field 'id', of which there is")]
)
def test_metadata_that_is_no_object_or_hides_a_column_is_refused(text, message, folder):
    (folder / "meta_1.json").write_text(text)
    with pytest.raises(InputMismatchError, match=message):
        load(folder)


def test_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputMismatchError, match=r"no folder '.*gone'"):
        load_files_frame("a_{id}.npy", folder=tmp_path / "gone")
