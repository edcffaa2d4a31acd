"""What an `InputRouter` gives beside arrays: rows that are encoded batch by batch, chunks, datasets."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.utils.validation import check_is_fitted

from .._workers import WORKERS, map_ahead
from ..errors import InputMismatchError
from ..inputs import FEW_ROWS, missing_rows
from .frames import n_rows, row_labels, take_rows
from .lazy import AT_ONCE, Decoding, split_lazy, stays_lazy
from .routes import (
    at_once,
    check_encoded,
    check_entries,
    columns_of,
    encode,
    fit_encode_group,
    has_gaps,
    learn_part,
    learned,
    locate_errors,
    missing_in,
    places_by_label,
    positions_of,
    root_name,
    warn_of_missing,
)

# Rows of an input that are encoded at once where only the missing ones are asked for.
PIECE_ROWS = 256

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

    def _fit_encode(self, X, y, sample_weight, decoding=AT_ONCE):
        """Fit and encode; with `decoding` arrays of lazy inputs may be `LazyArray`."""
        table, results = self._fit(partial(fit_encode_group, decoding=decoding), X, y, sample_weight)
        return self._collect(table, zip(self._routes, results, strict=True))

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
        return self._encode_table(*self._as_fitted_table(X), Decoding(True, folder))

    def encode_sample(self, X):
        """Encode rows for a branch's first values: of all inputs that can be lazy when asked for.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            A table with the columns of fit.

        Returns
        -------
        dict of str to ndarray or LazyArray
            As `fit_encode` gives; rows that hold nothing are not marked.
        """
        return self._encode_table(*self._as_fitted_table(X), Decoding(True, as_sample=True), warns=False)

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
        table, places = self._as_fitted_table(X)
        count = n_rows(table)
        row_bytes = sum(route.spec.row_bytes for route in self._routes if stays_lazy(route.encoder, count, route.spec))
        if not row_bytes or not count:
            yield self._encode_table(table, places)
            return
        self._warn_of_missing((route, columns_of(route, table, places)) for route in self._routes)
        step = max(CHUNK_BYTES // row_bytes, 1)

        def encoded(start):
            rows = take_rows(table, np.arange(start, min(start + step, count)))
            return self._encode_table(rows, places, Decoding(False, folder), warns=False)

        yield from map_ahead(encoded, range(0, count, step), workers=1)

    def to_dataset(self, X, y=None, *, batch_size=32, shuffle=False, seed=None):
        """Return encoded rows as a ``tf.data.Dataset``, to train a Keras model by hand.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            A table with the columns of fit.
        y : array-like of shape (n_rows, ...) or None
            Their targets, given as they are.
        batch_size : int
            Rows of a batch; the last one may be shorter.
        shuffle : bool
            Whether each epoch has an order of its own.
        seed : int or None
            Decides the orders; None draws anew.

        Returns
        -------
        tf.data.Dataset
            Of dicts of tensors by input name, or of (dict, y).

        Examples
        --------
        >>> import pandas as pd
        >>> from skmulti import InputRouter, NumberScaler
        >>> frame = pd.DataFrame({"age": [20, 40, 60]})
        >>> router = InputRouter([("money", NumberScaler(), ["age"])]).fit(frame)
        >>> [(len(x["money"]), y.numpy().tolist()) for x, y in router.to_dataset(frame, [0, 1, 1], batch_size=2)]
        [(2, [0, 1]), (1, [1])]
        """
        arrays, fetch = split_lazy(self.encode(X))
        known = tf.nest.map_structure(tf.convert_to_tensor, arrays if y is None else (arrays, np.asarray(y)))
        count = n_rows(self._as_fitted_table(X)[0])
        if y is not None and len(y) != count:
            raise InputMismatchError(f"X has {count} rows, y has {len(y)}. Give one target for each row.")
        rows = tf.data.Dataset.range(count)
        rows = rows.shuffle(count, seed=seed, reshuffle_each_iteration=True) if shuffle else rows

        def gather_batch(positions):
            batch = tf.nest.map_structure(lambda tensor: tf.gather(tensor, positions), known)
            inputs = {**(batch if y is None else batch[0]), **fetch(positions)}
            return inputs if y is None else (inputs, batch[1])

        return rows.batch(batch_size).map(gather_batch, WORKERS if fetch.arrays else None).prefetch(2)

    def fit_chunks(self, chunks, sample):
        """Learn the encoders from a table that is read in parts.

        Parameters
        ----------
        chunks : callable
            Gives an iterator of (frame, y, sample_weight): the training rows, part by part; y
            and sample_weight may be None. Called once, and again if images or sequences
            must be read to know which are missing.
        sample : DataFrame
            Some of the rows, from which columns are routed.

        Returns
        -------
        InputRouter
            The fitted router.

        Raises
        ------
        InputMismatchError
            If an encoder has no ``partial_fit`` and learns something, or cells do not fit.
        """
        self._validate_params()
        if self.inputs is not None:
            check_entries(self.inputs, self.get_params(deep=False))
        routes = self._planned_routes(sample)
        sharing = {}
        for route in routes:
            sharing.setdefault(root_name(route, routes), []).append(route)
        owners = {route.name: group[0] for group in sharing.values() for route in group}
        gaps, missing = dict.fromkeys(owners, False), dict.fromkeys(owners, False)
        for frame, y, weight in chunks():
            places = self._places(frame, routes)
            columns = {route.name: columns_of(route, frame, places) for route in routes}
            for group in sharing.values():
                learn_part(group, [columns[route.name] for route in group], y, weight)
            for name, own in columns.items():
                gaps[name] |= has_gaps(own)
                missing[name] |= bool(missing_rows(own).any())

        def known():
            # Under the names of the input that owns the encoder, which it was fitted on.
            return [
                learned(
                    replace(route, encoder=owners[route.name].encoder),
                    columns[owners[route.name].name],
                    missing[route.name],
                    gaps[route.name],
                )
                for route in routes
            ]

        for owner in owners.values():
            owner.encoder.end_parts()
        self._routes = known()
        self._find_missing(chunks, missing)
        self._routes = known()
        self._remember_routes()
        return self

    def _find_missing(self, chunks, missing):
        """Read rows of encoders that only then know which hold nothing, and set `missing` by input name."""
        unsure = [route for route in self._routes if route.encoder.reads_missing]
        for frame, _, _ in chunks() if unsure else ():
            places = self._places(frame, self._routes)
            for route in unsure:
                for start in range(0, len(frame), PIECE_ROWS):
                    columns = columns_of(route, frame[start : start + PIECE_ROWS], places)
                    missing[route.name] |= bool(missing_in(route, columns).any())

    def _places(self, frame, routes):
        """Return where the columns of inputs stand in a frame, or None where they stand as at fit."""
        return None if list(frame.columns) == self._labels else places_by_label(frame, routes)

    def _warn_of_missing(self, parts):
        for route, columns in parts:
            if not route.saw_missing:
                warn_of_missing(route, columns)

    def _encode_table(self, table, places=None, decoding=AT_ONCE, *, warns=True):
        """Encode a table; `places` are those of its columns, by position at fit, if they stand elsewhere."""
        few = self._encode_cells(table, places)
        rest = [(route, columns_of(route, table, places)) for route in self._routes if route.name not in few]
        encoded = at_once(encode, [(*part, decoding) for part in rest], self.n_jobs)
        results = few | {route.name: result for (route, _), result in zip(rest, encoded, strict=True)}
        arrays = self._collect(table, ((route, results[route.name]) for route in self._routes))
        if warns:
            self._warn_of_missing(rest)
        return arrays

    def _encode_cells(self, table, places):
        """Encode the inputs of a few rows whose encoders read Python objects: {input: (array, missing)}.

        Left out are inputs with missing cells of which a warning is due, too.
        """
        if not isinstance(table, pd.DataFrame) or not 0 < len(table) <= FEW_ROWS:
            return {}
        cells = table.to_numpy(dtype=object)
        empty, encoded = pd.isna(cells), {}
        for route in self._routes:
            positions = list(positions_of(route, places))
            own = empty[:, positions]
            if route.saw_missing or not own.any():
                with locate_errors(route):
                    array = route.encoder.transform_cells(cells[:, positions], own)
                if array is not None:
                    encoded[route.name] = array, own.all(axis=1)
        return encoded

    def _collect(self, table, results):
        """Put arrays and missing flags into one dict, each array checked against its spec."""
        arrays, labels = {}, row_labels(table)
        for route, (array, missing) in results:
            arrays[route.name] = check_encoded(array, route.spec, labels)
            if route.spec.missing_name:
                arrays[route.spec.missing_name] = missing[:, None]
        return arrays

    def _remember_routes(self):
        """Set what is known of fitted inputs."""
        self.specs_ = {route.name: route.spec for route in self._routes}
        self.encoders_ = {route.name: getattr(route.encoder, "transformer_", route.encoder) for route in self._routes}
