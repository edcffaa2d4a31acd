"""A fit in pieces against the fit of the same rows in memory."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from encoded_parts import joined
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.class_weight import compute_class_weight

from skmulti import DenseHead, MultiInputClassifier, MultiInputRegressor
from skmulti.datasets import make_listings, make_prices
from skmulti.estimators import PartedFit, merged
from skmulti.estimators.summaries import LabelCounts, NumberSummary
from skmulti.network import TargetMoments
from skmulti.router.lazy import StoredArray

COLUMNS = ["area", "age", "city", "description"]
PARAMS = {"epochs": 2, "shuffle": False, "early_stopping": False, "random_state": 0, "batch_size": 64}


def pieces(frame, sizes):
    ends = np.cumsum(sizes)
    return [frame.iloc[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def fit_in_pieces(est, frames, ys, weights=None, stored=lambda rows: rows):
    """Fit on parts in one process, each object pickled on the way; `stored` says where encoded rows are."""
    fit = PartedFit(est)
    weights = weights or [None] * len(ys)
    parts = [(i, own) for i, own in enumerate(zip(frames, ys, weights, strict=True)) if len(own[0])]
    fit.learn_target([fit.summarize(fit.read(*own)) for _, own in parts])
    fit = pickle.loads(pickle.dumps(fit))
    split = [fit.split(fit.read(*own), i) for i, own in parts]
    trained = [training for training, _ in split]
    sample = merged([fit.draw(training, i) for training, (i, _) in zip(trained, parts, strict=True)])
    learner = fit.router_parts(sample.frame)
    learned = merged([learner.learn(own.table, own.y, own.weight) for own in trained])
    reader = learner.reader(learned)
    read = reader and merged([reader.read(own.table) for own in trained])
    summary = merged([fit.summarize(own)[0] for own in trained])
    n_held = sum(len(held) for _, held in split)
    fit.build(learner.finish(learned, sample.frame, read), summary, sample, n_held)
    fit = pickle.loads(pickle.dumps(fit))
    training = joined([fit.encode(own) for own in trained])
    held = joined([fit.encode(own) for _, own in split if len(own)]) if n_held else None
    return fit.train(stored(training), held and stored(held), (len(training),), (n_held,)), fit, split


def same_weights(one, two, tolerance=1e-5):
    for name, a, b in zip(
        [v.path for v in one.model_.weights], one.model_.get_weights(), two.model_.get_weights(), strict=True
    ):
        assert_allclose(a, b, atol=tolerance, err_msg=name)


class TestFit:
    @pytest.mark.parametrize("sizes", [(308,), (7, 1, 300, 0)])
    def test_labels(self, sizes):
        frame, y = make_listings(308, 0)
        frame = frame[COLUMNS]
        est = MultiInputClassifier(class_weight="balanced", **PARAMS)
        parted, *_ = fit_in_pieces(est, pieces(frame, sizes), pieces(y, sizes))
        plain = est.fit(frame, y)
        same_weights(parted, plain)
        assert_allclose(parted.predict_proba(frame), plain.predict_proba(frame), atol=1e-5)
        assert_array_equal(parted.classes_, plain.classes_)
        assert list(parted.feature_names_in_) == COLUMNS

    def test_numbers_with_weights(self):
        frame, y = make_prices(308, 0)
        frame, sizes = frame[COLUMNS[:3]], (7, 1, 300, 0)
        weight = np.random.default_rng(0).random(308)
        weight[:3] = 0
        # What is dropped is given, since rows in pieces are not looked at.
        est = MultiInputRegressor(head=DenseHead(dropout=0.5), branches__numbers__dropout=0.5, **PARAMS)
        parted, *_ = fit_in_pieces(est, pieces(frame, sizes), pieces(y, sizes), pieces(pd.Series(weight), sizes))
        plain = est.fit(frame, y, sample_weight=weight)
        assert_allclose(parted.predict(frame), plain.predict(frame), rtol=1e-4)

    def test_rows_in_files_give_the_weights_of_rows_in_memory(self, tmp_path):
        frame, y = make_listings(308, 0)
        sizes = (7, 1, 300, 0)

        def stored(rows):
            arrays = {}
            for name, array in rows.arrays.items():
                path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
                np.save(path, array)
                arrays[name] = StoredArray(np.load(path, mmap_mode="r"))
            return replace(rows, arrays=arrays)

        est = MultiInputClassifier(**PARAMS | {"early_stopping": True, "shuffle": True})
        in_files, *_ = fit_in_pieces(est, pieces(frame, sizes), pieces(y, sizes), stored=stored)
        in_memory, *_ = fit_in_pieces(est, pieces(frame, sizes), pieces(y, sizes))
        same_weights(in_files, in_memory)
        assert_allclose(in_files.history_["val_loss"], in_memory.history_["val_loss"], rtol=1e-5)

    def test_held_out_rows_train_nothing(self):
        frame, y = make_listings(600, 0)
        frame = frame[COLUMNS[:3]]
        parted, _, split = fit_in_pieces(
            MultiInputClassifier(epochs=2, random_state=0), pieces(frame, [200] * 3), pieces(y, [200] * 3)
        )
        held = pd.concat([own.table for _, own in split])
        trained = pd.concat([own.table for own, _ in split])
        assert len(held) == pytest.approx(60, abs=3)
        assert not held.index.intersection(trained.index).size
        assert np.mean(np.concatenate([own.y for _, own in split]) == y[0]) == pytest.approx(
            (y == y[0]).mean(), abs=0.03
        )
        assert "val_loss" in parted.history_
        assert parted.recipe_.reasons["validation_fraction"] == "they decide when to stop"


class TestSummaries:
    def test_moments_merge(self):
        rng = np.random.default_rng(0)
        y, weight = rng.normal(5, 3, (100, 2)), rng.random(100)
        whole, parts = (
            TargetMoments.of(y, weight),
            [TargetMoments.of(y[s], weight[s]) for s in (slice(0, 1), slice(1, 40), slice(40, 100))],
        )
        for joined_moments in (parts[0].merge(parts[1]).merge(parts[2]), parts[0].merge(parts[1].merge(parts[2]))):
            for name, value in vars(whole).items():
                assert_allclose(getattr(joined_moments, name), value, err_msg=name)

    def test_balanced_weights_are_those_of_scikit_learn(self):
        y = np.array(["a", "b", "b", "c", "b"])
        weight = np.array([1, 2, 0, 1, 0.5])
        summary = merged([LabelCounts.of(y[s], weight[s]) for s in (slice(0, 2), slice(2, 3), slice(3, 5))])
        used = y[weight > 0]
        wanted = dict(zip("abc", compute_class_weight("balanced", classes=np.array(list("abc")), y=used), strict=True))
        assert summary.balanced_weights() == pytest.approx(wanted)
        assert summary.n_rows == 4

    def test_columns_of_labels_keep_their_types(self):
        y = np.array([[1, "x"], [2, "y"], [1, "x"]], dtype=object)
        labels = LabelCounts.of(y, None).labels
        assert labels.tolist() == [[1, "x"], [2, "y"]]

    def test_rows_without_weight_can_be_merged(self):
        y = np.arange(4.0)
        summary = NumberSummary.of(y[:2], np.zeros(2)).merge(NumberSummary.of(y[2:], np.ones(2)))
        assert_allclose(summary.moments.mean, 2.5)


class TestRefusals:
    def test_warm_start(self):
        with pytest.raises(ValueError, match="warm_start=True goes on with rows in memory"):
            PartedFit(MultiInputClassifier(warm_start=True))
