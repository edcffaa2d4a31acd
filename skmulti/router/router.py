"""The router that a user sees: an estimator that turns columns of a table into the named arrays of a network.

It checks parameters, plans the routes and sets the fitted attributes. `fitting` fits the encoders, and `FittedRoutes`
encodes rows.
"""

import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.base import TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from .._params import NamedParts
from .._validation import HasMethods, HintedParams, Integral, StrOptions, check_weights
from .._version import check_stamp, stamp
from .._workers import WORKERS
from ..errors import InputMismatchError, shorten
from ..inputs import odd_cells_reported
from .blocks import router_block
from .cells import show_cells, unlike_cells
from .entries import check_entries, default_branches, input_names, routes_of, with_encoders
from .fitted import FittedRoutes
from .fitting import fit_routes
from .frames import n_rows, table_parts, take_rows, to_table
from .graph import RouterGraph
from .lazy import AT_ONCE, Decoding, split_lazy
from .parts import LearnedParts, ReadParts, RouterParts
from .plan import RoutingTable, explicit_plan, infer_inputs
from .profiles import column_fields, fitted_shares, profile_routes
from .readings import read_columns
from .routes import is_word, rename
from .shifts import Comparison

# Rows that are compared at a time: few, since the pixels of all of them are in memory.
COMPARED_ROWS = 1_000


class InputRouter(HintedParams, TransformerMixin, NamedParts, auto_wrap_output_keys=None):
    """Split a table's columns into the named inputs of a network.

    It works like scikit-learn's ``ColumnTransformer``, except that the encoded columns
    stay apart: ``transform`` returns a dict with one array for each input.

    Parameters
    ----------
    inputs : list of tuple (str, encoder, columns), or None
        Name, encoder and columns of each input. The encoder is one of skmulti's, any
        scikit-learn transformer or Pipeline, "passthrough", "drop", or the name of an
        earlier input, whose encoder is then fitted on the rows of both. The columns are
        a name or position (the encoder gets a Series), or a list of them, a slice or a
        boolean mask (the encoder gets a DataFrame), or a callable that takes the table and
        returns one of these. With None, the router chooses inputs and encoders by what the
        columns hold; `plan_` says what it chose.
    remainder : {"drop", "passthrough"} or encoder
        What happens to columns that no input names. With an encoder, or with "passthrough"
        for numbers, they become an input named "remainder".
    kinds : dict of str to (str or encoder), or None
        For ``inputs=None``: what the router should make of single columns. A kind, as in
        ``{"zip": "category"}``, "drop", or an encoder.
    n_jobs : int or None
        Number of inputs that are encoded at the same time, in threads, and of pieces of a large
        table that is predicted. None is one input, and as many pieces as TensorFlow has threads.
    dtype : {"float32", "float64"}
        Precision of float arrays.

    Attributes
    ----------
    specs_ : dict of str to ArraySpec
        What the array of each input holds.
    encoders_ : dict of str to encoder
        The fitted encoders.
    plan_ : DataFrame
        Which column went where, and why: the columns column, input, encoder and reason.
    n_features_in_ : int
        Number of columns at fit, or of inputs if X was a dict of arrays.
    feature_names_in_ : ndarray of str
        Names of the columns at fit. It exists only if all names are strings.

    See Also
    --------
    make_input_router : Make a router that names the inputs itself.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skmulti import CategoryIndexer, InputRouter
    >>> frame = pd.DataFrame({"age": [20, 40], "income": [1.0, 3.0], "city": ["Rome", "Oslo"]})
    >>> router = InputRouter([
    ...     ("money", StandardScaler(), ["age", "income"]),
    ...     ("place", CategoryIndexer(), "city"),
    ... ]).fit(frame)
    >>> router.transform(frame)["money"]
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    >>> router.transform(frame)["place"].tolist()
    [[3], [2]]

    If a column is missing, the error names it:

    >>> router.transform(frame.rename(columns={"city": "City"}))
    Traceback (most recent call last):
      ...
    skmulti.errors.InputMismatchError: Input 'place' wants column 'city', which X does not have; its columns are \
'age', 'income' and 'City'. Did you mean 'City'?
    """

    _parts_list = "inputs"
    _parameter_constraints = {
        "inputs": [list, tuple, None],
        "remainder": [StrOptions({"drop", "passthrough"}), HasMethods(["fit", "transform"])],
        "kinds": [dict, None],
        "n_jobs": [Integral, None],
        "dtype": [StrOptions({"float32", "float64"})],
    }

    def __init__(self, inputs=None, *, remainder="drop", kinds=None, n_jobs=None, dtype="float32"):
        self.inputs = inputs
        self.remainder = remainder
        self.kinds = kinds
        self.n_jobs = n_jobs
        self.dtype = dtype

    def fit(self, X, y=None, sample_weight=None):
        """Learn the encoders from training rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            The training table.
        y : array-like of shape (n_rows,) or None
            The target, for encoders that use it.
        sample_weight : array-like of shape (n_rows,) or None
            Weights, for encoders whose ``fit`` takes them.

        Returns
        -------
        InputRouter
            The fitted router.

        Raises
        ------
        InputMismatchError
            If columns are missing, or if cells do not fit their encoder.
        ValueError
            If an input's name cannot be used.
        """
        self._fit(X, y, sample_weight, None)
        return self

    def fit_transform(self, X, y=None, sample_weight=None):
        """Learn the encoders from training rows, and encode those rows once.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            The training table.
        y : array-like of shape (n_rows,) or None
            The target, for encoders that use it.
        sample_weight : array-like of shape (n_rows,) or None
            Weights, for encoders whose ``fit`` takes them.

        Returns
        -------
        dict of str to ndarray
            What `transform` returns.
        """
        return self._fit(X, y, sample_weight, AT_ONCE)

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            A table with the columns of fit, in any order. Further columns are ignored.

        Returns
        -------
        dict of str to ndarray
            Under the name of each input, the array of shape ``(n_rows, *spec.shape)`` that its
            spec describes. If the spec has a ``missing_name``, there is also a bool array of
            shape (n_rows, 1) under that name. It is True where a row holds nothing.

        Raises
        ------
        InputMismatchError
            If a column is missing, or if cells do not fit their encoder.

        Warns
        -----
        MissingValuesWarning
            If cells are missing in an input that had no missing cells at fit.
        """
        check_is_fitted(self, "specs_")
        return self._fitted.encode(X, n_jobs=self.n_jobs)

    def fit_encode(self, X, y=None, sample_weight=None, *, folder=None):
        """Learn the encoders from training rows, and encode those rows; rows of lazy inputs on access.

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
            None keeps no rows.

        Returns
        -------
        dict of str to ndarray or LazyArray
            What `transform` returns. If an encoder is lazy, its array is an object with
            ``shape``, ``dtype`` and ``len``, and ``array[rows]`` encodes these rows.

        Notes
        -----
        Every row is read once here. A file that cannot be read is therefore an error before
        training begins, and it is known which rows are missing.
        """
        return self._fit(X, y, sample_weight, Decoding(True, folder))

    def encode(self, X, *, folder=None, warns=True):
        """Encode rows; rows of lazy inputs are encoded on access.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            A table with the columns of fit.
        folder : str or None
            Where decoded rows of lazy inputs are kept. None keeps no rows.
        warns : bool
            Whether to warn of missing cells in inputs that had none at fit.

        Returns
        -------
        dict of str to ndarray or LazyArray
            What `fit_encode` returns.
        """
        check_is_fitted(self, "specs_")
        return self._fitted.encode(X, Decoding(True, folder), n_jobs=self.n_jobs, warns=warns)

    def encode_sample(self, X):
        """Encode the rows from which branches take their initial values; rows of lazy encoders on access.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            A table with the columns of fit.

        Returns
        -------
        dict of str to ndarray or LazyArray
            What `fit_encode` returns, except that every input whose encoder may be lazy is
            lazy. The missing flags of such inputs are all False.
        """
        return self._fitted.encode(X, Decoding(True, as_sample=True), n_jobs=self.n_jobs, warns=False)

    def chunks(self, X, *, folder=None, only=None, warns=True):
        """Encode rows in order: chunk by chunk if an input is lazy, else all at once.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            A table with the columns of fit.
        folder : str or None
            Where a fit kept decoded rows; such rows are read and not decoded again.
        only : sequence of str or None
            Names of the inputs to encode; columns that only others read may be absent. None is all.
        warns : bool
            Whether to warn of missing cells in inputs that had none at fit.

        Yields
        ------
        dict of str to ndarray
            What `transform` returns for the rows of a chunk. The next chunk is encoded while
            this one is used.
        """
        check_is_fitted(self, "specs_")
        routes = self._fitted if only is None else self._fitted.restrict(only)
        yield from routes.encode_chunks(X, folder=folder, n_jobs=self.n_jobs, warns=warns)

    def fit_chunks(self, chunks, sample):
        """Learn the encoders from a table that is read in parts.

        Parameters
        ----------
        chunks : callable
            Returns an iterator of (frame, y, sample_weight): the training rows, part by part.
            y and sample_weight may be None. It is called once, and again if images or
            sequences must be read to know which are missing.
        sample : DataFrame
            Some of the rows, drawn over all parts. The router looks at them to choose inputs and
            encoders, and to see how columns write dates and numbers, and which numbers are out of
            proportion.

        Returns
        -------
        InputRouter
            The fitted router.

        Raises
        ------
        InputMismatchError
            If an encoder learns something but has no ``partial_fit``, or if cells do not fit
            their encoder.
        """
        parts, learned, found = self._begin_parts(sample), LearnedParts(), ReadParts()
        with odd_cells_reported():
            for frame, y, sample_weight in chunks():
                parts.add(learned, frame, y, sample_weight)
            reader = parts.reader(learned)
            if reader is not None:
                for frame, _, _ in chunks():
                    reader.add(found, frame)
        routes = parts.fitted_routes(learned, found)
        self._keep(routes, sample, [None] * len(routes))
        return self

    def begin_parts(self, sample):
        """Begin to learn the encoders from parts of a table that are learned apart from each other, as on a cluster.

        Each part is learned by itself, and what was learned is merged two by two. What has to be sent
        holds counts, sums and words, but no rows.

        Parameters
        ----------
        sample : DataFrame
            Some of the rows, drawn over all parts, as in `fit_chunks`.

        Returns
        -------
        RouterParts
            Its method ``learn(frame, y=None, sample_weight=None)`` returns what one part teaches, and
            ``learned.merge(other)`` joins two such results. ``finish(learned, sample)`` returns the
            fitted router; this one is not changed. If ``reader(learned)`` is not None, cells such as
            files must be read to know which are missing: its ``read(frame)`` does so for one part,
            with a ``merge``, too, and the result is the third argument of ``finish``.

        Raises
        ------
        InputMismatchError
            If an encoder has no ``merge``.

        Examples
        --------
        >>> import pandas as pd
        >>> from skmulti import InputRouter
        >>> frame = pd.DataFrame({"age": [20, 40, 60, 80], "city": ["Rome", "Oslo", "Oslo", None]})
        >>> router = InputRouter(kinds={"city": "category"})
        >>> parts = router.begin_parts(frame)
        >>> learned = parts.learn(frame[:2]).merge(parts.learn(frame[2:]))
        >>> parts.reader(learned) is None
        True
        >>> parts.finish(learned, frame).transform(frame)["categories"].tolist()
        [[3], [2], [2], [0]]
        """
        parts = clone(self)._begin_parts(sample)
        parts.refuse_unmergeable()
        return parts

    def _begin_parts(self, sample):
        """Plan the routes by a sample, and set `plan_`; return how parts are learned."""
        self._check_parameters()
        _check_rows(sample, None)
        return RouterParts(self, self._plan_routes(sample), sample)

    def compare(self, X):
        """Compare later rows with the training rows, column by column.

        Use it to watch what a model is given: a unit that has changed, a new category, photos that
        have become dark, a sensor that is stuck. No prediction is made and no target is needed.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), records, path, or iterable of DataFrames
            Later rows, with the columns of fit: anything that `transform` takes, or a table that is
            read in parts, such as Parquet or CSV files, an Arrow dataset, a generator or a list of
            frames, or a function that returns one. Parts are counted one after the other.

        Returns
        -------
        DataFrame
            A row for each column of each input; the index has the columns' names. Its columns are

            - input: name of the input that reads the column;
            - missing, odd, unreadable, unseen, outside, truncated: share of the cells that are
              missing; that count as missing, since they are not what the rest of the column is; that
              are files which cannot be read; that are values (of texts, tags and ids: the mean share
              of words) that fit did not see; that are outside of the training range; that are longer
              than rows of the array. After each, under ``<name>_fit``, what to expect by the training
              rows. NaN where a column has no such share. Own encoders may add shares;
            - shift: population stability index of the measure that has shifted most (amounts, labels,
              lengths, scripts of texts, brightness and contrast of photos, level, spread and repeats
              of sequences), less its mean under chance; infinity if the cells are refused;
            - p_value: probability of such a difference by chance, times the number of tests;
            - reason: what has shifted, in words; empty if nothing has;
            - shifted: bool, whether the index is at least 0.1 and the p-value below 0.01.

        Raises
        ------
        InputMismatchError
            If a column is missing, or X has no rows.

        Notes
        -----
        `fit` keeps some counts for each measure of a column, made of up to 1,000 training rows (100
        photos): less than 4 KB a column. Amounts are counted between the deciles of fit, labels are
        the 50 most frequent ones. A training value that no other row has counts as one that fit did
        not see, so that "unseen_fit" says what to expect of new rows of the same table. If X has fewer
        than some 20 rows, only large changes can be told from chance.

        References
        ----------
        Yurdakul, "Statistical Properties of Population Stability Index", dissertation, Western
        Michigan University, 2018.

        Siddiqi, "Credit Risk Scorecards", Wiley, 2006, for the limit of 0.1.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> from skmulti import InputRouter
        >>> rng = np.random.default_rng(0)
        >>> frame = pd.DataFrame({"metres": rng.normal(2, 1, 500), "city": rng.choice(["Rome", "Oslo"], 500)})
        >>> router = InputRouter().fit(frame)
        >>> later = frame[:100].assign(metres=frame["metres"] * 1000)
        >>> table = router.compare(later)
        >>> table["shifted"].to_dict()
        {'metres': True, 'city': False}
        >>> table.loc["metres", ["outside", "outside_fit"]].tolist()
        [1.0, 0.004]
        >>> table.loc["metres", "reason"]
        'outside: 100.0%, 0.4% at fit; value: mean ..., ... at fit'
        """
        check_is_fitted(self, "specs_")
        comparison, count = Comparison(self._fitted.routes, self._known_profiles()), 0
        for part in table_parts(X):
            table, places = self._fitted.find_columns(part)
            for start in range(0, n_rows(table), COMPARED_ROWS):
                rows = np.arange(start, min(start + COMPARED_ROWS, n_rows(table)))
                comparison.add(take_rows(table, rows), places)
                count += len(rows)
        if not count:
            raise InputMismatchError("X has 0 sample(s) while a minimum of 1 is required to compare.")
        return comparison.table()

    def unlike_cells(self, X):
        """Find the cells of single rows that are unlike the training cells of their column.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            Rows with the columns of fit.

        Returns
        -------
        DataFrame
            One row for each such cell, in the order of X's rows, with the columns

            - row: position of the row in X;
            - column: name of the column;
            - reason: what is unlike, in words;
            - share: share of training cells of which the same may be said;
            - bits: how unlike the cell is, ``-log2(share)``, and one more for each doubling of the
              distance of an amount that is outside of the training range.

        Raises
        ------
        InputMismatchError
            If a column is missing.

        See Also
        --------
        InputRouter.compare : Tells whether a column as a whole has shifted.

        Notes
        -----
        A cell is unlike if it is missing, odd, unreadable, unseen, outside of the training range or
        truncated, and fewer than 5 % of the training cells are; or if an amount of it (length of a
        text, brightness of a photo, level of a sequence) is outside of the range of the training
        cells that `fit` measured. By chance alone, 2 in ``n + 1`` new cells are outside of the range
        of n. So few of a table's cells are unlike for no reason, and a row with many bits is one
        that the network has hardly seen the like of.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> from skmulti import InputRouter
        >>> frame = pd.DataFrame({"metres": np.linspace(1, 3, 500), "city": ["Rome", "Oslo"] * 250})
        >>> router = InputRouter().fit(frame)
        >>> rows = pd.DataFrame({"metres": [2.0, 250.0], "city": ["Bern", "Oslo"]})
        >>> router.unlike_cells(rows)[["row", "column", "reason"]].values.tolist()
        [[0, 'city', 'unseen (0.0% of training cells)'], [1, 'metres', 'outside: 250 (1 to 3 in training)']]
        """
        check_is_fitted(self, "specs_")
        return unlike_cells(self._fitted.routes, self._known_profiles(), *self._fitted.find_columns(X))

    def show_cells(self, X):
        """Show the cells of some rows as HTML: texts, small pictures and lines.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            A few rows with the columns of fit.

        Returns
        -------
        DataFrame of str
            What `InputEncoder.show` returns for each column that an input reads. Texts of cells are
            escaped.

        Examples
        --------
        >>> import pandas as pd
        >>> from skmulti import InputRouter
        >>> frame = pd.DataFrame({"metres": [2.0, 1.5, None], "note": ["<b>", "a & b", "c"]})
        >>> router = InputRouter().fit(frame)
        >>> router.show_cells(frame[:1])
          metres       note
        0      2  &lt;b&gt;
        """
        check_is_fitted(self, "specs_")
        return show_cells(self._fitted.routes, *self._fitted.find_columns(X))

    def readings(self, X):
        """Return X as a table, and which inputs read each of its columns.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or records
            A table with the columns of fit.

        Returns
        -------
        table : DataFrame
            The rows, which `chunks` takes in the place of X.
        readings : list of ColumnReading
            For each column of fit, its position in the table and its place in the arrays of inputs.

        Raises
        ------
        InputMismatchError
            If the router was fitted on a dict of arrays.
        """
        check_is_fitted(self, "specs_")
        if self._fitted.of_arrays:
            raise InputMismatchError(
                "The router was fitted on a dict of arrays by input name, which has no columns of a table. Take "
                "by='input', or fit on a DataFrame."
            )
        table, places = self._fitted.find_columns(X)
        return table, read_columns(self._fitted, places)

    def columns_by_input(self, X):
        """Return the columns of each input, beside its fitted route.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            A table with the columns of fit.

        Returns
        -------
        list of (Route, Series or DataFrame)
            The route has the attributes `name`, `spec` and `encoder`; the columns are those that its
            encoder reads. Their index has the labels of X's rows.
        """
        check_is_fitted(self, "specs_")
        table, places = self._fitted.find_columns(X)
        return [(route, rename(route.columns_in(table, places), route.fitted_names)) for route in self._fitted.routes]

    def columns_read(self, columns):
        """Return those of a table's columns that the inputs read.

        Parameters
        ----------
        columns : sequence
            Labels of the columns of a table to predict.

        Returns
        -------
        list
            The labels of the columns that `transform` needs, in the table's order: all of them if a
            column is found by its position, not by its name.

        Raises
        ------
        InputMismatchError
            If a column of fit is missing.

        Examples
        --------
        >>> import pandas as pd
        >>> from skmulti import InputRouter, NumberScaler
        >>> router = InputRouter([("size", NumberScaler(), ["size"])]).fit(pd.DataFrame({"size": [1.0, 2.0]}))
        >>> router.columns_read(["id", "size"])
        ['size']
        """
        check_is_fitted(self, "specs_")
        return self._fitted.columns_read(columns)

    def column_fields(self):
        """Return what each column that an input reads holds in JSON.

        Returns
        -------
        list of ColumnField
            With the attributes `label`, `schema` (a fragment of JSON schema with an example),
            `may_be_missing`, and `read`, which returns the cell that a JSON value stands for.
        """
        check_is_fitted(self, "specs_")
        return column_fields(self._fitted.routes, self._known_profiles())

    def fitted_shares(self):
        """Return what share of the training cells was found missing, too long and so on.

        Returns
        -------
        dict of str to list of dict of str to float
            For each input, the shares of each of its columns, named as in `compare`: "missing" of all
            training rows, the others of those rows that fit has measured.
        """
        check_is_fitted(self, "specs_")
        return fitted_shares(self._known_profiles())

    def to_dataset(self, X, y=None, *, batch_size=32, shuffle=False, seed=None):
        """Return encoded rows as a ``tf.data.Dataset``, to train a Keras model by hand.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            A table with the columns of fit.
        y : array-like of shape (n_rows, ...) or None
            The targets of the rows, which are passed on unchanged.
        batch_size : int
            Number of rows in a batch. The last batch may have fewer.
        shuffle : bool
            Whether each epoch has an order of its own.
        seed : int or None
            Seed of these orders. None draws another one each time.

        Returns
        -------
        tf.data.Dataset
            Batches that are dicts of tensors by input name, or tuples (dict, y) if y is given.

        Raises
        ------
        InputMismatchError
            If X and y have different numbers of rows.

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
        count = n_rows(self._fitted.find_columns(X)[0])
        if y is not None and len(y) != count:
            raise InputMismatchError(f"X has {count} rows, y has {len(y)}. Give one target for each row.")
        # The dataset is one of positions: rows in memory are gathered, and lazy rows encoded, only for their batch.
        rows = tf.data.Dataset.range(count)
        rows = rows.shuffle(count, seed=seed, reshuffle_each_iteration=True) if shuffle else rows

        def gather_batch(positions):
            batch = tf.nest.map_structure(lambda tensor: tf.gather(tensor, positions), known)
            inputs = {**(batch if y is None else batch[0]), **fetch(positions)}
            return inputs if y is None else (inputs, batch[1])

        # Lazy rows are encoded in several threads. To gather rows from memory is too little work for that.
        return rows.batch(batch_size).map(gather_batch, WORKERS if fetch.arrays else None).prefetch(2)

    def default_branches(self):
        """Return the branch that each input gets when the user names none.

        Returns
        -------
        dict of str to (Branch or str)
            New, unbuilt branches by input name. Before fit, these are the branches of the
            inputs that the user named. A string is the name of the input whose branch is
            shared: the router lets columns share a branch if it chose their encoder and they
            are alike.
        """
        if hasattr(self, "_fitted"):
            encoders = {route.name: route.encoder for route in self._fitted.routes}
            return default_branches(encoders, share=self.inputs is None)
        encoders = self._named_parts()
        if self.inputs is not None:
            # Whether any column remains is not known before fit.
            encoders["remainder"] = self.remainder
        return default_branches(encoders)

    def graph(self):
        """Return what the router does as part of a TensorFlow graph.

        Returns
        -------
        RouterGraph
            Which tensors a row consists of, and the functions that make the named arrays of them.

        Raises
        ------
        ExportError
            If the encoder of an input has no graph; the message names the input and the way out.
        """
        check_is_fitted(self, "specs_")
        return RouterGraph(self._fitted)

    def get_feature_names_out(self, input_features=None):
        """Return names of the features of all inputs: ``input__feature``, or the input's name.

        Parameters
        ----------
        input_features : None
            Ignored. It exists because scikit-learn's tools pass it.

        Returns
        -------
        ndarray of str
            A name for each feature if the encoder names its features, else the name of the
            input.
        """
        check_is_fitted(self, "specs_")
        return np.array([name for route in self._fitted.routes for name in route.feature_names()], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.input_tags.dict = True
        # Arrays have the dtype of `dtype`, or that of ids or pixels, whatever the columns had.
        tags.transformer_tags.preserves_dtype = []
        return tags

    def __sklearn_is_fitted__(self):
        return hasattr(self, "specs_")

    def _sk_visual_block_(self):
        return router_block(self)

    def _known_profiles(self):
        """Return what fit kept of the training cells."""
        if not hasattr(self, "_profiles"):
            raise InputMismatchError(
                "This router was fitted by a version of skmulti that kept nothing of the training cells. Fit it again."
            )
        return self._profiles

    def _fit(self, X, y, sample_weight, decoding):
        """Fit the encoders on training rows; return the rows encoded, or None if `decoding` is None."""
        self._check_parameters()
        # An object that can only be converted to an array (`__array__`) has no length.
        y = y if y is None or hasattr(y, "__len__") else np.asarray(y)
        table = to_table(X, input_names(self), None if y is None else len(y))
        _check_rows(table, y)
        if sample_weight is not None:
            sample_weight = check_weights(sample_weight, np.empty(n_rows(table)))
        routes = self._plan_routes(table)
        with odd_cells_reported():
            routes, results = fit_routes(routes, table, y, sample_weight, n_jobs=self.n_jobs, decoding=decoding)
        self._keep(routes, table, results)
        return None if decoding is None else self._fitted.collect(table, results)

    def _check_parameters(self):
        """Refuse values that the parameters do not take, and entries that cannot be used."""
        self._validate_params()
        if self.inputs is not None:
            if self.kinds:
                raise ValueError(
                    f"`kinds` is for a router without `inputs`, which chooses them itself; got {shorten(self.kinds)} "
                    "beside `inputs`. Name an input with an encoder for each of these columns, or leave `inputs` out."
                )
            check_entries(self.inputs, self.get_params(deep=False))

    def _plan_routes(self, table):
        """Return the routes of a table's columns, with unfitted encoders of their own; set `plan_`."""
        own = self.get_params(deep=False)
        entries, inferred = self.inputs, self.inputs is None
        if inferred:
            # Entries that were inferred are checked, too: the keys of a dict of arrays become names as they are.
            entries, plan = infer_inputs(table, self.kinds, own)
            check_entries(entries, own)
        routes = routes_of(entries, table, remainder=self.remainder, inferred=inferred)
        if not inferred:
            plan = explicit_plan([(route.name, route.encoder, route.labels) for route in routes], table)
        # Dropped entries are in the plan, but they have no encoder and no array.
        self.plan_ = plan
        return with_encoders([route for route in routes if not is_word(route.encoder, "drop")], self.dtype)

    def __getstate__(self):
        state = super().__getstate__()
        if "plan_" in state:
            # As lists: skops stores no frame whose texts are Arrow's.
            state = {**state, "plan_": self.plan_.to_dict("list")}
        return stamp(state)

    def __setstate__(self, state):
        super().__setstate__(check_stamp(state, type(self)))
        if isinstance(getattr(self, "plan_", None), dict):
            self.plan_ = RoutingTable(self.plan_)

    def _keep(self, routes, table, results):
        """Set the attributes that a fitted router has; `results` are the encoded rows, if they are encoded."""
        labels = list(table.columns if isinstance(table, pd.DataFrame) else table)
        has_names = all(isinstance(label, str) for label in labels)
        self.n_features_in_ = len(labels)
        if has_names:
            self.feature_names_in_ = np.asarray(labels, dtype=object)
        # An earlier fit may have seen names. scikit-learn would go on checking tables against them.
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        self._fitted = FittedRoutes(routes, labels, has_names)
        self._profiles = profile_routes(routes, table, results)
        self.specs_, self.encoders_ = self._fitted.specs, self._fitted.encoders


def _check_rows(table, y):
    """Refuse a table without rows or columns, or with another number of rows than the target."""
    count = n_rows(table)
    if not count or (isinstance(table, pd.DataFrame) and not table.shape[1]):
        missing = "feature(s): X has no columns" if count else "sample(s): X has no rows"
        raise InputMismatchError(f"Found array with 0 {missing}, while a minimum of 1 is required.")
    if y is not None and len(y) != count:
        raise InputMismatchError(
            f"Found input variables with inconsistent numbers of samples: X has {count} rows, y has {len(y)}."
        )


def make_input_router(*routes, remainder="drop", kinds=None, n_jobs=None):
    """Make an `InputRouter` whose inputs get their names from their encoders.

    Parameters
    ----------
    *routes : tuple (encoder, columns)
        The inputs. Their names are the class names in lower case, with a number if one occurs twice.
    remainder : {"drop", "passthrough"} or encoder
        As in `InputRouter`.
    kinds : dict or None
        As in `InputRouter`.
    n_jobs : int or None
        As in `InputRouter`.

    Returns
    -------
    InputRouter
        The unfitted router.

    Examples
    --------
    >>> from skmulti import CategoryIndexer, NumberScaler, make_input_router
    >>> router = make_input_router((NumberScaler(), ["age"]), (CategoryIndexer(), "city"))
    >>> [name for name, _, _ in router.inputs]
    ['numberscaler', 'categoryindexer']
    """
    for route in routes:
        if not isinstance(route, tuple | list) or len(route) != 2:
            raise TypeError(f"make_input_router takes tuples (encoder, columns), got {route!r}.")
    kind_names = [encoder if isinstance(encoder, str) else type(encoder).__name__.lower() for encoder, _ in routes]
    inputs = []
    for i, (encoder, columns) in enumerate(routes):
        name = kind_names[i]
        if kind_names.count(name) > 1:
            name = f"{name}-{kind_names[:i].count(name) + 1}"
        inputs.append((name, encoder, columns))
    return InputRouter(inputs or None, remainder=remainder, kinds=kinds, n_jobs=n_jobs)
