"""The head and what follows from the target: the output, its loss and metrics, and y as the loss reads it."""

from dataclasses import dataclass

import keras
import numpy as np
from sklearn.base import BaseEstimator

from .._params import check_keras_name
from .._validation import POSITIVE_INT, RATE, HintedParams, StrOptions
from ..errors import quote
from ..inputs import MOST_DROPOUT
from ..layers import MemberMean, Members, OpenDropout, OutputsSoftmax, TargetUnits, dense_stack
from ..spec import TargetSpec
from .losses import loss_name

# What a loss needs at the output: (activation, how the target is scaled). Losses that are not listed compare any
# numbers, so that the target may be shifted and scaled. The listed ones would change their meaning: "scale" only
# divides, where zero must stay zero; "keep" leaves the target as it is.
_REGRESSION_OUTPUTS = {
    "poisson": ("exponential", "scale"),
    "mean_squared_logarithmic_error": ("softplus", "keep"),
    "mean_absolute_percentage_error": (None, "scale"),
    "cosine_similarity": (None, "scale"),
    "binary_crossentropy": ("sigmoid", "keep"),
    "binary_focal_crossentropy": ("sigmoid", "keep"),
}
_CLASS_LOSSES = {
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "kl_divergence",
    "hinge",
    "squared_hinge",
}
_TWO_CLASS_LOSSES = {"binary_crossentropy", "binary_focal_crossentropy"}
# Keras' hinge losses train scores around 0, of which a probability cannot be made.
_MARGIN_LOSSES = {"hinge", "squared_hinge", "categorical_hinge"}

# Number of members of a head that has them without being asked to.
N_MEMBERS = 4


class DenseHead(HintedParams, BaseEstimator):
    """Predict the target from the merged tensor: dense layers, then the output.

    The output follows from y: one sigmoid unit for two classes, a softmax for more
    classes, and for a regression a linear unit whose value is brought to the units of y.
    Each column of y has such an output.

    Parameters
    ----------
    units : tuple of int or "auto"
        Width of each dense layer before the output; ``()`` puts the output directly
        on the merged tensor. "auto": (64,) for classes, a layer in which the branches interact,
        and (128, 128) for a regression.
    activation : str
        Keras activation of these layers. "auto": "gelu" for classes and "relu" for a regression.
    dropout : float or "auto"
        Share of the units dropped in training after each layer, in [0, 1). "auto" is 0.5, and an
        estimator sets it to what suits its rows: 0 from 1,000 training rows on, and with fewer rows
        the less, the closer the target follows the inputs.
    n_members : int or "auto"
        Number of predictions that are averaged. Members share the dense layers; each scales the
        merged tensor in its own way and has an output of its own. They cost little, and their mean
        errs less than one of them. Several columns of classes have no members, columns of labels of
        0 and 1 have. "auto": 4 for a regression whose `units` are "auto", else 1.

    Notes
    -----
    An estimator that is given no head takes ``DenseHead()`` from 1,000 training rows on. With fewer rows its head has
    ``dropout="auto"`` and 4 members (several columns of classes have none). For a regression it also has
    ``units=(64, 64)`` and "gelu"; for classes with fewer than 500 rows it has "relu".

    References
    ----------
    Gorishniy, Kotelnikov and Babenko, "TabM: Advancing Tabular Deep Learning with
    Parameter-Efficient Ensembling", 2024, arXiv:2410.24210, for the members.

    Examples
    --------
    >>> import keras
    >>> from skmulti import DenseHead, TargetSpec
    >>> merged = keras.Input((16,))
    >>> DenseHead().attach(merged, TargetSpec(n_classes=3, activation="softmax")).shape
    (None, 3)
    """

    _parameter_constraints = {
        "units": [tuple, list, StrOptions({"auto"})],
        "activation": [str, callable],
        "dropout": [RATE, StrOptions({"auto"})],
        "n_members": [POSITIVE_INT, StrOptions({"auto"})],
    }

    def __init__(self, units="auto", *, activation="auto", dropout=0.0, n_members="auto"):
        self.units = units
        self.activation = activation
        self.dropout = dropout
        self.n_members = n_members

    def attach(self, tensor, target):
        """Connect the head to the merged tensor.

        Parameters
        ----------
        tensor : KerasTensor of shape (batch, merged)
            The output of the merge.
        target : TargetSpec
            What to predict.

        Returns
        -------
        KerasTensor of shape (batch, target.width)
            Probabilities of classes, or predictions in the units of y (float64).
        """
        self._validate_params()
        units, activation, n_members = self._chosen(target)
        # The members' views come before the dense layers, which see them as a further axis and share their weights.
        if n_members > 1:
            tensor = Members(n_members, name="head__members")(tensor)
        rate, layer = (MOST_DROPOUT, OpenDropout) if self.dropout == "auto" else (self.dropout, keras.layers.Dropout)
        how = {"dropout": rate, "dropout_layer": layer, "prefix": "head__"}
        tensor = dense_stack(tensor, units, activation=activation, **how)
        if n_members > 1:
            output = MemberMean(target.width, activation=target.activation, name="head__output")(tensor)
        else:
            output = keras.layers.Dense(target.width, activation=target.activation, name="head__output")(tensor)
        return to_target_units(output, target)

    def _chosen(self, target):
        """Return the layers' widths and activation, and the number of members."""
        automatic = isinstance(self.units, str)
        units = ((64,) if target.n_classes else (128, 128)) if automatic else self.units
        activation = self.activation
        if isinstance(activation, str) and activation != "auto":
            check_keras_name(keras.activations, activation, "DenseHead: activation")
        if activation == "auto":
            activation = "gelu" if target.n_classes else "relu"
        if self.n_members == "auto":
            return units, activation, N_MEMBERS if automatic and not target.n_classes else 1
        if self.n_members > 1 and isinstance(target.n_classes, tuple):
            raise ValueError(
                f"n_members={self.n_members} averages members, which a y of {target.n_outputs} columns of classes "
                "cannot have. Leave n_members='auto'."
            )
        return units, activation, self.n_members

    def default_loss(self, target):
        """Return the name of the loss that is used if the user sets none.

        Parameters
        ----------
        target : TargetSpec
            What to predict.

        Returns
        -------
        str
            Keras' name of the loss.
        """
        if not target.n_classes:
            return "mean_squared_error"
        return "binary_crossentropy" if target.activation == "sigmoid" else "sparse_categorical_crossentropy"

    def default_metrics(self, target):
        """Return the names of the metrics that are used if the user sets none.

        Parameters
        ----------
        target : TargetSpec
            What to predict.

        Returns
        -------
        list of str
            Keras' names of the metrics.
        """
        return ["accuracy"] if target.n_classes else ["mean_absolute_error"]


def to_target_units(output, target):
    """Bring a regression to the units of y, and several columns of classes to probabilities."""
    if isinstance(target.n_classes, tuple):
        return OutputsSoftmax(target.n_classes, name="head__probabilities")(output)
    return output if target.n_classes else TargetUnits(target.offset, target.scale, name="head__target_units")(output)


def classification_target(n_classes, loss=None, *, n_labels=1):
    """Describe the target of a classifier under a loss.

    Parameters
    ----------
    n_classes : int or tuple of int
        Number of classes in y; a tuple has the number of each column.
    loss : str, type, Loss, callable or None
        The loss as the user gave it; None is the default for the number of classes.
    n_labels : int
        Number of columns of 0 and 1 that can be 1 together.

    Returns
    -------
    TargetSpec
        Two classes have one sigmoid unit, labels one each, more classes a softmax, and several
        columns of classes a softmax each. `one_hot` says in which form the loss takes y.

    Raises
    ------
    ValueError
        If the loss does not suit the number of classes, or trains no probabilities.
    """
    name = loss_name(loss)
    if name in _MARGIN_LOSSES:
        raise ValueError(
            f"loss={loss!r} gives margins, not probabilities, so that predict_proba would be wrong. "
            "Use 'binary_crossentropy', 'categorical_crossentropy' or a focal loss."
        )
    if n_labels > 1 and name in _CLASS_LOSSES:
        raise ValueError(
            f"loss={loss!r} is for one class of several, y has {n_labels} labels that can hold together. Use "
            "'binary_crossentropy' or 'binary_focal_crossentropy', or leave loss=None."
        )
    if isinstance(n_classes, tuple) and name in _TWO_CLASS_LOSSES:
        raise ValueError(
            f"loss={loss!r} is for columns of 0 and 1, y has columns of {quote(n_classes)} classes. Use "
            f"'{name.replace('binary', 'categorical')}', or leave loss=None."
        )
    if name in _TWO_CLASS_LOSSES and n_classes > 2:
        raise ValueError(
            f"loss={loss!r} is for two classes, y has {n_classes}. Use '{name.replace('binary', 'categorical')}', "
            "or leave loss=None."
        )
    _refuse_logits(loss)
    # All other losses compare whole rows of probabilities, so that y is one-hot for them.
    by_class = name not in (None, "sparse_categorical_crossentropy")
    if isinstance(n_classes, tuple):
        return TargetSpec(n_classes=n_classes, n_outputs=len(n_classes), one_hot=by_class)
    # A loss over classes needs a unit for each class, even for two.
    softmax = n_classes > 2 or name in _CLASS_LOSSES
    return TargetSpec(
        n_classes=n_classes,
        n_outputs=n_labels,
        activation="softmax" if softmax else "sigmoid",
        one_hot=softmax and by_class,
    )


@dataclass(frozen=True)
class TargetMoments:
    """What a regression has to know of its target: figures of each column over some rows.

    Parameters
    ----------
    lowest, highest : ndarray of shape (n_outputs,)
        The extremes.
    weight : float
        Sum of the weights, or number of the rows.
    mean, variance, size : ndarray of shape (n_outputs,)
        Weighted means of the values, of their squared deviations and of their absolute values.
    """

    lowest: np.ndarray
    highest: np.ndarray
    weight: float
    mean: np.ndarray
    variance: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, y, sample_weight=None):
        """Return the figures of rows: y of shape (n_rows, n_outputs), and their weights or None."""
        mean = np.average(y, axis=0, weights=sample_weight)
        return cls(
            lowest=y.min(axis=0),
            highest=y.max(axis=0),
            weight=float(len(y) if sample_weight is None else sample_weight.sum()),
            mean=mean,
            variance=np.average((y - mean) ** 2, axis=0, weights=sample_weight),
            size=np.average(np.abs(y), axis=0, weights=sample_weight),
        )

    def merge(self, other):
        """Return the figures of these rows and those of another object together."""
        weight = self.weight + other.weight
        share = other.weight / weight
        step = other.mean - self.mean
        return TargetMoments(
            lowest=np.minimum(self.lowest, other.lowest),
            highest=np.maximum(self.highest, other.highest),
            weight=weight,
            mean=self.mean + share * step,
            # Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm", 1979.
            variance=(1 - share) * self.variance + share * other.variance + share * (1 - share) * step**2,
            size=(1 - share) * self.size + share * other.size,
        )


def regression_target(moments, loss=None, *, scale_target=True):
    """Describe the target of a regressor under a loss.

    Parameters
    ----------
    moments : TargetMoments
        Of the training target.
    loss : str, type, Loss, callable or None
        The loss as the user gave it; None is the squared error.
    scale_target : bool
        Whether the network learns a target of mean 0 and standard deviation 1.

    Returns
    -------
    TargetSpec
        Activation, offset and scale that suit the loss.

    Raises
    ------
    ValueError
        If the loss is for classes, or y has values that the output cannot reach under this loss.
    """
    name = loss_name(loss)
    if name in _CLASS_LOSSES:
        raise ValueError(f"loss={loss!r} is for classes; a regression takes e.g. 'mse', 'mae', 'huber' or 'poisson'.")
    _refuse_logits(loss)
    activation, scaling = _REGRESSION_OUTPUTS.get(name, (None, "standardise"))
    lowest, highest = (0, np.inf) if activation in ("exponential", "softplus") else (0, 1)
    found = moments.lowest.min(), moments.highest.max()
    if activation and (found[0] < lowest or found[1] > highest):
        raise ValueError(
            f"loss={loss!r} needs a target of {lowest} to {highest}, y reaches from {found[0]:g} to {found[1]:g}. "
            "Use another loss, e.g. 'mse' or 'huber'."
        )
    n_outputs = len(moments.mean)
    offset, scale = np.zeros(n_outputs), np.ones(n_outputs)
    if scale_target and scaling == "standardise":
        offset, scale = moments.mean, np.sqrt(moments.variance)
        # A constant column has a deviation of rounding errors only, which would blow up to noise.
        scale[scale <= 10 * np.finfo(float).eps * np.abs(offset)] = 1
    elif scale_target and scaling == "scale":
        scale = np.where(moments.size == 0, 1, moments.size)
    return TargetSpec(
        n_outputs=n_outputs,
        activation=activation,
        offset=tuple(offset.tolist()),
        scale=tuple(scale.tolist()),
    )


def _refuse_logits(loss):
    """Refuse a loss that would apply the output's activation a second time."""
    if getattr(loss, "from_logits", False):
        raise ValueError(f"{loss!r} has from_logits=True, but the network gives probabilities. Use from_logits=False.")


def encode_target(y, target):
    """Return y as the loss takes it: class numbers, one-hot rows, or an array of shape (n_rows, n_outputs)."""
    if target.one_hot and isinstance(target.n_classes, tuple):
        return np.hstack([np.eye(count)[numbers] for count, numbers in zip(target.n_classes, y.T, strict=True)])
    if target.one_hot:
        return np.eye(target.n_classes)[y]
    # Class numbers for one softmax have a single axis; every other loss compares arrays of rank 2.
    return y if target.n_classes and target.activation == "softmax" else y.reshape(len(y), -1)
