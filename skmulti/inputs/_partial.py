"""What encoders learn from a table in parts: each part is learned by itself, and the statistics are put together."""

from collections import Counter

import numpy as np
import pandas as pd
from sklearn.base import clone

from .._validation import check_weights
from ..spec import FIRST_ID
from ._numbers import column_moments, number_columns
from ._steps import choose_length
from .base import as_frame, check_frame


class PartialMoments:
    """`partial_fit` of `NumberScaler`."""

    def partial_fit(self, columns, y=None, sample_weight=None):
        """Learn mean and standard deviation from the next rows of a table that is read in parts.

        Parameters
        ----------
        columns : DataFrame or array-like of shape (n_rows, n_columns), or Series
            The next rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,) or None
            Weight of each row.

        Returns
        -------
        NumberScaler
            The encoder, fitted on all rows so far as `fit` would, but for rounding.
        """
        self._validate_params()
        before = getattr(self, "_partial", None)
        # A `fit` in between has begun anew.
        before = before if before is not None and before.mean is self.mean_ else None
        frame = check_frame(self, columns, reset=before is None)
        weight = None if sample_weight is None else check_weights(sample_weight, frame)
        moments = column_moments(frame, number_columns(frame), weight)
        self._partial = moments if before is None else before + moments
        self._take(self._partial)
        return self


class PartialChecks:
    """`partial_fit` of an encoder that learns nothing but the column's name."""

    def partial_fit(self, columns, y=None):
        """Check the next rows of a table that is read in parts.

        Parameters
        ----------
        columns : Series of shape (n_rows,)
            The next rows.
        y : None
            Ignored.

        Returns
        -------
        InputEncoder
            The encoder, fitted exactly as by `fit`.
        """
        return self.fit(columns, y)


class PartialCounts:
    """`partial_fit` of `CategoryIndexer`."""

    def partial_fit(self, columns, y=None):
        """Learn the values of each column from the next rows of a table that is read in parts.

        Parameters
        ----------
        columns : DataFrame or array-like of shape (n_rows, n_columns), or Series
            The next rows.
        y : None
            Ignored.

        Returns
        -------
        CategoryIndexer
            The encoder, fitted on all rows so far exactly as by `fit`.
        """
        state = getattr(self, "_partial", None)
        # A `fit` in between has put another list there, and begins anew.
        state = state if state is not None and state[2] is self.categories_ else None
        _check_part(self, columns, state)
        part = clone(self).set_params(categories="auto", min_frequency=None, max_categories=None).fit(columns)
        ids = part.transform(columns)
        if state is None:
            self.fit(columns)  # takes the values that the user listed
            state = [Counter() for _ in part.categories_], 0, None
        seen, n_rows = state[0], state[1] + len(ids)
        self.categories_, self.infrequent_categories_ = [], []
        for i, values in enumerate(part.categories_):
            counts = np.bincount(ids[:, i], minlength=FIRST_ID + len(values))[FIRST_ID:]
            seen[i].update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
            values = self._known_values(i, seen[i])
            keep = self._frequent(np.array([seen[i][value] for value in values.tolist()], int), n_rows)
            self.categories_.append(values[keep])
            self.infrequent_categories_.append(values[~keep])
        self._ids = [{value: FIRST_ID + i for i, value in enumerate(values.tolist())} for values in self.categories_]
        self._partial = seen, n_rows, self.categories_
        _keep_names(self, part)
        return self

    def _known_values(self, position, seen):
        """Return a column's values in the order of their ids: sorted, or as the user listed them."""
        given = self.categories if isinstance(self.categories, str) else [self.categories[position]]
        values = pd.Series(list(seen), dtype=object, name=position)
        if not len(values) and isinstance(given, str):
            return np.array([], dtype=object)
        sorter = clone(self).set_params(categories=given, min_frequency=None, max_categories=None)
        return sorter.fit(values if len(values) else pd.Series([None], dtype=object)).categories_[0]


class PartialWords:
    """`partial_fit` of `TextVectorizer`."""

    def partial_fit(self, columns, y=None):
        """Learn vocabulary and length from the next rows of a table that is read in parts.

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
        state = getattr(self, "_partial", None)
        # A `fit` in between has put another list there, and begins anew.
        state = state if state is not None and state[2] is self.vocabulary_ else None
        _check_part(self, columns, state)
        part = clone(self).set_params(max_tokens=None, length=None, vocabulary=None).fit(columns)
        ids = part.transform(columns)
        if state is None:
            self.fit(columns)
            state = Counter(), Counter(), None
        seen, lengths, _ = state
        counts = np.bincount(ids.ravel(), minlength=len(part.vocabulary_))
        seen.update(dict(zip(part.vocabulary_[FIRST_ID:], counts[FIRST_ID:].tolist(), strict=True)))
        lengths.update(np.count_nonzero(ids, axis=1).tolist())
        if self.vocabulary is None:
            # As `fit`: the most frequent first, of equally frequent ones that of the greatest bytes.
            spelled = [(count, word.encode("utf-8", "replace"), word) for word, count in seen.items()]
            words = [word for _, _, word in sorted(spelled, reverse=True)]
            limit = len(words) if self.max_tokens is None else self.max_tokens - FIRST_ID
            self.vocabulary_ = ["", "[UNK]", *words[:limit]]
        self._partial = seen, lengths, self.vocabulary_
        self.length_ = choose_length(self.length, np.array(list(lengths.elements())))
        vars(self).pop("_word_ids", None)
        _keep_names(self, part)
        return self


def _check_part(encoder, columns, state):
    """Check parameters, and that further columns are those of the parts before."""
    encoder._validate_params()
    if state is not None and hasattr(columns, "shape"):
        check_frame(encoder, as_frame(columns), reset=False)


def _keep_names(encoder, part):
    """Return an encoder the columns of the part that it has learned from last."""
    encoder.n_features_in_ = part.n_features_in_
    if hasattr(part, "feature_names_in_"):
        encoder.feature_names_in_ = part.feature_names_in_


def cannot_learn_in_parts(encoder):
    """Say that an encoder needs all rows at once."""
    return (
        f"{type(encoder).__name__} learns from all rows at once (it has no partial_fit), so that it cannot be fitted "
        "on a table that is read in parts. Use one of skmulti's (e.g. CategoryIndexer with OneHotBranch) or one of "
        "scikit-learn's with partial_fit, such as StandardScaler; or fit on a DataFrame."
    )
