"""A fit on a cluster of two processes against the same fit in this process."""

import contextlib
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
from distributed.protocol.pickle import loads
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from training_cases import PARAMS, SIZES, fit_here, make_rows, pieces, table_of

from skmulti import (
    CategoryIndexer,
    DenseBranch,
    DenseHead,
    ImageDecoder,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    OddCellsWarning,
    OneHotBranch,
    TextVectorizer,
)
from skmulti.dask import DaskEstimator
from skmulti.training.processes import GATHERED_ROWS

pytestmark = pytest.mark.long

# The worker with most rows is alone, whatever held them before.
OWNERS = {0: 0, 1: 0, 2: 1}
# Nothing is drawn in training: a worker draws other numbers than one process would.
NO_DRAWS = {"head": DenseHead(dropout=0), "input_dropout": 0}
INPUTS = ["area", "age", "city", "note"]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """308 rows with photos."""
    return make_rows(sum(SIZES), tmp_path_factory.mktemp("photos"))


def router():
    """Return a router of numbers, categories, texts and photos."""
    return InputRouter(
        [
            ("numbers", NumberScaler(), ["area", "age"]),
            ("city", CategoryIndexer(), ["city"]),
            ("note", TextVectorizer(max_tokens=12), "note"),
            ("photo", ImageDecoder(size=(8, 8)), "photo"),
        ]
    )


def assert_same_fit(found, wanted, tolerance=1e-5):
    """Two estimators have the same weights and figures."""
    for variable, one, two in zip(
        found.model_.weights, found.model_.get_weights(), wanted.model_.get_weights(), strict=True
    ):
        assert_allclose(one, two, atol=tolerance, err_msg=variable.path)
    assert found.history_.keys() == wanted.history_.keys()
    for name, values in wanted.history_.items():
        assert_allclose(found.history_[name], values, rtol=1e-3, atol=1e-4, err_msg=name)


def large_network(inputs, target):
    """Connect a number with gaps and a large table of ids."""
    number = inputs["numbers"]
    number = keras.ops.where(keras.ops.isnan(number), 0.0, number)
    ids = keras.layers.Flatten()(keras.layers.Embedding(GATHERED_ROWS + 2, 3)(inputs["age"]))
    hidden = keras.layers.Dense(8, activation="relu")(keras.layers.concatenate([number, ids]))
    return keras.layers.Dense(target.width)(hidden)


def predict_there(sent, method, frame):
    """Predict on a worker."""
    return getattr(loads(sent), method)(frame)


class TestSameAsOneProcess:
    def test_classes_of_every_kind_of_input(self, client, rows):
        est = MultiInputClassifier(router(), class_weight="balanced", batch_size=44, metrics=["accuracy"], **PARAMS)
        dropped = {f"branches__{name}__dropout": 0 for name in ("numbers", "note", "photo")}
        est.set_params(**NO_DRAWS, **dropped, branches__city=OneHotBranch())
        names = [*INPUTS, "photo", "weight", "label"]
        fitted = DaskEstimator(est).fit(table_of(rows[names], SIZES), "label", sample_weight="weight")
        own = pieces(rows, SIZES)
        columns = [[part[[*INPUTS, "photo"]] for part in own], [part["label"] for part in own], OWNERS]
        wanted, _ = fit_here(est, *columns, [part["weight"].to_numpy() for part in own])
        found = fitted.to_local()
        assert_same_fit(found, wanted)
        assert_array_equal(fitted.classes_, ["maybe", "no", "yes"])
        assert list(fitted.feature_names_in_) == [*INPUTS, "photo"]
        # What a fit on the whole frame learns, part by part.
        used = rows[rows["weight"] > 0]
        whole = router().fit(used[[*INPUTS, "photo"]], used["label"], sample_weight=used["weight"])
        for name, array in whole.transform(rows[[*INPUTS, "photo"]]).items():
            assert_allclose(found.router_.transform(rows[[*INPUTS, "photo"]])[name], array, atol=1e-5, err_msg=name)
        proba = found.predict_proba(rows)
        there = client.run(predict_there, pickle.dumps(found), "predict_proba", rows)
        assert len(there) == 2
        for other in there.values():
            assert_allclose(other, proba, atol=1e-6)
        assert_array_equal(fitted.predict(table_of(rows, SIZES)).compute(), found.predict(rows))
        assert fitted.score(table_of(rows, SIZES), "label") == pytest.approx(found.score(rows, rows["label"]))

    def test_numbers_by_column_and_a_large_table_of_ids(self, client, rows):
        ids = CategoryIndexer(categories=[list(range(GATHERED_ROWS))])
        parts = InputRouter([("numbers", NumberScaler(), ["area"]), ("age", ids, ["age"])])
        est = MultiInputRegressor(parts, model=large_network, batch_size=50, **PARAMS)
        table = table_of(rows[["area", "age", "price", "rent", "weight"]], SIZES)
        fitted = DaskEstimator(est).fit(table[["area", "age"]], table[["price", "rent"]], sample_weight=table["weight"])
        own = pieces(rows, SIZES)
        columns = [[part[["area", "age"]] for part in own], [part[["price", "rent"]] for part in own], OWNERS]
        wanted, _ = fit_here(est, *columns, [part["weight"].to_numpy() for part in own])
        assert max(len(weights) for weights in wanted.model_.get_weights() if weights.ndim == 2) >= GATHERED_ROWS
        assert_same_fit(fitted.to_local(), wanted)
        assert fitted.predict(rows[["area", "age"]]).shape == (308, 2)
        assert list(fitted.estimator_.output_names_) == ["price", "rent"]

    def test_rows_that_are_held_out_stop_both(self, client):
        rows, sizes = make_rows(600, seed=1), (330, 270)
        est = MultiInputClassifier(
            epochs=40,
            shuffle=False,
            batch_size=64,
            optimizer="adam",
            optimizer__learning_rate=0.05,
            random_state=0,
            n_iter_no_change=2,
            early_stopping=True,
            metrics=["accuracy"],
            branches={"numbers": DenseBranch(), "categories": OneHotBranch()},
            **NO_DRAWS,
        )
        fitted = DaskEstimator(est).fit(table_of(rows[["area", "city", "label"]], sizes), "label")
        own = pieces(rows, sizes)
        wanted, held = fit_here(
            est, [part[["area", "city"]] for part in own], [part["label"] for part in own], {0: 0, 1: 1}
        )
        found = fitted.to_local()
        assert found.n_iter_ < 40
        assert (found.n_iter_, found.best_epoch_) == (wanted.n_iter_, wanted.best_epoch_)
        assert_same_fit(found, wanted, 1e-3)
        # By hand, from the rows themselves: the best epoch's weights give its figures.
        proba = found.predict_proba(held)
        position = np.searchsorted(found.classes_, held["y"])
        loss = -np.log(proba[np.arange(len(held)), position]).mean()
        assert found.history_["val_loss"][found.best_epoch_ - 1] == pytest.approx(loss, rel=1e-3)
        accuracy = (proba.argmax(axis=1) == position).mean()
        assert found.history_["val_accuracy"][found.best_epoch_ - 1] == pytest.approx(accuracy, abs=1e-6)


def own_network(inputs, target):
    """Connect numbers and a category, as a function of a module that workers import."""
    city = keras.layers.Flatten()(keras.layers.Embedding(8, 2)(inputs["city"]))
    hidden = keras.layers.Dense(4, activation="relu")(keras.layers.concatenate([inputs["area"], city]))
    return keras.layers.Dense(target.width, activation=target.activation)(hidden)


class StopInOne(keras.callbacks.Callback):
    """Stops training in the middle of the second epoch, in one process alone."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_train_batch_end(self, batch, logs=None):
        if self.params["epochs"] and self.model.optimizer.iterations > 6:
            with contextlib.suppress(FileExistsError), open(self.path, "x"):
                self.model.stop_training = True


class TestOwnParts:
    def test_two_targets_own_network_and_a_stop_in_one_process(self, client, tmp_path, capsys):
        rows = make_rows(300)
        est = MultiInputClassifier(
            InputRouter([("area", NumberScaler(), ["age"]), ("city", CategoryIndexer(), ["city"])]),
            model=own_network,
            callbacks=[StopInOne(str(tmp_path / "stopped"))],
            verbose=1,
            **{**PARAMS, "epochs": 9, "batch_size": 50},
        )
        rows["warm"] = rows["note"].str.contains("warm")
        names = ["label", "warm"]
        fitted = DaskEstimator(est).fit(table_of(rows[["age", "city", *names]], (150, 150)), names)
        assert fitted.to_local().n_iter_ == 2
        said = capsys.readouterr().out
        assert "300 rows" in said
        assert said.count("epoch 1/9") == said.count("epoch 2/9") == 1
        assert fitted.predict(rows).shape == (300, 2)
        assert_array_equal(fitted.classes_[1], [False, True])
        assert fitted.score(table_of(rows, (150, 150)), names) == fitted.estimator_.score(rows, rows[names])

    def test_one_worker_a_network_of_main_and_odd_cells(self, client, tmp_path):
        def network(inputs, target):
            number = keras.ops.where(keras.ops.isnan(inputs["area"]), 0.0, inputs["area"])
            return own_network({**inputs, "area": number}, target)

        network.__module__ = "__main__"
        rows = make_rows(40)[["age", "city", "price"]]
        rows["age"] = rows["age"].astype(str)
        rows.iloc[[3, 30], 0] = "about ten"
        parts = InputRouter([("area", NumberScaler(on_odd="missing"), ["age"]), ("city", CategoryIndexer(), ["city"])])
        # Keras' Adam squares the gradients of an id that a batch has twice apart from each other; on a cluster they
        # are added first, as for any other variable.
        est = MultiInputRegressor(parts, model=network, optimizer="sgd", **PARAMS)
        with pytest.warns(OddCellsWarning, match="1 of 20 cells of a part are not numbers") as caught:
            fitted = DaskEstimator(est, client=client, n_workers=1).fit(table_of(rows, (20, 0, 20)), "price")
        assert len(caught) == 1
        assert_same_fit(fitted.to_local(), clone(est).fit(rows.drop(columns="price"), rows["price"]))


class TestRefusals:
    def fit(self, rows, y="label", est=None, **params):
        return DaskEstimator(est or MultiInputClassifier(**PARAMS)).fit(table_of(rows, (20, 0, 20)), y, **params)

    def test_missing_labels_are_those_of_a_plain_fit(self, client):
        rows = make_rows(40)[["age", "label"]]
        rows.iloc[25, 1] = None
        with pytest.raises(ValueError, match=r"NaN|missing"):
            self.fit(rows)

    def test_a_photo_that_is_not_there(self, client, tmp_path):
        rows = make_rows(40, tmp_path)[["photo", "label"]]
        rows.iloc[25, 0] = str(tmp_path / "absent.png")
        est = MultiInputClassifier(InputRouter([("photo", ImageDecoder(size=(8, 8)), "photo")]), **PARAMS)
        with pytest.raises(InputMismatchError, match=r"absent\.png"):
            self.fit(rows, est=est)

    def test_a_cell_that_is_no_number(self, client):
        rows = make_rows(40)[["age", "label"]].astype({"age": str})
        est = MultiInputClassifier(InputRouter([("age", NumberScaler(), ["age"])]), **PARAMS)
        with pytest.raises(InputMismatchError, match="40 of 40 cells are not numbers"):
            self.fit(rows, est=est)

    def test_negative_weights(self, client):
        rows = make_rows(40)[["age", "label", "weight"]]
        rows.iloc[25, 2] = -1
        with pytest.raises(ValueError, match=r"[Nn]egative"):
            self.fit(rows, sample_weight="weight")

    def test_no_rows(self, client):
        rows = make_rows(40)[["age", "label"]]
        with pytest.raises(InputMismatchError, match="no partition of X has a row"):
            DaskEstimator(MultiInputClassifier()).fit(table_of(rows.iloc[:0], (0, 0)), "label")

    def test_what_is_no_table_of_dask(self, client):
        rows = make_rows(40)[["age", "label"]]
        est, table = DaskEstimator(MultiInputClassifier()), table_of(rows, (20, 20))
        with pytest.raises(InputMismatchError, match=r"X must be a dask\.dataframe\.DataFrame, got"):
            est.fit(rows, "label")
        with pytest.raises(InputMismatchError, match="y must be the name of a column of X or a table of Dask"):
            est.fit(table[["age"]], rows["label"])
        with pytest.raises(InputMismatchError, match="y has 3 partitions, and X has 2"):
            est.fit(table[["age"]], table_of(rows, (20, 10, 10))["label"])
        with pytest.raises(InputMismatchError, match=r"A partition of X has 20 rows, and that of y has (30|10)\."):
            est.fit(table[["age"]], table_of(rows, (30, 10))["label"])
        with pytest.raises(InputMismatchError, match="y names 'lable', which X does not have"):
            est.fit(table, "lable")
        with pytest.raises(ValueError, match="requires y to be passed"):
            est.fit(table)


class TestMetaEstimator:
    def test_clone_params_pickle_and_repr(self, client):
        est = DaskEstimator(MultiInputClassifier(epochs=3), client=client, n_workers=2)
        copy = clone(est).set_params(estimator__epochs=4)
        assert copy.client is client
        assert (est.get_params()["estimator__epochs"], copy.estimator.epochs) == (3, 4)
        again = pickle.loads(pickle.dumps(est))
        assert (again.client, again.n_workers, again.estimator.epochs) == (None, 2, 3)
        assert "DaskEstimator(" in repr(est)
        assert is_classifier(est)
        with pytest.raises(NotFittedError, match="This DaskEstimator instance is not fitted yet"):
            est.predict(make_rows(3))


def test_without_a_client():
    code = """
import dask.dataframe as dd, pandas as pd
from skmulti import MultiInputClassifier
from skmulti.dask import DaskEstimator
from skmulti.training.processes import GATHERED_ROWS
table = dd.from_pandas(pd.DataFrame({"a": [1, 2], "b": [0, 1]}), npartitions=1)
DaskEstimator(MultiInputClassifier()).fit(table, "b")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert "ValueError: No client of Dask is there. Make one" in done.stderr
