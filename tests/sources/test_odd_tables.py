"""Files of other dialects, folders whose files differ, generators of frames: read as the whole table, or refused."""

import gzip

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from skmulti import CategoryIndexer, DenseHead, InputMismatchError, InputRouter, MultiInputClassifier, NumberScaler
from skmulti.sources.tables import table_source

N = 60
RNG = np.random.default_rng(0)
TABLE = pd.DataFrame({"x": RNG.normal(size=N), "c": RNG.choice(["ä", "b"], N)})
TABLE["y"] = (TABLE["x"] > 0).astype(int)
ENTRIES = [("x", NumberScaler(), ["x"]), ("c", CategoryIndexer(), ["c"])]
ENCODED = np.column_stack([TABLE["x"], TABLE["x"] ** 2]).astype("float32")


def classifier(router=None, **params):
    given = {"epochs": 1, "random_state": 0, "early_stopping": False, "compile__run_eagerly": True}
    return MultiInputClassifier(router or InputRouter(ENTRIES), head=DenseHead(units=()), **{**given, **params})


def encoded(**params):
    given = {"epochs": 2, "random_state": 0, "early_stopping": False, "compile__run_eagerly": True}
    return MultiInputClassifier(head=DenseHead(units=()), **{**given, **params})


def frames_of(source):
    return pd.concat([frame for _, frame in source.frames()])


@pytest.fixture(scope="module")
def fitted():
    return classifier().fit(TABLE.drop(columns="y"), TABLE["y"])


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestDialects:
    @pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.bz2", "a.tsv", "a.CSV"])
    def test_csv_is_read_as_pandas_reads_it(self, here, name):
        TABLE.to_csv(name, index=False, sep="\t" if "tsv" in name else ",")
        pd.testing.assert_frame_equal(frames_of(table_source(name)), TABLE)

    @pytest.mark.parametrize("as_list", [list, tuple])
    def test_a_list_of_files_is_one_table(self, here, as_list):
        TABLE[:30].to_csv("2.csv", index=False)
        TABLE[30:].to_csv("1.csv", index=False)
        pd.testing.assert_frame_equal(frames_of(table_source(as_list(["2.csv", here / "1.csv"]))), TABLE)

    def test_a_list_of_parquet_files_fits(self, here, fitted):
        TABLE[:30].to_parquet("1.parquet")
        TABLE[30:].to_parquet("2.parquet")
        found = classifier().fit(["1.parquet", "2.parquet"], "y").predict_proba(["1.parquet", "2.parquet"])
        np.testing.assert_allclose(found, fitted.predict_proba(TABLE), atol=0.05)

    def test_home_is_expanded(self, here, monkeypatch):
        monkeypatch.setenv("HOME", str(here))
        TABLE.to_csv("a.csv", index=False)
        pd.testing.assert_frame_equal(frames_of(table_source("~/a.csv")), TABLE)

    def test_the_named_way_for_a_dialect_works(self, here, fitted):
        TABLE.to_csv("a.csv", index=False, sep=";", decimal=",")
        way = lambda: pd.read_csv("a.csv", sep=";", decimal=",", chunksize=25)  # noqa: E731
        found = classifier().fit(way, y="y")
        np.testing.assert_allclose(found.predict_proba(way), found.predict_proba(TABLE), atol=1e-6)
        assert found.score(way, y="y") == found.score(TABLE, TABLE["y"])

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"sep": ";", "decimal": ","}, ["'x;c;y'", "sep=';', decimal=','", "chunksize=10_000"]),
            ({"sep": "|"}, ["sep='|'"]),
            ({"encoding": "latin-1"}, ["UTF-8", "encoding='latin-1'", "fit(lambda: pd.read_csv("]),
        ],
    )
    def test_another_dialect_is_refused_with_the_line_that_reads_it(self, here, options, words):
        TABLE.to_csv("a.csv", index=False, **options)
        with pytest.raises(InputMismatchError) as error:
            classifier().fit("a.csv", y="y")
        assert [word for word in words if word not in str(error.value)] == []

    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [("a.csv", "", "is empty"), ("a.csv", "x,c,y\n", "0 sample"), ("a.csv.gz", "x,c,y\n", "cannot be read as CSV")],
    )
    def test_files_without_rows_are_refused(self, here, fitted, name, text, words):
        (here / name).write_text(text)
        for call in (lambda: classifier().fit(name, y="y"), lambda: fitted.predict(name)):
            with pytest.raises(InputMismatchError, match=words):
                call()

    @pytest.mark.parametrize(
        ("X", "words"),
        [("*.csv", "glob"), (["a.csv", "no.csv"], "no file 'no.csv'"), (["a.csv", "b.parquet"], "of one kind")],
    )
    def test_paths_that_lead_nowhere_are_named(self, here, X, words):
        TABLE.to_csv("a.csv", index=False)
        TABLE.to_parquet("b.parquet")
        with pytest.raises(InputMismatchError, match=words):
            classifier().fit(X, y="y")


class TestTypes:
    PARTS = {
        "text after ints": (["1"] * 9 + ["a"], str),
        "floats after ints": (["1"] * 9 + ["2.5"], float),
        "gaps after ints": (["1"] * 9 + [""], float),
        "gaps first": ([""] * 5 + ["1"] * 5, float),
        "text after gaps": ([""] * 5 + ["a"] * 5, str),
        "text after booleans": (["True"] * 9 + ["a"], str),
        "ints": (["1"] * 10, int),
    }

    @pytest.mark.parametrize("case", PARTS)
    def test_parts_of_csv_have_the_types_of_the_whole(self, here, case, monkeypatch):
        monkeypatch.setattr("skmulti.sources.tables.FRAME_ROWS", 3)
        cells, kind = self.PARTS[case]
        (here / "a.csv").write_text("v,k\n" + "".join(f"{cell},1\n" for cell in cells))
        whole = pd.read_csv("a.csv")
        for _, frame in table_source("a.csv").frames():
            assert frame["v"].dtype == whole["v"].dtype or frame["v"].isna().all()
        assert frames_of(table_source("a.csv"))["v"].tolist()[5:] == whole["v"].tolist()[5:] or kind is float

    def test_files_of_a_folder_have_the_types_of_all(self, here):
        (here / "1.csv").write_text("v\n1\n2\n")
        (here / "2.csv").write_text("v\na\n1\n")
        assert frames_of(table_source(str(here)))["v"].tolist() == ["1", "2", "a", "1"]

    def test_chunks_of_a_function_have_the_types_of_all(self, here):
        (here / "a.csv").write_text("v,w,y\n" + "1,1,0\n" * 9 + "a,2.5,1\n")
        source = table_source(lambda: pd.read_csv("a.csv", chunksize=4))
        source.column("y")
        found = list(source.frames())
        assert pd.concat(frame for _, frame in found)["v"].tolist() == ["1"] * 9 + ["a"]
        assert {frame["w"].dtype.name for _, frame in found} == {"float64"}

    def test_categories_are_those_of_the_table_in_memory(self, here):
        cells = [str(i % 3) if i < 9000 or i % 10 else "n/a?" for i in range(9500)]
        pd.DataFrame({"v": cells, "y": np.arange(9500) % 2}).to_csv("m.csv", index=False)
        router = InputRouter([("v", CategoryIndexer(), ["v"])])
        found = classifier(router, compile__run_eagerly=False).fit("m.csv", y="y").router_.encoders_["v"].categories_
        assert found[0].tolist() == ["0", "1", "2", "n/a?"]


class TestFolders:
    @pytest.mark.parametrize("ending", ["csv", "parquet"])
    def test_a_file_with_other_columns_is_named(self, here, ending):
        for name, frame in {"1": TABLE, "2": TABLE.drop(columns="c").assign(z=1)}.items():
            write = frame.to_csv if ending == "csv" else frame.to_parquet
            write(f"{name}.{ending}", index=False)
        with pytest.raises(InputMismatchError, match=rf"2.{ending}' lacks 'c' and has 'z', unlike '.*1.{ending}'"):
            classifier().fit(str(here), y="y")

    def test_a_file_with_another_type_is_named(self, here):
        TABLE.to_parquet("1.parquet")
        TABLE.assign(x="high").to_parquet("2.parquet")
        with pytest.raises(InputMismatchError, match=r"column 'x' is .*string in '.*2.parquet', and double"):
            classifier().fit(str(here), y="y")

    def test_ints_and_floats_are_floats(self, here):
        TABLE.assign(x=range(N)).to_parquet("1.parquet")
        TABLE.to_parquet("2.parquet")
        assert {frame["x"].dtype.name for _, frame in table_source(str(here)).frames()} == {"float64"}

    def test_a_column_without_a_cell_takes_the_type_of_others(self, here):
        TABLE.assign(c=None).to_parquet("1.parquet")
        TABLE.to_parquet("2.parquet")
        assert frames_of(table_source(str(here)))["c"].tolist()[N:] == TABLE["c"].tolist()


class TestGenerators:
    @pytest.mark.parametrize(
        "make",
        [
            lambda: (TABLE[i : i + 7] for i in range(0, N, 7)),
            lambda: iter([TABLE[:7], TABLE[7:]]),
            lambda: (TABLE[i : i + 7].to_records(index=False) for i in range(0, N, 7)),
        ],
    )
    def test_frames_are_predicted_in_turn(self, fitted, make):
        np.testing.assert_allclose(fitted.predict_proba(make()), fitted.predict_proba(TABLE), atol=1e-6)

    def test_a_reader_of_chunks_is_predicted(self, here, fitted):
        TABLE.to_csv("a.csv", index=False)
        found = fitted.predict_proba(pd.read_csv("a.csv", chunksize=7))
        np.testing.assert_allclose(found, fitted.predict_proba(TABLE), atol=1e-6)

    def test_a_generator_of_frames_to_fit_names_the_way(self, here):
        TABLE.to_csv("a.csv", index=False)
        with pd.read_csv("a.csv", chunksize=7) as reader, pytest.raises(InputMismatchError, match=r"fit\(lambda: pd"):
            classifier().fit(reader, y="y")
        with pytest.raises(InputMismatchError, match=r"fit\(lambda: pd"):
            classifier().fit((TABLE[i : i + 7] for i in range(0, N, 7)), y="y")


def dataset(y=None):
    return tf.data.Dataset.from_tensor_slices(({"a": ENCODED}, TABLE["y"].to_numpy() if y is None else y)).batch(8)


class TestBatches:
    @pytest.mark.parametrize(
        ("y", "words"),
        [
            ({"out": TABLE["y"].to_numpy()}, "dict of targets with 'out'"),
            ((TABLE["y"], TABLE["y"]), "tuple of 2 targets"),
        ],
    )
    def test_targets_that_are_no_array_are_refused(self, y, words):
        with pytest.raises(InputMismatchError, match=words):
            encoded().fit(dataset(y))

    def test_steps_of_training_cut_nothing_else(self):
        seen = []

        def held():
            for inputs, y in dataset().as_numpy_iterator():
                seen.append(len(y))
                yield inputs, y

        found = encoded(fit__steps_per_epoch=2).fit(dataset(), X_val=held)
        # The last batch is a short one.
        assert N % 8 in seen
        assert len(found.predict(dataset())) == N
        assert found.score(dataset()) == found.score({"a": ENCODED}, TABLE["y"])

    @pytest.mark.parametrize("method", ["predict", "score"])
    def test_a_dataset_that_repeats_is_refused(self, method):
        found = encoded(fit__steps_per_epoch=2).fit(dataset().repeat())
        with pytest.raises(InputMismatchError, match=r"repeats forever.*take\(n\)"):
            getattr(found, method)(dataset().repeat())

    def test_more_batches_in_a_later_epoch_are_refused(self):
        calls = []

        def batches():
            calls.append(None)
            whole = list(dataset().as_numpy_iterator())
            yield from whole if len(calls) > 3 else whole[:-2]

        with pytest.raises(InputMismatchError, match="more than 6 batches in epoch"):
            encoded(epochs=3).fit(batches)


def test_a_compressed_file_is_closed_and_read_again(tmp_path):
    path = tmp_path / "a.csv.gz"
    with gzip.open(path, "wt") as file:
        TABLE.to_csv(file, index=False)
    source = table_source(path)
    pd.testing.assert_frame_equal(frames_of(source), frames_of(source))
