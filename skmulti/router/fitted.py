"""The fitted routes of a router: a table, a few of its rows, or chunks of rows to named arrays."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from .._workers import call_in_threads, map_ahead
from ..errors import InputMismatchError, closest_match, quote, quote_first, warn
from ..inputs import FEW_ROWS
from .frames import n_rows, row_labels, take_rows, to_table
from .lazy import AT_ONCE, Decoding, stays_lazy
from .routes import check_encoded, names_of, places_by_label

# Bytes of the arrays of lazy inputs that are encoded at once.
CHUNK_BYTES = 32 * 2**20


class FittedRoutes:
    """The fitted routes of a router, which encode a table, a few of its rows, or chunks of rows.

    Parameters
    ----------
    routes : list of Route
        Fitted, in the order of the inputs.
    labels : list
        Labels of the columns at fit; of a dict of arrays its keys.
    has_names : bool
        Whether all labels were strings, so that columns are known by their names.
    """

    def __init__(self, routes, labels, has_names):
        self.routes = list(routes)
        self.labels = list(labels)
        self.has_names = has_names

    @property
    def specs(self):
        """What the array of each input holds: dict of str to ArraySpec."""
        return {route.name: route.spec for route in self.routes}

    @property
    def encoders(self):
        """The fitted encoder of each input, out of its wrapper: dict of str to encoder."""
        return {route.name: getattr(route.encoder, "transformer_", route.encoder) for route in self.routes}

    @property
    def of_arrays(self):
        """Whether they were fitted on a dict of arrays by input name."""
        return not self.routes[0].positions

    def encode(self, X, decoding=AT_ONCE, *, n_jobs=None, warns=True):
        """Encode rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            A table with the columns of fit.
        decoding : Decoding
            When rows are encoded.
        n_jobs : int or None
            Inputs that are encoded at once, as threads.
        warns : bool
            Whether to warn of missing cells in inputs that had none at fit.

        Returns
        -------
        dict of str to (ndarray or LazyArray)
            Arrays by input name, and the missing flags of inputs whose specs have a name for them.
        """
        return self._encode_table(*self.find_columns(X), decoding, n_jobs=n_jobs, warns=warns)

    def encode_chunks(self, X, *, folder=None, n_jobs=None):
        """Encode rows in order, chunk by chunk where an input is lazy, else all at once.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            A table with the columns of fit.
        folder : str or None
            Where a fit kept decoded rows.
        n_jobs : int or None
            Inputs that are encoded at once, as threads.

        Yields
        ------
        dict of str to ndarray
            As `encode` returns, the next chunk while the last one is used.
        """
        table, places = self.find_columns(X)
        count = n_rows(table)
        lazy = [route for route in self.routes if route.may_be_lazy and stays_lazy(route.encoder, count, route.spec)]
        row_bytes = sum(route.spec.row_bytes for route in lazy)
        if not row_bytes or not count:
            yield self._encode_table(table, places, n_jobs=n_jobs)
            return
        # Of all rows at once: each chunk by itself would warn again.
        for route in self.routes:
            route.warn_of_missing(route.columns_in(table, places))
        step = max(CHUNK_BYTES // row_bytes, 1)

        def encode(start):
            rows = take_rows(table, np.arange(start, min(start + step, count)))
            return self._encode_table(rows, places, Decoding(False, folder), n_jobs=n_jobs, warns=False)

        yield from map_ahead(encode, range(0, count, step), workers=1)

    def collect(self, table, results):
        """Put (array, missing) of each input into one dict, each array checked against its spec."""
        arrays, labels = {}, row_labels(table)
        for route, (array, missing) in zip(self.routes, results, strict=True):
            arrays[route.name] = check_encoded(array, route.spec, labels)
            if route.spec.missing_name:
                arrays[route.spec.missing_name] = missing[:, None]
        return arrays

    def find_columns(self, X):
        """Bring X to a table, and find the columns of fit in it.

        Returns
        -------
        table : DataFrame, or dict of str to (Series or DataFrame)
            The rows.
        places : dict of int to int, or None
            Position in the table by position at fit; None for a table whose columns stand as at fit.

        Raises
        ------
        InputMismatchError
            If a column or an array is missing, or X has another width.
        """
        names = [route.name for route in self.routes] if self.of_arrays else None
        table = to_table(X, names, by_input=self.of_arrays)
        if self.of_arrays:
            self._check_widths(table, by_order=not isinstance(X, Mapping))
            n_rows(table)
            return table, None
        if not isinstance(table, pd.DataFrame):
            raise InputMismatchError(
                f"X is a {type(X).__name__} of arrays, but the router was fitted on a table with the columns "
                f"{quote_first(self.labels)}. Give a DataFrame."
            )
        labels = list(table.columns)
        if labels == self.labels:
            return table, None
        is_frame = isinstance(X, pd.DataFrame) or hasattr(X, "to_pandas")
        named = is_frame and all(isinstance(label, str) for label in labels)
        numbered_at_fit = self.labels == list(range(len(self.labels)))
        # A frame of numbered columns may be an array that the estimator made a table of.
        stands_for_array = labels == list(range(len(labels))) and (numbered_at_fit or self.has_names)
        if is_frame and not stands_for_array and not (named and numbered_at_fit):
            return table, places_by_label(table, self.routes)
        return self._by_position(table, named), None

    def _by_position(self, table, named):
        """Return a table whose columns are those of fit by their positions alone, under the labels of fit."""
        if table.shape[1] != len(self.labels):
            raise InputMismatchError(
                f"X has {table.shape[1]} features, but InputRouter is expecting {len(self.labels)} features as input."
            )
        if named or self.has_names:
            has, fitted = ("has", "without") if named else ("does not have valid", "with")
            warn(f"X {has} feature names, but InputRouter was fitted {fitted} feature names", UserWarning)
        return table.set_axis(self.labels, axis=1)

    def _encode_table(self, table, places=None, decoding=AT_ONCE, *, n_jobs=None, warns=True):
        """Encode a table; `places` are those of its columns, by position at fit, if they stand elsewhere."""
        results = self._encode_cells(table, places)
        rest = [(route, route.columns_in(table, places)) for route in self.routes if route.name not in results]
        encoded = call_in_threads(lambda route, columns: route.encode(columns, decoding), rest, n_jobs)
        results |= {route.name: result for (route, _), result in zip(rest, encoded, strict=True)}
        arrays = self.collect(table, [results[route.name] for route in self.routes])
        if warns:
            for route, columns in rest:
                route.warn_of_missing(columns)
        return arrays

    # Up to 16 rows are turned to Python objects at once: the calls of pandas for each column take longer than the
    # encoding. Whatever is to be refused or warned of goes the way of all rows, so that there is one message for it.
    def _encode_cells(self, table, places):
        """Encode the inputs of a few rows whose encoders read Python objects: {input: (array, missing)}."""
        if not isinstance(table, pd.DataFrame) or not 0 < len(table) <= FEW_ROWS:
            return {}
        cells = table.to_numpy(dtype=object)
        empty, encoded = pd.isna(cells), {}
        for route in self.routes:
            positions = list(route.positions_in(places))
            own = empty[:, positions]
            if route.saw_missing or not own.any():
                array = route.encode_cells(cells[:, positions], own)
                if array is not None:
                    encoded[route.name] = array, own.all(axis=1)
        return encoded

    def _check_widths(self, table, *, by_order):
        """Refuse arrays by input of which one is absent, or wider or narrower than at fit."""
        if isinstance(table, pd.DataFrame):
            # An input of one value a row was a Series of the input's name.
            wanted = [
                f"{route.name!r}{'' if route.fitted_names == (route.name,) else f' ({len(route.fitted_names)},)'}"
                for route in self.routes
            ]
            raise InputMismatchError(
                f"X is one array of width {table.shape[1]}, but the router was fitted on an array for each input, "
                f"expected {', '.join(wanted)}; give a dict of arrays by input name."
            )
        names = [route.name for route in self.routes]
        for route in self.routes:
            if route.name not in table:
                raise InputMismatchError(
                    f"Input {route.name!r} has no array: the router was fitted on a dict with "
                    f"{quote(names)}.{closest_match(route.name, table)}"
                )
            found, fitted = len(names_of(table[route.name])), len(route.fitted_names)
            if found != fitted:
                order = f"; give them in the order {', '.join(map(repr, names))}, or as a dict" if by_order else ""
                raise InputMismatchError(
                    f"Input {route.name!r}: got {found} column{'s' * (found != 1)}, the fit had {fitted}{order}."
                )
