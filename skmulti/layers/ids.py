"""Layers that read ids: learned vectors of categories and words, and the weight of each word.

In every array of ids, 0 is padding or a missing value, 1 an unknown value, and learned values start at 2
(`skmulti.spec.FIRST_ID`). Keras checks no id: -1 would silently read the last row of a table. Hence the router compares
every id with the size of its vocabulary before it reaches these layers, which check nothing.

A step of training reads few rows of a large table. An optimizer that moves these rows alone says so by
`move_by_rows`: `look_up` then gives it their gradients instead of a gradient as large as the table.
"""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from ..spec import FIRST_ID, UNKNOWN_ID
from .unpadded import look_up_words, skips_padding, sum_rows

# From so many values on, the first values of a table are worth a compilation of their own.
LARGE_TABLE = 2**20

_register = keras.saving.register_keras_serializable(package="skmulti")


def look_up(table, ids):
    """Return a row of the table for each id, and sum the gradients of an id that occurs several times.

    The gradient of TensorFlow's own lookup keeps one entry for each occurrence. Keras' Adam then
    adds their squares instead of squaring their sum (keras-team/keras#19992). A value that `k` rows of
    a batch have moves up to the square root of `k` times too far, and ``clipnorm`` measures too short
    a gradient.

    Parameters
    ----------
    table : Variable or tensor of shape (n_ids, width)
        The learned rows. After `move_by_rows` their gradient is a `tf.IndexedSlices` with an entry for
        each occurrence, which the optimizer sums.
    ids : tensor of int, of any shape
        From 0 to ``n_ids - 1``.

    Returns
    -------
    tensor of shape (*ids.shape, width)
        The rows.
    """
    if getattr(table, "by_rows", False):
        # From the variable: once single rows were set, TensorFlow copies a whole table that is read as a tensor.
        return tf.gather(table.value, ids)
    table = ops.convert_to_tensor(table)
    # The reshape changes nothing but the gradient: that of a reshape is a whole table, into which TensorFlow sums the
    # entries of the lookup.
    return ops.take(ops.reshape(table, table.shape), ids, axis=0)


def _moves_whole(table):
    """Return whether the gradient of a table is to be a whole one, which `sum_rows` and `look_up_words` can compute."""
    return not table.by_rows and skips_padding(table.dtype)


def id_tables(network):
    """Return the variables of a network's tables of ids that training changes."""
    return [variable for variable in network.trainable_variables if hasattr(variable, "ids_per_example")]


def move_by_rows(network, paths):
    """Let the tables of ids with these paths, and no others, give gradients of the rows that a step reads.

    The loss is then without the prior of a `CategoryEmbedding`, which concerns every row: the optimizer
    adds its gradient, by the table's attribute ``decay``.
    """
    for table in id_tables(network):
        table.by_rows = table.path in paths


def _as_id_table(table, input_shape, decay=0.0):
    """Note on a layer's variable that it is read by ids, how many a row of a batch has, and its prior."""
    # On the variable, since that is all of a layer that an optimizer knows. Keras' own mark is
    # `overwrite_with_gradient`.
    table.ids_per_example = math.prod(size or 1 for size in input_shape[1:])
    table.decay = decay
    table.by_rows = False


@_register
class CategoryEmbedding(keras.layers.Layer):
    """Look up a vector for each column in a single table, in which one column's ids follow another's.

    The vectors of missing and unknown values start at zero, so that a value that never
    occurred in training adds nothing. After `trust`, a value of few rows counts in some of
    these rows as unknown, which trains the vector of unknown values, too. In prediction such
    a value has the mean of both vectors.

    Parameters
    ----------
    vocabulary_sizes : sequence of int
        Number of ids of each column.
    embedding_dim : int
        Length of a vector.
    decay : float
        In training, the loss grows by ``decay / 2`` times the sum of the squares of all entries.
        So a vector leaves zero only as far as the rows that have its value call for it.
    seed : int or None
        Seed of the draws of rows; None takes one from Python's generator, as Keras' ``Dropout`` does.
    """

    def __init__(self, vocabulary_sizes, embedding_dim, decay=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_sizes = [int(size) for size in vocabulary_sizes]
        self.embedding_dim = int(embedding_dim)
        self.decay = float(decay)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        # Where each column's ids begin in the table: one lookup for all columns instead of one for each.
        self._offsets = np.concatenate([[0], np.cumsum(self.vocabulary_sizes)[:-1]]).astype("int32")

    def build(self, input_shape):
        total = sum(self.vocabulary_sizes)
        shape = total, self.embedding_dim
        self.table = self.add_weight(shape=shape, initializer=self._first_values, name="table")
        _as_id_table(self.table, input_shape, self.decay)
        # A weight, as a configuration of a million numbers would be too long.
        self.shares = self.add_weight(shape=(total,), initializer="ones", trainable=False, name="shares")
        super().build(input_shape)

    def _first_values(self, shape, dtype):
        """Return the first values of the table; those of missing and unknown values are zero."""
        rows = np.concatenate([self._offsets + i for i in range(FIRST_ID)])
        uniform = keras.initializers.get("uniform")

        def draw():
            zeros = tf.zeros((len(rows), self.embedding_dim), dtype)
            return tf.tensor_scatter_nd_update(uniform(shape, dtype), rows[:, None], zeros)

        # In a graph each operation works in the memory of the one before, and not in another copy of a large table.
        return tf.function(draw, autograph=False)() if math.prod(shape) >= LARGE_TABLE else draw()

    def trust(self, counts):
        """Set the share of a value's rows that have its own vector: ``n / (n + 1)`` if it has n rows.

        Parameters
        ----------
        counts : ndarray of shape (n_ids,)
            Number of training rows of each id, of one column after the other.
        """
        shares = counts / (counts + 1)
        # Missing and unknown values always have their own.
        shares[np.concatenate([self._offsets + i for i in range(FIRST_ID)])] = 1
        self.shares.assign(shares)

    def call(self, ids, training=False):
        # Not as a regularizer of the weight: Keras would add it to the loss of a hold-out, too, where the best epoch is
        # to be that of the best predictions.
        if training and self.decay and not self.table.by_rows:
            self.add_loss(self.decay / 2 * ops.sum(ops.square(self.table)))
        ids = ops.cast(ids, "int32") + self._offsets
        own = ops.expand_dims(ops.take(self.shares, ids), -1)
        if training:
            draw = keras.random.uniform(ops.shape(own), seed=self.seed_generator, dtype=own.dtype)
            own = ops.cast(draw < own, own.dtype)
        unknown = look_up(self.table, self._offsets + UNKNOWN_ID)
        return own * look_up(self.table, ids) + (1 - own) * unknown

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.embedding_dim)

    def get_config(self):
        own = {
            "vocabulary_sizes": self.vocabulary_sizes,
            "embedding_dim": self.embedding_dim,
            "decay": self.decay,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}


@_register
class OneHotIds(keras.layers.Layer):
    """Turn each column of ids into as many columns of 0 and 1 as it has ids.

    Parameters
    ----------
    vocabulary_sizes : sequence of int
        Number of ids of each column.
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
    """Keras' ``Embedding``, except that a repeated word moves as far as Adam should move it; see `look_up`.

    Masked places, those of the id 0, have no gradient.
    """

    def build(self, input_shape):
        super().build(input_shape)
        _as_id_table(self.embeddings, input_shape)

    def call(self, inputs, training=False):
        # Of masked places nobody asks for a gradient.
        if training and self.mask_zero and _moves_whole(self.embeddings):
            return look_up_words(ops.convert_to_tensor(self.embeddings), ops.cast(inputs, "int32"))
        return look_up(self.embeddings, inputs)

    def compute_output_spec(self, inputs, training=False):
        return super().compute_output_spec(inputs)


@_register
class WordBag(keras.layers.Layer):
    """Sum the learned vectors of a text's words, weighted as in tf-idf; the id 0 has no weight.

    Maps ids (batch, length) to (batch, embedding_dim). Words that occur in few texts count for more
    than words of every text. The weights of a text without repeated words are a vector of length 1, so
    that a long text is hardly louder than a short one.

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
        _as_id_table(self.table, input_shape)
        super().build(input_shape)

    def call(self, ids, training=False):
        weights = self._weigh(ids)
        if training and _moves_whole(self.table):
            return sum_rows(ops.convert_to_tensor(self.table), ops.cast(ids, "int32"), weights)
        return ops.einsum("bl,blw->bw", weights, look_up(self.table, ids))

    def _weigh(self, ids):
        """Return the weight of each place of a text: (batch, length)."""
        weights = ops.take(ops.convert_to_tensor(self.word_weights, self.compute_dtype), ids)
        weights = weights * ops.cast(ids > 0, self.compute_dtype)
        length = ops.sqrt(ops.sum(ops.square(weights), axis=1, keepdims=True))
        # A text without words has length 0.
        return weights / ops.maximum(length, 1e-6)

    def parts(self, ids):
        """Return what each place adds to the sum: (batch, length, embedding_dim)."""
        return ops.expand_dims(self._weigh(ids), -1) * look_up(self.table, ids)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.embedding_dim)

    def get_config(self):
        return {**super().get_config(), "weights": self.word_weights, "embedding_dim": self.embedding_dim}


def inverse_document_frequencies(ids, n_ids):
    """Return a weight for each id: ``ln((1 + n) / (1 + df)) + 1``, as in scikit-learn's ``TfidfTransformer``.

    `ids` has shape (n_texts, length), and `df` is the number of texts that have the id. If `ids` is None,
    every weight is 1.
    """
    if ids is None:
        return np.ones(n_ids)
    # Sorted, the first of equal ids counts its text once, without a loop over texts or ids.
    ordered = np.sort(ids, axis=1)
    first = np.ones(ids.shape, dtype=bool)
    first[:, 1:] = np.diff(ordered, axis=1) != 0
    counts = np.bincount(ordered[first], minlength=n_ids)
    weights = np.log((1 + len(ids)) / (1 + counts)) + 1
    if not counts[UNKNOWN_ID]:
        # Its vector is never trained and would only add noise.
        weights[UNKNOWN_ID] = 0
    return weights
