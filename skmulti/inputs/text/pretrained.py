"""The encoder of texts for pretrained networks: their own tokenizer makes the ids."""

import copy
from collections import Counter

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from ..._validation import FRACTION, POSITIVE_INT
from ...errors import ExportError
from ...spec import FIRST_ID, ArraySpec, digest
from .._cells import PATHS
from .._ids import pad_ids
from .._measures import as_labels, lengths_of
from .._odd import ON_ODD
from .._steps import choose_length
from ..base import Piece, check_merge
from .branch import TextBranch
from .cells import read_texts
from .reading import TextEncoder
from .scripts import script_of
from .subwords import open_tokenizer, read_tokenizer

# The longest texts that most pretrained networks of texts read; a longer row is learned only if the user says so.
MOST_TOKENS = 512


class PretrainedTokenizer(TextEncoder):
    """Turn text into the ids of a pretrained network's own tokenizer.

    Use it before a `BackboneBranch`, whose network knows these ids and no others. `TextBranch` reads them, too: as
    words that it learns itself, or with `embeddings` by id. Nothing but the length is learned from the rows.

    Parameters
    ----------
    tokenizer : str or PathLike
        A file ``tokenizer.json`` of Hugging Face's library tokenizers, or a folder with one
        (``pip install "skmulti[tokenizers]"``). Or a folder that ``save_to_preset`` of KerasHub has written,
        or the name of one of its presets, which it downloads once (``pip install "skmulti[hub]"``).
    length : int, float or None
        Ids of each row, with those that mark begin and end of a text; longer rows are cut before the
        end. An int is that number. None is the length of the longest training row. A float in (0, 1) is
        that quantile of the training rows' lengths. What is learned is at most 512, the most that BERT and
        its kin read.
    special_tokens : bool
        Whether ids that mark begin and end of a text are added, as networks expect them. For `TextBranch`
        leave them out: they are the same in every text.
    on_odd : {"raise", "missing"}
        Whether a cell that is no string is an error, as in `TextVectorizer`.

    Attributes
    ----------
    files_ : dict of str to bytes
        The tokenizer's files, so that the fitted encoder needs those on disk no more.
    vocabulary_size_ : int
        Number of ids.
    padding_id_ : int
        The tokenizer's id of padding.
    length_ : int
        Ids of each row.
    holds_bytes_ : bool
        Whether most training cells were bytes that hold text; False if `on_odd` is "raise".
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, if all are strings.

    Raises
    ------
    ImportError
        At `fit`, if the library is not installed.
    ValueError
        At `fit`, if there is no such tokenizer.

    See Also
    --------
    BackboneBranch : Reads the ids by a pretrained network.
    TextVectorizer : Learns the words from the training rows.
    IdsPadder : For ids that exist already.

    Notes
    -----
    Several columns are joined with a space; missing cells are left out. Ids are those of the tokenizer, except that
    its id of padding trades places with 0, which is padding in every array of ids; `BackboneBranch` gives them
    back to its network as they were, with a mask and, if it takes them, token types, which are all 0.

    References
    ----------
    https://huggingface.co/docs/tokenizers and https://keras.io/keras_hub

    Examples
    --------
    >>> import pandas as pd, tempfile, tokenizers
    >>> from skmulti import PretrainedTokenizer
    >>> words = {"[PAD]": 0, "[UNK]": 1, "good": 2, "food": 3, "##s": 4}
    >>> tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(words, unk_token="[UNK]"))
    >>> tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    >>> review = pd.Series(["good foods", "food", None], name="review")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tokenizer.save(f"{folder}/tokenizer.json")
    ...     encoder = PretrainedTokenizer(folder).fit(review)
    >>> encoder.transform(review)
    array([[2, 3, 4],
           [3, 0, 0],
           [0, 0, 0]], dtype=int32)
    """

    default_branch = TextBranch
    _parameter_constraints = {
        "tokenizer": list(PATHS),
        "length": [POSITIVE_INT, FRACTION, None],
        "special_tokens": ["boolean"],
        "on_odd": ON_ODD,
    }

    def __init__(self, tokenizer, *, length=0.95, special_tokens=True, on_odd="raise"):
        self.tokenizer = tokenizer
        self.length = length
        self.special_tokens = special_tokens
        self.on_odd = on_odd

    def fit(self, columns, y=None):
        """Read the tokenizer and learn the length.

        Parameters
        ----------
        columns : Series, DataFrame or array-like of shape (n_rows, n_columns)
            Text; None or NaN where missing.
        y : None
            Ignored.

        Returns
        -------
        PretrainedTokenizer
            The fitted encoder.

        Raises
        ------
        InputMismatchError
            If a cell is no text.
        """
        self._lengths = Counter()
        return self.partial_fit(columns)

    def partial_fit(self, columns, y=None):
        """Learn the length from the next rows of a table that is read in parts.

        Parameters
        ----------
        columns : Series, DataFrame or array-like of shape (n_rows, n_columns)
            The next texts.
        y : None
            Ignored.

        Returns
        -------
        PretrainedTokenizer
            The encoder, fitted on all rows so far exactly as by `fit`.
        """
        self._validate_params()
        lengths = getattr(self, "_lengths", Counter())
        texts = self._read_texts(columns, reset=not lengths)
        if not lengths:
            self.files_ = read_tokenizer(self.tokenizer)
            self.vocabulary_size_, self.padding_id_ = self._subwords.size, self._subwords.padding_id
        lengths.update(map(len, self._rows(texts)))
        self._keep(lengths)
        return self

    def merge(self, other):
        """Join the counts of lengths of two sets of parts; see `InputEncoder.merge`."""
        check_merge(self, other, "_lengths", decided=["holds_bytes_", "files_"])
        merged = copy.copy(self)
        merged._keep(self._lengths + other._lengths)
        return merged

    def _keep(self, lengths):
        """Set what is learned from the counts of lengths."""
        self._lengths = lengths
        learned = choose_length(self.length, lengths)
        self.length_ = learned if learned == self.length else min(learned, MOST_TOKENS)

    def transform(self, columns):
        """Look up the ids.

        Parameters
        ----------
        columns : Series, DataFrame or array-like of shape (n_rows, n_columns)
            As in `fit`.

        Returns
        -------
        ndarray of shape ``(n_rows, length_)``, int32
            The tokenizer's ids, 0 = padding. A row without text is all 0.

        Raises
        ------
        InputMismatchError
            If a cell is no text.
        """
        check_is_fitted(self)
        rows = self._rows(self._read_texts(columns, reset=False), self.length_)
        return pad_ids(rows, self.length_, padding_id=self.padding_id_, size=self.vocabulary_size_)

    def measure(self, columns, encode=None, *, training=False):
        """Measure length and script of a text, and which share of its tokens is unknown; see `InputEncoder.measure`."""
        return [self._measure_texts(column) for _, column in self._read_frame(columns).items()]

    def _measure_texts(self, column):
        """Measure the texts of one column."""
        texts = read_texts(column, self if self.on_odd == "missing" else None)
        texts = [None if gone else text for text, gone in zip(texts, pd.isna(texts), strict=True)]
        rows = self._rows([text or "" for text in texts])
        unknown = [np.equal(ids, self._subwords.unknown_id).mean() if len(ids) else np.nan for ids in rows]
        return {
            "unseen": np.array(unknown, dtype="float64"),
            "truncated": np.array([len(ids) > self.length_ for ids in rows], dtype=bool),
            "length": lengths_of(texts),
            "script": as_labels([None if text is None else script_of(text) for text in texts]),
        }

    def graph(self):
        """Refuse: the tokenizer is a library of its own; see `InputEncoder.graph`."""
        raise ExportError("a pretrained tokenizer is no part of TensorFlow. Export with inputs='arrays'")

    def pieces(self, columns, array):
        """Return the tokens of each row, where they stand in their cell; see `InputEncoder.pieces`."""
        found = self._subwords.spans(self._read_texts(columns, reset=False), self.length_)
        if found is None:
            tokens = self._subwords.tokens
            ids = np.where(array == self.padding_id_, 0, np.where(array == 0, self.padding_id_, array))
            found = [
                [(tokens[i], place, None) for place, i in enumerate(row) if i != self.padding_id_]
                for row in ids.tolist()
            ]
        if self.n_features_in_ > 1:
            return [[Piece(token, (place,), -1) for token, place, _ in row] for row in found]
        return [[Piece(token, (place,), 0, span) for token, place, span in row] for row in found]

    def words(self):
        """Return the tokens; see `InputEncoder.words`."""
        check_is_fitted(self)
        tokens = list(self._subwords.tokens)
        tokens[0], tokens[self.padding_id_] = tokens[self.padding_id_], tokens[0]
        return tuple(tokens[FIRST_ID:])

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        check_is_fitted(self)
        return ArraySpec(
            name,
            "text",
            (self.length_,),
            "int32",
            vocabulary_sizes=(self.vocabulary_size_,),
            vocabulary=digest(self._subwords.tokens),
            padding_id=self.padding_id_,
        )

    def _rows(self, texts, length=None):
        """Return the ids of texts; a text of nothing has none."""
        full = [text for text in texts if text]
        rows = iter(self._subwords.ids(full, length) if full else [])
        return [next(rows) if text else [] for text in texts]

    @property
    def _subwords(self):
        """The tokenizer, made of its files."""
        return open_tokenizer(self.files_, self.special_tokens)
