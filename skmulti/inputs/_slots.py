"""Which columns of a scikit-learn transformer's output come from which of its input's.

Names of outputs do not tell: `Normalizer` has a name for each column, and each value depends on the whole row. So this
is known of some classes by name, and of no others; subclasses may do otherwise.
"""

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    Binarizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

# Each makes a value of a value, if its output is as wide as its input.
ONE_TO_ONE = {
    Binarizer,
    MaxAbsScaler,
    MinMaxScaler,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SimpleImputer,
    StandardScaler,
    TargetEncoder,
}


def transformer_slots(transformer, n_values):
    """Return the position of the column behind each of a transformer's values, or None; see `InputEncoder.slots`."""
    widths = _widths(transformer)
    return None if widths is None or sum(widths) != n_values else np.repeat(np.arange(len(widths)), widths)


def _widths(transformer):
    """Return into how many values a transformer turns each column, or None if that is not known."""
    kind = type(transformer)
    if kind is Pipeline:
        *first, last = (step for _, step in transformer.steps)
        return _widths(last) if all(map(_keeps_columns, first)) else None
    if _keeps_columns(transformer):
        return [1] * transformer.n_features_in_
    return _one_hot_widths(transformer) if kind is OneHotEncoder else None


def _keeps_columns(transformer):
    """Return whether a transformer makes one value of each of its columns, in their order."""
    # An imputer may drop an empty column and add an indicator of another one: as many values, of other columns.
    if type(transformer) not in ONE_TO_ONE or getattr(transformer, "add_indicator", False):
        return False
    return len(transformer.get_feature_names_out()) == transformer.n_features_in_


def _one_hot_widths(encoder):
    """Return the number of values of each column: its categories, rare ones as one, without the dropped one."""
    widths = [len(categories) for categories in encoder.categories_]
    if encoder.min_frequency is not None or encoder.max_categories is not None:
        rare = encoder.infrequent_categories_
        widths = [n if own is None else n - len(own) + 1 for n, own in zip(widths, rare, strict=True)]
    if encoder.drop_idx_ is not None:
        widths = [n - (dropped is not None) for n, dropped in zip(widths, encoder.drop_idx_, strict=True)]
    return widths
