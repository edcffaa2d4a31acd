"""Networks over steps, shared by every kind whose rows are a series of vectors."""

import keras

from ..errors import InputMismatchError, NetworkSizeWarning
from ..layers import StepSummary, ZeroMasked

ARCHITECTURES = ("pool", "flatten", "lstm", "gru", "conv", "attention")


def summarise_steps(tensor, architecture, *, units, kernel_size=3, dropout=0.0):
    """Turn a tensor of steps into one vector a row; masked steps have no influence.

    Parameters
    ----------
    tensor : KerasTensor of shape (batch, steps, width)
        The steps, with a Keras mask where some are padding.
    architecture : {"pool", "flatten", "lstm", "gru", "conv", "attention"}
        The network.
    units : int or None
        Width of the output; for "pool" and "flatten" None adds no dense layer.
    kernel_size : int
        Steps that one convolution sees.
    dropout : float
        Share of the output dropped in training.

    Returns
    -------
    KerasTensor of shape (batch, width)
        The summary.
    """
    raise NotImplementedError
