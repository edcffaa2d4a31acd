"""The warning that a column holds none of the values that fit saw, and when it is due."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skmulti import CategoryIndexer, InputRouter, MultiInputClassifier
from skmulti.errors import UnknownValuesWarning

SHOPS = [1, 2, 3, 2] * 10


def warnings_of(function, *arguments):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*arguments)
    return [str(each.message) for each in caught if issubclass(each.category, UnknownValuesWarning)]


def column(cells, name="shop"):
    return pd.Series(list(cells), name=name)


@pytest.mark.parametrize("n_rows", [2, 16, 17, 40])
def test_a_column_of_which_no_value_is_known_is_warned_of(n_rows):
    router = InputRouter(kinds={"shop": "category"}).fit(pd.DataFrame({"shop": SHOPS}))
    new = pd.DataFrame({"shop": (["a", "b"] * 20)[:n_rows]})

    (message,) = warnings_of(router.transform, new)

    assert message.startswith(
        f"column 'shop': {n_rows} of {n_rows} cells hold values that fit did not see. "
        "At fit: 1, 2, 3 (int); here: 'a', 'b' (str)."
    )
    assert len(message) <= 600


def test_the_encoder_by_itself_warns_too():
    indexer = CategoryIndexer().fit(column(SHOPS))
    with pytest.warns(UnknownValuesWarning, match="column 'shop'"):
        indexer.transform(column("abc"))


@pytest.mark.parametrize(
    ("train", "new"),
    [
        (SHOPS, [7]),
        (SHOPS, [None, None]),
        (SHOPS, [1, 7]),
        (SHOPS, [1, 2, 7]),
        (SHOPS, ["1", "2"]),
        (SHOPS, [7, None]),
        ([None, None], ["a", "b"]),
        # Where each value occurs once, later rows have other ones.
        ([f"name {i}" for i in range(40)], ["name 40", "name 41"]),
        ([f"name {i // 2}" for i in range(40)] + [f"{i}" for i in range(40)], ["name 40", "name 41"]),
    ],
    ids=lambda cells: repr(cells)[:40],
)
def test_what_was_to_be_expected_is_not_warned_of(train, new):
    indexer = CategoryIndexer().fit(pd.Series(train, dtype=object))
    assert not warnings_of(indexer.transform, pd.Series(new, dtype=object))


@pytest.mark.parametrize(
    ("train", "new"),
    [
        (SHOPS, [1, 7, 8]),
        (SHOPS, [1] * 40 + [7] * 41),
        ([1, 2, 3], ["a", "b"]),
        (["a", "b"], ["c", "d"]),
        ([f"name {i}" for i in range(10)] * 4, ["Name 1", "Name 2"]),
        ([f"name {i // 2}" for i in range(40)] + [f"{i}" for i in range(40)], [f"name {i}" for i in range(40, 60)]),
    ],
    ids=lambda cells: repr(cells)[:40],
)
def test_more_new_values_than_were_to_be_expected_are_warned_of(train, new):
    assert len(warnings_of(CategoryIndexer().fit(column(train)).transform, column(new))) == 1


def test_pooled_values_are_expected_to_have_no_id():
    cells = ["a"] * 20 + [f"rare {i // 2}" for i in range(60)]
    indexer = CategoryIndexer(min_frequency=5).fit(column(cells))

    assert not warnings_of(indexer.transform, column(cells[15:]))


def test_bins_cut_anew_are_warned_of():
    a, b = np.random.default_rng(0).normal(size=(2, 60))
    router = InputRouter().fit(pd.DataFrame({"bin": pd.cut(a, 5), "x": a}))

    (message,) = warnings_of(router.transform, pd.DataFrame({"bin": pd.cut(b, 5), "x": b}))

    assert "(Interval)" in message
    assert "at the edges of fit" in message
    assert not warnings_of(router.transform, pd.DataFrame({"bin": pd.cut(a, 5).astype(str), "x": b}))


@pytest.mark.parametrize("n_columns", [2, 30])
def test_many_columns_make_one_short_warning(n_columns):
    names = [f"{'name ' * 30}{i}" for i in range(n_columns)]
    indexer = CategoryIndexer().fit(pd.DataFrame({name: ["train" * 100, "b"] * 10 for name in names}))

    (message,) = warnings_of(indexer.transform, pd.DataFrame({name: ["new" * 100] * 5 for name in names}))

    assert len(message) <= 600
    assert "The same goes for" in message


def test_parts_that_fit_saw_count_together():
    indexer = CategoryIndexer()
    for part in (SHOPS, [4, 5]):
        indexer.partial_fit(column(part))
    assert not warnings_of(indexer.transform, column([4, 5, 5]))
    assert warnings_of(indexer.transform, column([6, 7, 7]))


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=60), "shop": pd.Categorical(rng.choice([1, 2, 3], 60))})
    return MultiInputClassifier(epochs=1, random_state=0).fit(table, table.x > 0), table


def test_texts_predict_what_the_numbers_predict(fitted):
    model, table = fitted
    new = table.assign(shop=table["shop"].astype(str))

    assert not warnings_of(model.predict_proba, new)
    np.testing.assert_array_equal(model.predict_proba(new), model.predict_proba(table))
    np.testing.assert_array_equal(model.predict_proba(new[:1]), model.predict_proba(table[:1]))


@pytest.mark.parametrize("n_rows", [2, 60])
def test_a_prediction_warns_once_at_the_line_of_the_user(fitted, n_rows):
    model, table = fitted
    with pytest.warns(UnknownValuesWarning) as caught:
        model.predict(table.assign(shop="elsewhere")[:n_rows])
    assert len(caught) == 1
    assert not warnings_of(model.predict, table.assign(shop="elsewhere")[:1])


def test_a_fit_does_not_warn_of_its_own_hold_out():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=120), "who": [f"id{i // 2}" for i in range(120)]})
    model = MultiInputClassifier(epochs=1, early_stopping=True, random_state=0)

    assert not warnings_of(model.fit, table, table.x > 0)
