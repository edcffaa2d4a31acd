"""Cells that hold a sequence: lists, arrays and files, and what is refused with its place."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skmulti.errors import InputMismatchError
from skmulti.inputs.sequence import SequencePadder

NAN = np.nan


def first_feature(array):
    """Return the first feature as nested lists, NaN as None."""
    return [[None if np.isnan(value) else float(value) for value in row] for row in array[:, :, 0]]


def test_every_way_to_write_a_sequence_gives_the_same_array(tmp_path):
    steps = np.array([[1, 2], [3, 4], [5, 6]])
    np.save(tmp_path / "steps.npy", steps)
    nested = np.empty(3, dtype=object)
    nested[:] = list(steps)
    cells = [
        steps.tolist(),
        tuple(map(tuple, steps)),
        steps,
        steps.astype("uint8"),
        steps.astype(object),
        nested,
        str(tmp_path / "steps.npy"),
        tmp_path / "steps.npy",
    ]
    padded = SequencePadder().fit_transform(pd.Series([*cells, None, NAN, pd.NA], dtype=object))
    np.testing.assert_array_equal(padded[: len(cells)], np.broadcast_to(steps, (len(cells), 3, 2)))
    assert np.isnan(padded[len(cells) :]).all()


def test_column_of_arrow_lists_is_read():
    pa = pytest.importorskip("pyarrow")
    column = pd.Series([[1.0, 2.0], [3.0], None], dtype=pd.ArrowDtype(pa.list_(pa.float64())))
    assert first_feature(SequencePadder().fit_transform(column)) == [[1, 2], [3, None], [None, None]]


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("abc", r"'abc' \(type str\)"),
        (b"12", r"b'12' \(type bytes\)"),
        (5.0, r"5.0 \(type float\)"),
        ({"a": 1}, r"{'a': 1} \(type dict\)\."),
        (["x", "y"], r"\['x', 'y'\] \(type list\) holds text"),
        ([1, "2"], r"\[1, '2'\] \(type list\) holds text"),
        ([1 + 2j], r".*\(type list\) holds complex numbers"),
        ([[1, 2], [3]], r"\[\[1, 2\], \[3\]\] \(type list\) has steps of different lengths"),
        (np.zeros((2, 2, 2)), r"\(type ndarray\), shape \(2, 2, 2\)"),
        (np.array([object()]), r".*\(type ndarray\) holds more than numbers"),
        (np.array([None, np.zeros((2, 2))], dtype=object)[1:], r"\(type ndarray\), shape \(1, 2, 2\)"),
        ([10**400], r".*\(type list\) holds a number beyond the largest float"),
        (pd.to_datetime(["2024-01-01"]).to_numpy(), r".*\(type ndarray\) holds dates"),
        ("gone.npy", r"'gone.npy' \(file not found\)"),
    ],
)
def test_cell_that_is_no_sequence_is_refused_with_its_place(cell, found):
    column = pd.Series([[1.0], cell, cell], index=["a", "b", "c"], dtype=object, name="trace")
    with pytest.raises(InputMismatchError, match=rf"column 'trace': 2 of 3 .* row label 'b': {found}.*Give lists"):
        SequencePadder().fit(column)


class Spy:
    """Tells when it is unpickled."""

    def __reduce__(self):
        return (Path.touch, (Path("unpickled"),))


def test_pickled_npy_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("objects.npy", np.array([Spy()], dtype=object), allow_pickle=True)
    Path("pickle.npy").write_bytes(pickle.dumps(Spy()))
    with pytest.raises(InputMismatchError, match=r"2 of 2 .*'objects.npy' \(.*pickle and are not loaded"):
        SequencePadder().fit(pd.Series(["objects.npy", "pickle.npy"]))
    assert not Path("unpickled").exists()


@pytest.mark.parametrize("damage", ["empty", "cut", "garbage", "folder", "archive", "text"])
def test_damaged_npy_is_refused_with_its_path(damage, tmp_path):
    path = tmp_path / "trace.npy"
    np.save(path, np.zeros(100) if damage != "text" else np.array(["a"]))
    if damage == "folder":
        path.unlink()
        path.mkdir()
    elif damage == "archive":
        with path.open("wb") as file:
            np.savez(file, a=np.zeros(2))
    elif damage != "text":
        path.write_bytes({"empty": b"", "cut": path.read_bytes()[:300], "garbage": b"no array"}[damage])
    with pytest.raises(InputMismatchError, match=r"row label 0: '.*trace\.npy'"):
        SequencePadder().fit(pd.Series([path]))
