"""What holds for every table, however dirty: random frames against the router, a few against an estimator."""

import functools
import traceback
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from dirty_frames import KINDS, ODD_CELLS, hypothesis, quietly, recipes, st
from numpy.testing import assert_allclose, assert_array_equal

import skmulti
from skmulti import InputMismatchError, InputRouter, MultiInputClassifier

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")

MOST_CHARACTERS = 600
# Kinds whose cells tell what they are.
TIDY = tuple(kind for kind in KINDS if kind not in ("mixed", "empty", "nothing", "blanks"))


def examples(count):
    """Return the settings of a property: the same examples in every run, and no files."""
    return hypothesis.settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        print_blob=False,
    )


def is_own(error):
    """Return whether skmulti raised an error by itself, which its message then explains."""
    raised_at = traceback.extract_tb(error.__traceback__)[-1].filename
    return isinstance(error, ValueError | TypeError) and "skmulti" in raised_at.replace("\\", "/").split("/")


def attempt(function, *arguments):
    """Return what a function returns, or None if it ends in an error that skmulti explains in few words."""
    result, refusal = None, ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(*arguments)
        except Exception as error:
            if not is_own(error):
                raise
            refusal = str(error)
    assert len(refusal) <= MOST_CHARACTERS, refusal
    for warning in caught:
        assert warning.category.__module__.startswith("skmulti"), str(warning)
        assert len(str(warning.message)) <= MOST_CHARACTERS + 200, str(warning.message)
    return result


def encode(router, X):
    """Return the arrays of rows."""
    return quietly(router.transform, X)


def fit_or_skip(X):
    """Return a router that was fitted on rows; rows that it refuses are another property's matter."""
    router = attempt(InputRouter().fit, X)
    hypothesis.assume(router is not None)
    return router


def assert_same_arrays(found, expected, **tolerance):
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        if tolerance and array.dtype.kind == "f":
            assert_allclose(found[name], array, err_msg=name, **tolerance)
        else:
            assert_array_equal(found[name], array, err_msg=name)


def assert_valid(arrays, router, n_rows):
    """Check arrays against their specs."""
    for name, spec in router.specs_.items():
        array = arrays[name]
        assert array.shape == (n_rows, *spec.shape)
        assert array.dtype == spec.dtype
        if array.dtype.kind == "f":
            assert not np.isinf(array).any(), name
        elif spec.vocabulary_sizes:
            assert array.min(initial=0) >= 0
            assert (array < np.array(spec.vocabulary_sizes)).all(), name


def snapshot(frame):
    """Return what a frame holds in words, whatever its cells are."""
    return [
        (str(label), str(column.dtype), [f"{type(cell)} {cell!r}" for cell in column])
        for label, column in frame.items()
    ]


ANY = recipes(other_labels=(5, 1.5, None, ("a", 1), True))


@examples(60)
@hypothesis.given(ANY)
def test_a_router_ends_well_or_says_why_not(recipe):
    """Any frame is encoded to finite numbers and known ids, or refused in a few words; it is left as it was."""
    frame = recipe.frame()
    before = snapshot(frame)
    router = attempt(InputRouter().fit, frame)
    if router is not None:
        arrays = attempt(router.transform, frame)
        assert arrays is not None, "rows of the fit are refused"
        assert_valid(arrays, router, len(frame))
        assert_same_arrays(quietly(InputRouter().fit_transform, frame), arrays, rtol=1e-5, atol=1e-6)
    assert snapshot(frame) == before


@examples(40)
@hypothesis.given(recipes(), recipes())
def test_other_cells_are_encoded_or_refused(recipe, other):
    """Columns that hold something else at predict are encoded to valid arrays, or refused in a few words."""
    router = fit_or_skip(recipe.frame())
    frame = other.frame()
    frame = pd.concat(
        [frame.iloc[:, i % frame.shape[1]].rename(column.label) for i, column in enumerate(recipe.columns)], axis=1
    )
    arrays = attempt(router.transform, frame)
    if arrays is not None:
        assert_valid(arrays, router, len(frame))


@examples(40)
@hypothesis.given(recipes(), st.integers(0, 2**16), st.integers(1, 30))
def test_rows_are_encoded_one_by_one(recipe, seed, size):
    """Order of rows and columns, labels of rows and the number of rows given at once change no array.

    Of five rows and more whose cells of a column are all odd, the router says that it is another column:
    such a piece is not compared.
    """
    frame = recipe.frame()
    router = fit_or_skip(frame)
    expected = encode(router, frame)
    rng = np.random.default_rng(seed)

    columns = rng.permutation(frame.shape[1])
    assert_same_arrays(encode(router, frame.iloc[:, columns]), expected)
    assert_same_arrays(encode(router, frame.set_axis(range(len(frame)), axis=0)), expected)
    rows = rng.permutation(len(frame))
    assert_same_arrays(encode(router, frame.iloc[rows]), {name: array[rows] for name, array in expected.items()})
    for start in range(0, len(frame), size):
        piece = {name: array[start : start + size] for name, array in expected.items()}
        try:
            found = encode(router, frame.iloc[start : start + size])
        except InputMismatchError:
            assert 5 <= size < len(frame)
            continue
        assert_same_arrays(found, piece)


@examples(25)
@hypothesis.given(recipes(rows=(1, 12)))
def test_records_are_rows(recipe):
    """Rows as dicts, all at once and one by one, are encoded as those of the frame."""
    frame = recipe.frame()
    router = fit_or_skip(frame)
    expected = encode(router, frame)
    records = [
        dict(zip(frame.columns, row, strict=True)) for row in frame.astype(object).itertuples(index=False, name=None)
    ]
    assert_same_arrays(encode(router, records), expected)
    for i, record in enumerate(records):
        own = {name: array[[i]] for name, array in expected.items()}
        assert_same_arrays(encode(router, record), own)
        assert_same_arrays(encode(router, frame.iloc[[i]]), own)


LIBRARIES = {
    "objects": lambda frame: frame.astype(object).where(frame.notna(), None),
    "nullable": lambda frame: frame.convert_dtypes(dtype_backend="numpy_nullable"),
    "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False).to_pandas(types_mapper=pd.ArrowDtype),
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "polars": pl.from_pandas,
}


def written_by(library, frame):
    """Return the frame as a library writes it; frames that it cannot hold are skipped."""
    try:
        return quietly(LIBRARIES[library], frame)
    except (pa.ArrowException, ValueError, TypeError, OverflowError, UnicodeError, pl.exceptions.PolarsError):
        hypothesis.reject()


# Arrow writes dicts and sets of its own, and the types of a mixture are lost in it.
HELD = tuple(kind for kind in TIDY if kind not in ("dicts", "sets", "periods", "category dtype"))


@examples(60)
@hypothesis.given(recipes(kinds=HELD, dirt=("clean", "gaps"), most_columns=3), st.sampled_from(list(LIBRARIES)))
def test_the_library_of_a_frame_does_not_matter(recipe, library):
    """A table in another library or in other dtypes gives the same plan and the same arrays, at fit and at predict."""
    frame = recipe.frame()
    # Polars gives a column without a name another one.
    hypothesis.assume(library != "polars" or "" not in frame.columns)
    router = fit_or_skip(frame)
    expected = encode(router, frame)
    other = written_by(library, frame)
    assert_same_arrays(encode(router, other), expected)
    again = quietly(InputRouter().fit, other)
    assert again.plan_["encoder"].tolist() == router.plan_["encoder"].tolist()
    assert_same_arrays(encode(again, other), expected, rtol=1e-5, atol=1e-6)


def as_texts(column):
    return column.map(lambda cell: cell if pd.isna(cell) else cell if isinstance(cell, str) else str(cell)).astype(
        object
    )


INTS = ("ints", "big ints", "codes", "uint8")
FLOATS = ("numbers", "skewed", "huge numbers")
STRINGS = ("categories", "yes and no", "number texts", "int texts", "codes with zeros", "date texts", "joined tags")
REWRITINGS = {
    "object": ((*INTS, *FLOATS, *STRINGS, "texts", "bools", "dates"), lambda column: column.astype(object)),
    "category": ((*INTS, *FLOATS, *STRINGS, "texts", "bools", "dates"), lambda column: column.astype("category")),
    "str": ((*INTS, *FLOATS, *STRINGS, "texts", "dates", "days"), as_texts),
    "nullable": ((*INTS, *FLOATS, *STRINGS, "texts", "bools"), lambda column: column.convert_dtypes()),
    "arrow": (
        (*INTS, *FLOATS, *STRINGS, "texts", "bools", "dates"),
        lambda column: column.convert_dtypes(dtype_backend="pyarrow"),
    ),
    "float": (("ints", "codes", "uint8"), lambda column: column.astype(float)),
    "float texts": (("ints", "codes", "uint8"), lambda column: as_texts(column.astype(float))),
    "numbers": (("int texts",), lambda column: column.astype(float)),
    "days": (("dates",), lambda column: column.dt.strftime("%Y-%m-%d %H:%M:%S")),
    "decimals": (("ints", "codes"), lambda column: column.map(int).map(Decimal)),
    "string": ((*STRINGS, "texts"), lambda column: column.astype("string[python]")),
}


@examples(60)
@hypothesis.given(st.data())
def test_the_type_of_a_column_may_change_at_predict(data):
    """Numbers as text, text as categories and so on are encoded as what they were at fit."""
    name = data.draw(st.sampled_from(list(REWRITINGS)))
    kinds, rewrite = REWRITINGS[name]
    recipe = data.draw(recipes(kinds=kinds, dirt=("clean",), most_columns=3))
    frame = recipe.frame()
    router = fit_or_skip(frame)
    other = frame.assign()
    for column in recipe.columns[:-1]:
        other[column.label] = rewrite(frame[column.label])
    assert_same_arrays(encode(router, other), encode(router, frame), rtol=1e-6)


@examples(60)
@hypothesis.given(
    recipes(kinds=TIDY, dirt=("clean",), rows=(40, 60), most_columns=3),
    st.sampled_from(list(ODD_CELLS)),
    st.integers(0, 2**16),
)
def test_few_odd_cells_change_their_rows_alone(recipe, odd, seed):
    """Under a twentieth of odd cells changes no other row at predict, and no encoder at fit.

    A constant with another cell is no constant any more. A cell that is a value of the column is not odd.
    """
    frame = recipe.frame()
    router = fit_or_skip(frame)
    expected = encode(router, frame)
    rows = np.random.default_rng(seed).permutation(len(frame))[: len(frame) // 20]
    dirty = frame.astype(object)
    for column in range(len(recipe.columns) - 1):
        for row in rows:
            dirty.iat[int(row), column] = ODD_CELLS[odd]
    others = np.setdiff1d(np.arange(len(frame)), rows)
    found = attempt(router.transform, dirty)
    if found is None:
        # Infinity among numbers is an error, as in scikit-learn.
        assert odd in ("infinity", "huge int")
        return
    assert_same_arrays(
        {name: array[others] for name, array in found.items()},
        {name: array[others] for name, array in expected.items()},
    )
    again = attempt(InputRouter().fit, dirty)
    if again is None:
        # A constant is left out, but with such cells it is a column of numbers.
        assert odd in ("infinity", "huge int")
        return
    kept = [column.kind != "constant" for column in recipe.columns]
    assert again.plan_["encoder"][kept].tolist() == router.plan_["encoder"][kept].tolist(), again.plan_.to_string()


@examples(40)
@hypothesis.given(recipes(kinds=TIDY), st.integers(1, 30))
def test_a_fit_in_parts_is_a_fit_at_once(recipe, size):
    """Parts of a table, read one by one or learned apart and merged, give the plan and arrays of the whole table."""
    frame = recipe.frame()
    at_once = fit_or_skip(frame)
    parts = [(frame.iloc[start : start + size], None, None) for start in range(0, len(frame), size)]
    for fit in (fit_in_order, fit_apart):
        in_parts = attempt(fit, parts, frame)
        if in_parts is None:
            return
        assert in_parts.plan_["encoder"].tolist() == at_once.plan_["encoder"].tolist()
        assert_same_arrays(encode(in_parts, frame), encode(at_once, frame), rtol=1e-3, atol=1e-3)


def fit_in_order(parts, sample):
    """Return a router that has read parts one by one."""
    return InputRouter().fit_chunks(lambda: iter(parts), sample)


def fit_apart(parts, sample):
    """Return a router that has learned each part by itself."""
    begun = InputRouter().begin_parts(sample)
    learned = functools.reduce(lambda one, other: one.merge(other), [begun.learn(*part) for part in parts])
    reader = begun.reader(learned)
    read = reader and functools.reduce(lambda one, other: one.merge(other), [reader.read(part[0]) for part in parts])
    return begun.finish(learned, sample, read)


def estimator():
    """Return a classifier that learns little, and soon."""
    return MultiInputClassifier(epochs=1, random_state=0, head=skmulti.DenseHead(units=(4,)), compile__run_eagerly=True)


@examples(5)
@hypothesis.given(recipes(rows=(12, 40), most_columns=3))
def test_an_estimator_predicts_every_row_by_itself(recipe):
    """Dirty tables are learned from, and a row's prediction does not depend on the rows beside it."""
    frame = recipe.frame()
    y = np.arange(len(frame)) % 2
    fitted = attempt(estimator().fit, frame, y)
    if fitted is None:
        return
    whole = quietly(fitted.predict_proba, frame)
    assert np.isfinite(whole).all()
    for rows in (slice(0, 1), slice(3, 8)):
        assert_allclose(quietly(fitted.predict_proba, frame.iloc[rows]), whole[rows], rtol=1e-4, atol=1e-5)
