"""`save` and `load`: what comes back predicts the same to the last bit, also in another process."""

import os
import pickle
import random
import subprocess
import sys
import threading
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from own_parts import PARTS, OwnBranch, OwnMetric, OwnScaler, columns_of
from saved_cases import NUMBERS, classifier, fitted, frame, labels, predict, regressor, routers
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from test_common import ENCODED

from skmulti import (
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    OptimizerStateWarning,
    UntrustedTypesError,
    load,
    save,
)
from skmulti.saving.configs import needed_name

X, Y = frame(), labels()

COMPARE = """
import pathlib, pickle, sys
import numpy as np
import skmulti
sys.path.insert(0, sys.argv[1])
from saved_cases_predict import predict
for path in sorted(pathlib.Path(sys.argv[2]).glob("*.skmulti")):
    X, expected = pickle.loads(path.with_suffix(".pkl").read_bytes())
    found = predict(skmulti.load(path), X)
    same = len(found) == len(expected) and all(
        one.dtype == two.dtype and one.shape == two.shape and one.tobytes() == two.tobytes()
        for one, two in zip(found, expected)
    )
    print(path.stem, "equal" if same else "differs")
"""


def saved(est, path):
    """Return an estimator that went through a file."""
    save(est, path)
    return load(path)


@pytest.fixture(scope="module")
def est():
    return classifier().fit(X, Y)


@pytest.fixture(scope="module")
def path(est, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "est.skmulti"
    save(est, path)
    return path


class TestAnotherProcess:
    def test_every_part_comes_back_equal_to_the_last_bit(self, tmp_path):
        names = []
        for name, fitted_est, rows in [*routers(), *fitted()]:
            save(fitted_est, tmp_path / f"{name}.skmulti")
            pd.to_pickle((rows, predict(fitted_est, rows)), tmp_path / f"{name}.pkl")
            names.append(name)
        command = [sys.executable, "-c", COMPARE, str(Path(__file__).parent), str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        run = subprocess.run(command, capture_output=True, text=True, timeout=200, env=environment, check=False)
        assert run.returncode == 0, run.stderr[-2000:]
        found = dict(line.rsplit(" ", 1) for line in run.stdout.splitlines())
        assert found == dict.fromkeys(names, "equal")


class TestState:
    def test_attributes_and_parameters_come_back(self, est, path):
        twin = load(path)
        assert repr(twin) == repr(est)
        assert (twin.history_, twin.n_iter_, twin.classes_.tolist()) == (est.history_, 1, ["no", "yes"])
        pd.testing.assert_frame_equal(twin.router_.plan_, est.router_.plan_)
        assert twin.router_.specs_ == est.router_.specs_
        assert twin.router_.encoders_["a"] is twin.router_._fitted.routes[0].encoder
        clone(twin).fit(X, Y)

    def test_saving_twice_gives_the_same_predictions_and_changes_nothing(self, est, path, tmp_path):
        save(load(path), tmp_path / "again")
        np.testing.assert_array_equal(load(tmp_path / "again").predict_proba(X), est.predict_proba(X))

    @pytest.mark.parametrize("unfitted", [MultiInputClassifier(), classifier(), make_pipeline(NUMBERS)], ids=repr)
    def test_an_estimator_that_is_not_fitted_comes_back(self, unfitted, tmp_path):
        save(unfitted, tmp_path / "est")
        twin = load(tmp_path / "est")
        assert repr(twin) == repr(unfitted)
        with pytest.raises(NotFittedError):
            twin.transform(X) if hasattr(twin, "transform") else twin.predict(X)

    def test_a_callback_metric_and_optimizer_come_back(self, tmp_path):
        stop = keras.callbacks.EarlyStopping("loss", patience=3)
        schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
        est = classifier(callbacks=[stop], metrics=[keras.metrics.AUC()], optimizer=keras.optimizers.SGD(schedule))
        save(est.fit(X, Y), tmp_path / "est")
        twin = load(tmp_path / "est")
        assert twin.callbacks[0].patience == 3
        assert twin.optimizer.get_config() == est.optimizer.get_config()
        twin.partial_fit(X, Y)
        assert "auc" in twin.history_

    def test_a_layer_as_branch_comes_back_with_its_weights(self, tmp_path):
        layer = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        est = classifier(branches={"a": layer}).fit(X, Y)
        save(est, tmp_path / "est")
        twin = load(tmp_path / "est")
        np.testing.assert_array_equal(twin.predict_proba(X), est.predict_proba(X))
        for ours, theirs in zip(layer.get_weights(), twin.branches["a"].get_weights(), strict=True):
            np.testing.assert_array_equal(theirs, ours)

    def test_loading_leaves_no_trace_in_the_process(self, path):
        number = int(keras.layers.Dense(1).name.rpartition("_")[2])
        before = random.getstate(), keras.config.floatx()
        load(path)
        assert (random.getstate(), keras.config.floatx()) == before
        assert keras.layers.Dense(1).name == f"dense_{number + 1}"


class TestLearningInParts:
    @pytest.mark.parametrize(("encoder", "columns"), ENCODED, ids=lambda value: type(value).__name__)
    @pytest.mark.parametrize("copy", [saved, lambda encoder, path: pickle.loads(pickle.dumps(encoder))])
    def test_an_encoder_goes_on_learning_as_it_would_have(self, encoder, columns, copy, tmp_path):
        if isinstance(getattr(encoder, "transformer", None), OneHotEncoder):
            pytest.skip("learns from all rows at once")
        encoder = clone(encoder).partial_fit(columns.iloc[:2])
        twin = copy(encoder, tmp_path / "encoder").partial_fit(columns.iloc[2:])
        encoder.partial_fit(columns.iloc[2:])
        np.testing.assert_array_equal(np.asarray(twin.transform(columns)), np.asarray(encoder.transform(columns)))


def test_the_path_of_a_cache_of_encoded_rows_is_kept(tmp_path):
    est = classifier(memory=str(tmp_path / "cache")).fit(X, Y)
    save(est, tmp_path / "est")
    twin = load(tmp_path / "est")
    assert twin.memory == est.memory
    np.testing.assert_array_equal(twin.predict_proba(X), est.predict_proba(X))
    np.testing.assert_array_equal(twin.fit(X, Y).predict_proba(X), est.predict_proba(X))


class TestOptimizer:
    def test_training_goes_on_as_it_would_have(self, tmp_path):
        est = classifier().partial_fit(X, Y)
        save(est, tmp_path / "est")
        twin = load(tmp_path / "est").partial_fit(X, Y)
        np.testing.assert_array_equal(twin.predict_proba(X), est.partial_fit(X, Y).predict_proba(X))

    def test_a_fit_keeps_the_state_on_request(self, est, tmp_path):
        save(est, tmp_path / "with", optimizer=True)
        save(est, tmp_path / "without")
        assert (tmp_path / "with").stat().st_size > (tmp_path / "without").stat().st_size
        assert int(load(tmp_path / "with").partial_fit(X, Y).model_.optimizer.iterations) == 2

    def test_a_state_that_was_left_out_is_warned_of(self, path):
        with pytest.warns(OptimizerStateWarning, match="optimizer=True"):
            load(path).partial_fit(X, Y)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A classifier of parts that a user wrote, and its file."""
    router = InputRouter([("a", OwnScaler(), columns_of), ("c", OwnScaler(), ["c"])])
    est = classifier(router=router, branches={"a": OwnBranch()}, metrics=[OwnMetric()]).fit(X, 1 * (Y == "yes"))
    path = tmp_path_factory.mktemp("own") / "est.skmulti"
    save(est, path)
    return est, path


class TestTrust:
    def test_all_that_is_missing_is_listed_at_once(self, own):
        with pytest.raises(UntrustedTypesError, match=r"trusted=\['own_parts.OwnBranch'") as error:
            load(own[1])
        assert error.value.names == sorted(f"own_parts.{part.__name__}" for part in PARTS)
        with pytest.raises(UntrustedTypesError) as error:
            load(own[1], trusted=PARTS[1:])
        assert error.value.names == ["own_parts.OwnScaler"]

    @pytest.mark.parametrize(
        "trusted", [PARTS, [f"own_parts.{part.__name__}" for part in PARTS]], ids=["objects", "names"]
    )
    def test_what_is_trusted_is_loaded(self, own, trusted):
        twin = load(own[1], trusted=trusted)
        assert type(twin.router_.encoders_["a"]) is OwnScaler
        np.testing.assert_array_equal(twin.predict_proba(X), own[0].predict_proba(X))

    @pytest.mark.parametrize("trusted", [True, "own_parts.OwnScaler", OwnScaler, [3]])
    def test_other_values_of_trusted_are_refused(self, own, trusted):
        with pytest.raises(TypeError, match="`trusted` must"):
            load(own[1], trusted=trusted)

    def test_trees_of_scikit_learn_are_trusted_by_name_as_with_skops(self, tmp_path):
        forest = RandomForestClassifier(3, random_state=0)
        est = VotingClassifier([("net", classifier()), ("forest", forest)], voting="soft").fit(X, Y)
        save(est, tmp_path / "est")
        with pytest.raises(UntrustedTypesError) as error:
            load(tmp_path / "est")
        assert error.value.names == ["sklearn.tree._tree.Tree"]
        twin = load(tmp_path / "est", trusted=error.value.names)
        np.testing.assert_array_equal(twin.predict_proba(X), est.predict_proba(X))


class TestRefusals:
    @pytest.mark.parametrize(
        ("params", "match"),
        [
            ({"branches": {"a": lambda tensor: tensor}}, r"`branches\['a'\]` is a lambda"),
            (
                {"callbacks": [keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)]},
                r"`callbacks\[0\]",
            ),
            ({"model__lock": threading.Lock()}, r"`model__lock` is a _thread.lock"),
            ({"model": (lambda: lambda inputs, target: None)()}, "`model` is a lambda"),
            ({"class_weight": {"a": open}}, None),
            ({"metrics": [lambda a, b: a]}, r"`metrics\[0\]` is a lambda"),
            ({"optimizer__learning_rate": (i for i in range(3))}, "`optimizer__learning_rate` is a builtins.generator"),
        ],
    )
    def test_what_is_no_data_is_refused_by_its_name(self, params, match, tmp_path):
        est = regressor(**params) if "class_weight" not in params else classifier(**params)
        if match is None:
            # A function that can be named is stored, and must be trusted.
            save(est, tmp_path / "est")
            with pytest.raises(UntrustedTypesError, match=r"io\.open"):
                load(tmp_path / "est")
            return
        with pytest.raises(TypeError, match=match):
            save(est, tmp_path / "est")
        assert not list(tmp_path.iterdir())

    def test_an_open_file_is_refused(self, tmp_path):
        stop = keras.callbacks.EarlyStopping()
        with open(tmp_path / "log", "w") as stop.log, pytest.raises(TypeError, match=r"`callbacks\[0\].*TextIOWrapper"):
            save(classifier(callbacks=[stop]), tmp_path / "est")

    @pytest.mark.parametrize("thing", [3, MultiInputClassifier, {"a": 1}], ids=repr)
    def test_what_is_no_estimator_is_refused(self, thing, tmp_path):
        with pytest.raises(TypeError, match="save takes an estimator"):
            save(thing, tmp_path / "est")

    def test_an_older_file_stays_if_saving_fails(self, est, path, tmp_path, monkeypatch):
        target = tmp_path / "est"
        save(est, target)
        before = target.read_bytes()
        with pytest.raises(TypeError):
            save(regressor(model=lambda inputs, target: None), target)
        # A full disk: the arrays cannot be written.
        monkeypatch.setattr(
            np.lib.format, "write_array", lambda *args, **kwargs: (_ for _ in ()).throw(OSError(28, "full"))
        )
        with pytest.raises(OSError, match="full"):
            save(est, target)
        assert [entry.name for entry in tmp_path.iterdir()] == ["est"]
        assert target.read_bytes() == before

    def test_a_link_is_followed_and_permissions_stay(self, est, tmp_path):
        target = tmp_path / "real"
        save(est, target)
        target.chmod(0o640)
        (tmp_path / "link").symlink_to(target)
        save(est, tmp_path / "link")
        assert (tmp_path / "link").is_symlink()
        assert target.stat().st_mode & 0o777 == 0o640

    def test_folders_are_refused(self, est, tmp_path):
        with pytest.raises(IsADirectoryError, match="is a folder"):
            save(est, tmp_path)
        with pytest.raises(FileNotFoundError, match="no folder"):
            save(est, tmp_path / "none" / "est")


@pytest.mark.parametrize("known_when_loaded", [True, False])
def test_a_network_inside_of_which_scikeras_copied_a_model_loads(tmp_path, known_when_loaded):
    """A clone copies a functional model; SciKeras then registers its class, ">Functional", for the whole process."""
    values = keras.Input((2,))
    own = keras.Model(values, keras.layers.Dense(3, activation="tanh")(values))
    frame = pd.DataFrame({"a": np.linspace(-1, 1, 20), "b": np.linspace(1, 3, 20)})
    router = InputRouter([("n", NumberScaler(), ["a", "b"])])
    est = clone(MultiInputRegressor(router, branches={"n": own}, epochs=1, random_state=0)).fit(frame, 2 * frame["a"])
    assert ">Functional" in keras.saving.get_custom_objects()
    save(est, tmp_path / "est.skmulti")

    kept = keras.saving.get_custom_objects().pop(">Functional")
    if known_when_loaded:
        keras.saving.get_custom_objects()[">Functional"] = kept
    np.testing.assert_array_equal(load(tmp_path / "est.skmulti").predict(frame), est.predict(frame))


def test_a_class_of_anothers_under_the_name_of_keras_is_not_trusted(monkeypatch):
    """Keras looks among registered names first."""
    entry = {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": ">Functional"}
    monkeypatch.setitem(keras.saving.get_custom_objects(), ">Functional", keras.layers.Dense)
    assert needed_name(entry) is not None
