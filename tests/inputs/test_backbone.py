"""The promises of `skmulti/inputs/backbone.py`: pixels as each family expects them, pooling, and what is trained."""

import inspect
import pickle
import sys

import keras
import numpy as np
import pytest
from common import predict, seeded_build
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_sample_images

from skmulti import ArraySpec, BackboneBranch, BranchMismatchError
from skmulti.inputs.backbone import pixel_mode
from skmulti.layers import Backbone, PixelScale, with_sublayers

PHOTO = ArraySpec("photo", "image", (8, 8, 3), "uint8")
GREY = ArraySpec("photo", "image", (8, 8, 1), "uint8")
TRACE = ArraySpec("trace", "sequence", (6, 2), "float32")
WORDS = ArraySpec("review", "text", (5,), "int32", vocabulary_sizes=(9,))
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype="uint8")
APPLICATIONS = [name for name, thing in vars(keras.applications).items() if inspect.isfunction(thing)]


def tiny(name="tiny", scaled=True, dropout=0.5):
    """Return a network of photos with batch normalisation whose statistics are those of no batch, and dropout."""
    inputs = tensor = keras.Input((8, 8, 3))
    if scaled:
        tensor = keras.layers.Rescaling(1 / 127.5, -1)(tensor)
    tensor = keras.layers.Conv2D(6, 3, activation="relu", name="low")(tensor)
    tensor = keras.layers.Dropout(dropout)(keras.layers.BatchNormalization(name="norm")(tensor))
    network = keras.Model(inputs, keras.layers.Conv2D(5, 3, activation="relu", name="high")(tensor), name=name)
    draw = np.random.default_rng(2)
    weights = {weight.path: draw.normal(size=weight.shape) / 3 for weight in network.weights}
    network.set_weights([abs(value) if "norm" in path else value for path, value in weights.items()])
    return network


def built(branch, spec=PHOTO, sample=None):
    return seeded_build(branch, spec, sample)


def photos():
    """Return three photos of 24 x 32: two of scikit-learn's, and noise."""
    found = [np.asarray(Image.fromarray(image).resize((32, 24))) for image in load_sample_images().images]
    return np.stack([*found, np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype="uint8")])


# --- Pixels


def default_name(function):
    """Return the name that a network of keras.applications has by default; MobileNets make theirs of their size."""
    name = inspect.signature(function).parameters["name"].default
    return name or {"MobileNet": "mobilenet_1.00_224", "MobileNetV2": "mobilenetv2_0.35_None"}[function.__name__]


@pytest.mark.parametrize("application", APPLICATIONS)
@pytest.mark.parametrize("by_default", [True, False])
def test_every_family_sees_what_its_own_preprocess_input_gives(application, by_default):
    function = getattr(keras.applications, application)
    inputs = tensor = keras.Input((24, 32, 3))
    own = sys.modules[function.__module__].preprocess_input
    # Families that leave the pixels as they are begin with a layer that scales them.
    begins = np.array_equal(own(photos().astype("float32")), photos())
    if begins:
        tensor = keras.layers.Rescaling(1 / 255)(tensor)
    network = keras.Model(
        inputs, keras.layers.ReLU()(tensor), name=default_name(function) if by_default else application
    )

    seen = predict(PixelScale(pixel_mode(network)), photos())

    assert_allclose(seen, own(photos().astype("float32")), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("application", ["MobileNetV2", "EfficientNetB0", "DenseNet121"])
def test_a_name_builds_the_network_for_the_size_of_the_photos(application):
    spec = ArraySpec("photo", "image", (32, 32, 3), "uint8")
    model = built(BackboneBranch(application, weights=None), spec)
    network = getattr(keras.applications, application)(include_top=False, weights=None, input_shape=(32, 32, 3))
    pixels = np.random.default_rng(3).integers(0, 256, (2, 32, 32, 3), dtype="uint8")
    own = sys.modules[getattr(keras.applications, application).__module__].preprocess_input

    network.set_weights(model.get_weights())

    expected = predict(network, own(pixels.astype("float32"))).mean(axis=(1, 2))
    assert_allclose(predict(model, pixels), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("preprocess", "expected"),
    [
        (None, lambda x: x),
        ("unit", lambda x: x / 255),
        ("tf", lambda x: x / 127.5 - 1),
        ("torch", lambda x: (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
        ("caffe", lambda x: x[..., ::-1] - [103.939, 116.779, 123.68]),
        (keras.applications.resnet.preprocess_input, lambda x: x[..., ::-1] - [103.939, 116.779, 123.68]),
        (keras.layers.Rescaling(2.0), lambda x: 2 * x),
    ],
)
def test_pixels_are_what_preprocess_says(preprocess, expected):
    inputs = keras.Input((8, 8, 3))
    network = keras.Model(inputs, keras.layers.ReLU()(inputs))

    output = predict(built(BackboneBranch(network, preprocess=preprocess, pooling="flatten")), PIXELS)

    seen = np.maximum(expected(PIXELS.astype("float64")), 0)
    assert_allclose(output, seen.reshape(4, -1), rtol=1e-4, atol=1e-4)


def test_a_network_that_may_expect_anything_is_refused():
    with pytest.raises(BranchMismatchError, match=r"Input 'photo': preprocess=.auto. cannot tell.*'tiny'.*no family"):
        built(BackboneBranch(tiny(scaled=False)))
    with pytest.raises(BranchMismatchError, match=r"'convnext_tiny' expects.*include_preprocessing=False"):
        built(BackboneBranch(tiny("convnext_tiny", scaled=False)))


def test_a_network_that_scales_pixels_itself_gets_them_whatever_its_name_is():
    assert pixel_mode(tiny("resnet50")) is None


def test_grey_photos_have_their_channel_three_times():
    grey = PIXELS[..., :1]
    branch = BackboneBranch(tiny())

    assert_allclose(predict(built(branch, GREY), grey), predict(built(branch), np.repeat(grey, 3, axis=-1)), rtol=1e-5)


# --- Features


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("average", lambda maps: maps.mean(axis=(1, 2))),
        ("max", lambda maps: maps.max(axis=(1, 2))),
        ("both", lambda maps: np.hstack([maps.mean(axis=(1, 2)), maps.max(axis=(1, 2))])),
        ("flatten", lambda maps: maps.reshape(len(maps), -1)),
    ],
)
def test_feature_maps_become_a_vector(pooling, expected):
    network = tiny()
    model = built(BackboneBranch(network, pooling=pooling))

    assert_allclose(predict(model, PIXELS), expected(predict(network, PIXELS)), rtol=1e-4, atol=1e-5)


def test_in_training_the_network_does_what_it_does_in_prediction():
    network = tiny()
    model = built(BackboneBranch(network, trainable=True))
    BackboneBranch(network, trainable=True).thaw(model.layers, 0)
    before = network.get_weights()

    output = model(PIXELS, training=True)

    assert_allclose(output, predict(network, PIXELS).mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)
    for own, other in zip(model.get_weights(), before, strict=True):
        assert_array_equal(own, other)


def test_the_users_network_stays_as_it_is():
    network = tiny()
    weights = network.get_weights()
    branch = BackboneBranch(network, trainable=1)
    model = built(branch)
    branch.thaw(model.layers, 0)
    model.set_weights([0 * weight for weight in model.get_weights()])

    assert [layer.trainable for layer in network.layers] == [True] * len(network.layers)
    assert_array_equal(network.get_weights()[0], weights[0])


def test_steps_of_a_sequence_are_pooled_without_padding():
    inputs = keras.Input((6, 2))
    network = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    rows = np.random.default_rng(0).normal(size=(2, 6, 2)).astype("float32")
    rows[0, 4:] = np.nan
    model = built(BackboneBranch(network), TRACE)

    kernel, bias = network.get_weights()
    steps = rows @ kernel + bias
    assert_allclose(predict(model, rows), np.stack([steps[0, :4].mean(axis=0), steps[1].mean(axis=0)]), rtol=1e-4)


def test_words_are_pooled_without_padding():
    network = keras.Sequential([keras.Input((5,), dtype="int32"), keras.layers.Embedding(9, 4, mask_zero=True)])
    ids = np.array([[3, 4, 0, 0, 0], [0, 0, 0, 0, 0], [2, 2, 5, 6, 8]], dtype="int32")
    table = network.get_weights()[0]

    output = predict(built(BackboneBranch(network), WORDS), ids)

    assert_allclose(output, [table[[3, 4]].mean(axis=0), np.zeros(4), table[ids[2]].mean(axis=0)], atol=1e-6)


def test_ids_are_read_by_a_network_that_declares_floats():
    network = keras.Sequential([keras.Input((5,)), keras.layers.Embedding(9, 4), keras.layers.LSTM(3)])
    ids = np.array([[3, 4, 0, 0, 0]], dtype="int32")

    assert_allclose(predict(built(BackboneBranch(network), WORDS), ids), predict(network, ids), rtol=1e-5)


@keras.saving.register_keras_serializable(package="test_backbone")
class Doubled(keras.Model):
    """A network that Keras calls without knowing how its layers are connected."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(3)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, inputs):
        return 2 * self.dense(inputs)


def test_a_network_of_a_class_of_the_users_is_called():
    network = Doubled()
    rows = np.random.default_rng(0).normal(size=(2, 6, 2)).astype("float32")
    expected = predict(network, rows).mean(axis=1)
    branch = BackboneBranch(network, trainable=True)
    model = built(branch, TRACE)
    branch.thaw(model.layers, 0)

    assert_allclose(predict(model, rows), expected, rtol=1e-4, atol=1e-6)
    assert len(model.trainable_variables) == 2


def test_a_dense_layer_and_dropout_may_follow():
    model = built(BackboneBranch(tiny(), units=7, dropout=0.5))

    assert model.output_shape == (None, 7)
    assert len(model.trainable_weights) == 2


def test_a_callable_makes_the_network_of_each_fit():
    model = built(BackboneBranch(tiny))

    assert_allclose(predict(model, PIXELS), predict(tiny(), PIXELS).mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)


def test_augmented_photos_are_seen_as_they_are_in_prediction():
    network = tiny()
    model = built(BackboneBranch(network, augment=True))

    assert_allclose(predict(model, PIXELS), predict(network, PIXELS).mean(axis=(1, 2)), rtol=1e-3, atol=1e-4)
    assert not np.allclose(model(PIXELS, training=True), predict(model, PIXELS), atol=1e-3)


# --- What is trained


def trained_names(branch, epoch, spec=PHOTO):
    model = built(branch, spec)
    branch.thaw(model.layers, epoch)
    return [variable.path for variable in model.trainable_variables]


LOW, HIGH = ["low/kernel", "low/bias"], ["high/kernel", "high/bias"]


@pytest.mark.parametrize(
    ("trainable", "names"),
    [
        (False, []),
        (True, [*LOW, *HIGH]),
        (1, HIGH),
        (2, [*LOW, *HIGH]),
        (9, [*LOW, *HIGH]),
        (0.5, HIGH),
        (0.51, [*LOW, *HIGH]),
        (1.0, [*LOW, *HIGH]),
    ],
)
@pytest.mark.parametrize("augment", [False, True])
def test_the_last_layers_with_weights_are_trained_and_never_batch_normalisation(trainable, names, augment):
    assert trained_names(BackboneBranch(tiny(), trainable=trainable, augment=augment), 0) == names


@pytest.mark.parametrize(("epoch", "names"), [(0, []), (2, []), (3, HIGH), (9, HIGH)])
def test_nothing_is_trained_before_it_is_unfrozen(epoch, names):
    assert trained_names(BackboneBranch(tiny(), trainable=1, unfreeze_at=3), epoch) == names


def test_what_was_thawed_can_be_frozen_again():
    branch = BackboneBranch(tiny(), trainable=True, units=3)
    model = built(branch)
    branch.thaw(model.layers, 0)
    branch.set_params(trainable=False).thaw(model.layers, 0)

    assert len(model.trainable_variables) == 2
    assert branch.step_scales(model.layers) == []


def test_a_learned_fill_before_the_network_is_not_trained():
    inputs = keras.Input((6, 2))
    branch = BackboneBranch(keras.Model(inputs, keras.layers.Dense(3)(inputs)), trainable=True)

    assert len(trained_names(branch, 0, TRACE)) == 2


def test_only_weights_that_are_trained_have_a_scale():
    branch = BackboneBranch(tiny(), trainable=1, learning_rate_scale=0.25, units=3)
    model = built(branch)
    branch.thaw(model.layers, 0)

    assert [(variable.path, scale) for variable, scale in branch.step_scales(model.layers)] == [
        ("high/kernel", 0.25),
        ("high/bias", 0.25),
    ]


# --- Clones, pickles, refusals


def test_clones_share_the_network():
    branch = BackboneBranch(tiny(), trainable=3)

    assert clone(branch).backbone is branch.backbone
    assert clone(branch).get_params() == branch.get_params()


def test_a_pickle_has_the_weights():
    branch = BackboneBranch(tiny())

    assert_allclose(
        predict(built(pickle.loads(pickle.dumps(branch))), PIXELS), predict(built(branch), PIXELS), rtol=1e-5
    )


def test_the_network_has_a_name():
    (backbone,) = [part for part in with_sublayers(built(BackboneBranch(tiny()))) if isinstance(part, Backbone)]

    assert backbone.name == "photo__backbone"


def test_weights_that_cannot_be_downloaded_are_told_of_with_the_input(monkeypatch):
    def offline(**params):
        raise Exception("URL fetch failure on the weights: None -- timed out")

    monkeypatch.setattr(keras.applications, "MobileNet", offline)
    with pytest.raises(BranchMismatchError, match=r"Input 'photo': MobileNet with weights='imagenet'.*URL fetch"):
        built(BackboneBranch("MobileNet"))


def two_outputs():
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, [inputs, inputs], name="tiny")


def five_axes():
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, keras.ops.expand_dims(inputs, -1))


EMBEDDING = keras.Sequential([keras.Input((5,)), keras.layers.Embedding(4, 2)])


@pytest.mark.parametrize(
    ("branch", "spec", "match"),
    [
        (BackboneBranch("MobilNetV2"), PHOTO, r"'MobilNetV2' is no network of keras.applications.*'MobileNetV2'"),
        (BackboneBranch("MobileNetV2", weights=None), WORDS, r"MobileNetV2 reads photos, and the array is text"),
        (BackboneBranch("VGG16", weights=None), PHOTO, r"VGG16 with weights=None cannot be built.*\(8, 8, 3\)"),
        (BackboneBranch("VGG16", weights="/no/file"), PHOTO, r"VGG16 with weights='/no/file' cannot be built"),
        (BackboneBranch(tiny(), unfreeze_at=3), PHOTO, r"unfreeze_at=3 has nothing to unfreeze.*trainable=20"),
        (BackboneBranch(tiny()), ArraySpec("p", "image", (9, 9, 3), "uint8"), r"size=\(8, 8\)"),
        (BackboneBranch(tiny()), ArraySpec("p", "image", (8, 8, 3), "float32"), r"what its values mean is not known"),
        (BackboneBranch(two_outputs, preprocess=None), PHOTO, r"1 inputs and 2 outputs.*network.outputs\[0\]"),
        (BackboneBranch(five_axes, preprocess=None), PHOTO, r"pooling=\"flatten\""),
        (BackboneBranch(EMBEDDING), WORDS, r"knows 4 ids, and the input has 9"),
        (BackboneBranch(EMBEDDING), ArraySpec("r", "text", (7,), "int32", vocabulary_sizes=(4,)), r"length=5"),
        (BackboneBranch(EMBEDDING, augment=True), WORDS, r"augment=True changes pixels"),
        (BackboneBranch(dict), PHOTO, r"returned .*dict.*returns a keras.Model"),
        (BackboneBranch(tiny(), trainable=0), PHOTO, "trainable"),
        (BackboneBranch(tiny(), learning_rate_scale=0), PHOTO, "learning_rate_scale"),
        (BackboneBranch(3), PHOTO, "backbone"),
    ],
)
def test_what_cannot_be_is_refused(branch, spec, match):
    with pytest.raises(ValueError, match=match) as caught:
        built(branch, spec)
    assert len(str(caught.value)) <= 600
