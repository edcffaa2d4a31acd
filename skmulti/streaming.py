"""What an `InputRouter` gives beside arrays: rows that are encoded batch by batch, chunks, datasets."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .frames import n_rows, take_rows
from .lazy import Decoding, ahead, stays_lazy
from .routes import columns_of, warn_of_missing

# Bytes of the arrays of lazy inputs that are predicted at once.
CHUNK_BYTES = 32 * 2**20


class StreamingMixin:
    """The methods of `InputRouter` for rows that do not fit into memory when encoded."""

    def fit_encode(self, X, y=None, sample_weight=None, *, folder=None):
        """Learn the encoders from training rows, and encode those rows, lazy inputs when asked for.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            The training table.
        y : array-like of shape (n_rows,) or None
            The target, for encoders that use it.
        sample_weight : array-like of shape (n_rows,) or None
            Weights, for encoders whose ``fit`` takes them.
        folder : str or None
            Where decoded rows of lazy inputs are kept for later passes, fits and processes.

        Returns
        -------
        dict of str to ndarray or LazyArray
            As `transform` gives; of an input whose encoder is lazy an object with ``shape``,
            ``dtype``, ``len`` and ``array[rows]``, which encodes these rows.

        Notes
        -----
        Every row is read once here, so that a file which cannot be read is an error before
        training begins, and missing rows are known.
        """
        return self._fit_encode(X, y, sample_weight, Decoding(True, folder))

    def encode(self, X, *, folder=None):
        """Encode rows, those of lazy inputs when asked for.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            A table with the columns of fit.
        folder : str or None
            Where decoded rows of lazy inputs are kept.

        Returns
        -------
        dict of str to ndarray or LazyArray
            As `fit_encode` gives.
        """
        check_is_fitted(self, "specs_")
        return self._encode_table(self._as_fitted_table(X), Decoding(True, folder))

    def chunks(self, X, *, folder=None):
        """Encode rows in order, chunk by chunk where an input is lazy, else all at once.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            A table with the columns of fit.
        folder : str or None
            Where a fit kept decoded rows.

        Yields
        ------
        dict of str to ndarray
            As `transform` gives, the next chunk while the last one is used.
        """
        check_is_fitted(self, "specs_")
        table = self._as_fitted_table(X)
        count = n_rows(table)
        row_bytes = sum(
            int(np.prod(route.spec.shape)) * np.dtype(route.spec.dtype).itemsize
            for route in self._routes
            if stays_lazy(route.encoder, count, route.spec)
        )
        if not row_bytes or not count:
            yield self._encode_table(table)
            return
        self._warn_of_missing(table)
        step = max(CHUNK_BYTES // row_bytes, 1)

        def encoded(start):
            rows = take_rows(table, np.arange(start, min(start + step, count)))
            return self._encode_table(rows, Decoding(False, folder), warns=False)

        yield from ahead(encoded, range(0, count, step), workers=1)

    def _warn_of_missing(self, table):
        for route in self._routes:
            if not route.saw_missing:
                warn_of_missing(route, columns_of(route, table))
