"""Registered Keras layers that look up the words of a text, and the weights of words."""

import keras
import numpy as np
from keras import ops

from ..spec import UNKNOWN_ID
from .lookup import look_up

__all__ = ["WordBag", "WordEmbedding", "inverse_document_frequencies"]

_register = keras.saving.register_keras_serializable(package="skmulti")


@_register
class WordEmbedding(keras.layers.Embedding):
    """Keras' layer of the same arguments, but repeated words move as far as Adam should move them, see `look_up`."""

    def call(self, inputs):
        return look_up(self.embeddings, inputs)


@_register
class WordBag(keras.layers.Layer):
    """Sum a learned vector of each word, weighted as in tf-idf; the id 0 has no weight.

    Maps ids (batch, length) to (batch, embedding_dim). The weights of a text have
    length 1, but for words that come back: words that occur in few texts count for more than
    those of every text, and a long text is hardly louder than a short one.

    Parameters
    ----------
    weights : sequence of float
        Weight of each id.
    embedding_dim : int
        Length of a word's vector.
    """

    def __init__(self, weights, embedding_dim, **kwargs):
        super().__init__(**kwargs)
        self.word_weights = [float(weight) for weight in weights]
        self.embedding_dim = int(embedding_dim)

    def build(self, input_shape):
        shape = (len(self.word_weights), self.embedding_dim)
        self.table = self.add_weight(shape=shape, initializer="uniform", name="table")
        super().build(input_shape)

    def call(self, ids):
        weights = ops.take(ops.convert_to_tensor(self.word_weights, self.compute_dtype), ids)
        weights = weights * ops.cast(ids > 0, self.compute_dtype)
        length = ops.sqrt(ops.sum(ops.square(weights), axis=1, keepdims=True))
        weights = weights / ops.maximum(length, 1e-6)
        return ops.einsum("bl,blw->bw", weights, look_up(self.table, ids))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.embedding_dim)

    def get_config(self):
        return {**super().get_config(), "weights": self.word_weights, "embedding_dim": self.embedding_dim}


def inverse_document_frequencies(ids, n_ids):
    """Weigh ids by the texts that have them, as scikit-learn's ``TfidfTransformer``: ``ln((1 + n) / (1 + df)) + 1``.

    Ids of shape (n_texts, length), or None for weights of 1.
    """
    if ids is None:
        return np.ones(n_ids)
    ordered = np.sort(ids, axis=1)
    first = np.ones(ids.shape, dtype=bool)
    first[:, 1:] = np.diff(ordered, axis=1) != 0
    counts = np.bincount(ordered[first], minlength=n_ids)
    weights = np.log((1 + len(ids)) / (1 + counts)) + 1
    if not counts[UNKNOWN_ID]:
        weights[UNKNOWN_ID] = 0  # its vector is never trained and would only add noise
    return weights
