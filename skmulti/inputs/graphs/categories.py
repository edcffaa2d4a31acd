"""Graphs of categories and tags: lookup tables in which equal values have one id, however they are written."""

import numpy as np
import tensorflow as tf

from ...spec import UNKNOWN_ID
from .._hints import is_bool_type, is_number_type
from .._values import forms_of, text_of
from .contract import MISSING, ColumnTensor, EncoderGraph, refuse_if
from .strings import Normalizer, strip

# Whole numbers up to this size are the same as float64.
_EXACT = 2**53
# A text that is a number, of no more digits than float64 has.
_NUMBER = r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?"
# Larger than every id.
_LAST = np.iinfo("int64").max


class CategoryGraph(EncoderGraph):
    """Ids of categories, as `CategoryIndexer` looks them up.

    A column of numbers or truth values is a tensor of numbers, any other one of strings.

    Parameters
    ----------
    vocabularies : list of Vocabulary
        The known values of each column.
    """

    def __init__(self, vocabularies):
        of_numbers = [bool(own.ids) and all(map(_is_exact_number, own.ids)) for own in vocabularies]
        number, text = ColumnTensor("float64", "a number; 0 or 1 for a truth value"), ColumnTensor("string", "a value")
        super().__init__([number if numeric else text for numeric in of_numbers])
        normalize = None if all(of_numbers) else Normalizer(self, "NFC")
        self._lookups = [
            _NumberLookup(self, own) if numeric else _TextLookup(self, own, normalize)
            for numeric, own in zip(of_numbers, vocabularies, strict=True)
        ]

    def encode(self, *columns):
        """Look up the ids: tensor of shape (n_rows, n_columns), int32; see `EncoderGraph.encode`."""
        ids = []
        for column, lookup, cells in zip(self.columns, self._lookups, columns, strict=True):
            ids.append(tf.where(column.is_missing(cells), tf.constant(0, tf.int64), lookup(cells)))
        return tf.cast(tf.stack(ids, axis=1), tf.int32)


class _NumberLookup:
    """Ids of numbers."""

    def __init__(self, graph, vocabulary):
        # A fraction is also found by what it is in float32, and by what it was before that.
        exact = list(filter(_is_exact_number, vocabulary.ids))
        narrow = [np.float32(value) for value in exact]
        numbers = [*map(float, exact), *map(float, narrow), *(float(str(value)) for value in narrow)]
        ids = {key_of(number): vocabulary.find(number) for number in numbers}
        self._table = graph.make_table(_known(ids), UNKNOWN_ID, "int64")

    def __call__(self, numbers):
        return self._table.lookup(float_keys(numbers))


class _TextLookup:
    """Ids of texts: as they stand, without blanks at the ends, and as the numbers or truth values that they write."""

    def __init__(self, graph, vocabulary, normalize):
        texts = {text: vocabulary.find(text) for value in vocabulary.ids for text in _texts_of(value)}
        self._texts = graph.make_table(_known(texts), UNKNOWN_ID)
        self._numbers = _NumberLookup(graph, vocabulary)
        # In a spelling that is no value by itself.
        truths = {"true": vocabulary.find("tRuE"), "false": vocabulary.find("fAlSe")}
        self._truths = graph.make_table(_known(truths), UNKNOWN_ID)
        self._normalize = normalize

    def __call__(self, texts):
        plain = self._normalize(strip(texts))
        is_number = tf.strings.regex_full_match(plain, _NUMBER)
        number = tf.strings.to_number(tf.where(is_number, plain, "nan"), tf.float64)
        forms = [
            self._texts.lookup(texts),
            self._texts.lookup(plain),
            self._truths.lookup(tf.strings.lower(plain)),
            *(self._texts.lookup(form) for form in _number_forms(plain)),
            self._numbers(number),
        ]
        found = forms[0]
        for ids in forms[1:]:
            found = tf.where(found == UNKNOWN_ID, ids, found)
        return found


def float_keys(numbers):
    """Return numbers as keys of a table: equal numbers have one key."""
    # To add 0 makes 0 of -0.
    return tf.bitcast(numbers + 0.0, tf.int64)


def key_of(number):
    """Return the key of one number, see `float_keys`."""
    return int(np.float64(number + 0.0).view("int64"))


def _is_exact_number(value):
    """Return whether a value is a number, or a truth value, that float64 has."""
    if is_bool_type(type(value)):
        return True
    return is_number_type(type(value)) and abs(value) <= _EXACT and float(value) == value


def _texts_of(value):
    """Return the texts that may stand for a value."""
    texts = [value] if isinstance(value, str) else [form for form in forms_of(value) if isinstance(form, str)]
    return [*texts, text_of(value)]


def _known(ids):
    """Return those of {key: id} that are known."""
    return {key: own for key, own in ids.items() if own != UNKNOWN_ID}


def _number_forms(texts):
    """Return the other ways to write texts that are whole numbers: 1 and 1.0 are one value, 007 and 7 are not."""
    whole = r"^(-?(?:0|[1-9][0-9]{0,40}))"
    with_fraction = tf.strings.regex_replace(texts, f"{whole}$", r"\1.0")
    return with_fraction, tf.strings.regex_replace(texts, rf"{whole}\.0+$", r"\1")


class TagsGraph(EncoderGraph):
    """Ids of tags, as `TagsIndexer` looks them up.

    Parameters
    ----------
    names : list
        Names of the columns.
    ids : dict of str to int
        The id of each tag, 1 for a rare one.
    separator : str or None
        What joins the tags of a cell; None: a cell is a list of tags.
    others : sequence of str
        What else may join known tags.
    length : int
        Ids of each row.
    """

    def __init__(self, names, ids, *, separator, others, length):
        if separator is None:
            column = ColumnTensor("string", "a list of tags", ragged=True, absent=(MISSING,))
        else:
            column = ColumnTensor("string", f"tags joined with {separator!r}")
        super().__init__([column] * len(names))
        self._ids = self.make_table(ids, -1)
        self._names, self._separator, self._others, self._length = names, separator, others, length

    def encode(self, *columns):
        """Look up the ids in rising order, padded with 0; see `EncoderGraph.encode`."""
        tags = [self._read(*pair) for pair in zip(self._names, columns, strict=True)]
        tags = tags[0] if len(tags) == 1 else tf.concat(tags, axis=1)
        tags = tf.ragged.boolean_mask(tags, tags != "")
        ids = tf.ragged.map_flat_values(lambda flat: tf.abs(self._ids.lookup(flat)), tags)
        # The id of a tag that is not known is the -1 of the table, and 1 without its sign. Each counts once.
        ids = tf.sort(ids.to_tensor(_LAST), axis=1)
        again = tf.concat([tf.zeros_like(ids[:, :1], tf.bool), ids[:, 1:] == ids[:, :-1]], axis=1)
        ids = tf.sort(tf.where(again, _LAST, ids), axis=1)[:, : self._length]
        ids = tf.pad(ids, [[0, 0], [0, self._length - tf.shape(ids)[1]]], constant_values=_LAST)
        ids = tf.where(ids == _LAST, tf.zeros_like(ids), ids)
        return tf.cast(tf.ensure_shape(ids, [None, self._length]), tf.int32)

    def _read(self, name, cells):
        """Return the tags of each cell as a ragged tensor; some are empty, and are none."""
        gone = self.columns[0].is_missing(cells)
        if self._separator is None:
            tags = cells.with_values(strip(cells.values))
            return _only(tags, ~gone)
        cells = tf.where(gone, "", cells)
        unknown = self._ids.lookup(strip(cells)) < 0
        listed = tf.strings.regex_full_match(strip(cells), r"(?s)\[.*\]|\{.*\}|\(.*\)")
        message = f"tags are joined with {self._separator!r}; lists that are written as text are not read"
        refuse_if(unknown & listed, name, message, cells)
        return self._split(cells, unknown)

    def _split(self, cells, unknown):
        """Return the tags of texts; a text that is no known tag may join known ones in another way than at fit."""
        tags = _split_at(cells, self._separator)
        is_open, parts = unknown & (tags.row_lengths() == 1), []
        for other in self._others:
            split = _split_at(cells, other)
            known = tf.reduce_all(tf.ragged.map_flat_values(self._ids.lookup, split) >= 0, axis=1)
            parts.append(_only(split, is_open & known))
            is_open &= ~known
        taken = [tf.reduce_any(part != "", axis=1) for part in parts]
        rest = ~tf.reduce_any(tf.stack(taken), axis=0) if taken else tf.ones_like(unknown)
        return tf.concat([*parts, _only(tags, rest)], axis=1)


def _split_at(cells, separator):
    """Return what stands between separators, without blanks, as a ragged tensor."""
    parts = tf.strings.split(cells, separator)
    return parts.with_values(strip(parts.values))


def _only(tags, rows):
    """Return tags, empty ones in the rows that are not marked."""
    return tags.with_values(tf.where(tf.gather(rows, tags.value_rowids()), tags.values, ""))
