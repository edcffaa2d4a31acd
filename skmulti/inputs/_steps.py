"""Networks over the steps of a sequence or the words of a text, and the choice of their number."""

import math

import keras
import numpy as np

from ..errors import BranchMismatchError, NetworkSizeWarning, warn
from ..layers import CHANNELS_LAST, StepMask, StepPosition, StepSummary, ZeroMasked

ARCHITECTURES = ("pool", "flatten", "lstm", "gru", "conv", "attention")

# A dense layer of 5 million float32 weights takes 20 MB, and another 60 MB while Adam trains it.
MAX_DENSE_WEIGHTS = 5_000_000


def summarise_steps(tensor, architecture, *, units, kernel_size=3, dropout=0.0):
    """Return one vector a row for a tensor of steps; masked steps have no influence.

    Parameters
    ----------
    tensor : KerasTensor of shape (batch, steps, width)
        The steps, with a Keras mask where some are padding.
    architecture : {"pool", "flatten", "lstm", "gru", "conv", "attention"}
        The network.
    units : int or None
        Width of the dense layer after "pool" and "flatten" (None leaves it out), of the
        state of "lstm" and "gru", and of each step of "conv" and "attention".
    kernel_size : int
        Steps that one convolution sees.
    dropout : float
        Share of the output that is dropped in training.

    Returns
    -------
    KerasTensor of shape (batch, width)
        The summary. It is ``units`` wide, or ``2 * units`` for "conv" and "attention", which
        end in the average and the maximum over the steps. Its values are finite even for a
        row without any step.

    Raises
    ------
    BranchMismatchError
        If "flatten" is asked for and the number of steps is not known.
    """
    network = {
        "pool": _pool,
        "flatten": _flatten,
        "lstm": _make_recurrent(keras.layers.LSTM),
        "gru": _make_recurrent(keras.layers.GRU),
        "conv": _convolve,
        "attention": _attend,
    }[architecture]
    output = network(tensor, units, kernel_size)
    return keras.layers.Dropout(dropout)(output) if dropout else output


def _pool(tensor, units, kernel_size):
    """Return the average and the maximum over the steps, side by side or through a dense layer."""
    return _add_dense(StepSummary()(tensor), units)


def _flatten(tensor, units, kernel_size):
    """Return all steps side by side, or a dense layer over them, in which each position has weights of its own."""
    steps, width = tensor.shape[1:]
    if steps is None:
        raise BranchMismatchError(
            'architecture="flatten" needs a fixed number of steps, got a tensor of shape '
            f'{tensor.shape}. Use "pool", "lstm", "gru", "conv" or "attention", or fix the length.'
        )
    n_weights = steps * width * (units or 0)
    if n_weights > MAX_DENSE_WEIGHTS:
        warn(
            f'architecture="flatten" makes a dense layer of {n_weights:,} weights ({steps} steps of width {width} '
            f'to {units} units). Use "pool" or "conv", a smaller length, or fewer units.',
            NetworkSizeWarning,
        )
    # `Flatten` ignores masks, and would read whatever stands in the padded steps.
    return _add_dense(keras.layers.Flatten(**CHANNELS_LAST)(ZeroMasked()(tensor)), units)


def _make_recurrent(layer):
    """Return the function that connects a recurrent layer; it returns the layer's state after the last step."""

    def connect(tensor, units, kernel_size):
        # Keras would choose cuDNN on a GPU, which refuses masks with padding in front, a gap, or a row without steps.
        return layer(units, use_cudnn=False)(tensor)

    return connect


def _convolve(tensor, units, kernel_size):
    """Connect two convolutions, then take the average and the maximum over the steps."""
    # Kept by hand, since a convolution of Keras drops the mask.
    mask = StepMask()(tensor)
    for _ in range(2):
        # Before each of them, since the bias of the first makes padding non-zero again.
        tensor = ZeroMasked()(tensor, mask=mask)
        convolution = keras.layers.Conv1D(units, kernel_size, padding="same", activation="relu", **CHANNELS_LAST)
        tensor = convolution(tensor)
    return StepSummary()(tensor, mask=mask)


def _attend(tensor, units, kernel_size):
    """Connect one block of self-attention, then take the average and the maximum over the steps."""
    mask = StepMask()(tensor)
    # The dense layer brings the steps to the width that the attention returns, since the two are added below.
    tensor = StepPosition()(keras.layers.Dense(units)(tensor))
    # Each head gets an equal share of the units.
    n_heads = next(n for n in (4, 2, 1) if units % n == 0)
    # The mask's new axis stands for the step that looks: every step may look at all steps that are there.
    seen = keras.layers.MultiHeadAttention(n_heads, key_dim=units // n_heads)(
        tensor, tensor, attention_mask=keras.ops.expand_dims(mask, 1)
    )
    tensor = keras.layers.LayerNormalization()(keras.layers.Add()([tensor, seen]))
    return StepSummary()(tensor, mask=mask)


def _add_dense(tensor, units):
    """Return a dense layer's output, or the tensor itself if `units` is None."""
    return tensor if units is None else keras.layers.Dense(units, activation="relu")(tensor)


def choose_length(length, lengths, default=1):
    """Return the length of every encoded row: the given one, the longest seen, or a quantile of the lengths seen.

    Parameters
    ----------
    length : int, float or None
        The parameter of `TextVectorizer` and `SequencePadder`.
    lengths : ndarray of shape (n_rows,) or dict of int to int
        Length of each training row, or how many rows have each length.
    default : int
        The length if no training row has one above 0.
    """
    if length is not None and not isinstance(length, float | np.floating):
        return int(length)
    if not isinstance(lengths, dict):
        lengths = dict(zip(*map(np.ndarray.tolist, np.unique(lengths, return_counts=True)), strict=True))
    # Many missing rows would else pull a quantile down to 0.
    known = sorted(own for own in lengths if own > 0)
    if not known:
        return default
    return known[-1] if length is None else math.ceil(_quantile(known, [lengths[own] for own in known], length))


def _quantile(values, counts, share):
    """Return a quantile of numbers, given in rising order with how often each occurs, as `np.quantile` does of all."""
    ends = np.cumsum(counts)
    place = share * (ends[-1] - 1)
    below = math.floor(place)
    # The numbers at the places before and behind.
    beside = np.searchsorted(ends, [below, min(below + 1, ends[-1] - 1)], side="right")
    return np.quantile([values[own] for own in beside], place - below)
