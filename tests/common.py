"""What every encoder, branch and merge must do, checked on any of them.

A new kind of input is tested by being listed in `test_common.py`: `check_encoder`,
`check_branch` and `check_merge` hold the contracts of `skmulti.inputs.base` and
`skmulti.network.merges`, whatever the class does.
"""

import copy
import pickle
import random
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import (
    check_do_not_raise_errors_in_init_or_set_params,
    check_estimator_cloneable,
    check_estimator_repr,
    check_estimator_tags_renamed,
    check_get_params_invariance,
    check_mixin_order,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
    check_valid_tag_types,
)

from skmulti.network.merges import as_merge
from skmulti.training.run import isolate

# A tokenizer of pieces of words, with the marks of BERT.
TOKENIZER = Path(__file__).with_name("tokenizer.json")

# Those of scikit-learn's checks that bring no table of numbers; the functions below restate the others.
CHECKS_WITHOUT_DATA = (
    check_do_not_raise_errors_in_init_or_set_params,
    check_estimator_cloneable,
    check_estimator_repr,
    check_estimator_tags_renamed,
    check_get_params_invariance,
    check_mixin_order,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
    check_valid_tag_types,
)


def check_encoder(encoder, columns):
    """Hold an encoder to its contract.

    Parameters
    ----------
    encoder : InputEncoder
        Unfitted; left as it is.
    columns : Series or DataFrame of at least 4 rows
        What it reads, missing cells included.
    """
    before = copy.deepcopy(columns)
    array, fitted = _check_fit(encoder, columns)
    _check_spec(fitted, array, columns)
    _check_rows(fitted, array, columns)
    _check_copies(encoder, fitted, array, columns)
    _check_refit(encoder, columns, array)
    _check_few_cells(encoder, columns)
    _check_traces(encoder, fitted, array, columns)
    _check_output_config(encoder, fitted, array, columns)
    _check_params(encoder)
    assert_same_table(columns, before)


def assert_same_table(columns, expected):
    """Compare two Series or frames, cells and labels."""
    compare = pd.testing.assert_series_equal if isinstance(columns, pd.Series) else pd.testing.assert_frame_equal
    compare(columns, expected)


def _check_fit(encoder, columns):
    """Fit returns self, leaves parameters alone, and refuses to transform before it; give (array, fitted)."""
    fitted = clone(encoder)
    try:
        fitted.transform(columns)
    except NotFittedError:
        pass
    else:
        raise AssertionError(f"{encoder!r} transforms before it is fitted.")
    params = {name: copy.deepcopy(value) for name, value in fitted.get_params().items()}
    attributes = set(vars(fitted))
    assert fitted.fit(columns) is fitted
    assert repr(fitted.get_params()) == repr(params)
    learned = set(vars(fitted)) - attributes
    assert all(name.startswith("_") or name.endswith("_") for name in learned), learned
    return fitted.transform(columns), fitted


def _check_spec(fitted, array, columns):
    """The spec says what the array holds; ids keep to their vocabularies; a default branch reads the kind."""
    spec = fitted.spec("some")
    assert isinstance(array, np.ndarray)
    assert spec.name == "some"
    assert array.shape == (len(columns), *spec.shape)
    assert array.dtype == spec.dtype
    assert spec.kind in fitted.default_branch.reads
    if spec.vocabulary_sizes:
        assert array.min() >= 0
        assert (array < np.asarray(spec.vocabulary_sizes)).all()
    if array.dtype.kind == "f":
        assert not np.isinf(array).any()
    encoded, missing = fitted.encode_and_flag(columns)
    assert_array_equal(encoded, array)
    assert missing.shape == (len(columns),)
    assert missing.dtype == bool
    again, missing_again = clone(fitted).fit_encode_and_flag(columns)
    assert_array_equal(again, array)
    assert_array_equal(missing_again, missing)


def _check_rows(fitted, array, columns):
    """A row's encoding depends on that row alone: not on order, label, neighbours or number."""
    order = np.random.default_rng(0).permutation(len(columns))
    assert_array_equal(fitted.transform(columns.iloc[order]), array[order])
    assert_array_equal(fitted.transform(columns.iloc[1:3]), array[1:3])
    for position in range(min(len(columns), 4)):
        assert_array_equal(fitted.transform(columns.iloc[[position]]), array[[position]])
    doubled = pd.concat([columns, columns])
    assert_array_equal(fitted.transform(doubled), np.concatenate([array, array]))
    assert_array_equal(fitted.transform(columns.set_axis([f"row {i}" for i in range(len(columns))])), array)
    assert_array_equal(fitted.transform(columns.set_axis([7] * len(columns))), array)
    assert fitted.transform(columns.iloc[:0]).shape == (0, *array.shape[1:])
    assert_array_equal(fitted.transform(columns), array)


def _check_copies(encoder, fitted, array, columns):
    """Clones, pickles and deep copies encode alike; labels of training rows teach nothing."""
    unpickled = pickle.loads(pickle.dumps(fitted))
    again = pickle.loads(pickle.dumps(unpickled))
    for twin in (unpickled, again, copy.deepcopy(fitted), clone(fitted).fit(columns)):
        assert_array_equal(twin.transform(columns), array)
        assert twin.spec("some") == fitted.spec("some")
    relabelled = columns.set_axis(np.arange(len(columns))[::-1] * 10)
    assert_array_equal(clone(encoder).fit(relabelled).transform(columns), array)
    order = np.random.default_rng(1).permutation(len(columns))
    shuffled = clone(encoder).fit(columns.iloc[order])
    assert shuffled.spec("some") == fitted.spec("some")
    target = np.arange(len(columns))
    assert_array_equal(clone(encoder).fit_transform(columns, target), clone(encoder).fit(columns).transform(columns))


def _check_refit(encoder, columns, array):
    """A second fit forgets the first, on other rows or on the same."""
    refitted = clone(encoder).fit(columns.iloc[:2])
    for _ in range(2):
        refitted.fit(columns)
        assert_array_equal(refitted.transform(columns), array)


def _check_few_cells(encoder, columns):
    """A single row can be fitted, and so can rows that are all missing."""
    first = columns.iloc[[0]]
    fitted = clone(encoder).fit(first)
    assert fitted.transform(first).shape == (1, *fitted.spec("some").shape)
    missing = columns.astype(object).where(np.zeros(columns.shape, dtype=bool), None)
    # The mean of no number is NaN, which NumPy would warn about.
    with np.errstate(invalid="ignore"):
        fitted = clone(encoder).fit(missing)
    array, empty = fitted.encode_and_flag(missing)
    assert array.shape == (len(columns), *fitted.spec("some").shape)
    assert empty.all()


def _check_traces(encoder, fitted, array, columns):
    """Encoding changes neither the encoder, nor random states, nor memory that it may only read."""
    attributes = {name: id(value) for name, value in vars(fitted).items()}
    states = random.getstate(), repr(np.random.get_state())
    assert_array_equal(fitted.transform(frozen(columns)), array)
    assert {name: id(value) for name, value in vars(fitted).items()} == attributes
    assert_array_equal(clone(encoder).fit(frozen(columns)).transform(columns), array)
    assert (random.getstate(), repr(np.random.get_state())) == states


def frozen(columns):
    """Copy a Series or frame into arrays that cannot be written to, arrays in cells included."""
    if isinstance(columns, pd.DataFrame):
        parts = [frozen(columns.iloc[:, position]) for position in range(columns.shape[1])]
        return pd.concat(parts, axis=1)
    if not isinstance(columns.dtype, np.dtype):
        return columns.copy()
    values = columns.to_numpy().copy()
    if values.dtype == object:
        values = np.fromiter(map(copy.deepcopy, values), dtype=object, count=len(values))
        for cell in values:
            if isinstance(cell, np.ndarray):
                cell.flags.writeable = False
    values.flags.writeable = False
    return pd.Series(values, columns.index, name=columns.name, copy=False)


def _check_output_config(encoder, fitted, array, columns):
    """An array stays an array, whatever scikit-learn is told that transformers give."""
    for output in ("pandas", "polars"):
        with config_context(transform_output=output):
            for encoded in (fitted.transform(columns), clone(encoder).fit_transform(columns)):
                assert isinstance(encoded, np.ndarray)
                assert_array_equal(encoded, array)


def _check_params(encoder):
    """Parameters can be read, set and shown, and a bad name is refused."""
    for check in CHECKS_WITHOUT_DATA:
        check(type(encoder).__name__, clone(encoder))
    assert type(encoder).__name__ in encoder._repr_html_()
    tags = get_tags(encoder)
    assert tags.requires_fit
    assert [tags.no_validation, tags.non_deterministic, tags._skip_test] == [False] * 3
    # What came in does not decide the dtype of what goes out.
    assert tags.transformer_tags.preserves_dtype == []
    params = encoder.get_params()
    twin = type(encoder)(**encoder.get_params(deep=False))
    assert repr(twin) == repr(encoder)
    assert type(encoder).__name__ in repr(encoder)
    assert repr(twin.set_params(**params).get_params()) == repr(params)
    try:
        twin.set_params(no_such_parameter=1)
    except ValueError:
        pass
    else:
        raise AssertionError(f"{encoder!r} accepts any parameter.")


def check_encoder_columns(encoder, columns):
    """Hold an encoder to the columns of its fit: their number and names, and that there are some.

    Parameters
    ----------
    encoder : InputEncoder
        Unfitted; left as it is.
    columns : Series or DataFrame with names that are strings
        What it reads.
    """
    frame = columns.to_frame() if isinstance(columns, pd.Series) else columns
    for fitted in (clone(encoder).fit(columns), clone(encoder).fit(frame)):
        assert fitted.n_features_in_ == frame.shape[1]
        assert list(fitted.feature_names_in_) == list(frame.columns)
        assert_array_equal(fitted.transform(frame), clone(encoder).fit_transform(columns))
    others = [pd.concat([frame, frame.add_suffix(" again")], axis=1), frame.add_suffix(" renamed")]
    if frame.shape[1] > 1:
        others += [frame.iloc[:, 1:], frame.iloc[:, ::-1]]
    for other in others:
        assert_refused(fitted.transform, other)
    assert_refused(clone(encoder).fit, frame.iloc[:0])
    assert_refused(clone(encoder).fit, frame.iloc[:, :0])
    unnamed = clone(encoder).fit(frame.set_axis(range(frame.shape[1]), axis=1))
    assert not hasattr(unnamed, "feature_names_in_")


def assert_refused(method, columns):
    """Columns that do not fit are a ValueError."""
    try:
        method(columns)
    except ValueError:
        return
    raise AssertionError(f"{method} takes {columns.shape[0]} rows of {list(columns.columns)}.")


def check_encoder_unfitted(encoder, columns):
    """An encoder that knows nothing yet says so, whatever it is asked.

    Parameters
    ----------
    encoder : InputEncoder
        Unfitted.
    columns : Series or DataFrame
        What it reads.
    """
    questions = {"transform": columns, "encode": columns, "spec": "some"}
    for name in ("transform", "encode", "spec", "get_feature_names_out"):
        if not hasattr(encoder, name):
            continue
        try:
            answer = getattr(encoder, name)(*([questions[name]] if name in questions else []))
        except NotFittedError:
            continue
        # Parameters alone may decide an array's shape.
        assert name == "spec", f"{encoder!r} answers {name} before it is fitted."
        assert answer == clone(encoder).fit(columns).spec("some")


def check_branch(branch, spec, sample):
    """Hold a branch to its contract.

    Parameters
    ----------
    branch : Branch
        Left as it is.
    spec : ArraySpec
        An array that the branch reads.
    sample : ndarray of shape (n_rows, *spec.shape)
        Rows of it, at least 4.
    """
    shown = repr(branch.get_params())
    model = seeded_build(branch, spec, sample)
    _check_width(model, spec)
    _check_predictions(model, spec, sample)
    _check_seeds(branch, spec, sample, model)
    _check_reload(model, sample)
    assert repr(branch.get_params()) == shown
    assert seeded_build(clone(branch), spec, None).output_shape == model.output_shape
    _check_float64(branch, spec, sample)


def seeded_build(branch, spec, sample, dtype="float32", seed=0):
    """Build a branch as a fit does: under a seed and a float type that leave no trace."""
    with isolate(seed, dtype):
        return branch.build(spec, sample)


def _check_width(model, spec):
    """A branch maps (batch, *shape) to (batch, width), the width known."""
    assert model.input_shape == (None, *spec.shape)
    assert len(model.output_shape) == 2
    assert isinstance(model.output_shape[1], int)
    assert model.output_shape[1] > 0


def missing_array(spec, n_rows=3):
    """Return rows that hold nothing: NaN, ids 0, or blank pixels."""
    value = np.nan if spec.dtype.startswith("float") else 0
    return np.full((n_rows, *spec.shape), value, dtype=spec.dtype)


def _check_predictions(model, spec, sample):
    """Predictions are finite, even for rows that hold nothing, repeatable, and row by row."""
    output = predict(model, sample)
    assert output.shape == (len(sample), model.output_shape[1])
    assert np.isfinite(output).all()
    assert np.isfinite(predict(model, missing_array(spec))).all()
    assert_array_equal(predict(model, sample), output)
    assert_allclose(predict(model, sample[:1]), output[:1], rtol=1e-4, atol=1e-5)
    assert_allclose(predict(model, sample[::-1]), output[::-1], rtol=1e-4, atol=1e-5)


def predict(model, arrays):
    """Return a model's output for arrays, as NumPy."""
    return keras.ops.convert_to_numpy(model(arrays, training=False))


def _check_seeds(branch, spec, sample, model):
    """Equal seeds give equal weights."""
    twin = seeded_build(branch, spec, sample)
    for own, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert_array_equal(own, other)


def _check_reload(model, sample):
    """A model comes back from its config in Keras' safe mode, with its weights."""
    config = keras.saving.serialize_keras_object(model)
    twin = keras.saving.deserialize_keras_object(config, safe_mode=True)
    twin.set_weights(model.get_weights())
    assert_array_equal(predict(twin, sample), predict(model, sample))


def _check_float64(branch, spec, sample):
    """Under float64 no layer computes in float32, and the float type is as before afterwards."""
    before = keras.config.floatx()
    if spec.dtype == "float32":
        spec = type(spec)(**{**vars(spec), "dtype": "float64"})
        sample = sample.astype("float64")
    model = seeded_build(branch, spec, sample, dtype="float64")
    assert predict(model, sample).dtype == np.float64
    assert keras.config.floatx() == before


def check_merge(merge):
    """Hold a merge to its contract: one input or several, equal widths or not, with and without flags.

    Parameters
    ----------
    merge : Merge, str or callable
        Left as it is. A `StagedMerge` must stage the inputs "a" and "b".
    """
    shown = repr(merge)
    for widths in ({"a": 4, "b": 4}, {"a": 4, "b": 2, "c": 3}):
        for flagged in ((), ("a",), tuple(widths)):
            _check_merged(merge, widths, flagged)
    if not hasattr(merge, "steps"):
        _check_merged(merge, {"a": 3}, ())
        _check_merged(merge, {"a": 3}, ("a",))
    assert repr(merge) == shown


def merge_network(merge, widths, flagged):
    """Build a network that merges inputs of the given widths and nothing else."""
    tensors = {name: keras.Input((width,), name=name) for name, width in widths.items()}
    flags = {name: keras.Input((1,), dtype="bool", name=f"{name}__missing") for name in flagged}
    inputs = {**tensors, **{f"{name}__missing": flag for name, flag in flags.items()}}
    with isolate(0, "float32"):
        merged = as_merge(merge).combine(tensors, flags)
    return keras.Model(inputs, merged)


def _check_merged(merge, widths, flagged):
    """Return a finite (batch, known width) tensor that reloads, whatever rows are missing."""
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=(4, width)).astype("float32") for name, width in widths.items()}
    for name in flagged:
        arrays[f"{name}__missing"] = np.array([[False], [True], [True], [False]])
    model = merge_network(merge, widths, flagged)
    output = predict(model, arrays)
    assert output.shape == (4, model.output_shape[1])
    assert np.isfinite(output).all()
    assert_array_equal(predict(model, arrays), output)
    _check_reload(model, arrays)
    twin = merge_network(merge, widths, flagged)
    for own, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert_array_equal(own, other)
