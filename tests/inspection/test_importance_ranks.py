"""Importance of known inputs: `make_listings` and `make_prices` say which inputs matter, and how much."""

import numpy as np
import pandas as pd
import pytest

from skmulti import MultiInputClassifier, MultiInputRegressor, input_importance
from skmulti.datasets import make_listings, make_prices

pytestmark = pytest.mark.long


TRAINING, HELD = slice(0, 1600), slice(1600, None)


@pytest.fixture(scope="module")
def listings():
    """A classifier that has learned the listings, and rows that it has not seen."""
    df, y = make_listings(2000, random_state=0, size=(8, 8))
    return MultiInputClassifier(random_state=0).fit(df[TRAINING], y[TRAINING]), df[HELD], y[HELD]


@pytest.mark.parametrize("method", ["permutation", "missing"])
def test_all_five_inputs_of_the_listings_matter_alike(listings, method):
    est, df, y = listings
    found = input_importance(est, df, y, method=method, random_state=0)
    mean = found.importances_mean

    assert set(found.names) == set(est.router_.specs_)
    # One input that is not known lets the best accuracy fall from 0.989 to 0.808, whichever it is.
    assert (mean > 0.05).all()
    assert mean.max() < 2.5 * mean.min()
    assert (mean > 3 * found.importances_std).all()


def test_columns_of_the_prices_rank_as_their_formula_says():
    df, y = make_prices(2000, random_state=0, size=(8, 8))
    est = MultiInputRegressor(random_state=0).fit(df[TRAINING], y[TRAINING])
    found = input_importance(est, df[HELD], y[HELD], by="column", random_state=0)
    mean = pd.Series(found.importances_mean, found.names)

    # Shares of the variance: area 0.37 (with age), city 0.23, description and photo 0.18 each; the others none.
    assert mean.idxmax() == "area"
    assert set(mean.nlargest(4).index) == {"area", "city", "description", "photo"}
    np.testing.assert_allclose(mean[["heating", "trace"]], 0, atol=0.02)
    assert mean["age"] < mean[["area", "city", "description", "photo"]].min()
