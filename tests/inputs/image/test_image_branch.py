"""Networks that look at images: convolutions, filters from patches, augmentation, sizes and dropout."""

import keras
import numpy as np
import pytest
from sklearn.base import clone

from skmulti.errors import BranchMismatchError, NetworkSizeWarning
from skmulti.inputs.image.branch import ImageBranch
from skmulti.inputs.image.decoder import ImageDecoder
from skmulti.network.reload import all_layers
from skmulti.spec import ArraySpec
from skmulti.training.run import isolate

SPEC = ArraySpec("photo", "image", (8, 8, 3), "uint8", columns=("path",))
BATCH = np.random.default_rng(1).integers(0, 256, (16, 8, 8, 3), dtype="uint8")


def reloaded(model, folder):
    """Save a model and load it in Keras' safe mode."""
    model.save(folder / "model.keras")
    return keras.models.load_model(folder / "model.keras", safe_mode=True)


@pytest.mark.parametrize("pooling", ["both", "average", "max", "flatten"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 3), (2, 2, 3), (3, 5, 4), (8, 8, 3)])
def test_branch_reads_images_of_any_size(shape, pooling):
    spec = ArraySpec("photo", "image", shape, "uint8")
    images = np.random.default_rng(3).integers(0, 256, (2, *shape), dtype="uint8")

    model = ImageBranch(filters=(2, 3, 4, 5), pooling=pooling, units=6).build(spec)

    assert model.output_shape == (None, 6)
    assert np.isfinite(model.predict(images, verbose=0)).all()


@pytest.mark.parametrize(
    ("parameters", "width"),
    [
        ({}, 2 * 32),
        ({"filters": [5]}, 2 * 5),
        ({"filters": (5, 7), "pooling": "average"}, 7),
        ({"filters": (5, 7), "pooling": "max"}, 7),
        ({"filters": (5, 7), "pooling": "flatten"}, 2 * 2 * 7),
        ({"filters": ()}, 2 * 3),
        ({"filters": (), "pooling": "flatten"}, 8 * 8 * 3),
        ({"units": 11, "dropout": 0.5}, 11),
    ],
)
def test_branch_width_follows_its_parameters(parameters, width):
    assert ImageBranch(**parameters).build(SPEC).output_shape == (None, width)


def test_branch_without_filters_averages_the_rescaled_pixels():
    model = ImageBranch(filters=(), pooling="average").build(SPEC)

    np.testing.assert_allclose(model.predict(BATCH, verbose=0), BATCH.mean(axis=(1, 2)) / 255, rtol=1e-5)


def test_branch_that_pools_both_ways_gives_average_and_maximum_of_the_pixels():
    model = ImageBranch(filters=(), pooling="both").build(SPEC)

    expected = np.hstack([BATCH.mean(axis=(1, 2)), BATCH.max(axis=(1, 2))]) / 255
    np.testing.assert_allclose(model.predict(BATCH, verbose=0), expected, rtol=1e-5)


def test_branch_has_convolutions_of_the_kernel_size():
    model = ImageBranch(filters=(4,), kernel_size=5).build(SPEC)

    assert [tuple(weights.shape) for weights in model.weights] == [(5, 5, 3, 4), (4,)]


def test_branch_learns_what_the_pixels_say():
    rng = np.random.default_rng(4)
    images = rng.integers(0, 100, (60, 8, 8, 1), dtype="uint8")
    striped = np.arange(60) % 2 == 1
    images[striped, ::2] += 150
    images[~striped, :, ::2] += 150  # Equal brightness: only the direction of the stripes tells.
    keras.utils.set_random_seed(0)
    branch = ImageBranch(filters=(8,)).build(ArraySpec("photo", "image", (8, 8, 1), "uint8"))
    model = keras.Sequential([branch, keras.layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.Adam(0.03), "binary_crossentropy", metrics=["accuracy"])

    model.fit(images[:40], striped[:40], epochs=40, batch_size=40, verbose=0)

    assert model.evaluate(images[40:], striped[40:], verbose=0)[1] > 0.9


def test_augmentation_is_active_in_training_only():
    model = ImageBranch(filters=(), pooling="flatten", augment=True).build(SPEC)
    plain = BATCH.reshape(16, -1) / 255

    for output in (model.predict(BATCH, verbose=0), model(BATCH), model(BATCH, training=False)):
        np.testing.assert_allclose(output, plain, rtol=1e-5)
    assert not np.allclose(model(BATCH, training=True), plain, atol=0.01)


def test_augmentation_mirrors_and_shifts_images_one_by_one():
    ramp = np.tile(np.arange(40, dtype="uint8"), (64, 40, 1))[..., None]
    model = ImageBranch(filters=(), pooling="flatten", augment=True).build(
        ArraySpec("photo", "image", (40, 40, 1), "uint8")
    )

    rows = np.asarray(model(ramp, training=True)).reshape(64, 40, 40)[:, 20, 8:32] * 255

    steps = np.diff(rows, axis=1)
    mirrored = steps.mean(axis=1) < 0
    np.testing.assert_allclose(np.abs(steps), 1, atol=1e-2)
    assert 10 < mirrored.sum() < 54
    shift = rows[~mirrored, 0] - 8
    assert np.abs(shift).max() <= 4.01
    assert len(np.unique(shift.round(3))) > 5


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own, with NumPy 2.
@pytest.mark.parametrize("augment", [False, True])
def test_branch_trains_and_reloads_in_safe_mode_with_equal_predictions(augment, tmp_path):
    keras.utils.set_random_seed(0)
    branch = ImageBranch(filters=(4, 4), units=3, dropout=0.2, augment=augment).build(SPEC)
    model = keras.Sequential([branch, keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(BATCH, np.arange(16.0)[:, None], epochs=1, verbose=0)

    twin = reloaded(model, tmp_path)

    np.testing.assert_array_equal(twin.predict(BATCH, verbose=0), model.predict(BATCH, verbose=0))


def test_same_seed_trains_the_same_weights_with_augmentation():
    def weights():
        keras.utils.set_random_seed(7)
        branch = ImageBranch(filters=(4,), augment=True).build(SPEC)
        model = keras.Sequential([branch, keras.layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(BATCH, np.arange(16.0)[:, None], epochs=2, verbose=0)
        return model.get_weights()

    for first, second in zip(weights(), weights(), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("units", "weights"), [(32, "18,874,368"), (None, "37,748,736")])
def test_huge_flatten_warns_with_the_number_of_weights(units, weights):
    spec = ArraySpec("photo", "image", (96, 96, 3), "uint8", columns=("path",))

    with pytest.warns(NetworkSizeWarning, match=rf"Input 'photo' \(column 'path'\): .*{weights} weights.*average"):
        ImageBranch(filters=(), pooling="flatten", units=units).connect(keras.Input((96, 96, 64)), spec, None)


def test_small_flatten_does_not_warn(recwarn):
    ImageBranch(pooling="flatten", units=32).build(SPEC)

    assert not [warning for warning in recwarn if warning.category is NetworkSizeWarning]


def test_branch_refuses_another_kind_with_both_names():
    spec = ArraySpec("review", "text", (100,), "int32")

    with pytest.raises(BranchMismatchError, match=r"Input 'review': ImageBranch reads image arrays, .* a text array"):
        ImageBranch().build(spec)


@pytest.mark.parametrize(
    "parameters",
    [
        {"filters": 16},
        {"filters": "all"},
        {"filters": (16, 0)},
        {"filters": (16, 2.5)},
        {"kernel_size": 0},
        {"pooling": "mean"},
        {"units": 0},
        {"dropout": 1.0},
        {"augment": "yes"},
    ],
)
def test_wrong_branch_parameters_are_refused_at_build(parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        ImageBranch(**parameters).build(SPEC)


# --- Filters from patches

TEXTURES = np.random.default_rng(5).integers(0, 256, (60, 16, 12, 3), dtype="uint8")
TEXTURE_SPEC = ArraySpec("photo", "image", (16, 12, 3), "uint8")
# A filter an image, averages and maxima in four quadrants, and the pixels.
PATCH_WIDTH = 2 * 4 * 60 + 16 * 12 * 3


def built(branch, sample=TEXTURES, spec=TEXTURE_SPEC):
    with isolate(0, "float32"):
        return branch.build(spec, sample)


def kinds_of_layers(model):
    return [type(layer) for layer in all_layers(model)]


def test_default_branch_of_few_photos_learns_filters_from_patches():
    model = built(ImageBranch())

    assert model.output_shape == (None, PATCH_WIDTH)
    assert not model.trainable_weights
    assert model.get_layer("photo__features").output_shape == (None, PATCH_WIDTH)


@pytest.mark.filterwarnings("ignore:Layer 'conv2d:UserWarning")  # Of the mask that floats have.
@pytest.mark.parametrize(
    ("branch", "sample"),
    [
        (ImageBranch(), None),
        (ImageBranch(), TEXTURES[:49]),
        (ImageBranch(), np.where(np.arange(60)[:, None, None, None] < 11, np.uint8(0), TEXTURES)),
        (ImageBranch(), np.zeros_like(TEXTURES)),
        (ImageBranch(), np.tile(TEXTURES, (167, 1, 1, 1))[:10_000]),
        (ImageBranch(), TEXTURES[:, :, :11]),
        (ImageBranch(), TEXTURES / np.float32(255)),
        (ImageBranch(augment=True), TEXTURES),
        (ImageBranch((16, 32)), TEXTURES),
    ],
    ids=["no sample", "few", "missing", "blank", "many", "small", "floats", "augmented", "given"],
)
def test_other_photos_are_read_by_convolutions(branch, sample):
    shape, dtype = (TEXTURES if sample is None else sample).shape[1:], "uint8" if sample is None else sample.dtype.name
    model = built(branch, sample, ArraySpec("photo", "image", shape, dtype))

    assert model.output_shape == (None, 2 * 32)
    assert kinds_of_layers(model).count(keras.layers.Conv2D) == 2
    assert keras.layers.Dropout not in kinds_of_layers(model)
    assert "photo__features" not in [layer.name for layer in model.layers]


def test_positions_matter_to_flatten_so_that_it_has_convolutions():
    assert built(ImageBranch(pooling="flatten")).output_shape == (None, 4 * 3 * 32)


@pytest.mark.parametrize(
    ("parameters", "width"),
    [
        ({"pooling": "average"}, 4 * 60 + 16 * 12 * 3),
        ({"pooling": "max"}, 4 * 60 + 16 * 12 * 3),
        ({"units": 7}, 7),
        ({"kernel_size": 5}, PATCH_WIDTH),
    ],
)
def test_width_with_filters_from_patches_follows_the_parameters(parameters, width):
    assert built(ImageBranch(**parameters)).output_shape == (None, width)


@pytest.mark.parametrize(
    ("branch", "rates"),
    [
        (ImageBranch(), [0.5]),
        (ImageBranch(dropout=0.0), []),
        (ImageBranch(dropout=0.2), [0.2]),
        (ImageBranch((4,)), []),
        (ImageBranch((4,), dropout=0.2), [0.2]),
    ],
)
def test_dropout_is_half_after_filters_from_patches_only(branch, rates):
    layers = all_layers(built(branch))

    assert [layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)] == rates


def test_dropout_after_filters_from_patches_is_active_in_training_only():
    model = built(ImageBranch())
    output = model(TEXTURES, training=False)

    np.testing.assert_array_equal(model(TEXTURES), output)
    np.testing.assert_allclose(model.predict(TEXTURES, verbose=0), output, atol=1e-5)
    dropped = np.asarray(model(TEXTURES, training=True)) == 0
    assert 0.4 < dropped[:, np.asarray(output).all(axis=0)].mean() < 0.6


def test_equal_seeds_give_equal_filters():
    one, two = (built(ImageBranch()) for _ in range(2))

    for own, other in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(own, other)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own, with NumPy 2.
def test_branch_with_filters_from_patches_reloads_with_equal_predictions(tmp_path):
    model = built(ImageBranch(units=3))

    twin = reloaded(model, tmp_path)

    np.testing.assert_array_equal(twin.predict(TEXTURES, verbose=0), model.predict(TEXTURES, verbose=0))


def test_filters_compute_in_float64_where_asked():
    with isolate(0, "float64"):
        model = ImageBranch().build(TEXTURE_SPEC, TEXTURES)

    output = keras.ops.convert_to_numpy(model(TEXTURES[:2]))
    assert output.dtype == np.float64
    np.testing.assert_allclose(output, built(ImageBranch())(TEXTURES[:2]), atol=1e-3)


def test_branch_clones_with_its_parameters():
    branch = ImageBranch((4, 8), kernel_size=5, pooling="max", units=3, dropout=0.1, augment=True)

    assert clone(branch).get_params() == branch.get_params()


def test_decoder_names_its_branch_and_flags_missing_rows():
    assert ImageDecoder.default_branch is ImageBranch
    assert ImageDecoder.flags_missing
