"""Layers that read ids: rows of learned tables for categories and words, and what each word weighs."""

import keras
import numpy as np
from keras import ops

from ..spec import FIRST_ID, UNKNOWN_ID

_register = keras.saving.register_keras_serializable(package="skmulti")


def look_up(table, ids):
    """Return a row of the table for each id, and sum the gradients of an id that comes up several times.

    TensorFlow's own lookup leaves such gradients side by side. Keras' Adam then adds their
    squares, not the square of their sum (keras-team/keras#19992), so that a value that `k`
    rows of a batch have moves up to the root of `k` times too far, and ``clipnorm``
    measures too short a gradient.

    Parameters
    ----------
    table : Variable or tensor of shape (n_ids, width)
        The learned rows.
    ids : tensor of int, of any shape
        From 0 to ``n_ids - 1``.

    Returns
    -------
    tensor of shape (*ids.shape, width)
        The rows.
    """
    table = ops.convert_to_tensor(table)
    # The gradient of a reshape is a whole table, into which TensorFlow sums the rows.
    return ops.take(ops.reshape(table, table.shape), ids, axis=0)


@_register
class CategoryEmbedding(keras.layers.Layer):
    """Look up one vector per column in a single table, the columns' ids behind one another.

    The rows of missing and unknown values start at zero, so that a value which
    training never showed adds nothing.

    Parameters
    ----------
    vocabulary_sizes : sequence of int
        Ids of each column.
    embedding_dim : int
        Length of a vector.
    """

    def __init__(self, vocabulary_sizes, embedding_dim, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_sizes = [int(size) for size in vocabulary_sizes]
        self.embedding_dim = int(embedding_dim)
        self._offsets = np.concatenate([[0], np.cumsum(self.vocabulary_sizes)[:-1]]).astype("int32")

    def build(self, input_shape):
        total = sum(self.vocabulary_sizes)
        self.table = self.add_weight(shape=(total, self.embedding_dim), initializer="uniform", name="table")
        values = ops.convert_to_numpy(self.table).copy()
        values[np.concatenate([self._offsets + i for i in range(FIRST_ID)])] = 0
        self.table.assign(values)
        super().build(input_shape)

    def call(self, ids):
        return look_up(self.table, ops.cast(ids, "int32") + self._offsets)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.embedding_dim)

    def get_config(self):
        own = {"vocabulary_sizes": self.vocabulary_sizes, "embedding_dim": self.embedding_dim}
        return {**super().get_config(), **own}


@_register
class OneHotIds(keras.layers.Layer):
    """One column of 0 and 1 for each id of each column.

    Parameters
    ----------
    vocabulary_sizes : sequence of int
        Ids of each column.
    """

    def __init__(self, vocabulary_sizes, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_sizes = [int(size) for size in vocabulary_sizes]

    def call(self, ids):
        columns = [
            ops.one_hot(ids[:, i], size, dtype=self.compute_dtype) for i, size in enumerate(self.vocabulary_sizes)
        ]
        return ops.concatenate(columns, axis=-1)

    def compute_output_spec(self, ids):
        return keras.KerasTensor((ids.shape[0], sum(self.vocabulary_sizes)), dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "vocabulary_sizes": self.vocabulary_sizes}


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
