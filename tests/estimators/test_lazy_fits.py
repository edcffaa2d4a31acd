"""Fits and predictions on rows that are decoded on access equal those in memory."""

import threading
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from lazy_cases import Counter, classifier, png, router
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV

from skmulti import (
    InputMismatchError,
    InputRouter,
    MissingValuesWarning,
    MultiInputClassifier,
)


@pytest.fixture(scope="module")
def in_memory(photos):
    return classifier(False).fit(*photos)


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

        class CountAll(Counter):
            calls = []

            def fit(self, columns, y=None):
                self.threads, self.broken = set(), None
                return self

        est = MultiInputClassifier(
            InputRouter([("a", CountAll(), "a")]), epochs=1, batch_size=2, early_stopping=False, callbacks=[Interrupt()]
        )
        threads = set(threading.enumerate())
        with pytest.raises(KeyboardInterrupt):
            est.fit(pd.DataFrame({"a": np.arange(400.0)}), np.arange(400) % 2)
        assert not hasattr(est, "router_")
        # Once for missing rows, for the branch's sample and for the look before training, and what was fed then.
        assert 0 < sum(CountAll.calls) < 3 * 400 + 100
        assert not [thread for thread in set(threading.enumerate()) - threads if not thread.daemon]


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
