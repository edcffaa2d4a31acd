"""Word vectors that exist already, in a dict, a file or arrays, brought to the ids of a vocabulary."""

import gzip
import os
from collections.abc import Mapping

import numpy as np

from ...errors import BranchMismatchError, place, shorten
from ...spec import FIRST_ID
from .._cells import PATHS


def vectors_of_ids(embeddings, spec):
    """Return the vector of each id, and which ids have one.

    Parameters
    ----------
    embeddings : dict, path, tuple of (words, vectors), or ndarray of shape (n_ids, width)
        As in `TextBranch`.
    spec : ArraySpec
        The array of ids, with the words behind them; an array of vectors needs no words.

    Returns
    -------
    vectors : ndarray of shape (n_ids, width), float32
        Zero for an id without a vector.
    known : ndarray of shape (n_ids,), bool
        True where an id has a vector; never for padding.

    Raises
    ------
    BranchMismatchError
        If the words are not known, none of them has a vector, or what was given holds no vectors of one width.
    """
    where = place(spec.name, spec.columns)
    n_ids = spec.vocabulary_sizes[0]
    if isinstance(embeddings, np.ndarray):
        return _by_id(embeddings, n_ids, spec.padding_id, where)
    if not spec.words:
        raise BranchMismatchError(
            f"{where}: `embeddings` are found by their words, and the input's encoder knows no words. Give "
            "TextVectorizer, or for ids that exist already an array with a row for each id: shape (n_ids, width)."
        )
    ids = {word: i for i, word in enumerate(spec.words, FIRST_ID)}
    found = _find(_pairs(embeddings, where), ids, where)
    if not found:
        raise BranchMismatchError(
            f"{where}: none of the {len(ids)} words has a vector in `embeddings`; the first is "
            f"{shorten(repr(spec.words[0]))}. Are they of another language, or of another `standardize`?"
        )
    vectors, known = np.zeros((n_ids, len(next(iter(found.values())))), dtype="float32"), np.zeros(n_ids, dtype=bool)
    places = list(found)
    vectors[places], known[places] = np.stack(list(found.values())), True
    return vectors, known


def _by_id(vectors, n_ids, padding_id, where):
    """Return the rows of an array, which are those of the tokenizer's ids."""
    # A tokenizer without padding has no row for the id that stands for it.
    n_rows = n_ids - (0 < padding_id == n_ids - 1)
    if vectors.ndim != 2 or vectors.dtype.kind not in "iuf" or len(vectors) < n_rows or not vectors.shape[1]:
        raise BranchMismatchError(
            f"{where}: an array of `embeddings` has a row of numbers for each of the {n_rows} ids, got shape "
            f"{vectors.shape} and dtype {vectors.dtype}. For vectors with words, give (words, array)."
        )
    _check_finite(vectors, where)
    found = np.zeros((n_ids, vectors.shape[1]), dtype="float32")
    found[: len(vectors)] = vectors[:n_ids]
    if padding_id:
        # The two ids have traded places.
        found[padding_id] = vectors[0]
    found[0] = 0
    return found, np.arange(n_ids) > 0


def _find(pairs, ids, where):
    """Return the vectors of words by their ids; words in other letters ("Paris") serve for those that are not there."""
    found, exact, width = {}, set(), None
    for word, vector in pairs:
        i = ids.get(word)
        as_written = i is not None
        if not as_written:
            i = ids.get(word.lower()) if isinstance(word, str) else None
        if i is None or i in exact or (i in found and not as_written):
            continue
        vector = _as_vector(word, vector, width, where)
        width = len(vector)
        found[i] = vector
        if as_written:
            exact.add(i)
    return found


def _as_vector(word, vector, width, where):
    """Return a vector as an array of floats, or refuse it by its word."""
    try:
        array = np.asarray(vector, dtype="float32")
    except (TypeError, ValueError) as error:
        raise BranchMismatchError(
            f"{where}: the vector of {shorten(repr(word), 40)} in `embeddings` holds no numbers: {shorten(vector)}."
        ) from error
    if array.ndim != 1 or not len(array) or (width is not None and len(array) != width):
        raise BranchMismatchError(
            f"{where}: the vector of {shorten(repr(word), 40)} in `embeddings` has the shape {array.shape}; expected "
            f"({width or 'width'},), since all vectors have one width."
        )
    _check_finite(array, where, f" of {shorten(repr(word), 40)}")
    return array


def _check_finite(vectors, where, whose=""):
    """Refuse vectors with NaN or infinity."""
    if not np.isfinite(vectors).all():
        raise BranchMismatchError(f"{where}: `embeddings` hold NaN or infinity{whose}. Leave such vectors out.")


def _pairs(embeddings, where):
    """Yield pairs (word, vector) of whatever holds them."""
    if isinstance(embeddings, Mapping):
        return embeddings.items()
    if isinstance(embeddings, PATHS):
        return _read(os.fspath(embeddings), where)
    words, vectors = embeddings if len(embeddings) == 2 else (None, None)
    if np.ndim(vectors) != 2 or np.ndim(words) != 1 or len(words) != len(vectors):
        shapes = " and ".join(str(np.shape(part)) for part in embeddings)
        raise BranchMismatchError(
            f"{where}: a tuple of `embeddings` is (words, vectors) of shapes (n_words,) and (n_words, width), got "
            f"{shapes or 'nothing'}."
        )
    return zip(words, vectors, strict=True)


def _read(path, where):
    """Yield the pairs of a text file of word2vec, GloVe or fastText, a word and its numbers in each line."""
    if not os.path.isfile(path):
        raise BranchMismatchError(f"{where}: `embeddings` names {shorten(repr(path))}, which is no file.")
    # Words may hold any bytes in files of the original word2vec.
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8", errors="replace", newline="\n") as lines:
        width = None
        for number, line in enumerate(lines, 1):
            parts = line.rstrip().split(" ")
            if number == 1 and len(parts) == 2 and all(part.isdigit() for part in parts):
                # The line with the numbers of words and of values, which word2vec and fastText write.
                width = int(parts[1])
                continue
            width = width or len(parts) - 1
            # A few words of GloVe contain blanks.
            word, values = " ".join(parts[:-width]), parts[-width:]
            if width < 1 or len(parts) <= width or not word:
                raise BranchMismatchError(
                    f"{where}: line {number} of {shorten(repr(path))} has {len(parts)} fields; a word and "
                    f"{max(width, 1)} numbers were expected, as in text files of word2vec, GloVe and fastText."
                )
            yield word, values
