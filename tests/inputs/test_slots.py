"""`InputEncoder.slots` against an oracle: the places of a row's array that change with the cells of one column."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, OneHotEncoder, OrdinalEncoder, StandardScaler

from skmulti.inputs import CalendarEncoder, CategoryIndexer, NumberScaler, SequencePadder, TransformerEncoder


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=40), "b": rng.normal(size=40), "c": rng.normal(size=40)})
    table.loc[[3, 8], "b"] = np.nan
    table["empty"] = np.nan
    table["day"] = pd.date_range("2024-01-01", periods=40, freq="37h")
    table["later"] = table["day"][::-1].to_numpy() + pd.Timedelta("3h")
    table["city"] = rng.choice(list("pqrs"), 40, p=[0.6, 0.3, 0.05, 0.05])
    table["flag"] = rng.choice(list("yn"), 40)
    return table


class Sums(NumberScaler):
    """What each place is made of, its parent does not know."""

    def transform(self, columns):
        return super().transform(columns).cumsum(axis=1)


class SumsOfWhole(TransformerEncoder):
    """As `Sums`; flags and rows together."""

    def encode_and_flag(self, columns):
        array, missing = super().encode_and_flag(columns)
        return array[:, ::-1], missing


def slots_of(encoder, columns):
    encoder.fit(columns)
    return encoder.slots(replace(encoder.spec("some"), columns=tuple(columns)))


KNOWN = [
    (NumberScaler(), ["b", "a", "c"]),
    (CategoryIndexer(), ["city", "flag"]),
    (CalendarEncoder(), ["later", "day"]),
    (SequencePadder(), ["a", "c"]),
    (TransformerEncoder(StandardScaler()), ["b", "a"]),
    (TransformerEncoder(OrdinalEncoder()), ["flag", "city"]),
    (TransformerEncoder(OneHotEncoder(drop="if_binary")), ["flag", "city"]),
    (TransformerEncoder(OneHotEncoder(max_categories=2, handle_unknown="ignore")), ["city", "flag"]),
    (TransformerEncoder(make_pipeline(SimpleImputer(), StandardScaler())), ["a", "b"]),
    (TransformerEncoder(Normalizer()), ["a"]),
    (NumberScaler(), ["b"]),
]
UNKNOWN = [
    # It has a name for each column, and each of its values depends on all.
    (TransformerEncoder(Normalizer()), ["a", "c"]),
    (TransformerEncoder(make_pipeline(Normalizer(), StandardScaler())), ["a", "c"]),
    # As many values as columns: one column is dropped, another one indicated.
    (TransformerEncoder(SimpleImputer(add_indicator=True)), ["empty", "a"]),
    (TransformerEncoder(make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())), ["empty", "a"]),
    (Sums(), ["a", "c"]),
    (SumsOfWhole(StandardScaler()), ["a", "c"]),
]


@pytest.mark.parametrize(("encoder", "columns"), KNOWN)
def test_a_place_changes_with_its_column_and_no_other(table, encoder, columns):
    frame = table[columns]
    slots = slots_of(encoder, frame)
    before = encoder.transform(frame)
    assert slots.shape == before.shape[1:]
    for i, column in enumerate(columns):
        after = encoder.transform(frame.assign(**{column: frame[column].to_numpy()[::-1]}))
        changed = ~np.isclose(before.astype(float), after.astype(float), equal_nan=True).all(axis=0)
        np.testing.assert_array_equal(changed, slots == i)


@pytest.mark.filterwarnings("ignore:Skipping features")
@pytest.mark.parametrize(("encoder", "columns"), UNKNOWN)
def test_what_is_not_known_is_said(table, encoder, columns):
    assert (slots_of(encoder, table[columns]) == -1).all()
