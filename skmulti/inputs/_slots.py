"""Which columns of a scikit-learn transformer's output come from which of its input's.

Names of outputs do not tell: `Normalizer` has a name for each column, and each value depends on the whole row. So this
is known of some classes by name, and of no others; subclasses may do otherwise.
"""

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
    """Return the positions of each column in a transformer's output of a width, or None; see `InputEncoder`."""
    widths = _widths(transformer, n_values)
    if widths is None or sum(widths) != n_values:
        return None
    starts = [sum(widths[:i]) for i in range(len(widths))]
    return [list(range(start, start + width)) for start, width in zip(starts, widths, strict=True)]


def _widths(transformer, n_values):
    """Return into how many values a transformer turns each column, or None if that is not known."""
    kind = type(transformer)
    if kind is Pipeline:
        *first, last = (step for _, step in transformer.steps)
        passes = all(type(step) in ONE_TO_ONE and _keeps_width(step) for step in first)
        return _widths(last, n_values) if passes else None
    n_columns = getattr(transformer, "n_features_in_", None)
    if kind in ONE_TO_ONE:
        return [1] * n_columns if n_columns == n_values else None
    return _one_hot_widths(transformer) if kind is OneHotEncoder else None


def _keeps_width(step):
    """Return whether a step of a pipeline has as many outputs as inputs."""
    return len(step.get_feature_names_out()) == step.n_features_in_


def _one_hot_widths(encoder):
    """Return the number of values of each column: its categories, rare ones as one, without the dropped one."""
    widths = [len(categories) for categories in encoder.categories_]
    if encoder.min_frequency is not None or encoder.max_categories is not None:
        rare = encoder.infrequent_categories_
        widths = [n if own is None else n - len(own) + 1 for n, own in zip(widths, rare, strict=True)]
    if encoder.drop_idx_ is not None:
        widths = [n - (dropped is not None) for n, dropped in zip(widths, encoder.drop_idx_, strict=True)]
    return widths
