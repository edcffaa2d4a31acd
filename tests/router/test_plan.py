"""What the default router makes of a column that nobody assigned, and what it says about it."""

import datetime
import decimal
import io
import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.preprocessing import OneHotEncoder

from skmulti import (
    CategoryIndexer,
    DroppedColumnsWarning,
    InputMismatchError,
    InputRouter,
    NumberScaler,
    TextVectorizer,
)
from skmulti.router.plan import infer_inputs

pa = pytest.importorskip("pyarrow")

N_ROWS = 60
RNG = np.random.default_rng(0)
ROWS = np.arange(N_ROWS)
WORDS = np.array(
    [
        "red",
        "green",
        "blue",
        "old",
        "new",
        "small",
        "large",
        "warm",
        "cold",
        "soft",
        "hard",
        "round",
        "flat",
        "long",
        "short",
        "deep",
    ]
)
PIXELS = RNG.integers(0, 256, size=(N_ROWS, 8, 8, 3), dtype="uint8")


def objects(cells):
    """Return cells as an object column, one cell a row whatever it is."""
    box = np.empty(len(cells), dtype=object)
    for i, cell in enumerate(cells):
        box[i] = cell
    return pd.Series(box, dtype=object)


def encoded(image, form):
    """Return the bytes of an image file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, form)
    return file.getvalue()


def arrow(cells, kind):
    return pd.Series(pd.array(cells, dtype=pd.ArrowDtype(kind)))


FLOATS = RNG.normal(size=N_ROWS)
INTS = RNG.integers(0, 30, size=N_ROWS)
BOOLS = ROWS % 3 == 0
CITIES = np.array(["Rome", "Oslo", "New York"])[ROWS % 3]
PHRASES = [" ".join(RNG.choice(WORDS, size=2)) + f" {WORDS[i % 16]} no {i}" for i in ROWS]
REVIEWS = [" ".join(RNG.choice(WORDS, size=12)) for _ in ROWS]
DAYS = pd.date_range("2024-01-30", periods=N_ROWS, freq="31h")
GAPS = [None if i % 7 == 0 else 1 for i in ROWS]


def with_gaps(cells):
    """Put a missing value into every seventh row."""
    return [None if gap is None else cell for gap, cell in zip(GAPS, cells, strict=True)]


VECTOR = {
    "row counter": pd.Series(ROWS),
    "nullable row counter": pd.Series(ROWS, dtype="Int64"),
    "many-valued numeric strings": pd.Series([f"{x:.5f}" for x in FLOATS]),
    "few-valued numbers with a unit": pd.Series(np.array(["10 mg", "20 mg", "5 mg"])[ROWS % 3]),
    "few-valued numeric strings": pd.Series(np.array(["12.5", "7.25", "3"])[ROWS % 3]),
    "float64": pd.Series(FLOATS),
    "float32": pd.Series(FLOATS, dtype="float32"),
    "float16": pd.Series(FLOATS, dtype="float16"),
    "int64": pd.Series(INTS),
    "int8": pd.Series(INTS, dtype="int8"),
    "uint16": pd.Series(INTS, dtype="uint16"),
    "few-valued int": pd.Series(INTS % 3),
    "float64 with NaN": pd.Series(with_gaps(FLOATS), dtype="float64"),
    "Int64": pd.Series(with_gaps(INTS), dtype="Int64"),
    "UInt8": pd.Series(with_gaps(INTS), dtype="UInt8"),
    "Float64": pd.Series(with_gaps(FLOATS), dtype="Float64"),
    "arrow int64": arrow(with_gaps(INTS.tolist()), pa.int64()),
    "arrow float32": arrow(FLOATS.tolist(), pa.float32()),
    "arrow decimal": arrow([decimal.Decimal(int(i)) / 4 for i in INTS], pa.decimal128(10, 2)),
    "sparse float": pd.Series(pd.arrays.SparseArray(np.where(BOOLS, FLOATS, 0.0))),
    "Decimal cells": objects([decimal.Decimal(int(i)) / 4 for i in INTS]),
    "int cells with None": objects(with_gaps(INTS.tolist())),
    "float and int cells": objects([i if i % 2 else i / 7 for i in INTS.tolist()]),
    "counter with gaps of measurements": pd.Series(RNG.permutation(10_000)[:N_ROWS]),
    "lists of one length": objects([[1.0, i, 2.0] for i in INTS.tolist()]),
    "1-D arrays of one length": objects(list(RNG.normal(size=(N_ROWS, 4)))),
    "1-D uint8 arrays": objects(list(PIXELS[:, 0, :, 0])),
    "1-D arrays with None": objects(with_gaps(list(RNG.normal(size=(N_ROWS, 4))))),
    "arrow lists of one length": arrow([[1.0, float(i)] for i in INTS], pa.list_(pa.float64())),
    "arrow fixed-size lists": arrow([[1.0, float(i)] for i in INTS], pa.list_(pa.float32(), 2)),
    "datetime64[ns]": pd.Series(DAYS.as_unit("ns")),
    "datetime64[s]": pd.Series(DAYS.as_unit("s")),
    "datetime64 with NaT": pd.Series(with_gaps(list(DAYS)), dtype="datetime64[ns]"),
    "tz-aware": pd.Series(DAYS.tz_localize("Europe/Rome")),
    "arrow timestamp": arrow(list(DAYS), pa.timestamp("us")),
    "arrow timestamp, tz": arrow(list(DAYS.tz_localize("UTC")), pa.timestamp("us", tz="UTC")),
    "arrow date": arrow([day.date() for day in DAYS], pa.date32()),
    "datetime.date": objects([day.date() for day in DAYS]),
    "datetime.datetime": objects([day.to_pydatetime() for day in DAYS]),
    "ISO days": pd.Series([f"{day:%Y-%m-%d}" for day in DAYS]),
    "ISO times": pd.Series([f"{day:%Y-%m-%dT%H:%M:%S}" for day in DAYS]),
    "ISO days with None": pd.Series(with_gaps([f"{day:%Y-%m-%d}" for day in DAYS])),
    "timedelta64": pd.Series(pd.to_timedelta(INTS, unit="h")),
    "arrow duration": arrow([datetime.timedelta(hours=int(i)) for i in INTS], pa.duration("s")),
    "period": pd.Series(pd.period_range("2020-01", periods=N_ROWS, freq="M")),
}
CATEGORY = {
    "bool": pd.Series(BOOLS),
    "boolean": pd.Series(with_gaps(BOOLS), dtype="boolean"),
    "arrow bool": arrow(with_gaps(BOOLS.tolist()), pa.bool_()),
    "bool cells with None": objects(with_gaps(BOOLS.tolist())),
    "str": pd.Series(CITIES, dtype="str"),
    "str with NaN": pd.Series(with_gaps(CITIES), dtype="str"),
    "string": pd.Series(with_gaps(CITIES), dtype="string"),
    "object strings": pd.Series(CITIES, dtype=object),
    "arrow string": arrow(CITIES.tolist(), pa.string()),
    "arrow large string": arrow(CITIES.tolist(), pa.large_string()),
    "arrow dictionary": arrow(CITIES.tolist(), pa.dictionary(pa.int32(), pa.string())),
    "category of strings": pd.Series(CITIES, dtype="category"),
    "category of ints": pd.Series(INTS % 5, dtype="category"),
    "category of intervals": pd.Series(pd.cut(FLOATS, 3)),
    "ordered category": pd.Series(pd.Categorical(CITIES, ordered=True)),
    "sparse bool": pd.Series(pd.arrays.SparseArray(BOOLS)),
    "words and numbers mixed": objects(["a", 1, "b"] * 20),
    "a few sentences that come back": pd.Series(
        np.array(["I would buy it again at once", "I would never ever buy it again"])[ROWS % 2]
    ),
}
TEXT = {
    "long str": pd.Series(REVIEWS, dtype="str"),
    "long str with NaN": pd.Series(with_gaps(REVIEWS), dtype="str"),
    "long object strings": pd.Series(REVIEWS, dtype=object),
    "long string": pd.Series(REVIEWS, dtype="string"),
    "long arrow string": arrow(REVIEWS, pa.string()),
    "many-valued several words": pd.Series(PHRASES),
}
IMAGE = {
    "PNG bytes": objects([encoded(image, "PNG") for image in PIXELS]),
    "JPEG bytes": objects([encoded(image, "JPEG") for image in PIXELS]),
    "PNG bytes with None": objects(with_gaps([encoded(image, "PNG") for image in PIXELS])),
    "arrow binary": arrow([encoded(image, "PNG") for image in PIXELS], pa.binary()),
    "bytes in dicts": objects([{"bytes": encoded(image, "PNG"), "path": None} for image in PIXELS]),
    "PIL images": objects([Image.fromarray(image) for image in PIXELS]),
    "paths": pd.Series([f"photos/{i:04}.jpg" for i in ROWS]),
    "upper-case paths": pd.Series([f"photos/{i:04}.PNG" for i in ROWS]),
    "uint8 3-D arrays": objects(list(PIXELS)),
    "uint8 2-D arrays": objects(list(PIXELS[..., 0])),
}
SEQUENCE = {
    "float 2-D arrays": objects(list(RNG.normal(size=(N_ROWS, 5, 2)))),
    "float32 2-D arrays": objects(list(RNG.normal(size=(N_ROWS, 5, 2)).astype("float32"))),
    "nested lists": objects([[[1.0, 2.0], [3.0, float(i)]] for i in INTS]),
    "lists of unequal length": objects([[1.0] * (1 + i % 4) for i in ROWS]),
    "arrays of unequal length": objects([np.ones(1 + i % 4) for i in ROWS]),
    "lists of unequal length with None": objects(with_gaps([[1.0] * (1 + i % 4) for i in ROWS])),
    "arrow lists of unequal length": arrow([[1.0] * (1 + i % 4) for i in ROWS], pa.list_(pa.float64())),
    ".npy paths": pd.Series([f"traces/{i:04}.npy" for i in ROWS]),
}
TAGS = {
    "lists of words": objects([["a", "b"], ["c"]] * (N_ROWS // 2)),
    "sets of words": objects([{"a", "b"}, {"c"}] * (N_ROWS // 2)),
    "arrow lists of words": arrow([["a", "b"], ["c"]] * (N_ROWS // 2), pa.list_(pa.string())),
    "joined words": pd.Series(["a|b", "b|c", "a|c", "a", "c|b|a", "b|a|d"] * (N_ROWS // 6)),
}
DROPPED = {
    "all missing, float": (pd.Series([np.nan] * N_ROWS), "empty"),
    "all missing, object": (objects([None] * N_ROWS), "empty"),
    "constant number": (pd.Series([3] * N_ROWS), "constant: 3"),
    "constant string": (pd.Series(["same"] * N_ROWS), "constant: 'same'"),
    "constant category": (pd.Series(["same"] * N_ROWS, dtype="category"), "constant: 'same'"),
    "constant date": (pd.Series([DAYS[0]] * N_ROWS), "constant"),
    "near-unique intervals": (pd.Series(pd.arrays.IntervalArray.from_breaks(range(N_ROWS + 1))), "an id"),
    "near-unique words": (pd.Series([f"user{i:05}" for i in ROWS]), "an id: 60 different values in 60 rows"),
    "near-unique codes in Arrow": (arrow([f"A-{i * 37:05}" for i in ROWS], pa.string()), "an id"),
}
REFUSED = {
    "complex": pd.Series(FLOATS + 1j),
    "lists of dates": objects([[day] for day in DAYS]),
    "unknown bytes": objects([b"abc%d" % i for i in ROWS]),
}


def cases(**tables):
    """Return every column with its kind as a parameter set."""
    return [
        pytest.param(column, kind, id=f"{name} -> {kind}")
        for kind, table in tables.items()
        for name, column in table.items()
    ]


ALL = cases(vector=VECTOR, category=CATEGORY, text=TEXT, image=IMAGE, sequence=SEQUENCE, tags=TAGS)
DTYPES = {
    "vector": "float32",
    "category": "int32",
    "text": "int32",
    "tags": "int32",
    "image": "uint8",
    "sequence": "float32",
}


@pytest.mark.parametrize(("column", "kind"), ALL)
def test_each_type_of_column_goes_to_its_kind(column, kind):
    inputs, _ = infer_inputs(column.to_frame("x"))
    ((_, encoder, _),) = inputs
    assert encoder.default_branch.reads == (kind,)


@pytest.mark.parametrize(("column", "kind"), [case for case in ALL if "paths" not in case.id])
def test_each_type_of_column_is_encoded(column, kind):
    router = InputRouter()
    arrays = router.fit_transform(column.to_frame("x"))
    (spec,) = router.specs_.values()
    assert spec.kind == kind
    assert arrays[spec.name].shape == (N_ROWS, *spec.shape)
    assert arrays[spec.name].dtype == DTYPES[kind]


@pytest.mark.parametrize(("column", "reason"), [pytest.param(*case, id=name) for name, case in DROPPED.items()])
def test_columns_that_cannot_help_are_dropped_with_a_note(column, reason):
    _, plan = infer_inputs(pd.DataFrame({"age": FLOATS, "x": column}))
    (row,) = plan[plan["column"] == "x"].to_dict("records")
    assert (row["input"], row["encoder"]) == ("", "dropped")
    assert reason in row["reason"]


@pytest.mark.parametrize("column", [pytest.param(column, id=name) for name, column in REFUSED.items()])
def test_columns_that_no_encoder_reads_are_dropped_with_a_warning(column):
    frame = pd.DataFrame({"age": FLOATS, "x": column})
    with pytest.warns(DroppedColumnsWarning, match=r"1 column is left out.*'x' \(no encoder takes cells of type"):
        inputs, plan = infer_inputs(frame)
    assert [name for name, _, _ in inputs] == ["numbers"]
    assert plan["encoder"].tolist() == ["NumberScaler", "dropped"]
    with pytest.raises(InputMismatchError, match=r"No column of X is left to learn from: 'x' \(no encoder takes"):
        infer_inputs(column.to_frame("x"))


def test_all_columns_that_are_left_out_stand_in_one_warning():
    words = [f"{chr(97 + i % 26)}{i}x{i * 7919 % 101}" for i in ROWS]
    frame = pd.DataFrame({"age": FLOATS, **{f"id {i}": words for i in range(6)}})
    with pytest.warns(DroppedColumnsWarning) as caught:
        infer_inputs(frame)
    (warning,) = caught
    assert "6 columns are left out" in str(warning.message)
    assert "and 2 more" in str(warning.message)
    assert len(str(warning.message)) <= 600


def test_what_says_nothing_is_left_out_without_a_warning():
    frame = pd.DataFrame({"age": FLOATS, "same": "a", "empty": None, "id": [f"q{i}x" for i in ROWS]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, plan = infer_inputs(frame, {"id": "drop"})
    assert plan["encoder"].tolist() == ["NumberScaler", "dropped", "dropped", "dropped"]


@pytest.mark.parametrize("counter", [np.arange(100), np.random.default_rng(1).permutation(100) + 1000])
def test_a_counter_of_rows_is_a_number_and_the_plan_says_what_it_does(counter):
    inputs, plan = infer_inputs(pd.DataFrame({"x": counter}))
    assert [name for name, _, _ in inputs] == ["numbers"]
    assert plan["reason"][0] == "numbers; counts the rows: kinds={'x': 'drop'} if it is an id"


def test_a_constant_with_gaps_is_kept_since_gaps_may_tell_something():
    inputs, _ = infer_inputs(pd.DataFrame({"x": with_gaps([1.0] * N_ROWS)}))
    assert [name for name, _, _ in inputs] == ["numbers"]


def test_few_rows_say_nothing_about_ids():
    inputs, _ = infer_inputs(pd.DataFrame({"x": ["a", "b", "c"], "n": [1, 2, 3]}))
    assert [name for name, _, _ in inputs] == ["categories", "numbers"]


def test_one_row_is_no_constant():
    inputs, _ = infer_inputs(pd.DataFrame({"x": [1.0]}))
    assert [name for name, _, _ in inputs] == ["numbers"]


def test_numbers_categories_and_dates_share_an_input_and_texts_have_their_own():
    frame = pd.DataFrame(
        {"a": FLOATS, "b": CITIES, "c": REVIEWS, "d": INTS, "e": BOOLS, "f": REVIEWS[::-1], "g": DAYS, "h": DAYS}
    )
    inputs, _ = infer_inputs(frame)
    assert {name: columns for name, _, columns in inputs} == {
        "numbers": [0, 3],
        "categories": [1, 4],
        "c": [2],
        "f": [5],
        "dates": [6, 7],
    }


def test_plan_has_a_row_for_each_column_in_their_order():
    router = InputRouter().fit(pd.DataFrame({"age": FLOATS, "city": CITIES, "same": 1, "review": REVIEWS}))
    assert router.plan_.to_dict("list") == {
        "column": ["age", "city", "same", "review"],
        "input": ["numbers", "categories", "", "review"],
        "encoder": ["NumberScaler", "CategoryIndexer", "dropped", "TextVectorizer"],
        "reason": ["numbers", "3 different values", "constant: 1", "60 different texts of several words"],
    }


def test_plan_of_given_inputs_names_every_use_of_a_column():
    frame = pd.DataFrame({"age": FLOATS, "city": CITIES, "home": CITIES, "spare": INTS, "rest": INTS})
    inputs = [
        ("scaled", NumberScaler(), ["age"]),
        ("raw", "passthrough", ["age"]),
        ("city", CategoryIndexer(), "city"),
        ("home", "city", "home"),
        ("spare", "drop", ["spare"]),
    ]
    plan = InputRouter(inputs).fit(frame).plan_
    assert plan.to_numpy().tolist() == [
        ["age", "scaled", "NumberScaler", "given"],
        ["age", "raw", "passthrough", "given"],
        ["city", "city", "CategoryIndexer", "given"],
        ["home", "home", "city", "given"],
        ["spare", "", "dropped", "given"],
        ["rest", "", "dropped", "named by no input"],
    ]


def test_kinds_override_one_column():
    frame = pd.DataFrame({"zip": INTS, "age": FLOATS})
    _, plan = infer_inputs(frame, {"zip": "category"})
    assert plan["encoder"].tolist() == ["CategoryIndexer", "NumberScaler"]
    assert plan["reason"].tolist() == ["given: category", "numbers"]


def test_kinds_choose_the_encoder_of_a_kind_that_suits_the_column():
    inputs, _ = infer_inputs(pd.DataFrame({"when": DAYS}), {"when": "vector"})
    assert inputs[0][0] == "dates"


def test_kinds_drop_a_column():
    _, plan = infer_inputs(pd.DataFrame({"zip": INTS, "age": FLOATS}), {"zip": "drop"})
    assert plan["encoder"].tolist() == ["dropped", "NumberScaler"]


def test_kinds_keep_a_column_that_would_be_dropped():
    inputs, _ = infer_inputs(pd.DataFrame({"row": ROWS}), {"row": "vector"})
    assert [name for name, _, _ in inputs] == ["numbers"]


def test_an_encoder_in_kinds_is_for_its_column_alone():
    frame = pd.DataFrame({"age": with_gaps(FLOATS), "income": with_gaps(FLOATS)})
    router = InputRouter(kinds={"age": NumberScaler(add_indicator=False)}).fit(frame)
    assert {name: spec.shape for name, spec in router.specs_.items()} == {"age": (1,), "numbers": (2,)}


def test_kinds_take_a_transformer_of_scikit_learn():
    router = InputRouter(kinds={"city": OneHotEncoder()}).fit(pd.DataFrame({"city": CITIES, "age": FLOATS}))
    assert router.specs_["city"].shape == (3,)


def test_kinds_hold_for_entries_of_a_dict_of_arrays():
    arrays = {"zip": INTS, "age": FLOATS, "spare": INTS}
    router = InputRouter(kinds={"zip": "category", "spare": "drop"}).fit(arrays)
    assert {name: spec.kind for name, spec in router.specs_.items()} == {"zip": "category", "age": "vector"}


def test_an_unknown_kind_is_refused_with_the_closest_match():
    with pytest.raises(ValueError, match=r"wants 'categry' for column 'zip'.*Did you mean 'category'"):
        InputRouter(kinds={"zip": "categry"}).fit(pd.DataFrame({"zip": INTS}))


def test_a_column_of_kinds_that_x_lacks_is_refused_with_the_closest_match():
    with pytest.raises(ValueError, match=r"names column 'zipp', which X does not have. Did you mean 'zip'"):
        InputRouter(kinds={"zipp": "category"}).fit(pd.DataFrame({"zip": INTS}))


def test_kinds_refuse_what_is_neither_kind_nor_encoder():
    with pytest.raises(TypeError, match=r"`kinds` wants 3 for column 'zip'"):
        InputRouter(kinds={"zip": 3}).fit(pd.DataFrame({"zip": INTS}))


def test_a_table_without_a_useful_column_is_refused_with_the_reasons():
    frame = pd.DataFrame({"same": [1] * N_ROWS, "gone": None})
    with pytest.raises(InputMismatchError, match=r"'same' \(constant: 1\); 'gone' \(empty\)"):
        InputRouter().fit(frame)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["a__b", "a/b"], ["a_b", "a_b_2"]),
        (["inputs", "kinds"], ["inputs_2", "kinds_2"]),
        (["numbers", "dates"], ["numbers_2", "dates_2"]),
        (["a_", " a_ "], ["a", "a_2"]),
        (["Review Text", "_id"], ["Review_Text", "id"]),
        (["prénom", "price (€)"], ["prenom", "price"]),
        (["評価", ""], ["column", "column_2"]),
        ([7, ("x", 1)], ["7", "x_1"]),
        (["a", "a"], ["a", "a_2"]),
    ],
)
def test_inferred_names_are_made_safe(labels, names):
    frame = pd.concat([pd.Series(REVIEWS), pd.Series(REVIEWS)], axis=1)
    frame.columns = pd.Index(labels, tupleize_cols=False)
    assert list(InputRouter().fit(frame).specs_) == names


def test_a_column_named_as_a_shared_input_does_not_take_its_place():
    frame = pd.DataFrame({"numbers": REVIEWS, "age": FLOATS})
    router = InputRouter().fit(frame)
    assert {name: spec.kind for name, spec in router.specs_.items()} == {"numbers_2": "text", "numbers": "vector"}


def test_the_plan_is_that_of_fit_whatever_new_rows_hold():
    frame = pd.DataFrame({"city": CITIES, "age": FLOATS})
    router = InputRouter().fit(frame)
    rows = pd.DataFrame({"city": PHRASES, "age": FLOATS})
    assert (router.transform(rows)["categories"] == 1).all()


def test_parts_of_the_table_are_left_as_they_were():
    frame = pd.DataFrame({"city": CITIES, "age": with_gaps(FLOATS), "cells": objects(with_gaps(INTS.tolist()))})
    before = frame.copy(deep=True)
    InputRouter().fit_transform(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_defaults_route_without_an_encoder_object_from_the_user():
    router = InputRouter().fit(pd.DataFrame({"review": REVIEWS}))
    assert isinstance(router.encoders_["review"], TextVectorizer)


@pytest.mark.parametrize("kinds", [None, {"review": "text"}])
def test_text_that_nobody_routed_is_read_with_punctuation_and_pairs_of_words(kinds):
    frame = pd.DataFrame({"review": ["not good!"] + [f"{first} {second}" for first in WORDS for second in WORDS]})
    vectorizer = InputRouter(kinds=kinds).fit(frame).encoders_["review"]
    assert vectorizer.ngrams == 2
    assert {"not good", "!", "good !"} <= set(vectorizer.vocabulary_)


def test_an_encoder_that_the_user_gives_keeps_its_words():
    router = InputRouter(kinds={"review": TextVectorizer()}).fit(pd.DataFrame({"review": REVIEWS}))
    assert router.encoders_["review"].ngrams is None
