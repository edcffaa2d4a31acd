"""Files that are not as `save` wrote them are refused; none runs code, none fills the memory."""

import json
import sys

import pytest
from damage import check_all, contents, sealed
from saved_cases import classifier, frame, labels

from skmulti import SavedFileError, load, save


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "est.skmulti"
    save(classifier().fit(frame(), labels()), path)
    return path


def test_two_hundred_damaged_files_are_refused(path, tmp_path):
    wrong, count = check_all(path, tmp_path / "damaged.skmulti")
    assert not wrong
    assert count >= 200


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", r"is empty; it was not written by skmulti\.save"),
        (b"\x80\x04N.", "looks like a pickle, which runs code"),
        (b"\x89HDF\r\n\x1a\n", r"HDF5.*keras\.saving\.load_model"),
        (b"PK\x03\x04" + bytes(40), "probably truncated"),
    ],
)
def test_the_message_says_what_the_file_seems_to_be(content, match, tmp_path):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(SavedFileError, match=match) as error:
        load(tmp_path / "file")
    assert str(tmp_path) in str(error.value)


def test_a_newer_format_names_its_maker(path, tmp_path):
    members, manifest = contents(path)
    manifest = {**manifest, "format_version": 2, "versions": {"skmulti": "9.1"}}
    (tmp_path / "file").write_bytes(sealed(members, manifest))
    with pytest.raises(SavedFileError, match=r"made by a newer skmulti \('?9\.1"):
        load(tmp_path / "file")


def test_folders_and_missing_files_are_refused(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(SavedFileError, match=r"folder.*tf\.saved_model\.load"):
        load(tmp_path)
    with pytest.raises(FileNotFoundError, match="There is no file"):
        load(tmp_path / "none")


def test_a_name_is_not_imported_because_a_file_holds_it(path, tmp_path):
    (tmp_path / "evil_module.py").write_text("raise SystemExit")
    members, manifest = contents(path)
    state = json.loads(members["state.json"])
    state["table"].append(["name", "evil_module.Thing"])
    (tmp_path / "file").write_bytes(sealed({**members, "state.json": json.dumps(state).encode()}, manifest))
    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(SavedFileError, match=r"evil_module\.Thing"):
            load(tmp_path / "file")
    finally:
        sys.path.remove(str(tmp_path))
    assert "evil_module" not in sys.modules
