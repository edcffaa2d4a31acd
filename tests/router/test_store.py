"""Decoded rows on disk: found again by what they were decoded from, and never stale."""

import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lazy_cases import classifier, png, router
from numpy.testing import assert_allclose, assert_array_equal

from skmulti import (
    ImageBranch,
    ImageDecoder,
    InputRouter,
    MultiInputClassifier,
)
from skmulti.router.store import DecodedStore, file_states, has_key, row_keys


class TestStore:
    @pytest.fixture
    def store(self, tmp_path):
        return DecodedStore(tmp_path / "rows", (2,), "float32")

    def test_rows_that_were_written_are_found(self, store):
        keys = row_keys(pd.Series([b"a", b"b", b"c"]))
        with store.writer() as add:
            add(keys[:2], np.array([[1, 2], [3, 4]], dtype="float32"))
        places = store.find(keys[::-1])
        assert places[0] is None
        out = np.zeros((2, 2), dtype="float32")
        assert store.read(places[1:], out, [0, 1]) == []
        assert out.tolist() == [[3, 4], [1, 2]]

    def test_a_pass_that_was_broken_off_leaves_nothing(self, store):
        def broken_off():
            with store.writer() as add:
                add(row_keys(pd.Series([b"a"])), np.ones((1, 2), dtype="float32"))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            broken_off()
        assert os.listdir(store.folder) == []

    def test_rows_whose_file_was_removed_or_cut_are_told(self, store):
        keys = row_keys(pd.Series([b"a", b"b"]))
        with store.writer() as add:
            add(keys, np.ones((2, 2), dtype="float32"))
        places = store.find(keys)
        block = next(store.folder.glob("*.rows"))
        block.write_bytes(block.read_bytes()[:12])
        assert store.read(places, np.zeros((2, 2), "float32"), [0, 1]) == [1]
        block.unlink()
        assert store.read(places, np.zeros((2, 2), "float32"), [0, 1]) == [0, 1]

    def test_key_of_a_file_changes_with_its_content(self, tmp_path):
        path = tmp_path / "a.npy"
        path.write_bytes(b"one")
        before = row_keys(pd.Series([str(path)])).tobytes()
        path.write_bytes(b"two!")
        assert row_keys(pd.Series([str(path)])).tobytes() != before

    def test_missing_cells_absent_files_and_objects_have_no_key(self):
        cells = pd.Series([None, np.nan, "no/such.png", [1, 2], b"x", {"bytes": b"x", "path": None}], dtype=object)
        assert has_key(row_keys(cells)).tolist() == [False, False, False, False, True, True]

    def test_only_columns_of_paths_are_looked_up(self, photos):
        states = file_states(photos[0][["number", "photo"]].assign(text="some words"))
        assert len(states) == 70

    def test_folds_and_fits_decode_each_photo_once(self, photos, tmp_path, monkeypatch):
        calls = []
        monkeypatch.setattr("skmulti.inputs.image.decoder.decode_into", counting(calls))
        frame = photos[0]
        folder = str(tmp_path)
        first = router(True).fit_encode(frame[:50], folder=folder)["photo"]
        assert len(calls) == 50
        second = router(True).fit_encode(frame, folder=folder)["photo"]
        assert len(calls) == 70
        assert_array_equal(first[:], second[:50])
        fitted = router(True)
        fitted.fit_encode(frame, folder=folder)
        found = np.concatenate([chunk["photo"] for chunk in fitted.chunks(frame, folder=folder)])
        assert_array_equal(found, second[:])
        assert len(calls) == 70

    def test_photo_that_changed_is_decoded_anew(self, tmp_path):
        path = tmp_path / "a.png"
        frame = pd.DataFrame({"photo": [str(path)]})
        decoder = InputRouter([("photo", ImageDecoder(size=(12, 12), lazy=True), "photo")])
        means = []
        for value in (10, 200):
            path.write_bytes(png(value))
            means.append(decoder.fit_encode(frame, folder=str(tmp_path / "rows"))["photo"][:].mean())
        assert means[1] - means[0] > 150

    def test_a_fit_with_memory_is_not_stale_when_files_change(self, photos, tmp_path):
        frame = photos[0][["photo"]].copy()
        for i, label in enumerate(frame.index):
            path = tmp_path / f"{i}.png"
            path.write_bytes(Path(frame.loc[label, "photo"]).read_bytes())
            frame.loc[label, "photo"] = str(path)
        est = MultiInputClassifier(
            InputRouter([("photo", ImageDecoder(size=(12, 12)), "photo")]),
            branches={"photo": ImageBranch((1,))},
            epochs=1,
            memory=str(tmp_path / "cache"),
            random_state=0,
        )
        first = est.fit(frame, photos[1]).history_["loss"]
        for path in frame["photo"]:
            Path(path).write_bytes(png(255 - 40))
        assert est.fit(frame, photos[1]).history_["loss"] != first

    def test_later_epochs_and_a_second_fit_decode_nothing(self, photos, tmp_path, monkeypatch):
        calls = []
        monkeypatch.setattr("skmulti.inputs.image.decoder.decode_into", counting(calls))
        frame, y = photos
        predictions = []
        for filters in ((1,), (2,)):
            est = classifier(True, filters, epochs=3, memory=str(tmp_path)).fit(frame, y)
            predictions.append(est.predict_proba(frame))
            assert len(calls) == 70
        monkeypatch.undo()
        assert_allclose(predictions[1], classifier(False, (2,), epochs=3).fit(frame, y).predict_proba(frame), atol=1e-5)

    def test_lazy_rows_survive_a_pickle(self, photos):
        array = router(True).fit_encode(photos[0])["photo"]
        assert_array_equal(pickle.loads(pickle.dumps(array))[:4], array[:4])


def counting(calls):
    from skmulti.inputs.image.pixels import decode_into

    def counted(row, cell, decoder):
        calls.append(cell)
        return decode_into(row, cell, decoder)

    return counted
