"""Fits on tables that are read in parts: the network of a fit in memory."""

import pandas as pd
import pyarrow.dataset
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from table_cases import N, classifier, router

from skmulti import (
    CategoryIndexer,
    InputMismatchError,
    InputRouter,
    MultiInputRegressor,
    NumberScaler,
)
from skmulti.estimators.examples import encoded_chunks, source_of
from skmulti.training import feeds as feeds_module


class TestFit:
    def test_predictions_equal_those_of_a_fit_in_memory(self, table, folder, in_memory, streamed):
        expected = in_memory.predict_proba(table)
        assert_allclose(streamed.predict_proba(table), expected, atol=1e-5)
        assert_allclose(streamed.predict_proba(folder), expected, atol=1e-5)

    @pytest.mark.parametrize("form", ["file", "dataset", "function"])
    def test_every_source_gives_the_same_network(self, form, table, folder, in_memory, tmp_path):
        if form == "file":
            source = tmp_path / "all.parquet"
            table.to_parquet(source)
        elif form == "dataset":
            source = pyarrow.dataset.dataset(folder)
        else:
            source = lambda: (table[start : start + 100] for start in range(0, N, 100))  # noqa: E731
        est = classifier().fit(source, "label")
        assert_allclose(est.predict_proba(source), in_memory.predict_proba(table), atol=1e-5)

    def test_csv_is_read_as_pandas_reads_it(self, table, tmp_path):
        given = InputRouter([("numbers", NumberScaler(), ["size", "year"]), ("place", CategoryIndexer(), "place")])
        table.to_csv(tmp_path / "all.csv", index=False)
        whole = pd.read_csv(tmp_path / "all.csv")
        expected = classifier(given, epochs=1).fit(whole.drop(columns="label"), whole["label"]).predict_proba(whole)
        est = classifier(given, epochs=1).fit(tmp_path / "all.csv", "label")
        assert_allclose(est.predict_proba(tmp_path / "all.csv"), expected, atol=1e-5)

    @pytest.mark.parametrize("params", [{"early_stopping": True}, {"class_weight": "balanced"}])
    def test_hold_out_and_class_weights_are_those_in_memory(self, params, table, folder):
        whole = classifier(**params).fit(table.drop(columns="label"), table["label"])
        est = classifier(**params).fit(str(folder), "label")
        assert_allclose(est.predict_proba(table), whole.predict_proba(table), atol=1e-5)

    def test_a_column_of_weights_weighs_the_rows(self, table, folder):
        whole = classifier().fit(table.drop(columns=["label", "weight"]), table["label"], table["weight"])
        est = classifier().fit(folder, "label", "weight")
        assert_allclose(est.predict_proba(table), whole.predict_proba(table), atol=1e-5)

    def test_a_source_validates_a_fit_in_memory(self, table, folder):
        rows = table.drop(columns=["label"])
        own = classifier().fit(rows, table["label"], X_val=rows, y_val=table["label"])
        other = classifier().fit(rows, table["label"], X_val=folder, y_val="label")
        assert_allclose(other.history_["val_loss"], own.history_["val_loss"], rtol=1e-5)

    def test_a_part_of_a_fit_must_be_in_memory(self, folder):
        with pytest.raises(InputMismatchError, match=r"is not in memory; partial_fit learns on tables that are"):
            classifier().partial_fit(folder, "label", classes=["no", "yes"])

    def test_shuffled_rows_differ_by_epoch_but_not_by_fit(self, folder, streamed):
        ests = [classifier(shuffle=True).fit(folder, "label") for _ in range(2)]
        assert_allclose(ests[0].history_["loss"], ests[1].history_["loss"], rtol=1e-6)
        assert ests[0].history_["loss"] != streamed.history_["loss"]

    def test_numbers_are_predicted_and_scored(self, folder, table):
        est = MultiInputRegressor(router(), epochs=1, random_state=0).fit(
            folder, "weight", X_val=folder, y_val="weight"
        )
        assert est.predict(folder).shape == (N,)
        assert est.score(folder, "weight") == pytest.approx(est.score(table, table["weight"]), abs=1e-5)
        assert "val_loss" in est.history_

    def test_columns_are_routed_by_what_a_sample_holds(self, table, folder):
        whole = classifier(None).fit(table.drop(columns="label"), table["label"])
        est = classifier(None).fit(folder, "label")
        assert est.router_.plan_.equals(whole.router_.plan_)
        assert_allclose(est.predict_proba(table), whole.predict_proba(table), atol=1e-5)

    def test_score_reads_the_column_of_labels(self, folder, table, streamed):
        assert streamed.score(folder, "label") == streamed.score(table, table["label"])

    def test_a_table_without_the_target_is_predicted(self, streamed, table, tmp_path):
        table.drop(columns="label").to_parquet(tmp_path / "new.parquet")
        assert_array_equal(streamed.predict(tmp_path / "new.parquet"), streamed.predict(table))

    def test_a_table_is_predicted_in_pieces_in_order(self, streamed, folder, table, monkeypatch):
        monkeypatch.setattr(feeds_module, "PIECE_BYTES", 30 * 4 * 10)
        chunks = [len(arrays["place"]) for arrays in encoded_chunks(source_of(folder), streamed.router_)]
        assert max(chunks) < 40
        assert sum(chunks) == N
        assert_allclose(streamed.predict_proba(folder), streamed.predict_proba(table), atol=1e-6)
