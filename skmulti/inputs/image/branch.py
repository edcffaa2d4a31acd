"""The branch of images: filters learned from patches of the training rows, or trained convolutions."""

import keras
import numpy as np

from ..._process import draw_number
from ..._validation import POSITIVE_INT, RATE, Integral, StrOptions
from ...errors import NetworkSizeWarning, place, warn
from ...layers import CHANNELS_LAST
from .._steps import MAX_DENSE_WEIGHTS
from ..base import SAMPLE_ROWS, Branch
from .patches import MIN_SIDE, learn_features

# What "auto" means where no filters are learned from patches.
AUTO_FILTERS = (16, 32)


class ImageBranch(Branch):
    """Read pixels with filters learned from patches, or with trained convolutions.

    The branch for photos, scans and drawings. A small set of photos does not suffice to
    train convolutions from scratch. Filters that are learned from the photos alone, in one
    pass and without y, then say more and cost less. From 10,000 rows on, or if `filters` gives
    numbers, the branch trains convolutions. Each halves the image, and the last one is
    pooled over the whole picture, so the position of a pattern does not matter and the
    number of weights does not depend on the image size.

    Parameters
    ----------
    filters : "auto" or tuple of int
        How many patterns each convolution looks for. (16, 32) suits 64 x 64 pixels and a
        thousand rows; larger images and more rows gain from a third and fourth entry.
        An empty tuple pools the pixels themselves. "auto": up to 256 filters learned
        from patches if the training rows are 50 to 9,999 photos of 12 x 12 uint8 pixels
        or more, else (16, 32).
    kernel_size : int
        Side of the square that a trained convolution sees, in pixels.
    pooling : {"both", "average", "max", "flatten"}
        How feature maps become a vector. "average" says how much of a pattern is there,
        "max" whether it is anywhere, and "both" puts the two side by side. "flatten"
        takes all values, for pictures in which the position matters; it excludes filters
        from patches, and warns (`NetworkSizeWarning`) above 5 million weights. Filters
        from patches are pooled in each quarter of the picture separately.
    units : int or None
        Width of a dense layer after the pooling; None adds none.
    dropout : float or None
        Share of the output that is dropped in training, in [0, 1). None: 0.5 after
        filters from patches, which are many, else 0.
    augment : bool
        Whether to mirror the images left to right at random and to move them by up to
        10 %, in training only. Use it for small sets of photos, but not if left and right
        differ (digits, text, maps). It excludes filters from patches.

    Raises
    ------
    ValueError
        At `build`, if `filters` holds anything other than positive integers.

    See Also
    --------
    ImageDecoder : Makes the pixels.

    Notes
    -----
    Convolutions keep the size (``padding="same"``) and have ReLU activations. A 2 x 2 max
    pooling follows each of them, along axes of two pixels or more.

    Filters from patches are the centroids that k-means finds in 50,000 whitened patches
    of 6 x 6 pixels, as in the paper below. Their responses above a threshold, at every
    second position, are pooled in the four quarters. The picture itself, at 16 x 16 pixels,
    is put beside them. Each feature is scaled to mean 0 and the same standard deviation,
    which is so small that all features together count as 64 numbers of deviation 1. Unlike
    in the paper, patches keep their contrast. None of this is trained, so an estimator's
    `fit` computes it only once.

    References
    ----------
    Coates and Ng, "Learning Feature Representations with K-means", 2012, in: Neural
    Networks: Tricks of the Trade, Springer LNCS 7700.

    Examples
    --------
    >>> from skmulti import ArraySpec, ImageBranch
    >>> spec = ArraySpec("photo", "image", (64, 64, 3), "uint8")
    >>> ImageBranch(filters=(8, 16)).build(spec).output_shape
    (None, 32)
    """

    reads = ("image",)
    _parameter_constraints = {
        "filters": [tuple, list, StrOptions({"auto"})],
        "kernel_size": [POSITIVE_INT],
        "pooling": [StrOptions({"both", "average", "max", "flatten"})],
        "units": [POSITIVE_INT, None],
        "dropout": [RATE, None],
        "augment": ["boolean"],
    }

    def __init__(self, filters="auto", *, kernel_size=3, pooling="both", units=None, dropout=None, augment=False):
        self.filters = filters
        self.kernel_size = kernel_size
        self.pooling = pooling
        self.units = units
        self.dropout = dropout
        self.augment = augment

    def features(self, spec, sample):
        """Learn filters from patches, if that is asked for and possible; see `Branch.features`."""
        # Features are computed once for each row and pooled by quarters. So they can neither differ from epoch to
        # epoch, as augmented images do, nor keep every position, as "flatten" does.
        refused = self.filters != "auto" or self.pooling == "flatten" or self.augment
        # A full sample says that there may be more rows, enough to train convolutions.
        if refused or sample is None or len(sample) >= SAMPLE_ROWS:
            return None
        if spec.dtype != "uint8" or min(spec.shape[:2]) < MIN_SIDE:
            return None
        # Seeded as Keras' initializers are: `random_state` then decides this, too.
        rng = np.random.default_rng(draw_number())
        average, highest = keras.layers.AveragePooling2D, keras.layers.MaxPooling2D
        pools = {"average": (average,), "max": (highest,), "both": (average, highest)}
        return learn_features(sample, rng, pools[self.pooling])

    def connect(self, tensor, spec, sample):
        """Connect the layers of the branch; see `Branch.connect`."""
        # `features` is called before and decides; its features are vectors, while pixels have four axes.
        are_features = len(tensor.shape) == 2
        if not are_features:
            tensor = self._pool(self._convolve(tensor), spec)
        if self.units is not None:
            tensor = keras.layers.Dense(int(self.units), activation="relu")(tensor)
        dropout = 0.5 * are_features if self.dropout is None else self.dropout
        return keras.layers.Dropout(dropout)(tensor) if dropout else tensor

    def _convolve(self, tensor):
        """Turn pixels into feature maps (batch, height, width, channels)."""
        filters = AUTO_FILTERS if self.filters == "auto" else self.filters
        if not all(is_positive_int(count) for count in filters):
            raise ValueError(f"filters must hold positive integers, got {self.filters!r}.")
        if self.augment:
            tensor = augment_photos(tensor)
        for count in map(int, filters):
            convolution = keras.layers.Conv2D(
                count, self.kernel_size, padding="same", activation="relu", **CHANNELS_LAST
            )
            tensor = convolution(tensor)
            # An axis of one pixel, as many halvings leave it, cannot be halved again.
            tensor = keras.layers.MaxPooling2D([min(2, side) for side in tensor.shape[1:3]], **CHANNELS_LAST)(tensor)
        return tensor

    def _pool(self, tensor, spec):
        """Turn feature maps (batch, height, width, channels) into vectors."""
        average, highest = keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D
        pools = {"average": [average], "max": [highest], "both": [average, highest]}
        if self.pooling in pools:
            pooled = [pool(**CHANNELS_LAST)(tensor) for pool in pools[self.pooling]]
            return keras.layers.Concatenate()(pooled) if len(pooled) > 1 else pooled[0]
        tensor = keras.layers.Flatten(**CHANNELS_LAST)(tensor)
        # Without `units`, the first dense layer behind the branch is that of the head; 64 is a usual width.
        width, units = tensor.shape[-1], self.units or 64
        if width * units > MAX_DENSE_WEIGHTS:
            warn(
                f"{place(spec.name, spec.columns)}: pooling='flatten' gives {width:,} values a row; a dense layer of "
                f"{units} units after it has {width * units:,} weights. Use pooling='average' or a smaller image size.",
                NetworkSizeWarning,
            )
        return tensor


@keras.saving.register_keras_serializable(package="skmulti")
class TrainingPipeline(keras.layers.Pipeline):
    """Apply Keras' random image layers one after the other, in training only."""

    def call(self, inputs, training=False, mask=None):
        # Upstream, `training` is True by default: a plain ``model(x)`` would augment, and differ from call to call.
        return super().call(inputs, training=bool(training), mask=mask)


def augment_photos(tensor):
    """Mirror images left to right at random and move them by up to 10 %, in training only."""
    # "nearest" repeats the picture's edge, which looks more like a photo than black does.
    shift = keras.layers.RandomTranslation(0.1, 0.1, fill_mode="nearest", **CHANNELS_LAST)
    return TrainingPipeline([keras.layers.RandomFlip("horizontal", **CHANNELS_LAST), shift])(tensor)


def is_positive_int(value):
    """Return whether a value is a whole number above 0; True, which Python counts as 1, is none."""
    return isinstance(value, Integral) and not isinstance(value, bool) and value > 0
