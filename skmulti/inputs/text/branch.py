"""The branch of texts: a learned vector for each word id, and a network over the words of a text."""

import os

import keras
import numpy as np

from ..._validation import POSITIVE_INT, RATE, StrOptions
from ...errors import BranchMismatchError, place
from ...layers import WordBag, WordEmbedding, inverse_document_frequencies
from .._steps import ARCHITECTURES, summarise_steps
from ..base import Branch
from .embeddings import vectors_of_ids


class TextBranch(Branch):
    """Read word ids with a learned vector for each word and a network over the words.

    Padding has no influence, whatever the architecture: a text gives the same output
    however far it is padded.

    Parameters
    ----------
    architecture : {"bag", "pool", "flatten", "lstm", "gru", "conv", "attention"}
        "bag", the default, sums the words' vectors with tf-idf weights. It suits topics and
        sentiment, even with few rows, if pairs of words and punctuation marks count as words, too
        (see `TextVectorizer`). "pool" takes the average and the maximum over the vectors. "conv"
        sees three neighbouring words at a time ("not good at all"); "lstm", "gru" and "attention"
        see the order of a whole text. These four need thousands of rows. "flatten" has separate
        weights for each position.
    embedding_dim : int or None
        Length of a word's vector. None: 32, which suits vocabularies of thousands of words, or that of `embeddings`.
    units : int or None
        Width of the network. None: 64 for "lstm", "gru", "conv" and "attention"; "bag", "pool" and
        "flatten" then end without a dense layer, since the merge and the head combine the vectors.
    dropout : float or None
        Share of the output that is dropped in training, in [0, 1). None: 0.2 for "bag", else 0.
    embeddings : dict, path, tuple, ndarray or None
        Word vectors that exist already, from which the vectors start instead of small random numbers. A dict of
        word to vector; the path of a text file of word2vec, GloVe or fastText (also ``.gz``), which each fit reads; a
        tuple of words (n_words,) and vectors (n_words, width); or, for ids that a tokenizer made, an array (n_ids,
        width) with a row for each id. A word that is not there as it is written is looked up in lower case.
    train_embeddings : bool
        Whether training changes the vectors of `embeddings`. If not, words without a vector do not count, and the
        branch has few weights to learn, which suits few rows. If so, such words start as they do
        without `embeddings`.

    See Also
    --------
    TextVectorizer : Makes the ids.
    IdsPadder : For ids that exist already.

    Notes
    -----
    Without `units`, "bag" returns ``embedding_dim`` values and "pool" returns ``2 * embedding_dim``. "conv" and
    "attention" return ``2 * units`` values (average and maximum over the words), the others return ``units``.

    Examples
    --------
    >>> from skmulti import ArraySpec, TextBranch
    >>> spec = ArraySpec("review", "text", (20,), "int32", vocabulary_sizes=(500,))
    >>> TextBranch(embedding_dim=16).build(spec).output_shape
    (None, 16)
    >>> TextBranch("lstm", units=8).build(spec).output_shape
    (None, 8)

    With vectors of words, which are not trained:

    >>> import pandas as pd
    >>> from skmulti import InputRouter, MultiInputClassifier, TextVectorizer
    >>> vectors = {"fine": [1.0, 0.5], "great": [1.1, 0.4], "poor": [-1.0, 0.2], "bad": [-0.9, 0.3]}
    >>> X = pd.DataFrame({"review": ["fine", "poor", "great food", "bad food"] * 5})
    >>> est = MultiInputClassifier(
    ...     InputRouter([("review", TextVectorizer(), "review")]),
    ...     branches={"review": TextBranch(embeddings=vectors, train_embeddings=False)},
    ...     epochs=2,
    ...     random_state=0,
    ... ).fit(X, [1, 0, 1, 0] * 5)
    >>> est.embed(pd.DataFrame({"review": ["great", "food"]}), "review").round(1).tolist()
    [[1.100000023841858, 0.4000000059604645], [0.0, 0.0]]
    """

    reads = ("text",)
    _parameter_constraints = {
        "architecture": [StrOptions({"bag", *ARCHITECTURES})],
        "embedding_dim": [POSITIVE_INT, None],
        "units": [POSITIVE_INT, None],
        "dropout": [RATE, None],
        "embeddings": [dict, str, os.PathLike, tuple, np.ndarray, None],
        "train_embeddings": ["boolean"],
    }

    def __init__(
        self,
        architecture="bag",
        *,
        embedding_dim=None,
        units=None,
        dropout=None,
        embeddings=None,
        train_embeddings=True,
    ):
        self.architecture = architecture
        self.embedding_dim = embedding_dim
        self.units = units
        self.dropout = dropout
        self.embeddings = embeddings
        self.train_embeddings = train_embeddings

    @property
    def memorises(self):
        """Whether rows are soon known by heart: each rare word has a vector of its own, which few rows decide."""
        return self.train_embeddings

    def connect(self, tensor, spec, sample):
        """Connect the layers of the branch.

        Parameters
        ----------
        tensor : KerasTensor of shape (batch, length), int32
            Word ids; 0 = padding.
        spec : ArraySpec
            Its vocabulary size gives the number of vectors.
        sample : ndarray of shape (n_rows, length) or None
            Training rows, in which "bag" counts the texts that contain a word. None gives all
            words the same weight.

        Returns
        -------
        KerasTensor of shape (batch, width)
            The summary of each text.

        Raises
        ------
        BranchMismatchError
            If the spec does not say how many ids there are.
        """
        if len(spec.vocabulary_sizes) != 1:
            raise BranchMismatchError(
                f"{place(spec.name, spec.columns)}: TextBranch needs one vocabulary size, the spec has "
                f"{spec.vocabulary_sizes}. Give ArraySpec(..., vocabulary_sizes=(n_ids,))."
            )
        if not self.train_embeddings and self.embeddings is None:
            raise BranchMismatchError(
                f"{place(spec.name, spec.columns)}: TextBranch(train_embeddings=False) has no `embeddings` to keep. "
                "Give some, or leave it out: vectors that start as random numbers must be trained."
            )
        vectors, known = (None, None) if self.embeddings is None else vectors_of_ids(self.embeddings, spec)
        width = self._width(vectors, spec)
        if self.architecture == "bag":
            return self._connect_bag(tensor, spec, sample, width, vectors, known)
        layer = WordEmbedding(spec.vocabulary_sizes[0], width, mask_zero=True)
        words = layer(tensor)
        self._begin(layer.embeddings, layer, vectors, known)
        units = self.units
        if units is None and self.architecture not in ("pool", "flatten"):
            # For these, `units` is the width of their own weights, which must be some number.
            units = 64
        return summarise_steps(words, self.architecture, units=units, dropout=self.dropout or 0.0)

    def _connect_bag(self, tensor, spec, sample, width, vectors, known):
        """Sum the words' vectors; a word weighs the more, the fewer texts contain it."""
        weights = inverse_document_frequencies(sample, spec.vocabulary_sizes[0])
        if not self.train_embeddings:
            # Words of which nothing is known would only make the others of their text quieter.
            weights = weights * known
        # It needs no mask: the bag gives the id of padding no weight.
        layer = WordBag(weights, width)
        bag = layer(tensor)
        self._begin(layer.table, layer, vectors, known)
        bag = keras.layers.Dropout(0.2 if self.dropout is None else self.dropout)(bag)
        return bag if self.units is None else keras.layers.Dense(self.units, activation="relu")(bag)

    def _width(self, vectors, spec):
        """Return the length of a word's vector."""
        if vectors is None:
            return self.embedding_dim or 32
        width = vectors.shape[1]
        if self.embedding_dim not in (None, width):
            raise BranchMismatchError(
                f"{place(spec.name, spec.columns)}: TextBranch has embedding_dim={self.embedding_dim}, and its "
                f"`embeddings` have vectors of {width} numbers. Leave embedding_dim out; `units` narrows the output."
            )
        return width

    def _begin(self, table, layer, vectors, known):
        """Set a table of vectors to those that exist already, and fix it if they are not to be trained."""
        # As weights: in an initializer they would be part of the network's configuration.
        if vectors is None:
            return
        if self.train_embeddings:
            vectors = np.where(known[:, None], vectors, np.asarray(table))
        table.assign(vectors)
        layer.trainable = self.train_embeddings
