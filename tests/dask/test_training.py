"""A fit on a cluster of two processes against the same fit in this process."""

import pickle

import numpy as np
import pytest
from distributed.protocol.pickle import loads
from numpy.testing import assert_allclose, assert_array_equal
from training_cases import PARAMS, SIZES, fit_here, make_rows, pieces, table_of

from skmulti import (
    CategoryIndexer,
    ImageDecoder,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    TextVectorizer,
)
from skmulti.dask import DaskEstimator
from skmulti.training.shared import GATHERED_ROWS

pytestmark = pytest.mark.long

# The worker with most rows is alone, whatever held them before.
OWNERS = {0: 0, 1: 0, 2: 1}
INPUTS = ["area", "age", "city", "note"]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """308 rows with photos."""
    return make_rows(sum(SIZES), tmp_path_factory.mktemp("photos"))


def router(n_categories=None):
    """Return a router of numbers, categories, texts and photos, or of numbers and a large table of ids."""
    if n_categories:
        ids = CategoryIndexer(categories=[list(range(n_categories))])
        return InputRouter([("numbers", NumberScaler(), ["area"]), ("id", ids, ["age"])])
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


def predict_there(sent, method, frame):
    """Predict on a worker."""
    return getattr(loads(sent), method)(frame)


class TestSameAsOneProcess:
    def test_classes_of_every_kind_of_input(self, client, rows):
        est = MultiInputClassifier(router(), class_weight="balanced", batch_size=44, metrics=["accuracy"], **PARAMS)
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
        whole = router().fit(used[[*INPUTS, "photo"]])
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
        est = MultiInputRegressor(router(GATHERED_ROWS), batch_size=50, **PARAMS)
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
            epochs=40, shuffle=False, batch_size=64, optimizer="adam", optimizer__learning_rate=0.05, random_state=0,
            n_iter_no_change=2, early_stopping=True, metrics=["accuracy"],
        )  # fmt: skip
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
