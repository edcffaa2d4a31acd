"""Checkpoints: files that are whole or refused, digests, locks, and who writes when."""

import subprocess
import sys
import threading
import warnings
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from skmulti import CheckpointWarning, DenseBranch, InputRouter, NumberScaler
from skmulti.training import Checkpoint, digest
from skmulti.training.locks import FileLock
from skmulti.training.statefile import DamagedFileError, NotPlainError, is_plain, read_state, write_state

VALUE = {
    "none": None,
    "numbers": [1, -2.5, float("inf"), True, 2**70],
    ("a", 1): ("text \ud800", {3: []}),
    "array": np.arange(6, dtype="float32").reshape(2, 3),
    "scalar": np.float32(0.1),
    "function": keras.ops.less,
}


class TestStateFile:
    def test_what_is_read_is_what_was_written(self, tmp_path):
        write_state(tmp_path / "a.checkpoint", VALUE)
        found = read_state(tmp_path / "a.checkpoint")
        assert list(found) == list(VALUE)
        np.testing.assert_array_equal(found.pop("array"), VALUE["array"], strict=True)
        assert found == {name: value for name, value in VALUE.items() if name != "array"}
        assert type(found["scalar"]) is np.float32
        assert np.isnan(round_trip(tmp_path, float("nan")))
        assert [path.name for path in tmp_path.iterdir()] == ["a.checkpoint"]

    def test_a_file_with_any_byte_flipped_or_cut_off_is_refused(self, tmp_path):
        path = tmp_path / "a.checkpoint"
        write_state(path, {"a": [1, 2], "b": np.ones(2)})
        whole = path.read_bytes()
        damaged = [whole[:i] for i in range(0, len(whole), 7)]
        damaged += [whole[:i] + bytes([whole[i] ^ 1 << i % 8]) + whole[i + 1 :] for i in range(len(whole))]
        damaged += [whole + b"\0", b"PK" + whole]
        for content in damaged:
            path.write_bytes(content)
            with pytest.raises(DamagedFileError, match="is damaged, or was not written by skmulti"):
                read_state(path)

    @pytest.mark.parametrize("value", [{1, 2}, object(), len, np.array([None]), [b"bytes"], {"a": (lambda: 1)}])
    def test_other_values_are_refused_and_leave_the_old_file(self, tmp_path, value):
        write_state(tmp_path / "a.checkpoint", 1)
        assert not is_plain(value)
        with pytest.raises(NotPlainError):
            write_state(tmp_path / "a.checkpoint", value)
        assert read_state(tmp_path / "a.checkpoint") == 1
        assert len(list(tmp_path.iterdir())) == 1

    def test_a_list_that_holds_itself_is_not_plain(self):
        endless = []
        endless.append(endless)
        assert not is_plain(endless)


def round_trip(folder, value):
    write_state(folder / "b", value)
    (value, _) = read_state(folder / "b"), (folder / "b").unlink()
    return value


def scaled(x, by=2):
    return [x * by for _ in range(3)]


class Mine:
    def method(self):
        return scaled(1)


def values():
    """Return values that differ from each other."""
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", None]})
    return [
        None,
        0,
        0.0,
        False,
        "0",
        b"0",
        [0],
        (0,),
        [[0], []],
        [[], [0]],
        {"a": 1, "b": 2},
        {"b": 2, "a": 1},
        {1, 2},
        np.zeros(2),
        np.zeros(2, "float32"),
        np.zeros((2, 1)),
        np.array([None, 1]),
        frame,
        frame.rename(columns={"a": "c"}),
        frame.astype({"b": object}),
        frame.astype({"b": "category"}),
        frame.fillna({"a": 1.0}),
        frame.iloc[::-1],
        scaled,
        lambda x: x,
        lambda x: x + 1,
        lambda x, y=1: x,
        len,
        Mine,
        Mine(),
        Mine().method,
        NumberScaler(),
        NumberScaler(add_indicator=False),
        InputRouter([("a", NumberScaler(), ["a"])]),
        DenseBranch((4,)),
        keras.optimizers.Adam(0.1),
        keras.optimizers.Adam(0.2),
        keras.losses.Huber(),
        pd.Timestamp("2020"),
        np.random.RandomState(0),
        frame.assign(t=pd.to_datetime(["2020", "2021"]).tz_localize("CET")),
    ]


PROBE = "import sys; sys.path.insert(0, {!r}); import test_checkpoint as t; print([t.digest(v) for v in t.values()])"


class TestDigest:
    def test_values_that_differ_have_their_own(self):
        assert len({digest(value) for value in values()}) == len(values())

    def test_equal_values_have_one_also_in_another_process(self):
        code = PROBE.format(str(Path(__file__).parent))
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
        assert run.stdout.strip() == str([digest(value) for value in values()]), run.stderr[-2000:]

    def test_row_labels_and_threads_decide_nothing(self):
        frame = pd.DataFrame({"a": [1, 2]})
        assert digest(frame) == digest(frame.set_axis([7, 8]))
        assert digest(InputRouter()) == digest(InputRouter(n_jobs=2))

    def test_an_object_that_holds_itself_ends(self):
        endless = Mine()
        endless.me = endless
        assert digest(endless) != digest(Mine())

    def test_what_cannot_be_looked_into_is_refused(self):
        with pytest.raises(TypeError):
            digest([threading.Lock()])


class TestLock:
    def test_one_has_it_and_the_next_gets_it_afterwards(self, tmp_path):
        one, other = FileLock(tmp_path / "a.lock"), FileLock(tmp_path / "a.lock")
        assert one.acquire()
        assert not other.acquire()
        one.release()
        assert other.acquire()
        other.release()
        assert list(tmp_path.iterdir()) == []

    def test_it_ends_with_its_process(self, tmp_path):
        lock = FileLock(tmp_path / "a.lock")
        code = (
            "import os, sys; from pathlib import Path; from importlib.util import *;"
            f"spec = spec_from_file_location('locks', {sys.modules[FileLock.__module__].__file__!r});"
            "locks = module_from_spec(spec); spec.loader.exec_module(locks);"
            "lock = locks.FileLock(Path(sys.argv[1])); print(lock.acquire(), flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, lock.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdout.readline().strip() == "True"
            assert not lock.acquire()
            other.kill()
        assert lock.acquire()
        lock.release()


class TestCheckpointFolder:
    def test_equal_fits_side_by_side_have_a_file_each(self, tmp_path):
        with Checkpoint(tmp_path, {"a": "1"}, 1) as one, Checkpoint(tmp_path, {"a": "1"}, 2) as other:
            one.write({"logs": []}, 0)
            other.write({"logs": [{}]}, 0)
        with Checkpoint(tmp_path, {"a": "1"}, 3) as one, Checkpoint(tmp_path, {"a": "1"}, 4) as other:
            assert (one.seed, other.seed) == (1, 2)
            one.finished = other.finished = True
        assert list(tmp_path.iterdir()) == []

    def test_running_fits_are_not_warned_of(self, tmp_path):
        with Checkpoint(tmp_path, {"a": "1"}, 1) as one:
            one.write({}, 0)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with Checkpoint(tmp_path, {"a": "2"}, 1):
                    pass
        other = Checkpoint(tmp_path, {"a": "2"}, 1)
        with pytest.warns(CheckpointWarning, match=r"of another fit: 'a' differs \(a: 1 there, 2 here\)"), other:
            pass

    def test_writing_takes_a_tenth_of_the_time(self, tmp_path, monkeypatch):
        clock = [0.0]
        monkeypatch.setattr("skmulti.training.checkpoint.time.monotonic", lambda: clock[0])
        with Checkpoint(tmp_path, {}, 1) as checkpoint:
            assert checkpoint.is_due()
            clock[0] = 2.0
            checkpoint.write({}, started=1.0)
            clock[0] = 10.9
            assert not checkpoint.is_due()
            clock[0] = 11.0
            assert checkpoint.is_due()

    def test_a_disk_that_is_full_is_warned_of_once(self, tmp_path):
        with Checkpoint(tmp_path / "a", {}, 1) as checkpoint:
            checkpoint.path = tmp_path / "gone" / "b.checkpoint"
            with pytest.warns(CheckpointWarning, match="could not be written .*Training goes on"):
                checkpoint.write({}, 0)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                checkpoint.write({}, 0)

    def test_what_a_kill_left_half_written_is_removed(self, tmp_path):
        with Checkpoint(tmp_path, {}, 1) as checkpoint:
            name = checkpoint.path.stem
        (tmp_path / f"{name}.123.tmp").write_bytes(b"half")
        with Checkpoint(tmp_path, {}, 1):
            assert not list(tmp_path.glob("*.tmp"))
