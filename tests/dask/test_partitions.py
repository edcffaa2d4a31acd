"""Predictions and scores of tables of Dask, computed in this process."""

import importlib
import subprocess
import sys

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from dask_cases import READ, CountedScaler, fitted, rows, unpicklings
from sklearn.metrics import accuracy_score, r2_score

from skmulti import InputMismatchError, MultiInputClassifier
from skmulti.dask import SharedEstimator

pytestmark = pytest.mark.long

TARGETS = {
    "words": "label",
    "codes": "code",
    "number": "price",
    "numbers": ["price", "rent"],
    "columns": ["label", "code"],
}


@pytest.fixture(autouse=True)
def in_this_process():
    with dask.config.set(scheduler="sync"):
        yield


@pytest.fixture(scope="module", params=TARGETS)
def target(request):
    return TARGETS[request.param]


@pytest.fixture(scope="module")
def estimator(target):
    return fitted(target)


@pytest.fixture(scope="module")
def classifier():
    return fitted("label")


@pytest.fixture(scope="module")
def frame():
    return rows(90, seed=1)


def partitioned(frame, npartitions=4):
    return dd.from_pandas(frame, npartitions=npartitions)


# --- predictions


def test_predictions_are_those_of_the_rows_in_memory(estimator, frame):
    found = estimator.predict(partitioned(frame)).compute()
    assert np.array_equal(np.asarray(found), estimator.predict(frame)) or np.allclose(
        np.asarray(found), estimator.predict(frame), rtol=1e-5
    )


def test_what_is_promised_is_what_is_computed(estimator, frame):
    lazy = estimator.predict(partitioned(frame))
    found = lazy.compute()
    if isinstance(found, pd.Series):
        assert lazy.name == found.name == "prediction"
        assert lazy.dtype == found.dtype
    else:
        assert lazy.dtypes.to_dict() == found.dtypes.to_dict()


def test_index_and_divisions_stay(estimator, frame):
    table = partitioned(frame)
    lazy = estimator.predict(table)
    assert lazy.divisions == table.divisions
    assert lazy.divisions[0] == 1000
    pd.testing.assert_index_equal(lazy.compute().index, frame.index)
    assert lazy.index.name == "row"


def test_several_targets_have_their_names(frame):
    assert list(fitted(["price", "rent"]).predict(partitioned(frame)).columns) == ["price", "rent"]
    found = fitted(["label", "code"]).predict_proba(partitioned(frame)).compute()
    assert list(found.columns) == ["label_no", "label_yes", "code_0", "code_1", "code_2"]
    np.testing.assert_allclose(found[["label_no", "label_yes"]].sum(axis=1), 1)


def test_labels_keep_their_type(frame):
    assert fitted("code").predict(partitioned(frame)).dtype == "int64"
    assert fitted("price").predict(partitioned(frame)).dtype == "float64"


def test_columns_of_probabilities_are_named_after_the_classes(classifier, frame):
    lazy = classifier.predict_proba(partitioned(frame))
    assert list(lazy.columns) == ["no", "yes"]
    np.testing.assert_allclose(lazy.compute().to_numpy(), classifier.predict_proba(frame), atol=1e-6)
    assert list(fitted("code").predict_proba(partitioned(frame)).columns) == ["0", "1", "2"]


def test_labels_that_hold_together_have_a_column_each(frame):
    own = rows()
    y = pd.DataFrame({"warm": own["note"].str.contains("warm"), "wet": own["note"].str.contains("wet")}).astype(int)
    clf = MultiInputClassifier(epochs=1, random_state=0).fit(own[["note"]], y)
    found = clf.predict_proba(partitioned(frame)).compute()
    assert list(found.columns) == ["warm", "wet"]
    np.testing.assert_allclose(found.to_numpy(), clf.predict_proba(frame[["note"]]), atol=1e-6)
    np.testing.assert_array_equal(clf.predict(partitioned(frame)).compute().to_numpy(), clf.predict(frame[["note"]]))


def test_partitions_without_rows_have_no_predictions(estimator, frame):
    table = partitioned(frame)
    lazy = estimator.predict(table[table["id"] > 60])
    parts = [part.compute() for part in lazy.partitions]
    assert [len(part) for part in parts][:2] == [0, 0]
    assert sum(map(len, parts)) == 29
    assert all(type(part) is type(parts[-1]) for part in parts)
    nothing = estimator.predict(table[table["id"] < 0]).compute()
    assert len(nothing) == 0


def test_unknown_and_unused_categories_are_those_of_the_rows_in_memory(classifier):
    frame = rows(40, seed=2)
    frame["place"] = pd.Categorical(["Bonn", "Rome"] * 20, categories=["Wien", "Bonn", "Rome"])
    found = classifier.predict_proba(partitioned(frame)).compute()
    np.testing.assert_allclose(found.to_numpy(), classifier.predict_proba(frame), atol=1e-6)


def test_only_columns_that_inputs_read_are_loaded(classifier, frame, tmp_path):
    # Without its index: Dask 2026.8 under pandas 3.1 cannot read files of an index with a name.
    frame.reset_index(drop=True).to_parquet(tmp_path / "rows.parquet")
    lazy = classifier.predict(dd.read_parquet(tmp_path / "rows.parquet"))
    readers = [node for node in lazy.expr.simplify().walk() if type(node).__name__.startswith("ReadParquet")]
    assert set(readers[0].columns) == {"size", "place", "note"}
    np.testing.assert_array_equal(lazy.compute().to_numpy(), classifier.predict(frame))


def test_columns_may_be_in_any_order(classifier, frame):
    found = classifier.predict(partitioned(frame[frame.columns[::-1]])).compute()
    np.testing.assert_array_equal(found.to_numpy(), classifier.predict(frame))


def test_a_missing_column_is_refused_at_once(classifier, frame):
    table = partitioned(frame.rename(columns={"note": "notes"}))
    for call in (classifier.predict, classifier.predict_proba, lambda X: classifier.score(X, "label")):
        with pytest.raises(InputMismatchError, match=r"wants column 'note', .*Did you mean 'notes'"):
            call(table)


def test_predictions_are_of_the_estimator_as_it_was(frame):
    clf = fitted("label")
    before, lazy = clf.predict_proba(frame), clf.predict_proba(partitioned(frame))
    clf.set_params(epochs=5).fit(rows()[READ], rows()["label"])
    np.testing.assert_allclose(lazy.compute().to_numpy(), before, atol=1e-6)
    assert not np.allclose(clf.predict_proba(frame), before, atol=1e-3)


def test_an_estimator_is_made_of_its_bytes_once_in_a_process(frame, tmp_path):
    file = tmp_path / "unpicklings"
    clf = fitted("label", CountedScaler(str(file)))
    # A fit makes copies, which count, too.
    file.unlink(missing_ok=True)
    with dask.config.set(scheduler="threads", num_workers=4):
        for _ in range(2):
            found = clf.predict(partitioned(frame, 12)).compute()
    assert len(unpicklings(file)) == 1
    np.testing.assert_array_equal(found.to_numpy(), clf.predict(frame))


def test_the_bytes_of_an_estimator_are_one_key_of_the_graph(classifier, frame):
    graph = dict(classifier.predict(partitioned(frame, 12)).optimize().dask)
    holders = [key for key, task in graph.items() if isinstance(getattr(task, "value", None), SharedEstimator)]
    assert len(holders) == 1
    assert sum("_predict_part" in str(key) for key in graph) == 12


def test_written_files_hold_the_predictions(classifier, frame, tmp_path):
    classifier.predict_proba(partitioned(frame)).to_parquet(tmp_path / "out")
    classifier.predict(partitioned(frame)).to_frame().to_parquet(tmp_path / "labels")
    found = pd.read_parquet(tmp_path / "out")
    np.testing.assert_allclose(found.to_numpy(), classifier.predict_proba(frame), atol=1e-6)
    assert pd.read_parquet(tmp_path / "labels")["prediction"].tolist() == classifier.predict(frame).tolist()


# --- scores


def test_a_score_is_that_of_the_rows_in_memory(estimator, target, frame):
    table = partitioned(frame)
    plain = estimator.score(frame[READ], frame[target])
    assert estimator.score(table, target) == pytest.approx(plain, abs=1e-9)
    assert estimator.score(table, table[target]) == pytest.approx(plain, abs=1e-9)
    weighed = estimator.score(frame[READ], frame[target], frame["weight"])
    assert estimator.score(table, target, "weight") == pytest.approx(weighed, abs=1e-9)


def test_scores_are_those_of_scikit_learn(frame):
    reg, clf = fitted("price"), fitted("label")
    table = partitioned(frame)
    expected = r2_score(frame["price"], reg.predict(frame), sample_weight=frame["weight"])
    assert reg.score(table, "price", sample_weight=table["weight"]) == pytest.approx(expected, abs=1e-9)
    assert clf.score(table, "label") == pytest.approx(accuracy_score(frame["label"], clf.predict(frame)))


def test_a_small_spread_around_a_large_mean_keeps_its_digits(frame):
    own = rows()
    reg = fitted("price")
    far = frame.assign(price=frame["price"] + 1e8)
    reg.fit(own[READ], own["price"] + 1e8)
    assert reg.score(partitioned(far), "price") == pytest.approx(reg.score(far[READ], far["price"]), rel=1e-6)


def test_partitions_without_rows_do_not_change_a_score(estimator, target, frame):
    table = partitioned(frame)
    rest = frame[frame["id"] > 60]
    expected = estimator.score(rest[READ], rest[target])
    assert estimator.score(table[table["id"] > 60], target) == pytest.approx(expected, abs=1e-9)
    assert np.isnan(estimator.score(table[table["id"] < 0], target))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (lambda table: "lable", r"names the column 'lable'.*Did you mean 'label'"),
        (lambda table: table["label"].compute(), "y is of type Series, but X is a table of Dask"),
        (lambda table: None, "y is of type NoneType"),
        (lambda table: table["label"].repartition(npartitions=2), "y has 2 partitions, X has 4"),
    ],
)
def test_a_target_that_does_not_belong_to_the_rows_is_refused(classifier, frame, y, message):
    table = partitioned(frame)
    with pytest.raises(InputMismatchError, match=message):
        classifier.score(table, y(table))


def test_a_target_with_other_rows_is_refused(classifier, frame):
    table = partitioned(frame).clear_divisions()
    with pytest.raises(InputMismatchError, match=r"A partition of X has .* rows, that of y has"):
        classifier.score(table, table["label"][table["id"] > 5])


# --- what is no prediction


@pytest.mark.parametrize("method", ["fit", "partial_fit", "plan"])
def test_training_on_a_table_of_dask_names_its_estimator(frame, method):
    table = partitioned(frame)
    with pytest.raises(InputMismatchError, match=r"skmulti\.dask\.DaskEstimator\(estimator\)\.fit\(X, y\)"):
        getattr(MultiInputClassifier(), method)(table[["size"]], table["label"])


def test_vectors_of_a_table_of_dask_are_refused_with_a_way_out(classifier, frame):
    with pytest.raises(InputMismatchError, match=r"X\.compute\(\)"):
        classifier.embed(partitioned(frame))


# --- imports


def test_the_package_does_not_import_dask():
    code = "import sys, skmulti; print([name for name in sys.modules if name.split('.')[0] in ('dask', 'distributed')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("absent", ["dask", "dask.dataframe", "distributed"])
def test_the_extra_is_named_where_dask_is_not_installed(monkeypatch, absent):
    for name in [name for name in sys.modules if name.startswith("skmulti.dask")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(ImportError, match=r'pip install "skmulti\[dask\]"'):
        importlib.import_module("skmulti.dask")
