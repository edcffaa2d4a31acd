"""The branch of texts: a learned vector for each word id, and a network over the words of a text."""

import keras

from ..._validation import POSITIVE_INT, RATE, StrOptions
from ...errors import BranchMismatchError, place
from ...layers import WordBag, WordEmbedding, inverse_document_frequencies
from .._steps import ARCHITECTURES, summarise_steps
from ..base import Branch


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
    embedding_dim : int
        Length of a word's vector. 32 suits vocabularies of thousands of words.
    units : int or None
        Width of the network. None: 64 for "lstm", "gru", "conv" and "attention"; "bag", "pool" and
        "flatten" then end without a dense layer, since the merge and the head combine the vectors.
    dropout : float or None
        Share of the output that is dropped in training, in [0, 1). None: 0.2 for "bag", else 0.

    See Also
    --------
    TextVectorizer : Makes the ids.

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
    """

    reads = ("text",)
    # The network learns rare words by heart: each has a vector of its own, which few rows decide.
    memorises = True
    _parameter_constraints = {
        "architecture": [StrOptions({"bag", *ARCHITECTURES})],
        "embedding_dim": [POSITIVE_INT],
        "units": [POSITIVE_INT, None],
        "dropout": [RATE, None],
    }

    def __init__(self, architecture="bag", *, embedding_dim=32, units=None, dropout=None):
        self.architecture = architecture
        self.embedding_dim = embedding_dim
        self.units = units
        self.dropout = dropout

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
        if self.architecture == "bag":
            # It needs no mask: the bag gives the id of padding no weight.
            return self._connect_bag(tensor, spec, sample)
        words = WordEmbedding(spec.vocabulary_sizes[0], self.embedding_dim, mask_zero=True)(tensor)
        units = self.units
        if units is None and self.architecture not in ("pool", "flatten"):
            # For these, `units` is the width of their own weights, which must be some number.
            units = 64
        return summarise_steps(words, self.architecture, units=units, dropout=self.dropout or 0.0)

    def _connect_bag(self, tensor, spec, sample):
        """Sum the words' vectors; a word weighs the more, the fewer texts contain it."""
        weights = inverse_document_frequencies(sample, spec.vocabulary_sizes[0])
        bag = WordBag(weights, self.embedding_dim)(tensor)
        bag = keras.layers.Dropout(0.2 if self.dropout is None else self.dropout)(bag)
        return bag if self.units is None else keras.layers.Dense(self.units, activation="relu")(bag)
