"""What every encoder, branch and merge must do, checked on any of them.

A new kind of input is tested by being listed in `test_common.py`: `check_encoder`,
`check_branch` and `check_merge` hold the contracts of `skmulti.inputs.base` and
`skmulti.merges`, whatever the class does.
"""

import copy
import pickle

import keras
import numpy as np
import pandas as pd
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skmulti.merges import as_merge
from skmulti.training import isolated


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
    encoded, missing = fitted.encode(columns)
    assert_array_equal(encoded, array)
    assert missing.shape == (len(columns),)
    assert missing.dtype == bool
    again, missing_again = clone(fitted).fit_encode(columns)
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
    for twin in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted), clone(fitted).fit(columns)):
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
    """A second fit forgets the first."""
    refitted = clone(encoder).fit(columns.iloc[:2])
    refitted.fit(columns)
    assert_array_equal(refitted.transform(columns), array)


def _check_params(encoder):
    """Parameters can be read, set and shown, and a bad name is refused."""
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
    with isolated(seed, dtype):
        return branch.build(spec, sample)


def _check_width(model, spec):
    """A branch maps (batch, *shape) to (batch, width), the width known."""
    assert model.input_shape == (None, *spec.shape)
    assert len(model.output_shape) == 2
    assert isinstance(model.output_shape[1], int)
    assert model.output_shape[1] > 0


def missing_array(spec, n_rows=3):
    """Give rows that hold nothing: NaN, ids 0, or blank pixels."""
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
    """Give a model's output for arrays, as NumPy."""
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
    with isolated(0, "float32"):
        merged = as_merge(merge).combine(tensors, flags)
    return keras.Model(inputs, merged)


def _check_merged(merge, widths, flagged):
    """Give a finite (batch, known width) tensor that reloads, whatever rows are missing."""
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
