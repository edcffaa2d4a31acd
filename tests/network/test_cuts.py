"""Networks cut in two: what training does not change, and the rest."""

import keras
import numpy as np
import pytest
from common import predict
from numpy.testing import assert_allclose, assert_array_equal

from skmulti import ArraySpec, BackboneBranch
from skmulti.layers import Backbone
from skmulti.network import cut
from skmulti.training.run import isolate

DRAW = np.random.default_rng(0)
PHOTOS = DRAW.integers(0, 256, (5, 8, 8, 3), dtype="uint8")
PHOTO = ArraySpec("photo", "image", (8, 8, 3), "uint8")
IDS = np.array([[3, 2, 4, 0, 0], [2, 0, 0, 0, 0], [4, 4, 3, 2, 3]], dtype="int32")
TEXT = ArraySpec("text", "text", (5,), "int32", vocabulary_sizes=(6,))


def plain():
    inputs = keras.Input((8, 8, 3))
    tensor = keras.layers.Rescaling(1 / 255)(inputs)
    tensor = keras.layers.Conv2D(4, 3, activation="relu")(tensor)
    tensor = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(tensor))
    return keras.Model(inputs, keras.layers.Conv2D(5, 3)(tensor))


def residual():
    inputs = keras.Input((8, 8, 3))
    scaled = keras.layers.Rescaling(1 / 255)(inputs)
    first = keras.layers.Conv2D(4, 3, padding="same")(scaled)
    second = keras.layers.Conv2D(4, 3, padding="same")(first)
    # Two tensors and the photo itself reach the last layers.
    return keras.Model(inputs, keras.layers.Concatenate()([keras.layers.Add()([first, second]), scaled]))


def nested():
    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255), plain(), keras.layers.ReLU()])


def wrapped():
    outer = keras.Input((8, 8, 3))
    return keras.Model(outer, keras.layers.ReLU()(nested()(outer)))


def masked_text():
    """A network of ids and a mask of padding, which adds a step of attention to what the one before returns."""
    ids, mask = (keras.Input((None,), dtype="int32", name=name) for name in ("token_ids", "padding_mask"))
    seen = keras.layers.Reshape((1, -1))(mask)
    steps = keras.layers.Embedding(6, 8)(ids)
    for _ in range(3):
        steps = keras.layers.Add()([steps, keras.layers.MultiHeadAttention(2, 4)(steps, steps, attention_mask=seen)])
    return keras.Model({"token_ids": ids, "padding_mask": mask}, steps)


def features_of(network, trainable, spec=PHOTO, **params):
    """Return the input and the features of a branch of which the last layers are trained."""
    branch = BackboneBranch(network, trainable=trainable, preprocess=None, **params)
    with isolate(0, "float32"):
        model = branch.build(spec)
    layer = model.get_layer(f"{spec.name}__features")
    branch.thaw([layer], 0)
    return keras.Input(spec.shape, dtype=spec.dtype, name=spec.name), layer


def rest_of(found, name, array):
    """Return what both parts together make of an array."""
    return predict(found.rest, predict(found.fixed, {name: array}))


@pytest.mark.parametrize(
    ("network", "trainable", "width"),
    [
        # 6 x 6 x 4, before the last convolution
        (plain, 1, 144),
        # two maps of 8 x 8, of 4 and 3 channels
        (residual, 1, 8 * 8 * (4 + 3)),
        (nested, 1, 144),
        (wrapped, 1, 144),
        (wrapped, 0.3, 144),
    ],
)
def test_both_parts_together_are_the_layer(network, trainable, width):
    tensor, layer = features_of(network(), trainable)
    found = cut(tensor, layer)

    assert found.layer is layer
    assert found.fixed.output_shape == (None, width)
    assert found.row_bytes == 4 * width
    assert_allclose(rest_of(found, "photo", PHOTOS), predict(layer, PHOTOS), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("network", [plain, residual, nested, wrapped])
def test_what_is_trained_is_in_the_second_part_alone_and_shared(network):
    tensor, layer = features_of(network(), 1)
    found = cut(tensor, layer)

    assert not found.fixed.trainable_variables
    assert list(map(id, found.rest.trainable_variables)) == list(map(id, layer.trainable_variables))
    for variable in layer.trainable_variables:
        variable.assign(variable + 1)
    assert_allclose(rest_of(found, "photo", PHOTOS), predict(layer, PHOTOS), rtol=1e-6, atol=1e-6)


def test_second_part_does_in_training_what_it_does_in_prediction():
    # The first convolution is trained, so that batch normalisation and dropout come after the cut.
    inputs = keras.Input((8, 8, 3))
    first = keras.layers.Conv2D(3, 3)(inputs)
    tensor, layer = features_of(keras.Model(inputs, plain()(keras.layers.ZeroPadding2D(1)(first))), 2)
    found = cut(tensor, layer)
    fixed = predict(found.fixed, {"photo": PHOTOS})

    assert found.fixed.output_shape == (None, 8 * 8 * 3)
    assert_array_equal(np.asarray(found.rest(fixed, training=True)), predict(found.rest, fixed))
    assert_allclose(predict(found.rest, fixed), predict(layer, PHOTOS), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("trainable", [1, 2])
def test_texts_keep_the_mask_of_their_padding(trainable):
    tensor, layer = features_of(masked_text(), trainable, TEXT)
    found = cut(tensor, layer)

    # A vector of 8 for each of 5 steps, the mask for the network, and the ids for the pooling.
    assert found.fixed.output_shape == (None, 5 * 8 + 5 + 5)
    assert_allclose(rest_of(found, "text", IDS), predict(layer, IDS), rtol=1e-6, atol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("name", ["MobileNetV2", "NASNetMobile", "ConvNeXtTiny", "DenseNet121"])
def test_networks_of_keras_applications_are_cut_before_their_last_layers(name):
    spec = ArraySpec("photo", "image", (64, 64, 3), "uint8")
    branch = BackboneBranch(name, weights=None, trainable=0.25)
    with isolate(0, "float32"):
        layer = branch.build(spec).get_layer("photo__features")
    branch.thaw([layer], 0)
    found = cut(keras.Input(spec.shape, dtype=spec.dtype, name="photo"), layer)
    photos = DRAW.integers(0, 256, (2, 64, 64, 3), dtype="uint8")

    assert list(map(id, found.rest.trainable_variables)) == list(map(id, layer.trainable_variables))
    assert found.fixed.count_params() + found.rest.count_params() == layer.count_params()
    assert_allclose(rest_of(found, "photo", photos), predict(layer, photos), rtol=1e-5, atol=1e-6)


def test_nothing_is_left_in_front_of_a_network_that_is_trained_as_a_whole():
    tensor, layer = features_of(plain(), True)

    assert cut(tensor, layer) is None


def test_frozen_features_are_the_first_part():
    tensor, layer = features_of(plain(), 1)
    layer.trainable = False
    found = cut(tensor, layer)

    assert found.rest is None
    assert_array_equal(predict(found.fixed, {"photo": PHOTOS}), predict(layer, PHOTOS))


def test_a_mask_beside_a_tensor_is_not_cut_off():
    ids = keras.Input((5,), dtype="int32")
    steps = keras.layers.Embedding(6, 8, mask_zero=True)(ids)
    tensor, layer = features_of(keras.Model(ids, keras.layers.LSTM(4)(steps)), 1, TEXT)

    assert cut(tensor, layer) is None


@keras.saving.register_keras_serializable(package="test_cuts")
class Doubled(keras.Model):
    """A network that is connected tensor by tensor, and yet does something of its own."""

    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training, mask=mask)


def test_a_class_with_a_call_of_its_own_is_not_opened():
    own, inputs = plain(), keras.Input((8, 8, 3))
    doubled = Doubled(own.input, own.output)
    tensor, layer = features_of(keras.Model(inputs, doubled(keras.layers.Conv2D(3, 3, padding="same")(inputs))), 1)
    found = cut(tensor, layer)

    # Cut in front of it.
    assert found.fixed.output_shape == (None, 8 * 8 * 3)
    assert_allclose(rest_of(found, "photo", PHOTOS), predict(layer, PHOTOS), rtol=1e-5, atol=1e-6)


def test_the_network_stays_whole():
    tensor, layer = features_of(wrapped(), 1)
    before, config = predict(layer, PHOTOS), layer.get_config()
    cut(tensor, layer)

    assert layer.get_config() == config
    twin = keras.Model.from_config(config, custom_objects={"Backbone": Backbone})
    twin.set_weights(layer.get_weights())
    assert_array_equal(predict(twin, PHOTOS), before)
    assert_array_equal(predict(layer, PHOTOS), before)


def test_numbers_of_double_precision_stay_so():
    with isolate(0, "float64"):
        network = plain()
    tensor, layer = features_of(network, 1)
    found = cut(tensor, layer)

    assert found.fixed.output.dtype == "float64"
    assert_allclose(rest_of(found, "photo", PHOTOS), predict(layer, PHOTOS), rtol=1e-12)
