"""The promises of `skmulti/inputs/patches.py`: filters that NumPy would find, applied as by hand, and computed once."""

import pickle
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from common import predict
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.cluster import MiniBatchKMeans
from sklearn.model_selection import GridSearchCV

from skmulti import DenseHead, ImageBranch, ImageDecoder, InputRouter, MultiInputClassifier, NumberScaler
from skmulti.inputs.image.patches import draw_patches, learn_features, patch_filters, patch_network, whitening_matrix

AVERAGE, HIGHEST = keras.layers.AveragePooling2D, keras.layers.MaxPooling2D
IMAGES = np.random.default_rng(0).integers(0, 256, (60, 12, 12, 3), dtype="uint8")


def rng():
    return np.random.default_rng(7)


# --- Filters


def test_drawn_patches_are_squares_of_the_images():
    images = np.arange(2 * 12 * 13 * 2).reshape(2, 12, 13, 2)

    patches = draw_patches(images, rng())

    assert patches.shape == (2 * 7 * 8, 6 * 6 * 2)
    for patch in patches:
        image, row, column, _ = np.unravel_index(patch[0], images.shape)
        assert_array_equal(patch.reshape(6, 6, 2), images[image, row : row + 6, column : column + 6])


def test_whitening_inverts_the_root_of_the_covariance_with_a_tenth_of_its_mean_variance_added():
    patches = rng().normal(size=(500, 5)) @ rng().normal(size=(5, 5))
    covariance = np.cov(patches, rowvar=False)

    whitening = whitening_matrix(patches)

    assert_allclose(whitening, whitening.T)
    assert_allclose(
        whitening @ whitening @ (covariance + 0.1 * np.diag(covariance).mean() * np.eye(5)), np.eye(5), atol=1e-9
    )


def test_whitened_patches_that_vary_have_about_unit_variance():
    patches = draw_patches(IMAGES, rng()) / 255
    patches -= patches.mean(axis=1, keepdims=True)

    variances = np.var(patches @ whitening_matrix(patches), axis=0)

    assert_allclose(variances, 1, atol=0.15)


def test_filters_are_whitened_centroids_of_unit_length():
    draw = rng()
    patches = draw_patches(IMAGES, draw) / 255
    patches -= patches.mean(axis=1, keepdims=True)
    whitening = whitening_matrix(patches)
    seed = int(draw.integers(2**31 - 1))
    means = MiniBatchKMeans(4, n_init=1, max_iter=30, batch_size=1024, random_state=seed)
    means.fit((patches @ whitening).astype("float32"))
    unit = means.cluster_centers_ / np.linalg.norm(means.cluster_centers_, axis=1)[:, None]
    expected = whitening @ unit.T

    kernel = patch_filters(IMAGES, rng(), 4)

    assert kernel.dtype == np.float32
    assert_allclose(kernel.reshape(-1, 4), expected - expected.mean(axis=0), atol=1e-5)


def test_brightness_alone_gives_no_response():
    kernel = patch_filters(IMAGES, rng(), 4)

    assert_allclose(kernel.sum(axis=(0, 1, 2)), 0, atol=1e-5)


@pytest.mark.parametrize(("n_images", "side", "n_filters"), [(60, 12, 58), (20, 12, 19), (60, 24, 60)])
def test_few_patches_or_images_give_few_filters(n_images, side, n_filters):
    images = np.random.default_rng(1).integers(0, 256, (n_images, side, side, 1), dtype="uint8")

    assert patch_filters(images, rng()).shape == (6, 6, 1, n_filters)


@pytest.mark.parametrize("n_looks", [1, 2])
def test_images_of_few_looks_give_no_filters_and_no_warning(n_looks):
    looks = np.repeat(np.eye(12, dtype="uint8")[None, :, :, None] * 255, n_looks, axis=0)
    looks[1:] = 255 - looks[1:]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert patch_filters(np.tile(looks, (30, 1, 1, 1)), rng()) is None


# --- The network


def by_hand(kernel, image, poolings):
    """Compute the features of one image, uint8, no side longer than 16, with loops."""
    pixels = image / 255
    rows, columns = ((side - 6) // 2 + 1 for side in image.shape[:2])
    seen = np.empty((rows, columns, kernel.shape[-1]))
    for i, j in np.ndindex(rows, columns):
        square = pixels[2 * i : 2 * i + 6, 2 * j : 2 * j + 6]
        seen[i, j] = np.maximum((square[..., None] * kernel).sum(axis=(0, 1, 2)) - 0.1, 0)
    high, wide = rows // 2, columns // 2
    quadrants = [seen[i * high : (i + 1) * high, j * wide : (j + 1) * wide] for i in (0, 1) for j in (0, 1)]
    pooled = [pool(quadrant, axis=(0, 1)) for pool in poolings for quadrant in quadrants]
    return np.concatenate([*pooled, pixels.ravel()])


@pytest.mark.parametrize("shape", [(12, 12, 1), (12, 12, 3), (13, 16, 1)])
@pytest.mark.parametrize(
    ("pools", "poolings"), [((AVERAGE,), [np.mean]), ((HIGHEST,), [np.max]), ((AVERAGE, HIGHEST), [np.mean, np.max])]
)
def test_features_are_what_loops_compute(shape, pools, poolings):
    images = np.random.default_rng(2).integers(0, 256, (2, *shape), dtype="uint8")
    kernel = np.random.default_rng(3).normal(size=(6, 6, shape[2], 5)).astype("float32")

    features = predict(patch_network(kernel, shape, pools), images)

    assert_allclose(features, [by_hand(kernel, image, poolings) for image in images], rtol=1e-4, atol=1e-5)


def test_large_images_stand_beside_it_at_16_pixels():
    kernel = np.zeros((6, 6, 1, 2), "float32")
    halves = np.zeros((1, 32, 64, 1), "uint8")
    halves[:, :, 32:] = 255

    features = predict(patch_network(kernel, (32, 64, 1), (AVERAGE,)), halves)

    thumbnail = features[0, 8:].reshape(16, 16)
    assert_array_equal(features[0, :8], 0)
    assert_allclose(thumbnail[:, [0, 1, 14, 15]], [[0, 0, 1, 1]] * 16, atol=1e-6)


def test_features_of_the_sample_have_mean_0_and_count_as_64_numbers_of_deviation_1():
    features = predict(learn_features(IMAGES, rng(), (AVERAGE, HIGHEST)), IMAGES)

    assert_allclose(features.mean(axis=0), 0, atol=1e-4)
    assert_allclose(features.std(axis=0), (64 / features.shape[1]) ** 0.5, rtol=1e-3)


def test_feature_that_is_constant_in_the_sample_is_0():
    images = IMAGES.copy()
    images[:, 3, 4] = 77

    features = predict(learn_features(images, rng(), (AVERAGE,)), images)

    thumbnail = features[:, -12 * 12 * 3 :].reshape(60, 12, 12, 3)
    assert_allclose(thumbnail[:, 3, 4], 0, atol=1e-5)


def test_missing_images_are_left_out():
    with_blanks = np.concatenate([np.zeros_like(IMAGES[:9]), IMAGES, np.full_like(IMAGES[:9], 255)])

    own, other = (learn_features(sample, rng(), (AVERAGE,)) for sample in (IMAGES, with_blanks))

    assert_array_equal(predict(own, IMAGES), predict(other, IMAGES))


def test_fewer_than_50_images_give_no_features():
    blanks = np.zeros_like(IMAGES)

    assert learn_features(np.concatenate([IMAGES[:49], blanks]), rng(), (AVERAGE,)) is None
    assert learn_features(np.concatenate([IMAGES[:50], blanks]), rng(), (AVERAGE,)) is not None


def test_nothing_is_left_to_train():
    assert not learn_features(IMAGES, rng(), (AVERAGE, HIGHEST)).trainable_weights


# --- A fit


def photos(n_rows=60):
    """Return photos of 16 x 16, grey and coloured, of which a few are missing, with a number and a class of each."""
    draw = np.random.default_rng(4)
    cells = list(draw.integers(0, 256, (n_rows, 16, 16, 3), dtype="uint8"))
    cells[:3] = [cell[:, :, 0] for cell in cells[:3]]
    cells[5] = None
    frame = pd.DataFrame({"photo": pd.Series(cells, dtype=object), "back": pd.Series(cells[::-1], dtype=object)})
    return frame.assign(size=draw.normal(size=n_rows)), draw.integers(0, 2, n_rows)


X, Y = photos()


def classifier(*names, **params):
    """Make a small classifier of some of the columns."""
    encoders = {"photo": ImageDecoder(size=(16, 16)), "back": ImageDecoder(size=(16, 16)), "size": NumberScaler()}
    router = InputRouter([(name, encoders[name], [name] if name == "size" else name) for name in names])
    params = {"epochs": 2, "batch_size": 30, "head": DenseHead((4,)), "optimizer": "adam", "random_state": 0, **params}
    return MultiInputClassifier(router, **params)


@pytest.fixture(scope="module")
def fitted():
    return classifier("size", "photo").fit(X, Y)


class InputShapes(keras.callbacks.Callback):
    """Write down what the network that is trained takes."""

    def on_train_begin(self, logs=None):
        self.shapes = {tensor.name: tensor.shape[1:] for tensor in self.model.inputs}


def fixed_weights(est):
    return est.model_.get_layer("photo__features").get_weights()


def assert_same_weights(one, two):
    for own, other in zip(one.model_.get_weights(), two.model_.get_weights(), strict=True):
        assert_allclose(own, other, atol=1e-6)


def test_filters_are_not_trained(fitted):
    longer = classifier("size", "photo", epochs=4).fit(X, Y)

    for own, other in zip(fixed_weights(fitted), fixed_weights(longer), strict=True):
        assert_array_equal(own, other)
    assert fixed_weights(fitted)[0].any()
    assert not np.array_equal(fitted.model_.get_weights()[-2], longer.model_.get_weights()[-2])


def test_training_reads_features_and_prediction_reads_pixels():
    est = classifier("photo", callbacks=InputShapes()).fit(X, Y)

    width = est.model_.get_layer("photo__features").output_shape[1]
    assert est.callbacks_[0].shapes["photo"] == (width,)
    assert est.model_.input["photo"].shape == (None, 16, 16, 3)


@pytest.mark.filterwarnings("ignore:The hold-out was still improving")
@pytest.mark.parametrize("validation", [{}, {"early_stopping": True, "validation_fraction": 0.2}])
def test_training_on_features_gives_the_weights_of_training_on_pixels(validation):
    class Whole(ImageBranch):
        # Of one piece, so that every step runs the features, too.
        def build(self, spec, sample=None):
            model = super().build(spec, sample)
            return keras.Model(model.input, keras.layers.Identity()(model.output), name=model.name)

    params = {"epochs": 4, **validation}
    on_features = classifier("photo", branches={"photo": ImageBranch(dropout=0.0)}, **params).fit(X, Y)
    on_pixels = classifier("photo", branches={"photo": Whole(dropout=0.0)}, callbacks=InputShapes(), **params).fit(X, Y)

    assert on_pixels.callbacks_[0].shapes["photo"] == (16, 16, 3)
    assert on_features.best_epoch_ == on_pixels.best_epoch_
    for own, other in zip(on_features.model_.get_weights(), on_pixels.model_.get_weights(), strict=True):
        assert_allclose(own, other, atol=1e-5)


def test_equal_random_states_give_equal_predictions(fitted):
    assert_array_equal(clone(fitted).fit(X, Y).predict_proba(X), fitted.predict_proba(X))


def test_pickle_gives_equal_predictions(fitted):
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), fitted.predict_proba(X))


def test_network_comes_back_from_a_file_in_safe_mode(fitted, tmp_path):
    fitted.model_.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    arrays = fitted.router_.transform(X)

    assert_array_equal(predict(loaded, arrays), predict(fitted.model_, arrays))


def test_missing_photos_get_the_learned_vector(fitted):
    arrays = fitted.router_.transform(X)
    repainted = {**arrays, "photo": np.where(arrays["photo__missing"][:, :, None, None], 99, arrays["photo"])}

    assert arrays["photo__missing"].sum() == 1
    assert_array_equal(predict(fitted.model_, repainted), predict(fitted.model_, arrays))


def test_two_warm_fits_equal_one_of_all_epochs():
    est = classifier("photo", warm_start=True, epochs=1, branches={"photo": ImageBranch(dropout=0.0)}).fit(X, Y)
    model = est.model_
    est.fit(X, Y)

    assert est.model_ is model
    assert_same_weights(est, classifier("photo", branches={"photo": ImageBranch(dropout=0.0)}).fit(X, Y))


def test_warm_fit_goes_on_after_a_pickle():
    est = classifier("photo", warm_start=True, epochs=1).fit(X, Y)
    twin = pickle.loads(pickle.dumps(est))

    assert_same_weights(twin.fit(X, Y), est.fit(X, Y))


def test_partial_fit_goes_on_with_the_same_filters():
    est = classifier("photo").partial_fit(X, Y, classes=[0, 1])
    before, head = fixed_weights(est), est.model_.get_weights()[-2]
    est.partial_fit(X[:7], Y[:7])

    assert int(est.model_.optimizer.iterations) == 3
    for own, other in zip(fixed_weights(est), before, strict=True):
        assert_array_equal(own, other)
    assert not np.array_equal(est.model_.get_weights()[-2], head)


def test_network_that_the_user_compiles_anew_is_trained_as_a_whole():
    est = classifier("photo", callbacks=InputShapes()).partial_fit(X, Y, classes=[0, 1])
    est.model_.compile("sgd", "binary_crossentropy")
    est.partial_fit(X, Y)

    assert est.callbacks_[0].shapes["photo"] == (16, 16, 3)


def test_filters_are_a_hyperparameter_of_the_default_branch():
    search = GridSearchCV(classifier("photo", epochs=1), {"branches__photo__filters": ["auto", (4,)]}, cv=2)
    search.fit(pd.concat([X, X]), np.tile(Y, 2))

    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert classifier("photo").set_params(branches__photo__filters=(8, 16)).branches["photo"].filters == (8, 16)


def test_photos_that_are_dropped_in_training_have_filters_too():
    complete = X.drop(index=5)
    est = classifier("photo", "size", input_dropout=0.5).fit(complete, np.delete(Y, 5))

    assert fixed_weights(est)
    assert np.isfinite(est.predict_proba(complete)).all()


def test_two_columns_of_photos_may_share_their_filters():
    est = classifier("photo", "back", branches={"back": "photo"}, callbacks=InputShapes()).fit(X, Y)

    names = [layer.name for layer in est.model_.layers]
    assert [name for name in names if name.endswith("__features")] == ["photo__features"]
    assert est.callbacks_[0].shapes["back"] == est.callbacks_[0].shapes["photo"]
    assert len(est.callbacks_[0].shapes["back"]) == 1
