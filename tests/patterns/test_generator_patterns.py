"""Datasets and generators as people write them: what works works here, what loses data or fails is said."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose
from sklearn.model_selection import GridSearchCV

from skmulti import (
    CategoryIndexer,
    DenseBranch,
    DroppedRowsWarning,
    EmbeddingBranch,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    SequenceBranch,
    SequencePadder,
    TextBranch,
    UnmatchedFilesWarning,
    load_files_frame,
)
from skmulti.datasets import write_sensor_files
from skmulti.training.run import Rows

N, BATCH = 50, 16
RNG = np.random.default_rng(0)
LEFT, RIGHT = RNG.normal(size=(N, 10)).astype("float32"), RNG.normal(size=(N, 20)).astype("float32")
TARGET = LEFT[:, :1] - RIGHT[:, :1]
TEXT_1, TEXT_2 = RNG.integers(2, 9, (N, 5)), RNG.integers(2, 9, (N, 3))
LABEL = (TEXT_1[:, 0] > 5).astype(int)
PARAMS = {"epochs": 1, "early_stopping": False, "random_state": 0}
TEXTS = {name: TextBranch("pool", embedding_dim=4) for name in ("text1", "text2")}


def text_classifier(**params):
    router = InputRouter([(name, "passthrough", name) for name in TEXTS])
    return MultiInputClassifier(router, branches=TEXTS, **{**PARAMS, **params})


class TokenRows(keras.utils.PyDataset):
    """Batches of two token arrays, in a form that a function decides."""

    def __init__(self, join, length):
        super().__init__()
        self.join, self.length, self.tokens, self.labels = join, length, TEXT_1, LABEL

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        rows = slice(index * BATCH, (index + 1) * BATCH)
        return self.join(TEXT_1[rows], TEXT_2[rows]), LABEL[rows]


def pairs(n_batches=None):
    """Yield batches ((left, right), y) of all rows, over and over or so many."""
    count = 0
    while n_batches is None or count < n_batches:
        i = count * BATCH % (N - N % BATCH + BATCH)
        yield (LEFT[i : i + BATCH], RIGHT[i : i + BATCH]), TARGET[i : i + BATCH]
        count += 1


def test_list_of_inputs_in_a_pydataset_is_converted():
    est = text_classifier().fit(TokenRows(lambda one, two: [one, two], 4))
    assert list(est.model_.input) == ["text1", "text2"]
    tupled = text_classifier().fit(TokenRows(lambda one, two: (one, two), 4))
    assert_allclose(*(e.predict_proba((TEXT_1, TEXT_2)) for e in (est, tupled)), atol=1e-6)


def test_two_arrays_joined_to_one_are_refused_with_what_is_expected():
    with pytest.raises(InputMismatchError, match=r"1 array of width 8; .* expects 'text1' and 'text2'"):
        text_classifier().fit(TokenRows(lambda one, two: np.hstack([one, two]), 4))


def test_two_arrays_joined_to_one_are_refused_at_predict_with_the_widths():
    est = text_classifier().fit(TokenRows(lambda one, two: (one, two), 4))
    with pytest.raises(InputMismatchError, match=r"of width 8; .* expects \{'text1': \(5,\), 'text2': \(3,\)\}"):
        est.predict(TokenRows(lambda one, two: np.hstack([one, two]), 4))


def test_length_that_drops_the_tail_is_warned_of_with_both_numbers():
    with pytest.warns(DroppedRowsWarning, match=r"len 3 and gives 48 of the 50 rows"):
        text_classifier().fit(TokenRows(lambda one, two: (one, two), N // BATCH))


def test_list_of_batches_within_a_batch_is_refused_with_the_input():
    with pytest.raises(InputMismatchError, match=r"'text1'.*list of 5 arrays of 10 rows in one batch; concatenate"):
        text_classifier().fit([({"text1": list(TEXT_1.reshape(5, 10, 5)), "text2": TEXT_2}, LABEL)])


def test_generator_of_tuples_trains_with_steps_per_epoch():
    est = MultiInputRegressor(fit__steps_per_epoch=4, **{**PARAMS, "epochs": 2}).fit(pairs())
    assert np.isfinite(est.history_["loss"]).all()
    assert len(est.history_["loss"]) == 2
    assert est.predict((LEFT, RIGHT)).shape == (N,)


def test_each_epoch_of_files_has_every_row_once_in_another_order(tmp_path):
    frame, _ = write_sensor_files(tmp_path, 10, 0)
    rows = Rows(InputRouter([("s", SequencePadder(lazy=True), "sensor_path")]).fit_encode(frame), np.arange(10), None)
    feed = rows.feed(4, seed=0)
    batches, epochs = feed.steps(), []
    for epoch in range(2):
        feed.shuffle(epoch)
        epochs.append([row for _, positions in batches for row in positions.numpy()])
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(10))
    assert epochs[0] != epochs[1]


def test_finite_generator_is_refused_without_steps_before_it_trains_on_less():
    with pytest.raises(InputMismatchError, match=r"only once and may never end.*fit__steps_per_epoch"):
        MultiInputRegressor(**PARAMS).fit(pairs(3))


@pytest.mark.parametrize(
    ("n_batches", "steps", "epochs", "message"),
    [(3, 3, 2, "ended in epoch 2 after 0 of 3 steps"), (5, 2, 3, "ended in epoch 3 after 1 of 2 steps")],
)
def test_generator_that_ends_mid_training_is_an_error_with_epoch_and_step(n_batches, steps, epochs, message):
    est = MultiInputRegressor(fit__steps_per_epoch=steps, **{**PARAMS, "epochs": epochs})
    with pytest.raises(InputMismatchError, match=f"{message}.*Give a function"):
        est.fit(pairs(n_batches))


def test_function_that_makes_a_finite_generator_trains_all_epochs():
    est = MultiInputRegressor(**{**PARAMS, "epochs": 3}).fit(lambda: pairs(4))
    assert len(est.history_["loss"]) == 3


def test_id_beyond_the_vocabulary_is_refused_with_its_row():
    est = text_classifier().fit([((TEXT_1, TEXT_2), LABEL)])
    tokens = TEXT_1.copy()
    tokens[7, 2] = 1000
    with pytest.raises(InputMismatchError, match=r"'text1': 1 of .* values are ids outside.*first at row label 7"):
        est.predict([((tokens, TEXT_2), LABEL)])


def test_location_without_an_id_is_refused_with_what_to_give():
    ids = np.vectorize({"loc_0": 0}.get, otypes=[object])(["loc_0", "loc_9"])
    with pytest.raises(InputMismatchError, match=r"'meta'.*dtype object.*None, must have one: 1 is the id of unknown"):
        MultiInputClassifier(**PARAMS).fit([({"meta": ids}, np.array([0, 1]))])


def test_flat_ids_become_int32_of_one_column_and_floats_are_refused():
    branches = {"meta": EmbeddingBranch(2)}
    est = MultiInputClassifier(branches=branches, **PARAMS).fit([({"meta": np.arange(4)}, np.array([0, 1, 0, 1]))])
    assert (est.model_.input["meta"].shape, est.model_.input["meta"].dtype) == ((None, 1), "int32")
    with pytest.raises(InputMismatchError, match=r"'meta'.*dtype float64; expected \(1,\) and int32"):
        est.predict([({"meta": np.array([0.0, 1.5])}, np.array([0, 1]))])


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """A folder of recordings and their metadata, some without the other."""
    folder = tmp_path_factory.mktemp("recordings")
    write_sensor_files(folder, 40, 0)
    (folder / "meta_7.json").unlink()
    (folder / "sensor_11.npy").unlink()
    return folder


@pytest.fixture(scope="module")
def joined(recordings):
    with pytest.warns(UnmatchedFilesWarning):
        return load_files_frame("sensor_{id}.npy", "meta_{id}.json", folder=recordings)


def sensor_classifier(lazily, **params):
    router = InputRouter(
        [("sensor", SequencePadder(lazy=lazily), "sensor_path"), ("location", CategoryIndexer(), "location")]
    )
    branches = {"sensor": SequenceBranch("conv", units=4), "location": EmbeddingBranch(2)}
    return MultiInputClassifier(router, branches=branches, **{**PARAMS, **params})


def test_files_are_joined_on_their_key_and_absent_ones_reported(joined):
    assert len(joined) == 40
    assert joined.attrs["unmatched"] == [("7", "meta_{id}.json"), ("11", "sensor_{id}.npy")]
    for key, row in joined.dropna().iloc[:3].iterrows():
        assert row["sensor_path"].endswith(f"sensor_{key}.npy")
        with open(row["meta_path"], encoding="utf-8") as file:
            assert json.load(file)["location"] == row["location"]


def test_joined_files_are_read_batch_by_batch_with_the_predictions_of_memory(joined):
    frame = joined.dropna()
    predictions = [
        sensor_classifier(lazily, epochs=2).fit(frame, frame["label"].astype(int)).predict_proba(frame)
        for lazily in (True, False)
    ]
    assert_allclose(*predictions, atol=1e-5)


def test_joined_files_are_read_batch_by_batch_within_a_grid_search(joined, tmp_path):
    frame = joined.dropna()
    grid = {"branches__sensor__units": [2, 4]}
    search = GridSearchCV(sensor_classifier(True, memory=str(tmp_path)), grid, cv=2, error_score="raise")
    search.fit(frame, frame["label"].astype(int))
    assert len(search.predict(frame)) == len(frame)


def test_recording_that_is_cut_off_is_named_with_row_and_path(joined, recordings):
    frame = joined.dropna().copy()
    cut = recordings / "cut.npy"
    cut.write_bytes(Path(frame["sensor_path"].iloc[0]).read_bytes()[:300])
    frame.loc["20", "sensor_path"] = str(cut)
    with pytest.raises(InputMismatchError, match=r"Input 'sensor' .*row label '20': '.*cut.npy'"):
        sensor_classifier(True).fit(frame, frame["label"].astype(int))


def test_tf_data_and_pydataset_are_both_taken():
    dataset = tf.data.Dataset.from_tensor_slices(((TEXT_1, TEXT_2), LABEL)).batch(BATCH)
    rows = TokenRows(lambda one, two: (one, two), 4)
    predictions = [text_classifier().fit(source).predict_proba(source) for source in (dataset, rows)]
    assert_allclose(*predictions, atol=1e-6)


def test_branch_for_an_input_that_batches_lack_is_refused():
    with pytest.raises(InputMismatchError, match="no array for the input 'text2'"):
        text_classifier().fit([({"text1": TEXT_1}, LABEL)])
    with pytest.raises(ValueError, match="`branches` names 'righ', which is no input"):
        MultiInputRegressor(branches={"righ": DenseBranch()}, **PARAMS).fit([({"right": RIGHT}, TARGET)])
