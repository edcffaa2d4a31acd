"""Tables that are read in parts: sources, fits on them, and `partial_fit` of encoders."""

import sys
import threading
from itertools import pairwise

import keras
import numpy as np
import pandas as pd
import pyarrow.dataset
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skmulti import (
    CalendarEncoder,
    CategoryIndexer,
    ImageDecoder,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    SequencePadder,
    TextVectorizer,
    VectorStacker,
)
from skmulti.sources.tables import table_source
from skmulti.training import feeds as feeds_module

N = 240


@pytest.fixture(scope="module")
def table():
    """A table of numbers with gaps, places, words, recordings and a label that number and words decide."""
    rng = np.random.default_rng(0)
    words = np.array(["warm", "cold", "wet", "dry", "old", "new"])
    frame = pd.DataFrame(
        {
            "size": rng.normal(50, 20, N),
            "year": rng.integers(1990, 2020, N),
            "place": rng.choice(["Rome", "Oslo", "Bern", None], N, p=[0.5, 0.3, 0.1, 0.1]),
            "note": [" ".join(rng.choice(words, rng.integers(0, 9))) for _ in range(N)],
            "trace": [rng.normal(size=rng.integers(1, 7)).tolist() for _ in range(N)],
            "weight": rng.uniform(0.5, 2, N).round(3),
        }
    )
    frame.loc[150:160, "size"] = np.nan
    warm = frame["note"].str.contains("warm")
    return frame.assign(label=np.where(warm ^ (frame["year"] > 2005), "yes", "no"))


@pytest.fixture(scope="module")
def wide(table):
    """The same with days, hours and vectors, which the first part lacks."""
    days = pd.Timestamp("2019-12-25") + pd.to_timedelta(np.arange(N) // 7, "D")
    hours = pd.Series(pd.Timestamp("2020-01-01", tz="Europe/Oslo") + pd.to_timedelta(np.arange(N) % 24, "h"))
    vectors = [None] * 80 + [[float(i), 1.0] for i in range(N - 80)]
    return table.assign(day=days, hour=hours.where(np.arange(N) > 75), vector=vectors)


@pytest.fixture(scope="module")
def folder(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("parts")
    for i in range(3):
        table[i * 80 : i * 80 + 80].to_parquet(path / f"part-{i}.parquet")
    return path


def router():
    return InputRouter(
        [
            ("numbers", NumberScaler(), ["size", "year"]),
            ("scaled", StandardScaler(), ["year"]),
            ("place", CategoryIndexer(), "place"),
            ("note", TextVectorizer(max_tokens=6), "note"),
            ("trace", SequencePadder(length=0.8), "trace"),
        ]
    )


def classifier(given="explicit", **params):
    params = {"epochs": 2, "batch_size": 32, "shuffle": False, "early_stopping": False, "random_state": 0, **params}
    return MultiInputClassifier(router() if isinstance(given, str) else given, **params)


@pytest.fixture(scope="module")
def in_memory(table):
    return classifier().fit(table.drop(columns=["label"]), table["label"])


@pytest.fixture(scope="module")
def streamed(folder):
    return classifier().fit(folder, "label")


ENCODERS = [
    (NumberScaler(), ["size", "year"]),
    (NumberScaler(add_indicator=False), ["weight"]),
    (StandardScaler(), ["year"]),
    (CategoryIndexer(), ["place", "label"]),
    (CategoryIndexer(max_categories=3), ["place"]),
    (CategoryIndexer(min_frequency=0.2), ["place"]),
    (CategoryIndexer(categories=[["Oslo", "Paris", "Rome"]]), ["place"]),
    (TextVectorizer(max_tokens=5), "note"),
    (TextVectorizer(length=None, ngrams=2), "note"),
    (TextVectorizer(length=4, vocabulary=["wet", "cold"]), ["note", "place"]),
    (SequencePadder(), "trace"),
    (SequencePadder(length=0.5), "trace"),
    (CalendarEncoder(), ["day", "hour"]),
    (CalendarEncoder(parts=["year", "weekday"]), ["day"]),
    (VectorStacker(), "vector"),
]


class TestPartialFit:
    @pytest.mark.parametrize(("encoder", "columns"), ENCODERS)
    def test_parts_teach_what_the_whole_does(self, encoder, columns, wide):
        whole, parts = clone(encoder).fit(wide[columns]), clone(encoder)
        for start in range(0, N, 70):
            parts.partial_fit(wide[columns][start : start + 70])
        assert_allclose(parts.transform(wide[columns]), whole.transform(wide[columns]), rtol=1e-6, atol=1e-6)
        if hasattr(whole, "spec"):
            assert parts.spec("x") == whole.spec("x")

    @pytest.mark.parametrize(("encoder", "columns"), ENCODERS[:-5:3])
    def test_fit_begins_anew(self, encoder, columns, table):
        used = clone(encoder).partial_fit(table[columns][:50]).fit(table[columns][100:])
        fresh = clone(encoder).fit(table[columns][100:])
        assert_array_equal(used.transform(table[columns]), fresh.transform(table[columns]))

    def test_a_fit_between_parts_is_not_mixed_with_them(self, table):
        column = table[["year"]]
        used = NumberScaler().partial_fit(column[:50]).fit(column[50:90]).partial_fit(column[90:])
        assert_allclose(used.mean_, NumberScaler().fit(column[90:]).mean_)

    def test_weights_of_parts_weigh_as_those_of_the_whole(self, table):
        columns, weight = table[["size", "year"]], table["weight"].to_numpy()
        whole, parts = NumberScaler().fit(columns, sample_weight=weight), NumberScaler()
        for rows in (slice(0, 100), slice(100, N)):
            parts.partial_fit(columns[rows], sample_weight=weight[rows])
        assert_allclose([parts.mean_, parts.scale_], [whole.mean_, whole.scale_], rtol=1e-12)

    def test_large_values_keep_their_spread(self):
        values = pd.DataFrame({"x": 1e9 + np.arange(1000.0)})
        parts = NumberScaler()
        for start in range(0, 1000, 100):
            parts.partial_fit(values[start : start + 100])
        assert_allclose(parts.scale_, NumberScaler().fit(values).scale_, rtol=1e-9)

    def test_constant_column_has_scale_one(self):
        parts = NumberScaler().partial_fit(pd.DataFrame({"x": [0.1] * 3})).partial_fit(pd.DataFrame({"x": [0.1] * 7}))
        assert parts.scale_.tolist() == [1.0]

    def test_sequences_of_another_width_are_refused_in_a_later_part(self):
        padder = SequencePadder().partial_fit(pd.Series([[1.0], [2.0]], name="t"))
        with pytest.raises(InputMismatchError, match=r"'t'.*do not have 1 number a step, first at row label 5"):
            padder.partial_fit(pd.Series([[[1.0, 2.0]]], index=[5], name="t"))

    @pytest.mark.parametrize("encoder", [OneHotEncoder(), PCA(1)])
    def test_encoder_that_needs_all_rows_says_so_by_name(self, encoder, table):
        given = InputRouter([("x", encoder, ["year"])])
        with pytest.raises(
            InputMismatchError, match=rf"'x' \(column 'year'\): {type(encoder).__name__} learns from all"
        ):
            given.fit_chunks(lambda: [(table, None, None)], table)

    def test_transformer_without_state_needs_no_partial_fit(self, table):
        given = InputRouter([("x", FunctionTransformer(np.log1p), ["year"]), ("y", "passthrough", ["year"])])
        fitted = given.fit_chunks(lambda: [(table[:100], None, None), (table[100:], None, None)], table)
        assert_allclose(fitted.transform(table)["x"][:, 0], np.log1p(table["year"]), rtol=1e-6)


class TestRouter:
    def test_specs_are_those_of_a_fit_in_memory(self, in_memory, streamed):
        assert streamed.router_.specs_ == in_memory.router_.specs_
        assert streamed.n_features_in_ == in_memory.n_features_in_ == 6
        assert_array_equal(streamed.feature_names_in_, in_memory.feature_names_in_)

    def test_images_that_are_missing_anywhere_are_known(self):
        photo = [np.full((4, 4), i, "uint8") for i in range(6)]
        frame = pd.DataFrame({"photo": [*photo[:5], None]})
        fitted = InputRouter([("photo", ImageDecoder(size=(4, 4)), "photo")])
        fitted.fit_chunks(lambda: ((frame[i : i + 2], None, None) for i in (0, 2, 4)), frame[:2])
        assert fitted.specs_["photo"].missing_name == "photo__missing"

    def test_inputs_may_share_an_encoder(self):
        frame = pd.DataFrame({"a": ["x", "y"] * 3, "b": ["z", "x"] * 3})
        shared = InputRouter([("a", CategoryIndexer(), "a"), ("b", "a", "b")])
        fitted = clone(shared).fit_chunks(lambda: ((frame[i : i + 2], None, None) for i in (0, 2, 4)), frame)
        expected = shared.fit_transform(frame)
        for name, array in fitted.transform(frame).items():
            assert_array_equal(array, expected[name])


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
        chunks = [len(arrays["place"]) for arrays in streamed._encoded_chunks(folder)]
        assert max(chunks) < 40
        assert sum(chunks) == N
        assert_allclose(streamed.predict_proba(folder), streamed.predict_proba(table), atol=1e-6)


class TestShuffle:
    def test_windows_hold_each_row_once(self, folder, monkeypatch):
        monkeypatch.setattr(feeds_module, "WINDOW_ROWS", 50)
        source = table_source(folder)
        source.column("label")
        positions = np.flatnonzero(np.arange(N) % 3)
        orders = []
        for epoch in range(2):
            windows = list(feeds_module._windows(source, positions, np.random.default_rng([0, epoch])))
            places = np.concatenate([chosen for chosen, _ in windows])
            labels = np.concatenate([frame.index for _, frame in windows])
            assert sorted(places) == list(range(len(positions)))
            assert_array_equal(positions[places], labels)
            orders.append(places.tolist())
        assert orders[0] != orders[1]

    @pytest.mark.parametrize("sizes", [[3, 3, 3], [10], [1, 1, 8, 2]])
    def test_batches_have_one_size_but_for_the_last(self, sizes):
        starts = np.cumsum([0, *sizes])
        pieces = [({"a": np.arange(i, j)}, np.arange(i, j)) for i, j in pairwise(starts)]
        found = list(feeds_module._cut_batches(iter(pieces), 4))
        assert [len(y) for _, y in found][:-1] == [4] * (len(found) - 1)
        assert np.concatenate([y for _, y in found]).tolist() == list(range(sum(sizes)))


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("nowhere", "no file or folder '.*nowhere'"),
            ("empty", "'.*empty' holds no such file"),
            ("notes.txt", "'.txt'"),
        ],
    )
    def test_path_that_leads_to_no_table_is_refused(self, path, message, tmp_path):
        (tmp_path / "empty").mkdir()
        (tmp_path / "notes.txt").write_text("a")
        with pytest.raises(InputMismatchError, match=message):
            classifier().fit(str(tmp_path / path), "label")

    def test_column_that_is_not_there_is_named(self, folder):
        with pytest.raises(InputMismatchError, match=r"has no column 'labl'.*Did you mean 'label'"):
            classifier().fit(folder, "labl")

    def test_target_as_an_array_is_refused(self, folder, table):
        with pytest.raises(InputMismatchError, match="name the column of the target"):
            classifier().fit(folder, table["label"])

    def test_broken_part_is_named(self, folder, tmp_path):
        for i, part in enumerate(sorted(folder.iterdir())):
            (tmp_path / f"{i}.parquet").write_bytes(part.read_bytes())
        (tmp_path / "1.parquet").write_bytes((tmp_path / "1.parquet").read_bytes()[:-500])
        with pytest.raises(InputMismatchError, match=r"1\.parquet.*cannot be read"):
            classifier().fit(tmp_path, "label")

    def test_file_that_is_absent_is_named_with_its_row_in_the_whole_table(self, tmp_path):
        path = tmp_path / "gone.png"
        photos = pd.DataFrame({"photo": [np.zeros((4, 4), "uint8")] * 3 + [str(path)], "label": [0, 1, 0, 1]})
        source = lambda: (photos[i : i + 2] for i in (0, 2))  # noqa: E731
        given = InputRouter([("photo", ImageDecoder(size=(4, 4)), "photo")])
        with pytest.raises(InputMismatchError, match=r"Input 'photo'.*row label 3: '.*gone.png' \(file not found\)"):
            classifier(given).fit(source, "label")

    def test_a_table_that_changes_is_refused(self, table):
        sizes = iter([N, N, N, 100])
        with pytest.raises(InputMismatchError, match="had 240 rows when it was first read, and 100"):
            classifier().fit(lambda: iter([table[: next(sizes, 100)]]), "label")

    def test_parquet_without_pyarrow_is_refused_with_the_way_out(self, folder, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(ImportError, match="pip install pyarrow"):
            table_source(folder)

    @pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
    def test_threads_end_when_a_fit_is_broken_off(self, stop, folder):
        class Stop(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                raise stop

        def own_threads():
            return [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPool")]

        with pytest.raises(stop):
            classifier(callbacks=[Stop()]).fit(folder, "label")
        assert own_threads() == []
