"""Networks over steps, shared by every kind whose rows are a series of vectors."""

import keras
import numpy as np

from ..errors import BranchMismatchError, NetworkSizeWarning, warn
from ..layers import StepMask, StepPosition, StepSummary, ZeroMasked

ARCHITECTURES = ("pool", "flatten", "lstm", "gru", "conv", "attention")

# A dense layer of 5 million float32 weights takes 20 MB, and 60 MB more in training with Adam.
MAX_DENSE_WEIGHTS = 5_000_000


def summarise_steps(tensor, architecture, *, units, kernel_size=3, dropout=0.0):
    """Turn a tensor of steps into one vector a row; masked steps have no influence.

    Parameters
    ----------
    tensor : KerasTensor of shape (batch, steps, width)
        The steps, with a Keras mask where some are padding.
    architecture : {"pool", "flatten", "lstm", "gru", "conv", "attention"}
        The network.
    units : int or None
        Width of the dense layer after "pool" and "flatten", which None leaves out, of the
        state of "lstm" and "gru", and of each step of "conv" and "attention".
    kernel_size : int
        Steps that one convolution sees.
    dropout : float
        Share of the output dropped in training.

    Returns
    -------
    KerasTensor of shape (batch, width)
        The summary: ``units`` wide; ``2 * units`` for "conv" and "attention", which end in
        the average and the maximum over the steps. A row without any step gives finite
        values.

    Raises
    ------
    BranchMismatchError
        If "flatten" is asked for and the number of steps is not known.
    """
    network = {
        "pool": _pool,
        "flatten": _flatten,
        "lstm": _recurrent(keras.layers.LSTM),
        "gru": _recurrent(keras.layers.GRU),
        "conv": _convolve,
        "attention": _attend,
    }[architecture]
    output = network(tensor, units, kernel_size)
    return keras.layers.Dropout(dropout)(output) if dropout else output


def _pool(tensor, units, kernel_size):
    """Average and maximum over the steps."""
    return _dense(StepSummary()(tensor), units)


def _flatten(tensor, units, kernel_size):
    """All steps side by side, so that each position has weights of its own."""
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
    return _dense(keras.layers.Flatten()(ZeroMasked()(tensor)), units)


def _recurrent(layer):
    """Make the network of a recurrent layer: its state after the last step."""

    def connect(tensor, units, kernel_size):
        # cuDNN refuses masks with padding in front, a gap, or rows without any step.
        return layer(units, use_cudnn=False)(tensor)

    return connect


def _convolve(tensor, units, kernel_size):
    """Two convolutions, then average and maximum over the steps."""
    mask = StepMask()(tensor)
    for _ in range(2):
        # Zeroed before each: the bias of the first makes padding non-zero again.
        tensor = ZeroMasked()(tensor, mask=mask)
        tensor = keras.layers.Conv1D(units, kernel_size, padding="same", activation="relu")(tensor)
    return StepSummary()(tensor, mask=mask)


def _attend(tensor, units, kernel_size):
    """One block of self-attention, then average and maximum over the steps."""
    mask = StepMask()(tensor)
    tensor = StepPosition()(keras.layers.Dense(units)(tensor))
    n_heads = next(n for n in (4, 2, 1) if units % n == 0)
    seen = keras.layers.MultiHeadAttention(n_heads, key_dim=units // n_heads)(
        tensor, tensor, attention_mask=keras.ops.expand_dims(mask, 1)
    )
    tensor = keras.layers.LayerNormalization()(keras.layers.Add()([tensor, seen]))
    return StepSummary()(tensor, mask=mask)


def _dense(tensor, units):
    return tensor if units is None else keras.layers.Dense(units, activation="relu")(tensor)


def choose_length(length, lengths, otherwise=1):
    """Return the length of every row: fixed, the longest seen, or a quantile of the lengths above 0.

    Parameters
    ----------
    length : int, float or None
        The parameter of `TextVectorizer` and `SequencePadder`.
    lengths : ndarray of shape (n_rows,), int
        Length of each training row.
    otherwise : int
        Where there was none above 0.
    """
    if length is not None and not isinstance(length, float | np.floating):
        return int(length)
    lengths = lengths[lengths > 0]
    if not len(lengths):
        return otherwise
    return int(lengths.max() if length is None else np.ceil(np.quantile(lengths, length)))
