"""The encoder of texts: a column of strings becomes ids of words, in rows of one length."""

import copy
from collections import Counter
from functools import cached_property

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from ..._validation import FRACTION, POSITIVE_INT, Integral, Interval, StrOptions
from ...errors import ExportError, shorten
from ...spec import FIRST_ID, UNKNOWN_ID, ArraySpec, digest
from .._hints import are_of
from .._measures import as_labels, lengths_of
from .._odd import ON_ODD
from .._steps import choose_length
from ..base import Piece, check_merge, join_counts
from .branch import TextBranch
from .cells import read_texts
from .columns import describe_texts, share_words
from .graph import TextGraph
from .keras_words import KerasTrainingWords, KerasWordIds
from .pieces import pieces_of_texts
from .reading import TextEncoder
from .scripts import script_of
from .tokens import SPLITTING, Tokenizer, cell_texts
from .words import TrainingWords, WordIds


class TextVectorizer(TextEncoder):
    """Turn text into ids of words, all rows padded or cut to one length.

    The ids are those of Keras' ``TextVectorization`` with the same parameters. The vocabulary is learned from the
    training rows, the most frequent word first. A missing text counts as a text without words.

    Parameters
    ----------
    max_tokens : int or None
        Size of the largest vocabulary to learn, including padding and the unknown word; None =
        no limit. 20,000 covers all but the rare words of a language.
    length : int, float or None
        How many words of each text are kept. An int is that number. None is the length of the
        longest training text. A float in (0, 1) is that quantile of the training texts' lengths,
        so that a single very long text does not make every row long (texts without words are
        left out).
    standardize : str, callable or None
        "lower_and_strip_punctuation", "lower", "strip_punctuation", a callable or None, as in
        ``TextVectorization``. Or "lower_and_split_punctuation" and "split_punctuation": they put
        spaces around each punctuation mark of ASCII, so that it is a word ("great fit!" has
        three), and delete apostrophes ("don't" is one word). "auto" is
        "lower_and_split_punctuation" for texts of any script: it also lowers letters and splits
        marks and symbols beyond ASCII, and brings spellings of one word together (see Notes).
    split : {"whitespace", "character", "auto"}, callable or None
        As in ``TextVectorization``; None takes the whole text as one word. "auto" splits at
        whitespace, and makes words of single characters where a script has no blanks between
        words (Chinese, Japanese, Thai, ...), and of emoji. With ``ngrams=2``, pairs of characters
        are words, too.
    ngrams : int, tuple of int or None
        As in ``TextVectorization``: 2 counts pairs of neighbouring words ("not good") as words,
        too. A text's pairs come after its words.
    vocabulary : list of str or None
        The words of the ids 2, 3, ..., if they are not to be learned; `max_tokens` is then
        ignored. They must look as `standardize` and `split` leave words: by default lower case,
        without punctuation.
    on_odd : {"raise", "missing"}
        Whether a cell that is no string is an error. "missing" writes numbers, dates and paths
        as texts (2012 as "2012"), and so bytes if most training cells were bytes in UTF-8. Other
        cells, such as lists, count as missing, with an `OddCellsWarning`.

    Attributes
    ----------
    vocabulary_ : list of str
        The word of each id: ``""`` (padding) and ``"[UNK]"`` (unknown) come first.
    length_ : int
        Words per row.
    holds_bytes_ : bool
        Whether most training cells were bytes that hold text; False if `on_odd` is "raise".
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, if all are strings.

    See Also
    --------
    TextBranch : Reads the ids.

    Notes
    -----
    Keras lowers only ASCII letters and splits only at ASCII whitespace; so does this class.
    Several columns are joined with a space; missing cells are left out. Keras' layer itself is
    slower, and runs only if `standardize` or `split` is a callable. Of what was learned, a pickle
    holds `vocabulary_` and `length_`; the lookup table is made anew.

    With "auto", texts in ASCII have the ids of "lower_and_split_punctuation" and "whitespace".
    For other texts, ``standardize="auto"`` takes Unicode's form NFKC (letters of full width become
    plain ones, a letter and its accent one character) and folds the case. Apostrophes, marks of
    direction, and the vowel signs of Arabic and Hebrew are deleted, since writers leave them out.
    The general categories P and S say what marks and symbols are. ``split="auto"`` goes by blocks:
    letters of Han, kana, Bopomofo, Yi, Thai, Lao, Burmese, Khmer and others (categories Lo, Lm,
    Nl), each with the accents written onto it. An emoji with its skin colour, a flag, or emoji that
    are joined to one are one word. Both are applied before a callable of the other parameter.

    References
    ----------
    https://keras.io/api/layers/preprocessing_layers/text/text_vectorization/

    The Unicode Standard, Annex 15, "Unicode Normalization Forms", and Annex 44, "Unicode Character
    Database".

    Examples
    --------
    >>> import pandas as pd
    >>> from skmulti import TextVectorizer
    >>> review = pd.Series(["Good, good food!", "bad", None], name="review")
    >>> vectorizer = TextVectorizer(length=3).fit(review)
    >>> vectorizer.vocabulary_
    ['', '[UNK]', 'good', 'food', 'bad']
    >>> vectorizer.transform(review)
    array([[2, 2, 3],
           [4, 0, 0],
           [0, 0, 0]], dtype=int32)

    Scripts without blanks are read by characters, if the encoder is told to:

    >>> review = pd.Series(["好吃", "不好吃"])
    >>> TextVectorizer(standardize="auto", split="auto", ngrams=2).fit(review).vocabulary_
    ['', '[UNK]', '好 吃', '好', '吃', '不 好', '不']

    Cells that are not text are refused, and the message names the first of them:

    >>> vectorizer.transform(pd.Series(["good", 5], name="review"))
    Traceback (most recent call last):
      ...
    skmulti.errors.InputMismatchError: column 'review': 1 of 2 cells are not text, first at row label 1: \
5 (type int). Make texts of them: column.astype('string'), which keeps missing cells missing. \
TextVectorizer(on_odd="missing") writes numbers and dates as text and counts other cells as missing.
    """

    default_branch = TextBranch
    _parameter_constraints = {
        # Two of the tokens are padding and the unknown word, so 3 is the least that leaves room for a word.
        "max_tokens": [Interval(Integral, 3, None, closed="left"), None],
        "length": [POSITIVE_INT, FRACTION, None],
        "standardize": [
            StrOptions({"lower_and_strip_punctuation", "lower", "strip_punctuation", "auto", *SPLITTING}),
            callable,
            None,
        ],
        "split": [StrOptions({"whitespace", "character", "auto"}), callable, None],
        "ngrams": [POSITIVE_INT, tuple, None],
        "vocabulary": [list, tuple, np.ndarray, None],
        "on_odd": ON_ODD,
    }

    def __init__(
        self,
        *,
        max_tokens=20_000,
        length=0.95,
        standardize="lower_and_strip_punctuation",
        split="whitespace",
        ngrams=None,
        vocabulary=None,
        on_odd="raise",
    ):
        self.max_tokens = max_tokens
        self.length = length
        self.standardize = standardize
        self.split = split
        self.ngrams = ngrams
        self.vocabulary = vocabulary
        self.on_odd = on_odd

    @classmethod
    def make_inferred(cls):
        """Read any script; count punctuation marks and pairs, too; see `InputEncoder.make_inferred`."""
        return cls(standardize="auto", split="auto", ngrams=2, on_odd="missing")

    @classmethod
    def suits(cls, column):
        """Take texts of several words in any script, and codes in pieces; see `InputEncoder.suits`.

        The cells have four words on average, or more than 40 different cells have several
        words. ``"New York"`` among ten cities is a category, and so are a few sentences that
        occur ten times each, like the answers of a questionnaire. A word has a letter in it, or is
        an emoji, so dates and lists of numbers are no words. In scripts without blanks, three
        characters count as a word.

        Codes, addresses and paths (``"A12-334-X"``, ``"https://shop.example.com/a"``) have no
        blanks. They are texts if most of them differ and a third of their pieces occur in several
        rows, but not in all. Ids have no such pieces.
        """
        return describe_texts(column)

    @classmethod
    def alike(cls, column, other):
        """Share one encoder between columns of which each knows most words of the other; see `InputEncoder.alike`.

        A title and a review do so. An airline's name occurs in reports, but the reports' words
        do not occur among the names.
        """
        return share_words(column, other)

    @property
    def in_pieces(self):
        """Whether no function of a user reads the texts, which threads might disturb; see `InputEncoder`."""
        return not callable(self.standardize) and not callable(self.split)

    def fit(self, columns, y=None):
        """Learn the vocabulary and the length.

        Parameters
        ----------
        columns : Series, DataFrame or array-like of shape (n_rows, n_columns)
            Text; None or NaN where missing.
        y : None
            Ignored.

        Returns
        -------
        TextVectorizer
            The fitted encoder.

        Raises
        ------
        InputMismatchError
            If a cell is no text.
        ValueError
            If `vocabulary` holds a word twice, or the ids' own words ``""`` and ``"[UNK]"``.
        """
        self._learn(columns, kept=0)
        return self

    def partial_fit(self, columns, y=None):
        """Learn the vocabulary and the length from the next rows of a table that is read in parts.

        Parameters
        ----------
        columns : Series, DataFrame or array-like of shape (n_rows, n_columns)
            The next texts.
        y : None
            Ignored.

        Returns
        -------
        TextVectorizer
            The encoder, fitted on all rows so far exactly as by `fit`.
        """
        self._validate_params()
        state = getattr(self, "_partial", None)
        # A call of `fit` in between has replaced the vocabulary, and the counts start again.
        state = state if state is not None and state[2] is self.vocabulary_ else None
        training = self._read_words(self._texts(columns, reset=state is None), kept=0)
        seen, lengths, _ = state or (Counter(), Counter(), None)
        seen.update(training.totals())
        lengths.update(training.counts.tolist())
        self._keep(seen, lengths)
        return self

    def merge(self, other):
        """Join the counts of all words of two sets of parts; see `InputEncoder.merge`."""
        check_merge(self, other, decided=["holds_bytes_"])
        merged = copy.copy(self)
        merged._keep(*map(join_counts, self._partial[:2], other._partial[:2]))
        return merged

    def _keep(self, seen, lengths):
        """Set what is learned from the counts of words and of lengths, and keep these for further parts."""
        if self.vocabulary is None:
            limit = len(seen) if self.max_tokens is None else self.max_tokens - FIRST_ID
            words = _most_frequent(seen, limit)
            self._n_repeated = min(limit, sum(count > 1 for count in seen.values()))
        else:
            words = _check_vocabulary(self.vocabulary)
            self._n_repeated = len(words)
        self.vocabulary_ = ["", "[UNK]", *words]
        self._partial = seen, lengths, self.vocabulary_
        self.length_ = choose_length(self.length, lengths)
        vars(self).pop("_word_ids", None)

    def fit_encode_and_flag(self, columns, y=None):
        """Learn from training rows and encode them in one pass; see `InputEncoder.fit_encode_and_flag`."""
        # Any other length is known only after all rows were read, so all of their words are kept until then.
        training = self._learn(columns, kept=self.length if isinstance(self.length, Integral) else None)
        return training.ids(self.vocabulary_[FIRST_ID:], self.length_), self.missing(columns)

    def transform(self, columns):
        """Look up the ids.

        Parameters
        ----------
        columns : Series, DataFrame or array-like of shape (n_rows, n_columns)
            As in `fit`.

        Returns
        -------
        ndarray of shape ``(n_rows, length_)``, int32
            Ids of the words: 0 = padding, 1 = unknown, 2 and up = ``vocabulary_[id]``.

        Raises
        ------
        InputMismatchError
            If a cell is no text.
        """
        check_is_fitted(self)
        return self._word_ids.ids(self._texts(columns, reset=False), self.length_)

    def measure(self, columns, encode=None, *, training=False):
        """Measure length and script of a text, and which share of its words is new; see `InputEncoder.measure`."""
        frame = self._read_frame(columns)
        return [self._measure_texts(column, training) for _, column in frame.items()]

    def _measure_texts(self, column, training):
        """Measure the texts of one column."""
        texts = read_texts(column, self if self.on_odd == "missing" else None)
        texts = [None if gone else text for text, gone in zip(texts, pd.isna(texts), strict=True)]
        # With room for one more word than rows have, which is there if the text is cut.
        ids = self._word_ids.ids([text or "" for text in texts], self.length_ + 1)
        truncated, ids = ids[:, -1] > 0, ids[:, :-1]
        new = ids == UNKNOWN_ID
        if training:
            # The most frequent words come first: from this id on, each occurs once.
            new |= ids >= FIRST_ID + self._n_repeated
        counts = np.count_nonzero(ids, axis=1)
        return {
            "unseen": np.where(counts, new.sum(axis=1) / np.maximum(counts, 1), np.nan),
            "truncated": truncated,
            "length": lengths_of(texts),
            "script": as_labels([None if text is None else script_of(text) for text in texts]),
        }

    def transform_cells(self, cells, empty):
        """Look up the ids of a few rows; see `InputEncoder.transform_cells`."""
        if not are_of({str}, cells[~empty]):
            # `transform` takes the subclasses of str, and refuses the rest by name.
            return None
        texts = [" ".join(row[~gone]) for row, gone in zip(cells, empty, strict=True)]
        return self._word_ids.ids(texts, self.length_)

    def graph(self):
        """Look up the ids in a graph; see `InputEncoder.graph`."""
        check_is_fitted(self)
        if _needs_keras(self):
            raise ExportError(
                "`standardize` or `split` is a function, which may call anything. Use one of the named options"
            )
        return TextGraph(self.n_features_in_, self._options(), self.vocabulary_[FIRST_ID:], self.length_)

    def pieces(self, columns, array):
        """Return the words of each row, where they stand in their cell; see `InputEncoder.pieces`."""
        if _needs_keras(self):
            # What the user's function makes of a text is known by its ids only.
            column = 0 if self.n_features_in_ == 1 else -1
            return [
                [Piece(self.vocabulary_[i], (slot,), column) for slot, i in enumerate(row) if i]
                for row in array.tolist()
            ]
        frame = self._read_frame(columns)
        lenient = self if self.on_odd == "missing" else None
        return pieces_of_texts(cell_texts(frame, lenient), Tokenizer(**self._options()), self.length_)

    def words(self):
        """Return the words of the vocabulary; see `InputEncoder.words`."""
        check_is_fitted(self)
        return tuple(self.vocabulary_[FIRST_ID:])

    def spec(self, name):
        """Describe the array; see `InputEncoder.spec`."""
        check_is_fitted(self)
        sizes = (len(self.vocabulary_),)
        return ArraySpec(
            name, "text", (self.length_,), "int32", vocabulary_sizes=sizes, vocabulary=digest(self.vocabulary_)
        )

    def _texts(self, columns, *, reset):
        """Return the texts of rows, as Arrow holds them if no function of the user's works on them."""
        return self._read_texts(columns, reset=reset, arrow=not _needs_keras(self))

    def _learn(self, columns, *, kept):
        """Learn the vocabulary and the length; return the training rows with up to `kept` words each (None: all)."""
        self._validate_params()
        texts = self._texts(columns, reset=True)
        training = self._read_words(texts, kept)
        words = _check_vocabulary(self.vocabulary) if self.vocabulary is not None else training.words(self.max_tokens)
        self.vocabulary_ = ["", "[UNK]", *words]
        # Words that the user lists are known without a row.
        self._n_repeated = min(len(words), training.n_repeated) if self.vocabulary is None else len(words)
        self.length_ = choose_length(self.length, training.counts)
        # The table of an earlier fit is still there.
        vars(self).pop("_word_ids", None)
        return training

    def _read_words(self, texts, kept):
        """Return the words of training rows, of which up to `kept` of each row have ids (None: all)."""
        if _needs_keras(self):
            return KerasTrainingWords(texts, self._options())
        return TrainingWords(texts, Tokenizer(**self._options()), kept)

    @cached_property
    def _word_ids(self):
        """The lookup of the fitted vocabulary, made at its first use; every fit drops it."""
        if _needs_keras(self):
            return KerasWordIds(self.vocabulary_[FIRST_ID:], self._options())
        return WordIds(self.vocabulary_[FIRST_ID:], Tokenizer(**self._options()))

    def _options(self):
        """Return the options that decide how a text is split into words."""
        return {"standardize": self.standardize, "split": self.split, "ngrams": _ngram_widths(self.ngrams)}

    def __getstate__(self):
        # The lookup is larger than the vocabulary from which it can be made, and may hold a Keras layer.
        return {key: value for key, value in super().__getstate__().items() if key != "_word_ids"}


def _most_frequent(seen, limit):
    """Return the most frequent words of a counter; among equals, the word whose bytes are greatest, as `fit` does."""
    counts = np.fromiter(seen.values(), dtype="int64", count=len(seen))
    # To spell words as bytes takes longer than to count them, and most are too rare.
    least = np.partition(counts, -limit)[-limit] if limit < len(counts) else 0
    spelled = [(count, word.encode("utf-8", "replace"), word) for word, count in seen.items() if count >= least]
    return [word for _, _, word in sorted(spelled, reverse=True)[:limit]]


def _needs_keras(vectorizer):
    """Return whether Keras' layer must run: a user's function works on its tensors of strings."""
    return callable(vectorizer.standardize) or callable(vectorizer.split)


def _check_vocabulary(vocabulary):
    """Return the user's vocabulary as strings, or refuse it."""
    words = list(vocabulary)
    # Words are looked up by their UTF-8 bytes; one without such bytes could never be found.
    wrong = [word for word in words if not isinstance(word, str) or word in ("", "[UNK]") or not _is_unicode(word)]
    if wrong:
        raise ValueError(
            "TextVectorizer: `vocabulary` must hold the learned words alone, as strings, found "
            f"{shorten(repr(wrong[0]))}. The ids 0 (padding) and 1 (unknown) are added; leave their words out."
        )
    repeated = pd.Series(words, dtype=object)
    repeated = repeated[repeated.duplicated()]
    if len(repeated):
        raise ValueError(
            f"TextVectorizer: `vocabulary` holds {shorten(repr(repeated.iloc[0]))} twice. Give each word once."
        )
    return [str(word) for word in words]


def _ngram_widths(ngrams):
    """Return the widths of the n-grams as a tuple, or refuse them."""
    if not isinstance(ngrams, tuple):
        return tuple(range(1, 1 + (ngrams or 1)))
    if not ngrams or not all(isinstance(width, Integral) and width > 0 for width in ngrams):
        raise ValueError(
            "TextVectorizer: a tuple in `ngrams` must hold widths, whole numbers from 1 on, found "
            f"{shorten(repr(ngrams))}. (1, 2) counts words and pairs of neighbouring words."
        )
    return tuple(map(int, ngrams))


def _is_unicode(word):
    """Return whether UTF-8 can hold a word, which it cannot if the word has lone surrogates."""
    return word.encode("utf-8", "replace").decode() == word
