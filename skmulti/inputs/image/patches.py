"""Filters learned from patches of images in one pass, and the fixed layers that apply them."""

import keras
import numpy as np
from threadpoolctl import threadpool_limits

from ...layers import FeatureScale

# Whatever a user's keras.json says: the encoder puts the channels last.
CHANNELS_LAST = {"data_format": "channels_last"}
PATCH_SIDE = 6
N_FILTERS = 256
N_IMAGES = 2_000
N_PATCHES = 50_000
PATCHES_PER_FILTER = 50
# Response, in standard deviations of whitened patches, from which on a filter counts as seen.
THRESHOLD = 0.1
THUMBNAIL_SIDE = 16
# Below it there would be fewer than two positions a quadrant.
MIN_SIDE = 12
MIN_IMAGES = 50
# Numbers of standard deviation 1 as which all features together count.
LOUDNESS = 64
# Pixels of the images that are convolved at once: with 256 filters some 100 MB.
CHUNK_VALUES = 500_000


def learn_features(sample, rng, pools):
    """Make the network that looks for the patches of which images consist.

    Parameters
    ----------
    sample : ndarray of shape (n_rows, height, width, channels), uint8
        Training rows, height and width 12 at least. Rows of one colour, such as those of
        missing images, are left out.
    rng : numpy.random.Generator
        Draws patches and first centres.
    pools : tuple of type
        What gathers a filter's responses in a quadrant: `keras.layers.AveragePooling2D`,
        `keras.layers.MaxPooling2D` or both.

    Returns
    -------
    keras.Model or None
        Maps pixels of 0-255 to features (batch, width) with mean 0 and one standard
        deviation over the sample, ``sqrt(64 / width)``. None where fewer than 50 images,
        or too few different patches, are there to learn from.
    """
    present = np.flatnonzero(np.concatenate([_not_plain(sample[i : i + 500]) for i in range(0, len(sample), 500)]))
    if len(present) < MIN_IMAGES:
        return None
    images = sample[np.sort(rng.permutation(present)[:N_IMAGES])]
    kernel = patch_filters(images, rng)
    return None if kernel is None else _append_scale(patch_network(kernel, images.shape[1:], pools), images)


def _not_plain(images):
    """Mark the images of more than one colour."""
    pixels = images.reshape(len(images), -1)
    return (pixels != pixels[:, :1]).any(axis=1)


def patch_filters(images, rng, n_filters=None):
    """Learn filters: k-means centroids of whitened patches.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width, channels), uint8
        Pixels of 0-255.
    rng : numpy.random.Generator
        Draws up to 50,000 patches of 6 x 6 pixels, and the first centres.
    n_filters : int or None
        Number of filters; None: 256, but at most one an image and one for 50 patches.

    Returns
    -------
    ndarray of shape (6, 6, channels, n_filters), float32, or None
        For pixels of 0-1; each filter's mean is 0. None where there are fewer different
        patches than filters.

    References
    ----------
    Coates and Ng, "Learning Feature Representations with K-means", 2012, in: Neural
    Networks: Tricks of the Trade, Springer LNCS 7700.
    """
    patches = draw_patches(images, rng)
    if n_filters is None:
        n_filters = min(N_FILTERS, len(images), max(len(patches) // PATCHES_PER_FILTER, 1))
    if len(np.unique(patches[: 20 * n_filters], axis=0)) < n_filters:
        return None
    patches = patches / 255
    patches -= patches.mean(axis=1, keepdims=True)
    whitening = whitening_matrix(patches)
    seed = int(rng.integers(2**31 - 1))
    # Here, since it imports half of scikit-learn, which most users of skmulti do not need.
    from sklearn.cluster import MiniBatchKMeans

    clusters = MiniBatchKMeans(n_filters, n_init=1, max_iter=30, batch_size=2_048, random_state=seed)
    # Batches are so small that threads cost ten times what they give.
    with threadpool_limits(1):
        centroids = clusters.fit(patches @ whitening).cluster_centers_
    centroids /= np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-9)
    filters = whitening @ centroids.T
    filters -= filters.mean(axis=0)
    return filters.reshape(PATCH_SIDE, PATCH_SIDE, images.shape[-1], n_filters).astype("float32")


def draw_patches(images, rng):
    """Draw patches anywhere: ndarray of shape (n_patches, 6 * 6 * channels), rows before columns before channels."""
    views = np.lib.stride_tricks.sliding_window_view(images, (PATCH_SIDE, PATCH_SIDE), axis=(1, 2))
    n_patches = min(N_PATCHES, int(np.prod(views.shape[:3])))
    positions = (rng.integers(count, size=n_patches) for count in views.shape[:3])
    return views[tuple(positions)].transpose(0, 2, 3, 1).reshape(n_patches, -1)


def whitening_matrix(patches):
    """Return the symmetric matrix that makes patches uncorrelated, softly where they hardly vary (ZCA)."""
    values, vectors = np.linalg.eigh(np.cov(patches, rowvar=False))
    return vectors / np.sqrt(values + 0.1 * values.mean()) @ vectors.T


def patch_network(kernel, shape, pools):
    """Apply filters to every second position, pool each quadrant, and put a thumbnail beside it.

    Parameters
    ----------
    kernel : ndarray of shape (6, 6, channels, n_filters)
        From `patch_filters`.
    shape : tuple of int
        (height, width, channels) of the images.
    pools : tuple of type
        Keras' pooling layers.

    Returns
    -------
    keras.Model
        Maps pixels of 0-255 to (batch, width); nothing of it is trained.
    """
    inputs = keras.Input(shape, dtype="uint8")
    pixels = keras.layers.Rescaling(1 / 255)(inputs)
    threshold = keras.initializers.Constant(-THRESHOLD)
    convolution = keras.layers.Conv2D(
        *(kernel.shape[-1], PATCH_SIDE, 2),
        activation="relu",
        kernel_initializer="zeros",
        bias_initializer=threshold,
        trainable=False,
        **CHANNELS_LAST,
    )
    responses = convolution(pixels)
    convolution.kernel.assign(kernel)
    quadrant = [side // 2 for side in responses.shape[1:3]]
    side = [min(THUMBNAIL_SIDE, side) for side in shape[:2]]
    maps = [*(pool(quadrant, **CHANNELS_LAST)(responses) for pool in pools)]
    # Its `training` is True by default, and would be that of the layers after it, too, in a plain ``model(x)``.
    maps.append(keras.layers.Resizing(*side, antialias=True, **CHANNELS_LAST)(pixels, training=False))
    return keras.Model(
        inputs, keras.layers.Concatenate()([keras.layers.Flatten(**CHANNELS_LAST)(part) for part in maps])
    )


def _append_scale(network, images):
    """Put a layer behind a network that brings its features to mean 0 and one standard deviation over images."""
    step = max(1, CHUNK_VALUES // int(np.prod(images.shape[1:])))
    chunks = [network(images[i : i + step]) for i in range(0, len(images), step)]
    features = np.concatenate([keras.ops.convert_to_numpy(chunk) for chunk in chunks]).astype("float64")
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    scale = np.where(deviation > 1e-6 * (1 + np.abs(mean)), deviation, 1)
    # A layer behind thousands of features of deviation 1 would leap with every step of Adam.
    scale *= max(1, len(mean) / LOUDNESS) ** 0.5
    return keras.Model(network.input, FeatureScale(mean, scale)(network.output))
