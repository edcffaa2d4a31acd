"""How sure the average of networks is: a temperature for each output, from rows that were new to networks.

Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", 2017, arXiv:1706.04599. Here rows are
few, so a temperature far from 1 must be worth its price.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logit, logsumexp

from ..layers import output_ranges
from .ensemble import MEAN_LAYER, average_outputs

# Standard deviation of the logarithm of a temperature before any row is seen, and the most that rows can make of it.
SPREAD, MOST = 0.5, 1.5
# Probabilities of float32 that are 0 or 1 stand for this much, or for what is left of 1.
EDGE = 1e-7


def temper(model, outputs, codes, weight=None):
    """Divide the log odds that a model averages by temperatures that make given predictions likely.

    Parameters
    ----------
    model : keras.Model
        From `average_networks`, of classes.
    outputs : ndarray of shape (n_rows, width)
        Predictions of rows by networks that have not seen them, averaged as the model does.
    codes : ndarray of shape (n_rows,) or (n_rows, n_outputs), int
        Number of the label of each row.
    weight : ndarray of shape (n_rows,) or (n_rows, n_outputs), or None
        Weight of each row.

    Returns
    -------
    ndarray of shape (n_rows, width)
        The predictions at these temperatures.
    """
    layer = model.get_layer(MEAN_LAYER)
    if layer.activation is None:
        return outputs
    proba = np.clip(outputs.astype("float64"), EDGE, 1 - EDGE)
    if layer.activation == "sigmoid":
        logits = [np.c_[np.zeros(len(column)), logit(column)] for column in proba.T]
    else:
        logits = [np.log(proba[:, start:end]) for start, end in output_ranges(layer.widths)]
    codes = codes.reshape(len(codes), -1)
    weight = np.ones(codes.shape) if weight is None else weight.reshape(len(codes), -1) / weight.mean()
    weight = np.broadcast_to(weight, codes.shape)
    layer.temperatures = list(map(fit_temperature, logits, codes.T, weight.T))
    return np.asarray(average_outputs(model, [outputs]))


def fit_temperature(logits, codes, weight):
    """Return the temperature at which the log loss is least, with a price for its distance from 1.

    Parameters
    ----------
    logits : ndarray of shape (n_rows, n_classes)
        Log probabilities, or what differs from them by a number for each row.
    codes : ndarray of shape (n_rows,), int
        Number of the class of each row.
    weight : ndarray of shape (n_rows,)
        Weight of each row, 1 on average.

    Returns
    -------
    float
        By what the logits are to be divided.
    """
    own = np.take_along_axis(logits, codes[:, None].astype(int), axis=1)[:, 0]

    def loss(log_temperature):
        scale = np.exp(-log_temperature)
        missed = logsumexp(logits * scale, axis=1) - own * scale
        return weight @ missed + (log_temperature / SPREAD) ** 2 / 2

    return float(np.exp(minimize_scalar(loss, bounds=(-MOST, MOST), method="bounded").x))
