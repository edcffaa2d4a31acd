"""`save(backbone_weights=False)`: weights of pretrained networks are read again from where they came, or refused."""

import json
import os
import pickle
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from damage import contents, sealed
from sklearn.pipeline import make_pipeline

from skmulti import (
    BackboneBranch,
    DenseHead,
    ImageDecoder,
    InputRouter,
    MultiInputClassifier,
    NumberScaler,
    PretrainedTokenizer,
    SavedFileError,
    UntrustedTypesError,
    load,
    save,
)

N, SIZE = 12, 32
DRAW = np.random.default_rng(0)
PIXELS = DRAW.integers(0, 256, (N, SIZE, SIZE, 3), dtype="uint8")
X = pd.DataFrame({"photo": list(PIXELS), "size": DRAW.normal(size=N)})
Y = np.arange(N) % 2
ROUTER = InputRouter([("photo", ImageDecoder(size=(SIZE, SIZE)), "photo"), ("numbers", NumberScaler(), ["size"])])
SETTINGS = {"epochs": 1, "random_state": 0, "head": DenseHead(units=()), "compile__run_eagerly": True}


def tiny_network(include_top=False, weights="imagenet", input_shape=(SIZE, SIZE, 3)):
    """Build a small network as the functions of keras.applications build theirs."""
    inputs = keras.Input(input_shape)
    tensor = keras.layers.Conv2D(64, 3, strides=4, activation="relu")(keras.layers.Rescaling(1 / 255)(inputs))
    tensor = keras.layers.BatchNormalization()(tensor)
    network = keras.Model(inputs, keras.layers.Conv2D(64, 3, activation="relu")(tensor))
    if weights == "imagenet":
        draw = np.random.default_rng(1)
        network.set_weights([draw.uniform(0.1, 1, weight.shape) for weight in network.weights])
    elif weights is not None:
        network.load_weights(weights)
    return network


@pytest.fixture(scope="module", autouse=True)
def tiny_name():
    """Make "Tiny" a name of keras.applications."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.applications, "Tiny", tiny_network, raising=False)
        yield


@pytest.fixture(scope="module")
def kept_weights(tmp_path_factory):
    """Return the path of a file of weights for "Tiny"."""
    path = tmp_path_factory.mktemp("weights") / "tiny.weights.h5"
    tiny_network().save_weights(path)
    return path


@pytest.fixture(scope="module")
def frozen(kept_weights):
    return photo_classifier(weights=kept_weights).fit(X, Y)


@pytest.fixture(scope="module")
def saved_folder(kept_weights, tmp_path_factory):
    """Return a folder of weights and of a saved estimator that names them by their relative path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("saved"))
        weights = shutil.copy(kept_weights, "tiny.weights.h5")
        save(photo_classifier(weights=weights).fit(X, Y), "est.skmulti", backbone_weights=False)
        return os.getcwd()


@pytest.fixture
def weights(kept_weights, tmp_path, monkeypatch):
    """Return the relative path of a copy of the weights, which a test may change."""
    monkeypatch.chdir(tmp_path)
    return shutil.copy(kept_weights, "tiny.weights.h5")


@pytest.fixture
def referring(saved_folder, weights):
    """Return the path of a saved estimator that reads the copy."""
    return shutil.copy(os.path.join(saved_folder, "est.skmulti"), "est.skmulti")


def photo_classifier(backbone="Tiny", *, params=None, **branch):
    branches = {"photo": BackboneBranch(backbone, **branch)}
    return MultiInputClassifier(ROUTER, branches=branches, **{**SETTINGS, **(params or {})})


def assert_comes_back(est, path, rows=X, trusted=()):
    """Check that an estimator comes back from a file without weights that are elsewhere, to the last bit."""
    save(est, path, backbone_weights=False)
    twin = load(path, trusted=trusted)
    assert twin.predict_proba(rows).tobytes() == est.predict_proba(rows).tobytes()
    return twin


# --- What comes back


@pytest.mark.parametrize(
    ("branch", "params"),
    [({}, {"n_networks": 2}), ({"augment": True}, {"n_networks": 2}), ({}, {"dtype": "float64"}), ({"units": 3}, {})],
    ids=["shared by two", "one in each of two", "float64", "with a layer"],
)
def test_a_frozen_network_comes_back_from_its_reference(tmp_path, kept_weights, branch, params):
    est = photo_classifier(weights=kept_weights, params=params, **branch).fit(X, Y)

    assert_comes_back(est, tmp_path / "est", trusted=[kept_weights])

    assert os.path.getsize(tmp_path / "est") < os.path.getsize(kept_weights)


@pytest.mark.parametrize("trainable", [1, True])
def test_what_was_trained_stays_in_the_file(tmp_path, kept_weights, trainable):
    est = photo_classifier(weights=kept_weights, trainable=trainable, learning_rate_scale=1.0).fit(X, Y)

    twin = assert_comes_back(est, tmp_path / "lean", trusted=[kept_weights])

    save(est, tmp_path / "whole")
    assert os.path.getsize(tmp_path / "lean") < os.path.getsize(tmp_path / "whole")
    for own, other in zip(est.model_.get_weights(), twin.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(own, other)


def test_a_network_of_keras_applications_comes_back(tmp_path):
    network = keras.applications.MobileNet(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
    network.save_weights(tmp_path / "net.weights.h5")
    est = photo_classifier("MobileNet", weights=tmp_path / "net.weights.h5").fit(X, Y)

    assert_comes_back(est, tmp_path / "est", trusted=[tmp_path / "net.weights.h5"])

    assert os.path.getsize(tmp_path / "est") < os.path.getsize(tmp_path / "net.weights.h5") / 10


def test_a_preset_in_a_folder_comes_back(tmp_path):
    hub = pytest.importorskip("keras_hub")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "food"]
    hub.models.BertTokenizer(vocabulary=words, lowercase=True).save_to_preset(str(tmp_path))
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 128, "intermediate_dim": 128, "max_sequence_length": 16}
    hub.models.BertBackbone(vocabulary_size=len(words), **sizes).save_to_preset(str(tmp_path))
    rows = pd.DataFrame({"review": ["good food", "bad food"] * 8})
    router = InputRouter([("review", PretrainedTokenizer(tmp_path), "review")])
    branches = {"review": BackboneBranch(str(tmp_path))}
    est = MultiInputClassifier(router, branches=branches, **SETTINGS).fit(rows, [0, 1] * 8)

    assert_comes_back(est, tmp_path / "est", rows, trusted=[str(tmp_path), hub.models.BertBackbone])

    assert os.path.getsize(tmp_path / "est") < os.path.getsize(tmp_path / "model.weights.h5")


def test_what_keras_downloads_itself_needs_no_trust(tmp_path):
    assert_comes_back(photo_classifier().fit(X, Y), tmp_path / "est")


def test_an_estimator_inside_of_a_pipeline_comes_back(tmp_path, frozen, kept_weights):
    pipeline = make_pipeline("passthrough", frozen)

    assert_comes_back(pipeline, tmp_path / "est", trusted=[kept_weights])

    assert os.path.getsize(tmp_path / "est") < os.path.getsize(kept_weights)


def test_an_estimator_that_is_not_fitted_is_saved_as_always(tmp_path):
    save(photo_classifier(), tmp_path / "est", backbone_weights=False)

    assert repr(load(tmp_path / "est")) == repr(photo_classifier())


def test_what_comes_back_can_be_fitted_again(referring, weights):
    twin = load(referring, trusted=[weights])

    assert twin.fit(X, Y).predict_proba(X).shape == (N, 2)


def test_a_pickle_needs_no_reference(referring, weights):
    twin = pickle.dumps(load(referring, trusted=[weights]))
    os.remove(weights)

    assert pickle.loads(twin).predict_proba(X).shape == (N, 2)


def test_loading_by_reference_leaves_no_trace(referring, weights):
    names = [keras.layers.Conv2D(1, 1).name for _ in range(2)]
    load(referring, trusted=[weights])

    number = int(names[1].rpartition("_")[2])
    assert keras.layers.Conv2D(1, 1).name == f"conv2d_{number + 1}"


# --- What is refused


@pytest.mark.parametrize(
    ("branch", "match"),
    [
        ({"backbone": keras.Sequential([keras.Input((SIZE, SIZE, 3)), keras.layers.Rescaling(1.0)])}, "a Sequential"),
        ({"backbone": tiny_network}, "a function"),
        ({"backbone": "Tiny", "weights": None}, r"random weights \(weights=None\)"),
    ],
    ids=["model", "callable", "random"],
)
def test_what_is_in_no_place_is_refused(tmp_path, branch, match):
    est = photo_classifier(**branch)
    for subject in (est, est.fit(X, Y)):
        with pytest.raises(TypeError, match=rf"`branches\['photo'\]` has {match}.* give a name or preset") as error:
            save(subject, tmp_path / "est", backbone_weights=False)
        assert len(str(error.value)) <= 600
    assert not list(tmp_path.iterdir())


def test_a_frozen_network_whose_weights_were_replaced_is_refused(frozen, weights):
    est = photo_classifier(weights=weights).fit(X, Y)
    tiny_network(weights=None).save_weights(weights)

    with pytest.raises(TypeError, match=r"Input 'photo' .*: 0 of 8 weights .* those of 'tiny.weights.h5'.* Nothing"):
        save(est, "est", backbone_weights=False)
    os.remove(weights)
    with pytest.raises(TypeError, match=r"backbone_weights=False: Input 'photo': Tiny with weights='tiny.weights.h5'"):
        save(est, "est", backbone_weights=False)
    assert not os.path.exists("est")


def test_files_that_are_read_must_be_trusted(referring, weights):
    with pytest.raises(UntrustedTypesError, match=r"other files.*trusted=\['tiny.weights.h5'\]") as error:
        load(referring)

    assert error.value.names == [weights]
    assert contents(referring)[1]["needs"] == [weights]


def test_weights_that_are_gone_are_refused(referring, weights):
    os.remove(weights)

    with pytest.raises(
        SavedFileError, match=r"input 'photo', which are those of 'tiny.weights.h5'.*cannot be read"
    ) as error:
        load(referring, trusted=[weights])
    assert len(str(error.value)) <= 600


def test_weights_that_have_changed_are_refused(referring, weights):
    network = tiny_network()
    network.set_weights([weight * (1 + 1e-6) for weight in network.get_weights()])
    network.save_weights(weights)

    with pytest.raises(SavedFileError, match=r"'tiny.weights.h5' at the time of saving.* digest is \w{8} instead of"):
        load(referring, trusted=[weights])


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [SIZE, SIZE, 2**22]},
        {"shape": [SIZE]},
        {"shape": "large"},
        {"positions": [[0, 0, 0]]},
        {"positions": [[-1, 0]]},
        {"positions": [[0, 0], [0, 1]]},
        {"positions": [[0, 99]]},
        {"positions": []},
        {"positions": 3},
        {"network": 1},
        {"dtype": "string"},
        {"backbone": "os"},
        {"weights": 3},
        {"kind": "text"},
        {"run": "code"},
    ],
    ids=str,
)
def test_a_reference_that_save_would_not_write_is_refused(referring, weights, change):
    members, manifest = contents(referring)
    (reference,) = json.loads(members["references.json"])
    members["references.json"] = json.dumps([{**reference, **change}]).encode()
    with open("changed", "wb") as file:
        file.write(sealed(members, manifest))

    with pytest.raises(SavedFileError):
        load("changed", trusted=[weights, "Tiny"])


def test_a_request_that_is_no_truth_value_is_refused(frozen, tmp_path):
    with pytest.raises(ValueError, match="`backbone_weights` must be True or False, got 'reference'"):
        save(frozen, tmp_path / "est", backbone_weights="reference")
