"""Filters that are learned from patches of images in one pass, and the fixed layers that apply them.

Training does not change these layers (see `Branch.features`). So an estimator's fit runs them once for each row and
trains a network that shares all other layers and begins behind them, rather than run them in every epoch.
"""

import keras
import numpy as np
from threadpoolctl import threadpool_limits

from ...layers import CHANNELS_LAST, FeatureScale

PATCH_SIDE = 6
N_FILTERS = 256
N_IMAGES = 2_000
N_PATCHES = 50_000
# Images from which the mean and the deviation of features are learned.
N_SCALED = 500
PATCHES_PER_FILTER = 50
# A filter counts as seen above this response, in standard deviations of whitened patches.
THRESHOLD = 0.1
THUMBNAIL_SIDE = 16
# In smaller images a quadrant would have fewer than two positions along a side.
MIN_SIDE = 12
MIN_IMAGES = 50
# All features together count as this many numbers of standard deviation 1.
TOTAL_VARIANCE = 64
# Pixel values of the images that are convolved at once: with 256 filters the responses take some 100 MB.
CHUNK_VALUES = 500_000


def learn_features(sample, rng, pools):
    """Return the network that finds in images the patches that training images consist of.

    Parameters
    ----------
    sample : ndarray of shape (n_rows, height, width, channels), uint8
        Training rows; height and width are at least 12. Rows of one colour, such as those
        of missing images, are left out.
    rng : numpy.random.Generator
        Draws the patches and the first centres.
    pools : tuple of type
        Layers that summarise a filter's responses in a quadrant:
        `keras.layers.AveragePooling2D`, `keras.layers.MaxPooling2D` or both.

    Returns
    -------
    keras.Model or None
        Maps pixels of 0-255 to features (batch, width). Over up to 500 images of the sample,
        each feature has mean 0 and the same standard deviation, ``sqrt(64 / width)``. None if
        there are fewer than 50 images, or too few different patches, to learn from.
    """
    # By chunks of rows: the sample of a lazy input decodes them here, and not all of them need fit into memory.
    varied = [_have_several_colours(sample[i : i + 500]) for i in range(0, len(sample), 500)]
    present = np.flatnonzero(np.concatenate(varied))
    if len(present) < MIN_IMAGES:
        return None
    images = sample[np.sort(rng.permutation(present)[:N_IMAGES])]
    kernel = patch_filters(images, rng)
    return None if kernel is None else _append_scale(patch_network(kernel, images.shape[1:], pools), images)


def _have_several_colours(images):
    """Mark the images of more than one colour."""
    pixels = images.reshape(len(images), -1)
    return (pixels != pixels[:, :1]).any(axis=1)


def patch_filters(images, rng, n_filters=None):
    """Return filters: the centroids that k-means finds in whitened patches.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width, channels), uint8
        Pixels of 0-255.
    rng : numpy.random.Generator
        Draws up to 50,000 patches of 6 x 6 pixels, and the first centres.
    n_filters : int or None
        Number of filters. None: 256, but at most one for each image and one for 50 patches.

    Returns
    -------
    ndarray of shape (6, 6, channels, n_filters), float32, or None
        Filters for pixels of 0-1; the mean of each filter is 0. None if there are fewer
        different patches than filters.

    References
    ----------
    Coates and Ng, "Learning Feature Representations with K-means", 2012, in: Neural
    Networks: Tricks of the Trade, Springer LNCS 7700.
    """
    patches = draw_patches(images, rng)
    if n_filters is None:
        n_filters = min(N_FILTERS, len(images), max(len(patches) // PATCHES_PER_FILTER, 1))
    # With fewer different patches k-means would warn and find some filters twice. The first patches will do, since
    # they are drawn at random, and to sort all of them would take far longer.
    if len(np.unique(patches[: 20 * n_filters], axis=0)) < n_filters:
        return None
    patches = patches / 255
    # Without their brightness. The paper also divides by the contrast; here a strong edge is to say more than a faint
    # one.
    patches -= patches.mean(axis=1, keepdims=True)
    whitening = whitening_matrix(patches)
    seed = int(rng.integers(2**31 - 1))
    # Imported here, since it imports half of scikit-learn, which most users of skmulti do not need.
    from sklearn.cluster import MiniBatchKMeans

    clusters = MiniBatchKMeans(n_filters, n_init=1, max_iter=30, batch_size=1_024, random_state=seed)
    # The batches of k-means are so small that threads cost ten times what they save.
    with threadpool_limits(1):
        centroids = clusters.fit((patches @ whitening).astype("float32")).cluster_centers_
    # Of length 1, so that responses say how alike patch and filter are. A centre in the origin has no direction.
    centroids /= np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-9)
    # The whitening is put into the filters, since a convolution reads patches as they are. Their brightness, which was
    # subtracted above, must have no say there: each filter's mean is made exactly 0.
    filters = whitening @ centroids.T
    filters -= filters.mean(axis=0)
    return filters.reshape(PATCH_SIDE, PATCH_SIDE, images.shape[-1], n_filters).astype("float32")


def draw_patches(images, rng):
    """Return patches drawn anywhere: shape (n_patches, 6 * 6 * channels), rows before columns before channels."""
    # A view of all patches; only the drawn ones are copied.
    views = np.lib.stride_tricks.sliding_window_view(images, (PATCH_SIDE, PATCH_SIDE), axis=(1, 2))
    n_patches = min(N_PATCHES, int(np.prod(views.shape[:3])))
    positions = (rng.integers(count, size=n_patches) for count in views.shape[:3])
    return views[tuple(positions)].transpose(0, 2, 3, 1).reshape(n_patches, -1)


def whitening_matrix(patches):
    """Return the symmetric matrix (ZCA) that makes patches uncorrelated, softly where they hardly vary."""
    values, vectors = np.linalg.eigh(np.cov(patches, rowvar=False))
    # Directions in which patches hardly vary are mostly noise. The added variance keeps the matrix
    # from raising it to the level of the rest.
    return vectors / np.sqrt(values + 0.1 * values.mean()) @ vectors.T


def patch_network(kernel, shape, pools):
    """Return the network that applies filters at every second position, pools each quadrant, and adds a thumbnail.

    Parameters
    ----------
    kernel : ndarray of shape (6, 6, channels, n_filters)
        From `patch_filters`.
    shape : tuple of int
        (height, width, channels) of the images.
    pools : tuple of type
        Classes of Keras' pooling layers.

    Returns
    -------
    keras.Model
        Maps pixels of 0-255 to (batch, width); none of its weights is trained.
    """
    inputs = keras.Input(shape, dtype="uint8")
    pixels = keras.layers.Rescaling(1 / 255)(inputs)
    # As a bias before ReLU: a response is 0 up to the threshold, and what exceeds it above. Zeros for the kernel, since
    # Keras' default would draw from the seeded generator for values that are replaced.
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
    # `training` of this layer is True by default, and in a plain ``model(x)`` the layers behind it would take it over.
    maps.append(keras.layers.Resizing(*side, antialias=True, **CHANNELS_LAST)(pixels, training=False))
    return keras.Model(
        inputs, keras.layers.Concatenate()([keras.layers.Flatten(**CHANNELS_LAST)(part) for part in maps])
    )


def _append_scale(network, images):
    """Return the network with a layer behind it that gives all features mean 0 and one standard deviation."""
    images = images[:: -(-len(images) // N_SCALED)]
    step = max(1, CHUNK_VALUES // int(np.prod(images.shape[1:])))
    chunks = [network(images[i : i + step]) for i in range(0, len(images), step)]
    features = np.concatenate([keras.ops.convert_to_numpy(chunk) for chunk in chunks]).astype("float64")
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    # A feature that is constant in the sample deviates by rounding only, and is not to be blown up.
    scale = np.where(deviation > 1e-6 * (1 + np.abs(mean)), deviation, 1)
    # Adam moves every weight by about the same step. Over thousands of features of deviation 1 these steps add up, and
    # the output of the layer behind them would leap.
    scale *= max(1, len(mean) / TOTAL_VARIANCE) ** 0.5
    return keras.Model(network.input, FeatureScale(mean, scale)(network.output))
