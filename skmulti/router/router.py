"""Columns of a table to the named arrays of a network's inputs."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._params import NamedParts
from .._validation import HasMethods, Integral, StrOptions, check_weights
from ..errors import InputMismatchError, closest_match, quote, quote_first, warn
from ..inputs import TransformerEncoder
from .blocks import router_block
from .frames import n_rows, resolve_columns, to_table
from .plan import explicit_plan, infer_inputs
from .routes import (
    Route,
    at_once,
    branches_of,
    check_entries,
    check_rows,
    check_widths,
    columns_of,
    feature_names,
    fit_group,
    is_word,
    places_by_label,
    root_name,
    takes_series,
    with_encoder,
)
from .streaming import StreamingMixin


class InputRouter(StreamingMixin, TransformerMixin, NamedParts, auto_wrap_output_keys=None):
    """Split a table's columns into the named inputs of a network.

    Works like scikit-learn's ``ColumnTransformer``, except that the encoded columns
    stay apart: ``transform`` gives one array for each input, by name.

    Parameters
    ----------
    inputs : list of tuple (str, encoder, columns), or None
        Name, encoder and columns of each input. The encoder is one of skmulti's, any
        scikit-learn transformer or Pipeline, "passthrough", "drop", or the name of an
        earlier input, whose encoder is then fitted on the rows of both. The columns are
        a name or position (the encoder gets a Series), or a list of them, a slice or a
        boolean mask (the encoder gets a DataFrame), or a callable that gives one of these
        for the table. None: columns are routed by what they hold, see `plan_`.
    remainder : {"drop", "passthrough"} or encoder
        What becomes of columns that no input names; with an encoder, or "passthrough"
        for numbers, they make an input named "remainder".
    kinds : dict of str to str, or None
        With ``inputs=None``: the kind of single columns, e.g. ``{"zip": "category"}``,
        or "drop".
    n_jobs : int or None
        Inputs that are encoded at once, as joblib threads; None is one.
    dtype : {"float32", "float64"}
        Precision of float arrays.

    Attributes
    ----------
    specs_ : dict of str to ArraySpec
        What the array of each input holds.
    encoders_ : dict of str to encoder
        The fitted encoders.
    plan_ : DataFrame
        Column, input, encoder and reason: what was routed where, and why.
    n_features_in_ : int
        Number of columns at fit (of inputs, if X was a dict of arrays).
    feature_names_in_ : ndarray of str
        Names of the columns at fit, if all are strings.

    See Also
    --------
    make_input_router : Names the inputs itself.

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

    A column that is missing is named:

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
            If columns are missing, or cells do not fit their encoder.
        ValueError
            If an input's name cannot be used.
        """
        self._fit(fit_group, X, y, sample_weight)
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
            As `transform` gives.
        """
        return self._fit_encode(X, y, sample_weight)

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
            A table with the columns of fit, in any order; further columns are ignored.

        Returns
        -------
        dict of str to ndarray
            For each input, by name, the array of shape (n_rows, *spec.shape) that its
            spec describes; for an input whose spec has a ``missing_name``, under that
            name a bool array of shape (n_rows, 1), True where the row holds nothing.

        Raises
        ------
        InputMismatchError
            If a column is missing, or cells do not fit their encoder.

        Warns
        -----
        MissingValuesWarning
            If values are missing in an input that had none at fit.
        """
        check_is_fitted(self, "specs_")
        return self._encode_table(*self._as_fitted_table(X))

    def default_branches(self):
        """Return the branch that each input gets when the user names none.

        Returns
        -------
        dict of str to (Branch or str)
            New, unbuilt branches by input name; before fit those of the inputs given. A
            string is the input whose branch is shared, as columns do that nobody assigned
            and that are alike.
        """
        if hasattr(self, "_routes"):
            return branches_of(self._routes, share=self.inputs is None)
        encoders = self._named_parts()
        if self.inputs is not None and not is_word(self.remainder, "drop"):
            encoders["remainder"] = self.remainder
        branches, earlier = {}, {}
        for name, encoder in encoders.items():
            earlier[name] = earlier.get(encoder, encoder) if isinstance(encoder, str) else encoder
            if not is_word(earlier[name], "drop"):
                owner = getattr(earlier[name], "default_branch", None) or TransformerEncoder.default_branch
                branches[name] = owner()
        return branches

    def get_feature_names_out(self, input_features=None):
        """Name the features of all inputs: ``input__feature``, or the input's name.

        Parameters
        ----------
        input_features : None
            Ignored; there for scikit-learn.

        Returns
        -------
        ndarray of str
            For arrays of one axis a name for each feature (where the encoder names
            them), for the others the name of the input.
        """
        check_is_fitted(self, "specs_")
        return np.array([name for route in self._routes for name in feature_names(route)], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.input_tags.dict = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def __sklearn_is_fitted__(self):
        return hasattr(self, "specs_")

    def _sk_visual_block_(self):
        return router_block(self)

    def _fit(self, fit_inputs, X, y, sample_weight):
        """Resolve the inputs and fit them by `fit_group` or a function like it; give (table, results)."""
        self._validate_params()
        if self.inputs is not None:
            check_entries(self.inputs, self.get_params(deep=False))
        y = y if y is None or hasattr(y, "__len__") else np.asarray(y)
        names = None if self.inputs is None else [entry[0] for entry in self.inputs]
        table = to_table(X, names, None if y is None else len(y))
        check_rows(table, y)
        if sample_weight is not None:
            sample_weight = check_weights(sample_weight, np.empty(n_rows(table)))
        results = self._fit_groups(fit_inputs, self._planned_routes(table), table, y, sample_weight)
        self._remember_routes()
        return table, results

    def _planned_routes(self, table):
        """Resolve the inputs on a table: routes with unfitted encoders; sets what is known about columns."""
        own = self.get_params(deep=False)
        self._remember_columns(table)
        entries = self.inputs
        if entries is None:
            entries, self.plan_ = infer_inputs(table, self.kinds, own)
            check_entries(entries, own)
        routes = self._routes_of(entries, table)
        if self.inputs is not None:
            self.plan_ = explicit_plan([(route.name, route.encoder, route.labels) for route in routes], table)
        return with_encoder([route for route in routes if not is_word(route.encoder, "drop")], self.dtype)

    def _remember_columns(self, table):
        if not isinstance(table, pd.DataFrame):
            table = pd.DataFrame(columns=list(table))
        self.n_features_in_ = table.shape[1]
        if all(isinstance(label, str) for label in table.columns):
            self.feature_names_in_ = np.asarray(table.columns, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        self._labels = list(table.columns)

    def _routes_of(self, entries, table):
        """Resolve entries to routes, "drop" among them; columns that no input names make the remainder."""
        routes = []
        for name, encoder, columns in entries:
            if not isinstance(table, pd.DataFrame):
                if name not in table:
                    raise InputMismatchError(
                        f"Input {name!r} has no array: X is a dict with {quote(table)}.{closest_match(name, table)}"
                    )
                routes.append(Route(name, encoder, (), (name,), isinstance(encoder, str) or takes_series(encoder)))
                continue
            positions, single = resolve_columns(table, columns, name)
            if self.inputs is None:
                single = isinstance(encoder, str) or takes_series(encoder)
            # As in ColumnTransformer, an empty selection makes no input.
            if positions:
                routes.append(Route(name, encoder, tuple(positions), tuple(table.columns[positions]), single))
        if self.inputs is not None and isinstance(table, pd.DataFrame) and not is_word(self.remainder, "drop"):
            used = {position for route in routes for position in route.positions}
            rest = [position for position in range(table.shape[1]) if position not in used]
            if rest:
                routes.append(Route("remainder", self.remainder, tuple(rest), tuple(table.columns[rest]), False))
        if all(is_word(route.encoder, "drop") for route in routes):
            raise InputMismatchError("No input has a column: every selection is empty or dropped.")
        return routes

    def _fit_groups(self, fit_inputs, routes, table, y, sample_weight):
        """Fit the inputs, those that share an encoder together, and give the result of each."""
        sharing = {}
        for route in routes:
            sharing.setdefault(root_name(route, routes), []).append(route)
        arguments = [
            (group, [columns_of(route, table) for route in group], y, sample_weight) for group in sharing.values()
        ]
        groups = at_once(fit_inputs, arguments, self.n_jobs)
        fitted = {route.name: (route, result) for group in groups for route, result in group}
        self._routes = [fitted[route.name][0] for route in routes]
        return [fitted[route.name][1] for route in routes]

    def _as_fitted_table(self, X):
        """Return (table, {position at fit: position in the table}); None for a table whose columns stand as at fit."""
        dict_at_fit = not self._routes[0].positions
        names = [route.name for route in self._routes] if dict_at_fit else None
        table = to_table(X, names, by_input=dict_at_fit)
        if dict_at_fit:
            check_widths(table, self._routes, by_order=not isinstance(X, Mapping))
            n_rows(table)
            return table, None
        if not isinstance(table, pd.DataFrame):
            raise InputMismatchError(
                f"X is a {type(X).__name__} of arrays, but the router was fitted on a table with the columns "
                f"{quote_first(self._labels)}. Give a DataFrame."
            )
        labels = list(table.columns)
        if labels == self._labels:
            return table, None
        is_frame = isinstance(X, pd.DataFrame) or hasattr(X, "to_pandas")
        named = is_frame and all(isinstance(label, str) for label in labels)
        numbered_at_fit = self._labels == list(range(self.n_features_in_))
        # A frame of numbered columns may be an array that the estimator made a table of.
        stands_for_array = labels == list(range(len(labels))) and (
            numbered_at_fit or hasattr(self, "feature_names_in_")
        )
        if is_frame and not stands_for_array and not (named and numbered_at_fit):
            return table, places_by_label(table, self._routes)
        if len(labels) != self.n_features_in_:
            raise InputMismatchError(
                f"X has {len(labels)} features, but {type(self).__name__} is expecting {self.n_features_in_} "
                "features as input."
            )
        if named or hasattr(self, "feature_names_in_"):
            has, fitted = ("has", "without") if named else ("does not have valid", "with")
            warn(
                f"X {has} feature names, but {type(self).__name__} was fitted {fitted} feature names",
                UserWarning,
            )
        return table.set_axis(self._labels, axis=1), None


def make_input_router(*routes, remainder="drop", kinds=None, n_jobs=None):
    """Make an `InputRouter` whose inputs get their names from their encoders.

    Parameters
    ----------
    *routes : tuple (encoder, columns)
        The inputs; names are the lower-cased class names, numbered where they repeat.
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
