"""Fits under a strategy: shares of batches, and fits on two devices compared with fits on one."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmulti.training.devices import cut_share


class TestShare:
    @pytest.mark.parametrize(("n_rows", "n_devices"), [(16, 2), (11, 2), (1, 2), (7, 3), (2, 4), (5, 1)])
    def test_devices_have_every_row_once_and_nearly_equally_many(self, n_rows, n_devices):
        y = np.arange(n_rows)
        shares = [cut_share(({"a": y}, y), device, n_devices) for device in range(n_devices)]
        rows = [int(share.rows) for share in shares]
        held = [share.batch[1][:n] for share, n in zip(shares, rows, strict=True)]
        assert_array_equal(np.concatenate(held), y)
        assert max(rows) - min(rows) <= 1
        for share in shares:
            assert_array_equal(share.batch[0]["a"], share.batch[1])

    def test_a_device_without_rows_has_a_copy_that_weighs_nothing(self):
        batch = {"a": np.array([[5.0]])}, np.array([1]), np.array([2.0])
        first, second = (cut_share(batch, device, 2) for device in (0, 1))
        assert (int(first.rows), float(first.weight)) == (1, 1)
        assert (int(second.rows), float(second.weight)) == (0, 0)
        assert_array_equal(second.batch[0]["a"], [[5.0]])

    def test_weights_are_shares_of_the_batch_s_weights(self):
        weight = np.array([1.0, 2.0, 3.0, 4.0, 10.0])
        shares = [cut_share(({}, np.arange(5), weight), device, 2) for device in (0, 1)]
        assert_allclose([share.weight for share in shares], [6 / 20, 14 / 20])

    def test_without_weights_shares_are_those_of_rows(self):
        shares = [cut_share(({}, np.arange(5)), device, 2) for device in (0, 1)]
        assert_allclose([share.weight for share in shares], [3 / 5, 2 / 5])


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What fits on two devices came to, from a process that has two."""
    folder = tmp_path_factory.mktemp("mirrored")
    script = Path(__file__).with_name("mirrored_fits.py")
    done = subprocess.run([sys.executable, str(script), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "found.json").read_text())


@pytest.mark.long
class TestMirroredStrategy:
    def test_every_fit_has_the_weights_of_one_device(self, found):
        far = {name: values for name, values in found["fits"].items() if values["weights"] > 1e-5}
        assert not far
        assert len(found["fits"]) == 13

    def test_every_fit_has_the_history_of_one_device(self, found):
        far = {name: values for name, values in found["fits"].items() if values["history"] > 1e-4}
        assert not far

    def test_it_stops_early_in_the_same_epoch_with_the_same_best_weights(self, found):
        stopped = found["stopped"]
        assert stopped["epochs"][0] == stopped["epochs"][1] < 12
        assert stopped["best"][0] == stopped["best"][1] < stopped["epochs"][0]
        assert stopped["weights"] < 1e-5
        assert stopped["history"] < 1e-4

    @pytest.mark.parametrize("way", ["outside of the scope", "pickle", "file", "file in the scope"])
    def test_predictions_are_kept(self, found, way):
        assert found["kept"][way] == 0

    def test_a_pickle_has_the_score(self, found):
        assert found["kept"]["score"][0] == found["kept"]["score"][1]

    @pytest.mark.parametrize("way", ["in the scope", "outside of it", "compiled anew"])
    def test_a_fit_goes_on(self, found, way):
        assert found["continued"][way] < 1e-5

    def test_it_fits_files(self, found):
        assert found["from_files"]["weights"] < 1e-5
        assert found["from_files"]["predictions"] < 1e-5

    def test_callbacks_see_what_they_see_on_one_device(self, found):
        shared, alone = found["watched"]
        assert_allclose(shared["evaluated"], alone["evaluated"], rtol=1e-4)
        assert shared["batches"] == alone["batches"]
        assert_allclose(shared["rates"], alone["rates"])
        assert shared["rates"][-1] < shared["rates"][0]

    def test_a_checkpoint_changes_nothing(self, found):
        assert found["checkpointed"] < 1e-5

    def test_several_machines_are_refused_with_what_trains_on_them(self, found):
        several, _ = found["refused"]
        assert "got MultiWorkerMirroredStrategy" in several
        assert "skmulti.dask.DaskEstimator" in several

    def test_a_network_of_one_device_does_not_go_on_with_two(self, found):
        _, outside = found["refused"]
        assert "built outside of the strategy's scope" in outside

    def test_a_fit_with_dropout_learns(self, found):
        losses = found["drawn"]
        assert np.isfinite(losses).all()
        assert losses[-1] < 0.8 * losses[0]
