"""Datasets and generators of encoded batches: each gives the same network, or is refused."""

import pickle
import threading

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from skmulti import (
    CategoryIndexer,
    DenseBranch,
    DroppedRowsWarning,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    TextBranch,
)
from skmulti.router.encoded import check_batch
from skmulti.sources.batches import BatchSource, batch_source
from skmulti.spec import ArraySpec

N = 50
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(N, 3)).astype("float32")
WORDS = RNG.integers(2, 12, (N, 4)).astype("int32")
Y = (NUMBERS[:, 0] > 0).astype(int)
PARAMS = {"epochs": 2, "batch_size": 16, "early_stopping": False, "shuffle": False, "random_state": 0}
BRANCHES = {"numbers": DenseBranch((4,)), "words": TextBranch("pool", embedding_dim=4)}


def python_threads():
    """Return the threads that Python code has started; TensorFlow's own show up as dummies once they call back."""
    return [thread for thread in threading.enumerate() if not isinstance(thread, threading._DummyThread)]


def classifier(**params):
    return MultiInputClassifier(**{"branches": BRANCHES, **PARAMS, **params})


def batches(container=dict, size=16, y=Y):
    """Return batches of numbers and words in one of the forms that inputs can have."""
    for i in range(0, N, size):
        parts = {"numbers": NUMBERS[i : i + size], "words": WORDS[i : i + size]}
        yield (parts if container is dict else container(parts.values())), y[i : i + size]


class Rows(keras.utils.PyDataset):
    def __init__(self, length, container=dict, workers=1):
        super().__init__(workers=workers)
        self.length, self.container, self.numbers, self.labels = length, container, NUMBERS, Y
        self.ended = 0

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return list(batches(self.container))[index]

    def on_epoch_end(self):
        self.ended += 1


def as_dataset():
    return tf.data.Dataset.from_tensor_slices(({"numbers": NUMBERS, "words": WORDS}, Y)).batch(16)


SOURCES = {
    "Dataset": as_dataset,
    "PyDataset": lambda: Rows(4),
    "PyDataset with threads": lambda: Rows(4, workers=3),
    "function": lambda: batches,
    "list": lambda: list(batches()),
}


@pytest.fixture(scope="module")
def fitted():
    return classifier().fit(as_dataset())


@pytest.fixture(scope="module")
def on_a_frame():
    """A frame, its target, and a fitted router."""
    frame = pd.DataFrame({"a": NUMBERS[:, 0], "b": NUMBERS[:, 1], "city": np.take(list("xyz"), WORDS[:, 0] % 3)})
    router = InputRouter([("numbers", NumberScaler(), ["a", "b"]), ("city", CategoryIndexer(), "city")])
    return frame, Y, router.fit(frame)


class TestSources:
    @pytest.mark.parametrize("name", SOURCES)
    def test_every_source_gives_the_same_network(self, name, fitted):
        est = classifier().fit(SOURCES[name]())
        assert_allclose(est.predict_proba(SOURCES[name]()), fitted.predict_proba(as_dataset()), atol=1e-6)

    def test_a_generator_with_steps_gives_it_too(self, fitted):
        def endless():
            while True:
                yield from batches()

        est = classifier(fit__steps_per_epoch=4).fit(endless())
        assert_allclose(est.history_["loss"], fitted.history_["loss"], rtol=1e-5)

    def test_predictions_are_in_order_and_have_every_row(self, fitted):
        arrays = {"numbers": NUMBERS, "words": WORDS}
        assert_allclose(fitted.predict_proba(as_dataset()), fitted.predict_proba(arrays), atol=1e-6)

    def test_inputs_without_targets_are_predicted(self, fitted):
        inputs = [x for x, _ in batches()]
        assert_array_equal(fitted.predict(lambda: iter(inputs)), fitted.predict(as_dataset()))

    @pytest.mark.parametrize("container", [list, tuple])
    def test_lists_and_tuples_are_taken_in_the_routers_order(self, container, fitted):
        router = InputRouter([(name, "passthrough", name) for name in ("numbers", "words")])
        est = classifier(router=router).fit(Rows(4, container))
        assert_allclose(est.predict_proba(as_dataset()), fitted.predict_proba(as_dataset()), atol=1e-6)

    def test_score_is_that_of_the_arrays(self, fitted):
        assert fitted.score(as_dataset()) == pytest.approx(np.mean(fitted.predict(as_dataset()) == Y))

    def test_labels_of_any_type_come_back(self):
        est = classifier(epochs=1).fit(lambda: batches(y=np.where(Y, "yes", "no")))
        assert set(est.predict(as_dataset())) <= {"yes", "no"}

    def test_numbers_are_predicted_in_their_units(self):
        params = {**PARAMS, "epochs": 1}
        est = MultiInputRegressor(branches=BRANCHES, **params).fit(lambda: batches(y=Y[:, None] + 1000.0))
        assert est.predict(as_dataset()).shape == (N,)
        assert abs(est.predict(as_dataset()).mean() - 1000) < 50

    def test_weights_of_a_batch_weigh_its_rows(self):
        weight = np.where(Y, 1.0, 1e-6)
        rows = [(x, y, weight[i * 16 : i * 16 + 16]) for i, (x, y) in enumerate(batches())]
        est = classifier(epochs=10, optimizer__learning_rate=0.03).fit(rows)
        assert est.predict_proba(as_dataset())[:, 1].mean() > 0.8

    def test_rows_to_validate_on_may_be_a_source(self):
        est = classifier(epochs=2, early_stopping=True).fit(as_dataset(), X_val=as_dataset())
        assert_allclose(est.history_["val_loss"][-1], est.history_["val_loss"][-1])
        assert len(est.history_["val_loss"]) == 2

    def test_pydataset_hears_of_the_end_of_epochs(self):
        rows = Rows(4)
        classifier(epochs=3).fit(rows)
        assert rows.ended == 2

    def test_fitted_router_reads_frames_and_its_own_arrays(self, on_a_frame):
        frame, y, router = on_a_frame
        est = MultiInputClassifier(router, **PARAMS).fit(router.to_dataset(frame, y, batch_size=16))
        whole = MultiInputClassifier(router, **PARAMS).fit(frame, y)
        assert_allclose(est.predict_proba(frame), whole.predict_proba(frame), atol=1e-5)
        assert_allclose(est.predict_proba(router.to_dataset(frame)), whole.predict_proba(frame), atol=1e-5)

    def test_a_fit_survives_a_pickle(self, fitted):
        twin = pickle.loads(pickle.dumps(fitted))
        assert_allclose(twin.predict_proba(as_dataset()), fitted.predict_proba(as_dataset()), atol=1e-6)

    def test_tables_are_no_batches(self):
        for table in (NUMBERS, pd.DataFrame(NUMBERS), [[1, 2], [3, 4]], {"a": NUMBERS}, (NUMBERS, WORDS), "path"):
            assert batch_source(table) is None

    def test_threads_end_with_the_fit(self):
        before = set(python_threads())
        with pytest.raises(InputMismatchError):
            classifier().fit(lambda: iter([*batches(), ({"numbers": NUMBERS}, Y)]))
        classifier(epochs=1).fit(Rows(4, workers=3))
        assert set(python_threads()) <= before


class TestRefusals:
    SPECS = {
        "a": ArraySpec("a", "vector", (3,), "float32"),
        "ids": ArraySpec("ids", "category", (1,), "int32", vocabulary_sizes=(5,)),
    }

    @pytest.mark.parametrize(
        ("inputs", "message"),
        [
            (
                {"a": np.zeros((2, 3))},
                r"no array for the input 'ids'; the network has the inputs \{'a': \(3,\), 'ids': \(1,\)\}",
            ),
            ({"a": np.zeros((2, 3)), "idx": np.zeros(2, int), "ids": np.zeros(2, int)}, "'idx', which is no input"),
            ((np.zeros((2, 3)),), r"1 array of width 3; the estimator expects \{'a': \(3,\), 'ids': \(1,\)\}"),
            ((np.zeros((2, 4)), np.zeros(2, int)), r"'a': .* rows of shape \(4,\) and dtype float64; expected \(3,\)"),
            ((np.zeros((2, 3)), np.array([0.0, 1.9])), r"'ids': .* dtype float64; expected \(1,\) and int32"),
            ((np.zeros((2, 3)), np.array([0, 5])), "'ids': 1 of 2 values are ids outside of 0 to"),
            ((np.zeros((2, 3)), np.array([0, -1])), "'ids': 1 of 2 values are ids outside of 0 to"),
            ((np.zeros((2, 3)), np.array([None, 1], dtype=object)), "'ids': .* dtype object.*1 is the id of unknown"),
            (
                (np.full((2, 3), np.inf), np.zeros(2, int)),
                "'a': 6 of 6 values are infinite or too large for float32, first at row label 7",
            ),
            ((np.zeros((2, 3)), np.zeros(3, int)), "inconsistent numbers of samples"),
            (([np.zeros((4, 3))] * 5, np.zeros(20, int)), "list of 5 arrays of 4 rows in one batch; concatenate"),
        ],
    )
    def test_arrays_that_do_not_fit_are_named(self, inputs, message):
        with pytest.raises(InputMismatchError, match=message):
            check_batch(inputs, self.SPECS, "the source", first_row=7)

    def test_booleans_are_numbers_and_one_axis_is_a_column(self):
        encoded = check_batch((np.ones((2, 3), bool), np.array([1, 2])), self.SPECS, "the source")
        assert encoded["a"].dtype == "float32"
        assert encoded["ids"].tolist() == [[1], [2]]

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            (lambda: iter([NUMBERS]), r"yields one ndarray; a batch is a tuple \(inputs, y\)"),
            (lambda: iter([({"a": NUMBERS}, Y[:3])]), "a batch of 50 rows with 3 targets"),
            (lambda: iter([({"a": NUMBERS}, Y, Y[:3])]), "50 targets and 3 weights"),
            (lambda: iter([({"a": NUMBERS}, Y, Y + 1.0), ({"a": NUMBERS}, Y)]), "Some batches have a sample_weight"),
            (lambda: iter([({"a": NUMBERS}, Y), ({"a": WORDS}, Y)]), r"rows of shape \(4,\).*expected \(3,\)"),
            (lambda: iter([]), r"0 sample\(s\)"),
        ],
    )
    def test_batches_that_cannot_be_read_are_refused(self, source, message):
        with pytest.raises(InputMismatchError, match=message):
            classifier().fit(source)

    def test_y_beside_a_source_is_refused(self):
        with pytest.raises(InputMismatchError, match="Leave `y` out"):
            classifier().fit(as_dataset(), Y)

    def test_warm_start_on_a_source_is_refused(self):
        est = classifier(epochs=1, warm_start=True).fit(as_dataset())
        with pytest.raises(InputMismatchError, match="warm_start continues"):
            est.fit(as_dataset())


class TestEnds:
    def test_a_generator_without_steps_is_refused_with_both_ways_out(self):
        with pytest.raises(InputMismatchError, match=r"generator.* only once.*fit__steps_per_epoch=n, or a function"):
            classifier().fit(batches())

    def test_a_repeated_dataset_without_steps_is_refused(self):
        with pytest.raises(InputMismatchError, match="repeats forever, so an epoch would never end"):
            classifier().fit(as_dataset().repeat())

    def test_a_repeated_dataset_with_steps_is_read_on(self, fitted):
        est = classifier(fit__steps_per_epoch=4).fit(as_dataset().repeat())
        assert_allclose(est.history_["loss"], fitted.history_["loss"], rtol=1e-5)

    @pytest.mark.parametrize(
        ("steps", "epochs", "message"), [(3, 2, "epoch 2 after 1 of 3"), (5, 1, "epoch 1 after 4 of 5")]
    )
    def test_generator_that_ends_too_early_is_refused_with_epoch_and_step(self, steps, epochs, message):
        with pytest.raises(InputMismatchError, match=message):
            classifier(fit__steps_per_epoch=steps, epochs=epochs).fit(batches())

    def test_function_that_gives_fewer_batches_later_is_refused(self):
        lengths = iter([4, 4, 4, 2])  # looked at, read through, and read for two epochs

        def shrinking():
            yield from list(batches())[: next(lengths, 2)]

        with pytest.raises(InputMismatchError, match="ended in epoch 2 after 2 of 4 batches"):
            classifier(epochs=3).fit(shrinking)

    def test_an_epoch_can_be_read_again_before_the_next(self):
        source = BatchSource(iter(range(6)), steps=3)
        assert [list(source.batches(epoch)) for epoch in (0, 0, 1)] == [[0, 1, 2], [0, 1, 2], [3, 4, 5]]


class TestDroppedRows:
    def test_pydataset_that_drops_the_tail_is_warned_of(self):
        with pytest.warns(DroppedRowsWarning, match=r"has len 3 and gives 48 of the 50 rows of 'numbers' and 'labels'"):
            classifier(epochs=1).fit(Rows(3))

    @pytest.mark.filterwarnings("error")
    def test_pydataset_that_keeps_it_is_not(self):
        BatchSource(Rows(4)).warn_of_dropped(N)
