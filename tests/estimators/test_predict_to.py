"""Predictions of files and frames that are written to a folder, part by part and in one step."""

import numpy as np
import pandas as pd
import pyarrow.dataset
import pytest
from table_cases import router

from skmulti import InputMismatchError, MultiInputClassifier, MultiInputRegressor, NumberScaler, make_input_router
from skmulti.estimators import writing

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def regressor(table):
    y = pd.DataFrame({"first": table["size"].fillna(0.0), "second": table["weight"]})
    params = {"epochs": 1, "early_stopping": False, "random_state": 0}
    return MultiInputRegressor(make_input_router((NumberScaler(), ["size", "year"])), **params).fit(table, y)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Make every part small, so that 240 rows have several."""
    monkeypatch.setattr(writing, "CHUNK_ROWS", 32)
    monkeypatch.setattr(writing, "GROUP_ROWS", 50)
    monkeypatch.setattr(writing, "FILE_GROUPS", 2)


def test_a_folder_of_parquet_is_predicted_in_order(in_memory, table, folder, tmp_path):
    assert in_memory.predict_to(folder, tmp_path / "out") == len(table)
    found = pd.read_parquet(tmp_path / "out")
    assert list(found.columns) == ["prediction"]
    assert found["prediction"].tolist() == in_memory.predict(table).tolist()


def test_files_are_numbered_and_none_is_empty(in_memory, folder, tmp_path):
    in_memory.predict_to(folder, tmp_path / "out")
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == [f"part-{i:05}.parquet" for i in range(len(files))]
    assert len(files) > 1
    assert all(len(pd.read_parquet(tmp_path / "out" / name)) for name in files)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_probabilities_have_a_column_for_each_class(in_memory, table, folder, tmp_path):
    in_memory.predict_to(folder, tmp_path / "out", method="predict_proba")
    found = pd.read_parquet(tmp_path / "out")
    assert list(found.columns) == ["no", "yes"]
    np.testing.assert_allclose(found.to_numpy(), in_memory.predict_proba(table), atol=1e-6)


def test_several_targets_have_their_names(regressor, table, tmp_path):
    regressor.predict_to(table, tmp_path / "out")
    found = pd.read_parquet(tmp_path / "out")
    assert list(found.columns) == ["first", "second"]
    np.testing.assert_allclose(found.to_numpy(), regressor.predict(table), rtol=1e-5)


def test_kept_columns_stand_beside_the_predictions(regressor, table, tmp_path):
    # A column that begins with nothing but missing cells has a type all the same.
    late = pd.Series([None] * 200 + [f"late {i}" for i in range(40)], table.index)
    source = table.assign(key=np.arange(len(table)) + 7, late=late)[["key", "size", "year", "late", "label"]]
    source.to_parquet(tmp_path / "rows.parquet")
    regressor.predict_to(tmp_path / "rows.parquet", tmp_path / "out", keep=["late", "key", "label"])
    found = pd.read_parquet(tmp_path / "out")
    assert list(found.columns) == ["late", "key", "label", "first", "second"]
    assert found["key"].tolist() == source["key"].tolist()
    assert found["label"].tolist() == source["label"].tolist()
    assert found["late"].isna().sum() == 200
    assert found["late"].iloc[-1] == "late 39"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(lambda table, path: table.to_csv(path / "r.csv", index=False) or path / "r.csv", id="CSV"),
        pytest.param(lambda table, path: table, id="frame"),
        pytest.param(lambda table, path: (table[i : i + 70] for i in range(0, 240, 70)), id="generator"),
        pytest.param(lambda table, path: lambda: iter([table[:100], table[100:]]), id="function"),
        pytest.param(lambda table, path: pyarrow.dataset.dataset(_written(table, path)), id="Arrow"),
    ],
)
def test_sources(regressor, table, tmp_path, source):
    own = table[["size", "year", "weight"]]
    regressor.predict_to(source(own, tmp_path), tmp_path / "out", keep="weight")
    found = pd.read_parquet(tmp_path / "out")
    np.testing.assert_allclose(found[["first", "second"]].to_numpy(), regressor.predict(own), rtol=1e-5)
    np.testing.assert_allclose(found["weight"], own["weight"])


def _written(table, path):
    table.to_parquet(path / "rows.parquet")
    return path / "rows.parquet"


def test_an_empty_folder_is_taken(regressor, table, tmp_path):
    (tmp_path / "out").mkdir()
    regressor.predict_to(table, tmp_path / "out")
    assert len(pd.read_parquet(tmp_path / "out")) == len(table)


def test_what_exists_is_left_alone(regressor, table, tmp_path):
    regressor.predict_to(table, tmp_path / "out")
    with pytest.raises(FileExistsError, match=r"exists and is not empty. Give the path of a new folder"):
        regressor.predict_to(table[:5], tmp_path / "out")
    assert len(pd.read_parquet(tmp_path / "out")) == len(table)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="is no folder"):
        regressor.predict_to(table, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_nothing_is_left_if_it_breaks_off(regressor, table, tmp_path):
    def frames():
        yield table
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="the disk went away"):
        regressor.predict_to(frames(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"keep": "ide"}, InputMismatchError, "keep names the column 'ide', which the rows do not have"),
        ({"keep": ["first"]}, ValueError, "keep names 'first', which the file would hold twice"),
        ({"keep": [3]}, ValueError, "keep holds 3 of type int"),
        ({"method": "predict_proba"}, ValueError, "method is 'predict_proba'; it must be 'predict'"),
        ({"source": {"numbers": np.ones((3, 2))}}, InputMismatchError, "predict_to takes tables"),
        ({"source": []}, InputMismatchError, "Expected 2D array or a DataFrame"),
        ({"source": "no/such/folder"}, InputMismatchError, "There is no file or folder"),
    ],
)
def test_refusals_leave_nothing(regressor, table, tmp_path, given, error, message):
    with pytest.raises(error, match=message):
        regressor.predict_to(**{"source": table, "path": tmp_path / "out", **given})
    assert list(tmp_path.iterdir()) == []


def test_a_kept_column_that_changes_its_type_is_refused(regressor, table, tmp_path):
    frames = [table.assign(key=1)[:60], table.assign(key="one")[60:]]
    with pytest.raises(InputMismatchError, match="changes its type"):
        regressor.predict_to(frames, tmp_path / "out", keep="key")


def test_a_source_without_rows_is_refused(regressor, table, tmp_path):
    table[:0].to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(InputMismatchError, match="0 rows"):
        regressor.predict_to(tmp_path / "rows.parquet", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_before_fit_it_is_refused(table, tmp_path):
    with pytest.raises(ValueError, match="not fitted yet"):
        MultiInputClassifier(router()).predict_to(table, tmp_path / "out")
