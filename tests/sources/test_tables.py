"""Tables in files, folders and functions: what cannot be read is refused with its place."""

import sys

import keras
import numpy as np
import pandas as pd
import pytest
from table_cases import N, classifier
from threads import python_threads

from skmulti import (
    ImageDecoder,
    InputMismatchError,
    InputRouter,
)
from skmulti.sources.tables import table_source


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("nowhere", "no file or folder '.*nowhere'"),
            ("empty", "folder '.*empty' holds no Parquet"),
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
            # Within the first epoch, after which an interrupt ends the fit without an error.
            def on_train_batch_end(self, batch, logs=None):
                raise stop

        before = python_threads()
        with pytest.raises(stop):
            classifier(callbacks=[Stop()]).fit(folder, "label")
        assert python_threads() <= before
