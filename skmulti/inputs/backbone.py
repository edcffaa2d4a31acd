"""The branch of pretrained networks: run once for each row while they are frozen, or fine-tuned in part."""

import math
import os
import re

import keras
import numpy as np

from .._params import check_call
from .._validation import POSITIVE_INT, RATE, Integral, Interval, Real, RealNotInt, StrOptions
from ..errors import BranchMismatchError, describe_object, place, shorten
from ..layers import CHANNELS_LAST, PIXEL_MODES, Backbone, PixelScale, StepSummary, copy_layer, with_sublayers
from ..spec import layer_name
from ._presets import named_network
from .base import Branch, rescale_and_fill
from .image import augment_photos
from .text import idle_layers, read_by_ids

# How the families of keras.applications were trained, by their models' names in lower case. Those with None begin with
# layers that scale pixels of 0 to 255, unless they were made without them (`include_preprocessing=False`).
FAMILIES = {
    r"convnext_?(tiny|small|base|large|xlarge)": None,
    r"densenet(121|169|201)": "torch",
    r"efficientnet(b[0-7]|v2-?(b[0-3]|s|m|l))": None,
    r"inception(_?v3|_?resnet_?v2)": "tf",
    r"mobilenet_?v3_?(small|large)": None,
    r"mobilenet(v2)?(_[0-9.]+_\w+)?": "tf",
    r"nasnet(_?mobile|_?large)?": "tf",
    r"resnet(50|101|152)v2": "tf",
    r"resnet(50|101|152)": "caffe",
    r"vgg(16|19)": "caffe",
    r"xception": "tf",
}


class BackboneBranch(Branch):
    """Read photos, sequences or token ids with a pretrained network.

    Use it for a few hundred to a few thousand photos or texts: a network that was trained on millions of them
    has learned to see what so few rows cannot teach. Frozen, as by default, it runs once for each row of a fit;
    only what comes after it is trained. With `trainable` its last layers are fine-tuned, at a smaller learning
    rate than the rest, from the start or after some epochs (`unfreeze_at`).

    Parameters
    ----------
    backbone : str, keras.Model or callable
        The network. A str is a name of ``keras.applications``, such as "MobileNetV2", which is built without
        its last layer and for the size of the pixels; for texts, the name of a preset of KerasHub, or a folder
        that ``save_to_preset`` has written. A model is copied with its weights, and stays as it
        is; clones of the branch share it. A callable takes nothing and returns a model; each fit calls it.
    weights : str, PathLike or None
        Weights for a name: "imagenet", which Keras downloads once, the path of a file of weights, or
        None for random ones. Models and callables come with theirs.
    preprocess : {"auto", "tf", "torch", "caffe", "unit"}, callable or None
        What pixels become before the network sees them. "tf", "torch" and "caffe" are the modes of
        ``keras.applications``: -1 to 1; 0 to 1 in units of deviations from the mean of ImageNet;
        blue, green, red less their mean. "unit" is 0 to 1, None 0 to 255. A callable maps a tensor of
        0 to 255 to a tensor, such as a module's own ``preprocess_input``. "auto" knows all families of
        ``keras.applications`` by the name of the model, and leaves 0 to 255 to a model that begins
        with a layer ``Rescaling`` or ``Normalization``. Sequences and ids stay as they are.
    pooling : {"average", "max", "both", "flatten"}
        How feature maps, or the steps of a sequence, become a vector; a network that returns vectors
        needs none. "both" puts average and maximum side by side, "flatten" takes all values.
    trainable : bool, int or float
        What is fine-tuned: nothing, everything, the last layers by number, or their share in (0, 1]. Only
        layers with weights count. Batch normalisation is never trained.
    unfreeze_at : int or None
        Number of epochs with everything frozen, before `trainable` holds. They do not stop early, and
        run on features that are computed once. If rows are held out, fine-tuning begins with the weights of
        the best of them, and the fit keeps these if it gets no better. None: `trainable` holds from the
        first epoch.
    learning_rate_scale : float
        By how much the steps of fine-tuned weights are multiplied; the other weights take the whole
        step. 0.1 moves them a tenth as far.
    units : int or None
        Width of a dense layer after the pooling; None adds none.
    dropout : float
        Share of the output that is dropped in training, in [0, 1).
    augment : bool
        Whether to mirror photos left to right at random and to move them by up to 10 %, in training
        only. The network then runs in every epoch, frozen or not.

    Raises
    ------
    BranchMismatchError
        At `build`, if the network cannot read the array, or "auto" cannot tell what pixels it expects.
    ValueError
        At `build`, if there is no such name, or `unfreeze_at` has nothing to unfreeze.

    See Also
    --------
    ImageBranch : Learns from the training photos alone.
    ImageDecoder : Makes the pixels; its `size` is the size that the network sees.

    Notes
    -----
    The network always does what it does in prediction: its batch normalisation uses the statistics that it
    came with, and its dropout drops nothing, also while layers are trained. As statistics of a few rows
    would destroy what was learned, this is the usual advice for fine-tuning [1]_.

    With the estimator's `memory`, features of a frozen network are kept on disk, by a digest of its weights
    and layers, and by the pixels or ids of each row. Folds, candidates and later fits share them.

    Of a network whose last layers are trained, what the frozen ones below make of a row is computed once, too, and
    kept in memory for the length of the fit, if it takes no more than 2 GiB for all rows.

    Pickles and saved files hold all weights. ``save(est, path, backbone_weights=False)`` leaves out those of a
    network that was given by name and that training did not change; `load` then reads them again.

    References
    ----------
    .. [1] Keras guide "Transfer learning & fine-tuning", https://keras.io/guides/transfer_learning

    Examples
    --------
    >>> import keras
    >>> from skmulti import ArraySpec, BackboneBranch
    >>> pretrained = keras.Sequential(
    ...     [keras.Input((32, 32, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(8, 3)]
    ... )
    >>> branch = BackboneBranch(pretrained, units=16)
    >>> model = branch.build(ArraySpec("photo", "image", (32, 32, 3), "uint8"))
    >>> model.output_shape, len(model.trainable_weights)
    ((None, 16), 2)

    A network that could see other pixels than it was trained for is refused:

    >>> BackboneBranch(keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(8, 3)], name="mine")).build(
    ...     ArraySpec("photo", "image", (32, 32, 3), "uint8")
    ... )
    Traceback (most recent call last):
      ...
    skmulti.errors.BranchMismatchError: Input 'photo': preprocess="auto" cannot tell what pixels the network 'mine' \
expects: it is of no family of keras.applications and begins with no layer that scales them. Give preprocess=None for \
0 to 255, "unit" for 0 to 1, "tf", "torch" or "caffe" as in keras.applications, or a function.
    """

    reads = ("image", "sequence", "text")
    thaws = ("trainable", "unfreeze_at", "learning_rate_scale")
    keeps_features = True
    _parameter_constraints = {
        "backbone": [str, keras.Model, callable],
        "weights": [str, os.PathLike, None],
        "preprocess": [StrOptions({"auto", *PIXEL_MODES}), callable, None],
        "pooling": [StrOptions({"average", "max", "both", "flatten"})],
        "trainable": ["boolean", POSITIVE_INT, Interval(RealNotInt, 0, 1, closed="right")],
        "unfreeze_at": [POSITIVE_INT, None],
        "learning_rate_scale": [Interval(Real, 0, None, closed="neither")],
        "units": [POSITIVE_INT, None],
        "dropout": [RATE],
        "augment": ["boolean"],
    }

    def __init__(
        self,
        backbone,
        *,
        weights="imagenet",
        preprocess="auto",
        pooling="average",
        trainable=False,
        unfreeze_at=None,
        learning_rate_scale=0.1,
        units=None,
        dropout=0.0,
        augment=False,
    ):
        self.backbone = backbone
        self.weights = weights
        self.preprocess = preprocess
        self.pooling = pooling
        self.trainable = trainable
        self.unfreeze_at = unfreeze_at
        self.learning_rate_scale = learning_rate_scale
        self.units = units
        self.dropout = dropout
        self.augment = augment

    def __sklearn_clone__(self):
        # Clones share the network, which no fit changes: the candidates of a search would else hold a copy each.
        return type(self)(**self.get_params(deep=False))

    def features(self, spec, sample):
        """Connect the network and its pooling; see `Branch.features`."""
        if self.augment:
            # Photos that differ from epoch to epoch have no fixed features.
            return None
        network = self._network(spec)
        # Of texts, if the network reads them whatever their length is, a fit then computes none of the padding.
        any_length = spec.kind == "text" and self.pooling != "flatten" and _input_shape(network) == (None,)
        inputs = keras.Input((None,) if any_length else spec.shape, dtype=spec.dtype)
        is_image = spec.kind == "image"
        tensor = inputs if is_image else rescale_and_fill(inputs, spec, sample, self.reads_masks)
        return keras.Model(inputs, self._see(tensor, spec, network))

    def connect(self, tensor, spec, sample):
        """Connect the layers after the features; see `Branch.connect`."""
        if self.augment:
            self._refuse_augmented(spec)
            # Keras' random layers compute with 0 to 1 as with 0 to 255.
            tensor = self._see(keras.layers.Rescaling(255)(augment_photos(tensor)), spec, self._network(spec))
        if self.units is not None:
            tensor = keras.layers.Dense(int(self.units), activation="relu")(tensor)
        return keras.layers.Dropout(self.dropout)(tensor) if self.dropout else tensor

    def thaw(self, layers, epoch):
        """Set which layers of the network are trained from an epoch on; see `Branch.thaw`."""
        _refuse_idle(self)
        found = _find_backbone(layers)
        if found is None:
            return
        holder, backbone = found
        # What stands beside the network is a part of its features, or else trained with the rest.
        top = backbone if self.augment else holder
        is_frozen = not self.trainable or (self.unfreeze_at is not None and epoch < self.unfreeze_at)
        # Keras hands the flag on to all inner layers.
        top.trainable = not is_frozen
        if is_frozen:
            return
        trained = {id(layer) for layer in _last_layers(backbone, self.trainable)}
        for part in with_sublayers(top):
            if not isinstance(part, keras.Model):
                part.trainable = id(part) in trained

    def step_scales(self, layers):
        """Return the weights of the network that are trained, with their scale; see `Branch.step_scales`."""
        found = _find_backbone(layers)
        return [(own, float(self.learning_rate_scale)) for own in found[1].trainable_variables] if found else []

    def _see(self, tensor, spec, network):
        """Connect pixels of 0 to 255, steps or ids to the vector that the network makes of them."""
        where = place(spec.name, spec.columns)
        if spec.kind == "image":
            tensor = self._prepare_pixels(tensor, spec, network, where)
        _refuse_other_shape(network, tuple(tensor.shape[1:]), spec, where)
        backbone = Backbone(*_ends(network, tensor, where), name=layer_name(spec.name, "backbone"))
        try:
            output = backbone(tensor)
        # Keras has many errors for a tensor that a network cannot read, and none names the input.
        except (ValueError, TypeError) as error:
            raise BranchMismatchError(
                f"{where}: the network {network.name!r} cannot read the array {spec.describe()}: "
                f"{shorten(str(error), 200)}"
            ) from error
        return self._pool(output, where)

    def _network(self, spec):
        """Return the network of this fit, which takes one array."""
        where = place(spec.name, spec.columns)
        _refuse_idle(self)
        network = self._given_network(spec, where)
        if spec.kind != "text" or not network.built:
            return network
        _refuse_other_shape(network, spec.shape, spec, where)
        return read_by_ids(network, spec, where)

    def _given_network(self, spec, where):
        """Return the network of this fit as it was given: a new one, or a copy."""
        if isinstance(self.backbone, str):
            return named_network(self.backbone, self.weights, spec, where)
        if isinstance(self.backbone, keras.Model):
            return copy_layer(self.backbone, f"{where}: ")
        advice = "Write a function without arguments that returns a keras.Model."
        check_call(self.backbone, f"{where}: the backbone", [], advice=advice)
        network = self.backbone()
        if not isinstance(network, keras.Model):
            raise BranchMismatchError(
                f"{where}: the backbone {self.backbone!r} returned {describe_object(network)}. {advice}"
            )
        return network

    def _prepare_pixels(self, tensor, spec, network, where):
        """Bring pixels of 0 to 255 to the channels and values that the network expects."""
        if spec.dtype != "uint8" and self.preprocess is not None:
            raise BranchMismatchError(
                f"{where}: the array is {spec.describe()}; what its values mean is not known. Give pixels of 0 to 255 "
                "as uint8, or preprocess=None if the network reads the floats as they are."
            )
        expected = _input_shape(network)
        if tensor.shape[-1] == 1 and expected and expected[-1] == 3:
            # A grey picture has the same value in each channel.
            tensor = keras.layers.Concatenate(axis=-1)([tensor] * 3)
        mode = self.preprocess
        if mode == "auto":
            mode = pixel_mode(network, where)
        if mode is None or isinstance(mode, str):
            return PixelScale(mode)(tensor)
        tensor = PixelScale(None)(tensor)
        return copy_layer(mode, f"{where}: ")(tensor) if isinstance(mode, keras.layers.Layer) else mode(tensor)

    def _pool(self, tensor, where):
        """Turn feature maps (batch, height, width, channels) or steps (batch, steps, width) into vectors."""
        rank = len(tensor.shape)
        if rank == 2:
            # The layer brings the network's floats to those of the fit.
            return keras.layers.Identity()(tensor)
        if self.pooling == "flatten":
            return keras.layers.Flatten(**CHANNELS_LAST)(tensor)
        if rank == 3:
            return StepSummary(self.pooling)(tensor)
        if rank != 4:
            raise BranchMismatchError(
                f"{where}: the network returns a tensor of shape {tensor.shape}; pooling={self.pooling!r} takes "
                '(batch, steps, width) or (batch, height, width, channels). Give pooling="flatten".'
            )
        average, highest = keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D
        pools = {"average": [average], "max": [highest], "both": [average, highest]}[self.pooling]
        pooled = [pool(**CHANNELS_LAST)(tensor) for pool in pools]
        return keras.layers.Concatenate()(pooled) if len(pooled) > 1 else pooled[0]

    def _refuse_augmented(self, spec):
        """Refuse to augment what is no photo."""
        if spec.kind != "image" or spec.dtype != "uint8":
            raise BranchMismatchError(
                f"{place(spec.name, spec.columns)}: augment=True changes pixels of 0 to 255, and the array is "
                f"{spec.describe()}. Give augment=False."
            )


def pixel_mode(network, where="the network"):
    """Return what pixels a network was trained for: a mode of `PixelScale`, None for 0 to 255.

    Parameters
    ----------
    network : keras.Model
        Its name tells the family.
    where : str
        What messages call the input.

    Raises
    ------
    BranchMismatchError
        If neither the name nor the first layers tell it.
    """
    # First, since a model of a user's may have any name.
    first = [layer for layer in with_sublayers(network) if not isinstance(layer, keras.Model)][:3]
    if any(isinstance(layer, keras.layers.Rescaling | keras.layers.Normalization) for layer in first):
        return None
    patterns = [pattern for pattern in FAMILIES if re.fullmatch(pattern, network.name.lower())]
    if patterns and FAMILIES[patterns[0]] is not None:
        return FAMILIES[patterns[0]]
    why = "was made without the layers that scale them (include_preprocessing=False)"
    if not patterns:
        why = "is of no family of keras.applications and begins with no layer that scales them"
    raise BranchMismatchError(
        f'{where}: preprocess="auto" cannot tell what pixels the network {network.name!r} expects: it {why}. Give '
        'preprocess=None for 0 to 255, "unit" for 0 to 1, "tf", "torch" or "caffe" as in keras.applications, or a '
        "function."
    )


def _refuse_idle(branch):
    """Refuse to unfreeze nothing."""
    if branch.unfreeze_at is not None and not branch.trainable:
        raise ValueError(
            f"BackboneBranch: unfreeze_at={branch.unfreeze_at} has nothing to unfreeze, since trainable=False. Give "
            "the number of layers to train: trainable=20; or leave unfreeze_at out."
        )


def _refuse_other_shape(network, found, spec, where):
    """Refuse an array whose shape (without rows), or ids, the network does not read."""
    expected = _input_shape(network)
    if expected is None:
        return
    if len(expected) != len(found) or not all(a in (None, b) for a, b in zip(expected, found, strict=True)):
        way = "another encoder"
        if spec.kind == "image":
            way = f"ImageDecoder(size={expected[:2]}) as the encoder" if None not in expected[:2] else "other channels"
        elif len(expected) and isinstance(expected[0], int):
            way = f"an encoder with length={expected[0]}"
        raise BranchMismatchError(
            f"{where}: the network {network.name!r} reads arrays of shape {expected}, and the input's are {found}. "
            f"Give {way}, or a network for this shape."
        )
    tables = [layer for layer in with_sublayers(network) if isinstance(layer, keras.layers.Embedding)]
    # The last id may be one that the tokenizer has for padding alone.
    largest = max(spec.vocabulary_sizes, default=0) - (0 < spec.padding_id == max(spec.vocabulary_sizes, default=0) - 1)
    if tables and largest > tables[0].input_dim:
        raise BranchMismatchError(
            f"{where}: the network {network.name!r} knows {tables[0].input_dim:,} ids, and the input has {largest:,}. "
            "Ids and network must come from one tokenizer."
        )


def _ends(network, tensor, where):
    """Return the input and the output of a network that connects its layers, or of one that is called as a layer."""
    inputs, outputs = (getattr(network, name, None) for name in ("inputs", "outputs"))
    if not network.built or not inputs or not outputs:
        inputs = [keras.Input(tensor.shape[1:], dtype=tensor.dtype)]
        output = network(inputs[0])
        outputs = output if isinstance(output, list | tuple | dict) else [output]
    if len(inputs) != 1 or len(outputs) != 1:
        raise BranchMismatchError(
            f"{where}: the network {network.name!r} has {len(inputs)} inputs and {len(outputs)} outputs; expected one "
            "of each. Cut it out: keras.Model(network.inputs[0], network.outputs[0])."
        )
    return inputs[0], outputs[0]


def _input_shape(network):
    """Return the shape of a row that a network reads, or None if it says nothing about it."""
    inputs = getattr(network, "inputs", None) or ()
    return tuple(inputs[0].shape[1:]) if network.built and len(inputs) == 1 else None


def _find_backbone(layers):
    """Return the one of a branch's layers that holds the pretrained network, and that network; None behind features."""
    found = [(layer, part) for layer in layers for part in with_sublayers(layer) if isinstance(part, Backbone)]
    return found[0] if found else None


def _last_layers(backbone, trainable):
    """Return the layers that are trained: of those with weights all, the last ones, or a share of them."""
    idle = {id(part) for part in idle_layers(backbone)}
    leaves = [
        part
        for part in with_sublayers(backbone)
        if not isinstance(part, keras.Model | keras.layers.BatchNormalization) and part.trainable_weights
    ]
    leaves = [part for part in leaves if id(part) not in idle]
    if isinstance(trainable, bool | np.bool_):
        return leaves
    count = trainable if isinstance(trainable, Integral) else math.ceil(trainable * len(leaves))
    return leaves[-int(count) :]
