"""Lazy rows, the store and feeds: rows that are decoded when a batch asks for them."""

import io
import os
import pickle
import threading
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.model_selection import GridSearchCV

from skmulti import (
    DenseBranch,
    ImageBranch,
    ImageDecoder,
    InputEncoder,
    InputMismatchError,
    InputRouter,
    MissingValuesWarning,
    MultiInputClassifier,
    NumberScaler,
    SequenceBranch,
    SequencePadder,
)
from skmulti._workers import map_ahead
from skmulti.router import lazy
from skmulti.router.lazy import Decoding, LazyArray, stays_lazy
from skmulti.router.store import DecodedStore, file_states, has_key, row_keys
from skmulti.spec import ArraySpec
from skmulti.training.run import Rows


def png(value, side=16):
    """Return the bytes of a PNG whose brightness is about `value`, with noise that the value decides."""
    noise = np.random.default_rng(value).integers(0, 40, (side, side, 3))
    file = io.BytesIO()
    Image.fromarray((noise + value).astype("uint8")).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A frame of 70 rows with a number, a path of a photo and a path of a trace, and a label that both decide."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    values = rng.integers(0, 200, 70)
    frame = pd.DataFrame({"number": rng.normal(size=70), "photo": "", "trace": ""}, index=range(100, 170))
    for i, value in enumerate(values):
        (folder / f"{i}.png").write_bytes(png(value))
        np.save(folder / f"{i}.npy", rng.normal(value / 100, 1, (3 + i % 4, 2)).astype("float32"))
    frame["photo"] = [str(folder / f"{i}.png") for i in range(70)]
    frame["trace"] = [str(folder / f"{i}.npy") for i in range(70)]
    return frame, (values > 100).astype(int)


def router(lazily, **params):
    return InputRouter(
        [
            ("number", NumberScaler(), ["number"]),
            ("photo", ImageDecoder(size=(12, 12), lazy=lazily, **params), "photo"),
            ("trace", SequencePadder(lazy=lazily), "trace"),
        ]
    )


def classifier(lazily, filters=(2,), **params):
    branches = {"photo": ImageBranch(filters), "trace": SequenceBranch(units=4), "number": DenseBranch((4,))}
    params = {"epochs": 2, "batch_size": 16, "early_stopping": False, "random_state": 0, **params}
    return MultiInputClassifier(router(lazily), branches=branches, **params)


@pytest.fixture(scope="module")
def in_memory(photos):
    return classifier(False).fit(*photos)


def spec_of(shape=(12, 12, 3), dtype="uint8"):
    return ArraySpec("photo", "image", shape, dtype)


class Counter(InputEncoder):
    """Gives each cell as a vector, and counts its calls and the threads that they come from."""

    default_branch = DenseBranch
    lazy = True

    def fit(self, columns, y=None):
        self.calls, self.threads, self.broken = [], set(), None
        return self

    def transform(self, columns):
        self.calls.append(len(columns))
        self.threads.add(threading.current_thread().name)
        if self.broken in columns.index:
            raise InputMismatchError(f"row label {self.broken!r} is broken")
        return np.asarray(columns, dtype="float32")[:, None]

    def spec(self, name):
        return ArraySpec(name, "vector", (1,), "float32")


class TestRule:
    @pytest.mark.parametrize("choice", [True, False])
    def test_the_users_word_is_kept(self, choice):
        assert stays_lazy(ImageDecoder(lazy=choice), 10**9, spec_of()) is choice

    def test_auto_is_lazy_above_a_tenth_of_memory(self, monkeypatch):
        monkeypatch.setattr(lazy, "machine_memory", lambda: 1000 * 12 * 12 * 3)
        assert not stays_lazy(ImageDecoder(), 100, spec_of())
        assert stays_lazy(ImageDecoder(), 101, spec_of())

    def test_an_encoder_that_does_not_ask_for_it_is_never_lazy(self):
        assert not stays_lazy(NumberScaler(), 10**12, spec_of())

    def test_the_machine_has_some_memory(self):
        assert 2**28 < lazy.machine_memory() < 2**50

    def test_the_arrays_of_transform_are_whole(self, photos):
        assert isinstance(router(True).fit_transform(photos[0])["photo"], np.ndarray)

    def test_wrong_word_is_refused(self):
        with pytest.raises(ValueError, match="lazy"):
            SequencePadder(lazy="always").fit(pd.Series([[1.0]]))


@pytest.fixture(scope="module")
def both(photos):
    """The arrays of the photos, lazy ones and those in memory."""
    return router(True).fit_encode(photos[0]), router(False).fit_transform(photos[0])


class TestArrays:
    @pytest.mark.parametrize("rows", [slice(None), slice(3, 9), np.array([5, 1, 1]), np.array([], dtype=int)])
    @pytest.mark.parametrize("name", ["photo", "trace"])
    def test_rows_are_those_in_memory(self, both, name, rows):
        assert isinstance(both[0][name], LazyArray)
        assert_array_equal(both[0][name][rows], both[1][name][rows])

    def test_shape_dtype_and_length_are_known_before(self, both):
        for name in ("photo", "trace"):
            expected = both[1][name]
            found = both[0][name]
            assert (found.shape, found.dtype, len(found), found.ndim) == (
                expected.shape,
                expected.dtype,
                len(expected),
                expected.ndim,
            )

    def test_numpy_makes_the_whole_array(self, both):
        assert_array_equal(np.asarray(both[0]["trace"], dtype="float64"), both[1]["trace"].astype("float64"))

    def test_taken_rows_stay_lazy(self, both):
        taken = both[0]["photo"].take(np.array([4, 2]))
        assert isinstance(taken, LazyArray)
        assert_array_equal(taken[:], both[1]["photo"][[4, 2]])

    def test_inputs_that_are_not_lazy_are_arrays(self, both):
        assert_array_equal(both[0]["number"], both[1]["number"])

    def test_infinity_in_a_file_is_refused_with_input_and_row(self, photos, tmp_path):
        frame = photos[0].copy()
        np.save(tmp_path / "bad.npy", np.array([[1.0, np.inf]]))
        frame.loc[150, "trace"] = str(tmp_path / "bad.npy")
        with pytest.raises(InputMismatchError, match=r"Input 'trace' \(column 'trace'\).*infinity.*row label 150"):
            router(True).fit_encode(frame)

    @pytest.mark.parametrize("lazily", [True, False])
    def test_rows_of_one_input_may_be_shared_by_another(self, photos, lazily):
        frame = photos[0].assign(other=photos[0]["photo"][::-1].to_numpy())
        decoder = ImageDecoder(size=(12, 12), lazy=lazily)
        arrays = InputRouter([("a", decoder, "photo"), ("b", "a", "other")]).fit_encode(frame)
        assert_array_equal(arrays["a"][:], arrays["b"][:][::-1])


class TestFit:
    def test_predictions_equal_those_of_a_fit_in_memory(self, photos, in_memory):
        est = classifier(True).fit(*photos)
        assert_allclose(est.predict_proba(photos[0]), in_memory.predict_proba(photos[0]), atol=1e-5)
        assert_allclose(est.history_["loss"], in_memory.history_["loss"], rtol=1e-5)

    @pytest.mark.parametrize(
        "params",
        [
            {"filters": "auto"},
            {"early_stopping": True, "validation_fraction": 0.2},
            {"input_dropout": 0.2, "shuffle": False, "batch_size": 100},
        ],
        ids=["fixed features", "hold-out", "one batch"],
    )
    def test_predictions_equal_with_features_hold_out_or_one_batch(self, photos, params):
        frame, y = photos
        lazily, whole = (classifier(choice, **params).fit(frame, y).predict_proba(frame) for choice in (True, False))
        assert_allclose(lazily, whole, atol=1e-5)

    def test_partial_fit_and_warm_start_take_lazy_rows(self, photos):
        frame, y = photos
        lazily, whole = (
            classifier(choice).partial_fit(frame[:40], y[:40], classes=[0, 1]).partial_fit(frame[40:], y[40:])
            for choice in (True, False)
        )
        assert_allclose(lazily.predict_proba(frame), whole.predict_proba(frame), atol=1e-5)

    def test_grid_search_finds_the_scores_of_a_search_in_memory(self, photos, tmp_path):
        frame, y = photos
        grid = {"branches__photo__filters": [(1,), (2,)]}
        scores = [
            GridSearchCV(classifier(lazily, epochs=1, **params), grid, cv=2, scoring="neg_log_loss").fit(frame, y)
            for lazily, params in ((False, {}), (True, {"memory": str(tmp_path)}))
        ]
        assert_allclose(*(search.cv_results_["mean_test_score"] for search in scores), atol=1e-5)

    def test_missing_and_unreadable_photos_are_those_of_a_fit_in_memory(self, photos, tmp_path):
        frame, y = photos[0].copy(), photos[1]
        (tmp_path / "cut.png").write_bytes(png(100)[:200])
        frame.loc[[120, 130, 160], "photo"] = [None, str(tmp_path / "cut.png"), str(tmp_path / "gone.png")]
        ests = []
        for lazily in (True, False):
            est = classifier(lazily)
            est.set_params(router=router(lazily, on_error="missing"))
            ests.append(est.fit(frame, y))
        assert ests[0].router_.specs_ == ests[1].router_.specs_
        assert ests[0].router_.specs_["photo"].has_missing
        assert_allclose(ests[0].predict_proba(frame), ests[1].predict_proba(frame), atol=1e-5)

    def test_broken_file_is_an_error_with_row_and_path_before_training(self, photos, tmp_path):
        frame = photos[0].copy()
        (tmp_path / "cut.png").write_bytes(png(100)[:200])
        frame.loc[163, "photo"] = str(tmp_path / "cut.png")
        with pytest.raises(InputMismatchError, match=r"Input 'photo'.*row label 163: '.*cut.png' \(truncated"):
            classifier(True).fit(frame, photos[1])

    def test_file_that_vanishes_while_training_is_the_same_error(self, photos, tmp_path):
        frame = photos[0].copy()
        (tmp_path / "last.png").write_bytes(png(100))
        frame.loc[163, "photo"] = str(tmp_path / "last.png")

        class Remove(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                Path(tmp_path / "last.png").unlink(missing_ok=True)

        with pytest.raises(InputMismatchError, match=r"row label 163: '.*last.png' \(file not found\)"):
            classifier(True, callbacks=[Remove()], epochs=3).fit(frame, photos[1])

    def test_ctrl_c_ends_the_fit_and_no_row_is_decoded_afterwards(self):
        class Interrupt(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if batch == 2:
                    raise KeyboardInterrupt

        est = MultiInputClassifier(
            InputRouter([("a", Counter(), "a")]), epochs=1, batch_size=2, early_stopping=False, callbacks=[Interrupt()]
        )
        threads = set(threading.enumerate())
        with pytest.raises(KeyboardInterrupt):
            est.fit(pd.DataFrame({"a": np.arange(400.0)}), np.arange(400) % 2)
        calls = est.router_.encoders_["a"].calls
        # Once for missing rows, once for the branch's sample, and what was fed before the interruption.
        assert sum(calls) < 2 * 400 + 100
        assert not [thread for thread in set(threading.enumerate()) - threads if not thread.daemon]


class TestBatches:
    def rows_of(self, epoch, encoded, shuffle):
        feed = Rows(encoded, np.arange(10), None).feed(4, seed=0 if shuffle else None)
        for callback in feed.callbacks():
            callback.on_epoch_begin(epoch)
        batches = map(feed.batch, range(feed.n_steps)) if feed.in_place else feed.steps()
        return [(arrays["a"].numpy()[:, 0].tolist(), y.numpy().tolist()) for arrays, y in batches]

    @pytest.mark.parametrize("shuffle", [True, False])
    @pytest.mark.parametrize("epoch", [0, 3])
    def test_order_is_that_in_memory_and_the_tail_is_kept(self, epoch, shuffle):
        frame = pd.DataFrame({"a": np.arange(10.0)})
        lazily = InputRouter([("a", Counter(), "a")]).fit_encode(frame)
        whole = {"a": np.arange(10.0, dtype="float32")[:, None]}
        found = self.rows_of(epoch, lazily, shuffle)
        assert found == self.rows_of(epoch, whole, shuffle)
        assert [len(a) for a, _ in found] == [4, 4, 2]


class TestPredict:
    def test_rows_are_predicted_in_chunks_in_order(self, photos, monkeypatch):
        fitted = router(True).fit(photos[0])
        monkeypatch.setattr("skmulti.router.fitted.CHUNK_BYTES", 20 * 12 * 12 * 3)
        chunks = list(fitted.chunks(photos[0]))
        assert [len(chunk["number"]) for chunk in chunks][:2] == [18, 18]
        whole = fitted.transform(photos[0])
        for name, array in whole.items():
            assert_array_equal(np.concatenate([chunk[name] for chunk in chunks]), array)

    def test_rows_that_are_not_lazy_come_at_once(self, photos):
        assert len(list(router(False).fit(photos[0]).chunks(photos[0]))) == 1

    def test_missing_rows_are_warned_of_once(self, photos, monkeypatch):
        fitted = router(True).fit(photos[0])
        monkeypatch.setattr("skmulti.router.fitted.CHUNK_BYTES", 1)
        with pytest.warns(MissingValuesWarning) as caught:
            list(fitted.chunks(photos[0].assign(photo=None)))
        assert len(caught) == 1

    def test_no_rows_are_refused(self, photos):
        with pytest.raises(InputMismatchError, match=r"0 sample\(s\)"):
            classifier(True, epochs=1).fit(*photos).predict(photos[0][:0])


class TestAhead:
    def test_results_come_in_order(self):
        assert list(map_ahead(lambda x: x * x, range(20))) == [x * x for x in range(20)]

    @pytest.mark.parametrize("stop", ["error", "break"])
    def test_threads_end_with_the_loop(self, stop):
        before = threading.active_count()
        done = []

        def slow(x):
            done.append(x)
            if stop == "error" and x == 3:
                raise ValueError("three")
            return x

        if stop == "error":
            with pytest.raises(ValueError, match="three"):
                list(map_ahead(slow, range(1000)))
        else:
            for x in map_ahead(slow, range(1000)):
                if x == 3:
                    break
        assert threading.active_count() == before
        assert len(done) < 30


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


def test_rows_are_left_for_later_only_where_asked():
    assert not Decoding().applies(ImageDecoder(lazy=True), 10, spec_of())
    assert Decoding(lazily=True).applies(ImageDecoder(lazy=True), 10, spec_of())


def test_file_that_is_too_large_for_one_row_is_refused_unread(photos, monkeypatch):
    monkeypatch.setattr("skmulti.inputs._cells.machine_memory", lambda: 1000)
    with pytest.raises(InputMismatchError, match=r"'trace'.*row label 100.*more than 100 for one row are not"):
        router(True).fit_encode(photos[0])
