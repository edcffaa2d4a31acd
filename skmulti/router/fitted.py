"""The fitted routes of a router: they turn a table, a few rows, or chunks of rows into named arrays.

A table's columns are matched with those of fit by label, as in ColumnTransformer: their order is free, and columns that
no input reads may be absent or new. Only a table without labels, such as an array, is matched by position, and it must
then have the width of fit.

Missing values: float arrays keep NaN, and the first layer of a branch fills it. An array that cannot hold NaN (pixels,
word ids) gets a bool array ``<name>__missing`` of shape (n_rows, 1) if training rows were missing. If cells are missing
in an input that had no missing cells at fit, the encoder or the network fills them, and the router warns.
"""

from collections.abc import Mapping
from contextlib import suppress

import numpy as np
import pandas as pd

from .._workers import call_in_threads, map_ahead, map_on_cores, refuse_broken_off
from ..errors import InputMismatchError, closest_match, quote, quote_first, warn
from ..inputs import FEW_ROWS, odd_cells_gathered, odd_cells_reported, report_odd_cells
from ..sources import has_named_columns
from .frames import n_rows, row_labels, series_error, take_rows, to_table
from .lazy import AT_ONCE, Decoding, stays_lazy
from .records import as_records, records_table
from .routes import check_encoded, names_of, places_by_label

# Bytes that a chunk takes in the arrays of lazy inputs. Two chunks exist at a time: one is used, the next is made.
CHUNK_BYTES = 32 * 2**20
# The rows of a chunk without lazy inputs, and the fewest, if rows are large. They are a multiple of the rows that
# `Forward` computes in one call: it then divides a chunk where it would divide all rows.
CHUNK_ROWS, LEAST_ROWS = 32_768, 8_192


class FittedRoutes:
    """Encode a table, a few of its rows, or chunks of rows with the fitted routes of a router.

    Parameters
    ----------
    routes : list of Route
        Fitted routes, in the order of the inputs.
    labels : list
        Labels of the columns at fit, or the keys of a dict of arrays.
    has_names : bool
        Whether all labels were strings, which scikit-learn calls feature names.
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
        """The fitted encoder of each input, or the transformer that it wraps: dict of str to encoder."""
        return {route.name: getattr(route.encoder, "transformer_", route.encoder) for route in self.routes}

    def restrict(self, names):
        """Return the routes of some inputs, in the order of fit; other columns may then be absent."""
        return FittedRoutes([route for route in self.routes if route.name in names], self.labels, self.has_names)

    @property
    def of_arrays(self):
        """Whether the routes were fitted on a dict of arrays by input name."""
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
            Number of threads, each of which encodes an input. None is one.
        warns : bool
            Whether to warn of missing cells in inputs that had none at fit.

        Returns
        -------
        dict of str to (ndarray or LazyArray)
            Arrays by input name. If a spec has a name for missing flags, they are under that name.
        """
        with odd_cells_reported():
            return self._encode_table(*self.find_columns(X), decoding, n_jobs=n_jobs, warns=warns)

    def encode_chunks(self, X, *, folder=None, n_jobs=None, warns=True):
        """Encode rows in order, chunk by chunk: if an input is lazy, or if there are many rows that can be divided.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            A table with the columns of fit.
        folder : str or None
            Where a fit kept decoded rows; such rows are read and not decoded again.
        n_jobs : int or None
            Number of threads, each of which encodes an input, or a chunk. None is one for inputs; for chunks, those
            that TensorFlow may use.
        warns : bool
            Whether to warn of missing cells in inputs that had none at fit.

        Yields
        ------
        dict of str to ndarray
            What `encode` returns for the rows of a chunk. The next chunks are encoded while this one is used.
        """
        table, places = self.find_columns(X)
        count = n_rows(table)
        lazy = [route for route in self.routes if route.may_be_lazy and stays_lazy(route.encoder, count, route.spec)]
        if count and any(route.spec.row_bytes for route in lazy):
            yield from self._encode_lazily(table, places, lazy, folder, n_jobs, warns)
            return
        done = 0
        if count > CHUNK_ROWS and all(route.in_pieces for route in self.routes):
            for arrays in self._encode_pieces(table, places, n_jobs):
                yield arrays
                done += len(next(iter(arrays.values())))
        if done < count or not count:
            with odd_cells_reported():
                arrays = self._encode_table(table, places, n_jobs=n_jobs, warns=warns)
            yield {name: array[done:] for name, array in arrays.items()} if done else arrays
        elif warns:
            self._warn_of_missing(table, places)

    def _encode_lazily(self, table, places, lazy, folder, n_jobs, warns):
        """Yield chunks of a table with lazy inputs, of a size in bytes."""
        # The warning is about all rows and comes once: each chunk by itself would warn again, of its own rows.
        if warns:
            self._warn_of_missing(table, places)
        count = n_rows(table)
        step = max(CHUNK_BYTES // sum(route.spec.row_bytes for route in lazy), 1)

        odd_cells = []

        def encode(start):
            rows = take_rows(table, np.arange(start, min(start + step, count)))
            with odd_cells_gathered(odd_cells):
                return self._encode_table(rows, places, Decoding(False, folder), n_jobs=n_jobs, warns=False)

        # One chunk ahead is enough, and needs the least memory: an encoder already decodes its rows in threads.
        yield from map_ahead(encode, range(0, count, step), workers=1)
        report_odd_cells(odd_cells)

    def _encode_pieces(self, table, places, n_jobs):
        """Yield chunks of a table without lazy inputs, up to one that would be refused or warned of."""
        count, row_bytes = n_rows(table), sum(route.spec.row_bytes for route in self.routes)
        step = CHUNK_ROWS if CHUNK_ROWS * row_bytes <= CHUNK_BYTES else LEAST_ROWS
        odd_cells = []

        def encode(start):
            rows = take_rows(table, slice(start, start + step))
            with odd_cells_gathered(odd_cells):
                return self._encode_table(rows, places, warns=False)

        # What is said of a table counts all its rows, so whatever is to be said takes the way of all rows.
        with suppress(Exception):
            for arrays in map_on_cores(encode, range(0, count, step), n_jobs):
                if odd_cells:
                    break
                yield arrays
        refuse_broken_off()

    def _warn_of_missing(self, table, places):
        """Warn of all inputs in which cells are missing, and were not at fit."""
        for route in self.routes:
            route.warn_of_missing(route.columns_in(table, places))

    def collect(self, table, results):
        """Return one dict of the results (array, missing) of all inputs; check each array against its spec."""
        arrays, labels = {}, row_labels(table)
        for route, (array, missing) in zip(self.routes, results, strict=True):
            arrays[route.name] = check_encoded(array, route.spec, labels)
            if route.spec.missing_name:
                arrays[route.spec.missing_name] = missing[:, None]
        return arrays

    def find_columns(self, X):
        """Return X as a table, and where the columns of fit stand in it.

        Returns
        -------
        table : DataFrame, or dict of str to (Series or DataFrame)
            The rows.
        places : dict of int to int, or None
            Positions in the table by positions at fit. None if all columns stand where they stood at fit.

        Raises
        ------
        InputMismatchError
            If a column or an array is missing, or if X is matched by position and has another width.
        """
        named_rows = self._find_in_rows(X)
        if named_rows is not None:
            return named_rows
        names = [route.name for route in self.routes] if self.of_arrays else None
        table = to_table(X, names, by_input=self.of_arrays, expected_columns=None if names else self.labels)
        if self.of_arrays:
            self._check_widths(table, by_order=not isinstance(X, Mapping))
            n_rows(table)  # refuses arrays of different lengths
            return table, None
        if not isinstance(table, pd.DataFrame):
            raise InputMismatchError(
                f"X is a {type(X).__name__} of arrays, but the router was fitted on a table with the columns "
                f"{quote_first(self.labels)}. Give a DataFrame: pd.DataFrame(X), or for one row pd.DataFrame([X])."
            )
        labels = list(table.columns)
        # If labels are as at fit, positions decide, so an input may even read one of two columns with the same label.
        if labels == self.labels:
            return table, None
        is_frame = has_named_columns(X)
        named = is_frame and all(isinstance(label, str) for label in labels)
        numbered_at_fit = self.labels == list(range(len(self.labels)))
        # An array becomes a frame with the labels 0, 1, ..., perhaps before an estimator calls the router. It then
        # counts as an array if the fit saw numbered columns, or if it saw names. The names could not be found anyway.
        # After a fit on other labels, such as 5 and 7, numbers are labels.
        stands_for_array = labels == list(range(len(labels))) and (numbered_at_fit or self.has_names)
        # A router that was fitted on an array knows no names. It reads named columns by position, as scikit-learn does.
        if is_frame and not stands_for_array and not (named and numbered_at_fit):
            return table, places_by_label(table, self.routes)
        return self._match_by_position(table, named), None

    def columns_read(self, columns):
        """Return those labels of a table that the routes read: all of them if positions count; refuse missing ones."""
        places = self.find_columns(pd.DataFrame(columns=columns))[1]
        labels = list(columns)
        if not self.has_names or len(set(labels)) < len(labels):
            return labels
        read = {position for route in self.routes for position in route.positions_in(places)}
        return [label for i, label in enumerate(labels) if i in read]

    def _find_in_rows(self, X):
        """Return what `find_columns` does for records, which name the cells of a row; None for other tables."""
        if isinstance(X, pd.DataFrame | np.ndarray):
            return None
        wanted = list(dict.fromkeys(label for route in self.routes for label in route.labels))
        if isinstance(X, pd.Series):
            raise series_error(X, is_row=set(wanted) <= set(X.index))
        # Where the fit had an array for each input, a list may hold such arrays, which are no rows.
        is_list = isinstance(X, list | tuple) and all(isinstance(row, Mapping) for row in X)
        records = as_records(X) if not self.of_arrays or is_list or isinstance(X, Mapping) else None
        if not records:
            return None
        table = records_table(records, wanted)
        if not self.of_arrays:
            return table, places_by_label(table, self.routes)
        # An input that was an array of several columns has all of them in one cell.
        wide = {route.name for route in self.routes if len(route.fitted_names) > 1}
        table = {name: pd.DataFrame(cells.tolist()) if name in wide else cells for name, cells in table.items()}
        self._check_widths(table, by_order=False)
        return table, None

    def _match_by_position(self, table, named):
        """Return a table under the labels of fit, if its columns are those of fit by position alone."""
        if table.shape[1] != len(self.labels):
            raise InputMismatchError(
                f"X has {table.shape[1]} features, but InputRouter is expecting {len(self.labels)} features as input"
                f"{f'; the columns of fit were {quote_first(self.labels, 10)}' if self.has_names else ''}."
            )
        if named or self.has_names:
            # In scikit-learn's words, so that filters for its warnings catch this one, too.
            has, fitted = ("has", "without") if named else ("does not have valid", "with")
            warn(f"X {has} feature names, but InputRouter was fitted {fitted} feature names", UserWarning)
        return table.set_axis(self.labels, axis=1)

    def _encode_table(self, table, places=None, decoding=AT_ONCE, *, n_jobs=None, warns=True):
        """Encode a table; `places` is what `find_columns` returns with it."""
        results = self._encode_cells(table, places)
        rest = [(route, route.columns_in(table, places)) for route in self.routes if route.name not in results]
        encoded = call_in_threads(lambda route, columns: route.encode(columns, decoding), rest, n_jobs)
        results |= {route.name: result for (route, _), result in zip(rest, encoded, strict=True)}
        arrays = self.collect(table, [results[route.name] for route in self.routes])
        if warns:
            # `_encode_cells` leaves every input that it would have to warn of to `rest`.
            for route, columns in rest:
                route.warn_of_missing(columns)
        return arrays

    def _encode_cells(self, table, places):
        """Encode those inputs of a few rows whose encoders read Python objects; return {input: (array, missing)}."""
        # For so few rows, the calls of pandas for each column take longer than the encoding, so all cells become Python
        # objects in one call. An encoder returns the same bits for them as for columns, or None for cells that it would
        # refuse. Whatever is refused or warned of takes the way of all rows, so there is only one message for it.
        if not isinstance(table, pd.DataFrame) or not 0 < len(table) <= FEW_ROWS:
            return {}
        try:
            cells = table.to_numpy(dtype=object)
        except Exception as error:
            # Arrow has bytes that are no text in a column of text.
            if not type(error).__module__.startswith("pyarrow"):
                raise
            return {}
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
        """Refuse arrays by input name if an array is absent, or has another width than at fit."""
        if isinstance(table, pd.DataFrame):
            # An input with one value in each row was a Series with the input's name. No width is shown for it.
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
